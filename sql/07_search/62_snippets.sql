-- What a hit shows of its text: the passage with the most words of the question, marked. ts_headline is not used, because it reads a
-- text with PostgreSQL's own parser, and cuts off how the text begins and its full stop.

create or replace function search.matching_forms(content text, terms text[], config regconfig) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Most words are one part of ASCII letters or digits. These are not spelt out, because that takes many times as long.
  v_plain_word constant text := '^(?:[A-Za-z][a-z]*|[A-Z]+|[0-9]+)$';
  v_dictionary constant regdictionary := knowledge.ascii_dictionary(matching_forms.config);
  v_words text[] := array(select distinct m[1] from regexp_matches(matching_forms.content, knowledge.word_pattern(), 'g') as m);
  v_forms text[] := array(select w from unnest(v_words) w where w ~ v_plain_word and ts_lexize(v_dictionary, w) && matching_forms.terms);
  v_word text;
begin
  foreach v_word in array v_words loop
    if v_word !~ v_plain_word and tsvector_to_array(knowledge.term_vector(matching_forms.config, v_word)) && matching_forms.terms then
      v_forms := v_forms || v_word;
    end if;
  end loop;
  return v_forms || array(select t from unnest(matching_forms.terms) t where knowledge.has_characters(t));
end
$$;
comment on function search.matching_forms is
  'The words of a text, as they are written there, that have one of the terms; and the terms of scripts without spaces.';

create or replace function search.mark_words(content text, forms text[]) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- The longest form that fits is marked. What stands next to each other is marked as one.
  select case when cardinality(mark_words.forms) = 0 then content else
    replace(regexp_replace(content, '(?:' || string_agg(
      case when knowledge.has_characters(f) then f else format('(?<!%1$s)%2$s(?!%1$s)', knowledge.letter_pattern(), f) end, '|') || ')', e'\x02\\&\x03', 'g'), e'\x03\x02', '')
  end
    from unnest(mark_words.forms) f;
$$;
comment on function search.mark_words is
  'A text with the control characters U+0002 and U+0003 around these words.';

create or replace function search.best_passage(marked text, out first_character int, out last_character int)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_length constant int := 300;
  -- How much is shown before the first marked word at most.
  v_lead constant int := 80;
  v_best int;
  v_before text;
begin
  first_character := 1;
  last_character := length(best_passage.marked);
  if last_character <= v_length then
    return;
  end if;
  -- where most marked words are within one passage, and of several such places the first
  select m.place into v_best
    from (
      select m.place, count(*) over (order by m.place range between current row and v_length - v_lead following) as marks
        from (
          select (sum(length(p.part) + 1) over (order by p.n))::int as place, p.n
            from string_to_table(best_passage.marked, e'\x02') with ordinality as p (part, n)) m
       where m.place <= length(best_passage.marked)) m
   order by m.marks desc, m.place limit 1;
  if coalesce(v_best, 1) > v_lead then
    -- It begins after the last end of a sentence before that place, or else after a space.
    v_before := substr(best_passage.marked, v_best - v_lead, v_lead);
    first_character := v_best - length(coalesce(
      substring(v_before from '^.*(?:[.!?]\s+|[。！？؟।]\s*)(.*)$'), substring(v_before from '\s(.*)$'), v_before));
  end if;
  if last_character - first_character >= v_length then
    last_character := first_character - 1 + length(coalesce(
      substring(substr(best_passage.marked, first_character, v_length) from '^(.*\S)\s'),
      substr(best_passage.marked, first_character, v_length)));
  end if;
end
$$;
comment on function search.best_passage is
  'The part of a marked text, some 300 characters, that has the most marked words. A shorter text is shown whole.';

create or replace function search.snippet(content text, terms text[], config regconfig) returns text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_content text := translate(snippet.content, e'\x02\x03', '');
  v_marked text := search.mark_words(v_content, search.matching_forms(v_content, snippet.terms, snippet.config));
  v_passage record := search.best_passage(v_marked);
  v_shown text := substr(v_marked, v_passage.first_character, v_passage.last_character - v_passage.first_character + 1);
begin
  -- A word that the border of the passage cuts is marked as far as it is shown.
  v_shown := case when v_shown ~ e'^[^\x02]*\x03' then e'\x02' else '' end || v_shown
    || case when v_shown ~ e'\x02[^\x03]*$' then e'\x03' else '' end;
  -- The text is escaped before the marks become HTML, so that a document cannot bring HTML of its own into a page.
  v_shown := replace(replace(replace(v_shown, '&', '&amp;'), '<', '&lt;'), '>', '&gt;');
  return case when v_passage.first_character > 1 then '… ' else '' end
    || replace(replace(v_shown, e'\x02', '<mark>'), e'\x03', '</mark>')
    || case when v_passage.last_character < length(v_marked) then ' …' else '' end;
end
$$;
comment on function search.snippet is
  'The part of a text that shows the words with these terms, as HTML: the text is escaped, and the words are in <mark>.';

-- What a hit shows of its text: the passage with the most words of the question, marked. ts_headline is not used, because it reads a
-- text with PostgreSQL's own parser, and cuts off how the text begins and its full stop.

create or replace function search.mark_words(contents text[], terms text[], configs regconfig[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_word constant text := knowledge.word_pattern();
  -- Most words are one part of ASCII letters or digits. These are not spelt out, because that takes many times as long.
  v_plain_word constant text := '^(?:[A-Za-z][a-z]*|[A-Z]+|[0-9]+)$';
  v_no_letter_before constant text := '(?<!' || knowledge.letter_pattern() || ')';
  v_no_letter_after constant text := '(?!' || knowledge.letter_pattern() || ')';
  v_terms_without_spaces text[] := array(select t from unnest(mark_words.terms) t where knowledge.has_characters(t));
begin
  return (
    with content as materialized (
      select u.n, translate(u.content, e'\x02\x03', '') as content, u.config, knowledge.ascii_dictionary(u.config) as dictionary
        from unnest(mark_words.contents, mark_words.configs) with ordinality as u (content, config, n)
    ), pattern as (
      -- The longest form that fits is marked.
      select c.n, string_agg(f.pattern, '|') as pattern
        from content c
       cross join lateral (
         select v_no_letter_before || w.word || v_no_letter_after as pattern
           from (select distinct m[1] as word from regexp_matches(c.content, v_word, 'g') as m) w
          where case when w.word ~ v_plain_word then ts_lexize(c.dictionary, w.word) && mark_words.terms
                  else tsvector_to_array(knowledge.term_vector(c.config, w.word)) && mark_words.terms end
         union all
         select t from unnest(v_terms_without_spaces) t) f
       group by c.n
    )
    -- What stands next to each other is marked as one.
    select array_agg(coalesce(replace(regexp_replace(c.content, '(?:' || p.pattern || ')', e'\x02\\&\x03', 'g'), e'\x03\x02', ''), c.content)
             order by c.n)
      from content c
      left join pattern p using (n));
end
$$;
comment on function search.mark_words is
  'These texts with the control characters U+0002 and U+0003 around the words that have one of the terms, as the configuration of each text reads them.';

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

create or replace function search.snippets(contents text[], terms text[], configs regconfig[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_marked text;
  v_passage record;
  v_shown text;
  v_snippets text[] := '{}';
begin
  foreach v_marked in array coalesce(search.mark_words(snippets.contents, snippets.terms, snippets.configs), '{}') loop
    v_passage := search.best_passage(v_marked);
    v_shown := substr(v_marked, v_passage.first_character, v_passage.last_character - v_passage.first_character + 1);
    -- A word that the border of the passage cuts is marked as far as it is shown.
    v_shown := case when v_shown ~ e'^[^\x02]*\x03' then e'\x02' else '' end || v_shown
      || case when v_shown ~ e'\x02[^\x03]*$' then e'\x03' else '' end;
    -- The text is escaped before the marks become HTML, so that a document cannot bring HTML of its own into a page.
    v_shown := replace(replace(replace(v_shown, '&', '&amp;'), '<', '&lt;'), '>', '&gt;');
    v_snippets := v_snippets || (case when v_passage.first_character > 1 then '… ' else '' end
      || replace(replace(v_shown, e'\x02', '<mark>'), e'\x03', '</mark>')
      || case when v_passage.last_character < length(v_marked) then ' …' else '' end);
  end loop;
  return v_snippets;
end
$$;
comment on function search.snippets is
  'For each of these texts the part that shows the words with these terms, as HTML: the text is escaped, and the words are in <mark>. A page of hits is one call.';

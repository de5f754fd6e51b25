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

create or replace function search.passage_length() returns int
language sql immutable parallel safe return 300;
comment on function search.passage_length is 'About how many characters of a text a snippet shows.';

create or replace function search.passage_lead() returns int
language sql immutable parallel safe return 80;
comment on function search.passage_lead is 'How many characters a snippet shows before the first marked word at most.';

create or replace function search.best_places(marked text[]) returns int[]
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select array_agg(coalesce(b.place, 1) order by t.n)
      from unnest(best_places.marked) with ordinality as t (text, n)
      left join lateral (
        -- where most marked words are within one passage, and of several such places the first
        select m.place
          from (
            select p.place, count(*) over (
                     order by p.place range between current row and search.passage_length() - search.passage_lead() following) as marks
              from (
                select (sum(length(s.part) + 1) over (order by s.n))::int as place
                  from string_to_table(t.text, e'\x02') with ordinality as s (part, n)) p
             where p.place <= length(t.text)) m
         where length(t.text) > search.passage_length()
         order by m.marks desc, m.place limit 1) b on true);
end
$$;
comment on function search.best_places is
  'For each of these marked texts that are longer than a passage, where the passage with the most marked words has its first; 1 for other texts.';

create or replace function search.passage(marked text, place int, out first_character int, out last_character int)
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_before text;
begin
  first_character := 1;
  last_character := length(passage.marked);
  if last_character <= search.passage_length() then
    return;
  end if;
  if passage.place > search.passage_lead() then
    -- It begins after the last end of a sentence before that place, or else after a space.
    v_before := substr(passage.marked, passage.place - search.passage_lead(), search.passage_lead());
    first_character := passage.place - length(coalesce(
      substring(v_before from '^.*(?:[.!?]\s+|[。！？؟।]\s*)(.*)$'), substring(v_before from '\s(.*)$'), v_before));
  end if;
  if last_character - first_character >= search.passage_length() then
    last_character := first_character - 1 + length(coalesce(
      substring(substr(passage.marked, first_character, search.passage_length()) from '^(.*\S)\s'),
      substr(passage.marked, first_character, search.passage_length())));
  end if;
end
$$;
comment on function search.passage is
  'The part of a marked text, some 300 characters, that shows the marked words from this place on. A shorter text is shown whole.';

create or replace function search.snippets(contents text[], terms text[], configs regconfig[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_texts text[] := search.mark_words(snippets.contents, snippets.terms, snippets.configs);
  v_places int[] := search.best_places(v_texts);
  v_marked text;
  v_passage record;
  v_shown text;
  v_snippets text[] := '{}';
begin
  for i in 1 .. coalesce(cardinality(v_texts), 0) loop
    v_marked := v_texts[i];
    v_passage := search.passage(v_marked, v_places[i]);
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

-- Reading a question. Plain words rank the texts, and not all of them have to occur; "phrases" and title:words must occur;
-- -words must not occur; word* stands for all words that begin like this. A word that no text has is read as the words
-- that are spelt almost like it.

comment on type search.question is 'A question as the index understands it.';
comment on type search.question_token is 'A word, phrase or operator of a question, as it is written.';
comment on type search.question_word is 'A term of a token, as one language reads it.';

create or replace function search.settings()
returns table (k1 double precision, b double precision, title_boost double precision, exact_vector_limit int, log_queries text)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select coalesce((config #>> '{search,k1}')::double precision, 1.2),
           coalesce((config #>> '{search,b}')::double precision, 0.75),
           coalesce((config #>> '{search,titleBoost}')::double precision, 2),
           coalesce((config #>> '{search,exactVectorLimit}')::int, 3000),
           coalesce(config #>> '{search,logQueries}', 'hash')
      from app_public.tenants where id = core.current_tenant_id();
end
$$;
comment on function search.settings is
  'The settings of this tenant''s searches (tenants.config.search), with the defaults filled in.';

create or replace function search.any_term(terms text[]) returns tsquery
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select string_agg(core.tsquery_term(t), ' | ')::tsquery from unnest(any_term.terms) t);
end
$$;
comment on function search.any_term is
  'A query that matches a text with at least one of the terms.';

create or replace function search.prefix(spelt text) returns text
language sql immutable parallel safe
return lower(translate(
  coalesce(substring(spelt, e'[^ ]*[-./\\\\_@:+&\x1d-\x1f] [^ ]+$'), substring(spelt, '[^ ]+$')), e' \x1d\x1e\x1f', ''));
comment on function search.prefix is
  'What the terms that a word* stands for begin with: the last pair of its parts (knowledge.spell_out), or its only part.';

create or replace function search.text_search_configs(source_ids uuid[]) returns regconfig[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    -- A source without documents has its own language. "offset 0": the rows of each source are read by the key.
    select distinct knowledge.text_search_config(coalesce(l.language, s.language, 'en'))
      from search.searchable_sources(text_search_configs.source_ids) s
      left join lateral (
        select l.language from knowledge.source_languages l
         where l.tenant_id = s.tenant_id and l.source_id = s.id
        offset 0) l on true
     order by 1);
end
$$;
comment on function search.text_search_configs is
  'How a question to these sources is read: in the languages of their documents.';

create or replace function search.question_tokens(query text) returns search.question_token[]
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select (t.n, trim(both '"' from t.m[3]), t.m[1] = '-', t.m[2] is not null, t.m[3] like '"%',
            t.m[1] = '' and t.m[3] ~ '^[^"*]+[*]+$')::search.question_token
      from regexp_matches(question_tokens.query, '(-?)(title:)?("[^"]*"|[^\s"]+)', 'gi') with ordinality as t (m, n));
end
$$;
comment on function search.question_tokens is
  'The parts of a question in their order: words, "phrases", title:words, -words and words*.';

create or replace function search.question_words(tokens search.question_token[], configs regconfig[]) returns search.question_word[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  -- All is read by one statement, because starting it takes as long as reading a dozen words.
  return array(
    select (r.number, c.config, l.term, l.place)::search.question_word
      from (
        -- Plain words are read together, because neighbours can be a pair. Of a word* of several parts the last two are the
        -- prefix; the parts before are plain words.
        select 0 as number, string_agg(case when t.is_prefix then regexp_replace(knowledge.spell_out(rtrim(t.text, '*')), '[^ ]+$', '') else t.text end,
                                       ' ' order by t.number) as text
          from unnest(question_words.tokens) t
         where not (t.is_excluded or t.is_title or t.is_phrase) or t.is_prefix
        union all
        select t.number, t.text from unnest(question_words.tokens) t where t.is_excluded or t.is_title or t.is_phrase) r
     cross join unnest(question_words.configs) as c (config)
     cross join lateral knowledge.terms(c.config, r.text, is_question => true) l
     where r.text is not null);
end
$$;
comment on function search.question_words is
  'The terms of a question, token by token, as each of the languages reads them.';

create or replace function search.read_conditions(
  tokens search.question_token[], words search.question_word[], out text_filter tsquery, out conditions search.condition[]
)
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  with place as (
    -- The terms of one place must stand in one place of the text. Places that have no term, because they have a stop word, count.
    select t.number, t.is_excluded, t.is_title, w.config, w.place,
           array_agg(distinct w.term) as terms,
           string_agg(core.tsquery_term(w.term) || case when t.is_title then ':A' else '' end, ' & ' order by w.term collate "C") as query,
           w.place - lag(w.place) over (partition by t.number, w.config order by w.place) as distance
      from unnest(read_conditions.words) w
      join unnest(read_conditions.tokens) t on t.number = w.token_number
     group by t.number, t.is_excluded, t.is_title, w.config, w.place
  ), reading as (
    -- Each text is indexed in the language of its document, so it is enough that the words match as one language reads them.
    select distinct p.number, p.is_excluded, p.is_title, search.array_concat(p.terms order by p.place) as terms,
           -- The words of the title have weight A (knowledge.search_vector); where in the title they stand does not count.
           string_agg(case when p.distance is null then '' when p.is_title then ' & ' else format(' <%s> ', p.distance) end
             || '(' || p.query || ')', '' order by p.place) as query
      from place p
     group by p.number, p.is_excluded, p.is_title, p.config
  )
  select string_agg(case when c.is_excluded then '!' else '' end || '(' || c.query || ')', ' & ')::tsquery,
         search.array_concat(c.readings)
    into text_filter, conditions
    from (
      select r.number, r.is_excluded, string_agg('(' || r.query || ')', ' | ') as query,
             -- Whether a text has several excluded words one after the other, or one in its title, its terms do not tell.
             array_agg((r.number, array(select distinct u from unnest(r.terms) u), r.is_excluded)::search.condition)
               filter (where not r.is_excluded or cardinality(r.terms) = 1 and not r.is_title) as readings
        from reading r
       group by r.number, r.is_excluded) c;
end
$$;
comment on function search.read_conditions is
  'What a text must match to meet the conditions of a question, and what follows of it for the terms of the text. Conditions of which only stop words remain are none. Null when there is none.';

create or replace function search.read_terms(
  tokens search.question_token[], words search.question_word[], title_boost double precision,
  out terms text[], out weights double precision[], out written_as text[]
)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  select array_agg(f.term order by f.term collate "C"), array_agg(f.weight order by f.term collate "C"),
         array_agg(f.written_as order by f.term collate "C")
    into terms, weights, written_as
    from (
      select coalesce(p.term, s.term) as term, coalesce(p.frequency, 0) + coalesce(s.weight, 0) as weight,
             case when p.term is null then s.written_as end as written_as
        from (
          -- A plain word that the question has twice counts twice.
          select c.term, max(c.frequency) as frequency
            from (select w.config, w.term, count(*) as frequency
                    from unnest(read_terms.words) w where w.token_number = 0 group by w.config, w.term) c
           group by c.term) p
        full join (
          -- Of other words the largest weight counts.
          select u.term, max(u.weight) as weight, (array_agg(u.written_as order by u.number desc))[1] as written_as
            from (
              select w.term, case when t.is_title then read_terms.title_boost else 1 end as weight, t.number, null as written_as
                from unnest(read_terms.words) w
                join unnest(read_terms.tokens) t on t.number = w.token_number and not (t.is_excluded or t.is_prefix)
              union all
              select v.term, 1, t.number, t.text
                from (select t.number, t.text from unnest(read_terms.tokens) t where t.is_prefix) t
               cross join lateral unnest(search.terms_with_prefix(search.prefix(knowledge.spell_out(rtrim(t.text, '*'))))) as v (term)) u
           group by u.term) s on s.term = p.term) f;
end
$$;
comment on function search.read_terms is
  'The terms that rank, how much each counts, and the word* that a term stands for. Null when there are none.';

create or replace function search.correct_spelling(question search.question) returns search.question
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_question search.question := question;
  v_unknown_terms text[] := search.unknown_terms(v_question.terms);
begin
  if cardinality(v_unknown_terms) > 0 then
    select array_agg(f.term order by f.term collate "C"), array_agg(f.weight order by f.term collate "C"),
           array_agg(f.written_as order by f.term collate "C")
      into v_question.terms, v_question.weights, v_question.written_as
      from (
        select u.term, u.weight, u.written_as
          from unnest(v_question.terms, v_question.weights, v_question.written_as) as u (term, weight, written_as)
        union all
        select * from (
          select distinct on (s.similar_term) s.similar_term, s.similarity, u
            from unnest(v_unknown_terms) as u, search.similar_terms(u) s
           where s.similar_term <> all (v_question.terms)
           order by s.similar_term, s.similarity desc, u) s) f;
  end if;
  return v_question;
end
$$;
comment on function search.correct_spelling is
  'Adds to a question, for each word that no text of this tenant has, the words that are spelt almost like it; each counts as much as it is similar.';

create or replace function search.parse_question(
  query text, source_ids uuid[], title_boost double precision default 1, corrects_spelling boolean default true
) returns search.question
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_largest_term_count constant int := 1024;
  v_question search.question;
  v_tokens search.question_token[] := search.question_tokens(parse_question.query);
  v_words search.question_word[] := search.question_words(v_tokens, search.text_search_configs(parse_question.source_ids));
begin
  v_question.plain := coalesce((
    select trim(string_agg(rtrim(t.text, '*'), ' ' order by t.number)) from unnest(v_tokens) t where not t.is_excluded), '');
  if exists (select from unnest(v_tokens) t where t.is_excluded or t.is_title or t.is_phrase) then
    select c.text_filter, c.conditions into v_question.text_filter, v_question.conditions
      from search.read_conditions(v_tokens, v_words) c;
  end if;
  select t.terms, t.weights, t.written_as into v_question.terms, v_question.weights, v_question.written_as
    from search.read_terms(v_tokens, v_words, parse_question.title_boost) t;
  if parse_question.corrects_spelling then
    v_question := search.correct_spelling(v_question);
  end if;
  if cardinality(v_question.terms) > v_largest_term_count then
    perform core.raise_error('SR416', 'The query stands for more than 1,024 different words.',
      'Search for the most important words. A word* counts as all the words that it stands for.');
  end if;
  return v_question;
end
$$;
comment on function search.parse_question is
  E'@errors SR416\nReads a question in every language of the sources that are searched. corrects_spelling also searches words that are spelt almost like a word that no text has; it must be false for sources of another tenant, because the correction would tell which words that tenant''s other texts have. terms is null when the question has only stop words or exclusions.';

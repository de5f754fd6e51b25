-- What a question says. Bare words rank and need not all occur; "phrases" and title:words must; -words must not; word*
-- stands for the words that begin so. A word that nothing has is read as the words that are spelt almost like it.

comment on type search.question is 'A question as it is searched for.';

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
  'How this tenant searches (tenants.config.search), with the defaults filled in.';

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
  'A query that a text with at least one of the terms matches.';

create or replace function search.unmerged_terms() returns setof text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    -- after a large load the latest are enough to read words from
    select distinct l.lexeme
      from search.chunks(array(
             select chunk_id from search.changes
              where tenant_id = core.current_tenant_id() and kind = 'added'
              order by chunk_id desc limit 2000)) c,
           unnest(c.content_tsvector) l;
end
$$;
comment on function search.unmerged_terms is
  'The vocabulary of the chunks that no block has yet.';

create or replace function search.terms_with_prefix(prefix text) returns text[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select array(
    select term from (
      select t.term from search.terms t
       where t.tenant_id = core.current_tenant_id()
         and t.term >= terms_with_prefix.prefix collate "C" and t.term < (terms_with_prefix.prefix || chr(1114111)) collate "C"
      union
      select u from search.unmerged_terms() u where starts_with(u, terms_with_prefix.prefix)
    ) found
    -- the nearest to what was typed
    order by length(term), term collate "C" limit 64);
$$;
comment on function search.terms_with_prefix is
  'The 64 shortest words of the vocabulary that begin so.';

create or replace function search.unknown_terms(terms text[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_unmerged_ids bigint[] := search.unmerged_chunk_ids();
begin
  return (
    select array(
      select t from unnest(unknown_terms.terms) t
       where length(t) between 4 and 40 and t !~ '[0-9]'
         and not exists (
           select from search.terms v where v.tenant_id = core.current_tenant_id() and v.term = t collate "C")
         and not exists (
           select from search.chunks(v_unmerged_ids) c
            where c.content_tsvector @@ core.tsquery_term(t)::tsquery)));
end
$$;
comment on function search.unknown_terms is
  'Those of the words, of 4 to 40 letters, that this tenant''s texts do not have.';

create or replace function search.similar_terms(term text) returns table (similar_term text, similarity double precision)
language sql stable
set search_path to pg_catalog, public, pg_temp
as $$
  select term, similarity
    from (
      select v.similar_term as term, v.similarity from search.similar_vocabulary(similar_terms.term) v
      union
      select u, similarity(u, similar_terms.term)::double precision
        from search.unmerged_terms() u
       where u % similar_terms.term and length(u) between 4 and 40 and u !~ '[0-9]'
    ) found
   where similarity >= 0.4
   order by similarity desc, term limit 3;
$$;
comment on function search.similar_terms is
  'Up to three words of the vocabulary that share at least 0.4 of their trigrams with this one.';

create or replace function search.parse_question(
  query text, source_ids uuid[], title_boost double precision default 1, reads_misspelt boolean default true
) returns search.question
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_question search.question;
  v_configs regconfig[] := array(
    select distinct knowledge.text_search_config(s.language) from search.searchable_sources(parse_question.source_ids) s order by 1);
  v_config regconfig;
  v_token record;
  v_reading tsquery;
  v_condition tsquery;
  v_bare text := '';
  v_known jsonb := '{}';
  v_unknown text[];
begin
  v_question.plain := '';
  for v_token in
    select m[1] = '-' as is_excluded, m[2] is not null as is_title, trim(both '"' from m[3]) as text,
           m[3] like '"%' as is_phrase, m[3] ~ '^[^"*]+[*]+$' as is_prefix
      from regexp_matches(parse_question.query, '(-?)(title:)?("[^"]*"|[^\s"]+)', 'gi') as m
  loop
    v_condition := null;
    if v_token.is_excluded or v_token.is_title or v_token.is_phrase then
      -- a text is read in its source's language, so it is enough that one reading matches
      foreach v_config in array v_configs loop
        v_reading := search.text_condition(v_config, v_token.text, v_token.is_title);
        v_condition := coalesce(v_condition || v_reading, v_reading);
      end loop;
      if numnode(v_condition) > 0 then
        v_condition := case when v_token.is_excluded then !!v_condition else v_condition end;
        v_question.text_filter := coalesce(v_question.text_filter && v_condition, v_condition);
      end if;
    end if;
    if v_token.is_excluded then
      continue;
    end if;

    v_question.plain := v_question.plain || ' ' || rtrim(v_token.text, '*');
    if v_token.is_prefix then
      v_known := search.with_terms(v_known, search.terms_with_prefix(lower(rtrim(v_token.text, '*'))), 1, v_token.text);
    elsif v_token.is_title or v_token.is_phrase then
      foreach v_config in array v_configs loop
        v_known := search.with_terms(v_known, tsvector_to_array(to_tsvector(v_config, v_token.text)),
                                          case when v_token.is_title then parse_question.title_boost else 1 end, null);
      end loop;
    else
      v_bare := v_bare || ' ' || v_token.text;
    end if;
  end loop;

  -- a word said twice counts twice
  select v_known || coalesce(jsonb_object_agg(
           w.term, jsonb_build_object('weight', coalesce((v_known #>> array[w.term, 'weight'])::double precision, 0) + w.frequency)), '{}')
    into v_known
    from (select l.lexeme as term, max(cardinality(l.positions)) as frequency
            from unnest(v_configs) as c (config), unnest(to_tsvector(c.config, v_bare)) as l group by l.lexeme) w;
  if parse_question.reads_misspelt then
    v_unknown := search.unknown_terms(array(select jsonb_object_keys(v_known)));
  end if;
  select v_known || coalesce(jsonb_object_agg(s.similar_term, jsonb_build_object('weight', s.similarity, 'writtenAs', s.unknown)), '{}')
    into v_known
    from (select distinct on (s.similar_term) s.similar_term, s.similarity, u as unknown
            from unnest(v_unknown) as u, search.similar_terms(u) s
           where not v_known ? s.similar_term
           order by s.similar_term, s.similarity desc, u) s;

  select array_agg(e.key order by e.key collate "C"),
         array_agg((e.value ->> 'weight')::double precision order by e.key collate "C"),
         array_agg(e.value ->> 'writtenAs' order by e.key collate "C")
    into v_question.terms, v_question.weights, v_question.written_as
    from jsonb_each(v_known) e;
  if cardinality(v_question.terms) > 1024 then
    perform core.raise_error('SR416', 'The query stands for more than 1,024 different words.', 'Search for its essential words; a prefix* counts as all the words it stands for.');
  end if;
  v_question.plain := trim(v_question.plain);
  return v_question;
end
$$;
comment on function search.parse_question is
  E'@errors SR416\nReads a question in every language of the sources it goes to. Words that no text has are read as similar ones only where all texts are the asker''s: elsewhere it would tell which words there are. terms is null when it says nothing but stop words or exclusions.';

create or replace function search.text_condition(config regconfig, text text, is_title boolean) returns tsquery
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when text_condition.is_title
    -- the title's words have weight A (knowledge.search_vector)
    then coalesce((
      select string_agg(core.tsquery_term(l.lexeme) || ':A', ' & ')
        from unnest(to_tsvector(text_condition.config, text_condition.text)) l), '')::tsquery
    else phraseto_tsquery(text_condition.config, text_condition.text) end;
$$;
comment on function search.text_condition is
  'What a text in this language must match to have these words, one after the other or in its title; empty for stop words.';

create or replace function search.with_terms(terms jsonb, more text[], weight double precision, written_as text) returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- a term that is there already keeps the larger weight
  select with_terms.terms || coalesce(jsonb_object_agg(t, jsonb_build_object(
           'weight', greatest(with_terms.weight, (with_terms.terms #>> array[t, 'weight'])::double precision), 'writtenAs', with_terms.written_as)), '{}')
    from unnest(with_terms.more) t;
$$;
comment on function search.with_terms is
  'Adds terms to those of a question: {"term": {"weight", "writtenAs"}}.';

-- Reading a question. Plain words rank the texts, and not all of them have to occur; "phrases" and title:words must occur;
-- -words must not occur; word* stands for all words that begin like this. A word that no text has is read as the words
-- that are spelt almost like it.

comment on type search.question is 'A question as the index understands it.';

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

create or replace function search.phrase(config regconfig, words text) returns tsquery
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- The terms of one place must stand in one place of the text. Places that have no term, because they have a stop word, count.
  select coalesce(string_agg(
           case when p.distance is not null then '<' || p.distance || '> ' else '' end || '(' || p.terms || ')', ' ' order by p.place), '')::tsquery
    from (
      select t.place, string_agg(core.tsquery_term(t.term), ' & ') as terms, t.place - lag(t.place) over (order by t.place) as distance
        from knowledge.terms(phrase.config, phrase.words, is_question => true) t
       group by t.place) p;
$$;
comment on function search.phrase is
  'A query that matches a text that has these words one after the other.';

create or replace function search.text_condition(configs regconfig[], text text, is_title boolean) returns tsquery
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_config regconfig;
  v_reading tsquery;
  v_condition tsquery;
begin
  -- Each text is indexed in the language of its document, so it is enough that the words match as one language reads them.
  foreach v_config in array text_condition.configs loop
    v_reading := case when text_condition.is_title
      -- The words of the title have weight A (knowledge.search_vector).
      then coalesce((
        select string_agg(core.tsquery_term(t.term) || ':A', ' & ')
          from knowledge.terms(v_config, text_condition.text, is_question => true) t), '')::tsquery
      else search.phrase(v_config, text_condition.text) end;
    v_condition := coalesce(v_condition || v_reading, v_reading);
  end loop;
  return v_condition;
end
$$;
comment on function search.text_condition is
  'What a text must match to have these words in its title (is_title) or else one after the other, as one of the languages reads them. Empty when the words are stop words in all languages.';

create or replace function search.question_terms(config regconfig, words text) returns table (term text, frequency bigint)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select t.term, count(*) from knowledge.terms(question_terms.config, question_terms.words, is_question => true) t group by t.term;
$$;
comment on function search.question_terms is
  'The terms of words of a question, and how often each occurs.';

-- While a question is read, its terms are kept as {"term": {"weight": …, "writtenAs": …}}.
create or replace function search.add_terms(known jsonb, terms text[], weight double precision, written_as text) returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- A term that is known already keeps the larger weight.
  select add_terms.known || coalesce(jsonb_object_agg(t, jsonb_build_object(
           'weight', greatest(add_terms.weight, (add_terms.known #>> array[t, 'weight'])::double precision), 'writtenAs', add_terms.written_as)), '{}')
    from unnest(add_terms.terms) t;
$$;
comment on function search.add_terms is
  'Adds terms with a weight to those that are known of a question.';

create or replace function search.add_plain_words(known jsonb, words text, configs regconfig[]) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- A word that the question has twice counts twice.
  select add_plain_words.known || coalesce(jsonb_object_agg(
           w.term, jsonb_build_object(
             'weight', coalesce((add_plain_words.known #>> array[w.term, 'weight'])::double precision, 0) + w.frequency)), '{}')
    from (select l.term, max(l.frequency) as frequency
            from unnest(add_plain_words.configs) as c (config), search.question_terms(c.config, add_plain_words.words) as l
           group by l.term) w;
$$;
comment on function search.add_plain_words is
  'Adds the words of a question that have no operator, as each of the languages reads them.';

create or replace function search.add_similar_terms(known jsonb) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_unknown_terms text[] := search.unknown_terms(array(select jsonb_object_keys(add_similar_terms.known)));
begin
  return (
    select add_similar_terms.known
           || coalesce(jsonb_object_agg(s.similar_term, jsonb_build_object('weight', s.similarity, 'writtenAs', s.unknown)), '{}')
      from (select distinct on (s.similar_term) s.similar_term, s.similarity, u as unknown
              from unnest(v_unknown_terms) as u, search.similar_terms(u) s
             where not add_similar_terms.known ? s.similar_term
             order by s.similar_term, s.similarity desc, u) s);
end
$$;
comment on function search.add_similar_terms is
  'Adds, for each word that no text of this tenant has, the words that are spelt almost like it; each counts as much as it is similar.';

create or replace function search.parse_question(
  query text, source_ids uuid[], title_boost double precision default 1, corrects_spelling boolean default true
) returns search.question
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_largest_term_count constant int := 1024;
  v_question search.question;
  v_configs regconfig[] := search.text_search_configs(parse_question.source_ids);
  v_token record;
  v_condition tsquery;
  v_plain_words text := '';
  v_spelt text;
  v_known jsonb := '{}';
begin
  v_question.plain := '';
  for v_token in
    select m[1] = '-' as is_excluded, m[2] is not null as is_title, trim(both '"' from m[3]) as text,
           m[3] like '"%' as is_phrase, m[3] ~ '^[^"*]+[*]+$' as is_prefix
      from regexp_matches(parse_question.query, '(-?)(title:)?("[^"]*"|[^\s"]+)', 'gi') as m
  loop
    if v_token.is_excluded or v_token.is_title or v_token.is_phrase then
      v_condition := search.text_condition(v_configs, v_token.text, v_token.is_title);
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
      -- Of a word of several parts, the last two are the prefix.
      v_spelt := knowledge.spell_out(rtrim(v_token.text, '*'));
      v_plain_words := v_plain_words || ' ' || regexp_replace(v_spelt, '[^ ]+$', '');
      v_known := search.add_terms(v_known, search.terms_with_prefix(search.prefix(v_spelt)), 1, v_token.text);
    elsif v_token.is_title or v_token.is_phrase then
      v_known := search.add_terms(
        v_known, array(select l.term from unnest(v_configs) as c (config), search.question_terms(c.config, v_token.text) l),
        case when v_token.is_title then parse_question.title_boost else 1 end, null);
    else
      v_plain_words := v_plain_words || ' ' || v_token.text;
    end if;
  end loop;

  v_known := search.add_plain_words(v_known, v_plain_words, v_configs);
  if parse_question.corrects_spelling then
    v_known := search.add_similar_terms(v_known);
  end if;

  select array_agg(e.key order by e.key collate "C"),
         array_agg((e.value ->> 'weight')::double precision order by e.key collate "C"),
         array_agg(e.value ->> 'writtenAs' order by e.key collate "C")
    into v_question.terms, v_question.weights, v_question.written_as
    from jsonb_each(v_known) e;
  if cardinality(v_question.terms) > v_largest_term_count then
    perform core.raise_error('SR416', 'The query stands for more than 1,024 different words.',
      'Search for the most important words. A word* counts as all the words that it stands for.');
  end if;
  v_question.plain := trim(v_question.plain);
  return v_question;
end
$$;
comment on function search.parse_question is
  E'@errors SR416\nReads a question in every language of the sources that are searched. corrects_spelling also searches words that are spelt almost like a word that no text has; it must be false for sources of another tenant, because the correction would tell which words that tenant''s other texts have. terms is null when the question has only stop words or exclusions.';

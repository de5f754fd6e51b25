-- Finding resources by words. The idea: PostgreSQL applies policies before operators that might leak, and the operators that
-- match words might, so behind the wall no index of words is used. These functions therefore search outside the wall, with
-- the tenant and the ids that are shared with it in the query, and return nothing but ids and scores.

create or replace function catalog.catalog_query_words(query text) returns table (n int, word text, lexemes tsquery)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    with words as (
      select u.lexeme, tsvector_to_array(to_tsvector('english', u.lexeme)) as stems, min(u.positions[1]) as position
        from unnest(to_tsvector('simple', catalog.catalog_words(catalog_query_words.query))) as u
       group by u.lexeme
    )
    select row_number() over (order by w.position, w.lexeme)::int, w.lexeme,
           (select string_agg(core.tsquery_term(t) || ':*', ' | ') from unnest(w.lexeme || w.stems) as t)::tsquery
      from words w
     -- stop words count only when the query has no other words
     where cardinality(w.stems) > 0 or not exists (select from words o where cardinality(o.stems) > 0);
end
$$;
comment on function catalog.catalog_query_words is
  'The words of a query, each with its lexemes: the words of a text match when they begin with the word or with its English stem.';
grant execute on function catalog.catalog_query_words to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: an index of words is not used behind row level security, because its operators might leak; the query names the tenant and the shared ids itself, and returns ids that search_catalog then reads through the wall
create or replace function catalog.catalog_targets(kinds app_public.resource_kind[]) returns text[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_kind app_public.resource_kind;
  v_shared_ids uuid[];
  v_target constant text := 'select %L::app_public.resource_kind, %%s from %s r where %%s and r.deleted_at is null and r.tenant_id ';
  v_targets text[] := '{}';
begin
  foreach v_kind in array catalog_targets.kinds loop
    v_targets := v_targets || format(v_target || '= %L::uuid', v_kind, catalog.resource_table(v_kind), v_tenant_id);
    v_shared_ids := catalog.shared_resource_ids(v_kind::text);
    if cardinality(v_shared_ids) > 0 then
      v_targets := v_targets || format(v_target || '<> %L::uuid and r.id = any (%L::uuid[])',
        v_kind, catalog.resource_table(v_kind), v_tenant_id, v_shared_ids);
    end if;
  end loop;
  return v_targets;
end
$$;
comment on function catalog.catalog_targets is
  'The SQL queries that together read the catalogue of the request: for each kind one over the tenant''s own rows r and, when there are any, one over the shared rows. Each has two placeholders, for the selected columns and for the condition.';

create or replace function catalog.catalog_query(targets text[], selected text, conditions text[]) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select string_agg(format(target, selected, array_to_string(conditions, ' and ')), ' union all ') from unnest(targets) as target;
$$;
comment on function catalog.catalog_query is
  'Joins the queries of catalog_targets to one that selects these columns of the rows that meet all conditions.';

create or replace function catalog.catalog_word_conditions(
  query text, out words text[], out conditions text[], out scores text[])
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_word record;
  v_tagged_ids uuid[];
begin
  words := '{}';
  conditions := '{}';
  -- a resource whose whole name is the query is the best match
  scores := array[
    format('case when %1$L in (lower(r.name), lower(r.display_name)) then 1 else 0 end', lower(trim(catalog_word_conditions.query)))];
  for v_word in select q.word, q.lexemes from catalog.catalog_query_words(catalog_word_conditions.query) q order by q.n loop
    v_tagged_ids := array(
      select a.item_id from app_public.tags t
        join app_public.tag_assignments a on a.tenant_id = t.tenant_id and a.tag_id = t.id
       where t.tenant_id = core.current_tenant_id() and to_tsvector('simple', catalog.catalog_words(t.name)) @@ v_word.lexemes);
    words := words || v_word.word;
    conditions := conditions || format('(r.search_vector @@ %L::tsquery%s)', v_word.lexemes,
      case when cardinality(v_tagged_ids) > 0 then format(' or r.id = any (%L::uuid[])', v_tagged_ids) else '' end);
    -- the weights of tags and categories, description, display name, and name
    scores := scores || format('ts_rank(''{0.1, 0.2, 0.6, 1}'', r.search_vector, %L::tsquery)', v_word.lexemes);
    if cardinality(v_tagged_ids) > 0 then
      scores := scores || format('case when r.id = any (%L::uuid[]) then 0.1 else 0 end', v_tagged_ids);
    end if;
  end loop;
end
$$;
comment on function catalog.catalog_word_conditions is
  'The words of a query, the SQL condition that a row r has each of them, and the SQL expressions whose sum is the row''s score.';

create or replace function catalog.catalog_matches(query text, kinds app_public.resource_kind[])
returns table (kind app_public.resource_kind, id uuid, score double precision)
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
set jit to off
as $$
#variable_conflict use_column
declare
  v_targets constant text[] := catalog.catalog_targets(catalog_matches.kinds);
  v_shortest_corrected constant int := 4;
  v_words text[];
  v_conditions text[];
  v_scores text[];
  v_is_known boolean;
  v_are_known boolean := true;
begin
  select w.words, w.conditions, w.scores into v_words, v_conditions, v_scores
    from catalog.catalog_word_conditions(catalog_matches.query) w;
  if core.current_tenant_id() is null or cardinality(v_words) = 0 or cardinality(v_targets) = 0 then
    return;
  end if;

  return query execute catalog.catalog_query(
    v_targets, format('r.id, (%s)::double precision', array_to_string(v_scores, ' + ')), v_conditions);
  if found then
    return;
  end if;

  -- no resource has all the words: search for names that are spelt like those words that no resource has at all
  for v_i in 1 .. cardinality(v_words) loop
    continue when length(v_words[v_i]) < v_shortest_corrected;
    execute format('select exists (%s)', catalog.catalog_query(v_targets, '1', array[v_conditions[v_i]])) into v_is_known;
    if not v_is_known then
      v_are_known := false;
      v_conditions[v_i] := format('%L <%% catalog.catalog_label(r.name, r.display_name)', v_words[v_i]);
      v_scores := v_scores || format('word_similarity(%L, catalog.catalog_label(r.name, r.display_name)) / 2', v_words[v_i]);
    end if;
  end loop;
  if v_are_known then
    return;
  end if;
  -- the least similarity for the operator <%, until the end of the transaction; only this search uses the operator
  perform set_config('pg_trgm.word_similarity_threshold', '0.4', true);
  return query execute catalog.catalog_query(
    v_targets, format('r.id, (%s)::double precision', array_to_string(v_scores, ' + ')), v_conditions);
end
$$;
comment on function catalog.catalog_matches is
  'The ids and scores of the resources, this tenant''s own and shared ones, that have all the words of a query. A word that no resource has matches names whose trigrams are at least 0.4 similar to it.';
grant execute on function catalog.catalog_matches to rowhouse_user;

set local role rowhouse_owner;

-- Finding resources by words. The idea: PostgreSQL applies policies before operators that might leak, and the operators that
-- match words might, so behind the wall no index of words is used. These functions therefore search outside the wall, with
-- the tenant and the ids that are shared with it in the query, and return nothing but ids and scores.

create or replace function catalog.catalog_query_words(query text) returns table (n int, word text, lexemes tsquery, beginnings tsquery)
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
           (select string_agg(core.tsquery_term(t), ' | ') from unnest(w.lexeme || w.stems) as t)::tsquery,
           (select string_agg(core.tsquery_term(t) || ':*', ' | ') from unnest(w.lexeme || w.stems) as t)::tsquery
      from words w
     -- stop words count only when the query has no other words
     where cardinality(w.stems) > 0 or not exists (select from words o where cardinality(o.stems) > 0);
end
$$;
comment on function catalog.catalog_query_words is
  'The words of a query, each with its lexemes, which are the word and its English stem, and with what matches all that begins with one of them.';
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
  query text, out words text[], out whole text[], out conditions text[], out scores text[])
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_word record;
  v_tagged_ids uuid[];
  v_tagged text;
begin
  words := '{}';
  whole := '{}';
  conditions := '{}';
  -- a resource whose whole name is the query is the best match
  scores := array[
    format('case when %1$L in (lower(r.name), lower(r.display_name)) then 1 else 0 end', lower(trim(catalog_word_conditions.query)))];
  for v_word in
    select q.word, q.lexemes, q.beginnings from catalog.catalog_query_words(catalog_word_conditions.query) q order by q.n
  loop
    v_tagged_ids := array(
      select a.item_id from app_public.tags t
        join app_public.tag_assignments a on a.tenant_id = t.tenant_id and a.tag_id = t.id
       where t.tenant_id = core.current_tenant_id() and to_tsvector('simple', catalog.catalog_words(t.name)) @@ v_word.beginnings);
    v_tagged := case when cardinality(v_tagged_ids) > 0 then format(' or r.id = any (%L::uuid[])', v_tagged_ids) else '' end;
    words := words || v_word.word;
    whole := whole || format('(r.search_vector @@ %L::tsquery%s)', v_word.lexemes, v_tagged);
    conditions := conditions || format('(r.search_vector @@ %L::tsquery%s)', v_word.beginnings, v_tagged);
    -- the weights of tags and categories, description, display name, and name
    scores := scores || format('ts_rank(''{0.1, 0.2, 0.6, 1}'', r.search_vector, %L::tsquery)', v_word.beginnings);
    if cardinality(v_tagged_ids) > 0 then
      scores := scores || format('case when r.id = any (%L::uuid[]) then 0.1 else 0 end', v_tagged_ids);
    end if;
  end loop;
end
$$;
comment on function catalog.catalog_word_conditions is
  'The words of a query, the SQL condition that a row r has each of them as a whole word, the condition that it has each as the beginning of one, and the SQL expressions whose sum is the row''s score.';

-- PostgreSQL evaluates what is selected only for the rows within the limit, so no more than these are ranked.
create or replace function catalog.ranked_query(targets text[], conditions text[], scores text[], most int) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select format('%s limit %s', catalog.catalog_query(
    targets, format('r.id, (%s)::double precision', array_to_string(scores, ' + ')), conditions), coalesce(most::text, 'all'));
$$;
comment on function catalog.ranked_query is
  'The SQL query for the kind, id and score of the rows that meet all conditions; when most is given, for so many of them.';

create or replace function catalog.misspelt_conditions(
  targets text[], words text[], inout conditions text[], inout scores text[], out has_misspelt boolean)
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_shortest_corrected constant int := 4;
  v_is_known boolean;
begin
  has_misspelt := false;
  for v_i in 1 .. cardinality(words) loop
    continue when length(words[v_i]) < v_shortest_corrected;
    execute format('select exists (%s)', catalog.catalog_query(targets, '1', array[conditions[v_i]])) into v_is_known;
    if not v_is_known then
      has_misspelt := true;
      conditions[v_i] := format('%L <%% catalog.catalog_label(r.name, r.display_name)', words[v_i]);
      scores := scores || format('word_similarity(%L, catalog.catalog_label(r.name, r.display_name)) / 2', words[v_i]);
    end if;
  end loop;
end
$$;
comment on function catalog.misspelt_conditions is
  'The conditions and scores of a query in which each word that no resource has matches the names that are spelt like it, and whether there is such a word.';

create or replace function catalog.catalog_matches(query text, kinds app_public.resource_kind[], most int default null)
returns table (kind app_public.resource_kind, id uuid, score double precision)
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
set jit to off
as $$
#variable_conflict use_column
declare
  v_targets constant text[] := catalog.catalog_targets(catalog_matches.kinds);
  v_words record;
  v_misspelt record;
  v_kinds app_public.resource_kind[];
  v_ids uuid[];
  v_scores double precision[];
begin
  select * into v_words from catalog.catalog_word_conditions(catalog_matches.query) w;
  if core.current_tenant_id() is null or cardinality(v_words.words) = 0 or cardinality(v_targets) = 0 then
    return;
  end if;

  if most is not null then
    -- A whole word is found several times faster than a beginning, and ranks before it. So the whole words alone will do
    -- when they are in more resources than are asked for.
    execute format('select array_agg(f.kind), array_agg(f.id), array_agg(f.score) from (%s) as f (kind, id, score)',
      catalog.ranked_query(v_targets, v_words.whole, v_words.scores, most)) into v_kinds, v_ids, v_scores;
    if cardinality(v_ids) = most then
      return query select * from unnest(v_kinds, v_ids, v_scores);
      return;
    end if;
  end if;
  return query execute catalog.ranked_query(v_targets, v_words.conditions, v_words.scores, most);
  if found then
    return;
  end if;

  -- no resource has all the words: search for names that are spelt like those words that no resource has at all
  v_misspelt := catalog.misspelt_conditions(v_targets, v_words.words, v_words.conditions, v_words.scores);
  if not v_misspelt.has_misspelt then
    return;
  end if;
  -- the least similarity for the operator <%, until the end of the transaction; only this search uses the operator
  perform set_config('pg_trgm.word_similarity_threshold', '0.4', true);
  return query execute catalog.ranked_query(v_targets, v_misspelt.conditions, v_misspelt.scores, most);
end
$$;
comment on function catalog.catalog_matches is
  'The ids and scores of the resources, this tenant''s own and shared ones, that have all the words of a query; when most is given, of so many of them. A word that no resource has matches names whose trigrams are at least 0.4 similar to it.';
grant execute on function catalog.catalog_matches to rowhouse_user;

set local role rowhouse_owner;

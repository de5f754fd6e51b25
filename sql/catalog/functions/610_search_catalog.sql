-- Searching the catalogue. The words are looked up outside the wall (app_hidden.catalog_matches), because no index of words
-- can be asked from behind it; what is found is then read as any list is, through the wall, which has the last word.

create or replace function app_private.catalog_question(query text) returns table (n int, word text, lexemes tsquery)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    with words as (
      select u.lexeme, tsvector_to_array(to_tsvector('english', u.lexeme)) as stems, min(u.positions[1]) as position
        from unnest(to_tsvector('simple', app_hidden.catalog_words(catalog_question.query))) as u
       group by u.lexeme
    )
    select row_number() over (order by w.position, w.lexeme)::int, w.lexeme,
           (select string_agg(app_private.tsquery_term(t) || ':*', ' | ') from unnest(w.lexeme || w.stems) as t)::tsquery
      from words w
     -- a stop word counts where there is nothing else to go by
     where cardinality(w.stems) > 0 or not exists (select from words o where cardinality(o.stems) > 0);
end
$$;
comment on function app_private.catalog_question(text) is
  'The words of a question, each with what it is looked up as: whatever begins with the word or with its English stem.';
grant execute on function app_private.catalog_question(text) to rowhouse_platform;

create or replace function app_hidden.check_catalog_search(
  query text, "limit" int, skip int, tiers int[], statuses text[], longest_filter int
) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if length(check_catalog_search.query) > 200 then
    perform app_private.raise_error('RS471', 'The query is longer than 200 characters.', 'Search for its essential words.');
  elsif coalesce(check_catalog_search."limit" not between 1 and 100, true) then
    perform app_private.raise_error('RS472', 'limit must be from 1 to 100.', 'Ask for pages, by skip.');
  elsif coalesce(check_catalog_search.skip not between 0 and 9000, true) then
    perform app_private.raise_error('RS473', 'skip must be from 0 to 9000.', 'Nobody reads that far: narrow the search.');
  elsif check_catalog_search.longest_filter > 50 then
    perform app_private.raise_error('RS474', 'A filter has more than 50 values.', 'Leave the filter out, or name fewer.');
  elsif not coalesce(check_catalog_search.tiers, '{}') <@ array[1, 2, 3] then
    perform app_private.raise_error('RS474', 'tiers has a value that is no tier.', 'Tiers are 1, 2 and 3.');
  elsif not coalesce(check_catalog_search.statuses, '{}') <@ enum_range(null::app_public.agent_status_enum)::text[] then
    perform app_private.raise_error('RS474', 'statuses has a value that is no status.',
      'They are active, inactive, draft, archived and deprecated.');
  end if;
end
$$;
comment on function app_hidden.check_catalog_search(text, int, int, int[], text[], int) is
  'Refuses arguments that are out of range: RS471 to RS474.';
grant execute on function app_hidden.check_catalog_search(text, int, int, int[], text[], int) to rowhouse_user;

-- Runs as the caller: everything it reads, it reads through the wall.
create or replace function app_public.search_catalog(
  query text default null,
  kinds app_public.resource_kind[] default null,
  categories text[] default null,
  therapeutic_areas text[] default null,
  compliance_frameworks text[] default null,
  tiers int[] default null,
  statuses text[] default null,
  tags text[] default null,
  "limit" int default 20,
  skip int default 0
) returns app_public.catalog_search_result
language plpgsql stable
set search_path to pg_catalog, pg_temp
set jit to off
-- a filter that is not given costs nothing only in a plan that knows it is not
set plan_cache_mode to force_custom_plan
as $$
declare
  v_query constant text := case when search_catalog.query ~ '\S' then trim(search_catalog.query) end;
  v_kinds constant app_public.resource_kind[] := coalesce(nullif(search_catalog.kinds, '{}'), enum_range(null::app_public.resource_kind));
  v_categories constant text[] := nullif(search_catalog.categories, '{}');
  v_areas constant text[] := nullif(search_catalog.therapeutic_areas, '{}');
  v_frameworks constant text[] := nullif(search_catalog.compliance_frameworks, '{}');
  v_tiers constant int[] := nullif(search_catalog.tiers, '{}');
  v_statuses constant text[] := nullif(search_catalog.statuses, '{}');
  v_tags constant text[] := nullif(search_catalog.tags, '{}');
  v_ids uuid[];
  v_scores double precision[];
  v_result app_public.catalog_search_result;
begin
  perform app_hidden.check_catalog_search(search_catalog.query, search_catalog."limit", search_catalog.skip, v_tiers, v_statuses,
    greatest(cardinality(search_catalog.kinds), cardinality(v_categories), cardinality(v_areas), cardinality(v_frameworks),
             cardinality(v_tiers), cardinality(v_statuses), cardinality(v_tags)));
  if v_query is not null then
    select coalesce(array_agg(m.id), '{}'), coalesce(array_agg(m.score), '{}') into v_ids, v_scores
      from app_hidden.catalog_matches(v_query, v_kinds) m;
  end if;

  with found as materialized (
    select r.*, coalesce(m.score, 0) as score
      from app_hidden.catalog_resources r
      left join unnest(v_ids, v_scores) as m (id, score) on m.id = r.id
     where (v_ids is null or r.id = any (v_ids))
       and r.kind = any (v_kinds)
       and (v_categories is null or r.category = any (v_categories))
       and (v_areas is null or r.therapeutic_areas && v_areas)
       and (v_frameworks is null or r.compliance_frameworks && v_frameworks)
       and (v_tiers is null or r.tier = any (v_tiers))
       and (v_statuses is null or r.status = any (v_statuses))
       and (v_tags is null or r.tags && v_tags)
  ), page as (
    select f.*, row_number() over (order by f.score desc, f.label, f.kind, f.id) as rank
      from found f order by f.score desc, f.label, f.kind, f.id
     limit search_catalog."limit" offset search_catalog.skip
  ), counted (facet, value, n) as (
    select 'kind'::app_public.catalog_facet_kind, f.kind::text, count(*) from found f group by f.kind
    union all select 'category', f.category, count(*) from found f where f.category is not null group by f.category
    union all select 'therapeutic_area', v, count(distinct f.id) from found f, unnest(f.therapeutic_areas) v group by v
    union all select 'compliance_framework', v, count(distinct f.id) from found f, unnest(f.compliance_frameworks) v group by v
    union all select 'tier', f.tier::text, count(*) from found f where f.tier is not null group by f.tier
    union all select 'status', f.status, count(*) from found f group by f.status
    union all select 'tag', v, count(distinct f.id) from found f, unnest(f.tags) v group by v
  ), ranked as (
    select c.*, row_number() over (partition by c.facet order by c.n desc, c.value) as place from counted c where c.value is not null
  )
  select (select count(*) from found),
         array(select row(p.rank, p.score, p.kind, p.id, p.tenant_id = (select app_hidden.current_tenant_id()), p.name, p.display_name,
                          p.description, p.category, p.therapeutic_areas, p.compliance_frameworks, p.tier, p.status, p.tags, p.version,
                          p.rating, p.usage_count, p.updated_at)::app_public.catalog_search_hit
                 from page p order by p.rank),
         array(select row(r.facet, r.value, r.n)::app_public.catalog_facet from ranked r where r.place <= 50 order by r.facet, r.place)
    into v_result;
  return v_result;
end
$$;
comment on function app_public.search_catalog(text, app_public.resource_kind[], text[], text[], text[], int[], text[], text[], int, int) is
  'Finds agents, tools, prompts, workflows and knowledge sources of this tenant and those shared with it, best first. Every word of the query must occur, as it is or as the beginning of a word, in the name (which weighs most), display name, description, tags or what else puts the thing in order; a word of four letters or more that nothing has is read as the names spelt almost like it. Without a query it lists everything by name. Filters: kinds, categories, therapeutic_areas, compliance_frameworks, tiers, statuses, tags; within one any value will do, an empty one filters nothing. total_count and facets (at most 50 values each, the most frequent first) are of the whole result, hits of the page: limit 1 to 100, default 20; skip 0 to 9000. RS471: the query is longer than 200 characters; RS472: limit; RS473: skip; RS474: a filter.';
grant execute on function
  app_public.search_catalog(text, app_public.resource_kind[], text[], text[], text[], int[], text[], text[], int, int)
to rowhouse_user;

-- From a hit to the thing itself.
do $do$
declare
  v_kind text;
  v_table regclass;
begin
  for v_kind, v_table in
    select k::text, app_private.resource_table(k) from unnest(enum_range(null::app_public.resource_kind)) as k
  loop
    execute format($sql$
      create or replace function app_public.catalog_search_hit_%1$s(hit app_public.catalog_search_hit) returns %2$s
      language sql stable
      set search_path to pg_catalog, pg_temp
      as $$
        select r from %2$s r where (hit).kind = '%1$s' and r.id = (hit).resource_id;
      $$;
      grant execute on function app_public.catalog_search_hit_%1$s(app_public.catalog_search_hit) to rowhouse_user;
      $sql$, v_kind, v_table);
    execute format('comment on function app_public.catalog_search_hit_%s(app_public.catalog_search_hit) is %L', v_kind,
      format('The %s, when the hit is one.', replace(v_kind, '_', ' ')));
  end loop;
end
$do$;

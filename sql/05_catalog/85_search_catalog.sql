-- Searching the catalogue for resources of all kinds, with filters and facets. The idea: 86_catalog_matches.sql finds the ids
-- of what has the words, outside the wall; this file then reads these rows as the caller, so that the policies decide what
-- is shown and counted.

grant execute on function catalog.catalog_words to rowhouse_user, rowhouse_platform;
grant execute on function catalog.catalog_label to rowhouse_user, rowhouse_platform;
grant execute on function catalog.catalog_vector to rowhouse_user, rowhouse_platform;

comment on domain app_public.agent_status_enum is 'The stage an agent is in. A deprecated agent still works, but should not be put to new uses.';
comment on type app_public.catalog_facet_kind is
  'The properties by which a search result is counted.';
comment on type app_public.catalog_facet is 'How many results have a value.';
comment on column app_public.catalog_facet.facet is E'@notNull\nThe property that is counted.';
comment on column app_public.catalog_facet.value is E'@notNull\nThe value of the property, as the filter of search_catalog takes it.';
comment on column app_public.catalog_facet.count is E'@notNull\nHow many resources of the whole result have it.';
comment on type app_public.catalog_search_result is 'The result of search_catalog.';
comment on column app_public.catalog_search_result.total_count is E'@notNull\nHow many resources were found, on all pages together; at most 1,000, so 1,000 means that there may be more.';
comment on column app_public.catalog_search_result.hits is E'@notNull\nThe resources on this page, the best first.';
comment on column app_public.catalog_search_result.facets is E'@notNull\nCounts over the whole result: at most 50 values of each property, the most frequent first.';
comment on type app_public.catalog_search_hit is 'An agent, tool, prompt, workflow or knowledge source that was found.';
comment on column app_public.catalog_search_hit.rank is E'@notNull\nThe position in the whole result, from 1.';
comment on column app_public.catalog_search_hit.score is E'@notNull\nThe score that orders the result. Scores of different searches cannot be compared. Without a query it is 0.';
comment on column app_public.catalog_search_hit.kind is E'@notNull\nThe kind of the resource.';
comment on column app_public.catalog_search_hit.resource_id is E'@notNull\nThe id of the resource.';
comment on column app_public.catalog_search_hit.is_own is E'@notNull\nWhether the resource belongs to this tenant. Otherwise it is shared with you.';
comment on column app_public.catalog_search_hit.name is E'@notNull\nIts name.';
comment on column app_public.catalog_search_hit.display_name is 'Its name to show.';
comment on column app_public.catalog_search_hit.description is 'What it is for.';
comment on column app_public.catalog_search_hit.category is 'Its (main) category.';
comment on column app_public.catalog_search_hit.therapeutic_areas is E'@notNull\nIts therapeutic areas, if it is an agent.';
comment on column app_public.catalog_search_hit.compliance_frameworks is E'@notNull\nIts compliance frameworks, if it is an agent.';
comment on column app_public.catalog_search_hit.tier is 'Its capability tier, 1 to 3, if it is an agent.';
comment on column app_public.catalog_search_hit.status is E'@notNull\nThe stage it is in.';
comment on column app_public.catalog_search_hit.tags is E'@notNull\nIts own tags, and the names of the tags that this tenant gave it.';
comment on column app_public.catalog_search_hit.version is 'Its version; knowledge sources have none.';
comment on column app_public.catalog_search_hit.rating is 'Its mean rating, 1 to 5, if it is an agent or a prompt.';
comment on column app_public.catalog_search_hit.usage_count is E'@notNull\nHow often it was used.';
comment on column app_public.catalog_search_hit.updated_at is E'@notNull\nWhen it last changed.';

comment on type app_public.catalog_filter is
  'The filters of search_catalog. A resource must pass all of them; it passes one when it has any of its values. A filter without values lets everything pass.';
comment on column app_public.catalog_filter.kinds is 'Kinds of resources.';
comment on column app_public.catalog_filter.categories is 'Categories; of an agent the primary one.';
comment on column app_public.catalog_filter.therapeutic_areas is 'Therapeutic areas, which only agents have.';
comment on column app_public.catalog_filter.compliance_frameworks is 'Compliance frameworks, which only agents have.';
comment on column app_public.catalog_filter.tiers is 'Capability tiers, 1 to 3, which only agents have.';
comment on column app_public.catalog_filter.statuses is 'Stages that a resource is in.';
comment on column app_public.catalog_filter.tags is 'Tags: a resource''s own, and the names of those that this tenant gave it.';

-- The resources of all kinds as one list.

create or replace view catalog.catalog_resources with (security_invoker = true) as
  select 'agent'::app_public.resource_kind as kind, r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name,
         coalesce(r.display_name, r.name) as label, r.description,
         r.primary_category as category, r.therapeutic_areas, r.compliance_frameworks, r.tier, r.status::text as status,
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'agent' and a.item_id = r.id) as tags, r.version, r.rating, r.usage_count, r.updated_at
    from app_public.agents r where r.deleted_at is null
  union all
  select 'tool', r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name, coalesce(r.display_name, r.name), r.description,
         r.category, '{}', '{}', null, r.status,
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'tool' and a.item_id = r.id), r.version, null, r.usage_count, r.updated_at
    from app_public.tools r where r.deleted_at is null
  union all
  select 'prompt', r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name, coalesce(r.display_name, r.name), r.description,
         r.category, '{}', '{}', null, r.status, r.tags ||
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'prompt' and a.item_id = r.id), r.version, r.rating,
         r.usage_count, r.updated_at
    from app_public.prompts r where r.deleted_at is null
  union all
  select 'workflow', r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name, coalesce(r.display_name, r.name), r.description,
         r.category, '{}', '{}', null, r.status, r.tags ||
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'workflow' and a.item_id = r.id), r.version, null,
         r.execution_count, r.updated_at
    from app_public.workflows r where r.deleted_at is null
  union all
  select 'knowledge_source', r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name, coalesce(r.display_name, r.name), r.description,
         r.category, '{}', '{}', null, r.status, r.tags ||
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'knowledge_source' and a.item_id = r.id), null, null,
         r.query_count, r.updated_at
    from app_public.rag_knowledge_sources r where r.deleted_at is null;
comment on view catalog.catalog_resources is 'The resources of all kinds that the request sees, without deleted ones.';
grant select on catalog.catalog_resources to rowhouse_user;

create or replace function catalog.check_catalog_search(query text, filter app_public.catalog_filter, "limit" int, skip int)
returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_longest_query constant int := 200;
  v_highest_limit constant int := 100;
  v_highest_skip constant int := 900;
  v_most_values constant int := 50;
begin
  if length(check_catalog_search.query) > v_longest_query then
    perform core.raise_error('RS471', format('The query is longer than %s characters.', v_longest_query), 'Search for its most important words.');
  elsif check_catalog_search."limit" not between 1 and v_highest_limit then
    perform core.raise_error('RS472', format('limit must be from 1 to %s.', v_highest_limit), 'Ask for the next page with skip.');
  elsif check_catalog_search.skip not between 0 and v_highest_skip then
    perform core.raise_error('RS473', format('skip must be from 0 to %s.', v_highest_skip), 'Narrow the search by more words or filters.');
  elsif greatest(cardinality((filter).kinds), cardinality((filter).categories), cardinality((filter).therapeutic_areas),
                 cardinality((filter).compliance_frameworks), cardinality((filter).tiers), cardinality((filter).statuses),
                 cardinality((filter).tags)) > v_most_values then
    perform core.raise_error('RS474', format('A filter has more than %s values.', v_most_values), 'Leave the filter out, or name fewer values.');
  elsif not coalesce((filter).tiers, '{}') <@ array[1, 2, 3] then
    perform core.raise_error('RS474', 'tiers has a value that is not a tier.', 'The tiers are 1, 2 and 3.');
  end if;
end
$$;
comment on function catalog.check_catalog_search is
  E'@errors RS471 RS472 RS473 RS474\nRaises an error when an argument of search_catalog is out of range.';
grant execute on function catalog.check_catalog_search to rowhouse_user;

-- These two functions run as the caller, so the policies apply to everything they read.
create or replace function catalog.first_by_name(kinds app_public.resource_kind[], most int) returns uuid[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  execute format('select array(select r.id from (%s) as r order by r.name, r.id limit $1)', (
    select string_agg(format(
      '(select r.id, r.name from catalog.visible_%ss() r where r.deleted_at is null order by r.name, r.id limit $1)', k.kind), ' union all ')
      from unnest(first_by_name.kinds) as k (kind)))
    into v_ids using most;
  return v_ids;
end
$$;
comment on function catalog.first_by_name is
  'The ids of the resources of some kinds that the request sees, so many of them as are asked for, in the order of their names.';
grant execute on function catalog.first_by_name to rowhouse_user;

create or replace function app_public.search_catalog(
  query text default null, filter app_public.catalog_filter default null, "limit" int default 20, skip int default 0
) returns app_public.catalog_search_result
language plpgsql stable
set search_path to pg_catalog, pg_temp
set jit to off
-- only a custom plan knows which filters are null, and leaves them out
set plan_cache_mode to force_custom_plan
as $$
declare
  v_query constant text := case when search_catalog.query ~ '\S' then trim(search_catalog.query) end;
  v_limit constant int := coalesce(search_catalog."limit", 20);
  v_skip constant int := coalesce(search_catalog.skip, 0);
  v_kinds constant app_public.resource_kind[] :=
    coalesce(nullif(array_remove((filter).kinds, null), '{}'), enum_range(null::app_public.resource_kind));
  v_categories constant text[] := nullif((filter).categories, '{}');
  v_areas constant text[] := nullif((filter).therapeutic_areas, '{}');
  v_frameworks constant text[] := nullif((filter).compliance_frameworks, '{}');
  v_tiers constant int[] := nullif((filter).tiers, '{}');
  v_statuses constant text[] := nullif((filter).statuses::text[], '{}');
  v_tags constant text[] := nullif((filter).tags, '{}');
  v_is_filtered constant boolean :=
    num_nonnulls(v_categories, v_areas, v_frameworks, v_tiers, v_statuses, v_tags) > 0;
  v_most_facet_values constant int := 50;
  v_most_found constant int := 1000;
  v_ids uuid[];
  v_scores double precision[];
  v_result app_public.catalog_search_result;
begin
  perform catalog.check_catalog_search(search_catalog.query, search_catalog.filter, v_limit, v_skip);
  if v_query is not null then
    select coalesce(array_agg(m.id), '{}'), coalesce(array_agg(m.score), '{}') into v_ids, v_scores
      -- what a filter will leave of the matches is not known before, so it gets all of them
      from catalog.catalog_matches(v_query, v_kinds, case when not v_is_filtered then v_most_found end) m;
  elsif not v_is_filtered then
    v_ids := catalog.first_by_name(v_kinds, v_most_found);
  end if;

  with found as materialized (
    select r.*, coalesce(m.score, 0) as score
      from catalog.catalog_resources r
      left join unnest(v_ids, v_scores) as m (id, score) on m.id = r.id
     where (v_ids is null or r.id = any (v_ids))
       and r.kind = any (v_kinds)
       and (v_categories is null or r.category = any (v_categories))
       and (v_areas is null or r.therapeutic_areas && v_areas)
       and (v_frameworks is null or r.compliance_frameworks && v_frameworks)
       and (v_tiers is null or r.tier = any (v_tiers))
       and (v_statuses is null or r.status = any (v_statuses))
       and (v_tags is null or r.tags && v_tags)
     order by coalesce(m.score, 0) desc, r.label
     limit v_most_found
  ), page as (
    select f.*, row_number() over (order by f.score desc, f.label, f.kind, f.id) as rank
      from found f order by f.score desc, f.label, f.kind, f.id
     limit v_limit offset v_skip
  ), counted (facet, value, n) as (
    select 'kind'::app_public.catalog_facet_kind, f.kind::text, count(*) from found f group by f.kind
    union all select 'category', f.category, count(*) from found f where f.category is not null group by f.category
    union all select 'therapeutic_area', v, count(distinct f.id) from found f, unnest(f.therapeutic_areas) v group by v
    union all select 'compliance_framework', v, count(distinct f.id) from found f, unnest(f.compliance_frameworks) v group by v
    union all select 'tier', f.tier::text, count(*) from found f where f.tier is not null group by f.tier
    union all select 'status', f.status, count(*) from found f group by f.status
    union all select 'tag', v, count(distinct f.id) from found f, unnest(f.tags) v group by v
  ), ranked as (
    select c.*, row_number() over (partition by c.facet order by c.n desc, c.value) as position from counted c where c.value is not null
  )
  select (select count(*) from found),
         array(select row(p.rank, p.score, p.kind, p.id, p.tenant_id = (select core.current_tenant_id()), p.name, p.display_name,
                          p.description, p.category, p.therapeutic_areas, p.compliance_frameworks, p.tier, p.status, p.tags, p.version,
                          p.rating, p.usage_count, p.updated_at)::app_public.catalog_search_hit
                 from page p order by p.rank),
         array(select row(r.facet, r.value, r.n)::app_public.catalog_facet
                 from ranked r where r.position <= v_most_facet_values order by r.facet, r.position)
    into v_result;
  return v_result;
end
$$;
comment on function app_public.search_catalog is
  E'@errors RS471 RS472 RS473 RS474\nFinds agents, tools, prompts, workflows and knowledge sources of this tenant, and those that are shared with it, the best first. Every word of the query must occur in the name (which weighs most), the display name, the description, the tags or the categories, as a word or as the beginning of one. When no resource has all the words, a word of four letters or more that occurs nowhere also matches names that are spelt similarly. Without a query the result lists everything by name. A result has at most 1,000 resources, so narrow it by more words or filters when it has that many. total_count and facets (at most 50 values each, the most frequent first) describe the whole result, hits only the page: limit is 1 to 100, by default 20; skip is 0 to 900.';
grant execute on function app_public.search_catalog to rowhouse_user;

-- The computed columns that lead from a hit to the resource itself.
do $do$
declare
  v_kind text;
  v_table regclass;
begin
  for v_kind, v_table in
    select k::text, catalog.resource_table(k) from unnest(enum_range(null::app_public.resource_kind)) as k
  loop
    execute format($sql$
      create or replace function app_public.catalog_search_hit_%1$s(hit app_public.catalog_search_hit) returns %2$s
      language sql stable
      set search_path to pg_catalog, pg_temp
      as $$
        select r from %2$s r where (hit).kind = '%1$s' and r.id = (hit).resource_id;
      $$;
      grant execute on function app_public.catalog_search_hit_%1$s to rowhouse_user;
      $sql$, v_kind, v_table);
    execute format('comment on function app_public.catalog_search_hit_%s is %L', v_kind,
      format('The %1$s; null when the hit is not %2$s %1$s.', catalog.resource_name(v_kind::app_public.resource_kind),
             case v_kind when 'agent' then 'an' else 'a' end));
  end loop;
end
$do$;

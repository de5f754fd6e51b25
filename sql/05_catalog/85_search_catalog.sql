-- Searching the catalogue. The words are looked up outside the wall (catalog.catalog_matches), because no index of words
-- can be asked from behind it; what is found is then read as any list is, through the wall, which has the last word.

grant execute on function catalog.catalog_words to rowhouse_user, rowhouse_platform;
grant execute on function catalog.catalog_label to rowhouse_user, rowhouse_platform;
grant execute on function catalog.catalog_vector to rowhouse_user, rowhouse_platform;

comment on type app_public.agent_status_enum is 'Where an agent stands: draft, active, inactive, deprecated (still works, not for new uses) or archived.';
comment on type app_public.catalog_facet_kind is
  'What a result is counted by: kind, category, therapeutic_area, compliance_framework, tier, status or tag.';
comment on type app_public.catalog_facet is 'How many of a result have a value.';
comment on column app_public.catalog_facet.facet is 'By what it is counted.';
comment on column app_public.catalog_facet.value is 'The value, as the filters take it.';
comment on column app_public.catalog_facet.count is 'How many of the whole result have it.';
comment on type app_public.catalog_search_result is 'What search_catalog found.';
comment on column app_public.catalog_search_result.total_count is 'How many were found, on all pages.';
comment on column app_public.catalog_search_result.hits is 'This page of them, best first.';
comment on column app_public.catalog_search_result.facets is 'Counts over the whole result: at most 50 values of each kind, the most frequent first.';
comment on type app_public.catalog_search_hit is 'An agent, tool, prompt, workflow or knowledge source that was found.';
comment on column app_public.catalog_search_hit.rank is 'Place in the result, from 1.';
comment on column app_public.catalog_search_hit.score is 'What the result is ordered by; comparable within one result only. 0 without a query.';
comment on column app_public.catalog_search_hit.kind is 'What it is.';
comment on column app_public.catalog_search_hit.resource_id is 'Its id.';
comment on column app_public.catalog_search_hit.is_own is 'Whether it is this tenant''s own; else it is shared with you.';
comment on column app_public.catalog_search_hit.name is 'Its name.';
comment on column app_public.catalog_search_hit.display_name is 'Its name to show.';
comment on column app_public.catalog_search_hit.description is 'What it is for.';
comment on column app_public.catalog_search_hit.category is 'Its (main) category.';
comment on column app_public.catalog_search_hit.therapeutic_areas is 'Therapeutic areas, of agents.';
comment on column app_public.catalog_search_hit.compliance_frameworks is 'Compliance frameworks, of agents.';
comment on column app_public.catalog_search_hit.tier is 'Capability tier, 1 to 3, of agents.';
comment on column app_public.catalog_search_hit.status is 'Its status.';
comment on column app_public.catalog_search_hit.tags is 'Its own tags and the names of those this tenant gave it.';
comment on column app_public.catalog_search_hit.version is 'Its version; knowledge sources have none.';
comment on column app_public.catalog_search_hit.rating is 'Mean rating, 1 to 5, of agents and prompts.';
comment on column app_public.catalog_search_hit.usage_count is 'How often it was used.';
comment on column app_public.catalog_search_hit.updated_at is 'When it last changed.';

create or replace function catalog.catalog_question(query text) returns table (n int, word text, lexemes tsquery)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    with words as (
      select u.lexeme, tsvector_to_array(to_tsvector('english', u.lexeme)) as stems, min(u.positions[1]) as position
        from unnest(to_tsvector('simple', catalog.catalog_words(catalog_question.query))) as u
       group by u.lexeme
    )
    select row_number() over (order by w.position, w.lexeme)::int, w.lexeme,
           (select string_agg(core.tsquery_term(t) || ':*', ' | ') from unnest(w.lexeme || w.stems) as t)::tsquery
      from words w
     -- a stop word counts where there is nothing else to go by
     where cardinality(w.stems) > 0 or not exists (select from words o where cardinality(o.stems) > 0);
end
$$;
comment on function catalog.catalog_question is
  'The words of a question, each with what it is looked up as: whatever begins with the word or with its English stem.';
grant execute on function catalog.catalog_question to rowhouse_platform;

create or replace function catalog.check_catalog_search(
  query text, "limit" int, skip int, tiers int[], statuses text[], longest_filter int
) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if length(check_catalog_search.query) > 200 then
    perform core.raise_error('RS471', 'The query is longer than 200 characters.', 'Search for its essential words.');
  elsif coalesce(check_catalog_search."limit" not between 1 and 100, true) then
    perform core.raise_error('RS472', 'limit must be from 1 to 100.', 'Ask for pages, by skip.');
  elsif coalesce(check_catalog_search.skip not between 0 and 9000, true) then
    perform core.raise_error('RS473', 'skip must be from 0 to 9000.', 'Nobody reads that far: narrow the search.');
  elsif check_catalog_search.longest_filter > 50 then
    perform core.raise_error('RS474', 'A filter has more than 50 values.', 'Leave the filter out, or name fewer.');
  elsif not coalesce(check_catalog_search.tiers, '{}') <@ array[1, 2, 3] then
    perform core.raise_error('RS474', 'tiers has a value that is no tier.', 'Tiers are 1, 2 and 3.');
  elsif not coalesce(check_catalog_search.statuses, '{}') <@ enum_range(null::app_public.agent_status_enum)::text[] then
    perform core.raise_error('RS474', 'statuses has a value that is no status.',
      'They are active, inactive, draft, archived and deprecated.');
  end if;
end
$$;
comment on function catalog.check_catalog_search is
  E'@errors RS474\nRefuses arguments that are out of range: RS471 to';
grant execute on function catalog.check_catalog_search to rowhouse_user;

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
  perform catalog.check_catalog_search(search_catalog.query, search_catalog."limit", search_catalog.skip, v_tiers, v_statuses,
    greatest(cardinality(search_catalog.kinds), cardinality(v_categories), cardinality(v_areas), cardinality(v_frameworks),
             cardinality(v_tiers), cardinality(v_statuses), cardinality(v_tags)));
  if v_query is not null then
    select coalesce(array_agg(m.id), '{}'), coalesce(array_agg(m.score), '{}') into v_ids, v_scores
      from catalog.catalog_matches(v_query, v_kinds) m;
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
         array(select row(p.rank, p.score, p.kind, p.id, p.tenant_id = (select core.current_tenant_id()), p.name, p.display_name,
                          p.description, p.category, p.therapeutic_areas, p.compliance_frameworks, p.tier, p.status, p.tags, p.version,
                          p.rating, p.usage_count, p.updated_at)::app_public.catalog_search_hit
                 from page p order by p.rank),
         array(select row(r.facet, r.value, r.n)::app_public.catalog_facet from ranked r where r.place <= 50 order by r.facet, r.place)
    into v_result;
  return v_result;
end
$$;
comment on function app_public.search_catalog is
  E'@errors RS471 RS472 RS473 RS474\nFinds agents, tools, prompts, workflows and knowledge sources of this tenant and those shared with it, best first. Every word of the query must occur, as it is or as the beginning of a word, in the name (which weighs most), display name, description, tags or what else puts the thing in order; a word of four letters or more that nothing has is read as the names spelt almost like it. Without a query it lists everything by name. Filters: kinds, categories, therapeutic_areas, compliance_frameworks, tiers, statuses, tags; within one any value will do, an empty one filters nothing. total_count and facets (at most 50 values each, the most frequent first) are of the whole result, hits of the page: limit 1 to 100, default 20; skip 0 to 9000.';
grant execute on function app_public.search_catalog to rowhouse_user;

-- From a hit to the thing itself.
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
      grant execute on function app_public.catalog_search_hit_%1$s(app_public.catalog_search_hit) to rowhouse_user;
      $sql$, v_kind, v_table);
    execute format('comment on function app_public.catalog_search_hit_%s(app_public.catalog_search_hit) is %L', v_kind,
      format('The %s, when the hit is one.', replace(v_kind, '_', ' ')));
  end loop;
end
$do$;

set local role rowhouse_platform;  -- outside the wall: an index of words cannot be asked from behind row level security, whose operators may not leak; its query names the tenant and what is shared with it, and returns ids, which search_catalog then reads through the wall
-- Row level security lets an index be asked only by operators that cannot leak, and the matching of words is none. So
-- the words are looked up here, outside the wall, by a query that names the tenant and what is shared with it itself.

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
  'Where the request''s catalogue is: for each kind the own rows r, and the shared ones where there are any, as SQL that waits for what to select and a condition.';

create or replace function catalog.catalog_query(targets text[], selected text, conditions text[]) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select string_agg(format(target, selected, array_to_string(conditions, ' and ')), ' union all ') from unnest(targets) as target;
$$;
comment on function catalog.catalog_query is
  'The query that selects this of what meets these conditions.';

create or replace function catalog.catalog_matches(query text, kinds app_public.resource_kind[])
returns table (kind app_public.resource_kind, id uuid, score double precision)
language plpgsql stable security definer
set search_path to pg_catalog, public, pg_temp
set jit to off
as $$
#variable_conflict use_column
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_targets constant text[] := catalog.catalog_targets(catalog_matches.kinds);
  v_words text[] := '{}';
  v_conditions text[] := '{}';
  -- the whole name is the best match there is
  v_scores text[] := array[
    format('case when %1$L in (lower(r.name), lower(r.display_name)) then 1 else 0 end', lower(trim(catalog_matches.query)))];
  v_word record;
  v_tagged_ids uuid[];
  v_is_known boolean;
  v_are_known boolean := true;
begin
  for v_word in select q.word, q.lexemes from catalog.catalog_question(catalog_matches.query) q order by q.n loop
    v_tagged_ids := array(
      select a.item_id from app_public.tags t
        join app_public.tag_assignments a on a.tenant_id = t.tenant_id and a.tag_id = t.id
       where t.tenant_id = v_tenant_id and to_tsvector('simple', catalog.catalog_words(t.name)) @@ v_word.lexemes);
    v_words := v_words || v_word.word;
    v_conditions := v_conditions || format('(r.search_vector @@ %L::tsquery%s)', v_word.lexemes,
      case when cardinality(v_tagged_ids) > 0 then format(' or r.id = any (%L::uuid[])', v_tagged_ids) else '' end);
    v_scores := v_scores || format('ts_rank(''{0.1, 0.2, 0.6, 1}'', r.search_vector, %L::tsquery)', v_word.lexemes);
    if cardinality(v_tagged_ids) > 0 then
      v_scores := v_scores || format('case when r.id = any (%L::uuid[]) then 0.1 else 0 end', v_tagged_ids);
    end if;
  end loop;
  if v_tenant_id is null or cardinality(v_words) = 0 or cardinality(v_targets) = 0 then
    return;
  end if;

  return query execute catalog.catalog_query(
    v_targets, format('r.id, (%s)::double precision', array_to_string(v_scores, ' + ')), v_conditions);
  if found then
    return;
  end if;

  -- nothing has all the words: those that nothing has at all are read as names spelt almost like them
  for v_i in 1 .. cardinality(v_words) loop
    continue when length(v_words[v_i]) < 4;
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
  -- what <% goes by, until the end of the transaction; nothing but this search uses it
  perform set_config('pg_trgm.word_similarity_threshold', '0.4', true);
  return query execute catalog.catalog_query(
    v_targets, format('r.id, (%s)::double precision', array_to_string(v_scores, ' + ')), v_conditions);
end
$$;
comment on function catalog.catalog_matches is
  'What in this tenant''s catalogue, and in what is shared with it, has all the words: ids and scores, nothing else. A word that nothing has matches the names that are at least 0.4 similar to it by trigrams.';
grant execute on function catalog.catalog_matches to rowhouse_user;

set local role rowhouse_owner;

-- The five kinds as one list, seen through the wall.

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
comment on view catalog.catalog_resources is 'What of the catalogue the request sees, of all kinds, what was deleted left out.';
grant select on catalog.catalog_resources to rowhouse_user;

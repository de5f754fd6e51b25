-- Materialized views: figures over all tenants that are computed once an hour. The idea: the worker refreshes them, tenants
-- read their part through views in app_public that say how old the figures are, and an alert is raised when they are too old.

call core.secure_global_table('observability.materialized_views', 'a materialized view has rows of all tenants');
grant select, update on observability.materialized_views to rowhouse_platform;
comment on table observability.materialized_views is 'The materialized views: how old each may become, when it was last refreshed, and how long that took.';
comment on column observability.materialized_views.name is E'@notPersonal\nThe view.';

call core.secure_global_table('observability.materialized_view_alerts', 'a materialized view has rows of all tenants');
grant select, update on observability.materialized_view_alerts to rowhouse_platform;
comment on table observability.materialized_view_alerts is 'Alerts that a materialized view became too old. Its next refresh resolves the alert.';
comment on column observability.materialized_view_alerts.view_name is E'@notPersonal\nThe view.';

create or replace function observability.require_materialized_view(name text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (select from observability.materialized_views v where v.name = require_materialized_view.name) then
    perform core.raise_error('RS371', 'There is no such materialized view.', 'List them by materialized_view_status.');
  end if;
end
$$;
comment on function observability.require_materialized_view is
  E'@errors RS371\nRaises an error when no materialized view has this name.';
grant execute on function observability.require_materialized_view to rowhouse_platform;

create or replace function observability.view_age(name text, out refreshed_at timestamptz, out age_seconds int)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  select v.refreshed_at, greatest(0, extract(epoch from core.clock() - v.refreshed_at))::int into view_age.refreshed_at, view_age.age_seconds
    from observability.materialized_views v where v.name = view_age.name;
end
$$;
comment on function observability.view_age is
  'When a materialized view was last refreshed, and how many seconds ago that was.';
grant execute on function observability.view_age to rowhouse_user;

create or replace function observability.platform_shared_resources() returns setof observability.mv_platform_shared_resources
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- without a tenant there are no rows; the view that reads this lets the policies decide which of them a user sees
  select * from observability.mv_platform_shared_resources where core.current_tenant_id() is not null;
$$;
comment on function observability.platform_shared_resources is
  'The rows from which app_public.platform_shared_resources shows those that the user sees.';
grant execute on function observability.platform_shared_resources to rowhouse_user;

create or replace function observability.tenant_resource_counts() returns setof observability.mv_tenant_resource_counts
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from observability.mv_tenant_resource_counts where tenant_id = core.current_tenant_id();
$$;
comment on function observability.tenant_resource_counts is
  'The row of app_public.tenant_resource_counts.';
grant execute on function observability.tenant_resource_counts to rowhouse_user;

create or replace function observability.popular_agents() returns setof observability.mv_popular_agents
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from observability.mv_popular_agents where tenant_id = core.current_tenant_id();
$$;
comment on function observability.popular_agents is
  'The rows of app_public.popular_agents.';
grant execute on function observability.popular_agents to rowhouse_user;

create or replace function observability.is_stale(view observability.materialized_views) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select core.clock() - coalesce((view).refreshed_at, (view).created_at) > (view).stale_after;
$$;
comment on function observability.is_stale is
  'Whether a materialized view is older than it may become. One that was never refreshed is as old as its creation.';

create or replace function observability.materialized_view_status()
returns table (
  name text, refreshed_at timestamptz, age_seconds int, stale_after_seconds int, is_stale boolean, duration_ms int, row_count bigint)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select v.name, v.refreshed_at, greatest(0, extract(epoch from core.clock() - v.refreshed_at))::int,
         extract(epoch from v.stale_after)::int, observability.is_stale(v), v.duration_ms,
         -- only platform staff may know how many rows all tenants have together
         case when tenancy.is_platform_admin() then v.row_count end
    from observability.materialized_views v
   where core.current_tenant_id() is not null;
$$;
comment on function observability.materialized_view_status is
  'The rows of app_public.materialized_view_status.';
grant execute on function observability.materialized_view_status to rowhouse_user;

create or replace function observability.materialized_view_alerts()
returns table (id bigint, view_name text, raised_at timestamptz, resolved_at timestamptz)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select a.id, a.view_name, a.raised_at, a.resolved_at from observability.materialized_view_alerts a where tenancy.is_platform_admin();
$$;
comment on function observability.materialized_view_alerts is
  'The rows of app_public.materialized_view_alerts.';
grant execute on function observability.materialized_view_alerts to rowhouse_user;

create or replace function observability.enqueue_refresh(name text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the job key merges all requests that come before the refresh begins into one job
  perform core.enqueue_job('catalog__refresh_views', json_build_object('name', enqueue_refresh.name),
    'catalog__refresh_views:' || enqueue_refresh.name);
end
$$;
comment on function observability.enqueue_refresh is
  'Queues the refresh of a materialized view.';

create or replace function app_public.refresh_materialized_view(name text) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_staff();
  perform observability.require_materialized_view(refresh_materialized_view.name);
  perform observability.enqueue_refresh(refresh_materialized_view.name);
  return true;
end
$$;
comment on function app_public.refresh_materialized_view is
  E'@resultFieldName isQueued\n@errors RS371 TN205\nMakes the worker refresh a materialized view in the background; materialized_view_status shows when it is done. Asking again before the refresh begins changes nothing. For platform staff.';
grant execute on function app_public.refresh_materialized_view to rowhouse_user;

create or replace function observability.materialized_view_names() returns setof text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select name from observability.materialized_views order by name;
$$;
comment on function observability.materialized_view_names is
  'The names of all materialized views.';
grant execute on function observability.materialized_view_names to rowhouse_worker;

create or replace function observability.watch_materialized_views() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_view observability.materialized_views;
  v_raised int := 0;
begin
  for v_view in select * from observability.materialized_views order by name loop
    if observability.is_stale(v_view) then
      -- a view has at most one open alert, however often and by how many workers this is run
      insert into observability.materialized_view_alerts (view_name, raised_at) values (v_view.name, core.clock())
      on conflict (view_name) where resolved_at is null do nothing;
      if found then
        v_raised := v_raised + 1;
      end if;
    end if;
    if v_view.refreshed_at is null or observability.is_stale(v_view) then
      perform observability.enqueue_refresh(v_view.name);
    end if;
  end loop;
  return v_raised;
end
$$;
comment on function observability.watch_materialized_views is
  'Raises an alert for each materialized view that has become too old and has no open alert, and queues the refresh of views that are too old or new. Returns the number of new alerts.';
grant execute on function observability.watch_materialized_views to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the materialized views have rows of all tenants, so their owner, who refreshes them, must see all tenants

create or replace function observability.refresh_materialized_view_now(name text) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_asked_at constant timestamptz := clock_timestamp();
  v_started_at timestamptz;
  v_count bigint;
  v_is_populated boolean;
begin
  perform observability.require_materialized_view(refresh_materialized_view_now.name);
  -- only one refresh runs at a time; of those that wait together, the first one refreshes for all of them
  perform pg_advisory_xact_lock(hashtextextended('materialized view ' || refresh_materialized_view_now.name, 0));
  if exists (
    select from observability.materialized_views v where v.name = refresh_materialized_view_now.name and v.refreshed_at >= v_asked_at
  ) then
    return false;
  end if;
  -- take the time before the snapshot, so that the view is at least as new as it says
  v_started_at := clock_timestamp();
  select m.ispopulated into v_is_populated
    from pg_matviews m where m.schemaname = 'observability' and m.matviewname = refresh_materialized_view_now.name;
  -- concurrently, so that others read it meanwhile; PostgreSQL refuses that for a view that was never filled
  execute format('refresh materialized view %s observability.%I',
    case when v_is_populated then 'concurrently' else '' end, refresh_materialized_view_now.name);
  execute format('select count(*) from observability.%I', refresh_materialized_view_now.name) into v_count;
  update observability.materialized_views v
     set refreshed_at = v_started_at, row_count = v_count,
         duration_ms = ceil(extract(epoch from clock_timestamp() - v_started_at) * 1000)
   where v.name = refresh_materialized_view_now.name;
  update observability.materialized_view_alerts a set resolved_at = greatest(core.clock(), a.raised_at)
   where a.view_name = refresh_materialized_view_now.name and a.resolved_at is null;
  return true;
end
$$;
comment on function observability.refresh_materialized_view_now is
  E'@errors RS371\nRefreshes a materialized view while others read it, and resolves its alert. Only one refresh runs at a time. A caller that waited for a refresh that began after its call need not refresh again, and gets false.';
grant execute on function observability.refresh_materialized_view_now to rowhouse_worker;

create or replace function observability.fill_materialized_views() returns setof text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  for v_name in
    select v.name from observability.materialized_views v
      join pg_matviews m on m.schemaname = 'observability' and m.matviewname = v.name
     where not m.ispopulated
     order by v.name
  loop
    perform observability.refresh_materialized_view_now(v_name);
    return next v_name;
  end loop;
end
$$;
comment on function observability.fill_materialized_views is
  'Refreshes the materialized views that are not populated, which a restore can leave behind, and returns their names.';
grant execute on function observability.fill_materialized_views to rowhouse_owner;

grant select on observability.mv_platform_shared_resources to rowhouse_owner;
grant select on observability.mv_tenant_resource_counts to rowhouse_owner;
grant select on observability.mv_popular_agents to rowhouse_owner;
set local role rowhouse_owner;
comment on function observability.compute_platform_shared_resources is 'The rows of mv_platform_shared_resources, computed now.';
comment on function observability.compute_tenant_resource_counts is 'The rows of mv_tenant_resource_counts, computed now.';
comment on function observability.compute_popular_agents is 'The rows of mv_popular_agents, computed now.';
set local role rowhouse_platform;  -- outside the wall: only the owner of the materialized views may comment on them
comment on materialized view observability.mv_platform_shared_resources is 'The resources of all kinds that are shared with every tenant, in one list.';
comment on materialized view observability.mv_tenant_resource_counts is 'The number of resources, documents, members and workspaces of each tenant.';
comment on materialized view observability.mv_popular_agents is 'The twenty most used agents of each tenant. Equally used agents are ordered by their rating.';
set local role rowhouse_owner;

-- The views through which a tenant reads its part. Each row says when it was computed.

-- The list is as old as it says, but each of its rows is looked up now, so a resource that is no longer shared is left out.
create or replace view app_public.platform_shared_resources with (security_invoker = true) as
  select m.kind, m.id, m.name, m.display_name, m.description, m.category, m.tags, m.icon, m.version, m.status, m.usage_count, m.rating,
         m.updated_at, age.refreshed_at, age.age_seconds
    from observability.platform_shared_resources() m
    join catalog.catalog_resources r on r.kind = m.kind and r.id = m.id and r.sharing_mode = 'platform'
   cross join (select * from observability.view_age('mv_platform_shared_resources')) as age;
comment on view app_public.platform_shared_resources is
  E'@primaryKey kind,id\nThe resources that are shared with every tenant, in one list. It is refreshed every hour; a resource that is no longer shared disappears at once. For members of the tenant.';
comment on column app_public.platform_shared_resources.refreshed_at is 'When the list was computed; null before the first refresh.';
comment on column app_public.platform_shared_resources.age_seconds is 'How many seconds ago it was computed.';
comment on column app_public.platform_shared_resources.kind is E'@notNull\nThe kind of the resource.';
comment on column app_public.platform_shared_resources.id is E'@notNull\nThe id of the resource.';
comment on column app_public.platform_shared_resources.name is E'@notNull\nIts name.';
comment on column app_public.platform_shared_resources.tags is E'@notNull\nIts tags.';
comment on column app_public.platform_shared_resources.status is E'@notNull\nThe stage it is in.';
comment on column app_public.platform_shared_resources.usage_count is E'@notNull\nHow often it was used.';
comment on column app_public.platform_shared_resources.updated_at is E'@notNull\nWhen it last changed.';
grant select on app_public.platform_shared_resources to rowhouse_user;

create or replace view app_public.tenant_resource_counts with (security_invoker = true) as
  select c.*, age.refreshed_at, age.age_seconds
    from observability.tenant_resource_counts() c
   cross join (select * from observability.view_age('mv_tenant_resource_counts')) as age;
comment on view app_public.tenant_resource_counts is
  E'@primaryKey tenant_id\n@foreignKey (tenant_id) references app_public.tenants (id)\n@behavior -query:resource:connection\nThe number of resources, documents, members and workspaces of this tenant, in one row. It is refreshed every hour. For members of the tenant.';
comment on column app_public.tenant_resource_counts.refreshed_at is 'When the numbers were computed; null before the first refresh.';
comment on column app_public.tenant_resource_counts.age_seconds is 'How many seconds ago it was computed.';
comment on column app_public.tenant_resource_counts.active_agent_count is E'@notNull\nThe number of agents that are active and switched on.';
comment on column app_public.tenant_resource_counts.document_bytes is E'@notNull\nThe size of all documents as they were uploaded, in bytes.';
comment on column app_public.tenant_resource_counts.member_count is E'@notNull\nThe number of active members.';
comment on column app_public.tenant_resource_counts.agent_count is E'@notNull\nThe number of agents.';
comment on column app_public.tenant_resource_counts.tool_count is E'@notNull\nThe number of tools.';
comment on column app_public.tenant_resource_counts.prompt_count is E'@notNull\nThe number of prompts.';
comment on column app_public.tenant_resource_counts.workflow_count is E'@notNull\nThe number of workflows.';
comment on column app_public.tenant_resource_counts.knowledge_source_count is E'@notNull\nThe number of knowledge sources.';
comment on column app_public.tenant_resource_counts.document_count is E'@notNull\nThe number of documents.';
comment on column app_public.tenant_resource_counts.workspace_count is E'@notNull\nThe number of workspaces.';
comment on column app_public.tenant_resource_counts.project_count is E'@notNull\nThe number of projects.';
grant select on app_public.tenant_resource_counts to rowhouse_user;

create or replace view app_public.popular_agents with (security_invoker = true) as
  select p.rank, p.agent_id, p.usage_count, p.success_rate, p.rating, p.feedback_count,
         exists (select from app_public.user_agents u
                  where u.tenant_id = p.tenant_id and u.user_id = (select core.current_user_id()) and u.agent_id = p.agent_id) as is_in_my_list,
         age.refreshed_at, age.age_seconds
    from observability.popular_agents() p
    join app_public.agents a on a.id = p.agent_id and a.deleted_at is null
   cross join (select * from observability.view_age('mv_popular_agents')) as age;
comment on view app_public.popular_agents is
  E'@primaryKey agent_id\n@foreignKey (agent_id) references app_public.agents (id)\nThe twenty most used agents of this tenant. Recommend to a person those with is_in_my_list false. The ranking is refreshed every hour; a deleted agent disappears at once. For members of the tenant.';
comment on column app_public.popular_agents.rank is E'@notNull\nThe position among the tenant''s agents, from 1: by use, then by rating.';
comment on column app_public.popular_agents.usage_count is E'@notNull\nHow often it was used.';
comment on column app_public.popular_agents.success_rate is 'The share of its uses that succeeded, in percent.';
comment on column app_public.popular_agents.rating is 'The mean rating, 1 to 5.';
comment on column app_public.popular_agents.feedback_count is E'@notNull\nHow many people rated it.';
comment on column app_public.popular_agents.is_in_my_list is E'@notNull\nWhether it is in your own list of agents now.';
comment on column app_public.popular_agents.refreshed_at is 'When the ranking was computed; null before the first refresh.';
comment on column app_public.popular_agents.age_seconds is 'How many seconds ago it was computed.';
comment on column app_public.popular_agents.agent_id is E'@notNull\nThe agent.';
grant select on app_public.popular_agents to rowhouse_user;

create or replace view app_public.materialized_view_status with (security_invoker = true) as
  select * from observability.materialized_view_status();
comment on view app_public.materialized_view_status is
  E'@primaryKey name\nThe materialized views and how old they are. refresh_materialized_view refreshes one. For members of the tenant; only platform staff see row_count.';
comment on column app_public.materialized_view_status.refreshed_at is 'When it was last refreshed; null before the first refresh.';
comment on column app_public.materialized_view_status.age_seconds is 'How many seconds ago it was computed.';
comment on column app_public.materialized_view_status.stale_after_seconds is E'@notNull\nHow old it may become, in seconds.';
comment on column app_public.materialized_view_status.is_stale is E'@notNull\nWhether it is older than that. The age of one that was never refreshed counts from its creation.';
comment on column app_public.materialized_view_status.duration_ms is 'How long its last refresh took, in milliseconds.';
comment on column app_public.materialized_view_status.row_count is 'The number of its rows, of all tenants together. Only platform staff see it.';
comment on column app_public.materialized_view_status.name is E'@notNull\nThe name of the materialized view.';
grant select on app_public.materialized_view_status to rowhouse_user;

create or replace view app_public.materialized_view_alerts with (security_invoker = true) as
  select * from observability.materialized_view_alerts();
comment on view app_public.materialized_view_alerts is
  E'@primaryKey id\nAlerts that a materialized view became too old. An alert is open while resolved_at is null. For platform staff.';
comment on column app_public.materialized_view_alerts.view_name is E'@notNull\nThe materialized view.';
comment on column app_public.materialized_view_alerts.raised_at is E'@notNull\nWhen it was found to be too old.';
comment on column app_public.materialized_view_alerts.resolved_at is 'When it was refreshed again; null while it is too old.';
comment on column app_public.materialized_view_alerts.id is E'@notNull\nThe id of the alert.';
grant select on app_public.materialized_view_alerts to rowhouse_user;

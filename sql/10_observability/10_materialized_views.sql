-- What is read from the materialized views, by the tenant of the request, and how old they are. Refreshing is the worker's.

call core.secure_global_table('observability.materialized_views', 'a view is made of the rows of all tenants');
grant select, update on observability.materialized_views to rowhouse_platform;
comment on table observability.materialized_views is 'The materialized views: how old each may become, when and how long it was last refreshed.';

call core.secure_global_table('observability.materialized_view_alerts', 'a view is made of the rows of all tenants');
grant select, update on observability.materialized_view_alerts to rowhouse_platform;
comment on table observability.materialized_view_alerts is 'When a materialized view became too old; resolved by its refresh.';

create or replace function observability.require_materialized_view(name text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (select from observability.materialized_views v where v.name = require_materialized_view.name) then
    perform core.raise_error('RS371', 'There is no such materialized view.', 'materialized_view_status lists them.');
  end if;
end
$$;
comment on function observability.require_materialized_view is
  E'@errors RS371\nRaises an error unless there is a materialized view of this name.';
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
  'As of when a materialized view is, and how many seconds ago that was.';
grant execute on function observability.view_age to rowhouse_user;

create or replace function observability.platform_shared_resources() returns setof observability.mv_platform_shared_resources
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- no tenant, no rows; what of it a user sees is for the wall to say, in the view
  select * from observability.mv_platform_shared_resources where core.current_tenant_id() is not null;
$$;
comment on function observability.platform_shared_resources is
  'The rows app_public.platform_shared_resources chooses from.';
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
  'Whether a materialized view is older than it may be. One that was never refreshed is as old as itself.';

create or replace function observability.materialized_view_status()
returns table (
  name text, refreshed_at timestamptz, age_seconds int, stale_after_seconds int, is_stale boolean, duration_ms int, row_count bigint)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select v.name, v.refreshed_at, greatest(0, extract(epoch from core.clock() - v.refreshed_at))::int,
         extract(epoch from v.stale_after)::int, observability.is_stale(v), v.duration_ms,
         -- how much there is of all tenants together is the platform's to know
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
  -- the key makes all who ask before it begins one job
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
  E'@resultFieldName isQueued\n@errors RS371 TN205\nHas a materialized view refreshed by the worker, in the background; materialized_view_status says when it is done. Asking again before it begins changes nothing. Platform staff.';
grant execute on function app_public.refresh_materialized_view to rowhouse_user;

create or replace function observability.materialized_view_names() returns setof text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select name from observability.materialized_views order by name;
$$;
comment on function observability.materialized_view_names is
  'The materialized views there are.';
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
      -- one open alert a view, however often this is seen, and by however many
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
  'Raises an alert for each materialized view that has become too old, once until it is refreshed, and queues the refresh of those and of new ones. Returns how many alerts are new.';
grant execute on function observability.watch_materialized_views to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the materialized views are made of all tenants' rows; for the worker
-- The materialized views span all tenants, so who owns and refreshes them stands outside the wall.

create or replace function observability.refresh_materialized_view_now(name text) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_asked_at constant timestamptz := clock_timestamp();
  v_started_at timestamptz;
  v_count bigint;
begin
  perform observability.require_materialized_view(refresh_materialized_view_now.name);
  -- one at a time; of those that wait together the first does it for all
  perform pg_advisory_xact_lock(hashtextextended('materialized view ' || refresh_materialized_view_now.name, 0));
  if exists (
    select from observability.materialized_views v where v.name = refresh_materialized_view_now.name and v.refreshed_at >= v_asked_at
  ) then
    return false;
  end if;
  -- the time before the snapshot: the view is at least as new as it says
  v_started_at := clock_timestamp();
  execute format('refresh materialized view concurrently observability.%I', refresh_materialized_view_now.name);
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
  E'@errors RS371\nRefreshes a materialized view while others read it, and ends its alert. One at a time: who waited while another began and did it has nothing left to do, and gets false.';
grant execute on function observability.refresh_materialized_view_now to rowhouse_worker;

grant select on observability.mv_platform_shared_resources to rowhouse_owner;
grant select on observability.mv_tenant_resource_counts to rowhouse_owner;
grant select on observability.mv_popular_agents to rowhouse_owner;
comment on materialized view observability.mv_platform_shared_resources is 'What is shared with every tenant, of all kinds, in one list.';
comment on materialized view observability.mv_tenant_resource_counts is 'How much of everything each tenant has.';
comment on materialized view observability.mv_popular_agents is 'The twenty most used agents of each tenant; equally used ones by their rating.';
set local role rowhouse_owner;

-- What the materialized views have for the tenant of the request. Each row carries as of when it is.

-- The list is as old as it says, but each of its rows is looked up now: what is shared no more is not in it.
create or replace view app_public.platform_shared_resources with (security_invoker = true) as
  select m.kind, m.id, m.name, m.display_name, m.description, m.category, m.tags, m.icon, m.version, m.status, m.usage_count, m.rating,
         m.updated_at, age.refreshed_at, age.age_seconds
    from observability.platform_shared_resources() m
    join catalog.catalog_resources r on r.kind = m.kind and r.id = m.id and r.sharing_mode = 'platform'
   cross join (select * from observability.view_age('mv_platform_shared_resources')) as age;
comment on view app_public.platform_shared_resources is
  E'@primaryKey kind,id\nWhat the platform shares with every tenant, in one list. Members. Refreshed every hour; what is not shared any more is gone at once.';
comment on column app_public.platform_shared_resources.refreshed_at is 'As of when the list is, null before the first refresh.';
comment on column app_public.platform_shared_resources.age_seconds is 'How many seconds ago that was.';
grant select on app_public.platform_shared_resources to rowhouse_user;

create or replace view app_public.tenant_resource_counts with (security_invoker = true) as
  select c.*, age.refreshed_at, age.age_seconds
    from observability.tenant_resource_counts() c
   cross join (select * from observability.view_age('mv_tenant_resource_counts')) as age;
comment on view app_public.tenant_resource_counts is
  E'@primaryKey tenant_id\n@foreignKey (tenant_id) references app_public.tenants (id)\nHow much of everything this tenant has, one row. Members. Refreshed every hour.';
comment on column app_public.tenant_resource_counts.refreshed_at is 'As of when the counts are, null before the first refresh.';
comment on column app_public.tenant_resource_counts.age_seconds is 'How many seconds ago that was.';
comment on column app_public.tenant_resource_counts.active_agent_count is 'Agents that are active and switched on.';
comment on column app_public.tenant_resource_counts.document_bytes is 'Size of all documents as they were given.';
comment on column app_public.tenant_resource_counts.member_count is 'Active members.';
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
  E'@primaryKey agent_id\n@foreignKey (agent_id) references app_public.agents (id)\nThe twenty most used agents of this tenant. Those that are not in your list yet are what to recommend to you. Members. Refreshed every hour; a deleted agent is gone at once.';
comment on column app_public.popular_agents.rank is 'Place among the tenant''s agents, from 1: by use, then by rating.';
comment on column app_public.popular_agents.usage_count is 'How often it had been used.';
comment on column app_public.popular_agents.success_rate is 'Percent of its uses that succeeded.';
comment on column app_public.popular_agents.rating is 'Mean rating, 1 to 5.';
comment on column app_public.popular_agents.feedback_count is 'How many rated it.';
comment on column app_public.popular_agents.is_in_my_list is 'Whether it is in your own list of agents, as of now.';
comment on column app_public.popular_agents.refreshed_at is 'As of when the ranking is, null before the first refresh.';
comment on column app_public.popular_agents.age_seconds is 'How many seconds ago that was.';
grant select on app_public.popular_agents to rowhouse_user;

create or replace view app_public.materialized_view_status with (security_invoker = true) as
  select * from observability.materialized_view_status();
comment on view app_public.materialized_view_status is
  E'@primaryKey name\nThe materialized views and how old they are. Members; row_count is for platform staff. refresh_materialized_view refreshes one.';
comment on column app_public.materialized_view_status.refreshed_at is 'As of when it is, null before the first refresh.';
comment on column app_public.materialized_view_status.age_seconds is 'How many seconds ago that was.';
comment on column app_public.materialized_view_status.stale_after_seconds is 'How old it may become.';
comment on column app_public.materialized_view_status.is_stale is 'Whether it is older than that; one that was never refreshed counts from its making.';
comment on column app_public.materialized_view_status.duration_ms is 'How long its last refresh took.';
comment on column app_public.materialized_view_status.row_count is 'How many rows it has, of all tenants; for platform staff.';
grant select on app_public.materialized_view_status to rowhouse_user;

create or replace view app_public.materialized_view_alerts with (security_invoker = true) as
  select * from observability.materialized_view_alerts();
comment on view app_public.materialized_view_alerts is
  E'@primaryKey id\nWhen a materialized view became too old, and when it was refreshed again; open while resolved_at is null. Platform staff.';
comment on column app_public.materialized_view_alerts.view_name is 'The view.';
comment on column app_public.materialized_view_alerts.raised_at is 'When it was found to be too old.';
comment on column app_public.materialized_view_alerts.resolved_at is 'When it was refreshed again, null while it is too old.';
grant select on app_public.materialized_view_alerts to rowhouse_user;

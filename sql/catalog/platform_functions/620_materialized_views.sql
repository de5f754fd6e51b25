-- The materialized views span all tenants, so who owns and refreshes them stands outside the wall.

grant select on app_private.mv_platform_shared_resources, app_private.mv_tenant_resource_counts, app_private.mv_popular_agents
  to rowhouse_owner;
comment on materialized view app_private.mv_platform_shared_resources is 'What is shared with every tenant, of all kinds, in one list.';
comment on materialized view app_private.mv_tenant_resource_counts is 'How much of everything each tenant has.';
comment on materialized view app_private.mv_popular_agents is 'The twenty most used agents of each tenant; equally used ones by their rating.';

create or replace function app_private.refresh_materialized_view_now(name text) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_asked_at constant timestamptz := clock_timestamp();
  v_started_at timestamptz;
  v_count bigint;
begin
  perform app_private.require_materialized_view(refresh_materialized_view_now.name);
  -- one at a time; of those that wait together the first does it for all
  perform pg_advisory_xact_lock(hashtextextended('materialized view ' || refresh_materialized_view_now.name, 0));
  if exists (
    select from app_private.materialized_views v where v.name = refresh_materialized_view_now.name and v.refreshed_at >= v_asked_at
  ) then
    return false;
  end if;
  -- the time before the snapshot: the view is at least as new as it says
  v_started_at := clock_timestamp();
  execute format('refresh materialized view concurrently app_private.%I', refresh_materialized_view_now.name);
  execute format('select count(*) from app_private.%I', refresh_materialized_view_now.name) into v_count;
  update app_private.materialized_views v
     set refreshed_at = v_started_at, row_count = v_count,
         duration_ms = ceil(extract(epoch from clock_timestamp() - v_started_at) * 1000)
   where v.name = refresh_materialized_view_now.name;
  update app_private.materialized_view_alerts a set resolved_at = greatest(app_hidden.clock(), a.raised_at)
   where a.view_name = refresh_materialized_view_now.name and a.resolved_at is null;
  return true;
end
$$;
comment on function app_private.refresh_materialized_view_now(text) is
  'Refreshes a materialized view while others read it, and ends its alert. One at a time: who waited while another began and did it has nothing left to do, and gets false. RS371: there is no such view.';
grant execute on function app_private.refresh_materialized_view_now(text) to rowhouse_worker;

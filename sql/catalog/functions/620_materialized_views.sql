-- What is read from the materialized views, by the tenant of the request, and how old they are. Refreshing is the worker's.

create or replace function app_private.require_materialized_view(name text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (select from app_private.materialized_views v where v.name = require_materialized_view.name) then
    perform app_private.raise_error('RS371', 'There is no such materialized view.', 'materialized_view_status lists them.');
  end if;
end
$$;
comment on function app_private.require_materialized_view(text) is 'RS371 unless there is a materialized view of this name.';
grant execute on function app_private.require_materialized_view(text) to rowhouse_platform;

create or replace function app_hidden.view_age(name text, out refreshed_at timestamptz, out age_seconds int)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  select v.refreshed_at, greatest(0, extract(epoch from app_hidden.clock() - v.refreshed_at))::int into view_age.refreshed_at, view_age.age_seconds
    from app_private.materialized_views v where v.name = view_age.name;
end
$$;
comment on function app_hidden.view_age(text) is 'As of when a materialized view is, and how many seconds ago that was.';

create or replace function app_hidden.platform_shared_resources() returns setof app_private.mv_platform_shared_resources
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- no tenant, no rows; what of it a user sees is for the wall to say, in the view
  select * from app_private.mv_platform_shared_resources where app_hidden.current_tenant_id() is not null;
$$;
comment on function app_hidden.platform_shared_resources() is 'The rows app_public.platform_shared_resources chooses from.';

create or replace function app_hidden.tenant_resource_counts() returns setof app_private.mv_tenant_resource_counts
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_private.mv_tenant_resource_counts where tenant_id = app_hidden.current_tenant_id();
$$;
comment on function app_hidden.tenant_resource_counts() is 'The row of app_public.tenant_resource_counts.';

create or replace function app_hidden.popular_agents() returns setof app_private.mv_popular_agents
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_private.mv_popular_agents where tenant_id = app_hidden.current_tenant_id();
$$;
comment on function app_hidden.popular_agents() is 'The rows of app_public.popular_agents.';

create or replace function app_private.is_stale(view app_private.materialized_views) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select app_hidden.clock() - coalesce((view).refreshed_at, (view).created_at) > (view).stale_after;
$$;
comment on function app_private.is_stale(app_private.materialized_views) is
  'Whether a materialized view is older than it may be. One that was never refreshed is as old as itself.';

create or replace function app_hidden.materialized_view_status()
returns table (
  name text, refreshed_at timestamptz, age_seconds int, stale_after_seconds int, is_stale boolean, duration_ms int, row_count bigint)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select v.name, v.refreshed_at, greatest(0, extract(epoch from app_hidden.clock() - v.refreshed_at))::int,
         extract(epoch from v.stale_after)::int, app_private.is_stale(v), v.duration_ms,
         -- how much there is of all tenants together is the platform's to know
         case when app_hidden.is_platform_admin() then v.row_count end
    from app_private.materialized_views v
   where app_hidden.current_tenant_id() is not null;
$$;
comment on function app_hidden.materialized_view_status() is 'The rows of app_public.materialized_view_status.';

create or replace function app_hidden.materialized_view_alerts()
returns table (id bigint, view_name text, raised_at timestamptz, resolved_at timestamptz)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select a.id, a.view_name, a.raised_at, a.resolved_at from app_private.materialized_view_alerts a where app_hidden.is_platform_admin();
$$;
comment on function app_hidden.materialized_view_alerts() is 'The rows of app_public.materialized_view_alerts.';

grant execute on function app_hidden.view_age(text), app_hidden.platform_shared_resources(), app_hidden.tenant_resource_counts(),
  app_hidden.popular_agents(), app_hidden.materialized_view_status(), app_hidden.materialized_view_alerts()
to rowhouse_user;

create or replace function app_private.enqueue_refresh(name text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the key makes all who ask before it begins one job
  perform app_private.enqueue_job('catalog__refresh_views', json_build_object('name', enqueue_refresh.name),
    'catalog__refresh_views:' || enqueue_refresh.name);
end
$$;
comment on function app_private.enqueue_refresh(text) is 'Queues the refresh of a materialized view.';

create or replace function app_public.refresh_materialized_view(name text) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_staff();
  perform app_private.require_materialized_view(refresh_materialized_view.name);
  perform app_private.enqueue_refresh(refresh_materialized_view.name);
  return true;
end
$$;
comment on function app_public.refresh_materialized_view(text) is
  E'@resultFieldName isQueued\nHas a materialized view refreshed by the worker, in the background; materialized_view_status says when it is done. Asking again before it begins changes nothing. Platform staff. RS371: there is no such view; TN205: you are not staff.';
grant execute on function app_public.refresh_materialized_view(text) to rowhouse_user;

create or replace function app_private.materialized_view_names() returns setof text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select name from app_private.materialized_views order by name;
$$;
comment on function app_private.materialized_view_names() is 'The materialized views there are.';

create or replace function app_private.watch_materialized_views() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_view app_private.materialized_views;
  v_raised int := 0;
begin
  for v_view in select * from app_private.materialized_views order by name loop
    if app_private.is_stale(v_view) then
      -- one open alert a view, however often this is seen, and by however many
      insert into app_private.materialized_view_alerts (view_name, raised_at) values (v_view.name, app_hidden.clock())
      on conflict (view_name) where resolved_at is null do nothing;
      if found then
        v_raised := v_raised + 1;
      end if;
    end if;
    if v_view.refreshed_at is null or app_private.is_stale(v_view) then
      perform app_private.enqueue_refresh(v_view.name);
    end if;
  end loop;
  return v_raised;
end
$$;
comment on function app_private.watch_materialized_views() is
  'Raises an alert for each materialized view that has become too old, once until it is refreshed, and queues the refresh of those and of new ones. Returns how many alerts are new.';
grant execute on function app_private.materialized_view_names(), app_private.watch_materialized_views() to rowhouse_worker;

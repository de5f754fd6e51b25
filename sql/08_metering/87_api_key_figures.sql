-- What API keys use: calls and cost of today and of the last 30 days, each together with the keys below, as their limits count
-- them. Everything is computed from the usage, so nothing has to be reset.

create or replace function metering.key_usage(api_key_id uuid, days int, out calls numeric, out cost numeric)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_timezone text;
  v_from_on date;
  v_keys uuid[];
begin
  -- The caller may have made the row of the key, so only its id is taken, and whether the caller may see that key is looked up.
  v_keys := array(
    select k.id from app_public.api_keys k
     where (k.id = key_usage.api_key_id or k.ancestor_ids @> array[key_usage.api_key_id])
       and (k.created_by_user_id = core.current_user_id() or tenancy.has_permission('can_manage_settings')));
  select t.timezone into v_timezone from app_public.tenants t where t.id = v_tenant_id;
  v_from_on := (core.clock() at time zone v_timezone)::date - (key_usage.days - 1);
  -- One statement, so that what moves from the buffer through the queue to the roll-up is counted once.
  select coalesce(sum(u.calls), 0), coalesce(sum(u.cost), 0) into calls, cost
    from (
      select case d.usage_type when 'api_call' then d.quantity end as calls, d.cost
        from metering.usage_days d
       where d.tenant_id = v_tenant_id and d.used_on >= v_from_on and d.api_key_id = any (v_keys)
      union all
      select case e.usage_type when 'api_call' then e.quantity end, e.cost
        from metering.usage_queue q
        join app_public.usage_events e
          on e.tenant_id = q.tenant_id and e.batch_id = q.batch_id and e.occurred_at between q.first_at and q.last_at
       where q.tenant_id = v_tenant_id and e.api_key_id = any (v_keys)
         and e.occurred_at >= v_from_on::timestamp at time zone v_timezone
      union all
      select b.calls, 0 from metering.api_call_buffer b
       where b.tenant_id = v_tenant_id and b.api_key_id = any (v_keys)
         and b.called_at >= v_from_on::timestamp at time zone v_timezone
    ) as u;
end
$$;
comment on function metering.key_usage is
  'The API calls and the cost in US dollars of an API key and the keys below it, in so many days of the tenant''s calendar up to today.';

create or replace function app_public.api_keys_current_daily_calls(api_key app_public.api_keys) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select u.calls from metering.key_usage((api_key).id, 1) u);
end
$$;
comment on function app_public.api_keys_current_daily_calls is
  E'@notNull\nThe API calls of today, by the tenant''s calendar, together with those of the keys below it.';
grant execute on function app_public.api_keys_current_daily_calls to rowhouse_user;

create or replace function app_public.api_keys_current_daily_cost(api_key app_public.api_keys) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select u.cost from metering.key_usage((api_key).id, 1) u);
end
$$;
comment on function app_public.api_keys_current_daily_cost is
  E'@notNull\nThe cost of today in US dollars, as it was recorded, together with that of the keys below it.';
grant execute on function app_public.api_keys_current_daily_cost to rowhouse_user;

create or replace function app_public.api_keys_recent_calls(api_key app_public.api_keys) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select u.calls from metering.key_usage((api_key).id, 30) u);
end
$$;
comment on function app_public.api_keys_recent_calls is
  E'@notNull\nThe API calls of the last 30 days, together with those of the keys below it.';
grant execute on function app_public.api_keys_recent_calls to rowhouse_user;

create or replace function app_public.api_keys_recent_cost(api_key app_public.api_keys) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (select u.cost from metering.key_usage((api_key).id, 30) u);
end
$$;
comment on function app_public.api_keys_recent_cost is
  E'@notNull\nThe cost of the last 30 days in US dollars, as it was recorded, together with that of the keys below it.';
grant execute on function app_public.api_keys_recent_cost to rowhouse_user;

-- The usage that billing reads from metering. A usage period is closed in the transaction that finalises its invoice. Events
-- that are recorded after that carry adjusts_period, and their batch numbers say which later invoice counted them:
--   usage of the invoice       = sum of quantity of the events of the period without adjusts_period
--   late usage up to batch b   = sum of quantity of the events of the period with adjusts_period and batch_id <= b

set local role rowhouse_platform;  -- outside the wall: the tenant at the top of a hierarchy is billed for the usage of all tenants below it
create or replace function billing.paid_events(payer_id uuid, usage_type text, period tstzrange) returns setof app_public.usage_events
language sql stable
begin atomic
  -- two branches, so that each has an index of its own
  select * from app_public.usage_events e
   where e.tenant_id = paid_events.payer_id and e.payer_id is null and e.usage_type = paid_events.usage_type
     and e.occurred_at >= lower(paid_events.period) and e.occurred_at < upper(paid_events.period)
  union all
  select * from app_public.usage_events e
   where e.payer_id = paid_events.payer_id and e.usage_type = paid_events.usage_type
     and e.occurred_at >= lower(paid_events.period) and e.occurred_at < upper(paid_events.period);
end;
comment on function billing.paid_events is
  'The events of a period for which a tenant pays: its own, and those of the tenants that were below it when they were recorded.';

create or replace function billing.billable_usage(tenant_id uuid, usage_type text, period tstzrange) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(sum(e.quantity), 0)
      from billing.paid_events(billable_usage.tenant_id, billable_usage.usage_type, billable_usage.period) e
     where e.adjusts_period is null);
end
$$;
comment on function billing.billable_usage is
  'The quantity that was recorded for a period, in a tenant and those below it, before the period was finalised.';
grant execute on function billing.billable_usage to rowhouse_owner;

create or replace function billing.late_usage(tenant_id uuid, usage_type text, period tstzrange, until_batch bigint) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(sum(e.quantity), 0)
      from billing.paid_events(late_usage.tenant_id, late_usage.usage_type, late_usage.period) e
     where e.adjusts_period is not null
       and (late_usage.until_batch is null or e.batch_id <= late_usage.until_batch));
end
$$;
comment on function billing.late_usage is
  'The quantity that was recorded for a period after the period was finalised, up to and including a batch; with null, all of it.';
grant execute on function billing.late_usage to rowhouse_owner;

create or replace function billing.has_late_usage(tenant_id uuid, usage_type text, period tstzrange) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from billing.paid_events(has_late_usage.tenant_id, has_late_usage.usage_type, has_late_usage.period) e
     where e.adjusts_period is not null);
end
$$;
comment on function billing.has_late_usage is
  'Whether anything was recorded for a period after the period was finalised.';
grant execute on function billing.has_late_usage to rowhouse_owner;

set local role rowhouse_owner;

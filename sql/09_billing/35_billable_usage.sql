-- The usage that billing reads from metering. A usage period is closed in the transaction that finalises its invoice. Events
-- that are recorded after that carry adjusts_period, and their batch numbers say which later invoice counted them:
--   usage of the invoice       = sum of quantity of the events of the period without adjusts_period
--   late usage up to batch b   = sum of quantity of the events of the period with adjusts_period and batch_id <= b

create or replace function billing.billable_usage(tenant_id uuid, usage_type text, period tstzrange) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(sum(e.quantity), 0)
      from app_public.usage_events e
     where e.tenant_id = billable_usage.tenant_id and e.usage_type = billable_usage.usage_type
       and e.occurred_at >= lower(billable_usage.period) and e.occurred_at < upper(billable_usage.period)
       and e.adjusts_period is null);
end
$$;
comment on function billing.billable_usage is
  'The quantity that was recorded for a period before the period was finalised.';

create or replace function billing.late_usage(tenant_id uuid, usage_type text, period tstzrange, until_batch bigint) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(sum(e.quantity), 0)
      from app_public.usage_events e
     where e.tenant_id = late_usage.tenant_id and e.usage_type = late_usage.usage_type
       and e.occurred_at >= lower(late_usage.period) and e.occurred_at < upper(late_usage.period)
       and e.adjusts_period is not null
       and (late_usage.until_batch is null or e.batch_id <= late_usage.until_batch));
end
$$;
comment on function billing.late_usage is
  'The quantity that was recorded for a period after the period was finalised, up to and including a batch; with null, all of it.';

-- What metering knows, as billing reads it. A usage period is closed in the transaction that finalises its invoice; the
-- number of the last batch then committed tells for ever which events that invoice counted, and which came after it.

create or replace function billing.billable_usage(tenant_id uuid, usage_type text, period tstzrange) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_quantity numeric;
begin
  select coalesce(sum(e.quantity), 0) into v_quantity
    from app_public.usage_events e
   where e.tenant_id = billable_usage.tenant_id and e.usage_type = billable_usage.usage_type
     and e.occurred_at >= lower(billable_usage.period) and e.occurred_at < upper(billable_usage.period)
     and e.adjusts_period is null;
  return v_quantity;
end
$$;
comment on function billing.billable_usage is
  'What was used in a period, without what was recorded after the period had been finalised.';

create or replace function billing.late_usage(tenant_id uuid, usage_type text, period tstzrange, until_batch bigint) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_quantity numeric;
begin
  select coalesce(sum(e.quantity), 0) into v_quantity
    from app_public.usage_events e
   where e.tenant_id = late_usage.tenant_id and e.usage_type = late_usage.usage_type
     and e.occurred_at >= lower(late_usage.period) and e.occurred_at < upper(late_usage.period)
     and e.adjusts_period is not null
     and e.batch_id <= coalesce(late_usage.until_batch, 9223372036854775807);
  return v_quantity;
end
$$;
comment on function billing.late_usage is
  'What was recorded for a period after it had been finalised, up to a batch.';

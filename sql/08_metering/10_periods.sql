-- Calendar periods. They follow the tenant's time zone and its billing anchor: from 31 January monthly periods begin on
-- 28 (or 29) February, 31 March, 30 April, because each start is counted from the anchor and not from the one before.

create or replace function metering.billing_period(at timestamptz, anchor_on date, timezone text, months int default 1)
returns tstzrange
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_local timestamp;
  v_number int;
  v_start timestamptz;
begin
  v_local := billing_period.at at time zone billing_period.timezone;
  v_number := floor(
    ((extract(year from v_local) - extract(year from billing_period.anchor_on)) * 12
     + extract(month from v_local) - extract(month from billing_period.anchor_on)) / billing_period.months);
  v_start := (billing_period.anchor_on + make_interval(months => v_number * billing_period.months)) at time zone billing_period.timezone;
  if v_start > billing_period.at then
    v_number := v_number - 1;
    v_start := (billing_period.anchor_on + make_interval(months => v_number * billing_period.months)) at time zone billing_period.timezone;
  end if;
  return tstzrange(v_start,
    (billing_period.anchor_on + make_interval(months => (v_number + 1) * billing_period.months)) at time zone billing_period.timezone);
end
$$;
comment on function metering.billing_period is
  E'@errors 22023\nThe period that an instant falls into: from local midnight to local midnight, each so many months after the anchor day.';
grant execute on function metering.billing_period to rowhouse_user, rowhouse_platform;

-- Locks of metering, one per tenant and purpose. Who records shares 'record' until the end of its transaction; who
-- finalises a period holds it alone: so each batch is either counted in the period or sees that the period is final.

create or replace function metering.metering_lock(purpose text) returns int
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select 7269736 + array_position(array['record', 'roll_up', 'rerate'], metering_lock.purpose);
$$;
comment on function metering.metering_lock is
  'The first key of the advisory locks of metering: record, roll_up or rerate. The second is hashtext of the tenant''s id.';

create or replace function metering.request_api_key_id() returns uuid
language sql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select nullif(current_setting('rowhouse.api_key_id', true), '')::uuid;
$$;
comment on function metering.request_api_key_id is
  'The API key this request came with, or null.';

create or replace function metering.finalise_usage_period(period tstzrange) returns metering.finalised_periods
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_finalised metering.finalised_periods;
begin
  perform pg_advisory_xact_lock(metering.metering_lock('record'), hashtext(v_tenant_id::text));
  -- batches take their number after the lock: all up to this one are committed or gone, all others will see this row
  insert into metering.finalised_periods (tenant_id, period, last_batch_id)
  select v_tenant_id, finalise_usage_period.period, case when s.is_called then s.last_value else 0 end
    from metering.usage_batches s
  returning * into v_finalised;
  return v_finalised;
end
$$;
comment on function metering.finalise_usage_period is
  'Closes a period of the tenant of the context: events in it that are recorded later have adjusts_period set. For billing, which calls it first and then, in the same transaction, reads the period: its events are those of the period without adjusts_period; the adjustments of an invoice are the events with adjusts_period whose batch_id is above the last_batch_id of the tenant''s finalised period before and not above this one''s. 23P01: it overlaps one that is final.';

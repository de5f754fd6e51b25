-- Calendar periods and the closing of billing periods. A period follows the tenant's time zone and its billing anchor: each
-- start is counted from the anchor, not from the start before, so an anchor of 31 January gives 28 February and 31 March.

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
  E'@errors 22023\nThe period that contains an instant. It begins and ends at local midnight, a multiple of the given months after the anchor day.';
grant execute on function metering.billing_period to rowhouse_user, rowhouse_platform;

-- Advisory locks of metering, one for each tenant and purpose. Recording shares the lock 'record' until the transaction ends,
-- and closing a period takes it exclusively. So each batch is either counted in the period, or it sees that the period is final.

create or replace function metering.metering_lock(purpose text) returns int
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  -- 7269736 is an arbitrary number that no other advisory lock of ours begins with.
  select 7269736 + array_position(array['record', 'roll_up', 'rerate'], metering_lock.purpose);
$$;
comment on function metering.metering_lock is
  'The first key of an advisory lock of metering, by purpose: record, roll_up or rerate. The second key is hashtext of the tenant''s id.';

create or replace function metering.last_batch() returns bigint
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(metering.metering_lock('record'), hashtext(core.current_tenant_id()::text));
  -- A batch takes its number after the lock. So all batches of this tenant up to this number have ended.
  return (select case when s.is_called then s.last_value else 0 end from metering.usage_batches s);
end
$$;
comment on function metering.last_batch is
  'The number of the last batch of events. Until the transaction ends, nothing more is recorded for the tenant of the context.';

create or replace function metering.last_batch_of_period(period tstzrange) returns bigint
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select f.last_batch_id from metering.finalised_periods f
   where f.tenant_id = core.current_tenant_id() and f.period = last_batch_of_period.period;
$$;
comment on function metering.last_batch_of_period is
  'The number of the last batch when a period of the tenant of the context was closed; null when the period is not final.';

create or replace function metering.finalise_usage_period(period tstzrange) returns bigint
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_last_batch_id constant bigint := metering.last_batch();
begin
  -- an invoice that was voided has closed its period already
  if metering.last_batch_of_period(finalise_usage_period.period) is null then
    insert into metering.finalised_periods (tenant_id, period, last_batch_id)
    values (v_tenant_id, finalise_usage_period.period, v_last_batch_id);
  end if;
  return v_last_batch_id;
end
$$;
comment on function metering.finalise_usage_period is
  'Closes a period of the tenant of the context: events of the period that are recorded later have adjusts_period set. Returns the number of the last batch. Billing calls this first and then reads the period, in the same transaction or in a later one. A period that is final already stays as it is. The usage of the period is its events without adjusts_period. The adjustments of its invoice are the events with adjusts_period whose batch_id is above the last_batch_id of the period that the tenant closed before, and not above the last_batch_id of this period. An exclusion constraint refuses a period that overlaps a final one.';

-- Calendar periods. They follow the tenant's time zone and its billing anchor: from 31 January monthly periods begin on
-- 28 (or 29) February, 31 March, 30 April, because each start is counted from the anchor and not from the one before.

create or replace function app_hidden.billing_period(at timestamptz, anchor_on date, timezone text, months int default 1)
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
comment on function app_hidden.billing_period(timestamptz, date, text, int) is
  'The period that an instant falls into: from local midnight to local midnight, each so many months after the anchor day. 22023: the time zone is unknown.';

-- Locks of metering, one per tenant and purpose. Who records shares 'record' until the end of its transaction; who
-- finalises a period holds it alone: so each batch is either counted in the period or sees that the period is final.

create or replace function app_private.metering_lock(purpose text) returns int
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select 7269736 + array_position(array['record', 'roll_up', 'rerate'], metering_lock.purpose);
$$;
comment on function app_private.metering_lock(text) is 'The first key of the advisory locks of metering: record, roll_up or rerate. The second is hashtext of the tenant''s id.';

create or replace function app_private.request_api_key_id() returns uuid
language sql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select nullif(current_setting('rowhouse.api_key_id', true), '')::uuid;
$$;
comment on function app_private.request_api_key_id() is 'The API key this request came with, or null.';

create or replace function app_private.finalise_usage_period(period tstzrange) returns app_private.finalised_periods
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := app_hidden.current_tenant_id();
  v_finalised app_private.finalised_periods;
begin
  perform pg_advisory_xact_lock(app_private.metering_lock('record'), hashtext(v_tenant_id::text));
  -- batches take their number after the lock: all up to this one are committed or gone, all others will see this row
  insert into app_private.finalised_periods (tenant_id, period, last_batch_id)
  select v_tenant_id, finalise_usage_period.period, case when s.is_called then s.last_value else 0 end
    from app_private.usage_batches s
  returning * into v_finalised;
  return v_finalised;
end
$$;
comment on function app_private.finalise_usage_period(tstzrange) is
  'Closes a period of the tenant of the context: events in it that are recorded later have adjusts_period set. For billing, which calls it first and then, in the same transaction, reads the period: its events are those of the period without adjusts_period; the adjustments of an invoice are the events with adjusts_period whose batch_id is above the last_batch_id of the tenant''s finalised period before and not above this one''s. 23P01: it overlaps one that is final.';

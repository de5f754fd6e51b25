-- Corrections of quantities. What was recorded by mistake is taken back by an event with a negative quantity that names the
-- event it corrects. Nothing is rewritten: roll-ups and invoices add up as always, and a final period gets a negative adjustment.

create or replace function metering.event_to_correct(batch_id bigint, ordinal int) returns app_public.usage_events
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_event app_public.usage_events;
begin
  -- Corrections of one event wait for each other here, so each of them sees what those before it took back.
  select * into v_event from app_public.usage_events e
   where e.tenant_id = core.current_tenant_id() and e.batch_id = event_to_correct.batch_id and e.ordinal = event_to_correct.ordinal
     for update;
  if not found then
    perform core.raise_error('MT303', 'There is no such event in this tenant.', 'Give batch_id and ordinal as the receipt or usageLogs has them.');
  elsif v_event.quantity <= 0 then
    perform core.raise_error('MT417', 'The event is a correction itself.', 'Correct the event that was used, or record it again.');
  end if;
  return v_event;
end
$$;
comment on function metering.event_to_correct is
  E'@errors MT303 MT417\nLocks and returns an event whose quantity may be corrected.';

create or replace function metering.write_correction(event app_public.usage_events, batch_id bigint, key text, quantity numeric, metadata jsonb)
returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_left numeric := (event).quantity + (
    select coalesce(sum(c.quantity), 0) from app_public.usage_events c
     where c.tenant_id = (event).tenant_id and c.corrects_batch_id = (event).batch_id and c.corrects_ordinal = (event).ordinal
       and c.occurred_at = (event).occurred_at);
  v_periods tstzrange[] := metering.final_periods(coalesce((event).payer_id, (event).tenant_id), (event).occurred_at, (event).occurred_at);
begin
  if write_correction.quantity > v_left then
    perform core.raise_error('MT502', format('quantity must be at most %s, which is what the event has left.', trim_scale(v_left)),
      'Corrections never take back more than was recorded.');
  end if;
  insert into app_public.usage_events (
    tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id, agent_id, project_id, api_key_id, model_id,
    feature_name, cost, price_id, is_unpriced, adjusts_period, corrects_batch_id, corrects_ordinal, idempotency_key, metadata, payer_id)
  values (
    (event).tenant_id, write_correction.batch_id, 1, (event).occurred_at, (event).usage_type, -write_correction.quantity,
    (event).user_id, (event).agent_id, (event).project_id, (event).api_key_id, (event).model_id, (event).feature_name,
    -- The cost of one, which the price has exactly, is recovered by the division; rerating would show a difference.
    trim_scale(-write_correction.quantity * ((event).cost / (event).quantity)), (event).price_id, (event).is_unpriced, v_periods[1],
    (event).batch_id, (event).ordinal, write_correction.key, write_correction.metadata, (event).payer_id);
  insert into metering.usage_queue (tenant_id, batch_id, event_count, first_at, last_at, payer_id)
  values ((event).tenant_id, write_correction.batch_id, 1, (event).occurred_at, (event).occurred_at, (event).payer_id);
end
$$;
comment on function metering.write_correction is
  E'@errors MT502\nStores a correction of an event that is locked, with the time, the dimensions and the price of the event.';

create or replace function metering.store_correction(key text, batch_id bigint, ordinal int, quantity numeric, reason text)
returns app_public.usage_receipt
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_metadata constant jsonb := jsonb_build_object(
    'corrects_batch_id', store_correction.batch_id, 'corrects_ordinal', store_correction.ordinal, 'reason', store_correction.reason);
  v_event app_public.usage_events := metering.event_to_correct(store_correction.batch_id, store_correction.ordinal);
  v_correction app_public.new_usage_event;
  v_batch_id bigint;
  v_receipt app_public.usage_receipt;
begin
  v_correction.idempotency_key := store_correction.key;
  v_correction.usage_type := v_event.usage_type;
  v_correction.quantity := store_correction.quantity;
  v_correction.metadata := v_metadata;
  -- The amount that is taken back obeys the rules of an amount that is used. The event may be as old as it is: its time is
  -- filled in afterwards.
  perform metering.check_usage(array[v_correction]);
  v_correction.occurred_at := v_event.occurred_at;
  -- The period to adjust is that of the tenant that paid for the event, which need not be the one that pays now.
  perform pg_advisory_xact_lock_shared(metering.metering_lock('record'), hashtext(coalesce(v_event.payer_id, v_event.tenant_id)::text));
  select b.batch_id into v_batch_id from metering.begin_usage() b;
  if metering.claim_usage_keys(array[v_correction], v_batch_id) <> '{}' then
    perform metering.write_correction(v_event, v_batch_id, store_correction.key, store_correction.quantity, v_metadata);
  end if;
  select k.key, k.batch_id, k.ordinal, k.occurred_at, k.batch_id <> v_batch_id into v_receipt
    from metering.usage_idempotency_keys k where k.tenant_id = v_event.tenant_id and k.key = store_correction.key;
  return v_receipt;
end
$$;
comment on function metering.store_correction is
  E'@errors MT303 MT401 MT403 MT407 MT411 MT417 MT501 MT502\nStores a correction of an event of the tenant of the context, or returns the receipt of the one that was stored under the key before.';

create or replace function app_public.correct_usage(idempotency_key text, batch_id bigint, ordinal int, quantity numeric, reason text default null)
returns app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- A correction lowers what is billed, so who pays does not decide about it.
  perform tenancy.require_staff();
  return metering.store_correction(
    correct_usage.idempotency_key, correct_usage.batch_id, correct_usage.ordinal, correct_usage.quantity, correct_usage.reason);
end
$$;
comment on function app_public.correct_usage is
  E'@resultFieldName receipt\n@errors TN205 MT303 MT401 MT403 MT407 MT411 MT417 MT501 MT502\nTakes back a quantity of an event that was recorded by mistake, at the time and by the price of the event; a period that is final gets a negative adjustment. All corrections of an event together never take back more than it has, and a correction cannot be corrected. The idempotency key works as in recordUsage. Only platform staff may call this, because it lowers what is billed.';
grant execute on function app_public.correct_usage to rowhouse_user;

create or replace function metering.correct_tenant_usage(
  tenant_id uuid, idempotency_key text, batch_id bigint, ordinal int, quantity numeric, reason text default null
) returns app_public.usage_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(correct_tenant_usage.tenant_id);
  perform set_config('rowhouse.user_id', '', true);
  return metering.store_correction(correct_tenant_usage.idempotency_key, correct_tenant_usage.batch_id, correct_tenant_usage.ordinal,
    correct_tenant_usage.quantity, correct_tenant_usage.reason);
end
$$;
comment on function metering.correct_tenant_usage is
  E'@errors MT303 MT401 MT403 MT407 MT411 MT417 MT501 MT502\nCorrects usage for a task, as correct_usage does.';
grant execute on function metering.correct_tenant_usage to rowhouse_worker;

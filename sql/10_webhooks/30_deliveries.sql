-- Deliveries: one row for each event and endpoint that wants it, written in the transaction that caused the event. Nothing is
-- written for a kind that nobody wants. A row is sent by 40_sending.sql, stays for 30 days as the log, and can be sent again.

call core.secure_tenant_table('app_public.webhook_deliveries');
call audit.leave_out('the progress of tasks', 'app_public.webhook_deliveries');
call core.exempt_from_guard('app_public.webhook_deliveries', '_000_require_writable_tenant', 'what happens to a tenant that is read-only, such as a payment, is told as well');
call core.allow('app_public.webhook_deliveries', read => 'webhook_manager');
grant select on app_public.webhook_deliveries to rowhouse_user;
grant select, insert, update, delete on app_public.webhook_deliveries to rowhouse_platform;
comment on table app_public.webhook_deliveries is
  E'@behavior -insert -update -delete\n@large\nWhat was sent to webhook endpoints or waits to be sent, for 30 days. Reading it requires can_manage_settings.';
comment on column app_public.webhook_deliveries.sequence is 'The place in the order of events. Events of one object are sent to an endpoint in this order.';
comment on column app_public.webhook_deliveries.endpoint_id is E'@behavior -orderBy\nThe endpoint.';
comment on column app_public.webhook_deliveries.event_id is 'The event. The header webhook-id is msg_ and its digits, the same at every attempt and every replay.';
comment on column app_public.webhook_deliveries.kind is 'The kind of the event.';
comment on column app_public.webhook_deliveries.version is 'The version of the data of the kind.';
comment on column app_public.webhook_deliveries.about_tenant_id is 'The tenant in which the event happened: another one only for an endpoint of all tenants.';
comment on column app_public.webhook_deliveries.object_id is 'The object of the event, such as the invoice.';
comment on column app_public.webhook_deliveries.payload is 'The data of the event, or isTooLarge when it was larger than 64 kB.';
comment on column app_public.webhook_deliveries.occurred_at is 'When the event happened.';
comment on column app_public.webhook_deliveries.status is 'The state of the delivery.';
comment on column app_public.webhook_deliveries.attempts is 'How many times sending was attempted since the event or the last replay.';
comment on column app_public.webhook_deliveries.next_attempt_at is 'When it is sent next, if no earlier event of the object waits; null when it is not sent any more.';
comment on column app_public.webhook_deliveries.leased_until is E'@behavior -*\nUntil this time one worker has the delivery for itself.';
comment on column app_public.webhook_deliveries.response_status is 'The HTTP status of the last answer; null when there was none.';
comment on column app_public.webhook_deliveries.response_body is 'The first 1,000 characters of the last answer.';
comment on column app_public.webhook_deliveries.duration_ms is 'How long the last attempt took, in milliseconds.';
comment on column app_public.webhook_deliveries.error is 'Why the last attempt failed; null when it did not fail.';
comment on column app_public.webhook_deliveries.delivered_at is 'When the endpoint accepted it; null when it has not.';
comment on column app_public.webhook_deliveries.created_at is 'When the row was created. It is deleted 30 days later.';
comment on constraint webhook_deliveries_tenant_id_endpoint_id_fkey on app_public.webhook_deliveries is E'@fieldName endpoint\n@foreignFieldName deliveries';

create or replace function webhooks.max_pending() returns int
language sql immutable parallel safe
return 10000;
comment on function webhooks.max_pending is 'How many deliveries can wait for one endpoint. What comes beyond is skipped.';
grant execute on function webhooks.max_pending to rowhouse_platform;

create or replace function webhooks.max_payload_bytes() returns int
language sql immutable parallel safe
return 65536;
comment on function webhooks.max_payload_bytes is 'How many bytes the data of an event can have, as JSON is stored.';
grant execute on function webhooks.max_payload_bytes to rowhouse_platform;

create or replace function webhooks.pending_count(tenant_id uuid, endpoint_id uuid, most int) returns int
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select count(*)
      from (select from app_public.webhook_deliveries d
             where d.tenant_id = pending_count.tenant_id and d.endpoint_id = pending_count.endpoint_id and d.status = 'pending'
             limit pending_count.most) pending);
end
$$;
comment on function webhooks.pending_count is 'How many deliveries wait for an endpoint, counted up to a limit.';
grant execute on function webhooks.pending_count to rowhouse_platform;

-- Once a transaction, because a job costs more than an event. A caller who sets the setting only delays its own events, until the
-- clock runs the task.
create or replace function webhooks.wake_sender() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  if current_setting('rowhouse.sender_asked_in', true) is distinct from pg_current_xact_id()::text then
    perform core.enqueue_job('webhooks__deliver', '{}');
    perform set_config('rowhouse.sender_asked_in', pg_current_xact_id()::text, true);
  end if;
end
$$;
comment on function webhooks.wake_sender is 'Asks for a worker to send, when this transaction commits.';
grant execute on function webhooks.wake_sender to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: an event can happen in a tenant other than the one that acts, and staff's endpoints get those of all tenants
create or replace function webhooks.is_wanted(tenant_id uuid, kind text) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.webhook_endpoints e
     where (e.tenant_id = is_wanted.tenant_id or e.of_all_tenants) and is_wanted.kind = any (e.kinds));
end
$$;
comment on function webhooks.is_wanted is
  'Whether any endpoint wants a kind of event of a tenant, for events that are many: asking takes less than emitting.';
grant execute on function webhooks.is_wanted to rowhouse_owner;

create or replace function webhooks.emit(tenant_id uuid, kind text, object_id uuid, payload jsonb) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_event_id constant uuid := gen_random_uuid();
  v_version int := (select k.version from app_public.webhook_event_kinds k where k.kind = emit.kind);
  v_payload constant jsonb := case
    when pg_column_size(emit.payload) > webhooks.max_payload_bytes() then '{"isTooLarge": true}'
    else coalesce(emit.payload, '{}') end;
begin
  if v_version is null then
    perform core.raise_error('WH901', format('The kind of event %s is not registered.', emit.kind), 'Call webhooks.define_kind.');
  end if;
  insert into app_public.webhook_deliveries (
    tenant_id, endpoint_id, event_id, kind, version, about_tenant_id, object_id, payload, occurred_at, status, next_attempt_at)
  select e.tenant_id, e.id, v_event_id, emit.kind, v_version, emit.tenant_id, emit.object_id, v_payload, core.clock(), s.status,
         case s.status when 'pending' then core.clock() end
    from app_public.webhook_endpoints e
    -- A tenant that is being deleted wants nothing more.
    join app_public.tenants t on t.id = e.tenant_id
   cross join lateral (
     select case when e.disabled_reason is null and webhooks.pending_count(e.tenant_id, e.id, webhooks.max_pending()) < webhooks.max_pending()
              then 'pending' else 'skipped' end as status) s
   where (e.tenant_id = emit.tenant_id or e.of_all_tenants) and emit.kind = any (e.kinds)
     -- What a receiver missed because it was down can be replayed.
     and coalesce(e.disabled_reason, 'failing') = 'failing'
     -- Without the lock an endpoint that someone deletes just now would make the event's own transaction fail.
     for key share of e skip locked;
  if found then
    perform webhooks.wake_sender();
  end if;
end
$$;
comment on function webhooks.emit is
  E'@errors WH901\nWrites an event of a tenant to each endpoint that wants its kind, in this transaction. Domains call it in triggers on the object''s row, whose lock gives the events of one object their order.';
grant execute on function webhooks.emit to rowhouse_owner;

set local role rowhouse_owner;

create or replace function webhooks.require_sendable(endpoint app_public.webhook_endpoints) returns int
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_room int := webhooks.max_pending() - webhooks.pending_count((endpoint).tenant_id, (endpoint).id, webhooks.max_pending());
begin
  if (endpoint).disabled_reason is not null then
    perform core.raise_error('WH501', 'The webhook endpoint is disabled.', 'Enable it first.');
  elsif v_room <= 0 then
    perform core.raise_error('WH602', format('%s deliveries wait for this endpoint already.', webhooks.max_pending()), 'Wait until some are sent.');
  end if;
  return v_room;
end
$$;
comment on function webhooks.require_sendable is
  E'@errors WH501 WH602\nRaises an error unless something can be sent to the endpoint, and returns how many deliveries may be added.';

create or replace function app_public.send_test_webhook(endpoint_id uuid) returns app_public.webhook_deliveries
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_endpoint app_public.webhook_endpoints := webhooks.require_endpoint(send_test_webhook.endpoint_id);
  v_delivery app_public.webhook_deliveries;
begin
  perform tenancy.require_writable_tenant();
  perform webhooks.require_sendable(v_endpoint);
  insert into app_public.webhook_deliveries as d (
    tenant_id, endpoint_id, event_id, kind, version, about_tenant_id, object_id, payload, occurred_at, next_attempt_at)
  select v_endpoint.tenant_id, v_endpoint.id, gen_random_uuid(), k.kind, k.version, v_endpoint.tenant_id, v_endpoint.id,
         jsonb_build_object('endpoint_id', v_endpoint.id), core.clock(), core.clock()
    from app_public.webhook_event_kinds k where k.kind = 'webhook.test'
  returning d.* into v_delivery;
  perform webhooks.wake_sender();
  return v_delivery;
end
$$;
comment on function app_public.send_test_webhook is
  E'@resultFieldName delivery\n@errors ID202 ID203 TN202 TN205 WH301 WH501 WH602\nSends a test message to an endpoint, whichever kinds it chose, and returns the delivery, whose status tells how it went. You need the permission can_manage_settings.';
grant execute on function app_public.send_test_webhook to rowhouse_user;

create or replace function webhooks.send_again(endpoint app_public.webhook_endpoints, delivery_ids uuid[]) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  update app_public.webhook_deliveries d
     set status = 'pending', attempts = 0, next_attempt_at = core.clock(), delivered_at = null, error = null
   where d.tenant_id = (endpoint).tenant_id and d.id = any (delivery_ids) and d.status <> 'pending';
  get diagnostics v_count = row_count;
  if v_count > 0 then
    update app_public.webhook_endpoints e set rested_until = null
     where e.tenant_id = (endpoint).tenant_id and e.id = (endpoint).id and e.rested_until is not null;
    perform webhooks.wake_sender();
  end if;
  return v_count;
end
$$;
comment on function webhooks.send_again is
  'Makes these deliveries of an endpoint wait to be sent, from the first attempt on, and returns how many did not wait already.';

create or replace function app_public.replay_webhook_delivery(delivery_id uuid) returns app_public.webhook_deliveries
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_delivery app_public.webhook_deliveries;
  v_endpoint app_public.webhook_endpoints;
begin
  perform webhooks.require_manager();
  select d.* into v_delivery from app_public.webhook_deliveries d
   where d.tenant_id = core.current_tenant_id() and d.id = replay_webhook_delivery.delivery_id;
  if not found then
    perform core.raise_error('WH302', 'This webhook delivery does not exist.', 'Deliveries are kept for 30 days.');
  end if;
  v_endpoint := webhooks.require_endpoint(v_delivery.endpoint_id);
  perform tenancy.require_writable_tenant();
  perform webhooks.require_sendable(v_endpoint);
  perform webhooks.send_again(v_endpoint, array[v_delivery.id]);
  select d.* into v_delivery from app_public.webhook_deliveries d where d.tenant_id = v_delivery.tenant_id and d.id = v_delivery.id;
  return v_delivery;
end
$$;
comment on function app_public.replay_webhook_delivery is
  E'@resultFieldName delivery\n@errors ID202 ID203 TN202 TN205 WH301 WH302 WH501 WH602\nSends a delivery again, with the same webhook-id, whether it was accepted before or not. One that waits already is left as it is. You need the permission can_manage_settings.';
grant execute on function app_public.replay_webhook_delivery to rowhouse_user;

create or replace function app_public.replay_webhook_deliveries(endpoint_id uuid, since timestamptz) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_endpoint app_public.webhook_endpoints := webhooks.require_endpoint(replay_webhook_deliveries.endpoint_id);
  v_room int := webhooks.require_sendable(v_endpoint);
begin
  perform tenancy.require_writable_tenant();
  return webhooks.send_again(v_endpoint, array(
    select d.id from app_public.webhook_deliveries d
     where d.tenant_id = v_endpoint.tenant_id and d.endpoint_id = v_endpoint.id and d.status <> 'pending'
       and d.occurred_at >= replay_webhook_deliveries.since
     order by d.sequence
     limit v_room));
end
$$;
comment on function app_public.replay_webhook_deliveries is
  E'@resultFieldName count\n@errors ID202 ID203 TN202 TN205 WH301 WH501 WH602\nSends all events of an endpoint since a time again, in their order and with the same webhook-id, also those that were skipped while it was disabled for failing. Returns how many; at most so many that 10,000 wait, the oldest first. You need the permission can_manage_settings.';
grant execute on function app_public.replay_webhook_deliveries to rowhouse_user;

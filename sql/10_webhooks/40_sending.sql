-- Sending: a worker claims deliveries of all tenants, endpoints in turns, sends them, and reports each. A claim is a lease, so
-- what a dead worker held is sent again. Of one object only the earliest waiting event is sent.

create or replace function webhooks.retry_after(attempts int) returns interval
language sql immutable parallel safe
return (array['1 minute', '5 minutes', '30 minutes', '2 hours', '5 hours', '10 hours', '14 hours', '20 hours', '24 hours']::interval[])[attempts];
comment on function webhooks.retry_after is 'The pause after so many attempts; null after the last one.';

create or replace function webhooks.message(delivery app_public.webhook_deliveries) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'type', (delivery).kind,
    'timestamp', to_char((delivery).occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'version', (delivery).version, 'tenant_id', (delivery).about_tenant_id, 'object_id', (delivery).object_id,
    'data', (delivery).payload)::text;
$$;
comment on function webhooks.message is 'The body of a delivery, the same at every attempt.';
grant execute on function webhooks.message to rowhouse_platform;

create or replace function webhooks.max_at_once(endpoint app_public.webhook_endpoints) returns int
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when (endpoint).failure_count < 5 then 4
    -- An endpoint that is down is tried with one delivery a minute.
    when (endpoint).last_claimed_at > core.clock() - interval '50 seconds' then 0
    else 1 end;
$$;
comment on function webhooks.max_at_once is 'How many deliveries may be on their way to an endpoint at once.';
grant execute on function webhooks.max_at_once to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: one worker sends the deliveries of all tenants, and each tenant gets its share
create or replace function webhooks.claim_of_endpoint(endpoint app_public.webhook_endpoints, room int)
returns setof app_public.webhook_deliveries
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_per_tenant constant int := 8;
  v_long_queue constant int := 500;
  -- longer than tasks/webhooks__deliver.ts waits for an answer
  v_lease constant interval := '1 minute';
  v_now constant timestamptz := core.clock();
  v_room int;
begin
  select least(claim_of_endpoint.room, v_per_tenant - count(*),
               webhooks.max_at_once(claim_of_endpoint.endpoint) - count(*) filter (where d.endpoint_id = (claim_of_endpoint.endpoint).id))
    into v_room
    from app_public.webhook_deliveries d
   where d.tenant_id = (claim_of_endpoint.endpoint).tenant_id and d.leased_until > v_now;
  if v_room <= 0 then
    return;
  end if;
  return query
    update app_public.webhook_deliveries u
       set attempts = u.attempts + 1, leased_until = v_now + v_lease
      from (select d.id from app_public.webhook_deliveries d
             where d.tenant_id = (claim_of_endpoint.endpoint).tenant_id and d.endpoint_id = (claim_of_endpoint.endpoint).id
               and d.status = 'pending' and d.next_attempt_at <= v_now and (d.leased_until is null or d.leased_until <= v_now)
               and not exists (
                 select from app_public.webhook_deliveries earlier
                  where earlier.tenant_id = d.tenant_id and earlier.endpoint_id = d.endpoint_id and earlier.object_id = d.object_id
                    and earlier.status = 'pending' and earlier.sequence < d.sequence)
             order by d.sequence
             limit v_room) due
     where u.tenant_id = (claim_of_endpoint.endpoint).tenant_id and u.id = due.id
    returning u.*;
  if found then
    update app_public.webhook_endpoints e set last_claimed_at = v_now
     where e.tenant_id = (claim_of_endpoint.endpoint).tenant_id and e.id = (claim_of_endpoint.endpoint).id;
  elsif webhooks.pending_count((claim_of_endpoint.endpoint).tenant_id, (claim_of_endpoint.endpoint).id, v_long_queue) = v_long_queue then
    -- To look through thousands that wait for an earlier one takes long, and others wait for it.
    update app_public.webhook_endpoints e set rested_until = v_now + interval '30 seconds'
     where e.tenant_id = (claim_of_endpoint.endpoint).tenant_id and e.id = (claim_of_endpoint.endpoint).id;
  end if;
end
$$;
comment on function webhooks.claim_of_endpoint is
  'Leases deliveries of an endpoint that are due, at most as many as room, the endpoint and the tenant allow.';

-- An index scan that jumps from endpoint to endpoint, so a long queue of one costs no more than a short one.
create or replace function webhooks.waiting_endpoints() returns setof app_public.webhook_endpoints
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  with recursive waiting (tenant_id, endpoint_id) as (
    (select d.tenant_id, d.endpoint_id from app_public.webhook_deliveries d
      where d.status = 'pending' order by d.tenant_id, d.endpoint_id limit 1)
    union all
    select n.tenant_id, n.endpoint_id
      from waiting w
     cross join lateral (
       select d.tenant_id, d.endpoint_id from app_public.webhook_deliveries d
        where d.status = 'pending' and (d.tenant_id, d.endpoint_id) > (w.tenant_id, w.endpoint_id)
        order by d.tenant_id, d.endpoint_id limit 1) n
  )
  select e.*
    from waiting w
    join app_public.webhook_endpoints e on e.tenant_id = w.tenant_id and e.id = w.endpoint_id and e.disabled_reason is null
     and coalesce(e.rested_until <= core.clock(), true)
    join app_public.tenants t on t.id = e.tenant_id and tenancy.is_open(t.status, t.ancestor_ids)
   order by e.last_claimed_at nulls first, e.id;
$$;
comment on function webhooks.waiting_endpoints is
  'The endpoints for which deliveries wait, those first that were served longest ago. Those of a tenant that is closed wait until it is open.';

create or replace function webhooks.claim_deliveries(room int)
returns table (tenant_id uuid, delivery_id uuid, attempt int, url text, message_id text, sent_at bigint, signatures text, body text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_sent_at constant bigint := extract(epoch from core.clock())::bigint;
  v_room int := least(coalesce(claim_deliveries.room, 0), 100);
  v_endpoint app_public.webhook_endpoints;
begin
  -- One claims at a time, so that none comes away empty-handed because another looks at the same rows.
  perform pg_advisory_xact_lock(hashtextextended('webhooks.claim_deliveries', 0));
  for v_endpoint in select * from webhooks.waiting_endpoints() loop
    exit when v_room <= 0;
    -- Whoever writes an endpoint and its deliveries locks the endpoint first. One that someone holds has its turn later, so
    -- that nobody keeps those of all tenants waiting.
    select e.* into v_endpoint from app_public.webhook_endpoints e
     where e.tenant_id = v_endpoint.tenant_id and e.id = v_endpoint.id and e.disabled_reason is null for no key update skip locked;
    continue when not found;
    for tenant_id, delivery_id, attempt, url, message_id, sent_at, signatures, body in
      select d.tenant_id, d.id, d.attempts, v_endpoint.url, i.message_id, v_sent_at,
             webhooks.signatures(
               array[v.secret, case when v.previous_until > core.clock() then v.previous_secret end], i.message_id, v_sent_at, m.body),
             m.body
        from webhooks.claim_of_endpoint(v_endpoint, v_room) d
        join vault.webhook_endpoints v on v.tenant_id = d.tenant_id and v.endpoint_id = d.endpoint_id
       cross join lateral (select 'msg_' || replace(d.event_id::text, '-', '') as message_id) i
       cross join lateral (select webhooks.message(d) as body) m
       order by d.sequence
    loop
      v_room := v_room - 1;
      return next;
    end loop;
  end loop;
end
$$;
comment on function webhooks.claim_deliveries is
  'Leases up to room deliveries that are due, of all tenants and endpoints in turns, and returns what to send: address, headers and body.';
grant execute on function webhooks.claim_deliveries to rowhouse_worker;

create or replace function webhooks.expire_deliveries() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_batch constant int := 10000;
  v_kept_for constant interval := '30 days';
  v_count int;
begin
  delete from app_public.webhook_deliveries d
   using (select o.tenant_id, o.id from app_public.webhook_deliveries o where o.created_at < core.clock() - v_kept_for
           order by o.created_at limit v_batch) old
   where d.tenant_id = old.tenant_id and d.id = old.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function webhooks.expire_deliveries is
  'Deletes up to 10,000 deliveries that are older than 30 days, and returns how many.';
grant execute on function webhooks.expire_deliveries to rowhouse_worker;

set local role rowhouse_owner;

create or replace function webhooks.disable_endpoint(endpoint app_public.webhook_endpoints, reason text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.webhook_endpoints e set disabled_reason = disable_endpoint.reason, disabled_at = core.clock()
   where e.tenant_id = (endpoint).tenant_id and e.id = (endpoint).id and e.disabled_reason is null;
  if not found then
    return;
  end if;
  update app_public.webhook_deliveries d set status = 'skipped', next_attempt_at = null, leased_until = null
   where d.tenant_id = (endpoint).tenant_id and d.endpoint_id = (endpoint).id and d.status = 'pending';
  if disable_endpoint.reason <> 'manual' then
    perform webhooks.emit((endpoint).tenant_id, 'webhook.disabled', (endpoint).id, jsonb_build_object(
      'endpoint_id', (endpoint).id, 'url', (endpoint).url, 'reason', disable_endpoint.reason));
    perform webhooks.queue_alerts((endpoint).tenant_id, (endpoint).id);
  end if;
end
$$;
comment on function webhooks.disable_endpoint is
  'Disables an endpoint, whose row is locked, and skips what waits for it. When no person did it, those who look after it get a mail and the other endpoints an event.';

create or replace function app_public.disable_webhook_endpoint(endpoint_id uuid) returns app_public.webhook_endpoints
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_endpoint app_public.webhook_endpoints := webhooks.require_endpoint(disable_webhook_endpoint.endpoint_id);
begin
  perform tenancy.require_writable_tenant();
  perform webhooks.disable_endpoint(v_endpoint, 'manual');
  select e.* into v_endpoint from app_public.webhook_endpoints e where e.tenant_id = v_endpoint.tenant_id and e.id = v_endpoint.id;
  return v_endpoint;
end
$$;
comment on function app_public.disable_webhook_endpoint is
  E'@resultFieldName endpoint\n@errors ID202 ID203 TN202 TN205 WH301\nDisables an endpoint. What waits for it is skipped, and events are not written for it until it is enabled. You need the permission can_manage_settings.';
grant execute on function app_public.disable_webhook_endpoint to rowhouse_user;

create or replace function webhooks.note_outcome(endpoint app_public.webhook_endpoints, is_accepted boolean, response_status int) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_patience constant interval := '5 days';
  v_least_failures constant int := 10;
  v_endpoint app_public.webhook_endpoints;
begin
  if note_outcome.is_accepted then
    update app_public.webhook_endpoints e set failing_since = null, failure_count = 0, rested_until = null
     where e.tenant_id = (endpoint).tenant_id and e.id = (endpoint).id and (e.failure_count > 0 or e.rested_until is not null);
    return;
  end if;
  update app_public.webhook_endpoints e set failing_since = coalesce(e.failing_since, core.clock()), failure_count = e.failure_count + 1
   where e.tenant_id = (endpoint).tenant_id and e.id = (endpoint).id
  returning e.* into v_endpoint;
  if note_outcome.response_status = 410 then
    perform webhooks.disable_endpoint(v_endpoint, 'gone');
  elsif v_endpoint.failing_since <= core.clock() - v_patience and v_endpoint.failure_count >= v_least_failures then
    perform webhooks.disable_endpoint(v_endpoint, 'failing');
  end if;
end
$$;
comment on function webhooks.note_outcome is
  'Notes on an endpoint, whose row is locked, whether a call succeeded. 410 Gone disables it, and so do five days in which ten calls or more have failed and none has succeeded.';

create or replace function webhooks.finish_delivery(
  tenant_id uuid, delivery_id uuid, attempt int, response_status int, response_body text, duration_ms int, error text default null
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_is_accepted constant boolean := finish_delivery.error is null and coalesce(finish_delivery.response_status between 200 and 299, false);
  v_endpoint app_public.webhook_endpoints;
begin
  call core.enter_tenant(finish_delivery.tenant_id);
  select e.* into v_endpoint
    from app_public.webhook_endpoints e
    join app_public.webhook_deliveries d on d.tenant_id = e.tenant_id and d.endpoint_id = e.id
   where d.tenant_id = finish_delivery.tenant_id and d.id = finish_delivery.delivery_id
     for no key update of e;
  update app_public.webhook_deliveries d
     set status = case when v_is_accepted then 'delivered' when webhooks.retry_after(d.attempts) is null then 'failed' else 'pending' end,
         next_attempt_at = case when not v_is_accepted then core.clock() + webhooks.retry_after(d.attempts) end,
         delivered_at = case when v_is_accepted then core.clock() end,
         leased_until = null, response_status = finish_delivery.response_status, duration_ms = finish_delivery.duration_ms,
         response_body = left(finish_delivery.response_body, 1000),
         error = case when not v_is_accepted then left(coalesce(finish_delivery.error, format('The endpoint answered %s.', finish_delivery.response_status)), 500) end
   where d.tenant_id = finish_delivery.tenant_id and d.id = finish_delivery.delivery_id
     -- Any attempt may report success, but only the latest one may report a failure.
     and case when v_is_accepted then d.status <> 'delivered' else d.status = 'pending' and d.attempts = finish_delivery.attempt end;
  if found then
    perform webhooks.note_outcome(v_endpoint, v_is_accepted, finish_delivery.response_status);
  end if;
end
$$;
comment on function webhooks.finish_delivery is
  'Records the result of an attempt: the answer of the endpoint, or why there was none. A status from 200 to 299 accepts the delivery; after anything else it is sent again later, up to ten times in 76 hours.';
grant execute on function webhooks.finish_delivery to rowhouse_worker;

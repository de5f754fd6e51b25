-- The functions by which people and programs use quotas. Users, agents, API keys, documents and storage need no call, because
-- their counters follow the rows, and neither do tokens and cost that are recorded. What is not recorded is consumed, or it is
-- reserved first and settled later.

create or replace function metering.require_agent(agent_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if require_agent.agent_id is not null
    and not exists (select from app_public.agents a where a.id = require_agent.agent_id and a.deleted_at is null) then
    perform core.raise_error('MT301', 'There is no such member or agent in this tenant.', 'List the agents of this tenant.');
  end if;
  perform tenancy.require_key_for_agent(require_agent.agent_id);
end
$$;
comment on function metering.require_agent is
  E'@errors KY204 MT301\nRaises an error when there is no such agent in the tenant of the context, or the API key of the request is not for it; null is no agent.';

create or replace function metering.check_use(quota_type app_public.quota_type, amount numeric, agent_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_record_usage');
  if check_use.quota_type is null or metering.is_count_quota(check_use.quota_type) then
    perform core.raise_error('QT402', 'quota_type must be api_calls, tokens or cost.',
      'Users, agents, API keys, documents and storage are counted automatically.');
  end if;
  -- The maximum refuses NaN too, because NaN compares as larger than every number.
  if check_use.amount is null or not (check_use.amount > 0 and check_use.amount < metering.max_amount())
    or check_use.quota_type <> 'cost' and check_use.amount <> trunc(check_use.amount) then
    perform core.raise_error('QT403', 'amount must be a positive number, and whole unless it is a cost.', 'Costs are in US dollars.');
  end if;
  perform metering.require_agent(check_use.agent_id);
end
$$;
comment on function metering.check_use is
  E'@errors ID203 KY204 MT301 QT402 QT403\nRefuses a use of a quota that is not possible.';

call core.secure_tenant_table('metering.quota_keys');
call audit.leave_out('counters that rules keep', 'metering.quota_keys');
grant select, delete on metering.quota_keys to rowhouse_platform;
comment on table metering.quota_keys is
  'For each idempotency key of a use or a reservation a hash of what was asked, and the answer. A key is kept for 30 days.';

create or replace function metering.claim_quota_key(key text, payload_hash bigint) returns metering.quota_keys
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_known metering.quota_keys;
begin
  if length(claim_quota_key.key) not between 1 and 255 then
    perform core.raise_error('QT407', 'idempotency_key must have 1 to 255 characters.',
      'Use a key that stays the same when the call is repeated, such as the id of what is done.');
  end if;
  insert into metering.quota_keys (tenant_id, key, payload_hash, used_at)
  values (core.current_tenant_id(), claim_quota_key.key, claim_quota_key.payload_hash, core.clock())
  on conflict do nothing;
  if found then
    return null;
  end if;
  -- The insert has waited for the commit of the caller that took the key, and a new statement sees its answer.
  select * into v_known from metering.quota_keys k where k.tenant_id = core.current_tenant_id() and k.key = claim_quota_key.key;
  if v_known.payload_hash is distinct from claim_quota_key.payload_hash then
    perform core.raise_error('QT502', 'The idempotency_key already belongs to another use or reservation.',
      'Repeat the call exactly as it was first made, or give it a key of its own.');
  end if;
  return v_known;
end
$$;
comment on function metering.claim_quota_key is
  E'@errors QT407 QT502\nTakes an idempotency key and returns null, or returns the row of the call that took it before. When several callers take one key at once, one gets it and the others wait for its commit; when it is rolled back, one of them gets the key.';

create or replace function app_public.consume_quota(
  quota_type app_public.quota_type, amount numeric, agent_id uuid default null, idempotency_key text default null
) returns setof app_public.quota_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_known metering.quota_keys;
  v_answer app_public.quota_status[];
begin
  perform metering.check_use(consume_quota.quota_type, consume_quota.amount, consume_quota.agent_id);
  if consume_quota.idempotency_key is not null then
    v_known := metering.claim_quota_key(consume_quota.idempotency_key, hash_record_extended(row(
      text 'use', consume_quota.quota_type::text, consume_quota.amount, core.current_user_id(), consume_quota.agent_id), 0));
    if v_known.key is not null then
      return query select * from jsonb_populate_recordset(null::app_public.quota_status, v_known.answer);
      return;
    end if;
  end if;
  v_answer := array(
    select q from metering.use_quota(
      row(core.current_tenant_id(), consume_quota.quota_type, consume_quota.amount, core.current_user_id(),
          coalesce(consume_quota.agent_id, tenancy.current_agent_id()), core.current_api_key_id(), null, null, null)::metering.quota_use) as q);
  update metering.quota_keys k set answer = to_jsonb(v_answer)
   where k.tenant_id = core.current_tenant_id() and k.key = consume_quota.idempotency_key;
  return query select * from unnest(v_answer);
end
$$;
comment on function app_public.consume_quota is
  E'@resultFieldName quotas\n@errors ID203 KY204 MT301 QT402 QT403 QT407 QT502 QT601\nTakes an amount of api_calls, tokens or cost (US dollars) from all quotas that apply to you, the agent, your API key, this tenant and the tenants above it, or from none of them. Returns these quotas; the list is empty when there is no limit. With an idempotency_key, which is kept for 30 days, the same call again takes nothing and returns the first answer. It is for what is not recorded: recordUsage and recordLlmUsage count tokens and their cost by themselves. It needs the permission can_record_usage.';
grant execute on function app_public.consume_quota to rowhouse_user;

create or replace function app_public.reserve_quota(
  quota_type app_public.quota_type, amount numeric, ttl_seconds int default 600, agent_id uuid default null,
  idempotency_key text default null
)
returns app_public.quota_reservations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_known metering.quota_keys;
  v_reservation app_public.quota_reservations;
  -- what is held is lost to everybody else, and no call lasts longer
  v_max_seconds constant int := 60 * 60;
begin
  perform metering.check_use(reserve_quota.quota_type, reserve_quota.amount, reserve_quota.agent_id);
  if reserve_quota.ttl_seconds is null or reserve_quota.ttl_seconds not between 1 and v_max_seconds then
    perform core.raise_error('QT404', 'ttl_seconds must be from 1 to 3600.', 'Ten minutes are enough for most calls.');
  end if;
  v_reservation.id := gen_random_uuid();
  if reserve_quota.idempotency_key is not null then
    v_known := metering.claim_quota_key(reserve_quota.idempotency_key, hash_record_extended(row(
      text 'reservation', reserve_quota.quota_type::text, reserve_quota.amount, core.current_user_id(), reserve_quota.agent_id,
      reserve_quota.ttl_seconds), 0));
    if v_known.key is not null then
      select * into v_reservation from app_public.quota_reservations r
       where r.tenant_id = core.current_tenant_id() and r.id = v_known.reservation_id;
      return v_reservation;
    end if;
    update metering.quota_keys k set reservation_id = v_reservation.id
     where k.tenant_id = core.current_tenant_id() and k.key = reserve_quota.idempotency_key;
  end if;
  v_reservation.tenant_id := core.current_tenant_id();
  v_reservation.quota_type := reserve_quota.quota_type;
  v_reservation.amount := reserve_quota.amount;
  v_reservation.user_id := core.current_user_id();
  v_reservation.agent_id := coalesce(reserve_quota.agent_id, tenancy.current_agent_id());
  v_reservation.api_key_id := core.current_api_key_id();
  v_reservation.expires_at := core.clock() + make_interval(secs => reserve_quota.ttl_seconds);
  select count(*) into v_reservation.hold_count from metering.hold_quota(v_reservation);
  insert into app_public.quota_reservations (tenant_id, id, quota_type, amount, user_id, agent_id, api_key_id, expires_at, hold_count)
  values (v_reservation.tenant_id, v_reservation.id, v_reservation.quota_type, v_reservation.amount, v_reservation.user_id,
          v_reservation.agent_id, v_reservation.api_key_id, v_reservation.expires_at, v_reservation.hold_count)
  returning * into v_reservation;
  return v_reservation;
end
$$;
comment on function app_public.reserve_quota is
  E'@resultFieldName reservation\n@errors ID203 KY204 MT301 QT402 QT403 QT404 QT406 QT407 QT502 QT601\nHolds an amount of api_calls, tokens or cost (US dollars) for a call that will be made next: the most that the call may use, such as the tokens of the prompt and max_tokens. Afterwards settle the reservation with what was really used, or release it. After ttl_seconds (1 to 3600, by default 600) it expires and holds nothing any more. One person holds at most 80 % of a hard limit that others use too. With an idempotency_key, which is kept for 30 days, the same call again holds nothing more and returns the reservation as it is now. It needs the permission can_record_usage.';
grant execute on function app_public.reserve_quota to rowhouse_user;

create or replace function metering.own_reservation(reservation_id uuid) returns app_public.quota_reservations
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reservation app_public.quota_reservations;
begin
  perform tenancy.require_permission('can_record_usage');
  select * into v_reservation from app_public.quota_reservations r
   where r.tenant_id = core.current_tenant_id() and r.id = own_reservation.reservation_id
     and (r.user_id = core.current_user_id() or tenancy.has_permission('can_manage_settings'))
     for update;
  if not found then
    perform core.raise_error('QT301', 'There is no such reservation.', 'Make one with reserveQuota.');
  end if;
  return v_reservation;
end
$$;
comment on function metering.own_reservation is
  E'@errors QT301\nLocks and returns a reservation that the caller may end.';

create or replace function app_public.settle_reservation(reservation_id uuid, used_amount numeric) returns app_public.quota_reservations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reservation app_public.quota_reservations := metering.own_reservation(settle_reservation.reservation_id);
begin
  if settle_reservation.used_amount is null or not (settle_reservation.used_amount >= 0 and settle_reservation.used_amount < metering.max_amount())
    or v_reservation.quota_type <> 'cost' and settle_reservation.used_amount <> trunc(settle_reservation.used_amount) then
    perform core.raise_error('QT403', 'amount must be a positive number, and whole unless it is a cost.', 'Costs are in US dollars.');
  end if;
  if v_reservation.settled_at is not null and v_reservation.settled_amount = settle_reservation.used_amount then
    return v_reservation;
  elsif v_reservation.settled_at is not null or v_reservation.released_at is not null then
    perform core.raise_error('QT501', 'The reservation was already settled with another amount, or released.', 'Make a new reservation for another call.');
  elsif settle_reservation.used_amount > v_reservation.amount then
    perform core.raise_error('QT405', 'More was used than was reserved.',
      'Settle the reserved amount and consume the rest. Next time, reserve the most that a call may use.');
  end if;
  perform metering.settle_holds(v_reservation, settle_reservation.used_amount);
  update app_public.quota_reservations r set settled_amount = settle_reservation.used_amount, settled_at = core.clock()
   where r.tenant_id = v_reservation.tenant_id and r.id = v_reservation.id
  returning * into v_reservation;
  return v_reservation;
end
$$;
comment on function app_public.settle_reservation is
  E'@resultFieldName reservation\n@errors ID203 QT301 QT403 QT405 QT501 QT601\nEnds a reservation with the amount that the call really used, from 0 to the reserved amount. The amount counts in the period of the reservation, and the rest becomes free at once. Settling it again with the same amount changes nothing. The person who made the reservation may call this, and those with can_manage_settings.';
grant execute on function app_public.settle_reservation to rowhouse_user;

create or replace function app_public.release_reservation(reservation_id uuid) returns app_public.quota_reservations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reservation app_public.quota_reservations := metering.own_reservation(release_reservation.reservation_id);
begin
  if v_reservation.settled_at is not null then
    perform core.raise_error('QT501', 'The reservation was already settled with another amount, or released.', 'Make a new reservation for another call.');
  elsif v_reservation.released_at is null then
    perform metering.settle_holds(v_reservation, 0);
    update app_public.quota_reservations r set released_at = core.clock()
     where r.tenant_id = v_reservation.tenant_id and r.id = v_reservation.id
    returning * into v_reservation;
  end if;
  return v_reservation;
end
$$;
comment on function app_public.release_reservation is
  E'@resultFieldName reservation\n@errors ID203 QT301 QT501\nEnds a reservation for a call that was not made, and gives back everything that it holds. Releasing it again changes nothing. The person who made the reservation may call this, and those with can_manage_settings.';
grant execute on function app_public.release_reservation to rowhouse_user;

create or replace function app_public.quota_reservations_status(reservation app_public.quota_reservations) returns app_public.reservation_status
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return case
    when (reservation).settled_at is not null then 'settled'
    when (reservation).released_at is not null then 'released'
    when (reservation).expires_at <= core.clock() then 'expired'
    else 'held'
  end;
end
$$;
comment on function app_public.quota_reservations_status is
  E'@notNull\nThe state of the reservation.';
grant execute on function app_public.quota_reservations_status to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: what is used in a tenant counts in the counters of the tenants above, too
create or replace function app_public.my_quotas(agent_id uuid default null) returns setof app_public.quota_status
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_chain uuid[] := metering.quota_chain(v_tenant_id);
begin
  return query
    select t.quota_type::app_public.quota_type, l.quota_scope, l.scope_id, l.includes_subtree, l.period, nullif(s.period_start, '-infinity'), nullif(s.period_end, 'infinity'),
           l.quota_limit, l.hard_limit, coalesce(c.current_usage, 0), coalesce(c.reserved, 0),
           greatest(l.quota_limit - coalesce(c.current_usage + c.reserved, 0), 0),
           coalesce(c.current_usage, 0) * 100 >= l.alert_threshold_percentage * l.quota_limit,
           coalesce(c.current_usage, 0) > l.quota_limit
      from unnest(array['users', 'agents', 'api_keys', 'documents', 'storage', 'api_calls', 'tokens', 'cost']) with ordinality as t (quota_type, n)
     cross join lateral metering.quota_limits(v_chain, v_tenant_id, t.quota_type, core.current_user_id(),
       coalesce(my_quotas.agent_id, tenancy.current_agent_id()), core.current_api_key_id()) l
     cross join lateral metering.running_span(l, t.quota_type, core.clock()) s
      left join app_public.quota_tracking c
        on c.tenant_id = l.owner_id and c.quota_type = t.quota_type and c.quota_scope = l.quota_scope and c.scope_id = l.scope_id
       and c.includes_subtree = l.includes_subtree and c.period = l.period and c.starts_at = s.starts_at
     order by t.n, l.quota_scope, l.owner_id <> v_tenant_id, l.includes_subtree, l.period;
end
$$;
comment on function app_public.my_quotas is
  'Every quota that applies to you in this tenant (and to the agent, when one is given), with its usage in the current period. The quotas of the tenants above are among them, because what you use counts there too: their scopeId is the tenant that has the quota, and their usage is that of all tenants below it.';
grant execute on function app_public.my_quotas to rowhouse_user, rowhouse_owner;

set local role rowhouse_owner;

create or replace function app_public.acknowledge_quota_alert(id uuid) returns app_public.quota_alerts
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_alert app_public.quota_alerts;
begin
  perform tenancy.require_permission('can_manage_settings');
  update app_public.quota_alerts a
     set acknowledged_at = coalesce(a.acknowledged_at, clock_timestamp()),
         acknowledged_by_user_id = case when a.acknowledged_at is null then core.current_user_id() else a.acknowledged_by_user_id end
   where a.tenant_id = core.current_tenant_id() and a.id = acknowledge_quota_alert.id
  returning * into v_alert;
  if not found then
    perform core.raise_error('QT303', 'There is no such alert.', 'List the quota alerts of this tenant.');
  end if;
  return v_alert;
end
$$;
comment on function app_public.acknowledge_quota_alert is
  E'@resultFieldName alert\n@errors ID203 QT303\nRecords that you have seen an alert. Only the first acknowledgement is kept. It needs the permission can_manage_settings.';
grant execute on function app_public.acknowledge_quota_alert to rowhouse_user;

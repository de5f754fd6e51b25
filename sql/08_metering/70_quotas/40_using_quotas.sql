-- Quotas as a tenant's people and programs use them. Counts (users, agents, documents, storage) need no call: they follow
-- their rows. What is metered is consumed, or reserved and settled.

comment on type app_public.quota_status is 'A limit and what is used of it.';
comment on column app_public.quota_status.quota_type is 'As in usage_quotas.';
comment on column app_public.quota_status.scope_id is 'Whose use it is: the tenant, user, agent or API key.';
comment on column app_public.quota_status.period_start is 'First day of the period, null where there is none.';
comment on column app_public.quota_status.period_end is 'The day after its last, null where there is none.';
comment on column app_public.quota_status.quota_limit is 'The strictest limit.';
comment on column app_public.quota_status.hard_limit is 'The limit that refuses; null when the limit is soft.';
comment on column app_public.quota_status.remaining is 'What is left of quota_limit.';
comment on column app_public.quota_status.is_warning is 'Whether the alert threshold is reached.';

create or replace function metering.check_use(quota_type text, amount numeric, agent_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_role('member');
  if check_use.quota_type is null or check_use.quota_type not in ('api_calls', 'tokens', 'cost') then
    perform core.raise_error('QT402', 'quota_type must be api_calls, tokens or cost.',
      'Users, agents, documents and storage are counted by themselves.');
  end if;
  -- not a number compares as larger than any
  if check_use.amount is null or not (check_use.amount > 0 and check_use.amount < 1e18)
    or check_use.quota_type <> 'cost' and check_use.amount <> trunc(check_use.amount) then
    perform core.raise_error('QT403', 'amount must be a positive number, and whole but for a cost.', 'Costs are in US dollars.');
  end if;
  if check_use.agent_id is not null
    and not exists (select from app_public.agents a where a.id = check_use.agent_id and a.deleted_at is null) then
    perform core.raise_error('QT302', 'There is no such user or agent in this tenant.', 'List the agents of this tenant.');
  end if;
end
$$;
comment on function metering.check_use is
  'ID202, QT402, QT403, QT302: what cannot be used.';

create or replace function app_public.consume_quota(quota_type text, amount numeric, agent_id uuid default null)
returns setof app_public.quota_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.check_use(consume_quota.quota_type, consume_quota.amount, consume_quota.agent_id);
  return query
    select * from metering.use_quota(
      core.current_tenant_id(), consume_quota.quota_type, consume_quota.amount, core.current_user_id(), consume_quota.agent_id) q
     -- a tenant does not see those above it
     where q.quota_scope <> 'tenant' or q.scope_id = core.current_tenant_id();
end
$$;
comment on function app_public.consume_quota is
  E'@resultFieldName quotas\n@errors QT601 QT402 QT403 QT302 ID202\nTakes an amount of api_calls, tokens or cost (US dollars) from all quotas that hold for you, the agent, this tenant and those above it, or from none. Returns what is left of those of this tenant; nothing when there is no limit. Members.';
grant execute on function app_public.consume_quota to rowhouse_user;

create or replace function app_public.reserve_usage(quota_type text, amount numeric, ttl_seconds int default 600, agent_id uuid default null)
returns app_public.quota_reservations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reservation app_public.quota_reservations;
  v_hold_count int;
begin
  perform metering.check_use(reserve_usage.quota_type, reserve_usage.amount, reserve_usage.agent_id);
  if reserve_usage.ttl_seconds is null or reserve_usage.ttl_seconds not between 1 and 86400 then
    perform core.raise_error('QT404', 'ttl_seconds must be from 1 to 86400.', 'Ten minutes are enough for most calls.');
  end if;
  v_reservation.tenant_id := core.current_tenant_id();
  v_reservation.id := gen_random_uuid();
  v_reservation.quota_type := reserve_usage.quota_type;
  v_reservation.amount := reserve_usage.amount;
  v_reservation.user_id := core.current_user_id();
  v_reservation.agent_id := reserve_usage.agent_id;
  v_reservation.expires_at := core.clock() + make_interval(secs => reserve_usage.ttl_seconds);
  select count(*) into v_hold_count from metering.hold_quota(v_reservation);
  insert into app_public.quota_reservations (tenant_id, id, quota_type, amount, user_id, agent_id, expires_at, hold_count)
  values (v_reservation.tenant_id, v_reservation.id, v_reservation.quota_type, v_reservation.amount, v_reservation.user_id,
          v_reservation.agent_id, v_reservation.expires_at, v_hold_count)
  returning * into v_reservation;
  return v_reservation;
end
$$;
comment on function app_public.reserve_usage is
  E'@resultFieldName reservation\n@errors QT601 QT402 QT403 QT404 QT302 ID202\nHolds an amount of api_calls, tokens or cost (US dollars) for a call that is about to be made: the most it may use, such as the prompt''s tokens and max_tokens. Settle it with what was used, or release it; after ttl_seconds (1 to 86400, default 600) it gives back by itself. Members.';
grant execute on function app_public.reserve_usage to rowhouse_user;

create or replace function metering.own_reservation(reservation_id uuid) returns app_public.quota_reservations
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reservation app_public.quota_reservations;
begin
  perform tenancy.require_role('member');
  select * into v_reservation from app_public.quota_reservations r
   where r.tenant_id = core.current_tenant_id() and r.id = own_reservation.reservation_id
     and (r.user_id = core.current_user_id() or tenancy.has_permission('can_manage_settings'))
     for update;
  if not found then
    perform core.raise_error('QT301', 'There is no such reservation.', 'reserve_usage makes one.');
  end if;
  return v_reservation;
end
$$;
comment on function metering.own_reservation is
  E'@errors QT301\nA reservation you may end, locked.';

create or replace function app_public.settle_usage(reservation_id uuid, actual numeric) returns app_public.quota_reservations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reservation app_public.quota_reservations := metering.own_reservation(settle_usage.reservation_id);
begin
  if settle_usage.actual is null or not (settle_usage.actual >= 0 and settle_usage.actual < 1e18)
    or v_reservation.quota_type <> 'cost' and settle_usage.actual <> trunc(settle_usage.actual) then
    perform core.raise_error('QT403', 'amount must be a positive number, and whole but for a cost.', 'Costs are in US dollars.');
  end if;
  if v_reservation.settled_at is not null and v_reservation.settled_amount = settle_usage.actual then
    return v_reservation;
  elsif v_reservation.settled_at is not null or v_reservation.released_at is not null then
    perform core.raise_error('QT501', 'The reservation has been settled with another amount, or released.', 'Reserve anew for another call.');
  elsif settle_usage.actual > v_reservation.amount then
    perform core.raise_error('QT405', 'More was used than was reserved.',
      'Settle what was reserved and consume the rest; reserve the most a call may use.');
  end if;
  perform metering.settle_holds(v_reservation, settle_usage.actual);
  update app_public.quota_reservations r set settled_amount = settle_usage.actual, settled_at = core.clock()
   where r.tenant_id = v_reservation.tenant_id and r.id = v_reservation.id
  returning * into v_reservation;
  return v_reservation;
end
$$;
comment on function app_public.settle_usage is
  E'@resultFieldName reservation\n@errors QT405 QT601 QT501 QT403 QT301 ID202\nSays what a call really used, from 0 to what was reserved, in the period it was reserved in; the rest is free at once. Again with the same amount is no error. Whoever reserved, or who may manage settings.';
grant execute on function app_public.settle_usage to rowhouse_user;

create or replace function app_public.release_usage(reservation_id uuid) returns app_public.quota_reservations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reservation app_public.quota_reservations := metering.own_reservation(release_usage.reservation_id);
begin
  if v_reservation.settled_at is not null then
    perform core.raise_error('QT501', 'The reservation has been settled with another amount, or released.', 'Reserve anew for another call.');
  elsif v_reservation.released_at is null then
    perform metering.settle_holds(v_reservation, 0);
    update app_public.quota_reservations r set released_at = core.clock()
     where r.tenant_id = v_reservation.tenant_id and r.id = v_reservation.id
    returning * into v_reservation;
  end if;
  return v_reservation;
end
$$;
comment on function app_public.release_usage is
  E'@resultFieldName reservation\n@errors QT501 QT301 ID202\nGives back all that was reserved, for a call that was not made. Again is no error. Whoever reserved, or who may manage settings.';
grant execute on function app_public.release_usage to rowhouse_user;

create or replace function app_public.quota_reservations_status(reservation app_public.quota_reservations) returns text
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
  'held, settled, released or expired.';
grant execute on function app_public.quota_reservations_status to rowhouse_user;

create or replace function app_public.my_quotas(agent_id uuid default null) returns setof app_public.quota_status
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  return query
    select t.quota_type, l.quota_scope, l.scope_id, l.includes_subtree, l.period, nullif(lower(p), '-infinity'), nullif(upper(p), 'infinity'),
           l.quota_limit, l.hard_limit, coalesce(c.current_usage, 0), coalesce(c.reserved, 0),
           greatest(l.quota_limit - coalesce(c.current_usage + c.reserved, 0), 0),
           coalesce(c.current_usage, 0) * 100 >= l.alert_threshold_percentage * l.quota_limit,
           coalesce(c.current_usage, 0) > l.quota_limit
      from unnest(array['users', 'agents', 'documents', 'storage', 'api_calls', 'tokens', 'cost']) with ordinality as t (quota_type, n)
     -- of the tenants above only their own people see limits and use
     cross join lateral metering.quota_limits(array[v_tenant_id], v_tenant_id, t.quota_type, core.current_user_id(), my_quotas.agent_id) l
     cross join lateral metering.quota_period(l.owner_id, l.period, core.clock()) p
      left join app_public.quota_tracking c
        on c.tenant_id = l.owner_id and c.quota_type = t.quota_type and c.quota_scope = l.quota_scope and c.scope_id = l.scope_id
       and c.includes_subtree = l.includes_subtree and c.period = l.period and c.period_start = lower(p)
     order by t.n, l.quota_scope, l.includes_subtree, l.period;
end
$$;
comment on function app_public.my_quotas is
  'Every limit that holds for you in this tenant (and for the agent, when one is named), with what is used of it in the period at hand.';
grant execute on function app_public.my_quotas to rowhouse_user;

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
  E'@resultFieldName alert\n@errors QT303 ID203\nSays that you have seen an alert; the first to do so is kept. Who may manage settings.';
grant execute on function app_public.acknowledge_quota_alert to rowhouse_user;

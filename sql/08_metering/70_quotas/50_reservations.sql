-- Reservations, for calls whose usage is known only afterwards. A reservation holds the most that a call may use, and settling
-- it with less gives the rest back. Settled and held amounts together never exceed a hard limit.

call core.secure_tenant_table('app_public.quota_reservations');
call audit.leave_out('counters that rules keep', 'app_public.quota_reservations');
call core.allow('app_public.quota_reservations', read => 'self, can_view_analytics');
grant select on app_public.quota_reservations to rowhouse_user;
grant select, insert, update, delete on app_public.quota_reservations to rowhouse_platform;
comment on table app_public.quota_reservations is
  E'@behavior -insert -update -delete -query:resource:single\nA reservation holds the most that a call may use, until it is settled, released or expired. You see your own reservations, and with can_view_analytics all of the tenant.';
comment on column app_public.quota_reservations.user_id is E'@personal pseudonymise\nThe person.';
comment on column app_public.quota_reservations.quota_type is 'What is reserved: api_calls, tokens or cost (US dollars).';
comment on column app_public.quota_reservations.amount is 'The most that the call may use.';
comment on column app_public.quota_reservations.agent_id is 'The agent whose quotas apply too.';
comment on column app_public.quota_reservations.api_key_id is 'The API key whose quotas apply too.';
comment on column app_public.quota_reservations.expires_at is 'When it expires and gives back what it holds.';
comment on column app_public.quota_reservations.hold_count is E'@behavior -*\nIn how many counters it holds something.';
comment on column app_public.quota_reservations.settled_amount is 'The amount that was really used, at most the reserved amount; null until it is settled.';
comment on column app_public.quota_reservations.settled_at is 'When it was settled.';
comment on column app_public.quota_reservations.released_at is 'When it was released without usage.';
comment on column app_public.quota_reservations.batch_id is E'@behavior -*\nThe batch of the recorded call that it served.';
comment on column app_public.quota_reservations.created_at is 'When it was made.';

call core.secure_tenant_table('metering.quota_holds');
call audit.leave_out('counters that rules keep', 'metering.quota_holds');
grant select, insert, update, delete on metering.quota_holds to rowhouse_platform;
comment on table metering.quota_holds is 'What a reservation holds in each counter. A hold changes only while the row of the counter is locked.';
comment on column metering.quota_holds.user_id is E'@personal pseudonymise\nThe person.';

set local role rowhouse_platform;  -- outside the wall: a reservation also holds room in the counters of the tenants above
create or replace function metering.hold_quota(reservation app_public.quota_reservations) returns setof app_public.quota_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select * from metering.use_quota(
      row((reservation).tenant_id, (reservation).quota_type, (reservation).amount, (reservation).user_id, (reservation).agent_id,
          (reservation).api_key_id, (reservation).id, (reservation).expires_at, null)::metering.quota_use);
end
$$;
comment on function metering.hold_quota is
  E'@errors QT406 QT601\nHolds the amount of a reservation in every counter whose limit applies.';
grant execute on function metering.hold_quota to rowhouse_owner;

create or replace function metering.settle_holds(
  reservation app_public.quota_reservations, used_amount numeric, is_done boolean default false
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_counter app_public.quota_tracking;
  v_amount numeric;
  v_found int := 0;
  v_counters app_public.quota_tracking[] := '{}';
begin
  -- The counters are locked in their usual order first, because a hold changes only while its counter is locked.
  for v_counter in
    select c.* from app_public.quota_tracking c
     where (c.tenant_id, c.id) in (select h.tenant_id, h.counter_id from metering.quota_holds h
                                    where h.reservation_id = (reservation).id and h.reservation_tenant_id = (reservation).tenant_id)
     order by c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, c.period, c.period_start
       for update
  loop
    delete from metering.quota_holds h
     where h.tenant_id = v_counter.tenant_id and h.counter_id = v_counter.id and h.reservation_id = (reservation).id
    returning h.amount into v_amount;
    if found then
      v_found := v_found + 1;
      update app_public.quota_tracking c set reserved = c.reserved - v_amount
       where c.tenant_id = v_counter.tenant_id and c.id = v_counter.id;
      v_counters := v_counters || v_counter;
    end if;
  end loop;

  if v_found < (reservation).hold_count then
    -- The reservation has expired, and others may have used what it held. So its usage must find room again, unless it has been recorded.
    if settle_holds.used_amount > 0 then
      perform from metering.use_quota(
        row((reservation).tenant_id, (reservation).quota_type, settle_holds.used_amount, (reservation).user_id, (reservation).agent_id,
            (reservation).api_key_id, null, null, settle_holds.is_done)::metering.quota_use);
    end if;
    return;
  end if;
  foreach v_counter in array v_counters loop
    update app_public.quota_tracking c set current_usage = c.current_usage + settle_holds.used_amount
     where c.tenant_id = v_counter.tenant_id and c.id = v_counter.id
    returning * into v_counter;
    perform metering.note_quota_alerts(v_counter, v_counter.current_usage - settle_holds.used_amount);
  end loop;
end
$$;
comment on function metering.settle_holds is
  E'@errors QT601\nReplaces what a reservation holds in its counters by what was used. What is_done is counted also when the reservation has expired and there is no room any more.';
grant execute on function metering.settle_holds to rowhouse_owner;

-- Recording counts what was used. It never refuses, because a call that was made is not unmade: where a hard limit is passed,
-- the counter shows the excess and has no room for what follows. Its counters are those of the time of recording, so that
-- naming an earlier time is no way around a limit.
create or replace function metering.settle_recorded_use(use metering.quota_use, reservation_id uuid, batch_id bigint) returns numeric
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_reservation app_public.quota_reservations;
  v_counted numeric;
begin
  -- Only of the counters of this person, agent and key has the reservation taken what the call may use. A reservation
  -- serves one call: for another one this finds nothing, and the other counts whole.
  update app_public.quota_reservations r set batch_id = settle_recorded_use.batch_id
   where r.tenant_id = (use).tenant_id and r.id = settle_recorded_use.reservation_id and r.quota_type = (use).quota_type
     and r.batch_id is null and r.released_at is null
  returning * into v_reservation;
  if not found then
    return 0;
  elsif v_reservation.settled_at is not null then
    return v_reservation.settled_amount;
  end if;
  v_counted := least((use).amount, v_reservation.amount);
  perform metering.settle_holds(v_reservation, v_counted, true);
  update app_public.quota_reservations r set settled_amount = v_counted, settled_at = core.clock()
   where r.tenant_id = v_reservation.tenant_id and r.id = v_reservation.id;
  return v_counted;
end
$$;
comment on function metering.settle_recorded_use is
  'Settles a reservation of this kind of quota with what a call used, and returns how much of it the reservation has counted: what its caller settled before, or up to what it held. It has counted nothing when it was released or has served another call.';

create or replace function metering.count_recorded_use(tenant_id uuid, uses metering.quota_use[], reservation_ids uuid[], batch_id bigint)
returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_use metering.quota_use;
  v_id uuid;
  v_is_over boolean := false;
begin
  if count_recorded_use.uses = '{}' or count_recorded_use.reservation_ids = '{}' and not exists (
      select from app_public.usage_quotas q
       where q.tenant_id = any (metering.quota_chain(count_recorded_use.tenant_id)) and q.quota_type in ('tokens', 'cost')) then
    return false;
  end if;
  if exists (
    select from unnest(count_recorded_use.reservation_ids) as named (id), lateral unnest(count_recorded_use.uses[1:1]) u
     where not exists (
       select from app_public.quota_reservations r
        where r.tenant_id = count_recorded_use.tenant_id and r.id = named.id
          and (r.user_id, r.agent_id, r.api_key_id) is not distinct from (u.user_id, u.agent_id, u.api_key_id))) then
    perform core.raise_error('QT301', 'There is no such reservation.', 'Name reservations of the person, the agent and the API key of the call.');
  end if;
  foreach v_use in array count_recorded_use.uses loop
    foreach v_id in array count_recorded_use.reservation_ids loop
      v_use.amount := v_use.amount - least(metering.settle_recorded_use(v_use, v_id, count_recorded_use.batch_id), v_use.amount);
    end loop;
    -- also when nothing is left to count: the reservation may have expired, and others may be beyond the limit
    v_is_over := v_is_over or (
      select coalesce(bool_or(q.current_usage > q.hard_limit), false) from metering.use_quota(v_use) q);
  end loop;
  return v_is_over;
end
$$;
comment on function metering.count_recorded_use is
  E'@errors QT301\nCounts the tokens and costs that were recorded to every quota that applies, after the reservations of the call, and returns whether a hard limit is passed.';
grant execute on function metering.count_recorded_use to rowhouse_owner;

create or replace function metering.expire_reservations(most int default 1000) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_counter app_public.quota_tracking;
  v_count int := 0;
  v_kept_for constant interval := interval '30 days';
begin
  for v_counter in
    select c.* from app_public.quota_tracking c
     where c.reserved > 0
       and exists (select from metering.quota_holds h
                    where h.tenant_id = c.tenant_id and h.counter_id = c.id and h.expires_at <= core.clock())
     order by c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, c.period, c.period_start
     limit expire_reservations.most
       for update skip locked
  loop
    if metering.expire_holds(v_counter) > 0 then
      v_count := v_count + 1;
    end if;
  end loop;
  delete from app_public.quota_reservations r where r.expires_at < core.clock() - v_kept_for;
  -- A key is older than its reservation's end, so no key is left whose reservation is gone.
  delete from metering.quota_keys k where k.used_at < core.clock() - v_kept_for;
  return v_count;
end
$$;
comment on function metering.expire_reservations is
  'Gives back what expired reservations hold, and deletes reservations that expired, and idempotency keys that were used, more than 30 days ago. Returns how many counters changed. Counters that are locked are left for the next run, because a use that needs the room takes it itself.';
grant execute on function metering.expire_reservations to rowhouse_worker;

set local role rowhouse_owner;

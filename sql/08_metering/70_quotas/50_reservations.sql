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
          (reservation).api_key_id, (reservation).id, (reservation).expires_at)::metering.quota_use);
end
$$;
comment on function metering.hold_quota is
  E'@errors QT406 QT601\nHolds the amount of a reservation in every counter whose limit applies.';
grant execute on function metering.hold_quota to rowhouse_owner;

create or replace function metering.settle_holds(reservation app_public.quota_reservations, used_amount numeric) returns void
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
    -- The reservation has expired, and others may have used what it held. So its usage must find room again.
    if settle_holds.used_amount > 0 then
      perform from metering.use_quota(
        row((reservation).tenant_id, (reservation).quota_type, settle_holds.used_amount, (reservation).user_id, (reservation).agent_id,
            (reservation).api_key_id, null, null)::metering.quota_use);
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
  E'@errors QT601\nReplaces what a reservation holds in its counters by what was used.';
grant execute on function metering.settle_holds to rowhouse_owner;

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

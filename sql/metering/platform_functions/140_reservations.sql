-- Reserve and settle, for calls whose cost is known afterwards. A reservation is the most a call may use; settling it
-- with less gives the rest back. What is settled and what is held never come to more than a hard limit.

create or replace function app_private.hold_quota(reservation app_public.quota_reservations) returns setof app_public.quota_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select * from app_private.use_quota(
      (reservation).tenant_id, (reservation).quota_type, (reservation).amount, (reservation).user_id, (reservation).agent_id,
      (reservation).api_key_id, (reservation).id, (reservation).expires_at);
end
$$;
comment on function app_private.hold_quota(app_public.quota_reservations) is 'Holds the amount of a reservation in every counter whose limit holds. QT601: one of them is full.';

create or replace function app_private.settle_holds(reservation app_public.quota_reservations, actual numeric) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_counter app_public.quota_tracking;
  v_amount numeric;
  v_found int := 0;
  v_counters app_public.quota_tracking[] := '{}';
begin
  -- the counters in their order of locking; then the holds, which change under these locks only
  for v_counter in
    select c.* from app_public.quota_tracking c
     where (c.tenant_id, c.id) in (select h.tenant_id, h.counter_id from app_private.quota_holds h
                                    where h.reservation_id = (reservation).id and h.reservation_tenant_id = (reservation).tenant_id)
     order by c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, c.period, c.period_start
       for update
  loop
    delete from app_private.quota_holds h
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
    -- it expired and others may have used what it held: it must find room again
    if settle_holds.actual > 0 then
      perform from app_private.use_quota(
        (reservation).tenant_id, (reservation).quota_type, settle_holds.actual, (reservation).user_id, (reservation).agent_id,
        (reservation).api_key_id);
    end if;
    return;
  end if;
  foreach v_counter in array v_counters loop
    update app_public.quota_tracking c set current_usage = c.current_usage + settle_holds.actual
     where c.tenant_id = v_counter.tenant_id and c.id = v_counter.id
    returning * into v_counter;
    perform app_private.note_quota_alerts(v_counter, v_counter.current_usage - settle_holds.actual);
  end loop;
end
$$;
comment on function app_private.settle_holds(app_public.quota_reservations, numeric) is
  'Turns what a reservation holds into what was used. QT601: it had expired, and there is no room any more.';

create or replace function app_private.expire_reservations(most int default 1000) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_counter app_public.quota_tracking;
  v_count int := 0;
begin
  for v_counter in
    select c.* from app_public.quota_tracking c
     where c.reserved > 0
       and exists (select from app_private.quota_holds h
                    where h.tenant_id = c.tenant_id and h.counter_id = c.id and h.expires_at <= app_hidden.clock())
     order by c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, c.period, c.period_start
     limit expire_reservations.most
       for update skip locked
  loop
    if app_private.expire_holds(v_counter) > 0 then
      v_count := v_count + 1;
    end if;
  end loop;
  delete from app_public.quota_reservations r where r.expires_at < app_hidden.clock() - interval '30 days';
  return v_count;
end
$$;
comment on function app_private.expire_reservations(int) is
  'Gives back what expired reservations hold, and forgets reservations that ended 30 days ago; returns how many counters changed. Counters in use are left for the next time: whoever needs the room takes it itself.';
grant execute on function app_private.expire_reservations(int) to rowhouse_worker;
grant execute on function app_private.hold_quota(app_public.quota_reservations), app_private.settle_holds(app_public.quota_reservations, numeric)
  to rowhouse_owner;

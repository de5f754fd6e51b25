-- What workers call. A claim is a lease with a token; only who holds it can end the step, and only while it lasts. Each of these is
-- a transaction of its own, and tells a worker nothing of tenants but the steps it has claimed.

create or replace function runtime.max_steps_at_once() returns int
language sql immutable parallel safe
return 20;
comment on function runtime.max_steps_at_once is 'How many steps of a tenant are at workers at once, so that none takes the places of others.';
grant execute on function runtime.max_steps_at_once to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: a worker does the steps of all tenants
create or replace function runtime.steps_at_workers(tenant_id uuid) returns bigint
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select count(*) from app_public.workflow_step_runs s where s.tenant_id = steps_at_workers.tenant_id and s.status = 'running');
end
$$;
comment on function runtime.steps_at_workers is 'How many steps of a tenant are at workers.';

-- Whoever has least under way goes first, so that a tenant with much to do does not hold up the others. Tenants are found by
-- leaping through the index from one to the next.
create or replace function runtime.tenants_with_ready_steps() returns setof uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    with recursive waiting (tenant_id) as (
      (select s.tenant_id from app_public.workflow_step_runs s where s.status = 'ready' order by s.tenant_id limit 1)
      union all
      select (select s.tenant_id from app_public.workflow_step_runs s where s.status = 'ready' and s.tenant_id > w.tenant_id order by s.tenant_id limit 1)
        from waiting w where w.tenant_id is not null
    )
    select w.tenant_id
      from waiting w
      join app_public.tenants t on t.id = w.tenant_id and tenancy.is_open(t.status, t.ancestor_ids)
     cross join lateral (
       select s.available_at from app_public.workflow_step_runs s
        where s.tenant_id = w.tenant_id and s.status = 'ready' and s.available_at <= core.clock() order by s.available_at limit 1) oldest
     cross join lateral (select runtime.steps_at_workers(w.tenant_id) as steps) busy
     where busy.steps < runtime.max_steps_at_once()
     order by busy.steps, oldest.available_at;
end
$$;
comment on function runtime.tenants_with_ready_steps is 'The tenants that have steps for the workers and room for more, whose turn it is first.';

create or replace function runtime.pick_ready_step(out tenant_id uuid, out step_run_id uuid)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
begin
  for v_tenant_id in select * from runtime.tenants_with_ready_steps() loop
    -- Two who count at the same time would both find room. Who does not get the lock leaves the tenant to the other one.
    continue when not pg_try_advisory_xact_lock(hashtextextended('workflow steps of ' || v_tenant_id, 0));
    -- a new statement sees what the last holder of the lock has claimed
    continue when runtime.steps_at_workers(v_tenant_id) >= runtime.max_steps_at_once();
    select s.tenant_id, s.id into tenant_id, step_run_id
      from app_public.workflow_step_runs s
     where s.tenant_id = v_tenant_id and s.status = 'ready' and s.available_at <= core.clock()
     order by s.available_at, s.sequence
     limit 1
       for update skip locked;
    exit when found;
  end loop;
end
$$;
comment on function runtime.pick_ready_step is
  'Locks the step that has been ready for longest, of the tenant whose turn it is; null when none is ready that nobody else is claiming.';
grant execute on function runtime.pick_ready_step to rowhouse_owner;
set local role rowhouse_owner;

create or replace function runtime.check_lease_length(lease interval) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if coalesce(check_lease_length.lease not between interval '1 second' and interval '1 hour', true) then
    perform core.raise_error('RN455', 'lease: A lease lasts 1 second to 1 hour.', 'Renew it with heartbeat_workflow_step.');
  end if;
end
$$;
comment on function runtime.check_lease_length is E'@errors RN455\nRefuses a lease that is too short or too long.';

create or replace function runtime.hold_tokens(amount bigint, user_id uuid, agent_id uuid, expires_at timestamptz) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reservation app_public.quota_reservations;
begin
  v_reservation.tenant_id := core.current_tenant_id();
  v_reservation.id := gen_random_uuid();
  v_reservation.quota_type := 'tokens';
  v_reservation.amount := hold_tokens.amount;
  v_reservation.user_id := hold_tokens.user_id;
  v_reservation.agent_id := (select a.id from app_public.agents a where a.tenant_id = v_reservation.tenant_id and a.id = hold_tokens.agent_id);
  v_reservation.expires_at := hold_tokens.expires_at;
  select count(*) into v_reservation.hold_count from metering.hold_quota(v_reservation);
  if v_reservation.hold_count = 0 then
    return null;
  end if;
  insert into app_public.quota_reservations (tenant_id, id, quota_type, amount, user_id, agent_id, expires_at, hold_count)
  values (v_reservation.tenant_id, v_reservation.id, v_reservation.quota_type, v_reservation.amount, v_reservation.user_id,
          v_reservation.agent_id, v_reservation.expires_at, v_reservation.hold_count);
  return v_reservation.id;
end
$$;
comment on function runtime.hold_tokens is E'@errors QT601\nReserves tokens for calls of a model. Null when no quota counts them.';

create or replace function runtime.reserve_tokens(step app_public.workflow_step_runs, config jsonb) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_usual constant bigint := 4000;
begin
  return runtime.hold_tokens(
    case when catalog.json_is(config -> 'config' -> 'max_tokens', 'integer')
      then greatest((config -> 'config' ->> 'max_tokens')::bigint, 1) else v_usual end,
    (runtime.find_run((step).run_id)).started_by_user_id, (config ->> 'agent_id')::uuid,
    core.clock() + make_interval(secs => (config ->> 'timeout_seconds')::int + 60));
end
$$;
comment on function runtime.reserve_tokens is
  E'@errors QT601\nReserves the tokens of a step that calls a model: config.max_tokens of its node, or 4,000. Null when no quota counts them.';

create or replace function runtime.end_reservation(reservation_id uuid, used bigint default null) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reservation app_public.quota_reservations;
begin
  select * into v_reservation from app_public.quota_reservations r
   where r.tenant_id = core.current_tenant_id() and r.id = end_reservation.reservation_id for update;
  if not found or v_reservation.settled_at is not null or v_reservation.released_at is not null then
    return;
  elsif end_reservation.used is not null then
    perform metering.settle_holds(v_reservation, least(end_reservation.used, v_reservation.amount), true);
    update app_public.quota_reservations r set settled_amount = least(end_reservation.used, v_reservation.amount), settled_at = core.clock()
     where r.tenant_id = v_reservation.tenant_id and r.id = v_reservation.id;
  else
    perform metering.settle_holds(v_reservation, 0);
    update app_public.quota_reservations r set released_at = core.clock()
     where r.tenant_id = v_reservation.tenant_id and r.id = v_reservation.id;
  end if;
end
$$;
comment on function runtime.end_reservation is
  'Settles a reservation of tokens with what was used, or releases it, unless the recording of its calls has settled it.';

-- A reservation ends when its step is no longer at a worker. This comes last in a transaction, because it locks counters.
create or replace function runtime.settle_reservations(root_run_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs;
begin
  for v_step in
    update app_public.workflow_step_runs s set reservation_id = null
      from app_public.workflow_step_runs old
     where s.tenant_id = core.current_tenant_id() and s.root_run_id = settle_reservations.root_run_id
       and s.reservation_id is not null and s.status <> 'running' and old.tenant_id = s.tenant_id and old.id = s.id
    returning old.*
  loop
    perform runtime.end_reservation(v_step.reservation_id, case when v_step.status = 'completed' then v_step.tokens end);
  end loop;
end
$$;
comment on function runtime.settle_reservations is
  'Settles what was reserved for steps of a run that have completed, unless the recording of their calls has, and releases what was reserved for the others.';

create or replace function runtime.lease_step(step app_public.workflow_step_runs, worker text, lease interval) returns runtime.claimed_workflow_step
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_config constant jsonb := runtime.step_config(step);
  v_run constant app_public.workflow_runs := runtime.find_run((step).run_id);
  v_step app_public.workflow_step_runs;
  v_timeout constant interval := make_interval(secs => (v_config ->> 'timeout_seconds')::int);
  v_reservation_id uuid;
begin
  begin
    if (step).kind in ('agent', 'prompt') then
      v_reservation_id := runtime.reserve_tokens(step, v_config);
    end if;
  exception when sqlstate 'QT601' then
    -- A quota may get room again, and the deadline of the run is near enough.
    update app_public.workflow_step_runs s
       set available_at = core.clock() + interval '1 minute', error_code = 'QT601', error_message = left(sqlerrm, 2000)
     where s.tenant_id = (step).tenant_id and s.id = (step).id;
    return null;
  end;
  update app_public.workflow_step_runs s
     set status = 'running', attempt = s.attempt + 1, worker = lease_step.worker, lease_token = gen_random_uuid(),
         timeout_at = core.clock() + v_timeout, leased_until = core.clock() + least(lease_step.lease, v_timeout),
         started_at = coalesce(s.started_at, core.clock()), available_at = null, reservation_id = v_reservation_id
   where s.tenant_id = (step).tenant_id and s.id = (step).id
  returning * into v_step;
  return row(
    v_step.tenant_id, v_step.id, v_step.run_id, v_step.attempt, v_step.lease_token, v_step.kind,
    v_config || jsonb_build_object('workflow_id', v_run.workflow_id, 'started_by_user_id', v_run.started_by_user_id,
      'reservation_ids', array_remove(array[v_reservation_id], null)),
    v_step.input, v_step.id || ':' || (v_step.attempt - v_step.lost_count), (v_config ->> 'timeout_seconds')::int)::runtime.claimed_workflow_step;
end
$$;
comment on function runtime.lease_step is
  'Gives a locked step to a worker; null when a quota has no room for it, and then it waits a minute.';

create or replace function runtime.claim_workflow_step(worker text, lease interval default '1 minute')
returns setof runtime.claimed_workflow_step
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most_tries constant int := 10;
  v_picked record;
  v_claimed runtime.claimed_workflow_step;
begin
  perform runtime.check_lease_length(claim_workflow_step.lease);
  if coalesce(length(claim_workflow_step.worker) not between 1 and 255, true) then
    perform core.raise_error('RN456', 'worker: The name of a worker has 1 to 255 characters.', 'Give the name that its log has.');
  end if;
  for v_try in 1 .. v_most_tries loop
    select * into v_picked from runtime.pick_ready_step();
    if v_picked.step_run_id is null then
      -- What is due may make a step ready.
      exit when not runtime.wake_due_run();
      continue;
    end if;
    call core.enter_tenant(v_picked.tenant_id);
    v_claimed := runtime.lease_step(runtime.find_step(v_picked.step_run_id), claim_workflow_step.worker, claim_workflow_step.lease);
    if v_claimed.step_run_id is not null then
      return next v_claimed;
      return;
    end if;
  end loop;
end
$$;
comment on function runtime.claim_workflow_step is
  E'@errors RN455 RN456\nGives a worker one step of any tenant that is ready, under a lease, or no row. The transaction is in the tenant of the step from then on.';
grant execute on function runtime.claim_workflow_step to rowhouse_worker;

create or replace function runtime.heartbeat_workflow_step(tenant_id uuid, step_run_id uuid, lease_token uuid, lease interval default '1 minute')
returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform runtime.check_lease_length(heartbeat_workflow_step.lease);
  call core.enter_tenant(heartbeat_workflow_step.tenant_id);
  update app_public.workflow_step_runs s set leased_until = least(core.clock() + heartbeat_workflow_step.lease, s.timeout_at)
   where s.tenant_id = heartbeat_workflow_step.tenant_id and s.id = heartbeat_workflow_step.step_run_id and s.status = 'running'
     and s.lease_token = heartbeat_workflow_step.lease_token and s.leased_until > core.clock();
  return found;
end
$$;
comment on function runtime.heartbeat_workflow_step is
  E'@errors RN455\nRenews the lease of a step, not beyond its timeout. False when the lease is lost: the worker must stop.';
grant execute on function runtime.heartbeat_workflow_step to rowhouse_worker;

create or replace function runtime.leased_step(tenant_id uuid, step_run_id uuid, lease_token uuid) returns app_public.workflow_step_runs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs;
begin
  call core.enter_tenant(leased_step.tenant_id);
  v_step := runtime.find_step(leased_step.step_run_id);
  if v_step.run_id is not null then
    perform runtime.lock_run(v_step.run_id);
  end if;
  select s.* into v_step from app_public.workflow_step_runs s
   where s.tenant_id = leased_step.tenant_id and s.id = leased_step.step_run_id and s.status = 'running'
     and s.lease_token = leased_step.lease_token and s.leased_until > core.clock()
     for update;
  if not found then
    perform core.raise_error('RN555', 'The lease of the step is lost.', 'Drop the result: the step is done by another worker, or is not needed any more.');
  end if;
  return v_step;
end
$$;
comment on function runtime.leased_step is E'@errors RN555\nLocks a run and its step for the holder of a live lease.';

create or replace function runtime.release_workflow_step(tenant_id uuid, step_run_id uuid, lease_token uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step constant app_public.workflow_step_runs := runtime.leased_step(
    release_workflow_step.tenant_id, release_workflow_step.step_run_id, release_workflow_step.lease_token);
begin
  -- It was neither done nor lost, so the attempt that begins next has the same number and the same idempotency key.
  update app_public.workflow_step_runs s set attempt = s.attempt - 1
   where s.tenant_id = v_step.tenant_id and s.id = v_step.id;
  perform runtime.make_ready(v_step.id);
  perform runtime.settle_reservations(v_step.root_run_id);
end
$$;
comment on function runtime.release_workflow_step is
  E'@errors RN555\nGives a step back that a worker has not ended, because it stops. Only the holder of the live lease may.';
grant execute on function runtime.release_workflow_step to rowhouse_worker;

create or replace function runtime.add_usage(step app_public.workflow_step_runs, tokens bigint, cost numeric) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  if coalesce(add_usage.tokens, 0) not between 0 and metering.max_tokens_per_call() or not coalesce(add_usage.cost >= 0 and add_usage.cost < metering.max_amount(), true) then
    perform core.raise_error('RN457', 'tokens and cost must be 0 or more.', 'Leave them out when nothing was used.');
  end if;
  update app_public.workflow_step_runs s set tokens = s.tokens + coalesce(add_usage.tokens, 0), cost = s.cost + coalesce(add_usage.cost, 0)
   where s.tenant_id = (step).tenant_id and s.id = (step).id;
  update app_public.workflow_runs r set tokens = r.tokens + coalesce(add_usage.tokens, 0), cost = r.cost + coalesce(add_usage.cost, 0)
   where r.tenant_id = (step).tenant_id and r.id = (step).run_id;
end
$$;
comment on function runtime.add_usage is E'@errors RN457\nAdds what an attempt used to its step and its run.';

create or replace function runtime.complete_workflow_step(
  tenant_id uuid, step_run_id uuid, lease_token uuid, output jsonb, tokens bigint default 0, cost numeric default 0) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step constant app_public.workflow_step_runs := runtime.leased_step(
    complete_workflow_step.tenant_id, complete_workflow_step.step_run_id, complete_workflow_step.lease_token);
  v_ended uuid[];
begin
  perform runtime.add_usage(v_step, complete_workflow_step.tokens, complete_workflow_step.cost);
  if pg_column_size(complete_workflow_step.output) > runtime.max_step_bytes() then
    v_ended := runtime.fail_step(v_step.id, 'output_too_large', 'The output of the step is larger than a megabyte.', false);
  else
    v_ended := runtime.finish_step(v_step.id, 'completed', coalesce(complete_workflow_step.output, 'null'));
  end if;
  perform runtime.advance_tree(v_step.run_id, v_ended);
  perform runtime.settle_reservations(v_step.root_run_id);
end
$$;
comment on function runtime.complete_workflow_step is
  E'@errors RN555 RN457\nStores what a step gave and advances the run, in this transaction. Only the holder of the live lease may.';
grant execute on function runtime.complete_workflow_step to rowhouse_worker;

create or replace function runtime.fail_workflow_step(
  tenant_id uuid, step_run_id uuid, lease_token uuid, error text, code text default 'error', is_retryable boolean default true,
  tokens bigint default 0, cost numeric default 0) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step constant app_public.workflow_step_runs := runtime.leased_step(
    fail_workflow_step.tenant_id, fail_workflow_step.step_run_id, fail_workflow_step.lease_token);
begin
  perform runtime.add_usage(v_step, fail_workflow_step.tokens, fail_workflow_step.cost);
  perform runtime.advance_tree(v_step.run_id, runtime.fail_step(
    v_step.id, coalesce(fail_workflow_step.code, 'error'), coalesce(fail_workflow_step.error, ''), coalesce(fail_workflow_step.is_retryable, false)));
  perform runtime.settle_reservations(v_step.root_run_id);
end
$$;
comment on function runtime.fail_workflow_step is
  E'@errors RN555 RN457\nSays that an attempt of a step failed. What follows is told by error_handling. Only the holder of the live lease may.';
grant execute on function runtime.fail_workflow_step to rowhouse_worker;

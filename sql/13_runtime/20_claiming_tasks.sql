-- Claiming and finishing. A worker claims the next task in the lines of its agent and gets a lease with a secret token; a heartbeat
-- extends it. Whoever finishes shows the token while the lease lives: one that comes late is told so and changes nothing. A task
-- whose lease has ended goes back to its line, by the next claim in the tenant or by the worker task, whichever comes first.

create or replace function runtime.head_start(priority app_public.task_priority) returns interval
language sql immutable parallel safe
return case priority when 'low' then interval '0' when 'medium' then '1 hour' when 'high' then '4 hours' else '1 day' end;
comment on function runtime.head_start is
  'By how much longer a task of this priority counts as having waited. So what is low is behind later ones that are more urgent, but not behind all that ever come.';

create or replace function runtime.token_hash(token uuid) returns bytea
language sql immutable strict parallel safe
return sha256(uuid_send(token));
comment on function runtime.token_hash is 'What is stored of the token of a lease.';

create or replace function runtime.lanes(agent_id uuid, capabilities text[]) returns text[]
language sql immutable parallel safe
return array['agent ' || agent_id, ''] || array(select distinct 'capability ' || c from unnest(capabilities) as c where c is not null);
comment on function runtime.lanes is 'The lines from which an agent takes tasks: its own, the one that is open to all, and one for each of its capabilities.';

create or replace function runtime.require_lease_length(lease interval) returns void
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  if coalesce(require_lease_length.lease not between interval '1 second' and interval '1 day', true) then
    perform core.raise_error('RN404', 'lease: A lease lasts from a second to a day.', 'Claim for some minutes, and extend the lease while you work.');
  end if;
end
$$;
comment on function runtime.require_lease_length is E'@errors RN404\nRaises an error unless a lease has a length that is allowed.';

-- The head of each line and priority is read by one look into the index, whatever stands behind it. The heads are not locked before
-- they are compared, so that a claim locks what it takes and nothing else.
create or replace function runtime.lock_next_task(lanes text[]) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
  v_line record;
  v_id uuid;
begin
  for v_line in
    select l.lane, p.priority
      from unnest(lock_next_task.lanes) as l (lane)
     cross join unnest(enum_range(null::app_public.task_priority)) as p (priority)
     cross join lateral (
       select t.available_at from app_public.tasks t
        where t.tenant_id = v_tenant_id and t.lane = l.lane and t.priority = p.priority and t.status in ('pending', 'assigned')
          and t.available_at <= v_now
        order by t.available_at limit 1) as head
     order by head.available_at - runtime.head_start(p.priority), p.priority desc
  loop
    select t.id into v_id from app_public.tasks t
     where t.tenant_id = v_tenant_id and t.lane = v_line.lane and t.priority = v_line.priority and t.status in ('pending', 'assigned')
       and t.available_at <= v_now
     order by t.available_at limit 1
       for no key update skip locked;
    if found then
      return v_id;
    end if;
  end loop;
  return null;
end
$$;
comment on function runtime.lock_next_task is
  'Locks the next task of some lines: the one that has waited longest, with the head start of its priority. What others are claiming is left out.';

create or replace function app_public.claim_task(agent_id uuid, capabilities text[] default '{}', lease interval default '5 minutes')
returns app_public.task_lease
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task_id uuid;
  v_token constant uuid := gen_random_uuid();
  v_lease app_public.task_lease;
begin
  perform tenancy.require_permission('can_run_agents');
  perform runtime.require_acting_agent(claim_task.agent_id);
  perform runtime.require_agent(claim_task.agent_id);
  perform runtime.require_lease_length(claim_task.lease);
  if cardinality(claim_task.capabilities) > 20 then
    perform core.raise_error('RN405', 'capabilities: There are at most 20.', 'Name those that tasks ask for.');
  end if;
  perform runtime.expire_leases(10);
  v_task_id := runtime.lock_next_task(runtime.lanes(claim_task.agent_id, claim_task.capabilities));
  update app_public.tasks t
     set status = 'in_progress', held_by_agent_id = claim_task.agent_id, lease_hash = runtime.token_hash(v_token),
         lease_expires_at = core.clock() + claim_task.lease, attempt_count = t.attempt_count + 1,
         started_at = coalesce(t.started_at, core.clock()), status_agent_id = claim_task.agent_id, status_reason = null
   where t.tenant_id = core.current_tenant_id() and t.id = v_task_id
  returning t.id, v_token, t.lease_expires_at, t.attempt_count
    into v_lease;
  return v_lease;
end
$$;
comment on function app_public.claim_task is
  E'@resultFieldName lease\n@errors RN201 RN302 RN404 RN405 KY204 ID203 ID202 KY202 TN202\nClaims the next task for an agent: one that is assigned to it, that asks for one of these capabilities, or that asks for nothing. Null when none waits. You hold it until the lease ends, and finish it with the token. Needs can_run_agents; an API key of an agent claims for its agent alone.';
grant execute on function app_public.claim_task to rowhouse_user;

create or replace function runtime.lock_leased_task(task_id uuid, lease_token uuid) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
begin
  perform tenancy.require_permission('can_run_agents');
  v_task := runtime.lock_task(lock_leased_task.task_id);
  perform runtime.require_acting_agent(v_task.held_by_agent_id);
  if (v_task.lease_hash = runtime.token_hash(lock_leased_task.lease_token) and v_task.lease_expires_at > core.clock()) is not true then
    perform core.raise_error('RN501', 'lease_token: You do not hold this task any more. Nothing was changed.',
      'Its lease has ended, or it was cancelled, delegated or given to another. Claim the next task.');
  end if;
  return v_task;
end
$$;
comment on function runtime.lock_leased_task is
  E'@errors RN201 RN301 RN501 KY204 ID203\nLocks a task for whoever holds its live lease, and raises an error for everyone else.';

create or replace function app_public.heartbeat_task(task_id uuid, lease_token uuid, lease interval default '5 minutes')
returns app_public.task_lease
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
begin
  perform runtime.require_lease_length(heartbeat_task.lease);
  v_task := runtime.lock_leased_task(heartbeat_task.task_id, heartbeat_task.lease_token);
  update app_public.tasks t set lease_expires_at = core.clock() + heartbeat_task.lease
   where t.tenant_id = v_task.tenant_id and t.id = v_task.id
  returning t.* into v_task;
  return (v_task.id, heartbeat_task.lease_token, v_task.lease_expires_at, v_task.attempt_count)::app_public.task_lease;
end
$$;
comment on function app_public.heartbeat_task is
  E'@resultFieldName lease\n@errors RN201 RN301 RN404 RN501 KY204 ID203 ID202 KY202 TN202\nExtends the lease of a task that you work on: from now on it has this length. An error says that you do not hold it any more, so that you can stop. Needs can_run_agents.';
grant execute on function app_public.heartbeat_task to rowhouse_user;

-- What is left below a task that ends: of one that is cancelled everything, of one that is finished what it delegated. Level by level,
-- each locked before the next is read, so no task is added below while this goes down; a tree has an end.
create or replace function runtime.cancel_below(task_id uuid, is_only_delegated boolean, reason text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_level uuid[] := array[cancel_below.task_id];
  v_is_first boolean := true;
begin
  loop
    select array_agg(c.id) into v_level from (
      select t.id from app_public.tasks t
       where t.tenant_id = core.current_tenant_id() and t.parent_task_id = any (v_level)
         and (not v_is_first or not cancel_below.is_only_delegated or t.delegation_type is not null)
       order by t.id for no key update) as c;
    exit when v_level is null;
    v_is_first := false;
    update app_public.tasks t
       set status = 'cancelled', finished_at = core.clock(), lease_hash = null, lease_expires_at = null, escalates_at = null,
           status_agent_id = null, status_reason = cancel_below.reason
     where t.tenant_id = core.current_tenant_id() and t.id = any (v_level) and not runtime.is_end(t.status);
  end loop;
end
$$;
comment on function runtime.cancel_below is 'Cancels the tasks below one that is locked: all, or those that it delegated and all below them.';

-- The one place where a task ends, other than below another. The caller has locked it by runtime.lock_task.
create or replace function runtime.end_task(
  task app_public.tasks, status app_public.task_status, reason text default null, output jsonb default null)
returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.tasks t
     set status = end_task.status, output = end_task.output, finished_at = core.clock(), lease_hash = null, lease_expires_at = null,
         escalates_at = null, status_reason = end_task.reason,
         status_agent_id = case when end_task.status = 'cancelled' then tenancy.current_agent_id() else t.held_by_agent_id end
   where t.tenant_id = (task).tenant_id and t.id = (task).id
  returning t.* into task;
  if end_task.status = 'cancelled' then
    perform runtime.cancel_below((task).id, false, 'The task above it was cancelled.');
  elsif (task).delegation_count > 0 then
    perform runtime.cancel_below((task).id, true, 'The task that it was delegated for has ended.');
  end if;
  if (task).delegation_type = 'supervision' then
    perform runtime.take_up(p, format('The delegated task is %s.', end_task.status))
       from app_public.tasks p
      where p.tenant_id = (task).tenant_id and p.id = (task).parent_task_id and p.status = 'delegated';
  end if;
  return task;
end
$$;
comment on function runtime.end_task is
  'Ends a task, which the caller has locked: with what it has below it, and with the task that waits for it under supervision going on.';

create or replace function runtime.return_to_line(task app_public.tasks, reason text, available_at timestamptz) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.tasks t
     set status = case when t.assigned_agent_id is null then 'pending' else 'assigned' end::app_public.task_status,
         available_at = return_to_line.available_at, lease_hash = null, lease_expires_at = null,
         status_agent_id = t.held_by_agent_id, status_reason = return_to_line.reason
   where t.tenant_id = (task).tenant_id and t.id = (task).id
  returning t.* into task;
  return task;
end
$$;
comment on function runtime.return_to_line is 'Puts a task, which the caller has locked, back into its line for the next attempt.';

create or replace function app_public.complete_task(task_id uuid, lease_token uuid, output jsonb default '{}') returns app_public.tasks
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task constant app_public.tasks := runtime.lock_leased_task(complete_task.task_id, complete_task.lease_token);
  v_output constant jsonb := coalesce(complete_task.output, '{}');
begin
  if v_task.output_schema is not null then
    perform runtime.require_value(v_task.output_schema, v_output, 'output');
  end if;
  if v_task.delegation_count > 0 and exists (
    select from app_public.tasks c
     where c.tenant_id = v_task.tenant_id and c.parent_task_id = v_task.id and c.delegation_type = 'collaboration'
       and not runtime.is_end(c.status))
  then
    perform core.raise_error('RN505', 'Another agent still works on its part of this task.', 'Complete it when that part has ended, or cancel the part.');
  end if;
  return runtime.end_task(v_task, 'completed', output => v_output);
end
$$;
comment on function app_public.complete_task is
  E'@resultFieldName task\n@errors RN201 RN301 RN402 RN501 RN505 KY204 ID203 ID202 KY202 TN202\nFinishes a task with its output, which must fit its output_schema. Only the holder of the live lease can; one that comes late is told so, and nothing changes. Needs can_run_agents.';
grant execute on function app_public.complete_task to rowhouse_user;

create or replace function runtime.next_attempt_at(task app_public.tasks) returns timestamptz
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select core.clock() + least((task).retry_delay * 2 ^ ((task).attempt_count - 1), interval '1 day');
$$;
comment on function runtime.next_attempt_at is 'When a task that has just failed is attempted again: after its retry_delay, doubled with each attempt, at most a day.';

create or replace function app_public.fail_task(task_id uuid, lease_token uuid, reason text, is_final boolean default false) returns app_public.tasks
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task constant app_public.tasks := runtime.lock_leased_task(fail_task.task_id, fail_task.lease_token);
begin
  if coalesce(fail_task.reason, '') !~ '\S' then
    perform core.raise_error('RN406', 'reason: Say why.', 'Give the error.');
  elsif fail_task.is_final or v_task.attempt_count >= v_task.max_attempts then
    return runtime.end_task(v_task, 'failed', fail_task.reason);
  end if;
  return runtime.return_to_line(v_task, fail_task.reason, runtime.next_attempt_at(v_task));
end
$$;
comment on function app_public.fail_task is
  E'@resultFieldName task\n@errors RN201 RN301 RN406 RN501 KY204 ID203 ID202 KY202 TN202\nGives up an attempt. The task is attempted again after a pause, up to max_attempts times, unless the failure is final. Only the holder of the live lease can. Needs can_run_agents.';
grant execute on function app_public.fail_task to rowhouse_user;

-- A holder that has died says nothing. Its attempt counts, so a task that kills its workers does not go on for ever. What others have
-- locked is left to them, or to the next time.
create or replace function runtime.expire_leases(most int) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reason constant text := 'The lease ended before the task did.';
  v_task app_public.tasks;
  v_count int := 0;
begin
  for v_task in
    select t.* from app_public.tasks t
     where t.tenant_id = core.current_tenant_id() and t.status = 'in_progress' and t.lease_expires_at <= core.clock()
     order by t.lease_expires_at limit expire_leases.most
       for no key update skip locked
  loop
    if v_task.attempt_count < v_task.max_attempts then
      perform runtime.return_to_line(v_task, v_reason, v_task.available_at);
    elsif v_task.delegation_type = 'supervision' and not runtime.lock_if_free(v_task.parent_task_id) then
      continue;
    else
      perform runtime.end_task(v_task, 'failed', v_reason);
    end if;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function runtime.expire_leases is
  'Takes tasks of this tenant from holders whose lease has ended: back to their line, or failed when no attempt is left. Returns how many.';

-- Here the lower task is locked already, so waiting for the one above could be in a circle.
create or replace function runtime.lock_if_free(task_id uuid) returns boolean
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform from app_public.tasks t
    where t.tenant_id = core.current_tenant_id() and t.id = lock_if_free.task_id for no key update skip locked;
  return found;
end
$$;
comment on function runtime.lock_if_free is 'Locks a task unless another has locked it, and returns whether it did.';

create or replace function runtime.expire_leases_of(tenant_id uuid, most int default 1000) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(expire_leases_of.tenant_id);
  return runtime.expire_leases(expire_leases_of.most);
end
$$;
comment on function runtime.expire_leases_of is 'Ends the leases of a tenant that are over, at most so many at once, and returns how many. Calling it again is harmless.';
grant execute on function runtime.expire_leases_of to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the worker looks which tenants have leases to end
create or replace function runtime.tenants_with_ended_leases() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select distinct t.tenant_id from app_public.tasks t where t.status = 'in_progress' and t.lease_expires_at <= core.clock();
$$;
comment on function runtime.tenants_with_ended_leases is 'The tenants that have tasks whose lease has ended.';
grant execute on function runtime.tenants_with_ended_leases to rowhouse_worker;

set local role rowhouse_owner;

-- A task that waits for something is held by nobody, so that a worker can do other work meanwhile. It goes on with the agent that
-- had it, and the wait is no attempt.
create or replace function runtime.put_aside(task app_public.tasks, status app_public.task_status, reason text) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.tasks t
     set status = put_aside.status, lease_hash = null, lease_expires_at = null, status_reason = put_aside.reason,
         assigned_agent_id = case t.status when 'in_progress' then t.held_by_agent_id else t.assigned_agent_id end,
         attempt_count = t.attempt_count - case t.status when 'in_progress' then 1 else 0 end
   where t.tenant_id = (task).tenant_id and t.id = (task).id
  returning t.* into task;
  return task;
end
$$;
comment on function runtime.put_aside is
  'Takes a task, which the caller has locked, from its holder while it waits: its status becomes delegated or awaiting_approval.';

create or replace function runtime.take_up(task app_public.tasks, reason text) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.tasks t
     set status = case when t.assigned_agent_id is null then 'pending' else 'assigned' end::app_public.task_status,
         status_reason = take_up.reason
   where t.tenant_id = (task).tenant_id and t.id = (task).id and t.status in ('delegated', 'awaiting_approval')
  returning t.* into task;
  return task;
end
$$;
comment on function runtime.take_up is
  'Puts a task, which the caller has locked, back into the line of the agent that had it, when what it waited for has come. Null when it does not wait any more.';

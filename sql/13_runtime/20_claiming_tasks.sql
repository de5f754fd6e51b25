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
  E'@resultFieldName lease\n@errors RN201 RN302 RN404 RN405 KY204 ID203 TN202\nClaims the next task for an agent: one that is assigned to it, that asks for one of these capabilities, or that asks for nothing. Null when none waits. You hold it until the lease ends, and finish it with the token. Needs can_run_agents; an API key of an agent claims for its agent alone.';
grant execute on function app_public.claim_task to rowhouse_user;

create or replace function runtime.lock_leased_task(task_id uuid, lease_token uuid) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
begin
  perform tenancy.require_permission('can_run_agents');
  select * into v_task from app_public.tasks t
   where t.tenant_id = core.current_tenant_id() and t.id = lock_leased_task.task_id for no key update;
  if not found then
    perform runtime.raise_no_such_task();
  end if;
  perform runtime.require_acting_agent(v_task.held_by_agent_id);
  if (v_task.status = 'in_progress' and v_task.lease_hash = runtime.token_hash(lock_leased_task.lease_token) and v_task.lease_expires_at > core.clock()) is not true then
    perform core.raise_error('RN501', 'lease_token: You do not hold this task any more. Nothing was changed.',
      'Its lease has ended, or it was cancelled, delegated or given to another. Claim the next task.');
  end if;
  return v_task;
end
$$;
comment on function runtime.lock_leased_task is
  E'@errors RN201 RN301 RN501 KY204 ID203\nLocks a task for whoever holds its live lease, and raises an error for everyone else.';

create or replace function app_public.complete_task(task_id uuid, lease_token uuid, output jsonb default '{}') returns app_public.tasks
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks := runtime.lock_leased_task(complete_task.task_id, complete_task.lease_token);
begin
  perform runtime.require_value(v_task.output_schema, complete_task.output, 'output');
  update app_public.tasks t
     set status = 'completed', output = coalesce(complete_task.output, '{}'), finished_at = core.clock(),
         lease_hash = null, lease_expires_at = null, escalates_at = null, status_agent_id = t.held_by_agent_id, status_reason = null
   where t.tenant_id = v_task.tenant_id and t.id = v_task.id
  returning t.* into v_task;
  return v_task;
end
$$;
comment on function app_public.complete_task is
  E'@resultFieldName task\n@errors RN201 RN301 RN402 RN501 KY204 ID203 TN202\nFinishes a task with its output, which must fit its output_schema. Only the holder of the live lease can; one that comes late is told so, and nothing changes.';
grant execute on function app_public.complete_task to rowhouse_user;

create or replace function runtime.expire_leases(most int) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  with ended as (
    select t.id from app_public.tasks t
     where t.tenant_id = core.current_tenant_id() and t.status = 'in_progress' and t.lease_expires_at <= core.clock()
     order by t.lease_expires_at limit expire_leases.most
       for no key update skip locked
  )
  update app_public.tasks t
     set status = case when t.attempt_count >= t.max_attempts then 'failed'
                       when t.assigned_agent_id is null then 'pending' else 'assigned' end::app_public.task_status,
         finished_at = case when t.attempt_count >= t.max_attempts then core.clock() end,
         lease_hash = null, lease_expires_at = null, status_agent_id = t.held_by_agent_id,
         status_reason = 'The lease ended before the task did.'
    from ended where t.tenant_id = core.current_tenant_id() and t.id = ended.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function runtime.expire_leases is
  'Takes tasks of this tenant from holders whose lease has ended: back to their line, or failed when no attempt is left.';

-- A task that waits for something is held by nobody, so that a worker can do other work meanwhile. It goes on with the agent that
-- had it, and the wait is no attempt.
create or replace function runtime.put_aside(task app_public.tasks, status app_public.task_status, reason text) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.tasks t
     set status = put_aside.status, lease_hash = null, lease_expires_at = null, status_reason = put_aside.reason,
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
     set status = case when coalesce(t.held_by_agent_id, t.assigned_agent_id) is null then 'pending' else 'assigned' end::app_public.task_status,
         assigned_agent_id = coalesce(t.held_by_agent_id, t.assigned_agent_id), status_reason = take_up.reason
   where t.tenant_id = (task).tenant_id and t.id = (task).id and t.status in ('delegated', 'awaiting_approval')
  returning t.* into task;
  return task;
end
$$;
comment on function runtime.take_up is
  'Puts a task, which the caller has locked, back into the line of the agent that had it, when what it waited for has come. Null when it does not wait any more.';

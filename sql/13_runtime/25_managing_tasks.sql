-- What people do with tasks that others hold: cancel them, with all below them, or give them to another agent.

create or replace function runtime.lock_open_task(task_id uuid) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
begin
  perform tenancy.require_permission('can_run_agents');
  v_task := runtime.lock_task(lock_open_task.task_id);
  if tenancy.current_agent_id() <> all (array_remove(
       array[v_task.created_by_agent_id, v_task.assigned_agent_id, v_task.held_by_agent_id], null)) then
    perform core.raise_error('RN201', 'This API key acts for another agent.', 'Use the API key of the agent that created the task or does it.');
  elsif runtime.is_end(v_task.status) then
    perform core.raise_error('RN502', format('The task is %s, and stays so.', v_task.status), 'Create a new task.');
  end if;
  return v_task;
end
$$;
comment on function runtime.lock_open_task is
  E'@errors RN201 RN301 RN502 ID203\nLocks a task that has not ended, for a person, or for the agent that created it, that it is for or that held it last.';

create or replace function app_public.cancel_task(task_id uuid, reason text default null) returns app_public.tasks
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return runtime.end_task(runtime.lock_open_task(cancel_task.task_id), 'cancelled', cancel_task.reason);
end
$$;
comment on function app_public.cancel_task is
  E'@resultFieldName task\n@errors RN201 RN301 RN502 ID203 ID202 KY202 TN202\nCancels a task and all tasks below it. Who holds one of them learns it with the next heartbeat. Needs can_run_agents; an API key of an agent cancels what that agent created or does.';
grant execute on function app_public.cancel_task to rowhouse_user;

create or replace function runtime.give_to(task app_public.tasks, agent_id uuid, reason text, passed_by uuid[]) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  if (task).status = 'delegated' then
    perform runtime.cancel_below((task).id, true, 'The task that it was delegated for went to another agent.');
  end if;
  update app_public.tasks t
     set status = case when t.status = 'awaiting_approval' then t.status when give_to.agent_id is null then 'pending' else 'assigned' end,
         assigned_agent_id = give_to.agent_id, held_by_agent_id = null, lease_hash = null, lease_expires_at = null,
         -- what is taken away has not failed
         attempt_count = t.attempt_count - case t.status when 'in_progress' then 1 else 0 end,
         delegated_by_agent_ids = give_to.passed_by, status_agent_id = tenancy.current_agent_id(), status_reason = give_to.reason,
         escalates_at = case when t.auto_escalate then core.clock() + t.escalation_timeout end
   where t.tenant_id = (task).tenant_id and t.id = (task).id
  returning t.* into task;
  return task;
end
$$;
comment on function runtime.give_to is
  'Gives a task, which the caller has locked, to another agent, or to any when it is null. Whoever held it holds it no more.';

create or replace function app_public.reassign_task(task_id uuid, agent_id uuid default null, reason text default null) returns app_public.tasks
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task constant app_public.tasks := runtime.lock_open_task(reassign_task.task_id);
begin
  if reassign_task.agent_id is not null then
    perform runtime.require_agent(reassign_task.agent_id);
  end if;
  return runtime.give_to(v_task, reassign_task.agent_id, reassign_task.reason, '{}');
end
$$;
comment on function app_public.reassign_task is
  E'@resultFieldName task\n@errors RN201 RN301 RN302 RN502 ID203 ID202 KY202 TN202\nGives a task to another agent, or without one to any that can do it. Whoever holds it is told so when it finishes. Needs can_run_agents.';
grant execute on function app_public.reassign_task to rowhouse_user;

-- The row is given by the caller; only what it says itself is used.
create or replace function app_public.tasks_is_overdue(task app_public.tasks) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((task).due_at <= core.clock() and (task).finished_at is null or (task).finished_at > (task).due_at, false);
$$;
comment on function app_public.tasks_is_overdue is E'@notNull\nWhether the time when it was due has passed, or had passed when it ended.';
grant execute on function app_public.tasks_is_overdue to rowhouse_user;

create or replace function app_public.task_lease_task(task_lease app_public.task_lease) returns app_public.tasks
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.tasks t where t.tenant_id = core.current_tenant_id() and t.id = (task_lease).task_id;
$$;
comment on function app_public.task_lease_task is 'The task.';
grant execute on function app_public.task_lease_task to rowhouse_user;
comment on type app_public.task_lease is 'What the holder of a task has: the secret by which it finishes it, and for how long it holds it.';
comment on column app_public.task_lease.task_id is E'@notNull\nThe task.';
comment on column app_public.task_lease.lease_token is E'@notNull\nThe secret. heartbeat_task, complete_task and fail_task ask for it.';
comment on column app_public.task_lease.lease_expires_at is E'@notNull\nUntil when you hold it.';
comment on column app_public.task_lease.attempt is E'@notNull\nThe number of the attempt.';

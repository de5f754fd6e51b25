-- Tasks that wait for an approval. One that waits has no lease. When it is approved it goes back to its line, without an attempt
-- used up, and when it is rejected it fails. A task is looked at when it is created for an agent and, because it may be any
-- agent that claims it and policies change, once more when it is claimed.

create or replace function runtime.task_is_approved(task_id uuid, agent_id uuid) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.agent_approvals a
     where a.tenant_id = core.current_tenant_id() and a.subject_kind = 'task' and a.subject_id = task_is_approved.task_id
       and a.agent_id = task_is_approved.agent_id and a.cause <> 'request' and a.status = 'approved');
$$;
comment on function runtime.task_is_approved is 'Whether people have allowed that this agent does this task.';

create or replace function runtime.ask_about_task(task app_public.tasks, agent_id uuid, cause app_public.approval_cause) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform runtime.open_approval(
    ('task', (task).id, ask_about_task.agent_id, (task).created_by_user_id)::runtime.approval_subject,
    (task).title, '{}', ask_about_task.cause,
    (select a.cost_per_query from app_public.agents a where a.id = ask_about_task.agent_id));
end
$$;
comment on function runtime.ask_about_task is E'@errors RN530\nAsks people whether an agent may do a task.';

create or replace function runtime.most_pending_approvals() returns int
language sql immutable parallel safe
return 20;
comment on function runtime.most_pending_approvals is
  'For how many approvals of an agent people are asked at once because it claims tasks that are for any agent.';

-- A task that an agent claims and that needs an approval becomes that agent's own, because the approval is for that agent.
create or replace function runtime.put_aside_for_approval(task_id uuid, agent_id uuid, cause app_public.approval_cause) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
begin
  update app_public.tasks t
     set status = 'awaiting_approval', assigned_agent_id = put_aside_for_approval.agent_id,
         status_agent_id = put_aside_for_approval.agent_id, status_reason = 'It needs an approval.'
   where t.tenant_id = core.current_tenant_id() and t.id = put_aside_for_approval.task_id
  returning t.* into strict v_task;
  perform runtime.ask_about_task(v_task, put_aside_for_approval.agent_id, put_aside_for_approval.cause);
end
$$;
comment on function runtime.put_aside_for_approval is
  E'@errors RN530\nLets a task that is locked wait for the approval that an agent needs to do it.';

create or replace function runtime.lock_approved_task(agent_id uuid, capabilities text[]) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := 10;
  v_cause constant app_public.approval_cause := runtime.approval_cause(lock_approved_task.agent_id);
  v_capabilities text[] := lock_approved_task.capabilities;
  v_task_id uuid;
begin
  if v_cause is null then
    return runtime.lock_next_task(lock_approved_task.agent_id, v_capabilities);
  end if;
  -- An agent that people are slow to answer must not keep others from the tasks that are for any agent.
  if (select count(*) from app_public.agent_approvals a
       where a.tenant_id = core.current_tenant_id() and a.agent_id = lock_approved_task.agent_id and a.status = 'pending')
     >= runtime.most_pending_approvals() then
    v_capabilities := null;
  end if;
  for i in 1..v_most loop
    v_task_id := runtime.lock_next_task(lock_approved_task.agent_id, v_capabilities);
    if v_task_id is null or runtime.task_is_approved(v_task_id, lock_approved_task.agent_id) then
      return v_task_id;
    end if;
    perform runtime.put_aside_for_approval(v_task_id, lock_approved_task.agent_id, v_cause);
  end loop;
  return null;
end
$$;
comment on function runtime.lock_approved_task is
  E'@errors RN530\nLocks the next task of some lines that an agent may do. Those for which it needs an approval first wait for it from now on, at most 10 with each call.';

create or replace function runtime.tg_tasks__await_approval() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if runtime.approval_cause(new.assigned_agent_id) is not null then
    new.status := 'awaiting_approval';
    new.status_reason := 'It needs an approval.';
  end if;
  return new;
end
$$;
comment on function runtime.tg_tasks__await_approval is 'Lets a new task wait when its agent needs an approval.';

create or replace function runtime.tg_tasks__ask_for_approval() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_cause constant app_public.approval_cause := runtime.approval_cause(new.assigned_agent_id);
begin
  if v_cause is not null then
    perform runtime.ask_about_task(new, new.assigned_agent_id, v_cause);
  end if;
  return null;
end
$$;
comment on function runtime.tg_tasks__ask_for_approval is E'@errors RN530\nAsks people about a new task that waits for an approval.';

create or replace function runtime.tg_tasks__keep_awaiting() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_public.agent_approvals a
     where a.tenant_id = new.tenant_id and a.subject_kind = 'task' and a.subject_id = new.id and a.status = 'pending') then
    if new.status <> 'cancelled' then
      perform core.raise_error('RN535', 'The task waits for an approval.', 'Decide it, or cancel the task.');
    end if;
    perform runtime.withdraw_approvals_of('task', new.id, 'The task was cancelled.');
  end if;
  return null;
end
$$;
comment on function runtime.tg_tasks__keep_awaiting is
  E'@errors RN535\nKeeps a task waiting until its approval has ended; cancelling the task withdraws the approval.';

create or replace function runtime.tg_agent_approvals__move_task() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reason constant text := left(concat_ws(' ', format('The approval is %s.', new.status), new.decision_reason), 2000);
  v_task app_public.tasks;
begin
  select * into v_task from app_public.tasks t where t.tenant_id = new.tenant_id and t.id = new.subject_id;
  if v_task.status = 'awaiting_approval' then
    if new.status = 'rejected' then
      perform runtime.end_task(v_task, 'failed', v_reason);
    else
      perform runtime.take_up(v_task, v_reason);
    end if;
  end if;
  return null;
end
$$;
comment on function runtime.tg_agent_approvals__move_task is
  'Lets a task go on where it stopped when its approval is given or not needed any more, and fail when it is rejected.';

create or replace trigger _300_await_approval before insert on app_public.tasks
  for each row when (new.status = 'assigned') execute function runtime.tg_tasks__await_approval();
create or replace trigger _510_ask_for_approval after insert on app_public.tasks
  for each row when (new.status = 'awaiting_approval') execute function runtime.tg_tasks__ask_for_approval();
create or replace trigger _510_keep_awaiting after update of status on app_public.tasks
  for each row when (old.status = 'awaiting_approval' and new.status <> old.status) execute function runtime.tg_tasks__keep_awaiting();
create or replace trigger _500_move_task after update of status on app_public.agent_approvals
  for each row when (old.status = 'pending' and new.status <> 'pending' and new.subject_kind = 'task')
  execute function runtime.tg_agent_approvals__move_task();

create or replace function runtime.lock_task_to_put_aside(task_id uuid, lease_token uuid) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
begin
  if lock_task_to_put_aside.lease_token is not null then
    return runtime.lock_leased_task(lock_task_to_put_aside.task_id, lock_task_to_put_aside.lease_token);
  end if;
  perform tenancy.require_permission('can_run_agents');
  v_task := runtime.lock_task(lock_task_to_put_aside.task_id);
  if v_task.status not in ('pending', 'assigned') then
    perform core.raise_error('RN536', format('The task is %s.', v_task.status),
      'Give the lease_token of a task that you hold; only one that nobody holds can wait without it.');
  end if;
  return v_task;
end
$$;
comment on function runtime.lock_task_to_put_aside is
  E'@errors RN301 RN501 RN536 KY204 ID203\nLocks a task for the holder of its lease or, without a lease, one that nobody holds.';

create or replace function app_public.request_approval(
  task_id uuid, title text, details jsonb default '{}', lease_token uuid default null, cost_usd numeric default null,
  terms app_public.approval_terms default null) returns app_public.agent_approvals
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task constant app_public.tasks := runtime.lock_task_to_put_aside(request_approval.task_id, request_approval.lease_token);
  v_agent_id constant uuid :=
    case when request_approval.lease_token is null then v_task.assigned_agent_id else v_task.held_by_agent_id end;
begin
  perform runtime.put_aside(v_task, 'awaiting_approval', request_approval.title);
  return runtime.open_approval(
    ('task', v_task.id, v_agent_id, v_task.created_by_user_id)::runtime.approval_subject, request_approval.title,
    request_approval.details,
    case when runtime.is_above_cost_limit(v_agent_id, null, request_approval.cost_usd) then 'cost' else 'request' end,
    request_approval.cost_usd, request_approval.terms);
end
$$;
comment on function app_public.request_approval is
  E'@resultFieldName approval\n@errors RN301 RN430 RN431 RN501 RN530 RN536 KY204 ID203 TN202\nLets a task wait for the approval of a person: one that you hold, with its lease_token, or one that waits in its line. It keeps its attempts and is held by nobody while it waits. When it is approved it goes back to its line, and who claims it next finds in details where it stopped; when it is rejected it fails. Needs can_run_agents.';
grant execute on function app_public.request_approval to rowhouse_user;

create or replace function app_public.tasks_approvals(task app_public.tasks) returns setof app_public.agent_approvals
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select a from app_public.agent_approvals a
   where a.tenant_id = (task).tenant_id and a.subject_kind = 'task' and a.subject_id = (task).id
   order by a.created_at desc, a.id;
$$;
comment on function app_public.tasks_approvals is 'The approvals that it waited for, the latest first.';
grant execute on function app_public.tasks_approvals to rowhouse_user;

create or replace function app_public.agent_approvals_task(approval app_public.agent_approvals) returns app_public.tasks
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select t.* from app_public.tasks t
   where (approval).subject_kind = 'task' and t.tenant_id = (approval).tenant_id and t.id = (approval).subject_id;
$$;
comment on function app_public.agent_approvals_task is 'The task that waits for it; null when something else does.';
grant execute on function app_public.agent_approvals_task to rowhouse_user;

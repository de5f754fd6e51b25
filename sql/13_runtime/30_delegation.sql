-- Delegation: an agent gives a task, or a part of it, to another agent. What each type means says its comment.

call core.secure_tenant_table('app_public.task_delegation_history');
call audit.leave_out('a log that is only added to', 'app_public.task_delegation_history');
call core.allow('app_public.task_delegation_history', read => 'member');
grant select on app_public.task_delegation_history to rowhouse_user;
comment on table app_public.task_delegation_history is
  E'@name task_delegation\n@large\n@foreignKey (from_agent_id) references app_public.agents (id)|@fieldName fromAgent|@behavior -*\n@foreignKey (to_agent_id) references app_public.agents (id)|@fieldName toAgent|@behavior -*\n@behavior -insert -update -delete -query:resource:single\nEvery delegation of a task from one agent to another. Members of the tenant see them.';
comment on column app_public.task_delegation_history.tenant_id is 'The tenant.';
comment on column app_public.task_delegation_history.id is 'The id.';
comment on column app_public.task_delegation_history.task_id is 'The task that was delegated.';
comment on column app_public.task_delegation_history.from_agent_id is 'The agent that had it; null when it was for any agent.';
comment on column app_public.task_delegation_history.to_agent_id is 'The agent that got it, or the part of it.';
comment on column app_public.task_delegation_history.delegation_type is 'How it was delegated.';
comment on column app_public.task_delegation_history.reason is E'@personal erase\nWhy.';
comment on column app_public.task_delegation_history.metadata is E'@notPersonal\nWhatever else belongs to it.';
comment on column app_public.task_delegation_history.delegated_task_id is 'The task that the other agent does; null when it was handed the task itself.';
comment on column app_public.task_delegation_history.is_escalation is 'Whether the system delegated it, because it took too long.';
comment on column app_public.task_delegation_history.user_id is E'@personal pseudonymise\nThe person who delegated it, or whose API key did; null for the system.';
comment on column app_public.task_delegation_history.created_at is 'When.';
comment on constraint metadata_is_an_object on app_public.task_delegation_history is 'must be a JSON object';
comment on type app_public.delegation_type is
  'handoff: the other agent gets the task, and it alone finishes it. supervision: the other agent does it as a task of its own; then it comes back to the agent that delegated, which alone finishes it. collaboration: the other agent does a part as a task of its own; the agent that delegated goes on, and finishes the whole when the part has ended. consultation: the other agent is asked; the agent that delegated goes on, and finishes it with the answer or without.';

call core.secure_tenant_table('app_public.agent_supervisors');
call audit.track('app_public.agent_supervisors');
call core.allow('app_public.agent_supervisors', read => 'member', write => 'can_edit_agents');
grant select, delete on app_public.agent_supervisors to rowhouse_user;
grant insert (agent_id, supervisor_agent_id), update (supervisor_agent_id) on app_public.agent_supervisors to rowhouse_user;
grant select, insert, update, delete on app_public.agent_supervisors to rowhouse_platform;
comment on table app_public.agent_supervisors is
  E'@foreignKey (agent_id) references app_public.agents (id)|@fieldName agent|@behavior -*\n@foreignKey (supervisor_agent_id) references app_public.agents (id)|@fieldName supervisor|@behavior -*\nThe supervisor of each agent, to which its tasks go when they take too long. Members of the tenant see them; writing needs can_edit_agents.';
comment on column app_public.agent_supervisors.tenant_id is 'The tenant.';
comment on column app_public.agent_supervisors.agent_id is 'The agent.';
comment on column app_public.agent_supervisors.supervisor_agent_id is 'Its supervisor.';
comment on column app_public.agent_supervisors.created_at is 'When it was set.';
comment on column app_public.agent_supervisors.updated_at is 'When it last changed.';
comment on constraint is_not_its_own_supervisor on app_public.agent_supervisors is 'must be another agent';

create or replace function runtime.lock_delegable_task(task_id uuid, lease_token uuid) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
begin
  -- The top of the tree counts the tasks below it, so it is locked before the task.
  perform from app_public.tasks r
    where r.tenant_id = core.current_tenant_id() and r.id = (
      select t.root_task_id from app_public.tasks t where t.tenant_id = core.current_tenant_id() and t.id = lock_delegable_task.task_id)
      for no key update;
  if lock_delegable_task.lease_token is not null then
    return runtime.lock_leased_task(lock_delegable_task.task_id, lock_delegable_task.lease_token);
  end if;
  v_task := runtime.lock_open_task(lock_delegable_task.task_id);
  if v_task.status not in ('pending', 'assigned') then
    perform core.raise_error('RN506', format('The task is %s: only its holder delegates it.', v_task.status),
      case v_task.status when 'in_progress' then 'Show the lease_token, or reassign the task.' else 'Wait until it goes on, or reassign it.' end);
  end if;
  return v_task;
end
$$;
comment on function runtime.lock_delegable_task is
  E'@errors RN201 RN301 RN501 RN502 RN506 KY204 ID203\nLocks a task, and the top of its tree, for whoever may delegate it: its holder, and while nobody holds it, people and its agent.';

create or replace function runtime.require_delegable(task app_public.tasks, from_agent_id uuid, to_agent_id uuid, delegation_type app_public.delegation_type)
returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if require_delegable.delegation_type is null then
    perform core.raise_error('RN407', 'delegation_type: Say how.', 'Give handoff, supervision, collaboration or consultation.');
  elsif from_agent_id is null and require_delegable.delegation_type <> 'handoff' then
    perform core.raise_error('RN407', 'delegation_type: No agent has this task yet, so it can only be handed off.', 'Hand it off, or assign it first.');
  end if;
  perform runtime.require_agent(require_delegable.to_agent_id, 'to_agent_id');
  if require_delegable.to_agent_id = any ((task).delegated_by_agent_ids || require_delegable.from_agent_id) then
    perform core.raise_error('RN507', 'to_agent_id: The task came from this agent, so it cannot go to it.', 'Choose an agent that has not had it.');
  elsif (task).delegation_count >= (task).max_delegations then
    perform core.raise_error('RN603', format('The task can be delegated %s times.', (task).max_delegations), 'Do it, or let it fail.');
  end if;
end
$$;
comment on function runtime.require_delegable is
  E'@errors RN302 RN407 RN507 RN603\nRaises an error when a task has been delegated as often as it may be, or came from this agent.';

-- What the other agent does as a task of its own. It is delegated on at most as often as the task itself could be.
create or replace function runtime.add_delegated_task(
  task app_public.tasks, from_agent_id uuid, to_agent_id uuid, delegation_type app_public.delegation_type, reason text, input jsonb)
returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_part app_public.tasks;
begin
  v_part.title := (task).title;
  v_part.description := (task).description;
  v_part.priority := (task).priority;
  v_part.input := coalesce(add_delegated_task.input, (task).input);
  v_part.due_at := case when (task).due_at > core.clock() then (task).due_at end;
  v_part.max_attempts := (task).max_attempts;
  v_part.retry_delay := (task).retry_delay;
  -- it does the whole, so it owes the same
  v_part.output_schema := case add_delegated_task.delegation_type when 'supervision' then (task).output_schema end;
  v_part.assigned_agent_id := add_delegated_task.to_agent_id;
  v_part.parent_task_id := (task).id;
  v_part.delegation_type := add_delegated_task.delegation_type;
  v_part.delegated_by_agent_ids := (task).delegated_by_agent_ids || add_delegated_task.from_agent_id;
  v_part.max_delegations := (task).max_delegations - (task).delegation_count;
  v_part.status_reason := add_delegated_task.reason;
  return (runtime.add_task(v_part)).id;
end
$$;
comment on function runtime.add_delegated_task is
  E'@errors RN402 RN504 RN601 RN602\nMakes the task that another agent does under supervision, in collaboration or as a consultation.';

create or replace function runtime.note_delegation(delegation app_public.task_delegation_history) returns app_public.task_delegation_history
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.task_delegation_history as d (
    tenant_id, task_id, from_agent_id, to_agent_id, delegation_type, reason, delegated_task_id, is_escalation, user_id, created_at)
  values (
    core.current_tenant_id(), (delegation).task_id, (delegation).from_agent_id, (delegation).to_agent_id, (delegation).delegation_type,
    (delegation).reason, (delegation).delegated_task_id, coalesce((delegation).is_escalation, false), core.current_user_id(), core.clock())
  returning d.* into delegation;
  return delegation;
end
$$;
comment on function runtime.note_delegation is 'Writes a delegation down.';

create or replace function app_public.delegate_task(
  task_id uuid, to_agent_id uuid, delegation_type app_public.delegation_type, reason text default null, lease_token uuid default null,
  input jsonb default null)
returns app_public.task_delegation_history
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks := runtime.lock_delegable_task(delegate_task.task_id, delegate_task.lease_token);
  v_from constant uuid := case v_task.status when 'in_progress' then v_task.held_by_agent_id else v_task.assigned_agent_id end;
  v_delegation app_public.task_delegation_history;
begin
  perform runtime.require_delegable(v_task, v_from, delegate_task.to_agent_id, delegate_task.delegation_type);
  update app_public.tasks t set delegation_count = t.delegation_count + 1
   where t.tenant_id = v_task.tenant_id and t.id = v_task.id
  returning t.* into v_task;
  if delegate_task.delegation_type = 'handoff' then
    perform runtime.give_to(v_task, delegate_task.to_agent_id, delegate_task.reason, array_remove(v_task.delegated_by_agent_ids || v_from, null));
  else
    v_delegation.delegated_task_id := runtime.add_delegated_task(
      v_task, v_from, delegate_task.to_agent_id, delegate_task.delegation_type, delegate_task.reason, delegate_task.input);
    if delegate_task.delegation_type = 'supervision' then
      perform runtime.put_aside(v_task, 'delegated', delegate_task.reason);
    end if;
  end if;
  v_delegation.task_id := v_task.id;
  v_delegation.from_agent_id := v_from;
  v_delegation.to_agent_id := delegate_task.to_agent_id;
  v_delegation.delegation_type := delegate_task.delegation_type;
  v_delegation.reason := delegate_task.reason;
  return runtime.note_delegation(v_delegation);
end
$$;
comment on function app_public.delegate_task is
  E'@resultFieldName delegation\n@errors RN201 RN301 RN302 RN402 RN407 RN501 RN502 RN504 RN506 RN507 RN601 RN602 RN603 KY204 ID203 ID202 KY202 TN202\nGives a task to another agent (handoff), lets it do the work or a part of it (supervision, collaboration), or asks it (consultation); delegation_type says who finishes then. While the task is held, only its holder delegates it, with its lease_token. It never goes back to an agent that it came from. Needs can_run_agents.';
grant execute on function app_public.delegate_task to rowhouse_user;

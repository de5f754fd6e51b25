-- Tasks: what agents are given to do. The idea: a task stands in a line (its lane) until a worker claims it for an agent and holds
-- it by a lease; only the holder of the live lease finishes it. What a task may become is one table of legal moves, and a trigger
-- writes each move down.

call core.secure_tenant_table('app_public.tasks');
call audit.leave_out('task_state_transitions and task_delegation_history have who did what to a task, and why', 'app_public.tasks');
call core.allow('app_public.tasks', read => 'member');
grant select on app_public.tasks to rowhouse_user;
grant select, insert, update, delete on app_public.tasks to rowhouse_platform;
comment on table app_public.tasks is
  E'@large\n@foreignKey (assigned_agent_id) references app_public.agents (id)|@fieldName assignedAgent|@behavior -*\n@behavior -insert -update -delete\nThe tasks of this tenant. Its members see them; create_task, claim_task and the functions around them write them, for members with the permission can_run_agents.';
comment on column app_public.tasks.tenant_id is 'The tenant.';
comment on column app_public.tasks.id is 'The id.';
comment on column app_public.tasks.title is E'@personal erase\nWhat is to be done, in a line of at most 255 characters.';
comment on column app_public.tasks.description is E'@personal erase\nWhat is to be done, at length.';
comment on column app_public.tasks.status is E'@kept\nThe state it is in.';
comment on column app_public.tasks.priority is 'How soon it is wanted.';
comment on column app_public.tasks.assigned_agent_id is 'The agent that it is for; null when any agent may claim it that has the capability.';
comment on column app_public.tasks.required_capability is 'What an agent must be able to do to claim it, while it is for no single agent.';
comment on column app_public.tasks.lane is E'@notPersonal\n@behavior -*\nThe line in which it waits.';
comment on column app_public.tasks.input is E'@personal erase\n@behavior -filterBy -orderBy\nWhat the agent is given.';
comment on column app_public.tasks.input_schema is E'@behavior -filterBy -orderBy\nThe JSON Schema that the input fits.';
comment on column app_public.tasks.output is E'@personal erase\n@kept\n@behavior -filterBy -orderBy\nWhat came of it; null until it is completed.';
comment on column app_public.tasks.output_schema is E'@behavior -filterBy -orderBy\nThe JSON Schema that the output must fit.';
comment on column app_public.tasks.available_at is E'@kept\nSince when it may be claimed. After a failure it lies in the future until the next attempt.';
comment on column app_public.tasks.due_at is 'By when it should be done.';
comment on column app_public.tasks.attempt_count is E'@kept\nHow often it was claimed, without the times that it was put aside.';
comment on column app_public.tasks.max_attempts is 'How often it is attempted before it fails for good, 1 to 20.';
comment on column app_public.tasks.retry_delay is 'The pause after the first failed attempt; it doubles with each, up to a day.';
comment on column app_public.tasks.held_by_agent_id is E'@kept\nThe agent for which it is held or was held last.';
comment on column app_public.tasks.lease_hash is E'@kept\n@behavior -*\nThe SHA-256 of the token of its holder.';
comment on column app_public.tasks.lease_expires_at is E'@kept\nUntil when its holder has it; heartbeat_task extends it.';
comment on column app_public.tasks.started_at is E'@kept\nWhen it was first claimed.';
comment on column app_public.tasks.finished_at is E'@kept\nWhen it was completed, failed for good or was cancelled.';
comment on column app_public.tasks.status_agent_id is E'@kept\n@behavior -*\nThe agent that brought it into its state.';
comment on column app_public.tasks.status_reason is E'@personal erase\n@kept\nWhy it is in its state, such as the error of the last attempt.';
comment on column app_public.tasks.parent_task_id is 'The task that it is a part of.';
comment on column app_public.tasks.root_task_id is E'@behavior -*\nThe task at the top of its tree.';
comment on column app_public.tasks.depth is 'How many tasks are above it, at most 10.';
comment on column app_public.tasks.subtask_count is E'@kept\n@behavior -*\nHow many tasks were ever made below it, at most 1,000; kept for the top of a tree.';
comment on column app_public.tasks.delegation_type is 'How it was delegated, when it was made by delegation.';
comment on column app_public.tasks.delegated_by_agent_ids is E'@kept\nThe agents by which it came to its agent. It cannot be delegated back to them.';
comment on column app_public.tasks.max_delegations is 'How often it may be delegated, 0 to 20.';
comment on column app_public.tasks.delegation_count is E'@kept\nHow often it was delegated.';
comment on column app_public.tasks.auto_escalate is 'Whether it goes to the supervisor of its agent when it takes too long.';
comment on column app_public.tasks.escalation_timeout is 'For how long an agent has it before it is escalated.';
comment on column app_public.tasks.escalates_at is E'@kept\nWhen it is escalated next.';
comment on column app_public.tasks.escalation_count is E'@kept\nHow often it was escalated.';
comment on column app_public.tasks.created_by_user_id is E'@personal pseudonymise\nThe person who created it, or whose API key did.';
comment on column app_public.tasks.created_by_agent_id is 'The agent whose API key created it.';
comment on column app_public.tasks.created_at is 'When it was created.';
comment on column app_public.tasks.updated_at is 'When it was last changed.';
comment on constraint title_is_a_name on app_public.tasks is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint required_capability_is_a_word on app_public.tasks is
  'must be 1 to 63 small letters, digits and _ . : - and begin with a letter';
comment on constraint input_schema_is_a_schema on app_public.tasks is 'must be a JSON object';
comment on constraint output_schema_is_a_schema on app_public.tasks is 'must be a JSON object';
comment on constraint max_attempts_is_in_range on app_public.tasks is 'must be from 1 to 20';
comment on constraint retry_delay_is_in_range on app_public.tasks is 'must be from a second to a day';
comment on constraint depth_is_in_range on app_public.tasks is 'must be at most 10';
comment on constraint subtask_count_is_in_range on app_public.tasks is 'must be at most 1,000';
comment on constraint max_delegations_is_in_range on app_public.tasks is 'must be from 0 to 20';
comment on constraint delegation_count_is_in_range on app_public.tasks is 'must be at most max_delegations';
comment on constraint escalation_timeout_is_in_range on app_public.tasks is 'must be from a minute to 366 days';
comment on constraint escalation_has_a_timeout on app_public.tasks is 'needs an escalation_timeout';
comment on type app_public.task_status is
  'pending: waits for any agent that can do it. assigned: waits for its agent. in_progress: an agent holds it. delegated: waits, held by nobody, for the task of the agent whom its own agent supervises. awaiting_approval: waits, held by nobody, for a person. completed, failed and cancelled: it has ended.';
comment on type app_public.task_priority is
  'How soon a task is wanted. medium counts as one that has waited an hour longer than low, high as four hours, critical as a day. So what was wanted sooner goes first, and what waits long enough is not passed over for ever.';

call core.secure_global_table('runtime.task_moves', 'the moves are the same for all tenants');
grant select on runtime.task_moves to rowhouse_platform;
comment on table runtime.task_moves is 'The legal moves between two states of a task. A new task comes from no state.';

call core.secure_tenant_table('app_public.task_state_transitions');
call audit.leave_out('a log that is only added to', 'app_public.task_state_transitions');
call core.allow('app_public.task_state_transitions', read => 'member');
grant select on app_public.task_state_transitions to rowhouse_user;
grant select, insert, delete on app_public.task_state_transitions to rowhouse_platform;
comment on table app_public.task_state_transitions is
  E'@name task_transition\n@large\n@behavior -insert -update -delete -query:resource:single\nEvery change of the state of a task, or of the agent that it is for: who made it, and why. Members of the tenant see them.';
comment on column app_public.task_state_transitions.tenant_id is 'The tenant.';
comment on column app_public.task_state_transitions.id is 'The id.';
comment on column app_public.task_state_transitions.task_id is 'The task.';
comment on column app_public.task_state_transitions.from_status is 'The state before; null when the task was created.';
comment on column app_public.task_state_transitions.to_status is 'The state after.';
comment on column app_public.task_state_transitions.transitioned_by is 'The agent that made the change, or for which it was made.';
comment on column app_public.task_state_transitions.user_id is E'@personal pseudonymise\nThe person who made it, or whose API key did; null for the system.';
comment on column app_public.task_state_transitions.reason is E'@personal erase\nWhy.';
comment on column app_public.task_state_transitions.metadata is E'@notPersonal\nThe attempt, and the agent that the task is for.';
comment on column app_public.task_state_transitions.created_at is 'When.';
comment on constraint metadata_is_an_object on app_public.task_state_transitions is 'must be a JSON object';

call core.secure_tenant_table('runtime.task_state_transitions_default');
grant select, delete on runtime.task_state_transitions_default to rowhouse_platform;
comment on table runtime.task_state_transitions_default is 'Changes of months that have no partition; a task moves them.';

create or replace function runtime.is_end(status app_public.task_status) returns boolean
language sql immutable parallel safe
return status in ('completed', 'failed', 'cancelled');
comment on function runtime.is_end is 'Whether a task in this state has ended.';

create or replace function runtime.raise_no_such_task(field text default 'task_id') returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('RN301', field || ': There is no such task in this tenant.', 'List the tasks of this tenant.');
end
$$;
comment on function runtime.raise_no_such_task is E'@errors RN301\nRaises the one error for a task that does not exist or belongs to another tenant.';

create or replace function runtime.require_agent(agent_id uuid, field text default 'agent_id') returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Most agents are the tenant's own, and reading whether another one is shared with it takes longer.
  if not exists (select from app_public.agents a where a.tenant_id = core.current_tenant_id() and a.id = require_agent.agent_id and a.deleted_at is null)
    and not catalog.is_visible_resource('agent', require_agent.agent_id) then
    perform core.raise_error('RN302', require_agent.field || ': There is no such agent, or you may not see it.',
      'List the agents that this tenant has, and those that are shared with it.');
  end if;
end
$$;
comment on function runtime.require_agent is
  E'@errors RN302\nRaises an error unless the tenant has this agent or it is shared with it.';

create or replace function runtime.require_acting_agent(agent_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if core.current_api_key_id() is null then
    return;
  end if;
  perform tenancy.require_key_for_agent(require_acting_agent.agent_id);
  if tenancy.current_agent_id() <> require_acting_agent.agent_id then
    perform core.raise_error('RN201', 'This API key acts for another agent.', 'Use the API key of the agent that does the task.');
  end if;
end
$$;
comment on function runtime.require_acting_agent is
  E'@errors RN201 KY204\nRaises an error when the request came with an API key that is not for this agent.';

-- The end of a supervised task puts its parent back into its line. Locks go from the top of a tree down, here and everywhere, so
-- that nobody waits in a circle.
create or replace function runtime.lock_task(task_id uuid) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_task app_public.tasks;
begin
  perform from app_public.tasks p
    where p.tenant_id = v_tenant_id and p.id = (
      select c.parent_task_id from app_public.tasks c
       where c.tenant_id = v_tenant_id and c.id = lock_task.task_id and c.delegation_type = 'supervision')
      for no key update;
  select * into v_task from app_public.tasks t where t.tenant_id = v_tenant_id and t.id = lock_task.task_id for no key update;
  if not found then
    perform runtime.raise_no_such_task();
  end if;
  return v_task;
end
$$;
comment on function runtime.lock_task is
  E'@errors RN301\nLocks a task, after the task that waits for it under supervision, and raises an error when there is none.';

set local role rowhouse_platform;  -- outside the wall: a move is written down in the tenant of its task, whoever made it
create or replace function runtime.tg_tasks__note_transition() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_from constant app_public.task_status := case tg_op when 'UPDATE' then old.status end;
begin
  if not exists (select from runtime.task_moves m where m.from_status is not distinct from v_from and m.to_status = new.status) then
    perform core.raise_error('RN502', format('A task that is %s cannot become %s.', coalesce(v_from::text, 'new'), new.status),
      'Read the status of the task again.');
  end if;
  insert into app_public.task_state_transitions (tenant_id, task_id, from_status, to_status, transitioned_by, user_id, reason, metadata, created_at)
  values (new.tenant_id, new.id, v_from, new.status, new.status_agent_id, core.current_user_id(), new.status_reason,
          jsonb_build_object('attempt', new.attempt_count, 'assigned_agent_id', new.assigned_agent_id), core.clock());
  return null;
end
$$;
comment on function runtime.tg_tasks__note_transition is
  E'@errors RN502\nRefuses an illegal change of the state of a task, and writes a legal one down.';
grant execute on function runtime.tg_tasks__note_transition to rowhouse_owner;
set local role rowhouse_owner;

call webhooks.define_kind('task.completed', 'A task was completed.',
  '{"task_id": "uuid: the task", "parent_task_id": "uuid or null: the task that it is a part of", "agent_id": "uuid or null: the agent that did it", "status": "text: completed", "attempt_count": "number: how often it was attempted"}');
call webhooks.define_kind('task.failed', 'A task failed, and is not attempted again.',
  '{"task_id": "uuid: the task", "parent_task_id": "uuid or null: the task that it is a part of", "agent_id": "uuid or null: the agent that attempted it last", "status": "text: failed", "attempt_count": "number: how often it was attempted"}');
call webhooks.define_kind('task.cancelled', 'A task was cancelled.',
  '{"task_id": "uuid: the task", "parent_task_id": "uuid or null: the task that it is a part of", "agent_id": "uuid or null: the agent that held it last", "status": "text: cancelled", "attempt_count": "number: how often it was attempted"}');

create or replace function runtime.tg_tasks__emit_end() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform webhooks.emit(new.tenant_id, 'task.' || new.status, new.id, jsonb_build_object(
    'task_id', new.id, 'parent_task_id', new.parent_task_id, 'agent_id', new.held_by_agent_id, 'status', new.status,
    'attempt_count', new.attempt_count));
  return null;
end
$$;
comment on function runtime.tg_tasks__emit_end is 'Emits that a task has ended.';

create or replace trigger _500_note_creation after insert on app_public.tasks
  for each row execute function runtime.tg_tasks__note_transition();
create or replace trigger _500_note_transition after update of status, assigned_agent_id on app_public.tasks
  for each row when (old.status <> new.status or old.assigned_agent_id is distinct from new.assigned_agent_id) execute function runtime.tg_tasks__note_transition();
create or replace trigger _600_emit_end after update of status on app_public.tasks
  for each row when (old.status <> new.status and new.status in ('completed', 'failed', 'cancelled'))
  execute function runtime.tg_tasks__emit_end();

-- Escalation: a task that an agent has for too long goes to the agent's supervisor, then to the supervisor's, each once, until it is
-- done or nobody is above. A worker task looks each minute.

create or replace function runtime.longest_escalation() returns int
language sql immutable parallel safe
return 10;
comment on function runtime.longest_escalation is 'How often a task is escalated at most.';

create or replace function runtime.escalate(task app_public.tasks) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_from constant uuid := case (task).status when 'in_progress' then (task).held_by_agent_id else (task).assigned_agent_id end;
  v_reason constant text := 'It took too long, so it went to the supervisor.';
  v_to uuid;
  v_delegation app_public.task_delegation_history;
begin
  select s.supervisor_agent_id into v_to
    from app_public.agent_supervisors s
   where s.tenant_id = (task).tenant_id and s.agent_id = v_from
     and s.supervisor_agent_id <> all ((task).delegated_by_agent_ids)
     and catalog.is_visible_resource('agent', s.supervisor_agent_id);
  if v_to is null or (task).escalation_count >= runtime.longest_escalation() then
    -- Nobody is above. A task that no agent has yet, or that waits for a person, may get there later.
    update app_public.tasks t
       set escalates_at = case when v_from is null and t.escalation_count = 0 then core.clock() + t.escalation_timeout end
     where t.tenant_id = (task).tenant_id and t.id = (task).id;
    return;
  end if;
  update app_public.tasks t set escalation_count = t.escalation_count + 1 where t.tenant_id = (task).tenant_id and t.id = (task).id;
  perform runtime.give_to(task, v_to, v_reason, (task).delegated_by_agent_ids || v_from);
  v_delegation.task_id := (task).id;
  v_delegation.from_agent_id := v_from;
  v_delegation.to_agent_id := v_to;
  v_delegation.delegation_type := 'handoff';
  v_delegation.reason := v_reason;
  v_delegation.is_escalation := true;
  perform runtime.note_delegation(v_delegation);
end
$$;
comment on function runtime.escalate is
  'Gives a task, which the caller has locked, to the supervisor of its agent, or ends its escalation when there is none that has not had it.';

create or replace function runtime.escalate_tasks_of(tenant_id uuid, most int default 100) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
  v_count int := 0;
begin
  call core.enter_tenant(escalate_tasks_of.tenant_id);
  for v_task in
    select t.* from app_public.tasks t
     where t.tenant_id = escalate_tasks_of.tenant_id and t.escalates_at <= core.clock()
     order by t.escalates_at limit escalate_tasks_of.most
       for no key update skip locked
  loop
    if v_task.status = 'awaiting_approval' then
      update app_public.tasks t set escalates_at = core.clock() + t.escalation_timeout where t.tenant_id = v_task.tenant_id and t.id = v_task.id;
    else
      perform runtime.escalate(v_task);
    end if;
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function runtime.escalate_tasks_of is
  'Escalates the tasks of a tenant that took too long, at most so many at once, and returns how many it looked at. One that waits for a person gets its time anew.';
grant execute on function runtime.escalate_tasks_of to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the worker looks which tenants have tasks to escalate
create or replace function runtime.tenants_with_slow_tasks() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select distinct t.tenant_id from app_public.tasks t where t.escalates_at <= core.clock();
$$;
comment on function runtime.tenants_with_slow_tasks is 'The tenants that have tasks to escalate.';
grant execute on function runtime.tenants_with_slow_tasks to rowhouse_worker;

set local role rowhouse_owner;

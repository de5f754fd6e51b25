-- Steps that wait for a person: an approval, whose answer is the output of the step; and a step whose agent or tool may be used
-- only with an approval, which is given to the workers when people have allowed it.

create or replace function runtime.ask_person(step app_public.workflow_step_runs, config jsonb) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run constant app_public.workflow_runs := runtime.find_run((step).run_id);
  v_approval app_public.agent_approvals;
begin
  v_approval := runtime.open_approval(
    row('workflow_step', (step).id, null, v_run.started_by_user_id)::runtime.approval_subject,
    left(coalesce(config ->> 'name', v_run.workflow_name || ': ' || (step).node_id), 255),
    jsonb_build_object('workflow_run_id', v_run.id, 'role', config -> 'role', 'instructions', config -> 'instructions', 'input', (step).input),
    'request');
  update app_public.workflow_step_runs s set status = 'waiting', approval_id = v_approval.id
   where s.tenant_id = (step).tenant_id and s.id = (step).id;
end
$$;
comment on function runtime.ask_person is 'Opens the approval that a step waits for.';

create or replace function runtime.take_answer(step app_public.workflow_step_runs) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_approval app_public.agent_approvals;
begin
  select * into v_approval from app_public.agent_approvals a where a.tenant_id = (step).tenant_id and a.id = (step).approval_id;
  if v_approval.status = 'approved' then
    return runtime.finish_step((step).id, 'completed', jsonb_build_object('approved', true, 'reason', v_approval.decision_reason));
  end if;
  -- A rejection is an answer where the workflow says by conditions what follows from it.
  if v_approval.status = 'rejected' and exists (
    select from app_public.workflow_runs r
      join runtime.workflow_plan_edges e on e.tenant_id = r.tenant_id and e.plan_id = r.plan_id
     where r.tenant_id = (step).tenant_id and r.id = (step).run_id and e.from_node = (step).node_id and e.condition is not null) then
    return runtime.finish_step((step).id, 'completed', jsonb_build_object('approved', false, 'reason', v_approval.decision_reason));
  end if;
  return runtime.refuse_step(step);
end
$$;
comment on function runtime.take_answer is
  'Ends a step whose approval has ended. A rejection is its output when edges from it have conditions; else it fails.';

create or replace function runtime.step_is_approved(step app_public.workflow_step_runs) returns boolean
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.agent_approvals a
     where a.tenant_id = (step).tenant_id and a.id = (step).approval_id and a.status = 'approved');
end
$$;
comment on function runtime.step_is_approved is 'Whether people have allowed a step.';

create or replace function runtime.offer_step(step app_public.workflow_step_runs, config jsonb) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent_id constant uuid := config ->> 'agent_id';
  v_tool_id constant uuid := config ->> 'tool_id';
  v_cause app_public.approval_cause;
  v_run app_public.workflow_runs;
  v_approval app_public.agent_approvals;
begin
  if (step).kind in ('agent', 'prompt', 'tool') and not runtime.step_is_approved(step) then
    v_cause := runtime.approval_cause(v_agent_id, v_tool_id);
  end if;
  if v_cause is null then
    perform runtime.make_ready((step).id);
    return;
  end if;
  v_run := runtime.find_run((step).run_id);
  v_approval := runtime.open_approval(
    row('workflow_step', (step).id, v_agent_id, v_run.started_by_user_id)::runtime.approval_subject,
    left(v_run.workflow_name || ': ' || coalesce(config ->> 'name', (step).node_id), 255),
    jsonb_build_object('workflow_run_id', v_run.id, 'tool_id', v_tool_id, 'input', (step).input), v_cause,
    (select a.cost_per_query from app_public.agents a where a.id = v_agent_id),
    runtime.strictest_terms(v_agent_id, null, v_tool_id));
  update app_public.workflow_step_runs s set status = 'waiting', approval_id = v_approval.id
   where s.tenant_id = (step).tenant_id and s.id = (step).id;
end
$$;
comment on function runtime.offer_step is
  'Gives a step to the workers, or first asks people when its agent or tool may be used only with an approval. What people have allowed once is not asked again when the step is tried again.';

create or replace function runtime.refuse_step(step app_public.workflow_step_runs) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select runtime.fail_step((step).id, 'not_approved', concat_ws(' ', format('The approval is %s.', a.status), a.decision_reason), false)
      from app_public.agent_approvals a where a.tenant_id = (step).tenant_id and a.id = (step).approval_id);
end
$$;
comment on function runtime.refuse_step is 'Fails a step that people did not allow.';

-- The approval is locked, and who ends a run locks approvals before steps. So only the step is touched here, and a worker goes on
-- from it under the lock of the run.
create or replace function runtime.tg_agent_approvals__wake_step() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.workflow_step_runs s
     set wake_at = case r.status when 'paused' then null else core.clock() end, available_at = case r.status when 'paused' then r.paused_at end
    from app_public.workflow_runs r
   where s.tenant_id = new.tenant_id and s.id = new.subject_id and s.approval_id = new.id and s.status = 'waiting'
     and r.tenant_id = s.tenant_id and r.id = s.root_run_id;
  if found then
    perform core.enqueue_job('runtime__wake_workflows', '{}', 'runtime__wake_workflows');
  end if;
  return null;
end
$$;
comment on function runtime.tg_agent_approvals__wake_step is 'Wakes the step that waits for an approval when the approval has ended.';

create or replace trigger _500_wake_step after update of status on app_public.agent_approvals
  for each row when (old.status = 'pending' and new.status <> 'pending' and new.subject_kind = 'workflow_step')
  execute function runtime.tg_agent_approvals__wake_step();

-- Steps that wait for a person: an approval, whose answer is the output of the step.

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
    'requested');
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
  return runtime.fail_step((step).id, 'not_approved', coalesce(v_approval.decision_reason, 'The approval was ' || v_approval.status || '.'), false);
end
$$;
comment on function runtime.take_answer is 'Ends a step whose approval has ended.';

-- What follows from the end of a run: the figures of its workflow, the usage of the tenant, webhooks; and how long runs are kept.

call webhooks.define_kind('workflow_run.completed', 'A run of a workflow ended well.',
  '{"run_id": "uuid: the run", "workflow_id": "uuid: the workflow", "workflow_name": "text: its name", "duration_ms": "number: how long it took", "tokens": "number: the tokens it used", "cost_usd": "text: what it cost in US dollars, a decimal number", "error_code": "null"}');
call webhooks.define_kind('workflow_run.failed', 'A run of a workflow failed or was cancelled.',
  '{"run_id": "uuid: the run", "workflow_id": "uuid: the workflow", "workflow_name": "text: its name", "duration_ms": "number: how long it took", "tokens": "number: the tokens it used", "cost_usd": "text: what it cost in US dollars, a decimal number", "error_code": "text: why, such as cancelled or timeout"}');
call governance.define_data_kind('workflow_runs', 'Runs of workflows that have ended, with the inputs and outputs of their steps.', 400);
call governance.add_table_to_kind('workflow_runs', 'app_public.workflow_runs', 'finished_at', 't.parent_step_run_id is null');

create or replace function runtime.duration_ms(run app_public.workflow_runs) returns bigint
language sql immutable
return (extract(epoch from (run).finished_at - (run).started_at) * 1000)::bigint;
comment on function runtime.duration_ms is 'How long a run took, in milliseconds.';

-- A workflow that another tenant shares is counted by nobody: no act of a tenant writes to another one's rows.
create or replace function runtime.count_run(run app_public.workflow_runs) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.workflows w
     set execution_count = w.execution_count + 1,
         success_count = w.success_count + ((run).status = 'completed')::int,
         failure_count = w.failure_count + ((run).status = 'failed')::int,
         avg_execution_time_ms = round((coalesce(w.avg_execution_time_ms, 0)::numeric * w.execution_count + runtime.duration_ms(run)) / (w.execution_count + 1)),
         last_executed_at = (run).finished_at
   where w.tenant_id = (run).tenant_id and w.id = (run).workflow_id;
end
$$;
comment on function runtime.count_run is 'Adds a run that has ended to the figures of its workflow.';

create or replace function runtime.record_run_usage(run app_public.workflow_runs) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id constant text := coalesce(current_setting('rowhouse.user_id', true), '');
begin
  -- Whoever ends the run, the usage is that of who started it.
  perform set_config('rowhouse.user_id', '', true);
  perform metering.store_usage(array[jsonb_populate_record(null::app_public.new_usage_event, jsonb_build_object(
    'idempotency_key', 'workflow_run:' || (run).id, 'usage_type', 'workflow_run', 'quantity', 1,
    'user_id', (select m.user_id from app_public.user_tenants m
                 where m.tenant_id = (run).tenant_id and m.user_id = (run).started_by_user_id and m.status = 'active')))]);
  perform set_config('rowhouse.user_id', v_user_id, true);
end
$$;
comment on function runtime.record_run_usage is 'Records a run as usage, once, however often it is tried again.';

create or replace function runtime.tg_workflow_runs__end() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform runtime.count_run(new);
  if new.parent_step_run_id is null then
    perform runtime.record_run_usage(new);
    perform webhooks.emit(new.tenant_id, 'workflow_run.' || new.status, new.id, jsonb_build_object(
      'run_id', new.id, 'workflow_id', new.workflow_id, 'workflow_name', new.workflow_name, 'duration_ms', runtime.duration_ms(new),
      'tokens', new.tokens, 'cost_usd', trim_scale(new.cost)::text, 'error_code', new.error_code));
  end if;
  return null;
end
$$;
comment on function runtime.tg_workflow_runs__end is 'Counts, records and tells that a run has ended.';

create or replace trigger _500_end after update of status on app_public.workflow_runs
  for each row when (new.status in ('completed', 'failed') and old.finished_at is null) execute function runtime.tg_workflow_runs__end();

-- What a failure does, by the error_handling of the step or its workflow: stop ends the run; retry tries again, max_retries times,
-- each time after a longer pause, and then ends the run; continue goes on with {"error": …} as the output; skip goes on without one.

create or replace function runtime.retry_pause(failure_count int) returns interval
language sql immutable parallel safe
return least(interval '2 seconds' * power(2, least(failure_count, 12)), interval '1 hour');
comment on function runtime.retry_pause is 'The pause before the next attempt, after so many failed ones: 2 seconds, doubled each time, at most an hour.';

create or replace function runtime.note_failure(step_run_id uuid, code text, message text) returns app_public.workflow_step_runs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step app_public.workflow_step_runs;
begin
  update app_public.workflow_step_runs s
     set error_code = left(note_failure.code, 100), error_message = left(note_failure.message, 2000)
   where s.tenant_id = core.current_tenant_id() and s.id = note_failure.step_run_id
  returning * into v_step;
  return v_step;
end
$$;
comment on function runtime.note_failure is 'Writes to a step why its attempt failed.';

create or replace function runtime.fail_step(step_run_id uuid, code text, message text, is_retryable boolean) returns uuid[]
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step constant app_public.workflow_step_runs := runtime.note_failure(fail_step.step_run_id, fail_step.code, fail_step.message);
  v_config constant jsonb := runtime.step_config(v_step);
begin
  case v_config ->> 'error_handling'
    when 'continue' then
      return runtime.finish_step(v_step.id, 'failed',
        jsonb_build_object('error', jsonb_build_object('code', v_step.error_code, 'message', v_step.error_message)));
    when 'skip' then
      return runtime.finish_step(v_step.id, 'skipped', null);
    when 'retry' then
      if fail_step.is_retryable and jsonb_array_length(v_step.failures) < (v_config ->> 'max_retries')::int then
        perform runtime.try_again(v_step);
        return '{}';
      end if;
    else
      null;
  end case;
  perform runtime.end_failed_step(v_step.id);
  perform runtime.end_run(v_step.run_id, 'failed', v_step.error_code, v_step.error_message);
  return '{}';
end
$$;
comment on function runtime.fail_step is 'Does with a step that failed what error_handling says, and returns what there is to go on from.';

create or replace function runtime.end_failed_step(step_run_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  update app_public.workflow_step_runs s
     set status = 'failed', finished_at = core.clock(), lease_token = null, leased_until = null, available_at = null, wake_at = null,
         is_queued = false
   where s.tenant_id = core.current_tenant_id() and s.id = end_failed_step.step_run_id;
$$;
comment on function runtime.end_failed_step is 'Ends a step whose failure ends the run.';

create or replace function runtime.try_again(step app_public.workflow_step_runs) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_pause constant interval := runtime.retry_pause(jsonb_array_length((step).failures));
begin
  update app_public.workflow_step_runs s
     set failures = s.failures || jsonb_build_object('attempt', s.attempt, 'code', s.error_code, 'error', s.error_message, 'at', core.clock())
   where s.tenant_id = (step).tenant_id and s.id = (step).id;
  if (step).kind in ('agent', 'tool', 'prompt', 'search') then
    perform runtime.make_ready((step).id, v_pause);
  else
    perform runtime.wait_until((step).id, core.clock() + v_pause);
  end if;
end
$$;
comment on function runtime.try_again is 'Lets a step that failed begin again after a pause.';

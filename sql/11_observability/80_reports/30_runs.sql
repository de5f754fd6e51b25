-- Runs of reports: by the schedule, or when a person asks. Whoever runs one has the number of an attempt; when the run was
-- cancelled or begun anew, what an old attempt brings is refused.

call core.secure_tenant_table('app_public.analytics_report_runs');
call audit.leave_out('the progress of tasks', 'app_public.analytics_report_runs');
call core.exempt_from_guard('app_public.analytics_report_runs', '_000_require_writable_tenant', 'a run that was begun ends in a read-only tenant as well');
create policy select_of_seen_report on app_public.analytics_report_runs for select to rowhouse_user
  using (report_id in (select r.id from app_public.analytics_reports r));
grant select on app_public.analytics_report_runs to rowhouse_user;
grant select, insert, delete on app_public.analytics_report_runs to rowhouse_platform;
comment on table app_public.analytics_report_runs is
  E'@behavior -insert -update -delete\n@large\nRuns of reports. The last 20 of a report are kept, with their results. You see the runs of the reports that you see.';
comment on column app_public.analytics_report_runs.report_id is 'The report.';
comment on column app_public.analytics_report_runs.status is 'How the run stands.';
comment on column app_public.analytics_report_runs.due_at is 'The time of the schedule that it is for; null when a person asked for it.';
comment on column app_public.analytics_report_runs.requested_by_user_id is E'@personal pseudonymise\nWho asked for it; null when the schedule did.';
comment on column app_public.analytics_report_runs.arguments is 'The values of the parameters that it was given.';
comment on column app_public.analytics_report_runs.attempt is E'@behavior -*\nHow many times it was begun. What an earlier attempt still brings is refused.';
comment on column app_public.analytics_report_runs.row_count is 'How many rows the result has.';
comment on column app_public.analytics_report_runs.size_bytes is 'How large the result is.';
comment on column app_public.analytics_report_runs.error is E'@personal erase\nWhy it failed.';
comment on column app_public.analytics_report_runs.created_at is 'When it was queued.';
comment on column app_public.analytics_report_runs.started_at is 'When its last attempt began.';
comment on column app_public.analytics_report_runs.finished_at is 'When it ended.';
comment on constraint analytics_report_runs_tenant_id_report_id_fkey on app_public.analytics_report_runs is E'@fieldName report\n@foreignFieldName runs';
comment on domain app_public.report_run_status is 'How a run stands: queued, running, completed, failed or cancelled.';

call core.secure_tenant_table('observability.report_results');
call audit.leave_out('derived from other tables by rules', 'observability.report_results');
comment on table observability.report_results is 'The results of runs: columns, and rows of texts.';
comment on column observability.report_results.columns is 'The name and the kind of each column.';
comment on column observability.report_results.rows is 'The rows, each a list of texts in the order of the columns. People are pseudonyms in them.';

create or replace function observability.my_report(report_id uuid) returns app_public.analytics_reports
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_report app_public.analytics_reports;
begin
  perform tenancy.require_permission('can_view_analytics');
  select * into v_report from app_public.analytics_reports r
   where r.tenant_id = core.current_tenant_id() and r.id = my_report.report_id
     and (not r.reads_billing or tenancy.has_permission('can_manage_billing'));
  if not found then
    perform core.raise_error('OB380', 'There is no such report.', 'analyticsReports lists the reports.');
  end if;
  return v_report;
end
$$;
comment on function observability.my_report is E'@errors ID203 OB380\nA report that the caller may see.';

create or replace function observability.my_run(run_id uuid) returns app_public.analytics_report_runs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run app_public.analytics_report_runs;
begin
  perform tenancy.require_permission('can_view_analytics');
  select n.* into v_run from app_public.analytics_report_runs n
   where n.tenant_id = core.current_tenant_id() and n.id = my_run.run_id for update;
  if not found then
    perform core.raise_error('OB381', 'There is no such run of a report.', 'The runs of a report list them.');
  end if;
  perform observability.my_report(v_run.report_id);
  return v_run;
end
$$;
comment on function observability.my_run is E'@errors ID203 OB380 OB381\nLocks a run of a report that the caller may see.';

create or replace function observability.enqueue_run(tenant_id uuid, run_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_tenant_job('observability__run_report',
    json_build_object('tenantId', enqueue_run.tenant_id, 'runId', enqueue_run.run_id), enqueue_run.tenant_id);
$$;
comment on function observability.enqueue_run is 'Adds the job that makes a run.';
grant execute on function observability.enqueue_run to rowhouse_platform;

create or replace function app_public.run_report(report_id uuid, arguments jsonb default '{}') returns app_public.analytics_report_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_report constant app_public.analytics_reports := observability.my_report(run_report.report_id);
  v_run app_public.analytics_report_runs;
begin
  if jsonb_typeof(coalesce(run_report.arguments, '{}')) <> 'object' then
    perform core.raise_error('OB484', 'arguments is not an object.', 'Give values by the names of the parameters.');
  end if;
  perform observability.bind_arguments((observability.statement_of_report(v_report)).parameters,
    v_report.arguments || coalesce(run_report.arguments, '{}'));
  perform tenancy.admit_reporter(v_report.tenant_id);
  insert into app_public.analytics_report_runs (tenant_id, report_id, requested_by_user_id, arguments, created_at)
  values (v_report.tenant_id, v_report.id, core.current_user_id(), v_report.arguments || coalesce(run_report.arguments, '{}'), core.clock())
  on conflict (tenant_id, report_id) where status in ('queued', 'running') do nothing
  returning * into v_run;
  if v_run.id is null then
    perform core.raise_error('OB580', 'A run of this report is not over yet.', 'Wait for it, or cancel it.');
  end if;
  perform observability.enqueue_run(v_run.tenant_id, v_run.id);
  return v_run;
end
$$;
comment on function app_public.run_report is
  E'@resultFieldName run\n@errors ID203 OB380 OB484 OB580 TN202\nRuns a report now, in the background. Arguments are values by the names of the parameters; those that are left out are those of the report. You need the permission can_view_analytics.';
grant execute on function app_public.run_report to rowhouse_user;

create or replace function app_public.cancel_report_run(run_id uuid) returns app_public.analytics_report_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run app_public.analytics_report_runs := observability.my_run(cancel_report_run.run_id);
begin
  update app_public.analytics_report_runs n set status = 'cancelled', finished_at = core.clock()
   where n.tenant_id = v_run.tenant_id and n.id = v_run.id and n.status in ('queued', 'running')
  returning * into v_run;
  if not found then
    perform core.raise_error('OB581', 'The run is over.', 'There is nothing to cancel.');
  end if;
  return v_run;
end
$$;
comment on function app_public.cancel_report_run is
  E'@resultFieldName run\n@errors ID203 OB380 OB381 OB581\nCancels a run that is not over. You need the permission can_view_analytics.';
grant execute on function app_public.cancel_report_run to rowhouse_user;

create or replace function app_public.retry_report_run(run_id uuid) returns app_public.analytics_report_runs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run app_public.analytics_report_runs := observability.my_run(retry_report_run.run_id);
begin
  update app_public.analytics_report_runs n set status = 'queued', error = null, finished_at = null
   where n.tenant_id = v_run.tenant_id and n.id = v_run.id and n.status in ('failed', 'cancelled')
  returning * into v_run;
  if not found then
    perform core.raise_error('OB582', 'The run did not fail.', 'Run the report again instead.');
  end if;
  perform observability.enqueue_run(v_run.tenant_id, v_run.id);
  return v_run;
exception
  when unique_violation then
    perform core.raise_error('OB580', 'A run of this report is not over yet.', 'Wait for it, or cancel it.');
end
$$;
comment on function app_public.retry_report_run is
  E'@resultFieldName run\n@errors ID203 OB380 OB381 OB580 OB582\nMakes a run again that failed or was cancelled, with its arguments. You need the permission can_view_analytics.';
grant execute on function app_public.retry_report_run to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the schedules of all tenants are due
create or replace function observability.queue_due_reports() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_due record;
  v_run_id uuid;
  v_count int := 0;
begin
  for v_due in
    select r.tenant_id, r.id, r.schedule, r.arguments, r.next_run_at, t.timezone
      from app_public.analytics_reports r join app_public.tenants t on t.id = r.tenant_id and t.status in ('trial', 'active')
     where r.next_run_at <= core.clock()
     order by r.next_run_at limit 1000 for update of r skip locked
  loop
    perform tenancy.admit_reporter(v_due.tenant_id);
    -- A run that was missed is made up for once, however many were. While an earlier run goes on, this one is left out.
    insert into app_public.analytics_report_runs (tenant_id, report_id, due_at, arguments, created_at)
    values (v_due.tenant_id, v_due.id, v_due.next_run_at, v_due.arguments, core.clock())
    on conflict do nothing
    returning id into v_run_id;
    if found then
      perform observability.enqueue_run(v_due.tenant_id, v_run_id);
      v_count := v_count + 1;
    end if;
    update app_public.analytics_reports r set next_run_at = observability.next_run(v_due.schedule, v_due.timezone)
     where r.tenant_id = v_due.tenant_id and r.id = v_due.id;
  end loop;
  return v_count;
end
$$;
comment on function observability.queue_due_reports is
  'Queues the runs that are due, at most 1,000, and returns how many. Any number of workers at once queue a run once.';
grant execute on function observability.queue_due_reports to rowhouse_worker;
set local role rowhouse_owner;

create or replace function observability.begin_report_run(tenant_id uuid, run_id uuid)
returns table (attempt int, statement text, types text[], "values" text[], timezone text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_run app_public.analytics_report_runs;
  v_report app_public.analytics_reports;
  v_text record;
begin
  call core.enter_tenant(begin_report_run.tenant_id);
  update app_public.analytics_report_runs n set status = 'running', attempt = n.attempt + 1, started_at = core.clock()
   where n.tenant_id = begin_report_run.tenant_id and n.id = begin_report_run.run_id and n.status in ('queued', 'running')
  returning * into v_run;
  if not found then
    return;
  end if;
  select * into strict v_report from app_public.analytics_reports r where r.tenant_id = v_run.tenant_id and r.id = v_run.report_id;
  v_text := observability.statement_of_report(v_report);
  select t.timezone into strict timezone from app_public.tenants t where t.id = v_run.tenant_id;
  perform set_config('timezone', timezone, true);
  attempt := v_run.attempt;
  statement := v_text.statement;
  types := array(select p.type::text from unnest(v_text.parameters) with ordinality p order by p.ordinality);
  "values" := observability.bind_arguments(v_text.parameters, v_run.arguments);
  return next;
exception
  -- The report got other parameters since. The tenant that was entered is undone as well.
  when sqlstate 'OB484' then
    call core.enter_tenant(begin_report_run.tenant_id);
    update app_public.analytics_report_runs n set status = 'failed', error = sqlerrm, finished_at = core.clock()
     where n.tenant_id = begin_report_run.tenant_id and n.id = begin_report_run.run_id and n.status in ('queued', 'running');
end
$$;
comment on function observability.begin_report_run is
  'Begins an attempt at a run: its statement, and the values of its parameters as texts. There is no row when the run is over, or when its arguments do not fit the report any more; it is then set to failed.';
grant execute on function observability.begin_report_run to rowhouse_worker;

create or replace function observability.finish_report_run(
  tenant_id uuid, run_id uuid, attempt int, columns jsonb, rows jsonb, error text default null) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_kept_runs constant int := 20;
  v_run app_public.analytics_report_runs;
begin
  call core.enter_tenant(finish_report_run.tenant_id);
  update app_public.analytics_report_runs n
     set status = case when finish_report_run.error is null then 'completed' else 'failed' end, error = left(finish_report_run.error, 1000),
         row_count = jsonb_array_length(finish_report_run.rows), size_bytes = octet_length(finish_report_run.rows::text),
         finished_at = core.clock()
   where n.tenant_id = finish_report_run.tenant_id and n.id = finish_report_run.run_id
     and n.status = 'running' and n.attempt = finish_report_run.attempt
  returning * into v_run;
  if not found then
    return false;
  end if;
  if v_run.status = 'completed' then
    insert into observability.report_results (tenant_id, run_id, columns, rows)
    values (v_run.tenant_id, v_run.id, finish_report_run.columns, finish_report_run.rows)
    on conflict on constraint report_results_pkey do update set columns = excluded.columns, rows = excluded.rows;
    perform observability.queue_report_mails(v_run);
  end if;
  delete from app_public.analytics_report_runs n
   where n.tenant_id = v_run.tenant_id and n.id in (
     select o.id from app_public.analytics_report_runs o
      where o.tenant_id = v_run.tenant_id and o.report_id = v_run.report_id
      order by o.created_at desc, o.id offset v_kept_runs);
  return true;
end
$$;
comment on function observability.finish_report_run is
  'Keeps the result of an attempt, or why it failed, queues its mails and deletes all but the last 20 runs of the report. It returns false when the run was cancelled or begun anew.';
grant execute on function observability.finish_report_run to rowhouse_worker;

create or replace function observability.result_of_run(run_id uuid) returns observability.report_results
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select r
    from observability.report_results r
    join app_public.analytics_report_runs n on n.tenant_id = r.tenant_id and n.id = r.run_id
    join app_public.analytics_reports a on a.tenant_id = n.tenant_id and a.id = n.report_id
   where r.tenant_id = core.current_tenant_id() and r.run_id = result_of_run.run_id and n.status = 'completed'
     and tenancy.has_permission('can_view_analytics') and (not a.reads_billing or tenancy.has_permission('can_manage_billing'));
$$;
comment on function observability.result_of_run is 'The result of a run, if the caller may see it; null otherwise, and when there is none.';

create or replace function app_public.analytics_report_runs_columns(run app_public.analytics_report_runs) returns app_public.report_column[]
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select array_agg(row(c.value ->> 'name', c.value ->> 'kind')::app_public.report_column order by c.ordinality)
    from jsonb_array_elements((observability.result_of_run((run).id)).columns) with ordinality as c;
$$;
comment on function app_public.analytics_report_runs_columns is 'The columns of the result; null when there is none.';
grant execute on function app_public.analytics_report_runs_columns to rowhouse_user;
comment on type app_public.report_column is 'A column of the result of a report.';
comment on column app_public.report_column.name is E'@notNull\nThe name.';
comment on column app_public.report_column.kind is E'@notNull\nnumber, text, date, time or boolean.';

create or replace function app_public.analytics_report_runs_rows(
  run app_public.analytics_report_runs, first int default 100, skip int default 0) returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_path_query_array((observability.result_of_run((run).id)).rows, '$[$from to $to]', jsonb_build_object(
    'from', greatest(skip, 0), 'to', greatest(skip, 0)::bigint + least(greatest(first, 1), 1000) - 1));
$$;
comment on function app_public.analytics_report_runs_rows is
  'Rows of the result, from the row after skip on, at most 1,000: lists of texts in the order of the columns. A time has its zone, and a number all its digits. Null when there is no result.';
grant execute on function app_public.analytics_report_runs_rows to rowhouse_user;

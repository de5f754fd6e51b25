-- What an administrator may do to the task queue: see its jobs, try failed ones again, cancel those that shall not run. A job
-- that runs is left alone, because the worker that holds it would report to a row that is gone.

set local role rowhouse_queue;  -- the queue's owner, as in 40_queue.sql

create or replace function core.jobs(
  task text default null, state text default null, tenant_id uuid default null, first int default 50
) returns table (
  id bigint, task text, state text, attempts int, max_attempts int, run_at timestamptz, tenant_id text, last_error text)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from (
    select j.id, t.identifier as task,
           case when j.locked_at is not null then 'running'
                when j.attempts >= j.max_attempts then 'failed'
                when j.run_at > now() then 'later'
                else 'waiting' end as state,
           j.attempts::int, j.max_attempts::int, j.run_at, j.payload ->> 'tenantId' as tenant_id, j.last_error
      from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
     where jobs.tenant_id is null or j.payload ->> 'tenantId' = jobs.tenant_id::text
  ) as job
   where (jobs.task is null or job.task = jobs.task) and (jobs.state is null or job.state = jobs.state)
   order by job.id
   limit jobs.first;
$$;
comment on function core.jobs is
  'The oldest jobs of the queue: of one task, in one state or of one tenant, when that is given. A job is waiting, later (it is not yet time, or it is tried again after a pause), running, or failed, which is for good. first limits their number, and null gives all.';
grant execute on function core.jobs to rowhouse_worker;

create or replace function core.job_summary(task text default null, state text default null, tenant_id uuid default null)
returns table (task text, state text, error text, job_count bigint, oldest_run_at timestamptz)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select j.task, j.state, left(split_part(j.last_error, chr(10), 1), 200), count(*), min(j.run_at)
    from core.jobs(job_summary.task, job_summary.state, job_summary.tenant_id, null) j
   group by 1, 2, 3
   order by 1, 2, 4 desc, 3;
$$;
comment on function core.job_summary is
  'How many jobs of each task are in each state, by the first line of their last error. The arguments choose as those of core.jobs do.';
grant execute on function core.job_summary to rowhouse_worker;

create or replace function core.retry_jobs(job_ids bigint[]) returns setof bigint
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select id from graphile_worker.reschedule_jobs(retry_jobs.job_ids, run_at => now(), attempts => 0);
$$;
comment on function core.retry_jobs is
  'Makes these jobs run now, with all their attempts before them, and returns the ids of those it found. A job that runs is left alone.';
grant execute on function core.retry_jobs to rowhouse_worker;

create or replace function core.cancel_jobs(job_ids bigint[]) returns setof bigint
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select id from graphile_worker.complete_jobs(cancel_jobs.job_ids);
$$;
comment on function core.cancel_jobs is
  'Removes these jobs from the queue, and returns the ids of those it found. A job that runs is left alone.';
grant execute on function core.cancel_jobs to rowhouse_worker;

set local role rowhouse_owner;

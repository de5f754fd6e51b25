-- The task queue belongs to rowhouse_queue, and rowhouse_worker works on it. Jobs are added from SQL by two functions. core.enqueue_job adds mails, payments and
-- whatever a person waits for: they go first. core.enqueue_tenant_job adds the work of a tenant that may come in bulk: it takes
-- few of the workers' slots at once, and tenants take turns. Workers report that they are alive, so that the jobs of one that
-- has died are given to others.

call core.secure_global_table('core.worker_heartbeats', 'a worker works for all tenants');
comment on table core.worker_heartbeats is 'When each worker last reported that it is alive.';

create or replace function core.heartbeat_retention() returns interval
language sql immutable parallel safe
return interval '1 day';
comment on function core.heartbeat_retention is
  'How long a heartbeat is kept after its worker has stopped reporting.';

create or replace function core.record_heartbeats(worker_ids text[], silent_for interval) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into core.worker_heartbeats (worker_id, seen_at)
  select distinct worker_id, clock_timestamp() from unnest(record_heartbeats.worker_ids) as worker_id order by worker_id
  on conflict (worker_id) do update set seen_at = excluded.seen_at;
  delete from core.worker_heartbeats where seen_at < clock_timestamp() - greatest(record_heartbeats.silent_for, core.heartbeat_retention());
end
$$;
comment on function core.record_heartbeats is
  'Records that these workers are alive now.';
grant execute on function core.record_heartbeats to rowhouse_queue;

create or replace function core.alive_workers(silent_for interval) returns text[]
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(worker_id), '{}')
    from core.worker_heartbeats
   where seen_at >= clock_timestamp() - alive_workers.silent_for;
$$;
comment on function core.alive_workers is
  'The workers that have reported within this interval.';
grant execute on function core.alive_workers to rowhouse_queue;

set local role rowhouse_queue;  -- the queue's owner: who owned the queue could change the code that adds a job, and with it act as everyone who does
grant usage on schema graphile_worker to rowhouse_worker;
grant select, insert, update, delete on all tables in schema graphile_worker to rowhouse_worker;
grant usage on all sequences in schema graphile_worker to rowhouse_worker;
grant execute on all functions in schema graphile_worker to rowhouse_worker;
grant usage on schema graphile_worker to rowhouse_backup;
grant select on all tables in schema graphile_worker to rowhouse_backup;
grant select on all sequences in schema graphile_worker to rowhouse_backup;
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
     where c.relnamespace = 'graphile_worker'::regnamespace and c.relkind = 'r' and c.relrowsecurity
       and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'all_worker')
  loop
    execute format('create policy all_worker on %s to rowhouse_worker using (true) with check (true)', v_table);
    execute format('create policy select_backup on %s for select to rowhouse_backup using (true)', v_table);
  end loop;
end
$$;

-- Under a key, the job that waits is changed, and one that has begun stays as it is beside a new one. When a worker takes it at just
-- this moment, graphile_worker.add_job does neither and returns null, and what the job was to see would be seen by none.
create or replace function core.add_job(
  task text, payload json, job_key text, max_attempts int, queue_name text default null, run_at timestamptz default null,
  priority int default null) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_job graphile_worker._private_jobs;
begin
  loop
    v_job := graphile_worker.add_job(
      identifier => add_job.task, payload => add_job.payload, job_key => add_job.job_key, max_attempts => add_job.max_attempts,
      queue_name => add_job.queue_name, run_at => add_job.run_at, priority => add_job.priority);
    exit when v_job.id is not null;
  end loop;
end
$$;
comment on function core.add_job is 'Adds a job, also when a worker takes the one with the same key at the same moment.';

create or replace function core.enqueue_job(task text, payload json, job_key text default null, max_attempts int default 10)
returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select core.add_job(task, payload, job_key, max_attempts);
$$;
comment on function core.enqueue_job is
  'Adds a job to the task queue in this transaction: it runs if, and only if, the transaction commits.';
grant execute on function core.enqueue_job to rowhouse_owner, rowhouse_platform;

-- The queue runs one job at a time of those that share a lane. The number of lanes is fixed, because the queue looks at all
-- lanes for each job. Tenants that share a lane by chance wait for each other for one job, not for a load.
create or replace function core.tenant_lanes(tenant_id uuid) returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select array['lane ' || lane, 'lane ' || (lane + 1 + abs(hashtextextended(tenant_id::text, 1) % 63)) % 64]
    from (select abs(hashtextextended(tenant_id::text, 0) % 64) as lane) l;
$$;
comment on function core.tenant_lanes is
  'The two lanes of a tenant among the 64 of the queue: at most this many of its jobs run at once.';

create index if not exists jobs_by_lane on graphile_worker._private_jobs (job_queue_id);
create index if not exists jobs_by_tenant on graphile_worker._private_jobs ((payload ->> 'tenantId'), priority);

-- The priority is the place in the tenant's own line: its first waiting job competes with the first ones of other tenants, its
-- hundredth with their hundredth. So a tenant that comes later with little is served first.
create or replace function core.enqueue_tenant_job(
  task text, payload json, tenant_id uuid, job_key text default null, is_bulk boolean default true, is_next_stage boolean default false,
  run_at timestamptz default null
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- A lower number goes first; core.enqueue_job has 0. The number is a smallint.
  v_first_small constant int := 10;
  v_first_bulk constant int := 10000;
  v_longest_line constant int := 9000;
  v_max_attempts constant int := 10;
  v_first int := case when coalesce(enqueue_tenant_job.is_bulk, true) then v_first_bulk else v_first_small end;
  v_lane text;
  v_waiting int;
begin
  -- Tenants that share a lane have lines of their own, therefore the place counts the tenant's jobs and the lane all jobs.
  select count(*) into strict v_waiting
    from (select from graphile_worker._private_jobs j
           where j.payload ->> 'tenantId' = enqueue_tenant_job.tenant_id::text and j.priority >= v_first
             and (v_first = v_first_bulk or j.priority < v_first_bulk) and j.attempts < j.max_attempts
           limit v_longest_line) waiting;
  select l.lane into strict v_lane
    from unnest(core.tenant_lanes(enqueue_tenant_job.tenant_id)) with ordinality as l (lane, n)
    cross join lateral (
      select count(*) as jobs
        from (select from graphile_worker._private_job_queues q
                join graphile_worker._private_jobs j on j.job_queue_id = q.id and j.attempts < j.max_attempts
               where q.queue_name = l.lane
               limit v_longest_line) waiting) w
   order by w.jobs, l.n
   limit 1;
  perform core.add_job(
    task => enqueue_tenant_job.task, payload => enqueue_tenant_job.payload, queue_name => v_lane,
    job_key => enqueue_tenant_job.job_key, max_attempts => v_max_attempts, run_at => enqueue_tenant_job.run_at,
    -- What was begun is finished first.
    priority => v_first + case when enqueue_tenant_job.is_next_stage then 0 else least(v_waiting, v_longest_line) end);
end
$$;
comment on function core.enqueue_tenant_job is
  'Adds a job of a tenant to the task queue in this transaction, behind those that it has there already, in the less busy one of its lanes. Small jobs go before bulk, and the next stage of work that was begun goes before work that was not. It runs at once, or not before run_at.';
grant execute on function core.enqueue_tenant_job to rowhouse_owner, rowhouse_platform, rowhouse_worker;

-- A worker that is killed leaves its jobs locked, and the queue by itself would free them only after four hours. Therefore
-- each worker reports every few seconds, and with each report the jobs of silent workers are freed. It does no harm when a
-- job runs twice: every task locks its rows first, and does nothing when the work is done already.
create or replace function core.release_dead_workers(alive_worker_ids text[], silent_for interval default '30 seconds')
returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_dead text[];
begin
  perform core.record_heartbeats(alive_worker_ids, silent_for);
  select array_agg(distinct j.locked_by) into v_dead
    from graphile_worker._private_jobs j
   where j.locked_by is not null
     and j.locked_by <> all ((select core.alive_workers(release_dead_workers.silent_for))::text[]);
  if v_dead is not null then
    perform graphile_worker.force_unlock_workers(v_dead);
  end if;
  return coalesce(cardinality(v_dead), 0);
end
$$;
comment on function core.release_dead_workers is
  'Records that these workers are alive, frees the jobs of workers that have been silent for longer than the interval, and returns the number of those workers.';
grant execute on function core.release_dead_workers to rowhouse_worker;

-- A job is stray when the queue says that a worker holds it and that worker, which is alive, knows nothing of it: the
-- connection broke after the job was locked and before the worker had the answer.
create or replace function core.jobs_held_by(worker_id text) returns setof bigint
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select j.id from graphile_worker._private_jobs j where j.locked_by = jobs_held_by.worker_id;
$$;
comment on function core.jobs_held_by is
  'The jobs that are locked for this worker.';
grant execute on function core.jobs_held_by to rowhouse_worker;

create or replace function core.give_back_jobs(worker_id text, job_ids bigint[]) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  with given_back as (
    update graphile_worker._private_jobs j
       -- It was not tried, so it keeps its number of attempts.
       set locked_by = null, locked_at = null, attempts = greatest(j.attempts - 1, 0)
     where j.id = any (give_back_jobs.job_ids) and j.locked_by = give_back_jobs.worker_id
    returning j.job_queue_id
  )
  update graphile_worker._private_job_queues q
     set locked_by = null, locked_at = null
    from given_back
   where q.id = given_back.job_queue_id and q.locked_by = give_back_jobs.worker_id;
$$;
comment on function core.give_back_jobs is
  'Frees jobs that are locked for this worker and that it never began, together with their lanes.';
grant execute on function core.give_back_jobs to rowhouse_worker;

create or replace function core.queue_depth()
returns table (task text, waiting_count bigint, running_count bigint, failed_count bigint, oldest_waiting_seconds double precision)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.identifier,
         count(*) filter (where j.is_available and j.run_at <= clock_timestamp()),
         count(*) filter (where j.locked_at is not null),
         count(*) filter (where j.locked_at is null and not j.is_available),
         coalesce(extract(epoch from clock_timestamp()
           - min(j.run_at) filter (where j.is_available and j.run_at <= clock_timestamp())), 0)::double precision
    from graphile_worker._private_jobs j
    join graphile_worker._private_tasks t on t.id = j.task_id
   group by t.identifier;
$$;
comment on function core.queue_depth is
  'For each task that has jobs: how many are due and wait, run, or have failed for good, and for how many seconds the oldest of those that wait has been due. A job that waits for its next attempt is not due.';
grant execute on function core.queue_depth to rowhouse_worker, rowhouse_authenticator, rowhouse_owner;

set local role rowhouse_owner;

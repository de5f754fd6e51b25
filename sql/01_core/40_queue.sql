-- The queue belongs to rowhouse_worker; this is the one way to put a job into it from SQL.

call core.secure_global_table('core.worker_heartbeats', 'a worker works for every tenant');
comment on table core.worker_heartbeats is 'When each worker last said that it is alive.';

create or replace function core.record_heartbeats(worker_ids text[], silent_for interval) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into core.worker_heartbeats (worker_id, seen_at)
  select distinct worker_id, clock_timestamp() from unnest(record_heartbeats.worker_ids) as worker_id order by worker_id
  on conflict (worker_id) do update set seen_at = excluded.seen_at;
  delete from core.worker_heartbeats where seen_at < clock_timestamp() - greatest(record_heartbeats.silent_for, '1 day');
end
$$;
comment on function core.record_heartbeats is
  'Notes that these workers are alive now.';
grant execute on function core.record_heartbeats to rowhouse_worker;

create or replace function core.alive_workers(silent_for interval) returns text[]
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(worker_id), '{}')
    from core.worker_heartbeats
   where seen_at >= clock_timestamp() - alive_workers.silent_for;
$$;
comment on function core.alive_workers is
  'The workers that were heard of within the interval.';
grant execute on function core.alive_workers to rowhouse_worker;

set local role rowhouse_worker;  -- the queue is its own

create or replace function core.enqueue_job(task text, payload json, job_key text default null, max_attempts int default 10)
returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select graphile_worker.add_job(
    identifier => task, payload => payload, job_key => job_key, max_attempts => max_attempts);
$$;
comment on function core.enqueue_job is
  'Adds a job to the task queue in this transaction: it runs if, and only if, the transaction commits.';
grant execute on function core.enqueue_job to rowhouse_owner, rowhouse_platform;

-- A killed worker leaves its jobs locked, and the queue itself would wait four hours. Workers therefore say every few
-- seconds that they live, and whoever says so frees what a silent one held. Running a job twice is harmless: every
-- stage of ours locks its rows and does nothing where the work is done.
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
  'Records that these workers are alive, frees the jobs of workers that have been silent too long, and returns how many those were.';

set local role rowhouse_owner;

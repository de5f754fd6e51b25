-- The queue belongs to rowhouse_worker; this is the one way to put a job into it from SQL.

create or replace function app_private.enqueue_job(task text, payload json, job_key text default null, max_attempts int default 10)
returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select graphile_worker.add_job(
    identifier => task, payload => payload, job_key => job_key, max_attempts => max_attempts);
$$;
comment on function app_private.enqueue_job(text, json, text, int) is
  'Adds a job to the task queue in this transaction: it runs if, and only if, the transaction commits.';
grant execute on function app_private.enqueue_job(text, json, text, int) to rowhouse_owner, rowhouse_platform;

-- A killed worker leaves its jobs locked, and the queue itself would wait four hours. Workers therefore say every few
-- seconds that they live, and whoever says so frees what a silent one held. Running a job twice is harmless: every
-- stage of ours locks its rows and does nothing where the work is done.
create or replace function app_private.release_dead_workers(alive_worker_ids text[], silent_for interval default '30 seconds')
returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_dead text[];
begin
  perform app_private.record_heartbeats(alive_worker_ids, silent_for);
  select array_agg(distinct j.locked_by) into v_dead
    from graphile_worker._private_jobs j
   where j.locked_by is not null
     and j.locked_by <> all ((select app_private.alive_workers(release_dead_workers.silent_for))::text[]);
  if v_dead is not null then
    perform graphile_worker.force_unlock_workers(v_dead);
  end if;
  return coalesce(cardinality(v_dead), 0);
end
$$;
comment on function app_private.release_dead_workers(text[], interval) is
  'Records that these workers are alive, frees the jobs of workers that have been silent too long, and returns how many those were.';

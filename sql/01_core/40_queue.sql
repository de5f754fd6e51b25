-- The task queue belongs to rowhouse_queue, and rowhouse_worker works on it. core.enqueue_job is the only way to add a job from SQL. Workers report that they
-- are alive, so that the jobs of one that has died are given to others.

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
  end loop;
end
$$;

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

set local role rowhouse_owner;

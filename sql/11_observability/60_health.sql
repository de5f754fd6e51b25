-- The health of the platform: checks of the database, the queue and the mail server, once a minute and when staff asks. What SQL
-- can see is looked at here; what needs the network a task looks at. Each result is a row; the latest of each check counts.

call core.secure_global_table('app_public.health_checks', 'the health of the platform is no tenant''s');
call audit.leave_out('a log that is only added to', 'app_public.health_checks');
call core.allow('app_public.health_checks', read => 'staff');
grant select on app_public.health_checks to rowhouse_user;
comment on table app_public.health_checks is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nThe results of checks of the platform''s health, for a week. For platform staff.';
comment on column app_public.health_checks.part is E'@notPersonal\nThe part of the platform: database, queue, mail, audit.';
comment on column app_public.health_checks.name is E'@notPersonal\nThe check.';
comment on column app_public.health_checks.status is 'How it is.';
comment on column app_public.health_checks.value is 'What was measured; null when it is nothing that has a number.';
comment on column app_public.health_checks.unit is 'The unit of the value.';
comment on column app_public.health_checks.message is 'What it means, in a sentence.';
comment on column app_public.health_checks.checked_at is 'When it was looked at.';
comment on domain app_public.health_status is 'ok; warning: look at it soon; failing: it does not work, or will not for long.';

create or replace function observability.health_status(value numeric, warning numeric, failing numeric) returns text
language sql immutable parallel safe
return case when value >= failing then 'failing' when value >= warning then 'warning' else 'ok' end;
comment on function observability.health_status is 'The status of a value by the two limits from which it is a warning and failing.';
grant execute on function observability.health_status to rowhouse_authenticator, rowhouse_worker;

-- With the rights of the caller, because PostgreSQL shows the sessions and replicas of others only to some.
create or replace function observability.check_database() returns table (part text, name text, status text, value numeric, unit text, message text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select 'database', c.name, observability.health_status(c.value, c.warning, c.failing), c.value, c.unit, format(c.message, coalesce(c.value, 0))
    from (
      select 'replication_lag', round(max(extract(epoch from r.replay_lag)), 1), 60, 600, 's', 'The slowest replica is %s s behind.'
        from pg_stat_replication r
      union all
      select 'oldest_transaction', round(max(extract(epoch from clock_timestamp() - a.xact_start))), 900, 14400, 's',
             'The oldest transaction has been open for %s s.'
        from pg_stat_activity a where a.datname = current_database() and a.pid <> pg_backend_pid()
      union all
      select 'wraparound', round(100 * max(greatest(age(d.datfrozenxid), mxid_age(d.datminmxid)))::numeric / 2000000000, 1), 50, 80, 'percent',
             '%s %% of the transaction ids are used up; vacuum gives them back.'
        from pg_database d where d.datname = current_database()
      union all
      select 'bloat', round(max(100.0 * s.n_dead_tup / (s.n_live_tup + s.n_dead_tup)), 1), 50, 90, 'percent',
             'In the worst large table %s %% of the rows are dead.'
        from pg_stat_user_tables s where s.n_live_tup + s.n_dead_tup > 10000
      union all
      select 'connections', round(100.0 * count(*) / current_setting('max_connections')::int, 1), 80, 95, 'percent', '%s %% of the connections are taken.'
        from pg_stat_activity a where a.backend_type = 'client backend'
    ) as c (name, value, warning, failing, unit, message);
$$;
comment on function observability.check_database is
  'How the database is: how far replicas are behind, the oldest transaction, transaction ids, dead rows and connections. It sees what the caller may see.';
grant execute on function observability.check_database to rowhouse_authenticator, rowhouse_worker;

create or replace function observability.check_queue() returns table (part text, name text, status text, value numeric, unit text, message text)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select 'queue', c.name, observability.health_status(c.value, c.warning, c.failing), c.value, c.unit, c.message
    from (
      select round(max(d.oldest_waiting_seconds)::numeric) as oldest_seconds, coalesce(sum(d.failed_count), 0) as failed_count,
             string_agg(d.task, ', ' order by d.task) filter (where d.failed_count > 0) as failed_tasks
        from core.queue_depth() d) as q
   cross join lateral (values
     ('oldest_job', q.oldest_seconds, 300, 900, 's', format('The oldest job that is due has been waiting for %s s.', coalesce(q.oldest_seconds, 0))),
     ('failed_jobs', q.failed_count, 1, null, 'jobs',
      coalesce(left('Jobs failed for good, of these tasks: ' || q.failed_tasks, 500), 'No job failed for good.'))
   ) as c (name, value, warning, failing, unit, message);
$$;
comment on function observability.check_queue is 'How the queue is: its oldest job that is due, and jobs that failed for good.';
grant execute on function observability.check_queue to rowhouse_authenticator, rowhouse_worker;

create or replace function observability.check_audit() returns table (part text, name text, status text, value numeric, unit text, message text)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select 'audit', 'audit', case when count(*) > 0 then 'failing' else 'ok' end, count(*), 'tenants',
         case when count(*) > 0 then format('The audit of %s tenants does not verify.', count(*)) else 'The audit verifies.' end
    from observability.audit_checks a where a.problem_count > 0;
$$;
comment on function observability.check_audit is 'Whether the audit verified when it was last looked at.';
grant execute on function observability.check_audit to rowhouse_authenticator, rowhouse_worker;

create or replace function observability.record_checks(checks jsonb) returns int
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  with old as (
    delete from app_public.health_checks h where h.checked_at < core.clock() - interval '7 days'
  ), recorded as (
    insert into app_public.health_checks (part, name, status, value, unit, message, checked_at)
    select c.part, c.name, c.status, c.value, c.unit, c.message, core.clock()
      from jsonb_populate_recordset(null::app_public.health_checks, record_checks.checks) as c
    returning id
  )
  select count(*)::int from recorded;
$$;
comment on function observability.record_checks is 'Stores the results of checks, forgets those of more than a week ago, and returns how many it stored.';
grant execute on function observability.record_checks to rowhouse_worker;

-- It jumps from name to name in the index, because /readyz asks for it again and again, and a week has very many results.
create or replace function observability.latest_checks() returns setof app_public.health_checks
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  with recursive names (name) as (
    select min(h.name) from app_public.health_checks h
    union all
    select (select min(h.name) from app_public.health_checks h where h.name > n.name) from names n where n.name is not null
  )
  select latest.*
    from names n
   cross join lateral (
     select h.* from app_public.health_checks h
      where h.name = n.name and h.checked_at > core.clock() - interval '1 day'
      order by h.checked_at desc, h.id desc limit 1) as latest
   order by latest.part, latest.name;
$$;
comment on function observability.latest_checks is 'The latest result of each check.';
grant execute on function observability.latest_checks to rowhouse_worker;

create or replace function observability.health_of_parts() returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(p.part, p.status), '{}')
    from (select c.part, (array_agg(c.status order by array_position(array['failing', 'warning', 'ok'], c.status::text)))[1] as status
            from observability.latest_checks() c group by c.part
           union all
          select 'providers', case when count(*) filter (where k.circuit <> 'closed') > 0 then 'warning' else 'ok' end
            from observability.provider_circuits k having count(*) > 0) as p;
$$;
comment on function observability.health_of_parts is 'The worst status of each part of the platform, which /readyz tells.';
grant execute on function observability.health_of_parts to rowhouse_authenticator;

create or replace function app_public.system_health() returns setof app_public.health_checks
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_staff();
  return query select * from observability.latest_checks();
end
$$;
comment on function app_public.system_health is
  E'@errors TN205\nThe latest result of each check of the platform''s health. check_system_health looks again. For platform staff.';
grant execute on function app_public.system_health to rowhouse_user;

create or replace function app_public.check_system_health() returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_staff();
  -- the job key merges all requests that come before the check begins into one job
  perform core.enqueue_job('observability__check_health', '{"everything": true}', 'observability__check_health:now');
  return true;
end
$$;
comment on function app_public.check_system_health is
  E'@resultFieldName isQueued\n@errors TN205\nMakes a worker look at the health of the platform and of all model providers now; system_health has the results in a moment. For platform staff.';
grant execute on function app_public.check_system_health to rowhouse_user;

-- The audit is verified a tenant at a time, each once an hour: what was sealed in the last two days.

call core.secure_global_table('observability.audit_checks', 'staff is told of the audits of all tenants');
call audit.leave_out('derived from other tables by rules', 'observability.audit_checks');
grant select, insert, update, delete on observability.audit_checks to rowhouse_platform;
comment on table observability.audit_checks is 'When the audit of each tenant was last verified, and how many problems there were.';

set local role rowhouse_platform;  -- outside the wall: the audits of all tenants are verified
create or replace function observability.audits_to_verify() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.id from app_public.tenants t left join observability.audit_checks c on c.tenant_id = t.id
   where c.checked_at is null or c.checked_at <= core.clock() - interval '1 hour'
   order by c.checked_at nulls first, t.id;
$$;
comment on function observability.audits_to_verify is 'The tenants whose audit was not verified in the last hour, the longest waiting first.';
grant execute on function observability.audits_to_verify to rowhouse_worker;

create or replace function observability.verify_audit(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  select count(*) into v_count from audit.verify(verify_audit.tenant_id, core.clock() - interval '2 days');
  insert into observability.audit_checks as c (tenant_id, problem_count, checked_at)
  select t.id, v_count, core.clock() from app_public.tenants t where t.id = verify_audit.tenant_id
  on conflict on constraint audit_checks_pkey do update set problem_count = excluded.problem_count, checked_at = excluded.checked_at;
  return v_count;
end
$$;
comment on function observability.verify_audit is 'Verifies what was sealed of a tenant''s audit in the last two days, and keeps the number of problems, which it returns.';
grant execute on function observability.verify_audit to rowhouse_worker;
set local role rowhouse_owner;

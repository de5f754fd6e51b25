-- Runs of retention, one for each kind of data of a tenant: what is due is counted, then deleted in batches that are noted.

set local role rowhouse_platform;  -- outside the wall: retention runs for all tenants, by the catalogue
-- The rows of a table that are due, as the end of a statement about t. $1 is the tenant, $2 the instant.
create or replace function governance.due_rows(kind_table governance.data_kind_tables) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select format('from %s t where t.tenant_id = $1 and t.%I < $2 and (%s)',
    (kind_table).table_name, (kind_table).clock_column, (kind_table).condition);
$$;
comment on function governance.due_rows is
  'The rows of a table of a kind that are old enough to go, as SQL. $1 is the tenant, $2 the instant before which a row is old enough.';

create or replace function governance.count_due(tenant_id uuid, kind text, before timestamptz, out due bigint, out held bigint)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table governance.data_kind_tables;
  v_due bigint;
  v_old bigint;
begin
  due := 0;
  held := 0;
  for v_table in select k.* from governance.data_kind_tables k where k.kind = count_due.kind order by k.table_name loop
    execute format('select count(*) filter (where %s), count(*) %s',
        governance.not_held(v_table.table_name::regclass), governance.due_rows(v_table))
      into v_due, v_old using count_due.tenant_id, count_due.before;
    due := due + v_due;
    held := held + v_old - v_due;
  end loop;
end
$$;
comment on function governance.count_due is
  'How many rows of a kind of data are due in a tenant, and how many are old enough but covered by a legal hold.';

create or replace function governance.begin_retention(tenant_id uuid, kind text, is_dry_run boolean default false)
returns app_public.data_retention_tracking
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_days constant int := governance.kept_days(begin_retention.tenant_id, begin_retention.kind);
  v_before constant timestamptz := core.clock() - make_interval(days => v_days);
  v_is_dry constant boolean := coalesce(begin_retention.is_dry_run, false);
  v_count record;
  v_run app_public.data_retention_tracking;
begin
  v_count := governance.count_due(begin_retention.tenant_id, begin_retention.kind, v_before);
  insert into app_public.data_retention_tracking (
    tenant_id, kind, is_dry_run, kept_days, delete_before, due_count, held_count, status, started_at, finished_at)
  values (begin_retention.tenant_id, begin_retention.kind, v_is_dry, v_days, v_before, v_count.due, v_count.held,
          case when v_is_dry then 'completed' else 'running' end, core.clock(), case when v_is_dry then core.clock() end)
  -- A run of this kind is under way, and it finds what is due as well.
  on conflict do nothing
  returning * into v_run;
  return v_run;
end
$$;
comment on function governance.begin_retention is
  'Begins a run for a kind of data of a tenant, or only counts. Returns nothing when such a run is under way.';
grant execute on function governance.begin_retention to rowhouse_owner;

create or replace function governance.begin_all_retention() returns int
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select count(governance.begin_retention(t.id, k.name))::int
    from app_public.tenants t
   cross join app_public.data_kinds k
   where exists (select from governance.data_kind_tables d where d.kind = k.name);
$$;
comment on function governance.begin_all_retention is
  'Begins a run for every kind of data of every tenant.';
grant execute on function governance.begin_all_retention to rowhouse_worker;

create or replace function governance.delete_due(run app_public.data_retention_tracking, kind_table governance.data_kind_tables, batch int)
returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_deleted int;
begin
  execute format(
    'with chosen as materialized (select t.tableoid, t.ctid %1$s and %2$s limit $3 for update of t)
     delete from %3$s t using chosen c where t.tableoid = c.tableoid and t.ctid = c.ctid',
    governance.due_rows(kind_table), governance.not_held((kind_table).table_name::regclass), (kind_table).table_name)
    using (run).tenant_id, (run).delete_before, delete_due.batch;
  get diagnostics v_deleted = row_count;
  if v_deleted > 0 then
    insert into app_public.retention_actions (tenant_id, tracking_id, action, table_name, row_count, reason, acted_at)
    values ((run).tenant_id, (run).id, 'deleted', (kind_table).table_name, v_deleted,
            format('%s are kept for %s days.', (run).kind, (run).kept_days), core.clock());
    update app_public.data_retention_tracking r set deleted_count = r.deleted_count + v_deleted
     where r.tenant_id = (run).tenant_id and r.id = (run).id;
  end if;
  return v_deleted;
end
$$;
comment on function governance.delete_due is
  'Deletes up to batch rows of a table that are due and not held, and notes it. Returns how many.';

create or replace function governance.finish_retention(run app_public.data_retention_tracking) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_held bigint := (governance.count_due((run).tenant_id, (run).kind, (run).delete_before)).held;
begin
  if v_held > 0 then
    insert into app_public.retention_actions (tenant_id, tracking_id, action, table_name, row_count, reason, acted_at)
    select (run).tenant_id, (run).id, 'skipped', string_agg(k.table_name, ', ' order by k.table_name), v_held, 'A legal hold covers them.', core.clock()
      from governance.data_kind_tables k where k.kind = (run).kind;
  end if;
  update app_public.data_retention_tracking r
     set status = 'completed', held_count = v_held, finished_at = core.clock()
   where r.tenant_id = (run).tenant_id and r.id = (run).id;
end
$$;
comment on function governance.finish_retention is 'Ends a run, and notes what a legal hold kept.';

create or replace function governance.continue_retention(batch int default 1000) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_run app_public.data_retention_tracking;
  v_table governance.data_kind_tables;
begin
  -- Two workers take different runs.
  select * into v_run from app_public.data_retention_tracking r
   where r.status = 'running' order by r.started_at, r.tenant_id, r.id limit 1 for update skip locked;
  if not found then
    return false;
  end if;
  -- A hold that is placed now waits for this batch, and the next one sees it.
  perform pg_advisory_xact_lock_shared(governance.hold_lock_key());
  for v_table in select k.* from governance.data_kind_tables k where k.kind = v_run.kind order by k.table_name loop
    if governance.delete_due(v_run, v_table, continue_retention.batch) > 0 then
      return true;
    end if;
  end loop;
  perform governance.finish_retention(v_run);
  return true;
end
$$;
comment on function governance.continue_retention is
  'Deletes the next batch of a run that is under way, or ends the run when nothing is due any more. Returns false when no run is under way.';
grant execute on function governance.continue_retention to rowhouse_worker;

set local role rowhouse_owner;
create or replace function app_public.run_retention(is_dry_run boolean default true) returns setof app_public.data_retention_tracking
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_kind text;
  v_run app_public.data_retention_tracking;
begin
  perform tenancy.require_permission('can_manage_tenant');
  for v_kind in
    select k.name from app_public.data_kinds k
     where exists (select from governance.data_kind_tables d where d.kind = k.name) order by k.name
  loop
    v_run := governance.begin_retention(core.current_tenant_id(), v_kind, run_retention.is_dry_run);
    if v_run.id is not null then
      return next v_run;
    end if;
  end loop;
  if not coalesce(run_retention.is_dry_run, true) then
    perform core.enqueue_job('governance__retain', '{}', 'governance:retain');
  end if;
end
$$;
comment on function app_public.run_retention is
  E'@resultFieldName runs\n@errors ID203\nCounts, kind by kind, what of this tenant''s data is due; without isDryRun it is also deleted, in the background. You need the permission can_manage_tenant.';
grant execute on function app_public.run_retention to rowhouse_user;

-- Retention: how long each kind of data is kept, and the runs that delete what is due. The platform has a default for each kind, a
-- tenant may shorten it, and what the law asks cannot be shortened. A run goes in batches of a transaction each, and its progress is
-- in the database, so a run that was stopped goes on where it was.

call core.secure_global_table('app_public.data_kinds', 'the kinds of data are the same for everyone');
call core.allow('app_public.data_kinds', read => 'everyone');
grant select on app_public.data_kinds to rowhouse_user, rowhouse_platform;
comment on table app_public.data_kinds is
  E'@behavior -insert -update -delete -query:resource:single\nThe kinds of data that are kept for a time, each with its default and with what the law asks.';
comment on column app_public.data_kinds.name is E'@notPersonal\nThe name of the kind.';
comment on column app_public.data_kinds.description is 'What it is.';
comment on column app_public.data_kinds.default_days is 'For how many days it is kept when the tenant has no policy of its own. No policy can lengthen it.';
comment on column app_public.data_kinds.least_days is 'For how many days it is kept at least, whatever the tenant wants.';
comment on column app_public.data_kinds.law is 'Why it is kept so long at least; null when nothing asks for it.';
comment on column app_public.data_kinds.days_expression is E'@behavior -*\nWhat a tenant t''s own settings say, as SQL; null when they say nothing of it.';
comment on constraint default_days_is_in_range on app_public.data_kinds is 'must be from 0 to 36,500';
comment on constraint least_days_is_at_most_the_default on app_public.data_kinds is 'must be at most the default';

call core.secure_global_table('governance.data_kind_tables', 'the kinds of data are the same for everyone');
grant select on governance.data_kind_tables to rowhouse_platform;
comment on table governance.data_kind_tables is 'The tables of each kind of data, with the column that says how old a row is and the condition for rows that may go.';
comment on column governance.data_kind_tables.table_name is E'@notPersonal\nThe table.';

call core.secure_tenant_table('app_public.retention_policies');
call core.allow('app_public.retention_policies', read => 'member');
grant select on app_public.retention_policies to rowhouse_user;
grant select, insert, update, delete on app_public.retention_policies to rowhouse_platform;
comment on table app_public.retention_policies is
  E'@behavior -insert -update -delete -query:resource:single\nFor how long this tenant keeps a kind of data, where that is shorter than the default. setRetention writes it.';
comment on column app_public.retention_policies.tenant_id is 'The tenant.';
comment on column app_public.retention_policies.kind is 'The kind of data.';
comment on column app_public.retention_policies.days is 'For how many days it is kept.';
comment on column app_public.retention_policies.created_at is 'When it was first set.';
comment on column app_public.retention_policies.updated_at is 'When it last changed.';

call core.secure_tenant_table('app_public.data_retention_tracking');
call core.exempt_from_guard('app_public.data_retention_tracking', '_000_require_writable_tenant', 'data ends in a read-only tenant as well');
call core.allow('app_public.data_retention_tracking', read => 'can_view_audit');
grant select on app_public.data_retention_tracking to rowhouse_user;
grant select, insert, update, delete on app_public.data_retention_tracking to rowhouse_platform;
comment on table app_public.data_retention_tracking is
  E'@behavior -insert -update -delete -query:resource:single\nThe runs of retention, one for each kind of data: what was due, what was deleted, what a legal hold kept. Needs can_view_audit.';
comment on column app_public.data_retention_tracking.tenant_id is 'The tenant.';
comment on column app_public.data_retention_tracking.id is 'The key of the run.';
comment on column app_public.data_retention_tracking.kind is 'The kind of data.';
comment on column app_public.data_retention_tracking.is_dry_run is 'Whether it only counted.';
comment on column app_public.data_retention_tracking.kept_days is 'For how many days the kind was kept when the run began.';
comment on column app_public.data_retention_tracking.delete_before is 'What is older than this is due.';
comment on column app_public.data_retention_tracking.due_count is 'How many rows were due when it began, without those that a hold covered.';
comment on column app_public.data_retention_tracking.deleted_count is 'How many rows it has deleted.';
comment on column app_public.data_retention_tracking.held_count is 'How many rows were old enough and covered by a legal hold.';
comment on column app_public.data_retention_tracking.status is 'running or completed.';
comment on column app_public.data_retention_tracking.started_at is 'When it began.';
comment on column app_public.data_retention_tracking.finished_at is 'When it ended.';

call core.secure_tenant_table('app_public.retention_actions');
call core.exempt_from_guard('app_public.retention_actions', '_000_require_writable_tenant', 'data ends in a read-only tenant as well');
call core.allow('app_public.retention_actions', read => 'can_view_audit');
grant select on app_public.retention_actions to rowhouse_user;
grant select, insert, update, delete on app_public.retention_actions to rowhouse_platform;
comment on table app_public.retention_actions is
  E'@behavior -insert -update -delete -query:resource:single\nWhat a run of retention did to a table, batch by batch, and why. Needs can_view_audit.';
comment on column app_public.retention_actions.tenant_id is 'The tenant.';
comment on column app_public.retention_actions.id is 'The number of the action; later ones have higher numbers.';
comment on column app_public.retention_actions.tracking_id is 'The run.';
comment on column app_public.retention_actions.action is 'What was done.';
comment on column app_public.retention_actions.table_name is E'@notPersonal\nThe table.';
comment on column app_public.retention_actions.row_count is 'With how many rows.';
comment on column app_public.retention_actions.reason is 'Why.';
comment on column app_public.retention_actions.acted_at is 'When.';

create or replace procedure governance.define_data_kind(
  name text, description text, default_days int, least_days int default 1, law text default null, days_expression text default null
)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.data_kinds as k (name, description, default_days, least_days, law, days_expression)
  values (define_data_kind.name, define_data_kind.description, define_data_kind.default_days, define_data_kind.least_days,
          define_data_kind.law, define_data_kind.days_expression)
  on conflict on constraint data_kinds_pkey do update
    set description = excluded.description, default_days = excluded.default_days, least_days = excluded.least_days,
        law = excluded.law, days_expression = excluded.days_expression;
  delete from governance.data_kind_tables t where t.kind = define_data_kind.name;
end
$$;
comment on procedure governance.define_data_kind is
  'Registers a kind of data that is kept for a time. days_expression is SQL over a tenant t for what its settings say of it.';

create or replace procedure governance.add_table_to_kind(kind text, target regclass, clock_column name, condition text default 'true')
language sql
set search_path to pg_catalog, pg_temp
as $$
  insert into governance.data_kind_tables (kind, table_name, clock_column, condition)
  values (add_table_to_kind.kind, add_table_to_kind.target::text, add_table_to_kind.clock_column, add_table_to_kind.condition);
$$;
comment on procedure governance.add_table_to_kind is
  'Adds a table to a kind of data: the column that says how old a row is, and the condition, over a row t, for rows that may go.';

call governance.define_data_kind('usage_events', 'Single events of usage. The totals of a day stay.', 1096, 400,
  'The invoices of a year are explained and corrected by the events.');
call governance.add_table_to_kind('usage_events', 'app_public.usage_events', 'occurred_at');
call governance.define_data_kind('llm_calls', 'Calls of language models, without their texts.', 1096, 400,
  'The invoices of a year are explained and corrected by the calls.');
call governance.add_table_to_kind('llm_calls', 'metering.llm_calls', 'occurred_at');
call governance.define_data_kind('llm_texts', 'Prompts and completions.', 36500, 0, null,
  $$case when t.config -> 'store_llm_texts' = 'true' then coalesce((t.config ->> 'llm_text_retention_days')::int, 30) else 0 end$$);
call governance.add_table_to_kind('llm_texts', 'metering.llm_texts', 'occurred_at');
call governance.define_data_kind('usage_minutes', 'Usage by the minute. The totals of a day stay.', 400, 62,
  'Quotas of a month are counted by it.');
call governance.add_table_to_kind('usage_minutes', 'metering.usage_minutes', 'minute');
call governance.define_data_kind('query_logs', 'Searches and, where the tenant stores them, their questions.', 365);
call governance.add_table_to_kind('query_logs', 'app_public.query_logs', 'created_at');
call governance.define_data_kind('sessions', 'Sessions that have ended.', 180);
call governance.add_table_to_kind('sessions', 'app_public.user_sessions', 'last_activity_at', 't.session_end is not null');
call governance.define_data_kind('invitations', 'Invitations that were answered or have expired.', 365);
call governance.add_table_to_kind('invitations', 'app_public.invitations', 'created_at', $$(t.status <> 'pending' or t.expires_at < core.clock())$$);
call governance.define_data_kind('notice_mails', 'Mails about notices and alerts.', 365);
call governance.add_table_to_kind('notice_mails', 'app_public.notice_mails', 'created_at', $$t.status in ('sent', 'failed')$$);
call governance.define_data_kind('sharing_audit', 'The audit of who may use shared resources.', 1096, 365, 'What was shared can be looked into for a year.');
call governance.add_table_to_kind('sharing_audit', 'app_public.resource_sharing_audit', 'occurred_at');
call governance.define_data_kind('staff_visits', 'Which of the platform''s staff has entered the tenant.', 1096, 365, 'A tenant can look into visits for a year.');
call governance.add_table_to_kind('staff_visits', 'tenancy.admin_access_log', 'accessed_at');
call governance.define_data_kind('deleted_rows', 'Resources, workspaces and projects that were deleted. Until then they can be brought back.', 90);
do $$
declare
  v_table text;
begin
  foreach v_table in array '{agents,tools,prompts,workflows,rag_knowledge_sources,projects,workspaces,institutions}'::text[] loop
    call governance.add_table_to_kind('deleted_rows', format('app_public.%I', v_table)::regclass, 'deleted_at');
  end loop;
end
$$;
call governance.define_data_kind('books', 'Invoices, payments, credit and the ledger.', 3653, 3653, 'Books and invoices are kept for ten years.');

create or replace function app_public.set_retention(kind text, days int) returns app_public.retention_policies
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_kind app_public.data_kinds;
  v_policy app_public.retention_policies;
begin
  perform tenancy.require_permission('can_manage_settings');
  select * into v_kind from app_public.data_kinds k where k.name = set_retention.kind;
  if not found then
    perform core.raise_error('RT301', 'kind: There is no such kind of data.', 'List them with dataKinds.');
  end if;
  if coalesce(set_retention.days not between v_kind.least_days and v_kind.default_days, true) then
    perform core.raise_error('RT401', format('days must be from %s to %s for %s.', v_kind.least_days, v_kind.default_days, v_kind.name),
      coalesce(v_kind.law, 'A tenant can shorten the default, not lengthen it.'));
  end if;
  insert into app_public.retention_policies as p (tenant_id, kind, days)
  values (core.current_tenant_id(), set_retention.kind, set_retention.days)
  on conflict on constraint retention_policies_pkey do update set days = excluded.days
  returning * into v_policy;
  return v_policy;
end
$$;
comment on function app_public.set_retention is
  E'@resultFieldName policy\n@errors RT301 RT401 ID203 TN202\nShortens for how many days this tenant keeps a kind of data. What is due is deleted in the next night. You need the permission can_manage_settings.';
grant execute on function app_public.set_retention to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: retention runs for all tenants, by the catalogue
create or replace function governance.kept_days(tenant_id uuid, kind text) returns int
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_kind app_public.data_kinds;
  v_own int;
begin
  select * into strict v_kind from app_public.data_kinds k where k.name = kept_days.kind;
  if v_kind.days_expression is not null then
    execute format('select %s from app_public.tenants t where t.id = $1', v_kind.days_expression) into v_own using kept_days.tenant_id;
  else
    select (t.config ->> 'retention_days')::int into v_own from app_public.tenants t where t.id = kept_days.tenant_id;
  end if;
  v_own := coalesce(
    (select p.days from app_public.retention_policies p where p.tenant_id = kept_days.tenant_id and p.kind = kept_days.kind), v_own);
  return greatest(v_kind.least_days, least(v_kind.default_days, v_own));
end
$$;
comment on function governance.kept_days is
  'For how many days a tenant keeps a kind of data: its policy, else its settings, else the default; never longer than the default and never shorter than the least.';

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

create or replace function governance.drop_empty_months() returns int
language plpgsql volatile security definer
-- Recording waits for this function, so it gives up early and is tried again in the next night.
set lock_timeout to '5s'
set search_path to pg_catalog, pg_temp
as $$
declare
  v_month record;
  v_is_empty boolean;
  v_dropped int := 0;
begin
  for v_month in
    select m.month, format('select not exists (select from %s where %I >= $1 and %2$I < $1 + interval ''1 month'')', m.parent, m.key) as look,
           m.starts_at
      from governance.old_months() m
  loop
    execute v_month.look into v_is_empty using v_month.starts_at;
    if v_is_empty then
      perform governance.lock_month(v_month.month);
      -- Someone may have recorded something late before the lock.
      execute v_month.look into v_is_empty using v_month.starts_at;
    end if;
    if v_is_empty then
      perform governance.drop_month(v_month.month);
      v_dropped := v_dropped + 1;
    end if;
  end loop;
  return v_dropped;
end
$$;
comment on function governance.drop_empty_months is
  'Drops the partitions of past months that retention has emptied, and returns how many.';
grant execute on function governance.drop_empty_months to rowhouse_worker;

set local role rowhouse_owner;

create or replace function governance.old_months() returns table (month regclass, parent regclass, key name, starts_at timestamptz)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select c.oid::regclass, p.parent, p.key, to_date(right(c.relname, 7), 'YYYY_MM')::timestamp at time zone 'UTC'
    from metering.monthly_tables() p
    join pg_inherits i on i.inhparent = p.parent
    join pg_class c on c.oid = i.inhrelid
   where c.relname ~ '_\d{4}_\d{2}$'
     and to_date(right(c.relname, 7), 'YYYY_MM') < (core.clock() - interval '62 days')::date
   order by c.relname;
$$;
comment on function governance.old_months is 'The partitions of months that ended more than a month ago, each with its table, the column of its key and its start.';
grant execute on function governance.old_months to rowhouse_platform;

create or replace function governance.lock_month(month regclass) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if lock_month.month not in (select m.month from governance.old_months() m) then
    perform core.raise_error('RT901', 'This is no partition of a past month.', 'governance.old_months lists them.');
  end if;
  execute format('lock table %s in access exclusive mode', lock_month.month);
end
$$;
comment on function governance.lock_month is E'@errors RT901\nLocks the partition of a past month, so that nobody writes to it.';
grant execute on function governance.lock_month to rowhouse_platform;

create or replace function governance.drop_month(month regclass) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform governance.lock_month(drop_month.month);
  execute format('drop table %s', drop_month.month);
end
$$;
comment on function governance.drop_month is E'@errors RT901\nDrops the partition of a past month.';
grant execute on function governance.drop_month to rowhouse_platform;

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

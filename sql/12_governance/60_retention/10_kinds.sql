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
call audit.track('app_public.retention_policies');
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
call audit.leave_out('the progress of tasks', 'app_public.data_retention_tracking');
call core.exempt_from_guard('app_public.data_retention_tracking', '_000_require_writable_tenant', 'data ends in a read-only tenant as well');
call core.allow('app_public.data_retention_tracking', read => 'can_view_audit');
grant select on app_public.data_retention_tracking to rowhouse_user;
grant select, insert, update, delete on app_public.data_retention_tracking to rowhouse_platform;
comment on table app_public.data_retention_tracking is
  E'@name retention_run\n@behavior -insert -update -delete -query:resource:single\nThe runs of retention, one for each kind of data: what was due, what was deleted, what a legal hold kept. Needs can_view_audit.';
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
call audit.leave_out('a log that rules write; its rows never change', 'app_public.retention_actions');
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

call governance.define_data_kind('usage_events', 'Single events of usage. The totals of a day stay.', 3653, 3653,
  'The quantities of invoices are proven by the events, for as long as invoices are kept.');
call governance.add_table_to_kind('usage_events', 'app_public.usage_events', 'occurred_at');
call governance.define_data_kind('llm_calls', 'Calls of language models, without their texts.', 1096, 400,
  'The invoices of a year are explained and corrected by the calls.');
call governance.add_table_to_kind('llm_calls', 'metering.llm_calls', 'occurred_at');
call governance.define_data_kind('llm_texts', 'Prompts and completions.', 36500, 0, null,
  $$case when metering.stores_texts(t.config) then coalesce((t.config ->> 'llm_text_retention_days')::int, 30) else 0 end$$);
call governance.add_table_to_kind('llm_texts', 'metering.llm_texts', 'occurred_at');
call governance.define_data_kind('usage_minutes', 'Usage by the minute. The totals of a day stay.', 400, 62,
  'Quotas of a month are counted by it.');
call governance.add_table_to_kind('usage_minutes', 'metering.usage_minutes', 'minute');
call governance.define_data_kind('query_logs', 'Searches and, where the tenant stores them, their questions.', 365);
call governance.add_table_to_kind('query_logs', 'app_public.query_logs', 'created_at');
call governance.define_data_kind('events', 'Operations of agents, runs of tools, and events of the product. The counts of a day stay.', 400);
call governance.add_table_to_kind('events', 'app_public.agent_metrics', 'created_at');
call governance.add_table_to_kind('events', 'app_public.tool_executions', 'executed_at');
call governance.add_table_to_kind('events', 'app_public.analytics_events', 'occurred_at');
call governance.define_data_kind('sessions', 'Sessions that have ended.', 180);
call governance.add_table_to_kind('sessions', 'app_public.user_sessions', 'last_activity_at', 't.session_end is not null');
call governance.define_data_kind('invitations', 'Invitations that were answered or have expired.', 365);
call governance.add_table_to_kind('invitations', 'app_public.invitations', 'created_at', $$(t.status <> 'pending' or t.expires_at < core.clock())$$);
call governance.define_data_kind('notice_mails', 'Mails about notices and alerts.', 365);
call governance.add_table_to_kind('notice_mails', 'app_public.notice_mails', 'created_at', $$t.status in ('sent', 'failed')$$);
call governance.define_data_kind('alert_logs', 'What happened to alerts, and whom was told.', 365);
call governance.add_table_to_kind('alert_logs', 'app_public.alert_notifications', 'created_at', $$t.status in ('sent', 'failed', 'skipped')$$);
call governance.add_table_to_kind('alert_logs', 'app_public.alert_logs', 'occurred_at');
call governance.define_data_kind('report_runs', 'Runs of reports with their results.', 180);
call governance.add_table_to_kind('report_runs', 'app_public.analytics_report_runs', 'created_at', $$t.status in ('completed', 'failed', 'cancelled')$$);
call governance.define_data_kind('sharing_audit', 'The audit of who may use shared resources.', 1096, 365, 'What was shared can be looked into for a year.');
call governance.add_table_to_kind('sharing_audit', 'app_public.resource_sharing_audit', 'occurred_at');
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

set local role rowhouse_owner;

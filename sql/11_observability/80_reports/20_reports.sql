-- What a report is: a statement, or a template that the platform brings, with typed parameters, a schedule in the time zone of the
-- tenant, and the members who get its results by mail.

call core.secure_global_table('app_public.report_templates', 'every tenant chooses from the same templates');
call core.allow('app_public.report_templates', read => 'everyone');
grant select on app_public.report_templates to rowhouse_user, rowhouse_platform;
call audit.leave_out('the files of rules write it', 'app_public.report_templates');
comment on table app_public.report_templates is
  E'@behavior -insert -update -delete -query:resource:single\nThe reports that the platform brings. A report of a tenant names one as its template.';
comment on column app_public.report_templates.name is E'@notPersonal\nThe name.';
comment on column app_public.report_templates.title is 'What it is called.';
comment on column app_public.report_templates.description is 'What it shows.';
comment on column app_public.report_templates.statement is 'Its SQL.';
comment on column app_public.report_templates.parameters is 'Its parameters, in the order of $1, $2 and so on.';
comment on column app_public.report_templates.reads_billing is 'Whether it requires the permission can_manage_billing, too.';
comment on type app_public.report_parameter is 'A parameter of a report.';
comment on column app_public.report_parameter.name is E'@notNull\nIts name, by which arguments give it a value.';
comment on column app_public.report_parameter.type is E'@notNull\nThe type of its value.';
comment on column app_public.report_parameter.is_required is 'Whether a run must give it a value when there is no default.';
comment on column app_public.report_parameter.default_value is 'Its value when a run gives none, such as 30, or today for a date.';
comment on domain app_public.report_parameter_type is 'The type of a parameter, by its name in PostgreSQL.';

call core.secure_tenant_table('app_public.analytics_reports');
call audit.track('app_public.analytics_reports');
call core.define_access('sees_report',
  '(select tenancy.has_permission(''can_view_analytics'')) and (not reads_billing or (select tenancy.has_permission(''can_manage_billing'')))',
  'whoever has can_view_analytics and, when it reads invoices, can_manage_billing');
call core.define_access('edits_report',
  '(select tenancy.has_permission(''can_manage_settings'')) and (not reads_billing or (select tenancy.has_permission(''can_manage_billing'')))',
  'whoever has can_manage_settings and, when it reads invoices, can_manage_billing');
call core.allow('app_public.analytics_reports', read => 'sees_report', write => 'edits_report');
grant select, delete,
  insert (name, description, template, statement, parameters, arguments, schedule, is_enabled, recipient_user_ids),
  update (name, description, template, statement, parameters, arguments, schedule, is_enabled, recipient_user_ids)
  on app_public.analytics_reports to rowhouse_user;
grant select, update (next_run_at) on app_public.analytics_reports to rowhouse_platform;
comment on table app_public.analytics_reports is
  'Saved reports, at most 100 a tenant. Reading and running them requires can_view_analytics, saving them can_manage_settings; reports that read invoices require can_manage_billing, too.';
comment on column app_public.analytics_reports.name is E'@notPersonal\nThe name, which is the subject of its mails.';
comment on column app_public.analytics_reports.description is 'What it shows.';
comment on column app_public.analytics_reports.template is 'The template whose statement and parameters it has; null when it has a statement of its own.';
comment on column app_public.analytics_reports.statement is 'One select over the views of the schema analytics, of which docs/analytics.md tells; null when it has a template. Parameters are $1, $2 and so on.';
comment on column app_public.analytics_reports.parameters is 'The parameters of the statement, in the order of $1, $2 and so on.';
comment on column app_public.analytics_reports.arguments is 'Values of the parameters by their names, for every run that gives none: texts, numbers or truth values.';
comment on column app_public.analytics_reports.reads_billing is E'@kept\nWhether it reads invoices.';
comment on column app_public.analytics_reports.schedule is
  'When it runs by itself: five crontab fields in the time zone of the tenant, at most once an hour, such as 0 7 * * mon. Null for never.';
comment on column app_public.analytics_reports.is_enabled is 'Whether the schedule counts.';
comment on column app_public.analytics_reports.recipient_user_ids is
  E'@personal keep only ids of members, and mails go to active members only\nThe members who get each result by mail, as long as they may see the report.';
comment on column app_public.analytics_reports.next_run_at is E'@kept\nWhen it runs next by its schedule; null for never. When runs were missed, the latest is made up for.';
comment on column app_public.analytics_reports.created_by_user_id is E'@personal pseudonymise\nWho saved it.';
comment on column app_public.analytics_reports.created_at is 'When it was created.';
comment on column app_public.analytics_reports.updated_at is 'When a person last changed it.';
comment on constraint name_is_a_name on app_public.analytics_reports is 'must have 1 to 200 characters, and no spaces around it';
comment on constraint statement_or_template_is_given on app_public.analytics_reports is 'must be given, or a template, and not both';
comment on constraint template_brings_its_parameters on app_public.analytics_reports is 'must be empty, because the template has its own';
comment on constraint arguments_is_an_object on app_public.analytics_reports is 'must be an object';
comment on constraint schedule_is_at_most_hourly on app_public.analytics_reports is 'must begin with one minute from 0 to 59';
comment on constraint analytics_reports_template_fkey on app_public.analytics_reports is
  E'@fieldName templateByName\n@foreignFieldName reports\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';

create or replace function observability.max_reports() returns int
language sql immutable parallel safe
return 100;
comment on function observability.max_reports is 'How many reports a tenant can have.';

create or replace function observability.statement_of_report(
  report app_public.analytics_reports, out statement text, out parameters app_public.report_parameter[])
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(t.statement, (report).statement), coalesce(t.parameters, (report).parameters)
    from (values ((report).template)) as r (template) left join app_public.report_templates t on t.name = r.template;
$$;
comment on function observability.statement_of_report is 'The statement of a report and its parameters: its own, or those of its template.';

create or replace procedure observability.define_report_template(
  name text, title text, description text, statement text, parameters app_public.report_parameter[] default '{}')
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform observability.check_parameters(define_report_template.parameters);
  insert into app_public.report_templates as t (name, title, description, statement, parameters, reads_billing)
  values (define_report_template.name, define_report_template.title, define_report_template.description, define_report_template.statement,
          define_report_template.parameters, observability.check_statement(define_report_template.statement,
            array(select p.type from unnest(define_report_template.parameters) with ordinality p order by p.ordinality)))
  on conflict on constraint report_templates_pkey do update
     set title = excluded.title, description = excluded.description, statement = excluded.statement, parameters = excluded.parameters,
         reads_billing = excluded.reads_billing;
end
$$;
comment on procedure observability.define_report_template is
  E'@errors OB480 OB481 OB482 OB483 OB484\nRegisters a template, which keeps the rules of every statement.';

create or replace function observability.next_run(schedule text, timezone text) returns timestamptz
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select core.cron_next(next_run.schedule, core.clock(), next_run.timezone);
$$;
comment on function observability.next_run is
  E'@errors RH401 RH402\nWhen a schedule is due next, by the clocks of a time zone.';
grant execute on function observability.next_run to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: an administrator in psql saves reports without being in a tenant
create or replace function observability.tg_analytics_reports__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_template app_public.report_templates;
begin
  if new.template is not null then
    select t.* into v_template from app_public.report_templates t where t.name = new.template;
    new.reads_billing := coalesce(v_template.reads_billing, false);
  elsif new.statement is not null then
    perform observability.check_parameters(new.parameters);
    new.reads_billing := observability.check_statement(new.statement,
      array(select p.type from unnest(new.parameters) with ordinality p order by p.ordinality));
  end if;
  -- What a run must give need not be there yet, unless the schedule makes the runs.
  if jsonb_typeof(new.arguments) = 'object' then
    perform observability.bind_arguments(
      array(select row(p.name, p.type, p.is_required and new.schedule is not null, p.default_value)::app_public.report_parameter
              from unnest(coalesce(v_template.parameters, new.parameters)) with ordinality p order by p.ordinality), new.arguments);
  end if;
  if exists (select from unnest(new.recipient_user_ids) as r (id)
              where not exists (select from app_public.user_tenants m where m.tenant_id = new.tenant_id and m.user_id = r.id and m.status = 'active')) then
    perform core.raise_error('OB382', 'recipient_user_ids names someone who is not an active member of this tenant.', 'Name members.');
  end if;
  return new;
end
$$;
comment on function observability.tg_analytics_reports__check is
  E'@errors OB382 OB480 OB481 OB482 OB483 OB484\nRefuses a report whose statement, parameters, arguments or recipients are not allowed.';

create or replace function observability.tg_analytics_reports__limit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtext('observability.reports'), hashtext(new.tenant_id::text));
  if (select count(*) from app_public.analytics_reports r where r.tenant_id = new.tenant_id) >= observability.max_reports() then
    perform core.raise_error('OB682', format('A tenant can have at most %s reports.', observability.max_reports()), 'Delete reports that are not needed.');
  end if;
  return new;
end
$$;
comment on function observability.tg_analytics_reports__limit is
  E'@errors OB682\nKeeps the number of a tenant''s reports below its limit. One transaction at a time adds some.';

create or replace function observability.tg_analytics_reports__plan() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  new.next_run_at := case when new.is_enabled and new.schedule is not null then observability.next_run(new.schedule,
    (select t.timezone from app_public.tenants t where t.id = new.tenant_id)) end;
  return new;
end
$$;
comment on function observability.tg_analytics_reports__plan is E'@errors RH401 RH402\nSays when a report whose schedule was changed runs next.';

create or replace function observability.tg_tenants__plan_reports() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.analytics_reports r set next_run_at = observability.next_run(r.schedule, new.timezone)
   where r.tenant_id = new.id and r.next_run_at is not null;
  return null;
end
$$;
comment on function observability.tg_tenants__plan_reports is 'Plans the reports of a tenant anew by the time zone that it has now.';
grant execute on function observability.tg_analytics_reports__check,
  observability.tg_analytics_reports__limit, observability.tg_analytics_reports__plan, observability.tg_tenants__plan_reports to rowhouse_owner;
set local role rowhouse_owner;
grant execute on function observability.max_reports to rowhouse_platform;

create or replace trigger _100_check
  before insert or update of template, statement, parameters, arguments, schedule, recipient_user_ids on app_public.analytics_reports
  for each row execute function observability.tg_analytics_reports__check();
create or replace trigger _200_limit before insert on app_public.analytics_reports
  for each row execute function observability.tg_analytics_reports__limit();
create or replace trigger _300_plan before insert or update of schedule, is_enabled on app_public.analytics_reports
  for each row execute function observability.tg_analytics_reports__plan();
create or replace trigger _610_plan_reports after update of timezone on app_public.tenants
  for each row when (old.timezone is distinct from new.timezone) execute function observability.tg_tenants__plan_reports();

-- Obligations. The idea: a tenant lists the regulations that bind it, each in a jurisdiction; an assessment moves an obligation
-- along the legal moves and leaves a record with evidence. Whether a tenant complies is read from the records that are valid.

call core.secure_global_table('governance.compliance_moves', 'the moves are the same for all tenants');
comment on table governance.compliance_moves is 'The legal moves between two states of an obligation.';

call core.secure_tenant_table('app_public.regulatory_compliance');
call audit.track('app_public.regulatory_compliance');
call core.allow('app_public.regulatory_compliance', read => 'admin, can_view_audit', write => 'can_manage_settings');
grant select, delete on app_public.regulatory_compliance to rowhouse_user;
grant insert (regulation, jurisdiction, next_deadline, compliance_data) on app_public.regulatory_compliance to rowhouse_user;
grant update (next_deadline, compliance_data) on app_public.regulatory_compliance to rowhouse_user;
grant select on app_public.regulatory_compliance to rowhouse_platform;
grant update (reminded_at, updated_at) on app_public.regulatory_compliance to rowhouse_platform;
comment on table app_public.regulatory_compliance is
  E'@name obligation\nThe obligations of this tenant: a regulation in a jurisdiction, and the state of compliance with it. Admins and those with can_view_audit read them; writing needs can_manage_settings.';
comment on column app_public.regulatory_compliance.tenant_id is 'The tenant.';
comment on column app_public.regulatory_compliance.id is 'The id.';
comment on column app_public.regulatory_compliance.regulation is E'@notPersonal\nThe code of the regulation, such as GDPR, HIPAA, SOX or ISO27001.';
comment on column app_public.regulatory_compliance.jurisdiction is E'@notPersonal\nThe code of the jurisdiction, such as EU, US or US-CA.';
comment on column app_public.regulatory_compliance.status is 'The state; assess_obligation changes it.';
comment on column app_public.regulatory_compliance.last_assessment is 'When the state was last assessed.';
comment on column app_public.regulatory_compliance.next_deadline is 'When something is due next. The people with can_manage_settings are reminded by mail 30 days before, and when it is past.';
comment on column app_public.regulatory_compliance.compliance_data is E'@notPersonal\nWhatever else belongs to it.';
comment on column app_public.regulatory_compliance.reminded_at is E'@kept\n@behavior -*\nWhen people were last reminded.';
comment on column app_public.regulatory_compliance.created_at is 'When it was added.';
comment on column app_public.regulatory_compliance.updated_at is 'When it last changed.';
comment on constraint regulation_is_a_code on app_public.regulatory_compliance is 'must be 1 to 50 capital letters, digits, _ and -';
comment on constraint jurisdiction_is_a_code on app_public.regulatory_compliance is 'must be 1 to 50 capital letters, digits, _ and -';
comment on constraint compliance_data_is_an_object on app_public.regulatory_compliance is 'must be a JSON object';
comment on constraint regulatory_compliance_tenant_id_regulation_jurisdiction_key on app_public.regulatory_compliance is 'is listed already for this jurisdiction';

call core.secure_tenant_table('app_public.compliance_records');
call audit.track('app_public.compliance_records');
call core.allow('app_public.compliance_records', read => 'admin, can_view_audit');
grant select on app_public.compliance_records to rowhouse_user;
comment on table app_public.compliance_records is
  E'@name assessment\n@behavior -insert -update -delete -query:resource:single\nThe assessments of obligations: the result, its evidence, and how long it is valid. They never change. Admins and those with can_view_audit read them.';
comment on column app_public.compliance_records.tenant_id is 'The tenant.';
comment on column app_public.compliance_records.id is 'The number of the assessment; later ones have higher numbers.';
comment on column app_public.compliance_records.obligation_id is 'The obligation that was assessed.';
comment on column app_public.compliance_records.status is 'The state that the assessment led to.';
comment on column app_public.compliance_records.evidence is E'@notPersonal\nWhat proves it, such as the address of a report.';
comment on column app_public.compliance_records.valid_until is 'Until when it is valid; null when it has no end.';
comment on column app_public.compliance_records.recorded_by is E'@personal pseudonymise\nWho recorded it.';
comment on column app_public.compliance_records.created_at is 'When it was recorded.';
comment on constraint compliance_records_tenant_id_obligation_id_fkey on app_public.compliance_records is E'@fieldName obligation\n@foreignFieldName records';
comment on constraint compliance_records_recorded_by_fkey on app_public.compliance_records is E'@fieldName recorder\n@behavior -backward';

create or replace function app_public.assess_obligation(
  id uuid, status app_public.compliance_status, evidence text, valid_until timestamptz default null,
  next_deadline timestamptz default null) returns app_public.regulatory_compliance
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_obligation app_public.regulatory_compliance;
begin
  perform tenancy.require_permission('can_manage_settings');
  select * into v_obligation from app_public.regulatory_compliance o
   where o.tenant_id = core.current_tenant_id() and o.id = assess_obligation.id for no key update;
  if not found then
    perform core.raise_error('NS302', 'This obligation does not exist.', 'List the obligations of this tenant.');
  elsif coalesce(trim(assess_obligation.evidence), '') = '' then
    perform core.raise_error('NS402', 'An assessment needs evidence.', 'Say what proves it, such as the address of a report.');
  elsif not exists (
    select from governance.compliance_moves m where m.from_status = v_obligation.status and m.to_status = assess_obligation.status) then
    perform core.raise_error('NS501', format('An obligation cannot go from %s to %s.', v_obligation.status, assess_obligation.status),
      format('From %s it can go to %s.', v_obligation.status, (
        select string_agg(m.to_status, ', ' order by m.to_status) from governance.compliance_moves m where m.from_status = v_obligation.status)));
  end if;
  insert into app_public.compliance_records (tenant_id, obligation_id, status, evidence, valid_until, recorded_by)
  values (v_obligation.tenant_id, v_obligation.id, assess_obligation.status, assess_obligation.evidence, assess_obligation.valid_until,
          core.current_user_id());
  update app_public.regulatory_compliance o
     set status = assess_obligation.status, last_assessment = core.clock(), next_deadline = assess_obligation.next_deadline
   where o.tenant_id = v_obligation.tenant_id and o.id = v_obligation.id
  returning * into v_obligation;
  return v_obligation;
end
$$;
comment on function app_public.assess_obligation is
  E'@resultFieldName obligation\n@errors ID203 NS302 NS402 NS501\nRecords an assessment of an obligation with its evidence, and moves it to the state. valid_until says how long the result is valid, next_deadline when something is due next. You need the permission can_manage_settings.';
grant execute on function app_public.assess_obligation to rowhouse_user;

create or replace function app_public.regulatory_compliance_is_overdue(obligation app_public.regulatory_compliance) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((obligation).next_deadline < core.clock(), false);
$$;
comment on function app_public.regulatory_compliance_is_overdue is E'@notNull\nWhether its next deadline is past.';
grant execute on function app_public.regulatory_compliance_is_overdue to rowhouse_user;

create or replace function app_public.overdue_obligations() returns setof app_public.regulatory_compliance
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select o from app_public.regulatory_compliance o
   where o.tenant_id = core.current_tenant_id() and o.next_deadline < core.clock()
   order by o.next_deadline, o.id;
$$;
comment on function app_public.overdue_obligations is 'The obligations of this tenant whose next deadline is past, the longest overdue first.';
grant execute on function app_public.overdue_obligations to rowhouse_user;

create or replace function governance.complies(tenant_id uuid, regulation text) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- The wall shows only the tenant of the context. The last assessment decides, in every jurisdiction that is applicable.
  select coalesce(bool_and(o.status = 'compliant' and coalesce((
           select r.valid_until is null or r.valid_until > core.clock()
             from app_public.compliance_records r
            where r.tenant_id = o.tenant_id and r.obligation_id = o.id
            order by r.id desc limit 1), false)), false)
    from app_public.regulatory_compliance o
   where o.tenant_id = complies.tenant_id and o.regulation = complies.regulation and o.status <> 'not_applicable';
$$;
comment on function governance.complies is
  'Whether a tenant complies with a regulation today: it has an obligation, and the last assessment in every jurisdiction says so and is still valid. Of another tenant than that of the context it is false.';
grant execute on function governance.complies to rowhouse_user, rowhouse_worker;

create or replace function app_public.tenants_hipaa_compliant(tenant app_public.tenants) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select governance.complies((tenant).id, 'HIPAA');
$$;
comment on function app_public.tenants_hipaa_compliant is E'@notNull\nWhether this tenant complies with HIPAA, by the assessments that are valid today. Of another tenant it is false.';
grant execute on function app_public.tenants_hipaa_compliant to rowhouse_user;

create or replace function app_public.tenants_gdpr_compliant(tenant app_public.tenants) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select governance.complies((tenant).id, 'GDPR');
$$;
comment on function app_public.tenants_gdpr_compliant is E'@notNull\nWhether this tenant complies with the GDPR, by the assessments that are valid today. Of another tenant it is false.';
grant execute on function app_public.tenants_gdpr_compliant to rowhouse_user;

create or replace function app_public.tenants_sox_compliant(tenant app_public.tenants) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select governance.complies((tenant).id, 'SOX');
$$;
comment on function app_public.tenants_sox_compliant is E'@notNull\nWhether this tenant complies with SOX, by the assessments that are valid today. Of another tenant it is false.';
grant execute on function app_public.tenants_sox_compliant to rowhouse_user;

create or replace function app_public.tenants_iso_certified(tenant app_public.tenants) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select governance.complies((tenant).id, 'ISO27001');
$$;
comment on function app_public.tenants_iso_certified is E'@notNull\nWhether this tenant is certified by ISO 27001, by the assessments that are valid today. Of another tenant it is false.';
grant execute on function app_public.tenants_iso_certified to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the clock reminds the people of all tenants
create or replace function governance.queue_deadline_reminders() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_reminder record;
  v_count int := 0;
begin
  for v_reminder in
    with due as (
      select o.tenant_id, o.id from app_public.regulatory_compliance o
       where o.next_deadline < core.clock() + interval '30 days'
         -- once when the deadline comes near, and once when it is past
         and (o.reminded_at is null or o.reminded_at < o.next_deadline - interval '30 days'
              or o.next_deadline < core.clock() and o.reminded_at < o.next_deadline)
       order by o.tenant_id, o.id limit 1000 for no key update skip locked
    ), reminded as (
      update app_public.regulatory_compliance o set reminded_at = core.clock()
        from due where o.tenant_id = due.tenant_id and o.id = due.id
      returning o.tenant_id, o.id, o.next_deadline
    )
    select r.tenant_id, r.id, r.next_deadline, m.user_id
      from reminded r
     cross join tenancy.members_with(r.tenant_id, array['can_manage_settings']) as m (user_id)
     order by r.tenant_id, r.id, m.user_id
  loop
    perform core.enqueue_job('governance__send_reminder', json_build_object(
      'tenantId', v_reminder.tenant_id, 'obligationId', v_reminder.id, 'userId', v_reminder.user_id, 'deadline', v_reminder.next_deadline));
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function governance.queue_deadline_reminders is
  'Queues a mail to each person who looks after an obligation whose deadline is less than 30 days away, and one when it is past. Returns how many mails.';
grant execute on function governance.queue_deadline_reminders to rowhouse_worker;
set local role rowhouse_owner;

create or replace function governance.deadline_reminder(tenant_id uuid, obligation_id uuid, user_id uuid, deadline timestamptz)
returns table (email text, tenant_name text, subject text, message text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(deadline_reminder.tenant_id);
  return query
    select m.email, t.name, 'Deadline of ' || o.regulation,
           format('%s in %s: %s on %s.', o.regulation, o.jurisdiction,
             case when o.next_deadline < core.clock() then 'a deadline was missed' else 'something is due' end,
             (o.next_deadline at time zone t.timezone)::date)
      from app_public.regulatory_compliance o
      join app_public.tenants t on t.id = o.tenant_id
      join tenancy.mail_address(o.tenant_id, deadline_reminder.user_id, array['can_manage_settings']) as m (email) on m.email is not null
     where o.tenant_id = deadline_reminder.tenant_id and o.id = deadline_reminder.obligation_id
       -- it may have been moved or met since
       and o.next_deadline = deadline_reminder.deadline;
end
$$;
comment on function governance.deadline_reminder is
  'What the mail about a deadline says; no row when the deadline has moved, or the person no longer looks after it or wants no mails.';
grant execute on function governance.deadline_reminder to rowhouse_worker;

-- Consent. The idea: each decision of a person is a row that never changes, and the last one for a purpose holds. Whatever
-- needs consent asks governance.has_consent in the statement that needs it, so a withdrawal blocks from the next one on.

call core.secure_tenant_table('app_public.consent_records');
call audit.track('app_public.consent_records');
call core.exempt_from_guard('app_public.consent_records', '_000_require_writable_tenant', 'a person can withdraw consent in a read-only tenant as well');
call core.allow('app_public.consent_records', read => 'self, can_manage_users');
grant select on app_public.consent_records to rowhouse_user;
grant select on app_public.consent_records to rowhouse_platform;
comment on table app_public.consent_records is
  E'@behavior -insert -update -delete -query:resource:single\nThe decisions of people about the use of their data, oldest first. The last decision of a person for a purpose holds. People read their own; the permission can_manage_users lets others read them.';
comment on column app_public.consent_records.tenant_id is 'The tenant.';
comment on column app_public.consent_records.id is 'The number of the decision; later decisions have higher numbers.';
comment on column app_public.consent_records.user_id is E'@personal pseudonymise\nWho decided.';
comment on column app_public.consent_records.purpose is 'What the decision is about.';
comment on column app_public.consent_records.text_version is E'@notPersonal\nThe version of the text that was agreed to; always given when consent was granted.';
comment on column app_public.consent_records.lawful_basis is 'The lawful basis of the processing.';
comment on column app_public.consent_records.granted_at is 'When consent was granted; null for a withdrawal.';
comment on column app_public.consent_records.withdrawn_at is 'When consent was withdrawn; null for a grant.';
comment on column app_public.consent_records.source is 'Who recorded the decision.';
comment on column app_public.consent_records.evidence is E'@personal erase\nWhere the decision is documented; always given by administrators.';
comment on column app_public.consent_records.recorded_by is E'@personal pseudonymise\nWho recorded the decision.';
comment on column app_public.consent_records.created_at is 'When the decision was recorded.';
comment on constraint consent_records_user_id_fkey on app_public.consent_records is E'@foreignFieldName consentRecords';
comment on constraint consent_records_recorded_by_fkey on app_public.consent_records is E'@fieldName recorder\n@behavior -backward';
comment on constraint is_one_decision on app_public.consent_records is 'must be either a grant or a withdrawal';
comment on constraint granted_names_a_text on app_public.consent_records is 'must be given when consent is granted';
comment on constraint administrator_gives_evidence on app_public.consent_records is 'must be given by an administrator';

create or replace function governance.has_consent(user_id uuid, purpose app_public.consent_purpose) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((
    select r.granted_at is not null
      from app_public.consent_records r
     where r.tenant_id = core.current_tenant_id() and r.user_id = has_consent.user_id and r.purpose = has_consent.purpose
     order by r.id desc limit 1), false);
$$;
comment on function governance.has_consent is
  'Whether the last decision of a person in this tenant for a purpose is a grant; without a decision there is no consent. Nothing is cached: a withdrawal holds from the next statement on.';
grant execute on function governance.has_consent to rowhouse_user, rowhouse_worker, rowhouse_platform;

create or replace function governance.has_withdrawn(tenant_id uuid, user_id uuid, purpose app_public.consent_purpose) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((
    select r.withdrawn_at is not null
      from app_public.consent_records r
     where r.tenant_id = has_withdrawn.tenant_id and r.user_id = has_withdrawn.user_id and r.purpose = has_withdrawn.purpose
     order by r.id desc limit 1), false);
$$;
comment on function governance.has_withdrawn is
  'Whether the last decision of a person for a purpose is a withdrawal, for what the tenant may do on another lawful basis until somebody objects.';
grant execute on function governance.has_withdrawn to rowhouse_platform;

create or replace function governance.add_consent_record(
  user_id uuid, purpose app_public.consent_purpose, is_granted boolean, text_version text, lawful_basis app_public.lawful_basis,
  source app_public.consent_source, evidence text) returns app_public.consent_records
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_record app_public.consent_records;
begin
  -- One decision of a person at a time, so that the last one to commit has the highest number.
  perform from app_public.user_tenants m
    where m.tenant_id = core.current_tenant_id() and m.user_id = add_consent_record.user_id for no key update;
  if not found then
    perform core.raise_error('NS301', 'This person is not a member of this tenant.', 'Name a member of this tenant.');
  end if;
  insert into app_public.consent_records (
    tenant_id, user_id, purpose, text_version, lawful_basis, granted_at, withdrawn_at, source, evidence, recorded_by)
  values (
    core.current_tenant_id(), add_consent_record.user_id, add_consent_record.purpose, add_consent_record.text_version,
    coalesce(add_consent_record.lawful_basis, 'consent'),
    case when add_consent_record.is_granted then core.clock() end, case when not add_consent_record.is_granted then core.clock() end,
    add_consent_record.source, add_consent_record.evidence, core.current_user_id())
  returning * into v_record;
  return v_record;
end
$$;
comment on function governance.add_consent_record is E'@errors NS301\nAppends a decision of a person, and waits for another one of the same person.';

create or replace function app_public.give_consent(purpose app_public.consent_purpose, text_version text) returns app_public.consent_records
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_person();
  perform tenancy.require_role('viewer');
  return governance.add_consent_record(core.current_user_id(), purpose, true, text_version, 'consent', 'self', null);
end
$$;
comment on function app_public.give_consent is
  E'@resultFieldName consentRecord\n@errors ID202 KY201 NS301\nGives your consent for a purpose; text_version is the version of the text that you agree to. You can withdraw it at any time.';
grant execute on function app_public.give_consent to rowhouse_user;

create or replace function app_public.withdraw_consent(purpose app_public.consent_purpose) returns app_public.consent_records
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_person();
  perform tenancy.require_role('viewer');
  return governance.add_consent_record(core.current_user_id(), purpose, false, null, 'consent', 'self', null);
end
$$;
comment on function app_public.withdraw_consent is
  E'@resultFieldName consentRecord\n@errors ID202 KY201 NS301\nWithdraws your consent for a purpose, or objects to it when you never gave any. It holds at once.';
grant execute on function app_public.withdraw_consent to rowhouse_user;

create or replace function app_public.record_consent(
  user_id uuid, purpose app_public.consent_purpose, is_granted boolean, evidence text, text_version text default null,
  lawful_basis app_public.lawful_basis default 'consent') returns app_public.consent_records
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_users');
  if coalesce(trim(evidence), '') = '' then
    perform core.raise_error('NS401', 'A decision that an administrator records needs evidence.', 'Say where the decision of the person is documented.');
  end if;
  return governance.add_consent_record(user_id, purpose, is_granted, text_version, lawful_basis, 'administrator', evidence);
end
$$;
comment on function app_public.record_consent is
  E'@resultFieldName consentRecord\n@errors ID203 NS301 NS401\nRecords the decision of a person, such as one that was made on paper; evidence says where it is documented. You need the permission can_manage_users.';
grant execute on function app_public.record_consent to rowhouse_user;

create or replace function governance.tg_consent_records__refuse_change() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('NS901', 'A recorded decision never changes.', 'Record a new decision.');
  return null;
end
$$;
comment on function governance.tg_consent_records__refuse_change is E'@errors NS901\nRefuses a change of what was decided.';

-- The evidence and the person who recorded it can be erased.
create or replace trigger _200_refuse_change
  before update of tenant_id, id, user_id, purpose, text_version, lawful_basis, granted_at, withdrawn_at, source, created_at
  on app_public.consent_records for each row execute function governance.tg_consent_records__refuse_change();

-- What the tenant lets its logs keep is not kept of a person who has withdrawn.
set local role rowhouse_platform;  -- outside the wall: logs are written for all tenants in one statement
create or replace function governance.tg_query_logs__ask_consent() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if governance.has_withdrawn(new.tenant_id, new.user_id, 'prompt_texts') then
    new.query_text := null;
  end if;
  return new;
end
$$;
comment on function governance.tg_query_logs__ask_consent is
  'Leaves the text of a question out of the log when the person has withdrawn the consent prompt_texts.';
grant execute on function governance.tg_query_logs__ask_consent to rowhouse_owner;

create or replace function governance.tg_llm_texts__ask_consent() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return case when governance.has_withdrawn(new.tenant_id, new.user_id, 'prompt_texts') then null else new end;
end
$$;
comment on function governance.tg_llm_texts__ask_consent is
  'Stores no texts of a call when the person has withdrawn the consent prompt_texts.';
grant execute on function governance.tg_llm_texts__ask_consent to rowhouse_owner;

create or replace function governance.tg_agent_metrics__ask_consent() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if governance.has_withdrawn(new.tenant_id, new.user_id, 'prompt_texts') then
    new.query_text := null;
  end if;
  return new;
end
$$;
comment on function governance.tg_agent_metrics__ask_consent is
  'Stores an operation of an agent without its question when the person has withdrawn the consent prompt_texts.';
grant execute on function governance.tg_agent_metrics__ask_consent to rowhouse_owner;

create or replace function governance.tg_tool_executions__ask_consent() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if governance.has_withdrawn(new.tenant_id, new.user_id, 'prompt_texts') then
    new.input := null;
    new.output := null;
  end if;
  return new;
end
$$;
comment on function governance.tg_tool_executions__ask_consent is
  'Stores a run of a tool without its arguments and its result when the person has withdrawn the consent prompt_texts.';
grant execute on function governance.tg_tool_executions__ask_consent to rowhouse_owner;
set local role rowhouse_owner;

create or replace trigger _600_ask_consent before insert on app_public.query_logs
  for each row when (new.query_text is not null) execute function governance.tg_query_logs__ask_consent();
create or replace trigger _600_ask_consent before insert on metering.llm_texts
  for each row execute function governance.tg_llm_texts__ask_consent();
create or replace trigger _600_ask_consent before insert on app_public.agent_metrics
  for each row when (new.query_text is not null) execute function governance.tg_agent_metrics__ask_consent();
create or replace trigger _600_ask_consent before insert on app_public.tool_executions
  for each row when (new.input is not null or new.output is not null) execute function governance.tg_tool_executions__ask_consent();

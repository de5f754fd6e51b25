call core.secure_tenant_table('app_public.resource_sharing_audit');
call core.allow('app_public.resource_sharing_audit', read => 'can_view_audit');
grant select on app_public.resource_sharing_audit to rowhouse_user;
grant select, insert, update, delete on app_public.resource_sharing_audit to rowhouse_platform;
comment on table app_public.resource_sharing_audit is
  E'@behavior -insert -update -delete\n@foreignKey (user_id) references app_public.user_profiles (id)\nEvery change of who may use this tenant''s resources, and copies that others made; never changed. can_view_audit.';
comment on column app_public.resource_sharing_audit.occurred_at is 'When it happened.';
comment on column app_public.resource_sharing_audit.action is 'mode_changed, granted, expiry_changed, revoked, declined, accepted or copied.';
comment on column app_public.resource_sharing_audit.user_id is 'Who did it; null when it was the other tenant, or an administrator in psql.';
comment on column app_public.resource_sharing_audit.resource_kind is 'What kind of thing it is.';
comment on column app_public.resource_sharing_audit.resource_id is 'The resource.';
comment on column app_public.resource_sharing_audit.resource_name is 'Its name at that time.';
comment on column app_public.resource_sharing_audit.from_mode is 'The sharing_mode before, for mode_changed.';
comment on column app_public.resource_sharing_audit.to_mode is 'The sharing_mode since, for mode_changed.';
comment on column app_public.resource_sharing_audit.other_tenant_id is 'The tenant of the grant, or the one that made the copy.';
comment on column app_public.resource_sharing_audit.other_tenant_slug is 'Its slug at that time.';
comment on column app_public.resource_sharing_audit.grantee_user_id is 'The one member of the grant, null when it was not so narrow.';
comment on column app_public.resource_sharing_audit.grantee_workspace_id is 'The workspace of the grant, null when it was not so narrow.';
comment on column app_public.resource_sharing_audit.expires_at is 'Until when the grant was to hold.';

comment on type app_public.sharing_action is 'What happened to who may use a resource.';

create or replace function catalog.tg_resource_sharing_audit__append_only() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Not a definer function, so that it sees who deletes: retention is a function of the platform. With its tenant a row
  -- goes as well.
  if tg_op = 'DELETE' and (current_user = 'rowhouse_platform' or not exists (select from app_public.tenants t where t.id = old.tenant_id)) then
    return old;
  end if;
  perform core.raise_error('RS961', 'The audit of sharing is never changed.', 'Retention removes what is old.');
end
$$;
comment on function catalog.tg_resource_sharing_audit__append_only is
  E'@errors RS961\nKeeps the audit as it was written.';

set local role rowhouse_platform;  -- outside the wall: a copy, a refusal, a member who leaves: others change what the owner's audit must have
create or replace function catalog.record_sharing(
  kind app_public.resource_kind, tenant_id uuid, resource_id uuid, action app_public.sharing_action,
  from_mode text default null, to_mode text default null, other_tenant_id uuid default null, share app_public.resource_shares default null
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  execute format('select r.name from %s r where r.id = $1', catalog.resource_table(record_sharing.kind))
    into v_name using record_sharing.resource_id;
  insert into app_public.resource_sharing_audit (
    tenant_id, action, user_id, resource_kind, resource_id, resource_name, from_mode, to_mode,
    other_tenant_id, other_tenant_slug, grantee_user_id, grantee_workspace_id, expires_at)
  select t.id, record_sharing.action,
         -- people of the other side stay unknown
         case when t.id = core.current_tenant_id() then core.current_user_id() end,
         record_sharing.kind, record_sharing.resource_id, coalesce(v_name, ''), record_sharing.from_mode, record_sharing.to_mode,
         record_sharing.other_tenant_id, o.slug, (share).grantee_user_id, (share).grantee_workspace_id, (share).expires_at
    -- of a tenant that is deleted nothing is left to record
    from app_public.tenants t
    left join app_public.tenants o on o.id = record_sharing.other_tenant_id
   where t.id = record_sharing.tenant_id;
end
$$;
comment on function catalog.record_sharing is
  'Writes to the audit of the tenant that owns a resource.';

create or replace function catalog.tg__audit_sharing_mode() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform catalog.record_sharing(tg_argv[0]::app_public.resource_kind, new.tenant_id, new.id, 'mode_changed',
    case tg_op when 'UPDATE' then to_jsonb(old) ->> 'sharing_mode' else 'private' end, new.sharing_mode);
  return null;
end
$$;
comment on function catalog.tg__audit_sharing_mode is
  'Records that a resource came to another sharing_mode, whoever wrote it.';
grant execute on function catalog.tg__audit_sharing_mode to rowhouse_owner;

create or replace function catalog.tg__audit_copy() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_owner_id uuid;
begin
  execute format('select r.tenant_id from %s r where r.id = $1', catalog.resource_table(tg_argv[0]::app_public.resource_kind))
    into v_owner_id using new.copied_from_id;
  if v_owner_id <> new.tenant_id then
    perform catalog.record_sharing(tg_argv[0]::app_public.resource_kind, v_owner_id, new.copied_from_id, 'copied',
      other_tenant_id => new.tenant_id);
  end if;
  return null;
end
$$;
comment on function catalog.tg__audit_copy is
  'Records in the owner''s audit that another tenant made a copy.';
grant execute on function catalog.tg__audit_copy to rowhouse_owner;

create or replace function catalog.tg_resource_shares__audit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_share app_public.resource_shares := coalesce(new, old);
begin
  perform catalog.record_sharing(v_share.resource_kind, v_share.tenant_id, v_share.resource_id, action,
      other_tenant_id => v_share.grantee_tenant_id, share => v_share)
    from unnest(case tg_op
      when 'INSERT' then array['granted']
      when 'DELETE' then array['revoked']
      else array_remove(array[
        case when old.expires_at is distinct from new.expires_at then 'expiry_changed' end,
        case when old.declined_at is null and new.declined_at is not null then 'declined'
             when old.declined_at is not null and new.declined_at is null then 'accepted' end], null)
    end::app_public.sharing_action[]) as action;
  return null;
end
$$;
comment on function catalog.tg_resource_shares__audit is
  'Records that a grant was given, changed, declined, accepted or taken back, whoever wrote it.';
grant execute on function catalog.tg_resource_shares__audit to rowhouse_owner;

set local role rowhouse_owner;

-- Every change of who may use a resource is recorded, whoever makes it: functions, foreign keys, administrators in psql.
do $$
declare
  v_kind app_public.resource_kind;
  v_table regclass;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    v_table := catalog.resource_table(v_kind);
    execute format(
      'create or replace trigger _500_audit_sharing_of_added after insert on %s
         for each row when (new.sharing_mode <> ''private'') execute function catalog.tg__audit_sharing_mode(%L)', v_table, v_kind);
    execute format(
      'create or replace trigger _510_audit_sharing_mode after update of sharing_mode on %s
         for each row when (old.sharing_mode <> new.sharing_mode) execute function catalog.tg__audit_sharing_mode(%L)', v_table, v_kind);
    -- a knowledge source cannot be copied
    if v_kind <> 'knowledge_source' then
      execute format(
        'create or replace trigger _520_audit_copy after insert on %s
           for each row when (new.copied_from_id is not null) execute function catalog.tg__audit_copy(%L)', v_table, v_kind);
    end if;
  end loop;
end
$$;
create or replace trigger _500_audit after insert or update or delete on app_public.resource_shares
  for each row execute function catalog.tg_resource_shares__audit();
create or replace trigger _200_append_only before update or delete on app_public.resource_sharing_audit
  for each row execute function catalog.tg_resource_sharing_audit__append_only();
create or replace trigger _210_append_only before truncate on app_public.resource_sharing_audit
  for each statement execute function catalog.tg_resource_sharing_audit__append_only();

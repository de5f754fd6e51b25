-- The audit of sharing: every change of who may use a resource, in the audit of the tenant that owns it. The idea: triggers
-- write it, so it also records what foreign keys and administrators in psql change.

call core.secure_tenant_table('app_public.resource_sharing_audit');
call audit.track('app_public.resource_sharing_audit');
call core.allow('app_public.resource_sharing_audit', read => 'can_view_audit');
grant select on app_public.resource_sharing_audit to rowhouse_user;
grant select, insert, update, delete on app_public.resource_sharing_audit to rowhouse_platform;
comment on table app_public.resource_sharing_audit is
  E'@large\n@foreignKey (user_id) references app_public.user_profiles (id)\n@behavior -insert -update -delete -query:resource:single\nEvery change of who may use this tenant''s resources, and every copy that another tenant made. Entries never change. Needs can_view_audit.';
comment on column app_public.resource_sharing_audit.occurred_at is 'When it happened.';
comment on column app_public.resource_sharing_audit.action is 'What happened.';
comment on column app_public.resource_sharing_audit.user_id is E'@personal pseudonymise\nWho did it; null when it was a person of the other tenant, or an administrator in psql.';
comment on column app_public.resource_sharing_audit.resource_kind is 'The kind of the resource.';
comment on column app_public.resource_sharing_audit.resource_id is 'The resource.';
comment on column app_public.resource_sharing_audit.resource_name is E'@notPersonal\nIts name at that time.';
comment on column app_public.resource_sharing_audit.from_mode is 'The sharing_mode before a mode_changed; null for other actions.';
comment on column app_public.resource_sharing_audit.to_mode is 'The sharing_mode after a mode_changed; null for other actions.';
comment on column app_public.resource_sharing_audit.other_tenant_id is 'The tenant that the share is for, or that made the copy.';
comment on column app_public.resource_sharing_audit.other_tenant_slug is 'Its slug at that time.';
comment on column app_public.resource_sharing_audit.grantee_user_id is E'@personal pseudonymise\nThe member that the share was for; null when it was for a whole tenant or a workspace.';
comment on column app_public.resource_sharing_audit.grantee_workspace_id is 'The workspace that the share was for; null when it was for a whole tenant or one member.';
comment on column app_public.resource_sharing_audit.expires_at is 'The end that the share had at that time.';

create or replace function catalog.tg_resource_sharing_audit__append_only() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  -- This is not a definer function, so that current_user is who deletes: retention runs as the platform. A row may also be
  -- deleted together with its tenant.
  if tg_op = 'DELETE' and (current_user = 'rowhouse_platform' or not exists (select from app_public.tenants t where t.id = old.tenant_id)) then
    return old;
  end if;
  perform core.raise_error('RS961', 'Entries of the sharing audit cannot be changed.', 'Retention removes old entries.');
end
$$;
comment on function catalog.tg_resource_sharing_audit__append_only is
  E'@errors RS961\nRefuses every change of the audit.';

set local role rowhouse_platform;  -- outside the wall: the owner's audit records what happens in another tenant: a copy, a declined share, a member who leaves
create or replace function catalog.record_sharing(entry app_public.resource_sharing_audit) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  execute format('select r.name from %s r where r.id = $1', catalog.resource_table((entry).resource_kind))
    into v_name using (entry).resource_id;
  insert into app_public.resource_sharing_audit (
    tenant_id, action, user_id, resource_kind, resource_id, resource_name, from_mode, to_mode,
    other_tenant_id, other_tenant_slug, grantee_user_id, grantee_workspace_id, expires_at)
  select t.id, (entry).action,
         -- the owner does not learn who acted in another tenant
         case when t.id = core.current_tenant_id() then core.current_user_id() end,
         (entry).resource_kind, (entry).resource_id, coalesce(v_name, ''), (entry).from_mode, (entry).to_mode,
         (entry).other_tenant_id, o.slug, (entry).grantee_user_id, (entry).grantee_workspace_id, (entry).expires_at
    -- a tenant that is being deleted has no audit any more, so nothing is written
    from app_public.tenants t
    left join app_public.tenants o on o.id = (entry).other_tenant_id
   where t.id = (entry).tenant_id;
end
$$;
comment on function catalog.record_sharing is
  'Writes an entry to the audit of the tenant that owns a resource, and fills in the user, the name of the resource and the slug of the other tenant.';

create or replace function catalog.tg__audit_sharing_mode() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_entry app_public.resource_sharing_audit;
begin
  v_entry.tenant_id := new.tenant_id;
  v_entry.action := 'mode_changed';
  v_entry.resource_kind := tg_argv[0];
  v_entry.resource_id := new.id;
  v_entry.from_mode := case tg_op when 'UPDATE' then to_jsonb(old) ->> 'sharing_mode' else 'private' end;
  v_entry.to_mode := new.sharing_mode;
  perform catalog.record_sharing(v_entry);
  return null;
end
$$;
comment on function catalog.tg__audit_sharing_mode is
  'Records a change of sharing_mode, whoever made it.';
grant execute on function catalog.tg__audit_sharing_mode to rowhouse_owner;

create or replace function catalog.tg__audit_copy() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_entry app_public.resource_sharing_audit;
begin
  v_entry.action := 'copied';
  v_entry.resource_kind := tg_argv[0];
  v_entry.resource_id := new.copied_from_id;
  v_entry.other_tenant_id := new.tenant_id;
  execute format('select r.tenant_id from %s r where r.id = $1', catalog.resource_table(v_entry.resource_kind))
    into v_entry.tenant_id using new.copied_from_id;
  if v_entry.tenant_id <> new.tenant_id then
    perform catalog.record_sharing(v_entry);
  end if;
  return null;
end
$$;
comment on function catalog.tg__audit_copy is
  'Records in the owner''s audit that another tenant made a copy of its resource.';
grant execute on function catalog.tg__audit_copy to rowhouse_owner;

create or replace function catalog.tg_resource_shares__audit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_share app_public.resource_shares := coalesce(new, old);
  v_entry app_public.resource_sharing_audit;
  v_action app_public.sharing_action;
begin
  v_entry.tenant_id := v_share.tenant_id;
  v_entry.resource_kind := v_share.resource_kind;
  v_entry.resource_id := v_share.resource_id;
  v_entry.other_tenant_id := v_share.grantee_tenant_id;
  v_entry.grantee_user_id := v_share.grantee_user_id;
  v_entry.grantee_workspace_id := v_share.grantee_workspace_id;
  v_entry.expires_at := v_share.expires_at;
  foreach v_action in array case tg_op
    when 'INSERT' then array['granted']
    when 'DELETE' then array['revoked']
    else array_remove(array[
      case when old.expires_at is distinct from new.expires_at then 'expiry_changed' end,
      case when old.declined_at is null and new.declined_at is not null then 'declined'
           when old.declined_at is not null and new.declined_at is null then 'accepted' end], null)
  end::app_public.sharing_action[] loop
    v_entry.action := v_action;
    perform catalog.record_sharing(v_entry);
  end loop;
  return null;
end
$$;
comment on function catalog.tg_resource_shares__audit is
  'Records that a share was created, changed, declined, accepted or revoked, whoever did it.';
grant execute on function catalog.tg_resource_shares__audit to rowhouse_owner;

set local role rowhouse_owner;

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
    -- knowledge sources cannot be copied
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

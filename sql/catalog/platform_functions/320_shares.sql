-- What the two sides of a share may know of each other, and the audit, which is always the owner's.

create or replace function app_private.share_grantee(tenant_slug text, user_email text, workspace_id uuid)
returns table (tenant_id uuid, user_id uuid, of_workspace_id uuid)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select t.id, m.user_id, w.id
      from app_public.tenants t
      left join (app_public.user_tenants m
        join app_public.user_profiles u on u.id = m.user_id and u.email = lower(trim(share_grantee.user_email))
          and u.is_active and u.deleted_at is null)
        on m.tenant_id = t.id and m.status = 'active'
      left join app_public.workspaces w on w.tenant_id = t.id and w.id = share_grantee.workspace_id and w.deleted_at is null
     where t.slug = lower(trim(share_grantee.tenant_slug)) and t.status in ('trial', 'active')
       and app_private.tenant_allows(t.resource_access_config, 'sharing.can_receive_shared')
       and (share_grantee.user_email is null) = (m.user_id is null)
       and (share_grantee.workspace_id is null) = (w.id is null);
end
$$;
comment on function app_private.share_grantee(text, text, uuid) is
  'Whom a grant would be for: a tenant that may receive, and the active member or the workspace of it when one is named. Nothing when any of it is not there.';
grant execute on function app_private.share_grantee(text, text, uuid) to rowhouse_owner;

create or replace function app_private.grantee_of(share_id uuid) returns table (slug text, name text, user_email text)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select t.slug, t.name, u.email
      from app_public.resource_shares s
      join app_public.tenants t on t.id = s.grantee_tenant_id
      left join app_public.user_profiles u on u.id = s.grantee_user_id
     where s.id = grantee_of.share_id and s.tenant_id = app_hidden.current_tenant_id();
end
$$;
comment on function app_private.grantee_of(uuid) is 'The names of whom this tenant granted a share to.';
grant execute on function app_private.grantee_of(uuid) to rowhouse_owner;

create or replace function app_public.received_shares() returns setof app_public.received_share
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select r.share_id, r.kind, r.id, r.name, r.sharing_mode, t.slug, t.name,
           s.grantee_user_id, s.grantee_workspace_id, s.created_at, s.expires_at, s.declined_at
      from (
        select 'agent'::app_public.resource_kind as kind, a.* from app_private.shared_agents(true) a
        union all select 'tool', a.* from app_private.shared_tools(true) a
        union all select 'prompt', a.* from app_private.shared_prompts(true) a
        union all select 'workflow', a.* from app_private.shared_workflows(true) a
        union all select 'knowledge_source', a.* from app_private.shared_knowledge_sources(true) a
      ) as r
      join app_public.tenants t on t.id = r.tenant_id
      left join app_public.resource_shares s on s.id = r.share_id
     order by r.kind, r.name, r.id, r.share_id;
end
$$;
comment on function app_public.received_shares() is
  'What other tenants share with this one and you may use, by which tenant and how long, and grants that were declined. One resource comes once for each way it reached you. With can_manage_settings also what is shared with single people and workspaces of this tenant.';
grant execute on function app_public.received_shares() to rowhouse_user;

create or replace function app_private.set_declined(share_id uuid, declined_at timestamptz) returns app_public.received_share
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_share app_public.resource_shares;
  v_received app_public.received_share;
begin
  select r.* into v_received from app_public.received_shares() r where r.share_id = set_declined.share_id;
  select s.* into v_share from app_public.resource_shares s where s.id = v_received.share_id for no key update;
  if v_share.id is null then
    perform app_private.raise_error('RS362', 'There is no such share.', 'received_shares lists them.');
  end if;
  if v_share.grantee_user_id is distinct from app_hidden.current_user_id() then
    perform app_private.require_permission('can_manage_settings');
  end if;
  if (v_share.declined_at is null) <> (set_declined.declined_at is null) then
    update app_public.resource_shares s set declined_at = set_declined.declined_at where s.id = v_share.id;
    v_received.declined_at := set_declined.declined_at;
  end if;
  return v_received;
end
$$;
comment on function app_private.set_declined(uuid, timestamptz) is
  'Declines a received share, or takes that back. RS362: none was received; ID203: it is not for you alone, and you do not manage this tenant''s settings.';
grant execute on function app_private.set_declined(uuid, timestamptz) to rowhouse_owner;

create or replace function app_private.record_sharing(
  kind app_public.resource_kind, tenant_id uuid, resource_id uuid, action app_public.sharing_action,
  from_mode text default null, to_mode text default null, other_tenant_id uuid default null, share app_public.resource_shares default null
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  execute format('select r.name from %s r where r.id = $1', app_private.resource_table(record_sharing.kind))
    into v_name using record_sharing.resource_id;
  insert into app_public.resource_sharing_audit (
    tenant_id, action, user_id, resource_kind, resource_id, resource_name, from_mode, to_mode,
    other_tenant_id, other_tenant_slug, grantee_user_id, grantee_workspace_id, expires_at)
  select t.id, record_sharing.action,
         -- people of the other side stay unknown
         case when t.id = app_hidden.current_tenant_id() then app_hidden.current_user_id() end,
         record_sharing.kind, record_sharing.resource_id, coalesce(v_name, ''), record_sharing.from_mode, record_sharing.to_mode,
         record_sharing.other_tenant_id, o.slug, (share).grantee_user_id, (share).grantee_workspace_id, (share).expires_at
    -- of a tenant that is deleted nothing is left to record
    from app_public.tenants t
    left join app_public.tenants o on o.id = record_sharing.other_tenant_id
   where t.id = record_sharing.tenant_id;
end
$$;
comment on function app_private.record_sharing(app_public.resource_kind, uuid, uuid, app_public.sharing_action, text, text, uuid, app_public.resource_shares) is
  'Writes to the audit of the tenant that owns a resource.';

create or replace function app_private.tg__audit_sharing_mode() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.record_sharing(tg_argv[0]::app_public.resource_kind, new.tenant_id, new.id, 'mode_changed',
    case tg_op when 'UPDATE' then to_jsonb(old) ->> 'sharing_mode' else 'private' end, new.sharing_mode);
  return null;
end
$$;
comment on function app_private.tg__audit_sharing_mode() is 'Records that a resource came to another sharing_mode, whoever wrote it.';

create or replace function app_private.tg__audit_copy() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_owner_id uuid;
begin
  execute format('select r.tenant_id from %s r where r.id = $1', app_private.resource_table(tg_argv[0]::app_public.resource_kind))
    into v_owner_id using new.copied_from_id;
  if v_owner_id <> new.tenant_id then
    perform app_private.record_sharing(tg_argv[0]::app_public.resource_kind, v_owner_id, new.copied_from_id, 'copied',
      other_tenant_id => new.tenant_id);
  end if;
  return null;
end
$$;
comment on function app_private.tg__audit_copy() is 'Records in the owner''s audit that another tenant made a copy.';

create or replace function app_private.tg_resource_shares__audit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_share app_public.resource_shares := coalesce(new, old);
begin
  perform app_private.record_sharing(v_share.resource_kind, v_share.tenant_id, v_share.resource_id, action,
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
comment on function app_private.tg_resource_shares__audit() is 'Records that a grant was given, changed, declined, accepted or taken back, whoever wrote it.';

grant execute on function app_private.tg__audit_sharing_mode(), app_private.tg__audit_copy(), app_private.tg_resource_shares__audit()
  to rowhouse_owner;

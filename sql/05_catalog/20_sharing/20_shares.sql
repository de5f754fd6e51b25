-- The owner's side of sharing: share, revoke, and set the sharing_mode. The idea: every function locks the resource's row
-- first and changes shares and mode under that lock, so that the two never contradict each other.

create or replace function catalog.lock_own_resource(kind app_public.resource_kind, id uuid, is_to_be_shared boolean)
returns text
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_mode text;
  v_is_on boolean;
begin
  perform tenancy.require_permission('can_share_resources');
  if lock_own_resource.kind is not null then
    execute format(
      'select r.sharing_mode, %s and r.status::text in (''active'', ''deprecated'') from %s r
        where r.id = $1 and r.tenant_id = $2 and (r.deleted_at is null or not $3)
          for no key update',
      catalog.resource_switch(lock_own_resource.kind), catalog.resource_table(lock_own_resource.kind))
      into v_mode, v_is_on
      using lock_own_resource.id, core.current_tenant_id(), lock_own_resource.is_to_be_shared;
  end if;
  if v_mode is null then
    perform catalog.raise_no_such_resource(lock_own_resource.kind);
  end if;
  if lock_own_resource.is_to_be_shared then
    if not (select catalog.tenant_allows(t.resource_access_config, 'sharing.can_share_resources')
              from app_public.tenants t where t.id = core.current_tenant_id()) then
      perform core.raise_error('RS261', 'This tenant does not share resources.',
        'Ask an administrator of the tenant: its resource_access_config sets sharing.can_share_resources to false.');
    end if;
    if not v_is_on then
      perform core.raise_error('RS561', 'The resource is off, or its status is neither active nor deprecated, so nobody it is shared with would see it.',
        'Switch it on and set its status to active, then share it.');
    end if;
  end if;
  return v_mode;
end
$$;
comment on function catalog.lock_own_resource is
  E'@errors ID203 RS301 RS261 RS561\nLocks the row of a resource of this tenant until the end of the transaction and returns its sharing_mode.';

create or replace function catalog.write_sharing_mode(kind app_public.resource_kind, id uuid, mode app_public.sharing_mode) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  execute format('update %s r set sharing_mode = $1 where r.id = $2 and r.tenant_id = $3 and r.sharing_mode <> $1',
    catalog.resource_table(write_sharing_mode.kind))
    using write_sharing_mode.mode, write_sharing_mode.id, core.current_tenant_id();
end
$$;
comment on function catalog.write_sharing_mode is
  'Writes the sharing_mode of a resource of this tenant. The caller holds the lock on its row.';

create or replace function catalog.has_shares(kind app_public.resource_kind, id uuid) returns boolean
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.resource_shares s
     where s.tenant_id = core.current_tenant_id() and s.resource_kind = has_shares.kind and s.resource_id = has_shares.id);
end
$$;
comment on function catalog.has_shares is
  'Whether a resource of this tenant has any share, including expired ones.';

create or replace function app_public.share_resource(
  kind app_public.resource_kind, resource_id uuid, tenant_slug text, user_email text default null, workspace_id uuid default null,
  expires_at timestamptz default null
) returns app_public.resource_shares
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_mode text := catalog.lock_own_resource(share_resource.kind, share_resource.resource_id, true);
  v_grantee record;
  v_share app_public.resource_shares;
begin
  if share_resource.expires_at <= core.clock() then
    perform core.raise_error('RS461', 'expires_at is in the past.', 'Choose a time in the future, or leave it out for a share without an end.');
  end if;
  if num_nonnulls(share_resource.user_email, share_resource.workspace_id) > 1 then
    perform core.raise_error('RS462', 'A share is for a user or for a workspace, not for both.', 'Create two shares.');
  end if;
  if lower(trim(share_resource.tenant_slug)) = (select t.slug from app_public.tenants t where t.id = core.current_tenant_id()) then
    perform core.raise_error('RS463', 'The members of this tenant see the resource already.', 'Name another tenant.');
  end if;
  select * into v_grantee
    from catalog.share_grantee(share_resource.tenant_slug, share_resource.user_email, share_resource.workspace_id);
  if not found then
    perform core.raise_error('RS361', 'There is no such tenant, member or workspace, or the tenant does not receive shared resources.',
      'Ask them for the slug of their tenant, the member''s e-mail or the id of the workspace.');
  end if;
  insert into app_public.resource_shares as s (
    resource_kind, resource_id, grantee_tenant_id, grantee_user_id, grantee_workspace_id, expires_at)
  values (share_resource.kind, share_resource.resource_id, v_grantee.tenant_id, v_grantee.user_id, v_grantee.of_workspace_id,
          share_resource.expires_at)
  on conflict (tenant_id, resource_kind, resource_id, grantee_tenant_id, grantee_user_id, grantee_workspace_id)
    do update set expires_at = excluded.expires_at
  returning * into v_share;
  if v_mode = 'private' then
    perform catalog.write_sharing_mode(share_resource.kind, share_resource.resource_id, 'selected');
  end if;
  return v_share;
end
$$;
comment on function app_public.share_resource is
  E'@resultFieldName share\n@errors RS301 RS261 RS361 RS461 RS462 RS463 RS561 ID203\nShares a resource of this tenant with another tenant, or with one member (by e-mail) or one workspace of that tenant, until the share expires or is revoked. The grantee can use and copy the resource, but neither change it nor share it further. Sharing it again with the same grantee only changes expires_at. A private resource becomes selected; a resource in mode subtree or platform keeps its mode and has the share as well. Needs can_share_resources.';
grant execute on function app_public.share_resource to rowhouse_user;

create or replace function app_public.revoke_share(id uuid) returns app_public.resource_shares
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_share app_public.resource_shares;
  v_mode text;
begin
  perform tenancy.require_permission('can_share_resources');
  select * into v_share from app_public.resource_shares s where s.tenant_id = core.current_tenant_id() and s.id = revoke_share.id;
  if found then
    v_mode := catalog.lock_own_resource(v_share.resource_kind, v_share.resource_id, false);
    delete from app_public.resource_shares s where s.tenant_id = v_share.tenant_id and s.id = v_share.id returning * into v_share;
  end if;
  if not found then
    perform core.raise_error('RS362', 'There is no such share.', 'List the shares of this tenant.');
  end if;
  if v_mode = 'selected' and not catalog.has_shares(v_share.resource_kind, v_share.resource_id) then
    perform catalog.write_sharing_mode(v_share.resource_kind, v_share.resource_id, 'private');
  end if;
  return v_share;
end
$$;
comment on function app_public.revoke_share is
  E'@resultFieldName share\n@errors RS362 ID203\nRevokes a share. From the next statement on, the grantee finds the resource neither in lists nor by its id nor in searches. Copies that the grantee made remain. A selected resource becomes private when its last share is revoked. Needs can_share_resources.';
grant execute on function app_public.revoke_share to rowhouse_user;

create or replace function app_public.revoke_shares(kind app_public.resource_kind, resource_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_mode text := catalog.lock_own_resource(revoke_shares.kind, revoke_shares.resource_id, false);
  v_count int;
begin
  delete from app_public.resource_shares s
   where s.tenant_id = core.current_tenant_id() and s.resource_kind = revoke_shares.kind and s.resource_id = revoke_shares.resource_id;
  get diagnostics v_count = row_count;
  if v_mode = 'selected' then
    perform catalog.write_sharing_mode(revoke_shares.kind, revoke_shares.resource_id, 'private');
  end if;
  return v_count;
end
$$;
comment on function app_public.revoke_shares is
  E'@resultFieldName count\n@errors RS301 ID203\nRevokes all shares of a resource and returns how many there were. A selected resource becomes private. A resource in mode subtree or platform keeps its mode; set_sharing_mode changes that. Needs can_share_resources.';
grant execute on function app_public.revoke_shares to rowhouse_user;

create or replace function app_public.set_sharing_mode(kind app_public.resource_kind, resource_id uuid, mode app_public.sharing_mode) returns app_public.sharing_mode
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform catalog.lock_own_resource(set_sharing_mode.kind, set_sharing_mode.resource_id, set_sharing_mode.mode is distinct from 'private');
  if set_sharing_mode.mode is null then
    perform core.raise_error('RS464', 'mode is missing.', 'Name private, selected, subtree or platform.');
  end if;
  if set_sharing_mode.mode = 'platform' and not tenancy.is_platform_admin()
    and not exists (select from app_public.tenants t where t.id = core.current_tenant_id() and t.type = 'platform') then
    perform core.raise_error('RS262', 'Only the platform tenant and its staff share a resource with every tenant.',
      'Share it with the tenants that need it, or use the mode subtree for the tenants below yours.');
  end if;
  if set_sharing_mode.mode = 'private' then
    perform app_public.revoke_shares(set_sharing_mode.kind, set_sharing_mode.resource_id);
  elsif set_sharing_mode.mode = 'selected' and not catalog.has_shares(set_sharing_mode.kind, set_sharing_mode.resource_id) then
    perform core.raise_error('RS562', 'The resource has no shares, so it cannot be in mode selected.', 'Share it with someone by share_resource, which sets the mode.');
  end if;
  perform catalog.write_sharing_mode(set_sharing_mode.kind, set_sharing_mode.resource_id, set_sharing_mode.mode);
  return set_sharing_mode.mode;
end
$$;
comment on function app_public.set_sharing_mode is
  E'@resultFieldName sharingMode\n@errors RS301 RS261 RS262 RS464 RS561 RS562 ID203\nSets who beyond this tenant may use a resource. private: nobody, and all shares are revoked. selected: those it is shared with; share_resource sets this mode by itself. subtree: all tenants below this one in the hierarchy, as it is at any moment. platform: every tenant; only the platform tenant and its staff can set it. Shares are in force in every mode except private. Needs can_share_resources.';
grant execute on function app_public.set_sharing_mode to rowhouse_user;

-- The computed column shared_with of each kind. It is empty for grantees, because only the owner sees shares.
do $do$
declare
  v_kind app_public.resource_kind;
  v_table regclass;
  v_name text;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    v_table := catalog.resource_table(v_kind);
    v_name := split_part(v_table::text, '.', 2) || '_shared_with';
    execute format($sql$
      create or replace function app_public.%1$s(resource %2$s) returns uuid[]
      language sql stable security definer
      set search_path to pg_catalog, pg_temp
      as $$
        select array(
          select distinct s.grantee_tenant_id from app_public.resource_shares s
           where s.tenant_id = core.current_tenant_id() and s.resource_kind = '%3$s' and s.resource_id = (resource).id
             and (s.expires_at is null or s.expires_at > core.clock())
           order by 1);
      $$;
      grant execute on function app_public.%1$s to rowhouse_user;
      $sql$, v_name, v_table, v_kind);
    execute format('comment on function app_public.%s is %L', v_name,
      'The tenants that it is shared with, without expired shares; resource_shares has the details. Only the owner sees this list; it is empty for other tenants.');
  end loop;
end
$do$;

set local role rowhouse_platform;  -- outside the wall: it finds the grantee of a new share by the slug of its tenant, and nothing when that tenant does not receive shared resources

create or replace function catalog.share_grantee(tenant_slug text, user_email text, workspace_id uuid)
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
        join app_public.user_profiles u on u.id = m.user_id and u.email = core.fold_email(share_grantee.user_email)
          and u.is_active and u.deleted_at is null)
        on m.tenant_id = t.id and m.status = 'active'
      left join app_public.workspaces w on w.tenant_id = t.id and w.id = share_grantee.workspace_id and w.deleted_at is null
     where t.slug = lower(trim(share_grantee.tenant_slug)) and tenancy.is_open(t.status, t.ancestor_ids)
       and catalog.tenant_allows(t.resource_access_config, 'sharing.can_receive_shared')
       and (share_grantee.user_email is null) = (m.user_id is null)
       and (share_grantee.workspace_id is null) = (w.id is null);
end
$$;
comment on function catalog.share_grantee is
  'The grantee of a new share: a tenant that receives shared resources, and its active member or its workspace when one is named. No row when any of them does not exist.';
grant execute on function catalog.share_grantee to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: it tells the tenant that created a share the names of its grantee
create or replace function catalog.grantee_of(share_id uuid) returns table (slug text, name text, user_email text)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select t.slug, t.name, u.email
      from app_public.resource_shares s
      join app_public.tenants t on t.id = s.grantee_tenant_id
      left join app_public.user_profiles u on u.id = s.grantee_user_id
     where s.id = grantee_of.share_id and s.tenant_id = core.current_tenant_id();
end
$$;
comment on function catalog.grantee_of is
  'The names of the grantee of a share that this tenant created.';
grant execute on function catalog.grantee_of to rowhouse_owner;

set local role rowhouse_owner;

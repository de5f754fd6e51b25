-- The owner's side of sharing. Every function locks the resource's row first and changes the grants and the mode under
-- that lock, so that mode and grants never contradict each other, and a copy is made before a revocation or not at all.

-- Shares and their audit are the owner's: a recipient reads app_public.received_shares(). Only functions write.
call core.secure_tenant_table('app_public.resource_shares');
call core.allow('app_public.resource_shares', read => 'member');
grant select on app_public.resource_shares to rowhouse_user;
grant select, insert, update, delete on app_public.resource_shares to rowhouse_platform;
comment on table app_public.resource_shares is
  E'@behavior -insert -update -delete\nWho beyond this tenant may use which of its resources: another tenant, or one member or workspace of it. share_resource and revoke_share write it; received_shares is the other side.';
comment on column app_public.resource_shares.resource_kind is 'What kind of thing is shared.';
comment on column app_public.resource_shares.resource_id is 'What is shared.';
comment on column app_public.resource_shares.grantee_tenant_id is 'The tenant it is shared with.';
comment on column app_public.resource_shares.grantee_user_id is 'The one member it is shared with, null when it is not so narrow.';
comment on column app_public.resource_shares.grantee_workspace_id is 'The workspace whose members it is shared with, null when it is not so narrow.';
comment on column app_public.resource_shares.expires_at is 'Until when, null without end.';
comment on column app_public.resource_shares.declined_at is 'When the other side declined it, null when it did not.';
comment on column app_public.resource_shares.created_by_user_id is 'Who shared it.';
comment on column app_public.resource_shares.created_at is 'When it was shared.';
comment on column app_public.resource_shares.updated_at is 'When the share last changed.';

-- compared as JSON: only a plain false switches off. Parsed at creation, so that it is inlined where it is asked per row
create or replace function catalog.tenant_allows(config jsonb, key text) returns boolean
language sql immutable parallel safe
return (config #> string_to_array(key, '.')) is distinct from 'false'::jsonb;
comment on function catalog.tenant_allows is
  'Whether a tenant''s resource_access_config leaves this on, such as sharing.can_receive_shared: everything is on that is not switched off.';
grant execute on function catalog.tenant_allows to rowhouse_platform;

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
    perform core.raise_error('RS301', 'There is no such resource in this tenant.',
      'List those of this tenant. What others share with you is theirs to share.');
  end if;
  if lock_own_resource.is_to_be_shared then
    if not (select catalog.tenant_allows(t.resource_access_config, 'sharing.can_share_resources')
              from app_public.tenants t where t.id = core.current_tenant_id()) then
      perform core.raise_error('RS261', 'This tenant does not share resources.',
        'Its resource_access_config switches sharing.can_share_resources off.');
    end if;
    if not v_is_on then
      perform core.raise_error('RS561', 'It is switched off, or neither active nor deprecated: nobody it is shared with would see it.',
        'Switch it on and make it active, then share it.');
    end if;
  end if;
  return v_mode;
end
$$;
comment on function catalog.lock_own_resource is
  E'@errors ID203 RS301 RS261 RS561\nThe sharing_mode of a resource of this tenant, its row locked until the end of the transaction.';

create or replace function catalog.set_mode(kind app_public.resource_kind, id uuid, mode text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  execute format('update %s r set sharing_mode = $1 where r.id = $2 and r.tenant_id = $3 and r.sharing_mode <> $1',
    catalog.resource_table(set_mode.kind))
    using set_mode.mode, set_mode.id, core.current_tenant_id();
end
$$;
comment on function catalog.set_mode is
  'Writes the sharing_mode of a locked resource of this tenant.';

create or replace function catalog.has_grants(kind app_public.resource_kind, id uuid) returns boolean
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.resource_shares s
     where s.tenant_id = core.current_tenant_id() and s.resource_kind = has_grants.kind and s.resource_id = has_grants.id);
end
$$;
comment on function catalog.has_grants is
  'Whether a resource of this tenant was granted to anyone, expired grants included.';

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
    perform core.raise_error('RS461', 'expires_at has passed.', 'Give a time to come, or none.');
  end if;
  if num_nonnulls(share_resource.user_email, share_resource.workspace_id) > 1 then
    perform core.raise_error('RS462', 'A share is for a user or for a workspace, not for both.', 'Share twice.');
  end if;
  if lower(trim(share_resource.tenant_slug)) = (select t.slug from app_public.tenants t where t.id = core.current_tenant_id()) then
    perform core.raise_error('RS463', 'This tenant''s own members see it already.', 'Name another tenant.');
  end if;
  select * into v_grantee
    from catalog.share_grantee(share_resource.tenant_slug, share_resource.user_email, share_resource.workspace_id);
  if not found then
    perform core.raise_error('RS361', 'There is no such tenant, member or workspace to share with, or it receives nothing.',
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
    perform catalog.set_mode(share_resource.kind, share_resource.resource_id, 'selected');
  end if;
  return v_share;
end
$$;
comment on function app_public.share_resource is
  E'@resultFieldName share\n@errors RS301 RS261 RS361 RS461 RS462 RS463 RS561 ID203\nShares a resource of this tenant with another tenant, named by its slug, or with one member (by e-mail) or one workspace of it, until it is revoked or expires. They can use and copy it, not change it or share it on. Sharing it again with the same grantee only changes expires_at. A private resource becomes selected; with subtree or platform the grant holds besides. can_share_resources.';
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
  if v_mode = 'selected' and not catalog.has_grants(v_share.resource_kind, v_share.resource_id) then
    perform catalog.set_mode(v_share.resource_kind, v_share.resource_id, 'private');
  end if;
  return v_share;
end
$$;
comment on function app_public.revoke_share is
  E'@resultFieldName share\n@errors RS362 ID203\nTakes a share back, at once: with the next statement the grantee finds the resource neither in lists nor by its id nor in searches. Copies that were made stay. With its last share a selected resource becomes private. can_share_resources.';
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
    perform catalog.set_mode(revoke_shares.kind, revoke_shares.resource_id, 'private');
  end if;
  return v_count;
end
$$;
comment on function app_public.revoke_shares is
  E'@resultFieldName count\n@errors RS301 ID203\nTakes back all shares of a resource and returns how many; a selected one becomes private. What is shared with the subtree or the platform stays so: set_sharing_mode ends that. can_share_resources.';
grant execute on function app_public.revoke_shares to rowhouse_user;

create or replace function app_public.set_sharing_mode(kind app_public.resource_kind, resource_id uuid, mode text) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform catalog.lock_own_resource(set_sharing_mode.kind, set_sharing_mode.resource_id, set_sharing_mode.mode is distinct from 'private');
  if coalesce(set_sharing_mode.mode not in ('private', 'selected', 'subtree', 'platform'), true) then
    perform core.raise_error('RS464', 'mode must be private, selected, subtree or platform.', 'Name one of these.');
  end if;
  if set_sharing_mode.mode = 'platform' and not tenancy.is_platform_admin()
    and not exists (select from app_public.tenants t where t.id = core.current_tenant_id() and t.type = 'platform') then
    perform core.raise_error('RS262', 'Only the platform shares with every tenant.',
      'Share it with the tenants that need it, or with those below yours by mode subtree.');
  end if;
  if set_sharing_mode.mode = 'private' then
    perform app_public.revoke_shares(set_sharing_mode.kind, set_sharing_mode.resource_id);
  elsif set_sharing_mode.mode = 'selected' and not catalog.has_grants(set_sharing_mode.kind, set_sharing_mode.resource_id) then
    perform core.raise_error('RS562', 'Nobody is selected.', 'share_resource shares it with someone.');
  end if;
  perform catalog.set_mode(set_sharing_mode.kind, set_sharing_mode.resource_id, set_sharing_mode.mode);
  return set_sharing_mode.mode;
end
$$;
comment on function app_public.set_sharing_mode is
  E'@resultFieldName sharingMode\n@errors RS301 RS261 RS262 RS464 RS561 RS562 ID203\nSays who beyond this tenant may use a resource: private nobody, which takes all shares back; selected those it was shared with (share_resource does that by itself); subtree all tenants below this one, as the hierarchy is at any moment; platform every tenant, for the platform tenant and its staff only. Shares hold in every mode but private. can_share_resources.';
grant execute on function app_public.set_sharing_mode to rowhouse_user;

-- Whom a resource is shared with, by the seeds' name for it. The wall empties it for recipients.
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
      grant execute on function app_public.%1$s(%2$s) to rowhouse_user;
      $sql$, v_name, v_table, v_kind);
    execute format('comment on function app_public.%s(%s) is %L', v_name, v_table,
      'The tenants that hold a share of it which has not expired; resource_shares has the details. Empty for those it is shared with: that is the owner''s business.');
  end loop;
end
$do$;

set local role rowhouse_platform;  -- outside the wall: whom a grant would be for, by slug; nothing when that tenant receives nothing
-- What the two sides of a share may know of each other, and the audit, which is always the owner's.

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
        join app_public.user_profiles u on u.id = m.user_id and u.email = lower(trim(share_grantee.user_email))
          and u.is_active and u.deleted_at is null)
        on m.tenant_id = t.id and m.status = 'active'
      left join app_public.workspaces w on w.tenant_id = t.id and w.id = share_grantee.workspace_id and w.deleted_at is null
     where t.slug = lower(trim(share_grantee.tenant_slug)) and t.status in ('trial', 'active')
       and catalog.tenant_allows(t.resource_access_config, 'sharing.can_receive_shared')
       and (share_grantee.user_email is null) = (m.user_id is null)
       and (share_grantee.workspace_id is null) = (w.id is null);
end
$$;
comment on function catalog.share_grantee is
  'Whom a grant would be for: a tenant that may receive, and the active member or the workspace of it when one is named. Nothing when any of it is not there.';
grant execute on function catalog.share_grantee to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: the names behind a grant, for the tenant that gave it
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
  'The names of whom this tenant granted a share to.';
grant execute on function catalog.grantee_of to rowhouse_owner;

set local role rowhouse_owner;

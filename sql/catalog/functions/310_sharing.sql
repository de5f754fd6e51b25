-- The owner's side of sharing. Every function locks the resource's row first and changes the grants and the mode under
-- that lock, so that mode and grants never contradict each other, and a copy is made before a revocation or not at all.

create or replace function app_private.resource_switch(kind app_public.resource_kind) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case resource_switch.kind when 'agent' then 'r.is_active' when 'prompt' then 'true' else 'r.enabled' end;
$$;
comment on function app_private.resource_switch(app_public.resource_kind) is
  'The switch of a kind, as SQL of the row r. A resource is on when its switch is and its status is active or deprecated.';
grant execute on function app_private.resource_table(app_public.resource_kind), app_private.resource_switch(app_public.resource_kind)
  to rowhouse_platform;

-- compared as JSON: only a plain false switches off. Parsed at creation, so that it is inlined where it is asked per row
create or replace function app_private.tenant_allows(config jsonb, key text) returns boolean
language sql immutable parallel safe
return (config #> string_to_array(key, '.')) is distinct from 'false'::jsonb;
comment on function app_private.tenant_allows(jsonb, text) is
  'Whether a tenant''s resource_access_config leaves this on, such as sharing.can_receive_shared: everything is on that is not switched off.';
grant execute on function app_private.tenant_allows(jsonb, text) to rowhouse_platform;

create or replace function app_private.lock_own_resource(kind app_public.resource_kind, id uuid, is_to_be_shared boolean)
returns text
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_mode text;
  v_is_on boolean;
begin
  perform app_private.require_permission('can_share_resources');
  if lock_own_resource.kind is not null then
    execute format(
      'select r.sharing_mode, %s and r.status::text in (''active'', ''deprecated'') from %s r
        where r.id = $1 and r.tenant_id = $2 and (r.deleted_at is null or not $3)
          for no key update',
      app_private.resource_switch(lock_own_resource.kind), app_private.resource_table(lock_own_resource.kind))
      into v_mode, v_is_on
      using lock_own_resource.id, app_hidden.current_tenant_id(), lock_own_resource.is_to_be_shared;
  end if;
  if v_mode is null then
    perform app_private.raise_error('RS301', 'There is no such resource in this tenant.',
      'List those of this tenant. What others share with you is theirs to share.');
  end if;
  if lock_own_resource.is_to_be_shared then
    if not (select app_private.tenant_allows(t.resource_access_config, 'sharing.can_share_resources')
              from app_public.tenants t where t.id = app_hidden.current_tenant_id()) then
      perform app_private.raise_error('RS261', 'This tenant does not share resources.',
        'Its resource_access_config switches sharing.can_share_resources off.');
    end if;
    if not v_is_on then
      perform app_private.raise_error('RS561', 'It is switched off, or neither active nor deprecated: nobody it is shared with would see it.',
        'Switch it on and make it active, then share it.');
    end if;
  end if;
  return v_mode;
end
$$;
comment on function app_private.lock_own_resource(app_public.resource_kind, uuid, boolean) is
  'The sharing_mode of a resource of this tenant, its row locked until the end of the transaction. ID203: you may not share; RS301: there is none; and where it is to be shared: RS261: the tenant may not; RS561: it is not on.';

create or replace function app_private.set_mode(kind app_public.resource_kind, id uuid, mode text) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  execute format('update %s r set sharing_mode = $1 where r.id = $2 and r.tenant_id = $3 and r.sharing_mode <> $1',
    app_private.resource_table(set_mode.kind))
    using set_mode.mode, set_mode.id, app_hidden.current_tenant_id();
end
$$;
comment on function app_private.set_mode(app_public.resource_kind, uuid, text) is 'Writes the sharing_mode of a locked resource of this tenant.';

create or replace function app_private.has_grants(kind app_public.resource_kind, id uuid) returns boolean
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.resource_shares s
     where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = has_grants.kind and s.resource_id = has_grants.id);
end
$$;
comment on function app_private.has_grants(app_public.resource_kind, uuid) is 'Whether a resource of this tenant was granted to anyone, expired grants included.';

create or replace function app_public.share_resource(
  kind app_public.resource_kind, resource_id uuid, tenant_slug text, user_email text default null, workspace_id uuid default null,
  expires_at timestamptz default null
) returns app_public.resource_shares
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_mode text := app_private.lock_own_resource(share_resource.kind, share_resource.resource_id, true);
  v_grantee record;
  v_share app_public.resource_shares;
begin
  if share_resource.expires_at <= app_hidden.clock() then
    perform app_private.raise_error('RS461', 'expires_at has passed.', 'Give a time to come, or none.');
  end if;
  if num_nonnulls(share_resource.user_email, share_resource.workspace_id) > 1 then
    perform app_private.raise_error('RS462', 'A share is for a user or for a workspace, not for both.', 'Share twice.');
  end if;
  if lower(trim(share_resource.tenant_slug)) = (select t.slug from app_public.tenants t where t.id = app_hidden.current_tenant_id()) then
    perform app_private.raise_error('RS463', 'This tenant''s own members see it already.', 'Name another tenant.');
  end if;
  select * into v_grantee
    from app_private.share_grantee(share_resource.tenant_slug, share_resource.user_email, share_resource.workspace_id);
  if not found then
    perform app_private.raise_error('RS361', 'There is no such tenant, member or workspace to share with, or it receives nothing.',
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
    perform app_private.set_mode(share_resource.kind, share_resource.resource_id, 'selected');
  end if;
  return v_share;
end
$$;
comment on function app_public.share_resource(app_public.resource_kind, uuid, text, text, uuid, timestamptz) is
  E'@resultFieldName share\nShares a resource of this tenant with another tenant, named by its slug, or with one member (by e-mail) or one workspace of it, until it is revoked or expires. They can use and copy it, not change it or share it on. Sharing it again with the same grantee only changes expires_at. A private resource becomes selected; with subtree or platform the grant holds besides. can_share_resources. RS301: no such resource; RS261: this tenant shares nothing; RS361: no such grantee, or it receives nothing, one error for both; RS461: expires_at has passed; RS462: both a member and a workspace; RS463: it is this tenant; RS561: it is not switched on and active; ID203: your permissions do not allow it.';

create or replace function app_public.revoke_share(id uuid) returns app_public.resource_shares
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_share app_public.resource_shares;
  v_mode text;
begin
  perform app_private.require_permission('can_share_resources');
  select * into v_share from app_public.resource_shares s where s.tenant_id = app_hidden.current_tenant_id() and s.id = revoke_share.id;
  if found then
    v_mode := app_private.lock_own_resource(v_share.resource_kind, v_share.resource_id, false);
    delete from app_public.resource_shares s where s.tenant_id = v_share.tenant_id and s.id = v_share.id returning * into v_share;
  end if;
  if not found then
    perform app_private.raise_error('RS362', 'There is no such share.', 'List the shares of this tenant.');
  end if;
  if v_mode = 'selected' and not app_private.has_grants(v_share.resource_kind, v_share.resource_id) then
    perform app_private.set_mode(v_share.resource_kind, v_share.resource_id, 'private');
  end if;
  return v_share;
end
$$;
comment on function app_public.revoke_share(uuid) is
  E'@resultFieldName share\nTakes a share back, at once: with the next statement the grantee finds the resource neither in lists nor by its id nor in searches. Copies that were made stay. With its last share a selected resource becomes private. can_share_resources. RS362: there is no such share; ID203: your permissions do not allow it.';

create or replace function app_public.revoke_shares(kind app_public.resource_kind, resource_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_mode text := app_private.lock_own_resource(revoke_shares.kind, revoke_shares.resource_id, false);
  v_count int;
begin
  delete from app_public.resource_shares s
   where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = revoke_shares.kind and s.resource_id = revoke_shares.resource_id;
  get diagnostics v_count = row_count;
  if v_mode = 'selected' then
    perform app_private.set_mode(revoke_shares.kind, revoke_shares.resource_id, 'private');
  end if;
  return v_count;
end
$$;
comment on function app_public.revoke_shares(app_public.resource_kind, uuid) is
  E'@resultFieldName count\nTakes back all shares of a resource and returns how many; a selected one becomes private. What is shared with the subtree or the platform stays so: set_sharing_mode ends that. can_share_resources. RS301: no such resource; ID203: your permissions do not allow it.';

create or replace function app_public.set_sharing_mode(kind app_public.resource_kind, resource_id uuid, mode text) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.lock_own_resource(set_sharing_mode.kind, set_sharing_mode.resource_id, set_sharing_mode.mode is distinct from 'private');
  if coalesce(set_sharing_mode.mode not in ('private', 'selected', 'subtree', 'platform'), true) then
    perform app_private.raise_error('RS464', 'mode must be private, selected, subtree or platform.', 'Name one of these.');
  end if;
  if set_sharing_mode.mode = 'platform' and not app_hidden.is_platform_admin()
    and not exists (select from app_public.tenants t where t.id = app_hidden.current_tenant_id() and t.type = 'platform') then
    perform app_private.raise_error('RS262', 'Only the platform shares with every tenant.',
      'Share it with the tenants that need it, or with those below yours by mode subtree.');
  end if;
  if set_sharing_mode.mode = 'private' then
    perform app_public.revoke_shares(set_sharing_mode.kind, set_sharing_mode.resource_id);
  elsif set_sharing_mode.mode = 'selected' and not app_private.has_grants(set_sharing_mode.kind, set_sharing_mode.resource_id) then
    perform app_private.raise_error('RS562', 'Nobody is selected.', 'share_resource shares it with someone.');
  end if;
  perform app_private.set_mode(set_sharing_mode.kind, set_sharing_mode.resource_id, set_sharing_mode.mode);
  return set_sharing_mode.mode;
end
$$;
comment on function app_public.set_sharing_mode(app_public.resource_kind, uuid, text) is
  E'@resultFieldName sharingMode\nSays who beyond this tenant may use a resource: private nobody, which takes all shares back; selected those it was shared with (share_resource does that by itself); subtree all tenants below this one, as the hierarchy is at any moment; platform every tenant, for the platform tenant and its staff only. Shares hold in every mode but private. can_share_resources. RS301: no such resource; RS261: this tenant shares nothing; RS262: platform is not for you; RS464: no such mode; RS561: it is not switched on and active; RS562: nobody is selected; ID203: your permissions do not allow it.';

grant execute on function
  app_public.share_resource(app_public.resource_kind, uuid, text, text, uuid, timestamptz), app_public.revoke_share(uuid),
  app_public.revoke_shares(app_public.resource_kind, uuid), app_public.set_sharing_mode(app_public.resource_kind, uuid, text)
to rowhouse_user;

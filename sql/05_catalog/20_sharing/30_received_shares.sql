-- The grantee's side of sharing: the list of what a tenant received, and declining a share. The idea: a grantee never reads
-- the owner's rows; it gets a copy of what it may know, app_public.received_share.

comment on type app_public.received_share is 'A resource that another tenant shares with this one.';
comment on column app_public.received_share.share_id is 'The share, for decline_share and accept_share; null for a resource in mode subtree or platform.';
comment on column app_public.received_share.resource_kind is E'@notNull\nThe kind of the resource.';
comment on column app_public.received_share.resource_id is E'@notNull\nThe id of the resource, to read it with.';
comment on column app_public.received_share.resource_name is E'@notNull\nThe name of the resource.';
comment on column app_public.received_share.sharing_mode is E'@notNull\nHow it is shared: selected, subtree or platform.';
comment on column app_public.received_share.from_tenant_slug is E'@notNull\nThe slug of the tenant it belongs to.';
comment on column app_public.received_share.from_tenant_name is E'@notNull\nThe name of the tenant it belongs to.';
comment on column app_public.received_share.grantee_user_id is 'The member it is shared with; null when it is shared with the whole tenant or a workspace.';
comment on column app_public.received_share.grantee_workspace_id is 'The workspace whose members it is shared with; null when it is shared with the whole tenant or one member.';
comment on column app_public.received_share.shared_at is 'When it was shared; null for a resource in mode subtree or platform.';
comment on column app_public.received_share.expires_at is 'When the share ends; null when it does not end.';
comment on column app_public.received_share.declined_at is 'When this tenant declined it; null when it is not declined.';

create or replace function app_public.resource_shares_resource_name(share app_public.resource_shares) returns text
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_share app_public.resource_shares;
  v_name text;
begin
  -- The caller may have made this row, with any resource in it, so the share is looked up.
  select * into v_share from app_public.resource_shares s where s.tenant_id = core.current_tenant_id() and s.id = (share).id;
  if not found then
    return null;
  end if;
  execute format('select r.name from %s r where r.id = $1 and r.tenant_id = $2', catalog.resource_table(v_share.resource_kind))
    into v_name using v_share.resource_id, v_share.tenant_id;
  return v_name;
end
$$;
comment on function app_public.resource_shares_resource_name is
  'The name of the shared resource.';
grant execute on function app_public.resource_shares_resource_name to rowhouse_user;

create or replace function app_public.resource_shares_grantee_tenant_slug(share app_public.resource_shares) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select g.slug from catalog.grantee_of((share).id) g;
$$;
comment on function app_public.resource_shares_grantee_tenant_slug is
  'The slug of the tenant it is shared with.';
grant execute on function app_public.resource_shares_grantee_tenant_slug to rowhouse_user;

create or replace function app_public.resource_shares_grantee_tenant_name(share app_public.resource_shares) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select g.name from catalog.grantee_of((share).id) g;
$$;
comment on function app_public.resource_shares_grantee_tenant_name is
  'The name of the tenant it is shared with.';
grant execute on function app_public.resource_shares_grantee_tenant_name to rowhouse_user;

create or replace function app_public.resource_shares_grantee_user_email(share app_public.resource_shares) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select g.user_email from catalog.grantee_of((share).id) g;
$$;
comment on function app_public.resource_shares_grantee_user_email is
  'The e-mail of the member it is shared with; null when it is shared with the whole tenant or a workspace.';
grant execute on function app_public.resource_shares_grantee_user_email to rowhouse_user;

create or replace function app_public.decline_share(share_id uuid) returns app_public.received_share
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select catalog.set_declined(decline_share.share_id, clock_timestamp());
$$;
comment on function app_public.decline_share is
  E'@resultFieldName receivedShare\n@errors RS362 ID203\nDeclines a share: the resource is hidden from everyone that the share was for. accept_share shows it again. Needs can_manage_settings, unless it was shared with you alone.';
grant execute on function app_public.decline_share to rowhouse_user;

create or replace function app_public.accept_share(share_id uuid) returns app_public.received_share
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select catalog.set_declined(accept_share.share_id, null);
$$;
comment on function app_public.accept_share is
  E'@resultFieldName receivedShare\n@errors RS362 ID203\nShows a declined share again. A share that was not declined needs no acceptance. Needs can_manage_settings, unless it was shared with you alone.';
grant execute on function app_public.accept_share to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a share is a row of the tenant that created it, and these functions are for its grantee
create or replace function app_public.received_shares() returns setof app_public.received_share
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select r.share_id, r.kind, r.id, r.name, r.sharing_mode, t.slug, t.name,
           s.grantee_user_id, s.grantee_workspace_id, s.created_at, s.expires_at, s.declined_at
      from (
        select 'agent'::app_public.resource_kind as kind, a.* from catalog.shared_agents(true) a
        union all select 'tool', a.* from catalog.shared_tools(true) a
        union all select 'prompt', a.* from catalog.shared_prompts(true) a
        union all select 'workflow', a.* from catalog.shared_workflows(true) a
        union all select 'knowledge_source', a.* from catalog.shared_knowledge_sources(true) a
      ) as r
      join app_public.tenants t on t.id = r.tenant_id
      left join app_public.resource_shares s on s.id = r.share_id
     order by r.kind, r.name, r.id, r.share_id;
end
$$;
comment on function app_public.received_shares is
  'The resources of other tenants that are shared with you, with the tenant they belong to and the end of the share. Declined shares are listed as well. A resource that is shared in several ways comes once for each. With can_manage_settings you also see the shares for single members and workspaces of this tenant.';
grant execute on function app_public.received_shares to rowhouse_user;

create or replace function catalog.set_declined(share_id uuid, declined_at timestamptz) returns app_public.received_share
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
    perform core.raise_error('RS362', 'There is no such share.', 'List the shares by received_shares.');
  end if;
  if v_share.grantee_user_id is distinct from core.current_user_id() then
    perform tenancy.require_permission('can_manage_settings');
  end if;
  if (v_share.declined_at is null) <> (set_declined.declined_at is null) then
    update app_public.resource_shares s set declined_at = set_declined.declined_at where s.id = v_share.id;
    v_received.declined_at := set_declined.declined_at;
  end if;
  return v_received;
end
$$;
comment on function catalog.set_declined is
  E'@errors RS362 ID203\nWrites when a received share was declined; null accepts it again.';
grant execute on function catalog.set_declined to rowhouse_owner;

set local role rowhouse_owner;

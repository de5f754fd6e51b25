-- What a share shows, what a recipient can say to it, and rules of the tables.

comment on type app_public.received_share is 'Something another tenant shares with this one.';
comment on column app_public.received_share.share_id is 'The grant, for decline_share and accept_share; null for what is shared with a subtree or the platform.';
comment on column app_public.received_share.resource_kind is 'What kind of thing it is.';
comment on column app_public.received_share.resource_id is 'Its id, to read it by.';
comment on column app_public.received_share.resource_name is 'Its name.';
comment on column app_public.received_share.sharing_mode is 'selected, subtree or platform.';
comment on column app_public.received_share.from_tenant_slug is 'The slug of the tenant it belongs to.';
comment on column app_public.received_share.from_tenant_name is 'The name of the tenant it belongs to.';
comment on column app_public.received_share.grantee_user_id is 'The one person it is for, null when it is not so narrow.';
comment on column app_public.received_share.grantee_workspace_id is 'The workspace whose members it is for, null when it is not so narrow.';
comment on column app_public.received_share.shared_at is 'When it was granted.';
comment on column app_public.received_share.expires_at is 'Until when, null without end.';
comment on column app_public.received_share.declined_at is 'When this tenant declined it, null when it did not.';

create or replace function app_public.resource_shares_resource_name(share app_public.resource_shares) returns text
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  execute format('select r.name from %s r where r.id = $1 and r.tenant_id = $2', catalog.resource_table((share).resource_kind))
    into v_name using (share).resource_id, core.current_tenant_id();
  return v_name;
end
$$;
comment on function app_public.resource_shares_resource_name is
  'The name of what is shared.';
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
  'The e-mail of the one member it is shared with, null when it is not so narrow.';
grant execute on function app_public.resource_shares_grantee_user_email to rowhouse_user;

create or replace function app_public.decline_share(share_id uuid) returns app_public.received_share
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select catalog.set_declined(decline_share.share_id, clock_timestamp());
$$;
comment on function app_public.decline_share is
  E'@resultFieldName receivedShare\n@errors RS362 ID203\nHides what another tenant shares with this one, from everyone it was for; accept_share takes that back. can_manage_settings, or it was shared with you alone.';
grant execute on function app_public.decline_share to rowhouse_user;

create or replace function app_public.accept_share(share_id uuid) returns app_public.received_share
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select catalog.set_declined(accept_share.share_id, null);
$$;
comment on function app_public.accept_share is
  E'@resultFieldName receivedShare\n@errors RS362 ID203\nTakes decline_share back; what was not declined needs no acceptance. can_manage_settings, or it was shared with you alone.';
grant execute on function app_public.accept_share to rowhouse_user;

create or replace function catalog.tg_agent_knowledge_sources__check_source() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- outside of a tenant's request (administrators, seeds) the foreign key is all there is to ask
  if new.tenant_id = core.current_tenant_id() and not catalog.is_visible_resource('knowledge_source', new.source_id) then
    perform core.raise_error('RS303', 'There is no such knowledge source.', 'List the sources of this tenant, and those shared with it.');
  end if;
  return new;
end
$$;
comment on function catalog.tg_agent_knowledge_sources__check_source is
  E'@errors RS303\nAn agent gets sources its tenant sees.';

set local role rowhouse_platform;  -- outside the wall: a grant is a row of the tenant that gave it; these are the other side's
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
  'What other tenants share with this one and you may use, by which tenant and how long, and grants that were declined. One resource comes once for each way it reached you. With can_manage_settings also what is shared with single people and workspaces of this tenant.';
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
    perform core.raise_error('RS362', 'There is no such share.', 'received_shares lists them.');
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
  E'@errors RS362 ID203\nDeclines a received share, or takes that back.';
grant execute on function catalog.set_declined to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _300_check_source before insert on app_public.agent_knowledge_sources
  for each row execute function catalog.tg_agent_knowledge_sources__check_source();

-- What is shared with the tenant and the user of the request. Read live, once a query: what is revoked, expired, switched
-- off or moved in the hierarchy is gone with the next statement. Everything else about sharing asks these functions.

-- The wall with a window, for the tables of app_public.resource_kind: users also see what is shared with them, and that is
-- all they can do with it. The window is theirs alone: a definer function still sees the tenant of its context and no
-- other, so what writes, owns or counts needs no thought of sharing.
create or replace procedure catalog.secure_shareable_table(target regclass, kind text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.secure_tenant_table(target);
  execute format('alter policy tenant_isolation on %s to rowhouse_owner, rowhouse_authenticator, rowhouse_worker', target);
  execute format(
    'create policy tenant_isolation_with_shares on %s as restrictive for all to rowhouse_user
      using (tenant_id = (select core.current_tenant_id()) or id = any ((select catalog.shared_resource_ids(%L))::uuid[]))
      with check (tenant_id = (select core.current_tenant_id()))', target, kind);
  execute format(
    'create policy tenant_isolation_of_updates on %s as restrictive for update to rowhouse_user
      using (tenant_id = (select core.current_tenant_id()))', target);
  execute format(
    'create policy tenant_isolation_of_deletes on %s as restrictive for delete to rowhouse_user
      using (tenant_id = (select core.current_tenant_id()))', target);
  execute format('comment on policy tenant_isolation_with_shares on %s is %L', target,
    'Rows of the request''s own tenant, and to read, those that are shared with it.');
  execute format('comment on policy tenant_isolation_of_updates on %s is %L', target, 'What is shared is not changed.');
  execute format('comment on policy tenant_isolation_of_deletes on %s is %L', target, 'What is shared is not deleted.');
end
$$;
comment on procedure catalog.secure_shareable_table is
  E'@errors RH901 RH902\nWalls a table of shareable resources in: as secure_tenant_table, but users also read rows that are shared with them.';

create or replace function catalog.security_gaps() returns table (object text, gap text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with windows as (
    select p.polrelid, p.polrelid in (select catalog.resource_table(k) from unnest(enum_range(null::app_public.resource_kind)) as k) as is_resource
      from pg_policy p
     where p.polname = 'tenant_isolation_with_shares'
  )
  select w.polrelid::regclass::text, 'its wall has a window, but it is no table of shareable resources' from windows w where not w.is_resource
  union all
  select w.polrelid::regclass::text, 'others could change what is shared with them (call catalog.secure_shareable_table)'
    from windows w
   where (select count(*) from pg_policy p
           where p.polrelid = w.polrelid and not p.polpermissive and p.polroles = array['rowhouse_user'::regrole::oid]
             and (p.polname, p.polcmd) in (('tenant_isolation_of_updates', 'w'), ('tenant_isolation_of_deletes', 'd'))) < 2;
$$;
comment on function catalog.security_gaps is
  'Windows in the wall that are where none may be, or that let others write. Part of core.security_gaps.';

set local role rowhouse_platform;  -- outside the wall: what is shared with a tenant is other tenants' resources, grants and places in the hierarchy
create or replace function catalog.ancestor_tenant_ids(tenant_id uuid) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    with recursive ancestors (id, level) as (
      select t.parent_tenant_id, 1 from app_public.tenants t where t.id = ancestor_tenant_ids.tenant_id
      union all
      select t.parent_tenant_id, a.level + 1 from ancestors a join app_public.tenants t on t.id = a.id where a.level < 100
    )
    select id from ancestors where id is not null);
end
$$;
comment on function catalog.ancestor_tenant_ids is
  'The tenants above a tenant, by parent_tenant_id.';

-- One function a kind, so that its plan is kept.
do $do$
declare
  v_kind app_public.resource_kind;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    execute format($sql$
      create or replace function catalog.shared_%1$ss(is_overview boolean default false)
      returns table (id uuid, tenant_id uuid, name text, sharing_mode text, share_id uuid)
      language plpgsql stable security definer
      set search_path to pg_catalog, pg_temp
      -- the plan is always by the same indexes, and making one takes ten times as long as running it
      set plan_cache_mode to force_generic_plan
      as $$
      #variable_conflict use_column
      declare
        v_tenant_id uuid := core.current_tenant_id();
        v_user_id uuid := core.current_user_id();
        v_config jsonb;
        v_has_parent boolean;
        v_ancestor_ids uuid[] := '{}';
        v_sees_all boolean := shared_%1$ss.is_overview and tenancy.has_permission('can_manage_settings');
      begin
        select t.resource_access_config, t.parent_tenant_id is not null into v_config, v_has_parent
          from app_public.tenants t where t.id = v_tenant_id;
        if not found or not catalog.tenant_allows(v_config, 'sharing.can_receive_shared') then
          return;
        end if;
        if v_has_parent then
          v_ancestor_ids := catalog.ancestor_tenant_ids(v_tenant_id);
        end if;
        return query
          with candidates as (
            select r.id, r.tenant_id, r.name, r.sharing_mode, s.id as share_id, r.status::text as status, %3$s as is_on
              from app_public.resource_shares s
              join %2$s r on r.id = s.resource_id and r.tenant_id = s.tenant_id and r.sharing_mode <> 'private' and r.deleted_at is null
             where s.grantee_tenant_id = v_tenant_id and s.resource_kind = '%1$s'
               and (s.expires_at is null or s.expires_at > core.clock())
               and (s.declined_at is null or is_overview)
               and (v_sees_all
                 or num_nonnulls(s.grantee_user_id, s.grantee_workspace_id) = 0
                 or s.grantee_user_id = v_user_id
                 or exists (
                   select from app_public.workspace_members m
                     join app_public.workspaces w on w.tenant_id = m.tenant_id and w.id = m.workspace_id and w.deleted_at is null
                    where m.tenant_id = v_tenant_id and m.workspace_id = s.grantee_workspace_id and m.user_id = v_user_id))
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, %3$s
              from %2$s r
             where r.sharing_mode = 'subtree' and r.deleted_at is null and r.tenant_id = any (v_ancestor_ids)
            union all
            select r.id, r.tenant_id, r.name, r.sharing_mode, null, r.status::text, %3$s
              from %2$s r
             where r.sharing_mode = 'platform' and r.deleted_at is null and r.tenant_id <> v_tenant_id
               and catalog.tenant_allows(v_config, 'shared_resources.%4$s')
          )
          select c.id, c.tenant_id, c.name, c.sharing_mode, c.share_id
            from candidates c
            join app_public.tenants o on o.id = c.tenant_id and o.status in ('trial', 'active')
           where c.is_on and c.status in ('active', 'deprecated')
             and catalog.tenant_allows(o.resource_access_config, 'sharing.can_share_resources');
      end
      $$;
      $sql$, v_kind, catalog.resource_table(v_kind), catalog.resource_switch(v_kind),
      case v_kind when 'knowledge_source' then 'rag' else v_kind || 's' end);
    execute format('comment on function catalog.shared_%ss(boolean) is %L', v_kind, format(
      'The %ss of other tenants that are shared with the tenant and user of the request, one once for each way it came. The overview has what was declined as well, and, for who has can_manage_settings, what was shared with single users and workspaces.',
      replace(v_kind::text, '_', ' ')));
  end loop;
end
$do$;

set local role rowhouse_platform;  -- outside the wall: the window in the wall of shareable tables: only ids, only for the tenant and user of the request
create or replace function catalog.shared_resource_ids(kind text) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
set plan_cache_mode to force_generic_plan
as $$
begin
  return case shared_resource_ids.kind
    when 'agent' then array(select distinct s.id from catalog.shared_agents() s)
    when 'tool' then array(select distinct s.id from catalog.shared_tools() s)
    when 'prompt' then array(select distinct s.id from catalog.shared_prompts() s)
    when 'workflow' then array(select distinct s.id from catalog.shared_workflows() s)
    when 'knowledge_source' then array(select distinct s.id from catalog.shared_knowledge_sources() s)
  end;
end
$$;
comment on function catalog.shared_resource_ids is
  'The resources of a kind that other tenants share with the tenant and user of the request. What the wall of shareable tables lets through besides the tenant''s own.';
grant execute on function catalog.shared_resource_ids to rowhouse_user, rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: a shared resource that the request may see, for definer functions, which see no shared row by themselves
create or replace function catalog.visible_resource(kind app_public.resource_kind, id uuid) returns jsonb
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table regclass := catalog.resource_table(visible_resource.kind);
  v_resource jsonb;
begin
  execute format('select to_jsonb(r) from %s r where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null', v_table)
    into v_resource using visible_resource.id, core.current_tenant_id();
  if v_resource is null and visible_resource.id = any (catalog.shared_resource_ids(visible_resource.kind::text)) then
    execute format('select to_jsonb(r) from %s r where r.id = $1', v_table) into v_resource using visible_resource.id;
  end if;
  return v_resource;
end
$$;
comment on function catalog.visible_resource is
  'A resource of this tenant, or one that is shared with it, as JSON; null when there is none or it is deleted. For definer functions, which by themselves see no shared row.';
grant execute on function catalog.visible_resource to rowhouse_owner;

create or replace function catalog.resource_to_copy(kind app_public.resource_kind, id uuid) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_resource jsonb := catalog.visible_resource(resource_to_copy.kind, resource_to_copy.id);
begin
  if v_resource is not null then
    -- Whoever revokes holds the resource's row: wait, then look again. The grants are locked for callers in repeatable
    -- read, who would still see one that is gone.
    execute format('select from %s r where r.id = $1 for share', catalog.resource_table(resource_to_copy.kind))
      using resource_to_copy.id;
    perform from app_public.resource_shares s
      where s.resource_kind = resource_to_copy.kind and s.resource_id = resource_to_copy.id
        and s.grantee_tenant_id = core.current_tenant_id()
      order by s.id for share;
    v_resource := catalog.visible_resource(resource_to_copy.kind, resource_to_copy.id);
  end if;
  if v_resource is null then
    perform core.raise_error('RS301', format('There is no such %s.', replace(resource_to_copy.kind::text, '_', ' ')),
      'List those of this tenant, and those shared with it.');
  end if;
  if resource_to_copy.kind = 'agent' then
    v_resource := v_resource || jsonb_build_object('knowledge_source_ids', array(
      select a.source_id from app_public.agent_knowledge_sources a
       where a.tenant_id = (v_resource ->> 'tenant_id')::uuid and a.agent_id = resource_to_copy.id
       order by a.created_at, a.source_id));
  end if;
  return v_resource;
end
$$;
comment on function catalog.resource_to_copy is
  E'@errors RS301\nA resource the request sees, as JSON and, of an agent, with knowledge_source_ids; nobody can revoke it before the transaction ends.';
grant execute on function catalog.resource_to_copy to rowhouse_owner;

set local role rowhouse_owner;

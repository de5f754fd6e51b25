-- Which resources are shared with the tenant and the user of the request. The idea: this is read live and once in each
-- query, and the policies and functions of all domains that need to know it ask these functions.

set local role rowhouse_platform;  -- outside the wall: the resources that are shared with a tenant, the shares and the hierarchy belong to other tenants
-- Each kind has a function of its own, so that PostgreSQL keeps its plan.
do $do$
declare
  v_kind app_public.resource_kind;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    execute format($sql$
      create or replace function catalog.shared_%1$ss(is_overview boolean default false)
      returns table (id uuid, tenant_id uuid, name text, sharing_mode app_public.sharing_mode, share_id uuid)
      language plpgsql stable security definer
      set search_path to pg_catalog, pg_temp
      -- a generic plan uses the same indexes always, and making a plan takes ten times as long as running it
      set plan_cache_mode to force_generic_plan
      as $$
      #variable_conflict use_column
      declare
        v_tenant_id uuid := core.current_tenant_id();
        v_user_id uuid := core.current_user_id();
        v_config jsonb;
        v_ancestor_ids uuid[];
        v_sees_all boolean := shared_%1$ss.is_overview and tenancy.has_permission('can_manage_settings');
      begin
        select t.resource_access_config, t.ancestor_ids into v_config, v_ancestor_ids
          from app_public.tenants t where t.id = v_tenant_id;
        if not found or not catalog.tenant_allows(v_config, 'sharing.can_receive_shared') then
          return;
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
            join app_public.tenants o on o.id = c.tenant_id and tenancy.is_open(o.status, o.ancestor_ids)
           where c.is_on and c.status in ('active', 'deprecated')
             and catalog.tenant_allows(o.resource_access_config, 'sharing.can_share_resources');
      end
      $$;
      $sql$, v_kind, catalog.resource_table(v_kind), catalog.resource_switch(v_kind),
      case v_kind when 'knowledge_source' then 'rag' else v_kind || 's' end);
    execute format('comment on function catalog.shared_%ss is %L', v_kind, format(
      'The %ss of other tenants that are shared with the tenant and user of the request. A resource that is shared in several ways comes once for each. The overview also has declined shares and, for users with can_manage_settings, shares for single users and workspaces.',
      catalog.resource_name(v_kind)));
  end loop;
end
$do$;

set local role rowhouse_platform;  -- outside the wall: the policies of shareable tables ask it for rows of other tenants; it returns only ids, and only for the tenant and user of the request
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
  'The ids of the resources of a kind that other tenants share with the tenant and user of the request. The policies of shareable tables let users read these rows beside their tenant''s own.';
grant execute on function catalog.shared_resource_ids to rowhouse_user, rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: it reads a shared resource that the request may see for definer functions, which see only their own tenant
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
  'A resource of this tenant, or one that is shared with it, as JSON; null when it does not exist or is deleted. It is for definer functions, which see no shared rows by themselves.';
grant execute on function catalog.visible_resource to rowhouse_owner;

set local role rowhouse_owner;

-- What is shared with the tenant and the user of the request. Read live, once a query: what is revoked, expired, switched
-- off or moved in the hierarchy is gone with the next statement. Everything else about sharing asks these functions.

create or replace function app_private.ancestor_tenant_ids(tenant_id uuid) returns uuid[]
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
comment on function app_private.ancestor_tenant_ids(uuid) is 'The tenants above a tenant, by parent_tenant_id.';

-- One function a kind, so that its plan is kept.
do $do$
declare
  v_kind app_public.resource_kind;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    execute format($sql$
      create or replace function app_private.shared_%1$ss(is_overview boolean default false)
      returns table (id uuid, tenant_id uuid, name text, sharing_mode text, share_id uuid)
      language plpgsql stable security definer
      set search_path to pg_catalog, pg_temp
      -- the plan is always by the same indexes, and making one takes ten times as long as running it
      set plan_cache_mode to force_generic_plan
      as $$
      #variable_conflict use_column
      declare
        v_tenant_id uuid := app_hidden.current_tenant_id();
        v_user_id uuid := app_hidden.current_user_id();
        v_config jsonb;
        v_has_parent boolean;
        v_ancestor_ids uuid[] := '{}';
        v_sees_all boolean := shared_%1$ss.is_overview and app_hidden.has_permission('can_manage_settings');
      begin
        select t.resource_access_config, t.parent_tenant_id is not null into v_config, v_has_parent
          from app_public.tenants t where t.id = v_tenant_id;
        if not found or not app_private.tenant_allows(v_config, 'sharing.can_receive_shared') then
          return;
        end if;
        if v_has_parent then
          v_ancestor_ids := app_private.ancestor_tenant_ids(v_tenant_id);
        end if;
        return query
          with candidates as (
            select r.id, r.tenant_id, r.name, r.sharing_mode, s.id as share_id, r.status::text as status, %3$s as is_on
              from app_public.resource_shares s
              join %2$s r on r.id = s.resource_id and r.tenant_id = s.tenant_id and r.sharing_mode <> 'private' and r.deleted_at is null
             where s.grantee_tenant_id = v_tenant_id and s.resource_kind = '%1$s'
               and (s.expires_at is null or s.expires_at > app_hidden.clock())
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
               and app_private.tenant_allows(v_config, 'shared_resources.%4$s')
          )
          select c.id, c.tenant_id, c.name, c.sharing_mode, c.share_id
            from candidates c
            join app_public.tenants o on o.id = c.tenant_id and o.status in ('trial', 'active')
           where c.is_on and c.status in ('active', 'deprecated')
             and app_private.tenant_allows(o.resource_access_config, 'sharing.can_share_resources');
      end
      $$;
      $sql$, v_kind, app_private.resource_table(v_kind), app_private.resource_switch(v_kind),
      case v_kind when 'knowledge_source' then 'rag' else v_kind || 's' end);
    execute format('comment on function app_private.shared_%ss(boolean) is %L', v_kind, format(
      'The %ss of other tenants that are shared with the tenant and user of the request, one once for each way it came. The overview has what was declined as well, and, for who has can_manage_settings, what was shared with single users and workspaces.',
      replace(v_kind::text, '_', ' ')));
  end loop;
end
$do$;

create or replace function app_hidden.shared_resource_ids(kind text) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
set plan_cache_mode to force_generic_plan
as $$
begin
  return case shared_resource_ids.kind
    when 'agent' then array(select distinct s.id from app_private.shared_agents() s)
    when 'tool' then array(select distinct s.id from app_private.shared_tools() s)
    when 'prompt' then array(select distinct s.id from app_private.shared_prompts() s)
    when 'workflow' then array(select distinct s.id from app_private.shared_workflows() s)
    when 'knowledge_source' then array(select distinct s.id from app_private.shared_knowledge_sources() s)
  end;
end
$$;
comment on function app_hidden.shared_resource_ids(text) is
  'The resources of a kind that other tenants share with the tenant and user of the request. What the wall of shareable tables lets through besides the tenant''s own.';
grant execute on function app_hidden.shared_resource_ids(text) to rowhouse_user, rowhouse_owner;

create or replace function app_private.visible_resource(kind app_public.resource_kind, id uuid) returns jsonb
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table regclass := app_private.resource_table(visible_resource.kind);
  v_resource jsonb;
begin
  execute format('select to_jsonb(r) from %s r where r.id = $1 and r.tenant_id = $2 and r.deleted_at is null', v_table)
    into v_resource using visible_resource.id, app_hidden.current_tenant_id();
  if v_resource is null and visible_resource.id = any (app_hidden.shared_resource_ids(visible_resource.kind::text)) then
    execute format('select to_jsonb(r) from %s r where r.id = $1', v_table) into v_resource using visible_resource.id;
  end if;
  return v_resource;
end
$$;
comment on function app_private.visible_resource(app_public.resource_kind, uuid) is
  'A resource of this tenant, or one that is shared with it, as JSON; null when there is none or it is deleted. For definer functions, which by themselves see no shared row.';
grant execute on function app_private.visible_resource(app_public.resource_kind, uuid) to rowhouse_owner;

create or replace function app_private.resource_to_copy(kind app_public.resource_kind, id uuid) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_resource jsonb := app_private.visible_resource(resource_to_copy.kind, resource_to_copy.id);
begin
  if v_resource is not null then
    -- Whoever revokes holds the resource's row: wait, then look again. The grants are locked for callers in repeatable
    -- read, who would still see one that is gone.
    execute format('select from %s r where r.id = $1 for share', app_private.resource_table(resource_to_copy.kind))
      using resource_to_copy.id;
    perform from app_public.resource_shares s
      where s.resource_kind = resource_to_copy.kind and s.resource_id = resource_to_copy.id
        and s.grantee_tenant_id = app_hidden.current_tenant_id()
      order by s.id for share;
    v_resource := app_private.visible_resource(resource_to_copy.kind, resource_to_copy.id);
  end if;
  if v_resource is null then
    perform app_private.raise_error('RS301', format('There is no such %s.', replace(resource_to_copy.kind::text, '_', ' ')),
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
comment on function app_private.resource_to_copy(app_public.resource_kind, uuid) is
  'A resource the request sees, as JSON and, of an agent, with knowledge_source_ids; nobody can revoke it before the transaction ends. RS301: there is none.';
grant execute on function app_private.resource_to_copy(app_public.resource_kind, uuid) to rowhouse_owner;

create or replace function app_private.shared_search_parts(source_ids uuid[], agent_id uuid, tags text[], category text)
returns table (tenant_id uuid, ids uuid[], model_names text[])
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shared_ids uuid[] := app_hidden.shared_resource_ids('knowledge_source');
begin
  -- all that most tenants' searches cost more for the sake of sharing
  if cardinality(v_shared_ids) = 0 then
    return;
  end if;
  return query
    with in_scope as (
      select s.tenant_id, s.id, s.embedding_model
        from app_public.rag_knowledge_sources s
       where s.id = any (v_shared_ids)
         and (shared_search_parts.source_ids is null or s.id = any (shared_search_parts.source_ids))
         and (shared_search_parts.tags is null or s.tags && shared_search_parts.tags)
         and (shared_search_parts.category is null or s.category = shared_search_parts.category)
         -- assigned here, or by the tenant that shares the agent as well
         and (shared_search_parts.agent_id is null or exists (
           select from app_public.agent_knowledge_sources a
            where a.agent_id = shared_search_parts.agent_id and a.source_id = s.id
              and (a.tenant_id = app_hidden.current_tenant_id() or a.agent_id = any (app_hidden.shared_resource_ids('agent')))))
         -- an empty source costs no search
         and exists (select from app_public.document_chunks c where c.tenant_id = s.tenant_id and c.source_id = s.id)
    )
    select i.tenant_id, array_agg(i.id order by i.id), array(select distinct j.embedding_model from in_scope j order by 1)
      from in_scope i
     group by i.tenant_id
     order by i.tenant_id;
end
$$;
comment on function app_private.shared_search_parts(uuid[], uuid, text[], text) is
  'The sources of other tenants a search goes to, by tenant: shared with the request, with something in them, and in scope as app_private.sources_in_scope has it; and the embedding models that all of them use.';
grant execute on function app_private.shared_search_parts(uuid[], uuid, text[], text) to rowhouse_owner;

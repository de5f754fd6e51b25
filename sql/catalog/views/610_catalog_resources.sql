-- The five kinds as one list, seen through the wall.

create or replace view app_hidden.catalog_resources with (security_invoker = true) as
  select 'agent'::app_public.resource_kind as kind, r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name,
         coalesce(r.display_name, r.name) as label, r.description,
         r.primary_category as category, r.therapeutic_areas, r.compliance_frameworks, r.tier, r.status::text as status,
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'agent' and a.item_id = r.id) as tags, r.version, r.rating, r.usage_count, r.updated_at
    from app_public.agents r where r.deleted_at is null
  union all
  select 'tool', r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name, coalesce(r.display_name, r.name), r.description,
         r.category, '{}', '{}', null, r.status,
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'tool' and a.item_id = r.id), r.version, null, r.usage_count, r.updated_at
    from app_public.tools r where r.deleted_at is null
  union all
  select 'prompt', r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name, coalesce(r.display_name, r.name), r.description,
         r.category, '{}', '{}', null, r.status, r.tags ||
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'prompt' and a.item_id = r.id), r.version, r.rating,
         r.usage_count, r.updated_at
    from app_public.prompts r where r.deleted_at is null
  union all
  select 'workflow', r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name, coalesce(r.display_name, r.name), r.description,
         r.category, '{}', '{}', null, r.status, r.tags ||
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'workflow' and a.item_id = r.id), r.version, null,
         r.execution_count, r.updated_at
    from app_public.workflows r where r.deleted_at is null
  union all
  select 'knowledge_source', r.id, r.tenant_id, r.sharing_mode, r.name, r.display_name, coalesce(r.display_name, r.name), r.description,
         r.category, '{}', '{}', null, r.status, r.tags ||
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.item_type = 'knowledge_source' and a.item_id = r.id), null, null,
         r.query_count, r.updated_at
    from app_public.rag_knowledge_sources r where r.deleted_at is null;
comment on view app_hidden.catalog_resources is 'What of the catalogue the request sees, of all kinds, what was deleted left out.';
grant select on app_hidden.catalog_resources to rowhouse_user;

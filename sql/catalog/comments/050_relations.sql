-- What relations are called in GraphQL, where the columns' names would be said twice.
comment on constraint agent_tools_tenant_id_agent_id_fkey on app_public.agent_tools is E'@fieldName agent\n@foreignFieldName agentTools';
comment on constraint agent_tools_tool_id_fkey on app_public.agent_tools is E'@fieldName tool\n@foreignFieldName agentTools';
comment on constraint agent_persona_mapping_tenant_id_agent_id_fkey on app_public.agent_persona_mapping is E'@fieldName agent\n@foreignFieldName personas';
comment on constraint agent_persona_mapping_tenant_id_persona_id_fkey on app_public.agent_persona_mapping is E'@fieldName persona\n@foreignFieldName agents';
comment on constraint agent_industry_mapping_tenant_id_agent_id_fkey on app_public.agent_industry_mapping is E'@fieldName agent\n@foreignFieldName industries';
comment on constraint agents_tenant_id_department_id_fkey on app_public.agents is E'@fieldName department\n@foreignFieldName agents';
comment on constraint agents_tenant_id_business_function_id_fkey on app_public.agents is E'@fieldName businessFunction\n@foreignFieldName agents';
comment on constraint agents_tenant_id_role_id_fkey on app_public.agents is E'@fieldName role\n@foreignFieldName agents';
comment on constraint tool_categories_tenant_id_parent_id_fkey on app_public.tool_categories is E'@fieldName parent\n@foreignFieldName children';
comment on constraint tools_tenant_id_tool_category_id_fkey on app_public.tools is E'@fieldName toolCategory\n@foreignFieldName tools';
comment on constraint tag_assignments_tenant_id_tag_id_fkey on app_public.tag_assignments is E'@fieldName tag\n@foreignFieldName assignments';
comment on constraint agents_copied_from_id_fkey on app_public.agents is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on constraint tools_copied_from_id_fkey on app_public.tools is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on constraint prompts_copied_from_id_fkey on app_public.prompts is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on constraint workflows_copied_from_id_fkey on app_public.workflows is E'@fieldName copiedFrom\n@foreignFieldName copies';

-- a row is found by its id; keys that repeat the tenant are for foreign keys, and no way to ask
do $$
declare
  v_constraint record;
begin
  for v_constraint in
    select conname, conrelid::regclass as relation from pg_catalog.pg_constraint
     where contype = 'u' and conkey[1] = (select attnum from pg_catalog.pg_attribute where attrelid = conrelid and attname = 'tenant_id')
       and conrelid = any (array[
         'app_public.agents', 'app_public.tools', 'app_public.prompts', 'app_public.workflows', 'app_public.rag_knowledge_sources',
         'app_public.tool_categories', 'app_public.tags', 'app_public.avatars', 'app_public.icons', 'app_public.personas',
         'app_public.departments', 'app_public.business_functions', 'app_public.organizational_roles',
         'app_public.model_configurations']::regclass[])
  loop
    execute format('comment on constraint %I on %s is %L', v_constraint.conname, v_constraint.relation, '@behavior -*');
  end loop;
end
$$;

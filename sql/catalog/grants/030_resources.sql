-- What is kept from logs, ratings and shares is not written by users.
grant select on app_public.tools to rowhouse_user;
grant insert (
  name, display_name, description, icon, tool_type, category, tool_category_id, endpoint_url, http_method, headers,
  authentication_type, authentication_config, request_schema, response_schema, timeout_seconds, retry_config, status,
  enabled, version, metadata
) on app_public.tools to rowhouse_user;
grant update (
  name, display_name, description, icon, tool_type, category, tool_category_id, endpoint_url, http_method, headers,
  authentication_type, authentication_config, request_schema, response_schema, timeout_seconds, retry_config, status,
  enabled, version, metadata
) on app_public.tools to rowhouse_user;

grant select on app_public.prompts to rowhouse_user;
grant insert (
  name, display_name, description, category, tags, prompt_text, system_prompt, input_variables, output_format,
  model_requirements, temperature, max_tokens, status, version, metadata
) on app_public.prompts to rowhouse_user;
grant update (
  name, display_name, description, category, tags, prompt_text, system_prompt, input_variables, output_format,
  model_requirements, temperature, max_tokens, status, metadata
) on app_public.prompts to rowhouse_user;

grant select on app_public.workflows to rowhouse_user;
grant insert (
  name, display_name, description, category, tags, icon, workflow_type, workflow_definition, steps, input_schema,
  output_schema, agent_roles, timeout_seconds, max_retries, error_handling, status, enabled, version, metadata
) on app_public.workflows to rowhouse_user;
grant update (
  name, display_name, description, category, tags, icon, workflow_type, workflow_definition, steps, input_schema,
  output_schema, agent_roles, timeout_seconds, max_retries, error_handling, status, enabled, metadata
) on app_public.workflows to rowhouse_user;

grant select, delete on app_public.tool_categories to rowhouse_user;
grant insert (
  parent_id, name, slug, description, icon, sort_order
) on app_public.tool_categories to rowhouse_user;
grant update (
  parent_id, name, slug, description, icon, sort_order
) on app_public.tool_categories to rowhouse_user;

grant select, insert, update, delete on
  app_public.tools, app_public.prompts, app_public.workflows, app_public.tool_categories
to rowhouse_platform;

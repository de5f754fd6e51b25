-- What is kept from logs, ratings, versions, shares and join tables is not written by users.
grant select on app_public.agents to rowhouse_user;
grant insert (
  name, display_name, description, avatar_url, icon, color_scheme, badge_text, badge_color, sort_order, status, tier,
  lifecycle_stage, validation_status, is_active, model_id, system_prompt, temperature, max_tokens, top_p,
  frequency_penalty, presence_penalty, response_format, stop_sequences, streaming_enabled, function_calling_enabled,
  parallel_function_calls, max_retry_attempts, timeout_seconds, primary_category, subcategory, specialty,
  therapeutic_areas, regulatory_domains, industry_focus, use_cases, target_audience, required_expertise_level,
  compliance_frameworks, certifications, geographic_scope, knowledge_domains, tools, prompt_templates,
  context_window_size, supports_multimodal, supported_file_types, max_file_size_mb, owner_id, department_id,
  business_function_id, role_id, cost_per_query, billing_code, budget_allocation_id, analytics_enabled,
  approval_required, version, changelog, metadata
) on app_public.agents to rowhouse_user;
grant update (
  name, display_name, description, avatar_url, icon, color_scheme, badge_text, badge_color, sort_order, status, tier,
  lifecycle_stage, validation_status, is_active, model_id, system_prompt, temperature, max_tokens, top_p,
  frequency_penalty, presence_penalty, response_format, stop_sequences, streaming_enabled, function_calling_enabled,
  parallel_function_calls, max_retry_attempts, timeout_seconds, primary_category, subcategory, specialty,
  therapeutic_areas, regulatory_domains, industry_focus, use_cases, target_audience, required_expertise_level,
  compliance_frameworks, certifications, geographic_scope, knowledge_domains, tools, prompt_templates,
  context_window_size, supports_multimodal, supported_file_types, max_file_size_mb, owner_id, department_id,
  business_function_id, role_id, cost_per_query, billing_code, budget_allocation_id, analytics_enabled,
  approval_required, metadata
) on app_public.agents to rowhouse_user;

grant select, delete on app_public.agent_tools to rowhouse_user;
grant insert (
  agent_id, tool_id, sort_order, config
) on app_public.agent_tools to rowhouse_user;
grant update (
  sort_order, config
) on app_public.agent_tools to rowhouse_user;
grant select, delete on app_public.agent_persona_mapping to rowhouse_user;
grant insert (
  agent_id, persona_id, relevance_score, performance_score, is_primary, notes
) on app_public.agent_persona_mapping to rowhouse_user;
grant update (
  relevance_score, performance_score, is_primary, notes
) on app_public.agent_persona_mapping to rowhouse_user;
grant select, delete on app_public.agent_industry_mapping to rowhouse_user;
grant insert (
  agent_id, industry, relevance_score, performance_score, is_primary, notes
) on app_public.agent_industry_mapping to rowhouse_user;
grant update (
  relevance_score, performance_score, is_primary, notes
) on app_public.agent_industry_mapping to rowhouse_user;

grant select, delete on app_public.departments to rowhouse_user;
grant insert (
  name, description
) on app_public.departments to rowhouse_user;
grant update (
  name, description
) on app_public.departments to rowhouse_user;
grant select, delete on app_public.business_functions to rowhouse_user;
grant insert (
  name, description
) on app_public.business_functions to rowhouse_user;
grant update (
  name, description
) on app_public.business_functions to rowhouse_user;
grant select, delete on app_public.organizational_roles to rowhouse_user;
grant insert (
  name, description
) on app_public.organizational_roles to rowhouse_user;
grant update (
  name, description
) on app_public.organizational_roles to rowhouse_user;
grant select, delete on app_public.personas to rowhouse_user;
grant insert (
  name, description, avatar_url, goals
) on app_public.personas to rowhouse_user;
grant update (
  name, description, avatar_url, goals
) on app_public.personas to rowhouse_user;

grant select, insert, update, delete on
  app_public.departments, app_public.business_functions, app_public.organizational_roles, app_public.personas,
  app_public.agents, app_public.agent_tools, app_public.agent_persona_mapping, app_public.agent_industry_mapping
to rowhouse_platform;

grant select (id, name, display_name, kind, is_enabled, created_at, updated_at) on app_public.llm_providers to rowhouse_user;
grant select on app_public.llm_models to rowhouse_user;
grant select, insert, update, delete on app_public.llm_providers, app_public.llm_models to rowhouse_admin;

grant select on app_public.agents to rowhouse_user;
grant insert (
  name, display_name, description, avatar_url, icon, color_scheme, badge_text, badge_color, sort_order, status,
  tier, lifecycle_stage, validation_status, is_active, model_id, system_prompt, temperature, max_tokens, top_p,
  frequency_penalty, presence_penalty, response_format, stop_sequences, streaming_enabled,
  function_calling_enabled, parallel_function_calls, max_retry_attempts, timeout_seconds, primary_category,
  subcategory, specialty, therapeutic_areas, regulatory_domains, industry_focus, use_cases, target_audience,
  required_expertise_level, compliance_frameworks, certifications, geographic_scope, knowledge_domains, tools,
  prompt_templates, context_window_size, supports_multimodal, supported_file_types, max_file_size_mb, owner_id,
  cost_per_query, billing_code, budget_allocation_id, analytics_enabled, approval_required, version, changelog
) on app_public.agents to rowhouse_user;
grant update (
  name, display_name, description, avatar_url, icon, color_scheme, badge_text, badge_color, sort_order, status,
  tier, lifecycle_stage, validation_status, is_active, model_id, system_prompt, temperature, max_tokens, top_p,
  frequency_penalty, presence_penalty, response_format, stop_sequences, streaming_enabled,
  function_calling_enabled, parallel_function_calls, max_retry_attempts, timeout_seconds, primary_category,
  subcategory, specialty, therapeutic_areas, regulatory_domains, industry_focus, use_cases, target_audience,
  required_expertise_level, compliance_frameworks, certifications, geographic_scope, knowledge_domains, tools,
  prompt_templates, context_window_size, supports_multimodal, supported_file_types, max_file_size_mb, owner_id,
  cost_per_query, billing_code, budget_allocation_id, analytics_enabled, approval_required, version, changelog
) on app_public.agents to rowhouse_user;

grant select, insert, update, delete on app_public.llm_providers, app_public.llm_models, app_public.agents to rowhouse_platform;

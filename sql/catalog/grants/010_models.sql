grant select (id, name, display_name, kind, is_enabled, created_at, updated_at) on app_public.llm_providers to rowhouse_user;
grant select on app_public.llm_models to rowhouse_user;
grant select, insert, update, delete on app_public.llm_providers, app_public.llm_models to rowhouse_admin;

grant select, delete on app_public.model_configurations to rowhouse_user;
grant insert (
  name, description, model_id, temperature, top_p, max_tokens, frequency_penalty, presence_penalty, response_format,
  stop_sequences, is_default
) on app_public.model_configurations to rowhouse_user;
grant update (
  name, description, model_id, temperature, top_p, max_tokens, frequency_penalty, presence_penalty, response_format,
  stop_sequences, is_default
) on app_public.model_configurations to rowhouse_user;

grant select, insert, update, delete on
  app_public.llm_providers, app_public.llm_models, app_public.model_configurations
to rowhouse_platform;

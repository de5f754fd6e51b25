-- Models and providers are read by everyone and edited by platform staff; a tenant's configurations by its members.
call core.secure_global_table('app_public.llm_providers', 'facts of the platform');
call core.allow('app_public.llm_providers', read => 'everyone', write => 'staff');
grant select (id, name, display_name, kind, is_enabled, created_at, updated_at) on app_public.llm_providers to rowhouse_user;
grant select, insert, update, delete on app_public.llm_providers to rowhouse_admin;
grant select, insert, update, delete on app_public.llm_providers to rowhouse_platform;
comment on table app_public.llm_providers is 'Who serves models: the built-in one, or an OpenAI-compatible endpoint. The same for all tenants; platform staff edit them.';
comment on column app_public.llm_providers.name is 'Key for people: a slug, unique.';
comment on column app_public.llm_providers.display_name is 'Name to show.';
comment on column app_public.llm_providers.kind is 'builtin or openai.';
comment on column app_public.llm_providers.base_url is 'Address the paths are appended to, such as https://host/v1. Platform staff only.';
comment on column app_public.llm_providers.api_key_variable is 'Name of the worker''s environment variable that holds the key; must end in _API_KEY. Keys themselves are never stored. Platform staff only.';
comment on column app_public.llm_providers.is_enabled is 'Whether its models may be used.';
comment on column app_public.llm_providers.created_at is 'When it was added.';
comment on column app_public.llm_providers.updated_at is 'When it last changed.';

call core.secure_global_table('app_public.llm_models', 'facts of the platform');
call core.allow('app_public.llm_models', read => 'everyone', write => 'staff');
grant select on app_public.llm_models to rowhouse_user;
grant select, insert, update, delete on app_public.llm_models to rowhouse_admin;
grant select, insert, update, delete on app_public.llm_models to rowhouse_platform;
comment on table app_public.llm_models is 'Models by name, with what must be known to call them and to fuse their results. The same for all tenants; platform staff edit them.';
comment on column app_public.llm_models.name is 'Key for people, unique, at most 100 characters; what a knowledge source names as its embedding model.';
comment on column app_public.llm_models.display_name is 'Name to show.';
comment on column app_public.llm_models.kind is 'chat or embedding.';
comment on column app_public.llm_models.provider_model_name is 'What the provider calls it.';
comment on column app_public.llm_models.context_window_size is 'Tokens it can read at once.';
comment on column app_public.llm_models.max_output_tokens is 'Most tokens it can answer with; null when unknown.';
comment on column app_public.llm_models.max_temperature is 'Highest temperature its provider takes, 0 to 2.';
comment on column app_public.llm_models.input_modalities is 'What it reads: text, image, audio, video, document.';
comment on column app_public.llm_models.output_modalities is 'What it answers with: text, image, audio, video.';
comment on column app_public.llm_models.supports_function_calling is 'Whether it can call functions; null when unknown.';
comment on column app_public.llm_models.dimension is 'Length of its vectors, 1 to 16,000; embedding models only.';
comment on column app_public.llm_models.fusion_weight is 'Weight of its ranking beside BM25''s weight of 1 in hybrid search, 0 to 100. Measure it with npm run eval.';
comment on column app_public.llm_models.vector_quantization is 'How the model''s vector index stores vectors: none (4 bytes a dimension, up to 2,000 dimensions), halfvec (2 bytes, up to 4,000) or binary (1 bit). The whole vectors decide the order of what it finds. npm run eval shows what is lost.';
comment on column app_public.llm_models.batch_size is 'Texts sent in one request, 1 to 2,048.';
comment on column app_public.llm_models.timeout_ms is 'Milliseconds until a request is given up, 100 to 600,000.';
comment on column app_public.llm_models.max_retries is 'How often a failed request is tried again, 0 to 20.';
comment on column app_public.llm_models.is_enabled is 'Whether it may be used.';
comment on column app_public.llm_models.created_at is 'When it was added.';
comment on column app_public.llm_models.updated_at is 'When it last changed.';
comment on column app_public.llm_models.provider_id is 'Who serves it.';

call core.secure_tenant_table('app_public.model_configurations');
call core.allow('app_public.model_configurations',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
grant select, delete on app_public.model_configurations to rowhouse_user;
grant insert (
  name, description, model_id, temperature, top_p, max_tokens, frequency_penalty, presence_penalty, response_format,
  stop_sequences, is_default
) on app_public.model_configurations to rowhouse_user;
grant update (
  name, description, model_id, temperature, top_p, max_tokens, frequency_penalty, presence_penalty, response_format,
  stop_sequences, is_default
) on app_public.model_configurations to rowhouse_user;
grant select, insert, update, delete on app_public.model_configurations to rowhouse_platform;
comment on table app_public.model_configurations is 'Named sets of parameters for a model, to choose from. At most one is the tenant''s default. can_create_resources, can_edit_resources and can_delete_resources.';
comment on column app_public.model_configurations.name is 'Name, unique in the tenant.';
comment on column app_public.model_configurations.description is 'What it is for.';
comment on column app_public.model_configurations.model_id is 'The chat model it is for.';
comment on column app_public.model_configurations.temperature is 'Sampling temperature, 0 to 2; null for the model''s default.';
comment on column app_public.model_configurations.top_p is 'Nucleus sampling, 0 to 1.';
comment on column app_public.model_configurations.max_tokens is 'Most tokens of an answer.';
comment on column app_public.model_configurations.frequency_penalty is 'Frequency penalty, -2 to 2.';
comment on column app_public.model_configurations.presence_penalty is 'Presence penalty, -2 to 2.';
comment on column app_public.model_configurations.response_format is 'json, text or structured.';
comment on column app_public.model_configurations.stop_sequences is 'Texts at which an answer ends, at most 16.';
comment on column app_public.model_configurations.is_default is 'Whether it is the tenant''s default.';
comment on column app_public.model_configurations.created_by_user_id is 'Who created it.';
comment on column app_public.model_configurations.created_at is 'When it was created.';
comment on column app_public.model_configurations.updated_at is 'When it last changed.';

comment on type app_public.vector_quantization is 'How a vector index stores vectors.';

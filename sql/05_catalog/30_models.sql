-- Language models. The idea: providers and models are the same for all tenants, read by everyone and edited by platform
-- staff; model configurations are a tenant's own named sets of parameters for these models.

call core.secure_global_table('app_public.llm_providers', 'facts of the platform');
call audit.track_global('app_public.llm_providers', null);
call core.allow('app_public.llm_providers', read => 'everyone', write => 'staff');
grant select (id, name, display_name, kind, is_enabled, created_at, updated_at) on app_public.llm_providers to rowhouse_user;
grant select, insert, update, delete on app_public.llm_providers to rowhouse_admin;
grant select, insert, update, delete on app_public.llm_providers to rowhouse_platform;
comment on table app_public.llm_providers is
  E'@behavior -query:resource:single\nThe services that run models: the built-in one, OpenAI-compatible endpoints, and Anthropic. They are the same for all tenants. Platform staff edit them.';
comment on column app_public.llm_providers.name is E'@notPersonal\nThe provider''s unique name, a slug.';
comment on column app_public.llm_providers.display_name is E'@notPersonal\nName to show.';
comment on column app_public.llm_providers.kind is 'How the provider is called.';
comment on column app_public.llm_providers.base_url is 'The address that paths are appended to, such as https://host/v1. Only platform staff see it.';
comment on column app_public.llm_providers.api_key_variable is 'The name of the worker''s environment variable that holds the API key; it must end in _API_KEY. The key itself is never stored. Only platform staff see it.';
comment on column app_public.llm_providers.is_enabled is 'Whether its models may be used.';
comment on column app_public.llm_providers.created_at is 'When it was added.';
comment on column app_public.llm_providers.updated_at is 'When it last changed.';
comment on constraint api_key_variable_names_an_api_key on app_public.llm_providers is
  'must be the name of an environment variable in capital letters that ends in _API_KEY';
comment on constraint base_url_is_http on app_public.llm_providers is 'must be an http address';
comment on constraint display_name_is_a_name on app_public.llm_providers is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint name_is_a_slug on app_public.llm_providers is
  'must be 1 to 63 lower-case letters, digits and inner hyphens';
comment on constraint openai_has_a_base_url on app_public.llm_providers is 'must be given for a provider of kind openai';
comment on constraint llm_providers_name_key on app_public.llm_providers is 'is taken by another provider';

call core.secure_global_table('app_public.llm_models', 'facts of the platform');
call audit.track_global('app_public.llm_models', null);
call core.allow('app_public.llm_models', read => 'everyone', write => 'staff');
grant select on app_public.llm_models to rowhouse_user;
grant select, insert, update, delete on app_public.llm_models to rowhouse_admin;
grant select, insert, update, delete on app_public.llm_models to rowhouse_platform;
comment on table app_public.llm_models is 'The models by name, with the settings for calling them and for ranking with them. They are the same for all tenants. Platform staff edit them.';
comment on column app_public.llm_models.name is E'@notPersonal\nThe model''s unique name, at most 100 characters. A knowledge source refers to its embedding model by this name.';
comment on column app_public.llm_models.display_name is E'@notPersonal\nName to show.';
comment on column app_public.llm_models.kind is 'Whether it answers or makes vectors.';
comment on column app_public.llm_models.provider_model_name is E'@notPersonal\nThe provider''s name for the model.';
comment on column app_public.llm_models.context_window_size is 'Tokens it can read at once.';
comment on column app_public.llm_models.max_output_tokens is 'Most tokens it can answer with; null when unknown.';
comment on column app_public.llm_models.max_temperature is 'Highest temperature its provider takes, 0 to 2.';
comment on column app_public.llm_models.input_modalities is 'What it reads: text, image, audio, video, document.';
comment on column app_public.llm_models.output_modalities is 'What it answers with: text, image, audio, video.';
comment on column app_public.llm_models.supports_function_calling is 'Whether it can call functions; null when unknown.';
comment on column app_public.llm_models.dimension is 'Length of its vectors, 1 to 16,000; embedding models only.';
comment on column app_public.llm_models.fusion_weight is 'The weight of this model''s ranking in hybrid search, 0 to 100; the ranking by words has the weight 1. npm run eval measures which weight is best.';
comment on column app_public.llm_models.vector_quantization is 'How the model''s vector index stores vectors: none (4 bytes a dimension, up to 2,000 dimensions), halfvec (2 bytes, up to 4,000) or binary (1 bit). The order of the results is always computed from the whole vectors. npm run eval measures how many results a coarser index loses.';
comment on column app_public.llm_models.batch_size is 'Texts sent in one request, 1 to 2,048.';
comment on column app_public.llm_models.timeout_ms is 'Milliseconds until a request is given up, 100 to 600,000.';
comment on column app_public.llm_models.max_retries is 'How often a failed request is tried again, 0 to 20.';
comment on column app_public.llm_models.is_enabled is 'Whether it may be used.';
comment on column app_public.llm_models.created_at is 'When it was added.';
comment on column app_public.llm_models.updated_at is 'When it last changed.';
comment on column app_public.llm_models.provider_id is 'Who serves it.';
comment on constraint batch_size_is_in_range on app_public.llm_models is 'must be from 1 to 2,048';
comment on constraint context_window_size_is_positive on app_public.llm_models is 'must be above 0';
comment on constraint dimension_is_storable on app_public.llm_models is 'must be from 1 to 16,000';
comment on constraint embedding_model_has_a_dimension on app_public.llm_models is 'must be given for an embedding model';
comment on constraint fusion_weight_is_a_weight on app_public.llm_models is 'must be from 0 to 100';
comment on constraint input_modalities_are_known on app_public.llm_models is
  'must be among text, image, audio, video and document';
comment on constraint max_output_tokens_is_positive on app_public.llm_models is 'must be above 0';
comment on constraint max_retries_is_in_range on app_public.llm_models is 'must be from 0 to 20';
comment on constraint max_temperature_is_in_range on app_public.llm_models is 'must be from 0 to 2';
comment on constraint name_is_a_name on app_public.llm_models is
  'must have 1 to 100 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint output_modalities_are_known on app_public.llm_models is 'must be among text, image, audio and video';
comment on constraint timeout_ms_is_in_range on app_public.llm_models is 'must be from 100 to 600,000';
comment on constraint llm_models_name_key on app_public.llm_models is 'is taken by another model';

call core.secure_tenant_table('app_public.model_configurations');
call audit.track('app_public.model_configurations');
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
comment on table app_public.model_configurations is 'Named sets of parameters for a model. At most one of them is the tenant''s default. Needs can_create_resources, can_edit_resources or can_delete_resources to write.';
comment on column app_public.model_configurations.name is E'@notPersonal\nName, unique in the tenant.';
comment on column app_public.model_configurations.description is 'What it is for.';
comment on column app_public.model_configurations.model_id is 'The chat model it is for.';
comment on column app_public.model_configurations.temperature is 'Sampling temperature, 0 to 2; null for the model''s default.';
comment on column app_public.model_configurations.top_p is 'Nucleus sampling, 0 to 1.';
comment on column app_public.model_configurations.max_tokens is 'Most tokens of an answer.';
comment on column app_public.model_configurations.frequency_penalty is 'Frequency penalty, -2 to 2.';
comment on column app_public.model_configurations.presence_penalty is 'Presence penalty, -2 to 2.';
comment on column app_public.model_configurations.response_format is 'The format of its answers.';
comment on column app_public.model_configurations.stop_sequences is 'Texts at which an answer ends, at most 16.';
comment on column app_public.model_configurations.is_default is 'Whether it is the tenant''s default.';
comment on column app_public.model_configurations.created_by_user_id is E'@personal pseudonymise\nWho created it.';
comment on column app_public.model_configurations.created_at is 'When it was created.';
comment on column app_public.model_configurations.updated_at is 'When it last changed.';
comment on constraint frequency_penalty_is_in_range on app_public.model_configurations is 'must be from -2 to 2';
comment on constraint max_tokens_is_positive on app_public.model_configurations is 'must be above 0';
comment on constraint name_is_a_name on app_public.model_configurations is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint presence_penalty_is_in_range on app_public.model_configurations is 'must be from -2 to 2';
comment on constraint stop_sequences_are_few on app_public.model_configurations is 'must have at most 16 entries';
comment on constraint temperature_is_in_range on app_public.model_configurations is 'must be from 0 to 2';
comment on constraint top_p_is_a_probability on app_public.model_configurations is 'must be from 0 to 1';
comment on constraint model_configurations_tenant_id_name_key on app_public.model_configurations is
  'is taken by another one of this tenant';
comment on index app_public.model_configurations_one_default_key is 'is set for another configuration';

comment on type app_public.vector_quantization is 'How a vector index stores vectors.';
comment on type app_public.llm_model_kind is 'Whether a model answers (chat) or makes vectors (embedding).';
comment on type app_public.llm_provider_kind is 'How a provider is called: builtin (in the database), openai (any OpenAI-compatible endpoint) or anthropic (its Messages API, which has no embeddings).';

create or replace function catalog.tg__check_model_settings() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_settings jsonb := to_jsonb(new);
  v_model app_public.llm_models;
  v_faults text[] := '{}';
begin
  if new.model_id is null then
    return new;
  end if;
  -- a limit of the model that is null is unknown and refuses nothing
  select * into v_model from app_public.llm_models m where m.id = new.model_id;
  if v_model.kind <> 'chat' then
    perform core.raise_error('RS421', 'The model makes vectors and cannot answer.', 'Choose a model of kind chat.');
  end if;
  if new.temperature > v_model.max_temperature then
    v_faults := v_faults || format('temperature is at most %s', v_model.max_temperature);
  end if;
  if new.max_tokens > v_model.max_output_tokens then
    v_faults := v_faults || format('max_tokens is at most %s', v_model.max_output_tokens);
  end if;
  if (v_settings ->> 'context_window_size')::int > v_model.context_window_size then
    v_faults := v_faults || format('context_window_size is at most %s', v_model.context_window_size);
  end if;
  if (v_settings ->> 'function_calling_enabled')::boolean and v_model.supports_function_calling is false then
    v_faults := v_faults || 'it cannot call functions'::text;
  end if;
  perform catalog.refuse_faults('RS422', 'The model does not take these settings', v_faults, 'Change them, or choose another model.');
  return new;
end
$$;
comment on function catalog.tg__check_model_settings is
  E'@errors RS421 RS422\nRefuses settings that the chosen model does not take.';

create or replace trigger _300_check_model_settings before insert or update of model_id, temperature, max_tokens
  on app_public.model_configurations
  for each row execute function catalog.tg__check_model_settings();

-- Calls of models by steps: which model an agent or a prompt is answered by, with which settings, instructions and tools. Of
-- agents and prompts the published version is taken; what was never published is taken as it is.

grant select on app_public.resource_versions to rowhouse_platform;
set local role rowhouse_platform;  -- outside the wall: the versions of an agent or prompt that is shared with the tenant lie in another one
create or replace function runtime.published_resource(kind app_public.resource_kind, id uuid) returns jsonb
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_resource constant jsonb := catalog.visible_resource(published_resource.kind, published_resource.id);
begin
  return v_resource || coalesce((
    select v.content from app_public.resource_versions v
     where v.tenant_id = (v_resource ->> 'tenant_id')::uuid and v.resource_kind = published_resource.kind
       and v.resource_id = published_resource.id
     order by v.version_number desc limit 1), '{}');
end
$$;
comment on function runtime.published_resource is
  'A resource that the person of the context may use, as its latest published version has it; null when there is none. Name, status and place are those of today.';
grant execute on function runtime.published_resource to rowhouse_owner;
set local role rowhouse_owner;

create or replace function runtime.default_configuration() returns app_public.model_configurations
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select c from app_public.model_configurations c where c.tenant_id = core.current_tenant_id() and c.is_default;
$$;
comment on function runtime.default_configuration is 'The model configuration that the tenant of the context made its default; null when there is none.';

create or replace function runtime.default_max_tokens() returns int
language sql immutable parallel safe
return 4096;
comment on function runtime.default_max_tokens is 'The most tokens of an answer when neither agent, prompt nor model say.';

create or replace function runtime.callable_model(model_id uuid) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_model record;
begin
  select m.id, m.name, m.kind, p.kind as provider, p.base_url, p.api_key_variable, m.provider_model_name as model_name,
         m.timeout_ms, m.max_retries, m.max_output_tokens, m.max_temperature, m.supports_function_calling
    into v_model
    from app_public.llm_models m
    join app_public.llm_providers p on p.id = m.provider_id
   where m.id = callable_model.model_id and m.is_enabled and p.is_enabled;
  if v_model.id is null or v_model.kind <> 'chat' then
    perform core.raise_error('RN376', 'There is no model that is switched on.',
      'Give the agent a model, or make a model configuration the tenant''s default.');
  elsif v_model.provider = 'anthropic' then
    perform core.raise_error('RN479', format('The model %s is not called by steps, because its provider has another protocol.', v_model.name),
      'Choose a model of a provider of kind openai, which any OpenAI-compatible address can be.');
  end if;
  return to_jsonb(v_model);
end
$$;
comment on function runtime.callable_model is E'@errors RN376 RN479\nWhat the worker needs to call a model.';

create or replace function runtime.model_settings(own jsonb, configuration app_public.model_configurations, model jsonb) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'temperature', least(coalesce((own ->> 'temperature')::numeric, (configuration).temperature), (model ->> 'max_temperature')::numeric),
    'top_p', coalesce((own ->> 'top_p')::numeric, (configuration).top_p),
    'frequency_penalty', coalesce((own ->> 'frequency_penalty')::numeric, (configuration).frequency_penalty),
    'presence_penalty', coalesce((own ->> 'presence_penalty')::numeric, (configuration).presence_penalty),
    'max_tokens', least(coalesce((own ->> 'max_tokens')::int, (configuration).max_tokens, runtime.default_max_tokens()),
      (model ->> 'max_output_tokens')::int),
    'response_format', coalesce(own ->> 'response_format', (configuration).response_format),
    'stop', coalesce(nullif(own -> 'stop_sequences', 'null'), to_jsonb((configuration).stop_sequences)),
    'is_streamed', coalesce((own ->> 'streaming_enabled')::boolean, true)));
$$;
comment on function runtime.model_settings is
  'The settings of a call: those of the agent or prompt, then those of the configuration its model was taken from, within the limits of the model.';

create or replace function runtime.tools_of_agent(agent jsonb, model jsonb) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
           'id', t.tool ->> 'id', 'name', t.tool ->> 'name', 'description', t.tool ->> 'description',
           'parameters', t.tool -> 'request_schema') order by t.n), '[]')
    from (
      select catalog.visible_resource('tool', i.id::uuid) as tool, i.n
        from jsonb_array_elements_text(agent -> 'tool_ids') with ordinality as i (id, n)
       where (agent ->> 'function_calling_enabled')::boolean and (model ->> 'supports_function_calling')::boolean is not false
         -- more than any endpoint takes
         and i.n <= 128
    ) t
   where (t.tool ->> 'enabled')::boolean and t.tool ->> 'status' in ('active', 'deprecated') and t.tool ->> 'endpoint_url' is not null;
$$;
comment on function runtime.tools_of_agent is 'The tools that an agent may call as functions: none unless the agent may call functions and its model can.';

create or replace function runtime.prompt_variables(declared jsonb, given jsonb) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(v.name, case
           when v.type = 'string' and jsonb_typeof(given -> v.name) not in ('string', 'null') then to_jsonb(given ->> v.name)
           else given -> v.name end), '{}')
    from (
      select d.key as name, case jsonb_typeof(d.value) when 'string' then d.value #>> '{}' else d.value ->> 'type' end as type
        from jsonb_each(declared) d
    ) v
   where given ? v.name;
$$;
comment on function runtime.prompt_variables is
  'The values that a step has for the variables of a prompt. What the prompt does not declare is left out, and where it asks for a text it gets one.';

create or replace function runtime.filled_prompt(prompt_id uuid, input jsonb) returns app_public.rendered_prompt
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_prompt jsonb;
begin
  if filled_prompt.prompt_id is null then
    return null;
  end if;
  v_prompt := runtime.published_resource('prompt', filled_prompt.prompt_id);
  if v_prompt is null or v_prompt ->> 'status' not in ('active', 'deprecated') then
    perform catalog.raise_no_such_resource('prompt');
  end if;
  return catalog.fill_prompt(
    jsonb_populate_record(null::app_public.prompts, v_prompt), runtime.prompt_variables(v_prompt -> 'input_variables', filled_prompt.input));
end
$$;
comment on function runtime.filled_prompt is E'@errors RS301 RS431 RS620\nThe published version of a prompt, filled with the input of a step; null without a prompt.';

create or replace function runtime.usable_agent(agent_id uuid) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent jsonb := runtime.published_resource('agent', usable_agent.agent_id);
begin
  if v_agent is null or not (v_agent ->> 'is_active')::boolean or v_agent ->> 'status' not in ('active', 'deprecated') then
    perform core.raise_error('RN377', 'The agent does not exist, is switched off, or may not be used by the person who began this.',
      'Choose an agent of this tenant, or one that is shared with it, and switch it on.');
  end if;
  return v_agent;
end
$$;
comment on function runtime.usable_agent is E'@errors RN377\nAn agent that the person of the context may use, as its published version has it.';

create or replace function runtime.open_model_step(tenant_id uuid, user_id uuid, agent_id uuid, prompt_id uuid, input jsonb) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent jsonb;
  v_prompt app_public.rendered_prompt;
  v_own jsonb;
  v_configuration app_public.model_configurations;
  v_model jsonb;
begin
  call runtime.enter_run(open_model_step.tenant_id, open_model_step.user_id);
  v_agent := case when open_model_step.agent_id is not null then runtime.usable_agent(open_model_step.agent_id) end;
  v_prompt := runtime.filled_prompt(open_model_step.prompt_id, open_model_step.input);
  v_own := coalesce(v_agent, runtime.published_resource('prompt', open_model_step.prompt_id), '{}');
  if v_own ->> 'model_id' is null then
    v_configuration := runtime.default_configuration();
  end if;
  v_model := runtime.callable_model(coalesce((v_own ->> 'model_id')::uuid, v_configuration.model_id));
  return jsonb_build_object(
    'model', v_model,
    'settings', runtime.model_settings(v_own, v_configuration, v_model),
    'agent_name', coalesce(v_agent ->> 'display_name', v_agent ->> 'name'),
    'system', nullif(concat_ws(E'\n\n', v_agent ->> 'system_prompt', v_prompt.system), ''),
    'prompt', v_prompt.prompt,
    'tools', case when v_agent is null then '[]' else runtime.tools_of_agent(v_agent, v_model) end,
    'runs_tools_side_by_side', coalesce((v_agent ->> 'parallel_function_calls')::boolean, false));
end
$$;
comment on function runtime.open_model_step is
  E'@errors RN376 RN377 RN479 RS301 RS431 RS620\nWhat the worker needs for a step that calls a model: the model, its settings, the instructions and the filled prompt, and the agent''s tools. The model is the agent''s, else that of the tenant''s default configuration.';
grant execute on function runtime.open_model_step to rowhouse_worker;

create or replace function runtime.record_model_call(tenant_id uuid, agent_id uuid, call jsonb) returns numeric
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_receipt app_public.llm_usage_receipt;
  v_secret_id uuid;
begin
  call core.enter_tenant(record_model_call.tenant_id);
  v_receipt := metering.record_tenant_llm_usage(record_model_call.tenant_id, record_model_call.call || jsonb_build_object('agent_id', (
    -- usage counts for an agent of the tenant; one that is shared with it is only named
    select a.id from app_public.agents a where a.tenant_id = record_model_call.tenant_id and a.id = record_model_call.agent_id)));
  select k.id into v_secret_id
    from app_public.llm_models m
    join app_public.encrypted_api_keys k on k.provider_id = m.provider_id
   where m.name = record_model_call.call ->> 'model' and k.tenant_id = record_model_call.tenant_id and k.revoked_at is null;
  if v_secret_id is not null and v_receipt.total_cost > 0 then
    perform governance.add_secret_cost(record_model_call.tenant_id, v_secret_id, v_receipt.total_cost);
  end if;
  return coalesce(v_receipt.total_cost, 0);
end
$$;
comment on function runtime.record_model_call is
  E'@errors MT301 MT401 MT404 MT405 MT406 MT409 MT411 MT413 MT414 MT415 MT501 QT301 QT408 23514\nRecords a call of a model, an object with the fields of new_llm_call, adds its cost to the day''s cost of the tenant''s key it was made with, and returns the cost in US dollars; 0 when the model has no price.';
grant execute on function runtime.record_model_call to rowhouse_worker;

create or replace function runtime.search_for_step(tenant_id uuid, user_id uuid, query text, hit_limit int) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call runtime.enter_run(search_for_step.tenant_id, search_for_step.user_id);
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'rank', h.rank, 'title', h.title, 'snippet', h.snippet, 'content', h.content, 'document_id', h.document_id) order by h.rank), '[]')
      from app_public.search(search_for_step.query, "limit" => coalesce(search_for_step.hit_limit, 10)) h);
end
$$;
comment on function runtime.search_for_step is 'What the person who began a run would find in the tenant''s knowledge, for a step of the kind search.';
grant execute on function runtime.search_for_step to rowhouse_worker;

create or replace function runtime.check_output(schema jsonb, output jsonb) returns text[]
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select runtime.value_faults(check_output.schema, check_output.output);
$$;
comment on function runtime.check_output is 'Why the output of a step does not fit a schema, for the worker; empty when it fits.';
grant execute on function runtime.check_output to rowhouse_worker;

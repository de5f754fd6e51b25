-- Calls of tools by steps. The idea: the worker holds no rule. It asks before a call, and is told everything about the call or why
-- there is none; it tells afterwards how the call went, and is told whether the answer may be used. Each call is a row of
-- app_public.tool_executions.

create or replace procedure runtime.enter_run(tenant_id uuid, user_id uuid)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(enter_run.tenant_id);
  perform set_config('rowhouse.user_id', coalesce(enter_run.user_id::text, ''), true);
end
$$;
comment on procedure runtime.enter_run is
  'Sets the tenant and the person of this transaction for what a run does: it sees the resources that the person who began it sees.';

create or replace function runtime.value_faults(schema jsonb, value jsonb) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return core.json_value_faults(schema, value);
exception when data_exception or statement_too_complex then
  return array['The schema cannot be read'];
end
$$;
comment on function runtime.value_faults is
  'Why a value does not fit a schema that a person wrote by hand; keywords that are not understood are without effect, and a schema that cannot be read fits nothing.';

create or replace function runtime.usable_tool(tool_id uuid) returns app_public.tools
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tool app_public.tools := jsonb_populate_record(null::app_public.tools, catalog.visible_resource('tool', usable_tool.tool_id));
begin
  if v_tool.id is null or not v_tool.enabled or v_tool.status not in ('active', 'deprecated') then
    perform core.raise_error('RN375', 'The tool does not exist, is switched off, or may not be used by the person who began this.',
      'Choose a tool of this tenant, or one that is shared with it, and switch it on.');
  elsif v_tool.endpoint_url is null then
    perform core.raise_error('RN476', format('The tool %s has no address to call.', v_tool.name), 'Set its endpoint_url.');
  end if;
  return v_tool;
end
$$;
comment on function runtime.usable_tool is E'@errors RN375 RN476\nA tool that the person of the context may use, and that can be called.';

create or replace function runtime.require_approved_tool(tool app_public.tools, step_run_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (
       select from app_public.approval_policies p
        where p.tenant_id = core.current_tenant_id() and p.tool_id = (tool).id and p.is_required)
     and not exists (
       select from app_public.workflow_step_runs s
        where s.tenant_id = core.current_tenant_id() and s.id = require_approved_tool.step_run_id and s.kind = 'tool'
          and runtime.step_is_approved(s)) then
    perform core.raise_error('RN277', format('The tool %s needs an approval.', (tool).name),
      'Put it into a step of its own, which waits for people.');
  end if;
end
$$;
comment on function runtime.require_approved_tool is
  E'@errors RN277\nRefuses a tool that a policy lets be used only with an approval, unless it is the tool of a step that people have allowed. An agent that chooses it by itself cannot wait for people.';

create or replace function runtime.open_tool_call(tenant_id uuid, user_id uuid, tool_id uuid, arguments jsonb, step_run_id uuid) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tool app_public.tools;
  v_secret_name text;
begin
  call runtime.enter_run(open_tool_call.tenant_id, open_tool_call.user_id);
  v_tool := runtime.usable_tool(open_tool_call.tool_id);
  perform runtime.require_approved_tool(v_tool, open_tool_call.step_run_id);
  perform runtime.require_host(v_tool.endpoint_url);
  if jsonb_typeof(open_tool_call.arguments) is distinct from 'object' then
    perform core.raise_error('RN475', format('The arguments of the tool %s must be an object.', v_tool.name), 'Read its request_schema.');
  end if;
  perform catalog.refuse_faults('RN475', format('The arguments do not fit the request_schema of the tool %s', v_tool.name),
    runtime.value_faults(v_tool.request_schema, open_tool_call.arguments), 'Read its request_schema.');
  v_secret_name := v_tool.authentication_config ->> 'secret_name';
  if v_tool.authentication_type <> 'none' then
    perform runtime.require_secret_for(v_tool.endpoint_url, v_secret_name);
    if v_tool.authentication_type = 'oauth2_client' then
      perform runtime.require_secret_for(v_tool.authentication_config ->> 'token_url', v_secret_name);
    end if;
  end if;
  return jsonb_build_object(
    'id', v_tool.id, 'name', v_tool.name, 'url', v_tool.endpoint_url, 'method', coalesce(v_tool.http_method, 'POST'),
    'headers', v_tool.headers, 'authentication_type', v_tool.authentication_type,
    'authentication_config', v_tool.authentication_config, 'timeout_seconds', v_tool.timeout_seconds,
    'retry_config', v_tool.retry_config);
end
$$;
comment on function runtime.open_tool_call is
  E'@errors RN275 RN276 RN277 RN375 RN475 RN476\nWhat the worker needs to call a tool with these arguments for this person, in this step: its address, method, headers, the name of its secret and its time limit. It refuses a tool that may not be used, a host that is not listed, a secret that may not be sent there, and arguments that do not fit.';
grant execute on function runtime.open_tool_call to rowhouse_worker;

create or replace function runtime.small_json(value jsonb) returns jsonb
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case when octet_length(small_json.value::text) <= 100000 then small_json.value else '"(more than 100 kB)"' end;
$$;
comment on function runtime.small_json is 'A value as the log of tools can keep it.';

create or replace function runtime.close_tool_call(tenant_id uuid, user_id uuid, execution jsonb) returns text[]
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
set timezone to 'UTC'
as $$
declare
  v_execution app_public.new_tool_execution := jsonb_populate_record(null::app_public.new_tool_execution, close_tool_call.execution);
  v_tool app_public.tools;
  v_faults text[] := '{}';
begin
  call runtime.enter_run(close_tool_call.tenant_id, close_tool_call.user_id);
  v_tool := jsonb_populate_record(null::app_public.tools, catalog.visible_resource('tool', v_execution.tool_id));
  if v_execution.status = 'success' and v_tool.id is not null then
    v_faults := runtime.value_faults(v_tool.response_schema, v_execution.output);
    if cardinality(v_faults) > 0 then
      v_execution.status := 'error';
      v_execution.error_type := 'RN477';
      v_execution.error_message := left('The answer does not fit the response_schema: ' || array_to_string(v_faults, '; ') || '.', 10000);
    end if;
  end if;
  -- What was taken back meanwhile was called all the same, so the log has its name.
  v_execution.tool_name := coalesce(v_tool.name, v_execution.tool_name);
  v_execution.tool_id := v_tool.id;
  if catalog.visible_resource('agent', v_execution.agent_id) is null then
    v_execution.agent_id := null;
  end if;
  v_execution.input := runtime.small_json(v_execution.input);
  v_execution.output := runtime.small_json(v_execution.output);
  perform observability.store_tool_executions(array[v_execution]);
  return v_faults;
end
$$;
comment on function runtime.close_tool_call is
  E'@errors OB501\nRecords a call of a tool, an object with the fields of new_tool_execution, and returns why the answer does not fit the tool''s response_schema; empty when it fits. An answer that does not fit is recorded as an error.';
grant execute on function runtime.close_tool_call to rowhouse_worker;

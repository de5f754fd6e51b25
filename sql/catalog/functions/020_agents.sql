-- Agents: when one was switched on and off, what its model takes, and its tools.

create or replace function app_private.tg__note_activation() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- the switch has another name in each table; old does not exist on insert
  v_is_on boolean := (to_jsonb(new) ->> tg_argv[0])::boolean and new.status::text in ('active', 'deprecated');
  v_was_on boolean := false;
begin
  if tg_op = 'UPDATE' then
    v_was_on := (to_jsonb(old) ->> tg_argv[0])::boolean and old.status::text in ('active', 'deprecated');
  end if;
  if v_is_on and not v_was_on then
    new.activated_at := now();
  elsif v_was_on and not v_is_on then
    new.deactivated_at := now();
  end if;
  return new;
end
$$;
comment on function app_private.tg__note_activation() is
  'Keeps activated_at and deactivated_at: a thing is on when its switch is and its status is active or deprecated.';

create or replace function app_private.tg__check_model_settings() returns trigger
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
  select * into v_model from app_public.llm_models m where m.id = new.model_id;
  if v_model.kind <> 'chat' then
    perform app_private.raise_error('RS421', 'The model makes vectors, not answers.', 'Choose a model of kind chat.');
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
  if (v_settings ->> 'function_calling_enabled')::boolean and not v_model.supports_function_calling then
    v_faults := v_faults || 'it cannot call functions'::text;
  end if;
  perform app_private.refuse_faults('RS422', 'The model does not take these settings', v_faults, 'Change them, or choose another model.');
  return new;
end
$$;
comment on function app_private.tg__check_model_settings() is
  'Settings are those the chosen model takes. RS421: it is no chat model; RS422: what is out of its range.';

create or replace function app_private.tg_agent_tools__check_tool() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- outside of a tenant's request (administrators, seeds) the foreign key is all there is to ask
  if new.tenant_id = app_hidden.current_tenant_id() and not app_hidden.is_visible_resource('tool', new.tool_id) then
    perform app_private.raise_error('RS303', 'There is no such tool.', 'List the tools of this tenant, and those shared with it.');
  end if;
  return new;
end
$$;
comment on function app_private.tg_agent_tools__check_tool() is
  'An agent gets tools its tenant sees. RS303: there is no such tool, or it is not for you to see: one error for both.';

create or replace function app_public.set_agent_tools(agent_id uuid, tool_ids uuid[]) returns app_public.agents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent app_public.agents;
  v_tenant_id uuid := app_hidden.current_tenant_id();
begin
  perform app_private.require_permission('can_edit_agents');
  if set_agent_tools.tool_ids is null or array_position(set_agent_tools.tool_ids, null) is not null
    or cardinality(set_agent_tools.tool_ids) > 100
    or cardinality(set_agent_tools.tool_ids) <> (select count(distinct t) from unnest(set_agent_tools.tool_ids) t) then
    perform app_private.raise_error('RS428', 'tool_ids must be up to 100 ids, each of them once.', 'Send each tool once, in the order they are to have.');
  end if;
  -- the lock keeps two lists from being mixed
  perform from app_public.agents a
    where a.tenant_id = v_tenant_id and a.id = set_agent_tools.agent_id and a.deleted_at is null for no key update;
  if not found then
    perform app_private.raise_error('RS301', 'There is no such agent.', 'List the agents of this tenant.');
  end if;
  delete from app_public.agent_tools t
   where t.tenant_id = v_tenant_id and t.agent_id = set_agent_tools.agent_id and t.tool_id <> all (set_agent_tools.tool_ids);
  insert into app_public.agent_tools as t (tenant_id, agent_id, tool_id, sort_order)
  select v_tenant_id, set_agent_tools.agent_id, u.tool_id, u.n
    from unnest(set_agent_tools.tool_ids) with ordinality as u (tool_id, n)
  on conflict on constraint agent_tools_pkey do update set sort_order = excluded.sort_order;
  select * into v_agent from app_public.agents a where a.tenant_id = v_tenant_id and a.id = set_agent_tools.agent_id;
  return v_agent;
end
$$;
comment on function app_public.set_agent_tools(uuid, uuid[]) is
  E'@resultFieldName agent\nGives an agent exactly these tools, in this order; what is configured of those it keeps stays. can_edit_agents. RS301: there is no such agent; RS303: there is no such tool; RS428: an id comes twice, is null, or there are more than 100; ID203: your permissions do not allow it.';
grant execute on function app_public.set_agent_tools(uuid, uuid[]) to rowhouse_user;

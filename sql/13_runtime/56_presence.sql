-- Whether an agent is there. It says so by its own API key, at most one row is written in half a minute, and presence is computed from
-- the time that has passed.

create or replace function runtime.heartbeat_precision() returns interval
language sql immutable parallel safe
return interval '30 seconds';
comment on function runtime.heartbeat_precision is 'How old last_seen_at of an agent may be before a heartbeat writes it anew.';

create or replace function app_public.heartbeat_agent(agent_id uuid default null) returns app_public.agents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_agent_id constant uuid := tenancy.current_agent_id();
  v_agent app_public.agents;
begin
  if v_agent_id is null or heartbeat_agent.agent_id <> v_agent_id then
    perform core.raise_error('RN247', 'agent_id: Only the API key of an agent reports that the agent is there.',
      'Make an API key of the type agent for this agent.');
  end if;
  perform tenancy.require_permission('can_record_usage');
  -- A row that another request has locked is left to the next heartbeat, so that none waits for it.
  update app_public.agents a set last_seen_at = v_now
   where a.id in (select l.id from app_public.agents l
           where l.tenant_id = core.current_tenant_id() and l.id = v_agent_id and l.deleted_at is null
             and coalesce(l.last_seen_at < v_now - runtime.heartbeat_precision(), true) for no key update skip locked);
  select a.* into v_agent from app_public.agents a where a.tenant_id = core.current_tenant_id() and a.id = v_agent_id and a.deleted_at is null;
  return v_agent;
end
$$;
comment on function app_public.heartbeat_agent is
  E'@resultFieldName agent\n@errors ID203 RN247\nReports that an agent is there, by its own API key with the permission can_record_usage. Call it once a minute. last_seen_at is right to half a minute.';
grant execute on function app_public.heartbeat_agent to rowhouse_user;

create or replace function app_public.agents_presence(agent app_public.agents) returns app_public.agent_presence
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when (agent).last_seen_at > core.clock() - interval '2 minutes' then 'online'
    when (agent).last_seen_at > core.clock() - interval '15 minutes' then 'idle'
    else 'offline'
  end;
$$;
comment on function app_public.agents_presence is
  E'@notNull\nWhether the agent is there: online when it reported within two minutes, idle within a quarter of an hour, and otherwise offline.';
grant execute on function app_public.agents_presence to rowhouse_user;
comment on domain app_public.agent_presence is 'Whether an agent is there.';

-- The tools of each agent. The idea: agent_tools is the truth, and a trigger copies it to agents.tool_ids, so that a list of
-- agents shows their tools without a join.

call core.secure_tenant_table('app_public.agent_tools');
call audit.track('app_public.agent_tools');
call core.allow('app_public.agent_tools', read => 'member', write => 'can_edit_agents');
grant select, delete on app_public.agent_tools to rowhouse_user;
grant insert (agent_id, tool_id, sort_order, config) on app_public.agent_tools to rowhouse_user;
grant update (sort_order, config) on app_public.agent_tools to rowhouse_user;
grant select, insert, update, delete on app_public.agent_tools to rowhouse_platform;
comment on table app_public.agent_tools is
  E'@behavior -query:resource:connection -insert -delete\nThe tools that each agent works with. A tool belongs to this tenant or is shared with it. Needs can_edit_agents to write.';
comment on column app_public.agent_tools.agent_id is 'The agent.';
comment on column app_public.agent_tools.tool_id is 'The tool.';
comment on column app_public.agent_tools.sort_order is 'Position among the agent''s tools, ascending.';
comment on column app_public.agent_tools.config is 'How this agent uses the tool: an object.';
comment on column app_public.agent_tools.created_at is 'When it was created.';
comment on column app_public.agent_tools.updated_at is 'When it last changed.';
-- These relations get GraphQL names of their own, because the generated names would repeat the column names.
comment on constraint agent_tools_tenant_id_agent_id_fkey on app_public.agent_tools is E'@fieldName agent\n@foreignFieldName agentTools';
comment on constraint agent_tools_tool_id_fkey on app_public.agent_tools is E'@fieldName tool\n@foreignFieldName agentTools';
comment on constraint config_is_an_object on app_public.agent_tools is 'must be a JSON object';
comment on constraint agent_tools_pkey on app_public.agent_tools is 'is one of the agents tools already';

create or replace function catalog.tg_agent_tools__check_tool() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- administrators and seeds write outside of a tenant's request: then only the foreign key decides
  if new.tenant_id = core.current_tenant_id() and not catalog.is_visible_resource('tool', new.tool_id) then
    perform catalog.raise_no_such_resource('tool');
  end if;
  return new;
end
$$;
comment on function catalog.tg_agent_tools__check_tool is
  E'@errors RS301\nLets an agent use only tools that its tenant sees.';

create or replace function app_public.set_agent_tools(agent_id uuid, tool_ids uuid[]) returns app_public.agents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent app_public.agents;
  v_tenant_id uuid := core.current_tenant_id();
  v_most_tools constant int := 100;
begin
  perform tenancy.require_permission('can_edit_agents');
  if set_agent_tools.tool_ids is null or array_position(set_agent_tools.tool_ids, null) is not null
    or cardinality(set_agent_tools.tool_ids) > v_most_tools
    or cardinality(set_agent_tools.tool_ids) <> (select count(distinct t) from unnest(set_agent_tools.tool_ids) t) then
    perform core.raise_error('RS428', 'tool_ids must have at most 100 ids, and each of them once.', 'Send each tool once, in the order that the agent should have.');
  end if;
  -- the lock makes two calls run one after the other, so that their lists do not mix
  perform from app_public.agents a
    where a.tenant_id = v_tenant_id and a.id = set_agent_tools.agent_id and a.deleted_at is null for no key update;
  if not found then
    perform catalog.raise_no_such_resource('agent');
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
comment on function app_public.set_agent_tools is
  E'@resultFieldName agent\n@errors RS301 RS428 ID203\nGives an agent exactly these tools, in this order. The tools that it keeps also keep their configuration. Needs can_edit_agents.';
grant execute on function app_public.set_agent_tools to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: when a tenant is deleted with its tools, the agents of other tenants lose them
create or replace function catalog.tg_agent_tools__keep_tool_ids() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Lock first and read in a second statement, because its snapshot then has what the previous holder of the lock wrote.
  perform from app_public.agents a
    where (a.tenant_id, a.id) in (select c.tenant_id, c.agent_id from changed c) order by a.id for no key update;
  update app_public.agents a
     set tool_ids = coalesce((
           select array_agg(t.tool_id order by t.sort_order, t.tool_id) from app_public.agent_tools t
            where t.tenant_id = a.tenant_id and t.agent_id = a.id), '{}')
   where (a.tenant_id, a.id) in (select c.tenant_id, c.agent_id from changed c);
  return null;
end
$$;
comment on function catalog.tg_agent_tools__keep_tool_ids is
  'Copies the tools of the changed agents from agent_tools to agents.tool_ids.';
grant execute on function catalog.tg_agent_tools__keep_tool_ids to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _300_check_tool before insert on app_public.agent_tools
  for each row execute function catalog.tg_agent_tools__check_tool();
create or replace trigger _300_refuse_credentials before insert or update of config on app_public.agent_tools
  for each row execute function catalog.tg__refuse_credentials('config');
create or replace trigger _500_keep_tool_ids_of_added after insert on app_public.agent_tools
  referencing new table as changed
  for each statement execute function catalog.tg_agent_tools__keep_tool_ids();
create or replace trigger _500_keep_tool_ids_of_ordered after update on app_public.agent_tools
  referencing new table as changed
  for each statement execute function catalog.tg_agent_tools__keep_tool_ids();
create or replace trigger _500_keep_tool_ids_of_removed after delete on app_public.agent_tools
  referencing old table as changed
  for each statement execute function catalog.tg_agent_tools__keep_tool_ids();

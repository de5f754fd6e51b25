-- One's own list of agents: the rows are written directly, what concerns several of them at once is here.

create or replace function app_public.order_my_agents(agent_ids uuid[]) returns setof app_public.user_agents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_found int;
begin
  -- one order after the other: two windows of the same person cannot mix theirs
  perform pg_advisory_xact_lock(hashtextextended('order_my_agents ' || app_hidden.current_tenant_id() || app_hidden.current_user_id(), 0));
  update app_public.user_agents u
     set sort_order = coalesce(array_position(order_my_agents.agent_ids, u.agent_id), cardinality(order_my_agents.agent_ids) + 1)
   where u.tenant_id = app_hidden.current_tenant_id() and u.user_id = app_hidden.current_user_id();
  select count(*) into v_found from app_public.user_agents u
   where u.tenant_id = app_hidden.current_tenant_id() and u.user_id = app_hidden.current_user_id()
     and u.agent_id = any (order_my_agents.agent_ids);
  if v_found <> cardinality(order_my_agents.agent_ids) then
    perform app_private.raise_error('RS453', 'These are not agents of your list, each once.', 'Give the ids of agents that you added, without repeating one.');
  end if;
  return query
    select u.* from app_public.user_agents u
     where u.tenant_id = app_hidden.current_tenant_id() and u.user_id = app_hidden.current_user_id()
     order by u.sort_order, u.created_at, u.id;
end
$$;
comment on function app_public.order_my_agents(uuid[]) is
  E'@resultFieldName userAgents\nPuts your agents into this order, all at once; those you do not name come after. RS453: an id is not in your list, or named twice.';

create or replace function app_public.rename_my_agent_folder(folder text, new_folder text default null) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  update app_public.user_agents u set folder = rename_my_agent_folder.new_folder
   where u.tenant_id = app_hidden.current_tenant_id() and u.user_id = app_hidden.current_user_id()
     and u.folder = rename_my_agent_folder.folder;
  get diagnostics v_count = row_count;
  if v_count = 0 then
    perform app_private.raise_error('RS354', 'There is no such folder.', 'my_agent_folders lists yours.');
  end if;
  return v_count;
end
$$;
comment on function app_public.rename_my_agent_folder(text, text) is
  E'@resultFieldName count\nRenames a folder of your list, or takes its agents out of it when no new name is given; returns how many. RS354: there is no such folder; 23514: the new name is none.';

create or replace function app_public.my_agent_folders() returns table (folder text, agent_count int)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select u.folder, count(*)::int
    from app_public.user_agents u
   where u.tenant_id = app_hidden.current_tenant_id() and u.user_id = app_hidden.current_user_id() and u.folder is not null
   group by u.folder
   order by u.folder;
$$;
comment on function app_public.my_agent_folders() is 'The folders of your list of agents, by name, and how many agents each holds.';

grant execute on function
  app_public.order_my_agents(uuid[]), app_public.rename_my_agent_folder(text, text), app_public.my_agent_folders()
to rowhouse_user;

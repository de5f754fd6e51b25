-- One's own list of agents: the rows are written directly, what concerns several of them at once is here.

-- One's own list and favorites are nobody else's, also not the admins'. Ratings are for all of the tenant to read.
call core.secure_tenant_table('app_public.user_agents');
create policy all_self on app_public.user_agents to rowhouse_user
  using (user_id = (select core.current_user_id())) with check (user_id = (select core.current_user_id()));
grant select, delete on app_public.user_agents to rowhouse_user;
grant insert (
  agent_id, original_agent_id, folder, tags, is_pinned, sort_order, custom_name, custom_description, custom_avatar,
  custom_color, custom_system_prompt, settings
) on app_public.user_agents to rowhouse_user;
grant update (
  folder, tags, is_pinned, sort_order, custom_name, custom_description, custom_avatar, custom_color,
  custom_system_prompt, settings
) on app_public.user_agents to rowhouse_user;
grant select, insert, update, delete on app_public.user_agents to rowhouse_platform;
comment on table app_public.user_agents is
  'Your own list of agents: folders, order, look and prompt of your own. Nobody else sees it. Members.';
comment on column app_public.user_agents.agent_id is 'The agent: one of this tenant or one that is shared with you.';
comment on column app_public.user_agents.original_agent_id is 'What the agent was copied from, null when it is no copy of yours.';
comment on column app_public.user_agents.is_user_copy is 'Whether the agent is your copy of another.';
comment on column app_public.user_agents.folder is 'Name of the folder it lies in, null for none.';
comment on column app_public.user_agents.tags is 'Your own tags, at most 50.';
comment on column app_public.user_agents.is_pinned is 'Whether it stays at the top.';
comment on column app_public.user_agents.sort_order is 'Your own order, ascending; order_my_agents sets it for several at once.';
comment on column app_public.user_agents.is_favorite is 'Whether it is among your favorites (favorite, unfavorite).';
comment on column app_public.user_agents.custom_name is 'Your own name for it.';
comment on column app_public.user_agents.custom_description is 'Your own description, at most 10,000 characters.';
comment on column app_public.user_agents.custom_avatar is 'Your own picture: an http address, a path of the site, or a data address.';
comment on column app_public.user_agents.custom_color is 'Your own colour: #rrggbb or the name of a theme''s colour.';
comment on column app_public.user_agents.custom_system_prompt is 'Your own system prompt in place of the agent''s, at most 100,000 characters.';
comment on column app_public.user_agents.settings is 'Anything else, an object of at most 100 kB.';
comment on column app_public.user_agents.usage_count is 'How often you used it: calls of a language model as this agent, as of the last roll-up (a minute ago); so the other counts.';
comment on column app_public.user_agents.message_count is 'How many messages you sent it: one a call.';
comment on column app_public.user_agents.conversation_count is 'In how many conversations: different conversation_id of your calls.';
comment on column app_public.user_agents.success_count is 'How many of your calls succeeded.';
comment on column app_public.user_agents.error_count is 'How many of your calls failed.';
comment on column app_public.user_agents.first_used_at is 'When you first used it, null for never.';
comment on column app_public.user_agents.last_used_at is 'When you last used it, null for never.';
comment on column app_public.user_agents.created_at is 'When you added it.';
comment on column app_public.user_agents.updated_at is 'When the entry last changed.';

create or replace function app_public.order_my_agents(agent_ids uuid[]) returns setof app_public.user_agents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_found int;
begin
  -- one order after the other: two windows of the same person cannot mix theirs
  perform pg_advisory_xact_lock(hashtextextended('order_my_agents ' || core.current_tenant_id() || core.current_user_id(), 0));
  update app_public.user_agents u
     set sort_order = coalesce(array_position(order_my_agents.agent_ids, u.agent_id), cardinality(order_my_agents.agent_ids) + 1)
   where u.tenant_id = core.current_tenant_id() and u.user_id = core.current_user_id();
  select count(*) into v_found from app_public.user_agents u
   where u.tenant_id = core.current_tenant_id() and u.user_id = core.current_user_id()
     and u.agent_id = any (order_my_agents.agent_ids);
  if v_found <> cardinality(order_my_agents.agent_ids) then
    perform core.raise_error('RS453', 'These are not agents of your list, each once.', 'Give the ids of agents that you added, without repeating one.');
  end if;
  return query
    select u.* from app_public.user_agents u
     where u.tenant_id = core.current_tenant_id() and u.user_id = core.current_user_id()
     order by u.sort_order, u.created_at, u.id;
end
$$;
comment on function app_public.order_my_agents is
  E'@resultFieldName userAgents\n@errors RS453\nPuts your agents into this order, all at once; those you do not name come after.';
grant execute on function app_public.order_my_agents to rowhouse_user;

create or replace function app_public.rename_my_agent_folder(folder text, new_folder text default null) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  update app_public.user_agents u set folder = rename_my_agent_folder.new_folder
   where u.tenant_id = core.current_tenant_id() and u.user_id = core.current_user_id()
     and u.folder = rename_my_agent_folder.folder;
  get diagnostics v_count = row_count;
  if v_count = 0 then
    perform core.raise_error('RS354', 'There is no such folder.', 'my_agent_folders lists yours.');
  end if;
  return v_count;
end
$$;
comment on function app_public.rename_my_agent_folder is
  E'@resultFieldName count\n@errors RS354 23514\nRenames a folder of your list, or takes its agents out of it when no new name is given; returns how many.';
grant execute on function app_public.rename_my_agent_folder to rowhouse_user;

create or replace function app_public.my_agent_folders() returns table (folder text, agent_count int)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select u.folder, count(*)::int
    from app_public.user_agents u
   where u.tenant_id = core.current_tenant_id() and u.user_id = core.current_user_id() and u.folder is not null
   group by u.folder
   order by u.folder;
$$;
comment on function app_public.my_agent_folders is
  'The folders of your list of agents, by name, and how many agents each holds.';
grant execute on function app_public.my_agent_folders to rowhouse_user;

-- Rules of personal rows that hold for every way of writing them.

create or replace function catalog.tg_user_agents__check_agent() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if core.current_user_id() is not null then
    perform catalog.require_visible('agent', new.agent_id);
    if new.original_agent_id is not null then
      perform catalog.require_visible('agent', new.original_agent_id);
    end if;
  end if;
  perform pg_advisory_xact_lock(hashtextextended(new.user_id::text || new.agent_id, 0));
  new.is_favorite := exists (
    select from app_public.user_favorites f
     where f.tenant_id = new.tenant_id and f.user_id = new.user_id and f.item_type = 'agent' and f.item_id = new.agent_id);
  return new;
end
$$;
comment on function catalog.tg_user_agents__check_agent is
  E'@errors RS353 ID202\nOne lists agents one sees. The lock is shared with favorites, so that is_favorite is true whichever comes first.';

create or replace trigger _100_check_agent before insert on app_public.user_agents
  for each row execute function catalog.tg_user_agents__check_agent();

-- Each person's own list of agents, with folders, order and look. The idea: nobody else sees the list, not even an
-- administrator. A person writes the rows directly; the functions here change several rows at once.

call core.secure_tenant_table('app_public.user_agents');
call audit.leave_out('counters that rules keep', 'app_public.user_agents');
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
  E'@behavior -query:resource:single\nYour own list of agents, with your own folders, order, look and prompts. Nobody else sees it. For members of the tenant.';
comment on column app_public.user_agents.user_id is E'@personal erase\nThe person.';
comment on column app_public.user_agents.agent_id is 'The agent: one of this tenant or one that is shared with you.';
comment on column app_public.user_agents.original_agent_id is 'The agent it was copied from; null when it is not a copy of yours.';
comment on column app_public.user_agents.is_user_copy is 'Whether the agent is your copy of another.';
comment on column app_public.user_agents.folder is E'@personal erase\nThe folder it is in; null when it is in none.';
comment on column app_public.user_agents.tags is E'@personal erase\nYour own tags, at most 50.';
comment on column app_public.user_agents.is_pinned is 'Whether it stays at the top.';
comment on column app_public.user_agents.sort_order is 'Your own order, ascending; order_my_agents sets it for several at once.';
comment on column app_public.user_agents.is_favorite is 'Whether it is one of your favorites (add_favorite, remove_favorite).';
comment on column app_public.user_agents.custom_name is E'@personal erase\nYour own name for it.';
comment on column app_public.user_agents.custom_description is E'@personal erase\nYour own description, at most 10,000 characters.';
comment on column app_public.user_agents.custom_avatar is E'@personal erase\nYour own picture: an http address, a path of the site, or a data address.';
comment on column app_public.user_agents.custom_color is E'@personal erase\nYour own colour: #rrggbb or the name of a theme''s colour.';
comment on column app_public.user_agents.custom_system_prompt is E'@personal erase\nYour own system prompt in place of the agent''s, at most 100,000 characters.';
comment on column app_public.user_agents.settings is E'@personal erase\nYour own settings: an object of at most 100 kB.';
comment on column app_public.user_agents.usage_count is 'How often you used it: your calls of a language model as this agent. This count and the others can be a minute old.';
comment on column app_public.user_agents.message_count is 'How many messages you sent it. Each call counts as one message.';
comment on column app_public.user_agents.conversation_count is 'In how many conversations you used it, counted by the conversation_id of your calls.';
comment on column app_public.user_agents.success_count is 'How many of your calls succeeded.';
comment on column app_public.user_agents.error_count is 'How many of your calls failed.';
comment on column app_public.user_agents.first_used_at is 'When you first used it; null when you never did.';
comment on column app_public.user_agents.last_used_at is 'When you last used it; null when you never did.';
comment on column app_public.user_agents.created_at is 'When you added it.';
comment on column app_public.user_agents.updated_at is 'When the entry last changed.';
comment on constraint custom_avatar_is_an_image on app_public.user_agents is
  'must be an http address, a path that begins with /, or a data address of a picture, with at most 100,000 characters';
comment on constraint custom_color_is_a_color on app_public.user_agents is
  'must be a colour as #rrggbb in lower case, or the name of a colour of the theme';
comment on constraint custom_description_is_in_range on app_public.user_agents is 'must have at most 10,000 characters';
comment on constraint custom_name_is_a_name on app_public.user_agents is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint custom_system_prompt_is_in_range on app_public.user_agents is 'must have at most 100,000 characters';
comment on constraint folder_is_a_name on app_public.user_agents is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint settings_is_an_object on app_public.user_agents is 'must be a JSON object of at most 100 kB';
comment on constraint tags_are_few on app_public.user_agents is 'must have at most 50 entries, none of them empty';
comment on constraint user_agents_tenant_id_user_id_agent_id_key on app_public.user_agents is 'is in your list already';

create or replace function app_public.order_my_agents(agent_ids uuid[]) returns setof app_public.user_agents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_found int;
  v_agent_ids constant uuid[] := coalesce(order_my_agents.agent_ids, '{}');
begin
  -- the lock makes two calls of the same person run one after the other, so that their orders do not mix
  perform pg_advisory_xact_lock(hashtextextended('order_my_agents ' || core.current_tenant_id() || core.current_user_id(), 0));
  update app_public.user_agents u
     set sort_order = coalesce(array_position(v_agent_ids, u.agent_id), cardinality(v_agent_ids) + 1)
   where u.tenant_id = core.current_tenant_id() and u.user_id = core.current_user_id();
  select count(*) into v_found from app_public.user_agents u
   where u.tenant_id = core.current_tenant_id() and u.user_id = core.current_user_id()
     and u.agent_id = any (v_agent_ids);
  if v_found <> cardinality(v_agent_ids) then
    perform core.raise_error('RS453', 'agent_ids has an agent twice, or one that is not in your list.',
      'Give the ids of agents in your list, each of them once.');
  end if;
  return query
    select u.* from app_public.user_agents u
     where u.tenant_id = core.current_tenant_id() and u.user_id = core.current_user_id()
     order by u.sort_order, u.created_at, u.id;
end
$$;
comment on function app_public.order_my_agents is
  E'@resultFieldName userAgents\n@errors RS453\nPuts the agents of your list into this order. Agents that you do not name come after them.';
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
    perform core.raise_error('RS354', 'There is no such folder.', 'List your folders by my_agent_folders.');
  end if;
  return v_count;
end
$$;
comment on function app_public.rename_my_agent_folder is
  E'@resultFieldName count\n@errors RS354 23514\nRenames a folder of your list. Without a new name its agents are put into no folder. Returns the number of its agents.';
grant execute on function app_public.rename_my_agent_folder to rowhouse_user;

comment on type app_public.agent_folder is 'A folder of your list of agents.';
comment on column app_public.agent_folder.folder is E'@notNull\nThe name of the folder.';
comment on column app_public.agent_folder.agent_count is E'@notNull\nHow many agents are in it.';

create or replace function app_public.my_agent_folders() returns setof app_public.agent_folder
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
  'The folders of your list of agents, ordered by name, with the number of agents in each.';
grant execute on function app_public.my_agent_folders to rowhouse_user;

create or replace function catalog.tg_user_agents__check_agent() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if core.current_user_id() is not null then
    perform catalog.require_visible_resource('agent', new.agent_id);
    if new.original_agent_id is not null then
      perform catalog.require_visible_resource('agent', new.original_agent_id);
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
  E'@errors RS301 ID202\nLets a person list only agents that they see, and fills is_favorite. Favorites take the same lock, so is_favorite is right whichever row is written first.';

create or replace trigger _100_check_agent before insert on app_public.user_agents
  for each row execute function catalog.tg_user_agents__check_agent();

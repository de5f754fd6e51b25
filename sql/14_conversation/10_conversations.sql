-- Conversations of one person with one agent. The idea: nobody else sees a conversation, not even an administrator, and no API key
-- does; whoever sees its row sees what lies in it. The row is the lock of everything in the conversation: who sends, edits, switches,
-- cancels or completes locks it first. What workers write while an answer comes locks only the answer.

call core.secure_tenant_table('app_public.expert_consultations');
call audit.leave_out('what a person says to an agent; usage has that it was, and nobody else reads it', 'app_public.expert_consultations');
call core.exempt_from_guard('app_public.expert_consultations', '_000_require_writable_tenant', 'an answer that was begun ends in a read-only tenant as well; people change conversations by functions that check');
call core.announce('app_public.expert_consultations', about => 'agent_id', kept => array['active_message_id', 'message_count', 'last_message_at', 'title']::name[]);
create policy select_self on app_public.expert_consultations for select to rowhouse_user
  using (user_id = (select core.current_user_id()) and (select core.current_api_key_id()) is null and deleted_at is null);
grant select on app_public.expert_consultations to rowhouse_user;
grant select, insert, update, delete on app_public.expert_consultations to rowhouse_platform;
comment on table app_public.expert_consultations is
  E'@name conversation\n@large\n@live\n@foreignKey (agent_id) references app_public.agents (id)|@fieldName agent|@behavior -manyRelation:resource:list -manyRelation:resource:connection\n@behavior -insert -update -delete\nYour conversations with agents. Nobody else sees them, and no API key does.';
comment on column app_public.expert_consultations.tenant_id is 'The tenant.';
comment on column app_public.expert_consultations.id is 'The id.';
comment on column app_public.expert_consultations.user_id is E'@personal erase\n@behavior -filterBy -orderBy\nThe person.';
comment on column app_public.expert_consultations.agent_id is 'The agent: one of this tenant, or one that is shared with it. The conversation stays when the agent is gone.';
comment on column app_public.expert_consultations.agent_name is E'@notPersonal\nThe name that the agent had when the conversation began.';
comment on column app_public.expert_consultations.title is E'@personal erase\n@kept\nWhat it is about, in a line: given, or made from the first message.';
comment on column app_public.expert_consultations.is_title_given is E'@kept\nWhether a person gave the title. One that was given is never replaced.';
comment on column app_public.expert_consultations.status is 'Whether it was put away.';
comment on column app_public.expert_consultations.active_message_id is E'@kept\nThe last message of the active branch; null while there is none.';
comment on column app_public.expert_consultations.message_count is E'@kept\nHow many messages it has, in all branches; at most 20,000.';
comment on column app_public.expert_consultations.branch_count is E'@kept\nHow many branches it has; at most 1,000.';
comment on column app_public.expert_consultations.token_count is E'@kept\nHow many tokens its answers used.';
comment on column app_public.expert_consultations.cost_usd is E'@kept\nWhat its answers cost, in US dollars.';
comment on column app_public.expert_consultations.last_message_at is E'@kept\nWhen the last message was sent; of a conversation without messages, when it began.';
comment on column app_public.expert_consultations.archived_at is 'When it was put away.';
comment on column app_public.expert_consultations.deleted_at is E'@behavior -*\nWhen it was deleted.';
comment on column app_public.expert_consultations.created_at is 'When it began.';
comment on column app_public.expert_consultations.updated_at is 'When a person last changed it, other than by messages.';
comment on constraint title_is_a_name on app_public.expert_consultations is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint agent_name_is_a_name on app_public.expert_consultations is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint message_count_is_in_range on app_public.expert_consultations is 'must be at most 20,000';
comment on constraint branch_count_is_in_range on app_public.expert_consultations is 'must be at most 1,000';
comment on constraint expert_consultations_user_id_fkey on app_public.expert_consultations is E'@behavior -backward -forward';
comment on domain app_public.conversation_status is 'Whether a conversation was put away.';

call core.secure_tenant_table('conversation.branches');
call audit.leave_out('derived from other tables by rules', 'conversation.branches');
create policy select_who_sees_the_conversation on conversation.branches for select to rowhouse_user
  using (exists (select from app_public.expert_consultations c where c.tenant_id = branches.tenant_id and c.id = branches.conversation_id));
grant select on conversation.branches to rowhouse_user;
comment on table conversation.branches is 'Runs of messages, one below the other. Where a message gets a second child, a new branch forks.';
comment on column conversation.branches.fork_depth is 'The depth of the message below which it forks; 0 for one that begins the conversation.';
comment on column conversation.branches.active_until is 'Down to which depth it is a part of the active branch; null when it is no part.';

create or replace function conversation.raise_no_such_conversation() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('TK301', 'conversation_id: You have no such conversation.', 'List your conversations.');
end
$$;
comment on function conversation.raise_no_such_conversation is
  E'@errors TK301\nRaises the one error for a conversation that does not exist, was deleted, or is another person''s.';

create or replace function conversation.require_participant() returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_person();
  perform tenancy.require_writable_tenant(is_for_members => true);
  perform tenancy.require_permission('can_run_agents');
end
$$;
comment on function conversation.require_participant is
  E'@errors ID202 ID203 KY201 TN202\nRaises an error unless the request is that of a person who may run agents and write in this tenant.';

create or replace function conversation.lock_conversation(conversation_id uuid, is_deleted boolean default false) returns app_public.expert_consultations
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_conversation app_public.expert_consultations;
begin
  select c.* into v_conversation from app_public.expert_consultations c
   where c.tenant_id = core.current_tenant_id() and c.id = lock_conversation.conversation_id
     and c.user_id = core.current_user_id() and (c.deleted_at is not null) = lock_conversation.is_deleted
     for update;
  if not found then
    perform conversation.raise_no_such_conversation();
  end if;
  return v_conversation;
end
$$;
comment on function conversation.lock_conversation is
  E'@errors TK301\nLocks a conversation of the caller, which is the lock of everything in it.';

create or replace function conversation.record_usage(conversation_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.store_usage(array[jsonb_populate_record(null::app_public.new_usage_event, jsonb_build_object(
    'idempotency_key', 'consultation:' || record_usage.conversation_id, 'usage_type', 'consultation', 'quantity', 1))]);
end
$$;
comment on function conversation.record_usage is E'@errors MT411 MT412 MT501\nRecords a conversation as usage of its person, once.';

create or replace function app_public.start_conversation(agent_id uuid, title text default null) returns app_public.expert_consultations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent jsonb;
  v_conversation app_public.expert_consultations;
begin
  perform conversation.require_participant();
  v_agent := runtime.usable_agent(start_conversation.agent_id);
  insert into app_public.expert_consultations (
    tenant_id, user_id, agent_id, agent_name, title, is_title_given, last_message_at, created_at)
  values (
    core.current_tenant_id(), core.current_user_id(), start_conversation.agent_id, coalesce(v_agent ->> 'display_name', v_agent ->> 'name'),
    coalesce(start_conversation.title, 'New conversation'), start_conversation.title is not null, core.clock(), core.clock())
  returning * into v_conversation;
  perform conversation.record_usage(v_conversation.id);
  return v_conversation;
end
$$;
comment on function app_public.start_conversation is
  E'@resultFieldName conversation\n@errors 23514 ID202 ID203 KY201 MT411 MT412 MT501 RN377 TN202\nBegins a conversation with an agent of this tenant, or with one that is shared with it. Without a title it gets one from its first message. You need the permission can_run_agents.';
grant execute on function app_public.start_conversation to rowhouse_user;

create or replace function app_public.rename_conversation(conversation_id uuid, title text) returns app_public.expert_consultations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_conversation app_public.expert_consultations;
begin
  perform conversation.require_participant();
  v_conversation := conversation.lock_conversation(rename_conversation.conversation_id);
  update app_public.expert_consultations c
     set title = coalesce(rename_conversation.title, ''), is_title_given = true, updated_at = core.clock()
   where c.tenant_id = v_conversation.tenant_id and c.id = v_conversation.id
  returning c.* into v_conversation;
  return v_conversation;
end
$$;
comment on function app_public.rename_conversation is
  E'@resultFieldName conversation\n@errors 23514 ID202 ID203 KY201 TK301 TN202\nGives a conversation a title, which stays.';
grant execute on function app_public.rename_conversation to rowhouse_user;

create or replace function conversation.set_status(conversation_id uuid, status app_public.conversation_status) returns app_public.expert_consultations
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_conversation app_public.expert_consultations;
begin
  perform conversation.require_participant();
  v_conversation := conversation.lock_conversation(set_status.conversation_id);
  update app_public.expert_consultations c
     set status = set_status.status, archived_at = case when set_status.status = 'archived' then coalesce(c.archived_at, core.clock()) end
   where c.tenant_id = v_conversation.tenant_id and c.id = v_conversation.id
  returning c.* into v_conversation;
  return v_conversation;
end
$$;
comment on function conversation.set_status is E'@errors ID202 ID203 KY201 TK301 TN202\nPuts a conversation of the caller away, or takes it up.';

create or replace function app_public.archive_conversation(conversation_id uuid) returns app_public.expert_consultations
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select conversation.set_status(archive_conversation.conversation_id, 'archived');
$$;
comment on function app_public.archive_conversation is
  E'@resultFieldName conversation\n@errors ID202 ID203 KY201 TK301 TN202\nPuts a conversation away: nothing is sent in it until it is taken up again. An answer that is on its way still comes.';
grant execute on function app_public.archive_conversation to rowhouse_user;

create or replace function app_public.unarchive_conversation(conversation_id uuid) returns app_public.expert_consultations
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select conversation.set_status(unarchive_conversation.conversation_id, 'active');
$$;
comment on function app_public.unarchive_conversation is
  E'@resultFieldName conversation\n@errors ID202 ID203 KY201 TK301 TN202\nTakes a conversation up again that was put away.';
grant execute on function app_public.unarchive_conversation to rowhouse_user;

create or replace function app_public.delete_conversation(conversation_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_conversation app_public.expert_consultations;
begin
  perform conversation.require_participant();
  v_conversation := conversation.lock_conversation(delete_conversation.conversation_id);
  perform conversation.cancel_open_answer(v_conversation.id);
  update app_public.expert_consultations c set deleted_at = core.clock()
   where c.tenant_id = v_conversation.tenant_id and c.id = v_conversation.id;
  return true;
end
$$;
comment on function app_public.delete_conversation is
  E'@resultFieldName isDeleted\n@errors ID202 ID203 KY201 TK301 TN202\nDeletes a conversation. For some days restore_conversation brings it back; then retention deletes its rows (dataKinds: deleted_conversations).';
grant execute on function app_public.delete_conversation to rowhouse_user;

create or replace function app_public.restore_conversation(conversation_id uuid) returns app_public.expert_consultations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_conversation app_public.expert_consultations;
begin
  perform conversation.require_participant();
  v_conversation := conversation.lock_conversation(restore_conversation.conversation_id, is_deleted => true);
  update app_public.expert_consultations c set deleted_at = null
   where c.tenant_id = v_conversation.tenant_id and c.id = v_conversation.id
  returning c.* into v_conversation;
  return v_conversation;
end
$$;
comment on function app_public.restore_conversation is
  E'@resultFieldName conversation\n@errors ID202 ID203 KY201 TK301 TN202\nBrings a deleted conversation back, while its rows are kept.';
grant execute on function app_public.restore_conversation to rowhouse_user;

call governance.define_data_kind('conversations', 'Conversations with agents, by their last message.', 1096);
call governance.add_table_to_kind('conversations', 'app_public.expert_consultations', 'last_message_at');
call governance.define_data_kind('deleted_conversations', 'Conversations that were deleted. Until then they can be brought back.', 30);
call governance.add_table_to_kind('deleted_conversations', 'app_public.expert_consultations', 'deleted_at');

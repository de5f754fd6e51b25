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

-- Panels: several agents answer a question in rounds, each reading the round before, vote, and a moderator sums up. The idea: each has a
-- seat with a conversation of its own, and a turn is a message in it with its answer. So workers, leases, streaming, citations and figures
-- are those of conversations (35_answering.sql), and a panel is only what is asked next. The panel's row is the lock of how it goes on; it
-- is locked before the conversations of its seats.

call core.secure_tenant_table('app_public.panel_discussions');
call audit.leave_out('what a person says to an agent; usage has that it was, and nobody else reads it', 'app_public.panel_discussions');
call core.exempt_from_guard('app_public.panel_discussions', '_000_require_writable_tenant', 'a panel that was begun ends in a read-only tenant as well; people steer panels by functions that check');
call core.announce('app_public.panel_discussions');
create policy select_self on app_public.panel_discussions for select to rowhouse_user
  using (user_id = (select core.current_user_id()) and (select core.current_api_key_id()) is null);
grant select on app_public.panel_discussions to rowhouse_user;
grant select, delete on app_public.panel_discussions to rowhouse_platform;
comment on table app_public.panel_discussions is
  E'@name panel\n@large\n@live\n@behavior -insert -update -delete\nYour panels: several agents that answer a question in rounds, vote, and a moderator that sums up. Nobody else sees them, and no API key does.';
comment on column app_public.panel_discussions.tenant_id is 'The tenant.';
comment on column app_public.panel_discussions.id is 'The id.';
comment on column app_public.panel_discussions.user_id is E'@personal erase\n@behavior -filterBy -orderBy\nThe person.';
comment on column app_public.panel_discussions.question is E'@personal erase\n@behavior -filterBy -orderBy\nThe question.';
comment on column app_public.panel_discussions.options is E'@personal erase\n@behavior -filterBy -orderBy\nBetween what the agents vote; empty when they do not vote.';
comment on column app_public.panel_discussions.round_count is E'@behavior -filterBy -orderBy\nHow often each agent speaks, 1 to 5.';
comment on column app_public.panel_discussions.status is 'How far it is.';
comment on column app_public.panel_discussions.step is E'@behavior -filterBy -orderBy\nThe round that it is in; beyond the rounds come the vote and the synthesis.';
comment on column app_public.panel_discussions.votes_closed_at is 'When the votes were counted or the panel was cancelled; until then nobody sees them.';
comment on column app_public.panel_discussions.error_code is E'@notPersonal\nWhy it failed, as a code.';
comment on column app_public.panel_discussions.error_message is E'@personal erase\nWhy it failed, in words.';
comment on column app_public.panel_discussions.idempotency_key is E'@personal erase\n@behavior -*\nThe key under which it was started.';
comment on column app_public.panel_discussions.request_hash is E'@personal erase\n@behavior -*\nThe SHA-256 of what was started under the key.';
comment on column app_public.panel_discussions.created_at is 'When it was started.';
comment on column app_public.panel_discussions.finished_at is 'When it was completed, failed or was cancelled.';
comment on column app_public.panel_discussions.updated_at is 'When it last changed.';
comment on constraint question_is_in_range on app_public.panel_discussions is 'must have 1 to 4,000 characters, with a visible one among them';
comment on constraint options_are_none_or_several on app_public.panel_discussions is 'must be 2 to 10, or none';
comment on constraint round_count_is_in_range on app_public.panel_discussions is 'must be from 1 to 5';
comment on constraint panel_discussions_user_id_fkey on app_public.panel_discussions is E'@behavior -backward -forward';
comment on domain app_public.panel_status is 'How far a panel is.';
comment on domain app_public.panel_turn_kind is 'What is asked of an agent in a panel.';

comment on column app_public.expert_consultations.panel_id is E'@behavior -filterBy -orderBy\nThe panel whose conversation with one of its agents this is; null for a conversation of its own.';
comment on constraint expert_consultations_tenant_id_panel_id_fkey on app_public.expert_consultations is
  E'@fieldName panel\n@behavior -manyRelation:resource:list -manyRelation:resource:connection';

call core.secure_tenant_table('app_public.panel_seats');
call audit.leave_out('what a person says to an agent; usage has that it was, and nobody else reads it', 'app_public.panel_seats');
call core.exempt_from_guard('app_public.panel_seats', '_000_require_writable_tenant', 'a panel that was begun ends in a read-only tenant as well; people steer panels by functions that check');
create policy select_who_sees_the_panel on app_public.panel_seats for select to rowhouse_user
  using (exists (select from app_public.panel_discussions p where p.tenant_id = panel_seats.tenant_id and p.id = panel_seats.panel_id));
grant select on app_public.panel_seats to rowhouse_user;
comment on table app_public.panel_seats is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nWho takes part in a panel: the moderator and 2 to 12 agents.';
comment on column app_public.panel_seats.tenant_id is 'The tenant.';
comment on column app_public.panel_seats.panel_id is 'The panel.';
comment on column app_public.panel_seats.number is 'The number of the seat; 0 is the moderator''s.';
comment on column app_public.panel_seats.agent_id is 'The agent: one of this tenant, or one that is shared with it.';
comment on column app_public.panel_seats.agent_name is E'@notPersonal\nThe name that the agent had when the panel was started.';
comment on column app_public.panel_seats.conversation_id is 'The conversation in which it is asked and answers; null when it was deleted.';
comment on column app_public.panel_seats.allowed_messages is E'@behavior -*\nHow many messages the panel has asked for in the conversation. It has no others.';
comment on constraint panel_seats_tenant_id_panel_id_fkey on app_public.panel_seats is E'@fieldName panel\n@foreignFieldName seats';
comment on constraint panel_seats_tenant_id_conversation_id_fkey on app_public.panel_seats is
  E'@fieldName conversation\n@behavior -backward';

call core.secure_tenant_table('app_public.panel_turns');
call audit.leave_out('what a person says to an agent; usage has that it was, and nobody else reads it', 'app_public.panel_turns');
call core.exempt_from_guard('app_public.panel_turns', '_000_require_writable_tenant', 'a panel that was begun ends in a read-only tenant as well; people steer panels by functions that check');
create policy select_who_sees_the_panel on app_public.panel_turns for select to rowhouse_user
  using (exists (select from app_public.panel_discussions p where p.tenant_id = panel_turns.tenant_id and p.id = panel_turns.panel_id));
grant select on app_public.panel_turns to rowhouse_user;
comment on table app_public.panel_turns is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nWhat was asked of whom in a panel, and the messages that answer it.';
comment on column app_public.panel_turns.tenant_id is 'The tenant.';
comment on column app_public.panel_turns.panel_id is 'The panel.';
comment on column app_public.panel_turns.step is 'The round, from 1; beyond the rounds come the vote and the synthesis.';
comment on column app_public.panel_turns.seat_number is 'The seat.';
comment on column app_public.panel_turns.kind is 'Whether a statement, a vote or the synthesis was asked for.';
comment on column app_public.panel_turns.question_id is E'@behavior -*\nThe message that asks.';
comment on column app_public.panel_turns.answer_id is 'The message that answers, with its citations; null when it was deleted.';
comment on column app_public.panel_turns.is_skipped is 'Whether the panel went on without it.';
comment on constraint panel_turns_tenant_id_panel_id_seat_number_fkey on app_public.panel_turns is E'@fieldName seat\n@foreignFieldName turns';
comment on constraint panel_turns_tenant_id_question_id_fkey on app_public.panel_turns is E'@behavior -backward -forward';
comment on constraint panel_turns_tenant_id_answer_id_fkey on app_public.panel_turns is E'@fieldName answer\n@behavior -backward';

call core.secure_tenant_table('app_public.panel_votes');
call audit.leave_out('what a person says to an agent; usage has that it was, and nobody else reads it', 'app_public.panel_votes');
call core.exempt_from_guard('app_public.panel_votes', '_000_require_writable_tenant', 'a panel that was begun ends in a read-only tenant as well; people steer panels by functions that check');
create policy select_who_sees_the_panel on app_public.panel_votes for select to rowhouse_user
  using (exists (select from app_public.panel_discussions p where p.tenant_id = panel_votes.tenant_id and p.id = panel_votes.panel_id));
grant select on app_public.panel_votes to rowhouse_user;
comment on table app_public.panel_votes is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nThe votes of a panel, one of each agent, written when all of them have voted.';
comment on column app_public.panel_votes.tenant_id is 'The tenant.';
comment on column app_public.panel_votes.panel_id is 'The panel.';
comment on column app_public.panel_votes.seat_number is 'The seat that voted.';
comment on column app_public.panel_votes.option is 'The number of the option, from 1; null for an abstention: the agent named none, or was skipped.';
comment on column app_public.panel_votes.reason is E'@notPersonal\nWhat the agent said of its vote, at most 2,000 characters.';
comment on column app_public.panel_votes.cast_at is 'When the votes were counted.';
comment on constraint panel_votes_tenant_id_panel_id_seat_number_fkey on app_public.panel_votes is E'@fieldName seat\n@foreignSingleFieldName vote';

comment on type app_public.panel_option is 'An option of a panel, with its votes.';
comment on column app_public.panel_option.number is E'@notNull\nIts number, from 1.';
comment on column app_public.panel_option.text is E'@notNull\nThe option.';
comment on column app_public.panel_option.vote_count is 'How many agents voted for it; null until all have voted.';

create or replace function app_public.panel_discussions_tally(panel app_public.panel_discussions) returns app_public.panel_option[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select array(
    select row(o.number, o.text, case when (panel).votes_closed_at is not null then (
        select count(*) from app_public.panel_votes v
         where v.tenant_id = (panel).tenant_id and v.panel_id = (panel).id and v.option = o.number) end)::app_public.panel_option
      from unnest((panel).options) with ordinality as o (text, number)
     order by o.number);
$$;
comment on function app_public.panel_discussions_tally is 'The options in their order, each with its votes once all have voted.';
grant execute on function app_public.panel_discussions_tally to rowhouse_user;

create or replace function app_public.panel_discussions_synthesis(panel app_public.panel_discussions) returns app_public.messages
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select m.*
    from app_public.panel_turns t
    join app_public.messages m on m.tenant_id = t.tenant_id and m.id = t.answer_id
   where t.tenant_id = (panel).tenant_id and t.panel_id = (panel).id and t.step = (panel).round_count + 2;
$$;
comment on function app_public.panel_discussions_synthesis is
  'What the moderator sums up, with citations of the statements that it uses and of the documents that those cite; null until it was asked for.';
grant execute on function app_public.panel_discussions_synthesis to rowhouse_user;

create or replace function app_public.panel_discussions_token_count(panel app_public.panel_discussions) returns bigint
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(sum(c.token_count), 0)::bigint from app_public.expert_consultations c
   where c.tenant_id = (panel).tenant_id and c.panel_id = (panel).id;
$$;
comment on function app_public.panel_discussions_token_count is E'@notNull\nHow many tokens its turns have used.';
grant execute on function app_public.panel_discussions_token_count to rowhouse_user;

create or replace function app_public.panel_discussions_cost_usd(panel app_public.panel_discussions) returns numeric
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(sum(c.cost_usd), 0) from app_public.expert_consultations c
   where c.tenant_id = (panel).tenant_id and c.panel_id = (panel).id;
$$;
comment on function app_public.panel_discussions_cost_usd is E'@notNull\nWhat its turns have cost, in US dollars.';
grant execute on function app_public.panel_discussions_cost_usd to rowhouse_user;

-- Looked up once a query; the votes that are open are few.
create or replace function conversation.secret_question_ids() returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select t.question_id
      from app_public.panel_discussions p
      join app_public.panel_turns t on t.tenant_id = p.tenant_id and t.panel_id = p.id and t.kind = 'vote'
     where p.tenant_id = core.current_tenant_id() and p.user_id = core.current_user_id()
       and p.votes_closed_at is null and p.status in ('voting', 'failed') and t.question_id is not null);
end
$$;
comment on function conversation.secret_question_ids is 'The messages by which agents are asked for their votes in panels of the caller that have not counted them.';
grant execute on function conversation.secret_question_ids to rowhouse_user;
create policy hide_votes on app_public.messages as restrictive for select to rowhouse_user
  using (parent_id is null or parent_id <> all ((select conversation.secret_question_ids())::uuid[]));

call governance.define_data_kind('panels', 'Panels of agents that have ended, with what was said in them.', 1096);
call governance.add_table_to_kind('panels', 'app_public.panel_discussions', 'finished_at');

-- Messages. A message is made of parts, and lies in a tree: what takes the place of another one has the same parent. The path from
-- the first message to the end of the active branch is what is shown and what a model reads (chat_history).

call core.secure_tenant_table('app_public.messages');
call audit.leave_out('what a person says to an agent; usage has that it was, and nobody else reads it', 'app_public.messages');
call core.exempt_from_guard('app_public.messages', '_000_require_writable_tenant', 'an answer that was begun ends in a read-only tenant as well; people write messages by functions that check');
call core.announce('app_public.messages', about => 'conversation_id');
create policy select_who_sees_the_conversation on app_public.messages for select to rowhouse_user
  using (exists (select from app_public.expert_consultations c where c.tenant_id = messages.tenant_id and c.id = messages.conversation_id));
grant select on app_public.messages to rowhouse_user;
grant select, insert, update, delete on app_public.messages to rowhouse_platform;
comment on table app_public.messages is
  E'@large\n@live\n@behavior -insert -update -delete -query:resource:connection\nWhat you and an agent said, in all branches of a conversation.';
comment on column app_public.messages.tenant_id is 'The tenant.';
comment on column app_public.messages.id is 'The id.';
comment on column app_public.messages.conversation_id is 'The conversation.';
comment on column app_public.messages.user_id is E'@personal erase\n@behavior -*\nThe person whose conversation it is.';
comment on column app_public.messages.sequence is 'The order in which the messages of a conversation came up, in all branches, from 1.';
comment on column app_public.messages.parent_id is 'The message that it follows; null for the first. Messages with the same parent take the place of each other.';
comment on column app_public.messages.branch is E'@behavior -*\nThe run of messages that it lies in.';
comment on column app_public.messages.depth is 'Its place on the way from the first message, from 1.';
comment on column app_public.messages.role is 'user for what the person said, assistant for an answer.';
comment on column app_public.messages.status is 'Of an answer, how far it is: pending, streaming while its parts grow, or ended. What a person sent is complete.';
comment on column app_public.messages.parts is E'@personal erase\n@behavior -filterBy -orderBy\nWhat it is made of, in order: at most 50 and 100 kB that a person sends; of an answer at most 100,000 characters of text, with the calls of tools and the citations.';
comment on column app_public.messages.model_name is E'@notPersonal\nThe model that answered.';
comment on column app_public.messages.finish_reason is E'@notPersonal\nWhy the model stopped, in its words; length when the answer had its greatest length.';
comment on column app_public.messages.error_code is E'@notPersonal\nWhy an answer failed, as a code.';
comment on column app_public.messages.error_message is E'@personal erase\nWhy an answer failed, in words.';
comment on column app_public.messages.token_count is 'The tokens that an answer used.';
comment on column app_public.messages.cost_usd is 'What an answer cost, in US dollars.';
comment on column app_public.messages.idempotency_key is E'@personal erase\n@behavior -*\nThe key under which it was sent.';
comment on column app_public.messages.request_hash is E'@personal erase\n@behavior -*\nThe SHA-256 of what was sent under the key.';
comment on column app_public.messages.created_at is 'When it was sent; of an answer, when it was asked for.';
comment on column app_public.messages.finished_at is 'When it was whole, failed or was cancelled.';
comment on column app_public.messages.updated_at is 'When it last changed.';
comment on constraint messages_tenant_id_conversation_id_fkey on app_public.messages is E'@fieldName conversation\n@foreignFieldName messages';
comment on constraint messages_tenant_id_parent_id_fkey on app_public.messages is E'@fieldName parent\n@foreignFieldName replies';
comment on constraint messages_user_id_fkey on app_public.messages is E'@behavior -backward -forward';
comment on constraint sequence_is_in_range on app_public.messages is 'must be from 1 to 20,000';
comment on constraint depth_is_in_range on app_public.messages is 'must be from 1 to 20,000';
comment on domain app_public.message_role is 'Who speaks.';
comment on domain app_public.message_status is 'How far a message is.';
comment on domain app_public.message_part_kind is 'What a part of a message is.';

comment on type app_public.message_part is 'A part of a message. Which fields are there is told by its kind.';
comment on column app_public.message_part.kind is E'@notNull\ntext; tool_call and tool_result, which have the same tool_call_id; citation, of what was found in the tenant''s knowledge; or file.';
comment on column app_public.message_part.text is 'Of a text, the text; of a citation, the passage, which stays when its document is deleted.';
comment on column app_public.message_part.tool_call_id is 'Of a call of a tool and its result, which belong together.';
comment on column app_public.message_part.tool_name is 'The tool.';
comment on column app_public.message_part.tool_input is 'What the tool was given.';
comment on column app_public.message_part.tool_output is 'What the tool answered; of more than 10 kB only the beginning, as a text.';
comment on column app_public.message_part.is_error is 'Of a result, whether the call failed.';
comment on column app_public.message_part.number is 'Of a citation, the n of the [n] in the text.';
comment on column app_public.message_part.document_id is 'Of a citation or a file, the document. It may be deleted.';
comment on column app_public.message_part.chunk_id is 'Of a citation, the passage of the document.';
comment on column app_public.message_part.title is 'Of a citation or a file, the title that the document had.';
comment on type app_public.new_message_part is 'A part of a message that is sent: a text or a file.';
comment on column app_public.new_message_part.text is 'A text.';
comment on column app_public.new_message_part.document_id is 'A document of this tenant that you may read, such as one that you have uploaded. The agent reads its beginning.';

call core.secure_tenant_table('conversation.open_answers');
call audit.leave_out('a queue or a buffer of tasks', 'conversation.open_answers');
grant select, insert, update, delete on conversation.open_answers to rowhouse_platform;
comment on table conversation.open_answers is 'The answers that are not there yet, for workers. A row goes when its answer ends.';
comment on column conversation.open_answers.user_id is E'@personal erase\nThe person who is answered.';
comment on column conversation.open_answers.worker is E'@notPersonal\nThe worker that has it.';
comment on column conversation.open_answers.passages is E'@personal erase\nWhat was found for the answer: [{"number", "chunk_id", "document_id", "title", "quote"}].';
comment on type conversation.claimed_answer is 'What a worker gets for an answer that it has claimed.';

call core.secure_tenant_table('app_public.message_feedback');
call audit.leave_out('what a person thinks of an answer, which nobody else reads', 'app_public.message_feedback');
create policy select_self on app_public.message_feedback for select to rowhouse_user
  using (user_id = (select core.current_user_id()) and (select core.current_api_key_id()) is null);
grant select on app_public.message_feedback to rowhouse_user;
grant select, insert, update, delete on app_public.message_feedback to rowhouse_platform;
comment on table app_public.message_feedback is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nWhat you think of answers, once for each.';
comment on column app_public.message_feedback.message_id is 'The answer.';
comment on column app_public.message_feedback.user_id is E'@personal erase\n@behavior -*\nThe person.';
comment on column app_public.message_feedback.rating is 'up or down.';
comment on column app_public.message_feedback.comment is E'@personal erase\nWhy, in words.';
comment on column app_public.message_feedback.created_at is 'When it was first given.';
comment on column app_public.message_feedback.updated_at is 'When it was last changed.';
comment on constraint message_feedback_tenant_id_message_id_fkey on app_public.message_feedback is E'@fieldName message\n@foreignFieldName feedback';
comment on constraint message_feedback_user_id_fkey on app_public.message_feedback is E'@behavior -backward -forward';
comment on domain app_public.answer_rating is 'What somebody thinks of an answer.';

-- Sending. A message and the answer that is asked for with it are stored in one transaction, and a job for the worker with them. A
-- conversation has one open answer at most: messages_open_answer_key holds it, whoever asks. A message that takes the place of
-- another one is its sibling, and so is an answer that is made anew.

create or replace function conversation.max_parts() returns int
language sql immutable parallel safe
return 50;
comment on function conversation.max_parts is 'How many parts a message has that a person sends.';

create or replace function conversation.max_message_bytes() returns int
language sql immutable parallel safe
return 100000;
comment on function conversation.max_message_bytes is 'How many bytes the texts of a message have together that a person sends.';

create or replace function conversation.faults_of_parts(parts app_public.new_message_part[]) returns text[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select format('parts[%s]: %s', p.ordinality - 1, case
             when num_nonnulls(p.text, p.document_id) <> 1 then 'A part is either a text or a document'
             when p.text is not null then 'A text has a visible character'
             else 'There is no such document in this tenant' end)
      from unnest(faults_of_parts.parts) with ordinality as p (text, document_id, ordinality)
     where num_nonnulls(p.text, p.document_id) <> 1
        or p.text !~ '\S'
        or p.document_id is not null and not exists (
          select from app_public.documents d where d.tenant_id = core.current_tenant_id() and d.id = p.document_id)
     order by p.ordinality);
end
$$;
comment on function conversation.faults_of_parts is 'What is wrong with the parts of a message that is to be sent, in words.';

create or replace function conversation.read_parts(parts app_public.new_message_part[]) returns app_public.message_part[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if coalesce(cardinality(read_parts.parts), 0) not between 1 and conversation.max_parts() then
    perform core.raise_error('TK401', format('parts: A message has 1 to %s parts.', conversation.max_parts()), 'Send the rest in another message.');
  end if;
  if (select coalesce(sum(octet_length(p.text)), 0) from unnest(read_parts.parts) as p) > conversation.max_message_bytes() then
    perform core.raise_error('TK601', 'parts: The texts of a message have at most 100 kB together.', 'Upload what is long as a document, and send that.');
  end if;
  perform catalog.refuse_faults('TK402', 'The message cannot be sent', conversation.faults_of_parts(read_parts.parts),
    'Send texts, or documents of this tenant by their ids.');
  return array(
    select jsonb_populate_record(null::app_public.message_part, case
             when p.text is not null then jsonb_build_object('kind', 'text', 'text', p.text)
             else jsonb_build_object('kind', 'file', 'document_id', p.document_id, 'title', d.title) end)
      from unnest(read_parts.parts) with ordinality as p (text, document_id, ordinality)
      left join app_public.documents d on d.tenant_id = core.current_tenant_id() and d.id = p.document_id
     order by p.ordinality);
end
$$;
comment on function conversation.read_parts is E'@errors TK401 TK402 TK601\nThe parts of a message as they are stored, with the titles that its documents have now.';

create or replace function conversation.plain_text(parts app_public.message_part[]) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(string_agg(p.text, e'\n\n' order by p.ordinality) filter (where p.kind = 'text'), '')
    from unnest(plain_text.parts) with ordinality as p;
$$;
comment on function conversation.plain_text is 'The texts of a message, in one.';
grant execute on function conversation.plain_text to rowhouse_user;

create or replace function conversation.title_of(text text) returns text
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := 80;
  v_line constant text := btrim(regexp_replace(left(title_of.text, 1000), '[[:cntrl:][:space:]]+', ' ', 'g'));
  v_title text := v_line;
begin
  if length(v_line) > v_most then
    -- whole words, unless the first one is longer
    v_title := coalesce(substring(left(v_line, v_most) from '^(.*\S)\s'), left(v_line, v_most - 1)) || '…';
  end if;
  return case when core.is_name(v_title) then v_title else 'New conversation' end;
end
$$;
comment on function conversation.title_of is 'A title made of a message: its first words, as many as have 80 characters, in one line.';

create or replace function conversation.enqueue_answer(tenant_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_job('conversation__answer', json_build_object('tenantId', enqueue_answer.tenant_id));
$$;
comment on function conversation.enqueue_answer is 'Adds a job that claims one answer.';
grant execute on function conversation.enqueue_answer to rowhouse_platform;

create or replace function conversation.require_no_open_answer(conversation_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (
    select from conversation.open_answers o
     where o.tenant_id = core.current_tenant_id() and o.conversation_id = require_no_open_answer.conversation_id) then
    perform core.raise_error('TK501', 'An answer is on its way in this conversation.', 'Wait until it is complete, or cancel it.');
  end if;
end
$$;
comment on function conversation.require_no_open_answer is E'@errors TK501\nRefuses while an answer of the conversation is open.';

create or replace function conversation.ask(question app_public.messages, idempotency_key text default null, request_hash bytea default null)
returns app_public.messages
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_answer constant app_public.messages := conversation.add_message(
    (question).conversation_id, question, 'assistant', '{}', ask.idempotency_key, ask.request_hash);
begin
  insert into conversation.open_answers (tenant_id, message_id, conversation_id, user_id, agent_id, available_at)
  select c.tenant_id, v_answer.id, c.id, c.user_id, c.agent_id, core.clock()
    from app_public.expert_consultations c
   where c.tenant_id = v_answer.tenant_id and c.id = v_answer.conversation_id;
  perform conversation.activate(v_answer);
  perform conversation.enqueue_answer(v_answer.tenant_id);
  return v_answer;
end
$$;
comment on function conversation.ask is E'@errors TK602 TK603\nAsks for an answer to a message, which becomes the end of the active branch.';

create or replace function conversation.request_hash(request jsonb) returns bytea
language sql immutable parallel safe
return sha256(convert_to(request::text, 'UTF8'));
comment on function conversation.request_hash is 'The SHA-256 of a request, by which one that is sent again is told from another one.';

create or replace function conversation.message_with_key(conversation_id uuid, idempotency_key text, request_hash bytea) returns app_public.messages
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_message app_public.messages;
begin
  if length(message_with_key.idempotency_key) not between 1 and 255 then
    perform core.raise_error('TK404', 'idempotency_key: The key has 1 to 255 characters.', 'Use a key that stays the same when the call is repeated.');
  end if;
  select m.* into v_message from app_public.messages m
   where m.tenant_id = core.current_tenant_id() and m.conversation_id = message_with_key.conversation_id
     and m.idempotency_key = message_with_key.idempotency_key;
  if v_message.request_hash <> message_with_key.request_hash then
    perform core.raise_error('TK502', 'idempotency_key: This key was used for another message.', 'Use a new key for each message, and the same one to send a message again.');
  end if;
  return v_message;
end
$$;
comment on function conversation.message_with_key is E'@errors TK404 TK502\nThe message that the same request has made before under a key; null when there is none.';

create or replace function conversation.first_answer(question app_public.messages) returns uuid
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select m.id from app_public.messages m
     where m.tenant_id = (question).tenant_id and m.parent_id = (question).id order by m.sequence limit 1);
end
$$;
comment on function conversation.first_answer is 'The answer that was asked for with a message.';

-- The caller has locked the conversation.
create or replace function conversation.send(
  conversation_id uuid, parent app_public.messages, parts app_public.new_message_part[], idempotency_key text, request jsonb)
returns app_public.sent_message
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_parts app_public.message_part[];
  v_hash constant bytea := conversation.request_hash(send.request || jsonb_build_object('parts', to_jsonb(send.parts)));
  v_message app_public.messages := conversation.message_with_key(send.conversation_id, send.idempotency_key, v_hash);
begin
  if v_message.id is not null then
    return (v_message.id, conversation.first_answer(v_message))::app_public.sent_message;
  end if;
  perform conversation.require_active(send.conversation_id);
  perform conversation.require_no_open_answer(send.conversation_id);
  v_parts := conversation.read_parts(send.parts);
  v_message := conversation.add_message(send.conversation_id, parent, 'user', v_parts, send.idempotency_key, v_hash);
  if v_message.sequence = 1 then
    update app_public.expert_consultations c set title = conversation.title_of(conversation.plain_text(v_parts))
     where c.tenant_id = v_message.tenant_id and c.id = v_message.conversation_id and not c.is_title_given;
  end if;
  return (v_message.id, (conversation.ask(v_message)).id)::app_public.sent_message;
end
$$;
comment on function conversation.send is
  E'@errors TK401 TK402 TK404 TK501 TK502 TK503 TK601 TK602 TK603\nStores a message below another one, or as one that begins the conversation, and asks for its answer; or returns what the same request has made before.';

create or replace function conversation.require_active(conversation_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_public.expert_consultations c
     where c.tenant_id = core.current_tenant_id() and c.id = require_active.conversation_id and c.status = 'archived') then
    perform core.raise_error('TK503', 'This conversation was put away.', 'Take it up again by unarchive_conversation.');
  end if;
end
$$;
comment on function conversation.require_active is E'@errors TK503\nRefuses what is sent in a conversation that was put away.';

create or replace function app_public.send_message(conversation_id uuid, parts app_public.new_message_part[], idempotency_key text default null)
returns app_public.sent_message
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_conversation app_public.expert_consultations;
  v_parent app_public.messages;
begin
  perform conversation.require_participant();
  v_conversation := conversation.lock_conversation(send_message.conversation_id);
  select m.* into v_parent from app_public.messages m
   where m.tenant_id = v_conversation.tenant_id and m.id = v_conversation.active_message_id;
  return conversation.send(v_conversation.id, v_parent, send_message.parts, send_message.idempotency_key, '{"what": "send"}');
end
$$;
comment on function app_public.send_message is
  E'@resultFieldName sent\n@errors ID202 ID203 KY201 TK301 TK401 TK402 TK404 TK501 TK502 TK503 TK601 TK602 TK603 TN202\nSends a message at the end of the active branch: at most 50 parts with 100 kB of text together. Its answer is pending; messageChanged tells how it grows. With an idempotency key a call that is repeated gives the message of the first. You need the permission can_run_agents.';
grant execute on function app_public.send_message to rowhouse_user;

create or replace function app_public.sent_message_message(sent_message app_public.sent_message) returns app_public.messages
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.messages m where m.tenant_id = core.current_tenant_id() and m.id = (sent_message).message_id;
$$;
comment on function app_public.sent_message_message is 'The message.';
grant execute on function app_public.sent_message_message to rowhouse_user;

create or replace function app_public.sent_message_answer(sent_message app_public.sent_message) returns app_public.messages
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.messages m where m.tenant_id = core.current_tenant_id() and m.id = (sent_message).answer_id;
$$;
comment on function app_public.sent_message_answer is 'Its answer.';
grant execute on function app_public.sent_message_answer to rowhouse_user;
comment on type app_public.sent_message is 'A message that was sent, and the answer that was asked for with it.';
comment on column app_public.sent_message.message_id is E'@notNull\nThe message.';
comment on column app_public.sent_message.answer_id is E'@notNull\nIts answer.';

create or replace function app_public.edit_message(message_id uuid, parts app_public.new_message_part[], idempotency_key text default null)
returns app_public.sent_message
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_message constant app_public.messages := conversation.lock_conversation_of(edit_message.message_id);
  v_parent app_public.messages;
begin
  if v_message.role <> 'user' then
    perform core.raise_error('TK403', 'message_id: An answer is not edited.', 'Name a message of yours, or have the answer made anew by regenerate_answer.');
  end if;
  select m.* into v_parent from app_public.messages m where m.tenant_id = v_message.tenant_id and m.id = v_message.parent_id;
  return conversation.send(v_message.conversation_id, v_parent, edit_message.parts, edit_message.idempotency_key,
    jsonb_build_object('what', 'edit', 'message', v_message.id));
end
$$;
comment on function app_public.edit_message is
  E'@resultFieldName sent\n@errors ID202 ID203 KY201 TK302 TK401 TK402 TK403 TK404 TK501 TK502 TK503 TK601 TK602 TK603 TN202\nSends a message in the place of one of yours: a sibling of it, in a branch of its own, which becomes the active one. The other one stays, with all that followed it.';
grant execute on function app_public.edit_message to rowhouse_user;

create or replace function conversation.lock_answer(message_id uuid) returns app_public.messages
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_answer constant app_public.messages := conversation.lock_conversation_of(lock_answer.message_id);
begin
  if v_answer.role <> 'assistant' then
    perform core.raise_error('TK405', 'message_id: This message is no answer.', 'Name an answer.');
  end if;
  return v_answer;
end
$$;
comment on function conversation.lock_answer is
  E'@errors ID202 ID203 KY201 TK302 TK405 TN202\nLocks the conversation of the caller that an answer lies in, and returns the answer.';

create or replace function app_public.regenerate_answer(message_id uuid, idempotency_key text default null) returns app_public.messages
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_answer constant app_public.messages := conversation.lock_answer(regenerate_answer.message_id);
  v_hash constant bytea := conversation.request_hash(jsonb_build_object('what', 'regenerate', 'message', v_answer.id));
  v_question app_public.messages;
  v_known constant app_public.messages := conversation.message_with_key(v_answer.conversation_id, regenerate_answer.idempotency_key, v_hash);
begin
  if v_known.id is not null then
    return v_known;
  end if;
  perform conversation.require_active(v_answer.conversation_id);
  perform conversation.require_no_open_answer(v_answer.conversation_id);
  select m.* into strict v_question from app_public.messages m where m.tenant_id = v_answer.tenant_id and m.id = v_answer.parent_id;
  return conversation.ask(v_question, regenerate_answer.idempotency_key, v_hash);
end
$$;
comment on function app_public.regenerate_answer is
  E'@resultFieldName answer\n@errors ID202 ID203 KY201 TK302 TK404 TK405 TK501 TK502 TK503 TK602 TK603 TN202\nAsks for another answer to the same message: a sibling, which becomes the active one. The other one stays. So is an answer that failed or was cancelled asked for again.';
grant execute on function app_public.regenerate_answer to rowhouse_user;

-- The caller has locked the conversation. Whoever writes the answer holds the lock of its open row, so this waits for that, and what
-- comes later finds no row.
create or replace function conversation.cancel_open_answer(conversation_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_open conversation.open_answers;
begin
  delete from conversation.open_answers o
   where o.tenant_id = core.current_tenant_id() and o.conversation_id = cancel_open_answer.conversation_id
  returning * into v_open;
  if found then
    update app_public.messages m set status = 'cancelled', finished_at = core.clock()
     where m.tenant_id = v_open.tenant_id and m.id = v_open.message_id;
    perform runtime.end_reservation(v_open.reservation_id);
  end if;
end
$$;
comment on function conversation.cancel_open_answer is 'Cancels the answer that is on its way in a conversation. What was written of it stays.';

create or replace function app_public.cancel_answer(message_id uuid) returns app_public.messages
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_answer app_public.messages := conversation.lock_answer(cancel_answer.message_id);
begin
  if v_answer.finished_at is null then
    perform conversation.cancel_open_answer(v_answer.conversation_id);
    select m.* into strict v_answer from app_public.messages m where m.tenant_id = v_answer.tenant_id and m.id = v_answer.id;
  end if;
  return v_answer;
end
$$;
comment on function app_public.cancel_answer is
  E'@resultFieldName answer\n@errors ID202 ID203 KY201 TK302 TK405 TN202\nCancels an answer that is on its way; what was written of it stays. One that has ended is not changed.';
grant execute on function app_public.cancel_answer to rowhouse_user;

create or replace function app_public.rate_answer(message_id uuid, rating app_public.answer_rating, comment text default null)
returns app_public.message_feedback
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_answer constant app_public.messages := conversation.lock_answer(rate_answer.message_id);
  v_feedback app_public.message_feedback;
begin
  if rate_answer.rating is null then
    perform core.raise_error('TK406', 'rating: Say up or down.', 'To take back what you said, call unrate_answer.');
  end if;
  insert into app_public.message_feedback as f (tenant_id, message_id, user_id, rating, comment)
  values (v_answer.tenant_id, v_answer.id, core.current_user_id(), rate_answer.rating, rate_answer.comment)
  on conflict on constraint message_feedback_pkey do update set rating = excluded.rating, comment = excluded.comment
  returning * into v_feedback;
  return v_feedback;
end
$$;
comment on function app_public.rate_answer is
  E'@resultFieldName feedback\n@errors 23514 ID202 ID203 KY201 TK302 TK405 TK406 TN202\nSays what you think of an answer, once: saying it again replaces what you said.';
grant execute on function app_public.rate_answer to rowhouse_user;

create or replace function app_public.unrate_answer(message_id uuid) returns app_public.messages
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_answer constant app_public.messages := conversation.lock_answer(unrate_answer.message_id);
begin
  delete from app_public.message_feedback f
   where f.tenant_id = v_answer.tenant_id and f.message_id = v_answer.id and f.user_id = core.current_user_id();
  return v_answer;
end
$$;
comment on function app_public.unrate_answer is
  E'@resultFieldName message\n@errors ID202 ID203 KY201 TK302 TK405 TN202\nTakes back what you said of an answer.';
grant execute on function app_public.unrate_answer to rowhouse_user;

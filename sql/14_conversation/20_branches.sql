-- Where messages lie. A message continues the branch of the one that it follows, unless that one is followed in its branch already:
-- then a new branch forks. The caller has locked the conversation.

create or replace function conversation.raise_no_such_message() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('TK302', 'message_id: There is no such message in your conversations.', 'Read the messages of the conversation.');
end
$$;
comment on function conversation.raise_no_such_message is
  E'@errors TK302\nRaises the one error for a message that does not exist, was deleted, or is another person''s.';

create or replace function conversation.lock_conversation_of(message_id uuid) returns app_public.messages
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_message app_public.messages;
begin
  perform conversation.require_participant();
  perform from app_public.expert_consultations c
   where c.tenant_id = core.current_tenant_id() and c.user_id = core.current_user_id() and c.deleted_at is null
     and c.id = (select m.conversation_id from app_public.messages m where m.tenant_id = core.current_tenant_id() and m.id = lock_conversation_of.message_id)
     for update;
  if not found then
    perform conversation.raise_no_such_message();
  end if;
  -- read after the lock, as whoever held it has left it
  select m.* into strict v_message from app_public.messages m
   where m.tenant_id = core.current_tenant_id() and m.id = lock_conversation_of.message_id;
  return v_message;
end
$$;
comment on function conversation.lock_conversation_of is
  E'@errors ID202 ID203 KY201 TK302 TN202\nLocks the conversation of the caller that a message lies in, and returns the message.';

create or replace function conversation.max_messages() returns int
language sql immutable parallel safe
return 20000;
comment on function conversation.max_messages is 'How many messages a conversation has at most, in all branches.';

create or replace function conversation.max_branches() returns int
language sql immutable parallel safe
return 1000;
comment on function conversation.max_branches is 'How many branches a conversation has at most.';

create or replace function conversation.branch_below(conversation app_public.expert_consultations, parent app_public.messages) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_number constant int := (conversation).branch_count + 1;
begin
  if (parent).id is not null and not exists (
    select from app_public.messages m
     where m.tenant_id = (parent).tenant_id and m.conversation_id = (parent).conversation_id and m.branch = (parent).branch
       and m.depth = (parent).depth + 1)
  then
    return (parent).branch;
  elsif v_number > conversation.max_branches() then
    perform core.raise_error('TK603', format('A conversation has at most %s branches.', conversation.max_branches()), 'Begin a new conversation.');
  end if;
  insert into conversation.branches (tenant_id, conversation_id, number, parent_number, fork_depth)
  values ((conversation).tenant_id, (conversation).id, v_number, (parent).branch, coalesce((parent).depth, 0));
  return v_number;
end
$$;
comment on function conversation.branch_below is E'@errors TK603\nThe branch of the next message below another one, or of one that begins the conversation.';

create or replace function conversation.add_message(
  conversation_id uuid, parent app_public.messages, role app_public.message_role, parts app_public.message_part[],
  idempotency_key text default null, request_hash bytea default null) returns app_public.messages
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_conversation app_public.expert_consultations;
  v_branch int;
  v_message app_public.messages;
begin
  select c.* into strict v_conversation from app_public.expert_consultations c
   where c.tenant_id = core.current_tenant_id() and c.id = add_message.conversation_id;
  if v_conversation.message_count >= conversation.max_messages() then
    perform core.raise_error('TK602', format('A conversation has at most %s messages.', conversation.max_messages()), 'Begin a new conversation.');
  end if;
  v_branch := conversation.branch_below(v_conversation, parent);
  insert into app_public.messages (
    tenant_id, conversation_id, user_id, sequence, parent_id, branch, depth, role, status, parts, idempotency_key, request_hash,
    created_at, finished_at)
  values (
    v_conversation.tenant_id, v_conversation.id, v_conversation.user_id, v_conversation.message_count + 1, (parent).id, v_branch,
    coalesce((parent).depth, 0) + 1, add_message.role, case add_message.role when 'user' then 'complete' else 'pending' end,
    add_message.parts, add_message.idempotency_key, add_message.request_hash,
    core.clock(), case add_message.role when 'user' then core.clock() end)
  returning * into v_message;
  update app_public.expert_consultations c
     set message_count = v_message.sequence, branch_count = greatest(c.branch_count, v_branch), last_message_at = core.clock()
   where c.tenant_id = v_message.tenant_id and c.id = v_message.conversation_id;
  return v_message;
end
$$;
comment on function conversation.add_message is E'@errors TK602 TK603\nStores a message below another one, in its branch or in a new one.';

-- From a message up to the beginning: the ranges of branches on the way, at most one for each branch.
create or replace function conversation.segments(leaf app_public.messages, above_depth int default 0)
returns table (branch int, from_depth int, to_depth int)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    with recursive segment as (
      select b.number, b.parent_number, b.fork_depth, (leaf).depth as until
        from conversation.branches b
       where b.tenant_id = (leaf).tenant_id and b.conversation_id = (leaf).conversation_id and b.number = (leaf).branch
      union all
      select b.number, b.parent_number, b.fork_depth, s.fork_depth
        from segment s
        join conversation.branches b
          on b.tenant_id = (leaf).tenant_id and b.conversation_id = (leaf).conversation_id and b.number = s.parent_number
       where s.fork_depth > segments.above_depth
    )
    select s.number, greatest(s.fork_depth, segments.above_depth) + 1, s.until from segment s;
end
$$;
comment on function conversation.segments is
  'The ranges of branches on the way from a message up to the beginning of its conversation, or up to a depth.';
grant execute on function conversation.segments to rowhouse_user;

create or replace function conversation.activate(leaf app_public.messages) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update conversation.branches b set active_until = s.to_depth
    from conversation.branches o
    left join conversation.segments(leaf) s on s.branch = o.number
   where o.tenant_id = (leaf).tenant_id and o.conversation_id = (leaf).conversation_id
     and o.active_until is distinct from s.to_depth
     and b.tenant_id = o.tenant_id and b.conversation_id = o.conversation_id and b.number = o.number;
  update app_public.expert_consultations c set active_message_id = (leaf).id
   where c.tenant_id = (leaf).tenant_id and c.id = (leaf).conversation_id and c.active_message_id is distinct from (leaf).id;
end
$$;
comment on function conversation.activate is 'Makes the way to a message the active branch of its conversation.';

-- Whatever follows a message has a higher sequence, so the last of all messages below one is a leaf, and the one to go to.
create or replace function conversation.newest_leaf(message app_public.messages) returns app_public.messages
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_leaf app_public.messages;
begin
  with recursive below as (
    select (newest_leaf.message).branch as number
    union all
    select b.number
      from below w
      join conversation.branches b
        on b.tenant_id = (newest_leaf.message).tenant_id and b.conversation_id = (newest_leaf.message).conversation_id and b.parent_number = w.number
     -- of the branches of its own branch those that fork above it do not lie below it
     where b.fork_depth >= (newest_leaf.message).depth
  )
  select l.* into v_leaf
    from below w
   cross join lateral (
     select m.* from app_public.messages m
      where m.tenant_id = (newest_leaf.message).tenant_id and m.conversation_id = (newest_leaf.message).conversation_id and m.branch = w.number
      order by m.depth desc limit 1) l
   order by l.sequence desc limit 1;
  return v_leaf;
end
$$;
comment on function conversation.newest_leaf is 'The last message that was sent or answered below a message, or the message itself.';

create or replace function app_public.switch_branch(message_id uuid) returns app_public.expert_consultations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_message constant app_public.messages := conversation.lock_conversation_of(switch_branch.message_id);
  v_conversation app_public.expert_consultations;
begin
  perform conversation.activate(conversation.newest_leaf(v_message));
  select c.* into strict v_conversation from app_public.expert_consultations c
   where c.tenant_id = v_message.tenant_id and c.id = v_message.conversation_id;
  return v_conversation;
end
$$;
comment on function app_public.switch_branch is
  E'@resultFieldName conversation\n@errors ID202 ID203 KY201 TK302 TN202\nMakes the branch with this message the active one, down to the last message that came up below it. The next message that is sent follows there.';
grant execute on function app_public.switch_branch to rowhouse_user;

create or replace view app_public.chat_history with (security_invoker = true) as
  select m.tenant_id, m.id as message_id, m.conversation_id, m.depth, m.role, m.status, m.parts, m.created_at
    from app_public.messages m
    join conversation.branches b on b.tenant_id = m.tenant_id and b.conversation_id = m.conversation_id and b.number = m.branch
   where m.depth <= b.active_until;
grant select on app_public.chat_history to rowhouse_user;
comment on view app_public.chat_history is
  E'@primaryKey tenant_id,message_id\n@foreignKey (tenant_id, conversation_id) references app_public.expert_consultations (tenant_id, id)|@fieldName conversation|@foreignFieldName history\n@foreignKey (tenant_id, message_id) references app_public.messages (tenant_id, id)|@fieldName message|@behavior -backward\n@behavior -insert -update -delete -query:resource:connection -query:resource:single\nThe messages on the active branches of your conversations. With orderBy: DEPTH_DESC the newest come first.';
comment on column app_public.chat_history.tenant_id is E'@behavior -*\nThe tenant.';
comment on column app_public.chat_history.message_id is E'@notNull\n@behavior -orderBy -filterBy\nThe message.';
comment on column app_public.chat_history.conversation_id is E'@notNull\n@behavior -orderBy -filterBy\nThe conversation.';
comment on column app_public.chat_history.depth is E'@notNull\nIts place on the way from the first message, from 1.';
comment on column app_public.chat_history.role is E'@notNull\n@behavior -orderBy -filterBy\nWho speaks.';
comment on column app_public.chat_history.status is E'@notNull\n@behavior -orderBy -filterBy\nHow far it is.';
comment on column app_public.chat_history.parts is E'@notNull\n@behavior -orderBy -filterBy\nWhat it is made of.';
comment on column app_public.chat_history.created_at is E'@notNull\n@behavior -orderBy -filterBy\nWhen it was sent or asked for.';

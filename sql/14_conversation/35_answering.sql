-- Answering. A worker claims an answer under a lease, writes what the model has said so far in strides, and ends it; each is a
-- transaction of its own. Only the holder of the live lease writes. An answer whose worker died is begun anew by another one, under
-- the same idempotency key, and what the first had written is dropped. Locks are taken in one order: the conversation, the open
-- answer, the message, counters of quotas.

create or replace function conversation.max_answers_at_once() returns int
language sql immutable parallel safe
return 20;
comment on function conversation.max_answers_at_once is 'How many answers of a tenant are at workers at once, so that none takes the places of others.';
grant execute on function conversation.max_answers_at_once to rowhouse_platform;

create or replace function conversation.answer_timeout() returns interval
language sql immutable parallel safe
return interval '10 minutes';
comment on function conversation.answer_timeout is 'How long a worker has for an answer.';

set local role rowhouse_platform;  -- outside the wall: a worker gives the answers of all tenants
create or replace function conversation.answers_at_workers(tenant_id uuid) returns bigint
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select count(*) from conversation.open_answers o where o.tenant_id = answers_at_workers.tenant_id and o.lease_token is not null);
end
$$;
comment on function conversation.answers_at_workers is 'How many answers of a tenant are at workers.';

-- Whoever has least under way goes first, so that a tenant with much to ask does not hold up the others. Tenants are found by leaping
-- through the index from one to the next.
create or replace function conversation.pick_open_answer(out tenant_id uuid, out message_id uuid)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
begin
  for v_tenant_id in
    with recursive waiting (tenant_id) as (
      (select o.tenant_id from conversation.open_answers o where o.lease_token is null order by o.tenant_id limit 1)
      union all
      select (select o.tenant_id from conversation.open_answers o where o.lease_token is null and o.tenant_id > w.tenant_id order by o.tenant_id limit 1)
        from waiting w where w.tenant_id is not null
    )
    select w.tenant_id
      from waiting w
      join app_public.tenants t on t.id = w.tenant_id and tenancy.is_open(t.status, t.ancestor_ids)
     cross join lateral (
       select o.available_at from conversation.open_answers o
        where o.tenant_id = w.tenant_id and o.lease_token is null order by o.available_at limit 1) oldest
     cross join lateral (select conversation.answers_at_workers(w.tenant_id) as answers) busy
     where busy.answers < conversation.max_answers_at_once()
     order by busy.answers, oldest.available_at
  loop
    -- Two who count at the same time would both find room. Who does not get the lock leaves the tenant to the other one.
    continue when not pg_try_advisory_xact_lock(hashtextextended('answers of ' || v_tenant_id, 0));
    -- a new statement sees what the last holder of the lock has claimed
    continue when conversation.answers_at_workers(v_tenant_id) >= conversation.max_answers_at_once();
    select o.tenant_id, o.message_id into tenant_id, message_id
      from conversation.open_answers o
     where o.tenant_id = v_tenant_id and o.lease_token is null
     order by o.available_at
     limit 1
       for update skip locked;
    exit when found;
  end loop;
end
$$;
comment on function conversation.pick_open_answer is
  'Locks the answer that has waited for longest, of the tenant whose turn it is; null when none waits that nobody else is claiming.';
grant execute on function conversation.pick_open_answer to rowhouse_owner;

create or replace function conversation.lock_lost_answer(out tenant_id uuid, out message_id uuid)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  select o.tenant_id, o.message_id into tenant_id, message_id
    from conversation.open_answers o
   where o.lease_token is not null and o.leased_until <= core.clock()
   order by o.leased_until
   limit 1
     for update skip locked;
end
$$;
comment on function conversation.lock_lost_answer is 'Locks an answer whose lease has ended; null when there is none.';
grant execute on function conversation.lock_lost_answer to rowhouse_owner;

set local role rowhouse_owner;

-- The one place where an answer ends, other than by its person. The caller has locked the open row.
create or replace function conversation.end_answer(
  open conversation.open_answers, status app_public.message_status, finish_reason text default null, error_code text default null,
  error_message text default null) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from conversation.open_answers o where o.tenant_id = (open).tenant_id and o.message_id = (open).message_id;
  update app_public.messages m
     set status = end_answer.status, finish_reason = left(end_answer.finish_reason, 100), error_code = left(end_answer.error_code, 100),
         error_message = left(end_answer.error_message, 2000), finished_at = core.clock()
   where m.tenant_id = (open).tenant_id and m.id = (open).message_id;
  perform runtime.end_reservation((open).reservation_id);
end
$$;
comment on function conversation.end_answer is 'Ends an answer, and gives back what was reserved for it and not used.';

create or replace function conversation.return_answer(open conversation.open_answers) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update conversation.open_answers o
     set worker = null, lease_token = null, leased_until = null, timeout_at = null, reservation_id = null, passages = '[]'
   where o.tenant_id = (open).tenant_id and o.message_id = (open).message_id;
  update app_public.messages m set status = 'pending', parts = '{}', model_name = null
   where m.tenant_id = (open).tenant_id and m.id = (open).message_id;
  perform runtime.end_reservation((open).reservation_id);
end
$$;
comment on function conversation.return_answer is 'Gives an answer to the workers again, from its beginning.';

create or replace function conversation.return_lost_answer() returns boolean
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most_lost constant int := 5;
  v_lost record;
  v_open conversation.open_answers;
begin
  select * into v_lost from conversation.lock_lost_answer();
  if v_lost.message_id is null then
    return false;
  end if;
  call core.enter_tenant(v_lost.tenant_id);
  update conversation.open_answers o set lost_count = o.lost_count + 1
   where o.tenant_id = v_lost.tenant_id and o.message_id = v_lost.message_id
  returning o.* into v_open;
  if v_open.timeout_at <= core.clock() then
    perform conversation.end_answer(v_open, 'failed', null, 'timeout', 'The answer took too long.');
  elsif v_open.lost_count >= v_most_lost then
    perform conversation.end_answer(v_open, 'failed', null, 'lease_lost', 'Five workers were lost that had begun the answer.');
  else
    perform conversation.return_answer(v_open);
  end if;
  return true;
end
$$;
comment on function conversation.return_lost_answer is
  'Gives an answer whose lease has ended to the workers again, or fails it when its time is up or it has cost five workers. False when there was none.';

create or replace function conversation.lease_answer(message_id uuid, worker text, lease interval) returns conversation.claimed_answer
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_usual_tokens constant bigint := 4000;
  v_open conversation.open_answers;
  v_reservation_id uuid;
begin
  select o.* into strict v_open from conversation.open_answers o
   where o.tenant_id = core.current_tenant_id() and o.message_id = lease_answer.message_id;
  -- messages are locked before counters of quotas
  perform from app_public.messages m where m.tenant_id = v_open.tenant_id and m.id = v_open.message_id for no key update;
  if not exists (
    select from app_public.user_tenants m where m.tenant_id = v_open.tenant_id and m.user_id = v_open.user_id and m.status = 'active') then
    perform conversation.end_answer(v_open, 'failed', null, 'ID202', 'The person is not a member of this tenant any more.');
    return null;
  end if;
  begin
    v_reservation_id := runtime.hold_tokens(v_usual_tokens, v_open.user_id, v_open.agent_id, core.clock() + conversation.answer_timeout());
  exception when sqlstate 'QT601' then
    -- a person waits, who is to know
    perform conversation.end_answer(v_open, 'failed', null, 'QT601', sqlerrm);
    return null;
  end;
  update conversation.open_answers o
     set attempt = o.attempt + 1, worker = lease_answer.worker, lease_token = gen_random_uuid(), reservation_id = v_reservation_id,
         timeout_at = core.clock() + conversation.answer_timeout(), leased_until = core.clock() + lease_answer.lease
   where o.tenant_id = v_open.tenant_id and o.message_id = v_open.message_id
  returning o.* into v_open;
  update app_public.messages m set status = 'streaming' where m.tenant_id = v_open.tenant_id and m.id = v_open.message_id;
  return row(v_open.tenant_id, v_open.message_id, v_open.conversation_id, v_open.user_id, v_open.agent_id, v_open.attempt, v_open.lease_token,
    v_open.message_id || ':' || (v_open.attempt - v_open.lost_count), array_remove(array[v_reservation_id], null))::conversation.claimed_answer;
end
$$;
comment on function conversation.lease_answer is
  'Gives a locked answer to a worker; null when its person has left, or no quota has room for it: then it has failed.';

create or replace function conversation.claim_answer(worker text, lease interval default '30 seconds') returns setof conversation.claimed_answer
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most_tries constant int := 10;
  v_picked record;
  v_claimed conversation.claimed_answer;
begin
  perform runtime.check_lease_length(claim_answer.lease);
  -- Its end gives back what was reserved, and so locks counters of quotas: those of one tenant in a transaction.
  if conversation.return_lost_answer() then
    perform conversation.enqueue_answer(core.current_tenant_id());
    return;
  end if;
  for v_try in 1 .. v_most_tries loop
    select * into v_picked from conversation.pick_open_answer();
    exit when v_picked.message_id is null;
    call core.enter_tenant(v_picked.tenant_id);
    v_claimed := conversation.lease_answer(v_picked.message_id, left(claim_answer.worker, 255), claim_answer.lease);
    if v_claimed.message_id is not null then
      return next v_claimed;
      return;
    end if;
  end loop;
end
$$;
comment on function conversation.claim_answer is
  E'@errors RN455\nGives a worker one answer of any tenant, under a lease, or no row. The transaction is in the tenant of the answer from then on.';
grant execute on function conversation.claim_answer to rowhouse_worker;

create or replace function conversation.lock_leased_answer(tenant_id uuid, message_id uuid, lease_token uuid) returns conversation.open_answers
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_open conversation.open_answers;
begin
  call core.enter_tenant(lock_leased_answer.tenant_id);
  select o.* into v_open from conversation.open_answers o
   where o.tenant_id = lock_leased_answer.tenant_id and o.message_id = lock_leased_answer.message_id
     and o.lease_token = lock_leased_answer.lease_token and o.leased_until > core.clock()
     for update;
  return v_open;
end
$$;
comment on function conversation.lock_leased_answer is 'Locks an open answer for the holder of its live lease; null for everybody else.';

create or replace function conversation.parts_of_json(parts jsonb) returns app_public.message_part[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select array(select jsonb_populate_record(null::app_public.message_part, p.part)
                 from jsonb_array_elements(parts_of_json.parts) with ordinality as p (part, n) order by p.n);
$$;
comment on function conversation.parts_of_json is 'The parts of an answer as a worker gives them.';

create or replace function conversation.write_answer(tenant_id uuid, message_id uuid, lease_token uuid, parts jsonb, lease interval default '30 seconds')
returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_open conversation.open_answers;
begin
  perform runtime.check_lease_length(write_answer.lease);
  v_open := conversation.lock_leased_answer(write_answer.tenant_id, write_answer.message_id, write_answer.lease_token);
  if v_open.message_id is null or v_open.timeout_at <= core.clock() then
    return false;
  end if;
  update conversation.open_answers o set leased_until = least(core.clock() + write_answer.lease, o.timeout_at)
   where o.tenant_id = v_open.tenant_id and o.message_id = v_open.message_id;
  if write_answer.parts is not null then
    update app_public.messages m set parts = conversation.parts_of_json(write_answer.parts)
     where m.tenant_id = v_open.tenant_id and m.id = v_open.message_id;
  end if;
  return true;
end
$$;
comment on function conversation.write_answer is
  E'@errors RN455\nStores what there is of an answer and renews its lease; without parts it only renews. False when the lease is lost, the answer was cancelled or its time is up: the worker must stop.';
grant execute on function conversation.write_answer to rowhouse_worker;

create or replace function conversation.prepare_answer(tenant_id uuid, message_id uuid, lease_token uuid) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_open constant conversation.open_answers := conversation.lock_leased_answer(
    prepare_answer.tenant_id, prepare_answer.message_id, prepare_answer.lease_token);
  v_opened jsonb;
  v_question app_public.messages;
  v_passages jsonb;
begin
  if v_open.message_id is null then
    perform conversation.raise_lease_is_lost();
  end if;
  v_opened := runtime.open_model_step(v_open.tenant_id, v_open.user_id, v_open.agent_id, null, null);
  select q.* into strict v_question
    from app_public.messages a join app_public.messages q on q.tenant_id = a.tenant_id and q.id = a.parent_id
   where a.tenant_id = v_open.tenant_id and a.id = v_open.message_id;
  v_passages := coalesce(
    conversation.panel_passages(v_open.message_id),
    conversation.find_passages(v_open.agent_id, conversation.plain_text(v_question.parts)));
  update conversation.open_answers o set passages = v_passages where o.tenant_id = v_open.tenant_id and o.message_id = v_open.message_id;
  update app_public.messages m set model_name = v_opened -> 'model' ->> 'name', parts = '{}'
   where m.tenant_id = v_open.tenant_id and m.id = v_open.message_id;
  return v_opened || jsonb_build_object('messages', conversation.messages_for_model(
    v_question, v_passages, conversation.context_tokens(v_open.agent_id, v_opened)));
end
$$;
comment on function conversation.prepare_answer is
  E'@errors RN376 RN377 RN479 SR412 TK504\nWhat a worker needs for an answer that it has claimed: what runtime.open_model_step gives, and the messages for the model.';
grant execute on function conversation.prepare_answer to rowhouse_worker;

create or replace function conversation.raise_lease_is_lost() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('TK504', 'The lease of the answer is lost.', 'Drop it: another worker gives it, or it is not needed any more.');
end
$$;
comment on function conversation.raise_lease_is_lost is E'@errors TK504\nRaises the error for a worker that does not hold an answer any more.';

create or replace function conversation.record_call(tenant_id uuid, message_id uuid, agent_id uuid, call jsonb) returns numeric
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_cost numeric;
  v_tokens constant bigint := (
    select coalesce(sum((record_call.call ->> k)::bigint), 0)
      from unnest(array['input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens']) as k);
begin
  call core.enter_tenant(record_call.tenant_id);
  perform from app_public.expert_consultations c
   where c.tenant_id = record_call.tenant_id
     and c.id = (select m.conversation_id from app_public.messages m where m.tenant_id = record_call.tenant_id and m.id = record_call.message_id)
     for no key update;
  perform from app_public.messages m where m.tenant_id = record_call.tenant_id and m.id = record_call.message_id for no key update;
  v_cost := runtime.record_model_call(record_call.tenant_id, record_call.agent_id,
    -- what another tenant's agent is told stays there
    case when exists (select from app_public.agents a where a.tenant_id = record_call.tenant_id and a.id = record_call.agent_id)
      then record_call.call else record_call.call - 'system_prompt' end);
  update app_public.messages m set token_count = m.token_count + v_tokens, cost_usd = m.cost_usd + v_cost
   where m.tenant_id = record_call.tenant_id and m.id = record_call.message_id;
  update app_public.expert_consultations c set token_count = c.token_count + v_tokens, cost_usd = c.cost_usd + v_cost
    from app_public.messages m
   where m.tenant_id = record_call.tenant_id and m.id = record_call.message_id and c.tenant_id = m.tenant_id and c.id = m.conversation_id;
  return v_cost;
end
$$;
comment on function conversation.record_call is
  E'@errors MT301 MT401 MT404 MT405 MT406 MT409 MT411 MT413 MT414 MT415 MT501 QT301 QT408 23514\nRecords a call of a model for an answer, also of one that was cancelled meanwhile or is gone, and returns its cost in US dollars.';
grant execute on function conversation.record_call to rowhouse_worker;

-- Of the passages that were found, those that the text names.
create or replace function conversation.citations(parts app_public.message_part[], passages jsonb) returns app_public.message_part[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_named constant int[] := array(
    select distinct (f.found)[1]::int from regexp_matches(conversation.plain_text(citations.parts), '\[(\d{1,3})\]', 'g') as f (found));
begin
  return array(
    select jsonb_populate_record(null::app_public.message_part, jsonb_build_object(
             'kind', 'citation', 'number', p -> 'number', 'document_id', p -> 'document_id', 'chunk_id', p -> 'chunk_id',
             'title', p -> 'title', 'text', p -> 'quote'))
      from jsonb_array_elements(citations.passages) p
     where (p ->> 'number')::int = any (v_named)
     order by (p ->> 'number')::int);
end
$$;
comment on function conversation.citations is 'The citations of an answer: the passages that its text names by [n].';

create or replace function conversation.complete_answer(tenant_id uuid, message_id uuid, lease_token uuid, parts jsonb, finish_reason text default null)
returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_open constant conversation.open_answers := conversation.lock_leased_answer(
    complete_answer.tenant_id, complete_answer.message_id, complete_answer.lease_token);
  v_parts constant app_public.message_part[] := conversation.parts_of_json(complete_answer.parts);
begin
  if v_open.message_id is null then
    perform conversation.raise_lease_is_lost();
  end if;
  update app_public.messages m set parts = v_parts || conversation.citations(v_parts, v_open.passages)
   where m.tenant_id = v_open.tenant_id and m.id = v_open.message_id;
  perform conversation.end_answer(v_open, 'complete', complete_answer.finish_reason);
end
$$;
comment on function conversation.complete_answer is
  E'@errors TK504\nStores a whole answer with its citations. Only the holder of the live lease may.';
grant execute on function conversation.complete_answer to rowhouse_worker;

create or replace function conversation.fail_answer(
  tenant_id uuid, message_id uuid, lease_token uuid, parts jsonb, code text, error text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_open constant conversation.open_answers := conversation.lock_leased_answer(
    fail_answer.tenant_id, fail_answer.message_id, fail_answer.lease_token);
begin
  if v_open.message_id is null then
    perform conversation.raise_lease_is_lost();
  end if;
  update app_public.messages m set parts = conversation.parts_of_json(fail_answer.parts)
   where m.tenant_id = v_open.tenant_id and m.id = v_open.message_id;
  perform conversation.end_answer(v_open, 'failed', null, coalesce(fail_answer.code, 'error'), fail_answer.error);
end
$$;
comment on function conversation.fail_answer is
  E'@errors TK504\nEnds an answer that could not be given; what was written of it stays. Only the holder of the live lease may.';
grant execute on function conversation.fail_answer to rowhouse_worker;

create or replace function conversation.release_answer(tenant_id uuid, message_id uuid, lease_token uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_open conversation.open_answers := conversation.lock_leased_answer(
    release_answer.tenant_id, release_answer.message_id, release_answer.lease_token);
begin
  if v_open.message_id is null then
    perform conversation.raise_lease_is_lost();
  end if;
  -- It was neither given nor lost, so the attempt that begins next has the same number and the same idempotency key.
  update conversation.open_answers o set attempt = o.attempt - 1
   where o.tenant_id = v_open.tenant_id and o.message_id = v_open.message_id
  returning o.* into v_open;
  perform conversation.return_answer(v_open);
  perform conversation.enqueue_answer(v_open.tenant_id);
end
$$;
comment on function conversation.release_answer is
  E'@errors TK504\nGives an answer back that a worker has not ended, because it stops. Only the holder of the live lease may.';
grant execute on function conversation.release_answer to rowhouse_worker;

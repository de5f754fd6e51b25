-- Remembering. The versions of one memory are a chain in the order of valid_from whose times do not overlap. What is remembered finds the
-- version that is true at its valid_from: the same is confirmed, anything else takes its place from then on, for as long as it says.
-- A later version that is known already stays: what is learned late about an earlier time ends where the later one begins.

call core.secure_tenant_table('memory.requests');
call audit.leave_out('keys of requests', 'memory.requests');
grant select, update, delete on memory.requests to rowhouse_platform;
comment on table memory.requests is 'The idempotency keys under which something was remembered of a person, for 35 days.';
comment on column memory.requests.user_id is E'@personal erase\nThe person.';
comment on column memory.requests.idempotency_key is E'@personal erase\nThe key.';
comment on column memory.requests.request_hash is E'@personal erase\nThe SHA-256 of what was asked for.';
comment on column memory.requests.memory_id is 'What was remembered or confirmed; null when it was forgotten since.';
comment on column memory.requests.created_at is 'When.';

comment on type app_public.new_memory is 'What is to be remembered of a person.';
comment on column app_public.new_memory.memory_type is 'The kind; by default fact.';
comment on column app_public.new_memory.memory_key is
  'What it is about, such as home_city, in at most 255 characters. Of one key there is one version at a time: the same value confirms it, another one supersedes it. Without a key the words decide.';
comment on column app_public.new_memory.content is 'The memory in words, of at most 16 kB; by default the key and the value.';
comment on column app_public.new_memory.memory_value is 'Its value for programs, of at most 8 kB. Where both versions have one, it alone decides whether they are the same.';
comment on column app_public.new_memory.confidence_score is 'How sure it is, 0 to 1; by default 0.8.';
comment on column app_public.new_memory.importance_score is 'How much it matters, 0 to 1; by default 0.5.';
comment on column app_public.new_memory.valid_from is 'From when on it is true; by default occurred_at, else now.';
comment on column app_public.new_memory.valid_to is 'Until when it is true, exclusive; by default without an end.';
comment on column app_public.new_memory.expires_at is 'Until when it is kept; by default as memoryRules say for the kind.';
comment on column app_public.new_memory.speaker is 'Who said it, in at most 255 characters.';
comment on column app_public.new_memory.occurred_at is 'When it was said or happened; not in the future.';
comment on column app_public.new_memory.session_id is 'The session or conversation in which it was said, in at most 255 characters.';
comment on column app_public.new_memory.context is 'The words around it, such as the turn before, of at most 8 kB.';
comment on column app_public.new_memory.source_conversation_id is 'The conversation that it comes from.';
comment on column app_public.new_memory.source_message_id is 'The message that it comes from.';
comment on column app_public.new_memory.supersedes_id is 'The memory that it contradicts and whose place it takes; it gets the key of that one.';
comment on column app_public.new_memory.is_long_term is
  'Whether it is kept beyond its session; by default it is, unless it has a session and is context or an episode.';
comment on column app_public.new_memory.idempotency_key is
  'A key of 1 to 255 characters that stays the same when the call is repeated: within 35 days nothing is remembered twice, and nothing that was forgotten since comes back.';

create or replace function memory.begins_at(given app_public.new_memory, at timestamptz) returns timestamptz
language sql immutable parallel safe
return coalesce((given).valid_from, (given).occurred_at, at);
comment on function memory.begins_at is 'From when on what is given is true.';

create or replace function memory.problem(given app_public.new_memory, at timestamptz) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when given is null then 'must not be null.'
    when given.content is null and given.memory_value is null then 'content or memory_value must be given.'
    when given.content !~ '\S' or octet_length(given.content) > 16000 then 'content must have a visible character and at most 16 kB.'
    when pg_column_size(given.memory_value) > 8000 or octet_length(given.memory_value::text) > 8000 then 'memory_value must have at most 8 kB.'
    when not core.is_name(given.memory_key) then 'memory_key must have 1 to 255 characters, and no control characters.'
    when given.memory_key ~ '^(text|episode):' then 'memory_key must not begin with text: or episode:.'
    when given.confidence_score not between 0 and 1 then 'confidence_score must be from 0 to 1.'
    when given.importance_score not between 0 and 1 then 'importance_score must be from 0 to 1.'
    when not isfinite(given.occurred_at) or given.occurred_at > at + interval '5 minutes' then 'occurred_at must be a time that is not in the future.'
    when not isfinite(given.valid_from) then 'valid_from must be a time.'
    when given.valid_to <= memory.begins_at(given, at) then 'valid_to must be after valid_from.'
    when not isfinite(given.expires_at) or given.expires_at <= at then 'expires_at must be in the future.'
    when length(given.speaker) > 255 then 'speaker must have at most 255 characters.'
    when length(given.session_id) > 255 then 'session_id must have at most 255 characters.'
    when octet_length(given.context) > 8000 then 'context must have at most 8 kB.'
    when length(given.idempotency_key) not between 1 and 255 then 'idempotency_key must have 1 to 255 characters.'
  end;
$$;
comment on function memory.problem is 'What is wrong with a memory, as a sentence that names the field; null when nothing is.';

create or replace function memory.check_given(memories app_public.new_memory[]) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count constant int := coalesce(cardinality(memories), 0);
  v_problems text;
begin
  if v_count not between 1 and 100 then
    perform core.raise_error('MM402', 'memories must be a list of 1 to 100.', 'Send several lists.');
  end if;
  select string_agg(b.problem, ' ' order by b.n) into v_problems
    from (select n, case when v_count > 1 then format('Row %s: ', n) else '' end || memory.problem(memories[n], core.clock()) as problem
            from generate_subscripts(memories, 1) as n
           where memory.problem(memories[n], core.clock()) is not null
           order by n limit 10) b;
  if v_problems is not null then
    perform core.raise_error('MM403', v_problems, 'The comments of the fields say what they hold.');
  end if;
end
$$;
comment on function memory.check_given is
  E'@errors MM402 MM403\nRefuses a list with memories that cannot be kept; the error names the first ten of them by their positions.';

create or replace function memory.key_of(content text) returns text
language sql immutable parallel safe
return 'text:' || encode(sha256(convert_to(lower(regexp_replace(btrim(content), '\s+', ' ', 'g')), 'UTF8')), 'hex');
comment on function memory.key_of is 'The key of a memory that was given none: equal texts have one.';

create or replace function memory.completed(person_id uuid, agent_id uuid, given app_public.new_memory) returns app_public.user_memory
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_type constant text := coalesce((given).memory_type, 'fact');
  v_memory app_public.user_memory;
begin
  v_memory.tenant_id := core.current_tenant_id();
  v_memory.id := gen_random_uuid();
  v_memory.history_id := v_memory.id;
  v_memory.user_id := completed.person_id;
  v_memory.agent_id := completed.agent_id;
  v_memory.is_shared := memory.is_shared(completed.agent_id);
  v_memory.scope_agent_id := case when not v_memory.is_shared then completed.agent_id end;
  v_memory.memory_type := v_type;
  v_memory.content := normalize(coalesce((given).content, concat_ws(': ', (given).memory_key, (given).memory_value #>> '{}')), nfc);
  v_memory.memory_value := (given).memory_value;
  v_memory.memory_key := normalize(coalesce((given).memory_key, case
    when v_type = 'episode' then 'episode:' || v_memory.id
    else memory.key_of(v_memory.content) end), nfc);
  v_memory.confidence_score := coalesce((given).confidence_score, 0.8);
  v_memory.importance_score := coalesce((given).importance_score, 0.5);
  v_memory.confirmation_count := 1;
  v_memory.access_count := 0;
  v_memory.speaker := (given).speaker;
  v_memory.occurred_at := (given).occurred_at;
  v_memory.last_confirmed_at := coalesce((given).occurred_at, v_now);
  v_memory.session_id := (given).session_id;
  v_memory.context := (given).context;
  v_memory.source_conversation_id := (given).source_conversation_id;
  v_memory.source_message_id := (given).source_message_id;
  v_memory.api_key_id := core.current_api_key_id();
  v_memory.extracted_at := v_now;
  v_memory.valid_from := memory.begins_at(given, v_now);
  v_memory.valid_to := coalesce((given).valid_to, 'infinity');
  v_memory.stated_valid_to := v_memory.valid_to;
  v_memory.expires_at := coalesce((given).expires_at, v_now + make_interval(days => memory.kept_days(v_type)));
  v_memory.is_long_term := coalesce((given).is_long_term, (given).session_id is null or v_type not in ('context', 'episode'));
  v_memory.near_terms := case when v_type = 'episode' then '{}' else memory.terms_of(v_memory.content) end;
  v_memory.created_at := now();
  v_memory.updated_at := now();
  return v_memory;
end
$$;
comment on function memory.completed is 'A new version, made from what is given and from the rules of the tenant.';

create or replace function memory.store(version app_public.user_memory) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.user_memory (
    tenant_id, id, user_id, agent_id, is_shared, history_id, memory_type, memory_key, content, memory_value, confidence_score,
    importance_score, confirmation_count, last_confirmed_at, speaker, occurred_at, session_id, context, source_conversation_id,
    source_message_id, api_key_id, extracted_at, valid_from, valid_to, stated_valid_to, superseded_by_id, superseded_at, expires_at,
    is_long_term, last_accessed_at, access_count, near_terms)
  values (
    (version).tenant_id, (version).id, (version).user_id, (version).agent_id, (version).is_shared, (version).history_id,
    (version).memory_type, (version).memory_key, (version).content, (version).memory_value, (version).confidence_score,
    (version).importance_score, (version).confirmation_count, (version).last_confirmed_at, (version).speaker, (version).occurred_at,
    (version).session_id, (version).context, (version).source_conversation_id, (version).source_message_id, (version).api_key_id,
    (version).extracted_at, (version).valid_from, (version).valid_to, (version).stated_valid_to, (version).superseded_by_id,
    (version).superseded_at, (version).expires_at, (version).is_long_term, (version).last_accessed_at, (version).access_count,
    (version).near_terms);
  insert into memory.near_terms (tenant_id, user_id, term, memory_id)
  select (version).tenant_id, (version).user_id, t, (version).id from unnest((version).near_terms) as t where t <> -1;
end
$$;
comment on function memory.store is 'Writes a version. Whoever calls has locked the person.';

create or replace function memory.says_same(known app_public.user_memory, given app_public.user_memory) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when (known).memory_value is not null and (given).memory_value is not null then (known).memory_value = (given).memory_value
    else lower((known).content) = lower((given).content)
      or memory.likeness((known).near_terms, (given).near_terms) >= memory.near_threshold()
        and not memory.contradicts((known).near_terms, (given).near_terms)
  end;
$$;
comment on function memory.says_same is
  'Whether two versions say the same: by their values where both have one, else by their words.';

-- Two sources that are half dependent (noisy-or, Pearl, Probabilistic Reasoning in Intelligent Systems, 1988): 1 - (1 - a)(1 - b / 2).
create or replace function memory.confirmed_confidence(known numeric, given numeric) returns numeric
language sql immutable parallel safe
return greatest(known, given, least(0.99, round(1 - (1 - known) * (1 - given / 2), 2)));
comment on function memory.confirmed_confidence is
  'The confidence after a confirmation: 1 - (1 - known) × (1 - given / 2), at most 0.99, and never below either of them.';

create or replace function memory.confirm(known app_public.user_memory, given app_public.user_memory) returns uuid
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  update app_public.user_memory m
     set confirmation_count = m.confirmation_count + 1,
         confidence_score = memory.confirmed_confidence(m.confidence_score, (given).confidence_score),
         importance_score = greatest(m.importance_score, (given).importance_score),
         last_confirmed_at = greatest(m.last_confirmed_at, (given).last_confirmed_at),
         -- null is without an end
         expires_at = case when (given).expires_at is not null then greatest(m.expires_at, (given).expires_at) + (m.expires_at - m.expires_at) end,
         is_long_term = m.is_long_term or (given).is_long_term,
         settled_at = null
   where m.tenant_id = (known).tenant_id and m.id = (known).id
  returning m.id;
$$;
comment on function memory.confirm is
  'Confirms a version: it counts once more, its confidence grows, and it is kept for as long as the longer one of both.';

create or replace function memory.latest_version(given app_public.user_memory) returns app_public.user_memory
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_latest app_public.user_memory;
begin
  loop
    select m.* into v_latest from app_public.user_memory m
     where m.tenant_id = (given).tenant_id and m.user_id = (given).user_id and m.scope_agent_id is not distinct from (given).scope_agent_id
       and m.memory_key = (given).memory_key and m.superseded_by_id is null and m.retracted_at is null;
    if not found or v_latest.expires_at is null or v_latest.expires_at > core.clock() then
      return v_latest;
    end if;
    -- What has expired and is not deleted yet makes room for the version before it.
    update app_public.user_memory m set retracted_at = core.clock()
     where m.tenant_id = v_latest.tenant_id and m.history_id = v_latest.history_id and m.retracted_at is null and m.expires_at <= core.clock();
    perform memory.relink(v_latest.tenant_id, array[v_latest.history_id]);
  end loop;
end
$$;
comment on function memory.latest_version is 'The latest version under the key, person and scope of something given; null when there is none.';

create or replace function memory.known_version(given app_public.user_memory, supersedes_id uuid, has_key boolean) returns app_public.user_memory
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_known app_public.user_memory;
  v_near_id uuid;
begin
  if known_version.supersedes_id is not null then
    select m.* into v_known from app_public.user_memory m
     where m.tenant_id = (given).tenant_id and m.id = known_version.supersedes_id and m.user_id = (given).user_id
       and m.scope_agent_id is not distinct from (given).scope_agent_id and coalesce(m.expires_at > core.clock(), true);
    if not found then
      perform core.raise_error('MM301', 'supersedes_id: There is no such memory.', 'List the memories of the person that the agent may use.');
    elsif not v_known.is_valid then
      perform core.raise_error('MM502', 'supersedes_id: The memory was superseded or corrected before.', 'Read the memories again.');
    end if;
    return v_known;
  end if;
  v_known := memory.latest_version(given);
  if v_known.id is null and cardinality((given).near_terms) > 0 then
    v_near_id := memory.nearest((given).user_id, (given).scope_agent_id, (given).near_terms, known_version.has_key);
    select m.* into v_known from app_public.user_memory m where m.tenant_id = (given).tenant_id and m.id = v_near_id;
  end if;
  return v_known;
end
$$;
comment on function memory.known_version is
  E'@errors MM301 MM502\nThe latest version of the memory that something given is about: the one it names, the one with its key, or one that is near. Null when there is none.';

create or replace function memory.close(known app_public.user_memory, by app_public.user_memory) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_copy app_public.user_memory := known;
begin
  if (known).valid_from < (by).valid_from and ((known).superseded_at is null or (known).valid_to <= (by).valid_from) then
    update app_public.user_memory m
       set superseded_by_id = (by).id, superseded_at = coalesce(m.superseded_at, (by).extracted_at), valid_to = least(m.valid_to, (by).valid_from)
     where m.tenant_id = (known).tenant_id and m.id = (known).id;
    return;
  end if;
  -- A row has room for one earlier end. So one that ended earlier by what was known before, or that never was true, stays as that.
  update app_public.user_memory m
     set superseded_by_id = (by).id, superseded_at = coalesce(m.superseded_at, (by).extracted_at), retracted_at = (by).extracted_at
   where m.tenant_id = (known).tenant_id and m.id = (known).id;
  if (known).valid_from < (by).valid_from then
    v_copy.id := gen_random_uuid();
    v_copy.extracted_at := (by).extracted_at;
    v_copy.superseded_by_id := (by).id;
    v_copy.valid_to := (by).valid_from;
    perform memory.store(v_copy);
  end if;
end
$$;
comment on function memory.close is 'Ends a version where another one takes its place.';

create or replace function memory.place(given app_public.user_memory, is_dated boolean) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_given app_public.user_memory := given;
  v_before app_public.user_memory;
  v_after app_public.user_memory;
  v_rest app_public.user_memory;
  v_last record;
begin
  -- Another transaction may have begun after this one and got the lock before it. What is said without a time was said after that.
  select max(m.extracted_at) as learned_at, max(m.valid_from) filter (where m.valid_from <= m.extracted_at) as valid_from into v_last
    from app_public.user_memory m
   where m.tenant_id = v_given.tenant_id and m.history_id = v_given.history_id and m.extracted_at > v_given.extracted_at;
  v_given.extracted_at := greatest(v_given.extracted_at, v_last.learned_at);
  if not place.is_dated and v_last.valid_from < v_given.valid_to then
    v_given.valid_from := greatest(v_given.valid_from, v_last.valid_from);
  end if;
  -- What has expired has no place in the chain.
  update app_public.user_memory m set retracted_at = core.clock()
   where m.tenant_id = v_given.tenant_id and m.history_id = v_given.history_id and m.retracted_at is null and m.expires_at <= core.clock();
  select m.* into v_before from app_public.user_memory m
   where m.tenant_id = v_given.tenant_id and m.history_id = v_given.history_id and m.retracted_at is null and m.valid_from <= v_given.valid_from
   order by m.valid_from desc limit 1;
  if v_before.valid_to > v_given.valid_from and memory.says_same(v_before, v_given) then
    return memory.confirm(v_before, v_given);
  end if;
  select m.* into v_after from app_public.user_memory m
   where m.tenant_id = v_given.tenant_id and m.history_id = v_given.history_id and m.retracted_at is null and m.valid_from > v_given.valid_from
   order by m.valid_from limit 1;
  v_given.valid_to := least(v_given.valid_to, coalesce(v_after.valid_from, 'infinity'));
  v_given.superseded_by_id := v_after.id;
  if v_before.valid_to > v_given.valid_to then
    -- It takes the place for a time only. What was true before is true again after it.
    v_rest := v_before;
    v_rest.id := gen_random_uuid();
    v_rest.valid_from := v_given.valid_to;
    v_rest.extracted_at := v_given.extracted_at;
    v_given.superseded_by_id := v_rest.id;
  end if;
  if v_before.id is not null then
    perform memory.close(v_before, v_given);
  end if;
  v_given.superseded_at := case when v_given.superseded_by_id is not null then v_given.extracted_at end;
  if v_rest.id is not null then
    perform memory.store(v_rest);
  end if;
  perform memory.store(v_given);
  perform memory.relink(v_given.tenant_id, array[v_given.history_id]);
  return v_given.id;
end
$$;
comment on function memory.place is
  'Puts a version into the chain of its memory, or confirms the version that says the same at its time. Returns which one it is.';

create or replace function memory.remember_one(person_id uuid, agent_id uuid, given app_public.new_memory) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_hash bytea;
  v_request memory.requests;
  v_memory app_public.user_memory;
  v_known app_public.user_memory;
  v_id uuid;
begin
  if (given).idempotency_key is not null then
    v_hash := sha256(convert_to(row(remember_one.agent_id, given)::text, 'UTF8'));
    select r.* into v_request from memory.requests r
     where r.tenant_id = core.current_tenant_id() and r.user_id = remember_one.person_id and r.idempotency_key = (given).idempotency_key;
    if found and v_request.request_hash <> v_hash then
      perform core.raise_error('MM501', 'idempotency_key: Something else was remembered under this key.', 'Use another key.');
    elsif found then
      return v_request.memory_id;
    end if;
  end if;
  v_memory := memory.completed(remember_one.person_id, remember_one.agent_id, given);
  if v_memory.memory_type <> 'episode' or (given).memory_key is not null or (given).supersedes_id is not null then
    v_known := memory.known_version(v_memory, (given).supersedes_id, (given).memory_key is not null);
  end if;
  if v_known.id is not null then
    v_memory.history_id := v_known.history_id;
    if v_known.memory_key <> v_memory.memory_key then
      if (given).memory_key is not null and (given).supersedes_id is null then
        -- A memory that had no key gets one.
        update app_public.user_memory m set memory_key = v_memory.memory_key
         where m.tenant_id = v_known.tenant_id and m.history_id = v_known.history_id;
      else
        v_memory.memory_key := v_known.memory_key;
      end if;
    end if;
    v_id := memory.place(v_memory, num_nonnulls((given).valid_from, (given).occurred_at) > 0);
  else
    perform memory.store(v_memory);
    v_id := v_memory.id;
  end if;
  if v_hash is not null then
    insert into memory.requests (tenant_id, user_id, idempotency_key, request_hash, memory_id, created_at)
    values (core.current_tenant_id(), remember_one.person_id, (given).idempotency_key, v_hash, v_id, core.clock());
  end if;
  return v_id;
end
$$;
comment on function memory.remember_one is
  E'@errors MM301 MM501 MM502 MM601\nRemembers one memory and returns its version; null when it was remembered under this key and forgotten since. Whoever calls has locked the person.';

create or replace function app_public.remember(memories app_public.new_memory[], user_id uuid default null, agent_id uuid default null)
returns setof app_public.user_memory
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
set jit to off
as $$
declare
  v_actor record;
  v_given app_public.new_memory;
  v_ids uuid[] := '{}';
begin
  v_actor := memory.require_actor(remember.user_id, remember.agent_id);
  perform tenancy.require_writable_tenant();
  perform memory.check_given(memories);
  perform memory.lock_person(core.current_tenant_id(), v_actor.person_id);
  -- After the lock, so that a withdrawal that came before it is seen.
  perform memory.require_consent(v_actor.person_id);
  foreach v_given in array memories loop
    v_ids := v_ids || memory.remember_one(v_actor.person_id, v_actor.acting_agent_id, v_given);
  end loop;
  return query
    select m.* from unnest(v_ids) with ordinality as i (id, n)
      join app_public.user_memory m on m.tenant_id = core.current_tenant_id() and m.id = i.id
     order by i.n;
end
$$;
comment on function app_public.remember is
  E'@resultFieldName memories\n@errors ID202 ID203 ID301 KY204 MM201 MM202 MM203 MM204 MM301 MM401 MM402 MM403 MM501 MM502 MM601 RN302 TN204\nRemembers 1 to 100 memories, all or none, and returns their versions in the same order: of you, or with the API key of an agent and can_record_usage of the member that user_id names. The person must consent to the purpose memory. The same in other words confirms what is known; something else under the same key, its contrary, or what supersedesId names takes its place, and both are kept with the times in which they are true. An error names the positions of what is wrong, from 1.';
grant execute on function app_public.remember to rowhouse_user;

-- Memories of a person. A memory has versions, which never change their words: a new one supersedes (the world changed) or corrects (it
-- was never so) the one before. Two times say what was true when (valid_from, valid_to) and when we learned it (extracted_at,
-- superseded_at, retracted_at). What is not true, believed and kept now is read by memory_history alone.
--
-- Who may: the person, for their own memories; an agent with its own API key, for a person who consents, within what it may use. Nobody
-- else reads them: administrators have the export and the erasure of a person.

create or replace function memory.reads_own() returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if core.current_api_key_id() is not null then
    -- Of a key that is for certain agents nothing says that it may use what others remember.
    if (tenancy.current_api_key()).id is null or (tenancy.current_api_key()).allowed_agents is not null
       or tenancy.current_agent_id() is not null then
      return false;
    end if;
  end if;
  return governance.has_consent(core.current_user_id(), 'memory');
end
$$;
comment on function memory.reads_own is
  'Whether the caller reads their own memories from the table: the person or a key for all agents, while the consent holds.';
grant execute on function memory.reads_own to rowhouse_user;

call core.secure_tenant_table('app_public.user_memory');
call audit.leave_out('what is kept of a person must be forgotten, and its versions say what changed', 'app_public.user_memory');
call core.exempt_from_guard('app_public.user_memory', '_000_require_writable_tenant', 'a person forgets, and memories end, in a read-only tenant as well; remember asks itself');
create policy select_own_that_holds on app_public.user_memory for select to rowhouse_user
  using (user_id = (select core.current_user_id()) and (select memory.reads_own())
         and valid_from <= (select core.clock()) and ended_at > (select core.clock()));
grant select on app_public.user_memory to rowhouse_user;
grant select, update, delete on app_public.user_memory to rowhouse_platform;
comment on table app_public.user_memory is
  E'@name memory\n@large\n@behavior -insert -update -delete\nWhat is remembered of you and holds now, while you consent to the purpose memory. What was superseded, corrected or has ended is in memoryHistory; what has expired or was forgotten is nowhere.';
comment on column app_public.user_memory.tenant_id is 'The tenant.';
comment on column app_public.user_memory.id is 'The id of this version.';
comment on column app_public.user_memory.user_id is E'@personal erase\nThe person of whom it is remembered.';
comment on column app_public.user_memory.agent_id is 'The agent that learned it; null when the person said so without one.';
comment on column app_public.user_memory.is_shared is 'Whether all agents of this tenant may use it for the person, or only the one that learned it.';
comment on column app_public.user_memory.scope_agent_id is E'@behavior -*\nThe agent that alone may use it; null when all may.';
comment on column app_public.user_memory.history_id is 'The same for all versions of one memory.';
comment on column app_public.user_memory.memory_type is 'The kind of memory.';
comment on column app_public.user_memory.memory_key is
  E'@personal erase\nWhat it is about, such as home_city, in at most 255 characters: of one key there is one version at a time. It is made from the content when none is given.';
comment on column app_public.user_memory.content is E'@personal erase\n@behavior -filterBy -orderBy\nThe memory, in words of at most 16 kB.';
comment on column app_public.user_memory.memory_value is E'@personal erase\n@behavior -filterBy -orderBy\nIts value for programs, if it has one, of at most 8 kB.';
comment on column app_public.user_memory.confidence_score is 'How sure it was when it was last confirmed, 0 to 1. See confidenceNow.';
comment on column app_public.user_memory.importance_score is 'How much it matters, 0 to 1.';
comment on column app_public.user_memory.confirmation_count is 'How often it was said, in these or other words.';
comment on column app_public.user_memory.last_confirmed_at is 'When it was said last.';
comment on column app_public.user_memory.speaker is E'@personal erase\nWho said it, in at most 255 characters.';
comment on column app_public.user_memory.occurred_at is 'When it was said or happened.';
comment on column app_public.user_memory.session_id is E'@personal erase\nThe session or conversation in which it was said, in at most 255 characters.';
comment on column app_public.user_memory.context is E'@personal erase\n@behavior -filterBy -orderBy\nThe words around it, such as the turn before, of at most 8 kB.';
comment on column app_public.user_memory.source_conversation_id is 'The conversation that it comes from.';
comment on column app_public.user_memory.source_message_id is 'The message that it comes from.';
comment on column app_public.user_memory.api_key_id is E'@behavior -*\nThe API key with which it was remembered.';
comment on column app_public.user_memory.extracted_at is 'When it was learned.';
comment on column app_public.user_memory.valid_from is 'From when on it is true.';
comment on column app_public.user_memory.valid_to is E'@infiniteIsNull\nUntil when it is true, exclusive; without an end it is infinity in SQL and null in the API.';
comment on column app_public.user_memory.stated_valid_to is E'@behavior -*\nUntil when it was taken to be true before another version took its place.';
comment on column app_public.user_memory.superseded_by_id is 'The version that took its place.';
comment on column app_public.user_memory.superseded_at is 'When that was learned.';
comment on column app_public.user_memory.retracted_at is 'When it was learned that it never was true.';
comment on column app_public.user_memory.expires_at is 'Until when it is kept; null for without an end.';
comment on column app_public.user_memory.is_valid is 'Whether no other version took its place.';
comment on column app_public.user_memory.ended_at is E'@infiniteIsNull\n@behavior -*\nFrom when on it is neither true, believed nor kept; infinity while that is open.';
comment on column app_public.user_memory.is_long_term is E'@kept\nWhether it is kept beyond its session.';
comment on column app_public.user_memory.settled_at is E'@kept\n@behavior -*\nWhen it was decided whether it is kept beyond its session; null while it is not.';
comment on column app_public.user_memory.last_accessed_at is E'@kept\nWhen it was last recalled; right to some minutes.';
comment on column app_public.user_memory.access_count is E'@kept\nHow often it was recalled; right to some minutes.';
comment on column app_public.user_memory.near_terms is E'@kept\n@behavior -*\nIts words as ordered hashes, by which nearness is computed; empty when it is not compared.';
comment on column app_public.user_memory.embedding is E'@kept\n@behavior -*\nIts vector, of length 1.';
comment on column app_public.user_memory.embedding_model_id is E'@kept\n@behavior -*\nThe model of the vector.';
comment on column app_public.user_memory.created_at is 'When the row was written.';
comment on column app_public.user_memory.updated_at is 'When it last changed.';
comment on constraint user_memory_user_id_fkey on app_public.user_memory is E'@fieldName user\n@behavior -backward';
comment on constraint user_memory_embedding_model_id_fkey on app_public.user_memory is E'@behavior -*';
comment on constraint memory_key_is_a_name on app_public.user_memory is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint content_says_something on app_public.user_memory is 'must have a visible character';
comment on constraint confidence_score_is_a_share on app_public.user_memory is 'must be from 0 to 1';
comment on constraint importance_score_is_a_share on app_public.user_memory is 'must be from 0 to 1';
comment on constraint valid_to_is_after_valid_from on app_public.user_memory is 'must be after the start';
comment on domain app_public.memory_status is
  'What has become of a version: current, future (not true yet), ended (no longer true), expired (no longer kept), superseded (another version took its place), corrected (it never was true).';

-- The conditions that every reader uses. Each is one expression, so that it becomes a part of the query that calls it.
create or replace function memory.holds(m app_public.user_memory, at timestamptz) returns boolean
language sql immutable parallel safe
return (m).valid_from <= at and (m).ended_at > at;
comment on function memory.holds is 'Whether a version is true, believed and kept now, where at is the present.';
grant execute on function memory.holds to rowhouse_user;

create or replace function memory.held_at(m app_public.user_memory, valid_at timestamptz, known_at timestamptz, at timestamptz) returns boolean
language sql immutable parallel safe
return (m).valid_from <= valid_at
  and case when (m).superseded_at > known_at then (m).stated_valid_to else (m).valid_to end > valid_at
  and (m).extracted_at <= known_at
  and coalesce((m).retracted_at > known_at, true)
  and coalesce((m).expires_at > at, true);
comment on function memory.held_at is
  'Whether a version was true at valid_at by what was known at known_at. What has expired by now, at, was not: it is to be forgotten.';
grant execute on function memory.held_at to rowhouse_user;

create or replace function app_public.user_memory_status(memory app_public.user_memory) returns app_public.memory_status
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when (memory).expires_at <= core.clock() then 'expired'
    when (memory).retracted_at is not null and (memory).superseded_by_id is null then 'corrected'
    when (memory).superseded_by_id is not null and (memory).ended_at <= core.clock() then 'superseded'
    when (memory).valid_from > core.clock() then 'future'
    when (memory).valid_to <= core.clock() then 'ended'
    else 'current'
  end;
$$;
comment on function app_public.user_memory_status is E'@notNull\nWhat has become of this version.';
grant execute on function app_public.user_memory_status to rowhouse_user;

create or replace function app_public.user_memory_confidence_now(memory app_public.user_memory) returns double precision
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select memory.decayed((memory).confidence_score, (memory).last_confirmed_at, memory.half_life_days((memory).memory_type), core.clock());
$$;
comment on function app_public.user_memory_confidence_now is
  E'@notNull\nHow sure it is now, 0 to 1: confidence × 0.5 ^ (days since it was last confirmed / half-life of its kind). The half-lives are in memoryRules.';
grant execute on function app_public.user_memory_confidence_now to rowhouse_user;

-- The names of old are views of what holds now, behind the policy of the table.
create or replace view app_public.user_facts with (security_invoker = true) as
  select m.tenant_id, m.id, m.user_id, m.agent_id, m.memory_key, m.content, m.memory_value, m.confidence_score, m.importance_score,
         m.valid_from, m.extracted_at, m.last_confirmed_at
    from app_public.user_memory m where m.memory_type = 'fact' and memory.holds(m, core.clock());
comment on view app_public.user_facts is E'@behavior -*\nThe facts among your memories that hold now.';
grant select on app_public.user_facts to rowhouse_user;

create or replace view app_public.user_long_term_memory with (security_invoker = true) as
  select m.tenant_id, m.id, m.user_id, m.agent_id, m.memory_type, m.memory_key, m.content, m.memory_value, m.confidence_score,
         m.importance_score, m.confirmation_count, m.valid_from, m.extracted_at, m.last_confirmed_at
    from app_public.user_memory m where m.is_long_term and memory.holds(m, core.clock());
comment on view app_public.user_long_term_memory is E'@behavior -*\nYour memories that are kept beyond their session and hold now.';
grant select on app_public.user_long_term_memory to rowhouse_user;

create or replace view app_public.session_memories with (security_invoker = true) as
  select m.tenant_id, m.id, m.user_id, m.agent_id, m.session_id, m.memory_type, m.memory_key, m.content, m.memory_value, m.speaker,
         m.occurred_at, m.context, m.importance_score, m.extracted_at, m.expires_at
    from app_public.user_memory m where not m.is_long_term and memory.holds(m, core.clock());
comment on view app_public.session_memories is E'@behavior -*\nYour memories of single sessions that hold now.';
grant select on app_public.session_memories to rowhouse_user;

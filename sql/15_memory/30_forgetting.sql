-- Forgetting deletes, at once and for good. Forgetting the latest version of a memory forgets its earlier ones as well; what others said
-- stays, but words that were forgotten are taken out of what is kept around them. It needs no consent.

comment on type app_public.memory_selection is 'Which memories of a person are meant: those for which all that is given holds.';
comment on column app_public.memory_selection.ids is 'These, at most 1,000; the latest version of a memory takes its earlier versions along.';
comment on column app_public.memory_selection.query is
  'Those with all these words in what was said, its key, its value or its speaker: whole words, at most 255 characters, in any case and number.';
comment on column app_public.memory_selection.memory_type is 'Those of this kind.';
comment on column app_public.memory_selection.session_id is 'Those of this session.';
comment on column app_public.memory_selection.learned_by_agent_id is 'Those that this agent learned.';
comment on column app_public.memory_selection.is_everything is 'Everything; then nothing else is given.';

create or replace function memory.check_selection(selection app_public.memory_selection) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_is_everything constant boolean := coalesce((selection).is_everything, false);
  v_conditions constant int := num_nonnulls((selection).ids, (selection).query, (selection).memory_type, (selection).session_id,
    (selection).learned_by_agent_id);
begin
  if v_is_everything = (v_conditions > 0) then
    perform core.raise_error('MM404', 'selection must say what is meant: by conditions, or everything.', 'Give a condition, or isEverything alone.');
  elsif cardinality((selection).ids) > 1000 or length((selection).query) > 255 or length((selection).session_id) > 255 then
    perform core.raise_error('MM404', 'selection: ids must be at most 1,000, and query and session_id have at most 255 characters.', 'Send several selections.');
  elsif (selection).query is not null and not exists (select from memory.words_of((selection).query)) then
    perform core.raise_error('MM404', 'selection: query must have a word.', 'Say what is to be forgotten.');
  end if;
end
$$;
comment on function memory.check_selection is E'@errors MM404\nRefuses a selection that says nothing, contradicts itself or is too large.';

create or replace function memory.words_of(content text) returns setof text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
begin atomic
  select distinct memory.singular(w.term)
    from knowledge.terms('pg_catalog.simple', words_of.content) as w;
end;
comment on function memory.words_of is 'The words of a text in lower case and in the singular.';

create or replace function memory.says_words(content text, words text[]) returns boolean
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_text constant text := lower(knowledge.fold_text(content));
  v_word text;
begin
  -- Reading the words of a text takes a hundred times as long as looking for a part of it.
  foreach v_word in array words loop
    if strpos(v_text, v_word) = 0 then
      return false;
    end if;
  end loop;
  return words <@ array(select w from memory.words_of(content) as w);
end
$$;
comment on function memory.says_words is 'Whether a text has all of these words.';

create or replace function memory.selected(person_id uuid, agent_id uuid, selection app_public.memory_selection) returns uuid[]
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_words constant text[] := case when (selection).query is not null then
    array(select w from memory.words_of((selection).query) as w where not (length(w) = 2 and w ~ '^[-+]')) end;
begin
  return array(
    select m.id from app_public.user_memory m
     where m.tenant_id = core.current_tenant_id() and m.user_id = selected.person_id and memory.may_use(m, selected.agent_id)
       and ((selection).ids is null or m.history_id in (
              select h.history_id from app_public.user_memory h
               where h.tenant_id = m.tenant_id and h.id = any ((selection).ids) and h.is_valid)
            or m.id = any ((selection).ids))
       and ((selection).memory_type is null or m.memory_type = (selection).memory_type)
       and ((selection).session_id is null or m.session_id = (selection).session_id)
       and ((selection).learned_by_agent_id is null or m.agent_id = (selection).learned_by_agent_id)
       and (v_words is null or memory.says_words(
             concat_ws(' ', m.content, case when m.memory_key !~ '^(text|episode):' then m.memory_key end, m.memory_value::text, m.speaker), v_words)));
end
$$;
comment on function memory.selected is 'The versions of memories of a person that a selection means, within what an agent may use.';

create or replace function memory.require_not_held(person_id uuid, ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- A hold that is placed now waits for this deletion.
  perform pg_advisory_xact_lock_shared(governance.hold_lock_key());
  if exists (
    select from app_public.legal_holds h
     where h.tenant_id = core.current_tenant_id() and h.released_at is null
       and (h.user_id is null and h.resource_id is null or h.user_id = require_not_held.person_id
            or h.resource_id in (
              select r from app_public.user_memory m
               cross join lateral unnest(array[m.id, m.agent_id, m.source_conversation_id]) as r
               where m.tenant_id = h.tenant_id and m.id = any (require_not_held.ids))))
  then
    perform core.raise_error('MM503', 'These memories are kept by law for now and cannot be deleted.',
      'Withdraw the consent for the purpose memory: then they are not used.');
  end if;
end
$$;
comment on function memory.require_not_held is E'@errors MM503\nRaises an error when a legal hold covers any of these memories.';

create or replace function memory.forget_versions(person_id uuid, ids uuid[]) returns int
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
  -- Of more than these no single words are looked for around what is kept.
  v_most_searched constant int := 100;
begin
  with forgotten as (
    select m.session_id, m.content, count(*) over () > v_most_searched as is_much
      from app_public.user_memory m
     where m.tenant_id = core.current_tenant_id() and m.id = any (forget_versions.ids) and m.session_id is not null
  )
  update app_public.user_memory k set context = null
   where k.tenant_id = core.current_tenant_id() and k.user_id = forget_versions.person_id and k.context is not null
     and k.id <> all (forget_versions.ids)
     and exists (select from forgotten f where f.session_id = k.session_id and (f.is_much or strpos(k.context, f.content) > 0));
  delete from app_public.user_memory m where m.tenant_id = core.current_tenant_id() and m.id = any (forget_versions.ids);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function memory.forget_versions is
  'Deletes versions, and the context of what was said in the same session and has their words; after more than 100 of them the context of all that was said in it. Returns how many versions it deleted. Whoever calls has locked the person.';

create or replace function app_public.forget(selection app_public.memory_selection, user_id uuid default null, agent_id uuid default null) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
set jit to off
as $$
declare
  v_actor record;
  v_ids uuid[];
begin
  v_actor := memory.require_actor(forget.user_id, forget.agent_id);
  perform memory.check_selection(selection);
  perform memory.lock_person(core.current_tenant_id(), v_actor.person_id);
  v_ids := memory.selected(v_actor.person_id, v_actor.acting_agent_id, selection);
  if cardinality(v_ids) = 0 then
    return 0;
  end if;
  perform memory.require_not_held(v_actor.person_id, v_ids);
  return memory.forget_versions(v_actor.person_id, v_ids);
end
$$;
comment on function app_public.forget is
  E'@resultFieldName forgottenCount\n@errors ID202 ID203 ID301 KY204 MM201 MM202 MM203 MM401 MM404 MM503 RN302\nForgets memories of you, or with the API key of an agent and can_record_usage those of the member that userId names which the agent may use: they are deleted at once, with their earlier versions when the latest one is meant. Returns how many versions that were. What is meant and is not there is no error.';
grant execute on function app_public.forget to rowhouse_user;

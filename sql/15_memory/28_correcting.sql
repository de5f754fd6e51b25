-- Correcting: a version was never so. The new version has its time and its place in the chain, and the old one is kept as what we believed.

create or replace function app_public.correct_memory(
  id uuid, content text default null, memory_value jsonb default null, user_id uuid default null, agent_id uuid default null
) returns app_public.user_memory
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_actor record;
  v_old app_public.user_memory;
  v_new app_public.user_memory;
  v_key text;
begin
  v_actor := memory.require_actor(correct_memory.user_id, correct_memory.agent_id);
  perform tenancy.require_writable_tenant();
  perform memory.lock_person(core.current_tenant_id(), v_actor.person_id);
  perform memory.require_consent(v_actor.person_id);
  select m.* into v_old from app_public.user_memory m
   where m.tenant_id = core.current_tenant_id() and m.id = correct_memory.id and m.user_id = v_actor.person_id
     and memory.may_use(m, v_actor.acting_agent_id) and coalesce(m.expires_at > core.clock(), true);
  if not found then
    perform core.raise_error('MM301', 'id: There is no such memory.', 'List the memories of the person that the agent may use.');
  elsif v_old.retracted_at is not null then
    perform core.raise_error('MM502', 'id: The memory was superseded or corrected before.', 'Read the memories again.');
  end if;
  perform memory.check_given(array[
    row(v_old.memory_type, case when v_old.memory_key !~ '^(text|episode):' then v_old.memory_key end, correct_memory.content,
        correct_memory.memory_value, null, null, null, null, null, null, null, null, null, null, null, null, null, null)::app_public.new_memory]);
  v_new := v_old;
  v_new.id := gen_random_uuid();
  v_new.memory_value := correct_memory.memory_value;
  v_new.content := normalize(coalesce(correct_memory.content, concat_ws(': ',
    case when v_old.memory_key !~ '^(text|episode):' then v_old.memory_key end, correct_memory.memory_value #>> '{}')), nfc);
  v_new.near_terms := case when v_new.memory_type = 'episode' then '{}' else memory.terms_of(v_new.content) end;
  v_new.extracted_at := greatest(core.clock(), v_old.extracted_at);
  v_new.last_confirmed_at := core.clock();
  v_new.confirmation_count := 1;
  v_new.confidence_score := 1;
  v_new.api_key_id := core.current_api_key_id();
  update app_public.user_memory m set retracted_at = v_new.extracted_at, superseded_by_id = null where m.tenant_id = v_old.tenant_id and m.id = v_old.id;
  if v_old.memory_key like 'text:%' then
    v_key := memory.key_of(v_new.content);
    if not exists (select from app_public.user_memory m
         where m.tenant_id = v_old.tenant_id and m.user_id = v_old.user_id and m.scope_agent_id is not distinct from v_old.scope_agent_id
           and m.memory_key = v_key and m.superseded_by_id is null and m.retracted_at is null) then
      v_new.memory_key := v_key;
    end if;
  end if;
  perform memory.store(v_new);
  perform memory.relink(v_new.tenant_id, array[v_new.history_id]);
  select m.* into strict v_new from app_public.user_memory m where m.tenant_id = v_new.tenant_id and m.id = v_new.id;
  return v_new;
end
$$;
comment on function app_public.correct_memory is
  E'@resultFieldName memory\n@errors ID202 ID203 ID301 KY204 MM201 MM202 MM203 MM204 MM301 MM401 MM403 MM502 MM601 RN302 TN204\nCorrects a version that never was true: the new one has its time, and the old one is only in memoryHistory. content or memoryValue is the whole of what is true. It is for the person, and for an agent with its own API key, can_record_usage and the consent of the person that userId names.';
grant execute on function app_public.correct_memory to rowhouse_user;

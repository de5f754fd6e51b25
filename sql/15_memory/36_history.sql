-- The history of one's own memories: the one door to what is no longer true or never was.

create or replace function app_public.memory_history(
  id uuid default null, memory_key text default null, valid_at timestamptz default null, known_at timestamptz default null
) returns setof app_public.user_memory
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := 1000;
begin
  perform tenancy.require_role('viewer');
  if core.current_api_key_id() is not null
    and (tenancy.current_agent_id() is not null or (tenancy.current_api_key()).allowed_agents is not null) then
    perform core.raise_error('MM205', 'An agent does not read the history of memories.', 'The person reads it.');
  end if;
  return query
    select h.* from (
      select m.* from app_public.user_memory m
       where m.tenant_id = core.current_tenant_id() and m.user_id = core.current_user_id()
         and coalesce(m.expires_at > core.clock(), true)
         and (memory_history.id is null or m.history_id in (
               select o.history_id from app_public.user_memory o
                where o.tenant_id = core.current_tenant_id() and o.user_id = core.current_user_id() and o.id = memory_history.id))
         and (memory_history.memory_key is null or m.memory_key = memory_history.memory_key)
         and (memory_history.valid_at is null and memory_history.known_at is null
              or memory.held_at(m, coalesce(memory_history.valid_at, core.clock()), coalesce(memory_history.known_at, core.clock()), core.clock()))
       order by m.valid_from desc, m.extracted_at desc, m.id limit v_most) h
     order by h.valid_from, h.extracted_at, h.id;
end
$$;
comment on function app_public.memory_history is
  E'@resultFieldName versions\n@errors ID202 MM205\nAll versions of your memories, also those that were superseded, corrected or have ended, ordered by the time from which they are true; the latest 1,000. id chooses the memory that has this version, memoryKey the one with this key; validAt what was true at a time, knownAt what was known at a time. You read it whether or not you consent, to see what is to be forgotten. What has expired or was forgotten is not in it.';
grant execute on function app_public.memory_history to rowhouse_user;

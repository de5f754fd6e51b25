-- The agents that API keys name. Keys are below the catalogue, so the catalogue keeps their agents true.

create or replace function catalog.tg_api_keys__check_agents() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (
    select from unnest(new.allowed_agents || new.agent_id) as wanted (id)
     where wanted.id is not null
       and not exists (select from app_public.agents a where a.tenant_id = new.tenant_id and a.id = wanted.id and a.deleted_at is null)
  ) then
    perform core.raise_error('KY302', case when new.agent_id is null then 'allowed_agents' else 'agent_id' end
      || ': There is no such agent in this tenant.', 'List the agents of this tenant.');
  end if;
  return new;
end
$$;
comment on function catalog.tg_api_keys__check_agents is
  E'@errors KY302\nRefuses an API key for an agent that the tenant does not have.';

create or replace function catalog.tg_agents__end_api_keys() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.api_keys k set revoked_at = core.clock(), revoked_by_user_id = core.current_user_id()
   where k.tenant_id = old.tenant_id and k.agent_id = old.id and k.revoked_at is null;
  return null;
end
$$;
comment on function catalog.tg_agents__end_api_keys is
  'Revokes the API keys of an agent that is deleted. Restoring the agent does not bring them back.';

create or replace trigger _200_check_agents before insert or update of agent_id, allowed_agents on app_public.api_keys
  for each row execute function catalog.tg_api_keys__check_agents();
create or replace trigger _610_end_api_keys after delete on app_public.agents
  for each row execute function catalog.tg_agents__end_api_keys();
create or replace trigger _610_end_api_keys_of_hidden after update of deleted_at on app_public.agents
  for each row when (old.deleted_at is null and new.deleted_at is not null) execute function catalog.tg_agents__end_api_keys();

-- What the catalogue does beyond its tables: soft deletion and its undo.

create or replace function app_public.delete_agent(id uuid) returns app_public.agents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent app_public.agents;
begin
  perform app_private.require_role('admin');
  update app_public.agents a set deleted_at = clock_timestamp()
   where a.id = delete_agent.id and a.deleted_at is null
  returning * into v_agent;
  if not found then
    perform app_private.raise_error('RS301', 'There is no such agent.', 'List the agents of this tenant.');
  end if;
  return v_agent;
end
$$;
comment on function app_public.delete_agent(uuid) is
  E'@resultFieldName agent\nDeletes an agent; restore_agent brings it back. Its name can be used again. Admins. RS301: there is no such agent; ID202: your role does not allow it.';

create or replace function app_public.restore_agent(id uuid) returns app_public.agents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent app_public.agents;
begin
  perform app_private.require_role('admin');
  update app_public.agents a set deleted_at = null
   where a.id = restore_agent.id and a.deleted_at is not null
  returning * into v_agent;
  if not found then
    perform app_private.raise_error('RS302', 'There is no deleted agent with this id.', 'It was never deleted, or never there.');
  end if;
  return v_agent;
end
$$;
comment on function app_public.restore_agent(uuid) is
  E'@resultFieldName agent\nBrings a deleted agent back. Admins. RS302: no deleted agent has this id; 23505: its name is taken by now; ID202: your role does not allow it.';

grant execute on function app_public.delete_agent(uuid), app_public.restore_agent(uuid) to rowhouse_user;

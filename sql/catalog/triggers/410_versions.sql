-- A version never changes, and an agent says when it differs from its latest one.

create or replace function app_private.tg_resource_versions__keep() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- deeper than one: the tenant is being deleted, or the person who published is
  if pg_trigger_depth() = 1 then
    perform app_private.raise_error('RS951', 'A published version never changes.', 'Publish a new one.');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
comment on function app_private.tg_resource_versions__keep() is 'Published versions are neither changed nor deleted, by no role. RS951.';
create or replace trigger _100_keep before update or delete on app_public.resource_versions
  for each row execute function app_private.tg_resource_versions__keep();

create or replace function app_private.tg_agents__note_unpublished_changes() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.is_latest_version and old.is_latest_version
     and app_private.authored_content(to_jsonb(new)) <> app_private.authored_content(to_jsonb(old)) then
    new.is_latest_version := false;
  end if;
  return new;
end
$$;
comment on function app_private.tg_agents__note_unpublished_changes() is 'An edit makes an agent differ from its latest version.';
create or replace trigger _200_note_unpublished_changes before update on app_public.agents
  for each row execute function app_private.tg_agents__note_unpublished_changes();

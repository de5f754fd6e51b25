-- A membership here rests on an active one of the tenant, whoever writes it. After the row, so that the wall speaks first.

create or replace function app_private.tg__require_active_member() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_active_member(new.user_id);
  return null;
end
$$;
comment on function app_private.tg__require_active_member() is 'WS401 unless user_id is an active member of this tenant.';

create or replace trigger _200_require_active_member after insert on app_public.project_members
  for each row execute function app_private.tg__require_active_member();

create or replace function app_private.tg_projects__require_active_owner() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_active_member(new.owner_id);
  return null;
end
$$;
comment on function app_private.tg_projects__require_active_owner() is 'WS401 unless the new owner_id is an active member of this tenant.';

create or replace trigger _200_require_active_owner after update of owner_id on app_public.projects
  for each row when (new.owner_id is distinct from old.owner_id and new.owner_id is not null)
  execute function app_private.tg_projects__require_active_owner();

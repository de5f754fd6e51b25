-- The rules of memberships. They look at what a statement has done, after the wall's own check: a count of owners is
-- only worth something when it sees what is there now.
create or replace trigger _200_date_insert before insert on app_public.user_tenants
  for each row execute function app_private.tg_user_tenants__date_status();
create or replace trigger _200_date_status before update of status on app_public.user_tenants
  for each row when (old.status is distinct from new.status) execute function app_private.tg_user_tenants__date_status();
create or replace trigger _500_cap_grants after insert or update of role, permissions, status or delete on app_public.user_tenants
  for each row execute function app_private.tg_user_tenants__cap_grants();
create or replace trigger _510_keep_an_owner after update of role, status or delete on app_public.user_tenants
  for each row when (old.role = 'owner' and old.status = 'active') execute function app_private.tg_user_tenants__keep_an_owner();

-- being seen is not being changed
create or replace trigger _100_set_updated_at before update on app_public.user_profiles
  for each row when (old.last_seen_at is not distinct from new.last_seen_at) execute function app_private.tg__set_updated_at();
create or replace trigger _100_set_updated_at before update on app_public.user_tenants
  for each row when (old.last_accessed_at is not distinct from new.last_accessed_at) execute function app_private.tg__set_updated_at();
create or replace trigger _100_set_updated_at before update on app_public.tenants
  for each row when (old.last_login_at is not distinct from new.last_login_at) execute function app_private.tg__set_updated_at();

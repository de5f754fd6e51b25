create or replace trigger _200_check_scope before insert or update on app_public.usage_quotas
  for each row execute function app_private.tg_usage_quotas__check_scope();
create or replace trigger _600_refresh_counters after insert or update or delete on app_public.usage_quotas
  for each row execute function app_private.tg_usage_quotas__refresh_counters();

create or replace trigger _600_set_quotas after insert or update of quotas on app_public.tenants
  for each row execute function app_private.tg_tenants__set_quotas();
create or replace trigger _610_move_counts after update of parent_tenant_id on app_public.tenants
  for each row execute function app_private.tg_tenants__move_counts();
-- while its rows are still there
create or replace trigger _610_leave_counts before delete on app_public.tenants
  for each row execute function app_private.tg_tenants__move_counts();

-- what comes and goes, a statement at a time; what changes, a row at a time and only when it matters
create or replace trigger _600_count_added after insert on app_public.user_tenants
  referencing new table as changed_rows for each statement execute function app_private.tg_user_tenants__count_rows();
create or replace trigger _600_count_removed after delete on app_public.user_tenants
  referencing old table as changed_rows for each statement execute function app_private.tg_user_tenants__count_rows();
create or replace trigger _600_count_changed after update on app_public.user_tenants
  for each row when ((old.status = 'active') <> (new.status = 'active') or old.tenant_id <> new.tenant_id)
  execute function app_private.tg_user_tenants__count_change();

create or replace trigger _600_count_added after insert on app_public.agents
  referencing new table as changed_rows for each statement execute function app_private.tg_agents__count_rows();
create or replace trigger _600_count_removed after delete on app_public.agents
  referencing old table as changed_rows for each statement execute function app_private.tg_agents__count_rows();
create or replace trigger _600_count_changed after update on app_public.agents
  for each row when (
    (old.deleted_at is null) <> (new.deleted_at is null) or old.owner_id is distinct from new.owner_id or old.tenant_id <> new.tenant_id)
  execute function app_private.tg_agents__count_change();

create or replace trigger _600_count_added after insert on app_public.documents
  referencing new table as changed_rows for each statement execute function app_private.tg_documents__count_rows();
create or replace trigger _600_count_removed after delete on app_public.documents
  referencing old table as changed_rows for each statement execute function app_private.tg_documents__count_rows();
create or replace trigger _600_count_changed after update on app_public.documents
  for each row when (old.size_bytes <> new.size_bytes or old.created_by_user_id is distinct from new.created_by_user_id)
  execute function app_private.tg_documents__count_change();

-- The tenant's own row, and the guard of every table that a tenant's people write.

create or replace trigger _000_require_writable_tenant
  -- what users are granted to update; the steps of its life have functions of their own
  before update of name, config, industry, company_size, country_code, timezone, language_code,
    primary_contact_email, primary_contact_name, primary_contact_phone, metadata on app_public.tenants
  for each statement execute function app_private.tg__require_writable_tenant();
create or replace trigger _050_lock_tree before update of parent_tenant_id, slug on app_public.tenants
  for each statement execute function app_private.tg_tenants__lock_tree();
create or replace trigger _200_check_status before insert or update of status, type, suspension_reason, cancellation_reason
  on app_public.tenants
  for each row execute function app_private.tg_tenants__check_status();
create or replace trigger _210_place_in_tree before insert or update of parent_tenant_id, slug, tenant_level, tenant_path
  on app_public.tenants
  for each row execute function app_private.tg_tenants__place_in_tree();
create or replace trigger _220_check_settings
  before insert or update of config, features, quotas, resource_access_config, timezone on app_public.tenants
  for each row execute function app_private.tg_tenants__check_settings();
create or replace trigger _510_create_config after insert on app_public.tenants
  for each row execute function app_private.tg_tenants__create_config();
create or replace trigger _520_record_first_status after insert on app_public.tenants
  for each row execute function app_private.tg_tenants__record_status();
create or replace trigger _521_record_status after update on app_public.tenants
  for each row when (old.status <> new.status) execute function app_private.tg_tenants__record_status();
create or replace trigger _530_move_subtree after update on app_public.tenants
  for each row when (old.tenant_path <> new.tenant_path) execute function app_private.tg_tenants__move_subtree();

create or replace trigger _200_check_settings before insert or update of features, rate_limit_config on app_public.tenant_config
  for each row execute function app_private.tg_tenant_config__check_settings();

-- Every table of the API that is a tenant's, but for those that are listed. What a trigger or a foreign key does in
-- consequence of a statement is not asked again: the statement was.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select a.attrelid::regclass
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p') and not c.relispartition
      join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'app_public' and a.attname = 'tenant_id' and not a.attisdropped
       and a.attrelid <> all (app_private.global_tables())
     order by 1
  loop
    if v_table = any (app_private.tables_writable_while_suspended()) then
      execute format('drop trigger if exists _000_require_writable_tenant on %s', v_table);
    else
      execute format(
        'create or replace trigger _000_require_writable_tenant before insert or update or delete on %s
           for each statement when (pg_trigger_depth() = 0)
           execute function app_private.tg__require_writable_tenant()', v_table);
    end if;
  end loop;
end
$$;

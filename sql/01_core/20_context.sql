grant execute on function core.current_tenant_id to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;
grant execute on function core.current_user_id to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;
grant execute on function core.clock to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;
grant execute on function core.is_slug to rowhouse_user, rowhouse_platform;
grant execute on function core.is_email to rowhouse_user, rowhouse_platform;
grant execute on function core.is_name to rowhouse_user, rowhouse_platform;

-- Called by definer functions that were given a tenant (worker tasks, roll-ups), never by users:
-- what follows in this transaction sees that tenant and no other.
create or replace procedure core.enter_tenant(tenant_id uuid)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform set_config('rowhouse.tenant_id', enter_tenant.tenant_id::text, true);
end
$$;
comment on procedure core.enter_tenant is
  'Sets the tenant of this transaction, for work that is not a request.';
grant execute on procedure core.enter_tenant to rowhouse_platform;

-- The context of a request: its tenant, its user, its API key and the time. The functions that read it are in migrations/0001_core,
-- because tables need them.

grant execute on function core.current_tenant_id to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;
grant execute on function core.current_user_id to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;
grant execute on function core.current_api_key_id to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;
grant execute on function core.clock to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;
grant execute on function core.is_slug to rowhouse_user, rowhouse_platform;
grant execute on function core.fold_email to rowhouse_user, rowhouse_platform;
grant execute on function core.is_email to rowhouse_user, rowhouse_platform;
grant execute on function core.is_web_url to rowhouse_user, rowhouse_platform;
grant execute on function core.is_image_url to rowhouse_user, rowhouse_platform;
grant execute on function core.is_name to rowhouse_user, rowhouse_platform;
grant execute on function core.is_language_tag to rowhouse_user, rowhouse_platform;

-- Definer functions that are given a tenant (worker tasks, roll-ups) call this. Users cannot. From then on the
-- transaction sees the rows of that tenant and no others.
create or replace procedure core.enter_tenant(tenant_id uuid)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform set_config('rowhouse.tenant_id', enter_tenant.tenant_id::text, true);
end
$$;
comment on procedure core.enter_tenant is
  'Sets the tenant of this transaction, for work that does not come from a request.';
grant execute on procedure core.enter_tenant to rowhouse_platform;

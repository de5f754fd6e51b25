-- A tenant keeps an active owner. Looked at from outside the wall, because a tenant's context must not decide whether the
-- rule holds: administrators in psql and the platform's own functions have none.

create or replace function app_private.tg_user_tenants__keep_an_owner() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and new.role = 'owner' and new.status = 'active' then
    return null;
  end if;
  -- two owners that go at once come one after the other: the second looks when the first is gone
  perform from app_public.tenants t where t.id = old.tenant_id for no key update;
  if not found then
    -- a tenant that is deleted needs none
    return null;
  end if;
  -- locked, because a transaction that reads an older state would otherwise count on an owner who has gone since
  perform from app_public.user_tenants m
    join app_public.user_profiles u on u.id = m.user_id and u.is_active and u.deleted_at is null
   where m.tenant_id = old.tenant_id and m.role = 'owner' and m.status = 'active'
   limit 1
     for share of m;
  if not found then
    perform app_private.raise_error('ID501', 'A tenant needs an active owner.', 'Make someone else an owner first, with transfer_ownership or change_member_role.');
  end if;
  return null;
end
$$;
comment on function app_private.tg_user_tenants__keep_an_owner() is
  'Keeps the last active owner from leaving, from being demoted, shut out or removed. ID501.';
grant execute on function app_private.tg_user_tenants__keep_an_owner() to rowhouse_owner;

-- Memberships: who may change whose. The rules are in triggers, so that they hold for every door: nobody gives more than
-- they have, nobody touches someone above them, and a tenant keeps an active owner (platform_functions/020_owners.sql).

create or replace function tenancy.role_rank(role text) returns int
language sql immutable parallel safe
return array_position(array['viewer', 'member', 'admin', 'owner'], role);
comment on function tenancy.role_rank is
  'A role''s rung on the ladder: 1 viewer, 2 member, 3 admin, 4 owner.';
grant execute on function tenancy.role_rank to rowhouse_user, rowhouse_platform;

create or replace function tenancy.may_grant(grantor_role text, grantor_permissions text[], role text, permissions jsonb) returns boolean
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(
    tenancy.role_rank(may_grant.role) <= tenancy.role_rank(may_grant.grantor_role)
    and tenancy.effective_permissions(may_grant.role, may_grant.permissions) <@ may_grant.grantor_permissions, false);
$$;
comment on function tenancy.may_grant is
  'Whether someone with this role and these permissions may give that role with those permissions: neither a higher role nor a permission they lack.';
grant execute on function tenancy.may_grant to rowhouse_platform;

create or replace function tenancy.current_grantor_role() returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when tenancy.is_platform_admin() then 'owner' else tenancy.current_member_role() end;
$$;
comment on function tenancy.current_grantor_role is
  'The role up to which you may give roles: your own; platform staff''s is owner.';
grant execute on function tenancy.current_grantor_role to rowhouse_user, rowhouse_platform;

create or replace function tenancy.require_grantable(role text, permissions jsonb) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not tenancy.may_grant(tenancy.current_grantor_role(), tenancy.current_permissions(),
                               require_grantable.role, require_grantable.permissions) then
    perform core.raise_error('ID204', 'You cannot give a role or a permission that you do not have, nor change someone whose role is above yours.',
      'Ask an owner of the tenant to do it.');
  end if;
end
$$;
comment on function tenancy.require_grantable is
  E'@errors ID204\nRaises an error unless you have this role and these permissions yourself.';

create or replace function tenancy.require_known_role(role text, permissions jsonb) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
begin
  if tenancy.role_rank(require_known_role.role) is null then
    perform core.raise_error('ID405', 'There is no such role.', 'Roles are owner, admin, member and viewer.');
  end if;
  if jsonb_typeof(require_known_role.permissions) is distinct from 'object' then
    perform core.raise_error('ID406', 'permissions is not an object.', 'Send an object of permissions, each true or false.');
  end if;
  select key into v_key from jsonb_each(require_known_role.permissions) as entry (key, allowed)
   where key <> all (tenancy.permission_keys()) or jsonb_typeof(allowed) <> 'boolean' order by key limit 1;
  if found then
    perform core.raise_error('ID406', format('"%s" is not a permission that can be true or false.', left(v_key, 100)),
      format('These are the permissions: %s.', array_to_string(tenancy.permission_keys(), ', ')));
  end if;
end
$$;
comment on function tenancy.require_known_role is
  'ID405: there is no such role; ID406: permissions is not an object of known permissions, each true or false (the key is named).';

-- An invoker's function, because who runs the statement decides: what a user does comes as rowhouse_owner, by way of the
-- functions below. Platform functions check for themselves, and administrators in psql stand above these rules.
create or replace function tenancy.tg_user_tenants__cap_grants() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_row app_public.user_tenants := coalesce(new, old);
  v_had text[] := '{}';
  v_has text[] := '{}';
  v_may text[];
begin
  if current_user <> all ('{rowhouse_owner,rowhouse_user,rowhouse_admin}'::name[])
    or tg_op = 'UPDATE' and (old.role, old.permissions, old.status) is not distinct from (new.role, new.permissions, new.status)
    -- went with the tenant or the person
    or not exists (select from app_public.tenants t where t.id = v_row.tenant_id)
    or not exists (select from app_public.user_profiles u where u.id = v_row.user_id) then
    return null;
  end if;
  if tg_op <> 'INSERT' and old.status = 'active' then
    v_had := tenancy.effective_permissions(old.role, old.permissions);
  end if;
  if tg_op <> 'DELETE' and new.status = 'active' then
    v_has := tenancy.effective_permissions(new.role, new.permissions);
  end if;

  if v_row.user_id = core.current_user_id() and not tenancy.is_platform_admin() then
    -- one may give up, and leave
    if tg_op <> 'DELETE'
      and (tg_op = 'INSERT' or tenancy.role_rank(new.role) > tenancy.role_rank(old.role) or not v_has <@ v_had) then
      perform core.raise_error('ID204', 'You cannot give a role or a permission that you do not have, nor change someone whose role is above yours.',
        'Ask an owner of the tenant to do it.');
    end if;
    return null;
  end if;

  perform tenancy.require_permission('can_manage_users');
  v_may := tenancy.current_permissions();
  if greatest(tenancy.role_rank(case when tg_op <> 'INSERT' then old.role end),
              tenancy.role_rank(case when tg_op <> 'DELETE' then new.role end))
       > coalesce(tenancy.role_rank(tenancy.current_grantor_role()), 0)
    -- what the member had before is not given now
    or not v_has <@ (v_may || v_had) then
    perform core.raise_error('ID204', 'You cannot give a role or a permission that you do not have, nor change someone whose role is above yours.',
      'Ask an owner of the tenant to do it.');
  end if;
  return null;
end
$$;
comment on function tenancy.tg_user_tenants__cap_grants is
  E'@errors ID203 ID204\nKeeps users from giving more than they have and from changing those above them.';

create or replace trigger _500_cap_grants after insert or update of role, permissions, status or delete on app_public.user_tenants
  for each row execute function tenancy.tg_user_tenants__cap_grants();

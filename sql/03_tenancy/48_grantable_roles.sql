-- Which roles and permissions a user may give. Nobody gives a role or a permission that they do not have, and nobody changes
-- a member whose role is above their own. A trigger on memberships checks it, so that it holds for every way to write.

create or replace function tenancy.may_grant(grantor_role text, grantor_permissions text[], role text, permissions jsonb) returns boolean
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(
    tenancy.role_rank(may_grant.role) <= tenancy.role_rank(may_grant.grantor_role)
    and tenancy.effective_permissions(may_grant.role, may_grant.permissions) <@ may_grant.grantor_permissions, false);
$$;
comment on function tenancy.may_grant is
  'Whether a person with grantor_role and grantor_permissions may give role with permissions: the role must not be higher than their own, and they must have all of its permissions.';
grant execute on function tenancy.may_grant to rowhouse_platform;

create or replace function tenancy.current_grantor_role() returns app_public.membership_role
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when tenancy.is_platform_admin() then 'owner' else tenancy.current_member_role() end;
$$;
comment on function tenancy.current_grantor_role is
  'The highest role that you may give: your own, or owner when you are platform staff.';
grant execute on function tenancy.current_grantor_role to rowhouse_user, rowhouse_platform;

create or replace function tenancy.refuse_grant() returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.raise_error('ID204',
    'You cannot give a role or a permission that you do not have, and you cannot change a member whose role is above yours.',
    'Ask an owner of the tenant to do it.');
$$;
comment on function tenancy.refuse_grant is
  E'@errors ID204\nRaises the error for a grant that is not allowed.';

create or replace function tenancy.require_grantable(role text, permissions jsonb) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not tenancy.may_grant(tenancy.current_grantor_role(), tenancy.current_permissions(),
                               require_grantable.role, require_grantable.permissions) then
    perform tenancy.refuse_grant();
  end if;
end
$$;
comment on function tenancy.require_grantable is
  E'@errors ID204\nRaises an error unless you have this role and these permissions yourself.';

-- This is not a definer function, so that it sees which role runs the statement. What users do comes as rowhouse_owner, from
-- the functions of the API. Functions of the platform check by themselves, and administrators in psql may do everything.
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
    -- the membership was deleted together with the tenant or the person
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
    -- Users may give up rights of their own, and leave. They cannot give themselves more.
    if tg_op <> 'DELETE'
      and (tg_op = 'INSERT' or tenancy.role_rank(new.role) > tenancy.role_rank(old.role) or not v_has <@ v_had) then
      perform tenancy.refuse_grant();
    end if;
    return null;
  end if;

  perform tenancy.require_permission('can_manage_users');
  v_may := tenancy.current_permissions();
  if greatest(tenancy.role_rank(case when tg_op <> 'INSERT' then old.role end),
              tenancy.role_rank(case when tg_op <> 'DELETE' then new.role end))
       > coalesce(tenancy.role_rank(tenancy.current_grantor_role()), 0)
    -- the permissions that the member had before are not given now
    or not v_has <@ (v_may || v_had) then
    perform tenancy.refuse_grant();
  end if;
  return null;
end
$$;
comment on function tenancy.tg_user_tenants__cap_grants is
  E'@errors ID203 ID204\nKeeps users from giving more rights than they have, and from changing members whose role is above their own.';

create or replace trigger _500_cap_grants after insert or update of role, permissions, status or delete on app_public.user_tenants
  for each row execute function tenancy.tg_user_tenants__cap_grants();

-- Memberships: who belongs to a tenant, in which role and with which permissions. Functions write them. Each of these first
-- locks the tenant's row, so that changes of one tenant's members wait for each other and a tenant always keeps an owner.

call core.secure_tenant_table('app_public.user_tenants');
call audit.track('app_public.user_tenants');
-- live streams of a member who was removed end at once
call core.announce('app_public.user_tenants', about => 'user_id');
call core.allow('app_public.user_tenants', read => 'member');
grant select on app_public.user_tenants to rowhouse_user;
grant select, insert, update, delete on app_public.user_tenants to rowhouse_platform;
comment on table app_public.user_tenants is
  E'@name membership\n@behavior -insert -update -delete\nA person who belongs to this tenant, with a role. All who belong to the tenant see its memberships.';
comment on column app_public.user_tenants.user_id is E'@personal erase\nThe person.';
comment on column app_public.user_tenants.role is 'The role in this tenant, which gives permissions. changeMemberRole changes it.';
comment on column app_public.user_tenants.status is 'Whether the member can enter the tenant. deactivateMember, suspendMember and reactivateMember change it.';
comment on column app_public.user_tenants.permissions is E'@notPersonal\n@behavior -*\nThe permissions that the member has beyond the role (true), or does not have although the role gives them (false): an object.';
comment on column app_public.user_tenants.invited_by_user_id is E'@personal pseudonymise\nThe person who invited the member.';
comment on column app_public.user_tenants.joined_at is 'When the member joined.';
comment on column app_public.user_tenants.last_accessed_at is E'@kept\nWhen the member last used this tenant, to within five minutes.';
comment on column app_public.user_tenants.activated_at is 'When the membership last became active.';
comment on column app_public.user_tenants.deactivated_at is 'When the membership last became inactive.';
comment on column app_public.user_tenants.metadata is E'@personOf user_id\n@personal erase\nAnything else: an object.';
comment on column app_public.user_tenants.created_at is 'When the membership was created.';
comment on column app_public.user_tenants.updated_at is 'When it last changed.';
comment on constraint user_tenants_tenant_id_user_id_key on app_public.user_tenants is 'is a member of this tenant already';
comment on constraint permissions_are_known_and_boolean on app_public.user_tenants is
  'must be an object of known permissions, each true or false';
comment on constraint metadata_is_an_object on app_public.user_tenants is 'must be an object';

create or replace function tenancy.tg_user_tenants__date_status() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.status = 'active' then
    new.activated_at := clock_timestamp();
  elsif tg_op = 'UPDATE' and old.status = 'active' then
    new.deactivated_at := clock_timestamp();
  end if;
  return new;
end
$$;
comment on function tenancy.tg_user_tenants__date_status is
  'Sets the times at which a membership becomes active and stops being active.';

create or replace function tenancy.lock_memberships() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform from app_public.tenants t where t.id = core.current_tenant_id() for no key update;
end
$$;
comment on function tenancy.lock_memberships is
  'Locks the tenant''s row, so that other changes of this tenant''s members wait until the end of this transaction.';

create or replace function tenancy.require_active_member(user_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.user_tenants m
     where m.tenant_id = core.current_tenant_id() and m.user_id = require_active_member.user_id and m.status = 'active'
  ) then
    perform core.raise_error('ID301', 'This person is not an active member of this tenant.',
      'List the memberships of this tenant, or invite the person.');
  end if;
end
$$;
comment on function tenancy.require_active_member is
  E'@errors ID301\nRaises an error unless this person is an active member of this tenant.';
grant execute on function tenancy.require_active_member to rowhouse_platform;

-- Foreign keys look behind the wall, so alone they would accept a user of another tenant, or tell by their error whether
-- there is one. Every column in which users may name a person therefore has this trigger. It runs before the keys do.
set local role rowhouse_platform;  -- outside the wall: administrators in psql write rows of a tenant without acting in it
create or replace function tenancy.tg__require_member() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_column text := tg_argv[0];
  v_allows_staff boolean := tg_argv[1];
  v_user_id uuid := to_jsonb(new) ->> v_column;
begin
  if v_user_id is null
    or tg_op = 'UPDATE' and v_user_id = (to_jsonb(old) ->> v_column)::uuid
    -- the wall refuses such a row
    or new.tenant_id is null or new.tenant_id <> core.current_tenant_id()
    or v_allows_staff and tenancy.is_platform_admin() and v_user_id = core.current_user_id()
    or exists (
         select from app_public.user_tenants m
          where m.tenant_id = new.tenant_id and m.user_id = v_user_id and m.status = 'active')
  then
    return new;
  end if;
  perform core.raise_error('ID301', 'This person is not an active member of this tenant.',
    'List the memberships of this tenant, or invite the person.');
  return null;
end
$$;
comment on function tenancy.tg__require_member is
  E'@errors ID301\nRaises an error when a column names a person who is not an active member of the tenant of the row. The arguments are the column and whether platform staff may name themselves.';
grant execute on function tenancy.tg__require_member to rowhouse_owner;

set local role rowhouse_owner;
create or replace procedure tenancy.require_member(target regclass, column_name name, allows_staff boolean default false)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  execute format(
    'create or replace trigger %I before insert or update of %I on %s for each row execute function tenancy.tg__require_member(%L, %L)',
    '_200_require_member_' || require_member.column_name, require_member.column_name, require_member.target,
    require_member.column_name, require_member.allows_staff);
end
$$;
comment on procedure tenancy.require_member is
  'Lets a column name only active members of the tenant. For anyone else there is the same error, whether the person exists or not. With allows_staff, platform staff may name themselves, too.';

create or replace function tenancy.member_to_change(user_id uuid) returns app_public.user_tenants
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants;
begin
  perform tenancy.require_permission('can_manage_users');
  perform tenancy.lock_memberships();
  select * into v_membership from app_public.user_tenants m
   where m.tenant_id = core.current_tenant_id() and m.user_id = member_to_change.user_id;
  if not found then
    perform core.raise_error('ID301', 'This person is not a member of this tenant.', 'List the memberships of this tenant, or invite the person.');
  end if;
  return v_membership;
end
$$;
comment on function tenancy.member_to_change is
  E'@errors ID203 ID301\nA membership of this tenant. It is locked: nobody else can change it until the end of this transaction.';

-- A person who is shut out must not come back with an invitation that is still pending.
create or replace function tenancy.revoke_invitations_of(user_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.invitations i
     set status = 'revoked', revoked_at = core.clock()
    from app_public.user_profiles u
   where u.id = revoke_invitations_of.user_id and i.email = u.email and i.status = 'pending'
     and i.tenant_id = core.current_tenant_id();
end
$$;
comment on function tenancy.revoke_invitations_of is
  'Revokes the pending invitations of this tenant for a person.';

create or replace function app_public.change_member_role(user_id uuid, role app_public.membership_role)
returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := tenancy.member_to_change(change_member_role.user_id);
begin
  if change_member_role.role is null then
    perform core.raise_error('ID405', 'A role is needed.', 'Name one of the roles.');
  end if;
  update app_public.user_tenants m set role = change_member_role.role where m.id = v_membership.id returning * into v_membership;
  return v_membership;
end
$$;
comment on function app_public.change_member_role is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301 ID405 ID501\nGives a member another role, which cannot be higher than your own. You need the permission can_manage_users.';
grant execute on function app_public.change_member_role to rowhouse_user;

create or replace function tenancy.permissions_json(permissions app_public.permission_overrides) returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_strip_nulls(to_jsonb(permissions_json.permissions)), '{}');
$$;
comment on function tenancy.permissions_json is
  'Permissions as the tables store them: an object of those that are set.';

create or replace function app_public.change_member_permissions(user_id uuid, permissions app_public.permission_overrides)
returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := tenancy.member_to_change(change_member_permissions.user_id);
begin
  update app_public.user_tenants m set permissions = tenancy.permissions_json(change_member_permissions.permissions)
   where m.id = v_membership.id
  returning * into v_membership;
  return v_membership;
end
$$;
comment on function app_public.change_member_permissions is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301\nSets the permissions that a member has beyond the role (true) and those that the role gives but the member does not have (false). They replace all that were set before; without any, the member has the permissions of the role. You can give only permissions that you have. You need the permission can_manage_users.';
grant execute on function app_public.change_member_permissions to rowhouse_user;

create or replace function tenancy.change_member_status(user_id uuid, status app_public.membership_status) returns app_public.user_tenants
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := tenancy.member_to_change(change_member_status.user_id);
begin
  if change_member_status.status <> 'active' then
    perform tenancy.revoke_invitations_of(change_member_status.user_id);
  end if;
  update app_public.user_tenants m set status = change_member_status.status
   where m.id = v_membership.id and m.status <> change_member_status.status
  returning * into v_membership;
  if not found then
    v_membership := tenancy.member_to_change(change_member_status.user_id);
  end if;
  return v_membership;
end
$$;
comment on function tenancy.change_member_status is
  'Changes the status of a membership. It is no error to do it twice.';

create or replace function app_public.deactivate_member(user_id uuid) returns app_public.user_tenants
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.change_member_status(deactivate_member.user_id, 'inactive'); $$;
comment on function app_public.deactivate_member is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301 ID501\nShuts out a member who has left, from the next request on. The role and the permissions are kept, and reactivateMember lets the member in again. You need the permission can_manage_users.';
grant execute on function app_public.deactivate_member to rowhouse_user;

create or replace function app_public.suspend_member(user_id uuid) returns app_public.user_tenants
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.change_member_status(suspend_member.user_id, 'suspended'); $$;
comment on function app_public.suspend_member is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301 ID501\nShuts out a member for a time, from the next request on. The role and the permissions are kept, and reactivateMember lets the member in again. You need the permission can_manage_users.';
grant execute on function app_public.suspend_member to rowhouse_user;

create or replace function app_public.reactivate_member(user_id uuid) returns app_public.user_tenants
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.change_member_status(reactivate_member.user_id, 'active'); $$;
comment on function app_public.reactivate_member is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301\nLets a deactivated or suspended member in again, with the same role and permissions as before. You need the permission can_manage_users.';
grant execute on function app_public.reactivate_member to rowhouse_user;

create or replace function app_public.remove_member(user_id uuid) returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := tenancy.member_to_change(remove_member.user_id);
begin
  perform tenancy.revoke_invitations_of(remove_member.user_id);
  delete from app_public.user_tenants m where m.id = v_membership.id;
  return v_membership;
end
$$;
comment on function app_public.remove_member is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301 ID501\nEnds a membership. This cannot be undone, but the person can be invited again. You need the permission can_manage_users.';
grant execute on function app_public.remove_member to rowhouse_user;

create or replace function app_public.leave_tenant() returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants;
begin
  perform tenancy.require_person();
  perform tenancy.lock_memberships();
  perform tenancy.revoke_invitations_of(core.current_user_id());
  delete from app_public.user_tenants m
   where m.tenant_id = core.current_tenant_id() and m.user_id = core.current_user_id()
  returning * into v_membership;
  if not found then
    perform core.raise_error('ID202', 'You are not a member of this tenant.', 'There is nothing to do.');
  end if;
  return v_membership;
end
$$;
comment on function app_public.leave_tenant is
  E'@resultFieldName membership\n@errors ID202 ID501 KY201\nEnds your own membership of this tenant.';
grant execute on function app_public.leave_tenant to rowhouse_user;

create or replace function app_public.transfer_ownership(user_id uuid) returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants;
begin
  perform tenancy.require_person();
  perform tenancy.lock_memberships();
  perform tenancy.require_role('owner');
  if transfer_ownership.user_id = core.current_user_id() then
    perform core.raise_error('ID504', 'You are an owner of this tenant already.', 'Name another member.');
  end if;
  perform tenancy.require_active_member(transfer_ownership.user_id);
  update app_public.user_tenants m set role = 'owner', permissions = '{}'
   where m.tenant_id = core.current_tenant_id() and m.user_id = transfer_ownership.user_id
  returning * into v_membership;
  update app_public.user_tenants m set role = 'admin'
   where m.tenant_id = core.current_tenant_id() and m.user_id = core.current_user_id();
  return v_membership;
end
$$;
comment on function app_public.transfer_ownership is
  E'@resultFieldName membership\n@errors ID202 ID204 ID301 ID504 KY201\nMakes another active member an owner of this tenant and you an admin. Only owners can do this.';
grant execute on function app_public.transfer_ownership to rowhouse_user;

create or replace function app_public.current_membership() returns app_public.user_tenants
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.user_tenants
   where tenant_id = core.current_tenant_id() and user_id = core.current_user_id();
$$;
comment on function app_public.current_membership is
  'Your membership of this tenant. It is null for platform staff, visitors from a tenant above and people without a tenant.';
grant execute on function app_public.current_membership to rowhouse_user;

create or replace function app_public.my_permissions() returns app_public.permission[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$ select tenancy.current_permissions()::app_public.permission[]; $$;
comment on function app_public.my_permissions is
  'Your permissions in this tenant, from the role and the permissions of your membership. Use them to show and hide parts of a user interface; the database checks them in any case.';
grant execute on function app_public.my_permissions to rowhouse_user;

create or replace function app_public.user_tenants_effective_permissions(membership app_public.user_tenants)
returns app_public.permission[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case (membership).status
      when 'active' then tenancy.effective_permissions((membership).role, (membership).permissions)
      else '{}'
    end::app_public.permission[];
$$;
comment on function app_public.user_tenants_effective_permissions is
  'All permissions that the member has: those of the role, changed by the member''s own. Empty while the membership is not active.';
grant execute on function app_public.user_tenants_effective_permissions to rowhouse_user;

create or replace function app_public.user_tenants_permissions(membership app_public.user_tenants)
returns app_public.permission_overrides
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_populate_record(null::app_public.permission_overrides, (membership).permissions);
$$;
comment on function app_public.user_tenants_permissions is
  'The permissions that the member has beyond the role (true), or does not have although the role gives them (false). The others are null. changeMemberPermissions sets them.';
grant execute on function app_public.user_tenants_permissions to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a tenant keeps an owner also when the context is of another tenant, or of none
create or replace function tenancy.tg_user_tenants__keep_an_owner() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and new.role = 'owner' and new.status = 'active' then
    return null;
  end if;
  -- When two owners leave at once, the second waits here and then does not find the first any more.
  perform from app_public.tenants t where t.id = old.tenant_id and t.erased_at is null for no key update;
  if not found then
    -- the tenant was deleted or is being erased, so it needs no owner
    return null;
  end if;
  -- The lock makes a transaction with an older snapshot fail, which otherwise could count on an owner who has left.
  perform from app_public.user_tenants m
    join app_public.user_profiles u on u.id = m.user_id and u.is_active and u.deleted_at is null
   where m.tenant_id = old.tenant_id and m.role = 'owner' and m.status = 'active'
   limit 1
     for share of m;
  if not found then
    perform core.raise_error('ID501', 'A tenant must have an active owner.', 'First make another member an owner, with transferOwnership or changeMemberRole.');
  end if;
  return null;
end
$$;
comment on function tenancy.tg_user_tenants__keep_an_owner is
  E'@errors ID501\nRaises an error when the last active owner leaves, is removed or shut out, or gets a lower role.';
grant execute on function tenancy.tg_user_tenants__keep_an_owner to rowhouse_owner;

set local role rowhouse_owner;

-- The check for an owner runs after the statement, because it has to see the result.
create or replace trigger _200_date_insert before insert on app_public.user_tenants
  for each row execute function tenancy.tg_user_tenants__date_status();
create or replace trigger _200_date_status before update of status on app_public.user_tenants
  for each row when (old.status is distinct from new.status) execute function tenancy.tg_user_tenants__date_status();
create or replace trigger _510_keep_an_owner after update of role, status or delete on app_public.user_tenants
  for each row when (old.role = 'owner' and old.status = 'active') execute function tenancy.tg_user_tenants__keep_an_owner();

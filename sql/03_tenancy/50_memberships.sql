-- A tenant keeps an active owner. Looked at from outside the wall, because a tenant's context must not decide whether the
-- rule holds: administrators in psql and the platform's own functions have none.

call core.secure_tenant_table('app_public.user_tenants');
call core.allow('app_public.user_tenants', read => 'member');
grant select (id, tenant_id, user_id, role, status, permissions, invited_by_user_id, joined_at, last_accessed_at,
  activated_at, deactivated_at, metadata, created_at, updated_at) on app_public.user_tenants to rowhouse_user;
grant select, insert, update, delete on app_public.user_tenants to rowhouse_platform;
grant select on app_public.user_tenants to rowhouse_platform;
comment on table app_public.user_tenants is
  E'@name membership\n@behavior -insert -update -delete\nWho belongs to this tenant, and in which role.';
comment on column app_public.user_tenants.role is 'owner, admin, member or viewer; each may do what the later ones may.';
comment on column app_public.user_tenants.status is 'active, inactive, invited, suspended or pending. Only active members get in. Changed with deactivate_member, suspend_member, reactivate_member.';
comment on column app_public.user_tenants.permissions is 'What the member may beyond the role (true), or may not in spite of it (false): an object of permissions. Changed with change_member_permissions; effectivePermissions has the sum.';
comment on column app_public.user_tenants.invited_by_user_id is 'Who invited the member.';
comment on column app_public.user_tenants.joined_at is 'When the member joined.';
comment on column app_public.user_tenants.last_accessed_at is E'@kept\nWhen the member last acted in this tenant, to five minutes.';
comment on column app_public.user_tenants.activated_at is 'When the membership last became active.';
comment on column app_public.user_tenants.deactivated_at is 'When the membership last became inactive.';
comment on column app_public.user_tenants.metadata is 'Anything else, an object.';
comment on column app_public.user_tenants.created_at is 'When the membership was created.';
comment on column app_public.user_tenants.updated_at is 'When it last changed.';

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
  'Dates when a membership becomes active and when it ceases to be.';

-- Every function that changes memberships takes the tenant's row first: changes come one after the other, in no circle.
create or replace function tenancy.lock_memberships() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform from app_public.tenants t where t.id = core.current_tenant_id() for no key update;
end
$$;
comment on function tenancy.lock_memberships is
  'Makes other changes of this tenant''s members wait until the end of this transaction.';

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
    perform core.raise_error('ID301', 'There is no such member.', 'List the memberships of this tenant.');
  end if;
  return v_membership;
end
$$;
comment on function tenancy.member_to_change is
  E'@errors ID203 ID301\nA membership of this tenant, which nobody else changes until the end of this transaction.';

-- invitations of someone who is sent away must not bring them back
create or replace function tenancy.revoke_invitations_of(user_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.invitations i
     set status = 'revoked', token_hash = null, revoked_at = core.clock()
    from app_public.user_profiles u
   where u.id = revoke_invitations_of.user_id and i.email = u.email and i.status = 'pending'
     and i.tenant_id = core.current_tenant_id();
end
$$;
comment on function tenancy.revoke_invitations_of is
  'Revokes what invitations of this tenant a person still has.';

create or replace function app_public.change_member_role(user_id uuid, role text) returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := tenancy.member_to_change(change_member_role.user_id);
begin
  perform tenancy.require_known_role(change_member_role.role, '{}');
  update app_public.user_tenants m set role = change_member_role.role where m.id = v_membership.id returning * into v_membership;
  return v_membership;
end
$$;
comment on function app_public.change_member_role is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301 ID405 ID501\nGives a member another role: owner, admin, member or viewer, up to your own. can_manage_users.';
grant execute on function app_public.change_member_role to rowhouse_user;

create or replace function app_public.change_member_permissions(user_id uuid, permissions jsonb) returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := tenancy.member_to_change(change_member_permissions.user_id);
begin
  perform tenancy.require_known_role(v_membership.role, change_member_permissions.permissions);
  update app_public.user_tenants m set permissions = change_member_permissions.permissions
   where m.id = v_membership.id
  returning * into v_membership;
  return v_membership;
end
$$;
comment on function app_public.change_member_permissions is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301 ID406\nSets what a member may beyond the role (true) and may not in spite of it (false): an object that replaces the one before, {} for the role alone. You give only what you have. can_manage_users.';
grant execute on function app_public.change_member_permissions to rowhouse_user;

create or replace function tenancy.change_member_status(user_id uuid, status text) returns app_public.user_tenants
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
  'Gives a membership another status; doing it twice is no error.';

create or replace function app_public.deactivate_member(user_id uuid) returns app_public.user_tenants
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.change_member_status(deactivate_member.user_id, 'inactive'); $$;
comment on function app_public.deactivate_member is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301 ID501\nShuts a member out with the next request; role and permissions are kept, and reactivate_member lets them in again. can_manage_users.';
grant execute on function app_public.deactivate_member to rowhouse_user;

create or replace function app_public.suspend_member(user_id uuid) returns app_public.user_tenants
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.change_member_status(suspend_member.user_id, 'suspended'); $$;
comment on function app_public.suspend_member is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301 ID501\nShuts a member out for the time being, as deactivate_member does for those who have left. can_manage_users.';
grant execute on function app_public.suspend_member to rowhouse_user;

create or replace function app_public.reactivate_member(user_id uuid) returns app_public.user_tenants
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select tenancy.change_member_status(reactivate_member.user_id, 'active'); $$;
comment on function app_public.reactivate_member is
  E'@resultFieldName membership\n@errors ID203 ID204 ID301\nLets a deactivated or suspended member in again, in the role they had. can_manage_users.';
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
  E'@resultFieldName membership\n@errors ID203 ID204 ID301 ID501\nEnds a membership for good; the person can be invited again. can_manage_users.';
grant execute on function app_public.remove_member to rowhouse_user;

create or replace function app_public.leave_tenant() returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants;
begin
  perform tenancy.lock_memberships();
  perform tenancy.revoke_invitations_of(core.current_user_id());
  delete from app_public.user_tenants m
   where m.tenant_id = core.current_tenant_id() and m.user_id = core.current_user_id()
  returning * into v_membership;
  if not found then
    perform core.raise_error('ID301', 'There is no such member.', 'You are not a member of this tenant.');
  end if;
  return v_membership;
end
$$;
comment on function app_public.leave_tenant is
  E'@resultFieldName membership\n@errors ID301 ID501\nEnds your own membership of this tenant.';
grant execute on function app_public.leave_tenant to rowhouse_user;

create or replace function app_public.transfer_ownership(user_id uuid) returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants;
begin
  perform tenancy.lock_memberships();
  perform tenancy.require_role('owner');
  if transfer_ownership.user_id = core.current_user_id() then
    perform core.raise_error('ID504', 'You are an owner already.', 'Name another member.');
  end if;
  update app_public.user_tenants m set role = 'owner', permissions = '{}'
   where m.tenant_id = core.current_tenant_id() and m.user_id = transfer_ownership.user_id and m.status = 'active'
  returning * into v_membership;
  if not found then
    perform core.raise_error('ID301', 'There is no such member.', 'List the active memberships of this tenant.');
  end if;
  update app_public.user_tenants m set role = 'admin'
   where m.tenant_id = core.current_tenant_id() and m.user_id = core.current_user_id();
  return v_membership;
end
$$;
comment on function app_public.transfer_ownership is
  E'@resultFieldName membership\n@errors ID202 ID204 ID301 ID504\nMakes an active member an owner in your place; you become an admin. Owners.';
grant execute on function app_public.transfer_ownership to rowhouse_user;

create or replace function app_public.current_membership() returns app_public.user_tenants
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.user_tenants
   where tenant_id = core.current_tenant_id() and user_id = core.current_user_id();
$$;
comment on function app_public.current_membership is
  'Your membership of this tenant; null when you have none (platform staff, readers from a tenant above, people without a tenant).';
grant execute on function app_public.current_membership to rowhouse_user;

create or replace function app_public.my_permissions() returns text[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$ select tenancy.current_permissions(); $$;
comment on function app_public.my_permissions is
  'What you may do in this tenant: role and permissions of your membership put together. For showing and hiding; the database decides.';
grant execute on function app_public.my_permissions to rowhouse_user;

create or replace function app_public.user_tenants_effective_permissions(membership app_public.user_tenants) returns text[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when (membership).status = 'active' then tenancy.effective_permissions((membership).role, (membership).permissions) else '{}' end;
$$;
comment on function app_public.user_tenants_effective_permissions is
  'What the member may do: the role''s permissions, with the member''s own added and taken away; nothing while the membership is not active.';
grant execute on function app_public.user_tenants_effective_permissions to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the last owner stays, whatever the context of who changes a membership
create or replace function tenancy.tg_user_tenants__keep_an_owner() returns trigger
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
    perform core.raise_error('ID501', 'A tenant needs an active owner.', 'Make someone else an owner first, with transfer_ownership or change_member_role.');
  end if;
  return null;
end
$$;
comment on function tenancy.tg_user_tenants__keep_an_owner is
  E'@errors ID501\nKeeps the last active owner from leaving, from being demoted, shut out or removed.';
grant execute on function tenancy.tg_user_tenants__keep_an_owner to rowhouse_owner;

set local role rowhouse_owner;

-- The rules of memberships. They look at what a statement has done, after the wall's own check: a count of owners is
-- only worth something when it sees what is there now.
create or replace trigger _200_date_insert before insert on app_public.user_tenants
  for each row execute function tenancy.tg_user_tenants__date_status();
create or replace trigger _200_date_status before update of status on app_public.user_tenants
  for each row when (old.status is distinct from new.status) execute function tenancy.tg_user_tenants__date_status();
create or replace trigger _510_keep_an_owner after update of role, status or delete on app_public.user_tenants
  for each row when (old.role = 'owner' and old.status = 'active') execute function tenancy.tg_user_tenants__keep_an_owner();

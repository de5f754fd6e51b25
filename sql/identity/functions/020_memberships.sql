-- Memberships: who may change whose. The rules are in triggers, so that they hold for every door: nobody gives more than
-- they have, nobody touches someone above them, and a tenant keeps an active owner (platform_functions/020_owners.sql).

create or replace function app_hidden.role_rank(role text) returns int
language sql immutable parallel safe
return array_position(array['viewer', 'member', 'admin', 'owner'], role);
comment on function app_hidden.role_rank(text) is 'A role''s rung on the ladder: 1 viewer, 2 member, 3 admin, 4 owner.';

create or replace function app_private.may_grant(grantor_role text, grantor_permissions text[], role text, permissions jsonb) returns boolean
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(
    app_hidden.role_rank(may_grant.role) <= app_hidden.role_rank(may_grant.grantor_role)
    and app_hidden.effective_permissions(may_grant.role, may_grant.permissions) <@ may_grant.grantor_permissions, false);
$$;
comment on function app_private.may_grant(text, text[], text, jsonb) is
  'Whether someone with this role and these permissions may give that role with those permissions: neither a higher role nor a permission they lack.';

create or replace function app_hidden.current_grantor_role() returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when app_hidden.is_platform_admin() then 'owner' else app_hidden.current_member_role() end;
$$;
comment on function app_hidden.current_grantor_role() is 'The role up to which you may give roles: your own; platform staff''s is owner.';

create or replace function app_private.require_grantable(role text, permissions jsonb) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if not app_private.may_grant(app_hidden.current_grantor_role(), app_hidden.current_permissions(),
                               require_grantable.role, require_grantable.permissions) then
    perform app_private.raise_error('ID204', 'You cannot give a role or a permission that you do not have, nor change someone whose role is above yours.',
      'Ask an owner of the tenant to do it.');
  end if;
end
$$;
comment on function app_private.require_grantable(text, jsonb) is 'ID204 unless you have this role and these permissions yourself.';

create or replace function app_private.require_known_role(role text, permissions jsonb) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
begin
  if app_hidden.role_rank(require_known_role.role) is null then
    perform app_private.raise_error('ID405', 'There is no such role.', 'Roles are owner, admin, member and viewer.');
  end if;
  if jsonb_typeof(require_known_role.permissions) is distinct from 'object' then
    perform app_private.raise_error('ID406', 'permissions is not an object.', 'Send an object of permissions, each true or false.');
  end if;
  select key into v_key from jsonb_each(require_known_role.permissions) as entry (key, allowed)
   where key <> all (app_hidden.permission_keys()) or jsonb_typeof(allowed) <> 'boolean' order by key limit 1;
  if found then
    perform app_private.raise_error('ID406', format('"%s" is not a permission that can be true or false.', left(v_key, 100)),
      format('These are the permissions: %s.', array_to_string(app_hidden.permission_keys(), ', ')));
  end if;
end
$$;
comment on function app_private.require_known_role(text, jsonb) is
  'ID405: there is no such role; ID406: permissions is not an object of known permissions, each true or false (the key is named).';

-- An invoker's function, because who runs the statement decides: what a user does comes as rowhouse_owner, by way of the
-- functions below. Platform functions check for themselves, and administrators in psql stand above these rules.
create or replace function app_private.tg_user_tenants__cap_grants() returns trigger
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
    v_had := app_hidden.effective_permissions(old.role, old.permissions);
  end if;
  if tg_op <> 'DELETE' and new.status = 'active' then
    v_has := app_hidden.effective_permissions(new.role, new.permissions);
  end if;

  if v_row.user_id = app_hidden.current_user_id() and not app_hidden.is_platform_admin() then
    -- one may give up, and leave
    if tg_op <> 'DELETE'
      and (tg_op = 'INSERT' or app_hidden.role_rank(new.role) > app_hidden.role_rank(old.role) or not v_has <@ v_had) then
      perform app_private.raise_error('ID204', 'You cannot give a role or a permission that you do not have, nor change someone whose role is above yours.',
        'Ask an owner of the tenant to do it.');
    end if;
    return null;
  end if;

  perform app_private.require_permission('can_manage_users');
  v_may := app_hidden.current_permissions();
  if greatest(app_hidden.role_rank(case when tg_op <> 'INSERT' then old.role end),
              app_hidden.role_rank(case when tg_op <> 'DELETE' then new.role end))
       > coalesce(app_hidden.role_rank(app_hidden.current_grantor_role()), 0)
    -- what the member had before is not given now
    or not v_has <@ (v_may || v_had) then
    perform app_private.raise_error('ID204', 'You cannot give a role or a permission that you do not have, nor change someone whose role is above yours.',
      'Ask an owner of the tenant to do it.');
  end if;
  return null;
end
$$;
comment on function app_private.tg_user_tenants__cap_grants() is
  'Keeps users from giving more than they have and from changing those above them. ID203, ID204.';

create or replace function app_private.tg_user_tenants__date_status() returns trigger
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
comment on function app_private.tg_user_tenants__date_status() is 'Dates when a membership becomes active and when it ceases to be.';

-- Every function that changes memberships takes the tenant's row first: changes come one after the other, in no circle.
create or replace function app_private.lock_memberships() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform from app_public.tenants t where t.id = app_hidden.current_tenant_id() for no key update;
end
$$;
comment on function app_private.lock_memberships() is 'Makes other changes of this tenant''s members wait until the end of this transaction.';

create or replace function app_private.member_to_change(user_id uuid) returns app_public.user_tenants
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants;
begin
  perform app_private.require_permission('can_manage_users');
  perform app_private.lock_memberships();
  select * into v_membership from app_public.user_tenants m
   where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = member_to_change.user_id;
  if not found then
    perform app_private.raise_error('ID301', 'There is no such member.', 'List the memberships of this tenant.');
  end if;
  return v_membership;
end
$$;
comment on function app_private.member_to_change(uuid) is
  'A membership of this tenant, which nobody else changes until the end of this transaction. ID203: you may not manage members; ID301: there is no such member.';

-- invitations of someone who is sent away must not bring them back
create or replace function app_private.revoke_invitations_of(user_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.invitations i
     set status = 'revoked', token_hash = null, revoked_at = app_hidden.clock()
    from app_public.user_profiles u
   where u.id = revoke_invitations_of.user_id and i.email = u.email and i.status = 'pending'
     and i.tenant_id = app_hidden.current_tenant_id();
end
$$;
comment on function app_private.revoke_invitations_of(uuid) is 'Revokes what invitations of this tenant a person still has.';

create or replace function app_public.change_member_role(user_id uuid, role text) returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := app_private.member_to_change(change_member_role.user_id);
begin
  perform app_private.require_known_role(change_member_role.role, '{}');
  update app_public.user_tenants m set role = change_member_role.role where m.id = v_membership.id returning * into v_membership;
  return v_membership;
end
$$;
comment on function app_public.change_member_role(uuid, text) is
  E'@resultFieldName membership\nGives a member another role: owner, admin, member or viewer, up to your own. can_manage_users. ID203: you may not manage members; ID204: the role is above yours, or the member is; ID301: there is no such member; ID405: there is no such role; ID501: the last owner.';

create or replace function app_public.change_member_permissions(user_id uuid, permissions jsonb) returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := app_private.member_to_change(change_member_permissions.user_id);
begin
  perform app_private.require_known_role(v_membership.role, change_member_permissions.permissions);
  update app_public.user_tenants m set permissions = change_member_permissions.permissions
   where m.id = v_membership.id
  returning * into v_membership;
  return v_membership;
end
$$;
comment on function app_public.change_member_permissions(uuid, jsonb) is
  E'@resultFieldName membership\nSets what a member may beyond the role (true) and may not in spite of it (false): an object that replaces the one before, {} for the role alone. You give only what you have. can_manage_users. ID203: you may not manage members; ID204: you lack one of them, or the member is above you; ID301: there is no such member; ID406: not an object of known permissions.';

create or replace function app_private.change_member_status(user_id uuid, status text) returns app_public.user_tenants
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := app_private.member_to_change(change_member_status.user_id);
begin
  if change_member_status.status <> 'active' then
    perform app_private.revoke_invitations_of(change_member_status.user_id);
  end if;
  update app_public.user_tenants m set status = change_member_status.status
   where m.id = v_membership.id and m.status <> change_member_status.status
  returning * into v_membership;
  if not found then
    v_membership := app_private.member_to_change(change_member_status.user_id);
  end if;
  return v_membership;
end
$$;
comment on function app_private.change_member_status(uuid, text) is 'Gives a membership another status; doing it twice is no error.';

create or replace function app_public.deactivate_member(user_id uuid) returns app_public.user_tenants
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select app_private.change_member_status(deactivate_member.user_id, 'inactive'); $$;
comment on function app_public.deactivate_member(uuid) is
  E'@resultFieldName membership\nShuts a member out with the next request; role and permissions are kept, and reactivate_member lets them in again. can_manage_users. ID203: you may not manage members; ID204: the member is above you; ID301: there is no such member; ID501: the last owner.';

create or replace function app_public.suspend_member(user_id uuid) returns app_public.user_tenants
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select app_private.change_member_status(suspend_member.user_id, 'suspended'); $$;
comment on function app_public.suspend_member(uuid) is
  E'@resultFieldName membership\nShuts a member out for the time being, as deactivate_member does for those who have left. can_manage_users. ID203: you may not manage members; ID204: the member is above you; ID301: there is no such member; ID501: the last owner.';

create or replace function app_public.reactivate_member(user_id uuid) returns app_public.user_tenants
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$ select app_private.change_member_status(reactivate_member.user_id, 'active'); $$;
comment on function app_public.reactivate_member(uuid) is
  E'@resultFieldName membership\nLets a deactivated or suspended member in again, in the role they had. can_manage_users. ID203: you may not manage members; ID204: the member''s role or permissions are above yours; ID301: there is no such member.';

create or replace function app_public.remove_member(user_id uuid) returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants := app_private.member_to_change(remove_member.user_id);
begin
  perform app_private.revoke_invitations_of(remove_member.user_id);
  delete from app_public.user_tenants m where m.id = v_membership.id;
  return v_membership;
end
$$;
comment on function app_public.remove_member(uuid) is
  E'@resultFieldName membership\nEnds a membership for good; the person can be invited again. can_manage_users. ID203: you may not manage members; ID204: the member is above you; ID301: there is no such member; ID501: the last owner.';

create or replace function app_public.leave_tenant() returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants;
begin
  perform app_private.lock_memberships();
  perform app_private.revoke_invitations_of(app_hidden.current_user_id());
  delete from app_public.user_tenants m
   where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = app_hidden.current_user_id()
  returning * into v_membership;
  if not found then
    perform app_private.raise_error('ID301', 'There is no such member.', 'You are not a member of this tenant.');
  end if;
  return v_membership;
end
$$;
comment on function app_public.leave_tenant() is
  E'@resultFieldName membership\nEnds your own membership of this tenant. ID301: you have none; ID501: you are the last owner: transfer_ownership first.';

create or replace function app_public.transfer_ownership(user_id uuid) returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_membership app_public.user_tenants;
begin
  perform app_private.lock_memberships();
  perform app_private.require_role('owner');
  if transfer_ownership.user_id = app_hidden.current_user_id() then
    perform app_private.raise_error('ID504', 'You are an owner already.', 'Name another member.');
  end if;
  update app_public.user_tenants m set role = 'owner', permissions = '{}'
   where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = transfer_ownership.user_id and m.status = 'active'
  returning * into v_membership;
  if not found then
    perform app_private.raise_error('ID301', 'There is no such member.', 'List the active memberships of this tenant.');
  end if;
  update app_public.user_tenants m set role = 'admin'
   where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = app_hidden.current_user_id();
  return v_membership;
end
$$;
comment on function app_public.transfer_ownership(uuid) is
  E'@resultFieldName membership\nMakes an active member an owner in your place; you become an admin. Owners. ID202: you are none; ID204: permissions were taken from you that an owner has; ID301: there is no such active member; ID504: you named yourself.';

create or replace function app_public.current_membership() returns app_public.user_tenants
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.user_tenants
   where tenant_id = app_hidden.current_tenant_id() and user_id = app_hidden.current_user_id();
$$;
comment on function app_public.current_membership() is
  'Your membership of this tenant; null when you have none (platform staff, readers from a tenant above, people without a tenant).';

create or replace function app_public.my_permissions() returns text[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$ select app_hidden.current_permissions(); $$;
comment on function app_public.my_permissions() is 'What you may do in this tenant: role and permissions of your membership put together. For showing and hiding; the database decides.';

create or replace function app_public.user_tenants_effective_permissions(membership app_public.user_tenants) returns text[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when (membership).status = 'active' then app_hidden.effective_permissions((membership).role, (membership).permissions) else '{}' end;
$$;
comment on function app_public.user_tenants_effective_permissions(app_public.user_tenants) is
  'What the member may do: the role''s permissions, with the member''s own added and taken away; nothing while the membership is not active.';

grant execute on function app_hidden.role_rank(text), app_hidden.current_grantor_role() to rowhouse_user, rowhouse_platform;
grant execute on function app_private.may_grant(text, text[], text, jsonb) to rowhouse_platform;
grant execute on function app_public.change_member_role(uuid, text), app_public.change_member_permissions(uuid, jsonb),
  app_public.deactivate_member(uuid), app_public.suspend_member(uuid), app_public.reactivate_member(uuid),
  app_public.remove_member(uuid), app_public.leave_tenant(), app_public.transfer_ownership(uuid),
  app_public.current_membership(), app_public.my_permissions(), app_public.user_tenants_effective_permissions(app_public.user_tenants)
  to rowhouse_user;

-- Invitations, as the invited person sees them: listing, accepting and declining. The person is in no tenant yet, or in
-- another one, so these functions stand outside the wall and check everything by the token and the person's e-mail address.

set local role rowhouse_platform;  -- outside the wall: a token is looked up before its tenant is known; granted only to our own functions
create or replace function tenancy.inviter_may_still_grant(invitation app_public.invitations) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- The lock keeps the inviter's role from being changed until the end of the transaction.
  perform from app_public.user_tenants m
    join app_public.user_profiles u on u.id = m.user_id and u.is_active and u.deleted_at is null
   where m.tenant_id = (invitation).tenant_id and m.user_id = (invitation).invited_by_user_id and m.status = 'active'
     and 'can_manage_users' = any (tenancy.effective_permissions(m.role, m.permissions))
     and tenancy.may_grant(m.role, tenancy.effective_permissions(m.role, m.permissions), (invitation).role, (invitation).permissions)
     for share of m;
  return found or tenancy.is_staff((invitation).invited_by_user_id);
end
$$;
comment on function tenancy.inviter_may_still_grant is
  'Whether the inviter could still create this invitation: as an active member who has the role and the permissions that it gives, or as platform staff.';
grant execute on function tenancy.inviter_may_still_grant to rowhouse_owner;

create or replace function tenancy.use_invitation(token text, status app_public.invitation_status) returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_hash bytea := tenancy.token_hash(use_invitation.token);
  v_invitation app_public.invitations;
  v_is_usable boolean;
begin
  perform tenancy.require_person();
  -- Of several who use a token at once, the first one gets the lock. The statement after it sees what has happened since,
  -- so the others no longer find the token.
  perform from app_public.invitations i
   where i.id in (select s.invitation_id from vault.invitations s where s.token_hash = v_hash)
     for no key update;
  -- one statement checks everything, so that no error tells what is wrong
  update app_public.invitations i
     set status = use_invitation.status,
         accepted_by_user_id = case use_invitation.status when 'accepted' then u.id end,
         accepted_at = case use_invitation.status when 'accepted' then core.clock() end,
         declined_at = case use_invitation.status when 'declined' then core.clock() end
    from vault.invitations s, app_public.user_profiles u, app_public.tenants t
   where s.token_hash = v_hash and s.tenant_id = i.tenant_id and s.invitation_id = i.id
     and i.status = 'pending' and i.expires_at > core.clock()
     and u.id = core.current_user_id() and u.email = i.email and u.is_active and u.deleted_at is null
     and t.id = i.tenant_id and tenancy.is_open(t.status, t.ancestor_ids)
  returning i.* into v_invitation;
  v_is_usable := found;
  if v_is_usable and use_invitation.status = 'accepted' then
    v_is_usable := tenancy.inviter_may_still_grant(v_invitation);
  end if;
  if not v_is_usable then
    perform core.raise_error('ID303', 'This invitation is not valid.',
      'Log in with the e-mail address to which it was sent, or ask for a new invitation.');
  end if;
  return v_invitation;
end
$$;
comment on function tenancy.use_invitation is
  E'@errors ID303 KY201\nAccepts or declines an invitation by its token. The error is the same whatever is wrong: the token is not known, the invitation is answered, revoked or expired, it is for another address, or its inviter could not create it any more.';
grant execute on function tenancy.use_invitation to rowhouse_owner;

set local role rowhouse_platform;  -- outside the wall: the person is in no tenant yet, or in another one
create or replace function app_public.accept_invitation(token text) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context text := coalesce(current_setting('rowhouse.tenant_id', true), '');
  v_invitation app_public.invitations;
  v_tenant app_public.tenants;
begin
  -- The tenant of the request does not matter here. After an error, the transaction restores the setting by itself.
  perform set_config('rowhouse.tenant_id', '', true);
  v_invitation := tenancy.use_invitation(accept_invitation.token, 'accepted');
  insert into app_public.user_tenants as m (tenant_id, user_id, role, permissions, invited_by_user_id)
  values (v_invitation.tenant_id, v_invitation.accepted_by_user_id, v_invitation.role, v_invitation.permissions,
          v_invitation.invited_by_user_id)
  on conflict (tenant_id, user_id) do update
     set role = excluded.role, permissions = excluded.permissions, status = 'active', invited_by_user_id = excluded.invited_by_user_id
   -- a person who has become a member in another way keeps the role
   where m.status <> 'active';
  select * into v_tenant from app_public.tenants t where t.id = v_invitation.tenant_id;
  perform set_config('rowhouse.tenant_id', v_context, true);
  return v_tenant;
end
$$;
comment on function app_public.accept_invitation is
  E'@resultFieldName tenant\n@errors ID303 KY201\nMakes you a member of the tenant that invited you. The token is what follows token= in the link of the mail. It works once, and only for the address to which it was sent. Name the tenant in the x-tenant-id header from then on. If you are a member already, you keep your role.';
grant execute on function app_public.accept_invitation to rowhouse_user;

create or replace function app_public.decline_invitation(token text) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context text := coalesce(current_setting('rowhouse.tenant_id', true), '');
begin
  perform set_config('rowhouse.tenant_id', '', true);
  perform tenancy.use_invitation(decline_invitation.token, 'declined');
  perform set_config('rowhouse.tenant_id', v_context, true);
  return true;
end
$$;
comment on function app_public.decline_invitation is
  E'@resultFieldName isDeclined\n@errors ID303 KY201\nDeclines an invitation. The token is what follows token= in the link of the mail.';
grant execute on function app_public.decline_invitation to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the invitations of all tenants to the person's own address
create or replace function app_public.my_invitations() returns setof app_public.received_invitation
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select i.id, t.name, t.slug, i.role, i.message, coalesce(inviter.full_name, inviter.email), i.created_at, i.expires_at
    from app_public.user_profiles u
    join app_public.invitations i on i.email = u.email and i.status = 'pending' and i.expires_at > core.clock()
    join app_public.tenants t on t.id = i.tenant_id and tenancy.is_open(t.status, t.ancestor_ids)
    left join app_public.user_profiles inviter on inviter.id = i.invited_by_user_id
   where u.id = core.current_user_id() and u.is_active and u.deleted_at is null
     -- they lead to other tenants than that of an API key
     and core.current_api_key_id() is null
   order by i.created_at, i.id;
$$;
comment on function app_public.my_invitations is
  'The invitations to your e-mail address that you have not answered. The token to accept or decline one is in its mail.';
grant execute on function app_public.my_invitations to rowhouse_user;

set local role rowhouse_owner;

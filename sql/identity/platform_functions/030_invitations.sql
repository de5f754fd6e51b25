-- Invitations, seen from the person who got one. They are in no tenant yet, or in another one.

create or replace function app_private.inviter_may_still_grant(invitation app_public.invitations) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the lock keeps the inviter from being demoted between this look and the end of the transaction
  perform from app_public.user_tenants m
    join app_public.user_profiles u on u.id = m.user_id and u.is_active and u.deleted_at is null
   where m.tenant_id = (invitation).tenant_id and m.user_id = (invitation).invited_by_user_id and m.status = 'active'
     and 'can_manage_users' = any (app_hidden.effective_permissions(m.role, m.permissions))
     and app_private.may_grant(m.role, app_hidden.effective_permissions(m.role, m.permissions), (invitation).role, (invitation).permissions)
     for share of m;
  return found or app_private.is_staff((invitation).invited_by_user_id);
end
$$;
comment on function app_private.inviter_may_still_grant(app_public.invitations) is
  'Whether who made (or last resent) an invitation could make it today: an active member who has all that it gives, or platform staff.';

create or replace function app_private.use_invitation(token text, status text) returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations;
  v_is_usable boolean;
begin
  -- one statement for every reason to refuse, and the row's lock decides who uses a token: the others find it used
  update app_public.invitations i
     set status = use_invitation.status, token_hash = null,
         accepted_by_user_id = case use_invitation.status when 'accepted' then u.id end,
         accepted_at = case use_invitation.status when 'accepted' then app_hidden.clock() end,
         declined_at = case use_invitation.status when 'declined' then app_hidden.clock() end
    from app_public.user_profiles u, app_public.tenants t
   where i.token_hash = sha256(convert_to(coalesce(use_invitation.token, ''), 'UTF8'))
     and i.status = 'pending' and i.expires_at > app_hidden.clock()
     and u.id = app_hidden.current_user_id() and u.email = i.email and u.is_active and u.deleted_at is null
     and t.id = i.tenant_id and t.status in ('trial', 'active')
  returning i.* into v_invitation;
  v_is_usable := found;
  if v_is_usable and use_invitation.status = 'accepted' then
    v_is_usable := app_private.inviter_may_still_grant(v_invitation);
  end if;
  if not v_is_usable then
    perform app_private.raise_error('ID303', 'This invitation is not valid.',
      'Log in with the e-mail address it was sent to, or ask for a new one.');
  end if;
  return v_invitation;
end
$$;
comment on function app_private.use_invitation(text, text) is
  'Uses a token up. ID303, whatever is wrong: unknown, used, expired or revoked, of another address, or of an inviter who could not make it today.';

create or replace function app_public.accept_invitation(token text) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context text := coalesce(current_setting('rowhouse.tenant_id', true), '');
  v_invitation app_public.invitations;
  v_tenant app_public.tenants;
begin
  -- the tenant that the request happens to be in has no say; an error puts it back by itself
  perform set_config('rowhouse.tenant_id', '', true);
  v_invitation := app_private.use_invitation(accept_invitation.token, 'accepted');
  insert into app_public.user_tenants as m (tenant_id, user_id, role, permissions, invited_by_user_id)
  values (v_invitation.tenant_id, v_invitation.accepted_by_user_id, v_invitation.role, v_invitation.permissions,
          v_invitation.invited_by_user_id)
  on conflict (tenant_id, user_id) do update
     set role = excluded.role, permissions = excluded.permissions, status = 'active', invited_by_user_id = excluded.invited_by_user_id
   -- who has become a member on another way meanwhile stays what they are
   where m.status <> 'active';
  select * into v_tenant from app_public.tenants t where t.id = v_invitation.tenant_id;
  perform set_config('rowhouse.tenant_id', v_context, true);
  return v_tenant;
end
$$;
comment on function app_public.accept_invitation(text) is
  E'@resultFieldName tenant\nMakes you a member of the tenant that invited you, by the token of the mail (what follows token= in its link). Name the tenant in the x-tenant-id header from then on. A token works once, for the address it was sent to. Who is a member already keeps their role. ID303: unknown, used, expired or revoked, sent to another address, or the inviter could not give that role today: one error for all.';

create or replace function app_public.decline_invitation(token text) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context text := coalesce(current_setting('rowhouse.tenant_id', true), '');
begin
  perform set_config('rowhouse.tenant_id', '', true);
  perform app_private.use_invitation(decline_invitation.token, 'declined');
  perform set_config('rowhouse.tenant_id', v_context, true);
  return true;
end
$$;
comment on function app_public.decline_invitation(text) is
  E'@resultFieldName isDeclined\nTurns an invitation down, by the token of the mail. ID303: unknown, used, expired or revoked, or sent to another address: one error for all.';

create or replace function app_public.my_invitations() returns setof app_public.received_invitation
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select i.id, t.name, t.slug, i.role, i.message, coalesce(inviter.full_name, inviter.email), i.created_at, i.expires_at
    from app_public.user_profiles u
    join app_public.invitations i on i.email = u.email and i.status = 'pending' and i.expires_at > app_hidden.clock()
    join app_public.tenants t on t.id = i.tenant_id and t.status in ('trial', 'active')
    left join app_public.user_profiles inviter on inviter.id = i.invited_by_user_id
   where u.id = app_hidden.current_user_id() and u.is_active and u.deleted_at is null
   order by i.created_at, i.id;
$$;
comment on function app_public.my_invitations() is
  'The invitations to your e-mail address that wait for an answer. The token to accept or decline one is in its mail.';

grant execute on function app_private.inviter_may_still_grant(app_public.invitations), app_private.use_invitation(text, text) to rowhouse_owner;
grant execute on function app_public.accept_invitation(text), app_public.decline_invitation(text), app_public.my_invitations()
  to rowhouse_user;

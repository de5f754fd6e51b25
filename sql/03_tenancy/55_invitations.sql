-- Invitations, seen from the tenant: asking, asking again, taking back; and the mail task's part. The token is made when a
-- mail is about to be sent, given to the task and kept as a hash alone, so that it lies in no table, queue or log.

call core.secure_tenant_table('app_public.invitations');
call core.allow('app_public.invitations', read => 'can_manage_users');
-- the hash of a token is no secret that opens anything, and the computed column needs the whole row
grant select on app_public.invitations to rowhouse_user;
grant select, insert, update, delete on app_public.invitations to rowhouse_platform;
comment on table app_public.invitations is
  E'@behavior -insert -update -delete\nWho is asked to join this tenant, and what became of it. For members with can_manage_users.';
comment on column app_public.invitations.email is 'Whom it was sent to, lower case; one pending invitation a tenant and address.';
comment on column app_public.invitations.role is 'The role it gives: owner, admin, member or viewer.';
comment on column app_public.invitations.permissions is 'What it gives beyond the role (true) or keeps back (false): an object of permissions.';
comment on column app_public.invitations.message is 'A word of the inviter, at most 2000 characters.';
comment on column app_public.invitations.status is 'pending, accepted, declined or revoked; isExpired tells whether a pending one still works.';
comment on column app_public.invitations.invited_by_user_id is 'Who vouches for it: who made it, or sent it again last.';
comment on column app_public.invitations.expires_at is 'Until when it can be accepted.';
comment on column app_public.invitations.token_hash is E'@behavior -*\nSHA-256 of the token in the last mail; null before the first one and once the invitation is used.';
comment on column app_public.invitations.delivery_number is 'Which mail this is: 1, and one more each time it is sent again.';
comment on column app_public.invitations.delivery_status is 'Of the mail: queued, sent or failed.';
comment on column app_public.invitations.delivery_attempts is 'How often sending the mail was tried.';
comment on column app_public.invitations.delivery_error is 'What went wrong with the last attempt, null when nothing did.';
comment on column app_public.invitations.queued_at is 'When the mail was asked for.';
comment on column app_public.invitations.sent_at is 'When the mail server took the mail, null when it has not.';
comment on column app_public.invitations.accepted_by_user_id is 'Who accepted it.';
comment on column app_public.invitations.accepted_at is 'When it was accepted.';
comment on column app_public.invitations.declined_at is 'When it was declined.';
comment on column app_public.invitations.revoked_at is 'When it was revoked.';
comment on column app_public.invitations.created_at is 'When it was made.';
comment on column app_public.invitations.updated_at is 'When it last changed.';

comment on type app_public.invitation_outcome is 'What became of a row of a bulk invitation.';
comment on type app_public.invitation_receipt is 'What became of a row of a bulk invitation: invited with its id, or refused with the error.';
comment on type app_public.received_invitation is 'An invitation, as the person who got it sees it.';
comment on column app_public.invitation_receipt.email is 'The address as it was given.';
comment on column app_public.invitation_receipt.outcome is 'invited or refused.';
comment on column app_public.invitation_receipt.invitation_id is 'The invitation, null when it was refused.';
comment on column app_public.invitation_receipt.error_code is 'The code of what is wrong, null when nothing is.';
comment on column app_public.invitation_receipt.error is 'What is wrong, null when nothing is.';
comment on column app_public.received_invitation.tenant_name is 'Who invites you.';
comment on column app_public.received_invitation.tenant_slug is 'What to name in the x-tenant-id header once you are a member.';
comment on column app_public.received_invitation.role is 'The role you would have.';
comment on column app_public.received_invitation.message is 'A word of the inviter.';
comment on column app_public.received_invitation.invited_by_name is 'The inviter''s name, or e-mail address.';
comment on column app_public.received_invitation.created_at is 'When you were invited.';
comment on column app_public.received_invitation.expires_at is 'Until when it can be accepted.';

create or replace function tenancy.invitation_expiry() returns timestamptz
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select core.clock() + make_interval(days => coalesce(
    (select case when t.config ->> 'invitation_expiry_days' ~ '^[0-9]{1,3}$' then (t.config ->> 'invitation_expiry_days')::int end
       from app_public.tenants t where t.id = core.current_tenant_id()), 7));
$$;
comment on function tenancy.invitation_expiry is
  'When an invitation sent now expires: after config.invitation_expiry_days of the tenant, 7 by default.';

create or replace function tenancy.queue_invitation(invitation app_public.invitations) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_job('tenancy__send_invitation',
    json_build_object('tenantId', (invitation).tenant_id, 'invitationId', (invitation).id, 'deliveryNumber', (invitation).delivery_number),
    -- one mail a time: the next one takes the place of one that waits to be tried again
    'tenancy__send_invitation:' || (invitation).id);
$$;
comment on function tenancy.queue_invitation is
  'Queues the mail of an invitation.';

create or replace function tenancy.put_invitation(email text, role text, permissions jsonb, message text)
returns app_public.invitations
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_email text := lower(trim(put_invitation.email));
  v_message text := nullif(trim(put_invitation.message), '');
  v_now timestamptz := core.clock();
  v_invitation app_public.invitations;
begin
  if not coalesce(core.is_email(v_email), false) then
    perform core.raise_error('ID407', 'This is not an e-mail address.', 'Send one address, such as ann@example.com.');
  end if;
  perform tenancy.require_known_role(put_invitation.role, put_invitation.permissions);
  if length(v_message) > 2000 then
    perform core.raise_error('ID408', 'The message is longer than 2000 characters.', 'Shorten it.');
  end if;
  perform tenancy.require_grantable(put_invitation.role, put_invitation.permissions);
  if exists (
    select from app_public.user_tenants m join app_public.user_profiles u on u.id = m.user_id
     where m.tenant_id = core.current_tenant_id() and u.email = v_email and u.deleted_at is null and m.status = 'active'
  ) then
    perform core.raise_error('ID502', 'This person is a member already.', 'change_member_role changes the role.');
  end if;
  -- revoking and inviting again must not be a way to flood someone with mail
  if exists (
    select from app_public.invitations i
     where i.tenant_id = core.current_tenant_id() and i.email = v_email and i.status <> 'pending'
       and i.queued_at > v_now - interval '1 minute'
  ) then
    perform core.raise_error('ID601', 'This person was invited less than a minute ago.', 'Wait a minute, then try again.');
  end if;

  insert into app_public.invitations as i (tenant_id, email, role, permissions, message, invited_by_user_id, expires_at, queued_at)
  values (core.current_tenant_id(), v_email, put_invitation.role, put_invitation.permissions, v_message,
          core.current_user_id(), tenancy.invitation_expiry(), v_now)
  -- one that has expired is asked again
  on conflict (tenant_id, email) where status = 'pending' do update
     set role = excluded.role, permissions = excluded.permissions, message = excluded.message,
         invited_by_user_id = excluded.invited_by_user_id, expires_at = excluded.expires_at, token_hash = null,
         delivery_number = i.delivery_number + 1, delivery_status = 'queued', delivery_attempts = 0, delivery_error = null,
         queued_at = excluded.queued_at, sent_at = null
   where i.expires_at <= v_now
  returning * into v_invitation;
  if not found then
    perform core.raise_error('ID503', 'This person is invited already.', 'resend_invitation sends the mail again; revoke_invitation takes it back.');
  end if;
  perform tenancy.queue_invitation(v_invitation);
  return v_invitation;
end
$$;
comment on function tenancy.put_invitation is
  'Stores an invitation to this tenant and queues its mail, within the limits of what the inviter may give.';

create or replace function app_public.invite_user(email text, role text default 'member', message text default null, permissions jsonb default '{}')
returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_users');
  perform tenancy.lock_memberships();
  return tenancy.put_invitation(invite_user.email, invite_user.role, invite_user.permissions, invite_user.message);
end
$$;
comment on function app_public.invite_user is
  E'@resultFieldName invitation\n@errors ID203 ID204 ID405 ID406 ID407 ID408 ID502 ID503 ID601\nInvites a person by e-mail, with or without an account, and sends them a mail with a link that works once, for that address alone, for 7 days (config.invitation_expiry_days). role is owner, admin, member or viewer, permissions what they may beyond or in spite of it: neither more than your own. can_manage_users.';
grant execute on function app_public.invite_user to rowhouse_user;

create or replace function app_public.invite_users(invitations jsonb) returns setof app_public.invitation_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_item jsonb;
  v_receipt app_public.invitation_receipt;
begin
  perform tenancy.require_permission('can_manage_users');
  if jsonb_typeof(invite_users.invitations) is distinct from 'array'
    or jsonb_array_length(invite_users.invitations) not between 1 and 100 then
    perform core.raise_error('ID409', 'invitations is not an array of 1 to 100 objects.', 'Send them in several calls.');
  end if;
  perform tenancy.lock_memberships();
  for v_item in select item from jsonb_array_elements(invite_users.invitations) as item loop
    v_receipt := row (v_item ->> 'email', 'refused', null, null, null)::app_public.invitation_receipt;
    begin
      perform tenancy.require_invitation_keys(v_item);
      v_receipt.invitation_id := (tenancy.put_invitation(
        v_item ->> 'email', coalesce(v_item ->> 'role', 'member'), coalesce(v_item -> 'permissions', '{}'), v_item ->> 'message')).id;
      v_receipt.outcome := 'invited';
    exception when others then
      -- our own errors say what is wrong with a row; anything else is wrong with the whole
      if sqlstate !~ '^[I-OQ-WYZ][A-Z][1-6][0-9]{2}$' then
        raise;
      end if;
      v_receipt.error_code := sqlstate;
      v_receipt.error := sqlerrm;
    end;
    return next v_receipt;
  end loop;
end
$$;
comment on function app_public.invite_users is
  E'@resultFieldName receipts\n@errors ID410 ID203 ID409\nInvites 1 to 100 persons: [{"email", "role"?, "message"?, "permissions"?}], role is member when it is not said. A receipt for each, in the same order: invited, or refused with the error code and message of invite_user (';
grant execute on function app_public.invite_users to rowhouse_user;

create or replace function tenancy.require_invitation_keys(item jsonb) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
begin
  if jsonb_typeof(require_invitation_keys.item) <> 'object' then
    perform core.raise_error('ID410', 'An invitation is not an object.', 'Send objects with email, and where wanted role, message and permissions.');
  end if;
  select key into v_key from jsonb_each(require_invitation_keys.item) as entry (key, value)
   where key not in ('email', 'role', 'message', 'permissions')
      or key <> 'permissions' and jsonb_typeof(value) not in ('string', 'null')
   order by key limit 1;
  if found then
    perform core.raise_error('ID410', format('The key "%s" of an invitation is unknown, or its value is not a text.', left(v_key, 100)),
      'The keys are email, role, message and permissions.');
  end if;
end
$$;
comment on function tenancy.require_invitation_keys is
  E'@errors ID410\nRaises an error unless a row of a bulk invitation has known keys only; the key is named.';

create or replace function app_public.resend_invitation(id uuid) returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_invitation app_public.invitations := tenancy.invitation_to_change(resend_invitation.id);
begin
  -- whoever sends it again vouches for it from now on; the old token is dead at once
  update app_public.invitations i
     set invited_by_user_id = core.current_user_id(), expires_at = tenancy.invitation_expiry(), token_hash = null,
         delivery_number = i.delivery_number + 1, delivery_status = 'queued', delivery_attempts = 0, delivery_error = null,
         queued_at = v_now, sent_at = null
   where i.id = v_invitation.id and i.queued_at <= v_now - interval '1 minute'
  returning * into v_invitation;
  if not found then
    perform core.raise_error('ID601', 'This person was invited less than a minute ago.', 'Wait a minute, then try again.');
  end if;
  perform tenancy.queue_invitation(v_invitation);
  return v_invitation;
end
$$;
comment on function app_public.resend_invitation is
  E'@resultFieldName invitation\n@errors ID203 ID204 ID302 ID601\nSends a pending invitation''s mail again, with a new link that is valid for the whole time again; the old one is dead at once. You vouch for it from now on. At most once a minute. can_manage_users.';
grant execute on function app_public.resend_invitation to rowhouse_user;

create or replace function app_public.revoke_invitation(id uuid) returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations := tenancy.invitation_to_change(revoke_invitation.id);
begin
  update app_public.invitations i set status = 'revoked', token_hash = null, revoked_at = core.clock()
   where i.id = v_invitation.id
  returning * into v_invitation;
  return v_invitation;
end
$$;
comment on function app_public.revoke_invitation is
  E'@resultFieldName invitation\n@errors ID203 ID204 ID302\nTakes a pending invitation back: its link is dead at once, and a mail that is still queued is not sent. can_manage_users.';
grant execute on function app_public.revoke_invitation to rowhouse_user;

create or replace function tenancy.invitation_to_change(id uuid) returns app_public.invitations
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations;
begin
  perform tenancy.require_permission('can_manage_users');
  select * into v_invitation from app_public.invitations i
   where i.tenant_id = core.current_tenant_id() and i.id = invitation_to_change.id and i.status = 'pending'
     for update;
  if not found then
    perform core.raise_error('ID302', 'There is no such pending invitation.', 'List the invitations of this tenant; invite_user makes a new one.');
  end if;
  perform tenancy.require_grantable(v_invitation.role, v_invitation.permissions);
  return v_invitation;
end
$$;
comment on function tenancy.invitation_to_change is
  E'@errors ID203 ID204 ID302\nA pending invitation of this tenant, locked.';

create or replace function app_public.invitations_is_expired(invitation app_public.invitations) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$ select (invitation).status = 'pending' and (invitation).expires_at <= core.clock(); $$;
comment on function app_public.invitations_is_expired is
  'Whether its time has run out before anyone accepted or declined it; resend_invitation gives it more.';
grant execute on function app_public.invitations_is_expired to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a token is looked up before its tenant is known; granted to nobody but our own functions
-- Invitations, seen from the person who got one. They are in no tenant yet, or in another one.

create or replace function tenancy.inviter_may_still_grant(invitation app_public.invitations) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the lock keeps the inviter from being demoted between this look and the end of the transaction
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
  'Whether who made (or last resent) an invitation could make it today: an active member who has all that it gives, or platform staff.';
grant execute on function tenancy.inviter_may_still_grant to rowhouse_owner;

create or replace function tenancy.use_invitation(token text, status text) returns app_public.invitations
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
         accepted_at = case use_invitation.status when 'accepted' then core.clock() end,
         declined_at = case use_invitation.status when 'declined' then core.clock() end
    from app_public.user_profiles u, app_public.tenants t
   where i.token_hash = sha256(convert_to(coalesce(use_invitation.token, ''), 'UTF8'))
     and i.status = 'pending' and i.expires_at > core.clock()
     and u.id = core.current_user_id() and u.email = i.email and u.is_active and u.deleted_at is null
     and t.id = i.tenant_id and t.status in ('trial', 'active')
  returning i.* into v_invitation;
  v_is_usable := found;
  if v_is_usable and use_invitation.status = 'accepted' then
    v_is_usable := tenancy.inviter_may_still_grant(v_invitation);
  end if;
  if not v_is_usable then
    perform core.raise_error('ID303', 'This invitation is not valid.',
      'Log in with the e-mail address it was sent to, or ask for a new one.');
  end if;
  return v_invitation;
end
$$;
comment on function tenancy.use_invitation is
  'Uses a token up. ID303, whatever is wrong: unknown, used, expired or revoked, of another address, or of an inviter who could not make it today.';
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
  -- the tenant that the request happens to be in has no say; an error puts it back by itself
  perform set_config('rowhouse.tenant_id', '', true);
  v_invitation := tenancy.use_invitation(accept_invitation.token, 'accepted');
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
comment on function app_public.accept_invitation is
  E'@resultFieldName tenant\n@errors ID303\nMakes you a member of the tenant that invited you, by the token of the mail (what follows token= in its link). Name the tenant in the x-tenant-id header from then on. A token works once, for the address it was sent to. Who is a member already keeps their role.';
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
  E'@resultFieldName isDeclined\n@errors ID303\nTurns an invitation down, by the token of the mail.';
grant execute on function app_public.decline_invitation to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: invitations of all tenants to one's own address
create or replace function app_public.my_invitations() returns setof app_public.received_invitation
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select i.id, t.name, t.slug, i.role, i.message, coalesce(inviter.full_name, inviter.email), i.created_at, i.expires_at
    from app_public.user_profiles u
    join app_public.invitations i on i.email = u.email and i.status = 'pending' and i.expires_at > core.clock()
    join app_public.tenants t on t.id = i.tenant_id and t.status in ('trial', 'active')
    left join app_public.user_profiles inviter on inviter.id = i.invited_by_user_id
   where u.id = core.current_user_id() and u.is_active and u.deleted_at is null
   order by i.created_at, i.id;
$$;
comment on function app_public.my_invitations is
  'The invitations to your e-mail address that wait for an answer. The token to accept or decline one is in its mail.';
grant execute on function app_public.my_invitations to rowhouse_user;

set local role rowhouse_owner;

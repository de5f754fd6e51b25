-- Invitations, seen from the tenant: asking, asking again, taking back; and the mail task's part. The token is made when a
-- mail is about to be sent, given to the task and kept as a hash alone, so that it lies in no table, queue or log.

create or replace function app_private.invitation_expiry() returns timestamptz
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select app_hidden.clock() + make_interval(days => coalesce(
    (select case when t.config ->> 'invitation_expiry_days' ~ '^[0-9]{1,3}$' then (t.config ->> 'invitation_expiry_days')::int end
       from app_public.tenants t where t.id = app_hidden.current_tenant_id()), 7));
$$;
comment on function app_private.invitation_expiry() is
  'When an invitation sent now expires: after config.invitation_expiry_days of the tenant, 7 by default.';

create or replace function app_private.queue_invitation(invitation app_public.invitations) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select app_private.enqueue_job('identity__send_invitation',
    json_build_object('tenantId', (invitation).tenant_id, 'invitationId', (invitation).id, 'deliveryNumber', (invitation).delivery_number),
    -- one mail a time: the next one takes the place of one that waits to be tried again
    'identity__send_invitation:' || (invitation).id);
$$;
comment on function app_private.queue_invitation(app_public.invitations) is 'Queues the mail of an invitation.';

create or replace function app_private.put_invitation(email text, role text, permissions jsonb, message text)
returns app_public.invitations
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_email text := lower(trim(put_invitation.email));
  v_message text := nullif(trim(put_invitation.message), '');
  v_now timestamptz := app_hidden.clock();
  v_invitation app_public.invitations;
begin
  if not coalesce(app_hidden.is_email(v_email), false) then
    perform app_private.raise_error('ID407', 'This is not an e-mail address.', 'Send one address, such as ann@example.com.');
  end if;
  perform app_private.require_known_role(put_invitation.role, put_invitation.permissions);
  if length(v_message) > 2000 then
    perform app_private.raise_error('ID408', 'The message is longer than 2000 characters.', 'Shorten it.');
  end if;
  perform app_private.require_grantable(put_invitation.role, put_invitation.permissions);
  if exists (
    select from app_public.user_tenants m join app_public.user_profiles u on u.id = m.user_id
     where m.tenant_id = app_hidden.current_tenant_id() and u.email = v_email and u.deleted_at is null and m.status = 'active'
  ) then
    perform app_private.raise_error('ID502', 'This person is a member already.', 'change_member_role changes the role.');
  end if;
  -- revoking and inviting again must not be a way to flood someone with mail
  if exists (
    select from app_public.invitations i
     where i.tenant_id = app_hidden.current_tenant_id() and i.email = v_email and i.status <> 'pending'
       and i.queued_at > v_now - interval '1 minute'
  ) then
    perform app_private.raise_error('ID601', 'This person was invited less than a minute ago.', 'Wait a minute, then try again.');
  end if;

  insert into app_public.invitations as i (tenant_id, email, role, permissions, message, invited_by_user_id, expires_at, queued_at)
  values (app_hidden.current_tenant_id(), v_email, put_invitation.role, put_invitation.permissions, v_message,
          app_hidden.current_user_id(), app_private.invitation_expiry(), v_now)
  -- one that has expired is asked again
  on conflict (tenant_id, email) where status = 'pending' do update
     set role = excluded.role, permissions = excluded.permissions, message = excluded.message,
         invited_by_user_id = excluded.invited_by_user_id, expires_at = excluded.expires_at, token_hash = null,
         delivery_number = i.delivery_number + 1, delivery_status = 'queued', delivery_attempts = 0, delivery_error = null,
         queued_at = excluded.queued_at, sent_at = null
   where i.expires_at <= v_now
  returning * into v_invitation;
  if not found then
    perform app_private.raise_error('ID503', 'This person is invited already.', 'resend_invitation sends the mail again; revoke_invitation takes it back.');
  end if;
  perform app_private.queue_invitation(v_invitation);
  return v_invitation;
end
$$;
comment on function app_private.put_invitation(text, text, jsonb, text) is
  'Stores an invitation to this tenant and queues its mail, within the limits of what the inviter may give.';

create or replace function app_public.invite_user(email text, role text default 'member', message text default null, permissions jsonb default '{}')
returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_permission('can_manage_users');
  perform app_private.lock_memberships();
  return app_private.put_invitation(invite_user.email, invite_user.role, invite_user.permissions, invite_user.message);
end
$$;
comment on function app_public.invite_user(text, text, text, jsonb) is
  E'@resultFieldName invitation\nInvites a person by e-mail, with or without an account, and sends them a mail with a link that works once, for that address alone, for 7 days (config.invitation_expiry_days). role is owner, admin, member or viewer, permissions what they may beyond or in spite of it: neither more than your own. can_manage_users. ID203: you may not manage members; ID204: you do not have what you give; ID405: there is no such role; ID406: unknown permissions; ID407: no e-mail address; ID408: the message is too long; ID502: a member already; ID503: invited already; ID601: less than a minute after the last one.';

create or replace function app_public.invite_users(invitations jsonb) returns setof app_public.invitation_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_item jsonb;
  v_receipt app_public.invitation_receipt;
begin
  perform app_private.require_permission('can_manage_users');
  if jsonb_typeof(invite_users.invitations) is distinct from 'array'
    or jsonb_array_length(invite_users.invitations) not between 1 and 100 then
    perform app_private.raise_error('ID409', 'invitations is not an array of 1 to 100 objects.', 'Send them in several calls.');
  end if;
  perform app_private.lock_memberships();
  for v_item in select item from jsonb_array_elements(invite_users.invitations) as item loop
    v_receipt := row (v_item ->> 'email', 'refused', null, null, null)::app_public.invitation_receipt;
    begin
      perform app_private.require_invitation_keys(v_item);
      v_receipt.invitation_id := (app_private.put_invitation(
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
comment on function app_public.invite_users(jsonb) is
  E'@resultFieldName receipts\nInvites 1 to 100 persons: [{"email", "role"?, "message"?, "permissions"?}], role is member when it is not said. A receipt for each, in the same order: invited, or refused with the error code and message of invite_user (ID410: an unknown key, or a value that is no text); a refused one does not stop the others. can_manage_users. ID203: you may not manage members; ID409: not an array of 1 to 100.';

create or replace function app_private.require_invitation_keys(item jsonb) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
begin
  if jsonb_typeof(require_invitation_keys.item) <> 'object' then
    perform app_private.raise_error('ID410', 'An invitation is not an object.', 'Send objects with email, and where wanted role, message and permissions.');
  end if;
  select key into v_key from jsonb_each(require_invitation_keys.item) as entry (key, value)
   where key not in ('email', 'role', 'message', 'permissions')
      or key <> 'permissions' and jsonb_typeof(value) not in ('string', 'null')
   order by key limit 1;
  if found then
    perform app_private.raise_error('ID410', format('The key "%s" of an invitation is unknown, or its value is not a text.', left(v_key, 100)),
      'The keys are email, role, message and permissions.');
  end if;
end
$$;
comment on function app_private.require_invitation_keys(jsonb) is 'ID410 unless a row of a bulk invitation has known keys only; the key is named.';

create or replace function app_public.resend_invitation(id uuid) returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := app_hidden.clock();
  v_invitation app_public.invitations := app_private.invitation_to_change(resend_invitation.id);
begin
  -- whoever sends it again vouches for it from now on; the old token is dead at once
  update app_public.invitations i
     set invited_by_user_id = app_hidden.current_user_id(), expires_at = app_private.invitation_expiry(), token_hash = null,
         delivery_number = i.delivery_number + 1, delivery_status = 'queued', delivery_attempts = 0, delivery_error = null,
         queued_at = v_now, sent_at = null
   where i.id = v_invitation.id and i.queued_at <= v_now - interval '1 minute'
  returning * into v_invitation;
  if not found then
    perform app_private.raise_error('ID601', 'This person was invited less than a minute ago.', 'Wait a minute, then try again.');
  end if;
  perform app_private.queue_invitation(v_invitation);
  return v_invitation;
end
$$;
comment on function app_public.resend_invitation(uuid) is
  E'@resultFieldName invitation\nSends a pending invitation''s mail again, with a new link that is valid for the whole time again; the old one is dead at once. You vouch for it from now on. At most once a minute. can_manage_users. ID203: you may not manage members; ID204: you do not have what it gives; ID302: there is no such pending invitation; ID601: less than a minute after the last one.';

create or replace function app_public.revoke_invitation(id uuid) returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations := app_private.invitation_to_change(revoke_invitation.id);
begin
  update app_public.invitations i set status = 'revoked', token_hash = null, revoked_at = app_hidden.clock()
   where i.id = v_invitation.id
  returning * into v_invitation;
  return v_invitation;
end
$$;
comment on function app_public.revoke_invitation(uuid) is
  E'@resultFieldName invitation\nTakes a pending invitation back: its link is dead at once, and a mail that is still queued is not sent. can_manage_users. ID203: you may not manage members; ID204: it gives more than you have; ID302: there is no such pending invitation.';

create or replace function app_private.invitation_to_change(id uuid) returns app_public.invitations
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations;
begin
  perform app_private.require_permission('can_manage_users');
  select * into v_invitation from app_public.invitations i
   where i.tenant_id = app_hidden.current_tenant_id() and i.id = invitation_to_change.id and i.status = 'pending'
     for update;
  if not found then
    perform app_private.raise_error('ID302', 'There is no such pending invitation.', 'List the invitations of this tenant; invite_user makes a new one.');
  end if;
  perform app_private.require_grantable(v_invitation.role, v_invitation.permissions);
  return v_invitation;
end
$$;
comment on function app_private.invitation_to_change(uuid) is
  'A pending invitation of this tenant, locked. ID203: you may not manage members; ID204: it gives more than you have; ID302: there is none.';

create or replace function app_public.invitations_is_expired(invitation app_public.invitations) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$ select (invitation).status = 'pending' and (invitation).expires_at <= app_hidden.clock(); $$;
comment on function app_public.invitations_is_expired(app_public.invitations) is
  'Whether its time has run out before anyone accepted or declined it; resend_invitation gives it more.';

grant execute on function app_public.invite_user(text, text, text, jsonb), app_public.invite_users(jsonb),
  app_public.resend_invitation(uuid), app_public.revoke_invitation(uuid), app_public.invitations_is_expired(app_public.invitations)
  to rowhouse_user;

-- The mail task's part. The number tells a job of an earlier mail that a later one has taken its place.
create or replace function app_private.begin_invitation_delivery(tenant_id uuid, invitation_id uuid, delivery_number int)
returns table (email text, token text, tenant_name text, inviter_name text, role text, message text, expires_at timestamptz)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- 256 bits of the system's random source: a UUID has 122, and the hash of three has all that a hash can hold
  v_token text := translate(encode(sha256(
    uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64'), '+/=', '-_');
begin
  call app_private.enter_tenant(begin_invitation_delivery.tenant_id);
  return query
    update app_public.invitations i
       set token_hash = sha256(convert_to(v_token, 'UTF8')), delivery_attempts = i.delivery_attempts + 1
      from app_public.tenants t
     where i.tenant_id = begin_invitation_delivery.tenant_id and i.id = begin_invitation_delivery.invitation_id
       and i.delivery_number = begin_invitation_delivery.delivery_number
       and i.status = 'pending' and i.delivery_status = 'queued' and i.expires_at > app_hidden.clock()
       and t.id = i.tenant_id and t.status in ('trial', 'active')
    returning i.email, v_token, t.name,
      (select coalesce(u.full_name, u.email) from app_public.user_profiles u where u.id = i.invited_by_user_id),
      i.role, i.message, i.expires_at;
end
$$;
comment on function app_private.begin_invitation_delivery(uuid, uuid, int) is
  'What the mail of an invitation says, with a new token that makes every earlier one worthless; nothing when there is no longer a mail to send.';

create or replace function app_private.finish_invitation_delivery(
  tenant_id uuid, invitation_id uuid, delivery_number int, error text default null, is_last_attempt boolean default false
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call app_private.enter_tenant(finish_invitation_delivery.tenant_id);
  update app_public.invitations i
     set delivery_status = case
           when finish_invitation_delivery.error is null then 'sent'
           when finish_invitation_delivery.is_last_attempt then 'failed'
           else 'queued' end,
         delivery_error = left(finish_invitation_delivery.error, 500),
         sent_at = case when finish_invitation_delivery.error is null then app_hidden.clock() end
   where i.tenant_id = finish_invitation_delivery.tenant_id and i.id = finish_invitation_delivery.invitation_id
     and i.delivery_number = finish_invitation_delivery.delivery_number and i.delivery_status = 'queued';
end
$$;
comment on function app_private.finish_invitation_delivery(uuid, uuid, int, text, boolean) is
  'Notes how sending the mail of an invitation went; an error says no more than the tenant''s administrators may read.';
grant execute on function app_private.begin_invitation_delivery(uuid, uuid, int),
  app_private.finish_invitation_delivery(uuid, uuid, int, text, boolean) to rowhouse_worker;

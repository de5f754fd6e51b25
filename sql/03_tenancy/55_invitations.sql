-- Invitations, as the tenant sees them: who is invited, and how an invitation is sent again or revoked. The token in the mail
-- is created only when the mail is sent, and only its hash is stored, so no table, queue or log ever contains the token.

call core.secure_tenant_table('app_public.invitations');
call audit.track('app_public.invitations');
call core.allow('app_public.invitations', read => 'can_manage_users');
grant select on app_public.invitations to rowhouse_user;
grant select, insert, update, delete on app_public.invitations to rowhouse_platform;
comment on table app_public.invitations is
  E'@behavior -insert -update -delete\nAn invitation to this tenant, and what has become of it. Members with the permission can_manage_users see it.';
comment on column app_public.invitations.email is E'@personal erase\nThe address to which it was sent, in lower case. A tenant has at most one pending invitation for an address.';
comment on column app_public.invitations.role is 'The role that the person gets.';
comment on column app_public.invitations.permissions is E'@notPersonal\n@behavior -*\nThe permissions that the person gets beyond the role (true), or does not get although the role gives them (false): an object.';
comment on column app_public.invitations.message is E'@personal erase\nA message of the inviter, at most 2000 characters.';
comment on column app_public.invitations.status is 'What has become of it. isExpired says whether a pending one can still be accepted.';
comment on column app_public.invitations.invited_by_user_id is E'@personal pseudonymise\nThe person who created it or, if it was sent again, who did that last.';
comment on column app_public.invitations.expires_at is 'Until when it can be accepted.';
comment on column app_public.invitations.delivery_number is 'The number of the mail: 1 for the first, and one more each time it is sent again.';
comment on column app_public.invitations.delivery_status is 'What has become of the mail.';
comment on column app_public.invitations.delivery_attempts is 'The number of attempts to send the mail.';
comment on column app_public.invitations.delivery_error is E'@personal erase\nWhat went wrong in the last attempt; null when nothing did.';
comment on column app_public.invitations.queued_at is 'When the mail was put into the queue.';
comment on column app_public.invitations.sent_at is 'When the mail server took the mail; null when it has not.';
comment on column app_public.invitations.accepted_by_user_id is E'@personal pseudonymise\nThe person who accepted it.';
comment on column app_public.invitations.accepted_at is 'When it was accepted.';
comment on column app_public.invitations.declined_at is 'When it was declined.';
comment on column app_public.invitations.revoked_at is 'When it was revoked.';
comment on column app_public.invitations.created_at is 'When it was created.';
comment on column app_public.invitations.updated_at is 'When it last changed.';
comment on constraint email_is_an_email on app_public.invitations is
  'must be an e-mail address in lower case, such as ann@example.com';
comment on constraint permissions_are_known_and_boolean on app_public.invitations is
  'must be an object of known permissions, each true or false';
comment on constraint message_is_short on app_public.invitations is 'must have at most 2000 characters';
comment on index app_public.invitations_one_pending_key is 'has a pending invitation already';

call core.secure_tenant_table('vault.invitations');
call audit.track('vault.invitations');
grant select, insert, update, delete on vault.invitations to rowhouse_platform;
comment on table vault.invitations is 'The secrets of app_public.invitations: the hashes of the tokens in the last mail, one for each attempt to send it, while they can be used.';
comment on column vault.invitations.token_hash is 'The SHA-256 of the token.';

comment on type app_public.permission_overrides is
  'Permissions that a membership sets. true: the member has the permission, also when the role does not give it. false: the member does not have it, also when the role gives it. null: the role decides.';
comment on column app_public.permission_overrides.can_create_agents is 'Create agents.';
comment on column app_public.permission_overrides.can_edit_agents is 'Edit agents.';
comment on column app_public.permission_overrides.can_delete_agents is 'Delete agents.';
comment on column app_public.permission_overrides.can_create_resources is 'Create tools, prompts and workflows.';
comment on column app_public.permission_overrides.can_edit_resources is 'Edit tools, prompts and workflows.';
comment on column app_public.permission_overrides.can_delete_resources is 'Delete tools, prompts and workflows.';
comment on column app_public.permission_overrides.can_manage_knowledge is 'Create, edit and delete knowledge sources and documents.';
comment on column app_public.permission_overrides.can_publish_resources is 'Publish versions of resources.';
comment on column app_public.permission_overrides.can_share_resources is 'Share resources with other tenants.';
comment on column app_public.permission_overrides.can_create_projects is 'Create projects.';
comment on column app_public.permission_overrides.can_manage_users is 'Invite people, and change and remove members.';
comment on column app_public.permission_overrides.can_manage_settings is 'Change the settings of the tenant.';
comment on column app_public.permission_overrides.can_manage_tenant is 'Cancel the tenant, and create and move sub-tenants.';
comment on column app_public.permission_overrides.can_manage_billing is 'Manage subscriptions, payment methods and invoices.';
comment on column app_public.permission_overrides.can_view_analytics is 'See usage and sessions of all members.';
comment on column app_public.permission_overrides.can_view_audit is 'See the audit log and the history of the tenant''s status.';
comment on column app_public.permission_overrides.can_view_subtree is 'List the tenants below this one, and read in them.';
comment on column app_public.permission_overrides.can_record_usage is 'Record usage, consume quotas and reserve them.';
comment on column app_public.permission_overrides.can_run_agents is 'Give agents tasks, and do them.';
comment on column app_public.permission_overrides.can_decide_approvals is 'Approve or reject what agents and workflows wait for.';
comment on type app_public.new_invitation is 'A person to invite.';
comment on column app_public.new_invitation.email is E'@notNull\nThe e-mail address.';
comment on column app_public.new_invitation.role is 'The role that the person gets; member by default.';
comment on column app_public.new_invitation.message is 'A message for the person, at most 2000 characters.';
comment on column app_public.new_invitation.permissions is 'The permissions that the person gets beyond the role, or does not get although the role gives them.';
comment on type app_public.invitation_outcome is
  'What has become of one row of a bulk invitation. invited: the mail is queued. refused: the row has an error.';
comment on type app_public.invitation_receipt is 'What has become of one row of a bulk invitation.';
comment on type app_public.received_invitation is 'An invitation, as the invited person sees it.';
comment on column app_public.invitation_receipt.email is 'The address, as it was sent.';
comment on column app_public.invitation_receipt.outcome is E'@notNull\nWhether the person was invited.';
comment on column app_public.invitation_receipt.invitation_id is 'The id of the invitation; null when it was refused.';
comment on column app_public.invitation_receipt.error_code is 'The code of the error; null when there is none.';
comment on column app_public.invitation_receipt.error is 'The message of the error; null when there is none.';
comment on column app_public.received_invitation.id is E'@notNull\nIts id.';
comment on column app_public.received_invitation.tenant_name is E'@notNull\nThe name of the tenant.';
comment on column app_public.received_invitation.tenant_slug is E'@notNull\nThe slug of the tenant, for the x-tenant-id header once you are a member.';
comment on column app_public.received_invitation.role is E'@notNull\nThe role that you would get.';
comment on column app_public.received_invitation.message is 'A message of the inviter.';
comment on column app_public.received_invitation.invited_by_name is 'The name of the inviter or, if it is not known, the e-mail address.';
comment on column app_public.received_invitation.created_at is E'@notNull\nWhen you were invited.';
comment on column app_public.received_invitation.expires_at is E'@notNull\nUntil when it can be accepted.';

create or replace function tenancy.default_invitation_days() returns int
language sql immutable parallel safe
return 7;
comment on function tenancy.default_invitation_days is
  'For how many days an invitation can be accepted, unless config.invitation_expiry_days of the tenant says otherwise.';

create or replace function tenancy.invitation_expiry() returns timestamptz
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select core.clock() + make_interval(days => coalesce(
    (select case when t.config ->> 'invitation_expiry_days' ~ '^[0-9]{1,3}$' then (t.config ->> 'invitation_expiry_days')::int end
       from app_public.tenants t where t.id = core.current_tenant_id()), tenancy.default_invitation_days()));
$$;
comment on function tenancy.invitation_expiry is
  'When an invitation expires that is sent now.';

create or replace function tenancy.queue_invitation(invitation app_public.invitations) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_job('tenancy__send_invitation',
    json_build_object('tenantId', (invitation).tenant_id, 'invitationId', (invitation).id, 'deliveryNumber', (invitation).delivery_number),
    -- An invitation has one job: a new one replaces a job that waits for its next attempt.
    'tenancy__send_invitation:' || (invitation).id);
$$;
comment on function tenancy.queue_invitation is
  'Queues the mail of an invitation.';

create or replace function tenancy.max_invitation_message() returns int
language sql immutable parallel safe
return 2000;
comment on function tenancy.max_invitation_message is
  'How many characters the message of an invitation can have, as the check message_is_short says, too.';

create or replace function tenancy.pause_between_invitations() returns interval
language sql immutable parallel safe
return interval '1 minute';
comment on function tenancy.pause_between_invitations is
  'How long a tenant must wait before it sends another invitation to the same address.';

call core.secure_tenant_table('tenancy.daily_invitations');
call audit.leave_out('counters that rules keep', 'tenancy.daily_invitations');
grant select, insert, update, delete on tenancy.daily_invitations to rowhouse_platform;
comment on table tenancy.daily_invitations is
  'How many invitations a tenant has sent to an address on a day (UTC). Days that no limit needs are deleted with the next invitation.';
comment on column tenancy.daily_invitations.sent_on is 'The day in UTC.';
comment on column tenancy.daily_invitations.email is E'@personal erase\nThe address, as core.fold_email returns it.';
comment on column tenancy.daily_invitations.count is 'The number of mails.';

create or replace function tenancy.max_daily_invitations() returns int
language sql immutable parallel safe
return 1000;
comment on function tenancy.max_daily_invitations is
  'How many invitations a tenant can send on a day (UTC).';
grant execute on function tenancy.max_daily_invitations to rowhouse_platform;

create or replace function tenancy.max_daily_invitations_to_address() returns int
language sql immutable parallel safe
return 5;
comment on function tenancy.max_daily_invitations_to_address is
  'How many invitations an address can get on a day (UTC), from all tenants together.';
grant execute on function tenancy.max_daily_invitations_to_address to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: an address is protected from all tenants together
create or replace function tenancy.count_invitation(email text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_today date := (core.clock() at time zone 'UTC')::date;
begin
  -- The row of the tenant is the lock of its count.
  perform from app_public.tenants t where t.id = v_tenant_id for no key update;
  delete from tenancy.daily_invitations d where d.tenant_id = v_tenant_id and d.sent_on < v_today;
  if (select coalesce(sum(d.count), 0) from tenancy.daily_invitations d
       where d.tenant_id = v_tenant_id and d.sent_on = v_today) >= tenancy.max_daily_invitations() then
    perform core.raise_error('ID602', format('This tenant has sent %s invitations today, and more are not possible.', tenancy.max_daily_invitations()),
      'Send the others tomorrow.');
  end if;
  if (select coalesce(sum(d.count), 0) from tenancy.daily_invitations d
       where d.email = count_invitation.email and d.sent_on = v_today) >= tenancy.max_daily_invitations_to_address() then
    perform core.raise_error('ID603', 'This address has got as many invitations as it can get in a day.', 'Try again tomorrow.');
  end if;
  insert into tenancy.daily_invitations as d (tenant_id, sent_on, email)
  values (v_tenant_id, v_today, count_invitation.email)
  on conflict on constraint daily_invitations_pkey do update set count = d.count + 1;
end
$$;
comment on function tenancy.count_invitation is
  E'@errors ID602 ID603\nCounts an invitation of this tenant, or raises an error when the tenant or the address has reached the limit of the day.';
grant execute on function tenancy.count_invitation to rowhouse_owner;

set local role rowhouse_owner;
create or replace function tenancy.require_invitable(email text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_public.user_tenants m join app_public.user_profiles u on u.id = m.user_id
     where m.tenant_id = core.current_tenant_id() and u.email = require_invitable.email and u.deleted_at is null
       and m.status = 'active'
  ) then
    perform core.raise_error('ID502', 'This person is a member of this tenant already.', 'changeMemberRole changes the role of a member.');
  end if;
  -- Without this, somebody could flood a person with mails by revoking and inviting again and again.
  if exists (
    select from app_public.invitations i
     where i.tenant_id = core.current_tenant_id() and i.email = require_invitable.email and i.status <> 'pending'
       and i.queued_at > core.clock() - tenancy.pause_between_invitations()
  ) then
    perform core.raise_error('ID601', 'This person was invited less than a minute ago.', 'Wait a minute, then try again.');
  end if;
end
$$;
comment on function tenancy.require_invitable is
  E'@errors ID502 ID601\nRaises an error when a person is a member already, or was invited a moment ago.';

create or replace function tenancy.create_invitation(invitation app_public.new_invitation) returns app_public.invitations
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_email text := core.fold_email((create_invitation.invitation).email);
  v_role app_public.membership_role := coalesce((create_invitation.invitation).role, 'member');
  v_permissions jsonb := tenancy.permissions_json((create_invitation.invitation).permissions);
  v_message text := nullif(trim((create_invitation.invitation).message), '');
  v_now timestamptz := core.clock();
  v_invitation app_public.invitations;
begin
  if not coalesce(core.is_email(v_email), false) then
    perform core.raise_error('ID407', 'The e-mail address is not valid.', 'Send one address without a name, such as ann@example.com.');
  end if;
  if length(v_message) > tenancy.max_invitation_message() then
    perform core.raise_error('ID408', format('The message is longer than %s characters.', tenancy.max_invitation_message()), 'Shorten it.');
  end if;
  perform tenancy.require_grantable(v_role, v_permissions);
  perform tenancy.require_invitable(v_email);
  insert into app_public.invitations as i (tenant_id, email, role, permissions, message, invited_by_user_id, expires_at, queued_at)
  values (core.current_tenant_id(), v_email, v_role, v_permissions, v_message, core.current_user_id(), tenancy.invitation_expiry(), v_now)
  -- a pending invitation that has expired is sent again
  on conflict (tenant_id, email) where status = 'pending' do update
     set role = excluded.role, permissions = excluded.permissions, message = excluded.message,
         invited_by_user_id = excluded.invited_by_user_id, expires_at = excluded.expires_at,
         delivery_number = i.delivery_number + 1, delivery_status = 'queued', delivery_attempts = 0, delivery_error = null,
         queued_at = excluded.queued_at, sent_at = null
   where i.expires_at <= v_now
  returning * into v_invitation;
  if not found then
    perform core.raise_error('ID503', 'This person has a pending invitation already.',
      'resendInvitation sends the mail again. revokeInvitation takes the invitation back.');
  end if;
  perform tenancy.count_invitation(v_email);
  perform tenancy.queue_invitation(v_invitation);
  return v_invitation;
end
$$;
comment on function tenancy.create_invitation is
  E'@errors ID204 ID407 ID408 ID502 ID503 ID601 ID602 ID603\nStores an invitation to this tenant and queues its mail. The caller has checked that the user may invite people.';

create or replace function app_public.invite_user(
  email text, role app_public.membership_role default 'member', message text default null,
  permissions app_public.permission_overrides default null
) returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_users');
  perform tenancy.lock_memberships();
  return tenancy.create_invitation((invite_user.email, invite_user.role, invite_user.message, invite_user.permissions));
end
$$;
comment on function app_public.invite_user is
  E'@resultFieldName invitation\n@errors ID203 ID204 ID407 ID408 ID502 ID503 ID601 ID602 ID603\nInvites a person to this tenant. The person, who needs no account yet, gets a mail with a link that works once, for this e-mail address alone, and for 7 days unless config.invitation_expiry_days is set. The role is member by default. The permissions are those that the person gets beyond the role (true), or does not get although the role gives them (false). You can give only a role and permissions that you have. You need the permission can_manage_users.';
grant execute on function app_public.invite_user to rowhouse_user;

create or replace function tenancy.max_bulk_invitations() returns int
language sql immutable parallel safe
return 100;
comment on function tenancy.max_bulk_invitations is
  'How many people one call can invite.';

create or replace function app_public.invite_users(invitations app_public.new_invitation[]) returns setof app_public.invitation_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_input app_public.new_invitation;
  v_receipt app_public.invitation_receipt;
begin
  perform tenancy.require_permission('can_manage_users');
  if coalesce(cardinality(invite_users.invitations), 0) not between 1 and tenancy.max_bulk_invitations() then
    perform core.raise_error('ID409', format('There must be 1 to %s invitations.', tenancy.max_bulk_invitations()),
      'Send them in several calls.');
  end if;
  perform tenancy.lock_memberships();
  foreach v_input in array invite_users.invitations loop
    v_receipt := row (v_input.email, 'refused', null, null, null)::app_public.invitation_receipt;
    begin
      v_receipt.invitation_id := (tenancy.create_invitation(v_input)).id;
      v_receipt.outcome := 'invited';
    exception when others then
      -- An error of the registry concerns one invitation. Any other error concerns the whole call.
      if not core.is_public_error(sqlstate) then
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
  E'@resultFieldName receipts\n@errors ID203 ID409\nInvites 1 to 100 people to this tenant. The answer has a receipt for each of them, in the same order: the person is invited, or the invitation is refused with the code and the message of the error that inviteUser would raise. You need the permission can_manage_users.';
grant execute on function app_public.invite_users to rowhouse_user;

create or replace function app_public.resend_invitation(id uuid) returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_invitation app_public.invitations := tenancy.invitation_to_change(resend_invitation.id);
begin
  -- The person who sends it again is its inviter from now on. The old token stops working at once.
  update app_public.invitations i
     set invited_by_user_id = core.current_user_id(), expires_at = tenancy.invitation_expiry(),
         delivery_number = i.delivery_number + 1, delivery_status = 'queued', delivery_attempts = 0, delivery_error = null,
         queued_at = v_now, sent_at = null
   where i.id = v_invitation.id and i.queued_at <= v_now - tenancy.pause_between_invitations()
  returning * into v_invitation;
  if not found then
    perform core.raise_error('ID601', 'This person was invited less than a minute ago.', 'Wait a minute, then try again.');
  end if;
  perform tenancy.count_invitation(v_invitation.email);
  perform tenancy.queue_invitation(v_invitation);
  return v_invitation;
end
$$;
comment on function app_public.resend_invitation is
  E'@resultFieldName invitation\n@errors ID203 ID204 ID302 ID601 ID602 ID603\nSends the mail of a pending invitation again, at most once a minute. The mail has a new link, which is valid for the full time; the old link stops working at once. You are the inviter from now on. You need the permission can_manage_users.';
grant execute on function app_public.resend_invitation to rowhouse_user;

create or replace function app_public.revoke_invitation(id uuid) returns app_public.invitations
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.invitations := tenancy.invitation_to_change(revoke_invitation.id);
begin
  update app_public.invitations i set status = 'revoked', revoked_at = core.clock()
   where i.id = v_invitation.id
  returning * into v_invitation;
  return v_invitation;
end
$$;
comment on function app_public.revoke_invitation is
  E'@resultFieldName invitation\n@errors ID203 ID204 ID302\nTakes a pending invitation back: its link stops working at once, and a mail that is still queued is not sent. You need the permission can_manage_users.';
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
    perform core.raise_error('ID302', 'This invitation does not exist, or it is not pending.', 'List the invitations of this tenant. inviteUser creates a new one.');
  end if;
  perform tenancy.require_grantable(v_invitation.role, v_invitation.permissions);
  return v_invitation;
end
$$;
comment on function tenancy.invitation_to_change is
  E'@errors ID203 ID204 ID302\nA pending invitation of this tenant, locked until the end of the transaction.';

create or replace function app_public.invitations_is_expired(invitation app_public.invitations) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$ select (invitation).status = 'pending' and (invitation).expires_at <= core.clock(); $$;
comment on function app_public.invitations_is_expired is
  'Whether it is pending but has expired. resendInvitation sends it again with a new time to answer.';
grant execute on function app_public.invitations_is_expired to rowhouse_user;

create or replace function app_public.invitations_permissions(invitation app_public.invitations)
returns app_public.permission_overrides
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_populate_record(null::app_public.permission_overrides, (invitation).permissions);
$$;
comment on function app_public.invitations_permissions is
  'The permissions that the person gets beyond the role (true), or does not get although the role gives them (false). The others are null.';
grant execute on function app_public.invitations_permissions to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the person who answers an invitation is not in its tenant
create or replace function tenancy.tg_invitations__forget_token() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from vault.invitations v where v.tenant_id = new.tenant_id and v.invitation_id = new.id;
  return null;
end
$$;
comment on function tenancy.tg_invitations__forget_token is
  'Deletes the hashes of the tokens when an invitation is answered, revoked or sent again, so that the tokens do not work any more.';
grant execute on function tenancy.tg_invitations__forget_token to rowhouse_owner;

set local role rowhouse_owner;
create or replace trigger _500_forget_token after update of status, delivery_number on app_public.invitations
  for each row when (new.status <> 'pending' or old.delivery_number <> new.delivery_number)
  execute function tenancy.tg_invitations__forget_token();

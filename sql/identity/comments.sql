comment on table app_public.user_profiles is
  E'@behavior -insert -delete\nA person, one across all tenants. You see yourself and the people you share this tenant with.';
comment on column app_public.user_profiles.email is 'E-mail address, lower case, unique among profiles that are not deleted.';
comment on column app_public.user_profiles.full_name is 'Name, at most 255 characters.';
comment on column app_public.user_profiles.avatar_url is 'Address of a picture.';
comment on column app_public.user_profiles.job_title is 'Job title.';
comment on column app_public.user_profiles.department is 'Department, in the person''s own words.';
comment on column app_public.user_profiles.organization is 'Organization, in the person''s own words.';
comment on column app_public.user_profiles.preferences is 'What differs from the defaults of the settings of the user interface. Read with my_preferences, changed with update_preferences, by oneself alone.';
comment on column app_public.user_profiles.notification_settings is 'What differs from the defaults of what the person wants to be told of. Read with my_notification_settings, changed with update_notification_settings, by oneself alone.';
comment on column app_public.user_profiles.is_active is 'Whether the person may log in.';
comment on column app_public.user_profiles.last_seen_at is 'When the person was last seen, to five minutes.';
comment on column app_public.user_profiles.onboarding_completed is 'Whether the person is through with the first steps (onboarding_checklist); complete_onboarding and restart_onboarding set it.';
comment on column app_public.user_profiles.created_at is 'When the profile was created.';
comment on column app_public.user_profiles.updated_at is 'When it last changed.';
comment on column app_public.user_profiles.deleted_at is 'When it was deleted, null when it is not.';
comment on table app_private.user_identities is 'By which subject of which issuer a person is known.';

comment on table app_public.user_tenants is
  E'@name membership\n@behavior -insert -update -delete\nWho belongs to this tenant, and in which role.';
comment on column app_public.user_tenants.role is 'owner, admin, member or viewer; each may do what the later ones may.';
comment on column app_public.user_tenants.status is 'active, inactive, invited, suspended or pending. Only active members get in. Changed with deactivate_member, suspend_member, reactivate_member.';
comment on column app_public.user_tenants.permissions is 'What the member may beyond the role (true), or may not in spite of it (false): an object of permissions. Changed with change_member_permissions; effectivePermissions has the sum.';
comment on column app_public.user_tenants.invited_by_user_id is 'Who invited the member.';
comment on column app_public.user_tenants.joined_at is 'When the member joined.';
comment on column app_public.user_tenants.last_accessed_at is 'When the member last acted in this tenant, to five minutes.';
comment on column app_public.user_tenants.activated_at is 'When the membership last became active.';
comment on column app_public.user_tenants.deactivated_at is 'When the membership last became inactive.';
comment on column app_public.user_tenants.metadata is 'Anything else, an object.';
comment on column app_public.user_tenants.created_at is 'When the membership was created.';
comment on column app_public.user_tenants.updated_at is 'When it last changed.';

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
comment on type app_public.onboarding_step is 'A first step, and whether it is done.';

comment on table app_public.user_sessions is
  E'@behavior -insert -update -delete\nVisits of people to a front end of this tenant. You see your own; with can_view_analytics those of all.';
comment on column app_public.user_sessions.session_start is 'When it began.';
comment on column app_public.user_sessions.last_activity_at is 'When it was last heard of.';
comment on column app_public.user_sessions.session_end is 'When it ended, null while it is open. 30 minutes of silence end it.';
comment on column app_public.user_sessions.duration_seconds is 'Seconds from its begin to its end, or to when it was last heard of.';
comment on column app_public.user_sessions.page_views is 'Pages looked at.';
comment on column app_public.user_sessions.events_count is 'Events reported.';
comment on column app_public.user_sessions.device_type is 'Kind of device, such as desktop, mobile or tablet, at most 100 characters.';
comment on column app_public.user_sessions.browser is 'Browser, at most 100 characters.';
comment on column app_public.user_sessions.os is 'Operating system, at most 100 characters.';
comment on column app_public.user_sessions.ip_address is 'Where it came from, as the server saw it.';
comment on column app_public.user_sessions.referrer_url is 'The page that led here, without what follows ? and #.';
comment on column app_public.user_sessions.utm_source is 'Campaign: source, at most 255 characters.';
comment on column app_public.user_sessions.utm_medium is 'Campaign: medium, at most 255 characters.';
comment on column app_public.user_sessions.utm_campaign is 'Campaign: name, at most 255 characters.';
comment on column app_public.user_sessions.created_at is 'When it was recorded.';

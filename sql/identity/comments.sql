comment on table app_public.user_profiles is
  E'@behavior -insert -delete\nA person, one across all tenants. You see yourself and the people you share this tenant with.';
comment on column app_public.user_profiles.email is 'E-mail address, lower case, unique among profiles that are not deleted.';
comment on column app_public.user_profiles.full_name is 'Name, at most 255 characters.';
comment on column app_public.user_profiles.avatar_url is 'Address of a picture.';
comment on column app_public.user_profiles.job_title is 'Job title.';
comment on column app_public.user_profiles.department is 'Department, in the person''s own words.';
comment on column app_public.user_profiles.organization is 'Organization, in the person''s own words.';
comment on column app_public.user_profiles.preferences is 'Settings of the user interface: an object. Not readable through the API.';
comment on column app_public.user_profiles.notification_settings is 'What the person wants to be told of: an object. Not readable through the API.';
comment on column app_public.user_profiles.is_active is 'Whether the person may log in.';
comment on column app_public.user_profiles.last_seen_at is 'When the person was last seen.';
comment on column app_public.user_profiles.onboarding_completed is 'Whether the first steps are done.';
comment on column app_public.user_profiles.created_at is 'When the profile was created.';
comment on column app_public.user_profiles.updated_at is 'When it last changed.';
comment on column app_public.user_profiles.deleted_at is 'When it was deleted, null when it is not.';
comment on table app_private.user_identities is 'By which subject of which issuer a person is known.';

comment on table app_public.user_tenants is
  E'@name membership\n@behavior -insert -update -delete\nWho belongs to this tenant, and in which role.';
comment on column app_public.user_tenants.role is 'owner, admin, member or viewer; each may do what the later ones may.';
comment on column app_public.user_tenants.status is 'active, inactive, invited, suspended or pending. Only active members get in.';
comment on column app_public.user_tenants.permissions is 'Permissions beyond the role: an object.';
comment on column app_public.user_tenants.invited_by_user_id is 'Who invited the member.';
comment on column app_public.user_tenants.joined_at is 'When the member joined.';
comment on column app_public.user_tenants.last_accessed_at is 'When the member last acted in this tenant.';
comment on column app_public.user_tenants.activated_at is 'When the membership last became active.';
comment on column app_public.user_tenants.deactivated_at is 'When the membership last became inactive.';
comment on column app_public.user_tenants.metadata is 'Anything else, an object.';
comment on column app_public.user_tenants.created_at is 'When the membership was created.';
comment on column app_public.user_tenants.updated_at is 'When it last changed.';

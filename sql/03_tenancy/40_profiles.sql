call core.secure_global_table('app_public.user_profiles', 'a person is one across tenants');
-- you and the people you share this tenant with; the inner select sees the memberships of this tenant only
create policy select_member on app_public.user_profiles for select to rowhouse_user
  using (id = (select core.current_user_id()) or id in (select user_id from app_public.user_tenants));
create policy update_self on app_public.user_profiles for update to rowhouse_user
  using (id = (select core.current_user_id()));
grant select (id, email, full_name, avatar_url, job_title, department, organization, is_active, last_seen_at,
  onboarding_completed, created_at, updated_at) on app_public.user_profiles to rowhouse_user;
grant update (full_name, avatar_url, job_title, department, organization) on app_public.user_profiles to rowhouse_user;
grant select, insert, update, delete on app_public.user_profiles to rowhouse_platform;
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
comment on column app_public.user_profiles.last_seen_at is E'@kept\nWhen the person was last seen, to five minutes.';
comment on column app_public.user_profiles.onboarding_completed is 'Whether the person is through with the first steps (onboarding_checklist); complete_onboarding and restart_onboarding set it.';
comment on column app_public.user_profiles.created_at is 'When the profile was created.';
comment on column app_public.user_profiles.updated_at is 'When it last changed.';
comment on column app_public.user_profiles.deleted_at is 'When it was deleted, null when it is not.';

call core.secure_global_table('tenancy.user_identities', 'a person is one across tenants');
grant select, insert, update, delete on tenancy.user_identities to rowhouse_platform;
comment on table tenancy.user_identities is 'By which subject of which issuer a person is known.';

create or replace function app_public.current_user_profile() returns app_public.user_profiles
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.user_profiles where id = core.current_user_id();
$$;
comment on function app_public.current_user_profile is
  'Your own profile.';
grant execute on function app_public.current_user_profile to rowhouse_user;

-- The profiles of people. A person has one profile for all tenants, and is known there to the members of the same tenant.

call core.secure_global_table('app_public.user_profiles', 'a person has one profile for all tenants');
call audit.track_global('app_public.user_profiles', null);
-- A user sees their own profile and those of the tenant's members: the inner select sees the memberships of this tenant only.
call core.define_access('this_user', 'id = (select core.current_user_id())', 'the person themselves', null);
call core.define_access('fellow_member', 'id in (select user_tenants.user_id from app_public.user_tenants)',
  'everyone in a tenant of which the person is a member', null);
create policy select_member on app_public.user_profiles for select to rowhouse_user
  using (id = (select core.current_user_id()) or id in (select user_id from app_public.user_tenants));
-- A profile is for all tenants, so an API key, which belongs to one, does not change it.
create policy update_self on app_public.user_profiles for update to rowhouse_user
  using (id = (select core.current_user_id()) and (select core.current_api_key_id()) is null);
grant select (
  id, email, full_name, avatar_url, job_title, department, organization, is_active, last_seen_at, onboarding_completed,
  created_at, updated_at
) on app_public.user_profiles to rowhouse_user;
grant update (full_name, avatar_url, job_title, department, organization) on app_public.user_profiles to rowhouse_user;
grant select, insert, update, delete on app_public.user_profiles to rowhouse_platform;
comment on table app_public.user_profiles is
  E'@behavior -insert -delete\nA person, with one profile for all tenants. You see yourself and the members of this tenant.';
comment on column app_public.user_profiles.id is E'@personal pseudonymise\nThe key of the person. It stays when the person is erased, and then names nobody.';
comment on column app_public.user_profiles.email is E'@personal pseudonymise\nThe e-mail address, in lower case, unique among profiles that are not deleted.';
comment on column app_public.user_profiles.full_name is E'@personal erase\nThe name, at most 255 characters.';
comment on column app_public.user_profiles.avatar_url is E'@personal erase\nThe address of a picture.';
comment on column app_public.user_profiles.job_title is E'@personal erase\nThe job title.';
comment on column app_public.user_profiles.department is E'@personal erase\nThe department, in the person''s own words.';
comment on column app_public.user_profiles.organization is E'@personal erase\nThe organization, in the person''s own words.';
comment on column app_public.user_profiles.preferences is E'@personal erase\nThe preferences that differ from the defaults. Only the person can read them, with myPreferences, and change them, with updatePreferences.';
comment on column app_public.user_profiles.notification_settings is E'@personal erase\nThe notification settings that differ from the defaults. Only the person can read them, with myNotificationSettings, and change them, with updateNotificationSettings.';
comment on column app_public.user_profiles.is_active is 'Whether the person may log in.';
comment on column app_public.user_profiles.last_seen_at is E'@kept\nWhen the person last used Rowhouse, to within five minutes.';
comment on column app_public.user_profiles.onboarding_completed is 'Whether the person has finished the first steps. completeOnboarding and restartOnboarding set it.';
comment on column app_public.user_profiles.created_at is 'When the profile was created.';
comment on column app_public.user_profiles.updated_at is 'When it last changed.';
comment on column app_public.user_profiles.deleted_at is 'When it was deleted; null when it is not.';
comment on constraint email_is_an_email on app_public.user_profiles is
  'must be an e-mail address in lower case, such as ann@example.com';
comment on constraint avatar_url_is_an_image on app_public.user_profiles is
  'must be an http address, a path on this site, or a data address of a picture';
comment on constraint full_name_is_a_name on app_public.user_profiles is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint preferences_are_known_and_in_range on app_public.user_profiles is
  'must be an object of known preferences, each in its range';
comment on constraint notification_settings_are_known_and_in_range on app_public.user_profiles is
  'must be an object of known notification settings, each in its range';
comment on index app_public.user_profiles_email_key is 'is used by another person';

call core.secure_global_table('tenancy.user_identities', 'a person has one profile for all tenants');
grant select, insert, update, delete on tenancy.user_identities to rowhouse_platform;
comment on table tenancy.user_identities is 'The issuers and subjects by which tokens name a person.';
comment on column tenancy.user_identities.user_id is E'@personal erase\nThe person.';
comment on column tenancy.user_identities.subject is E'@personal erase\nThe key of the person at the issuer.';
comment on column tenancy.user_identities.issuer is E'@notPersonal\nWho vouches for the person.';

create or replace function app_public.current_user_profile() returns app_public.user_profiles
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.user_profiles where id = core.current_user_id();
$$;
comment on function app_public.current_user_profile is
  'Your own profile.';
grant execute on function app_public.current_user_profile to rowhouse_user;

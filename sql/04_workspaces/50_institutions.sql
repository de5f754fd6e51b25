-- Institutions: organizations outside of the tenant to which its people belong, such as hospitals and universities. Members add
-- them, admins verify, delete and restore them, and one affiliation of each person is the primary one.

call core.secure_tenant_table('app_public.institutions');
call audit.track('app_public.institutions');
-- Members add institutions, and edit their own until an admin has verified them.
create policy select_member on app_public.institutions for select to rowhouse_user
  using (case when deleted_at is null then (select tenancy.has_role('viewer')) else (select tenancy.has_role('admin')) end);
create policy insert_member on app_public.institutions for insert to rowhouse_user
  with check ((select tenancy.has_role('member')));
create policy update_creator on app_public.institutions for update to rowhouse_user
  using (
    deleted_at is null
    and ((select tenancy.has_role('admin'))
         or verified_at is null and created_by_user_id = (select core.current_user_id())
            and (select tenancy.has_role('member'))));
grant select on app_public.institutions to rowhouse_user;
grant
  insert (name, type, country_code, website),
  update (name, type, country_code, website)
  on app_public.institutions to rowhouse_user;
comment on table app_public.institutions is
  E'@errors 23505\n@behavior -delete\nAn organization outside of this tenant to which its people belong, such as a hospital, a university or a company. Members add institutions, and edit their own until they are verified. Admins edit, verify and delete all.';
comment on column app_public.institutions.name is E'@notPersonal\nIts name, at most 255 characters. Without regard to capitals, it is unique together with the country among institutions that are not deleted.';
comment on column app_public.institutions.type is 'Its kind.';
comment on column app_public.institutions.country_code is 'The code of its country in ISO 3166-1 alpha-2, in upper case.';
comment on column app_public.institutions.website is 'The address of its website, with http or https.';
comment on column app_public.institutions.verified_at is 'When an admin verified it with verifyInstitution; null when it is not verified.';
comment on column app_public.institutions.is_verified is 'Whether an admin has verified it.';
comment on column app_public.institutions.verified_by_user_id is E'@personal pseudonymise\nThe admin who verified it.';
comment on column app_public.institutions.created_by_user_id is E'@personal pseudonymise\nThe person who added it; null when the profile was deleted.';
comment on column app_public.institutions.created_at is 'When it was added.';
comment on column app_public.institutions.updated_at is 'When it last changed.';
comment on column app_public.institutions.deleted_at is 'When it was deleted; null when it is not. Only admins see a deleted institution.';
comment on constraint name_is_a_name on app_public.institutions is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint country_code_is_iso_3166 on app_public.institutions is
  'must be the code of a country in ISO 3166-1 alpha-2, such as DE';
comment on constraint website_is_http on app_public.institutions is
  'must be an address with http or https of at most 2000 characters';
comment on index app_public.institutions_tenant_id_name_country_code_key is 'is used by another institution in the same country';

call core.secure_tenant_table('app_public.institution_members');
call audit.track('app_public.institution_members');
-- People state their own affiliations. With the permission can_manage_users, a member states those of others, too.
create policy select_member on app_public.institution_members for select to rowhouse_user
  using (institution_id in (select id from app_public.institutions));
create policy insert_self on app_public.institution_members for insert to rowhouse_user
  with check (
    (user_id = (select core.current_user_id()) or (select tenancy.has_permission('can_manage_users')))
    and institution_id in (select id from app_public.institutions where deleted_at is null));
create policy update_self on app_public.institution_members for update to rowhouse_user
  using (
    (user_id = (select core.current_user_id()) or (select tenancy.has_permission('can_manage_users')))
    and institution_id in (select id from app_public.institutions where deleted_at is null));
create policy delete_self on app_public.institution_members for delete to rowhouse_user
  using (
    (user_id = (select core.current_user_id()) or (select tenancy.has_permission('can_manage_users')))
    and institution_id in (select id from app_public.institutions where deleted_at is null));
grant select on app_public.institution_members to rowhouse_user;
grant
  insert (institution_id, user_id, title, department, is_primary, starts_on, ends_on),
  update (title, department, is_primary, starts_on, ends_on),
  delete
  on app_public.institution_members to rowhouse_user;
comment on table app_public.institution_members is
  E'@errors ID301 23505 42501\nThe affiliation of a person of this tenant with an institution. People state their own affiliations; with the permission can_manage_users, you state those of others, too. A person can have one primary affiliation, which setPrimaryInstitution changes.';
comment on column app_public.institution_members.user_id is E'@personal erase\nThe person.';
comment on column app_public.institution_members.institution_id is 'The institution.';
comment on column app_public.institution_members.title is E'@personal erase\nThe person''s position there.';
comment on column app_public.institution_members.department is E'@personal erase\nThe person''s department there.';
comment on column app_public.institution_members.is_primary is 'Whether it is the person''s primary affiliation. Each person has at most one in a tenant.';
comment on column app_public.institution_members.starts_on is 'The first day.';
comment on column app_public.institution_members.ends_on is 'The last day, not before the first; null while it lasts.';
comment on column app_public.institution_members.created_at is 'When it was added.';
comment on column app_public.institution_members.updated_at is 'When it last changed.';
comment on constraint title_is_a_name on app_public.institution_members is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint department_is_a_name on app_public.institution_members is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint dates_are_finite on app_public.institution_members is 'must be a date';
comment on constraint ends_on_is_not_before_starts_on on app_public.institution_members is
  'must not be before the first day';
comment on constraint institution_members_pkey on app_public.institution_members is 'has this affiliation already';
comment on index app_public.institution_members_one_primary_key is 'is set for another affiliation of this person';
comment on constraint institution_members_tenant_id_institution_id_fkey on app_public.institution_members is
  E'@fieldName institution\n@foreignFieldName members';
comment on constraint institution_members_tenant_id_user_id_fkey on app_public.institution_members is
  E'@fieldName membership\n@foreignFieldName affiliations';
comment on constraint institution_members_user_id_fkey on app_public.institution_members is
  E'@fieldName user\n@foreignFieldName affiliations';

create or replace function workspaces.locked_institution(id uuid, is_deleted boolean) returns app_public.institutions
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions;
begin
  perform tenancy.require_role('admin');
  select * into v_institution from app_public.institutions i
   where i.tenant_id = core.current_tenant_id() and i.id = locked_institution.id
     and (i.deleted_at is not null) = locked_institution.is_deleted
     for no key update;
  if not found and locked_institution.is_deleted then
    perform core.raise_error('WS307', 'There is no deleted institution with this id.', 'It is not deleted, or it does not exist.');
  elsif not found then
    perform core.raise_error('WS306', 'This institution does not exist.', 'List the institutions of this tenant.');
  end if;
  return v_institution;
end
$$;
comment on function workspaces.locked_institution is
  E'@errors WS306 WS307 ID202\nThe institution, locked until the end of the transaction. Only admins may change it.';

create or replace function app_public.verify_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := workspaces.locked_institution(verify_institution.id, false);
begin
  if v_institution.verified_at is null then
    update app_public.institutions i set verified_at = clock_timestamp(), verified_by_user_id = core.current_user_id()
     where i.id = v_institution.id returning * into v_institution;
  end if;
  return v_institution;
end
$$;
comment on function app_public.verify_institution is
  E'@resultFieldName institution\n@errors WS306 ID202\nMarks an institution as verified, so that only admins can edit it. unverifyInstitution undoes it. If it is verified already, nothing changes. Only admins of the tenant can do this.';
grant execute on function app_public.verify_institution to rowhouse_user;

create or replace function app_public.unverify_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := workspaces.locked_institution(unverify_institution.id, false);
begin
  update app_public.institutions i set verified_at = null, verified_by_user_id = null
   where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;
comment on function app_public.unverify_institution is
  E'@resultFieldName institution\n@errors WS306 ID202\nMarks an institution as not verified, so that the person who added it can edit it again. Only admins of the tenant can do this.';
grant execute on function app_public.unverify_institution to rowhouse_user;

create or replace function app_public.delete_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := workspaces.locked_institution(delete_institution.id, false);
begin
  update app_public.institutions i set deleted_at = clock_timestamp() where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;
comment on function app_public.delete_institution is
  E'@resultFieldName institution\n@errors WS306 ID202\nDeletes an institution with its affiliations. restoreInstitution brings them back. Its name can be used again. Only admins of the tenant can do this.';
grant execute on function app_public.delete_institution to rowhouse_user;

create or replace function app_public.restore_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := workspaces.locked_institution(restore_institution.id, true);
begin
  update app_public.institutions i set deleted_at = null where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;
comment on function app_public.restore_institution is
  E'@resultFieldName institution\n@errors WS307 23505 ID202\nBrings a deleted institution back with its affiliations. Only admins of the tenant can do this.';
grant execute on function app_public.restore_institution to rowhouse_user;

create or replace function app_public.set_primary_institution(institution_id uuid, user_id uuid default null)
returns app_public.institution_members
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := coalesce(set_primary_institution.user_id, core.current_user_id());
  v_member app_public.institution_members;
begin
  if v_user_id is distinct from core.current_user_id() then
    perform tenancy.require_permission('can_manage_users');
  end if;
  -- All affiliations of the person are locked, so that two changes at once wait for each other.
  perform from app_public.institution_members m
    where m.tenant_id = core.current_tenant_id() and m.user_id = v_user_id
    order by m.institution_id
      for update;
  update app_public.institution_members m set is_primary = false
   where m.tenant_id = core.current_tenant_id() and m.user_id = v_user_id
     and m.is_primary and m.institution_id is distinct from set_primary_institution.institution_id;
  update app_public.institution_members m set is_primary = true
    from app_public.institutions i
   where i.tenant_id = m.tenant_id and i.id = m.institution_id and i.deleted_at is null
     and m.tenant_id = core.current_tenant_id() and m.user_id = v_user_id
     and m.institution_id = set_primary_institution.institution_id
  returning m.* into v_member;
  if not found then
    perform core.raise_error('WS308', 'This person is not affiliated with this institution.', 'Create the affiliation first.');
  end if;
  return v_member;
end
$$;
comment on function app_public.set_primary_institution is
  E'@resultFieldName institutionMember\n@errors WS308 ID203\nMakes an affiliation of yours the primary one, in place of another. With the permission can_manage_users, you can do it for another person.';
grant execute on function app_public.set_primary_institution to rowhouse_user;

call tenancy.require_member('app_public.institution_members', 'user_id');

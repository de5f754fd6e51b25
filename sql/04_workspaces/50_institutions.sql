-- Institutions beyond their columns: verified by admins, deleted and restored; and the one that a person names first.

call core.secure_tenant_table('app_public.institutions');
-- institutions: members add them and mend their own until an admin has verified them
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
grant insert (name, type, country_code, website), update (name, type, country_code, website) on app_public.institutions to rowhouse_user;
comment on table app_public.institutions is
  E'@behavior -delete\nAn organization outside of this tenant that its people belong to: a hospital, a university, a company. Members add one and edit their own until it is verified; admins edit, verify and delete. 23505: there is one of that name in that country.';
comment on column app_public.institutions.name is 'Name, unique together with its country (capitals aside) among those not deleted; at most 255 characters.';
comment on column app_public.institutions.type is 'hospital, university, research_institute, company, government, nonprofit or other.';
comment on column app_public.institutions.country_code is 'ISO 3166-1 alpha-2, upper case.';
comment on column app_public.institutions.website is 'Address of its website, http or https.';
comment on column app_public.institutions.verified_at is 'When an admin vouched for it (verify_institution), null when nobody has.';
comment on column app_public.institutions.is_verified is 'Whether an admin has vouched for it.';
comment on column app_public.institutions.verified_by_user_id is 'Who vouched for it.';
comment on column app_public.institutions.created_by_user_id is 'Who added it; null when that person is gone.';
comment on column app_public.institutions.created_at is 'When it was added.';
comment on column app_public.institutions.updated_at is 'When it last changed.';
comment on column app_public.institutions.deleted_at is 'When it was deleted, null when it is not; then only admins see it.';

call core.secure_tenant_table('app_public.institution_members');
-- affiliations: everyone states their own, who manages users states anyone's
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
grant insert (institution_id, user_id, title, department, is_primary, starts_on, ends_on),
  update (title, department, is_primary, starts_on, ends_on), delete on app_public.institution_members to rowhouse_user;
comment on table app_public.institution_members is
  'That a person of this tenant belongs to an institution. Everyone states their own; holders of can_manage_users state anyone''s. 42501: no such institution, or not your own affiliation; 23505: stated already, or another one is primary (set_primary_institution changes that).';
comment on column app_public.institution_members.institution_id is 'The institution.';
comment on column app_public.institution_members.title is 'The person''s position there.';
comment on column app_public.institution_members.department is 'The department there.';
comment on column app_public.institution_members.is_primary is 'Whether it is the one to name first; at most one for each person in a tenant.';
comment on column app_public.institution_members.starts_on is 'First day.';
comment on column app_public.institution_members.ends_on is 'Last day, not before the first; null while it lasts.';
comment on column app_public.institution_members.created_at is 'When it was stated.';
comment on column app_public.institution_members.updated_at is 'When it last changed.';
comment on constraint institution_members_tenant_id_institution_id_fkey on app_public.institution_members is
  E'@fieldName institution\n@foreignFieldName members';
comment on constraint institution_members_tenant_id_user_id_fkey on app_public.institution_members is
  E'@fieldName membership\n@foreignFieldName affiliations';
comment on constraint institution_members_user_id_fkey on app_public.institution_members is
  E'@fieldName user\n@foreignFieldName affiliations';

create or replace function workspaces.changed_institution(id uuid, is_deleted boolean) returns app_public.institutions
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions;
begin
  perform tenancy.require_role('admin');
  select * into v_institution from app_public.institutions i
   where i.tenant_id = core.current_tenant_id() and i.id = changed_institution.id
     and (i.deleted_at is not null) = changed_institution.is_deleted
     for no key update;
  if not found and changed_institution.is_deleted then
    perform core.raise_error('WS307', 'There is no deleted institution with this id.', 'It was never deleted, or never there.');
  elsif not found then
    perform core.raise_error('WS306', 'There is no such institution.', 'List the institutions of this tenant.');
  end if;
  return v_institution;
end
$$;
comment on function workspaces.changed_institution is
  E'@errors WS306 WS307 ID202\nThe institution, locked for a change by an admin.';

create or replace function app_public.verify_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := workspaces.changed_institution(verify_institution.id, false);
begin
  if v_institution.verified_at is null then
    update app_public.institutions i set verified_at = clock_timestamp(), verified_by_user_id = core.current_user_id()
     where i.id = v_institution.id returning * into v_institution;
  end if;
  return v_institution;
end
$$;
comment on function app_public.verify_institution is
  E'@resultFieldName institution\n@errors WS306 ID202\nVouches that an institution is what it says; from then on only admins edit it. unverify_institution takes it back. Doing it twice keeps the first. Admins.';
grant execute on function app_public.verify_institution to rowhouse_user;

create or replace function app_public.unverify_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := workspaces.changed_institution(unverify_institution.id, false);
begin
  update app_public.institutions i set verified_at = null, verified_by_user_id = null
   where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;
comment on function app_public.unverify_institution is
  E'@resultFieldName institution\n@errors WS306 ID202\nTakes verify_institution back. Admins.';
grant execute on function app_public.unverify_institution to rowhouse_user;

create or replace function app_public.delete_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := workspaces.changed_institution(delete_institution.id, false);
begin
  update app_public.institutions i set deleted_at = clock_timestamp() where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;
comment on function app_public.delete_institution is
  E'@resultFieldName institution\n@errors WS306 ID202\nDeletes an institution with its affiliations; restore_institution brings them back. Its name can be used again. Admins.';
grant execute on function app_public.delete_institution to rowhouse_user;

create or replace function app_public.restore_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := workspaces.changed_institution(restore_institution.id, true);
begin
  update app_public.institutions i set deleted_at = null where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;
comment on function app_public.restore_institution is
  E'@resultFieldName institution\n@errors WS307 23505 ID202\nBrings a deleted institution back with its affiliations. Admins.';
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
  if v_user_id <> core.current_user_id() then
    perform tenancy.require_permission('can_manage_users');
  end if;
  -- all of the person's, so that two who choose at once choose one after the other
  perform from app_public.institution_members m
    where m.tenant_id = core.current_tenant_id() and m.user_id = v_user_id
    order by m.institution_id
      for update;
  update app_public.institution_members m set is_primary = false
   where m.tenant_id = core.current_tenant_id() and m.user_id = v_user_id
     and m.is_primary and m.institution_id <> set_primary_institution.institution_id;
  update app_public.institution_members m set is_primary = true
    from app_public.institutions i
   where i.tenant_id = m.tenant_id and i.id = m.institution_id and i.deleted_at is null
     and m.tenant_id = core.current_tenant_id() and m.user_id = v_user_id
     and m.institution_id = set_primary_institution.institution_id
  returning m.* into v_member;
  if not found then
    perform core.raise_error('WS308', 'This person is not affiliated with such an institution.', 'Create the affiliation first.');
  end if;
  return v_member;
end
$$;
comment on function app_public.set_primary_institution is
  E'@resultFieldName institutionMember\n@errors WS308 ID203\nMakes an affiliation the primary one, in place of the one that was: your own, or with can_manage_users another person''s.';
grant execute on function app_public.set_primary_institution to rowhouse_user;

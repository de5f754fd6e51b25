-- Institutions beyond their columns: verified by admins, deleted and restored; and the one that a person names first.

create or replace function app_private.changed_institution(id uuid, is_deleted boolean) returns app_public.institutions
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions;
begin
  perform app_private.require_role('admin');
  select * into v_institution from app_public.institutions i
   where i.tenant_id = app_hidden.current_tenant_id() and i.id = changed_institution.id
     and (i.deleted_at is not null) = changed_institution.is_deleted
     for no key update;
  if not found and changed_institution.is_deleted then
    perform app_private.raise_error('WS307', 'There is no deleted institution with this id.', 'It was never deleted, or never there.');
  elsif not found then
    perform app_private.raise_error('WS306', 'There is no such institution.', 'List the institutions of this tenant.');
  end if;
  return v_institution;
end
$$;
comment on function app_private.changed_institution(uuid, boolean) is
  'The institution, locked for a change by an admin. WS306: it is not there; WS307: it is not among the deleted ones; ID202: you are not an admin.';

create or replace function app_public.verify_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := app_private.changed_institution(verify_institution.id, false);
begin
  if v_institution.verified_at is null then
    update app_public.institutions i set verified_at = clock_timestamp(), verified_by_user_id = app_hidden.current_user_id()
     where i.id = v_institution.id returning * into v_institution;
  end if;
  return v_institution;
end
$$;
comment on function app_public.verify_institution(uuid) is
  E'@resultFieldName institution\nVouches that an institution is what it says; from then on only admins edit it. unverify_institution takes it back. Doing it twice keeps the first. Admins. WS306: no such institution; ID202: your role does not allow it.';

create or replace function app_public.unverify_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := app_private.changed_institution(unverify_institution.id, false);
begin
  update app_public.institutions i set verified_at = null, verified_by_user_id = null
   where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;
comment on function app_public.unverify_institution(uuid) is
  E'@resultFieldName institution\nTakes verify_institution back. Admins. WS306: no such institution; ID202: your role does not allow it.';

create or replace function app_public.delete_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := app_private.changed_institution(delete_institution.id, false);
begin
  update app_public.institutions i set deleted_at = clock_timestamp() where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;
comment on function app_public.delete_institution(uuid) is
  E'@resultFieldName institution\nDeletes an institution with its affiliations; restore_institution brings them back. Its name can be used again. Admins. WS306: no such institution; ID202: your role does not allow it.';

create or replace function app_public.restore_institution(id uuid) returns app_public.institutions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_institution app_public.institutions := app_private.changed_institution(restore_institution.id, true);
begin
  update app_public.institutions i set deleted_at = null where i.id = v_institution.id returning * into v_institution;
  return v_institution;
end
$$;
comment on function app_public.restore_institution(uuid) is
  E'@resultFieldName institution\nBrings a deleted institution back with its affiliations. Admins. WS307: no deleted institution has this id; 23505: its name is taken by now; ID202: your role does not allow it.';

create or replace function app_public.set_primary_institution(institution_id uuid, user_id uuid default null)
returns app_public.institution_members
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := coalesce(set_primary_institution.user_id, app_hidden.current_user_id());
  v_member app_public.institution_members;
begin
  if v_user_id <> app_hidden.current_user_id() then
    perform app_private.require_permission('can_manage_users');
  end if;
  -- all of the person's, so that two who choose at once choose one after the other
  perform from app_public.institution_members m
    where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = v_user_id
    order by m.institution_id
      for update;
  update app_public.institution_members m set is_primary = false
   where m.tenant_id = app_hidden.current_tenant_id() and m.user_id = v_user_id
     and m.is_primary and m.institution_id <> set_primary_institution.institution_id;
  update app_public.institution_members m set is_primary = true
    from app_public.institutions i
   where i.tenant_id = m.tenant_id and i.id = m.institution_id and i.deleted_at is null
     and m.tenant_id = app_hidden.current_tenant_id() and m.user_id = v_user_id
     and m.institution_id = set_primary_institution.institution_id
  returning m.* into v_member;
  if not found then
    perform app_private.raise_error('WS308', 'This person is not affiliated with such an institution.', 'Create the affiliation first.');
  end if;
  return v_member;
end
$$;
comment on function app_public.set_primary_institution(uuid, uuid) is
  E'@resultFieldName institutionMember\nMakes an affiliation the primary one, in place of the one that was: your own, or with can_manage_users another person''s. WS308: the person is not affiliated with it; ID203: you lack can_manage_users.';

grant execute on function app_public.verify_institution(uuid), app_public.unverify_institution(uuid),
  app_public.delete_institution(uuid), app_public.restore_institution(uuid), app_public.set_primary_institution(uuid, uuid)
  to rowhouse_user;

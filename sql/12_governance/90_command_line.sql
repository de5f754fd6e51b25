-- What npm run person and npm run tenant begin: exports and erasures that an administrator asks for, who has no tenant and no user.

grant execute on function governance.refuse_last_owner to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: administrators in psql export and erase people and tenants; granted to nobody
create or replace function governance.subject_of(email text, slug text, out user_id uuid, out tenant_id uuid)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if subject_of.slug is not null then
    select t.id into subject_of.tenant_id from app_public.tenants t where t.slug = subject_of.slug;
    if not found then
      perform core.raise_error('TN301', 'This tenant does not exist.', 'List the tenants with: npm run tenant -- list');
    end if;
    return;
  end if;
  select u.id into subject_of.user_id from app_public.user_profiles u
   where u.email = core.fold_email(subject_of.email) and u.deleted_at is null;
  if not found then
    perform core.raise_error('RT306', 'There is no person with this e-mail address.', 'Check its spelling.');
  end if;
  select t.id into strict subject_of.tenant_id from app_public.tenants t where t.type = 'platform';
end
$$;
comment on function governance.subject_of is
  E'@errors RT306 TN301\nThe person with this e-mail address, with the platform''s tenant, or the tenant with this slug.';

create or replace function governance.open_export(email text, slug text) returns app_public.data_exports
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subject record := governance.subject_of(open_export.email, open_export.slug);
  v_export app_public.data_exports;
begin
  insert into app_public.data_exports as e (tenant_id, user_id, is_of_all_tenants, requested_at)
  values (v_subject.tenant_id, v_subject.user_id, v_subject.user_id is not null, core.clock())
  on conflict (tenant_id, user_id, requested_by_user_id) where status in ('queued', 'running') do update set status = 'queued'
  returning * into v_export;
  return v_export;
end
$$;
comment on function governance.open_export is
  E'@errors RT306 TN301\nBegins the export of the person with this e-mail address in all tenants, or of the tenant with this slug. For administrators in psql and for command-line tools.';

create or replace function governance.take_part(tenant_id uuid, export_id uuid, part_number int) returns table (content bytea)
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  -- It was saved to a file, so it does not stay here.
  delete from governance.export_parts p
   where p.tenant_id = take_part.tenant_id and p.export_id = take_part.export_id and p.part_number = take_part.part_number
  returning p.content;
$$;
comment on function governance.take_part is
  'Gives a part of the file of an export and deletes it. For command-line tools.';

create or replace function governance.open_erasure(email text, slug text, is_dry_run boolean default true) returns app_public.erasures
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subject record := governance.subject_of(open_erasure.email, open_erasure.slug);
  v_is_dry_run constant boolean := coalesce(open_erasure.is_dry_run, true);
begin
  if v_subject.user_id is null then
    return governance.request_tenant_erasure(v_subject.tenant_id, v_is_dry_run);
  end if;
  if not v_is_dry_run then
    perform governance.refuse_last_owner(v_subject.user_id, true);
  end if;
  return governance.request_person_erasure(v_subject.user_id, true, v_is_dry_run);
end
$$;
comment on function governance.open_erasure is
  E'@errors RT302 RT306 RT503 RT504 RT505 TN301 TN504\nBegins the erasure of the person with this e-mail address in all tenants, or of the tenant with this slug, or counts what it would do. For administrators in psql and for command-line tools.';

set local role rowhouse_owner;

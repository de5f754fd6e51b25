-- Erasing a tenant: after it was cancelled and a time of grace has passed, every table of tenants is emptied of its rows, by the
-- catalogue. What the law wants kept stays with a row of the tenant that says nothing else; without books the tenant is gone
-- altogether. The receipt survives it.

set local role rowhouse_platform;  -- outside the wall: the worker erases tenants by the catalogue
create or replace function governance.request_tenant_erasure(tenant_id uuid, is_dry_run boolean) returns app_public.erasures
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_grace constant interval := interval '30 days';
  v_tenant app_public.tenants;
  v_erasure app_public.erasures;
begin
  select * into v_tenant from app_public.tenants t where t.id = request_tenant_erasure.tenant_id for no key update;
  if not is_dry_run and (v_tenant.status <> 'cancelled' or coalesce(v_tenant.cancelled_at, 'infinity') + v_grace > core.clock()) then
    perform core.raise_error('RT505', 'A tenant can be erased 30 days after it was cancelled.', 'Cancel it, and ask again when this time is over.');
  end if;
  if not is_dry_run and exists (select from app_public.tenants child where child.parent_tenant_id = v_tenant.id) then
    perform core.raise_error('TN504', 'This tenant has sub-tenants.', 'Move or delete them first.');
  end if;
  -- Counted before it is stored, so that its own row is not among what it finds.
  v_erasure.tenant_ids := array[v_tenant.id];
  insert into app_public.erasures (tenant_id, is_dry_run, requested_by_user_id, requested_at, tenant_ids, status, counts, finished_at)
  values (v_tenant.id, is_dry_run, core.current_user_id(), core.clock(), v_erasure.tenant_ids,
          case when is_dry_run then 'completed' else 'queued' end,
          case when is_dry_run then governance.count_erasure(v_erasure) else '{}' end,
          case when is_dry_run then core.clock() end)
  on conflict do nothing
  returning * into v_erasure;
  if v_erasure.id is null then
    perform core.raise_error('RT504', 'This tenant is being erased already.', 'Wait until it is done.');
  end if;
  if not is_dry_run then
    update app_public.tenants t set erased_at = coalesce(t.erased_at, core.clock()) where t.id = v_tenant.id;
    perform governance.enqueue_erasure(v_erasure);
  end if;
  return v_erasure;
end
$$;
comment on function governance.request_tenant_erasure is
  E'@errors RT504 RT505 TN504\nBegins the erasure of a tenant, or counts what it would do, for a caller who was checked before.';
grant execute on function governance.request_tenant_erasure to rowhouse_owner;

create or replace function governance.leave_tombstone(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table regclass;
  v_has_books boolean;
begin
  for v_table in select b from governance.book_tables() as b loop
    execute format('select exists (select from %s t where t.tenant_id = $1)', v_table) into v_has_books using leave_tombstone.tenant_id;
    exit when v_has_books;
  end loop;
  if not v_has_books then
    delete from app_public.tenants t where t.id = leave_tombstone.tenant_id;
    return;
  end if;
  update app_public.tenants t
     set name = 'Erased tenant', slug = 'erased-' || t.id, domain = null, config = '{}', metadata = '{}', industry = null, company_size = null,
         primary_contact_email = null, primary_contact_name = null, primary_contact_phone = null, account_manager_id = null,
         compliance_notes = null, cancellation_reason = null
   where t.id = leave_tombstone.tenant_id;
end
$$;
comment on function governance.leave_tombstone is
  'Deletes the row of a tenant whose data are erased, or empties it when books refer to it.';

create or replace function governance.delete_old_tombstones() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_days constant int := (select k.least_days from app_public.data_kinds k where k.name = 'books');
  v_count int;
begin
  delete from app_public.tenants t
   where t.erased_at < core.clock() - make_interval(days => v_days)
     and not exists (select from app_public.erasures e where e.tenant_id = t.id and e.status <> 'completed')
     and not exists (select from app_public.legal_holds h where h.tenant_id = t.id and h.released_at is null);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function governance.delete_old_tombstones is
  'Deletes the books of tenants that were erased so long ago that the law does not want them any more, and returns how many tenants.';
grant execute on function governance.delete_old_tombstones to rowhouse_worker;

set local role rowhouse_owner;

create or replace function app_public.erase_tenant(is_dry_run boolean default true) returns app_public.erasures
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_tenant');
  return governance.request_tenant_erasure(core.current_tenant_id(), coalesce(erase_tenant.is_dry_run, true));
end
$$;
comment on function app_public.erase_tenant is
  E'@resultFieldName erasure\n@errors ID203 RT504 RT505 TN504\nErases this tenant with everything in it, except for what the law wants kept, such as invoices. It is possible 30 days after the tenant was cancelled, and it cannot be undone. By default it only counts; isDryRun false does it. You need the permission can_manage_tenant.';
grant execute on function app_public.erase_tenant to rowhouse_user;

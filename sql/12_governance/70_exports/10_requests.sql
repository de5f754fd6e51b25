-- Exports: everything of a person, or of a tenant, as a ZIP of JSON lines and files with a manifest. A task of the worker writes it page
-- by page and part by part, so neither the memory nor a transaction grows with it. What is exported is what the catalogue finds. The ZIP
-- lies in parts in the database until it expires, and a link gives it once.

call core.secure_tenant_table('app_public.data_exports');
call audit.track('app_public.data_exports');
call core.exempt_from_guard('app_public.data_exports', '_000_require_writable_tenant', 'the data of a cancelled tenant can be exported');

create policy select_requester on app_public.data_exports for select to rowhouse_user
  using (requested_by_user_id = (select core.current_user_id()) or user_id is null and (select tenancy.has_permission('can_manage_tenant')));
grant select on app_public.data_exports to rowhouse_user;
grant select, insert, update, delete on app_public.data_exports to rowhouse_platform;
comment on table app_public.data_exports is
  E'@behavior -insert -update -delete\nExports of a person''s or of the tenant''s data. You see those that you asked for, and with can_manage_tenant those of the tenant.';
comment on column app_public.data_exports.tenant_id is 'The tenant in which it was asked for.';
comment on column app_public.data_exports.id is 'The key of the export.';
comment on column app_public.data_exports.user_id is E'@personal erase\nWhose data it has; null when it is the whole tenant''s.';
comment on column app_public.data_exports.is_of_all_tenants is 'Whether it has what all tenants have of the person.';
comment on column app_public.data_exports.requested_by_user_id is E'@personal pseudonymise\nWho asked for it.';
comment on column app_public.data_exports.status is 'queued, running, completed or cancelled.';
comment on column app_public.data_exports.attempt is E'@behavior -*\nHow many times it was begun. What an earlier attempt still writes is refused.';
comment on column app_public.data_exports.table_count is E'@kept\nHow many tables it goes through.';
comment on column app_public.data_exports.tables_done is E'@kept\nHow many of them are written.';
comment on column app_public.data_exports.row_count is E'@kept\nHow many rows are written.';
comment on column app_public.data_exports.size_bytes is E'@kept\nHow large the file is so far.';
comment on column app_public.data_exports.sha256 is E'@notPersonal\nThe SHA-256 of the file; null until it is complete.';
comment on column app_public.data_exports.requested_at is 'When it was asked for.';
comment on column app_public.data_exports.finished_at is 'When it was complete.';
comment on column app_public.data_exports.expires_at is 'When its file is deleted.';

call core.secure_tenant_table('governance.export_parts');
call audit.leave_out('the progress of tasks', 'governance.export_parts');
grant select, insert, update, delete on governance.export_parts to rowhouse_platform;
comment on table governance.export_parts is 'The bytes of the files of exports, a megabyte a row.';

call core.secure_tenant_table('governance.export_tickets');
call audit.leave_out('the progress of tasks', 'governance.export_tickets');
grant select, insert, update, delete on governance.export_tickets to rowhouse_platform;
comment on table governance.export_tickets is 'Links to the files of exports. A ticket is deleted when it is used.';
comment on column governance.export_tickets.user_id is E'@personal erase\nWhom it was given to.';

comment on type app_public.export_link is 'The permission to download the file of an export, once: GET /files/exports/ and the id.';
comment on column app_public.export_link.id is E'@notNull\nThe file is at /files/exports/ and this id.';
comment on column app_public.export_link.expires_at is E'@notNull\nWhen the link expires.';

create or replace function governance.request_export(user_id uuid, is_of_all_tenants boolean) returns app_public.data_exports
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_export app_public.data_exports;
begin
  insert into app_public.data_exports (tenant_id, user_id, is_of_all_tenants, requested_by_user_id, requested_at)
  values (core.current_tenant_id(), request_export.user_id, request_export.is_of_all_tenants, core.current_user_id(), core.clock())
  on conflict do nothing
  returning * into v_export;
  if v_export.id is null then
    perform core.raise_error('RT501', 'Such an export is being written already.', 'List the exports, and wait for it or cancel it.');
  end if;
  perform core.enqueue_tenant_job('governance__export',
    json_build_object('tenantId', v_export.tenant_id, 'exportId', v_export.id), v_export.tenant_id);
  return v_export;
end
$$;
comment on function governance.request_export is
  E'@errors RT501\nQueues an export for the caller, who was checked before.';

create or replace function app_public.export_person(user_id uuid default null) returns app_public.data_exports
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id constant uuid := coalesce(export_person.user_id, core.current_user_id());
begin
  return governance.request_export(v_user_id, governance.asks_for_all_tenants(v_user_id));
end
$$;
comment on function app_public.export_person is
  E'@resultFieldName export\n@errors ID203 KY201 RT201 RT302 RT501\nWrites a file with everything that is stored of a person, in the background. Your own has the data of all tenants; with the permission can_manage_users you can ask for what this tenant has of a member whose role is not above yours. Without userId it is yourself.';
grant execute on function app_public.export_person to rowhouse_user;

create or replace function app_public.export_tenant() returns app_public.data_exports
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_tenant');
  return governance.request_export(null, false);
end
$$;
comment on function app_public.export_tenant is
  E'@resultFieldName export\n@errors ID203 RT501\nWrites a file with everything that this tenant has, in the background. Secrets are not in it. You need the permission can_manage_tenant.';
grant execute on function app_public.export_tenant to rowhouse_user;

create or replace function governance.my_export(export_id uuid) returns app_public.data_exports
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_export app_public.data_exports;
begin
  select * into v_export from app_public.data_exports e
   where e.tenant_id = core.current_tenant_id() and e.id = my_export.export_id
     and (e.requested_by_user_id = core.current_user_id()
            -- an API key has what its maker asked for only when it could have asked for it
            and (core.current_api_key_id() is null
                 or e.user_id is not null and not e.is_of_all_tenants and tenancy.has_permission('can_manage_users'))
          or e.user_id is null and tenancy.has_permission('can_manage_tenant'))
     for update;
  if not found then
    perform core.raise_error('RT303', 'There is no such export.', 'List the exports.');
  end if;
  return v_export;
end
$$;
comment on function governance.my_export is
  E'@errors RT303\nLocks an export that the caller may see.';

create or replace function app_public.cancel_export(export_id uuid) returns app_public.data_exports
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_export app_public.data_exports := governance.my_export(cancel_export.export_id);
begin
  delete from governance.export_parts p where p.tenant_id = v_export.tenant_id and p.export_id = v_export.id;
  update app_public.data_exports e set status = 'cancelled', size_bytes = 0, expires_at = null
   where e.tenant_id = v_export.tenant_id and e.id = v_export.id
  returning * into v_export;
  return v_export;
end
$$;
comment on function app_public.cancel_export is
  E'@resultFieldName export\n@errors RT303\nStops an export, and deletes what is written of its file.';
grant execute on function app_public.cancel_export to rowhouse_user;

create or replace function app_public.create_export_link(export_id uuid) returns app_public.export_link
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_longest_life constant interval := interval '15 minutes';
  v_export app_public.data_exports := governance.my_export(create_export_link.export_id);
  v_link app_public.export_link;
begin
  if v_export.status <> 'completed' or coalesce(v_export.expires_at <= core.clock(), true) then
    perform core.raise_error('RT502', 'The file of this export is not there.', 'Wait until its status is completed, or export again when it has expired.');
  end if;
  -- There is one link at a time, so that links do not pile up.
  delete from governance.export_tickets t where t.tenant_id = v_export.tenant_id and t.export_id = v_export.id;
  insert into governance.export_tickets (tenant_id, export_id, user_id, expires_at)
  values (v_export.tenant_id, v_export.id, core.current_user_id(), core.clock() + v_longest_life)
  returning id, expires_at into v_link;
  return v_link;
end
$$;
comment on function app_public.create_export_link is
  E'@resultFieldName link\n@errors RT303 RT502\nGives a link to the file of a complete export. It is good for one download, 15 minutes and you.';
grant execute on function app_public.create_export_link to rowhouse_user;

create or replace function governance.begin_download(ticket_id uuid, out export_id uuid, out file_name text, out size_bytes bigint, out part_count int)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Of two who download with one link at once, the one who deletes its ticket has used it.
  delete from governance.export_tickets t
   where t.tenant_id = core.current_tenant_id() and t.id = begin_download.ticket_id and t.user_id = core.current_user_id()
     and t.expires_at > core.clock()
  returning t.export_id into begin_download.export_id;
  select case when e.user_id is null then 'tenant' else 'person' end || '-' || to_char(e.requested_at at time zone 'UTC', 'YYYY-MM-DD') || '.zip',
         e.size_bytes, (select count(*)::int from governance.export_parts p where p.tenant_id = e.tenant_id and p.export_id = e.id)
    into begin_download.file_name, begin_download.size_bytes, begin_download.part_count
    from app_public.data_exports e
   where e.tenant_id = core.current_tenant_id() and e.id = begin_download.export_id and e.status = 'completed' and e.expires_at > core.clock();
  if begin_download.file_name is null then
    perform core.raise_error('RT304', 'There is no such link.', 'A link is good for one download, 15 minutes and the person who asked for it. Create another one.');
  end if;
end
$$;
comment on function governance.begin_download is
  E'@errors RT304\nUses a link: says what the file is that may now be read part by part.';
grant execute on function governance.begin_download to rowhouse_user;

create or replace function governance.part_of_export(export_id uuid, part_number int) returns bytea
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select p.content
    from governance.export_parts p
    join app_public.data_exports e on e.tenant_id = p.tenant_id and e.id = p.export_id
   where p.tenant_id = core.current_tenant_id() and p.export_id = part_of_export.export_id and p.part_number = part_of_export.part_number
     and (e.requested_by_user_id = core.current_user_id() or e.user_id is null and tenancy.has_permission('can_manage_tenant'));
$$;
comment on function governance.part_of_export is
  'A part of the file of an export, for whoever may see the export; null when it is gone.';
grant execute on function governance.part_of_export to rowhouse_user;

-- Exports: everything of a person, or of a tenant, as a ZIP of JSON lines and files with a manifest. A task of the worker writes it page
-- by page and part by part, so neither the memory nor a transaction grows with it. What is exported is what the catalogue finds. The ZIP
-- lies in parts in the database until it expires, and a link gives it once.

call core.secure_tenant_table('app_public.data_exports');
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
comment on column app_public.data_exports.table_count is 'How many tables it goes through.';
comment on column app_public.data_exports.tables_done is 'How many of them are written.';
comment on column app_public.data_exports.row_count is 'How many rows are written.';
comment on column app_public.data_exports.size_bytes is 'How large the file is so far.';
comment on column app_public.data_exports.sha256 is E'@notPersonal\nThe SHA-256 of the file; null until it is complete.';
comment on column app_public.data_exports.requested_at is 'When it was asked for.';
comment on column app_public.data_exports.finished_at is 'When it was complete.';
comment on column app_public.data_exports.expires_at is 'When its file is deleted.';

call core.secure_tenant_table('governance.export_parts');
grant select, insert, update, delete on governance.export_parts to rowhouse_platform;
comment on table governance.export_parts is 'The bytes of the files of exports, a megabyte a row.';
call core.secure_tenant_table('governance.export_tickets');
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
  E'@resultFieldName export\n@errors ID203 RT201 RT302 RT501\nWrites a file with everything that is stored of a person, in the background. Your own has the data of all tenants; with the permission can_manage_users you can ask for what this tenant has of a member whose role is not above yours. Without userId it is yourself.';
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
     and (e.requested_by_user_id = core.current_user_id() or e.user_id is null and tenancy.has_permission('can_manage_tenant'))
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
    perform core.raise_error('RT502', 'The file of this export is not there.', 'Wait until its status is COMPLETED, or export again when it has expired.');
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

set local role rowhouse_platform;  -- outside the wall: an export of a person has rows of all tenants, and the worker writes those of every tenant
create or replace function governance.is_exported(export app_public.data_exports, target regclass) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if (select c.relnamespace = 'vault'::regnamespace or c.relnamespace not in (select core.schemas()) from pg_class c where c.oid = target)
     or target = any (array['governance.export_parts', 'governance.export_tickets', 'app_public.data_exports']::regclass[]) then
    return false;
  elsif (export).user_id is null then
    return governance.tenant_column(target) is not null;
  elsif governance.tenant_column(target) is null and not (export).is_of_all_tenants and target <> 'app_public.user_profiles'::regclass then
    return false;
  end if;
  return governance.belongs_to_person(target) is not null;
end
$$;
comment on function governance.is_exported is
  'Whether a table is in an export: of a tenant all that have rows of tenants, of a person all in which the register finds the person. Secrets and the files of exports are left out.';

create or replace function governance.exported_tables(export app_public.data_exports) returns setof text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.name::text
    from (
      select g as name from governance.tenant_tables() g where (export).user_id is null
      union select 'app_public.tenants'::regclass where (export).user_id is null
      union select p.table_name from governance.personal_columns p where (export).user_id is not null
    ) t
   where governance.is_exported(export, t.name)
   order by t.name::text;
$$;
comment on function governance.exported_tables is 'The tables of an export, as governance.is_exported says.';

create or replace function governance.begin_export(tenant_id uuid, export_id uuid) returns table (attempt int, table_name text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_export app_public.data_exports;
  v_tables text[];
begin
  select * into v_export from app_public.data_exports e
   where e.tenant_id = begin_export.tenant_id and e.id = begin_export.export_id and e.status in ('queued', 'running') for update;
  if not found then
    return;
  end if;
  -- What an attempt wrote that was stopped is of no use: a ZIP is written from its beginning.
  delete from governance.export_parts p where p.tenant_id = v_export.tenant_id and p.export_id = v_export.id;
  v_tables := array(select t from governance.exported_tables(v_export) as t);
  update app_public.data_exports e
     set status = 'running', attempt = e.attempt + 1, table_count = cardinality(v_tables), tables_done = 0, row_count = 0, size_bytes = 0
   where e.tenant_id = v_export.tenant_id and e.id = v_export.id
  returning * into v_export;
  return query select v_export.attempt, t from unnest(v_tables) as t;
end
$$;
comment on function governance.begin_export is
  'Begins an export, or begins it again: the number of the attempt and its tables. Returns nothing when it is cancelled or complete.';
grant execute on function governance.begin_export to rowhouse_worker;

create or replace function governance.export_query(export app_public.data_exports, target regclass) returns text
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_keys text[] := array(
    select a.attname from pg_index i cross join unnest(i.indkey) with ordinality as k (attnum, n)
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
     where i.indrelid = target and i.indisprimary order by k.n);
  v_key_list text := coalesce((select string_agg(format('t.%I', k), ', ' order by n) from unnest(v_keys) with ordinality as u (k, n)), 't.ctid');
  v_after text := coalesce((
    select string_agg(format('($5 ->> %s)::%s', n - 1, format_type(a.atttypid, null)), ', ' order by n)
      from unnest(v_keys) with ordinality as u (k, n)
      join pg_attribute a on a.attrelid = target and a.attname = u.k), '($5 ->> 0)::tid');
  v_columns text := (
    select string_agg(
        case when a.atttypid <> 'bytea'::regtype or a.attname ~ 'hash' then format('t.%I', a.attname)
          -- The bytes are a file of the archive; the line says where, how long and with which hash.
          else format($f$case when t.%1$I is not null then jsonb_build_object('file', %2$L || array_to_string(array[%3$s], '_'),
            'size', octet_length(t.%1$I), 'sha256', encode(sha256(t.%1$I), 'hex')) end as %1$I$f$, a.attname,
            format('files/%s.%s/', target, a.attname),
            (select string_agg(format('t.%I::text', k), ', ' order by n) from unnest(v_keys) with ordinality as u (k, n)))
        end, ', ' order by a.attnum)
      from pg_attribute a where a.attrelid = target and a.attnum > 0 and not a.attisdropped);
  v_tenant name := governance.tenant_column(target);
begin
  return format(
    'select (select to_jsonb(r) from (select %1$s) r) as line, to_jsonb(array[%2$s]) as key from %3$s t
      where (%4$s)%5$s and ($5 is null or (%6$s) > (%7$s)) order by %6$s limit $4',
    v_columns,
    coalesce((select string_agg(format('t.%I::text', k), ', ' order by n) from unnest(v_keys) with ordinality as u (k, n)), 't.ctid::text'),
    target,
    case when (export).user_id is null then 'true' else governance.belongs_to_person(target) end,
    case when v_tenant is null or (export).is_of_all_tenants then '' else format(' and t.%I = $3', v_tenant) end,
    v_key_list, v_after);
end
$$;
comment on function governance.export_query is
  'The statement for a page of a table in an export. $1 is the person, $2 the e-mail address, $3 the tenant, $4 how many rows, $5 the key of the last row before.';

create or replace function governance.export_page(
  tenant_id uuid, export_id uuid, table_name text, after jsonb default null, page_size int default 500
) returns table (line jsonb, key jsonb)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_export app_public.data_exports;
  v_email text;
begin
  select * into v_export from app_public.data_exports e where e.tenant_id = export_page.tenant_id and e.id = export_page.export_id;
  select u.email into v_email from app_public.user_profiles u where u.id = v_export.user_id;
  -- A table that is not of the export has no rows in it.
  if not coalesce(governance.is_exported(v_export, export_page.table_name::regclass), false) then
    return;
  end if;
  return query execute governance.export_query(v_export, export_page.table_name::regclass)
    using v_export.user_id, v_email, v_export.tenant_id, export_page.page_size, export_page.after;
end
$$;
comment on function governance.export_page is
  'A page of the rows of a table in an export, by the key of the table. Each page is a transaction of its own: a row that changes meanwhile is written as it is when its page is read.';
grant execute on function governance.export_page to rowhouse_worker;

create or replace function governance.export_file_part(
  tenant_id uuid, export_id uuid, table_name text, column_name name, key jsonb, first_byte int, byte_count int
) returns bytea
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_export app_public.data_exports;
  v_part bytea;
  v_condition text;
begin
  select * into v_export from app_public.data_exports e where e.tenant_id = export_file_part.tenant_id and e.id = export_file_part.export_id;
  if not coalesce(governance.is_exported(v_export, export_file_part.table_name::regclass), false) then
    return null;
  end if;
  select string_agg(format('t.%I = ($1 ->> %s)::%s', a.attname, k.n - 1, format_type(a.atttypid, null)), ' and ')
    into v_condition
    from pg_index i cross join unnest(i.indkey) with ordinality as k (attnum, n)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
   where i.indrelid = export_file_part.table_name::regclass and i.indisprimary;
  execute format('select substring(t.%I from $2 + 1 for $3) from %s t where %s', column_name, table_name::regclass, v_condition)
    into v_part using export_file_part.key, export_file_part.first_byte, export_file_part.byte_count;
  return v_part;
end
$$;
comment on function governance.export_file_part is
  'Some bytes of a file in an export: of a column of the row with this key.';
grant execute on function governance.export_file_part to rowhouse_worker;

create or replace function governance.write_export(
  tenant_id uuid, export_id uuid, attempt int, part_number int, content bytea, tables_done int, row_count bigint
) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.data_exports e
     set tables_done = write_export.tables_done, row_count = write_export.row_count,
         size_bytes = e.size_bytes + octet_length(write_export.content)
   where e.tenant_id = write_export.tenant_id and e.id = write_export.export_id
     and e.status = 'running' and e.attempt = write_export.attempt;
  if not found then
    return false;
  end if;
  insert into governance.export_parts (tenant_id, export_id, part_number, content)
  values (write_export.tenant_id, write_export.export_id, write_export.part_number, write_export.content);
  return true;
end
$$;
comment on function governance.write_export is
  'Stores a part of the file of an export with its progress. Returns false when the export was cancelled or begun anew, so that the writer stops.';
grant execute on function governance.write_export to rowhouse_worker;

create or replace function governance.finish_export(tenant_id uuid, export_id uuid, attempt int, sha256 text, row_count bigint) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_kept constant interval := interval '7 days';
begin
  update app_public.data_exports e
     set status = 'completed', sha256 = finish_export.sha256, tables_done = e.table_count, row_count = finish_export.row_count,
         finished_at = core.clock(), expires_at = core.clock() + v_kept
   where e.tenant_id = finish_export.tenant_id and e.id = finish_export.export_id
     and e.status = 'running' and e.attempt = finish_export.attempt;
  return found;
end
$$;
comment on function governance.finish_export is
  'Marks an export as complete; its file is kept for seven days.';
grant execute on function governance.finish_export to rowhouse_worker;

create or replace function governance.expire_exports() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  delete from governance.export_parts p using app_public.data_exports e
   where e.tenant_id = p.tenant_id and e.id = p.export_id and e.expires_at <= core.clock();
  get diagnostics v_count = row_count;
  delete from governance.export_tickets t where t.expires_at <= core.clock();
  return v_count;
end
$$;
comment on function governance.expire_exports is
  'Deletes the files of exports that have expired, and returns how many parts they had.';
grant execute on function governance.expire_exports to rowhouse_worker;

set local role rowhouse_owner;

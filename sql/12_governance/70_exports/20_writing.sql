-- Writing the file of an export: which tables, a page of rows, a part of a file, and the progress. Whoever writes has the number of an
-- attempt; when the export is cancelled or begun anew, what an old attempt writes is refused.

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

-- A short value, such as a hash, stands in its line.
create or replace function governance.file_columns(target regclass) returns text[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(a.attname::text order by a.attnum), '{}')
    from pg_attribute a
   where a.attrelid = file_columns.target and a.attnum > 0 and not a.attisdropped and a.atttypid = 'bytea'::regtype and a.attname !~ 'hash';
$$;
comment on function governance.file_columns is
  'The columns of a table whose values are files of an export.';

create or replace function governance.begin_export(tenant_id uuid, export_id uuid)
returns table (attempt int, table_name text, file_columns text[])
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
  return query select v_export.attempt, t, governance.file_columns(t::regclass) from unnest(v_tables) as t;
end
$$;
comment on function governance.begin_export is
  'Begins an export, or begins it again: the number of the attempt and its tables, each with the columns that are files. Returns nothing when it is cancelled or complete.';
grant execute on function governance.begin_export to rowhouse_worker;

-- The place of a row stands in for the primary key that a table does not have. Partitions number their places each on its own.
create or replace function governance.row_key(target regclass) returns table (n int, name name, type text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select (k.n - 1)::int, a.attname, format_type(a.atttypid, null)
    from unnest(coalesce(audit.key_columns(row_key.target), '{tableoid,ctid}')) with ordinality as k (name, n)
    join pg_attribute a on a.attrelid = row_key.target and a.attname = k.name;
$$;
comment on function governance.row_key is
  'The columns that identify a row of a table, numbered from 0, with their types.';

create or replace function governance.export_query(export app_public.data_exports, target regclass) returns text
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_files constant text[] := governance.file_columns(target);
  v_tenant constant name := governance.tenant_column(target);
  v_key text;
  v_key_texts text;
  v_after text;
  v_columns text;
begin
  select string_agg(format('t.%I', k.name), ', ' order by k.n), string_agg(format('t.%I::text', k.name), ', ' order by k.n),
         string_agg(format('($5 ->> %s)::%s', k.n, k.type), ', ' order by k.n)
    into v_key, v_key_texts, v_after
    from governance.row_key(target) k;
  select string_agg(
           case when a.attname <> all (v_files) then format('t.%I', a.attname)
             -- The bytes are a file of the archive; the line says where, how long and with which hash.
             else format($f$case when t.%1$I is not null then jsonb_build_object('file', %2$L || array_to_string(array[%3$s], '_'),
               'size', octet_length(t.%1$I), 'sha256', encode(sha256(t.%1$I), 'hex')) end as %1$I$f$,
               a.attname, format('files/%s.%s/', target, a.attname), v_key_texts)
           end, ', ' order by a.attnum)
    into v_columns
    from pg_attribute a where a.attrelid = target and a.attnum > 0 and not a.attisdropped;
  return format(
    'select (select to_jsonb(r) from (select %1$s) r) as line, to_jsonb(array[%2$s]) as key from %3$s t
      where (%4$s)%5$s and ($5 is null or (%6$s) > (%7$s)) order by %6$s limit $4',
    v_columns,
    v_key_texts,
    target,
    case when (export).user_id is null then 'true' else governance.belongs_to_person(target) end,
    case when v_tenant is null or (export).is_of_all_tenants then '' else format(' and t.%I = $3', v_tenant) end,
    v_key, v_after);
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
  'A page of the rows of a table in an export, by the key of its rows. Each page is a transaction of its own: a row that changes meanwhile is written as it is when its page is read.';
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
  select string_agg(format('t.%I = ($1 ->> %s)::%s', k.name, k.n, k.type), ' and ')
    into v_condition
    from governance.row_key(export_file_part.table_name::regclass) k;
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

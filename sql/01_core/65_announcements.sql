-- Announcements: who watches rows learns that one changed, when and only when the change is committed. An announcement names
-- the tenant, the table and the row and shows nothing of it, because every session of the cluster's database may listen:
-- who is told reads the row, and what is hidden from them stays hidden. The server listens on one connection.
--
-- PostgreSQL lets one transaction at a time commit that notifies, which made busy tables three times slower. So a change is
-- announced only where somebody watches: servers lease what they watch, and the announcer looks there first.

call core.secure_global_table('core.announced_tables', 'the same tables are announced in all tenants');
comment on table core.announced_tables is 'The tables whose changes are announced.';
comment on column core.announced_tables.table_name is E'@notPersonal\nThe table.';
comment on column core.announced_tables.about is
  E'@notPersonal\nThe column that names what else a row is about, such as its agent: who watches that is told, too.';
comment on column core.announced_tables.kept is
  E'@notPersonal\nThe columns with the tag @kept whose changes are announced all the same.';

delete from core.announced_tables;

create or replace procedure core.announce(target regclass, about name default null, kept name[] default '{}')
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into core.announced_tables (table_name, about, kept) values (announce.target::text, announce.about, announce.kept);
end
$$;
comment on procedure core.announce is
  'Announces every change of a table''s rows to those who watch it: a row that is new or gone and one that was updated, unless only columns tagged @kept were, other than those that kept names. The table has the columns id and, unless it is the one of tenants, tenant_id. about names a column by whose value rows are watched, too.';

call core.secure_global_table('core.watches', 'servers of all tenants say here what they watch');
comment on table core.watches is 'The tables that somebody watches in a tenant. A watcher is a process that listens; what it does not renew ends.';

comment on column core.watches.table_name is E'@notPersonal\nThe table.';

create or replace function core.watch_lease() returns interval
language sql immutable parallel safe
return interval '2 minutes';
comment on function core.watch_lease is 'How long changes are announced to a process that renews nothing.';

create or replace function core.watch_changes(watcher uuid, tenant_ids uuid[], table_names text[]) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  insert into core.watches (table_name, tenant_id, watcher, expires_at)
  select w.table_name, w.tenant_id, watch_changes.watcher, clock_timestamp() + core.watch_lease()
    from unnest(watch_changes.tenant_ids, watch_changes.table_names) as w (tenant_id, table_name)
   order by 1, 2
  on conflict on constraint watches_pkey do update set expires_at = excluded.expires_at;
$$;
comment on function core.watch_changes is
  'Has the changes of tables in tenants announced, from the commit on. A transaction that has written by then may still end without an announcement (core.writers_of).';
grant execute on function core.watch_changes to rowhouse_authenticator;

-- Whoever has written to a table holds this lock until the end of the transaction.
create or replace function core.writers_of(table_names text[]) returns text[]
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(distinct l.virtualtransaction), '{}')
    from pg_locks l
   where l.locktype = 'relation' and l.mode = 'RowExclusiveLock'
     and l.database = (select d.oid from pg_database d where d.datname = current_database())
     and l.relation in (select to_regclass(n)::oid from unnest(writers_of.table_names) as n);
$$;
comment on function core.writers_of is 'The transactions that are writing to any of these tables.';
grant execute on function core.writers_of to rowhouse_authenticator;

create or replace function core.still_running(transactions text[]) returns text[]
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(l.virtualxid), '{}')
    from pg_locks l
   where l.locktype = 'virtualxid' and l.virtualxid = any (still_running.transactions);
$$;
comment on function core.still_running is 'Which of these transactions have not ended.';
grant execute on function core.still_running to rowhouse_authenticator;

create or replace function core.keep_watches(watcher uuid, tenant_ids uuid[], table_names text[]) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from core.watches w
   where w.watcher = keep_watches.watcher
     and not exists (select from unnest(keep_watches.tenant_ids, keep_watches.table_names) as k (tenant_id, table_name)
                      where k.tenant_id = w.tenant_id and k.table_name = w.table_name);
  perform core.watch_changes(keep_watches.watcher, keep_watches.tenant_ids, keep_watches.table_names);
  -- of processes that died
  delete from core.watches w
   where w.ctid in (select d.ctid from core.watches d where d.expires_at < clock_timestamp() for update skip locked);
end
$$;
comment on function core.keep_watches is 'Renews what a process watches, and ends what it no longer does.';
grant execute on function core.keep_watches to rowhouse_authenticator;

create or replace function core.announcements() returns table (schema_name name, name name, announced_as text, about name)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select n.nspname, c.relname, a.table_name, a.about
    from core.announced_tables a
    join pg_class c on c.oid = to_regclass(a.table_name)
    join pg_namespace n on n.oid = c.relnamespace;
$$;
comment on function core.announcements is 'The tables whose changes are announced, and how announcements name them. The server makes subscriptions of those with the tag @live.';
grant execute on function core.announcements to rowhouse_authenticator;

create or replace function core.most_announced_rows() returns int
language sql immutable parallel safe
return 100;
comment on function core.most_announced_rows is
  'The most rows of one statement that are announced one by one. Beyond them the table as a whole is announced for the tenant.';

-- PostgreSQL sends equal announcements of one transaction once.
create or replace function core.notify_change(table_name text, tenant_id uuid, id text default null, about text[] default null) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select pg_notify('rowhouse_changes', json_strip_nulls(json_build_object(
    'table', notify_change.table_name, 'tenant', notify_change.tenant_id, 'id', notify_change.id,
    'about', nullif(array_remove(notify_change.about, null), '{}')))::text);
$$;
comment on function core.notify_change is
  'Announces, when the transaction commits, that a row changed or, without an id, that any row of the table in this tenant may have.';

create or replace function core.announcer(table_name text) returns text
language sql immutable parallel safe
return 'core.' || quote_ident('announce_' || left(replace(replace(table_name, '.', '_'), '"', ''), 50));
comment on function core.announcer is 'The name of the function that announces the changes of a table.';

create or replace function core.announcing_statement(announced core.announced_tables, operation text) returns text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant constant text := coalesce(
    (select a.attname from pg_attribute a where a.attrelid = announced.table_name::regclass and a.attname = 'tenant_id'), 'id');
  v_about constant text := quote_ident(coalesce(announced.about, 'id'));
  v_is_change constant text := (
    select ' where ' || string_agg(format('n.%1$I is distinct from o.%1$I', a.attname), ' or ' order by a.attname) from pg_attribute a
     where a.attrelid = announced.table_name::regclass and a.attname = any ('updated_at'::name || announced.kept));
  v_changed constant text := case operation
    when 'update' then format(
      'select n.%1$s as tenant_id, n.id::text as id, array[o.%2$s::text, nullif(n.%2$s, o.%2$s)::text] as about
         from old_rows o join new_rows n on n.id = o.id and n.%1$s = o.%1$s%3$s',
      v_tenant, v_about, coalesce(v_is_change, ''))
    else format('select c.%1$s as tenant_id, c.id::text as id, array[c.%2$s::text] as about from %3$s c',
      v_tenant, v_about, case operation when 'insert' then 'new_rows' else 'old_rows' end) end;
begin
  return format(
    'perform core.notify_change(%1$L, c.tenant_id, c.id, c.about)
       from (select distinct r.tenant_id, case when r.count <= %2$s then r.id end as id, case when r.count <= %2$s then r.about end as about
               from (select r.*, count(*) over () from (%3$s) r) r) c
      where exists (select from core.watches w where w.table_name = %1$L and w.tenant_id = c.tenant_id and w.expires_at > now());',
    announced.table_name, core.most_announced_rows(), v_changed);
end
$$;
comment on function core.announcing_statement is
  'The statement by which an announcer announces the rows that an operation changed; many at once are announced as the table''s.';

create or replace procedure core.put_announcer(announced core.announced_tables)
language plpgsql
set search_path to pg_catalog, pg_temp
as $do$
declare
  v_function constant text := core.announcer(announced.table_name);
  v_trigger record;
begin
  execute format($function$
create or replace function %1$s() returns trigger
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (select from core.watches w where w.table_name = %5$L and w.expires_at > now()) then
    return null;
  end if;
  case tg_op
    when 'INSERT' then %2$s
    when 'DELETE' then %3$s
    else %4$s
  end case;
  return null;
end
$$$function$, v_function, core.announcing_statement(announced, 'insert'), core.announcing_statement(announced, 'delete'),
    core.announcing_statement(announced, 'update'), announced.table_name);
  execute format('comment on function %s is %L', v_function,
    format('Announces the changes of %s. The migration writes it from the table''s columns.', announced.table_name));
  for v_trigger in
    select * from (values ('insert', 'new table as new_rows'), ('update', 'old table as old_rows new table as new_rows'),
                          ('delete', 'old table as old_rows')) as t (operation, transition_tables)
  loop
    execute format('create or replace trigger _950_announce_%1$s after %1$s on %2$s referencing %3$s for each statement execute function %4$s()',
      v_trigger.operation, announced.table_name, v_trigger.transition_tables, v_function);
  end loop;
end
$do$;
comment on procedure core.put_announcer is 'Writes the function that announces the changes of a table, and puts it on the table.';

create or replace procedure core.put_announcers()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_announced core.announced_tables;
  v_old record;
begin
  for v_old in
    select t.tgname, t.tgrelid::regclass as target from pg_trigger t
     where t.tgname like '\_950\_announce\_%' and t.tgparentid = 0
       and t.tgrelid::regclass::text not in (select a.table_name from core.announced_tables a)
  loop
    execute format('drop trigger %I on %s', v_old.tgname, v_old.target);
  end loop;
  for v_announced in select a.* from core.announced_tables a order by a.table_name loop
    call core.put_announcer(v_announced);
  end loop;
end
$$;
comment on procedure core.put_announcers is
  'Puts the announcers on the announced tables, and takes them off all others. It is one of the last steps of a migration.';

-- Triggers that many tables need: the one that sets updated_at, and guards, which a domain wants on every walled table of
-- the API and of vault. The last steps of a migration put them on all tables, so that no new table can be forgotten.

call core.secure_global_table('core.table_guards', 'the same triggers are on the tables of all tenants');
comment on table core.table_guards is 'The triggers that every walled table of the API and of vault gets.';
comment on column core.table_guards.name is E'@notPersonal\nThe name of the guard.';
call core.secure_global_table('core.table_guard_exemptions', 'the same triggers are on the tables of all tenants');
comment on table core.table_guard_exemptions is 'The tables that are exempt from a guard, each with the reason.';
comment on column core.table_guard_exemptions.table_name is E'@notPersonal\nThe table.';

create or replace procedure core.guard_tables(name name, function regprocedure, meaning text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into core.table_guards as g (name, function, meaning)
  values (guard_tables.name, guard_tables.function::text, guard_tables.meaning)
  on conflict on constraint table_guards_pkey do update set function = excluded.function, meaning = excluded.meaning;
  delete from core.table_guard_exemptions e where e.guard = guard_tables.name;
end
$$;
comment on procedure core.guard_tables is
  'Registers a guard: at the end of the migration, every walled table of the API and of vault gets this function as a statement trigger before insert, update and delete.';

create or replace procedure core.exempt_from_guard(target regclass, guard name, reason text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into core.table_guard_exemptions (guard, table_name, reason)
  values (exempt_from_guard.guard, exempt_from_guard.target::text, exempt_from_guard.reason);
end
$$;
comment on procedure core.exempt_from_guard is 'Exempts a table from a guard, with the reason. Call it where the table is secured.';

create or replace function core.tg__set_updated_at() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  -- It never goes backwards, so that it orders the changes of one row even within a transaction.
  new.updated_at := greatest(clock_timestamp(), old.updated_at + interval '1 microsecond');
  return new;
end
$$;
comment on function core.tg__set_updated_at is 'Sets updated_at when a row changes.';
grant execute on function core.tg__set_updated_at to rowhouse_platform, rowhouse_worker;

-- updated_at is the time of the last change by people. A column that the database maintains, such as a count, has the tag
-- @kept in its comment, and writing it does not set updated_at. Unlogged tables are left out, because functions maintain
-- them as a whole.
create or replace procedure core.put_updated_at_on_tables()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table regclass;
  v_changed text;
  v_has_kept boolean;
begin
  for v_table in
    select a.attrelid
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
     where c.relnamespace in (select core.schemas()) and a.attname = 'updated_at' and not a.attisdropped
     order by a.attrelid::regclass::text
  loop
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum) filter (where not k.is_kept and a.attgenerated = ''),
           bool_or(k.is_kept)
      into v_changed, v_has_kept
      from pg_attribute a
     cross join lateral (select coalesce(col_description(a.attrelid, a.attnum) ~ '(^|\n)@kept(\n|$)', false) as is_kept) as k
     where a.attrelid = v_table and a.attnum > 0 and not a.attisdropped;
    execute format(
      'create or replace trigger _100_set_updated_at before update %s on %s for each row execute function core.tg__set_updated_at()',
      case when v_has_kept then 'of ' || v_changed else '' end, v_table);
  end loop;
end
$$;
comment on procedure core.put_updated_at_on_tables is 'Puts the trigger that sets updated_at on every table that has the column.';

create or replace procedure core.put_guards_on_tables()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_target record;
begin
  for v_target in
    select c.oid::regclass as target, g.name, g.function, g.meaning
      from core.table_guards g
     cross join pg_class c
     where (c.relnamespace in (select core.api_schemas()) or c.relnamespace = 'vault'::regnamespace)
       and c.relkind in ('r', 'p') and not c.relispartition
       and exists (select from pg_policy p where p.polrelid = c.oid and not p.polpermissive and p.polname like 'tenant\_isolation%')
     order by c.relname, g.name
  loop
    if exists (
      select from core.table_guard_exemptions e where e.guard = v_target.name and e.table_name::regclass = v_target.target
    ) then
      execute format('drop trigger if exists %I on %s', v_target.name, v_target.target);
    else
      -- The guard has checked the user's own statement, so it leaves out what triggers and foreign keys do because of it.
      execute format(
        'create or replace trigger %I before insert or update or delete on %s
           for each statement when (pg_trigger_depth() = 0) execute function %s', v_target.name, v_target.target, v_target.function);
      execute format('comment on trigger %I on %s is %L', v_target.name, v_target.target, v_target.meaning);
    end if;
  end loop;
end
$$;
comment on procedure core.put_guards_on_tables is 'Puts every guard on every walled table of the API and of vault that is not exempt from it.';

create or replace procedure core.let_backup_read()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_schema regnamespace;
begin
  for v_schema in select n from core.schemas() as n loop
    execute format('grant usage on schema %s to rowhouse_backup', v_schema);
    execute format('grant select on all sequences in schema %s to rowhouse_backup', v_schema);
  end loop;
end
$$;
comment on procedure core.let_backup_read is
  'Lets rowhouse_backup into every schema and at the state of every sequence. core.close_table lets it read the tables.';

create or replace procedure core.complete_tables()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.put_updated_at_on_tables();
  call core.put_guards_on_tables();
  call core.put_announcers();
  call core.let_backup_read();
end
$$;
comment on procedure core.complete_tables is 'Gives every table the triggers that belong to it, and lets a backup read it. It is the last but one step of a migration.';

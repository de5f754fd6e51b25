-- What every table gets by itself at the end of a migration: its updated_at is kept, and the triggers that a domain wants
-- on all walled tables of the API stand on each.

call core.secure_global_table('core.table_guards', 'the same triggers stand on the tables of every tenant');
comment on table core.table_guards is 'Triggers that every walled table of the API gets.';
call core.secure_global_table('core.table_guard_exemptions', 'the same triggers stand on the tables of every tenant');
comment on table core.table_guard_exemptions is 'Tables that a guard leaves out, and why.';

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
  'Puts a statement trigger before each insert, update and delete on every walled table of the API, at the end of the migration.';

create or replace procedure core.exempt_from_guard(target regclass, guard name, reason text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into core.table_guard_exemptions (guard, table_name, reason)
  values (exempt_from_guard.guard, exempt_from_guard.target::text, exempt_from_guard.reason);
end
$$;
comment on procedure core.exempt_from_guard is 'Leaves a table out of a guard, with the reason. It is said where the table is secured.';

create or replace function core.tg__set_updated_at() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  -- never backwards, so that it orders the changes of one row even within a transaction
  new.updated_at := greatest(clock_timestamp(), old.updated_at + interval '1 microsecond');
  return new;
end
$$;
comment on function core.tg__set_updated_at is 'Sets updated_at when a row changes.';
grant execute on function core.tg__set_updated_at to rowhouse_platform, rowhouse_worker;

-- updated_at is when people changed something. A column that rules keep, such as a count, carries the tag @kept in its
-- comment, and writing it is no change. An unlogged table is state that one function writes.
create or replace procedure core.keep_updated_at()
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
comment on procedure core.keep_updated_at is 'Lets every table that has updated_at keep it.';

create or replace procedure core.place_guards()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_place record;
begin
  for v_place in
    select c.oid::regclass as target, g.name, g.function, g.meaning
      from core.table_guards g
     cross join pg_class c
     where c.relnamespace in (select core.api_schemas()) and c.relkind in ('r', 'p') and not c.relispartition
       and exists (select from pg_policy p where p.polrelid = c.oid and not p.polpermissive and p.polname like 'tenant\_isolation%')
     order by c.relname, g.name
  loop
    if exists (
      select from core.table_guard_exemptions e where e.guard = v_place.name and e.table_name::regclass = v_place.target
    ) then
      execute format('drop trigger if exists %I on %s', v_place.name, v_place.target);
    else
      -- what a trigger or a foreign key does in consequence of a statement is not asked again: the statement was
      execute format(
        'create or replace trigger %I before insert or update or delete on %s
           for each statement when (pg_trigger_depth() = 0) execute function %s', v_place.name, v_place.target, v_place.function);
      execute format('comment on trigger %I on %s is %L', v_place.name, v_place.target, v_place.meaning);
    end if;
  end loop;
end
$$;
comment on procedure core.place_guards is 'Puts every guard on every walled table of the API that is not exempt from it.';

create or replace procedure core.complete_tables()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.keep_updated_at();
  call core.place_guards();
end
$$;
comment on procedure core.complete_tables is 'The last but one step of a migration: what every table gets by itself.';

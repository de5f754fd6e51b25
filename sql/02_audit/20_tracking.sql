-- Which tables are recorded. A table is named once, beside its wall, by audit.track or, with the reason, by audit.leave_out. The
-- last steps of a migration write a recorder for each: a trigger function with the table's columns spelt out, because a plan that
-- is kept makes a small change cost little, and which reads from the columns' comments what must not be shown.

call core.secure_global_table('audit.tracked_tables', 'the same tables are recorded in all tenants');
grant select on audit.tracked_tables to rowhouse_platform;
comment on table audit.tracked_tables is 'The tables whose changes the ledger has. Without a tenant_column their changes are the platform''s.';
call core.secure_global_table('audit.untracked_tables', 'the same tables are recorded in all tenants');
comment on table audit.untracked_tables is 'The tables whose changes the ledger does not have, each with the reason.';

comment on column audit.tracked_tables.table_name is '@notPersonal';
comment on column audit.untracked_tables.table_name is '@notPersonal';

delete from audit.tracked_tables;
delete from audit.untracked_tables;

create or replace procedure audit.track(target regclass, variadic redact name[] default '{}')
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.tracked_tables (table_name, tenant_column, redacted) values (track.target::text, 'tenant_id', track.redact);
end
$$;
comment on procedure audit.track is
  'Records every change of a tenant''s table in the ledger. Columns that are tagged @personal erase or @personal pseudonymise, those named by redact, and everything in vault are recorded without their values.';

create or replace procedure audit.track_global(target regclass, tenant_column name, variadic redact name[] default '{}')
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.tracked_tables (table_name, tenant_column, redacted)
  values (track_global.target::text, track_global.tenant_column, track_global.redact);
end
$$;
comment on procedure audit.track_global is
  'As audit.track, for a table without a column tenant_id: tenant_column names the tenant in whose ledger a row''s changes are kept, or is null for the platform''s.';

create or replace procedure audit.leave_out(reason text, variadic targets regclass[])
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into audit.untracked_tables (table_name, reason) select t::text, leave_out.reason from unnest(leave_out.targets) as t;
end
$$;
comment on procedure audit.leave_out is 'Says why the changes of some tables are not in the ledger.';

create or replace function audit.longest_value_bytes() returns int
language sql immutable parallel safe
return 8192;
comment on function audit.longest_value_bytes is 'The longest value that the ledger keeps; of a longer one it keeps the hash.';
grant execute on function audit.longest_value_bytes to rowhouse_platform;

create or replace function audit.hash_in_place_of(value text) returns text
language sql immutable strict parallel safe
return format('{"sha256":"%s","bytes":%s}', encode(sha256(convert_to(value, 'UTF8')), 'hex'), octet_length(value));
comment on function audit.hash_in_place_of is 'What the ledger keeps of a value that is too long: its SHA-256 and its bytes, as JSON.';
grant execute on function audit.hash_in_place_of to rowhouse_platform;

-- A column as the recorder sees it: how its value is written as JSON, and whether a change of it counts.
create or replace function audit.recorded_columns(target regclass, redacted name[])
returns table (name text, is_json boolean, is_long boolean, is_redacted boolean)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select a.attname::text,
         b.oid = any ('{json,xml,point}'::regtype[]),
         -- the words of a closed list are short
         not (b.typlen > 0 or b.oid = 'numeric'::regtype or t.typtype = 'd' and exists (
           select from pg_constraint k where k.contypid = t.oid)),
         c.relnamespace = 'vault'::regnamespace and not coalesce(a.attnum = any (i.indkey), false)
           or a.attname = any (recorded_columns.redacted)
           or coalesce(col_description(a.attrelid, a.attnum) ~ '(^|\n)@personal (erase|pseudonymise)(\s|$)', false)
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_type t on t.oid = a.atttypid
    join pg_type b on b.oid = case t.typtype when 'd' then t.typbasetype else t.oid end
    left join pg_index i on i.indrelid = c.oid and i.indisprimary
   where a.attrelid = recorded_columns.target and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     -- what rules keep is no change that anybody made
     and a.attname <> 'updated_at' and not coalesce(col_description(a.attrelid, a.attnum) ~ '(^|\n)@kept(\n|$)', false)
   order by a.attnum;
$$;
comment on function audit.recorded_columns is
  'The columns of a table that are recorded: whether they cannot be compared as they are, may be long, and must not be shown.';
grant execute on function audit.recorded_columns to rowhouse_platform;

create or replace function audit.value_expression(name text, is_long boolean, is_redacted boolean, from_row text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select format(case
      when is_redacted then 'case when %1$s.%2$I is null then ''null'' else ''{"redacted":true}'' end'
      when is_long then 'coalesce(case when octet_length(%1$s.%2$I::text) <= audit.longest_value_bytes() then to_json(%1$s.%2$I)::text'
        ' else audit.hash_in_place_of(%1$s.%2$I::text) end, ''null'')'
      else 'coalesce(to_json(%1$s.%2$I)::text, ''null'')' end, from_row, name);
$$;
comment on function audit.value_expression is 'The SQL that writes a column of a row as JSON, for a recorder.';
grant execute on function audit.value_expression to rowhouse_platform;

-- concat_ws takes at most a hundred arguments, so the columns are put together by fifties.
create or replace function audit.joined_expressions(expressions text[]) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select format('concat_ws('','', %s)', string_agg(part.text, ', ' order by part.n))
    from (select (e.n - 1) / 50 as n, format('nullif(concat_ws('','', %s), '''')', string_agg(e.expression, ', ' order by e.n)) as text
            from unnest(expressions) with ordinality as e (expression, n) group by 1) as part;
$$;
comment on function audit.joined_expressions is 'The SQL that puts texts together with commas and leaves out nulls.';
grant execute on function audit.joined_expressions to rowhouse_platform;

create or replace function audit.changes_expression(target regclass, redacted name[], operation text) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select audit.joined_expressions(array_agg(format(
      case changes_expression.operation
        when 'insert' then 'case when n.%1$I is not null then %2$L || %4$s || '']'' end'
        when 'delete' then 'case when o.%1$I is not null then %3$L || %5$s || '',null]'' end'
        else 'case when o.%1$I%6$s is distinct from n.%1$I%6$s then %3$L || %5$s || '','' || %4$s || '']'' end' end,
      c.name, to_json(c.name) || ':[null,', to_json(c.name) || ':[',
      audit.value_expression(c.name, c.is_long, c.is_redacted, 'n'), audit.value_expression(c.name, c.is_long, c.is_redacted, 'o'),
      case when c.is_json then '::text' else '' end)))
    from audit.recorded_columns(changes_expression.target, changes_expression.redacted) c;
$$;
comment on function audit.changes_expression is
  'The SQL that writes what an operation changed, as the inside of a JSON object of columns with old and new value. n and o are the new and the old row.';
grant execute on function audit.changes_expression to rowhouse_platform;

create or replace function audit.key_columns(target regclass) returns name[]
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select array_agg(a.attname order by array_position(i.indkey::int2[], a.attnum))
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
   where i.indrelid = key_columns.target and i.indisprimary;
$$;
comment on function audit.key_columns is 'The columns of a table''s primary key.';
grant execute on function audit.key_columns to rowhouse_platform;

create or replace function audit.recorder_suffix(table_name text) returns text
language sql immutable parallel safe
return left(replace(replace(table_name, '.', '_'), '"', ''), 50);
comment on function audit.recorder_suffix is 'What the name of a table''s recorder, audit.record_…, ends with.';
grant execute on function audit.recorder_suffix to rowhouse_platform, rowhouse_owner;

create or replace function audit.recording_statement(tracked audit.tracked_tables, operation text) returns text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_target constant regclass := tracked.table_name;
  v_key constant name[] := audit.key_columns(v_target);
  v_named constant name[] := coalesce(nullif(array_remove(v_key, 'tenant_id'), '{}'), v_key);
  v_row constant text := case operation when 'insert' then 'n.%1$I' when 'delete' then 'o.%1$I' else 'coalesce(n.%1$I, o.%1$I)' end;
begin
  return format(
    'insert into audit.ledger (tenant_id, occurred_at, kind, operation, table_name, row_key, changes,
       actor, actor_name, actor_role, actor_user_id, actor_key_id, on_behalf_of_user_id, request_id, ip)
     select c.tenant_id, v.occurred_at, ''data'', %L, %L, c.row_key, (''{'' || c.changes || ''}'')::jsonb,
       v.actor, v.actor_name, v.actor_role, v.actor_user_id, v.actor_key_id, v.on_behalf_of_user_id, v.request_id, v.ip
       from (select %s as tenant_id, left(%s, 500) as row_key, %s as changes from %s offset 0) as c
      where c.changes <> '''';',
    operation, tracked.table_name,
    case when tracked.tenant_column is null then 'audit.platform_ledger()' else format(v_row, tracked.tenant_column) end,
    (select string_agg(format(v_row || '::text', k.name), ' || ''/'' || ' order by k.n) from unnest(v_named) with ordinality as k (name, n)),
    audit.changes_expression(v_target, tracked.redacted, operation),
    case operation
      when 'insert' then 'new_rows n'
      when 'delete' then 'old_rows o'
      else 'old_rows o full join new_rows n on '
        || (select string_agg(format('n.%1$I = o.%1$I', k), ' and ') from unnest(v_key) as k) end);
end
$$;
comment on function audit.recording_statement is 'The statement by which a recorder writes the rows of one operation to the ledger.';
grant execute on function audit.recording_statement to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: a change is recorded in the tenant of its row, whoever made it
create or replace procedure audit.write_recorders()
language plpgsql
set search_path to pg_catalog, pg_temp
as $do$
declare
  v_tracked audit.tracked_tables;
begin
  for v_tracked in select t.* from audit.tracked_tables t order by t.table_name loop
    if audit.key_columns(v_tracked.table_name::regclass) is null then
      perform core.raise_error('UD901', format('%s needs a primary key.', v_tracked.table_name), 'The ledger names rows by it.');
    end if;
    execute format($function$
create or replace function audit.record_%1$s() returns trigger
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
-- A plan is kept that may have been made for one row, and must not be used for many. Compiling it took twenty times as long as
-- recording 10,000 rows of the widest table.
set enable_nestloop to off
set jit to off
as $$
declare
  v constant audit.ledger := audit.actor();
begin
  case tg_op
    when 'INSERT' then %2$s
    when 'DELETE' then %3$s
    else %4$s
  end case;
  return null;
end
$$$function$,
      audit.recorder_suffix(v_tracked.table_name), audit.recording_statement(v_tracked, 'insert'),
      audit.recording_statement(v_tracked, 'delete'), audit.recording_statement(v_tracked, 'update'));
    execute format('comment on function audit.record_%s is %L', audit.recorder_suffix(v_tracked.table_name),
      format('Records the changes of %s in the ledger. The migration writes it from the table''s columns.', v_tracked.table_name));
    execute format('grant execute on function audit.record_%s to rowhouse_owner', audit.recorder_suffix(v_tracked.table_name));
  end loop;
end
$do$;
comment on procedure audit.write_recorders is
  E'@errors UD901\nWrites the function that records the changes of each tracked table. It is one of the last steps of a migration.';
set local role rowhouse_owner;

create or replace procedure audit.put_recorders()
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tracked audit.tracked_tables;
  v_old record;
begin
  for v_old in
    select t.tgname, t.tgrelid::regclass as target from pg_trigger t
     where t.tgname like '\_900\_record\_%' and t.tgrelid::regclass::text not in (select k.table_name from audit.tracked_tables k)
  loop
    execute format('drop trigger %I on %s', v_old.tgname, v_old.target);
  end loop;
  for v_tracked in select t.* from audit.tracked_tables t order by t.table_name loop
    call audit.put_recorder(v_tracked.table_name, 'insert', 'new table as new_rows');
    call audit.put_recorder(v_tracked.table_name, 'update', 'old table as old_rows new table as new_rows');
    call audit.put_recorder(v_tracked.table_name, 'delete', 'old table as old_rows');
  end loop;
end
$$;
comment on procedure audit.put_recorders is 'Puts the recorders on the tracked tables, and takes them off all others. It is one of the last steps of a migration.';

create or replace procedure audit.put_recorder(table_name text, operation text, transition_tables text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  execute format(
    'create or replace trigger _900_record_%1$s after %1$s on %2$s referencing %3$s for each statement execute function audit.record_%4$s()',
    operation, table_name, transition_tables, audit.recorder_suffix(table_name));
  execute format('alter table %s enable always trigger _900_record_%s', table_name, operation);
end
$$;
comment on procedure audit.put_recorder is 'Puts the recorder of one operation on a table, so that it runs also where a session says that it is a replica.';

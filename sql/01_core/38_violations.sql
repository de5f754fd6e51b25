-- What an input violates, all at once: PostgreSQL itself stops at the first rule that does not hold, and a form wants to
-- mark every field. The rules are read from the catalogue, so that they are written in one place, the table's definition.

create or replace function core.check_violations(target regclass, input jsonb)
returns table (constraint_name name, column_names text[], message text)
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_constraint record;
  v_holds boolean;
begin
  -- A column that the caller may not write is filled in by a default or a trigger.
  return query
    select null::name, array[a.attname::text], format('%s must have a value.', replace(a.attname, '_', ' '))
      from pg_attribute a
     where a.attrelid = target and a.attnum > 0 and not a.attisdropped
       and a.attnotnull and a.attgenerated = '' and a.attidentity = ''
       and has_column_privilege(target, a.attnum, 'insert')
       and case when input ? a.attname then input -> a.attname = 'null' else not a.atthasdef end
     order by a.attnum;

  for v_constraint in
    select c.conname, pg_get_expr(c.conbin, c.conrelid) as expression, k.names,
           coalesce(nullif(regexp_replace(obj_description(c.oid, 'pg_constraint'), '^@[^\n]*(\n|$)', '', 'gn'), ''),
                    replace(c.conname, '_', ' ')) as message
      from pg_constraint c,
           lateral (
             select array_agg(a.attname::text order by a.attnum) as names,
                    -- what a default will fill in is not known yet
                    bool_and(input ? a.attname or not a.atthasdef) as are_known
               from pg_attribute a
              where a.attrelid = c.conrelid and a.attnum = any (c.conkey)
           ) as k
     where c.conrelid = target and c.contype = 'c' and k.are_known
     order by c.conname
  loop
    begin
      execute format('select %s from jsonb_populate_record(null::%s, $1)', v_constraint.expression, target)
        into v_holds using input;
    exception when others then
      -- The value does not fit its type, or the caller may not call the rule's function: the statement itself says so.
      v_holds := null;
    end;
    if v_holds is false then
      constraint_name := v_constraint.conname;
      column_names := v_constraint.names;
      message := v_constraint.message;
      return next;
    end if;
  end loop;
end
$$;
comment on function core.check_violations is
  'The check constraints and required columns of a table that a row made of this input would violate, with their rules in words. Columns that the input leaves to a default are not judged.';
grant execute on function core.check_violations to rowhouse_user, rowhouse_admin;

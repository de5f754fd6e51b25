-- Partitions by month (UTC), which a task creates ahead of time. A row of a month without a partition is kept by the default
-- partition, and moves when the month gets its own partition.

create or replace function metering.monthly_tables() returns table (parent regclass, key name, leftover regclass)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select p.partrelid::regclass, a.attname, p.partdefid::regclass
    from pg_partitioned_table p
    join pg_class c on c.oid = p.partrelid and c.relnamespace in (select core.schemas())
    join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0] and a.atttypid = 'timestamptz'::regtype
   where p.partstrat = 'r' and p.partnatts = 1 and p.partdefid <> 0
     -- The rows of a table that is never changed do not move either.
     and has_table_privilege('rowhouse_platform', p.partdefid, 'delete')
   order by 1;
$$;
comment on function metering.monthly_tables is
  'The tables that are partitioned by month, here and in the domains above, each with the column of its key and its default partition: those whose default partition the platform may clear.';

create or replace function metering.month_start(at timestamptz) returns timestamptz
language sql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select date_trunc('month', at, 'UTC');
$$;
comment on function metering.month_start is
  'The start of the month of an instant, in UTC.';
grant execute on function metering.month_start to rowhouse_platform;

create or replace function metering.create_month(parent regclass, key name, leftover regclass, month timestamptz) returns boolean
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next constant timestamptz := metering.month_start(create_month.month + interval '32 days');
  -- It lies in the schema of the default partition.
  v_name constant text := (
    select format('%I.%I', n.nspname, p.relname || to_char(create_month.month at time zone 'UTC', '_YYYY_MM'))
      from pg_class d join pg_namespace n on n.oid = d.relnamespace, pg_class p
     where d.oid = create_month.leftover and p.oid = create_month.parent);
begin
  if to_regclass(v_name) is not null then
    return false;
  end if;
  -- Writers wait for this lock before they choose a partition, so none puts a row of this month into the default partition now.
  execute format('lock table %s in share row exclusive mode', create_month.parent);
  if to_regclass(v_name) is not null then
    return false;
  end if;
  execute format('create table %s (like %s including defaults including generated including constraints)', v_name, create_month.parent);
  execute format('grant insert on %s to rowhouse_platform', v_name);
  perform metering.move_leftover(create_month.leftover, v_name::regclass, create_month.key, create_month.month, v_next);
  execute format('revoke insert on %s from rowhouse_platform', v_name);
  execute format('alter table %s attach partition %s for values from (%L) to (%L)', create_month.parent, v_name, create_month.month, v_next);
  call core.secure_tenant_table(v_name::regclass);
  execute format('comment on table %s is %L', v_name, 'A month of ' || create_month.parent || '.');
  return true;
end
$$;
comment on function metering.create_month is
  'Creates the partition of a month, and moves the rows of the month out of the default partition. Returns false when the partition exists already.';

create or replace function metering.create_partitions(months_ahead int default 3) returns int
language plpgsql volatile security definer
-- Recording waits for this function, so it gives up early and is tried again later.
set lock_timeout to '5s'
-- Securing a new table would print a notice for each policy.
set client_min_messages to warning
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_month timestamptz;
  v_created int := 0;
begin
  for v_table in select * from metering.monthly_tables() loop
    for v_month in
      select metering.month_start(core.clock() + make_interval(months => ahead))
        from generate_series(0, create_partitions.months_ahead) as ahead
      union
      select * from metering.leftover_months(v_table.leftover, v_table.key)
      order by 1
    loop
      if metering.create_month(v_table.parent, v_table.key, v_table.leftover, v_month) then
        v_created := v_created + 1;
      end if;
    end loop;
  end loop;
  return v_created;
end
$$;
comment on function metering.create_partitions is
  'Creates the partitions of this month and of the next months, and of every month that has rows in a default partition. Returns how many it created. Calling it again is harmless.';
grant execute on function metering.create_partitions to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: a month's partition holds all tenants' rows, and so does what moves into it
create or replace function metering.leftover_months(leftover regclass, key name) returns setof timestamptz
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query execute format('select distinct metering.month_start(%I) from %s', leftover_months.key, leftover_months.leftover);
end
$$;
comment on function metering.leftover_months is
  'The months that have rows in a default partition.';
grant execute on function metering.leftover_months to rowhouse_owner;

create or replace function metering.move_leftover(leftover regclass, target regclass, key name, from_at timestamptz, to_at timestamptz)
returns bigint
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_columns text := (
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
     where attrelid = move_leftover.target and attnum > 0 and not attisdropped and attgenerated = '');
  v_moved bigint;
begin
  execute format('with moved as (delete from %1$s where %2$I >= $1 and %2$I < $2 returning %3$s) insert into %4$s (%3$s) select %3$s from moved',
    leftover, key, v_columns, target) using from_at, to_at;
  get diagnostics v_moved = row_count;
  return v_moved;
end
$$;
comment on function metering.move_leftover is
  'Moves the rows of a month, for all tenants, from a default partition to the table that becomes the partition of the month.';
grant execute on function metering.move_leftover to rowhouse_owner;

set local role rowhouse_owner;

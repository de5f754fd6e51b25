-- Partitions of months that retention has emptied are dropped, so that the tables do not keep the room of what is gone.

create or replace function governance.old_months() returns table (month regclass, parent regclass, key name, starts_at timestamptz)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select c.oid::regclass, p.parent, p.key, to_date(right(c.relname, 7), 'YYYY_MM')::timestamp at time zone 'UTC'
    from metering.monthly_tables() p
    join pg_inherits i on i.inhparent = p.parent
    join pg_class c on c.oid = i.inhrelid
   where c.relname ~ '_\d{4}_\d{2}$'
     and to_date(right(c.relname, 7), 'YYYY_MM') < (core.clock() - interval '62 days')::date
   order by c.relname;
$$;
comment on function governance.old_months is 'The partitions of months that ended more than a month ago, each with its table, the column of its key and its start.';
grant execute on function governance.old_months to rowhouse_platform;

create or replace function governance.lock_month(month regclass) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if lock_month.month not in (select m.month from governance.old_months() m) then
    perform core.raise_error('RT901', 'This is no partition of a past month.', 'governance.old_months lists them.');
  end if;
  execute format('lock table %s in access exclusive mode', lock_month.month);
end
$$;
comment on function governance.lock_month is E'@errors RT901\nLocks the partition of a past month, so that nobody writes to it.';
grant execute on function governance.lock_month to rowhouse_platform;

create or replace function governance.drop_month(month regclass) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform governance.lock_month(drop_month.month);
  execute format('drop table %s', drop_month.month);
end
$$;
comment on function governance.drop_month is E'@errors RT901\nDrops the partition of a past month.';
grant execute on function governance.drop_month to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: retention runs for all tenants, by the catalogue
create or replace function governance.drop_empty_months() returns int
language plpgsql volatile security definer
-- Recording waits for this function, so it gives up early and is tried again in the next night.
set lock_timeout to '5s'
set search_path to pg_catalog, pg_temp
as $$
declare
  v_month record;
  v_is_empty boolean;
  v_dropped int := 0;
begin
  for v_month in
    select m.month, format('select not exists (select from %s where %I >= $1 and %2$I < $1 + interval ''1 month'')', m.parent, m.key) as look,
           m.starts_at
      from governance.old_months() m
  loop
    execute v_month.look into v_is_empty using v_month.starts_at;
    if v_is_empty then
      perform governance.lock_month(v_month.month);
      -- Someone may have recorded something late before the lock.
      execute v_month.look into v_is_empty using v_month.starts_at;
    end if;
    if v_is_empty then
      perform governance.drop_month(v_month.month);
      v_dropped := v_dropped + 1;
    end if;
  end loop;
  return v_dropped;
end
$$;
comment on function governance.drop_empty_months is
  'Drops the partitions of past months that retention has emptied, and returns how many.';
grant execute on function governance.drop_empty_months to rowhouse_worker;

set local role rowhouse_owner;

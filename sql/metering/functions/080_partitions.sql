-- Partitions by month (UTC), made ahead by a task. A row of a month that has none is kept by the default partition, and
-- moves when the month gets its own.

create or replace function app_private.monthly_tables() returns table (parent regclass, key name, leftover regclass)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  values ('app_public.usage_events'::regclass, 'occurred_at'::name, 'app_private.usage_events_default'::regclass),
         ('app_private.llm_calls', 'occurred_at', 'app_private.llm_calls_default'),
         ('app_private.llm_texts', 'occurred_at', 'app_private.llm_texts_default'),
         ('app_private.usage_minutes', 'minute', 'app_private.usage_minutes_default');
$$;
comment on function app_private.monthly_tables() is 'The tables partitioned by month: what by, and the partition that takes what has no month''s.';

create or replace function app_private.month_start(at timestamptz) returns timestamptz
language sql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select date_trunc('month', at, 'UTC');
$$;
comment on function app_private.month_start(timestamptz) is 'When the month of an instant began, in UTC.';

create or replace function app_private.create_month(parent regclass, key name, leftover regclass, month timestamptz) returns boolean
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next constant timestamptz := app_private.month_start(create_month.month + interval '32 days');
  v_name constant text := format('app_private.%I',
    (select relname from pg_class where oid = create_month.parent) || to_char(create_month.month at time zone 'UTC', '_YYYY_MM'));
begin
  if to_regclass(v_name) is not null then
    return false;
  end if;
  -- writers wait before they choose a partition, so none can put a row of this month into the default one meanwhile
  execute format('lock table %s in share row exclusive mode', create_month.parent);
  if to_regclass(v_name) is not null then
    return false;
  end if;
  execute format('create table %s (like %s including defaults including generated including constraints)', v_name, create_month.parent);
  execute format('grant insert on %s to rowhouse_platform', v_name);
  perform app_private.move_leftover(create_month.leftover, v_name::regclass, create_month.key, create_month.month, v_next);
  execute format('revoke insert on %s from rowhouse_platform', v_name);
  execute format('alter table %s attach partition %s for values from (%L) to (%L)', create_month.parent, v_name, create_month.month, v_next);
  call app_private.secure_tenant_table(v_name::regclass);
  execute format('comment on table %s is %L', v_name, 'A month of ' || create_month.parent || '.');
  return true;
end
$$;
comment on function app_private.create_month(regclass, name, regclass, timestamptz) is
  'Makes the partition of a month and moves what the default partition kept for it; false when it is there already.';

create or replace function app_private.create_partitions(months_ahead int default 3) returns int
language plpgsql volatile security definer
-- whoever records waits for it: rather try again later than hold them up
set lock_timeout to '5s'
-- securing a new table tells of each policy that it has none to replace
set client_min_messages to warning
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_month timestamptz;
  v_created int := 0;
begin
  for v_table in select * from app_private.monthly_tables() loop
    for v_month in
      select app_private.month_start(app_hidden.clock() + make_interval(months => ahead))
        from generate_series(0, create_partitions.months_ahead) as ahead
      union
      select * from app_private.leftover_months(v_table.leftover, v_table.key)
      order by 1
    loop
      if app_private.create_month(v_table.parent, v_table.key, v_table.leftover, v_month) then
        v_created := v_created + 1;
      end if;
    end loop;
  end loop;
  return v_created;
end
$$;
comment on function app_private.create_partitions(int) is
  'Makes the partitions of this month and the next ones, and of every month that the default partitions have rows of; returns how many. Doing it twice is harmless.';
grant execute on function app_private.create_partitions(int) to rowhouse_worker;
grant execute on function app_private.month_start(timestamptz) to rowhouse_platform;

-- When a cron expression comes due. It has the five fields of crontab(5): minute, hour, day of the month, month, weekday.
-- The clock is that of a time zone, and its jumps are the hard part. The rule: a schedule that names hours runs once for
-- each time that it names, at the first instant at which the clock shows that time or a later one. So a time that occurs
-- twice runs at its first, and a time that is skipped runs right after the gap. A schedule for every hour has no such
-- times: it runs whenever the clock shows one of its minutes, also in both of the hours that occur twice.

create or replace function core.cron_number(word text, names text[], lowest int) returns int
language sql immutable parallel safe
return case when word ~ '^\d+$' then word::int else array_position(names, word) + lowest - 1 end;
comment on function core.cron_number is
  'The number that a word of a cron expression stands for: itself, or that of a month or a weekday; null when it is neither.';
grant execute on function core.cron_number to rowhouse_worker, rowhouse_platform;

create or replace function core.cron_values(field text, name text, lowest int, highest int, names text[] default '{}')
returns int[]
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_part text;
  v_found text[];
  v_from int;
  v_to int;
  v_step int;
  v_values int[] := '{}';
begin
  foreach v_part in array string_to_array(lower(cron_values.field), ',') loop
    -- A step needs a star or a range before it, because 5/10 means different things to different programs.
    v_found := regexp_match(v_part, '^(?:(\*)|(\d{1,2}|[a-z]{3})(?:-(\d{1,2}|[a-z]{3}))?)(?:/(\d{1,2}))?$');
    v_from := case when v_found[1] = '*' then cron_values.lowest
                   else core.cron_number(v_found[2], cron_values.names, cron_values.lowest) end;
    v_to := case when v_found[1] = '*' then cron_values.highest
                 else core.cron_number(coalesce(v_found[3], v_found[2]), cron_values.names, cron_values.lowest) end;
    v_step := coalesce(v_found[4]::int, 1);
    if v_from is null or v_to is null or v_from < cron_values.lowest or v_to > cron_values.highest or v_from > v_to
      or v_step not between 1 and cron_values.highest
      or v_found[4] is not null and coalesce(v_found[1], v_found[3]) is null
    then
      perform core.raise_error('RH401',
        format('The %s of the cron expression is not valid: "%s".', cron_values.name, left(v_part, 40)),
        format('Write *, a number from %1$s to %2$s, a range such as %1$s-%2$s, a range or * with a step such as */2, or several of these with commas.',
          cron_values.lowest, cron_values.highest));
    end if;
    v_values := v_values || array(select generate_series(v_from, v_to, v_step));
  end loop;
  return array(select distinct v from unnest(v_values) as v order by v);
end
$$;
comment on function core.cron_values is
  E'@errors RH401\nThe values that one field of a cron expression admits, in order. The error calls the field by its name.';
grant execute on function core.cron_values to rowhouse_worker, rowhouse_platform;

create or replace function core.read_cron(expression text) returns core.cron_schedule
language plpgsql immutable parallel safe strict
set search_path to pg_catalog, pg_temp
as $$
declare
  v_longest constant int := 200;
  v_fields text[];
  v_schedule core.cron_schedule;
begin
  if length(read_cron.expression) > v_longest then
    perform core.raise_error('RH401', format('A cron expression has at most %s characters.', v_longest));
  end if;
  v_fields := regexp_split_to_array(btrim(read_cron.expression), '\s+');
  if cardinality(v_fields) <> 5 then
    perform core.raise_error('RH401', format('A cron expression has 5 fields, and this one has %s.', cardinality(v_fields)),
      'Write minute, hour, day of the month, month and weekday, such as 30 2 * * mon-fri.');
  end if;
  v_schedule.minutes := core.cron_values(v_fields[1], 'minute', 0, 59);
  v_schedule.hours := core.cron_values(v_fields[2], 'hour', 0, 23);
  v_schedule.days := core.cron_values(v_fields[3], 'day of the month', 1, 31);
  v_schedule.months := core.cron_values(v_fields[4], 'month', 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
  -- Sunday is 0 and 7.
  v_schedule.weekdays := array(
    select distinct v % 7 from unnest(core.cron_values(v_fields[5], 'weekday', 0, 7, '{sun,mon,tue,wed,thu,fri,sat}')) as v
     order by 1);
  return v_schedule;
end
$$;
comment on function core.read_cron is
  E'@errors RH401\nWhat the five fields of a cron expression admit.';
grant execute on function core.read_cron to rowhouse_worker, rowhouse_platform;

-- The day of the month and the weekday are alternatives when each of them leaves days out, as in crontab(5).
create or replace function core.cron_admits_day(schedule core.cron_schedule, day date) returns boolean
language sql immutable parallel safe
return extract(month from day)::int = any ((schedule).months)
  and case when cardinality((schedule).days) = 31 or cardinality((schedule).weekdays) = 7
           then extract(day from day)::int = any ((schedule).days) and extract(dow from day)::int = any ((schedule).weekdays)
           else extract(day from day)::int = any ((schedule).days) or extract(dow from day)::int = any ((schedule).weekdays) end;
comment on function core.cron_admits_day is 'Whether a cron expression admits a day.';
grant execute on function core.cron_admits_day to rowhouse_worker, rowhouse_platform;

create or replace function core.cron_next_day(schedule core.cron_schedule, from_day date) returns date
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  -- The longest wait is that for 29 February across a year such as 2100.
  v_last constant date := cron_next_day.from_day + 366 * 8;
  v_day date := cron_next_day.from_day;
begin
  while v_day <= v_last loop
    if extract(month from v_day)::int <> all (cron_next_day.schedule.months) then
      v_day := date_trunc('month', v_day::timestamp) + interval '1 month';
    elsif core.cron_admits_day(cron_next_day.schedule, v_day) then
      return v_day;
    else
      v_day := v_day + 1;
    end if;
  end loop;
  perform core.raise_error('RH402', 'The cron expression never comes due, because none of its months has such a day.',
    'Choose a day of the month that one of the months has.');
end
$$;
comment on function core.cron_next_day is
  E'@errors RH402\nThe first day that a cron expression admits, from a day on.';
grant execute on function core.cron_next_day to rowhouse_worker, rowhouse_platform;

-- PostgreSQL reads a local time that occurs twice as its second, and one that is skipped as if the clock had not jumped yet.
create or replace function core.first_instant(local_time timestamp, timezone text) returns timestamptz
language plpgsql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_at timestamptz := first_instant.local_time at time zone first_instant.timezone;
  v_ahead constant interval := (v_at at time zone first_instant.timezone) - first_instant.local_time;
  v_day_before timestamptz;
  v_before timestamptz;
  v_middle timestamptz;
begin
  if v_ahead = interval '0' then
    v_day_before := v_at - interval '24 hours';
    -- The same local time by the offset of the day before is the first of two when the clock was set back in between.
    v_before := v_day_before + (first_instant.local_time - (v_day_before at time zone first_instant.timezone));
    return case when v_before < v_at and v_before at time zone first_instant.timezone = first_instant.local_time
                then v_before else v_at end;
  end if;
  -- The clock jumped, at most as long ago as it jumped far. Halving finds the second.
  v_before := v_at - v_ahead;
  while v_at - v_before > interval '1 second' loop
    v_middle := date_trunc('second', v_before + (v_at - v_before) / 2);
    if v_middle at time zone first_instant.timezone >= first_instant.local_time then
      v_at := v_middle;
    else
      v_before := v_middle;
    end if;
  end loop;
  return v_at;
end
$$;
comment on function core.first_instant is
  E'@errors 22023\nThe first instant at which the clock of a time zone shows a local time or, when the clock skips it, a later one.';
grant execute on function core.first_instant to rowhouse_worker, rowhouse_platform;

create or replace function core.cron_next_named_time(schedule core.cron_schedule, after timestamptz, timezone text)
returns timestamptz
language plpgsql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_start constant timestamp := cron_next_named_time.after at time zone cron_next_named_time.timezone;
  v_day date := v_start::date;
  v_hour int;
  v_minute int;
  v_local_time timestamp;
  v_at timestamptz;
begin
  loop
    v_day := core.cron_next_day(cron_next_named_time.schedule, v_day);
    foreach v_hour in array cron_next_named_time.schedule.hours loop
      foreach v_minute in array cron_next_named_time.schedule.minutes loop
        v_local_time := v_day + make_time(v_hour, v_minute, 0);
        continue when v_local_time <= v_start;
        v_at := core.first_instant(v_local_time, cron_next_named_time.timezone);
        -- It is not after when the clock shows its second pass of an hour.
        if v_at > cron_next_named_time.after then
          return v_at;
        end if;
      end loop;
    end loop;
    v_day := v_day + 1;
  end loop;
end
$$;
comment on function core.cron_next_named_time is
  E'@errors RH402 22023\nWhen a cron expression that leaves hours out comes due next.';
grant execute on function core.cron_next_named_time to rowhouse_worker, rowhouse_platform;

create or replace function core.cron_next_of_every_hour(schedule core.cron_schedule, after timestamptz, timezone text)
returns timestamptz
language plpgsql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_at timestamptz := date_trunc('minute', cron_next_of_every_hour.after) + interval '1 minute';
  v_local_time timestamp;
  v_day date;
begin
  loop
    v_local_time := v_at at time zone cron_next_of_every_hour.timezone;
    v_day := core.cron_next_day(cron_next_of_every_hour.schedule, v_local_time::date);
    if v_day > v_local_time::date then
      v_at := core.first_instant(v_day, cron_next_of_every_hour.timezone);
    elsif extract(minute from v_local_time)::int = any (cron_next_of_every_hour.schedule.minutes) then
      return v_at;
    else
      v_at := v_at + interval '1 minute';
    end if;
  end loop;
end
$$;
comment on function core.cron_next_of_every_hour is
  E'@errors RH402 22023\nWhen a cron expression for every hour comes due next. A day that begins is at most two hours of minutes away from it.';
grant execute on function core.cron_next_of_every_hour to rowhouse_worker, rowhouse_platform;

create or replace function core.cron_next(expression text, after timestamptz, timezone text) returns timestamptz
language plpgsql stable parallel safe strict
set search_path to pg_catalog, pg_temp
as $$
declare
  v_schedule constant core.cron_schedule := core.read_cron(cron_next.expression);
begin
  return case when not isfinite(cron_next.after) then null
              when cardinality(v_schedule.hours) = 24
              then core.cron_next_of_every_hour(v_schedule, cron_next.after, cron_next.timezone)
              else core.cron_next_named_time(v_schedule, cron_next.after, cron_next.timezone) end;
end
$$;
comment on function core.cron_next is
  E'@errors RH401 RH402 22023\nWhen a cron expression of five fields comes due next after an instant, by the clock of a time zone. A time that the clock shows twice counts once, and one that it skips counts right after the gap; an expression for every hour goes on through both. Null when the instant is infinite.';
grant execute on function core.cron_next to rowhouse_worker, rowhouse_platform;

-- What comes due next never moves back when one looks later, so halving finds the last instant after which it is due in time.
create or replace function core.cron_last(expression text, after timestamptz, until timestamptz, timezone text) returns timestamptz
language plpgsql stable parallel safe strict
set search_path to pg_catalog, pg_temp
as $$
declare
  v_from timestamptz := cron_last.after;
  v_to timestamptz := cron_last.until;
  v_middle timestamptz;
  v_last timestamptz := core.cron_next(cron_last.expression, cron_last.after, cron_last.timezone);
  v_next timestamptz;
begin
  if v_last > cron_last.until then
    return null;
  end if;
  while v_to - v_from > interval '1 second' loop
    v_middle := v_from + (v_to - v_from) / 2;
    v_next := core.cron_next(cron_last.expression, v_middle, cron_last.timezone);
    if v_next <= cron_last.until then
      v_last := v_next;
      v_from := v_next;
    else
      v_to := v_middle;
    end if;
  end loop;
  return v_last;
end
$$;
comment on function core.cron_last is
  E'@errors RH401 RH402 22023\nWhen a cron expression came due last after an instant and not after another, by the clock of a time zone; null when it did not. It follows the rules of core.cron_next.';
grant execute on function core.cron_last to rowhouse_worker, rowhouse_platform;

-- Work on what all tenants have in common: the partitions their rows share, the list of who waits, the end of a tenant.

create or replace function app_private.tenants_to_roll_up() returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select q.tenant_id from app_private.usage_queue q group by q.tenant_id
  union
  -- those that moved to another time zone
  select s.tenant_id from app_private.usage_rollup_state s join app_public.tenants t on t.id = s.tenant_id and t.timezone <> s.timezone
  order by 1;
$$;
comment on function app_private.tenants_to_roll_up() is 'The tenants with usage that the roll-ups have not seen.';
grant execute on function app_private.tenants_to_roll_up() to rowhouse_worker;

create or replace function app_private.leftover_months(leftover regclass, key name) returns setof timestamptz
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query execute format('select distinct app_private.month_start(%I) from %s', leftover_months.key, leftover_months.leftover);
end
$$;
comment on function app_private.leftover_months(regclass, name) is 'The months of which a default partition has rows.';

create or replace function app_private.move_leftover(leftover regclass, target regclass, key name, from_at timestamptz, to_at timestamptz)
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
comment on function app_private.move_leftover(regclass, regclass, name, timestamptz, timestamptz) is
  'Moves the rows of a month, of all tenants, from a default partition to the table that becomes the month''s.';
grant execute on function app_private.leftover_months(regclass, name),
  app_private.move_leftover(regclass, regclass, name, timestamptz, timestamptz) to rowhouse_owner;

create or replace function app_private.tg__drop_usage() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.usage_events where tenant_id = old.id;
  delete from app_private.usage_idempotency_keys where tenant_id = old.id;
  delete from app_private.usage_queue where tenant_id = old.id;
  delete from app_private.llm_calls where tenant_id = old.id;
  delete from app_private.llm_texts where tenant_id = old.id;
  delete from app_private.usage_minutes where tenant_id = old.id;
  delete from app_private.usage_days where tenant_id = old.id;
  delete from app_private.usage_agents where tenant_id = old.id;
  delete from app_private.usage_user_agents where tenant_id = old.id;
  delete from app_private.usage_conversations where tenant_id = old.id;
  return null;
end
$$;
comment on function app_private.tg__drop_usage() is
  'Removes what a deleted tenant used: these tables have no foreign key, because checking one for each row would cost more than writing it.';
grant execute on function app_private.tg__drop_usage() to rowhouse_owner;

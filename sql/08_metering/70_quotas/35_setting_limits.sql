-- Setting limits. When a limit changes, its counters follow at once. A count quota is counted then: a use shares the lock that
-- is taken here exclusively, so no use is uncommitted meanwhile, and the count is exact.

set local role rowhouse_platform;  -- outside the wall: counters follow limits, memberships and the hierarchy; nobody is granted recount_quotas and verify_quotas
create or replace function metering.counters_wanted(tenant_id uuid, quota_type app_public.quota_type) returns setof app_public.quota_tracking
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_chain uuid[] := array[counters_wanted.tenant_id];
  v_user_ids uuid[] := '{}';
  v_limit record;
  v_counter app_public.quota_tracking;
begin
  -- A limit for users concerns the users that it names, and those who have something already.
  if exists (select from app_public.usage_quotas q
              where q.tenant_id = counters_wanted.tenant_id and q.quota_type = counters_wanted.quota_type and q.quota_scope = 'user') then
    v_user_ids := array(
      select q.scope_id from app_public.usage_quotas q
       where q.tenant_id = counters_wanted.tenant_id and q.quota_type = counters_wanted.quota_type and q.scope_id is not null
      union
      select a.owner_id from app_public.agents a
       where counters_wanted.quota_type = 'agents' and a.tenant_id = counters_wanted.tenant_id and a.owner_id is not null
      union
      select d.created_by_user_id from app_public.documents d
       where counters_wanted.quota_type in ('documents', 'storage') and d.tenant_id = counters_wanted.tenant_id
         and d.created_by_user_id is not null
      order by 1);
  end if;
  for v_limit in
    select l.* from metering.quota_limits(v_chain, counters_wanted.tenant_id, counters_wanted.quota_type) l
    union all
    select l.* from unnest(v_user_ids) as u (id),
           metering.quota_limits(v_chain, counters_wanted.tenant_id, counters_wanted.quota_type, u.id) l
     where l.quota_scope = 'user'
  loop
    v_counter := null;
    v_counter.tenant_id := counters_wanted.tenant_id;
    v_counter.quota_type := counters_wanted.quota_type;
    v_counter.quota_scope := v_limit.quota_scope;
    v_counter.scope_id := v_limit.scope_id;
    v_counter.includes_subtree := v_limit.includes_subtree;
    v_counter.period := v_limit.period;
    v_counter.period_start := '-infinity';
    v_counter.period_end := 'infinity';
    v_counter.starts_at := '-infinity';
    v_counter.ends_at := 'infinity';
    v_counter.quota_limit := v_limit.quota_limit;
    v_counter.hard_limit := v_limit.hard_limit;
    v_counter.included_amount := v_limit.included_amount;
    v_counter.alert_threshold_percentage := v_limit.alert_threshold_percentage;
    v_counter.current_usage := metering.counted_usage(
      case when v_limit.includes_subtree then metering.quota_subtree(counters_wanted.tenant_id) else v_chain end,
      counters_wanted.quota_type, case v_limit.quota_scope when 'user' then v_limit.scope_id end);
    return next v_counter;
  end loop;
end
$$;
comment on function metering.counters_wanted is
  'The counters that a count quota must have: one for each limited thing, with the current count.';

create or replace function metering.refresh_counts(tenant_id uuid, quota_type app_public.quota_type) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_wanted app_public.quota_tracking[] :=
    array(select w from metering.counters_wanted(refresh_counts.tenant_id, refresh_counts.quota_type) w);
begin
  delete from app_public.quota_tracking c
   where c.tenant_id = refresh_counts.tenant_id and c.quota_type = refresh_counts.quota_type
     and not exists (
       select from unnest(v_wanted) w
        where w.quota_scope = c.quota_scope and w.scope_id = c.scope_id and w.includes_subtree = c.includes_subtree);
  insert into app_public.quota_tracking as c (
    tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, period_end, starts_at, ends_at,
    quota_limit, hard_limit, included_amount, alert_threshold_percentage, current_usage)
  select tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, period_end, starts_at, ends_at,
         quota_limit, hard_limit, included_amount, alert_threshold_percentage, current_usage
    from unnest(v_wanted)
  on conflict (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, starts_at) do update
     set quota_limit = excluded.quota_limit, hard_limit = excluded.hard_limit, included_amount = excluded.included_amount,
         alert_threshold_percentage = excluded.alert_threshold_percentage, current_usage = excluded.current_usage;
end
$$;
comment on function metering.refresh_counts is
  'Brings the counters of a count quota in line with its limits and with what exists. The caller holds the lock of the quota exclusively.';

create or replace function metering.refresh_metered_limits(tenant_id uuid, quota_type app_public.quota_type) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Past periods keep the limits that they had. A counter without a limit continues when there is a limit again.
  update app_public.quota_tracking c
     set quota_limit = l.quota_limit, hard_limit = l.hard_limit, included_amount = l.included_amount,
         alert_threshold_percentage = coalesce(l.alert_threshold_percentage, c.alert_threshold_percentage)
    from app_public.quota_tracking o
    left join lateral metering.quota_limits(
      array[o.tenant_id], o.tenant_id, o.quota_type,
      case o.quota_scope when 'user' then o.scope_id end, case o.quota_scope when 'agent' then o.scope_id end,
      case o.quota_scope when 'api_key' then o.scope_id end) l
      on l.quota_scope = o.quota_scope and l.includes_subtree = o.includes_subtree and l.period = o.period
   where o.tenant_id = refresh_metered_limits.tenant_id and o.quota_type = refresh_metered_limits.quota_type
     and o.starts_at <= core.clock() and o.ends_at > core.clock()
     and c.tenant_id = o.tenant_id and c.id = o.id;
end
$$;
comment on function metering.refresh_metered_limits is
  'Copies the limits of a metered quota to its counters of the current period.';

create or replace function metering.refresh_quota_counters(tenant_id uuid, quota_type app_public.quota_type) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_counter app_public.quota_tracking;
  -- Usage before the change counts as lower than every threshold, so that a lowered limit gives its alerts at once.
  v_below_every_threshold constant numeric := -1;
begin
  -- An older snapshot would not show the uses that this function has waited for.
  if current_setting('transaction_isolation') <> 'read committed' then
    perform core.raise_error('MT411', 'Usage and quotas are written only at the isolation level read committed.',
      'Use a transaction of its own for it.');
  end if;
  perform pg_advisory_xact_lock(metering.quota_lock_key(refresh_quota_counters.tenant_id, refresh_quota_counters.quota_type));
  if metering.is_count_quota(refresh_quota_counters.quota_type) then
    perform metering.refresh_counts(refresh_quota_counters.tenant_id, refresh_quota_counters.quota_type);
  else
    perform metering.refresh_metered_limits(refresh_quota_counters.tenant_id, refresh_quota_counters.quota_type);
  end if;
  for v_counter in
    select * from app_public.quota_tracking c
     where c.tenant_id = refresh_quota_counters.tenant_id and c.quota_type = refresh_quota_counters.quota_type
       and c.starts_at <= core.clock() and c.ends_at > core.clock()
  loop
    perform metering.note_quota_alerts(v_counter, v_below_every_threshold);
  end loop;
end
$$;
comment on function metering.refresh_quota_counters is
  E'@errors MT411\nBrings the counters of a tenant''s quota in line with its limits and, for a count quota, with what exists. It waits for uses that are not committed yet.';

create or replace function metering.recount_quotas(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.refresh_quota_counters(recount_quotas.tenant_id, t) from unnest(array['agents', 'api_keys', 'documents', 'storage', 'users']) t;
end
$$;
comment on function metering.recount_quotas is
  'Counts again what the count quotas of a tenant count, which repairs what verify_quotas finds. Administrators call it in psql.';

create or replace function metering.verify_quotas() returns table (
  tenant_id uuid, quota_type app_public.quota_type, quota_scope app_public.limit_scope, scope_id uuid, includes_subtree boolean,
  what text, is_value numeric, should_be numeric
)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, 'current_usage', c.current_usage, r.used
      from app_public.quota_tracking c,
           lateral (select metering.counted_usage(
             case when c.includes_subtree then metering.quota_subtree(c.tenant_id) else array[c.tenant_id] end,
             c.quota_type, case c.quota_scope when 'user' then c.scope_id end) as used) r
     where metering.is_count_quota(c.quota_type) and c.current_usage <> r.used
    union all
    select c.tenant_id, c.quota_type, c.quota_scope, c.scope_id, c.includes_subtree, 'reserved', c.reserved, h.held
      from app_public.quota_tracking c,
           lateral (select coalesce(sum(amount), 0) as held from metering.quota_holds h
                     where h.tenant_id = c.tenant_id and h.counter_id = c.id) h
     where c.reserved <> h.held
    union all
    -- A count quota without a counter would not limit anything.
    select w.tenant_id, w.quota_type, w.quota_scope, w.scope_id, w.includes_subtree, 'current_usage', null, w.current_usage
      from (select distinct q.tenant_id, q.quota_type from app_public.usage_quotas q where metering.is_count_quota(q.quota_type)) q,
           lateral metering.counters_wanted(q.tenant_id, q.quota_type) w
     where w.current_usage > 0 and not exists (
       select from app_public.quota_tracking c
        where c.tenant_id = w.tenant_id and c.quota_type = w.quota_type and c.quota_scope = w.quota_scope
          and c.scope_id = w.scope_id and c.includes_subtree = w.includes_subtree);
end
$$;
comment on function metering.verify_quotas is
  'The counters that differ from what they count, or from what their reservations hold; normally none. recount_quotas repairs a count. Administrators call it in psql.';

create or replace function metering.require_subject(tenant_id uuid, scope app_public.limit_scope, id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if require_subject.scope = 'user' and not exists (
       select from app_public.user_tenants m where m.tenant_id = require_subject.tenant_id and m.user_id = require_subject.id)
     or require_subject.scope = 'agent' and not exists (
       select from app_public.agents a where a.tenant_id = require_subject.tenant_id and a.id = require_subject.id)
     or require_subject.scope = 'api_key' and not exists (
       select from app_public.api_keys k where k.tenant_id = require_subject.tenant_id and k.id = require_subject.id) then
    perform core.raise_error('MT301', 'There is no such member, agent or API key in this tenant.',
      'Name one that the tenant has, or leave scope_id out to limit each of them.');
  end if;
end
$$;
comment on function metering.require_subject is
  E'@errors MT301\nRaises an error when a limit names a user, an agent or an API key that does not belong to its tenant.';

create or replace function metering.tg_usage_quotas__set_scope() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.scope_id is not null then
    perform metering.require_subject(new.tenant_id, new.quota_scope, new.scope_id);
  end if;
  -- What was sold to a tenant is for all below it together.
  new.applies_to_subtree := new.applies_to_subtree or new.source <> 'own' and new.quota_scope = 'tenant';
  return new;
end
$$;
comment on function metering.tg_usage_quotas__set_scope is
  E'@errors MT301\nRefuses a quota of a user, an agent or an API key that does not belong to its tenant, and makes a limit of the tenant that the tenant did not set itself count its subtree.';
grant execute on function metering.tg_usage_quotas__set_scope to rowhouse_owner;

create or replace function metering.tg_usage_quotas__refresh_counters() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_changed record;
begin
  for v_changed in
    select distinct c.tenant_id, c.quota_type
      from (select old.tenant_id, old.quota_type where tg_op <> 'INSERT'
            union all select new.tenant_id, new.quota_type where tg_op <> 'DELETE') c
      -- A tenant that is being deleted has nothing left to count.
      join app_public.tenants t on t.id = c.tenant_id
     order by 1, 2
  loop
    perform metering.refresh_quota_counters(v_changed.tenant_id, v_changed.quota_type);
  end loop;
  return null;
end
$$;
comment on function metering.tg_usage_quotas__refresh_counters is
  'Brings the counters in line with a limit that changed.';
grant execute on function metering.tg_usage_quotas__refresh_counters to rowhouse_owner;

-- tenants.quotas is the short form of quotas: {"max_agents": 50} is a hard limit of the tenant, and null means that there is
-- no limit. Tenancy checks the keys and values.
create or replace function metering.tg_tenants__set_quotas() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and old.quotas = new.quotas then
    return null;
  end if;
  delete from app_public.usage_quotas q
   where q.tenant_id = new.id and q.source = 'tenant' and q.quota_scope = 'tenant'
     and not new.quotas ? case q.quota_type when 'api_calls' then 'max_api_calls_per_month' when 'storage' then 'max_storage_gb'
                            else 'max_' || q.quota_type end;
  insert into app_public.usage_quotas as q (tenant_id, quota_type, period, quota_limit, source)
  select new.id, k.quota_type, case k.quota_type when 'api_calls' then 'billing' else 'none' end,
         trunc((new.quotas ->> k.key)::numeric * case k.quota_type when 'storage' then core.bytes_per_gb() else 1 end), 'tenant'
    from (values ('agents', 'max_agents'), ('api_calls', 'max_api_calls_per_month'), ('api_keys', 'max_api_keys'), ('documents', 'max_documents'),
                 ('storage', 'max_storage_gb'), ('users', 'max_users')) as k (quota_type, key)
   where new.quotas ? k.key
   order by k.quota_type
  on conflict (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) do update
     set quota_limit = excluded.quota_limit
   where q.quota_limit is distinct from excluded.quota_limit;
  return null;
end
$$;
comment on function metering.tg_tenants__set_quotas is
  'Turns the limits of tenants.quotas into rows of usage_quotas. Other domains apply the limits of other kinds.';
grant execute on function metering.tg_tenants__set_quotas to rowhouse_owner;

-- The limits of an API key are quotas like all others, and need no reset.
create or replace function metering.tg_api_keys__set_quotas() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.usage_quotas as q (tenant_id, quota_type, quota_scope, scope_id, period, quota_limit, source)
  select new.tenant_id, l.quota_type, 'api_key', new.id, 'day', l.quota_limit, 'tenant'
    from (values ('api_calls', new.max_calls_per_day::numeric), ('cost', new.max_cost_per_day)) as l (quota_type, quota_limit)
   where l.quota_limit is not null or tg_op = 'UPDATE'
   order by l.quota_type
  on conflict (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) do update
     set quota_limit = excluded.quota_limit
   where q.quota_limit is distinct from excluded.quota_limit;
  return null;
end
$$;
comment on function metering.tg_api_keys__set_quotas is
  'Turns the limits of an API key into quotas of that key, by the day.';
grant execute on function metering.tg_api_keys__set_quotas to rowhouse_owner;

create or replace function metering.tg_api_keys__drop_limits() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.usage_quotas q where q.tenant_id = old.tenant_id and q.quota_scope = 'api_key' and q.scope_id = old.id;
  delete from app_public.rate_limit_config c where c.tenant_id = old.tenant_id and c.limit_scope = 'api_key' and c.scope_id = old.id;
  return null;
end
$$;
comment on function metering.tg_api_keys__drop_limits is
  'Deletes the quotas and the rate limits of an API key with it.';
grant execute on function metering.tg_api_keys__drop_limits to rowhouse_owner;

create or replace function metering.tg_tenants__move_counts() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_new_parent_id uuid := case tg_op when 'UPDATE' then new.parent_tenant_id end;
  v_left uuid[] := case when old.parent_tenant_id is null then '{}' else metering.quota_chain(old.parent_tenant_id) end;
  v_entered uuid[] := case when v_new_parent_id is null then '{}' else metering.quota_chain(v_new_parent_id) end;
  v_type text;
  v_id uuid;
  v_amount numeric;
  v_counter app_public.quota_tracking;
begin
  if old.parent_tenant_id is not distinct from v_new_parent_id then
    return coalesce(new, old);
  end if;
  foreach v_type in array array['agents', 'api_keys', 'documents', 'storage', 'users'] loop
    for v_id in select distinct id from unnest(v_left || v_entered) as id order by 1 loop
      perform pg_advisory_xact_lock_shared(metering.quota_lock_key(v_id, v_type));
    end loop;
    -- Nothing that the tenant has is added or removed until this transaction ends.
    perform pg_advisory_xact_lock(metering.quota_lock_key(old.id, v_type));
    v_amount := null;
    for v_counter in
      select * from app_public.quota_tracking c
       where c.tenant_id = any (v_left || v_entered) and not (c.tenant_id = any (v_left) and c.tenant_id = any (v_entered))
         and c.quota_type = v_type and c.includes_subtree
       order by c.tenant_id
         for update
    loop
      v_amount := coalesce(v_amount, metering.counted_usage(metering.quota_subtree(old.id), v_type));
      if v_counter.tenant_id = any (v_entered) and v_amount > 0 and v_counter.current_usage + v_amount > v_counter.hard_limit then
        perform metering.refuse_quota(v_counter, old.id);
      end if;
      update app_public.quota_tracking c
         set current_usage = greatest(c.current_usage + case when c.tenant_id = any (v_entered) then v_amount else -v_amount end, 0)
       where c.tenant_id = v_counter.tenant_id and c.id = v_counter.id;
    end loop;
  end loop;
  return coalesce(new, old);
end
$$;
comment on function metering.tg_tenants__move_counts is
  E'@errors QT601\nMoves what a tenant and those below it have from the counters of the tenants above the old place to those above the new place.';
grant execute on function metering.tg_tenants__move_counts to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _200_set_scope before insert or update on app_public.usage_quotas
  for each row execute function metering.tg_usage_quotas__set_scope();
create or replace trigger _600_refresh_counters after insert or update or delete on app_public.usage_quotas
  for each row execute function metering.tg_usage_quotas__refresh_counters();
create or replace trigger _600_set_quotas after insert or update of quotas on app_public.tenants
  for each row execute function metering.tg_tenants__set_quotas();
create or replace trigger _600_set_quotas after insert or update of max_calls_per_day, max_cost_per_day on app_public.api_keys
  for each row execute function metering.tg_api_keys__set_quotas();
create or replace trigger _610_drop_limits after delete on app_public.api_keys
  for each row execute function metering.tg_api_keys__drop_limits();
create or replace trigger _610_move_counts after update of parent_tenant_id on app_public.tenants
  for each row execute function metering.tg_tenants__move_counts();
-- A tenant leaves the counters before it is deleted, while its rows still exist.
create or replace trigger _610_leave_counts before delete on app_public.tenants
  for each row execute function metering.tg_tenants__move_counts();

-- When limits change, the counters follow at once. For counts that means counting: no use can be under way meanwhile,
-- because each shares the lock that is taken here alone, so what is counted is all there is.

set local role rowhouse_platform;  -- outside the wall: counters follow limits, memberships and the hierarchy; recount_quotas and verify_quotas are granted to nobody
create or replace function metering.counters_wanted(tenant_id uuid, quota_type text) returns setof app_public.quota_tracking
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
  -- whom a limit for users concerns: those it names, and those who have something already
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
  'The counters of a count quota as they must be: one for each thing that is limited, with what there is of it.';

create or replace function metering.refresh_quota_counters(tenant_id uuid, quota_type text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_wanted app_public.quota_tracking[];
  v_counter app_public.quota_tracking;
begin
  -- with an older snapshot, uses that were waited for would not be seen
  if current_setting('transaction_isolation') <> 'read committed' then
    perform core.raise_error('QT406', 'Quotas are set at the isolation level read committed.', 'Set them in a transaction of their own.');
  end if;
  perform pg_advisory_xact_lock(metering.quota_lock_key(refresh_quota_counters.tenant_id, refresh_quota_counters.quota_type));

  if metering.is_count_quota(refresh_quota_counters.quota_type) then
    v_wanted := array(select w from metering.counters_wanted(refresh_quota_counters.tenant_id, refresh_quota_counters.quota_type) w);
    delete from app_public.quota_tracking c
     where c.tenant_id = refresh_quota_counters.tenant_id and c.quota_type = refresh_quota_counters.quota_type
       and not exists (
         select from unnest(v_wanted) w
          where w.quota_scope = c.quota_scope and w.scope_id = c.scope_id and w.includes_subtree = c.includes_subtree);
    insert into app_public.quota_tracking as c (
      tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, period_end,
      quota_limit, hard_limit, included_amount, alert_threshold_percentage, current_usage)
    select tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start, period_end,
           quota_limit, hard_limit, included_amount, alert_threshold_percentage, current_usage
      from unnest(v_wanted)
    on conflict (tenant_id, quota_type, quota_scope, scope_id, includes_subtree, period, period_start) do update
       set quota_limit = excluded.quota_limit, hard_limit = excluded.hard_limit, included_amount = excluded.included_amount,
           alert_threshold_percentage = excluded.alert_threshold_percentage, current_usage = excluded.current_usage;
  else
    -- past periods keep the limits they had; a counter without a limit goes on when there is one again
    update app_public.quota_tracking c
       set quota_limit = l.quota_limit, hard_limit = l.hard_limit, included_amount = l.included_amount,
           alert_threshold_percentage = coalesce(l.alert_threshold_percentage, c.alert_threshold_percentage)
      from app_public.quota_tracking o
      left join lateral metering.quota_limits(
        array[o.tenant_id], o.tenant_id, o.quota_type,
        case o.quota_scope when 'user' then o.scope_id end, case o.quota_scope when 'agent' then o.scope_id end,
        case o.quota_scope when 'api_key' then o.scope_id end) l
        on l.quota_scope = o.quota_scope and l.includes_subtree = o.includes_subtree and l.period = o.period
     where o.tenant_id = refresh_quota_counters.tenant_id and o.quota_type = refresh_quota_counters.quota_type
       and lower(metering.quota_period(o.tenant_id, o.period, core.clock())) = o.period_start
       and c.tenant_id = o.tenant_id and c.id = o.id;
  end if;

  for v_counter in
    select * from app_public.quota_tracking c
     where c.tenant_id = refresh_quota_counters.tenant_id and c.quota_type = refresh_quota_counters.quota_type
       and lower(metering.quota_period(c.tenant_id, c.period, core.clock())) = c.period_start
  loop
    perform metering.note_quota_alerts(v_counter, -1);
  end loop;
end
$$;
comment on function metering.refresh_quota_counters is
  E'@errors QT406\nBrings a tenant''s counters of a type in line with its limits and, for counts, with what there is. Waits for uses that are under way.';

create or replace function metering.recount_quotas(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.refresh_quota_counters(recount_quotas.tenant_id, t) from unnest(array['agents', 'documents', 'storage', 'users']) t;
end
$$;
comment on function metering.recount_quotas is
  'Counts anew what a tenant''s count quotas count: the cure for what verify_quotas finds. For administrators in psql.';

create or replace function metering.verify_quotas() returns table (
  tenant_id uuid, quota_type text, quota_scope text, scope_id uuid, includes_subtree boolean, what text, is_value numeric, should_be numeric
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
    -- a limit of a tenant's count that has no counter would not hold
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
  'Counters that differ from what they count, or from what their reservations hold; normally none. recount_quotas mends a count. For administrators in psql.';

create or replace function metering.tg_usage_quotas__check_scope() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.quota_scope = 'user' and new.scope_id is not null
      and not exists (select from app_public.user_tenants m where m.tenant_id = new.tenant_id and m.user_id = new.scope_id)
    or new.quota_scope = 'agent' and new.scope_id is not null
      and not exists (select from app_public.agents a where a.tenant_id = new.tenant_id and a.id = new.scope_id) then
    perform core.raise_error('QT302', 'There is no such user or agent in this tenant.', 'Name one of its members or agents, or nobody for each of them.');
  end if;
  return new;
end
$$;
comment on function metering.tg_usage_quotas__check_scope is
  'QT302: the user or agent a quota names is not of its tenant.';
grant execute on function metering.tg_usage_quotas__check_scope to rowhouse_owner;

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
      -- of a tenant that is being deleted nothing is left to count
      join app_public.tenants t on t.id = c.tenant_id
     order by 1, 2
  loop
    perform metering.refresh_quota_counters(v_changed.tenant_id, v_changed.quota_type);
  end loop;
  return null;
end
$$;
comment on function metering.tg_usage_quotas__refresh_counters is
  'Counters follow their limits at once.';
grant execute on function metering.tg_usage_quotas__refresh_counters to rowhouse_owner;

-- tenants.quotas is the short form: {"max_agents": 50} is a hard limit of the tenant, null says that there is none. What
-- its keys and values may be is tenancy's to check.
create or replace function metering.tg_tenants__set_quotas() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and old.quotas = new.quotas then
    return null;
  end if;
  delete from app_public.usage_quotas q
   where q.tenant_id = new.id and q.source = 'tenant'
     and not new.quotas ? case q.quota_type when 'api_calls' then 'max_api_calls_per_month' when 'storage' then 'max_storage_gb'
                            else 'max_' || q.quota_type end;
  insert into app_public.usage_quotas as q (tenant_id, quota_type, period, quota_limit, source)
  select new.id, k.quota_type, case k.quota_type when 'api_calls' then 'billing' else 'none' end,
         trunc((new.quotas ->> k.key)::numeric * case k.quota_type when 'storage' then 1073741824 else 1 end), 'tenant'
    from (values ('agents', 'max_agents'), ('api_calls', 'max_api_calls_per_month'), ('documents', 'max_documents'),
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
  'Makes tenants.quotas hold, as rows of usage_quotas; limits of other kinds are not its business.';
grant execute on function metering.tg_tenants__set_quotas to rowhouse_owner;

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
  foreach v_type in array array['agents', 'documents', 'storage', 'users'] loop
    for v_id in select distinct id from unnest(v_left || v_entered) as id order by 1 loop
      perform pg_advisory_xact_lock_shared(metering.quota_lock_key(v_id, v_type));
    end loop;
    -- nothing below comes or goes until this is done
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
  E'@errors QT601\nWhat a tenant and those below it have counts for the tenants above it, wherever it is moved, until it is deleted.';
grant execute on function metering.tg_tenants__move_counts to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _200_check_scope before insert or update on app_public.usage_quotas
  for each row execute function metering.tg_usage_quotas__check_scope();
create or replace trigger _600_refresh_counters after insert or update or delete on app_public.usage_quotas
  for each row execute function metering.tg_usage_quotas__refresh_counters();
create or replace trigger _600_set_quotas after insert or update of quotas on app_public.tenants
  for each row execute function metering.tg_tenants__set_quotas();
create or replace trigger _610_move_counts after update of parent_tenant_id on app_public.tenants
  for each row execute function metering.tg_tenants__move_counts();
-- while its rows are still there
create or replace trigger _610_leave_counts before delete on app_public.tenants
  for each row execute function metering.tg_tenants__move_counts();

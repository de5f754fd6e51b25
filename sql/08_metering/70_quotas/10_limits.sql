-- Quotas and the limits that apply to a use: those of the tenant, of the user, agent and API key, and those of the tenants
-- above that count their subtree. What was sold to a tenant always counts its subtree, so that sub-tenants are no way around it.
-- Setting a limit waits for uses that are not committed yet (uses share an advisory lock), so a counter is exact from its
-- beginning.

grant execute on function metering.is_count_quota to rowhouse_user, rowhouse_platform;

call core.secure_tenant_table('app_public.usage_quotas');
call audit.track('app_public.usage_quotas');
call core.allow('app_public.usage_quotas', write => 'staff');
-- A quota of one person is visible to that person, and to those who may see the usage of the tenant.
create policy select_member on app_public.usage_quotas for select to rowhouse_user
  using (quota_scope <> 'user' or scope_id is null or scope_id = (select core.current_user_id())
         or (select tenancy.has_permission('can_view_analytics')));
-- A tenant may only limit itself further. Only platform staff and billing set the limits that it was sold.
create policy insert_manager on app_public.usage_quotas for insert to rowhouse_user
  with check (source = 'own' and not overage_allowed and (select tenancy.has_permission('can_manage_settings')));
create policy update_manager on app_public.usage_quotas for update to rowhouse_user
  using (source = 'own' and (select tenancy.has_permission('can_manage_settings')))
  with check (source = 'own' and not overage_allowed and (select tenancy.has_permission('can_manage_settings')));
create policy delete_manager on app_public.usage_quotas for delete to rowhouse_user
  using (source = 'own' and (select tenancy.has_permission('can_manage_settings')));
grant select, delete on app_public.usage_quotas to rowhouse_user;
-- source and overage_allowed are granted for platform staff; the policies refuse them to everybody else.
grant
  insert (
    quota_type, quota_scope, scope_id, period, quota_limit, is_hard_limit, overage_allowed,
    alert_threshold_percentage, applies_to_subtree, source),
  update (quota_limit, is_hard_limit, overage_allowed, alert_threshold_percentage)
  on app_public.usage_quotas to rowhouse_user;
grant select, insert, update, delete on app_public.usage_quotas to rowhouse_platform;
comment on table app_public.usage_quotas is
  'Limits of what exists (users, agents, api_keys, documents, storage) or is used in a period (api_calls, tokens, cost). The strictest limit decides. Every member reads them. Those with can_manage_settings set the tenant''s own quotas, which can only limit it further.';
comment on column app_public.usage_quotas.quota_type is 'What is limited: users (active members), agents (not deleted), api_keys (not revoked), documents, storage (bytes of documents), api_calls, tokens or cost (US dollars).';
comment on column app_public.usage_quotas.quota_scope is 'Whose usage is limited.';
comment on column app_public.usage_quotas.scope_id is 'The user, agent or API key. null limits each of them separately, except those that have a quota of their own of the same source. It is always null when the scope is the tenant.';
comment on column app_public.usage_quotas.period is 'The period in which usage adds up, in the time zone of the tenant: none for users, agents, api_keys, documents and storage; day, month (of the calendar) or billing (a month from the day on which the subscription or the tenant began) for api_calls, tokens and cost. A period that has begun ends as planned when the time zone or the subscription changes.';
comment on column app_public.usage_quotas.quota_limit is 'The limit in units of the type: at least 0, and whole unless it is a cost. null means unlimited, and lifts a limit that a lower source has set.';
comment on column app_public.usage_quotas.is_hard_limit is 'Whether usage beyond the limit is refused (QT601). A soft limit only writes alerts.';
comment on column app_public.usage_quotas.overage_allowed is 'Whether usage beyond a soft limit is sold; it is counted as overage. Only plans and platform staff set this.';
comment on column app_public.usage_quotas.alert_threshold_percentage is 'The percentage of the limit at which an alert is written, once in each period: above 0 and at most 100, by default 80. Another alert is written at 100 percent.';
comment on column app_public.usage_quotas.applies_to_subtree is 'Whether the usage of all tenants below this one counts too. It always does for a limit of the tenant that a plan, tenants.quotas or platform staff set.';
comment on column app_public.usage_quotas.source is 'Who set it. plan, tenant (from tenants.quotas) and override (platform staff) each replace the one before for the same thing; own is set by the tenant itself and adds to them.';
comment on column app_public.usage_quotas.share_days is E'@behavior -*\nOf a billing period in which the plan was held in part: the days of it; null when the whole limit holds.';
comment on column app_public.usage_quotas.period_days is E'@behavior -*\nThe days of that period.';
comment on column app_public.usage_quotas.share_until is E'@behavior -*\nThe end of that period, from which on the whole limit holds.';
comment on column app_public.usage_quotas.created_at is 'When the quota was set.';
comment on column app_public.usage_quotas.updated_at is 'When the quota last changed.';

comment on constraint share_is_whole_or_missing on app_public.usage_quotas is 'must be a number of days of a longer period and its end, or missing';
comment on constraint scope_of_the_tenant_has_no_id on app_public.usage_quotas is 'must be empty when the scope is the tenant';
comment on constraint scope_fits_what_is_counted on app_public.usage_quotas is
  'must be the tenant, or a user for agents, documents and storage, when the quota counts what exists';
comment on constraint period_fits_the_type on app_public.usage_quotas is
  'must be none for users, agents, api_keys, documents and storage, and day, month or billing for api_calls, tokens and cost';
comment on constraint quota_limit_is_an_amount on app_public.usage_quotas is
  'must be at least 0 and less than 10^18, and whole unless it limits a cost';
comment on constraint hard_limit_has_no_overage on app_public.usage_quotas is 'must be off when overage is allowed';
comment on constraint alert_threshold_is_a_percentage on app_public.usage_quotas is 'must be above 0 and at most 100';
comment on constraint only_a_tenant_has_a_subtree on app_public.usage_quotas is 'must be off unless the scope is the tenant';
comment on index app_public.usage_quotas_tenant_id_quota_type_quota_scope_scope_id_peri_idx is
  'must be different from the quotas that exist: there is one of this source for the same thing already';

set local role rowhouse_platform;  -- outside the wall: a quota may count all tenants below its own, so limits and counts are read up and down the hierarchy
create or replace function metering.quota_chain(tenant_id uuid) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return coalesce((
    select case t.ancestor_ids when '{}' then array[t.id] else array(select id from unnest(t.ancestor_ids || t.id) as id order by id) end
      from app_public.tenants t where t.id = quota_chain.tenant_id), '{}');
end
$$;
comment on function metering.quota_chain is
  'A tenant and the tenants above it, in the order in which their locks are taken. The list is empty when the tenant is being deleted.';
grant execute on function metering.quota_chain to rowhouse_owner;

create or replace function metering.quota_subtree(tenant_id uuid) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    select t.id from app_public.tenants t
     where t.id = quota_subtree.tenant_id or t.ancestor_ids @> array[quota_subtree.tenant_id]
     order by t.id);
end
$$;
comment on function metering.quota_subtree is
  'A tenant and the tenants below it.';

create or replace function metering.quota_lock_key(tenant_id uuid, quota_type app_public.quota_type) returns bigint
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  -- The seed keeps these keys apart from other advisory locks of ours.
  v_seed constant bigint := 9;
begin
  return hashtextextended(quota_lock_key.tenant_id || quota_lock_key.quota_type, v_seed);
end
$$;
comment on function metering.quota_lock_key is
  'The key of the advisory lock of a quota. Uses share the lock until they commit; setting the limit or moving the tenant takes it exclusively.';

create or replace function metering.enter_quota_chain(tenant_id uuid, quota_type app_public.quota_type) returns uuid[]
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_chain uuid[] := metering.quota_chain(enter_quota_chain.tenant_id);
  v_locked uuid[];
  v_id uuid;
begin
  -- While this session waited for a lock, another one may have moved the tenant, so the chain is read again.
  while v_locked is distinct from v_chain loop
    foreach v_id in array v_chain loop
      perform pg_advisory_xact_lock_shared(metering.quota_lock_key(v_id, enter_quota_chain.quota_type));
    end loop;
    v_locked := v_chain;
    if cardinality(v_chain) = 0 then
      return v_chain;
    end if;
    v_chain := metering.quota_chain(enter_quota_chain.tenant_id);
  end loop;
  return v_chain;
end
$$;
comment on function metering.enter_quota_chain is
  'Begins a use: until this transaction ends, no limit of this type changes for the tenant and the tenants above it. Returns these tenants.';

-- The one derivation of what holds: quotas are enforced, shown and sold by the rows that it returns. It has no options and is
-- no definer, so that the planner puts it in the place of the call.
create or replace function metering.quotas_in_force(
  chain uuid[], tenant_id uuid, quota_type app_public.quota_type, user_id uuid, agent_id uuid, api_key_id uuid
) returns table (
  owner_id uuid, quota_scope app_public.limit_scope, subject_id uuid, includes_subtree boolean, period app_public.quota_period,
  quota_limit numeric, is_hard_limit boolean, overage_allowed boolean, alert_threshold_percentage numeric, source app_public.quota_source
)
language sql stable
begin atomic
  select r.tenant_id, r.quota_scope, r.subject_id, r.applies_to_subtree, r.period,
         -- Rounded down, to whole units unless it is a cost: two parts of a period never have more than the period.
         case when r.share_until > core.clock() then trunc(r.quota_limit * r.share_days / r.period_days, case r.quota_type when 'cost' then 6 else 0 end)
           else r.quota_limit end,
         r.is_hard_limit, r.overage_allowed, r.alert_threshold_percentage, r.source
    from (
      -- A quota that names somebody replaces the one for each; an override replaces the settings of the tenant, and these
      -- replace the plan. The tenant's own quotas add to all of them and cannot lift them.
      select q.*, s.subject_id, rank() over (
               partition by q.tenant_id, q.quota_scope, s.subject_id, q.period, q.source = 'own',
                            case when q.source = 'own' then (q.applies_to_subtree, q.is_hard_limit) end
               order by q.scope_id is null, array_position(array['override', 'tenant', 'plan'], q.source::text)) as place
        from app_public.usage_quotas q,
             lateral unnest(case q.quota_scope
               when 'tenant' then array[q.tenant_id] when 'user' then array[quotas_in_force.user_id]
               when 'agent' then array[quotas_in_force.agent_id]
               -- what an API key uses counts to the keys above it, too, so that several below one are no way around its limit
               else tenancy.key_chain(quotas_in_force.api_key_id) end) as s (subject_id)
       where q.tenant_id = any (quotas_in_force.chain) and q.quota_type = quotas_in_force.quota_type
         and (q.applies_to_subtree or q.tenant_id = quotas_in_force.tenant_id)
         and s.subject_id is not null and coalesce(q.scope_id, s.subject_id) = s.subject_id
         -- A quota does not count the users of another tenant separately.
         and (q.quota_scope = 'tenant' or q.tenant_id = quotas_in_force.tenant_id)
    ) as r
   where r.place = 1;
end;
comment on function metering.quotas_in_force is
  'The rows of usage_quotas that decide about a use: of each tenant above, and for each scope, subject and period, those of the strongest source, and all that the tenant set itself. A quota_limit of null says that there is no limit.';

create or replace function metering.quota_limits(
  chain uuid[], tenant_id uuid, quota_type app_public.quota_type, user_id uuid default null, agent_id uuid default null, api_key_id uuid default null
) returns setof metering.effective_quota
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select e.owner_id, e.quota_scope, e.subject_id, e.includes_subtree, e.period,
           min(e.quota_limit), min(e.quota_limit) filter (where e.is_hard_limit), min(e.quota_limit) filter (where e.overage_allowed),
           (array_agg(e.alert_threshold_percentage order by e.quota_limit))[1]
      from metering.quotas_in_force(
        quota_limits.chain, quota_limits.tenant_id, quota_limits.quota_type,
        quota_limits.user_id, quota_limits.agent_id, quota_limits.api_key_id) e
     where e.quota_limit is not null
     group by e.owner_id, e.quota_scope, e.subject_id, e.includes_subtree, e.period
     order by e.owner_id, e.quota_scope, e.subject_id, e.includes_subtree, e.period;
end
$$;
comment on function metering.quota_limits is
  'The limits that apply to a use: for each counter the strictest limit, in the order in which counters are locked.';
grant execute on function metering.quota_limits to rowhouse_owner;

create or replace function metering.calendar_span(tenant_id uuid, period app_public.quota_period, at timestamptz) returns metering.quota_span
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_timezone text;
  v_anchor timestamptz;
  v_local timestamp;
  v_span metering.quota_span := ('-infinity', 'infinity', '-infinity', 'infinity');
begin
  if calendar_span.period = 'none' then
    return v_span;
  end if;
  -- The billing months of a subscription are counted in its own zone.
  select case when calendar_span.period = 'billing' then coalesce(t.subscription_timezone, t.timezone) else t.timezone end,
         coalesce(t.subscription_started_at, t.created_at)
    into v_timezone, v_anchor
    from app_public.tenants t where t.id = calendar_span.tenant_id;
  v_local := calendar_span.at at time zone v_timezone;
  case calendar_span.period
    when 'day' then
      v_span.period_start := v_local::date;
      v_span.period_end := v_local::date + 1;
    when 'month' then
      v_span.period_start := date_trunc('month', v_local);
      v_span.period_end := date_trunc('month', v_local) + interval '1 month';
    when 'billing' then
      select lower(p) at time zone v_timezone, upper(p) at time zone v_timezone into v_span.period_start, v_span.period_end
        from metering.billing_period(calendar_span.at, (v_anchor at time zone v_timezone)::date, v_timezone) as p;
  end case;
  v_span.starts_at := v_span.period_start::timestamp at time zone v_timezone;
  v_span.ends_at := v_span.period_end::timestamp at time zone v_timezone;
  return v_span;
end
$$;
comment on function metering.calendar_span is
  'The period that contains an instant, by the calendar of the tenant as it is now. The period none has no bounds; billing is a month that is counted from the day on which the subscription or the tenant began.';
grant execute on function metering.calendar_span to rowhouse_owner;

-- A tenant could otherwise begin a new day by a change of its time zone, or a new month by a new subscription, and have the
-- whole limit again. So a running period goes on until its end, and a period of the calendar that has begun by then is added
-- to it. No period is ever shorter than one of the calendar.
create or replace function metering.running_span(quota metering.effective_quota, quota_type app_public.quota_type, at timestamptz)
returns metering.quota_span
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_last metering.quota_span;
  v_span metering.quota_span;
begin
  if (quota).period = 'none' then
    return ('-infinity', 'infinity', '-infinity', 'infinity')::metering.quota_span;
  end if;
  select c.period_start, c.period_end, c.starts_at, c.ends_at into v_last
    from app_public.quota_tracking c
   where c.tenant_id = (quota).owner_id and c.quota_type = running_span.quota_type and c.quota_scope = (quota).quota_scope
     and c.scope_id = (quota).scope_id and c.includes_subtree = (quota).includes_subtree and c.period = (quota).period
     and c.starts_at <= running_span.at
   order by c.starts_at desc
   limit 1;
  if v_last.ends_at > running_span.at then
    return v_last;
  end if;
  v_span := metering.calendar_span((quota).owner_id, (quota).period, running_span.at);
  if v_span.starts_at < v_last.ends_at then
    return (v_last.period_start, v_span.period_end, v_last.starts_at, v_span.ends_at)::metering.quota_span;
  end if;
  return v_span;
end
$$;
comment on function metering.running_span is
  'The period of a counter that contains an instant: the one that is running or, when that has ended, the next one of the calendar. One that began while another was running continues that one.';
grant execute on function metering.running_span to rowhouse_owner;

create or replace function metering.counted_usage(tenant_ids uuid[], quota_type app_public.quota_type, user_id uuid default null) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  case counted_usage.quota_type
    when 'users' then
      return (select count(*) from app_public.user_tenants m where m.tenant_id = any (counted_usage.tenant_ids) and m.status = 'active');
    when 'agents' then
      return (select count(*) from app_public.agents a
               where a.tenant_id = any (counted_usage.tenant_ids) and a.deleted_at is null
                 and (counted_usage.user_id is null or a.owner_id = counted_usage.user_id));
    when 'api_keys' then
      return (select count(*) from app_public.api_keys k
               where k.tenant_id = any (counted_usage.tenant_ids) and k.revoked_at is null);
    when 'documents' then
      return (select count(*) from app_public.documents d
               where d.tenant_id = any (counted_usage.tenant_ids)
                 and (counted_usage.user_id is null or d.created_by_user_id = counted_usage.user_id));
    when 'storage' then
      return (select coalesce(sum(d.size_bytes), 0) from app_public.documents d
               where d.tenant_id = any (counted_usage.tenant_ids)
                 and (counted_usage.user_id is null or d.created_by_user_id = counted_usage.user_id));
  end case;
end
$$;
comment on function metering.counted_usage is
  'What a count quota counts, read from the rows themselves: active members, agents that are not deleted, API keys that are not revoked, documents, or bytes of documents.';

set local role rowhouse_owner;

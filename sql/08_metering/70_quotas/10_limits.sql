-- Which limits hold for a use: those of the tenant, of whoever uses, and of the tenants above that count their subtree.
-- Setting a limit waits for uses that are under way (an advisory lock, shared by uses), so a counter begins exact.

grant execute on function metering.is_count_quota to rowhouse_user, rowhouse_platform;

call core.secure_tenant_table('app_public.usage_quotas');
call core.allow('app_public.usage_quotas', write => 'staff');
-- what concerns one person is for them, and for those who look after the tenant's use
create policy select_member on app_public.usage_quotas for select to rowhouse_user
  using (quota_scope <> 'user' or scope_id is null or scope_id = (select core.current_user_id())
         or (select tenancy.has_permission('can_view_analytics')));
-- a tenant may limit itself further; what it was sold, only platform staff and billing set
create policy insert_manager on app_public.usage_quotas for insert to rowhouse_user
  with check (source = 'own' and not overage_allowed and (select tenancy.has_permission('can_manage_settings')));
create policy update_manager on app_public.usage_quotas for update to rowhouse_user
  using (source = 'own' and (select tenancy.has_permission('can_manage_settings')))
  with check (source = 'own' and not overage_allowed and (select tenancy.has_permission('can_manage_settings')));
create policy delete_manager on app_public.usage_quotas for delete to rowhouse_user
  using (source = 'own' and (select tenancy.has_permission('can_manage_settings')));
-- source and overage_allowed are granted so that platform staff can set them through the API; policies keep others from it
grant select, delete on app_public.usage_quotas to rowhouse_user;
grant insert (quota_type, quota_scope, scope_id, period, quota_limit, is_hard_limit, overage_allowed, alert_threshold_percentage,
  applies_to_subtree, source) on app_public.usage_quotas to rowhouse_user;
grant update (quota_limit, is_hard_limit, overage_allowed, alert_threshold_percentage) on app_public.usage_quotas to rowhouse_user;
grant select, insert, update, delete on app_public.usage_quotas to rowhouse_platform;
comment on table app_public.usage_quotas is
  'Limits of what there may be (users, agents, documents, storage) or be used in a period (api_calls, tokens, cost). The strictest that holds decides. Everyone reads them; who may manage settings sets the tenant''s own, which can only limit it further.';
comment on column app_public.usage_quotas.quota_type is 'users (active members), agents (not deleted), documents, storage (bytes of documents), api_calls, tokens or cost (US dollars).';
comment on column app_public.usage_quotas.quota_scope is 'Whose use is limited: tenant, user, agent or api_key.';
comment on column app_public.usage_quotas.scope_id is 'The user, agent or API key; null for each of them on its own, unless it is named in a row of the same source. Always null for the tenant.';
comment on column app_public.usage_quotas.period is 'none for what is counted; day, month (of the calendar) or billing (a month from the day the subscription, or the tenant, began) for what is used, in the tenant''s time zone.';
comment on column app_public.usage_quotas.quota_limit is 'The limit, in units of the type, from 0 on; whole but for a cost. null: unlimited, to lift one of lower source.';
comment on column app_public.usage_quotas.is_hard_limit is 'Whether a use beyond the limit is refused (QT601). A soft limit only warns, by alerts.';
comment on column app_public.usage_quotas.overage_allowed is 'Whether use beyond a soft limit is sold: it is counted as overage. Set by plans and platform staff.';
comment on column app_public.usage_quotas.alert_threshold_percentage is 'At how many percent of the limit an alert is written, once a period; above 0, at most 100, by default 80. Another is written at 100.';
comment on column app_public.usage_quotas.applies_to_subtree is 'Whether the use of all tenants below this one counts as well.';
comment on column app_public.usage_quotas.source is 'Who set it: plan, tenant (from tenants.quotas) or override (platform staff), each replacing the one before for the same thing; or own, which adds to them.';
comment on column app_public.usage_quotas.created_at is 'When it was set.';
comment on column app_public.usage_quotas.updated_at is 'When it last changed.';

set local role rowhouse_platform;  -- outside the wall: a tenant's quota may count all tenants below it: limits and counts are read up and down the hierarchy
create or replace function metering.quota_chain(tenant_id uuid) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_parent_id uuid;
begin
  select t.parent_tenant_id into v_parent_id from app_public.tenants t where t.id = quota_chain.tenant_id;
  if not found then
    return '{}';
  elsif v_parent_id is null then
    return array[quota_chain.tenant_id];
  end if;
  return array(
    with recursive above (id) as (
      select quota_chain.tenant_id
      union  -- ends even if the hierarchy were a circle
      select t.parent_tenant_id from above a join app_public.tenants t on t.id = a.id where t.parent_tenant_id is not null
    )
    select id from above order by id);
end
$$;
comment on function metering.quota_chain is
  'A tenant and those above it, in the order in which their locks are taken; empty when it is being deleted.';
grant execute on function metering.quota_chain to rowhouse_owner;

create or replace function metering.quota_subtree(tenant_id uuid) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return array(
    with recursive below (id) as (
      select quota_subtree.tenant_id
      union
      select t.id from below b join app_public.tenants t on t.parent_tenant_id = b.id
    )
    select id from below order by id);
end
$$;
comment on function metering.quota_subtree is
  'A tenant and those below it.';

create or replace function metering.quota_lock_key(tenant_id uuid, quota_type text) returns bigint
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  return hashtextextended(quota_lock_key.tenant_id || quota_lock_key.quota_type, 9);
end
$$;
comment on function metering.quota_lock_key is
  'The advisory lock of a quota: uses share it until they commit, setting the limit or moving the tenant takes it alone.';

create or replace function metering.enter_quota_chain(tenant_id uuid, quota_type text) returns uuid[]
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_chain uuid[] := metering.quota_chain(enter_quota_chain.tenant_id);
  v_locked uuid[];
  v_id uuid;
begin
  -- waiting for a lock may have been waiting for the tenant to be moved
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
  'Begins a use: until this transaction ends no limit of this type changes for the tenant and those above it. Returns them.';

create or replace function metering.quota_limits(
  chain uuid[], tenant_id uuid, quota_type text, user_id uuid default null, agent_id uuid default null, api_key_id uuid default null
) returns table (
  owner_id uuid, quota_scope text, scope_id uuid, includes_subtree boolean, period text,
  quota_limit numeric, hard_limit numeric, included_amount numeric, alert_threshold_percentage numeric
)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with applicable as (
      select q.*, s.subject_id
        from app_public.usage_quotas q,
             lateral (select case q.quota_scope
               when 'tenant' then q.tenant_id when 'user' then quota_limits.user_id
               when 'agent' then quota_limits.agent_id else quota_limits.api_key_id end) as s (subject_id)
       where q.tenant_id = any (quota_limits.chain) and q.quota_type = quota_limits.quota_type
         and (q.applies_to_subtree or q.tenant_id = quota_limits.tenant_id)
         and s.subject_id is not null and coalesce(q.scope_id, s.subject_id) = s.subject_id
         -- the users of another tenant are not this quota's
         and (q.quota_scope = 'tenant' or q.tenant_id = quota_limits.tenant_id)
    ), effective as (
      -- one that names somebody replaces one for each; an override replaces the tenant's settings, those the plan.
      -- What the tenant set itself adds to all that and can lift nothing.
      select distinct on (a.tenant_id, a.quota_scope, a.subject_id, a.applies_to_subtree, a.period, a.is_hard_limit, a.source = 'own') a.*
        from applicable a
       order by a.tenant_id, a.quota_scope, a.subject_id, a.applies_to_subtree, a.period, a.is_hard_limit, a.source = 'own',
                a.scope_id is null, array_position(array['own', 'override', 'tenant', 'plan'], a.source)
    )
    select e.tenant_id, e.quota_scope, e.subject_id, e.applies_to_subtree, e.period,
           min(e.quota_limit), min(e.quota_limit) filter (where e.is_hard_limit), min(e.quota_limit) filter (where e.overage_allowed),
           (array_agg(e.alert_threshold_percentage order by e.quota_limit))[1]
      from effective e
     where e.quota_limit is not null
     group by e.tenant_id, e.quota_scope, e.subject_id, e.applies_to_subtree, e.period
     order by e.tenant_id, e.quota_scope, e.subject_id, e.applies_to_subtree, e.period;
end
$$;
comment on function metering.quota_limits is
  'The limits that hold for a use, one row a counter, the strictest of each, in the order in which counters are locked.';
grant execute on function metering.quota_limits to rowhouse_owner;

create or replace function metering.quota_period(tenant_id uuid, period text, at timestamptz) returns daterange
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_timezone text;
  v_anchor timestamptz;
  v_local timestamp;
  v_range tstzrange;
begin
  if quota_period.period = 'none' then
    return daterange('-infinity', 'infinity');
  end if;
  select t.timezone, coalesce(t.subscription_started_at, t.created_at) into v_timezone, v_anchor
    from app_public.tenants t where t.id = quota_period.tenant_id;
  v_local := quota_period.at at time zone v_timezone;
  case quota_period.period
    when 'day' then
      return daterange(v_local::date, v_local::date + 1);
    when 'month' then
      return daterange(date_trunc('month', v_local)::date, (date_trunc('month', v_local) + interval '1 month')::date);
    when 'billing' then
      v_range := metering.billing_period(quota_period.at, (v_anchor at time zone v_timezone)::date, v_timezone);
      return daterange((lower(v_range) at time zone v_timezone)::date, (upper(v_range) at time zone v_timezone)::date);
  end case;
end
$$;
comment on function metering.quota_period is
  'The local days of the period an instant falls into: none (for ever), day, month, or billing (a month from the day of the subscription''s start, or of the tenant''s).';
grant execute on function metering.quota_period to rowhouse_owner;

create or replace function metering.counted_usage(tenant_ids uuid[], quota_type text, user_id uuid default null) returns numeric
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
  'What a count quota counts, read from the rows themselves: active members, agents that are not deleted, documents, bytes of documents.';

set local role rowhouse_owner;

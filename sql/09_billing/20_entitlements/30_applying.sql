-- Writing what was sold to the places where it is enforced. Whatever changes it comes through billing.apply_entitlements, which
-- locks the plan and the tenant, so that of two changes at once the later one sees the earlier.

set local role rowhouse_platform;  -- outside the wall: the tenants below show the plan of the tenant that pays for them
create or replace function billing.show_plan(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.tenants t
     set subscription_tier = payer.subscription_tier, subscription_status = payer.subscription_status
    from app_public.tenants payer
   where payer.id = t.ancestor_ids[1] and (t.id = show_plan.tenant_id or t.ancestor_ids @> array[show_plan.tenant_id])
     and (t.subscription_tier <> payer.subscription_tier or t.subscription_status <> payer.subscription_status);
end
$$;
comment on function billing.show_plan is
  'Shows the tier and the status of the subscription that pays for a tenant in the tenant and in all below it.';
grant execute on function billing.show_plan to rowhouse_owner;

set local role rowhouse_owner;
create or replace function billing.held_days(tenant_id uuid, out share_days int, out period_days int, out share_until timestamptz)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_running app_public.subscriptions;
  v_month tstzrange;
begin
  select * into v_running from app_public.subscriptions s
   where s.tenant_id = held_days.tenant_id and not s.is_add_on and s.status in ('active', 'past_due');
  if not found then
    return;
  end if;
  v_month := metering.billing_period(core.clock(), v_running.anchor_on, v_running.timezone);
  period_days := billing.local_days(lower(v_month), upper(v_month), v_running.timezone);
  -- The day of a start and the day of an end are whole days, as they are on invoices. A subscription that ended at midnight did
  -- not have the day that begins then.
  select least(sum(billing.local_days(greatest(billing.local_midnight(s.started_at, v_running.timezone), lower(v_month)),
             least(billing.next_midnight(s.ended_at - interval '1 microsecond', v_running.timezone), upper(v_month)),
             v_running.timezone)), period_days)
    into share_days
    from app_public.subscriptions s
   where s.tenant_id = held_days.tenant_id and not s.is_add_on and (s.ended_at is null or s.ended_at > lower(v_month));
  if share_days = period_days then
    share_days := null;
    period_days := null;
  else
    share_until := upper(v_month);
  end if;
end
$$;
comment on function billing.held_days is
  'The days of the running billing month in which a tenant has or had a subscription, of how many, and the end of the month; nulls when these are all days, or when its plan is a trial or the plan free.';

create or replace function billing.apply_plan_quotas(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_limit record;
  v_kept uuid[] := '{}';
  v_id uuid;
begin
  for v_limit in
    select case e.key when 'storage_gb' then 'storage' else e.key end as quota_type,
           -- the limits of add-ons are added up, and metering counts up to a bound
           least(e.quota_limit * case e.key when 'storage_gb' then core.bytes_per_gb() else 1 end, metering.max_amount() - 1) as quota_limit,
           case when e.key in ('api_calls', 'tokens', 'cost') then 'billing' else 'none' end as period, e.overage_allowed,
           h.share_days, h.period_days, h.share_until
      from billing.sold_entitlements(apply_plan_quotas.tenant_id) e
      -- What exists is not used up in a period, and what staff have set holds as it is.
      left join billing.held_days(apply_plan_quotas.tenant_id) h on e.source = 'plan' and e.key in ('api_calls', 'tokens', 'cost')
     where e.kind = 'quota'
     order by 1
  loop
    insert into app_public.usage_quotas as q (
      tenant_id, quota_type, period, quota_limit, is_hard_limit, overage_allowed, source, share_days, period_days, share_until)
    values (apply_plan_quotas.tenant_id, v_limit.quota_type, v_limit.period, v_limit.quota_limit, not v_limit.overage_allowed,
            v_limit.overage_allowed, 'plan', v_limit.share_days, v_limit.period_days, v_limit.share_until)
    on conflict (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) do update
       set quota_limit = excluded.quota_limit, overage_allowed = excluded.overage_allowed,
           share_days = excluded.share_days, period_days = excluded.period_days, share_until = excluded.share_until
    returning q.id into v_id;
    v_kept := v_kept || v_id;
  end loop;
  delete from app_public.usage_quotas q
   where q.tenant_id = apply_plan_quotas.tenant_id and q.source = 'plan' and q.id <> all (v_kept);
end
$$;
comment on function billing.apply_plan_quotas is
  'Writes the quotas that were sold to a tenant to app_public.usage_quotas, where they are enforced for the tenant and all below it: of a billing period that it has in part, its days of it. Quotas of an earlier plan are deleted.';

create or replace function billing.apply_subscription(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.subscriptions;
begin
  -- the live base, or else the one that ended last
  select * into v_subscription from app_public.subscriptions s
   where s.tenant_id = apply_subscription.tenant_id and not s.is_add_on
   order by s.ended_at desc nulls first, s.created_at desc limit 1;
  if not found then
    return;
  end if;
  update app_public.tenants t
     set subscription_status = case v_subscription.status
           when 'trialing' then 'trial' when 'active' then 'active' when 'past_due' then 'active' when 'paused' then 'suspended'
           when 'cancelled' then 'cancelled' when 'expired' then 'inactive' end,
         trial_ends_at = v_subscription.trial_ends_at,
         -- quotas count their billing periods from this day, so it is the day that the subscription counts its periods from
         subscription_started_at = case when v_subscription.status = 'trialing' then v_subscription.started_at
           else v_subscription.anchor_on::timestamp at time zone v_subscription.timezone end,
         subscription_timezone = v_subscription.timezone,
         subscription_ends_at = coalesce(v_subscription.ended_at,
           case when v_subscription.cancel_at_period_end then v_subscription.current_period_end end),
         billing_cycle = v_subscription.billing_cycle::text,
         next_billing_date = case when v_subscription.status in ('trialing', 'active', 'past_due') and not v_subscription.cancel_at_period_end
           then v_subscription.current_period_end end
   where t.id = apply_subscription.tenant_id;
end
$$;
comment on function billing.apply_subscription is
  'Writes the state of the subscription of a tenant to the row of the tenant. A tenant that never had one is left as it is.';

create or replace function billing.lock_entitlements(tenant_id uuid) returns uuid[]
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan_ids uuid[];
begin
  loop
    v_plan_ids := billing.entitled_plan_ids(lock_entitlements.tenant_id);
    -- A change of a plan waits for this lock, so that it finds this tenant among those to which the plan was sold.
    perform from app_public.plans p where p.id = any (v_plan_ids) order by p.id for key share;
    perform from app_public.tenants t where t.id = lock_entitlements.tenant_id for no key update;
    -- The plans may have become others while this session waited.
    exit when v_plan_ids = billing.entitled_plan_ids(lock_entitlements.tenant_id);
  end loop;
  return v_plan_ids;
end
$$;
comment on function billing.lock_entitlements is
  'Locks the plans that were sold to a tenant and the tenant, so that two changes of its entitlements at once see each other. Returns the plans, that of the base first.';

create or replace function billing.apply_entitlements(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan_ids constant uuid[] := billing.lock_entitlements(apply_entitlements.tenant_id);
  v_features jsonb;
  v_tier text;
begin
  perform billing.apply_plan_quotas(apply_entitlements.tenant_id);
  perform billing.apply_subscription(apply_entitlements.tenant_id);
  select coalesce(jsonb_object_agg(e.key, e.is_enabled), '{}') into v_features
    from billing.sold_entitlements(apply_entitlements.tenant_id) e where e.kind = 'feature';
  select p.tier into v_tier from app_public.plans p where p.id = v_plan_ids[1];
  update app_public.tenants t
     set plan_features = v_features, subscription_tier = coalesce(v_tier, t.subscription_tier)
   where t.id = apply_entitlements.tenant_id and (t.plan_features <> v_features or t.subscription_tier <> v_tier);
  perform billing.show_plan(apply_entitlements.tenant_id);
end
$$;
comment on function billing.apply_entitlements is
  'Writes what was sold to a tenant and the state of its subscription to the places where other code reads them.';

create or replace function billing.refresh_entitlements(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context text := coalesce(current_setting('rowhouse.tenant_id', true), '');
begin
  -- A superuser may write without a tenant in the context, and staff edit a plan of other tenants. The context is restored.
  call core.enter_tenant(refresh_entitlements.tenant_id);
  perform billing.apply_entitlements(refresh_entitlements.tenant_id);
  perform set_config('rowhouse.tenant_id', v_context, true);
end
$$;
comment on function billing.refresh_entitlements is
  'Applies the entitlements of a tenant again, from within whatever tenant.';

create or replace function billing.tg__refresh_entitlements() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := case tg_op when 'DELETE' then old.tenant_id else new.tenant_id end;
begin
  -- A tenant that is being deleted has no entitlements.
  if exists (select from app_public.tenants t where t.id = v_tenant_id) then
    perform billing.refresh_entitlements(v_tenant_id);
  end if;
  return null;
end
$$;
comment on function billing.tg__refresh_entitlements is
  'Applies the entitlements of the tenant again after a change of its subscription or its overrides.';

create or replace function billing.tg_tenants__refresh_entitlements() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.refresh_entitlements(new.id);
  return null;
end
$$;
comment on function billing.tg_tenants__refresh_entitlements is
  'Applies the entitlements of a new tenant, and of one that gets another parent: below a parent it has no plan of its own.';

create or replace function billing.refresh_plan(plan_id uuid, is_free boolean) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
begin
  -- This waits for subscriptions to the plan that are not committed yet, so that none keeps what the plan gave before.
  perform from app_public.plans p where p.id = refresh_plan.plan_id for update;
  for v_tenant_id in select * from billing.tenants_of_plan(refresh_plan.plan_id, refresh_plan.is_free) loop
    perform billing.refresh_entitlements(v_tenant_id);
  end loop;
end
$$;
comment on function billing.refresh_plan is
  'Applies the entitlements of all tenants to which a plan was sold again.';

create or replace function billing.tg_plans__refresh_entitlements() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.refresh_plan(case tg_op when 'DELETE' then old.id else new.id end,
    tg_op <> 'INSERT' and old.slug = 'free' or tg_op <> 'DELETE' and new.slug = 'free');
  return null;
end
$$;
comment on function billing.tg_plans__refresh_entitlements is
  'Applies the entitlements again when the plan free comes or goes, or the tier of a plan changes.';

create or replace function billing.tg_plan_entitlements__refresh() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.refresh_plan(p.id, p.slug = 'free')
     from app_public.plans p
    where p.id in (select c.plan_id from changed_rows c)
    order by p.id;
  return null;
end
$$;
comment on function billing.tg_plan_entitlements__refresh is
  'Applies the entitlements of all tenants with a plan again when what the plan gives changes.';

create or replace function billing.tg__change_plans_in_turn() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Each change goes on to the tenants of its plan and to their other plans, so two at once would wait for each other. The lock
  -- comes before those of the rows.
  perform pg_advisory_xact_lock(hashtextextended('change_plans_in_turn', 0));
  return null;
end
$$;
comment on function billing.tg__change_plans_in_turn is
  'Lets one change of what plans give follow the other.';

create or replace trigger _100_change_plans_in_turn before insert or delete or update of slug, tier on app_public.plans
  for each statement execute function billing.tg__change_plans_in_turn();
create or replace trigger _100_change_plans_in_turn before insert or update or delete on app_public.plan_entitlements
  for each statement execute function billing.tg__change_plans_in_turn();
create or replace trigger _500_refresh_entitlements after insert or update on app_public.subscriptions
  for each row execute function billing.tg__refresh_entitlements();
create or replace trigger _500_refresh_entitlements after insert or update or delete on app_public.tenant_entitlement_overrides
  for each row execute function billing.tg__refresh_entitlements();
create or replace trigger _620_refresh_entitlements after insert or update of parent_tenant_id on app_public.tenants
  for each row execute function billing.tg_tenants__refresh_entitlements();
create or replace trigger _500_refresh_entitlements after insert or delete or update of slug, tier on app_public.plans
  for each row execute function billing.tg_plans__refresh_entitlements();
create or replace trigger _500_refresh_added after insert on app_public.plan_entitlements
  referencing new table as changed_rows for each statement execute function billing.tg_plan_entitlements__refresh();
create or replace trigger _500_refresh_removed after delete on app_public.plan_entitlements
  referencing old table as changed_rows for each statement execute function billing.tg_plan_entitlements__refresh();
-- A row may go to another plan, so both plans are looked at.
create or replace trigger _500_refresh_changed after update on app_public.plan_entitlements
  referencing new table as changed_rows for each statement execute function billing.tg_plan_entitlements__refresh();
create or replace trigger _501_refresh_former after update on app_public.plan_entitlements
  referencing old table as changed_rows for each statement execute function billing.tg_plan_entitlements__refresh();

-- Starting a subscription. Only a tenant at the top of a hierarchy has one, and it pays for all tenants below it. A tenant that
-- starts again within a period that it had begun keeps the days of its periods, and pays for the rest of that period: ending and
-- starting again refills no quota and includes no quantity twice. A tenant has one trial ever, and a tenant that was below
-- another one has none. The days of a trial are whole: the rest of the first day is free as well, and
-- trial_ends_at = midnight of (today + trial_days + 1). Without a trial the first period is billed at once. The day of
-- the month from which its periods are counted can be chosen: then the first one has begun already, and its rest is billed. Quotas
-- of the period hold for the same days (billing.held_days), so choosing tomorrow is no cheap day with the quotas of a period.
--
-- An add-on counts its periods from the day of its base, in the time zone of its base, so the rest of the period is billed and
-- quotas are counted in one period. Whoever takes it again and again refills nothing and pays for each day that it was held.

create or replace function billing.has_trial(plan app_public.plans, tenant_id uuid) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select (has_trial.plan).trial_days > 0
     and not exists (
       select from app_public.subscriptions s where s.tenant_id = has_trial.tenant_id and s.trial_ends_at is not null)
     and not exists (select from app_public.tenants t where t.id = has_trial.tenant_id and t.was_sub_tenant);
$$;
comment on function billing.has_trial is
  'Whether a plan offers a trial, the tenant has not had one yet, and it was never below another tenant.';

create or replace function billing.anchor_to_keep(tenant_id uuid) returns date
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select s.anchor_on from app_public.subscriptions s
   where s.tenant_id = anchor_to_keep.tenant_id and not s.is_add_on and s.status = 'cancelled' and s.current_period_end > core.clock()
   order by s.ended_at desc limit 1;
$$;
comment on function billing.anchor_to_keep is
  'The day from which the periods of a tenant are counted, when its last subscription was cancelled within a period that is not over; otherwise null.';

create or replace function billing.last_such_day(day int, today date) returns date
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  -- two 31sts are at most 62 days apart
  select max(today - n) from generate_series(0, 61) as n where extract(day from today - n) = day;
$$;
comment on function billing.last_such_day is
  'The last date up to today that is this day of its month; null when no month has such a day.';

create or replace function billing.chosen_anchor(anchor_day int, today date, is_settled boolean) returns date
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_anchor constant date := billing.last_such_day(chosen_anchor.anchor_day, chosen_anchor.today);
begin
  if chosen_anchor.anchor_day is null then
    return null;
  end if;
  if v_anchor is null or chosen_anchor.is_settled then
    perform core.raise_error('LB440', 'The anchor_day must be from 1 to 31, and it can be chosen only without a trial and not for an add-on.',
      'Give a day of the month, and skip_trial when the plan has a trial.');
  end if;
  return v_anchor;
end
$$;
comment on function billing.chosen_anchor is
  E'@errors LB440\nThe day from which the periods of a subscription that starts today are counted when a day of the month is chosen; null when none is. A trial or a base settles the day already.';

create or replace function billing.new_subscription(
  tenant_id uuid, plan app_public.plans, price app_public.plan_prices, with_trial boolean, anchor_day int, base app_public.subscriptions
) returns app_public.subscriptions
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_new app_public.subscriptions;
  v_today date;
  v_chosen date;
  v_period tstzrange;
begin
  select t.id, t.timezone into v_new.tenant_id, v_new.timezone from app_public.tenants t where t.id = new_subscription.tenant_id;
  v_new.timezone := coalesce((new_subscription.base).timezone, v_new.timezone);
  v_new.plan_id := (new_subscription.plan).id;
  v_new.is_add_on := (new_subscription.plan).is_add_on;
  v_new.price_id := (new_subscription.price).id;
  v_new.billing_cycle := (new_subscription.price).billing_cycle;
  v_new.currency := (new_subscription.price).currency;
  v_new.seats := billing.seats_for(v_new.tenant_id, new_subscription.price, null);
  v_today := (v_now at time zone v_new.timezone)::date;
  v_chosen := billing.chosen_anchor(new_subscription.anchor_day, v_today,
    new_subscription.with_trial or v_new.is_add_on);
  v_new.anchor_on := coalesce((new_subscription.base).anchor_on, billing.anchor_to_keep(v_new.tenant_id), v_chosen, v_today);
  v_new.started_at := v_now;
  v_new.usage_since := v_now;
  if new_subscription.with_trial then
    v_new.status := 'trialing';
    v_new.anchor_on := v_today;
    v_new.trial_ends_at := (v_new.anchor_on + (new_subscription.plan).trial_days + 1)::timestamp at time zone v_new.timezone;
    v_period := tstzrange(v_now, v_new.trial_ends_at);
  else
    v_new.status := 'active';
    v_period := billing.subscription_period(v_new, v_now);
  end if;
  v_new.current_period_start := lower(v_period);
  v_new.current_period_end := upper(v_period);
  return v_new;
end
$$;
comment on function billing.new_subscription is
  E'@errors LB440\nThe values of a subscription that starts now; base is null unless it is an add-on. Nothing is written.';

create or replace function billing.require_own_plan(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- The lock orders this subscription and a move of the tenant below another one.
  perform from app_public.tenants t where t.id = require_own_plan.tenant_id and t.parent_tenant_id is null for share;
  if not found then
    perform core.raise_error('LB525', 'The tenant at the top of the hierarchy pays for this tenant, so it has no subscription of its own.',
      'Start or change the subscription in the tenant at the top.');
  end if;
end
$$;
comment on function billing.require_own_plan is
  E'@errors LB525\nRaises an error when a tenant is below another one, and keeps it where it is until the transaction ends.';

create or replace function billing.tg_tenants__keep_subscription() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if billing.has_live_subscription(new.id) then
    perform core.raise_error('LB526', 'A tenant with a subscription cannot be moved below another tenant.',
      'Cancel its subscription first. From then on the tenant at the top pays for it.');
  end if;
  return null;
end
$$;
comment on function billing.tg_tenants__keep_subscription is
  E'@errors LB526\nKeeps a tenant that pays for itself at the top of the hierarchy.';

set local role rowhouse_platform;  -- outside the wall: a tenant is moved from within another one
create or replace function billing.has_live_subscription(tenant_id uuid) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.subscriptions s where s.tenant_id = has_live_subscription.tenant_id and s.ended_at is null);
$$;
comment on function billing.has_live_subscription is
  'Whether a tenant has a subscription that has not ended.';
grant execute on function billing.has_live_subscription to rowhouse_owner;

set local role rowhouse_owner;

create or replace function app_public.start_subscription(
  plan text, billing_cycle app_public.billing_cycle_enum default 'monthly', skip_trial boolean default false,
  anchor_day int default null
) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_plan app_public.plans := billing.plan_by_slug(start_subscription.plan);
  v_cycle constant app_public.billing_cycle_enum := coalesce(start_subscription.billing_cycle, 'monthly');
  v_price app_public.plan_prices;
  v_with_trial boolean;
  v_base app_public.subscriptions;
  v_new app_public.subscriptions;
  v_subscription app_public.subscriptions;
begin
  -- The lock orders this subscription and a change of what the plan gives. It comes before that of the tenant, and what the
  -- tenant has already is locked with it, because a change of that locks the plan and then its tenants as well.
  perform from app_public.plans p
    where p.id = v_plan.id or p.id = any (billing.entitled_plan_ids(v_profile.tenant_id))
    order by p.id for key share;
  perform billing.require_own_plan(v_profile.tenant_id);
  if v_plan.is_add_on then
    perform billing.advance_subscription(v_profile.tenant_id);
    v_base := billing.active_base(v_profile.tenant_id);
    perform billing.require_free_add_on(v_profile.tenant_id, v_plan.id);
  elsif billing.has_live_subscription(v_profile.tenant_id) then
    perform core.raise_error('LB507', 'This tenant already has a subscription.', 'Change it with change_plan, or cancel it first.');
  end if;
  perform billing.require_no_debt(v_profile.tenant_id);
  v_price := billing.plan_price_at(v_plan.id, v_profile.currency, v_cycle, core.clock());
  -- the lock orders this subscription and a change of the components of its price
  perform from app_public.plan_prices p where p.id = v_price.id for key share;
  v_with_trial := billing.has_trial(v_plan, v_profile.tenant_id) and start_subscription.skip_trial is not true;
  if not v_with_trial and v_price.amount > 0 then
    perform billing.require_way_to_pay(v_profile.tenant_id);
  end if;
  v_new := billing.new_subscription(v_profile.tenant_id, v_plan, v_price, v_with_trial, start_subscription.anchor_day, v_base);
  insert into app_public.subscriptions (
    tenant_id, plan_id, is_add_on, price_id, billing_cycle, currency, status, timezone, anchor_on, started_at, trial_ends_at,
    current_period_start, current_period_end, usage_since, seats)
  values (
    v_new.tenant_id, v_new.plan_id, v_new.is_add_on, v_new.price_id, v_new.billing_cycle, v_new.currency, v_new.status, v_new.timezone,
    v_new.anchor_on, v_new.started_at, v_new.trial_ends_at, v_new.current_period_start, v_new.current_period_end, v_new.usage_since,
    v_new.seats)
  returning * into v_subscription;
  if not v_with_trial then
    perform billing.bill_period(v_subscription, null, v_subscription.started_at);
  end if;
  perform billing.add_billing_notice(v_profile.tenant_id, 'subscription_started', v_subscription.id::text,
    format('The subscription to %s has started.', v_plan.name), v_subscription.id);
  return v_subscription;
end
$$;
comment on function app_public.start_subscription is
  E'@resultFieldName subscription\n@errors ID203 LB301 LB302 LB303 LB440 LB507 LB508 LB513 LB525 LB550 LB551\nSubscribes this tenant, with all tenants below it, to the plan with this slug. The subscription starts with the trial of the plan if the tenant has never had a trial, was never below another tenant, and skip_trial is not true. Without a trial the first invoice is created at once. anchor_day chooses the day of the month on which its periods begin, when there is no trial: then the rest of the period that has begun on that day is billed, and what the plan allows in a period is prorated by the same days. A tenant that starts again within a period that it had begun keeps the days of its periods. A plan that is an add-on is added to the subscription, which must be active: the rest of the period of the subscription is billed. Requires can_manage_billing.';
grant execute on function app_public.start_subscription to rowhouse_user;

create or replace trigger _610_keep_subscription after update of parent_tenant_id on app_public.tenants
  for each row when (new.parent_tenant_id is not null) execute function billing.tg_tenants__keep_subscription();

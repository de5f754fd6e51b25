-- The states of a subscription and the steps between them, kept by a trigger for whoever writes, superusers too.
--
--   trialing → active, cancelled, expired          active   → past_due, paused, cancelled
--   past_due → active, paused, cancelled           paused   → active, cancelled
--   cancelled and expired are final: a new subscription follows.

call core.secure_tenant_table('app_public.subscriptions');
call core.allow('app_public.subscriptions', read => 'viewer');
grant select on app_public.subscriptions to rowhouse_user;
grant select, insert, update, delete on app_public.subscriptions to rowhouse_platform;
comment on table app_public.subscriptions is
  E'@name plan_subscription\n@behavior -insert -update -delete\nThe plans this tenant has and had; at most one has not ended. start_subscription, change_plan, cancel_subscription, pause_subscription and resume_subscription change it.';
comment on column app_public.subscriptions.plan_id is 'The plan.';
comment on column app_public.subscriptions.price_id is 'The version of its price that holds in this period.';
comment on column app_public.subscriptions.billing_cycle is 'monthly or annual.';
comment on column app_public.subscriptions.currency is 'ISO 4217; that of the billing profile at the start.';
comment on column app_public.subscriptions.status is 'trialing, active, past_due (a payment failed), paused, cancelled or expired (a trial that nobody paid for).';
comment on column app_public.subscriptions.timezone is 'IANA time zone in which its days and periods are counted; the tenant''s at the start.';
comment on column app_public.subscriptions.anchor_on is 'The day its periods are counted from.';
comment on column app_public.subscriptions.started_at is 'When it began.';
comment on column app_public.subscriptions.trial_ends_at is 'When the trial ends or ended, null without one.';
comment on column app_public.subscriptions.period_number is 'Number of the period, from 1.';
comment on column app_public.subscriptions.current_period_start is 'Start of the period.';
comment on column app_public.subscriptions.current_period_end is 'End of the period; of the trial while there is one.';
comment on column app_public.subscriptions.usage_since is 'From when use has not been billed yet.';
comment on column app_public.subscriptions.cancel_at_period_end is 'Whether it ends with the period.';
comment on column app_public.subscriptions.pending_plan_id is 'The plan it changes to at the end of the period.';
comment on column app_public.subscriptions.pending_billing_cycle is 'The cycle it changes to then.';
comment on column app_public.subscriptions.paused_at is 'Since when it is paused.';
comment on column app_public.subscriptions.past_due_at is 'Since when a payment is missed.';
comment on column app_public.subscriptions.ended_at is 'When it ended, null while it lives.';
comment on column app_public.subscriptions.created_at is 'When it was made.';
comment on column app_public.subscriptions.updated_at is 'When it last changed.';
comment on constraint subscriptions_price_id_fkey on app_public.subscriptions is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint subscriptions_pending_plan_id_fkey on app_public.subscriptions is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint subscriptions_plan_id_fkey on app_public.subscriptions is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';

comment on type app_public.subscription_status_enum is 'Where a subscription stands.';

create or replace function billing.tg_subscriptions__keep_states() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    if new.status not in ('trialing', 'active') then
      perform core.raise_error('LB504', 'A subscription begins as trialing or active.', 'Start it, then change it.');
    end if;
    return new;
  end if;
  -- that it stays with its tenant is the wall's
  if new.id <> old.id or new.currency <> old.currency or new.started_at <> old.started_at
     or new.timezone <> old.timezone then
    perform core.raise_error('LB505', 'The currency, time zone and start of a subscription never change.',
      'Cancel it and start another.');
  end if;
  if old.status in ('cancelled', 'expired') then
    perform core.raise_error('LB506', 'The subscription has ended.', 'Start a new one.');
  end if;
  if new.status <> old.status and not (case old.status
       when 'trialing' then new.status in ('active', 'cancelled', 'expired')
       when 'active' then new.status in ('past_due', 'paused', 'cancelled')
       when 'past_due' then new.status in ('active', 'paused', 'cancelled')
       when 'paused' then new.status in ('active', 'cancelled')
       else false end) then
    perform core.raise_error('LB504', 'A subscription cannot go from its state to this one.',
      'docs/billing.md shows the states and the steps between them.');
  end if;
  return new;
end
$$;
comment on function billing.tg_subscriptions__keep_states is
  'LB504: no such step; LB505: a fact of the subscription would change; LB506: it has ended.';

-- The life of a subscription. Whole days count, in the subscription's time zone: the day of a change belongs to what comes
-- after it. Whatever ends or begins a period makes its invoice in the same transaction.

create or replace function billing.local_midnight(at timestamptz, timezone text) returns timestamptz
language sql stable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select (local_midnight.at at time zone local_midnight.timezone)::date::timestamp at time zone local_midnight.timezone;
$$;
comment on function billing.local_midnight is
  'The beginning of the day of an instant in a time zone.';

create or replace function billing.subscription_period(subscription app_public.subscriptions, at timestamptz) returns tstzrange
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select metering.billing_period(subscription_period.at, (subscription).anchor_on, (subscription).timezone,
    case (subscription).billing_cycle when 'annual' then 12 else 1 end);
$$;
comment on function billing.subscription_period is
  'The billing period of a subscription that an instant falls into.';

create or replace function billing.live_subscription(tenant_id uuid) returns app_public.subscriptions
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.subscriptions;
begin
  select * into v_subscription from app_public.subscriptions s
   where s.tenant_id = live_subscription.tenant_id and s.ended_at is null;
  if not found then
    perform core.raise_error('LB303', 'This tenant has no subscription.', 'Start one with start_subscription.');
  end if;
  return v_subscription;
end
$$;
comment on function billing.live_subscription is
  E'@errors LB303\nThe subscription of a tenant that has not ended.';

create or replace function billing.begin_period(subscription app_public.subscriptions, at timestamptz, anchor_on date, status app_public.subscription_status_enum)
returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next app_public.subscriptions := begin_period.subscription;
  v_period tstzrange;
begin
  v_next.anchor_on := begin_period.anchor_on;
  v_next.plan_id := coalesce(v_next.pending_plan_id, v_next.plan_id);
  v_next.billing_cycle := coalesce(v_next.pending_billing_cycle, v_next.billing_cycle);
  v_next.price_id := (billing.plan_price_at(v_next.plan_id, v_next.currency, v_next.billing_cycle, begin_period.at)).id;
  v_period := billing.subscription_period(v_next, begin_period.at);
  update app_public.subscriptions s
     set status = begin_period.status, plan_id = v_next.plan_id, billing_cycle = v_next.billing_cycle, price_id = v_next.price_id,
         period_number = s.period_number + 1, anchor_on = v_next.anchor_on, current_period_start = lower(v_period), current_period_end = upper(v_period),
         usage_since = begin_period.at, pending_plan_id = null, pending_billing_cycle = null, paused_at = null,
         past_due_at = case begin_period.status when 'past_due' then s.past_due_at end
   where s.id = v_next.id
  returning * into v_next;
  return v_next;
end
$$;
comment on function billing.begin_period is
  'Moves a subscription into the period that begins at an instant, with the change that was planned for it and the price of that time.';

create or replace function app_public.start_subscription(
  plan text, billing_cycle app_public.billing_cycle_enum default 'monthly', skip_trial boolean default false
) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.begin_billing();
  v_plan app_public.plans := billing.plan_by_slug(start_subscription.plan);
  v_price app_public.plan_prices;
  v_now timestamptz := core.clock();
  v_timezone text;
  v_today date;
  v_has_trial boolean;
  v_period tstzrange;
  v_trial_ends_at timestamptz;
  v_subscription app_public.subscriptions;
begin
  if exists (select from app_public.subscriptions s where s.tenant_id = v_profile.tenant_id and s.ended_at is null) then
    perform core.raise_error('LB507', 'This tenant has a subscription already.', 'Change it with change_plan, or cancel it first.');
  end if;
  if start_subscription.billing_cycle is null then
    perform core.raise_error('LB403', 'The billing cycle is missing.', 'Give monthly or annual.');
  end if;
  v_price := billing.plan_price_at(v_plan.id, v_profile.currency, start_subscription.billing_cycle, v_now);
  perform from app_public.plan_prices p where p.id = v_price.id for key share;
  select t.timezone into v_timezone from app_public.tenants t where t.id = v_profile.tenant_id;
  v_today := (v_now at time zone v_timezone)::date;
  -- one trial a tenant, ever
  v_has_trial := v_plan.trial_days > 0 and not coalesce(start_subscription.skip_trial, false) and not exists (
    select from app_public.subscriptions s where s.tenant_id = v_profile.tenant_id and s.trial_ends_at is not null);
  if v_has_trial then
    -- whole days: the rest of the first one comes on top
    v_trial_ends_at := (v_today + v_plan.trial_days + 1)::timestamp at time zone v_timezone;
    v_period := tstzrange(v_now, v_trial_ends_at);
  else
    if v_price.amount > 0 and not billing.can_be_charged(v_profile.tenant_id) then
      perform core.raise_error('LB508', 'There is no way to be paid yet.',
        'Add a payment method with add_payment_method, or ask the platform''s staff for payment by invoice.');
    end if;
    v_period := metering.billing_period(v_now, v_today, v_timezone, case start_subscription.billing_cycle when 'annual' then 12 else 1 end);
  end if;
  insert into app_public.subscriptions (
    tenant_id, plan_id, price_id, billing_cycle, currency, status, timezone, anchor_on, started_at, trial_ends_at,
    current_period_start, current_period_end, usage_since)
  values (
    v_profile.tenant_id, v_plan.id, v_price.id, start_subscription.billing_cycle, v_profile.currency,
    case when v_has_trial then 'trialing' else 'active' end::app_public.subscription_status_enum, v_timezone, v_today, v_now,
    v_trial_ends_at, lower(v_period), upper(v_period), v_now)
  returning * into v_subscription;
  if not v_has_trial then
    perform billing.bill_period(v_subscription, null);
  end if;
  perform billing.notify_billing(v_profile.tenant_id, 'subscription_started', v_subscription.id::text,
    format('The subscription to %s has begun.', v_plan.name), v_subscription.id);
  return v_subscription;
end
$$;
comment on function app_public.start_subscription is
  E'@resultFieldName subscription\n@errors LB301 LB302 LB403 LB507 LB508 ID203\nSubscribes this tenant to a plan (by slug), with the plan''s trial when the tenant never had one. Without a trial the first invoice is made at once. Needs can_manage_billing.';
grant execute on function app_public.start_subscription to rowhouse_user;

create or replace function billing.is_upgrade(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices)
returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tiers constant text[] := array['free', 'standard', 'professional', 'enterprise'];
  v_old_tier text;
  v_old_amount numeric;
begin
  select p.tier into v_old_tier from app_public.plans p where p.id = (is_upgrade.subscription).plan_id;
  if is_upgrade.plan.tier <> v_old_tier then
    return array_position(v_tiers, is_upgrade.plan.tier) > array_position(v_tiers, v_old_tier);
  end if;
  if is_upgrade.price.billing_cycle <> (is_upgrade.subscription).billing_cycle then
    return false;
  end if;
  select p.amount into v_old_amount from app_public.plan_prices p where p.id = (is_upgrade.subscription).price_id;
  return is_upgrade.price.amount > v_old_amount;
end
$$;
comment on function billing.is_upgrade is
  'Whether a change takes effect at once: to a higher tier, or within the tier and cycle to a higher price. Everything else waits for the end of the period.';

create or replace function app_public.change_plan(plan text, billing_cycle app_public.billing_cycle_enum default null)
returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.begin_billing();
  v_subscription app_public.subscriptions := billing.settled_subscription(v_profile.tenant_id);
  v_plan app_public.plans := billing.plan_by_slug(change_plan.plan);
  v_cycle app_public.billing_cycle_enum := coalesce(change_plan.billing_cycle, v_subscription.billing_cycle);
  v_now timestamptz := core.clock();
  v_price app_public.plan_prices := billing.plan_price_at(v_plan.id, v_subscription.currency, v_cycle, v_now);
begin
  perform from app_public.plan_prices p where p.id = v_price.id for key share;
  if v_subscription.status not in ('trialing', 'active') then
    perform core.raise_error('LB509', 'A subscription that is past due or paused cannot be changed.',
      'Pay the open invoices or resume it first; cancelling is always possible.');
  end if;
  if v_subscription.cancel_at_period_end then
    perform core.raise_error('LB510', 'The subscription is to end with its period.', 'Take that back with resume_subscription first.');
  end if;
  if v_plan.id = v_subscription.plan_id and v_cycle = v_subscription.billing_cycle then
    -- back to what holds: the planned change is taken back
    update app_public.subscriptions s set pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;

  if v_subscription.status = 'trialing' then
    -- nothing is paid yet, so nothing is prorated
    update app_public.subscriptions s
       set plan_id = v_plan.id, billing_cycle = v_cycle, price_id = v_price.id, pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_subscription.id returning * into v_subscription;
  elsif not billing.is_upgrade(v_subscription, v_plan, v_price) then
    update app_public.subscriptions s set pending_plan_id = v_plan.id, pending_billing_cycle = v_cycle
     where s.id = v_subscription.id returning * into v_subscription;
  else
    if v_price.amount > 0 and not billing.can_be_charged(v_profile.tenant_id) then
      perform core.raise_error('LB508', 'There is no way to be paid yet.',
        'Add a payment method with add_payment_method, or ask the platform''s staff for payment by invoice.');
    end if;
    v_subscription := billing.upgrade_now(v_subscription, v_plan, v_price, v_now);
  end if;
  return v_subscription;
end
$$;
comment on function app_public.change_plan is
  E'@resultFieldName subscription\n@errors LB301 LB302 LB303 LB508 LB509 LB510 ID203\nChanges to another plan or cycle. An upgrade (a higher tier, or a higher price within it) holds at once: the unused days are credited and the new plan''s are charged. Everything else holds from the end of the period; change back to the current plan to undo it. preview_plan_change shows it beforehand. Needs can_manage_billing.';
grant execute on function app_public.change_plan to rowhouse_user;

create or replace function billing.upgrade_now(
  subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices, at timestamptz
) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_old app_public.subscriptions := upgrade_now.subscription;
  v_new app_public.subscriptions;
  v_invoice app_public.invoices;
begin
  if upgrade_now.price.billing_cycle = v_old.billing_cycle then
    -- the period goes on; its usage is priced by the plan it ends with
    v_invoice := billing.draft_invoice(v_old.tenant_id, 'change', v_old, null, null);
    perform billing.insert_lines(v_invoice, array(
      select l from billing.change_lines(v_old, upgrade_now.price, upgrade_now.at) l));
    update app_public.subscriptions s
       set plan_id = (upgrade_now.plan).id, price_id = (upgrade_now.price).id, pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_old.id returning * into v_new;
    perform billing.finalise(v_invoice.tenant_id, v_invoice.id);
  else
    -- another cycle is another period: the old one ends here and now
    perform billing.bill_end(v_old, upgrade_now.at, true);
    update app_public.subscriptions s
       set pending_plan_id = (upgrade_now.plan).id, pending_billing_cycle = (upgrade_now.price).billing_cycle
     where s.id = v_old.id returning * into v_new;
    v_new := billing.begin_period(v_new, upgrade_now.at, (upgrade_now.at at time zone v_old.timezone)::date, 'active');
    perform billing.bill_period(v_new, null);
  end if;
  return v_new;
end
$$;
comment on function billing.upgrade_now is
  'Moves an active subscription to a higher plan at once, with its invoice.';

create or replace function app_public.cancel_subscription(at_period_end boolean default true) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.begin_billing();
  v_subscription app_public.subscriptions := billing.settled_subscription(v_profile.tenant_id);
  v_now timestamptz := core.clock();
begin
  if coalesce(cancel_subscription.at_period_end, true) and v_subscription.status <> 'paused' then
    update app_public.subscriptions s set cancel_at_period_end = true, pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;
  if v_subscription.status in ('active', 'past_due') then
    perform billing.bill_end(v_subscription, v_now, v_subscription.status = 'active');
  end if;
  return billing.end_subscription(v_subscription, 'cancelled', v_now);
end
$$;
comment on function app_public.cancel_subscription is
  E'@resultFieldName subscription\n@errors LB303 ID203\nEnds the subscription with its period (resume_subscription takes that back), or at once: then what was used is billed and unused days are credited, unless payment is overdue. Needs can_manage_billing.';
grant execute on function app_public.cancel_subscription to rowhouse_user;

create or replace function billing.end_subscription(subscription app_public.subscriptions, status app_public.subscription_status_enum, at timestamptz)
returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.subscriptions;
begin
  update app_public.subscriptions s
     set status = end_subscription.status, ended_at = end_subscription.at, cancel_at_period_end = false, paused_at = null,
         past_due_at = null, pending_plan_id = null, pending_billing_cycle = null
   where s.id = (end_subscription.subscription).id
  returning * into v_subscription;
  perform billing.notify_billing(v_subscription.tenant_id, 'subscription_ended', v_subscription.id::text,
    'The subscription has ended.', v_subscription.id);
  return v_subscription;
end
$$;
comment on function billing.end_subscription is
  'Ends a subscription for good.';

create or replace function app_public.current_subscription() returns app_public.subscriptions
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.subscriptions s
   where s.tenant_id = core.current_tenant_id() and s.ended_at is null and tenancy.has_role('viewer');
$$;
comment on function app_public.current_subscription is
  'This tenant''s subscription, null when it has none; subscriptions lists those that ended too. Members.';
grant execute on function app_public.current_subscription to rowhouse_user;

create or replace trigger _200_keep_states before insert or update on app_public.subscriptions
  for each row execute function billing.tg_subscriptions__keep_states();

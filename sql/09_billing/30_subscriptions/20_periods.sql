-- The periods of a subscription. Period n begins at anchor_on + (n - 1) × cycle in the time zone of the subscription, and a day
-- that a month does not have becomes the last day of that month: from 31 January monthly periods begin on 28 February,
-- 31 March and 30 April.

create or replace function billing.cycle_months(billing_cycle app_public.billing_cycle_enum) returns int
language sql immutable parallel safe
return case billing_cycle when 'annual' then 12 else 1 end;
comment on function billing.cycle_months is
  'The number of months of a billing cycle.';

create or replace function billing.subscription_period(subscription app_public.subscriptions, at timestamptz) returns tstzrange
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select metering.billing_period(subscription_period.at, (subscription).anchor_on, (subscription).timezone,
    billing.cycle_months((subscription).billing_cycle));
$$;
comment on function billing.subscription_period is
  'The billing period of a subscription that contains an instant.';

create or replace function billing.live_subscription(tenant_id uuid, add_on text default null) returns app_public.subscriptions
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.subscriptions;
begin
  select s.* into v_subscription from app_public.subscriptions s join app_public.plans p on p.id = s.plan_id
   where s.tenant_id = live_subscription.tenant_id and s.ended_at is null
     and case when live_subscription.add_on is null then not s.is_add_on else s.is_add_on and p.slug = live_subscription.add_on end;
  if not found and live_subscription.add_on is not null then
    perform core.raise_error('LB350', 'This tenant has no such add-on.', 'Choose one of the subscriptions that are add-ons, by the slug of its plan.');
  end if;
  if not found then
    perform core.raise_error('LB303', 'This tenant has no subscription.', 'Start one with start_subscription.');
  end if;
  return v_subscription;
end
$$;
comment on function billing.live_subscription is
  E'@errors LB303 LB350\nThe base subscription of a tenant that has not ended, or its add-on with this plan.';

create or replace function billing.live_add_ons(base app_public.subscriptions) returns setof app_public.subscriptions
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.subscriptions s
   where s.tenant_id = (live_add_ons.base).tenant_id and s.ended_at is null and s.is_add_on and not (live_add_ons.base).is_add_on
   order by s.started_at, s.id;
$$;
comment on function billing.live_add_ons is
  'The add-ons of a base subscription that have not ended; none for an add-on.';

create or replace function billing.active_base(tenant_id uuid) returns app_public.subscriptions
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_base constant app_public.subscriptions := billing.live_subscription(active_base.tenant_id);
begin
  if v_base.status <> 'active' then
    perform core.raise_error('LB551', 'An add-on needs a base subscription that is active.',
      'End the trial, pay the open invoices or resume the subscription first.');
  end if;
  return v_base;
end
$$;
comment on function billing.active_base is
  E'@errors LB303 LB551\nThe base subscription of a tenant, which must be active.';

create or replace function billing.require_free_add_on(tenant_id uuid, plan_id uuid, except_id uuid default null) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the billing lock orders two changes, and a planned change counts as well, so that no renewal meets a plan that is taken
  if exists (select from app_public.subscriptions s
              where s.tenant_id = require_free_add_on.tenant_id and s.ended_at is null
                and require_free_add_on.plan_id in (s.plan_id, s.pending_plan_id)
                and s.id is distinct from require_free_add_on.except_id) then
    perform core.raise_error('LB550', 'This tenant already has this add-on, or another one changes to it.',
      'An add-on is taken once. Change or cancel the one that there is.');
  end if;
end
$$;
comment on function billing.require_free_add_on is
  E'@errors LB550\nRaises an error when another live subscription of a tenant has an add-on, or is about to change to it.';

create or replace function billing.require_no_debt(tenant_id uuid) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (select from app_public.invoices i
              where i.tenant_id = require_no_debt.tenant_id and i.amount_due > 0 and i.due_at <= core.clock())
     -- credit of a payment that the bank took back, used before
     or exists (select from app_public.credit_entries e
                 where e.tenant_id = require_no_debt.tenant_id group by e.currency having sum(e.amount) < 0) then
    perform core.raise_error('LB513', 'Overdue invoices must be paid first.', 'Charge the payment method with pay_invoice.');
  end if;
end
$$;
comment on function billing.require_no_debt is
  E'@errors LB513\nRaises an error when an invoice of a tenant is overdue, or its credit in a currency is below 0.';

create or replace function billing.as_planned(subscription app_public.subscriptions, at timestamptz) returns app_public.subscriptions
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_old constant app_public.subscriptions := as_planned.subscription;
  v_new app_public.subscriptions := as_planned.subscription;
begin
  v_new.plan_id := coalesce(v_old.pending_plan_id, v_old.plan_id);
  v_new.billing_cycle := coalesce(v_old.pending_billing_cycle, v_old.billing_cycle);
  if v_old.status = 'trialing' or v_new.billing_cycle <> v_old.billing_cycle then
    v_new.anchor_on := (as_planned.at at time zone v_old.timezone)::date;
  end if;
  return v_new;
end
$$;
comment on function billing.as_planned is
  'A subscription with the plan and the cycle that it changes to at the end of its period, at an instant. Another cycle, and what follows a trial, counts its periods from that day.';

create or replace function billing.begin_period(
  subscription app_public.subscriptions, at timestamptz, anchor_on date, status app_public.subscription_status_enum
) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next app_public.subscriptions := billing.as_planned(begin_period.subscription, begin_period.at);
  v_price app_public.plan_prices;
  v_period tstzrange;
begin
  v_next.anchor_on := begin_period.anchor_on;
  v_price := billing.plan_price_at(v_next.plan_id, v_next.currency, v_next.billing_cycle, begin_period.at);
  v_period := billing.subscription_period(v_next, begin_period.at);
  update app_public.subscriptions s
     set status = begin_period.status,
         plan_id = v_next.plan_id,
         billing_cycle = v_next.billing_cycle,
         price_id = v_price.id,
         seats = billing.seats_for(v_next.tenant_id, v_price, coalesce(v_next.pending_seats, v_next.seats)),
         pending_seats = null,
         anchor_on = v_next.anchor_on,
         period_number = s.period_number + 1,
         current_period_start = lower(v_period),
         current_period_end = upper(v_period),
         usage_since = begin_period.at,
         pending_plan_id = null,
         pending_billing_cycle = null,
         paused_at = null,
         past_due_at = case begin_period.status when 'past_due' then s.past_due_at end
   where s.id = v_next.id
  returning * into v_next;
  return v_next;
end
$$;
comment on function billing.begin_period is
  E'@errors LB302\nMoves a subscription into the period that begins at an instant. A planned change takes effect, and the price that is in force at that instant applies.';

create or replace function app_public.current_subscription() returns app_public.subscriptions
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.subscriptions s
   where s.tenant_id = core.current_tenant_id() and s.ended_at is null and not s.is_add_on and tenancy.has_role('viewer');
$$;
comment on function app_public.current_subscription is
  'The live base subscription of this tenant, or null when there is none. The list of subscriptions also has its add-ons and those that have ended. All members may read it.';
grant execute on function app_public.current_subscription to rowhouse_user;

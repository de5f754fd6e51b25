-- Changing the plan. An upgrade takes effect at once; every other change waits for the end of the period. A plan is an upgrade
-- when its tier is higher, or when tier and billing cycle are the same and its price is higher.
--
-- An upgrade within the same billing cycle keeps the period. The invoice has two lines, with d = the days from the day of the
-- change to the end of the period, and p = the days of the period:
--   credit = -round(old price × d / p)      charge = round(new price × d / p)
-- Usage up to the change is billed at the old price, and usage after it at the new price; what each price includes is prorated.
-- An upgrade to the other billing cycle ends the period at once, and a new period begins today.

create or replace function billing.is_upgrade(subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices)
returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tiers constant app_public.plan_tier[] := array['free', 'standard', 'professional', 'enterprise'];
  v_old_tier app_public.plan_tier;
  v_old_amount numeric;
begin
  select p.tier into v_old_tier from app_public.plans p where p.id = (is_upgrade.subscription).plan_id;
  if is_upgrade.plan.tier <> v_old_tier then
    return array_position(v_tiers, is_upgrade.plan.tier) > array_position(v_tiers, v_old_tier);
  end if;
  if is_upgrade.price.billing_cycle <> (is_upgrade.subscription).billing_cycle then
    return false;
  end if;
  select (billing.with_seats(p, (is_upgrade.subscription).seats)).amount into v_old_amount
    from app_public.plan_prices p where p.id = (is_upgrade.subscription).price_id;
  return (billing.with_seats(is_upgrade.price, billing.seats_for((is_upgrade.subscription).tenant_id, is_upgrade.price,
    (is_upgrade.subscription).seats))).amount > v_old_amount;
end
$$;
comment on function billing.is_upgrade is
  'Whether a change takes effect at once: the tier is higher, or tier and billing cycle are the same and the price is higher.';

create or replace function billing.require_plan_for_trial(
  subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices
) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- otherwise a trial of the smallest plan would be one of every plan
  if (require_plan_for_trial.price).amount > 0 then
    if (require_plan_for_trial.plan).trial_days = 0 then
      perform core.raise_error('LB529', 'The plan has no trial, so the running trial cannot go on with it.',
        'Cancel the trial and start the subscription to this plan, or change the plan after the trial.');
    end if;
    perform billing.require_way_to_pay((require_plan_for_trial.subscription).tenant_id);
  end if;
end
$$;
comment on function billing.require_plan_for_trial is
  E'@errors LB508 LB529\nRaises an error when a trial cannot go on with a plan: the plan costs something, and it has no trial or the tenant has no way to pay.';

create or replace function billing.require_plan_of_kind(subscription app_public.subscriptions, plan app_public.plans) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if (require_plan_of_kind.plan).is_add_on <> (require_plan_of_kind.subscription).is_add_on then
    perform core.raise_error('LB552', 'An add-on changes only to another add-on, and the subscription only to a plan that is none.',
      'Start an add-on with start_subscription, and name the one to change with add_on.');
  end if;
  if (require_plan_of_kind.plan).is_add_on then
    perform billing.active_base((require_plan_of_kind.subscription).tenant_id);
    perform billing.require_free_add_on((require_plan_of_kind.subscription).tenant_id, (require_plan_of_kind.plan).id,
      (require_plan_of_kind.subscription).id);
  end if;
end
$$;
comment on function billing.require_plan_of_kind is
  E'@errors LB303 LB550 LB551 LB552\nRaises an error when a subscription cannot change to a plan: one of them is an add-on and the other is not, the add-on is taken, or its base is not active.';

create or replace function app_public.change_plan(
  plan text, billing_cycle app_public.billing_cycle_enum default null, add_on text default null
)
returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_subscription app_public.subscriptions := billing.up_to_date_subscription(v_profile.tenant_id, change_plan.add_on);
  v_plan app_public.plans := billing.plan_by_slug(change_plan.plan);
  v_cycle app_public.billing_cycle_enum := coalesce(change_plan.billing_cycle, v_subscription.billing_cycle);
  v_now timestamptz := core.clock();
  v_price app_public.plan_prices := billing.plan_price_at(v_plan.id, v_subscription.currency, v_cycle, v_now);
begin
  perform billing.require_plan_of_kind(v_subscription, v_plan);
  -- the lock orders this change and a change of the components of the price
  perform from app_public.plan_prices p where p.id = v_price.id for key share;
  if v_subscription.status not in ('trialing', 'active') then
    perform core.raise_error('LB509', 'The plan cannot be changed while the subscription is past due or paused.',
      'Pay the open invoices or resume the subscription first. You can cancel it at any time.');
  end if;
  if v_subscription.cancel_at_period_end then
    perform core.raise_error('LB510', 'The subscription ends with its period.', 'Undo the cancellation with resume_subscription first.');
  end if;

  if v_plan.id = v_subscription.plan_id and v_cycle = v_subscription.billing_cycle then
    -- a change back to the current plan undoes the planned change
    update app_public.subscriptions s set pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_subscription.id returning * into v_subscription;
  elsif v_subscription.status = 'trialing' then
    -- nothing has been paid during a trial, so there is nothing to prorate
    perform billing.require_plan_for_trial(v_subscription, v_plan, v_price);
    update app_public.subscriptions s
       set plan_id = v_plan.id, billing_cycle = v_cycle, price_id = v_price.id, pending_plan_id = null, pending_billing_cycle = null,
           seats = billing.seats_for(s.tenant_id, v_price, s.seats), pending_seats = null
     where s.id = v_subscription.id returning * into v_subscription;
  elsif not billing.is_upgrade(v_subscription, v_plan, v_price) then
    update app_public.subscriptions s set pending_plan_id = v_plan.id, pending_billing_cycle = v_cycle
     where s.id = v_subscription.id returning * into v_subscription;
  else
    if v_price.amount > 0 then
      perform billing.require_way_to_pay(v_profile.tenant_id);
    end if;
    v_subscription := billing.upgrade_subscription(v_subscription, v_plan, v_price, v_now);
  end if;
  return v_subscription;
end
$$;
comment on function app_public.change_plan is
  E'@resultFieldName subscription\n@errors ID203 LB301 LB302 LB303 LB350 LB508 LB509 LB510 LB529 LB550 LB551 LB552\nChanges the subscription, or the add-on with the plan add_on, to the plan with this slug, or to another billing cycle. An upgrade (a higher tier, or a higher price in the same tier and cycle) takes effect at once: the unused days of the old plan are credited, and the remaining days of the new plan are charged. Every other change takes effect at the end of the period; changing back to the current plan undoes it. A trial goes on only with a plan that has a trial too or costs nothing, and needs a way to pay for a plan that costs something. preview_plan_change shows the invoice in advance. Requires can_manage_billing.';
grant execute on function app_public.change_plan to rowhouse_user;

create or replace function billing.upgrade_subscription(
  subscription app_public.subscriptions, plan app_public.plans, price app_public.plan_prices, at timestamptz
) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_old app_public.subscriptions := upgrade_subscription.subscription;
  v_seats constant int := billing.seats_for(v_old.tenant_id, upgrade_subscription.price, v_old.seats);
  v_new app_public.subscriptions;
  v_invoice app_public.invoices;
begin
  if upgrade_subscription.price.billing_cycle = v_old.billing_cycle then
    -- the period continues; what was used up to now is priced by the plan under which it was used
    v_invoice := billing.draft_invoice(v_old.tenant_id, 'change', v_old, v_old, billing.unbilled_usage(v_old, upgrade_subscription.at));
    perform billing.insert_lines(v_invoice, array(
      select l from billing.upgrade_lines(v_old, upgrade_subscription.price, v_seats, upgrade_subscription.at) l));
    update app_public.subscriptions s
       set plan_id = (upgrade_subscription.plan).id, price_id = (upgrade_subscription.price).id,
           seats = v_seats, pending_seats = null,
           usage_since = upgrade_subscription.at, pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_old.id returning * into v_new;
    perform billing.finalise_invoice(v_invoice.tenant_id, v_invoice.id);
  else
    -- another billing cycle needs another period, so the old period ends here
    -- the day of the change belongs to the new plan
    perform billing.bill_last_period(v_old, upgrade_subscription.at, 'end', billing.local_midnight(upgrade_subscription.at, v_old.timezone));
    update app_public.subscriptions s
       set pending_plan_id = (upgrade_subscription.plan).id, pending_billing_cycle = (upgrade_subscription.price).billing_cycle
     where s.id = v_old.id returning * into v_new;
    v_new := billing.begin_period(v_new, upgrade_subscription.at,
      (upgrade_subscription.at at time zone v_old.timezone)::date, 'active');
    perform billing.bill_period(v_new, null, upgrade_subscription.at);
  end if;
  return v_new;
end
$$;
comment on function billing.upgrade_subscription is
  'Moves an active subscription to a higher plan at once, and creates the invoice for it.';

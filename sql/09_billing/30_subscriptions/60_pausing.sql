-- Pausing and resuming a subscription. A pause ends no period: usage is billed, the days after today are credited, and the plan
-- free decides the entitlements. Resuming goes on in the period of that day, with the days, counters and included quantities
-- that it has left, and bills the rest of it: round(price × days from today / days of the period). So pausing gains nothing.

create or replace function app_public.pause_subscription() returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_subscription app_public.subscriptions := billing.up_to_date_subscription(v_profile.tenant_id);
begin
  if v_subscription.status <> 'active' or v_subscription.cancel_at_period_end then
    perform core.raise_error('LB511', 'Only an active subscription that is not cancelled can be paused.',
      'Read the status and cancel_at_period_end of the subscription.');
  end if;
  perform billing.bill_last_period(v_subscription, core.clock(), 'change',
    billing.next_midnight(core.clock(), v_subscription.timezone));
  return billing.pause_live_subscription(v_subscription, core.clock());
end
$$;
comment on function app_public.pause_subscription is
  E'@resultFieldName subscription\n@errors ID203 LB303 LB511\nStops the subscription until resume_subscription is called. Usage is billed up to now, the days after today are credited, and the plan free applies during the pause. Requires can_manage_billing.';
grant execute on function app_public.pause_subscription to rowhouse_user;

create or replace function billing.pause_live_subscription(subscription app_public.subscriptions, at timestamptz) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.subscriptions;
begin
  update app_public.subscriptions s
     set status = 'paused', paused_at = pause_live_subscription.at, past_due_at = null, cancel_at_period_end = false
   where s.id = (pause_live_subscription.subscription).id
  returning * into v_subscription;
  perform billing.add_billing_notice(v_subscription.tenant_id, 'subscription_paused',
    v_subscription.id || '/' || pause_live_subscription.at, 'The subscription is paused.', v_subscription.id);
  return v_subscription;
end
$$;
comment on function billing.pause_live_subscription is
  'Sets a live subscription to paused and adds a notice. The caller has already billed the period.';

create or replace function app_public.resume_subscription() returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_subscription app_public.subscriptions := billing.up_to_date_subscription(v_profile.tenant_id);
  v_now timestamptz := core.clock();
  v_from timestamptz;
begin
  if v_subscription.cancel_at_period_end then
    update app_public.subscriptions s set cancel_at_period_end = false where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;
  if v_subscription.status <> 'paused' then
    perform core.raise_error('LB512', 'The subscription is neither paused nor cancelled, so it cannot be resumed.',
      'Read the status and cancel_at_period_end of the subscription.');
  end if;
  perform billing.require_no_debt(v_profile.tenant_id);
  -- the day of the pause was paid for
  v_from := greatest(v_now, billing.next_midnight(v_subscription.paused_at, v_subscription.timezone));
  if v_now >= v_subscription.current_period_end then
    v_subscription := billing.begin_period(v_subscription, v_now, v_subscription.anchor_on, 'active');
  else
    -- nobody was kept from adding members during the pause
    update app_public.subscriptions s
       set status = 'active', paused_at = null, usage_since = v_now, seats = billing.seats_for(s.tenant_id, p, s.seats)
      from app_public.plan_prices p
     where s.id = v_subscription.id and p.id = s.price_id returning s.* into v_subscription;
  end if;
  if exists (select from app_public.plan_prices p where p.id = v_subscription.price_id and p.amount > 0) then
    perform billing.require_way_to_pay(v_profile.tenant_id);
  end if;
  perform billing.bill_period(v_subscription, null, v_from);
  return v_subscription;
end
$$;
comment on function app_public.resume_subscription is
  E'@resultFieldName subscription\n@errors ID203 LB302 LB303 LB508 LB512 LB513\nUndoes a cancellation at the end of the period, or ends a pause: then the rest of the current period is billed. Requires can_manage_billing.';
grant execute on function app_public.resume_subscription to rowhouse_user;

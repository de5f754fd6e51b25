-- Pausing and resuming a subscription. A pause ends no period: usage is billed, the days after today are credited, and the plan
-- free decides the entitlements. Resuming goes on in the period of that day, with the days, counters and included quantities
-- that it has left, and bills the rest of it: round(price × days from today / days of the period). So pausing gains nothing.

create or replace function app_public.pause_subscription(add_on text default null) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_subscription app_public.subscriptions := billing.up_to_date_subscription(v_profile.tenant_id, pause_subscription.add_on);
begin
  if v_subscription.status <> 'active' or v_subscription.cancel_at_period_end then
    perform core.raise_error('LB511', 'Only an active subscription that is not cancelled can be paused.',
      'Read the status and cancel_at_period_end of the subscription.');
  end if;
  return billing.pause_live_subscription(v_subscription, core.clock());
end
$$;
comment on function app_public.pause_subscription is
  E'@resultFieldName subscription\n@errors ID203 LB303 LB350 LB511\nStops the subscription with its add-ons, or only the add-on with the plan add_on, until resume_subscription is called. Usage is billed up to now, the days after today are credited, and the plan free applies during the pause. Requires can_manage_billing.';
grant execute on function app_public.pause_subscription to rowhouse_user;

create or replace function billing.pause_live_subscription(subscription app_public.subscriptions, at timestamptz) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_unused_from constant timestamptz := billing.next_midnight(pause_live_subscription.at, (pause_live_subscription.subscription).timezone);
  v_add_on app_public.subscriptions;
  v_subscription app_public.subscriptions;
begin
  for v_add_on in select * from billing.live_add_ons(pause_live_subscription.subscription) loop
    if v_add_on.cancel_at_period_end then
      perform billing.bill_and_end(v_add_on, pause_live_subscription.at, v_unused_from);
    elsif v_add_on.status <> 'paused' then
      perform billing.pause_live_subscription(v_add_on, pause_live_subscription.at);
    end if;
  end loop;
  perform billing.bill_last_period(pause_live_subscription.subscription, pause_live_subscription.at, 'change', v_unused_from);
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
  'Bills the usage of a subscription up to an instant, credits the days after it, sets it with its add-ons to paused, and adds a notice. An add-on that was cancelled ends.';

create or replace function billing.resume_paused(subscription app_public.subscriptions, at timestamptz) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_paused constant app_public.subscriptions := resume_paused.subscription;
  v_add_on app_public.subscriptions;
  v_resumed app_public.subscriptions;
begin
  if resume_paused.at >= v_paused.current_period_end then
    v_resumed := billing.begin_period(v_paused, resume_paused.at, v_paused.anchor_on, 'active');
  else
    -- nobody was kept from adding members during the pause
    update app_public.subscriptions s
       set status = 'active', paused_at = null, usage_since = resume_paused.at, seats = billing.seats_for(s.tenant_id, p, s.seats)
      from app_public.plan_prices p
     where s.id = v_paused.id and p.id = s.price_id returning s.* into v_resumed;
  end if;
  if exists (select from app_public.plan_prices p where p.id = v_resumed.price_id and p.amount > 0) then
    perform billing.require_way_to_pay(v_resumed.tenant_id);
  end if;
  -- the day of the pause was paid for
  perform billing.bill_period(v_resumed, null, greatest(resume_paused.at, billing.next_midnight(v_paused.paused_at, v_paused.timezone)));
  for v_add_on in select * from billing.live_add_ons(v_paused) loop
    -- those that the pause of the base has paused
    if v_add_on.paused_at = v_paused.paused_at then
      perform billing.resume_paused(v_add_on, resume_paused.at);
    end if;
  end loop;
  return v_resumed;
end
$$;
comment on function billing.resume_paused is
  E'@errors LB302 LB508\nEnds the pause of a subscription and of the add-ons that were paused with it, and bills the rest of their periods.';

create or replace function app_public.resume_subscription(add_on text default null) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_subscription app_public.subscriptions := billing.up_to_date_subscription(v_profile.tenant_id, resume_subscription.add_on);
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
  if v_subscription.is_add_on then
    perform billing.active_base(v_profile.tenant_id);
  end if;
  return billing.resume_paused(v_subscription, core.clock());
end
$$;
comment on function app_public.resume_subscription is
  E'@resultFieldName subscription\n@errors ID203 LB302 LB303 LB350 LB508 LB512 LB513 LB551\nUndoes a cancellation at the end of the period, or ends a pause: then the rest of the current period is billed. The add-ons that were paused with the subscription go on with it; add_on is the plan of one to resume alone. Requires can_manage_billing.';
grant execute on function app_public.resume_subscription to rowhouse_user;

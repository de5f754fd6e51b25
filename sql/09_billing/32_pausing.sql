create or replace function app_public.pause_subscription() returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.begin_billing();
  v_subscription app_public.subscriptions := billing.settled_subscription(v_profile.tenant_id);
begin
  if v_subscription.status <> 'active' or v_subscription.cancel_at_period_end then
    perform core.raise_error('LB511', 'Only an active subscription that is not to end can be paused.', 'See its status.');
  end if;
  perform billing.bill_end(v_subscription, core.clock(), true);
  return billing.pause(v_subscription, core.clock());
end
$$;
comment on function app_public.pause_subscription is
  E'@resultFieldName subscription\n@errors LB303 LB511 ID203\nStops the subscription until resume_subscription: what was used is billed, unused days are credited, and meanwhile the plan free holds. Needs can_manage_billing.';
grant execute on function app_public.pause_subscription to rowhouse_user;

create or replace function billing.pause(subscription app_public.subscriptions, at timestamptz) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.subscriptions;
begin
  update app_public.subscriptions s
     set status = 'paused', paused_at = pause.at, past_due_at = null, cancel_at_period_end = false
   where s.id = (pause.subscription).id
  returning * into v_subscription;
  perform billing.notify_billing(v_subscription.tenant_id, 'subscription_paused', v_subscription.id || '/' || pause.at,
    'The subscription is paused.', v_subscription.id);
  return v_subscription;
end
$$;
comment on function billing.pause is
  'Pauses a subscription.';

create or replace function app_public.resume_subscription() returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.begin_billing();
  v_subscription app_public.subscriptions := billing.settled_subscription(v_profile.tenant_id);
  v_now timestamptz := core.clock();
begin
  if v_subscription.cancel_at_period_end then
    update app_public.subscriptions s set cancel_at_period_end = false where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;
  if v_subscription.status <> 'paused' then
    perform core.raise_error('LB512', 'There is nothing to resume.', 'The subscription is neither paused nor to end.');
  end if;
  if exists (select from app_public.invoices i
              where i.tenant_id = v_profile.tenant_id and i.status in ('finalised', 'uncollectible') and i.due_at <= v_now) then
    perform core.raise_error('LB513', 'There are invoices to pay first.', 'invoices lists them; pay_invoice charges the payment method.');
  end if;
  v_subscription := billing.begin_period(v_subscription, v_now, (v_now at time zone v_subscription.timezone)::date, 'active');
  if not billing.can_be_charged(v_profile.tenant_id)
     and exists (select from app_public.plan_prices p where p.id = v_subscription.price_id and p.amount > 0) then
    perform core.raise_error('LB508', 'There is no way to be paid yet.',
      'Add a payment method with add_payment_method, or ask the platform''s staff for payment by invoice.');
  end if;
  perform billing.bill_period(v_subscription, null);
  return v_subscription;
end
$$;
comment on function app_public.resume_subscription is
  E'@resultFieldName subscription\n@errors LB303 LB508 LB512 LB513 ID203\nTakes a cancellation to the period''s end back, or ends a pause: a new period begins today. Needs can_manage_billing.';
grant execute on function app_public.resume_subscription to rowhouse_user;

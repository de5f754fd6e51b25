-- Ending a subscription, at the end of its period or at once. At once, usage up to now is billed, and the unused days are
-- credited: round(price × days left / days of the period). Nothing is credited when a payment is missed, because the days
-- may not have been paid.

create or replace function app_public.cancel_subscription(at_period_end boolean default true) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_subscription app_public.subscriptions := billing.up_to_date_subscription(v_profile.tenant_id);
  v_now timestamptz := core.clock();
begin
  if cancel_subscription.at_period_end is not false and v_subscription.status <> 'paused' then
    update app_public.subscriptions s set cancel_at_period_end = true, pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;
  if v_subscription.status in ('active', 'past_due') then
    perform billing.bill_last_period(v_subscription, v_now, v_subscription.status = 'active');
  end if;
  return billing.end_subscription(v_subscription, 'cancelled', v_now);
end
$$;
comment on function app_public.cancel_subscription is
  E'@resultFieldName subscription\n@errors ID203 LB303\nEnds the subscription at the end of its period, which resume_subscription can undo, or at once. At once, usage is billed up to now, and unused days are credited unless a payment is overdue. A paused subscription always ends at once. Requires can_manage_billing.';
grant execute on function app_public.cancel_subscription to rowhouse_user;

create or replace function billing.end_subscription(
  subscription app_public.subscriptions, status app_public.subscription_status_enum, at timestamptz
) returns app_public.subscriptions
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
  perform billing.add_billing_notice(v_subscription.tenant_id, 'subscription_ended', v_subscription.id::text,
    'The subscription has ended.', v_subscription.id);
  return v_subscription;
end
$$;
comment on function billing.end_subscription is
  'Ends a subscription with a final status and adds a notice.';

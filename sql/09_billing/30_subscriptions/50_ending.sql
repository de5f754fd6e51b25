-- Ending a subscription, at the end of its period or at once. At once, usage up to now is billed, and the days after today are
-- credited: round(price × days left / days of the period). The credit first reduces what is owed, so only what was paid for
-- comes back as credit.

create or replace function app_public.cancel_subscription(at_period_end boolean default true) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_subscription app_public.subscriptions := billing.up_to_date_subscription(v_profile.tenant_id);
begin
  if cancel_subscription.at_period_end is not false and v_subscription.status <> 'paused' then
    update app_public.subscriptions s set cancel_at_period_end = true, pending_plan_id = null, pending_billing_cycle = null
     where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;
  return billing.end_subscription_now(v_subscription);
end
$$;
comment on function app_public.cancel_subscription is
  E'@resultFieldName subscription\n@errors ID203 LB303\nEnds the subscription at the end of its period, which resume_subscription can undo, or at once. At once, usage is billed up to now, and the days after today are credited: first against what is owed, then as credit. A paused subscription always ends at once. Requires can_manage_billing.';
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

create or replace function billing.end_subscription_now(subscription app_public.subscriptions) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subscription constant app_public.subscriptions := end_subscription_now.subscription;
  v_now constant timestamptz := core.clock();
begin
  if v_subscription.status in ('active', 'past_due') then
    perform billing.bill_last_period(v_subscription, v_now, 'end', billing.next_midnight(v_now, v_subscription.timezone));
  end if;
  return billing.end_subscription(v_subscription, 'cancelled', v_now);
end
$$;
comment on function billing.end_subscription_now is
  'Bills the usage of a subscription up to now, credits its unused days, and ends it.';

-- A tenant that has ended pays nothing more. A trigger, so that this holds for administrators in psql, too.
create or replace function billing.tg_tenants__end_subscription() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context constant text := coalesce(current_setting('rowhouse.tenant_id', true), '');
  v_subscription app_public.subscriptions;
begin
  call core.enter_tenant(new.id);
  if billing.has_live_subscription(new.id) then
    perform billing.lock_billing(new.id);
    perform billing.advance_subscription(new.id);
    select * into v_subscription from app_public.subscriptions s where s.tenant_id = new.id and s.ended_at is null;
    if found then
      perform billing.end_subscription_now(v_subscription);
    end if;
  end if;
  perform set_config('rowhouse.tenant_id', v_context, true);
  return null;
end
$$;
comment on function billing.tg_tenants__end_subscription is
  'Ends the subscription of a tenant that becomes cancelled or inactive, with a final invoice.';

create or replace trigger _600_end_subscription after update of status on app_public.tenants
  for each row when (new.status is distinct from old.status and new.status in ('cancelled', 'inactive'))
  execute function billing.tg_tenants__end_subscription();

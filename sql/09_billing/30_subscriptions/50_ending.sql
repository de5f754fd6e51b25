-- Ending a subscription, at the end of its period or at once. At once, usage up to now is billed, and the days after today are
-- credited: round(price × days left / days of the period). The credit first reduces what is owed, so only what was paid for
-- comes back as credit. The add-ons of a base end with it, at the same instant and by the same rules.

create or replace function app_public.cancel_subscription(at_period_end boolean default true, add_on text default null) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_subscription app_public.subscriptions := billing.up_to_date_subscription(v_profile.tenant_id, cancel_subscription.add_on);
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
  E'@resultFieldName subscription\n@errors ID203 LB303 LB350\nEnds the subscription with its add-ons, or only the add-on with the plan add_on, at the end of its period, which resume_subscription can undo, or at once. At once, usage is billed up to now, and the days after today are credited: first against what is owed, then as credit. A paused subscription always ends at once. Requires can_manage_billing.';
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

create or replace function billing.bill_and_end(subscription app_public.subscriptions, at timestamptz, unused_from timestamptz)
returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_add_on app_public.subscriptions;
begin
  -- the add-ons first, so that the last invoice of the base finds their credit
  for v_add_on in select * from billing.live_add_ons(bill_and_end.subscription) loop
    perform billing.bill_and_end(v_add_on, bill_and_end.at, bill_and_end.unused_from);
  end loop;
  if (bill_and_end.subscription).status in ('active', 'past_due') then
    perform billing.bill_last_period(bill_and_end.subscription, bill_and_end.at, 'end', bill_and_end.unused_from);
  end if;
  return billing.end_subscription(bill_and_end.subscription, 'cancelled', bill_and_end.at);
end
$$;
comment on function billing.bill_and_end is
  'Bills the usage of a subscription up to an instant, credits its days from unused_from on, and ends it with its add-ons.';

create or replace function billing.end_subscription_now(subscription app_public.subscriptions) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
begin
  return billing.bill_and_end(end_subscription_now.subscription, v_now,
    billing.next_midnight(v_now, (end_subscription_now.subscription).timezone));
end
$$;
comment on function billing.end_subscription_now is
  'Bills the usage of a subscription up to now, credits its unused days, and ends it with its add-ons.';

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
    select * into v_subscription from app_public.subscriptions s where s.tenant_id = new.id and s.ended_at is null and not s.is_add_on;
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

-- What happens by the clock, one tenant at a time. A worker that was down for months makes each period's invoice when it is
-- back, in order and once: under the billing lock, and a unique index stands behind it.

create or replace function billing.advance_subscription(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_old app_public.subscriptions;
  v_new app_public.subscriptions;
  v_is_free boolean;
begin
  loop
    select * into v_old from app_public.subscriptions s
     where s.tenant_id = advance_subscription.tenant_id and s.status in ('trialing', 'active', 'past_due')
       and s.current_period_end <= v_now
       for update;
    exit when not found;
    if v_old.status = 'trialing' then
      v_is_free := (billing.plan_price_at(v_old.plan_id, v_old.currency, v_old.billing_cycle, v_old.trial_ends_at)).amount = 0;
      if v_old.cancel_at_period_end then
        perform billing.end_subscription(v_old, 'cancelled', v_old.trial_ends_at);
      elsif v_is_free or billing.can_be_charged(v_old.tenant_id) then
        v_new := billing.begin_period(v_old, v_old.trial_ends_at, (v_old.trial_ends_at at time zone v_old.timezone)::date, 'active');
        perform billing.bill_period(v_new, null);
      else
        perform billing.notify_billing(v_old.tenant_id, 'trial_expired', v_old.id::text,
          'The trial has ended without a payment method.', v_old.id);
        perform billing.end_subscription(v_old, 'expired', v_old.trial_ends_at);
      end if;
    elsif v_old.cancel_at_period_end then
      perform billing.bill_end(v_old, v_old.current_period_end, false);
      perform billing.end_subscription(v_old, 'cancelled', v_old.current_period_end);
    else
      v_new := billing.begin_period(v_old, v_old.current_period_end,
        -- another cycle counts from its own first day
        case when coalesce(v_old.pending_billing_cycle, v_old.billing_cycle) <> v_old.billing_cycle
          then (v_old.current_period_end at time zone v_old.timezone)::date else v_old.anchor_on end,
        v_old.status);
      perform billing.bill_period(v_new, v_old);
      perform billing.notify_billing(v_new.tenant_id, 'subscription_renewed', v_new.id || '/' || v_new.period_number,
        'A new period has begun.', v_new.id);
    end if;
  end loop;
end
$$;
comment on function billing.advance_subscription is
  'Brings a subscription to the present: ends trials, renews, makes planned changes and cancellations, period by period.';

create or replace function billing.settled_subscription(tenant_id uuid) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- whoever changes it finds it as it is now, also when the task has not been by yet
  perform billing.advance_subscription(settled_subscription.tenant_id);
  return billing.live_subscription(settled_subscription.tenant_id);
end
$$;
comment on function billing.settled_subscription is
  E'@errors LB303\nThe live subscription, brought to the present.';

create or replace function billing.remind_of_trial(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_subscription app_public.subscriptions;
  v_days int;
begin
  select * into v_subscription from app_public.subscriptions s where s.tenant_id = remind_of_trial.tenant_id and s.status = 'trialing';
  if not found or v_subscription.cancel_at_period_end then
    return;
  end if;
  -- the nearest that is due and was ahead when the trial began; one that was slept through is not caught up on
  select min(d) into v_days from unnest(array[7, 3, 1]) as d
   where v_now >= ((v_subscription.trial_ends_at at time zone v_subscription.timezone) - make_interval(days => d)) at time zone v_subscription.timezone
     and v_subscription.started_at < ((v_subscription.trial_ends_at at time zone v_subscription.timezone) - make_interval(days => d)) at time zone v_subscription.timezone;
  if v_days is not null then
    perform billing.notify_billing(v_subscription.tenant_id, 'trial_ending', v_subscription.id || '/' || v_days,
      format('The trial ends in %s.', case v_days when 1 then 'one day' else v_days || ' days' end), v_subscription.id);
  end if;
end
$$;
comment on function billing.remind_of_trial is
  'Reminds 7, 3 and 1 days before a trial ends, once each.';

create or replace function billing.run_billing(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid;
  v_count int := 0;
begin
  call core.enter_tenant(run_billing.tenant_id);
  perform billing.lock_billing(run_billing.tenant_id);
  perform billing.remind_of_trial(run_billing.tenant_id);
  perform billing.advance_subscription(run_billing.tenant_id);
  -- by the period, so that numbers and adjustments are in its order
  for v_id in
    select i.id from app_public.invoices i
     where i.tenant_id = run_billing.tenant_id and i.status = 'draft' and i.finalise_at <= core.clock()
     order by i.usage_end, i.id
  loop
    perform billing.finalise(run_billing.tenant_id, v_id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function billing.run_billing is
  'Does what is due for a tenant: reminders, renewals, invoices; returns how many drafts were finalised.';
grant execute on function billing.run_billing to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the worker looks for tenants whose subscription, trial or invoice has something due
-- What must look across tenants: who has something due, and whose a provider's object is.

create or replace function billing.tenants_to_bill(after uuid default null, at_most int default 1000) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.tenant_id from (
    select s.tenant_id from app_public.subscriptions s
     where s.status in ('trialing', 'active', 'past_due') and s.current_period_end <= core.clock()
    union
    select s.tenant_id from app_public.subscriptions s
     where s.status = 'trialing' and s.trial_ends_at <= core.clock() + interval '8 days'
    union
    select i.tenant_id from app_public.invoices i
     where i.status = 'draft' and i.finalise_at <= core.clock()
  ) as t
  where tenants_to_bill.after is null or t.tenant_id > tenants_to_bill.after
  order by t.tenant_id limit tenants_to_bill.at_most;
$$;
comment on function billing.tenants_to_bill is
  'The tenants whose subscription or drafts have something due, or whose trial ends soon, page by page.';
grant execute on function billing.tenants_to_bill to rowhouse_worker;

set local role rowhouse_owner;

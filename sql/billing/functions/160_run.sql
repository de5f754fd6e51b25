-- What happens by the clock, one tenant at a time. A worker that was down for months makes each period's invoice when it is
-- back, in order and once: under the billing lock, and a unique index stands behind it.

create or replace function app_private.advance_subscription(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := app_hidden.clock();
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
      v_is_free := (app_private.plan_price_at(v_old.plan_id, v_old.currency, v_old.billing_cycle, v_old.trial_ends_at)).amount = 0;
      if v_old.cancel_at_period_end then
        perform app_private.end_subscription(v_old, 'cancelled', v_old.trial_ends_at);
      elsif v_is_free or app_private.can_be_charged(v_old.tenant_id) then
        v_new := app_private.begin_period(v_old, v_old.trial_ends_at, (v_old.trial_ends_at at time zone v_old.timezone)::date, 'active');
        perform app_private.bill_period(v_new, null);
      else
        perform app_private.notify_billing(v_old.tenant_id, 'trial_expired', v_old.id::text,
          'The trial has ended without a payment method.', v_old.id);
        perform app_private.end_subscription(v_old, 'expired', v_old.trial_ends_at);
      end if;
    elsif v_old.cancel_at_period_end then
      perform app_private.bill_end(v_old, v_old.current_period_end, false);
      perform app_private.end_subscription(v_old, 'cancelled', v_old.current_period_end);
    else
      v_new := app_private.begin_period(v_old, v_old.current_period_end,
        -- another cycle counts from its own first day
        case when coalesce(v_old.pending_billing_cycle, v_old.billing_cycle) <> v_old.billing_cycle
          then (v_old.current_period_end at time zone v_old.timezone)::date else v_old.anchor_on end,
        v_old.status);
      perform app_private.bill_period(v_new, v_old);
      perform app_private.notify_billing(v_new.tenant_id, 'subscription_renewed', v_new.id || '/' || v_new.period_number,
        'A new period has begun.', v_new.id);
    end if;
  end loop;
end
$$;
comment on function app_private.advance_subscription(uuid) is
  'Brings a subscription to the present: ends trials, renews, makes planned changes and cancellations, period by period.';

create or replace function app_private.settled_subscription(tenant_id uuid) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- whoever changes it finds it as it is now, also when the task has not been by yet
  perform app_private.advance_subscription(settled_subscription.tenant_id);
  return app_private.live_subscription(settled_subscription.tenant_id);
end
$$;
comment on function app_private.settled_subscription(uuid) is 'The live subscription, brought to the present. LB303: there is none.';

create or replace function app_private.remind_of_trial(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := app_hidden.clock();
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
    perform app_private.notify_billing(v_subscription.tenant_id, 'trial_ending', v_subscription.id || '/' || v_days,
      format('The trial ends in %s.', case v_days when 1 then 'one day' else v_days || ' days' end), v_subscription.id);
  end if;
end
$$;
comment on function app_private.remind_of_trial(uuid) is 'Reminds 7, 3 and 1 days before a trial ends, once each.';

create or replace function app_private.run_billing(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid;
  v_count int := 0;
begin
  call app_private.enter_tenant(run_billing.tenant_id);
  perform app_private.lock_billing(run_billing.tenant_id);
  perform app_private.remind_of_trial(run_billing.tenant_id);
  perform app_private.advance_subscription(run_billing.tenant_id);
  -- by the period, so that numbers and adjustments are in its order
  for v_id in
    select i.id from app_public.invoices i
     where i.tenant_id = run_billing.tenant_id and i.status = 'draft' and i.finalise_at <= app_hidden.clock()
     order by i.usage_end, i.id
  loop
    perform app_private.finalise(run_billing.tenant_id, v_id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function app_private.run_billing(uuid) is
  'Does what is due for a tenant: reminders, renewals, invoices; returns how many drafts were finalised.';
grant execute on function app_private.run_billing(uuid) to rowhouse_worker;

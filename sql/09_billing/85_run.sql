-- What happens by the clock, one tenant at a time: reminders, the end of trials, renewals, planned changes, invoices and the
-- expiry of prepaid money. A worker that was stopped for months creates the invoice of each period when it runs again, in order and once: the billing lock
-- allows one worker at a time, and a unique index on invoices guards the rest.

create or replace function billing.end_trial(subscription app_public.subscriptions) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_trial constant app_public.subscriptions := end_trial.subscription;
  v_is_free boolean;
  v_new app_public.subscriptions;
begin
  if v_trial.cancel_at_period_end then
    perform billing.end_subscription(v_trial, 'cancelled', v_trial.trial_ends_at);
    return;
  end if;
  v_is_free := (billing.plan_price_at(v_trial.plan_id, v_trial.currency, v_trial.billing_cycle, v_trial.trial_ends_at)).amount = 0;
  if v_is_free or billing.can_be_charged(v_trial.tenant_id) then
    v_new := billing.begin_period(v_trial, v_trial.trial_ends_at, (billing.as_planned(v_trial, v_trial.trial_ends_at)).anchor_on, 'active');
    perform billing.bill_period(v_new, null, v_trial.trial_ends_at);
  else
    perform billing.add_billing_notice(v_trial.tenant_id, 'trial_expired', v_trial.id::text,
      'The trial has ended without a payment method.', v_trial.id);
    perform billing.end_subscription(v_trial, 'expired', v_trial.trial_ends_at);
  end if;
end
$$;
comment on function billing.end_trial is
  'Ends a trial: the subscription becomes active when the plan is free or the tenant can pay, cancelled when the tenant cancelled, and expired otherwise.';

create or replace function billing.renew_subscription(subscription app_public.subscriptions) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_old constant app_public.subscriptions := renew_subscription.subscription;
  v_new app_public.subscriptions;
begin
  v_new := billing.begin_period(v_old, v_old.current_period_end, (billing.as_planned(v_old, v_old.current_period_end)).anchor_on, v_old.status);
  perform billing.bill_period(v_new, v_old, v_old.current_period_end);
  perform billing.add_billing_notice(v_new.tenant_id, 'subscription_renewed', v_new.id || '/' || v_new.period_number,
    'A new period has begun.', v_new.id);
end
$$;
comment on function billing.renew_subscription is
  'Begins the next period of a subscription with its planned change, and bills the new period together with the usage of the old one.';

create or replace function billing.usage_ends_at(subscription app_public.subscriptions) returns timestamptz
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when (subscription).billing_cycle = 'annual' and (subscription).status <> 'trialing' and not (subscription).is_add_on
    then least((subscription).current_period_end,
      upper(metering.billing_period((subscription).usage_since, (subscription).anchor_on, (subscription).timezone)))
    else (subscription).current_period_end end;
$$;
comment on function billing.usage_ends_at is
  'When the usage of a subscription is billed next: usage is billed monthly, also under an annual plan.';

create or replace function billing.bill_month_of_usage(subscription app_public.subscriptions, at timestamptz) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_usage constant tstzrange := billing.unbilled_usage(bill_month_of_usage.subscription, bill_month_of_usage.at);
begin
  if v_usage is not null then
    perform billing.refresh_usage_lines(billing.draft_invoice((bill_month_of_usage.subscription).tenant_id, 'usage',
      bill_month_of_usage.subscription, bill_month_of_usage.subscription, v_usage), null);
  end if;
  update app_public.subscriptions s set usage_since = bill_month_of_usage.at where s.id = (bill_month_of_usage.subscription).id;
end
$$;
comment on function billing.bill_month_of_usage is
  'Adds a draft for the usage of a month within an annual period.';

create or replace function billing.advance_subscription(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_subscription app_public.subscriptions;
begin
  loop
    select * into v_subscription from app_public.subscriptions s
     where s.tenant_id = advance_subscription.tenant_id and s.status in ('trialing', 'active', 'past_due')
       and billing.usage_ends_at(s) <= v_now
     -- in the order of time; a base that ends takes its add-ons with it before they are renewed
     order by billing.usage_ends_at(s), s.is_add_on, s.id limit 1
       for update;
    exit when not found;
    if v_subscription.status = 'trialing' then
      perform billing.end_trial(v_subscription);
    elsif billing.usage_ends_at(v_subscription) < v_subscription.current_period_end then
      perform billing.bill_month_of_usage(v_subscription, billing.usage_ends_at(v_subscription));
    elsif v_subscription.cancel_at_period_end then
      perform billing.bill_and_end(v_subscription, v_subscription.current_period_end, v_subscription.current_period_end);
    else
      perform billing.renew_subscription(v_subscription);
    end if;
  end loop;
end
$$;
comment on function billing.advance_subscription is
  'Brings the subscriptions of a tenant up to date, period by period: it ends the trial, renews them, and applies planned changes and cancellations.';

create or replace function billing.up_to_date_subscription(tenant_id uuid, add_on text default null) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the task runs every few minutes, so a period may have ended since its last run
  perform billing.advance_subscription(up_to_date_subscription.tenant_id);
  return billing.live_subscription(up_to_date_subscription.tenant_id, up_to_date_subscription.add_on);
end
$$;
comment on function billing.up_to_date_subscription is
  E'@errors LB303 LB350\nBrings the subscriptions of a tenant up to date and returns the base, or the add-on with this plan, if it is live.';

create or replace function billing.reminder_days() returns int[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$ select array[7, 3, 1] $$;
comment on function billing.reminder_days is
  'The days before the end of a trial on which a reminder is sent.';
grant execute on function billing.reminder_days to rowhouse_platform;

create or replace function billing.remind_of_trial(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_trial app_public.subscriptions;
  v_days int;
begin
  select * into v_trial from app_public.subscriptions s where s.tenant_id = remind_of_trial.tenant_id and s.status = 'trialing';
  if not found or v_trial.cancel_at_period_end then
    return;
  end if;
  -- The latest reminder whose time has come, if its time was after the start of the trial. An earlier reminder that was missed
  -- is not sent any more.
  select min(d.days) into v_days
    from (
      select r.days, ((v_trial.trial_ends_at at time zone v_trial.timezone) - make_interval(days => r.days)) at time zone v_trial.timezone as at
        from unnest(billing.reminder_days()) as r (days)) as d
   where d.at <= v_now and d.at > v_trial.started_at;
  if v_days is not null then
    perform billing.add_billing_notice(v_trial.tenant_id, 'trial_ending', format('%s/%s/%s', v_trial.id, v_trial.trial_ends_at, v_days),
      format('The trial ends in %s.', case v_days when 1 then 'one day' else v_days || ' days' end), v_trial.id);
  end if;
end
$$;
comment on function billing.remind_of_trial is
  'Adds a notice 7, 3 and 1 days before the trial of a tenant ends, each once.';

-- A run has three steps. The task gives each a transaction of its own, because recording waits while a period is being closed:
-- closing takes a moment, and adding up does not hold the lock. A run that breaks off between two steps is taken up by the next.

create or replace function billing.bills_late_usage(tenant_id uuid) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- late events come one by one, and each of them is not worth an invoice of its own
  v_at_most_every constant interval := '1 day';
begin
  return not exists (select from app_public.subscriptions s
                      where s.tenant_id = bills_late_usage.tenant_id and not s.is_add_on and s.status in ('trialing', 'active', 'past_due'))
     and not exists (select from app_public.invoices i
                      where i.tenant_id = bills_late_usage.tenant_id
                        and (i.status = 'draft' or i.reason = 'usage' and i.finalised_at > core.clock() - v_at_most_every));
end
$$;
comment on function billing.bills_late_usage is
  'Whether what was recorded after the last invoice of a tenant is billed by an invoice of its own: when the subscription has ended or is paused, and at most once a day. With a running subscription the next invoice bills it.';

create or replace function billing.bill_late_usage(tenant_id uuid, until_batch bigint) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ended app_public.subscriptions;
  v_lines app_public.invoice_lines[];
  v_invoice app_public.invoices;
begin
  if not billing.bills_late_usage(bill_late_usage.tenant_id) then
    return;
  end if;
  select * into v_ended from app_public.subscriptions s
   where s.tenant_id = bill_late_usage.tenant_id and not s.is_add_on order by s.ended_at desc nulls first limit 1;
  v_lines := array(select l from billing.use_lines(bill_late_usage.tenant_id, null, null, null, null, bill_late_usage.until_batch) l);
  if v_lines <> '{}' then
    v_invoice := billing.draft_invoice(bill_late_usage.tenant_id, 'usage', v_ended, null, null);
    perform billing.insert_lines(v_invoice, v_lines);
    perform billing.finalise_invoice(v_invoice.tenant_id, v_invoice.id);
  end if;
end
$$;
comment on function billing.bill_late_usage is
  'Bills what was recorded after the last invoice of a tenant, up to and including a batch, if bills_late_usage says so.';

create or replace function billing.draft_due_invoices(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(draft_due_invoices.tenant_id);
  perform billing.lock_billing(draft_due_invoices.tenant_id);
  perform billing.expire_wallet(draft_due_invoices.tenant_id);
  perform billing.remind_of_trial(draft_due_invoices.tenant_id);
  perform billing.advance_subscription(draft_due_invoices.tenant_id);
end
$$;
comment on function billing.draft_due_invoices is
  'The first step of a run: expired prepaid money, reminders, and renewals with the drafts of their invoices.';
grant execute on function billing.draft_due_invoices to rowhouse_worker;

create or replace function billing.close_due_usage(tenant_id uuid) returns bigint
language plpgsql volatile security definer
-- Whoever records waits behind this, so it gives up soon when a transaction that has recorded stays open. The next run comes.
set lock_timeout to '2s'
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
  v_last_batch_id bigint;
begin
  call core.enter_tenant(close_due_usage.tenant_id);
  perform billing.lock_billing(close_due_usage.tenant_id);
  for v_invoice in
    select * from app_public.invoices i
     where i.tenant_id = close_due_usage.tenant_id and i.status = 'draft' and i.finalise_at <= core.clock() and i.usage_start is not null
     order by i.usage_end, i.id
  loop
    v_last_batch_id := metering.finalise_usage_period(tstzrange(v_invoice.usage_start, v_invoice.usage_end));
  end loop;
  if v_last_batch_id is null and billing.bills_late_usage(close_due_usage.tenant_id) then
    v_last_batch_id := metering.last_batch();
  end if;
  return v_last_batch_id;
end
$$;
comment on function billing.close_due_usage is
  'The second step of a run: closes the usage periods of the drafts that are due, and returns the last batch, up to which late usage may be billed; null when the run bills no usage. Until the transaction ends nothing is recorded for the tenant, so it is the only step of its transaction.';
grant execute on function billing.close_due_usage to rowhouse_worker;

create or replace function billing.finalise_due_invoices(tenant_id uuid, until_batch bigint) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_due record;
  v_count int := 0;
  -- An invoice that was finalised meanwhile may have billed later batches already.
  v_counted_until bigint;
begin
  call core.enter_tenant(finalise_due_invoices.tenant_id);
  perform billing.lock_billing(finalise_due_invoices.tenant_id);
  select max(l.counted_until) into v_counted_until from app_public.invoice_lines l where l.tenant_id = finalise_due_invoices.tenant_id;
  -- the order of the periods is also the order of numbers and adjustments
  for v_due in
    select i.id, i.usage_start, metering.last_batch_of_period(tstzrange(i.usage_start, i.usage_end)) as last_batch_id
      from app_public.invoices i
     where i.tenant_id = finalise_due_invoices.tenant_id and i.status = 'draft' and i.finalise_at <= core.clock()
     order by i.usage_end, i.id
  loop
    -- A draft that has become due since the second step waits for the next run.
    continue when v_due.usage_start is not null and v_due.last_batch_id is null;
    v_counted_until := greatest(v_counted_until, v_due.last_batch_id);
    perform billing.finalise_invoice(finalise_due_invoices.tenant_id, v_due.id, v_counted_until);
    v_count := v_count + 1;
  end loop;
  if finalise_due_invoices.until_batch is not null then
    perform billing.bill_late_usage(finalise_due_invoices.tenant_id, greatest(finalise_due_invoices.until_batch, v_counted_until));
  end if;
  return v_count;
end
$$;
comment on function billing.finalise_due_invoices is
  'The third step of a run: finalises the drafts that are due and whose usage periods are closed, each with the late usage up to the closing of its period, and bills other late usage up to and including the batch that close_due_usage returned. The result is the number of drafts that were finalised.';
grant execute on function billing.finalise_due_invoices to rowhouse_worker;

create or replace function billing.run_billing(tenant_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.draft_due_invoices(run_billing.tenant_id);
  return billing.finalise_due_invoices(run_billing.tenant_id, billing.close_due_usage(run_billing.tenant_id));
end
$$;
comment on function billing.run_billing is
  'Does everything that is due for a tenant, all three steps in one transaction: recording waits until it ends. The task runs the steps one by one. The result is the number of drafts that were finalised.';
grant execute on function billing.run_billing to rowhouse_worker;

create or replace function billing.late_usage_time() returns interval
language sql immutable
set search_path to pg_catalog, pg_temp
as $$ select interval '1 year' $$;
comment on function billing.late_usage_time is
  'How long after the end of a subscription what is recorded late is still billed by itself.';
grant execute on function billing.late_usage_time to rowhouse_platform;
grant execute on function billing.usage_ends_at to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: the worker looks for all tenants whose subscription, trial or invoice is due
create or replace function billing.has_late_usage_since(tenant_id uuid, batch_id bigint) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.usage_events e
                  where e.tenant_id = has_late_usage_since.tenant_id and e.payer_id is null and e.adjusts_period is not null
                    and e.batch_id > has_late_usage_since.batch_id)
      or exists (select from app_public.usage_events e
                  where e.payer_id = has_late_usage_since.tenant_id and e.adjusts_period is not null
                    and e.batch_id > has_late_usage_since.batch_id);
$$;
comment on function billing.has_late_usage_since is
  'Whether anything that a tenant pays for was recorded after its period was final, in a batch after this one.';

create or replace function billing.tenants_to_bill(after uuid default null, at_most int default 1000) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.tenant_id from (
    select s.tenant_id from app_public.subscriptions s
     where s.status in ('trialing', 'active', 'past_due') and s.current_period_end <= core.clock()
    union
    select s.tenant_id from app_public.subscriptions s
     where s.status = 'trialing' and s.trial_ends_at <= core.clock() + make_interval(days => 1 + (select max(d) from unnest(billing.reminder_days()) as d))
    union
    select s.tenant_id from app_public.subscriptions s
     where s.status in ('active', 'past_due') and s.billing_cycle = 'annual' and not s.is_add_on and billing.usage_ends_at(s) <= core.clock()
    union
    select s.tenant_id from app_public.subscriptions s
     where not s.is_add_on and (s.status = 'paused' or s.ended_at > core.clock() - billing.late_usage_time())
       and billing.has_late_usage_since(s.tenant_id, coalesce(
         (select max(l.counted_until) from app_public.invoice_lines l where l.tenant_id = s.tenant_id), 0))
    union
    select i.tenant_id from app_public.invoices i
     where i.status = 'draft' and i.finalise_at <= core.clock()
    union
    select w.tenant_id from app_public.wallet_top_ups w
     where w.amount_left > 0 and w.expires_at <= core.clock()
  ) as t
  where tenants_to_bill.after is null or t.tenant_id > tenants_to_bill.after
  order by t.tenant_id limit tenants_to_bill.at_most;
$$;
comment on function billing.tenants_to_bill is
  'The next page of tenants for which run_billing has something to do: a subscription, a month of usage or a draft is due, usage was recorded after the last invoice, prepaid money has expired, or a trial ends within the time of the first reminder and one day more.';
grant execute on function billing.tenants_to_bill to rowhouse_worker;

set local role rowhouse_owner;

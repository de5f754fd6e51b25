-- Subscriptions. This file explains the states and defines the table's access; the other files of this folder hold the
-- periods (20), starting (30), trials (35), changing the plan (40), ending (50) and pausing (60).
--
-- A tenant has at most one live base subscription, that is, one with ended_at null, and beside it at most one of each plan that is
-- an add-on. An add-on starts beside an active base, is paused with it, goes on with it, and ends with it; it prices no usage and
-- has no trial. The functions here take the base, unless add_on names the plan of an add-on.
-- The status of a subscription changes only along these steps.
-- A trigger enforces them for everyone who writes, including superusers:
--
--   trialing  →  active     the trial ended, and the tenant can pay or the plan is free
--   trialing  →  cancelled  the tenant cancelled
--   trialing  →  expired    the trial ended, and the tenant cannot pay
--   active    →  past_due   a payment was missed
--   active    →  paused     the tenant paused the subscription, or an invoice became uncollectible
--   active    →  cancelled  the tenant cancelled
--   past_due  →  active     every missed payment was paid
--   past_due  →  paused     an invoice became uncollectible
--   past_due  →  cancelled  the tenant cancelled
--   paused    →  active     the tenant resumed the subscription
--   paused    →  cancelled  the tenant cancelled
--
-- cancelled and expired are final; afterwards a tenant starts a new subscription.
--
-- Time is counted in whole calendar days of the time zone of the subscription. The day of a change of plan
-- belongs to the new plan; the day of an end or a pause was used and is not credited. Whatever starts or ends a period creates the invoice for it in the same transaction.

call core.secure_tenant_table('app_public.subscriptions');
call audit.track('app_public.subscriptions');
call core.exempt_from_guard('app_public.subscriptions', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.subscriptions', read => 'viewer');
grant select on app_public.subscriptions to rowhouse_user;
grant select, insert, update, delete on app_public.subscriptions to rowhouse_platform;
comment on table app_public.subscriptions is
  E'@name plan_subscription\n@behavior -insert -update -delete -query:resource:single\nThe current and past subscriptions of this tenant to plans. One of them that has not ended is the base, and the others are add-ons to it. start_subscription, change_plan, cancel_subscription, pause_subscription and resume_subscription change it.';
comment on column app_public.subscriptions.plan_id is 'The plan.';
comment on column app_public.subscriptions.is_add_on is 'Whether this is an add-on to the base subscription of the tenant.';
comment on column app_public.subscriptions.price_id is 'The version of the price that applies in the current period.';
comment on column app_public.subscriptions.billing_cycle is 'The length of the periods.';
comment on column app_public.subscriptions.currency is 'The currency as an ISO 4217 code. It was the currency of the billing profile at the start.';
comment on column app_public.subscriptions.status is 'The state of the subscription.';
comment on column app_public.subscriptions.timezone is 'The IANA time zone in which days and periods are counted. It was the time zone of the tenant at the start.';
comment on column app_public.subscriptions.anchor_on is 'The day from which the periods are counted.';
comment on column app_public.subscriptions.started_at is 'When the subscription started.';
comment on column app_public.subscriptions.trial_ends_at is 'When the trial ends or ended; null without a trial.';
comment on column app_public.subscriptions.period_number is 'The number of the current period, from 1.';
comment on column app_public.subscriptions.current_period_start is 'The start of the current period.';
comment on column app_public.subscriptions.current_period_end is 'The end of the current period; during a trial this is the end of the trial.';
comment on column app_public.subscriptions.usage_since is 'Usage since this time has not been billed yet.';
comment on column app_public.subscriptions.seats is 'How many active members this tenant and those below it may have, as bought with set_seats; null when the price has no seats.';
comment on column app_public.subscriptions.pending_seats is 'The smaller number of seats from the next period on; null without a planned decrease.';
comment on column app_public.subscriptions.cancel_at_period_end is 'Whether the subscription ends with the current period.';
comment on column app_public.subscriptions.pending_plan_id is 'The plan that the subscription changes to at the end of the period; null without a planned change.';
comment on column app_public.subscriptions.pending_billing_cycle is 'The billing cycle that the subscription changes to at the end of the period; null without a planned change.';
comment on column app_public.subscriptions.paused_at is 'When the subscription was paused; null while it is not paused.';
comment on column app_public.subscriptions.past_due_at is 'When a payment was first missed; null while no payment is missed.';
comment on column app_public.subscriptions.ended_at is 'When the subscription ended; null while it is live.';
comment on column app_public.subscriptions.created_at is 'When the row was created.';
comment on column app_public.subscriptions.updated_at is 'When the row was last changed.';
comment on constraint subscriptions_price_id_fkey on app_public.subscriptions is
  E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint subscriptions_pending_plan_id_fkey on app_public.subscriptions is
  E'@fieldName pendingPlan\n@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint subscriptions_plan_id_fkey on app_public.subscriptions is
  E'@fieldName plan\n@behavior -manyRelation:resource:list -manyRelation:resource:connection';

comment on type app_public.subscription_status_enum is
  'The state of a subscription: trialing is free for now; active is paid; past_due has a missed payment; paused is stopped until it is resumed; cancelled has ended; expired is a trial that ended without a way to pay.';

create or replace function billing.is_subscription_step(
  old_status app_public.subscription_status_enum, new_status app_public.subscription_status_enum
) returns boolean
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case old_status
    when 'trialing' then new_status in ('active', 'cancelled', 'expired')
    when 'active' then new_status in ('past_due', 'paused', 'cancelled')
    when 'past_due' then new_status in ('active', 'paused', 'cancelled')
    when 'paused' then new_status in ('active', 'cancelled')
    else false
  end;
$$;
comment on function billing.is_subscription_step is
  'Whether a subscription may go from one status to the other, which must be different.';
grant execute on function billing.is_subscription_step to rowhouse_platform;

create or replace function billing.tg_subscriptions__keep_states() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    if new.status not in ('trialing', 'active') then
      perform core.raise_error('LB504', 'A new subscription must be trialing or active.', 'Insert it as trialing or active, then change it.');
    end if;
    return new;
  end if;
  -- tenant_id is not compared here, because the wall already forbids to move a row to another tenant
  if new.id <> old.id or new.is_add_on <> old.is_add_on or new.currency <> old.currency or new.started_at <> old.started_at or new.timezone <> old.timezone then
    perform core.raise_error('LB505', 'The currency, time zone and start of a subscription cannot be changed, and a base stays a base.',
      'Cancel the subscription and start another one.');
  end if;
  if old.status in ('cancelled', 'expired') then
    perform core.raise_error('LB506', 'The subscription has ended.', 'Start a new subscription.');
  end if;
  if new.status <> old.status and not billing.is_subscription_step(old.status, new.status) then
    perform core.raise_error('LB504', format('A subscription cannot change from %s to %s.', old.status, new.status),
      'docs/billing.md shows the states and the steps between them.');
  end if;
  return new;
end
$$;
comment on function billing.tg_subscriptions__keep_states is
  E'@errors LB504 LB505 LB506\nLets the status of a subscription change only along the allowed steps, and keeps its currency, time zone and start.';

create or replace trigger _200_keep_states before insert or update on app_public.subscriptions
  for each row execute function billing.tg_subscriptions__keep_states();

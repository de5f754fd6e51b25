-- Seats: a price may include a number of seats and sell further ones,
--   price of a period = amount + seat_amount × max(seats - included_seats, 0)
-- and billing.with_seats gives the price with that amount to whatever charges, credits or discounts it. Seats are bought, not
-- counted, so the charge does not change with each member, and the quota users keeps the members at or below the seats.
-- More seats are an upgrade to the same price and charged at once; fewer hold from the next period. So adding at night and
-- removing at dawn pays for the whole period. Only the base has seats; the users that add-ons give come on top of them.

create or replace function billing.most_seats() returns int
  language sql immutable parallel safe
  return 100000;
comment on function billing.most_seats is
  'The most seats that a tenant buys itself.';

create or replace function billing.with_seats(price app_public.plan_prices, seats int) returns app_public.plan_prices
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price app_public.plan_prices := with_seats.price;
begin
  v_price.amount := v_price.amount + coalesce(v_price.seat_amount * greatest(with_seats.seats - v_price.included_seats, 0), 0);
  return v_price;
end
$$;
comment on function billing.with_seats is
  'A price whose amount is that for a number of seats; null is no seats.';

set local role rowhouse_platform;  -- outside the wall: the members of the tenants below count to the seats
create or replace function billing.users_of_add_ons(tenant_id uuid) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(sum(e.quota_limit), 0)
    from app_public.subscriptions base
    join app_public.subscriptions s on s.tenant_id = base.tenant_id and s.is_add_on
    join app_public.plan_entitlements e on e.plan_id = s.plan_id and e.kind = 'quota' and e.key = 'users'
   where base.tenant_id = users_of_add_ons.tenant_id and not base.is_add_on and base.ended_at is null
     -- those that the pause of the base has paused go on with it
     and (s.status in ('active', 'past_due') or s.status = 'paused' and s.paused_at = base.paused_at);
$$;
comment on function billing.users_of_add_ons is
  'How many active members of a tenant and those below it need no seat, because the add-ons that are held beside the base give them.';

create or replace function billing.members_on_seats(tenant_id uuid) returns int
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- where staff have set another limit, the seats do not limit the members
  if exists (select from app_public.tenant_entitlement_overrides o
              where o.tenant_id = members_on_seats.tenant_id and o.kind = 'quota' and o.key = 'users') then
    return 0;
  end if;
  return greatest(metering.counted_usage(metering.quota_subtree(members_on_seats.tenant_id), 'users')
    - billing.users_of_add_ons(members_on_seats.tenant_id), 0);
end
$$;
comment on function billing.members_on_seats is
  'How many active members of a tenant and those below it need a seat.';
grant execute on function billing.members_on_seats to rowhouse_owner;

set local role rowhouse_owner;
create or replace function billing.seats_for(tenant_id uuid, price app_public.plan_prices, wanted int) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select case when (seats_for.price).seat_amount is not null
                and not exists (select from app_public.plans p where p.id = (seats_for.price).plan_id and p.is_add_on) then
    greatest(seats_for.wanted, (seats_for.price).included_seats, billing.members_on_seats(seats_for.tenant_id)) end;
$$;
comment on function billing.seats_for is
  'The seats that a tenant has under a price: those that are wanted, and never fewer than are included or taken by members; null when the price has no seats or is that of an add-on.';

create or replace function billing.require_seats(subscription app_public.subscriptions, quantity int) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_included int;
  v_members constant int := billing.members_on_seats((require_seats.subscription).tenant_id);
begin
  if (require_seats.subscription).status not in ('trialing', 'active') then
    perform core.raise_error('LB509', 'The seats cannot be changed while the subscription is past due or paused.',
      'Pay the open invoices or resume the subscription first. You can cancel it at any time.');
  elsif (require_seats.subscription).cancel_at_period_end then
    perform core.raise_error('LB510', 'The subscription ends with its period.', 'Undo the cancellation with resume_subscription first.');
  elsif (require_seats.subscription).seats is null then
    perform core.raise_error('LB541', 'The plan of this tenant has no seats.', 'Change to a plan with seats with change_plan.');
  end if;
  select p.included_seats into v_included from app_public.plan_prices p where p.id = (require_seats.subscription).price_id;
  -- "is not true" also refuses a missing number
  if (require_seats.quantity between v_included and billing.most_seats()) is not true then
    perform core.raise_error('LB441', format('The quantity of seats must be from %s to %s.', v_included, billing.most_seats()),
      'The price of the plan includes the smallest number.');
  elsif require_seats.quantity < least(v_members, (require_seats.subscription).seats) then
    perform core.raise_error('LB542', format('There are %s active members who need a seat, more than %s seats.', v_members, require_seats.quantity),
      'Deactivate or remove members of this tenant or those below it first, then set the seats.');
  end if;
end
$$;
comment on function billing.require_seats is
  E'@errors LB441 LB509 LB510 LB541 LB542\nRaises an error when a subscription cannot have this number of seats.';

create or replace function app_public.set_seats(quantity int) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_subscription app_public.subscriptions := billing.up_to_date_subscription(v_profile.tenant_id);
begin
  perform billing.require_seats(v_subscription, set_seats.quantity);
  if set_seats.quantity <= v_subscription.seats then
    update app_public.subscriptions s set pending_seats = nullif(set_seats.quantity, s.seats)
     where s.id = v_subscription.id returning * into v_subscription;
    return v_subscription;
  end if;
  perform billing.require_way_to_pay(v_profile.tenant_id);
  return billing.add_seats(v_subscription, set_seats.quantity, core.clock());
end
$$;
comment on function app_public.set_seats is
  E'@resultFieldName subscription\n@errors ID203 LB303 LB441 LB508 LB509 LB510 LB541 LB542\nSets how many seats the subscription has, for the active members of this tenant and those below it. More seats hold at once, and the rest of the period is charged; fewer hold from the next period, and setting the present number again undoes that. A member that is there then keeps a seat, which is charged. preview_seats shows the invoice in advance. Requires can_manage_billing.';
grant execute on function app_public.set_seats to rowhouse_user;

create or replace function billing.add_seats(subscription app_public.subscriptions, quantity int, at timestamptz)
returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_old constant app_public.subscriptions := add_seats.subscription;
  v_new app_public.subscriptions;
  v_invoice app_public.invoices;
begin
  -- nothing has been charged during a trial
  if v_old.status = 'active' then
    v_invoice := billing.draft_invoice(v_old.tenant_id, 'change', v_old, v_old, null);
    perform billing.insert_lines(v_invoice, array(
      select l from app_public.plan_prices p
       cross join lateral billing.upgrade_lines(v_old, p, add_seats.quantity, add_seats.at) l where p.id = v_old.price_id));
  end if;
  update app_public.subscriptions s set seats = add_seats.quantity, pending_seats = null
   where s.id = v_old.id returning * into v_new;
  if v_old.status = 'active' then
    perform billing.finalise_invoice(v_invoice.tenant_id, v_invoice.id);
  end if;
  return v_new;
end
$$;
comment on function billing.add_seats is
  'Gives a subscription more seats at once, and creates the invoice for them unless it is in its trial.';

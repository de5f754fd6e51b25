-- Coupons. A coupon takes a percentage or an amount off the price of the plan, for one period, for several or forever. A tenant
-- redeems its code; from the next period that is billed on, each charge for the plan has a line of its own for the discount:
--   percent    - trunc(charge × percent / 100)          amount    - min(trunc(amount × days / period_days), charge)
-- Truncated to the decimal places of the currency, so that the credit of unused days is never more than what was charged. A
-- coupon belongs to the tenant, so cancelling and starting again neither loses it nor begins it anew.

call core.secure_global_table('app_public.coupons', 'what the platform sells');
call audit.track_global('app_public.coupons', null);
call core.allow('app_public.coupons', write => 'staff');
create policy select_redeemed on app_public.coupons for select to rowhouse_user
  using (id in (select r.coupon_id from app_public.coupon_redemptions r));
grant select on app_public.coupons to rowhouse_user;
grant update (name, redeem_by, max_redemptions) on app_public.coupons to rowhouse_admin;
comment on table app_public.coupons is
  E'@behavior -query:resource:single -delete\nDiscounts on the price of a plan. Platform staff create them with create_coupon and see all of them; their terms never change. A tenant sees those that it has redeemed.';
comment on column app_public.coupons.code is 'What a customer enters, in upper case. It is unique.';
comment on column app_public.coupons.name is E'@notPersonal\nThe name on the invoice.';
comment on column app_public.coupons.percent_off is 'The percentage that is taken off, such as 20; null for an amount.';
comment on column app_public.coupons.amount_off is 'The amount that is taken off the price of one period; null for a percentage.';
comment on column app_public.coupons.currency is 'The currency of the amount as an ISO 4217 code; null for a percentage. The coupon applies to prices in this currency only.';
comment on column app_public.coupons.duration is 'For how many periods the coupon applies.';
comment on column app_public.coupons.duration_periods is 'The number of periods of a repeating coupon, from 2 to 120; otherwise null.';
comment on column app_public.coupons.redeem_by is 'Until when the coupon can be redeemed; null without a limit.';
comment on column app_public.coupons.max_redemptions is 'How many tenants can redeem the coupon; null without a limit.';
comment on column app_public.coupons.redemption_count is E'@kept\nHow many tenants have redeemed the coupon.';
comment on column app_public.coupons.created_at is 'When the row was created.';
comment on column app_public.coupons.updated_at is 'When the row was last changed.';
comment on constraint code_is_a_code on app_public.coupons is 'must have from 3 to 50 upper-case letters, digits, hyphens and underscores, and begin with a letter or digit';
comment on constraint name_is_a_name on app_public.coupons is 'must have from 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint percentage_or_amount on app_public.coupons is 'must be given when amount_off is not, and must be left out when it is';
comment on constraint percent_off_is_in_range on app_public.coupons is 'must be above 0 and at most 100, with at most 4 decimal places';
comment on constraint amount_off_has_a_currency on app_public.coupons is 'must be above 0, in a supported currency and its decimal places';
comment on constraint repeating_has_periods on app_public.coupons is 'must be from 2 to 120 for a repeating coupon, and must be left out otherwise';
comment on constraint max_redemptions_is_in_range on app_public.coupons is 'must be from 1 to 1,000,000,000, and not below the number of redemptions';
comment on constraint coupons_code_key on app_public.coupons is 'is already the code of another coupon';

call core.secure_tenant_table('app_public.coupon_redemptions');
call audit.track('app_public.coupon_redemptions');
call core.exempt_from_guard('app_public.coupon_redemptions', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.coupon_redemptions', read => 'can_manage_billing');
grant select on app_public.coupon_redemptions to rowhouse_user;
comment on table app_public.coupon_redemptions is
  E'@behavior -insert -update -delete -query:resource:single -query:resource:connection\nThe coupons that this tenant has redeemed, each once. At most one of them applies at a time. Reading them requires can_manage_billing.';
comment on column app_public.coupon_redemptions.coupon_id is 'The coupon.';
comment on column app_public.coupon_redemptions.redeemed_at is 'When the coupon was redeemed.';
comment on column app_public.coupon_redemptions.starts_at is 'The start of the first period that the coupon applies to; null until that period is billed.';
comment on column app_public.coupon_redemptions.ends_at is E'@infiniteIsNull\nThe end of the last period that the coupon applies to; null until the first one is billed, and for a coupon that applies forever.';
comment on column app_public.coupon_redemptions.created_at is 'When the row was created.';
comment on constraint coupon_redemptions_coupon_id_fkey on app_public.coupon_redemptions is E'@fieldName coupon\n@foreignFieldName redemptions';

create or replace function app_public.create_coupon(
  code text, name text, duration app_public.coupon_duration, percent_off numeric default null, amount_off numeric default null,
  currency text default null, duration_periods int default null, redeem_by timestamptz default null, max_redemptions int default null
) returns app_public.coupons
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_coupon app_public.coupons;
begin
  perform tenancy.require_staff();
  if num_nonnulls(create_coupon.percent_off, create_coupon.amount_off) <> 1
     or (create_coupon.amount_off is null) <> (create_coupon.currency is null)
     or (create_coupon.duration = 'repeating') <> (create_coupon.duration_periods is not null) then
    perform core.raise_error('LB408', 'A coupon takes off either a percentage or an amount in a currency, and only a repeating one has a number of periods.',
      'Give percent_off, or amount_off and currency; give duration_periods for repeating only.');
  end if;
  insert into app_public.coupons (code, name, duration, percent_off, amount_off, currency, duration_periods, redeem_by, max_redemptions)
  values (upper(trim(create_coupon.code)), create_coupon.name, create_coupon.duration, create_coupon.percent_off, create_coupon.amount_off,
          create_coupon.currency, create_coupon.duration_periods, create_coupon.redeem_by, create_coupon.max_redemptions)
  returning * into v_coupon;
  return v_coupon;
end
$$;
comment on function app_public.create_coupon is
  E'@resultFieldName coupon\n@errors LB408 TN205 23502 23505 23514\nCreates a coupon: a percentage off, or an amount off in a currency; once, for a number of periods (repeating), or forever. Its terms never change. Only platform staff may call it.';
grant execute on function app_public.create_coupon to rowhouse_user;

create or replace function billing.discount_amount(coupon app_public.coupons, price app_public.plan_prices, days int, period_days int)
returns numeric
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when (coupon).percent_off is not null then trunc(c.charge * (coupon).percent_off * 0.01, c.places)
           else least(trunc((coupon).amount_off * discount_amount.days / discount_amount.period_days, c.places), c.charge) end
    from (select billing.prorated_amount((price).amount, discount_amount.days, discount_amount.period_days, (price).currency) as charge,
                 billing.minor_units((price).currency) as places) as c;
$$;
comment on function billing.discount_amount is
  'What a coupon takes off the charge of a price for some days of its period, truncated to the decimal places of the currency.';

create or replace function billing.discounted_share(coupon app_public.coupons, price app_public.plan_prices) returns numeric
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select 1 - coalesce((coupon).percent_off * 0.01, least((coupon).amount_off / (price).amount, 1));
$$;
comment on function billing.discounted_share is
  'The share of a price above 0 that is left with a coupon, from 0 to 1.';

create or replace function billing.coupon_for(price app_public.plan_prices, tenant_id uuid, period tstzrange, with_waiting boolean)
returns app_public.coupons
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select c.* from app_public.coupon_redemptions r join app_public.coupons c on c.id = r.coupon_id
   where r.tenant_id = coupon_for.tenant_id
     and (c.currency is null or c.currency = (coupon_for.price).currency)
     and case when r.starts_at is null then coupon_for.with_waiting
           else lower(coupon_for.period) >= r.starts_at and upper(coupon_for.period) <= r.ends_at end
   order by r.starts_at nulls last, r.redeemed_at limit 1;
$$;
comment on function billing.coupon_for is
  'The coupon that applies to a price of a tenant in a period, or null: one whose time contains the whole period, or, where a period is billed, one that waits for its first period. A period that is longer than what is left of a coupon has no discount.';

create or replace function billing.discount_line(charge app_public.invoice_lines, price app_public.plan_prices, coupon app_public.coupons)
returns app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_line app_public.invoice_lines := discount_line.charge;
begin
  v_line.kind := 'discount';
  v_line.quantity := -1;
  v_line.coupon_id := (discount_line.coupon).id;
  v_line.amount := -billing.discount_amount(discount_line.coupon, discount_line.price, v_line.days, v_line.period_days);
  v_line.description := format('%s (%s)', (discount_line.coupon).name, billing.discount_terms(discount_line.coupon));
  return v_line;
end
$$;
comment on function billing.discount_line is
  'The line that a coupon takes off the line of a charge.';

create or replace function billing.discount_terms(coupon app_public.coupons) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(trim_scale((coupon).percent_off) || ' % off', format('%s %s off a period', (coupon).amount_off, (coupon).currency));
$$;
comment on function billing.discount_terms is
  'What a coupon takes off, in words.';

create or replace function billing.begin_coupon(subscription app_public.subscriptions) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_first constant app_public.subscriptions := begin_coupon.subscription;
  v_coupon app_public.coupons;
  v_end timestamptz := v_first.current_period_end;
begin
  select c.* into v_coupon from app_public.coupon_redemptions r join app_public.coupons c on c.id = r.coupon_id
   where r.tenant_id = v_first.tenant_id and r.starts_at is null;
  if not found then
    return;
  end if;
  for i in 2 .. coalesce(v_coupon.duration_periods, 1) loop
    v_end := upper(billing.subscription_period(v_first, v_end));
  end loop;
  update app_public.coupon_redemptions r
     set starts_at = v_first.current_period_start, ends_at = case v_coupon.duration when 'forever' then 'infinity' else v_end end
   where r.tenant_id = v_first.tenant_id and r.coupon_id = v_coupon.id;
end
$$;
comment on function billing.begin_coupon is
  'Begins the time of the coupon that waits for its first period, when that period is billed.';

create or replace function billing.use_coupon(code text) returns app_public.coupons
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_code constant text := upper(trim(use_coupon.code));
  v_coupon app_public.coupons;
begin
  -- one statement, so that no more tenants redeem a coupon than may, however many do it at once
  update app_public.coupons c set redemption_count = c.redemption_count + 1
   where c.code = v_code and (c.redeem_by is null or c.redeem_by > core.clock())
     and (c.max_redemptions is null or c.redemption_count < c.max_redemptions)
  returning * into v_coupon;
  if not found then
    if exists (select from app_public.coupons c where c.code = v_code) then
      perform core.raise_error('LB530', 'This coupon can no longer be redeemed.', 'Its time is over, or it was redeemed as often as it may be.');
    end if;
    perform core.raise_error('LB312', 'There is no such coupon.', 'Check the code.');
  end if;
  return v_coupon;
end
$$;
comment on function billing.use_coupon is
  E'@errors LB312 LB530\nCounts a redemption of the coupon with this code, unless its time is over or it was redeemed as often as it may be.';

create or replace function app_public.redeem_coupon(code text) returns app_public.coupon_redemptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_coupon app_public.coupons;
  v_redemption app_public.coupon_redemptions;
begin
  perform billing.require_own_plan(v_profile.tenant_id);
  -- the coupon is for periods that are still to come
  perform billing.advance_subscription(v_profile.tenant_id);
  v_coupon := billing.use_coupon(redeem_coupon.code);
  if v_coupon.currency <> v_profile.currency then
    perform core.raise_error('LB531', format('This coupon is for prices in %s.', v_coupon.currency), 'Use a coupon in the currency of the billing profile.');
  end if;
  if exists (select from app_public.coupon_redemptions r
              where r.tenant_id = v_profile.tenant_id
                and (r.coupon_id = v_coupon.id or r.starts_at is null or r.ends_at > core.clock())) then
    perform core.raise_error('LB532', 'This tenant has redeemed this coupon before, or another one that still applies.',
      'A coupon can be redeemed once, and only one applies at a time.');
  end if;
  insert into app_public.coupon_redemptions (tenant_id, coupon_id, redeemed_at)
  values (v_profile.tenant_id, v_coupon.id, core.clock())
  returning * into v_redemption;
  return v_redemption;
end
$$;
comment on function app_public.redeem_coupon is
  E'@resultFieldName couponRedemption\n@errors ID203 LB312 LB525 LB530 LB531 LB532\nRedeems a coupon by its code, before or during a subscription. Its discount begins with the next period that is billed; preview_invoice shows it. A tenant redeems a coupon once, and one coupon applies at a time. Requires can_manage_billing.';
grant execute on function app_public.redeem_coupon to rowhouse_user;

create or replace function billing.tg_coupons__keep_terms() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_free constant text[] := array['name', 'redeem_by', 'max_redemptions', 'redemption_count', 'updated_at'];
begin
  if to_jsonb(new) - v_free <> to_jsonb(old) - v_free then
    perform core.raise_error('LB533', 'The terms of a coupon cannot be changed.', 'Create another coupon. This one ends with redeem_by.');
  end if;
  return new;
end
$$;
comment on function billing.tg_coupons__keep_terms is
  E'@errors LB533\nKeeps code, discount and duration of a coupon, because invoices are computed again from them.';

create or replace trigger _200_keep_terms before update on app_public.coupons
  for each row execute function billing.tg_coupons__keep_terms();

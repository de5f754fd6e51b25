-- How staff edit the offer: plans, versions of prices with their components, and entitlements. The triggers of 15_plans.sql keep
-- what was sold, and those of 20_entitlements apply what changed. preview_plan_edit says beforehand whom an edit touches.

create or replace function billing.plan_for_staff(slug text) returns app_public.plans
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan app_public.plans;
begin
  perform tenancy.require_staff();
  select * into v_plan from app_public.plans p where p.slug = plan_for_staff.slug;
  if not found then
    perform core.raise_error('LB301', 'There is no such plan.', 'Choose one of the plans, or add it with save_plan.');
  end if;
  return v_plan;
end
$$;
comment on function billing.plan_for_staff is
  E'@errors LB301 TN205\nChecks that the caller is staff, and returns the plan with this slug, also when it is retired.';

grant execute on function billing.plan_for_staff to rowhouse_platform;

create or replace function app_public.save_plan(
  slug text, name text default null, description text default null, tier app_public.plan_tier default null,
  trial_days int default null, is_public boolean default null, is_retired boolean default null, is_add_on boolean default null
) returns app_public.plans
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan app_public.plans;
begin
  perform tenancy.require_staff();
  update app_public.plans p
     set name = coalesce(save_plan.name, p.name),
         description = coalesce(save_plan.description, p.description),
         tier = coalesce(save_plan.tier, p.tier),
         trial_days = coalesce(save_plan.trial_days, p.trial_days),
         is_public = coalesce(save_plan.is_public, p.is_public),
         is_add_on = coalesce(save_plan.is_add_on, p.is_add_on),
         retired_at = case save_plan.is_retired when true then coalesce(p.retired_at, core.clock()) when false then null else p.retired_at end
   where p.slug = save_plan.slug
  returning * into v_plan;
  if not found then
    insert into app_public.plans as p (slug, name, description, tier, trial_days, is_public, is_add_on, retired_at)
    values (save_plan.slug, save_plan.name, save_plan.description, save_plan.tier, coalesce(save_plan.trial_days, 0),
            coalesce(save_plan.is_public, true), coalesce(save_plan.is_add_on, false), case when save_plan.is_retired then core.clock() end)
    returning * into v_plan;
  end if;
  return v_plan;
end
$$;
comment on function app_public.save_plan is
  E'@resultFieldName plan\n@errors LB553 TN205 23502 23505 23514\nAdds a plan, or changes one. A new plan needs a name and a tier, and may be an add-on, which never changes. Arguments that are left out change nothing. Nobody can choose a plan with is_retired any more, and the tenants that have it keep it. Another tier holds at once for all that have the plan. Only platform staff may call it.';
grant execute on function app_public.save_plan to rowhouse_user;

create or replace function app_public.add_plan_price(
  plan text, currency text, amount numeric, valid_from timestamptz default null,
  billing_cycle app_public.billing_cycle_enum default 'monthly', components app_public.new_price_component[] default '{}',
  committed_amount numeric default 0, seat_amount numeric default null, included_seats int default 1
) returns app_public.plan_prices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan constant app_public.plans := billing.plan_for_staff(add_plan_price.plan);
  v_price app_public.plan_prices;
begin
  insert into app_public.plan_prices (plan_id, currency, billing_cycle, amount, committed_amount, seat_amount, included_seats, valid_from)
  values (v_plan.id, add_plan_price.currency, coalesce(add_plan_price.billing_cycle, 'monthly'), add_plan_price.amount,
          coalesce(add_plan_price.committed_amount, 0), add_plan_price.seat_amount, coalesce(add_plan_price.included_seats, 1),
          coalesce(add_plan_price.valid_from, core.clock()))
  returning * into v_price;
  insert into app_public.plan_price_components (price_id, usage_type, model, unit_amount, package_size, tiers, included_quantity)
  select v_price.id, c.usage_type, c.model, c.unit_amount, c.package_size, c.tiers, coalesce(c.included_quantity, 0)
    from unnest(add_plan_price.components) as c;
  return v_price;
end
$$;
comment on function app_public.add_plan_price is
  E'@resultFieldName planPrice\n@errors LB301 LB401 LB450 TN205 23502 23503 23505 23514\nAdds a version of the price of a plan in a currency and billing cycle, with all prices for usage that it has; nothing is taken over from the version before. committed_amount is the least that the usage of a period costs. With a seat_amount the plan is sold by seats: amount is for the included_seats, and each further seat costs seat_amount a period. The price of an add-on has neither components nor a committed_amount, and an add-on has no seats. The version is in force from valid_from, by default now, and applies to each subscription from its next period: preview_plan_edit says to which, from when, and how the amount changes. Only platform staff may call it.';
grant execute on function app_public.add_plan_price to rowhouse_user;

create or replace function app_public.remove_plan_price(id uuid) returns app_public.plan_prices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price app_public.plan_prices;
begin
  perform tenancy.require_staff();
  delete from app_public.plan_prices p where p.id = remove_plan_price.id returning * into v_price;
  if not found then
    perform core.raise_error('LB302', 'There is no such price.', 'Choose one of the prices of the plan.');
  end if;
  return v_price;
end
$$;
comment on function app_public.remove_plan_price is
  E'@resultFieldName planPrice\n@errors LB302 LB501 TN205\nRemoves a version of a price that is not in force yet. Only platform staff may call it.';
grant execute on function app_public.remove_plan_price to rowhouse_user;

create or replace function app_public.set_plan_entitlement(
  plan text, kind app_public.entitlement_kind_enum, key text, is_enabled boolean default null, quota_limit numeric default null,
  overage_allowed boolean default false
) returns app_public.plan_entitlements
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan constant app_public.plans := billing.plan_for_staff(set_plan_entitlement.plan);
  v_entitlement app_public.plan_entitlements;
begin
  perform billing.require_entitlement_value(set_plan_entitlement.kind, set_plan_entitlement.is_enabled, set_plan_entitlement.quota_limit);
  insert into app_public.plan_entitlements as e (plan_id, kind, key, is_enabled, quota_limit, overage_allowed)
  values (v_plan.id, set_plan_entitlement.kind, set_plan_entitlement.key, set_plan_entitlement.is_enabled,
          set_plan_entitlement.quota_limit, coalesce(set_plan_entitlement.overage_allowed, false))
  on conflict on constraint plan_entitlements_plan_id_kind_key_key do update
    set is_enabled = excluded.is_enabled, quota_limit = excluded.quota_limit, overage_allowed = excluded.overage_allowed
  returning * into v_entitlement;
  return v_entitlement;
end
$$;
comment on function app_public.set_plan_entitlement is
  E'@resultFieldName planEntitlement\n@errors LB301 LB403 TN205 23502 23514\nAdds a feature (is_enabled) or quota (quota_limit) to a plan, or changes it, at once for all that have the plan: preview_plan_edit lists them. Only platform staff may call it.';
grant execute on function app_public.set_plan_entitlement to rowhouse_user;

create or replace function app_public.remove_plan_entitlement(plan text, kind app_public.entitlement_kind_enum, key text)
returns app_public.plan_entitlements
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan constant app_public.plans := billing.plan_for_staff(remove_plan_entitlement.plan);
  v_entitlement app_public.plan_entitlements;
begin
  delete from app_public.plan_entitlements e
   where e.plan_id = v_plan.id and e.kind = remove_plan_entitlement.kind and e.key = remove_plan_entitlement.key
  returning * into v_entitlement;
  if not found then
    perform core.raise_error('LB308', 'The plan has no such entitlement.', 'Choose one of the entitlements of the plan.');
  end if;
  return v_entitlement;
end
$$;
comment on function app_public.remove_plan_entitlement is
  E'@resultFieldName planEntitlement\n@errors LB301 LB308 TN205\nRemoves a feature or quota from a plan, at once for all that have the plan. A quota that is removed limits nothing any more. Only platform staff may call it.';
grant execute on function app_public.remove_plan_entitlement to rowhouse_user;

create or replace function billing.first_period_from(subscription app_public.subscriptions, at timestamptz) returns timestamptz
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- the days of another cycle are counted from the end of the period
  select case
      when (subscription).current_period_end >= first_period_from.at then (subscription).current_period_end
      when lower(p.period) = first_period_from.at then lower(p.period)
      else upper(p.period) end
    from (select metering.billing_period(first_period_from.at,
            case when (subscription).pending_billing_cycle is null then (subscription).anchor_on
                 else ((subscription).current_period_end at time zone (subscription).timezone)::date end,
            (subscription).timezone,
            billing.cycle_months(coalesce((subscription).pending_billing_cycle, (subscription).billing_cycle))) as period) p;
$$;
comment on function billing.first_period_from is
  'The beginning of the first period of a subscription that begins at an instant or later, with the cycle that is planned.';
grant execute on function billing.first_period_from to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: staff see whom an edit of a plan touches before they make it
create or replace function app_public.preview_plan_edit(
  plan text, currency text default null, billing_cycle app_public.billing_cycle_enum default null, amount numeric default null,
  valid_from timestamptz default null
) returns setof app_public.affected_subscription
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan constant app_public.plans := billing.plan_for_staff(preview_plan_edit.plan);
  v_valid_from constant timestamptz := coalesce(preview_plan_edit.valid_from, core.clock());
begin
  return query
    select s.tenant_id, t.slug, next.cycle, s.currency, s.status, next.at, before.amount,
           -- a later version that is planned already comes first
           case when preview_plan_edit.amount is null or before.valid_from > v_valid_from then before.amount else preview_plan_edit.amount end
      from app_public.subscriptions s
      join app_public.tenants t on t.id = s.tenant_id
     cross join lateral (select coalesce(s.pending_billing_cycle, s.billing_cycle) as cycle,
                                billing.first_period_from(s, v_valid_from) as at) as next
     cross join lateral (
       select p.amount, p.valid_from from app_public.plan_prices p
        where p.plan_id = v_plan.id and p.currency = s.currency and p.billing_cycle = next.cycle and p.valid_from <= next.at
        order by p.valid_from desc limit 1) as before
     where coalesce(s.pending_plan_id, s.plan_id) = v_plan.id and s.ended_at is null and not s.cancel_at_period_end
       and (preview_plan_edit.currency is null or s.currency = preview_plan_edit.currency)
       and (preview_plan_edit.billing_cycle is null or next.cycle = preview_plan_edit.billing_cycle)
     order by t.slug;
end
$$;
comment on function app_public.preview_plan_edit is
  E'@errors LB301 TN205\nThe subscriptions that an edit of a plan touches; totalCount is how many. With amount, and the currency and billing_cycle that it is for: the first period with a new price that is valid from valid_from (by default now), and what that period costs before and after. Without amount: all that have the plan, whom other entitlements or another tier touch at once. The amounts are without further seats. A paused subscription has the date as if it went on. Only platform staff may call it.';
grant execute on function app_public.preview_plan_edit to rowhouse_user;

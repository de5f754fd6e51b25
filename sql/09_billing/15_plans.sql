-- Prices are versions: one that is in force is never changed, a new one follows it. Staff edit the tables; these triggers
-- and look-ups keep what was sold as it was.

grant execute on function billing.are_price_tiers to rowhouse_user, rowhouse_platform;

-- Plans are for everyone to see, money for those who manage billing; nobody writes but through functions, staff excepted
-- in what the platform sells.
call core.secure_global_table('app_public.plans', 'what the platform sells');
call core.allow('app_public.plans', write => 'staff');
-- public plans, and the one this tenant has; what belongs to a plan is seen with it
create policy select_everyone on app_public.plans for select to rowhouse_user
  using (is_public or id in (select plan_id from app_public.subscriptions));
grant select on app_public.plans to rowhouse_user;
grant insert, update, delete on app_public.plans to rowhouse_admin;
grant select, insert, update, delete on app_public.plans to rowhouse_platform;
-- What GraphQL says of the tables of billing.
comment on table app_public.plans is
  'What tenants can subscribe to. You see the public ones and your own; platform staff edit them.';
comment on column app_public.plans.slug is 'Key: lower-case letters, digits and hyphens, unique.';
comment on column app_public.plans.name is 'Name to show.';
comment on column app_public.plans.description is 'What it is for.';
comment on column app_public.plans.tier is 'free, standard, professional or enterprise: the tenant''s subscription_tier, and what makes a change an upgrade.';
comment on column app_public.plans.trial_days is 'Whole days a tenant''s first subscription is free, 0 to 365.';
comment on column app_public.plans.is_public is 'Whether anyone may choose it; else staff arrange it.';
comment on column app_public.plans.created_at is 'When it was made.';
comment on column app_public.plans.updated_at is 'When it last changed.';

call core.secure_global_table('app_public.plan_prices', 'what the platform sells');
call core.allow('app_public.plan_prices', write => 'staff');
create policy select_everyone on app_public.plan_prices for select to rowhouse_user
  using (plan_id in (select id from app_public.plans));
grant select on app_public.plan_prices to rowhouse_user;
grant insert, update, delete on app_public.plan_prices to rowhouse_admin;
grant select, insert, update, delete on app_public.plan_prices to rowhouse_platform;
comment on table app_public.plan_prices is
  'Versions of a plan''s price: per currency and cycle the last one that has begun is in force and never changes; a new one holds from each subscription''s next period.';
comment on column app_public.plan_prices.plan_id is 'The plan.';
comment on column app_public.plan_prices.currency is 'ISO 4217, upper case.';
comment on column app_public.plan_prices.billing_cycle is 'monthly or annual.';
comment on column app_public.plan_prices.amount is 'Price of one period in the currency, in advance and net of tax, 0 to below a million million.';
comment on column app_public.plan_prices.valid_from is 'From when it is sold.';
comment on column app_public.plan_prices.created_at is 'When it was made.';
comment on constraint plan_prices_plan_id_fkey on app_public.plan_prices is E'@fieldName plan\n@foreignFieldName prices';

call core.secure_global_table('app_public.plan_price_components', 'what the platform sells');
call core.allow('app_public.plan_price_components', write => 'staff');
create policy select_everyone on app_public.plan_price_components for select to rowhouse_user
  using (price_id in (select id from app_public.plan_prices));
grant select on app_public.plan_price_components to rowhouse_user;
grant insert, update, delete on app_public.plan_price_components to rowhouse_admin;
grant select, insert, update, delete on app_public.plan_price_components to rowhouse_platform;
comment on table app_public.plan_price_components is
  'What use costs besides a price''s fixed amount, by type of use. Fixed once somebody has subscribed.';
comment on column app_public.plan_price_components.price_id is 'The price it belongs to.';
comment on column app_public.plan_price_components.usage_type is 'What is used, a name of usage_types.';
comment on column app_public.plan_price_components.model is 'flat (once for any use), per_unit, tiered (graduated), volume (all at the last tier''s price) or package (each begun package).';
comment on column app_public.plan_price_components.unit_amount is 'Price of a unit (per_unit), a package, or all of it (flat); 0 to 1,000,000,000. With an included quantity this is the overage price.';
comment on column app_public.plan_price_components.package_size is 'Units of a package.';
comment on column app_public.plan_price_components.tiers is 'For tiered and volume: an array of {"upTo", "unitAmount", "flatAmount"}, rising, the last without upTo.';
comment on column app_public.plan_price_components.included_quantity is 'Units of a period that cost nothing.';
comment on column app_public.plan_price_components.created_at is 'When it was made.';
comment on constraint plan_price_components_price_id_fkey on app_public.plan_price_components is E'@fieldName price\n@foreignFieldName components';
comment on constraint plan_price_components_usage_type_fkey on app_public.plan_price_components is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';

call core.secure_global_table('app_public.plan_entitlements', 'what the platform sells');
call core.allow('app_public.plan_entitlements', write => 'staff');
create policy select_everyone on app_public.plan_entitlements for select to rowhouse_user
  using (plan_id in (select id from app_public.plans));
grant select on app_public.plan_entitlements to rowhouse_user;
grant insert, update, delete on app_public.plan_entitlements to rowhouse_admin;
grant select, insert, update, delete on app_public.plan_entitlements to rowhouse_platform;
comment on table app_public.plan_entitlements is
  'What a plan gives: features that are on or off, and quotas. Resolved into the tenant''s features and quotas.';
comment on column app_public.plan_entitlements.plan_id is 'The plan.';
comment on column app_public.plan_entitlements.kind is 'feature or quota.';
comment on column app_public.plan_entitlements.key is 'Name of the feature or quota: a lower-case word.';
comment on column app_public.plan_entitlements.is_enabled is 'Whether the feature is on.';
comment on column app_public.plan_entitlements.quota_limit is 'The quota''s limit, at least 0.';
comment on column app_public.plan_entitlements.overage_allowed is 'Whether more than the limit may be used, and is billed.';
comment on column app_public.plan_entitlements.created_at is 'When it was made.';
comment on column app_public.plan_entitlements.updated_at is 'When it last changed.';
comment on constraint plan_entitlements_plan_id_fkey on app_public.plan_entitlements is E'@fieldName plan\n@foreignFieldName entitlements';

comment on type app_public.billing_cycle_enum is 'How long a period is: monthly or annual.';
comment on type app_public.entitlement_kind_enum is 'feature (on or off) or quota (a limit).';

create or replace function billing.tg_plan_prices__keep_history() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op <> 'INSERT' and old.valid_from <= core.clock() then
    -- valid_from of a row that was made for the first moment of an installation may lie anywhere in the past
    perform core.raise_error('LB501', 'A price that is in force cannot be changed or deleted.',
      'Add a price of the same plan, currency and cycle with a later valid_from.');
  end if;
  if tg_op <> 'DELETE' and new.valid_from < core.clock() and exists (
    select from app_public.plan_prices p
     where p.plan_id = new.plan_id and p.currency = new.currency and p.billing_cycle = new.billing_cycle and p.id <> new.id) then
    perform core.raise_error('LB401', 'A new version of a price cannot begin in the past.', 'Give valid_from a later time.');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
comment on function billing.tg_plan_prices__keep_history is
  'LB501: the price is in force; LB401: a later version would begin in the past.';

create or replace function billing.tg_plan_price_components__keep_history() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price_ids uuid[] := case tg_op when 'INSERT' then array[new.price_id] when 'DELETE' then array[old.price_id]
                        else array[old.price_id, new.price_id] end;
begin
  -- a price may be completed until somebody has subscribed to it, and after that it is what they were sold. The lock
  -- makes a subscription that is just being made wait, or us for it
  perform from app_public.plan_prices p where p.id = any (v_price_ids) for update;
  if exists (select from app_public.subscriptions s where s.price_id = any (v_price_ids))
     or exists (select from app_public.invoice_lines l where l.price_id = any (v_price_ids)) then
    perform core.raise_error('LB502', 'The price has subscribers: its components cannot be changed.',
      'Add a price of the same plan, currency and cycle with a later valid_from.');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
comment on function billing.tg_plan_price_components__keep_history is
  'LB502: someone has subscribed to the price.';

create or replace function billing.plan_price_at(plan_id uuid, currency text, billing_cycle app_public.billing_cycle_enum, at timestamptz)
returns app_public.plan_prices
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price app_public.plan_prices;
begin
  select * into v_price from app_public.plan_prices p
   where p.plan_id = plan_price_at.plan_id and p.currency = plan_price_at.currency and p.billing_cycle = plan_price_at.billing_cycle
     and p.valid_from <= plan_price_at.at
   order by p.valid_from desc limit 1;
  if not found then
    perform core.raise_error('LB302', 'The plan has no price in this currency and billing cycle.',
      'plan_prices lists the prices there are.');
  end if;
  return v_price;
end
$$;
comment on function billing.plan_price_at is
  E'@errors LB302\nThe version of a price that is in force at an instant.';

create or replace function billing.plan_by_slug(slug text) returns app_public.plans
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan app_public.plans;
begin
  select * into v_plan from app_public.plans p
   where p.slug = plan_by_slug.slug and (p.is_public or tenancy.is_platform_admin());
  if not found then
    perform core.raise_error('LB301', 'There is no such plan.', 'plans lists those there are; others are arranged with the platform''s staff.');
  end if;
  return v_plan;
end
$$;
comment on function billing.plan_by_slug is
  E'@errors LB301\nA plan that the one who asks may choose: a public one, any for staff.';

create or replace function billing.seed_example_plans() returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan record;
  v_price record;
  v_id uuid;
begin
  for v_plan in
    select * from (values
      ('free', 'Free', 'Example, change it: to try things out.', 'free', 0),
      ('standard', 'Standard', 'Example, change it: for a team.', 'standard', 14),
      ('professional', 'Professional', 'Example, change it: for a company.', 'professional', 14),
      ('enterprise', 'Enterprise', 'Example, change it: for a group of companies.', 'enterprise', 30)
    ) as p (slug, name, description, tier, trial_days)
  loop
    insert into app_public.plans (slug, name, description, tier, trial_days)
    values (v_plan.slug, v_plan.name, v_plan.description, v_plan.tier, v_plan.trial_days)
    on conflict (slug) do nothing
    returning id into v_id;
    -- what is there is somebody's by now
    continue when not found;
    for v_price in
      select * from (values
        ('free', 'monthly', 0, 1000, null), ('free', 'annual', 0, 12000, null),
        ('standard', 'monthly', 49, 100000, 0.0005), ('standard', 'annual', 490, 1200000, 0.0005),
        ('professional', 'monthly', 199, 1000000, 0.0004), ('professional', 'annual', 1990, 12000000, 0.0004),
        ('enterprise', 'monthly', 999, 10000000, 0.0002), ('enterprise', 'annual', 9990, 120000000, 0.0002)
      ) as p (slug, cycle, amount, calls, overage)
      where p.slug = v_plan.slug
    loop
      with price as (
        insert into app_public.plan_prices (plan_id, currency, billing_cycle, amount, valid_from)
        values (v_id, 'USD', v_price.cycle::app_public.billing_cycle_enum, v_price.amount, '2020-01-01Z')
        returning id
      )
      insert into app_public.plan_price_components (price_id, usage_type, model, unit_amount, included_quantity)
      select id, 'api_call', 'per_unit', v_price.overage, v_price.calls from price where v_price.overage is not null;
    end loop;
    insert into app_public.plan_entitlements (plan_id, kind, key, is_enabled, quota_limit, overage_allowed)
    select v_id, e.kind::app_public.entitlement_kind_enum, e.key, e.is_enabled, e.quota_limit, coalesce(e.overage_allowed, false)
      from (values
        ('free', 'quota', 'api_calls', null::boolean, 1000::numeric, false), ('free', 'quota', 'users', null, 3, false),
        ('free', 'quota', 'agents', null, 3, false), ('free', 'feature', 'white_label', false, null, null),
        ('standard', 'quota', 'api_calls', null, 100000, true), ('standard', 'quota', 'users', null, 25, false),
        ('standard', 'quota', 'agents', null, 25, false), ('standard', 'feature', 'white_label', false, null, null),
        ('professional', 'quota', 'api_calls', null, 1000000, true), ('professional', 'quota', 'users', null, 250, false),
        ('professional', 'quota', 'agents', null, 250, false), ('professional', 'feature', 'white_label', true, null, null),
        ('enterprise', 'quota', 'api_calls', null, 10000000, true), ('enterprise', 'quota', 'users', null, 10000, false),
        ('enterprise', 'quota', 'agents', null, 10000, false), ('enterprise', 'feature', 'white_label', true, null, null)
      ) as e (slug, kind, key, is_enabled, quota_limit, overage_allowed)
     where e.slug = v_plan.slug;
  end loop;
end
$$;
comment on function billing.seed_example_plans is
  'Adds the plans free, standard, professional and enterprise with example prices and entitlements, for administrators to change. A plan that is there stays as it is.';

create or replace trigger _200_keep_history before insert or update or delete on app_public.plan_prices
  for each row execute function billing.tg_plan_prices__keep_history();
create or replace trigger _200_keep_history before insert or update or delete on app_public.plan_price_components
  for each row execute function billing.tg_plan_price_components__keep_history();

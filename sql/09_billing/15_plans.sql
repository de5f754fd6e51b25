-- The offer: plans, their prices, the components of a price for usage, and the entitlements of a plan. A price is a version:
-- once it is in force it is never changed, and a new version follows it. Staff edit these tables; the triggers here keep
-- what was already sold.

grant execute on function billing.are_price_tiers to rowhouse_user, rowhouse_platform;
grant execute on function billing.max_unit_amount to rowhouse_user, rowhouse_platform;

comment on type app_public.billing_cycle_enum is 'The length of a billing period: monthly or annual.';
comment on type app_public.entitlement_kind_enum is 'The kind of an entitlement: a feature is on or off, and a quota has a limit.';

call core.secure_global_table('app_public.plans', 'what the platform sells');
call audit.track_global('app_public.plans', null);
call core.allow('app_public.plans', write => 'staff');
-- a tenant also sees its own plan when it is not public, and the plans that are for it alone
create policy select_everyone on app_public.plans for select to rowhouse_user
  using (retired_at is null and (is_public or only_for_tenant_id = (select core.current_tenant_id()))
         or id in (select plan_id from app_public.subscriptions));
grant select on app_public.plans to rowhouse_user;
grant insert, update, delete on app_public.plans to rowhouse_admin;
grant select, insert, update, delete on app_public.plans to rowhouse_platform;
comment on table app_public.plans is
  E'What tenants can subscribe to. Everyone sees the public plans, the plan of their own tenant and the plans that are for it alone. Platform staff edit plans.';
comment on column app_public.plans.slug is 'The key of the plan: lower-case letters, digits and hyphens. It is unique.';
comment on column app_public.plans.name is E'@notPersonal\nThe name to show.';
comment on column app_public.plans.description is 'What the plan is for.';
comment on column app_public.plans.tier is 'The rank of the plan. It becomes the subscription_tier of the tenant, and a change to a higher tier is an upgrade.';
comment on column app_public.plans.trial_days is 'The number of whole days that the first subscription of a tenant is free, from 0 to 365.';
comment on column app_public.plans.is_public is 'Whether every tenant may choose the plan. Only staff can choose a plan that is not public, unless it is for one tenant.';
comment on column app_public.plans.only_for_tenant_id is 'The tenant that the plan is for; null when it is not for one tenant alone. Only this tenant sees it and can choose it.';
comment on column app_public.plans.is_add_on is 'Whether the plan is taken beside another one: an add-on has a price and entitlements, which it adds to those of the plan, and prices no usage. It never changes.';
comment on column app_public.plans.retired_at is 'Since when nobody can choose the plan any more; null while it is on offer. The tenants that have it keep it.';
comment on column app_public.plans.created_at is 'When the row was created.';
comment on column app_public.plans.updated_at is 'When the row was last changed.';
comment on constraint slug_is_a_slug on app_public.plans is 'must consist of lower-case letters, digits and hyphens';
comment on constraint name_is_a_name on app_public.plans is 'must have from 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint trial_days_is_in_range on app_public.plans is 'must be from 0 to 365';
comment on constraint deal_is_not_public on app_public.plans is 'must be left out for a public plan';
comment on constraint add_on_has_no_trial on app_public.plans is 'must be 0 for an add-on';
comment on constraint free_is_no_add_on on app_public.plans is 'must be false for the plan free';
comment on constraint plans_only_for_tenant_id_fkey on app_public.plans is
  E'@fieldName onlyForTenant\n@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint plans_slug_key on app_public.plans is 'is already used by another plan';

call core.secure_global_table('app_public.plan_prices', 'what the platform sells');
call audit.track_global('app_public.plan_prices', null);
call core.allow('app_public.plan_prices', write => 'staff');
create policy select_everyone on app_public.plan_prices for select to rowhouse_user
  using (plan_id in (select id from app_public.plans));
grant select on app_public.plan_prices to rowhouse_user;
grant insert, update, delete on app_public.plan_prices to rowhouse_admin;
grant select, insert, update, delete on app_public.plan_prices to rowhouse_platform;
comment on table app_public.plan_prices is
  E'@behavior -query:resource:connection -query:resource:single\nThe versions of the prices of a plan. For each currency and cycle, the latest version whose valid_from has passed is in force and cannot be changed. A new version applies to each subscription from its next period.';
comment on column app_public.plan_prices.plan_id is 'The plan.';
comment on column app_public.plan_prices.currency is 'The currency as an ISO 4217 code in upper case.';
comment on column app_public.plan_prices.billing_cycle is 'The length of the period that the amount is for.';
comment on column app_public.plan_prices.amount is 'The price of one period in the currency. It is paid in advance and net of tax, from 0 to below 1,000,000,000,000.';
comment on column app_public.plan_prices.committed_amount is 'The least that the usage of one period costs, net of tax; what its charges fall short of it is a line of its own. 0 commits to nothing.';
comment on column app_public.plan_prices.seat_amount is 'The price of one period for each seat beyond the included ones, net of tax; null when the plan has no seats.';
comment on column app_public.plan_prices.included_seats is 'The number of seats that the amount is for, from 1 to 100,000; 1 when the plan has no seats.';
comment on column app_public.plan_prices.valid_from is 'When this version comes into force.';
comment on column app_public.plan_prices.created_at is 'When the row was created.';
comment on constraint currency_is_known on app_public.plan_prices is 'must be a supported ISO 4217 code in upper case';
comment on constraint amount_is_not_negative on app_public.plan_prices is 'must be from 0 to below 1,000,000,000,000';
comment on constraint committed_amount_is_not_negative on app_public.plan_prices is 'must be from 0 to below 1,000,000,000,000';
comment on constraint seat_amount_is_money on app_public.plan_prices is 'must be above 0, beside an amount above 0, and the price of 100,000 seats must be below 1,000,000,000,000';
comment on constraint included_seats_are_of_seats on app_public.plan_prices is 'must be from 1 to 100,000, and 1 without a seat_amount';
comment on constraint valid_from_is_finite on app_public.plan_prices is 'must be a finite time';
comment on constraint plan_prices_plan_id_currency_billing_cycle_valid_from_key on app_public.plan_prices is 'is already used by another version of this price';
comment on constraint plan_prices_plan_id_fkey on app_public.plan_prices is E'@fieldName plan\n@foreignFieldName prices';

call core.secure_global_table('app_public.plan_price_components', 'what the platform sells');
call audit.track_global('app_public.plan_price_components', null);
call core.allow('app_public.plan_price_components', write => 'staff');
create policy select_everyone on app_public.plan_price_components for select to rowhouse_user
  using (price_id in (select id from app_public.plan_prices));
grant select on app_public.plan_price_components to rowhouse_user;
grant insert, update, delete on app_public.plan_price_components to rowhouse_admin;
grant select, insert, update, delete on app_public.plan_price_components to rowhouse_platform;
comment on table app_public.plan_price_components is
  E'@behavior -query:resource:connection -query:resource:single\nThe prices for usage that come on top of the fixed amount of a price, one for each usage type. They come with the price, and they cannot be changed once it is in force or a tenant has subscribed to it.';
comment on column app_public.plan_price_components.price_id is 'The price that the component belongs to.';
comment on column app_public.plan_price_components.usage_type is 'The usage type that is priced.';
comment on column app_public.plan_price_components.model is 'How a quantity is priced.';
comment on column app_public.plan_price_components.unit_amount is 'The price of one unit (per_unit), of one package (package) or of any use (flat), from 0 to 1,000,000,000. With an included quantity this is the price of overage. It is null for tiered and volume.';
comment on column app_public.plan_price_components.package_size is 'The number of units in one package; null for other models.';
comment on column app_public.plan_price_components.tiers is 'For tiered and volume: an array of {"upTo", "unitAmount", "flatAmount"}. upTo rises from tier to tier, and the last tier has none.';
comment on column app_public.plan_price_components.included_quantity is 'The number of units in each period that cost nothing.';
comment on column app_public.plan_price_components.created_at is 'When the row was created.';
comment on constraint unit_amount_belongs_to_the_model on app_public.plan_price_components is 'must be given for flat, per_unit and package, and must be left out for tiered and volume';
comment on constraint unit_amount_is_in_range on app_public.plan_price_components is 'must be from 0 to 1,000,000,000';
comment on constraint package_size_belongs_to_the_model on app_public.plan_price_components is 'must be given for package, and must be left out for the other models';
comment on constraint package_size_is_positive on app_public.plan_price_components is 'must be above 0 and below 1,000,000,000,000';
comment on constraint tiers_belong_to_the_model on app_public.plan_price_components is 'must be given for tiered and volume, and must be left out for the other models';
comment on constraint tiers_are_tiers on app_public.plan_price_components is 'must be 1 to 100 tiers with rising upTo, none in the last tier, and amounts from 0 to 1,000,000,000';
comment on constraint included_quantity_is_not_negative on app_public.plan_price_components is 'must be from 0 to below 1e18';
comment on constraint plan_price_components_price_id_usage_type_key on app_public.plan_price_components is 'is already priced by another component of this price';
comment on constraint plan_price_components_price_id_fkey on app_public.plan_price_components is E'@fieldName price\n@foreignFieldName components';
comment on constraint plan_price_components_usage_type_fkey on app_public.plan_price_components is
  E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';

call core.secure_global_table('app_public.plan_entitlements', 'what the platform sells');
call audit.track_global('app_public.plan_entitlements', null);
call core.allow('app_public.plan_entitlements', write => 'staff');
create policy select_everyone on app_public.plan_entitlements for select to rowhouse_user
  using (plan_id in (select id from app_public.plans));
grant select on app_public.plan_entitlements to rowhouse_user;
grant insert, update, delete on app_public.plan_entitlements to rowhouse_admin;
grant select, insert, update, delete on app_public.plan_entitlements to rowhouse_platform;
comment on table app_public.plan_entitlements is
  E'@behavior -query:resource:connection -query:resource:single\nWhat a plan gives: features that are on or off, and quotas. They hold for each tenant with this plan and, together, for all tenants below it. A change holds at once. The plan with the slug free is the plan of all tenants without a running subscription.';
comment on column app_public.plan_entitlements.plan_id is 'The plan.';
comment on column app_public.plan_entitlements.kind is 'Whether this is a feature or a quota.';
comment on column app_public.plan_entitlements.key is 'The name of the feature or quota in lower case.';
comment on column app_public.plan_entitlements.is_enabled is 'Whether the feature is on; null for a quota.';
comment on column app_public.plan_entitlements.quota_limit is 'The limit of the quota, at least 0; null for a feature.';
comment on column app_public.plan_entitlements.overage_allowed is 'Whether usage beyond the limit is allowed and billed.';
comment on column app_public.plan_entitlements.created_at is 'When the row was created.';
comment on column app_public.plan_entitlements.updated_at is 'When the row was last changed.';
comment on constraint key_is_a_key on app_public.plan_entitlements is 'must begin with a lower-case letter and have at most 63 lower-case letters, digits and underscores';
comment on constraint quota_is_known on app_public.plan_entitlements is 'must be users, agents, documents, storage_gb, api_calls, tokens or cost for a quota';
comment on constraint feature_is_on_or_off on app_public.plan_entitlements is 'must be given for a feature, and must be left out for a quota';
comment on constraint quota_has_a_limit on app_public.plan_entitlements is 'must be given for a quota, and must be left out for a feature';
comment on constraint quota_limit_is_an_amount on app_public.plan_entitlements is 'must be from 0 to 1,000,000,000,000, and a whole number except for cost';
comment on constraint overage_belongs_to_quotas on app_public.plan_entitlements is 'can be set for a quota only';
comment on constraint plan_entitlements_plan_id_kind_key_key on app_public.plan_entitlements is 'is already an entitlement of this plan';
comment on constraint plan_entitlements_plan_id_fkey on app_public.plan_entitlements is E'@fieldName plan\n@foreignFieldName entitlements';

create or replace function billing.tg_plan_prices__keep_history() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op <> 'INSERT' and old.valid_from <= core.clock() then
    perform core.raise_error('LB501', 'A price that is in force cannot be changed or deleted.',
      'Add a price of the same plan, currency and cycle with a later valid_from.');
  end if;
  -- the first version of a price may begin in the past
  if tg_op <> 'DELETE' and new.valid_from < core.clock() and exists (
    select from app_public.plan_prices p
     where p.plan_id = new.plan_id and p.currency = new.currency and p.billing_cycle = new.billing_cycle and p.id <> new.id) then
    perform core.raise_error('LB401', 'A new version of a price cannot begin in the past.', 'Give a valid_from in the future.');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
comment on function billing.tg_plan_prices__keep_history is
  E'@errors LB401 LB501\nKeeps every version of a price that is in force as it is, and refuses a later version that would begin in the past.';

create or replace function billing.tg_plan_price_components__keep_history() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price_ids uuid[] := case tg_op when 'INSERT' then array[new.price_id] when 'DELETE' then array[old.price_id]
                        else array[old.price_id, new.price_id] end;
begin
  -- Components can be edited until the price is in force or sold. The lock orders this change and a subscription that starts at
  -- the same time. A price that comes into force at once gets its components in the transaction that adds it.
  perform from app_public.plan_prices p where p.id = any (v_price_ids) for update;
  if exists (select from app_public.plan_prices p
              where p.id = any (v_price_ids) and p.valid_from <= core.clock() and p.created_at < now())
     or exists (select from app_public.subscriptions s where s.price_id = any (v_price_ids))
     or exists (select from app_public.invoice_lines l where l.price_id = any (v_price_ids)) then
    perform core.raise_error('LB502', 'The components of this price cannot be changed, because the price is in force or has subscribers.',
      'Add a price of the same plan, currency and cycle with a later valid_from.');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
comment on function billing.tg_plan_price_components__keep_history is
  E'@errors LB502\nKeeps the components of a price as they are once it is in force, a tenant has subscribed to it, or an invoice has used it.';

-- Use is priced once, by the base. What a plan is never changes, so no price that exists becomes one of an add-on.
create or replace function billing.tg_plans__keep_kind() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('LB553', 'Whether a plan is an add-on cannot be changed.', 'Retire the plan, and add another one.');
  return null;
end
$$;
comment on function billing.tg_plans__keep_kind is
  E'@errors LB553\nKeeps an add-on an add-on, and any other plan what it is.';

create or replace function billing.refuse_usage_of_add_on(plan_id uuid) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (select from app_public.plans p where p.id = refuse_usage_of_add_on.plan_id and p.is_add_on) then
    perform core.raise_error('LB450', 'An add-on prices no usage, so its price has neither components nor a committed amount.',
      'Price the usage in the plan that the add-on is taken beside.');
  end if;
end
$$;
comment on function billing.refuse_usage_of_add_on is
  E'@errors LB450\nRaises an error when a plan is an add-on: its usage is priced by the base alone.';

create or replace function billing.tg_plan_prices__price_usage_once() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.refuse_usage_of_add_on(new.plan_id);
  return null;
end
$$;
comment on function billing.tg_plan_prices__price_usage_once is
  E'@errors LB450\nRefuses a committed amount in the price of an add-on.';

create or replace function billing.tg_plan_price_components__price_usage_once() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.refuse_usage_of_add_on(p.plan_id) from app_public.plan_prices p where p.id = new.price_id;
  return null;
end
$$;
comment on function billing.tg_plan_price_components__price_usage_once is
  E'@errors LB450\nRefuses a price for usage in the price of an add-on.';

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
      'Choose one of the prices of the plan.');
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
   where p.slug = plan_by_slug.slug
     and case when p.only_for_tenant_id is null then p.is_public or tenancy.is_platform_admin()
           else p.only_for_tenant_id = core.current_tenant_id() end
     -- whoever has a retired plan can still change its cycle, or undo a change
     and (p.retired_at is null or exists (
       select from app_public.subscriptions s
        where s.tenant_id = core.current_tenant_id() and s.plan_id = p.id and s.ended_at is null));
  if not found then
    perform core.raise_error('LB301', 'There is no such plan.', 'Choose one of the public plans, or ask platform staff for another plan.');
  end if;
  return v_plan;
end
$$;
comment on function billing.plan_by_slug is
  E'@errors LB301\nThe plan with this slug, if the caller may choose it: everyone may choose a public plan, a tenant the plans that are for it alone, and staff any other plan. A retired plan is only for the tenant that has it.';

create or replace function billing.seed_example_prices(plan_id uuid, plan_slug text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price record;
  v_price_id uuid;
begin
  for v_price in
    select * from (values
      ('free', 'monthly', 0, 1000, null), ('free', 'annual', 0, 12000, null),
      ('standard', 'monthly', 49, 100000, 0.0005), ('standard', 'annual', 490, 1200000, 0.0005),
      ('professional', 'monthly', 199, 1000000, 0.0004), ('professional', 'annual', 1990, 12000000, 0.0004),
      ('enterprise', 'monthly', 999, 10000000, 0.0002), ('enterprise', 'annual', 9990, 120000000, 0.0002)
    ) as p (slug, cycle, amount, calls, overage)
    where p.slug = seed_example_prices.plan_slug
  loop
    insert into app_public.plan_prices (plan_id, currency, billing_cycle, amount, valid_from)
    values (seed_example_prices.plan_id, 'USD', v_price.cycle::app_public.billing_cycle_enum, v_price.amount, '2020-01-01Z')
    returning id into v_price_id;
    if v_price.overage is not null then
      insert into app_public.plan_price_components (price_id, usage_type, model, unit_amount, included_quantity)
      values (v_price_id, 'api_call', 'per_unit', v_price.overage, v_price.calls);
    end if;
  end loop;
end
$$;
comment on function billing.seed_example_prices is
  'Adds the example prices of one example plan.';

create or replace function billing.seed_example_entitlements(plan_id uuid, plan_slug text) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  insert into app_public.plan_entitlements (plan_id, kind, key, is_enabled, quota_limit, overage_allowed)
  select seed_example_entitlements.plan_id, e.kind::app_public.entitlement_kind_enum, e.key, e.is_enabled, e.quota_limit, e.overage_allowed
    from (values
      ('free', 'quota', 'api_calls', null::boolean, 1000::numeric, false),
      ('free', 'quota', 'users', null, 3, false),
      ('free', 'quota', 'agents', null, 3, false),
      ('free', 'feature', 'white_label', false, null, false),
      ('standard', 'quota', 'api_calls', null, 100000, true),
      ('standard', 'quota', 'users', null, 25, false),
      ('standard', 'quota', 'agents', null, 25, false),
      ('standard', 'feature', 'white_label', false, null, false),
      ('professional', 'quota', 'api_calls', null, 1000000, true),
      ('professional', 'quota', 'users', null, 250, false),
      ('professional', 'quota', 'agents', null, 250, false),
      ('professional', 'feature', 'white_label', true, null, false),
      ('enterprise', 'quota', 'api_calls', null, 10000000, true),
      ('enterprise', 'quota', 'users', null, 10000, false),
      ('enterprise', 'quota', 'agents', null, 10000, false),
      ('enterprise', 'feature', 'white_label', true, null, false)
    ) as e (slug, kind, key, is_enabled, quota_limit, overage_allowed)
   where e.slug = seed_example_entitlements.plan_slug;
$$;
comment on function billing.seed_example_entitlements is
  'Adds the example entitlements of one example plan.';

create or replace function billing.seed_example_plans() returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan record;
  v_id uuid;
begin
  for v_plan in
    select * from (values
      ('free', 'Free', 'This is an example for trying things out. Change it.', 'free', 0),
      ('standard', 'Standard', 'This is an example for a team. Change it.', 'standard', 14),
      ('professional', 'Professional', 'This is an example for a company. Change it.', 'professional', 14),
      ('enterprise', 'Enterprise', 'This is an example for a group of companies. Change it.', 'enterprise', 30)
    ) as p (slug, name, description, tier, trial_days)
  loop
    insert into app_public.plans (slug, name, description, tier, trial_days)
    values (v_plan.slug, v_plan.name, v_plan.description, v_plan.tier, v_plan.trial_days)
    on conflict (slug) do nothing
    returning id into v_id;
    -- a plan that exists already may have been edited
    continue when not found;
    perform billing.seed_example_prices(v_id, v_plan.slug);
    perform billing.seed_example_entitlements(v_id, v_plan.slug);
  end loop;
end
$$;
comment on function billing.seed_example_plans is
  'Adds the plans free, standard, professional and enterprise with example prices and entitlements, which administrators should change. A plan that exists already is left as it is.';

create or replace trigger _200_keep_kind before update on app_public.plans
  for each row when (new.is_add_on <> old.is_add_on) execute function billing.tg_plans__keep_kind();
create or replace trigger _300_price_usage_once after insert or update on app_public.plan_prices
  for each row when (new.committed_amount > 0) execute function billing.tg_plan_prices__price_usage_once();
create or replace trigger _300_price_usage_once after insert or update on app_public.plan_price_components
  for each row execute function billing.tg_plan_price_components__price_usage_once();
create or replace trigger _200_keep_history before insert or update or delete on app_public.plan_prices
  for each row execute function billing.tg_plan_prices__keep_history();
create or replace trigger _200_keep_history before insert or update or delete on app_public.plan_price_components
  for each row execute function billing.tg_plan_price_components__keep_history();

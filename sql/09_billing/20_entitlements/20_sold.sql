-- What was sold to a tenant: the plan of its running subscription with its seats and add-ons, or else the plan free, and over all
-- of it the overrides of the tenant. The seats are the limit of users of the plan, the limits of add-ons are added to those of the
-- plan, and a feature is on when one of them has it.
-- Only a tenant at the top of a hierarchy has a plan, and it holds for all tenants below it together.

set local role rowhouse_platform;  -- outside the wall: a tenant shows what was sold to the tenants above it; a plan is sold to many
create or replace function billing.entitled_plan_ids(tenant_id uuid) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan_ids uuid[];
  v_has_base boolean;
begin
  select array_agg(s.plan_id order by s.is_add_on, p.slug), bool_or(not s.is_add_on) into v_plan_ids, v_has_base
    from app_public.subscriptions s join app_public.plans p on p.id = s.plan_id
   where s.tenant_id = entitled_plan_ids.tenant_id and s.status in ('trialing', 'active', 'past_due');
  if v_has_base then
    return v_plan_ids;
  end if;
  -- an add-on gives nothing without its base
  return array(
    select p.id
      from app_public.tenants t, app_public.plans p
     where t.id = entitled_plan_ids.tenant_id and t.parent_tenant_id is null and t.type <> 'platform' and p.slug = 'free');
end
$$;
comment on function billing.entitled_plan_ids is
  'The plans that were sold to a tenant: first the plan of its running subscription, then its running add-ons; or else the plan free, if it exists. The platform has no plan, and a tenant below another one has none of its own.';
grant execute on function billing.entitled_plan_ids to rowhouse_owner;

create or replace function billing.plan_entitlements_of(tenant_id uuid)
returns table (place bigint, name text, kind app_public.entitlement_kind_enum, key text, is_enabled boolean, quota_limit numeric, overage_allowed boolean)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  with seats as (
    select p.name, s.seats
      from app_public.subscriptions s join app_public.plans p on p.id = s.plan_id
     where s.tenant_id = plan_entitlements_of.tenant_id and s.seats is not null and s.status in ('trialing', 'active', 'past_due')
  )
  select 1, seats.name || ' with ' || seats.seats || ' seats', 'quota', 'users', null, seats.seats, false from seats
  union all
  select sold.place, plan.name, p.kind, p.key, p.is_enabled, p.quota_limit, p.overage_allowed
    from unnest(billing.entitled_plan_ids(plan_entitlements_of.tenant_id)) with ordinality as sold (plan_id, place)
    join app_public.plan_entitlements p on p.plan_id = sold.plan_id
    join app_public.plans plan on plan.id = p.plan_id
   -- a plan that is sold by seats has no other limit of users
   where sold.place > 1 or p.kind <> 'quota' or p.key <> 'users' or not exists (select from seats);
$$;
comment on function billing.plan_entitlements_of is
  'What each plan that was sold to a tenant gives, the base in the first place and its add-ons after it; the seats of the base are its limit of users.';
grant execute on function billing.plan_entitlements_of to rowhouse_owner;

create or replace function billing.sold_entitlements(tenant_id uuid) returns setof app_public.entitlement
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select distinct on (e.kind, e.key) e.kind, e.key, e.is_enabled, e.quota_limit, e.overage_allowed,
           e.source::app_public.entitlement_source, e.reason
      from (
        select o.kind, o.key, o.is_enabled, o.quota_limit, o.overage_allowed, 'override' as source, o.reason, 1 as rank
          from app_public.tenant_entitlement_overrides o where o.tenant_id = sold_entitlements.tenant_id
        union all
        select p.kind, p.key, bool_or(p.is_enabled), sum(p.quota_limit),
               -- the base prices the usage, so it says whether there may be more than the limit
               bool_or(p.overage_allowed and p.place = 1), 'plan', string_agg(p.name, ' + ' order by p.place), 2
          from billing.plan_entitlements_of(sold_entitlements.tenant_id) p
         group by p.kind, p.key
        -- what the base does not limit, an add-on does not limit either
        having p.kind = 'feature' or min(p.place) = 1
      ) as e
     order by e.kind, e.key, e.rank;
end
$$;
comment on function billing.sold_entitlements is
  'What was sold to a tenant itself, each entitlement with its source: an override, if there is one, or else the plan with its seats and add-ons.';
grant execute on function billing.sold_entitlements to rowhouse_owner;

create or replace function billing.tenants_of_plan(plan_id uuid, is_free boolean) returns setof uuid
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select s.tenant_id from app_public.subscriptions s
     where s.plan_id = tenants_of_plan.plan_id and s.status in ('trialing', 'active', 'past_due')
    union
    select t.id from app_public.tenants t
     where tenants_of_plan.is_free and t.parent_tenant_id is null and t.type <> 'platform'
       and not exists (select from app_public.subscriptions s
                        where s.tenant_id = t.id and not s.is_add_on and s.status in ('trialing', 'active', 'past_due'))
     order by 1;
end
$$;
comment on function billing.tenants_of_plan is
  'The tenants to which a plan was sold. The plan free is also the plan of all tenants without a running subscription.';
grant execute on function billing.tenants_of_plan to rowhouse_owner;

set local role rowhouse_owner;

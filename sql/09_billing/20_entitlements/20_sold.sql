-- What was sold to a tenant: the plan of its running subscription and its seats, or else the plan free, with the overrides of the
-- tenant.
-- Only a tenant at the top of a hierarchy has a plan, and it holds for all tenants below it together.

create or replace function billing.bytes_per_gb() returns numeric
  language sql immutable parallel safe
  return 1073741824;
comment on function billing.bytes_per_gb is
  'Plans and overrides limit storage in units of so many bytes.';
grant execute on function billing.bytes_per_gb to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: a tenant shows what was sold to the tenants above it; a plan is sold to many
create or replace function billing.entitled_plan_id(tenant_id uuid) returns uuid
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan_id uuid;
begin
  select s.plan_id into v_plan_id from app_public.subscriptions s
   where s.tenant_id = entitled_plan_id.tenant_id and s.status in ('trialing', 'active', 'past_due');
  if not found then
    select p.id into v_plan_id
      from app_public.tenants t, app_public.plans p
     where t.id = entitled_plan_id.tenant_id and t.parent_tenant_id is null and t.type <> 'platform' and p.slug = 'free';
  end if;
  return v_plan_id;
end
$$;
comment on function billing.entitled_plan_id is
  'The plan that was sold to a tenant: the plan of its running subscription or else the plan free, if it exists. The platform has no plan, and a tenant below another one has none of its own.';
grant execute on function billing.entitled_plan_id to rowhouse_owner;

create or replace function billing.sold_entitlements(tenant_id uuid) returns setof app_public.entitlement
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan_id uuid := billing.entitled_plan_id(sold_entitlements.tenant_id);
begin
  return query
    select distinct on (e.kind, e.key) e.kind, e.key, e.is_enabled, e.quota_limit, e.overage_allowed,
           e.source::app_public.entitlement_source, e.reason
      from (
        select o.kind, o.key, o.is_enabled, o.quota_limit, o.overage_allowed, 'override' as source, o.reason, 1 as rank
          from app_public.tenant_entitlement_overrides o where o.tenant_id = sold_entitlements.tenant_id
        union all
        select 'quota', 'users', null, s.seats, false, 'plan', 'The seats of the subscription.', 2
          from app_public.subscriptions s
         where s.tenant_id = sold_entitlements.tenant_id and s.seats is not null and s.status in ('trialing', 'active', 'past_due')
        union all
        select p.kind, p.key, p.is_enabled, p.quota_limit, p.overage_allowed, 'plan', plan.name, 3
          from app_public.plan_entitlements p join app_public.plans plan on plan.id = p.plan_id where p.plan_id = v_plan_id
      ) as e
     order by e.kind, e.key, e.rank;
end
$$;
comment on function billing.sold_entitlements is
  'What was sold to a tenant itself, each entitlement with its source: an override, if there is one, or else the plan; seats decide the number of users.';
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
       and not exists (select from app_public.subscriptions s where s.tenant_id = t.id and s.status in ('trialing', 'active', 'past_due'))
     order by 1;
end
$$;
comment on function billing.tenants_of_plan is
  'The tenants to which a plan was sold. The plan free is also the plan of all tenants without a running subscription.';
grant execute on function billing.tenants_of_plan to rowhouse_owner;

set local role rowhouse_owner;

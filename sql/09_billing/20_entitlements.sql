-- Entitlements: the features and quotas of a tenant. What was sold is an override of the tenant or else its plan. It is written
-- to tenants.plan_features and, as quotas of the source plan, to app_public.usage_quotas; there it is one source among others,
-- and what metering and tenancy derive from all of them is both enforced and shown. Whatever changes what was sold writes it
-- again: a plan, a subscription, an override, the place of a tenant in the hierarchy.

call core.secure_tenant_table('app_public.tenant_entitlement_overrides');
call core.allow('app_public.tenant_entitlement_overrides', read => 'viewer');
grant select on app_public.tenant_entitlement_overrides to rowhouse_user;
grant select on app_public.tenant_entitlement_overrides to rowhouse_platform;
comment on table app_public.tenant_entitlement_overrides is
  E'@behavior -insert -update -delete -query:resource:single\nFeatures and quotas that this tenant has instead of those of its plan. Platform staff set them with override_entitlement.';
comment on column app_public.tenant_entitlement_overrides.kind is 'Whether this is a feature or a quota.';
comment on column app_public.tenant_entitlement_overrides.key is 'The name of the feature or quota.';
comment on column app_public.tenant_entitlement_overrides.is_enabled is 'Whether the feature is on; null for a quota.';
comment on column app_public.tenant_entitlement_overrides.quota_limit is 'The limit of the quota, at least 0; null for a feature.';
comment on column app_public.tenant_entitlement_overrides.overage_allowed is 'Whether usage beyond the limit is allowed and billed.';
comment on column app_public.tenant_entitlement_overrides.reason is 'Why the override exists, at most 1,000 characters.';
comment on column app_public.tenant_entitlement_overrides.created_at is 'When the row was created.';
comment on column app_public.tenant_entitlement_overrides.updated_at is 'When the row was last changed.';
comment on constraint key_is_a_key on app_public.tenant_entitlement_overrides is
  'must begin with a lower-case letter and have at most 63 lower-case letters, digits and underscores';
comment on constraint quota_is_known on app_public.tenant_entitlement_overrides is
  'must be users, agents, documents, storage_gb, api_calls, tokens or cost for a quota';
comment on constraint feature_is_on_or_off on app_public.tenant_entitlement_overrides is
  'must be given for a feature, and must be left out for a quota';
comment on constraint quota_has_a_limit on app_public.tenant_entitlement_overrides is
  'must be given for a quota, and must be left out for a feature';
comment on constraint quota_limit_is_an_amount on app_public.tenant_entitlement_overrides is
  'must be from 0 to 1,000,000,000,000, and a whole number except for cost';
comment on constraint overage_belongs_to_quotas on app_public.tenant_entitlement_overrides is 'can be set for a quota only';
comment on constraint reason_is_short on app_public.tenant_entitlement_overrides is 'must have at most 1,000 characters';

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
        select p.kind, p.key, p.is_enabled, p.quota_limit, p.overage_allowed, 'plan', plan.name, 2
          from app_public.plan_entitlements p join app_public.plans plan on plan.id = p.plan_id where p.plan_id = v_plan_id
      ) as e
     order by e.kind, e.key, e.rank;
end
$$;
comment on function billing.sold_entitlements is
  'What was sold to a tenant itself, each entitlement with its source: an override, if there is one, or else the plan.';
grant execute on function billing.sold_entitlements to rowhouse_owner;

create or replace function billing.feature_entitlements(tenant_id uuid) returns setof app_public.entitlement
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select distinct on (k.key) 'feature'::app_public.entitlement_kind_enum, k.key,
           tenancy.granted_feature(feature_entitlements.tenant_id, k.key), null::numeric, false,
           case when a.features ? k.key then 'override' else s.source end::app_public.entitlement_source,
           case when a.features ? k.key then 'Platform staff have set it.' else s.reason end
      from unnest((select t.ancestor_ids || t.id from app_public.tenants t where t.id = feature_entitlements.tenant_id))
             with ordinality as above (id, n)
      join app_public.tenants a on a.id = above.id
     cross join lateral jsonb_object_keys(a.plan_features || a.features) as k (key)
      left join lateral billing.sold_entitlements(a.id) s on s.kind = 'feature' and s.key = k.key
     order by k.key, above.n desc;
end
$$;
comment on function billing.feature_entitlements is
  'The features that were decided for a tenant or for a tenant above it, by its plan or by platform staff.';

create or replace function billing.quota_entitlements(tenant_id uuid) returns setof app_public.entitlement
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select distinct on (q.quota_type) 'quota'::app_public.entitlement_kind_enum, q.key, null::boolean,
           trim_scale(r.quota_limit / case q.key when 'storage_gb' then billing.bytes_per_gb() else 1 end), r.overage_allowed,
           case r.source when 'plan' then s.source else 'override' end::app_public.entitlement_source,
           case r.source when 'plan' then s.reason else 'Platform staff have set it.' end
      from (values ('users', 'users'), ('agents', 'agents'), ('documents', 'documents'), ('storage', 'storage_gb'),
                   ('api_calls', 'api_calls'), ('tokens', 'tokens'), ('cost', 'cost')) as q (quota_type, key)
     cross join lateral metering.quotas_in_force(
             metering.quota_chain(quota_entitlements.tenant_id), quota_entitlements.tenant_id, q.quota_type, null, null, null) r
      left join lateral billing.sold_entitlements(r.owner_id) s on s.kind = 'quota' and s.key = q.key
     -- What a tenant has set itself was not sold to it, and a limit for a day does not replace the one that was sold.
     where r.source <> 'own' and r.period in ('none', 'billing')
     order by q.quota_type, r.quota_limit;
end
$$;
comment on function billing.quota_entitlements is
  'The quotas of a tenant that were sold to it or to a tenant above it, or that platform staff have set: of each type the strictest, as metering enforces it.';

create or replace function billing.entitlements_of(tenant_id uuid) returns setof app_public.entitlement
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from billing.feature_entitlements(entitlements_of.tenant_id)
  union all
  select * from billing.quota_entitlements(entitlements_of.tenant_id)
  order by 1, 2;
$$;
comment on function billing.entitlements_of is
  'The features and quotas that hold for a tenant, each with its source.';
grant execute on function billing.entitlements_of to rowhouse_owner;

create or replace function billing.show_plan(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.tenants t
     set subscription_tier = payer.subscription_tier, subscription_status = payer.subscription_status
    from app_public.tenants payer
   where payer.id = t.ancestor_ids[1] and (t.id = show_plan.tenant_id or t.ancestor_ids @> array[show_plan.tenant_id])
     and (t.subscription_tier <> payer.subscription_tier or t.subscription_status <> payer.subscription_status);
end
$$;
comment on function billing.show_plan is
  'Shows the tier and the status of the subscription that pays for a tenant in the tenant and in all below it.';
grant execute on function billing.show_plan to rowhouse_owner;

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
create or replace function billing.apply_plan_quotas(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_limit record;
  v_kept uuid[] := '{}';
  v_id uuid;
begin
  for v_limit in
    select case e.key when 'storage_gb' then 'storage' else e.key end as quota_type,
           e.quota_limit * case e.key when 'storage_gb' then billing.bytes_per_gb() else 1 end as quota_limit,
           case when e.key in ('api_calls', 'tokens', 'cost') then 'billing' else 'none' end as period, e.overage_allowed
      from billing.sold_entitlements(apply_plan_quotas.tenant_id) e
     where e.kind = 'quota'
     order by 1
  loop
    insert into app_public.usage_quotas as q (tenant_id, quota_type, period, quota_limit, is_hard_limit, overage_allowed, source)
    values (apply_plan_quotas.tenant_id, v_limit.quota_type, v_limit.period, v_limit.quota_limit, not v_limit.overage_allowed,
            v_limit.overage_allowed, 'plan')
    on conflict (tenant_id, quota_type, quota_scope, scope_id, period, applies_to_subtree, is_hard_limit, source) do update
       set quota_limit = excluded.quota_limit, overage_allowed = excluded.overage_allowed
    returning q.id into v_id;
    v_kept := v_kept || v_id;
  end loop;
  delete from app_public.usage_quotas q
   where q.tenant_id = apply_plan_quotas.tenant_id and q.source = 'plan' and q.id <> all (v_kept);
end
$$;
comment on function billing.apply_plan_quotas is
  'Writes the quotas that were sold to a tenant to app_public.usage_quotas, where they are enforced for the tenant and all below it. Quotas of an earlier plan are deleted.';

create or replace function billing.apply_subscription(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.subscriptions;
begin
  -- the live subscription, or else the one that ended last
  select * into v_subscription from app_public.subscriptions s
   where s.tenant_id = apply_subscription.tenant_id
   order by s.ended_at desc nulls first, s.created_at desc limit 1;
  if not found then
    return;
  end if;
  update app_public.tenants t
     set subscription_status = case v_subscription.status
           when 'trialing' then 'trial' when 'active' then 'active' when 'past_due' then 'active' when 'paused' then 'suspended'
           when 'cancelled' then 'cancelled' when 'expired' then 'inactive' end,
         trial_ends_at = v_subscription.trial_ends_at,
         -- quotas count their billing periods from this day, so it is the day that the subscription counts its periods from
         subscription_started_at = case when v_subscription.status = 'trialing' then v_subscription.started_at
           else v_subscription.anchor_on::timestamp at time zone v_subscription.timezone end,
         subscription_timezone = v_subscription.timezone,
         subscription_ends_at = coalesce(v_subscription.ended_at,
           case when v_subscription.cancel_at_period_end then v_subscription.current_period_end end),
         billing_cycle = v_subscription.billing_cycle::text,
         next_billing_date = case when v_subscription.status in ('trialing', 'active', 'past_due') and not v_subscription.cancel_at_period_end
           then v_subscription.current_period_end end
   where t.id = apply_subscription.tenant_id;
end
$$;
comment on function billing.apply_subscription is
  'Writes the state of the subscription of a tenant to the row of the tenant. A tenant that never had one is left as it is.';

create or replace function billing.lock_entitlements(tenant_id uuid) returns uuid
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan_id uuid;
begin
  loop
    v_plan_id := billing.entitled_plan_id(lock_entitlements.tenant_id);
    -- A change of the plan waits for this lock, so that it finds this tenant among those to which the plan was sold.
    perform from app_public.plans p where p.id = v_plan_id for key share;
    perform from app_public.tenants t where t.id = lock_entitlements.tenant_id for no key update;
    -- The plan may have become another one while this session waited.
    exit when v_plan_id is not distinct from billing.entitled_plan_id(lock_entitlements.tenant_id);
  end loop;
  return v_plan_id;
end
$$;
comment on function billing.lock_entitlements is
  'Locks the plan that was sold to a tenant and the tenant, so that two changes of its entitlements at once see each other. Returns the plan.';

create or replace function billing.apply_entitlements(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan_id uuid := billing.lock_entitlements(apply_entitlements.tenant_id);
  v_features jsonb;
  v_tier text;
begin
  perform billing.apply_plan_quotas(apply_entitlements.tenant_id);
  perform billing.apply_subscription(apply_entitlements.tenant_id);
  select coalesce(jsonb_object_agg(e.key, e.is_enabled), '{}') into v_features
    from billing.sold_entitlements(apply_entitlements.tenant_id) e where e.kind = 'feature';
  select p.tier into v_tier from app_public.plans p where p.id = v_plan_id;
  update app_public.tenants t
     set plan_features = v_features, subscription_tier = coalesce(v_tier, t.subscription_tier)
   where t.id = apply_entitlements.tenant_id and (t.plan_features <> v_features or t.subscription_tier <> v_tier);
  perform billing.show_plan(apply_entitlements.tenant_id);
end
$$;
comment on function billing.apply_entitlements is
  'Writes what was sold to a tenant and the state of its subscription to the places where other code reads them.';

create or replace function billing.refresh_entitlements(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context text := coalesce(current_setting('rowhouse.tenant_id', true), '');
begin
  -- A superuser may write without a tenant in the context, and staff edit a plan of other tenants. The context is restored.
  call core.enter_tenant(refresh_entitlements.tenant_id);
  perform billing.apply_entitlements(refresh_entitlements.tenant_id);
  perform set_config('rowhouse.tenant_id', v_context, true);
end
$$;
comment on function billing.refresh_entitlements is
  'Applies the entitlements of a tenant again, from within whatever tenant.';

create or replace function billing.tg__refresh_entitlements() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := case tg_op when 'DELETE' then old.tenant_id else new.tenant_id end;
begin
  -- A tenant that is being deleted has no entitlements.
  if exists (select from app_public.tenants t where t.id = v_tenant_id) then
    perform billing.refresh_entitlements(v_tenant_id);
  end if;
  return null;
end
$$;
comment on function billing.tg__refresh_entitlements is
  'Applies the entitlements of the tenant again after a change of its subscription or its overrides.';

create or replace function billing.tg_tenants__refresh_entitlements() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.refresh_entitlements(new.id);
  return null;
end
$$;
comment on function billing.tg_tenants__refresh_entitlements is
  'Applies the entitlements of a new tenant, and of one that gets another parent: below a parent it has no plan of its own.';

create or replace function billing.refresh_plan(plan_id uuid, is_free boolean) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
begin
  -- This waits for subscriptions to the plan that are not committed yet, so that none keeps what the plan gave before.
  perform from app_public.plans p where p.id = refresh_plan.plan_id for update;
  for v_tenant_id in select * from billing.tenants_of_plan(refresh_plan.plan_id, refresh_plan.is_free) loop
    perform billing.refresh_entitlements(v_tenant_id);
  end loop;
end
$$;
comment on function billing.refresh_plan is
  'Applies the entitlements of all tenants to which a plan was sold again.';

create or replace function billing.tg_plans__refresh_entitlements() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.refresh_plan(case tg_op when 'DELETE' then old.id else new.id end,
    tg_op <> 'INSERT' and old.slug = 'free' or tg_op <> 'DELETE' and new.slug = 'free');
  return null;
end
$$;
comment on function billing.tg_plans__refresh_entitlements is
  'Applies the entitlements again when the plan free comes or goes, or the tier of a plan changes.';

create or replace function billing.tg_plan_entitlements__refresh() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.refresh_plan(p.id, p.slug = 'free')
     from app_public.plans p
    where p.id in (select c.plan_id from changed_rows c)
    order by p.id;
  return null;
end
$$;
comment on function billing.tg_plan_entitlements__refresh is
  'Applies the entitlements of all tenants with a plan again when what the plan gives changes.';

create or replace function app_public.entitlements() returns setof app_public.entitlement
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from billing.entitlements_of(core.current_tenant_id()) where tenancy.has_role('viewer');
$$;
comment on function app_public.entitlements is
  'The features and quotas that hold for this tenant, each with its source (the plan or an override) and a reason. A tenant below another one has those of the tenant at the top, which pays for it, and those that platform staff have set for it. All members may read it.';
grant execute on function app_public.entitlements to rowhouse_user;

create or replace function app_public.override_entitlement(
  kind app_public.entitlement_kind_enum, key text, is_enabled boolean default null, quota_limit numeric default null,
  overage_allowed boolean default false, reason text default null
) returns app_public.tenant_entitlement_overrides
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_override app_public.tenant_entitlement_overrides;
begin
  perform tenancy.require_staff();
  if override_entitlement.kind = 'feature' and override_entitlement.is_enabled is null
     or override_entitlement.kind = 'quota' and override_entitlement.quota_limit is null then
    perform core.raise_error('LB403', 'The value of the entitlement is missing.', 'Give is_enabled for a feature and quota_limit for a quota.');
  end if;
  insert into app_public.tenant_entitlement_overrides as o (tenant_id, kind, key, is_enabled, quota_limit, overage_allowed, reason)
  values (core.current_tenant_id(), override_entitlement.kind, override_entitlement.key, override_entitlement.is_enabled,
          override_entitlement.quota_limit, coalesce(override_entitlement.overage_allowed, false), override_entitlement.reason)
  on conflict on constraint tenant_entitlement_overrides_tenant_id_kind_key_key do update
    set is_enabled = excluded.is_enabled, quota_limit = excluded.quota_limit,
        overage_allowed = excluded.overage_allowed, reason = excluded.reason
  returning * into v_override;
  return v_override;
end
$$;
comment on function app_public.override_entitlement is
  E'@resultFieldName override\n@errors LB403 TN205 23514\nGives this tenant a feature (is_enabled) or quota (quota_limit) that differs from its plan. A second call changes the override, and remove_entitlement_override removes it. Only platform staff may call it.';
grant execute on function app_public.override_entitlement to rowhouse_user;

create or replace function app_public.remove_entitlement_override(kind app_public.entitlement_kind_enum, key text)
returns app_public.tenant_entitlement_overrides
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_override app_public.tenant_entitlement_overrides;
begin
  perform tenancy.require_staff();
  delete from app_public.tenant_entitlement_overrides o
   where o.tenant_id = core.current_tenant_id() and o.kind = remove_entitlement_override.kind and o.key = remove_entitlement_override.key
  returning * into v_override;
  if not found then
    perform core.raise_error('LB308', 'This tenant has no such override.', 'Choose one of the overrides of the tenant.');
  end if;
  return v_override;
end
$$;
comment on function app_public.remove_entitlement_override is
  E'@resultFieldName override\n@errors TN205 LB308\nRemoves an override, so the plan decides again. Only platform staff may call it.';
grant execute on function app_public.remove_entitlement_override to rowhouse_user;

create or replace trigger _500_refresh_entitlements after insert or update on app_public.subscriptions
  for each row execute function billing.tg__refresh_entitlements();
create or replace trigger _500_refresh_entitlements after insert or update or delete on app_public.tenant_entitlement_overrides
  for each row execute function billing.tg__refresh_entitlements();
create or replace trigger _620_refresh_entitlements after insert or update of parent_tenant_id on app_public.tenants
  for each row execute function billing.tg_tenants__refresh_entitlements();
create or replace trigger _500_refresh_entitlements after insert or delete or update of slug, tier on app_public.plans
  for each row execute function billing.tg_plans__refresh_entitlements();
create or replace trigger _500_refresh_added after insert on app_public.plan_entitlements
  referencing new table as changed_rows for each statement execute function billing.tg_plan_entitlements__refresh();
create or replace trigger _500_refresh_removed after delete on app_public.plan_entitlements
  referencing old table as changed_rows for each statement execute function billing.tg_plan_entitlements__refresh();
-- A row may go to another plan, so both plans are looked at.
create or replace trigger _500_refresh_changed after update on app_public.plan_entitlements
  referencing new table as changed_rows for each statement execute function billing.tg_plan_entitlements__refresh();
create or replace trigger _501_refresh_former after update on app_public.plan_entitlements
  referencing old table as changed_rows for each statement execute function billing.tg_plan_entitlements__refresh();

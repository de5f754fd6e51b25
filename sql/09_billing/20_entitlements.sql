-- Entitlements: the features and quotas of a tenant. An override of the tenant takes precedence over its plan. The result is
-- written to tenants.features and tenants.quotas and to app_public.usage_quotas, where all other code reads it.

call core.secure_tenant_table('app_public.tenant_entitlement_overrides');
call core.allow('app_public.tenant_entitlement_overrides', read => 'viewer');
grant select on app_public.tenant_entitlement_overrides to rowhouse_user;
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
    select p.id into v_plan_id from app_public.plans p where p.slug = 'free';
  end if;
  return v_plan_id;
end
$$;
comment on function billing.entitled_plan_id is
  'The plan that decides the entitlements of a tenant: the plan of its running subscription, or the plan free when there is no subscription or it is paused.';

create or replace function billing.entitlements_of(tenant_id uuid) returns setof app_public.entitlement
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_plan_id uuid := billing.entitled_plan_id(entitlements_of.tenant_id);
begin
  return query
    select distinct on (e.kind, e.key) e.kind, e.key, e.is_enabled, e.quota_limit, e.overage_allowed,
           e.source::app_public.entitlement_source, e.reason
      from (
        select o.kind, o.key, o.is_enabled, o.quota_limit, o.overage_allowed, 'override' as source, o.reason, 1 as rank
          from app_public.tenant_entitlement_overrides o where o.tenant_id = entitlements_of.tenant_id
        union all
        select p.kind, p.key, p.is_enabled, p.quota_limit, p.overage_allowed, 'plan', plan.name, 2
          from app_public.plan_entitlements p join app_public.plans plan on plan.id = p.plan_id where p.plan_id = v_plan_id
      ) as e
     order by e.kind, e.key, e.rank;
end
$$;
comment on function billing.entitlements_of is
  'The entitlements of a tenant, each with its source: an override, if there is one, or else the plan.';

create or replace function billing.short_limits(tenant_id uuid, out features jsonb, out quotas jsonb)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(e.key, e.is_enabled) filter (where e.kind = 'feature'), '{}'),
         coalesce(jsonb_object_agg(k.limit_key, e.quota_limit) filter (where k.limit_key is not null and not e.overage_allowed), '{}')
    from billing.entitlements_of(short_limits.tenant_id) e
    left join (values ('users', 'max_users'), ('agents', 'max_agents'), ('documents', 'max_documents'),
                      ('storage_gb', 'max_storage_gb'), ('api_calls', 'max_api_calls_per_month')) as k (key, limit_key)
      on e.kind = 'quota' and k.key = e.key;
$$;
comment on function billing.short_limits is
  'The entitlements of a tenant in the form of tenants.features and tenants.quotas. Quotas with overage, tokens and cost have no place in tenants.quotas; billing.apply_plan_quotas writes those.';

create or replace function billing.apply_entitlements(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.subscriptions;
begin
  perform billing.apply_plan_quotas(apply_entitlements.tenant_id);
  -- the live subscription, or else the one that ended last
  select * into v_subscription from app_public.subscriptions s
   where s.tenant_id = apply_entitlements.tenant_id
   order by s.ended_at desc nulls first, s.created_at desc limit 1;
  update app_public.tenants t
     set features = l.features,
         quotas = l.quotas,
         subscription_tier = coalesce((select p.tier from app_public.plans p
                                        where p.id = billing.entitled_plan_id(apply_entitlements.tenant_id)), t.subscription_tier),
         subscription_status = case v_subscription.status
           when 'trialing' then 'trial' when 'active' then 'active' when 'past_due' then 'active' when 'paused' then 'suspended'
           when 'cancelled' then 'cancelled' when 'expired' then 'inactive' else t.subscription_status end,
         trial_ends_at = v_subscription.trial_ends_at,
         -- quotas count their billing periods from this day, so it is the day that the subscription counts its periods from
         subscription_started_at = case when v_subscription.status = 'trialing' then v_subscription.started_at
           else v_subscription.anchor_on::timestamp at time zone v_subscription.timezone end,
         subscription_ends_at = coalesce(v_subscription.ended_at,
           case when v_subscription.cancel_at_period_end then v_subscription.current_period_end end),
         billing_cycle = v_subscription.billing_cycle::text,
         next_billing_date = case when v_subscription.status in ('trialing', 'active', 'past_due') and not v_subscription.cancel_at_period_end
           then v_subscription.current_period_end end
    from billing.short_limits(apply_entitlements.tenant_id) l
   where t.id = apply_entitlements.tenant_id;
end
$$;
comment on function billing.apply_entitlements is
  'Writes the entitlements of a tenant and the state of its subscription to the places where other code reads them. It is called at every change of a subscription or an override.';

create or replace function billing.apply_plan_quotas(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_bytes_per_gb constant numeric := 1073741824;
  v_limit record;
  v_kept uuid[] := '{}';
  v_id uuid;
begin
  for v_limit in
    select case e.key when 'storage_gb' then 'storage' else e.key end as quota_type,
           e.quota_limit * case e.key when 'storage_gb' then v_bytes_per_gb else 1 end as quota_limit,
           case when e.key in ('api_calls', 'tokens', 'cost') then 'billing' else 'none' end as period, e.overage_allowed
      from billing.entitlements_of(apply_plan_quotas.tenant_id) e
     where e.kind = 'quota' and (e.overage_allowed or e.key in ('tokens', 'cost'))
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
  'Writes those quotas of a tenant that tenants.quotas cannot express to app_public.usage_quotas: tokens, cost, and all quotas with overage. Quotas of an earlier plan are deleted.';

create or replace function billing.tg__apply_entitlements() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := case tg_op when 'DELETE' then old.tenant_id else new.tenant_id end;
  v_context text := coalesce(current_setting('rowhouse.tenant_id', true), '');
begin
  if not exists (select from app_public.tenants t where t.id = v_tenant_id) then
    -- the tenant itself is being deleted
    return null;
  end if;
  -- A superuser may write without a tenant in the context; the context is restored afterwards.
  call core.enter_tenant(v_tenant_id);
  perform billing.apply_entitlements(v_tenant_id);
  perform set_config('rowhouse.tenant_id', v_context, true);
  return null;
end
$$;
comment on function billing.tg__apply_entitlements is
  'Applies the entitlements of the tenant again after a change of its subscription or its overrides.';

create or replace function app_public.entitlements() returns setof app_public.entitlement
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from billing.entitlements_of(core.current_tenant_id()) where tenancy.has_role('viewer');
$$;
comment on function app_public.entitlements is
  'The features and quotas of this tenant, each with its source (the plan or an override) and a reason. All members may read it.';
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

create or replace trigger _500_apply_entitlements after insert or update on app_public.subscriptions
  for each row execute function billing.tg__apply_entitlements();
create or replace trigger _500_apply_entitlements after insert or update or delete on app_public.tenant_entitlement_overrides
  for each row execute function billing.tg__apply_entitlements();

-- Entitlements: the features and quotas of a tenant. What was sold is an override of the tenant or else its plan. It is written
-- to tenants.plan_features and, as quotas of the source plan, to app_public.usage_quotas; there it is one source among others,
-- and what metering and tenancy derive from all of them is both enforced and shown. Whatever changes what was sold writes it
-- again: a plan, a subscription, an override, the place of a tenant in the hierarchy.
--
-- This file has the overrides, 20_sold.sql what was sold, 30_applying.sql writes it, and 40_showing.sql shows what holds.

call core.secure_tenant_table('app_public.tenant_entitlement_overrides');
call audit.track('app_public.tenant_entitlement_overrides');
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

create or replace function billing.require_entitlement_value(
  kind app_public.entitlement_kind_enum, is_enabled boolean, quota_limit numeric
) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if require_entitlement_value.kind = 'feature' and require_entitlement_value.is_enabled is null
     or require_entitlement_value.kind = 'quota' and require_entitlement_value.quota_limit is null then
    perform core.raise_error('LB403', 'The value of the entitlement is missing.', 'Give is_enabled for a feature and quota_limit for a quota.');
  end if;
end
$$;
comment on function billing.require_entitlement_value is
  E'@errors LB403\nRaises an error when a feature is neither on nor off, or a quota has no limit.';

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
  perform billing.require_entitlement_value(override_entitlement.kind, override_entitlement.is_enabled, override_entitlement.quota_limit);
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

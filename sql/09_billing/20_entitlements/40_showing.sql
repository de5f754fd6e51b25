-- What holds for a tenant, as its members see it. It is read from where it is enforced, so the two cannot differ.

set local role rowhouse_platform;  -- outside the wall: what holds for a tenant was in part sold to the tenants above it
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
           trim_scale(r.quota_limit / case q.key when 'storage_gb' then core.bytes_per_gb() else 1 end), r.overage_allowed,
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

set local role rowhouse_owner;
create or replace function app_public.entitlements() returns setof app_public.entitlement
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from billing.entitlements_of(core.current_tenant_id()) where tenancy.has_role('viewer');
$$;
comment on function app_public.entitlements is
  'The features and quotas that hold for this tenant, each with its source (the plan or an override) and a reason. A tenant below another one has those of the tenant at the top, which pays for it, and those that platform staff have set for it. All members may read it.';
grant execute on function app_public.entitlements to rowhouse_user;

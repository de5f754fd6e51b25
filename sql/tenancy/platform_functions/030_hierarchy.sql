-- The hierarchy spans tenants by nature: a parent's manager makes and moves children, a parent's member may look into them.

create or replace function app_private.may_manage_tenant(user_id uuid, tenant_id uuid) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.user_tenants m
      join app_public.tenants t on t.id = m.tenant_id and t.status in ('trial', 'active')
     where m.tenant_id = may_manage_tenant.tenant_id and m.user_id = may_manage_tenant.user_id and m.status = 'active'
       and 'can_manage_tenant' = any (app_hidden.effective_permissions(m.role, m.permissions)));
end
$$;
comment on function app_private.may_manage_tenant(uuid, uuid) is
  'Whether a person is an active member, with the permission can_manage_tenant, of a tenant that is in trial or active.';

create or replace function app_private.may_view_subtree(user_id uuid, tenant_id uuid) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    with recursive ancestors as (
      select p.id, p.parent_tenant_id, p.status
        from app_public.tenants t join app_public.tenants p on p.id = t.parent_tenant_id
       where t.id = may_view_subtree.tenant_id
      union all
      select p.id, p.parent_tenant_id, p.status from app_public.tenants p join ancestors a on p.id = a.parent_tenant_id
    )
    select from ancestors a
      join app_public.user_tenants m on m.tenant_id = a.id and m.user_id = may_view_subtree.user_id and m.status = 'active'
     where a.status in ('trial', 'active')
       and 'can_view_subtree' = any (app_hidden.effective_permissions(m.role, m.permissions)));
end
$$;
comment on function app_private.may_view_subtree(uuid, uuid) is
  'Whether a person may read in a tenant as a visitor from above: an active member, with the permission can_view_subtree, of one of its ancestors that is in trial or active. Writing is refused by require_writable_tenant.';

-- Called with the tree locked, so that two new children cannot both be the last one allowed.
create or replace function app_private.require_room_for_sub_tenant(parent app_public.tenants) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if (select count(*) from app_public.tenants t where t.parent_tenant_id = (parent).id) >= ((parent).quotas ->> 'max_sub_tenants')::numeric then
    perform app_private.raise_error('TN602', 'This tenant has as many sub-tenants as it may have.',
      'Ask platform staff to raise its quota max_sub_tenants.');
  end if;
end
$$;
comment on function app_private.require_room_for_sub_tenant(app_public.tenants) is 'TN602 when a tenant has as many direct sub-tenants as its quota max_sub_tenants allows.';

create or replace function app_public.create_sub_tenant(slug text, name text) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_parent app_public.tenants;
  v_tenant app_public.tenants;
begin
  perform app_private.require_permission('can_manage_tenant');
  perform app_hidden.require_writable_tenant();
  perform app_private.lock_tenant_tree();
  select * into v_parent from app_public.tenants t where t.id = app_hidden.current_tenant_id() for share;
  perform app_private.require_room_for_sub_tenant(v_parent);
  -- it begins with what its parent has: a child is no way to more than the plan gives
  insert into app_public.tenants (
    slug, name, parent_tenant_id, status, trial_ends_at, subscription_tier, subscription_status,
    features, quotas, resource_access_config, industry, country_code, timezone, language_code
  ) values (
    lower(trim(create_sub_tenant.slug)), create_sub_tenant.name, v_parent.id, v_parent.status, v_parent.trial_ends_at,
    v_parent.subscription_tier, v_parent.subscription_status,
    v_parent.features, v_parent.quotas, v_parent.resource_access_config,
    v_parent.industry, v_parent.country_code, v_parent.timezone, v_parent.language_code
  )
  returning * into v_tenant;
  insert into app_public.user_tenants (tenant_id, user_id, role) values (v_tenant.id, app_hidden.current_user_id(), 'owner');
  return v_tenant;
end
$$;
comment on function app_public.create_sub_tenant(text, text) is
  E'@resultFieldName tenant\nCreates a tenant below this one and makes you its owner. It begins with this one''s status, plan, features, quotas and region, and with data of its own. For members with the permission can_manage_tenant. ID203: your permissions do not allow it; TN202: this tenant is read-only; TN601: more than 10 levels; TN602: it has as many sub-tenants as it may have; 23505: the slug is taken; 23514: a value is out of range.';

create or replace function app_public.move_tenant(tenant_id uuid, parent_tenant_id uuid default null) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user_id uuid := app_hidden.current_user_id();
  v_parent app_public.tenants;
  v_tenant app_public.tenants;
begin
  if move_tenant.parent_tenant_id is null then
    perform app_private.require_staff();
  end if;
  perform app_private.lock_tenant_tree();
  select * into v_tenant from app_public.tenants t where t.id = move_tenant.tenant_id;
  select * into v_parent from app_public.tenants t where t.id = move_tenant.parent_tenant_id for share;
  -- one error whether a tenant does not exist or is not yours
  if v_tenant.id is null or v_tenant.type = 'platform'
    or (move_tenant.parent_tenant_id is not null and v_parent.id is null)
    or not (app_hidden.is_platform_admin()
            or (app_private.may_manage_tenant(v_user_id, v_tenant.id) and app_private.may_manage_tenant(v_user_id, v_parent.id))) then
    perform app_private.raise_error('TN301', 'There is no such tenant, or you may not move it there.',
      'You need the permission can_manage_tenant in the tenant and in its new parent.');
  end if;
  if v_parent.id is distinct from v_tenant.parent_tenant_id and not app_hidden.is_platform_admin() then
    perform app_private.require_room_for_sub_tenant(v_parent);
  end if;
  update app_public.tenants t set parent_tenant_id = move_tenant.parent_tenant_id where t.id = move_tenant.tenant_id
  returning * into v_tenant;
  return v_tenant;
end
$$;
comment on function app_public.move_tenant(uuid, uuid) is
  E'@resultFieldName tenant\nMoves a tenant, with all below it, under another parent; without one, to the top. Platform staff move any tenant anywhere. Everyone else needs the permission can_manage_tenant in the tenant and in its new parent, both in trial or active, and cannot move to the top. TN205: you are not staff; TN301: there is no such tenant, or you may not; TN503: the new parent is below it; TN601: more than 10 levels; TN602: the parent has as many sub-tenants as it may have.';
grant execute on function app_public.create_sub_tenant(text, text), app_public.move_tenant(uuid, uuid) to rowhouse_user;

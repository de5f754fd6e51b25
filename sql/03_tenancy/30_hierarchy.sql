-- The hierarchy of tenants. parent_tenant_id is the truth, and triggers compute the level, the path and the ids of those above
-- from the row of the parent. One lock serializes all changes of the hierarchy, so that two moves at once cannot form a circle.

comment on type app_public.tenant_subtree_entry is 'A tenant below the one in which you act.';
comment on column app_public.tenant_subtree_entry.id is E'@notNull\nIts id.';
comment on column app_public.tenant_subtree_entry.slug is E'@notNull\nIts name in the x-tenant-id header.';
comment on column app_public.tenant_subtree_entry.name is E'@notNull\nIts name for people.';
comment on column app_public.tenant_subtree_entry.status is E'@notNull\nWhere it is in its life.';
comment on column app_public.tenant_subtree_entry.parent_tenant_id is E'@notNull\nThe tenant directly above it.';
comment on column app_public.tenant_subtree_entry.tenant_level is E'@notNull\nIts depth in the hierarchy; the top has 0.';
comment on column app_public.tenant_subtree_entry.tenant_path is E'@notNull\nThe slugs from the top down to it, separated by dots.';

create or replace function tenancy.lock_tenant_tree() returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  -- the key has no meaning, but no other lock has it
  select pg_advisory_xact_lock(7269736200002);
$$;
comment on function tenancy.lock_tenant_tree is
  'Waits until no other transaction changes the hierarchy of tenants, and keeps others waiting until the end of this one.';
grant execute on function tenancy.lock_tenant_tree to rowhouse_platform;

create or replace function tenancy.tg_tenants__lock_tree() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- This lock comes before the first row lock of the statement, because the other order could end in a deadlock.
  perform tenancy.lock_tenant_tree();
  return null;
end
$$;
comment on function tenancy.tg_tenants__lock_tree is
  'Makes changes of the hierarchy wait for each other.';

create or replace function tenancy.tg_tenants__place_in_tree() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_parent app_public.tenants;
begin
  if tg_op = 'INSERT' and new.parent_tenant_id is not null then
    perform tenancy.lock_tenant_tree();
  end if;
  -- The lock makes a transaction fail when its snapshot is older than the last move.
  select * into v_parent from app_public.tenants t where t.id = new.parent_tenant_id for share;
  if new.id = new.parent_tenant_id or new.id = any (v_parent.ancestor_ids) then
    perform core.raise_error('TN503', 'A tenant cannot be below itself.', 'Choose a parent that is not below this tenant.');
  end if;
  -- The foreign key alone would let one statement insert a child before its parent, and the child would stand at the top.
  if new.parent_tenant_id is not null and v_parent.id is null then
    perform core.raise_error('TN301', 'The parent tenant does not exist.', 'Create the parent first.');
  end if;
  -- the same limit as the check tenant_level_is_in_range
  if v_parent.tenant_level >= 9 then
    perform core.raise_error('TN601', 'The hierarchy of tenants can have at most 10 levels.', 'Choose a parent that is further up.');
  end if;
  new.tenant_level := coalesce(v_parent.tenant_level + 1, 0);
  new.tenant_path := concat_ws('.', v_parent.tenant_path, new.slug);
  new.ancestor_ids := case when v_parent.id is null then '{}' else v_parent.ancestor_ids || v_parent.id end;
  new.was_sub_tenant := new.parent_tenant_id is not null or tg_op = 'UPDATE' and old.was_sub_tenant;
  return new;
end
$$;
comment on function tenancy.tg_tenants__place_in_tree is
  E'@errors TN301 TN503 TN601\nComputes tenant_level, tenant_path and ancestor_ids, and notes that a tenant was below another one.';

create or replace function tenancy.tg_tenants__move_subtree() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- For each child the same triggers compute its place and update its own children.
  update app_public.tenants set tenant_path = tenant_path where parent_tenant_id = new.id;
  return null;
end
$$;
comment on function tenancy.tg_tenants__move_subtree is
  'Updates the places of the tenants below a tenant when it is moved or gets another slug.';

create or replace function app_public.tenant_subtree() returns setof app_public.tenant_subtree_entry
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_view_subtree');
  return query
    select t.id, t.slug, t.name, t.status, t.parent_tenant_id, t.tenant_level, t.tenant_path
      from app_public.tenants t
     where t.ancestor_ids @> array[core.current_tenant_id()]
     order by t.tenant_path;
end
$$;
comment on function app_public.tenant_subtree is
  E'@errors ID203\nThe tenants below this one, each after its parent. Name one in the x-tenant-id header to read in it; to change things there, you must be a member of it. You need the permission can_view_subtree.';
grant execute on function app_public.tenant_subtree to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: permissions are read in other tenants than the one of the request; granted to nobody

create or replace function tenancy.may_manage_tenant(user_id uuid, tenant_id uuid) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.user_tenants m
      join app_public.tenants t on t.id = m.tenant_id and tenancy.is_open(t.status, t.ancestor_ids)
     where m.tenant_id = may_manage_tenant.tenant_id and m.user_id = may_manage_tenant.user_id and m.status = 'active'
       and 'can_manage_tenant' = any (tenancy.effective_permissions(m.role, m.permissions)));
end
$$;
comment on function tenancy.may_manage_tenant is
  'Whether a person may manage a tenant: as an active member with the permission can_manage_tenant, while the tenant and all tenants above it are in trial or active.';

create or replace function tenancy.may_view_subtree(user_id uuid, tenant_id uuid) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.tenants t
      join app_public.tenants a on a.id = any (t.ancestor_ids)
      join app_public.user_tenants m on m.tenant_id = a.id and m.user_id = may_view_subtree.user_id and m.status = 'active'
     where t.id = may_view_subtree.tenant_id and tenancy.is_open(a.status, a.ancestor_ids)
       and 'can_view_subtree' = any (tenancy.effective_permissions(m.role, m.permissions)));
end
$$;
comment on function tenancy.may_view_subtree is
  'Whether a person may read in a tenant as a visitor from above: as an active member, with the permission can_view_subtree, of a tenant above it that is in trial or active, with all tenants above that. require_writable_tenant keeps visitors from writing.';

set local role rowhouse_platform;  -- outside the wall: a change of the hierarchy concerns several tenants, and permissions are checked in each
-- The caller holds the lock of the hierarchy, so that of two new children only one can be the last that is allowed.
create or replace function tenancy.require_room_for_sub_tenants(parent app_public.tenants, number bigint, except_above uuid[] default '{}')
returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- The tenants above count those below them too, because otherwise each child could have as many children again.
  if exists (
    select from app_public.tenants a
     where a.id = any ((parent).ancestor_ids || (parent).id) and a.id <> all (require_room_for_sub_tenants.except_above)
       and (select count(*) from app_public.tenants t where t.ancestor_ids @> array[a.id]) + require_room_for_sub_tenants.number
           > (a.quotas ->> 'max_sub_tenants')::numeric) then
    perform core.raise_error('TN602', 'This tenant, or a tenant above it, cannot have more sub-tenants.',
      'Ask platform staff to raise its quota max_sub_tenants.');
  end if;
end
$$;
comment on function tenancy.require_room_for_sub_tenants is
  E'@errors TN602\nRaises an error when so many more tenants below a parent would be more than the quota max_sub_tenants of the parent, or of a tenant above it, allows. The tenants that they are below already are left out.';

create or replace function app_public.create_sub_tenant(slug text, name text) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_parent app_public.tenants;
  v_tenant app_public.tenants;
begin
  perform tenancy.require_person();
  perform tenancy.require_permission('can_manage_tenant');
  perform tenancy.require_writable_tenant();
  perform tenancy.lock_tenant_tree();
  select * into v_parent from app_public.tenants t where t.id = core.current_tenant_id() for share;
  perform tenancy.require_room_for_sub_tenants(v_parent, 1);
  -- Its features and quotas are those of the tenants above it, so nothing of them is copied.
  insert into app_public.tenants (
    slug, name, parent_tenant_id, status, trial_ends_at, subscription_tier, subscription_status,
    resource_access_config, industry, country_code, timezone, language_code
  ) values (
    lower(trim(create_sub_tenant.slug)), create_sub_tenant.name, v_parent.id, v_parent.status, v_parent.trial_ends_at,
    v_parent.subscription_tier, v_parent.subscription_status,
    v_parent.resource_access_config, v_parent.industry, v_parent.country_code, v_parent.timezone, v_parent.language_code
  )
  returning * into v_tenant;
  insert into app_public.user_tenants (tenant_id, user_id, role) values (v_tenant.id, core.current_user_id(), 'owner');
  return v_tenant;
end
$$;
comment on function app_public.create_sub_tenant is
  E'@resultFieldName tenant\n@errors ID202 ID203 KY201 TN202 TN601 TN602 23505 23514\nCreates a tenant below this one and makes you its owner. It starts with the status and region of this one, and without data. The plan at the top of the hierarchy pays for it: what it has and uses counts to the quotas of all tenants above it, and it has their features. You need the permission can_manage_tenant.';
grant execute on function app_public.create_sub_tenant to rowhouse_user;

create or replace function app_public.move_tenant(tenant_id uuid, parent_tenant_id uuid default null) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user_id uuid := core.current_user_id();
  v_parent app_public.tenants;
  v_tenant app_public.tenants;
begin
  perform tenancy.require_person();
  if move_tenant.parent_tenant_id is null then
    perform tenancy.require_staff();
  end if;
  perform tenancy.lock_tenant_tree();
  select * into v_tenant from app_public.tenants t where t.id = move_tenant.tenant_id;
  select * into v_parent from app_public.tenants t where t.id = move_tenant.parent_tenant_id for share;
  -- The error is the same whether a tenant does not exist or the user may not move it, so that it does not tell which.
  if v_tenant.id is null or v_tenant.type = 'platform'
    or (move_tenant.parent_tenant_id is not null and v_parent.id is null)
    or not (tenancy.is_platform_admin()
            or (tenancy.may_manage_tenant(v_user_id, v_tenant.id) and tenancy.may_manage_tenant(v_user_id, v_parent.id))) then
    perform core.raise_error('TN301', 'This tenant does not exist, or you may not move it there.',
      'You need the permission can_manage_tenant in the tenant and in its new parent.');
  end if;
  if v_parent.id is distinct from v_tenant.parent_tenant_id and not tenancy.is_platform_admin() then
    perform tenancy.require_room_for_sub_tenants(v_parent,
      1 + (select count(*) from app_public.tenants t where t.ancestor_ids @> array[v_tenant.id]), v_tenant.ancestor_ids);
  end if;
  update app_public.tenants t set parent_tenant_id = move_tenant.parent_tenant_id where t.id = move_tenant.tenant_id
  returning * into v_tenant;
  return v_tenant;
end
$$;
comment on function app_public.move_tenant is
  E'@resultFieldName tenant\n@errors KY201 TN205 TN301 TN503 TN601 TN602\nMoves a tenant, with all tenants below it, below another parent or, without a parent, to the top. Platform staff can move any tenant. Others need the permission can_manage_tenant in the tenant and in its new parent, both must be in trial or active, and they cannot move a tenant to the top.';
grant execute on function app_public.move_tenant to rowhouse_user;

set local role rowhouse_owner;

create or replace trigger _050_lock_tree before update of parent_tenant_id, slug on app_public.tenants
  for each statement execute function tenancy.tg_tenants__lock_tree();
create or replace trigger _210_place_in_tree before insert
  or update of parent_tenant_id, slug, tenant_level, tenant_path, ancestor_ids, was_sub_tenant on app_public.tenants
  for each row execute function tenancy.tg_tenants__place_in_tree();
create or replace trigger _530_move_subtree after update on app_public.tenants
  for each row when (old.tenant_path <> new.tenant_path) execute function tenancy.tg_tenants__move_subtree();

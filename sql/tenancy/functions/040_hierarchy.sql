-- Tenants within tenants. The parent decides; level and path follow by triggers, read from the chain of parents and never
-- from what was stored. One lock serializes every change of the tree, so that two moves cannot close a circle.

create or replace function app_private.lock_tenant_tree() returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select pg_advisory_xact_lock(7269736200002);
$$;
comment on function app_private.lock_tenant_tree() is 'Waits until no one else changes the hierarchy of tenants, and keeps it so to the end of the transaction.';
grant execute on function app_private.lock_tenant_tree() to rowhouse_platform;

create or replace function app_private.tg_tenants__lock_tree() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- before the statement takes its first row lock: the other order would be a deadlock
  perform app_private.lock_tenant_tree();
  return null;
end
$$;
comment on function app_private.tg_tenants__lock_tree() is 'Serializes changes of the hierarchy.';

create or replace function app_private.tg_tenants__place_in_tree() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ancestor_id uuid := new.parent_tenant_id;
  v_slug text;
begin
  new.tenant_level := 0;
  new.tenant_path := new.slug;
  if tg_op = 'INSERT' and v_ancestor_id is not null then
    perform app_private.lock_tenant_tree();
  end if;
  while v_ancestor_id is not null loop
    if v_ancestor_id = new.id then
      perform app_private.raise_error('TN503', 'A tenant cannot be moved below itself.', 'Choose a parent outside of its own subtree.');
    end if;
    if new.tenant_level = 9 then
      perform app_private.raise_error('TN601', 'Tenants can be nested in at most 10 levels.', 'Choose a parent further up.');
    end if;
    -- locked, so that a transaction whose snapshot is older than the last move fails instead of believing it
    select t.slug, t.parent_tenant_id into v_slug, v_ancestor_id from app_public.tenants t where t.id = v_ancestor_id for share;
    -- a parent that does not exist is the foreign key's business
    exit when not found;
    new.tenant_level := new.tenant_level + 1;
    new.tenant_path := v_slug || '.' || new.tenant_path;
  end loop;
  return new;
end
$$;
comment on function app_private.tg_tenants__place_in_tree() is
  'Computes tenant_level and tenant_path. TN503: the tenant would be below itself; TN601: more than 10 levels.';

create or replace function app_private.tg_tenants__move_subtree() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- each child computes its place anew and does the same to its own children
  update app_public.tenants set tenant_path = tenant_path where parent_tenant_id = new.id;
  return null;
end
$$;
comment on function app_private.tg_tenants__move_subtree() is 'Takes the subtree along when a tenant is moved or its slug changes.';

create or replace function app_public.tenant_subtree() returns setof app_public.tenant_subtree_entry
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_permission('can_view_subtree');
  return query
    with recursive subtree as (
      select t.* from app_public.tenants t where t.parent_tenant_id = app_hidden.current_tenant_id()
      union all
      select t.* from app_public.tenants t join subtree s on t.parent_tenant_id = s.id
    )
    select s.id, s.slug, s.name, s.status, s.parent_tenant_id, s.tenant_level, s.tenant_path from subtree s order by s.tenant_path;
end
$$;
comment on function app_public.tenant_subtree() is
  'The tenants below this one, each after its parent. Name one in the x-tenant-id header to read in it; nothing can be changed there without a membership. For members with the permission can_view_subtree. ID203: you have not got it.';
grant execute on function app_public.tenant_subtree() to rowhouse_user;

-- Asking for the erasure of a person.

set local role rowhouse_platform;  -- outside the wall: a person is erased in all tenants, and the worker erases people and tenants by the catalogue
create or replace function governance.tenants_left_without_owner(user_id uuid, is_of_all_tenants boolean) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select string_agg(t.name, ', ' order by t.name)
    from app_public.user_tenants m join app_public.tenants t on t.id = m.tenant_id and t.erased_at is null
   where m.user_id = tenants_left_without_owner.user_id and m.role = 'owner' and m.status = 'active'
     and (tenants_left_without_owner.is_of_all_tenants or m.tenant_id = core.current_tenant_id())
     and not exists (
       select from app_public.user_tenants o
         join app_public.user_profiles u on u.id = o.user_id and u.is_active and u.deleted_at is null
        where o.tenant_id = m.tenant_id and o.user_id <> m.user_id and o.role = 'owner' and o.status = 'active');
$$;
comment on function governance.tenants_left_without_owner is
  'The names of the tenants of which this person is the only active owner; null when there is none.';
grant execute on function governance.tenants_left_without_owner to rowhouse_owner;

create or replace function governance.tenants_of_person(user_id uuid, email text) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_table regclass;
  v_found uuid[];
  v_all uuid[] := '{}';
begin
  for v_table in
    select distinct p.table_name from governance.personal_columns p
     where p.kind <> 'content' and governance.tenant_column(p.table_name) is not null
  loop
    execute format('select array_agg(distinct t.%I) from %s t where %s',
        governance.tenant_column(v_table), v_table, governance.names_person(v_table, 't'))
      into v_found using tenants_of_person.user_id, tenants_of_person.email;
    v_all := v_all || coalesce(v_found, '{}');
  end loop;
  return array(select distinct t from unnest(v_all) as t order by 1);
end
$$;
comment on function governance.tenants_of_person is
  'The tenants that have a row of a person, also of one who has left.';

create or replace function governance.request_person_erasure(user_id uuid, is_of_all_tenants boolean, is_dry_run boolean)
returns app_public.erasures
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_person app_public.user_profiles;
  v_erasure app_public.erasures;
begin
  -- The lock makes two who erase a person take turns.
  select * into v_person from app_public.user_profiles u where u.id = request_person_erasure.user_id for no key update;
  if not found then
    perform core.raise_error('RT302', 'userId: This person is not a member of this tenant.', 'List the members of this tenant.');
  end if;
  insert into app_public.erasures (tenant_id, user_id, is_of_all_tenants, is_dry_run, requested_by_user_id, requested_at, tenant_ids)
  values (
    -- What is erased everywhere is no single tenant's to see.
    case when is_of_all_tenants then (select t.id from app_public.tenants t where t.type = 'platform') else core.current_tenant_id() end,
    v_person.id, is_of_all_tenants, is_dry_run, core.current_user_id(), core.clock(),
    case when is_of_all_tenants then governance.tenants_of_person(v_person.id, v_person.email) else array[core.current_tenant_id()] end)
  on conflict do nothing
  returning * into v_erasure;
  if v_erasure.id is null then
    perform core.raise_error('RT504', 'This person is being erased already.', 'Wait until it is done.');
  end if;
  if is_dry_run then
    update app_public.erasures e
       set counts = governance.count_erasure(v_erasure), status = 'completed', finished_at = core.clock()
     where e.tenant_id = v_erasure.tenant_id and e.id = v_erasure.id
    returning * into v_erasure;
    return v_erasure;
  end if;
  -- The person is out at once, however long the rest takes.
  if is_of_all_tenants then
    update app_public.user_profiles u set is_active = false where u.id = v_person.id;
  else
    update app_public.user_tenants m set status = 'inactive'
     where m.tenant_id = core.current_tenant_id() and m.user_id = v_person.id and m.status <> 'inactive';
  end if;
  perform governance.enqueue_erasure(v_erasure);
  return v_erasure;
end
$$;
comment on function governance.request_person_erasure is
  E'@errors RT302 RT504\nBegins an erasure, or counts what it would do, for a caller who was checked before.';
grant execute on function governance.request_person_erasure to rowhouse_owner;

create or replace function governance.enqueue_held_erasures(tenant_id uuid) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select governance.enqueue_erasure(e) from app_public.erasures e
   where e.status = 'held' and enqueue_held_erasures.tenant_id = any (e.tenant_ids);
$$;
comment on function governance.enqueue_held_erasures is
  'Queues the erasures that a hold in this tenant may have stopped.';
grant execute on function governance.enqueue_held_erasures to rowhouse_owner;

set local role rowhouse_owner;
create or replace function governance.refuse_last_owner(user_id uuid, is_of_all_tenants boolean) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_names text := governance.tenants_left_without_owner(refuse_last_owner.user_id, refuse_last_owner.is_of_all_tenants);
begin
  if v_names is not null then
    perform core.raise_error('RT503', format('This person is the only owner of: %s.', v_names),
      'First make another member an owner there, or cancel the tenant and have it erased.');
  end if;
end
$$;
comment on function governance.refuse_last_owner is
  E'@errors RT503\nRaises an error that names the tenants which would be left without an owner.';

create or replace function app_public.erase_person(user_id uuid default null, is_dry_run boolean default true) returns app_public.erasures
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id constant uuid := coalesce(erase_person.user_id, core.current_user_id());
  v_is_dry_run constant boolean := coalesce(erase_person.is_dry_run, true);
  v_is_of_all constant boolean := governance.asks_for_all_tenants(v_user_id);
begin
  if not v_is_dry_run then
    perform governance.refuse_last_owner(v_user_id, v_is_of_all);
  end if;
  return governance.request_person_erasure(v_user_id, v_is_of_all, v_is_dry_run);
end
$$;
comment on function app_public.erase_person is
  E'@resultFieldName erasure\n@errors ID203 KY201 RT201 RT302 RT503 RT504\nErases a person: at once the person is out, and in the background everything that the register of personal data says is deleted, emptied or replaced. It cannot be undone. By default it only counts; isDryRun false does it. For yourself, and for platform staff, it is in all tenants, with the profile; with the permission can_manage_users it is what this tenant has of a member whose role is not above yours. What the law wants kept, such as invoices, stays.';
grant execute on function app_public.erase_person to rowhouse_user;

create or replace function app_public.release_legal_hold(hold_id uuid) returns app_public.legal_holds
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_hold app_public.legal_holds;
begin
  perform tenancy.require_permission('can_manage_tenant');
  update app_public.legal_holds h set released_at = core.clock(), released_by_user_id = core.current_user_id()
   where h.tenant_id = core.current_tenant_id() and h.id = release_legal_hold.hold_id and h.released_at is null
  returning * into v_hold;
  if not found then
    perform core.raise_error('RT305', 'There is no such hold.', 'List the holds that have not been released.');
  end if;
  perform governance.enqueue_held_erasures(v_hold.tenant_id);
  return v_hold;
end
$$;
comment on function app_public.release_legal_hold is
  E'@resultFieldName legalHold\n@errors ID203 RT305\nEnds a legal hold. Erasures that it stopped go on. You need the permission can_manage_tenant.';
grant execute on function app_public.release_legal_hold to rowhouse_user;

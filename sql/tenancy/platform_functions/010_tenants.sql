-- Functions that must span tenants, owned by rowhouse_platform, the only role outside the wall. docs/security.md names each.

create or replace function app_hidden.analyst_tenant_ids() returns uuid[]
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- session_user: who logged in. Nothing a session can set changes it.
  select coalesce(array_agg(tenant_id), '{}') from app_private.analyst_tenants where login = session_user;
$$;
comment on function app_hidden.analyst_tenant_ids() is 'The tenants whose reporting views the login of this session may read.';
grant execute on function app_hidden.analyst_tenant_ids() to rowhouse_analyst;

create or replace function app_private.provision_tenant(
  slug text, name text, owner_email text, owner_name text default null, type text default 'organization',
  trial_days int default null
) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant app_public.tenants;
begin
  if provision_tenant.trial_days not between 1 and 365 then
    perform app_private.raise_error('TN403', 'trial_days must be an integer from 1 to 365.', 'Leave it out for a tenant that is active at once.');
  end if;
  if provision_tenant.type = 'platform' then
    -- there is one, and it is there before anybody is; whoever provisions it gives it a name and its first owner
    update app_public.tenants t set slug = lower(provision_tenant.slug), name = provision_tenant.name
     where t.type = 'platform' and not exists (select from app_public.user_tenants m where m.tenant_id = t.id)
    returning * into v_tenant;
  end if;
  if v_tenant.id is null then
    insert into app_public.tenants (slug, name, type, status, trial_ends_at)
    values (lower(provision_tenant.slug), provision_tenant.name, provision_tenant.type,
            case when provision_tenant.trial_days is null then 'active' else 'trial' end,
            app_hidden.clock() + make_interval(days => provision_tenant.trial_days))
    returning * into v_tenant;
  end if;
  perform app_private.provision_member(v_tenant.id, provision_tenant.owner_email, provision_tenant.owner_name, 'owner');
  return v_tenant;
end
$$;
comment on function app_private.provision_tenant(text, text, text, text, text, int) is
  'Creates a tenant with its first owner, in trial for so many days or active. For administrators in psql and for seeds. TN403: trial_days is not from 1 to 365.';

create or replace function app_private.provision_member(tenant_id uuid, email text, full_name text default null, role text default 'member')
returns app_public.user_tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user_id uuid;
  v_membership app_public.user_tenants;
begin
  insert into app_public.user_profiles as u (email, full_name)
  values (lower(trim(provision_member.email)), provision_member.full_name)
  -- the update that changes nothing returns (and locks) the profile that is there
  on conflict (email) where deleted_at is null do update set full_name = coalesce(u.full_name, excluded.full_name)
  returning id into v_user_id;

  insert into app_public.user_tenants as m (tenant_id, user_id, role)
  values (provision_member.tenant_id, v_user_id, provision_member.role)
  on conflict on constraint user_tenants_tenant_id_user_id_key do update set role = excluded.role
  returning * into v_membership;
  return v_membership;
end
$$;
comment on function app_private.provision_member(uuid, text, text, text) is
  'Makes a person (by e-mail, with or without a profile) a member of a tenant, or changes the role of one. For administrators in psql and for seeds.';

create or replace function app_public.create_tenant(
  slug text, name text, owner_email text, owner_name text default null, trial_days int default null
) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not app_hidden.is_platform_admin() then
    perform app_private.raise_error('TN201', 'Only platform staff can create tenants.', 'Ask an administrator of the platform tenant.');
  end if;
  return app_private.provision_tenant(
    create_tenant.slug, create_tenant.name, create_tenant.owner_email, create_tenant.owner_name,
    trial_days => create_tenant.trial_days);
end
$$;
comment on function app_public.create_tenant(text, text, text, text, int) is
  E'@resultFieldName tenant\nCreates a tenant and makes the person with that e-mail its owner. The slug is lower-case letters, digits and hyphens, at most 63, unique. With trial_days (1 to 365) it begins in trial, which ends then; without, it is active. Platform staff only. TN201: you are not; TN403: trial_days is out of range; 23505: the slug is taken; 23514: a value is out of range.';
grant execute on function app_public.create_tenant(text, text, text, text, int) to rowhouse_user;

create or replace function app_public.my_tenants() returns setof app_public.tenants
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.*
    from app_public.user_tenants m
    join app_public.tenants t on t.id = m.tenant_id
   where m.user_id = app_hidden.current_user_id() and m.status = 'active'
   order by t.slug;
$$;
comment on function app_public.my_tenants() is
  'The tenants you are an active member of: what a tenant switcher offers. Name one in the x-tenant-id header to act in it.';
grant execute on function app_public.my_tenants() to rowhouse_user;

create or replace function app_private.delete_tenant(slug text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (
    select from app_public.tenants t join app_public.tenants child on child.parent_tenant_id = t.id where t.slug = delete_tenant.slug
  ) then
    perform app_private.raise_error('TN504', 'This tenant has sub-tenants.', 'Move or delete them first.');
  end if;
  delete from app_public.tenants t where t.slug = delete_tenant.slug and t.type <> 'platform';
  if not found then
    perform app_private.raise_error('TN301', 'There is no such tenant.', 'npm run tenant -- list shows them.');
  end if;
end
$$;
comment on function app_private.delete_tenant(text) is
  'Deletes a tenant with everything in it, for good; people keep their profiles. For administrators in psql. TN301: there is no such tenant, or it is the platform; TN504: it has sub-tenants, which are never deleted along.';

create or replace function app_private.list_tenants()
returns table (id uuid, slug text, name text, type text, status text, members int)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.id, t.slug, t.name, t.type, t.status,
         (select count(*)::int from app_public.user_tenants m where m.tenant_id = t.id and m.status = 'active')
    from app_public.tenants t
   order by t.slug;
$$;
comment on function app_private.list_tenants() is 'All tenants. For administrators in psql and for command-line tools.';

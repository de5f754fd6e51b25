-- Authentication spans tenants by nature: it decides which one a request may enter.

create or replace function app_private.identify(claims jsonb) returns uuid
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_issuer text := identify.claims ->> 'iss';
  v_subject text := identify.claims ->> 'sub';
  v_user_id uuid;
begin
  select i.user_id into v_user_id
    from app_private.user_identities i
    join app_public.user_profiles u on u.id = i.user_id and u.is_active and u.deleted_at is null
   where i.issuer = v_issuer and i.subject = v_subject;
  if found or v_issuer is null or v_subject is null then
    return v_user_id;
  end if;

  -- first sight: the issuer vouches for an e-mail address that we know
  if identify.claims -> 'email_verified' = 'true' then
    insert into app_private.user_identities (issuer, subject, user_id)
    select v_issuer, v_subject, u.id
      from app_public.user_profiles u
     where u.email = lower(identify.claims ->> 'email') and u.is_active and u.deleted_at is null
    on conflict (issuer, subject) do nothing;
    select i.user_id into v_user_id
      from app_private.user_identities i
      join app_public.user_profiles u on u.id = i.user_id and u.is_active and u.deleted_at is null
     where i.issuer = v_issuer and i.subject = v_subject;
  end if;
  return v_user_id;
end
$$;
comment on function app_private.identify(jsonb) is
  'The active user a verified token speaks of (by issuer and subject, at first sight by verified e-mail), or null.';

create or replace function app_private.authenticate(claims jsonb, requested_tenant text)
returns table (user_id uuid, tenant_id uuid, role text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_private.identify(authenticate.claims);
  v_requested text := lower(nullif(trim(authenticate.requested_tenant), ''));
  v_tenant_ids uuid[];
  v_tenant_id uuid;
  v_is_staff boolean;
begin
  if v_user_id is null then
    perform app_private.raise_error('ID101', 'Authentication is required.', 'Send a valid bearer token of a registered user.');
  end if;

  -- live membership, read at every request: a removed member's valid token opens nothing
  select array_agg(t.id) into v_tenant_ids
    from app_public.user_tenants m
    join app_public.tenants t on t.id = m.tenant_id
   where m.user_id = v_user_id and m.status = 'active' and t.status in ('trial', 'active')
     and (v_requested is null or t.slug = v_requested or t.id::text = v_requested);

  select exists (
    select from app_public.user_tenants m
      join app_public.tenants t on t.id = m.tenant_id
     where m.user_id = v_user_id and m.status = 'active' and m.role in ('owner', 'admin')
       and t.type = 'platform' and t.status = 'active'
  ) into v_is_staff;

  if cardinality(v_tenant_ids) > 1 then
    perform app_private.raise_error('ID401', 'You are a member of several tenants.', 'Name one in the x-tenant-id header.');
  elsif cardinality(v_tenant_ids) = 1 then
    v_tenant_id := v_tenant_ids[1];
    return query
      select v_user_id, t.id, case when v_is_staff and t.type = 'platform' then 'rowhouse_admin' else 'rowhouse_user' end
        from app_public.tenants t where t.id = v_tenant_id;
    return;
  end if;

  if v_is_staff and v_requested is not null then
    select t.id into v_tenant_id from app_public.tenants t where t.slug = v_requested or t.id::text = v_requested;
    if found then
      insert into app_private.admin_access_log (tenant_id, admin_user_id, request_id)
      values (v_tenant_id, v_user_id, authenticate.claims ->> 'request_id');
      return query select v_user_id, v_tenant_id, 'rowhouse_admin';
      return;
    end if;
  end if;

  perform app_private.raise_error('ID201', 'There is no such tenant, or you are not a member of it.',
    'Check the x-tenant-id header; ask an owner of the tenant to invite you.');
end
$$;
comment on function app_private.authenticate(jsonb, text) is
  'Turns verified claims and a tenant (id or slug; null when there is only one to choose) into user, tenant and database role. ID101: the user is unknown; ID201: no such tenant or no active membership, the same error for both; ID401: several tenants, name one.';
grant execute on function app_private.authenticate(jsonb, text) to rowhouse_authenticator;

create or replace function app_private.operator_identity(tenant text, email text default null)
returns table (user_id uuid, tenant_id uuid, role text)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select m.user_id, m.tenant_id, 'rowhouse_user'
      from app_public.user_tenants m
      join app_public.tenants t on t.id = m.tenant_id
      join app_public.user_profiles u on u.id = m.user_id and u.is_active and u.deleted_at is null
     where t.slug = lower(operator_identity.tenant) and m.status = 'active'
       and (operator_identity.email is null and m.role = 'owner' or u.email = lower(operator_identity.email))
     order by m.joined_at, m.id
     limit 1;
  if not found then
    perform app_private.raise_error('ID201', 'There is no such tenant, or that person is not a member of it.',
      'Check the name of the tenant; npm run tenant -- list shows them.');
  end if;
end
$$;
comment on function app_private.operator_identity(text, text) is
  'Whom a command-line tool acts as in a tenant (by slug): the member with that e-mail, or the first owner. For the server''s login only. ID201: no such tenant or member.';
grant execute on function app_private.operator_identity(text, text) to rowhouse_authenticator;

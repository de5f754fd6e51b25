-- Authentication. The server has verified a token; tenancy.authenticate turns its claims and the tenant that is asked for into
-- a user, a tenant and a database role. Memberships are read at every request, so a removed member is out at once.

create or replace function tenancy.visit_precision() returns interval
language sql immutable parallel safe
return interval '5 minutes';
comment on function tenancy.visit_precision is
  'How exactly the times are kept at which people and tenants were last seen. So most requests write nothing.';
grant execute on function tenancy.visit_precision to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: a person is looked up before any tenant is known
create or replace function tenancy.identify(claims jsonb) returns uuid
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_issuer text := identify.claims ->> 'iss';
  v_subject text := identify.claims ->> 'sub';
  v_email text := core.fold_email(identify.claims ->> 'email');
  v_name text := trim(identify.claims ->> 'name');
  v_user_id uuid;
begin
  select i.user_id into v_user_id
    from tenancy.user_identities i
    join app_public.user_profiles u on u.id = i.user_id and u.is_active and u.deleted_at is null
   where i.issuer = v_issuer and i.subject = v_subject;
  if found or v_issuer is null or v_subject is null or identify.claims -> 'email_verified' is distinct from 'true' then
    return v_user_id;
  end if;

  -- The first time that a token names this person. The issuer has verified the e-mail address, so it is enough that the
  -- address has a profile or an invitation. When two such requests come at once, the unique keys decide.
  insert into app_public.user_profiles (email, full_name)
  select v_email, case when core.is_name(v_name) then v_name end
   where exists (
     select from app_public.invitations i
       join app_public.tenants t on t.id = i.tenant_id and tenancy.is_open(t.status, t.ancestor_ids)
      where i.email = v_email and i.status = 'pending' and i.expires_at > core.clock())
  on conflict (email) where deleted_at is null do nothing;
  insert into tenancy.user_identities (issuer, subject, user_id)
  select v_issuer, v_subject, u.id
    from app_public.user_profiles u
   where u.email = v_email and u.is_active and u.deleted_at is null
  on conflict (issuer, subject) do nothing;
  select i.user_id into v_user_id
    from tenancy.user_identities i
    join app_public.user_profiles u on u.id = i.user_id and u.is_active and u.deleted_at is null
   where i.issuer = v_issuer and i.subject = v_subject;
  return v_user_id;
end
$$;
comment on function tenancy.identify is
  'The active user whom a verified token names, or null. The user is found by issuer and subject or, the first time, by the verified e-mail address. A person who is invited gets a profile then.';

set local role rowhouse_platform;  -- outside the wall: the membership of the platform's tenant is read from within any other
create or replace function tenancy.is_staff(user_id uuid) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.user_tenants m
      join app_public.tenants t on t.id = m.tenant_id and t.type = 'platform' and t.status = 'active'
      join app_public.user_profiles u on u.id = m.user_id and u.is_active and u.deleted_at is null
     where m.user_id = is_staff.user_id and m.status = 'active' and m.role in ('owner', 'admin'));
$$;
comment on function tenancy.is_staff is
  'Whether a person is platform staff: an active owner or admin of the tenant of type platform.';

set local role rowhouse_platform;  -- outside the wall: at authentication there is no tenant yet
-- A row that another transaction has locked is left to a later request, so that no request waits for it.
create or replace function tenancy.note_visit(user_id uuid, tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_before timestamptz := now() - tenancy.visit_precision();
begin
  if current_setting('transaction_read_only')::boolean then
    return;
  end if;
  update app_public.user_profiles u set last_seen_at = now()
   where u.id in (
     select p.id from app_public.user_profiles p
      where p.id = note_visit.user_id and coalesce(p.last_seen_at < v_before, true) for no key update skip locked);
  update app_public.user_tenants m set last_accessed_at = now()
   where m.id in (
     select s.id from app_public.user_tenants s
      where s.tenant_id = note_visit.tenant_id and s.user_id = note_visit.user_id
        and coalesce(s.last_accessed_at < v_before, true) for no key update skip locked);
  update app_public.tenants t set last_login_at = now()
   where t.id in (
     select s.id from app_public.tenants s
      where s.id = note_visit.tenant_id and coalesce(s.last_login_at < v_before, true) for no key update skip locked);
end
$$;
comment on function tenancy.note_visit is
  'Records that a user was here: last_seen_at of the profile, last_accessed_at of the membership and last_login_at of the tenant, each at most every five minutes.';

set local role rowhouse_platform;  -- outside the wall: decides which tenant a request may enter
create or replace function tenancy.authenticate(claims jsonb, requested_tenant text)
returns table (user_id uuid, tenant_id uuid, role text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := tenancy.identify(authenticate.claims);
  v_requested text := lower(nullif(trim(authenticate.requested_tenant), ''));
  v_tenant_ids uuid[];
  v_tenant_id uuid;
  v_status text;
  v_is_staff boolean;
  v_is_platform boolean;
  v_is_stale boolean;
begin
  if v_user_id is null then
    perform core.raise_error('ID101', 'Authentication is required.', 'Send a valid bearer token of a registered user.');
  end if;

  -- the tenants that the user could enter, by memberships as they are now
  select array_agg(t.id) filter (where fits),
         coalesce(bool_or(t.type = 'platform') filter (where fits), false),
         coalesce(bool_or(coalesce(m.last_accessed_at < now() - tenancy.visit_precision(), true)) filter (where fits and t.status <> 'suspended'), false),
         coalesce(bool_or(t.type = 'platform' and t.status = 'active' and m.role in ('owner', 'admin')), false)
    into v_tenant_ids, v_is_platform, v_is_stale, v_is_staff
    from app_public.user_tenants m
    join app_public.tenants t on t.id = m.tenant_id
   cross join lateral (
     select t.status in ('trial', 'active', 'suspended')
        and (v_requested is null or t.slug = v_requested or t.id::text = v_requested) as fits
   ) as wanted
   where m.user_id = v_user_id and m.status = 'active';

  if cardinality(v_tenant_ids) > 1 then
    perform core.raise_error('ID401', 'You are a member of several tenants.', 'Name one in the x-tenant-id header.');
  elsif cardinality(v_tenant_ids) = 1 then
    if v_is_stale then
      perform tenancy.note_visit(v_user_id, v_tenant_ids[1]);
    end if;
    return query select v_user_id, v_tenant_ids[1], case when v_is_staff and v_is_platform then 'rowhouse_admin' else 'rowhouse_user' end;
    return;
  elsif v_requested is null then
    -- A person without a tenant sees no data of a tenant, but can answer invitations.
    perform tenancy.note_visit(v_user_id, null);
    return query select v_user_id, null::uuid, 'rowhouse_user';
    return;
  end if;

  -- Platform staff can enter any tenant, and visitors from a tenant above can enter to read. Each request is logged.
  select t.id, t.status into v_tenant_id, v_status
    from app_public.tenants t where t.slug = v_requested or t.id::text = v_requested;
  if v_is_staff and v_tenant_id is not null
    or v_status in ('trial', 'active', 'suspended') and tenancy.may_view_subtree(v_user_id, v_tenant_id) then
    perform audit.record('security', case when v_is_staff then 'staff_entered' else 'visitor_entered' end, v_tenant_id,
      user_id => v_user_id, request_id => authenticate.claims ->> 'request_id');
    return query select v_user_id, v_tenant_id, case when v_is_staff then 'rowhouse_admin' else 'rowhouse_user' end;
    return;
  end if;

  perform core.raise_error('ID201', 'This tenant does not exist, or you are not a member of it.',
    'Check the x-tenant-id header; ask an owner of the tenant to invite you.');
end
$$;
comment on function tenancy.authenticate is
  E'@errors ID101 ID201 ID401\nTurns verified claims and a tenant (an id or a slug) into a user, a tenant and a database role. The requested tenant can be null when the user is a member of one tenant or of none; in the latter case the returned tenant is null.';
grant execute on function tenancy.authenticate to rowhouse_authenticator;

set local role rowhouse_platform;  -- outside the wall: command-line tools act as a member of a tenant; for the server's login only
create or replace function tenancy.operator_identity(tenant text, email text default null)
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
       and (operator_identity.email is null and m.role = 'owner' or u.email = core.fold_email(operator_identity.email))
     order by m.joined_at, m.id
     limit 1;
  if not found then
    perform core.raise_error('ID201', 'This tenant does not exist, or that person is not a member of it.',
      'List the tenants with: npm run tenant -- list');
  end if;
end
$$;
comment on function tenancy.operator_identity is
  E'@errors ID201\nThe member as whom a command-line tool acts in a tenant: the one with this e-mail address or, without an address, the first owner. For the server''s login only.';
grant execute on function tenancy.operator_identity to rowhouse_authenticator;

set local role rowhouse_owner;

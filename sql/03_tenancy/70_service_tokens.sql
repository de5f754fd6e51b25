-- Tokens by which a tenant's own services are known. Shown once, kept as a hash; the tenant's id in a token only says
-- where to look for it.

comment on type app_public.service_token is 'A token one of the tenant''s services is known by; the token itself was shown once and is not kept.';
comment on column app_public.service_token.name is 'The service, unique in the tenant.';
comment on column app_public.service_token.created_at is 'When it was made.';
comment on column app_public.service_token.last_used_at is 'When it was last used, to the minute, null when it never was.';

create or replace function app_public.create_service_token(name text) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_name text := trim(create_service_token.name);
  v_tenant_id uuid := core.current_tenant_id();
  v_tokens jsonb;
  v_token text;
begin
  perform tenancy.require_permission('can_manage_settings');
  if not coalesce(core.is_name(v_name) and length(v_name) <= 100, false) then
    perform core.raise_error('TN406', 'The name of a token has 1 to 100 characters.', 'Name the service that will use it.');
  end if;
  select c.service_tokens into v_tokens from app_public.tenant_config c where c.tenant_id = v_tenant_id for no key update;
  if v_tokens ? v_name then
    perform core.raise_error('TN505', 'There is a token of this name.', 'Choose another name, or revoke that one first.');
  end if;
  if (select count(*) from jsonb_object_keys(v_tokens)) >= 50 then
    perform core.raise_error('TN603', 'A tenant has at most 50 service tokens.', 'Revoke one that is not used any more.');
  end if;
  -- 366 random bits (three UUIDs of 122, from the server's strong source) hashed to 256
  v_token := format('rhs_%s_%s', replace(v_tenant_id::text, '-', ''),
    encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'));
  update app_public.tenant_config c
     set service_tokens = c.service_tokens || jsonb_build_object(v_name, jsonb_build_object(
           'hash', encode(sha256(convert_to(v_token, 'UTF8')), 'hex'), 'created_at', core.clock(), 'last_used_at', null))
   where c.tenant_id = v_tenant_id;
  return v_token;
end
$$;
comment on function app_public.create_service_token is
  E'@resultFieldName token\n@errors ID203 TN406 TN505 TN603\nMakes a token for one of this tenant''s services and returns it, this once: only its hash is kept. For members with the permission can_manage_settings.';
grant execute on function app_public.create_service_token to rowhouse_user;

create or replace function app_public.service_tokens() returns setof app_public.service_token
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_settings');
  return query
    select e.key, (e.value ->> 'created_at')::timestamptz, (e.value ->> 'last_used_at')::timestamptz
      from app_public.tenant_config c, jsonb_each(c.service_tokens) as e
     where c.tenant_id = core.current_tenant_id()
     order by e.key;
end
$$;
comment on function app_public.service_tokens is
  E'@errors ID203\nThis tenant''s service tokens by name, without the tokens. For members with the permission can_manage_settings.';
grant execute on function app_public.service_tokens to rowhouse_user;

create or replace function app_public.revoke_service_token(name text) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_name text := trim(revoke_service_token.name);
begin
  perform tenancy.require_permission('can_manage_settings');
  update app_public.tenant_config c set service_tokens = c.service_tokens - v_name
   where c.tenant_id = core.current_tenant_id() and c.service_tokens ? v_name;
  if not found then
    perform core.raise_error('TN302', 'There is no such token.', 'serviceTokens lists them.');
  end if;
  return v_name;
end
$$;
comment on function app_public.revoke_service_token is
  E'@resultFieldName name\n@errors ID203 TN302\nTakes a service token back; it is of no use from then on. For members with the permission can_manage_settings.';
grant execute on function app_public.revoke_service_token to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a token is looked at before any tenant is known; for the server's login only
create or replace function tenancy.verify_service_token(token text) returns table (tenant_id uuid, name text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid;
  v_name text;
  v_last_used_at timestamptz;
begin
  if verify_service_token.token ~ '^rhs_[0-9a-f]{32}_[0-9a-f]{64}$' then
    select c.tenant_id, e.key, (e.value ->> 'last_used_at')::timestamptz into v_tenant_id, v_name, v_last_used_at
      from app_public.tenant_config c
      join app_public.tenants t on t.id = c.tenant_id and t.status in ('trial', 'active')
     cross join jsonb_each(c.service_tokens) as e
     where c.tenant_id = substr(verify_service_token.token, 5, 32)::uuid
       and e.value ->> 'hash' = encode(sha256(convert_to(verify_service_token.token, 'UTF8')), 'hex');
  end if;
  if v_name is null then
    return;
  end if;
  -- to the minute: a busy service must not write a row a request
  if coalesce(v_last_used_at < core.clock() - interval '1 minute', true) then
    update app_public.tenant_config c
       set service_tokens = jsonb_set(c.service_tokens, array[v_name, 'last_used_at'], to_jsonb(core.clock()))
     -- it may have been revoked in between
     where c.tenant_id = v_tenant_id and c.service_tokens ? v_name;
    if not found then
      return;
    end if;
  end if;
  return query select v_tenant_id, v_name;
end
$$;
comment on function tenancy.verify_service_token is
  'Whose service token this is, and its name; nothing when it is unknown, revoked, or its tenant is neither in trial nor active. For the server''s login.';
grant execute on function tenancy.verify_service_token to rowhouse_authenticator;

set local role rowhouse_owner;

-- Service tokens, by which the server recognizes the services of a tenant. A token is shown once, and vault keeps its hash.
-- The token contains the tenant's id, which only tells where to look for the hash.

comment on type app_public.service_token is 'A token of one of the tenant''s services. The token itself was shown once and is not stored.';
comment on column app_public.service_token.name is E'@notNull\nThe name of the service, unique in the tenant.';
comment on column app_public.service_token.created_at is E'@notNull\nWhen it was created.';
comment on column app_public.service_token.last_used_at is 'When it was last used, to the minute; null when it was never used.';

create or replace function tenancy.max_service_tokens() returns int
language sql immutable parallel safe
return 50;
comment on function tenancy.max_service_tokens is
  'How many service tokens a tenant can have.';

create or replace function app_public.create_service_token(name text) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text := trim(create_service_token.name);
  v_tenant_id uuid := core.current_tenant_id();
  v_tokens jsonb;
  v_token text;
begin
  perform tenancy.require_permission('can_manage_settings');
  if not coalesce(core.is_name(v_name) and length(v_name) <= 100, false) then
    perform core.raise_error('TN406', 'The name of a token must have 1 to 100 characters.', 'Name the service that will use it.');
  end if;
  select c.service_tokens into v_tokens from vault.tenant_config c where c.tenant_id = v_tenant_id for no key update;
  if v_tokens ? v_name then
    perform core.raise_error('TN505', 'A token with this name exists already.', 'Choose another name, or revoke the other token first.');
  end if;
  if (select count(*) from jsonb_object_keys(v_tokens)) >= tenancy.max_service_tokens() then
    perform core.raise_error('TN603', format('A tenant can have at most %s service tokens.', tenancy.max_service_tokens()),
      'Revoke a token that is not used any more.');
  end if;
  v_token := format('rhs_%s_%s', replace(v_tenant_id::text, '-', ''), encode(tenancy.random_secret(), 'hex'));
  update vault.tenant_config c
     set service_tokens = c.service_tokens || jsonb_build_object(v_name, jsonb_build_object(
           'hash', encode(tenancy.token_hash(v_token), 'hex'), 'created_at', core.clock(), 'last_used_at', null))
   where c.tenant_id = v_tenant_id;
  return v_token;
end
$$;
comment on function app_public.create_service_token is
  E'@resultFieldName token\n@errors ID203 TN406 TN505 TN603\nCreates a token for one of this tenant''s services and returns it. It is shown only this once, because only its hash is stored. You need the permission can_manage_settings.';
grant execute on function app_public.create_service_token to rowhouse_user;

create or replace function app_public.service_tokens() returns setof app_public.service_token
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_settings');
  return query
    select e.key, (e.value ->> 'created_at')::timestamptz, (e.value ->> 'last_used_at')::timestamptz
      from vault.tenant_config c, jsonb_each(c.service_tokens) as e
     where c.tenant_id = core.current_tenant_id()
     order by e.key;
end
$$;
comment on function app_public.service_tokens is
  E'@errors ID203\nThe service tokens of this tenant by name, without the tokens themselves. You need the permission can_manage_settings.';
grant execute on function app_public.service_tokens to rowhouse_user;

create or replace function app_public.revoke_service_token(name text) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text := trim(revoke_service_token.name);
begin
  perform tenancy.require_permission('can_manage_settings');
  update vault.tenant_config c set service_tokens = c.service_tokens - v_name
   where c.tenant_id = core.current_tenant_id() and c.service_tokens ? v_name;
  if not found then
    perform core.raise_error('TN302', 'This token does not exist.', 'serviceTokens lists the tokens of this tenant.');
  end if;
  return v_name;
end
$$;
comment on function app_public.revoke_service_token is
  E'@resultFieldName name\n@errors ID203 TN302\nRevokes a service token, which stops working at once. You need the permission can_manage_settings.';
grant execute on function app_public.revoke_service_token to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a token is verified before any tenant is known; for the server's login only
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
      from vault.tenant_config c
      join app_public.tenants t on t.id = c.tenant_id and tenancy.is_open(t.status, t.ancestor_ids)
     cross join jsonb_each(c.service_tokens) as e
     where c.tenant_id = substr(verify_service_token.token, 5, 32)::uuid
       and e.value ->> 'hash' = encode(tenancy.token_hash(verify_service_token.token), 'hex');
  end if;
  if v_name is null then
    return;
  end if;
  -- Once a minute is enough, so that a busy service does not write a row with every request.
  if coalesce(v_last_used_at < core.clock() - interval '1 minute', true) then
    update vault.tenant_config c
       set service_tokens = jsonb_set(c.service_tokens, array[v_name, 'last_used_at'], to_jsonb(core.clock()))
     -- it may have been revoked since it was read
     where c.tenant_id = v_tenant_id and c.service_tokens ? v_name;
    if not found then
      return;
    end if;
  end if;
  return query select v_tenant_id, v_name;
end
$$;
comment on function tenancy.verify_service_token is
  'The tenant and the name of a service token. It returns nothing when the token is not known, or when its tenant, or a tenant above it, is not in trial or active. For the server''s login.';
grant execute on function tenancy.verify_service_token to rowhouse_authenticator;

set local role rowhouse_owner;

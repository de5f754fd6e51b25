-- What comes into being with a tenant, what is asked before any tenant is known, and the record of its life, which may be
-- changed from outside its context.

create or replace function app_private.tg_tenants__create_config() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.tenant_config (tenant_id) values (new.id);
  return null;
end
$$;
comment on function app_private.tg_tenants__create_config() is 'Gives a new tenant its row of tenant_config.';

create or replace function app_private.tg_tenants__record_status() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.tenant_status_history (tenant_id, from_status, to_status, reason, changed_by_user_id, changed_at)
  values (new.id, case tg_op when 'UPDATE' then old.status end, new.status,
          coalesce(new.suspension_reason, new.cancellation_reason), app_hidden.current_user_id(), app_hidden.clock());
  return null;
end
$$;
comment on function app_private.tg_tenants__record_status() is 'Records each step in the life of a tenant, whoever takes it.';
grant execute on function app_private.tg_tenants__create_config(), app_private.tg_tenants__record_status() to rowhouse_owner;

create or replace function app_private.is_allowed_origin(origin text, tenant_id uuid default null) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return exists (
    select from app_public.tenant_config c
     where c.allowed_origins @> array[is_allowed_origin.origin]
       and (is_allowed_origin.tenant_id is null or c.tenant_id = is_allowed_origin.tenant_id));
end
$$;
comment on function app_private.is_allowed_origin(text, uuid) is
  'Whether browsers may call from this origin: on behalf of this tenant, or, where none is known yet (a preflight), of any. For the server''s login.';
grant execute on function app_private.is_allowed_origin(text, uuid) to rowhouse_authenticator;

create or replace function app_private.verify_service_token(token text) returns table (tenant_id uuid, name text)
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
  if coalesce(v_last_used_at < app_hidden.clock() - interval '1 minute', true) then
    update app_public.tenant_config c
       set service_tokens = jsonb_set(c.service_tokens, array[v_name, 'last_used_at'], to_jsonb(app_hidden.clock()))
     -- it may have been revoked in between
     where c.tenant_id = v_tenant_id and c.service_tokens ? v_name;
    if not found then
      return;
    end if;
  end if;
  return query select v_tenant_id, v_name;
end
$$;
comment on function app_private.verify_service_token(text) is
  'Whose service token this is, and its name; nothing when it is unknown, revoked, or its tenant is neither in trial nor active. For the server''s login.';
grant execute on function app_private.verify_service_token(text) to rowhouse_authenticator;

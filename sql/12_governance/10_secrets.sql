-- A tenant's own keys for providers. The idea: the server encrypts a key before it reaches SQL, so that the database, its
-- dumps and its logs hold nothing that opens without the server's master key. One function, governance.open_secret, hands a
-- ciphertext out, after it has checked who asks and counted the use.

call core.secure_tenant_table('app_public.encrypted_api_keys');
call audit.track('app_public.encrypted_api_keys');
call core.allow('app_public.encrypted_api_keys', read => 'can_manage_settings', update => 'can_manage_settings');
grant select on app_public.encrypted_api_keys to rowhouse_user, rowhouse_platform;
grant update (
  description, allowed_agents, allowed_users, allowed_ips, max_calls_per_day, max_cost_per_day, is_active, expires_at
) on app_public.encrypted_api_keys to rowhouse_user;
comment on table app_public.encrypted_api_keys is
  E'@name secret\n@behavior -insert -delete\nThe keys of this tenant for providers of models, tools and other services. The key itself is encrypted by the server and is never shown again. Reading and writing need the permission can_manage_settings.';
comment on column app_public.encrypted_api_keys.tenant_id is 'The tenant.';
comment on column app_public.encrypted_api_keys.id is 'The id, to which the ciphertext is bound.';
comment on column app_public.encrypted_api_keys.key_name is E'@notPersonal\nThe name by which tools refer to it (secret_name); unique among the keys that are not revoked.';
comment on column app_public.encrypted_api_keys.description is E'@notPersonal\nWhat it is for.';
comment on column app_public.encrypted_api_keys.key_prefix is E'@notPersonal\nThe first four characters of a long key, by which people recognise it; empty for a key of fewer than 20 characters.';
comment on column app_public.encrypted_api_keys.provider_type is 'What it is for.';
comment on column app_public.encrypted_api_keys.provider_id is 'The provider of models whose calls for this tenant use it in place of the platform''s key.';
comment on column app_public.encrypted_api_keys.allowed_agents is 'The agents that may use it; null when all may.';
comment on column app_public.encrypted_api_keys.allowed_users is 'The people for whom it may be used; null when it is for all.';
comment on column app_public.encrypted_api_keys.allowed_ips is E'@notPersonal\nThe addresses and ranges from which it may be used; null when it may be used from anywhere.';
comment on column app_public.encrypted_api_keys.max_calls_per_day is 'Most uses in a day of the tenant''s time zone; null when there is no limit.';
comment on column app_public.encrypted_api_keys.max_cost_per_day is 'The US dollars in a day after which it is not used any more; null when there is no limit.';
comment on column app_public.encrypted_api_keys.is_active is 'Whether it may be used.';
comment on column app_public.encrypted_api_keys.expires_at is 'When it stops being used; null when it does not expire.';
comment on column app_public.encrypted_api_keys.last_used_at is E'@kept\nWhen it was last used, to the minute.';
comment on column app_public.encrypted_api_keys.last_rotated_at is 'When the key was last replaced by a new one.';
comment on column app_public.encrypted_api_keys.created_by is E'@personal pseudonymise\nWho stored it.';
comment on column app_public.encrypted_api_keys.created_at is 'When it was stored.';
comment on column app_public.encrypted_api_keys.updated_at is 'When it last changed.';
comment on column app_public.encrypted_api_keys.revoked_at is 'When it was revoked. The ciphertext was deleted then.';
comment on column app_public.encrypted_api_keys.revoked_by is E'@personal pseudonymise\nWho revoked it.';
comment on constraint encrypted_api_keys_provider_id_fkey on app_public.encrypted_api_keys is E'@behavior -manyToOne -backward\nmust be a provider of models';
comment on constraint encrypted_api_keys_created_by_fkey on app_public.encrypted_api_keys is E'@fieldName creator\n@behavior -backward';
comment on constraint encrypted_api_keys_revoked_by_fkey on app_public.encrypted_api_keys is E'@fieldName revoker\n@behavior -backward';
comment on constraint key_name_is_a_name on app_public.encrypted_api_keys is
  'must begin with a lower-case letter and have at most 63 lower-case letters, digits, _ and -';
comment on constraint provider_is_of_models on app_public.encrypted_api_keys is 'can be given only for the type llm';
comment on constraint max_calls_per_day_is_positive on app_public.encrypted_api_keys is 'must be above 0';
comment on constraint max_cost_per_day_is_positive on app_public.encrypted_api_keys is 'must be above 0';
comment on index app_public.encrypted_api_keys_name_key is 'is taken by another key of this tenant';
comment on index app_public.encrypted_api_keys_provider_key is 'has another key of this tenant already';

call core.secure_tenant_table('vault.data_keys');
call audit.track('vault.data_keys');
grant select, update on vault.data_keys to rowhouse_platform;
comment on table vault.data_keys is 'The data key of each tenant, wrapped by a master key that only the server has.';
call core.secure_tenant_table('vault.encrypted_api_keys');
call audit.track('vault.encrypted_api_keys');
comment on table vault.encrypted_api_keys is 'The ciphertext of each key: nonce, AES-256-GCM ciphertext and tag; and an HMAC of the key under the data key.';
call core.secure_tenant_table('governance.secret_uses');
call audit.leave_out('counters that rules keep', 'governance.secret_uses');
comment on table governance.secret_uses is 'The uses and the cost of each key by day of the tenant''s time zone, for 90 days.';

create or replace function governance.today(tenant_id uuid) returns date
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select (core.clock() at time zone t.timezone)::date from app_public.tenants t where t.id = today.tenant_id;
$$;
comment on function governance.today is 'The day that it is in the time zone of a tenant.';

create or replace function governance.tenant_data_key(master_key_id text, wrapped_key bytea)
returns table (tenant_id uuid, used_master_key_id text, used_wrapped_key bytea)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := core.current_tenant_id();
begin
  perform tenancy.require_permission('can_manage_settings');
  -- Of two servers that offer a key at the same time, the first one's is taken, and both read it.
  insert into vault.data_keys (tenant_id, master_key_id, wrapped_key)
  values (v_tenant_id, tenant_data_key.master_key_id, tenant_data_key.wrapped_key)
  on conflict on constraint data_keys_pkey do nothing;
  return query select d.tenant_id, d.master_key_id, d.wrapped_key from vault.data_keys d where d.tenant_id = v_tenant_id;
end
$$;
comment on function governance.tenant_data_key is
  E'@errors ID203\nThe wrapped data key of this tenant. The one that is given becomes it when there is none. For the server, before it encrypts a secret; you need the permission can_manage_settings.';
grant execute on function governance.tenant_data_key to rowhouse_user;

-- What the server makes of a secret: rhsec1.<id>.<prefix>.<nonce, ciphertext and tag>.<HMAC>, each part but the id in Base64.
create or replace function governance.store_ciphertext(secret_id uuid, sealed text) returns text
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_parts text[] := string_to_array(sealed, '.');
begin
  insert into vault.encrypted_api_keys as e (tenant_id, id, encrypted_key, key_hash)
  values (core.current_tenant_id(), store_ciphertext.secret_id, decode(v_parts[4], 'base64'), decode(v_parts[5], 'base64'))
  on conflict on constraint encrypted_api_keys_pkey do update
    set encrypted_key = excluded.encrypted_key, key_hash = excluded.key_hash;
  return convert_from(decode(v_parts[3], 'base64'), 'UTF8');
end
$$;
comment on function governance.store_ciphertext is 'Stores what the server sealed as the ciphertext of a secret. Returns the prefix to show.';

create or replace function governance.sealed_id(sealed text) returns uuid
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  -- The value is quoted nowhere: whoever gets here past the server may have given the secret itself.
  if sealed is null or length(sealed) > 30000
    or sealed !~ '^rhsec1\.[0-9a-f-]{36}\.[A-Za-z0-9+/=]*\.[A-Za-z0-9+/=]{40,}\.[A-Za-z0-9+/=]{44}$' then
    perform core.raise_error('SE401', 'The secret was not encrypted by the server.', 'Store secrets through the GraphQL API, whose server encrypts them.');
  end if;
  return split_part(sealed, '.', 2)::uuid;
end
$$;
comment on function governance.sealed_id is E'@errors SE401\nThe id to which the server bound a sealed secret.';

create or replace function app_public.create_secret(
  key_name text, secret text, provider_type app_public.secret_provider_type, provider_id uuid default null,
  description text default null, allowed_agents uuid[] default null, allowed_users uuid[] default null,
  allowed_ips inet[] default null, max_calls_per_day int default null, max_cost_per_day numeric default null,
  expires_at timestamptz default null
) returns app_public.encrypted_api_keys
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_id uuid := governance.sealed_id(create_secret.secret);
  v_key app_public.encrypted_api_keys;
begin
  perform tenancy.require_permission('can_manage_settings');
  insert into app_public.encrypted_api_keys (
    tenant_id, id, key_name, description, key_prefix, provider_type, provider_id, allowed_agents, allowed_users, allowed_ips,
    max_calls_per_day, max_cost_per_day, expires_at, created_by)
  values (
    core.current_tenant_id(), v_id, create_secret.key_name, create_secret.description, '', create_secret.provider_type,
    create_secret.provider_id, create_secret.allowed_agents, create_secret.allowed_users, create_secret.allowed_ips,
    create_secret.max_calls_per_day, create_secret.max_cost_per_day, create_secret.expires_at, core.current_user_id());
  update app_public.encrypted_api_keys k set key_prefix = governance.store_ciphertext(v_id, create_secret.secret)
   where k.tenant_id = core.current_tenant_id() and k.id = v_id
  returning * into v_key;
  return v_key;
end
$$;
comment on function app_public.create_secret is
  E'@resultFieldName secret\n@errors ID203 SE401 SE402 SE901\nStores a key for a provider. The server encrypts it before it reaches the database, and it is never shown again. You need the permission can_manage_settings.';
grant execute on function app_public.create_secret to rowhouse_user;

create or replace function governance.locked_secret(id uuid) returns app_public.encrypted_api_keys
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key app_public.encrypted_api_keys;
begin
  perform tenancy.require_permission('can_manage_settings');
  select * into v_key from app_public.encrypted_api_keys k
   where k.tenant_id = core.current_tenant_id() and k.id = locked_secret.id and k.revoked_at is null for no key update;
  if not found then
    perform core.raise_error('SE301', 'This secret does not exist, or it is revoked.', 'List the secrets of this tenant.');
  end if;
  return v_key;
end
$$;
comment on function governance.locked_secret is E'@errors ID203 SE301\nA secret of this tenant that is not revoked, locked.';

create or replace function app_public.rotate_secret(id uuid, secret text) returns app_public.encrypted_api_keys
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_key app_public.encrypted_api_keys := governance.locked_secret(rotate_secret.id);
begin
  if governance.sealed_id(rotate_secret.secret) <> v_key.id then
    perform core.raise_error('SE401', 'The secret was encrypted for another row.', 'Store secrets through the GraphQL API, whose server encrypts them.');
  end if;
  update app_public.encrypted_api_keys k
     set key_prefix = governance.store_ciphertext(v_key.id, rotate_secret.secret), last_rotated_at = core.clock()
   where k.tenant_id = v_key.tenant_id and k.id = v_key.id
  returning * into v_key;
  return v_key;
end
$$;
comment on function app_public.rotate_secret is
  E'@resultFieldName secret\n@errors ID203 SE301 SE401 SE402 SE901\nReplaces a key by a new one, which is used from the next call on. You need the permission can_manage_settings.';
grant execute on function app_public.rotate_secret to rowhouse_user;

create or replace function app_public.revoke_secret(id uuid) returns app_public.encrypted_api_keys
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_key app_public.encrypted_api_keys := governance.locked_secret(revoke_secret.id);
begin
  delete from vault.encrypted_api_keys e where e.tenant_id = v_key.tenant_id and e.id = v_key.id;
  update app_public.encrypted_api_keys k
     set revoked_at = core.clock(), revoked_by = core.current_user_id(), is_active = false
   where k.tenant_id = v_key.tenant_id and k.id = v_key.id
  returning * into v_key;
  return v_key;
end
$$;
comment on function app_public.revoke_secret is
  E'@resultFieldName secret\n@errors ID203 SE301\nRevokes a key: it is not used any more from now on, and its ciphertext is deleted. You need the permission can_manage_settings.';
grant execute on function app_public.revoke_secret to rowhouse_user;

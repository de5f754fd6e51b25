-- API keys, by which programs call: who sees them, and how their secrets look. A key acts as its maker, and what it may do is
-- the smaller of what it was given and what its maker may at the moment (see 10_permissions.sql). Nothing of it changes later
-- but its secret and its end, so a key below another one stays within it.

call core.secure_tenant_table('app_public.api_keys');
call audit.track('app_public.api_keys');
-- live streams of a key that was revoked, or is below one, end at once
call core.announce('app_public.api_keys');
call core.exempt_from_guard('app_public.api_keys', '_000_require_writable_tenant', 'a key that has leaked is revoked in a tenant that is read-only, too; the functions that make keys check it themselves');
-- A program sees its own key and those below it.
call core.define_access('this_key', 'id = (select core.current_api_key_id())', 'the key of the request', null);
call core.define_access('key_above', 'ancestor_ids @> array[(select core.current_api_key_id())]', 'a key above it', null);
create policy select_maker on app_public.api_keys for select to rowhouse_user
  using (
    (created_by_user_id = (select core.current_user_id()) or (select tenancy.has_permission('can_manage_settings')))
    and ((select core.current_api_key_id()) is null
         or id = (select core.current_api_key_id())
         or ancestor_ids @> array[(select core.current_api_key_id())]));
grant select on app_public.api_keys to rowhouse_user;
grant select, insert, update, delete on app_public.api_keys to rowhouse_platform;
comment on table app_public.api_keys is
  E'@behavior -insert -update -delete\nA key by which a program calls. You see the keys that you made, and with can_manage_settings all of the tenant. The secret itself was shown once and is not stored.';
comment on column app_public.api_keys.name is E'@notPersonal\nWhat it is for.';
comment on column app_public.api_keys.key_type is 'For whom it acts.';
comment on column app_public.api_keys.environment is 'Whether it begins with rh_live_ or rh_test_.';
comment on column app_public.api_keys.prefix is 'Its first 12 characters, by which people recognize it.';
comment on column app_public.api_keys.parent_key_id is 'The key above it, which it never exceeds. When that one is revoked, this one ends too.';
comment on column app_public.api_keys.ancestor_ids is E'@behavior -*\nThe keys above it, from the top down to the parent.';
comment on column app_public.api_keys.agent_id is 'The agent for which a key of type agent acts.';
comment on column app_public.api_keys.service_name is E'@notPersonal\nThe program that uses a key of type service or gateway.';
comment on column app_public.api_keys.role is 'The highest role that it acts with. viewer: it only reads. Its maker''s own role limits it too.';
comment on column app_public.api_keys.permissions is 'The permissions that it has as long as its maker has them.';
comment on column app_public.api_keys.allowed_services is 'The parts of the server that it may call; null for all.';
comment on column app_public.api_keys.allowed_agents is 'The agents for which it may record and reserve usage and do tasks; null for all.';
comment on column app_public.api_keys.allowed_users is E'@personal keep whom a key may act for is part of the record of security\nThe people whose usage it may record; null for those whose usage its maker may record.';
comment on column app_public.api_keys.allowed_ips is E'@notPersonal these are addresses of programs\nThe addresses and networks from which it may be used; null for all.';
comment on column app_public.api_keys.max_calls_per_day is 'How many API calls it may make on a day of the tenant''s time zone, together with the keys below it; null for no limit of its own. It is a quota of the key.';
comment on column app_public.api_keys.max_cost_per_day is 'How much it may cost on a day, in US dollars, together with the keys below it; null for no limit of its own. It is a quota of the key.';
comment on column app_public.api_keys.expires_at is 'When it ends; null when it does not.';
comment on column app_public.api_keys.last_used_at is E'@kept\nWhen it was last used, to the minute; null when it never was.';
comment on column app_public.api_keys.last_rotated_at is 'When it last got a new secret.';
comment on column app_public.api_keys.created_by_user_id is E'@personal keep who made a key is part of the record of security\nWho made it, and as whom it acts.';
comment on column app_public.api_keys.revoked_at is 'When it was revoked.';
comment on column app_public.api_keys.revoked_by_user_id is E'@personal keep who revoked a key is part of the record of security\nWho revoked it.';
comment on column app_public.api_keys.created_at is 'When it was made.';
comment on column app_public.api_keys.updated_at is 'When it last changed.';
comment on constraint name_is_a_name on app_public.api_keys is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint api_keys_tenant_id_parent_key_id_fkey on app_public.api_keys is E'@fieldName parentKey\n@foreignFieldName childKeys';
comment on constraint key_is_not_too_deep on app_public.api_keys is 'must be at most five keys below the first one';
comment on constraint agent_is_named_by_its_key on app_public.api_keys is 'must be given for a key of type agent, and for no other';
comment on constraint service_is_named_by_its_key on app_public.api_keys is 'must be given for a key of type service or gateway, and for no other';
comment on constraint service_name_is_a_name on app_public.api_keys is
  'must have 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint role_fits_the_type on app_public.api_keys is 'must be admin for a key of type admin, and member or viewer for any other';
comment on constraint reading_key_has_permissions_to_read on app_public.api_keys is
  'must be among can_view_analytics, can_view_audit and can_view_subtree for a key that only reads';
comment on constraint allowed_services_are_named on app_public.api_keys is 'must have an entry, or be left out to allow all';
comment on constraint allowed_agents_are_named on app_public.api_keys is 'must have an entry, or be left out to allow all';
comment on constraint allowed_users_are_named on app_public.api_keys is 'must have an entry, or be left out to allow all';
comment on constraint allowed_ips_are_named on app_public.api_keys is 'must have an entry, or be left out to allow all';
comment on constraint max_calls_per_day_is_not_negative on app_public.api_keys is 'must be at least 0';
comment on constraint max_cost_per_day_is_an_amount on app_public.api_keys is 'must be at least 0 and less than 10^12';

call core.secure_tenant_table('vault.api_keys');
call audit.track('vault.api_keys');
call core.exempt_from_guard('vault.api_keys', '_000_require_writable_tenant', 'the functions that write it check it themselves');
grant select on vault.api_keys to rowhouse_platform;
comment on table vault.api_keys is 'The SHA-256 of the secrets of API keys.';
comment on column vault.api_keys.expires_at is 'When a secret that was replaced ends; null for the one that holds.';

create or replace function app_public.api_keys_status(api_key app_public.api_keys) returns app_public.api_key_status
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return tenancy.key_status((api_key).revoked_at, (api_key).expires_at, (api_key).ancestor_ids);
end
$$;
comment on function app_public.api_keys_status is
  E'@notNull\nWhether it can be used.';
grant execute on function app_public.api_keys_status to rowhouse_user;

create or replace function app_public.api_keys_is_unused(api_key app_public.api_keys) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((api_key).last_used_at, (api_key).created_at) < core.clock() - interval '90 days';
$$;
comment on function app_public.api_keys_is_unused is
  E'@notNull\nWhether it has not been used for 90 days. Revoke such a key.';
grant execute on function app_public.api_keys_is_unused to rowhouse_user;

-- How a key looks: rh_live_, 43 characters for 256 random bits, 6 for their CRC-32. So scanners of code and logs find a key
-- that has leaked, and tell it from a text that only looks like one. server/api-keys.ts reads the same.

create or replace function tenancy.base62(value numeric, length int) returns text
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_digits constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  v_rest numeric := base62.value;
  v_text text := '';
begin
  for i in 1..base62.length loop
    v_text := substr(v_digits, mod(v_rest, 62)::int + 1, 1) || v_text;
    v_rest := div(v_rest, 62);
  end loop;
  return v_text;
end
$$;
comment on function tenancy.base62 is 'A whole number in letters and digits, of a fixed length.';

-- PostgreSQL 18 has crc32, older ones do not.
create or replace function tenancy.crc32(bytes bytea) returns bigint
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_polynomial constant bigint := x'edb88320'::bigint;
  v_crc bigint := x'ffffffff'::bigint;
begin
  for i in 0..octet_length(crc32.bytes) - 1 loop
    v_crc := v_crc # get_byte(crc32.bytes, i);
    for bit in 1..8 loop
      v_crc := case when v_crc & 1 = 1 then (v_crc >> 1) # v_polynomial else v_crc >> 1 end;
    end loop;
  end loop;
  return v_crc # x'ffffffff'::bigint;
end
$$;
comment on function tenancy.crc32 is 'The CRC-32 of bytes, as zlib computes it.';

create or replace function tenancy.random_key(environment text) returns text
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_secret constant bytea := tenancy.random_secret();
  v_number numeric := 0;
  v_text text;
begin
  for i in 0..octet_length(v_secret) - 1 loop
    v_number := v_number * 256 + get_byte(v_secret, i);
  end loop;
  v_text := format('rh_%s_%s', random_key.environment, tenancy.base62(v_number, 43));
  return v_text || tenancy.base62(tenancy.crc32(convert_to(v_text, 'UTF8')), 6);
end
$$;
comment on function tenancy.random_key is 'A new key with 256 random bits and its checksum.';

create or replace function tenancy.issue_secret(api_key app_public.api_keys) returns app_public.issued_api_key
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key constant text := tenancy.random_key((api_key).environment);
begin
  insert into vault.api_keys (tenant_id, api_key_id, key_hash)
  values ((api_key).tenant_id, (api_key).id, tenancy.token_hash(v_key));
  update app_public.api_keys k set prefix = left(v_key, 12) where k.tenant_id = (api_key).tenant_id and k.id = (api_key).id;
  return row ((api_key).id, (api_key).name, v_key)::app_public.issued_api_key;
end
$$;
comment on function tenancy.issue_secret is 'Gives an API key a secret and returns it.';
comment on type app_public.issued_api_key is 'A secret of an API key. It is shown only this once.';
comment on column app_public.issued_api_key.api_key_id is E'@notNull\nThe id of the key.';
comment on column app_public.issued_api_key.name is E'@notNull\nThe name of the key.';
comment on column app_public.issued_api_key.key is E'@notNull\nThe secret: send it as a bearer token.';

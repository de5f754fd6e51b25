-- Rotating and revoking API keys. Both hold from the next request on.

create or replace function tenancy.max_rotation_grace() returns interval
language sql immutable parallel safe
return interval '7 days';
comment on function tenancy.max_rotation_grace is 'For how long at most a secret that was replaced goes on.';

create or replace function tenancy.key_to_change(id uuid, by_managers boolean) returns app_public.api_keys
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key app_public.api_keys;
begin
  select k.* into v_key from app_public.api_keys k
   where k.id = key_to_change.id
     and (k.created_by_user_id = core.current_user_id()
          or key_to_change.by_managers and tenancy.has_permission('can_manage_settings'))
     and (core.current_api_key_id() is null or core.current_api_key_id() = any (k.ancestor_ids || k.id))
     for no key update;
  if not found then
    perform core.raise_error('KY301', 'There is no such API key of yours.', 'List your API keys.');
  end if;
  return v_key;
end
$$;
comment on function tenancy.key_to_change is
  E'@errors KY301\nAn API key that the caller may change, locked: one that they made or, with by_managers, any of the tenant. A program with an API key changes that one and those below it.';

create or replace function app_public.rotate_api_key(id uuid, grace_seconds int default 0) returns app_public.issued_api_key
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key app_public.api_keys;
  v_grace constant interval := make_interval(secs => rotate_api_key.grace_seconds);
begin
  perform tenancy.require_writable_tenant();
  if (v_grace between interval '0' and tenancy.max_rotation_grace()) is not true then
    perform core.raise_error('KY403', 'grace_seconds must be from 0 to 604800, which are 7 days.', 'An hour, 3600, is enough for most programs.');
  end if;
  -- who has a new secret can act as its maker, so nobody else gets one
  v_key := tenancy.key_to_change(rotate_api_key.id, by_managers => false);
  if core.current_api_key_id() is not null then
    perform tenancy.require_permission('can_manage_settings');
    if v_key.id = core.current_api_key_id() then
      perform core.raise_error('KY201', 'Only a person can do this, not an API key.', 'Rotate the key with a token of your own, or with a key above it.');
    end if;
  end if;
  if app_public.api_keys_status(v_key) <> 'active' then
    perform core.raise_error('KY501', 'The API key has ended.', 'Name one that is active, or make a new one.');
  end if;
  -- Of the secrets before, only the last one goes on.
  delete from vault.api_keys s
   where s.tenant_id = v_key.tenant_id and s.api_key_id = v_key.id and s.expires_at is not null;
  update vault.api_keys s set expires_at = core.clock() + v_grace
   where s.tenant_id = v_key.tenant_id and s.api_key_id = v_key.id;
  update app_public.api_keys k set last_rotated_at = core.clock() where k.tenant_id = v_key.tenant_id and k.id = v_key.id;
  return tenancy.issue_secret(v_key);
end
$$;
comment on function app_public.rotate_api_key is
  E'@resultFieldName issued\n@errors ID202 ID203 KY201 KY202 KY301 KY403 KY501 TN202\nGives an API key that you made a new secret and returns it. It is shown only this once. The secret before it goes on for grace_seconds, at most 7 days, and ends at once by default. A program can rotate the keys below its own, with can_manage_settings.';
grant execute on function app_public.rotate_api_key to rowhouse_user;

create or replace function app_public.revoke_api_key(id uuid) returns app_public.api_keys
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key app_public.api_keys := tenancy.key_to_change(revoke_api_key.id, by_managers => true);
begin
  -- It is locked now, so no key below it comes into being that this would not find.
  update app_public.api_keys k
     set revoked_at = core.clock(), revoked_by_user_id = core.current_user_id()
   where k.tenant_id = v_key.tenant_id and (k.id = v_key.id or k.ancestor_ids @> array[v_key.id]) and k.revoked_at is null;
  select k.* into v_key from app_public.api_keys k where k.tenant_id = v_key.tenant_id and k.id = v_key.id;
  return v_key;
end
$$;
comment on function app_public.revoke_api_key is
  E'@resultFieldName apiKey\n@errors KY301\nEnds an API key and all keys below it, for good and from the next request on. Revoking it again changes nothing. You can revoke the keys that you made, and with can_manage_settings all of the tenant; a program can revoke its own key and those below it.';
grant execute on function app_public.revoke_api_key to rowhouse_user;

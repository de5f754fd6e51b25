-- Verifying API keys, next to tokens (60_authentication.sql). One statement decides, so that neither the answer nor its time tells
-- whether a key is unknown, expired, revoked, or used from a wrong address or for a wrong service.

set local role rowhouse_platform;  -- outside the wall: a key is verified before any tenant is known; for the server's login only
create or replace function tenancy.authenticate_key(key_hash bytea, requested_tenant text, address inet, service text)
returns table (user_id uuid, tenant_id uuid, role text, api_key_id uuid, agent_id uuid)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now constant timestamptz := core.clock();
  v_requested constant text := lower(nullif(trim(authenticate_key.requested_tenant), ''));
  -- once a minute is enough, so that a busy program does not write a row with every request
  v_precision constant interval := interval '1 minute';
  v_is_stale boolean;
begin
  select k.created_by_user_id, k.tenant_id, k.id, k.agent_id, coalesce(k.last_used_at < v_now - v_precision, true)
    into user_id, tenant_id, api_key_id, agent_id, v_is_stale
    from vault.api_keys s
    join app_public.api_keys k on k.tenant_id = s.tenant_id and k.id = s.api_key_id
    join app_public.tenants t on t.id = k.tenant_id
    join app_public.user_tenants m on m.tenant_id = k.tenant_id and m.user_id = k.created_by_user_id
    join app_public.user_profiles u on u.id = k.created_by_user_id
   where s.key_hash = authenticate_key.key_hash
     and (s.expires_at is null or s.expires_at > v_now)
     and k.revoked_at is null and (k.expires_at is null or k.expires_at > v_now)
     -- the rule of tenancy.key_status, written out because a call takes longer than the lookup
     and (k.ancestor_ids = '{}' or not exists (
            select from app_public.api_keys a where a.id = any (k.ancestor_ids) and a.revoked_at is not null))
     and (k.allowed_ips is null or authenticate_key.address <<= any (k.allowed_ips))
     and (k.allowed_services is null or authenticate_key.service = any (k.allowed_services))
     and t.status in ('trial', 'active', 'suspended')
     and (v_requested is null or t.slug = v_requested or t.id::text = v_requested)
     and m.status = 'active' and u.is_active and u.deleted_at is null;
  if not found then
    perform core.raise_error('KY101', 'This API key is not accepted.',
      'It may be unknown, revoked or expired, or not meant for this tenant, address or part of the server. The list of API keys tells.');
  end if;
  if v_is_stale and not current_setting('transaction_read_only')::boolean then
    -- A row that another request has locked is left to a later one, so that none waits for it.
    update app_public.api_keys k set last_used_at = v_now
     where k.id in (select l.id from app_public.api_keys l where l.id = api_key_id for no key update skip locked);
  end if;
  -- a key is never platform staff, whoever made it
  role := 'rowhouse_user';
  return next;
end
$$;
comment on function tenancy.authenticate_key is
  E'@errors KY101\nTurns the SHA-256 of an API key into its maker, its tenant and a database role. The error is the same whatever is wrong. For the server''s login.';
grant execute on function tenancy.authenticate_key to rowhouse_authenticator;

set local role rowhouse_platform;  -- outside the wall: limits are checked before a request is in its tenant
create or replace function tenancy.key_chain(api_key_id uuid) returns uuid[]
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return coalesce(
    (select k.ancestor_ids || k.id from app_public.api_keys k where k.id = key_chain.api_key_id), '{}');
end
$$;
comment on function tenancy.key_chain is
  'An API key and the keys above it: what it uses counts to the limits of all of them. The list is empty without a key.';
grant execute on function tenancy.key_chain to rowhouse_owner;

set local role rowhouse_owner;

create or replace function tenancy.require_key_for_agent(agent_id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if core.current_api_key_id() is not null and require_key_for_agent.agent_id is not null
    and require_key_for_agent.agent_id <> all ((tenancy.current_api_key()).allowed_agents) then
    perform core.raise_error('KY204', 'agent_id: This API key is not for this agent.', 'Name an agent that the key allows.');
  end if;
end
$$;
comment on function tenancy.require_key_for_agent is
  E'@errors KY204\nRaises an error when the request came with an API key that is not for this agent.';
grant execute on function tenancy.require_key_for_agent to rowhouse_platform;

create or replace function tenancy.current_agent_id() returns uuid
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if core.current_api_key_id() is null then
    return null;
  end if;
  return (tenancy.current_api_key()).agent_id;
end
$$;
comment on function tenancy.current_agent_id is
  'The agent for which the API key of this request acts, or null.';
grant execute on function tenancy.current_agent_id to rowhouse_platform;

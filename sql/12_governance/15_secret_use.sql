-- How worker and gateway use a tenant's secret. governance.open_secret is the only way to a ciphertext: it checks who asks,
-- counts the use in one conditional statement, and returns what the server opens with its master key.

create or replace function governance.use_secret(secret app_public.encrypted_api_keys) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_call_count int;
  v_today date := governance.today((secret).tenant_id);
begin
  insert into governance.secret_uses as u (tenant_id, secret_id, used_on, call_count)
  values ((secret).tenant_id, (secret).id, v_today, 1)
  on conflict on constraint secret_uses_pkey do update set call_count = u.call_count + 1
    where ((secret).max_calls_per_day is null or u.call_count < (secret).max_calls_per_day)
      and ((secret).max_cost_per_day is null or u.cost_usd < (secret).max_cost_per_day)
  returning u.call_count into v_call_count;
  if not found then
    perform core.raise_error('SE601', format('The secret %s has reached its limit of calls or cost for today.', (secret).key_name),
      'Wait until tomorrow, or raise max_calls_per_day or max_cost_per_day of the secret.');
  elsif v_call_count = 1 then
    delete from governance.secret_uses u
     where u.tenant_id = (secret).tenant_id and u.secret_id = (secret).id and u.used_on < v_today - 90;
  end if;
  -- Once a minute is enough, so that a busy secret is not written with every call.
  update app_public.encrypted_api_keys k set last_used_at = core.clock()
   where k.tenant_id = (secret).tenant_id and k.id = (secret).id
     and coalesce(k.last_used_at < core.clock() - interval '1 minute', true);
end
$$;
comment on function governance.use_secret is E'@errors SE601\nCounts one use of a secret, unless its limits for the day are reached.';

create or replace function governance.open_secret(
  tenant_id uuid, key_name text, agent_id uuid default null, user_id uuid default null, ip_address inet default null)
returns table (id uuid, encrypted_key bytea, master_key_id text, wrapped_key bytea)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_key app_public.encrypted_api_keys;
begin
  call core.enter_tenant(open_secret.tenant_id);
  -- A revocation or rotation that is going on is waited for, and so is another use, whose last_used_at this one may write, too.
  select * into v_key from app_public.encrypted_api_keys k
   where k.tenant_id = open_secret.tenant_id and k.key_name = open_secret.key_name and k.revoked_at is null for no key update;
  if not found or not v_key.is_active or v_key.expires_at <= core.clock() then
    perform core.raise_error('SE302', 'This tenant has no such secret that is active and has not expired.',
      'Store it with createSecret, under the name that the tool or provider refers to.');
  elsif ((v_key.allowed_agents is null or open_secret.agent_id = any (v_key.allowed_agents))
    and (v_key.allowed_users is null or open_secret.user_id = any (v_key.allowed_users))
    and (v_key.allowed_ips is null or open_secret.ip_address <<= any (v_key.allowed_ips))) is not true then
    perform core.raise_error('SE201', format('The secret %s may not be used by this agent or person, or from this address.', v_key.key_name),
      'Extend allowed_agents, allowed_users or allowed_ips of the secret.');
  end if;
  perform governance.use_secret(v_key);
  return query
    select e.id, e.encrypted_key, d.master_key_id, d.wrapped_key
      from vault.encrypted_api_keys e
      join vault.data_keys d on d.tenant_id = e.tenant_id
     where e.tenant_id = v_key.tenant_id and e.id = v_key.id;
end
$$;
comment on function governance.open_secret is
  E'@errors SE201 SE302 SE601\nThe ciphertext of the secret that has this name in the calling tenant, for worker and gateway. It checks that the secret is active, for whom it may be used and its limits for the day, and counts the use. A shared tool is opened with the calling tenant''s secret of that name, never with that of the tool''s tenant.';
grant execute on function governance.open_secret to rowhouse_worker, rowhouse_authenticator;

create or replace function governance.model_secret_name(tenant_id uuid, model_id uuid) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(model_secret_name.tenant_id);
  return (
    select k.key_name
      from app_public.llm_models m
      join app_public.encrypted_api_keys k on k.provider_id = m.provider_id
     where m.id = model_secret_name.model_id and k.tenant_id = model_secret_name.tenant_id and k.revoked_at is null);
end
$$;
comment on function governance.model_secret_name is
  'The name of the tenant''s secret for the provider of a model; null when the tenant has none, so that the platform''s key is used.';
grant execute on function governance.model_secret_name to rowhouse_worker, rowhouse_authenticator;

create or replace function governance.add_secret_cost(tenant_id uuid, secret_id uuid, cost_usd numeric) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(add_secret_cost.tenant_id);
  insert into governance.secret_uses as u (tenant_id, secret_id, used_on, cost_usd)
  values (add_secret_cost.tenant_id, add_secret_cost.secret_id, governance.today(add_secret_cost.tenant_id), greatest(add_secret_cost.cost_usd, 0))
  on conflict on constraint secret_uses_pkey do update set cost_usd = u.cost_usd + excluded.cost_usd;
end
$$;
comment on function governance.add_secret_cost is 'Adds what a call with a secret has cost to the day''s cost of the secret.';
grant execute on function governance.add_secret_cost to rowhouse_worker, rowhouse_authenticator;

-- The row is given by the caller, so only its id is taken from it.
create or replace function app_public.encrypted_api_keys_current_daily_calls(encrypted_api_key app_public.encrypted_api_keys) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((select u.call_count from governance.secret_uses u
                    where u.tenant_id = core.current_tenant_id() and u.secret_id = (encrypted_api_key).id
                      and u.used_on = governance.today(core.current_tenant_id())), 0);
$$;
comment on function app_public.encrypted_api_keys_current_daily_calls is E'@notNull\nHow often it was used today, in the tenant''s time zone.';
grant execute on function app_public.encrypted_api_keys_current_daily_calls to rowhouse_user;

create or replace function app_public.encrypted_api_keys_current_daily_cost(encrypted_api_key app_public.encrypted_api_keys) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((select u.cost_usd from governance.secret_uses u
                    where u.tenant_id = core.current_tenant_id() and u.secret_id = (encrypted_api_key).id
                      and u.used_on = governance.today(core.current_tenant_id())), 0);
$$;
comment on function app_public.encrypted_api_keys_current_daily_cost is E'@notNull\nWhat its calls have cost today in US dollars, in the tenant''s time zone.';
grant execute on function app_public.encrypted_api_keys_current_daily_cost to rowhouse_user;

create or replace function app_public.encrypted_api_keys_last_reset_at(encrypted_api_key app_public.encrypted_api_keys) returns timestamptz
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select billing.local_midnight(core.clock(), t.timezone) from app_public.tenants t where t.id = core.current_tenant_id();
$$;
comment on function app_public.encrypted_api_keys_last_reset_at is E'@notNull\nWhen the count of today began: the last midnight in the tenant''s time zone.';
grant execute on function app_public.encrypted_api_keys_last_reset_at to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a master key wraps the data keys of all tenants; the server sees them wrapped only
create or replace function governance.data_keys_to_rewrap(current_master_key_id text, batch_limit int default 100)
returns table (tenant_id uuid, master_key_id text, wrapped_key bytea)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select d.tenant_id, d.master_key_id, d.wrapped_key
    from vault.data_keys d
   where d.master_key_id <> data_keys_to_rewrap.current_master_key_id
   order by d.tenant_id
   limit least(data_keys_to_rewrap.batch_limit, 1000);
$$;
comment on function governance.data_keys_to_rewrap is 'The next data keys that another master key than the current one wraps.';
grant execute on function governance.data_keys_to_rewrap to rowhouse_worker, rowhouse_authenticator;

create or replace function governance.rewrap_data_key(tenant_id uuid, old_wrapped_key bytea, new_master_key_id text, new_wrapped_key bytea) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Of two workers that re-wrap the same key, the first one's result stays.
  update vault.data_keys d
     set master_key_id = rewrap_data_key.new_master_key_id, wrapped_key = rewrap_data_key.new_wrapped_key, rewrapped_at = core.clock()
   where d.tenant_id = rewrap_data_key.tenant_id and d.wrapped_key = rewrap_data_key.old_wrapped_key;
  return found;
end
$$;
comment on function governance.rewrap_data_key is 'Replaces a wrapped data key, unless it has changed since it was read. Returns whether it was replaced.';
grant execute on function governance.rewrap_data_key to rowhouse_worker, rowhouse_authenticator;

create or replace function governance.master_key_use() returns table (master_key_id text, tenant_count bigint)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select d.master_key_id, count(*) from vault.data_keys d group by d.master_key_id order by d.master_key_id;
$$;
comment on function governance.master_key_use is 'How many tenants'' data keys each master key wraps: the progress of a rotation.';
grant execute on function governance.master_key_use to rowhouse_worker, rowhouse_authenticator;

create or replace function governance.secrets_of_tenant(slug text)
returns table (key_name text, provider_type text, key_prefix text, is_active boolean, expires_at timestamptz,
  last_used_at timestamptz, last_rotated_at timestamptz, revoked_at timestamptz)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select k.key_name, k.provider_type, k.key_prefix, k.is_active, k.expires_at, k.last_used_at, k.last_rotated_at, k.revoked_at
    from app_public.encrypted_api_keys k
    join app_public.tenants t on t.id = k.tenant_id
   where t.slug = secrets_of_tenant.slug
   order by k.key_name, k.created_at
   limit 1000;
$$;
comment on function governance.secrets_of_tenant is 'The secrets of a tenant for its operator, without the keys.';
grant execute on function governance.secrets_of_tenant to rowhouse_authenticator;

set local role rowhouse_owner;

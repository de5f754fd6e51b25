-- Making API keys. Nobody makes a key that may do more than they may, and no key is more than the one above it.

comment on type app_public.new_api_key is 'An API key to make. What is left out is as in the key above it, if there is one.';
comment on column app_public.new_api_key.name is E'@notNull\nWhat it is for.';
comment on column app_public.new_api_key.key_type is 'For whom it acts; user by default. The types admin, service and gateway need can_manage_settings.';
comment on column app_public.new_api_key.environment is 'live by default.';
comment on column app_public.new_api_key.parent_key_id is 'The key above it. What a program makes with an API key is below that key.';
comment on column app_public.new_api_key.agent_id is 'The agent for which a key of type agent acts.';
comment on column app_public.new_api_key.service_name is 'The program that uses a key of type service or gateway.';
comment on column app_public.new_api_key.role is 'The highest role that it acts with: admin for the type admin, else member, or viewer for a key that only reads.';
comment on column app_public.new_api_key.permissions is 'The permissions that it gets, each of which you must have; none by default.';
comment on column app_public.new_api_key.allowed_services is 'The parts of the server that it may call; all by default.';
comment on column app_public.new_api_key.allowed_agents is 'The agents for which it may record and reserve usage and do tasks; all by default.';
comment on column app_public.new_api_key.allowed_users is 'The people whose usage it may record. To name others than yourself you must be an admin.';
comment on column app_public.new_api_key.allowed_ips is 'The addresses and networks, such as 203.0.113.0/24, from which it may be used; all by default.';
comment on column app_public.new_api_key.max_calls_per_day is 'How many API calls it may make on a day, together with the keys below it; no limit by default.';
comment on column app_public.new_api_key.max_cost_per_day is 'How much it may cost on a day, in US dollars, together with the keys below it; no limit by default.';
comment on column app_public.new_api_key.expires_at is 'When it ends; never by default.';

create or replace function tenancy.parent_for_key(parent_key_id uuid) returns app_public.api_keys
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_wanted_id constant uuid := coalesce(parent_for_key.parent_key_id, core.current_api_key_id());
  v_parent app_public.api_keys;
begin
  if v_wanted_id is null then
    return null;
  end if;
  -- whoever revokes it meanwhile waits, and then finds the new key, too
  select k.* into v_parent from app_public.api_keys k
   where k.id = v_wanted_id and k.created_by_user_id = core.current_user_id()
     and (core.current_api_key_id() is null or core.current_api_key_id() = any (k.ancestor_ids || k.id))
     for share;
  if not found then
    perform core.raise_error('KY301', 'parent_key_id: There is no such API key of yours.', 'List your API keys.');
  elsif app_public.api_keys_status(v_parent) <> 'active' then
    perform core.raise_error('KY501', 'The API key has ended.', 'Name one that is active, or make a new one.');
  end if;
  return v_parent;
end
$$;
comment on function tenancy.parent_for_key is
  E'@errors KY301 KY501\nThe key below which a new one is made, or null. Until the transaction ends nobody can revoke it.';

create or replace function tenancy.named_entries(value anyarray) returns anyarray
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select array_agg(distinct entry order by entry) from unnest(named_entries.value) as entry where entry is not null
  having named_entries.value is not null;
$$;
comment on function tenancy.named_entries is 'The entries of a list, each once and without nulls; null for null and for an empty list.';

create or replace function tenancy.completed_key(given app_public.new_api_key, parent app_public.api_keys) returns app_public.api_keys
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key app_public.api_keys;
begin
  v_key.id := gen_random_uuid();
  v_key.tenant_id := core.current_tenant_id();
  v_key.created_by_user_id := core.current_user_id();
  v_key.name := (given).name;
  v_key.key_type := coalesce((given).key_type, 'user');
  v_key.environment := coalesce((given).environment, (parent).environment, 'live');
  v_key.parent_key_id := (parent).id;
  v_key.ancestor_ids := case when (parent).id is null then '{}' else (parent).ancestor_ids || (parent).id end;
  v_key.agent_id := (given).agent_id;
  v_key.service_name := (given).service_name;
  v_key.role := coalesce((given).role, case
    when v_key.key_type = 'admin' then 'admin'
    when (parent).role = 'viewer' then 'viewer'
    else 'member' end);
  v_key.permissions := coalesce(tenancy.named_entries((given).permissions::text[]), '{}');
  v_key.allowed_services := coalesce(tenancy.named_entries((given).allowed_services::text[]), (parent).allowed_services::text[]);
  v_key.allowed_agents := coalesce(
    case when v_key.agent_id is not null then array[v_key.agent_id] end,
    tenancy.named_entries((given).allowed_agents), (parent).allowed_agents);
  v_key.allowed_users := coalesce(tenancy.named_entries((given).allowed_users), (parent).allowed_users);
  v_key.allowed_ips := coalesce(tenancy.named_entries((given).allowed_ips), (parent).allowed_ips);
  v_key.max_calls_per_day := coalesce((given).max_calls_per_day, (parent).max_calls_per_day);
  v_key.max_cost_per_day := coalesce((given).max_cost_per_day, (parent).max_cost_per_day);
  v_key.expires_at := coalesce((given).expires_at, (parent).expires_at);
  return v_key;
end
$$;
comment on function tenancy.completed_key is 'The key that is asked for, with what was left out: as in the key above it, or the default.';

create or replace function tenancy.require_key_within_maker(api_key app_public.api_keys) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if (api_key).key_type in ('admin', 'service', 'gateway') or core.current_api_key_id() is not null then
    perform tenancy.require_permission('can_manage_settings');
  end if;
  if not tenancy.has_role((api_key).role) then
    perform core.raise_error('KY203', 'role: An API key cannot have a higher role than you.', 'Choose a lower role.');
  elsif not (api_key).permissions::text[] <@ tenancy.current_permissions() then
    perform core.raise_error('KY203', 'permissions: An API key cannot have permissions that you do not have.', 'myPermissions lists yours.');
  elsif (api_key).allowed_users <> array[(api_key).created_by_user_id] and not tenancy.has_role('admin') then
    perform core.raise_error('KY203', 'allowed_users: Only admins record the usage of other people.', 'Leave allowed_users out.');
  elsif exists (
    select from unnest((api_key).allowed_users) as u (id)
     where not exists (select from app_public.user_tenants m where m.tenant_id = (api_key).tenant_id and m.user_id = u.id and m.status = 'active')
  ) then
    perform core.raise_error('ID301', 'allowed_users: This person is not an active member of this tenant.', 'List the memberships of this tenant.');
  elsif (api_key).expires_at <= core.clock() then
    perform core.raise_error('KY402', 'expires_at must be in the future.', 'Leave it out for a key that does not end.');
  end if;
end
$$;
comment on function tenancy.require_key_within_maker is
  E'@errors ID203 ID301 KY203 KY402\nRefuses a key that may do more than its maker.';

create or replace function tenancy.field_beyond_parent(api_key app_public.api_keys, parent app_public.api_keys) returns text
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  return case
    when (api_key).environment <> (parent).environment then 'environment'
    when tenancy.role_rank((api_key).role) > tenancy.role_rank((parent).role) then 'role'
    when not (api_key).permissions::text[] <@ (parent).permissions::text[] then 'permissions'
    -- null, everything, is in no list
    when not coalesce((api_key).allowed_services::text[] <@ (parent).allowed_services::text[], (parent).allowed_services is null)
      then 'allowed_services'
    when not coalesce((api_key).allowed_agents <@ (parent).allowed_agents, (parent).allowed_agents is null) then 'allowed_agents'
    when not coalesce((api_key).allowed_users <@ (parent).allowed_users, (parent).allowed_users is null) then 'allowed_users'
    when (parent).allowed_ips is not null and not coalesce((
           select bool_and(ip <<= any ((parent).allowed_ips)) from unnest((api_key).allowed_ips) as ip), false) then 'allowed_ips'
    when (api_key).max_calls_per_day > (parent).max_calls_per_day then 'max_calls_per_day'
    when (api_key).max_cost_per_day > (parent).max_cost_per_day then 'max_cost_per_day'
    when (api_key).expires_at > (parent).expires_at then 'expires_at'
  end;
end
$$;
comment on function tenancy.field_beyond_parent is
  'The first field in which a key would exceed the one above it, or null. What was left out is as above, so null is compared with null.';

create or replace function app_public.create_api_key(api_key app_public.new_api_key) returns app_public.issued_api_key
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_parent app_public.api_keys;
  v_key app_public.api_keys;
  v_field text;
begin
  perform tenancy.require_writable_tenant();
  -- platform staff in the tenant of a customer are no members, and have no keys there
  perform tenancy.require_active_member(core.current_user_id());
  v_parent := tenancy.parent_for_key((create_api_key.api_key).parent_key_id);
  v_key := tenancy.completed_key(create_api_key.api_key, v_parent);
  perform tenancy.require_key_within_maker(v_key);
  v_field := case when v_parent.id is not null then tenancy.field_beyond_parent(v_key, v_parent) end;
  if v_field is not null then
    perform core.raise_error('KY401', v_field || ': An API key cannot have more than the key above it.', 'Ask for less, or leave it out.');
  end if;
  insert into app_public.api_keys (
    id, tenant_id, name, key_type, environment, prefix, parent_key_id, ancestor_ids, agent_id, service_name, role, permissions,
    allowed_services, allowed_agents, allowed_users, allowed_ips, max_calls_per_day, max_cost_per_day, expires_at, created_by_user_id)
  values (
    v_key.id, v_key.tenant_id, v_key.name, v_key.key_type, v_key.environment, format('rh_%s_0000', v_key.environment),
    v_key.parent_key_id, v_key.ancestor_ids, v_key.agent_id, v_key.service_name, v_key.role, v_key.permissions,
    v_key.allowed_services, v_key.allowed_agents, v_key.allowed_users, v_key.allowed_ips,
    v_key.max_calls_per_day, v_key.max_cost_per_day, v_key.expires_at, v_key.created_by_user_id);
  return tenancy.issue_secret(v_key);
end
$$;
comment on function app_public.create_api_key is
  E'@resultFieldName issued\n@errors ID202 ID203 ID301 KY202 KY203 KY301 KY302 KY401 KY402 KY501 QT601 TN202 23505 23514\nMakes an API key and returns its secret, which is shown only this once. The key acts as you, never with more than it was given and never with more than you have at the time. A program with an API key makes keys below its own, for which its key needs can_manage_settings.';
grant execute on function app_public.create_api_key to rowhouse_user;

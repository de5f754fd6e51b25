-- Settings have schemas: one description a column, one validator that names the key it refuses. A description is a tree
-- of {"type": object | list | boolean | integer | number | text, …}; an object knows its keys, everything else its range.

grant execute on function tenancy.are_origins to rowhouse_user, rowhouse_platform;

call core.secure_tenant_table('app_public.tenant_config');
call core.allow('app_public.tenant_config', read => 'can_manage_settings', update => 'can_manage_settings');
-- service_tokens is nobody's to read: functions list, make and revoke them
grant select (id, tenant_id, rate_limit_config, allowed_origins, features, created_at, updated_at) on app_public.tenant_config to rowhouse_user;
grant update (allowed_origins, features) on app_public.tenant_config to rowhouse_user;
grant select, insert, update, delete on app_public.tenant_config to rowhouse_platform;
comment on table app_public.tenant_config is
  E'@behavior -insert -delete\nHow this tenant is reached by programs; one row a tenant. For members with the permission can_manage_settings.';
comment on column app_public.tenant_config.rate_limit_config is
  'Requests it may make: {per_minute, per_hour, per_day, per_month}, integers from 1, null or missing for no limit of its own. Set by platform staff (setTenantEntitlements).';
comment on column app_public.tenant_config.service_tokens is
  E'@behavior -*\nIts service tokens: {name: {hash (SHA-256), created_at, last_used_at}}. Not readable through the API: serviceTokens lists the names.';
comment on column app_public.tenant_config.allowed_origins is
  'Web origins browsers may call from on its behalf, such as https://app.example.com: at most 50, as browsers send them, no path and no wildcard. Holds within ten seconds; a browser remembers a preflight for ten minutes. 23514: one is not an origin.';
comment on column app_public.tenant_config.features is
  'Features the tenant has switched off for itself: {feature: false}. true takes that back and gives nothing the plan does not. TN402: there is no such feature; TN403: it is not a boolean.';
comment on column app_public.tenant_config.created_at is 'When it was created.';
comment on column app_public.tenant_config.updated_at is 'When it last changed.';

create or replace function tenancy.feature_defaults() returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select '{
    "rag_enabled": true, "advanced_rag": true, "expert_panels": true, "workflows": true,
    "analytics": true, "multi_model": true, "api_access": false, "white_label": false
  }'::jsonb;
$$;
comment on function tenancy.feature_defaults is
  'All features there are, and which of them a tenant has whose features do not say. rag_enabled is adding documents and searching.';

create or replace function tenancy.settings_schema(name text) returns jsonb
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case settings_schema.name
    when 'features' then (
      select jsonb_build_object('type', 'object', 'keys', jsonb_object_agg(key, '{"type": "boolean"}'::jsonb))
        from jsonb_object_keys(tenancy.feature_defaults()) as key)
    when 'config' then '{"type": "object", "keys": {
      "default_model": {"type": "text", "maximum": 255},
      "max_concurrent_chats": {"type": "integer", "minimum": 1, "maximum": 10000},
      "retention_days": {"type": "integer", "minimum": 1, "maximum": 36500},
      "allowed_domains": {"type": "list", "maximum": 100, "items":
        {"type": "text", "maximum": 253, "pattern": "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", "what": "a domain in lower case"}},
      "invitation_expiry_days": {"type": "integer", "minimum": 1, "maximum": 30},
      "store_llm_texts": {"type": "boolean"},
      "llm_text_retention_days": {"type": "integer", "minimum": 1, "maximum": 36500},
      "search": {"type": "object", "keys": {
        "k1": {"type": "number", "minimum": 0, "maximum": 10},
        "b": {"type": "number", "minimum": 0, "maximum": 1},
        "titleBoost": {"type": "number", "minimum": 0, "maximum": 100},
        "exactVectorLimit": {"type": "integer", "minimum": 0, "maximum": 999999999},
        "logQueries": {"type": "text", "values": ["hash", "text", "none"]}}}}}'
    when 'quotas' then '{"type": "object", "keys": {
      "max_users": {"type": "integer", "minimum": 0, "maximum": 1e15, "nullable": true},
      "max_agents": {"type": "integer", "minimum": 0, "maximum": 1e15, "nullable": true},
      "max_documents": {"type": "integer", "minimum": 0, "maximum": 1e15, "nullable": true},
      "max_api_calls_per_month": {"type": "integer", "minimum": 0, "maximum": 1e15, "nullable": true},
      "max_storage_gb": {"type": "number", "minimum": 0, "maximum": 1e15, "nullable": true},
      "max_sub_tenants": {"type": "integer", "minimum": 0, "maximum": 1e15, "nullable": true}}}'
    when 'resource_access_config' then '{"type": "object", "keys": {
      "shared_resources": {"type": "object", "keys": {
        "agents": {"type": "boolean"}, "tools": {"type": "boolean"}, "prompts": {"type": "boolean"},
        "workflows": {"type": "boolean"}, "rag": {"type": "boolean"}}},
      "custom_resources": {"type": "object", "keys": {
        "agents": {"type": "boolean"}, "tools": {"type": "boolean"}, "prompts": {"type": "boolean"},
        "workflows": {"type": "boolean"}, "rag": {"type": "boolean"},
        "max_agents": {"type": "integer", "minimum": 0, "maximum": 1e15, "nullable": true},
        "max_rag_storage_gb": {"type": "number", "minimum": 0, "maximum": 1e15, "nullable": true}}},
      "sharing": {"type": "object", "keys": {
        "can_share_resources": {"type": "boolean"}, "can_receive_shared": {"type": "boolean"}}}}}'
    when 'rate_limit_config' then '{"type": "object", "keys": {
      "per_minute": {"type": "integer", "minimum": 1, "maximum": 1e9, "nullable": true},
      "per_hour": {"type": "integer", "minimum": 1, "maximum": 1e9, "nullable": true},
      "per_day": {"type": "integer", "minimum": 1, "maximum": 1e9, "nullable": true},
      "per_month": {"type": "integer", "minimum": 1, "maximum": 1e9, "nullable": true}}}'
  end::jsonb;
$$;
comment on function tenancy.settings_schema is
  'What a column of settings may hold (config, features, quotas, resource_access_config, rate_limit_config), for tenancy.validate_settings.';
grant execute on function tenancy.settings_schema to rowhouse_platform;

create or replace function tenancy.described_setting(schema jsonb) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case schema ->> 'type'
      when 'boolean' then 'true or false'
      when 'object' then 'an object'
      when 'list' then format('a list of at most %s', schema ->> 'maximum')
      when 'text' then coalesce(
        schema ->> 'what',
        'one of ' || (select string_agg(value, ', ') from jsonb_array_elements_text(schema -> 'values')),
        format('a text of 1 to %s characters', schema ->> 'maximum'))
      else format('%s from %s to %s', case schema ->> 'type' when 'integer' then 'an integer' else 'a number' end,
        (schema ->> 'minimum'), (schema ->> 'maximum'))
    end || case when (schema ->> 'nullable')::boolean then ', or null for no limit' else '' end;
$$;
comment on function tenancy.described_setting is
  'What a setting must be, in words.';

create or replace function tenancy.setting_fits(schema jsonb, value jsonb) returns boolean
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  if value = 'null' then
    return coalesce((schema ->> 'nullable')::boolean, false);
  end if;
  -- nested, because nothing says that "and" stops at the first false
  case schema ->> 'type'
    when 'object' then
      return jsonb_typeof(value) = 'object';
    when 'boolean' then
      return jsonb_typeof(value) = 'boolean';
    when 'list' then
      return case when jsonb_typeof(value) = 'array' then jsonb_array_length(value) <= (schema ->> 'maximum')::int else false end;
    when 'text' then
      return jsonb_typeof(value) = 'string' and case
        when schema ? 'values' then schema -> 'values' @> value
        else (value #>> '{}') ~ '\S' and length(value #>> '{}') <= (schema ->> 'maximum')::int
             and (value #>> '{}') ~ coalesce(schema ->> 'pattern', '')
      end;
    else
      return case when jsonb_typeof(value) = 'number'
        then (value #>> '{}')::numeric between (schema ->> 'minimum')::numeric and (schema ->> 'maximum')::numeric
             and (schema ->> 'type' = 'number' or (value #>> '{}')::numeric = trunc((value #>> '{}')::numeric))
        else false end;
  end case;
end
$$;
comment on function tenancy.setting_fits is
  'Whether a value is of the type and in the range its description gives, its inner keys left aside.';

create or replace function tenancy.validate_settings(schema jsonb, value jsonb, path text) returns void
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
  v_item jsonb;
  v_place bigint;
begin
  if not tenancy.setting_fits(schema, value) then
    perform core.raise_error('TN403', format('%s must be %s.', path, tenancy.described_setting(schema)),
      'Correct it and send the settings again; nothing was changed.');
  end if;
  if value = 'null' then
    return;
  end if;
  if schema ->> 'type' = 'object' then
    for v_key, v_item in select e.key, e.value from jsonb_each(value) as e order by e.key loop
      if not (schema -> 'keys') ? v_key then
        perform core.raise_error('TN402', format('%s.%s is not a setting.', path, left(v_key, 100)),
          format('%s can have: %s.', path, (select string_agg(k, ', ' order by k) from jsonb_object_keys(schema -> 'keys') as k)));
      end if;
      perform tenancy.validate_settings(schema -> 'keys' -> v_key, v_item, path || '.' || v_key);
    end loop;
  elsif schema ->> 'type' = 'list' then
    for v_item, v_place in select i, n from jsonb_array_elements(value) with ordinality as a (i, n) loop
      perform tenancy.validate_settings(schema -> 'items', v_item, format('%s[%s]', path, v_place - 1));
    end loop;
  end if;
end
$$;
comment on function tenancy.validate_settings is
  E'@errors TN402 TN403\nRefuses settings that their schema does not know, naming the key and never the value.';
grant execute on function tenancy.validate_settings to rowhouse_platform;

-- PostgreSQL also takes POSIX specifications and abbreviations for time zones; calendars need a place with its history
create or replace function tenancy.is_timezone(value text) returns boolean
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if value = 'UTC' then
    return true;
  end if;
  if value !~ '^([A-Z][A-Za-z]+(/[A-Z][A-Za-z_-]+)+|Etc/GMT[+-][0-9]{1,2})$' then
    return false;
  end if;
  perform now() at time zone value;
  return true;
exception
  when invalid_parameter_value then
    return false;
end
$$;
comment on function tenancy.is_timezone is
  'Whether this is UTC or an IANA time zone such as Europe/Berlin that the server knows.';

create or replace function tenancy.tg_tenants__check_settings() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- only what changes: a rule of tomorrow must not lock what was stored today
  if tg_op = 'INSERT' or new.config is distinct from old.config then
    perform tenancy.validate_settings(tenancy.settings_schema('config'), new.config, 'config');
  end if;
  if tg_op = 'INSERT' or new.features is distinct from old.features then
    perform tenancy.validate_settings(tenancy.settings_schema('features'), new.features, 'features');
  end if;
  if tg_op = 'INSERT' or new.quotas is distinct from old.quotas then
    perform tenancy.validate_settings(tenancy.settings_schema('quotas'), new.quotas, 'quotas');
  end if;
  if tg_op = 'INSERT' or new.resource_access_config is distinct from old.resource_access_config then
    perform tenancy.validate_settings(
      tenancy.settings_schema('resource_access_config'), new.resource_access_config, 'resource_access_config');
  end if;
  if (tg_op = 'INSERT' or new.timezone is distinct from old.timezone) and not tenancy.is_timezone(new.timezone) then
    perform core.raise_error('TN403', 'timezone must be an IANA time zone.', 'Name one such as UTC or Europe/Berlin.');
  end if;
  return new;
end
$$;
comment on function tenancy.tg_tenants__check_settings is
  'Refuses settings of a tenant that their schemas do not know, and time zones that are none.';

create or replace function tenancy.tg_tenant_config__check_settings() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' or new.features is distinct from old.features then
    perform tenancy.validate_settings(tenancy.settings_schema('features'), new.features, 'features');
  end if;
  if tg_op = 'INSERT' or new.rate_limit_config is distinct from old.rate_limit_config then
    perform tenancy.validate_settings(tenancy.settings_schema('rate_limit_config'), new.rate_limit_config, 'rate_limit_config');
  end if;
  return new;
end
$$;
comment on function tenancy.tg_tenant_config__check_settings is
  'Refuses settings that their schemas do not know.';

create or replace function tenancy.tenant_feature_enabled(name text) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_default jsonb := tenancy.feature_defaults() -> tenant_feature_enabled.name;
  v_is_enabled boolean;
begin
  if v_default is null then
    perform core.raise_error('TN404', 'There is no such feature.',
      'There are: ' || (select string_agg(key, ', ') from jsonb_object_keys(tenancy.feature_defaults()) as key) || '.');
  end if;
  -- what the plan gives, and the tenant did not switch off for itself
  select coalesce(t.features -> tenant_feature_enabled.name, v_default)::boolean
         and coalesce((c.features -> tenant_feature_enabled.name)::boolean, true)
    into v_is_enabled
    from app_public.tenants t
    left join app_public.tenant_config c on c.tenant_id = t.id
   where t.id = core.current_tenant_id();
  return coalesce(v_is_enabled, false);
end
$$;
comment on function tenancy.tenant_feature_enabled is
  E'@errors TN404\nWhether the tenant of the context has a feature: by tenants.features, else the default, and not switched off in tenant_config.features. What policies (in a scalar sub-select) and triggers ask.';
grant execute on function tenancy.tenant_feature_enabled to rowhouse_user, rowhouse_platform;

create or replace function app_public.tenant_feature_enabled(name text) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select tenancy.tenant_feature_enabled(tenant_feature_enabled.name);
$$;
comment on function app_public.tenant_feature_enabled is
  E'@errors TN404\nWhether this tenant has a feature, defaults considered: rag_enabled, advanced_rag, expert_panels, workflows, analytics, multi_model, api_access, white_label.';
grant execute on function app_public.tenant_feature_enabled to rowhouse_user;

create or replace function tenancy.tenant_quota(name text) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not tenancy.settings_schema('quotas') -> 'keys' ? tenant_quota.name then
    perform core.raise_error('TN404', 'There is no such quota.', 'tenancy.settings_schema(''quotas'') lists them.');
  end if;
  return (select (t.quotas ->> tenant_quota.name)::numeric from app_public.tenants t where t.id = core.current_tenant_id());
end
$$;
comment on function tenancy.tenant_quota is
  E'@errors TN404\nA limit of the tenant of the context (tenants.quotas), null when there is none.';
grant execute on function tenancy.tenant_quota to rowhouse_user, rowhouse_platform;

create or replace function tenancy.require_feature(name text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  -- outside of a tenant there is nothing to use a feature on
  if core.current_tenant_id() is not null and not tenancy.tenant_feature_enabled(require_feature.name) then
    perform core.raise_error('TN204', format('The feature %s is switched off for this tenant.', require_feature.name),
      'An admin switches it on in tenant_config.features when the plan has it; otherwise ask the platform''s staff.');
  end if;
end
$$;
comment on function tenancy.require_feature is
  E'@errors TN204 TN404\nRaises an error unless the tenant of the context has the feature; TN404: there is no such feature.';
grant execute on function tenancy.require_feature to rowhouse_platform;

create or replace function app_public.set_tenant_entitlements(
  features jsonb default '{}', quotas jsonb default '{}', resource_access_config jsonb default '{}', rate_limit_config jsonb default '{}'
) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_given jsonb;
  v_tenant app_public.tenants;
begin
  perform tenancy.require_staff();
  foreach v_given in array array[
    set_tenant_entitlements.features, set_tenant_entitlements.quotas,
    set_tenant_entitlements.resource_access_config, set_tenant_entitlements.rate_limit_config]
  loop
    if jsonb_typeof(v_given) is distinct from 'object' then
      perform core.raise_error('TN403', 'Each argument must be an object.', 'Leave out what is to stay.');
    end if;
  end loop;
  -- what is given replaces its key, null takes it away, the rest stays
  update app_public.tenant_config c
     set rate_limit_config = jsonb_strip_nulls(c.rate_limit_config || set_tenant_entitlements.rate_limit_config)
   where c.tenant_id = core.current_tenant_id();
  update app_public.tenants t
     set features = jsonb_strip_nulls(t.features || set_tenant_entitlements.features),
         quotas = jsonb_strip_nulls(t.quotas || set_tenant_entitlements.quotas),
         resource_access_config = jsonb_strip_nulls(t.resource_access_config || set_tenant_entitlements.resource_access_config)
   where t.id = core.current_tenant_id()
  returning * into v_tenant;
  return v_tenant;
end
$$;
comment on function app_public.set_tenant_entitlements is
  E'@resultFieldName tenant\n@errors TN205 TN402 TN403\nWhat this tenant has: features, quotas, resource_access_config and rate_limit_config. A key that is given is replaced, one that is null goes back to its default, all others stay. Platform staff only, in the tenant they have entered.';
grant execute on function app_public.set_tenant_entitlements to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a tenant's configuration and the record of its life are written from outside of it, too
-- What comes into being with a tenant, what is asked before any tenant is known, and the record of its life, which may be
-- changed from outside its context.

create or replace function tenancy.tg_tenants__create_config() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.tenant_config (tenant_id) values (new.id);
  return null;
end
$$;
comment on function tenancy.tg_tenants__create_config is
  'Gives a new tenant its row of tenant_config.';
grant execute on function tenancy.tg_tenants__create_config to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _220_check_settings
  before insert or update of config, features, quotas, resource_access_config, timezone on app_public.tenants
  for each row execute function tenancy.tg_tenants__check_settings();
create or replace trigger _510_create_config after insert on app_public.tenants
  for each row execute function tenancy.tg_tenants__create_config();
create or replace trigger _200_check_settings before insert or update of features, rate_limit_config on app_public.tenant_config
  for each row execute function tenancy.tg_tenant_config__check_settings();

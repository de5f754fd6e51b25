-- The settings of a tenant. Each column of settings has a description, and one validator checks values against it and names
-- the key that is wrong. A description is a tree of {"type": "object" | "list" | "boolean" | "integer" | "number" | "text", …},
-- in which an object has its keys and every other type its range.

grant execute on function tenancy.are_origins to rowhouse_user, rowhouse_platform;

call core.secure_tenant_table('app_public.tenant_config');
call audit.track('app_public.tenant_config');
call core.allow('app_public.tenant_config', read => 'can_manage_settings', update => 'can_manage_settings');
grant select on app_public.tenant_config to rowhouse_user;
grant update (allowed_origins, features) on app_public.tenant_config to rowhouse_user;
grant select, insert, update, delete on app_public.tenant_config to rowhouse_platform;
comment on table app_public.tenant_config is
  E'@behavior -insert -delete -query:resource:connection -query:resource:single\nHow programs use this tenant; one row a tenant. Members with the permission can_manage_settings see and change it.';
comment on column app_public.tenant_config.rate_limit_config is
  'How many requests it may make: {per_minute, per_hour, per_day, per_month}, integers from 1. A limit that is null or missing does not exist. Platform staff set it with setTenantEntitlements.';
comment on column app_public.tenant_config.allowed_origins is
  E'@errors 23514\nThe web origins from which browsers may call on its behalf, such as https://app.example.com: at most 50, without a path and without a wildcard. A change takes effect within ten seconds, but a browser remembers an earlier answer for ten minutes.';
comment on column app_public.tenant_config.features is
  E'@errors TN402 TN403\nAn object of booleans: the features that the tenant has switched off for itself, each with the value false. The value true only undoes this; it does not give a feature that the plan does not include.';
comment on column app_public.tenant_config.created_at is 'When it was created.';
comment on column app_public.tenant_config.updated_at is 'When it last changed.';
comment on constraint allowed_origins_are_origins on app_public.tenant_config is
  'must have at most 50 origins, such as https://app.example.com, without path, default port or wildcard';
comment on constraint tenant_config_tenant_id_key on app_public.tenant_config is 'can have one configuration only';

call core.secure_tenant_table('vault.tenant_config');
call audit.track('vault.tenant_config');
grant select, insert, update, delete on vault.tenant_config to rowhouse_platform;
comment on table vault.tenant_config is 'The secrets of app_public.tenant_config, one row a tenant.';
comment on column vault.tenant_config.service_tokens is
  'The service tokens: {name: {hash, created_at, last_used_at}}. The hash is the SHA-256 of the token, in hexadecimal.';

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
  'All features, and whether a tenant has them by default. rag_enabled is for adding documents and for searching.';

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
      "unknown_events": {"type": "text", "values": ["keep", "refuse"]},
      "search": {"type": "object", "keys": {
        "k1": {"type": "number", "minimum": 0, "maximum": 10},
        "b": {"type": "number", "minimum": 0, "maximum": 1},
        "titleBoost": {"type": "number", "minimum": 0, "maximum": 100},
        "exactVectorLimit": {"type": "integer", "minimum": 0, "maximum": 999999999},
        "logQueries": {"type": "text", "values": ["hash", "text", "none"]}}}}}'
    when 'quotas' then '{"type": "object", "keys": {
      "max_users": {"type": "integer", "minimum": 0, "maximum": 1e15, "nullable": true},
      "max_agents": {"type": "integer", "minimum": 0, "maximum": 1e15, "nullable": true},
      "max_api_keys": {"type": "integer", "minimum": 0, "maximum": 1e15, "nullable": true},
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
  'The description of a column of settings (config, features, quotas, resource_access_config or rate_limit_config) for tenancy.validate_settings.';
grant execute on function tenancy.settings_schema to rowhouse_platform;

create or replace function tenancy.setting_in_words(schema jsonb) returns text
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
comment on function tenancy.setting_in_words is
  'The type and the range of a setting, in English.';

create or replace function tenancy.setting_fits(schema jsonb, value jsonb) returns boolean
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  if value = 'null' then
    return coalesce((schema ->> 'nullable')::boolean, false);
  end if;
  -- A case stops at the first branch that matches, so a value is cast only when it has the type; "and" does not promise that.
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
  'Whether a value has the type and the range of its description. The keys inside of it are not checked.';

create or replace function tenancy.validate_settings(schema jsonb, value jsonb, path text) returns void
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
  v_item jsonb;
  v_position bigint;
begin
  if not tenancy.setting_fits(schema, value) then
    perform core.raise_error('TN403', format('%s must be %s.', path, tenancy.setting_in_words(schema)),
      'Correct it and send the settings again. Nothing was changed.');
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
    for v_item, v_position in select i, n from jsonb_array_elements(value) with ordinality as a (i, n) loop
      perform tenancy.validate_settings(schema -> 'items', v_item, format('%s[%s]', path, v_position - 1));
    end loop;
  end if;
end
$$;
comment on function tenancy.validate_settings is
  E'@errors TN402 TN403\nRaises an error unless a value fits its description. The error names the key and never the value, which may be a secret.';
grant execute on function tenancy.validate_settings to rowhouse_platform;

-- PostgreSQL also accepts abbreviations and POSIX specifications of time zones. Calendar periods need a place, because only
-- a place has a history of its clock changes.
create or replace function tenancy.is_timezone(value text) returns boolean
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  if value = 'UTC' then
    return true;
  end if;
  if value is null or value !~ '^([A-Z][A-Za-z]+(/[A-Z][A-Za-z_-]+)+|Etc/GMT[+-][0-9]{1,2})$' then
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
  'Whether this is UTC or an IANA time zone, such as Europe/Berlin, that the server knows.';

create or replace function tenancy.tg_tenants__check_settings() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Only what changes is checked, so that a later, stricter rule does not block changes of other columns.
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
  E'@errors TN402 TN403\nRaises an error when a setting of a tenant does not fit its description, or when its time zone does not exist.';

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
  E'@errors TN402 TN403\nRaises an error when a setting of tenant_config does not fit its description.';

set local role rowhouse_platform;  -- outside the wall: a tenant has the features of the tenants above it
create or replace function tenancy.granted_feature(tenant_id uuid, name text) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(a.features -> granted_feature.name, a.plan_features -> granted_feature.name)::boolean
      from app_public.tenants t
     cross join unnest(t.ancestor_ids || t.id) with ordinality as above (id, n)
      join app_public.tenants a on a.id = above.id
     where t.id = granted_feature.tenant_id
       and coalesce(a.features -> granted_feature.name, a.plan_features -> granted_feature.name) is not null
     order by above.n desc
     limit 1);
end
$$;
comment on function tenancy.granted_feature is
  'What was decided about a feature for a tenant: by platform staff or else by the plan, in the tenant or else in the nearest tenant above it; null when nothing was.';
grant execute on function tenancy.granted_feature to rowhouse_owner;

set local role rowhouse_owner;
create or replace function tenancy.tenant_feature_enabled(name text) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_default jsonb := tenancy.feature_defaults() -> tenant_feature_enabled.name;
  v_is_enabled boolean;
begin
  if v_default is null then
    perform core.raise_error('TN404', 'This feature does not exist.',
      'The features are: ' || (select string_agg(key, ', ') from jsonb_object_keys(tenancy.feature_defaults()) as key) || '.');
  end if;
  -- The feature must have been granted, and the tenant must not have switched it off for itself.
  select coalesce(tenancy.granted_feature(t.id, tenant_feature_enabled.name), v_default::boolean)
         and coalesce((c.features -> tenant_feature_enabled.name)::boolean, true)
    into v_is_enabled
    from app_public.tenants t
    left join app_public.tenant_config c on c.tenant_id = t.id
   where t.id = core.current_tenant_id();
  return coalesce(v_is_enabled, false);
end
$$;
comment on function tenancy.tenant_feature_enabled is
  E'@errors TN404\nWhether the tenant of the context has a feature: it was granted here or above, or else the default includes it, and tenant_config.features does not switch it off. For policies, in a scalar sub-select, and for triggers.';
grant execute on function tenancy.tenant_feature_enabled to rowhouse_user, rowhouse_platform;

create or replace function app_public.is_feature_enabled(feature app_public.tenant_feature) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select tenancy.tenant_feature_enabled(is_feature_enabled.feature);
$$;
comment on function app_public.is_feature_enabled is
  E'@errors TN404\nWhether this tenant has a feature: it was granted here or above, by staff or by the plan, or it is on by default, and the tenant has not switched it off.';
grant execute on function app_public.is_feature_enabled to rowhouse_user;

create or replace function tenancy.tenant_quota(name text) returns numeric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not tenancy.settings_schema('quotas') -> 'keys' ? tenant_quota.name then
    perform core.raise_error('TN404', 'This quota does not exist.', 'tenancy.settings_schema(''quotas'') lists the quotas.');
  end if;
  return (select (t.quotas ->> tenant_quota.name)::numeric from app_public.tenants t where t.id = core.current_tenant_id());
end
$$;
comment on function tenancy.tenant_quota is
  E'@errors TN404\nA limit that staff set for the tenant of the context, from tenants.quotas; null when there is none. Plans and the tenants above may limit it further.';
grant execute on function tenancy.tenant_quota to rowhouse_user, rowhouse_platform;

create or replace function tenancy.require_feature(name text) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  -- without a tenant there is nothing for which a feature could be used
  if core.current_tenant_id() is not null and not tenancy.tenant_feature_enabled(require_feature.name) then
    perform core.raise_error('TN204', format('The feature %s is switched off for this tenant.', require_feature.name),
      'If the plan includes it, an admin can switch it on in tenantConfig.features. Otherwise ask the platform''s staff.');
  end if;
end
$$;
comment on function tenancy.require_feature is
  E'@errors TN204 TN404\nRaises an error unless the tenant of the context has the feature.';
grant execute on function tenancy.require_feature to rowhouse_platform;

create or replace function app_public.set_tenant_entitlements(
  features jsonb default '{}', quotas jsonb default '{}', resource_access_config jsonb default '{}', rate_limit_config jsonb default '{}'
) returns app_public.tenants
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_features jsonb := coalesce(set_tenant_entitlements.features, '{}');
  v_quotas jsonb := coalesce(set_tenant_entitlements.quotas, '{}');
  v_resources jsonb := coalesce(set_tenant_entitlements.resource_access_config, '{}');
  v_rate_limits jsonb := coalesce(set_tenant_entitlements.rate_limit_config, '{}');
  v_given jsonb;
  v_tenant app_public.tenants;
begin
  perform tenancy.require_staff();
  foreach v_given in array array[
    v_features, v_quotas, v_resources, v_rate_limits]
  loop
    if jsonb_typeof(v_given) is distinct from 'object' then
      perform core.raise_error('TN403', 'Each argument must be an object.', 'Leave out what is not to be changed.');
    end if;
  end loop;
  -- A key that is given replaces the stored one, null removes it, and all others stay.
  update app_public.tenant_config c
     set rate_limit_config = jsonb_strip_nulls(c.rate_limit_config || v_rate_limits)
   where c.tenant_id = core.current_tenant_id();
  update app_public.tenants t
     set features = jsonb_strip_nulls(t.features || v_features),
         quotas = jsonb_strip_nulls(t.quotas || v_quotas),
         resource_access_config = jsonb_strip_nulls(t.resource_access_config || v_resources)
   where t.id = core.current_tenant_id()
  returning * into v_tenant;
  return v_tenant;
end
$$;
comment on function app_public.set_tenant_entitlements is
  E'@resultFieldName tenant\n@errors TN205 TN402 TN403\nSets the features, quotas, resourceAccessConfig and rateLimitConfig of this tenant. They are JSON because a missing key and null differ: a key with a value replaces the stored one, a key with null goes back to the default, and a key that is left out stays as it is. Only platform staff can do this, in the tenant that they have entered.';
grant execute on function app_public.set_tenant_entitlements to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a new tenant is not the tenant of the request
create or replace function tenancy.tg_tenants__create_config() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.tenant_config (tenant_id) values (new.id);
  insert into vault.tenant_config (tenant_id) values (new.id);
  return null;
end
$$;
comment on function tenancy.tg_tenants__create_config is
  'Creates the rows of tenant_config for a new tenant.';
grant execute on function tenancy.tg_tenants__create_config to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _220_check_settings
  before insert or update of config, features, quotas, resource_access_config, timezone on app_public.tenants
  for each row execute function tenancy.tg_tenants__check_settings();
create or replace trigger _510_create_config after insert on app_public.tenants
  for each row execute function tenancy.tg_tenants__create_config();
create or replace trigger _200_check_settings before insert or update of features, rate_limit_config on app_public.tenant_config
  for each row execute function tenancy.tg_tenant_config__check_settings();

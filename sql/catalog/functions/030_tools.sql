-- Tools: what is needed to call one, and nothing that must stay secret.

create or replace function app_private.header_faults(headers jsonb) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(left(h.name, 100) || ' ' || f.fault order by h.name), '{}')
    from jsonb_each(headers) as h (name, value)
   cross join lateral (
     select case
       -- a field name as RFC 9110 has it
       when h.name !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]{1,100}$' then 'is no name of a header'
       when app_private.is_credential_name(h.name) or h.value #>> '{}' ~* '^(bearer|basic)\s' then 'holds a credential'
       when jsonb_typeof(h.value) <> 'string' or length(h.value #>> '{}') > 2000 or h.value #>> '{}' ~ '[\x01-\x08\x0a-\x1f\x7f]'
         then 'is not one line of text'
     end as fault) as f
   where f.fault is not null;
$$;
comment on function app_private.header_faults(jsonb) is 'What is wrong with a tool''s headers.';

create or replace function app_private.authentication_faults(type text, config jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[] := app_private.object_faults(config, case authentication_faults.type
    when 'api_key' then '{"in": "string!", "name": "name!", "secret_name": "string!"}'::jsonb
    when 'bearer' then '{"secret_name": "string!"}'
    when 'basic' then '{"username": "name!", "secret_name": "string!"}'
    when 'oauth2_client' then '{"token_url": "string!", "client_id": "name!", "secret_name": "string!", "scopes": "strings"}'
    else '{}'
  end);
begin
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;
  if config ->> 'secret_name' !~ '^[a-z][a-z0-9_-]{0,62}$' then
    v_faults := v_faults || 'secret_name is no name of a secret (lower-case letters, digits, _ and -, at most 63)'::text;
  end if;
  if authentication_faults.type = 'api_key' and config ->> 'in' not in ('header', 'query') then
    v_faults := v_faults || 'in is neither header nor query'::text;
  end if;
  return v_faults || app_private.url_faults(config ->> 'token_url', 'token_url');
end
$$;
comment on function app_private.authentication_faults(text, jsonb) is 'What is wrong with a tool''s authentication_config for its authentication_type.';

create or replace function app_private.retry_faults(config jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[] := app_private.object_faults(config, '{"max_attempts": "integer", "backoff": "string", "delay_ms": "integer"}');
begin
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;
  if (config ->> 'max_attempts')::int not between 0 and 20 then
    v_faults := v_faults || 'max_attempts is not between 0 and 20'::text;
  end if;
  if config ->> 'backoff' not in ('constant', 'linear', 'exponential') then
    v_faults := v_faults || 'backoff is not constant, linear or exponential'::text;
  end if;
  if (config ->> 'delay_ms')::int not between 0 and 600000 then
    v_faults := v_faults || 'delay_ms is not between 0 and 600000'::text;
  end if;
  return v_faults;
end
$$;
comment on function app_private.retry_faults(jsonb) is 'What is wrong with a tool''s retry_config.';

create or replace function app_private.tg_tools__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- what is no object is left to the table's checks
  if jsonb_typeof(new.headers) = 'object' then
    perform app_private.refuse_faults('RS423', 'headers are not as they must be', app_private.header_faults(new.headers),
      'Credentials are sent by authentication_config, which names a stored secret.');
  end if;
  if jsonb_typeof(new.authentication_config) = 'object' then
    perform app_private.refuse_faults('RS424', format('authentication_config is not as %s needs it', left(new.authentication_type, 50)),
      app_private.authentication_faults(new.authentication_type, new.authentication_config),
      'Store the secret, and give its name as secret_name.');
  end if;
  perform app_private.refuse_faults('RS425', 'The address is not as it must be', app_private.url_faults(new.endpoint_url, 'endpoint_url'),
    'Credentials are sent by authentication_config, which names a stored secret.');
  if jsonb_typeof(new.retry_config) = 'object' then
    perform app_private.refuse_faults('RS426', 'retry_config is not as it must be', app_private.retry_faults(new.retry_config));
  end if;
  return new;
end
$$;
comment on function app_private.tg_tools__check() is
  'A tool can be called and holds no secret. RS423: headers; RS424: authentication_config; RS425: endpoint_url; RS426: retry_config.';

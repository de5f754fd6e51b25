-- Checks of JSON columns that people write by hand. The idea: a check collects every fault in a list of texts, so that one
-- error names all of them. A shape is {"key": "type"}; an exclamation mark after the type means that the key is required.

create or replace function catalog.object_faults(value jsonb, shape jsonb, path text default '') returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_prefix text := case path when '' then '' else path || '.' end;
  v_faults text[] := '{}';
  v_key text;
  v_type text;
begin
  if jsonb_typeof(object_faults.value) is distinct from 'object' then
    return array[coalesce(nullif(path, ''), 'it') || ' is not an object'];
  end if;
  for v_key in select k from jsonb_object_keys(object_faults.value) k where not shape ? k loop
    v_faults := v_faults || (v_prefix || left(v_key, 100) || ' is not known');
  end loop;
  for v_key, v_type in select s.key, rtrim(s.value, '!') from jsonb_each_text(shape) s loop
    if not object_faults.value ? v_key then
      if shape ->> v_key like '%!' then
        v_faults := v_faults || (v_prefix || v_key || ' is missing');
      end if;
    elsif not catalog.json_is(object_faults.value -> v_key, v_type) then
      v_faults := v_faults || (v_prefix || v_key || ' is not of type ' || v_type);
    end if;
  end loop;
  return v_faults;
end
$$;
comment on function catalog.object_faults is
  'Compares an object with a shape such as {"name": "string!", "scopes": "strings"} and returns its faults: keys that are unknown, missing or of another type. path is put before each key.';

create or replace function catalog.json_is(value jsonb, type text) returns boolean
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case json_is.type
    when 'any' then true
    when 'name' then jsonb_typeof(value) = 'string' and core.is_name(value #>> '{}')
    when 'integer' then jsonb_typeof(value) = 'number' and (value #>> '{}') ~ '^-?[0-9]{1,9}$'
    when 'uuid' then jsonb_typeof(value) = 'string' and (value #>> '{}') ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
    when 'strings' then jsonb_typeof(value) = 'array' and not jsonb_path_exists(value, 'strict $[*] ? (@.type() != "string")')
    else jsonb_typeof(value) = json_is.type
  end;
$$;
comment on function catalog.json_is is
  'Whether a JSON value has a type: one of JSON''s own types, or name, integer (up to nine digits), uuid, strings (an array of strings) or any.';

create or replace function catalog.refuse_faults(code text, message text, faults text[], hint text default null) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  if cardinality(faults) > 0 then
    -- more than twenty faults make no readable message
    perform core.raise_error(code, refuse_faults.message || ': ' || array_to_string(faults[1:20], '; ') || '.', hint);
  end if;
end
$$;
comment on function catalog.refuse_faults is
  'Raises an error that lists the faults, at most twenty of them. Without faults it does nothing.';

-- Names under which secrets would be stored. Everyone who may read a row reads all of its JSON, also those it is shared with,
-- so secrets are stored elsewhere and are refused here.
create or replace function catalog.is_credential_name(name text) returns boolean
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select n ~ '^(proxy-)?authorization$|^(set-)?cookie$|^(x-)?(api-?key|auth)$|(^|-)(token|key|secret|password|passwd|credentials?)$'
     and n !~ '^(x-)?(idempotency|primary|foreign|sort|partition|public|cache)-key$'
    from lower(regexp_replace(replace(trim(is_credential_name.name), '_', '-'), '([a-z0-9])([A-Z])', '\1-\2', 'g')) as n;
$$;
comment on function catalog.is_credential_name is
  'Whether a header, parameter or key with this name would hold a credential: authorization, cookie, x-api-key, or a name that ends in -token, -key, -secret or -password, however it is spelt.';

create or replace function catalog.credential_paths(value jsonb) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  with recursive parts (path, key, part) as (
    select ''::text, null::text, credential_paths.value
    union all
    select p.path || case when p.path = '' then '' else '.' end || inner_part.key, inner_part.key, inner_part.part
      from parts p
     cross join lateral (
       select e.key, e.value as part from jsonb_each(case jsonb_typeof(p.part) when 'object' then p.part else '{}' end) e
       union all
       select (e.n - 1)::text, e.value from jsonb_array_elements(case jsonb_typeof(p.part) when 'array' then p.part else '[]' end) with ordinality e (value, n)
     ) as inner_part
  )
  select coalesce(array_agg(left(path, 100) order by path), '{}')
    from parts where jsonb_typeof(part) = 'string' and catalog.is_credential_name(key);
$$;
comment on function catalog.credential_paths is
  'The paths at which a JSON value holds a text under a name that credentials have.';

create or replace function catalog.url_faults(url text, field text) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case when url !~ '^https?://[^/?#@\s]+([/?#]\S*)?$' or length(url) > 2000
           then array[field || ' is not an http address without user and password'] else '{}' end
      || array(
           select format('%s has the parameter %s, which holds a credential', field, left(split_part(parameter, '=', 1), 50))
             from unnest(regexp_split_to_array(substring(url from '\?([^#]*)'), '[&;]')) as parameter
            where catalog.is_credential_name(split_part(parameter, '=', 1)));
$$;
comment on function catalog.url_faults is
  'The faults of an endpoint''s address. A null address has none.';

create or replace function catalog.tg__refuse_credentials() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform catalog.refuse_faults('RS427', tg_argv[0] || ' holds credentials, which everyone who may read the row would read',
    catalog.credential_paths(to_jsonb(new) -> tg_argv[0]), 'Store the secret, and write its name as secret_name instead.');
  return new;
end
$$;
comment on function catalog.tg__refuse_credentials is
  E'@errors RS427\nRefuses a row whose JSON column holds a credential. The column is the trigger''s argument.';

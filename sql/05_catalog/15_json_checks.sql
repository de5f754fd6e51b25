-- JSON that people write by hand is checked here key by key, so that the error can name what is wrong, all of it at once.
-- A shape is {"key": "type"}, the type with an exclamation mark when the key must be there.

create or replace function catalog.object_faults(value jsonb, shape jsonb, place text default '') returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_prefix text := case place when '' then '' else place || '.' end;
  v_faults text[] := '{}';
  v_key text;
  v_type text;
begin
  if jsonb_typeof(object_faults.value) is distinct from 'object' then
    return array[coalesce(nullif(place, ''), 'it') || ' is not an object'];
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
  'What is wrong with an object against a shape such as {"name": "string!", "scopes": "strings"}: keys that are unknown, missing or of another type.';

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
  'Whether a value is of a type: JSON''s own, or name, integer (of up to nine digits), uuid, strings (an array of them), any.';

create or replace function catalog.refuse_faults(code text, what text, faults text[], hint text default null) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  if cardinality(faults) > 0 then
    perform core.raise_error(code, what || ': ' || array_to_string(faults[1:20], '; ') || '.', hint);
  end if;
end
$$;
comment on function catalog.refuse_faults is
  'Raises an error that names the faults, at most twenty; none, no error.';

-- Names that give secrets away. Whoever may read a tool, a recipient of a share too, reads all of it: secrets live elsewhere.
create or replace function catalog.is_credential_name(name text) returns boolean
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select n ~ '^(proxy-)?authorization$|^(set-)?cookie$|^(x-)?(api-?key|auth)$|(^|-)(token|key|secret|password|passwd|credentials?)$'
     and n !~ '^(x-)?(idempotency|primary|foreign|sort|partition|public|cache)-key$'
    from lower(regexp_replace(replace(trim(is_credential_name.name), '_', '-'), '([a-z0-9])([A-Z])', '\1-\2', 'g')) as n;
$$;
comment on function catalog.is_credential_name is
  'Whether a header, parameter or key of this name would hold a credential: authorization, cookie, x-api-key, whatever ends in -token, -key, -secret or -password, in any spelling.';

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
  'Where a JSON value holds a text under the name of a credential.';

create or replace function catalog.url_faults(url text, place text) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case when url !~ '^https?://[^/?#@\s]+([/?#]\S*)?$' or length(url) > 2000
           then array[place || ' is not an http address without user and password'] else '{}' end
      || array(
           select format('%s has the parameter %s, which holds a credential', place, left(split_part(parameter, '=', 1), 50))
             from unnest(regexp_split_to_array(substring(url from '\?([^#]*)'), '[&;]')) as parameter
            where catalog.is_credential_name(split_part(parameter, '=', 1)));
$$;
comment on function catalog.url_faults is
  'What is wrong with the address of an endpoint; a null address has no faults.';

create or replace function catalog.tg__refuse_credentials() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform catalog.refuse_faults('RS427', tg_argv[0] || ' is read by everyone who may read its row, and holds credentials',
    catalog.credential_paths(to_jsonb(new) -> tg_argv[0]), 'Store the secret, and give its name as secret_name.');
  return new;
end
$$;
comment on function catalog.tg__refuse_credentials is
  E'@errors RS427\nKeeps secrets out of a column of JSON.';

create or replace trigger _300_refuse_credentials before insert or update of tools on app_public.agents
  for each row execute function catalog.tg__refuse_credentials('tools');
create or replace trigger _300_refuse_credentials before insert or update of config on app_public.agent_tools
  for each row execute function catalog.tg__refuse_credentials('config');
create or replace trigger _300_refuse_credentials before insert or update of source_config on app_public.rag_knowledge_sources
  for each row execute function catalog.tg__refuse_credentials('source_config');

-- JSON Schema: the part of it that describes properties of events and the inputs and outputs of tasks. The idea: a schema is
-- refused when it has a keyword that is not understood, so that no rule is silently without effect.

create or replace function core.json_type(value jsonb) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case jsonb_typeof(value)
    when 'number' then case when (value #>> '{}')::numeric = trunc((value #>> '{}')::numeric) then 'integer' else 'number' end
    else jsonb_typeof(value)
  end;
$$;
comment on function core.json_type is
  'The type of a JSON value in the words of JSON Schema: object, array, string, integer, number, boolean or null. A number without a fraction is an integer, such as 1.0.';

create or replace function core.json_schema_keywords() returns jsonb
language sql immutable parallel safe
return '{"type": "text", "enum": "array", "const": "any", "title": "string", "description": "string", "default": "any",
  "examples": "array", "format": "string", "$schema": "string", "$id": "string", "properties": "schemas", "required": "strings",
  "additionalProperties": "schema", "items": "schema", "minItems": "number", "maxItems": "number", "minLength": "number",
  "maxLength": "number", "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number"}'::jsonb;
comment on function core.json_schema_keywords is
  'The keywords of JSON Schema (2020-12) that are understood, each with what its value must be. format is an annotation, as the standard has it. pattern is missing, because a regular expression of a caller can take any time.';

create or replace function core.json_path(path text, key text) returns text
language sql immutable parallel safe
return trim(leading '.' from path || '.' || left(key, 100));
comment on function core.json_path is 'The path of a key below a path, for an error; a long key is cut.';

create or replace function core.json_schema_faults(schema jsonb, path text default '', depth int default 0) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[] := '{}';
  v_types constant jsonb := '["object", "array", "string", "integer", "number", "boolean", "null"]';
  v_keyword text;
  v_value jsonb;
  v_kind text;
  v_name text;
begin
  if jsonb_typeof(schema) = 'boolean' then
    return v_faults;
  elsif jsonb_typeof(schema) is distinct from 'object' then
    return array[format('%s must be an object', coalesce(nullif(path, ''), 'The schema'))];
  elsif depth > 20 then
    return array[format('%s is nested deeper than 20 levels', path)];
  end if;
  for v_keyword, v_value in select e.key, e.value from jsonb_each(schema) e order by e.key loop
    v_kind := core.json_schema_keywords() ->> v_keyword;
    v_name := core.json_path(path, v_keyword);
    if v_kind is null then
      v_faults := v_faults || format('%s is not understood', v_name);
    elsif v_kind in ('string', 'number', 'array') and jsonb_typeof(v_value) <> v_kind
      or v_kind = 'strings' and (jsonb_typeof(v_value) <> 'array' or jsonb_path_exists(v_value, '$[*] ? (@.type() != "string")')) then
      v_faults := v_faults || format('%s must be %s', v_name,
        case v_kind when 'strings' then 'a list of strings' when 'array' then 'an array' else 'a ' || v_kind end);
    elsif v_kind = 'text' and not v_types @> (case jsonb_typeof(v_value) when 'array' then v_value else jsonb_build_array(v_value) end) then
      v_faults := v_faults || format('%s must be one of %s', v_name, (select string_agg(t, ', ') from jsonb_array_elements_text(v_types) t));
    elsif v_kind = 'schema' then
      v_faults := v_faults || core.json_schema_faults(v_value, v_name, depth + 1);
    elsif v_kind = 'schemas' and jsonb_typeof(v_value) <> 'object' then
      v_faults := v_faults || format('%s must be an object', v_name);
    elsif v_kind = 'schemas' then
      v_faults := v_faults || coalesce((
        select array_agg(f.fault order by p.key)
          from jsonb_each(v_value) p
         cross join lateral unnest(core.json_schema_faults(p.value, core.json_path(v_name, p.key), depth + 1)) as f (fault)), '{}');
    end if;
    if cardinality(v_faults) > 10 then
      return v_faults[1:10];
    end if;
  end loop;
  return v_faults;
end
$$;
comment on function core.json_schema_faults is
  'What is wrong with a JSON Schema, at most ten faults, each beginning with its path; empty when it can be used.';

create or replace function core.json_value_faults(schema jsonb, value jsonb, path text default '') returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[] := '{}';
  v_type constant text := core.json_type(value);
  v_what constant text := coalesce(nullif(path, ''), 'The value');
  v_allowed jsonb := case jsonb_typeof(schema -> 'type') when 'string' then jsonb_build_array(schema -> 'type') else schema -> 'type' end;
begin
  if schema = 'false' then
    return array[v_what || ' is not allowed'];
  elsif jsonb_typeof(schema) <> 'object' or value is null then
    return v_faults;
  end if;
  if v_allowed is not null and not (v_allowed ? v_type or v_type = 'integer' and v_allowed ? 'number') then
    return array[format('%s must be %s', v_what, (select string_agg(t, ' or ') from jsonb_array_elements_text(v_allowed) t))];
  end if;
  if schema ? 'enum' and not schema -> 'enum' @> jsonb_build_array(value) then
    v_faults := v_faults || format('%s is not one of the values that are allowed', v_what);
  end if;
  if schema ? 'const' and schema -> 'const' <> value then
    v_faults := v_faults || format('%s is not the value that is asked for', v_what);
  end if;
  case v_type
    when 'object' then
      v_faults := v_faults || core.json_object_faults(schema, value, path);
    when 'array' then
      v_faults := v_faults || core.json_array_faults(schema, value, path);
    when 'string' then
      if length(value #>> '{}') < (schema ->> 'minLength')::numeric or length(value #>> '{}') > (schema ->> 'maxLength')::numeric then
        v_faults := v_faults || format('%s must have %s to %s characters', v_what,
          coalesce(schema ->> 'minLength', '0'), coalesce(schema ->> 'maxLength', 'any number of'));
      end if;
    when 'integer', 'number' then
      if (value #>> '{}')::numeric < (schema ->> 'minimum')::numeric or (value #>> '{}')::numeric > (schema ->> 'maximum')::numeric
        or (value #>> '{}')::numeric <= (schema ->> 'exclusiveMinimum')::numeric
        or (value #>> '{}')::numeric >= (schema ->> 'exclusiveMaximum')::numeric then
        v_faults := v_faults || format('%s is out of range', v_what);
      end if;
    else
      null;
  end case;
  return v_faults[1:10];
end
$$;
comment on function core.json_value_faults is
  'Why a JSON value does not fit a JSON Schema, at most ten faults, each beginning with the path of the value and never repeating it; empty when it fits. The schema must be free of core.json_schema_faults.';

create or replace function core.json_object_faults(schema jsonb, value jsonb, path text) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(f.fault), '{}') from (
    select core.json_path(path, r.key) || ' is missing' as fault
      from jsonb_array_elements_text(schema -> 'required') as r (key)
     where not value ? r.key
    union all
    select f.fault
      from jsonb_each(value) e
     cross join lateral unnest(core.json_value_faults(
       coalesce(schema -> 'properties' -> e.key, schema -> 'additionalProperties', 'true'),
       e.value, core.json_path(path, e.key))) as f (fault)
     limit 10
  ) as f;
$$;
comment on function core.json_object_faults is 'Why the keys of a JSON object do not fit a JSON Schema.';

create or replace function core.json_array_faults(schema jsonb, value jsonb, path text) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
begin
  if jsonb_array_length(value) < (schema ->> 'minItems')::numeric or jsonb_array_length(value) > (schema ->> 'maxItems')::numeric then
    return array[format('%s must have %s to %s entries', coalesce(nullif(path, ''), 'The value'),
      coalesce(schema ->> 'minItems', '0'), coalesce(schema ->> 'maxItems', 'any number of'))];
  end if;
  if not schema ? 'items' then
    return '{}';
  end if;
  return array(
    select f.fault
      from jsonb_array_elements(value) with ordinality as e (item, n)
     cross join lateral unnest(core.json_value_faults(schema -> 'items', e.item, format('%s[%s]', path, e.n - 1))) as f (fault)
     limit 10);
end
$$;
comment on function core.json_array_faults is 'Why the entries of a JSON array do not fit a JSON Schema.';

-- Prompts: texts with variables. {{name}} stands for the variable of this name, \{{ for the two braces themselves.
-- Values go in as they are, in one pass: a value that contains {{x}} is not filled again.

create or replace function app_hidden.placeholder_pattern() returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select '\\\{\{|\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,62})\s*\}\}';
$$;
comment on function app_hidden.placeholder_pattern() is 'What is not plain text in a prompt: escaped braces, or a variable, whose name is the first group.';

create or replace function app_hidden.placeholder_names(template text) returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(distinct m[1]) filter (where m[1] is not null), '{}')
    from regexp_matches(template, app_hidden.placeholder_pattern(), 'g') as m;
$$;
comment on function app_hidden.placeholder_names(text) is 'The variables a text uses, each once, in the order of the alphabet.';

create or replace function app_private.variable_faults(variables jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_types constant text[] := array['string', 'number', 'boolean', 'array', 'object'];
  v_faults text[] := '{}';
  v_found text[];
  v_name text;
  v_variable jsonb;
  v_type text;
begin
  if (select count(*) from jsonb_object_keys(variables)) > 100 then
    return array['there are more than 100'];
  end if;
  for v_name, v_variable in select * from jsonb_each(variables) loop
    if v_name !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' then
      v_faults := v_faults || (left(v_name, 63) || ' is no name of a variable (letters, digits and _)');
      continue;
    end if;
    if jsonb_typeof(v_variable) = 'string' then
      v_variable := jsonb_build_object('type', v_variable);
    else
      v_found := app_private.object_faults(v_variable,
        '{"type": "string!", "required": "boolean", "default": "any", "description": "string", "enum": "array"}', v_name);
      if cardinality(v_found) > 0 then
        v_faults := v_faults || v_found;
        continue;
      end if;
    end if;
    v_type := v_variable ->> 'type';
    if v_type <> all (v_types) then
      v_faults := v_faults || format('%s is of no type there is (%s)', v_name, array_to_string(v_types, ', '));
      continue;
    end if;
    if v_variable ? 'enum' and (jsonb_array_length(v_variable -> 'enum') = 0 or exists (
         select from jsonb_array_elements(v_variable -> 'enum') e where jsonb_typeof(e) <> v_type)) then
      v_faults := v_faults || format('%s.enum is empty or has values that are not of type %s', v_name, v_type);
    end if;
    if v_variable ? 'default' and (jsonb_typeof(v_variable -> 'default') <> v_type
         or v_variable ? 'enum' and v_variable -> 'default' not in (select jsonb_array_elements(v_variable -> 'enum'))) then
      v_faults := v_faults || format('%s.default is not a value the variable may have', v_name);
    end if;
  end loop;
  return v_faults;
end
$$;
comment on function app_private.variable_faults(jsonb) is 'What is wrong with a prompt''s input_variables.';

create or replace function app_private.tg_prompts__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_used text[] := app_hidden.placeholder_names(concat_ws(e'\n', new.prompt_text, new.system_prompt));
  v_declared text[];
begin
  if jsonb_typeof(new.input_variables) <> 'object' then
    return new; -- left to the table's check
  end if;
  perform app_private.refuse_faults('RS429', 'input_variables are not as they must be', app_private.variable_faults(new.input_variables));
  if regexp_replace(concat_ws(e'\n', new.prompt_text, new.system_prompt), app_hidden.placeholder_pattern(), ' ', 'g') ~ '\{\{' then
    perform app_private.raise_error('RS430', 'The text has {{ that begins no variable.',
      'Write {{name}} for a variable, and \{{ for the braces themselves.');
  end if;
  v_declared := array(select k from jsonb_object_keys(new.input_variables) k order by k);
  -- a declared variable that no text uses is taken for a slip of the pen: what is given for it would go nowhere
  perform app_private.refuse_faults('RS430', 'Texts and input_variables do not agree',
    array(select u || ' is used, but not declared' from unnest(v_used) u where u <> all (v_declared))
    || array(select d || ' is declared, but not used' from unnest(v_declared) d where d <> all (v_used)),
    'Declare each {{name}} of prompt_text and system_prompt in input_variables, and nothing else.');
  if jsonb_typeof(new.model_requirements) = 'object' then
    perform app_private.refuse_faults('RS429', 'model_requirements are not as they must be', app_private.object_faults(new.model_requirements,
      '{"min_context_window": "integer", "supports_functions": "boolean", "supports_multimodal": "boolean", "min_output_tokens": "integer", "modalities": "strings"}'));
  end if;
  return new;
end
$$;
comment on function app_private.tg_prompts__check() is
  'A prompt can be rendered. RS429: input_variables or model_requirements; RS430: variables of the texts and those declared differ.';

create or replace function app_private.fill_template(template text, variables jsonb) returns text
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_texts text[] := regexp_split_to_array(template, app_hidden.placeholder_pattern());
  v_names text[] := array(select coalesce(m[1], '') from regexp_matches(template, app_hidden.placeholder_pattern(), 'g') m);
begin
  -- counted before it is built: a short text can repeat a long value very often
  if (select coalesce(sum(length(variables ->> n)), 0) from unnest(v_names) n) > 1000000 then
    perform app_private.raise_error('RS620', 'The filled prompt would be longer than a million characters.', 'Give shorter values.');
  end if;
  return (
    select string_agg(t.part || case t.name when '' then '{{' else coalesce(variables ->> t.name, '') end, '' order by t.n)
      from unnest(v_texts, v_names) with ordinality as t (part, name, n));
end
$$;
comment on function app_private.fill_template(text, jsonb) is
  'Puts values for the variables of a text; an array or object is written as JSON. RS620: the outcome is too long.';

create or replace function app_public.render_prompt(prompt_id uuid, variables jsonb default '{}') returns app_public.rendered_prompt
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_prompt app_public.prompts;
  v_given jsonb := coalesce(nullif(render_prompt.variables, 'null'), '{}');
  v_values jsonb := '{}';
  v_faults text[] := '{}';
  v_name text;
  v_variable jsonb;
  v_value jsonb;
begin
  v_prompt := jsonb_populate_record(null::app_public.prompts, app_private.visible_resource('prompt', render_prompt.prompt_id));
  if v_prompt.id is null then
    perform app_private.raise_error('RS301', 'There is no such prompt.', 'List the prompts of this tenant, and those shared with it.');
  end if;
  if jsonb_typeof(v_given) <> 'object' then
    perform app_private.raise_error('RS431', 'variables must be an object.', 'Give them as {"name": value}.');
  end if;
  for v_name, v_variable in select * from jsonb_each(v_prompt.input_variables) loop
    if jsonb_typeof(v_variable) = 'string' then
      v_variable := jsonb_build_object('type', v_variable);
    end if;
    v_value := coalesce(nullif(v_given -> v_name, 'null'), v_variable -> 'default');
    if v_value is null then
      if coalesce((v_variable ->> 'required')::boolean, true) then
        v_faults := v_faults || format('%s is missing', v_name);
      end if;
    elsif jsonb_typeof(v_value) <> v_variable ->> 'type' then
      v_faults := v_faults || format('%s is not of type %s', v_name, v_variable ->> 'type');
    elsif v_variable ? 'enum' and v_value not in (select jsonb_array_elements(v_variable -> 'enum')) then
      v_faults := v_faults || format('%s is none of the values it may have', v_name);
    else
      v_values := v_values || jsonb_build_object(v_name, v_value);
    end if;
  end loop;
  v_faults := v_faults || array(
    select left(k, 100) || ' is no variable of this prompt' from jsonb_object_keys(v_given) k where not v_prompt.input_variables ? k);
  perform app_private.refuse_faults('RS431', 'The prompt cannot be filled', v_faults, 'See the prompt''s input_variables.');
  return row (app_private.fill_template(v_prompt.system_prompt, v_values), app_private.fill_template(v_prompt.prompt_text, v_values))
    ::app_public.rendered_prompt;
end
$$;
comment on function app_public.render_prompt(uuid, jsonb) is
  'Fills a prompt''s variables, {"name": value}, and returns its two texts. Values go in as they are; one that is left out takes its default, or nothing when it is not required. RS301: there is no such prompt; RS431: names all that is missing, wrongly typed or unknown; RS620: the outcome is too long.';
grant execute on function app_public.render_prompt(uuid, jsonb) to rowhouse_user;

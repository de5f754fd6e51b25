-- Prompts: texts with variables, and filling them. {{name}} stands for the variable of this name, and \{{ for two braces.
-- The idea: values are put in as they are, in one pass, so a value that contains {{x}} is not filled again.

call catalog.secure_shareable_table('app_public.prompts', 'prompt');
call audit.track('app_public.prompts');
call core.allow('app_public.prompts', insert => 'can_create_resources');
create policy select_member on app_public.prompts for select to rowhouse_user, rowhouse_own_rows, rowhouse_shared_rows
  using (deleted_at is null or (select tenancy.has_permission('can_delete_resources')));
create policy update_permitted on app_public.prompts for update to rowhouse_user
  using ((select tenancy.has_permission('can_edit_resources')) and deleted_at is null);
grant select on app_public.prompts to rowhouse_user;
grant insert (
  name, display_name, description, category, tags, prompt_text, system_prompt, input_variables, output_format,
  model_requirements, temperature, max_tokens, status, version, metadata
) on app_public.prompts to rowhouse_user;
grant update (
  name, display_name, description, category, tags, prompt_text, system_prompt, input_variables, output_format,
  model_requirements, temperature, max_tokens, status, metadata
) on app_public.prompts to rowhouse_user;
grant select, insert, update, delete on app_public.prompts to rowhouse_platform;
comment on table app_public.prompts is
  E'@large\n@listedBy catalog.visible_prompts\n@behavior -delete\nTexts with variables, which render_prompt fills: those of this tenant, and those that are shared with it. Needs can_create_resources or can_edit_resources to write, and can_delete_resources for delete_prompt and restore_prompt.';
comment on column app_public.prompts.sharing_mode is 'Who beyond this tenant may use it.';
comment on column app_public.prompts.is_shared is 'Whether anyone beyond this tenant may use it.';
comment on column app_public.prompts.resource_type is 'Whether this tenant made it, or the platform provides it.';
comment on column app_public.prompts.copied_from_id is 'The prompt it was copied from.';
comment on column app_public.prompts.name is E'@notPersonal\nName, unique among the tenant''s prompts that are not deleted; at most 255 characters.';
comment on column app_public.prompts.display_name is E'@notPersonal\nName to show.';
comment on column app_public.prompts.description is 'What it is for.';
comment on column app_public.prompts.category is 'Category to filter by, such as Regulatory or Medical Writing.';
comment on column app_public.prompts.tags is 'Words to filter by.';
comment on column app_public.prompts.prompt_text is E'@notPersonal\nThe text of the prompt. {{name}} stands for the variable of this name. At most 100,000 characters.';
comment on column app_public.prompts.system_prompt is 'The instructions for the model. {{name}} stands for the variable of this name, as in prompt_text.';
comment on column app_public.prompts.input_variables is 'The variables, as {"name": "string"}, or {"name": {"type", "required", "default", "description", "enum"}}; types are string, number, boolean, array and object.';
comment on column app_public.prompts.output_format is 'The format of the answer.';
comment on column app_public.prompts.model_requirements is 'What a model must offer, such as {"min_context_window": 8000, "supports_functions": true}.';
comment on column app_public.prompts.temperature is 'Sampling temperature, 0 to 2; null for the model''s default.';
comment on column app_public.prompts.max_tokens is 'Most tokens of an answer.';
comment on column app_public.prompts.status is 'The stage it is in.';
comment on column app_public.prompts.version is 'Semantic version.';
comment on column app_public.prompts.usage_count is E'@kept\nHow often it was used, as the logs say.';
comment on column app_public.prompts.rating is E'@kept\nMean rating of its users, 1 to 5.';
comment on column app_public.prompts.success_rate is E'@kept\nShare of uses that succeeded, in percent, as the logs say.';
comment on column app_public.prompts.last_used_at is E'@kept\nWhen it was last used, as the logs say.';
comment on column app_public.prompts.created_by_user_id is E'@personal pseudonymise\nWho created it.';
comment on column app_public.prompts.metadata is 'Further data about it: an object.';
comment on column app_public.prompts.created_at is 'When it was created.';
comment on column app_public.prompts.updated_at is 'When it last changed.';
comment on column app_public.prompts.deleted_at is 'When it was deleted, null when it is not.';
comment on constraint prompts_copied_from_id_fkey on app_public.prompts is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on column app_public.prompts.search_vector is E'@behavior -*\nThe words search_catalog finds it by.';
comment on constraint display_name_is_a_name on app_public.prompts is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint input_variables_is_an_object on app_public.prompts is 'must be a JSON object';
comment on constraint max_tokens_is_positive on app_public.prompts is 'must be above 0';
comment on constraint metadata_is_an_object on app_public.prompts is 'must be a JSON object';
comment on constraint model_requirements_is_an_object on app_public.prompts is 'must be a JSON object';
comment on constraint name_is_a_name on app_public.prompts is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint prompt_text_is_in_range on app_public.prompts is
  'must have 1 to 100,000 characters, with a visible one among them';
comment on constraint rating_is_1_to_5 on app_public.prompts is 'must be from 1 to 5';
comment on constraint success_rate_is_a_percentage on app_public.prompts is 'must be from 0 to 100';
comment on constraint system_prompt_is_in_range on app_public.prompts is 'must have at most 100,000 characters';
comment on constraint temperature_is_in_range on app_public.prompts is 'must be from 0 to 2';
comment on constraint version_is_semantic on app_public.prompts is
  'must be a semantic version such as 1.4.0 or 2.0.0-beta.1';
comment on index app_public.prompts_tenant_id_name_key is 'is taken by another one of this tenant';

comment on type app_public.rendered_prompt is 'The two texts of a prompt with its variables filled.';
comment on column app_public.rendered_prompt.system is 'The filled system_prompt; null when the prompt has none.';
comment on column app_public.rendered_prompt.prompt is E'@notNull\nThe filled prompt_text.';

create or replace function catalog.placeholder_pattern() returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select '\\\{\{|\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,62})\s*\}\}';
$$;
comment on function catalog.placeholder_pattern is
  'The regular expression that finds escaped braces and variables in a prompt. The first group is the name of a variable.';
grant execute on function catalog.placeholder_pattern to rowhouse_user, rowhouse_platform;

create or replace function catalog.placeholder_names(template text) returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(distinct m[1]) filter (where m[1] is not null), '{}')
    from regexp_matches(template, catalog.placeholder_pattern(), 'g') as m;
$$;
comment on function catalog.placeholder_names is
  'The names of the variables that a text uses, each once, in alphabetical order.';
grant execute on function catalog.placeholder_names to rowhouse_user, rowhouse_platform;

create or replace function catalog.variable_faults(variables jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_types constant text[] := array['string', 'number', 'boolean', 'array', 'object'];
  v_most_variables constant int := 100;
  v_faults text[] := '{}';
  v_found text[];
  v_name text;
  v_variable jsonb;
  v_type text;
begin
  if (select count(*) from jsonb_object_keys(variables)) > v_most_variables then
    return array[format('there are more than %s variables', v_most_variables)];
  end if;
  for v_name, v_variable in select * from jsonb_each(variables) loop
    if v_name !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' then
      v_faults := v_faults || (left(v_name, 63) || ' is not a valid name of a variable (letters, digits and _)');
      continue;
    end if;
    if jsonb_typeof(v_variable) = 'string' then
      v_variable := jsonb_build_object('type', v_variable);
    else
      v_found := catalog.object_faults(v_variable,
        '{"type": "string!", "required": "boolean", "default": "any", "description": "string", "enum": "array"}', v_name);
      if cardinality(v_found) > 0 then
        v_faults := v_faults || v_found;
        continue;
      end if;
    end if;
    v_type := v_variable ->> 'type';
    if v_type <> all (v_types) then
      v_faults := v_faults || format('%s has an unknown type (known are %s)', v_name, array_to_string(v_types, ', '));
      continue;
    end if;
    if v_variable ? 'enum' and (jsonb_array_length(v_variable -> 'enum') = 0 or exists (
         select from jsonb_array_elements(v_variable -> 'enum') e where jsonb_typeof(e) <> v_type)) then
      v_faults := v_faults || format('%s.enum is empty or has values that are not of type %s', v_name, v_type);
    end if;
    if v_variable ? 'default' and (jsonb_typeof(v_variable -> 'default') <> v_type
         or v_variable ? 'enum' and v_variable -> 'default' not in (select jsonb_array_elements(v_variable -> 'enum'))) then
      v_faults := v_faults || format('%s.default is not a value that the variable may have', v_name);
    end if;
  end loop;
  return v_faults;
end
$$;
comment on function catalog.variable_faults is
  'The faults of a prompt''s input_variables.';

create or replace function catalog.tg_prompts__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_used text[] := catalog.placeholder_names(concat_ws(e'\n', new.prompt_text, new.system_prompt));
  v_declared text[];
begin
  if jsonb_typeof(new.input_variables) is distinct from 'object' then
    return new; -- the table's own check refuses it
  end if;
  perform catalog.refuse_faults('RS429', 'The input_variables have faults', catalog.variable_faults(new.input_variables));
  if regexp_replace(concat_ws(e'\n', new.prompt_text, new.system_prompt), catalog.placeholder_pattern(), ' ', 'g') ~ '\{\{' then
    perform core.raise_error('RS430', 'The text has {{ without the name of a variable after it.',
      'Write {{name}} for a variable, and \{{ for two braces.');
  end if;
  v_declared := array(select k from jsonb_object_keys(new.input_variables) k order by k);
  -- a declared variable that no text uses is refused as well, because values given for it would be lost
  perform catalog.refuse_faults('RS430', 'The texts and the input_variables do not agree',
    array(select u || ' is used, but not declared' from unnest(v_used) u where u <> all (v_declared))
    || array(select d || ' is declared, but not used' from unnest(v_declared) d where d <> all (v_used)),
    'Declare each {{name}} of prompt_text and system_prompt in input_variables, and nothing else.');
  if jsonb_typeof(new.model_requirements) = 'object' then
    perform catalog.refuse_faults('RS429', 'The model_requirements have faults', catalog.object_faults(new.model_requirements,
      '{"min_context_window": "integer", "supports_functions": "boolean", "supports_multimodal": "boolean", "min_output_tokens": "integer", "modalities": "strings"}'));
  end if;
  return new;
end
$$;
comment on function catalog.tg_prompts__check is
  E'@errors RS429 RS430\nRefuses a prompt that cannot be rendered.';

create or replace function catalog.fill_template(template text, variables jsonb) returns text
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_texts text[] := regexp_split_to_array(template, catalog.placeholder_pattern());
  v_names text[] := array(select coalesce(m[1], '') from regexp_matches(template, catalog.placeholder_pattern(), 'g') m);
  v_most_characters constant int := 1000000;
begin
  -- count the characters before building the text, because a short text can repeat a long value very often
  if (select coalesce(sum(length(variables ->> n)), 0) from unnest(v_names) n) > v_most_characters then
    perform core.raise_error('RS620', 'The filled prompt would be longer than a million characters.', 'Give shorter values.');
  end if;
  return (
    select string_agg(t.part || case t.name when '' then '{{' else coalesce(variables ->> t.name, '') end, '' order by t.n)
      from unnest(v_texts, v_names) with ordinality as t (part, name, n));
end
$$;
comment on function catalog.fill_template is
  E'@errors RS620\nReplaces the variables of a text by their values. An array or an object is written as JSON.';

create or replace function catalog.prompt_values(declared jsonb, given jsonb, out filled jsonb, out faults text[])
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text;
  v_variable jsonb;
  v_value jsonb;
begin
  filled := '{}';
  faults := '{}';
  for v_name, v_variable in select * from jsonb_each(declared) loop
    if jsonb_typeof(v_variable) = 'string' then
      v_variable := jsonb_build_object('type', v_variable);
    end if;
    v_value := coalesce(nullif(given -> v_name, 'null'), v_variable -> 'default');
    if v_value is null then
      if coalesce((v_variable ->> 'required')::boolean, true) then
        faults := faults || format('%s is missing', v_name);
      end if;
    elsif jsonb_typeof(v_value) <> v_variable ->> 'type' then
      faults := faults || format('%s is not of type %s', v_name, v_variable ->> 'type');
    elsif v_variable ? 'enum' and v_value not in (select jsonb_array_elements(v_variable -> 'enum')) then
      faults := faults || format('%s is not among the values that its enum lists', v_name);
    else
      filled := filled || jsonb_build_object(v_name, v_value);
    end if;
  end loop;
  faults := faults || array(
    select left(k, 100) || ' is not a variable of this prompt' from jsonb_object_keys(given) k where not declared ? k);
end
$$;
comment on function catalog.prompt_values is
  'Compares given values with the input_variables of a prompt: returns the value of each variable, defaults included, and the faults of what was given.';

create or replace function catalog.fill_prompt(prompt app_public.prompts, variables jsonb) returns app_public.rendered_prompt
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_given jsonb := coalesce(nullif(fill_prompt.variables, 'null'), '{}');
  v_filled record;
begin
  if jsonb_typeof(v_given) <> 'object' then
    perform core.raise_error('RS431', 'variables must be an object.', 'Write them as {"name": value}.');
  end if;
  select * into v_filled from catalog.prompt_values((prompt).input_variables, v_given);
  perform catalog.refuse_faults('RS431', 'The prompt cannot be filled', v_filled.faults, 'Read the prompt''s input_variables.');
  return row (
    catalog.fill_template((prompt).system_prompt, v_filled.filled),
    catalog.fill_template((prompt).prompt_text, v_filled.filled))::app_public.rendered_prompt;
end
$$;
comment on function catalog.fill_prompt is
  E'@errors RS431 RS620\nFills the variables of a prompt, which whoever calls this may use.';

create or replace function app_public.render_prompt(prompt_id uuid, variables jsonb default '{}') returns app_public.rendered_prompt
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_prompt app_public.prompts;
begin
  v_prompt := jsonb_populate_record(null::app_public.prompts, catalog.visible_resource('prompt', render_prompt.prompt_id));
  if v_prompt.id is null then
    perform catalog.raise_no_such_resource('prompt');
  end if;
  return catalog.fill_prompt(v_prompt, render_prompt.variables);
end
$$;
comment on function app_public.render_prompt is
  E'@errors RS301 RS431 RS620\nFills the variables of a prompt with values, {"name": value}, and returns its two texts. Values are put in as they are. A variable without a value takes its default; without a default it must not be required, and is replaced by nothing.';
grant execute on function app_public.render_prompt to rowhouse_user;

create or replace trigger _300_check before insert or update of prompt_text, system_prompt, input_variables, model_requirements
  on app_public.prompts
  for each row execute function catalog.tg_prompts__check();

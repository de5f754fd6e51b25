-- Prompts: texts with variables. {{name}} stands for the variable of this name, \{{ for the two braces themselves.
-- Values go in as they are, in one pass: a value that contains {{x}} is not filled again.

call catalog.secure_shareable_table('app_public.prompts', 'prompt');
call core.allow('app_public.prompts', insert => 'can_create_resources');
create policy select_member on app_public.prompts for select to rowhouse_user
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
comment on table app_public.prompts is E'@behavior -delete\nA text to be filled with values: see render_prompt. can_create_resources and can_edit_resources to write; can_delete_resources for delete_prompt and restore_prompt.';
comment on column app_public.prompts.sharing_mode is 'Who beyond this tenant may use it: private (nobody), selected (whom it was shared with), subtree (tenants below this one) or platform (all).';
comment on column app_public.prompts.is_shared is 'Whether anyone beyond this tenant may use it.';
comment on column app_public.prompts.resource_type is 'custom, or platform for those that the platform provides.';
comment on column app_public.prompts.copied_from_id is 'The prompt it was copied from.';
comment on column app_public.prompts.name is 'Name, unique among the tenant''s prompts that are not deleted; at most 255 characters.';
comment on column app_public.prompts.display_name is 'Name to show.';
comment on column app_public.prompts.description is 'What it is for.';
comment on column app_public.prompts.category is 'Category to filter by, such as Regulatory or Medical Writing.';
comment on column app_public.prompts.tags is 'Words to filter by.';
comment on column app_public.prompts.prompt_text is 'What is asked. {{name}} stands for the variable of this name. At most 100,000 characters.';
comment on column app_public.prompts.system_prompt is 'The instructions that go before; {{name}} as in prompt_text.';
comment on column app_public.prompts.input_variables is 'The variables: {"name": "string"}, or {"name": {"type", "required", "default", "description", "enum"}}; types are string, number, boolean, array and object.';
comment on column app_public.prompts.output_format is 'text, json, markdown or structured.';
comment on column app_public.prompts.model_requirements is 'What a model must offer, such as {"min_context_window": 8000, "supports_functions": true}.';
comment on column app_public.prompts.temperature is 'Sampling temperature, 0 to 2; null for the model''s default.';
comment on column app_public.prompts.max_tokens is 'Most tokens of an answer.';
comment on column app_public.prompts.status is 'draft, active, inactive, deprecated or archived.';
comment on column app_public.prompts.version is 'Semantic version.';
comment on column app_public.prompts.usage_count is E'@kept\nHow often it was used; kept from the logs.';
comment on column app_public.prompts.rating is E'@kept\nMean rating of its users, 1 to 5; kept from their ratings.';
comment on column app_public.prompts.success_rate is E'@kept\nShare of uses that succeeded, in percent; kept from the logs.';
comment on column app_public.prompts.last_used_at is E'@kept\nWhen it was last used; kept from the logs.';
comment on column app_public.prompts.created_by_user_id is 'Who created it.';
comment on column app_public.prompts.metadata is 'Whatever else is to be known about it: an object.';
comment on column app_public.prompts.created_at is 'When it was created.';
comment on column app_public.prompts.updated_at is 'When it last changed.';
comment on column app_public.prompts.deleted_at is 'When it was deleted, null when it is not.';
comment on constraint prompts_copied_from_id_fkey on app_public.prompts is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on column app_public.prompts.search_vector is E'@behavior -*\nThe words search_catalog finds it by.';

comment on type app_public.rendered_prompt is 'A prompt with its variables filled.';

create or replace function catalog.placeholder_pattern() returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select '\\\{\{|\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,62})\s*\}\}';
$$;
comment on function catalog.placeholder_pattern is
  'What is not plain text in a prompt: escaped braces, or a variable, whose name is the first group.';
grant execute on function catalog.placeholder_pattern to rowhouse_user, rowhouse_platform;

create or replace function catalog.placeholder_names(template text) returns text[]
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(distinct m[1]) filter (where m[1] is not null), '{}')
    from regexp_matches(template, catalog.placeholder_pattern(), 'g') as m;
$$;
comment on function catalog.placeholder_names is
  'The variables a text uses, each once, in the order of the alphabet.';
grant execute on function catalog.placeholder_names to rowhouse_user, rowhouse_platform;

create or replace function catalog.variable_faults(variables jsonb) returns text[]
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
      v_found := catalog.object_faults(v_variable,
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
comment on function catalog.variable_faults is
  'What is wrong with a prompt''s input_variables.';

create or replace function catalog.tg_prompts__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_used text[] := catalog.placeholder_names(concat_ws(e'\n', new.prompt_text, new.system_prompt));
  v_declared text[];
begin
  if jsonb_typeof(new.input_variables) <> 'object' then
    return new; -- left to the table's check
  end if;
  perform catalog.refuse_faults('RS429', 'input_variables are not as they must be', catalog.variable_faults(new.input_variables));
  if regexp_replace(concat_ws(e'\n', new.prompt_text, new.system_prompt), catalog.placeholder_pattern(), ' ', 'g') ~ '\{\{' then
    perform core.raise_error('RS430', 'The text has {{ that begins no variable.',
      'Write {{name}} for a variable, and \{{ for the braces themselves.');
  end if;
  v_declared := array(select k from jsonb_object_keys(new.input_variables) k order by k);
  -- a declared variable that no text uses is taken for a slip of the pen: what is given for it would go nowhere
  perform catalog.refuse_faults('RS430', 'Texts and input_variables do not agree',
    array(select u || ' is used, but not declared' from unnest(v_used) u where u <> all (v_declared))
    || array(select d || ' is declared, but not used' from unnest(v_declared) d where d <> all (v_used)),
    'Declare each {{name}} of prompt_text and system_prompt in input_variables, and nothing else.');
  if jsonb_typeof(new.model_requirements) = 'object' then
    perform catalog.refuse_faults('RS429', 'model_requirements are not as they must be', catalog.object_faults(new.model_requirements,
      '{"min_context_window": "integer", "supports_functions": "boolean", "supports_multimodal": "boolean", "min_output_tokens": "integer", "modalities": "strings"}'));
  end if;
  return new;
end
$$;
comment on function catalog.tg_prompts__check is
  E'@errors RS429 RS430\nA prompt can be rendered.';

create or replace function catalog.fill_template(template text, variables jsonb) returns text
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_texts text[] := regexp_split_to_array(template, catalog.placeholder_pattern());
  v_names text[] := array(select coalesce(m[1], '') from regexp_matches(template, catalog.placeholder_pattern(), 'g') m);
begin
  -- counted before it is built: a short text can repeat a long value very often
  if (select coalesce(sum(length(variables ->> n)), 0) from unnest(v_names) n) > 1000000 then
    perform core.raise_error('RS620', 'The filled prompt would be longer than a million characters.', 'Give shorter values.');
  end if;
  return (
    select string_agg(t.part || case t.name when '' then '{{' else coalesce(variables ->> t.name, '') end, '' order by t.n)
      from unnest(v_texts, v_names) with ordinality as t (part, name, n));
end
$$;
comment on function catalog.fill_template is
  E'@errors RS620\nPuts values for the variables of a text; an array or object is written as JSON.';

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
  v_prompt := jsonb_populate_record(null::app_public.prompts, catalog.visible_resource('prompt', render_prompt.prompt_id));
  if v_prompt.id is null then
    perform core.raise_error('RS301', 'There is no such prompt.', 'List the prompts of this tenant, and those shared with it.');
  end if;
  if jsonb_typeof(v_given) <> 'object' then
    perform core.raise_error('RS431', 'variables must be an object.', 'Give them as {"name": value}.');
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
  perform catalog.refuse_faults('RS431', 'The prompt cannot be filled', v_faults, 'See the prompt''s input_variables.');
  return row (catalog.fill_template(v_prompt.system_prompt, v_values), catalog.fill_template(v_prompt.prompt_text, v_values))
    ::app_public.rendered_prompt;
end
$$;
comment on function app_public.render_prompt is
  E'@errors RS301 RS431 RS620\nFills a prompt''s variables, {"name": value}, and returns its two texts. Values go in as they are; one that is left out takes its default, or nothing when it is not required.';
grant execute on function app_public.render_prompt to rowhouse_user;

create or replace trigger _300_check before insert or update of prompt_text, system_prompt, input_variables, model_requirements
  on app_public.prompts
  for each row execute function catalog.tg_prompts__check();

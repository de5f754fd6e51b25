-- Tools that agents call, and the tree of categories that sorts them. The idea: a row has everything that is needed for a
-- call except secrets. Everyone who sees a tool reads its whole row, so authentication_config only names a stored secret.

call core.secure_tenant_table('app_public.tool_categories');
call audit.track('app_public.tool_categories');
call core.allow('app_public.tool_categories',
  read => 'member', insert => 'can_create_resources', update => 'can_edit_resources', delete => 'can_delete_resources');
grant select, delete on app_public.tool_categories to rowhouse_user;
grant insert (parent_id, name, slug, description, icon, sort_order) on app_public.tool_categories to rowhouse_user;
grant update (parent_id, name, slug, description, icon, sort_order) on app_public.tool_categories to rowhouse_user;
grant select, insert, update, delete on app_public.tool_categories to rowhouse_platform;
comment on table app_public.tool_categories is 'The tree of categories for tools. Needs can_create_resources, can_edit_resources or can_delete_resources to write.';
comment on column app_public.tool_categories.parent_id is 'The category above; null at the top.';
comment on column app_public.tool_categories.name is E'@notPersonal\nName to show.';
comment on column app_public.tool_categories.slug is 'Its name in paths, unique among the categories with the same parent.';
comment on column app_public.tool_categories.description is 'What belongs here.';
comment on column app_public.tool_categories.icon is 'Name of an icon.';
comment on column app_public.tool_categories.sort_order is 'Position among its siblings, ascending.';
comment on column app_public.tool_categories.created_at is 'When it was created.';
comment on column app_public.tool_categories.updated_at is 'When it last changed.';
comment on constraint tool_categories_tenant_id_parent_id_fkey on app_public.tool_categories is E'@fieldName parent\n@foreignFieldName children';
comment on constraint category_is_not_its_own_parent on app_public.tool_categories is 'must be another category';
comment on constraint name_is_a_name on app_public.tool_categories is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint slug_is_a_slug on app_public.tool_categories is
  'must be 1 to 63 lower-case letters, digits and inner hyphens';
comment on constraint tool_categories_tenant_id_parent_id_slug_key on app_public.tool_categories is
  'is taken by another category with the same parent';

call catalog.secure_shareable_table('app_public.tools', 'tool');
call audit.track('app_public.tools');
call core.allow('app_public.tools', insert => 'can_create_resources');
create policy select_member on app_public.tools for select to rowhouse_user, rowhouse_own_rows, rowhouse_shared_rows
  using (deleted_at is null or (select tenancy.has_permission('can_delete_resources')));
create policy update_permitted on app_public.tools for update to rowhouse_user
  using ((select tenancy.has_permission('can_edit_resources')) and deleted_at is null);
-- Columns that are computed from logs and shares cannot be written by users.
grant select on app_public.tools to rowhouse_user;
grant insert (
  name, display_name, description, icon, tool_type, category, tool_category_id, endpoint_url, http_method, headers,
  authentication_type, authentication_config, request_schema, response_schema, timeout_seconds, retry_config, status,
  enabled, version, metadata
) on app_public.tools to rowhouse_user;
grant update (
  name, display_name, description, icon, tool_type, category, tool_category_id, endpoint_url, http_method, headers,
  authentication_type, authentication_config, request_schema, response_schema, timeout_seconds, retry_config, status,
  enabled, version, metadata
) on app_public.tools to rowhouse_user;
grant select, insert, update, delete on app_public.tools to rowhouse_platform;
comment on table app_public.tools is
  E'@large\n@listedBy catalog.visible_tools\n@behavior -delete\nThe tools that agents can call: those of this tenant, and those that are shared with it. A tool never holds a secret; authentication_config names a stored one. Needs can_create_resources or can_edit_resources to write, and can_delete_resources for delete_tool and restore_tool.';
comment on column app_public.tools.sharing_mode is 'Who beyond this tenant may use it.';
comment on column app_public.tools.is_shared is 'Whether anyone beyond this tenant may use it.';
comment on column app_public.tools.resource_type is 'Whether this tenant made it, or the platform provides it.';
comment on column app_public.tools.copied_from_id is 'The tool it was copied from.';
comment on column app_public.tools.name is E'@notPersonal\nName, unique among the tenant''s tools that are not deleted; at most 255 characters.';
comment on column app_public.tools.display_name is E'@notPersonal\nName to show.';
comment on column app_public.tools.description is 'What it is for.';
comment on column app_public.tools.icon is 'Name of an icon.';
comment on column app_public.tools.tool_type is 'How it is called.';
comment on column app_public.tools.category is 'Category to filter by, such as Regulatory or Clinical Research.';
comment on column app_public.tools.tool_category_id is 'Its place in the tree of categories.';
comment on column app_public.tools.endpoint_url is 'The address that is called; required for the types api and webhook. It must not hold a user, a password or a key.';
comment on column app_public.tools.http_method is 'The HTTP method of a call.';
comment on column app_public.tools.headers is 'The headers that are sent with each call: {"name": "value"}. Headers that hold credentials are refused.';
comment on column app_public.tools.authentication_type is 'How a call proves who makes it.';
comment on column app_public.tools.authentication_config is 'The settings that the authentication_type needs; secret_name names a stored secret. api_key: in (header or query), name, secret_name. bearer: secret_name. basic: username, secret_name. oauth2_client: token_url, client_id, secret_name, scopes.';
comment on column app_public.tools.request_schema is 'JSON Schema of what it takes.';
comment on column app_public.tools.response_schema is 'JSON Schema of what it returns.';
comment on column app_public.tools.timeout_seconds is 'Seconds until a call is given up, 1 to 3,600.';
comment on column app_public.tools.retry_config is 'How a failed call is tried again: max_attempts (0 to 20), backoff (constant, linear or exponential), delay_ms (0 to 600,000).';
comment on column app_public.tools.enabled is 'Whether it may be called.';
comment on column app_public.tools.activated_at is 'When it was last switched on.';
comment on column app_public.tools.deactivated_at is 'When it was last switched off.';
comment on column app_public.tools.status is 'The stage it is in.';
comment on column app_public.tools.version is 'Semantic version.';
comment on column app_public.tools.usage_count is E'@kept\nHow often it was called, as the logs say.';
comment on column app_public.tools.success_rate is E'@kept\nShare of calls that succeeded, in percent, as the logs say.';
comment on column app_public.tools.avg_response_time_ms is E'@kept\nMean milliseconds of a call, as the logs say.';
comment on column app_public.tools.last_used_at is E'@kept\nWhen it was last called, as the logs say.';
comment on column app_public.tools.created_by_user_id is E'@personal pseudonymise\nWho created it.';
comment on column app_public.tools.metadata is 'Further data about it: an object.';
comment on column app_public.tools.created_at is 'When it was created.';
comment on column app_public.tools.updated_at is 'When it last changed.';
comment on column app_public.tools.deleted_at is 'When it was deleted, null when it is not.';
comment on constraint tools_tenant_id_tool_category_id_fkey on app_public.tools is E'@fieldName toolCategory\n@foreignFieldName tools';
comment on constraint tools_copied_from_id_fkey on app_public.tools is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on column app_public.tools.search_vector is E'@behavior -*\nThe words search_catalog finds it by.';
comment on constraint authentication_config_is_an_object on app_public.tools is 'must be a JSON object';
comment on constraint called_tool_has_an_endpoint on app_public.tools is 'must be given for a tool of type api or webhook';
comment on constraint display_name_is_a_name on app_public.tools is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint endpoint_url_is_http on app_public.tools is
  'must be an http address without user and password, with at most 2,000 characters';
comment on constraint headers_is_an_object on app_public.tools is 'must be a JSON object';
comment on constraint metadata_is_an_object on app_public.tools is 'must be a JSON object';
comment on constraint name_is_a_name on app_public.tools is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint request_schema_is_an_object on app_public.tools is 'must be a JSON object of at most 1 MB';
comment on constraint response_schema_is_an_object on app_public.tools is 'must be a JSON object of at most 1 MB';
comment on constraint retry_config_is_an_object on app_public.tools is 'must be a JSON object';
comment on constraint success_rate_is_a_percentage on app_public.tools is 'must be from 0 to 100';
comment on constraint timeout_seconds_is_in_range on app_public.tools is 'must be from 1 to 3,600';
comment on constraint version_is_semantic on app_public.tools is 'must be a semantic version such as 1.4.0 or 2.0.0-beta.1';
comment on index app_public.tools_tenant_id_name_key is 'is taken by another one of this tenant';

create or replace function catalog.header_faults(headers jsonb) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(array_agg(left(h.name, 100) || ' ' || f.fault order by h.name), '{}')
    from jsonb_each(headers) as h (name, value)
   cross join lateral (
     select case
       -- the name of a field according to RFC 9110
       when h.name !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]{1,100}$' then 'is not a valid name of a header'
       when catalog.is_credential_name(h.name) or h.value #>> '{}' ~* '^(bearer|basic)\s' then 'holds a credential'
       when jsonb_typeof(h.value) <> 'string' or length(h.value #>> '{}') > 2000 or h.value #>> '{}' ~ '[\x01-\x08\x0a-\x1f\x7f]'
         then 'is not one line of text'
     end as fault) as f
   where f.fault is not null;
$$;
comment on function catalog.header_faults is
  'The faults of a tool''s headers.';

create or replace function catalog.authentication_faults(type text, config jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[] := catalog.object_faults(config, case authentication_faults.type
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
    v_faults := v_faults || 'secret_name is not a valid name of a secret (lower-case letters, digits, _ and -, at most 63)'::text;
  end if;
  if authentication_faults.type = 'api_key' and config ->> 'in' not in ('header', 'query') then
    v_faults := v_faults || 'in is neither header nor query'::text;
  end if;
  return v_faults || catalog.url_faults(config ->> 'token_url', 'token_url');
end
$$;
comment on function catalog.authentication_faults is
  'The faults of a tool''s authentication_config for its authentication_type.';

create or replace function catalog.retry_faults(config jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[] := catalog.object_faults(config, '{"max_attempts": "integer", "backoff": "string", "delay_ms": "integer"}');
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
comment on function catalog.retry_faults is
  'The faults of a tool''s retry_config.';

create or replace function catalog.tg_tools__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- a value that is not an object is refused by the table's own check
  if jsonb_typeof(new.headers) = 'object' then
    perform catalog.refuse_faults('RS423', 'The headers have faults', catalog.header_faults(new.headers),
      'To send credentials, name a stored secret in authentication_config.');
  end if;
  if jsonb_typeof(new.authentication_config) = 'object' then
    perform catalog.refuse_faults('RS424', format('The authentication_config does not fit the authentication_type %s', new.authentication_type),
      catalog.authentication_faults(new.authentication_type, new.authentication_config),
      'Store the secret, and write its name as secret_name.');
  end if;
  perform catalog.refuse_faults('RS425', 'The address has faults', catalog.url_faults(new.endpoint_url, 'endpoint_url'),
    'To send credentials, name a stored secret in authentication_config.');
  if jsonb_typeof(new.retry_config) = 'object' then
    perform catalog.refuse_faults('RS426', 'The retry_config has faults', catalog.retry_faults(new.retry_config));
  end if;
  return new;
end
$$;
comment on function catalog.tg_tools__check is
  E'@errors RS423 RS424 RS425 RS426\nRefuses a tool that cannot be called or that holds a secret.';

-- Only one transaction at a time moves categories in a tenant, because two moves that are each valid can form a cycle
-- together. The lock is taken before the statement locks a row, so that two statements never wait for each other's rows.
create or replace function catalog.tg_tool_categories__take_turns() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('tool_categories ' || coalesce(core.current_tenant_id()::text, ''), 0));
  return null;
end
$$;
comment on function catalog.tg_tool_categories__take_turns is
  'Makes transactions that change a tenant''s tree of categories wait for each other.';

create or replace function app_public.tool_categories_path(category app_public.tool_categories) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  with recursive up (id, slug, parent_id, depth) as (
    select (category).id, (category).slug, (category).parent_id, 1
    union all
    select c.id, c.slug, c.parent_id, up.depth + 1
      from up join app_public.tool_categories c on c.tenant_id = (category).tenant_id and c.id = up.parent_id
  )
  select string_agg(slug, '/' order by depth desc) from up;
$$;
comment on function app_public.tool_categories_path is
  'The slugs from the root down to the category, such as search/literature.';
grant execute on function app_public.tool_categories_path to rowhouse_user;

create or replace function app_public.tool_categories_level(category app_public.tool_categories) returns int
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select cardinality(string_to_array(app_public.tool_categories_path(category), '/')) - 1;
$$;
comment on function app_public.tool_categories_level is
  'The level of the category in the tree: 0 at the top.';
grant execute on function app_public.tool_categories_level to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: administrators in psql change categories without being in a tenant
create or replace function catalog.tg_tool_categories__refuse_cycle() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ancestor uuid := new.parent_id;
  v_level int := 0;
  v_deepest_level constant int := 20;
begin
  while v_ancestor is not null loop
    v_level := v_level + 1;
    if v_ancestor = new.id or v_level > v_deepest_level then
      perform core.raise_error('RS435', 'A category cannot be below itself, and not deeper than 20 levels.', 'Choose another parent.');
    end if;
    -- a transaction in repeatable read would still see the tree before another move; this lock makes it fail instead
    select c.parent_id into v_ancestor from app_public.tool_categories c
     where c.tenant_id = new.tenant_id and c.id = v_ancestor for key share;
  end loop;
  return new;
end
$$;
comment on function catalog.tg_tool_categories__refuse_cycle is
  E'@errors RS435\nRefuses a parent that would make a cycle or too deep a tree.';
grant execute on function catalog.tg_tool_categories__refuse_cycle to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _300_check before insert
  or update of headers, authentication_type, authentication_config, endpoint_url, retry_config on app_public.tools
  for each row execute function catalog.tg_tools__check();
create or replace trigger _200_note_activation before insert or update of status, enabled on app_public.tools
  for each row execute function catalog.tg__note_activation('enabled');
create or replace trigger _200_take_turns before insert or update of parent_id on app_public.tool_categories
  for each statement execute function catalog.tg_tool_categories__take_turns();
create or replace trigger _300_refuse_cycle before insert or update of parent_id on app_public.tool_categories
  for each row execute function catalog.tg_tool_categories__refuse_cycle();

-- Preferences and notification settings: one's own, and nobody else's to read or to write. What is stored is what differs
-- from the defaults of the schemas in migrations/0003_identity.up.sql, so a changed default reaches everyone.

grant execute on function tenancy.preference_schema to rowhouse_user, rowhouse_platform;
grant execute on function tenancy.notification_schema to rowhouse_user, rowhouse_platform;
grant execute on function tenancy.is_setting to rowhouse_user, rowhouse_platform;
grant execute on function tenancy.are_settings to rowhouse_user, rowhouse_platform;

create or replace function tenancy.with_defaults(settings jsonb, schema jsonb) returns jsonb
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_object_agg(key, coalesce(with_defaults.settings -> key, definition -> 'default'))
    from jsonb_each(with_defaults.schema) as entry (key, definition);
$$;
comment on function tenancy.with_defaults is
  'All settings of a schema: those that are set, and the defaults of the others.';

create or replace function tenancy.patched_settings(settings jsonb, patch jsonb, schema jsonb) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
begin
  if jsonb_typeof(patched_settings.patch) is distinct from 'object' then
    perform core.raise_error('ID402', 'The settings are not an object.', 'Send an object of the keys to change; null takes a key back to its default.');
  end if;
  select key into v_key from jsonb_object_keys(patched_settings.patch) as key where not patched_settings.schema ? key order by key limit 1;
  if found then
    perform core.raise_error('ID403', format('There is no setting "%s".', left(v_key, 100)),
      format('These are the settings there are: %s.', (select string_agg(key, ', ' order by key) from jsonb_object_keys(patched_settings.schema) as key)));
  end if;
  select key into v_key from jsonb_each(patched_settings.patch) as entry (key, value)
   where value <> 'null' and not tenancy.is_setting(value, patched_settings.schema -> key) order by key limit 1;
  if found then
    perform core.raise_error('ID404', format('The setting "%s" cannot have this value.', v_key),
      format('It must fit %s.', (patched_settings.schema -> v_key) - 'default'));
  end if;
  return jsonb_strip_nulls(patched_settings.settings || patched_settings.patch);
end
$$;
comment on function tenancy.patched_settings is
  E'@errors ID402 ID403 ID404\nSettings with a patch laid over them; null takes a key back to its default.';

create or replace function app_public.my_preferences() returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select tenancy.with_defaults(preferences, tenancy.preference_schema())
    from app_public.user_profiles where id = core.current_user_id();
$$;
comment on function app_public.my_preferences is
  'Your settings of the user interface, with the defaults of those you did not set. Nobody else sees them.';
grant execute on function app_public.my_preferences to rowhouse_user;

create or replace function app_public.update_preferences(patch jsonb) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- a pattern cannot tell whether a time zone exists
  if update_preferences.patch ? 'timezone'
    and not exists (select from pg_timezone_names where name = update_preferences.patch ->> 'timezone')
    and update_preferences.patch -> 'timezone' <> 'null' then
    perform core.raise_error('ID404', 'The setting "timezone" cannot have this value.', 'Name an IANA time zone, such as Europe/Berlin.');
  end if;
  update app_public.user_profiles u
     set preferences = tenancy.patched_settings(u.preferences, update_preferences.patch, tenancy.preference_schema())
   where u.id = core.current_user_id();
  return app_public.my_preferences();
end
$$;
comment on function app_public.update_preferences is
  E'@resultFieldName preferences\n@errors ID402 ID403 ID404\nChanges your settings of the user interface: an object of the keys to change, null for a default; the others stay. theme (system, light, dark), density (comfortable, compact), language (such as en or pt-BR), timezone (IANA), dateFormat (iso, day-month, month-day), timeFormat (24h, 12h), pageSize (10 to 200), sidebarCollapsed.';
grant execute on function app_public.update_preferences to rowhouse_user;

create or replace function app_public.my_notification_settings() returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select tenancy.with_defaults(notification_settings, tenancy.notification_schema())
    from app_public.user_profiles where id = core.current_user_id();
$$;
comment on function app_public.my_notification_settings is
  'What you want to be told of and how, with the defaults of what you did not set. Nobody else sees it.';
grant execute on function app_public.my_notification_settings to rowhouse_user;

create or replace function app_public.update_notification_settings(patch jsonb) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.user_profiles u
     set notification_settings =
           tenancy.patched_settings(u.notification_settings, update_notification_settings.patch, tenancy.notification_schema())
   where u.id = core.current_user_id();
  return app_public.my_notification_settings();
end
$$;
comment on function app_public.update_notification_settings is
  E'@resultFieldName notificationSettings\n@errors ID402 ID403 ID404\nChanges what you want to be told of: an object of the keys to change, null for a default; the others stay. The channels email and inApp; the subjects mentions, shares, tasks, quotas, billing, security and productNews: true or false; digest (none, daily, weekly).';
grant execute on function app_public.update_notification_settings to rowhouse_user;

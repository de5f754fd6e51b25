-- Preferences and notification settings of a person. Only the person reads and changes them. Only values that differ from
-- the defaults are stored, so a new default reaches everyone. migrations/0003_tenancy.up.sql has the keys and the defaults.

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
  'All settings of a schema: the values that are set, and the defaults of the others.';

create or replace function tenancy.wants_mails(profile app_public.user_profiles) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select (profile).is_active and (profile).deleted_at is null
     and (tenancy.with_defaults((profile).notification_settings, tenancy.notification_schema()) -> 'email')::boolean;
$$;
comment on function tenancy.wants_mails is 'Whether a person is active and has not switched mails off.';

create or replace function tenancy.apply_settings_patch(settings jsonb, patch jsonb, schema jsonb) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_key text;
begin
  if jsonb_typeof(apply_settings_patch.patch) is distinct from 'object' then
    perform core.raise_error('TN403', 'The settings must be an object.',
      'Send an object of the keys to change. The value null sets a key back to its default.');
  end if;
  select key into v_key
    from jsonb_object_keys(apply_settings_patch.patch) as key
   where not apply_settings_patch.schema ? key
   order by key
   limit 1;
  if found then
    perform core.raise_error('TN402', format('The setting "%s" does not exist.', left(v_key, 100)),
      format('The settings are: %s.',
        (select string_agg(key, ', ' order by key) from jsonb_object_keys(apply_settings_patch.schema) as key)));
  end if;
  select key into v_key
    from jsonb_each(apply_settings_patch.patch) as entry (key, value)
   where value <> 'null' and not tenancy.is_setting(value, apply_settings_patch.schema -> key)
   order by key
   limit 1;
  if found then
    perform core.raise_error('TN403', format('The setting "%s" cannot have this value.', v_key),
      format('It must fit %s.', (apply_settings_patch.schema -> v_key) - 'default'));
  end if;
  return jsonb_strip_nulls(apply_settings_patch.settings || apply_settings_patch.patch);
end
$$;
comment on function tenancy.apply_settings_patch is
  E'@errors TN402 TN403\nThe settings after a patch is applied to them. The value null in a patch sets a key back to its default.';

create or replace function app_public.my_preferences() returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select tenancy.with_defaults(preferences, tenancy.preference_schema())
    from app_public.user_profiles where id = core.current_user_id();
$$;
comment on function app_public.my_preferences is
  'Your preferences for the user interface, with the defaults of those that you have not set. Nobody else sees them.';
grant execute on function app_public.my_preferences to rowhouse_user;

create or replace function app_public.update_preferences(patch jsonb) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_person();
  -- The pattern of the schema cannot tell whether a time zone exists.
  if update_preferences.patch ? 'timezone'
    and not exists (select from pg_timezone_names where name = update_preferences.patch ->> 'timezone')
    and update_preferences.patch -> 'timezone' <> 'null' then
    perform core.raise_error('TN403', 'The setting "timezone" cannot have this value.', 'Name an IANA time zone, such as Europe/Berlin.');
  end if;
  update app_public.user_profiles u
     set preferences = tenancy.apply_settings_patch(u.preferences, update_preferences.patch, tenancy.preference_schema())
   where u.id = core.current_user_id();
  return app_public.my_preferences();
end
$$;
comment on function app_public.update_preferences is
  E'@resultFieldName preferences\n@errors KY201 TN402 TN403\nChanges your preferences for the user interface. The patch is an object of the keys to change; null sets a key back to its default, and keys that are left out stay as they are. The keys are theme (system, light, dark), density (comfortable, compact), language (such as en or pt-BR), timezone (an IANA time zone), dateFormat (iso, day-month, month-day), timeFormat (24h, 12h), pageSize (10 to 200) and sidebarCollapsed (true, false).';
grant execute on function app_public.update_preferences to rowhouse_user;

create or replace function app_public.my_notification_settings() returns jsonb
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select tenancy.with_defaults(notification_settings, tenancy.notification_schema())
    from app_public.user_profiles where id = core.current_user_id();
$$;
comment on function app_public.my_notification_settings is
  'Your notification settings, with the defaults of those that you have not set. Nobody else sees them.';
grant execute on function app_public.my_notification_settings to rowhouse_user;

create or replace function app_public.update_notification_settings(patch jsonb) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_person();
  update app_public.user_profiles u
     set notification_settings =
           tenancy.apply_settings_patch(u.notification_settings, update_notification_settings.patch, tenancy.notification_schema())
   where u.id = core.current_user_id();
  return app_public.my_notification_settings();
end
$$;
comment on function app_public.update_notification_settings is
  E'@resultFieldName notificationSettings\n@errors KY201 TN402 TN403\nChanges your notification settings. The patch is an object of the keys to change; null sets a key back to its default, and keys that are left out stay as they are. The keys are the channels email and inApp and the subjects mentions, shares, tasks, quotas, billing, security and productNews (each true or false), and digest (none, daily, weekly).';
grant execute on function app_public.update_notification_settings to rowhouse_user;

-- Rules of alerts. A rule looks at a metric over a window and compares it with a threshold, or with the mean of the same hours of
-- the weeks before. How it stands lies in observability.alert_states, what happened in alert_logs.

call core.secure_tenant_table('app_public.alerts');
call audit.track('app_public.alerts');
call core.exempt_from_guard('app_public.alerts', '_000_require_writable_tenant', 'a tenant that is read-only is watched, too');
call core.allow('app_public.alerts', read => 'can_view_analytics', insert => 'can_manage_settings', update => 'can_manage_settings');
create policy delete_own on app_public.alerts for delete to rowhouse_user
  using (builtin is null and (select tenancy.has_permission('can_manage_settings')));
grant select, delete,
  insert (name, description, is_enabled, metric, filter, window_minutes, aggregation, comparator, threshold, deviation_percent, deviation_weeks,
          for_minutes, severity, channels, recipient_user_ids, repeat_minutes, quiet_from, quiet_to, notifies_no_data),
  update (name, description, is_enabled, metric, filter, window_minutes, aggregation, comparator, threshold, deviation_percent, deviation_weeks,
          for_minutes, severity, channels, recipient_user_ids, repeat_minutes, quiet_from, quiet_to, notifies_no_data)
  on app_public.alerts to rowhouse_user;
grant select, insert, delete on app_public.alerts to rowhouse_platform;
comment on table app_public.alerts is
  'Rules of alerts, at most 100 of one''s own a tenant. Each is looked at once a minute. Reading them requires can_view_analytics, changing them can_manage_settings.';
comment on column app_public.alerts.name is E'@notPersonal\nThe name, which is the subject of its mails.';
comment on column app_public.alerts.description is 'What it means and what to do.';
comment on column app_public.alerts.builtin is
  'The name of the built-in rule that it is; null for a rule of one''s own. A built-in rule appears when it first has something to say. It can be changed and switched off, and not deleted.';
comment on column app_public.alerts.is_enabled is 'Whether it is looked at.';
comment on column app_public.alerts.metric is 'What it looks at: the name of one of alertMetrics.';
comment on column app_public.alerts.filter is 'Which rows count, as an object of some filter_keys of the metric and the texts that they must equal.';
comment on column app_public.alerts.window_minutes is 'Over how many minutes until now. It means nothing for metrics of how things are now, such as quota_percent.';
comment on column app_public.alerts.aggregation is 'How the values of the window are put together: one of the metric''s aggregations.';
comment on column app_public.alerts.comparator is 'How the value must stand to the limit for an alert.';
comment on column app_public.alerts.threshold is 'The limit, in the unit of the metric; null when the rule has a deviation.';
comment on column app_public.alerts.deviation_percent is
  'By how many percent the value must lie above (above, at_least) or below (below, at_most) the mean of the same hours of the weeks before; null when the rule has a threshold.';
comment on column app_public.alerts.deviation_weeks is 'With how many weeks before it is compared. Weeks without data are left out.';
comment on column app_public.alerts.for_minutes is
  'For how many minutes it must be so until it fires, and must be over until it is resolved. What is shorter makes no noise.';
comment on column app_public.alerts.severity is 'How bad it is.';
comment on column app_public.alerts.channels is 'How people and programs are told: email, webhook (endpoints that chose the kinds alert.firing, alert.resolved and alert.no_data), slack.';
comment on column app_public.alerts.recipient_user_ids is
  E'@personal keep only ids of members, and mails go to active members only\nThe members who get the mails; null for all with can_manage_settings.';
comment on column app_public.alerts.repeat_minutes is 'After how many minutes it is told again while it is firing; null for once.';
comment on column app_public.alerts.quiet_from is 'When the quiet hours begin, in the time zone of the tenant. Mails and messages to Slack wait until they end; null for none.';
comment on column app_public.alerts.quiet_to is 'When the quiet hours end; before their begin means on the next day.';
comment on column app_public.alerts.notifies_no_data is 'Whether it is told when the metric has no data.';
comment on column app_public.alerts.created_at is 'When it was created.';
comment on column app_public.alerts.updated_at is 'When a person last changed it.';
comment on domain app_public.alert_severity is 'How bad an alert is.';
comment on domain app_public.alert_comparator is 'How a value must stand to a limit.';
comment on constraint name_is_a_name on app_public.alerts is 'must have 1 to 200 characters, and no spaces around it';
comment on constraint filter_is_an_object on app_public.alerts is 'must be an object';
comment on constraint window_minutes_is_in_range on app_public.alerts is 'must be from 1 to 1,440';
comment on constraint limit_is_a_threshold_or_a_deviation on app_public.alerts is 'must be given, or a deviation, and not both';
comment on constraint threshold_is_an_amount on app_public.alerts is 'must be less than a thousand million millions';
comment on constraint deviation_percent_is_in_range on app_public.alerts is 'must be from 0 to 10,000';
comment on constraint deviation_weeks_is_in_range on app_public.alerts is 'must be from 1 to 8';
comment on constraint deviation_is_over_weeks on app_public.alerts is 'must be given with deviation_weeks';
comment on constraint for_minutes_is_in_range on app_public.alerts is 'must be from 0 to 1,440';
comment on constraint channels_are_known on app_public.alerts is 'must be email, webhook or slack';
comment on constraint repeat_minutes_is_in_range on app_public.alerts is 'must be from 5 to 10,080';
comment on constraint quiet_hours_begin_and_end on app_public.alerts is 'must be given with quiet_to, and differ from it';
comment on constraint alerts_metric_fkey on app_public.alerts is E'@fieldName metricByName\n@foreignFieldName alerts\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';

call core.secure_tenant_table('vault.alert_slack');
call audit.track('vault.alert_slack');
comment on table vault.alert_slack is 'The address of the incoming webhook of Slack to which the alerts of a tenant go.';

create or replace function observability.max_alerts() returns int
language sql immutable parallel safe
return 100;
comment on function observability.max_alerts is 'How many rules of alerts a tenant can have of its own.';
grant execute on function observability.max_alerts to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: an administrator in psql makes rules without being in a tenant
create or replace function observability.tg_alerts__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_metric app_public.alert_metrics;
  v_fault text;
begin
  select m.* into v_metric from app_public.alert_metrics m where m.name = new.metric;
  if not found or v_metric.is_platform and not exists (
    select from app_public.tenants t where t.id = new.tenant_id and t.type = 'platform') then
    perform core.raise_error('OB340', 'metric is not the name of a metric that this tenant can look at.', 'alertMetrics lists the metrics.');
  end if;
  if new.aggregation <> all (v_metric.aggregations) then
    perform core.raise_error('OB440', format('aggregation must be one of those of the metric %s: %s.', v_metric.name, array_to_string(v_metric.aggregations, ', ')),
      'alertMetrics lists them.');
  end if;
  select f.key into v_fault
    -- that it is an object is checked after this trigger
    from jsonb_each(case jsonb_typeof(new.filter) when 'object' then new.filter end) f
   where f.key <> all (v_metric.filter_keys) or jsonb_typeof(f.value) <> 'string' or length(f.value #>> '{}') not between 1 and 255
   order by 1 limit 1;
  if found then
    perform core.raise_error('OB441', format('filter has the key %s, which the metric %s does not know, or whose value is no text of 1 to 255 characters.',
        left(v_fault, 100), v_metric.name), format('The keys are: %s.', array_to_string(v_metric.filter_keys, ', ')));
  end if;
  if new.deviation_percent is not null and v_metric.row_at is null then
    perform core.raise_error('OB442', format('deviation_percent cannot be used with the metric %s, because how things stood weeks ago is not known.', v_metric.name),
      'Give a threshold.');
  end if;
  if exists (select from unnest(new.recipient_user_ids) as r (id)
              where not exists (select from app_public.user_tenants m where m.tenant_id = new.tenant_id and m.user_id = r.id and m.status = 'active')) then
    perform core.raise_error('OB341', 'recipient_user_ids names someone who is not an active member of this tenant.', 'Name members.');
  end if;
  return new;
end
$$;
comment on function observability.tg_alerts__check is
  E'@errors OB340 OB341 OB440 OB441 OB442\nRefuses a rule whose metric, aggregation, filter or recipients do not exist.';

create or replace function observability.tg_alerts__limit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtext('observability.alerts'), hashtext(new.tenant_id::text));
  if (select count(*) from app_public.alerts a where a.tenant_id = new.tenant_id and a.builtin is null) >= observability.max_alerts() then
    perform core.raise_error('OB640', format('A tenant can have at most %s rules of alerts.', observability.max_alerts()), 'Delete rules that are not needed.');
  end if;
  return new;
end
$$;
comment on function observability.tg_alerts__limit is
  E'@errors OB640\nKeeps the number of a tenant''s own rules below its limit. One transaction at a time adds some.';

create or replace function observability.tg_alerts__begin() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into observability.alert_states (tenant_id, alert_id, since) values (new.tenant_id, new.id, core.clock());
  return null;
end
$$;
comment on function observability.tg_alerts__begin is 'Gives a new rule its state.';
grant execute on function observability.tg_alerts__check, observability.tg_alerts__limit, observability.tg_alerts__begin to rowhouse_owner;
set local role rowhouse_owner;

create or replace function app_public.set_alert_slack_url(url text) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_settings');
  if set_alert_slack_url.url is null then
    delete from vault.alert_slack s where s.tenant_id = core.current_tenant_id();
  elsif not core.is_web_url(set_alert_slack_url.url) then
    perform core.raise_error('OB443', 'url is not an address with http or https, without user and password, of at most 2,000 characters.',
      'Copy the address of the incoming webhook from Slack.');
  else
    insert into vault.alert_slack (tenant_id, url) values (core.current_tenant_id(), set_alert_slack_url.url)
    on conflict on constraint alert_slack_pkey do update set url = excluded.url;
  end if;
  return true;
end
$$;
comment on function app_public.set_alert_slack_url is
  E'@resultFieldName isSet\n@errors ID203 OB443 TN202\nSets the address of the incoming webhook of Slack, or of a program that understands its messages, to which the alerts with the channel slack go; null removes it. It is a secret, so it cannot be read. You need the permission can_manage_settings.';
grant execute on function app_public.set_alert_slack_url to rowhouse_user;

create or replace trigger _100_check
  before insert or update of metric, aggregation, filter, deviation_percent, recipient_user_ids on app_public.alerts
  for each row execute function observability.tg_alerts__check();
create or replace trigger _200_limit before insert on app_public.alerts
  for each row when (new.builtin is null) execute function observability.tg_alerts__limit();
create or replace trigger _500_begin after insert on app_public.alerts
  for each row execute function observability.tg_alerts__begin();

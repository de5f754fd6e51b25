-- Telling of alerts: mails and messages to Slack, which are rows of a log and jobs of their own, and webhooks. For each transition
-- a person or a channel has at most one row. During quiet hours rows are held; if it is over before they end, nobody is told.

call core.secure_tenant_table('app_public.alert_notifications');
call audit.leave_out('the progress of tasks', 'app_public.alert_notifications');
call core.exempt_from_guard('app_public.alert_notifications', '_000_require_writable_tenant', 'a tenant that is read-only is watched, too');
call core.allow('app_public.alert_notifications', read => 'can_manage_settings');
grant select on app_public.alert_notifications to rowhouse_user;
grant select, delete, update (status) on app_public.alert_notifications to rowhouse_platform;
comment on table app_public.alert_notifications is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nThe mails and messages to Slack about alerts. Those to webhooks are webhookDeliveries. Reading them requires can_manage_settings.';
comment on column app_public.alert_notifications.alert_log_id is 'What it tells of.';
comment on column app_public.alert_notifications.incident_id is 'The incident.';
comment on column app_public.alert_notifications.channel is E'@notPersonal\nemail or slack.';
comment on column app_public.alert_notifications.user_id is E'@personal erase\nThe person who gets the mail; null for Slack.';
comment on column app_public.alert_notifications.status is 'The state of the notification.';
comment on column app_public.alert_notifications.send_at is 'When it goes out at the earliest: after the quiet hours.';
comment on column app_public.alert_notifications.attempts is 'How many times sending was attempted.';
comment on column app_public.alert_notifications.leased_until is E'@behavior -*\nUntil this time one worker has it for itself.';
comment on column app_public.alert_notifications.error is E'@personal erase\nWhy the last attempt failed; null when it did not fail.';
comment on column app_public.alert_notifications.sent_at is 'When it was accepted.';
comment on column app_public.alert_notifications.created_at is 'When the row was created.';
comment on constraint alert_notifications_tenant_id_alert_log_id_fkey on app_public.alert_notifications is E'@fieldName alertLog\n@foreignFieldName notifications';
comment on constraint alert_notifications_user_id_fkey on app_public.alert_notifications is
  E'@foreignFieldName alertNotifications\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on domain app_public.alert_notification_status is
  'The state of a notification: held waits for the end of the quiet hours; queued waits to be sent; sent was accepted; failed after the last attempt; skipped was not sent, because it was over before, or is not wanted.';

do $$
declare
  v_alert constant jsonb := '{"alert_id": "uuid: the rule", "incident_id": "uuid: the incident", "name": "text: the name of the rule", "severity": "text: info, warning or critical", "metric": "text: the metric", "value": "text or null: what was measured, a decimal number", "limit": "text or null: what it is compared with, a decimal number"}';
begin
  call webhooks.define_kind('alert.firing', 'An alert fires, or is told again because it still does.', v_alert || '{"state": "text: firing"}');
  call webhooks.define_kind('alert.resolved', 'An alert that was told is over.', v_alert || '{"state": "text: resolved"}');
  call webhooks.define_kind('alert.no_data', 'The metric of a rule that asks to be told of it has no data.',
    v_alert || '{"state": "text: no_data", "incident_id": "uuid or null: the incident that it interrupts"}');
end
$$;

create or replace function observability.quiet_until(quiet_from time, quiet_to time, at timestamptz, timezone text) returns timestamptz
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- By the clocks of the tenant, so that the hours stay the same when the clocks are changed.
  select case when case when quiet_until.quiet_from < quiet_until.quiet_to
                     then l.at::time >= quiet_until.quiet_from and l.at::time < quiet_until.quiet_to
                     else l.at::time >= quiet_until.quiet_from or l.at::time < quiet_until.quiet_to end
           then greatest(quiet_until.at,
             (l.at::date + quiet_until.quiet_to + case when l.at::time < quiet_until.quiet_to then interval '0' else interval '1 day' end)
               at time zone quiet_until.timezone) end
    from (select quiet_until.at at time zone quiet_until.timezone as at) as l;
$$;
comment on function observability.quiet_until is 'When the quiet hours end in which this time lies; null when it lies in none.';

create or replace function observability.queue_notification(tenant_id uuid, notification_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_job('observability__send_alert', json_build_object(
    'tenantId', queue_notification.tenant_id, 'notificationId', queue_notification.notification_id));
$$;
comment on function observability.queue_notification is 'Adds the job that sends a notification.';
grant execute on function observability.queue_notification to rowhouse_platform;

create or replace function observability.recipients_of_alert(alert app_public.alerts) returns table (channel text, user_id uuid)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select 'email', m.user_id from app_public.user_tenants m
   where 'email' = any ((alert).channels) and m.tenant_id = (alert).tenant_id and m.status = 'active'
     and case when (alert).recipient_user_ids is null
           then 'can_manage_settings' = any (tenancy.effective_permissions(m.role, m.permissions))
           else m.user_id = any ((alert).recipient_user_ids) end
  union all
  select 'slack', null where 'slack' = any ((alert).channels);
$$;
comment on function observability.recipients_of_alert is 'Whom a rule tells by mail, and whether by Slack.';

create or replace function observability.recipients_of_incident(tenant_id uuid, incident_id uuid) returns table (channel text, user_id uuid)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select distinct n.channel, n.user_id from app_public.alert_notifications n
   where n.tenant_id = recipients_of_incident.tenant_id and n.incident_id = recipients_of_incident.incident_id
     and n.status in ('queued', 'sent', 'failed');
$$;
comment on function observability.recipients_of_incident is 'Who was told of an incident, and so wants to know that it is over.';

create or replace function observability.notify_of_alert(
  alert app_public.alerts, before observability.alert_states, after observability.alert_states, log app_public.alert_logs
) returns observability.alert_states
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_after observability.alert_states := notify_of_alert.after;
  v_is_over constant boolean := v_after.state in ('resolved', 'ok') and (before).incident_id is not null;
  v_is_told constant boolean := case v_after.state
    -- When an incident goes on that only had no data for a while, it is not told again.
    when 'firing' then (log).is_repeat or (before).resumes_as is distinct from 'firing'
    when 'resolved' then v_after.notified_at is not null
    when 'no_data' then (alert).notifies_no_data
    else false end;
  v_send_at timestamptz;
  v_row record;
begin
  if v_is_over then
    update app_public.alert_notifications n set status = 'skipped'
     where n.tenant_id = (alert).tenant_id and n.incident_id = (before).incident_id and n.status = 'held';
  end if;
  if not v_is_told then
    return v_after;
  end if;
  if 'webhook' = any ((alert).channels) then
    perform webhooks.emit((alert).tenant_id, 'alert.' || v_after.state, (alert).id, jsonb_build_object(
      'alert_id', (alert).id, 'incident_id', (log).incident_id, 'name', (alert).name, 'severity', (alert).severity,
      'metric', (alert).metric, 'state', v_after.state, 'value', v_after.value::text, 'limit', v_after.limit_value::text));
  end if;
  v_send_at := coalesce(observability.quiet_until((alert).quiet_from, (alert).quiet_to, (log).occurred_at,
    (select t.timezone from app_public.tenants t where t.id = (alert).tenant_id)), (log).occurred_at);
  for v_row in
    insert into app_public.alert_notifications (tenant_id, alert_log_id, incident_id, channel, user_id, status, send_at)
    select (alert).tenant_id, (log).id, (log).incident_id, r.channel, r.user_id,
           case when v_send_at > (log).occurred_at then 'held' else 'queued' end, v_send_at
      from (select * from observability.recipients_of_alert(alert) where v_after.state <> 'resolved'
             union all
            select * from observability.recipients_of_incident((alert).tenant_id, (log).incident_id) where v_after.state = 'resolved') as r
     order by r.channel, r.user_id
    returning id, status
  loop
    if v_row.status = 'queued' then
      perform observability.queue_notification((alert).tenant_id, v_row.id);
    end if;
  end loop;
  if v_after.state = 'firing' then
    v_after.notified_at := (log).occurred_at;
  end if;
  return v_after;
end
$$;
comment on function observability.notify_of_alert is
  'Tells of a transition, in this transaction: of firing, to all channels of the rule; of its end, to those who were told; of missing data, when the rule asks for it.';

set local role rowhouse_platform;  -- outside the wall: the quiet hours of all tenants end
create or replace function observability.release_notifications() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_row record;
  v_count int := 0;
begin
  for v_row in
    update app_public.alert_notifications n set status = 'queued'
      from (select h.tenant_id, h.id from app_public.alert_notifications h
             where h.status = 'held' and h.send_at <= core.clock() order by h.send_at limit 1000 for update skip locked) as due
     where n.tenant_id = due.tenant_id and n.id = due.id
    returning n.tenant_id, n.id
  loop
    perform observability.queue_notification(v_row.tenant_id, v_row.id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function observability.release_notifications is 'Queues notifications whose quiet hours have ended, at most 1,000, and returns how many.';
grant execute on function observability.release_notifications to rowhouse_worker;
set local role rowhouse_owner;

create or replace function observability.alert_message(alert app_public.alerts, log app_public.alert_logs) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select concat_ws(' ',
      case when (log).is_repeat then 'It is still so.' end,
      format(case (log).state when 'resolved' then 'It is over: %s is %s (%s), and the limit is %s.'
               when 'no_data' then '%s has no data.' else '%s is %s (%s), and the limit is %s.' end,
        (alert).metric, coalesce(round((log).value, 4)::float8::text, 'unknown'), m.unit, coalesce(round((log).limit_value, 4)::float8::text, 'unknown')),
      (alert).description)
    from app_public.alert_metrics m where m.name = (alert).metric;
$$;
comment on function observability.alert_message is 'What a mail and a message to Slack say of a transition.';

create or replace function observability.begin_notification(tenant_id uuid, notification_id uuid)
returns table (attempt int, channel text, email text, slack_url text, tenant_name text, subject text, message text, severity text, state text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- longer than a slow mail server or Slack is waited for
  v_lease constant interval := '2 minutes';
  v_row app_public.alert_notifications;
begin
  call core.enter_tenant(begin_notification.tenant_id);
  select * into v_row from app_public.alert_notifications n
   where n.tenant_id = begin_notification.tenant_id and n.id = begin_notification.notification_id and n.status = 'queued' for update;
  if not found then
    return;
  elsif v_row.leased_until > core.clock() then
    perform core.raise_error('OB541', 'Another worker is sending this notification.', 'It is sent again when that worker does not finish in time.');
  end if;
  select t.name, format('%s: %s', case l.state when 'resolved' then 'Resolved' when 'no_data' then 'No data' else initcap(a.severity) end, a.name),
         observability.alert_message(a, l), a.severity, l.state, tenancy.mail_address(l.tenant_id, v_row.user_id), s.url
    into tenant_name, subject, message, severity, state, email, slack_url
    from app_public.alert_logs l
    join app_public.alerts a on a.tenant_id = l.tenant_id and a.id = l.alert_id
    join app_public.tenants t on t.id = l.tenant_id
    left join vault.alert_slack s on s.tenant_id = l.tenant_id and v_row.channel = 'slack'
   where l.tenant_id = v_row.tenant_id and l.id = v_row.alert_log_id;
  channel := v_row.channel;
  if coalesce(email, slack_url) is null then
    update app_public.alert_notifications n
       set status = 'skipped', leased_until = null, error = case v_row.channel when 'slack' then 'The tenant has no address of Slack.' end
     where n.tenant_id = v_row.tenant_id and n.id = v_row.id;
    return;
  end if;
  update app_public.alert_notifications n set attempts = n.attempts + 1, leased_until = core.clock() + v_lease
   where n.tenant_id = v_row.tenant_id and n.id = v_row.id
  returning n.attempts into attempt;
  return next;
end
$$;
comment on function observability.begin_notification is
  E'@errors OB541\nLeases a notification for two minutes and returns what it says and where it goes. There is no row when it was already sent, or when nobody wants it any more; it is then set to skipped.';
grant execute on function observability.begin_notification to rowhouse_worker;

create or replace function observability.finish_notification(
  tenant_id uuid, notification_id uuid, attempt int, error text default null, is_last_attempt boolean default false
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(finish_notification.tenant_id);
  update app_public.alert_notifications n
     set status = case
           when finish_notification.error is null then 'sent'
           when finish_notification.is_last_attempt then 'failed'
           else 'queued' end,
         error = left(finish_notification.error, 500), leased_until = null,
         sent_at = case when finish_notification.error is null then core.clock() end
   where n.tenant_id = finish_notification.tenant_id and n.id = finish_notification.notification_id and n.status = 'queued'
     -- any attempt may report success, but only the latest attempt may report a failure
     and (finish_notification.error is null or n.attempts = finish_notification.attempt);
end
$$;
comment on function observability.finish_notification is
  'Records the result of an attempt to send a notification. The error must contain only what people of the tenant may read.';
grant execute on function observability.finish_notification to rowhouse_worker;

-- Mails about billing notices and quota alerts. A lease prevents that two workers send the same mail at the same time. A mail
-- server cannot be asked whether it already has a mail. If a worker dies after it handed a mail over and before it recorded
-- that, the mail is sent again under the same Message-ID, by which mail programs recognize the copy.

call core.secure_tenant_table('app_public.notice_mails');
call audit.leave_out('the progress of tasks', 'app_public.notice_mails');
call core.exempt_from_guard('app_public.notice_mails', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
create policy select_billing on app_public.notice_mails for select to rowhouse_user
  using ((select tenancy.has_permission('can_manage_billing'))
    or quota_alert_id is not null and (select tenancy.has_permission('can_manage_tenant')));
grant select on app_public.notice_mails to rowhouse_user;
grant select, insert on app_public.notice_mails to rowhouse_platform;
comment on table app_public.notice_mails is
  E'@behavior -insert -update -delete -query:resource:single\nThe mails about billing notices and quota alerts, one for each person. Reading them requires can_manage_billing; can_manage_tenant is enough for mails about quota alerts.';
comment on column app_public.notice_mails.billing_notice_id is 'The billing notice that the mail is about, or null.';
comment on column app_public.notice_mails.quota_alert_id is 'The quota alert that the mail is about, or null.';
comment on column app_public.notice_mails.user_id is E'@personal erase\nThe person who gets the mail.';
comment on column app_public.notice_mails.status is 'The state of the mail.';
comment on column app_public.notice_mails.attempts is 'How many times sending was attempted.';
comment on column app_public.notice_mails.error is E'@personal erase\nWhy the last attempt failed; null when it did not fail.';
comment on column app_public.notice_mails.leased_until is E'@behavior -*\nUntil this time one worker has the mail for itself.';
comment on column app_public.notice_mails.sent_at is 'When the mail server accepted the mail.';
comment on column app_public.notice_mails.created_at is 'When the row was created.';
comment on constraint notice_mails_tenant_id_billing_notice_id_fkey on app_public.notice_mails is E'@fieldName billingNotice\n@foreignFieldName mails';
comment on constraint notice_mails_tenant_id_quota_alert_id_fkey on app_public.notice_mails is E'@fieldName quotaAlert\n@foreignFieldName mails';
comment on constraint notice_mails_user_id_fkey on app_public.notice_mails is E'@foreignFieldName noticeMails';

create or replace function billing.quota_alert_message(alert app_public.quota_alerts) returns text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_of text := replace((alert).quota_type, '_', ' ')
    || case (alert).quota_type when 'storage' then ' (bytes)' when 'cost' then ' (US dollars)' else '' end;
  v_name text := case (alert).quota_scope
    when 'user' then (select coalesce(u.full_name, u.email) from app_public.user_profiles u where u.id = (alert).scope_id)
    when 'agent' then (select a.name from app_public.agents a where a.tenant_id = (alert).tenant_id and a.id = (alert).scope_id) end;
begin
  return format('%s%% of the quota of %s is used: %s of %s%s%s.',
    trim_scale((alert).threshold_percentage), v_of, trim_scale((alert).usage_at_alert), trim_scale((alert).quota_limit),
    case
      when (alert).includes_subtree then ', with all organizations below'
      when (alert).quota_scope <> 'tenant' then format(', by the %s %s', replace((alert).quota_scope, '_', ' '), coalesce(v_name, (alert).scope_id::text))
      else '' end,
    case (alert).period
      when 'none' then '' when 'day' then format(', on %s', (alert).period_start)
      when 'month' then format(', in the month from %s', (alert).period_start)
      else format(', in the billing period from %s', (alert).period_start) end);
end
$$;
comment on function billing.quota_alert_message is
  'The message of a mail about a quota alert.';

create or replace function billing.notice_subject(kind app_public.billing_notice_kind) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case kind
    when 'trial_ending' then 'The trial ends soon' when 'trial_expired' then 'The trial has ended'
    when 'subscription_started' then 'Subscription started' when 'subscription_renewed' then 'Subscription renewed'
    when 'subscription_paused' then 'Subscription paused' when 'subscription_ended' then 'Subscription ended'
    when 'invoice_finalised' then 'New invoice' when 'invoice_overdue' then 'Invoice overdue'
    when 'payment_failed' then 'Payment failed' when 'payment_succeeded' then 'Payment received'
    when 'invoice_uncollectible' then 'Invoice not paid: subscription paused'
  end;
$$;
comment on function billing.notice_subject is
  'The subject of a mail about a notice of this kind.';

create or replace function billing.begin_notice_mail(tenant_id uuid, mail_id uuid)
returns table (attempt int, email text, tenant_name text, subject text, message text, setting text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- longer than server/mail.ts waits for a slow mail server
  v_lease constant interval := '2 minutes';
  v_mail app_public.notice_mails;
begin
  call core.enter_tenant(begin_notice_mail.tenant_id);
  select * into v_mail from app_public.notice_mails n
   where n.tenant_id = begin_notice_mail.tenant_id and n.id = begin_notice_mail.mail_id and n.status = 'queued' for update;
  if not found then
    return;
  elsif v_mail.leased_until > core.clock() then
    perform core.raise_error('LB524', 'Another worker is sending this mail.', 'The mail is sent again when that worker does not finish in time.');
  end if;

  setting := case when v_mail.billing_notice_id is null then 'quotas' else 'billing' end;
  email := tenancy.mail_address(v_mail.tenant_id, v_mail.user_id,
    case setting when 'billing' then array['can_manage_billing'] else array['can_manage_billing', 'can_manage_tenant'] end, setting);
  if email is null then
    update app_public.notice_mails n set status = 'skipped', error = null, leased_until = null
     where n.tenant_id = v_mail.tenant_id and n.id = v_mail.id;
    return;
  end if;

  select t.name into tenant_name from app_public.tenants t where t.id = v_mail.tenant_id;
  update app_public.notice_mails n
     set attempts = n.attempts + 1, leased_until = core.clock() + v_lease
   where n.tenant_id = v_mail.tenant_id and n.id = v_mail.id
  returning n.attempts into attempt;
  if v_mail.billing_notice_id is not null then
    select billing.notice_subject(b.kind), b.message into subject, message
      from app_public.billing_notices b where b.tenant_id = v_mail.tenant_id and b.id = v_mail.billing_notice_id;
  else
    select case when a.threshold_percentage >= 100 then 'Quota used up' else 'Quota nearly used up' end, billing.quota_alert_message(a)
      into subject, message
      from app_public.quota_alerts a where a.tenant_id = v_mail.tenant_id and a.id = v_mail.quota_alert_id;
  end if;
  return next;
end
$$;
comment on function billing.begin_notice_mail is
  E'@errors LB524\nLeases a mail for two minutes and returns what it says. There is no row when the mail was already sent. There is also none when the person no longer wants or may no longer read it; the mail is then set to skipped.';
grant execute on function billing.begin_notice_mail to rowhouse_worker;

create or replace function billing.finish_notice_mail(
  tenant_id uuid, mail_id uuid, attempt int, error text default null, is_last_attempt boolean default false
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(finish_notice_mail.tenant_id);
  update app_public.notice_mails n
     set status = case
           when finish_notice_mail.error is null then 'sent'
           when finish_notice_mail.is_last_attempt then 'failed'
           else 'queued' end,
         error = left(finish_notice_mail.error, 500), leased_until = null,
         sent_at = case when finish_notice_mail.error is null then core.clock() end
   where n.tenant_id = finish_notice_mail.tenant_id and n.id = finish_notice_mail.mail_id and n.status = 'queued'
     -- any attempt may report success, but only the latest attempt may report a failure
     and (finish_notice_mail.error is null or n.attempts = finish_notice_mail.attempt);
end
$$;
comment on function billing.finish_notice_mail is
  'Records the result of an attempt to send a mail. The error must contain only what people of the tenant may read.';
grant execute on function billing.finish_notice_mail to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: usage of a tenant can pass a threshold of a tenant above it, whose people get the mail
create or replace function billing.tg__queue_notice_mails() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_mail record;
begin
  for v_mail in
    insert into app_public.notice_mails (tenant_id, billing_notice_id, quota_alert_id, user_id)
    select new.tenant_id, case tg_argv[0] when 'billing_notice_id' then new.id end, case tg_argv[0] when 'quota_alert_id' then new.id end,
           m.user_id
      from tenancy.members_with(new.tenant_id, tg_argv[1:]) as m (user_id)
    returning tenant_id, id
  loop
    perform core.enqueue_job('billing__send_notice', json_build_object('tenantId', v_mail.tenant_id, 'mailId', v_mail.id));
  end loop;
  return null;
end
$$;
comment on function billing.tg__queue_notice_mails is
  'Inserts and queues a mail for each active member of the tenant who has one of the given permissions. The first argument of the trigger is the column that refers to the row, and the other arguments are the permissions.';
grant execute on function billing.tg__queue_notice_mails to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _500_queue_mails after insert on app_public.billing_notices
  for each row execute function billing.tg__queue_notice_mails('billing_notice_id', 'can_manage_billing');
create or replace trigger _500_queue_mails after insert on app_public.quota_alerts
  for each row execute function billing.tg__queue_notice_mails('quota_alert_id', 'can_manage_billing', 'can_manage_tenant');

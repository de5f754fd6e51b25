-- The mail that tells those who look after the settings of a tenant that an endpoint was disabled.

create or replace function webhooks.queue_alerts(tenant_id uuid, endpoint_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_job('webhooks__send_alert', json_build_object(
           'tenantId', m.tenant_id, 'endpointId', queue_alerts.endpoint_id, 'userId', m.user_id))
    from app_public.user_tenants m
   where m.tenant_id = queue_alerts.tenant_id and m.status = 'active'
     and 'can_manage_settings' = any (tenancy.effective_permissions(m.role, m.permissions))
   order by m.user_id;
$$;
comment on function webhooks.queue_alerts is
  'Queues a mail about a disabled endpoint to each active member with can_manage_settings.';

create or replace function webhooks.alert_mail(tenant_id uuid, endpoint_id uuid, user_id uuid)
returns table (email text, tenant_name text, message text, disabled_at timestamptz)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(alert_mail.tenant_id);
  return query
    select u.email, t.name, format('The webhook endpoint %s was disabled: %s. Enable it when it works again; what it missed can be replayed.',
             e.url, case e.disabled_reason when 'gone' then 'it answered 410 Gone' else 'every call has failed for five days' end), e.disabled_at
      from app_public.webhook_endpoints e
      join app_public.tenants t on t.id = e.tenant_id
      join app_public.user_tenants m on m.tenant_id = t.id and m.user_id = alert_mail.user_id and m.status = 'active'
      join app_public.user_profiles u on u.id = m.user_id and tenancy.wants_mails(u)
     where e.tenant_id = alert_mail.tenant_id and e.id = alert_mail.endpoint_id and e.disabled_reason in ('gone', 'failing')
       and 'can_manage_settings' = any (tenancy.effective_permissions(m.role, m.permissions));
end
$$;
comment on function webhooks.alert_mail is
  'What the mail about a disabled endpoint says and to which address. No row when the person may no longer read it or wants no mails, or the endpoint is enabled again.';
grant execute on function webhooks.alert_mail to rowhouse_worker;

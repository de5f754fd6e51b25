-- Who is told of a notice or an alert, decided where it is written: a use that passes a threshold of a tenant above runs
-- in the context of the tenant below.

create or replace function app_private.tg__queue_notice_mails() returns trigger
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
      from app_public.user_tenants m
     where m.tenant_id = new.tenant_id and m.status = 'active'
       and app_hidden.effective_permissions(m.role, m.permissions) && tg_argv[1:]
     order by m.user_id
    returning tenant_id, id
  loop
    perform app_private.enqueue_job('billing__send_notice', json_build_object('tenantId', v_mail.tenant_id, 'mailId', v_mail.id));
  end loop;
  return null;
end
$$;
comment on function app_private.tg__queue_notice_mails() is
  'Makes a mail for each active member who has one of the permissions (the arguments after the first, which is the column), and queues it.';
grant execute on function app_private.tg__queue_notice_mails() to rowhouse_owner;

-- The mails to those who may decide. One is queued for each when an approval is opened, and looked at again when it goes out.

create or replace function runtime.tg_agent_approvals__queue_mails() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Whoever else may decide finds it in the list.
  v_most constant int := 50;
begin
  perform core.enqueue_job('runtime__send_approval_request', json_build_object(
            'tenantId', new.tenant_id, 'approvalId', new.id, 'userId', m.user_id))
     from tenancy.members_with(new.tenant_id, array['can_decide_approvals']) as m (user_id)
    where not new.is_four_eyes or m.user_id is distinct from new.requested_by_user_id and m.user_id is distinct from new.given_by_user_id
    limit v_most;
  return null;
end
$$;
comment on function runtime.tg_agent_approvals__queue_mails is
  'Queues a mail about an approval to each person who may decide, at most 50.';
create or replace trigger _610_queue_mails after insert on app_public.agent_approvals
  for each row execute function runtime.tg_agent_approvals__queue_mails();

create or replace function runtime.approval_mail(tenant_id uuid, approval_id uuid, user_id uuid)
returns table (email text, tenant_name text, subject text, message text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(approval_mail.tenant_id);
  return query
    select m.email, t.name, 'Approval needed: ' || a.title,
           format('"%s" waits for an approval until %s (%s).', a.title,
             to_char(a.expires_at at time zone t.timezone, 'YYYY-MM-DD HH24:MI'), t.timezone)
             || coalesce(format(' It is expected to cost %s US dollars.', trim_scale(a.cost_usd)), '')
             || format(' Without an answer it will be %s.', a.default_answer)
      from app_public.agent_approvals a
      join app_public.tenants t on t.id = a.tenant_id
      join tenancy.mail_address(a.tenant_id, approval_mail.user_id, array['can_decide_approvals']) as m (email) on m.email is not null
     where a.tenant_id = approval_mail.tenant_id and a.id = approval_mail.approval_id
       and a.status = 'pending' and a.expires_at > core.clock();
end
$$;
comment on function runtime.approval_mail is
  'What the mail about an approval says and to which address; no row when it has its answer, or the person may no longer decide or wants no mails.';
grant execute on function runtime.approval_mail to rowhouse_worker;

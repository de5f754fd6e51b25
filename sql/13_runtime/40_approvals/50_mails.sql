-- The mails to those who may decide. A person for whom a mail waits already gets one about the latest approval, which says how many
-- more there are, so a thousand tasks that come at once are not a thousand mails. It is looked at again when it goes out.

create or replace function runtime.tg_agent_approvals__queue_mails() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- Whoever else may decide finds it in the list.
  v_most constant int := 50;
  v_user_id uuid;
begin
  -- In the order of their ids, because two transactions may queue mails for the same people.
  for v_user_id in
    select m.user_id from tenancy.members_with(new.tenant_id, array['can_decide_approvals']) as m (user_id)
     where not new.is_four_eyes or m.user_id is distinct from new.requested_by_user_id and m.user_id is distinct from new.given_by_user_id
     order by m.user_id limit v_most
  loop
    perform core.enqueue_job('runtime__send_approval_request',
      json_build_object('tenantId', new.tenant_id, 'approvalId', new.id, 'userId', v_user_id),
      format('approval mail %s %s', new.tenant_id, v_user_id));
  end loop;
  return null;
end
$$;
comment on function runtime.tg_agent_approvals__queue_mails is
  'Queues a mail about an approval to each person who may decide, at most 50.';
create or replace trigger _610_queue_mails after insert on app_public.agent_approvals
  for each row execute function runtime.tg_agent_approvals__queue_mails();

create or replace function runtime.other_approvals_in_words(approval_id uuid, user_id uuid) returns text
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := 100;
  v_count int;
begin
  select count(*) into v_count from (
    select from app_public.agent_approvals a
     where a.tenant_id = core.current_tenant_id() and a.status = 'pending' and a.expires_at > core.clock()
       and a.id <> other_approvals_in_words.approval_id and runtime.may_decide(a, other_approvals_in_words.user_id)
       and not exists (
         select from app_public.agent_approval_votes v
          where v.tenant_id = a.tenant_id and v.approval_id = a.id and v.user_id = other_approvals_in_words.user_id)
     limit v_most) as waiting;
  return case when v_count > 0 then format('Waiting for you besides: %s.', case when v_count = v_most then v_count || ' or more' else v_count::text end) end;
end
$$;
comment on function runtime.other_approvals_in_words is
  'How many approvals besides this one wait for a person who may decide, in a sentence; null when there are none.';

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
           concat_ws(' ',
             format('"%s" waits for an approval until %s (%s).', a.title,
               to_char(a.expires_at at time zone t.timezone, 'YYYY-MM-DD HH24:MI'), t.timezone),
             'It is expected to cost ' || trim_scale(a.cost_usd) || ' US dollars.',
             format('Without an answer it will be %s.', a.default_answer),
             runtime.other_approvals_in_words(a.id, approval_mail.user_id))
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

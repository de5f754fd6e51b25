-- The results of reports as files: a link gives one over HTTP, once, and mails bring them to the recipients. The files are made of
-- the stored result when they are asked for (server/reports/).

call core.secure_tenant_table('observability.report_tickets');
call audit.leave_out('the progress of tasks', 'observability.report_tickets');
comment on table observability.report_tickets is 'Links to the results of reports. A ticket is deleted when it is used.';
comment on column observability.report_tickets.user_id is E'@personal erase\nWhom it was given to.';
comment on domain app_public.report_format is 'A form of a result: csv, xlsx (a workbook) or svg (a chart, of a result that has one dimension).';
comment on type app_public.report_link is 'The permission to download the result of a report, once: GET /files/reports/ and the id.';
comment on column app_public.report_link.id is E'@notNull\nThe file is at /files/reports/ and this id.';
comment on column app_public.report_link.expires_at is E'@notNull\nWhen the link expires.';

call core.secure_tenant_table('observability.report_mails');
call audit.leave_out('the progress of tasks', 'observability.report_mails');
comment on table observability.report_mails is 'The mails with the results of reports, one for each recipient of a run.';
comment on column observability.report_mails.user_id is E'@personal erase\nWho gets it.';
comment on column observability.report_mails.error is E'@personal erase\nWhy the last attempt failed.';

create or replace function app_public.create_report_link(run_id uuid, format app_public.report_format) returns app_public.report_link
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_longest_life constant interval := interval '15 minutes';
  v_run constant app_public.analytics_report_runs := observability.my_run(create_report_link.run_id);
  v_link app_public.report_link;
begin
  if v_run.status <> 'completed' then
    perform core.raise_error('OB583', 'The run has no result.', 'Wait until its status is completed, or run the report again.');
  end if;
  delete from observability.report_tickets t where t.tenant_id = v_run.tenant_id and t.run_id = v_run.id and t.expires_at <= core.clock();
  insert into observability.report_tickets as t (tenant_id, run_id, user_id, format, expires_at)
  values (v_run.tenant_id, v_run.id, core.current_user_id(), create_report_link.format, core.clock() + v_longest_life)
  on conflict (tenant_id, run_id, user_id, format) do update set id = excluded.id, expires_at = excluded.expires_at
  returning t.id, t.expires_at into v_link;
  return v_link;
end
$$;
comment on function app_public.create_report_link is
  E'@resultFieldName link\n@errors ID203 OB380 OB381 OB583\nGives a link to the result of a run as a file. It is good for one download, 15 minutes and you. You need the permission can_view_analytics.';
grant execute on function app_public.create_report_link to rowhouse_user;

create or replace function observability.begin_report_download(
  ticket_id uuid, out name text, out format text, out at timestamptz, out columns jsonb, out rows jsonb)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ticket observability.report_tickets;
  v_result observability.report_results;
begin
  -- Of two who download with one link at once, the one who deletes its ticket has used it.
  delete from observability.report_tickets t
   where t.tenant_id = core.current_tenant_id() and t.id = begin_report_download.ticket_id and t.user_id = core.current_user_id()
     and t.expires_at > core.clock()
  returning * into v_ticket;
  v_result := observability.result_of_run(v_ticket.run_id);
  if v_result.run_id is null then
    perform core.raise_error('OB383', 'There is no such link.', 'A link is good for one download, 15 minutes and the person who asked for it. Create another one.');
  end if;
  select a.name, v_ticket.format, n.finished_at, v_result.columns, v_result.rows into name, format, at, columns, rows
    from app_public.analytics_report_runs n join app_public.analytics_reports a on a.tenant_id = n.tenant_id and a.id = n.report_id
   where n.tenant_id = v_result.tenant_id and n.id = v_result.run_id;
end
$$;
comment on function observability.begin_report_download is
  E'@errors OB383\nUses a link: the result that the file is made of.';
grant execute on function observability.begin_report_download to rowhouse_user;

create or replace function observability.queue_report_mails(run app_public.analytics_report_runs) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  for v_user_id in
    insert into observability.report_mails as l (tenant_id, run_id, user_id)
    select (run).tenant_id, (run).id, m.user_id
      from app_public.analytics_reports a
      join app_public.user_tenants m on m.tenant_id = a.tenant_id and m.user_id = any (a.recipient_user_ids) and m.status = 'active'
     where a.tenant_id = (run).tenant_id and a.id = (run).report_id
    on conflict do nothing
    returning l.user_id
  loop
    perform core.enqueue_tenant_job('observability__mail_report',
      json_build_object('tenantId', (run).tenant_id, 'runId', (run).id, 'userId', v_user_id), (run).tenant_id, is_bulk => false);
  end loop;
end
$$;
comment on function observability.queue_report_mails is 'Queues the mails of a run that has a result, one for each recipient who is an active member.';

create or replace function observability.begin_report_mail(tenant_id uuid, run_id uuid, user_id uuid)
returns table (attempt int, email text, tenant_name text, name text, at timestamptz, columns jsonb, rows jsonb)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(begin_report_mail.tenant_id);
  -- Who has left, lost a permission or turned mails off since gets none.
  update observability.report_mails l
     set attempts = l.attempts + 1,
         status = case when tenancy.mail_address(l.tenant_id, l.user_id, '{can_view_analytics}') is null
                         or a.reads_billing and tenancy.mail_address(l.tenant_id, l.user_id, '{can_manage_billing}') is null then 'skipped' else 'queued' end
    from app_public.analytics_report_runs n join app_public.analytics_reports a on a.tenant_id = n.tenant_id and a.id = n.report_id
   where l.tenant_id = begin_report_mail.tenant_id and l.run_id = begin_report_mail.run_id and l.user_id = begin_report_mail.user_id
     and l.status = 'queued' and n.tenant_id = l.tenant_id and n.id = l.run_id;
  return query
    select l.attempts, tenancy.mail_address(l.tenant_id, l.user_id), t.name, a.name, n.finished_at, r.columns, r.rows
      from observability.report_mails l
      join app_public.analytics_report_runs n on n.tenant_id = l.tenant_id and n.id = l.run_id
      join app_public.analytics_reports a on a.tenant_id = n.tenant_id and a.id = n.report_id
      join observability.report_results r on r.tenant_id = l.tenant_id and r.run_id = l.run_id
      join app_public.tenants t on t.id = l.tenant_id
     where l.tenant_id = begin_report_mail.tenant_id and l.run_id = begin_report_mail.run_id and l.user_id = begin_report_mail.user_id
       and l.status = 'queued';
end
$$;
comment on function observability.begin_report_mail is
  'Begins an attempt at a mail: where it goes, and the result it brings. There is no row when it was already sent, or when the person may no longer see the report or wants no mails; it is then set to skipped.';
grant execute on function observability.begin_report_mail to rowhouse_worker;

create or replace function observability.finish_report_mail(
  tenant_id uuid, run_id uuid, user_id uuid, attempt int, error text default null, is_last_attempt boolean default false) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(finish_report_mail.tenant_id);
  update observability.report_mails l
     set status = case when finish_report_mail.error is null then 'sent' when finish_report_mail.is_last_attempt then 'failed' else 'queued' end,
         error = left(finish_report_mail.error, 500), sent_at = case when finish_report_mail.error is null then core.clock() end
   where l.tenant_id = finish_report_mail.tenant_id and l.run_id = finish_report_mail.run_id and l.user_id = finish_report_mail.user_id
     and l.status = 'queued'
     -- any attempt may report success, but only the latest attempt may report a failure
     and (finish_report_mail.error is null or l.attempts = finish_report_mail.attempt);
end
$$;
comment on function observability.finish_report_mail is
  'Records the result of an attempt to send a mail. The error must contain only what people of the tenant may read.';
grant execute on function observability.finish_report_mail to rowhouse_worker;

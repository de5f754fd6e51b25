-- Tickets: every member reads them and opens some; those who manage settings close them.

call core.secure_tenant_table('helpdesk.tickets');
call core.allow('helpdesk.tickets', read => 'member', insert => 'member');
grant select, insert (subject) on helpdesk.tickets to rowhouse_user;
comment on table helpdesk.tickets is 'What people of this tenant ask of the help desk. Members read and open tickets.';
comment on column helpdesk.tickets.subject is 'What it is about.';
comment on column helpdesk.tickets.status is 'Whether it is open or closed.';
comment on column helpdesk.tickets.opened_by_user_id is 'Who opened it; null when that person is gone.';
comment on column helpdesk.tickets.created_at is 'When it was opened.';
comment on column helpdesk.tickets.updated_at is 'When it last changed.';

create or replace function helpdesk.close_ticket(id uuid) returns helpdesk.tickets
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ticket helpdesk.tickets;
begin
  perform tenancy.require_permission('can_manage_settings');
  update helpdesk.tickets t set status = 'closed'
   where t.tenant_id = core.current_tenant_id() and t.id = close_ticket.id
  returning * into v_ticket;
  if not found then
    perform core.raise_error('YH301', 'There is no such ticket.', 'List the tickets of this tenant.');
  end if;
  return v_ticket;
end
$$;
comment on function helpdesk.close_ticket is
  E'@resultFieldName ticket\n@errors ID203\nCloses a ticket. For members with the permission can_manage_settings.';
grant execute on function helpdesk.close_ticket to rowhouse_user;

create or replace function helpdesk.close_stale_tickets(tenant_id uuid, older_than interval) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  call core.enter_tenant(close_stale_tickets.tenant_id);
  update helpdesk.tickets t set status = 'closed'
   where t.tenant_id = close_stale_tickets.tenant_id and t.status = 'open'
     and t.updated_at < core.clock() - close_stale_tickets.older_than;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function helpdesk.close_stale_tickets is 'Closes the tickets of a tenant that nobody has touched for so long, and returns how many.';
grant execute on function helpdesk.close_stale_tickets to rowhouse_worker;

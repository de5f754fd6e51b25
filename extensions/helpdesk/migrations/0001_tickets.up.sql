-- Tickets: what people ask of a help desk. State lives in migrations, rules in sql/.
set role rowhouse_owner;

create domain helpdesk.ticket_status as text
  constraint ticket_status_is_known check (value in ('open', 'closed'));
comment on domain helpdesk.ticket_status is 'Where a ticket stands.';

create table helpdesk.tickets (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  subject text not null,
  status helpdesk.ticket_status not null default 'open',
  opened_by_user_id uuid default core.current_user_id() references app_public.user_profiles (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  constraint subject_is_a_name check (core.is_name(subject))
);
create index on helpdesk.tickets (opened_by_user_id);
comment on constraint subject_is_a_name on helpdesk.tickets is 'must have 1 to 255 characters on one line';

reset role;

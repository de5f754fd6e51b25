-- Reading the ledger: one list for the API, and the views by which security officers know its parts. Who may read is said where
-- memberships are known, in sql/03_tenancy/75_audit.sql.

create or replace view app_public.audit_entries with (security_invoker = true) as
select tenant_id, id, occurred_at, kind, operation, table_name, row_key, changes, details, actor, actor_name, actor_role, actor_user_id,
       actor_key_id, on_behalf_of_user_id, request_id, ip
  from audit.ledger;
comment on view app_public.audit_entries is
  E'@name audit_entry\n@primaryKey tenant_id,id\n@behavior -insert -update -delete -query:resource:connection -query:resource:single\nWho did what in this tenant: each change of its data, and each event of security, the system and compliance. Entries never change, and are sealed. Needs can_view_audit.';
comment on column app_public.audit_entries.id is 'Entries are in the order of their ids, except for those of transactions that overlap.';
comment on column app_public.audit_entries.occurred_at is 'When the transaction began that did it.';
comment on column app_public.audit_entries.kind is 'What it is about: a change of data, or an event.';
comment on column app_public.audit_entries.operation is 'insert, update or delete for a change of data; else the name of the event, such as permission_refused.';
comment on column app_public.audit_entries.table_name is 'The table, with its schema.';
comment on column app_public.audit_entries.row_key is 'The key of the row in its table; several columns are joined by a slash.';
comment on column app_public.audit_entries.changes is
  'Each changed column with its old and its new value. Personal data and secrets are {"redacted": true}, and of a value of more than 8,192 bytes there is the SHA-256.';
comment on column app_public.audit_entries.details is 'What else is known of an event.';
comment on column app_public.audit_entries.actor is 'Who acted.';
comment on column app_public.audit_entries.actor_name is 'The task of the worker, or the login of the database through which it came.';
comment on column app_public.audit_entries.actor_role is 'The role of the database under which it was done.';
comment on column app_public.audit_entries.actor_user_id is 'The person who acted; null when it was none.';
comment on column app_public.audit_entries.actor_key_id is 'The API key that was used.';
comment on column app_public.audit_entries.on_behalf_of_user_id is 'The person for whom the actor did it, as an extension may say by rowhouse.on_behalf_of_user_id. Rowhouse itself never does.';
comment on column app_public.audit_entries.request_id is 'The request, as the x-request-id header of its answer names it.';
comment on column app_public.audit_entries.ip is 'The address that the request came from.';

-- The body is parsed at creation and the policies are those of whoever calls, so that the conditions become those of the query
-- around it, and a page is read from an index.
create or replace function app_public.search_audit(
  kind app_public.audit_kind default null, actor_user_id uuid default null, table_name text default null, row_key text default null,
  from_at timestamptz default null, to_at timestamptz default null
) returns setof app_public.audit_entries
language sql stable
begin atomic
  select e.*
    from app_public.audit_entries e
   where e.tenant_id = core.current_tenant_id()
     and (search_audit.kind is null or e.kind = search_audit.kind)
     and (search_audit.actor_user_id is null or e.actor_user_id = search_audit.actor_user_id)
     and (search_audit.table_name is null or e.table_name = search_audit.table_name)
     and (search_audit.row_key is null or e.row_key = search_audit.row_key)
     and (search_audit.from_at is null or e.occurred_at >= search_audit.from_at)
     and (search_audit.to_at is null or e.occurred_at < search_audit.to_at)
   order by e.occurred_at desc, e.id desc;
end;
comment on function app_public.search_audit is
  'Who did what in this tenant, the latest first: of one kind, by one person, in one table, of one row, and in a time that begins at from_at and ends before to_at, whichever is given. Needs can_view_audit; without it the list is empty.';

create or replace view app_public.audit_log with (security_invoker = true) as
select * from app_public.audit_entries where kind = 'data';
comment on view app_public.audit_log is E'@behavior -*\nWho changed what: the entries of the audit about data.';

create or replace view app_public.user_activity_log with (security_invoker = true) as
select * from app_public.audit_entries where actor_user_id is not null;
comment on view app_public.user_activity_log is E'@behavior -*\nWhat people did, themselves or by their keys: the entries of the audit that name one.';

create or replace view app_public.system_events with (security_invoker = true) as
select * from app_public.audit_entries where kind = 'system' or actor in ('system', 'login');
comment on view app_public.system_events is E'@behavior -*\nWhat the server, tasks and logins of the database did.';

create or replace view app_public.security_events with (security_invoker = true) as
select * from app_public.audit_entries where kind = 'security';
comment on view app_public.security_events is E'@behavior -*\nFailed logins, refused permissions, misused keys, other tenants that were tried, visitors and staff.';

create or replace view app_public.compliance_audit_trail with (security_invoker = true) as
select * from app_public.audit_entries where kind = 'compliance';
comment on view app_public.compliance_audit_trail is E'@behavior -*\nThe entries of the audit about duties: consent, retention, erasure, and sealed invoices.';

comment on type app_public.audit_finding is 'What does not fit in the audit.';
comment on column app_public.audit_finding.batch_number is E'@notNull\nThe sealed batch, counted from 1 in each tenant.';
comment on column app_public.audit_finding.problem is
  E'@notNull\nOf an entry: altered, deleted, inserted or reordered. Of a batch: batch_altered, batch_missing or chain_broken.';
comment on column app_public.audit_finding.entry_id is 'The entry; null when it is the batch itself.';

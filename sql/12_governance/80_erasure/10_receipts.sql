-- Erasing a person. The register (50_personal_data.sql) says what becomes of each column: rows of the person are deleted, what the
-- person left in rows of others is emptied, an address is replaced, and a key stays where it names nobody any more, because the profile
-- is empty. A task does it in batches of a transaction each; how far it is stands in the row of the erasure, so it goes on after a kill.

call core.secure_tenant_table('app_public.erasures');
call audit.track('app_public.erasures');
call core.exempt_from_guard('app_public.erasures', '_000_require_writable_tenant', 'people are erased in a read-only tenant as well');
call core.allow('app_public.erasures', read => 'can_view_audit');
grant select on app_public.erasures to rowhouse_user;
grant select, insert, update, delete on app_public.erasures to rowhouse_platform;
comment on table app_public.erasures is
  E'@behavior -insert -update -delete -query:resource:single\nErasures of people in this tenant, or of the tenant, and dry runs that count what one would do. Needs can_view_audit.';
comment on column app_public.erasures.tenant_id is 'The tenant in which it runs: the platform''s, when the person is erased in all tenants.';
comment on column app_public.erasures.id is 'The key of the erasure, and of its receipt.';
comment on column app_public.erasures.user_id is E'@personal pseudonymise\nThe person; null when the whole tenant is erased.';
comment on column app_public.erasures.is_of_all_tenants is 'Whether the person is erased everywhere, with the profile.';
comment on column app_public.erasures.is_dry_run is 'Whether it only counted.';
comment on column app_public.erasures.requested_by_user_id is E'@personal pseudonymise\nWho asked for it.';
comment on column app_public.erasures.status is 'queued, running, held by a legal hold, or completed.';
comment on column app_public.erasures.step is E'@behavior -*\nHow many of its steps are done.';
comment on column app_public.erasures.tenant_ids is E'@behavior -*\nThe tenants that have rows of the person.';
comment on column app_public.erasures.counts is 'How many rows were deleted, emptied or kept, by table: {"app_public.user_sessions": {"erased": 3}}.';
comment on column app_public.erasures.requested_at is 'When it was asked for.';
comment on column app_public.erasures.finished_at is 'When it ended.';

call core.secure_global_table('governance.erasure_receipts', 'a receipt outlives the tenant and the person that it is about');
grant select, insert on governance.erasure_receipts to rowhouse_platform;
comment on table governance.erasure_receipts is 'What was erased, and when: the proof that stays. A row never changes.';
comment on column governance.erasure_receipts.of_tenant_id is 'The tenant whose data were erased; null when a person was erased in all tenants.';
comment on column governance.erasure_receipts.user_id is E'@personal pseudonymise\nThe person; null when a tenant was erased.';
comment on column governance.erasure_receipts.requested_by_user_id is E'@personal pseudonymise\nWho asked for it.';
comment on column governance.erasure_receipts.hash is 'The SHA-256 of governance.receipt_json.';

create or replace function governance.receipt_json(receipt governance.erasure_receipts) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- The keys of jsonb have one order and one form, so equal receipts are equal texts.
  select jsonb_build_object(
    'id', (receipt).id, 'tenantId', (receipt).of_tenant_id, 'userId', (receipt).user_id,
    'requestedBy', (receipt).requested_by_user_id,
    'requestedAt', to_char((receipt).requested_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'finishedAt', to_char((receipt).finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'counts', (receipt).counts)::text;
$$;
comment on function governance.receipt_json is
  'The canonical JSON of a receipt, of which its hash is made.';
grant execute on function governance.receipt_json to rowhouse_platform;

create or replace function governance.tg_erasure_receipts__append_only() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('RT902', 'A receipt of an erasure never changes.', 'It is the proof of what was done.');
  return null;
end
$$;
comment on function governance.tg_erasure_receipts__append_only is E'@errors RT902\nRefuses every change of a receipt.';

create or replace trigger _200_append_only before update or delete on governance.erasure_receipts
  for each row execute function governance.tg_erasure_receipts__append_only();

create or replace trigger _200_forbid_truncate before truncate on governance.erasure_receipts
  for each statement execute function governance.tg_erasure_receipts__append_only();

alter table governance.erasure_receipts enable always trigger _200_append_only;

alter table governance.erasure_receipts enable always trigger _200_forbid_truncate;

-- The ledger is sealed, so a receipt that is altered or made up is found beside its entry.
create or replace function governance.tg_erasure_receipts__seal() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform audit.record('compliance', 'erased', new.of_tenant_id, 'governance.erasure_receipts', new.id::text,
    jsonb_build_object('sha256', encode(new.hash, 'hex')));
  return null;
end
$$;
comment on function governance.tg_erasure_receipts__seal is 'Enters the hash of a receipt into the audit.';

create or replace trigger _800_seal after insert on governance.erasure_receipts
  for each row execute function governance.tg_erasure_receipts__seal();
alter table governance.erasure_receipts enable always trigger _800_seal;

-- Invoices and credit notes. This file explains the states and keeps final documents as they are; the other files of this folder
-- hold drafts (20) and finalisation (30). All functions here run under the billing lock of the tenant.
--
-- The status of a document changes only along these steps. A trigger enforces them for everyone, including superusers:
--
--   draft         →  finalised       it gets its number, its credit is used, and its lines are frozen
--   finalised     →  paid            amount_due became 0
--   finalised     →  void            staff voided it before anything was paid
--   finalised     →  uncollectible   the last attempt to collect the payment failed
--   uncollectible →  paid            it was paid after all
--   uncollectible →  void            staff voided it
--
-- paid and void are final. After draft only the fields of the way to payment change, never what was billed. A correction is a
-- credit note, which is a document of its own.
--
-- The amounts of a document, each rounded half away from zero to the decimal places of the currency:
--   subtotal   = sum of the rounded lines
--   tax        = round(subtotal × tax_rate), rounded once for the whole document
--   total      = subtotal + tax
--   amount_due = max(total, 0) - amount_credited - amount_paid while finalised or uncollectible, otherwise 0

call core.secure_global_table('billing.invoice_counters', 'numbers without gaps are counted for each issuer');
comment on table billing.invoice_counters is
  'The last number of each issuer and series. The row is locked while a document takes the next number.';

call core.secure_global_table('billing.invoice_numbers', 'numbers without gaps are counted for each issuer');
comment on table billing.invoice_numbers is
  'Every number that was ever issued, and its document. It also has the documents of tenants that were deleted later.';

call core.secure_tenant_table('app_public.invoices');
call audit.track('app_public.invoices');
call core.exempt_from_guard('app_public.invoices', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.invoices', read => 'can_manage_billing');
grant select on app_public.invoices to rowhouse_user;
grant select, insert, update, delete on app_public.invoices to rowhouse_platform;
comment on table app_public.invoices is
  E'@aggregates on\n@behavior -insert -update -delete -query:resource:single\nThe invoices and credit notes of this tenant. After finalisation only the state of the payment changes. Reading them requires can_manage_billing.';
comment on column app_public.invoices.series is 'Whether this is an invoice or a credit note.';
comment on column app_public.invoices.reason is 'Why the document was created.';
comment on column app_public.invoices.status is 'The state of the document.';
comment on column app_public.invoices.issuer_id is 'The company that issued the document.';
comment on column app_public.invoices.number is 'The number of the document, without gaps for each issuer and series; null for a draft.';
comment on column app_public.invoices.sequence_number is 'The number without its prefix; null for a draft.';
comment on column app_public.invoices.subscription_id is 'The subscription that is billed; null for a document by staff.';
comment on column app_public.invoices.credited_invoice_id is 'The invoice that this credit note credits; null for an invoice.';
comment on column app_public.invoices.currency is 'The currency as an ISO 4217 code.';
comment on column app_public.invoices.timezone is 'The IANA time zone of the days on the document.';
comment on column app_public.invoices.period_number is 'The number of the period of the subscription.';
comment on column app_public.invoices.period_start is 'The start of the period in which the document was created.';
comment on column app_public.invoices.period_end is 'The end of that period.';
comment on column app_public.invoices.usage_start is 'The start of the usage that is billed; null when no usage is billed.';
comment on column app_public.invoices.usage_end is 'The end of the usage that is billed.';
comment on column app_public.invoices.usage_basis_start is E'@behavior -*\nThe start of the period that the usage is a part of; what the price includes is for the whole period.';
comment on column app_public.invoices.usage_basis_end is E'@behavior -*\nThe end of that period.';
comment on column app_public.invoices.usage_price_id is 'The version of the price by which the usage is billed.';
comment on column app_public.invoices.issued_by is 'The issuer at the time of finalisation: name, address, taxNumber and footer.';
comment on column app_public.invoices.billed_to is E'@personal keep The law wants the books kept for ten years.\nThe customer at the time of finalisation: name, address, country, taxNumber and email.';
comment on column app_public.invoices.tax_mode is 'How the document is taxed.';
comment on column app_public.invoices.tax_rate is 'The tax as a share of the subtotal: 0.19 is 19 %.';
comment on column app_public.invoices.subtotal is 'The sum of the lines, net of tax.';
comment on column app_public.invoices.tax is 'The tax: subtotal × tax_rate, rounded half away from zero.';
comment on column app_public.invoices.total is 'The subtotal plus the tax. It is negative on a credit note, and on an invoice that credits more than it charges.';
comment on column app_public.invoices.amount_credited is 'The part of the total that credit and credit notes settled.';
comment on column app_public.invoices.amount_paid is 'The part of the total that payments settled.';
comment on column app_public.invoices.amount_written_off is 'The part of the total that staff gave up.';
comment on column app_public.invoices.written_off_at is 'When the rest was written off; null when it was not.';
comment on column app_public.invoices.write_off_reason is 'Why the rest was written off, at most 1,000 characters.';
comment on constraint write_off_has_a_reason on app_public.invoices is 'must have at most 1,000 characters';
comment on column app_public.invoices.amount_due is 'The amount that is still owed.';
comment on column app_public.invoices.collection_method is 'How the invoice is paid.';
comment on column app_public.invoices.is_charge_requested is 'Whether pay_invoice requested a charge that has not started yet.';
comment on column app_public.invoices.attempt_count is 'How many payments were missed.';
comment on column app_public.invoices.next_attempt_at is 'When the invoice is charged next or becomes overdue.';
comment on column app_public.invoices.finalise_at is 'When the draft is finalised automatically.';
comment on column app_public.invoices.finalised_at is 'When the document was finalised.';
comment on column app_public.invoices.due_at is 'When the invoice must be paid.';
comment on column app_public.invoices.paid_at is 'When nothing was due any more.';
comment on column app_public.invoices.voided_at is 'When the invoice was voided.';
comment on column app_public.invoices.void_reason is 'Why the invoice was voided, at most 1,000 characters.';
comment on column app_public.invoices.uncollectible_at is 'When the last attempt to collect the payment failed.';
comment on column app_public.invoices.memo is 'A note on the document, at most 1,000 characters.';
comment on column app_public.invoices.created_at is 'When the row was created.';
comment on column app_public.invoices.updated_at is 'When the row was last changed.';
comment on constraint memo_is_short on app_public.invoices is 'must have at most 1,000 characters';
comment on constraint void_has_a_reason on app_public.invoices is 'must have at most 1,000 characters';
comment on constraint total_is_subtotal_and_tax on app_public.invoices is 'must be between -1,000,000,000,000 and 1,000,000,000,000';
comment on constraint invoices_tenant_id_credited_invoice_id_fkey on app_public.invoices is
  E'@fieldName creditedInvoice\n@foreignFieldName creditNotes';
comment on constraint invoices_subscription_id_fkey on app_public.invoices is E'@fieldName subscription\n@foreignFieldName invoices';
comment on constraint invoices_usage_price_id_fkey on app_public.invoices is
  E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoices_issuer_id_fkey on app_public.invoices is
  E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on type app_public.invoice_status_enum is
  'The state of a document: draft can still change; finalised is to be paid; paid has nothing due; void was taken back; uncollectible was not paid after the last attempt.';

call core.secure_tenant_table('app_public.invoice_lines');
call audit.track('app_public.invoice_lines');
call core.exempt_from_guard('app_public.invoice_lines', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.invoice_lines', read => 'can_manage_billing');
grant select on app_public.invoice_lines to rowhouse_user;
grant select, insert, update, delete on app_public.invoice_lines to rowhouse_platform;
comment on table app_public.invoice_lines is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nThe lines of invoices. The amount of each line is rounded half away from zero to the decimal places of the currency. Reading them requires can_manage_billing; explain_invoice computes them again.';
comment on column app_public.invoice_lines.invoice_id is 'The document that the line belongs to.';
comment on column app_public.invoice_lines.line_number is 'The position on the document, from 1.';
comment on column app_public.invoice_lines.kind is 'The kind of the line.';
comment on column app_public.invoice_lines.description is 'The text of the line.';
comment on column app_public.invoice_lines.amount is 'The net amount in the currency of the document; a negative amount is a credit.';
comment on column app_public.invoice_lines.price_id is 'The version of the price that the amount was computed from.';
comment on column app_public.invoice_lines.component_id is 'The component of that price.';
comment on column app_public.invoice_lines.usage_type is 'The usage type that is billed.';
comment on column app_public.invoice_lines.quantity is 'The units of usage; for the price of a plan 1 is a charge and -1 is a credit; for a commitment, the amount of usage that was charged.';
comment on column app_public.invoice_lines.quantity_before is 'For an adjustment, the units that earlier invoices billed; for a commitment, the amount that they added to usage.';
comment on column app_public.invoice_lines.charged_share is 'For a credit of unused days, the share of the price that was really charged, from 0 to 1.';
comment on column app_public.invoice_lines.seats is 'The number of seats that the price of the plan was charged or credited for; null without seats.';
comment on column app_public.invoice_lines.coupon_id is 'The coupon of a discount.';
comment on column app_public.invoice_lines.days is 'The number of days that are billed.';
comment on column app_public.invoice_lines.period_days is 'The number of days in the period.';
comment on column app_public.invoice_lines.service_start is 'The start of the time that is billed.';
comment on column app_public.invoice_lines.service_end is 'The end of the time that is billed.';
comment on column app_public.invoice_lines.basis_start is 'The start of the period that the days are a share of.';
comment on column app_public.invoice_lines.basis_end is 'The end of that period.';
comment on column app_public.invoice_lines.counted_until is E'@behavior -*\nThe last batch of events that an adjustment counted.';
comment on column app_public.invoice_lines.is_manual is 'Whether staff wrote the line.';
comment on column app_public.invoice_lines.created_at is 'When the row was created.';
comment on constraint amount_is_money on app_public.invoice_lines is 'must be between -1,000,000,000,000 and 1,000,000,000,000';
comment on constraint charged_share_is_a_share on app_public.invoice_lines is 'must be from 0 to 1';
comment on constraint description_is_short on app_public.invoice_lines is 'must have from 1 to 500 characters, at least one of them visible';
comment on constraint invoice_lines_tenant_id_invoice_id_fkey on app_public.invoice_lines is E'@fieldName invoice\n@foreignFieldName lines';
comment on constraint invoice_lines_price_id_fkey on app_public.invoice_lines is
  E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoice_lines_component_id_fkey on app_public.invoice_lines is
  E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoice_lines_coupon_id_fkey on app_public.invoice_lines is
  E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoice_lines_usage_type_fkey on app_public.invoice_lines is
  E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';

create or replace function app_public.invoice(id uuid) returns app_public.invoices
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.invoices i
   where i.tenant_id = core.current_tenant_id() and i.id = invoice.id and tenancy.has_permission('can_manage_billing');
$$;
comment on function app_public.invoice is
  'One invoice or credit note of this tenant, or null when there is none. Requires can_manage_billing.';
grant execute on function app_public.invoice to rowhouse_user;

create or replace function billing.is_invoice_step(
  old_status app_public.invoice_status_enum, new_status app_public.invoice_status_enum
) returns boolean
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case old_status
    when 'draft' then new_status = 'finalised'
    when 'finalised' then new_status in ('paid', 'void', 'uncollectible')
    when 'uncollectible' then new_status in ('paid', 'void')
    else false
  end;
$$;
comment on function billing.is_invoice_step is
  'Whether a document may go from one status to the other, which must be different.';

create or replace function billing.check_finalisation(invoice app_public.invoices) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if (check_finalisation.invoice).subtotal is distinct from (
       select coalesce(sum(l.amount), 0) from app_public.invoice_lines l
        where l.tenant_id = (check_finalisation.invoice).tenant_id and l.invoice_id = (check_finalisation.invoice).id) then
    perform core.raise_error('LB901', 'The sum of the lines is not the subtotal.', 'Finalise the invoice with finalise_invoice.');
  end if;
  if not exists (
    select from billing.invoice_numbers n
     where n.document_id = (check_finalisation.invoice).id and n.issuer_id = (check_finalisation.invoice).issuer_id
       and n.series = (check_finalisation.invoice).series and n.sequence_number = (check_finalisation.invoice).sequence_number) then
    perform core.raise_error('LB902', 'The number was not issued to this invoice.', 'Finalise the invoice with finalise_invoice.');
  end if;
end
$$;
comment on function billing.check_finalisation is
  E'@errors LB901 LB902\nChecks that the lines of a document sum to its subtotal and that its number was issued to it.';

-- This trigger also holds for superusers. Whoever must change a final document has to drop the trigger first, and that shows in
-- the schema.
create or replace function billing.tg_invoices__keep_final() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_payment_fields constant text[] := array['status', 'amount_credited', 'amount_paid', 'amount_due', 'is_charge_requested',
    'attempt_count', 'next_attempt_at', 'paid_at', 'voided_at', 'void_reason', 'uncollectible_at', 'amount_written_off',
    'written_off_at', 'write_off_reason', 'updated_at'];
  v_is_reversed boolean;
begin
  if tg_op = 'INSERT' then
    if new.status <> 'draft' then
      perform core.raise_error('LB516', 'A new invoice must be a draft.', 'Insert a draft and finalise it.');
    end if;
    return new;
  end if;
  if tg_op = 'DELETE' then
    -- The deletion of a tenant deletes its documents too. Their numbers stay in billing.invoice_numbers.
    if old.status <> 'draft' and exists (select from app_public.tenants t where t.id = old.tenant_id) then
      perform billing.refuse_change_of_final();
    end if;
    return old;
  end if;

  -- a payment that the bank took back opens its invoice again
  v_is_reversed := new.amount_paid < old.amount_paid and exists (
    select from app_public.payments p where p.tenant_id = new.tenant_id and p.invoice_id = new.id and p.status = 'reversed');
  if new.status <> old.status and not billing.is_invoice_step(old.status, new.status)
     and not (v_is_reversed and old.status = 'paid' and new.status = 'finalised') then
    perform core.raise_error('LB516', format('An invoice cannot change from %s to %s.', old.status, new.status),
      'docs/billing.md shows the states and the steps between them.');
  end if;
  if old.status = 'draft' then
    if new.status = 'finalised' then
      perform billing.check_finalisation(new);
    end if;
    return new;
  end if;
  if to_jsonb(new) - v_payment_fields <> to_jsonb(old) - v_payment_fields then
    perform billing.refuse_change_of_final();
  end if;
  if new.amount_paid < old.amount_paid and not v_is_reversed or new.amount_credited < old.amount_credited
     or new.amount_written_off < old.amount_written_off
     or new.status = 'void' and new.amount_paid > 0
     or old.status in ('paid', 'void') and not v_is_reversed and (new.amount_paid <> old.amount_paid or new.amount_credited <> old.amount_credited) then
    perform core.raise_error('LB516', 'A payment or credit of an invoice cannot be taken back.', 'Refund the payment instead.');
  end if;
  return new;
end
$$;
comment on function billing.tg_invoices__keep_final is
  E'@errors LB514 LB516 LB901 LB902\nKeeps a final document as it is, except for the state of its payment, and lets its status change only along the allowed steps.';

create or replace function billing.refuse_change_of_final() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('LB514', 'The invoice is final, so it cannot be changed, deleted or finalised again.',
    'Correct it with a credit note, or void it.');
end
$$;
comment on function billing.refuse_change_of_final is
  E'@errors LB514\nRaises the error for every attempt to change a final document or its lines.';

create or replace function billing.tg_invoice_lines__keep_final() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_row app_public.invoice_lines;
begin
  foreach v_row in array case tg_op when 'INSERT' then array[new] when 'DELETE' then array[old] else array[old, new] end loop
    -- the lock prevents that the invoice is finalised at the same time
    perform from app_public.invoices i where i.tenant_id = v_row.tenant_id and i.id = v_row.invoice_id for share;
    -- lines are also deleted together with their draft or their tenant
    if exists (select from app_public.invoices i
                where i.tenant_id = v_row.tenant_id and i.id = v_row.invoice_id and i.status <> 'draft')
       and exists (select from app_public.tenants t where t.id = v_row.tenant_id) then
      perform billing.refuse_change_of_final();
    end if;
  end loop;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
comment on function billing.tg_invoice_lines__keep_final is
  E'@errors LB514\nKeeps the lines of a final document as they are.';

create or replace function billing.tg__forbid_truncate() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('LB514', 'Documents and their numbers cannot be truncated, because final ones must stay.',
    'Delete drafts one by one, or delete the tenant.');
  return null;
end
$$;
comment on function billing.tg__forbid_truncate is
  E'@errors LB514\nRefuses to truncate a table of documents.';

create or replace trigger _200_keep_final before insert or update or delete on app_public.invoices
  for each row execute function billing.tg_invoices__keep_final();
create or replace trigger _200_keep_final before insert or update or delete on app_public.invoice_lines
  for each row execute function billing.tg_invoice_lines__keep_final();
create or replace trigger _200_forbid_truncate before truncate on app_public.invoices
  for each statement execute function billing.tg__forbid_truncate();
create or replace trigger _200_forbid_truncate before truncate on app_public.invoice_lines
  for each statement execute function billing.tg__forbid_truncate();
create or replace trigger _200_forbid_truncate before truncate on billing.invoice_numbers
  for each statement execute function billing.tg__forbid_truncate();

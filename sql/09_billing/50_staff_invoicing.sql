-- What platform staff do with invoices: finalise a draft early, write an invoice by hand, void an invoice, and write a credit
-- note. Staff act inside the tenant that they have entered.

create or replace function app_public.finalise_invoice(id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_staff();
  return billing.finalise_invoice(core.current_tenant_id(), finalise_invoice.id);
end
$$;
comment on function app_public.finalise_invoice is
  E'@resultFieldName invoice\n@errors LB304 LB514 LB535 TN205\nFinalises a draft before it is finalised automatically. A draft without a line is not finalised. Only platform staff may call it.';
grant execute on function app_public.finalise_invoice to rowhouse_user;

create or replace function app_public.create_invoice(memo text default null) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
begin
  perform tenancy.require_staff();
  v_invoice := billing.draft_invoice(core.current_tenant_id(), 'manual', null, null, null);
  update app_public.invoices i set memo = create_invoice.memo
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id returning * into v_invoice;
  return v_invoice;
end
$$;
comment on function app_public.create_invoice is
  E'@resultFieldName invoice\n@errors TN205 23514\nCreates an empty draft by hand. add_invoice_line adds its lines, and finalise_invoice finalises it. Only platform staff may call it.';
grant execute on function app_public.create_invoice to rowhouse_user;

create or replace function billing.lock_draft_for_staff(invoice_id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = core.current_tenant_id() and i.id = lock_draft_for_staff.invoice_id;
  if not found then
    perform core.raise_error('LB304', 'There is no such invoice.', 'Choose one of the invoices of the tenant.');
  end if;
  if v_invoice.status <> 'draft' then
    perform billing.refuse_change_of_final();
  end if;
  return v_invoice;
end
$$;
comment on function billing.lock_draft_for_staff is
  E'@errors LB304 LB514 TN205\nChecks that the caller is staff, locks the billing of the tenant, and returns the draft.';

create or replace function app_public.add_invoice_line(
  invoice_id uuid, description text, amount numeric, kind app_public.invoice_line_kind_enum default 'adjustment'
) returns app_public.invoice_lines
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices := billing.lock_draft_for_staff(add_invoice_line.invoice_id);
  v_line app_public.invoice_lines;
begin
  v_line.kind := coalesce(add_invoice_line.kind, 'adjustment');
  v_line.description := add_invoice_line.description;
  v_line.amount := billing.payable_amount(add_invoice_line.amount, v_invoice.currency);
  v_line.is_manual := true;
  if v_line.kind not in ('adjustment', 'credit') or v_line.kind = 'credit' and v_line.amount >= 0 then
    perform core.raise_error('LB404', 'A line by staff must be an adjustment, or a credit with a negative amount.',
      'Use the kind adjustment, or use the kind credit with a negative amount.');
  end if;
  perform billing.insert_lines(v_invoice, array[v_line]);
  select * into v_line from app_public.invoice_lines l
   where l.tenant_id = v_invoice.tenant_id and l.invoice_id = v_invoice.id order by l.line_number desc limit 1;
  return v_line;
end
$$;
comment on function app_public.add_invoice_line is
  E'@resultFieldName invoiceLine\n@errors LB304 LB402 LB404 LB514 TN205 23514\nAdds a line to a draft. The amount is net of tax: an adjustment may be positive or negative, and a credit must be negative. Only platform staff may call it.';
grant execute on function app_public.add_invoice_line to rowhouse_user;

create or replace function app_public.remove_invoice_line(id uuid) returns app_public.invoice_lines
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_line app_public.invoice_lines;
begin
  perform tenancy.require_staff();
  select * into v_line from app_public.invoice_lines l
   where l.tenant_id = core.current_tenant_id() and l.id = remove_invoice_line.id and l.is_manual;
  if not found then
    perform core.raise_error('LB311', 'There is no such line by staff.', 'Choose a line that was added with add_invoice_line.');
  end if;
  perform billing.lock_draft_for_staff(v_line.invoice_id);
  delete from app_public.invoice_lines l where l.tenant_id = v_line.tenant_id and l.id = v_line.id;
  perform billing.sum_up_invoice(v_line.tenant_id, v_line.invoice_id);
  return v_line;
end
$$;
comment on function app_public.remove_invoice_line is
  E'@resultFieldName invoiceLine\n@errors LB311 LB514 TN205\nRemoves a line that staff added to a draft. Only platform staff may call it.';
grant execute on function app_public.remove_invoice_line to rowhouse_user;

create or replace function app_public.delete_draft_invoice(id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices := billing.lock_draft_for_staff(delete_draft_invoice.id);
begin
  if v_invoice.reason <> 'manual' then
    perform core.raise_error('LB517', 'This draft belongs to a subscription, so it is finalised automatically.',
      'Add a credit line to it, or write a credit note after it is final.');
  end if;
  delete from app_public.invoices i where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id;
  return v_invoice;
end
$$;
comment on function app_public.delete_draft_invoice is
  E'@resultFieldName invoice\n@errors LB304 LB514 LB517 TN205\nDeletes a draft that staff created by hand. Only platform staff may call it.';
grant execute on function app_public.delete_draft_invoice to rowhouse_user;

create or replace function billing.lock_invoice(invoice_id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
begin
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = core.current_tenant_id() and i.id = lock_invoice.invoice_id and i.series = 'invoice' for update;
  if not found then
    perform core.raise_error('LB304', 'There is no such invoice.', 'Choose one of the invoices of the tenant.');
  end if;
  return v_invoice;
end
$$;
comment on function billing.lock_invoice is
  E'@errors LB304\nLocks and returns an invoice (not a credit note) of the current tenant.';

create or replace function billing.bill_usage_again(invoice app_public.invoices) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  insert into app_public.invoices (
    tenant_id, reason, issuer_id, subscription_id, currency, timezone, period_number, period_start, period_end, usage_start, usage_end,
    usage_price_id, usage_basis_start, usage_basis_end, collection_method, finalise_at)
  select (invoice).tenant_id, 'usage', (invoice).issuer_id, (invoice).subscription_id, (invoice).currency, (invoice).timezone,
         (invoice).period_number, (invoice).period_start, (invoice).period_end, (invoice).usage_start, (invoice).usage_end,
         (invoice).usage_price_id, (invoice).usage_basis_start, (invoice).usage_basis_end, (invoice).collection_method,
         core.clock() + make_interval(hours => i.draft_hours)
    from app_public.invoice_issuers i
   where i.id = (invoice).issuer_id and (invoice).usage_start is not null;
$$;
comment on function billing.bill_usage_again is
  'Adds a draft for the usage of an invoice that is void.';

create or replace function app_public.void_invoice(id uuid, reason text) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_no_reason constant text := '-';
  v_invoice app_public.invoices;
  v_used_credit numeric;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_invoice := billing.lock_invoice(void_invoice.id);
  if v_invoice.status not in ('finalised', 'uncollectible') or v_invoice.amount_paid > 0 or v_invoice.amount_written_off > 0
     or exists (select from app_public.invoices c
                 where c.tenant_id = v_invoice.tenant_id and c.credited_invoice_id = v_invoice.id)
     or exists (select from app_public.payments p
                 where p.tenant_id = v_invoice.tenant_id and p.invoice_id = v_invoice.id and p.status = 'pending')
     or v_invoice.reason = 'top_up' and billing.money_from_order(v_invoice) > 0 then
    perform core.raise_error('LB518', 'Only a final invoice without payments, pending payments, credit notes and write-offs can be voided.',
      'Write a credit note instead.');
  end if;
  v_used_credit := v_invoice.amount_credited - billing.return_to_wallet(v_invoice);
  update app_public.invoices i
     set status = 'void', voided_at = core.clock(), next_attempt_at = null,
         void_reason = coalesce(nullif(trim(void_invoice.reason), ''), v_no_reason)
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id returning * into v_invoice;
  if v_used_credit > 0 then
    perform billing.add_credit_entry(v_invoice, v_used_credit, 'released');
  end if;
  perform billing.bill_usage_again(v_invoice);
  perform billing.apply_credit(v_invoice.tenant_id, v_invoice.currency);
  return v_invoice;
end
$$;
comment on function app_public.void_invoice is
  E'@resultFieldName invoice\n@errors LB304 LB518 TN205 23514\nVoids an invoice that was never paid. It keeps its number, the credit and the prepaid money that it used are available again, and a new draft bills its usage again. Only platform staff may call it.';
grant execute on function app_public.void_invoice to rowhouse_user;

create or replace function billing.credit_note_tax(invoice app_public.invoices, amount numeric) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- the last credit note takes the rest of the tax, so that all credit notes together reverse the tax exactly
  select case when credit_note_tax.amount = (invoice).total + coalesce(sum(c.total), 0)
      then (invoice).tax + coalesce(sum(c.tax), 0)
      else billing.round_money(credit_note_tax.amount * (invoice).tax / (invoice).total, (invoice).currency) end
    from app_public.invoices c
   where c.tenant_id = (invoice).tenant_id and c.credited_invoice_id = (invoice).id;
$$;
comment on function billing.credit_note_tax is
  'The tax in a credited amount: round(amount × tax of the invoice / total of the invoice), or the rest of the tax when the amount is the rest of the invoice.';

create or replace function billing.require_creditable(invoice app_public.invoices, amount numeric) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_left numeric;
begin
  select (require_creditable.invoice).total + coalesce(sum(c.total), 0) into v_left
    from app_public.invoices c
   where c.tenant_id = (require_creditable.invoice).tenant_id and c.credited_invoice_id = (require_creditable.invoice).id;
  if require_creditable.amount > v_left then
    perform core.raise_error('LB601', 'This is more than what is left of the invoice.',
      'Give at most the total of the invoice minus earlier credit notes and refunds.');
  end if;
end
$$;
comment on function billing.require_creditable is
  E'@errors LB601\nRaises an error when an amount is more than the total of an invoice minus its credit notes.';

create or replace function billing.write_credit_note(invoice app_public.invoices, amount numeric, memo text) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice constant app_public.invoices := write_credit_note.invoice;
  v_amount constant numeric := billing.positive_payable_amount(write_credit_note.amount, v_invoice.currency);
  v_tax numeric;
  v_note app_public.invoices;
  v_line app_public.invoice_lines;
begin
  perform billing.require_creditable(v_invoice, v_amount);
  v_tax := billing.credit_note_tax(v_invoice, v_amount);
  insert into app_public.invoices (
    tenant_id, series, reason, issuer_id, credited_invoice_id, currency, timezone, collection_method, memo)
  values (
    v_invoice.tenant_id, 'credit_note', 'correction', v_invoice.issuer_id, v_invoice.id, v_invoice.currency, v_invoice.timezone,
    v_invoice.collection_method, write_credit_note.memo)
  returning * into v_note;
  v_line.kind := 'credit';
  v_line.description := 'Credit of ' || v_invoice.number;
  v_line.amount := -(v_amount - v_tax);
  perform billing.insert_lines(v_note, array[v_line]);
  -- the tax is that of the invoice, not that of the current billing profile
  update app_public.invoices i
     set tax_mode = v_invoice.tax_mode, tax_rate = v_invoice.tax_rate,
         subtotal = -(v_amount - v_tax), tax = -v_tax, total = -v_amount
   where i.tenant_id = v_note.tenant_id and i.id = v_note.id returning * into v_note;
  v_note := billing.issue_number(v_note, core.clock(), null);
  v_note := billing.settle_invoice(v_note.tenant_id, v_note.id, 0, 0);
  perform core.enqueue_job('billing__render_invoice', json_build_object('tenantId', v_note.tenant_id, 'invoiceId', v_note.id));
  return v_note;
end
$$;
comment on function billing.write_credit_note is
  E'@errors LB402 LB601\nWrites a final credit note over an amount of an invoice, which includes tax in proportion.';

create or replace function app_public.create_credit_note(invoice_id uuid, amount numeric default null, memo text default null)
returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
  v_left numeric;
  v_amount numeric;
  v_note app_public.invoices;
  v_settled numeric;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_invoice := billing.lock_invoice(create_credit_note.invoice_id);
  if v_invoice.status not in ('finalised', 'paid', 'uncollectible') or v_invoice.total <= 0 or v_invoice.amount_written_off > 0
     or v_invoice.reason = 'top_up' then
    perform core.raise_error('LB519', 'Only a final invoice with a total above zero that was not written off, and no order of prepaid money, can be credited.',
      'Edit or void the invoice instead. What was written off is not owed any more, so its credit would be money that never came.');
  end if;
  v_left := billing.creditable_amount(v_invoice.tenant_id, v_invoice.id);
  v_amount := coalesce(create_credit_note.amount, v_left);
  if v_amount > v_left or create_credit_note.amount is null and v_left <= 0 then
    perform core.raise_error('LB601', 'This is more than what is left of the invoice.',
      'Give at most the total of the invoice minus earlier credit notes and refunds.');
  end if;
  v_note := billing.write_credit_note(v_invoice, v_amount, create_credit_note.memo);
  -- the credit first settles what is owed, and the rest becomes credit for the next invoices
  v_settled := least(v_amount, v_invoice.amount_due);
  if v_settled > 0 then
    perform billing.settle_invoice(v_invoice.tenant_id, v_invoice.id, 0, v_settled);
  end if;
  if v_amount > v_settled then
    perform billing.add_credit_entry(v_note, v_amount - v_settled, 'credit_note');
  end if;
  perform billing.apply_credit(v_invoice.tenant_id, v_invoice.currency);
  return v_note;
end
$$;
comment on function app_public.create_credit_note is
  E'@resultFieldName creditNote\n@errors LB304 LB402 LB519 LB601 TN205 23514\nCredits an invoice: an amount including tax, or all that is left of it when the amount is left out. The credit first reduces what is owed; the rest becomes credit for the next invoices. To pay money back instead, use refund_payment. Only platform staff may call it.';
grant execute on function app_public.create_credit_note to rowhouse_user;

create or replace function app_public.write_off_invoice(id uuid, reason text) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_no_reason constant text := '-';
  v_invoice app_public.invoices;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_invoice := billing.lock_invoice(write_off_invoice.id);
  if v_invoice.amount_due <= 0
     or exists (select from app_public.payments p
                 where p.tenant_id = v_invoice.tenant_id and p.invoice_id = v_invoice.id and p.status = 'pending') then
    perform core.raise_error('LB521', 'Nothing is due on this invoice, or a payment is under way.', 'Read the status and the payments of the invoice.');
  end if;
  update app_public.invoices i
     set status = 'uncollectible', uncollectible_at = coalesce(i.uncollectible_at, core.clock()), amount_written_off = i.amount_due, written_off_at = core.clock(), next_attempt_at = null,
         write_off_reason = coalesce(nullif(trim(write_off_invoice.reason), ''), v_no_reason)
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id
  returning * into v_invoice;
  perform billing.reactivate_paid_subscription(v_invoice.tenant_id);
  return v_invoice;
end
$$;
comment on function app_public.write_off_invoice is
  E'@resultFieldName invoice\n@errors LB304 LB521 TN205 23514\nGives up what is due on an invoice: it is bad debt and not charged any more. The invoice and its tax stay as they are, and it can be neither voided nor credited any more. Only platform staff may call it.';
grant execute on function app_public.write_off_invoice to rowhouse_user;

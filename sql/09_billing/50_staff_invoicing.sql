-- What people do with invoices beside the tasks: look one up, finalise early, write one by hand, void, credit.

create or replace function app_public.invoice(id uuid) returns app_public.invoices
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.invoices i
   where i.tenant_id = core.current_tenant_id() and i.id = invoice.id and tenancy.has_permission('can_manage_billing');
$$;
comment on function app_public.invoice is
  'One invoice or credit note of this tenant. Needs can_manage_billing.';
grant execute on function app_public.invoice to rowhouse_user;

create or replace function app_public.finalise_invoice(id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_staff();
  return billing.finalise(core.current_tenant_id(), finalise_invoice.id);
end
$$;
comment on function app_public.finalise_invoice is
  E'@resultFieldName invoice\n@errors TN205 LB304 LB514\nMakes a draft final before the task does. Platform staff.';
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
  E'@resultFieldName invoice\n@errors TN205\nBegins an invoice by hand: add_invoice_line, then finalise_invoice. Platform staff.';
grant execute on function app_public.create_invoice to rowhouse_user;

create or replace function billing.draft_of_staff(invoice_id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  select * into v_invoice from app_public.invoices i where i.tenant_id = core.current_tenant_id() and i.id = draft_of_staff.invoice_id;
  if not found then
    perform core.raise_error('LB304', 'There is no such invoice.', 'invoices lists those there are.');
  end if;
  if v_invoice.status <> 'draft' then
    perform core.raise_error('LB514', 'The invoice is not a draft.', 'It has its number and stays as it is; correct it with a credit note.');
  end if;
  return v_invoice;
end
$$;
comment on function billing.draft_of_staff is
  E'@errors TN205 LB304 LB514\nA draft that staff may edit, under the billing lock.';

create or replace function app_public.add_invoice_line(
  invoice_id uuid, description text, amount numeric, kind app_public.invoice_line_kind_enum default 'adjustment'
) returns app_public.invoice_lines
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices := billing.draft_of_staff(add_invoice_line.invoice_id);
  v_line app_public.invoice_lines;
begin
  if add_invoice_line.kind not in ('adjustment', 'credit') or (add_invoice_line.kind = 'credit') and add_invoice_line.amount >= 0 then
    perform core.raise_error('LB404', 'A line written by hand is an adjustment, or a credit with a negative amount.', 'Give one of these.');
  end if;
  if add_invoice_line.amount is null or not billing.is_money(add_invoice_line.amount)
     or add_invoice_line.amount <> billing.round_money(add_invoice_line.amount, v_invoice.currency) then
    perform core.raise_error('LB402', 'The amount is not one that can be paid in this currency.', 'Give an amount with the currency''s decimal places.');
  end if;
  v_line.kind := add_invoice_line.kind;
  v_line.description := add_invoice_line.description;
  v_line.amount := billing.round_money(add_invoice_line.amount, v_invoice.currency);
  v_line.is_manual := true;
  perform billing.insert_lines(v_invoice, array[v_line]);
  select * into v_line from app_public.invoice_lines l
   where l.tenant_id = v_invoice.tenant_id and l.invoice_id = v_invoice.id order by l.line_number desc limit 1;
  return v_line;
end
$$;
comment on function app_public.add_invoice_line is
  E'@resultFieldName invoiceLine\n@errors TN205 LB304 LB402 LB404 LB514\nAdds a line to a draft: an adjustment of either sign, or a credit (negative). Net of tax. Platform staff.';
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
    perform core.raise_error('LB311', 'There is no such line written by hand.', 'Only lines that were added with add_invoice_line can be removed.');
  end if;
  perform billing.draft_of_staff(v_line.invoice_id);
  delete from app_public.invoice_lines l where l.tenant_id = v_line.tenant_id and l.id = v_line.id;
  perform billing.total_invoice(v_line.tenant_id, v_line.invoice_id);
  return v_line;
end
$$;
comment on function app_public.remove_invoice_line is
  E'@resultFieldName invoiceLine\n@errors TN205 LB311 LB514\nTakes a line that was added by hand out of a draft. Platform staff.';
grant execute on function app_public.remove_invoice_line to rowhouse_user;

create or replace function app_public.delete_draft_invoice(id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices := billing.draft_of_staff(delete_draft_invoice.id);
begin
  if v_invoice.reason <> 'manual' then
    perform core.raise_error('LB517', 'The draft belongs to a subscription and is finalised by itself.', 'Add a credit line to it, or credit it afterwards.');
  end if;
  delete from app_public.invoices i where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id;
  return v_invoice;
end
$$;
comment on function app_public.delete_draft_invoice is
  E'@resultFieldName invoice\n@errors TN205 LB304 LB514 LB517\nDeletes a draft that was begun by hand. Platform staff.';
grant execute on function app_public.delete_draft_invoice to rowhouse_user;

create or replace function billing.open_document(invoice_id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
begin
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = core.current_tenant_id() and i.id = open_document.invoice_id and i.series = 'invoice' for update;
  if not found then
    perform core.raise_error('LB304', 'There is no such invoice.', 'invoices lists those there are.');
  end if;
  return v_invoice;
end
$$;
comment on function billing.open_document is
  E'@errors LB304\nAn invoice of this tenant, locked.';

create or replace function app_public.void_invoice(id uuid, reason text) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
  v_used numeric;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_invoice := billing.open_document(void_invoice.id);
  if v_invoice.status not in ('finalised', 'uncollectible') or v_invoice.amount_paid > 0
     or exists (select from app_public.invoices c where c.tenant_id = v_invoice.tenant_id and c.credited_invoice_id = v_invoice.id)
     or exists (select from app_public.payments p where p.tenant_id = v_invoice.tenant_id and p.invoice_id = v_invoice.id and p.status = 'pending') then
    perform core.raise_error('LB518', 'Only a finalised invoice that nothing was paid or credited for can be voided.', 'Write a credit note instead.');
  end if;
  v_used := v_invoice.amount_credited;
  update app_public.invoices i
     set status = 'void', voided_at = core.clock(), void_reason = coalesce(nullif(trim(void_invoice.reason), ''), '-'), next_attempt_at = null
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id returning * into v_invoice;
  if v_used > 0 then
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values (v_invoice.tenant_id, v_invoice.currency, v_used, 'released', v_invoice.id, core.clock());
  end if;
  perform billing.follow_payment(v_invoice.tenant_id);
  return v_invoice;
end
$$;
comment on function app_public.void_invoice is
  E'@resultFieldName invoice\n@errors TN205 LB304 LB518\nTakes back an invoice that was never paid; it keeps its number, and credit it had used is there again. Platform staff.';
grant execute on function app_public.void_invoice to rowhouse_user;

create or replace function billing.write_credit_note(invoice app_public.invoices, amount numeric, memo text) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_credited numeric;
  v_credited_tax numeric;
  v_tax numeric;
  v_note app_public.invoices;
  v_line app_public.invoice_lines;
begin
  select coalesce(-sum(c.total), 0), coalesce(-sum(c.tax), 0) into v_credited, v_credited_tax
    from app_public.invoices c
   where c.tenant_id = (write_credit_note.invoice).tenant_id and c.credited_invoice_id = (write_credit_note.invoice).id;
  if amount is null or amount <= 0 or not billing.is_money(amount) or amount <> billing.round_money(amount, (write_credit_note.invoice).currency) then
    perform core.raise_error('LB402', 'The amount is not one that can be paid in this currency.', 'Give an amount with the currency''s decimal places.');
  end if;
  -- with the currency's decimal places, however it was typed
  amount := billing.round_money(amount, (write_credit_note.invoice).currency);
  if amount > (write_credit_note.invoice).total - v_credited then
    perform core.raise_error('LB601', 'This is more than what is left of the invoice.', 'Credit at most its total less what was credited before.');
  end if;
  -- the last one takes what is left of the tax, so that together they reverse it to the cent
  v_tax := case when amount = (write_credit_note.invoice).total - v_credited then (write_credit_note.invoice).tax - v_credited_tax
    else billing.round_money(amount * (write_credit_note.invoice).tax / (write_credit_note.invoice).total, (write_credit_note.invoice).currency) end;
  insert into app_public.invoices (
    tenant_id, series, reason, issuer_id, credited_invoice_id, currency, timezone, collection_method, memo)
  values (
    (write_credit_note.invoice).tenant_id, 'credit_note', 'correction', (write_credit_note.invoice).issuer_id,
    (write_credit_note.invoice).id, (write_credit_note.invoice).currency, (write_credit_note.invoice).timezone,
    (write_credit_note.invoice).collection_method, write_credit_note.memo)
  returning * into v_note;
  v_line.kind := 'credit';
  v_line.description := 'Credit of ' || (write_credit_note.invoice).number;
  v_line.amount := -(amount - v_tax);
  perform billing.insert_lines(v_note, array[v_line]);
  update app_public.invoices i
     set tax_mode = (write_credit_note.invoice).tax_mode, tax_rate = (write_credit_note.invoice).tax_rate,
         subtotal = -(amount - v_tax), tax = -v_tax, total = -amount
   where i.tenant_id = v_note.tenant_id and i.id = v_note.id returning * into v_note;
  v_note := billing.take_number(v_note, core.clock(), null, 0);
  v_note := billing.settle(v_note.tenant_id, v_note.id, 0, 0);
  perform core.enqueue_job('billing__render_invoice', json_build_object('tenantId', v_note.tenant_id, 'invoiceId', v_note.id));
  return v_note;
end
$$;
comment on function billing.write_credit_note is
  E'@errors LB402 LB601\nA finalised credit note over part of an invoice, tax in proportion.';

create or replace function app_public.create_credit_note(invoice_id uuid, amount numeric default null, memo text default null)
returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
  v_amount numeric;
  v_note app_public.invoices;
  v_open numeric;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_invoice := billing.open_document(create_credit_note.invoice_id);
  if v_invoice.status not in ('finalised', 'paid', 'uncollectible') or v_invoice.total <= 0 then
    perform core.raise_error('LB519', 'Only a final invoice over more than nothing can be credited.', 'Edit or void the invoice instead.');
  end if;
  -- a refund that is under way has its part reserved
  v_amount := coalesce(create_credit_note.amount, billing.creditable(v_invoice.tenant_id, v_invoice.id));
  if v_amount > billing.creditable(v_invoice.tenant_id, v_invoice.id) then
    perform core.raise_error('LB601', 'This is more than what is left of the invoice.', 'Credit at most its total less what was credited or is being refunded.');
  end if;
  v_note := billing.write_credit_note(v_invoice, v_amount, create_credit_note.memo);
  -- first what is still owed, the rest is credit for the next invoices
  v_open := least(v_amount, v_invoice.amount_due);
  if v_open > 0 then
    perform billing.settle(v_invoice.tenant_id, v_invoice.id, 0, v_open);
  end if;
  if v_amount > v_open then
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values (v_note.tenant_id, v_note.currency, v_amount - v_open, 'credit_note', v_note.id, core.clock());
  end if;
  perform billing.follow_payment(v_invoice.tenant_id);
  return v_note;
end
$$;
comment on function app_public.create_credit_note is
  E'@resultFieldName creditNote\n@errors TN205 LB304 LB402 LB519 LB601\nCredits an invoice, wholly or an amount including tax: what is still owed becomes less, and what was paid becomes credit for the next invoices (refund_payment pays it back instead). Platform staff.';
grant execute on function app_public.create_credit_note to rowhouse_user;

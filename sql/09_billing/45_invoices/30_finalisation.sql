-- Finalisation. A draft becomes final in one transaction: its usage period is closed, its lines are computed once more, the next
-- number of its issuer is issued, and credit is used. A negative total first reduces what is owed for the same subscription, then
-- what else is owed, and the rest becomes credit: so only what was paid for comes back.

create or replace function billing.refresh_usage_lines(invoice app_public.invoices, until_batch bigint) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.invoice_lines l
   where l.tenant_id = (refresh_usage_lines.invoice).tenant_id and l.invoice_id = (refresh_usage_lines.invoice).id
     and l.kind in ('usage', 'overage', 'adjustment', 'commitment') and not l.is_manual;
  perform billing.insert_lines(refresh_usage_lines.invoice, array(
    select l from billing.use_lines((refresh_usage_lines.invoice).tenant_id, (refresh_usage_lines.invoice).usage_price_id,
      tstzrange((refresh_usage_lines.invoice).usage_start, (refresh_usage_lines.invoice).usage_end),
      tstzrange((refresh_usage_lines.invoice).usage_basis_start, (refresh_usage_lines.invoice).usage_basis_end),
      (refresh_usage_lines.invoice).id, refresh_usage_lines.until_batch) l));
end
$$;
comment on function billing.refresh_usage_lines is
  'Computes the lines for usage, adjustments and commitments of a draft again, from the events up to and including a batch; with null, from all events.';

create or replace function billing.add_credit_entry(
  document app_public.invoices, amount numeric, reason app_public.credit_reason, payment_id uuid default null
) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, payment_id, occurred_at)
  values ((document).tenant_id, (document).currency, add_credit_entry.amount, add_credit_entry.reason, (document).id,
          add_credit_entry.payment_id, core.clock());
$$;
comment on function billing.add_credit_entry is
  'Adds credit that a document or payment gives (a positive amount) or uses (a negative amount).';

create or replace function billing.lock_open_invoices(tenant_id uuid, currency text, subscription_id uuid default null)
returns setof app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return query
    select * from app_public.invoices i
     where i.tenant_id = lock_open_invoices.tenant_id and i.currency = lock_open_invoices.currency and i.amount_due > 0
       and i.reason <> 'top_up'
       and (i.subscription_id = lock_open_invoices.subscription_id
            or not exists (select from app_public.payments p
                            where p.tenant_id = i.tenant_id and p.invoice_id = i.id and p.status = 'pending'))
     order by coalesce(i.subscription_id = lock_open_invoices.subscription_id, false) desc, i.due_at, i.sequence_number
       for update;
end
$$;
comment on function billing.lock_open_invoices is
  'The invoices of a tenant in a currency that credit and prepaid money pay: those of a subscription first, if one is given, then the longest due. An order of prepaid money is left out, and so is an invoice whose charge is under way, unless it is of that subscription.';

create or replace function billing.apply_credit(tenant_id uuid, currency text, subscription_id uuid default null) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_left numeric := billing.credit_balance(apply_credit.tenant_id, apply_credit.currency);
  v_invoice app_public.invoices;
  v_used numeric;
begin
  for v_invoice in
    select * from billing.lock_open_invoices(apply_credit.tenant_id, apply_credit.currency, apply_credit.subscription_id)
  loop
    exit when v_left <= 0;
    v_used := least(v_left, v_invoice.amount_due);
    perform billing.add_credit_entry(v_invoice, -v_used, 'used');
    perform billing.settle_invoice(v_invoice.tenant_id, v_invoice.id, 0, v_used);
    v_left := v_left - v_used;
  end loop;
  perform billing.spend_wallet(apply_credit.tenant_id, apply_credit.currency);
  perform billing.reactivate_paid_subscription(apply_credit.tenant_id);
end
$$;
comment on function billing.apply_credit is
  'Pays open invoices of a tenant in a currency with its credit, those of a subscription first, and then with its prepaid money, all in the order of due dates. An invoice of that subscription is paid also while its charge is under way: if the charge succeeds as well, what is too much becomes credit.';

create or replace function billing.due_at(invoice app_public.invoices, finalised_at timestamptz) returns timestamptz
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select case (invoice).collection_method
      when 'invoice' then due_at.finalised_at + make_interval(days => i.payment_terms_days)
      else due_at.finalised_at end
    from app_public.invoice_issuers i where i.id = (invoice).issuer_id;
$$;
comment on function billing.due_at is
  'When an invoice must be paid: at once when the payment method is charged, or after the payment terms of the issuer.';

create or replace function billing.finalise_invoice(tenant_id uuid, invoice_id uuid, until_batch bigint default null)
returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_invoice app_public.invoices;
begin
  perform billing.lock_billing(finalise_invoice.tenant_id);
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = finalise_invoice.tenant_id and i.id = finalise_invoice.invoice_id for update;
  if not found then
    perform core.raise_error('LB304', 'There is no such invoice.', 'Choose one of the invoices of the tenant.');
  end if;
  if v_invoice.status <> 'draft' then
    perform billing.refuse_change_of_final();
  end if;
  if v_invoice.usage_start is not null then
    -- Unless the period was closed before, nothing can be recorded into it from here to the commit. What is recorded later becomes
    -- an adjustment.
    perform billing.refresh_usage_lines(v_invoice, coalesce(finalise_invoice.until_batch,
      metering.finalise_usage_period(tstzrange(v_invoice.usage_start, v_invoice.usage_end))));
  end if;
  if not exists (select from app_public.invoice_lines l where l.tenant_id = v_invoice.tenant_id and l.invoice_id = v_invoice.id) then
    return billing.drop_empty_draft(v_invoice);
  end if;
  perform billing.sum_up_invoice(v_invoice.tenant_id, v_invoice.id);
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = finalise_invoice.tenant_id and i.id = finalise_invoice.invoice_id;

  v_invoice := billing.issue_number(v_invoice, v_now, billing.due_at(v_invoice, v_now));
  if v_invoice.series = 'invoice' and v_invoice.total < 0 then
    perform billing.add_credit_entry(v_invoice, -v_invoice.total, 'negative_invoice');
  end if;
  perform billing.apply_credit(v_invoice.tenant_id, v_invoice.currency,
    case when v_invoice.total < 0 then v_invoice.subscription_id end);
  v_invoice := billing.settle_invoice(v_invoice.tenant_id, v_invoice.id, 0, 0);
  perform core.enqueue_job('billing__render_invoice',
    json_build_object('tenantId', v_invoice.tenant_id, 'invoiceId', v_invoice.id));
  perform billing.add_billing_notice(v_invoice.tenant_id, 'invoice_finalised', v_invoice.id::text,
    format('%s is final.', v_invoice.number), v_invoice.subscription_id, v_invoice.id);
  return v_invoice;
end
$$;
comment on function billing.finalise_invoice is
  E'@errors LB304 LB514 LB535\nFinalises a draft: closes its usage period, unless until_batch says that it is closed and up to which batch late usage is billed, computes its lines again, issues the next number of its issuer, and uses credit. A draft without a line gets no number.';

create or replace function billing.drop_empty_draft(invoice app_public.invoices) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if (drop_empty_draft.invoice).reason = 'manual' then
    perform core.raise_error('LB535', 'The draft has no lines, so it cannot be finalised.', 'Add a line with add_invoice_line, or delete the draft.');
  end if;
  delete from app_public.invoices i
   where i.tenant_id = (drop_empty_draft.invoice).tenant_id and i.id = (drop_empty_draft.invoice).id;
  return null;
end
$$;
comment on function billing.drop_empty_draft is
  E'@errors LB535\nDeletes a draft of a subscription that has no lines, because nothing is billed by it; refuses a draft by staff, who may still add lines.';

create or replace function billing.document_number(prefix text, sequence_number bigint) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  -- lpad would cut off digits of a longer number
  select prefix || lpad(sequence_number::text, greatest(6, length(sequence_number::text)), '0');
$$;
comment on function billing.document_number is
  'The number on a document: the prefix and at least six digits, such as INV-000042.';

create or replace function billing.issue_number(invoice app_public.invoices, at timestamptz, due_at timestamptz)
returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
  v_number bigint;
begin
  -- The row stays locked until the commit. The next document waits, and it gets this number if this transaction rolls back.
  insert into billing.invoice_counters as c (issuer_id, series, last_number)
  values ((issue_number.invoice).issuer_id, (issue_number.invoice).series, 1)
  on conflict (issuer_id, series) do update set last_number = c.last_number + 1
  returning c.last_number into v_number;
  insert into billing.invoice_numbers (issuer_id, series, sequence_number, document_id, issued_at)
  values ((issue_number.invoice).issuer_id, (issue_number.invoice).series, v_number, (issue_number.invoice).id, issue_number.at);
  update app_public.invoices i
     set status = 'finalised',
         number = billing.document_number(case i.series when 'invoice' then s.number_prefix else s.credit_note_prefix end, v_number),
         sequence_number = v_number,
         issued_by = jsonb_build_object('name', s.name, 'address', s.address, 'taxNumber', s.tax_number, 'footer', s.footer),
         billed_to = jsonb_build_object('name', p.legal_name, 'address', p.address, 'country', p.country_code,
                                        'taxNumber', p.tax_number, 'email', p.email),
         finalised_at = issue_number.at,
         due_at = issue_number.due_at,
         next_attempt_at = case when i.series = 'invoice' and i.total > 0 then issue_number.due_at end,
         finalise_at = null
    from app_public.invoice_issuers s, app_public.billing_profiles p
   where i.tenant_id = (issue_number.invoice).tenant_id and i.id = (issue_number.invoice).id
     and s.id = i.issuer_id and p.tenant_id = i.tenant_id
  returning i.* into v_invoice;
  return v_invoice;
end
$$;
comment on function billing.issue_number is
  'Issues the next number of the issuer and series to a document, without gaps, copies issuer and customer to it, and sets it to finalised.';

create or replace function billing.settle_invoice(tenant_id uuid, invoice_id uuid, paid numeric, credited numeric) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_invoice app_public.invoices;
begin
  update app_public.invoices i
     set amount_paid = i.amount_paid + settle_invoice.paid, amount_credited = i.amount_credited + settle_invoice.credited
   where i.tenant_id = settle_invoice.tenant_id and i.id = settle_invoice.invoice_id
  returning * into v_invoice;
  if v_invoice.status in ('finalised', 'uncollectible') and v_invoice.amount_due = 0 then
    update app_public.invoices i
       set status = 'paid', paid_at = v_now, next_attempt_at = null
     where i.tenant_id = settle_invoice.tenant_id and i.id = settle_invoice.invoice_id
    returning * into v_invoice;
  end if;
  return v_invoice;
end
$$;
comment on function billing.settle_invoice is
  'Adds a payment or a credit to an invoice, and sets it to paid when nothing is due any more.';

-- Invoices: drafted, computed once more and numbered at finalisation, settled by credit and payments. Everything here runs
-- under the tenant's billing lock.

call core.secure_global_table('billing.invoice_counters', 'numbers without gaps are counted per issuer');
comment on table billing.invoice_counters is 'The last number of each issuer and series; locked while a document takes the next.';

call core.secure_global_table('billing.invoice_numbers', 'numbers without gaps are counted per issuer');
comment on table billing.invoice_numbers is 'Every number ever given, and to which document; also of tenants deleted since.';

call core.secure_tenant_table('app_public.invoices');
call core.allow('app_public.invoices', read => 'can_manage_billing');
grant select on app_public.invoices to rowhouse_user;
grant select, insert, update, delete on app_public.invoices to rowhouse_platform;
comment on table app_public.invoices is
  E'@behavior -insert -update -delete -single\nInvoices and credit notes of this tenant. Once finalised they never change; only their way to being paid goes on. For those with can_manage_billing.';
comment on column app_public.invoices.series is 'invoice or credit_note.';
comment on column app_public.invoices.reason is 'period (the plan in advance, use in arrears), change (an upgrade), end (of a subscription or pause), manual or correction (a credit note).';
comment on column app_public.invoices.status is 'draft, finalised (to be paid), paid, void or uncollectible.';
comment on column app_public.invoices.issuer_id is 'Who bills.';
comment on column app_public.invoices.number is 'Its number, without gaps for each issuer and series; null while a draft.';
comment on column app_public.invoices.sequence_number is 'The number as a number.';
comment on column app_public.invoices.subscription_id is 'The subscription it bills.';
comment on column app_public.invoices.credited_invoice_id is 'The invoice that this credit note credits.';
comment on column app_public.invoices.currency is 'ISO 4217.';
comment on column app_public.invoices.timezone is 'IANA time zone of its days.';
comment on column app_public.invoices.period_number is 'Number of the subscription''s period.';
comment on column app_public.invoices.period_start is 'Start of the period it was made in.';
comment on column app_public.invoices.period_end is 'End of that period.';
comment on column app_public.invoices.usage_start is 'From when use is billed.';
comment on column app_public.invoices.usage_end is 'Until when use is billed.';
comment on column app_public.invoices.usage_price_id is 'The price the use is billed by.';
comment on column app_public.invoices.issued_by is 'Who billed, as it was then: name, address, taxNumber, footer.';
comment on column app_public.invoices.billed_to is 'Who was billed, as it was then: name, address, country, taxNumber, email.';
comment on column app_public.invoices.tax_mode is 'standard, reverse_charge or none.';
comment on column app_public.invoices.tax_rate is 'Share of the subtotal.';
comment on column app_public.invoices.subtotal is 'Sum of the lines, net.';
comment on column app_public.invoices.tax is 'Tax on the subtotal, rounded half away from zero.';
comment on column app_public.invoices.total is 'Subtotal and tax; negative on credit notes, and on invoices that credit more than they charge.';
comment on column app_public.invoices.amount_credited is 'What credit and credit notes settled of it.';
comment on column app_public.invoices.amount_paid is 'What payments settled of it.';
comment on column app_public.invoices.amount_due is 'What is still owed.';
comment on column app_public.invoices.collection_method is 'automatic or invoice.';
comment on column app_public.invoices.is_charge_requested is 'Whether pay_invoice asked for a charge that has not begun.';
comment on column app_public.invoices.attempt_count is 'How often payment was missed.';
comment on column app_public.invoices.next_attempt_at is 'When it is charged next, or is overdue.';
comment on column app_public.invoices.finalise_at is 'When the draft is made final by itself.';
comment on column app_public.invoices.finalised_at is 'When it became final.';
comment on column app_public.invoices.due_at is 'When it has to be paid.';
comment on column app_public.invoices.paid_at is 'When nothing was due any more.';
comment on column app_public.invoices.voided_at is 'When it was voided.';
comment on column app_public.invoices.void_reason is 'Why it was voided.';
comment on column app_public.invoices.uncollectible_at is 'When payment was given up on.';
comment on column app_public.invoices.memo is 'A note on the document, at most 1,000 characters.';
comment on column app_public.invoices.created_at is 'When it was made.';
comment on column app_public.invoices.updated_at is 'When it last changed.';
comment on constraint invoices_tenant_id_credited_invoice_id_fkey on app_public.invoices is E'@fieldName creditedInvoice\n@foreignFieldName creditNotes';
comment on constraint invoices_subscription_id_fkey on app_public.invoices is E'@fieldName subscription\n@foreignFieldName invoices';
comment on constraint invoices_usage_price_id_fkey on app_public.invoices is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoices_issuer_id_fkey on app_public.invoices is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';

call core.secure_tenant_table('app_public.invoice_lines');
call core.allow('app_public.invoice_lines', read => 'can_manage_billing');
grant select on app_public.invoice_lines to rowhouse_user;
grant select, insert, update, delete on app_public.invoice_lines to rowhouse_platform;
comment on table app_public.invoice_lines is
  E'@behavior -insert -update -delete -single\nLines of invoices, each rounded to the currency half away from zero. For those with can_manage_billing; explain_invoice recomputes them.';
comment on column app_public.invoice_lines.invoice_id is 'The invoice.';
comment on column app_public.invoice_lines.line_number is 'Place on it, from 1.';
comment on column app_public.invoice_lines.kind is 'recurring, usage, overage (beyond an included quantity), proration, adjustment (use that was recorded late, or by hand) or credit.';
comment on column app_public.invoice_lines.description is 'What it says.';
comment on column app_public.invoice_lines.amount is 'Net amount in the invoice''s currency; negative credits.';
comment on column app_public.invoice_lines.price_id is 'The version of the price it was made by.';
comment on column app_public.invoice_lines.component_id is 'The component of that price.';
comment on column app_public.invoice_lines.usage_type is 'What was used.';
comment on column app_public.invoice_lines.quantity is 'Units used; 1 or -1 for a plan''s price.';
comment on column app_public.invoice_lines.quantity_before is 'Units billed before, for an adjustment.';
comment on column app_public.invoice_lines.days is 'Days it is for.';
comment on column app_public.invoice_lines.period_days is 'Days of the period they are a share of.';
comment on column app_public.invoice_lines.service_start is 'From when it is for.';
comment on column app_public.invoice_lines.service_end is 'Until when it is for.';
comment on column app_public.invoice_lines.basis_start is 'Start of the period that the days are a share of.';
comment on column app_public.invoice_lines.basis_end is 'End of that period.';
comment on column app_public.invoice_lines.counted_until is E'@behavior -*\nThe last batch of events an adjustment counted.';
comment on column app_public.invoice_lines.is_manual is 'Whether staff wrote it.';
comment on column app_public.invoice_lines.created_at is 'When it was made.';
-- names of relations, and those that lead nowhere useful
comment on constraint invoice_lines_tenant_id_invoice_id_fkey on app_public.invoice_lines is E'@fieldName invoice\n@foreignFieldName lines';
comment on constraint invoice_lines_price_id_fkey on app_public.invoice_lines is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoice_lines_component_id_fkey on app_public.invoice_lines is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoice_lines_usage_type_fkey on app_public.invoice_lines is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';

create or replace function billing.draft_invoice(
  tenant_id uuid, reason text, subscription app_public.subscriptions, usage tstzrange, usage_price_id uuid
) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_billing(draft_invoice.tenant_id);
  v_invoice app_public.invoices;
begin
  insert into app_public.invoices (
    tenant_id, reason, issuer_id, subscription_id, currency, timezone, period_number, period_start, period_end,
    usage_start, usage_end, usage_price_id, collection_method, finalise_at)
  select v_profile.tenant_id, draft_invoice.reason, v_profile.issuer_id, (draft_invoice.subscription).id,
         coalesce((draft_invoice.subscription).currency, v_profile.currency), coalesce((draft_invoice.subscription).timezone, t.timezone),
         (draft_invoice.subscription).period_number, (draft_invoice.subscription).current_period_start,
         (draft_invoice.subscription).current_period_end, lower(draft_invoice.usage), upper(draft_invoice.usage),
         case when draft_invoice.usage is not null then draft_invoice.usage_price_id end, v_profile.collection_method,
         case when draft_invoice.usage is not null then upper(draft_invoice.usage) + make_interval(hours => i.draft_hours) end
    from app_public.tenants t, app_public.invoice_issuers i
   where t.id = v_profile.tenant_id and i.id = v_profile.issuer_id
  returning * into v_invoice;
  return v_invoice;
end
$$;
comment on function billing.draft_invoice is
  'An empty draft. One with usage waits issuer.draft_hours after the end of it, so that events which are a little late still come in.';

create or replace function billing.insert_lines(invoice app_public.invoices, lines app_public.invoice_lines[]) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.invoice_lines (
    tenant_id, invoice_id, line_number, kind, description, amount, price_id, component_id, usage_type, quantity, quantity_before,
    days, period_days, service_start, service_end, basis_start, basis_end, counted_until, is_manual)
  select (insert_lines.invoice).tenant_id, (insert_lines.invoice).id,
         coalesce((select max(o.line_number) from app_public.invoice_lines o
                    where o.tenant_id = (insert_lines.invoice).tenant_id and o.invoice_id = (insert_lines.invoice).id), 0) + l.place,
         l.kind, l.description, l.amount, l.price_id, l.component_id, l.usage_type, l.quantity, l.quantity_before, l.days,
         l.period_days, l.service_start, l.service_end, l.basis_start, l.basis_end, l.counted_until, coalesce(l.is_manual, false)
    from unnest(insert_lines.lines) with ordinality as l (
           tenant_id, id, invoice_id, line_number, kind, description, amount, price_id, component_id, usage_type, quantity,
           quantity_before, days, period_days, service_start, service_end, basis_start, basis_end, counted_until, is_manual, created_at, place);
  perform billing.total_invoice((insert_lines.invoice).tenant_id, (insert_lines.invoice).id);
end
$$;
comment on function billing.insert_lines is
  'Adds lines to a draft, in order.';

create or replace function billing.total_invoice(tenant_id uuid, invoice_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
  v_subtotal numeric;
  v_rate numeric;
begin
  select * into v_profile from app_public.billing_profiles p where p.tenant_id = total_invoice.tenant_id;
  v_rate := case v_profile.tax_mode when 'standard' then v_profile.tax_rate else 0 end;
  select coalesce(sum(l.amount), 0) into v_subtotal from app_public.invoice_lines l
   where l.tenant_id = total_invoice.tenant_id and l.invoice_id = total_invoice.invoice_id;
  update app_public.invoices i
     set tax_mode = v_profile.tax_mode, tax_rate = v_rate, subtotal = v_subtotal,
         tax = billing.round_money(v_subtotal * v_rate, i.currency),
         total = v_subtotal + billing.round_money(v_subtotal * v_rate, i.currency)
   where i.tenant_id = total_invoice.tenant_id and i.id = total_invoice.invoice_id;
end
$$;
comment on function billing.total_invoice is
  'Sums a draft up: rounded lines make the subtotal, and the tax of the subtotal is rounded once.';

create or replace function billing.bill_period(subscription app_public.subscriptions, ended app_public.subscriptions)
returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_price app_public.plan_prices;
  v_basis constant tstzrange := tstzrange((bill_period.subscription).current_period_start, (bill_period.subscription).current_period_end);
  v_usage tstzrange := case when (bill_period.ended).usage_since < (bill_period.ended).current_period_end
    then tstzrange((bill_period.ended).usage_since, (bill_period.ended).current_period_end) end;
  v_lines app_public.invoice_lines[] := '{}';
  v_invoice app_public.invoices;
begin
  select * into v_price from app_public.plan_prices p where p.id = (bill_period.subscription).price_id;
  if v_price.amount > 0 then
    v_lines := array[billing.recurring_line(v_price, 'recurring', 1, v_basis, v_basis, (bill_period.subscription).timezone)];
  end if;
  if v_usage is not null and not billing.has_usage_to_bill((bill_period.ended).tenant_id, (bill_period.ended).price_id) then
    v_usage := null;
  end if;
  if v_lines = '{}' and v_usage is null then
    return null;
  end if;
  v_invoice := billing.draft_invoice((bill_period.subscription).tenant_id, 'period', bill_period.subscription, v_usage, (bill_period.ended).price_id);
  perform billing.insert_lines(v_invoice, v_lines);
  if v_usage is null then
    v_invoice := billing.finalise(v_invoice.tenant_id, v_invoice.id);
  else
    perform billing.refresh_usage(v_invoice, null);
  end if;
  return v_invoice;
end
$$;
comment on function billing.bill_period is
  'The invoice at the beginning of a period: the plan''s price in advance, and the usage of the period that has ended, if there was one. None when there is nothing to bill.';

create or replace function billing.has_usage_to_bill(tenant_id uuid, price_id uuid) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.plan_price_components c where c.price_id = has_usage_to_bill.price_id)
      or exists (select from billing.adjustment_lines(has_usage_to_bill.tenant_id, null, null));
$$;
comment on function billing.has_usage_to_bill is
  'Whether a price has components, or events of billed periods came late.';

create or replace function billing.bill_end(subscription app_public.subscriptions, at timestamptz, credit_unused boolean)
returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_usage tstzrange := case when (bill_end.subscription).usage_since < bill_end.at
    then tstzrange((bill_end.subscription).usage_since, bill_end.at) end;
  v_lines app_public.invoice_lines[] := '{}';
  v_invoice app_public.invoices;
begin
  if bill_end.credit_unused then
    v_lines := array(select l from billing.unused_line(bill_end.subscription, bill_end.at) l);
  end if;
  if v_usage is not null and not billing.has_usage_to_bill((bill_end.subscription).tenant_id, (bill_end.subscription).price_id) then
    v_usage := null;
  end if;
  if v_lines = '{}' and v_usage is null then
    return null;
  end if;
  v_invoice := billing.draft_invoice((bill_end.subscription).tenant_id, 'end', bill_end.subscription, v_usage, (bill_end.subscription).price_id);
  perform billing.insert_lines(v_invoice, v_lines);
  if bill_end.at < (bill_end.subscription).current_period_end or v_usage is null then
    return billing.finalise(v_invoice.tenant_id, v_invoice.id);
  end if;
  perform billing.refresh_usage(v_invoice, null);
  return v_invoice;
end
$$;
comment on function billing.bill_end is
  'The last invoice of a period without a next one: what was used, and a credit for unused days. None when there is nothing to bill.';

create or replace function billing.refresh_usage(invoice app_public.invoices, until_batch bigint) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.invoice_lines l
   where l.tenant_id = (refresh_usage.invoice).tenant_id and l.invoice_id = (refresh_usage.invoice).id
     and l.kind in ('usage', 'overage', 'adjustment') and not l.is_manual;
  perform billing.insert_lines(refresh_usage.invoice, array(
    select l from billing.usage_lines((refresh_usage.invoice).tenant_id, (refresh_usage.invoice).usage_price_id,
      tstzrange((refresh_usage.invoice).usage_start, (refresh_usage.invoice).usage_end)) l)
    || array(select l from billing.adjustment_lines((refresh_usage.invoice).tenant_id, (refresh_usage.invoice).id,
      refresh_usage.until_batch) l));
end
$$;
comment on function billing.refresh_usage is
  'Computes a draft''s usage and adjustments anew: with what is recorded by now, or up to a batch.';

create or replace function billing.finalise(tenant_id uuid, invoice_id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_billing(finalise.tenant_id);
  v_now timestamptz := core.clock();
  v_invoice app_public.invoices;
  v_credit numeric := 0;
  v_due_at timestamptz;
begin
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = finalise.tenant_id and i.id = finalise.invoice_id for update;
  if not found then
    perform core.raise_error('LB304', 'There is no such invoice.', 'invoices lists those there are.');
  end if;
  if v_invoice.status <> 'draft' then
    perform core.raise_error('LB514', 'The invoice is not a draft.', 'It has its number and stays as it is; correct it with a credit note.');
  end if;
  if v_invoice.usage_start is not null then
    -- from here to the commit nothing can be recorded into the period; what comes later is an adjustment
    perform billing.refresh_usage(v_invoice,
      (metering.finalise_usage_period(tstzrange(v_invoice.usage_start, v_invoice.usage_end))).last_batch_id);
  end if;
  perform billing.total_invoice(v_invoice.tenant_id, v_invoice.id);
  select * into v_invoice from app_public.invoices i where i.tenant_id = finalise.tenant_id and i.id = finalise.invoice_id;

  if v_invoice.series = 'invoice' and v_invoice.total > 0 then
    v_credit := least(v_invoice.total, greatest(billing.credit_balance(v_invoice.tenant_id), 0));
  end if;
  select case v_invoice.collection_method when 'invoice' then v_now + make_interval(days => i.payment_terms_days) else v_now end
    into v_due_at from app_public.invoice_issuers i where i.id = v_invoice.issuer_id;
  v_invoice := billing.take_number(v_invoice, v_now, v_due_at, v_credit);

  if v_credit > 0 then
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values (v_invoice.tenant_id, v_invoice.currency, -v_credit, 'used', v_invoice.id, v_now);
  elsif v_invoice.series = 'invoice' and v_invoice.total < 0 then
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values (v_invoice.tenant_id, v_invoice.currency, -v_invoice.total, 'negative_invoice', v_invoice.id, v_now);
  end if;
  v_invoice := billing.settle(v_invoice.tenant_id, v_invoice.id, 0, 0);
  perform core.enqueue_job('billing__render_invoice',
    json_build_object('tenantId', v_invoice.tenant_id, 'invoiceId', v_invoice.id));
  perform billing.notify_billing(v_invoice.tenant_id, 'invoice_finalised', v_invoice.id::text,
    format('%s is final.', v_invoice.number), v_invoice.subscription_id, v_invoice.id);
  return v_invoice;
end
$$;
comment on function billing.finalise is
  E'@errors LB304 LB514\nMakes a draft final: closes its usage period, computes it once more, gives it the next number of its issuer and uses up credit.';

create or replace function billing.take_number(invoice app_public.invoices, at timestamptz, due_at timestamptz, credit numeric)
returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
  v_number bigint;
begin
  -- the row stays locked until the commit: the next one waits, and gets the same number if this one is rolled back
  insert into billing.invoice_counters as c (issuer_id, series, last_number)
  values ((take_number.invoice).issuer_id, (take_number.invoice).series, 1)
  on conflict (issuer_id, series) do update set last_number = c.last_number + 1
  returning c.last_number into v_number;
  insert into billing.invoice_numbers (issuer_id, series, sequence_number, document_id, issued_at)
  values ((take_number.invoice).issuer_id, (take_number.invoice).series, v_number, (take_number.invoice).id, take_number.at);
  update app_public.invoices i
     set status = 'finalised',
         number = case i.series when 'invoice' then s.number_prefix else s.credit_note_prefix end || lpad(v_number::text, greatest(6, length(v_number::text)), '0'),
         sequence_number = v_number,
         issued_by = jsonb_build_object('name', s.name, 'address', s.address, 'taxNumber', s.tax_number, 'footer', s.footer),
         billed_to = jsonb_build_object('name', p.legal_name, 'address', p.address, 'country', p.country_code,
                                        'taxNumber', p.tax_number, 'email', p.email),
         finalised_at = take_number.at,
         due_at = take_number.due_at,
         amount_credited = take_number.credit,
         next_attempt_at = case when i.series = 'invoice' and i.total > take_number.credit then take_number.due_at end,
         finalise_at = null
    from app_public.invoice_issuers s, app_public.billing_profiles p
   where i.tenant_id = (take_number.invoice).tenant_id and i.id = (take_number.invoice).id
     and s.id = i.issuer_id and p.tenant_id = i.tenant_id
  returning i.* into v_invoice;
  return v_invoice;
end
$$;
comment on function billing.take_number is
  'Gives a document the next number of its issuer and series, without gaps, and freezes it.';

create or replace function billing.settle(tenant_id uuid, invoice_id uuid, paid numeric, credited numeric) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_invoice app_public.invoices;
begin
  update app_public.invoices i
     set amount_paid = i.amount_paid + settle.paid, amount_credited = i.amount_credited + settle.credited
   where i.tenant_id = settle.tenant_id and i.id = settle.invoice_id
  returning * into v_invoice;
  if v_invoice.status in ('finalised', 'uncollectible') and v_invoice.amount_due = 0 then
    update app_public.invoices i
       set status = 'paid', paid_at = v_now, next_attempt_at = null
     where i.tenant_id = settle.tenant_id and i.id = settle.invoice_id
    returning * into v_invoice;
  end if;
  return v_invoice;
end
$$;
comment on function billing.settle is
  'Counts a payment or a credit towards an invoice; when nothing is due any more it is paid.';

-- Refunds. Money goes back by the way it came. When the refund has succeeded, a credit note documents it.

call core.secure_tenant_table('app_public.refunds');
call audit.track('app_public.refunds');
call core.allow('app_public.refunds', read => 'can_manage_billing');
grant select on app_public.refunds to rowhouse_user;
comment on table app_public.refunds is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nPayments that were paid back, wholly or in part. Reading them requires can_manage_billing.';
comment on column app_public.refunds.payment_id is 'The payment that is paid back.';
comment on column app_public.refunds.credit_note_id is 'The credit note that documents the refund; null until it has succeeded.';
comment on column app_public.refunds.status is 'The state of the refund.';
comment on column app_public.refunds.amount is 'The amount in the currency of the payment.';
comment on column app_public.refunds.credit_amount is 'The part of the amount that the payment was too much, which comes from credit and needs no credit note.';
comment on column app_public.refunds.reason is 'Why the payment is paid back, at most 1,000 characters.';
comment on column app_public.refunds.provider_refund_id is 'The key of the refund at the provider.';
comment on column app_public.refunds.failure_message is 'The message of the provider about the failure.';
comment on column app_public.refunds.created_at is 'When the row was created.';
comment on column app_public.refunds.updated_at is 'When the row was last changed.';
comment on constraint reason_is_short on app_public.refunds is 'must have at most 1,000 characters';
comment on constraint refunds_tenant_id_payment_id_fkey on app_public.refunds is E'@fieldName payment\n@foreignFieldName refunds';
comment on constraint refunds_tenant_id_credit_note_id_fkey on app_public.refunds is E'@fieldName creditNote\n@foreignFieldName refunds';

create or replace function billing.creditable_amount(tenant_id uuid, invoice_id uuid) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select i.total
       + (select coalesce(sum(c.total), 0) from app_public.invoices c where c.tenant_id = i.tenant_id and c.credited_invoice_id = i.id)
       - (select coalesce(sum(r.amount - r.credit_amount), 0) from app_public.refunds r
            join app_public.payments p on p.tenant_id = r.tenant_id and p.id = r.payment_id
           where p.tenant_id = i.tenant_id and p.invoice_id = i.id and r.status = 'pending')
    from app_public.invoices i
   where i.tenant_id = creditable_amount.tenant_id and i.id = creditable_amount.invoice_id;
$$;
comment on function billing.creditable_amount is
  'The amount of an invoice that can still be credited or refunded: total - credit notes - pending refunds. A credit note has a negative total, so it is added.';

create or replace function billing.lock_payment(payment_id uuid) returns app_public.payments
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_payment app_public.payments;
begin
  select * into v_payment from app_public.payments p
   where p.tenant_id = core.current_tenant_id() and p.id = lock_payment.payment_id for update;
  if not found then
    perform core.raise_error('LB305', 'There is no such payment.', 'Choose one of the payments of the tenant.');
  end if;
  if v_payment.status <> 'succeeded' then
    perform core.raise_error('LB522', 'Only a payment that succeeded can be paid back.', 'Read the status of the payment.');
  end if;
  return v_payment;
end
$$;
comment on function billing.lock_payment is
  E'@errors LB305 LB522\nLocks and returns a payment of the current tenant that succeeded.';

create or replace function billing.refundable_credit(payment app_public.payments) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select greatest(least(
    (select coalesce(sum(e.amount), 0) from app_public.credit_entries e
      where e.tenant_id = (payment).tenant_id and e.payment_id = (payment).id),
    billing.credit_balance((payment).tenant_id, (payment).currency)), 0);
$$;
comment on function billing.refundable_credit is
  'The part of a payment that became credit, because it was too much, and that is still there.';

create or replace function billing.refundable_price(payment app_public.payments) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select greatest(least(
    (payment).amount
    - (select coalesce(sum(e.amount), 0) from app_public.credit_entries e
        where e.tenant_id = (payment).tenant_id and e.payment_id = (payment).id and e.reason in ('overpayment', 'reversed'))
    - (select coalesce(sum(r.amount - r.credit_amount), 0) from app_public.refunds r
        where r.tenant_id = (payment).tenant_id and r.payment_id = (payment).id and r.status <> 'failed'),
    billing.creditable_amount((payment).tenant_id, (payment).invoice_id),
    (select t.amount_left from app_public.wallet_top_ups t where t.tenant_id = (payment).tenant_id and t.payment_id = (payment).id)), 0);
$$;
comment on function billing.refundable_price is
  'The part of a payment that paid its invoice and can still be refunded: no more than what is left of the invoice after credit notes and refunds, and of a top-up no more than what was not spent.';

create or replace function billing.write_down_refund(
  payment app_public.payments, amount numeric, reason text, provider_refund_id text default null
) returns app_public.refunds
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_payment constant app_public.payments := write_down_refund.payment;
  v_credit constant numeric := least(write_down_refund.amount, billing.refundable_credit(v_payment));
  v_invoice app_public.invoices;
  v_refund app_public.refunds;
begin
  insert into app_public.refunds (tenant_id, payment_id, amount, credit_amount, reason, provider_refund_id)
  values (v_payment.tenant_id, v_payment.id, write_down_refund.amount, v_credit, write_down_refund.reason,
          write_down_refund.provider_refund_id)
  returning * into v_refund;
  if v_credit > 0 then
    -- what was paid twice is given back once: as money, not as credit too
    select * into v_invoice from app_public.invoices i where i.tenant_id = v_payment.tenant_id and i.id = v_payment.invoice_id;
    perform billing.add_credit_entry(v_invoice, -v_credit, 'refunded', v_payment.id);
  end if;
  perform billing.change_top_up_of_payment(v_payment.tenant_id, v_payment.id, v_credit - write_down_refund.amount, 'refunded');
  return v_refund;
end
$$;
comment on function billing.write_down_refund is
  'Inserts a refund. The part of the payment that became credit is taken from the credit first; a credit note documents the rest.';

create or replace function app_public.refund_payment(payment_id uuid, amount numeric default null, reason text default null) returns app_public.refunds
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_payment app_public.payments;
  v_refund app_public.refunds;
  v_left numeric;
  v_amount numeric;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_payment := billing.lock_payment(refund_payment.payment_id);
  v_left := billing.refundable_credit(v_payment) + billing.refundable_price(v_payment);
  v_amount := coalesce(refund_payment.amount, v_left);
  if v_amount > v_left or refund_payment.amount is null and v_left <= 0 then
    perform core.raise_error('LB601', 'This is more than what is left of the payment.',
      'Give at most the payment minus earlier refunds, credit notes and credit that was used.');
  end if;
  v_amount := billing.positive_payable_amount(v_amount, v_payment.currency);
  if v_amount <> billing.chargeable_amount(v_payment.provider, v_amount, v_payment.currency) then
    perform core.raise_error('LB402', 'The provider cannot pay this amount back.', 'Give an amount whose last digit is 0, such as 5.120.');
  end if;
  v_refund := billing.write_down_refund(v_payment, v_amount, refund_payment.reason);
  if v_payment.provider = 'manual' then
    return billing.finish_refund(v_refund.tenant_id, v_refund.id, 'succeeded');
  end if;
  perform core.enqueue_job('billing__refund_payment', json_build_object('tenantId', v_refund.tenant_id, 'refundId', v_refund.id));
  return v_refund;
end
$$;
comment on function app_public.refund_payment is
  E'@resultFieldName refund\n@errors LB305 LB402 LB522 LB601 TN205 23514\nPays a payment back by the way it came: an amount, or all that is left when the amount is left out. What was paid too much comes from the credit that it became; for the rest a credit note is written when the refund has succeeded. A manual payment is recorded as paid back at once. Only platform staff may call it.';
grant execute on function app_public.refund_payment to rowhouse_user;

create or replace function billing.refund_for_provider(tenant_id uuid, refund_id uuid)
returns table (provider app_public.payment_provider, provider_payment_id text, amount_minor bigint, currency text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(refund_for_provider.tenant_id);
  return query
    select p.provider, p.provider_payment_id, billing.minor_amount(r.amount, p.currency), p.currency
      from app_public.refunds r join app_public.payments p on p.tenant_id = r.tenant_id and p.id = r.payment_id
     where r.tenant_id = refund_for_provider.tenant_id and r.id = refund_for_provider.refund_id and r.status = 'pending';
end
$$;
comment on function billing.refund_for_provider is
  'What to ask the provider to pay back. There is no row when the refund is already decided.';
grant execute on function billing.refund_for_provider to rowhouse_worker;

create or replace function billing.return_refund(refund app_public.refunds) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- after a refund that had succeeded, its credit note stays, and all of its money is owed to the customer
  v_credit constant numeric := case (refund).status when 'succeeded' then (refund).amount else (refund).credit_amount end;
  v_invoice app_public.invoices;
begin
  if (refund).status = 'pending' then
    perform billing.change_top_up_of_payment(
      (refund).tenant_id, (refund).payment_id, (refund).amount - (refund).credit_amount, 'refund_failed');
  end if;
  if v_credit > 0 then
    select i.* into v_invoice from app_public.invoices i
      join app_public.payments p on p.tenant_id = i.tenant_id and p.invoice_id = i.id
     where p.tenant_id = (refund).tenant_id and p.id = (refund).payment_id;
    perform billing.add_credit_entry(v_invoice, v_credit, 'refund_failed', (refund).payment_id);
    perform billing.apply_credit(v_invoice.tenant_id, v_invoice.currency);
  end if;
end
$$;
comment on function billing.return_refund is
  'Gives the money of a refund that failed to the customer as credit.';

create or replace function billing.finish_refund(
  tenant_id uuid, refund_id uuid, outcome billing.payment_outcome, provider_refund_id text default null,
  failure_message text default null
) returns app_public.refunds
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_refund app_public.refunds;
  v_invoice app_public.invoices;
  v_note app_public.invoices;
begin
  call core.enter_tenant(finish_refund.tenant_id);
  perform billing.lock_billing(finish_refund.tenant_id);
  select * into v_refund from app_public.refunds r
   where r.tenant_id = finish_refund.tenant_id and r.id = finish_refund.refund_id for update;
  if not found then
    perform core.raise_error('LB306', 'There is no such refund.', 'Choose one of the refunds of the payment.');
  end if;
  if finish_refund.outcome = 'failed' and v_refund.status in ('pending', 'succeeded') then
    perform billing.return_refund(v_refund);
    update app_public.refunds r
       set status = 'failed', provider_refund_id = coalesce(finish_refund.provider_refund_id, r.provider_refund_id),
           failure_message = left(finish_refund.failure_message, billing.max_provider_message())
     where r.tenant_id = v_refund.tenant_id and r.id = v_refund.id returning * into v_refund;
  elsif finish_refund.outcome = 'processing' and v_refund.status = 'pending' then
    update app_public.refunds r set provider_refund_id = coalesce(finish_refund.provider_refund_id, r.provider_refund_id)
     where r.tenant_id = v_refund.tenant_id and r.id = v_refund.id returning * into v_refund;
  elsif finish_refund.outcome = 'succeeded' and v_refund.status = 'pending' then
    select i.* into v_invoice from app_public.invoices i
      join app_public.payments p on p.tenant_id = i.tenant_id and p.invoice_id = i.id
     where p.tenant_id = v_refund.tenant_id and p.id = v_refund.payment_id for update of i;
    if v_refund.amount > v_refund.credit_amount then
      v_note := billing.write_credit_note(v_invoice, v_refund.amount - v_refund.credit_amount, v_refund.reason);
    end if;
    update app_public.refunds r
       set status = 'succeeded', credit_note_id = v_note.id, provider_refund_id = coalesce(finish_refund.provider_refund_id, r.provider_refund_id)
     where r.tenant_id = v_refund.tenant_id and r.id = v_refund.id returning * into v_refund;
  end if;
  return v_refund;
end
$$;
comment on function billing.finish_refund is
  E'@errors LB306\nRecords the outcome of a refund. The same outcome again changes nothing. A refund that fails after it had succeeded becomes credit.';
grant execute on function billing.finish_refund to rowhouse_worker;

-- Refunds: money goes back through the payment it came by, and a credit note says so once it did.

call core.secure_tenant_table('app_public.refunds');
call core.allow('app_public.refunds', read => 'can_manage_billing');
grant select on app_public.refunds to rowhouse_user;
comment on table app_public.refunds is
  E'@behavior -insert -update -delete -single\nPayments that were paid back. For those with can_manage_billing.';
comment on column app_public.refunds.payment_id is 'The payment.';
comment on column app_public.refunds.credit_note_id is 'The credit note that says so, once it is done.';
comment on column app_public.refunds.status is 'pending, succeeded or failed.';
comment on column app_public.refunds.amount is 'In the payment''s currency.';
comment on column app_public.refunds.reason is 'Why, at most 1,000 characters.';
comment on column app_public.refunds.provider_refund_id is 'The provider''s key of it.';
comment on column app_public.refunds.failure_message is 'Why it failed.';
comment on column app_public.refunds.created_at is 'When it was made.';
comment on column app_public.refunds.updated_at is 'When it last changed.';
comment on constraint refunds_tenant_id_payment_id_fkey on app_public.refunds is E'@fieldName payment\n@foreignFieldName refunds';
comment on constraint refunds_tenant_id_credit_note_id_fkey on app_public.refunds is E'@fieldName creditNote\n@foreignFieldName refunds';

create or replace function billing.creditable(tenant_id uuid, invoice_id uuid) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select i.total
       + (select coalesce(sum(c.total), 0) from app_public.invoices c where c.tenant_id = i.tenant_id and c.credited_invoice_id = i.id)
       - (select coalesce(sum(r.amount), 0) from app_public.refunds r
            join app_public.payments p on p.tenant_id = r.tenant_id and p.id = r.payment_id
           where p.tenant_id = i.tenant_id and p.invoice_id = i.id and r.status = 'pending')
    from app_public.invoices i
   where i.tenant_id = creditable.tenant_id and i.id = creditable.invoice_id;
$$;
comment on function billing.creditable is
  'What of an invoice has neither been credited nor is about to be refunded.';

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
  select * into v_payment from app_public.payments p
   where p.tenant_id = core.current_tenant_id() and p.id = refund_payment.payment_id for update;
  if not found then
    perform core.raise_error('LB305', 'There is no such payment.', 'payments lists those there are.');
  end if;
  if v_payment.status <> 'succeeded' then
    perform core.raise_error('LB522', 'Only a payment that succeeded can be refunded.', 'See its status.');
  end if;
  select v_payment.amount - coalesce(sum(r.amount), 0) into v_left from app_public.refunds r
   where r.tenant_id = v_payment.tenant_id and r.payment_id = v_payment.id and r.status <> 'failed';
  v_left := least(v_left, billing.creditable(v_payment.tenant_id, v_payment.invoice_id));
  v_amount := coalesce(refund_payment.amount, v_left);
  if v_amount <= 0 and refund_payment.amount is null or v_amount > v_left then
    perform core.raise_error('LB601', 'This is more than what is left of the invoice.', 'Refund at most what was paid less what was refunded or credited before.');
  end if;
  if v_amount <= 0 or not billing.is_money(v_amount) or v_amount <> billing.round_money(v_amount, v_payment.currency) then
    perform core.raise_error('LB402', 'The amount is not one that can be paid in this currency.', 'Give an amount with the currency''s decimal places.');
  end if;
  insert into app_public.refunds (tenant_id, payment_id, amount, reason)
  values (v_payment.tenant_id, v_payment.id, v_amount, refund_payment.reason) returning * into v_refund;
  if v_payment.provider = 'manual' then
    return billing.finish_refund(v_refund.tenant_id, v_refund.id, 'succeeded');
  end if;
  perform core.enqueue_job('billing__refund_payment', json_build_object('tenantId', v_refund.tenant_id, 'refundId', v_refund.id));
  return v_refund;
end
$$;
comment on function app_public.refund_payment is
  E'@resultFieldName refund\n@errors TN205 LB305 LB402 LB522 LB601\nPays a payment back, wholly or in part, the way it came, and writes a credit note once it is done. A manual one is noted as paid back. Platform staff.';
grant execute on function app_public.refund_payment to rowhouse_user;

create or replace function billing.refund_to_make(tenant_id uuid, refund_id uuid)
returns table (provider text, provider_payment_id text, amount_minor bigint, currency text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(refund_to_make.tenant_id);
  return query
    select p.provider, p.provider_payment_id, (r.amount * 10 ^ billing.minor_units(p.currency))::bigint, p.currency
      from app_public.refunds r join app_public.payments p on p.tenant_id = r.tenant_id and p.id = r.payment_id
     where r.tenant_id = refund_to_make.tenant_id and r.id = refund_to_make.refund_id and r.status = 'pending';
end
$$;
comment on function billing.refund_to_make is
  'What the provider must be asked to pay back; nothing when that is done.';
grant execute on function billing.refund_to_make to rowhouse_worker;

create or replace function billing.finish_refund(
  tenant_id uuid, refund_id uuid, outcome text, provider_refund_id text default null, failure_message text default null
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
    perform core.raise_error('LB306', 'There is no such refund.', 'refunds lists those there are.');
  end if;
  if finish_refund.outcome = 'failed' and v_refund.status = 'pending' then
    update app_public.refunds r
       set status = 'failed', provider_refund_id = coalesce(finish_refund.provider_refund_id, r.provider_refund_id),
           failure_message = left(finish_refund.failure_message, 1000)
     where r.tenant_id = v_refund.tenant_id and r.id = v_refund.id returning * into v_refund;
  elsif finish_refund.outcome = 'processing' and v_refund.status = 'pending' then
    update app_public.refunds r set provider_refund_id = coalesce(finish_refund.provider_refund_id, r.provider_refund_id)
     where r.tenant_id = v_refund.tenant_id and r.id = v_refund.id returning * into v_refund;
  elsif finish_refund.outcome = 'succeeded' and v_refund.status = 'pending' then
    select i.* into v_invoice from app_public.invoices i
      join app_public.payments p on p.tenant_id = i.tenant_id and p.invoice_id = i.id
     where p.tenant_id = v_refund.tenant_id and p.id = v_refund.payment_id for update of i;
    v_note := billing.write_credit_note(v_invoice, v_refund.amount, v_refund.reason);
    update app_public.refunds r
       set status = 'succeeded', credit_note_id = v_note.id, provider_refund_id = coalesce(finish_refund.provider_refund_id, r.provider_refund_id)
     where r.tenant_id = v_refund.tenant_id and r.id = v_refund.id returning * into v_refund;
  end if;
  return v_refund;
end
$$;
comment on function billing.finish_refund is
  E'@errors LB306\nWhat became of a refund: succeeded, failed or processing. Told twice it changes nothing.';
grant execute on function billing.finish_refund to rowhouse_worker;

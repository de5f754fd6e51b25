-- Payments. A charge is written down before the provider is asked, and its id is the idempotency key at the provider: when a
-- worker dies, another one asks again under the same key, and the money moves once. A payment that succeeded stays succeeded,
-- in whatever order the news of the provider arrive.
--
-- Dunning: an invoice is charged when it is due. After each missed payment it is charged again, d days later, with d from
-- billing.dunning_days (3, 5 and 7). After the last one it is uncollectible, and the subscription is paused.

call core.secure_tenant_table('app_public.payments');
call audit.track('app_public.payments');
call core.exempt_from_guard('app_public.payments', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.payments', read => 'can_manage_billing');
grant select on app_public.payments to rowhouse_user;
grant select, insert, update, delete on app_public.payments to rowhouse_platform;
comment on table app_public.payments is
  E'@behavior -insert -update -delete -query:resource:single\nThe payments of invoices, including failed ones. Reading them requires can_manage_billing.';
comment on column app_public.payments.invoice_id is 'The invoice that is paid.';
comment on column app_public.payments.provider is 'Who moves the money.';
comment on column app_public.payments.status is 'The state of the payment.';
comment on column app_public.payments.currency is 'The currency as an ISO 4217 code.';
comment on column app_public.payments.amount is 'The amount in the currency, including tax.';
comment on column app_public.payments.payment_method_id is 'The payment method that is charged; null for a manual payment.';
comment on column app_public.payments.provider_payment_id is 'The key of the payment at the provider.';
comment on column app_public.payments.reference is 'The reference of staff, at most 200 characters. It is unique for each invoice.';
comment on column app_public.payments.failure_code is 'The code of the provider for the reason of the failure.';
comment on column app_public.payments.failure_message is 'The message of the provider about the failure.';
comment on column app_public.payments.attempted_at is 'When the payment was attempted.';
comment on column app_public.payments.succeeded_at is 'When the payment succeeded.';
comment on column app_public.payments.reversed_at is 'When the bank or the provider took the payment back; null when it did not.';
comment on column app_public.payments.created_at is 'When the row was created.';
comment on column app_public.payments.updated_at is 'When the row was last changed.';
comment on constraint reference_is_short on app_public.payments is 'must have at most 200 characters';
comment on constraint payments_tenant_id_invoice_id_fkey on app_public.payments is E'@fieldName invoice\n@foreignFieldName payments';
comment on constraint payments_tenant_id_payment_method_id_fkey on app_public.payments is E'@fieldName paymentMethod\n@foreignFieldName payments';

comment on type app_public.payment_status_enum is
  'The state of a payment or refund: pending is not decided yet; succeeded moved the money; failed did not; reversed moved it, and the bank took it back.';

create or replace function billing.dunning_days() returns int[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$ select array[3, 5, 7] $$;
comment on function billing.dunning_days is
  'The days between a missed payment and the next attempt: after the first, the second and the third missed payment. After the fourth the invoice is uncollectible and the subscription is paused.';

create or replace function billing.pending_payment(invoice app_public.invoices) returns app_public.payments
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select * from app_public.payments p
   where p.tenant_id = (invoice).tenant_id and p.invoice_id = (invoice).id and p.status = 'pending';
$$;
comment on function billing.pending_payment is
  'The charge of an invoice that is under way, or null.';

create or replace function billing.write_down_charge(invoice app_public.invoices) returns app_public.payments
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_method app_public.payment_methods;
  v_payment app_public.payments;
begin
  select * into v_method from app_public.payment_methods m
   where m.tenant_id = (write_down_charge.invoice).tenant_id and m.is_default;
  if not found
     or (write_down_charge.invoice).collection_method = 'invoice' and not (write_down_charge.invoice).is_charge_requested then
    -- there is nothing to charge, so an invoice that is not paid by now is overdue
    perform billing.record_missed_payment(write_down_charge.invoice, null);
    return null;
  end if;
  insert into app_public.payments (tenant_id, invoice_id, provider, currency, amount, payment_method_id, attempted_at)
  values ((write_down_charge.invoice).tenant_id, (write_down_charge.invoice).id, v_method.provider, (write_down_charge.invoice).currency,
          billing.chargeable_amount(v_method.provider, (write_down_charge.invoice).amount_due, (write_down_charge.invoice).currency),
          v_method.id, core.clock())
  returning * into v_payment;
  return v_payment;
end
$$;
comment on function billing.write_down_charge is
  'Inserts a charge of what is due on an invoice to the default payment method, rounded up to what its provider can move: what is too much becomes credit. When there is nothing to charge, it records a missed payment and returns null.';

create or replace function billing.begin_payment(tenant_id uuid, invoice_id uuid)
returns table (payment_id uuid, provider app_public.payment_provider, amount_minor bigint, currency text, customer_id text,
               provider_method_id text, invoice_number text, attempted_at timestamptz, is_repeated boolean)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- if this worker dies, another one asks again after this time
  v_lease constant interval := '1 hour';
  v_now timestamptz := core.clock();
  v_invoice app_public.invoices;
  v_payment app_public.payments;
  v_is_repeated boolean;
begin
  call core.enter_tenant(begin_payment.tenant_id);
  perform billing.lock_billing(begin_payment.tenant_id);
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = begin_payment.tenant_id and i.id = begin_payment.invoice_id for update;
  if not found or v_invoice.amount_due <= 0 or v_invoice.next_attempt_at is null or v_invoice.next_attempt_at > v_now then
    return;
  end if;
  v_payment := billing.pending_payment(v_invoice);
  v_is_repeated := v_payment.id is not null;
  if not v_is_repeated then
    v_payment := billing.write_down_charge(v_invoice);
    if v_payment.id is null then
      return;
    end if;
  end if;
  update app_public.invoices i set next_attempt_at = v_now + v_lease, is_charge_requested = false
   where i.tenant_id = begin_payment.tenant_id and i.id = v_invoice.id;
  return query
    select v_payment.id, v_payment.provider, billing.minor_amount(v_payment.amount, v_payment.currency), v_payment.currency,
           (select c.customer_id from billing.payment_customers c
             where c.tenant_id = v_payment.tenant_id and c.provider = v_payment.provider),
           (select m.provider_method_id from app_public.payment_methods m
             where m.tenant_id = v_payment.tenant_id and m.id = v_payment.payment_method_id),
           v_invoice.number, v_payment.attempted_at, v_is_repeated;
end
$$;
comment on function billing.begin_payment is
  'Writes a charge down and returns what to ask the provider. When a charge is already under way, it returns that one with is_repeated. There is no row when nothing is due now.';
grant execute on function billing.begin_payment to rowhouse_worker;

create or replace function billing.finish_payment(
  tenant_id uuid, payment_id uuid, outcome billing.payment_outcome, provider_payment_id text default null,
  failure_code text default null, failure_message text default null
) returns app_public.payments
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- a charge that is processing is normally decided by an event; this is when it is asked about without one
  v_processing_time constant interval := '1 day';
  v_max_code constant int := 100;
  v_now timestamptz := core.clock();
  v_payment app_public.payments;
  v_invoice app_public.invoices;
begin
  call core.enter_tenant(finish_payment.tenant_id);
  perform billing.lock_billing(finish_payment.tenant_id);
  select * into v_payment from app_public.payments p
   where p.tenant_id = finish_payment.tenant_id and p.id = finish_payment.payment_id for update;
  if not found then
    perform core.raise_error('LB305', 'There is no such payment.', 'Choose one of the payments of the tenant.');
  end if;
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = finish_payment.tenant_id and i.id = v_payment.invoice_id for update;

  if finish_payment.outcome = 'processing' and v_payment.status = 'pending' then
    update app_public.payments p set provider_payment_id = coalesce(finish_payment.provider_payment_id, p.provider_payment_id)
     where p.tenant_id = v_payment.tenant_id and p.id = v_payment.id returning * into v_payment;
    update app_public.invoices i set next_attempt_at = v_now + v_processing_time
     where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id;
  elsif finish_payment.outcome = 'failed' and v_payment.status = 'pending' then
    update app_public.payments p
       set status = 'failed', provider_payment_id = coalesce(finish_payment.provider_payment_id, p.provider_payment_id),
           failure_code = left(finish_payment.failure_code, v_max_code),
           failure_message = left(finish_payment.failure_message, billing.max_provider_message())
     where p.tenant_id = v_payment.tenant_id and p.id = v_payment.id returning * into v_payment;
    perform billing.record_missed_payment(v_invoice, v_payment.id);
    perform billing.apply_credit(v_invoice.tenant_id, v_invoice.currency);
  elsif finish_payment.outcome = 'succeeded' and v_payment.status <> 'succeeded' then
    update app_public.payments p
       set status = 'succeeded', succeeded_at = v_now, failure_code = null, failure_message = null,
           provider_payment_id = coalesce(finish_payment.provider_payment_id, p.provider_payment_id)
     where p.tenant_id = v_payment.tenant_id and p.id = v_payment.id returning * into v_payment;
    perform billing.apply_payment(v_invoice, v_payment);
  end if;
  return v_payment;
end
$$;
comment on function billing.finish_payment is
  E'@errors LB305\nRecords the outcome of a charge. The same outcome again changes nothing, and a payment that succeeded stays succeeded.';
grant execute on function billing.finish_payment to rowhouse_worker;

create or replace function billing.apply_payment(invoice app_public.invoices, payment app_public.payments) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice constant app_public.invoices := apply_payment.invoice;
  v_payment constant app_public.payments := apply_payment.payment;
  v_applied constant numeric := least(v_payment.amount, v_invoice.amount_due);
begin
  if v_applied > 0 then
    perform billing.put_into_wallet(billing.settle_invoice(v_invoice.tenant_id, v_invoice.id, v_applied, 0), v_payment);
  end if;
  if v_payment.amount > v_applied then
    -- The invoice was paid twice, or it was credited in the meantime. The rest pays the next invoices.
    perform billing.add_credit_entry(v_invoice, v_payment.amount - v_applied, 'overpayment', v_payment.id);
  end if;
  perform billing.apply_credit(v_invoice.tenant_id, v_invoice.currency);
  update app_public.tenants t set last_payment_at = core.clock() where t.id = v_payment.tenant_id;
  perform billing.add_billing_notice(v_payment.tenant_id, 'payment_succeeded', v_payment.id::text,
    format('The payment for %s has arrived.', v_invoice.number), v_invoice.subscription_id, v_invoice.id);
  perform billing.reactivate_paid_subscription(v_payment.tenant_id);
end
$$;
comment on function billing.apply_payment is
  'Settles an invoice by a payment. What exceeds the amount due becomes credit.';

create or replace function billing.reactivate_paid_subscription(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.subscriptions s set status = 'active', past_due_at = null
   where s.tenant_id = reactivate_paid_subscription.tenant_id and s.status = 'past_due'
     and not exists (
       select from app_public.invoices i
        where i.tenant_id = s.tenant_id and (i.subscription_id = s.id or i.subscription_id is null)
          and i.status = 'finalised' and i.attempt_count > 0);
end
$$;
comment on function billing.reactivate_paid_subscription is
  'Sets each past due subscription to active when no finalised invoice of it, or by staff, has a missed payment any more.';

create or replace function billing.record_missed_payment(invoice app_public.invoices, payment_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_days constant int[] := billing.dunning_days();
  v_is_last constant boolean := (record_missed_payment.invoice).attempt_count >= cardinality(v_days);
  v_is_overdue constant boolean := record_missed_payment.payment_id is null;
  v_invoice app_public.invoices := record_missed_payment.invoice;
  v_subscription app_public.subscriptions;
begin
  v_invoice := billing.cancel_rest_of_order(v_invoice);
  if v_invoice.status <> 'finalised' then
    update app_public.invoices i set next_attempt_at = null where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id;
    return;
  end if;
  update app_public.invoices i
     set attempt_count = i.attempt_count + 1,
         status = case when v_is_last then 'uncollectible'::app_public.invoice_status_enum else i.status end,
         uncollectible_at = case when v_is_last then v_now end,
         next_attempt_at = v_now + make_interval(days => v_days[i.attempt_count + 1])
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id
  returning * into v_invoice;
  perform billing.add_billing_notice(v_invoice.tenant_id,
    case when v_is_last then 'invoice_uncollectible' when v_is_overdue then 'invoice_overdue' else 'payment_failed' end,
    v_invoice.id || '/' || v_invoice.attempt_count,
    format(case when v_is_overdue then '%s is overdue.' else 'The payment for %s has failed.' end, v_invoice.number),
    v_invoice.subscription_id, v_invoice.id);

  select * into v_subscription from app_public.subscriptions s
   where s.tenant_id = v_invoice.tenant_id and s.id = v_invoice.subscription_id and s.status in ('active', 'past_due');
  if not found then
    return;
  end if;
  if v_is_last then
    -- what was not served is not owed either
    perform billing.pause_live_subscription(v_subscription, v_now);
  elsif v_subscription.status = 'active' then
    update app_public.subscriptions s set status = 'past_due', past_due_at = v_now where s.id = v_subscription.id;
  end if;
end
$$;
comment on function billing.record_missed_payment is
  'Records a missed payment. Before the last attempt the subscription becomes past due and the next attempt is planned; after it the invoice becomes uncollectible and the subscription is paused. payment_id is null when the invoice is overdue without a charge.';

create or replace function billing.reverse_payment(payment app_public.payments, reason text) returns app_public.payments
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
  v_invoice app_public.invoices;
  v_payment app_public.payments;
  v_credit numeric;
begin
  update app_public.payments p
     set status = 'reversed', reversed_at = v_now, failure_message = left(reverse_payment.reason, billing.max_provider_message())
   where p.tenant_id = (reverse_payment.payment).tenant_id and p.id = (reverse_payment.payment).id
  returning * into v_payment;
  select coalesce(sum(e.amount), 0) into v_credit from app_public.credit_entries e
   where e.tenant_id = v_payment.tenant_id and e.payment_id = v_payment.id;
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = v_payment.tenant_id and i.id = v_payment.invoice_id for update;
  if v_credit > 0 then
    -- credit that was used already is owed: the balance is below 0 until new credit or staff settle it
    perform billing.add_credit_entry(v_invoice, -v_credit, 'reversed', v_payment.id);
  end if;
  -- what the payment paid is due again, and charged again
  update app_public.invoices i
     set amount_paid = i.amount_paid - (v_payment.amount - v_credit),
         status = case i.status when 'paid' then 'finalised'::app_public.invoice_status_enum else i.status end,
         paid_at = null, next_attempt_at = v_now
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id and v_payment.amount > v_credit;
  if v_invoice.reason = 'top_up' then
    perform billing.take_from_wallet(v_payment);
  end if;
  perform billing.apply_credit(v_invoice.tenant_id, v_invoice.currency);
  perform billing.add_billing_notice(v_payment.tenant_id, 'payment_failed', v_payment.id || '/reversed',
    format('The payment for %s was taken back.', v_invoice.number), v_invoice.subscription_id, v_invoice.id);
  return v_payment;
end
$$;
comment on function billing.reverse_payment is
  'Takes back a payment that had succeeded, after a direct debit bounced or a dispute was lost: what it paid is due again, and credit that came from it is taken back.';

create or replace function app_public.reverse_payment(payment_id uuid, reason text) returns app_public.payments
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_payment app_public.payments;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_payment := billing.lock_payment(reverse_payment.payment_id);
  if exists (select from app_public.refunds r
              where r.tenant_id = v_payment.tenant_id and r.payment_id = v_payment.id and r.status <> 'failed') then
    perform core.raise_error('LB522', 'A payment that was refunded cannot be reversed.', 'Read the refunds of the payment.');
  end if;
  return billing.reverse_payment(v_payment, reverse_payment.reason);
end
$$;
comment on function app_public.reverse_payment is
  E'@resultFieldName payment\n@errors LB305 LB522 TN205\nRecords that the bank took a payment back, such as a direct debit that bounced. What it paid is due again. Only platform staff may call it.';
grant execute on function app_public.reverse_payment to rowhouse_user;

create or replace function app_public.pay_invoice(id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_invoice app_public.invoices := billing.lock_invoice(pay_invoice.id);
begin
  if v_invoice.amount_due <= 0 then
    perform core.raise_error('LB521', 'Nothing is due on this invoice.', 'Read the status of the invoice.');
  end if;
  if not exists (select from app_public.payment_methods m where m.tenant_id = v_profile.tenant_id and m.is_default) then
    perform core.raise_error('LB508', 'This tenant has no way to pay yet.', 'Add a payment method with add_payment_method.');
  end if;
  update app_public.invoices i set next_attempt_at = least(i.next_attempt_at, core.clock()), is_charge_requested = true
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id
     and not exists (select from app_public.payments p where p.tenant_id = i.tenant_id and p.invoice_id = i.id and p.status = 'pending')
  returning * into v_invoice;
  perform core.enqueue_job('billing__collect_payments', json_build_object('tenantId', v_profile.tenant_id, 'invoiceId', pay_invoice.id));
  return billing.lock_invoice(pay_invoice.id);
end
$$;
comment on function app_public.pay_invoice is
  E'@resultFieldName invoice\n@errors ID203 LB304 LB508 LB521\nCharges what is due to the default payment method. A task does it right away, and the payments of the invoice show the result. Requires can_manage_billing.';
grant execute on function app_public.pay_invoice to rowhouse_user;

create or replace function app_public.record_payment(invoice_id uuid, amount numeric, reference text default null) returns app_public.payments
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_invoice app_public.invoices;
  v_amount numeric;
  v_payment app_public.payments;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_invoice := billing.lock_invoice(record_payment.invoice_id);
  v_amount := billing.positive_payable_amount(record_payment.amount, v_invoice.currency);
  select * into v_payment from app_public.payments p
   where p.tenant_id = v_invoice.tenant_id and p.invoice_id = v_invoice.id and p.reference = record_payment.reference;
  if found then
    if v_payment.amount <> v_amount then
      perform core.raise_error('LB520', 'This reference was already recorded with another amount.', 'Use a different reference for each payment.');
    end if;
    return v_payment;
  end if;
  if v_amount > v_invoice.amount_due then
    perform core.raise_error('LB602', 'This is more than what is due.', 'Record what is due, and add the rest as credit with add_credit.');
  end if;
  insert into app_public.payments (tenant_id, invoice_id, provider, status, currency, amount, reference, attempted_at, succeeded_at)
  values (v_invoice.tenant_id, v_invoice.id, 'manual', 'succeeded', v_invoice.currency, v_amount, record_payment.reference, v_now, v_now)
  returning * into v_payment;
  perform billing.apply_payment(v_invoice, v_payment);
  return v_payment;
end
$$;
comment on function app_public.record_payment is
  E'@resultFieldName payment\n@errors LB304 LB402 LB520 LB602 TN205 23514\nRecords a payment that arrived outside Rowhouse, such as a bank transfer. A second call with the same reference returns the first payment. Only platform staff may call it, because customers must not confirm their own payments.';
grant execute on function app_public.record_payment to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the worker looks for the due invoices of all tenants
create or replace function billing.payments_to_collect(at_most int default 1000) returns table (tenant_id uuid, invoice_id uuid)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select i.tenant_id, i.id from app_public.invoices i
   where i.status in ('finalised', 'uncollectible') and i.next_attempt_at <= core.clock()
   order by i.next_attempt_at limit payments_to_collect.at_most;
$$;
comment on function billing.payments_to_collect is
  'The invoices of all tenants that must be charged now, the longest due first.';
grant execute on function billing.payments_to_collect to rowhouse_worker;

set local role rowhouse_owner;

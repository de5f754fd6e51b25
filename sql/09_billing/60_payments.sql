-- Payments. A charge is written down before the provider is asked, under an id that is also the provider's idempotency
-- key: a worker that dies asks again under the same key. Success is final, whatever order the news comes in.

call core.secure_tenant_table('app_public.payments');
call core.allow('app_public.payments', read => 'can_manage_billing');
grant select on app_public.payments to rowhouse_user;
grant select, insert, update, delete on app_public.payments to rowhouse_platform;
comment on table app_public.payments is
  E'@behavior -insert -update -delete -single\nPayments of invoices, tried and done. For those with can_manage_billing.';
comment on column app_public.payments.invoice_id is 'The invoice.';
comment on column app_public.payments.provider is 'manual (noted by staff) or stripe.';
comment on column app_public.payments.status is 'pending, succeeded or failed.';
comment on column app_public.payments.currency is 'ISO 4217.';
comment on column app_public.payments.amount is 'In the currency, tax included.';
comment on column app_public.payments.payment_method_id is 'What was charged.';
comment on column app_public.payments.provider_payment_id is 'The provider''s key of it.';
comment on column app_public.payments.reference is 'Staff''s reference, once an invoice.';
comment on column app_public.payments.failure_code is 'The provider''s code for why it failed.';
comment on column app_public.payments.failure_message is 'The provider''s words for it.';
comment on column app_public.payments.attempted_at is 'When it was tried.';
comment on column app_public.payments.succeeded_at is 'When it succeeded.';
comment on column app_public.payments.created_at is 'When it was made.';
comment on column app_public.payments.updated_at is 'When it last changed.';
comment on constraint payments_tenant_id_invoice_id_fkey on app_public.payments is E'@fieldName invoice\n@foreignFieldName payments';
comment on constraint payments_tenant_id_payment_method_id_fkey on app_public.payments is E'@fieldName paymentMethod\n@foreignFieldName payments';

comment on type app_public.invoice_status_enum is 'Where an invoice stands.';
comment on type app_public.payment_status_enum is 'Where a payment or refund stands.';

create or replace function billing.dunning_days() returns int[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$ select array[3, 5, 7] $$;
comment on function billing.dunning_days is
  'After how many days a failed payment is tried again: the first, second and third time. When the last fails too, the invoice is uncollectible and the subscription is paused.';

create or replace function billing.begin_payment(tenant_id uuid, invoice_id uuid)
returns table (payment_id uuid, provider text, amount_minor bigint, currency text, customer_id text, provider_method_id text,
               invoice_number text, attempted_at timestamptz, is_repeated boolean)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := core.clock();
  v_invoice app_public.invoices;
  v_method app_public.payment_methods;
  v_payment app_public.payments;
  v_customer_id text;
  v_is_repeated boolean;
begin
  call core.enter_tenant(begin_payment.tenant_id);
  perform billing.lock_billing(begin_payment.tenant_id);
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = begin_payment.tenant_id and i.id = begin_payment.invoice_id for update;
  if not found or v_invoice.amount_due <= 0 or v_invoice.next_attempt_at is null or v_invoice.next_attempt_at > v_now then
    return;
  end if;
  select * into v_payment from app_public.payments p
   where p.tenant_id = begin_payment.tenant_id and p.invoice_id = v_invoice.id and p.status = 'pending';
  v_is_repeated := found;
  if not v_is_repeated then
    select * into v_method from app_public.payment_methods m where m.tenant_id = begin_payment.tenant_id and m.is_default;
    if not found or v_invoice.collection_method = 'invoice' and not v_invoice.is_charge_requested then
      -- nobody to ask: what is not paid by now is overdue
      perform billing.payment_missed(v_invoice, null);
      return;
    end if;
    insert into app_public.payments (tenant_id, invoice_id, provider, currency, amount, payment_method_id, attempted_at)
    values (begin_payment.tenant_id, v_invoice.id, v_method.provider, v_invoice.currency, v_invoice.amount_due, v_method.id, v_now)
    returning * into v_payment;
  else
    select * into v_method from app_public.payment_methods m
     where m.tenant_id = begin_payment.tenant_id and m.id = v_payment.payment_method_id;
  end if;
  -- a lease: if this worker dies, another one asks again
  update app_public.invoices i set next_attempt_at = v_now + interval '1 hour', is_charge_requested = false
   where i.tenant_id = begin_payment.tenant_id and i.id = v_invoice.id;
  select c.customer_id into v_customer_id from billing.payment_customers c
   where c.tenant_id = begin_payment.tenant_id and c.provider = v_payment.provider;
  return query select v_payment.id, v_payment.provider,
    (v_payment.amount * 10 ^ billing.minor_units(v_payment.currency))::bigint, v_payment.currency, v_customer_id,
    v_method.provider_method_id, v_invoice.number, v_payment.attempted_at, v_is_repeated;
end
$$;
comment on function billing.begin_payment is
  'Writes a charge down and returns what the provider must be asked; the one that is under way, if there is one; nothing when nothing is due.';
grant execute on function billing.begin_payment to rowhouse_worker;

create or replace function billing.finish_payment(
  tenant_id uuid, payment_id uuid, outcome text, provider_payment_id text default null, failure_code text default null,
  failure_message text default null
) returns app_public.payments
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_payment app_public.payments;
  v_invoice app_public.invoices;
begin
  call core.enter_tenant(finish_payment.tenant_id);
  perform billing.lock_billing(finish_payment.tenant_id);
  select * into v_payment from app_public.payments p
   where p.tenant_id = finish_payment.tenant_id and p.id = finish_payment.payment_id for update;
  if not found then
    perform core.raise_error('LB305', 'There is no such payment.', 'payments lists those there are.');
  end if;
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = finish_payment.tenant_id and i.id = v_payment.invoice_id for update;

  if finish_payment.outcome = 'processing' and v_payment.status = 'pending' then
    update app_public.payments p set provider_payment_id = coalesce(finish_payment.provider_payment_id, p.provider_payment_id)
     where p.tenant_id = v_payment.tenant_id and p.id = v_payment.id returning * into v_payment;
    update app_public.invoices i set next_attempt_at = v_now + interval '1 day'
     where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id;
  elsif finish_payment.outcome = 'failed' and v_payment.status = 'pending' then
    update app_public.payments p
       set status = 'failed', provider_payment_id = coalesce(finish_payment.provider_payment_id, p.provider_payment_id),
           failure_code = left(finish_payment.failure_code, 100), failure_message = left(finish_payment.failure_message, 1000)
     where p.tenant_id = v_payment.tenant_id and p.id = v_payment.id returning * into v_payment;
    perform billing.payment_missed(v_invoice, v_payment.id);
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
  E'@errors LB305\nWhat became of a charge: succeeded, failed or processing. Told twice it changes nothing, and a success is never undone.';
grant execute on function billing.finish_payment to rowhouse_worker;

create or replace function billing.apply_payment(invoice app_public.invoices, payment app_public.payments) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_applied numeric := least((apply_payment.payment).amount, (apply_payment.invoice).amount_due);
begin
  if v_applied > 0 then
    perform billing.settle((apply_payment.invoice).tenant_id, (apply_payment.invoice).id, v_applied, 0);
  end if;
  if (apply_payment.payment).amount > v_applied then
    -- paid twice, or credited meanwhile: it is theirs and pays what comes next
    insert into app_public.credit_entries (tenant_id, currency, amount, reason, invoice_id, occurred_at)
    values ((apply_payment.payment).tenant_id, (apply_payment.payment).currency, (apply_payment.payment).amount - v_applied,
            'overpayment', (apply_payment.invoice).id, core.clock());
  end if;
  update app_public.tenants t set last_payment_at = core.clock() where t.id = (apply_payment.payment).tenant_id;
  perform billing.notify_billing((apply_payment.payment).tenant_id, 'payment_succeeded', (apply_payment.payment).id::text,
    format('The payment for %s has arrived.', (apply_payment.invoice).number), (apply_payment.invoice).subscription_id, (apply_payment.invoice).id);
  perform billing.follow_payment((apply_payment.payment).tenant_id);
end
$$;
comment on function billing.apply_payment is
  'Counts a payment towards its invoice; what is too much becomes credit.';

create or replace function billing.follow_payment(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.subscriptions s set status = 'active', past_due_at = null
   where s.tenant_id = follow_payment.tenant_id and s.status = 'past_due'
     and not exists (
       select from app_public.invoices i
        where i.tenant_id = follow_payment.tenant_id and i.status = 'finalised' and i.attempt_count > 0);
end
$$;
comment on function billing.follow_payment is
  'A subscription that is past due is active again once no payment for it is missed any more.';

create or replace function billing.payment_missed(invoice app_public.invoices, payment_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_invoice app_public.invoices;
  v_subscription app_public.subscriptions;
  v_days constant int[] := billing.dunning_days();
begin
  if (payment_missed.invoice).status <> 'finalised' then
    update app_public.invoices i set next_attempt_at = null
     where i.tenant_id = (payment_missed.invoice).tenant_id and i.id = (payment_missed.invoice).id;
    return;
  end if;
  update app_public.invoices i
     set attempt_count = i.attempt_count + 1,
         status = case when i.attempt_count >= cardinality(v_days) then 'uncollectible'::app_public.invoice_status_enum else i.status end,
         uncollectible_at = case when i.attempt_count >= cardinality(v_days) then v_now end,
         next_attempt_at = v_now + make_interval(days => v_days[i.attempt_count + 1])
   where i.tenant_id = (payment_missed.invoice).tenant_id and i.id = (payment_missed.invoice).id
  returning * into v_invoice;
  perform billing.notify_billing(v_invoice.tenant_id,
    case when v_invoice.status = 'uncollectible' then 'invoice_uncollectible' when payment_missed.payment_id is null then 'invoice_overdue' else 'payment_failed' end,
    v_invoice.id || '/' || v_invoice.attempt_count,
    format(case when payment_missed.payment_id is null then '%s is overdue.' else 'The payment for %s has failed.' end, v_invoice.number),
    v_invoice.subscription_id, v_invoice.id);

  select * into v_subscription from app_public.subscriptions s
   where s.tenant_id = v_invoice.tenant_id and s.id = v_invoice.subscription_id and s.status in ('active', 'past_due');
  if not found then
    return;
  end if;
  if v_invoice.status = 'uncollectible' then
    -- what was not paid for is not credited either
    perform billing.bill_end(v_subscription, v_now, false);
    perform billing.pause(v_subscription, v_now);
  elsif v_subscription.status = 'active' then
    update app_public.subscriptions s set status = 'past_due', past_due_at = v_now where s.id = v_subscription.id;
  end if;
end
$$;
comment on function billing.payment_missed is
  'Notes a missed payment: the subscription is past due and the next attempt is planned; after the last one the invoice is uncollectible and the subscription paused.';

create or replace function app_public.pay_invoice(id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.begin_billing();
  v_invoice app_public.invoices := billing.open_document(pay_invoice.id);
begin
  if v_invoice.amount_due <= 0 then
    perform core.raise_error('LB521', 'Nothing is due on this invoice.', 'See its status.');
  end if;
  if not exists (select from app_public.payment_methods m where m.tenant_id = v_profile.tenant_id and m.is_default) then
    perform core.raise_error('LB508', 'There is no way to be paid yet.', 'Add a payment method with add_payment_method.');
  end if;
  update app_public.invoices i set next_attempt_at = least(i.next_attempt_at, core.clock()), is_charge_requested = true
   where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id
     and not exists (select from app_public.payments p where p.tenant_id = i.tenant_id and p.invoice_id = i.id and p.status = 'pending')
  returning * into v_invoice;
  perform core.enqueue_job('billing__collect_payments', json_build_object('tenantId', v_profile.tenant_id, 'invoiceId', pay_invoice.id));
  return billing.open_document(pay_invoice.id);
end
$$;
comment on function app_public.pay_invoice is
  E'@resultFieldName invoice\n@errors LB304 LB508 LB521 ID203\nCharges the default payment method for what is due, now and in the background; payments shows what became of it. Needs can_manage_billing.';
grant execute on function app_public.pay_invoice to rowhouse_user;

create or replace function app_public.record_payment(invoice_id uuid, amount numeric, reference text default null) returns app_public.payments
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_invoice app_public.invoices;
  v_payment app_public.payments;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_invoice := billing.open_document(record_payment.invoice_id);
  if record_payment.reference is not null then
    select * into v_payment from app_public.payments p
     where p.tenant_id = v_invoice.tenant_id and p.invoice_id = v_invoice.id and p.reference = record_payment.reference;
    if found then
      if v_payment.amount <> record_payment.amount then
        perform core.raise_error('LB520', 'This reference was recorded with another amount.', 'Give each payment its own reference.');
      end if;
      return v_payment;
    end if;
  end if;
  if record_payment.amount is null or record_payment.amount <= 0 or not billing.is_money(record_payment.amount)
     or record_payment.amount <> billing.round_money(record_payment.amount, v_invoice.currency) then
    perform core.raise_error('LB402', 'The amount is not one that can be paid in this currency.', 'Give an amount with the currency''s decimal places.');
  end if;
  if record_payment.amount > v_invoice.amount_due then
    perform core.raise_error('LB602', 'This is more than what is due.', 'Record what is due; give what is too much as credit with add_credit.');
  end if;
  insert into app_public.payments (tenant_id, invoice_id, provider, status, currency, amount, reference, attempted_at, succeeded_at)
  values (v_invoice.tenant_id, v_invoice.id, 'manual', 'succeeded', v_invoice.currency,
          billing.round_money(record_payment.amount, v_invoice.currency), record_payment.reference, v_now, v_now)
  returning * into v_payment;
  perform billing.apply_payment(v_invoice, v_payment);
  return v_payment;
end
$$;
comment on function app_public.record_payment is
  E'@resultFieldName payment\n@errors TN205 LB304 LB402 LB520 LB602\nNotes a payment that arrived outside, such as a bank transfer. The same reference again returns the first. Platform staff: who is billed does not say what was paid.';
grant execute on function app_public.record_payment to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the worker looks for invoices of any tenant whose payment is due
create or replace function billing.payments_to_collect(at_most int default 1000) returns table (tenant_id uuid, invoice_id uuid)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select i.tenant_id, i.id from app_public.invoices i
   where i.status in ('finalised', 'uncollectible') and i.next_attempt_at <= core.clock()
   order by i.next_attempt_at limit payments_to_collect.at_most;
$$;
comment on function billing.payments_to_collect is
  'The invoices whose payment is due to be asked for.';
grant execute on function billing.payments_to_collect to rowhouse_worker;

set local role rowhouse_owner;

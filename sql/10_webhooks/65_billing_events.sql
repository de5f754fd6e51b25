-- The events of billing: subscriptions, invoices, payments and refunds. Amounts are decimal numbers as text, so that no
-- receiver rounds them.

do $$
declare
  v_subscription constant jsonb := '{"subscription_id": "uuid: the subscription", "plan_id": "uuid: its plan", "is_add_on": "boolean: whether it is an add-on to the subscription of the tenant", "status": "text: trialing, active, past_due, paused, cancelled or expired", "billing_cycle": "text: monthly or annual", "currency": "text: ISO 4217", "current_period_start": "timestamp", "current_period_end": "timestamp", "cancel_at_period_end": "boolean", "pending_plan_id": "uuid or null: the plan that begins with the next period", "ended_at": "timestamp or null: when it ended"}';
  v_invoice constant jsonb := '{"invoice_id": "uuid: the invoice", "number": "text: its number", "series": "text: invoice or credit_note", "status": "text: finalised, paid, void or uncollectible", "currency": "text: ISO 4217", "total": "text: a decimal number", "amount_due": "text: what is still open, a decimal number", "due_at": "timestamp or null", "subscription_id": "uuid or null"}';
begin
  call webhooks.define_kind('subscription.started', 'A subscription began.', v_subscription);
  call webhooks.define_kind('subscription.changed', 'The plan, the cycle, the state or the planned end of a subscription changed.', v_subscription);
  call webhooks.define_kind('subscription.cancelled', 'A subscription ended, because it was cancelled or has expired.', v_subscription);
  call webhooks.define_kind('invoice.finalized', 'An invoice or a credit note got its number and does not change any more.', v_invoice);
  call webhooks.define_kind('invoice.paid', 'An invoice is settled, by payments or credit.', v_invoice);
  call webhooks.define_kind('invoice.overdue', 'An invoice was not paid by its due date. It is told again at each later try to collect it.', v_invoice);
  call webhooks.define_kind('invoice.voided', 'An invoice was voided.', v_invoice);
end
$$;
call webhooks.define_kind('payment.failed', 'A payment of an invoice failed.',
  '{"payment_id": "uuid: the payment", "invoice_id": "uuid: the invoice", "currency": "text: ISO 4217", "amount": "text: a decimal number", "provider": "text: the payment provider", "failure_code": "text or null: the provider''s code"}');
call webhooks.define_kind('payment.refunded', 'A payment, or a part of it, was paid back.',
  '{"refund_id": "uuid: the refund", "payment_id": "uuid: the payment", "credit_note_id": "uuid or null: the credit note", "currency": "text: ISO 4217", "amount": "text: what was paid back, a decimal number"}');

create or replace function webhooks.tg_subscriptions__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform webhooks.emit(new.tenant_id, tg_argv[0], new.id, jsonb_build_object(
    'subscription_id', new.id, 'plan_id', new.plan_id, 'is_add_on', new.is_add_on, 'status', new.status, 'billing_cycle', new.billing_cycle, 'currency', new.currency,
    'current_period_start', new.current_period_start, 'current_period_end', new.current_period_end,
    'cancel_at_period_end', new.cancel_at_period_end, 'pending_plan_id', new.pending_plan_id, 'ended_at', new.ended_at));
  return null;
end
$$;
comment on function webhooks.tg_subscriptions__emit is 'Emits that a subscription started, changed or ended.';

create or replace function webhooks.emit_invoice(kind text, invoice app_public.invoices) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select webhooks.emit((invoice).tenant_id, emit_invoice.kind, (invoice).id, jsonb_build_object(
    'invoice_id', (invoice).id, 'number', (invoice).number, 'series', (invoice).series, 'status', (invoice).status,
    'currency', (invoice).currency, 'total', (invoice).total::text, 'amount_due', (invoice).amount_due::text,
    'due_at', (invoice).due_at, 'subscription_id', (invoice).subscription_id));
$$;
comment on function webhooks.emit_invoice is 'Emits an event of an invoice, with the invoice as it is now.';

-- One change can be several events: an invoice of nothing is finalised and paid at once.
create or replace function webhooks.tg_invoices__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.status <> 'draft' and old.status = 'draft' then
    perform webhooks.emit_invoice('invoice.finalized', new);
  end if;
  if new.status = 'paid' then
    perform webhooks.emit_invoice('invoice.paid', new);
  elsif new.status = 'void' then
    perform webhooks.emit_invoice('invoice.voided', new);
  end if;
  return null;
end
$$;
comment on function webhooks.tg_invoices__emit is 'Emits that an invoice was finalised, paid or voided.';

create or replace function webhooks.tg_billing_notices__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform webhooks.emit_invoice('invoice.overdue', i)
     from app_public.invoices i where i.tenant_id = new.tenant_id and i.id = new.invoice_id;
  return null;
end
$$;
comment on function webhooks.tg_billing_notices__emit is 'Emits that an invoice is overdue, as often as billing notices it.';

create or replace function webhooks.tg_payments__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform webhooks.emit(new.tenant_id, 'payment.failed', new.id, jsonb_build_object(
    'payment_id', new.id, 'invoice_id', new.invoice_id, 'currency', new.currency, 'amount', new.amount::text,
    'provider', new.provider, 'failure_code', new.failure_code));
  return null;
end
$$;
comment on function webhooks.tg_payments__emit is 'Emits that a payment failed.';

create or replace function webhooks.tg_refunds__emit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform webhooks.emit(new.tenant_id, 'payment.refunded', p.id, jsonb_build_object(
            'refund_id', new.id, 'payment_id', p.id, 'credit_note_id', new.credit_note_id, 'currency', p.currency, 'amount', new.amount::text))
     from app_public.payments p where p.tenant_id = new.tenant_id and p.id = new.payment_id;
  return null;
end
$$;
comment on function webhooks.tg_refunds__emit is 'Emits that a payment was paid back.';

create or replace trigger _600_emit_started after insert on app_public.subscriptions
  for each row execute function webhooks.tg_subscriptions__emit('subscription.started');
create or replace trigger _601_emit_changed after update on app_public.subscriptions
  for each row when (new.ended_at is null and
    (new.plan_id, new.price_id, new.billing_cycle, new.status, new.cancel_at_period_end, new.pending_plan_id, new.pending_billing_cycle)
    is distinct from
    (old.plan_id, old.price_id, old.billing_cycle, old.status, old.cancel_at_period_end, old.pending_plan_id, old.pending_billing_cycle))
  execute function webhooks.tg_subscriptions__emit('subscription.changed');
create or replace trigger _602_emit_cancelled after update on app_public.subscriptions
  for each row when (new.ended_at is not null and old.ended_at is null) execute function webhooks.tg_subscriptions__emit('subscription.cancelled');
create or replace trigger _600_emit after update on app_public.invoices
  for each row when (new.status <> old.status) execute function webhooks.tg_invoices__emit();
create or replace trigger _600_emit_overdue after insert on app_public.billing_notices
  for each row when (new.kind = 'invoice_overdue') execute function webhooks.tg_billing_notices__emit();
create or replace trigger _600_emit_failed after update on app_public.payments
  for each row when (new.status = 'failed' and old.status <> 'failed') execute function webhooks.tg_payments__emit();
create or replace trigger _600_emit_refunded after update on app_public.refunds
  for each row when (new.status = 'succeeded' and old.status <> 'succeeded') execute function webhooks.tg_refunds__emit();

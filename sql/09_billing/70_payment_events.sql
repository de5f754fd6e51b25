-- Events of the payment provider. Each event is stored once under its id, in the transaction that applies it. A repeated event
-- therefore finds its row, and an event whose transaction failed leaves nothing and is sent again. An event never moves a
-- payment or refund backwards.

call core.secure_global_table('billing.payment_events', 'only the content of a provider event says which tenant it is about');
comment on table billing.payment_events is 'The events that payment providers sent, each once, with its outcome.';
comment on column billing.payment_events.payload is E'@personal keep The law wants the books kept for ten years.\nThe event as the provider sent it.';

create or replace function billing.receive_payment_event(
  provider app_public.payment_provider, event_id text, type text, occurred_at timestamptz, payload jsonb
) returns billing.event_outcome
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_outcome billing.event_outcome;
begin
  insert into billing.payment_events (provider, event_id, type, payload, outcome, occurred_at)
  values (receive_payment_event.provider, receive_payment_event.event_id, receive_payment_event.type,
          receive_payment_event.payload, 'ignored', receive_payment_event.occurred_at)
  on conflict (provider, event_id) do nothing;
  if not found then
    return 'repeated';
  end if;
  v_outcome := billing.apply_payment_event(receive_payment_event.provider, receive_payment_event.type, receive_payment_event.payload);
  update billing.payment_events e set outcome = v_outcome
   where e.provider = receive_payment_event.provider and e.event_id = receive_payment_event.event_id;
  return v_outcome;
end
$$;
comment on function billing.receive_payment_event is
  'Stores an event whose signature the server has checked, applies it, and returns its outcome. payload is the object of the event. Only the login of the server may call it.';
grant execute on function billing.receive_payment_event to rowhouse_authenticator;

create or replace function billing.apply_payment_event(provider app_public.payment_provider, type text, payload jsonb)
returns billing.event_outcome
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  return case
    when apply_payment_event.type like 'payment\_intent.%'
      then billing.apply_payment_intent(apply_payment_event.type, apply_payment_event.payload)
    when apply_payment_event.type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated')
      then billing.apply_refund(apply_payment_event.provider, apply_payment_event.payload)
    when apply_payment_event.type = 'payment_method.detached'
      then billing.apply_detachment(apply_payment_event.provider, apply_payment_event.payload)
    when apply_payment_event.type in ('charge.dispute.funds_withdrawn', 'charge.dispute.funds_reinstated')
      then billing.apply_dispute(apply_payment_event.provider, apply_payment_event.type, apply_payment_event.payload)
    else 'ignored' end;
exception
  -- The event is signed, so it came from the provider, and it would come again and again. It is kept for staff to look at.
  when data_exception or integrity_constraint_violation or raise_exception then
    return 'unknown';
end
$$;
comment on function billing.apply_payment_event is
  'Applies an event of a payment provider. An event that cannot be read is unknown.';

create or replace function billing.apply_dispute(provider app_public.payment_provider, type text, dispute jsonb) returns billing.event_outcome
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id constant uuid := billing.tenant_of_provider_object(apply_dispute.provider, dispute ->> 'payment_intent');
  v_payment app_public.payments;
  v_invoice app_public.invoices;
begin
  if v_tenant_id is null then
    return 'unknown';
  end if;
  call core.enter_tenant(v_tenant_id);
  perform billing.lock_billing(v_tenant_id);
  select * into v_payment from app_public.payments p
   where p.tenant_id = v_tenant_id and p.provider = apply_dispute.provider and p.provider_payment_id = dispute ->> 'payment_intent' for update;
  -- A dispute about a part is for staff to decide, and so is one about money that was paid back: it would be lost twice.
  if (dispute ->> 'amount')::numeric is distinct from billing.minor_amount(v_payment.amount, v_payment.currency)
     or exists (select from app_public.refunds r
                 where r.tenant_id = v_tenant_id and r.payment_id = v_payment.id and r.status <> 'failed') then
    return 'unknown';
  end if;
  if type = 'charge.dispute.funds_withdrawn' and v_payment.status = 'succeeded' then
    perform billing.reverse_payment(v_payment, 'disputed: ' || coalesce(dispute ->> 'reason', 'no reason given'));
  elsif type = 'charge.dispute.funds_reinstated' and v_payment.status = 'reversed' then
    select * into v_invoice from app_public.invoices i where i.tenant_id = v_tenant_id and i.id = v_payment.invoice_id for update;
    update app_public.payments p set status = 'succeeded', reversed_at = null, failure_message = null
     where p.tenant_id = v_tenant_id and p.id = v_payment.id returning * into v_payment;
    perform billing.apply_payment(v_invoice, v_payment);
  end if;
  return 'applied';
end
$$;
comment on function billing.apply_dispute is
  'Applies an event about the money of a dispute: a payment whose money was withdrawn is reversed, and one whose money came back succeeds again. A dispute about a part of a payment, or about one that was refunded, is unknown, so that staff look at it.';

create or replace function billing.uuid_or_null(value text) returns uuid
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case when value ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then value::uuid end;
$$;
comment on function billing.uuid_or_null is
  'The value as uuid if it is written in the usual lower-case form, or null otherwise.';

create or replace function billing.apply_payment_intent(type text, intent jsonb) returns billing.event_outcome
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := billing.uuid_or_null(intent #>> '{metadata,tenant_id}');
  v_payment app_public.payments;
  v_outcome billing.payment_outcome := case type
    when 'payment_intent.succeeded' then 'succeeded' when 'payment_intent.payment_failed' then 'failed'
    when 'payment_intent.canceled' then 'failed' when 'payment_intent.processing' then 'processing' end;
begin
  if v_outcome is null then
    return 'ignored';
  end if;
  if v_tenant_id is null then
    return 'unknown';
  end if;
  call core.enter_tenant(v_tenant_id);
  select * into v_payment from app_public.payments p
   where p.tenant_id = v_tenant_id and p.id = billing.uuid_or_null(intent #>> '{metadata,payment_id}');
  -- the key of the provider is not known here yet when the answer to the charge was lost
  if not found or intent ->> 'id' is null
     or coalesce(v_payment.provider_payment_id, intent ->> 'id') <> intent ->> 'id'
     or v_payment.currency is distinct from upper(intent ->> 'currency')
     or v_outcome = 'succeeded'
        and (intent ->> 'amount_received')::numeric is distinct from billing.minor_amount(v_payment.amount, v_payment.currency) then
    return 'unknown';
  end if;
  perform billing.finish_payment(v_tenant_id, v_payment.id, v_outcome, intent ->> 'id',
    coalesce(intent #>> '{last_payment_error,decline_code}', intent #>> '{last_payment_error,code}', intent ->> 'cancellation_reason'),
    intent #>> '{last_payment_error,message}');
  return 'applied';
end
$$;
comment on function billing.apply_payment_intent is
  'Applies an event about a charge. The payment is found by the metadata of the charge. An event with another amount, currency or charge than the payment is unknown.';

create or replace function billing.apply_refund(provider app_public.payment_provider, refund jsonb) returns billing.event_outcome
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := coalesce(billing.uuid_or_null(refund #>> '{metadata,tenant_id}'),
    billing.tenant_of_provider_object(apply_refund.provider, refund ->> 'payment_intent'));
  v_outcome billing.payment_outcome := case refund ->> 'status'
    when 'succeeded' then 'succeeded' when 'failed' then 'failed' when 'canceled' then 'failed' else 'processing' end;
  v_payment app_public.payments;
  v_refund app_public.refunds;
  v_amount numeric;
begin
  if v_tenant_id is null then
    return 'unknown';
  end if;
  call core.enter_tenant(v_tenant_id);
  perform billing.lock_billing(v_tenant_id);
  select * into v_refund from app_public.refunds r
   where r.tenant_id = v_tenant_id
     and (r.provider_refund_id = refund ->> 'id' or r.id = billing.uuid_or_null(refund #>> '{metadata,refund_id}'));
  if not found then
    -- the refund was made in the pages of the provider
    select * into v_payment from app_public.payments p
     where p.tenant_id = v_tenant_id and p.provider = apply_refund.provider and p.provider_payment_id = refund ->> 'payment_intent'
       and p.status = 'succeeded';
    v_amount := (refund ->> 'amount')::numeric / 10 ^ billing.minor_units(v_payment.currency);
    if v_payment.id is null or v_outcome = 'failed' or v_amount is null or v_amount <= 0
       or v_amount > billing.refundable_credit(v_payment) + billing.refundable_price(v_payment) then
      return 'unknown';
    end if;
    v_refund := billing.write_down_refund(v_payment, v_amount, 'Refunded at the payment provider', refund ->> 'id');
  end if;
  perform billing.finish_refund(v_tenant_id, v_refund.id, v_outcome, refund ->> 'id', refund ->> 'failure_reason');
  return 'applied';
end
$$;
comment on function billing.apply_refund is
  'Applies an event about a refund that was made here or in the pages of the provider. A refund of more than what is left of the invoice is unknown, so that staff look at it.';

create or replace function billing.apply_detachment(provider app_public.payment_provider, method jsonb) returns billing.event_outcome
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := billing.tenant_of_provider_object(apply_detachment.provider, method ->> 'id');
  v_method app_public.payment_methods;
begin
  if v_tenant_id is null then
    return 'unknown';
  end if;
  call core.enter_tenant(v_tenant_id);
  perform billing.lock_billing(v_tenant_id);
  select * into v_method from app_public.payment_methods m
   where m.tenant_id = v_tenant_id and m.provider = apply_detachment.provider and m.provider_method_id = method ->> 'id';
  if v_method.is_default then
    perform billing.set_default_method(v_tenant_id, null);
  end if;
  update app_public.payment_methods m set status = 'detached', is_default = false
   where m.tenant_id = v_tenant_id and m.id = v_method.id;
  return 'applied';
end
$$;
comment on function billing.apply_detachment is
  'Applies the event that a payment method was removed at the provider, so it is not charged any more.';

set local role rowhouse_platform;  -- outside the wall: an event of the payment provider names a charge or a card, but not its tenant
create or replace function billing.tenant_of_provider_object(provider app_public.payment_provider, object_id text) returns uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select p.tenant_id from app_public.payments p
   where p.provider = tenant_of_provider_object.provider and p.provider_payment_id = tenant_of_provider_object.object_id
  union all
  select m.tenant_id from app_public.payment_methods m
   where m.provider = tenant_of_provider_object.provider and m.provider_method_id = tenant_of_provider_object.object_id
  limit 1;
$$;
comment on function billing.tenant_of_provider_object is
  'The tenant of a payment or payment method of a provider, for events that do not name the tenant.';
grant execute on function billing.tenant_of_provider_object to rowhouse_owner;

set local role rowhouse_owner;

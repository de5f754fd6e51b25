-- News from the payment provider. Each event is kept once under its id, in the transaction that applies it: a repeated one
-- finds its row, one that failed half-way is gone and comes again. What an event says is only ever a step forward.

call core.secure_global_table('billing.payment_events', 'news of the payment provider says only inside whose it is');
comment on table billing.payment_events is 'What payment providers told us, once an event, with what became of it: applied, ignored or unknown.';

create or replace function billing.receive_payment_event(
  provider text, event_id text, type text, occurred_at timestamptz, payload jsonb) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_outcome text;
begin
  insert into billing.payment_events (provider, event_id, type, payload, outcome, occurred_at)
  values (receive_payment_event.provider, receive_payment_event.event_id, receive_payment_event.type,
          receive_payment_event.payload, 'ignored', receive_payment_event.occurred_at)
  on conflict (provider, event_id) do nothing;
  if not found then
    return 'repeated';
  end if;
  v_outcome := case
    when receive_payment_event.type like 'payment\_intent.%'
      then billing.apply_payment_intent(receive_payment_event.type, receive_payment_event.payload)
    when receive_payment_event.type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated')
      then billing.apply_refund(receive_payment_event.provider, receive_payment_event.payload)
    when receive_payment_event.type = 'payment_method.detached'
      then billing.apply_detachment(receive_payment_event.provider, receive_payment_event.payload)
    else 'ignored' end;
  update billing.payment_events e set outcome = v_outcome
   where e.provider = receive_payment_event.provider and e.event_id = receive_payment_event.event_id;
  return v_outcome;
end
$$;
comment on function billing.receive_payment_event is
  'Keeps an event whose signature the server has checked, and applies it: applied, ignored (nothing to do with us), unknown (about something we do not have) or repeated. payload is the event''s object. For the server''s login.';
grant execute on function billing.receive_payment_event to rowhouse_authenticator;

create or replace function billing.uuid_or_null(value text) returns uuid
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select case when value ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then value::uuid end;
$$;
comment on function billing.uuid_or_null is
  'A uuid as we write one, null for anything else.';

create or replace function billing.apply_payment_intent(type text, intent jsonb) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := billing.uuid_or_null(intent #>> '{metadata,tenant_id}');
  v_payment app_public.payments;
  v_outcome text := case type
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
  if not found or v_payment.provider_payment_id <> intent ->> 'id' or v_payment.currency <> upper(intent ->> 'currency')
     or v_outcome = 'succeeded'
        and (intent ->> 'amount_received')::numeric is distinct from v_payment.amount * 10 ^ billing.minor_units(v_payment.currency) then
    return 'unknown';
  end if;
  perform billing.finish_payment(v_tenant_id, v_payment.id, v_outcome, intent ->> 'id',
    coalesce(intent #>> '{last_payment_error,decline_code}', intent #>> '{last_payment_error,code}', intent ->> 'cancellation_reason'),
    intent #>> '{last_payment_error,message}');
  return 'applied';
end
$$;
comment on function billing.apply_payment_intent is
  'A charge went on. It is found by the metadata we gave it; another amount, currency or charge than ours is unknown.';

create or replace function billing.apply_refund(provider text, refund jsonb) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid := coalesce(billing.uuid_or_null(refund #>> '{metadata,tenant_id}'),
    billing.tenant_of_provider_object(apply_refund.provider, refund ->> 'payment_intent'));
  v_outcome text := case refund ->> 'status'
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
    -- made in the provider's own pages
    select * into v_payment from app_public.payments p
     where p.tenant_id = v_tenant_id and p.provider = apply_refund.provider and p.provider_payment_id = refund ->> 'payment_intent'
       and p.status = 'succeeded';
    v_amount := (refund ->> 'amount')::numeric / 10 ^ billing.minor_units(v_payment.currency);
    if v_payment.id is null or v_outcome = 'failed' or v_amount is null or v_amount <= 0
       or v_amount > billing.creditable(v_tenant_id, v_payment.invoice_id) then
      return 'unknown';
    end if;
    insert into app_public.refunds (tenant_id, payment_id, amount, reason, provider_refund_id)
    values (v_tenant_id, v_payment.id, v_amount, 'Refunded at the payment provider', refund ->> 'id') returning * into v_refund;
  end if;
  perform billing.finish_refund(v_tenant_id, v_refund.id, v_outcome, refund ->> 'id', refund ->> 'failure_reason');
  return 'applied';
end
$$;
comment on function billing.apply_refund is
  'A refund went on, ours or one made in the provider''s own pages. One of more than is left of the invoice is unknown: staff look at it.';

create or replace function billing.apply_detachment(provider text, method jsonb) returns text
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
    perform billing.make_default(v_tenant_id, null);
  end if;
  update app_public.payment_methods m set status = 'detached', is_default = false
   where m.tenant_id = v_tenant_id and m.id = v_method.id;
  return 'applied';
end
$$;
comment on function billing.apply_detachment is
  'A payment method was taken off at the provider: it is not charged any more.';

set local role rowhouse_platform;  -- outside the wall: an event of the payment provider names a charge or card, and not whose it is
create or replace function billing.tenant_of_provider_object(provider text, object_id text) returns uuid
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
  'Whose a provider''s payment or payment method is; for events that name nothing else.';
grant execute on function billing.tenant_of_provider_object to rowhouse_owner;

set local role rowhouse_owner;

-- Wallets. A customer orders money in advance: an invoice of its own, without tax, which is paid like every other. What was paid
-- of it is a top-up, a part of the wallet with a time of its own. Open invoices are paid with credit first, and then with the
-- wallet: what expires soonest first. What is not used in time becomes revenue; a gift of staff that expires was none.
--
-- An order is no debt: what is not paid of it by its time is given up, by voiding it or by a credit note. Only what was spent
-- already, before the bank took the payment back, stays due.

call core.secure_tenant_table('app_public.wallet_top_ups');
call audit.track('app_public.wallet_top_ups');
call core.exempt_from_guard('app_public.wallet_top_ups', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.wallet_top_ups', read => 'can_manage_billing');
grant select on app_public.wallet_top_ups to rowhouse_user, rowhouse_platform;
comment on table app_public.wallet_top_ups is
  E'@behavior -insert -update -delete -query:resource:single\nThe parts of the wallet: money that was paid in advance or given, each with the time until which it can be used. Reading them requires can_manage_billing.';
comment on column app_public.wallet_top_ups.currency is 'The currency as an ISO 4217 code. It pays only invoices in this currency.';
comment on column app_public.wallet_top_ups.amount is 'The amount that was put into the wallet.';
comment on column app_public.wallet_top_ups.amount_left is E'@kept\nWhat is left of it.';
comment on column app_public.wallet_top_ups.payment_id is 'The payment that it came from; null for a gift of staff.';
comment on column app_public.wallet_top_ups.memo is 'The reason that staff gave for a gift, at most 1,000 characters.';
comment on column app_public.wallet_top_ups.expires_at is 'Until when it can be used. What is left then is gone.';
comment on column app_public.wallet_top_ups.created_at is 'When it was put into the wallet.';
comment on column app_public.wallet_top_ups.updated_at is 'When the row was last changed.';
comment on constraint memo_is_short on app_public.wallet_top_ups is 'must have at most 1,000 characters';
comment on constraint expires_at_is_finite on app_public.wallet_top_ups is 'must be a time';
comment on constraint wallet_top_ups_tenant_id_payment_id_fkey on app_public.wallet_top_ups is E'@fieldName payment\n@foreignFieldName walletTopUps';

call core.secure_tenant_table('app_public.wallet_entries');
call audit.track('app_public.wallet_entries');
call core.exempt_from_guard('app_public.wallet_entries', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.wallet_entries', read => 'can_manage_billing');
grant select on app_public.wallet_entries to rowhouse_user;
comment on table app_public.wallet_entries is
  E'@behavior -insert -update -delete -query:resource:single\nEvery change of the wallet: a positive amount adds money to a top-up, and a negative one takes it. Reading them requires can_manage_billing.';
comment on column app_public.wallet_entries.top_up_id is 'The part of the wallet that changed.';
comment on column app_public.wallet_entries.currency is 'The currency as an ISO 4217 code.';
comment on column app_public.wallet_entries.amount is 'The amount in the currency.';
comment on column app_public.wallet_entries.reason is 'Why it changed.';
comment on column app_public.wallet_entries.invoice_id is 'The invoice that it paid, or that was voided afterwards; null for other changes.';
comment on column app_public.wallet_entries.occurred_at is 'When the entry was made.';
comment on column app_public.wallet_entries.created_at is 'When the row was created.';
comment on constraint wallet_entries_tenant_id_top_up_id_fkey on app_public.wallet_entries is E'@fieldName topUp\n@foreignFieldName entries';
comment on constraint wallet_entries_tenant_id_invoice_id_fkey on app_public.wallet_entries is E'@fieldName invoice\n@foreignFieldName walletEntries';

create or replace function billing.top_up_validity() returns interval
language sql immutable
set search_path to pg_catalog, pg_temp
as $$ select interval '1 year' $$;
comment on function billing.top_up_validity is
  'How long prepaid money can be used, unless staff give another time to a gift.';

create or replace function app_public.billing_profiles_wallet_balance(profile app_public.billing_profiles) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((select sum(t.amount_left) from app_public.wallet_top_ups t
                    where t.tenant_id = p.tenant_id and t.currency = p.currency and t.amount_left > 0 and t.expires_at > core.clock()), 0)
    from app_public.billing_profiles p
   where p.tenant_id = (profile).tenant_id and tenancy.has_permission('can_manage_billing');
$$;
comment on function app_public.billing_profiles_wallet_balance is
  E'@notNull\nThe prepaid money in the currency of the profile that can be used now. The next invoices use it after the credit.';
grant execute on function app_public.billing_profiles_wallet_balance to rowhouse_user;

create or replace function billing.change_top_up(
  top_up app_public.wallet_top_ups, amount numeric, reason app_public.wallet_reason, invoice_id uuid default null
) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  insert into app_public.wallet_entries (tenant_id, top_up_id, currency, amount, reason, invoice_id, occurred_at)
  values ((top_up).tenant_id, (top_up).id, (top_up).currency, change_top_up.amount, change_top_up.reason, change_top_up.invoice_id, core.clock());
$$;
comment on function billing.change_top_up is
  'Adds money to a top-up (a positive amount) or takes it (a negative amount). A trigger keeps what is left of it, and refuses to go below 0.';

create or replace function billing.change_top_up_of_payment(tenant_id uuid, payment_id uuid, amount numeric, reason app_public.wallet_reason)
returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.change_top_up(t, change_top_up_of_payment.amount, change_top_up_of_payment.reason)
     from app_public.wallet_top_ups t
    where t.tenant_id = change_top_up_of_payment.tenant_id and t.payment_id = change_top_up_of_payment.payment_id
      and change_top_up_of_payment.amount <> 0;
end
$$;
comment on function billing.change_top_up_of_payment is
  'Changes the top-up that came from a payment, if there is one.';

create or replace function billing.money_from_order(invoice app_public.invoices) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(sum(e.amount), 0)
    from app_public.payments p
    join app_public.wallet_top_ups t on t.tenant_id = p.tenant_id and t.payment_id = p.id
    join app_public.wallet_entries e on e.tenant_id = t.tenant_id and e.top_up_id = t.id and e.reason in ('paid', 'reversed')
   where p.tenant_id = (invoice).tenant_id and p.invoice_id = (invoice).id;
$$;
comment on function billing.money_from_order is
  'What the wallet got from an order, without what the bank took back.';

create or replace function billing.put_into_wallet(invoice app_public.invoices, payment app_public.payments) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- what was spent before the bank took it back is paid for at last, and is not given again
  v_amount constant numeric := (invoice).amount_paid - billing.money_from_order(invoice);
  v_top_up app_public.wallet_top_ups;
begin
  if (invoice).reason <> 'top_up' or v_amount <= 0 then
    return;
  end if;
  insert into app_public.wallet_top_ups (tenant_id, currency, amount, payment_id, expires_at)
  values ((invoice).tenant_id, (invoice).currency, v_amount, (payment).id, core.clock() + billing.top_up_validity())
  returning * into v_top_up;
  perform billing.change_top_up(v_top_up, v_amount, 'paid');
end
$$;
comment on function billing.put_into_wallet is
  'Puts into the wallet what a payment has paid of an order. Other invoices change nothing.';

create or replace function billing.take_from_wallet(payment app_public.payments) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
begin
  perform billing.change_top_up(t, -t.amount_left, 'reversed')
     from app_public.wallet_top_ups t
    where t.tenant_id = (payment).tenant_id and t.payment_id = (payment).id and t.amount_left > 0;
  select * into v_invoice from app_public.invoices i
   where i.tenant_id = (payment).tenant_id and i.id = (payment).invoice_id for update;
  perform billing.cancel_rest_of_order(v_invoice);
end
$$;
comment on function billing.take_from_wallet is
  'Takes what is left of a top-up out of the wallet after the bank took its payment back. Only what was spent stays due.';

create or replace function billing.cancel_rest_of_order(invoice app_public.invoices) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices := cancel_rest_of_order.invoice;
  v_rest numeric;
begin
  if v_invoice.reason <> 'top_up' or v_invoice.amount_due <= 0 then
    return v_invoice;
  end if;
  v_rest := least(v_invoice.amount_due - greatest(billing.money_from_order(v_invoice) - v_invoice.amount_paid, 0),
    billing.creditable_amount(v_invoice.tenant_id, v_invoice.id));
  if v_rest = v_invoice.total then
    update app_public.invoices i
       set status = 'void', voided_at = core.clock(), next_attempt_at = null, void_reason = 'The order was not paid.'
     where i.tenant_id = v_invoice.tenant_id and i.id = v_invoice.id returning * into v_invoice;
  elsif v_rest > 0 then
    perform billing.write_credit_note(v_invoice, v_rest, 'The rest of the order was not paid.');
    v_invoice := billing.settle_invoice(v_invoice.tenant_id, v_invoice.id, 0, v_rest);
  end if;
  return v_invoice;
end
$$;
comment on function billing.cancel_rest_of_order is
  'Gives up what is due on an order of prepaid money, except for what was spent already. Other invoices stay as they are.';

create or replace function billing.spend_wallet(tenant_id uuid, currency text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_top_up app_public.wallet_top_ups;
  v_invoice app_public.invoices;
  v_left numeric;
  v_used numeric;
begin
  for v_top_up in
    select * from app_public.wallet_top_ups t
     where t.tenant_id = spend_wallet.tenant_id and t.currency = spend_wallet.currency and t.amount_left > 0
       and t.expires_at > core.clock()
     order by t.expires_at, t.created_at, t.id
       for update
  loop
    v_left := v_top_up.amount_left;
    for v_invoice in
      select * from billing.lock_open_invoices(spend_wallet.tenant_id, spend_wallet.currency)
    loop
      exit when v_left <= 0;
      v_used := least(v_left, v_invoice.amount_due);
      perform billing.change_top_up(v_top_up, -v_used, 'used', v_invoice.id);
      perform billing.settle_invoice(v_invoice.tenant_id, v_invoice.id, 0, v_used);
      v_left := v_left - v_used;
    end loop;
    -- nothing is due any more
    exit when v_left > 0;
  end loop;
end
$$;
comment on function billing.spend_wallet is
  'Pays open invoices of a tenant in a currency with its prepaid money: the longest due first, with what expires soonest first. An invoice whose charge is under way is left out.';

create or replace function billing.return_to_wallet(invoice app_public.invoices) returns numeric
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_top_up app_public.wallet_top_ups;
  v_used numeric;
  v_total numeric := 0;
begin
  for v_top_up in
    select * from app_public.wallet_top_ups t
     where t.tenant_id = (invoice).tenant_id
       and t.id in (select e.top_up_id from app_public.wallet_entries e
                     where e.tenant_id = (invoice).tenant_id and e.invoice_id = (invoice).id)
     order by t.expires_at, t.created_at, t.id
       for update
  loop
    select -sum(e.amount) into v_used from app_public.wallet_entries e
     where e.tenant_id = v_top_up.tenant_id and e.top_up_id = v_top_up.id and e.invoice_id = (invoice).id;
    perform billing.change_top_up(v_top_up, v_used, 'released', (invoice).id);
    v_total := v_total + v_used;
  end loop;
  return v_total;
end
$$;
comment on function billing.return_to_wallet is
  'Returns the prepaid money that an invoice used to the top-ups that it came from, and how much it is.';

create or replace function billing.expire_wallet(tenant_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.change_top_up(t, -t.amount_left, 'expired')
     from app_public.wallet_top_ups t
    where t.tenant_id = expire_wallet.tenant_id and t.amount_left > 0 and t.expires_at <= core.clock();
end
$$;
comment on function billing.expire_wallet is
  'Takes what was not used in time out of the wallet of a tenant.';

create or replace function app_public.top_up_wallet(amount numeric) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_invoice app_public.invoices;
  v_line app_public.invoice_lines;
begin
  v_line.kind := 'top_up';
  v_line.description := 'Prepaid money';
  v_line.amount := billing.positive_payable_amount(top_up_wallet.amount, v_profile.currency);
  v_line.is_manual := true;
  perform billing.require_own_plan(v_profile.tenant_id);
  perform billing.require_way_to_pay(v_profile.tenant_id);
  if exists (select from app_public.invoices i
              where i.tenant_id = v_profile.tenant_id and i.reason = 'top_up' and i.amount_due > 0) then
    perform core.raise_error('LB560', 'There is an order of prepaid money that is not paid yet.',
      'Pay it with pay_invoice, or cancel it with cancel_top_up.');
  end if;
  v_invoice := billing.draft_invoice(v_profile.tenant_id, 'top_up', null, null, null);
  perform billing.insert_lines(v_invoice, array[v_line]);
  v_invoice := billing.finalise_invoice(v_invoice.tenant_id, v_invoice.id);
  if v_invoice.collection_method = 'automatic' then
    perform core.enqueue_job('billing__collect_payments', json_build_object('tenantId', v_invoice.tenant_id, 'invoiceId', v_invoice.id));
  end if;
  return v_invoice;
end
$$;
comment on function app_public.top_up_wallet is
  E'@resultFieldName invoice\n@errors ID203 LB402 LB508 LB525 LB560\nOrders prepaid money: an invoice without tax, which is charged to the default payment method at once or paid by invoice. What is paid of it is in the wallet for a year, and pays the next invoices in its currency after the credit. An order that is not paid in time is void. Requires can_manage_billing.';
grant execute on function app_public.top_up_wallet to rowhouse_user;

create or replace function app_public.cancel_top_up(invoice_id uuid) returns app_public.invoices
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
  v_invoice app_public.invoices := billing.lock_invoice(cancel_top_up.invoice_id);
  v_due constant numeric := v_invoice.amount_due;
begin
  if (billing.pending_payment(v_invoice)).id is null then
    v_invoice := billing.cancel_rest_of_order(v_invoice);
  end if;
  if v_invoice.reason <> 'top_up' or v_invoice.amount_due = v_due then
    perform core.raise_error('LB561', 'This is no order of prepaid money that can be cancelled.',
      'Choose an order that is not paid, whose charge is not under way, and whose money was not spent.');
  end if;
  return v_invoice;
end
$$;
comment on function app_public.cancel_top_up is
  E'@resultFieldName invoice\n@errors ID203 LB304 LB561\nCancels what is not paid yet of an order of prepaid money, while no charge is under way. Requires can_manage_billing.';
grant execute on function app_public.cancel_top_up to rowhouse_user;

create or replace function app_public.give_wallet_money(amount numeric, memo text, expires_at timestamptz default null)
returns app_public.wallet_top_ups
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
  v_amount numeric;
  v_top_up app_public.wallet_top_ups;
begin
  perform tenancy.require_staff();
  v_profile := billing.lock_billing(core.current_tenant_id());
  v_amount := billing.positive_payable_amount(give_wallet_money.amount, v_profile.currency);
  insert into app_public.wallet_top_ups (tenant_id, currency, amount, memo, expires_at)
  values (v_profile.tenant_id, v_profile.currency, v_amount, give_wallet_money.memo,
          coalesce(give_wallet_money.expires_at, core.clock() + billing.top_up_validity()))
  returning * into v_top_up;
  perform billing.change_top_up(v_top_up, v_amount, 'gift');
  perform billing.apply_credit(v_profile.tenant_id, v_profile.currency);
  select * into v_top_up from app_public.wallet_top_ups t where t.tenant_id = v_top_up.tenant_id and t.id = v_top_up.id;
  return v_top_up;
end
$$;
comment on function app_public.give_wallet_money is
  E'@resultFieldName walletTopUp\n@errors LB402 TN205 23514\nPuts money into the wallet of this tenant that it has not paid for, until a time, or for a year. It pays open invoices at once. Unlike credit it expires and is never paid out. Only platform staff may call it.';
grant execute on function app_public.give_wallet_money to rowhouse_user;

create or replace function app_public.take_back_wallet_money(top_up_id uuid) returns app_public.wallet_top_ups
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_top_up app_public.wallet_top_ups;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  select * into v_top_up from app_public.wallet_top_ups t
   where t.tenant_id = core.current_tenant_id() and t.id = take_back_wallet_money.top_up_id for update;
  if not found then
    perform core.raise_error('LB360', 'There is no such top-up.', 'Choose one of the top-ups of the tenant.');
  end if;
  if v_top_up.payment_id is not null then
    perform core.raise_error('LB562', 'This top-up was paid for.', 'Pay what is left of it back with refund_payment.');
  end if;
  if v_top_up.amount_left > 0 then
    perform billing.change_top_up(v_top_up, -v_top_up.amount_left, 'taken_back');
    v_top_up.amount_left := 0;
  end if;
  return v_top_up;
end
$$;
comment on function app_public.take_back_wallet_money is
  E'@resultFieldName walletTopUp\n@errors LB360 LB562 TN205\nTakes back what is left of a gift in the wallet. Calling it again changes nothing. Only platform staff may call it.';
grant execute on function app_public.take_back_wallet_money to rowhouse_user;

-- The ledger: double entry, a posting for each event of money. Triggers on the documents write it, so nothing that a function, a
-- person in psql or a later version does to them goes unposted. Debits are positive and credits negative; each posting sums to 0.
--
--   event                          debit                     credit
--   a document is finalised        receivable total          revenue subtotal, tax tax     (a credit note: the reverse)
--   an invoice is voided           revenue, tax              receivable
--   an invoice is written off      bad_debt                  receivable
--   a payment succeeds             cash                      receivable                    (a payment is reversed: the reverse)
--   a refund succeeds              receivable                cash                          (a refund fails later: the reverse)
--   credit is added                receivable                credit
--   credit is used                 credit                    receivable
--   goodwill is given              goodwill                  credit
--   credit is paid out             credit                    cash
--   money enters the wallet        top_up                    wallet                        (refunded or reversed: the reverse)
--   a gift enters the wallet       goodwill                  wallet                        (taken back or expired: the reverse)
--   the wallet pays an invoice     wallet                    receivable                    (the invoice is voided: the reverse)
--   money of the wallet expires    wallet                    revenue
--
-- The document of an order of money for the wallet is posted to top_up where others are posted to revenue: it is no revenue
-- before it is used.
--
-- So at any time, for each currency: receivable = what is due; -credit = the credit balance; -wallet = the prepaid balance;
-- cash = payments - refunds - payouts.

call core.secure_tenant_table('billing.ledger_entries');
call audit.track('billing.ledger_entries');
call core.exempt_from_guard('billing.ledger_entries', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
grant select on billing.ledger_entries to rowhouse_platform;
comment on table billing.ledger_entries is 'The postings of a tenant. Rows are only ever added.';

create or replace function billing.post(
  tenant_id uuid, event billing.ledger_event, currency text, document_id uuid, accounts text[], amounts numeric[]
) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context constant text := coalesce(current_setting('rowhouse.tenant_id', true), '');
begin
  -- a superuser may write without a tenant in the context; the context is restored afterwards
  call core.enter_tenant(post.tenant_id);
  insert into billing.ledger_entries (tenant_id, posting_id, event, account, currency, amount, document_id, occurred_at)
  select post.tenant_id, p.id, post.event, e.account, post.currency, e.amount, post.document_id, core.clock()
    from (select gen_random_uuid() as id) p, unnest(post.accounts, post.amounts) as e (account, amount)
   where e.amount <> 0;
  perform set_config('rowhouse.tenant_id', v_context, true);
end
$$;
comment on function billing.post is
  'Adds a posting to the ledger: an entry for each account with its amount, debits positive. The amounts sum to 0.';

create or replace function billing.tg_ledger_entries__balance() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if exists (select from new_entries group by posting_id, currency having sum(amount) <> 0) then
    perform core.raise_error('LB903', 'The posting does not sum to 0.', 'Add postings with billing.post.');
  end if;
  return null;
end
$$;
comment on function billing.tg_ledger_entries__balance is E'@errors LB903\nRefuses a posting whose entries do not sum to 0.';

create or replace function billing.account_of_sale(document app_public.invoices) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select case when (document).reason = 'top_up'
                or exists (select from app_public.invoices i
                            where i.tenant_id = (document).tenant_id and i.id = (document).credited_invoice_id and i.reason = 'top_up')
    then 'top_up' else 'revenue' end;
$$;
comment on function billing.account_of_sale is
  'The account of what a document sells: top_up for an order of money in the wallet and its credit notes, and revenue for all others.';

create or replace function billing.tg_invoices__post() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_sold constant text := billing.account_of_sale(new);
begin
  if old.status = 'draft' and new.status <> 'draft' then
    perform billing.post(new.tenant_id, new.series::text::billing.ledger_event, new.currency, new.id,
      array['receivable', v_sold, 'tax'], array[new.total, -new.subtotal, -new.tax]);
  end if;
  if new.status = 'void' and old.status <> 'void' then
    perform billing.post(new.tenant_id, 'void', new.currency, new.id,
      array['receivable', v_sold, 'tax'], array[-new.total, new.subtotal, new.tax]);
  end if;
  if new.amount_written_off <> old.amount_written_off then
    perform billing.post(new.tenant_id, 'write_off', new.currency, new.id, array['bad_debt', 'receivable'],
      array[new.amount_written_off - old.amount_written_off, old.amount_written_off - new.amount_written_off]);
  end if;
  return null;
end
$$;
comment on function billing.tg_invoices__post is 'Posts the finalisation, the voiding and the write-off of a document.';

create or replace function billing.tg_payments__post() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_is_in constant boolean := new.status = 'succeeded';
  v_was_in constant boolean := tg_op = 'UPDATE' and old.status = 'succeeded';
begin
  if v_is_in <> v_was_in then
    perform billing.post(new.tenant_id, case when v_is_in then 'payment' else 'reversal' end::billing.ledger_event, new.currency, new.id,
      array['cash', 'receivable'], case when v_is_in then array[new.amount, -new.amount] else array[-new.amount, new.amount] end);
  end if;
  return null;
end
$$;
comment on function billing.tg_payments__post is 'Posts a payment that succeeded, and one that was reversed.';

create or replace function billing.tg_refunds__post() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_currency text;
begin
  if (new.status = 'succeeded') <> (old.status = 'succeeded') then
    select p.currency into v_currency from app_public.payments p where p.tenant_id = new.tenant_id and p.id = new.payment_id;
    perform billing.post(new.tenant_id, 'refund', v_currency, new.id, array['receivable', 'cash'],
      case when new.status = 'succeeded' then array[new.amount, -new.amount] else array[-new.amount, new.amount] end);
  end if;
  return null;
end
$$;
comment on function billing.tg_refunds__post is 'Posts a refund that succeeded, and one that failed afterwards.';

create or replace function billing.account_of_wallet(reason app_public.wallet_reason, is_paid boolean) returns text
language sql immutable parallel safe
return case
  when reason in ('used', 'released') then 'receivable'
  when not is_paid then 'goodwill'
  when reason = 'expired' then 'revenue'
  else 'top_up' end;
comment on function billing.account_of_wallet is
  'The account beside the wallet to which a change of prepaid money is posted. A gift that expires is no revenue, because nobody paid for it.';

create or replace function billing.tg_credit_entries__post() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform billing.post(new.tenant_id, 'credit', new.currency, new.id,
    array[case new.reason when 'goodwill' then 'goodwill' when 'payout' then 'cash' else 'receivable' end, 'credit'],
    array[new.amount, -new.amount]);
  return null;
end
$$;
comment on function billing.tg_credit_entries__post is 'Posts credit that was added, used, given or paid out.';

create or replace function billing.tg_wallet_entries__post() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context constant text := coalesce(current_setting('rowhouse.tenant_id', true), '');
  v_payment_id uuid;
begin
  -- a superuser may write without a tenant in the context; the context is restored afterwards
  call core.enter_tenant(new.tenant_id);
  update app_public.wallet_top_ups t set amount_left = t.amount_left + new.amount
   where t.tenant_id = new.tenant_id and t.id = new.top_up_id
  returning t.payment_id into v_payment_id;
  if not found then
    perform core.raise_error('LB360', 'There is no such top-up.', 'Choose one of the top-ups of the tenant.');
  end if;
  perform billing.post(new.tenant_id, 'wallet', new.currency, new.id,
    array['wallet', billing.account_of_wallet(new.reason, v_payment_id is not null)], array[-new.amount, new.amount]);
  perform set_config('rowhouse.tenant_id', v_context, true);
  return null;
end
$$;
comment on function billing.tg_wallet_entries__post is
  E'@errors LB360\nPosts a change of prepaid money, and keeps what is left of its top-up.';

-- What was posted, paid, credited or rendered is never rewritten, also not by an owner of the table. Whoever must do so has to
-- drop a trigger first, and that shows in the schema.
create or replace function billing.tg__keep_books() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the deletion of a tenant deletes its books
  if tg_op = 'DELETE' and not exists (select from app_public.tenants t where t.id = old.tenant_id) then
    return old;
  end if;
  perform core.raise_error('LB527', 'The books are only added to.', 'Correct an entry by another one.');
  return null;
end
$$;
comment on function billing.tg__keep_books is E'@errors LB527\nRefuses to change or delete an entry of the books while its tenant is there.';

create or replace function billing.tg_payments__keep() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_state constant text[] := array['status', 'reversed_at', 'updated_at', 'failure_code', 'failure_message'];
begin
  if tg_op = 'DELETE' then
    if exists (select from app_public.tenants t where t.id = old.tenant_id) then
      perform core.raise_error('LB527', 'The books are only added to.', 'Reverse or refund the payment instead.');
    end if;
    return old;
  end if;
  if old.status in ('succeeded', 'reversed') and (
       to_jsonb(new) - v_state <> to_jsonb(old) - v_state or new.status not in ('succeeded', 'reversed')) then
    perform core.raise_error('LB527', 'A payment that succeeded stays as it is.', 'Reverse or refund the payment instead.');
  end if;
  return new;
end
$$;
comment on function billing.tg_payments__keep is
  E'@errors LB527\nKeeps a payment that succeeded as it is, except that it can be reversed at the bank and restored.';

create or replace function billing.tg_wallet_top_ups__keep() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_state constant text[] := array['amount_left', 'updated_at'];
begin
  if tg_op = 'DELETE' and not exists (select from app_public.tenants t where t.id = old.tenant_id) then
    return old;
  end if;
  if tg_op = 'DELETE' or to_jsonb(new) - v_state <> to_jsonb(old) - v_state then
    perform core.raise_error('LB527', 'A top-up stays as it is.', 'Refund it, or take a gift back.');
  end if;
  return new;
end
$$;
comment on function billing.tg_wallet_top_ups__keep is
  E'@errors LB527\nKeeps a top-up as it is, except for what is left of it.';

create or replace trigger _200_balance after insert on billing.ledger_entries referencing new table as new_entries
  for each statement execute function billing.tg_ledger_entries__balance();
create or replace trigger _500_post after update on app_public.invoices for each row execute function billing.tg_invoices__post();
create or replace trigger _500_post after insert or update on app_public.payments for each row execute function billing.tg_payments__post();
create or replace trigger _500_post after update on app_public.refunds for each row execute function billing.tg_refunds__post();
create or replace trigger _500_post after insert on app_public.credit_entries for each row execute function billing.tg_credit_entries__post();
create or replace trigger _200_keep before update or delete on app_public.payments for each row execute function billing.tg_payments__keep();
create or replace trigger _200_keep before update or delete on app_public.credit_entries for each row execute function billing.tg__keep_books();
create or replace trigger _500_post after insert on app_public.wallet_entries for each row execute function billing.tg_wallet_entries__post();
create or replace trigger _200_keep before update or delete on app_public.wallet_top_ups for each row execute function billing.tg_wallet_top_ups__keep();
create or replace trigger _200_keep before update or delete on app_public.wallet_entries for each row execute function billing.tg__keep_books();
create or replace trigger _200_keep before update or delete on billing.ledger_entries for each row execute function billing.tg__keep_books();
create or replace trigger _200_keep before update or delete on billing.invoice_documents for each row execute function billing.tg__keep_books();

do $$
declare
  v_trigger record;
begin
  -- "always" holds also where triggers are off for replication, which a superuser can set for a session
  for v_trigger in
    select t.tgrelid::regclass as target, t.tgname as name from pg_trigger t
     where t.tgname in ('_200_keep', '_200_keep_final', '_200_forbid_truncate', '_200_balance', '_500_post')
       and t.tgrelid = any ('{app_public.invoices, app_public.invoice_lines, app_public.payments, app_public.refunds, app_public.credit_entries,
                              app_public.wallet_top_ups, app_public.wallet_entries,
                              billing.ledger_entries, billing.invoice_documents, billing.invoice_numbers}'::regclass[])
  loop
    execute format('alter table %s enable always trigger %I', v_trigger.target, v_trigger.name);
  end loop;
end
$$;

create or replace function billing.verify_ledger(tenant_id uuid)
returns table (what text, expected numeric, actual numeric)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  with documents as (
    select 'receivable' as account, i.currency, i.amount_due as amount from app_public.invoices i where i.tenant_id = verify_ledger.tenant_id
    union all
    -- the credit in a refund that is under way has left the credit account and not yet the cash account
    select 'receivable', p.currency, -r.credit_amount from app_public.refunds r
      join app_public.payments p on p.tenant_id = r.tenant_id and p.id = r.payment_id
     where r.tenant_id = verify_ledger.tenant_id and r.status = 'pending'
    union all
    select billing.account_of_sale(i), i.currency, -i.subtotal from app_public.invoices i
     where i.tenant_id = verify_ledger.tenant_id and i.status not in ('draft', 'void')
    union all
    -- prepaid money by what is left of each top-up, so that a balance which its entries do not explain shows
    select 'wallet', t.currency, -t.amount_left from app_public.wallet_top_ups t where t.tenant_id = verify_ledger.tenant_id
    union all
    select billing.account_of_wallet(e.reason, t.payment_id is not null), e.currency, e.amount
      from app_public.wallet_entries e
      join app_public.wallet_top_ups t on t.tenant_id = e.tenant_id and t.id = e.top_up_id
     where e.tenant_id = verify_ledger.tenant_id and e.reason not in ('used', 'released')
    union all
    select 'tax', i.currency, -i.tax from app_public.invoices i
     where i.tenant_id = verify_ledger.tenant_id and i.status not in ('draft', 'void')
    union all
    select 'bad_debt', i.currency, i.amount_written_off from app_public.invoices i where i.tenant_id = verify_ledger.tenant_id
    union all
    select 'cash', p.currency, p.amount from app_public.payments p where p.tenant_id = verify_ledger.tenant_id and p.status = 'succeeded'
    union all
    select 'cash', p.currency, -r.amount from app_public.refunds r
      join app_public.payments p on p.tenant_id = r.tenant_id and p.id = r.payment_id
     where r.tenant_id = verify_ledger.tenant_id and r.status = 'succeeded'
    union all
    select a.account, e.currency, a.amount from app_public.credit_entries e
     cross join lateral (values ('credit', -e.amount),
                                (case e.reason when 'goodwill' then 'goodwill' when 'payout' then 'cash' end, e.amount)) as a (account, amount)
     where e.tenant_id = verify_ledger.tenant_id and a.account is not null
  ), posted as (
    select l.account, l.currency, sum(l.amount) as amount from billing.ledger_entries l
     where l.tenant_id = verify_ledger.tenant_id group by 1, 2
  )
  select format('%s in %s', coalesce(d.account, p.account), coalesce(d.currency, p.currency)), coalesce(d.amount, 0), coalesce(p.amount, 0)
    from (select account, currency, sum(amount) as amount from documents group by 1, 2) d
    full join posted p on p.account = d.account and p.currency = d.currency;
$$;
comment on function billing.verify_ledger is
  'Each account of the ledger of a tenant in each currency: its balance by the documents (expected) and by the postings (actual).';

-- What must never change of the books is hashed when it becomes final, and the hash is an entry of the audit, which is sealed. So
-- verify_billing names a header, a line, a payment, a credit or a document that was forged, also when the figures still add up.

create or replace function billing.final_text(table_name text, tenant_id uuid, id uuid) returns text
language sql stable
-- times are written in the session's zone
set timezone to 'UTC'
set search_path to pg_catalog, pg_temp
as $$
  select case final_text.table_name
    when 'app_public.invoices' then (
      select jsonb_build_object(
          'id', i.id, 'number', i.number, 'series', i.series, 'reason', i.reason, 'issuer_id', i.issuer_id, 'subscription_id', i.subscription_id,
          'credited_invoice_id', i.credited_invoice_id, 'currency', i.currency, 'timezone', i.timezone, 'period_number', i.period_number,
          'period_start', i.period_start, 'period_end', i.period_end, 'usage_start', i.usage_start, 'usage_end', i.usage_end,
          'issued_by', i.issued_by, 'billed_to', i.billed_to, 'tax_mode', i.tax_mode, 'tax_rate', i.tax_rate,
          'subtotal', i.subtotal, 'tax', i.tax, 'total', i.total, 'finalised_at', i.finalised_at,
          'lines', (
            select jsonb_agg(jsonb_build_object(
                'id', l.id, 'line_number', l.line_number, 'kind', l.kind, 'description', l.description, 'amount', l.amount,
                'quantity', l.quantity, 'price_id', l.price_id, 'component_id', l.component_id, 'usage_type', l.usage_type,
                'service_start', l.service_start, 'service_end', l.service_end) order by l.line_number)
              from app_public.invoice_lines l where l.tenant_id = i.tenant_id and l.invoice_id = i.id))::text
        from app_public.invoices i where i.tenant_id = final_text.tenant_id and i.id = final_text.id)
    when 'app_public.payments' then (
      select jsonb_build_object(
          'id', p.id, 'invoice_id', p.invoice_id, 'provider', p.provider, 'provider_payment_id', p.provider_payment_id,
          'currency', p.currency, 'amount', p.amount, 'reference', p.reference, 'succeeded_at', p.succeeded_at)::text
        from app_public.payments p where p.tenant_id = final_text.tenant_id and p.id = final_text.id)
    when 'app_public.credit_entries' then (
      select jsonb_build_object(
          'id', c.id, 'currency', c.currency, 'amount', c.amount, 'reason', c.reason, 'memo', c.memo, 'invoice_id', c.invoice_id,
          'payment_id', c.payment_id, 'occurred_at', c.occurred_at)::text
        from app_public.credit_entries c where c.tenant_id = final_text.tenant_id and c.id = final_text.id)
    when 'billing.invoice_documents' then (
      select jsonb_build_object(
          'html', encode(sha256(convert_to(d.html, 'UTF8')), 'hex'), 'pdf', encode(sha256(d.pdf), 'hex'))::text
        from billing.invoice_documents d where d.tenant_id = final_text.tenant_id and d.invoice_id = final_text.id)
    end;
$$;
comment on function billing.final_text is
  'The text of what must never change: of a finalised document with its lines, of a payment, of credit, and of a rendered document.';

create or replace function billing.final_hash(table_name text, tenant_id uuid, id uuid) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select encode(sha256(convert_to(billing.final_text(final_hash.table_name, final_hash.tenant_id, final_hash.id), 'UTF8')), 'hex');
$$;
comment on function billing.final_hash is 'The SHA-256 of what must never change, as the audit keeps it.';

create or replace function billing.tg__seal_books() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_context constant text := coalesce(current_setting('rowhouse.tenant_id', true), '');
  v_table constant text := format('%s.%s', tg_table_schema, tg_table_name);
  v_id constant uuid := coalesce(to_jsonb(new) ->> 'id', to_jsonb(new) ->> 'invoice_id');
begin
  -- a superuser may write without a tenant in the context; the context is restored afterwards
  call core.enter_tenant(new.tenant_id);
  perform audit.record('compliance', 'books_sealed', new.tenant_id, v_table, v_id::text,
    jsonb_build_object('sha256', billing.final_hash(v_table, new.tenant_id, v_id)));
  perform set_config('rowhouse.tenant_id', v_context, true);
  return null;
end
$$;
comment on function billing.tg__seal_books is 'Records the hash of what became final in the audit.';

create or replace function billing.verify_seals(tenant_id uuid) returns table (what text, expected numeric, actual numeric)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select format('%s %s is not as it was sealed', f.name, f.label), 1::numeric, 0::numeric
    from (
      select 'document' as name, i.number as label, 'app_public.invoices' as table_name, i.id from app_public.invoices i
       where i.tenant_id = verify_seals.tenant_id and i.status <> 'draft'
      union all
      select 'payment', p.id::text, 'app_public.payments', p.id from app_public.payments p
       where p.tenant_id = verify_seals.tenant_id and p.status in ('succeeded', 'reversed')
      union all
      select 'credit', c.id::text, 'app_public.credit_entries', c.id from app_public.credit_entries c where c.tenant_id = verify_seals.tenant_id
      union all
      select 'rendered document', i.number, 'billing.invoice_documents', d.invoice_id
        from billing.invoice_documents d
        join app_public.invoices i on i.tenant_id = d.tenant_id and i.id = d.invoice_id
       where d.tenant_id = verify_seals.tenant_id
    ) as f
    left join lateral (
      select l.details ->> 'sha256' as hash from audit.ledger l
       where l.tenant_id = verify_seals.tenant_id and l.row_key = f.id::text and l.table_name = f.table_name and l.operation = 'books_sealed'
       -- the first one: who forges can only add another
       order by l.id limit 1) as sealed on true
   where sealed.hash is distinct from billing.final_hash(f.table_name, verify_seals.tenant_id, f.id);
$$;
comment on function billing.verify_seals is
  'What became final and is not as it was then: documents with their lines, payments, credit and rendered documents, by the hashes that the audit keeps.';

create or replace trigger _510_seal after update on app_public.invoices
  for each row when (old.status = 'draft' and new.status <> 'draft') execute function billing.tg__seal_books();
create or replace trigger _510_seal_added after insert on app_public.payments
  for each row when (new.status = 'succeeded') execute function billing.tg__seal_books();
create or replace trigger _510_seal after update on app_public.payments
  for each row when (new.status = 'succeeded' and old.succeeded_at is null) execute function billing.tg__seal_books();
create or replace trigger _510_seal after insert on app_public.credit_entries for each row execute function billing.tg__seal_books();
create or replace trigger _510_seal after insert on billing.invoice_documents for each row execute function billing.tg__seal_books();
alter table app_public.invoices enable always trigger _510_seal;
alter table app_public.payments enable always trigger _510_seal_added;
alter table app_public.payments enable always trigger _510_seal;
alter table app_public.credit_entries enable always trigger _510_seal;
alter table billing.invoice_documents enable always trigger _510_seal;

-- Invoices as HTML and PDF. A task renders both after finalisation. Whoever may read an invoice may also read its documents.

call core.secure_tenant_table('billing.invoice_documents');
call audit.track('billing.invoice_documents');
comment on table billing.invoice_documents is 'The HTML and PDF of each final invoice.';
comment on column billing.invoice_documents.html is E'@personal keep The law wants the books kept for ten years.\nThe document as a page.';
comment on column billing.invoice_documents.pdf is E'@personal keep The law wants the books kept for ten years.\nThe document for printing.';

create or replace function billing.invoice_to_render(tenant_id uuid, invoice_id uuid) returns jsonb
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_document jsonb;
begin
  call core.enter_tenant(invoice_to_render.tenant_id);
  select jsonb_build_object(
           'series', i.series, 'number', i.number, 'currency', i.currency, 'minorUnits', billing.minor_units(i.currency),
           'issuedOn', (i.finalised_at at time zone i.timezone)::date, 'dueOn', (i.due_at at time zone i.timezone)::date,
           'periodStart', (i.period_start at time zone i.timezone)::date,
           -- the end is exclusive, and people write the last day
           'periodEnd', (i.period_end at time zone i.timezone)::date - 1,
           'credits', (select c.number from app_public.invoices c where c.tenant_id = i.tenant_id and c.id = i.credited_invoice_id),
           'issuedBy', i.issued_by, 'billedTo', i.billed_to, 'taxMode', i.tax_mode,
           'taxPercent', trim_scale(i.tax_rate * 100)::text, 'memo', i.memo,
           'subtotal', i.subtotal::text, 'tax', i.tax::text, 'total', i.total::text,
           'lines', (
             select coalesce(jsonb_agg(jsonb_build_object('description', l.description, 'amount', l.amount::text,
                      'from', (l.service_start at time zone i.timezone)::date,
                      'until', ((l.service_end - interval '1 microsecond') at time zone i.timezone)::date) order by l.line_number), '[]')
               from app_public.invoice_lines l where l.tenant_id = i.tenant_id and l.invoice_id = i.id))
    into v_document
    from app_public.invoices i
   where i.tenant_id = invoice_to_render.tenant_id and i.id = invoice_to_render.invoice_id and i.status <> 'draft';
  return v_document;
end
$$;
comment on function billing.invoice_to_render is
  'Everything that the document of an invoice shows, with amounts as text. The result is null for a draft and when there is no such invoice.';
grant execute on function billing.invoice_to_render to rowhouse_worker;

create or replace function billing.store_invoice_document(tenant_id uuid, invoice_id uuid, html text, pdf bytea) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(store_invoice_document.tenant_id);
  insert into billing.invoice_documents (tenant_id, invoice_id, html, pdf)
  values (store_invoice_document.tenant_id, store_invoice_document.invoice_id, store_invoice_document.html, store_invoice_document.pdf)
  on conflict (tenant_id, invoice_id) do update set html = excluded.html, pdf = excluded.pdf, rendered_at = now();
end
$$;
comment on function billing.store_invoice_document is
  'Stores the HTML and PDF of an invoice.';
grant execute on function billing.store_invoice_document to rowhouse_worker;

create or replace function app_public.invoices_html(invoice app_public.invoices) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select d.html from billing.invoice_documents d
   where d.tenant_id = (invoice).tenant_id and d.invoice_id = (invoice).id and tenancy.has_permission('can_manage_billing');
$$;
comment on function app_public.invoices_html is
  E'@behavior -filterBy -orderBy\nThe document as an HTML page. It is null until the document is rendered, some seconds after finalisation.';
grant execute on function app_public.invoices_html to rowhouse_user;

create or replace function app_public.invoices_pdf_base64(invoice app_public.invoices) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select translate(encode(d.pdf, 'base64'), e'\n', '') from billing.invoice_documents d
   where d.tenant_id = (invoice).tenant_id and d.invoice_id = (invoice).id and tenancy.has_permission('can_manage_billing');
$$;
comment on function app_public.invoices_pdf_base64 is
  E'@behavior -filterBy -orderBy\nThe document as PDF in Base64. It is null until the document is rendered.';
grant execute on function app_public.invoices_pdf_base64 to rowhouse_user;

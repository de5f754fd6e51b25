-- What accounting reads of all tenants together: the documents, and the ledger of a period. Both are read in pages, each of
-- which goes on after the last row of the page before, so no page depends on how many there were.

create or replace function billing.max_rows_of_a_page() returns int
language sql immutable parallel safe
return 1000;
comment on function billing.max_rows_of_a_page is 'A page of documents or of the ledger has at most this many rows.';
grant execute on function billing.max_rows_of_a_page to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: staff look for what is overdue or a draft in any tenant
create or replace function app_public.invoices_of_all_tenants(
  is_overdue boolean default false, status app_public.invoice_status_enum default null, issuer text default null,
  created_before timestamptz default null, id_before uuid default null, at_most int default 100
) returns setof app_public.invoice_of_tenant
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_issuer_id uuid;
begin
  perform tenancy.require_staff();
  select i.id into v_issuer_id from app_public.invoice_issuers i where i.slug = invoices_of_all_tenants.issuer;
  if invoices_of_all_tenants.issuer is not null and v_issuer_id is null then
    perform core.raise_error('LB309', 'There is no such invoice issuer.', 'Choose one of the invoice issuers.');
  end if;
  return query
    select i.tenant_id, t.slug, i.id, i.number, s.slug, i.series, i.status, i.currency, i.total, i.amount_due, i.due_at, i.created_at
      from app_public.invoices i
      join app_public.tenants t on t.id = i.tenant_id
      join app_public.invoice_issuers s on s.id = i.issuer_id
     where (not coalesce(invoices_of_all_tenants.is_overdue, false) or i.amount_due > 0 and i.due_at <= core.clock())
       and (invoices_of_all_tenants.status is null or i.status = invoices_of_all_tenants.status)
       and (v_issuer_id is null or i.issuer_id = v_issuer_id)
       and (invoices_of_all_tenants.created_before is null
            or (i.created_at, i.id) < (invoices_of_all_tenants.created_before, invoices_of_all_tenants.id_before))
     order by i.created_at desc, i.id desc
     limit least(greatest(coalesce(invoices_of_all_tenants.at_most, 100), 0), billing.max_rows_of_a_page());
end
$$;
comment on function app_public.invoices_of_all_tenants is
  E'@errors LB309 TN205\nThe documents of all tenants, the newest first: all, those that are overdue, those with a status such as DRAFT, or those of an issuer (its slug). At most 1,000 at once: the next page begins after createdAt and id of the last row, given as created_before and id_before. Only platform staff may call it.';
grant execute on function app_public.invoices_of_all_tenants to rowhouse_user;

create or replace function app_public.export_ledger(
  period_start timestamptz, period_end timestamptz, currency text default null,
  occurred_after timestamptz default null, id_after uuid default null, at_most int default 1000
) returns setof app_public.ledger_row
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_staff();
  return query
    select e.occurred_at, e.id, e.posting_id, t.slug, e.event::text, e.account::text, e.currency, e.amount, e.document_id, i.number
      from billing.ledger_entries e
      join app_public.tenants t on t.id = e.tenant_id
      left join app_public.invoices i on i.tenant_id = e.tenant_id and i.id = e.document_id
     where e.occurred_at >= export_ledger.period_start and e.occurred_at < export_ledger.period_end
       and (export_ledger.currency is null or e.currency = export_ledger.currency)
       and (export_ledger.occurred_after is null
            or (e.occurred_at, e.id) > (export_ledger.occurred_after, export_ledger.id_after))
     order by e.occurred_at, e.id
     limit least(greatest(coalesce(export_ledger.at_most, 1000), 0), billing.max_rows_of_a_page());
end
$$;
comment on function app_public.export_ledger is
  E'@errors TN205\nThe entries of the ledger of all tenants within a period, the earliest first, in all currencies or in one. At most 1,000 at once: the next page begins after occurredAt and id of the last row, given as occurred_after and id_after. A minute after its end the export of a period does not change any more, except that the books of a tenant that is deleted go with it. Only platform staff may call it.';
grant execute on function app_public.export_ledger to rowhouse_user;

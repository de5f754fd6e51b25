-- explain_invoice computes an invoice again from what it stands on (prices, days, events) and puts the result beside what
-- was billed. It reads no amount of a line to find that line's amount.

create or replace function billing.recompute_line(line app_public.invoice_lines, invoice app_public.invoices)
returns table (amount numeric, explanation text)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_price app_public.plan_prices;
  v_component app_public.plan_price_components;
  v_days int;
  v_period_days int;
  v_period constant tstzrange := tstzrange((recompute_line.line).service_start, (recompute_line.line).service_end);
  v_base numeric;
  v_before numeric;
  v_after numeric;
begin
  if (recompute_line.line).is_manual then
    return query select (recompute_line.line).amount, 'written by staff';
  elsif (recompute_line.invoice).series = 'credit_note' then
    return query
      select n.total - n.tax, format('%s less tax of %s', n.total, n.tax) from app_public.invoices n
       where n.tenant_id = (recompute_line.invoice).tenant_id and n.id = (recompute_line.invoice).id;
  elsif (recompute_line.line).kind in ('recurring', 'proration') then
    select * into v_price from app_public.plan_prices p where p.id = (recompute_line.line).price_id;
    v_days := billing.local_days(lower(v_period), upper(v_period), (recompute_line.invoice).timezone);
    v_period_days := billing.local_days((recompute_line.line).basis_start, (recompute_line.line).basis_end, (recompute_line.invoice).timezone);
    return query select (recompute_line.line).quantity * billing.share_of(v_price.amount, v_days, v_period_days, v_price.currency),
      format('%s%s × %s / %s days', case when (recompute_line.line).quantity < 0 then '-' else '' end, v_price.amount, v_days, v_period_days);
  else
    select * into v_component from app_public.plan_price_components c where c.id = (recompute_line.line).component_id;
    v_base := billing.billable_usage((recompute_line.line).tenant_id, v_component.usage_type, v_period);
    if (recompute_line.line).kind = 'adjustment' then
      v_after := v_base + billing.late_usage((recompute_line.line).tenant_id, v_component.usage_type, v_period, (recompute_line.line).counted_until);
      v_before := v_base + billing.late_usage((recompute_line.line).tenant_id, v_component.usage_type, v_period, coalesce((
        select max(l.counted_until) from app_public.invoice_lines l
          join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id and i.status <> 'draft'
         where l.tenant_id = (recompute_line.line).tenant_id and l.component_id = (recompute_line.line).component_id
           and l.kind = 'adjustment' and l.service_start = lower(v_period) and l.counted_until < (recompute_line.line).counted_until), -1));
      return query select billing.adjustment_amount(v_component, v_before, v_after, (recompute_line.invoice).currency),
        format('%s of %s less that of %s', v_component.model, trim_scale(v_after), trim_scale(v_before));
    else
      return query select billing.round_money(billing.component_charge(v_component, v_base), (recompute_line.invoice).currency),
        format('%s of %s, %s included', v_component.model, trim_scale(v_base), trim_scale(v_component.included_quantity));
    end if;
  end if;
end
$$;
comment on function billing.recompute_line is
  'The amount of a line from prices, days and events, and in words how.';

create or replace function app_public.explain_invoice(id uuid)
returns table (line_number int, kind text, description text, amount numeric, recomputed numeric, is_equal boolean, explanation text)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_invoice app_public.invoices;
  v_line app_public.invoice_lines;
  v_amount numeric;
  v_explanation text;
  v_subtotal numeric := 0;
  v_tax numeric;
begin
  perform tenancy.require_permission('can_manage_billing');
  select * into v_invoice from app_public.invoices i where i.tenant_id = core.current_tenant_id() and i.id = explain_invoice.id;
  if not found then
    perform core.raise_error('LB304', 'There is no such invoice.', 'invoices lists those there are.');
  end if;
  for v_line in
    select * from app_public.invoice_lines l where l.tenant_id = v_invoice.tenant_id and l.invoice_id = v_invoice.id order by l.line_number
  loop
    select r.amount, r.explanation into v_amount, v_explanation from billing.recompute_line(v_line, v_invoice) r;
    v_subtotal := v_subtotal + v_amount;
    return query select v_line.line_number, v_line.kind::text, v_line.description, v_line.amount, v_amount, v_amount = v_line.amount, v_explanation;
  end loop;
  -- a credit note has the tax that is left of its invoice's, or a share of it
  v_tax := case v_invoice.series when 'invoice' then billing.round_money(v_subtotal * v_invoice.tax_rate, v_invoice.currency) else v_invoice.tax end;
  return query values
    (null::int, 'subtotal', 'Subtotal', v_invoice.subtotal, v_subtotal, v_subtotal = v_invoice.subtotal, 'sum of the lines'),
    (null, 'tax', 'Tax', v_invoice.tax, v_tax, v_tax = v_invoice.tax,
     case v_invoice.series when 'invoice' then format('%s × %s', v_subtotal, trim_scale(v_invoice.tax_rate)) else 'in proportion to the invoice' end),
    (null, 'total', 'Total', v_invoice.total, v_subtotal + v_tax, v_subtotal + v_tax = v_invoice.total, 'subtotal and tax');
end
$$;
comment on function app_public.explain_invoice is
  E'@errors LB304 ID203\nEach line of an invoice, then subtotal, tax and total: the amount billed beside the one recomputed from prices, days and events, and how. Needs can_manage_billing.';
grant execute on function app_public.explain_invoice to rowhouse_user;

create or replace function billing.verify_billing(tenant_id uuid)
returns table (what text, expected numeric, actual numeric)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(verify_billing.tenant_id);
  return query
    select f.what, f.expected, f.actual from (
      -- money: what was billed and not voided is what was paid, what is owed, less what is waiting as credit
      select 'balance' as what,
             (select coalesce(sum(i.total), 0) from app_public.invoices i
               where i.tenant_id = verify_billing.tenant_id and i.status not in ('draft', 'void')) as expected,
             (select coalesce(sum(p.amount), 0) from app_public.payments p where p.tenant_id = verify_billing.tenant_id and p.status = 'succeeded')
             - (select coalesce(sum(r.amount), 0) from app_public.refunds r where r.tenant_id = verify_billing.tenant_id and r.status = 'succeeded')
             + (select coalesce(sum(i.amount_due), 0) from app_public.invoices i where i.tenant_id = verify_billing.tenant_id)
             - (select coalesce(sum(e.amount), 0) from app_public.credit_entries e
                 where e.tenant_id = verify_billing.tenant_id and e.reason <> 'goodwill')
             as actual
      union all
      -- lines: each as it is computed again
      select format('%s line %s', i.number, l.line_number), r.amount, l.amount
        from app_public.invoices i
        join app_public.invoice_lines l on l.tenant_id = i.tenant_id and l.invoice_id = i.id
        cross join lateral billing.recompute_line(l, i) r
       where i.tenant_id = verify_billing.tenant_id and i.status <> 'draft'
      union all
      -- usage: what invoices counted of each component is what was recorded until then
      select format('usage %s from %s', u.usage_type, u.service_start),
             billing.billable_usage(verify_billing.tenant_id, u.usage_type, tstzrange(u.service_start, u.service_end))
             + billing.late_usage(verify_billing.tenant_id, u.usage_type, tstzrange(u.service_start, u.service_end), coalesce(u.counted_until, -1)),
             u.quantity
        from (
          select distinct on (l.component_id, l.service_start) l.usage_type, l.service_start, l.service_end, l.quantity, l.counted_until
            from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id and i.status <> 'draft'
           where l.tenant_id = verify_billing.tenant_id and l.component_id is not null
           order by l.component_id, l.service_start, l.quantity desc, l.counted_until desc nulls last) as u
    ) as f
   where f.expected is distinct from f.actual;
end
$$;
comment on function billing.verify_billing is
  'Where the books of a tenant do not agree: money, lines, usage; normally nothing. For administrators in psql and for tests.';

create or replace function billing.invoice_number_gaps() returns table (issuer text, series text, sequence_number bigint)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select i.slug, c.series, n
    from billing.invoice_counters c
    join app_public.invoice_issuers i on i.id = c.issuer_id
   cross join lateral generate_series(1, c.last_number) as n
   where not exists (
     select from billing.invoice_numbers x
      where x.issuer_id = c.issuer_id and x.series = c.series and x.sequence_number = n);
$$;
comment on function billing.invoice_number_gaps is
  'Numbers of invoices and credit notes that are missing; normally none.';

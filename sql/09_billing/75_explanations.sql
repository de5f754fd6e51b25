-- Explanations. explain_invoice computes an invoice again from prices, days and events, and shows the result beside what was
-- billed. The amount of a line is never used to compute that line, so a difference always shows.

create or replace function billing.counted_before(line app_public.invoice_lines) returns bigint
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  -- no batch has the number -1
  select coalesce(max(l.counted_until), -1)
    from app_public.invoice_lines l
    join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id and i.status not in ('draft', 'void')
   where l.tenant_id = (line).tenant_id and l.component_id = (line).component_id and l.kind = 'adjustment'
     and l.service_start = (line).service_start and l.counted_until < (line).counted_until;
$$;
comment on function billing.counted_before is
  'The batch up to which late usage had been billed before an adjustment; -1 when none had.';

create or replace function billing.recompute_usage_line(line app_public.invoice_lines, currency text)
returns table (amount numeric, explanation text)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_line constant app_public.invoice_lines := recompute_usage_line.line;
  v_period constant tstzrange := tstzrange(v_line.service_start, v_line.service_end);
  v_share constant numeric := billing.usage_share(v_period, tstzrange(v_line.basis_start, v_line.basis_end));
  v_component app_public.plan_price_components;
  v_base numeric;
  v_before numeric;
  v_after numeric;
begin
  select * into v_component from app_public.plan_price_components c where c.id = v_line.component_id;
  v_base := billing.recorded_usage(v_line.tenant_id, v_component.usage_type, v_period);
  if v_line.kind <> 'adjustment' then
    return query select billing.round_money(billing.component_charge(v_component, v_base, v_share), recompute_usage_line.currency),
      format('%s of %s, %s included%s', v_component.model, trim_scale(v_base), trim_scale(v_component.included_quantity),
        case when v_share <> 1 then format(' in a whole period, of which this is %s', round(v_share, 6)) else '' end);
    return;
  end if;
  v_before := v_base + billing.late_usage(v_line.tenant_id, v_component.usage_type, v_period, billing.counted_before(v_line));
  v_after := v_base + billing.late_usage(v_line.tenant_id, v_component.usage_type, v_period, v_line.counted_until);
  return query select billing.adjustment_amount(v_component, v_before, v_after, v_share, recompute_usage_line.currency),
    format('%s of %s minus %s of %s', v_component.model, trim_scale(v_after), v_component.model, trim_scale(v_before));
end
$$;
comment on function billing.recompute_usage_line is
  'The amount of a line of usage, overage or adjustment, computed again from events, and the calculation in words.';

create or replace function billing.recompute_line(line app_public.invoice_lines, invoice app_public.invoices)
returns table (amount numeric, explanation text)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_line constant app_public.invoice_lines := recompute_line.line;
  v_invoice constant app_public.invoices := recompute_line.invoice;
  v_price app_public.plan_prices;
  v_days int;
  v_period_days int;
begin
  if v_line.is_manual then
    return query select v_line.amount, case v_line.kind when 'top_up' then 'as ordered' else 'written by staff' end;
  elsif v_invoice.series = 'credit_note' then
    return query
      select n.total - n.tax, format('%s minus tax of %s', n.total, n.tax) from app_public.invoices n
       where n.tenant_id = v_invoice.tenant_id and n.id = v_invoice.id;
  elsif v_line.kind = 'discount' then
    return query
      select -billing.discount_amount(c, billing.with_seats(p, v_line.seats), d.days, d.period_days),
             format('%s of a price of %s × %s / %s days', billing.discount_terms(c), (billing.with_seats(p, v_line.seats)).amount, d.days, d.period_days)
        from app_public.coupons c, app_public.plan_prices p,
             (select billing.local_days(v_line.service_start, v_line.service_end, v_invoice.timezone) as days,
                     billing.local_days(v_line.basis_start, v_line.basis_end, v_invoice.timezone) as period_days) as d
       where c.id = v_line.coupon_id and p.id = v_line.price_id;
  elsif v_line.kind = 'commitment' then
    return query
      select billing.commitment_shortfall(p, s.share, v_line.quantity) - v_line.quantity_before,
             format('max(%s × %s committed - %s of usage, 0) - %s billed before', p.committed_amount, trim_scale(round(s.share, 6)),
                    v_line.quantity, v_line.quantity_before)
        from app_public.plan_prices p,
             (select billing.usage_share(tstzrange(v_line.service_start, v_line.service_end),
                                         tstzrange(v_line.basis_start, v_line.basis_end)) as share) as s
       where p.id = v_line.price_id;
  elsif v_line.kind in ('recurring', 'proration') then
    select (billing.with_seats(p, v_line.seats)).* into v_price from app_public.plan_prices p where p.id = v_line.price_id;
    v_days := billing.local_days(v_line.service_start, v_line.service_end, v_invoice.timezone);
    v_period_days := billing.local_days(v_line.basis_start, v_line.basis_end, v_invoice.timezone);
    return query select v_line.quantity
        * billing.prorated_amount(v_price.amount * coalesce(v_line.charged_share, 1), v_days, v_period_days, v_price.currency),
      format('%s%s%s × %s / %s days', case when v_line.quantity < 0 then '-' else '' end, v_price.amount,
        case when v_line.charged_share < 1 then format(' × %s that was charged', trim_scale(v_line.charged_share)) else '' end,
        v_days, v_period_days);
  else
    return query select r.amount, r.explanation from billing.recompute_usage_line(v_line, v_invoice.currency) r;
  end if;
end
$$;
comment on function billing.recompute_line is
  'The amount of a line, computed again from prices, days and events, and the calculation in words.';

create or replace function app_public.explain_invoice(id uuid) returns setof app_public.invoice_explanation_line
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
    perform core.raise_error('LB304', 'There is no such invoice.', 'Choose one of the invoices of the tenant.');
  end if;
  for v_line in
    select * from app_public.invoice_lines l where l.tenant_id = v_invoice.tenant_id and l.invoice_id = v_invoice.id order by l.line_number
  loop
    select r.amount, r.explanation into v_amount, v_explanation from billing.recompute_line(v_line, v_invoice) r;
    v_subtotal := v_subtotal + v_amount;
    return query select v_line.line_number, v_line.kind::text::app_public.invoice_row_kind, v_line.description, v_line.amount,
      v_amount, v_amount = v_line.amount, v_explanation;
  end loop;
  -- the tax of a credit note is a share of the tax of its invoice, so it is not computed from the tax rate
  v_tax := case v_invoice.series when 'invoice' then billing.round_money(v_subtotal * v_invoice.tax_rate, v_invoice.currency) else v_invoice.tax end;
  return query
    select null::int, r.kind::app_public.invoice_row_kind, r.description, r.amount, r.recomputed, r.recomputed = r.amount, r.explanation
      from (values
        (1, 'subtotal', 'Subtotal', v_invoice.subtotal, v_subtotal, 'sum of the lines'),
        (2, 'tax', 'Tax', v_invoice.tax, v_tax,
         case v_invoice.series when 'invoice' then format('%s × %s', v_subtotal, trim_scale(v_invoice.tax_rate))
           else 'in proportion to the invoice' end),
        (3, 'total', 'Total', v_invoice.total, v_subtotal + v_tax, 'subtotal plus tax')
      ) as r (place, kind, description, amount, recomputed, explanation)
     order by r.place;
end
$$;
comment on function app_public.explain_invoice is
  E'@errors ID203 LB304\nEach line of an invoice, then the subtotal, the tax and the total. Each row has the amount that was billed, the amount computed again from prices, days and events, and the calculation in words. Requires can_manage_billing.';
grant execute on function app_public.explain_invoice to rowhouse_user;

create or replace function billing.verify_documents(tenant_id uuid)
returns table (what text, expected numeric, actual numeric)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select format('%s %s', i.number, c.name), c.expected, c.actual
    from app_public.invoices i
   cross join lateral (
     select coalesce(sum(l.amount), 0) as lines from app_public.invoice_lines l where l.tenant_id = i.tenant_id and l.invoice_id = i.id) s
   cross join lateral (values
     ('subtotal', s.lines, i.subtotal),
     ('tax', case i.series when 'invoice' then billing.round_money(s.lines * i.tax_rate, i.currency) else i.tax end, i.tax),
     ('total', i.subtotal + i.tax, i.total),
     ('number', 1, (select count(*) from billing.invoice_numbers n
                     where n.document_id = i.id and n.issuer_id = i.issuer_id and n.series = i.series and n.sequence_number = i.sequence_number)),
     ('paid', (select coalesce(sum(p.amount), 0) from app_public.payments p
                where p.tenant_id = i.tenant_id and p.invoice_id = i.id and p.status = 'succeeded')
            - (select coalesce(sum(e.amount), 0) from app_public.credit_entries e
                where e.tenant_id = i.tenant_id and e.invoice_id = i.id and e.reason in ('overpayment', 'reversed')), i.amount_paid)
   ) as c (name, expected, actual)
   where i.tenant_id = verify_documents.tenant_id and i.status <> 'draft';
$$;
comment on function billing.verify_documents is
  'The amounts of each final document of a tenant, computed from its lines, its numbers and its payments (expected), and as they stand (actual).';

create or replace function billing.verify_usage(tenant_id uuid)
returns table (usage_type text, service_start timestamptz, expected numeric, actual numeric)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select u.usage_type, u.service_start,
         billing.recorded_usage(verify_usage.tenant_id, u.usage_type, tstzrange(u.service_start, u.service_end))
         + billing.late_usage(verify_usage.tenant_id, u.usage_type, tstzrange(u.service_start, u.service_end), coalesce(u.counted_until, -1)),
         u.quantity
    from (
      select distinct on (l.component_id, l.service_start) l.usage_type, l.service_start, l.service_end, l.quantity, l.counted_until
        from app_public.invoice_lines l
        join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id and i.status not in ('draft', 'void')
       where l.tenant_id = verify_usage.tenant_id and l.component_id is not null
         -- The usage of a tenant that was erased is gone; its invoices stay as they are.
         and not exists (select from app_public.tenants t where t.id = l.tenant_id and t.erased_at is not null)
       order by l.component_id, l.service_start, l.quantity desc, l.counted_until desc nulls last) as u;
$$;
comment on function billing.verify_usage is
  'For each component and period of a tenant that was billed: the quantity that was recorded up to the last invoice (expected), and the quantity that the invoices counted (actual).';

create or replace function billing.verify_billing(tenant_id uuid)
returns table (what text, expected numeric, actual numeric)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  call core.enter_tenant(verify_billing.tenant_id);
  return query
    select f.what, f.expected, f.actual
      from (
        select l.what, l.expected, l.actual from billing.verify_ledger(verify_billing.tenant_id) l
        union all
        select d.what, d.expected, d.actual from billing.verify_documents(verify_billing.tenant_id) d
        union all
        select s.what, s.expected, s.actual from billing.verify_seals(verify_billing.tenant_id) s
        union all
        select format('%s line %s', i.number, l.line_number), r.amount, l.amount
          from app_public.invoices i
          join app_public.invoice_lines l on l.tenant_id = i.tenant_id and l.invoice_id = i.id
         cross join lateral billing.recompute_line(l, i) r
         where i.tenant_id = verify_billing.tenant_id and i.status <> 'draft'
        union all
        select format('usage %s from %s', u.usage_type, u.service_start), u.expected, u.actual
          from billing.verify_usage(verify_billing.tenant_id) u
        union all
        select c.what, c.expected, c.actual from billing.verify_commitments(verify_billing.tenant_id) c
        union all
        select format('top-up %s', t.id), coalesce((select sum(e.amount) from app_public.wallet_entries e
                                                     where e.tenant_id = t.tenant_id and e.top_up_id = t.id), 0), t.amount_left
          from app_public.wallet_top_ups t where t.tenant_id = verify_billing.tenant_id
      ) as f
     where f.expected is distinct from f.actual;
end
$$;
comment on function billing.verify_billing is
  'The differences in the books of a tenant: the ledger beside the documents, documents beside their lines, lines beside events, usage and commitments, what is left of each top-up beside its entries, and what is final beside its seal in the audit. Normally there are none. Administrators in psql and tests use it.';

create or replace function billing.invoice_number_gaps() returns table (issuer text, series app_public.invoice_series, sequence_number bigint)
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
  'The numbers of invoices and credit notes that are missing. Normally there are none.';

-- Minimum commitment. A price may have a committed amount, which the charges for usage of a period reach at least. What is missing
-- is a line of its own:
--   commitment   max(round(committed amount × usage share) - usage charged, 0) - commitment charged before
-- for each part of a period that is billed on its own, so that ending, pausing or changing the plan pays for the time that was
-- held. What is recorded or corrected late changes the usage charged, and the line of the next invoice takes back or adds the
-- difference: at any time usage + commitment = max(usage, committed amount × usage share).

create or replace function billing.charged_use(tenant_id uuid, price_id uuid, period tstzrange, out usage numeric, out commitment numeric)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(sum(l.amount) filter (where l.kind <> 'commitment'), 0),
         coalesce(sum(l.amount) filter (where l.kind = 'commitment'), 0)
    from app_public.invoice_lines l
    join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id and i.status not in ('draft', 'void')
   where l.tenant_id = charged_use.tenant_id and l.price_id = charged_use.price_id
     and l.kind in ('usage', 'overage', 'adjustment', 'commitment') and not l.is_manual
     and l.service_start = lower(charged_use.period) and l.service_end = upper(charged_use.period);
$$;
comment on function billing.charged_use is
  'What final invoices charged for the usage of a part of a period, and what they added to reach the committed amount.';

create or replace function billing.commitment_shortfall(price app_public.plan_prices, share numeric, usage numeric) returns numeric
language sql immutable parallel safe
return greatest(billing.round_money((price).committed_amount * share, (price).currency) - usage, 0);
comment on function billing.commitment_shortfall is
  'What the charges for usage fall short of the committed amount of a share of a period: max(round(committed amount × share) - usage, 0).';

create or replace function billing.commitment_line(
  tenant_id uuid, price app_public.plan_prices, period tstzrange, basis tstzrange, usage numeric
) returns app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_charged record;
  v_share constant numeric := billing.usage_share(commitment_line.period, commitment_line.basis);
  v_line app_public.invoice_lines;
begin
  select * into v_charged
    from billing.charged_use(commitment_line.tenant_id, (commitment_line.price).id, commitment_line.period);
  v_line.kind := 'commitment';
  v_line.price_id := (commitment_line.price).id;
  v_line.quantity := v_charged.usage + commitment_line.usage;
  v_line.quantity_before := v_charged.commitment;
  v_line.service_start := lower(commitment_line.period);
  v_line.service_end := upper(commitment_line.period);
  v_line.basis_start := lower(commitment_line.basis);
  v_line.basis_end := upper(commitment_line.basis);
  v_line.amount := billing.commitment_shortfall(commitment_line.price, v_share, v_line.quantity) - v_line.quantity_before;
  v_line.description := format('Minimum commitment: %s of usage, %s committed', v_line.quantity,
    billing.round_money((commitment_line.price).committed_amount * v_share, (commitment_line.price).currency));
  return v_line;
end
$$;
comment on function billing.commitment_line is
  'The line that raises the usage of a part of a period (basis) to the committed amount of the price, or takes back what an earlier line raised too much. usage is what the invoice at hand charges.';

create or replace function billing.use_lines(
  tenant_id uuid, price_id uuid, period tstzrange, basis tstzrange, except_invoice_id uuid, until_batch bigint
) returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_lines app_public.invoice_lines[] := array(
    select l from billing.adjustment_lines(use_lines.tenant_id, use_lines.except_invoice_id, use_lines.until_batch) l);
begin
  if use_lines.period is not null then
    v_lines := array(select l from billing.usage_lines(use_lines.tenant_id, use_lines.price_id, use_lines.period, use_lines.basis) l)
      || v_lines;
  end if;
  return query select * from unnest(v_lines);
  return query
    select c.*
      from (
        select u.price_id, u.service_start, u.service_end, u.basis_start, u.basis_end, sum(u.amount) as usage
          from (
            select l.price_id, l.service_start, l.service_end, l.basis_start, l.basis_end, l.amount from unnest(v_lines) l
            union all
            -- a price with a committed amount and no components is billed as well
            select use_lines.price_id, lower(use_lines.period), upper(use_lines.period), lower(use_lines.basis), upper(use_lines.basis), 0
             where use_lines.period is not null) as u
         group by u.price_id, u.service_start, u.service_end, u.basis_start, u.basis_end) as s
      join app_public.plan_prices p on p.id = s.price_id and p.committed_amount > 0
     cross join lateral billing.commitment_line(use_lines.tenant_id, p, tstzrange(s.service_start, s.service_end),
       tstzrange(s.basis_start, s.basis_end), s.usage) c
     where c.amount <> 0
     order by s.service_start;
end
$$;
comment on function billing.use_lines is
  'The lines of an invoice for usage: the usage of a part of a period (basis), unless period is null; what was recorded late for periods that are billed; and what the committed amount of a price adds to each.';

create or replace function billing.verify_commitments(tenant_id uuid)
returns table (what text, expected numeric, actual numeric)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select format('commitment from %s', s.service_start),
         billing.commitment_shortfall(p,
           billing.usage_share(tstzrange(s.service_start, s.service_end), tstzrange(s.basis_start, s.basis_end)), c.usage),
         c.commitment
    from (
      -- the invoices that bill the usage of a time; those that were voided wait to be billed again
      select distinct i.usage_price_id, i.usage_start as service_start, i.usage_end as service_end,
                      i.usage_basis_start as basis_start, i.usage_basis_end as basis_end
        from app_public.invoices i
       where i.tenant_id = verify_commitments.tenant_id and i.usage_start is not null and i.status not in ('draft', 'void')) as s
    join app_public.plan_prices p on p.id = s.usage_price_id and p.committed_amount > 0
   cross join lateral billing.charged_use(verify_commitments.tenant_id, p.id, tstzrange(s.service_start, s.service_end)) c;
$$;
comment on function billing.verify_commitments is
  'For each time whose usage was billed under a price with a committed amount: what its charges fall short of it (expected), and what was added (actual).';

-- Breakdowns: whose usage the lines of an invoice are, by model, project, agent, user or tenant. Quantities are added up from the
-- events that the line counted. The amount of a line is shared in proportion to them, by the method of largest remainders, so
-- that the shares add up to it: of a price with tiers no single unit has a price of its own.

set local role rowhouse_platform;  -- outside the wall: the tenant at the top of a hierarchy is billed for the usage of all tenants below it
create or replace function billing.usage_by_dimension(
  tenant_id uuid, usage_type text, period tstzrange, after_batch bigint, until_batch bigint, by app_public.breakdown_dimension)
returns table (dimension_id uuid, quantity numeric)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select case usage_by_dimension.by when 'model' then e.model_id when 'project' then e.project_id when 'agent' then e.agent_id
           when 'user' then e.user_id when 'tenant' then e.tenant_id end,
         sum(e.quantity)
    from billing.paid_events(usage_by_dimension.tenant_id, usage_by_dimension.usage_type, usage_by_dimension.period) e
   where case when usage_by_dimension.until_batch is null then e.adjusts_period is null
           else e.adjusts_period is not null and e.batch_id > usage_by_dimension.after_batch and e.batch_id <= usage_by_dimension.until_batch end
   group by 1
  having sum(e.quantity) <> 0;
$$;
comment on function billing.usage_by_dimension is
  'The usage that a tenant pays for in a period, by one dimension: without until_batch what was recorded in time, and with it what was recorded late in the batches after one and up to the other.';
grant execute on function billing.usage_by_dimension to rowhouse_owner;
set local role rowhouse_owner;

create or replace function billing.dimension_name(by app_public.breakdown_dimension, id uuid) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case dimension_name.by
    when 'model' then (select m.name from app_public.llm_models m where m.id = dimension_name.id)
    when 'project' then (select p.name from app_public.projects p where p.id = dimension_name.id)
    when 'agent' then (select a.name from app_public.agents a where a.id = dimension_name.id)
    when 'user' then (
      select u.full_name from app_public.user_tenants m join app_public.user_profiles u on u.id = m.user_id
       where m.tenant_id = core.current_tenant_id() and m.user_id = dimension_name.id)
    when 'tenant' then (select t.name from app_public.tenants t where t.id = dimension_name.id) end;
$$;
comment on function billing.dimension_name is
  'The name of a model, or of what the tenant of the context has; null of others.';

create or replace function app_public.break_down_invoice(id uuid, by app_public.breakdown_dimension)
returns setof app_public.invoice_breakdown_row
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_invoice app_public.invoices;
  v_line app_public.invoice_lines;
  v_units numeric;
begin
  perform tenancy.require_permission('can_manage_billing');
  select * into v_invoice from app_public.invoices i where i.tenant_id = core.current_tenant_id() and i.id = break_down_invoice.id;
  if not found then
    perform core.raise_error('LB304', 'There is no such invoice.', 'Choose one of the invoices of the tenant.');
  end if;
  v_units := 10 ^ billing.minor_units(v_invoice.currency);
  for v_line in
    select l.* from app_public.invoice_lines l
     where l.tenant_id = v_invoice.tenant_id and l.invoice_id = v_invoice.id and l.component_id is not null order by l.line_number
  loop
    return query
      with used as (
        select u.dimension_id, u.quantity, coalesce(v_line.amount * v_units * u.quantity / nullif(sum(u.quantity) over (), 0), 0) as units
          from billing.usage_by_dimension(v_line.tenant_id, v_line.usage_type, tstzrange(v_line.service_start, v_line.service_end),
            billing.counted_before(v_line), case v_line.kind when 'adjustment' then v_line.counted_until end, break_down_invoice.by) u
      ), ranked as (
        select u.*, row_number() over (order by u.units - floor(u.units) desc, u.dimension_id) as place,
               v_line.amount * v_units - sum(floor(u.units)) over () as left_units
          from used u
      )
      select v_line.line_number, v_line.usage_type, r.dimension_id, billing.dimension_name(break_down_invoice.by, r.dimension_id), r.quantity,
             round((floor(r.units) + (r.place <= r.left_units)::int) / v_units, billing.minor_units(v_invoice.currency))
        from ranked r
       order by r.quantity desc, r.dimension_id;
  end loop;
end
$$;
comment on function app_public.break_down_invoice is
  E'@errors ID203 LB304\nThe lines of usage of an invoice by model, project, agent, user or tenant, the largest quantity of each line first: those recorded in time, and of an adjustment what was recorded late. A draft has no lines of usage yet; previewInvoice shows them. Requires can_manage_billing.';
grant execute on function app_public.break_down_invoice to rowhouse_user;

-- Previews: what would be billed, computed by the functions that bill. Nothing is written.

create or replace function billing.preview_lines(tenant_id uuid, at timestamptz, lines app_public.invoice_lines[], currency text)
returns setof app_public.invoice_preview_line
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_rate numeric;
  v_subtotal numeric;
  v_tax numeric;
begin
  select billing.tax_rate(p, preview_lines.at) into v_rate
    from app_public.billing_profiles p where p.tenant_id = preview_lines.tenant_id;
  select coalesce(sum(l.amount), 0) into v_subtotal from unnest(preview_lines.lines) l;
  v_tax := billing.round_money(v_subtotal * coalesce(v_rate, 0), preview_lines.currency);
  return query
    select r.kind::app_public.invoice_row_kind, r.description, r.amount, preview_lines.currency, preview_lines.at
      from (
        select l.place, l.kind::text, l.description, l.amount
          from (select row_number() over () as place, u.* from unnest(preview_lines.lines) u) as l
        union all
        values (null::bigint, 'subtotal', 'Subtotal', v_subtotal), (null, 'tax', 'Tax', v_tax), (null, 'total', 'Total', v_subtotal + v_tax)
      ) as r
     order by r.place nulls last, array_position(array['subtotal', 'tax', 'total'], r.kind);
end
$$;
comment on function billing.preview_lines is
  'The rows of a preview: the lines, the subtotal, the tax and the total, as they would be on an invoice that is created at an instant.';

create or replace function billing.next_period_lines(subscription app_public.subscriptions, at timestamptz)
returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_next app_public.subscriptions := next_period_lines.subscription;
  v_period constant tstzrange := billing.subscription_period(v_next, next_period_lines.at);
  v_price constant app_public.plan_prices :=
    billing.plan_price_at(v_next.plan_id, v_next.currency, v_next.billing_cycle, next_period_lines.at);
begin
  v_next.current_period_start := lower(v_period);
  v_next.current_period_end := upper(v_period);
  v_next.seats := billing.seats_for(v_next.tenant_id, v_price, coalesce(v_next.pending_seats, v_next.seats));
  return query select * from billing.period_lines(v_next, v_price, next_period_lines.at);
end
$$;
comment on function billing.next_period_lines is
  E'@errors LB302\nThe line for the price of the period that begins at an instant, for a subscription with the plan, cycle and anchor day of that period; no line when the price is 0.';

create or replace function billing.unbilled_usage_lines(subscription app_public.subscriptions, at timestamptz)
returns setof app_public.invoice_lines
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_old constant app_public.subscriptions := unbilled_usage_lines.subscription;
  v_usage constant tstzrange := billing.unbilled_usage(v_old, unbilled_usage_lines.at);
begin
  if v_usage is not null then
    return query select * from billing.use_lines(v_old.tenant_id, v_old.price_id, v_usage, billing.usage_basis(v_old, v_usage), null, null);
  end if;
end
$$;
comment on function billing.unbilled_usage_lines is
  'The lines for usage, adjustments and commitments that an invoice with the usage up to an instant would have.';

create or replace function app_public.preview_plan_change(
  plan text, billing_cycle app_public.billing_cycle_enum default null, add_on text default null
)
returns setof app_public.invoice_preview_line
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := core.clock();
  v_old app_public.subscriptions;
  v_new app_public.subscriptions;
  v_plan app_public.plans;
  v_price app_public.plan_prices;
  v_is_upgrade boolean;
  v_lines app_public.invoice_lines[] := '{}';
  v_at timestamptz;
begin
  perform tenancy.require_permission('can_manage_billing');
  v_old := billing.live_subscription(core.current_tenant_id(), preview_plan_change.add_on);
  v_plan := billing.plan_by_slug(preview_plan_change.plan);
  perform billing.require_plan_of_kind(v_old, v_plan);
  v_new := v_old;
  v_new.pending_plan_id := v_plan.id;
  v_new.pending_billing_cycle := coalesce(preview_plan_change.billing_cycle, v_old.billing_cycle);
  v_price := billing.plan_price_at(v_plan.id, v_old.currency, v_new.pending_billing_cycle, v_now);
  v_is_upgrade := v_old.status = 'active' and billing.is_upgrade(v_old, v_plan, v_price);
  v_at := case when v_is_upgrade then v_now else v_old.current_period_end end;
  v_new := billing.as_planned(v_new, v_at);

  if v_is_upgrade and v_new.billing_cycle = v_old.billing_cycle then
    -- the period continues
    v_lines := array(select l from billing.upgrade_lines(v_old, v_price,
        billing.seats_for(v_old.tenant_id, v_price, v_old.seats), v_now) l)
      || array(select l from billing.unbilled_usage_lines(v_old, v_now) l);
  elsif v_is_upgrade then
    -- the period ends now and another one begins today
    v_lines := array(select l from billing.unused_days_lines(v_old, billing.local_midnight(v_now, v_old.timezone)) l)
      || array(select l from billing.unbilled_usage_lines(v_old, v_now) l)
      || array(select l from billing.next_period_lines(v_new, v_now) l);
  else
    -- the change takes effect when the period ends
    v_lines := array(select l from billing.next_period_lines(v_new, v_at) l);
  end if;
  return query select * from billing.preview_lines(v_old.tenant_id, v_at, v_lines, v_old.currency);
end
$$;
comment on function app_public.preview_plan_change is
  E'@errors ID203 LB301 LB302 LB303 LB350 LB550 LB551 LB552\nThe invoice that change_plan would create, line by line with subtotal, tax and total, and when the change would take effect. Nothing is changed. Requires can_manage_billing.';
grant execute on function app_public.preview_plan_change to rowhouse_user;

create or replace function app_public.preview_seats(quantity int) returns setof app_public.invoice_preview_line
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_old app_public.subscriptions;
  v_new app_public.subscriptions;
  v_at timestamptz := core.clock();
  v_lines app_public.invoice_lines[];
begin
  perform tenancy.require_permission('can_manage_billing');
  v_old := billing.live_subscription(core.current_tenant_id());
  perform billing.require_seats(v_old, preview_seats.quantity);
  if preview_seats.quantity > v_old.seats and v_old.status = 'active' then
    v_lines := array(select l from app_public.plan_prices p
                      cross join lateral billing.upgrade_lines(v_old, p, preview_seats.quantity, v_at) l where p.id = v_old.price_id);
  else
    v_at := v_old.current_period_end;
    v_new := billing.as_planned(v_old, v_at);
    v_new.pending_seats := preview_seats.quantity;
    v_lines := array(select l from billing.next_period_lines(v_new, v_at) l);
  end if;
  return query select * from billing.preview_lines(v_old.tenant_id, v_at, v_lines, v_old.currency);
end
$$;
comment on function app_public.preview_seats is
  E'@errors ID203 LB303 LB441 LB509 LB510 LB541 LB542\nThe invoice that set_seats would create for more seats, or the price of the next period with fewer, line by line with subtotal, tax and total. Nothing is changed. Requires can_manage_billing.';
grant execute on function app_public.preview_seats to rowhouse_user;

create or replace function billing.ends_at(subscription app_public.subscriptions) returns timestamptz
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  -- an add-on ends with its base
  select min(s.current_period_end) from app_public.subscriptions s
   where s.tenant_id = (ends_at.subscription).tenant_id and s.ended_at is null and s.cancel_at_period_end
     and (s.id = (ends_at.subscription).id or (ends_at.subscription).is_add_on and not s.is_add_on);
$$;
comment on function billing.ends_at is
  'When a subscription ends because it or its base was cancelled at the end of the period; otherwise null.';

create or replace function app_public.preview_invoice(add_on text default null) returns setof app_public.invoice_preview_line
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_old app_public.subscriptions;
  v_new app_public.subscriptions;
  v_at timestamptz;
  v_ends_at timestamptz;
  v_lines app_public.invoice_lines[] := '{}';
begin
  perform tenancy.require_permission('can_manage_billing');
  v_old := billing.live_subscription(core.current_tenant_id(), preview_invoice.add_on);
  v_ends_at := billing.ends_at(v_old);
  v_at := least(billing.usage_ends_at(v_old), v_ends_at);
  v_new := billing.as_planned(v_old, v_at);
  if v_old.is_add_on and v_at = v_ends_at and v_old.status <> 'paused' then
    v_lines := array(select l from billing.unused_days_lines(v_old, v_at) l);
  elsif v_old.status <> 'paused' and not v_old.cancel_at_period_end and v_at = v_old.current_period_end then
    v_lines := array(select l from billing.next_period_lines(v_new, v_at) l);
  end if;
  if v_old.status in ('active', 'past_due') then
    v_lines := v_lines || array(select l from billing.unbilled_usage_lines(v_old, v_at) l);
  elsif not v_old.is_add_on then
    v_lines := v_lines || array(select l from billing.use_lines(v_old.tenant_id, null, null, null, null, null) l);
  end if;
  return query select * from billing.preview_lines(v_old.tenant_id, v_at, v_lines, v_old.currency);
end
$$;
comment on function app_public.preview_invoice is
  E'@errors ID203 LB302 LB303 LB350\nThe next invoice of the subscription, or of the add-on with the plan add_on, with the usage up to now, line by line with subtotal, tax and total, and when it will be created. Requires can_manage_billing.';
grant execute on function app_public.preview_invoice to rowhouse_user;

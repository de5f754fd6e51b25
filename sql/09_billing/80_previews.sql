-- What would be billed, by the functions that bill. Nothing is written.

create or replace function billing.preview(tenant_id uuid, at timestamptz, lines app_public.invoice_lines[], in_currency text)
returns table (kind text, description text, amount numeric, currency text, effective_at timestamptz)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_rate numeric;
  v_subtotal numeric;
begin
  select case p.tax_mode when 'standard' then p.tax_rate else 0 end into v_rate from app_public.billing_profiles p where p.tenant_id = preview.tenant_id;
  v_rate := coalesce(v_rate, 0);
  select coalesce(sum(l.amount), 0) into v_subtotal from unnest(preview.lines) l;
  return query
    select l.kind::text, l.description, l.amount, preview.in_currency, preview.at from unnest(preview.lines) l
    union all
    values ('subtotal', 'Subtotal', v_subtotal, preview.in_currency, preview.at),
           ('tax', 'Tax', billing.round_money(v_subtotal * v_rate, preview.in_currency), preview.in_currency, preview.at),
           ('total', 'Total', v_subtotal + billing.round_money(v_subtotal * v_rate, preview.in_currency), preview.in_currency, preview.at);
end
$$;
comment on function billing.preview is
  'Lines with subtotal, tax and total.';

create or replace function app_public.preview_plan_change(plan text, billing_cycle app_public.billing_cycle_enum default null)
returns table (kind text, description text, amount numeric, currency text, effective_at timestamptz)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := core.clock();
  v_old app_public.subscriptions;
  v_new app_public.subscriptions;
  v_plan app_public.plans;
  v_price app_public.plan_prices;
  v_period tstzrange;
  v_lines app_public.invoice_lines[] := '{}';
  v_at timestamptz;
begin
  perform tenancy.require_permission('can_manage_billing');
  v_old := billing.live_subscription(core.current_tenant_id());
  v_plan := billing.plan_by_slug(preview_plan_change.plan);
  v_new := v_old;
  v_new.plan_id := v_plan.id;
  v_new.billing_cycle := coalesce(preview_plan_change.billing_cycle, v_old.billing_cycle);
  v_price := billing.plan_price_at(v_plan.id, v_old.currency, v_new.billing_cycle, v_now);
  if v_old.status = 'active' and billing.is_upgrade(v_old, v_plan, v_price) and v_new.billing_cycle = v_old.billing_cycle then
    v_at := v_now;
    v_lines := array(select l from billing.change_lines(v_old, v_price, v_now) l);
  else
    -- what the first period of it will cost: now when the period begins anew, else when this one ends
    v_at := case when v_old.status = 'active' and billing.is_upgrade(v_old, v_plan, v_price) then v_now else v_old.current_period_end end;
    if v_at = v_now then
      v_new.anchor_on := (v_now at time zone v_old.timezone)::date;
      v_lines := array(select l from billing.unused_line(v_old, v_now) l);
      if v_old.usage_since < v_now then
        v_lines := v_lines || array(select l from billing.usage_lines(v_old.tenant_id, v_old.price_id, tstzrange(v_old.usage_since, v_now)) l);
      end if;
    elsif v_old.status = 'trialing' then
      v_new.anchor_on := (v_at at time zone v_old.timezone)::date;
    end if;
    v_price := billing.plan_price_at(v_plan.id, v_old.currency, v_new.billing_cycle, v_at);
    v_period := billing.subscription_period(v_new, v_at);
    if v_price.amount > 0 then
      v_lines := v_lines || billing.recurring_line(v_price, 'recurring', 1, v_period, v_period, v_old.timezone);
    end if;
  end if;
  return query select * from billing.preview(v_old.tenant_id, v_at, v_lines, v_old.currency);
end
$$;
comment on function app_public.preview_plan_change is
  E'@errors LB301 LB302 LB303 ID203\nWhat change_plan would bill, and when it would take effect, line by line with subtotal, tax and total. Nothing is changed. Needs can_manage_billing.';
grant execute on function app_public.preview_plan_change to rowhouse_user;

create or replace function app_public.preview_invoice()
returns table (kind text, description text, amount numeric, currency text, effective_at timestamptz)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := core.clock();
  v_old app_public.subscriptions;
  v_new app_public.subscriptions;
  v_price app_public.plan_prices;
  v_period tstzrange;
  v_lines app_public.invoice_lines[] := '{}';
begin
  perform tenancy.require_permission('can_manage_billing');
  v_old := billing.live_subscription(core.current_tenant_id());
  v_new := v_old;
  v_new.plan_id := coalesce(v_old.pending_plan_id, v_old.plan_id);
  v_new.billing_cycle := coalesce(v_old.pending_billing_cycle, v_old.billing_cycle);
  if v_old.status = 'trialing' then
    v_new.anchor_on := (v_old.trial_ends_at at time zone v_old.timezone)::date;
  end if;
  if v_old.status <> 'paused' and not v_old.cancel_at_period_end then
    v_price := billing.plan_price_at(v_new.plan_id, v_new.currency, v_new.billing_cycle, v_old.current_period_end);
    v_period := billing.subscription_period(v_new, v_old.current_period_end);
    if v_price.amount > 0 then
      v_lines := array[billing.recurring_line(v_price, 'recurring', 1, v_period, v_period, v_new.timezone)];
    end if;
  end if;
  if v_old.status in ('active', 'past_due') and v_old.usage_since < v_now then
    v_lines := v_lines || array(select l from billing.usage_lines(v_old.tenant_id, v_old.price_id,
      tstzrange(v_old.usage_since, least(v_now, v_old.current_period_end))) l);
  end if;
  v_lines := v_lines || array(select l from billing.adjustment_lines(v_old.tenant_id, null, null) l);
  return query select * from billing.preview(v_old.tenant_id, v_old.current_period_end, v_lines, v_old.currency);
end
$$;
comment on function app_public.preview_invoice is
  E'@errors LB303 ID203\nThe next invoice as it would be with what was used until now, line by line with subtotal, tax and total, and when it is made. Needs can_manage_billing.';
grant execute on function app_public.preview_invoice to rowhouse_user;

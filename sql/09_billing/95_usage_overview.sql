-- What people see of their use: used, limit and where it is heading, then by day and by model. Read from metering's roll-up
-- of days, so it is as fresh as the last roll-up (a minute) and costs the same however much was used.

create or replace function billing.overview_period(tenant_id uuid) returns tstzrange
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_period tstzrange;
begin
  select tstzrange(s.current_period_start, s.current_period_end) into v_period from app_public.subscriptions s
   where s.tenant_id = overview_period.tenant_id and s.status in ('trialing', 'active', 'past_due');
  if not found then
    select tstzrange(date_trunc('month', core.clock(), t.timezone),
                     (date_trunc('month', core.clock() at time zone t.timezone) + interval '1 month') at time zone t.timezone)
      into v_period from app_public.tenants t where t.id = overview_period.tenant_id;
  end if;
  return v_period;
end
$$;
comment on function billing.overview_period is
  'The billing period of a tenant that is under way; without a subscription the calendar month.';

create or replace function billing.begin_overview(out period tstzrange, out first_day date, out last_day date)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_view_analytics');
  period := billing.overview_period(core.current_tenant_id());
  select (lower(period) at time zone t.timezone)::date, ((upper(period) - interval '1 microsecond') at time zone t.timezone)::date
    into first_day, last_day
    from app_public.tenants t where t.id = core.current_tenant_id();
end
$$;
comment on function billing.begin_overview is
  'The period that usage is shown for, as times and as days of the tenant''s time zone. ID203 without the permission can_view_analytics.';

create or replace function app_public.usage_overview()
returns table (metric text, display_name text, unit text, used numeric, included numeric, quota_limit numeric, forecast numeric,
               period_start timestamptz, period_end timestamptz)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_now timestamptz := core.clock();
  v_shown record;
  v_elapsed numeric;
begin
  v_shown := billing.begin_overview();
  v_elapsed := extract(epoch from v_now - lower(v_shown.period)) / extract(epoch from upper(v_shown.period) - lower(v_shown.period));
  return query
    with days as (
      select d.usage_type, sum(d.quantity) as quantity, sum(d.cost) as cost
        from metering.usage_days d
       where d.tenant_id = v_tenant_id and d.used_on between v_shown.first_day and v_shown.last_day
       group by d.usage_type
    ), components as (
      select c.usage_type, c.included_quantity
        from app_public.subscriptions s join app_public.plan_price_components c on c.price_id = s.price_id
       where s.tenant_id = v_tenant_id and s.ended_at is null
    ), metrics as (
      select t.name as metric, t.display_name, t.unit, coalesce(d.quantity, 0) as used, c.included_quantity as included,
             case t.name when 'api_call' then 'api_calls' end as quota_type
        from app_public.usage_types t left join days d on d.usage_type = t.name left join components c on c.usage_type = t.name
       where d.usage_type is not null or c.usage_type is not null
      union all
      select 'tokens', 'Tokens of language models', 'token', coalesce(sum(d.quantity), 0), null, 'tokens'
        from days d join app_public.usage_types t on t.name = d.usage_type and t.token_class is not null
      union all
      select 'cost', 'Cost of language models', 'USD', coalesce(sum(d.cost), 0), null, 'cost' from days d
    )
    select m.metric, m.display_name, m.unit, m.used, m.included,
           (select min(l.quota_limit) from metering.quota_limits(array[v_tenant_id], v_tenant_id, m.quota_type) l
             where l.quota_scope = 'tenant' and l.period = 'billing'),
           -- as it went so far; early in a period one busy hour counts for much
           round(case when v_elapsed > 0 then m.used / least(v_elapsed, 1) else m.used end, 2),
           lower(v_shown.period), upper(v_shown.period)
      from metrics m
    union all
    -- what is counted stays as it is
    select c.quota_type, initcap(c.quota_type), case c.quota_type when 'storage' then 'byte' else rtrim(c.quota_type, 's') end,
           c.current_usage, null, c.quota_limit, c.current_usage, lower(v_shown.period), upper(v_shown.period)
      from app_public.quota_tracking c
     where c.tenant_id = v_tenant_id and c.quota_scope = 'tenant' and not c.includes_subtree and c.period = 'none'
     order by 1;
end
$$;
comment on function app_public.usage_overview is
  E'@errors ID203\nWhat this tenant used in the billing period under way (without a subscription, in the calendar month), as of the last minute: used; included, what its plan''s price includes; quota_limit, the strictest of its quotas for a billing period; forecast, used divided by the share of the period that has passed. Rows for each type of use that occurred or is priced, for tokens and cost (US dollars) altogether, and for what is counted: users, agents, documents, storage. Needs can_view_analytics.';
grant execute on function app_public.usage_overview to rowhouse_user;

create or replace function app_public.usage_by_day()
returns table (used_on date, metric text, quantity numeric, cost numeric)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shown record;
begin
  v_shown := billing.begin_overview();
  return query
    select d.used_on, d.usage_type, sum(d.quantity), sum(d.cost)
      from metering.usage_days d
     where d.tenant_id = core.current_tenant_id() and d.used_on between v_shown.first_day and v_shown.last_day
     group by 1, 2 order by 1, 2;
end
$$;
comment on function app_public.usage_by_day is
  E'@errors ID203\nWhat this tenant used in the period of usage_overview on each day of its time zone, by type; cost in US dollars. Needs can_view_analytics.';
grant execute on function app_public.usage_by_day to rowhouse_user;

create or replace function app_public.usage_by_model()
returns table (model_id uuid, model_name text, metric text, quantity numeric, cost numeric)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shown record;
begin
  v_shown := billing.begin_overview();
  return query
    select d.model_id, m.name, d.usage_type, sum(d.quantity), sum(d.cost)
      from metering.usage_days d left join app_public.llm_models m on m.id = d.model_id
     where d.tenant_id = core.current_tenant_id() and d.used_on between v_shown.first_day and v_shown.last_day
       and d.model_id is not null
     group by 1, 2, 3 order by 2, 3;
end
$$;
comment on function app_public.usage_by_model is
  E'@errors ID203\nWhat this tenant used of each model in the period of usage_overview, by type; cost in US dollars; model_name is null for a model that is gone. Needs can_view_analytics.';
grant execute on function app_public.usage_by_model to rowhouse_user;

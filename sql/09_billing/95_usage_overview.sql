-- The usage of a tenant in the current billing period: used, limit and forecast, then by day and by model. All of it is read
-- from the daily roll-ups of metering, so it is at most about a minute old, and its cost does not depend on the number of events.

create or replace function billing.overview_period(tenant_id uuid) returns tstzrange
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_period tstzrange;
begin
  select tstzrange(s.current_period_start, s.current_period_end) into v_period from app_public.subscriptions s
   where s.tenant_id = overview_period.tenant_id and not s.is_add_on and s.status in ('trialing', 'active', 'past_due');
  if not found then
    select tstzrange(date_trunc('month', core.clock(), t.timezone),
                     (date_trunc('month', core.clock() at time zone t.timezone) + interval '1 month') at time zone t.timezone)
      into v_period from app_public.tenants t where t.id = overview_period.tenant_id;
  end if;
  return v_period;
end
$$;
comment on function billing.overview_period is
  'The current billing period of a tenant, or the current calendar month when it has no running subscription.';

create or replace function billing.overview_scope(out period tstzrange, out first_day date, out last_day date)
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
comment on function billing.overview_scope is
  E'@errors ID203\nChecks the permission can_view_analytics, and returns the period for which usage is shown, as times and as days of the time zone of the tenant.';

create or replace function billing.used_metrics(tenant_id uuid, first_day date, last_day date)
returns table (metric text, display_name text, unit text, used numeric, included numeric, quota_type text)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with days as (
      select d.usage_type, sum(d.quantity) as quantity, sum(d.cost) as cost
        from metering.usage_days d
       where d.tenant_id = used_metrics.tenant_id and d.used_on between used_metrics.first_day and used_metrics.last_day
       group by d.usage_type
    ), components as (
      select c.usage_type, c.included_quantity
        from app_public.subscriptions s join app_public.plan_price_components c on c.price_id = s.price_id
       where s.tenant_id = used_metrics.tenant_id and s.ended_at is null
    )
    select t.name, t.display_name, t.unit,
           coalesce(case t.name when 'llm_cost' then (select sum(a.cost) from days a) else d.quantity end, 0), c.included_quantity,
           case t.name when 'api_call' then 'api_calls' end
      from app_public.usage_types t left join days d on d.usage_type = t.name left join components c on c.usage_type = t.name
     where d.usage_type is not null or c.usage_type is not null
    union all
    select 'tokens', 'Tokens of language models', 'token', coalesce(sum(d.quantity), 0), null, 'tokens'
      from days d join app_public.usage_types t on t.name = d.usage_type and t.token_class is not null
    union all
    select 'cost', 'Cost of language models', 'USD', coalesce(sum(d.cost), 0), null, 'cost' from days d;
end
$$;
comment on function billing.used_metrics is
  'What a tenant used on some days: each usage type that was used or is priced by its plan, then all tokens and the cost. quota_type names the quota that limits the metric, if there is one.';

create or replace function app_public.usage_overview() returns setof app_public.usage_overview_metric
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id uuid := core.current_tenant_id();
  v_shown record;
  v_elapsed numeric;
begin
  v_shown := billing.overview_scope();
  -- the share of the period that has passed, from 0 to 1
  v_elapsed := least(extract(epoch from core.clock() - lower(v_shown.period))
    / extract(epoch from upper(v_shown.period) - lower(v_shown.period)), 1);
  return query
    select m.metric, m.display_name, m.unit, m.used, m.included,
           (select min(l.quota_limit) from metering.quota_limits(array[v_tenant_id], v_tenant_id, m.quota_type) l
             where l.quota_scope = 'tenant' and l.period = 'billing'),
           -- forecast = used / elapsed; early in a period a single busy hour therefore weighs heavily
           round(case when v_elapsed > 0 then m.used / v_elapsed else m.used end, 2),
           lower(v_shown.period), upper(v_shown.period)
      from billing.used_metrics(v_tenant_id, v_shown.first_day, v_shown.last_day) m
    union all
    -- counts such as users do not grow with time, so their forecast is the current count
    select c.quota_type::text, initcap(c.quota_type), case c.quota_type when 'storage' then 'byte' else rtrim(c.quota_type, 's') end,
           c.current_usage, null, c.quota_limit, c.current_usage, lower(v_shown.period), upper(v_shown.period)
      from (
        -- a tenant may limit itself further than its plan does, with a counter of its own; the strictest limit is shown
        select distinct on (q.quota_type) q.*
          from app_public.quota_tracking q
         where q.tenant_id = v_tenant_id and q.quota_scope = 'tenant' and q.period = 'none'
         order by q.quota_type, q.quota_limit
      ) as c
     order by 1;
end
$$;
comment on function app_public.usage_overview is
  E'@errors ID203\nThe usage of this tenant in the current billing period, or in the current calendar month when it has no subscription. It is at most about a minute old. There is a row for each usage type that was used or is priced by the plan, for all tokens, for the cost in US dollars, and for the counts of users, agents, documents and storage. Requires can_view_analytics.';
grant execute on function app_public.usage_overview to rowhouse_user;

create or replace function app_public.usage_by_day() returns setof app_public.usage_of_day
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shown record;
begin
  v_shown := billing.overview_scope();
  return query
    select d.used_on, d.usage_type, sum(d.quantity), sum(d.cost)
      from metering.usage_days d
     where d.tenant_id = core.current_tenant_id() and d.used_on between v_shown.first_day and v_shown.last_day
     group by 1, 2 order by 1, 2;
end
$$;
comment on function app_public.usage_by_day is
  E'@errors ID203\nThe usage of this tenant in the period of usage_overview, by day of its time zone and by usage type. Requires can_view_analytics.';
grant execute on function app_public.usage_by_day to rowhouse_user;

create or replace function app_public.usage_by_model() returns setof app_public.usage_of_model
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shown record;
begin
  v_shown := billing.overview_scope();
  return query
    select d.model_id, m.name, d.usage_type, sum(d.quantity), sum(d.cost)
      from metering.usage_days d left join app_public.llm_models m on m.id = d.model_id
     where d.tenant_id = core.current_tenant_id() and d.used_on between v_shown.first_day and v_shown.last_day
       and d.model_id is not null
     group by 1, 2, 3 order by 2, 3;
end
$$;
comment on function app_public.usage_by_model is
  E'@errors ID203\nThe usage of this tenant in the period of usage_overview, by language model and by usage type. Requires can_view_analytics.';
grant execute on function app_public.usage_by_model to rowhouse_user;

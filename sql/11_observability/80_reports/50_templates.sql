-- The reports that the platform brings. Each keeps the rules of every statement.

do $$
declare
  v_days constant app_public.report_parameter[] := array[row('days', 'int', false, '30')::app_public.report_parameter];
begin
  call observability.define_report_template('cost_by_day_and_model', 'Cost by day and model',
    'What calls of models cost in US dollars, of the last days.',
    $q$select c.day, m.name as model, sum(c.cost_usd) as cost_usd, sum(c.call_count) as calls
  from fact_costs c left join dim_models m using (model_id)
 where c.day > current_date - $1 and (c.cost_usd > 0 or c.call_count > 0)
 group by c.day, m.name order by c.day, cost_usd desc, model$q$, v_days);
  call observability.define_report_template('searches_without_hit', 'Searches without a hit',
    'How many searches there were by day, and how many of them found nothing. Questions are not in it.',
    $q$select searched_at::date as day, count(*) as searches, count(*) filter (where hit_count = 0) as without_hit
  from fact_searches where searched_at > current_date - $1
 group by searched_at::date order by day$q$, v_days);
  call observability.define_report_template('quota_use', 'Quota use',
    'How much of each quota of the running periods is used.',
    $q$select quota_type, period, period_start, current_usage, reserved, quota_limit,
       round(100 * current_usage / nullif(quota_limit, 0), 1) as used_percent
  from fact_quota_use where current_date < period_end order by used_percent desc nulls last, quota_type, period$q$);
  call observability.define_report_template('invoices', 'Invoices',
    'The invoices of the last days, by when their period began.',
    $q$select i.period_start, i.period_end, p.name as plan, i.status, i.currency, i.subtotal, i.tax, i.total, i.amount_paid, i.amount_due, i.due_at
  from fact_invoices i left join dim_plans p using (plan_id)
 where i.period_start > current_date - $1 order by i.period_start, i.invoice_id$q$,
    array[row('days', 'int', false, '366')::app_public.report_parameter]);
  call observability.define_report_template('agent_usage', 'Use of agents',
    'Calls, tokens and cost in US dollars of each agent, of the last days.',
    $q$select coalesce(a.name, '(none)') as agent, sum(c.call_count) as calls, sum(c.token_count) as tokens, sum(c.cost_usd) as cost_usd
  from fact_costs c left join dim_agents a using (agent_id)
 where c.day > current_date - $1
 group by a.name order by cost_usd desc, agent$q$, v_days);
end
$$;

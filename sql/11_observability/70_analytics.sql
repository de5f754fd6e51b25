-- The analysts' door: a star of dimensions and facts in the schema analytics. An analyst's login has a right to these views and
-- to nothing else, so the catalogue that psql and BI tools read by privileges names nothing else, and no id of a person can be
-- read beside its pseudonym. The views read through the eyes of rowhouse_analytics, whose policies go by the name of the login
-- (ADR 18 says why they are not security_invoker). Views of the roll-ups answer at once; those of single rows are for drill-down.

-- Policies and grants of lower domains' tables stand here, because the star is what needs them.
call core.allow('app_public.tool_executions', read => 'analyst');
call core.allow('app_public.analytics_events', read => 'analyst');
call core.allow('app_public.user_tenants', read => 'analyst');
call core.allow('app_public.user_sessions', read => 'analyst');
call core.allow('app_public.subscriptions', read => 'analyst');
call core.allow('app_public.invoices', read => 'analyst');
call core.allow('app_public.quota_tracking', read => 'analyst');
call core.allow('app_public.llm_models', read => 'every_analyst');
call core.allow('metering.llm_texts', read => 'analyst');
call core.define_access('analyst_of_member', 'id in (select m.user_id from app_public.user_tenants m)',
  'analysts, of the members of the tenants that their login was given', null);
create policy select_analyst on app_public.user_profiles for select to rowhouse_analytics
  using (id in (select m.user_id from app_public.user_tenants m));
create policy select_analyst on app_public.agents for select to rowhouse_analytics
  using (tenant_id = any ((select tenancy.analyst_tenant_ids())::uuid[]) or sharing_mode = 'platform');
create policy select_analyst on app_public.tools for select to rowhouse_analytics
  using (tenant_id = any ((select tenancy.analyst_tenant_ids())::uuid[]) or sharing_mode = 'platform');
create policy select_analyst on app_public.plans for select to rowhouse_analytics
  using (only_for_tenant_id is null or only_for_tenant_id = any ((select tenancy.analyst_tenant_ids())::uuid[]));
grant select (subscription_tier, config, created_at) on app_public.tenants to rowhouse_analytics;
grant select (id, email, full_name) on app_public.user_profiles to rowhouse_analytics;
grant select (user_id) on app_public.query_logs to rowhouse_analytics;
grant select on app_public.tool_executions, app_public.analytics_events, app_public.user_tenants, app_public.user_sessions,
  app_public.subscriptions, app_public.invoices, app_public.quota_tracking, app_public.llm_models, app_public.agents,
  app_public.tools, app_public.plans, metering.llm_calls, metering.llm_texts to rowhouse_analytics;

set local role rowhouse_analytics;  -- its views show what its policies let through, which is the tenants of the analyst's login

create or replace view analytics.dim_tenants as
  select id as tenant_id, slug, name, status, subscription_tier as tier, timezone, created_at from app_public.tenants;
comment on view analytics.dim_tenants is 'The tenants that this login may read.';
comment on column analytics.dim_tenants.slug is 'Its name in addresses.';
comment on column analytics.dim_tenants.tier is 'The level of its plan.';
comment on column analytics.dim_tenants.timezone is 'The time zone in which its days begin.';

create or replace view analytics.dim_dates as
  select d::date as day, extract(isoyear from d)::int as iso_year, extract(week from d)::int as iso_week,
         date_trunc('week', d)::date as week_starts_on, date_trunc('month', d)::date as month_starts_on,
         date_trunc('quarter', d)::date as quarter_starts_on, extract(isodow from d)::int as weekday
    from generate_series('2020-01-01'::timestamp, '2039-12-31', '1 day') as d;
comment on view analytics.dim_dates is 'The days of 2020 to 2039.';
comment on column analytics.dim_dates.week_starts_on is 'The Monday of its week.';
comment on column analytics.dim_dates.weekday is '1 is Monday, 7 is Sunday.';

create or replace view analytics.dim_duration_classes as
  select c::smallint as duration_class, observability.bucket_value(c::smallint) as duration_ms from generate_series(-1, 1100) as c;
comment on view analytics.dim_duration_classes is 'The classes that durations are counted in, from the shortest to the longest.';
comment on column analytics.dim_duration_classes.duration_ms is
  'The duration that stands for those of the class, in milliseconds, at most 1 % away from each.';

create or replace view analytics.dim_users as
  select m.tenant_id,
         case when g.sees_people then m.user_id else tenancy.pseudonym(m.user_id, g.pseudonym_key) end as user_id,
         case when g.sees_people then p.full_name end as full_name,
         case when g.sees_people then p.email end as email,
         m.role, m.status, m.joined_at
    from app_public.user_tenants m
    join tenancy.analyst_tenants g on g.tenant_id = m.tenant_id
    left join app_public.user_profiles p on p.id = m.user_id;
comment on view analytics.dim_users is 'The members of a tenant.';
comment on column analytics.dim_users.full_name is E'@personal erase\nThe name; null unless the grant of this login says that it sees people.';
comment on column analytics.dim_users.email is E'@personal erase\nThe address; null unless the grant of this login says that it sees people.';
comment on column analytics.dim_users.joined_at is 'When the person joined.';

create or replace view analytics.dim_agents as
  select tenant_id, id as agent_id, name, status, model_id, created_at, deleted_at from app_public.agents;
comment on view analytics.dim_agents is 'Agents of the tenant, and those that the platform provides. Join by agent_id alone.';

create or replace view analytics.dim_tools as
  select tenant_id, id as tool_id, name, category, created_at, deleted_at from app_public.tools;
comment on view analytics.dim_tools is 'Tools of the tenant, and those that the platform provides. Join by tool_id alone.';

create or replace view analytics.dim_models as
  select id as model_id, name, display_name, kind, context_window_size from app_public.llm_models;
comment on view analytics.dim_models is 'Language and embedding models.';
comment on column analytics.dim_models.context_window_size is 'The context, in tokens.';

create or replace view analytics.dim_sources as
  select s.tenant_id, s.id as source_id, s.name, s.category, s.language, s.embedding_model, s.deleted_at,
         (select count(*) from app_public.documents d where d.tenant_id = s.tenant_id and d.source_id = s.id) as document_count,
         (select coalesce(sum(d.size_bytes), 0) from app_public.documents d where d.tenant_id = s.tenant_id and d.source_id = s.id) as size_bytes
    from app_public.rag_knowledge_sources s;
comment on view analytics.dim_sources is 'Sources of knowledge.';
comment on column analytics.dim_sources.size_bytes is 'The size of its documents, in bytes.';

create or replace view analytics.dim_plans as
  select id as plan_id, slug, name, tier, retired_at from app_public.plans;
comment on view analytics.dim_plans is 'Plans that are sold.';

-- A view of many rows asks once a query who is named and by which keys, instead of joining the grant to each row.
create or replace view analytics.fact_usage_days as
  select d.tenant_id, d.used_on as day, d.usage_type,
         case when d.tenant_id = any ((select array_agg(g.tenant_id) from tenancy.analyst_tenants g where g.sees_people)::uuid[]) then d.user_id
              else tenancy.pseudonym(d.user_id, (select jsonb_object_agg(g.tenant_id, g.pseudonym_key) from tenancy.analyst_tenants g) ->> d.tenant_id::text)
         end as user_id,
         d.agent_id, d.project_id, d.model_id, d.feature_name, d.event_count, d.quantity, d.cost as cost_usd,
         d.duration_ms, d.success_count, d.error_count
    from metering.usage_days d;
comment on view analytics.fact_usage_days is 'Usage of every type by day, person, agent, project, model and feature: a roll-up, about a minute old.';
comment on column analytics.fact_usage_days.usage_type is 'What was used, such as llm_call, input_tokens or search.';
comment on column analytics.fact_usage_days.quantity is 'How much, in the unit of the type: calls, tokens, byte-hours.';
comment on column analytics.fact_usage_days.event_count is 'How many events.';

create or replace view analytics.fact_costs as
  select tenant_id, used_on as day, agent_id, project_id, model_id, cost as cost_usd, call_count, error_count, token_count
    from metering.usage_model_days;
comment on view analytics.fact_costs is 'What the use of models cost, by day, agent, project and model.';
comment on column analytics.fact_costs.call_count is 'Calls of language models.';
comment on column analytics.fact_costs.error_count is 'Calls that failed.';
comment on column analytics.fact_costs.token_count is 'Tokens of all classes.';

-- A pseudonym costs more than a row, so each person gets it once and not on every day. The people are one object that is looked up,
-- not a join: the planner cannot know how many a tenant of the login has, and would now and then compare each with every other.
create or replace view analytics.fact_active_users as
  select d.tenant_id, d.used_on as day,
         case when d.tenant_id = any ((select array_agg(g.tenant_id) from tenancy.analyst_tenants g where g.sees_people)::uuid[]) then d.user_id
              else ((select jsonb_object_agg(u.tenant_id::text || u.user_id, tenancy.pseudonym(u.user_id, g.pseudonym_key))
                       from metering.usage_users u join tenancy.analyst_tenants g on g.tenant_id = u.tenant_id
                      where not g.sees_people) ->> (d.tenant_id::text || d.user_id))::uuid
         end as user_id,
         d.event_count
    from metering.usage_user_days d;
comment on view analytics.fact_active_users is 'Who used something on which day.';
comment on column analytics.fact_active_users.event_count is 'How many events of the person that day.';

create or replace view analytics.fact_api_calls as
  select tenant_id, used_on as day, api_key_id, agent_id, event_count, quantity as call_count, error_count, duration_ms
    from metering.usage_days where usage_type = 'api_call';
comment on view analytics.fact_api_calls is 'Calls of the API by day, key and agent.';

create or replace view analytics.fact_operation_days as
  select tenant_id, day, kind, subject_id, operation, bucket as duration_class,
         execution_count, success_count, error_count, duration_ms, token_count, cost_usd
    from observability.operation_days;
comment on view analytics.fact_operation_days is
  'Operations of agents, prompts, workflows, panels and tools, and events of the product, by day: a roll-up, about a minute old. Rows add up.';
comment on column analytics.fact_operation_days.subject_id is 'The agent, tool or other thing of the catalogue; null for what is not in it.';
comment on column analytics.fact_operation_days.operation is 'The kind of operation, the name of the tool, or the name of the event.';
comment on column analytics.fact_operation_days.duration_class is
  'The class of the durations of this row, which dim_duration_classes explains; null for none. Percentiles are read from it.';
comment on column analytics.fact_operation_days.token_count is 'Tokens that were read and written.';

create or replace view analytics.fact_llm_calls as
  select c.tenant_id, c.id as call_id, c.occurred_at, c.model_id, c.model, c.provider, c.agent_id,
         case when c.tenant_id = any ((select array_agg(g.tenant_id) from tenancy.analyst_tenants g where g.sees_people)::uuid[]) then c.user_id
              else tenancy.pseudonym(c.user_id, (select jsonb_object_agg(g.tenant_id, g.pseudonym_key) from tenancy.analyst_tenants g) ->> c.tenant_id::text)
         end as user_id,
         c.project_id, c.input_tokens, c.cached_input_tokens, c.output_tokens, c.reasoning_tokens, c.total_tokens,
         c.total_cost as cost_usd, c.response_time_ms as duration_ms, c.time_to_first_token_ms, c.success, c.error_type
    from metering.llm_calls c;
comment on view analytics.fact_llm_calls is 'Single calls of language models.';
comment on column analytics.fact_llm_calls.time_to_first_token_ms is 'Milliseconds until the first token came.';

create or replace view analytics.fact_llm_texts as
  select x.tenant_id, x.call_id, x.occurred_at, x.prompt_text, x.system_prompt, x.completion_text
    from metering.llm_texts x
   where x.tenant_id in (select t.id from app_public.tenants t where metering.stores_texts(t.config));
comment on view analytics.fact_llm_texts is 'The texts of calls, of tenants whose setting store_llm_texts is on.';
comment on column analytics.fact_llm_texts.prompt_text is E'@personal erase\nWhat the person wrote.';
comment on column analytics.fact_llm_texts.system_prompt is E'@personal erase\nThe instructions of the agent.';
comment on column analytics.fact_llm_texts.completion_text is E'@personal erase\nWhat the model wrote.';

create or replace view analytics.fact_tool_runs as
  select r.tenant_id, r.id as run_id, r.executed_at, r.tool_id, r.tool_name, r.agent_id,
         case when r.tenant_id = any ((select array_agg(g.tenant_id) from tenancy.analyst_tenants g where g.sees_people)::uuid[]) then r.user_id
              else tenancy.pseudonym(r.user_id, (select jsonb_object_agg(g.tenant_id, g.pseudonym_key) from tenancy.analyst_tenants g) ->> r.tenant_id::text)
         end as user_id,
         r.status, r.duration_ms, r.cost_usd, r.error_type
    from app_public.tool_executions r;
comment on view analytics.fact_tool_runs is 'Single runs of tools, without their arguments and results.';

create or replace view analytics.fact_searches as
  select q.tenant_id, q.id as search_id, q.created_at as searched_at,
         case when q.tenant_id = any ((select array_agg(g.tenant_id) from tenancy.analyst_tenants g where g.sees_people)::uuid[]) then q.user_id
              else tenancy.pseudonym(q.user_id, (select jsonb_object_agg(g.tenant_id, g.pseudonym_key) from tenancy.analyst_tenants g) ->> q.tenant_id::text)
         end as user_id,
         q.mode, q.latency_ms, q.hit_count, q.source_ids
    from app_public.query_logs q;
comment on view analytics.fact_searches is 'Single searches, without their questions.';
comment on column analytics.fact_searches.latency_ms is 'How long the search took in the database, in milliseconds.';
comment on column analytics.fact_searches.hit_count is 'How many hits it returned.';

create or replace view analytics.fact_search_quarter_hours as
  select tenant_id, starts_at, mode, search_count, hitless_count, latency_ms from search.query_quarter_hours;
comment on view analytics.fact_search_quarter_hours is
  'Searches by quarter of an hour and mode: a roll-up, about a minute old. Rows add up.';
comment on column analytics.fact_search_quarter_hours.starts_at is 'When the quarter of an hour began.';
comment on column analytics.fact_search_quarter_hours.search_count is 'How many searches there were.';
comment on column analytics.fact_search_quarter_hours.hitless_count is 'How many of them had no hit.';
comment on column analytics.fact_search_quarter_hours.latency_ms is 'How long they took in the database together, in milliseconds.';

create or replace view analytics.fact_sessions as
  select s.tenant_id, s.id as session_id,
         case when g.sees_people then s.user_id else tenancy.pseudonym(s.user_id, g.pseudonym_key) end as user_id,
         s.session_start, s.session_end, s.duration_seconds, s.page_views, s.events_count, s.device_type
    from app_public.user_sessions s join tenancy.analyst_tenants g on g.tenant_id = s.tenant_id;
comment on view analytics.fact_sessions is 'Sessions of people, without their addresses.';
comment on column analytics.fact_sessions.duration_seconds is 'How long it lasted, in seconds.';

create or replace view analytics.fact_invoices as
  select i.tenant_id, i.id as invoice_id, i.status, s.plan_id, i.currency, i.period_start, i.period_end, i.subtotal, i.tax,
         i.total, i.amount_credited, i.amount_paid, i.amount_due, i.finalised_at, i.due_at, i.paid_at
    from app_public.invoices i
    left join app_public.subscriptions s on s.tenant_id = i.tenant_id and s.id = i.subscription_id;
comment on view analytics.fact_invoices is 'Invoices, with the plan of their subscription. Amounts are in the invoice''s currency.';
comment on column analytics.fact_invoices.subtotal is 'The amount before tax.';

create or replace view analytics.fact_quota_use as
  select tenant_id, quota_type, period, period_start, period_end, quota_limit, current_usage, reserved, is_exceeded
    from app_public.quota_tracking where quota_scope = 'tenant';
comment on view analytics.fact_quota_use is 'How much of each quota of the tenant is used.';

create or replace view analytics.fact_events as
  select e.tenant_id, e.id as event_id, e.occurred_at, e.event_name,
         case when e.tenant_id = any ((select array_agg(g.tenant_id) from tenancy.analyst_tenants g where g.sees_people)::uuid[]) then e.user_id
              else tenancy.pseudonym(e.user_id, (select jsonb_object_agg(g.tenant_id, g.pseudonym_key) from tenancy.analyst_tenants g) ->> e.tenant_id::text)
         end as user_id,
         e.session_id
    from app_public.analytics_events e where e.is_known;
comment on view analytics.fact_events is 'Single known events of the product, without their properties.';

-- What columns of the same name mean in all views.
do $do$
declare
  v_column record;
begin
  for v_column in
    select a.attrelid::regclass as view, a.attname, m.meaning
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid and c.relnamespace = 'analytics'::regnamespace
      left join (values
        ('tenant_id', 'The tenant.'), ('day', 'The day, in the tenant''s time zone.'), ('agent_id', 'The agent.'), ('tool_id', 'The tool.'),
        ('model_id', 'The model.'), ('plan_id', 'The plan.'), ('project_id', 'The project.'), ('cost_usd', 'The cost in US dollars, not rounded.'),
        ('user_id', E'@personal pseudonymise\nThe person: a pseudonym that is the same in all views of this login, unless the grant says that it sees people.'),
        ('duration_ms', 'The duration in milliseconds; in a roll-up the sum.'), ('execution_count', 'How many operations.'),
        ('success_count', 'How many succeeded.'), ('error_count', 'How many failed.'), ('currency', 'The currency of the amounts.')
      ) as m (name, meaning) on m.name = a.attname
     where a.attnum > 0 and col_description(a.attrelid, a.attnum) is null
  loop
    execute format('comment on column %s.%I is %L', v_column.view, v_column.attname,
      coalesce(v_column.meaning, 'The ' || replace(regexp_replace(v_column.attname, '_(id|at)$', ''), '_', ' ') || '.'));
  end loop;
end
$do$;
grant select on all tables in schema analytics to rowhouse_analyst;

set local role rowhouse_owner;

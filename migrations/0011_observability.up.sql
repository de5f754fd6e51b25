-- Observability: figures over the data of all tenants, computed once an hour, and the watch over their age.

create schema observability authorization rowhouse_owner;
comment on schema observability is 'Figures over the data of all tenants, and the watch over their age.';
grant usage on schema observability to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics;

set role rowhouse_owner;

-- The worker refreshes these figures, because computing them for each request would be too slow. A materialized view has no
-- row level security, so each is read through a filtering view in app_public.
-- A materialized view reads walled tables only through a function that sets row_security. pg_restore and the scripts of
-- pg_dump turn row_security off, and then every query to which a policy applies is an error, also the refresh by the view's
-- owner. Without the function the view stays empty after a restore.
create function observability.compute_platform_shared_resources() returns table (
  kind app_public.resource_kind, id uuid, tenant_id uuid, name text, display_name text, description text, category text,
  tags text[], icon text, version text, status text, usage_count bigint, rating numeric, updated_at timestamptz)
language sql stable
set search_path to pg_catalog, pg_temp
set row_security to on
as $$
  select 'agent'::app_public.resource_kind as kind, id, tenant_id, name, display_name, description, primary_category as category,
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.tenant_id = r.tenant_id and a.item_type = 'agent' and a.item_id = r.id order by t.name) as tags,
         icon, version, status::text as status, usage_count, rating, updated_at
    from app_public.agents r where sharing_mode = 'platform' and deleted_at is null
  union all
  select 'tool', id, tenant_id, name, display_name, description, category,
         array(select t.name from app_public.tag_assignments a join app_public.tags t on t.tenant_id = a.tenant_id and t.id = a.tag_id
                where a.tenant_id = r.tenant_id and a.item_type = 'tool' and a.item_id = r.id order by t.name),
         icon, version, status, usage_count, null, updated_at
    from app_public.tools r where sharing_mode = 'platform' and deleted_at is null
  union all
  select 'prompt', id, tenant_id, name, display_name, description, category, tags, null, version, status, usage_count, rating, updated_at
    from app_public.prompts where sharing_mode = 'platform' and deleted_at is null
  union all
  select 'workflow', id, tenant_id, name, display_name, description, category, tags, icon, version, status, execution_count, null, updated_at
    from app_public.workflows where sharing_mode = 'platform' and deleted_at is null
  union all
  select 'knowledge_source', id, tenant_id, name, display_name, description, category, tags, null, null, status, query_count, null, updated_at
    from app_public.rag_knowledge_sources where sharing_mode = 'platform' and deleted_at is null;
$$;
grant execute on function observability.compute_platform_shared_resources to rowhouse_platform;
create materialized view observability.mv_platform_shared_resources as select * from observability.compute_platform_shared_resources();
create unique index on observability.mv_platform_shared_resources (tenant_id, kind, id);

create function observability.compute_tenant_resource_counts() returns table (
  tenant_id uuid, agent_count bigint, active_agent_count bigint, tool_count bigint, prompt_count bigint, workflow_count bigint,
  knowledge_source_count bigint, document_count bigint, document_bytes bigint, member_count bigint, workspace_count bigint,
  project_count bigint)
language sql stable
set search_path to pg_catalog, pg_temp
set row_security to on
as $$
  select t.id as tenant_id,
         coalesce(agents.n, 0) as agent_count,
         coalesce(agents.active, 0) as active_agent_count,
         coalesce(tools.n, 0) as tool_count,
         coalesce(prompts.n, 0) as prompt_count,
         coalesce(workflows.n, 0) as workflow_count,
         coalesce(sources.n, 0) as knowledge_source_count,
         coalesce(documents.n, 0) as document_count,
         coalesce(documents.bytes, 0) as document_bytes,
         coalesce(members.n, 0) as member_count,
         coalesce(workspaces.n, 0) as workspace_count,
         coalesce(projects.n, 0) as project_count
    from app_public.tenants t
    left join (select tenant_id, count(*) as n, count(*) filter (where status = 'active' and is_active) as active
                 from app_public.agents where deleted_at is null group by tenant_id) agents on agents.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.tools where deleted_at is null group by tenant_id) tools
      on tools.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.prompts where deleted_at is null group by tenant_id) prompts
      on prompts.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.workflows where deleted_at is null group by tenant_id) workflows
      on workflows.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.rag_knowledge_sources where deleted_at is null group by tenant_id) sources
      on sources.tenant_id = t.id
    left join (select tenant_id, count(*) as n, sum(size_bytes)::bigint as bytes from app_public.documents group by tenant_id) documents
      on documents.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.user_tenants where status = 'active' group by tenant_id) members
      on members.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.workspaces where deleted_at is null group by tenant_id) workspaces on workspaces.tenant_id = t.id
    left join (select tenant_id, count(*) as n from app_public.projects where deleted_at is null group by tenant_id) projects on projects.tenant_id = t.id;
$$;
grant execute on function observability.compute_tenant_resource_counts to rowhouse_platform;
create materialized view observability.mv_tenant_resource_counts as select * from observability.compute_tenant_resource_counts();
create unique index on observability.mv_tenant_resource_counts (tenant_id);

-- At most twenty agents of each tenant. Agents that were neither used nor rated are left out.
create function observability.compute_popular_agents() returns table (
  tenant_id uuid, rank int, agent_id uuid, usage_count bigint, success_rate numeric, rating numeric, feedback_count int)
language sql stable
set search_path to pg_catalog, pg_temp
set row_security to on
as $$
  select ranked.tenant_id, ranked.rank::int as rank, ranked.agent_id, ranked.usage_count, ranked.success_rate, ranked.rating, ranked.feedback_count
    from (
      select tenant_id, id as agent_id, usage_count, success_rate, rating, feedback_count,
             row_number() over (partition by tenant_id order by usage_count desc, rating desc nulls last, feedback_count desc, name, id) as rank
        from app_public.agents
       where deleted_at is null and status = 'active' and is_active and (usage_count > 0 or feedback_count > 0)
    ) as ranked
   where ranked.rank <= 20;
$$;
grant execute on function observability.compute_popular_agents to rowhouse_platform;
create materialized view observability.mv_popular_agents as select * from observability.compute_popular_agents();
create unique index on observability.mv_popular_agents (tenant_id, rank);

-- The materialized views, with their last refresh and how old each may become.
create table observability.materialized_views (
  name text primary key,
  stale_after interval not null default '2 hours',
  created_at timestamptz not null default now(),
  refreshed_at timestamptz,
  duration_ms int,
  row_count bigint,

  constraint stale_after_is_positive check (stale_after > '0')
);
insert into observability.materialized_views (name)
values ('mv_platform_shared_resources'), ('mv_tenant_resource_counts'), ('mv_popular_agents');

create table observability.materialized_view_alerts (
  id bigint primary key generated always as identity,
  view_name text not null references observability.materialized_views (name) on delete cascade,
  raised_at timestamptz not null,
  resolved_at timestamptz,

  constraint resolved_at_is_after_raised_at check (resolved_at >= raised_at)
);
create index on observability.materialized_view_alerts (view_name, raised_at);
create unique index materialized_view_alerts_one_open_key on observability.materialized_view_alerts (view_name) where resolved_at is null;

-- Events --------------------------------------------------------------------------------------------------------------------
-- What agents, tools and products did is only added to, and lies by month. Roll-ups follow from a queue of what is new.

create domain app_public.tool_execution_status as text
  constraint tool_execution_status_is_known check (value in ('success', 'error', 'timeout', 'cancelled'));
create domain app_public.operation_kind as text
  constraint operation_kind_is_known check (value in ('agent', 'prompt', 'workflow', 'panel', 'tool', 'event'));

create table app_public.agent_metrics (
  tenant_id uuid not null,
  id uuid not null,
  created_at timestamptz not null,
  batch_id bigint not null,
  agent_id uuid,
  agent_name text,
  user_id uuid,
  api_key_id uuid,
  conversation_id uuid,
  session_id text,
  prompt_id uuid,
  workflow_id uuid,
  panel_id uuid,
  operation_type text not null,
  query_text text,
  search_method text,
  response_time_ms int not null,
  tokens_input int not null default 0,
  tokens_output int not null default 0,
  cost_usd numeric not null default 0,
  satisfaction_score int,
  confidence_score numeric,
  relevance_score numeric,
  graphrag_hit boolean not null default false,
  graphrag_fallback boolean not null default false,
  graph_traversal_depth int not null default 0,
  chunks_retrieved int not null default 0,
  success boolean not null default true,
  error_occurred boolean not null generated always as (not success) stored,
  error_type text,
  error_message text,
  metadata jsonb not null default '{}',
  primary key (tenant_id, created_at, id),

  constraint response_time_ms_is_not_negative check (response_time_ms >= 0),
  constraint tokens_input_is_not_negative check (tokens_input >= 0),
  constraint tokens_output_is_not_negative check (tokens_output >= 0),
  constraint cost_usd_is_an_amount check (cost_usd >= 0 and cost_usd <= metering.max_amount()),
  constraint satisfaction_score_is_in_range check (satisfaction_score between 1 and 5),
  constraint confidence_score_is_a_share check (confidence_score between 0 and 1),
  constraint relevance_score_is_a_share check (relevance_score between 0 and 1),
  constraint graph_traversal_depth_is_not_negative check (graph_traversal_depth >= 0),
  constraint chunks_retrieved_is_not_negative check (chunks_retrieved >= 0),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
) partition by range (created_at);
call core.limit_length('app_public.agent_metrics', 255, 'agent_name', 'session_id');
call core.limit_length('app_public.agent_metrics', 100, 'operation_type', 'error_type');
call core.limit_length('app_public.agent_metrics', 50, 'search_method');
call core.limit_length('app_public.agent_metrics', 10000, 'query_text', 'error_message');
call core.limit_bytes('app_public.agent_metrics', 8192, 'metadata');
create index on app_public.agent_metrics (tenant_id, batch_id);
create index on app_public.agent_metrics (tenant_id, agent_id, created_at);
create table observability.agent_metrics_default partition of app_public.agent_metrics default;

create table app_public.tool_executions (
  tenant_id uuid not null,
  id uuid not null,
  executed_at timestamptz not null,
  batch_id bigint not null,
  tool_id uuid,
  tool_name text not null,
  agent_id uuid,
  user_id uuid,
  api_key_id uuid,
  conversation_id uuid,
  task_id uuid,
  status app_public.tool_execution_status not null,
  duration_ms int,
  input jsonb,
  output jsonb,
  cost_usd numeric not null default 0,
  error_type text,
  error_message text,
  metadata jsonb not null default '{}',
  primary key (tenant_id, executed_at, id),

  constraint duration_ms_is_not_negative check (duration_ms >= 0),
  constraint cost_usd_is_an_amount check (cost_usd >= 0 and cost_usd <= metering.max_amount()),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object')
) partition by range (executed_at);
call core.limit_length('app_public.tool_executions', 255, 'tool_name');
call core.limit_length('app_public.tool_executions', 100, 'error_type');
call core.limit_length('app_public.tool_executions', 10000, 'error_message');
call core.limit_bytes('app_public.tool_executions', 100000, 'input', 'output');
call core.limit_bytes('app_public.tool_executions', 8192, 'metadata');
create index on app_public.tool_executions (tenant_id, batch_id);
create index on app_public.tool_executions (tenant_id, tool_id, executed_at);
create table observability.tool_executions_default partition of app_public.tool_executions default;

-- The events of a product that a tenant knows, each with a schema of its properties.
create table app_public.analytics_event_types (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  name text not null,
  description text,
  properties_schema jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, name),

  constraint name_is_a_name check (core.is_name(name)),
  constraint properties_schema_is_an_object check (jsonb_typeof(properties_schema) = 'object')
);
call core.limit_length('app_public.analytics_event_types', 100, 'name');
call core.limit_length('app_public.analytics_event_types', 1000, 'description');
call core.limit_bytes('app_public.analytics_event_types', 20000, 'properties_schema');

create table app_public.analytics_events (
  tenant_id uuid not null,
  id uuid not null,
  occurred_at timestamptz not null,
  batch_id bigint not null,
  event_name text not null,
  user_id uuid,
  session_id text,
  properties jsonb not null default '{}',
  is_known boolean not null,
  primary key (tenant_id, occurred_at, id),

  constraint properties_is_an_object check (jsonb_typeof(properties) = 'object')
) partition by range (occurred_at);
call core.limit_length('app_public.analytics_events', 100, 'event_name');
call core.limit_length('app_public.analytics_events', 255, 'session_id');
call core.limit_bytes('app_public.analytics_events', 8192, 'properties');
create index on app_public.analytics_events (tenant_id, batch_id);
create index on app_public.analytics_events (tenant_id, event_name, occurred_at);
create table observability.analytics_events_default partition of app_public.analytics_events default;

create sequence observability.batches;

-- A key is remembered for 35 days. Recording the same row under it again stores nothing.
create table observability.event_keys (
  tenant_id uuid not null,
  kind text not null,
  key text not null,
  payload_hash bigint not null,
  recorded_at timestamptz not null,
  primary key (tenant_id, kind, key)
);
call core.limit_length('observability.event_keys', 50, 'kind');
call core.limit_length('observability.event_keys', 255, 'key');
create index on observability.event_keys (recorded_at);

create table observability.operation_queue (
  tenant_id uuid not null,
  batch_id bigint not null,
  kind app_public.operation_kind not null,
  event_count int not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (tenant_id, batch_id)
);

-- A row counts the operations of a day whose duration lies in one bucket of a logarithmic scale, so rows of several days or
-- subjects add up to the percentiles of all of them. bucket is null for what has no duration.
create table observability.operation_days (
  tenant_id uuid not null,
  day date not null,
  kind app_public.operation_kind not null,
  subject_id uuid,
  operation text not null,
  bucket smallint,
  execution_count bigint not null,
  success_count bigint not null,
  error_count bigint not null,
  duration_ms bigint not null,
  token_count bigint not null,
  cost_usd numeric not null,
  last_at timestamptz not null
);
call core.limit_length('observability.operation_days', 255, 'operation');
create unique index operation_days_key on observability.operation_days (tenant_id, day, kind, subject_id, operation, bucket)
  nulls not distinct;

create table observability.operation_totals (
  tenant_id uuid not null,
  kind app_public.operation_kind not null,
  subject_id uuid not null,
  execution_count bigint not null,
  success_count bigint not null,
  error_count bigint not null,
  duration_ms bigint not null,
  timed_count bigint not null,
  last_at timestamptz not null,
  primary key (tenant_id, kind, subject_id)
);

create table observability.rollup_state (
  tenant_id uuid primary key references app_public.tenants (id) on delete cascade,
  timezone text not null,
  rolled_up_at timestamptz not null default now()
);
call core.limit_length('observability.rollup_state', 64, 'timezone');

create type app_public.new_agent_metric as (
  idempotency_key text,
  created_at timestamptz,
  agent_id uuid,
  agent_name text,
  user_id uuid,
  conversation_id uuid,
  session_id text,
  prompt_id uuid,
  workflow_id uuid,
  panel_id uuid,
  operation_type text,
  query_text text,
  search_method text,
  response_time_ms int,
  tokens_input int,
  tokens_output int,
  cost_usd numeric,
  satisfaction_score int,
  confidence_score numeric,
  relevance_score numeric,
  graphrag_hit boolean,
  graphrag_fallback boolean,
  graph_traversal_depth int,
  chunks_retrieved int,
  success boolean,
  error_type text,
  error_message text,
  metadata jsonb
);

create type app_public.new_tool_execution as (
  idempotency_key text,
  executed_at timestamptz,
  tool_id uuid,
  tool_name text,
  agent_id uuid,
  user_id uuid,
  conversation_id uuid,
  task_id uuid,
  status app_public.tool_execution_status,
  duration_ms int,
  input jsonb,
  output jsonb,
  cost_usd numeric,
  error_type text,
  error_message text,
  metadata jsonb
);

create type app_public.new_analytics_event as (
  idempotency_key text,
  occurred_at timestamptz,
  event_name text,
  user_id uuid,
  session_id text,
  properties jsonb
);

-- What the rows of the three kinds have in common, so that one check is for all of them.
create type observability.event_head as (
  key text,
  at timestamptz,
  user_id uuid,
  problem text
);

create type app_public.recording_receipt as (
  stored_count int,
  repeated_count int
);

-- Traces --------------------------------------------------------------------------------------------------------------------
-- A span between its arrival and its rows.

create type observability.span as (
  key text,
  kind text,
  operation text,
  at timestamptz,
  duration_ms bigint,
  error_type text,
  error_message text,
  attributes jsonb,
  metadata jsonb,
  agent_id uuid,
  tool_id uuid,
  workflow_id uuid,
  model text
);

-- Alerts and health ---------------------------------------------------------------------------------------------------------
-- A rule compares a metric with a limit once a minute. Its state lies in a table of its own, because it changes each minute and
-- also in a tenant that is read-only. What happened is only added to.

create domain app_public.alert_state as text
  constraint alert_state_is_known check (value in ('ok', 'pending', 'firing', 'acknowledged', 'silenced', 'resolved', 'no_data'));
create domain app_public.alert_severity as text
  constraint alert_severity_is_known check (value in ('info', 'warning', 'critical'));
create domain app_public.alert_comparator as text
  constraint alert_comparator_is_known check (value in ('above', 'at_least', 'below', 'at_most'));
create domain app_public.alert_aggregation as text
  constraint alert_aggregation_is_known check (value in ('count', 'sum', 'average', 'least', 'greatest', 'p50', 'p95', 'p99'));
create domain app_public.alert_notification_status as text
  constraint alert_notification_status_is_known check (value in ('held', 'queued', 'sent', 'failed', 'skipped'));

-- The columns from row_source on are SQL, which only the files of rules write.
create table app_public.alert_metrics (
  name text primary key,
  description text not null,
  unit text not null,
  aggregations text[] not null,
  filter_keys text[] not null,
  is_platform boolean not null,
  row_source text not null,
  row_value text not null,
  row_at text,
  row_condition text,
  filter_columns jsonb not null,

  constraint aggregations_are_named check (cardinality(aggregations) > 0)
);
call core.limit_length('app_public.alert_metrics', 1000, 'name', 'description', 'unit', 'row_source', 'row_value', 'row_at', 'row_condition');
call core.limit_entries('app_public.alert_metrics', 20, 'aggregations', 'filter_keys');
call core.limit_bytes('app_public.alert_metrics', 4096, 'filter_columns');

create table app_public.alerts (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,
  description text,
  builtin text,
  is_enabled boolean not null default true,
  metric text not null references app_public.alert_metrics (name),
  filter jsonb not null default '{}',
  window_minutes int not null default 5,
  aggregation app_public.alert_aggregation not null,
  comparator app_public.alert_comparator not null default 'above',
  threshold numeric,
  deviation_percent numeric,
  deviation_weeks int,
  for_minutes int not null default 0,
  severity app_public.alert_severity not null default 'warning',
  channels text[] not null default '{email}',
  recipient_user_ids uuid[],
  repeat_minutes int,
  quiet_from time,
  quiet_to time,
  notifies_no_data boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  constraint name_is_a_name check (length(name) <= 200 and core.is_name(name)),
  constraint filter_is_an_object check (jsonb_typeof(filter) = 'object'),
  constraint window_minutes_is_in_range check (window_minutes between 1 and 1440),
  constraint limit_is_a_threshold_or_a_deviation check (num_nonnulls(threshold, deviation_percent) = 1),
  constraint threshold_is_an_amount check (threshold between -1e15 and 1e15),
  constraint deviation_percent_is_in_range check (deviation_percent between 0 and 10000),
  constraint deviation_weeks_is_in_range check (deviation_weeks between 1 and 8),
  constraint deviation_is_over_weeks check ((deviation_percent is null) = (deviation_weeks is null)),
  constraint for_minutes_is_in_range check (for_minutes between 0 and 1440),
  constraint channels_are_known check (channels <@ array['email', 'webhook', 'slack']),
  constraint repeat_minutes_is_in_range check (repeat_minutes between 5 and 10080),
  constraint quiet_hours_begin_and_end check ((quiet_from is null) = (quiet_to is null) and quiet_from <> quiet_to)
);
call core.limit_length('app_public.alerts', 1000, 'description');
call core.limit_length('app_public.alerts', 63, 'builtin');
call core.limit_bytes('app_public.alerts', 2048, 'filter');
call core.limit_entries('app_public.alerts', 3, 'channels');
call core.limit_entries('app_public.alerts', 20, 'recipient_user_ids');
create index on app_public.alerts (metric);
create unique index alerts_builtin_key on app_public.alerts (tenant_id, builtin) where builtin is not null;

create table observability.alert_states (
  tenant_id uuid not null,
  alert_id uuid not null,
  state app_public.alert_state not null default 'ok',
  since timestamptz not null default now(),
  -- the state of the incident that goes on when data come again
  resumes_as app_public.alert_state,
  pending_since timestamptz,
  clear_since timestamptz,
  incident_id uuid,
  -- when the incident was last announced
  notified_at timestamptz,
  silenced_until timestamptz,
  value numeric,
  limit_value numeric,
  problem text,
  evaluated_at timestamptz,
  transition_count bigint not null default 0,

  primary key (tenant_id, alert_id),
  foreign key (tenant_id, alert_id) references app_public.alerts (tenant_id, id) on delete cascade
);
call core.limit_length('observability.alert_states', 500, 'problem');
create index on observability.alert_states (tenant_id, evaluated_at);

create table app_public.alert_logs (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  alert_id uuid not null,
  ordinal bigint not null,
  incident_id uuid,
  from_state app_public.alert_state not null,
  state app_public.alert_state not null,
  is_repeat boolean not null default false,
  value numeric,
  limit_value numeric,
  user_id uuid,
  note text,
  occurred_at timestamptz not null,

  primary key (tenant_id, id),
  -- Whatever happens twice at once: a transition is one row, and its notifications refer to it.
  unique (tenant_id, alert_id, ordinal),
  foreign key (tenant_id, alert_id) references app_public.alerts (tenant_id, id) on delete cascade
);
call core.limit_length('app_public.alert_logs', 1000, 'note');
create index on app_public.alert_logs (tenant_id, alert_id, id);
create index on app_public.alert_logs (tenant_id, occurred_at, id);

create table app_public.alert_notifications (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  alert_log_id uuid not null,
  incident_id uuid,
  channel text not null,
  user_id uuid references app_public.user_profiles (id) on delete cascade,
  status app_public.alert_notification_status not null,
  send_at timestamptz not null,
  attempts int not null default 0,
  leased_until timestamptz,
  error text,
  sent_at timestamptz,
  created_at timestamptz not null default now(),

  primary key (tenant_id, id),
  foreign key (tenant_id, alert_log_id) references app_public.alert_logs (tenant_id, id) on delete cascade,
  constraint channel_is_known check (channel in ('email', 'slack')),
  constraint mail_has_a_person check ((channel = 'email') = (user_id is not null))
);
call core.limit_length('app_public.alert_notifications', 10, 'channel');
call core.limit_length('app_public.alert_notifications', 500, 'error');
create unique index alert_notifications_key on app_public.alert_notifications (tenant_id, alert_log_id, channel, user_id) nulls not distinct;
create index on app_public.alert_notifications (tenant_id, incident_id);
create index alert_notifications_held_idx on app_public.alert_notifications (send_at) where status = 'held';
create index on app_public.alert_notifications (user_id);
create index on app_public.alert_notifications (tenant_id, created_at, id);
create index on app_public.alert_notifications (tenant_id, alert_log_id, id);

-- The address of an incoming webhook of Slack is its secret.
create table vault.alert_slack (
  tenant_id uuid primary key references app_public.tenants (id) on delete cascade,
  url text not null,

  constraint url_is_a_web_url check (core.is_web_url(url))
);

-- A rule that exists without anybody having made it. candidates is SQL, which only the files of rules write.
create table observability.builtin_alerts (
  name text primary key,
  rule jsonb not null,
  is_platform boolean not null,
  candidates text,

  constraint rule_is_an_object check (jsonb_typeof(rule) = 'object'),
  constraint a_tenants_rule_has_candidates check (is_platform = (candidates is null))
);
call core.limit_length('observability.builtin_alerts', 2000, 'name', 'candidates');
call core.limit_bytes('observability.builtin_alerts', 4096, 'rule');

create type app_public.alert_status as (
  state app_public.alert_state,
  since timestamptz,
  value numeric,
  limit_value numeric,
  silenced_until timestamptz,
  evaluated_at timestamptz,
  problem text
);

create domain app_public.health_status as text
  constraint health_status_is_known check (value in ('ok', 'warning', 'failing'));
create domain app_public.circuit_state as text
  constraint circuit_state_is_known check (value in ('closed', 'open', 'half_open'));

create table app_public.health_checks (
  id bigint primary key generated always as identity,
  part text not null,
  name text not null,
  status app_public.health_status not null,
  value numeric,
  unit text,
  message text not null,
  checked_at timestamptz not null default now()
);
call core.limit_length('app_public.health_checks', 63, 'part', 'name', 'unit');
call core.limit_length('app_public.health_checks', 500, 'message');
create index on app_public.health_checks (name, checked_at desc);
create index on app_public.health_checks (checked_at);

create table app_public.llm_provider_health_checks (
  id bigint primary key generated always as identity,
  provider_id uuid not null references app_public.llm_providers (id) on delete cascade,
  is_healthy boolean not null,
  latency_ms int not null,
  error_class text,
  circuit app_public.circuit_state not null,
  checked_at timestamptz not null default now(),

  constraint latency_ms_is_not_negative check (latency_ms >= 0),
  constraint unhealthy_has_an_error_class check (is_healthy = (error_class is null))
);
call core.limit_length('app_public.llm_provider_health_checks', 63, 'error_class');
create index on app_public.llm_provider_health_checks (provider_id, checked_at desc);
create index on app_public.llm_provider_health_checks (checked_at);

create table observability.provider_circuits (
  provider_id uuid primary key references app_public.llm_providers (id) on delete cascade,
  circuit app_public.circuit_state not null default 'closed',
  failure_count int not null default 0,
  since timestamptz not null default now(),
  next_probe_at timestamptz not null default '-infinity'
);

create table observability.audit_checks (
  tenant_id uuid primary key references app_public.tenants (id) on delete cascade,
  problem_count int not null,
  checked_at timestamptz not null
);

create type app_public.tenant_health as (
  is_healthy boolean,
  document_count bigint,
  waiting_document_count bigint,
  failed_document_count bigint,
  failing_source_count bigint,
  highest_quota app_public.quota_type,
  highest_quota_percent numeric,
  failing_providers text[],
  firing_alert_count bigint
);

-- The analysts' door --------------------------------------------------------------------------------------------------------

-- Views only (sql/11_observability/70_analytics.sql). Analysts may use this schema and no other.
reset role;
create schema analytics authorization rowhouse_owner;
comment on schema analytics is 'What analysts read: dimensions and facts, of the tenants that their login was given.';
grant usage on schema analytics to rowhouse_analyst, rowhouse_analytics;
set role rowhouse_owner;

-- Reports -------------------------------------------------------------------------------------------------------------------
-- A saved statement over the analysts' schema, its runs and their results. A run is one row per due time, so that any number of
-- workers run it once; a report has at most one run that is not over.

grant usage on schema analytics, observability to rowhouse_reporter;

create domain app_public.report_parameter_type as text
  constraint report_parameter_type_is_known check (value in ('text', 'int', 'numeric', 'date', 'timestamptz', 'uuid', 'boolean'));
create domain app_public.report_run_status as text
  constraint report_run_status_is_known check (value in ('queued', 'running', 'completed', 'failed', 'cancelled'));
create domain app_public.report_format as text
  constraint report_format_is_known check (value in ('csv', 'xlsx', 'svg'));

create type app_public.report_parameter as (
  name text,
  type app_public.report_parameter_type,
  is_required boolean,
  default_value text
);

create table app_public.report_templates (
  name text primary key,
  title text not null,
  description text not null,
  statement text not null,
  parameters app_public.report_parameter[] not null,
  reads_billing boolean not null
);
call core.limit_length('app_public.report_templates', 100, 'name', 'title');
call core.limit_length('app_public.report_templates', 1000, 'description');
call core.limit_length('app_public.report_templates', 20000, 'statement');
call core.limit_entries('app_public.report_templates', 10, 'parameters');

create table app_public.analytics_reports (
  tenant_id uuid not null default core.current_tenant_id() references app_public.tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  name text not null,
  description text,
  template text references app_public.report_templates (name),
  statement text,
  parameters app_public.report_parameter[] not null default '{}',
  arguments jsonb not null default '{}',
  reads_billing boolean not null default false,
  schedule text,
  is_enabled boolean not null default true,
  recipient_user_ids uuid[] not null default '{}',
  next_run_at timestamptz,
  created_by_user_id uuid default core.current_user_id(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  primary key (tenant_id, id),
  unique (tenant_id, name),
  constraint name_is_a_name check (length(name) <= 200 and core.is_name(name)),
  constraint statement_or_template_is_given check (num_nonnulls(statement, template) = 1),
  constraint template_brings_its_parameters check (template is null or parameters = '{}'),
  constraint arguments_is_an_object check (jsonb_typeof(arguments) = 'object'),
  constraint schedule_is_at_most_hourly check (schedule ~ '^[0-9]{1,2}\s')
);
call core.limit_length('app_public.analytics_reports', 1000, 'description');
call core.limit_length('app_public.analytics_reports', 20000, 'statement');
call core.limit_length('app_public.analytics_reports', 100, 'schedule');
call core.limit_entries('app_public.analytics_reports', 10, 'parameters');
call core.limit_bytes('app_public.analytics_reports', 8192, 'arguments');
call core.limit_entries('app_public.analytics_reports', 20, 'recipient_user_ids');
create index on app_public.analytics_reports (template);
create index analytics_reports_due_idx on app_public.analytics_reports (next_run_at) where next_run_at is not null;

create table app_public.analytics_report_runs (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  report_id uuid not null,
  status app_public.report_run_status not null default 'queued',
  due_at timestamptz,
  requested_by_user_id uuid,
  arguments jsonb not null,
  attempt int not null default 0,
  row_count int,
  size_bytes int,
  error text,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,

  primary key (tenant_id, id),
  foreign key (tenant_id, report_id) references app_public.analytics_reports (tenant_id, id) on delete cascade
);
call core.limit_bytes('app_public.analytics_report_runs', 8192, 'arguments');
call core.limit_length('app_public.analytics_report_runs', 1000, 'error');
create unique index analytics_report_runs_due_key on app_public.analytics_report_runs (tenant_id, report_id, due_at);
create unique index analytics_report_runs_open_key on app_public.analytics_report_runs (tenant_id, report_id)
  where status in ('queued', 'running');
create index on app_public.analytics_report_runs (tenant_id, report_id, created_at);
create index on app_public.analytics_report_runs (tenant_id, created_at, id);

create table observability.report_results (
  tenant_id uuid not null,
  run_id uuid not null,
  columns jsonb not null,
  rows jsonb not null,

  primary key (tenant_id, run_id),
  foreign key (tenant_id, run_id) references app_public.analytics_report_runs (tenant_id, id) on delete cascade
);
call core.limit_bytes('observability.report_results', 100000, 'columns');
call core.limit_bytes('observability.report_results', 16000000, 'rows');

create table observability.report_mails (
  tenant_id uuid not null,
  run_id uuid not null,
  user_id uuid not null references app_public.user_profiles (id) on delete cascade,
  status app_public.alert_notification_status not null default 'queued',
  attempts int not null default 0,
  error text,
  sent_at timestamptz,

  primary key (tenant_id, run_id, user_id),
  foreign key (tenant_id, run_id) references app_public.analytics_report_runs (tenant_id, id) on delete cascade
);
call core.limit_length('observability.report_mails', 500, 'error');
create index on observability.report_mails (user_id);

create table observability.report_tickets (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  run_id uuid not null,
  user_id uuid not null,
  format app_public.report_format not null,
  expires_at timestamptz not null,

  primary key (tenant_id, id),
  unique (tenant_id, run_id, user_id, format),
  foreign key (tenant_id, run_id) references app_public.analytics_report_runs (tenant_id, id) on delete cascade
);

create type app_public.report_column as (
  name text,
  kind text
);
create type app_public.report_link as (
  id uuid,
  expires_at timestamptz
);

grant create on schema observability to rowhouse_platform;
reset role;
-- a refresh reads the rows that the view's owner sees, so the owner must be the role that sees all tenants
alter materialized view observability.mv_platform_shared_resources owner to rowhouse_platform;
alter materialized view observability.mv_tenant_resource_counts owner to rowhouse_platform;
alter materialized view observability.mv_popular_agents owner to rowhouse_platform;

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
  kind app_public.operation_kind not null,
  key text not null,
  payload_hash bigint not null,
  recorded_at timestamptz not null,
  primary key (tenant_id, kind, key)
);
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

-- Alerts and health ---------------------------------------------------------------------------------------------------------

-- The analysts' door --------------------------------------------------------------------------------------------------------

-- Views only (sql/11_observability/70_analytics.sql). Analysts may use this schema and no other.
reset role;
create schema analytics authorization rowhouse_owner;
comment on schema analytics is 'What analysts read: dimensions and facts, of the tenants that their login was given.';
grant usage on schema analytics to rowhouse_analyst, rowhouse_analytics;
set role rowhouse_owner;

-- Reports -------------------------------------------------------------------------------------------------------------------

grant create on schema observability to rowhouse_platform;
reset role;
-- a refresh reads the rows that the view's owner sees, so the owner must be the role that sees all tenants
alter materialized view observability.mv_platform_shared_resources owner to rowhouse_platform;
alter materialized view observability.mv_tenant_resource_counts owner to rowhouse_platform;
alter materialized view observability.mv_popular_agents owner to rowhouse_platform;

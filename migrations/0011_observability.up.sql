-- Observability: figures over the data of all tenants, computed once an hour, and the watch over their age.

create schema observability authorization rowhouse_owner;
comment on schema observability is 'Figures over the data of all tenants, and the watch over their age.';
grant usage on schema observability to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analyst;

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

grant create on schema observability to rowhouse_platform;
reset role;
-- a refresh reads the rows that the view's owner sees, so the owner must be the role that sees all tenants
alter materialized view observability.mv_platform_shared_resources owner to rowhouse_platform;
alter materialized view observability.mv_tenant_resource_counts owner to rowhouse_platform;
alter materialized view observability.mv_popular_agents owner to rowhouse_platform;

-- What the materialized views have for the tenant of the request. Each row carries as of when it is.

-- The list is as old as it says, but each of its rows is looked up now: what is shared no more is not in it.
create or replace view app_public.platform_shared_resources with (security_invoker = true) as
  select m.kind, m.id, m.name, m.display_name, m.description, m.category, m.tags, m.icon, m.version, m.status, m.usage_count, m.rating,
         m.updated_at, age.refreshed_at, age.age_seconds
    from app_hidden.platform_shared_resources() m
    join app_hidden.catalog_resources r on r.kind = m.kind and r.id = m.id and r.sharing_mode = 'platform'
   cross join (select * from app_hidden.view_age('mv_platform_shared_resources')) as age;
comment on view app_public.platform_shared_resources is
  E'@primaryKey kind,id\nWhat the platform shares with every tenant, in one list. Members. Refreshed every hour; what is not shared any more is gone at once.';

create or replace view app_public.tenant_resource_counts with (security_invoker = true) as
  select c.*, age.refreshed_at, age.age_seconds
    from app_hidden.tenant_resource_counts() c
   cross join (select * from app_hidden.view_age('mv_tenant_resource_counts')) as age;
comment on view app_public.tenant_resource_counts is
  E'@primaryKey tenant_id\n@foreignKey (tenant_id) references app_public.tenants (id)\nHow much of everything this tenant has, one row. Members. Refreshed every hour.';

create or replace view app_public.popular_agents with (security_invoker = true) as
  select p.rank, p.agent_id, p.usage_count, p.success_rate, p.rating, p.feedback_count,
         exists (select from app_public.user_agents u
                  where u.tenant_id = p.tenant_id and u.user_id = (select app_hidden.current_user_id()) and u.agent_id = p.agent_id) as is_in_my_list,
         age.refreshed_at, age.age_seconds
    from app_hidden.popular_agents() p
    join app_public.agents a on a.id = p.agent_id and a.deleted_at is null
   cross join (select * from app_hidden.view_age('mv_popular_agents')) as age;
comment on view app_public.popular_agents is
  E'@primaryKey agent_id\n@foreignKey (agent_id) references app_public.agents (id)\nThe twenty most used agents of this tenant. Those that are not in your list yet are what to recommend to you. Members. Refreshed every hour; a deleted agent is gone at once.';

create or replace view app_public.materialized_view_status with (security_invoker = true) as
  select * from app_hidden.materialized_view_status();
comment on view app_public.materialized_view_status is
  E'@primaryKey name\nThe materialized views and how old they are. Members; row_count is for platform staff. refresh_materialized_view refreshes one.';

create or replace view app_public.materialized_view_alerts with (security_invoker = true) as
  select * from app_hidden.materialized_view_alerts();
comment on view app_public.materialized_view_alerts is
  E'@primaryKey id\nWhen a materialized view became too old, and when it was refreshed again; open while resolved_at is null. Platform staff.';

grant select on app_public.platform_shared_resources, app_public.tenant_resource_counts, app_public.popular_agents,
  app_public.materialized_view_status, app_public.materialized_view_alerts
to rowhouse_user;

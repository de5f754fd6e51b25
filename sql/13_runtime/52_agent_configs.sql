-- The configurations of agents are their published versions in the catalogue (sql/05_catalog/65_versions), which never change.

create or replace view app_public.agent_configs with (security_invoker = true) as
  select v.tenant_id, v.id, v.resource_id as agent_id, v.version, v.version_number, v.content as config, v.changelog,
         v.published_by_user_id, v.published_at,
         lead(v.version_number) over (partition by v.tenant_id, v.resource_id order by v.version_number) is null as is_latest
    from app_public.resource_versions v
   where v.resource_kind = 'agent';
comment on view app_public.agent_configs is
  E'@behavior -*\nThe configurations of agents, for SQL: the versions of agents in the catalogue. The API has them as resource versions.';
grant select on app_public.agent_configs to rowhouse_user;

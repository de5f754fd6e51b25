-- The API of versions: publish, roll back, list and compare. The idea: the rules are in 20_publishing.sql; these functions
-- check the permission and name the kind.

create or replace function app_public.publish_agent(id uuid, changelog text default null, version text default null)
returns app_public.resource_versions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_publish_resources');
  return catalog.publish_resource('agent', catalog.lock_versioned('agent', publish_agent.id), publish_agent.version, publish_agent.changelog);
end
$$;
comment on function app_public.publish_agent is
  E'@resultFieldName resourceVersion\n@errors RS301 RS451 RS551 ID203\nPublishes an agent as it is now, as a version that never changes. version must be higher than the latest one; without it the patch number rises by one, and the first publication gets the agent''s own version. Needs can_publish_resources.';
grant execute on function app_public.publish_agent to rowhouse_user;

create or replace function app_public.publish_prompt(id uuid, changelog text default null, version text default null)
returns app_public.resource_versions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_publish_resources');
  return catalog.publish_resource('prompt', catalog.lock_versioned('prompt', publish_prompt.id), publish_prompt.version, publish_prompt.changelog);
end
$$;
comment on function app_public.publish_prompt is
  E'@resultFieldName resourceVersion\n@errors RS301 RS451 RS551 ID203\nPublishes a prompt as it is now; see publish_agent. Needs can_publish_resources.';
grant execute on function app_public.publish_prompt to rowhouse_user;

create or replace function app_public.publish_workflow(id uuid, changelog text default null, version text default null)
returns app_public.resource_versions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_publish_resources');
  return catalog.publish_resource('workflow', catalog.lock_versioned('workflow', publish_workflow.id), publish_workflow.version, publish_workflow.changelog);
end
$$;
comment on function app_public.publish_workflow is
  E'@resultFieldName resourceVersion\n@errors RS301 RS436 RS451 RS551 ID203\nPublishes a workflow as it is now; see publish_agent. Needs can_publish_resources.';
grant execute on function app_public.publish_workflow to rowhouse_user;

create or replace function app_public.rollback_agent(id uuid, version text, changelog text default null, discard_changes boolean default false)
returns app_public.resource_versions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_publish_resources');
  return catalog.rollback_resource('agent', rollback_agent.id, rollback_agent.version, rollback_agent.changelog, rollback_agent.discard_changes);
end
$$;
comment on function app_public.rollback_agent is
  E'@resultFieldName resourceVersion\n@errors RS301 RS352 RS551 RS552 RS553 ID203\nGives an agent the content and the tools of an older version and publishes it as a new version, so no version is lost. Name, status and sharing do not change. Unpublished changes are refused unless discard_changes is set. Needs can_publish_resources.';
grant execute on function app_public.rollback_agent to rowhouse_user;

create or replace function app_public.rollback_prompt(id uuid, version text, changelog text default null, discard_changes boolean default false)
returns app_public.resource_versions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_publish_resources');
  return catalog.rollback_resource('prompt', rollback_prompt.id, rollback_prompt.version, rollback_prompt.changelog, rollback_prompt.discard_changes);
end
$$;
comment on function app_public.rollback_prompt is
  E'@resultFieldName resourceVersion\n@errors RS301 RS352 RS551 RS552 RS553 ID203\nGives a prompt the content of an older version and publishes it as a new version; see rollback_agent.';
grant execute on function app_public.rollback_prompt to rowhouse_user;

create or replace function app_public.rollback_workflow(id uuid, version text, changelog text default null, discard_changes boolean default false)
returns app_public.resource_versions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_publish_resources');
  return catalog.rollback_resource('workflow', rollback_workflow.id, rollback_workflow.version, rollback_workflow.changelog, rollback_workflow.discard_changes);
end
$$;
comment on function app_public.rollback_workflow is
  E'@resultFieldName resourceVersion\n@errors RS301 RS352 RS436 RS551 RS552 RS553 ID203\nGives a workflow the content of an older version and publishes it as a new version; see rollback_agent.';
grant execute on function app_public.rollback_workflow to rowhouse_user;

comment on type app_public.version_change is 'A difference between two versions of a resource.';
comment on column app_public.version_change.path is E'@notNull\nWhere they differ, as a JSON pointer (RFC 6901) such as /system_prompt.';
comment on column app_public.version_change.from_value is 'The value before; null when the first version has none.';
comment on column app_public.version_change.to_value is 'The value after; null when the second version has none.';

create or replace function app_public.compare_versions(
  resource_kind app_public.resource_kind, resource_id uuid, from_version text, to_version text default null
) returns setof app_public.version_change
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_contents jsonb;
  v_from jsonb;
  v_to jsonb;
begin
  if tenancy.current_member_role() is null and tenancy.is_platform_admin() is not true then
    perform tenancy.require_role('viewer');
  end if;
  select jsonb_object_agg(v.version, v.content) into v_contents
    from app_public.resource_versions v
   where v.tenant_id = core.current_tenant_id() and v.resource_kind = compare_versions.resource_kind
     and v.resource_id = compare_versions.resource_id and v.version in (compare_versions.from_version, compare_versions.to_version);
  v_from := v_contents -> compare_versions.from_version;
  if compare_versions.to_version is not null then
    v_to := v_contents -> compare_versions.to_version;
  elsif v_from is not null then
    execute format('select catalog.authored_content(to_jsonb(r)) from app_public.%I as r where id = $1 and tenant_id = core.current_tenant_id()',
      catalog.versioned_table(compare_versions.resource_kind)) into v_to using compare_versions.resource_id;
  end if;
  if v_from is null or v_to is null then
    perform core.raise_error('RS352', 'There is no such version.', 'List the versions of the resource.');
  end if;
  return query select * from catalog.json_changes(v_from, v_to);
end
$$;
comment on function app_public.compare_versions is
  E'@errors RS352 ID202\nLists the differences between two versions of an agent, prompt or workflow. Without a second version it compares with the resource as it is now. Objects are compared member by member, arrays as a whole. For members of the tenant.';
grant execute on function app_public.compare_versions to rowhouse_user;

create or replace function app_public.agents_versions(agent app_public.agents) returns setof app_public.resource_versions
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select v.* from app_public.resource_versions v
   where v.tenant_id = (agent).tenant_id and v.resource_kind = 'agent' and v.resource_id = (agent).id
   order by v.version_number desc;
$$;
comment on function app_public.agents_versions is
  'The published versions of the agent, the latest first. Empty for an agent that another tenant shares.';
grant execute on function app_public.agents_versions to rowhouse_user;

create or replace function app_public.prompts_versions(prompt app_public.prompts) returns setof app_public.resource_versions
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select v.* from app_public.resource_versions v
   where v.tenant_id = (prompt).tenant_id and v.resource_kind = 'prompt' and v.resource_id = (prompt).id
   order by v.version_number desc;
$$;
comment on function app_public.prompts_versions is
  'The published versions of the prompt, the latest first. Empty for a prompt that another tenant shares.';
grant execute on function app_public.prompts_versions to rowhouse_user;

create or replace function app_public.workflows_versions(workflow app_public.workflows) returns setof app_public.resource_versions
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select v.* from app_public.resource_versions v
   where v.tenant_id = (workflow).tenant_id and v.resource_kind = 'workflow' and v.resource_id = (workflow).id
   order by v.version_number desc;
$$;
comment on function app_public.workflows_versions is
  'The published versions of the workflow, the latest first. Empty for a workflow that another tenant shares.';
grant execute on function app_public.workflows_versions to rowhouse_user;

create or replace function app_public.resource_versions_is_latest(resource_version app_public.resource_versions) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select not exists (
    select from app_public.resource_versions v
     where v.tenant_id = (resource_version).tenant_id and v.resource_kind = (resource_version).resource_kind
       and v.resource_id = (resource_version).resource_id and v.version_number > (resource_version).version_number);
$$;
comment on function app_public.resource_versions_is_latest is
  'Whether no later version was published.';
grant execute on function app_public.resource_versions_is_latest to rowhouse_user;

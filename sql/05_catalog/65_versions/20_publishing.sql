-- Publishing versions of agents, prompts and workflows, and rolling back to one. The idea: a version stores the authored
-- columns of the row as JSON and never changes; a rollback publishes an older content as a new version. The row lock on the
-- resource makes two publications run one after the other.

call core.secure_tenant_table('app_public.resource_versions');
call audit.leave_out('the history of a resource, only ever added', 'app_public.resource_versions');
call core.allow('app_public.resource_versions', read => 'member');
grant select on app_public.resource_versions to rowhouse_user;
comment on table app_public.resource_versions is
  E'@behavior -insert -update -delete -query:resource:connection\nThe published versions of this tenant''s agents, prompts and workflows. A version never changes.';
comment on column app_public.resource_versions.resource_kind is 'The kind of the resource: agent, prompt or workflow.';
comment on column app_public.resource_versions.resource_id is 'The agent, prompt or workflow.';
comment on column app_public.resource_versions.version_number is 'Numbers the resource''s versions from 1 without gaps. The highest number is the latest version.';
comment on column app_public.resource_versions.version is 'The semantic version. It rises with version_number.';
comment on column app_public.resource_versions.content is 'The authored columns as an object, without name, status, sharing, owner and counters.';
comment on column app_public.resource_versions.changelog is 'What is new, in the publisher''s words, at most 10,000 characters.';
comment on column app_public.resource_versions.rolled_back_to is 'The older version whose content this rollback repeats; null when it is not a rollback.';
comment on column app_public.resource_versions.published_by_user_id is E'@personal pseudonymise\nWho published it.';
comment on column app_public.resource_versions.published_at is 'When it was published.';
comment on constraint changelog_is_in_range on app_public.resource_versions is 'must have at most 10,000 characters';
comment on constraint content_is_an_object on app_public.resource_versions is 'must be a JSON object';
comment on constraint resource_kind_has_versions on app_public.resource_versions is 'must be agent, prompt or workflow';
comment on constraint version_is_semantic on app_public.resource_versions is
  'must be a semantic version such as 1.4.0 or 2.0.0-beta.1';
comment on constraint version_number_is_positive on app_public.resource_versions is 'must be above 0';
comment on constraint resource_versions_tenant_id_resource_kind_resource_id_vers_key1 on app_public.resource_versions is
  'is the version of an earlier publication';
comment on constraint resource_versions_tenant_id_resource_kind_resource_id_versi_key on app_public.resource_versions is
  'is the number of an earlier publication';

create or replace function catalog.versioned_table(kind app_public.resource_kind) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case versioned_table.kind when 'agent' then 'agents' when 'prompt' then 'prompts' when 'workflow' then 'workflows' end;
$$;
comment on function catalog.versioned_table is
  'The table of a kind that has versions; null for the other kinds.';

create or replace function catalog.unversioned_columns() returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select array[
    -- identity and place in the organization
    'id', 'tenant_id', 'name', 'owner_id', 'created_by_user_id', 'copied_from_id', 'resource_type', 'sort_order',
    'department_id', 'business_function_id', 'role_id', 'budget_allocation_id', 'billing_code', 'metadata',
    -- sharing
    'sharing_mode', 'is_shared',
    -- generated from the content
    'search_vector',
    -- status and life cycle
    'status', 'is_active', 'enabled', 'lifecycle_stage', 'validation_status', 'approval_required', 'analytics_enabled',
    'activated_at', 'deactivated_at', 'deleted_at', 'last_seen_at', 'created_at', 'updated_at',
    -- computed from logs, ratings and the content itself
    'usage_count', 'success_rate', 'avg_response_time_ms', 'rating', 'feedback_count', 'error_count', 'last_error_at',
    'last_success_at', 'last_used_at', 'performance_score', 'execution_count', 'success_count', 'failure_count',
    'avg_execution_time_ms', 'last_executed_at', 'agent_ids',
    -- the version itself
    'version', 'previous_version_id', 'is_latest_version', 'changelog', 'published_at'
  ];
$$;
comment on function catalog.unversioned_columns is
  'The columns that are not part of a version. All others are, so a new column is part of versions unless it is listed here.';

create or replace function catalog.authored_content(resource jsonb) returns jsonb
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select authored_content.resource - catalog.unversioned_columns();
$$;
comment on function catalog.authored_content is
  'The authored columns of a resource, which is given as its row in JSON.';

create or replace function catalog.lock_versioned(kind app_public.resource_kind, id uuid) returns jsonb
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_resource jsonb;
begin
  execute format(
    'select to_jsonb(r) from app_public.%I as r where id = $1 and tenant_id = core.current_tenant_id() and deleted_at is null for update',
    catalog.versioned_table(lock_versioned.kind))
    into v_resource using lock_versioned.id;
  if v_resource is null then
    perform catalog.raise_no_such_resource(lock_versioned.kind);
  end if;
  return v_resource;
end
$$;
comment on function catalog.lock_versioned is
  E'@errors RS301\nLocks the row of this tenant''s agent, prompt or workflow until the transaction ends, and returns it as JSON.';

create or replace function catalog.latest_version(kind app_public.resource_kind, id uuid) returns app_public.resource_versions
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select v from app_public.resource_versions as v
   where v.tenant_id = core.current_tenant_id() and v.resource_kind = latest_version.kind and v.resource_id = latest_version.id
   order by v.version_number desc limit 1;
$$;
comment on function catalog.latest_version is
  'The version of a resource that was published last; null when there is none.';

create or replace function catalog.publish_resource(
  kind app_public.resource_kind, resource jsonb, version text, changelog text, rolled_back_to text default null
) returns app_public.resource_versions
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid := publish_resource.resource ->> 'id';
  v_latest app_public.resource_versions := catalog.latest_version(publish_resource.kind, v_id);
  v_content jsonb := catalog.authored_content(publish_resource.resource);
  v_version text := coalesce(
    publish_resource.version,
    case when v_latest is null then publish_resource.resource ->> 'version' else catalog.next_patch_version(v_latest.version) end);
  v_published app_public.resource_versions;
begin
  if publish_resource.kind = 'workflow' then
    perform catalog.refuse_faults('RS436', 'The workflow cannot be run', catalog.run_faults(v_content -> 'workflow_definition'),
      'Expressions are SQL/JSON path; the guide of workflows says which.');
  end if;
  if v_latest.content = v_content then
    perform core.raise_error('RS551', 'Nothing has changed since the latest version.', 'Change something before you publish.');
  end if;
  -- before the first publication there is no latest version: its key is null, and any version is high enough
  if catalog.is_semantic_version(v_version) is not true
     or coalesce(catalog.semantic_version_key(v_version) collate "C" <= catalog.semantic_version_key(v_latest.version) collate "C", false) then
    perform core.raise_error('RS451', 'The version is not a semantic version, or it is not higher than the latest one.',
      'Give major.minor.patch above the latest version, or leave it out to raise the patch number by one.');
  end if;

  insert into app_public.resource_versions
    (tenant_id, resource_kind, resource_id, version_number, version, content, changelog, rolled_back_to, published_by_user_id)
  values
    (core.current_tenant_id(), publish_resource.kind, v_id, coalesce(v_latest.version_number, 0) + 1, v_version, v_content,
     publish_resource.changelog, publish_resource.rolled_back_to, core.current_user_id())
  returning * into v_published;

  if publish_resource.kind = 'agent' then
    update app_public.agents a
       set version = v_version, changelog = publish_resource.changelog, published_at = v_published.published_at,
           previous_version_id = v_latest.id, is_latest_version = true
     where a.id = v_id and a.tenant_id = v_published.tenant_id;
  else
    execute format('update app_public.%I set version = $1 where id = $2 and tenant_id = $3', catalog.versioned_table(publish_resource.kind))
      using v_version, v_id, v_published.tenant_id;
  end if;
  return v_published;
end
$$;
comment on function catalog.publish_resource is
  E'@errors RS436 RS451 RS551\nPublishes a locked resource as it is now.';

create or replace function catalog.rollback_resource(
  kind app_public.resource_kind, id uuid, version text, changelog text, discard_changes boolean
) returns app_public.resource_versions
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_resource jsonb := catalog.lock_versioned(rollback_resource.kind, rollback_resource.id);
  v_table text := catalog.versioned_table(rollback_resource.kind);
  v_latest app_public.resource_versions := catalog.latest_version(rollback_resource.kind, rollback_resource.id);
  v_target app_public.resource_versions;
  v_columns text;
begin
  select v.* into v_target from app_public.resource_versions v
   where v.tenant_id = core.current_tenant_id() and v.resource_kind = rollback_resource.kind
     and v.resource_id = rollback_resource.id and v.version = rollback_resource.version;
  if not found then
    perform core.raise_error('RS352', 'There is no such version.', 'List the versions of the resource.');
  end if;
  if v_latest.content is distinct from catalog.authored_content(v_resource) and rollback_resource.discard_changes is not true then
    perform core.raise_error('RS552', 'The resource has changes that were not published.',
      'Publish them first, or set discard_changes to lose them.');
  end if;

  -- a column that was added after the version was published keeps its value
  select string_agg(format('%I', attname), ', ' order by attnum) into v_columns
    from pg_attribute
   where attrelid = format('app_public.%I', v_table)::regclass and attnum > 0 and not attisdropped and attgenerated = ''
     and attname <> all (catalog.unversioned_columns()) and attname <> 'tool_ids' and v_target.content ? attname;
  begin
    execute format(
      'update app_public.%1$I set (%2$s) = (select %2$s from jsonb_populate_record(null::app_public.%1$I, $1))
        where id = $2 and tenant_id = core.current_tenant_id()', v_table, v_columns)
      using v_target.content, rollback_resource.id;
    if rollback_resource.kind = 'agent' then
      perform catalog.restore_agent_tools(rollback_resource.id, v_target.content -> 'tool_ids');
    end if;
  exception
    when foreign_key_violation then
      perform core.raise_error('RS553', 'The version refers to something that no longer exists.',
        'Create it again, or edit the resource and publish it.');
  end;
  return catalog.publish_resource(
    rollback_resource.kind, catalog.lock_versioned(rollback_resource.kind, rollback_resource.id), null,
    coalesce(rollback_resource.changelog, 'Back to ' || v_target.version), v_target.version);
end
$$;
comment on function catalog.rollback_resource is
  E'@errors RS301 RS352 RS436 RS551 RS552 RS553\nGives a resource the content of an older version and publishes it as a new version.';

create or replace function catalog.restore_agent_tools(agent_id uuid, tool_ids jsonb) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tool_ids uuid[] := array(select value::uuid from jsonb_array_elements_text(restore_agent_tools.tool_ids));
begin
  delete from app_public.agent_tools t
   where t.tenant_id = core.current_tenant_id() and t.agent_id = restore_agent_tools.agent_id and t.tool_id <> all (v_tool_ids);
  insert into app_public.agent_tools (tenant_id, agent_id, tool_id, sort_order)
  select core.current_tenant_id(), restore_agent_tools.agent_id, tool_id, position - 1
    from unnest(v_tool_ids) with ordinality as t (tool_id, position)
  on conflict do nothing;
end
$$;
comment on function catalog.restore_agent_tools is
  'Gives an agent the tools that an older version had.';

create or replace function catalog.tg_resource_versions__keep() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- A depth above 1 means that a foreign key acts, because the tenant or the publisher is being deleted.
  if pg_trigger_depth() = 1 and not (
    tg_op = 'DELETE' and exists (select from app_public.tenants t where t.id = old.tenant_id and t.erased_at is not null)) then
    perform core.raise_error('RS951', 'A published version never changes.', 'Publish a new one.');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
comment on function catalog.tg_resource_versions__keep is
  E'@errors RS951\nRefuses to change or delete a published version, whichever role tries it.';

create or replace function catalog.tg_agents__note_unpublished_changes() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.is_latest_version and old.is_latest_version
     and catalog.authored_content(to_jsonb(new)) <> catalog.authored_content(to_jsonb(old)) then
    new.is_latest_version := false;
  end if;
  return new;
end
$$;
comment on function catalog.tg_agents__note_unpublished_changes is
  'Clears is_latest_version when an agent''s content is edited.';

create or replace trigger _100_keep before update or delete on app_public.resource_versions
  for each row execute function catalog.tg_resource_versions__keep();
create or replace trigger _200_note_unpublished_changes before update on app_public.agents
  for each row execute function catalog.tg_agents__note_unpublished_changes();

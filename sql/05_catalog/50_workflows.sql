-- Workflows: graphs of nodes that run from a start to an end. The idea: a workflow that is stored can be run; the checks that
-- see to it are in 52_workflow_checks.sql.

call catalog.secure_shareable_table('app_public.workflows', 'workflow');
call audit.track('app_public.workflows');
call core.allow('app_public.workflows', insert => 'can_create_resources');
create policy select_member on app_public.workflows for select to rowhouse_user, rowhouse_own_rows, rowhouse_shared_rows
  using (deleted_at is null or (select tenancy.has_permission('can_delete_resources')));
create policy update_permitted on app_public.workflows for update to rowhouse_user
  using ((select tenancy.has_permission('can_edit_resources')) and deleted_at is null);
grant select on app_public.workflows to rowhouse_user;
grant insert (
  name, display_name, description, category, tags, icon, workflow_type, workflow_definition, steps, input_schema,
  output_schema, agent_roles, timeout_seconds, max_retries, error_handling, status, enabled, version, metadata
) on app_public.workflows to rowhouse_user;
grant update (
  name, display_name, description, category, tags, icon, workflow_type, workflow_definition, steps, input_schema,
  output_schema, agent_roles, timeout_seconds, max_retries, error_handling, status, enabled, metadata
) on app_public.workflows to rowhouse_user;
grant select, insert, update, delete on app_public.workflows to rowhouse_platform;
comment on table app_public.workflows is
  E'@large\n@listedBy catalog.visible_workflows\n@behavior -delete\nGraphs of steps in which agents, tools and prompts work together: those of this tenant, and those that are shared with it. Needs can_create_resources or can_edit_resources to write, and can_delete_resources for delete_workflow and restore_workflow.';
comment on column app_public.workflows.sharing_mode is 'Who beyond this tenant may use it.';
comment on column app_public.workflows.is_shared is 'Whether anyone beyond this tenant may use it.';
comment on column app_public.workflows.resource_type is 'Whether this tenant made it, or the platform provides it.';
comment on column app_public.workflows.copied_from_id is 'The workflow it was copied from.';
comment on column app_public.workflows.name is E'@notPersonal\nName, unique among the tenant''s workflows that are not deleted; at most 255 characters.';
comment on column app_public.workflows.display_name is E'@notPersonal\nName to show.';
comment on column app_public.workflows.description is 'What it is for.';
comment on column app_public.workflows.category is 'Category to filter by.';
comment on column app_public.workflows.tags is 'Words to filter by.';
comment on column app_public.workflows.icon is 'Name of an icon.';
comment on column app_public.workflows.workflow_type is 'How its steps follow each other.';
comment on column app_public.workflows.workflow_definition is 'The graph: {"nodes": [{"id", "type", …}], "edges": [{"from", "to", "condition"}], "start"}.';
comment on column app_public.workflows.steps is 'Steps for people to read: [{"name", "description", "agent_id", …}].';
comment on column app_public.workflows.input_schema is 'JSON Schema of what it takes.';
comment on column app_public.workflows.output_schema is 'JSON Schema of what it returns.';
comment on column app_public.workflows.agent_ids is E'@kept\nThe agents it needs, taken from the definition, the steps and the roles.';
comment on column app_public.workflows.agent_roles is 'Agents by the role they play: {"reviewer": agent id}.';
comment on column app_public.workflows.timeout_seconds is 'Seconds until a run is given up, 1 to 86,400.';
comment on column app_public.workflows.max_retries is 'How often a failed step is tried again, 0 to 20.';
comment on column app_public.workflows.error_handling is 'What happens when a step fails.';
comment on column app_public.workflows.enabled is 'Whether it may be run.';
comment on column app_public.workflows.status is 'The stage it is in.';
comment on column app_public.workflows.version is 'Semantic version.';
comment on column app_public.workflows.execution_count is E'@kept\nHow often it ran, as the logs say.';
comment on column app_public.workflows.success_count is E'@kept\nHow many runs succeeded, as the logs say.';
comment on column app_public.workflows.failure_count is E'@kept\nHow many runs failed, as the logs say.';
comment on column app_public.workflows.avg_execution_time_ms is E'@kept\nMean milliseconds of a run, as the logs say.';
comment on column app_public.workflows.last_executed_at is E'@kept\nWhen it last ran, as the logs say.';
comment on column app_public.workflows.created_by_user_id is E'@personal pseudonymise\nWho created it.';
comment on column app_public.workflows.metadata is 'Further data about it: an object.';
comment on column app_public.workflows.created_at is 'When it was created.';
comment on column app_public.workflows.updated_at is 'When it last changed.';
comment on column app_public.workflows.deleted_at is 'When it was deleted, null when it is not.';
comment on constraint workflows_copied_from_id_fkey on app_public.workflows is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on column app_public.workflows.search_vector is E'@behavior -*\nThe words search_catalog finds it by.';
comment on constraint agent_roles_is_an_object on app_public.workflows is 'must be a JSON object';
comment on constraint display_name_is_a_name on app_public.workflows is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint input_schema_is_an_object on app_public.workflows is 'must be a JSON object of at most 1 MB';
comment on constraint max_retries_is_in_range on app_public.workflows is 'must be from 0 to 20';
comment on constraint metadata_is_an_object on app_public.workflows is 'must be a JSON object';
comment on constraint name_is_a_name on app_public.workflows is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint output_schema_is_an_object on app_public.workflows is 'must be a JSON object of at most 1 MB';
comment on constraint steps_is_an_array on app_public.workflows is 'must be a JSON array';
comment on constraint timeout_seconds_is_in_range on app_public.workflows is 'must be from 1 to 86,400';
comment on constraint version_is_semantic on app_public.workflows is
  'must be a semantic version such as 1.4.0 or 2.0.0-beta.1';
comment on constraint workflow_definition_is_an_object on app_public.workflows is 'must be a JSON object';
comment on index app_public.workflows_tenant_id_name_key is 'is taken by another one of this tenant';

comment on type app_public.workflow_type is 'How the steps of a workflow follow each other.';

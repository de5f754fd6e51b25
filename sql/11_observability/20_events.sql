-- Events: operations of agents, runs of tools, and what people do in a product. The idea: each is recorded once under its
-- idempotency key, in an append-only table by month; what reports show follows from a queue of what is new.

call core.secure_tenant_table('app_public.agent_metrics');
call audit.leave_out('a log that is only added to', 'app_public.agent_metrics');
call core.allow('app_public.agent_metrics', read => 'self, can_view_analytics');
grant select on app_public.agent_metrics to rowhouse_user;
grant select, delete on app_public.agent_metrics to rowhouse_platform;
comment on table app_public.agent_metrics is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nSingle operations of agents: how long each took, what it cost and how good it was. Members see their own, and with can_view_analytics those of all.';
comment on column app_public.agent_metrics.id is 'The id of the operation; the same idempotency key always gives the same id.';
comment on column app_public.agent_metrics.created_at is 'When the operation began.';
comment on column app_public.agent_metrics.batch_id is E'@behavior -*\nThe batch with which it was recorded.';
comment on column app_public.agent_metrics.agent_id is 'The agent; null when the program that recorded it knows only a name.';
comment on column app_public.agent_metrics.agent_name is E'@notPersonal\nThe name of the agent, as the program that recorded it knows it.';
comment on column app_public.agent_metrics.user_id is E'@personal pseudonymise\nThe person for whom the agent worked.';
comment on column app_public.agent_metrics.api_key_id is 'The API key it was recorded with.';
comment on column app_public.agent_metrics.conversation_id is 'The conversation.';
comment on column app_public.agent_metrics.session_id is 'The session of the program.';
comment on column app_public.agent_metrics.prompt_id is 'The prompt of the catalogue that was used.';
comment on column app_public.agent_metrics.workflow_id is 'The workflow of the catalogue that the operation was a part of.';
comment on column app_public.agent_metrics.panel_id is 'The panel discussion that the operation was a part of.';
comment on column app_public.agent_metrics.operation_type is 'The kind of operation, such as search, generation, analysis or tool_call.';
comment on column app_public.agent_metrics.query_text is E'@personal erase\n@behavior -filterBy -orderBy\nThe question. It is stored only when the settings of the tenant say store_llm_texts.';
comment on column app_public.agent_metrics.search_method is 'How was searched, such as semantic, keyword or hybrid.';
comment on column app_public.agent_metrics.response_time_ms is 'How long it took, in milliseconds.';
comment on column app_public.agent_metrics.tokens_input is 'Tokens that were sent to the model.';
comment on column app_public.agent_metrics.tokens_output is 'Tokens that the model wrote.';
comment on column app_public.agent_metrics.cost_usd is 'The cost in USD as the program knows it. Invoices go by recorded usage, not by this figure.';
comment on column app_public.agent_metrics.satisfaction_score is 'How satisfied the person was: 1 to 5.';
comment on column app_public.agent_metrics.confidence_score is 'How sure the agent was: 0 to 1.';
comment on column app_public.agent_metrics.relevance_score is 'How relevant the answer was: 0 to 1.';
comment on column app_public.agent_metrics.graphrag_hit is 'Whether a knowledge graph had an answer.';
comment on column app_public.agent_metrics.graphrag_fallback is 'Whether plain search was used because the knowledge graph had no answer.';
comment on column app_public.agent_metrics.graph_traversal_depth is 'How many steps were gone through the knowledge graph.';
comment on column app_public.agent_metrics.chunks_retrieved is 'How many chunks of knowledge were read.';
comment on column app_public.agent_metrics.success is 'Whether it succeeded.';
comment on column app_public.agent_metrics.error_occurred is 'Whether it failed: the opposite of success.';
comment on column app_public.agent_metrics.error_type is 'The class of the error.';
comment on column app_public.agent_metrics.error_message is E'@personal erase\nThe error.';
comment on column app_public.agent_metrics.metadata is 'Anything else, as an object of at most 8 kB.';

call core.secure_tenant_table('observability.agent_metrics_default');
grant select, delete on observability.agent_metrics_default to rowhouse_platform;
comment on table observability.agent_metrics_default is 'Operations of months that have no partition; a task moves them.';

call core.secure_tenant_table('app_public.tool_executions');
call audit.leave_out('a log that is only added to', 'app_public.tool_executions');
call core.allow('app_public.tool_executions', read => 'self, can_view_analytics');
grant select on app_public.tool_executions to rowhouse_user;
grant select, delete on app_public.tool_executions to rowhouse_platform;
comment on table app_public.tool_executions is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nSingle runs of tools. Members see their own, and with can_view_analytics those of all.';
comment on column app_public.tool_executions.id is 'The id of the run; the same idempotency key always gives the same id.';
comment on column app_public.tool_executions.executed_at is 'When the run began.';
comment on column app_public.tool_executions.batch_id is E'@behavior -*\nThe batch with which it was recorded.';
comment on column app_public.tool_executions.tool_id is 'The tool of the catalogue; null for a tool that is not in it.';
comment on column app_public.tool_executions.tool_name is E'@notPersonal\nThe name of the tool.';
comment on column app_public.tool_executions.agent_id is 'The agent that called it.';
comment on column app_public.tool_executions.user_id is E'@personal pseudonymise\nThe person for whom it was called.';
comment on column app_public.tool_executions.api_key_id is 'The API key it was recorded with.';
comment on column app_public.tool_executions.conversation_id is 'The conversation.';
comment on column app_public.tool_executions.task_id is 'The task.';
comment on column app_public.tool_executions.status is 'How it ended.';
comment on column app_public.tool_executions.duration_ms is 'How long it took, in milliseconds.';
comment on column app_public.tool_executions.input is E'@personal erase\n@behavior -filterBy -orderBy\nThe arguments. They are stored only when the settings of the tenant say store_llm_texts.';
comment on column app_public.tool_executions.output is E'@personal erase\n@behavior -filterBy -orderBy\nThe result. It is stored only when the settings of the tenant say store_llm_texts.';
comment on column app_public.tool_executions.cost_usd is 'What the run cost in USD, as the program knows it.';
comment on column app_public.tool_executions.error_type is 'The class of the error.';
comment on column app_public.tool_executions.error_message is E'@personal erase\nThe error.';
comment on column app_public.tool_executions.metadata is 'Anything else, as an object of at most 8 kB.';
comment on domain app_public.tool_execution_status is 'How a run of a tool ended.';

call core.secure_tenant_table('observability.tool_executions_default');
grant select, delete on observability.tool_executions_default to rowhouse_platform;
comment on table observability.tool_executions_default is 'Runs of months that have no partition; a task moves them.';

call core.secure_tenant_table('app_public.analytics_event_types');
call audit.track('app_public.analytics_event_types');
call core.allow('app_public.analytics_event_types', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.analytics_event_types to rowhouse_user;
grant insert (name, description, properties_schema), update (description, properties_schema) on app_public.analytics_event_types to rowhouse_user;
comment on table app_public.analytics_event_types is
  'The events of the product that the tenant knows, at most 1,000. Members with the permission can_manage_settings change them.';
comment on column app_public.analytics_event_types.name is E'@notPersonal\nThe name, such as report.opened.';
comment on column app_public.analytics_event_types.description is 'What it means.';
comment on column app_public.analytics_event_types.properties_schema is
  'A JSON Schema for the properties of the event, of the keywords type, enum, const, properties, required, additionalProperties, items and the minima and maxima. An empty object lets every object in.';
comment on column app_public.analytics_event_types.created_at is 'When it was defined.';
comment on column app_public.analytics_event_types.updated_at is 'When it was last changed.';

call core.secure_tenant_table('app_public.analytics_events');
call audit.leave_out('a log that is only added to', 'app_public.analytics_events');
call core.allow('app_public.analytics_events', read => 'self, can_view_analytics');
grant select on app_public.analytics_events to rowhouse_user;
grant select, delete on app_public.analytics_events to rowhouse_platform;
comment on table app_public.analytics_events is
  E'@behavior -insert -update -delete -query:resource:single\n@large\nWhat people did in the product. Members see their own, and with can_view_analytics those of all.';
comment on column app_public.analytics_events.id is 'The id of the event; the same idempotency key always gives the same id.';
comment on column app_public.analytics_events.occurred_at is 'When it happened.';
comment on column app_public.analytics_events.batch_id is E'@behavior -*\nThe batch with which it was recorded.';
comment on column app_public.analytics_events.event_name is E'@notPersonal\nThe name of the event.';
comment on column app_public.analytics_events.user_id is E'@personal pseudonymise\nThe person.';
comment on column app_public.analytics_events.session_id is 'The session of the program.';
comment on column app_public.analytics_events.properties is E'@personal erase\nWhat the event tells, as an object of at most 8 kB.';
comment on column app_public.analytics_events.is_known is
  'Whether the event was known when it was recorded. Unknown events are kept apart: no report counts them.';

call core.secure_tenant_table('observability.analytics_events_default');
grant select, delete on observability.analytics_events_default to rowhouse_platform;
comment on table observability.analytics_events_default is 'Events of months that have no partition; a task moves them.';

call core.secure_tenant_table('observability.event_keys');
call audit.leave_out('a queue or a buffer of tasks', 'observability.event_keys');
grant select, delete on observability.event_keys to rowhouse_platform;
comment on table observability.event_keys is
  'For each idempotency key of the last 35 days a hash of what was recorded under it.';

create or replace function observability.tg_analytics_event_types__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults text[] := core.json_schema_faults(new.properties_schema, 'properties_schema');
begin
  if v_faults <> '{}' then
    perform core.raise_error('OB411', array_to_string(v_faults, '; ') || '.', 'Read the comment of properties_schema for the keywords that are understood.');
  end if;
  return new;
end
$$;
comment on function observability.tg_analytics_event_types__check is
  E'@errors OB411\nRefuses a schema that has a keyword which is not understood.';

create or replace function observability.tg_analytics_event_types__limit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtext('observability.event_types'), hashtext(new.tenant_id::text));
  if (select count(*) from app_public.analytics_event_types t where t.tenant_id = new.tenant_id) >= 1000 then
    perform core.raise_error('OB601', 'A tenant knows at most 1,000 events.', 'Delete events that are no longer sent.');
  end if;
  return new;
end
$$;
comment on function observability.tg_analytics_event_types__limit is
  E'@errors OB601\nKeeps the number of events that a tenant knows below its limit. One transaction at a time adds some.';

create or replace trigger _100_check before insert or update on app_public.analytics_event_types
  for each row execute function observability.tg_analytics_event_types__check();
create or replace trigger _200_limit before insert on app_public.analytics_event_types
  for each row execute function observability.tg_analytics_event_types__limit();

create or replace trigger _200_note_activation before insert or update of status, is_active on app_public.agents
  for each row execute function app_private.tg__note_activation('is_active');
create or replace trigger _200_note_activation before insert or update of status, enabled on app_public.tools
  for each row execute function app_private.tg__note_activation('enabled');

create or replace trigger _300_check_model_settings
  before insert or update of model_id, temperature, max_tokens, context_window_size, function_calling_enabled on app_public.agents
  for each row execute function app_private.tg__check_model_settings();
create or replace trigger _300_check_model_settings before insert or update of model_id, temperature, max_tokens
  on app_public.model_configurations
  for each row execute function app_private.tg__check_model_settings();

create or replace trigger _300_refuse_credentials before insert or update of tools on app_public.agents
  for each row execute function app_private.tg__refuse_credentials('tools');
create or replace trigger _300_refuse_credentials before insert or update of config on app_public.agent_tools
  for each row execute function app_private.tg__refuse_credentials('config');
create or replace trigger _300_refuse_credentials before insert or update of source_config on app_public.rag_knowledge_sources
  for each row execute function app_private.tg__refuse_credentials('source_config');

create or replace trigger _300_check before insert
  or update of headers, authentication_type, authentication_config, endpoint_url, retry_config on app_public.tools
  for each row execute function app_private.tg_tools__check();
create or replace trigger _300_check before insert or update of prompt_text, system_prompt, input_variables, model_requirements
  on app_public.prompts
  for each row execute function app_private.tg_prompts__check();
create or replace trigger _300_check before insert or update of workflow_definition, steps, agent_roles on app_public.workflows
  for each row execute function app_private.tg_workflows__check();

create or replace trigger _300_check_tool before insert on app_public.agent_tools
  for each row execute function app_private.tg_agent_tools__check_tool();
create or replace trigger _500_keep_tool_ids_of_added after insert on app_public.agent_tools
  referencing new table as changed
  for each statement execute function app_private.tg_agent_tools__keep_tool_ids();
create or replace trigger _500_keep_tool_ids_of_ordered after update on app_public.agent_tools
  referencing new table as changed
  for each statement execute function app_private.tg_agent_tools__keep_tool_ids();
create or replace trigger _500_keep_tool_ids_of_removed after delete on app_public.agent_tools
  referencing old table as changed
  for each statement execute function app_private.tg_agent_tools__keep_tool_ids();

create or replace trigger _300_check_item before insert on app_public.tag_assignments
  for each row execute function app_private.tg_tag_assignments__check_item();
create or replace trigger _200_take_turns before insert or update of parent_id on app_public.tool_categories
  for each statement execute function app_private.tg_tool_categories__take_turns();
create or replace trigger _300_refuse_cycle before insert or update of parent_id on app_public.tool_categories
  for each row execute function app_private.tg_tool_categories__refuse_cycle();

-- updated_at is when people changed something: what rules keep (see migrations/0005_catalog and 0006_knowledge) is no change
do $$
declare
  v_kept constant text[] := array[
    'tool_ids', 'agent_ids', 'usage_count', 'success_rate', 'avg_response_time_ms', 'rating', 'feedback_count', 'error_count',
    'last_error_at', 'last_success_at', 'last_seen_at', 'performance_score', 'last_used_at', 'execution_count', 'success_count',
    'failure_count', 'avg_execution_time_ms', 'last_executed_at', 'processing_status', 'processing_started_at',
    'processing_completed_at', 'processing_error', 'total_chunks', 'query_count', 'hit_count', 'relevance_sum',
    'avg_relevance_score', 'last_queried_at', 'is_latest_version'];
  v_kind app_public.resource_kind;
  v_table regclass;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    v_table := app_private.resource_table(v_kind);
    execute format(
      'create or replace trigger _100_set_updated_at before update of %s on %s
         for each row execute function app_private.tg__set_updated_at()',
      (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_catalog.pg_attribute
        where attrelid = v_table and attnum > 0 and not attisdropped and attgenerated = '' and attname <> all (v_kept)), v_table);
  end loop;
end
$$;

-- Agents: when one was switched on and off, what its model takes, and its tools.

call catalog.secure_shareable_table('app_public.agents', 'agent');
call core.allow('app_public.agents', insert => 'can_create_agents');
create policy select_member on app_public.agents for select to rowhouse_user
  using (deleted_at is null or (select tenancy.has_permission('can_delete_agents')));
create policy update_permitted on app_public.agents for update to rowhouse_user
  using ((select tenancy.has_permission('can_edit_agents')) and deleted_at is null);
-- What is kept from logs, ratings, versions, shares and join tables is not written by users.
grant select on app_public.agents to rowhouse_user;
grant insert (
  name, display_name, description, avatar_url, icon, color_scheme, badge_text, badge_color, sort_order, status, tier,
  lifecycle_stage, validation_status, is_active, model_id, system_prompt, temperature, max_tokens, top_p,
  frequency_penalty, presence_penalty, response_format, stop_sequences, streaming_enabled, function_calling_enabled,
  parallel_function_calls, max_retry_attempts, timeout_seconds, primary_category, subcategory, specialty,
  therapeutic_areas, regulatory_domains, industry_focus, use_cases, target_audience, required_expertise_level,
  compliance_frameworks, certifications, geographic_scope, knowledge_domains, tools, prompt_templates,
  context_window_size, supports_multimodal, supported_file_types, max_file_size_mb, owner_id, department_id,
  business_function_id, role_id, cost_per_query, billing_code, budget_allocation_id, analytics_enabled,
  approval_required, version, changelog, metadata
) on app_public.agents to rowhouse_user;
grant update (
  name, display_name, description, avatar_url, icon, color_scheme, badge_text, badge_color, sort_order, status, tier,
  lifecycle_stage, validation_status, is_active, model_id, system_prompt, temperature, max_tokens, top_p,
  frequency_penalty, presence_penalty, response_format, stop_sequences, streaming_enabled, function_calling_enabled,
  parallel_function_calls, max_retry_attempts, timeout_seconds, primary_category, subcategory, specialty,
  therapeutic_areas, regulatory_domains, industry_focus, use_cases, target_audience, required_expertise_level,
  compliance_frameworks, certifications, geographic_scope, knowledge_domains, tools, prompt_templates,
  context_window_size, supports_multimodal, supported_file_types, max_file_size_mb, owner_id, department_id,
  business_function_id, role_id, cost_per_query, billing_code, budget_allocation_id, analytics_enabled,
  approval_required, metadata
) on app_public.agents to rowhouse_user;
grant select, insert, update, delete on app_public.agents to rowhouse_platform;
comment on table app_public.agents is E'@behavior -delete\nAn agent of this tenant. can_create_agents and can_edit_agents to write; can_delete_agents for delete_agent and restore_agent.';
comment on column app_public.agents.name is 'Name, unique among the tenant''s agents that are not deleted; at most 255 characters.';
comment on column app_public.agents.display_name is 'Name to show.';
comment on column app_public.agents.description is 'What it is for.';
comment on column app_public.agents.avatar_url is 'Address of a picture.';
comment on column app_public.agents.icon is 'Name of an icon.';
comment on column app_public.agents.color_scheme is 'Colour theme.';
comment on column app_public.agents.badge_text is 'Text of its badge.';
comment on column app_public.agents.badge_color is 'Colour of its badge.';
comment on column app_public.agents.sort_order is 'Position in lists, ascending.';
comment on column app_public.agents.status is 'draft, active, inactive, deprecated or archived.';
comment on column app_public.agents.tier is 'Capability tier, 1 to 3.';
comment on column app_public.agents.lifecycle_stage is 'development, beta, production or sunset.';
comment on column app_public.agents.validation_status is 'validated, pending or failed.';
comment on column app_public.agents.is_active is 'Whether it is switched on.';
comment on column app_public.agents.activated_at is 'When it was last switched on.';
comment on column app_public.agents.deactivated_at is 'When it was last switched off.';
comment on column app_public.agents.deleted_at is 'When it was deleted, null when it is not.';
comment on column app_public.agents.last_seen_at is E'@kept\nWhen it last reported.';
comment on column app_public.agents.model_id is 'The language model it uses.';
comment on column app_public.agents.system_prompt is 'Its instructions.';
comment on column app_public.agents.temperature is 'Sampling temperature, 0 to 2.';
comment on column app_public.agents.max_tokens is 'Most tokens of an answer.';
comment on column app_public.agents.top_p is 'Nucleus sampling, 0 to 1.';
comment on column app_public.agents.frequency_penalty is 'Frequency penalty, -2 to 2.';
comment on column app_public.agents.presence_penalty is 'Presence penalty, -2 to 2.';
comment on column app_public.agents.response_format is 'json, text or structured.';
comment on column app_public.agents.stop_sequences is 'Texts at which an answer ends.';
comment on column app_public.agents.streaming_enabled is 'Whether answers are streamed.';
comment on column app_public.agents.function_calling_enabled is 'Whether it may call functions.';
comment on column app_public.agents.parallel_function_calls is 'Whether it may call several at once.';
comment on column app_public.agents.max_retry_attempts is 'How often a failed call is tried again, 0 to 20.';
comment on column app_public.agents.timeout_seconds is 'Seconds until a call is given up, 1 to 3,600.';
comment on column app_public.agents.primary_category is 'Main category.';
comment on column app_public.agents.subcategory is 'Subcategory.';
comment on column app_public.agents.specialty is 'Specialty, such as a medical one.';
comment on column app_public.agents.therapeutic_areas is 'Therapeutic areas.';
comment on column app_public.agents.regulatory_domains is 'Regulators it knows, such as FDA, EMA, PMDA.';
comment on column app_public.agents.industry_focus is 'Industries, such as Pharma, MedTech, Biotech.';
comment on column app_public.agents.use_cases is 'What it is commonly used for.';
comment on column app_public.agents.target_audience is 'Who uses it.';
comment on column app_public.agents.required_expertise_level is 'beginner, intermediate or expert.';
comment on column app_public.agents.compliance_frameworks is 'Frameworks, such as 21 CFR Part 11, GxP, HIPAA.';
comment on column app_public.agents.certifications is 'Certifications, such as ISO 13485, SOC 2.';
comment on column app_public.agents.geographic_scope is 'Regions, such as US, EU, Global.';
comment on column app_public.agents.knowledge_domains is 'Areas of knowledge: an object of arrays.';
comment on column app_public.agents.tools is 'Tool configurations: an array of objects with name and config.';
comment on column app_public.agents.prompt_templates is 'Saved prompt templates: an array.';
comment on column app_public.agents.context_window_size is 'Most tokens of context.';
comment on column app_public.agents.supports_multimodal is 'Whether it takes images or audio.';
comment on column app_public.agents.supported_file_types is 'File types it takes, such as pdf, docx, csv.';
comment on column app_public.agents.max_file_size_mb is 'Largest file it takes, in megabytes.';
comment on column app_public.agents.owner_id is 'The member who owns it; by default its creator.';
comment on column app_public.agents.cost_per_query is 'Cost of one query in US dollars.';
comment on column app_public.agents.billing_code is 'Code for internal billing.';
comment on column app_public.agents.budget_allocation_id is 'The budget its cost counts against.';
comment on column app_public.agents.analytics_enabled is 'Whether its use is analysed.';
comment on column app_public.agents.approval_required is 'Whether its use needs an approval.';
comment on column app_public.agents.version is 'Semantic version, of the latest publication once there is one.';
comment on column app_public.agents.changelog is 'What is new in the latest version.';
comment on column app_public.agents.published_at is 'When the latest version was published, null before the first.';
comment on column app_public.agents.created_at is 'When it was created.';
comment on column app_public.agents.updated_at is 'When it last changed.';
comment on column app_public.agents.sharing_mode is 'Who beyond this tenant may use it: private (nobody), selected (whom it was shared with), subtree (tenants below this one) or platform (all).';
comment on column app_public.agents.is_shared is 'Whether anyone beyond this tenant may use it.';
comment on column app_public.agents.resource_type is 'custom, or platform for those that the platform provides.';
comment on column app_public.agents.copied_from_id is 'The agent it was copied from.';
comment on column app_public.agents.department_id is 'The department it belongs to.';
comment on column app_public.agents.business_function_id is 'The business function it serves.';
comment on column app_public.agents.role_id is 'The organizational role it stands for.';
comment on column app_public.agents.tool_ids is E'@kept\nThe tools it works with, in their order; kept from agent_tools.';
comment on column app_public.agents.usage_count is E'@kept\nHow often it was used; kept from the logs.';
comment on column app_public.agents.success_rate is E'@kept\nShare of uses that succeeded, in percent; kept from the logs.';
comment on column app_public.agents.avg_response_time_ms is E'@kept\nMean milliseconds until its answer; kept from the logs.';
comment on column app_public.agents.rating is E'@kept\nMean rating of its users, 1 to 5; kept from their ratings.';
comment on column app_public.agents.feedback_count is E'@kept\nHow many rated it; kept from their ratings.';
comment on column app_public.agents.error_count is E'@kept\nHow often it failed; kept from the logs.';
comment on column app_public.agents.last_error_at is E'@kept\nWhen it last failed; kept from the logs.';
comment on column app_public.agents.last_success_at is E'@kept\nWhen it last succeeded; kept from the logs.';
comment on column app_public.agents.performance_score is E'@kept\n0 to 100: the mean of success_rate and of the rating as a percentage (1 star is 0, 5 stars are 100); only one of them while the other is unknown, null without both.';
comment on column app_public.agents.previous_version_id is 'The published version before the latest one (resource_versions).';
comment on column app_public.agents.is_latest_version is E'@kept\nFalse from an edit until the next publication: the agent differs from its latest version.';
comment on column app_public.agents.metadata is 'Whatever else is to be known about it: an object.';
comment on constraint agents_tenant_id_department_id_fkey on app_public.agents is E'@fieldName department\n@foreignFieldName agents';
comment on constraint agents_tenant_id_business_function_id_fkey on app_public.agents is E'@fieldName businessFunction\n@foreignFieldName agents';
comment on constraint agents_tenant_id_role_id_fkey on app_public.agents is E'@fieldName role\n@foreignFieldName agents';
comment on constraint agents_copied_from_id_fkey on app_public.agents is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on column app_public.agents.search_vector is E'@behavior -*\nThe words search_catalog finds it by.';

call core.secure_tenant_table('app_public.agent_tools');
call core.allow('app_public.agent_tools', read => 'member', write => 'can_edit_agents');
grant select, delete on app_public.agent_tools to rowhouse_user;
grant insert (
  agent_id, tool_id, sort_order, config
) on app_public.agent_tools to rowhouse_user;
grant update (
  sort_order, config
) on app_public.agent_tools to rowhouse_user;
grant select, insert, update, delete on app_public.agent_tools to rowhouse_platform;
comment on table app_public.agent_tools is 'Which tools an agent works with: the tenant''s own, or ones shared with it. can_edit_agents.';
comment on column app_public.agent_tools.agent_id is 'The agent.';
comment on column app_public.agent_tools.tool_id is 'The tool.';
comment on column app_public.agent_tools.sort_order is 'Position among the agent''s tools, ascending.';
comment on column app_public.agent_tools.config is 'How this agent uses the tool: an object.';
comment on column app_public.agent_tools.created_at is 'When it was created.';
comment on column app_public.agent_tools.updated_at is 'When it last changed.';
-- What relations are called in GraphQL, where the columns' names would be said twice.
comment on constraint agent_tools_tenant_id_agent_id_fkey on app_public.agent_tools is E'@fieldName agent\n@foreignFieldName agentTools';
comment on constraint agent_tools_tool_id_fkey on app_public.agent_tools is E'@fieldName tool\n@foreignFieldName agentTools';

call core.secure_tenant_table('app_public.agent_persona_mapping');
call core.allow('app_public.agent_persona_mapping', read => 'member', write => 'can_edit_agents');
grant select, delete on app_public.agent_persona_mapping to rowhouse_user;
grant insert (
  agent_id, persona_id, relevance_score, performance_score, is_primary, notes
) on app_public.agent_persona_mapping to rowhouse_user;
grant update (
  relevance_score, performance_score, is_primary, notes
) on app_public.agent_persona_mapping to rowhouse_user;
grant select, insert, update, delete on app_public.agent_persona_mapping to rowhouse_platform;
comment on table app_public.agent_persona_mapping is E'@name agent_personas\nFor which personas an agent is good. can_edit_agents.';
comment on column app_public.agent_persona_mapping.persona_id is 'The persona.';
comment on column app_public.agent_persona_mapping.agent_id is 'The agent.';
comment on column app_public.agent_persona_mapping.relevance_score is 'How well the agent fits, 0 to 1.';
comment on column app_public.agent_persona_mapping.performance_score is 'How well it did, 0 to 100.';
comment on column app_public.agent_persona_mapping.is_primary is 'Whether it is the agent''s main persona; at most one is.';
comment on column app_public.agent_persona_mapping.notes is 'Remarks.';
comment on column app_public.agent_persona_mapping.created_at is 'When it was created.';
comment on column app_public.agent_persona_mapping.updated_at is 'When it last changed.';
comment on constraint agent_persona_mapping_tenant_id_agent_id_fkey on app_public.agent_persona_mapping is E'@fieldName agent\n@foreignFieldName personas';
comment on constraint agent_persona_mapping_tenant_id_persona_id_fkey on app_public.agent_persona_mapping is E'@fieldName persona\n@foreignFieldName agents';

call core.secure_tenant_table('app_public.agent_industry_mapping');
call core.allow('app_public.agent_industry_mapping', read => 'member', write => 'can_edit_agents');
grant select, delete on app_public.agent_industry_mapping to rowhouse_user;
grant insert (
  agent_id, industry, relevance_score, performance_score, is_primary, notes
) on app_public.agent_industry_mapping to rowhouse_user;
grant update (
  relevance_score, performance_score, is_primary, notes
) on app_public.agent_industry_mapping to rowhouse_user;
grant select, insert, update, delete on app_public.agent_industry_mapping to rowhouse_platform;
comment on table app_public.agent_industry_mapping is E'@name agent_industries\nIn which industries an agent is good. can_edit_agents.';
comment on column app_public.agent_industry_mapping.industry is 'The industry, as a slug such as medical-devices.';
comment on column app_public.agent_industry_mapping.agent_id is 'The agent.';
comment on column app_public.agent_industry_mapping.relevance_score is 'How well the agent fits, 0 to 1.';
comment on column app_public.agent_industry_mapping.performance_score is 'How well it did, 0 to 100.';
comment on column app_public.agent_industry_mapping.is_primary is 'Whether it is the agent''s main industry; at most one is.';
comment on column app_public.agent_industry_mapping.notes is 'Remarks.';
comment on column app_public.agent_industry_mapping.created_at is 'When it was created.';
comment on column app_public.agent_industry_mapping.updated_at is 'When it last changed.';
comment on constraint agent_industry_mapping_tenant_id_agent_id_fkey on app_public.agent_industry_mapping is E'@fieldName agent\n@foreignFieldName industries';

create or replace function catalog.tg__note_activation() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  -- the switch has another name in each table; old does not exist on insert
  v_is_on boolean := (to_jsonb(new) ->> tg_argv[0])::boolean and new.status::text in ('active', 'deprecated');
  v_was_on boolean := false;
begin
  if tg_op = 'UPDATE' then
    v_was_on := (to_jsonb(old) ->> tg_argv[0])::boolean and old.status::text in ('active', 'deprecated');
  end if;
  if v_is_on and not v_was_on then
    new.activated_at := now();
  elsif v_was_on and not v_is_on then
    new.deactivated_at := now();
  end if;
  return new;
end
$$;
comment on function catalog.tg__note_activation is
  'Keeps activated_at and deactivated_at: a thing is on when its switch is and its status is active or deprecated.';

create or replace function catalog.tg__check_model_settings() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_settings jsonb := to_jsonb(new);
  v_model app_public.llm_models;
  v_faults text[] := '{}';
begin
  if new.model_id is null then
    return new;
  end if;
  select * into v_model from app_public.llm_models m where m.id = new.model_id;
  if v_model.kind <> 'chat' then
    perform core.raise_error('RS421', 'The model makes vectors, not answers.', 'Choose a model of kind chat.');
  end if;
  if new.temperature > v_model.max_temperature then
    v_faults := v_faults || format('temperature is at most %s', v_model.max_temperature);
  end if;
  if new.max_tokens > v_model.max_output_tokens then
    v_faults := v_faults || format('max_tokens is at most %s', v_model.max_output_tokens);
  end if;
  if (v_settings ->> 'context_window_size')::int > v_model.context_window_size then
    v_faults := v_faults || format('context_window_size is at most %s', v_model.context_window_size);
  end if;
  if (v_settings ->> 'function_calling_enabled')::boolean and not v_model.supports_function_calling then
    v_faults := v_faults || 'it cannot call functions'::text;
  end if;
  perform catalog.refuse_faults('RS422', 'The model does not take these settings', v_faults, 'Change them, or choose another model.');
  return new;
end
$$;
comment on function catalog.tg__check_model_settings is
  E'@errors RS421 RS422\nSettings are those the chosen model takes.';

create or replace function catalog.tg_agent_tools__check_tool() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- outside of a tenant's request (administrators, seeds) the foreign key is all there is to ask
  if new.tenant_id = core.current_tenant_id() and not catalog.is_visible_resource('tool', new.tool_id) then
    perform core.raise_error('RS303', 'There is no such tool.', 'List the tools of this tenant, and those shared with it.');
  end if;
  return new;
end
$$;
comment on function catalog.tg_agent_tools__check_tool is
  E'@errors RS303\nAn agent gets tools its tenant sees.';

create or replace function app_public.set_agent_tools(agent_id uuid, tool_ids uuid[]) returns app_public.agents
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent app_public.agents;
  v_tenant_id uuid := core.current_tenant_id();
begin
  perform tenancy.require_permission('can_edit_agents');
  if set_agent_tools.tool_ids is null or array_position(set_agent_tools.tool_ids, null) is not null
    or cardinality(set_agent_tools.tool_ids) > 100
    or cardinality(set_agent_tools.tool_ids) <> (select count(distinct t) from unnest(set_agent_tools.tool_ids) t) then
    perform core.raise_error('RS428', 'tool_ids must be up to 100 ids, each of them once.', 'Send each tool once, in the order they are to have.');
  end if;
  -- the lock keeps two lists from being mixed
  perform from app_public.agents a
    where a.tenant_id = v_tenant_id and a.id = set_agent_tools.agent_id and a.deleted_at is null for no key update;
  if not found then
    perform core.raise_error('RS301', 'There is no such agent.', 'List the agents of this tenant.');
  end if;
  delete from app_public.agent_tools t
   where t.tenant_id = v_tenant_id and t.agent_id = set_agent_tools.agent_id and t.tool_id <> all (set_agent_tools.tool_ids);
  insert into app_public.agent_tools as t (tenant_id, agent_id, tool_id, sort_order)
  select v_tenant_id, set_agent_tools.agent_id, u.tool_id, u.n
    from unnest(set_agent_tools.tool_ids) with ordinality as u (tool_id, n)
  on conflict on constraint agent_tools_pkey do update set sort_order = excluded.sort_order;
  select * into v_agent from app_public.agents a where a.tenant_id = v_tenant_id and a.id = set_agent_tools.agent_id;
  return v_agent;
end
$$;
comment on function app_public.set_agent_tools is
  E'@resultFieldName agent\n@errors RS301 RS303 RS428 ID203\nGives an agent exactly these tools, in this order; what is configured of those it keeps stays. can_edit_agents.';
grant execute on function app_public.set_agent_tools to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: a tool that is deleted with its tenant leaves the agents of others
-- Rules that hold whoever writes, administrators in psql included, or that follow a row into other tenants.

create or replace function catalog.tg_agent_tools__keep_tool_ids() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Lock first, read in a statement of its own: its snapshot then has what whoever held the lock has committed.
  perform from app_public.agents a
    where (a.tenant_id, a.id) in (select c.tenant_id, c.agent_id from changed c) order by a.id for no key update;
  update app_public.agents a
     set tool_ids = coalesce((
           select array_agg(t.tool_id order by t.sort_order, t.tool_id) from app_public.agent_tools t
            where t.tenant_id = a.tenant_id and t.agent_id = a.id), '{}')
   where (a.tenant_id, a.id) in (select c.tenant_id, c.agent_id from changed c);
  return null;
end
$$;
comment on function catalog.tg_agent_tools__keep_tool_ids is
  'Keeps agents.tool_ids as agent_tools says.';
grant execute on function catalog.tg_agent_tools__keep_tool_ids to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _200_note_activation before insert or update of status, is_active on app_public.agents
  for each row execute function catalog.tg__note_activation('is_active');
create or replace trigger _200_note_activation before insert or update of status, enabled on app_public.tools
  for each row execute function catalog.tg__note_activation('enabled');
create or replace trigger _300_check_model_settings
  before insert or update of model_id, temperature, max_tokens, context_window_size, function_calling_enabled on app_public.agents
  for each row execute function catalog.tg__check_model_settings();
create or replace trigger _300_check_model_settings before insert or update of model_id, temperature, max_tokens
  on app_public.model_configurations
  for each row execute function catalog.tg__check_model_settings();
create or replace trigger _300_check_tool before insert on app_public.agent_tools
  for each row execute function catalog.tg_agent_tools__check_tool();
create or replace trigger _500_keep_tool_ids_of_added after insert on app_public.agent_tools
  referencing new table as changed
  for each statement execute function catalog.tg_agent_tools__keep_tool_ids();
create or replace trigger _500_keep_tool_ids_of_ordered after update on app_public.agent_tools
  referencing new table as changed
  for each statement execute function catalog.tg_agent_tools__keep_tool_ids();
create or replace trigger _500_keep_tool_ids_of_removed after delete on app_public.agent_tools
  referencing old table as changed
  for each statement execute function catalog.tg_agent_tools__keep_tool_ids();

create or replace function catalog.has_agents() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.agents a where a.tenant_id = core.current_tenant_id());
$$;
comment on function catalog.has_agents is 'Whether this tenant has ever had an agent.';
call tenancy.define_onboarding_step('create_agent', 20, 'Create an agent', 'catalog.has_agents()', 'can_create_agents');

-- Agents: their table, the check that their model takes their settings, and the times they were switched on and off.
-- Columns that are computed from logs, ratings, versions, shares or join tables cannot be written by users.

call catalog.secure_shareable_table('app_public.agents', 'agent');
call audit.track('app_public.agents');
call core.allow('app_public.agents', insert => 'can_create_agents');
create policy select_member on app_public.agents for select to rowhouse_user, rowhouse_own_rows, rowhouse_shared_rows
  using (deleted_at is null or (select tenancy.has_permission('can_delete_agents')));
create policy update_permitted on app_public.agents for update to rowhouse_user
  using ((select tenancy.has_permission('can_edit_agents')) and deleted_at is null);
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
comment on table app_public.agents is
  E'@large\n@listedBy catalog.visible_agents\n@behavior -delete\nThe agents of this tenant, and those that are shared with it. Needs can_create_agents or can_edit_agents to write, and can_delete_agents for delete_agent and restore_agent.';
comment on column app_public.agents.name is E'@notPersonal\nName, unique among the tenant''s agents that are not deleted; at most 255 characters.';
comment on column app_public.agents.display_name is E'@notPersonal\nName to show.';
comment on column app_public.agents.description is 'What it is for.';
comment on column app_public.agents.avatar_url is 'Address of a picture.';
comment on column app_public.agents.icon is 'Name of an icon.';
comment on column app_public.agents.color_scheme is 'Colour theme.';
comment on column app_public.agents.badge_text is E'@notPersonal\nText of its badge.';
comment on column app_public.agents.badge_color is 'Colour of its badge.';
comment on column app_public.agents.sort_order is 'Position in lists, ascending.';
comment on column app_public.agents.status is 'The stage it is in.';
comment on column app_public.agents.tier is 'Capability tier, 1 to 3.';
comment on column app_public.agents.lifecycle_stage is 'How far it is developed.';
comment on column app_public.agents.validation_status is 'Whether it passed its validation.';
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
comment on column app_public.agents.response_format is 'The format of its answers.';
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
comment on column app_public.agents.required_expertise_level is 'How much its users must know.';
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
comment on column app_public.agents.owner_id is E'@personal pseudonymise\n@errors ID301\nThe person who is responsible for it, by default its creator; an active member of the tenant.';
comment on column app_public.agents.cost_per_query is 'Cost of one query in US dollars.';
comment on column app_public.agents.billing_code is 'Code for internal billing.';
comment on column app_public.agents.budget_allocation_id is 'The budget its cost counts against.';
comment on column app_public.agents.analytics_enabled is 'Whether its use is analysed.';
comment on column app_public.agents.approval_required is 'Whether its use needs an approval.';
comment on column app_public.agents.version is 'Its semantic version. After the first publication this is the version that was published last.';
comment on column app_public.agents.changelog is 'What is new in the latest version.';
comment on column app_public.agents.published_at is 'When the latest version was published; null before the first publication.';
comment on column app_public.agents.created_at is 'When it was created.';
comment on column app_public.agents.updated_at is 'When it last changed.';
comment on column app_public.agents.sharing_mode is 'Who beyond this tenant may use it.';
comment on column app_public.agents.is_shared is 'Whether anyone beyond this tenant may use it.';
comment on column app_public.agents.resource_type is 'Whether this tenant made it, or the platform provides it.';
comment on column app_public.agents.copied_from_id is 'The agent it was copied from.';
comment on column app_public.agents.department_id is 'The department it belongs to.';
comment on column app_public.agents.business_function_id is 'The business function it serves.';
comment on column app_public.agents.role_id is 'The organizational role it stands for.';
comment on column app_public.agents.tool_ids is E'@kept\nThe tools it works with, in the order that agent_tools gives them.';
comment on column app_public.agents.usage_count is E'@kept\nHow often it was used, as the logs say.';
comment on column app_public.agents.success_rate is E'@kept\nShare of uses that succeeded, in percent, as the logs say.';
comment on column app_public.agents.avg_response_time_ms is E'@kept\nMean milliseconds until its answer, as the logs say.';
comment on column app_public.agents.rating is E'@kept\nMean rating of its users, 1 to 5.';
comment on column app_public.agents.feedback_count is E'@kept\nHow many people rated it.';
comment on column app_public.agents.error_count is E'@kept\nHow often it failed, as the logs say.';
comment on column app_public.agents.last_error_at is E'@kept\nWhen it last failed, as the logs say.';
comment on column app_public.agents.last_success_at is E'@kept\nWhen it last succeeded, as the logs say.';
comment on column app_public.agents.performance_score is E'@kept\nA score from 0 to 100: the mean of success_rate and of the rating as a percentage (1 star is 0, 5 stars are 100). While one of them is unknown the score is the other one; it is null while both are unknown.';
comment on column app_public.agents.previous_version_id is 'The published version before the latest one (resource_versions).';
comment on column app_public.agents.is_latest_version is E'@kept\nWhether the agent is as its latest version has it. An edit makes it false until the next publication.';
comment on column app_public.agents.metadata is 'Further data about it: an object.';
comment on constraint agents_tenant_id_department_id_fkey on app_public.agents is E'@fieldName department\n@foreignFieldName agents';
comment on constraint agents_tenant_id_business_function_id_fkey on app_public.agents is E'@fieldName businessFunction\n@foreignFieldName agents';
comment on constraint agents_tenant_id_role_id_fkey on app_public.agents is E'@fieldName role\n@foreignFieldName agents';
comment on constraint agents_copied_from_id_fkey on app_public.agents is E'@fieldName copiedFrom\n@foreignFieldName copies';
comment on column app_public.agents.search_vector is E'@behavior -*\nThe words search_catalog finds it by.';
comment on constraint avatar_url_is_an_image on app_public.agents is
  'must be an http address, a path on this site, or a data address of a picture';
comment on constraint context_window_size_is_positive on app_public.agents is 'must be above 0';
comment on constraint cost_per_query_is_not_negative on app_public.agents is 'must be 0 or more, and finite';
comment on constraint display_name_is_a_name on app_public.agents is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint frequency_penalty_is_in_range on app_public.agents is 'must be from -2 to 2';
comment on constraint knowledge_domains_is_an_object on app_public.agents is 'must be a JSON object';
comment on constraint max_file_size_mb_is_positive on app_public.agents is 'must be above 0';
comment on constraint max_retry_attempts_is_in_range on app_public.agents is 'must be from 0 to 20';
comment on constraint max_tokens_is_positive on app_public.agents is 'must be above 0';
comment on constraint metadata_is_an_object on app_public.agents is 'must be a JSON object';
comment on constraint name_is_a_name on app_public.agents is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint presence_penalty_is_in_range on app_public.agents is 'must be from -2 to 2';
comment on constraint prompt_templates_is_an_array on app_public.agents is 'must be a JSON array';
comment on constraint rating_is_1_to_5 on app_public.agents is 'must be from 1 to 5';
comment on constraint stop_sequences_are_few on app_public.agents is 'must have at most 16 entries';
comment on constraint success_rate_is_a_percentage on app_public.agents is 'must be from 0 to 100';
comment on constraint temperature_is_in_range on app_public.agents is 'must be from 0 to 2';
comment on constraint tier_is_1_to_3 on app_public.agents is 'must be 1, 2 or 3';
comment on constraint timeout_seconds_is_in_range on app_public.agents is 'must be from 1 to 3,600';
comment on constraint tools_is_an_array on app_public.agents is 'must be a JSON array';
comment on constraint top_p_is_a_probability on app_public.agents is 'must be from 0 to 1';
comment on constraint version_is_semantic on app_public.agents is 'must be a semantic version such as 1.4.0 or 2.0.0-beta.1';
comment on index app_public.agents_tenant_id_name_key is 'is taken by another one of this tenant';

create or replace trigger _200_note_activation before insert or update of status, is_active on app_public.agents
  for each row execute function catalog.tg__note_activation('is_active');
create or replace trigger _300_refuse_credentials before insert or update of tools on app_public.agents
  for each row execute function catalog.tg__refuse_credentials('tools');
create or replace trigger _300_check_model_settings
  before insert or update of model_id, temperature, max_tokens, context_window_size, function_calling_enabled on app_public.agents
  for each row execute function catalog.tg__check_model_settings();

create or replace function catalog.has_agents() returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.agents a where a.tenant_id = core.current_tenant_id());
$$;
comment on function catalog.has_agents is 'Whether this tenant has ever had an agent.';
call tenancy.define_onboarding_step('create_agent', 20, 'Create an agent', 'catalog.has_agents()', 'can_create_agents');

-- Platform staff who create an agent in a tenant are its owner, and not members of the tenant.
call tenancy.require_member('app_public.agents', 'owner_id', allows_staff => true);

-- What each agent suits: the personas it is made for and the industries it knows, each with how well it fits. The idea: an
-- agent has many of each and at most one primary one.

call core.secure_tenant_table('app_public.agent_persona_mapping');
call audit.track('app_public.agent_persona_mapping');
call core.allow('app_public.agent_persona_mapping', read => 'member', write => 'can_edit_agents');
grant select, delete on app_public.agent_persona_mapping to rowhouse_user;
grant insert (
  agent_id, persona_id, relevance_score, performance_score, is_primary, notes
) on app_public.agent_persona_mapping to rowhouse_user;
grant update (
  relevance_score, performance_score, is_primary, notes
) on app_public.agent_persona_mapping to rowhouse_user;
grant select, insert, update, delete on app_public.agent_persona_mapping to rowhouse_platform;
comment on table app_public.agent_persona_mapping is
  E'@name agent_personas\n@behavior -query:resource:connection -query:resource:single\nThe personas that each agent suits. Needs can_edit_agents to write.';
comment on column app_public.agent_persona_mapping.persona_id is 'The persona.';
comment on column app_public.agent_persona_mapping.agent_id is 'The agent.';
comment on column app_public.agent_persona_mapping.relevance_score is 'How well the agent fits, 0 to 1.';
comment on column app_public.agent_persona_mapping.performance_score is 'How well it did, 0 to 100.';
comment on column app_public.agent_persona_mapping.is_primary is 'Whether it is the agent''s main persona. An agent has at most one.';
comment on column app_public.agent_persona_mapping.notes is 'Remarks.';
comment on column app_public.agent_persona_mapping.created_at is 'When it was created.';
comment on column app_public.agent_persona_mapping.updated_at is 'When it last changed.';
comment on constraint agent_persona_mapping_tenant_id_agent_id_fkey on app_public.agent_persona_mapping is E'@fieldName agent\n@foreignFieldName personas';
comment on constraint agent_persona_mapping_tenant_id_persona_id_fkey on app_public.agent_persona_mapping is E'@fieldName persona\n@foreignFieldName agents';
comment on constraint performance_score_is_a_percentage on app_public.agent_persona_mapping is 'must be from 0 to 100';
comment on constraint relevance_score_is_a_share on app_public.agent_persona_mapping is 'must be from 0 to 1';
comment on constraint agent_persona_mapping_pkey on app_public.agent_persona_mapping is
  'is one of the agents personas already';
comment on index app_public.agent_persona_mapping_one_primary_key is 'is set for another persona of this agent';

call core.secure_tenant_table('app_public.agent_industry_mapping');
call audit.track('app_public.agent_industry_mapping');
call core.allow('app_public.agent_industry_mapping', read => 'member', write => 'can_edit_agents');
grant select, delete on app_public.agent_industry_mapping to rowhouse_user;
grant insert (
  agent_id, industry, relevance_score, performance_score, is_primary, notes
) on app_public.agent_industry_mapping to rowhouse_user;
grant update (
  relevance_score, performance_score, is_primary, notes
) on app_public.agent_industry_mapping to rowhouse_user;
grant select, insert, update, delete on app_public.agent_industry_mapping to rowhouse_platform;
comment on table app_public.agent_industry_mapping is
  E'@name agent_industries\n@behavior -query:resource:connection -query:resource:single\nThe industries that each agent suits. Needs can_edit_agents to write.';
comment on column app_public.agent_industry_mapping.industry is 'The industry, as a slug such as medical-devices.';
comment on column app_public.agent_industry_mapping.agent_id is 'The agent.';
comment on column app_public.agent_industry_mapping.relevance_score is 'How well the agent fits, 0 to 1.';
comment on column app_public.agent_industry_mapping.performance_score is 'How well it did, 0 to 100.';
comment on column app_public.agent_industry_mapping.is_primary is 'Whether it is the agent''s main industry. An agent has at most one.';
comment on column app_public.agent_industry_mapping.notes is 'Remarks.';
comment on column app_public.agent_industry_mapping.created_at is 'When it was created.';
comment on column app_public.agent_industry_mapping.updated_at is 'When it last changed.';
comment on constraint agent_industry_mapping_tenant_id_agent_id_fkey on app_public.agent_industry_mapping is E'@fieldName agent\n@foreignFieldName industries';
comment on constraint industry_is_a_slug on app_public.agent_industry_mapping is
  'must be 1 to 63 lower-case letters, digits and inner hyphens';
comment on constraint performance_score_is_a_percentage on app_public.agent_industry_mapping is 'must be from 0 to 100';
comment on constraint relevance_score_is_a_share on app_public.agent_industry_mapping is 'must be from 0 to 1';
comment on constraint agent_industry_mapping_pkey on app_public.agent_industry_mapping is
  'is one of the agents industries already';
comment on index app_public.agent_industry_mapping_one_primary_key is 'is set for another industry of this agent';

-- Delegation: an agent gives a task, or a part of it, to another agent. What each type means says its comment.

call core.secure_tenant_table('app_public.task_delegation_history');
call audit.leave_out('a log that is only added to', 'app_public.task_delegation_history');
call core.allow('app_public.task_delegation_history', read => 'member');
grant select on app_public.task_delegation_history to rowhouse_user;
comment on table app_public.task_delegation_history is
  E'@name task_delegation\n@large\n@foreignKey (from_agent_id) references app_public.agents (id)|@fieldName fromAgent|@behavior -*\n@foreignKey (to_agent_id) references app_public.agents (id)|@fieldName toAgent|@behavior -*\n@behavior -insert -update -delete -query:resource:single\nEvery delegation of a task from one agent to another. Members of the tenant see them.';
comment on column app_public.task_delegation_history.tenant_id is 'The tenant.';
comment on column app_public.task_delegation_history.id is 'The id.';
comment on column app_public.task_delegation_history.task_id is 'The task that was delegated.';
comment on column app_public.task_delegation_history.from_agent_id is 'The agent that had it; null when it was for any agent.';
comment on column app_public.task_delegation_history.to_agent_id is 'The agent that got it, or the part of it.';
comment on column app_public.task_delegation_history.delegation_type is 'How it was delegated.';
comment on column app_public.task_delegation_history.reason is E'@personal erase\nWhy.';
comment on column app_public.task_delegation_history.metadata is E'@notPersonal\nWhatever else belongs to it.';
comment on column app_public.task_delegation_history.delegated_task_id is 'The task that the other agent does; null when it was handed the task itself.';
comment on column app_public.task_delegation_history.is_escalation is 'Whether the system delegated it, because it took too long.';
comment on column app_public.task_delegation_history.user_id is E'@personal pseudonymise\nThe person who delegated it, or whose API key did; null for the system.';
comment on column app_public.task_delegation_history.created_at is 'When.';
comment on constraint metadata_is_an_object on app_public.task_delegation_history is 'must be a JSON object';
comment on type app_public.delegation_type is
  'handoff: the other agent gets the task, and it alone finishes it. supervision: the other agent does it as a task of its own; then it comes back to the agent that delegated, which alone finishes it. collaboration: the other agent does a part as a task of its own; the agent that delegated goes on, and finishes the whole when the part has ended. consultation: the other agent is asked; the agent that delegated goes on, and finishes it with the answer or without.';

call core.secure_tenant_table('app_public.agent_supervisors');
call audit.track('app_public.agent_supervisors');
call core.allow('app_public.agent_supervisors', read => 'member', write => 'can_edit_agents');
grant select, delete on app_public.agent_supervisors to rowhouse_user;
grant insert (agent_id, supervisor_agent_id), update (supervisor_agent_id) on app_public.agent_supervisors to rowhouse_user;
grant select, insert, update, delete on app_public.agent_supervisors to rowhouse_platform;
comment on table app_public.agent_supervisors is
  E'@foreignKey (agent_id) references app_public.agents (id)|@fieldName agent|@behavior -*\n@foreignKey (supervisor_agent_id) references app_public.agents (id)|@fieldName supervisor|@behavior -*\nThe supervisor of each agent, to which its tasks go when they take too long. Members of the tenant see them; writing needs can_edit_agents.';
comment on column app_public.agent_supervisors.tenant_id is 'The tenant.';
comment on column app_public.agent_supervisors.agent_id is 'The agent.';
comment on column app_public.agent_supervisors.supervisor_agent_id is 'Its supervisor.';
comment on column app_public.agent_supervisors.created_at is 'When it was set.';
comment on column app_public.agent_supervisors.updated_at is 'When it last changed.';
comment on constraint is_not_its_own_supervisor on app_public.agent_supervisors is 'must be another agent';

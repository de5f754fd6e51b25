-- Tasks seen from the agent: those that are assigned to it, and those that it holds or held last.

create or replace view app_public.agent_tasks with (security_invoker = true) as
  select t.tenant_id, t.assigned_agent_id as agent_id, t.id as task_id, t.title, t.status, t.priority, t.due_at, t.attempt_count,
         t.status = 'in_progress' and t.held_by_agent_id is not distinct from t.assigned_agent_id as is_held, t.lease_expires_at,
         t.created_at, t.started_at, t.finished_at
    from app_public.tasks t
   where t.assigned_agent_id is not null
  union all
  select t.tenant_id, t.held_by_agent_id, t.id, t.title, t.status, t.priority, t.due_at, t.attempt_count, t.status = 'in_progress',
         t.lease_expires_at, t.created_at, t.started_at, t.finished_at
    from app_public.tasks t
   where t.held_by_agent_id is not null and t.assigned_agent_id is distinct from t.held_by_agent_id;
comment on view app_public.agent_tasks is
  E'@behavior -*\nTasks by agent, for SQL: those that are assigned to it, and those that it holds or held last. is_held says whether it holds the task now.';
grant select on app_public.agent_tasks to rowhouse_user;

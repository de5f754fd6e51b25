-- How long tasks are kept after their end, with their transitions and delegations. A tree goes from its leaves up.

call governance.define_data_kind('tasks', 'Tasks that have ended, with their inputs, outputs, transitions and delegations.', 400);
call governance.add_table_to_kind('tasks', 'app_public.tasks', 'finished_at',
  $$(not exists (select from app_public.tasks below where below.tenant_id = t.tenant_id and below.parent_task_id = t.id))$$);
call governance.add_table_to_kind('tasks', 'app_public.task_state_transitions', 'created_at');

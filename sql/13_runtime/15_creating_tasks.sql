-- Creating tasks. An idempotency key makes a request that is sent again, or ten times at once, create one task; it is taken before
-- the task is made, so the unique key decides who makes it, and everyone else waits and gets the same task.

call core.secure_tenant_table('app_public.task_idempotency_keys');
call audit.leave_out('a queue or a buffer of tasks', 'app_public.task_idempotency_keys');
grant select, delete on app_public.task_idempotency_keys to rowhouse_platform;
comment on table app_public.task_idempotency_keys is
  E'@behavior -*\nThe idempotency keys of create_task, each with the hash of its request and the task that it made. They are kept for a day.';
comment on column app_public.task_idempotency_keys.tenant_id is 'The tenant.';
comment on column app_public.task_idempotency_keys.idempotency_key is 'The key that the caller chose.';
comment on column app_public.task_idempotency_keys.request_hash is 'The SHA-256 of the arguments.';
comment on column app_public.task_idempotency_keys.task_id is 'The task that the request made: the answer of every request with the key.';
comment on column app_public.task_idempotency_keys.created_at is 'When the key was first used.';
comment on column app_public.task_idempotency_keys.expires_at is 'From when on the key can be used for another task.';
comment on constraint idempotency_key_is_not_empty on app_public.task_idempotency_keys is 'must not be empty';

create or replace function runtime.idempotency_lifetime() returns interval
language sql immutable parallel safe
return interval '1 day';
comment on function runtime.idempotency_lifetime is 'For how long an idempotency key gives the task that it made.';

create or replace function runtime.task_of_key(key text, request_hash bytea, new_task_id uuid) returns uuid
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_known app_public.task_idempotency_keys;
begin
  insert into app_public.task_idempotency_keys as k (tenant_id, idempotency_key, request_hash, task_id, created_at, expires_at)
  values (core.current_tenant_id(), task_of_key.key, task_of_key.request_hash, task_of_key.new_task_id, core.clock(),
          core.clock() + runtime.idempotency_lifetime())
  on conflict on constraint task_idempotency_keys_pkey do update
    set request_hash = excluded.request_hash, task_id = excluded.task_id, created_at = excluded.created_at, expires_at = excluded.expires_at
    where k.expires_at <= core.clock();
  if found then
    return null;
  end if;
  select * into strict v_known from app_public.task_idempotency_keys k
   where k.tenant_id = core.current_tenant_id() and k.idempotency_key = task_of_key.key;
  if v_known.request_hash <> task_of_key.request_hash then
    perform core.raise_error('RN503', 'idempotency_key: This key was used for another task.', 'Use a new key for each task, and the same one to send a task again.');
  end if;
  return v_known.task_id;
end
$$;
comment on function runtime.task_of_key is
  E'@errors RN503\nTakes an idempotency key for a new task and returns null; or, when the key is taken by the same request, the task that it made.';

create or replace function runtime.require_schema(schema jsonb, field text) returns void
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults constant text[] := core.json_schema_faults(coalesce(require_schema.schema, '{}'));
begin
  if v_faults <> '{}' then
    perform core.raise_error('RN401', format('%s: %s.', require_schema.field, array_to_string(v_faults, '; ')),
      'Use the keywords of JSON Schema that Rowhouse knows; docs/runtime.md lists them.');
  end if;
end
$$;
comment on function runtime.require_schema is E'@errors RN401\nRaises an error unless this is a JSON Schema that is understood.';

create or replace function runtime.require_value(schema jsonb, value jsonb, field text) returns void
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults constant text[] := core.json_value_faults(coalesce(require_value.schema, '{}'), require_value.value);
begin
  if v_faults <> '{}' then
    perform core.raise_error('RN402', format('%s: %s.', require_value.field, array_to_string(v_faults, '; ')),
      format('Give what the %s_schema of the task asks for.', require_value.field));
  end if;
end
$$;
comment on function runtime.require_value is E'@errors RN402\nRaises an error unless an input or output fits its JSON Schema.';

create or replace function runtime.most_subtasks() returns int
language sql immutable parallel safe
return 1000;
comment on function runtime.most_subtasks is 'How many tasks a tree has below its top. So a cancellation, which takes the whole tree, has an end.';

create or replace function runtime.deepest_task() returns int
language sql immutable parallel safe
return 10;
comment on function runtime.deepest_task is 'How many tasks are above a task at most.';

create or replace function runtime.place_in_tree(task app_public.tasks) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_parent app_public.tasks;
begin
  if (task).parent_task_id is null then
    task.root_task_id := (task).id;
    task.depth := 0;
    return task;
  end if;
  select t.root_task_id into v_parent.root_task_id
    from app_public.tasks t where t.tenant_id = (task).tenant_id and t.id = (task).parent_task_id;
  if not found then
    perform runtime.raise_no_such_task('parent_task_id');
  end if;
  -- Trees are locked from their top, so that a task is not put below one that is being cancelled.
  update app_public.tasks t set subtask_count = t.subtask_count + 1
   where t.tenant_id = (task).tenant_id and t.id = v_parent.root_task_id and t.subtask_count < runtime.most_subtasks();
  if not found then
    perform core.raise_error('RN601', format('A task has at most %s tasks below it.', runtime.most_subtasks()), 'Create a task of its own.');
  end if;
  select * into strict v_parent from app_public.tasks t
   where t.tenant_id = (task).tenant_id and t.id = (task).parent_task_id for no key update;
  if runtime.is_end(v_parent.status) then
    perform core.raise_error('RN504', format('parent_task_id: The task is %s.', v_parent.status), 'Create a task of its own.');
  elsif v_parent.depth >= runtime.deepest_task() then
    perform core.raise_error('RN602', format('Tasks are at most %s deep.', runtime.deepest_task()), 'Create a task of its own.');
  end if;
  task.root_task_id := v_parent.root_task_id;
  task.depth := v_parent.depth + 1;
  return task;
end
$$;
comment on function runtime.place_in_tree is
  E'@errors RN301 RN504 RN601 RN602\nGives a new task its place below its parent, which must not have ended, and counts it at the top of the tree.';

-- The one place where tasks come from: create_task, delegation and the domain's own makers fill what they know of a row.
create or replace function runtime.add_task(task app_public.tasks) returns app_public.tasks
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := core.clock();
begin
  task.tenant_id := core.current_tenant_id();
  task.id := coalesce((task).id, gen_random_uuid());
  task.input := coalesce((task).input, '{}');
  perform runtime.require_schema((task).input_schema, 'input_schema');
  perform runtime.require_schema((task).output_schema, 'output_schema');
  perform runtime.require_value((task).input_schema, (task).input, 'input');
  if (task).assigned_agent_id is not null then
    perform runtime.require_agent((task).assigned_agent_id, 'assigned_agent_id');
  end if;
  if (task).due_at <= v_now then
    perform core.raise_error('RN403', 'due_at: This time is past.', 'Give a time in the future, or none.');
  end if;
  task := runtime.place_in_tree(task);
  insert into app_public.tasks as t (
    tenant_id, id, title, description, status, priority, assigned_agent_id, required_capability, input, input_schema, output_schema,
    available_at, due_at, max_attempts, retry_delay, parent_task_id, root_task_id, depth, delegation_type, delegated_by_agent_ids,
    max_delegations, auto_escalate, escalation_timeout, escalates_at, created_by_user_id, created_by_agent_id, created_at,
    status_agent_id, status_reason)
  values (
    (task).tenant_id, (task).id, (task).title, (task).description,
    coalesce((task).status, case when (task).assigned_agent_id is null then 'pending' else 'assigned' end::app_public.task_status),
    coalesce((task).priority, 'medium'), (task).assigned_agent_id, (task).required_capability, (task).input, (task).input_schema,
    (task).output_schema, coalesce((task).available_at, v_now), (task).due_at, coalesce((task).max_attempts, 3),
    coalesce((task).retry_delay, interval '10 seconds'), (task).parent_task_id, (task).root_task_id, (task).depth,
    (task).delegation_type, coalesce((task).delegated_by_agent_ids, '{}'), coalesce((task).max_delegations, 3),
    coalesce((task).auto_escalate, false), (task).escalation_timeout,
    case when (task).auto_escalate then v_now + (task).escalation_timeout end,
    core.current_user_id(), tenancy.current_agent_id(), v_now, tenancy.current_agent_id(), (task).status_reason)
  returning t.* into task;
  return task;
end
$$;
comment on function runtime.add_task is
  E'@errors RN301 RN302 RN401 RN402 RN403 RN504 RN601 RN602\nChecks a new task and adds it. What is null gets its default; the status is pending or assigned unless it is given.';

create or replace function app_public.create_task(
  title text, description text default null, input jsonb default '{}', priority app_public.task_priority default 'medium',
  assigned_agent_id uuid default null, required_capability text default null, parent_task_id uuid default null,
  input_schema jsonb default null, output_schema jsonb default null, due_at timestamptz default null, max_attempts int default 3,
  retry_delay interval default '10 seconds', max_delegations int default 3, auto_escalate boolean default false,
  escalation_timeout interval default null, idempotency_key text default null)
returns app_public.tasks
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
  v_hash bytea;
  v_known_id uuid;
begin
  perform tenancy.require_permission('can_run_agents');
  v_task.title := title;
  v_task.description := description;
  v_task.input := input;
  v_task.priority := priority;
  v_task.assigned_agent_id := assigned_agent_id;
  v_task.required_capability := required_capability;
  v_task.parent_task_id := parent_task_id;
  v_task.input_schema := input_schema;
  v_task.output_schema := output_schema;
  v_task.due_at := due_at;
  v_task.max_attempts := max_attempts;
  v_task.retry_delay := retry_delay;
  v_task.max_delegations := max_delegations;
  v_task.auto_escalate := auto_escalate;
  v_task.escalation_timeout := escalation_timeout;
  if idempotency_key is not null then
    v_hash := sha256(convert_to(to_jsonb(v_task)::text, 'UTF8'));
    v_task.id := gen_random_uuid();
    v_known_id := runtime.task_of_key(idempotency_key, v_hash, v_task.id);
    if v_known_id is not null then
      select * into strict v_task from app_public.tasks t where t.tenant_id = core.current_tenant_id() and t.id = v_known_id;
      return v_task;
    end if;
  end if;
  return runtime.add_task(v_task);
end
$$;
comment on function app_public.create_task is
  E'@resultFieldName task\n@errors RN301 RN302 RN401 RN402 RN403 RN503 RN504 RN601 RN602 ID203 TN202\nGives agents a task: one agent, any with a capability, or any at all. A request that is sent again with the same idempotency_key within a day gives the task that it made. Needs can_run_agents.';
grant execute on function app_public.create_task to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: keys of all tenants end by the clock
create or replace function runtime.forget_task_keys(most int default 5000) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  delete from app_public.task_idempotency_keys k
   using (select d.tenant_id, d.idempotency_key from app_public.task_idempotency_keys d
           where d.expires_at <= core.clock() order by d.expires_at limit forget_task_keys.most for update skip locked) as old
   where k.tenant_id = old.tenant_id and k.idempotency_key = old.idempotency_key;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function runtime.forget_task_keys is 'Deletes idempotency keys that have expired, at most so many at once, and returns how many.';
grant execute on function runtime.forget_task_keys to rowhouse_worker;

set local role rowhouse_owner;

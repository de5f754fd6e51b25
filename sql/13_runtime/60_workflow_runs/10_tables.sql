-- Runs of workflows: a durable interpreter in the database. A run is a row and each of its steps is a row. What a step needs from
-- outside is done by a worker, who claims it under a lease; all else happens in the transaction that ended the step before.
--
-- 20 reads a published version into rows of nodes and edges, 30 evaluates expressions, 40 places, begins and finishes steps,
-- 45 goes through loops, 50 fans out, 55 advances a run until it waits, 60 says what a failure does, 65 is for workers, 70 for
-- people, 75 wakes what is due, and 80 tells others that a run has ended. The row of the run at the top is the lock of
-- everything below it: who changes a run or a step locks that row first. Only a claim does not, which locks one step.
--
-- What reads rows is plpgsql also where it is one statement, because its plan is kept: a step takes a dozen of them.

call core.secure_tenant_table('runtime.workflow_plans');
call audit.leave_out('derived from other tables by rules', 'runtime.workflow_plans');
comment on table runtime.workflow_plans is 'Published versions of workflows as they are run, one for all runs of a version.';
comment on column runtime.workflow_plans.content is 'What the version says.';
call core.secure_tenant_table('runtime.workflow_plan_nodes');
call audit.leave_out('derived from other tables by rules', 'runtime.workflow_plan_nodes');
comment on table runtime.workflow_plan_nodes is 'The nodes of a plan.';
call core.secure_tenant_table('runtime.workflow_plan_edges');
call audit.leave_out('derived from other tables by rules', 'runtime.workflow_plan_edges');
comment on table runtime.workflow_plan_edges is 'The edges of a plan, each at the level of the innermost loop that holds both of its ends.';
call core.secure_global_table('runtime.workflow_moves', 'what a run may become is the same for every tenant');
comment on table runtime.workflow_moves is 'Which state a run may go to from which.';

call core.secure_tenant_table('app_public.workflow_runs');
call audit.track('app_public.workflow_runs', 'input', 'output');
call core.exempt_from_guard('app_public.workflow_runs', '_000_require_writable_tenant', 'what workers have begun ends in a read-only tenant as well; people change runs by functions that check');
call core.announce('app_public.workflow_runs', about => 'workflow_id');
call core.allow('app_public.workflow_runs', read => 'can_view_analytics');
create policy select_starter on app_public.workflow_runs for select to rowhouse_user
  using (started_by_user_id = (select core.current_user_id()));
grant select on app_public.workflow_runs to rowhouse_user;
grant select, insert, update, delete on app_public.workflow_runs to rowhouse_platform;
comment on table app_public.workflow_runs is
  E'@behavior -insert -update -delete\n@large\n@live\nRuns of workflows. You see those that you started, and with can_view_analytics all of the tenant.';
comment on column app_public.workflow_runs.workflow_id is 'The workflow.';
comment on column app_public.workflow_runs.workflow_name is E'@notPersonal\nThe name of the workflow when the run began.';
comment on column app_public.workflow_runs.plan_id is E'@behavior -*\nThe version as it is run.';
comment on column app_public.workflow_runs.status is 'active while it runs or waits, paused, completed, failed (also when it was cancelled), or archived.';
comment on column app_public.workflow_runs.input is E'@personal erase\n@behavior -filterBy -orderBy\nWhat the run was given.';
comment on column app_public.workflow_runs.output is
  E'@personal erase\n@behavior -filterBy -orderBy\nWhat it came to: the output of its end; with several ends, or none, the outputs of its last nodes by their ids.';
comment on column app_public.workflow_runs.error_code is 'Why it failed, as a word or a code: cancelled, timeout, too_many_steps, outputs_too_large, output_invalid, or that of the step.';
comment on column app_public.workflow_runs.error_message is E'@personal erase\nWhy it failed, in words.';
comment on column app_public.workflow_runs.idempotency_key is E'@behavior -*\nThe key under which it was started.';
comment on column app_public.workflow_runs.started_by_user_id is E'@personal pseudonymise\nWho started it.';
comment on column app_public.workflow_runs.root_run_id is 'The run at the top, when this one is a step of another; else itself.';
comment on column app_public.workflow_runs.parent_step_run_id is 'The step that this run is, when it is one of another run.';
comment on column app_public.workflow_runs.depth is 'How many runs it is below the top: 0 to 5.';
comment on column app_public.workflow_runs.step_count is E'@kept\nHow many steps the run at the top and those below it have begun; at most 10,000.';
comment on column app_public.workflow_runs.output_bytes is E'@kept\nHow many bytes the outputs of these steps have; at most 20 million.';
comment on column app_public.workflow_runs.tokens is E'@kept\nThe tokens that its steps used.';
comment on column app_public.workflow_runs.cost is E'@kept\nWhat its steps cost, in US dollars.';
comment on column app_public.workflow_runs.pending_ids is E'@kept\n@behavior -*\nSteps from which the next transaction goes on.';
comment on column app_public.workflow_runs.continue_at is E'@kept\n@behavior -*\nSince when the next transaction may.';
comment on column app_public.workflow_runs.deadline_at is 'When it is given up.';
comment on column app_public.workflow_runs.paused_at is 'Since when it is paused; null when it is not.';
comment on column app_public.workflow_runs.started_at is 'When it began.';
comment on column app_public.workflow_runs.finished_at is 'When it ended.';
comment on column app_public.workflow_runs.updated_at is 'When it last changed.';
comment on type app_public.workflow_status is 'The state of a run of a workflow.';
comment on constraint workflow_name_is_a_name on app_public.workflow_runs is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';

call core.secure_tenant_table('app_public.workflow_step_runs');
call audit.leave_out('the steps of a run, which are their own record', 'app_public.workflow_step_runs');
call core.exempt_from_guard('app_public.workflow_step_runs', '_000_require_writable_tenant', 'what workers have begun ends in a read-only tenant as well; people change runs by functions that check');
call core.allow('app_public.workflow_step_runs', read => 'can_view_analytics');
create policy select_starter on app_public.workflow_step_runs for select to rowhouse_user
  using (started_by_user_id = (select core.current_user_id()));
grant select on app_public.workflow_step_runs to rowhouse_user;
grant select, insert, update, delete on app_public.workflow_step_runs to rowhouse_platform;
comment on table app_public.workflow_step_runs is
  E'@behavior -insert -update -delete -query:resource:connection\nThe steps of runs, each with what it got, what it gave, and what it cost.';
comment on column app_public.workflow_step_runs.run_id is 'The run.';
comment on column app_public.workflow_step_runs.root_run_id is E'@behavior -*\nThe run at the top.';
comment on column app_public.workflow_step_runs.started_by_user_id is E'@personal pseudonymise\n@behavior -orderBy -filterBy\nWho started the run.';
comment on column app_public.workflow_step_runs.sequence is 'The order in which the steps of a run came up.';
comment on column app_public.workflow_step_runs.node_id is 'The node of the workflow.';
comment on column app_public.workflow_step_runs.kind is 'The type of the node, or of the step within it.';
comment on column app_public.workflow_step_runs.scope is 'In which iterations of which loops it is: empty outside of loops, or such as until-clean[2].';
comment on column app_public.workflow_step_runs.item_index is 'For which item of a fan-out it is, from 0; 1000 is the step that reduces; null for the node itself.';
comment on column app_public.workflow_step_runs.parent_step_run_id is 'The step that gathers its result, when it is for an item of a fan-out.';
comment on column app_public.workflow_step_runs.throttle_id is E'@behavior -*\nThe step whose max_concurrency limits it.';
comment on column app_public.workflow_step_runs.is_queued is E'@behavior -*\nWhether it waits for its turn among those.';
comment on column app_public.workflow_step_runs.status is
  'ready for a worker, running at one, waiting for something else, or ended: completed, failed, skipped or cancelled.';
comment on column app_public.workflow_step_runs.attempt is 'How often a worker has begun it.';
comment on column app_public.workflow_step_runs.lost_count is 'How often a worker was lost that had begun it.';
comment on column app_public.workflow_step_runs.input is E'@personal erase\nWhat it got.';
comment on column app_public.workflow_step_runs.output is E'@personal erase\nWhat it gave.';
comment on column app_public.workflow_step_runs.error_code is 'Why its last attempt failed, as a word or a code.';
comment on column app_public.workflow_step_runs.error_message is E'@personal erase\nWhy its last attempt failed, in words.';
comment on column app_public.workflow_step_runs.failures is E'@personal erase\nThe attempts that failed before: [{"attempt", "code", "error", "at"}].';
comment on column app_public.workflow_step_runs.entered_edges is E'@behavior -*\nThe edges that led to it.';
comment on column app_public.workflow_step_runs.taken_edges is E'@behavior -*\nThe edges that were taken from it.';
comment on column app_public.workflow_step_runs.iteration is 'The present iteration of a loop, from 0; null for other steps.';
comment on column app_public.workflow_step_runs.iteration_edges is E'@behavior -*\nThe edges that led into the present iteration of a loop.';
comment on column app_public.workflow_step_runs.available_at is E'@behavior -*\nSince when a worker may have it.';
comment on column app_public.workflow_step_runs.wake_at is 'When a step that waits goes on by itself.';
comment on column app_public.workflow_step_runs.worker is E'@behavior -*\nThe worker that has or had it.';
comment on column app_public.workflow_step_runs.lease_token is E'@behavior -*\nThe secret of the worker that has it.';
comment on column app_public.workflow_step_runs.leased_until is E'@behavior -*\nUntil when the worker has it.';
comment on column app_public.workflow_step_runs.timeout_at is 'When its attempt is given up.';
comment on column app_public.workflow_step_runs.reservation_id is E'@behavior -*\nThe reservation of its tokens.';
comment on column app_public.workflow_step_runs.approval_id is 'The approval that it waits for or waited for.';
comment on column app_public.workflow_step_runs.tokens is 'The tokens that it used, in all attempts.';
comment on column app_public.workflow_step_runs.cost is 'What it cost in US dollars, in all attempts.';
comment on column app_public.workflow_step_runs.created_at is 'When it came up.';
comment on column app_public.workflow_step_runs.started_at is 'When a worker first began it.';
comment on column app_public.workflow_step_runs.finished_at is 'When it ended.';
comment on column app_public.workflow_step_runs.superseded_at is 'When a retry from this step or an earlier one took its place; null when it counts.';
comment on domain app_public.workflow_step_status is 'The state of a step of a run.';
comment on constraint workflow_step_runs_tenant_id_run_id_fkey on app_public.workflow_step_runs is E'@fieldName run\n@foreignFieldName steps';
comment on type runtime.claimed_workflow_step is 'What a worker gets for a step that it has claimed.';

create or replace function runtime.max_run_steps() returns int
language sql immutable parallel safe
return 10000;
comment on function runtime.max_run_steps is 'How many steps a run and those below it may have together.';

create or replace function runtime.max_step_bytes() returns int
language sql immutable parallel safe
return 1000000;
comment on function runtime.max_step_bytes is 'How many bytes the input and the output of one step may have.';

create or replace function runtime.max_run_bytes() returns int
language sql immutable parallel safe
return 20000000;
comment on function runtime.max_run_bytes is 'How many bytes the outputs of a run and those below it may have together.';
comment on index app_public.workflow_runs_idempotency_key is 'is the key of another run';
comment on index app_public.workflow_step_runs_place_key is 'is the place of another step';

-- Training jobs: a job is queued, fitted, evaluated and completed, each step in a transaction of its own. A worker that dies leaves the job to
-- the next one, which goes on after the last step; the number of the attempt is what tells the two apart, so a late worker changes nothing.
-- Jobs wait in the lanes of their tenant, at most two run at once for it.

call core.secure_tenant_table('app_public.ml_training_jobs');
call audit.leave_out('the progress of tasks', 'app_public.ml_training_jobs');
call core.exempt_from_guard('app_public.ml_training_jobs', '_000_require_writable_tenant', 'a job that was begun ends in a read-only tenant as well');
call core.allow('app_public.ml_training_jobs', read => 'member');
grant select on app_public.ml_training_jobs to rowhouse_user;
grant select, delete on app_public.ml_training_jobs to rowhouse_platform;
comment on table app_public.ml_training_jobs is
  E'@live\n@behavior -insert -update -delete\nThe training of models. Members of the tenant see it; startMlTraining begins one.';
comment on column app_public.ml_training_jobs.tenant_id is 'The tenant.';
comment on column app_public.ml_training_jobs.id is 'The id.';
comment on column app_public.ml_training_jobs.model_type is 'What the model is for.';
comment on column app_public.ml_training_jobs.model_name is E'@notPersonal\nThe name of the model.';
comment on column app_public.ml_training_jobs.trainer is 'How it is trained.';
comment on column app_public.ml_training_jobs.feature_set is 'The feature set that it is trained on.';
comment on column app_public.ml_training_jobs.status is 'How it stands.';
comment on column app_public.ml_training_jobs.config is E'@notPersonal\n@behavior -filterBy -orderBy\nThe settings of the trainer.';
comment on column app_public.ml_training_jobs.seed is 'What decides which rows are held out.';
comment on column app_public.ml_training_jobs.progress is 'How much of it is done, in percent: 10 when it has begun, 60 when the model is fitted, 100 when it is evaluated.';
comment on column app_public.ml_training_jobs.attempt is E'@behavior -filterBy -orderBy\nHow often a worker has begun it.';
comment on column app_public.ml_training_jobs.metrics is E'@notPersonal\n@behavior -filterBy -orderBy\nWhat the model reached on the rows that were held out.';
comment on column app_public.ml_training_jobs.error_message is E'@notPersonal\nWhy it failed.';
comment on column app_public.ml_training_jobs.model_id is 'The model that it made.';
comment on column app_public.ml_training_jobs.data_hash is 'A hash of the rows that it read.';
comment on column app_public.ml_training_jobs.created_by_user_id is E'@personal pseudonymise\nWho asked for it.';
comment on column app_public.ml_training_jobs.started_at is 'When a worker first began it.';
comment on column app_public.ml_training_jobs.completed_at is 'When it ended, in whatever way.';
comment on column app_public.ml_training_jobs.created_at is 'When it was asked for.';
comment on constraint model_name_is_a_word on app_public.ml_training_jobs is 'must be 1 to 63 small letters, digits and _ . - and begin with a letter';
comment on constraint config_is_an_object on app_public.ml_training_jobs is 'must be a JSON object';
comment on constraint progress_is_a_percentage on app_public.ml_training_jobs is 'must be from 0 to 100';
comment on constraint completed_at_is_of_an_end on app_public.ml_training_jobs is 'must be given when the job has ended, and only then';
comment on constraint ml_training_jobs_tenant_id_model_id_fkey on app_public.ml_training_jobs is E'@fieldName model\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on domain app_public.ml_job_status is 'How a training job stands. queued: it waits for a worker. running: one is at it. completed, failed and cancelled: it has ended.';
comment on constraint ml_job_status_is_known on domain app_public.ml_job_status is 'must be queued, running, completed, failed or cancelled';
call core.announce('app_public.ml_training_jobs');

call governance.define_data_kind('ml_training_jobs', 'Training jobs that have ended. Their models stay.', 400);
call governance.add_table_to_kind('ml_training_jobs', 'app_public.ml_training_jobs', 'created_at', $$t.status in ('completed', 'failed', 'cancelled')$$);

create or replace function ml.most_open_jobs() returns int
language sql immutable parallel safe
return 50;
comment on function ml.most_open_jobs is 'How many training jobs of a tenant wait or run at most.';

create or replace function ml.queue_training(tenant_id uuid, job_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_tenant_job('ml__train', json_build_object('tenantId', queue_training.tenant_id, 'jobId', queue_training.job_id),
    queue_training.tenant_id);
$$;
comment on function ml.queue_training is 'Adds the job of the queue that trains.';

create or replace function app_public.start_ml_training(
  model_name text, trainer app_public.ml_trainer, feature_set text, config jsonb, seed int default 0) returns app_public.ml_training_jobs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_fault text;
  v_job app_public.ml_training_jobs;
begin
  perform tenancy.require_permission('can_edit_agents');
  perform ml.feature_set_of(start_ml_training.feature_set);
  v_fault := case when jsonb_typeof(coalesce(start_ml_training.config, '{}')) <> 'object' then 'it must be an object'
    else ml.setting_faults(coalesce(start_ml_training.config, '{}'), ml.known_settings(start_ml_training.trainer)) end;
  if v_fault is not null then
    perform core.raise_error('ML404', format('config: %s.', v_fault), 'docs/ml.md lists the settings of each trainer.');
  end if;
  perform pg_advisory_xact_lock(hashtext('ml.training_jobs'), hashtext(v_tenant_id::text));
  if (select count(*) from app_public.ml_training_jobs j where j.tenant_id = v_tenant_id and j.status in ('queued', 'running')) >= ml.most_open_jobs() then
    perform core.raise_error('ML601', format('At most %s training jobs wait at once.', ml.most_open_jobs()), 'Wait until some have ended.');
  end if;
  insert into app_public.ml_training_jobs (
    tenant_id, model_type, model_name, trainer, feature_set, config, seed, created_by_user_id, created_at)
  values (v_tenant_id, ml.type_of(start_ml_training.trainer), start_ml_training.model_name, start_ml_training.trainer, start_ml_training.feature_set,
          coalesce(start_ml_training.config, '{}'), coalesce(start_ml_training.seed, 0), core.current_user_id(), core.clock())
  on conflict (tenant_id, model_name) where status in ('queued', 'running') do nothing
  returning * into v_job;
  if not found then
    perform core.raise_error('ML501', 'model_name: A training of this name is not over yet.', 'Wait for it, or cancel it with cancelMlTraining.');
  end if;
  perform ml.queue_training(v_job.tenant_id, v_job.id);
  return v_job;
end
$$;
comment on function app_public.start_ml_training is
  E'@resultFieldName job\n@errors ID203 ML303 ML404 ML501 ML601 TN202\nTrains a model on a feature set, in the background. config has the settings of the trainer, such as target. One training of a name runs at a time. The same data, config and seed give the same model. Needs can_edit_agents.';
grant execute on function app_public.start_ml_training to rowhouse_user;

create or replace function app_public.cancel_ml_training(job_id uuid) returns app_public.ml_training_jobs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_job app_public.ml_training_jobs;
begin
  perform tenancy.require_permission('can_edit_agents');
  update app_public.ml_training_jobs j set status = 'cancelled', completed_at = core.clock()
   where j.tenant_id = core.current_tenant_id() and j.id = cancel_ml_training.job_id and j.status in ('queued', 'running')
  returning * into v_job;
  if found then
    update app_public.ml_models m set status = 'failed'
     where m.tenant_id = v_job.tenant_id and m.id = v_job.model_id and m.status = 'training';
    return v_job;
  elsif exists (select from app_public.ml_training_jobs j where j.tenant_id = core.current_tenant_id() and j.id = cancel_ml_training.job_id) then
    perform core.raise_error('ML507', 'The job is over.', 'There is nothing to cancel.');
  end if;
  perform core.raise_error('ML304', 'job_id: There is no such training job in this tenant.', 'List them with mlTrainingJobs.');
end
$$;
comment on function app_public.cancel_ml_training is
  E'@resultFieldName job\n@errors ID203 ML304 ML507 TN202\nCancels a training that is not over. What the worker still computes of it is thrown away. Needs can_edit_agents.';
grant execute on function app_public.cancel_ml_training to rowhouse_user;

create or replace function ml.begin_training(tenant_id uuid, job_id uuid) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_attempt int;
begin
  call core.enter_tenant(begin_training.tenant_id);
  update app_public.ml_training_jobs j
     set status = 'running', attempt = j.attempt + 1, progress = greatest(j.progress, 10), started_at = coalesce(j.started_at, core.clock())
   where j.tenant_id = begin_training.tenant_id and j.id = begin_training.job_id and j.status in ('queued', 'running')
  returning j.attempt into v_attempt;
  return v_attempt;
end
$$;
comment on function ml.begin_training is 'Begins an attempt at a job and returns its number; null when the job is over.';
grant execute on function ml.begin_training to rowhouse_worker;

-- The conditional update is what a cancelled or a late attempt fails by; then nothing of the step stays.
create or replace function ml.keep_fit(job app_public.ml_training_jobs, set app_public.ml_feature_sets, fit ml.fit) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_model app_public.ml_models;
begin
  v_model.model_type := (job).model_type;
  v_model.model_name := (job).model_name;
  v_model.architecture := jsonb_build_object('trainer', (job).trainer, 'target', coalesce((job).config -> 'target', (job).config -> 'item'));
  v_model.hyperparameters := (fit).hyperparameters;
  v_model.training_data_info := (fit).data_info;
  v_model.training_job_id := (job).id;
  v_model.feature_set := (set).name;
  v_model.feature_set_hash := ml.hash_of_definitions((set).definitions);
  v_model.data_hash := (fit).data_hash;
  v_model.code_version := ml.code_version();
  v_model.created_by := (job).created_by_user_id;
  v_model := ml.add_model(v_model, (fit).artefact);
  update app_public.ml_training_jobs j set progress = 60, model_id = v_model.id, data_hash = (fit).data_hash
   where j.tenant_id = (job).tenant_id and j.id = (job).id and j.status = 'running' and j.attempt = (job).attempt;
  if not found then
    perform core.raise_error('ML508', 'The job was cancelled, or another worker has it.');
  end if;
end
$$;
comment on function ml.keep_fit is E'@errors ML508 ML602 ML603\nKeeps what a job has fitted as a model, unless the job was cancelled or begun anew.';

create or replace function ml.note_evaluation(model_id uuid, evaluation ml.evaluation) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  insert into app_public.ml_model_performance (tenant_id, model_id, metric_type, metric_value, evaluation_data, evaluation_hash, row_count, evaluated_at)
  select core.current_tenant_id(), note_evaluation.model_id, m.key, (m.value #>> '{}')::numeric, '{"on": "held out"}', (evaluation).evaluation_hash,
         (evaluation).row_count, core.clock()
    from jsonb_each((evaluation).metrics) m;
$$;
comment on function ml.note_evaluation is 'Writes down what a model reached.';

create or replace function ml.evaluate_job(job app_public.ml_training_jobs, set app_public.ml_feature_sets) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_evaluation constant ml.evaluation :=
    ml.evaluate_model((job).trainer, set, ml.artefact_of((job).model_id), (job).config, (job).seed);
  v_champion_id uuid;
begin
  -- The champion is measured on the same rows, if it was trained in the same way for the same target.
  select m.id into v_champion_id from app_public.ml_models m
   where m.tenant_id = (job).tenant_id and m.model_name = (job).model_name and m.alias = 'champion' and m.feature_set = (set).name
     and m.architecture = jsonb_build_object('trainer', (job).trainer, 'target', coalesce((job).config -> 'target', (job).config -> 'item'));
  update app_public.ml_training_jobs j
     set status = 'completed', progress = 100, metrics = (v_evaluation).metrics, completed_at = core.clock()
   where j.tenant_id = (job).tenant_id and j.id = (job).id and j.status = 'running' and j.attempt = (job).attempt;
  if not found then
    perform core.raise_error('ML508', 'The job was cancelled, or another worker has it.');
  end if;
  update app_public.ml_models m set status = 'validating', performance_metrics = (v_evaluation).metrics
   where m.tenant_id = (job).tenant_id and m.id = (job).model_id and m.status = 'training';
  perform ml.note_evaluation((job).model_id, v_evaluation);
  if v_champion_id is not null then
    perform ml.note_evaluation(v_champion_id,
      ml.evaluate_model((job).trainer, set, ml.artefact_of(v_champion_id), (job).config, (job).seed));
  end if;
end
$$;
comment on function ml.evaluate_job is
  E'@errors ML404 ML405 ML406 ML508\nMeasures the model of a job, and its champion, on the rows that were held out, and completes the job.';

create or replace function ml.advance_training(tenant_id uuid, job_id uuid, attempt int) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_job app_public.ml_training_jobs;
  v_set app_public.ml_feature_sets;
begin
  call core.enter_tenant(advance_training.tenant_id);
  select * into v_job from app_public.ml_training_jobs j
   where j.tenant_id = advance_training.tenant_id and j.id = advance_training.job_id and j.status = 'running' and j.attempt = advance_training.attempt;
  if not found then
    return false;
  end if;
  v_set := ml.feature_set_of(v_job.feature_set);
  if v_job.model_id is null then
    perform ml.keep_fit(v_job, v_set, ml.fit_model(v_job.trainer, v_set, v_job.config, v_job.seed));
    return true;
  end if;
  perform ml.evaluate_job(v_job, v_set);
  return false;
end
$$;
comment on function ml.advance_training is
  E'@errors ML303 ML404 ML405 ML406 ML508 ML602 ML603\nDoes the next step of a job, and returns whether there is another. A job that was cancelled or begun anew has none.';
grant execute on function ml.advance_training to rowhouse_worker;

create or replace function ml.fail_training(tenant_id uuid, job_id uuid, attempt int, error_message text) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_job app_public.ml_training_jobs;
begin
  call core.enter_tenant(fail_training.tenant_id);
  update app_public.ml_training_jobs j set status = 'failed', error_message = left(fail_training.error_message, 1000), completed_at = core.clock()
   where j.tenant_id = fail_training.tenant_id and j.id = fail_training.job_id and j.status = 'running' and j.attempt = fail_training.attempt
  returning j.* into v_job;
  if not found then
    return false;
  end if;
  update app_public.ml_models m set status = 'failed'
   where m.tenant_id = v_job.tenant_id and m.id = v_job.model_id and m.status = 'training';
  return true;
end
$$;
comment on function ml.fail_training is 'Ends a job that cannot be done. False when it was cancelled or begun anew.';
grant execute on function ml.fail_training to rowhouse_worker;

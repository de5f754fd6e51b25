-- Requests of agents: an agent asks a model, and the request is a task of that agent from its beginning to its end. When the agent needs an
-- approval, the task waits for people; else, and as soon as they have approved, the model answers in the same transaction. So no worker of the
-- agent ever finds the task in its line.

call core.secure_tenant_table('app_public.agent_ml_requests');
call audit.leave_out('a log that is only added to', 'app_public.agent_ml_requests');
call core.allow('app_public.agent_ml_requests', read => 'member');
grant select on app_public.agent_ml_requests to rowhouse_user;
grant select, delete on app_public.agent_ml_requests to rowhouse_platform;
comment on table app_public.agent_ml_requests is
  E'@large\n@foreignKey (agent_id) references app_public.agents (id)|@fieldName agent|@behavior -manyRelation:resource:connection -manyRelation:resource:list\n@behavior -insert -update -delete -query:resource:single\nWhat agents have asked models. Members of the tenant see it.';
comment on column app_public.agent_ml_requests.tenant_id is 'The tenant.';
comment on column app_public.agent_ml_requests.id is 'The id.';
comment on column app_public.agent_ml_requests.agent_id is 'The agent. The request stays when the agent is deleted.';
comment on column app_public.agent_ml_requests.model_id is 'The model.';
comment on column app_public.agent_ml_requests.request_type is E'@notPersonal\nWhat was asked: number, forecast, anomaly or recommendation.';
comment on column app_public.agent_ml_requests.input_data is E'@personal erase\n@behavior -filterBy -orderBy\nThe input of the model.';
comment on column app_public.agent_ml_requests.prediction is E'@personal erase\n@behavior -filterBy -orderBy\nThe answer; null until there is one.';
comment on column app_public.agent_ml_requests.status is 'How it stands.';
comment on column app_public.agent_ml_requests.error_message is E'@notPersonal\nWhy it failed.';
comment on column app_public.agent_ml_requests.prediction_id is 'The answer as a prediction, with its confidence.';
comment on column app_public.agent_ml_requests.task_id is 'The task.';
comment on column app_public.agent_ml_requests.user_id is E'@personal pseudonymise\nThe person who asked, or whose API key did.';
comment on column app_public.agent_ml_requests.created_at is 'When it was asked.';
comment on column app_public.agent_ml_requests.completed_at is 'When it ended.';
comment on constraint agent_ml_requests_tenant_id_model_id_fkey on app_public.agent_ml_requests is E'@fieldName model\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on constraint agent_ml_requests_tenant_id_task_id_fkey on app_public.agent_ml_requests is E'@fieldName task\n@behavior -manyRelation:resource:connection -manyRelation:resource:list';
comment on constraint request_type_is_a_word on app_public.agent_ml_requests is 'must be 1 to 63 small letters, digits and _ and begin with a letter';
comment on constraint completed_at_is_of_an_end on app_public.agent_ml_requests is 'must be given when the request has ended, and only then';
comment on domain app_public.ml_request_status is
  'How a request stands. pending: it is being answered. awaiting_approval: it waits for people. completed, failed and cancelled: it has ended.';
comment on constraint ml_request_status_is_known on domain app_public.ml_request_status is
  'must be pending, awaiting_approval, completed, failed or cancelled';

call governance.define_data_kind('ml_requests', 'What agents have asked models.', 400);
call governance.add_table_to_kind('ml_requests', 'app_public.agent_ml_requests', 'created_at', 't.completed_at is not null');

create or replace function ml.end_request(request app_public.agent_ml_requests) returns app_public.agent_ml_requests
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.agent_ml_requests r
     set status = (request).status, prediction = (request).prediction, prediction_id = (request).prediction_id,
         error_message = left((request).error_message, 1000), completed_at = core.clock()
   where r.tenant_id = (request).tenant_id and r.id = (request).id and r.completed_at is null
  returning r.* into request;
  return request;
end
$$;
comment on function ml.end_request is 'Ends a request that has not ended; null when it has.';

-- The task is locked. It goes through the same states as one that an agent does.
create or replace function ml.answer_request(request app_public.agent_ml_requests) returns app_public.agent_ml_requests
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_task app_public.tasks;
  v_prediction app_public.ml_predictions;
begin
  update app_public.tasks t
     set status = 'in_progress', held_by_agent_id = (request).agent_id, lease_expires_at = core.clock() + interval '1 minute',
         attempt_count = t.attempt_count + 1, started_at = core.clock(), status_agent_id = (request).agent_id, status_reason = null
   where t.tenant_id = (request).tenant_id and t.id = (request).task_id and t.status = 'assigned'
  returning t.* into strict v_task;
  begin
    v_prediction := ml.store_prediction(ml.model_that_answers((request).model_id, null, null), (request).input_data, null, (request).agent_id);
    request.status := 'completed';
    request.prediction := v_prediction.prediction;
    request.prediction_id := v_prediction.id;
  exception when sqlstate 'ML301' or sqlstate 'ML303' or sqlstate 'ML407' or sqlstate 'ML502' then
    request.status := 'failed';
    request.error_message := sqlerrm;
  end;
  perform runtime.end_task(v_task, (request).status::text::app_public.task_status, (request).error_message, (request).prediction);
  return ml.end_request(request);
end
$$;
comment on function ml.answer_request is 'Asks the model of a request and ends its task with the answer.';

create or replace function ml.tg_tasks__follow_request() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_request app_public.agent_ml_requests;
begin
  select * into v_request from app_public.agent_ml_requests r
   where r.tenant_id = new.tenant_id and r.task_id = new.id and r.completed_at is null;
  if not found then
    return null;
  elsif new.status = 'assigned' then
    perform ml.answer_request(v_request);
  else
    v_request.status := new.status::text;
    v_request.error_message := new.status_reason;
    perform ml.end_request(v_request);
  end if;
  return null;
end
$$;
comment on function ml.tg_tasks__follow_request is 'Answers the request of a task that was approved, and ends that of one that was rejected or cancelled.';
create or replace trigger _700_follow_ml_request after update of status on app_public.tasks
  for each row when (old.status = 'awaiting_approval' and new.status in ('assigned', 'failed', 'cancelled'))
  execute function ml.tg_tasks__follow_request();

create or replace function app_public.request_ml_prediction(agent_id uuid, model_id uuid, input jsonb) returns app_public.agent_ml_requests
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_model app_public.ml_models;
  v_task app_public.tasks;
  v_request app_public.agent_ml_requests;
begin
  perform tenancy.require_permission('can_run_agents');
  perform tenancy.require_key_for_agent(request_ml_prediction.agent_id);
  v_model := ml.model_that_answers(request_ml_prediction.model_id, null, null);
  if pg_column_size(request_ml_prediction.input) > 16000 then
    perform core.raise_error('ML407', 'input: It has more than 16 kB.', 'Give what the model reads.');
  end if;
  v_task.title := left(format('Ask the model %s, version %s', v_model.model_name, v_model.version), 255);
  v_task.input := jsonb_build_object('model_id', v_model.id, 'input', request_ml_prediction.input);
  v_task.assigned_agent_id := request_ml_prediction.agent_id;
  v_task.max_attempts := 1;
  v_task := runtime.add_task(v_task);
  insert into app_public.agent_ml_requests (tenant_id, agent_id, model_id, request_type, input_data, status, task_id, user_id, created_at)
  values (v_model.tenant_id, request_ml_prediction.agent_id, v_model.id, ml.prediction_type(ml.artefact_of(v_model.id)),
          coalesce(request_ml_prediction.input, '{}'), case v_task.status when 'awaiting_approval' then 'awaiting_approval' else 'pending' end,
          v_task.id, core.current_user_id(), core.clock())
  returning * into v_request;
  return case v_request.status when 'pending' then ml.answer_request(v_request) else v_request end;
end
$$;
comment on function app_public.request_ml_prediction is
  E'@resultFieldName request\n@errors ID203 KY204 ML301 ML407 ML502 RN302 RN530 TN202\nAsks a model for an agent. The request is a task of the agent: it waits for an approval where the agent needs one, and is answered at once otherwise. Needs can_run_agents; an API key of an agent asks for its agent alone.';
grant execute on function app_public.request_ml_prediction to rowhouse_user;

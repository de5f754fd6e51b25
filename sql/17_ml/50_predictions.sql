-- Predictions: what models answered, and what was true in the end. A model that is served by SQL answers within the statement that asks.
-- Confidence is measured, not claimed: what it means for each kind of model is said at ml.answer.

call core.secure_tenant_table('app_public.ml_predictions');
call audit.leave_out('a log that is only added to', 'app_public.ml_predictions');
call core.allow('app_public.ml_predictions', read => 'self, can_view_analytics');
grant select on app_public.ml_predictions to rowhouse_user;
grant select, delete on app_public.ml_predictions to rowhouse_platform;
comment on table app_public.ml_predictions is
  E'@large\n@behavior -insert -update -delete -query:resource:single\nWhat models answered. Members see the predictions that they asked for, and with can_view_analytics all.';
comment on column app_public.ml_predictions.tenant_id is 'The tenant.';
comment on column app_public.ml_predictions.id is 'The id.';
comment on column app_public.ml_predictions.model_id is 'The model.';
comment on column app_public.ml_predictions.prediction_type is E'@notPersonal\nWhat was asked: number, forecast, anomaly or recommendation.';
comment on column app_public.ml_predictions.entity_id is E'@notPersonal\nWhat it is about, a key that the tenant chose; null when that was not said.';
comment on column app_public.ml_predictions.input_data is E'@personal erase\n@behavior -filterBy -orderBy\nThe features that it was made from.';
comment on column app_public.ml_predictions.prediction is
  E'@personal erase\n@behavior -filterBy -orderBy\nThe answer: of number and forecast a value with lower and upper, of forecast also values; of anomaly a score as its value, and is_anomaly; of recommendation items.';
comment on column app_public.ml_predictions.predicted_number is 'The value of the prediction; null when it has none.';
comment on column app_public.ml_predictions.confidence is
  'How sure it is, 0 to 1; null when that could not be measured. Of number, forecast: the share of the values held out from training that were between lower and upper. Of anomaly: the share of the values it was trained on whose score is nearer to 0. Of recommendation: the share of items held out that were among the first ten.';
comment on column app_public.ml_predictions.actual_value is E'@personal erase\n@behavior -filterBy -orderBy\nWhat was true in the end: a number, or a boolean for an anomaly.';
comment on column app_public.ml_predictions.actual_number is 'The same as a number, true as 1.';
comment on column app_public.ml_predictions.actual_at is 'When that was recorded.';
comment on column app_public.ml_predictions.feedback is E'@personal erase\n@behavior -filterBy -orderBy\nWhat people say of it.';
comment on column app_public.ml_predictions.user_id is E'@personal pseudonymise\nWho asked.';
comment on column app_public.ml_predictions.agent_id is 'The agent that asked; null when none did. It stays when the agent is deleted.';
comment on column app_public.ml_predictions.created_at is 'When.';
comment on constraint ml_predictions_tenant_id_model_id_fkey on app_public.ml_predictions is E'@fieldName model\n@foreignFieldName predictions';
comment on constraint prediction_type_is_a_word on app_public.ml_predictions is 'must be 1 to 63 small letters, digits and _ and begin with a letter';
comment on constraint prediction_is_an_object on app_public.ml_predictions is 'must be a JSON object';
comment on constraint confidence_is_a_share on app_public.ml_predictions is 'must be from 0 to 1';
comment on constraint actual_value_has_a_time on app_public.ml_predictions is 'must have a time';

call governance.define_data_kind('ml_predictions', 'Predictions of models, with what was true in the end.', 400);
call governance.add_table_to_kind('ml_predictions', 'app_public.ml_predictions', 'created_at');

create or replace function ml.answer_linear(artefact jsonb, set app_public.ml_feature_sets, input jsonb) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
set jit to off
as $$
declare
  v_value double precision;
begin
  execute 'select ' || ml.linear_expression(artefact, '$1') into v_value using ml.numbers_of((set).definitions, input);
  return jsonb_strip_nulls(jsonb_build_object('value', v_value, 'lower', v_value - (artefact ->> 'half_width')::double precision,
    'upper', v_value + (artefact ->> 'half_width')::double precision));
end
$$;
comment on function ml.answer_linear is 'The answer of a linear model: the value, and the interval of nine in ten.';

create or replace function ml.answer_forecast(artefact jsonb, input jsonb) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ahead constant int := coalesce((input ->> 'ahead')::int, (artefact ->> 'horizon')::int);
  v_values constant jsonb := ml.forecast(artefact, v_ahead);
begin
  return (v_values -> -1) || jsonb_build_object('values', v_values);
end
$$;
comment on function ml.answer_forecast is 'The answer of a forecast: all values until so many steps ahead, and the last of them.';

create or replace function ml.answer_zscore(artefact jsonb, input jsonb) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_build_object('value', s.score, 'is_anomaly', abs(s.score) > (artefact ->> 'threshold')::double precision)
    from (select ml.score_in_slots(artefact, ml.to_number(input -> (artefact ->> 'target')), coalesce((input ->> 'at')::timestamptz, core.clock())) as score) s;
$$;
comment on function ml.answer_zscore is 'The answer about an anomaly: its score, and whether it is above the threshold.';

create or replace function ml.confidence_of(artefact jsonb, prediction jsonb) returns numeric
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case artefact ->> 'kind'
    when 'zscore' then round((select count(*) from jsonb_array_elements(artefact -> 'scores') s
                               where (s #>> '{}')::double precision < abs((prediction ->> 'value')::double precision)) / 101.0, 2)
    else (artefact ->> 'confidence')::numeric end;
$$;
comment on function ml.confidence_of is 'How sure an answer is, as measured in training.';

-- The first thing that is wrong with an input, in words.
create or replace function ml.input_fault(artefact jsonb, set app_public.ml_feature_sets, input jsonb) returns text
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(input) is distinct from 'object' then 'it must be an object'
    else case artefact ->> 'kind'
      when 'linear' then ml.feature_fault(array(select (d.name, d.type, false)::app_public.ml_feature_definition from unnest((set).definitions) d), input)
      when 'forecast' then ml.setting_faults(input, '{"ahead": {"test": "$.type() == \"number\" && $ >= 1 && $ <= 400 && $ == $.floor()", "words": "a whole number from 1 to 400"}}')
      when 'zscore' then coalesce(
        ml.setting_faults(input, jsonb_build_object(
          artefact ->> 'target', '{"required": true, "test": "$.type() == \"number\" && $ > -1e40 && $ < 1e40", "words": "a number"}'::jsonb,
          'at', '{"test": "$.type() == \"string\"", "words": "a time"}'::jsonb)),
        case when input ->> 'at' !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)$' then 'at must be a time with its zone' end)
      when 'items' then coalesce(
        ml.setting_faults(input, '{"items": {"required": true, "test": "$.type() == \"array\" && $.size() <= 100", "words": "a list of at most 100 items"},
          "most": {"test": "$.type() == \"number\" && $ >= 1 && $ <= 100 && $ == $.floor()", "words": "a whole number from 1 to 100"}}'))
    end end;
$$;
comment on function ml.input_fault is 'What is wrong with the input of a model, in words; null when nothing is.';

create or replace function ml.answer(artefact jsonb, set app_public.ml_feature_sets, input jsonb) returns jsonb
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_fault constant text := ml.input_fault(artefact, set, input);
begin
  if v_fault is not null then
    perform core.raise_error('ML407', format('input: %s.', v_fault), 'Give what the model reads; docs/ml.md says what that is.');
  end if;
  return case artefact ->> 'kind'
    when 'linear' then ml.answer_linear(artefact, set, input)
    when 'forecast' then ml.answer_forecast(artefact, input)
    when 'zscore' then ml.answer_zscore(artefact, input)
    when 'items' then jsonb_build_object('items', ml.recommend(artefact, array(select jsonb_array_elements_text(input -> 'items')), coalesce((input ->> 'most')::int, 10)))
  end;
exception
  when datetime_field_overflow or invalid_datetime_format then
    perform core.raise_error('ML407', 'input: at is not a time.', 'Give a time with its zone.');
end
$$;
comment on function ml.answer is
  E'@errors ML407\nThe answer of a model that is served by SQL. Of a linear model the features by their names (a missing one counts as its mean), of a forecast {"ahead"}, of anomalies the value by its name and {"at"}, of recommendations {"items", "most"}.';

create or replace function ml.model_that_answers(model_id uuid, model_name text, alias app_public.ml_model_alias) returns app_public.ml_models
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_model app_public.ml_models;
begin
  select * into v_model from app_public.ml_models m
   where m.tenant_id = core.current_tenant_id()
     and (m.id = model_that_answers.model_id
       or model_that_answers.model_id is null and m.model_name = model_that_answers.model_name and m.alias = coalesce(model_that_answers.alias, 'champion'));
  if not found then
    perform ml.raise_no_such_model(case when model_that_answers.model_id is null then 'model_name' else 'model_id' end);
  elsif v_model.status not in ('validating', 'active') then
    perform core.raise_error('ML502', format('The model is %s.', v_model.status), 'Ask one that is active.');
  end if;
  return v_model;
end
$$;
comment on function ml.model_that_answers is
  E'@errors ML301 ML502\nA model by its id, or the one that answers by an alias of a name. One that has no alias yet is asked by its id.';

create or replace function ml.prediction_type(artefact jsonb) returns text
language sql immutable parallel safe
return case artefact ->> 'kind' when 'linear' then 'number' when 'zscore' then 'anomaly' when 'items' then 'recommendation' else artefact ->> 'kind' end;
comment on function ml.prediction_type is 'What a model is asked.';

create or replace function ml.store_prediction(model app_public.ml_models, input jsonb, entity_id text, agent_id uuid) returns app_public.ml_predictions
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_artefact constant jsonb := ml.artefact_of((model).id);
  v_set constant app_public.ml_feature_sets := ml.feature_set_of((model).feature_set);
  v_input constant jsonb := coalesce(store_prediction.input,
    case when store_prediction.entity_id is not null then app_public.features_as_of(v_set.name, store_prediction.entity_id) end, '{}');
  v_answer constant jsonb := ml.answer(v_artefact, v_set, v_input);
  v_prediction app_public.ml_predictions;
begin
  insert into app_public.ml_predictions (
    tenant_id, model_id, prediction_type, entity_id, input_data, prediction, confidence, user_id, agent_id, created_at)
  values ((model).tenant_id, (model).id, ml.prediction_type(v_artefact), store_prediction.entity_id, v_input, v_answer,
          ml.confidence_of(v_artefact, v_answer), core.current_user_id(), store_prediction.agent_id, core.clock())
  returning * into v_prediction;
  return v_prediction;
end
$$;
comment on function ml.store_prediction is
  E'@errors ML303 ML407\nAsks a model and writes its answer down. Without an input, the features of the entity as of now are asked about.';

create or replace function app_public.predict_with_ml_model(
  input jsonb default null, model_id uuid default null, model_name text default null, alias app_public.ml_model_alias default 'champion',
  entity_id text default null) returns app_public.ml_predictions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_run_agents');
  return ml.store_prediction(
    ml.model_that_answers(predict_with_ml_model.model_id, predict_with_ml_model.model_name, predict_with_ml_model.alias),
    predict_with_ml_model.input, predict_with_ml_model.entity_id, tenancy.current_agent_id());
end
$$;
comment on function app_public.predict_with_ml_model is
  E'@resultFieldName prediction\n@errors ID203 ML301 ML303 ML407 ML502 TN202\nAsks a model, by its id or by a name and an alias, and keeps the answer. Without an input the features of the entity as of now are asked about. docs/ml.md says what each kind of model reads and answers. Needs can_run_agents.';
grant execute on function app_public.predict_with_ml_model to rowhouse_user;

-- One statement for all rows: the model is part of its text.
create or replace function app_public.predict_ml_features(
  model_id uuid, since timestamptz default null, most int default 100000) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
set jit to off
as $$
declare
  v_most constant int := 100000;
  v_model app_public.ml_models;
  v_artefact jsonb;
  v_count int;
begin
  perform tenancy.require_permission('can_run_agents');
  v_model := ml.model_that_answers(predict_ml_features.model_id, null, null);
  v_artefact := ml.artefact_of(v_model.id);
  if v_artefact ->> 'kind' <> 'linear' then
    perform core.raise_error('ML408', 'model_id: This kind of model does not predict row by row.', 'Ask it with predictWithMlModel.');
  elsif coalesce(predict_ml_features.most, v_most) not between 1 and v_most then
    perform core.raise_error('ML402', format('most: Give 1 to %s.', v_most), 'Predict more in several calls, each since the last row of the one before.');
  end if;
  execute format($q$
    insert into app_public.ml_predictions (tenant_id, model_id, prediction_type, entity_id, input_data, prediction, confidence, user_id, agent_id, created_at)
    select $1, $3, 'number', r.entity_id, r.features, jsonb_build_object('value', r.p%s), $4, $5, $6, $7
      from (select f.entity_id, f.features, %s as p from %s and ($8 is null or f.observed_at >= $8)
             order by f.observed_at, f.entity_id limit $9) r$q$,
    case when v_artefact ->> 'half_width' is not null
      then format(', ''lower'', r.p - %1$L::float8, ''upper'', r.p + %1$L::float8', v_artefact ->> 'half_width') else '' end,
    ml.linear_expression(v_artefact), ml.rows_of_set())
    using v_model.tenant_id, v_model.feature_set, v_model.id, (v_artefact ->> 'confidence')::numeric, core.current_user_id(),
      tenancy.current_agent_id(), core.clock(), predict_ml_features.since, coalesce(predict_ml_features.most, v_most);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function app_public.predict_ml_features is
  E'@resultFieldName predictionCount\n@errors ID203 ML301 ML402 ML408 ML502 TN202\nAsks a linear model about the latest rows of its feature set, at most 100,000 in the order of their times, and keeps the answers. Returns how many. Needs can_run_agents.';
grant execute on function app_public.predict_ml_features to rowhouse_user;

comment on type app_public.new_ml_actual is 'What was true in the end of a prediction.';
comment on column app_public.new_ml_actual.prediction_id is E'@notNull\nThe prediction.';
comment on column app_public.new_ml_actual.actual_value is 'What was true: a number, or a boolean for an anomaly; null when only feedback is given.';
comment on column app_public.new_ml_actual.feedback is 'What people say of it, at most 2,000 characters.';

create or replace function app_public.record_ml_actuals(actuals app_public.new_ml_actual[]) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := 10000;
  v_ordinal bigint;
  v_count int;
begin
  perform tenancy.require_permission('can_record_usage');
  if cardinality(record_ml_actuals.actuals) not between 1 and v_most then
    perform core.raise_error('ML402', format('actuals: Give 1 to %s.', v_most), 'Send more in several calls.');
  end if;
  -- In one order, so that two callers with the same predictions do not wait for each other in a circle.
  perform from app_public.ml_predictions p
    where p.tenant_id = core.current_tenant_id() and p.id in (select a.prediction_id from unnest(record_ml_actuals.actuals) a)
    order by p.id for no key update;
  select a.ordinality into v_ordinal
    from unnest(record_ml_actuals.actuals) with ordinality a
    left join app_public.ml_predictions p on p.tenant_id = core.current_tenant_id() and p.id = a.prediction_id
   where p.id is null or pg_column_size(a.actual_value) > 16000 or length(a.feedback) > 2000
   order by a.ordinality limit 1;
  if found then
    perform core.raise_error('ML305', format('Actual %s: There is no such prediction in this tenant, or it is too large.', v_ordinal),
      'Nothing was stored. Leave it out and send the others again.');
  end if;
  update app_public.ml_predictions p
     set actual_value = coalesce(a.actual_value, p.actual_value), feedback = coalesce(a.feedback, p.feedback),
         actual_at = case when a.actual_value is null then p.actual_at else core.clock() end
    from (select distinct on (o.prediction_id) o.* from unnest(record_ml_actuals.actuals) with ordinality o order by o.prediction_id, o.ordinality desc) a
   where p.tenant_id = core.current_tenant_id() and p.id = a.prediction_id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function app_public.record_ml_actuals is
  E'@resultFieldName predictionCount\n@errors ID203 ML305 ML402 TN202\nRecords what was true in the end of 1 to 10,000 predictions, and what people say of them, all or none. Recording one again corrects it. Returns how many predictions have changed. Needs can_record_usage.';
grant execute on function app_public.record_ml_actuals to rowhouse_user;

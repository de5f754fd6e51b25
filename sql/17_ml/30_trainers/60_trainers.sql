-- Which trainer does what: the one place that knows them all.

create or replace function ml.type_of(trainer app_public.ml_trainer) returns app_public.ml_model_type
language sql immutable parallel safe
return case trainer when 'seasonal_zscore' then 'anomaly_detection' when 'item_item' then 'recommendation' else 'emissions_prediction' end;
comment on function ml.type_of is 'What the models of a trainer are for.';

create or replace function ml.code_version() returns text
language sql immutable parallel safe
return '1';
comment on function ml.code_version is 'The version of the trainers. It changes when the same data gives another model.';

create or replace function ml.fit_model(trainer app_public.ml_trainer, set app_public.ml_feature_sets, config jsonb, seed int) returns ml.fit
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_fit ml.fit;
begin
  v_fit := case trainer
    when 'ridge' then ml.fit_ridge(set, config, seed)
    when 'holt_winters' then ml.fit_holt_winters(set, config, seed)
    when 'seasonal_zscore' then ml.fit_seasonal_zscore(set, config, seed)
    when 'item_item' then ml.fit_item_item(set, config, seed) end;
  if trainer = 'ridge' then
    v_fit.artefact := ml.calibrate_ridge(set, v_fit.artefact, seed) || jsonb_build_object('baseline', ml.baseline_of(set, v_fit.artefact, seed));
  end if;
  return v_fit;
end
$$;
comment on function ml.fit_model is E'@errors ML404 ML405 ML406\nTrains a model on the latest rows of a feature set.';

create or replace function ml.evaluate_model(
  trainer app_public.ml_trainer, set app_public.ml_feature_sets, artefact jsonb, config jsonb, seed int) returns ml.evaluation
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  return case trainer
    when 'ridge' then ml.evaluate_ridge(set, artefact, seed)
    when 'holt_winters' then ml.evaluate_holt_winters(set, artefact, config)
    when 'seasonal_zscore' then ml.evaluate_seasonal_zscore(set, artefact, config)
    when 'item_item' then ml.evaluate_item_item(set, artefact, config, seed) end;
end
$$;
comment on function ml.evaluate_model is E'@errors ML404 ML405 ML406\nMeasures a model on the rows that a configuration and a seed hold out.';

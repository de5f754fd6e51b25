-- Predictions
drop table app_public.agent_ml_requests, app_public.ml_model_performance, app_public.ml_predictions cascade;
drop domain app_public.ml_request_status cascade;
drop type app_public.new_ml_actual cascade;
-- Training
drop type ml.fit, ml.evaluation, ml.smoothing cascade;
drop table app_public.ml_training_jobs cascade;
drop domain app_public.ml_job_status cascade;
-- Features
drop table app_public.ml_features, app_public.ml_feature_sets cascade;
drop type app_public.new_ml_features, app_public.ml_feature_definition cascade;
drop domain app_public.ml_feature_type cascade;
-- Registry
drop table app_public.ml_promotions, app_public.ml_promotion_rules, ml.model_artefacts, app_public.ml_models cascade;
drop domain app_public.ml_promotion_status, app_public.ml_trainer, app_public.ml_model_alias, app_public.ml_model_status,
  app_public.ml_model_type cascade;
drop schema ml cascade;

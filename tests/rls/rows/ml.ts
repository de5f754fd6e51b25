// Rows of models, features, training and predictions.

import type { Fill } from './types.ts'

export const fillMl: Fill = async (t, tenant, ids) => {
  await t.query(
    `insert into app_public.ml_feature_sets (tenant_id, name, definitions) values ($1, 'site', array[('kwh', 'number', true)::app_public.ml_feature_definition])`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.ml_features (tenant_id, feature_set, entity_id, observed_at, computed_at, features, numbers, is_latest)
     values ($1, 'site', 'north', now(), now(), '{"kwh": 1}', '{1}', true)`,
    [tenant.id],
  )
  const model = await t.value(
    `insert into app_public.ml_models (tenant_id, model_type, model_name, version, status, alias, architecture, code_version, created_by, created_at)
     values ($1, 'emissions_prediction', 'energy', '1', 'active', 'champion', '{}', '1', $2, now()) returning id`,
    [tenant.id, tenant.member.userId],
  )
  await t.query(`insert into ml.model_artefacts (tenant_id, model_id, content) values ($1, $2, '{}')`, [
    tenant.id,
    model,
  ])
  await t.query(`insert into app_public.ml_promotion_rules (tenant_id, model_name) values ($1, 'energy')`, [tenant.id])
  await t.query(
    `insert into app_public.ml_promotions (tenant_id, ordinal, model_name, alias, model_id, status, user_id, created_at)
     values ($1, 1, 'energy', 'champion', $2, 'done', $3, now())`,
    [tenant.id, model, tenant.member.userId],
  )
  await t.query(
    `insert into app_public.ml_training_jobs (tenant_id, model_type, model_name, trainer, feature_set, config, seed, created_by_user_id, created_at)
     values ($1, 'emissions_prediction', 'energy', 'ridge', 'site', '{"target": "kwh"}', 0, $2, now())`,
    [tenant.id, tenant.member.userId],
  )
  await t.query(
    `insert into app_public.ml_predictions (tenant_id, model_id, prediction_type, input_data, prediction, user_id, created_at)
     values ($1, $2, 'number', '{}', '{"value": 1}', $3, now())`,
    [tenant.id, model, tenant.member.userId],
  )
  await t.query(
    `insert into app_public.ml_model_performance (tenant_id, model_id, metric_type, metric_value, row_count) values ($1, $2, 'mae', 1, 1)`,
    [tenant.id, model],
  )
  await t.query(
    `insert into app_public.agent_ml_requests (tenant_id, agent_id, model_id, request_type, input_data, task_id, user_id, created_at)
     values ($1, gen_random_uuid(), $2, 'number', '{}', $3, $4, now())`,
    [tenant.id, model, ids.task, tenant.member.userId],
  )
}

// Rows of metering.

import type { Fill } from './types.ts'

export const fillMetering: Fill = async (t, tenant, ids) => {
  const model = await t.value(`select id from app_public.llm_models limit 1`)
  await t.query(
    `insert into app_public.llm_model_price_overrides (tenant_id, model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, valid_from)
     values ($1, $2, 1, 1, 1, 1, now())`,
    [tenant.id, model],
  )
  await t.query(
    `insert into app_public.usage_events (tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity, user_id)
     values ($1, 1, 1, now(), 'api_call', 1, $2)`,
    [tenant.id, tenant.owner.userId],
  )
  await t.query(`insert into metering.usage_idempotency_keys values ($1, 'k', 0, 1, 1, now())`, [tenant.id])
  await t.query(`insert into metering.usage_queue values ($1, 1, 1, now(), now())`, [tenant.id])
  await t.query(`insert into metering.finalised_periods values ($1, '[2020-01-01 00:00+00, 2020-02-01 00:00+00)', 0)`, [
    tenant.id,
  ])
  const call = await t.value(
    `insert into metering.llm_calls (tenant_id, occurred_at, model, agent_id, user_id, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, batch_id)
     values ($1, now(), 'm', $2, $3, 1, 0, 1, 0, 1) returning id`,
    [tenant.id, ids.agent, tenant.owner.userId],
  )
  await t.query(`insert into metering.llm_texts values ($1, $2, now(), $3, 'p', 's', 'c')`, [
    tenant.id,
    call,
    tenant.owner.userId,
  ])
  await t.query(
    `insert into metering.usage_minutes values ($1, date_trunc('minute', now()), $2, null, null, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`,
    [tenant.id, tenant.owner.userId],
  )
  await t.query(
    `insert into metering.usage_days values ($1, current_date, 'api_call', $2, null, null, null, null, null, 1, 1, 0, 0, 0, 0, 0, 0, now(), now())`,
    [tenant.id, tenant.owner.userId],
  )
  await t.query(`insert into metering.usage_quarter_hours values ($1, 'search', '2026-01-01Z', null, 1)`, [tenant.id])
  await t.query(`insert into metering.usage_agents values ($1, $2, 1, 1, 1, 1, 0)`, [tenant.id, ids.agent])
  await t.query(`insert into metering.usage_user_agents values ($1, $2, gen_random_uuid(), 1, 1)`, [
    tenant.id,
    tenant.owner.userId,
  ])
  await t.query(`insert into metering.usage_conversations values ($1, $2, $3, $3)`, [
    tenant.id,
    tenant.owner.userId,
    ids.agent,
  ])
  await t.query(`insert into metering.usage_user_days values ($1, current_date, $2, 1)`, [
    tenant.id,
    tenant.owner.userId,
  ])
  await t.query(`insert into metering.usage_users values ($1, $2)`, [tenant.id, tenant.owner.userId])
  await t.query(`insert into metering.usage_model_days values ($1, current_date, $2, null, null, 1, 1, 0, 1)`, [
    tenant.id,
    model,
  ])
  await t.query(`insert into metering.usage_rollup_state values ($1, 'UTC')`, [tenant.id])
}

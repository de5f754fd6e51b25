// No cost is silently missing: which price is in force, which model is meant, and what happens to tokens without a price.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { callFrom, createModel } from '../helpers/metering.ts'

const db = useDatabase()
const from = '2026-01-01T00:00:00Z'
const to = '2027-01-01T00:00:00Z'

const setPrice = async (
  t: Transaction,
  model: string,
  usd: number,
  validFrom: string,
  validTo: string | null = null,
) => {
  await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
  await t.query('select app_public.set_llm_model_price($1, $2, $2, valid_from => $3, valid_to => $4)', [
    model,
    usd,
    validFrom,
    validTo,
  ])
}
let calls = 0
const costAt = async (t: Transaction, model: string, at: string): Promise<number | null> => {
  await t.become(db.acme.member)
  const call = { idempotency_key: `call-${calls++}`, model, input_tokens: 1_000_000, output_tokens: 0, occurred_at: at }
  const cost = await t.value(`select total_cost from app_public.record_llm_usage(${callFrom('$1')})`, [
    JSON.stringify(call),
  ])
  return cost === null ? null : Number(cost)
}

describe('the price in force', () => {
  it('is the one that began last, so that a promotion inside an open price brings it back', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-12-01T00:00:00Z')
      const model = await createModel(t)
      await setPrice(t, model, 10, '2026-01-01T00:00:00Z')
      await setPrice(t, model, 4, '2026-06-01T00:00:00Z', '2026-07-01T00:00:00Z')
      await setPrice(t, model, 1, '2026-06-10T00:00:00Z', '2026-06-12T00:00:00Z')
      const costs = []
      for (const day of ['05-31', '06-01', '06-10', '06-12', '06-30', '07-01'])
        costs.push(await costAt(t, 'model', `2026-${day}T00:00:00Z`))
      expect(costs).toEqual([10, 4, 1, 4, 4, 10])
    }))

  it('is that of a new open price from its beginning on, and of planned ones in their time, in whatever order they were set', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-12-01T00:00:00Z')
      const model = await createModel(t)
      await setPrice(t, model, 4, '2026-06-01T00:00:00Z', '2026-07-01T00:00:00Z')
      await setPrice(t, model, 20, '2026-09-01T00:00:00Z')
      await setPrice(t, model, 10, '2026-01-01T00:00:00Z')
      const costs = []
      for (const day of ['05-31', '06-01', '07-01', '09-01'])
        costs.push(await costAt(t, 'model', `2026-${day}T00:00:00Z`))
      expect(costs).toEqual([10, 4, 10, 20])
    }))
})

describe('a model', () => {
  it.each(['MODEL', 'builtin/model', 'Builtin/Model', 'Provider-Model-2026'])('is found when it is called %s', (name) =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-12-01T00:00:00Z')
      const model = await createModel(t)
      await t.query(`update app_public.llm_models set provider_model_name = 'provider-model-2026' where id = $1`, [
        model,
      ])
      await setPrice(t, model, 10, from)
      expect(await costAt(t, name, '2026-05-01T00:00:00Z')).toBe(10)
    }),
  )
})

describe('tokens without a price', () => {
  const unpriced = async (t: Transaction) => {
    await t.become(db.acme.admin)
    return t.query('select usage_type, model, quantity::int from app_public.unpriced_usage($1, $2)', [from, to])
  }

  it('are listed until their model comes with a price, and then they get their cost', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-12-01T00:00:00Z')
      expect(await costAt(t, 'Model', '2026-05-01T00:00:00Z')).toBeNull()
      expect(await unpriced(t)).toEqual([{ usage_type: 'input_tokens', model: 'Model', quantity: 1_000_000 }])
      await t.becomeSuperuser()
      const model = await createModel(t)
      expect(await unpriced(t)).toHaveLength(1)
      await setPrice(t, model, 10, from)
      expect(Number(await t.value('select app_public.apply_rerating($1, $2)', [from, to]))).toBe(10)
      expect(Number(await t.value('select app_public.apply_rerating($1, $2)', [from, to]))).toBe(0)
      await t.becomeSuperuser()
      expect(
        await t.query('select model_id, cost::int from app_public.usage_events where rerates_batch_id is not null'),
      ).toEqual([{ model_id: model, cost: 10 }])
      expect(await unpriced(t)).toEqual([])
    }))

  it('are listed for those who may view analytics only', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.unpriced_usage($1, $2)', [from, to])).toBe('ID203')
    }))
})

describe('an embedding', () => {
  it('costs what its model takes for input', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-12-01T00:00:00Z')
      const model = await createModel(t)
      await setPrice(t, model, 10, from)
      await t.become(db.acme.member)
      await t.query(`select app_public.record_usage(jsonb_populate_record(null::app_public.new_usage_event, $1))`, [
        JSON.stringify({ idempotency_key: 'e', usage_type: 'embedding_tokens', quantity: 500_000, model_id: model }),
      ])
      expect(Number(await t.value('select cost from app_public.usage_events'))).toBe(5)
    }))
})

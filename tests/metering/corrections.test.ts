// Corrections take back what was recorded by mistake, never more than that, and by who does not pay for it.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { callFrom, createModel, rollUp, setPrice } from '../helpers/metering.ts'

const db = useDatabase()
const correctText = 'select * from app_public.correct_usage($1, $2, 1, $3)'
const asStaff = (t: Transaction) => t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')

/** The batch of an event of a member: 100 output tokens of a model that costs 10 US dollars a million. */
async function recorded(t: Transaction, at = '2026-06-10T12:00:00Z'): Promise<string> {
  await setClock(t, '2026-06-15T12:00:00Z')
  const model = await createModel(t)
  await setPrice(db, t, model, { input: 1, output: 10 })
  await t.become(db.acme.member)
  return t.value(
    `select batch_id from app_public.record_usage(jsonb_populate_record(null::app_public.new_usage_event, $1))`,
    [
      JSON.stringify({
        idempotency_key: 'e',
        usage_type: 'output_tokens',
        quantity: 100,
        model_id: model,
        occurred_at: at,
      }),
    ],
  )
}
const correct = async (t: Transaction, key: string, batch: string, quantity: unknown) => {
  await asStaff(t)
  return t.errorCode(correctText, [key, batch, quantity])
}
const totals = async (t: Transaction) => {
  await t.becomeSuperuser()
  return t.query('select sum(quantity)::int as quantity, sum(cost)::float as cost from app_public.usage_events')
}

describe('a correction', () => {
  it('takes back quantity and cost at the time of the event, and the reports show it', () =>
    db.inTransaction(async (t) => {
      const batch = await recorded(t, '2026-04-30T23:59:59Z')
      expect(await correct(t, 'c', batch, 40)).toBeUndefined()
      expect(await totals(t)).toEqual([{ quantity: 60, cost: 0.0006 }])
      await rollUp(t, db.acme.id)
      await t.becomeSuperuser()
      expect(
        await t.query(`select used_on::text, quantity::int, event_count::int, cost::float from metering.usage_days`),
      ).toEqual([{ used_on: '2026-04-30', quantity: 60, event_count: 1, cost: 0.0006 }])
      await t.become(db.acme.admin)
      expect(await t.query('select * from metering.verify_rollups()')).toEqual([])
    }))

  it('never takes back more than the event has, with all corrections before', () =>
    db.inTransaction(async (t) => {
      const batch = await recorded(t)
      expect(await correct(t, 'c1', batch, 101)).toBe('MT502')
      expect(await correct(t, 'c2', batch, 60)).toBeUndefined()
      expect(await correct(t, 'c3', batch, 41)).toBe('MT502')
      expect(await correct(t, 'c4', batch, 40)).toBeUndefined()
      expect(await correct(t, 'c5', batch, 1)).toBe('MT502')
      expect(await totals(t)).toEqual([{ quantity: 0, cost: 0 }])
    }))

  it('is stored once under its key, and refused when the key stands for another', () =>
    db.inTransaction(async (t) => {
      const batch = await recorded(t)
      await asStaff(t)
      const [first] = await t.query(correctText, ['c', batch, 40])
      expect(await t.query(correctText, ['c', batch, 40])).toEqual([{ ...first, is_repeated: true }])
      expect(await t.errorCode(correctText, ['c', batch, 41])).toBe('MT501')
      expect(await t.errorCode(correctText, ['e', batch, 40])).toBe('MT501')
      expect(await totals(t)).toMatchObject([{ quantity: 60 }])
    }))

  it('cannot be corrected', () =>
    db.inTransaction(async (t) => {
      const batch = await recorded(t)
      await asStaff(t)
      const [first] = await t.query(correctText, ['c', batch, 40])
      expect(await correct(t, 'd', String(first?.batch_id), 1)).toBe('MT417')
    }))

  it.each([0, -1, 'NaN', 'Infinity', 1.5, null])('of %s is refused', (quantity) =>
    db.inTransaction(async (t) => {
      const batch = await recorded(t)
      expect(await correct(t, 'c', batch, quantity)).toBe('MT403')
    }),
  )

  it('of nothing, or of what another tenant used, is refused', () =>
    db.inTransaction(async (t) => {
      const batch = await recorded(t)
      expect(await correct(t, 'c', '999999999', 1)).toBe('MT303')
      await t.become({ ...db.platform.owner, tenantId: db.globex.id }, 'rowhouse_admin')
      expect(await t.errorCode(correctText, ['c', batch, 1])).toBe('MT303')
    }))

  it('is made by platform staff and by tasks, not by those who pay for it', () =>
    db.inTransaction(async (t) => {
      const batch = await recorded(t)
      for (const person of [db.acme.owner, db.acme.member, db.acme.viewer]) {
        await t.become(person)
        expect(await t.errorCode(correctText, ['c', batch, 1])).toBe('TN205')
      }
      await t.becomeRole('rowhouse_worker')
      await t.query('select metering.correct_tenant_usage($1, $2, $3, 1, 1)', [db.acme.id, 'c', batch])
      expect(await totals(t)).toMatchObject([{ quantity: 99 }])
    }))

  it('after the period was final adjusts it by a negative quantity', () =>
    db.inTransaction(async (t) => {
      const batch = await recorded(t)
      await t.becomeSuperuser()
      await t.query(
        `insert into metering.finalised_periods values ($1, '[2026-06-01 00:00+00, 2026-06-12 00:00+00)', $2)`,
        [db.acme.id, batch],
      )
      expect(await correct(t, 'c', batch, 30)).toBeUndefined()
      await t.becomeSuperuser()
      expect(
        await t.query('select quantity::int from app_public.usage_events where adjusts_period is not null'),
      ).toEqual([{ quantity: -30 }])
    }))

  it('is rerated together with its event', () =>
    db.inTransaction(async (t) => {
      const batch = await recorded(t)
      await correct(t, 'c', batch, 50)
      const model = await t.value('select id from app_public.llm_models where name = $1', ['model'])
      await setPrice(db, t, String(model), { input: 1, output: 20 })
      await asStaff(t)
      expect(Number(await t.value(`select app_public.apply_rerating('2026-01-01', '2027-01-01')`))).toBe(0.0005)
      expect(await totals(t)).toEqual([{ quantity: 50, cost: 0.001 }])
    }))

  it('of a call whose model the catalogue did not know is listed and rerated with it, by the name', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-06-15T12:00:00Z')
      await t.become(db.acme.member)
      await t.query(`select app_public.record_llm_usage(${callFrom('$1')})`, [
        JSON.stringify({ idempotency_key: 'call', model: 'model', input_tokens: 0, output_tokens: 100 }),
      ])
      await t.becomeSuperuser()
      const [event] = await t.query<{ batch_id: string; ordinal: number }>(
        `select batch_id, ordinal from app_public.usage_events where usage_type = 'output_tokens'`,
      )
      await asStaff(t)
      await t.query('select app_public.correct_usage($1, $2, $3, 50)', ['c', event?.batch_id, event?.ordinal])
      await t.become(db.acme.admin)
      expect(
        await t.query(
          `select model, quantity::int from app_public.unpriced_usage('2026-01-01', '2027-01-01') where usage_type = 'output_tokens'`,
        ),
      ).toEqual([{ model: 'model', quantity: 50 }])
      await t.becomeSuperuser()
      await setPrice(db, t, await createModel(t), { input: 1, output: 20 })
      await asStaff(t)
      await t.query(`select app_public.apply_rerating('2026-01-01', '2027-01-01')`)
      // the call itself is an event of quantity 1
      expect(await totals(t)).toEqual([{ quantity: 51, cost: 0.001 }])
    }))
})

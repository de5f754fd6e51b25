// Cost plus: a plan that prices llm_cost bills what models cost, times its unit amount, and an invoice is broken down by model. The cost is that of the tokens recorded,
// so prices that are corrected, tenants below and late calls reach the invoice as any usage does.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { callFrom, createModel, rollUp, differences as rollupDifferences, setPrice } from '../helpers/metering.ts'
import { addPlan, amountsOf, asStaff, differences, invoicesOf, payByInvoice, runBilling } from './helpers.ts'

const db = useDatabase()

/** Models at 2 dollars a million tokens of either kind, and a plan that bills their cost and a fifth. */
const begin = async (t: Transaction): Promise<string> => {
  const components = [{ usageType: 'llm_cost', model: 'per_unit', unitAmount: 1.2 }]
  await addPlan(t, { slug: 'cost-plus', amount: 30, components })
  await payByInvoice(t, db.acme.id)
  await setClock(t, '2025-04-01 00:00Z')
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('cost-plus')`)
  const modelId = await createModel(t)
  await setPrice(db, t, modelId, { input: 2, output: 2 })
  return modelId
}

const call = async (
  t: Transaction,
  person: Person,
  occurredAt: string,
  tokens: number,
  model = 'model',
): Promise<void> => {
  await t.become(person)
  await t.query(`select app_public.record_llm_usage(${callFrom('$1')})`, [
    JSON.stringify({
      ...{ idempotency_key: crypto.randomUUID(), model, occurred_at: occurredAt },
      ...{ input_tokens: tokens, output_tokens: 0 },
    }),
  ])
}

const usageOf = async (t: Transaction): Promise<string[][]> =>
  (await invoicesOf(t, db.acme.id)).map((invoice) => amountsOf(invoice).filter((line) => !line.startsWith('recurring')))

const rerate = async (t: Transaction): Promise<void> => {
  await asStaff(t, db, db.acme.id)
  await t.query(`select app_public.apply_rerating('2025-04-01Z', '2025-05-01Z')`)
}

describe('a price of llm_cost', () => {
  it('bills the cost of all calls of the period with its markup, those of tenants below too', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await t.become(db.acme.owner)
      const below = await t.value<string>(`select id from app_public.create_sub_tenant('below', 'Below')`)
      await setClock(t, '2025-04-20Z')
      await call(t, db.acme.member, '2025-04-10Z', 3_000_000)
      await call(t, { ...db.acme.owner, tenantId: below }, '2025-04-11Z', 1_500_000)
      await rollUp(t, db.acme.id)
      await call(t, db.acme.member, '2025-04-12Z', 500_000)
      await t.become(db.acme.owner)
      expect(await t.query(`select amount::float from app_public.preview_invoice() where kind = 'usage'`)).toEqual([
        { amount: 12 },
      ])
      expect(
        await t.query(`select unit, used::float from app_public.usage_overview() where metric = 'llm_cost'`),
      ).toEqual([{ unit: 'US dollar', used: 6 }])
      await runBilling(t, db.acme.id, '2025-05-03Z')
      expect(await usageOf(t)).toEqual([[], ['usage 12.00']])
      expect(await differences(t, db.acme.id)).toEqual([])
      expect(await rollupDifferences(t, db.acme.owner)).toEqual([])
    }))

  it('bills a price that was corrected within the period at once, and one that was corrected later as an adjustment', () =>
    db.inTransaction(async (t) => {
      const modelId = await begin(t)
      await setClock(t, '2025-04-20Z')
      await call(t, db.acme.member, '2025-04-10Z', 1_000_000)
      await setPrice(db, t, modelId, { input: 5, output: 5, from: '2025-04-05Z' })
      await rerate(t)
      await runBilling(t, db.acme.id, '2025-05-03Z')
      expect(await usageOf(t)).toEqual([[], ['usage 6.00']])
      await setPrice(db, t, modelId, { input: 4, output: 4, from: '2025-04-06Z' })
      await rerate(t)
      await runBilling(t, db.acme.id, '2025-06-03Z')
      expect(await usageOf(t)).toEqual([[], ['usage 6.00'], ['usage 0.00', 'adjustment -1.20']])
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('bills nothing of a call without a price until it has one', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await setClock(t, '2025-04-20Z')
      await t.become(db.acme.member)
      await t.query(`select app_public.record_llm_usage(${callFrom('$1')})`, [
        JSON.stringify({ idempotency_key: 'new', model: 'newer', input_tokens: 1_000_000, output_tokens: 0 }),
      ])
      await runBilling(t, db.acme.id, '2025-05-03Z')
      expect(await usageOf(t)).toEqual([[], ['usage 0.00']])
      await setPrice(db, t, await createModel(t, 'newer'), { input: 10, output: 10 })
      await rerate(t)
      await runBilling(t, db.acme.id, '2025-06-03Z')
      expect((await usageOf(t)).at(-1)).toEqual(['usage 0.00', 'adjustment 12.00'])
    }))

  it('is of no event: nobody records llm_cost', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(
        await t.errorCode(
          `select app_public.record_usage(jsonb_populate_record(null::app_public.new_usage_event,
             '{"idempotency_key": "k", "usage_type": "llm_cost", "quantity": 1}'))`,
        ),
      ).toBe('MT402')
    }))

  it('counts from the roll-up what the events say, in any span, after any order of calls, roll-ups and reratings', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({ minute: fc.nat(240), tokens: fc.integer({ min: 1, max: 9 }) }),
            fc.constantFrom('roll up', 'dearer', 'rerate'),
          ),
          { minLength: 1, maxLength: 8 },
        ),
        fc.tuple(fc.nat(240), fc.nat(240)),
        (steps, [a, b]) =>
          db.inTransaction(async (t) => {
            const modelId = await begin(t)
            await setClock(t, '2025-04-20Z')
            const at = (minute: number) => new Date(Date.parse('2025-04-10Z') + minute * 60_000).toISOString()
            let price = 2
            let calls: { minute: number; cost: number; tokens: number }[] = []
            for (const step of steps) {
              if (step === 'roll up') await rollUp(t, db.acme.id)
              else if (step === 'dearer') {
                price += 1
                await setPrice(db, t, modelId, { input: price, output: 1, from: `2025-04-01T00:00:0${price}Z` })
              } else if (step === 'rerate') {
                await rerate(t)
                calls = calls.map((one) => ({ ...one, cost: one.tokens * price }))
              } else {
                await call(t, db.acme.member, at(step.minute), step.tokens * 1_000_000)
                calls.push({ ...step, cost: step.tokens * price })
              }
            }
            const [from, to] = [Math.min(a, b), Math.max(a, b)]
            const expected = calls
              .filter(({ minute }) => minute >= from && minute < to)
              .reduce((sum, { cost }) => sum + cost, 0)
            await t.becomeSuperuser()
            const span = [db.acme.id, at(from), at(to)]
            expect(
              await t.query(
                `select billing.billable_usage($1, 'llm_cost', tstzrange($2, $3))::float as billable,
                        billing.recorded_usage($1, 'llm_cost', tstzrange($2, $3))::float as recorded`,
                span,
              ),
            ).toEqual([{ billable: expected, recorded: expected }])
          }),
      ),
      { seed: 41, numRuns: 20 },
    ))
})

describe('an invoice', () => {
  const shares = async (t: Transaction, by: string, place = -1): Promise<string[]> => {
    const { id } = (await invoicesOf(t, db.acme.id)).at(place) ?? { id: '' }
    await t.become(db.acme.owner)
    const rows = await t.query<{ row: string }>(
      `select concat_ws(' ', usage_type, coalesce(name, '-'), trim_scale(quantity), amount) as row from app_public.break_down_invoice($1, $2)`,
      [id, by],
    )
    return rows.map(({ row }) => row)
  }

  it('is broken down by model, tenant, person, agent and project, to the cent, and its adjustment by what came late', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await setPrice(db, t, await createModel(t, 'third'), { input: 1, output: 1 })
      await t.become(db.acme.owner)
      const below = await t.value<string>(`select id from app_public.create_sub_tenant('below', 'Below')`)
      await setClock(t, '2025-04-20Z')
      // 3.3333 dollars each, and 1.1111: with a fifth on top 4.00, 4.00 and 1.33 of 9.33
      for (const person of [db.acme.member, { ...db.acme.owner, tenantId: below }])
        await call(t, person, '2025-04-10Z', 1_666_650)
      await call(t, db.acme.member, '2025-04-12Z', 1_111_100, 'third')
      await runBilling(t, db.acme.id, '2025-05-03Z')
      expect(await usageOf(t)).toEqual([[], ['usage 9.33']])
      expect(await shares(t, 'model')).toEqual(['llm_cost model 6.6666 8.00', 'llm_cost third 1.1111 1.33'])
      expect(await shares(t, 'tenant')).toEqual(['llm_cost ACME 4.4444 5.33', 'llm_cost Below 3.3333 4.00'])
      expect(await shares(t, 'agent')).toEqual(['llm_cost - 7.7777 9.33'])
      expect(await shares(t, 'project')).toEqual(['llm_cost - 7.7777 9.33'])
      expect((await shares(t, 'user')).map((row) => row.split(' ').at(-1))).toEqual(['5.33', '4.00'])
      await call(t, db.acme.member, '2025-04-13Z', 1_000_000)
      await runBilling(t, db.acme.id, '2025-06-03Z')
      expect(await shares(t, 'model')).toEqual(['llm_cost model 2 2.40'])
      expect(await shares(t, 'model', -2)).toEqual(['llm_cost model 6.6666 8.00', 'llm_cost third 1.1111 1.33'])
      await call(t, db.acme.member, '2025-04-14Z', 500_000, 'third')
      await runBilling(t, db.acme.id, '2025-07-03Z')
      expect(await shares(t, 'model')).toEqual(['llm_cost third 0.5 0.60'])
    }))

  it('is broken down for who manages billing, of their own tenant, by what it knows', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await runBilling(t, db.acme.id, '2025-05-03Z')
      const { id } = (await invoicesOf(t, db.acme.id)).at(-1) ?? { id: '' }
      const text = 'select * from app_public.break_down_invoice($1, $2)'
      await t.become(db.acme.member)
      expect(await t.errorCode(text, [id, 'model'])).toBe('ID203')
      await t.become(db.globex.owner)
      expect(await t.errorCode(text, [id, 'model'])).toBe('LB304')
      await t.become(db.acme.owner)
      expect(await t.errorCode(text, [id, 'colour'])).toBe('23514')
      expect(await t.query(text, [id, 'model'])).toEqual([])
    }))
})

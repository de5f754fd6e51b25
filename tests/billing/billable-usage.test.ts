// What an invoice adds up from the roll-up is what the events say, wherever a period begins and ends and whatever waits.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { differences, recordAll, rollUp } from '../helpers/metering.ts'

const db = useDatabase()
const start = Date.parse('2026-04-10T00:00Z')
const instant = (seconds: number): string => new Date(start + seconds * 1000).toISOString()

type Use = { second: number; quantity: number; type: string; isBelow: boolean }
type Step = { record: Use[] } | 'roll up'

const hours = 6
// A quarter of an hour has its borders hit as often as its middle.
const second = fc.oneof(
  fc.nat(hours * 3600),
  fc.nat(hours * 4).map((quarter) => quarter * 900),
  fc.nat(hours * 4).map((quarter) => Math.max(quarter * 900 - 1, 0)),
)
const used = fc.record({
  second,
  quantity: fc.integer({ min: 1, max: 1000 }),
  type: fc.constantFrom('search', 'api_call'),
  isBelow: fc.boolean(),
})
const steps = fc.array(
  fc.oneof(
    fc.array(used, { minLength: 1, maxLength: 8 }).map((record) => ({ record })),
    fc.constant('roll up' as const),
  ),
  { minLength: 1, maxLength: 10 },
)
const span = fc.tuple(second, second).map(([a, b]) => (a < b ? { from: a, to: b } : { from: b, to: a }))

/** A tenant below acme, with acme's owner. */
async function child(t: Transaction): Promise<string> {
  await t.become(db.acme.owner)
  return t.value<string>(`select id from app_public.create_sub_tenant('below', 'Below')`)
}

async function record(t: Transaction, below: string, uses: Use[]): Promise<void> {
  for (const isBelow of [false, true]) {
    const events = uses
      .filter((use) => use.isBelow === isBelow)
      .map(({ second, quantity, type }) => ({
        idempotency_key: crypto.randomUUID(),
        usage_type: type,
        quantity,
        occurred_at: instant(second),
      }))
    if (events.length > 0) await recordAll(t, isBelow ? { ...db.acme.owner, tenantId: below } : db.acme.owner, events)
  }
}

async function sums(t: Transaction, type: string, { from, to }: { from: number; to: number }): Promise<unknown> {
  await t.becomeSuperuser()
  const [row] = await t.query(
    `select billing.billable_usage($1, $2, tstzrange($3, $4))::int as billable, billing.recorded_usage($1, $2, tstzrange($3, $4))::int as recorded`,
    [db.acme.id, type, instant(from), instant(to)],
  )
  return row
}

describe('billable usage', () => {
  it('is what was recorded, for any period, whatever the roll-up has counted', () =>
    fc.assert(
      fc.asyncProperty(steps, fc.array(span, { minLength: 1, maxLength: 5 }), (given: Step[], spans) =>
        db.inTransaction(async (t) => {
          const below = await child(t)
          await setClock(t, '2026-04-11T00:00Z')
          for (const step of given) {
            if (step === 'roll up') for (const id of [db.acme.id, below]) await rollUp(t, id)
            else await record(t, below, step.record)
          }
          const uses = given.flatMap((step) => (step === 'roll up' ? [] : step.record))
          for (const type of ['search', 'api_call'])
            for (const { from, to } of spans) {
              const expected = uses
                .filter((use) => use.type === type && use.second >= from && use.second < to)
                .reduce((sum, { quantity }) => sum + quantity, 0)
              expect(await sums(t, type, { from, to })).toEqual({ billable: expected, recorded: expected })
            }
        }),
      ),
      { seed: 14, numRuns: 25 },
    ))

  it.each([false, true])(
    'leaves out what was recorded after its period was final, rolled up or not: %s',
    (isRolledUp) =>
      db.inTransaction(async (t) => {
        const below = await child(t)
        await setClock(t, '2026-04-11T00:00Z')
        const use = (isBelow: boolean): Use => ({ second: 1000, quantity: 3, type: 'search', isBelow })
        await record(t, below, [use(false), use(true)])
        await t.becomeSuperuser()
        await t.query('call core.enter_tenant($1)', [db.acme.id])
        await t.query('select metering.finalise_usage_period(tstzrange($1, $2))', [instant(0), instant(3600)])
        await record(t, below, [use(false), use(true)])
        if (isRolledUp) for (const id of [db.acme.id, below]) await rollUp(t, id)
        expect(await sums(t, 'search', { from: 0, to: 3600 })).toEqual({ billable: 6, recorded: 6 })
      }),
  )

  it('stays with the tenant that paid when the tenant that used it leaves the hierarchy', () =>
    db.inTransaction(async (t) => {
      const below = await child(t)
      await setClock(t, '2026-04-11T00:00Z')
      const use: Use = { second: 1000, quantity: 3, type: 'search', isBelow: true }
      await record(t, below, [use])
      await rollUp(t, below)
      await record(t, below, [use])
      await t.becomeSuperuser()
      await t.query('update app_public.tenants set parent_tenant_id = null where id = $1', [below])
      await record(t, below, [use])
      expect(await sums(t, 'search', { from: 0, to: 3600 })).toEqual({ billable: 6, recorded: 6 })
      await rollUp(t, below)
      expect(await sums(t, 'search', { from: 0, to: 3600 })).toEqual({ billable: 6, recorded: 6 })
      expect(await differences(t, { ...db.acme.owner, tenantId: below })).toEqual([])
    }))

  it('is found again by verify_rollups and set right by a rebuild', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-04-11T00:00Z')
      await recordAll(t, db.acme.owner, [
        { idempotency_key: 'a', usage_type: 'search', quantity: 3, occurred_at: instant(0) },
      ])
      await rollUp(t, db.acme.id)
      await t.becomeSuperuser()
      await t.query('update metering.usage_quarter_hours set quantity = 4 where tenant_id = $1', [db.acme.id])
      expect(await differences(t, db.acme.owner)).toMatchObject([{ rollup: 'usage_quarter_hours' }])
      await t.becomeSuperuser()
      await t.query('select metering.rebuild_rollups($1)', [db.acme.id])
      expect(await differences(t, db.acme.owner)).toEqual([])
      expect(await sums(t, 'search', { from: 0, to: 3600 })).toEqual({ billable: 3, recorded: 3 })
    }))
})

// Counts by day: whatever is recorded, in whatever order, they are what a count of all events says.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const now = '2026-06-15T12:00:00Z'

const recordRuns = async (t: Transaction, runs: Record<string, unknown>[]) => {
  await setClock(t, now)
  await t.become(db.acme.member)
  await t.query(
    `select app_public.record_tool_executions(array(select e from jsonb_populate_recordset(null::app_public.new_tool_execution, $1) as e))`,
    [JSON.stringify(runs.map((run) => ({ tool_name: 'calculator', status: 'success', duration_ms: 10, ...run })))],
  )
}
const rollUp = async (t: Transaction, most = 50_000) => {
  await t.becomeSuperuser()
  return t.value('select observability.roll_up_operations($1, $2)', [db.acme.id, most])
}
const differences = async (t: Transaction) => {
  await t.become(db.acme.admin)
  return t.query('select * from observability.verify_operations()')
}
const logs = async (t: Transaction, columns: string) => {
  await t.become(db.acme.admin)
  return t.query(`select ${columns} from app_public.tool_usage_logs order by day`)
}

describe('percentiles', () => {
  it('of any durations are at most 1 % away from the exact ones by nearest rank', () =>
    db.inTransaction(async (t) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: 2_000_000_000 }), { minLength: 1, maxLength: 200 }),
          fc.constantFrom(0.5, 0.95, 0.99),
          async (durations, fraction) => {
            const sorted = durations.toSorted((a, b) => a - b)
            const exact = sorted[Math.ceil(fraction * sorted.length) - 1] ?? 0
            const found = Number(
              await t.value(
                `select observability.percentile(array_agg(b), array_agg(n), $2) from (
                   select observability.duration_bucket(d) as b, count(*) as n from unnest($1::bigint[]) as d group by 1) as buckets`,
                [durations, fraction],
              ),
            )
            // what is shown has one decimal
            expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.01 + 0.05)
          },
        ),
        { numRuns: 100, seed: 16 },
      )
    }))

  it('of two days are those of all their durations, not the mean of two percentiles', () =>
    db.inTransaction(async (t) => {
      const day = (at: string, ms: number, count: number) =>
        Array.from({ length: count }, (_, i) => ({ idempotency_key: `${at}${i}`, executed_at: at, duration_ms: ms }))
      await recordRuns(t, [...day('2026-06-10T12:00:00Z', 10, 98), ...day('2026-06-11T12:00:00Z', 1000, 2)])
      await rollUp(t)
      await t.become(db.acme.admin)
      const both = Number(
        await t.value(
          'select observability.percentile(array_agg(bucket), array_agg(execution_count), 0.95) from observability.operation_days',
        ),
      )
      expect(both).toBeGreaterThan(9.89)
      expect(both).toBeLessThan(10.11)
    }))

  it('of nothing are null', () =>
    db.inTransaction(async (t) => {
      expect(await t.value(`select observability.percentile('{}', '{}', 0.5)`)).toBeNull()
      expect(await t.value(`select observability.percentile('{null}', '{3}', 0.5)`)).toBeNull()
    }))
})

describe('counts by day', () => {
  it('lie in the days of the time zone of the tenant, across the change of its clocks', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set timezone = 'Europe/Berlin' where id = $1`, [db.acme.id])
      await setClock(t, '2026-03-30T12:00:00Z')
      await t.become(db.acme.member)
      const at = ['2026-03-28T22:59:59Z', '2026-03-28T23:00:00Z', '2026-03-29T21:59:59Z', '2026-03-29T22:00:00Z']
      await t.query(
        `select app_public.record_events(array(select e from jsonb_populate_recordset(null::app_public.new_analytics_event, $1) as e))`,
        [JSON.stringify(at.map((occurred_at) => ({ idempotency_key: occurred_at, event_name: 'e', occurred_at })))],
      )
      await t.becomeSuperuser()
      await t.query('update app_public.analytics_events set is_known = true')
      await rollUp(t)
      await t.become(db.acme.admin)
      expect(
        await t.query(`select day::text, execution_count::int from app_public.performance_metrics order by day`),
      ).toEqual([
        { day: '2026-03-28', execution_count: 1 },
        { day: '2026-03-29', execution_count: 2 },
        { day: '2026-03-30', execution_count: 1 },
      ])
    }))

  it('are counted again when the tenant changes its time zone', () =>
    db.inTransaction(async (t) => {
      await recordRuns(t, [{ idempotency_key: 'a', executed_at: '2026-06-10T23:30:00Z' }])
      await rollUp(t)
      await t.query(`update app_public.tenants set timezone = 'Asia/Tokyo' where id = $1`, [db.acme.id])
      await rollUp(t)
      expect(await logs(t, 'day::text')).toEqual([{ day: '2026-06-11' }])
      expect(await differences(t)).toEqual([])
    }))

  it('leave out events that nobody defined', () =>
    db.inTransaction(async (t) => {
      await setClock(t, now)
      await t.become(db.acme.member)
      await t.query(
        `select app_public.record_events(array[row('a', null, 'unheard.of', null, null, null)::app_public.new_analytics_event])`,
      )
      expect(await rollUp(t)).toBe(1)
      await t.become(db.acme.admin)
      expect(await t.query('select * from app_public.performance_metrics')).toEqual([])
    }))

  it('take a few batches at a time, and reach all', () =>
    db.inTransaction(async (t) => {
      for (const key of ['a', 'b', 'c']) await recordRuns(t, [{ idempotency_key: key }, { idempotency_key: `${key}2` }])
      expect([await rollUp(t, 3), await rollUp(t, 3), await rollUp(t, 3)]).toEqual([4, 2, 0])
      expect(await logs(t, 'execution_count::int')).toEqual([{ execution_count: 6 }])
    }))

  it('are what all events say after any recording, rolling up, lateness and repetition, and so are the rows of the catalogue', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const tools = [
        await t.value(
          `insert into app_public.tools (name, display_name, tool_type) values ('one', 'One', 'function') returning id`,
        ),
        await t.value(
          `insert into app_public.tools (name, display_name, tool_type) values ('two', 'Two', 'function') returning id`,
        ),
      ]
      const run = fc.record({
        key: fc.integer({ min: 0, max: 30 }),
        tool: fc.constantFrom(0, 1),
        hour: fc.integer({ min: 0, max: 29 * 24 }),
        status: fc.constantFrom('success', 'error', 'timeout'),
        ms: fc.option(fc.integer({ min: 0, max: 100_000 })),
      })
      const action = fc.oneof(
        { weight: 4, arbitrary: fc.array(run, { minLength: 1, maxLength: 5 }) },
        fc.constant('roll up' as const),
        fc.constant('rebuild' as const),
      )
      let round = 0
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 15 }), async (actions) => {
          await t.query('savepoint life')
          round += 1
          const known = new Map<string, { tool: number; status: string; ms: number | null }>()
          for (const step of actions) {
            if (step === 'roll up') await rollUp(t, 3)
            else if (step === 'rebuild') {
              await t.becomeSuperuser()
              await t.query('select observability.rebuild_operations($1)', [db.acme.id])
            } else {
              const rows = step.filter(({ key }) => !known.has(`${round}:${key}`))
              const fresh = [...new Map(rows.map((row) => [row.key, row])).values()]
              if (fresh.length === 0) continue
              for (const row of fresh) known.set(`${round}:${row.key}`, row)
              await recordRuns(
                t,
                fresh.map((row) => ({
                  idempotency_key: `${round}:${row.key}`,
                  tool_id: tools[row.tool],
                  executed_at: new Date(Date.parse(now) - row.hour * 3_600_000).toISOString(),
                  status: row.status,
                  duration_ms: row.ms,
                })),
              )
            }
          }
          while (Number(await rollUp(t)) > 0);
          expect(await differences(t)).toEqual([])
          await t.becomeSuperuser()
          for (const [place, id] of tools.entries()) {
            const runs = [...known.values()].filter(({ tool }) => tool === place)
            const timed = runs.flatMap(({ ms }) => (ms === null ? [] : [ms]))
            const succeeded = runs.filter(({ status }) => status === 'success').length
            const [row] = await t.query(
              'select usage_count::int, success_rate::float, avg_response_time_ms from app_public.tools where id = $1',
              [id],
            )
            expect(row).toEqual({
              usage_count: runs.length,
              success_rate: runs.length ? Math.round((10_000 * succeeded) / runs.length) / 100 : null,
              avg_response_time_ms: timed.length ? Math.round(timed.reduce((a, b) => a + b, 0) / timed.length) : null,
            })
          }
          await t.query('rollback to savepoint life')
        }),
        { numRuns: 20, seed: 16, endOnFailure: true },
      )
    }))
})

describe('rebuilding', () => {
  it('mends counts that someone changed, and verification names them before', () =>
    db.inTransaction(async (t) => {
      await recordRuns(t, [{ idempotency_key: 'a' }])
      await rollUp(t)
      await t.query('update observability.operation_days set execution_count = 7')
      expect(await differences(t)).toMatchObject([
        { rollup: 'operation_days', expected: { execution_count: 1 }, stored: { execution_count: 7 } },
      ])
      await t.becomeSuperuser()
      await t.query('select observability.rebuild_operations($1)', [db.acme.id])
      expect(await differences(t)).toEqual([])
    }))

  it('keeps days whose events are gone', () =>
    db.inTransaction(async (t) => {
      await recordRuns(t, [{ idempotency_key: 'a', executed_at: '2026-06-01T12:00:00Z' }, { idempotency_key: 'b' }])
      await rollUp(t)
      await t.query(`delete from app_public.tool_executions where executed_at < '2026-06-02'`)
      await t.query('select observability.rebuild_operations($1)', [db.acme.id])
      expect(await logs(t, 'day::text')).toEqual([{ day: '2026-06-01' }, { day: '2026-06-15' }])
    }))
})

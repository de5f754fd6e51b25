// Calendar periods: whatever the anchor, the time zone and the instant, they follow each other without gap or overlap and
// begin on the anchor's day, or on the last of a shorter month.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

// with and without daylight saving, on either side of the date line, at odd offsets, and where it begins at midnight
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Asia/Kathmandu',
  'Asia/Beirut',
  'Australia/Lord_Howe',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Africa/Cairo',
]
const day = 86_400_000
const from = Date.UTC(2015, 0, 1)
const to = Date.UTC(2033, 0, 1)
const anchor = fc
  .integer({ min: from / day, max: to / day - 1 })
  .map((n) => new Date(n * day).toISOString().slice(0, 10))
const cases = fc.array(
  fc.record({
    at: fc.integer({ min: from, max: to }).map((ms) => new Date(ms).toISOString()),
    anchor: fc.oneof(anchor, fc.constantFrom('2016-01-31', '2016-02-29', '2017-08-30', '2020-12-29')),
    zone: fc.constantFrom(...zones),
    months: fc.constantFrom(1, 1, 3, 12),
  }),
  { minLength: 40, maxLength: 40 },
)

/** Where a period that begins so many months after the anchor begins: by hand, in local days. */
function startDay(anchorDay: string, months: number): string {
  const [year, month, dayOfMonth] = anchorDay.split('-').map(Number) as [number, number, number]
  const first = new Date(Date.UTC(year, month - 1 + months, 1))
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate()
  first.setUTCDate(Math.min(dayOfMonth, last))
  return first.toISOString().slice(0, 10)
}

describe('metering.billing_period', () => {
  it('has its instant within, touches the one before and the one after, and begins on the anchor day', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (drawn) => {
        const { rows } = await db.pool.query(
          `select p.at, p.anchor, p.months, r.period @> p.at as has_it,
                  upper(before.period) = lower(r.period) as joins_the_one_before,
                  lower(after.period) = upper(r.period) as joins_the_one_after,
                  (lower(r.period) at time zone p.zone)::date::text as first_day, (upper(r.period) at time zone p.zone)::date::text as next_day,
                  ((lower(r.period) - interval '1 second') at time zone p.zone)::date < (lower(r.period) at time zone p.zone)::date
                    or lower(r.period) = (lower(r.period) at time zone p.zone)::date::timestamp at time zone p.zone as begins_with_the_day
             from unnest($1::timestamptz[], $2::date[], $3::text[], $4::int[]) as p (at, anchor, zone, months),
                  lateral (select metering.billing_period(p.at, p.anchor, p.zone, p.months)) r (period),
                  lateral (select metering.billing_period(lower(r.period) - interval '1 microsecond', p.anchor, p.zone, p.months)) before (period),
                  lateral (select metering.billing_period(upper(r.period), p.anchor, p.zone, p.months)) after (period)`,
          [drawn.map((c) => c.at), drawn.map((c) => c.anchor), drawn.map((c) => c.zone), drawn.map((c) => c.months)],
        )
        expect(rows).toHaveLength(drawn.length)
        for (const [i, row] of rows.entries()) {
          const { anchor: on, months } = drawn[i] as (typeof drawn)[number]
          expect(row).toMatchObject({
            has_it: true,
            joins_the_one_before: true,
            joins_the_one_after: true,
            begins_with_the_day: true,
          })
          const [year, month] = row.first_day.split('-').map(Number)
          const apart = (year - Number(on.slice(0, 4))) * 12 + month - Number(on.slice(5, 7))
          expect(apart % months === 0).toBe(true)
          expect([row.first_day, row.next_day]).toEqual([startDay(on, apart), startDay(on, apart + months)])
        }
      }),
      { numRuns: 25, seed: 20260131 },
    )
  })

  it.each([
    ['2026-01-31', '2026-02-28T12:00Z', '2026-02-28', '2026-03-31'],
    ['2026-01-31', '2026-02-27T12:00Z', '2026-01-31', '2026-02-28'],
    ['2028-01-31', '2028-03-01T12:00Z', '2028-02-29', '2028-03-31'],
    ['2026-01-30', '2026-04-30T00:00Z', '2026-04-30', '2026-05-30'],
  ])('from %s on, %s is in %s to %s', async (on, at, first, next) => {
    const { rows } = await db.pool.query(
      `select lower(p)::date::text as first, upper(p)::date::text as next from metering.billing_period($2, $1, 'UTC') p`,
      [on, at],
    )
    expect(rows).toEqual([{ first, next }])
  })

  it('is an hour shorter and an hour longer where clocks are changed', async () => {
    const { rows } = await db.pool.query(
      `select extract(epoch from upper(p) - lower(p)) / 3600 - 24 * (upper(p)::date - lower(p)::date) as hours
         from unnest(array['2026-03-10', '2026-10-10', '2026-06-10']::timestamptz[]) at,
              metering.billing_period(at, '2026-01-01', 'Europe/Berlin') p`,
    )
    expect(rows.map(({ hours }) => Number(hours))).toEqual([-1, 1, 0])
  })
})

describe('metering.calendar_span', () => {
  const daysOf = async (period: string, at: string, zone: string, startedAt: string | null): Promise<string[]> => {
    return db.inTransaction(async (t) => {
      await t.query('update app_public.tenants set timezone = $2, subscription_started_at = $3 where id = $1', [
        db.acme.id,
        zone,
        startedAt,
      ])
      const [row] = await t.query<{ first: string; next: string }>(
        `select period_start::text as first, period_end::text as next from metering.calendar_span($1, $2, $3)`,
        [db.acme.id, period, at],
      )
      return [row?.first ?? '', row?.next ?? '']
    })
  }

  it('follows the tenant: its zone decides which day, its subscription which month', async () => {
    // 23:30 in Berlin, the next morning in Auckland
    expect(await daysOf('day', '2026-03-28T22:30Z', 'Europe/Berlin', null)).toEqual(['2026-03-28', '2026-03-29'])
    expect(await daysOf('day', '2026-03-28T22:30Z', 'Pacific/Auckland', null)).toEqual(['2026-03-29', '2026-03-30'])
    expect(await daysOf('month', '2026-02-28T23:30Z', 'Europe/Berlin', null)).toEqual(['2026-03-01', '2026-04-01'])
    expect(await daysOf('billing', '2026-03-30T12:00Z', 'Europe/Berlin', '2026-01-30T23:30Z')).toEqual([
      '2026-02-28',
      '2026-03-31',
    ])
    expect(await daysOf('none', '2026-03-30T12:00Z', 'UTC', null)).toEqual(['-infinity', 'infinity'])
  })

  it('is the same all through a day on which clocks are changed', async () => {
    for (const at of ['2026-03-29T00:30Z', '2026-03-29T01:30Z', '2026-03-29T21:59Z'])
      expect(await daysOf('day', at, 'Europe/Berlin', null)).toEqual(['2026-03-29', '2026-03-30'])
  })
})

describe('a period that is running', () => {
  const useOne = async (t: Transaction, at: string): Promise<string | undefined> => {
    await setClock(t, at)
    await t.become(db.acme.member)
    return t.errorCode(`select from app_public.consume_quota('tokens', 1)`)
  }
  const set = async (t: Transaction, columns: Record<string, string>): Promise<void> => {
    await t.becomeSuperuser()
    const names = Object.keys(columns)
    await t.query(
      `update app_public.tenants set ${names.map((name, i) => `${name} = $${i + 2}`).join()} where id = $1`,
      [db.acme.id, ...Object.values(columns)],
    )
  }
  const limit = async (t: Transaction, period: string, most: number): Promise<void> => {
    await t.becomeSuperuser()
    await t.query(
      `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit, source) values ($1, 'tokens', $2, $3, 'override')`,
      [db.acme.id, period, most],
    )
  }

  it('goes on when the zone of the tenant changes, until a day begins in the new zone', () =>
    db.inTransaction(async (t) => {
      await limit(t, 'day', 1)
      expect(await useOne(t, '2026-03-10T12:00Z')).toBeUndefined()
      // it is the next day there already, but this day is the one that is running
      await set(t, { timezone: 'Pacific/Kiritimati' })
      expect(await useOne(t, '2026-03-10T13:00Z')).toBe('QT601')
      // the day of the old zone is over, the day there has begun before that: the same counter
      expect(await useOne(t, '2026-03-11T00:30Z')).toBe('QT601')
      await t.become(db.acme.member)
      const shown = `select period_start::text, period_end::text, remaining::int from app_public.my_quotas()`
      expect(await t.query(shown)).toEqual([{ period_start: '2026-03-10', period_end: '2026-03-12', remaining: 0 }])
      expect(await useOne(t, '2026-03-11T09:59Z')).toBe('QT601')
      expect(await useOne(t, '2026-03-11T10:00Z')).toBeUndefined()
      expect(await useOne(t, '2026-03-12T09:59Z')).toBe('QT601')
    }))

  it('has the limits of today when it goes on', () =>
    db.inTransaction(async (t) => {
      await limit(t, 'day', 1)
      expect(await useOne(t, '2026-03-10T12:00Z')).toBeUndefined()
      await set(t, { timezone: 'Pacific/Kiritimati' })
      await setClock(t, '2026-03-11T00:30Z')
      await t.becomeSuperuser()
      await t.query('update app_public.usage_quotas set quota_limit = 2')
      expect(await useOne(t, '2026-03-11T00:40Z')).toBeUndefined()
      expect(await useOne(t, '2026-03-11T00:50Z')).toBe('QT601')
    }))

  it('gives no more than a limit a calendar period, however often zone and subscription change', () =>
    db.inTransaction(async (t) => {
      const change = fc.record({
        hours: fc.integer({ min: 0, max: 40 }),
        zone: fc.constantFrom(...zones),
        started: fc.boolean(),
      })
      const lengths = { day: 24, billing: 28 * 24 } as const
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom<keyof typeof lengths>('day', 'billing'),
          fc.array(change, { minLength: 5, maxLength: 40 }),
          async (period, changes) => {
            await t.query('savepoint life')
            await limit(t, period, 1)
            let at = Date.UTC(2026, 0, 1)
            const served: number[] = []
            for (const { hours, zone, started } of changes) {
              at += hours * 3_600_000 * (period === 'day' ? 1 : 12)
              const iso = new Date(at).toISOString()
              await set(t, { timezone: zone, ...(started ? { subscription_started_at: iso } : {}) })
              if ((await useOne(t, iso)) === undefined) served.push(at)
            }
            // of any two that were served, the second was so in another counter, and each counter lasts a whole period
            const spans = await t.query<{ hours: number; overlaps: boolean }>(
              `select extract(epoch from ends_at - starts_at)::float / 3600 as hours,
                      coalesce(starts_at < lag(ends_at) over (order by starts_at), false) as overlaps
                 from app_public.quota_tracking`,
            )
            await t.becomeSuperuser()
            await t.query('rollback to savepoint life')
            for (const { hours, overlaps } of spans) {
              expect(overlaps).toBe(false)
              // the day on which clocks are put forward is an hour shorter
              expect(hours).toBeGreaterThanOrEqual(lengths[period] - 1)
            }
            const elapsed = (at - (served[0] ?? at)) / 3_600_000
            expect(served.length).toBeLessThanOrEqual(elapsed / (lengths[period] - 1) + 2)
          },
        ),
        { numRuns: 25, seed: 20_261_128 },
      )
    }))
})

// Cron expressions: what can be written, and when it comes due. croner is the oracle, which knows zones by the tables of
// Node and not by those of PostgreSQL.

import { Cron } from 'croner'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { codeOf } from '../helpers/sessions.ts'

const db = useDatabase()

async function nextOf(expression: string, after: string, zone: string): Promise<string> {
  const { rows } = await db.pool.query('select core.cron_next($1, $2, $3) as at', [expression, after, zone])
  return rows[0].at?.toISOString()
}

async function runsOf(expression: string, after: string, zone: string, count: number): Promise<string[]> {
  const { rows } = await db.pool.query(
    `with recursive run (at, n) as (
       select core.cron_next($1, $2, $3), 1
       union all
       select core.cron_next($1, at, $3), n + 1 from run where n < $4)
     select at from run order by n`,
    [expression, after, zone, count],
  )
  return rows.map((row) => row.at.toISOString())
}

describe('an expression', () => {
  const fields = (expression: string): Promise<Record<string, number[]>> =>
    db.pool.query('select (core.read_cron($1)).*', [expression]).then(({ rows }) => rows[0])

  it('has numbers, ranges, steps, lists and names, and Sunday is 0 and 7', async () => {
    expect(await fields('0,30 8-10 1-31/10 JAN,jun-Aug fri-7')).toEqual({
      minutes: [0, 30],
      hours: [8, 9, 10],
      days: [1, 11, 21, 31],
      months: [1, 6, 7, 8],
      weekdays: [0, 5, 6],
    })
    expect((await fields('  */20\t*/6 * * sun-sat ')).weekdays).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect((await fields('05 09 * * *')).hours).toEqual([9])
  })

  it.each([
    '',
    '* * * *',
    '* * * * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * 32 * *',
    '* * * 0 *',
    '* * * 13 *',
    '* * * * 8',
    '5-1 * * * *',
    '*/0 * * * *',
    '*/60 * * * *',
    '5/10 * * * *',
    '*-5 * * * *',
    '1,,2 * * * *',
    ', * * * *',
    '-1 * * * *',
    '1.5 * * * *',
    'jan * * * *',
    '* * * mon *',
    '* * L * *',
    '* * * * 5#2',
    '@daily',
    '999999999999999999 * * * *',
    `${'1,'.repeat(100)}1 * * * *`,
    '* * * * é',
  ])('such as "%s" is refused', async (expression) => {
    expect(await codeOf(db.pool.query('select core.read_cron($1)', [expression]))).toBe('RH401')
  })

  it('that cannot be read is refused with the name of the field and what was written', async () => {
    await expect(db.pool.query(`select core.read_cron('* * * * mon-fro')`)).rejects.toMatchObject({
      message: 'The weekday of the cron expression is not valid: "mon-fro".',
    })
  })

  it.each(['0 0 30 2 *', '0 0 31 2,4,6,9,11 *'])('such as "%s" never comes due, which is said', async (expression) => {
    expect(await codeOf(nextOf(expression, '2026-01-01T00:00Z', 'UTC'))).toBe('RH402')
  })

  it('for 29 February waits for it, also across 2100', async () => {
    expect(await nextOf('0 0 29 2 *', '2096-03-01T00:00Z', 'UTC')).toBe('2104-02-29T00:00:00.000Z')
  })

  it('that restricts the day of the month and the weekday comes due on either', async () => {
    expect(await runsOf('0 0 13 * 5', '2026-11-01T00:00Z', 'UTC', 3)).toEqual([
      '2026-11-06T00:00:00.000Z',
      '2026-11-13T00:00:00.000Z',
      '2026-11-20T00:00:00.000Z',
    ])
  })

  it('comes due after the instant, not at it, and never after an infinite one', async () => {
    expect(await nextOf('* * * * *', '2026-11-29T10:00:00Z', 'UTC')).toBe('2026-11-29T10:01:00.000Z')
    expect(await nextOf('* * * * *', '2026-11-29T09:59:59.999Z', 'UTC')).toBe('2026-11-29T10:00:00.000Z')
    for (const never of ['infinity', '-infinity']) expect(await nextOf('0 9 * * *', never, 'UTC')).toBeUndefined()
  })

  it.each(['rowhouse_owner', 'rowhouse_worker', 'rowhouse_platform'])('can be planned by %s', (role) =>
    db.inTransaction(async (t) => {
      await t.becomeRole(role)
      for (const expression of ['0 9 * * mon', '*/5 * * * *']) {
        expect(await t.value(`select core.cron_next($1, now(), 'Asia/Kathmandu')`, [expression])).toBeInstanceOf(Date)
        const last = `select core.cron_last($1, now() - interval '1 month', now(), 'Asia/Kathmandu')`
        expect(await t.value(last, [expression])).toBeInstanceOf(Date)
      }
    }),
  )

  it('needs a time zone that exists', async () => {
    expect(await codeOf(nextOf('0 9 * * *', '2026-11-29T10:00Z', 'Mars/Olympus'))).toBe('22023')
  })
})

describe('where the clock jumps', () => {
  it.each([
    ['Europe/Berlin', '30 2 * * *', '2026-03-28T12:00Z', ['2026-03-29T01:00', '2026-03-30T00:30']],
    ['America/New_York', '30 2 * * *', '2026-03-07T12:00Z', ['2026-03-08T07:00', '2026-03-09T06:30']],
    ['Australia/Lord_Howe', '15 2 * * *', '2026-10-03T12:00Z', ['2026-10-03T15:30', '2026-10-04T15:15']],
    ['Asia/Beirut', '0 0 * * *', '2026-03-28T12:00Z', ['2026-03-28T22:00', '2026-03-29T21:00']],
  ])(
    'in %s, "%s" of a time that is skipped runs once, right after the gap',
    async (zone, expression, after, expected) => {
      expect(await runsOf(expression, after, zone, 2)).toEqual(expected.map((at) => `${at}:00.000Z`))
    },
  )

  it.each([
    ['Europe/Berlin', '30 2 * * *', '2026-10-24T12:00Z', ['2026-10-25T00:30', '2026-10-26T01:30']],
    ['America/New_York', '30 1 * * *', '2026-10-31T12:00Z', ['2026-11-01T05:30', '2026-11-02T06:30']],
    ['Australia/Lord_Howe', '45 1 * * *', '2026-04-04T12:00Z', ['2026-04-04T14:45', '2026-04-05T15:15']],
    ['America/Havana', '0 0 * * *', '2026-10-31T12:00Z', ['2026-11-01T04:00', '2026-11-02T05:00']],
  ])('in %s, "%s" of a time that occurs twice runs once, at its first', async (zone, expression, after, expected) => {
    expect(await runsOf(expression, after, zone, 2)).toEqual(expected.map((at) => `${at}:00.000Z`))
  })

  it('times that the gap skips together run once together', async () => {
    expect(await runsOf('*/15 2-3 * * *', '2026-03-29T00:45Z', 'Europe/Berlin', 5)).toEqual(
      ['01:00', '01:15', '01:30', '01:45'].map((at) => `2026-03-29T${at}:00.000Z`).concat('2026-03-30T00:00:00.000Z'),
    )
  })

  it('an expression for every hour runs in both hours that occur twice, and in none that is skipped', async () => {
    expect(await runsOf('30 * * * *', '2026-10-25T00:00Z', 'Europe/Berlin', 3)).toEqual(
      ['00:30', '01:30', '02:30'].map((at) => `2026-10-25T${at}:00.000Z`),
    )
    expect(await runsOf('30 * * * *', '2026-03-29T00:00Z', 'Europe/Berlin', 2)).toEqual(
      ['00:30', '01:30'].map((at) => `2026-03-29T${at}:00.000Z`),
    )
  })

  it('a day that a zone skipped whole runs once, at the beginning of the day after', async () => {
    expect(await runsOf('30 2 * * *', '2011-12-29T13:00Z', 'Pacific/Apia', 2)).toEqual([
      '2011-12-30T10:00:00.000Z',
      '2011-12-30T12:30:00.000Z',
    ])
  })
})

describe('the last time in a span', () => {
  it.each([
    ['*/5 * * * *', '2026-01-01T00:00Z', '2026-11-29T10:03:30Z', '2026-11-29T10:00:00.000Z'],
    ['*/5 * * * *', '2026-11-29T09:59:59Z', '2026-11-29T10:00:00Z', '2026-11-29T10:00:00.000Z'],
    ['0 0 1 1 *', '2020-06-01T00:00Z', '2026-11-29T10:00:00Z', '2025-12-31T23:00:00.000Z'],
    ['30 2 * * *', '2026-10-24T12:00Z', '2026-10-25T01:45:00Z', '2026-10-25T00:30:00.000Z'],
    ['0 0 1 1 *', '2026-06-01T00:00Z', '2026-11-29T10:00:00Z', undefined],
    ['* * * * *', '2026-11-29T10:00:00Z', '2026-11-29T10:00:00Z', undefined],
  ])('of "%s" after %s and until %s is %s', async (expression, after, until, expected) => {
    const { rows } = await db.pool.query(`select core.cron_last($1, $2, $3, 'Europe/Berlin') as at`, [
      expression,
      after,
      until,
    ])
    expect(rows[0].at?.toISOString()).toBe(expected)
  })
})

// Not those whose rules change from year to year, because the two tables may be of different years.
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'America/Havana',
  'America/Santiago',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Asia/Beirut',
  'Pacific/Chatham',
]

describe('a daily time', () => {
  it.each(zones)('in %s comes due once for each day of a year, whichever time it is', async (zone) => {
    const time = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
    for (const [hour, minute] of fc.sample(time, { seed: zone.length, numRuns: 3 }).concat([
      [0, 0],
      [2, 30],
    ])) {
      const { rows } = await db.pool.query(
        `with recursive bound as (
           select ('2026-01-01'::timestamp at time zone $2) - interval '1 second' as first, ('2027-01-01'::timestamp at time zone $2) as last
         ), run (at) as (
           select core.cron_next($1, first, $2) from bound
           union all
           select core.cron_next($1, at, $2) from run, bound where at < last)
         select count(*)::int as runs from run, bound where at < last`,
        [`${minute} ${hour} * * *`, zone],
      )
      expect([hour, minute, rows[0].runs]).toEqual([hour, minute, 365])
    }
  })
})

async function lastOf(expression: string, after: number, until: number, zone: string): Promise<string> {
  const { rows } = await db.pool.query('select core.cron_last($1, $2, $3, $4) as at', [
    expression,
    new Date(after).toISOString(),
    new Date(until).toISOString(),
    zone,
  ])
  return rows[0].at?.toISOString()
}

/** A field as a set of values: all of them, or some by a list, a range or a step. */
function field(low: number, high: number): fc.Arbitrary<{ text: string; values: Set<number> }> {
  const number = fc.integer({ min: low, max: high })
  const part = fc.oneof(
    number.map((n) => ({ text: `${n}`, from: n, to: n, step: 1 })),
    fc.tuple(number, number, fc.integer({ min: 1, max: 5 })).map(([a, b, step]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      return { text: step === 1 ? `${from}-${to}` : `${from}-${to}/${step}`, from, to, step }
    }),
    fc.integer({ min: 2, max: 7 }).map((step) => ({ text: `*/${step}`, from: low, to: high, step })),
  )
  const all = { text: '*', from: low, to: high, step: 1 }
  return fc
    .oneof(
      { weight: 2, arbitrary: fc.constant([all]) },
      { weight: 3, arbitrary: fc.array(part, { minLength: 1, maxLength: 3 }) },
    )
    .map((parts) => ({
      text: parts.map((one) => one.text).join(','),
      values: new Set(
        parts.flatMap(({ from, to, step }) =>
          Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step),
        ),
      ),
    }))
}

/** The same set as a star or as numbers. croner runs numbers alone once for each time, and all else whenever the clock shows it. */
const plain = ({ values }: { values: Set<number> }, size: number): string =>
  values.size === size ? '*' : [...values].sort((a, b) => a - b).join(',')

// Most instants are near a jump of one of the zones: the last weekends of March and October, the first ones of the others.
const instants = fc.oneof(
  fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) }),
  fc
    .tuple(
      fc.constantFrom(
        Date.UTC(2026, 2, 29), // Berlin, Beirut
        Date.UTC(2026, 9, 25),
        Date.UTC(2026, 2, 8), // New York, St John's, Havana
        Date.UTC(2026, 10, 1),
        Date.UTC(2026, 3, 5), // Santiago, Lord Howe, Chatham
        Date.UTC(2026, 8, 6),
        Date.UTC(2026, 8, 27),
        Date.UTC(2026, 9, 4),
      ),
      fc.integer({ min: -40 * 3600, max: 40 * 3600 }),
    )
    .map(([day, seconds]) => day + seconds * 1000),
)

describe('against croner', () => {
  it('any expression comes due at the same instants in any zone', async () => {
    await fc.assert(
      fc.asyncProperty(
        field(0, 59),
        field(0, 23),
        field(1, 31),
        field(1, 12),
        field(0, 6),
        instants,
        fc.constantFrom(...zones),
        async (minute, hour, day, month, weekday, after, zone) => {
          // With the first day of the month in it, the expression always comes due.
          const days = day.text === '*' ? day : { text: `${day.text},1`, values: new Set([...day.values, 1]) }
          const written = [minute, hour, days, month, weekday]
          const expression = written.map(({ text }) => text).join(' ')
          const everyHour = hour.values.size === 24
          const same = [
            plain(minute, everyHour ? 60 : 0),
            plain(hour, 24),
            plain(days, 31),
            plain(month, 12),
            plain(weekday, 7),
          ].join(' ')
          const cron = new Cron(same, { timezone: zone, mode: '5-part', fixedTimeRule: 'no-wildcard', paused: true })
          const expected = cron.nextRuns(3, new Date(after)).map((at) => at.toISOString())
          expect([expression, zone, await runsOf(expression, new Date(after).toISOString(), zone, 3)]).toEqual([
            expression,
            zone,
            expected,
          ])
          expect(await lastOf(expression, after, Date.parse(expected[2] as string), zone)).toBe(expected[2])
          expect(await lastOf(expression, after, Date.parse(expected[2] as string) - 1, zone)).toBe(expected[1])
        },
      ),
      { seed: 17, numRuns: 400 },
    )
  })
})

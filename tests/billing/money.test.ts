// Arithmetic of money against an oracle in integers: tiers, packages, days, rounding. Fixtures were worked out by hand.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const seed = 20_260_101

/** Amounts in the oracle are integers of 1e-6. */
const micro = (amount: string): bigint => {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount) ?? []
  const value = BigInt(whole as string) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
  return sign ? -value : value
}

type Tier = { upTo?: number; unitAmount: number; flatAmount?: number }
type Case = { model: string; quantity: number; included: number; unit?: number; size?: number; tiers?: Tier[] }

async function chargesOf(cases: Case[]): Promise<bigint[]> {
  const { rows } = await db.pool.query<{ charge: string }>(
    `select billing.usage_charge((c ->> 'model')::app_public.price_model_enum, (c ->> 'quantity')::numeric, (c ->> 'included')::numeric,
              (c ->> 'unit')::numeric, (c ->> 'size')::numeric, c -> 'tiers')::text as charge
       from jsonb_array_elements($1) with ordinality as x (c, n) order by n`,
    [JSON.stringify(cases)],
  )
  return rows.map(({ charge }) => micro(charge))
}

/** One unit at a time, as the price list is read aloud. */
function oracle({ model, quantity, included, unit = 0, size = 1, tiers = [] }: Case): bigint {
  const left = Math.max(quantity - included, 0)
  const price = (amount: number): bigint => BigInt(Math.round(amount * 1_000_000))
  if (left === 0) return 0n
  if (model === 'flat') return price(unit)
  if (model === 'per_unit') return BigInt(left) * price(unit)
  if (model === 'package') {
    let packages = 0n
    for (let covered = 0; covered < left; covered += size) packages += 1n
    return packages * price(unit)
  }
  const tierOf = (n: number): number => tiers.findIndex(({ upTo }) => upTo === undefined || n <= upTo)
  if (model === 'volume') {
    const tier = tiers[tierOf(left)] as Tier
    return BigInt(left) * price(tier.unitAmount) + price(tier.flatAmount ?? 0)
  }
  let sum = 0n
  for (let n = 1; n <= left; n += 1) sum += price((tiers[tierOf(n)] as Tier).unitAmount)
  for (const tier of tiers.slice(0, tierOf(left) + 1)) sum += price(tier.flatAmount ?? 0)
  return sum
}

const unit = fc.integer({ min: 0, max: 9999 }).map((n) => n / 10_000)
const tiers = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: 0, maxLength: 5 }),
    fc.array(unit, { minLength: 6, maxLength: 6 }),
    fc.boolean(),
  )
  .map(([bounds, prices, hasFlat]): Tier[] =>
    [...bounds.sort((a, b) => a - b), undefined].map((upTo, i) => ({
      ...(upTo === undefined ? {} : { upTo }),
      unitAmount: prices[i] as number,
      ...(hasFlat ? { flatAmount: i + 1 } : {}),
    })),
  )
const anyCase: fc.Arbitrary<Case> = fc
  .record({
    model: fc.constantFrom('flat', 'per_unit', 'tiered', 'volume', 'package'),
    quantity: fc.integer({ min: 0, max: 300 }),
    included: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 })),
    unit,
    size: fc.integer({ min: 1, max: 50 }),
    tiers,
  })
  .map((c) => c)

describe('what a quantity costs', () => {
  it('is, for every model, what counting unit by unit gives', () =>
    fc.assert(
      fc.asyncProperty(fc.array(anyCase, { minLength: 50, maxLength: 100 }), async (cases) => {
        expect(await chargesOf(cases)).toEqual(cases.map(oracle))
      }),
      { seed, numRuns: 20 },
    ))

  it('never falls when more is used, except where a volume tier is cheaper', () =>
    fc.assert(
      fc.asyncProperty(anyCase, async (one) => {
        fc.pre(one.model !== 'volume')
        const charges = await chargesOf(Array.from({ length: 60 }, (_, i) => ({ ...one, quantity: i * 5 })))
        for (const [i, charge] of charges.slice(1).entries()) expect(charge >= (charges[i] as bigint)).toBe(true)
      }),
      { seed, numRuns: 20 },
    ))

  const graduated: Tier[] = [
    { upTo: 100, unitAmount: 0.1 },
    { upTo: 1000, unitAmount: 0.05, flatAmount: 5 },
    { unitAmount: 0.01 },
  ]
  it.each<[string, Case, string]>([
    ['flat: 20 for any use', { model: 'flat', quantity: 3, included: 0, unit: 20 }, '20'],
    ['flat: nothing for none', { model: 'flat', quantity: 0, included: 0, unit: 20 }, '0'],
    ['per unit: 250 beyond 1,000 at 0.004', { model: 'per_unit', quantity: 1250, included: 1000, unit: 0.004 }, '1'],
    [
      'package: 2,001 are three packages of 1,000',
      { model: 'package', quantity: 2001, included: 0, unit: 7, size: 1000 },
      '21',
    ],
    ['package: 2,000 are two', { model: 'package', quantity: 2000, included: 0, unit: 7, size: 1000 }, '14'],
    [
      'graduated: the 100th is of the first tier: 10',
      { model: 'tiered', quantity: 100, included: 0, tiers: graduated },
      '10',
    ],
    ['graduated: 101: 10 + 5 + 0.05', { model: 'tiered', quantity: 101, included: 0, tiers: graduated }, '15.05'],
    ['graduated: 1,500: 10 + 5 + 45 + 5', { model: 'tiered', quantity: 1500, included: 0, tiers: graduated }, '65'],
    ['volume: 100 × 0.1', { model: 'volume', quantity: 100, included: 0, tiers: graduated }, '10'],
    ['volume: 101 × 0.05 + 5', { model: 'volume', quantity: 101, included: 0, tiers: graduated }, '10.05'],
    ['volume: 1,500 × 0.01', { model: 'volume', quantity: 1500, included: 0, tiers: graduated }, '15'],
  ])('%s', async (_name, one, expected) => {
    expect(await chargesOf([one])).toEqual([micro(expected)])
  })

  it('one million units of one token each total exactly price times count', async () => {
    const { rows } = await db.pool.query(
      `select billing.usage_charge('per_unit', 1000000, 0, 0.00000015, null, null) = 0.15 as exact`,
    )
    expect(rows).toEqual([{ exact: true }])
  })
})

describe('rounding', () => {
  it.each([
    ['0.125', 'USD', '0.13'],
    ['-0.125', 'USD', '-0.13'],
    ['0.124999999999', 'USD', '0.12'],
    ['2.5', 'JPY', '3'],
    ['-2.5', 'JPY', '-3'],
    ['1.0005', 'KWD', '1.001'],
  ])('%s %s is %s: half away from zero, in what the currency can be paid in', async (amount, currency, rounded) => {
    const { rows } = await db.pool.query('select billing.round_money($1, $2)::text as r', [amount, currency])
    expect(rows).toEqual([{ r: rounded }])
  })
})

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Pacific/Auckland',
  'America/Sao_Paulo',
  'Pacific/Apia',
]
const anyDay = fc
  .date({ min: new Date('2023-01-01'), max: new Date('2029-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10))

describe('shares of a period', () => {
  // days of calendar, so months of 28 to 31 days, leap days and days of 23 and 25 hours all come in
  it('the days before and from any change make the period, in every zone, and days are the calendar’s', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...zones),
        anyDay,
        fc.constantFrom(1, 12),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (zone, anchor, months, share) => {
          const { rows } = await db.pool.query(
            `with p as (
               select metering.billing_period(($1::date + time '12:00') at time zone $2, $1::date, $2, $3) as period
             ), c as (
               select lower(period) as a, upper(period) as b,
                      billing.local_midnight(lower(period) + (upper(period) - lower(period)) * $4::float8, $2) as m from p
             )
             select billing.local_days(a, m, $2) + billing.local_days(m, b, $2) = billing.local_days(a, b, $2) as whole,
                    billing.local_days(a, b, $2) = (b at time zone $2)::date - $1::date as calendar,
                    billing.local_days(a, b, $2) as days
               from c`,
            [anchor, zone, months, share],
          )
          expect(rows[0]).toMatchObject({ whole: true, calendar: true })
          expect(months === 1 ? [28, 29, 30, 31] : [365, 366]).toContain(rows[0].days)
        },
      ),
      { seed, numRuns: 150 },
    ))

  it('credit and charge of equal prices cancel out, and two parts make the whole to the smallest unit', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 10_000_000 }),
        fc.constantFrom(28, 29, 30, 31, 365, 366),
        fc.nat(),
        fc.constantFrom('USD', 'JPY', 'KWD'),
        async (minor, days, some, currency) => {
          const part = some % (days + 1)
          const { rows } = await db.pool.query<{ difference: string; unit: string }>(
            `select abs(billing.prorated_amount(a, $2, $3, $4) + billing.prorated_amount(a, $3 - $2, $3, $4) - a) as difference,
                    power(0.1, billing.minor_units($4))::numeric as unit
               from (select $1::numeric / power(10, billing.minor_units($4))::numeric as a) as x`,
            [minor, part, days, currency],
          )
          expect(Number(rows[0]?.difference)).toBeLessThanOrEqual(Number(rows[0]?.unit))
        },
      ),
      { seed, numRuns: 150 },
    ))

  // by hand: 31 × 100 days; February of a leap year; the days the clocks change in Berlin and New York
  it.each([
    ['2024-02-10', '2024-02-01', '2024-03-01', 'UTC', '29.00', 20, 29, '20.00'],
    ['2025-02-10', '2025-02-01', '2025-03-01', 'UTC', '28.00', 19, 28, '19.00'],
    ['2025-04-16', '2025-04-01', '2025-05-01', 'UTC', '100.00', 15, 30, '50.00'],
    ['2025-03-30', '2025-03-01', '2025-04-01', 'Europe/Berlin', '31.00', 2, 31, '2.00'],
    ['2025-11-02', '2025-11-01', '2025-12-01', 'America/New_York', '30.00', 29, 30, '29.00'],
    ['2024-07-01', '2024-01-01', '2025-01-01', 'UTC', '366.00', 184, 366, '184.00'],
    ['2025-01-11', '2025-01-01', '2025-02-01', 'UTC', '100.00', 21, 31, '67.74'],
  ])(
    'from %s in %s to %s (%s), of %s: %s of %s days are %s',
    async (at, from, to, zone, amount, days, of, expected) => {
      const { rows } = await db.pool.query(
        `select billing.local_days(at, b, $4) as days, billing.local_days(a, b, $4) as of,
              billing.prorated_amount($5, billing.local_days(at, b, $4), billing.local_days(a, b, $4), 'USD')::text as amount
         from (select $1::timestamp at time zone $4 as at, $2::timestamp at time zone $4 as a, $3::timestamp at time zone $4 as b) as x`,
        [at, from, to, zone, amount],
      )
      expect(rows).toEqual([{ days, of, amount: expected }])
    },
  )
})

describe('prices that make no sense', () => {
  it.each([
    ['tiers that fall', '[{"upTo": 5, "unitAmount": 1}, {"upTo": 4, "unitAmount": 1}, {"unitAmount": 1}]'],
    ['no last tier', '[{"upTo": 5, "unitAmount": 1}]'],
    ['a tier after the last', '[{"unitAmount": 1}, {"unitAmount": 1}]'],
    ['a negative amount', '[{"unitAmount": -1}]'],
    ['an unknown key', '[{"unitAmount": 1, "price": 2}]'],
    ['no array', '{"unitAmount": 1}'],
    ['none', '[]'],
    ['text for a number', '[{"unitAmount": "1"}]'],
    ['null for a tier', '[null]'],
  ])('%s are no tiers', async (_name, value) => {
    const { rows } = await db.pool.query('select billing.are_price_tiers($1) as are', [value])
    expect(rows).toEqual([{ are: false }])
  })

  it.each(['NaN', 'Infinity', '-1', '1e12'])('an amount of %s is refused', (amount) =>
    db.inTransaction(async (t) => {
      await t.query(`insert into app_public.plans (slug, name, tier) values ('x', 'x', 'free')`)
      expect(
        await t.errorCode(
          `insert into app_public.plan_prices (plan_id, currency, billing_cycle, amount) select id, 'USD', 'monthly', $1 from app_public.plans where slug = 'x'`,
          [amount],
        ),
      ).toBe('23514')
    }),
  )
})

// Trainers on data whose law is known: what they find, what they say of themselves, and what they do with data that is no good.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import {
  artefactOf,
  defineSet,
  hoursFrom,
  type Model,
  normal,
  predict,
  random,
  record,
  start,
  train,
} from './helpers.ts'

const db = useDatabase()
const asOwner = (work: (t: Transaction) => Promise<void>) => () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    await work(t)
  })
const trained = (t: Transaction, trainer: string, set: string, config: object, seed = 0, name = 'm'): Promise<Model> =>
  train(t, db.acme.owner, name, trainer, set, config, seed)
const at = (i: number): string => hoursFrom('2026-01-01T00:00:00Z', i)

/** y = 3 + 2 a - 5 b + noise, with values far from 0 that differ little, as meters have them. */
async function linearLaw(t: Transaction, rows: number, noise: number, seed = 1): Promise<void> {
  const next = random(seed)
  const gauss = normal(next)
  await defineSet(t, 'law', { y: 'number', a: 'number', b: 'number', c: 'number' })
  await record(
    t,
    'law',
    Array.from({ length: rows }, (_, i) => {
      const [a, b, c] = [1_000_000 + next(), -40 + 10 * next(), next()]
      return { entity: `e${i}`, at: at(0), features: { y: 3 + 2 * a - 5 * b + noise * gauss(), a, b, c } }
    }),
  )
}
const coefficients = (artefact: Record<string, unknown>): Record<string, number> =>
  Object.fromEntries((artefact.terms as { name: string; coefficient: number }[]).map((c) => [c.name, c.coefficient]))
/** Whether there is a NaN or an infinity anywhere; PostgreSQL would write them as texts. */
const hasNone = (value: unknown): boolean => !/NaN|Infinity/.test(JSON.stringify(value))

describe('ridge regression', () => {
  it(
    'finds a known linear law under noise, and nothing in what has no influence',
    asOwner(async (t) => {
      await linearLaw(t, 3000, 0.5)
      const model = await trained(t, 'ridge', 'law', { target: 'y', lambda: 0 })
      const found = coefficients(await artefactOf(t, db.acme.owner, model))
      expect(found.a).toBeCloseTo(2, 0)
      expect(Math.abs((found.a as number) - 2)).toBeLessThan(0.15)
      expect(Math.abs((found.b as number) + 5)).toBeLessThan(0.02)
      expect(Math.abs(found.c as number)).toBeLessThan(0.15)
      expect(model.performance_metrics.rmse).toBeLessThan(0.55)
      expect(model.performance_metrics.r2).toBeGreaterThan(0.99)
    }),
  )

  it(
    'finds a law without noise to nine digits although the values hardly differ from a million',
    asOwner(async (t) => {
      await linearLaw(t, 500, 0)
      const model = await trained(t, 'ridge', 'law', { target: 'y', lambda: 0 })
      const found = coefficients(await artefactOf(t, db.acme.owner, model))
      expect(found.a).toBeCloseTo(2, 6)
      expect(found.b).toBeCloseTo(-5, 6)
      expect((await predict(t, model.id, { a: 1_000_000.5, b: -35, c: 0 })).prediction.value).toBeCloseTo(
        3 + 2_000_001 + 175,
        4,
      )
    }),
  )

  it(
    'solves the normal equations as elimination does, for random systems',
    asOwner(async (t) => {
      await t.becomeSuperuser()
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.integer(), async (n, seed) => {
          const next = random(seed)
          const z = Array.from({ length: 3 * n }, () => Array.from({ length: n }, () => next() - 0.5))
          const matrix = Array.from({ length: n }, (_, i) =>
            Array.from(
              { length: n },
              (_, j) => z.reduce((sum, row) => sum + (row[i] as number) * (row[j] as number), 0) + (i === j ? 0.1 : 0),
            ),
          )
          const truth = Array.from({ length: n }, () => next() * 10 - 5)
          const rhs = matrix.map((row) => row.reduce((sum, value, j) => sum + value * (truth[j] as number), 0))
          const found = await t.value<number[]>('select ml.solve_normal_equations($1, $2)', [matrix.flat(), rhs])
          for (const [i, value] of found.entries()) expect(value).toBeCloseTo(truth[i] as number, 6)
        }),
        { numRuns: 30, seed: 7 },
      )
    }),
  )

  it(
    'shrinks coefficients with lambda, whatever the units of a feature are',
    asOwner(async (t) => {
      await defineSet(t, 'units', { y: 'number', kwh: 'number', mwh: 'number' })
      const next = random(5)
      await record(
        t,
        'units',
        Array.from({ length: 200 }, (_, i) => {
          const kwh = 1000 * next()
          return { entity: `e${i}`, at: at(0), features: { y: kwh, kwh, mwh: kwh / 1000 } }
        }),
      )
      const shrunk = async (feature: string): Promise<number> => {
        const model = await trained(t, 'ridge', 'units', { target: 'y', features: [feature], lambda: 100 }, 0, feature)
        return coefficients(await artefactOf(t, db.acme.owner, model))[feature] as number
      }
      const kwh = await shrunk('kwh')
      expect(kwh).toBeGreaterThan(0.5)
      expect(kwh).toBeLessThan(0.7)
      expect((await shrunk('mwh')) / 1000).toBeCloseTo(kwh, 6)
    }),
  )

  it(
    'gives the same model for the same data and seed, and holds out other rows for another seed',
    asOwner(async (t) => {
      await linearLaw(t, 300, 1)
      const [one, two] = [
        await trained(t, 'ridge', 'law', { target: 'y' }, 3),
        await trained(t, 'ridge', 'law', { target: 'y' }, 3),
      ]
      expect(await artefactOf(t, db.acme.owner, two)).toEqual(await artefactOf(t, db.acme.owner, one))
      expect(two.data_hash).toEqual(one.data_hash)
      const other = await trained(t, 'ridge', 'law', { target: 'y' }, 4)
      expect(other.data_hash).not.toEqual(one.data_hash)
    }),
  )

  it(
    'says how sure it is by rows that it has not seen: nine in ten of new values lie in its interval',
    asOwner(async (t) => {
      await linearLaw(t, 4000, 2)
      const model = await trained(t, 'ridge', 'law', { target: 'y' })
      const next = random(99)
      const gauss = normal(next)
      let inside = 0
      const { prediction, confidence } = await predict(t, model.id, { a: 1_000_000.5, b: -35, c: 0.5 })
      for (let i = 0; i < 2000; i++) {
        const truth = 3 + 2 * 1_000_000.5 + 175 + 2 * gauss()
        if (truth >= prediction.lower && truth <= prediction.upper) inside++
      }
      expect(Math.abs(inside / 2000 - 0.9)).toBeLessThan(0.04)
      expect(Math.abs(Number(confidence) - inside / 2000)).toBeLessThan(0.05)
    }),
  )

  it(
    'gives a feature that is constant, missing or a copy the coefficient 0 or a share, and never NaN',
    asOwner(async (t) => {
      await defineSet(t, 'odd', {
        y: 'number',
        a: 'number',
        same: 'number',
        gone: 'number',
        copy: 'number',
        flag: 'boolean',
      })
      const next = random(11)
      await record(
        t,
        'odd',
        Array.from({ length: 100 }, (_, i) => {
          const a = next()
          const y = i % 10 === 0 ? null : 4 * a + 1
          return {
            entity: `e${i}`,
            at: at(0),
            features: { y, a: i % 7 === 0 ? null : a, same: 0.1, copy: a, flag: i % 2 === 0 },
          }
        }),
      )
      const model = await trained(t, 'ridge', 'odd', { target: 'y', lambda: 0 })
      const artefact = await artefactOf(t, db.acme.owner, model)
      expect(hasNone([artefact, model])).toBe(true)
      expect(coefficients(artefact)).toMatchObject({ same: 0, gone: 0 })
      expect((await predict(t, model.id, {})).prediction.value).toBeTypeOf('number')
    }),
  )

  it(
    'predicts a constant target exactly, and has no r2 of it',
    asOwner(async (t) => {
      await defineSet(t, 'flat', { y: 'number', a: 'number' })
      await record(
        t,
        'flat',
        Array.from({ length: 60 }, (_, i) => ({ entity: `e${i}`, at: at(0), features: { y: 7.1, a: i } })),
      )
      const model = await trained(t, 'ridge', 'flat', { target: 'y' })
      expect((await predict(t, model.id, { a: 1e30 })).prediction.value).toBeCloseTo(7.1, 9)
      expect(model.performance_metrics).not.toHaveProperty('r2')
    }),
  )

  it(
    'stays finite with numbers as large as they can be stored',
    asOwner(async (t) => {
      await defineSet(t, 'huge', { y: 'number', a: 'number' })
      await record(
        t,
        'huge',
        Array.from({ length: 60 }, (_, i) => ({ entity: `e${i}`, at: at(0), features: { y: i * 1e37, a: i * 1e37 } })),
      )
      const model = await trained(t, 'ridge', 'huge', { target: 'y', lambda: 0 })
      const artefact = await artefactOf(t, db.acme.owner, model)
      expect(hasNone([artefact, model])).toBe(true)
      expect(coefficients(artefact).a).toBeCloseTo(1, 6)
    }),
  )

  it(
    'refuses data that is empty or short, and settings that name nothing',
    asOwner(async (t) => {
      await defineSet(t, 'few', { y: 'number', a: 'number', word: 'text' })
      const failing = async (config: object): Promise<string | undefined> => {
        await t.query('savepoint s')
        const code = await trained(t, 'ridge', 'few', config).then(
          () => undefined,
          (error) => error.code,
        )
        await t.query('rollback to savepoint s')
        await t.become(db.acme.owner)
        return code
      }
      expect(await failing({ target: 'y' })).toBe('ML405')
      await record(t, 'few', [{ entity: 'e', at: at(0), features: { y: 1, a: 1 } }])
      expect(await failing({ target: 'y' })).toBe('ML405')
      expect(await failing({ target: 'word' })).toBe('ML404')
      expect(await failing({ target: 'y', features: ['word'] })).toBe('ML404')
      expect(await failing({ target: 'y', features: ['y'] })).toBe('ML404')
      for (const config of [
        {},
        { target: 1 },
        { target: 'y', lambda: -1 },
        { target: 'y', lambda: 'x' },
        { target: 'y', nonsense: 1 },
        { target: 'y', features: [] },
      ])
        expect([config, await failing(config)]).toEqual([config, 'ML404'])
    }),
  )
})

describe('the forecast of a series', () => {
  const series = async (t: Transaction, values: (number | null)[], set = 'co2'): Promise<void> => {
    await defineSet(t, set, { tonnes: 'number' })
    await record(
      t,
      set,
      values.flatMap((tonnes, i) => (tonnes === null ? [] : [{ entity: 'plant', at: at(i), features: { tonnes } }])),
    )
  }
  const season = [5, 3, 0, -2, -6, 0]
  const lawful = (n: number, noise: number): number[] => {
    const gauss = normal(random(3))
    return Array.from({ length: n }, (_, i) => 100 + 0.7 * i + (season[i % 6] as number) + noise * gauss())
  }

  it(
    'finds level, trend and season, and is better than the seasonal-naive forecast by MASE',
    asOwner(async (t) => {
      await series(t, lawful(240, 0.8))
      const model = await trained(t, 'holt_winters', 'co2', { target: 'tonnes', season_length: 6, horizon: 24 })
      const { mase, mase_of_seasonal_naive } = model.performance_metrics as Record<string, number>
      expect(mase).toBeLessThan(0.5 * (mase_of_seasonal_naive as number))
      const { prediction } = await predict(t, model.id, { ahead: 6 })
      const values = prediction.values as { at: string; value: number; lower: number; upper: number }[]
      expect(values).toHaveLength(6)
      for (const [h, { value, at: when, lower, upper }] of values.entries()) {
        expect(Math.abs(value - (100 + 0.7 * (240 + h) + (season[h] as number)))).toBeLessThan(2.5)
        expect(new Date(when)).toEqual(new Date(at(240 + h)))
        expect(lower).toBeLessThan(value)
        expect(upper).toBeGreaterThan(value)
      }
    }),
  )

  it(
    'continues a law without noise exactly',
    asOwner(async (t) => {
      await series(t, lawful(60, 0))
      const model = await trained(t, 'holt_winters', 'co2', { target: 'tonnes', season_length: 6 })
      expect(model.performance_metrics.mase).toBeLessThan(1e-6)
      expect((await predict(t, model.id, { ahead: 3 })).prediction.value).toBeCloseTo(100 + 0.7 * 62, 6)
    }),
  )

  it(
    'fills gaps in with the line between their ends, and forecasts months as months',
    asOwner(async (t) => {
      await series(t, [10, 20, null, null, 50, 60, 70, 80])
      const model = await trained(t, 'holt_winters', 'co2', { target: 'tonnes', horizon: 1 })
      expect(model.training_data_info).toMatchObject({ row_count: 8, filled_in_count: 2 })
      expect((await predict(t, model.id, { ahead: 1 })).prediction.value).toBeCloseTo(90, 6)

      await defineSet(t, 'monthly', { tonnes: 'number' })
      await record(
        t,
        'monthly',
        Array.from({ length: 20 }, (_, i) => ({
          entity: 'plant',
          at: new Date(Date.UTC(2025, i, 1)),
          features: { tonnes: i },
        })),
      )
      const months = await trained(t, 'holt_winters', 'monthly', { target: 'tonnes' }, 0, 'months')
      expect(months.training_data_info).toMatchObject({ row_count: 20, filled_in_count: 0 })
      const values = (await predict(t, months.id, { ahead: 2 })).prediction.values as { at: string }[]
      expect(values.map((value) => new Date(value.at).toISOString().slice(0, 10))).toEqual(['2026-09-01', '2026-10-01'])
    }),
  )

  it(
    'never gives NaN for a constant series, and refuses one that is too short for its season',
    asOwner(async (t) => {
      await series(t, Array(40).fill(7))
      const model = await trained(t, 'holt_winters', 'co2', { target: 'tonnes', season_length: 6 })
      expect(hasNone([model, await artefactOf(t, db.acme.owner, model)])).toBe(true)
      expect(model.performance_metrics).toMatchObject({ mae: 0 })
      expect(model.performance_metrics).not.toHaveProperty('mase')
      expect((await predict(t, model.id, { ahead: 400 })).prediction.value).toBeCloseTo(7, 9)
      for (const season_length of [20, 400]) {
        await t.query('savepoint s')
        await expect(trained(t, 'holt_winters', 'co2', { target: 'tonnes', season_length })).rejects.toMatchObject({
          code: 'ML405',
        })
        await t.query('rollback to savepoint s')
        await t.become(db.acme.owner)
      }
    }),
  )

  it(
    'is of one entity, or of the sum of all',
    asOwner(async (t) => {
      await defineSet(t, 'plants', { tonnes: 'number' })
      await record(
        t,
        'plants',
        Array.from({ length: 40 }, (_, i) => ({
          entity: i % 2 ? 'a' : 'b',
          at: at(Math.floor(i / 2)),
          features: { tonnes: i % 2 ? 1 : 10 },
        })),
      )
      const sum = await trained(t, 'holt_winters', 'plants', { target: 'tonnes' })
      expect((await predict(t, sum.id, { ahead: 1 })).prediction.value).toBeCloseTo(11, 9)
      const one = await trained(t, 'holt_winters', 'plants', { target: 'tonnes', entity: 'a' }, 0, 'one')
      expect((await predict(t, one.id, { ahead: 1 })).prediction.value).toBeCloseTo(1, 9)
    }),
  )
})

describe('the search for anomalies', () => {
  it(
    'finds planted anomalies within their season, with precision and recall above 0.9',
    asOwner(async (t) => {
      const gauss = normal(random(21))
      await defineSet(t, 'load', { kw: 'number', is_bad: 'boolean' })
      await record(
        t,
        'load',
        Array.from({ length: 24 * 90 }, (_, i) => {
          const isBad = i % 97 === 50
          const usual = i % 24 < 8 ? 20 : 200
          // 200 at night is unusual, and usual by day
          return {
            entity: 'site',
            at: at(i),
            features: { kw: (isBad ? 220 - usual : usual) + 3 * gauss(), is_bad: isBad },
          }
        }),
      )
      const model = await trained(t, 'seasonal_zscore', 'load', {
        target: 'kw',
        season: 'hour_of_day',
        label: 'is_bad',
        threshold: 6,
      })
      expect(model.performance_metrics.precision).toBeGreaterThan(0.9)
      expect(model.performance_metrics.recall).toBeGreaterThan(0.9)
      const night = await predict(t, model.id, { kw: 200, at: '2026-05-01T03:00:00Z' })
      const day = await predict(t, model.id, { kw: 200, at: '2026-05-01T13:00:00Z' })
      expect([night.prediction.is_anomaly, day.prediction.is_anomaly]).toEqual([true, false])
      expect(Number(night.confidence)).toBeGreaterThan(Number(day.confidence))
      const blind = await trained(
        t,
        'seasonal_zscore',
        'load',
        { target: 'kw', label: 'is_bad', threshold: 6 },
        0,
        'blind',
      )
      expect(blind.performance_metrics.precision).toBeLessThan(0.1)
    }),
  )

  it(
    'has a finite score for values that never differed, for one slot and for all',
    asOwner(async (t) => {
      await defineSet(t, 'still', { kw: 'number' })
      await record(
        t,
        'still',
        Array.from({ length: 50 }, (_, i) => ({ entity: 'site', at: at(i), features: { kw: 0 } })),
      )
      const model = await trained(t, 'seasonal_zscore', 'still', { target: 'kw', season: 'month_of_year' })
      expect(hasNone([model, await artefactOf(t, db.acme.owner, model)])).toBe(true)
      expect((await predict(t, model.id, { kw: 0 })).prediction).toMatchObject({ value: 0, is_anomaly: false })
      expect((await predict(t, model.id, { kw: 9e39 })).prediction).toMatchObject({ value: 1e6, is_anomaly: true })
    }),
  )
})

describe('recommendation', () => {
  it(
    'finds what goes together, and hits more often than what is chosen most',
    asOwner(async (t) => {
      const next = random(8)
      await defineSet(t, 'orders', { item: 'text' })
      const rows = []
      for (let customer = 0; customer < 300; customer++) {
        const group = customer % 20
        const chosen = new Set<string>(['bread'])
        while (chosen.size < 5) chosen.add(`g${group}-${Math.floor(next() * 6)}`)
        for (const [i, item] of [...chosen].entries())
          rows.push({ entity: `c${customer}`, at: at(i), features: { item } })
      }
      await record(t, 'orders', rows)
      const model = await trained(t, 'item_item', 'orders', { item: 'item' })
      const { hit_rate, hit_rate_of_popularity } = model.performance_metrics as Record<string, number>
      expect(hit_rate).toBeGreaterThan(0.9)
      expect(hit_rate_of_popularity).toBeLessThan(0.5)
      const { prediction } = await predict(t, model.id, { items: ['g3-1'], most: 4 })
      const items = (prediction.items as { item: string }[]).map(({ item }) => item)
      expect(items).toHaveLength(4)
      expect(items.filter((item) => item.startsWith('g3-')).length).toBeGreaterThanOrEqual(3)
      expect(items).not.toContain('g3-1')
      // who has chosen nothing that is known gets what is chosen most
      const unknown = await predict(t, model.id, { items: ['unheard of'], most: 1 })
      expect(unknown.prediction.items).toEqual([{ item: 'bread', score: 0 }])
    }),
  )
})

it(
  'random data, of any shape, gives a model without NaN or a clear error',
  asOwner(async (t) => {
    const value = fc.oneof(
      fc.constant(null),
      fc.constantFrom(0, 1, -1, 1e-39, 5e-324, 1e39, -1e39, 7.1),
      fc.double({ noNaN: true, min: -1e3, max: 1e3 }),
    )
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ y: value, a: value, b: value }), { minLength: 0, maxLength: 40 }),
        fc.constantFrom('ridge', 'holt_winters', 'seasonal_zscore'),
        async (rows, trainer) => {
          const set = `any${run++}`
          await t.query('savepoint s')
          try {
            await defineSet(t, set, { y: 'number', a: 'number', b: 'number' })
            if (rows.length > 0)
              await record(
                t,
                set,
                rows.map((features, i) => ({ entity: 'e', at: at(i), features })),
              )
            const model = await trained(t, trainer, set, { target: 'y' }, 0, set)
            expect(hasNone([model, await artefactOf(t, db.acme.owner, model)])).toBe(true)
            await t.query('rollback to savepoint s')
            await t.become(db.acme.owner)
          } catch (error) {
            await t.query('rollback to savepoint s')
            await t.become(db.acme.owner)
            expect((error as { code?: string }).code, String(error)).toBe('ML405')
          }
        },
      ),
      { numRuns: 60, seed: 4 },
    )
  }),
)

it(
  'a training whose settings are wrong is refused before it waits',
  asOwner(async (t) => {
    await defineSet(t, 'set', { y: 'number' })
    await t.query('savepoint s')
    await expect(start(t, 'm', 'holt_winters', 'set', { target: 'y', season_length: 1.5 })).rejects.toMatchObject({
      code: 'ML404',
    })
  }),
)

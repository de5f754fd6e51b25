// Feature sets: typed rows, and what was known at a time.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { outcomesOf, useSessions } from '../helpers/sessions.ts'
import { defineSet, random, record } from './helpers.ts'

const db = useDatabase()
const { sessions } = useSessions(db)
const asMember = (work: (t: Transaction) => Promise<void>) => () =>
  db.inTransaction(async (t) => {
    await setClock(t, '2026-06-01T00:00:00Z')
    await t.become(db.acme.member)
    await work(t)
  })
const asOf = (t: Transaction, at: string, entity = 'north'): Promise<Record<string, unknown> | null> =>
  t.value(`select app_public.features_as_of('site', $1, $2)`, [entity, at])
const recordOne = (t: Transaction, at: string, kwh: number): Promise<void> =>
  record(t, 'site', [{ entity: 'north', at, features: { kwh } }])

describe('what was known at a time', () => {
  it(
    'does not have what came late, nor a correction before it was made',
    asMember(async (t) => {
      await defineSet(t, 'site', { kwh: 'number' })
      await t.query(`update app_public.ml_feature_sets set validity_period = '10 days'`)
      await setClock(t, '2026-06-02T00:00:00Z')
      await recordOne(t, '2026-06-01T12:00:00Z', 1)
      // it is about the third, and comes on the sixth
      await setClock(t, '2026-06-06T00:00:00Z')
      await recordOne(t, '2026-06-03T00:00:00Z', 2)
      // the first one was wrong
      await setClock(t, '2026-06-07T00:00:00Z')
      await recordOne(t, '2026-06-01T12:00:00Z', 100)
      expect(await asOf(t, '2026-06-01T18:00:00Z')).toBeNull()
      expect(await asOf(t, '2026-06-02T00:00:00Z')).toEqual({ kwh: 1 })
      expect(await asOf(t, '2026-06-05T00:00:00Z')).toEqual({ kwh: 1 })
      expect(await asOf(t, '2026-06-06T00:00:00Z')).toEqual({ kwh: 2 })
      expect(await asOf(t, '2026-06-08T00:00:00Z')).toEqual({ kwh: 2 })
      expect(
        await t.value(
          `select features ->> 'kwh' from app_public.ml_features where is_latest and observed_at < '2026-06-02'`,
        ),
      ).toBe('100')
    }),
  )

  it(
    'holds for its validity period and not a moment longer',
    asMember(async (t) => {
      await defineSet(t, 'site', { kwh: 'number' })
      await recordOne(t, '2026-06-01T00:00:00Z', 1)
      expect(await asOf(t, '2026-06-01T23:59:59.999Z')).toEqual({ kwh: 1 })
      expect(await asOf(t, '2026-06-02T00:00:00Z')).toBeNull()
      expect(await asOf(t, '2026-06-01T12:00:00Z', 'nowhere')).toBeNull()
    }),
  )

  it(
    'is for any history what a model that reads all rows one by one says',
    asMember(async (t) => {
      await defineSet(t, 'site', { kwh: 'number' })
      const day = (n: number): string => new Date(Date.UTC(2026, 0, 1 + n)).toISOString()
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ about: fc.integer({ min: 0, max: 20 }), late: fc.integer({ min: 0, max: 10 }) }), {
            maxLength: 15,
          }),
          fc.integer({ min: 0, max: 32 }),
          async (events, at) => {
            await t.query('savepoint s')
            const rows = events
              .map(({ about, late }, kwh) => ({ about, known: about + late, kwh }))
              .sort((a, b) => a.known - b.known)
            for (const { about, known, kwh } of rows) {
              await setClock(t, day(known))
              await t.query(
                `select app_public.record_ml_features('site', array[('north', $1, $2, '5 days', null)::app_public.new_ml_features])`,
                [day(about), { kwh }],
              )
            }
            const [expected] = rows
              .map((row, i) => ({ ...row, i }))
              .filter((row) => row.known <= at && row.about <= at)
              .sort((a, b) => b.about - a.about || b.known - a.known || b.i - a.i)
            expect(await asOf(t, day(at))).toEqual(expected && expected.about + 5 > at ? { kwh: expected.kwh } : null)
            await t.query('rollback to savepoint s')
          },
        ),
        { numRuns: 60, seed: 2 },
      )
    }),
  )
})

describe('a row', () => {
  it(
    'that does not fit the definitions refuses the whole batch, and says which it is',
    asMember(async (t) => {
      await defineSet(t, 'site', { kwh: 'number', open: 'boolean', note: 'text' })
      const good = { entity: 'a', at: '2026-05-01T00:00:00Z', features: { kwh: 1, open: true, note: 'x' } }
      const next = random(6)
      const bad: object[] = [
        { ...good, features: { kwh: 'x' } },
        { ...good, features: { open: 1 } },
        { ...good, features: { note: 5 } },
        { ...good, features: { other: 1 } },
        { ...good, features: { kwh: 1e40 } },
        { ...good, features: [] },
        { ...good, features: null },
        { ...good, entity: '' },
        { ...good, entity: null },
        { ...good, entity: 'x'.repeat(256) },
        { ...good, at: 'infinity' },
        { ...good, at: '2026-07-01T00:00:00Z' },
        {
          ...good,
          features: {
            note: String.fromCharCode(...Array.from({ length: 20_000 }, () => 97 + Math.floor(next() * 26))),
          },
        },
      ]
      for (const row of bad) {
        await t.query('savepoint s')
        await expect(record(t, 'site', [good, row] as never), JSON.stringify(row).slice(0, 200)).rejects.toMatchObject({
          code: 'ML403',
          message: expect.stringMatching(/^Row 2: /),
        })
        await t.query('rollback to savepoint s')
      }
      expect(await t.value('select count(*)::int from app_public.ml_features')).toBe(0)
    }),
  )

  it(
    'of a batch without rows or with too many is refused; missing and null features are the same',
    asMember(async (t) => {
      await defineSet(t, 'site', { kwh: 'number', gas: 'number' })
      expect(await t.errorCode(`select app_public.record_ml_features('site', '{}')`)).toBe('ML402')
      expect(
        await t.errorCode(
          `select app_public.record_ml_features('site', array_fill(('a', null, '{}', null, null)::app_public.new_ml_features, array[10001]))`,
        ),
      ).toBe('ML402')
      await record(t, 'site', [{ entity: 'a', at: '2026-05-01T00:00:00Z', features: { kwh: null } }])
      expect(await t.value('select numbers from app_public.ml_features')).toEqual([null, null])
    }),
  )

  it(
    'is written by functions alone, and features that models refer to never change',
    asMember(async (t) => {
      await defineSet(t, 'site', { kwh: 'number' })
      expect(await t.errorCode(`update app_public.ml_feature_sets set name = 'other'`)).toBe('42501')
      expect(await t.errorCode(`update app_public.ml_feature_sets set definitions = definitions`)).toBe('42501')
      expect(await t.errorCode(`delete from app_public.ml_features`)).toBe('42501')
      for (const definition of [
        `('Kwh', 'number', true)`,
        `('kwh', null, true)`,
        `(null, 'number', true)`,
        `('observed_at', 'number', true)`,
      ])
        expect([
          definition,
          await t.errorCode(
            `insert into app_public.ml_feature_sets (name, definitions) values ('x', array[${definition}::app_public.ml_feature_definition])`,
          ),
        ]).toEqual([definition, 'ML401'])
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`insert into app_public.ml_feature_sets (name, definitions) values ('x', '{}')`)).toBe(
        '42501',
      )
    }),
  )

  it(
    'of an entity that is to be forgotten goes with all its others',
    asMember(async (t) => {
      await defineSet(t, 'site', { kwh: 'number' })
      await record(
        t,
        'site',
        ['a', 'b'].map((entity) => ({ entity, at: '2026-05-01T00:00:00Z', features: { kwh: 1 } })),
      )
      expect(await t.value(`select app_public.delete_ml_features('site', 'a')`)).toBe(1)
      expect(await t.query('select entity_id from app_public.ml_features')).toEqual([{ entity_id: 'b' }])
    }),
  )
})

it('of many who correct the same row at once one is the latest', async (context) => {
  needsServer(context)
  await db.pool.query(
    `insert into app_public.ml_feature_sets (tenant_id, name, definitions) values ($1, 'race', array[('kwh', 'number', true)::app_public.ml_feature_definition])`,
    [db.acme.id],
  )
  const clients = await sessions(12, db.acme.member)
  const outcomes = await outcomesOf(
    clients.map((client, i) =>
      client.query(
        `select app_public.record_ml_features('race', array[('a', '2026-01-01', $1, null, null), ('b', '2026-01-01', $1, null, null)]::app_public.new_ml_features[])`,
        [{ kwh: i }],
      ),
    ),
  )
  expect(outcomes).toEqual({ done: 12 })
  const { rows } = await db.pool.query(
    `select entity_id, count(*) filter (where is_latest)::int as latest, count(*)::int > 1 as has_history from app_public.ml_features where feature_set = 'race' group by 1 order by 1`,
  )
  expect(rows).toEqual([
    { entity_id: 'a', latest: 1, has_history: true },
    { entity_id: 'b', latest: 1, has_history: true },
  ])
})

// The registry: which model answers. One has an alias, however many promote at once; the history says who did what.

import { describe, expect, it } from 'vitest'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { outcomesOf, type Session, useSessions } from '../helpers/sessions.ts'
import { defineSet, hoursFrom, type Model, predict, random, record, train } from './helpers.ts'

const db = useDatabase()
const { session, sessions } = useSessions(db)
const asOwner = (work: (t: Transaction) => Promise<void>) => () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    await work(t)
  })

async function data(t: Transaction, rows = 100): Promise<void> {
  const next = random(1)
  await defineSet(t, 'site', { y: 'number', a: 'number', b: 'number' })
  await record(
    t,
    'site',
    Array.from({ length: rows }, (_, i) => {
      const [a, b] = [next(), next()]
      return {
        entity: `e${i}`,
        at: hoursFrom('2026-01-01T00:00:00Z', 0),
        features: { y: a + 2 * b + 0.1 * next(), a, b },
      }
    }),
  )
}
const good = (t: Transaction, name = 'm'): Promise<Model> =>
  train(t, db.acme.owner, name, 'ridge', 'site', { target: 'y' })
/** It may only look at what has little influence. */
const bad = (t: Transaction): Promise<Model> =>
  train(t, db.acme.owner, 'm', 'ridge', 'site', { target: 'y', features: ['a'], lambda: 1000 })

type Promotion = Record<string, unknown> & { id: string; status: string; replaced_model_id: string | null }
const promote = async (t: Transaction, model: Model, alias = 'champion'): Promise<Promotion> =>
  (await t.query<Promotion>('select * from app_public.promote_ml_model($1, $2)', [model.id, alias]))[0] as Promotion
const codeOfPromoting = (t: Transaction, model: Model): Promise<string | undefined> =>
  t.errorCode('select app_public.promote_ml_model($1)', [model.id])
const championOf = (t: Transaction, name = 'm'): Promise<string> =>
  t.value(`select version from app_public.ml_models where model_name = $1 and alias = 'champion'`, [name])
const rule = (t: Transaction, values: string): Promise<unknown> =>
  t.query(
    `insert into app_public.ml_promotion_rules (model_name, metric_type, min_improvement, needs_approval) values ('m', ${values})`,
  )

describe('a model', () => {
  it(
    'is the next version of its name, with where it comes from',
    asOwner(async (t) => {
      await data(t)
      const [one, two, other] = [await good(t), await good(t), await good(t, 'other')]
      expect([one.version, two.version, other.version]).toEqual(['1', '2', '1'])
      expect(one).toMatchObject({
        status: 'validating',
        framework: 'sql',
        feature_set: 'site',
        model_type: 'emissions_prediction',
        created_by: db.acme.owner.userId,
        architecture: { trainer: 'ridge', target: 'y' },
      })
      expect(one.data_hash).toHaveLength(32)
      expect(one.feature_set_hash).toHaveLength(32)
      const checksums = await t.query(
        'select distinct app_public.ml_models_artefact_checksum(m) as c from app_public.ml_models m',
      )
      expect(checksums).toEqual([{ c: expect.stringMatching(/^[0-9a-f]{64}$/) }])
    }),
  )

  it(
    'that answers is promoted, replaced, rolled back and deprecated, and each move is in its history',
    asOwner(async (t) => {
      await data(t)
      const [one, two, three] = [await good(t), await good(t), await good(t)] as [Model, Model, Model]
      expect(await promote(t, one)).toMatchObject({ status: 'done', replaced_model_id: null })
      expect(await promote(t, two)).toMatchObject({ status: 'done', replaced_model_id: one.id })
      await promote(t, three, 'challenger')
      await promote(t, three)
      expect(await championOf(t)).toBe('3')
      // what was the challenger is the champion, and nobody is the challenger
      expect(await t.value(`select count(*)::int from app_public.ml_models where alias = 'challenger'`)).toBe(0)
      const back = async (): Promise<string | undefined> => {
        const code = await t.errorCode(`select app_public.roll_back_ml_model('m')`)
        return code ?? championOf(t)
      }
      expect([await back(), await back(), await back()]).toEqual(['2', '1', 'ML302'])
      const status = (model: Model) => t.value('select status from app_public.ml_models where id = $1', [model.id])
      expect([await status(one), await status(two), await status(three)]).toEqual([
        'active',
        'deprecated',
        'deprecated',
      ])
      await t.query('select app_public.deprecate_ml_model($1)', [one.id])
      expect(await championOf(t)).toBeUndefined()
      expect(await t.errorCode(`select app_public.predict_with_ml_model(model_name => 'm', input => '{}')`)).toBe(
        'ML301',
      )
      expect(
        await t.errorCode('select app_public.predict_with_ml_model(model_id => $1, input => $2)', [one.id, '{}']),
      ).toBe('ML502')
      expect(
        await t.query(
          'select ordinal::int as n, model_id, replaced_model_id as old from app_public.ml_promotions order by ordinal',
        ),
      ).toEqual([
        { n: 1, model_id: one.id, old: null },
        { n: 2, model_id: two.id, old: one.id },
        { n: 3, model_id: three.id, old: null },
        { n: 4, model_id: three.id, old: two.id },
        { n: 5, model_id: two.id, old: three.id },
        { n: 6, model_id: one.id, old: two.id },
        { n: 7, model_id: null, old: one.id },
      ])
    }),
  )

  it(
    'that answers is not deleted; one that does not goes with its predictions',
    asOwner(async (t) => {
      await data(t)
      const model = await good(t)
      await promote(t, model)
      await predict(t, model.id, { a: 1 })
      expect(await t.errorCode('select app_public.delete_ml_model($1)', [model.id])).toBe('ML503')
      await t.query('select app_public.deprecate_ml_model($1)', [model.id])
      await t.query('select app_public.delete_ml_model($1)', [model.id])
      expect(await t.value('select count(*)::int from app_public.ml_predictions')).toBe(0)
    }),
  )
})

describe('a rule of promotion', () => {
  it(
    'lets in what is better than the champion on the same rows, and nothing else',
    asOwner(async (t) => {
      await data(t)
      await rule(t, `'rmse', 0.1, false`)
      const first = await bad(t)
      await promote(t, first)
      const better = await good(t)
      await promote(t, better)
      const worse = await bad(t)
      expect(await codeOfPromoting(t, worse)).toBe('ML505')
      // an equal one is not better
      expect(await codeOfPromoting(t, await good(t))).toBe('ML505')
      expect(await championOf(t)).toBe('2')
    }),
  )

  it(
    'compares nothing that was measured on other rows',
    asOwner(async (t) => {
      await data(t)
      await rule(t, `'rmse', 0, false`)
      await promote(t, await bad(t))
      const other = await train(t, db.acme.owner, 'm', 'seasonal_zscore', 'site', { target: 'y' })
      expect(await codeOfPromoting(t, other)).toBe('ML504')
    }),
  )

  it(
    'that needs an approval waits for people: approved it is carried out, rejected it is refused',
    asOwner(async (t) => {
      await data(t)
      await rule(t, 'null, 0, true')
      const [one, two] = [await good(t), await good(t)]
      const asked = await promote(t, one)
      expect(asked).toMatchObject({ status: 'pending' })
      expect(await championOf(t)).toBeUndefined()
      expect(await codeOfPromoting(t, two)).toBe('ML506')
      await t.become(db.acme.admin)
      await t.query(`select app_public.decide_approval($1, 'approved')`, [asked.approval_id])
      expect(await championOf(t)).toBe('1')
      await t.become(db.acme.owner)
      const again = await promote(t, two)
      await t.become(db.acme.admin)
      await t.query(`select app_public.decide_approval($1, 'rejected', 'Not now.')`, [again.approval_id])
      expect(await championOf(t)).toBe('1')
      expect(await t.value('select status from app_public.ml_promotions where id = $1', [again.id])).toBe('refused')
    }),
  )
})

describe('who may', () => {
  it(
    'members train and ask; only those who may publish promote, roll back and delete',
    asOwner(async (t) => {
      await data(t)
      const model = await good(t)
      await t.become(db.acme.member)
      for (const call of ['promote_ml_model($1)', 'deprecate_ml_model($1)', 'delete_ml_model($1)'])
        expect([call, await t.errorCode(`select app_public.${call}`, [model.id])]).toEqual([call, 'ID203'])
      expect(await t.errorCode(`select app_public.roll_back_ml_model('m')`)).toBe('ID203')
      expect((await predict(t, model.id, { a: 1, b: 1 })).prediction.value).toBeTypeOf('number')
      await t.become(db.acme.viewer)
      expect(
        await t.errorCode('select app_public.predict_with_ml_model(model_id => $1, input => $2)', [model.id, '{}']),
      ).toBe('ID203')
      expect(await t.value('select count(*)::int from app_public.ml_models')).toBe(1)
    }),
  )

  it(
    'another tenant can neither call nor name a model: the error is that of none',
    asOwner(async (t) => {
      await data(t)
      const model = await good(t)
      await promote(t, model)
      await t.become(db.globex.owner)
      const none = '00000000-0000-4000-8000-000000000000'
      for (const call of [
        'predict_with_ml_model(model_id => $1, input => null)',
        'predict_ml_features($1)',
        'promote_ml_model($1)',
        'deprecate_ml_model($1)',
        'delete_ml_model($1)',
      ]) {
        const messageFor = async (id: string): Promise<string> => {
          await t.query('savepoint s')
          const message = await t.query(`select app_public.${call}`, [id]).then(
            () => 'none',
            (error) => `${error.code} ${error.message}`,
          )
          await t.query('rollback to savepoint s')
          return message
        }
        expect([call, await messageFor(model.id)]).toEqual([call, await messageFor(none)])
        expect(await messageFor(model.id)).toMatch(/^ML301 /)
      }
      expect(await t.errorCode(`select app_public.predict_with_ml_model(model_name => 'm', input => '{}')`)).toBe(
        'ML301',
      )
      expect(await t.errorCode(`select app_public.features_as_of('site', 'e1')`)).toBe('ML303')
      // a made row says nothing of another tenant's model
      expect(
        await t.value(
          `select app_public.ml_models_artefact_checksum(jsonb_populate_record(null::app_public.ml_models, $1))`,
          [JSON.stringify({ id: model.id, tenant_id: db.acme.id })],
        ),
      ).toBeNull()
    }),
  )
})

/** Models that are there for everyone, without a training. */
async function committedModels(name: string, count: number): Promise<string[]> {
  const { rows } = await db.pool.query<{ id: string }>(
    `insert into app_public.ml_models (tenant_id, model_type, model_name, version, status, architecture, code_version, created_at)
     select $1, 'emissions_prediction', $2, n::text, 'validating', '{}', '1', now() from generate_series(1, $3) n returning id`,
    [db.acme.id, name, count],
  )
  return rows.map(({ id }) => id)
}

describe('many at once', () => {
  it('twenty who promote leave one champion, and a history without a gap in which each replaced the one before', async (context) => {
    needsServer(context)
    const models = await committedModels('crowd', 20)
    const clients = await sessions(20, db.acme.owner)
    const outcomes = await outcomesOf(
      models.map((id, i) => (clients[i] as Session).query('select app_public.promote_ml_model($1)', [id])),
    )
    expect(outcomes).toEqual({ done: 20 })
    const { rows: champions } = await db.pool.query(
      `select id from app_public.ml_models where model_name = 'crowd' and status = 'active'`,
    )
    expect(champions).toHaveLength(1)
    const { rows: history } = await db.pool.query(
      `select ordinal::int as ordinal, model_id, replaced_model_id from app_public.ml_promotions where model_name = 'crowd' order by ordinal`,
    )
    expect(history.map(({ ordinal }) => ordinal)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(history.map(({ replaced_model_id }) => replaced_model_id)).toEqual([
      null,
      ...history.slice(0, -1).map(({ model_id }) => model_id),
    ])
    expect(champions[0].id).toBe(history.at(-1)?.model_id)
  })

  it('promoting, rolling back and deprecating at once leave one champion or none', async (context) => {
    needsServer(context)
    const models = await committedModels('storm', 12)
    const clients = await sessions(12, db.acme.owner)
    const reader = await session(db.acme.member)
    let most = 0
    const work = Promise.all(
      models.map(async (id, i) => {
        const client = clients[i] as Session
        for (const call of [
          `promote_ml_model('${id}')`,
          `promote_ml_model('${id}', 'challenger')`,
          `roll_back_ml_model('storm')`,
          `deprecate_ml_model('${id}')`,
        ])
          await client.query(`select app_public.${call}`).catch((error) => {
            if (!/^ML[35]/.test(error.code)) throw error
          })
      }),
    )
    let isOver = false
    void work.then(
      () => {
        isOver = true
      },
      () => {},
    )
    while (!isOver) {
      const { rows } = await reader.query(
        `select coalesce(max(n), 0)::int as n from (select count(*) as n from app_public.ml_models where model_name = 'storm' and alias is not null group by alias) a`,
      )
      most = Math.max(most, rows[0].n)
    }
    await work
    expect(most).toBeLessThanOrEqual(1)
  })

  it('the index keeps two models from one alias, whoever writes', async () => {
    const models = await committedModels('forced', 2)
    const set = (id: string | undefined) =>
      db.pool.query(`update app_public.ml_models set alias = 'champion', status = 'active' where id = $1`, [id])
    await set(models[0])
    await expect(set(models[1])).rejects.toMatchObject({ code: '23505' })
  })
})

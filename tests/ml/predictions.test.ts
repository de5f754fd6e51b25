// Predictions: what models answer, what was true in the end, and what the worker measures of both.

import { describe, expect, it } from 'vitest'
import { setClock, setClockLater } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { newAgent } from '../runtime/helpers.ts'
import { defineSet, hoursFrom, type Model, type Prediction, predict, random, record, train } from './helpers.ts'

const db = useDatabase()
const asOwner = (work: (t: Transaction) => Promise<void>) => () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    await work(t)
  })

async function linearModel(t: Transaction, rows = 400): Promise<Model> {
  const next = random(2)
  await defineSet(t, 'site', { y: 'number', a: 'number', b: 'number' })
  await record(
    t,
    'site',
    Array.from({ length: rows }, (_, i) => {
      const [a, b] = [10 * next(), next()]
      return {
        entity: `e${i}`,
        at: hoursFrom('2026-01-01T00:00:00Z', i),
        features: { y: 2 * a + b + 0.1 * next(), a, b },
      }
    }),
  )
  const model = await train(t, db.acme.owner, 'm', 'ridge', 'site', { target: 'y', lambda: 0 })
  await t.query('select app_public.promote_ml_model($1)', [model.id])
  return model
}

async function measure(t: Transaction): Promise<number> {
  await t.becomeRole('rowhouse_worker')
  const count = await t.value<number>('select ml.measure_models_of($1)', [db.acme.id])
  await t.become(db.acme.owner)
  return count
}
const measured = async (t: Transaction, type: string): Promise<number | undefined> => {
  const value = await t.value<string | undefined>(
    'select metric_value from app_public.ml_model_performance where metric_type = $1 order by evaluated_at desc limit 1',
    [type],
  )
  return value === undefined ? undefined : Number(value)
}

describe('asking', () => {
  it(
    'by a name gives the answer of the champion, kept with who asked',
    asOwner(async (t) => {
      const model = await linearModel(t)
      const [answer] = await t.query<Prediction>(
        `select * from app_public.predict_with_ml_model(model_name => 'm', input => '{"a": 5, "b": 1}')`,
      )
      expect(answer).toMatchObject({
        model_id: model.id,
        prediction_type: 'number',
        user_id: db.acme.owner.userId,
        agent_id: null,
      })
      expect(answer?.prediction.value).toBeCloseTo(11.05, 1)
      expect(Number(answer?.confidence)).toBeGreaterThan(0.7)
    }),
  )

  it(
    'about an entity reads its features as of now',
    asOwner(async (t) => {
      const model = await linearModel(t)
      await t.query(
        `select app_public.record_ml_features('site', array[('now', null, '{"a": 3, "b": 0}', '1 day', null)::app_public.new_ml_features])`,
      )
      const [answer] = await t.query<Prediction>(
        `select * from app_public.predict_with_ml_model(model_id => $1, entity_id => 'now')`,
        [model.id],
      )
      expect(answer).toMatchObject({ entity_id: 'now', input_data: { a: 3, b: 0 } })
      expect(answer?.prediction.value).toBeCloseTo(6.05, 1)
    }),
  )

  it(
    'with what the model does not read is refused',
    asOwner(async (t) => {
      const model = await linearModel(t)
      for (const input of ['[]', '"x"', '{"a": "x"}', '{"zzz": 1}', '{"a": 1e40}'])
        expect([
          input,
          await t.errorCode('select app_public.predict_with_ml_model(model_id => $1, input => $2)', [model.id, input]),
        ]).toEqual([input, 'ML407'])
      const series = await train(t, db.acme.owner, 'series', 'holt_winters', 'site', { target: 'y' })
      for (const input of ['{"ahead": 0}', '{"ahead": 401}', '{"ahead": 1.5}', '{"a": 1}'])
        expect([
          input,
          await t.errorCode('select app_public.predict_with_ml_model(model_id => $1, input => $2)', [series.id, input]),
        ]).toEqual([input, 'ML407'])
      const unusual = await train(t, db.acme.owner, 'unusual', 'seasonal_zscore', 'site', { target: 'y' })
      for (const input of [
        '{}',
        '{"y": "1"}',
        '{"y": 1, "at": "tomorrow"}',
        '{"y": 1, "at": "2026-13-01T00:00:00Z"}',
        '{"y": 1, "at": 5}',
      ])
        expect([
          input,
          await t.errorCode('select app_public.predict_with_ml_model(model_id => $1, input => $2)', [
            unusual.id,
            input,
          ]),
        ]).toEqual([input, 'ML407'])
    }),
  )

  it(
    'about all rows of a set gives each the answer that it gets alone',
    asOwner(async (t) => {
      const model = await linearModel(t)
      expect(await t.value('select app_public.predict_ml_features($1, most => 20)', [model.id])).toBe(20)
      const rows = await t.query<Prediction & { input_data: object }>(
        'select * from app_public.ml_predictions order by entity_id',
      )
      expect(rows).toHaveLength(20)
      for (const row of rows) {
        const alone = await predict(t, model.id, row.input_data)
        expect(row.prediction).toEqual(alone.prediction)
        expect(row.confidence).toEqual(alone.confidence)
      }
      expect(await t.errorCode('select app_public.predict_ml_features($1, most => 100001)', [model.id])).toBe('ML402')
    }),
  )
})

describe('what was true', () => {
  it(
    'comes later, is corrected, and becomes the error of the model',
    asOwner(async (t) => {
      const model = await linearModel(t)
      const answers = [await predict(t, model.id, { a: 1 }), await predict(t, model.id, { a: 2 })]
      const tell = (off: number[]) =>
        t.value(
          `select app_public.record_ml_actuals(array(select (p.id, to_jsonb(p.predicted_number + o.off), 'hm')::app_public.new_ml_actual
             from unnest($1::uuid[], $2::float8[]) o (id, off) join app_public.ml_predictions p on p.id = o.id))`,
          [answers.map(({ id }) => id), off],
        )
      expect(await tell([1000, 1000])).toBe(2)
      expect(await tell([3, -1])).toBe(2)
      expect(await measure(t)).toBe(1)
      expect(await measured(t, 'live_mae')).toBeCloseTo(2, 9)
      expect(await measured(t, 'live_rmse')).toBeCloseTo(Math.sqrt(5), 9)
      expect(await measured(t, 'live_bias')).toBeCloseTo(-1, 9)
      expect(await measured(t, 'live_coverage')).toBe(0)
      // once an hour
      expect(await measure(t)).toBe(0)
      await setClockLater(t, '61 minutes')
      expect(await measure(t)).toBe(1)
    }),
  )

  it(
    'of a prediction of another tenant, or of none, refuses all, and says which',
    asOwner(async (t) => {
      const model = await linearModel(t)
      const { id } = await predict(t, model.id, { a: 1 })
      await t.become(db.globex.owner)
      expect(
        await t.errorCode(`select app_public.record_ml_actuals(array[($1, '1', null)::app_public.new_ml_actual])`, [
          id,
        ]),
      ).toBe('ML305')
      await t.become(db.acme.owner)
      expect(
        await t.errorCode(
          `select app_public.record_ml_actuals(array[($1, '1', null), (null, '2', null)]::app_public.new_ml_actual[])`,
          [id],
        ),
      ).toBe('ML305')
      expect(await t.value('select actual_value from app_public.ml_predictions where id = $1', [id])).toBeNull()
      expect(await t.errorCode(`select app_public.record_ml_actuals('{}')`)).toBe('ML402')
      // feedback alone is no actual value
      await t.query(`select app_public.record_ml_actuals(array[($1, null, 'Good.')::app_public.new_ml_actual])`, [id])
      expect(
        (await t.query('select actual_at, feedback from app_public.ml_predictions where id = $1', [id]))[0],
      ).toEqual({ actual_at: null, feedback: 'Good.' })
    }),
  )

  it(
    'of anomalies gives precision and recall',
    asOwner(async (t) => {
      await linearModel(t)
      const model = await train(t, db.acme.owner, 'unusual', 'seasonal_zscore', 'site', { target: 'y' })
      await t.query('select app_public.promote_ml_model($1)', [model.id])
      const truth: [number, boolean][] = [
        [1000, true],
        [1000, true],
        [1000, false],
        [10, true],
        [10, false],
      ]
      for (const [y, isTrue] of truth) {
        const { id } = await predict(t, model.id, { y })
        await t.query('select app_public.record_ml_actuals(array[($1, $2, null)::app_public.new_ml_actual])', [
          id,
          JSON.stringify(isTrue),
        ])
      }
      await measure(t)
      expect(await measured(t, 'live_precision')).toBeCloseTo(2 / 3, 9)
      expect(await measured(t, 'live_recall')).toBeCloseTo(2 / 3, 9)
      expect(await measured(t, 'live_mae')).toBeUndefined()
    }),
  )
})

describe('drift', () => {
  const ask = async (t: Transaction, model: Model, input: (next: () => number) => object): Promise<void> => {
    const next = random(77)
    for (let i = 0; i < 300; i++) await predict(t, model.id, input(next))
  }

  it(
    'is small for inputs like those of training, large for others, and named by its feature',
    asOwner(async (t) => {
      const model = await linearModel(t, 3000)
      await ask(t, model, (next) => ({ a: 10 * next(), b: next() }))
      await measure(t)
      expect(await measured(t, 'psi')).toBeLessThan(0.2)
      await setClockLater(t, '8 days')
      await ask(t, model, (next) => ({ a: 10 * next(), b: 1 + next() }))
      await measure(t)
      expect(await measured(t, 'psi')).toBeGreaterThan(1)
      const psi = await t.value<Record<string, number>>(
        `select evaluation_data -> 'psi' from app_public.ml_model_performance where metric_type = 'psi' order by evaluated_at desc limit 1`,
      )
      expect(psi.b).toBeGreaterThan(1)
      expect(psi.a).toBeLessThan(0.2)
    }),
  )

  it(
    'sees that an input has gone missing, and says nothing of fewer than fifty predictions',
    asOwner(async (t) => {
      const model = await linearModel(t)
      await predict(t, model.id, { a: 1 })
      await measure(t)
      expect(await measured(t, 'psi')).toBeUndefined()
      await setClockLater(t, '2 hours')
      await ask(t, model, (next) => ({ a: 10 * next() }))
      await measure(t)
      expect(await measured(t, 'psi')).toBeGreaterThan(1)
    }),
  )

  it(
    'is a metric that an alert can look at, and so is the age of features',
    asOwner(async (t) => {
      await setClock(t, '2026-06-01T00:00:00Z')
      await linearModel(t)
      await setClock(t, '2026-06-01T02:00:00Z')
      await t.becomeRole('rowhouse_owner', db.acme.id)
      const value = async (metric: string): Promise<unknown> =>
        t.value(
          `select value::int from app_public.alert_metrics m, observability.measure(m, 'greatest', '{}', '2026-05-01', '2026-07-01') v where m.name = $1`,
          [metric],
        )
      expect(await value('ml_feature_age_seconds')).toBe(7200)
      expect(await value('ml_drift')).toBeNull()
    }),
  )

  it(
    'by its index is 0 for the same shares and grows with their difference, as worked out by hand',
    asOwner(async (t) => {
      await t.becomeSuperuser()
      const psi = (a: number[], b: number[]) => t.value<number>('select ml.psi($1, $2)', [a, b])
      expect(await psi([0.5, 0.5], [0.5, 0.5])).toBe(0)
      expect(await psi([0.5, 0.5], [0.25, 0.75])).toBeCloseTo(0.25 * Math.log(2) + 0.25 * Math.log(1.5), 12)
      expect(await psi([1, 0], [0, 1])).toBeCloseTo(2 * 0.9999 * Math.log(10_000), 9)
      expect(
        await t.value('select ml.shares_in($1, $2)', [
          [1, 2],
          [0, 1, 1.5, 2, 3, null, 9, 9],
        ]),
      ).toEqual([0.125, 0.25, 0.5, 0.125])
      expect(await t.value(`select ml.shares_in('{}', '{}')`)).toEqual([0, 0])
    }),
  )
})

describe('an agent', () => {
  type Request = Record<string, unknown> & { id: string; task_id: string; status: string }
  const request = async (t: Transaction, agent: string, model: Model, input: object): Promise<Request> =>
    (
      await t.query<Request>('select * from app_public.request_ml_prediction($1, $2, $3)', [
        agent,
        model.id,
        JSON.stringify(input),
      ])
    )[0] as Request
  const requestOf = async (t: Transaction, id: string): Promise<Request> =>
    (await t.query<Request>('select * from app_public.agent_ml_requests where id = $1', [id]))[0] as Request
  const taskOf = async (t: Transaction, id: string): Promise<Record<string, unknown>> =>
    (
      await t.query('select status, output, assigned_agent_id, status_reason from app_public.tasks where id = $1', [id])
    )[0] as never

  it(
    'asks a model by a task that is completed with the answer, and never waits in its line',
    asOwner(async (t) => {
      const model = await linearModel(t)
      const agent = await newAgent(t)
      const answered = await request(t, agent, model, { a: 5, b: 1 })
      expect(answered).toMatchObject({
        status: 'completed',
        request_type: 'number',
        prediction: { value: expect.any(Number) },
      })
      expect(await taskOf(t, answered.task_id)).toMatchObject({
        status: 'completed',
        assigned_agent_id: agent,
        output: answered.prediction,
      })
      expect(
        await t.value('select agent_id from app_public.ml_predictions where id = $1', [answered.prediction_id]),
      ).toBe(agent)
      expect(await t.value('select (app_public.claim_task($1)).task_id', [agent])).toBeNull()
    }),
  )

  it(
    'whose input is wrong gets a failed request with the reason',
    asOwner(async (t) => {
      const model = await linearModel(t)
      const failed = await request(t, await newAgent(t), model, { zzz: 1 })
      expect(failed).toMatchObject({
        status: 'failed',
        prediction: null,
        error_message: expect.stringContaining('zzz'),
      })
      expect(await taskOf(t, failed.task_id)).toMatchObject({ status: 'failed' })
      expect(await t.value('select count(*)::int from app_public.ml_predictions')).toBe(0)
    }),
  )

  it(
    'that needs an approval waits for it: approved it is answered, rejected it fails, cancelled it is cancelled',
    asOwner(async (t) => {
      const model = await linearModel(t)
      const agent = await newAgent(t)
      await t.query('update app_public.agents set approval_required = true where id = $1', [agent])
      const asked = [
        await request(t, agent, model, { a: 1 }),
        await request(t, agent, model, { a: 2 }),
        await request(t, agent, model, { a: 3 }),
      ]
      expect(asked.map(({ status }) => status)).toEqual(['awaiting_approval', 'awaiting_approval', 'awaiting_approval'])
      const decide = (one: Request | undefined, answer: string) =>
        t.query(
          'select app_public.decide_approval(a.id, $2, $3) from app_public.agent_approvals a where a.subject_id = $1',
          [one?.task_id, answer, 'Because.'],
        )
      await decide(asked[0], 'approved')
      await decide(asked[1], 'rejected')
      await t.query('select app_public.cancel_task($1)', [asked[2]?.task_id])
      const ended = await Promise.all(asked.map(({ id }) => requestOf(t, id)))
      expect(ended.map(({ status }) => status)).toEqual(['completed', 'failed', 'cancelled'])
      expect(ended[0]?.prediction).toMatchObject({ value: expect.any(Number) })
      expect(await taskOf(t, asked[0]?.task_id as string)).toMatchObject({ status: 'completed' })
    }),
  )

  it(
    'of another tenant, and a model of another tenant, are like none',
    asOwner(async (t) => {
      const model = await linearModel(t)
      const agent = await newAgent(t)
      await t.become(db.globex.owner)
      const own = await newAgent(t)
      expect(await t.errorCode('select app_public.request_ml_prediction($1, $2, $3)', [own, model.id, '{}'])).toBe(
        'ML301',
      )
      await t.become(db.acme.owner)
      expect(await t.errorCode('select app_public.request_ml_prediction($1, $2, $3)', [own, model.id, '{}'])).toBe(
        'RN302',
      )
      expect(agent).toBeTypeOf('string')
    }),
  )
})

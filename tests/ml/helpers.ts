// Feature sets, rows with known laws, and models that are trained as the worker trains them.

import type { Person, Queries, Transaction } from '../helpers/index.ts'

export type Row = { entity: string; at: string | Date; features: Record<string, unknown> }
export type Model = Record<string, unknown> & {
  id: string
  version: string
  status: string
  alias: string | null
  performance_metrics: Record<string, number>
}
export type Job = Record<string, unknown> & {
  id: string
  status: string
  attempt: number
  progress: number
  model_id: string
  metrics: Record<string, number>
}

/** The same numbers for the same seed, evenly from 0 to 1. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32
  }
}

export const normal = (next: () => number) => (): number =>
  Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())

export async function defineSet(t: Queries, name: string, definitions: Record<string, string>): Promise<void> {
  await t.query(
    `insert into app_public.ml_feature_sets (name, definitions)
     select $1, array_agg((d.key, d.value, false)::app_public.ml_feature_definition order by o)
       from (select e.key, e.value ->> 0 as value, e.value ->> 1 as o from jsonb_each($2) e) d`,
    [
      name,
      JSON.stringify(Object.fromEntries(Object.entries(definitions).map(([key, type], i) => [key, [type, i + 10]]))),
    ],
  )
}

export async function record(t: Queries, set: string, rows: Row[]): Promise<void> {
  for (let i = 0; i < rows.length; i += 5000) {
    await t.query(
      `select app_public.record_ml_features($1, array(
         select (r ->> 'entity', (r ->> 'at')::timestamptz, r -> 'features', null, null)::app_public.new_ml_features
           from jsonb_array_elements($2::jsonb) r))`,
      [set, JSON.stringify(rows.slice(i, i + 5000))],
    )
  }
}

export const start = (
  t: Queries,
  name: string,
  trainer: string,
  set: string,
  config: object,
  seed = 0,
): Promise<Job[]> =>
  t.query<Job>('select * from app_public.start_ml_training($1, $2, $3, $4, $5)', [
    name,
    trainer,
    set,
    JSON.stringify(config),
    seed,
  ])

/** Trains as the worker does, in the transaction at hand, and goes on as the person. */
export async function train(
  t: Transaction,
  person: Person,
  name: string,
  trainer: string,
  set: string,
  config: object,
  seed = 0,
): Promise<Model> {
  const [job] = (await start(t, name, trainer, set, config, seed)) as [Job]
  await t.becomeRole('rowhouse_worker')
  const attempt = await t.value('select ml.begin_training($1, $2)', [person.tenantId, job.id])
  while (await t.value('select ml.advance_training($1, $2, $3)', [person.tenantId, job.id, attempt]));
  await t.become(person)
  const [model] = await t.query<Model>('select * from app_public.ml_models where training_job_id = $1', [job.id])
  return model as Model
}

/** What the model consists of, which nobody else can read. */
export async function artefactOf(t: Transaction, person: Person, model: Model): Promise<Record<string, unknown>> {
  await t.becomeSuperuser()
  const artefact = await t.value<Record<string, unknown>>(
    `select convert_from(content, 'UTF8')::jsonb from ml.model_artefacts where model_id = $1`,
    [model.id],
  )
  await t.become(person)
  return artefact
}

export type Prediction = Record<string, unknown> & {
  id: string
  prediction: Record<string, unknown> & { value: number; lower: number; upper: number }
  confidence: string | null
}
export const predict = async (t: Queries, modelId: string, input: object): Promise<Prediction> =>
  (
    await t.query<Prediction>('select * from app_public.predict_with_ml_model(model_id => $1, input => $2)', [
      modelId,
      JSON.stringify(input),
    ])
  )[0] as Prediction

const hour = 3_600_000
export const hoursFrom = (from: string, i: number): string => new Date(Date.parse(from) + i * hour).toISOString()

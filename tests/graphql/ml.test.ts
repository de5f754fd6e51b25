// Models over GraphQL, as docs/ml.md tells: a set, its rows, a training, a champion, an answer, and what was true.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { runTask } from '../helpers/tasks.ts'

const db = useDatabase()
let server: TestServer
let worker: ReturnType<typeof createPool>
beforeAll(async () => {
  server = await startTestServer(db.url)
  worker = createPool(db.url, 'rowhouse_worker', 2)
})
afterAll(async () => {
  await worker.end()
  await server.close()
})

async function ask(query: string, variables: Record<string, unknown> = {}) {
  const answer = await server.ask('admin@acme.test', query, variables)
  expect(answer.errors).toBeUndefined()
  return answer.data
}

it('a model is trained on recorded features, promoted, asked, and told what was true', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/ml.md'), 'utf8')
  await ask(/```graphql\n([\s\S]*?)```/.exec(guide)?.[1] as string)
  const rows = Array.from({ length: 60 }, (_, i) => ({
    entityId: `site ${i}`,
    observedAt: '2026-01-01T00:00:00Z',
    features: { co2: 3 + 2 * i, degree_days: i, is_open: i % 2 === 0 },
  }))
  const recorded = await ask(
    `mutation ($rows: [NewMlFeatureInput]!) { recordMlFeatures(input: {featureSet: "site", rows: $rows}) { rowCount } }`,
    { rows },
  )
  expect(recorded.recordMlFeatures.rowCount).toBe(60)

  const { job } = (
    await ask(`mutation { startMlTraining(input: {modelName: "emissions", trainer: ridge, featureSet: "site",
      config: {target: "co2", lambda: 0}}) { job { id status modelType } } }`)
  ).startMlTraining
  expect(job).toMatchObject({ status: 'queued', modelType: 'emissions_prediction' })
  await runTask(worker, 'ml__train', { tenantId: db.acme.id, jobId: job.id })
  const { mlTrainingJob } = await ask(
    `query ($id: UUID!) { mlTrainingJob(id: $id) { status progress metrics model { id version status artefactChecksum } } }`,
    { id: job.id },
  )
  expect(mlTrainingJob).toMatchObject({
    status: 'completed',
    progress: 100,
    model: { version: '1', status: 'validating' },
  })

  const { promotion } = (
    await ask(
      `mutation ($id: UUID!) { promoteMlModel(input: {modelId: $id}) { promotion { status alias model { status } } } }`,
      {
        id: mlTrainingJob.model.id,
      },
    )
  ).promoteMlModel
  expect(promotion).toEqual({ status: 'done', alias: 'champion', model: { status: 'active' } })

  const { prediction } = (
    await ask(`mutation { predictWithMlModel(input: {modelName: "emissions", input: {degree_days: 100}}) {
      prediction { id prediction predictedNumber confidence model { modelName promotions { nodes { ordinal } } } } } }`)
  ).predictWithMlModel
  expect(prediction.predictedNumber).toBeCloseTo(203, 3)
  expect(prediction.model.promotions.nodes).toHaveLength(1)
  const told = await ask(
    `mutation ($id: UUID!) { recordMlActuals(input: {actuals: [{predictionId: $id, actualValue: 210}]}) { predictionCount } }`,
    { id: prediction.id },
  )
  expect(told.recordMlActuals.predictionCount).toBe(1)
  const { featuresAsOf } = await ask(
    `{ featuresAsOf(featureSet: "site", entityId: "site 7", at: "2026-01-01T01:00:00Z") }`,
  )
  // it was recorded today
  expect(featuresAsOf).toBeNull()
})

it('an error names what is wrong and what to do, and another tenant learns nothing', async () => {
  const refused = await server.ask(
    'admin@acme.test',
    `mutation { startMlTraining(input: {modelName: "emissions", trainer: ridge, featureSet: "nothing", config: {}}) { job { id } } }`,
  )
  expect(refused.errors?.[0]?.extensions).toMatchObject({
    code: 'ML303',
    hint: expect.stringContaining('mlFeatureSets'),
  })
  const other = await server.ask(
    'admin@globex.test',
    `{ mlModels { nodes { id } } mlFeatureSets { nodes { id } } mlPredictions { nodes { id } } mlMeasurements { nodes { id } } }`,
  )
  expect(other.data).toEqual({
    mlModels: { nodes: [] },
    mlFeatureSets: { nodes: [] },
    mlPredictions: { nodes: [] },
    mlMeasurements: { nodes: [] },
  })
})

// A worker that is killed with a step in its hands, as a process of its own: nothing is lost, no step that was completed is run
// again, and a call that is made again has the same idempotency key.

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { says } from '../helpers/model-server.ts'
import { type Running, start } from '../helpers/processes.ts'
import {
  createAgent,
  createModel,
  createTool,
  type House,
  json,
  listHost,
  openHouse,
  startRun,
} from './steps-helpers.ts'

const db = useDatabase()
let house: House
let worker: Running | undefined
let agent: string
let tools: string[]

beforeAll(async () => {
  house = await openHouse(db)
  const address = house.tools.at('tool').replace('tool.test', '127.0.0.1')
  await listHost(house, db.acme.owner, '127.0.0.1')
  agent = await createAgent(house, db.acme.owner, { model_id: await createModel(db, house.models.url) })
  const tool = (path: string) => createTool(house, db.acme.owner, { endpoint_url: address + path })
  tools = [await tool('/first'), await tool('/last')]
})
afterAll(() => house?.close())
beforeEach((context) => needsServer(context, 'workers are processes of their own'))
afterEach(() => killWorker())

async function startWorker(): Promise<void> {
  worker = start('server.ts', ['--worker'], {
    ...{ DATABASE_URL: db.url, LOG_LEVEL: 'error', OUTGOING_ALLOW: '127.0.0.1', WORKER_POLL_INTERVAL_MS: '50' },
  })
  await worker.says('The worker is running.')
}

async function killWorker(): Promise<void> {
  worker?.kill('SIGKILL')
  await worker?.ended
  // what it had begun in the database ends with it
  await db.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and query like '%workflow_step%'`,
  )
}

/** One that resolves when it was called. */
function signal(): { called: Promise<void>; call: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { called: promise, call: resolve }
}

const points = ['the first tool', 'the model', 'the last tool', 'writing what the last tool answered'] as const

it.each(points)('killed at %s, all is done once in the end', async (point) => {
  const nodes = [
    { type: 'tool', tool_id: tools[0] },
    { type: 'agent', agent_id: agent },
    { type: 'tool', tool_id: tools[1] },
  ]
  const reached = signal()
  let isHanging = true
  house.tools.received.length = 0
  house.models.calls.length = 0
  house.tools.answer((response, { path }) => {
    const isHere = isHanging && point === (path === '/first' ? 'the first tool' : 'the last tool')
    if (isHere) reached.call()
    else json({ path })(response)
  })
  house.models.otherwise((response, call) => {
    if (isHanging && point === 'the model') reached.call()
    else says('fine')(response, call)
  })
  const runId = await startRun(house, db.acme.owner, nodes)
  const holder = await db.pool.connect()
  if (point === points[3]) {
    house.tools.answer((response, { path }) => {
      if (path === '/first' || !isHanging) return json({ path })(response)
      // the worker has its answer, and waits for the run to write it
      void holder
        .query('begin')
        .then(() => holder.query('select from app_public.workflow_runs where id = $1 for update', [runId]))
        .then(() => json({ path })(response))
        .then(() => waitForBlocked(runId))
        .then(reached.call)
    })
  }

  await startWorker()
  await reached.called
  await killWorker()
  await holder.query('rollback')
  holder.release()
  isHanging = false
  await db.pool.query(
    `update app_public.workflow_step_runs set leased_until = now() - interval '1 second' where run_id = $1 and status = 'running'`,
    [runId],
  )
  await db.pool.query('select runtime.wake_workflow_run()')
  await startWorker()
  await ended(runId)

  expect((await house.steps(runId)).map(({ status }) => status)).toEqual(['completed', 'completed', 'completed'])
  const keys = (path: string) =>
    house.tools.received.filter((call) => call.path === path).map(({ headers }) => headers['idempotency-key'])
  const asked = house.models.calls.map(({ headers }) => headers['idempotency-key'])
  const expected = {
    first: point === points[0] ? 2 : 1,
    model: point === points[1] ? 2 : 1,
    last: points.indexOf(point) >= 2 ? 2 : 1,
  }
  expect({ first: keys('/first').length, model: asked.length, last: keys('/last').length }).toEqual(expected)
  for (const some of [keys('/first'), asked, keys('/last')]) expect(new Set(some).size).toBe(1)
})

/** Resolves when someone waits for the lock of the run. */
async function waitForBlocked(runId: string): Promise<void> {
  for (;;) {
    const { rows } = await db.pool.query(
      `select from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`,
    )
    if (rows.length > 0) return
    await db.pool.query('select $1::uuid', [runId])
  }
}

async function ended(runId: string): Promise<void> {
  for (;;) {
    const { rows } = await db.pool.query('select status from app_public.workflow_runs where id = $1', [runId])
    if (rows[0]?.status !== 'active') return
  }
}

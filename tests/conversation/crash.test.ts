// A worker that is killed in the middle of an answer, as a process of its own: another one makes the answer again from its beginning,
// under the same idempotency key, and nothing of it is there twice.

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { needsServer, type Queries, useDatabase } from '../helpers/index.ts'
import { says } from '../helpers/model-server.ts'
import { type Running, start } from '../helpers/processes.ts'
import { createAgent, createModel, type House, openHouse } from '../runtime/steps-helpers.ts'
import { as, messageOf, send, startConversation, stream, until } from './helpers.ts'

const db = useDatabase()
let house: House
let owner: Queries
let worker: Running | undefined

beforeAll(async () => {
  house = await openHouse(db)
  owner = as(db, db.acme.owner)
})
afterAll(() => house?.close())
beforeEach((context) => needsServer(context, 'workers are processes of their own'))
afterEach(() => killWorker())

async function startWorker(): Promise<void> {
  worker = start('server.ts', ['--worker'], {
    ...{ DATABASE_URL: db.url, LOG_LEVEL: 'error', WORKER_POLL_INTERVAL_MS: '50' },
  })
  await worker.says('The worker is running.')
}

async function killWorker(): Promise<void> {
  worker?.kill('SIGKILL')
  await worker?.ended
}

it('killed while the model speaks, the answer is there once in the end, charged as the model was called', async () => {
  const agent = await createAgent(house, db.acme.owner, { model_id: await createModel(db, house.models.url) })
  const id = await startConversation(owner, agent)
  const { pieces, say, begun } = stream()
  house.models.script.push(pieces, says('I think, therefore I am.'))
  const { answer_id } = await send(owner, id, ['Who are you?'])
  await startWorker()
  await begun
  say('I think, ')
  await until(owner, answer_id, ({ parts }) => parts.length > 0)
  await killWorker()
  await db.pool.query(
    `update conversation.open_answers set leased_until = now() - interval '1 second' where message_id = $1`,
    [answer_id],
  )
  await db.pool.query(`select graphile_worker.add_job('conversation__answer', '{}')`)
  await startWorker()
  const answer = await until(owner, answer_id, ({ status }) => status === 'complete')
  expect(answer.parts).toEqual([{ kind: 'text', text: 'I think, therefore I am.' }])
  expect(house.models.calls.map(({ headers }) => headers['idempotency-key'])).toEqual([
    `${answer_id}:1:1`,
    `${answer_id}:1:1`,
  ])
  const { rows } = await db.pool.query('select count(*)::int from metering.llm_calls where conversation_id = $1', [id])
  expect(rows).toEqual([{ count: 1 }])
  expect((await messageOf(owner, answer_id)).token_count).toBe('15')
  expect(await owner.value('select count(*)::int from app_public.messages where conversation_id = $1', [id])).toBe(2)
})

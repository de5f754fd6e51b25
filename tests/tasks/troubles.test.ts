// What a tool that waits for the queue says when nothing moves.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { createTroubles } from '../../server/worker/drain.ts'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
let pool: ReturnType<typeof createPool>
beforeAll(() => {
  pool = createPool(db.url, 'rowhouse_worker', 1)
})
afterAll(() => pool.end())

async function failedJob(tenantId: string, error: string): Promise<void> {
  const { rows } = await db.pool.query<{ id: string }>(
    `select id from graphile_worker.add_job('knowledge__embed_chunks', $1, run_at => now() + interval '1 day')`,
    [JSON.stringify({ tenantId, documentIds: [] })],
  )
  await db.pool.query('update graphile_worker._private_jobs set attempts = 1, last_error = $1 where id = $2', [
    error,
    rows[0]?.id,
  ])
}

it('the last errors of its own tenant’s jobs, each once, after five seconds without a change', async () => {
  await failedJob(db.acme.id, 'The embedder does not answer.\nat some line')
  await failedJob(db.globex.id, 'Globex is nobody’s business.')
  const told: string[] = []
  const troubles = createTroubles(pool, db.acme.id, (trouble) => told.push(trouble))
  const waiting = { pending: 3, processing: 0, completed: 0, failed: 0 }
  const lookAt = async (second: number, counts = waiting): Promise<string[]> => {
    await troubles.look(counts, second * 1000)
    return told.splice(0)
  }
  expect(await lookAt(1000)).toEqual([])
  expect(await lookAt(1004)).toEqual([])
  expect(await lookAt(1004.5, { ...waiting, pending: 2, completed: 1 })).toEqual([])
  const moved = { ...waiting, pending: 2, completed: 1 }
  expect(await lookAt(1009, moved)).toEqual([])
  expect(await lookAt(1010, moved)).toEqual(['knowledge__embed_chunks: The embedder does not answer.'])
  expect(await lookAt(1020, moved)).toEqual([])
  await failedJob(db.acme.id, 'The key is wrong.')
  expect(await lookAt(1030, moved)).toEqual(['knowledge__embed_chunks: The key is wrong.'])
})

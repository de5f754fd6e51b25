// npm run worker: its own port tells whether it lives, whether it can work, and what waits.

import { afterEach, beforeEach, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { type Running, start } from '../helpers/processes.ts'

const db = useDatabase()
let worker: Running | undefined
beforeEach((context) => needsServer(context, 'DATABASE_URL names a server'))
afterEach(async () => {
  worker?.kill('SIGKILL')
  await worker?.ended
})

async function startWorker(environment: Record<string, string> = {}): Promise<string> {
  worker = start('server.ts', ['--worker'], { DATABASE_URL: db.url, LOG_LEVEL: 'error', ...environment })
  return worker.says('The worker is running.')
}
const addressOf = (output: string): string => /Its health: (\S+)\/healthz/.exec(output)?.[1] as string

it('with WORKER_PORT answers its health, whether it is ready, and its metrics', async () => {
  // no task of ours takes it, so it waits
  await db.pool.query(`select graphile_worker.add_job('unknown', '{}', run_at => now() - interval '1 hour')`)
  const url = addressOf(await startWorker({ WORKER_PORT: '0' }))
  const get = async (path: string): Promise<[number, string]> => {
    const response = await fetch(url + path)
    return [response.status, await response.text()]
  }
  expect(await get('/healthz')).toEqual([200, '{"status":"ok"}'])
  const [ready, state] = await get('/readyz')
  expect([ready, JSON.parse(state)]).toMatchObject([200, { status: 'ok', parts: { database: 'ok' } }])
  const [status, metrics] = await get('/metrics')
  expect(status).toBe(200)
  expect(metrics).toMatch(/^rowhouse_queue_jobs\{task="unknown",state="waiting"\} 1$/m)
  expect(Number(/^rowhouse_queue_oldest_seconds\{task="unknown"\} (\S+)$/m.exec(metrics)?.[1])).toBeGreaterThan(3_599)
  expect(metrics).toMatch(/^rowhouse_pool_connections\{state="idle"\} \d/m)
  expect(await get('/graphql')).toEqual([404, expect.stringContaining('WB301')])
})

it('is not ready while the rules are of another version', async () => {
  const url = addressOf(await startWorker({ WORKER_PORT: '0' }))
  await db.pool.query(`update rowhouse_migrations.rules set hash = reverse(hash)`)
  expect((await fetch(`${url}/readyz`)).status).toBe(503)
  await db.pool.query(`update rowhouse_migrations.rules set hash = reverse(hash)`)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
})

it('shows its metrics only to whoever has METRICS_TOKEN', async () => {
  const url = addressOf(await startWorker({ WORKER_PORT: '0', METRICS_TOKEN: 'a-token-of-metrics' }))
  expect((await fetch(`${url}/metrics`)).status).toBe(401)
  const headers = { authorization: 'Bearer a-token-of-metrics' }
  expect((await fetch(`${url}/metrics`, { headers })).status).toBe(200)
})

it('opens no port without the setting, and ends when it is told to', async () => {
  expect(await startWorker()).not.toContain('Its health')
  worker?.kill()
  expect(await worker?.ended).toMatchObject({ code: 0 })
})

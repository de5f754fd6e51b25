// The database stops, or the network to it: every request is told to try again, the log says it once, and the server
// serves again as soon as the database does.

import type { PoolClient } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { type Network, openProxy } from '../helpers/proxy.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let proxy: Network
let server: TestServer
let lines: string[] = []
beforeAll(async () => {
  proxy = await openProxy(db.url)
  server = await startTestServer(proxy.url, { STATEMENT_TIMEOUT_MS: '1000' }, (line) => lines.push(line))
})
afterAll(async () => {
  await server?.close()
  await proxy?.close()
})
beforeEach((context) => {
  needsServer(context, 'its database is in the same process')
  lines = []
})

const query = '{ currentTenant { slug } }'
const ask = () => server.ask('owner@acme.test', query)
const ready = async (): Promise<number> => (await fetch(`${server.url}/readyz`)).status
const errorsLogged = (): string[] => lines.filter((line) => /"level":"(error|fatal)"/.test(line))

it('is told by 503, Retry-After and a code, and said once in the log, not once a request', async () => {
  await ask()
  await proxy.cut()
  for (let i = 0; i < 40; i += 1) {
    const { status, headers, errors } = await ask()
    expect([status, errors?.[0]?.extensions.code]).toEqual([503, 'WB901'])
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  }
  expect(await ready()).toBe(503)
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  expect(errorsLogged()).toHaveLength(1)
  expect(errorsLogged()[0]).not.toContain('"stack"')
})

it('is over within a second of its return', async () => {
  await proxy.mend()
  const mendedAt = performance.now()
  await expect.poll(ready, { interval: 20, timeout: 5_000 }).toBe(200)
  expect(performance.now() - mendedAt).toBeLessThan(1_000)
  expect((await ask()).data).toEqual({ currentTenant: { slug: 'acme' } })
})

it('is told in extensions when it happens while a query runs', async () => {
  const lock = await db.pool.connect()
  await lock.query('begin')
  await lock.query('lock table app_public.agents in access exclusive mode')
  const asked = server.ask('owner@acme.test', '{ agents { totalCount } }')
  await someoneWaits(lock)
  await proxy.cut()
  const { status, headers, errors } = await asked
  expect([status, errors?.[0]?.extensions.code, headers.get('retry-after')]).toEqual([503, 'WB901', '2'])
  await lock.query('rollback')
  lock.release()
  await proxy.mend()
  expect((await ask()).status).toBe(200)
})

it('a network that went silent is an answer after the deadline, and readiness knows it within two seconds', async () => {
  await ask()
  proxy.silence()
  const startedAt = performance.now()
  const answers = await Promise.all([ask(), ask(), ask()])
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503])
  // the session's time limit for statements, and five seconds of grace
  expect(performance.now() - startedAt).toBeLessThan(18_000)
  const lookedAt = performance.now()
  expect(await ready()).toBe(503)
  expect(performance.now() - lookedAt).toBeLessThan(2_000)
  await proxy.mend()
  await expect.poll(ready, { interval: 20, timeout: 5_000 }).toBe(200)
  await expect.poll(async () => (await ask()).status, { timeout: 10_000 }).toBe(200)
})

async function someoneWaits(client: PoolClient): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      'select 1 from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))',
    )
    if (rows.length > 0) return
  }
}

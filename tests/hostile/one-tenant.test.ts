// One tenant asks for more than its share: the others are served, the server stays ready, and whoever hangs up leaves
// nothing running.

import type { PoolClient } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createShares } from '../../server/shares.ts'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
let lock: PoolClient
const lines: string[] = []
beforeAll(async () => {
  const environment = { POOL_SIZE: '5', QUEUE_TIMEOUT_MS: '1000', STATEMENT_TIMEOUT_MS: '8000' }
  server = await startTestServer(db.url, environment, (line) => lines.push(line))
  lock = await db.pool.connect()
})
afterAll(async () => {
  lock?.release()
  await server?.close()
})

/** While acme's agents are locked: every query of them waits for as long as its statement may. */
async function whileAgentsAreLocked(work: () => Promise<void>): Promise<void> {
  await lock.query('begin')
  await lock.query('lock table app_public.agents in access exclusive mode')
  try {
    await work()
  } finally {
    await lock.query('rollback')
  }
}

const slow = '{ agents { totalCount } }'
const running = async (): Promise<number> =>
  (
    await lock.query(
      `select count(*)::int as count from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))`,
    )
  ).rows[0].count

describe('24 slow queries of one tenant', () => {
  beforeEach((context) => needsServer(context))

  it('take its share, the rest is told to try again, and nobody else waits', async () => {
    await whileAgentsAreLocked(async () => {
      const asked = Array.from({ length: 24 }, () => server.ask('owner@acme.test', slow))
      await expect.poll(running, { timeout: 5_000, interval: 10 }).toBe(3)
      const times: number[] = []
      for (let i = 0; i < 20; i += 1) {
        const startedAt = performance.now()
        const other = await server.ask('owner@globex.test', '{ currentTenant { slug } }')
        expect(other.data).toEqual({ currentTenant: { slug: 'globex' } })
        expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
        times.push(performance.now() - startedAt)
      }
      expect(Math.max(...times)).toBeLessThan(1_000)
      expect(await running()).toBe(3)
      const answers = await Promise.all(asked)
      const refused = answers.filter(({ status }) => status === 503)
      expect(refused.length).toBeGreaterThanOrEqual(21)
      for (const { errors, headers } of refused) {
        expect(errors?.[0]?.extensions.code).toMatch(/^(WB608|55P03)$/)
        if (errors?.[0]?.extensions.code === 'WB608') expect(headers.get('retry-after')).toBe('2')
      }
    })
  })

  it('in one request are within the share too', async () => {
    const many = `{ ${Array.from({ length: 12 }, (_, i) => `a${i}: agents(offset: ${i}) { totalCount }`).join(' ')} }`
    await whileAgentsAreLocked(async () => {
      const asked = server.ask('owner@acme.test', many)
      await expect.poll(running, { timeout: 5_000, interval: 10 }).toBeGreaterThan(0)
      expect(await running()).toBeLessThanOrEqual(3)
      expect((await server.ask('owner@globex.test', '{ currentTenant { slug } }')).status).toBe(200)
      await asked
    })
  })
})

describe('a client that hangs up', () => {
  beforeEach((context) => needsServer(context))

  it('ends its statement and counts as 499', async () => {
    const client = new AbortController()
    const token = await server.token('owner@acme.test')
    await whileAgentsAreLocked(async () => {
      const asked = fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: slow, operationName: null }),
        signal: client.signal,
      }).catch((error: Error) => error.name)
      await expect.poll(running, { interval: 10 }).toBeGreaterThan(0)
      const hungUpAt = performance.now()
      client.abort()
      expect(await asked).toBe('AbortError')
      await expect.poll(running, { interval: 10, timeout: 2_000 }).toBe(0)
      expect(performance.now() - hungUpAt).toBeLessThan(1_000)
    })
    expect(lines.some((line) => line.includes('"status":499'))).toBe(true)
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(/route="graphql",status="499"\} 1/)
    expect(server.busyConnections()).toBe(0)
    expect((await server.ask('owner@acme.test', slow)).status).toBe(200)
  })
})

describe('shares', () => {
  const never = new AbortController().signal
  const limits = { total: 4, perKey: 3, mostWaitingPerKey: 5, longestWaitMs: 50 }

  it('go round between the keys that wait', async () => {
    const shares = createShares({ ...limits, total: 1, longestWaitMs: 5_000 })
    const order: string[] = []
    const first = await shares.enter('a', never)
    const done = ['a', 'a', 'a', 'b', 'c'].map(async (key) => {
      const leave = await shares.enter(key, never)
      order.push(key)
      leave()
    })
    first()
    await Promise.all(done)
    expect(order.slice(0, 3).sort()).toEqual(['a', 'b', 'c'])
    expect(order).toHaveLength(5)
  })

  it('refuse what waits too long, or in too long a line, and forget whoever gives up', async () => {
    const shares = createShares(limits)
    const leaves = await Promise.all([1, 2, 3].map(() => shares.enter('a', never)))
    const client = new AbortController()
    const gone = shares.enter('a', client.signal)
    client.abort(new Error('gone'))
    await expect(gone).rejects.toThrow('gone')
    const waiting = Array.from({ length: 6 }, () => shares.enter('a', never).catch((error) => error.extensions.code))
    expect(await Promise.all(waiting)).toEqual(Array(6).fill('WB608'))
    const other = await shares.enter('b', never)
    for (const leave of [...leaves, other]) leave()
    for (let i = 0; i < 3; i += 1) await shares.enter('a', never)
  })
})

// A statement and its context are one transaction of one round trip: what the context sets is there for that statement and
// for nothing else on the connection, however the statement ends.

import fc from 'fast-check'
import type { Pool, PoolClient } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { createPool } from '../../server/database.ts'
import { queryInContext, type Settings } from '../../server/in-context.ts'
import { needsServer, type Person, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let pool: Pool
let client: PoolClient
beforeAll(() => {
  pool = createPool(db.url, 'rowhouse_authenticator', 2)
})
afterAll(() => pool.end())
beforeEach(async () => {
  client = await pool.connect()
})
afterEach(() => client.release())

const contextOf = ({ userId, tenantId }: Person, more: Settings = {}): Settings => ({
  role: 'rowhouse_user',
  'rowhouse.user_id': userId,
  'rowhouse.tenant_id': tenantId,
  ...more,
})
const seen = `select current_user::text as role, nullif(current_setting('rowhouse.tenant_id', true), '') as tenant,
                     current_setting('statement_timeout') as timeout`
const nobody = async () => ({
  role: 'rowhouse_authenticator',
  tenant: null,
  timeout: (await pool.query('show statement_timeout')).rows[0].statement_timeout,
})
const expectNobody = async (): Promise<void> => expect((await client.query(seen)).rows).toEqual([await nobody()])
const failsWith = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  )

describe('a context', () => {
  it('holds for its statement, and not for the next one on the connection', async () => {
    const { rows } = await queryInContext(client, contextOf(db.acme.viewer, { statement_timeout: '1234' }), {
      text: seen,
    })
    expect(rows).toEqual([{ role: 'rowhouse_user', tenant: db.acme.id, timeout: '1234ms' }])
    await expectNobody()
  })

  it('that cannot be set keeps its statement from running', async () => {
    const insert = { text: `insert into app_public.agents (name) values ('unseen') returning id` }
    for (const [settings, code] of [
      [contextOf(db.acme.owner, { role: 'nobody at all' }), '22023'],
      [contextOf(db.acme.owner, { statement_timeout: 'soon' }), '22023'],
    ] as const) {
      expect(await failsWith(queryInContext(client, settings, insert))).toBe(code)
      await expectNobody()
    }
    expect((await db.pool.query(`select from app_public.agents where name = 'unseen'`)).rowCount).toBe(0)
  })

  it('is gone when its statement fails, in parsing, in running and at the end of the transaction', async () => {
    const settings = contextOf(db.acme.owner)
    for (const [text, values, code] of [
      ['select nothing from nowhere', [], '42P01'],
      ['select 1; select 2', [], '42601'],
      ['select 1 / $1::int', [0], '22012'],
      ['select $1::int', ['many'], '22P02'],
    ] as const) {
      expect(await failsWith(queryInContext(client, settings, { text, values: [...values] }))).toBe(code)
      await expectNobody()
    }
  })

  it('has a time limit that ends its statement, and only that', async (context) => {
    needsServer(context, 'it enforces no time limits')
    const slow = queryInContext(client, contextOf(db.acme.owner, { statement_timeout: '20' }), {
      text: 'select pg_sleep(60)',
    })
    expect(await failsWith(slow)).toBe('57014')
    await expectNobody()
  })

  it('of a tenant that was not named shows no rows', async () => {
    const { 'rowhouse.tenant_id': _, ...settings } = contextOf(db.acme.owner)
    const { rows } = await queryInContext(client, settings, {
      text: 'select count(*)::int as n from app_public.agents',
    })
    expect(rows).toEqual([{ n: 0 }])
  })

  it('is its own request’s on a connection that many take in turn, whatever fails between', async () => {
    const people = [db.acme.owner, db.acme.viewer, db.globex.owner]
    const failures = ['select nothing', 'select 1 / 0', `select core.raise_error('TN201', 'no')`]
    const step = fc.record({
      person: fc.constantFrom(...people),
      failure: fc.option(fc.constantFrom(...failures)),
      name: fc.option(fc.constantFrom('one', 'two')),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), async (steps) => {
        for (const { person, failure, name } of steps) {
          const settings = contextOf(person)
          if (failure) expect(await failsWith(queryInContext(client, settings, { text: failure }))).toBeTruthy()
          const named = name ? { name: `seen_${name}`, text: `${seen} -- ${name}` } : { text: seen }
          const { rows } = await queryInContext(client, settings, named)
          expect(rows).toMatchObject([{ role: 'rowhouse_user', tenant: person.tenantId }])
        }
        await expectNobody()
      }),
      { seed: 20, numRuns: 30 },
    )
  })
})

describe('a server of two connections', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(db.url, { POOL_SIZE: '2', QUEUE_TIMEOUT_MS: '60000' })
  })
  afterAll(() => server?.close())
  const who = '{ currentTenant { slug } currentUserProfile { email } }'

  it('gives each request its own tenant and person, whatever the others do', async () => {
    const emails = ['owner@acme.test', 'viewer@acme.test', 'owner@globex.test', 'viewer@globex.test']
    const failing = 'mutation { createAgent(input: {agent: {name: ""}}) { agent { id } } }'
    const asked = Array.from({ length: 60 }, async (_, i) => {
      const email = emails[i % emails.length] as string
      if (i % 5 === 4) return expect((await server.ask(email, failing)).errors).toHaveLength(1)
      const { data, errors } = await server.ask(email, who)
      expect(errors).toBeUndefined()
      return expect(data).toEqual({ currentTenant: { slug: email.split(/[@.]/)[1] }, currentUserProfile: { email } })
    })
    await Promise.all(asked)
    // what was refused is recorded after its answer
    await vi.waitFor(() => expect(server.busyConnections()).toBe(0))
  })
})

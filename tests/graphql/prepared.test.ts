// Statements that each connection prepares once, as on a real server: the embedded engine has none.

import type { Pool, PoolClient } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

vi.hoisted(() => {
  process.env.DATAPLAN_PG_PREPARED_STATEMENT_CACHE_SIZE = '100'
})

import { createPool } from '../../server/database.ts'
import { queryInContext, type Settings } from '../../server/in-context.ts'
import { isPrepared, keepPrepared } from '../../server/prepared.ts'
import { needsServer, type Person, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let pool: Pool
let client: PoolClient
beforeAll(() => {
  pool = createPool(db.url, 'rowhouse_authenticator', 2)
})
afterAll(() => pool.end())
beforeEach(async (context) => {
  needsServer(context, 'it keeps no prepared statements')
  client = await pool.connect()
})
afterEach(() => client?.release())

const contextOf = ({ userId, tenantId }: Person, more: Settings = {}): Settings => ({
  role: 'rowhouse_user',
  'rowhouse.user_id': userId,
  'rowhouse.tenant_id': tenantId,
  ...more,
})
const failsWith = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  )
const nameOf = (name: string): string => `select '${name}' || count(*) as n from app_public.agents`

describe('prepared statements', () => {
  it('of one connection see the rows of whoever runs them', async () => {
    await db.pool.query(`insert into app_public.agents (tenant_id, name) values ($1, 'a'), ($1, 'b'), ($2, 'c')`, [
      db.acme.id,
      db.globex.id,
    ])
    const count = {
      name: 'count_agents',
      text: 'select count(*)::int as n from app_public.agents where deleted_at is null',
    }
    const seenBy = async (person: Person) => (await queryInContext(client, contextOf(person), count)).rows[0]?.n
    const of = async (id: string) =>
      (
        await db.pool.query(
          'select count(*)::int as n from app_public.agents where tenant_id = $1 and deleted_at is null',
          [id],
        )
      ).rows[0].n
    const [acme, globex] = [await of(db.acme.id), await of(db.globex.id)]
    expect(acme).not.toBe(globex)
    // often enough for a plan that is kept
    for (let i = 0; i < 8; i += 1) {
      expect(await seenBy(db.acme.viewer)).toBe(acme)
      expect(await seenBy(db.globex.viewer)).toBe(globex)
    }
  })

  it('that could not be parsed are parsed again', async () => {
    const statement = { name: 'made_later', text: 'select * from pg_temp.made_later' }
    expect(await failsWith(queryInContext(client, contextOf(db.acme.owner), statement))).toBe('42P01')
    expect(await failsWith(queryInContext(client, contextOf(db.acme.owner, { role: 'nobody' }), statement))).toBe(
      '22023',
    )
    await client.query('create temporary table made_later as select 1 as one; grant select on made_later to public')
    expect((await queryInContext(client, contextOf(db.acme.owner), statement)).rows).toEqual([{ one: 1 }])
  })

  it('are as many as are kept: the one not used for longest is forgotten', async () => {
    const names = ['first', 'second', 'first', 'third']
    for (const name of names) {
      await keepPrepared(client, name, 2)
      await queryInContext(client, contextOf(db.acme.owner), { name, text: nameOf(name) })
    }
    expect(['first', 'second', 'third'].map((name) => isPrepared(client, name))).toEqual([true, false, true])
    const { rows } = await client.query(`select name from pg_prepared_statements where name = any ($1) order by name`, [
      names,
    ])
    expect(rows.map(({ name }) => name)).toEqual(['first', 'third'])
    await keepPrepared(client, 'second', 2)
    await queryInContext(client, contextOf(db.acme.owner), { name: 'second', text: nameOf('second') })
  })
})

describe('a server with prepared statements', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(db.url, { POOL_SIZE: '2' })
  })
  afterAll(() => server?.close())

  it('shows a member who was removed nothing, though all that they ask is prepared', async () => {
    const ask = () => server.ask('viewer@globex.test', '{ agents { nodes { id } } }')
    for (let i = 0; i < 8; i += 1) expect((await ask()).status).toBe(200)
    await db.pool.query(
      `update app_public.user_tenants set status = 'inactive' where tenant_id = $1 and user_id = $2`,
      [db.globex.id, db.globex.viewer.userId],
    )
    const { data } = await ask()
    expect(data?.agents?.nodes ?? []).toEqual([])
  })
})

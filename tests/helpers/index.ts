// What a test file needs: a database of its own, a transaction that is rolled back, and the ability to become someone.

import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, inject, type TestContext, test } from 'vitest'
import { openEmbeddedEngine } from '../../server/embedded-engine.ts'
import { loadPeople, type Person, type Tenant } from './people.ts'
import { readTemplate, withDatabase } from './setup.ts'

export type { Person, Tenant }

export type TestDatabase = {
  /** Superuser's connection string. */
  url: string
  /** Superuser's pool. */
  pool: pg.Pool
  acme: Tenant
  globex: Tenant
  platform: Tenant
  inTransaction: <T>(work: (t: Transaction) => Promise<T>) => Promise<T>
}

/** Anything that runs statements: a transaction, a client of its own, a pool. */
export type Queries = {
  query: <R extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]) => Promise<R[]>
  /** The first value of the first row. */
  value: <V = unknown>(text: string, values?: unknown[]) => Promise<V>
}

export type Transaction = Queries & {
  become: (person: Person, role?: 'rowhouse_user' | 'rowhouse_admin') => Promise<void>
  becomeRole: (role: string, tenantId?: string) => Promise<void>
  becomeSuperuser: () => Promise<void>
  /** The SQLSTATE a statement fails with, or undefined when it does not; the transaction goes on either way. */
  errorCode: (text: string, values?: unknown[]) => Promise<string | undefined>
}

export const engine = (): ReturnType<typeof injectEngine> => injectEngine()
const injectEngine = () => inject('engine')

export const isRealServer = (): boolean => injectEngine().kind === 'postgres'

/** For a test that the embedded engine's single session cannot show. */
export function needsServer(context: TestContext, reason = 'needs two sessions at once'): void {
  if (!isRealServer()) context.skip(`the embedded engine cannot show it: ${reason}`)
}

/** A clone of the template for this file, removed at its end. */
export function useDatabase(): TestDatabase {
  const database = {} as TestDatabase
  let drop: () => Promise<void>
  beforeAll(async () => {
    const clone = await cloneTemplate()
    drop = clone.drop
    const pool = new pg.Pool({ connectionString: clone.url, max: 10 })
    pool.on('error', () => {})
    Object.assign(database, { url: clone.url, pool, ...(await loadPeople(pool)) })
    database.inTransaction = (work) => inTransaction(pool, work)
  })
  afterAll(async () => {
    await database.pool?.end()
    await drop?.()
  })
  return database
}

export async function cloneTemplate(): Promise<{ url: string; drop: () => Promise<void> }> {
  const chosen = injectEngine()
  if (chosen.kind === 'pglite') {
    const embedded = await openEmbeddedEngine({ template: await readTemplate(chosen.templatePath) })
    return { url: embedded.connectionString, drop: () => embedded.close() }
  }
  const name = `rowhouse_test_${randomUUID().replaceAll('-', '')}`
  const admin = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: chosen.url })
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  }
  await admin(`create database ${name} template ${chosen.templateName}`)
  return { url: withDatabase(chosen.url, name), drop: () => admin(`drop database ${name} with (force)`) }
}

async function inTransaction<T>(pool: pg.Pool, work: (t: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    return await work(transaction(client))
  } finally {
    await client.query('rollback')
    client.release()
  }
}

/** Asks for its client at each statement, so that a test file can make it before there is a database. */
export function queries(client: () => pg.ClientBase | pg.Pool): Queries {
  const query: Queries['query'] = async (text, values) => (await client().query(text, values)).rows as never
  return { query, value: async (text, values) => Object.values((await query(text, values))[0] ?? {})[0] as never }
}

export function transaction(client: pg.ClientBase): Transaction {
  const becomeRole: Transaction['becomeRole'] = async (role, tenantId = '') => {
    await client.query(
      `select set_config('role', $1, true), set_config('rowhouse.tenant_id', $2, true), set_config('rowhouse.user_id', '', true)`,
      [role, tenantId],
    )
  }
  return {
    ...queries(() => client),
    becomeRole,
    become: async (person, role = 'rowhouse_user') => {
      await becomeRole(role, person.tenantId)
      await client.query(`select set_config('rowhouse.user_id', $1, true)`, [person.userId])
    },
    becomeSuperuser: async () => {
      await client.query(`select set_config('role', 'none', true), set_config('rowhouse.user_id', '', true)`)
    },
    errorCode: async (text, values) => {
      await client.query('savepoint attempt')
      try {
        await client.query(text, values)
        await client.query('release savepoint attempt')
        return undefined
      } catch (error) {
        await client.query('rollback to savepoint attempt')
        return (error as pg.DatabaseError).code
      }
    },
  }
}

export { test }

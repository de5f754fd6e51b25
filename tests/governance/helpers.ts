// What the tests of retention, exports and erasure share: runs as a member, and the worker's task.

import { createPool } from '../../server/database.ts'
import { type Person, type Queries, type TestDatabase, transaction } from '../helpers/index.ts'
import { runTask } from '../helpers/tasks.ts'

/** Runs as this person, in a transaction that is committed. */
export async function as<T>(
  db: TestDatabase,
  person: Person,
  work: (t: Queries) => Promise<T>,
  role?: 'rowhouse_admin',
): Promise<T> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    const t = transaction(client)
    await t.become(person, role)
    const result = await work(t)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

/** Runs a task of the worker with the worker's role. */
export async function work(db: TestDatabase, name: string, payload: object): Promise<void> {
  const pool = createPool(db.url, 'rowhouse_worker', 2)
  try {
    await runTask(pool, name, payload)
  } finally {
    await pool.end()
  }
}

/** How many rows each table with rows of tenants has for this one. */
export async function tenantCounts(db: TestDatabase, tenantId: string): Promise<Record<string, number>> {
  const { rows } = await db.pool.query<{ name: string }>('select t::text as name from governance.tenant_tables() as t')
  const counts: Record<string, number> = {}
  for (const { name } of rows) {
    const result = await db.pool.query(`select count(*)::int as n from ${name} where tenant_id = $1`, [tenantId])
    counts[name] = result.rows[0].n
  }
  return counts
}

// Real clients of their own, for what two do at once.

import pg from 'pg'
import type { Person } from './index.ts'

/** A connection that is a user's until it ends; a superuser's when nobody is named. */
export async function openSession(url: string, person?: Person): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  if (person) {
    await client.query(
      `select set_config('role', 'rowhouse_user', false), set_config('rowhouse.tenant_id', $1, false), set_config('rowhouse.user_id', $2, false)`,
      [person.tenantId, person.userId],
    )
  }
  return client
}

/** Resolves when this client waits for a lock that another holds. */
export async function isBlocked(pool: pg.Pool, client: pg.Client): Promise<void> {
  const { processID } = client as unknown as { processID: number }
  for (;;) {
    const { rows } = await pool.query<{ blocked: boolean }>('select cardinality(pg_blocking_pids($1)) > 0 as blocked', [
      processID,
    ])
    if (rows[0]?.blocked) return
  }
}

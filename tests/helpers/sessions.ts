// Real clients of their own, for what several do at once.

import pg from 'pg'
import { afterEach } from 'vitest'
import type { Person, TestDatabase } from './index.ts'

/** A connection of its own; processID is the backend at its other end. */
export type Session = pg.Client & { processID: number }

/** A person is rowhouse_user in their tenant; a name is a role without a tenant; nobody is the superuser. */
export type Who = Pick<Person, 'userId' | 'tenantId'> | string

export type Sessions = {
  /** The settings come on top of what the person or the role brings along, and may name another role. */
  session: (who?: Who, settings?: Record<string, string>) => Promise<Session>
  sessions: (count: number, who?: Who, settings?: Record<string, string>) => Promise<Session[]>
  /** Resolves when this session waits for a lock that another holds. */
  untilBlocked: (session: Session) => Promise<void>
}

/** Opens sessions on the test file's database. They end with the test, so an open transaction does not outlive it. */
export function useSessions(db: TestDatabase): Sessions {
  const open: Session[] = []
  afterEach(() => Promise.all(open.splice(0).map((session) => session.end())))
  const session: Sessions['session'] = async (who, settings) => {
    const opened = await openSession(db.url, who, settings)
    open.push(opened)
    return opened
  }
  return {
    session,
    sessions: (count, who, settings) => Promise.all(Array.from({ length: count }, () => session(who, settings))),
    untilBlocked: (session) => untilBlocked(db.pool, session),
  }
}

async function openSession(url: string, who?: Who, settings: Record<string, string> = {}): Promise<Session> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const [name, value] of Object.entries({ ...settingsOf(who), ...settings }))
    await client.query('select set_config($1, $2, false)', [name, value])
  return client as Session
}

function settingsOf(who: Who | undefined): Record<string, string> {
  if (who === undefined) return {}
  if (typeof who === 'string') return { role: who }
  return { role: 'rowhouse_user', 'rowhouse.tenant_id': who.tenantId, 'rowhouse.user_id': who.userId }
}

async function untilBlocked(pool: pg.Pool, { processID }: Session): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ blocked: boolean }>('select cardinality(pg_blocking_pids($1)) > 0 as blocked', [
      processID,
    ])
    if (rows[0]?.blocked) return
  }
}

/** The SQLSTATE that a statement fails with, or undefined when it does not. */
export const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: pg.DatabaseError) => error.code,
  )

/** How many of these statements were done, and how many failed with each SQLSTATE. */
export async function outcomesOf(work: Promise<unknown>[]): Promise<Record<string, number>> {
  const counted: Record<string, number> = {}
  for (const code of await Promise.all(work.map(codeOf))) {
    const outcome = code ?? 'done'
    counted[outcome] = (counted[outcome] ?? 0) + 1
  }
  return counted
}

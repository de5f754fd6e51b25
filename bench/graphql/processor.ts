// Processor time of other processes, as Linux counts it in /proc. Where there is none, or PostgreSQL is on another
// machine, it is not known.

import { readFile } from 'node:fs/promises'
import type pg from 'pg'

const ticksPerSecond = 100

/** Seconds that a process has used so far; undefined when it cannot be seen. */
export async function secondsOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // the second field is a name in parentheses, which may hold anything
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields && (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** The same, finely enough for one statement. */
export async function millisecondsOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : Number(text.split(' ')[0]) / 1e6
}

/** Of all sessions of this role in the database; sessions that a pool keeps are the same before and after. */
export async function secondsOfSessions(client: pg.Client, application: string): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number; is_postgres: boolean }>(
    'select pid from pg_stat_activity where datname = current_database() and application_name = $1',
    [application],
  )
  const seconds = await Promise.all(rows.map(({ pid }) => secondsOf(pid)))
  return seconds.reduce<number | undefined>((sum, each) => (each === undefined ? sum : (sum ?? 0) + each), undefined)
}

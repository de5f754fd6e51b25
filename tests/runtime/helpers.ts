// Tasks and agents as tests make them: as a member, through the functions of the API.

import type { Queries } from '../helpers/index.ts'

export type Lease = { task_id: string; lease_token: string; lease_expires_at: Date; attempt: number }
export type Task = Record<string, unknown> & { id: string; status: string }

export const newAgent = (t: Queries, name: string = crypto.randomUUID()): Promise<string> =>
  t.value('insert into app_public.agents (name) values ($1) returning id', [name])

/** Calls a function of the API with named arguments; JSON is given as objects. */
export async function call<T>(t: Queries, name: string, args: Record<string, unknown> = {}): Promise<T> {
  const rows = await t.query(...callOf(name, args))
  return rows[0] as T
}

export function callOf(name: string, args: Record<string, unknown>): [string, unknown[]] {
  const named = Object.keys(args).map((key, i) => `${key} => $${i + 1}`)
  const isJson = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  return [
    `select * from app_public.${name}(${named.join(', ')})`,
    Object.values(args).map((value) => (isJson(value) ? JSON.stringify(value) : value)),
  ]
}

export const createTask = (t: Queries, args: Record<string, unknown> = {}): Promise<Task> =>
  call(t, 'create_task', { title: 'Read the report', ...args })

/** The lease, or undefined when nothing waits. */
export async function claim(
  t: Queries,
  agentId: string,
  args: Record<string, unknown> = {},
): Promise<Lease | undefined> {
  const lease = await call<Lease>(t, 'claim_task', { agent_id: agentId, ...args })
  return lease.task_id === null ? undefined : lease
}

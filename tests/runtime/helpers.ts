// Tasks and agents as tests make them: as a member, through the functions of the API.

import type { Person, Queries, Transaction } from '../helpers/index.ts'

export type Lease = { task_id: string; lease_token: string; lease_expires_at: Date; attempt: number }
export type Task = Record<string, unknown> & { id: string; status: string; attempt_count: number }
export type Delegation = Record<string, unknown> & { delegated_task_id: string | null }

export const newAgent = (t: Queries): Promise<string> =>
  t.value('insert into app_public.agents (name) values (gen_random_uuid()::text) returning id')

export const newAgents = async (t: Queries, count: number): Promise<string[]> =>
  (
    await t.query<{ id: string }>(
      'insert into app_public.agents (name) select gen_random_uuid()::text from generate_series(1, $1) returning id',
      [count],
    )
  ).map(({ id }) => id)

/** A call of a function of the API with named arguments; objects are given as JSON. */
export function callOf(name: string, args: Record<string, unknown>): [string, unknown[]] {
  const named = Object.keys(args).map((key, i) => `${key} => $${i + 1}`)
  const isJson = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  return [
    `select * from app_public.${name}(${named.join(', ')})`,
    Object.values(args).map((value) => (isJson(value) ? JSON.stringify(value) : value)),
  ]
}

export const call = async <T>(t: Queries, name: string, args: Record<string, unknown>): Promise<T> =>
  (await t.query(...callOf(name, args)))[0] as T

/** The SQLSTATE that the call fails with, or undefined when it does not. */
export const codeOfCall = (t: Transaction, name: string, args: Record<string, unknown>): Promise<string | undefined> =>
  t.errorCode(...callOf(name, args))

export const createTask = (t: Queries, args: Record<string, unknown> = {}): Promise<Task> =>
  call(t, 'create_task', { title: 'Read the report', ...args })

/** The lease, or undefined when nothing waits. */
export async function tryToClaim(
  t: Queries,
  agentId: string,
  args: Record<string, unknown> = {},
): Promise<Lease | undefined> {
  const lease = await call<Lease>(t, 'claim_task', { agent_id: agentId, ...args })
  return lease.task_id === null ? undefined : lease
}

export async function claim(t: Queries, agentId: string, args: Record<string, unknown> = {}): Promise<Lease> {
  const lease = await tryToClaim(t, agentId, args)
  if (!lease) throw new Error('No task waits.')
  return lease
}

/** The arguments by which a holder shows what it holds. */
export const held = ({ task_id, lease_token }: Lease) => ({ task_id, lease_token })

export async function taskOf(t: Queries, id: string): Promise<Task> {
  const rows = await t.query<Task>('select * from app_public.tasks where id = $1', [id])
  return rows[0] as Task
}

export const statusOf = async (t: Queries, id: string): Promise<string> => (await taskOf(t, id)).status

/** The states that a task went through, in order. */
export const pathOf = async (t: Queries, id: string): Promise<string> =>
  t.value(
    `select string_agg(to_status::text, ' ' order by ordinal) from app_public.task_state_transitions where task_id = $1`,
    [id],
  )

/** What the worker does to this tenant each minute. */
export async function tend(t: Transaction, person: Person): Promise<void> {
  await t.becomeRole('rowhouse_worker')
  await t.query('select runtime.expire_leases_of($1)', [person.tenantId])
  await t.query('select runtime.escalate_tasks_of($1)', [person.tenantId])
  await t.become(person)
}

// What the worker does for tasks by the clock, and the months of their transitions.

import { expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { queries, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'
import { runTask } from '../helpers/tasks.ts'
import { claim, createTask, newAgents, taskOf } from './helpers.ts'

const db = useDatabase()
const { session } = useSessions(db)

async function work(name: string): Promise<void> {
  const pool = createPool(db.url, 'rowhouse_worker', 2)
  try {
    await runTask(pool, name)
  } finally {
    await pool.end()
  }
}

it('each minute leases that are over end and slow tasks go to supervisors, in every tenant', async () => {
  const made: { id: string; supervisor: string; slow: string; read: ReturnType<typeof queries> }[] = []
  for (const { member } of [db.acme, db.globex]) {
    const one = await session(member)
    const t = queries(() => one)
    const [agent, supervisor] = (await newAgents(t, 2)) as [string, string]
    await t.query('insert into app_public.agent_supervisors (agent_id, supervisor_agent_id) values ($1, $2)', [
      agent,
      supervisor,
    ])
    const { id } = await createTask(t)
    await claim(t, agent)
    const slow = await createTask(t, { assigned_agent_id: agent, auto_escalate: true, escalation_timeout: '1 hour' })
    made.push({ id, supervisor, slow: slow.id, read: t })
  }
  await db.pool.query(
    `update app_public.tasks set lease_expires_at = now() - interval '1 second' where status = 'in_progress'`,
  )
  await db.pool.query(`update app_public.tasks set escalates_at = now() where auto_escalate`)
  await work('runtime__tend_tasks')
  for (const { id, supervisor, slow, read } of made) {
    expect(await taskOf(read, id)).toMatchObject({
      status: 'pending',
      status_reason: 'The lease ended before the task did.',
    })
    expect(await taskOf(read, slow)).toMatchObject({
      status: 'assigned',
      assigned_agent_id: supervisor,
      escalation_count: 1,
    })
  }
})

it('each hour idempotency keys that have expired are deleted, and no others', async () => {
  const one = await session(db.acme.member)
  const t = queries(() => one)
  await createTask(t, { idempotency_key: 'old' })
  await createTask(t, { idempotency_key: 'new' })
  await db.pool.query(`update app_public.task_idempotency_keys set expires_at = now() where idempotency_key = 'old'`)
  await work('runtime__forget_task_keys')
  const { rows } = await db.pool.query('select idempotency_key as key from app_public.task_idempotency_keys')
  expect(rows).toEqual([{ key: 'new' }])
})

it('transitions lie in the partition of their month', async () => {
  await db.pool.query('select metering.create_partitions(0)')
  const one = await session(db.acme.member)
  const { id } = await createTask(queries(() => one))
  const { rows } = await db.pool.query(
    `select tableoid::regclass::text = format('runtime.task_state_transitions_%s', to_char(now() at time zone 'UTC', 'YYYY_MM')) as is_there
       from app_public.task_state_transitions where task_id = $1`,
    [id],
  )
  expect(rows).toEqual([{ is_there: true }])
})

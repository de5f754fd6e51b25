// Tasks: who may create, claim and finish them, in which order they are claimed, and what becomes of them.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { call, claim, createTask, newAgent } from './helpers.ts'

const db = useDatabase()
const asMember = (work: (t: Transaction, agent: string) => Promise<void>) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    await work(t, await newAgent(t))
  })

describe('a task', () => {
  it('is created, claimed and completed, and each move is written down', () =>
    asMember(async (t, agent) => {
      const task = await createTask(t, { input: { page: 1 } })
      expect(task.status).toBe('pending')
      const lease = await claim(t, agent)
      expect(lease).toMatchObject({ task_id: task.id, attempt: 1 })
      const done = await call(t, 'complete_task', {
        task_id: task.id,
        lease_token: lease?.lease_token,
        output: { pages: 3 },
      })
      expect(done).toMatchObject({ status: 'completed', output: { pages: 3 }, held_by_agent_id: agent })
      expect(
        await t.query(
          `select from_status, to_status, transitioned_by from app_public.task_state_transitions
            where task_id = $1 order by created_at`,
          [task.id],
        ),
      ).toEqual([
        { from_status: null, to_status: 'pending', transitioned_by: null },
        { from_status: 'pending', to_status: 'in_progress', transitioned_by: agent },
        { from_status: 'in_progress', to_status: 'completed', transitioned_by: agent },
      ])
    }))
})

// Steps whose agent or tool may be used only with an approval: they wait for people, without a lease, and go on where they stopped.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { begin, claim, complete, fail, readRun, readSteps, story, wake } from './workflow-helpers.ts'

const db = useDatabase()

const tool = async (t: Transaction, policy?: string): Promise<string> => {
  await t.become(db.acme.owner)
  const id = await t.value<string>(
    `insert into app_public.tools (name, display_name, tool_type, endpoint_url) values (gen_random_uuid()::text, 'Tool', 'api', 'https://tool.test/') returning id`,
  )
  if (policy) await t.query(`insert into app_public.approval_policies (tool_id, ${policy}) values ($1, true)`, [id])
  return id
}

const agent = async (t: Transaction, needsApproval: boolean): Promise<string> => {
  await t.become(db.acme.owner)
  return t.value<string>(
    `insert into app_public.agents (name, approval_required) values (gen_random_uuid()::text, $1) returning id`,
    [needsApproval],
  )
}

type Approval = { id: string; cause: string; status: string; agent_id: string | null; is_four_eyes: boolean }
const approvals = async (t: Transaction): Promise<Approval[]> => {
  await t.becomeSuperuser()
  return t.query<Approval>('select * from app_public.agent_approvals where tenant_id = $1 order by created_at', [
    db.acme.id,
  ])
}

const decide = async (t: Transaction, answer: string): Promise<void> => {
  const [approval] = (await approvals(t)).filter(({ status }) => status === 'pending')
  await t.become(db.acme.admin)
  await t.query(`select app_public.decide_approval($1, $2, 'Because.')`, [approval?.id, answer])
  await wake(t)
}

const toolStep = (id: string) => [
  { id: 'start', type: 'start' },
  { id: 'call', type: 'tool', tool_id: id },
  { id: 'end', type: 'end' },
]
const path = 'start>call call>end'

describe('a step whose tool has a policy', () => {
  it('waits for people without a lease, and goes to a worker when they approve', () =>
    db.inTransaction(async (t) => {
      const run = await begin(t, db.acme.owner, toolStep(await tool(t, 'is_required')), path)
      expect(await claim(t)).toBeUndefined()
      expect(await approvals(t)).toMatchObject([{ cause: 'policy', status: 'pending', agent_id: null }])
      await decide(t, 'approved')
      const step = await claim(t)
      if (!step) throw new Error('No step is ready.')
      await complete(t, step, { ok: true })
      expect(await readRun(t, run)).toMatchObject({ status: 'completed' })
      expect((await readSteps(t, run))[1]).toMatchObject({ attempt: 1, output: { ok: true } })
    }))

  it('fails with the reason when they reject, and no worker gets it', () =>
    db.inTransaction(async (t) => {
      const run = await begin(t, db.acme.owner, toolStep(await tool(t, 'is_required')), path)
      await decide(t, 'rejected')
      expect(await claim(t)).toBeUndefined()
      expect(await readRun(t, run)).toMatchObject({ status: 'failed', error_code: 'not_approved' })
    }))

  it('is asked about once: a failure that is tried again goes to a worker at once', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-01-01T00:00:00Z')
      const nodes = toolStep(await tool(t, 'is_required'))
      await begin(t, db.acme.owner, nodes, path, { error_handling: 'retry', max_retries: 2 })
      await decide(t, 'approved')
      const step = await claim(t)
      if (!step) throw new Error('No step is ready.')
      await fail(t, step)
      await setClock(t, '2027-01-01T00:01:00Z')
      await wake(t)
      expect(await claim(t)).toMatchObject({ attempt: 2 })
      expect(await approvals(t)).toHaveLength(1)
    }))

  it('is held to the terms of its policy', () =>
    db.inTransaction(async (t) => {
      const id = await tool(t, 'is_required')
      await t.query('update app_public.approval_policies set is_four_eyes = true')
      await begin(t, db.acme.admin, toolStep(id), path)
      const [approval] = await approvals(t)
      expect(approval).toMatchObject({ is_four_eyes: true })
      await t.become(db.acme.admin)
      expect(await t.errorCode(`select app_public.decide_approval($1, 'approved')`, [approval?.id])).toBe('RN230')
    }))

  it('lets go of its approval when the run is cancelled', () =>
    db.inTransaction(async (t) => {
      const run = await begin(t, db.acme.owner, toolStep(await tool(t, 'is_required')), path)
      await t.become(db.acme.owner)
      await t.query('select app_public.cancel_workflow_run($1)', [run])
      expect(await approvals(t)).toMatchObject([{ status: 'withdrawn' }])
      expect(await story(t, run)).toContain('call cancelled')
    }))

  it('waits for nobody without a policy', () =>
    db.inTransaction(async (t) => {
      await begin(t, db.acme.owner, toolStep(await tool(t)), path)
      expect(await claim(t)).toMatchObject({ kind: 'tool' })
      expect(await approvals(t)).toEqual([])
    }))
})

describe('a step of an agent that needs an approval', () => {
  it.each([true, false])('waits if it is so: %s', (needsApproval) =>
    db.inTransaction(async (t) => {
      const id = await agent(t, needsApproval)
      await begin(t, db.acme.owner, [{ id: 'ask', type: 'agent', agent_id: id }])
      const step = await claim(t)
      expect(step?.kind).toBe(needsApproval ? undefined : 'agent')
      expect((await approvals(t)).map(({ cause }) => cause)).toEqual(needsApproval ? ['agent'] : [])
    }),
  )
})

describe('a tool with a policy', () => {
  it('is refused to an agent that chose it, and given to a step that people allowed', () =>
    db.inTransaction(async (t) => {
      const id = await tool(t, 'is_required')
      await t.query(`insert into app_public.outgoing_hosts (host) values ('tool.test')`)
      await begin(t, db.acme.owner, toolStep(id), path)
      await decide(t, 'approved')
      const step = await claim(t)
      const open = (stepId: string | undefined): [string, unknown[]] => [
        `select runtime.open_tool_call($1, $2, $3, '{}', $4) ->> 'id'`,
        [db.acme.id, db.acme.owner.userId, id, stepId],
      ]
      expect(await t.value(...open(step?.step_run_id))).toBe(id)
      expect(await t.errorCode(...open(undefined))).toBe('RN277')
    }))
})

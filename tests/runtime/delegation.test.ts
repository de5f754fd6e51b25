// Delegation: what each type means for who finishes, how often and to whom a task can go, and escalation to supervisors.

import { describe, expect, it } from 'vitest'
import { setClockLater } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import {
  call,
  claim,
  codeOfCall,
  createTask,
  type Delegation,
  held,
  type Lease,
  newAgents,
  pathOf,
  statusOf,
  taskOf,
  tend,
  tryToClaim,
} from './helpers.ts'

const db = useDatabase()
type Agents = [string, string, string, string]
const asMember = (work: (t: Transaction, agents: Agents) => Promise<void>) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    await work(t, (await newAgents(t, 4)) as Agents)
  })
const argsOf = (task: string, to: string | null, type: string | null, lease?: Lease) => ({
  ...{ task_id: task, to_agent_id: to, delegation_type: type, reason: 'It knows more.' },
  ...(lease ? { lease_token: lease.lease_token } : {}),
})
const delegate = (t: Transaction, ...args: Parameters<typeof argsOf>) =>
  call<Delegation>(t, 'delegate_task', argsOf(...args))
const codeOfDelegating = (t: Transaction, ...args: Parameters<typeof argsOf>) =>
  codeOfCall(t, 'delegate_task', argsOf(...args))
const complete = (t: Transaction, lease: Lease) =>
  codeOfCall(t, 'complete_task', { ...held(lease), output: { done: 1 } })

describe('a handoff', () => {
  it('gives the task to the other agent, which alone finishes it', () =>
    asMember(async (t, [a, b]) => {
      const { id } = await createTask(t)
      const lease = await claim(t, a)
      expect(await delegate(t, id, b, 'handoff', lease)).toMatchObject({
        ...{ task_id: id, from_agent_id: a, to_agent_id: b, delegation_type: 'handoff', reason: 'It knows more.' },
        ...{ delegated_task_id: null, is_escalation: false, user_id: db.acme.member.userId },
      })
      expect(await complete(t, lease)).toBe('RN501')
      expect(await tryToClaim(t, a)).toBeUndefined()
      expect(await complete(t, await claim(t, b))).toBeUndefined()
      expect(await taskOf(t, id)).toMatchObject({
        status: 'completed',
        held_by_agent_id: b,
        delegated_by_agent_ids: [a],
      })
    }))

  it('of a task that nobody holds needs no lease, and of one that is held only the holder can', () =>
    asMember(async (t, [a, b, c]) => {
      const { id } = await createTask(t)
      expect(await delegate(t, id, a, 'handoff')).toMatchObject({ from_agent_id: null, to_agent_id: a })
      const lease = await claim(t, a)
      expect(await codeOfDelegating(t, id, b, 'handoff')).toBe('RN506')
      expect(await codeOfDelegating(t, id, b, 'handoff', { ...lease, lease_token: crypto.randomUUID() })).toBe('RN501')
      await setClockLater(t, '1 hour')
      expect(await codeOfDelegating(t, id, b, 'handoff', lease)).toBe('RN501')
      await tend(t, db.acme.member)
      expect(await delegate(t, id, c, 'handoff')).toMatchObject({ from_agent_id: a, to_agent_id: c })
    }))
})

describe('supervision', () => {
  it('lets the other agent do the work, and the agent that delegated finishes it then', () =>
    asMember(async (t, [a, b]) => {
      const schema = { type: 'object', required: ['done'] }
      const { id } = await createTask(t, { input: { page: 1 }, output_schema: schema })
      const lease = await claim(t, a)
      const { delegated_task_id: part } = await delegate(t, id, b, 'supervision', lease)
      expect(await taskOf(t, part as string)).toMatchObject({
        ...{ status: 'assigned', assigned_agent_id: b, parent_task_id: id, depth: 1, delegation_type: 'supervision' },
        ...{ input: { page: 1 }, output_schema: schema, max_delegations: 2, delegated_by_agent_ids: [a] },
      })
      expect(await complete(t, lease)).toBe('RN501')
      expect(await tryToClaim(t, a)).toBeUndefined()
      expect(await complete(t, await claim(t, b))).toBeUndefined()
      const again = await claim(t, a)
      expect(again).toMatchObject({ task_id: id, attempt: 1 })
      expect(await complete(t, again)).toBeUndefined()
      expect(await pathOf(t, id)).toBe('pending in_progress delegated assigned in_progress completed')
    }))

  it('gives the task back also when the other agent fails, dies for good or is cancelled', () =>
    asMember(async (t, [a, b]) => {
      const ways = {
        failed: (lease: Lease) => call(t, 'fail_task', { ...held(lease), reason: 'No.', is_final: true }),
        died: async () => {
          await setClockLater(t, '1 hour')
          await tend(t, db.acme.member)
        },
        cancelled: (lease: Lease) => call(t, 'cancel_task', { task_id: lease.task_id }),
      }
      for (const [way, end] of Object.entries(ways)) {
        const { id } = await createTask(t, { max_attempts: 1, title: way })
        await delegate(t, id, b, 'supervision', await claim(t, a))
        await end(await claim(t, b))
        expect([way, await statusOf(t, id)]).toEqual([way, 'assigned'])
        await call(t, 'cancel_task', { task_id: id })
      }
    }))

  it('ends with the task that is cancelled or given to another', () =>
    asMember(async (t, [a, b, c]) => {
      for (const [name, args] of [
        ['cancel_task', {}],
        ['reassign_task', { agent_id: c }],
      ] as const) {
        const { id } = await createTask(t)
        const { delegated_task_id: part } = await delegate(t, id, b, 'supervision', await claim(t, a))
        const lease = await claim(t, b)
        await call(t, name, { task_id: id, ...args })
        expect(await statusOf(t, part as string)).toBe('cancelled')
        expect(await complete(t, lease)).toBe('RN501')
        expect(await statusOf(t, id)).toBe(name === 'cancel_task' ? 'cancelled' : 'assigned')
      }
    }))
})

describe('collaboration', () => {
  it('lets both work, and the agent that delegated finishes when the part has ended', () =>
    asMember(async (t, [a, b]) => {
      const { id } = await createTask(t)
      const lease = await claim(t, a)
      const { delegated_task_id: part } = await delegate(t, id, b, 'collaboration', lease)
      expect(await statusOf(t, id)).toBe('in_progress')
      expect(await complete(t, lease)).toBe('RN505')
      const theirs = await claim(t, b)
      expect(theirs.task_id).toBe(part)
      expect(await complete(t, theirs)).toBeUndefined()
      expect(await complete(t, lease)).toBeUndefined()
    }))
})

describe('a consultation', () => {
  it('is waited for by nobody, and is cancelled when the task ends without its answer', () =>
    asMember(async (t, [a, b]) => {
      const { id } = await createTask(t)
      const lease = await claim(t, a)
      const args = { ...argsOf(id, b, 'consultation', lease), input: { question: 'Why?' } }
      const { delegated_task_id: asked } = await call<Delegation>(t, 'delegate_task', args)
      expect(await taskOf(t, asked as string)).toMatchObject({ input: { question: 'Why?' }, output_schema: null })
      expect(await complete(t, lease)).toBeUndefined()
      expect(await statusOf(t, asked as string)).toBe('cancelled')
      expect(await statusOf(t, id)).toBe('completed')
    }))
})

describe('a delegation', () => {
  it('beyond the maximum is refused', () =>
    asMember(async (t, [a, b, c, d]) => {
      const { id } = await createTask(t, { assigned_agent_id: a, max_delegations: 2 })
      await delegate(t, id, b, 'handoff')
      await delegate(t, id, c, 'handoff')
      expect(await codeOfDelegating(t, id, d, 'handoff')).toBe('RN603')
      const none = await createTask(t, { assigned_agent_id: a, max_delegations: 0 })
      expect(await codeOfDelegating(t, none.id, b, 'consultation')).toBe('RN603')
    }))

  it('in a cycle is refused, also through the tasks that it made', () =>
    asMember(async (t, [a, b, c]) => {
      const { id } = await createTask(t, { assigned_agent_id: a })
      expect(await codeOfDelegating(t, id, a, 'handoff')).toBe('RN507')
      await delegate(t, id, b, 'handoff')
      for (const type of ['handoff', 'supervision', 'collaboration', 'consultation'])
        for (const to of [a, b]) expect(await codeOfDelegating(t, id, to, type)).toBe('RN507')
      const { delegated_task_id: part } = await delegate(t, id, c, 'supervision')
      for (const to of [a, b, c]) expect(await codeOfDelegating(t, part as string, to, 'consultation')).toBe('RN507')
    }))

  it('passes on only as many delegations as are left', () =>
    asMember(async (t, [a, b, c, d]) => {
      const { id } = await createTask(t, { assigned_agent_id: a, max_delegations: 2 })
      const first = await delegate(t, id, b, 'supervision')
      const second = await delegate(t, first.delegated_task_id as string, c, 'supervision')
      expect(await codeOfDelegating(t, second.delegated_task_id as string, d, 'handoff')).toBe('RN603')
    }))

  it('of a task as deep as tasks can be makes no task below it', () =>
    asMember(async (t, [a, b]) => {
      let id = (await createTask(t)).id
      for (let depth = 1; depth <= 10; depth++)
        id = (await createTask(t, { parent_task_id: id, assigned_agent_id: a })).id
      expect(await codeOfDelegating(t, id, b, 'consultation')).toBe('RN602')
      expect(await codeOfDelegating(t, id, b, 'handoff')).toBeUndefined()
    }))

  it('is refused for a task that has ended or waits, to a foreign agent, and without a type', () =>
    asMember(async (t, [a, b, c]) => {
      const { id } = await createTask(t, { assigned_agent_id: a })
      expect(await codeOfDelegating(t, id, crypto.randomUUID(), 'handoff')).toBe('RN302')
      expect(await codeOfDelegating(t, id, null, 'handoff')).toBe('RN302')
      expect(await codeOfDelegating(t, id, b, null)).toBe('RN407')
      expect(await codeOfDelegating(t, crypto.randomUUID(), b, 'handoff')).toBe('RN301')
      const free = await createTask(t)
      expect(await codeOfDelegating(t, free.id, b, 'supervision')).toBe('RN407')
      await delegate(t, id, b, 'supervision')
      expect(await codeOfDelegating(t, id, c, 'handoff')).toBe('RN506')
      await call(t, 'cancel_task', { task_id: id })
      expect(await codeOfDelegating(t, id, c, 'handoff')).toBe('RN502')
      await t.become(db.acme.viewer)
      expect(await codeOfDelegating(t, free.id, b, 'handoff')).toBe('ID203')
      await t.become(db.globex.owner)
      expect(await codeOfDelegating(t, free.id, b, 'handoff')).toBe('RN301')
    }))
})

describe('an escalation', () => {
  const supervise = async (t: Transaction, ...pairs: [string, string][]) => {
    for (const pair of pairs)
      await t.query('insert into app_public.agent_supervisors (agent_id, supervisor_agent_id) values ($1, $2)', pair)
  }
  const slow = { auto_escalate: true, escalation_timeout: '1 hour' }
  const passHours = async (t: Transaction, hours: number) => {
    await setClockLater(t, `${hours} hours`)
    await tend(t, db.acme.member)
    await tend(t, db.acme.member)
  }
  const whoHasIt = async (t: Transaction, id: string) => (await taskOf(t, id)).assigned_agent_id

  it('goes up the supervisors, each once, and ends with the last', () =>
    asMember(async (t, [a, b, c]) => {
      await supervise(t, [a, b], [b, c], [c, a])
      const { id } = await createTask(t, { ...slow, assigned_agent_id: a })
      await passHours(t, 0.9)
      expect(await whoHasIt(t, id)).toBe(a)
      for (const [hours, agent] of [
        [1, b],
        [1.5, b],
        [2, c],
        [3, c],
        [9, c],
      ] as const) {
        await passHours(t, hours)
        expect([hours, await whoHasIt(t, id)]).toEqual([hours, agent])
      }
      expect(await taskOf(t, id)).toMatchObject({ escalates_at: null, escalation_count: 2, delegation_count: 0 })
      expect(
        await t.query(
          `select from_agent_id as from, to_agent_id as to, is_escalation from app_public.task_delegation_history
            where task_id = $1 order by created_at`,
          [id],
        ),
      ).toEqual([
        { from: a, to: b, is_escalation: true },
        { from: b, to: c, is_escalation: true },
      ])
    }))

  it('takes the task from the agent that holds it, which is told so', () =>
    asMember(async (t, [a, b]) => {
      await supervise(t, [a, b])
      const { id } = await createTask(t, slow)
      const lease = await claim(t, a, { lease: '2 hours' })
      await passHours(t, 1)
      expect(await complete(t, lease)).toBe('RN501')
      expect((await claim(t, b)).task_id).toBe(id)
    }))

  it('waits while no agent has the task', () =>
    asMember(async (t, [a, b]) => {
      await supervise(t, [a, b])
      const { id } = await createTask(t, slow)
      await passHours(t, 5)
      await claim(t, a, { lease: '2 hours' })
      await passHours(t, 6)
      expect(await whoHasIt(t, id)).toBe(b)
    }))

  it('is not of a task that has ended', () =>
    asMember(async (t, [a, b]) => {
      await supervise(t, [a, b])
      const { id } = await createTask(t, slow)
      await complete(t, await claim(t, a))
      await passHours(t, 1)
      expect(await pathOf(t, id)).toBe('pending in_progress completed')
    }))

  it('cancels what the agent had delegated and waited for', () =>
    asMember(async (t, [a, b, c]) => {
      await supervise(t, [a, b])
      const { id } = await createTask(t, { ...slow, assigned_agent_id: a })
      const { delegated_task_id: part } = await delegate(t, id, c, 'supervision')
      await passHours(t, 1)
      expect([await whoHasIt(t, id), await statusOf(t, id), await statusOf(t, part as string)]).toEqual([
        b,
        'assigned',
        'cancelled',
      ])
    }))
})

describe('the supervisor of an agent', () => {
  it('is set by those who may edit agents, and is another agent', () =>
    asMember(async (t, [a, b]) => {
      const set = 'insert into app_public.agent_supervisors (agent_id, supervisor_agent_id) values ($1, $2)'
      expect(await t.errorCode(set, [a, a])).toBe('23514')
      await t.become(db.acme.viewer)
      expect(await t.errorCode(set, [a, b])).toBe('42501')
      await t.become(db.acme.member)
      expect(await t.errorCode(set, [a, b])).toBeUndefined()
      expect(await t.errorCode(set, [a, crypto.randomUUID()])).toBe('23505')
    }))
})

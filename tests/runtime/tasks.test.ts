// Tasks: who may create, claim and finish them, in which order they are claimed, and what becomes of them.

import { describe, expect, it } from 'vitest'
import { setClock, setClockLater } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import {
  call,
  claim,
  codeOfCall,
  createTask,
  held,
  newAgent,
  pathOf,
  statusOf,
  taskOf,
  tend,
  tryToClaim,
} from './helpers.ts'

const db = useDatabase()
const asMember = (work: (t: Transaction, agent: string) => Promise<void>) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    await work(t, await newAgent(t))
  })
const complete = (t: Transaction, lease: { task_id: string; lease_token: string }, output: object = {}) =>
  codeOfCall(t, 'complete_task', { ...held(lease as never), output })
const fail = (t: Transaction, lease: { task_id: string; lease_token: string }, isFinal = false) =>
  codeOfCall(t, 'fail_task', { ...held(lease as never), reason: 'The page is torn.', is_final: isFinal })

describe('a task', () => {
  it('is created, claimed and completed, and each move is written down with who and why', () =>
    asMember(async (t, agent) => {
      const task = await createTask(t, { input: { page: 1 } })
      expect(task.status).toBe('pending')
      const lease = await claim(t, agent)
      expect(lease).toMatchObject({ task_id: task.id, attempt: 1 })
      await fail(t, lease)
      await setClockLater(t, '1 minute')
      expect(await complete(t, await claim(t, agent), { pages: 3 })).toBeUndefined()
      expect(await taskOf(t, task.id)).toMatchObject({
        status: 'completed',
        output: { pages: 3 },
        held_by_agent_id: agent,
        attempt_count: 2,
      })
      const by = { transitioned_by: agent, user_id: db.acme.member.userId, reason: null }
      expect(
        await t.query(
          `select from_status, to_status, transitioned_by, user_id, reason from app_public.task_state_transitions
            where task_id = $1 order by ordinal`,
          [task.id],
        ),
      ).toEqual([
        { from_status: null, to_status: 'pending', ...by, transitioned_by: null },
        { from_status: 'pending', to_status: 'in_progress', ...by },
        { from_status: 'in_progress', to_status: 'pending', ...by, reason: 'The page is torn.' },
        { from_status: 'pending', to_status: 'in_progress', ...by },
        { from_status: 'in_progress', to_status: 'completed', ...by },
      ])
    }))

  it('is for those who may run agents, and seen by every member', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t)
      await t.become(db.acme.viewer)
      expect(await statusOf(t, id)).toBe('pending')
      expect(await codeOfCall(t, 'create_task', { title: 'x' })).toBe('ID203')
      expect(await codeOfCall(t, 'claim_task', { agent_id: agent })).toBe('ID203')
      expect(await codeOfCall(t, 'cancel_task', { task_id: id })).toBe('ID203')
      expect(await codeOfCall(t, 'reassign_task', { task_id: id, agent_id: agent })).toBe('ID203')
    }))

  it('of another tenant is as one that does not exist', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t)
      const lease = await claim(t, agent)
      await t.become(db.globex.owner)
      const theirs = await newAgent(t)
      expect(await tryToClaim(t, theirs)).toBeUndefined()
      expect(await codeOfCall(t, 'claim_task', { agent_id: agent })).toBe('RN302')
      expect(await complete(t, lease)).toBe('RN301')
      for (const name of ['cancel_task', 'reassign_task'])
        expect(await codeOfCall(t, name, { task_id: id })).toBe('RN301')
      expect(await codeOfCall(t, 'create_task', { title: 'x', parent_task_id: id })).toBe('RN301')
      expect(await codeOfCall(t, 'create_task', { title: 'x', assigned_agent_id: agent })).toBe('RN302')
    }))

  it('is written by the functions alone, and its token is stored nowhere', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t)
      const { lease_token: token } = await claim(t, agent)
      expect(await t.errorCode(`update app_public.tasks set status = 'completed' where id = $1`, [id])).toBe('42501')
      expect(await t.errorCode('delete from app_public.tasks where id = $1', [id])).toBe('42501')
      expect(await t.errorCode(`insert into app_public.task_state_transitions (task_id) values ($1)`, [id])).toBe(
        '42501',
      )
      expect(JSON.stringify(await taskOf(t, id))).not.toContain(token)
    }))

  it('makes no move that is not legal, whoever makes it', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t)
      await t.becomeSuperuser()
      const set = (status: string, more = '') =>
        t.errorCode(`update app_public.tasks set status = '${status}'${more} where id = $1`, [id])
      expect(await set('completed', ', finished_at = now()')).toBe('RN502')
      expect(await set('delegated')).toBe('RN502')
      await t.become(db.acme.member)
      await complete(t, await claim(t, agent))
      await t.becomeSuperuser()
      for (const status of ['pending', 'assigned', 'delegated', 'awaiting_approval'])
        expect(await set(status, ', finished_at = null')).toBe('RN502')
      for (const status of ['failed', 'cancelled']) expect(await set(status)).toBe('RN502')
      expect(await set('in_progress', ', finished_at = null, lease_expires_at = now()')).toBe('RN502')
    }))

  it('tells whether it is overdue', () =>
    asMember(async (t, agent) => {
      const isOverdue = (id: string) =>
        t.value('select app_public.tasks_is_overdue(k) from app_public.tasks k where id = $1', [id])
      const task = await createTask(t, { due_at: '2100-01-01' })
      const late = await createTask(t, { due_at: '2100-01-01' })
      await setClock(t, '2099-12-31')
      expect(await isOverdue(task.id)).toBe(false)
      await complete(t, await claim(t, agent))
      await setClock(t, '2100-01-02')
      await complete(t, await claim(t, agent))
      expect([await isOverdue(task.id), await isOverdue(late.id)].sort()).toEqual([false, true])
      expect(await codeOfCall(t, 'create_task', { title: 'x', due_at: '2100-01-01' })).toBe('RN403')
    }))
})

describe('a claim', () => {
  it('takes what is for the agent, what asks for one of its capabilities and what asks for nothing', () =>
    asMember(async (t, agent) => {
      const other = await newAgent(t)
      await createTask(t, { assigned_agent_id: other })
      await createTask(t, { required_capability: 'translate' })
      expect(await tryToClaim(t, agent)).toBeUndefined()
      expect(await tryToClaim(t, agent, { capabilities: ['read', null] })).toBeUndefined()
      const wanted = [
        await createTask(t, { assigned_agent_id: agent, priority: 'high' }),
        await createTask(t, { required_capability: 'read' }),
        await createTask(t, { priority: 'low' }),
      ]
      for (const { id } of wanted) expect((await claim(t, agent, { capabilities: ['read'] })).task_id).toBe(id)
      expect(await tryToClaim(t, agent, { capabilities: ['read'] })).toBeUndefined()
    }))

  it('goes by priority, and within it by age', () =>
    asMember(async (t, agent) => {
      const made: Record<string, string> = {}
      for (const [i, name] of ['low', 'medium 1', 'critical', 'medium 2', 'high'].entries()) {
        await setClock(t, `2030-01-01T00:0${i}:00Z`)
        made[name] = (await createTask(t, { priority: name.split(' ')[0] })).id
      }
      const order: string[] = []
      for (let lease = await tryToClaim(t, agent); lease; lease = await tryToClaim(t, agent))
        order.push(Object.keys(made).find((name) => made[name] === lease?.task_id) as string)
      expect(order).toEqual(['critical', 'high', 'medium 1', 'medium 2', 'low'])
    }))

  it('takes what is low, however many urgent tasks come, when it has waited for a day', () =>
    asMember(async (t, agent) => {
      await setClock(t, '2030-01-01T00:00:00Z')
      const low = await createTask(t, { priority: 'low' })
      for (let hour = 1; hour <= 26; hour++) {
        await setClock(t, `2030-01-0${1 + Math.floor(hour / 24)}T${String(hour % 24).padStart(2, '0')}:30:00Z`)
        // one is made each hour before one is claimed, so one urgent task always waits
        if (hour === 1) await createTask(t, { priority: 'critical' })
        await createTask(t, { priority: 'critical' })
        const lease = await claim(t, agent)
        if (lease.task_id === low.id) {
          expect(hour).toBe(25)
          return
        }
        await complete(t, lease)
      }
      expect.unreachable('The low task was never claimed.')
    }))

  it('of an API key is for the agent of the key alone, which finishes what it holds and nothing else', () =>
    asMember(async (t, agent) => {
      const other = await newAgent(t)
      const [key] = await t.query<{ api_key_id: string }>(
        `select * from app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, $1))`,
        [JSON.stringify({ name: 'Agent', key_type: 'agent', agent_id: agent, permissions: ['can_run_agents'] })],
      )
      const withKey = (id: string | undefined) =>
        t.query(`select set_config('rowhouse.api_key_id', $1, true)`, [id ?? ''])
      await createTask(t)
      const foreign = await createTask(t, { assigned_agent_id: other })
      const lease = await claim(t, other)
      await withKey(key?.api_key_id)
      expect(await codeOfCall(t, 'claim_task', { agent_id: other })).toBe('KY204')
      expect(await complete(t, lease)).toBe('KY204')
      expect(await codeOfCall(t, 'cancel_task', { task_id: foreign.id })).toBe('KY204')
      expect(await codeOfCall(t, 'reassign_task', { task_id: foreign.id, agent_id: agent })).toBe('KY204')
      expect(await complete(t, await claim(t, agent))).toBeUndefined()
      const own = await createTask(t, { assigned_agent_id: agent })
      expect(own.created_by_agent_id).toBe(agent)
      expect(await codeOfCall(t, 'cancel_task', { task_id: own.id })).toBeUndefined()
      await withKey(undefined)
      await t.query(`update app_public.api_keys set revoked_at = now()`).catch(() => {})
    }))

  it('is refused for an agent that was deleted', () =>
    asMember(async (t, agent) => {
      await t.become(db.acme.owner)
      await t.query('select app_public.delete_agent($1)', [agent])
      expect(await codeOfCall(t, 'claim_task', { agent_id: agent })).toBe('RN302')
    }))
})

describe('a lease', () => {
  it('lives until its end, and a late completion is told so and changes nothing', () =>
    asMember(async (t, agent) => {
      const task = await createTask(t)
      const lease = await claim(t, agent, { lease: '1 minute' })
      await setClockLater(t, '1 minute')
      const before = await taskOf(t, task.id)
      expect(await complete(t, lease)).toBe('RN501')
      expect(await fail(t, lease)).toBe('RN501')
      expect(await codeOfCall(t, 'heartbeat_task', held(lease))).toBe('RN501')
      expect(await taskOf(t, task.id)).toEqual(before)
      const again = await claim(t, agent)
      expect(again).toMatchObject({ task_id: task.id, attempt: 2 })
      expect(await complete(t, lease)).toBe('RN501')
      expect(await complete(t, { ...again, lease_token: crypto.randomUUID() })).toBe('RN501')
      expect(await complete(t, again)).toBeUndefined()
      expect(await complete(t, again)).toBe('RN501')
    }))

  it('is extended by each heartbeat', () =>
    asMember(async (t, agent) => {
      await createTask(t)
      const lease = await claim(t, agent, { lease: '1 minute' })
      await setClockLater(t, '50 seconds')
      const extended = await call<{ lease_expires_at: Date }>(t, 'heartbeat_task', {
        ...held(lease),
        lease: '1 minute',
      })
      expect(extended).toMatchObject({ task_id: lease.task_id, lease_token: lease.lease_token, attempt: 1 })
      expect(extended.lease_expires_at.getTime() - lease.lease_expires_at.getTime()).toBe(50_000)
      await setClockLater(t, '100 seconds')
      expect(await complete(t, lease)).toBeUndefined()
    }))

  it('that has ended is ended once, by the worker or by the next claim, and counts as an attempt', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t, { max_attempts: 2 })
      await claim(t, agent)
      await setClockLater(t, '1 hour')
      await tend(t, db.acme.member)
      await tend(t, db.acme.member)
      expect(await pathOf(t, id)).toBe('pending in_progress pending')
      await claim(t, agent)
      await setClockLater(t, '2 hours')
      expect(await tryToClaim(t, agent)).toBeUndefined()
      expect(await pathOf(t, id)).toBe('pending in_progress pending in_progress failed')
      expect(await taskOf(t, id)).toMatchObject({ status_reason: 'The lease ended before the task did.' })
    }))

  it('keeps the place in the line of a task that returns', () =>
    asMember(async (t, agent) => {
      await setClock(t, '2030-01-01T00:00:00Z')
      const first = await createTask(t)
      await claim(t, agent)
      await setClock(t, '2030-01-01T00:01:00Z')
      await createTask(t)
      await setClock(t, '2030-01-01T01:00:00Z')
      expect((await claim(t, agent)).task_id).toBe(first.id)
    }))
})

describe('a failure', () => {
  it('is attempted again after a pause that doubles, until no attempt is left', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t, { max_attempts: 3, retry_delay: '1 minute' })
      for (const [start, pause] of [
        [0, 60],
        [60, 120],
      ] as const) {
        await setClockLater(t, `${start} seconds`)
        await fail(t, await claim(t, agent))
        await setClockLater(t, `${start + pause - 1} seconds`)
        expect(await tryToClaim(t, agent)).toBeUndefined()
      }
      await setClockLater(t, '180 seconds')
      await fail(t, await claim(t, agent))
      expect(await taskOf(t, id)).toMatchObject({
        status: 'failed',
        status_reason: 'The page is torn.',
        attempt_count: 3,
      })
    }))

  it('that is final is not attempted again', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t, { max_attempts: 5 })
      expect(await fail(t, await claim(t, agent), true)).toBeUndefined()
      expect(await statusOf(t, id)).toBe('failed')
    }))

  it('never pauses for more than a day', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t, { max_attempts: 20, retry_delay: '1 day' })
      for (let day = 0; day < 19; day++) {
        await setClockLater(t, `${day} days`)
        await fail(t, await claim(t, agent))
      }
      await setClockLater(t, '19 days')
      expect((await claim(t, agent)).attempt).toBe(20)
      expect(await statusOf(t, id)).toBe('in_progress')
    }))
})

describe('the schemas of a task', () => {
  const schema = { type: 'object', properties: { page: { type: 'integer' } }, required: ['page'] }

  it('refuse an input and an output that do not fit', () =>
    asMember(async (t, agent) => {
      expect(await codeOfCall(t, 'create_task', { title: 'x', input_schema: schema })).toBe('RN402')
      await createTask(t, { input: { page: 1 }, input_schema: schema, output_schema: schema })
      const lease = await claim(t, agent)
      expect(await complete(t, lease, { page: 'one' })).toBe('RN402')
      expect(await statusOf(t, lease.task_id)).toBe('in_progress')
      expect(await complete(t, lease, { page: 1 })).toBeUndefined()
    }))

  it('are refused when they are no schemas that are understood', () =>
    asMember(async (t) => {
      for (const faulty of [{ type: 'thing' }, { pattern: '(a+)+' }, { properties: 1 }])
        for (const field of ['input_schema', 'output_schema'])
          expect(await codeOfCall(t, 'create_task', { title: 'x', [field]: faulty })).toBe('RN401')
    }))
})

describe('an idempotency key', () => {
  const key = { title: 'Read the report', idempotency_key: 'k' }

  it('gives the task that it made to the same request, and refuses another one', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t, key)
      expect((await createTask(t, key)).id).toBe(id)
      await claim(t, agent)
      expect(await createTask(t, key)).toMatchObject({ id, status: 'in_progress' })
      expect(await codeOfCall(t, 'create_task', { ...key, priority: 'high' })).toBe('RN503')
      expect(await codeOfCall(t, 'create_task', { ...key, input: { page: 1 } })).toBe('RN503')
      expect(await t.value('select count(*)::int from app_public.tasks')).toBe(1)
    }))

  it('of another tenant is independent', () =>
    asMember(async (t) => {
      const { id } = await createTask(t, key)
      await t.become(db.globex.member)
      expect((await createTask(t, key)).id).not.toBe(id)
      expect(await codeOfCall(t, 'create_task', { ...key, title: 'x' })).toBe('RN503')
    }))

  it('can be used for another task after a day, whether or not the worker has deleted it', () =>
    asMember(async (t) => {
      const first = await createTask(t, key)
      await setClockLater(t, '1 day')
      const second = await createTask(t, { ...key, title: 'Read the next report' })
      expect(second.id).not.toBe(first.id)
      await setClockLater(t, '2 days')
      await t.becomeRole('rowhouse_worker')
      expect(await t.value('select runtime.forget_task_keys()')).toBe(1)
      expect(await t.value('select runtime.forget_task_keys()')).toBe(0)
    }))

  it('is not used up by a request that was refused', () =>
    asMember(async (t) => {
      expect(await codeOfCall(t, 'create_task', { ...key, assigned_agent_id: crypto.randomUUID() })).toBe('RN302')
      expect((await createTask(t, key)).status).toBe('pending')
    }))
})

describe('tasks below a task', () => {
  it('are cancelled with it, whatever state they are in, and what has ended stays', () =>
    asMember(async (t, agent) => {
      const top = await createTask(t)
      const done = await createTask(t, { parent_task_id: top.id, assigned_agent_id: agent })
      const belowDone = await createTask(t, { parent_task_id: done.id })
      await claim(t, agent).then((lease) => complete(t, lease))
      const waiting = await createTask(t, { parent_task_id: top.id })
      const working = await createTask(t, {
        parent_task_id: waiting.id,
        assigned_agent_id: agent,
        priority: 'critical',
      })
      const lease = await claim(t, agent)
      expect(lease.task_id).toBe(working.id)
      const apart = await createTask(t)
      await call(t, 'cancel_task', { task_id: top.id, reason: 'Not wanted any more.' })
      for (const { id } of [top, belowDone, waiting, working]) expect(await statusOf(t, id)).toBe('cancelled')
      expect([await statusOf(t, done.id), await statusOf(t, apart.id)]).toEqual(['completed', 'pending'])
      expect(await complete(t, lease)).toBe('RN501')
      expect(await codeOfCall(t, 'cancel_task', { task_id: top.id })).toBe('RN502')
      expect(await codeOfCall(t, 'create_task', { title: 'x', parent_task_id: waiting.id })).toBe('RN504')
    }))

  it('are at most ten deep and a thousand in all', () =>
    asMember(async (t) => {
      const top = await createTask(t)
      let parent = top
      for (let depth = 1; depth <= 10; depth++) parent = await createTask(t, { parent_task_id: parent.id })
      expect(await codeOfCall(t, 'create_task', { title: 'x', parent_task_id: parent.id })).toBe('RN602')
      await t.query(
        `select app_public.create_task('x', parent_task_id => $1, priority => 'low') from generate_series(1, 990)`,
        [top.id],
      )
      expect(await codeOfCall(t, 'create_task', { title: 'x', parent_task_id: top.id })).toBe('RN601')
      await call(t, 'cancel_task', { task_id: top.id })
      expect(await t.value(`select count(*)::int from app_public.tasks where status = 'cancelled'`)).toBe(1001)
    }))
})

describe('a task that is reassigned', () => {
  it('is claimed by its new agent, and its holder is told so', () =>
    asMember(async (t, agent) => {
      const other = await newAgent(t)
      const { id } = await createTask(t)
      const lease = await claim(t, agent)
      expect(await call(t, 'reassign_task', { task_id: id, agent_id: other, reason: 'It knows more.' })).toMatchObject({
        status: 'assigned',
        assigned_agent_id: other,
        attempt_count: 0,
      })
      expect(await complete(t, lease)).toBe('RN501')
      expect(await tryToClaim(t, agent)).toBeUndefined()
      await call(t, 'reassign_task', { task_id: id })
      expect((await claim(t, agent)).task_id).toBe(id)
      expect(await pathOf(t, id)).toBe('pending in_progress assigned pending in_progress')
      expect(await codeOfCall(t, 'reassign_task', { task_id: id, agent_id: crypto.randomUUID() })).toBe('RN302')
    }))
})

describe('a task that waits for an approval', () => {
  it('is held by nobody, and goes on with its agent without having lost an attempt', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t)
      const lease = await claim(t, agent)
      const system = async (statement: string) => {
        await t.becomeRole('rowhouse_owner', db.acme.id)
        await t.query(`select ${statement} from app_public.tasks k where k.id = $1`, [id])
        await t.become(db.acme.member)
      }
      await system(`runtime.put_aside(k, 'awaiting_approval', 'It costs much.')`)
      expect(await complete(t, lease)).toBe('RN501')
      expect(await tryToClaim(t, await newAgent(t))).toBeUndefined()
      await setClockLater(t, '10 days')
      await tend(t, db.acme.member)
      expect(await statusOf(t, id)).toBe('awaiting_approval')
      await system(`runtime.take_up(k, 'It was approved.')`)
      expect(await tryToClaim(t, await newAgent(t))).toBeUndefined()
      expect(await claim(t, agent)).toMatchObject({ task_id: id, attempt: 1 })
      expect(await pathOf(t, id)).toBe('pending in_progress awaiting_approval assigned in_progress')
    }))
})

describe('webhooks', () => {
  it('tell that a task was completed, failed or cancelled', () =>
    asMember(async (t, agent) => {
      await t.become(db.acme.owner)
      await t.query(
        `select app_public.create_webhook_endpoint('https://hooks.test/', array['task.completed', 'task.failed', 'task.cancelled'])`,
      )
      await t.become(db.acme.member)
      const tasks = [await createTask(t), await createTask(t), await createTask(t)]
      await complete(t, await claim(t, agent))
      await fail(t, await claim(t, agent), true)
      const last = await t.value(`select id from app_public.tasks where status = 'pending'`)
      await call(t, 'cancel_task', { task_id: last })
      await t.becomeSuperuser()
      const told = await t.query(
        `select d.kind, d.payload ->> 'status' as status from app_public.webhook_deliveries d where d.object_id = any ($1) order by 1`,
        [tasks.map(({ id }) => id)],
      )
      expect(told).toEqual([
        { kind: 'task.cancelled', status: 'cancelled' },
        { kind: 'task.completed', status: 'completed' },
        { kind: 'task.failed', status: 'failed' },
      ])
    }))
})

describe('hostile arguments', () => {
  it('are refused with the name of the field', () =>
    asMember(async (t, agent) => {
      const { id } = await createTask(t)
      const lease = await claim(t, agent)
      const refused: [string, Record<string, unknown>, string][] = [
        ['create_task', { title: '' }, '23514'],
        ['create_task', { title: 'a\nb' }, '23514'],
        ['create_task', { title: null }, '23502'],
        ['create_task', { title: 'x'.repeat(256) }, '23514'],
        ['create_task', { title: 'x', description: 'x'.repeat(10_001) }, '23514'],
        ['create_task', { title: 'x', required_capability: 'Read; drop table' }, '23514'],
        ['create_task', { title: 'x', required_capability: 'a'.repeat(64) }, '23514'],
        ['create_task', { title: 'x', max_attempts: 0 }, '23514'],
        ['create_task', { title: 'x', max_attempts: 21 }, '23514'],
        ['create_task', { title: 'x', retry_delay: '-1 second' }, '23514'],
        ['create_task', { title: 'x', retry_delay: '2 days' }, '23514'],
        ['create_task', { title: 'x', max_delegations: -1 }, '23514'],
        ['create_task', { title: 'x', max_delegations: 21 }, '23514'],
        ['create_task', { title: 'x', auto_escalate: true }, '23514'],
        ['create_task', { title: 'x', escalation_timeout: '0' }, '23514'],
        ['create_task', { title: 'x', idempotency_key: '' }, '23514'],
        ['create_task', { title: 'x', idempotency_key: 'x'.repeat(256) }, '23514'],
        ['create_task', { title: 'x', parent_task_id: crypto.randomUUID() }, 'RN301'],
        ['claim_task', { agent_id: null }, 'RN302'],
        ['claim_task', { agent_id: agent, lease: '0' }, 'RN404'],
        ['claim_task', { agent_id: agent, lease: '2 days' }, 'RN404'],
        ['claim_task', { agent_id: agent, lease: null }, 'RN404'],
        ['claim_task', { agent_id: agent, capabilities: Array(21).fill('a') }, 'RN405'],
        ['heartbeat_task', { ...held(lease), lease: '-1 day' }, 'RN404'],
        ['complete_task', { task_id: null, lease_token: null }, 'RN301'],
        ['complete_task', { task_id: id, lease_token: null }, 'RN501'],
        ['fail_task', { ...held(lease), reason: ' ' }, 'RN406'],
        ['fail_task', { ...held(lease), reason: null }, 'RN406'],
        ['fail_task', { ...held(lease), reason: 'x'.repeat(2001) }, '23514'],
        ['cancel_task', { task_id: null }, 'RN301'],
      ]
      for (const [name, args, code] of refused)
        expect([name, args, await codeOfCall(t, name, args)]).toEqual([name, args, code])
      expect(await statusOf(t, id)).toBe('in_progress')
    }))

  it('that are null are as those that are left out', () =>
    asMember(async (t, agent) => {
      const given = await createTask(t, {
        ...{ description: null, input: null, priority: null, assigned_agent_id: null, required_capability: null },
        ...{ parent_task_id: null, input_schema: null, output_schema: null, due_at: null, max_attempts: null },
        ...{
          retry_delay: null,
          max_delegations: null,
          auto_escalate: null,
          escalation_timeout: null,
          idempotency_key: null,
        },
      })
      const left = await createTask(t)
      const apart = { id: null, root_task_id: null, updated_at: null }
      expect({ ...given, ...apart }).toEqual({ ...left, ...apart })
      expect((await claim(t, agent, { capabilities: null })).attempt).toBe(1)
    }))
})

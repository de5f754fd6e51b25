// Random lives of tasks against a model that knows nothing of the database: lines in order, leases, attempts and trees. After each
// step every task is in the state that the model says, and each call was refused as the model refuses it.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { callOf, createTask, type Lease, newAgents, tend, tryToClaim } from './helpers.ts'

const db = useDatabase()

type Modelled = {
  id: string
  status: string
  /** 0 for low to 3 for critical. */
  priority: number
  agent: number | null
  /** Seconds since the start. */
  availableAt: number
  attempts: number
  maxAttempts: number
  holder: number | null
  token: string | null
  leaseEnds: number
  parent: Modelled | null
  children: Modelled[]
}
type World = { now: number; tasks: Modelled[]; leases: { task: Modelled; lease: Lease }[] }

const priorities = ['low', 'medium', 'high', 'critical']
const headStarts = [0, 3600, 4 * 3600, 24 * 3600]
const leaseSeconds = 300
const retrySeconds = 60
const isEnd = (task: Modelled) => ['completed', 'failed', 'cancelled'].includes(task.status)

function release(task: Modelled): void {
  Object.assign(task, { status: task.agent === null ? 'pending' : 'assigned', token: null, holder: null })
}

/** What the next claim in the tenant, or the worker, does first. */
function expire(world: World): void {
  for (const task of world.tasks) {
    if (task.status !== 'in_progress' || task.leaseEnds > world.now) continue
    if (task.attempts >= task.maxAttempts) Object.assign(task, { status: 'failed', token: null })
    else release(task)
  }
}

/** All tasks that a claim may give: those of one rank cannot be told apart when they began to wait at the same second. */
function next(world: World, agent: number): Modelled[] {
  const line = world.tasks.filter(
    (task) =>
      ['pending', 'assigned'].includes(task.status) &&
      task.availableAt <= world.now &&
      (task.agent === null || task.agent === agent),
  )
  const rank = (task: Modelled) => task.availableAt - (headStarts[task.priority] as number)
  const best = Math.min(...line.map(rank))
  const first = line.filter((task) => rank(task) === best)
  const urgent = Math.max(...first.map(({ priority }) => priority))
  return first.filter(({ priority }) => priority === urgent)
}

function cancel(task: Modelled): void {
  if (!isEnd(task)) Object.assign(task, { status: 'cancelled', token: null })
  task.children.forEach(cancel)
}

const step = fc.record({
  act: fc.constantFrom(
    'create',
    'create',
    'claim',
    'claim',
    'complete',
    'complete',
    'fail',
    'beat',
    'cancel',
    'reassign',
    'tend',
    'wait',
  ),
  pick: fc.nat(1000),
  agent: fc.option(fc.nat(2)),
  priority: fc.nat(3),
  isFinal: fc.boolean(),
  isBelow: fc.boolean(),
  seconds: fc.constantFrom(1, 30, 60, 299, 300, 4000, 90_000),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function codeOf(t: Transaction, name: string, args: Record<string, unknown>): Promise<string | undefined> {
  return t.errorCode(...callOf(name, args))
}

const pickOf = <T>(list: T[], pick: number): T | undefined => list[pick % list.length]

async function create(
  t: Transaction,
  world: World,
  agents: string[],
  { pick, agent, priority, isBelow }: Step,
): Promise<void> {
  const parent = isBelow ? pickOf(world.tasks, pick) : undefined
  const args = {
    title: 'x',
    priority: priorities[priority],
    assigned_agent_id: agent === null ? null : agents[agent],
    max_attempts: 2,
    retry_delay: `${retrySeconds} seconds`,
    parent_task_id: parent?.id ?? null,
  }
  if (parent && isEnd(parent)) {
    expect(await codeOf(t, 'create_task', args)).toBe('RN504')
    return
  }
  let depth = 0
  for (let above = parent; above; above = above.parent ?? undefined) depth++
  if (depth > 10) return
  const { id } = await createTask(t, args)
  const made: Modelled = {
    ...{ id, status: agent === null ? 'pending' : 'assigned', priority, agent, availableAt: world.now },
    ...{ attempts: 0, maxAttempts: 2, holder: null, token: null, leaseEnds: 0, parent: parent ?? null, children: [] },
  }
  parent?.children.push(made)
  world.tasks.push(made)
}

async function claim(t: Transaction, world: World, agents: string[], agent: number): Promise<void> {
  expire(world)
  const expected = next(world, agent)
  const lease = await tryToClaim(t, agents[agent] as string, { lease: `${leaseSeconds} seconds` })
  if (!lease) {
    expect(expected).toEqual([])
    return
  }
  const task = expected.find(({ id }) => id === lease.task_id)
  if (!task) throw new Error('This task was not the next.')
  Object.assign(task, {
    status: 'in_progress',
    holder: agent,
    token: lease.lease_token,
    leaseEnds: world.now + leaseSeconds,
  })
  task.attempts++
  expect(lease.attempt).toBe(task.attempts)
  world.leases.push({ task, lease })
}

/** With a lease that was given once: it may be the live one or any that has ended since. */
async function finish(t: Transaction, world: World, { act, pick, isFinal }: Step): Promise<void> {
  const chosen = pickOf(world.leases, pick)
  if (!chosen) return
  const { task, lease } = chosen
  const isLive = task.status === 'in_progress' && task.token === lease.lease_token && task.leaseEnds > world.now
  const [name, more] = {
    complete: ['complete_task', { output: {} }] as const,
    fail: ['fail_task', { reason: 'x', is_final: isFinal }] as const,
    beat: ['heartbeat_task', { lease: `${leaseSeconds} seconds` }] as const,
  }[act as 'complete' | 'fail' | 'beat']
  const code = await codeOf(t, name, { task_id: task.id, lease_token: lease.lease_token, ...more })
  expect(code).toBe(isLive ? undefined : 'RN501')
  if (!isLive) return
  if (act === 'beat') task.leaseEnds = world.now + leaseSeconds
  else if (act === 'complete') Object.assign(task, { status: 'completed', token: null })
  else if (isFinal || task.attempts >= task.maxAttempts) Object.assign(task, { status: 'failed', token: null })
  else {
    release(task)
    task.availableAt = world.now + retrySeconds * 2 ** (task.attempts - 1)
  }
}

async function manage(t: Transaction, world: World, agents: string[], { act, pick, agent }: Step): Promise<void> {
  const task = pickOf(world.tasks, pick)
  if (!task) return
  const [name, more] =
    act === 'cancel' ? ['cancel_task', {}] : ['reassign_task', { agent_id: agent === null ? null : agents[agent] }]
  expect(await codeOf(t, name as string, { task_id: task.id, ...(more as object) })).toBe(
    isEnd(task) ? 'RN502' : undefined,
  )
  if (isEnd(task)) return
  if (act === 'cancel') {
    cancel(task)
    return
  }
  if (task.status === 'in_progress') task.attempts--
  task.agent = agent
  release(task)
}

async function take(t: Transaction, world: World, agents: string[], one: Step): Promise<void> {
  if (one.act === 'create') await create(t, world, agents, one)
  else if (one.act === 'claim') await claim(t, world, agents, one.agent ?? 0)
  else if (one.act === 'cancel' || one.act === 'reassign') await manage(t, world, agents, one)
  else if (one.act === 'tend') {
    expire(world)
    await tend(t, db.acme.member)
  } else if (one.act === 'wait') {
    world.now += one.seconds
    await setClock(t, new Date(Date.UTC(2030, 0, 1) + world.now * 1000).toISOString())
  } else await finish(t, world, one)
}

it('every task is where the model says, after any sequence of creating, claiming, finishing, cancelling, reassigning and waiting', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) =>
      db.inTransaction(async (t) => {
        const world: World = { now: 0, tasks: [], leases: [] }
        await setClock(t, '2030-01-01T00:00:00Z')
        await t.become(db.acme.member)
        const agents = await newAgents(t, 3)
        for (const one of steps) await take(t, world, agents, one)
        const found = await t.query<{ id: string; status: string; attempts: number }>(
          'select id, status, attempt_count as attempts from app_public.tasks',
        )
        const stateOf = ({ id, status, attempts }: { id: string; status: string; attempts: number }) =>
          `${id} ${status} ${attempts}`
        expect(found.map(stateOf).sort()).toEqual(world.tasks.map(stateOf).sort())
        // the last transition is the state, and their number is kept
        expect(
          await t.value(
            `select count(*)::int from app_public.tasks k where not exists (
               select from app_public.task_state_transitions s
                where s.task_id = k.id and s.ordinal = k.transition_count and s.to_status = k.status)`,
          ),
        ).toBe(0)
      }),
    ),
    { numRuns: 60, seed: 17 },
  )
})

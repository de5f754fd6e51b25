// Many clients at once: one task a key, one holder a task, no delegation too many, and nobody waits in a circle.

import { beforeEach, describe, expect, it } from 'vitest'
import { mulberry32 } from '../../bench/random.ts'
import { needsServer, queries, useDatabase } from '../helpers/index.ts'
import { codeOf, outcomesOf, type Session, useSessions } from '../helpers/sessions.ts'
import { callOf, claim, createTask, type Lease, newAgent, newAgents, statusOf, tryToClaim } from './helpers.ts'

const db = useDatabase()
const { session, sessions, untilBlocked } = useSessions(db)
beforeEach(async (context) => {
  needsServer(context)
  await db.pool.query('delete from app_public.tasks')
  await db.pool.query('delete from app_public.task_state_transitions')
})
const t = (one: Session) => queries(() => one)
const does = (one: Session, name: string, args: Record<string, unknown>) => one.query(...callOf(name, args))
const finish = (one: Session, { task_id, lease_token }: Lease) => does(one, 'complete_task', { task_id, lease_token })
const countTasks = async () =>
  (await db.pool.query<{ count: number }>('select count(*)::int as count from app_public.tasks')).rows[0]?.count

describe('ten callers with one idempotency key', () => {
  const args = { title: 'Read the report', idempotency_key: 'k' }

  it('make one task, and all get it', async () => {
    const clients = await sessions(10, db.acme.member)
    const made = await Promise.all(clients.map((one) => createTask(t(one), args)))
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    expect(await countTasks()).toBe(1)
  })

  it('wait for the first, and one of them makes the task when the first takes it back', async () => {
    const [first, second] = (await sessions(2, db.acme.member)) as [Session, Session]
    await first.query('begin')
    const { id } = await createTask(t(first), { ...args, idempotency_key: 'taken back' })
    const waiting = createTask(t(second), { ...args, idempotency_key: 'taken back' })
    await untilBlocked(second)
    await first.query('rollback')
    expect((await waiting).id).not.toBe(id)
    expect(await countTasks()).toBe(1)
  })
})

describe('claims at once', () => {
  it('never give one task to two', async () => {
    const clients = await sessions(8, db.acme.member)
    const agent = await newAgent(t(clients[0] as Session))
    await Promise.all(Array.from({ length: 40 }, (_, i) => createTask(t(clients[i % 8] as Session))))
    const taken = await Promise.all(
      clients.map(async (one) => {
        const mine: string[] = []
        for (let lease = await tryToClaim(t(one), agent); lease; lease = await tryToClaim(t(one), agent))
          mine.push(lease.task_id)
        return mine
      }),
    )
    expect(taken.flat().length).toBe(40)
    expect(new Set(taken.flat()).size).toBe(40)
  })

  it('leave out what another is claiming, without waiting', async () => {
    const [first, second] = (await sessions(2, db.acme.member)) as [Session, Session]
    const agent = await newAgent(t(first))
    await createTask(t(first))
    await createTask(t(first))
    await first.query('begin')
    const one = await claim(t(first), agent)
    const other = await claim(t(second), agent)
    expect(other.task_id).not.toBe(one.task_id)
    await first.query('rollback')
    expect((await claim(t(second), agent)).task_id).toBe(one.task_id)
  })

  it('and workers end a lease once', async () => {
    const clients = await sessions(6, db.acme.member)
    const agent = await newAgent(t(clients[0] as Session))
    const { id } = await createTask(t(clients[0] as Session), { max_attempts: 20 })
    await claim(t(clients[0] as Session), agent)
    await db.pool.query(`update app_public.tasks set lease_expires_at = now() - interval '1 second'`)
    const workers = await sessions(4, 'rowhouse_worker')
    const leases = await Promise.all([
      ...clients.map((one) => tryToClaim(t(one), agent)),
      ...workers.map(async (one) => {
        await one.query('select runtime.expire_leases_of($1)', [db.acme.id])
        return undefined
      }),
    ])
    expect(leases.filter((lease) => lease !== undefined).length).toBeLessThanOrEqual(1)
    const { rows } = await db.pool.query(
      `select count(*)::int as ended from app_public.task_state_transitions where task_id = $1 and to_status = 'pending' and from_status is not null`,
      [id],
    )
    expect(rows[0].ended).toBe(1)
  })
})

describe('the ends of a task at once', () => {
  it('are one: of a completion and a cancellation one comes late', async () => {
    const clients = (await sessions(2, db.acme.member)) as [Session, Session]
    const agent = await newAgent(t(clients[0]))
    for (let i = 0; i < 10; i++) {
      await createTask(t(clients[0]))
      const lease = await claim(t(clients[0]), agent)
      const codes = await Promise.all([
        codeOf(finish(clients[0], lease)),
        codeOf(does(clients[1], 'cancel_task', { task_id: lease.task_id })),
      ])
      expect([
        [undefined, 'RN502'],
        ['RN501', undefined],
      ]).toContainEqual(codes)
    }
  })

  it('are told to a holder that waited while its task was reassigned', async () => {
    const [holder, person] = (await sessions(2, db.acme.member)) as [Session, Session]
    const agent = await newAgent(t(holder))
    const { id } = await createTask(t(holder))
    const lease = await claim(t(holder), agent)
    await person.query('begin')
    await does(person, 'reassign_task', { task_id: id })
    const late = codeOf(finish(holder, lease))
    await untilBlocked(holder)
    await person.query('commit')
    expect(await late).toBe('RN501')
    expect(await statusOf(t(holder), id)).toBe('pending')
  })
})

describe('delegations at once', () => {
  it('are at most as many as the task may have', async () => {
    const clients = await sessions(8, db.acme.member)
    const agents = await newAgents(t(clients[0] as Session), 9)
    const { id } = await createTask(t(clients[0] as Session), { assigned_agent_id: agents[8], max_delegations: 3 })
    const outcomes = await outcomesOf(
      clients.map((one, i) =>
        does(one, 'delegate_task', { task_id: id, to_agent_id: agents[i], delegation_type: 'consultation' }),
      ),
    )
    expect(outcomes).toEqual({ done: 3, RN603: 5 })
  })

  it('never lead back to an agent', async () => {
    const [one, other] = (await sessions(2, db.acme.member)) as [Session, Session]
    const [a, b] = (await newAgents(t(one), 2)) as [string, string]
    for (let i = 0; i < 5; i++) {
      const { id } = await createTask(t(one), { assigned_agent_id: a })
      const to = { task_id: id, to_agent_id: b, delegation_type: 'handoff' }
      expect(await outcomesOf([does(one, 'delegate_task', to), does(other, 'delegate_task', to)])).toEqual({
        done: 1,
        RN507: 1,
      })
    }
  })

  it('to a task that is being cancelled make nothing below it', async () => {
    const [one, other] = (await sessions(2, db.acme.member)) as [Session, Session]
    const { id } = await createTask(t(one))
    await one.query('begin')
    await does(one, 'cancel_task', { task_id: id })
    const late = codeOf(createTask(t(other), { parent_task_id: id }))
    await untilBlocked(other)
    await one.query('commit')
    expect(await late).toBe('RN504')
  })
})

it('twelve clients that do anything to one tree never wait in a circle, and no task is held below one that was cancelled', async () => {
  const clients = await sessions(12, db.acme.member)
  const agents = await newAgents(t(clients[0] as Session), 4)
  const top = await createTask(t(clients[0] as Session), { assigned_agent_id: agents[0], max_delegations: 20 })
  const codes = await Promise.all(
    clients.map(async (one, i) => {
      const random = mulberry32(i + 1)
      const any = <T>(list: T[]): T => list[Math.floor(random() * list.length)] as T
      const found: (string | undefined)[] = []
      for (let step = 0; step < 40; step++) {
        const all = (await t(one).query<{ id: string }>('select id from app_public.tasks')).map(({ id }) => id)
        const to = {
          to_agent_id: any(agents),
          delegation_type: any(['handoff', 'supervision', 'collaboration', 'consultation']),
        }
        const lease = await tryToClaim(t(one), any(agents))
        const acts: (() => Promise<unknown>)[] = [
          () => createTask(t(one), { parent_task_id: any(all) }),
          () => does(one, 'delegate_task', { task_id: any(all), ...to }),
          () => does(one, 'reassign_task', { task_id: any(all), agent_id: any(agents) }),
          () => does(one, 'cancel_task', { task_id: any(all.filter((id) => id !== top.id || step > 35)) ?? top.id }),
          () => (lease ? finish(one, lease) : Promise.resolve()),
          () =>
            lease
              ? does(one, 'delegate_task', { ...to, task_id: lease.task_id, lease_token: lease.lease_token })
              : Promise.resolve(),
          () =>
            lease
              ? does(one, 'fail_task', {
                  task_id: lease.task_id,
                  lease_token: lease.lease_token,
                  reason: 'No.',
                  is_final: random() < 0.5,
                })
              : Promise.resolve(),
        ]
        found.push(await codeOf(any(acts)()))
      }
      return found
    }),
  )
  // 40P01 is a deadlock
  for (const code of new Set(codes.flat())) expect(code ?? 'RN000').toMatch(/^RN/)
  const last = await session(db.acme.member)
  await codeOf(does(last, 'cancel_task', { task_id: top.id }))
  const { rows } = await db.pool.query(
    `select count(*)::int as open from app_public.tasks b join app_public.tasks p on p.tenant_id = b.tenant_id and p.id = b.parent_task_id
      where p.status = 'cancelled' and b.finished_at is null`,
  )
  expect(rows[0].open).toBe(0)
  const orphans = await db.pool.query(
    `select count(*)::int as waiting from app_public.tasks p where p.status = 'delegated' and not exists (
       select from app_public.tasks b where b.parent_task_id = p.id and b.delegation_type = 'supervision' and b.finished_at is null)`,
  )
  expect(orphans.rows[0].waiting).toBe(0)
})

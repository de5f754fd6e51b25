// Schedules: tasks that are created by themselves, each planned time once, by the clock of the tenant.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { setClock } from '../helpers/clock.ts'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { outcomesOf, useSessions } from '../helpers/sessions.ts'
import { runTask } from '../helpers/tasks.ts'
import { claim, newAgent } from './helpers.ts'

const db = useDatabase()
const { session, sessions } = useSessions(db)

type Schedule = Record<string, unknown> & { id: string; next_run_at: Date | null; run_count: number }
const start = '2026-11-29T10:00:00Z'

/** At ten on 29 November 2026, in the tenant's zone UTC unless another is named. */
const asMember =
  (work: (t: Transaction) => Promise<void>, zone = 'UTC') =>
  () =>
    db.inTransaction(async (t) => {
      await t.query('update app_public.tenants set timezone = $2 where id = $1', [db.acme.id, zone])
      await setClock(t, start)
      await t.become(db.acme.member)
      await work(t)
    })

const insert = (given: Record<string, unknown>): [string, unknown[]] => {
  const row: Record<string, unknown> = { name: crypto.randomUUID(), title: 'Read the news', ...given }
  if (!('every' in row)) row.cron_expression ??= '*/10 * * * *'
  const columns = Object.keys(row)
  return [
    `insert into app_public.agent_scheduled_tasks (${columns}) values (${columns.map((_, i) => `$${i + 1}`)}) returning *`,
    Object.values(row),
  ]
}
const addSchedule = async (t: Transaction, given: Record<string, unknown> = {}): Promise<Schedule> =>
  (await t.query<Schedule>(...insert(given)))[0] as Schedule
const read = async (t: Transaction, id: string): Promise<Schedule> =>
  (await t.query<Schedule>('select * from app_public.agent_scheduled_tasks where id = $1', [id]))[0] as Schedule

/** The worker looks at this time; the member goes on. */
async function workAt(t: Transaction, at: string): Promise<number> {
  await t.becomeSuperuser()
  await setClock(t, at)
  await t.becomeRole('rowhouse_worker')
  const count = await t.value<number>('select runtime.run_due_schedules($1)', [db.acme.id])
  await t.query('select runtime.settle_runs($1)', [db.acme.id])
  await t.become(db.acme.member)
  return count
}

const historyOf = async (t: Transaction, id: string): Promise<string[]> =>
  (
    await t.query<{ at: string }>(
      `select to_char(planned_at at time zone 'UTC', 'DD HH24:MI ') || status as at
         from app_public.agent_scheduled_runs where scheduled_task_id = $1 order by planned_at`,
      [id],
    )
  ).map(({ at }) => at)

async function finishTask(t: Transaction): Promise<void> {
  const agent = await newAgent(t)
  const { task_id, lease_token } = await claim(t, agent)
  await t.query('select app_public.complete_task($1, $2)', [task_id, lease_token])
}

describe('a schedule', () => {
  it(
    'creates its task when it is due, once for each planned time, and says when it is due next',
    asMember(async (t) => {
      const agent = await newAgent(t)
      const made = await addSchedule(t, {
        assigned_agent_id: agent,
        priority: 'high',
        input: { page: 1 },
        overlap: 'allow',
      })
      expect(made.next_run_at).toEqual(new Date('2026-11-29T10:10:00Z'))
      expect(await workAt(t, '2026-11-29T10:09:59Z')).toBe(0)
      expect(await workAt(t, '2026-11-29T10:10:20Z')).toBe(1)
      expect(await workAt(t, '2026-11-29T10:10:40Z')).toBe(0)
      expect(await workAt(t, '2026-11-29T10:20:00Z')).toBe(1)
      expect(await historyOf(t, made.id)).toEqual(['29 10:10 running', '29 10:20 running'])
      expect(await read(t, made.id)).toMatchObject({ run_count: 2, next_run_at: new Date('2026-11-29T10:30:00Z') })
      expect(
        await t.query(
          `select t.title, t.priority, t.input, t.assigned_agent_id, t.created_by_user_id
             from app_public.agent_scheduled_runs r join app_public.tasks t on t.id = r.task_id`,
        ),
      ).toEqual(
        Array(2).fill({
          title: 'Read the news',
          priority: 'high',
          input: { page: 1 },
          assigned_agent_id: agent,
          created_by_user_id: db.acme.member.userId,
        }),
      )
    }),
  )

  it(
    'at an interval counts from its start, so a late worker does not move it',
    asMember(async (t) => {
      const made = await addSchedule(t, { every: '90 minutes', starts_at: '2026-11-29T09:15:00Z', overlap: 'allow' })
      expect(made.next_run_at).toEqual(new Date('2026-11-29T10:45:00Z'))
      await workAt(t, '2026-11-29T10:49:00Z')
      expect((await read(t, made.id)).next_run_at).toEqual(new Date('2026-11-29T12:15:00Z'))
      const later = await addSchedule(t, { every: '1 day', starts_at: '2026-12-24T00:00:00Z' })
      expect(later.next_run_at).toEqual(new Date('2026-12-24T00:00:00Z'))
    }),
  )

  it.each([
    ['Europe/Berlin', '30 2 * * *', '2026-03-28T12:00Z', ['28-1', '29 01:00', '30 00:30']],
    ['Europe/Berlin', '30 2 * * *', '2026-10-24T12:00Z', ['24-1', '25 00:30', '26 01:30']],
    ['America/New_York', '30 1 * * *', '2026-10-31T12:00Z', ['31-1', '01 05:30', '02 06:30']],
    ['Australia/Lord_Howe', '15 2 * * *', '2026-10-03T12:00Z', ['03-1', '03 15:30', '04 15:15']],
  ])('in %s at "%s" from %s runs once on each day', (zone, cron, from, [, ...expected]) =>
    asMember(async (t) => {
      await t.becomeSuperuser()
      await setClock(t, from)
      await t.become(db.acme.member)
      const made = await addSchedule(t, { cron_expression: cron, overlap: 'allow' })
      for (let minutes = 0; minutes <= 44 * 60; minutes += 30)
        await workAt(t, new Date(Date.parse(from) + minutes * 60_000).toISOString())
      expect(await historyOf(t, made.id)).toEqual(expected.map((at) => `${at} running`))
    }, zone)(),
  )

  it(
    'is planned anew when the time zone of the tenant changes',
    asMember(async (t) => {
      const daily = await addSchedule(t, { cron_expression: '0 12 * * *' })
      const paused = await addSchedule(t, { cron_expression: '0 12 * * *', is_paused: true })
      await t.become(db.acme.owner)
      await t.query(`update app_public.tenants set timezone = 'America/New_York' where id = $1`, [db.acme.id])
      expect((await read(t, daily.id)).next_run_at).toEqual(new Date('2026-11-29T17:00:00Z'))
      expect((await read(t, paused.id)).next_run_at).toBeNull()
    }),
  )

  it(
    'lists when it runs next, 1 to 100 times, and no more than it has left',
    asMember(async (t) => {
      const next = (id: string, count?: number) =>
        t
          .value<Date[]>(
            `select app_public.agent_scheduled_tasks_next_runs(s${count ? ', $2' : ''}) from app_public.agent_scheduled_tasks s where id = $1`,
            count ? [id, count] : [id],
          )
          .then((runs) => runs.map((at) => at.toISOString().slice(11, 16)))
      const made = await addSchedule(t)
      expect(await next(made.id)).toEqual(['10:10', '10:20', '10:30', '10:40', '10:50'])
      expect(await next(made.id, 100)).toHaveLength(100)
      const few = await addSchedule(t, { max_runs: 2 })
      expect(await next(few.id)).toEqual(['10:10', '10:20'])
      const short = await addSchedule(t, { ends_at: '2026-11-29T10:30:00Z' })
      expect(await next(short.id)).toEqual(['10:10', '10:20'])
      const paused = await addSchedule(t, { is_paused: true })
      expect(await next(paused.id)).toEqual([])
      for (const count of [-1, 101, 2147483647])
        expect(
          await t.errorCode(
            'select app_public.agent_scheduled_tasks_next_runs(s, $2) from app_public.agent_scheduled_tasks s where id = $1',
            [made.id, count],
          ),
        ).toBe('RN433')
    }),
  )

  it(
    'ends at its end, and after as many runs as it may have',
    asMember(async (t) => {
      const short = await addSchedule(t, { ends_at: '2026-11-29T10:20:00Z', overlap: 'allow' })
      const few = await addSchedule(t, { max_runs: 3, missed_runs: 'all', overlap: 'allow' })
      await workAt(t, '2026-11-29T10:10:00Z')
      await workAt(t, '2026-11-29T11:10:00Z')
      expect(await historyOf(t, short.id)).toEqual(['29 10:10 running'])
      expect(await historyOf(t, few.id)).toEqual(['29 10:10 running', '29 10:20 running', '29 10:30 running'])
      for (const { id } of [short, few]) expect((await read(t, id)).next_run_at).toBeNull()
    }),
  )

  it(
    'does not run while it is paused, nor later what would have been due meanwhile',
    asMember(async (t) => {
      const made = await addSchedule(t, { missed_runs: 'all' })
      const pause = (is: boolean) =>
        t.query('update app_public.agent_scheduled_tasks set is_paused = $2 where id = $1', [made.id, is])
      await pause(true)
      expect(await workAt(t, '2026-11-29T10:35:00Z')).toBe(0)
      await pause(false)
      expect((await read(t, made.id)).next_run_at).toEqual(new Date('2026-11-29T10:40:00Z'))
      await workAt(t, '2026-11-29T10:40:00Z')
      expect(await historyOf(t, made.id)).toEqual(['29 10:40 running'])
    }),
  )
})

describe('runs that were missed', () => {
  const missed = (policy: string, given: Record<string, unknown>, at: string, expected: string[]) =>
    asMember(async (t) => {
      const made = await addSchedule(t, { missed_runs: policy, overlap: 'allow', ...given })
      await workAt(t, at)
      expect(await historyOf(t, made.id)).toEqual(expected)
      await workAt(t, at)
      expect(await historyOf(t, made.id)).toEqual(expected)
    })

  it('are skipped by the policy skip', missed('skip', {}, '2026-11-29T11:06:00Z', ['29 10:10 missed']))
  it(
    'are skipped by it but for one that is less than five minutes late',
    missed('skip', {}, '2026-11-29T11:04:59Z', ['29 10:10 missed', '29 11:00 running']),
  )
  it(
    'run once by the policy once, however many there were',
    missed('once', {}, '2036-11-29T11:06:00Z', ['29 10:10 missed', '29 11:00 running']),
  )
  it(
    'all run by the policy all',
    missed('all', {}, '2026-11-29T10:36:00Z', ['29 10:10 running', '29 10:20 running', '29 10:30 running']),
  )
  it(
    'run by it at most as many as it allows, and those are the latest',
    missed('all', { most_missed_runs: 2 }, '2036-11-29T11:06:00Z', [
      '29 10:10 missed',
      '29 10:50 running',
      '29 11:00 running',
    ]),
  )
  it(
    'of an interval are counted alike',
    missed('all', { every: '10 minutes', starts_at: start, most_missed_runs: 2 }, '2036-11-29T11:06:00Z', [
      '29 10:10 missed',
      '29 10:50 running',
      '29 11:00 running',
    ]),
  )
})

describe('a run that is due while the task of an earlier one has not ended', () => {
  it(
    'runs when the policy allows it',
    asMember(async (t) => {
      const made = await addSchedule(t, { overlap: 'allow' })
      for (const at of ['10:10', '10:20']) await workAt(t, `2026-11-29T${at}:00Z`)
      expect(await historyOf(t, made.id)).toEqual(['29 10:10 running', '29 10:20 running'])
    }),
  )

  it(
    'is skipped, and the next one runs when the task has ended',
    asMember(async (t) => {
      const made = await addSchedule(t, { overlap: 'skip' })
      for (const at of ['10:10', '10:20']) await workAt(t, `2026-11-29T${at}:00Z`)
      await finishTask(t)
      await workAt(t, '2026-11-29T10:30:00Z')
      expect(await historyOf(t, made.id)).toEqual(['29 10:10 finished', '29 10:20 skipped', '29 10:30 running'])
      expect((await read(t, made.id)).run_count).toBe(2)
    }),
  )

  it(
    'waits when the policy queues it, and only one does',
    asMember(async (t) => {
      const made = await addSchedule(t, { overlap: 'queue' })
      for (const at of ['10:10', '10:20', '10:30']) await workAt(t, `2026-11-29T${at}:00Z`)
      expect(await historyOf(t, made.id)).toEqual(['29 10:10 running', '29 10:20 queued', '29 10:30 skipped'])
      await finishTask(t)
      await workAt(t, '2026-11-29T10:31:00Z')
      expect(await historyOf(t, made.id)).toEqual(['29 10:10 finished', '29 10:20 running', '29 10:30 skipped'])
      await finishTask(t)
      await workAt(t, '2026-11-29T10:32:00Z')
      expect(await historyOf(t, made.id)).toEqual(['29 10:10 finished', '29 10:20 finished', '29 10:30 skipped'])
    }),
  )
})

describe('a run by hand', () => {
  it(
    'creates the task now, also while it is paused, and changes nothing of the plan',
    asMember(async (t) => {
      const made = await addSchedule(t, { is_paused: true, max_runs: 1 })
      const [run] = await t.query('select * from app_public.run_scheduled_task($1)', [made.id])
      expect(run).toMatchObject({ status: 'running', is_manual: true, planned_at: new Date(start) })
      expect(await read(t, made.id)).toMatchObject({ run_count: 0, next_run_at: null })
      const again = 'select app_public.run_scheduled_task($1)'
      expect(await t.errorCode(again, [made.id])).toBe('RN538')
      await t.becomeSuperuser()
      await setClock(t, '2026-11-29T10:01:00Z')
      await t.become(db.acme.member)
      expect(await t.errorCode(again, [made.id])).toBe('RN537')
      expect(await historyOf(t, made.id)).toEqual(['29 10:00 running'])
      expect(await t.errorCode(again, [crypto.randomUUID()])).toBe('RN332')
      await t.become(db.acme.viewer)
      expect(await t.errorCode(again, [made.id])).toBe('ID203')
      await t.become(db.globex.owner)
      expect(await t.errorCode(again, [made.id])).toBe('RN332')
    }),
  )
})

describe('a schedule that cannot run', () => {
  it(
    'says why in its history, is planned again, and keeps no other from running',
    asMember(async (t) => {
      const agent = await newAgent(t)
      const broken = await addSchedule(t, { assigned_agent_id: agent })
      const sound = await addSchedule(t)
      await t.becomeSuperuser()
      await t.query('update app_public.agents set deleted_at = now() where id = $1', [agent])
      expect(await workAt(t, '2026-11-29T10:10:00Z')).toBe(2)
      expect(await historyOf(t, broken.id)).toEqual(['29 10:10 failed'])
      expect(await historyOf(t, sound.id)).toEqual(['29 10:10 running'])
      expect(await read(t, broken.id)).toMatchObject({ run_count: 0, next_run_at: new Date('2026-11-29T10:20:00Z') })
      const reason = `select reason from app_public.agent_scheduled_runs where status = 'failed'`
      expect(await t.value(reason)).toMatch(/^assigned_agent_id: There is no such agent/)
    }),
  )

  it(
    'of a tenant that is read-only waits',
    asMember(async (t) => {
      await addSchedule(t)
      const due = async () => {
        await t.becomeSuperuser()
        await setClock(t, '2026-11-29T10:10:00Z')
        await t.becomeRole('rowhouse_worker')
        return (await t.query('select runtime.tenants_with_due_schedules() as id')).map(({ id }) => id)
      }
      expect(await due()).toEqual([db.acme.id])
      await t.becomeSuperuser()
      await t.query(`select tenancy.set_tenant_status($1, 'suspended', 'unpaid')`, [db.acme.id])
      expect(await due()).toEqual([])
    }),
  )
})

describe('what cannot be planned is refused', () => {
  it.each([
    [{ cron_expression: '61 * * * *' }, 'RH401'],
    [{ cron_expression: '0 0 30 2 *' }, 'RH402'],
    [{ cron_expression: '61 * * * *', is_paused: true }, 'RH401'],
    [{ cron_expression: '* * * * *', every: '1 hour' }, '23514'],
    [{ every: null }, '23514'],
    [{ every: '59 seconds' }, '23514'],
    [{ every: '-1 hour' }, '23514'],
    [{ every: '1 month' }, '23514'],
    [{ every: '400 days' }, '23514'],
    [{ starts_at: 'infinity' }, '23514'],
    [{ starts_at: '2026-12-01', ends_at: '2026-11-30' }, '23514'],
    [{ max_runs: 0 }, '23514'],
    [{ most_missed_runs: 101 }, '23514'],
    [{ assigned_agent_id: '00000000-0000-4000-8000-000000000000' }, 'RN302'],
    [{ input: '[]' }, '23514'],
    [{ next_run_at: '2026-11-29' }, '42501'],
  ])('%j gives %s', (given, code) =>
    asMember(async (t) => {
      expect(await t.errorCode(...insert(given))).toBe(code)
    })(),
  )

  it(
    'and so is a schedule by who may not run agents, and one more than 500',
    asMember(async (t) => {
      await t.become(db.acme.viewer)
      expect(await t.errorCode(...insert({}))).toBe('42501')
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.agent_scheduled_tasks (tenant_id, name, title, every) select $1, n::text, 'x', '1 hour' from generate_series(1, 499) n`,
        [db.acme.id],
      )
      await t.become(db.acme.member)
      expect(await t.errorCode(...insert({}))).toBeUndefined()
      expect(await t.errorCode(...insert({}))).toBe('RN630')
    }),
  )
})

// The model plans by itself: every time of the interval, which of them a worker sees late, and which task still runs.
describe('any sequence of a worker that looks, tasks that end, and pauses', () => {
  it('gives each planned time at most one task, as the policies say', async () => {
    const steps = fc.array(
      fc.record({ minutes: fc.integer({ min: 0, max: 45 }), act: fc.constantFrom('look', 'look', 'look', 'finish') }),
      { minLength: 1, maxLength: 8 },
    )
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.constantFrom('skip', 'once', 'all'),
        fc.constantFrom('allow', 'skip', 'queue'),
        fc.option(fc.integer({ min: 1, max: 4 }), { nil: null }),
        async (sequence, missedRuns, overlap, maxRuns) =>
          asMember(async (t) => {
            const made = await addSchedule(t, {
              every: '10 minutes',
              starts_at: start,
              missed_runs: missedRuns,
              most_missed_runs: 2,
              overlap,
              max_runs: maxRuns,
            })
            let now = Date.parse(start)
            let next = 1
            let started = 0
            const open: number[] = []
            let queued: number | undefined
            const ran = new Map<number, string>()
            for (const { minutes, act } of sequence) {
              now += minutes * 60_000
              if (act === 'finish') {
                const oldest = open.shift()
                if (oldest === undefined) continue
                await t.becomeSuperuser()
                await setClock(t, new Date(now).toISOString())
                await t.become(db.acme.member)
                await finishTask(t)
                continue
              }
              const elapsed = (now - Date.parse(start)) / 60_000
              const last = Math.floor(elapsed / 10)
              if (last >= next && (maxRuns === null || started < maxRuns)) {
                const due = Array.from({ length: last - next + 1 }, (_, i) => next + i)
                let times = missedRuns === 'all' ? due.slice(-2) : due.slice(-1)
                if (missedRuns === 'skip' && elapsed - last * 10 >= 5) times = []
                if (maxRuns !== null) times = times.slice(0, maxRuns - started)
                for (const time of times) {
                  const free = open.length === 0 || overlap === 'allow'
                  const waits = !free && overlap === 'queue' && queued === undefined
                  ran.set(time, free ? 'ran' : waits ? 'queued' : 'skipped')
                  if (free) open.push(time)
                  if (waits) queued = time
                  if (free || waits) started++
                }
                next = last + 1
              }
              if (queued !== undefined && open.length === 0) {
                ran.set(queued, 'ran')
                open.push(queued)
                queued = undefined
              }
              await workAt(t, new Date(now).toISOString())
            }
            const rows = await t.query<{ n: number; status: string }>(
              `select (extract(epoch from planned_at - $2) / 600)::int as n,
                      case when status in ('running', 'finished') then 'ran' else status end as status
                 from app_public.agent_scheduled_runs where scheduled_task_id = $1 and status <> 'missed'`,
              [made.id, start],
            )
            expect(new Map(rows.map(({ n, status }) => [n, status]))).toEqual(ran)
            expect((await read(t, made.id)).run_count).toBe(started)
          })(),
      ),
      { seed: 17, numRuns: 80 },
    )
  })
})

describe('at the same time', () => {
  it('ten workers run forty schedules that are due once each', async (context) => {
    needsServer(context)
    const member = await session(db.acme.member)
    await member.query(
      `insert into app_public.agent_scheduled_tasks (name, title, every, starts_at)
       select 'crowd ' || n, 'x', '1 day', now() - interval '1 hour' from generate_series(1, 40) n`,
    )
    await db.pool.query(`update app_public.agent_scheduled_tasks set next_run_at = starts_at where name like 'crowd %'`)
    const pool = createPool(db.url, 'rowhouse_worker', 10)
    try {
      await Promise.all(Array.from({ length: 10 }, () => runTask(pool, 'runtime__run_schedules')))
    } finally {
      await pool.end()
    }
    const { rows } = await db.pool.query(
      `select count(*)::int as runs, count(distinct r.scheduled_task_id)::int as schedules, count(distinct r.task_id)::int as tasks,
              max(s.run_count) as most
         from app_public.agent_scheduled_runs r
         join app_public.agent_scheduled_tasks s on s.tenant_id = r.tenant_id and s.id = r.scheduled_task_id
        where s.name like 'crowd %'`,
    )
    expect(rows).toEqual([{ runs: 40, schedules: 40, tasks: 40, most: 1 }])
  })

  it('ten people who run one that overlaps nothing start one task', async (context) => {
    needsServer(context)
    const clients = await sessions(10, db.acme.member)
    const [first] = clients
    const made = await first?.query(
      `insert into app_public.agent_scheduled_tasks (name, title, every) values ('by hand', 'x', '1 day') returning id`,
    )
    const id = made?.rows[0].id
    const run = clients.map((client) => client.query('select app_public.run_scheduled_task($1)', [id]))
    expect(await outcomesOf(run)).toEqual({ done: 1, RN537: 9 })
  })

  it('a worker that dies before it commits leaves the run to the next', async (context) => {
    needsServer(context)
    const member = await session(db.acme.member)
    const { rows } = await member.query(
      `insert into app_public.agent_scheduled_tasks (name, title, every, starts_at) values ('mortal', 'x', '1 day', now() - interval '1 hour') returning id`,
    )
    const due = `update app_public.agent_scheduled_tasks set next_run_at = starts_at where id = $1`
    await db.pool.query(due, [rows[0].id])
    const [dying, second, third] = await sessions(3, 'rowhouse_worker')
    const look = 'select runtime.run_due_schedules($1) as n'
    await dying?.query('begin')
    expect((await dying?.query(look, [db.acme.id]))?.rows).toEqual([{ n: 1 }])
    expect((await second?.query(look, [db.acme.id]))?.rows).toEqual([{ n: 0 }])
    await db.pool.query('select pg_terminate_backend($1)', [dying?.processID])
    dying?.on('error', () => {})
    await db.pool.query(`select from app_public.agent_scheduled_tasks where id = $1 for update`, [rows[0].id])
    expect((await third?.query(look, [db.acme.id]))?.rows).toEqual([{ n: 1 }])
    const runs = await db.pool.query(
      'select status from app_public.agent_scheduled_runs where scheduled_task_id = $1',
      [rows[0].id],
    )
    expect(runs.rows).toEqual([{ status: 'running' }])
  })
})

describe('over GraphQL', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(db.url)
  })
  afterAll(() => server.close())

  it('a schedule is created, shows its next runs, is paused and run by hand, with its history', async () => {
    const ask = async (query: string, variables: object = {}) => {
      const { data, errors } = await server.ask('member@acme.test', query, variables)
      expect(errors).toBeUndefined()
      return data
    }
    const { createAgentScheduledTask } = await ask(
      `mutation { createAgentScheduledTask(input: {agentScheduledTask: {name: "Nightly", title: "Tidy", cronExpression: "30 2 * * *", overlap: queue}}) {
         agentScheduledTask { id nextRunAt nextRuns(count: 3) missedRuns } } }`,
    )
    const made = createAgentScheduledTask.agentScheduledTask
    expect(made.nextRuns).toHaveLength(3)
    expect(made.nextRuns[0]).toBe(made.nextRunAt)
    const { runScheduledTask } = await ask(
      `mutation ($id: UUID!) { runScheduledTask(input: {id: $id}) { run { status isManual task { title status } } } }`,
      { id: made.id },
    )
    expect(runScheduledTask.run).toEqual({
      status: 'running',
      isManual: true,
      task: { title: 'Tidy', status: 'pending' },
    })
    const { updateAgentScheduledTask } = await ask(
      `mutation ($id: UUID!) { updateAgentScheduledTask(input: {id: $id, patch: {isPaused: true}}) {
         agentScheduledTask { isPaused nextRunAt runs(first: 5) { nodes { status } } } } }`,
      { id: made.id },
    )
    expect(updateAgentScheduledTask.agentScheduledTask).toEqual({
      isPaused: true,
      nextRunAt: null,
      runs: { nodes: [{ status: 'running' }] },
    })
    const wrong = await server.ask(
      'member@acme.test',
      `mutation { createAgentScheduledTask(input: {agentScheduledTask: {name: "x", title: "x", cronExpression: "0 25 * * *"}}) { agentScheduledTask { id } } }`,
    )
    expect(wrong.errors?.[0]).toMatchObject({
      message: 'The hour of the cron expression is not valid: "25".',
      extensions: { code: 'RH401' },
    })
  })
})

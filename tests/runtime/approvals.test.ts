// Approvals: what a person must allow before an agent goes on. A task that waits is held by nobody, and an approval ends once.

import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { setClockLater } from '../helpers/clock.ts'
import { needsServer, type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { useMailServer } from '../helpers/mail-server.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { codeOf, outcomesOf, useSessions } from '../helpers/sessions.ts'
import { runTask } from '../helpers/tasks.ts'
import { call, tryToClaim as claim, createTask, newAgent, type Task } from './helpers.ts'

const db = useDatabase()
const { session, sessions } = useSessions(db)
const mailServer = useMailServer()

type Approval = Record<string, unknown> & { id: string; status: string }

const asMember = (work: (t: Transaction, agent: string) => Promise<void>) => () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    await work(t, await newAgent(t))
  })

const carefulAgent = async (t: Transaction, settings: Record<string, unknown> = {}): Promise<string> => {
  const agent = await newAgent(t)
  await t.query('update app_public.agents set approval_required = true where id = $1', [agent])
  if (Object.keys(settings).length > 0) await addPolicy(t, { agent_id: agent, ...settings })
  return agent
}

/** As the admin, and back to the member. */
async function addPolicy(t: Transaction, policy: Record<string, unknown>): Promise<void> {
  await t.become(db.acme.admin)
  const columns = Object.keys(policy)
  await t.query(
    `insert into app_public.approval_policies (${columns}) values (${columns.map((_, i) => `$${i + 1}`)})`,
    Object.values(policy),
  )
  await t.become(db.acme.member)
}

const request = (t: Transaction, args: Record<string, unknown>): Promise<Approval> =>
  call(t, 'request_approval', { title: 'Send the mail?', ...args })

const decideCode = async (
  t: Transaction,
  person: Person,
  approval: string,
  answer = 'approved',
  reason = 'Because.',
) => {
  await t.become(person)
  return t.errorCode('select app_public.decide_approval($1, $2, $3)', [approval, answer, reason])
}

const taskOf = async (t: Transaction, id: string): Promise<Task> => {
  const [task] = await t.query<Task>(
    `select id, status, attempt_count, assigned_agent_id, held_by_agent_id, lease_expires_at, status_reason from app_public.tasks where id = $1`,
    [id],
  )
  return task as Task
}
const approvalOf = async (t: Transaction, taskId: string): Promise<Approval> => {
  const rows = await t.query<Approval>(
    'select * from app_public.agent_approvals where subject_id = $1 order by created_at desc',
    [taskId],
  )
  return rows[0] as Approval
}

describe('a task that an agent holds', () => {
  it(
    'waits without a lease when it asks, and goes on where it stopped, without an attempt used up',
    asMember(async (t, agent) => {
      const task = await createTask(t)
      const lease = await claim(t, agent)
      const approval = await request(t, {
        task_id: task.id,
        lease_token: lease?.lease_token,
        details: { to: 'all@acme.test', resumeAt: 'step 3' },
      })
      expect(approval).toMatchObject({ status: 'pending', cause: 'request', subject_kind: 'task', agent_id: agent })
      expect(await taskOf(t, task.id)).toMatchObject({
        status: 'awaiting_approval',
        lease_expires_at: null,
        attempt_count: 0,
      })
      expect(await claim(t, agent)).toBeUndefined()
      const late = `select app_public.complete_task($1, $2)`
      expect(await t.errorCode(late, [task.id, lease?.lease_token])).toBe('RN501')

      expect(await decideCode(t, db.acme.admin, approval.id)).toBeUndefined()
      await t.become(db.acme.member)
      const again = await claim(t, agent)
      expect(again).toMatchObject({ task_id: task.id, attempt: 1 })
      const [seen] = await t.query(
        `select a.details, a.status from app_public.tasks k, app_public.tasks_approvals(k) a where k.id = $1`,
        [task.id],
      )
      expect(seen).toEqual({ details: { to: 'all@acme.test', resumeAt: 'step 3' }, status: 'approved' })
      await call(t, 'complete_task', { task_id: task.id, lease_token: again?.lease_token })
    }),
  )

  it(
    'fails with the reason when it is rejected',
    asMember(async (t, agent) => {
      const task = await createTask(t)
      const lease = await claim(t, agent)
      const { id } = await request(t, { task_id: task.id, lease_token: lease?.lease_token })
      expect(await decideCode(t, db.acme.admin, id, 'rejected', ' ')).toBe('RN432')
      expect(await decideCode(t, db.acme.admin, id, 'rejected', 'Too many readers.')).toBeUndefined()
      expect(await taskOf(t, task.id)).toMatchObject({
        status: 'failed',
        status_reason: 'The approval is rejected. Too many readers.',
      })
    }),
  )

  it(
    'cannot ask with a lease that is not live, nor without one',
    asMember(async (t, agent) => {
      const task = await createTask(t)
      await claim(t, agent)
      const ask = 'select app_public.request_approval($1, $2, lease_token => $3)'
      expect(await t.errorCode(ask, [task.id, 'x', crypto.randomUUID()])).toBe('RN501')
      expect(await t.errorCode(ask, [task.id, 'x', null])).toBe('RN536')
      expect(await t.errorCode(ask, [crypto.randomUUID(), 'x', null])).toBe('RN301')
    }),
  )
})

describe('a task that nobody holds', () => {
  it(
    'waits, and goes back to its line when the approval is withdrawn',
    asMember(async (t, agent) => {
      const task = await createTask(t)
      const { id } = await request(t, { task_id: task.id })
      expect(await claim(t, agent)).toBeUndefined()
      await call(t, 'withdraw_approval', { id })
      expect(await claim(t, agent)).toMatchObject({ task_id: task.id })
      expect(await t.errorCode('select app_public.withdraw_approval($1)', [id])).toBe('RN531')
    }),
  )

  it(
    'waits for one approval at a time',
    asMember(async (t) => {
      const task = await createTask(t)
      await request(t, { task_id: task.id })
      expect(await t.errorCode(`select app_public.request_approval($1, 'x')`, [task.id])).toBe('RN536')
      await t.becomeRole('rowhouse_owner', db.acme.id)
      expect(
        await t.errorCode(
          `select runtime.open_approval(('task', $1, null, null)::runtime.approval_subject, 'x', '{}', 'request')`,
          [task.id],
        ),
      ).toBe('RN530')
    }),
  )

  it(
    'that is cancelled withdraws its approval, and cannot go on without it',
    asMember(async (t) => {
      const task = await createTask(t)
      const { id } = await request(t, { task_id: task.id })
      await t.becomeRole('rowhouse_owner', db.acme.id)
      expect(await t.errorCode(`update app_public.tasks set status = 'pending' where id = $1`, [task.id])).toBe('RN535')
      await t.become(db.acme.member)
      await call(t, 'cancel_task', { task_id: task.id })
      expect(await approvalOf(t, task.id)).toMatchObject({ id, status: 'withdrawn' })
      expect(await decideCode(t, db.acme.admin, id)).toBe('RN531')
      expect(await taskOf(t, task.id)).toMatchObject({ status: 'cancelled' })
    }),
  )
})

describe('a policy', () => {
  it(
    'of the agent lets a new task wait at once, and is asked once for the task',
    asMember(async (t) => {
      const agent = await carefulAgent(t)
      const task = await createTask(t, { assigned_agent_id: agent })
      expect(task.status).toBe('awaiting_approval')
      const { id, cause, title } = await approvalOf(t, task.id)
      expect({ cause, title }).toEqual({ cause: 'agent', title: task.title })
      await decideCode(t, db.acme.admin, id)
      await t.become(db.acme.member)
      const lease = await claim(t, agent)
      expect(lease).toMatchObject({ task_id: task.id })
      await call(t, 'fail_task', { task_id: task.id, lease_token: lease?.lease_token, reason: 'Busy.' })
      await t.becomeSuperuser()
      await setClockLater(t, '1 hour')
      await t.become(db.acme.member)
      expect(await claim(t, agent)).toMatchObject({ task_id: task.id, attempt: 2 })
    }),
  )

  it(
    'of the agent holds for tasks that are for any agent, too, and others may still take those it has not asked for',
    asMember(async (t, other) => {
      const agent = await carefulAgent(t)
      const first = await createTask(t)
      expect(await claim(t, agent)).toBeUndefined()
      expect(await taskOf(t, first.id)).toMatchObject({ status: 'awaiting_approval', assigned_agent_id: agent })
      const second = await createTask(t)
      expect(await claim(t, other)).toMatchObject({ task_id: second.id })
      await decideCode(t, db.acme.admin, (await approvalOf(t, first.id)).id)
      await t.become(db.acme.member)
      expect(await claim(t, other)).toBeUndefined()
      expect(await claim(t, agent)).toMatchObject({ task_id: first.id })
    }),
  )

  it(
    'asks for at most 20 tasks that are for any agent at once',
    asMember(async (t) => {
      const agent = await carefulAgent(t)
      for (let i = 0; i < 35; i++) await createTask(t)
      for (let i = 0; i < 5; i++) expect(await claim(t, agent)).toBeUndefined()
      expect(
        await t.query('select status::text, count(*)::int from app_public.tasks group by status order by count(*)'),
      ).toEqual([
        { status: 'pending', count: 15 },
        { status: 'awaiting_approval', count: 20 },
      ])
    }),
  )

  it(
    'that comes later holds when the task is claimed',
    asMember(async (t, agent) => {
      const task = await createTask(t, { assigned_agent_id: agent })
      await addPolicy(t, { agent_id: agent, is_required: true })
      expect(await claim(t, agent)).toBeUndefined()
      expect(await approvalOf(t, task.id)).toMatchObject({ cause: 'policy', status: 'pending' })
    }),
  )

  it(
    'of the cost asks for what costs more, by the agent or as the request says',
    asMember(async (t, agent) => {
      await addPolicy(t, { cost_above_usd: '0.5' })
      const free = await createTask(t, { assigned_agent_id: agent })
      expect(free.status).toBe('assigned')
      expect(await request(t, { task_id: free.id, cost_usd: '0.50' })).toMatchObject({ cause: 'request' })
      await t.query('update app_public.agents set cost_per_query = 0.51 where id = $1', [agent])
      const dear = await createTask(t, { assigned_agent_id: agent })
      expect(await approvalOf(t, dear.id)).toMatchObject({ cause: 'cost', cost_usd: '0.5100000000' })
      const other = await createTask(t)
      const { id } = await request(t, { task_id: other.id, cost_usd: '0.6' })
      expect(await t.errorCode('select app_public.withdraw_approval($1)', [id])).toBe('RN534')
    }),
  )

  it(
    'and the request have their strictest terms each',
    asMember(async (t, agent) => {
      await addPolicy(t, { required_count: 2, expires_after: '3 days', default_answer: 'approved' })
      await addPolicy(t, { agent_id: agent, is_four_eyes: true, expires_after: '5 days', default_answer: 'approved' })
      const lenient = await createTask(t, { assigned_agent_id: agent })
      await t.query(
        `select app_public.request_approval($1, 'x', terms => (1, false, interval '30 days', 'rejected')::app_public.approval_terms)`,
        [lenient.id],
      )
      const [terms] = await t.query(
        `select required_count, is_four_eyes, default_answer, (expires_at - created_at)::text as waits from app_public.agent_approvals`,
      )
      expect(terms).toEqual({ required_count: 2, is_four_eyes: true, default_answer: 'rejected', waits: '3 days' })
    }),
  )

  it(
    'of a tool says why its use needs an approval, and on which terms',
    asMember(async (t, agent) => {
      const tool = await t.value(
        `insert into app_public.tools (name, tool_type, endpoint_url, http_method) values ('Mail', 'api', 'https://mail.test/', 'POST') returning id`,
      )
      await addPolicy(t, { tool_id: tool, cost_above_usd: '2', required_count: 3 })
      await addPolicy(t, { agent_id: agent, is_four_eyes: true })
      await t.becomeRole('rowhouse_owner', db.acme.id)
      const cause = (cost: string | null) => t.value('select runtime.approval_cause($1, $2, $3)', [agent, tool, cost])
      expect([await cause(null), await cause('2'), await cause('2.01')]).toEqual([null, null, 'cost'])
      const terms = `select (runtime.strictest_terms($1, null, $2)).*`
      expect(await t.query(terms, [agent, tool])).toMatchObject([{ required_count: 3, is_four_eyes: true }])
      expect(await t.query(terms, [agent, null])).toMatchObject([{ required_count: 1, is_four_eyes: true }])
      await t.query('update app_public.approval_policies set is_required = true where tool_id = $1', [tool])
      expect([await cause(null), await t.value('select runtime.approval_cause($1)', [agent])]).toEqual(['policy', null])
    }),
  )

  it(
    'is written by those with can_manage_settings, for agents and tools that the tenant has',
    asMember(async (t, agent) => {
      const add = 'insert into app_public.approval_policies (agent_id, tool_id) values ($1, $2)'
      expect(await t.errorCode(add, [agent, null])).toBe('42501')
      await t.become(db.acme.admin)
      expect(await t.errorCode(add, [crypto.randomUUID(), null])).toBe('RN302')
      expect(await t.errorCode(add, [null, crypto.randomUUID()])).toBe('RN331')
      expect(await t.errorCode(add, [agent, null])).toBeUndefined()
      expect(await t.errorCode(add, [agent, null])).toBe('23505')
      await t.become(db.globex.admin)
      expect(await t.errorCode(add, [agent, null])).toBe('RN302')
    }),
  )

  it.each([
    [`(6, false, interval '1 day', 'rejected')`, 'RN431'],
    [`(0, false, interval '1 day', 'rejected')`, undefined],
    [`(1, false, interval '1 second', 'rejected')`, 'RN430'],
    [`(1, false, interval '-1 day', 'rejected')`, 'RN430'],
    [`(1, false, interval '10 years', 'rejected')`, 'RN430'],
    [`(1, false, interval '1 day', 'maybe')`, '23514'],
  ])('is not needed for terms such as %s, which give %s', (terms, code) =>
    asMember(async (t) => {
      if (code === undefined) await addPolicy(t, { required_count: 1 })
      const task = await createTask(t)
      const ask = `select app_public.request_approval($1, 'x', terms => ${terms}::app_public.approval_terms)`
      expect(await t.errorCode(ask, [task.id])).toBe(code)
    })(),
  )
})

describe('deciding', () => {
  it(
    'is for a person with can_decide_approvals in the tenant, and never for an API key',
    asMember(async (t) => {
      const task = await createTask(t)
      const { id } = await request(t, { task_id: task.id })
      expect(await decideCode(t, db.acme.member, id)).toBe('ID203')
      expect(await decideCode(t, db.acme.viewer, id)).toBe('ID203')
      expect(await decideCode(t, db.globex.owner, id)).toBe('RN330')
      expect(await decideCode(t, db.acme.owner, crypto.randomUUID())).toBe('RN330')
      await t.become(db.acme.owner)
      await t.query(`select app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, $1))`, [
        JSON.stringify({ name: 'k', permissions: ['can_decide_approvals'] }),
      ])
      await t.query(
        `select set_config('rowhouse.api_key_id', (select id::text from app_public.api_keys where name = 'k'), true)`,
      )
      expect(await t.errorCode(`select app_public.decide_approval($1, 'approved')`, [id])).toBe('RN231')
      await t.query(`select set_config('rowhouse.api_key_id', '', true)`)
      expect(await decideCode(t, db.acme.owner, id)).toBeUndefined()
    }),
  )

  it(
    'by four eyes is neither for the requester nor for who gave the task',
    asMember(async (t) => {
      await addPolicy(t, { is_four_eyes: true })
      await t.become(db.acme.owner)
      const task = await createTask(t)
      await t.become(db.acme.admin)
      const { id } = await request(t, { task_id: task.id })
      expect(await decideCode(t, db.acme.admin, id)).toBe('RN230')
      expect(await decideCode(t, db.acme.owner, id)).toBe('RN230')
      await t.becomeSuperuser()
      await t.query(
        `update app_public.user_tenants set permissions = '{"can_decide_approvals": true}' where user_id = $1`,
        [db.acme.viewer.userId],
      )
      expect(await decideCode(t, db.acme.viewer, id)).toBeUndefined()
      expect(await approvalOf(t, task.id)).toMatchObject({ status: 'approved', is_default_answer: false })
    }),
  )

  it(
    'by two people needs two different ones, and one who rejects is enough',
    asMember(async (t) => {
      await addPolicy(t, { required_count: 2 })
      const task = await createTask(t)
      const first = await request(t, { task_id: task.id })
      expect(await decideCode(t, db.acme.admin, first.id)).toBeUndefined()
      expect(await decideCode(t, db.acme.admin, first.id)).toBe('RN533')
      expect(await taskOf(t, task.id)).toMatchObject({ status: 'awaiting_approval' })
      expect(await decideCode(t, db.acme.owner, first.id)).toBeUndefined()
      expect(await taskOf(t, task.id)).toMatchObject({ status: 'pending' })
      await t.become(db.acme.member)
      const second = await request(t, { task_id: task.id })
      expect(await decideCode(t, db.acme.admin, second.id)).toBeUndefined()
      expect(await decideCode(t, db.acme.owner, second.id, 'rejected')).toBeUndefined()
      expect(await taskOf(t, task.id)).toMatchObject({ status: 'failed' })
      expect(await decideCode(t, db.acme.admin, second.id)).toBe('RN531')
    }),
  )

  it(
    'is listed for those for whom it waits, the next to expire first',
    asMember(async (t) => {
      const mine = async (person: Person) => {
        await t.become(person)
        return (await t.query<Approval>('select * from app_public.approvals_for_me()')).map(({ title }) => title)
      }
      const ask = async (person: Person, title: string, days: number, people = 1) => {
        await t.become(person)
        const task = await createTask(t)
        await t.query(
          `select app_public.request_approval($1, $2, terms => ($3, true, make_interval(days => $4), null)::app_public.approval_terms)`,
          [task.id, title, people, days],
        )
        return (await approvalOf(t, task.id)).id
      }
      await ask(db.acme.member, 'later', 9)
      const both = await ask(db.acme.member, 'both', 5, 2)
      await ask(db.acme.admin, 'of the admin', 7)
      expect(await mine(db.acme.owner)).toEqual(['both', 'of the admin', 'later'])
      expect(await mine(db.acme.admin)).toEqual(['both', 'later'])
      await decideCode(t, db.acme.admin, both)
      expect(await mine(db.acme.admin)).toEqual(['later'])
      expect(await mine(db.acme.member)).toEqual([])
      expect(await mine(db.globex.owner)).toEqual([])
      await t.becomeSuperuser()
      await setClockLater(t, '8 days')
      expect(await mine(db.acme.owner)).toEqual(['later'])
    }),
  )
})

it(
  'the audit has who decided and how it ended',
  asMember(async (t) => {
    const entry = (table: string, operation: string, { userId }: Person, status: (string | null)[] | null) => ({
      table_name: `app_public.${table}`,
      operation,
      actor_user_id: userId,
      status,
    })
    const task = await createTask(t)
    const { id } = await request(t, { task_id: task.id })
    await decideCode(t, db.acme.admin, id)
    await t.becomeSuperuser()
    const entries = await t.query(
      `select table_name, operation, actor_user_id, changes -> 'status' as status from audit.ledger
        where tenant_id = $1 and table_name like '%agent_approval%' and occurred_at = now() order by id`,
      [db.acme.id],
    )
    expect(entries).toEqual([
      entry('agent_approvals', 'insert', db.acme.member, [null, 'pending']),
      entry('agent_approval_votes', 'insert', db.acme.admin, null),
      entry('agent_approvals', 'update', db.acme.admin, ['pending', 'approved']),
    ])
  }),
)

describe('an approval that expires', () => {
  it.each([
    ['approved', 'pending'],
    ['rejected', 'failed'],
  ])('gets its default answer, %s, once, and nobody decides after it', (answer, status) =>
    asMember(async (t) => {
      const task = await createTask(t)
      await t.query(
        `select app_public.request_approval($1, 'x', terms => (null, null, null, $2)::app_public.approval_terms)`,
        [task.id, answer],
      )
      const { id } = await approvalOf(t, task.id)
      const expire = async () => {
        await t.becomeRole('rowhouse_worker')
        const tenants = (await t.query('select runtime.tenants_with_expired_approvals() as id')).map((row) => row.id)
        return [tenants.includes(db.acme.id), await t.value('select runtime.expire_approvals($1)', [db.acme.id])]
      }
      expect(await expire()).toEqual([false, 0])
      await t.becomeSuperuser()
      await setClockLater(t, '7 days')
      expect(await decideCode(t, db.acme.admin, id)).toBe('RN532')
      expect([await expire(), await expire()]).toEqual([
        [true, 1],
        [false, 0],
      ])
      await t.become(db.acme.member)
      expect(await approvalOf(t, task.id)).toMatchObject({ status: answer, is_default_answer: true })
      expect(await taskOf(t, task.id)).toMatchObject({ status })
      expect(await decideCode(t, db.acme.admin, id)).toBe('RN531')
    })(),
  )
})

describe('those who may decide', () => {
  it(
    'get a mail, without those who may not by four eyes, and none when it has its answer',
    asMember(async (t) => {
      await addPolicy(t, { is_four_eyes: true })
      await t.becomeSuperuser()
      await t.query('select graphile_worker.complete_jobs(array(select id from graphile_worker.jobs))')
      await t.become(db.acme.admin)
      const task = await createTask(t)
      const { id } = await request(t, { task_id: task.id, title: 'Send <b>it</b>?', cost_usd: '1.50' })
      await t.becomeSuperuser()
      const queued = await t.query(
        `select j.payload ->> 'userId' as "userId", j.payload ->> 'approvalId' as "approvalId"
           from graphile_worker._private_jobs j join graphile_worker._private_tasks k on k.id = j.task_id
          where k.identifier = 'runtime__send_approval_request'`,
      )
      expect(queued).toEqual([{ userId: db.acme.owner.userId, approvalId: id }])
      const mail = async (person: Person) => {
        await t.becomeRole('rowhouse_worker')
        return t.query('select email, subject, message from runtime.approval_mail($1, $2, $3)', [
          db.acme.id,
          id,
          person.userId,
        ])
      }
      expect(await mail(db.acme.owner)).toEqual([
        {
          email: 'owner@acme.test',
          subject: 'Approval needed: Send <b>it</b>?',
          message: expect.stringMatching(
            /^"Send <b>it<\/b>\?" waits for an approval until .* It is expected to cost 1\.5 US dollars\. Without an answer it will be rejected\.$/,
          ),
        },
      ])
      expect(await mail(db.acme.member)).toEqual([])
      expect(await decideCode(t, db.acme.owner, id)).toBeUndefined()
      expect(await mail(db.acme.owner)).toEqual([])
    }),
  )
})

describe('a person for whom a mail waits already', () => {
  it(
    'gets one mail, about the latest approval, and how many more there are',
    asMember(async (t) => {
      await t.becomeSuperuser()
      await t.query('select graphile_worker.complete_jobs(array(select id from graphile_worker.jobs))')
      await t.become(db.acme.member)
      for (let i = 0; i < 30; i++) await request(t, { task_id: (await createTask(t)).id, title: `Mail ${i}?` })
      await t.becomeSuperuser()
      const queued = await t.query<{ userId: string; approvalId: string }>(
        `select j.payload ->> 'userId' as "userId", j.payload ->> 'approvalId' as "approvalId"
           from graphile_worker._private_jobs j join graphile_worker._private_tasks k on k.id = j.task_id
          where k.identifier = 'runtime__send_approval_request'`,
      )
      expect(queued.map(({ userId }) => userId).sort()).toEqual([db.acme.owner.userId, db.acme.admin.userId].sort())
      await t.becomeRole('rowhouse_worker')
      const message = await t.value<string>('select message from runtime.approval_mail($1, $2, $3)', [
        db.acme.id,
        queued[0]?.approvalId,
        db.acme.owner.userId,
      ])
      expect(message).toMatch(/^"Mail 29\?" waits .* Waiting for you besides: 29\.$/)
    }),
  )
})

it(
  'programs are told when an approval is requested and when it has ended',
  asMember(async (t) => {
    await t.becomeSuperuser()
    const kinds = await t.query(
      `select kind from app_public.webhook_event_kinds where kind like 'approval.%' order by kind`,
    )
    expect(kinds).toEqual([{ kind: 'approval.decided' }, { kind: 'approval.requested' }])
    await t.query(
      `insert into app_public.webhook_endpoints (tenant_id, url, kinds)
       values ($1, 'https://hooks.acme.test/x', array['approval.requested', 'approval.decided'])`,
      [db.acme.id],
    )
    await t.become(db.acme.member)
    const task = await createTask(t)
    const { id } = await request(t, { task_id: task.id })
    await decideCode(t, db.acme.admin, id, 'rejected')
    await t.becomeSuperuser()
    const events = await t.query(
      `select kind, payload as data from app_public.webhook_deliveries where tenant_id = $1 order by kind desc`,
      [db.acme.id],
    )
    expect(events).toMatchObject([
      {
        kind: 'approval.requested',
        data: { approval_id: id, subject_kind: 'task', subject_id: task.id, cause: 'request' },
      },
      { kind: 'approval.decided', data: { approval_id: id, status: 'rejected', is_default_answer: false } },
    ])
  }),
)

describe('whatever has a kind and an id', () => {
  it(
    'can wait for an approval, and its owner hears of the answer once by a trigger of its own',
    asMember(async (t) => {
      await t.becomeSuperuser()
      await t.query('create temp table heard (id uuid, status text)')
      await t.query(`create function pg_temp.hear() returns trigger language plpgsql as $$
        begin insert into heard values (new.subject_id, new.status); return null; end $$`)
      await t.query(`create trigger _900_hear after update of status on app_public.agent_approvals for each row
        when (old.status = 'pending' and new.subject_kind = 'workflow_step') execute function pg_temp.hear()`)
      await t.query('grant insert on heard to public')
      const step = crypto.randomUUID()
      await t.becomeRole('rowhouse_owner', db.acme.id)
      const [approval] = await t.query<Approval>(
        `select a.* from runtime.open_approval(('workflow_step', $1, null, $2)::runtime.approval_subject, 'Go on?', '{}', 'request',
           terms => (1, true, null, null)::app_public.approval_terms) a`,
        [step, db.acme.owner.userId],
      )
      const id = approval?.id as string
      expect(await decideCode(t, db.acme.owner, id)).toBe('RN230')
      expect(await decideCode(t, db.acme.admin, id)).toBeUndefined()
      await t.becomeSuperuser()
      expect(await t.query('select * from heard')).toEqual([{ id: step, status: 'approved' }])
    }),
  )
})

// The model: what a person does has an outcome by the state and by who they are, and the task follows the approval.
describe('any sequence of acts', () => {
  const people = ['owner', 'admin'] as const
  const acts = fc.array(
    fc.oneof(
      fc.record({
        act: fc.constantFrom('approved' as const, 'rejected' as const),
        who: fc.constantFrom(...people),
      }),
      fc.record({ act: fc.constantFrom('withdraw' as const, 'cancel' as const, 'expire' as const) }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  it('ends an approval once, as the first that may end it says, and moves the task once', async () => {
    await fc.assert(
      fc.asyncProperty(acts, fc.integer({ min: 1, max: 2 }), fc.boolean(), async (sequence, needed, isLate) =>
        asMember(async (t) => {
          const task = await createTask(t)
          const [{ id } = { id: '' }] = await t.query<Approval>(
            `select a.* from app_public.request_approval($1, 'x', terms => ($2, false, null, 'approved')::app_public.approval_terms) a`,
            [task.id, needed],
          )
          if (isLate) {
            await t.becomeSuperuser()
            await setClockLater(t, '8 days')
          }
          let status = 'pending'
          const approvers = new Set<string>()
          for (const step of sequence) {
            if ('who' in step) {
              const may = status === 'pending' && !isLate && !approvers.has(step.who)
              const code = await decideCode(t, db.acme[step.who], id, step.act)
              expect(code === undefined).toBe(may)
              if (may && step.act === 'approved') approvers.add(step.who)
              if (may && (step.act === 'rejected' || approvers.size >= needed)) status = step.act
            } else if (step.act === 'expire') {
              await t.becomeRole('rowhouse_worker')
              const ended = await t.value('select runtime.expire_approvals($1)', [db.acme.id])
              expect(ended).toBe(isLate && status === 'pending' ? 1 : 0)
              if (ended === 1) status = 'approved'
            } else {
              await t.become(db.acme.member)
              const name = step.act === 'cancel' ? 'cancel_task' : 'withdraw_approval'
              const before = await taskOf(t, task.id)
              const code = await t.errorCode(`select app_public.${name}($1)`, [step.act === 'cancel' ? task.id : id])
              const may =
                step.act === 'cancel' ? !['failed', 'cancelled'].includes(before.status) : status === 'pending'
              expect(code === undefined).toBe(may)
              if (may && status === 'pending') status = 'withdrawn'
            }
          }
          await t.become(db.acme.member)
          expect(await approvalOf(t, task.id)).toMatchObject({ status })
          const expected: Record<string, string[]> = {
            pending: ['awaiting_approval'],
            approved: ['pending', 'cancelled'],
            rejected: ['failed'],
            withdrawn: ['pending', 'cancelled'],
          }
          expect(expected[status]).toContain((await taskOf(t, task.id)).status)
        })(),
      ),
      { seed: 17, numRuns: 40 },
    )
  })
})

describe('at the same time', () => {
  /** A task that waits, committed. */
  async function waiting(terms = `(1, false, null, 'approved')`): Promise<{ id: string; task: string }> {
    const client = await session(db.acme.member)
    const { rows } = await client.query(`select id from app_public.create_task('x')`)
    const asked = await client.query(
      `select id from app_public.request_approval($1, 'x', terms => ${terms}::app_public.approval_terms)`,
      [rows[0].id],
    )
    return { id: asked.rows[0].id, task: rows[0].id }
  }
  beforeEach((context) => needsServer(context))

  it('of ten who decide, one does, and the task moves once', async () => {
    const { id, task } = await waiting()
    const clients = [...(await sessions(5, db.acme.admin)), ...(await sessions(5, db.acme.owner))]
    const decide = (client: (typeof clients)[number], i: number) =>
      client.query(`select app_public.decide_approval($1, $2, 'x')`, [id, i % 2 ? 'approved' : 'rejected'])
    expect(await outcomesOf(clients.map(decide))).toEqual({ done: 1, RN531: 9 })
    const moves = await db.pool.query(
      `select count(*)::int from app_public.task_state_transitions where task_id = $1 and from_status = 'awaiting_approval'`,
      [task],
    )
    expect(moves.rows[0].count).toBe(1)
  })

  it('of two needed, each of many clicks of one person counts once', async () => {
    const { id } = await waiting(`(2, false, null, 'rejected')`)
    const clients = await sessions(6, db.acme.admin)
    const decided = clients.map((client) => client.query(`select app_public.decide_approval($1, 'approved')`, [id]))
    expect(await outcomesOf(decided)).toEqual({ done: 1, RN533: 5 })
    const { rows } = await db.pool.query('select status from app_public.agent_approvals where id = $1', [id])
    expect(rows).toEqual([{ status: 'pending' }])
  })

  it('of workers that expire it, people who decide and one who cancels, one wins', async () => {
    await db.pool.query(
      `update app_public.agent_approvals set status = 'withdrawn', decided_at = now() where status = 'pending'`,
    )
    for (let round = 0; round < 5; round++) {
      const { id, task } = await waiting()
      const later = { 'rowhouse.clock': new Date(Date.now() + 8 * 86400_000).toISOString() }
      const workers = await sessions(4, 'rowhouse_worker', later)
      const deciders = await sessions(3, db.acme.admin)
      const [canceller] = await sessions(1, db.acme.member)
      const expired = workers.map((client) => client.query('select runtime.expire_approvals($1) as n', [db.acme.id]))
      const decided = deciders.map((client) =>
        codeOf(client.query(`select app_public.decide_approval($1, 'rejected', 'x')`, [id])),
      )
      const cancelled = codeOf(canceller?.query('select app_public.cancel_task($1)', [task]) as Promise<unknown>)
      const counts = (await Promise.all(expired)).reduce((sum, { rows }) => sum + rows[0].n, 0)
      const codes = await Promise.all(decided)
      const wins = counts + codes.filter((code) => code === undefined).length
      const cancelCode = await cancelled
      expect(codes.every((code) => code === undefined || code === 'RN531')).toBe(true)
      expect([undefined, 'RN502']).toContain(cancelCode)
      const { rows } = await db.pool.query(
        'select a.status, t.status as task from app_public.agent_approvals a join app_public.tasks t on t.id = a.subject_id where a.id = $1',
        [id],
      )
      expect(wins).toBe(rows[0].status === 'withdrawn' ? 0 : 1)
      expect(rows[0].task).toBe(rows[0].status === 'rejected' ? 'failed' : 'cancelled')
    }
  })

  it('ten worker tasks expire forty approvals once each', async () => {
    const client = await session(db.acme.member)
    await client.query(
      `select app_public.request_approval((app_public.create_task('x')).id, 'of forty', terms => (1, false, interval '1 minute', 'approved')::app_public.approval_terms)
         from generate_series(1, 40)`,
    )
    await db.pool.query(
      `update app_public.agent_approvals set expires_at = now() - interval '1 second' where status = 'pending'`,
    )
    const pool = createPool(db.url, 'rowhouse_worker', 10)
    try {
      await Promise.all(Array.from({ length: 10 }, () => runTask(pool, 'runtime__expire_approvals')))
    } finally {
      await pool.end()
    }
    const { rows } = await db.pool.query(
      `select count(*)::int as moves, count(distinct t.task_id)::int as tasks
         from app_public.task_state_transitions t join app_public.agent_approvals a on a.subject_id = t.task_id
        where a.title = 'of forty' and a.is_default_answer and t.from_status = 'awaiting_approval' and t.to_status = 'pending'`,
    )
    expect(rows).toEqual([{ moves: 40, tasks: 40 }])
  })
})

describe('the worker', () => {
  const asWorker = async (work: (pool: ReturnType<typeof createPool>) => Promise<void>) => {
    const pool = createPool(db.url, 'rowhouse_worker', 2)
    try {
      await work(pool)
    } finally {
      await pool.end()
    }
  }
  const open = async (tenant: string, kind: string, expires = '-1 second'): Promise<string> => {
    const { rows } = await db.pool.query(
      `insert into app_public.agent_approvals (tenant_id, subject_kind, subject_id, title, cause, required_count, is_four_eyes,
         default_answer, expires_at, created_at)
       values ($1, $2, gen_random_uuid(), 'Go on?', 'request', 1, false, 'approved', now() + $3::interval, now()) returning id`,
      [tenant, kind, expires],
    )
    return rows[0].id
  }

  it('sends the mail to one person, and again under the same id when it died in between', () =>
    asWorker(async (pool) => {
      const payload = {
        tenantId: db.acme.id,
        approvalId: await open(db.acme.id, 'workflow_step', '1 day'),
        userId: db.acme.owner.userId,
      }
      for (let i = 0; i < 2; i++) await runTask(pool, 'runtime__send_approval_request', payload)
      expect(mailServer.mails).toHaveLength(2)
      const [first, second] = mailServer.mails
      expect(first).toMatchObject({
        to: [{ address: 'owner@acme.test' }],
        subject: 'ACME: Approval needed: Go on?',
        text: expect.stringContaining('"Go on?" waits for an approval until'),
      })
      expect(first?.messageId).toBe(second?.messageId)
    }))

  it('expires the approvals of other tenants also while one of a tenant cannot end', () =>
    asWorker(async (pool) => {
      await db.pool.query(
        `create function public.refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$`,
      )
      await db.pool.query(`create trigger _900_refuse after update on app_public.agent_approvals for each row
        when (new.subject_kind = 'poison') execute function public.refuse()`)
      const [first, last] = [db.acme, db.globex].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id }) => id)
      const poison = await open(first as string, 'poison')
      const sound = await open(last as string, 'workflow_step')
      await expect(runTask(pool, 'runtime__expire_approvals')).rejects.toThrow('failed for 1 tenants')
      await db.pool.query('drop function public.refuse cascade')
      const statusOf = async (id: string) =>
        (await db.pool.query('select status from app_public.agent_approvals where id = $1', [id])).rows[0].status
      expect([await statusOf(poison), await statusOf(sound)]).toEqual(['pending', 'approved'])
      await runTask(pool, 'runtime__expire_approvals')
      expect(await statusOf(poison)).toBe('approved')
    }))
})

describe('over GraphQL', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(db.url)
  })
  afterAll(() => server.close())

  it('an approval is requested, listed for who may decide, and decided', async () => {
    const created = await server.ask(
      'member@acme.test',
      `mutation { createTask(input: {title: "Write"}) { task { id } } }`,
    )
    const task = created.data.createTask.task.id
    const asked = await server.ask(
      'member@acme.test',
      `mutation ($task: UUID!) { requestApproval(input: {taskId: $task, title: "Send it?", details: {to: "x"}, costUsd: "0.25",
         terms: {requiredCount: 1, isFourEyes: true, defaultAnswer: rejected}}) { approval { id status cause task { id status } } } }`,
      { task },
    )
    expect(asked.errors).toBeUndefined()
    const { id, task: waiting } = asked.data.requestApproval.approval
    expect(waiting).toEqual({ id: task, status: 'awaiting_approval' })
    const listed = await server.ask(
      'admin@acme.test',
      `{ approvalsForMe(first: 50) { nodes { id title details expiresAt } } }`,
    )
    expect(listed.data.approvalsForMe.nodes).toContainEqual(
      expect.objectContaining({ id, title: 'Send it?', details: { to: 'x' } }),
    )
    const decide = `mutation ($id: UUID!, $reason: String) { decideApproval(input: {id: $id, answer: rejected, reason: $reason}) {
      approval { status decisionReason agentApprovalVotes: votes(first: 5) { nodes { answer user { email } } } } } }`
    expect((await server.ask('member@acme.test', decide, { id, reason: 'No.' })).errors?.[0]?.extensions.code).toBe(
      'ID203',
    )
    expect((await server.ask('admin@acme.test', decide, { id })).errors?.[0]?.extensions.code).toBe('RN432')
    const decided = await server.ask('admin@acme.test', decide, { id, reason: 'No.' })
    expect(decided.errors).toBeUndefined()
    expect(decided.data.decideApproval.approval).toMatchObject({ status: 'rejected', decisionReason: 'No.' })
    const seen = await server.ask(
      'member@acme.test',
      `query ($task: UUID!) { task(id: $task) { status approvals(first: 5) { nodes { status } } } }`,
      { task },
    )
    expect(seen.data.task).toEqual({ status: 'failed', approvals: { nodes: [{ status: 'rejected' }] } })
  })
})

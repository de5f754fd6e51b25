// What agents report of themselves: runs, events and outcomes, recorded in bulk, each once.

import { beforeAll, describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { needsServer, queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'
import { actWithKey, becomeAgent, createAgent } from './agents.ts'
import { claim, createTask } from './helpers.ts'

const db = useDatabase()
const { sessions } = useSessions(db)
const superuser = queries(() => db.pool)
const now = '2026-06-15T12:00:00Z'
let agent: string
let other: string
let foreign: string
beforeAll(async () => {
  agent = await createAgent(superuser, db.acme)
  other = await createAgent(superuser, db.acme)
  foreign = await createAgent(superuser, db.globex)
})

type Row = Record<string, unknown>
const recording = {
  run: ['record_agent_runs', 'new_agent_run', 'agent_execution_logs', 'started_at'],
  event: ['record_agent_events', 'new_agent_event', 'agent_events', 'occurred_at'],
  outcome: ['record_agent_outcomes', 'new_agent_outcome', 'agent_outcomes', 'observed_at'],
} as const
type Kind = keyof typeof recording
const kinds = ['run', 'event', 'outcome'] as const

const sentence = (kind: Kind) =>
  `select r.stored_count, r.repeated_count from app_public.${recording[kind][0]}(
     array(select e from jsonb_populate_recordset(null::app_public.${recording[kind][1]}, $1) as e)) r`
const record = (t: Transaction, kind: Kind, rows: Row[]) => t.query(sentence(kind), [JSON.stringify(rows)])
const refusal = (t: Transaction, kind: Kind, rows: Row[]) => t.errorCode(sentence(kind), [JSON.stringify(rows)])
const count = (t: Transaction, kind: Kind) =>
  t.value<number>(`select count(*)::int from app_public.${recording[kind][2]}`)

const good = (kind: Kind): Row => ({
  agent_id: agent,
  idempotency_key: 'a',
  ...{
    run: { status: 'success', duration_ms: 20 },
    event: { event_name: 'tool.unavailable' },
    outcome: { pattern: 'ask first', is_success: true },
  }[kind],
})
const asMember = async (t: Transaction) => {
  await setClock(t, now)
  await t.become(db.acme.member)
}

describe.each(kinds)('recording a row of kind %s', (kind) => {
  it('stores it under its key once, however often and in which batch it comes', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const row = (key: string) => ({ ...good(kind), idempotency_key: key })
      expect(await record(t, kind, [row('a'), row('b')])).toEqual([{ stored_count: 2, repeated_count: 0 }])
      expect(await record(t, kind, [row('b'), row('c'), row('c')])).toEqual([{ stored_count: 1, repeated_count: 2 }])
      expect(await count(t, kind)).toBe(3)
    }))

  it('refuses another row under the key, and stores nothing of its batch', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, kind, [good(kind)])
      const rows = [
        { ...good(kind), idempotency_key: 'new' },
        { ...good(kind), agent_id: other },
      ]
      expect(await refusal(t, kind, rows)).toBe('OB501')
      expect(await count(t, kind)).toBe(1)
    }))

  it('lets another tenant use the key, and shows it nothing', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, kind, [good(kind)])
      await t.become(db.globex.admin)
      expect(await count(t, kind)).toBe(0)
      expect(await record(t, kind, [{ ...good(kind), agent_id: foreign }])).toMatchObject([{ stored_count: 1 }])
    }))

  it('is stored once when ten sessions send it at once', async (context) => {
    needsServer(context)
    const row = { ...good(kind), idempotency_key: crypto.randomUUID() }
    const receipts = await Promise.all(
      (await sessions(10, db.acme.member)).map((session) => session.query(sentence(kind), [JSON.stringify([row])])),
    )
    expect(receipts.map(({ rows }) => rows[0].stored_count).toSorted()).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    await db.pool.query(`delete from app_public.${recording[kind][2]}`)
  })

  it('needs the permission can_record_usage', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(await refusal(t, kind, [good(kind)])).toBe('ID203')
    }))

  it.each([
    ['no row', [], 'OB409'],
    ['10,001 rows', Array.from({ length: 10_001 }, (_, i) => ({ idempotency_key: String(i) })), 'OB409'],
    ['an empty key', [{ idempotency_key: '' }], 'OB401'],
    ['a key of 256 characters', [{ idempotency_key: 'x'.repeat(256) }], 'OB401'],
    ['the row of another member', [{ user_id: '00000000-0000-4000-8000-000000000000' }], 'OB201'],
    ['no agent', [{ agent_id: null }], 'RN445'],
    ['an agent that does not exist', [{ agent_id: '00000000-0000-4000-8000-000000000000' }], 'OB302'],
  ])('refuses %s', (_, rows, code) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const wrong = rows.map((row) => ({ ...good(kind), ...row }))
      expect(await refusal(t, kind, wrong)).toBe(code)
    }),
  )

  it('refuses a row that is null', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const [name, type] = recording[kind]
      expect(await t.errorCode(`select app_public.${name}(array[null]::app_public.${type}[])`)).toBe('OB401')
      expect(await t.errorCode(`select app_public.${name}(null)`)).toBe('OB409')
    }))

  it("refuses another tenant's agent with the same code as one that does not exist, and names the row", () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const rows = [good(kind), { ...good(kind), idempotency_key: 'b', agent_id: foreign }]
      expect(await refusal(t, kind, rows)).toBe('OB302')
      await expect(record(t, kind, rows)).rejects.toThrow(/^Row 2: /)
    }))

  it.each([
    ['31 days ago', '2026-05-15T11:59:59Z', 'OB402'],
    ['2 hours ahead', '2026-06-15T14:00:00Z', 'OB403'],
    ['at infinity', 'infinity', 'OB403'],
  ])('refuses a time %s', (_, at, code) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      expect(await refusal(t, kind, [{ ...good(kind), [recording[kind][3]]: at }])).toBe(code)
    }),
  )

  it('is for the agent of the key when it names none, and for no other', () =>
    db.inTransaction(async (t) => {
      await becomeAgent(t, db.acme.member, agent)
      await record(t, kind, [{ ...good(kind), agent_id: null }])
      expect(await t.query(`select agent_id, user_id from app_public.${recording[kind][2]}`)).toEqual([
        { agent_id: agent, user_id: db.acme.member.userId },
      ])
      const rows = [
        { ...good(kind), idempotency_key: 'b' },
        { ...good(kind), idempotency_key: 'c', agent_id: other },
      ]
      expect(await refusal(t, kind, rows)).toBe('RN245')
      await expect(record(t, kind, rows)).rejects.toThrow(/^Row 2: agent_id/)
    }))

  it('by a key for some agents is for these only', () =>
    db.inTransaction(async (t) => {
      await actWithKey(t, db.acme.member, { allowed_agents: [other] })
      expect(await refusal(t, kind, [good(kind)])).toBe('RN245')
      expect(await refusal(t, kind, [{ ...good(kind), agent_id: null }])).toBe('RN445')
      expect(await record(t, kind, [{ ...good(kind), agent_id: other }])).toMatchObject([{ stored_count: 1 }])
    }))

  it('shows a member their own, and those with can_view_analytics all', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, kind, [good(kind)])
      await t.become(db.acme.admin)
      await record(t, kind, [{ ...good(kind), idempotency_key: 'admin' }])
      expect(await count(t, kind)).toBe(2)
      await t.become(db.acme.member)
      expect(await count(t, kind)).toBe(1)
    }))

  it('cannot be done, changed or undone in the table itself', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, kind, [good(kind)])
      const table = `app_public.${recording[kind][2]}`
      for (const statement of [
        `insert into ${table} default values`,
        `update ${table} set id = id`,
        `delete from ${table}`,
      ])
        expect(await t.errorCode(statement)).toBe('42501')
    }))

  it('is undone by retention when it is old, and not before', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, kind, [good(kind)])
      const kindOfData = kind === 'outcome' ? 'agent_outcomes' : 'agent_records'
      const retain = async (clock: string) => {
        await t.becomeSuperuser()
        await setClock(t, clock)
        await t.query(`select governance.begin_retention($1, $2)`, [db.acme.id, kindOfData])
        while (await t.value('select governance.continue_retention()'));
        return count(t, kind)
      }
      expect(await retain('2027-06-15T12:00:00Z')).toBe(1)
      expect(await retain('2030-06-15T12:00:00Z')).toBe(0)
    }))

  it('goes with its tenant', () =>
    db.inTransaction(async (t) => {
      await t.become(db.globex.member)
      await record(t, kind, [{ ...good(kind), agent_id: foreign }])
      await t.becomeSuperuser()
      await t.query('delete from app_public.tenants where id = $1', [db.globex.id])
      expect(await count(t, kind)).toBe(0)
    }))
})

describe('a run', () => {
  const full = {
    agent_version: '1.4.0',
    task_id: '00000000-0000-4000-8000-000000000001',
    input: { question: 'What is 6 times 7?' },
    output: { answer: 42 },
    steps: [{ name: 'think', kind: 'model', status: 'success', tokens_input: 10, cost_usd: 0.5 }, { name: 'answer' }],
    tokens_input: 10,
    tokens_output: 5,
    cost_usd: 0.25,
  }
  const read = (t: Transaction) =>
    t.query(
      'select agent_version, task_id, input, output, steps, step_count, tokens_input, tokens_output, cost_usd::float8 from app_public.agent_execution_logs',
    )

  it('is kept with its steps, and without what went in and came out', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, 'run', [{ ...good('run'), ...full }])
      expect(await read(t)).toEqual([{ ...full, input: null, output: null, step_count: 2 }])
    }))

  it('is kept whole where the tenant stores texts', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.tenants set config = config || '{"store_llm_texts": true}' where id = $1`, [
        db.acme.id,
      ])
      await asMember(t)
      await record(t, 'run', [{ ...good('run'), ...full }])
      expect(await read(t)).toEqual([{ ...full, step_count: 2 }])
      expect(await t.query('select agent_id, result, finished_at from app_public.agent_results')).toEqual([
        { agent_id: agent, result: full.output, finished_at: new Date('2026-06-15T12:00:00.020Z') },
      ])
    }))

  const deep = JSON.parse(`${'['.repeat(500)}1${']'.repeat(500)}`)
  it.each([
    ['no status', { status: null }, 'OB410'],
    ['a status that is none', { status: 'fine' }, '23514'],
    ['no duration', { duration_ms: null }, 'OB405'],
    ['a duration below 0', { duration_ms: -1 }, 'OB405'],
    ['tokens below 0', { tokens_output: -1 }, 'OB406'],
    ['a cost that is no number', { cost_usd: 'NaN' }, 'OB406'],
    ['an endless cost', { cost_usd: 'Infinity' }, 'OB406'],
    ['an error of 10,001 characters', { error_message: 'x'.repeat(10_001) }, 'OB407'],
    ['a version of 101 characters', { agent_version: 'x'.repeat(101) }, 'OB407'],
    ['an input of more than 100 kB', { input: 'x'.repeat(100_001) }, 'OB408'],
    // JSON of small numbers is larger as it is stored than as it is written
    ['an input that is larger as it is stored', { input: Array.from({ length: 30_000 }, () => 1) }, 'OB408'],
    ['metadata that are a list', { metadata: [] }, 'OB408'],
    ['metadata of 9 kB', { metadata: { a: 'x'.repeat(9000) } }, 'OB408'],
    ['steps that are no list', { steps: {} }, 'RN446'],
    ['a step without a name', { steps: [{ name: 'a' }, {}] }, 'RN446'],
    ['a step with an unknown key', { steps: [{ name: 'a', secret: 1 }] }, 'RN446'],
    ['a step with a negative cost', { steps: [{ name: 'a', cost_usd: -1 }] }, 'RN446'],
    ['a deep heap of lists', { steps: deep }, 'RN446'],
    ['201 steps', { steps: Array.from({ length: 201 }, () => ({ name: 'a' })) }, 'RN446'],
    ['steps of more than 100 kB', { steps: Array.from({ length: 200 }, () => ({ name: 'x'.repeat(600) })) }, 'RN446'],
  ])('with %s is refused', (_, wrong, code) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      expect(await refusal(t, 'run', [{ ...good('run'), ...wrong }])).toBe(code)
    }),
  )

  it('that failed is an error of its agent, beside its serious events', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, 'run', [
        good('run'),
        { ...good('run'), idempotency_key: 'b', status: 'timeout' },
        { ...good('run'), idempotency_key: 'c', status: 'error', error_type: 'ToolError', error_message: 'no answer' },
      ])
      await record(t, 'event', [
        { ...good('event'), severity: 'critical', message: 'down' },
        { ...good('event'), idempotency_key: 'b' },
      ])
      expect(
        await t.query('select severity, error_type, error_message from app_public.agent_errors order by error_type'),
      ).toEqual([
        { severity: 'error', error_type: 'ToolError', error_message: 'no answer' },
        { severity: 'error', error_type: 'timeout', error_message: null },
        { severity: 'critical', error_type: 'tool.unavailable', error_message: 'down' },
      ])
    }))
})

describe('an event', () => {
  it.each([
    ['no name', { event_name: null }, 'OB404'],
    ['a name of 101 characters', { event_name: 'x'.repeat(101) }, 'OB404'],
    ['a name with a control character', { event_name: 'a\u0001' }, 'OB404'],
    ['a message of 10,001 characters', { message: 'x'.repeat(10_001) }, 'OB407'],
    ['metadata that are a list', { metadata: [] }, 'OB408'],
    ['a severity that is none', { severity: 'bad' }, '23514'],
  ])('with %s is refused', (_, wrong, code) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      expect(await refusal(t, 'event', [{ ...good('event'), ...wrong }])).toBe(code)
    }),
  )
})

describe('an outcome', () => {
  it.each([
    ['no pattern', { pattern: null }, 'RN447'],
    ['a pattern of 256 characters', { pattern: 'x'.repeat(256) }, 'RN447'],
    ['no word on whether it worked', { is_success: null }, 'RN447'],
    ['a note of 1,001 characters', { note: 'x'.repeat(1001) }, 'OB407'],
  ])('with %s is refused', (_, wrong, code) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      expect(await refusal(t, 'outcome', [{ ...good('outcome'), ...wrong }])).toBe(code)
    }),
  )

  it('is stored once also after its key was forgotten', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const row = { ...good('outcome'), observed_at: now }
      await record(t, 'outcome', [row])
      await t.becomeSuperuser()
      await t.query('delete from observability.event_keys')
      await t.become(db.acme.member)
      expect(await record(t, 'outcome', [row])).toEqual([{ stored_count: 0, repeated_count: 1 }])
      expect(await t.value('select support_count::int from app_public.agent_patterns')).toBe(1)
    }))
})

describe('configurations of an agent', () => {
  it('are its published versions, of which one is the latest', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      await t.query(`select app_public.publish_agent($1, version => '1.0.0')`, [agent])
      await t.query(`update app_public.agents set temperature = 0.5 where id = $1`, [agent])
      await t.query(`select app_public.publish_agent($1, version => '1.1.0')`, [agent])
      const read = () =>
        t.query(`select agent_id, version, is_latest, (config ->> 'temperature')::float8 as temperature
                   from app_public.agent_configs order by version`)
      expect(await read()).toEqual([
        { agent_id: agent, version: '1.0.0', is_latest: false, temperature: null },
        { agent_id: agent, version: '1.1.0', is_latest: true, temperature: 0.5 },
      ])
      await t.become(db.globex.admin)
      expect(await read()).toEqual([])
    }))
})

describe('tasks of an agent', () => {
  it('are those that are assigned to it and those that it holds', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const assigned = await createTask(t, { assigned_agent_id: agent })
      const free = await createTask(t)
      const read = () => t.query('select agent_id, task_id, is_held from app_public.agent_tasks order by is_held')
      expect(await read()).toEqual([{ agent_id: agent, task_id: assigned.id, is_held: false }])
      expect(await claim(t, other)).toMatchObject({ task_id: free.id })
      expect(await read()).toEqual([
        { agent_id: agent, task_id: assigned.id, is_held: false },
        { agent_id: other, task_id: free.id, is_held: true },
      ])
      await claim(t, agent)
      expect((await read()).map(({ is_held }) => is_held)).toEqual([true, true])
      await t.become(db.globex.admin)
      expect(await read()).toEqual([])
    }))
})

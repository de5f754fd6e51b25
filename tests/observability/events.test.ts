// Events: what agents, tools and people did, recorded in bulk, each once.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const now = '2026-06-15T12:00:00Z'

type Row = Record<string, unknown>
const recording = {
  agent: ['record_agent_metrics', 'new_agent_metric'],
  tool: ['record_tool_executions', 'new_tool_execution'],
  event: ['record_events', 'new_analytics_event'],
} as const
type Kind = keyof typeof recording

const sentence = (kind: Kind) =>
  `select r.stored_count, r.repeated_count from app_public.${recording[kind][0]}(
     array(select e from jsonb_populate_recordset(null::app_public.${recording[kind][1]}, $1) as e)) r`
const record = (t: Transaction, kind: Kind, rows: Row[]) => t.query(sentence(kind), [JSON.stringify(rows)])
const refusal = (t: Transaction, kind: Kind, rows: Row[]) => t.errorCode(sentence(kind), [JSON.stringify(rows)])

const operation = { operation_type: 'search', response_time_ms: 120 }
const run = { tool_name: 'calculator', status: 'success', duration_ms: 20 }
const event = { event_name: 'report.opened' }
const good: Record<Kind, Row> = { agent: operation, tool: run, event }

const asMember = async (t: Transaction) => {
  await setClock(t, now)
  await t.become(db.acme.member)
}

describe.each(['agent', 'tool', 'event'] as const)('recording rows of kind %s', (kind) => {
  it('stores each under its key once, however often and in which batch it comes', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const row = (key: string) => ({ ...good[kind], idempotency_key: key })
      expect(await record(t, kind, [row('a'), row('b')])).toEqual([{ stored_count: 2, repeated_count: 0 }])
      expect(await record(t, kind, [row('b'), row('c'), row('c')])).toEqual([{ stored_count: 1, repeated_count: 2 }])
    }))

  it('refuses another row under a key, and stores nothing of its batch', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, kind, [{ ...good[kind], idempotency_key: 'a' }])
      const other =
        kind === 'agent' ? { operation_type: 'x' } : kind === 'tool' ? { tool_name: 'x' } : { event_name: 'x' }
      expect(
        await refusal(t, kind, [
          { ...good[kind], idempotency_key: 'new' },
          { ...good[kind], ...other, idempotency_key: 'a' },
        ]),
      ).toBe('OB501')
      expect(await record(t, kind, [{ ...good[kind], idempotency_key: 'new' }])).toMatchObject([{ stored_count: 1 }])
    }))

  it('lets another tenant use the same key', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, kind, [{ ...good[kind], idempotency_key: 'a' }])
      await t.become(db.globex.member)
      expect(await record(t, kind, [{ ...good[kind], idempotency_key: 'a' }])).toMatchObject([{ stored_count: 1 }])
    }))

  it('names the position of the first row that is refused', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const rows = [{ ...good[kind], idempotency_key: 'a' }, { ...good[kind] }, {}]
      await expect(t.query(sentence(kind), [JSON.stringify(rows)])).rejects.toThrow(/^Row 2: idempotency_key/)
    }))

  it.each([
    ['no row', [], 'OB409'],
    ['10,001 rows', Array.from({ length: 10_001 }, (_, i) => ({ idempotency_key: String(i) })), 'OB409'],
    ['a key of 256 characters', [{ idempotency_key: 'x'.repeat(256) }], 'OB401'],
    ['an empty name', [{ idempotency_key: 'a', operation_type: ' ', tool_name: ' ', event_name: ' ' }], 'OB404'],
    [
      'a name with a control character',
      [{ idempotency_key: 'a', operation_type: 'a\u0001', tool_name: 'a\u0001', event_name: 'a\u0001' }],
      'OB404',
    ],
    ['the row of another member', [{ idempotency_key: 'a', user_id: '00000000-0000-4000-8000-000000000000' }], 'OB201'],
    ['metadata that is no object', [{ idempotency_key: 'a', metadata: [], properties: [] }], 'OB408'],
    [
      'metadata of 9 kB',
      [{ idempotency_key: 'a', metadata: { a: 'x'.repeat(9000) }, properties: { a: 'x'.repeat(9000) } }],
      'OB408',
    ],
  ])('refuses %s', (_, rows, code) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      expect(
        await refusal(
          t,
          kind,
          (rows as Row[]).map((row) => ({ ...good[kind], ...row })),
        ),
      ).toBe(code)
    }),
  )

  it.each([
    ['31 days ago', '2026-05-15T11:59:59Z', 'OB402'],
    ['2 hours ahead', '2026-06-15T14:00:00Z', 'OB403'],
    ['at infinity', 'infinity', 'OB403'],
  ])('refuses a row of %s', (_, at, code) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const row = { ...good[kind], idempotency_key: 'a', created_at: at, executed_at: at, occurred_at: at }
      expect(await refusal(t, kind, [row])).toBe(code)
    }),
  )

  it('lets an admin record what a member did, and nobody what a stranger did', () =>
    db.inTransaction(async (t) => {
      await setClock(t, now)
      await t.become(db.acme.admin)
      const row = { ...good[kind], idempotency_key: 'a' }
      expect(await record(t, kind, [{ ...row, user_id: db.acme.member.userId }])).toMatchObject([{ stored_count: 1 }])
      expect(await refusal(t, kind, [{ ...row, user_id: db.globex.member.userId }])).toBe('OB301')
    }))
})

describe('numbers of an operation', () => {
  it.each([
    [{ response_time_ms: -1 }, 'OB405'],
    [{ response_time_ms: null }, 'OB405'],
    [{ tokens_input: -1 }, 'OB406'],
    [{ cost_usd: 'NaN' }, 'OB406'],
    [{ cost_usd: 'Infinity' }, 'OB406'],
    [{ satisfaction_score: 6 }, 'OB406'],
    [{ confidence_score: 1.01 }, 'OB406'],
    [{ relevance_score: 'NaN' }, 'OB406'],
    [{ query_text: 'x'.repeat(10_001) }, 'OB407'],
    [{ agent_id: '00000000-0000-4000-8000-000000000000' }, 'OB302'],
    [{ prompt_id: '00000000-0000-4000-8000-000000000000' }, 'OB302'],
  ])('%j is refused', (fields, code) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      expect(await refusal(t, 'agent', [{ ...operation, idempotency_key: 'a', ...fields }])).toBe(code)
    }),
  )
})

describe('texts', () => {
  it.each([
    [true, { question: 'Who?', input: { a: 1 } }],
    [false, { question: null, input: null }],
  ])('are stored when the settings say store_llm_texts (%s)', (isKept, expected) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(`update app_public.tenants set config = $1`, [{ store_llm_texts: isKept }])
      await asMember(t)
      await record(t, 'agent', [{ ...operation, idempotency_key: 'a', query_text: 'Who?' }])
      await record(t, 'tool', [{ ...run, idempotency_key: 'a', input: { a: 1 } }])
      expect(
        await t.query(
          `select (select query_text from app_public.agent_metrics) as question, (select input from app_public.tool_executions) as input`,
        ),
      ).toEqual([expected])
    }),
  )
})

describe('events of the product', () => {
  const define = async (t: Transaction, schema: unknown) => {
    await t.become(db.acme.owner)
    await t.query(
      `insert into app_public.analytics_event_types (name, properties_schema) values ('report.opened', $1)`,
      [schema],
    )
  }

  it('that nobody defined are kept apart', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, 'event', [{ ...event, idempotency_key: 'a' }])
      expect(await t.query('select is_known from app_public.analytics_events')).toEqual([{ is_known: false }])
    }))

  it('that nobody defined are refused when the settings say so', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(`update app_public.tenants set config = '{"unknown_events": "refuse"}'`)
      await asMember(t)
      expect(await refusal(t, 'event', [{ ...event, idempotency_key: 'a' }])).toBe('OB303')
    }))

  it('have properties that fit their schema, and the error names the property and not its value', () =>
    db.inTransaction(async (t) => {
      await define(t, { type: 'object', properties: { pages: { type: 'integer', minimum: 1 } }, required: ['pages'] })
      await asMember(t)
      expect(await record(t, 'event', [{ ...event, idempotency_key: 'a', properties: { pages: 2 } }])).toMatchObject([
        { stored_count: 1 },
      ])
      await expect(
        t.query(sentence('event'), [
          JSON.stringify([{ ...event, idempotency_key: 'b', properties: { pages: 'secret' } }]),
        ]),
      ).rejects.toThrow('properties.pages must be integer.')
    }))

  it('cannot have a schema with a keyword that is not understood', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(
        await t.errorCode(
          `insert into app_public.analytics_event_types (name, properties_schema) values ('x', '{"pattern": "(a+)+"}')`,
        ),
      ).toBe('OB411')
    }))

  it('are defined by those who may manage settings', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(`insert into app_public.analytics_event_types (name) values ('x')`)).toBe('42501')
    }))
})

describe('who reads events', () => {
  it('is the person they are of, and who may see analytics', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      for (const kind of ['agent', 'tool', 'event'] as const)
        await record(t, kind, [{ ...good[kind], idempotency_key: 'a' }])
      const counts = `select (select count(*) from app_public.agent_metrics)::int as operations,
        (select count(*) from app_public.tool_executions)::int as runs, (select count(*) from app_public.analytics_events)::int as events`
      expect(await t.query(counts)).toEqual([{ operations: 1, runs: 1, events: 1 }])
      await t.become(db.acme.viewer)
      expect(await t.query(counts)).toEqual([{ operations: 0, runs: 0, events: 0 }])
      await t.become(db.acme.admin)
      expect(await t.query(counts)).toEqual([{ operations: 1, runs: 1, events: 1 }])
      await t.become(db.globex.owner)
      expect(await t.query(counts)).toEqual([{ operations: 0, runs: 0, events: 0 }])
    }))
})

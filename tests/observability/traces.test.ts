// What spans become: usage, runs of tools, operations of agents; each once, and what is refused does not hold up the rest.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createModel } from '../helpers/metering.ts'

const db = useDatabase()
const now = '2026-06-15T12:00:00Z'
const startedNs = BigInt(Date.parse(now)) * 1_000_000n + 123_456_000n
const traceId = 'a'.repeat(32)

type Attributes = Record<string, unknown>
const span = (id: number, operation: string, attributes: Attributes = {}, rest: object = {}) => ({
  trace_id: traceId,
  span_id: id.toString(16).padStart(16, '0'),
  started_ns: String(startedNs),
  ended_ns: String(startedNs + 250_000_000n),
  is_error: false,
  status_message: '',
  attributes: { 'gen_ai.operation.name': operation, ...attributes },
  ...rest,
})
const chat = (id: number, attributes: Attributes = {}, rest: object = {}) =>
  span(id, 'chat', { 'gen_ai.request.model': 'mystery', ...attributes }, rest)
const tool = (id: number, attributes: Attributes = {}, rest: object = {}) =>
  span(id, 'execute_tool', { 'gen_ai.tool.name': 'calculator', ...attributes }, rest)

type Counts = { stored_count: number; repeated_count: number; ignored_count: number; rejected_count: number }
const record = async (t: Transaction, spans: object[]) =>
  (
    await t.query<Counts & { message: string | null }>('select * from observability.record_spans($1)', [
      JSON.stringify(spans),
    ])
  )[0]
const asMember = async (t: Transaction) => {
  await setClock(t, now)
  await t.become(db.acme.member)
}

describe('a call of a model', () => {
  it.each(['chat', 'text_completion', 'generate_content', 'embeddings'])('comes from a span of %s', (operation) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      expect(await record(t, [span(1, operation, { 'gen_ai.request.model': 'mystery' })])).toMatchObject({
        stored_count: 1,
      })
      expect(await t.query('select model, success, response_time_ms from app_public.llm_usage_logs')).toEqual([
        { model: 'mystery', success: true, response_time_ms: 250 },
      ])
    }),
  )

  it('has its time to the microsecond, and its classes of tokens do not overlap', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, [
        chat(1, {
          'gen_ai.usage.input_tokens': 100,
          'gen_ai.usage.cache_read.input_tokens': 40,
          'gen_ai.usage.output_tokens': 50,
          'gen_ai.usage.reasoning.output_tokens': 20,
        }),
      ])
      expect(
        await t.query(
          `select to_char(occurred_at at time zone 'UTC', 'HH24:MI:SS.US') as at, input_tokens::int, cached_input_tokens::int,
                  output_tokens::int, reasoning_tokens::int, total_tokens::int from app_public.llm_usage_logs`,
        ),
      ).toEqual([
        {
          at: '12:00:00.123456',
          input_tokens: 60,
          cached_input_tokens: 40,
          output_tokens: 30,
          reasoning_tokens: 20,
          total_tokens: 150,
        },
      ])
      expect(
        await t.value(`select sum(quantity)::int from app_public.usage_events where usage_type like '%tokens'`),
      ).toBe(150)
    }))

  it('whose cached tokens are more than its input counts both', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, [chat(1, { 'gen_ai.usage.input_tokens': 10, 'gen_ai.usage.cache_read.input_tokens': 40 })])
      expect(await t.value('select total_tokens::int from app_public.llm_usage_logs')).toBe(50)
    }))

  it('is of the model that the catalogue knows: by the answer, else by what was asked for', () =>
    db.inTransaction(async (t) => {
      const exact = await createModel(t, 'sonnet-20260101')
      const asked = await createModel(t, 'haiku')
      await asMember(t)
      await record(t, [
        chat(1, { 'gen_ai.request.model': 'sonnet', 'gen_ai.response.model': 'sonnet-20260101' }),
        chat(2, { 'gen_ai.request.model': 'haiku', 'gen_ai.response.model': 'haiku-20260102' }),
        chat(3, { 'gen_ai.request.model': 'opus', 'gen_ai.response.model': 'opus-20260103' }),
      ])
      const models = await t.query<{ model: string; model_id: string | null }>(
        'select model, model_id from app_public.llm_usage_logs order by model',
      )
      expect(models).toEqual([
        { model: 'haiku', model_id: asked },
        { model: 'opus-20260103', model_id: null },
        { model: 'sonnet-20260101', model_id: exact },
      ])
    }))

  it('keeps its texts only when the tenant keeps texts', () =>
    db.inTransaction(async (t) => {
      const messages = {
        'gen_ai.input.messages': '[{"role":"user"}]',
        'gen_ai.output.messages': '[{"role":"assistant"}]',
      }
      await asMember(t)
      await record(t, [chat(1, messages)])
      await t.becomeSuperuser()
      expect(await t.query('select prompt_text from metering.llm_texts')).toEqual([])
      await t.query(`update app_public.tenants set config = config || '{"store_llm_texts": true}' where id = $1`, [
        db.acme.id,
      ])
      await t.become(db.acme.member)
      await record(t, [chat(2, messages)])
      await t.becomeSuperuser()
      expect(await t.query('select prompt_text, completion_text from metering.llm_texts')).toEqual([
        { prompt_text: '[{"role":"user"}]', completion_text: '[{"role":"assistant"}]' },
      ])
    }))

  it('that failed has the class of its error, and one without a class has one for all others', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, [
        chat(1, { 'error.type': 'rate_limit' }, { status_message: 'Slow down' }),
        chat(2, {}, { is_error: true }),
      ])
      expect(
        await t.query('select success, error_type, error_message from app_public.llm_usage_logs order by error_type'),
      ).toEqual([
        { success: false, error_type: '_OTHER', error_message: '' },
        { success: false, error_type: 'rate_limit', error_message: 'Slow down' },
      ])
    }))
})

describe('a run of a tool', () => {
  it('is of the tool and the agent of this name in the catalogue', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const agentId = await t.value(
        `insert into app_public.agents (name, status) values ('Ada', 'active') returning id`,
      )
      const toolId = await t.value(
        `insert into app_public.tools (name, tool_type) values ('calculator', 'function') returning id`,
      )
      await asMember(t)
      await record(t, [
        tool(1, { 'gen_ai.agent.name': 'Ada', 'gen_ai.tool.call.id': 'call-1', 'gen_ai.provider.name': 'openai' }),
        tool(2, { 'gen_ai.tool.name': 'unknown', 'gen_ai.agent.id': agentId, 'error.type': 'timeout' }),
      ])
      await t.become(db.acme.admin)
      expect(
        await t.query(`select tool_name, tool_id, agent_id, status, duration_ms, metadata ->> 'tool_call_id' as call,
          metadata ->> 'span_id' as span from app_public.tool_executions order by tool_name`),
      ).toEqual([
        {
          tool_name: 'calculator',
          tool_id: toolId,
          agent_id: agentId,
          status: 'success',
          duration_ms: 250,
          call: 'call-1',
          span: '0000000000000001',
        },
        {
          tool_name: 'unknown',
          tool_id: null,
          agent_id: agentId,
          status: 'timeout',
          duration_ms: 250,
          call: null,
          span: '0000000000000002',
        },
      ])
    }))

  it("is never of another tenant's tool or agent", () =>
    db.inTransaction(async (t) => {
      await t.become(db.globex.admin)
      const agentId = await t.value(
        `insert into app_public.agents (name, status) values ('Ada', 'active') returning id`,
      )
      await t.query(`insert into app_public.tools (name, tool_type) values ('calculator', 'function')`)
      await asMember(t)
      await record(t, [tool(1, { 'gen_ai.agent.name': 'Ada' }), tool(2, { 'gen_ai.agent.id': agentId })])
      expect(await t.query('select tool_id, agent_id from app_public.tool_executions')).toEqual([
        { tool_id: null, agent_id: null },
        { tool_id: null, agent_id: null },
      ])
    }))
})

it.each(['invoke_agent', 'invoke_workflow'])(
  'a span of %s becomes an operation of agents, whose tokens are no usage',
  (operation) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, [
        span(1, operation, {
          'gen_ai.agent.name': 'Ada',
          'gen_ai.conversation.id': 'thread_1',
          'gen_ai.workflow.name': 'flow',
          'gen_ai.usage.input_tokens': 7,
        }),
      ])
      expect(
        await t.query(`select operation_type, agent_name, session_id, response_time_ms, tokens_input, success, metadata ->> 'workflow' as workflow
        from app_public.agent_metrics`),
      ).toEqual([
        {
          operation_type: operation,
          agent_name: 'Ada',
          session_id: 'thread_1',
          response_time_ms: 250,
          tokens_input: 7,
          success: true,
          workflow: 'flow',
        },
      ])
      expect(await t.query('select from app_public.usage_events')).toEqual([])
    }),
)

describe('a batch', () => {
  it('is counted by what became of its spans', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const spans = [
        chat(1),
        tool(2),
        span(3, 'invoke_agent'),
        span(4, 'create_agent'),
        chat(5, { 'gen_ai.request.model': ' ' }),
      ]
      expect(await record(t, spans)).toMatchObject({
        stored_count: 3,
        repeated_count: 0,
        ignored_count: 1,
        rejected_count: 1,
      })
      expect(await record(t, spans)).toMatchObject({
        stored_count: 0,
        repeated_count: 3,
        ignored_count: 1,
        rejected_count: 1,
      })
      expect(await t.value('select count(*)::int from app_public.llm_usage_logs')).toBe(1)
    }))

  it('keeps the first of two spans with the same ids, also when they differ', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const first = chat(1, { 'gen_ai.usage.input_tokens': 1 })
      const second = chat(1, { 'gen_ai.usage.input_tokens': 2 })
      expect(await record(t, [first, second])).toMatchObject({ stored_count: 1, repeated_count: 1 })
      expect(await record(t, [second])).toMatchObject({ stored_count: 0, repeated_count: 1 })
      expect(await t.value('select input_tokens::int from app_public.llm_usage_logs')).toBe(1)
    }))

  it('of another tenant may have the same ids', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      await record(t, [chat(1), tool(2)])
      await t.become(db.globex.member)
      expect(await record(t, [chat(1), tool(2)])).toMatchObject({ stored_count: 2 })
    }))

  it('loses only the spans that a table refuses, and names one of them', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const spans = Array.from({ length: 9 }, (_, i) => chat(i + 1, i === 4 ? { 'gen_ai.request.temperature': 3 } : {}))
      spans[6] = chat(7, { 'gen_ai.request.max_tokens': 1e300 })
      expect(await record(t, spans)).toMatchObject({
        stored_count: 7,
        rejected_count: 2,
        message: `otlp:${traceId}:0000000000000005: A value is out of its range.`,
      })
      expect(await t.value('select count(*)::int from app_public.llm_usage_logs')).toBe(7)
    }))

  it.each<[string, object]>([
    ['without a trace id', chat(1, {}, { trace_id: '' })],
    ['with a trace id of zeros', chat(1, {}, { trace_id: '0'.repeat(32) })],
    ['with a span id that is too long', chat(1, {}, { span_id: 'ab'.repeat(9) })],
    ['of 1970', chat(1, {}, { started_ns: '0', ended_ns: '0' })],
    ['of the year 2554', chat(1, {}, { started_ns: '18446744073709551615', ended_ns: '18446744073709551615' })],
    ['that ends before it begins', chat(1, {}, { ended_ns: '0' })],
    ['that lasts for centuries', chat(1, {}, { ended_ns: '18446744073709551615' })],
    ['without a model', span(1, 'chat')],
    ['with a model of 256 characters', chat(1, { 'gen_ai.request.model': 'x'.repeat(256) })],
    ['with NaN tokens', chat(1, { 'gen_ai.usage.input_tokens': 'NaN' })],
    ['with half a token', chat(1, { 'gen_ai.usage.output_tokens': 0.5 })],
    ['with negative tokens', chat(1, { 'gen_ai.usage.input_tokens': -1 })],
    ['with more tokens than there are', chat(1, { 'gen_ai.usage.input_tokens': 1e9 })],
    ['without a tool', span(1, 'execute_tool')],
    ['with a control character in the name of its agent', span(1, 'invoke_agent', { 'gen_ai.agent.name': 'a\u0001' })],
  ])('rejects a span %s, and says why', (_, bad) =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const outcome = await record(t, [bad, chat(2)])
      expect(outcome).toMatchObject({ stored_count: 1, rejected_count: 1 })
      expect(outcome?.message).toBeTruthy()
    }),
  )

  it('keeps the names that it does not need as texts, however they come', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const odd = {
        'gen_ai.conversation.id': { a: 1 },
        'gen_ai.agent.id': [1],
        'gen_ai.response.finish_reasons': 'stop',
        'gen_ai.request.top_p': 'high',
      }
      expect(await record(t, [chat(1, odd), tool(2, odd), span(3, 'invoke_agent', odd)])).toMatchObject({
        stored_count: 3,
      })
    }))

  it('leaves out the input of a tool that is too long to keep', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.tenants set config = config || '{"store_llm_texts": true}' where id = $1`, [
        db.acme.id,
      ])
      await asMember(t)
      await record(t, [
        tool(1, { 'gen_ai.tool.call.arguments': 'x'.repeat(200_000), 'gen_ai.tool.call.result': { sum: 3 } }),
      ])
      expect(await t.query('select input, output from app_public.tool_executions')).toEqual([
        { input: null, output: { sum: 3 } },
      ])
    }))

  it('of more than 10,000 spans is refused, and so is one of a viewer, who may not record', () =>
    db.inTransaction(async (t) => {
      await asMember(t)
      const refusal = (spans: unknown) => t.errorCode('select observability.record_spans($1)', [JSON.stringify(spans)])
      expect(await refusal(Array.from({ length: 10_001 }, () => null))).toBe('OB430')
      await t.become(db.acme.viewer)
      expect(await refusal([chat(1)])).toBe('ID203')
    }))
})

// OTLP over HTTP, from outside: the official exporters send real spans to a real server, and what is no good is answered as
// the protocol says.

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import protobuf from 'protobufjs/minimal.js'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
let key: string
beforeAll(async () => {
  server = await startTestServer(db.url)
  key = await createKey('member@acme.test', { allowedServices: ['traces'] })
})
afterAll(() => server.close())
beforeEach(async () => {
  for (const table of ['metering.llm_calls', 'app_public.tool_executions', 'app_public.agent_metrics']) {
    await db.pool.query(`delete from ${table}`)
  }
})

async function createKey(email: string, apiKey: object = {}): Promise<string> {
  const { data, errors } = await server.ask(
    email,
    'mutation ($apiKey: NewApiKeyInput!) { createApiKey(input: { apiKey: $apiKey }) { issued { key } } }',
    { apiKey: { name: 'Spans', permissions: ['can_record_usage'], ...apiKey } },
  )
  if (errors) throw new Error(JSON.stringify(errors))
  return data.createApiKey.issued.key
}

const url = () => `${server.url}/v1/traces`
const headers = () => ({ authorization: `Bearer ${key}` })
const count = async (table: string, where = 'true') =>
  (await db.pool.query(`select count(*)::int as n from ${table} where ${where}`)).rows[0].n

/** Sends by hand, and reads the answer in the format of the request. */
async function send(body: string | Uint8Array, extra: Record<string, string> = {}, to = server) {
  const response = await fetch(`${to.url}/v1/traces`, {
    method: 'POST',
    headers: {
      'content-type': typeof body === 'string' ? 'application/json' : 'application/x-protobuf',
      ...headers(),
      ...extra,
    },
    body: body as string,
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const type = response.headers.get('content-type') ?? ''
  return {
    status: response.status,
    type,
    bytes,
    json: type === 'application/json' ? JSON.parse(bytes.toString()) : undefined,
    headers: response.headers,
  }
}

const nanoseconds = () => `${Date.now()}000000`
let ids = 0
const spanOf = (attributes: object[], rest: object = {}) => {
  ids += 1
  return {
    traceId: 'ABCDEF'.padEnd(32, '1'),
    spanId: ids.toString(16).padStart(16, '0'),
    startTimeUnixNano: nanoseconds(),
    endTimeUnixNano: nanoseconds(),
    attributes,
    ...rest,
  }
}
const text = (name: string, value: string) => ({ key: name, value: { stringValue: value } })
const chatOf = (...attributes: object[]) =>
  spanOf([text('gen_ai.operation.name', 'chat'), text('gen_ai.request.model', 'mystery'), ...attributes])
const exportOf = (...spans: object[]) => JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })

describe.each([
  ['protobuf', ProtobufExporter],
  ['JSON', JsonExporter],
] as const)('the official exporter of %s', (_, Exporter) => {
  it.each(['none', 'gzip'] as const)(
    'delivers spans of calls, tools and agents with compression %s',
    async (compression) => {
      const exporter = new Exporter({ url: url(), headers: headers(), compression: compression as never })
      const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] })
      const tracer = provider.getTracer('test')
      tracer.startActiveSpan('POST /ask', (span) => span.end())
      const agent = tracer.startSpan('invoke_agent Ada', { kind: SpanKind.INTERNAL })
      agent.setAttributes({
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.agent.name': 'Ada',
        'gen_ai.conversation.id': 'thread',
      })
      const chat = tracer.startSpan('chat mystery', { kind: SpanKind.CLIENT })
      chat.setAttributes({
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'mystery',
        'gen_ai.request.temperature': 0.5,
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.usage.input_tokens': 12,
        'gen_ai.usage.output_tokens': 30,
      })
      chat.end()
      const tool = tracer.startSpan('execute_tool calculator')
      tool.setAttributes({
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'calculator',
        'error.type': 'timeout',
      })
      tool.setStatus({ code: SpanStatusCode.ERROR, message: 'Too slow' })
      tool.end()
      agent.end()
      await provider.forceFlush()
      await provider.shutdown()
      const { rows: calls } = await db.pool.query(
        `select tenant_id, model, input_tokens::int, output_tokens::int, temperature::float8, finish_reason, api_key_id is not null as has_key
         from metering.llm_calls`,
      )
      expect(calls).toEqual([
        {
          tenant_id: db.acme.id,
          model: 'mystery',
          input_tokens: 12,
          output_tokens: 30,
          temperature: 0.5,
          finish_reason: 'stop',
          has_key: true,
        },
      ])
      const { rows: runs } = await db.pool.query(
        'select tool_name, status, error_message from app_public.tool_executions',
      )
      expect(runs).toEqual([{ tool_name: 'calculator', status: 'timeout', error_message: 'Too slow' }])
      const { rows: operations } = await db.pool.query(
        'select operation_type, agent_name, session_id, success from app_public.agent_metrics',
      )
      expect(operations).toEqual([
        { operation_type: 'invoke_agent', agent_name: 'Ada', session_id: 'thread', success: true },
      ])
    },
  )
})

describe('an export', () => {
  it('that is sent twice is stored once, and answered alike', async () => {
    const body = exportOf(chatOf())
    for (let i = 0; i < 2; i += 1)
      expect(await send(body)).toMatchObject({ status: 200, type: 'application/json', json: {} })
    expect(await count('metering.llm_calls')).toBe(1)
  })

  it('of more spans than are recorded in one transaction is recorded whole', async () => {
    const runs = Array.from({ length: 1_100 }, () =>
      spanOf([text('gen_ai.operation.name', 'execute_tool'), text('gen_ai.tool.name', 'calculator')]),
    )
    expect((await send(exportOf(...runs, chatOf(text('gen_ai.usage.input_tokens', 'many'))))).json).toMatchObject({
      partialSuccess: { rejectedSpans: '1' },
    })
    expect(await count('app_public.tool_executions')).toBe(1_100)
  })

  it('of nothing, and of spans that are no matter of ours, is answered with success', async () => {
    for (const body of ['{}', exportOf(), exportOf(spanOf([text('http.route', '/ask')])), new Uint8Array()]) {
      expect((await send(body)).status).toBe(200)
    }
  })

  it('of which a part is rejected says how many, and why, in both formats', async () => {
    const bad = chatOf({ key: 'gen_ai.usage.input_tokens', value: { doubleValue: 'NaN' } })
    expect((await send(exportOf(bad, chatOf()))).json).toEqual({
      partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('tokens') },
    })
    // a span without ids or times: field 9, an attribute gen_ai.operation.name = chat
    const attribute = (w: protobuf.Writer) =>
      w
        .uint32(74)
        .fork()
        .uint32(10)
        .string('gen_ai.operation.name')
        .uint32(18)
        .fork()
        .uint32(10)
        .string('chat')
        .ldelim()
        .ldelim()
    const { status, type, bytes } = await send(inSpan(attribute))
    expect({ status, type }).toEqual({ status: 200, type: 'application/x-protobuf' })
    const reader = protobuf.Reader.create(bytes)
    expect(reader.uint32()).toBe(10)
    reader.uint32()
    expect([reader.uint32(), Number(reader.int64())]).toEqual([8, 1])
    expect([reader.uint32(), reader.string()]).toEqual([18, expect.stringContaining('trace id')])
    expect(await count('metering.llm_calls')).toBe(1)
  })

  it('may have attributes that are huge, deep, many, and texts that cannot be stored', async () => {
    const nested = (depth: number): object =>
      depth === 0 ? { stringValue: 'x' } : { arrayValue: { values: [nested(depth - 1)] } }
    const many = Array.from({ length: 1_000 }, (_, i) => text(`gen_ai.other.${i}`, 'x'))
    const { json } = await send(
      exportOf(
        chatOf(text('gen_ai.input.messages', 'é'.repeat(200_000))),
        chatOf({ key: 'gen_ai.input.messages', value: nested(1_000) }),
        chatOf(...many),
        chatOf(text('gen_ai.system_instructions', 'a\0b\ud800')),
        chatOf({ key: 'gen_ai.seed', value: { intValue: '9223372036854775807' } }),
        chatOf({
          key: '__proto__',
          value: { kvlistValue: { values: [{ key: '__proto__', value: { boolValue: true } }] } },
        }),
      ),
    )
    expect(json).toEqual({})
    expect(await count('metering.llm_calls')).toBe(6)
  })
})

/** A request in Protocol Buffers whose only span has these fields. */
const inSpan = (fields: (writer: protobuf.Writer) => protobuf.Writer): Uint8Array =>
  fields(protobuf.Writer.create().uint32(10).fork().uint32(18).fork().uint32(18).fork())
    .ldelim()
    .ldelim()
    .ldelim()
    .finish()

describe('what cannot be read', () => {
  it.each<[string, string | Uint8Array]>([
    ['JSON that is none', '{'],
    ['a list', '[]'],
    ['a text for a list', '{"resourceSpans": "x"}'],
    ['a time that is none', exportOf(spanOf([], { startTimeUnixNano: '12:00' }))],
    ['Protocol Buffers that end too early', Uint8Array.from([10, 5, 18])],
    ['a length beyond the end', Uint8Array.from([10, 255, 255, 255, 255, 15])],
    ['a field of no type', Uint8Array.from([15])],
    ['a field 0', Uint8Array.from([2, 0])],
    ['a varint without end', new Uint8Array(20).fill(255)],
    ['groups in groups', new Uint8Array(100_000).fill(0x0b)],
    ['a message that is longer than the one around it', Uint8Array.from([10, 2, 18, 200, 1, ...new Uint8Array(300)])],
  ])('is 400 with a Status: %s', async (_, body) => {
    const { status, type, bytes, json } = await send(body)
    expect(status).toBe(400)
    if (typeof body === 'string') expect(json).toEqual({ code: 3, message: expect.stringMatching(/^OB431: /) })
    else {
      expect(type).toBe('application/x-protobuf')
      expect([...bytes.subarray(0, 3)]).toEqual([8, 3, 18])
      expect(bytes.toString('latin1')).toContain('OB431: ')
    }
  })

  it('is never more than an error, whatever the bytes', async () => {
    const good = inSpan((w) =>
      w
        .uint32(10)
        .bytes(new Uint8Array(16).fill(1))
        .uint32(74)
        .fork()
        .uint32(10)
        .string('gen_ai.operation.name')
        .ldelim(),
    )
    for (let at = 0; at < good.length; at += 1) {
      for (const value of [0, 127, 255]) {
        const damaged = Uint8Array.from(good)
        damaged[at] = value
        expect([200, 400]).toContain((await send(damaged)).status)
      }
    }
  })

  it('is an export of a million spans, and an attribute nested a thousand times in Protocol Buffers is cut', async () => {
    const span = [18, 0]
    const scope = protobuf.Writer.create()
      .uint32(18)
      .bytes(Uint8Array.from({ length: 2_000_000 }, (_, i) => span[i % 2] as number))
      .finish()
    const body = protobuf.Writer.create().uint32(10).bytes(scope).finish()
    expect((await send(body)).bytes.toString('latin1')).toContain('OB430: ')
    let value = Uint8Array.from([10, 1, 120])
    for (let i = 0; i < 1_000; i += 1) {
      const list = protobuf.Writer.create().uint32(10).bytes(value).finish()
      value = protobuf.Writer.create().uint32(42).bytes(list).finish() as Uint8Array<ArrayBuffer>
    }
    const deep = inSpan((w) => w.uint32(74).fork().uint32(10).string('gen_ai.x').uint32(18).bytes(value).ldelim())
    expect((await send(deep)).status).toBe(200)
  })

  it('is gzip that is none, a bomb of it, and more than is allowed', async () => {
    const gzip = { 'content-encoding': 'gzip' }
    expect(await send('{}', gzip)).toMatchObject({ status: 400, json: { message: expect.stringMatching(/^OB434/) } })
    expect(await send(gzipSync('{}'), { ...gzip, 'content-type': 'application/json' })).toMatchObject({ status: 200 })
    const limit = 10_000
    const small = await startTestServer(db.url, { BODY_LIMIT_BYTES: String(limit) })
    try {
      expect(await send(gzipSync(Buffer.alloc(500 * limit)), gzip, small)).toMatchObject({ status: 413 })
      expect(await send(' '.repeat(limit + 1), {}, small)).toMatchObject({ status: 413, json: { code: 8 } })
    } finally {
      await small.close()
    }
  })

  it('is of another type or encoding, or not sent by POST', async () => {
    expect((await send('{}', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await send('{}', { 'content-encoding': 'br' })).status).toBe(415)
    const response = await fetch(url(), { headers: headers() })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })
})

describe('who may send', () => {
  const body = () => exportOf(chatOf())

  it('is who has a token, too', async () => {
    const authorization = `Bearer ${await server.token('member@globex.test')}`
    expect((await send(body(), { authorization })).status).toBe(200)
    expect(await count('metering.llm_calls', `tenant_id = '${db.globex.id}'`)).toBe(1)
  })

  it('is nobody without a key, with a key of another part of the server, of another tenant, or one that was revoked', async () => {
    expect(await send(body(), { authorization: '' })).toMatchObject({ status: 401, json: { code: 16 } })
    const other = await createKey('member@acme.test', { allowedServices: ['graphql'] })
    expect(await send(body(), { authorization: `Bearer ${other}` })).toMatchObject({ status: 401 })
    expect(await send(body(), { 'x-tenant-id': db.globex.id })).toMatchObject({ status: 401 })
    const revoked = await createKey('member@acme.test')
    expect((await send(body(), { authorization: `Bearer ${revoked}` })).status).toBe(200)
    await server.ask(
      'member@acme.test',
      `mutation { revokeApiKey(input: { id: "${await newestKey()}" }) { apiKey { status } } }`,
    )
    expect(await send(body(), { authorization: `Bearer ${revoked}` })).toMatchObject({ status: 401 })
    expect(await count('metering.llm_calls')).toBe(1)
  })

  it('is who may record usage', async () => {
    const reader = await createKey('member@acme.test', { role: 'viewer', permissions: [] })
    expect(await send(body(), { authorization: `Bearer ${reader}` })).toMatchObject({ status: 403, json: { code: 7 } })
  })

  it('is told by 429 and Retry-After that there were too many requests', async () => {
    const limited = await createKey('member@acme.test', { maxCallsPerDay: 1 })
    const authorization = `Bearer ${limited}`
    expect((await send(body(), { authorization })).status).toBe(200)
    const refused = await send(body(), { authorization })
    expect(refused).toMatchObject({ status: 429, json: { code: 8 } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})

const newestKey = async (): Promise<string> =>
  (await db.pool.query('select id from app_public.api_keys order by created_at desc limit 1')).rows[0].id

describe('at the same time', () => {
  it('the same export from five senders is stored once, and all are answered with success', async (context) => {
    needsServer(context)
    const runs = Array.from({ length: 20 }, () =>
      spanOf([text('gen_ai.operation.name', 'execute_tool'), text('gen_ai.tool.name', 'calculator')]),
    )
    const spans = [...runs, chatOf(), chatOf()]
    const bodies = Array.from({ length: 5 }, (_, i) => exportOf(...(i % 2 ? spans : spans.toReversed())))
    const answers = await Promise.all(bodies.map((body) => send(body)))
    expect(answers.map(({ status, json }) => [status, json])).toEqual(Array.from(bodies, () => [200, {}]))
    expect([await count('app_public.tool_executions'), await count('metering.llm_calls')]).toEqual([20, 2])
  })

  it('an export that waits too long for another is 503 with Retry-After, and is recorded when it comes again', async (context) => {
    needsServer(context)
    const hasty = await startTestServer(db.url, { STATEMENT_TIMEOUT_MS: '100' })
    const other = await db.pool.connect()
    const span = chatOf()
    try {
      await other.query('begin')
      await other.query(
        `insert into metering.usage_idempotency_keys (tenant_id, key, payload_hash, batch_id, ordinal, occurred_at)
         values ($1, $2, 0, 0, 1, now())`,
        [db.acme.id, `otlp:${span.traceId.toLowerCase()}:${span.spanId}`],
      )
      const answer = await send(exportOf(span), {}, hasty)
      expect(answer).toMatchObject({ status: 503, json: { code: 14 } })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      await other.query('rollback')
      expect((await send(exportOf(span))).status).toBe(200)
      expect(await count('metering.llm_calls')).toBe(1)
    } finally {
      other.release()
      await hasty.close()
    }
  })
})

it('the example of docs/observability.md does what the page says', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/observability.md'), 'utf8')
  const example = /```js\n(.*?)```/s.exec(page)?.[1] as string
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', example], {
    cwd: join(import.meta.dirname, '../..'),
    env: {
      ...process.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: server.url,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${key}`,
    },
  })
  const { rows } = await db.pool.query(
    `select model, input_tokens::int, cached_input_tokens::int, output_tokens::int, reasoning_tokens::int from metering.llm_calls`,
  )
  expect(rows).toEqual([
    { model: 'gpt-5', input_tokens: 200, cached_input_tokens: 1000, output_tokens: 200, reasoning_tokens: 100 },
  ])
})

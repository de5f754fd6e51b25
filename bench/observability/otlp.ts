// Spans sent by the official exporter to the real server, against pg inserting the very rows that they became. The
// processor time is that of this process: exporter and server here, the client of the database there.

import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type pg from 'pg'
import { figure } from '../format.ts'
import { withGraphQL } from '../graphql.ts'
import { medianOfRounds, type Part } from '../metering/part.ts'
import { type BenchTenant, createBenchTenant, createMonths } from '../metering/setup.ts'
import { withClient, withScratch } from '../scratch.ts'

/** As many as the exporters of OpenTelemetry send at once. */
const batchSize = 512
/** What a turn of an agent leaves: two calls of a model, a run of a tool, the agent's own, and one that is no matter of ours. */
const operations = ['chat', 'execute_tool', 'chat', 'invoke_agent', 'other']
const tables = [
  'metering.llm_calls',
  'app_public.usage_events',
  'metering.usage_idempotency_keys',
  'metering.usage_queue',
  'app_public.tool_executions',
  'app_public.agent_metrics',
  'observability.event_keys',
  'observability.operation_queue',
]

type Cost = { perSecond: number; cpuMicroseconds: number }

export function measureSpans(serverUrl: string, rounds: number): Promise<Part> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (client) => {
      await createMonths(client)
      const tenant = await createBenchTenant(client, 'spans')
      const ours = await sendSpans(url, rounds)
      const theirs = await insertRows(client, tenant, rounds)
      return report(rounds, ours, theirs)
    }),
  )
}

async function sendSpans(url: string, rounds: number): Promise<Cost> {
  return withGraphQL(url, async (server) => {
    const headers = { authorization: `Bearer ${await server.tokenFor('owner@spans.test')}` }
    const exporter = new OTLPTraceExporter({ url: `${server.url}/v1/traces`, headers })
    const send = (spans: ReadableSpan[]): Promise<void> =>
      new Promise((resolve, reject) => exporter.export(spans, ({ error }) => (error ? reject(error) : resolve())))
    const batches = Array.from({ length: rounds + 1 }, makeSpans)
    return costOf(rounds, (round) => send(batches[round] ?? []))
  })
}

function makeSpans(): ReadableSpan[] {
  const memory = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: memory })] })
  const tracer = provider.getTracer('bench')
  for (let i = 0; i < batchSize; i++) {
    const operation = operations[i % operations.length] as string
    const span = tracer.startSpan(operation, {
      attributes: {
        'gen_ai.operation.name': operation,
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'model of spans',
        'gen_ai.usage.input_tokens': 100 + i,
        'gen_ai.usage.output_tokens': 50 + i,
        'gen_ai.tool.name': 'calculator',
        'gen_ai.agent.name': 'Ada',
      },
    })
    span.end()
  }
  return memory.getFinishedSpans()
}

/** The same rows once more, in as many transactions, with one insert a table. */
async function insertRows(client: pg.Client, tenant: BenchTenant, rounds: number): Promise<Cost> {
  const rows = new Map<string, { columns: string; values: unknown[] }>()
  for (const table of tables) {
    const { rows: columns } = await client.query<{ columns: string }>(
      `select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
        where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
      [table],
    )
    const all = await client.query(`delete from ${table} t where tenant_id = $1 returning to_jsonb(t) as row`, [
      tenant.id,
    ])
    rows.set(table, { columns: columns[0]?.columns ?? '', values: all.rows.map(({ row }) => row) })
  }
  return costOf(rounds, async (round) => {
    await client.query('begin')
    for (const [table, { columns, values }] of rows) {
      const size = Math.ceil(values.length / (rounds + 1))
      await client.query(
        `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1)`,
        [JSON.stringify(values.slice(round * size, (round + 1) * size))],
      )
    }
    await client.query('commit')
  })
}

/** The first round warms up. */
async function costOf(rounds: number, work: (round: number) => Promise<void>): Promise<Cost> {
  const times: number[] = []
  const cpu: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const [started, used] = [performance.now(), process.cpuUsage()]
    await work(round)
    const { user, system } = process.cpuUsage(used)
    times.push(performance.now() - started)
    cpu.push(user + system)
  }
  return { perSecond: (batchSize / medianOfRounds(times)) * 1000, cpuMicroseconds: medianOfRounds(cpu) / batchSize }
}

const report = (rounds: number, ours: Cost, theirs: Cost): Part => ({
  title: 'Taking spans in',
  how: `The official exporter sends ${batchSize} spans at once to /v1/traces: of five, two are calls of a model with a price, one a run of a tool, one a run of an agent, and one is nothing that is recorded. Against pg inserting the rows that they became, in one transaction with one insert a table. Median of ${rounds} rounds. The processor time is that of the exporter and the server, without the database's.`,
  measured: [
    {
      name: 'spans per second over inserting their rows',
      ours: figure(ours.perSecond),
      theirs: figure(theirs.perSecond),
      ratio: ours.perSecond / theirs.perSecond,
      sign: '≥',
      bar: 0.03,
    },
    {
      name: 'processor time a span over inserting its rows, µs',
      ours: figure(ours.cpuMicroseconds),
      theirs: figure(theirs.cpuMicroseconds),
      ratio: ours.cpuMicroseconds / theirs.cpuMicroseconds,
      sign: '≤',
      bar: 10,
    },
  ],
})

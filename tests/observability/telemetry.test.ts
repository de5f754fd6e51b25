// What the server tells of itself by OTLP: a real collector's part is played by a server in this process.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadConfig } from '../../server/config.ts'
import { createPool } from '../../server/database.ts'
import { startTelemetry, type Telemetry } from '../../server/telemetry.ts'
import { traceJob } from '../../server/tracing.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer } from '../helpers/server.ts'

const db = useDatabase()
const { root } = protobuf.parse(`syntax = "proto3";
  message Request { repeated Resource resource = 2; repeated Group groups = 1; }
  message Group { Resource resource = 1; repeated Scope scopes = 2; }
  message Resource { repeated Pair attributes = 1; }
  message Scope { repeated Span spans = 2; }
  message MetricRequest { repeated MetricGroup groups = 1; }
  message MetricGroup { Resource resource = 1; repeated MetricScope scopes = 2; }
  message MetricScope { repeated Metric metrics = 2; }
  message Span { bytes trace = 1; bytes id = 2; bytes parent = 4; string name = 5; int32 kind = 6; repeated Pair attributes = 9; Status status = 15; }
  message Status { string message = 2; int32 code = 3; }
  message Pair { string key = 1; Value value = 2; }
  message Value { oneof value { string text = 1; bool flag = 2; int64 whole = 3; double number = 4; } }
  message Metric { string name = 1; Points gauge = 5; Points sum = 7; Buckets histogram = 9; }
  message Points { repeated Point points = 1; }
  message Point { double number = 4; sfixed64 whole = 6; repeated Pair attributes = 7; }
  message Buckets { repeated Bucket points = 1; }
  message Bucket { fixed64 count = 4; double sum = 5; repeated fixed64 counts = 6; repeated double bounds = 7; }`)

type Pair = { key: string; value: Record<string, unknown> }
type Span = {
  trace: string
  id: string
  parent: string
  name: string
  attributes: Pair[]
  status?: { code: number; message: string }
}
// biome-ignore lint/suspicious/noExplicitAny: whatever came
type Decoded = any
let collector: Server
let received: { path: string; body: Buffer }[] = []
let endpoint: string
beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    received.push({ path: request.url ?? '', body: Buffer.concat(chunks) })
    response.end()
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => collector.close(resolve)))

const start = (registry = new Registry()): Promise<Telemetry> => {
  received = []
  return startTelemetry(loadConfig({ NODE_ENV: 'test', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), registry)
}
const decoded = (path: string, type: string): Decoded[] =>
  received
    .filter((request) => request.path === path)
    .map(({ body }) => {
      const message = root.lookupType(type)
      return message.toObject(message.decode(body), { bytes: String, longs: Number, arrays: true })
    })
const spans = (): Span[] =>
  decoded('/v1/traces', 'Request').flatMap(({ groups }) =>
    groups.flatMap(({ scopes }: Decoded) => scopes.flatMap((scope: Decoded) => scope.spans)),
  )
const attributesOf = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

it('a request is a span with its route and status, below that of its client, and above those of its statements', async () => {
  const telemetry = await start()
  const server = await startTestServer(db.url)
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  const { data } = await server.ask('member@acme.test', '{ currentTenant { slug } }', {}, { traceparent })
  expect(data.currentTenant.slug).toBe('acme')
  await fetch(`${server.url}/healthz`)
  await server.close()
  await telemetry.stop()

  const all = spans()
  const request = all.find(({ name }) => name === 'POST graphql') as Span
  expect(attributesOf(request)).toEqual({
    'http.request.method': 'POST',
    'http.route': 'graphql',
    'http.response.status_code': 200,
  })
  const statements = all.filter(({ parent }) => parent === request.id)
  // one for who may and how much, one for the query
  expect(statements.map(attributesOf)).toEqual(
    Array.from({ length: 2 }, () =>
      expect.objectContaining({ 'db.system.name': 'postgresql', 'db.operation.name': 'select' }),
    ),
  )
  expect(all.filter(({ trace }) => trace !== request.trace)).toEqual([])
  expect(all.some(({ name }) => name.includes('health'))).toBe(false)
})

it('no text of a query, no value and no person is in what is sent', async () => {
  const telemetry = await start()
  const server = await startTestServer(db.url)
  await server.ask('member@acme.test', '{ agents(filter: { name: { equalTo: "topsecret" } }) { nodes { name } } }')
  await server.close()
  await telemetry.stop()
  const sent = Buffer.concat(received.map(({ body }) => body)).toString('latin1')
  expect(sent).toContain('POST graphql')
  for (const secret of ['topsecret', 'acme.test', 'app_public', db.acme.member.userId, 'from '])
    expect(sent).not.toContain(secret)
})

it('a job is a span above those of its statements, also when it fails, with no more than the code of the error', async () => {
  const telemetry = await start()
  const pool = createPool(db.url, 'rowhouse_worker', 1)
  await traceJob('good', () => pool.query('select 1'))
  await expect(traceJob('bad', () => pool.query(`select 'private' / 0`))).rejects.toThrow()
  await pool.query('select 2')
  await pool.end()
  await telemetry.stop()
  const named = (name: string) => spans().find((span) => span.name === name) as Span
  expect(attributesOf(named('job good'))).toEqual({ 'rowhouse.task': 'good' })
  expect(named('job bad').status?.code).toBe(2)
  expect(attributesOf(named('job bad'))).toMatchObject({ 'error.type': expect.stringMatching(/^[0-9A-Z]{5}$/) })
  expect(spans().filter(({ name, parent }) => name === 'select' && parent === named('job good').id)).toHaveLength(1)
  expect(spans().filter(({ name }) => name === 'select')).toHaveLength(2)
})

it('the metrics of Prometheus are sent as sums, gauges and histograms', async () => {
  const registry = new Registry()
  const registers = [registry]
  new Counter({ name: 'things_total', help: 'Things.', labelNames: ['kind'], registers }).inc({ kind: 'a' }, 3)
  new Gauge({ name: 'level', help: 'Level.', registers }).set(-2.5)
  const histogram = new Histogram({
    name: 'took_seconds',
    help: 'Durations.',
    labelNames: ['kind'],
    buckets: [1, 5],
    registers,
  })
  for (const value of [0.5, 0.75, 3, 100]) histogram.observe({ kind: 'a' }, value)
  histogram.observe({ kind: 'b' }, 2)
  await (await start(registry)).stop()

  const [{ groups }] = decoded('/v1/metrics', 'MetricRequest')
  expect(groups[0].resource.attributes[0]).toEqual({ key: 'service.name', value: { text: 'rowhouse' } })
  const metrics = new Map<string, Decoded>(
    groups[0].scopes.flatMap((scope: Decoded) => scope.metrics).map((m: Decoded) => [m.name, m]),
  )
  expect(metrics.get('things_total').sum.points).toMatchObject([
    { number: 3, attributes: [{ key: 'kind', value: { text: 'a' } }] },
  ])
  expect(metrics.get('level').gauge.points).toMatchObject([{ number: -2.5 }])
  expect(metrics.get('took_seconds').histogram.points).toMatchObject([
    { count: 4, sum: 104.25, counts: [2, 1, 1], bounds: [1, 5] },
    { count: 1, sum: 2, counts: [0, 1, 0], bounds: [1, 5] },
  ])
})

it('nothing is sent without an endpoint, and a collector that is away holds up nothing', async () => {
  received = []
  const config = loadConfig({ NODE_ENV: 'test' })
  const silent = await startTelemetry(config, new Registry())
  expect(await traceJob('any', async () => 1)).toBe(1)
  await silent.stop()
  expect(received).toEqual([])
  const away = await startTelemetry({ ...config, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }, new Registry())
  expect(await traceJob('any', async () => 2)).toBe(2)
  await away.stop()
})

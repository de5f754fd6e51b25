// Metrics for Prometheus: requests, operations by error code, spans, jobs, queue, pool.

import type { Pool } from 'pg'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics(pool?: Pool) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  if (pool) {
    new Gauge({
      name: 'rowhouse_pool_connections',
      help: 'Connections of this process to its database.',
      labelNames: ['state'],
      registers,
      collect() {
        this.set({ state: 'idle' }, pool.idleCount)
        this.set({ state: 'busy' }, pool.totalCount - pool.idleCount)
        this.set({ state: 'waiting' }, pool.waitingCount)
      },
    })
    addQueueMetrics(pool, registers)
  }
  return {
    registry,
    requests: new Histogram({
      name: 'rowhouse_http_request_seconds',
      help: 'Duration of HTTP requests.',
      labelNames: ['route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    errors: new Counter({
      name: 'rowhouse_graphql_errors_total',
      help: 'Errors returned to GraphQL clients.',
      labelNames: ['code'],
      registers,
    }),
    liveSubscriptions: new Gauge({
      name: 'rowhouse_live_subscriptions',
      help: 'Subscriptions that are open, by transport: websocket or sse.',
      labelNames: ['transport'],
      registers,
    }),
    liveAnswers: new Counter({
      name: 'rowhouse_live_answers_total',
      help: 'Answers that were sent to subscriptions.',
      labelNames: ['transport'],
      registers,
    }),
    liveGaps: new Counter({
      name: 'rowhouse_live_gaps_total',
      help: 'How often announcements of changes were interrupted, so that all subscriptions read again.',
      registers,
    }),
    spans: new Counter({
      name: 'rowhouse_otlp_spans_total',
      help: 'Spans that came to /v1/traces: stored, repeated, ignored or rejected.',
      labelNames: ['outcome'],
      registers,
    }),
    jobs: new Histogram({
      name: 'rowhouse_job_seconds',
      help: 'Duration of jobs.',
      labelNames: ['task', 'outcome'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120],
      registers,
    }),
    workerTroubles: new Counter({
      name: 'rowhouse_worker_troubles_total',
      help: 'What went wrong with the worker and was mended: connection_lost, runner_restarted, job_given_back.',
      labelNames: ['kind'],
      registers,
    }),
  }
}

type Depth = {
  task: string
  waiting_count: string
  running_count: string
  failed_count: string
  oldest_waiting_seconds: number
}

/** Asked for together, the gauges share one query. */
function addQueueMetrics(pool: Pool, registers: Registry[]): void {
  let reading: Promise<Depth[]> | undefined
  // without an answer the queue is left out; the other metrics are told as ever
  const read = (): Promise<Depth[]> => {
    reading ??= readQueueDepth(pool)
      .then((depths) => depths ?? [])
      .finally(() => {
        reading = undefined
      })
    return reading
  }
  new Gauge({
    name: 'rowhouse_queue_jobs',
    help: 'Jobs in the queue, by task and state: waiting (due), running, or failed for good.',
    labelNames: ['task', 'state'],
    registers,
    async collect() {
      const depths = await read()
      this.reset()
      for (const { task, ...depth } of depths) {
        this.set({ task, state: 'waiting' }, Number(depth.waiting_count))
        this.set({ task, state: 'running' }, Number(depth.running_count))
        this.set({ task, state: 'failed' }, Number(depth.failed_count))
      }
    },
  })
  new Gauge({
    name: 'rowhouse_queue_oldest_seconds',
    help: 'How long the oldest job that waits has been due, by task.',
    labelNames: ['task'],
    registers,
    async collect() {
      const depths = await read()
      this.reset()
      for (const { task, oldest_waiting_seconds } of depths) this.set({ task }, oldest_waiting_seconds)
    },
  })
}

/** What waits, by task, or undefined when the database is away or the pool is busy. */
export async function readQueueDepth(pool: Pool): Promise<Depth[] | undefined> {
  if (pool.waitingCount > 0) return undefined
  try {
    return (await pool.query<Depth>('select * from core.queue_depth()')).rows
  } catch {
    return undefined
  }
}

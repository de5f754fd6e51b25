// Metrics for Prometheus: requests, operations by error code, jobs, pool.

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
      help: 'Connections of the server to its database.',
      labelNames: ['state'],
      registers,
      collect() {
        this.set({ state: 'idle' }, pool.idleCount)
        this.set({ state: 'busy' }, pool.totalCount - pool.idleCount)
        this.set({ state: 'waiting' }, pool.waitingCount)
      },
    })
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

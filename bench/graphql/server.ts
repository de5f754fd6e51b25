// A server to measure, in a process of its own, so that its processor time can be told from that of who asks: ours as
// server.ts starts it, or PostGraphile with grafserv and nothing of ours but the context that row level security reads.
// Started by run.ts: node bench/graphql/server.ts ours|plain, DATABASE_URL and the tenant in the environment.

import { createServer } from 'node:http'
import { createPool } from '../../server/database.ts'

export type Started = { url: string; token?: string }

process.env.GRAPHILE_ENV ??= 'production'

const { DATABASE_URL = '', BENCH_TENANT = '', BENCH_USER = '', BENCH_EMAIL = '' } = process.env

async function startOurs(): Promise<Started> {
  const { loadConfig } = await import('../../server/config.ts')
  const { createLogger } = await import('../../server/logging.ts')
  const { createMetrics } = await import('../../server/metrics.ts')
  const { signDevelopmentToken } = await import('../../server/auth.ts')
  const { startHttp } = await import('../../server/start-http.ts')
  const config = loadConfig({ ...process.env, PORT: '0', NODE_ENV: 'production' })
  const pool = createPool(DATABASE_URL, 'rowhouse_authenticator', config.POOL_SIZE, {
    statementTimeoutMs: config.STATEMENT_TIMEOUT_MS,
  })
  // a line a request, as in production; run.ts throws them away
  const { url } = await startHttp(config, pool, createLogger(config.LOG_LEVEL), createMetrics(pool))
  return { url, token: await signDevelopmentToken(config, { email: BENCH_EMAIL }) }
}

/** What PostGraphile's own documentation starts with. */
async function startPlain(): Promise<Started> {
  const { postgraphile } = await import('postgraphile')
  const { PostGraphileAmberPreset } = await import('postgraphile/presets/amber')
  const { PgSimplifyInflectionPreset } = await import('@graphile/simplify-inflection')
  const { makePgService } = await import('postgraphile/adaptors/pg')
  const { grafserv } = await import('postgraphile/grafserv/node')
  const pool = createPool(DATABASE_URL, 'rowhouse_authenticator', 20)
  const pgSettings = { role: 'rowhouse_user', 'rowhouse.tenant_id': BENCH_TENANT, 'rowhouse.user_id': BENCH_USER }
  const { createServ } = postgraphile({
    extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset],
    pgServices: [
      makePgService({
        pool,
        schemas: ['app_public'],
        pubsub: false,
        pgSettings: () => pgSettings,
        pgSettingsForIntrospection: { role: 'rowhouse_user' },
      }),
    ],
    grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
  })
  const http = createServer()
  const serv = createServ(grafserv)
  await serv.addTo(http)
  await serv.ready()
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as { port: number }
  return { url: `http://127.0.0.1:${port}` }
}

process.send?.(await (process.argv[2] === 'plain' ? startPlain() : startOurs()))
process.once('disconnect', () => process.exit())

// Puts the HTTP server together: schema, limits, authentication, readiness, Ruru.

import type { Pool } from 'pg'
import { makeSchema } from 'postgraphile'
import { createTokenVerifier, signDevelopmentToken } from './auth.ts'
import type { Config } from './config.ts'
import { loadConstraints } from './constraints.ts'
import { createMaskError } from './errors.ts'
import { createExecutor } from './graphql/execute.ts'
import { createExplainError } from './graphql/form-errors.ts'
import { createPreset } from './graphql/preset.ts'
import { type HttpServer, startHttpServer } from './http.ts'
import type { Listener } from './http-listener.ts'
import type { Logger } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { createReadiness } from './readiness.ts'
import { createRequestPool } from './request-pool.ts'

export async function startHttp(
  config: Config,
  pool: Pool,
  logger: Logger,
  metrics: Metrics,
  listener?: Listener,
): Promise<HttpServer> {
  const requestPool = createRequestPool(pool)
  const { schema, resolvedPreset } = await makeSchema(createPreset(requestPool))
  const maskError = createMaskError((fields, message) => logger.error(fields, message))
  const executor = createExecutor(
    schema,
    resolvedPreset,
    {
      depth: config.QUERY_DEPTH_LIMIT,
      cost: config.QUERY_COST_LIMIT,
      pageSizeDefault: config.PAGE_SIZE_DEFAULT,
      pageSizeMax: config.PAGE_SIZE_MAX,
    },
    maskError,
    createExplainError(schema, pool, await loadConstraints(pool)),
  )
  const readiness = createReadiness(pool.options)
  const http = await startHttpServer({
    config,
    pool: requestPool,
    executor,
    verifyToken: await createTokenVerifier(config),
    logger,
    metrics,
    listener,
    whyNotReady: readiness.whyNot,
    serveRuru: config.isProduction ? undefined : await ruru(config),
  })
  return {
    url: http.url,
    close: async () => {
      await http.close()
      readiness.close()
    },
  }
}

async function ruru(config: Config) {
  const { createRuru } = await import('./ruru.ts')
  const token = config.JWT_JWKS_URL
    ? undefined
    : await signDevelopmentToken(config, { email: 'owner@acme.test', tenant: 'acme' })
  return createRuru(token)
}

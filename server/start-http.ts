// Puts the HTTP server together: schema, limits, authentication, readiness, Ruru.

import type { Pool } from 'pg'
import { makeSchema } from 'postgraphile'
import { createTokenVerifier, signDevelopmentToken } from './auth.ts'
import type { Config } from './config.ts'
import { loadConstraints } from './constraints.ts'
import { createMaskError } from './errors.ts'
import { createExecutor } from './graphql/execute.ts'
import { createExplainError } from './graphql/form-errors.ts'
import { readPersistedOperations } from './graphql/persisted.ts'
import { createPreset } from './graphql/preset.ts'
import { type HttpServer, startHttpServer } from './http.ts'
import type { Listener } from './http-listener.ts'
import type { Logger } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { createReadiness } from './readiness.ts'
import { createRequestPool } from './request-pool.ts'
import { loadKeyRing } from './secrets.ts'
import { keepWarmConnections } from './warm-connections.ts'

export async function startHttp(
  config: Config,
  pool: Pool,
  logger: Logger,
  metrics: Metrics,
  listener?: Listener,
): Promise<HttpServer> {
  const requestPool = createRequestPool(pool)
  const { schema, resolvedPreset } = await makeSchema(
    createPreset(requestPool, config.RESPONSE_LIMIT_BYTES, await loadKeyRing(config)),
  )
  const maskError = createMaskError((fields, message) => logger.error(fields, message))
  const executor = createExecutor({
    schema,
    resolvedPreset,
    limits: {
      depth: config.QUERY_DEPTH_LIMIT,
      cost: config.QUERY_COST_LIMIT,
      pageSizeDefault: config.PAGE_SIZE_DEFAULT,
      pageSizeMax: config.PAGE_SIZE_MAX,
      rootFields: config.QUERY_ROOT_FIELDS_LIMIT,
      fields: config.QUERY_FIELDS_LIMIT,
      argumentBytes: config.BODY_LIMIT_BYTES,
      responseBytes: config.RESPONSE_LIMIT_BYTES,
      costPerCall: config.QUERY_COST_PER_CALL,
    },
    maskError,
    explainError: createExplainError(schema, pool, await loadConstraints(pool)),
    persisted: config.PERSISTED_OPERATIONS ? await readPersistedOperations(config.PERSISTED_OPERATIONS) : undefined,
    onlyPersisted: config.PERSISTED_OPERATIONS_ONLY,
  })
  const readiness = createReadiness(pool.options)
  const warm = keepWarmConnections(pool)
  const http = await startHttpServer({
    config,
    pool: requestPool,
    executor,
    verifyToken: await createTokenVerifier(config),
    logger,
    metrics,
    listener,
    ready: readiness.look,
    serveRuru: config.isProduction ? undefined : await ruru(config),
  })
  return {
    url: http.url,
    close: async () => {
      await http.close()
      readiness.close()
      warm.stop()
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

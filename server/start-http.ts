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
import type { Logger } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { isCurrent, migrationState } from './migrations.ts'

export async function startHttp(config: Config, pool: Pool, logger: Logger, metrics: Metrics): Promise<HttpServer> {
  const { schema, resolvedPreset } = await makeSchema(createPreset(pool))
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
  return startHttpServer({
    config,
    pool,
    executor,
    verifyToken: await createTokenVerifier(config),
    logger,
    metrics,
    whyNotReady: async () => {
      try {
        return isCurrent(await migrationState(pool)) ? undefined : 'The database is not at the state of this version.'
      } catch {
        return 'The database cannot be reached.'
      }
    },
    serveRuru: config.isProduction ? undefined : await ruru(config),
  })
}

async function ruru(config: Config) {
  const { createRuru } = await import('./ruru.ts')
  const token = config.JWT_JWKS_URL
    ? undefined
    : await signDevelopmentToken(config, { email: 'owner@acme.test', tenant: 'acme' })
  return createRuru(token)
}

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
import type { Logger } from './logging.ts'
import type { Metrics } from './metrics.ts'
import { isCurrent, migrationState } from './migrations.ts'

export async function startHttp(config: Config, pool: Pool, logger: Logger, metrics: Metrics): Promise<HttpServer> {
  const { schema, resolvedPreset } = await makeSchema(createPreset(pool, config.RESPONSE_LIMIT_BYTES))
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

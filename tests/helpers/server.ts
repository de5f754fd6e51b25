// A real server in this process, on a free port, in front of the test's database.

import { signDevelopmentToken } from '../../server/auth.ts'
import { type Config, loadConfig } from '../../server/config.ts'
import { createPool } from '../../server/database.ts'
import { createLogger } from '../../server/logging.ts'
import { createMetrics } from '../../server/metrics.ts'
import { startHttp } from '../../server/start-http.ts'

export const testSecret = 'dGhlIHdhbGxzIG9mIHRoZSBob3VzZSBhcmUgdGhpY2s'

export type GraphQLAnswer = {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  data: any
  errors?: { message: string; path?: unknown[]; extensions: { code: string; hint?: string; [key: string]: unknown } }[]
}

export type TestServer = {
  url: string
  config: Config
  token: (email: string, tenant?: string) => Promise<string>
  /** Asks as this person, with a token of theirs; without one when none is named. */
  ask: (
    email: string | undefined,
    query: string,
    variables?: object,
    headers?: Record<string, string>,
  ) => Promise<GraphQLAnswer>
  close: () => Promise<void>
  /** How many connections to the database are lent out. */
  busyConnections: () => number
}

export async function startTestServer(
  url: string,
  environment: Record<string, string> = {},
  onLog?: (line: string) => void,
): Promise<TestServer> {
  const config = loadConfig({
    NODE_ENV: 'test',
    PORT: '0',
    JWT_SECRET: testSecret,
    LOG_LEVEL: onLog ? 'debug' : 'silent',
    ...environment,
  })
  const pool = createPool(url, 'rowhouse_authenticator', config.POOL_SIZE, {
    statementTimeoutMs: config.STATEMENT_TIMEOUT_MS,
  })
  const http = await startHttp(
    config,
    pool,
    createLogger(config.LOG_LEVEL, onLog && { write: onLog }),
    createMetrics(pool),
  )
  const token = (email: string, tenant?: string): Promise<string> =>
    signDevelopmentToken(config, { email, ...(tenant ? { tenant } : {}) })
  return {
    url: http.url,
    config,
    token,
    busyConnections: () => pool.totalCount - pool.idleCount,
    ask: async (email, query, variables, headers = {}) => {
      const response = await fetch(`${http.url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(email ? { authorization: `Bearer ${await token(email)}` } : {}),
          ...headers,
        },
        body: JSON.stringify({ query, variables }),
      })
      return {
        status: response.status,
        headers: response.headers,
        ...((await response.json()) as object),
      } as GraphQLAnswer
    },
    close: async () => {
      await http.close()
      await pool.end()
    },
  }
}

// The real server, in this process, asked over one connection that is kept.

import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { loadConfig } from '../server/config.ts'
import { createPool } from '../server/database.ts'
import { createLogger } from '../server/logging.ts'
import type { PoolOptions } from '../server/pool.ts'

export type GraphQLServer = {
  url: string
  /** A token of the person with this address. */
  tokenFor: (email: string) => Promise<string>
  /** The data of an answer without errors. */
  ask: (token: string, query: string, variables?: object) => Promise<unknown>
}

export async function withGraphQL<T>(
  databaseUrl: string,
  work: (server: GraphQLServer) => Promise<T>,
  options: PoolOptions = {},
): Promise<T> {
  // as server.ts has it, before PostGraphile is loaded
  process.env.GRAPHILE_ENV ??= 'production'
  const { startHttp } = await import('../server/start-http.ts')
  const { createMetrics } = await import('../server/metrics.ts')
  const { signDevelopmentToken } = await import('../server/auth.ts')
  const config = loadConfig({
    NODE_ENV: 'test',
    PORT: '0',
    JWT_SECRET: randomBytes(48).toString('base64url'),
    LOG_LEVEL: 'silent',
  })
  const pool = createPool(databaseUrl, 'rowhouse_authenticator', config.POOL_SIZE, options)
  const http = await startHttp(config, pool, createLogger(config.LOG_LEVEL), createMetrics(pool))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    return await work({
      url: http.url,
      tokenFor: (email) => signDevelopmentToken(config, { email }),
      ask: async (token, query, variables) => {
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
        const body = await post(`${http.url}/graphql`, agent, headers, JSON.stringify({ query, variables }))
        const { data, errors } = JSON.parse(body) as { data?: unknown; errors?: unknown }
        if (errors) throw new Error(`GraphQL says ${JSON.stringify(errors)}.`)
        return data
      },
    })
  } finally {
    agent.destroy()
    await http.close()
    await pool.end()
  }
}

export function post(url: string, agent: Agent, headers: Record<string, string>, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve(text))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

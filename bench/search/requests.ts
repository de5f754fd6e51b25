// What stands around a search: writing it down, and GraphQL. A small tenant, whose searches are short, shows both best.

import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { loadConfig } from '../../server/config.ts'
import { createPool } from '../../server/database.ts'
import { createLogger } from '../../server/logging.ts'
import { makeTexts } from './corpus.ts'
import { becomeUser } from './hybrid.ts'
import { createTenant, insertChunks, mergeIndex, rankTerms, settle, stage } from './load.ts'
import { withProgress } from './progress.ts'
import { drawQuerySets } from './queries.ts'
import { withClient, withScratch } from './scratch.ts'
import { type Percentiles, percentile, percentilesOf, timed } from './timing.ts'

export type RequestsResult = {
  chunks: number
  runs: number
  /** The same search as it is, and in a read-only transaction, where it is not written down. */
  log: { logged: Percentiles; unlogged: Percentiles; addedMs: number | null }
  /** addedMs is the median of what one asked right beside the other took more: what slows both down is not in it. */
  graphql: { graphql: Percentiles; sql: Percentiles; addedMs: number | null }
}

const chunks = 1_000
const runs = 300
const warmUps = 50
const slug = 'requests'

export async function measureRequests(serverUrl: string): Promise<RequestsResult> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      await stage(admin, makeTexts(), chunks, { add: () => {} })
      await rankTerms(admin)
      const sets = await drawQuerySets(admin, 50)
      const questions = sets.flatMap(({ queries }) => queries.map((terms) => terms.join(' ')))
      const tenant = await createTenant(admin, slug)
      await insertChunks(admin, tenant, { first: 1, last: chunks })
      await mergeIndex(admin, tenant)
      await settle(admin)
      return withClient(url, async (client) => {
        await becomeUser(client, tenant)
        const search = (question: string): Promise<number> =>
          timed(async () => {
            const { rows } = await client.query(
              `select score, chunk_id, title from app_public.search($1, mode => 'bm25', "limit" => 10)`,
              [question],
            )
            if (rows.length === 0) throw new Error(`Nothing is found for ${question}.`)
          })
        const searchIn = async (question: string, readOnly: 'on' | 'off'): Promise<number> => {
          // a transaction of its own either way, so that what a commit costs is in it
          await client.query(`set default_transaction_read_only = ${readOnly}`)
          return search(question)
        }
        const [logged, unlogged, addedByLog] = await alternate('  query log', questions, [
          (question) => searchIn(question, 'off'),
          (question) => searchIn(question, 'on'),
        ])
        await client.query('reset default_transaction_read_only')
        const [graphql, sql, addedByGraphQL] = await withGraphQL(url, (ask) =>
          alternate('  GraphQL', questions, [ask, search]),
        )
        return {
          chunks,
          runs,
          log: { logged, unlogged, addedMs: addedByLog },
          graphql: { graphql, sql, addedMs: addedByGraphQL },
        }
      })
    }),
  )
}

type Ask = (question: string) => Promise<number>

/** Both ways for each question, the other one first each time. */
async function alternate(
  step: string,
  questions: string[],
  ways: [Ask, Ask],
): Promise<[one: Percentiles, other: Percentiles, added: number | null]> {
  const times: [number[], number[]] = [[], []]
  await withProgress(step, warmUps + runs, async (bar) => {
    for (let i = 0; i < warmUps + runs; i++) {
      const question = questions[i % questions.length] as string
      for (const way of i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const ms = await ways[way](question)
        if (i >= warmUps) times[way].push(ms)
      }
      bar.add(1)
    }
  })
  const added = times[0].map((ms, i) => ms - (times[1][i] ?? Number.NaN))
  return [percentilesOf(times[0]), percentilesOf(times[1]), percentile(added, 0.5)]
}

/** The real server, in this process, asked over one connection that is kept. */
async function withGraphQL<T>(url: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  // as server.ts has it, before PostGraphile is loaded
  process.env.GRAPHILE_ENV ??= 'production'
  const { startHttp } = await import('../../server/start-http.ts')
  const { createMetrics } = await import('../../server/metrics.ts')
  const { signDevelopmentToken } = await import('../../server/auth.ts')
  const config = loadConfig({
    NODE_ENV: 'test',
    PORT: '0',
    JWT_SECRET: randomBytes(48).toString('base64url'),
    LOG_LEVEL: 'silent',
  })
  const pool = createPool(url, 'rowhouse_authenticator', config.POOL_SIZE)
  const http = await startHttp(config, pool, createLogger(config.LOG_LEVEL), createMetrics(pool))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${await signDevelopmentToken(config, { email: `${slug}@bench.test` })}`,
  }
  const query = `query ($question: String!) {
    search(query: $question, mode: bm25, limit: 10) { nodes { score chunkId title } }
  }`
  const post = (body: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const sent = request(`${http.url}/graphql`, { method: 'POST', agent, headers }, (response) => {
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
  try {
    return await work((question) =>
      timed(async () => {
        const answer = JSON.parse(await post(JSON.stringify({ query, variables: { question } })))
        if (!answer.data?.search?.nodes?.length) throw new Error(`GraphQL says ${JSON.stringify(answer)}.`)
      }),
    )
  } finally {
    agent.destroy()
    await http.close()
    await pool.end()
  }
}

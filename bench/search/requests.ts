// What stands around a search: writing it down, and GraphQL. A small tenant, whose searches are short, shows both best.

import { withGraphQL } from '../graphql.ts'
import { withProgress } from '../progress.ts'
import { withClient, withScratch } from '../scratch.ts'
import { type Percentiles, percentile, percentilesOf, timed } from '../timing.ts'
import { makeTexts } from './corpus.ts'
import { becomeUser } from './hybrid.ts'
import { createTenant, insertChunks, mergeIndex, rankTerms, settle, stage } from './load.ts'
import { drawQuerySets } from './queries.ts'

export type RequestsResult = {
  chunks: number
  runs: number
  /** The same search as it is, and in a read-only transaction, where it is not written down. */
  log: { logged: Percentiles; unlogged: Percentiles; addedMs: number | null }
  /** addedMs is the median of what one asked right beside the other took more: what slows both down is not in it. */
  graphql: { graphql: Percentiles; sql: Percentiles; addedMs: number | null }
}

const chunks = 1_000
/** Runs that are measured for each that warms up. */
const runsPerWarmUp = 6
const slug = 'requests'
const graphql = `query ($question: String!) {
  search(query: $question, mode: bm25, limit: 10) { nodes { score chunkId title } }
}`

export async function measureRequests(serverUrl: string, runs: number): Promise<RequestsResult> {
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
        const [logged, unlogged, addedByLog] = await alternate('  query log', questions, runs, [
          (question) => searchIn(question, 'off'),
          (question) => searchIn(question, 'on'),
        ])
        await client.query('reset default_transaction_read_only')
        const [overHttp, sql, addedByGraphQL] = await withGraphQL(url, async ({ tokenFor, ask }) => {
          const token = await tokenFor(`${slug}@bench.test`)
          const searchOverHttp = (question: string): Promise<number> =>
            timed(async () => {
              const { search } = (await ask(token, graphql, { question })) as { search: { nodes: unknown[] } }
              if (search.nodes.length === 0) throw new Error(`Nothing is found for ${question} over GraphQL.`)
            })
          return alternate('  GraphQL', questions, runs, [searchOverHttp, search])
        })
        return {
          chunks,
          runs,
          log: { logged, unlogged, addedMs: addedByLog },
          graphql: { graphql: overHttp, sql, addedMs: addedByGraphQL },
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
  runs: number,
  ways: [Ask, Ask],
): Promise<[one: Percentiles, other: Percentiles, added: number | null]> {
  const times: [number[], number[]] = [[], []]
  const warmUps = Math.ceil(runs / runsPerWarmUp)
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

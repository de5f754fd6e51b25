// The API's search from end to end, question to snippets: by words, by vectors and by both.

import type pg from 'pg'
import { withProgress } from '../progress.ts'
import { withClient, withScratch } from '../scratch.ts'
import { type Percentiles, percentilesOf, readySession, timed } from '../timing.ts'
import { makeTexts } from './corpus.ts'
import { buildVectorIndex, createModel, embedChunks, makeVectors, modelName, takeVectors } from './embeddings.ts'
import { createTenant, insertChunks, mergeIndex, rankTerms, settle, stage, type Tenant } from './load.ts'
import { drawQuerySets } from './queries.ts'

export type HybridResult = {
  chunks: number
  queries: number
  modes: (Percentiles & { mode: string })[]
}

const modes = ['bm25', 'vector', 'hybrid']

/** A request's session: the role and the tenant, and nothing else. */
export async function becomeUser(client: pg.Client, tenant: Tenant): Promise<void> {
  await client.query(`select set_config('rowhouse.tenant_id', $1, false)`, [tenant.id])
  await client.query('set role rowhouse_user')
}

export async function measureHybrid(serverUrl: string, count: number, queriesPerSet: number): Promise<HybridResult> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      await withProgress('  staging', count, (bar) => stage(admin, makeTexts(), count, bar))
      await rankTerms(admin)
      // two kinds of three words, half and half
      const sets = await drawQuerySets(admin, queriesPerSet)
      const questions = sets.flatMap(({ queries }) => queries.map((terms) => terms.join(' ')))
      const modelId = await createModel(admin)
      const tenant = await createTenant(admin, 'hybrid', modelName)
      await withProgress('  inserting', count, (bar) => insertChunks(admin, tenant, { first: 1, last: count }, bar))
      await withProgress('  merging', count, (bar) => mergeIndex(admin, tenant, bar))
      await withProgress('  vectors', count, (bar) => embedChunks(admin, tenant, modelId, makeVectors(1), bar))
      await withProgress('  building the vector index', 1, () => buildVectorIndex(admin, modelId))
      await settle(admin)

      const vectors = takeVectors(makeVectors(2), questions.length)
      return withClient(url, async (client) => {
        await becomeUser(client, tenant)
        await readySession(client)
        const times = modes.map((): number[] => [])
        const ask = (mode: string, i: number): Promise<number> =>
          timed(async () => {
            const { rowCount } = await client.query(
              'select * from app_public.search($1, mode => $2::app_public.search_mode, options => search.options(query_embedding => $3::vector))',
              [questions[i], mode, vectors[i]],
            )
            if (!rowCount) throw new Error(`Nothing is found by ${mode} for ${questions[i]}.`)
          })
        for (let i = 0; i < questions.length; i += 5) for (const mode of modes) await ask(mode, i)
        await withProgress('  searching', questions.length, async (bar) => {
          for (const i of questions.keys()) {
            // another one first each time
            for (let turn = 0; turn < modes.length; turn++) {
              const m = (i + turn) % modes.length
              times[m]?.push(await ask(modes[m] as string, i))
            }
            bar.add(1)
          }
        })
        return {
          chunks: count,
          queries: questions.length,
          modes: modes.map((mode, m) => ({ mode, ...percentilesOf(times[m] ?? []) })),
        }
      })
    }),
  )
}

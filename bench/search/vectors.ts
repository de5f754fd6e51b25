// Nearest neighbours: what the index misses, what it saves, and from how many vectors on it is the faster way. Tenants of
// several sizes share the model's one index, as they do in a real database.

import type pg from 'pg'
import { withProgress } from '../progress.ts'
import { withClient, withScratch } from '../scratch.ts'
import { type Percentiles, percentilesOf, readySession, timed } from '../timing.ts'
import { enterTenant } from './contenders.ts'
import {
  buildVectorIndex,
  createModel,
  insertBareVectors,
  makeVectors,
  modelName,
  takeVectors,
  type VectorIndex,
} from './embeddings.ts'
import { createTenant, settle, type Tenant } from './load.ts'

export type Nearest = Percentiles & {
  /** How many queries in ten PostgreSQL answers through the HNSW index; the others it sorts. */
  byIndex: number
  /** The share of the ten nearest that are found, the mean of all queries. */
  recall: number
}

export type VectorTenantResult = {
  vectors: number
  exact: Percentiles
  /** search.indexed_vector_ranking, whatever the tenant's size. */
  indexed: Nearest
  /** search.vector_ranking, which chooses. */
  chosen: Nearest
}

export type QuantizationResult = VectorIndex & {
  quantization: string
  tenants: (Nearest & { vectors: number })[]
}

export type VectorsResult = {
  vectors: number
  queries: number
  tenants: VectorTenantResult[]
  /** The smallest and the largest tenant through the index of each kind, each choosing as usual. */
  quantizations: QuantizationResult[]
}

const depth = 10
const borderSizes = [1_000, 3_000, 10_000, 30_000]
const smallShare = 0.005

type Way = 'exact' | 'indexed' | 'chosen'

const statements: Record<Way, string> = {
  exact: `select v.chunk_id from search.exact_vector_ranking($1, $2::vector, search.scope_of(), ${depth}) v`,
  indexed: `select v.chunk_id from app_public.llm_models m,
              search.indexed_vector_ranking(m, $2::vector, search.scope_of(), ${depth}) v where m.id = $1`,
  chosen: `select v.chunk_id from app_public.llm_models m,
             search.vector_ranking(m, $2::vector, search.scope_of(), ${depth}) v where m.id = $1`,
}

export async function measureVectors(serverUrl: string, count: number, queryCount: number): Promise<VectorsResult> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      const modelId = await createModel(admin)
      const tenants = await loadTenants(admin, modelId, count)
      const small = tenants[0] as Loaded
      const large = tenants.at(-1) as Loaded
      const queries = takeVectors(makeVectors(2), queryCount)
      const index = await withProgress('  building the vector index', 1, () => buildVectorIndex(admin, modelId))
      await settle(admin)

      const results: VectorTenantResult[] = []
      const truths = new Map<Loaded, string[][]>()
      for (const tenant of tenants) {
        const answers = await askAll(url, tenant, modelId, queries, ['exact', 'indexed', 'chosen'])
        const truth = answers.exact.hits
        truths.set(tenant, truth)
        results.push({
          vectors: tenant.vectors,
          exact: percentilesOf(answers.exact.times),
          indexed: nearest(answers.indexed, truth),
          chosen: nearest(answers.chosen, truth),
        })
      }

      const ofExtremes = [results[0], results.at(-1)] as VectorTenantResult[]
      const quantizations: QuantizationResult[] = [
        {
          quantization: 'none',
          ...index,
          tenants: ofExtremes.map(({ vectors, chosen }) => ({ vectors, ...chosen })),
        },
      ]
      for (const quantization of ['halfvec', 'binary']) {
        await admin.query('update app_public.llm_models set vector_quantization = $2 where id = $1', [
          modelId,
          quantization,
        ])
        const built = await withProgress(`  building it as ${quantization}`, 1, () => buildVectorIndex(admin, modelId))
        await settle(admin)
        const nearestOf: QuantizationResult['tenants'] = []
        for (const tenant of [small, large]) {
          const answers = await askAll(url, tenant, modelId, queries, ['chosen'])
          nearestOf.push({ vectors: tenant.vectors, ...nearest(answers.chosen, truths.get(tenant) ?? []) })
        }
        quantizations.push({ quantization, ...built, tenants: nearestOf })
      }
      return { vectors: count, queries: queryCount, tenants: results, quantizations }
    }),
  )
}

type Loaded = Tenant & { vectors: number }

/** The small one, those of the border that leave the large one its half, and the large one with the rest. */
async function loadTenants(client: pg.Client, modelId: string, count: number): Promise<Loaded[]> {
  const small = Math.round(count * smallShare)
  const between = borderSizes.filter((size) => size > small && size <= count / 6)
  const rest = count - small - between.reduce((sum, size) => sum + size, 0)
  const vectors = makeVectors(1)
  return withProgress('  vectors', count, async (bar) => {
    const loaded: Loaded[] = []
    for (const size of [small, ...between, rest]) {
      const tenant = await createTenant(client, `vectors-${size}`, modelName)
      await insertBareVectors(client, tenant, modelId, vectors, size, bar)
      loaded.push({ ...tenant, vectors: size })
    }
    return loaded
  })
}

type Answers = { times: number[]; hits: string[][]; byIndex: number }

/** Every query by every way, another one first each time, after ten to warm up and to see who takes the index. */
async function askAll<W extends Way>(
  url: string,
  tenant: Loaded,
  modelId: string,
  queries: string[],
  ways: W[],
): Promise<Record<W, Answers>> {
  return withClient(url, async (client) => {
    await enterTenant(client, tenant)
    await readySession(client)
    const answers = Object.fromEntries(
      ways.map((way) => [way, { times: [], hits: [], byIndex: 0 }]),
    ) as unknown as Record<W, Answers>
    const ask = async (way: W, query: string): Promise<{ ms: number; ids: string[] }> => {
      let ids: string[] = []
      const ms = await timed(async () => {
        const { rows } = await client.query<{ chunk_id: string }>(statements[way], [modelId, query])
        ids = rows.map((row) => row.chunk_id)
      })
      return { ms, ids }
    }
    for (const query of queries.slice(0, 10)) {
      for (const way of ways) if (await usesIndex(client, modelId, () => ask(way, query))) answers[way].byIndex++
    }
    await withProgress(`  a tenant of ${tenant.vectors} vectors`, queries.length, async (bar) => {
      for (const [i, query] of queries.entries()) {
        for (let turn = 0; turn < ways.length; turn++) {
          const way = ways[(i + turn) % ways.length] as W
          const { ms, ids } = await ask(way, query)
          answers[way].times.push(ms)
          answers[way].hits.push(ids)
        }
        bar.add(1)
      }
    })
    return answers
  })
}

async function usesIndex(client: pg.Client, modelId: string, work: () => Promise<unknown>): Promise<boolean> {
  // the counter has earlier transactions in it until they are reported, which does not happen within one
  const scans = async (): Promise<number> => {
    const { rows } = await client.query<{ scans: string }>(
      `select pg_stat_get_xact_numscans(('app_public.' || quote_ident(search.vector_index_name($1)))::regclass) as scans`,
      [modelId],
    )
    return Number(rows[0]?.scans ?? 0)
  }
  await client.query('begin')
  const before = await scans()
  await work()
  const after = await scans()
  await client.query('commit')
  return after > before
}

function nearest({ times, hits, byIndex }: Answers, truth: string[][]): Nearest {
  const shares = truth.map((expected, i) => {
    const found = new Set(hits[i])
    return expected.filter((id) => found.has(id)).length / expected.length
  })
  return { ...percentilesOf(times), byIndex, recall: shares.reduce((sum, share) => sum + share, 0) / shares.length }
}

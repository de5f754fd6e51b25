// Ranking against the other contenders on a corpus, and one tenant among many. Each has a database of its own.

import pg from 'pg'
import { withProgress } from '../progress.ts'
import { between, mulberry32 } from '../random.ts'
import { withClient, withScratch } from '../scratch.ts'
import { type Percentiles, readySession } from '../timing.ts'
import { measureSet, type SetResult } from './compare.ts'
import { type Contender, contenders, enterTenant, rankInTenant, type Size, sizeOfIndex } from './contenders.ts'
import { makeTexts } from './corpus.ts'
import { createTenant, insertChunks, mergeIndex, rankTerms, settle, stage, type Tenant } from './load.ts'
import { bandsOf, drawQuerySets, drawRanks, type QuerySet, questionSet, termsAt } from './queries.ts'

export type CorpusResult = {
  corpus: string
  chunks: number
  terms: number
  textBytes: number
  sets: SetResult[]
  sizes: (Size & { contender: string })[]
}

type Corpus = { name: string; texts: Iterable<string>; count: number; questions?: string[] }

/** Every contender on one corpus. */
export async function measureCorpus(serverUrl: string, corpus: Corpus, queryCount: number): Promise<CorpusResult> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      await withProgress('  staging', corpus.count, (bar) => stage(admin, corpus.texts, corpus.count, bar))
      await rankTerms(admin)
      const sets = await drawQuerySets(admin, queryCount)
      if (corpus.questions) sets.push(await questionSet(admin, corpus.questions, queryCount))

      const entrants = await prepareAll(url, contenders())
      try {
        await settle(admin)
        for (const { client } of entrants) await readySession(client)
        const results: SetResult[] = []
        for (const set of sets) results.push(await measureSet(entrants, set))
        const sizes: CorpusResult['sizes'] = []
        for (const { contender } of entrants) {
          sizes.push({ contender: contender.name, ...(await contender.size(admin)) })
        }
        const { rows } = await admin.query<{ terms: number; bytes: number }>(
          `select (select count(*) from bench.terms)::int as terms,
                  (select sum(octet_length(content)) from bench.texts)::float8 as bytes`,
        )
        return {
          corpus: corpus.name,
          chunks: corpus.count,
          terms: rows[0]?.terms ?? 0,
          textBytes: rows[0]?.bytes ?? 0,
          sets: results,
          sizes,
        }
      } finally {
        await Promise.all(entrants.map(({ client }) => client.end()))
      }
    }),
  )
}

type Prepared = { contender: Contender; client: pg.Client }

async function prepareAll(url: string, all: Contender[]): Promise<Prepared[]> {
  const entrants: Prepared[] = []
  try {
    for (const contender of all) {
      const client = new pg.Client({ connectionString: url, application_name: 'rowhouse_bench' })
      client.on('error', () => {})
      await client.connect()
      entrants.push({ contender, client })
      await contender.prepare(client)
    }
    return entrants
  } catch (error) {
    await Promise.all(entrants.map(({ client }) => client.end()))
    throw error
  }
}

export type TenantsResult = {
  tenants: number
  /** Of the one that is asked, which is one of the largest. */
  chunks: number
  fewestChunks: number
  /** Bytes of the index of all, and of their texts. */
  indexBytes: number
  textBytes: number
  sets: { set: string; alone: Percentiles; among: Percentiles }[]
}

const mostChunks = 1_000
const fewestChunks = 200
const stagedForTenants = 50_000

/** One small tenant's searches: alone in a database, and in another with many of its size, in turn. */
export async function measureTenants(serverUrl: string, tenants: number, queryCount: number): Promise<TenantsResult> {
  const staged = Math.min(stagedForTenants, tenants * mostChunks)
  return withScratch(serverUrl, (aloneUrl) =>
    withScratch(serverUrl, async (amongUrl) => {
      const { asked: alone, sets } = await loadTenants(aloneUrl, staged, 1, queryCount)
      const { asked: among, indexBytes, textBytes } = await loadTenants(amongUrl, staged, tenants, queryCount)
      const results = await withClient(aloneUrl, (aloneClient) =>
        withClient(amongUrl, async (amongClient) => {
          const entrants = [
            { client: aloneClient, tenant: alone, name: 'alone' },
            { client: amongClient, tenant: among, name: 'among' },
          ]
          for (const { client, tenant } of entrants) {
            await enterTenant(client, tenant)
            await readySession(client)
          }
          const ranked = entrants.map(({ client, name }) => ({
            client,
            contender: { name, isBm25: true, query: rankInTenant },
          }))
          const measured: SetResult[] = []
          for (const set of sets) measured.push(await measureSet(ranked, set))
          return measured
        }),
      )
      const percentiles = ({ p50, p95 }: Percentiles): Percentiles => ({ p50, p95 })
      return {
        tenants,
        chunks: mostChunks,
        fewestChunks,
        indexBytes,
        textBytes,
        sets: results.map(({ set, latencies }) => ({
          set,
          alone: percentiles(latencies[0] as Percentiles),
          among: percentiles(latencies[1] as Percentiles),
        })),
      }
    }),
  )
}

/** Tenants whose texts are slices of the staged ones; the first is the one that is asked. */
async function loadTenants(
  url: string,
  staged: number,
  tenants: number,
  queryCount: number,
): Promise<{ asked: Tenant; sets: QuerySet[]; indexBytes: number; textBytes: number }> {
  return withClient(url, async (admin) => {
    await withProgress('  staging', staged, (bar) => stage(admin, makeTexts(), staged, bar))
    const loaded: Tenant[] = []
    const random = mulberry32(3)
    await withProgress('  tenants', tenants, async (bar) => {
      for (let i = 0; i < tenants; i++) {
        const first = 1 + ((i * mostChunks) % staged)
        const chunks = i === 0 ? mostChunks : between(random, fewestChunks, mostChunks)
        const tenant = await createTenant(admin, `tenant-${i}`)
        await insertChunks(admin, tenant, { first, last: first + chunks - 1 })
        await mergeIndex(admin, tenant)
        loaded.push(tenant)
        bar.add(1)
      }
    })
    await rankTerms(admin)
    const { middling } = await bandsOf(admin)
    const sets = [
      { name: 'one middling word', queries: await termsAt(admin, drawRanks(queryCount, [middling])) },
      ...(await drawQuerySets(admin, queryCount)),
    ]
    await settle(admin)
    const { rows } = await admin.query<{ bytes: number }>(
      'select sum(octet_length(content))::float8 as bytes from app_public.document_chunks',
    )
    const { index } = await sizeOfIndex(admin)
    return { asked: loaded[0] as Tenant, sets, indexBytes: index, textBytes: rows[0]?.bytes ?? Number.NaN }
  })
}

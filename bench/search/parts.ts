// Ranking against the other contenders on a corpus, and one tenant among many. Each has a database of its own.

import pg from 'pg'
import { type Contender, contenders, enterTenant, rankInTenant, type Size } from './contenders.ts'
import { makeTexts } from './corpus.ts'
import { createTenant, insertChunks, mergeIndex, rankTerms, settle, stage, type Tenant } from './load.ts'
import { withProgress } from './progress.ts'
import { drawQuerySets, questionSet } from './queries.ts'
import { withClient, withScratch } from './scratch.ts'
import { measureSet, type Percentiles, readySession, type SetResult } from './timing.ts'

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
  chunksPerTenant: number
  sets: { set: string; alone: Percentiles; among: Percentiles }[]
}

const chunksPerTenant = 1_000
const stagedForTenants = 50_000

/** One small tenant's searches: alone in the database, and with many others of its size. */
export async function measureTenants(serverUrl: string, tenants: number, queryCount: number): Promise<TenantsResult> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      const staged = Math.min(stagedForTenants, tenants * chunksPerTenant)
      await withProgress('  staging', staged, (bar) => stage(admin, makeTexts(), staged, bar))
      // the texts of a tenant are a slice of the staged ones; the first slice is the one that is asked
      const load = async (i: number): Promise<Tenant> => {
        const first = 1 + ((i * chunksPerTenant) % staged)
        const tenant = await createTenant(admin, `tenant-${i}`)
        await insertChunks(admin, tenant, { first, last: first + chunksPerTenant - 1 })
        await mergeIndex(admin, tenant)
        return tenant
      }
      const asked = await load(0)
      await rankTerms(admin)
      const sets = await drawQuerySets(admin, queryCount)
      const measure = async () => {
        await settle(admin)
        // a session of its own, as plans are kept in it
        return withClient(url, async (client) => {
          await enterTenant(client, asked)
          await readySession(client)
          const contender = { name: 'Rowhouse', isBm25: true, query: rankInTenant }
          const results: SetResult[] = []
          for (const set of sets) results.push(await measureSet([{ contender, client }], set))
          return results
        })
      }
      const alone = await measure()
      await withProgress('  other tenants', tenants - 1, async (bar) => {
        for (let i = 1; i < tenants; i++) {
          await load(i)
          bar.add(1)
        }
      })
      const among = await measure()
      return {
        tenants,
        chunksPerTenant,
        sets: sets.map(({ name }, i) => ({ set: name, alone: percentiles(alone[i]), among: percentiles(among[i]) })),
      }
    }),
  )
}

const percentiles = (result: SetResult | undefined): Percentiles => ({
  p50: result?.latencies[0]?.p50 ?? null,
  p95: result?.latencies[0]?.p95 ?? null,
})

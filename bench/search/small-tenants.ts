// What the index of many small tenants weighs: their words are nearly all different, so what is kept a word counts.

import { withProgress } from '../progress.ts'
import { between, mulberry32 } from '../random.ts'
import { withClient, withScratch } from '../scratch.ts'
import { bytes, sizeOfIndex } from './contenders.ts'
import { makeTexts } from './corpus.ts'
import { createTenant, insertChunks, mergeIndex, settle, stage } from './load.ts'

export type SmallTenantsResult = {
  tenants: number
  chunks: number
  textBytes: number
  index: number
  parts: Record<string, number>
  /** One GIN index over all of the same tsvectors. */
  gin: number
}

const seed = 20_240_301
const fewestChunks = 200
const mostChunks = 1_000
/** After so many tenants autovacuum comes by. */
const tenantsBetweenVacuums = 10

/** Tenants of 200 to 1,000 chunks, no text twice, each loaded and merged as in operation. */
export async function measureSmallTenants(serverUrl: string, tenants: number): Promise<SmallTenantsResult> {
  const random = mulberry32(seed)
  const sizes = Array.from({ length: tenants }, () => between(random, fewestChunks, mostChunks))
  const chunks = sizes.reduce((sum, size) => sum + size, 0)
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      await withProgress('  staging', chunks, (bar) => stage(admin, makeTexts(), chunks, bar))
      await withProgress('  small tenants', tenants, async (bar) => {
        let first = 1
        for (const [i, size] of sizes.entries()) {
          const tenant = await createTenant(admin, `small-${i}`)
          await insertChunks(admin, tenant, { first, last: first + size - 1 })
          await mergeIndex(admin, tenant)
          first += size
          if (i % tenantsBetweenVacuums === tenantsBetweenVacuums - 1) await admin.query('vacuum search.changes')
          bar.add(1)
        }
      })
      await settle(admin)
      const { index, parts } = await sizeOfIndex(admin)
      await admin.query('create index texts_gin on bench.texts using gin (vector)')
      return {
        tenants,
        chunks,
        textBytes: await bytes(admin, 'select sum(octet_length(content)) from bench.texts'),
        index,
        parts,
        gin: await bytes(admin, `select pg_relation_size('bench.texts_gin')`),
      }
    }),
  )
}

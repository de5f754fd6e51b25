// How fast texts become searchable: in Rowhouse, merged afterwards and meanwhile, and in a table with a GIN index.

import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { withProgress } from '../progress.ts'
import { withClient, withScratch } from '../scratch.ts'
import { percentile, timed } from '../timing.ts'
import { makeTexts } from './corpus.ts'
import { createTenant, insertChunks, mergeIndex, stage, type Tenant } from './load.ts'

export type IndexingResult = {
  chunks: number
  rounds: number
  /** Chunks per second, the median of the rounds. */
  insertThenMerge: number
  mergedBeside: number
  gin: number
}

/** Chunks a statement and changes worth a merge, where merges run beside the inserts. */
const step = 2_000
const minimum = 1_000

export async function measureIndexing(serverUrl: string, count: number, rounds: number): Promise<IndexingResult> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      await withProgress('  staging', count, (bar) => stage(admin, makeTexts(), count, bar))
      await admin.query('create table bench.indexed (id bigint, content text, vector tsvector)')
      await admin.query('create index indexed_gin on bench.indexed using gin (vector)')
      const ways: [times: number[], prepare: (round: number) => Promise<() => Promise<void>>][] = [
        [
          [],
          async (round) => {
            const tenant = await createTenant(admin, `serial-${round}`)
            return () => insertThenMerge(admin, tenant, count)
          },
        ],
        [
          [],
          async (round) => {
            const tenant = await createTenant(admin, `beside-${round}`)
            return () => withClient(url, (merger) => mergeBeside(admin, merger, tenant, count))
          },
        ],
        [
          [],
          async () => {
            await admin.query('truncate bench.indexed')
            return () => fillGin(admin)
          },
        ],
      ]
      await withProgress('  indexing', ways.length * rounds, async (bar) => {
        for (let round = 1; round <= rounds; round++) {
          for (const [times, prepare] of ways) {
            const work = await prepare(round)
            await admin.query('checkpoint')
            times.push(await timed(work))
            bar.add(1)
          }
        }
      })
      const [insertThenMergeRate, mergedBeside, gin] = ways.map(
        ([times]) => (1000 * count) / (percentile(times, 0.5) ?? Number.NaN),
      ) as [number, number, number]
      return { chunks: count, rounds, insertThenMerge: insertThenMergeRate, mergedBeside, gin }
    }),
  )
}

async function insertThenMerge(client: pg.Client, tenant: Tenant, count: number): Promise<void> {
  await insertChunks(client, tenant, { first: 1, last: count, isFromText: true })
  await mergeIndex(client, tenant)
}

/** As the worker does it: slices come, and what has come is folded in by another connection. */
async function mergeBeside(client: pg.Client, merger: pg.Client, tenant: Tenant, count: number): Promise<void> {
  let isInserting = true
  const inserting = insertChunks(client, tenant, { first: 1, last: count, isFromText: true, step }).finally(() => {
    isInserting = false
  })
  const merging = (async () => {
    while (isInserting) {
      const { rows } = await merger.query<{ merged: number }>(
        'select search.merge_index($1, minimum => $2) as merged',
        [tenant.id, minimum],
      )
      if (rows[0]?.merged === 0) await sleep(10)
    }
    await mergeIndex(merger, tenant)
  })()
  await Promise.all([inserting, merging])
}

async function fillGin(client: pg.Client): Promise<void> {
  await client.query(`insert into bench.indexed select id, content, to_tsvector('english', content) from bench.texts`)
  // what a GIN index has put off, as the other one's merges are counted too
  await client.query(`select gin_clean_pending_list('bench.indexed_gin')`)
}

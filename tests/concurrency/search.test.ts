// Writers, readers and merges at once: every answer is that of exhaustive scoring in its own snapshot, and nobody waits in
// a circle. TEST_LOAD_SECONDS says for how long (3).

import { describe, expect, it } from 'vitest'
import { mulberry32, pick } from '../../bench/random.ts'
import {
  addChunks,
  differenceOf,
  exhaustiveRankings,
  merge,
  type Queries,
  ranking,
  word,
  zipfText,
} from '../helpers/corpus.ts'
import { needsServer, queries, type Tenant, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'
import { askVocabulary, listAbove, randomWord, readTexts, syllables } from '../helpers/vocabulary.ts'

const db = useDatabase()
const seconds = Number(process.env.TEST_LOAD_SECONDS ?? 3)
const { session } = useSessions(db)

/** The superuser in a tenant. */
async function inTenant(tenant: Tenant): Promise<Queries> {
  const opened = await session(undefined, { 'rowhouse.tenant_id': tenant.id })
  return queries(() => opened)
}

async function createSource(admin: Queries, tenant: Tenant): Promise<string> {
  return admin.value(
    `insert into app_public.rag_knowledge_sources (tenant_id, name, language) values ($1, gen_random_uuid(), 'und') returning id`,
    [tenant.id],
  )
}

describe('the search index', () => {
  it(
    'is exact for every snapshot while four clients write, four read and two merge',
    async (context) => {
      needsServer(context)
      const admin = await inTenant(db.acme)
      const sourceId = await createSource(admin, db.acme)
      const until = Date.now() + seconds * 1000
      let answers = 0
      let merged = 0

      const writer = async (seed: number): Promise<void> => {
        const client = await inTenant(db.acme)
        const random = mulberry32(seed)
        const documents: string[] = []
        while (Date.now() < until) {
          if (documents.length > 3 && random() < 0.4) {
            const [id] = documents.splice(Math.floor(random() * documents.length), 1)
            await client.query('delete from app_public.documents where tenant_id = $1 and id = $2', [
              db.acme.id,
              id ?? null,
            ])
          } else {
            const texts = Array.from({ length: 1 + Math.floor(random() * 40) }, () => zipfText(random))
            documents.push(await addChunks(client, db.acme.id, sourceId, texts))
          }
        }
      }
      const reader = async (seed: number): Promise<void> => {
        const client = await inTenant(db.acme)
        const random = mulberry32(seed)
        while (Date.now() < until) {
          const terms = [...new Set(Array.from({ length: 3 }, () => word(Math.floor(random() * 60))))]
          await client.query('begin isolation level repeatable read')
          const question = { terms, weights: terms.map(() => 1), depth: 10 }
          const [expected] = await exhaustiveRankings(client, [question])
          const difference = differenceOf(await ranking(client, question), expected ?? [])
          await client.query('commit')
          expect(difference, terms.join(' ')).toBeUndefined()
          answers++
        }
      }
      const merger = async (): Promise<void> => {
        const client = await inTenant(db.acme)
        while (Date.now() < until) merged += await merge(client, db.acme.id, 20)
      }

      await Promise.all([1, 2, 3, 4].flatMap((seed) => [writer(seed), reader(seed + 10)]).concat(merger(), merger()))
      expect(answers).toBeGreaterThan(10)
      expect(merged).toBeGreaterThan(20)
      await merge(admin, db.acme.id)
      expect(await admin.query('select * from search.verify_index()')).toEqual([])
    },
    // what was written is merged and checked in about the time that it took to write
    (3 * seconds + 60) * 1000,
  )

  it('is merged by one at a time, and the second does not wait', async (context) => {
    needsServer(context)
    const [first, second] = [await inTenant(db.globex), await inTenant(db.globex)]
    await addChunks(first, db.globex.id, await createSource(first, db.globex), ['a wing', 'a body'])
    await first.query('begin')
    expect(await merge(first, db.globex.id)).toBe(2)
    expect(await merge(second, db.globex.id)).toBe(0)
    // whoever reads sees the index from before
    expect(await ranking(second, { terms: ['wing'], weights: [1], depth: 10 })).toHaveLength(1)
    await first.query('rollback')
    await merge(second, db.globex.id)
  })

  it('is left as it was by a merge that did not come to its end, and merged by the next', async (context) => {
    needsServer(context)
    const [first, second] = [await inTenant(db.globex), await inTenant(db.globex)]
    await addChunks(first, db.globex.id, await createSource(first, db.globex), ['a wing', 'a body'])
    await first.query('begin')
    await merge(first, db.globex.id)
    await first.query('rollback')
    expect(await second.query('select * from search.verify_index()')).toEqual([])
    expect(await merge(second, db.globex.id)).toBeGreaterThan(0)
    expect(await second.query('select * from search.verify_index()')).toEqual([])
  })

  it('notices a chunk that is deleted while a merge reads it', async (context) => {
    needsServer(context)
    const [merging, deleting] = [await inTenant(db.globex), await inTenant(db.globex)]
    const id = await addChunks(merging, db.globex.id, await createSource(merging, db.globex), ['solitary wing'])
    await merging.query('begin')
    await merge(merging, db.globex.id)
    await deleting.query('delete from app_public.documents where tenant_id = $1 and id = $2', [db.globex.id, id])
    await merging.query('commit')
    expect(await ranking(merging, { terms: ['solitary'], weights: [1], depth: 10 })).toEqual([])
    expect(await merging.query('select * from search.verify_index()')).toEqual([])
    await merge(merging, db.globex.id)
    expect(await merging.query('select * from search.verify_index()')).toEqual([])
  })
})

describe.each([
  ['read from the blocks', 1_000_000],
  ['listed', 0],
])('the vocabulary, %s,', (_how, limit) => {
  it(
    'has the words of every snapshot while two clients write, two ask and one merges',
    async (context) => {
      needsServer(context)
      const admin = await inTenant(db.acme)
      await listAbove(admin, limit)
      const sourceId = await createSource(admin, db.acme)
      const until = Date.now() + seconds * 1000
      let answers = 0

      const writer = async (seed: number): Promise<void> => {
        const client = await inTenant(db.acme)
        const random = mulberry32(seed)
        const documents: string[] = []
        while (Date.now() < until) {
          const [id] = documents.length > 2 && random() < 0.5 ? documents.splice(0, 1) : []
          if (id)
            await client.query('delete from app_public.documents where tenant_id = $1 and id = $2', [db.acme.id, id])
          else
            documents.push(
              await addChunks(client, db.acme.id, sourceId, [
                randomWord(random),
                randomWord(random),
                randomWord(random),
              ]),
            )
        }
        for (const id of documents)
          await client.query('delete from app_public.documents where tenant_id = $1 and id = $2', [db.acme.id, id])
      }
      const reader = async (seed: number): Promise<void> => {
        const client = await inTenant(db.acme)
        const random = mulberry32(seed)
        while (Date.now() < until) {
          const [prefix, spelt] = [pick(random, syllables), randomWord(random)]
          await client.query('begin isolation level repeatable read')
          const [found, expected] = [await askVocabulary(client, prefix, spelt), await readTexts(client, prefix, spelt)]
          await client.query('commit')
          expect(found, `${prefix}* ${spelt}`).toEqual(expected)
          answers++
        }
      }
      const merger = async (): Promise<void> => {
        const client = await inTenant(db.acme)
        while (Date.now() < until) await merge(client, db.acme.id, 5)
      }

      await Promise.all([writer(31), writer(32), reader(41), reader(42), merger()])
      expect(answers).toBeGreaterThan(10)
      while ((await merge(admin, db.acme.id)) > 0);
      expect(await admin.query('select * from search.verify_index()')).toEqual([])
    },
    (3 * seconds + 60) * 1000,
  )
})

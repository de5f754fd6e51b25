// The index answers as scoring every chunk would, at every moment: before, after and between merges.

import { describe, expect, it } from 'vitest'
import { mulberry32 } from '../../bench/random.ts'
import {
  addChunks,
  differenceOf,
  exhaustiveRankings,
  merge,
  type Queries,
  type Question,
  ranking,
  word,
  zipfText,
} from '../helpers/corpus.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createSource } from '../helpers/knowledge.ts'

const db = useDatabase()

/** A source of acme; what follows runs as the superuser in acme's context. */
async function begin(t: Transaction): Promise<string> {
  const sourceId = await createSource(t, db.acme.member, { language: 'und' })
  await t.becomeRole('none', db.acme.id)
  return sourceId
}

const texts = (random: () => number, count: number): string[] => Array.from({ length: count }, () => zipfText(random))

/** One to six words, now and then sixty, common and rare, some that no text has, some that count less. */
function question(random: () => number): Question {
  const count = random() < 0.04 ? 60 : 1 + Math.floor(random() * 6)
  const terms = [
    ...new Set(Array.from({ length: count }, () => word(Math.floor(Math.exp(random() * Math.log(130))) - 1))),
  ]
  return {
    terms,
    weights: terms.map(() => (random() < 0.8 ? 1 : 0.4 + random())),
    depth: [1, 10, 10, 1000][Math.floor(random() * 4)] as number,
  }
}

/** Where the index does not answer as scoring every chunk would. */
async function differences(t: Queries, random: () => number, count: number): Promise<string[]> {
  const questions = Array.from({ length: count }, () => question(random))
  const expected = await exhaustiveRankings(t, questions)
  const found: string[] = []
  for (const [i, asked] of questions.entries()) {
    const difference = differenceOf(await ranking(t, asked), expected[i] ?? [])
    if (difference) found.push(`${asked.terms}: ${difference}`)
  }
  return found
}

const one = (term: string): Question => ({ terms: [term], weights: [1], depth: 10 })

describe('the index', () => {
  it(
    'gives the scores of exhaustive scoring: 1,000 questions after random inserts, updates, deletes and merges',
    () =>
      db.inTransaction(async (t) => {
        const random = mulberry32(3)
        const sourceId = await begin(t)
        const documents: string[] = []
        const step: (() => Promise<unknown>)[] = [
          async () => documents.push(await addChunks(t, db.acme.id, sourceId, texts(random, 40))),
          async () => documents.push(await addChunks(t, db.acme.id, sourceId, texts(random, 150))),
          async () => {
            const [id] = documents.splice(Math.floor(random() * documents.length), 1)
            await t.query('delete from app_public.documents where tenant_id = $1 and id = $2', [db.acme.id, id ?? null])
          },
          async () => {
            const id = documents[Math.floor(random() * documents.length)]
            await t.query(
              'delete from app_public.document_chunks where tenant_id = $1 and document_id = $2 and ordinal % 3 = 0',
              [db.acme.id, id ?? null],
            )
          },
          () => merge(t, db.acme.id),
        ]
        for (let round = 0; round < 50; round++) {
          for (let i = 0; i < 3; i++) await step[Math.floor(random() * step.length)]?.()
          expect(await differences(t, random, 20), `round ${round}`).toEqual([])
          if (round % 10 === 9) expect(await t.query('select * from search.verify_index()')).toEqual([])
        }
      }),
    1_100_000,
  )

  it.each([
    ['k1 and b', `{"search": {"k1": 0.4, "b": 0.1}}`],
    ['no k1 at all', `{"search": {"k1": 0, "b": 1}}`],
    ['an extreme k1', `{"search": {"k1": 10, "b": 1}}`],
  ])('stays exact without being rebuilt when a tenant changes %s, and when its chunks become longer', (_what, config) =>
    db.inTransaction(async (t) => {
      const random = mulberry32(5)
      const sourceId = await begin(t)
      await addChunks(t, db.acme.id, sourceId, texts(random, 600))
      await merge(t, db.acme.id)
      await t.query(`update app_public.tenants set config = $1 where id = $2`, [config, db.acme.id])
      for (const when of ['merged', 'after longer texts came', 'rebuilt']) {
        if (when === 'after longer texts came')
          await addChunks(
            t,
            db.acme.id,
            sourceId,
            Array.from({ length: 200 }, () => zipfText(random, 120, 200)),
          )
        if (when === 'rebuilt') await t.query('select search.rebuild_index()')
        expect(await differences(t, random, 25), when).toEqual([])
      }
      expect(await t.query('select * from search.verify_index()')).toEqual([])
    }),
  )

  it('is exact when rare words decide and most blocks need not be added up', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(19)
      const sourceId = await begin(t)
      const vocabulary = 2_000
      for (const size of [1_500, 700, 300]) {
        await addChunks(
          t,
          db.acme.id,
          sourceId,
          Array.from({ length: size }, () => zipfText(random, vocabulary)),
        )
        await merge(t, db.acme.id)
      }
      expect(await t.value('select count(*)::int from search.blocks where tenant_id = $1', [db.acme.id])).toBe(3)
      const between = (low: number, high: number): string => word(low + Math.floor(random() * (high - low)))
      const questions = Array.from({ length: 80 }, (_, i): Question => {
        const terms = [between(0, 20), between(50, 200), between(300, 1_500), ...(i % 2 ? [between(20, 50)] : [])]
        return { terms, weights: terms.map(() => (i % 3 ? 1 : 0.4 + random())), depth: [1, 3, 10][i % 3] as number }
      })
      const expected = await exhaustiveRankings(t, questions)
      for (const [i, asked] of questions.entries())
        expect(differenceOf(await ranking(t, asked), expected[i] ?? []), String(asked.terms)).toBeUndefined()
    }))

  it('is exact when most chunks have no words, so that the average length is below one', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(17)
      const sourceId = await begin(t)
      const mostlyEmpty = () =>
        Array.from({ length: 300 }, (_, i) => (i % 10 === 0 ? zipfText(random, 120, 1 + (i % 3)) : ''))
      await addChunks(t, db.acme.id, sourceId, mostlyEmpty())
      expect(await t.value('select avg_doc_length < 1 from search.totals()')).toBe(true)
      expect(await differences(t, random, 50), 'unmerged').toEqual([])
      await merge(t, db.acme.id)
      expect(await differences(t, random, 50), 'merged').toEqual([])
      await addChunks(t, db.acme.id, sourceId, mostlyEmpty())
      expect(await differences(t, random, 50), 'both').toEqual([])
      expect(await t.query('select * from search.verify_index()')).toEqual([])
    }))

  it('has nothing to find in chunks without words', () =>
    db.inTransaction(async (t) => {
      await addChunks(t, db.acme.id, await begin(t), ['', '', ''])
      expect(await ranking(t, one('wing'))).toEqual([])
      await merge(t, db.acme.id)
      expect(await ranking(t, one('wing'))).toEqual([])
      expect(await t.query('select * from search.verify_index()')).toEqual([])
    }))

  it('is not merged when the least number of changes is null', () =>
    db.inTransaction(async (t) => {
      const sourceId = await begin(t)
      await addChunks(t, db.acme.id, sourceId, ['one chunk'])
      expect(await t.value('select search.merge_index($1, null)', [db.acme.id])).toBe(0)
      expect(await merge(t, db.acme.id)).toBe(1)
    }))

  it('finds a chunk at once, and a deleted one no more', () =>
    db.inTransaction(async (t) => {
      const sourceId = await begin(t)
      const id = await addChunks(t, db.acme.id, sourceId, ['unmistakable'])
      expect(await ranking(t, one('unmistakable'))).toHaveLength(1)
      await merge(t, db.acme.id)
      expect(await ranking(t, one('unmistakable'))).toHaveLength(1)
      await t.query('delete from app_public.documents where tenant_id = $1 and id = $2', [db.acme.id, id])
      expect(await ranking(t, one('unmistakable'))).toHaveLength(0)
      expect(await t.query('select * from search.totals()')).toEqual([{ total_docs: 0, avg_doc_length: 0 }])
    }))

  it('merges what is new into blocks that are not much larger, and rewrites those of which a quarter is gone', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(7)
      const sourceId = await begin(t)
      const sizes = () =>
        t.query('select chunk_count, removed_count from search.blocks where tenant_id = $1 order by 1', [db.acme.id])
      const first = await addChunks(t, db.acme.id, sourceId, texts(random, 300))
      expect(await merge(t, db.acme.id, 1000)).toBe(0)
      expect(await merge(t, db.acme.id)).toBe(300)
      await addChunks(t, db.acme.id, sourceId, texts(random, 100))
      await merge(t, db.acme.id)
      expect(await sizes()).toEqual([
        { chunk_count: 100, removed_count: 0 },
        { chunk_count: 300, removed_count: 0 },
      ])
      await addChunks(t, db.acme.id, sourceId, texts(random, 60))
      await merge(t, db.acme.id)
      expect(await sizes()).toEqual([{ chunk_count: 460, removed_count: 0 }])
      await t.query('delete from app_public.documents where tenant_id = $1 and id = $2', [db.acme.id, first])
      await merge(t, db.acme.id)
      expect(await sizes()).toEqual([{ chunk_count: 160, removed_count: 0 }])
      expect(await t.query('select * from search.verify_index()')).toEqual([])
    }))

  it('is checked: what differs from the texts is listed', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(11)
      const sourceId = await begin(t)
      await addChunks(t, db.acme.id, sourceId, [...texts(random, 200), 'solitary'])
      await merge(t, db.acme.id)
      const problems = async (damage: string) => {
        await t.query('savepoint intact')
        await t.query(damage)
        const found = await t.query<{ problem: string }>(
          'select distinct problem from search.verify_index() order by 1',
        )
        await t.query('rollback to savepoint intact')
        return found.map(({ problem }) => problem)
      }
      expect(await problems(`select 1`)).toEqual([])
      expect(await problems(`delete from search.postings where term = 'wa0'`)).toEqual([
        'The number of chunks with the term is wrong.',
        'The posting is missing or too low.',
      ])
      expect(await problems(`update search.postings set highest_impact = 1`)).toEqual([
        'The posting exceeds the highest impact.',
      ])
      expect(await problems(`delete from search.block_chunks`)).toContain(
        'The number of positions is not that of the chunks.',
      )
      expect(await problems(`delete from search.blocks`)).toContain('The chunk is not in the index.')
      expect(
        await problems(`insert into search.changes (tenant_id, chunk_id, kind, document_length)
                        select tenant_id, id, 'added', document_length from app_public.document_chunks limit 1`),
      ).toContain('The chunk is in the index more than once.')
      expect(await problems(`update search.blocks set total_length = total_length + 1`)).toEqual([
        'The average length is wrong.',
      ])
      await t.query(`delete from search.blocks`)
      await t.query('select search.rebuild_index()')
      expect(await t.query('select * from search.verify_index()')).toEqual([])
    }))

  it('never lets a chunk be rewritten under its id', () =>
    db.inTransaction(async (t) => {
      await addChunks(t, db.acme.id, await begin(t), ['wing'])
      expect(await t.errorCode(`update app_public.document_chunks set content = 'x'`)).toBe('SR901')
    }))

  it('leaves nothing when its tenant is deleted', () =>
    db.inTransaction(async (t) => {
      const sourceId = await begin(t)
      await addChunks(t, db.acme.id, sourceId, texts(mulberry32(13), 100))
      await merge(t, db.acme.id)
      await addChunks(t, db.acme.id, sourceId, ['unmerged'])
      await t.query(`select tenancy.delete_tenant('acme')`)
      for (const table of ['changes', 'blocks', 'block_chunks', 'postings', 'rare_postings', 'removals', 'terms']) {
        expect(await t.value(`select count(*)::int from search.${table} where tenant_id = $1`, [db.acme.id])).toBe(0)
      }
    }))
})

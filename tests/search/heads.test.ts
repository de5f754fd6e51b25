// Questions of one common word are answered from the heads of its blocks: exactly, however deep they are read.

import { describe, expect, it } from 'vitest'
import { mulberry32 } from '../../bench/random.ts'
import {
  addChunks,
  differenceOf,
  exhaustiveRankings,
  merge,
  type Question,
  ranking,
  word,
  zipfText,
} from '../helpers/corpus.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createSource } from '../helpers/knowledge.ts'

const db = useDatabase()

/** Two blocks of acme in which the first words have heads; what follows runs as the superuser in acme's context. */
async function begin(t: Transaction, random: () => number): Promise<string> {
  const sourceId = await createSource(t, db.acme.member, { language: 'und' })
  await t.becomeRole('none', db.acme.id)
  for (const size of [800, 350]) {
    await addChunks(
      t,
      db.acme.id,
      sourceId,
      Array.from({ length: size }, () => zipfText(random, 40, 3 + Math.floor(random() * 20))),
    )
    await merge(t, db.acme.id)
  }
  return sourceId
}

async function differences(t: Transaction): Promise<string[]> {
  const questions = [0, 1, 2, 3, 20].flatMap((rank) =>
    [1, 10, 17, 1000].map((depth): Question => ({ terms: [word(rank)], weights: [1], depth })),
  )
  const expected = await exhaustiveRankings(t, questions)
  const found: string[] = []
  for (const [i, asked] of questions.entries()) {
    const difference = differenceOf(await ranking(t, asked), expected[i] ?? [])
    if (difference) found.push(`${asked.terms} to ${asked.depth}: ${difference}`)
  }
  return found
}

describe('heads', () => {
  it('answer one common word exactly, also when their chunks are removed, k1 and b change, and others come', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(31)
      const sourceId = await begin(t, random)
      expect(
        await t.value('select count(*)::int > 4 from search.postings where tenant_id = $1 and head is not null', [
          db.acme.id,
        ]),
      ).toBe(true)
      expect(await differences(t), 'two blocks').toEqual([])
      await t.query(
        `delete from app_public.document_chunks c where c.tenant_id = $1 and c.id in (
           select r.chunk_id from search.bm25_ranking($2, '{1}', search.scope_of(), 30) r)`,
        [db.acme.id, [word(0)]],
      )
      expect(await differences(t), 'the best removed').toEqual([])
      await t.query(`update app_public.tenants set config = '{"search": {"k1": 0.4, "b": 0.1}}' where id = $1`, [
        db.acme.id,
      ])
      expect(await differences(t), 'other k1 and b').toEqual([])
      await addChunks(
        t,
        db.acme.id,
        sourceId,
        Array.from({ length: 50 }, () => zipfText(random, 40)),
      )
      expect(await differences(t), 'some unmerged').toEqual([])
    }))

  it('are the postings with the highest impacts, and one above all others; what differs is listed', () =>
    db.inTransaction(async (t) => {
      await begin(t, mulberry32(32))
      const problems = () => t.query<{ problem: string }>('select distinct problem from search.verify_index()')
      expect(await problems()).toEqual([])
      expect(
        await t.query(
          `select p.term from search.postings p
            where p.tenant_id = $1 and (p.document_count >= search.head_minimum()) <> (coalesce(cardinality(p.head), 0) = 17)`,
          [db.acme.id],
        ),
      ).toEqual([])
      await t.query(
        'update search.postings set head = head[:16] || head[17] / 32768 * 32768 + 1 where head is not null',
      )
      expect(await problems()).toEqual([{ problem: 'The posting exceeds what its head leaves.' }])
    }))
})

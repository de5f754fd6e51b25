// The vocabulary, which prefixes and misspelt words are looked up in: it has the words that a text has, no more and no
// fewer, whether it is read from the blocks or, in a large tenant, from a table.

import { describe, expect, it } from 'vitest'
import { mulberry32, pick } from '../../bench/random.ts'
import { addChunks, merge } from '../helpers/corpus.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createSource } from '../helpers/knowledge.ts'
import { askVocabulary, listAbove, randomWord, readTexts, syllables } from '../helpers/vocabulary.ts'

const db = useDatabase()

/** A source of acme; what follows runs as the superuser in acme's context. */
async function begin(t: Transaction): Promise<string> {
  const sourceId = await createSource(t, db.acme.member, { language: 'und' })
  await t.becomeRole('none', db.acme.id)
  return sourceId
}

const isListed = (t: Transaction): Promise<boolean> => t.value('select search.lists_vocabulary()')
const removeDocument = (t: Transaction, id: string) =>
  t.query('delete from app_public.documents where tenant_id = $1 and id = $2', [db.acme.id, id])
const problems = async (t: Transaction): Promise<string[]> =>
  (await t.query<{ problem: string }>('select distinct problem from search.verify_index() order by 1')).map(
    ({ problem }) => problem,
  )

describe.each([
  ['read from the blocks', 1_000_000],
  ['listed', 0],
])('a vocabulary that is %s', (_what, limit) => {
  it('has exactly the words of the texts after random inserts, deletes and merges', () =>
    db.inTransaction(async (t) => {
      const random = mulberry32(23)
      const sourceId = await begin(t)
      await listAbove(t, limit)
      const documents: string[] = []
      for (let round = 0; round < 25; round++) {
        for (let i = 0; i < 3; i++) {
          if (documents.length > 2 && random() < 0.45)
            await removeDocument(t, documents.splice(Math.floor(random() * documents.length), 1)[0] as string)
          else
            documents.push(
              await addChunks(
                t,
                db.acme.id,
                sourceId,
                Array.from({ length: 5 + Math.floor(random() * 70) }, () =>
                  Array.from({ length: 6 }, () => randomWord(random)).join(' '),
                ),
              ),
            )
          if (random() < 0.5) await merge(t, db.acme.id)
        }
        for (let i = 0; i < 4; i++) {
          const [prefix, spelt] = [pick(random, syllables), randomWord(random)]
          expect(await askVocabulary(t, prefix, spelt), `${round}: ${prefix}* ${spelt}`).toEqual(
            await readTexts(t, prefix, spelt),
          )
        }
        if (round % 6 === 5) expect(await problems(t)).toEqual([])
      }
      expect(await isListed(t)).toBe(limit === 0)
    }))

  it('does not know a word any more whose last chunk is gone, before and after the merge', () =>
    db.inTransaction(async (t) => {
      const sourceId = await begin(t)
      await listAbove(t, limit)
      const id = await addChunks(t, db.acme.id, sourceId, ['confidential'])
      await addChunks(t, db.acme.id, sourceId, ['confidence', 'confident', 'public', 'words'])
      await merge(t, db.acme.id)
      const similar = async () =>
        (await t.query<{ similar_term: string }>(`select similar_term from search.similar_terms('confidentiel')`)).map(
          ({ similar_term }) => similar_term,
        )
      expect(await similar()).toContain('confidential')
      await removeDocument(t, id)
      for (const when of ['before', 'after']) {
        if (when === 'after') await merge(t, db.acme.id)
        expect(await similar(), when).toEqual(['confident', 'confidence'])
        expect(await t.value(`select search.terms_with_prefix('confid')`), when).toEqual(['confident', 'confidence'])
        expect(await t.value(`select search.unknown_terms('{confidential,public}')`), when).toEqual(['confidential'])
      }
      expect(await problems(t)).toEqual([])
      expect(
        await t.value(
          `select count(*)::int from search.terms t where tenant_id = $1 and t::text like '%confidential%'`,
          [db.acme.id],
        ),
      ).toBe(0)
    }))
})

describe('the vocabulary of a tenant that grows', () => {
  it('is listed when it has more than 16,000 terms, and read from the blocks when it has half as many', () =>
    db.inTransaction(async (t) => {
      const sourceId = await begin(t)
      const numbered = (n: number): string =>
        `w${String(n).replace(/\d/g, (digit) => 'abcdefghij'[Number(digit)] as string)}`
      const texts = (first: number, chunks: number): string[] =>
        Array.from({ length: chunks }, (_, i) =>
          Array.from({ length: 50 }, (_, j) => numbered(first + 50 * i + j)).join(' '),
        )
      await addChunks(t, db.acme.id, sourceId, texts(0, 140))
      await merge(t, db.acme.id)
      expect(await isListed(t)).toBe(false)
      const many = await addChunks(t, db.acme.id, sourceId, texts(7_000, 200))
      await merge(t, db.acme.id)
      expect(await isListed(t)).toBe(true)
      expect(await t.value('select sum(term_count)::int from search.terms where tenant_id = $1', [db.acme.id])).toBe(
        17_000,
      )
      await removeDocument(t, many)
      await merge(t, db.acme.id)
      expect(await isListed(t)).toBe(false)
      expect(await problems(t)).toEqual([])
    }))

  it('is compared with the texts where it is listed', () =>
    db.inTransaction(async (t) => {
      const sourceId = await begin(t)
      await listAbove(t, 0)
      await addChunks(t, db.acme.id, sourceId, ['wing', 'body'])
      await merge(t, db.acme.id)
      await t.query(`update search.terms set terms = replace(terms, 'wing', 'ghost') where tenant_id = $1`, [
        db.acme.id,
      ])
      expect(await t.query('select problem, term from search.verify_index() order by term')).toEqual([
        { problem: 'The trigrams of the vocabulary are not those of its terms.', term: '' },
        { problem: 'The vocabulary has a term that no chunk has.', term: 'ghost' },
        { problem: 'The term is not in the vocabulary.', term: 'wing' },
      ])
      await t.query('select search.rebuild_index()')
      expect(await problems(t)).toEqual([])
    }))
})

describe('without a tenant', () => {
  it.each(['select * from search.verify_index()', 'select search.rebuild_index()'])('%s is an error', (statement) =>
    db.inTransaction(async (t) => {
      await t.becomeRole('none')
      expect(await t.errorCode(statement)).toBe('SR425')
    }),
  )
})

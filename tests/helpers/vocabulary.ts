// What a vocabulary is asked, and the same answers read from every text.

import { pick } from '../../bench/random.ts'
import type { Queries } from './index.ts'

/** Lists the vocabulary of a tenant with more terms than this; without it a test would need 16,000. */
export const listAbove = (t: Queries, limit: number) =>
  t.query(
    `create or replace function search.unlisted_term_limit() returns int language sql immutable parallel safe return ${limit}`,
  )

type Known = { prefixed: string[]; similar: unknown[]; unknown: string[] }

export async function askVocabulary(t: Queries, prefix: string, spelt: string): Promise<Known> {
  return {
    prefixed: await t.value('select search.terms_with_prefix($1)', [prefix]),
    similar: await t.query('select * from search.similar_terms($1)', [spelt]),
    unknown: await t.value('select search.unknown_terms(array[$1])', [spelt]),
  }
}

/** The same from the texts, word by word. */
export async function readTexts(t: Queries, prefix: string, spelt: string): Promise<Known> {
  const words = `select distinct l.lexeme as w from app_public.document_chunks c, unnest(c.content_tsvector) l where c.tenant_id = core.current_tenant_id()`
  const corrected = `length(w) between 4 and 40 and w !~ '[0-9]'`
  return {
    prefixed: await t.value(
      `select array(select w from (${words}) words where starts_with(w, $1) order by length(w), w collate "C" limit 64)`,
      [prefix],
    ),
    similar: await t.query(
      `select w as similar_term, similarity(w, $1)::float8 as similarity from (${words}) words
        where ${corrected} and similarity(w, $1) >= 0.4 order by similarity(w, $1) desc, w limit 3`,
      [spelt],
    ),
    unknown: await t.value(
      `select array(select w from (values ($1)) asked (w) where ${corrected} and w not in (${words}))`,
      [spelt],
    ),
  }
}

export const syllables =
  'ba be bi da de di fa fe fi ga ge la le li ma me mi na ne ra re ri sa se ta te ti 1 ä ß ж'.split(' ')
export const randomWord = (random: () => number): string =>
  Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(random, syllables)).join('')

// What a word is: the lists of characters in sql/06_knowledge/15_words.sql say what Unicode says.

import { expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()

/** The characters of the Basic Multilingual Plane that a list has. */
async function charactersOf(list: string): Promise<Set<number>> {
  const { rows } = await db.pool.query<{ found: number[] }>(
    `select array(select i from generate_series(1, 65535) as i
                   where i not between 55296 and 57343 and chr(i) ~ ('[' || knowledge.${list}() || ']')) as found`,
  )
  return new Set(rows[0]?.found)
}

const plane = Array.from({ length: 0xffff }, (_, i) => i + 1)
const is = (property: RegExp, code: number): boolean => property.test(String.fromCodePoint(code))
/** Private or not yet given. */
const isOpen = (code: number): boolean => is(/[\p{Cn}\p{Co}\p{Cs}]/u, code)
const hex = (codes: number[]): string[] => codes.map((code) => code.toString(16))

it('words are separated by all that is neither letter, mark nor number, and by nothing that cannot be seen', async () => {
  const separators = await charactersOf('separators')
  const wrong = plane.filter(
    (code) => !isOpen(code) && !is(/\p{Cf}/u, code) && separators.has(code) === is(/[\p{L}\p{M}\p{N}]/u, code),
  )
  expect(hex(wrong)).toEqual([])
  for (const invisible of [0xad, 0x200b, 0x200c, 0x200d, 0x2060, 0xfe0f, 0xfeff])
    expect(separators.has(invisible)).toBe(false)
  const { rows } = await db.pool.query(`select term from knowledge.terms('simple', 'wing🛩️flow🀄heat')`)
  expect(rows).toEqual([{ term: 'wing' }, { term: 'flow' }, { term: 'heat' }])
})

it('the scripts without spaces are read by characters, and no other script is', async () => {
  const script =
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u
  const characters = new Set([
    ...(await charactersOf('characters')),
    ...(await charactersOf('base_characters')),
    ...(await charactersOf('dependent_characters')),
  ])
  const letters = plane.filter((code) => !isOpen(code) && is(/\p{L}/u, code))
  // Compatibility forms are folded before they are looked at, and the invisible vowels of Khmer and Hangul's fillers stand for nothing.
  const folds = (code: number): boolean => String.fromCodePoint(code).normalize('NFKC') !== String.fromCodePoint(code)
  const missing = letters.filter(
    (code) => is(script, code) && !folds(code) && !characters.has(code) && !(code >= 0x17b4 && code <= 0x17b5),
  )
  expect(hex(missing)).toEqual([])
  const foreign = letters.filter(
    (code) =>
      characters.has(code) &&
      !is(script, code) &&
      !is(/[\p{Script=Myanmar}\p{Script=Bopomofo}\p{Script=Common}\p{Script=Inherited}]/u, code),
  )
  expect(hex(foreign)).toEqual([])
})

it('digits are digits in every script that has a list of them', async () => {
  const digits = [...(await charactersOf('digits'))]
  expect(digits).toHaveLength(100)
  const { rows } = await db.pool.query<{ folded: string }>('select knowledge.fold_text($1) as folded', [
    String.fromCodePoint(...digits),
  ])
  expect(rows[0]?.folded).toBe('0123456789'.repeat(10))
})

it.each([
  ['TCP/IP -70 v2.10', 'TCP/ IP -70 v\u001E 2. 10'],
  ['getUserName HTTPServer PDFs IDs', 'get\u001F User\u001F Name HTTP\u001F Server PDFs IDs'],
  ['(a) -- b... c- -d /e/ ://f', 'a b c d e f'],
  ['申请 7天', '申\u001D 请 7 天'],
  ['  \t\n', ''],
  ['', ''],
])('%j is spelt out as %j', async (text, spelt) => {
  const { rows } = await db.pool.query('select knowledge.spell_out($1) as spelt', [text])
  expect(rows).toEqual([{ spelt }])
})

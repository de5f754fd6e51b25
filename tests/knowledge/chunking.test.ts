// Chunks are cut at sentence borders, fit their size, and together are the text.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
type Chunk = { ordinal: number; chunk: string; start_offset: number; end_offset: number }
const chunks = async (text: string, size: number, overlap: number): Promise<Chunk[]> =>
  (await db.pool.query<Chunk>('select * from knowledge.chunks($1, $2, $3)', [text, size, overlap])).rows

describe('chunks', () => {
  it('keeps a short text whole', async () => {
    expect(await chunks('One sentence. And another.', 100, 20)).toEqual([
      { ordinal: 0, chunk: 'One sentence. And another.', start_offset: 0, end_offset: 26 },
    ])
  })

  it('cuts between sentences', async () => {
    const text = 'The first sentence is here. The second follows it. The third ends the text.'
    expect((await chunks(text, 55, 0)).map(({ chunk }) => chunk)).toEqual([
      'The first sentence is here. The second follows it.',
      'The third ends the text.',
    ])
  })

  it('repeats whole sentences as far as the overlap allows', async () => {
    const text = 'Aaaa bbbb cccc. Dddd eeee. Ffff gggg hhhh iiii. Jjjj kkkk.'
    expect((await chunks(text, 40, 15)).map(({ chunk }) => chunk)).toEqual([
      'Aaaa bbbb cccc. Dddd eeee.',
      'Dddd eeee. Ffff gggg hhhh iiii.',
      'Jjjj kkkk.',
    ])
  })

  it('cuts a sentence that is too long between its words, and a word that is too long within', async () => {
    expect((await chunks('one two three four five six', 12, 0)).map(({ chunk }) => chunk)).toEqual([
      'one two',
      'three four',
      'five six',
    ])
    expect((await chunks('x'.repeat(25), 10, 0)).map(({ chunk }) => chunk.length)).toEqual([10, 10, 5])
  })

  it('makes nothing of nothing', async () => {
    expect(await chunks('', 100, 0)).toEqual([])
    expect(await chunks(' \n\t ', 100, 0)).toEqual([])
  })

  it('fits its size, says where it was cut, and loses no word — for any text', async () => {
    const piece = fc.oneof(
      fc.lorem({ maxCount: 8 }),
      fc.constantFrom('. ', '! ', '\n\n', 'Ünïcödé ', '🛩️ ', '3.5 ', 'e.g. '),
      fc.string({ maxLength: 30 }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 40 }),
        fc.integer({ min: 10, max: 200 }),
        fc.integer({ min: 0, max: 90 }),
        async (parts, size, wanted) => {
          const text = parts.join('').replaceAll('\0', '')
          const overlap = Math.min(wanted, Math.floor(size / 2))
          const found = await chunks(text, size, overlap)
          const characters = [...text]
          const isCovered = new Set<number>()
          for (const { chunk, start_offset, end_offset } of found) {
            expect([...chunk].length).toBeLessThanOrEqual(size)
            expect(characters.slice(start_offset, end_offset).join('')).toBe(chunk)
            for (let i = start_offset; i < end_offset; i += 1) isCovered.add(i)
          }
          expect(characters.filter((character, i) => /[\p{L}\p{N}]/u.test(character) && !isCovered.has(i))).toEqual([])
        },
      ),
      { numRuns: 200, seed: 3 },
    )
  })

  // A fixed number of characters is read and searched for each chunk, so a text of many times the length takes about that many
  // times the time. Quadratic work would take eight times as long for each character.
  it('takes no longer for each character of a longer text, whatever its shape', async () => {
    const alphabet = fc.constantFrom('a', 'b', '7', 'é', '漢', '。', '🛩', '.', '!', '"', ' ', '\t', '\n', ',', '{', '…')
    const shape = fc
      .uniqueArray(alphabet, { minLength: 1, maxLength: 6 })
      .chain((letters) =>
        fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 60 }).map((part) => part.join('')),
      )
    const milliseconds = async (part: string, length: number, size: number): Promise<number> =>
      Number(
        (
          await db.pool.query<{ ms: string }>(
            `with started as materialized (select clock_timestamp() as at),
                  cut as materialized (
                    select count(*), clock_timestamp() as at
                      from knowledge.chunks(repeat($1, $2 / length($1)), $3, $3 / 5), started where started.at is not null)
             select 1000 * extract(epoch from cut.at - started.at) as ms from cut, started`,
            [part, length, size],
          )
        ).rows[0]?.ms,
      )
    const best = async (part: string, length: number, size: number): Promise<number> =>
      Math.min(await milliseconds(part, length, size), await milliseconds(part, length, size))
    await fc.assert(
      fc.asyncProperty(shape, fc.constantFrom(100, 1000), async (part, size) => {
        const [short, long] = [await best(part, 40_000, size), await best(part, 320_000, size)]
        expect(long / 8).toBeLessThan(4 * short)
      }),
      {
        numRuns: 10,
        seed: 5,
        examples: [
          ['x', 1000],
          ['漢', 1000],
          [' ', 1000],
          ['\n', 1000],
          ['.', 1000],
          ['a. ', 1000],
          ['2026-11-28 GET /index 200 ok user=7\n', 1000],
        ],
      },
    )
  }, 60_000)
})

describe('a sentence ends', () => {
  it.each([
    ['客户可以申请退款。七天内有效！', ['客户可以申请退款。', '七天内有效！']],
    ['彼は言った。「行こう。」それから出た。', ['彼は言った。', '「行こう。」', 'それから出た。']],
    ['هل وصلت الشحنة؟ نعم وصلت اليوم.', ['هل وصلت الشحنة؟', 'نعم وصلت اليوم.']],
    ['यह पहला वाक्य है। यह दूसरा है।', ['यह पहला वाक्य है।', 'यह दूसरा है।']],
    ['ይህ መጀመሪያ ነው። ይህ ሁለተኛ ነው።', ['ይህ መጀመሪያ ነው።', 'ይህ ሁለተኛ ነው።']],
    ['នេះជាប្រយោគទីមួយ។នេះជាទីពីរ។', ['នេះជាប្រយោគទីមួយ។', 'នេះជាទីពីរ។']],
    ['ဒါကပထမစာကြောင်း။ဒါကဒုတိယ။', ['ဒါကပထမစာကြောင်း။', 'ဒါကဒုတိယ။']],
    ['یہ پہلا جملہ ہے۔ یہ دوسرا ہے۔', ['یہ پہلا جملہ ہے۔', 'یہ دوسرا ہے۔']],
    ['Erster Satz vorbei. «Zweiter Satz.» Dritter.', ['Erster Satz vorbei.', '«Zweiter Satz.»', 'Dritter.']],
    ['Version 2.10.3 stays whole. So it does.', ['Version 2.10.3 stays whole.', 'So it does.']],
  ])('as its script writes it: %s', async (text, sentences) => {
    const longest = Math.max(...sentences.map((sentence) => sentence.length))
    expect((await chunks(text, longest + 1, 0)).map(({ chunk }) => chunk)).toEqual(sentences)
  })

  it('nowhere in a text without stops, which is cut at its commas, and never between a letter and its mark', async () => {
    expect((await chunks('一二三四五六七，八九十', 10, 0)).map(({ chunk }) => chunk)).toEqual([
      '一二三四五六七，',
      '八九十',
    ])
    for (const { chunk } of await chunks('ก้'.repeat(50), 11, 0)) expect(chunk).toMatch(/^(?:ก้)+$/)
    for (const { chunk } of await chunks('é'.normalize('NFD').repeat(50), 11, 0))
      expect(chunk.normalize('NFC')).toMatch(/^é+$/)
  })
})

// Any text is found by the words that stand in it: parts of codes, paths and addresses, scripts without spaces, invisible
// characters. The same on every engine.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { merge } from '../helpers/corpus.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments, search, withTexts } from '../helpers/knowledge.ts'

const db = useDatabase()

const found = async (t: Transaction, question: string): Promise<string[]> =>
  (await search(t, db.acme.viewer, question, 'bm25', 100)).map(({ title }) => title).sort()

async function withDocuments(t: Transaction, documents: Record<string, string>, settings = {}): Promise<void> {
  const sourceId = await createSource(t, db.acme.member, settings)
  await addDocuments(
    t,
    db.acme.member,
    sourceId,
    Object.entries(documents).map(([externalId, text]) => ({ externalId, title: `doc${externalId}`, text })),
  )
  await processDocuments(t, db.acme.id)
}

const codes = {
  slash: 'The and/or clause; read/write access; TCP/IP networking.',
  po: 'Purchase order PO-001 was shipped on Monday.',
  mail: 'Write to anna.muster@example.org about parking permits.',
  path: 'Edit src/server/config.ts to change the port.',
  url: 'The handbook lives at https://intranet.example.org/hr/leave-policy for all.',
  temp: 'Store the vaccine at -70 degrees.',
  ver: 'Upgrade from v2.10.3 first.',
  camel: 'Call getUserName, parse_http_header or XMLHttpRequest in the HTTPServer.',
  win: 'Open C:\\Users\\Public\\notes.txt, AT&T, 2026-11-28 and 12:30.',
  dose: 'Give 500mg of Q10 <b>daily</b> &amp; rest; vitamins=yes #B12 ~x [see] {id:42}',
}

const byParts: Record<string, (keyof typeof codes)[]> = {
  TCP: ['slash'],
  ip: ['slash'],
  write: ['mail', 'slash'],
  '001': ['po'],
  muster: ['mail'],
  example: ['mail', 'url'],
  config: ['path'],
  server: ['camel', 'path'],
  'leave policy': ['url'],
  intranet: ['url'],
  '70': ['temp'],
  getusername: ['camel'],
  header: ['camel'],
  request: ['camel'],
  notes: ['win'],
  public: ['win'],
  '28': ['win'],
  '500': ['dose'],
  mg: ['dose'],
  daily: ['dose'],
  vitamins: ['dose'],
  '42': ['dose'],
}

const asWritten: Record<string, (keyof typeof codes)[]> = {
  '"TCP/IP"': ['slash'],
  '"TCP/IP networking"': ['slash'],
  '"IP networking"': ['slash'],
  '"write access"': ['slash'],
  '"read access"': [],
  '"TCP-IP"': [],
  '"PO-001"': ['po'],
  '"order PO-001 was shipped"': ['po'],
  '"anna.muster@example.org"': ['mail'],
  '"src/server/config.ts"': ['path'],
  '"config.ts"': ['path'],
  '"https://intranet.example.org/hr/leave-policy"': ['url'],
  '"intranet.example.org"': ['url'],
  '"/hr/leave-policy"': ['url'],
  '"-70"': ['temp'],
  '"-70 degrees"': ['temp'],
  '"-71"': [],
  '"v2.10.3"': ['ver'],
  '"2.10.3 first"': ['ver'],
  '"2.10.4"': [],
  '"getUserName"': ['camel'],
  '"get user name"': ['camel'],
  '"parse_http_header"': ['camel'],
}

const firstByAll: Record<string, keyof typeof codes> = {
  '2.10.3': 'ver',
  'v2.10': 'ver',
  'v2.1*': 'ver',
  'TCP/I*': 'slash',
  getUserName: 'camel',
  Q10: 'dose',
  B12: 'dose',
}

const other = 'TCP and IP; order 001 PO; get the name of a user; 70 at -7'

describe('a code', () => {
  it('is found by each of its parts', () =>
    db.inTransaction(async (t) => {
      await withDocuments(t, codes)
      for (const [question, documents] of Object.entries(byParts))
        expect(await found(t, question), question).toEqual(documents.map((name) => `doc${name}`))
    }))

  it('in quotes is found as it is written, and nothing else is, before and after a merge', () =>
    db.inTransaction(async (t) => {
      await withDocuments(t, { ...codes, other })
      for (const isMerged of [false, true]) {
        if (isMerged) {
          await t.becomeRole('rowhouse_worker')
          await merge(t, db.acme.id)
        }
        for (const [question, documents] of Object.entries(asWritten))
          expect(await found(t, question), question).toEqual(documents.map((name) => `doc${name}`))
      }
    }))

  it('is found first where all of its parts stand together', () =>
    db.inTransaction(async (t) => {
      await withDocuments(t, { ...codes, other })
      for (const [question, first] of Object.entries(firstByAll))
        expect((await search(t, db.acme.viewer, question))[0]?.title, question).toBe(`doc${first}`)
    }))
})

describe('a text', () => {
  it.each([
    [
      'Das Bun\u00ADdes\u00ADver\u00ADfas\u00ADsungs\u00ADge\u00ADricht ent\u00ADschei\u00ADdet.',
      'Bundesverfassungsgericht',
    ],
    ['Das Bundesverfassungsgericht', 'Bun\u00ADdesver\u00ADfassungs\u200Bgericht'],
    ['The con\u200Btract is\uFEFF void.', 'contract'],
    ['Die U\u0308bergro\u0308\u00DFe', 'Übergröße'],
    ['Die Übergröße', 'U\u0308bergro\u0308ße'],
    ['of\uFB01ce hours', 'office'],
    ['ｆｕｌｌ　ｗｉｄｔｈ', 'width'],
    ['Σίσυφος ΟΔΟΣ', 'οδος'],
    ['كِتَاب جديد', 'كتاب'],
    ['הַמֶּלֶךְ גדול', 'המלך'],
    ['स्वास्थ्य सेवा', 'स्वास्थ्य'],
    ['학교에서 공부했다', '학교'],
    ['رقم ٤٢', '42'],
    ['l´été à Paris', 'été'],
  ])('%s is found by %s', (text, word) =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, [text, 'another text'], { language: 'und' })
      expect((await search(t, db.acme.viewer, word)).map(({ content }) => content)).toEqual([text.normalize('NFC')])
    }),
  )

  it('in a script without spaces is found by its words', () =>
    db.inTransaction(async (t) => {
      const text = '退款政策说明：客户在收到商品后七天内可以申请退款。退款将在三个工作日内原路返回。'
      for (const language of ['zh', 'und', 'zh-Hant-TW', null]) await withTexts(db, t, [text], { language })
      for (const word of ['退款', '七天', '申请退款', '客', '"申请退款"', '申请退*'])
        expect(await search(t, db.acme.viewer, word), word).toHaveLength(4)
      expect(await search(t, db.acme.viewer, '"退申"')).toEqual([])
      expect((await search(t, db.acme.viewer, '退款', 'hybrid'))[0]?.content).toBe(text)
    }))

  /** Words that are no stop words, of scripts that are read in different ways. */
  const word = fc.oneof(
    fc.stringMatching(/^[b-df-hj-np-tv-z]{3,9}$/),
    fc.stringMatching(/^[b-df-hj-np-tv-z]{2,5}[A-Z][b-df-hj-np-tv-z]{2,5}$/),
    fc.stringMatching(/^[0-9]{1,5}$/),
    fc.stringMatching(/^[äöüßéèçñåøžąęł]{2,6}$/),
    fc.stringMatching(/^[бвгджзклмнпрст]{3,8}$/),
    fc.stringMatching(/^[βγδζθκλμνξπρ]{3,8}$/),
    fc.stringMatching(/^[بتثجحخدذرز]{3,8}$/),
    fc.stringMatching(/^[אבגדהוזחטי]{2,8}$/),
    fc.stringMatching(/^[कखगघचछजझ]{1,3}[ािीुू]$/),
    fc.stringMatching(/^[一二三水火木金土日月人山]{1,5}$/),
    fc.stringMatching(/^[かきくけこサシスセソー]{1,5}$/),
    fc.stringMatching(/^[가나다라마바사]{1,5}$/),
    fc.stringMatching(/^[กขคงจฉช][ะาิีุู][กขคงจฉช]$/),
    fc.stringMatching(/^[ກຂຄງ][າິີ]$/),
    fc.stringMatching(/^[ကခဂဃ][ာိီ]$/),
    fc.stringMatching(/^[កខគឃ]្[ចឆ]ា$/),
  )
  const joint = fc.constantFrom(
    ' ',
    '  ',
    '\n',
    '/',
    '-',
    '.',
    '_',
    ', ',
    '@',
    ':',
    '、',
    '。',
    ' (',
    '\\',
    '|',
    '"',
    '’',
    '<',
    '>',
    '&',
    '…',
  )
  const written = fc.array(fc.tuple(word, joint), { minLength: 1, maxLength: 12 })

  it('is found by each of its words, and by the words of its new version after an update, in any script and with any separators', async () => {
    await fc.assert(
      fc.asyncProperty(
        written,
        written,
        fc.constantFrom('und', 'en', 'ru', null),
        fc.boolean(),
        (first, second, language, isMerged) =>
          db.inTransaction(async (t) => {
            const sourceId = await withTexts(db, t, ['unrelated'], { language })
            for (const words of [first, second]) {
              await addDocuments(t, db.acme.member, sourceId, [
                { externalId: 'text', text: `${words.flat().join('')}.` },
              ])
              await processDocuments(t, db.acme.id)
              if (isMerged) {
                await t.becomeRole('rowhouse_worker')
                await merge(t, db.acme.id)
              }
              for (const [asked] of words) {
                for (const question of [asked, `"${asked}"`])
                  expect(await found(t, question), `${question} in ${words.flat().join('')}`).toContain('text')
              }
            }
            await t.becomeRole('none', db.acme.id)
            expect(await t.query('select * from search.verify_index()')).toEqual([])
          }),
      ),
      { numRuns: 30, seed: 11 },
    )
  }, 120_000)

  it('may be anything: what is stored is read without an error, and its letters and digits are found', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), async (anything) => {
        const text = anything.replaceAll('\0', '')
        const { rows } = await db.pool.query<{ missing: string[] }>(
          `select array(select term from knowledge.terms('simple', $1, true)
                        except select lexeme from unnest(knowledge.term_vector('simple', $1))) as missing`,
          [text],
        )
        expect(rows).toEqual([{ missing: [] }])
      }),
      { numRuns: 300, seed: 5 },
    )
  })

  it('with a word of any length has a term for it', async () => {
    const { rows } = await db.pool.query<{ n: number }>(
      `select length(knowledge.term_vector('english', repeat($1, 9000) || '-' || repeat($2, 9000))) as n`,
      ['x', '字'],
    )
    expect(rows[0]?.n).toBeGreaterThan(2)
  })
})

describe('the length of a text', () => {
  it('counts places: a part and the pair that begins with it count once', async () => {
    const length = async (text: string) =>
      (await db.pool.query(`select knowledge.token_count(knowledge.term_vector('english', $1)) as n`, [text])).rows[0].n
    expect(await length('the TCP/IP network')).toBe(3)
    expect(await length('getUserName')).toBe(3)
    expect(await length('申请退款')).toBe(4)
  })
})

describe('a snippet', () => {
  const snippet = async (content: string, question: string): Promise<string> =>
    (
      await db.pool.query<{ s: string }>(
        `select (search.snippets(array[$1], array(select term from knowledge.terms('english', $2, true)), '{english}'))[1] as s`,
        [content, question],
      )
    ).rows[0]?.s as string

  it('of a short text is the text, from its beginning to its full stop', async () => {
    expect(await snippet('“The heat of flowing water.”', 'flows')).toBe('“The heat of <mark>flowing</mark> water.”')
    expect(await snippet('The TCP/IP stack.', 'TCP')).toBe('The <mark>TCP</mark>/IP stack.')
    expect(await snippet('可以申请退款。', '申请退款')).toBe('可以<mark>申请退款</mark>。')
    expect(await snippet('Das Bun\u00ADdes\u00ADamt.', 'Bundesamt')).toBe('Das <mark>Bun\u00ADdes\u00ADamt</mark>.')
    expect(await snippet('a < b & flow', 'flow')).toBe('a &lt; b &amp; <mark>flow</mark>')
    expect(await snippet('Nothing of it.', 'wing')).toBe('Nothing of it.')
  })

  it('of a long text is the passage with the most words, between its borders', async () => {
    const filler = 'Other things are told here at some length. '.repeat(20)
    const found = await snippet(
      `${filler}A wing. ${filler}Then the wing of a heated plate flows. ${filler}`,
      'wing plate heat',
    )
    expect(found).toContain('Then the <mark>wing</mark> of a <mark>heated</mark> <mark>plate</mark> flows.')
    expect(found).toMatch(/^… \S.*\S …$/)
    expect(found.length).toBeLessThan(400)
  })

  it('shows whole characters and closed marks, whatever the text and the question are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.constantFrom(
            'wing',
            '翼',
            '机翼',
            'ปีก',
            'the',
            '.',
            ' ',
            '\n',
            '<b>',
            'x'.repeat(70),
            '🛩️',
            '\u0002',
            'flow-ing',
          ),
          { maxLength: 200 },
        ),
        fc.constantFrom('wing', '机翼', 'ปีก', 'flow', 'x'),
        async (parts, question) => {
          const text = parts.join('')
          const shown = await snippet(text, question)
          expect(shown.replaceAll(/<mark>[^<]*<\/mark>/g, '')).not.toMatch(/[<>]/)
          expect(shown.length).toBeLessThan(text.length * 5 + 1200)
          const plain = shown
            .replaceAll(/<\/?mark>|^… | …$/g, '')
            .replaceAll('&lt;', '<')
            .replaceAll('&gt;', '>')
          expect(text.replaceAll('\u0002', '')).toContain(plain)
        },
      ),
      { numRuns: 100, seed: 9 },
    )
  })
})

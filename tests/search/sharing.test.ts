// A search covers the sources that are shared with the tenant, as well as if it were asked at home, and nothing else there.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments } from '../helpers/knowledge.ts'

const db = useDatabase()

const addTexts = async (t: Transaction, person: Person, texts: string[], settings: Record<string, unknown> = {}) => {
  const source = await createSource(t, person, settings)
  await addDocuments(
    t,
    person,
    source,
    texts.map((text, i) => ({ externalId: `${i}`, text, title: `Text ${i}` })),
  )
  await processDocuments(t, person.tenantId)
  return source
}
const shareSource = async (t: Transaction, id: string, slug = 'acme'): Promise<string> => {
  await t.become(db.globex.admin)
  return t.value(`select id from app_public.share_resource('knowledge_source', $1, $2)`, [id, slug])
}

type Hit = {
  rank: number
  score: number
  bm25_rank: number
  vector_rank: number
  chunk_id: string
  source_id: string
  content: string
  title: string
  snippet: string
  explanation: { chunkCount: number; terms: { term: string; score: number }[] }
}
const ask = async (t: Transaction, query: string, more = ''): Promise<Hit[]> => {
  await t.become(db.acme.viewer)
  return t.query<Hit>(`select * from app_public.search($1${more}) order by rank`, [query])
}
const contents = async (t: Transaction, query: string, more = '') =>
  (await ask(t, query, more)).map(({ content }) => content)

let shared: string
let hidden: string
const withTexts = (work: (t: Transaction) => Promise<void>) => (): Promise<void> =>
  db.inTransaction(async (t) => {
    await addTexts(t, db.acme.member, ['the wing of acme', 'a plain body'])
    shared = await addTexts(t, db.globex.member, [
      'the wing of globex',
      'the wing and the wing twice',
      'nothing of note',
    ])
    hidden = await addTexts(t, db.globex.member, ['the secret wing of globex', 'a hidden whisper'])
    await work(t)
  })
describe.each(['bm25', 'vector', 'hybrid'])('in mode %s a search', (mode) => {
  const inMode = `, '${mode}'`

  it(
    'finds what is shared, at once, and loses it at once',
    withTexts(async (t) => {
      expect((await contents(t, 'wing globex', inMode)).filter((c) => /globex/.test(c))).toEqual([])
      const id = await shareSource(t, shared)
      const found = await contents(t, 'wing globex', inMode)
      expect(found[0]).toBe('the wing of globex')
      expect(found).toContain('the wing of acme')
      expect(found.filter((c) => /secret|whisper/.test(c))).toEqual([])
      await t.become(db.globex.admin)
      await t.query('select app_public.revoke_share($1)', [id])
      expect((await contents(t, 'wing globex', inMode)).filter((c) => /globex/.test(c))).toEqual([])
    }),
  )

  it(
    'finds nothing of a source that is switched off',
    withTexts(async (t) => {
      await shareSource(t, shared)
      await t.query('update app_public.rag_knowledge_sources set enabled = false where id = $1', [shared])
      expect((await contents(t, 'wing globex', inMode)).filter((c) => /globex/.test(c))).toEqual([])
    }),
  )

  it(
    'scores what is shared as its owner does',
    withTexts(async (t) => {
      await shareSource(t, shared)
      const only = `${inMode}, 10, search.filter(array['${shared}']::uuid[])`
      const abroad = await ask(t, 'wing twice', only)
      await t.become(db.globex.viewer)
      const home = await t.query<Hit>(`select * from app_public.search('wing twice'${only}) order by rank`)
      expect(abroad.length).toBeGreaterThan(0)
      expect(abroad).toEqual(home)
    }),
  )

  it(
    'pages through both without a gap',
    withTexts(async (t) => {
      await shareSource(t, shared)
      const all = await ask(t, 'wing body note', `${inMode}, 100`)
      const paged: Hit[] = []
      for (let skip = 0; skip < all.length; skip += 2) {
        paged.push(...(await ask(t, 'wing body note', `${inMode}, 2, options => search.options(skip => ${skip})`)))
      }
      expect(paged).toEqual(all)
      expect(new Set(all.map(({ chunk_id }) => chunk_id)).size).toBe(all.length)
      expect(all.map(({ rank }) => rank)).toEqual(all.map((_, i) => i + 1))
    }),
  )
})

describe('rankings of several tenants', () => {
  it(
    'are merged by score, and ranks are those among all',
    withTexts(async (t) => {
      await shareSource(t, shared)
      const hits = await ask(t, 'wing', `, 'hybrid', options => search.options(explain => true)`)
      const ranked = hits.filter(({ bm25_rank }) => bm25_rank !== null).sort((a, z) => a.bm25_rank - z.bm25_rank)
      expect(ranked.map(({ bm25_rank }) => bm25_rank)).toEqual(ranked.map((_, i) => i + 1))
      const scores = ranked.map(({ explanation }) => explanation.terms.reduce((sum, { score }) => sum + score, 0))
      expect(scores).toEqual([...scores].sort((a, z) => z - a))
      expect(new Set(hits.map(({ vector_rank }) => vector_rank)).size).toBe(hits.length)
      // each part is explained by its own tenant's statistics
      const counts = new Map(hits.map(({ source_id, explanation }) => [source_id === shared, explanation.chunkCount]))
      expect(counts).toEqual(
        new Map([
          [true, 5],
          [false, 2],
        ]),
      )
    }),
  )

  it(
    'show the snippet, the title and the source, but not the document, of another tenant',
    withTexts(async (t) => {
      await shareSource(t, shared)
      await t.become(db.acme.viewer)
      const hits = await t.query(
        `select h.source_id, h.title, h.snippet, (app_public.search_hit_source(h)).id as source, (app_public.search_hit_document(h)).id as document
           from app_public.search('globex', 'bm25') h`,
      )
      expect(hits).toEqual([
        {
          source_id: shared,
          title: 'Text 0',
          snippet: expect.stringContaining('<mark>globex</mark>'),
          source: shared,
          document: null,
        },
      ])
    }),
  )

  it(
    'leave the documents, chunks and vectors of another tenant unreadable',
    withTexts(async (t) => {
      await shareSource(t, shared)
      await t.become(db.acme.viewer)
      for (const table of ['documents', 'document_chunks', 'embeddings']) {
        expect(
          await t.value(`select count(*)::int from app_public.${table} where tenant_id = $1`, [db.globex.id]),
        ).toBe(0)
      }
    }),
  )

  it(
    'show no source for a hit that one makes up',
    withTexts(async (t) => {
      await shareSource(t, shared)
      await t.become(db.acme.viewer)
      expect(
        await t.value(
          `select (app_public.search_hit_source(row (1, 1, 1, 1, 1, 1, '${hidden}', null, 1, '', '', '', null, null, null, 'bm25'))).id`,
        ),
      ).toBeNull()
    }),
  )

  it(
    'leave the context as it was, when all goes well and when something fails',
    withTexts(async (t) => {
      await shareSource(t, shared)
      const context = () => t.value(`select current_setting('rowhouse.tenant_id')`)
      await ask(t, 'wing')
      expect(await context()).toBe(db.acme.id)
      // fails in the part of globex, which has the long question's words in no other way
      await t.becomeSuperuser()
      await t.query(`alter table search.rare_postings rename to postings_gone`)
      await t.become(db.acme.viewer)
      expect(
        await t.errorCode(
          `select * from app_public.search('wing* of', 'bm25', 10, search.filter(array['${shared}']::uuid[]))`,
        ),
      ).toBe('42P01')
      expect(await context()).toBe(db.acme.id)
      await t.query(
        `do $$ begin perform app_public.search('wing* of', 'bm25', 10, search.filter(array['${shared}']::uuid[])); exception when undefined_table then null; end $$`,
      )
      expect(await context()).toBe(db.acme.id)
      await t.becomeSuperuser()
      await t.query(`alter table search.postings_gone rename to rare_postings`)
    }),
  )

  it(
    'are logged with the tenant that asked, with the sources of both',
    withTexts(async (t) => {
      await shareSource(t, shared)
      await ask(t, 'wing', `, 'bm25'`)
      await t.becomeSuperuser()
      const logs = await t.query('select tenant_id, user_id, source_ids from search.query_log_buffer')
      expect(logs).toHaveLength(1)
      expect(logs[0]).toMatchObject({ tenant_id: db.acme.id, user_id: db.acme.viewer.userId })
      expect(logs[0]?.source_ids).toContain(shared)
      expect(logs[0]?.source_ids).toHaveLength(2)
    }),
  )
})

describe('filters work on what is shared', () => {
  it(
    'by source, tags, category, document and metadata',
    withTexts(async (t) => {
      await t.become(db.globex.member)
      await t.query(`update app_public.rag_knowledge_sources set tags = '{new}', category = 'aero' where id = $1`, [
        shared,
      ])
      await shareSource(t, shared)
      for (const filter of [
        `, 'bm25', filter => search.filter(source_ids => array['${shared}']::uuid[])`,
        `, 'bm25', filter => search.filter(tags => '{new,old}')`,
        `, 'bm25', filter => search.filter(category => 'aero')`,
      ]) {
        expect((await contents(t, 'wing', filter)).sort()).toEqual([
          'the wing and the wing twice',
          'the wing of globex',
        ])
      }
      expect(
        await contents(t, 'wing', `, 'bm25', filter => search.filter(source_ids => array['${hidden}']::uuid[])`),
      ).toEqual([])
      expect(await contents(t, 'wing', `, 'bm25', filter => search.filter(metadata => '{"a": 1}')`)).toEqual([])
      const [hit] = (await ask(t, 'twice', `, 'bm25'`)) as [Hit & { document_id: string }]
      expect(
        await contents(
          t,
          'wing',
          `, 'bm25', filter => search.filter(document_ids => array['${hit.document_id}']::uuid[])`,
        ),
      ).toEqual(['the wing and the wing twice'])
    }),
  )

  it(
    'by agent: an own one with the shared source, and a shared one with its own sources',
    withTexts(async (t) => {
      await t.become(db.acme.member)
      const own = await t.value(`insert into app_public.agents (name) values ('own') returning id`)
      const assign = (agent: unknown, source: string) =>
        t.query('insert into app_public.agent_knowledge_sources (agent_id, source_id) values ($1, $2)', [agent, source])
      await shareSource(t, shared)
      await t.become(db.acme.member)
      await assign(own, shared)
      const by = (agent: unknown) => `, 'bm25', filter => search.filter(agent_id => '${agent}')`
      expect(await contents(t, 'wing', by(own))).toHaveLength(2)
      await t.become(db.globex.member)
      const theirs = await t.value(
        `insert into app_public.agents (name, status) values ('theirs', 'active') returning id`,
      )
      await assign(theirs, shared)
      await assign(theirs, hidden)
      expect(await contents(t, 'wing', by(theirs))).toEqual([])
      await t.become(db.globex.admin)
      await t.query(`select app_public.share_resource('agent', $1, 'acme')`, [theirs])
      expect((await contents(t, 'wing', by(theirs))).sort()).toEqual([
        'the wing and the wing twice',
        'the wing of globex',
      ])
    }),
  )

  it(
    'and a question’s phrases, exclusions, titles and prefixes',
    withTexts(async (t) => {
      await shareSource(t, shared)
      const found = (query: string) => contents(t, query, `, 'bm25'`)
      expect(await found('"wing of globex"')).toEqual(['the wing of globex'])
      expect((await found('wing -globex')).sort()).toEqual(['the wing and the wing twice', 'the wing of acme'])
      expect(await found('globe*')).toEqual(['the wing of globex'])
      expect((await found('title:text wing -acme')).sort()).toEqual([
        'a plain body',
        'nothing of note',
        'the wing and the wing twice',
        'the wing of globex',
      ])
    }),
  )
})

describe('what the owner keeps to itself', () => {
  it(
    'is which words its other texts have: misspelt words are read with one’s own vocabulary only',
    withTexts(async (t) => {
      await shareSource(t, shared)
      await t.become(db.globex.viewer)
      expect(await t.query(`select 1 from app_public.search('globax', 'bm25')`)).not.toEqual([])
      expect(await contents(t, 'globax', `, 'bm25'`)).toEqual([])
      expect(await contents(t, 'whisper', `, 'bm25'`)).toEqual([])
      const [hit] = (await ask(
        t,
        'wing whisper secret globex',
        `, 'bm25', options => search.options(explain => true)`,
      )) as [Hit]
      expect(hit.explanation.terms.map(({ term }) => term).sort()).toEqual(['globex', 'wing'])
    }),
  )

  it(
    'and what others share never decides which model one’s own sources are searched with',
    withTexts(async (t) => {
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.llm_models (provider_id, name, kind, provider_model_name, dimension)
         select id, 'other', 'embedding', 'other', 64 from app_public.llm_providers where name = 'builtin'`,
      )
      const other = await addTexts(t, db.globex.member, ['the wing of another model'], { embedding_model: 'other' })
      await shareSource(t, other)
      await shareSource(t, shared)
      const hits = await ask(t, 'wing', `, 'hybrid'`)
      const ofOther = hits.find(({ source_id }) => source_id === other)
      expect(ofOther).toMatchObject({ vector_rank: null, bm25_rank: expect.any(Number) })
      expect(hits.find(({ source_id }) => source_id === shared)?.vector_rank).not.toBeNull()
      // without own sources in scope the shared ones decide, each by its own model
      await t.become(db.acme.viewer)
      const only = `search.filter(array['${shared}', '${other}']::uuid[])`
      const both = await t.query<{ source_id: string; vector_rank: number | null }>(
        `select * from app_public.search('wing', 'hybrid', 10, ${only})`,
      )
      expect(both.find(({ source_id }) => source_id === shared)?.vector_rank).toBe(1)
      expect(both.find(({ source_id }) => source_id === other)?.vector_rank).toBe(1)
      expect(
        (
          await t.query(
            `select * from app_public.search('wing', 'vector', 10, ${only}, search.options(embedding_model => 'other'))`,
          )
        ).map((h) => h.source_id),
      ).toEqual([other])
    }),
  )
})

// Searching the catalogue: words, typing errors, filters, facets, pages, and what sharing and the wall make of them.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

type Hit = { kind: string; name: string; is_own: boolean; score: number; rank: number; tags: string[] }
type Found = { total: number; hits: Hit[]; facets: { facet: string; value: string; count: number }[] }

/** As named arguments, { query: '…', limit: 5 }; every other name is a field of the filter. */
async function search(t: Transaction, given: Record<string, unknown> = {}): Promise<Found> {
  return t.value(
    call(given, `jsonb_build_object('total', s.total_count, 'hits', s.hits, 'facets', s.facets)`),
    values(given),
  )
}
const types: Record<string, string> = { limit: 'int', skip: 'int', query: 'text' }
const plainArguments = (given: Record<string, unknown>): [string, unknown][] =>
  Object.entries(given).filter(([name]) => name in types)
const call = (given: Record<string, unknown>, what = '*'): string =>
  `select ${what} from app_public.search_catalog(${[
    'filter => jsonb_populate_record(null::app_public.catalog_filter, $1)',
    ...plainArguments(given).map(([name], i) => `"${name}" => $${i + 2}::${types[name]}`),
  ].join(', ')}) s`
const values = (given: Record<string, unknown>): unknown[] => [
  JSON.stringify(Object.fromEntries(Object.entries(given).filter(([name]) => !(name in types)))),
  ...plainArguments(given).map(([, value]) => value),
]
const namesOf = ({ hits }: Found): string[] => hits.map(({ name }) => name)

const agents = [
  {
    name: 'regulatory-strategist',
    display_name: 'Regulatory Strategist',
    description: 'Plans pathways to market.',
    primary_category: 'Regulatory',
    therapeutic_areas: ['Oncology', 'Cardiology'],
    compliance_frameworks: ['21 CFR 807', 'GxP'],
    tier: 3,
    status: 'active',
  },
  {
    name: 'reviewer',
    description: 'Reviews the regulatory part of clinical studies.',
    primary_category: 'Clinical',
    therapeutic_areas: ['Oncology'],
    compliance_frameworks: ['GxP'],
    tier: 2,
    status: 'active',
  },
  { name: 'IT', description: 'The help desk.', primary_category: 'Support', tier: 1, status: 'draft' },
]

async function fill(t: Transaction, person: Person = db.acme.owner): Promise<Record<string, string>> {
  await t.become(person)
  const ids: Record<string, string> = {}
  for (const agent of agents)
    ids[agent.name] = await t.value(
      `insert into app_public.agents (name, display_name, description, primary_category, therapeutic_areas, compliance_frameworks, tier, status)
       select name, display_name, description, primary_category, coalesce(therapeutic_areas, '{}'), coalesce(compliance_frameworks, '{}'), tier, status
         from jsonb_populate_record(null::app_public.agents, $1) returning id`,
      [agent],
    )
  ids.pubmed = await t.value(
    `insert into app_public.tools (name, tool_type, description, category) values ('pubmed-search', 'function', 'Finds literature.', 'Literature') returning id`,
  )
  ids.prompt = await t.value(
    `insert into app_public.prompts (name, prompt_text, category, tags) values ('summary', 'Sum up.', 'Writing', '{short,oncology-board}') returning id`,
  )
  ids.workflow = await t.value(
    `insert into app_public.workflows (name, workflow_definition, category) values ('submission', '{"nodes": [{"id": "only", "type": "human"}], "edges": []}', 'Regulatory') returning id`,
  )
  ids.source = await t.value(
    `insert into app_public.rag_knowledge_sources (name, description) values ('guidance', 'Guidance of the regulatory agencies.') returning id`,
  )
  return ids
}

describe('words', () => {
  it('weigh more in a name than in a description, and by far the most as the whole name', () =>
    db.inTransaction(async (t) => {
      await fill(t)
      const { hits } = await search(t, { query: 'regulatory' })
      expect(hits.map(({ name }) => name)).toEqual([
        'regulatory-strategist',
        expect.stringMatching(/reviewer|guidance/),
        expect.stringMatching(/reviewer|guidance/),
        'submission',
      ])
      expect(namesOf(await search(t, { query: 'Reviewer' }))[0]).toBe('reviewer')
    }))

  it.each([
    ['its beginning', 'strat', ['regulatory-strategist']],
    ['other forms of it', 'reviewing studies', ['reviewer']],
    ['a form with a stop word', 'the clinical study', ['reviewer']],
    ['a part of a name', 'pubmed', ['pubmed-search']],
    ['a name in capitals', 'PUBMED_SEARCH', ['pubmed-search']],
    ['a word of the text', 'board', ['summary']],
    ['a therapeutic area', 'cardiology', ['regulatory-strategist']],
    ['two words of which one is missing', 'pathways clinical', []],
  ])('find what has them: %s', (_what, query, names) =>
    db.inTransaction(async (t) => {
      await fill(t)
      expect(namesOf(await search(t, { query }))).toEqual(names)
    }),
  )

  it('that are stop words count when there is nothing else', () =>
    db.inTransaction(async (t) => {
      await fill(t)
      expect(namesOf(await search(t, { query: 'it' }))).toEqual(['IT'])
    }))

  it('that nothing has are read as names spelt almost like them, short ones not', () =>
    db.inTransaction(async (t) => {
      await fill(t)
      for (const [query, names] of [
        ['regulatry', ['regulatory-strategist']],
        ['stratgist market', ['regulatory-strategist']],
        ['pubmde', ['pubmed-search']],
        ['zzzzzzzz', []],
        ['qx', []],
      ] as const)
        expect([query, namesOf(await search(t, { query }))]).toEqual([query, names])
    }))

  it('of a tag the tenant gave find what carries it', () =>
    db.inTransaction(async (t) => {
      const ids = await fill(t)
      const tag = await t.value(
        `insert into app_public.tags (name, slug) values ('Board favourite', 'board-favourite') returning id`,
      )
      await t.query(`insert into app_public.tag_assignments (item_type, item_id, tag_id) values ('tool', $1, $2)`, [
        ids.pubmed,
        tag,
      ])
      expect(namesOf(await search(t, { query: 'favourite pubmed' }))).toEqual(['pubmed-search'])
      const { hits, facets } = await search(t, { tags: ['Board favourite'] })
      expect(hits).toMatchObject([{ name: 'pubmed-search', tags: ['Board favourite'] }])
      expect(facets).toContainEqual({ facet: 'tag', value: 'Board favourite', count: 1 })
    }))

  it('follow every edit at once', () =>
    db.inTransaction(async (t) => {
      const ids = await fill(t)
      await t.query(`update app_public.tools set name = 'library' where id = $1`, [ids.pubmed])
      expect(namesOf(await search(t, { query: 'pubmed' }))).toEqual([])
      expect(namesOf(await search(t, { query: 'library' }))).toEqual(['library'])
    }))

  it('may be anything a person can type', () =>
    db.inTransaction(async (t) => {
      await fill(t)
      for (const query of [
        `'`,
        `a'b`,
        '\\',
        `\\'`,
        '!!!',
        ':*',
        '&|!()<->',
        '%',
        '$1',
        '{}',
        'ß→😀',
        'a:*b',
        `${'x '.repeat(99)}`,
      ])
        expect([query, (await search(t, { query })).total]).toEqual([query, expect.any(Number)])
    }))
})

describe('filters, facets and pages', () => {
  it('without a query it lists everything by name', () =>
    db.inTransaction(async (t) => {
      await fill(t)
      for (const query of [null, '', '  ']) {
        const { total, hits } = await search(t, { query })
        expect([total, hits.map(({ kind }) => kind).sort()]).toEqual([
          7,
          ['agent', 'agent', 'agent', 'knowledge_source', 'prompt', 'tool', 'workflow'],
        ])
      }
    }))

  it.each([
    [{ kinds: ['tool', 'prompt'] }, ['pubmed-search', 'summary']],
    [{ categories: ['Regulatory'] }, ['regulatory-strategist', 'submission']],
    [{ therapeutic_areas: ['Oncology'] }, ['regulatory-strategist', 'reviewer']],
    [{ therapeutic_areas: ['Cardiology', 'Neurology'] }, ['regulatory-strategist']],
    [{ compliance_frameworks: ['GxP'], tiers: [2] }, ['reviewer']],
    [{ tiers: [1, 2] }, ['IT', 'reviewer']],
    [{ statuses: ['draft'] }, ['IT']],
    [{ tags: ['short'] }, ['summary']],
    [{ query: 'regulatory', kinds: ['agent'], tiers: [3] }, ['regulatory-strategist']],
    [{ categories: ['Nothing'] }, []],
    [{ kinds: ['tool'], categories: [], tiers: [], tags: [] }, ['pubmed-search']],
  ] as [Record<string, unknown>, string[]][])('%j finds %j', (given, names) =>
    db.inTransaction(async (t) => {
      await fill(t)
      expect(namesOf(await search(t, given)).sort()).toEqual([...names].sort())
    }),
  )

  it('facets count the whole result, not the page', () =>
    db.inTransaction(async (t) => {
      await fill(t)
      const { total, hits, facets } = await search(t, { query: 'regulatory', limit: 1 })
      expect([total, hits.length]).toEqual([4, 1])
      const counts = (facet: string) =>
        facets.filter((f) => f.facet === facet).map(({ value, count }) => [value, count])
      expect(counts('kind')).toEqual([
        ['agent', 2],
        ['knowledge_source', 1],
        ['workflow', 1],
      ])
      expect(counts('category')).toEqual([
        ['Regulatory', 2],
        ['Clinical', 1],
      ])
      expect(counts('therapeutic_area')).toEqual([
        ['Oncology', 2],
        ['Cardiology', 1],
      ])
      expect(counts('compliance_framework')).toEqual([
        ['GxP', 2],
        ['21 CFR 807', 1],
      ])
      expect(counts('tier')).toEqual([
        ['2', 1],
        ['3', 1],
      ])
    }))

  it('pages follow each other without a gap', () =>
    db.inTransaction(async (t) => {
      await fill(t)
      const all = namesOf(await search(t))
      const pages: string[] = []
      for (let skip = 0; skip < 9; skip += 3) pages.push(...namesOf(await search(t, { limit: 3, skip })))
      expect(pages).toEqual(all)
      const beyond = await search(t, { skip: 100 })
      expect([beyond.total, beyond.hits]).toEqual([7, []])
    }))

  it.each([
    [{ query: 'x'.repeat(201) }, 'RS471'],
    [{ limit: 0 }, 'RS472'],
    [{ limit: 101 }, 'RS472'],
    [{ skip: -1 }, 'RS473'],
    [{ skip: 9001 }, 'RS473'],
    [{ tiers: [4] }, 'RS474'],
    [{ tiers: [null] }, 'RS474'],
    [{ statuses: ['unknown'] }, '23514'],
    [{ tags: Array(51).fill('x') }, 'RS474'],
    [{ kinds: ['person'] }, '22P02'],
  ] as [Record<string, unknown>, string][])('%j is refused', (given, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(await t.errorCode(call(given), values(given))).toBe(code)
    }),
  )
})

describe('the wall', () => {
  it.each([null, 'regulatory', 'regulatry', 'pubmed', 'oncology'])(
    'hides other tenants from a search for %s',
    (query) =>
      db.inTransaction(async (t) => {
        await fill(t)
        await t.become(db.globex.owner)
        const found = await search(t, { query })
        expect([found.total, found.facets]).toEqual([0, []])
      }),
  )

  it('hides other tenants from the function below the API', () =>
    db.inTransaction(async (t) => {
      await fill(t)
      await t.become(db.globex.owner)
      expect(await t.query(`select * from catalog.catalog_matches('regulatory', '{agent,tool}')`)).toEqual([])
    }))

  it('hides everything from who is in no tenant', () =>
    db.inTransaction(async (t) => {
      await fill(t)
      await t.becomeRole('rowhouse_user')
      expect((await search(t, { query: 'regulatory' })).total).toBe(0)
    }))

  it('what is shared is found until it is revoked, in hits and in counts', () =>
    db.inTransaction(async (t) => {
      const ids = await fill(t)
      await t.query(`select app_public.share_resource('agent', $1, 'globex')`, [ids['regulatory-strategist']])
      await t.become(db.globex.viewer)
      for (const query of [null, 'regulatory', 'regulatry']) {
        const { total, hits, facets } = await search(t, { query })
        expect([query, total, hits.map(({ name, is_own }) => [name, is_own])]).toEqual([
          query,
          1,
          [['regulatory-strategist', false]],
        ])
        expect(facets).toContainEqual({ facet: 'tier', value: '3', count: 1 })
      }
      await t.become(db.acme.owner)
      await t.query(`select app_public.revoke_shares('agent', $1)`, [ids['regulatory-strategist']])
      await t.become(db.globex.viewer)
      for (const query of [null, 'regulatory']) expect((await search(t, { query })).total).toBe(0)
    }))

  it('what is deleted is not found, not by those either who may restore it', () =>
    db.inTransaction(async (t) => {
      const ids = await fill(t)
      await t.query(`select app_public.delete_tool($1)`, [ids.pubmed])
      for (const query of [null, 'pubmed', 'pubmde'])
        expect(namesOf(await search(t, { query }))).not.toContain('pubmed-search')
      await t.query(`select app_public.restore_tool($1)`, [ids.pubmed])
      expect(namesOf(await search(t, { query: 'pubmed' }))).toEqual(['pubmed-search'])
    }))

  it('an edit of what a search reads does not make an agent differ from its version by itself', () =>
    db.inTransaction(async (t) => {
      const ids = await fill(t)
      await t.query(`select app_public.publish_agent($1)`, [ids.reviewer])
      await t.query(`update app_public.agents set metadata = '{"seen": true}' where id = $1`, [ids.reviewer])
      expect(await t.value(`select is_latest_version from app_public.agents where id = $1`, [ids.reviewer])).toBe(true)
    }))
})

// npm run eval: its fusion and its halves, which need no database, and the tool itself on a made-up collection.

import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readCollection } from '../../server/evaluation/collection.ts'
import { best, type Fusion, fuse, fusionGrid, type Hit, split } from '../../server/evaluation/fusion.ts'
import { difference } from '../../server/evaluation.ts'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { type Outcome, run } from '../helpers/processes.ts'

const hits = (...scores: [chunkId: number, score: number][]): Hit[] =>
  scores.map(([chunkId, score]) => ({ document: `d${chunkId}`, chunkId, score }))
const ids = (fused: Hit[]): number[] => fused.map(({ chunkId }) => chunkId)

describe('the halves', () => {
  it('are the same for the same ids in any order, differ by seed, and differ in size by one at most', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 })), fc.integer(), (names, seed) => {
        const queries = names.map((id) => ({ id }))
        const { training, other } = split(queries, seed)
        expect(split([...queries].reverse(), seed)).toEqual({ training, other })
        expect(training.length - other.length).toBe(names.length % 2)
        expect([...training, ...other].map(({ id }) => id).sort()).toEqual([...names].sort())
      }),
      { seed: 7, numRuns: 50 },
    )
    const queries = Array.from({ length: 40 }, (_, i) => ({ id: `${i}` }))
    expect(split(queries, 1).training).not.toEqual(split(queries, 2).training)
  })
  it('are every second query by hash', () => {
    const hash = (id: string): string => createHash('sha256').update(`1:${id}`).digest('hex')
    const names = ['a', 'b', 'c', 'd']
    const ordered = [...names].sort((x, y) => (hash(x) < hash(y) ? -1 : 1))
    expect(
      split(
        names.map((id) => ({ id })),
        1,
      ).training,
    ).toEqual([{ id: ordered[0] }, { id: ordered[2] }])
  })
})

describe('the fusion', () => {
  const bm25 = hits([1, 8], [2, 4], [3, 2])
  const vector = hits([3, 0.9], [4, 0.7], [1, 0.5])

  it('rrf adds weighted reciprocal ranks', () => {
    const fused = fuse(bm25, vector, { method: 'rrf', weight: 0.5, rrfK: 60 })
    expect(ids(fused)).toEqual([1, 3, 2, 4])
    expect(fused.map(({ score }) => score)).toEqual([1 / 61 + 0.5 / 63, 1 / 63 + 0.5 / 61, 1 / 62, 0.5 / 62])
  })
  it('convex takes the weighted mean of normalised scores', () => {
    const fused = fuse(bm25, vector, { method: 'convex', weight: 1, rrfK: 60 })
    expect(ids(fused)).toEqual([3, 1, 2, 4])
    expect(fused.map(({ score }) => Number(score.toFixed(12)))).toEqual([0.625, 0.5, 0.25, 0.25])
  })
  it('with weight 0 keeps the order of the words, by either method', () => {
    for (const method of ['rrf', 'convex'] as const)
      expect(ids(fuse(bm25, vector, { method, weight: 0, rrfK: 60 }))).toEqual([1, 2, 3, 4])
  })
  it('copes with empty rankings and with vectors that are all as near', () => {
    for (const method of ['rrf', 'convex'] as const) {
      const by: Fusion = { method, weight: 1, rrfK: 60 }
      expect(fuse([], [], by)).toEqual([])
      expect(ids(fuse(bm25, [], by))).toEqual([1, 2, 3])
      expect(ids(fuse([], vector, by))).toEqual([3, 4, 1])
    }
    expect(fuse([], hits([1, 0.5], [2, 0.5]), { method: 'convex', weight: 1, rrfK: 60 })[1]?.score).toBe(0.5)
  })
  it('of equals the smaller weight is taken, then the usual method', () => {
    expect(best(fusionGrid, () => 0.3).setting).toEqual({ method: 'rrf', weight: 0, rrfK: 60 })
    expect(best(fusionGrid, ({ weight }) => (weight >= 0.4 ? 0.4 : 0.3)).setting.weight).toBe(0.4)
    expect(best([1, 2], (value) => value * 1e-12).setting).toBe(1)
  })
})

it('the standard error of a difference is that of its queries', () => {
  expect(difference([1, 1, 1], [0.5, 0.5, 0.5])).toEqual({ mean: 0.5, error: 0 })
  expect(difference([2, 4], [1, 1])).toEqual({ mean: 2, error: 1 })
})

describe('a test collection', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rowhouse-collection-'))
  })
  afterEach(() => rm(folder, { recursive: true }))
  const write = async (files: Record<string, string>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true })
      await writeFile(join(folder, name), text)
    }
  }
  const beir = {
    'corpus.jsonl': [
      '{"_id": "4983", "title": "Wings", "text": "Lift of a wing.", "metadata": {"year": 1958}}',
      '{"_id": "5", "title": "Only a title", "text": " "}',
      '{"_id": 6, "text": "No title."}',
    ].join('\n'),
    'queries.jsonl': '{"_id": "1", "text": "wing", "metadata": {}}\n{"_id": "2", "text": "never judged"}\n',
    'qrels/test.tsv': 'query-id\tcorpus-id\tscore\r\n1\t4983\t2\r\n1\t5\t0\r\n',
  }
  const fault = (split?: string): Promise<string> =>
    readCollection(folder, split).then(
      () => 'none',
      (error: Error) => error.message.replaceAll(folder, 'DIR'),
    )

  it('in the layout of BEIR is read as its documents, queries and judgements, without the line of names', async () => {
    await write(beir)
    const { queries, judgements, withDocuments } = await readCollection(folder)
    expect(queries).toEqual([{ id: '1', text: 'wing' }])
    expect(judgements).toEqual(
      new Map([
        [
          '1',
          new Map([
            ['4983', 2],
            ['5', 0],
          ]),
        ],
      ]),
    )
    const [file, lines] = await withDocuments(async (path) => [path, (await readFile(path, 'utf8')).trim().split('\n')])
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { id: '4983', title: 'Wings', text: 'Lift of a wing.' },
      { id: '5', title: 'Only a title', text: 'Only a title' },
      { id: '6', title: '', text: 'No title.' },
    ])
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('in our layout may have such a line, too', async () => {
    await write({
      'docs.jsonl': '{"id": "a", "text": "x"}',
      'queries.jsonl': '{"id": 7, "text": "x"}',
      'qrels.tsv': 'query\tdocument\tgrade\n7\ta\t1',
    })
    const { queries, judgements, withDocuments } = await readCollection(folder)
    expect([queries, judgements]).toEqual([[{ id: '7', text: 'x' }], new Map([['7', new Map([['a', 1]])]])])
    expect(await withDocuments(async (path) => path)).toBe(join(folder, 'docs.jsonl'))
    expect(await fault('dev')).toBe("--split is for BEIR's layout; DIR has docs.jsonl and qrels.tsv.")
  })

  it('with several splits is judged by test, or by the one that is named', async () => {
    await write({ ...beir, 'qrels/dev.tsv': 'query-id\tcorpus-id\tscore\n2\t5\t1' })
    expect((await readCollection(folder)).queries.map(({ id }) => id)).toEqual(['1'])
    expect((await readCollection(folder, 'dev')).queries.map(({ id }) => id)).toEqual(['2'])
    expect(await fault('train')).toBe('DIR/qrels has no train.tsv. Choose by --split: dev, test.')
    await rm(join(folder, 'qrels/test.tsv'))
    expect((await readCollection(folder)).queries.map(({ id }) => id)).toEqual(['2'])
  })

  it.each([
    ['no documents', { 'corpus.jsonl': undefined }, /^DIR has no documents: neither docs\.jsonl nor, as BEIR has it/],
    [
      'no judgements',
      { 'qrels/test.tsv': undefined },
      /^DIR has no judgements: BEIR's layout has them in qrels\/test\.tsv/,
    ],
    ['only the names of columns', { 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\n' }, /test\.tsv has no judgements/],
    [
      'a grade that is no number',
      { 'qrels/test.tsv': '1\t5\thigh' },
      /test\.tsv, line 1: not a query, a document and a/,
    ],
    [
      'no grade',
      { 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\n1\t5' },
      /test\.tsv, line 2: not a query, a document/,
    ],
    ['an empty grade', { 'qrels/test.tsv': '1\t5\t ' }, /test\.tsv, line 1: not/],
    ['a fourth column', { 'qrels/test.tsv': '1\t0\t5\t1' }, /test\.tsv, line 1: not/],
    ['a query that is no JSON', { 'queries.jsonl': '{"_id": "1"' }, /queries\.jsonl, line 1: .*JSON/],
    ['a query without text', { 'queries.jsonl': '\n{"_id": "1"}' }, /queries\.jsonl, line 2: (.|\n)*text/],
    ['a query without an id', { 'queries.jsonl': '{"text": "x"}' }, /queries\.jsonl, line 1: has neither id nor _id/],
    ['judgements of other queries', { 'queries.jsonl': '{"_id": "9", "text": "x"}' }, /No query of DIR has judgements/],
  ])('with %s is refused, by file and line', async (_, change, message) => {
    const files = Object.entries({ ...beir, ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    await write(Object.fromEntries(files))
    expect(await fault()).toMatch(message)
  })

  it('whose corpus has a line without an id is refused when its documents are read', async () => {
    await write({ ...beir, 'corpus.jsonl': '{"_id": "5", "text": "x"}\n{"text": "y"}' })
    const { withDocuments } = await readCollection(folder)
    await expect(withDocuments(async () => {})).rejects.toThrow(/corpus\.jsonl, line 2: has neither id nor _id/)
  })
})

describe('npm run eval', () => {
  const db = useDatabase()
  const subjects = ['wing', 'shock', 'heat', 'flutter', 'rocket', 'nozzle', 'shell', 'plate']
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rowhouse-eval-'))
    const documents = subjects.flatMap((subject, i) => [
      { id: `${subject}-1`, title: subject, text: `All about the ${subject}, and nothing else.` },
      { id: `${subject}-2`, text: `A ${subjects[(i + 1) % 8]} beside a ${subject}, measured twice: ${subject}.` },
    ])
    await writeFile(join(folder, 'docs.jsonl'), documents.map((document) => JSON.stringify(document)).join('\n'))
    await writeFile(
      join(folder, 'queries.jsonl'),
      [...subjects, 'never judged'].map((id) => JSON.stringify({ id, text: `about ${id}` })).join('\n'),
    )
    await writeFile(
      join(folder, 'qrels.tsv'),
      subjects.map((subject) => `${subject}\t${subject}-1\t2\n${subject}\t${subject}-2\t1`).join('\n'),
    )
  })
  afterAll(() => rm(folder, { recursive: true }))

  const evaluate = (...args: string[]): Promise<Outcome> =>
    run('scripts/eval.ts', [folder, ...args], { DATABASE_URL: db.url, ROWHOUSE_DATA_DIR: join(folder, 'data') })
  /** What a measurement must leave as it found it. */
  const state = async () =>
    (
      await db.pool.query(
        `select fusion_weight, vector_quantization::text, search.vector_index_is_ready(id) as has_index,
                (select count(*)::int from app_public.tenants where slug like 'eval-%') as tenants
           from app_public.llm_models where name = 'hashing-384'`,
      )
    ).rows[0]
  const untouched = { fusion_weight: 0.05, vector_quantization: 'none', has_index: false, tenants: 0 }

  it('measures every mode', async (context) => {
    needsServer(context, 'DATABASE_URL names a server')
    const { code, output } = await evaluate('--parameters', '1.2/0.75')
    expect(output).toContain('16 documents, 8 judged queries')
    expect(output).toMatch(/bm25 +1\.2 +0\.75 +1\.0000 +1\.0000\n/)
    expect(output).toMatch(/vector +1\.2 +0\.75 +\S+ +\S+\nhybrid +1\.2 +0\.75 +\S+ +\S+\n/)
    expect([code, await state()]).toEqual([0, untouched])
  })

  it('measures a collection in the layout of BEIR', async (context) => {
    needsServer(context, 'DATABASE_URL names a server')
    const theirs = join(folder, 'beir')
    await mkdir(join(theirs, 'qrels'), { recursive: true })
    const renamed = async (from: string, to: string): Promise<void> =>
      writeFile(join(theirs, to), (await readFile(join(folder, from), 'utf8')).replaceAll('"id"', '"_id"'))
    await renamed('docs.jsonl', 'corpus.jsonl')
    await renamed('queries.jsonl', 'queries.jsonl')
    const judgements = await readFile(join(folder, 'qrels.tsv'), 'utf8')
    await writeFile(join(theirs, 'qrels/test.tsv'), `query-id\tcorpus-id\tscore\n${judgements}`)
    const { code, output } = await run('scripts/eval.ts', [theirs, '--parameters', '1.2/0.75'], {
      DATABASE_URL: db.url,
      ROWHOUSE_DATA_DIR: join(folder, 'data'),
    })
    expect(output).toContain('16 documents, 8 judged queries')
    expect(output).toMatch(/bm25 +1\.2 +0\.75 +1\.0000 +1\.0000\n/)
    expect([code, await state()]).toEqual([0, untouched])
  })

  it('tunes to what is no worse than the words alone, checks it in the database, and says how to apply it', async (context) => {
    needsServer(context, 'DATABASE_URL names a server')
    const { code, output } = await evaluate('--tune')
    expect(output).toContain('4 to tune on, 4 to report on')
    expect(output).toMatch(/defaults: k1 1\.2, b 0\.75, fusion rrf \(rrf_k 60\), vector weight 0\.05/)
    expect(output).toMatch(/found: k1 1\.2, b 0\.75, fusion rrf \(rrf_k 60\), vector weight 0\n/)
    expect(output).toMatch(/training half \+0\.0000 .*, other half \+0\.0000/)
    expect(output).toContain("The database's own hybrid search gives the same figures.")
    const weight = /update app_public\.llm_models .*;/.exec(output)?.[0] ?? ''
    const parameters = /update app_public\.tenants .*;/.exec(output)?.[0] ?? ''
    expect([code, await state()]).toEqual([0, untouched])
    // what it prints can be run
    await db.inTransaction(async (t) => {
      await t.query(weight)
      expect(await t.value(`select fusion_weight from app_public.llm_models where name = 'hashing-384'`)).toBe(0)
      await t.become(db.acme.owner)
      await t.query(parameters)
      expect(await t.value(`select config -> 'search' from app_public.tenants`)).toEqual({ k1: 1.2, b: 0.75 })
    })
  })

  it('measures what a quantised index finds, and puts the index and the setting back', async (context) => {
    needsServer(context, 'DATABASE_URL names a server')
    const { code, output } = await evaluate('--quantization', 'none,halfvec,binary')
    expect(output).toMatch(/none +1\.0000 +\S+ MiB for 16 vectors\nhalfvec +1\.0000 .*\nbinary +\S+ /)
    expect([code, await state()]).toEqual([0, untouched])
    const { rows } = await db.pool.query(`select * from search.vector_index_statements(
      (select id from app_public.llm_models where name = 'hashing-384'))`)
    await db.pool.query(rows[0].create_statement)
    expect((await evaluate('--quantization', 'binary')).code).toBe(0)
    expect(await state()).toEqual({ ...untouched, has_index: true })
    await db.pool.query(rows[0].drop_statement)
  })

  it('says what is wrong', async (context) => {
    needsServer(context, 'DATABASE_URL names a server')
    for (const bad of [
      ['--quantization', 'half'],
      ['--tune', '--seed', 'x'],
      ['--tune', '--quantization', 'none'],
    ])
      expect(await evaluate(...bad)).toMatchObject({ code: 1, output: expect.stringContaining('Usage: npm run eval') })
    expect(await state()).toEqual(untouched)
  })
})

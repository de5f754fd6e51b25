// The whole path with the real worker: a file over GraphQL, a real embedding endpoint, hybrid search over GraphQL.

import { createServer, type Server } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { startTestWorker, type TestWorker } from '../helpers/worker.ts'

const db = useDatabase()
let server: TestServer
let endpoint: Server
let worker: TestWorker
let requests: { authorization: string | undefined; input: string[] }[] = []
let isDown = false

beforeAll(async () => {
  // an endpoint that knows two meanings: flying and eating
  endpoint = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { input } = JSON.parse(body) as { input: string[] }
    requests.push({ authorization: request.headers.authorization, input })
    if (isDown) {
      response.writeHead(400).end('{}')
      return
    }
    const embed = (text: string): number[] => (/wing|aircraft|fly/i.test(text) ? [3, 0, 0.1] : [0, 2, 0.1])
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        data: input.map((text, index) => ({ index, embedding: embed(text) })),
        usage: { total_tokens: 7 },
      }),
    )
  })
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
  process.env.TEST_ENDPOINT_API_KEY = 'the-key'
  await db.pool.query(
    `insert into app_public.llm_providers (name, kind, base_url, api_key_variable) values ('local', 'openai', $1, 'TEST_ENDPOINT_API_KEY')`,
    [`http://127.0.0.1:${(endpoint.address() as { port: number }).port}/v1`],
  )
  await db.pool.query(`insert into app_public.llm_models (provider_id, name, kind, provider_model_name, dimension, max_retries)
    select id, 'meanings', 'embedding', 'meanings-3', 3, 0 from app_public.llm_providers where name = 'local'`)
  await db.pool.query(`insert into app_public.llm_model_prices (
      model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, valid_from)
    select id, 1000000, 0, 0, 0, '2020-01-01Z' from app_public.llm_models where name = 'meanings'`)
  server = await startTestServer(db.url)
  worker = await startTestWorker(db.url)
})
afterAll(async () => {
  await worker.stop()
  await server.close()
  endpoint.close()
})

/** What embedding has been recorded from this moment on: a function that returns it. */
async function embeddingUse(): Promise<
  () => Promise<{ tokens: number; usd: number; userId: string | null; texts: number }[]>
> {
  const { rows } = await db.pool.query('select coalesce(max(batch_id), 0) as last from app_public.usage_events')
  return async () =>
    (
      await db.pool.query(
        `select quantity::int as tokens, cost::int as usd, user_id as "userId", (metadata ->> 'texts')::int as texts
           from app_public.usage_events where usage_type = 'embedding_tokens' and tenant_id = $1 and batch_id > $2 order by batch_id`,
        [db.acme.id, rows[0].last],
      )
    ).rows
}

const ask = (query: string, variables?: object) => server.ask('member@acme.test', query, variables)
const base64 = (text: string): string => Buffer.from(text).toString('base64')

async function createSource(name: string, more: object = {}): Promise<string> {
  const { data } = await ask(
    'mutation ($source: KnowledgeSourceInput!) { createKnowledgeSource(input: {knowledgeSource: $source}) { knowledgeSource { id } } }',
    { source: { name, ...more } },
  )
  return data.createKnowledgeSource.knowledgeSource.id
}

const upload = (sourceId: string, fileName: string, content: string) =>
  ask(
    'mutation ($s: UUID!, $f: String!, $c: String!) { uploadFile(input: {sourceId: $s, fileName: $f, contentBase64: $c}) { receipt { outcome documentId } } }',
    {
      s: sourceId,
      f: fileName,
      c: content,
    },
  )

/** Waits until nothing of the source is left to do. */
async function settled(sourceId: string): Promise<{ completed: number; failed: number }> {
  for (;;) {
    // asked for first: a job that ends while the counts are read is not missed
    const nextJob = worker.nextJob()
    const { data } = await ask(
      'query ($id: UUID!) { knowledgeSource(id: $id) { processingCounts { pending processing completed failed } } }',
      { id: sourceId },
    )
    const counts = data.knowledgeSource.processingCounts
    if (counts.pending + counts.processing === 0) return { completed: counts.completed, failed: counts.failed }
    await nextJob
  }
}

describe('from file to search', () => {
  it('each type of file is parsed, and one bad file harms no other', async () => {
    const source = await createSource('files')
    await upload(source, 'a.md', base64('# Wings\n\nAbout **delta** wings.'))
    await upload(source, 'b.html', base64('<title>Bodies</title><script>x()</script><p>About slender bodies.</p>'))
    await upload(source, 'c.csv', base64('part,weight\nrudder,12\n'))
    await upload(source, 'd.json', base64('{"engine": {"thrust": "enormous"}}'))
    await upload(source, 'e.pdf', base64('this is no PDF'))
    await upload(
      source,
      'f.txt',
      Buffer.from([...Buffer.from('Flügel, Rümpfe, Höhen, '), 0xc3, 0x28]).toString('base64'),
    )
    await upload(source, 'g.exe', base64('MZ'))
    expect(await settled(source)).toEqual({ completed: 4, failed: 3 })
    const { data } = await ask(
      'query ($id: UUID!) { knowledgeSource(id: $id) { documents { nodes { externalId title processingStatus processingError } } } }',
      { id: source },
    )
    const errors = Object.fromEntries(
      data.knowledgeSource.documents.nodes.map((d: { externalId: string; processingError: string }) => [
        d.externalId,
        d.processingError,
      ]),
    )
    expect(errors).toMatchObject({
      'a.md': null,
      'e.pdf': 'The file is not a PDF.',
      'g.exe': expect.stringContaining('not supported'),
    })
    for (const [word, title] of [
      ['delta', 'Wings'],
      ['slender', 'Bodies'],
      ['rudder', 'c.csv'],
      ['enormous', 'd.json'],
    ]) {
      const found = await ask(
        'query ($q: String!) { search(query: $q, mode: bm25) { nodes { title document { source { name } } } } }',
        { q: word },
      )
      expect(found.data.search.nodes).toEqual([{ title, document: { source: { name: 'files' } } }])
    }
    // nobody else's business
    const foreign = await server.ask(
      'owner@globex.test',
      'query { search(query: "delta") { nodes { title } } documents { totalCount } }',
    )
    expect(foreign.data).toEqual({ search: { nodes: [] }, documents: { totalCount: 0 } })
    await db.pool.query(`update app_public.rag_knowledge_sources set enabled = false where id = $1`, [source])
  })

  it('a text that cannot be stored is refused alone, and its receipt says why', async () => {
    const source = await createSource('cut')
    const receiptsOf = async (documents: object[]) => {
      const { data, errors } = await ask(
        'mutation ($s: UUID!, $d: [NewDocumentInput]!) { createDocuments(input: {sourceId: $s, documents: $d}) { receipts { externalId outcome error } } }',
        { s: source, d: documents },
      )
      expect(errors).toBeUndefined()
      return data.createDocuments.receipts
    }
    const refused = (externalId: string, field: string) => ({
      externalId,
      outcome: 'refused',
      error: `${field} has a NUL character or half of a surrogate pair: it was cut inside a character.`,
    })
    expect(
      await receiptsOf([
        { externalId: 'e1', text: 'party \ud83c' },
        { externalId: 'e2', text: 'fine \ud83c\udf89' },
        { externalId: 'e3', text: '\udf89 party' },
        { externalId: 'n1', text: 'bad \u0000' },
        { externalId: 'n2', text: 'x', title: 'bad \u0000' },
        { externalId: 'n3', text: 'x', metadata: { a: [{ 'b\u0000': 1 }] } },
        { externalId: 'n4', text: 'x', metadata: { a: [{ b: '\ud83c' }] } },
      ]),
    ).toEqual([
      refused('e1', 'The text'),
      { externalId: 'e2', outcome: 'created', error: null },
      refused('e3', 'The text'),
      refused('n1', 'The text'),
      refused('n2', 'The title'),
      refused('n3', 'metadata'),
      refused('n4', 'metadata'),
    ])
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc
            .array(fc.constantFrom('a', '\0', '\ud83c', '\udf89', 'ä', '\uffff'), { maxLength: 4 })
            .map((units) => units.join('')),
          { minLength: 1, maxLength: 8 },
        ),
        async (texts) => {
          const receipts = await receiptsOf(texts.map((text, i) => ({ externalId: `${i}`, text: `x${text}` })))
          expect(receipts).toHaveLength(texts.length)
          for (const [i, text] of texts.entries())
            expect([text, receipts[i].outcome === 'refused']).toEqual([
              text,
              /[\0\uFFFF]/.test(text) || !text.isWellFormed(),
            ])
        },
      ),
      { numRuns: 20, seed: 26 },
    )
  })

  it('an endpoint embeds documents and questions, with its key, and meaning is found without a common word', async () => {
    const usedByDocuments = await embeddingUse()
    const source = await createSource('meanings', { embeddingModel: 'meanings' })
    const created = await ask(
      'mutation ($s: UUID!, $d: [NewDocumentInput]!) { createDocuments(input: {sourceId: $s, documents: $d}) { receipts { externalId outcome } } }',
      {
        s: source,
        d: [
          { externalId: '1', text: 'Aircraft need lift.' },
          { externalId: '2', text: 'Bread needs flour.' },
        ],
      },
    )
    expect(created.data.createDocuments.receipts).toEqual([
      { externalId: '1', outcome: 'created' },
      { externalId: '2', outcome: 'created' },
    ])
    expect(await settled(source)).toEqual({ completed: 2, failed: 0 })
    // what the endpoint counted for both texts, and what it costs
    const forDocuments = await usedByDocuments()
    expect(forDocuments.map(({ texts }) => texts).reduce((sum, n) => sum + n, 0)).toBe(2)
    expect(new Set(forDocuments.map(({ tokens, usd, userId }) => [tokens, usd, userId].join()))).toEqual(
      new Set(['7,7,']),
    )
    const usedByQuestion = await embeddingUse()
    requests = []
    const { data } = await ask(
      'query ($s: [UUID]) { search(query: "wings", filter: {sourceIds: $s}) { nodes { mode content vectorRank bm25Rank vectorScore } } }',
      { s: [source] },
    )
    expect(data.search.nodes[0]).toMatchObject({
      mode: 'hybrid',
      content: 'Aircraft need lift.',
      vectorRank: 1,
      bm25Rank: null,
      vectorScore: expect.closeTo(1, 5),
    })
    expect(requests).toEqual([{ authorization: 'Bearer the-key', input: ['wings'] }])
    expect(await usedByQuestion()).toEqual([{ tokens: 7, usd: 7, userId: db.acme.member.userId, texts: 1 }])
    // a question that is embedded already needs no endpoint; SQL alone cannot embed it
    requests = []
    const given = await ask(
      'query ($s: [UUID], $v: Vector) { search(query: "wings", mode: vector, filter: {sourceIds: $s}, options: {queryEmbedding: $v}) { nodes { content } } }',
      { s: [source], v: [0, 1, 0] },
    )
    expect(given.data.search.nodes[0].content).toBe('Bread needs flour.')
    expect(requests).toEqual([])
    await db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(
        await t.errorCode(
          `select * from app_public.search('wings', 'vector', filter => search.filter(array[$1::uuid]))`,
          [source],
        ),
      ).toBe('SR409')
    })
  })

  it('sources of an endpoint and of the built-in model are searched together, each by its own vectors', async () => {
    const source = await createSource('plain')
    await ask(
      'mutation ($s: UUID!, $d: [NewDocumentInput]!) { createDocuments(input: {sourceId: $s, documents: $d}) { receipts { outcome } } }',
      { s: source, d: [{ externalId: '1', text: 'Wings of birds.' }] },
    )
    await settled(source)
    requests = []
    const { data } = await ask(
      '{ search(query: "wings", mode: vector, limit: 50) { nodes { content vectorRank source { embeddingModel } } } }',
    )
    expect(requests).toEqual([{ authorization: 'Bearer the-key', input: ['wings'] }])
    const firsts = data.search.nodes.filter(({ vectorRank }: { vectorRank: number }) => vectorRank === 1)
    expect(firsts.map((hit: { source: { embeddingModel: string } }) => hit.source.embeddingModel).sort()).toEqual([
      'hashing-384',
      'meanings',
    ])
  })

  it('a source gets another embedding model in the background, and tells how far it is', async () => {
    const source = await createSource('moving')
    const used = await embeddingUse()
    await ask(
      'mutation ($s: UUID!, $d: [NewDocumentInput]!) { createDocuments(input: {sourceId: $s, documents: $d}) { receipts { outcome } } }',
      { s: source, d: [{ externalId: '1', text: 'Aircraft.' }] },
    )
    await settled(source)
    // the built-in model uses nothing
    expect(await used()).toEqual([])
    const change = `knowledgeSource { embeddingModel embeddingModelChange { model { name } chunkCount embeddedCount lastError } }`
    const begun = await ask(
      `mutation ($s: UUID!) { changeEmbeddingModel(input: {sourceId: $s, embeddingModel: "meanings"}) { ${change} } }`,
      { s: source },
    )
    // The worker may have embedded the chunk before the answer is read.
    expect(begun.data.changeEmbeddingModel.knowledgeSource).toEqual({
      embeddingModel: 'hashing-384',
      embeddingModelChange: {
        model: { name: 'meanings' },
        chunkCount: 1,
        embeddedCount: expect.toSatisfy((count) => count === 0 || count === 1),
        lastError: null,
      },
    })
    for (;;) {
      const { data } = await ask(
        'query ($s: UUID!) { knowledgeSource(id: $s) { embeddingModel embeddingModelChange { sourceId } } }',
        { s: source },
      )
      if (data.knowledgeSource.embeddingModelChange) continue
      expect(data.knowledgeSource.embeddingModel).toBe('meanings')
      break
    }
    expect(await used()).toEqual([{ tokens: 7, usd: 7, userId: null, texts: 1 }])
  })

  it('an endpoint that refuses fails the search with a code, words still search', async () => {
    const { data } = await ask('{ knowledgeSources(filter: {name: {equalTo: "meanings"}}) { nodes { id } } }')
    isDown = true
    const failed = await ask(
      'query ($s: [UUID]) { search(query: "wings", filter: {sourceIds: $s}) { nodes { title } } }',
      {
        s: [data.knowledgeSources.nodes[0].id],
      },
    )
    expect(failed.errors?.[0]?.extensions.code).toBe('SR412')
    expect(JSON.stringify(failed)).not.toContain('the-key')
    const words = await ask(
      'query ($s: [UUID]) { search(query: "flour", mode: bm25, filter: {sourceIds: $s}) { nodes { content } } }',
      { s: [data.knowledgeSources.nodes[0].id] },
    )
    expect(words.data.search.nodes).toEqual([{ content: 'Bread needs flour.' }])
    const facets = (mode: string) =>
      ask(
        `query ($s: [UUID]) { searchFacets(query: "flour", field: source${mode}, filter: {sourceIds: $s}) { nodes { hitCount } } }`,
        { s: [data.knowledgeSources.nodes[0].id] },
      )
    expect((await facets('')).data.searchFacets.nodes).toEqual([{ hitCount: 1 }])
    expect((await facets(', mode: hybrid')).errors?.[0]?.extensions.code).toBe('SR412')
    isDown = false
  })

  it('a job whose last try fails marks its documents, and a retry finishes them', async () => {
    const source = await createSource('unlucky', { embeddingModel: 'meanings' })
    isDown = true
    await ask(
      'mutation ($s: UUID!, $d: [NewDocumentInput]!) { createDocuments(input: {sourceId: $s, documents: $d}) { receipts { outcome } } }',
      { s: source, d: [{ externalId: '1', text: 'Aircraft.' }] },
    )
    // the queue would try ten times over an hour: this was the last
    for (;;) {
      const { rowCount } =
        await db.pool.query(`update graphile_worker._private_jobs set attempts = max_attempts - 1, run_at = now()
        where locked_at is null and attempts > 0 and task_id = (select id from graphile_worker._private_tasks where identifier = 'knowledge__embed_chunks')`)
      if (rowCount) break
    }
    expect(await settled(source)).toEqual({ completed: 0, failed: 1 })
    isDown = false
    expect(
      (await ask('mutation ($s: UUID!) { retryDocuments(input: {sourceId: $s}) { count } }', { s: source })).data
        .retryDocuments.count,
    ).toBe(1)
    expect(await settled(source)).toEqual({ completed: 1, failed: 0 })
  })
})

describe('a worker that was killed', () => {
  it('has its jobs taken up by one that lives', async () => {
    await db.pool.query(`select core.record_heartbeats(array['dead'], '30 seconds')`)
    await db.pool.query(
      `update core.worker_heartbeats set seen_at = now() - interval '1 minute' where worker_id = 'dead'`,
    )
    await db.pool.query(`select graphile_worker.add_job('held', '{}')`)
    await db.pool.query(
      `update graphile_worker._private_jobs set locked_by = 'dead', locked_at = now() where task_id = (select id from graphile_worker._private_tasks where identifier = 'held')`,
    )
    const { rows } = await db.pool.query(`select core.release_dead_workers(array['alive']) as released`)
    expect(rows).toEqual([{ released: 1 }])
    await db.pool.query(`select core.release_dead_workers(array['alive'])`)
    expect(
      (
        await db.pool.query(
          `select locked_by from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id where identifier = 'held'`,
        )
      ).rows,
    ).toEqual([{ locked_by: null }])
  })
})

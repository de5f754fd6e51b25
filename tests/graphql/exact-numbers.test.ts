// Numbers within JSON keep every digit from the request to the database and back.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
let source: string
beforeAll(async () => {
  server = await startTestServer(db.url)
  const { data } = await server.ask(
    'member@acme.test',
    'mutation { createKnowledgeSource(input: {knowledgeSource: {name: "numbers"}}) { knowledgeSource { id } } }',
  )
  source = data.createKnowledgeSource.knowledgeSource.id
})
afterAll(() => server?.close())

/** Sends the text of the variables and gives the text of the answer: JavaScript's own JSON would round both. */
async function send(query: string, variables: string, email = 'member@acme.test'): Promise<string> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await server.token(email)}` },
    body: `{"query": ${JSON.stringify(query)}, "variables": ${variables}}`,
  })
  return response.text()
}

const create = `mutation ($documents: [NewDocumentInput]!) {
  createDocuments(input: {sourceId: "SOURCE", documents: $documents}) { receipts { outcome error } } }`

async function storedMetadata(externalId: string, metadata: string): Promise<{ stored: string; answer: string }> {
  const documents = `[{"externalId": "${externalId}", "text": "x", "metadata": ${metadata}}]`
  const answer = await send(create.replace('SOURCE', source), `{"documents": ${documents}}`)
  expect(answer).toMatch(/"outcome":"(CREATED|REPLACED|UNCHANGED)"/i)
  const { rows } = await db.pool.query<{ metadata: string }>(
    'select metadata::text from app_public.documents where source_id = $1 and external_id = $2',
    [source, externalId],
  )
  return {
    stored: rows[0]?.metadata ?? '',
    answer: await send(
      'query ($id: UUID!) { knowledgeSource(id: $id) { documents(first: 100) { nodes { externalId metadata } } } }',
      `{"id": "${source}"}`,
    ),
  }
}

describe('a number within JSON', () => {
  it.each([
    ['an id above 2^53', '1146213870912942081'],
    ['a negative one', '-9007199254740993'],
    ['thirty digits behind the point', '0.123456789012345678901234567890'],
    ['trailing zeros', '1.10'],
    ['money', '1234567890123456.70'],
  ])('keeps %s as it was sent', async (name, number) => {
    const { stored, answer } = await storedMetadata(name, `{"n": ${number}, "deep": [{"n": ${number}}]}`)
    expect(stored).toContain(`"n": ${number}`)
    expect(stored).toContain(`"deep": [{"n": ${number}}]`)
    expect(answer).toContain(`{"n":${number},"deep":[{"n":${number}}]}`)
  })

  it('is written out when it had an exponent', async () => {
    const { answer } = await storedMetadata('exponent', '{"n": 1e3, "large": 1e400, "small": 1.5e-9}')
    expect(answer).toContain(`"n":1000`)
    expect(answer).toContain(`"large":1${'0'.repeat(400)}`)
    expect(answer).toContain(`"small":0.0000000015`)
  })

  it('too large for PostgreSQL is refused by name of the error, not by a crash', async () => {
    const documents = '[{"externalId": "huge", "text": "x", "metadata": {"n": 1e400000}}]'
    const answer = await send(create.replace('SOURCE', source), `{"documents": ${documents}}`)
    expect(JSON.parse(answer).errors[0].extensions.code).toMatch(/^22/)
  })

  it('keeps its digits as a literal of the query too', async () => {
    const query = `mutation { createDocuments(input: {sourceId: "${source}", documents: [
      {externalId: "literal", text: "x", metadata: {n: 1146213870912942081, list: [1.10, "1.10", true, null]}}]}) { receipts { outcome } } }`
    await send(query, '{}')
    const { rows } = await db.pool.query(
      `select metadata::text from app_public.documents where external_id = 'literal'`,
    )
    expect(rows[0].metadata).toBe('{"n": 1146213870912942081, "list": [1.10, "1.10", true, null]}')
  })

  it('is refused where it stands beside a variable, which would round it', async () => {
    const query = `mutation ($n: JSON) { createDocuments(input: {sourceId: "${source}", documents: [
      {externalId: "beside", text: "x", metadata: {n: NUMBER, other: $n}}]}) { receipts { outcome } } }`
    const answer = await send(query.replace('NUMBER', '1146213870912942081'), '{"n": 7.00}')
    expect(JSON.parse(answer).errors).toMatchObject([{ extensions: { code: 'WB402' } }])
    await send(query.replace('NUMBER', '12'), '{"n": 7.00}')
    const { rows } = await db.pool.query(`select metadata::text from app_public.documents where external_id = 'beside'`)
    expect(rows[0].metadata).toBe('{"n": 12, "other": 7.00}')
  })

  it('whatever decimal it is, comes back as it was sent', async () => {
    const digits = fc.stringMatching(/^[0-9]{1,40}$/)
    const decimal = fc.tuple(fc.boolean(), digits, fc.option(digits)).map(([minus, whole, part]) => {
      const text = `${whole.replace(/^0+(?=\d)/, '')}${part === null ? '' : `.${part}`}`
      // PostgreSQL's numeric has no negative zero
      return minus && /[1-9]/.test(text) ? `-${text}` : text
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(decimal, { minLength: 1, maxLength: 20 }), async (numbers) => {
        const list = `[${numbers.join()}]`
        run += 1
        const { answer } = await storedMetadata(`property ${run}`, `{"list": ${list}}`)
        expect(answer).toContain(`"metadata":{"list":${list}}`)
      }),
      { numRuns: 20, seed: 16 },
    )
  })
})

describe('other types', () => {
  it('get the digits where they take text', async () => {
    const query = `mutation ($limit: BigFloat!) { createUsageQuota(input: {usageQuota:
      {quotaType: documents, period: none, quotaLimit: $limit, isHardLimit: false}}) { usageQuota { quotaLimit } } }`
    expect(await send(query, '{"limit": 900719925474099301}', 'owner@acme.test')).toContain(
      '"quotaLimit":"900719925474099301"',
    )
  })

  it('of lists, such as vectors, are read as numbers although they end in zero', async () => {
    const vector = `[${Array(12_000).fill('0.10').join()}]`
    const answer = await send('query ($v: Vector!) { __typename }', `{"v": ${vector}}`)
    expect(answer).not.toContain('WB602')
    expect(answer).not.toContain('A Vector is')
  })
})

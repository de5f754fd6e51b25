// Files over HTTP: sent with a ticket, read as they were given. What goes wrong on the way leaves nothing behind.

import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { receiveFile } from '../../server/files.ts'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { startTestWorker } from '../helpers/worker.ts'

const db = useDatabase()
let server: TestServer
let source: string
const member = 'member@acme.test'
beforeAll(async () => {
  server = await startTestServer(db.url, { CORS_ORIGINS: 'https://app.test' })
  const { data } = await server.ask(
    member,
    'mutation { createKnowledgeSource(input: {knowledgeSource: {name: "files"}}) { knowledgeSource { id } } }',
  )
  source = data.createKnowledgeSource.knowledgeSource.id
})
afterAll(() => server.close())

const prepare = (
  person: string,
  file: { fileName: string; sizeBytes: number; externalId?: string; mediaType?: string },
) =>
  server.ask(
    person,
    `mutation ($input: PrepareUploadInput!) { prepareUpload(input: $input) { ticket { id expiresAt } } }`,
    { input: { sourceId: source, ...file } },
  )
async function ticketFor(fileName: string, sizeBytes: number, more: object = {}): Promise<string> {
  const { data, errors } = await prepare(member, { fileName, sizeBytes, ...more })
  if (errors) throw new Error(JSON.stringify(errors))
  return data.prepareUpload.ticket.id
}
const bearer = async (person: string) => ({ authorization: `Bearer ${await server.token(person)}` })
async function put(person: string, ticket: string, bytes: Uint8Array | string) {
  const response = await fetch(`${server.url}/files/${ticket}`, {
    method: 'PUT',
    headers: await bearer(person),
    body: bytes as Uint8Array<ArrayBuffer>,
  })
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  const body = (await response.json()) as any
  return { status: response.status, ...body, code: body.errors?.[0].extensions.code }
}
const get = async (person: string, id: string) => fetch(`${server.url}/files/${id}`, { headers: await bearer(person) })
const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { errors: { extensions: { code: string } }[] }).errors[0]?.extensions.code as string
const documentsNamed = async (externalId: string): Promise<number> =>
  Number(
    (await db.pool.query('select count(*) from app_public.documents where external_id = $1', [externalId])).rows[0]
      .count,
  )
/** A request whose body the test sends as it likes; without a length, unless one is told. */
async function open(ticket: string, headers: object = {}): Promise<ClientRequest> {
  const sent = request(`${server.url}/files/${ticket}`, {
    method: 'PUT',
    headers: { ...(await bearer(member)), ...headers },
  })
  sent.on('error', () => {})
  return sent
}
async function answerTo(sent: ClientRequest): Promise<{ status: number | undefined; code: string }> {
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, code: JSON.parse(text).errors?.[0].extensions.code }
}

describe('a file that is sent with a ticket', () => {
  it('becomes a document that is read, and can be had again as it was', async () => {
    const text = 'The pump is rinsed with saline. '.repeat(100)
    const ticket = await ticketFor('pump ä"1.txt', text.length)
    const sent = await put(member, ticket, text)
    expect(sent).toMatchObject({ status: 201, outcome: 'created', externalId: 'pump ä"1.txt' })

    const worker = await startTestWorker(db.url)
    const indexed = worker.nextJob('knowledge__index_documents')
    await indexed
    await worker.stop()
    const { data } = await server.ask(
      member,
      'query ($id: UUID!) { document(id: $id) { processingStatus processingError mediaType sizeBytes } }',
      { id: sent.documentId },
    )
    expect(data.document).toEqual({
      processingStatus: 'completed',
      processingError: null,
      mediaType: 'text/plain',
      sizeBytes: String(text.length),
    })

    const file = await get('viewer@acme.test', sent.documentId)
    expect(file.status).toBe(200)
    expect(await file.text()).toBe(text)
    expect(Object.fromEntries(file.headers)).toMatchObject({
      'content-type': 'text/plain',
      'content-length': String(text.length),
      'content-disposition': `attachment; filename="pump __1.txt"; filename*=UTF-8''pump%20%C3%A4%221.txt`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'private, no-store',
    })
  })

  it('is unchanged or replaces the one of its key', async () => {
    const send = async (text: string) =>
      (await put(member, await ticketFor('b.txt', text.length, { externalId: 'folder/b.txt' }), text)).outcome
    expect([await send('One.'), await send('One.'), await send('Two.')]).toEqual(['created', 'unchanged', 'replaced'])
  })

  it('may have any bytes, in any pieces', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 1 }), async (pieces) => {
        const whole = Buffer.concat(pieces)
        const ticket = { file_name: 'a.txt', media_type: null, size_bytes: whole.length }
        const received = await receiveFile(Readable.from(pieces.map((piece) => Buffer.from(piece))), ticket).catch(
          // some bytes are those of a picture
          ({ extensions }) => extensions.code,
        )
        if (received !== 'KN406') expect(Buffer.from(received.bytes).equals(whole)).toBe(true)
      }),
      { seed: 13, numRuns: 200 },
    ))
})

describe('a ticket', () => {
  it('is good for one file', async () => {
    const ticket = await ticketFor('once.txt', 4)
    expect((await put(member, ticket, 'One.')).status).toBe(201)
    expect(await put(member, ticket, 'One.')).toMatchObject({ status: 404, code: 'KN303' })
  })

  it('is good for one file when two are sent at once', async (context) => {
    needsServer(context)
    const ticket = await ticketFor('race.txt', 4)
    const sent = await Promise.all(['One.', 'Two.', 'Thr.'].map((text) => put(member, ticket, text)))
    expect(sent.map(({ status }) => status).toSorted()).toEqual([201, 404, 404])
  })

  it('of another tenant, of another person, that is unknown or has expired gives one and the same answer', async () => {
    const ticket = await ticketFor('mine.txt', 4)
    const expired = await ticketFor('late.txt', 4)
    await db.pool.query(`update knowledge.upload_tickets set expires_at = core.clock() where id = $1`, [expired])
    const answers = [
      await put('member@globex.test', ticket, 'One.'),
      await put('owner@acme.test', ticket, 'One.'),
      await put(member, crypto.randomUUID(), 'One.'),
      await put(member, expired, 'One.'),
    ]
    expect(answers.map(({ status, code }) => [status, code])).toEqual(Array(4).fill([404, 'KN303']))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect((await put(member, ticket, 'One.')).status).toBe(201)
  })

  it('is not given to viewers, and of no use to who has become one', async () => {
    expect((await prepare('viewer@acme.test', { fileName: 'a.txt', sizeBytes: 1 })).errors?.[0]?.extensions.code).toBe(
      'ID203',
    )
    const ticket = await ticketFor('demoted.txt', 4)
    const setRole = (role: string) =>
      db.pool.query('update app_public.user_tenants set role = $1 where tenant_id = $2 and user_id = $3', [
        role,
        db.acme.id,
        db.acme.member.userId,
      ])
    await setRole('viewer')
    const sent = await put(member, ticket, 'One.')
    await setRole('member')
    expect(sent).toMatchObject({ status: 403, code: 'ID203' })
    expect(await documentsNamed('demoted.txt')).toBe(0)
  })
})

describe('a file that is refused', () => {
  it.each([
    ['picture.png', Buffer.from('\x89PNG\r\n\x1a\n….', 'latin1'), 'a PNG picture'],
    ['report.pdf.exe', Buffer.from('MZ'), 'not supported'],
    ['rows.jsonl', Buffer.from('{}\n{}\n'), 'many documents'],
    ['fake.docx', Buffer.from('no archive'), 'not what its name says'],
  ])('%s is refused at the door, by its name', async (name, bytes, reason) => {
    const ticket = await ticketFor(name, bytes.length)
    const sent = await put(member, ticket, bytes)
    expect(sent).toMatchObject({ status: 415, code: 'KN406' })
    expect(sent.errors[0].message).toMatch(new RegExp(`^${name}: .*${reason}`))
    expect(await documentsNamed(name)).toBe(0)
  })

  it('a picture of 40 MB is refused by its first bytes', async () => {
    const size = 40 * 1024 * 1024
    const sent = await open(await ticketFor('big.png', size), { 'content-length': size })
    sent.write(Buffer.concat([Buffer.from('\x89PNG', 'latin1'), Buffer.alloc(100_000)]))
    expect(await answerTo(sent)).toEqual({ status: 415, code: 'KN406' })
    sent.destroy()
  })

  it('is one of another size than was said, and the ticket can be used again', async () => {
    const ticket = await ticketFor('size.txt', 4)
    expect(await put(member, ticket, 'Three.')).toMatchObject({ status: 400, code: 'KN405' })
    expect(await put(member, ticket, 'Tw')).toMatchObject({ status: 400, code: 'KN405' })
    const long = await open(ticket, { 'transfer-encoding': 'chunked' })
    long.write('One. And more that nobody has announced.')
    expect(await answerTo(long)).toEqual({ status: 400, code: 'KN405' })
    long.destroy()
    const short = await open(ticket, { 'transfer-encoding': 'chunked' })
    short.end('On')
    expect(await answerTo(short)).toEqual({ status: 400, code: 'KN405' })
    expect(await documentsNamed('size.txt')).toBe(0)
    expect((await put(member, ticket, 'One.')).status).toBe(201)
  })

  it.each([0, -1, 50 * 1024 * 1024 + 1])('is one of %i bytes, before it is sent', async (sizeBytes) => {
    const { errors } = await prepare(member, { fileName: 'a.txt', sizeBytes })
    expect(errors?.[0]?.extensions.code).toBe('KN404')
  })

  it('is one for which the quota has no room, before it is sent', async () => {
    await db.pool.query(
      `insert into app_public.usage_quotas (tenant_id, source, quota_type, period, quota_limit)
       values ($1, 'plan', 'storage', 'none', 10000000)`,
      [db.globex.id],
    )
    const owner = 'owner@globex.test'
    const created = await server.ask(
      owner,
      'mutation { createKnowledgeSource(input: {knowledgeSource: {name: "small"}}) { knowledgeSource { id } } }',
    )
    const sourceId = created.data.createKnowledgeSource.knowledgeSource.id
    const ask = (sizeBytes: number) =>
      server.ask(owner, 'mutation ($i: PrepareUploadInput!) { prepareUpload(input: $i) { ticket { id } } }', {
        i: { sourceId, fileName: 'big.txt', sizeBytes },
      })
    expect((await ask(10_000_001)).errors?.[0]).toMatchObject({
      message: expect.stringContaining('big.txt'),
      extensions: { code: 'QT601' },
    })
    expect((await ask(10_000_000)).errors).toBeUndefined()
  })
})

describe('a client', () => {
  it('that hangs up leaves nothing but its ticket, which is still good', async () => {
    const ticket = await ticketFor('broken.txt', 1000)
    const sent = await open(ticket, { 'content-length': 1000 })
    sent.write('x'.repeat(500))
    await once(sent, 'socket')
    while (server.busyConnections() > 0) await setImmediate()
    sent.destroy()
    expect(await documentsNamed('broken.txt')).toBe(0)
    expect((await put(member, ticket, 'x'.repeat(1000))).status).toBe(201)
  })

  it('that says nothing more is cut off', async () => {
    const silent = new Readable({ read() {} })
    silent.push('On')
    const ticket = { file_name: 'a.txt', media_type: null, size_bytes: 4 }
    await expect(receiveFile(silent, ticket, 1)).rejects.toThrow('Nothing more came')
    expect(silent.destroyed).toBe(true)
  })

  it('that sends many at once is served by and by, and holds no connections meanwhile', async (context) => {
    needsServer(context)
    const size = 100_000
    const stalled = await Promise.all(
      [1, 2].map(async (n) => {
        const sent = await open(await ticketFor(`stalled ${n}.txt`, size), { 'content-length': size })
        sent.write('x'.repeat(size - 1))
        return sent
      }),
    )
    const waiting = await Promise.all(
      Array.from({ length: 6 }, (_, n) => ticketFor(`waiting ${n}.txt`, size).then((id) => open(id, {}))),
    )
    const answers = waiting.map(answerTo)
    for (const sent of waiting) sent.end('y'.repeat(size))
    expect((await server.ask(member, '{ currentTenant { slug } }')).data.currentTenant.slug).toBe('acme')
    for (const sent of stalled) sent.end('x')
    expect((await Promise.all(stalled.map(answerTo))).map(({ status }) => status)).toEqual([201, 201])
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(6).fill(201))
  })

  it('without a token, with another method or a name that is none is turned away', async () => {
    const id = crypto.randomUUID()
    expect((await fetch(`${server.url}/files/${id}`)).status).toBe(401)
    expect((await fetch(`${server.url}/files/${id}`, { method: 'PUT', body: 'x' })).status).toBe(401)
    const posted = await fetch(`${server.url}/files/${id}`, { method: 'POST', headers: await bearer(member) })
    expect([posted.status, posted.headers.get('allow'), await codeOf(posted)]).toEqual([405, 'GET, PUT', 'WB407'])
    for (const name of ['x', '..%2f..%2fetc%2fpasswd', `${id}/x`, `${id}'`]) {
      const missing = await get(member, name)
      expect([missing.status, await codeOf(missing)]).toEqual([404, 'WB301'])
    }
  })

  it('may be a page of an allowed origin', async () => {
    const preflight = await fetch(`${server.url}/files/${crypto.randomUUID()}`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.test', 'access-control-request-method': 'PUT' },
    })
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, PUT')
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.test')
  })
})

describe('a file that is read', () => {
  const send = async (name: string, bytes: Uint8Array | string, more: object = {}): Promise<string> =>
    (await put(member, await ticketFor(name, bytes.length, more), bytes)).documentId

  it('is not there for another tenant, nor is one of a document that was given as text', async () => {
    const id = await send('wall.txt', 'One.')
    const { data } = await server.ask(
      member,
      `mutation ($s: UUID!) { createDocuments(input: {sourceId: $s, documents: [{externalId: "t", text: "x"}]}) { receipts { documentId } } }`,
      { s: source },
    )
    const answers = [
      await get('owner@globex.test', id),
      await get(member, data.createDocuments.receipts[0].documentId),
      await get(member, crypto.randomUUID()),
    ]
    for (const answer of answers) expect([answer.status, await codeOf(answer)]).toEqual([404, 'KN304'])
  })

  it('has all its bytes, of more than one part', async () => {
    const bytes = Buffer.concat([
      Buffer.from('%PDF-'),
      crypto.getRandomValues(new Uint8Array(60_000)),
      Buffer.alloc(2_500_000, 'ä'),
    ])
    const file = await get(member, await send('parts.pdf', bytes))
    expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true)
  })

  it('is never shown as a page', async () => {
    const file = await get(member, await send('evil.html', '<script>1</script>', { mediaType: 'text/html; x="\\"' }))
    expect(file.headers.get('content-type')).toBe('text/html')
    expect(file.headers.get('content-disposition')).toMatch(/^attachment;/)
    expect(file.headers.get('content-security-policy')).toContain('sandbox')
  })

  it('is whole or broken when it is replaced meanwhile', async () => {
    const id = await send('changed.txt', 'One.')
    await db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const part = 'select knowledge.part_of_file($1, $2, 0, 100)'
      const hash = await t.value('select content_hash from knowledge.original_file($1)', [id])
      expect(String(await t.value(part, [id, hash]))).toBe('One.')
      expect(await t.value(part, [id, Buffer.alloc(32)])).toBeNull()
    })
  })
})

describe('tickets that nobody used', () => {
  it('are forgotten when they have expired', async () => {
    await ticketFor('kept.txt', 4)
    const expired = await ticketFor('forgotten.txt', 4)
    await db.pool.query('update knowledge.upload_tickets set expires_at = core.clock() where id = $1', [expired])
    await db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      expect(await t.value('select knowledge.delete_expired_tickets()')).toBeGreaterThan(0)
      await t.becomeSuperuser()
      expect(await t.query('select from knowledge.upload_tickets where expires_at <= core.clock()')).toEqual([])
      expect(await t.query(`select from knowledge.upload_tickets where file_name = 'kept.txt'`)).toHaveLength(1)
    })
  })

  it('are at most 1,000 for a source', () =>
    db.inTransaction(async (t) => {
      await t.query(
        `insert into knowledge.upload_tickets (tenant_id, user_id, source_id, external_id, file_name, size_bytes, metadata, expires_at)
         select $1, $2, $3, n, n, 1, '{}', 'infinity' from generate_series(1, 1000) n`,
        [db.acme.id, db.acme.member.userId, source],
      )
      await t.become(db.acme.member)
      expect(await t.errorCode(`select app_public.prepare_upload($1, 'a.txt', 1)`, [source])).toBe('KN601')
    }))
})

// The tasks of the audit and npm run audit: anchors outside of the database, the stream to a SIEM, export and verification.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSigner } from '../../server/audit/signing.ts'
import { createPool } from '../../server/database.ts'
import { cloneTemplate, needsServer, useDatabase } from '../helpers/index.ts'
import { run } from '../helpers/processes.ts'
import { runTask } from '../helpers/tasks.ts'

const db = useDatabase()
const key = 'ab'.repeat(32)
const publicKey = createSigner(key).publicKey.toString('hex')
const before = { ...process.env }
let folder = ''
let worker: pg.Pool

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-audit-'))
  worker = createPool(db.url, 'rowhouse_worker', 2)
})
afterAll(async () => {
  await worker.end()
  await rm(folder, { recursive: true })
})
beforeEach(() => {
  process.env = { ...before, NODE_ENV: 'test', AUDIT_SIGNING_KEY: key }
  return () => {
    process.env = before
  }
})

const record = (operation: string): Promise<unknown> =>
  db.pool.query(`select audit.record('system', $2, $1)`, [db.acme.id, operation])

/** Runs the task until what is there now is sealed: a transaction that runs may hold it up. */
async function sealAll(): Promise<void> {
  const { rows } = await db.pool.query('select max(id) as id from audit.ledger')
  for (let tries = 0; tries < 5000; tries += 1) {
    await runTask(worker, 'audit__seal')
    const state = await db.pool.query('select sealed_id >= $1 as done from audit.seal_state', [rows[0].id])
    if (state.rows[0].done) return
  }
}

const linesOf = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).trim().split('\n')

/** A server that keeps what it is sent, and answers with a status. */
async function listen(
  status: () => number,
): Promise<{ url: string; bodies: string[]; accepted: string[]; close: () => void }> {
  const bodies: string[] = []
  const accepted: string[] = []
  const server = createHttpServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      bodies.push(body)
      response.statusCode = status()
      if (response.statusCode < 300) accepted.push(body)
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    bodies,
    accepted,
    close: () => server.close(),
  }
}

describe('heads', () => {
  it('are signed and written to a file, an address and another database', async (context) => {
    needsServer(context, 'another database')
    const elsewhere = await cloneTemplate()
    const http = await listen(() => 204)
    const file = join(folder, 'anchor.jsonl')
    process.env.AUDIT_ANCHORS = [pathToFileURL(file).href, http.url, elsewhere.url].join(',')
    try {
      await record('first')
      await sealAll()
      const inFile = await linesOf(file)
      expect(inFile.length).toBeGreaterThan(0)
      expect(http.bodies.join('').trim().split('\n')).toEqual(inFile)
      const client = new pg.Client({ connectionString: elsewhere.url })
      await client.connect()
      const { rows } = await client.query('select line from rowhouse_audit_anchor order by received_at, line')
      await client.end()
      expect(rows.map(({ line }) => line).sort()).toEqual([...inFile].sort())
      const heads = await db.pool.query(`select encode(head, 'hex') as head from audit.batches order by sequence`)
      expect(inFile.map((line) => JSON.parse(line).head)).toEqual(heads.rows.map(({ head }) => head))
    } finally {
      http.close()
      await elsewhere.drop()
    }
  })

  it('reach the other anchors when one is away, and that one later', async () => {
    let status = 500
    const http = await listen(() => status)
    const file = join(folder, 'other.jsonl')
    process.env.AUDIT_ANCHORS = [http.url, pathToFileURL(file).href].join(',')
    try {
      await record('second')
      await expect(sealAll()).rejects.toThrow('answered 500')
      status = 200
      await sealAll()
      expect(http.accepted.join('').trim().split('\n')).toEqual(await linesOf(file))
    } finally {
      http.close()
    }
  })
})

describe('the stream', () => {
  it('sends each entry in order, once more when the answer was lost, and then only new ones', async () => {
    const answers = [500]
    const http = await listen(() => answers.shift() ?? 200)
    process.env.AUDIT_STREAM = http.url
    try {
      await record('streamed')
      await sealAll()
      await expect(runTask(worker, 'audit__stream')).rejects.toThrow('answered 500')
      await runTask(worker, 'audit__stream')
      expect(http.bodies[1]).toBe(http.bodies[0])
      const ids = http.bodies
        .slice(1)
        .flatMap((body) => body.trim().split('\n'))
        .map((line) => JSON.parse(line).id)
      const { rows } = await db.pool.query('select id::int from audit.ledger order by id')
      expect(ids).toEqual(rows.map(({ id }) => id))
      const sent = http.bodies.length
      await runTask(worker, 'audit__stream')
      expect(http.bodies).toHaveLength(sent)
    } finally {
      http.close()
    }
  })

  it('speaks syslog over TCP, each message framed by its length', async () => {
    let received = ''
    const server = createServer((socket) => {
      socket.on('data', (chunk) => {
        received += chunk
      })
      socket.on('end', () => socket.end())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    process.env.AUDIT_STREAM = `syslog://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      await sealAll()
      await runTask(worker, 'audit__stream')
      const [, length = '', rest = ''] = /^(\d+) ([\s\S]*)$/.exec(received) ?? []
      const first = Buffer.from(rest).subarray(0, Number(length)).toString()
      expect(first).toMatch(/^<110>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ rowhouse - \d+ - \{.*\}$/)
    } finally {
      server.close()
    }
  })
})

describe('npm run audit', () => {
  const audit = (...args: string[]) => run('scripts/audit.ts', args, { DATABASE_URL: db.url, AUDIT_SIGNING_KEY: key })

  it('exports what verifies without a database, and names what was changed or cut off', async (context) => {
    needsServer(context, 'DATABASE_URL names a server')
    const anchor = join(folder, 'cli.jsonl')
    process.env.AUDIT_ANCHORS = pathToFileURL(anchor).href
    for (const operation of ['cli_1', 'cli_2']) {
      await record(operation)
      await sealAll()
    }
    const exported = (await audit('export', '--tenant', 'acme')).output
    const verify = async (text: string, ...more: string[]) => {
      const file = join(folder, 'export.jsonl')
      await writeFile(file, text)
      return run('scripts/audit.ts', ['verify', '--export', file, '--key', publicKey, ...more], {})
    }
    expect(await verify(exported, '--anchor', anchor)).toMatchObject({ code: 0 })
    expect(await verify(exported.replace('cli_1', 'cli_9'))).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^altered: tenant [0-9a-f-]+, batch \d+, entry \d+$/m),
    })
    const tail = exported.slice(0, exported.lastIndexOf('{"batch"'))
    expect(await verify(tail)).toMatchObject({ code: 0, output: expect.stringContaining('Without an anchor nobody') })
    expect(await verify(tail, '--anchor', anchor)).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^truncated: tenant /m),
    })
  })

  it('proves one entry, and checks the proof without a database', async (context) => {
    needsServer(context, 'DATABASE_URL names a server')
    await record('proven')
    await sealAll()
    const { rows } = await db.pool.query(`select id from audit.ledger where operation = 'proven'`)
    const proof = join(folder, 'proof.json')
    await writeFile(proof, (await audit('proof', '--tenant', 'acme', '--entry', rows[0].id)).output)
    expect(await run('scripts/audit.ts', ['check-proof', proof, '--key', publicKey], {})).toMatchObject({ code: 0 })
    await writeFile(proof, (await readFile(proof, 'utf8')).replace('proven', 'forged'))
    expect(await run('scripts/audit.ts', ['check-proof', proof, '--key', publicKey], {})).toMatchObject({ code: 1 })
    expect((await audit('anchors')).output).toContain(publicKey)
  })

  it('says how it is used', async () => {
    expect(await run('scripts/audit.ts', [], {})).toMatchObject({ code: 1, output: expect.stringContaining('Usage:') })
  })
})

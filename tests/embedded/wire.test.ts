// What clients other than pg do on the wire, and what a broken or a greedy one does: it hurts only itself.

import { spawn, spawnSync } from 'node:child_process'
import pg from 'pg'
import { serialize } from 'pg-protocol'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedEngine, openEmbeddedEngine } from '../../server/embedded-engine.ts'
import { names, openWire, values, type Wire } from './wire.ts'

let engine: EmbeddedEngine
let other: Wire
const wires: Wire[] = []
beforeAll(async () => {
  engine = await openEmbeddedEngine({ idleInTransactionTimeoutMs: 300 })
  other = await openWire(engine.connectionString)
  other.write(serialize.query('create table t (id int, note text); create sequence served'))
  await other.answer()
})
afterEach(() => {
  for (const { socket } of wires.splice(0)) socket.destroy()
})
afterAll(async () => {
  other.socket.destroy()
  await engine.close()
})

async function wire(): Promise<Wire> {
  const opened = await openWire(engine.connectionString)
  wires.push(opened)
  return opened
}
async function othersGoOn(): Promise<void> {
  other.write(serialize.query('select 42'))
  expect(values(await other.answer())).toEqual(['42'])
}
const { parse, bind, describe: describePart, execute, close, sync, flush, query } = serialize
const errorOf = (messages: Awaited<ReturnType<Wire['answer']>>) => messages.find(({ name }) => name === 'error')?.code

describe('a pipeline', () => {
  it('may arrive in pieces of any size', async () => {
    const client = await wire()
    client.socket.setNoDelay(true)
    const bytes = Buffer.concat([parse({ text: `select 'whole'` }), bind(), execute(), sync()])
    for (const byte of bytes) {
      await new Promise((written) => client.socket.write(Buffer.from([byte]), written))
    }
    expect(values(await client.answer())).toEqual(['whole'])
  })

  it('with an error is skipped up to its Sync, and only that far', async () => {
    const client = await wire()
    client.write(
      ...[parse({ text: 'select 1 / 0' }), bind(), execute(), parse({ text: 'select 1' }), bind(), execute(), sync()],
      ...[parse({ text: 'select 2' }), bind(), execute(), sync()],
    )
    const first = await client.answer()
    expect(errorOf(first)).toBe('22012')
    expect(values(first)).toEqual([])
    expect(values(await client.answer())).toEqual(['2'])
  })

  it('belongs to one client until its Sync, though it waits for answers in between', async () => {
    const client = await wire()
    client.write(parse({ text: `insert into t values (1, 'never')` }), bind(), execute(), flush())
    other.write(query('select count(*) from t'))
    client.write(parse({ text: 'select 1 / 0' }), bind(), execute(), sync())
    expect(errorOf(await client.answer())).toBe('22012')
    expect(values(await other.answer())).toEqual(['0'])
  })

  it('that never ends is ended, so that nobody holds up everybody', async () => {
    const client = await wire()
    client.write(parse({ text: `insert into t values (1, 'never')` }), bind(), execute(), flush())
    other.write(query('select count(*) from t'))
    expect(values(await other.answer())).toEqual(['0'])
    expect(errorOf(await client.answer())).toBe('25P03')
  })

  it('after pipeline of one client does not keep the others waiting', async () => {
    const client = await wire()
    const count = 5_000
    client.write(...Array.from({ length: count }, () => query(`select nextval('served')`)))
    other.write(query('select last_value from served'))
    expect(Number(values(await other.answer())[0])).toBeLessThan(count)
    for (let i = 1; i <= count; i += 1) expect(values(await client.answer())).toEqual([String(i)])
  })
})

describe('a prepared statement', () => {
  it.each(['', 'named'])('called "%s" outlives the turns of others', async (name) => {
    const client = await wire()
    client.write(parse({ name, text: `select 'mine'` }), describePart({ type: 'S', name }), sync())
    expect(names(await client.answer())).toContain('parseComplete')
    other.write(parse({ name, text: `select 'another'` }), sync())
    await other.answer()
    client.write(bind({ statement: name }), execute(), sync())
    const answer = await client.answer()
    expect(values(answer)).toEqual(['mine'])
    expect(names(answer)).not.toContain('parseComplete')
  })

  it('is gone when it was closed, and when it could not be parsed', async () => {
    const client = await wire()
    client.write(parse({ name: 'closed', text: 'select 1' }), close({ type: 'S', name: 'closed' }), sync())
    await client.answer()
    client.write(parse({ name: 'wrong', text: 'selec' }), sync())
    expect(errorOf(await client.answer())).toBe('42601')
    for (const statement of ['closed', 'wrong']) {
      await othersGoOn()
      client.write(bind({ statement }), execute(), sync())
      expect(errorOf(await client.answer())).toBe('26000')
    }
  })

  it('that no longer fits the tables fails as on a server', async () => {
    const client = await wire()
    client.write(query('create table short_lived ()'), parse({ name: 's', text: 'select from short_lived' }), sync())
    await client.answer()
    await client.answer()
    other.write(query('drop table short_lived'))
    await other.answer()
    client.write(bind({ statement: 's' }), execute(), sync())
    expect(errorOf(await client.answer())).toBe('42P01')
    client.write(query('select 1'))
    expect(values(await client.answer())).toEqual(['1'])
  })
})

describe('a client', () => {
  it('that does not read is not served beyond what it can hold, and gets all of it later', async () => {
    const client = await wire()
    other.write(query(`select setval('served', 1)`))
    await other.answer()
    client.socket.pause()
    const count = 30
    const large = query(`select repeat('x', 4000000) from (select nextval('served')) as s`)
    client.write(...Array.from({ length: count }, () => large))
    const served = async () => {
      other.write(query('select last_value from served'))
      return Number(values(await other.answer())[0])
    }
    await expect.poll(served).toBeGreaterThan(1)
    await othersGoOn()
    expect(await served()).toBeLessThan(count)
    client.socket.resume()
    for (let i = 0; i < count; i += 1) expect((values(await client.answer())[0] as string).length).toBe(4_000_000)
  })

  it.each([
    ['an unknown type of message', Buffer.from('z\0\0\0\x04')],
    ['a Sync of two gigabytes', Buffer.from([0x53, 0x7f, 0xff, 0xff, 0xff])],
    ['a Describe longer than the engine takes', Buffer.from([0x44, 0, 0, 0x50, 0])],
    ['a second start-up', serialize.startup({ user: 'postgres' })],
  ])('that sends %s is sent away', async (_name, bytes) => {
    const client = await wire()
    client.write(bytes)
    expect(errorOf(await client.answer())).toBe('08P01')
    await othersGoOn()
  })

  it('that sends a message with nonsense in it gets an error, and may go on', async () => {
    const client = await wire()
    client.write(Buffer.from([0x42, 0, 0, 0, 8, 1, 2, 3, 4]), sync())
    expect(errorOf(await client.answer())).toBe('08P01')
    client.write(Buffer.from([0x46, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
    expect(errorOf(await client.answer())).toBe('42883')
    client.write(serialize.copyData(Buffer.from('outside of a copy')), serialize.copyDone(), query('select 1'))
    expect(values(await client.answer())).toEqual(['1'])
  })

  it('with a long message instead of a password is sent away before it is read', async () => {
    const url = new URL(engine.connectionString)
    url.password = 'x'.repeat(20_000)
    await expect(openWire(url.toString()).then(({ answer }) => answer())).resolves.toEqual([])
    await othersGoOn()
  })
})

describe('psql', () => {
  it('describes tables and copies in both directions', async (context) => {
    if (spawnSync('psql', ['--version']).error) context.skip('psql is not installed')
    const { code, output } = await runPsql(
      `create table p (id int primary key, note text);\n\\d p\n\\copy p from stdin\n1\tone\n2\ttwo\n\\.\n` +
        `begin;\ncopy p from stdin;\n3\tthree\n\\.\ncommit;\n\\copy p to stdout\n`,
    )
    expect(output).toContain('note|text')
    expect(output).toContain('1\tone\n2\ttwo\n3\tthree')
    expect(code).toBe(0)
  })
})

/** Without waiting in this thread, where the engine runs. */
async function runPsql(input: string): Promise<{ code: number | null; output: string }> {
  const child = spawn('psql', ['-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', engine.connectionString])
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output }
}

describe('a crash of the engine', () => {
  it('ends one whose data was in memory, and says so to everybody', async () => {
    const doomed = await openEmbeddedEngine({})
    const [culprit, witness] = [await openWire(doomed.connectionString), await openWire(doomed.connectionString)]
    culprit.write(query(`select repeat('[', 1000000)::jsonb`))
    expect(errorOf(await culprit.answer())).toBe('XX000')
    expect(errorOf(await witness.answer())).toBe('57P02')
    await expect(new pg.Client({ connectionString: doomed.connectionString }).connect()).rejects.toThrow('ECONNREFUSED')
    await doomed.close()
  })

  it('is no danger of endless recursion', async () => {
    const client = await wire()
    client.write(
      query(`create function endless(i int) returns int language plpgsql as 'begin return endless(i + 1); end'`),
      query('select endless(1)'),
      query(`select ${'1 + '.repeat(50_000)} 1`),
    )
    await client.answer()
    expect(errorOf(await client.answer())).toBe('54001')
    expect(errorOf(await client.answer())).toBe('54001')
    await othersGoOn()
  })
})

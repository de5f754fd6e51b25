// The engine on a data directory: one owner at a time, found by others, and what is committed outlives the process.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { EngineInUseError, findRunningEngine, openEmbeddedEngine } from '../../server/embedded-engine.ts'

let directory: string
const children: ChildProcess[] = []
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rowhouse-engine-'))
})
afterEach(() => Promise.all(children.splice(0).map(kill)))
afterAll(() => rm(directory, { recursive: true, maxRetries: 10 }))

function startOwner(where: string): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'owner.ts'), where], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

async function rowsOf(connectionString: string, text: string, values: unknown[] = []): Promise<pg.QueryResultRow[]> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

it('belongs to one owner at a time, however many try at once', async () => {
  const attempts = await Promise.allSettled([1, 2, 3].map(() => openEmbeddedEngine({ directory })))
  const opened = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
  const refused = attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason] : []))
  expect(opened).toHaveLength(1)
  for (const reason of refused) expect(reason).toBeInstanceOf(EngineInUseError)
  expect(await findRunningEngine(directory)).toMatchObject({
    pid: process.pid,
    connectionString: opened[0]?.connectionString,
  })
  await opened[0]?.close()
  expect(await findRunningEngine(directory)).toBeUndefined()
})

it('keeps its data and its password, which only the owner of the files can read', async () => {
  const note = randomUUID()
  const first = await openEmbeddedEngine({ directory })
  await rowsOf(first.connectionString, 'create table kept as select $1::text as note', [note])
  for (const name of ['engine.json', 'password']) expect((await stat(join(directory, name))).mode & 0o077).toBe(0)
  await first.close()
  const second = await openEmbeddedEngine({ directory })
  expect(await rowsOf(second.connectionString, 'select note from kept')).toEqual([{ note }])
  expect(new URL(second.connectionString).password).toBe(new URL(first.connectionString).password)
  await second.close()
})

it('lets a transaction that is open at the end finish', async () => {
  const engine = await openEmbeddedEngine({ directory })
  const client = new pg.Client({ connectionString: engine.connectionString })
  client.on('error', () => {})
  await client.connect()
  await client.query('begin')
  await client.query('create table finished ()')
  const closed = engine.close()
  await client.query('commit')
  await closed
  const next = await openEmbeddedEngine({ directory })
  expect(await rowsOf(next.connectionString, `select to_regclass('finished')::text as name`)).toEqual([
    { name: 'finished' },
  ])
  await next.close()
})

it('is found and reached by other processes, which wait while it is being started', async () => {
  const fresh = await mkdtemp(join(tmpdir(), 'rowhouse-engine-'))
  const drafted = fileAppears(fresh, 'data-new-')
  const child = startOwner(fresh)
  await drafted
  await expect(openEmbeddedEngine({ directory: fresh })).rejects.toThrow(EngineInUseError)
  const found = await findRunningEngine(fresh)
  expect(found?.pid).toBe(child.pid)
  expect(await rowsOf(found?.connectionString ?? '', 'select 1 as one')).toEqual([{ one: 1 }])
  await kill(child)
  await rm(fresh, { recursive: true })
})

it('has every committed row, and no half batch, after kill -9 amid writes', async () => {
  let committed = 0
  for (let round = 0; round < 4; round += 1) {
    const child = startOwner(directory)
    let count = 0
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      committed = Number(line.slice('committed '.length))
      // sometimes right after a checkpoint, sometimes long after
      if (++count === 15 + round * 10) child.kill('SIGKILL')
    }
    await kill(child)
    expect(count).toBeGreaterThan(10)
    expect(await findRunningEngine(directory)).toBeUndefined()
  }
  const engine = await openEmbeddedEngine({ directory })
  const [found] = await rowsOf(
    engine.connectionString,
    `select max(batch) >= $1 as has_all, bool_and(size = 10) as is_whole,
            sum(size)::int = (select count(*)::int from written where note > '') as has_index
       from (select batch, count(*) as size from written group by batch) as batches`,
    [committed],
  )
  expect(found).toEqual({ has_all: true, is_whole: true, has_index: true })
  await engine.close()
})

it('is made whole by the next start when the first is killed amid initdb', async () => {
  const fresh = await mkdtemp(join(tmpdir(), 'rowhouse-engine-'))
  const drafted = fileAppears(fresh, 'data-new-')
  const child = startOwner(fresh)
  await drafted
  await kill(child)
  expect(await readdir(fresh)).not.toContain('data')
  const engine = await openEmbeddedEngine({ directory: fresh })
  expect(await rowsOf(engine.connectionString, 'select 1 as one')).toEqual([{ one: 1 }])
  await engine.close()
  await rm(fresh, { recursive: true, maxRetries: 20 })
})

it('survives a statement that crashes the engine, which nobody but its client notices', async () => {
  const engine = await openEmbeddedEngine({ directory })
  await rowsOf(engine.connectionString, `create table crashed as select 'committed' as note`)
  const other = new pg.Client({ connectionString: engine.connectionString, options: '-c rowhouse.mark=mine' })
  await other.connect()
  await other.query({ name: 's', text: `select current_setting('rowhouse.mark') as mark` })
  // PostgreSQL's check of its stack does not see V8's
  await expect(
    rowsOf(engine.connectionString, `insert into crashed values ('half done'); select repeat('[', 1000000)::jsonb`),
  ).rejects.toMatchObject({ code: 'XX000' })
  expect((await other.query('select note from crashed')).rows).toEqual([{ note: 'committed' }])
  expect((await other.query({ name: 's', text: `select current_setting('rowhouse.mark') as mark` })).rows).toEqual([
    { mark: 'mine' },
  ])
  await other.end()
  await engine.close()
})

it('writes a checkpoint by itself when much was written', async () => {
  const engine = await openEmbeddedEngine({ directory })
  const redo = async () =>
    (await rowsOf(engine.connectionString, 'select redo_lsn::text from pg_control_checkpoint()'))[0]?.redo_lsn
  const before = await redo()
  await rowsOf(
    engine.connectionString,
    `create table much as select repeat(md5(i::text), 60) as t from generate_series(1, 20000) i`,
  )
  await expect.poll(redo, { timeout: 20_000, interval: 250 }).not.toBe(before)
  await engine.close()
})

it('sets a database aside that is incomplete, and says in words that one is damaged', async () => {
  const fresh = await mkdtemp(join(tmpdir(), 'rowhouse-engine-'))
  await (await openEmbeddedEngine({ directory: fresh })).close()
  await rm(join(fresh, 'data', 'global', 'pg_control'))
  const engine = await openEmbeddedEngine({ directory: fresh })
  expect(await rowsOf(engine.connectionString, 'select 1 as one')).toEqual([{ one: 1 }])
  await engine.close()
  expect((await readdir(fresh)).filter((name) => name.startsWith('data-incomplete-'))).toHaveLength(1)
  await writeFile(join(fresh, 'data', 'global', 'pg_control'), 'damaged')
  await expect(openEmbeddedEngine({ directory: fresh })).rejects.toThrow(/cannot be opened: it is damaged/)
  await rm(fresh, { recursive: true, maxRetries: 20 })
})

function fileAppears(where: string, prefix: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(where, (_event, name) => {
      if (!name?.startsWith(prefix)) return
      watcher.close()
      resolve()
    })
  })
}

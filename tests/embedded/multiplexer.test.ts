// Many connections on the embedded engine's one session: nobody notices the others, and nobody can stop them.

import { connect, type Socket } from 'node:net'
import { Logger, runMigrations, run as runWorker } from 'graphile-worker'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedEngine, openEmbeddedEngine } from '../../server/embedded-engine.ts'

let engine: EmbeddedEngine
const open: pg.Client[] = []
beforeAll(async () => {
  engine = await openEmbeddedEngine({ idleInTransactionTimeoutMs: 300 })
  const client = await connected()
  await client.query('create table t (id int primary key, note text); create role reader; grant select on t to reader')
})
afterEach(() => Promise.all(open.splice(0).map((client) => client.end().catch(() => {}))))
afterAll(() => engine.close())

async function connected(options = ''): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: engine.connectionString, options })
  client.on('error', () => {})
  await client.connect()
  open.push(client)
  return client
}
const value = async (client: pg.Client, text: string, values?: unknown[]): Promise<unknown> =>
  Object.values((await client.query(text, values)).rows[0] ?? {})[0]

describe('pipelines', () => {
  it('of many clients interleave without crossing', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => connected()))
    const answers = await Promise.all(
      clients.flatMap((client, i) =>
        Array.from({ length: 50 }, async (_, j) => [i * 50 + j, await value(client, 'select $1::int', [i * 50 + j])]),
      ),
    )
    expect(answers).toHaveLength(1000)
    for (const [sent, received] of answers) expect(received).toBe(sent)
  })

  it('with an error answer for that statement only, and the next one works', async () => {
    const client = await connected()
    await expect(client.query('select $1::int / 0', [1])).rejects.toMatchObject({ code: '22012' })
    await expect(client.query('selec 1')).rejects.toMatchObject({ code: '42601' })
    expect(await value(client, 'select $1::int', [5])).toBe(5)
  })

  it('with large results come through whole', async () => {
    const client = await connected()
    const { rows } = await client.query<{ t: string }>(
      `select repeat(chr(97 + i % 26), 1000000) as t from generate_series(1, 30) i`,
    )
    expect(rows.reduce((sum, { t }) => sum + t.length, 0)).toBe(30_000_000)
    const many = await client.query('select i from generate_series(1, 100000) i')
    expect(many.rows).toHaveLength(100_000)
  })

  it('with large parameters go in whole, in whatever pieces they arrive', async () => {
    const client = await connected()
    const text = 'ü'.repeat(3_000_000)
    expect(await value(client, 'select length($1)', [text])).toBe(3_000_000)
  })

  it('with prepared statements of the same name are each client’s own', async () => {
    const [a, b] = [await connected(), await connected()]
    for (let i = 0; i < 3; i += 1) {
      expect((await a.query({ name: 's', text: 'select 1 as one' })).rows).toEqual([{ one: 1 }])
      expect((await b.query({ name: 's', text: 'select 2 as two' })).rows).toEqual([{ two: 2 }])
    }
  })
})

describe('transactions', () => {
  it('of two clients never mix', async () => {
    const run = async (client: pg.Client, offset: number): Promise<void> => {
      for (let i = 0; i < 10; i += 1) {
        await client.query('begin')
        await client.query('insert into t values ($1, $2)', [offset + i, 'x'])
        const seen = await value(client, 'select count(*)::int from t where id < 0 or id >= 1000')
        expect(seen).toBe(0)
        await client.query(i % 2 ? 'commit' : 'rollback')
      }
    }
    const clients = [await connected(), await connected(), await connected()]
    await Promise.all(clients.map((client, i) => run(client, i * 100)))
    expect(await value(await connected(), 'select count(*)::int from t')).toBe(15)
    await (clients[0] as pg.Client).query('delete from t')
  })

  it('of a client that vanishes are rolled back, and the others go on', async () => {
    const gone = await connected()
    await gone.query('begin')
    await gone.query(`insert into t values (1, 'never')`)
    const waiting = value(await connected(), 'select count(*)::int from t')
    ;(gone as unknown as { connection: { stream: Socket } }).connection.stream.destroy()
    expect(await waiting).toBe(0)
  })

  it('of a client that vanishes in the middle of a statement are rolled back', async () => {
    const gone = await connected()
    await gone.query('begin')
    const running = gone.query(`insert into t select i, 'never' from generate_series(1, 50000) i`).catch(() => {})
    ;(gone as unknown as { connection: { stream: Socket } }).connection.stream.destroy()
    expect(await value(await connected(), 'select count(*)::int from t')).toBe(0)
    await running
  })

  it('of a client that falls silent end, so that nobody holds up everybody', async () => {
    const silent = await connected()
    const ended = new Promise<pg.DatabaseError>((resolve) =>
      silent.once('error', (error) => resolve(error as pg.DatabaseError)),
    )
    await silent.query('begin')
    await silent.query(`insert into t values (1, 'never')`)
    expect(await value(await connected(), 'select count(*)::int from t')).toBe(0)
    expect((await ended).code).toBe('25P03')
  })

  it('that failed stay failed until they are rolled back', async () => {
    const client = await connected()
    await client.query('begin')
    await expect(client.query('select 1 / 0')).rejects.toThrow()
    await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' })
    await client.query('rollback')
    expect(await value(client, 'select 1')).toBe(1)
  })
})

describe('a session', () => {
  it('starts with its own role and settings, and nobody inherits them', async () => {
    const reader = await connected(`-c role=reader -c rowhouse.tenant_id=here -c search_path=pg_catalog`)
    const other = await connected()
    for (let i = 0; i < 3; i += 1) {
      expect(await value(reader, `select current_user || ' ' || current_setting('rowhouse.tenant_id')`)).toBe(
        'reader here',
      )
      expect(
        await value(other, `select current_user || ' ' || coalesce(current_setting('rowhouse.tenant_id', true), '')`),
      ).toBe('postgres ')
    }
  })

  it('leaves nothing behind: settings, roles, temporary tables, prepared statements, locks', async () => {
    const [first, second] = [await connected(), await connected()]
    await first.query(
      `set statement_timeout = 1234; create temp table left_behind (i int); prepare p as select 1; select pg_advisory_lock(1); set role reader`,
    )
    await first.query(`reset role; create sequence counter; select nextval('counter'); set role reader`)
    expect(await value(second, 'show statement_timeout')).toBe('0')
    await expect(second.query(`select currval('counter')`)).rejects.toMatchObject({ code: '55000' })
    expect(await value(second, 'select current_user::text')).toBe('postgres')
    expect(await value(second, `select to_regclass('left_behind')`)).toBeNull()
    expect(await value(second, 'select count(*)::int from pg_prepared_statements')).toBe(0)
    expect(await value(second, `select count(*)::int from pg_locks where locktype = 'advisory'`)).toBe(0)
  })

  it('of another login is that login’s, in the only database there is', async () => {
    const client = await connected()
    await client.query('drop role if exists analyst_ann; create role analyst_ann login')
    const url = new URL(engine.connectionString)
    url.username = 'analyst_ann'
    const ann = new pg.Client({ connectionString: url.toString() })
    open.push(ann)
    await ann.connect()
    expect(await value(ann, 'select session_user::text')).toBe('analyst_ann')
    await expect(ann.query('select from t')).rejects.toMatchObject({ code: '42501' })
    expect(await value(client, 'select session_user::text')).toBe('postgres')
    url.pathname = '/another'
    await expect(new pg.Client({ connectionString: url.toString() }).connect()).rejects.toMatchObject({ code: '3D000' })
  })

  it('with a role that does not exist is refused at its first statement, and the others go on', async () => {
    const client = await connected('-c role=nobody_at_all')
    await expect(client.query('select 1')).rejects.toThrow(/nobody_at_all/)
    expect(await value(await connected(), 'select 1')).toBe(1)
  })

  it('with a wrong password is refused', async () => {
    const url = new URL(engine.connectionString)
    url.password = 'wrong'
    await expect(new pg.Client({ connectionString: url.toString() }).connect()).rejects.toMatchObject({ code: '28P01' })
  })
})

describe('copy', () => {
  /** Just enough of the protocol to copy: what psql does. */
  async function copyIn(statement: string, data: string): Promise<string[]> {
    const client = await connected()
    const connection = (
      client as unknown as {
        connection: {
          query: (q: string) => void
          sendCopyFromChunk: (b: Buffer) => void
          endCopyFrom: () => void
          on: (e: string, f: (m: { message?: string }) => void) => void
        }
      }
    ).connection
    const seen: string[] = []
    const done = new Promise<void>((resolve) => connection.on('readyForQuery', () => resolve()))
    connection.on('errorMessage', ({ message }) => seen.push(message ?? ''))
    connection.on('commandComplete', (message) => seen.push((message as { text?: string }).text ?? ''))
    connection.on('copyInResponse', () => {
      connection.sendCopyFromChunk(Buffer.from(data))
      connection.endCopyFrom()
    })
    connection.query(statement)
    await done
    return seen
  }

  it('to the client gives the rows', async () => {
    const client = await connected()
    const connection = (
      client as unknown as { connection: { on: (e: string, f: (m: { chunk: Buffer }) => void) => void } }
    ).connection
    let text = ''
    connection.on('copyData', ({ chunk }) => {
      text += chunk.toString()
    })
    await client.query('copy (select i from generate_series(1, 3) i) to stdout').catch(() => {})
    expect(text).toBe('1\n2\n3\n')
  })

  it('from the client stores the rows, and fails as a server would', async () => {
    expect(await copyIn('copy t from stdin', '501\ta\n502\tb\n')).toEqual(['COPY 2'])
    expect(await copyIn('/* more */ copy t -- of them\n from /* the */ stdin;', '503\tc\n')).toEqual(['COPY 1'])
    expect(await copyIn('copy nothing from stdin', '1\n')).toEqual([
      expect.stringContaining('"nothing" does not exist'),
    ])
    expect(await copyIn('copy t from stdin', 'x\ty\n')).toEqual([expect.stringContaining('invalid input syntax')])
    const client = await connected()
    expect(await value(client, 'delete from t where id > 500 returning 1')).toBe(1)
  })

  it('from the client amid other statements is refused, and nothing hangs', async () => {
    const client = await connected()
    await expect(client.query('select 1; copy t from stdin')).rejects.toMatchObject({ code: '0A000' })
    const another = await connected()
    expect(await value(another, `select 'copy t from stdin'`)).toBe('copy t from stdin')
  })
})

describe('what is not PostgreSQL’s protocol', () => {
  it.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a huge length', Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
    ['another version', Buffer.from([0, 0, 0, 8, 0, 2, 0, 0])],
  ])('%s is sent away, and the others go on', async (_name, bytes) => {
    const socket = connect(Number(new URL(engine.connectionString).port), '127.0.0.1')
    socket.on('error', () => {})
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.resume()
    socket.write(bytes)
    await closed
    expect(await value(await connected(), 'select 1')).toBe(1)
  })
})

describe('the task queue', () => {
  it('works 200 jobs while other clients query', async () => {
    const pool = new pg.Pool({ connectionString: engine.connectionString, max: 4 })
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
    await runMigrations({ pgPool: pool })
    const done = new Set<number>()
    let finish: () => void
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const worker = await runWorker({
      pgPool: pool,
      concurrency: 2,
      pollInterval: 50,
      noPreparedStatements: true,
      noHandleSignals: true,
      crontab: '',
      logger: new Logger(() => () => {}),
      taskList: {
        count: async (payload) => {
          done.add((payload as { i: number }).i)
          if (done.size === 200) finish()
        },
      },
    })
    await pool.query(
      `select graphile_worker.add_job('count', json_build_object('i', i)) from generate_series(1, 200) i`,
    )
    const client = await connected()
    let queries = 0
    const asking = (async () => {
      while (done.size < 200) {
        expect(await value(client, 'select $1::int', [queries])).toBe(queries)
        queries += 1
      }
    })()
    await finished
    await asking
    await worker.stop()
    await pool.end()
    expect(queries).toBeGreaterThan(0)
  })
})

// What is announced of a change: who listens is told which row changed, and nothing of what stands in it.

import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
let listener: pg.Client
let heard: Record<string, unknown>[]

beforeAll(async () => {
  await db.pool.query(`
    create table public.notes (
      tenant_id uuid not null, id int not null, topic int, body text, reads int not null default 0, state text default 'new',
      updated_at timestamptz not null default now(), primary key (tenant_id, id))`)
  await db.pool.query(`comment on column public.notes.reads is '@kept'`)
  await db.pool.query(`
    create trigger _100_set_updated_at before update of topic, body on public.notes
      for each row execute function core.tg__set_updated_at()`)
  await db.pool.query(`comment on column public.notes.state is '@kept'`)
  await db.pool.query(`call core.announce('public.notes', about => 'topic', kept => '{state}')`)
  await db.pool.query(`
    do $$ declare v core.announced_tables; begin
      select * into v from core.announced_tables where table_name = 'notes';
      if not found then select * into strict v from core.announced_tables where table_name = 'public.notes'; end if;
      call core.put_announcer(v); end $$`)
  // the table may be named with its schema or without, as the search path says
  await db.pool.query(
    `select core.watch_changes(gen_random_uuid(), array[$1, $2]::uuid[], array[a.table_name, a.table_name])
       from core.announced_tables a where a.table_name like '%notes'`,
    [db.acme.id, db.globex.id],
  )
  listener = new pg.Client({ connectionString: db.url })
  await listener.connect()
  listener.on('notification', ({ payload }) => heard.push(JSON.parse(payload ?? '')))
  await listener.query('listen rowhouse_changes')
})
afterAll(() => listener?.end())
beforeEach(async () => {
  heard = []
  await db.pool.query('delete from public.notes')
  await heardOnce()
  heard = []
})

/** Notifications come before the answer to the statement after them. */
const heardOnce = async (): Promise<typeof heard> => {
  await listener.query('select 1')
  return heard
}

const insert = (...ids: number[]): Promise<unknown> =>
  db.pool.query(
    `insert into public.notes (tenant_id, id, topic, body) select $1, id, 7, 'secret' from unnest($2::int[]) as id`,
    [db.acme.id, ids],
  )

describe('a lease of what is watched', () => {
  it('ends with what its process no longer watches, and with a process that renews nothing', async () => {
    const [alive, dead] = [crypto.randomUUID(), crypto.randomUUID()]
    const lease = (name: string, watcher: string, tables: string[]) =>
      db.pool.query(`select core.${name}($1, $2, $3)`, [watcher, tables.map(() => db.acme.id), tables])
    await lease('watch_changes', dead, ['a'])
    await lease('watch_changes', alive, ['a', 'b'])
    await db.pool.query(`update core.watches set expires_at = now() - interval '1 second' where watcher = $1`, [dead])
    await lease('keep_watches', alive, ['b'])
    const { rows } = await db.pool.query('select watcher, table_name from core.watches where watcher = any ($1)', [
      [alive, dead],
    ])
    expect(rows).toEqual([{ watcher: alive, table_name: 'b' }])
  })
})

describe('a change of an announced table', () => {
  it('is announced by tenant, table, id and what it is about, and by no other value of the row', async () => {
    await insert(1)
    expect(await heardOnce()).toEqual([
      { table: expect.stringMatching(/notes$/), tenant: db.acme.id, id: '1', about: ['7'] },
    ])
  })

  it('that moves a row from one topic to another is announced to both', async () => {
    await insert(1)
    await db.pool.query('update public.notes set topic = 8')
    expect((await heardOnce()).at(-1)).toMatchObject({ id: '1', about: ['7', '8'] })
  })

  it('is announced when the row is deleted', async () => {
    await insert(1)
    await db.pool.query('delete from public.notes')
    expect(await heardOnce()).toHaveLength(2)
  })

  it('is not announced where nobody watches, nor after a lease has ended', async () => {
    const insertAt = (tenant: string) =>
      db.pool.query('insert into public.notes (tenant_id, id) values ($1, 1)', [tenant])
    await insertAt(db.platform.id)
    expect(await heardOnce()).toEqual([])
    await db.pool.query(`update core.watches set expires_at = expires_at - interval '1 hour'`)
    await insertAt(db.acme.id)
    expect(await heardOnce()).toEqual([])
    await db.pool.query(`update core.watches set expires_at = expires_at + interval '1 hour'`)
    await insertAt(db.globex.id)
    expect(await heardOnce()).toHaveLength(1)
  })

  it('is not announced when the transaction is rolled back', async () => {
    await db.inTransaction(async ({ query }) => {
      await query(`insert into public.notes (tenant_id, id) values ($1, 1)`, [db.acme.id])
    })
    expect(await heardOnce()).toEqual([])
  })

  it('is not announced when only columns changed that rules keep, but for those that are named', async () => {
    await insert(1)
    await db.pool.query('update public.notes set reads = reads + 1')
    expect(await heardOnce()).toHaveLength(1)
    await db.pool.query(`update public.notes set state = 'old'`)
    expect(await heardOnce()).toHaveLength(2)
  })

  it('is announced once however often the same row changes in a transaction', async () => {
    await insert(1)
    await heardOnce()
    heard = []
    await db.pool.query(`do $$ begin for i in 1 .. 50 loop update public.notes set body = i::text; end loop; end $$`)
    expect(await heardOnce()).toHaveLength(1)
  })

  it('is announced row by row up to a hundred rows of a statement, and beyond as the table, once for each tenant', async () => {
    await insert(...Array.from({ length: 100 }, (_, i) => i))
    expect(await heardOnce()).toHaveLength(100)
    heard = []
    await db.pool.query(
      `insert into public.notes (tenant_id, id) select t, 1000 + n from unnest($1::uuid[]) as t, generate_series(1, 500) as n`,
      [[db.acme.id, db.globex.id]],
    )
    const wide = (tenant: string) => ({ table: expect.stringMatching(/notes$/), tenant })
    expect((await heardOnce()).sort((a) => (a.tenant === db.acme.id ? -1 : 1))).toEqual([
      wide(db.acme.id),
      wide(db.globex.id),
    ])
  })
})

it('only what is registered is announced: an announcer of a table that no longer is goes with the next migration', async () => {
  await db.pool.query(`delete from core.announced_tables where table_name like '%notes'`)
  await db.pool.query('call core.put_announcers()')
  await insert(1)
  expect(await heardOnce()).toEqual([])
})

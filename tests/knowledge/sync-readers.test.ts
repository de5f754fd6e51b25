// The other places that documents come from: web services, databases that the operator opened, and what an extension reads.

import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { asUser, createPool } from '../../server/database.ts'
import { isRealServer, needsServer, useDatabase } from '../helpers/index.ts'
import { runTask } from '../helpers/tasks.ts'
import { actorOf, openSite, request, type Site, type State, stateOf, work } from './sync-site.ts'

const db = useDatabase()
let pool: pg.Pool
let site: Site
beforeAll(() => {
  pool = createPool(db.url, 'rowhouse_worker', 2, { isEmbedded: !isRealServer() })
})
afterAll(() => pool.end())
beforeEach(async () => {
  site = await openSite()
})
afterEach(() => site.close())

const asMember = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
  asUser(db.pool, actorOf(db.acme.member), async (client) => (await client.query(text, values)).rows)

async function sourceOf(type: string, url: string | null, config: object = {}): Promise<string> {
  const [row] = await asMember(
    `insert into app_public.rag_knowledge_sources (name, source_type, source_url, source_config)
     values (gen_random_uuid()::text, $1, $2, $3) returning id`,
    [type, url, JSON.stringify(config)],
  )
  return row?.id as string
}

async function sync(source: string): Promise<State> {
  await work({ pool, outgoing: site.outgoing, tenantId: db.acme.id }, source, await request(db, source))
  return stateOf(db, source, site.url)
}
const json = (value: unknown) => ({ body: JSON.stringify(value), type: 'application/json' })

describe('a web service', () => {
  it('is read page by page, and what it no longer has is removed', async () => {
    const documents = [
      { externalId: 1, title: 'One', text: 'one wing', metadata: { author: 'a' } },
      { externalId: '2', text: 'two wings' },
      { externalId: '3', text: ' ' },
    ]
    site.pages.set('/docs', json({ documents: documents.slice(0, 1), next: '/docs?page=2' }))
    site.pages.set('/docs?page=2', json(documents.slice(1)))
    const source = await sourceOf('api', `${site.url}/docs`)
    expect(await sync(source)).toMatchObject({
      ...{ status: 'completed', documents: ['1', '2'], pages: { 1: 'created', 2: 'created', 3: 'failed' } },
      errors: { 3: 'The document is empty.' },
    })
    site.pages.set('/docs', json([{ ...documents[0], text: 'one wing more' }]))
    expect(await sync(source)).toMatchObject({ counts: { replaced: 1, removed: 2 }, documents: ['1'] })
  })

  it.each([
    ['fails', { status: 500 }],
    ['answers in HTML', { body: '<p>', type: 'text/html' }],
    ['answers in no JSON', { body: '{', type: 'application/json' }],
    ['answers with something else', json({ items: [] })],
    ['leads to another host', json({ documents: [], next: 'http://other.test/' })],
    ['leads in a circle', json({ documents: [], next: '/docs' })],
  ])('that %s takes nothing away and says why', async (_, answer) => {
    site.pages.set('/docs', json([{ externalId: 'a', text: 'text' }]))
    const source = await sourceOf('api', `${site.url}/docs`)
    await sync(source)
    site.pages.set('/docs', answer)
    process.env.OUTGOING_ALLOW = '127.0.0.1'
    const run = await request(db, source)
    await db.pool.query('update app_public.rag_knowledge_sources set source_url = $2 where id = $1', [
      source,
      `${site.url.replace('site.test', '127.0.0.1')}/docs`,
    ])
    await runTask(pool, 'knowledge__sync_source', { tenantId: db.acme.id, sourceId: source, run })
    delete process.env.OUTGOING_ALLOW
    expect(await stateOf(db, source, site.url)).toMatchObject({
      status: 'failed',
      error: expect.any(String),
      documents: ['a'],
    })
  })
})

describe('a database', () => {
  afterEach(() => {
    delete process.env.SOURCE_DATABASES
  })
  const query = `select n as id, 'Title ' || n as title, 'text ' || n as text, n % 2 = 0 as even from generate_series(1, 250) n`

  it('that the operator opened to the tenant is read by a query', async (context) => {
    needsServer(context)
    process.env.SOURCE_DATABASES = JSON.stringify({ [`${db.acme.id}/crm`]: db.url })
    const source = await sourceOf('database', null, { connection: 'crm', query })
    expect(await sync(source)).toMatchObject({ status: 'completed', counts: { created: 250 } })
    const [row] = await asMember(
      'select title, metadata from app_public.documents where source_id = $1 and external_id = $2',
      [source, '2'],
    )
    expect(row).toEqual({ title: 'Title 2', metadata: { even: true } })
    await asMember(`update app_public.rag_knowledge_sources set source_config = $2 where id = $1`, [
      source,
      JSON.stringify({ connection: 'crm', query: `${query} where n < 200`, maxPages: 100 }),
    ])
    expect(await sync(source)).toMatchObject({ is_listed_whole: false, counts: { unchanged: 100, failed: 1 } })
  })

  it('is not read by another tenant, nor when nobody opened it', async () => {
    process.env.SOURCE_DATABASES = JSON.stringify({ [`${db.globex.id}/crm`]: db.url })
    const source = await sourceOf('database', null, { connection: 'crm', query })
    await expect(sync(source)).rejects.toThrow('no database of this name')
  })

  it.each([
    ['a second statement', 'select 1 as id) d; delete from app_public.documents; select * from (select 1 as id'],
    ['a change', 'with gone as (delete from app_public.documents returning *) select 1 as id, 2 as text'],
    ['a function that changes', `select set_config('transaction_read_only', 'off', true) as id, lo_create(0) as text`],
    ['an error', 'select 1 / 0 as id'],
    ['a row without an id', `select null as id, 'x' as text`],
    ['no id', `select 'x' as text`],
  ])('is not changed by %s', async (_, statement) => {
    process.env.SOURCE_DATABASES = JSON.stringify({ [`${db.acme.id}/crm`]: db.url })
    const source = await sourceOf('database', null, { connection: 'crm', query: statement })
    const count = async (): Promise<unknown> =>
      (await db.pool.query('select count(*) from app_public.documents')).rows[0]
    const before = await count()
    await expect(sync(source)).rejects.toThrow(/The query/)
    expect(await count()).toEqual(before)
  })
})

describe('an extension', () => {
  afterEach(() => {
    delete process.env.ROWHOUSE_EXTENSIONS
  })

  it('brings a reader of its own', async () => {
    process.env.ROWHOUSE_EXTENSIONS = join(import.meta.dirname, '../../extensions/helpdesk')
    const page = { id: '7', title: 'Wings & co', body: { storage: { value: '<p>A wing lifts.</p>' } } }
    site.pages.set('/wiki/rest/api/content?type=page&expand=body.storage&limit=50&start=0', json({ results: [page] }))
    const source = await sourceOf('confluence', `${site.url}/wiki`)
    expect(await sync(source)).toMatchObject({ status: 'completed', documents: ['7'] })
    expect(await sync(source)).toMatchObject({ counts: { unchanged: 1 } })
    site.pages.clear()
    await expect(sync(source)).rejects.toThrow('did not answer with pages')
  })

  it('is missed by name where it is not installed', async () => {
    const source = await sourceOf('notion', null)
    await expect(sync(source)).rejects.toThrow('No reader is installed for sources of the type notion')
  })
})

// Sources that stay fresh: what a sync takes over, leaves and removes, whatever the site does and wherever it is stopped.

import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { asUser, createPool } from '../../server/database.ts'
import { createOutgoing } from '../../server/outgoing.ts'
import { SourceError } from '../../server/sources/types.ts'
import { isRealServer, needsServer, useDatabase } from '../helpers/index.ts'
import {
  actorOf,
  createSource,
  html,
  openSite,
  request,
  type Site,
  type State,
  sitemap,
  stateOf,
  work,
} from './sync-site.ts'

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

const worker = (more: { signal?: AbortSignal; turnMs?: number } = {}) => ({
  ...{ pool, outgoing: site.outgoing, tenantId: db.acme.id },
  ...more,
})
const state = (sourceId: string): Promise<State> => stateOf(db, sourceId, site.url)

async function sync(sourceId: string): Promise<State> {
  expect(await work(worker(), sourceId, await request(db, sourceId))).toBe(true)
  return state(sourceId)
}

const asMember = <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> =>
  asUser(db.pool, actorOf(db.acme.member), async (client) => (await client.query<Row>(text, values)).rows)

/** A source of a sitemap with pages of these paths. */
async function siteOf(paths: string[], config: object = {}): Promise<string> {
  for (const path of paths) site.pages.set(path, html(path, `The page ${path}.`))
  site.pages.set('/sitemap.xml', sitemap(paths.map((path) => site.url + path)))
  return createSource(db, `${site.url}/sitemap.xml`, config)
}

describe('a page', () => {
  it('is created, asked for by its version, and replaced when it has changed', async () => {
    site.pages.set('/guide', html('A guide', 'Wings lift.'))
    const source = await createSource(db, `${site.url}/guide#part`)
    expect(await sync(source)).toMatchObject({ status: 'completed', counts: { created: 1 }, documents: ['/guide'] })
    site.answers.length = 0
    expect(await sync(source)).toMatchObject({ counts: { unchanged: 1 } })
    expect(site.answers).toEqual(['404 /robots.txt', '304 /guide'])
    site.pages.set('/guide', html('A guide', 'Wings lift more.'))
    expect(await sync(source)).toMatchObject({ counts: { replaced: 1 }, documents: ['/guide'] })
    const [row] = await asMember('select last_synced_at from app_public.rag_knowledge_sources where id = $1', [source])
    expect(row?.last_synced_at).toBeInstanceOf(Date)
  })

  it('of a server that knows no versions is compared by its bytes', async () => {
    site.pages.set('/page', { ...html('t', 'text'), headers: { etag: '' } })
    const source = await createSource(db, `${site.url}/page`)
    await sync(source)
    site.answers.length = 0
    expect(await sync(source)).toMatchObject({ counts: { unchanged: 1 } })
    expect(site.answers).toContain('200 /page')
  })

  it('whose document was deleted is fetched again', async () => {
    site.pages.set('/page', html('t', 'text'))
    const source = await createSource(db, `${site.url}/page`)
    await sync(source)
    await asMember('select app_public.delete_document(id) from app_public.documents where source_id = $1', [source])
    expect(await sync(source)).toMatchObject({ counts: { created: 1 }, documents: ['/page'] })
  })

  it('is read as what it is said to be, whatever its address ends with', async () => {
    site.pages.set('/index.php', html('From PHP', 'text'))
    site.pages.set('/notes.md', { body: '# Notes', type: 'text/plain' })
    site.pages.set('/data', { body: 'a,b\n1,2', type: 'text/csv' })
    site.pages.set('/film', { body: 'x', type: 'video/mp4' })
    site.pages.set('/%E0%A4%A', html('odd', 'text'))
    const urls = ['/index.php', '/notes.md', '/data', '/film', '/%E0%A4%A'].map((path) => site.url + path)
    const source = await createSource(db, null, { urls })
    expect(await sync(source)).toMatchObject({
      pages: { '/index.php': 'created', '/notes.md': 'created', '/data': 'created', '/film': 'failed' },
      errors: { '/film': expect.stringContaining('video/mp4') },
    })
    const files = await db.pool.query(
      'select f.name from knowledge.document_files f join app_public.documents d on d.id = f.document_id where d.source_id = $1 order by 1',
      [source],
    )
    expect(files.rows.map(({ name }) => name)).toEqual(['%E0%A4%A.html', 'data.csv', 'index.php.html', 'notes.md'])
  })

  it('that cannot be reached fails, and its document stays', async () => {
    const source = await siteOf(['/a', '/b'])
    await sync(source)
    site.pages.set('/b', { status: 503 })
    expect(await sync(source)).toMatchObject({
      ...{ status: 'completed', counts: { unchanged: 1, failed: 1 }, documents: ['/a', '/b'] },
      errors: { '/b': 'The address answered 503.' },
    })
  })

  it('near the server is not fetched', async () => {
    site.pages.set('/', html('secret', 'secret'))
    const source = await createSource(db, site.url.replace('site.test', '127.0.0.1'))
    const run = await request(db, source)
    const outgoing = createOutgoing()
    expect(await work({ ...worker(), outgoing }, source, run)).toBe(true)
    await outgoing.close()
    expect(await state(source)).toMatchObject({ status: 'failed', documents: [] })
    expect(site.answers).toEqual([])
  })

  it('that robots.txt forbids is left alone, and so are all when it cannot be read', async () => {
    site.pages.set('/robots.txt', { body: 'User-agent: *\nDisallow: /private\n', type: 'text/plain' })
    const source = await siteOf(['/a', '/private/b'])
    expect(await sync(source)).toMatchObject({
      ...{ counts: { created: 1, failed: 1 }, documents: ['/a'] },
      errors: { '/private/b': expect.stringContaining('robots.txt') },
    })
    expect(site.answers).not.toContain('200 /private/b')
    site.pages.set('/robots.txt', { status: 500 })
    expect(await sync(source)).toMatchObject({ status: 'failed', documents: ['/a'] })
    site.pages.set('/robots.txt', { body: `#${'x'.repeat(200_000)}` })
    expect(await sync(source)).toMatchObject({ status: 'failed', documents: ['/a'] })
  })
})

describe('a page that is gone', () => {
  it('from the sitemap or from its address is removed, and shown until the next time', async () => {
    const source = await siteOf(['/a', '/b', '/c'])
    await sync(source)
    site.pages.delete('/b')
    site.pages.set('/sitemap.xml', sitemap([`${site.url}/a`, `${site.url}/b`]))
    expect(await sync(source)).toMatchObject({
      ...{ status: 'completed', counts: { unchanged: 1, removed: 2 }, documents: ['/a'] },
      errors: { '/b': 'The address answered 404.', '/c': 'It is no longer listed.' },
    })
    expect(await sync(source)).toMatchObject({ counts: { unchanged: 1, gone: 1 }, documents: ['/a'] })
  })

  it('is only marked where the source says prune: false', async () => {
    const source = await siteOf(['/a', '/b'], { prune: false })
    await sync(source)
    site.pages.set('/sitemap.xml', sitemap([`${site.url}/a`]))
    const marked = { counts: { unchanged: 1, gone: 1 }, documents: ['/a', '/b'] }
    expect(await sync(source)).toMatchObject(marked)
    expect(await sync(source)).toMatchObject(marked)
  })

  it('takes nothing with it that was added otherwise', async () => {
    const source = await siteOf(['/a', '/b'])
    await sync(source)
    await asMember(
      `select app_public.create_documents($1, knowledge.new_documents('[{"externalId": "own", "text": "own"}]'))`,
      [source],
    )
    site.pages.set('/sitemap.xml', sitemap([`${site.url}/a`]))
    expect((await sync(source)).documents).toEqual(['/a', 'own'])
  })

  it.each([
    ['is empty', sitemap([])],
    ['is gone', { status: 404 }],
    ['fails', { status: 500 }],
    ['is a page that says sorry', html('Sorry', 'We are repairing this.')],
    ['is broken', { body: '<urlset><url><loc>', type: 'text/xml' }],
  ])('is not believed when the sitemap %s', async (_, answer) => {
    const source = await siteOf(['/a', '/b'])
    await sync(source)
    site.pages.set('/sitemap.xml', answer)
    const after = await sync(source).catch((error: unknown) => {
      expect(error).toBeInstanceOf(SourceError)
      return state(source)
    })
    expect(after.documents).toEqual(['/a', '/b'])
    expect(after.status).not.toBe('completed')
  })

  it('is not believed when all are gone at once', async () => {
    const source = await siteOf(['/a', '/b'])
    await sync(source)
    for (const path of ['/a', '/b']) site.pages.delete(path)
    expect(await sync(source)).toMatchObject({ status: 'failed', counts: { gone: 2 }, documents: ['/a', '/b'] })
  })
})

describe('a sitemap', () => {
  it('of sitemaps is read, packed ones as well', async () => {
    const source = await siteOf(['/a', '/b'])
    const second = sitemap([`${site.url}/b`, `${site.url}/a`])
    site.pages.set('/one.xml', sitemap([`${site.url}/a`]))
    site.pages.set('/two.xml.gz', { body: gzipSync(second.body as string), type: 'application/gzip' })
    site.pages.set('/sitemap.xml', sitemap([`${site.url}/one.xml`, `${site.url}/two.xml.gz`], 'sitemapindex'))
    expect(await sync(source)).toMatchObject({ counts: { created: 2 }, documents: ['/a', '/b'], is_listed_whole: true })
    // a part of the list that cannot be read hides pages and removes none
    site.pages.delete('/two.xml.gz')
    expect(await sync(source)).toMatchObject({
      counts: { unchanged: 1, failed: 1 },
      documents: ['/a', '/b'],
      is_listed_whole: false,
    })
  })

  it('of itself ends', async () => {
    const source = await siteOf(['/a'])
    site.pages.set('/sitemap.xml', sitemap([`${site.url}/sitemap.xml`, `${site.url}/sitemap.xml`], 'sitemapindex'))
    expect(await sync(source)).toMatchObject({ status: 'failed', is_listed_whole: false })
  })

  it('speaks for its own host', async () => {
    const source = await siteOf(['/a'])
    site.pages.set(
      '/sitemap.xml',
      sitemap([`${site.url}/a`, 'http://other.test/b', 'file:///etc/passwd', 'no address']),
    )
    expect(await sync(source)).toMatchObject({ counts: { created: 1, failed: 3 }, documents: ['/a'] })
  })

  it('has at most maxPages pages, and what is beyond them stays', async () => {
    const source = await siteOf(['/a', '/b', '/c'])
    await sync(source)
    await asMember(`update app_public.rag_knowledge_sources set source_config = '{"maxPages": 2}' where id = $1`, [
      source,
    ])
    site.pages.set('/sitemap.xml', sitemap(['/b', '/a', '/d'].map((path) => site.url + path)))
    expect(await sync(source)).toMatchObject({
      ...{ counts: { unchanged: 2, failed: 1 }, documents: ['/a', '/b', '/c'], is_listed_whole: false },
      errors: { '/sitemap.xml': expect.stringContaining('maxPages') },
    })
  })
})

describe('a run', () => {
  it('that dies anywhere, again and again, ends as one that does not', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.subarray(['/1', '/2', '/3', '/4', '/5', '/6']).filter((paths) => paths.length > 0),
          { minLength: 1, maxLength: 4 },
        ),
        fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 4 }),
        async (versions, deaths) => {
          const source = await siteOf(['/1'])
          for (const [version, paths] of versions.entries()) {
            for (const path of paths) site.pages.set(path, html(path, `Version ${path === '/1' ? 0 : version}.`))
            site.pages.set('/sitemap.xml', sitemap(paths.map((path) => site.url + path)))
            const run = await request(db, source)
            for (const death of deaths) await dieAfter(death, source, run)
            expect(await work(worker(), source, run)).toBe(true)
            const { status, documents, counts } = await state(source)
            expect({ status, documents }).toEqual({ status: 'completed', documents: [...paths].sort() })
            expect((counts.created ?? 0) + (counts.replaced ?? 0) + (counts.unchanged ?? 0)).toBe(paths.length)
          }
        },
      ),
      { seed: 1312, numRuns: isRealServer() ? 20 : 5 },
    ))

  /** A worker whose connections are cut after so many statements. */
  async function dieAfter(statements: number, source: string, run: number): Promise<void> {
    let left = statements
    const dying = {
      connect: async () => {
        left -= 1
        if (left < 0) throw new Error('killed')
        return pool.connect()
      },
    }
    await work({ ...worker(), pool: dying as never }, source, run).catch((error: Error) =>
      expect(error.message).toBe('killed'),
    )
  }

  it('of a large source goes on in turns, and reads each page once', async () => {
    const source = await siteOf(['/a', '/b', '/c'])
    const run = await request(db, source)
    let turns = 1
    while (!(await work(worker({ turnMs: -1 }), source, run))) turns += 1
    expect(turns).toBe(4)
    expect(site.answers.filter((answer) => /\/[abc]$/.test(answer)).sort()).toEqual(['200 /a', '200 /b', '200 /c'])
    expect(await state(source)).toMatchObject({ status: 'completed', counts: { created: 3 } })
  })

  it('is asked for once, however often', async () => {
    const source = await siteOf(['/a'])
    expect([await request(db, source), await request(db, source)]).toEqual([1, 1])
    const { rows } = await db.pool.query(
      `select count(*)::int from graphile_worker._private_jobs where payload ->> 'sourceId' = $1`,
      [source],
    )
    expect(rows[0].count).toBe(1)
    await work(worker(), source, 1)
    expect(await request(db, source)).toBe(2)
  })

  it('is one when two ask at the same time', async (context) => {
    needsServer(context)
    const source = await siteOf(['/a'])
    expect(await Promise.all(Array.from({ length: 5 }, () => request(db, source)))).toEqual([1, 1, 1, 1, 1])
  })

  it('whose worker has died for good is replaced, and its late worker does nothing', async () => {
    const source = await siteOf(['/a', '/b'])
    const run = await request(db, source)
    expect(await work(worker({ turnMs: -1 }), source, run)).toBe(false)
    await db.pool.query(
      `update app_public.knowledge_syncs set progressed_at = now() - interval '16 minutes' where source_id = $1`,
      [source],
    )
    expect(await request(db, source)).toBe(run + 1)
    expect(await work(worker(), source, run)).toBe(true)
    expect(await state(source)).toMatchObject({ status: 'waiting', counts: {} })
    expect(await work(worker(), source, run + 1)).toBe(true)
    expect(await state(source)).toMatchObject({ status: 'completed', documents: ['/a', '/b'] })
  })

  it('of a source that is deleted meanwhile ends', async () => {
    const source = await siteOf(['/a'])
    const run = await request(db, source)
    await asMember('select app_public.delete_knowledge_source($1)', [source])
    expect(await work(worker(), source, run)).toBe(true)
  })
})

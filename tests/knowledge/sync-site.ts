// A web site in the test's process, whose pages change, and syncs of it without the queue.

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import type pg from 'pg'
import { asUser } from '../../server/database.ts'
import type { Outgoing } from '../../server/outgoing.ts'
import { createOutgoing } from '../../server/outgoing.ts'
import { syncSource } from '../../server/sources/sync.ts'
import type { Person, TestDatabase } from '../helpers/index.ts'

export type Page = { body?: string | Buffer; type?: string; status?: number; headers?: Record<string, string> }
export type Site = {
  url: string
  /** By path; what is not in here answers 404. */
  pages: Map<string, Page>
  /** Each answer as "status path", since it was last emptied. */
  answers: string[]
  outgoing: Outgoing
  close: () => Promise<void>
}

/** Its name is site.test, which stands for a page of the public internet. */
export async function openSite(): Promise<Site> {
  const pages = new Map<string, Page>()
  const answers: string[] = []
  const server = createServer((request, response) => {
    const page = pages.get(request.url ?? '') ?? { status: 404 }
    const body = page.body ?? ''
    const etag = `"${createHash('sha1').update(body).digest('hex')}"`
    const isKnown = page.status === undefined && request.headers['if-none-match'] === etag
    const status = isKnown ? 304 : (page.status ?? 200)
    answers.push(`${status} ${request.url}`)
    response.writeHead(status, { 'content-type': page.type ?? 'text/html; charset=utf-8', etag, ...page.headers })
    response.end(status === 200 ? body : '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const resolve: LookupFunction = (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }])
  const outgoing = createOutgoing({ allow: ['site.test'], resolve, limits: { bodyMs: 2_000, headersMs: 2_000 } })
  return {
    url: `http://site.test:${(server.address() as AddressInfo).port}`,
    ...{ pages, answers, outgoing },
    close: async () => {
      await outgoing.close()
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

export const html = (title: string, text: string): Page => ({
  body: `<html><head><title>${title}</title></head><body><p>${text}</p></body></html>`,
})

export const sitemap = (addresses: string[], kind = 'urlset'): Page => ({
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<${kind} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${addresses
    .map((address) => {
      const tag = kind === 'urlset' ? 'url' : 'sitemap'
      return `<${tag}><loc>${address.replaceAll('&', '&amp;')}</loc></${tag}>`
    })
    .join('')}</${kind}>`,
  type: 'application/xml',
})

export const actorOf = ({ userId, tenantId }: Person) => ({
  user_id: userId,
  tenant_id: tenantId,
  role: 'rowhouse_user',
})

export async function createSource(db: TestDatabase, url: string | null, config: object = {}): Promise<string> {
  return asUser(db.pool, actorOf(db.acme.member), async (client) => {
    const { rows } = await client.query<{ id: string }>(
      `insert into app_public.rag_knowledge_sources (name, source_type, source_url, source_config)
       values (gen_random_uuid()::text, 'url', $1, $2) returning id`,
      [url, JSON.stringify(config)],
    )
    return rows[0]?.id as string
  })
}

/** Asks for a sync, as a member does, and gives the number of its run. */
export async function request(db: TestDatabase, sourceId: string): Promise<number> {
  return asUser(db.pool, actorOf(db.acme.member), async (client) => {
    const { rows } = await client.query<{ run: number }>('select run from app_public.sync_knowledge_source($1)', [
      sourceId,
    ])
    return rows[0]?.run as number
  })
}

export type Worker = { pool: pg.Pool; outgoing: Outgoing; tenantId: string; signal?: AbortSignal; turnMs?: number }

/** What the task does with a run, without the queue. */
export async function work(
  { pool, outgoing, tenantId, signal, turnMs }: Worker,
  sourceId: string,
  run: number,
): Promise<boolean> {
  const withPgClient = async (use: (client: pg.PoolClient) => Promise<unknown>) => {
    const client = await pool.connect()
    try {
      return await use(client)
    } finally {
      client.release()
    }
  }
  return syncSource(
    { tenantId, sourceId, run },
    outgoing,
    { withPgClient: withPgClient as never, abortSignal: signal },
    turnMs,
  )
}

export type State = {
  status: string
  error: string | null
  is_listed_whole: boolean
  counts: Record<string, number>
  /** Outcomes by path. */
  pages: Record<string, string>
  errors: Record<string, string>
  documents: string[]
}

export async function stateOf(db: TestDatabase, sourceId: string, base: string): Promise<State> {
  return asUser(db.pool, actorOf(db.acme.viewer), async (client) => {
    const { rows: syncs } = await client.query(
      `select status, error, is_listed_whole, to_jsonb(app_public.knowledge_syncs_counts(y)) as counts
         from app_public.knowledge_syncs y where source_id = $1`,
      [sourceId],
    )
    const { rows: pages } = await client.query<{ path: string; outcome: string; error: string | null }>(
      `select replace(p.external_id, $2, '') as path, p.outcome, p.error
         from app_public.knowledge_sync_pages p join app_public.knowledge_syncs y using (tenant_id, source_id, run)
        where source_id = $1 order by p.external_id collate "C"`,
      [sourceId, base],
    )
    const { rows: documents } = await client.query<{ path: string }>(
      `select replace(external_id, $2, '') as path from app_public.documents where source_id = $1 order by external_id collate "C"`,
      [sourceId, base],
    )
    const { counts, ...sync } = syncs[0]
    return {
      ...sync,
      counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
      pages: Object.fromEntries(pages.map(({ path, outcome }) => [path, outcome])),
      errors: Object.fromEntries(pages.flatMap(({ path, error }) => (error ? [[path, error]] : []))),
      documents: documents.map(({ path }) => path),
    }
  })
}

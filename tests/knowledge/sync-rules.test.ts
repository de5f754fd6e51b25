// Who may ask for a sync, what may be set, when the clock asks, and what the API shows.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setClockLater } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createSource as insertSource } from '../helpers/knowledge.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { startTestWorker } from '../helpers/worker.ts'
import { createSource, html, openSite, type Site } from './sync-site.ts'

const db = useDatabase()
const web = (config: object = {}) => ({
  ...{ source_type: 'url', source_url: 'https://a.test/' },
  source_config: JSON.stringify(config),
})
const ask = 'select status from app_public.sync_knowledge_source($1)'

describe('asking for a sync', () => {
  it('needs the permission, and a source of this tenant that is not of files', () =>
    db.inTransaction(async (t) => {
      const source = await insertSource(t, db.acme.member, web())
      const files = await insertSource(t, db.acme.member)
      expect(await t.errorCode(ask, [files])).toBe('KN408')
      expect(await t.errorCode(ask, [null])).toBe('KN301')
      expect(await t.value(ask, [source])).toBe('waiting')
      await t.become(db.acme.viewer)
      expect(await t.errorCode(ask, [source])).toBe('ID203')
      expect(await t.value('select count(*)::int from app_public.knowledge_syncs')).toBe(1)
      await t.become(db.globex.member)
      expect(await t.errorCode(ask, [source])).toBe('KN301')
      expect(await t.value('select count(*)::int from app_public.knowledge_syncs')).toBe(0)
    }))

  it.each([
    'knowledge.run_sync(null, null, null)',
    'knowledge.note_page(null, null, null, null, null)',
    'knowledge.remove_pages(null, null, null, 1)',
    'knowledge.queue_due_syncs()',
  ])('%s is for workers only', (call) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select ${call}`)).toBe('42501')
    }),
  )

  it.each([
    ...['run_sync($1, $2, $3)', 'continue_sync($1, $2, $3)', 'finish_sync($1, $2, $3)', 'note_unlisted($1, $2, $3)'],
    ...[`fail_sync($1, $2, $3, 'x')`, 'remove_pages($1, $2, $3, 10)', `note_page($1, $2, $3, 'x', 'gone')`],
    `take_page($1, $2, $3, ('x', 'x', 'x', '{}')::app_public.new_document)`,
  ])('%s does nothing for a run that is over', (call) =>
    db.inTransaction(async (t) => {
      const source = await insertSource(t, db.acme.member, web())
      await t.query(ask, [source])
      const state = async (): Promise<unknown> => {
        await t.become(db.acme.member)
        return t.query(
          `select to_jsonb(y), (select count(*) from app_public.documents) from app_public.knowledge_syncs y`,
        )
      }
      const before = await state()
      await t.becomeRole('rowhouse_worker')
      await t.query(`select knowledge.${call}`, [db.acme.id, source, 2])
      await t.query(`select knowledge.${call}`, [db.globex.id, source, 1])
      expect(await state()).toEqual(before)
    }),
  )
})

describe('the settings', () => {
  const errorOf = (t: Transaction, settings: Record<string, unknown>): Promise<string | undefined> =>
    t.errorCode(
      `insert into app_public.rag_knowledge_sources (name, source_type, source_url, source_config) values ('s', $1, $2, $3)`,
      [settings.source_type, settings.source_url, settings.source_config],
    )

  it.each([
    { syncEveryMinutes: 4 },
    { syncEveryMinutes: '60' },
    { syncEveryMinutes: 1e300 },
    { maxPages: 0 },
    { maxPages: 10_001 },
    { prune: 'yes' },
    { prune: null },
    { urls: [] },
    { urls: 'https://a.test' },
    { urls: ['javascript:alert(1)'] },
    { urls: ['https://user:password@a.test'] },
    { urls: [`https://a.test/${'x'.repeat(1000)}`] },
    { urls: Array(1001).fill('https://a.test/') },
    { other: 1 },
  ])('%j are refused', (config) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await errorOf(t, web(config))).toBe('KN409')
    }),
  )

  it('of a web source have an address', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await errorOf(t, { ...web(), source_url: null })).toBe('KN410')
      expect(await errorOf(t, { ...web({ urls: ['https://a.test'] }), source_url: null })).toBeUndefined()
    }))

  it('of other kinds have keys of their own beside the common ones', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const notion = { ...web({ space: 1, urls: 2 }), source_type: 'notion' }
      expect(await errorOf(t, notion)).toBeUndefined()
      expect(await errorOf(t, { ...notion, source_config: '{"maxPages": -1}' })).toBe('KN409')
    }))
})

describe('the clock', () => {
  const due = async (t: Transaction, later: string): Promise<unknown> => {
    await setClockLater(t, later)
    await t.becomeRole('rowhouse_worker')
    return t.value('select knowledge.queue_due_syncs()')
  }

  it('asks for a sync at once, and again when the time has come and the one before is over', () =>
    db.inTransaction(async (t) => {
      const source = await insertSource(t, db.acme.member, web({ syncEveryMinutes: 60 }))
      await insertSource(t, db.acme.member, web())
      expect(await due(t, '0')).toBe(1)
      expect(await due(t, '0')).toBe(0)
      await t.query('select knowledge.run_sync($1, $2, 1), knowledge.fail_sync($1, $2, 1, $3)', [
        db.acme.id,
        source,
        'x',
      ])
      expect(await due(t, '59 minutes')).toBe(0)
      expect(await due(t, '60 minutes')).toBe(1)
      // nobody works on it: after a while it is asked for again
      expect(await due(t, '119 minutes')).toBe(0)
      expect(await due(t, '120 minutes')).toBe(1)
      await t.become(db.acme.member)
      expect(await t.value('select run from app_public.knowledge_syncs where source_id = $1', [source])).toBe(3)
    }))

  it.each([
    ['is switched off', `update app_public.rag_knowledge_sources set enabled = false where id = $1`],
    ['is deleted', `update app_public.rag_knowledge_sources set deleted_at = now() where id = $1`],
    ['has no interval', `update app_public.rag_knowledge_sources set source_config = '{}' where id = $1`],
    [
      'belongs to a tenant that is closed',
      `update app_public.tenants set status = 'inactive' where id = (select tenant_id from app_public.rag_knowledge_sources where id = $1)`,
    ],
  ])('does not ask when the source %s', (_, change) =>
    db.inTransaction(async (t) => {
      const source = await insertSource(t, db.acme.member, web({ syncEveryMinutes: 5 }))
      await t.becomeSuperuser()
      await t.query(change, [source])
      expect(await due(t, '0')).toBe(0)
    }),
  )

  it('is answered with a reason where the tenant may not have documents', () =>
    db.inTransaction(async (t) => {
      const source = await insertSource(t, db.acme.member, web({ syncEveryMinutes: 5 }))
      await due(t, '0')
      await t.becomeSuperuser()
      await t.query(
        `update app_public.tenant_config set features = features || '{"rag_enabled": false}' where tenant_id = $1`,
        [db.acme.id],
      )
      await t.becomeRole('rowhouse_worker')
      expect(await t.query('select * from knowledge.run_sync($1, $2, 1)', [db.acme.id, source])).toEqual([])
      await t.become(db.acme.member)
      expect(await t.value('select status from app_public.knowledge_syncs where source_id = $1', [source])).toBe(
        'failed',
      )
    }))
})

describe('over GraphQL, with a real worker', () => {
  let server: TestServer
  let site: Site
  beforeAll(async () => {
    server = await startTestServer(db.url)
    site = await openSite()
    process.env.OUTGOING_ALLOW = '127.0.0.0/8'
  })
  afterAll(async () => {
    delete process.env.OUTGOING_ALLOW
    await site.close()
    await server.close()
  })

  it('a source is synced, searched and tells what happened', async () => {
    const base = site.url.replace('site.test', '127.0.0.1')
    site.pages.set('/wings', html('Wings', 'A wing lifts.'))
    const source = await createSource(db, `${base}/wings`, { urls: [`${base}/none`] })
    const worker = await startTestWorker(db.url)
    const done = worker.nextJob('knowledge__index_documents')
    const { data } = await server.ask(
      'member@acme.test',
      'mutation ($id: UUID!) { syncKnowledgeSource(input: {sourceId: $id}) { sync { run status } } }',
      { id: source },
    )
    expect(data).toEqual({ syncKnowledgeSource: { sync: { run: 1, status: 'waiting' } } })
    await done
    await worker.stop()
    const { data: shown, errors } = await server.ask(
      'viewer@acme.test',
      `query ($id: UUID!) { knowledgeSource(id: $id) { lastSyncedAt documents { nodes { title processingStatus } } sync {
         status error startedAt finishedAt isListedWhole counts { created replaced unchanged failed gone removed }
         pages(filter: {outcome: {equalTo: gone}}) { nodes { externalId outcome error } } } } }`,
      { id: source },
    )
    expect(errors).toBeUndefined()
    expect(shown?.knowledgeSource).toEqual({
      lastSyncedAt: expect.any(String),
      documents: { nodes: [{ title: 'Wings', processingStatus: 'completed' }] },
      sync: {
        ...{
          status: 'completed',
          error: null,
          startedAt: expect.any(String),
          finishedAt: expect.any(String),
          isListedWhole: true,
        },
        counts: { created: 1, replaced: 0, unchanged: 0, failed: 0, gone: 1, removed: 0 },
        pages: { nodes: [{ externalId: `${base}/none`, outcome: 'gone', error: 'The address answered 404.' }] },
      },
    })
  })
})

// Two real clients at once: what must happen once happens once, and nobody waits in a circle.

import { describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, sessions, untilBlocked } = useSessions(db)

async function createSource(): Promise<string> {
  const client = await session(db.acme.member)
  const { rows } = await client.query<{ id: string }>(
    `insert into app_public.rag_knowledge_sources (name) values ($1) returning id`,
    [crypto.randomUUID()],
  )
  return rows[0]?.id as string
}

const create = `select external_id, outcome from app_public.create_documents($1, knowledge.new_documents($2))`
const documents = (...ids: string[]): string =>
  JSON.stringify(ids.map((externalId) => ({ externalId, text: `text of ${externalId}` })))

describe('the same document given by two clients at once', () => {
  it('is created by the first, and unchanged for the second, who waits', async (context) => {
    needsServer(context)
    const source = await createSource()
    const [a, b] = [await session(db.acme.member), await session(db.acme.admin)]
    await a.query('begin')
    expect((await a.query(create, [source, documents('x')])).rows).toEqual([{ external_id: 'x', outcome: 'created' }])
    const second = b.query(create, [source, documents('x')])
    await untilBlocked(b)
    await a.query('commit')
    expect((await second).rows).toEqual([{ external_id: 'x', outcome: 'unchanged' }])
  })

  it('is created by the second when the first is rolled back', async (context) => {
    needsServer(context)
    const source = await createSource()
    const [a, b] = [await session(db.acme.member), await session(db.acme.admin)]
    await a.query('begin')
    await a.query(create, [source, documents('x')])
    const second = b.query(create, [source, documents('x')])
    await untilBlocked(b)
    await a.query('rollback')
    expect((await second).rows).toEqual([{ external_id: 'x', outcome: 'created' }])
  })

  it('by 20 clients, in whatever order, is there once and queued once, without a deadlock', async (context) => {
    needsServer(context)
    const source = await createSource()
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    const clients = await sessions(20, db.acme.member)
    const outcomes = await Promise.all(
      clients.map((client, i) =>
        client.query(create, [source, documents(...ids.map((_, j) => ids[(i + j) % ids.length] as string))]),
      ),
    )
    const created = outcomes.flatMap(({ rows }) => rows).filter(({ outcome }) => outcome === 'created')
    expect(created.map(({ external_id }) => external_id).sort()).toEqual(ids)
    const { rows } = await db.pool.query(
      `select count(distinct d.id)::int as documents, count(*)::int as queued
         from app_public.documents d
         join graphile_worker._private_jobs j on j.payload ->> 'documentIds' like '%' || d.id || '%'
        where d.source_id = $1`,
      [source],
    )
    expect(rows).toEqual([{ documents: 6, queued: 6 }])
  })
})

describe('a document that is replaced while its version before is cut into chunks', () => {
  it('has the newest text in the end', async (context) => {
    needsServer(context)
    const source = await createSource()
    const user = await session(db.acme.member)
    const give = (text: string) => user.query(create, [source, JSON.stringify([{ externalId: 'r', text }])])
    await give('The first.')
    const { id } = (await db.pool.query('select id from app_public.documents where source_id = $1', [source])).rows[0]
    const worker = await session('rowhouse_worker')
    const chunk = () => worker.query('select knowledge.chunk_documents($1, $2)', [db.acme.id, [id]])
    await chunk()
    await give('The second.')
    await user.query('begin')
    await give('The third.')
    const chunked = chunk()
    await untilBlocked(worker)
    await user.query('commit')
    await chunked
    await chunk()
    const { rows } = await db.pool.query(
      `select d.content, array(select c.content from app_public.document_chunks c where c.document_id = d.id) as chunks
         from app_public.documents d where d.id = $1`,
      [id],
    )
    expect(rows).toEqual([{ content: 'The third.', chunks: ['The third.'] }])
  })
})

describe('documents that are replaced while workers process them', () => {
  it('make nobody wait in a circle, in whatever order they are locked', async (context) => {
    needsServer(context)
    const source = await createSource()
    const [user, worker] = [await session(db.acme.member), await session('rowhouse_worker')]
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    const give = (round: number) =>
      user.query(create, [source, JSON.stringify(keys.map((externalId) => ({ externalId, text: `Round ${round}.` })))])
    await give(0)
    const { ids } = (
      await db.pool.query(
        'select array_agg(id order by external_id desc) as ids from app_public.documents where source_id = $1',
        [source],
      )
    ).rows[0]
    const rounds = 30
    const replacing = (async () => {
      for (let round = 1; round <= rounds; round++) await give(round)
    })()
    const processing = (async () => {
      const stages = [
        'knowledge.chunk_documents',
        'knowledge.embed_builtin',
        'knowledge.finish_embedding',
        'search.index_documents',
      ]
      for (let round = 1; round <= rounds; round++)
        for (const stage of stages) await worker.query(`select ${stage}($1, $2)`, [db.acme.id, ids])
    })()
    await Promise.all([replacing, processing])
    const { rows } = await db.pool.query(
      `select count(*)::int as count from knowledge.document_drafts r join app_public.documents d on d.id = r.document_id
        where d.source_id = $1 and r.content <> $2`,
      [source, `Round ${rounds}.`],
    )
    expect(rows).toEqual([{ count: 0 }])
  })
})

describe('two workers with the same job', () => {
  it('do its work once', async (context) => {
    needsServer(context)
    const source = await createSource()
    const user = await session(db.acme.member)
    await user.query(create, [source, documents('w1', 'w2')])
    const ids = (
      await db.pool.query(`select array_agg(id) as ids from app_public.documents where source_id = $1`, [source])
    ).rows[0]?.ids
    const work = async (): Promise<void> => {
      const client = await session('rowhouse_worker')
      for (const stage of [
        'knowledge.chunk_documents',
        'knowledge.embed_builtin',
        'knowledge.finish_embedding',
        'search.index_documents',
      ]) {
        await client.query(`select ${stage}($1, $2)`, [db.acme.id, ids])
      }
    }
    await Promise.all([work(), work(), work()])
    await work()
    const { rows } = await db.pool.query(
      `select count(*)::int as chunks, (select count(*)::int from app_public.embeddings e join app_public.document_chunks c on c.id = e.chunk_id where c.source_id = $1) as vectors
         from app_public.document_chunks where source_id = $1`,
      [source],
    )
    expect(rows).toEqual([{ chunks: 2, vectors: 2 }])
  })
})

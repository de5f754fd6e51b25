// A source changes its embedding model gradually: its old vectors serve until the new ones are complete.

import fc from 'fast-check'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments, search, withTexts } from '../helpers/knowledge.ts'
import { useSessions } from '../helpers/sessions.ts'
import { runTask } from '../helpers/tasks.ts'

const db = useDatabase()
const { session, untilBlocked } = useSessions(db)

const models = ['hashing-384', 'hashing-64', 'hashing-32']
const insertModels = `insert into app_public.llm_models (provider_id, name, kind, provider_model_name, dimension)
  select provider_id, 'hashing-' || d, kind, 'hashing-' || d, d
    from app_public.llm_models, unnest(array[64, 32]) as d where name = 'hashing-384' on conflict do nothing`

async function addModels(t: Transaction): Promise<void> {
  await t.becomeSuperuser()
  await t.query(insertModels)
}

/** An embedder that nobody listens for. */
async function addUnreachableModel(t: Transaction): Promise<void> {
  await t.becomeSuperuser()
  await t.query(
    `with provider as (
       insert into app_public.llm_providers (name, kind, base_url) values ('nobody', 'openai', 'http://127.0.0.1:1/v1')
       returning id)
     insert into app_public.llm_models (provider_id, name, kind, provider_model_name, dimension, max_retries)
     select id, 'unreachable', 'embedding', 'unreachable', 8, 0 from provider`,
  )
}

async function change(t: Transaction, sourceId: string, model: string, person = db.acme.member): Promise<void> {
  await t.become(person)
  await t.query('select app_public.change_embedding_model($1, $2)', [sourceId, model])
}

/** The task itself, as the worker, within this transaction. */
async function run(t: Transaction, name: string, payload: object): Promise<void> {
  await t.becomeRole('rowhouse_worker')
  const client = {
    query: async (text: string, values?: unknown[]) => ({ rows: await t.query(text, values) }),
    release: () => {},
  }
  await runTask({ connect: async () => client } as unknown as pg.Pool, name, payload)
}

const embedAnew = (t: Transaction, sourceId: string) =>
  run(t, 'knowledge__change_embedding_model', { tenantId: db.acme.id, sourceId, afterChunkId: '0' })
const deleteOld = (t: Transaction, sourceId: string) =>
  run(t, 'knowledge__delete_old_embeddings', { tenantId: db.acme.id, sourceId })

/** The source's model, and how many vectors each model has of its chunks. */
async function stateOf(t: Transaction, sourceId: string): Promise<{ model: string; vectors: Record<string, number> }> {
  await t.becomeSuperuser()
  const model = await t.value<string>('select embedding_model from app_public.rag_knowledge_sources where id = $1', [
    sourceId,
  ])
  const rows = await t.query<{ name: string; n: number }>(
    `select m.name, count(*)::int as n from app_public.embeddings e
       join app_public.document_chunks c on c.id = e.chunk_id join app_public.llm_models m on m.id = e.model_id
      where c.source_id = $1 group by 1 order by 1`,
    [sourceId],
  )
  return { model, vectors: Object.fromEntries(rows.map(({ name, n }) => [name, n])) }
}

async function progressOf(t: Transaction, sourceId: string): Promise<unknown> {
  await t.become(db.acme.viewer)
  const rows = await t.query(
    `select m.name as model, app_public.embedding_model_changes_embedded_count(c) as embedded,
            app_public.embedding_model_changes_chunk_count(c) as chunks, last_error
       from app_public.embedding_model_changes c join app_public.llm_models m on m.id = c.model_id where source_id = $1`,
    [sourceId],
  )
  return rows[0] ?? null
}

const texts = ['wing flow heat', 'heat plate', 'jet of speed']

describe('a source that is given another embedding model', () => {
  it('is searched by its old vectors until the new ones are complete, then by the new ones, and the old ones go', () =>
    db.inTransaction(async (t) => {
      await addModels(t)
      const source = await withTexts(db, t, texts)
      const before = await search(t, db.acme.viewer, 'wing', 'vector')
      await change(t, source, 'hashing-64')
      await t.becomeRole('rowhouse_worker')
      const [chunk] = await t.query<{ chunk_id: string; model_id: string; content: string }>(
        'select * from knowledge.chunks_to_embed_anew($1, $2, 0, 1)',
        [db.acme.id, source],
      )
      await t.query(
        'select knowledge.store_embeddings($1, $2, array[$3::bigint], knowledge.hashing_embeddings(array[$4], 64))',
        [db.acme.id, chunk?.model_id, chunk?.chunk_id, chunk?.content],
      )
      expect(await t.value('select knowledge.complete_model_change($1, $2)', [db.acme.id, source])).toBe(false)
      expect(await progressOf(t, source)).toEqual({ model: 'hashing-64', embedded: 1, chunks: 3, last_error: null })
      expect(await search(t, db.acme.viewer, 'wing', 'vector')).toEqual(before)

      await embedAnew(t, source)
      expect(await stateOf(t, source)).toEqual({
        model: 'hashing-64',
        vectors: { 'hashing-384': 3, 'hashing-64': 3 },
      })
      expect(await progressOf(t, source)).toBeNull()
      const after = await search(t, db.acme.viewer, 'wing', 'vector')
      expect(after).toHaveLength(3)
      await deleteOld(t, source)
      expect(await stateOf(t, source)).toEqual({ model: 'hashing-64', vectors: { 'hashing-64': 3 } })
      expect(await search(t, db.acme.viewer, 'wing', 'vector')).toEqual(after)
    }))

  it('changes at once when it has no documents', () =>
    db.inTransaction(async (t) => {
      await addModels(t)
      const source = await createSource(t, db.acme.member)
      await change(t, source, 'hashing-64')
      await embedAnew(t, source)
      expect(await stateOf(t, source)).toEqual({ model: 'hashing-64', vectors: {} })
    }))

  it('keeps its model when it is named again before the change is complete', () =>
    db.inTransaction(async (t) => {
      await addModels(t)
      const source = await withTexts(db, t, texts)
      await change(t, source, 'hashing-64')
      await change(t, source, 'hashing-384')
      expect(await progressOf(t, source)).toBeNull()
      await embedAnew(t, source)
      expect(await stateOf(t, source)).toEqual({ model: 'hashing-384', vectors: { 'hashing-384': 3 } })
    }))

  it('gets the model that was named last, and nothing stays of the one between', () =>
    db.inTransaction(async (t) => {
      await addModels(t)
      const source = await withTexts(db, t, texts)
      await change(t, source, 'hashing-64')
      await t.becomeRole('rowhouse_worker')
      await t.query(
        `select knowledge.store_embeddings($1, c.model_id, array[c.chunk_id], knowledge.hashing_embeddings(array[c.content], c.dimension))
           from knowledge.chunks_to_embed_anew($1, $2, 0, 2) c`,
        [db.acme.id, source],
      )
      await change(t, source, 'hashing-32')
      await embedAnew(t, source)
      await deleteOld(t, source)
      expect(await stateOf(t, source)).toEqual({ model: 'hashing-32', vectors: { 'hashing-32': 3 } })
    }))

  it('goes on with its old model when the new one’s embedder fails, says why, and still takes documents', () =>
    db.inTransaction(async (t) => {
      await addUnreachableModel(t)
      const source = await withTexts(db, t, texts)
      await change(t, source, 'unreachable')
      await expect(embedAnew(t, source)).rejects.toThrow()
      expect(await progressOf(t, source)).toEqual({
        model: 'unreachable',
        embedded: 0,
        chunks: 3,
        last_error: expect.stringMatching(/\w/),
      })
      await addDocuments(t, db.acme.member, source, [{ externalId: 'new', text: 'a new wing' }])
      await processDocuments(t, db.acme.id)
      expect(await search(t, db.acme.viewer, 'wing', 'vector')).toHaveLength(4)
      expect(
        await t.query(`select distinct processing_status from app_public.documents where source_id = $1`, [source]),
      ).toEqual([{ processing_status: 'completed' }])
      await change(t, source, 'unreachable')
      expect(await progressOf(t, source)).toMatchObject({ last_error: null })
      await change(t, source, 'hashing-384')
      expect(await progressOf(t, source)).toBeNull()
    }))

  it('is changed by those who may manage knowledge, in their own tenant, to a model that there is, by no other way', () =>
    db.inTransaction(async (t) => {
      await addModels(t)
      const source = await withTexts(db, t, texts)
      const code = async (person: typeof db.acme.member, model: string): Promise<string | undefined> => {
        await t.become(person)
        return t.errorCode('select app_public.change_embedding_model($1, $2)', [source, model])
      }
      expect(await code(db.acme.viewer, 'hashing-64')).toBe('ID203')
      expect(await code(db.globex.member, 'hashing-64')).toBe('KN301')
      expect(await code(db.acme.member, 'nothing')).toBe('KN305')
      expect(await t.errorCode('select app_public.change_embedding_model($1, null)', [source])).toBe('KN305')
      expect(await t.errorCode('select app_public.change_embedding_model(null, $1)', ['hashing-64'])).toBe('KN301')
      expect(
        await t.errorCode(`update app_public.rag_knowledge_sources set embedding_model = 'hashing-64' where id = $1`, [
          source,
        ]),
      ).toBe('42501')
      expect(await stateOf(t, source)).toEqual({ model: 'hashing-384', vectors: { 'hashing-384': 3 } })
    }))

  it('is gone with its source, and what was queued does nothing', () =>
    db.inTransaction(async (t) => {
      await addModels(t)
      const source = await withTexts(db, t, texts)
      await change(t, source, 'hashing-64')
      await t.becomeSuperuser()
      await t.query('delete from app_public.rag_knowledge_sources where id = $1', [source])
      await embedAnew(t, source)
      await deleteOld(t, source)
      expect(await progressOf(t, source)).toBeNull()
    }))

  it('has vectors of the model that is searched for each completed document, whatever happens in which order', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('change' as const), model: fc.constantFrom(...models) }),
      fc.record({
        kind: fc.constant('give' as const),
        key: fc.constantFrom('a', 'b', 'c'),
        text: fc.constantFrom(...texts),
      }),
      fc.record({ kind: fc.constantFrom('process', 'embed some', 'complete', 'job', 'clean', 'reprocess') }),
    )
    return fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) =>
        db.inTransaction(async (t) => {
          await addModels(t)
          const source = await withTexts(db, t, ['first wing'])
          let wanted = 'hashing-384'
          const missing = async (): Promise<number> => {
            await t.becomeSuperuser()
            return t.value(
              `select count(*)::int from app_public.document_chunks c
                 join app_public.documents d on d.id = c.document_id join app_public.rag_knowledge_sources s on s.id = c.source_id
                 join app_public.llm_models m on m.name = s.embedding_model
                where s.id = $1 and d.processing_status = 'completed'
                  and not exists (select from app_public.embeddings e where e.chunk_id = c.id and e.model_id = m.id)`,
              [source],
            )
          }
          for (const now of steps) {
            if ('model' in now) {
              await change(t, source, now.model)
              wanted = now.model
            } else if ('key' in now) {
              await addDocuments(t, db.acme.member, source, [{ externalId: now.key, text: now.text }])
            } else if (now.kind === 'process') await processDocuments(t, db.acme.id)
            else if (now.kind === 'job') await embedAnew(t, source)
            else if (now.kind === 'clean') await deleteOld(t, source)
            else if (now.kind === 'reprocess') {
              await t.become(db.acme.member)
              await t.query('select app_public.reprocess_knowledge_source($1)', [source])
            } else {
              await t.becomeRole('rowhouse_worker')
              await t.query(
                now.kind === 'complete'
                  ? 'select knowledge.complete_model_change($1, $2)'
                  : `select knowledge.store_embeddings($1, c.model_id, array[c.chunk_id], knowledge.hashing_embeddings(array[c.content], c.dimension))
                       from knowledge.chunks_to_embed_anew($1, $2, 0, 1) c`,
                [db.acme.id, source],
              )
            }
            expect(await missing()).toBe(0)
          }
          await processDocuments(t, db.acme.id)
          await embedAnew(t, source)
          await deleteOld(t, source)
          const { model, vectors } = await stateOf(t, source)
          const chunks = await t.value<number>(
            'select count(*)::int from app_public.document_chunks where source_id = $1',
            [source],
          )
          expect({ model, vectors }).toEqual({ model: wanted, vectors: { [wanted]: chunks } })
        }),
      ),
      { numRuns: 15, seed: 1311 },
    )
  })
})

describe('two at once', () => {
  async function committedSource(): Promise<{ source: string; ids: string[] }> {
    await db.pool.query(insertModels)
    const user = await session(db.acme.member)
    const { rows } = await user.query(`insert into app_public.rag_knowledge_sources (name) values ($1) returning id`, [
      crypto.randomUUID(),
    ])
    const source = rows[0]?.id as string
    await user.query(
      `select app_public.create_documents($1, knowledge.new_documents('[{"externalId": "a", "text": "wing"}]'))`,
      [source],
    )
    const ids = (
      await db.pool.query('select array_agg(id) as ids from app_public.documents where source_id = $1', [source])
    ).rows[0].ids
    return { source, ids }
  }
  const embedNow = `select knowledge.store_embeddings($1, c.model_id, array[c.chunk_id], knowledge.hashing_embeddings(array[c.content], c.dimension))
                      from knowledge.chunks_to_embed_anew($1, $2, 0, 100) c`
  const modelOf = async (source: string): Promise<string> =>
    (await db.pool.query('select embedding_model from app_public.rag_knowledge_sources where id = $1', [source]))
      .rows[0].embedding_model

  it('workers that complete a change complete it once, and a cancel that comes too late changes back', async (context) => {
    needsServer(context)
    const { source, ids } = await committedSource()
    const [a, b] = [await session('rowhouse_worker'), await session('rowhouse_worker')]
    const user = await session(db.acme.member)
    await a.query('select knowledge.chunk_documents($1, $2)', [db.acme.id, ids])
    await user.query(`select app_public.change_embedding_model($1, 'hashing-64')`, [source])
    await a.query(embedNow, [db.acme.id, source])
    await a.query('begin')
    const complete = 'select knowledge.complete_model_change($1, $2) as done'
    expect((await a.query(complete, [db.acme.id, source])).rows).toEqual([{ done: true }])
    const second = b.query(complete, [db.acme.id, source])
    await untilBlocked(b)
    const cancel = user.query(`select app_public.change_embedding_model($1, 'hashing-384')`, [source])
    await untilBlocked(user)
    await a.query('commit')
    expect((await second).rows).toEqual([{ done: true }])
    await cancel
    expect(await modelOf(source)).toBe('hashing-64')
    expect(
      (
        await db.pool.query(
          `select m.name from app_public.embedding_model_changes c join app_public.llm_models m on m.id = c.model_id where source_id = $1`,
          [source],
        )
      ).rows,
    ).toEqual([{ name: 'hashing-384' }])
  })

  it('a change waits for chunks that are just being made, and is not complete before they have vectors', async (context) => {
    needsServer(context)
    const { source, ids } = await committedSource()
    const [a, b, user] = [
      await session('rowhouse_worker'),
      await session('rowhouse_worker'),
      await session(db.acme.member),
    ]
    await a.query('begin')
    await a.query('select knowledge.chunk_documents($1, $2)', [db.acme.id, ids])
    // whoever asks for the change waits, too, for the moment that a job takes to cut its documents
    const asked = user.query(`select app_public.change_embedding_model($1, 'hashing-64')`, [source])
    await untilBlocked(user)
    await a.query('commit')
    await asked
    await a.query('begin')
    await user.query(`select app_public.reprocess_knowledge_source($1)`, [source])
    await a.query('select knowledge.chunk_documents($1, $2)', [db.acme.id, ids])
    const complete = b.query('select knowledge.complete_model_change($1, $2) as done', [db.acme.id, source])
    await untilBlocked(b)
    await a.query('commit')
    expect((await complete).rows).toEqual([{ done: false }])
    expect(await modelOf(source)).toBe('hashing-384')
  })

  it('a change waits for old vectors that are just being deleted, and does not count them', async (context) => {
    needsServer(context)
    const { source, ids } = await committedSource()
    const [a, b, user] = [
      await session('rowhouse_worker'),
      await session('rowhouse_worker'),
      await session(db.acme.member),
    ]
    for (const stage of ['knowledge.chunk_documents', 'knowledge.embed_builtin', 'knowledge.finish_embedding'])
      await a.query(`select ${stage}($1, $2)`, [db.acme.id, ids])
    const complete = 'select knowledge.complete_model_change($1, $2) as done'
    await user.query(`select app_public.change_embedding_model($1, 'hashing-64')`, [source])
    await a.query(embedNow, [db.acme.id, source])
    await a.query(complete, [db.acme.id, source])
    await a.query('begin')
    await a.query('select knowledge.delete_old_embeddings($1, $2, 0)', [db.acme.id, source])
    const back = user.query(`select app_public.change_embedding_model($1, 'hashing-384')`, [source])
    await untilBlocked(user)
    await a.query('commit')
    await back
    expect((await b.query(complete, [db.acme.id, source])).rows).toEqual([{ done: false }])
    expect(await modelOf(source)).toBe('hashing-64')
  })
})

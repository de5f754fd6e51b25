// What a source keeps of its documents: computed anew after each change, never counted up and down.

import { expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments } from '../helpers/knowledge.ts'

const db = useDatabase()

async function kept(t: Transaction, id: string): Promise<Record<string, unknown>> {
  await t.becomeRole('rowhouse_worker')
  await t.query('select knowledge.refresh_sources()')
  await t.become(db.acme.viewer)
  const [row] = await t.query(
    `select processing_status, processing_started_at, processing_completed_at, processing_error, total_chunks
       from app_public.rag_knowledge_sources where id = $1`,
    [id],
  )
  return row ?? {}
}

it('follows the documents through their stages, a failure and their end', () =>
  db.inTransaction(async (t) => {
    const id = await createSource(t, db.acme.member)
    expect(await kept(t, id)).toMatchObject({ processing_status: 'pending', total_chunks: 0 })
    await addDocuments(t, db.acme.member, id, [
      { externalId: 'a', text: 'one wing' },
      { externalId: 'b', text: 'two wings' },
    ])
    expect(await kept(t, id)).toMatchObject({ processing_status: 'pending', processing_started_at: null })
    await processDocuments(t, db.acme.id)
    expect(await kept(t, id)).toEqual({
      processing_status: 'completed',
      processing_started_at: expect.any(Date),
      processing_completed_at: expect.any(Date),
      processing_error: null,
      total_chunks: 2,
    })
    await addDocuments(t, db.acme.member, id, [{ externalId: 'c', text: 'three' }])
    expect(await kept(t, id)).toMatchObject({
      processing_status: 'processing',
      processing_completed_at: null,
      total_chunks: 2,
    })
    await t.becomeSuperuser()
    const c = await t.value(`select id from app_public.documents where external_id = 'c' and source_id = $1`, [id])
    await t.becomeRole('rowhouse_worker')
    await t.query(`select knowledge.fail_documents($1, array[$2::uuid], 'chunk', 'cannot be cut')`, [db.acme.id, c])
    expect(await kept(t, id)).toMatchObject({ processing_status: 'failed', processing_error: 'cannot be cut' })
    await t.become(db.acme.member)
    await t.query('select app_public.delete_document(id) from app_public.documents where source_id = $1', [id])
    expect(await kept(t, id)).toMatchObject({
      processing_status: 'pending',
      processing_started_at: null,
      processing_error: null,
      total_chunks: 0,
    })
  }))

it('is only done for sources that changed, and leaves updated_at', () =>
  db.inTransaction(async (t) => {
    const refresh = async (): Promise<unknown> => {
      await t.becomeRole('rowhouse_worker')
      return t.value('select knowledge.refresh_sources()')
    }
    await refresh()
    const id = await createSource(t, db.acme.member)
    const before = await t.value('select updated_at from app_public.rag_knowledge_sources where id = $1', [id])
    await addDocuments(t, db.acme.member, id, [{ externalId: 'a', text: 'one wing' }])
    expect(await refresh()).toBe(1)
    expect(await refresh()).toBe(0)
    await t.become(db.acme.member)
    expect(await t.value('select updated_at from app_public.rag_knowledge_sources where id = $1', [id])).toEqual(before)
    expect(await t.errorCode(`update app_public.rag_knowledge_sources set total_chunks = 5 where id = $1`, [id])).toBe(
      '42501',
    )
  }))

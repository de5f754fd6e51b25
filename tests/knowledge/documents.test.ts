// Documents in and out, as members of each role, and through the stages of processing.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments, search } from '../helpers/knowledge.ts'

const db = useDatabase()
const base64 = (text: string): string => Buffer.from(text).toString('base64')

describe('create_documents', () => {
  it('answers for each document: created, unchanged, replaced, refused', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const outcomes = async (documents: object[]) =>
        (await addDocuments(t, db.acme.member, source, documents as never)).map(({ external_id, outcome, error }) => [
          external_id,
          outcome,
          error,
        ])
      expect(
        await outcomes([
          { externalId: 'a', text: 'One.' },
          { externalId: 'b', text: 'Two.' },
        ]),
      ).toEqual([
        ['a', 'created', null],
        ['b', 'created', null],
      ])
      expect(
        await outcomes([
          { externalId: 'a', text: 'One.' },
          { externalId: 'b', text: 'Two, changed.' },
          { externalId: 'c', text: ' ' },
        ]),
      ).toEqual([
        ['a', 'unchanged', null],
        ['b', 'replaced', null],
        ['c', 'refused', 'The document is empty.'],
      ])
    }))

  it.each([
    [{ text: 'x' }, /external id/],
    [{ externalId: '', text: 'x' }, /external id/],
    [{ externalId: 'a' }, /is empty/],
    [{ externalId: 'a', text: ' ' }, /is empty/],
    [{ externalId: 'a', text: 'x', title: 'x'.repeat(1001) }, /title/],
    [{ externalId: 'a', text: 'x', metadata: [] }, /metadata/],
    [null, /external id/],
  ])('refuses %j and keeps the others', (bad, error) =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const receipts = await addDocuments(t, db.acme.member, source, [bad as never, { externalId: 'good', text: 'x' }])
      expect(receipts.find(({ outcome }) => outcome === 'refused')?.error).toMatch(error)
      expect(receipts.find(({ external_id }) => external_id === 'good')?.outcome).toBe('created')
    }),
  )

  it('refuses what is not 1 to 500 documents, another tenant’s source, and viewers', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const call = `select app_public.create_documents($1, knowledge.new_documents($2))`
      const one = JSON.stringify([{ externalId: 'a', text: 'x' }])
      expect(await t.errorCode(call, [source, '[]'])).toBe('KN401')
      expect(await t.errorCode(call, [source, '{}'])).toBe('KN401')
      expect(await t.errorCode(call, [source, null])).toBe('KN401')
      expect(await t.errorCode(call, [source, JSON.stringify(Array(501).fill({}))])).toBe('KN401')
      expect(await t.errorCode(call, [crypto.randomUUID(), one])).toBe('KN301')
      await t.become(db.globex.owner)
      expect(await t.errorCode(call, [source, one])).toBe('KN301')
      await t.become(db.acme.viewer)
      expect(await t.errorCode(call, [source, one])).toBe('ID203')
    }))
})

describe('processing', () => {
  it('takes a document from pending to completed, and counts on the way', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }])
      const counts = () =>
        t.query(
          `select (app_public.rag_knowledge_sources_processing_counts(s)).* from app_public.rag_knowledge_sources s where id = $1`,
          [source],
        )
      expect(await counts()).toEqual([{ pending: 1, processing: 0, completed: 0, failed: 0 }])
      expect(await search(t, db.acme.viewer, 'wing')).toEqual([])
      await processDocuments(t, db.acme.id)
      await t.become(db.acme.viewer)
      expect(await counts()).toEqual([{ pending: 0, processing: 0, completed: 1, failed: 0 }])
      expect(await search(t, db.acme.viewer, 'wing')).toHaveLength(1)
    }))

  it('does nothing twice: every stage can run again', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member, { chunk_size: 100, chunk_overlap: 0 })
      await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing. '.repeat(100) }])
      const state = async () => {
        await t.becomeSuperuser()
        return t.query(
          `select (select count(*) from app_public.document_chunks), (select count(*) from app_public.embeddings), (select count(*) from search.changes)`,
        )
      }
      await processDocuments(t, db.acme.id)
      const once = await state()
      await processDocuments(t, db.acme.id)
      expect(await state()).toEqual(once)
    }))

  it('of a replaced document removes the chunks, vectors and postings of the old one', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'Old wing.' }])
      await processDocuments(t, db.acme.id)
      await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'New body.' }])
      expect(await search(t, db.acme.viewer, 'wing', 'hybrid')).toHaveLength(1)
      expect(await search(t, db.acme.viewer, 'body')).toEqual([])
      await processDocuments(t, db.acme.id)
      expect(await search(t, db.acme.viewer, 'wing')).toEqual([])
      expect(await search(t, db.acme.viewer, 'body')).toHaveLength(1)
      await t.becomeSuperuser()
      await t.query(`select set_config('rowhouse.tenant_id', $1, true)`, [db.acme.id])
      expect(await t.query('select * from search.verify_index()')).toEqual([])
      expect(await t.query('select term from search.term_document_counts() order by 1')).toEqual([
        { term: 'bodi' },
        { term: 'new' },
      ])
    }))

  it('of a deleted document leaves nothing', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const [receipt] = await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }])
      await processDocuments(t, db.acme.id)
      await t.become(db.globex.owner)
      expect(await t.errorCode('select app_public.delete_document($1)', [receipt?.document_id])).toBe('KN302')
      await t.become(db.acme.viewer)
      expect(await t.errorCode('select app_public.delete_document($1)', [receipt?.document_id])).toBe('ID203')
      await t.become(db.acme.member)
      await t.query('select app_public.delete_document($1)', [receipt?.document_id])
      await t.becomeSuperuser()
      for (const table of ['app_public.document_chunks', 'app_public.embeddings']) {
        expect(await t.value(`select count(*)::int from ${table} where tenant_id = $1`, [db.acme.id])).toBe(0)
      }
    }))

  it('that failed says why, and goes on from its stage when it is tried again', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const [receipt] = await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }])
      const id = receipt?.document_id
      await t.becomeRole('rowhouse_worker')
      await t.query('select knowledge.chunk_documents($1, $2)', [db.acme.id, [id]])
      await t.query(`select knowledge.fail_documents($1, $2, 'embed', 'The endpoint is down.')`, [db.acme.id, [id]])
      await t.become(db.acme.viewer)
      expect(
        await t.query('select processing_status, processing_error from app_public.documents where id = $1', [id]),
      ).toEqual([{ processing_status: 'failed', processing_error: 'The endpoint is down.' }])
      expect((await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }]))[0]?.outcome).toBe(
        'retried',
      )
      await t.becomeRole('rowhouse_worker')
      await t.query(`select knowledge.fail_documents($1, $2, 'embed', 'Again.')`, [db.acme.id, [id]])
      await t.become(db.acme.member)
      expect(await t.value('select app_public.retry_documents($1)', [source])).toBe(1)
      expect(await t.value('select app_public.retry_documents($1)', [source])).toBe(0)
      await processDocuments(t, db.acme.id)
      expect(await search(t, db.acme.viewer, 'wing')).toHaveLength(1)
    }))

  it('can be done again for a whole source, with other settings', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await addDocuments(t, db.acme.member, source, [
        { externalId: 'a', text: 'The first sentence is here. The second sentence is there. '.repeat(4) },
      ])
      await processDocuments(t, db.acme.id)
      const chunkCount = () =>
        t.value(
          `select app_public.rag_knowledge_sources_chunk_count(s) from app_public.rag_knowledge_sources s where id = $1`,
          [source],
        )
      await t.become(db.acme.member)
      expect(await chunkCount()).toBe(1)
      await t.query('update app_public.rag_knowledge_sources set chunk_size = 100, chunk_overlap = 0 where id = $1', [
        source,
      ])
      expect(await t.value('select app_public.reprocess_knowledge_source($1)', [source])).toBe(1)
      await processDocuments(t, db.acme.id)
      await t.become(db.acme.member)
      expect(await chunkCount()).toBe(3)
      expect((await search(t, db.acme.viewer, 'sentence')).length).toBe(3)
    }))

  it('follows a new title', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const [receipt] = await addDocuments(t, db.acme.member, source, [
        { externalId: 'a', title: 'Leave', text: 'Sixteen weeks.' },
      ])
      await processDocuments(t, db.acme.id)
      await t.become(db.acme.member)
      await t.query(`select app_public.update_document($1, 'Vacation')`, [receipt?.document_id])
      await processDocuments(t, db.acme.id)
      expect(await search(t, db.acme.viewer, 'leave')).toEqual([])
      expect(await search(t, db.acme.viewer, 'vacation')).toHaveLength(1)
    }))

  it('keeps a failed document as it is when update_document changes its metadata and no title', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const [receipt] = await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }])
      const id = receipt?.document_id
      await t.becomeRole('rowhouse_worker')
      await t.query(`select knowledge.fail_documents($1, $2, 'chunk', 'The text is too long.')`, [db.acme.id, [id]])
      await t.become(db.acme.member)
      expect(
        await t.query(
          `select title, metadata, processing_status, processing_error
             from app_public.update_document($1, metadata => '{"author": "Ada"}')`,
          [id],
        ),
      ).toEqual([
        {
          title: 'a',
          metadata: { author: 'Ada' },
          processing_status: 'failed',
          processing_error: 'The text is too long.',
        },
      ])
    }))

  it('keeps a completed document searchable when update_document changes its metadata and no title', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const [receipt] = await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }])
      await processDocuments(t, db.acme.id)
      await t.become(db.acme.member)
      const change = `select processing_status, processing_completed_at is not null as is_dated
                        from app_public.update_document($1, $2, '{"author": "Ada"}')`
      for (const title of [null, 'a']) {
        expect(await t.query(change, [receipt?.document_id, title])).toEqual([
          { processing_status: 'completed', is_dated: true },
        ])
      }
      expect(await search(t, db.acme.viewer, 'wing')).toHaveLength(1)
    }))

  it('refuses a title and metadata that break a rule of the table', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const [receipt] = await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }])
      const change = 'select app_public.update_document($1, $2, $3)'
      expect(await t.errorCode(change, [receipt?.document_id, ' ', null])).toBe('23514')
      expect(await t.errorCode(change, [receipt?.document_id, null, '[]'])).toBe('23514')
    }))
})

describe('upload_file', () => {
  it.each([
    [['', base64('x')], 'KN402'],
    [['a.txt', 'not base 64!'], 'KN403'],
    [['a.txt', ''], 'KN404'],
    [['a.txt', base64('x'), null, null, null, '[]'], '23514'],
    [['a.txt', base64('x'), null, 'x'.repeat(1025)], '23514'],
  ])('refuses %j with %s', (values, code) =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      expect(
        await t.errorCode('select app_public.upload_file($1, $2, $3, $4, $5, $6, $7)', [
          source,
          ...[...values, null, null, null, null].slice(0, 6),
        ]),
      ).toBe(code)
    }),
  )

  it('hands the bytes to the worker once, and takes the text back', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await t.become(db.acme.member)
      const [receipt] = await t.query<{ document_id: string }>('select * from app_public.upload_file($1, $2, $3)', [
        source,
        'a.txt',
        base64('A wing.'),
      ])
      await t.becomeRole('rowhouse_worker')
      const files = await t.query<{ file_name: string; content: Buffer; content_hash: Buffer }>(
        'select * from knowledge.begin_parsing($1, $2)',
        [db.acme.id, [receipt?.document_id]],
      )
      expect(files.map(({ file_name, content }) => [file_name, content.toString()])).toEqual([['a.txt', 'A wing.']])
      await t.query(`select knowledge.finish_parsing($1, $2, $3, 'On wings', 'A wing.', '{"pageCount": 1}')`, [
        db.acme.id,
        receipt?.document_id,
        files[0]?.content_hash,
      ])
      expect(
        await t.query('select * from knowledge.begin_parsing($1, $2)', [db.acme.id, [receipt?.document_id]]),
      ).toEqual([])
      await processDocuments(t, db.acme.id)
      expect((await search(t, db.acme.viewer, 'wing'))[0]).toMatchObject({ title: 'On wings' })
    }))
})

describe('a document that is replaced', () => {
  const upload = async (t: Transaction, source: string, content: string) => {
    await t.become(db.acme.member)
    const [receipt] = await t.query<{ document_id: string; outcome: string }>(
      'select * from app_public.upload_file($1, $2, $3)',
      [source, 'a.txt', base64(content)],
    )
    return { id: receipt?.document_id as string, outcome: receipt?.outcome }
  }
  const beginParsing = async (t: Transaction, id: string) => {
    await t.becomeRole('rowhouse_worker')
    const [file] = await t.query<{ content: Buffer; content_hash: Buffer }>(
      'select content, content_hash from knowledge.begin_parsing($1, $2)',
      [db.acme.id, [id]],
    )
    return file
  }
  const finishParsing = (t: Transaction, id: string, hash: Buffer | undefined, text: string, metadata: object = {}) =>
    t.query('select knowledge.finish_parsing($1, $2, $3, $4, $5, $6)', [
      db.acme.id,
      id,
      hash,
      'a.txt',
      text,
      JSON.stringify(metadata),
    ])
  const failParsing = (t: Transaction, id: string, hash: Buffer | undefined) =>
    t.query(`select knowledge.fail_documents($1, $2, 'parse', 'The file cannot be read.', $3)`, [
      db.acme.id,
      [id],
      hash,
    ])
  const documentOf = async (t: Transaction, id: string) => {
    await t.become(db.acme.viewer)
    const [document] = await t.query(
      'select content, title, processing_status as status, processing_error as error from app_public.documents where id = $1',
      [id],
    )
    return document
  }
  const load = async (t: Transaction, source: string, text: string): Promise<string> => {
    const { id } = await upload(t, source, text)
    const file = await beginParsing(t, id)
    await finishParsing(t, id, file?.content_hash, text)
    await processDocuments(t, db.acme.id)
    return id
  }

  it('by a file that cannot be read stays searchable, with the error beside it, until a good one comes', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const id = await load(t, source, 'About narwhals.')
      expect((await upload(t, source, 'broken')).outcome).toBe('replaced')
      expect(await search(t, db.acme.viewer, 'narwhals')).toHaveLength(1)
      await failParsing(t, id, (await beginParsing(t, id))?.content_hash)
      expect(await documentOf(t, id)).toEqual({
        content: 'About narwhals.',
        title: 'a.txt',
        status: 'failed',
        error: 'The file cannot be read.',
      })
      expect(await search(t, db.acme.viewer, 'narwhals', 'hybrid')).toHaveLength(1)
      expect((await upload(t, source, 'broken')).outcome).toBe('retried')
      await load(t, source, 'About belugas.')
      expect(await search(t, db.acme.viewer, 'narwhals')).toEqual([])
      expect(await search(t, db.acme.viewer, 'belugas')).toHaveLength(1)
      expect(await documentOf(t, id)).toMatchObject({ content: 'About belugas.', status: 'completed', error: null })
    }))

  it('while its file is parsed gets the newer one, whatever became of the older', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const { id } = await upload(t, source, 'One.')
      const older = await beginParsing(t, id)
      await upload(t, source, 'Two.')
      await t.becomeRole('rowhouse_worker')
      await finishParsing(t, id, older?.content_hash, 'One.')
      await failParsing(t, id, older?.content_hash)
      const newer = await beginParsing(t, id)
      expect(newer?.content.toString()).toBe('Two.')
      await finishParsing(t, id, newer?.content_hash, 'Two.')
      await processDocuments(t, db.acme.id)
      expect(await documentOf(t, id)).toMatchObject({ content: 'Two.', status: 'completed' })
    }))

  it('keeps a title that was changed meanwhile', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const [receipt] = await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'Old.' }])
      await processDocuments(t, db.acme.id)
      await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'New.' }])
      await t.query(`select app_public.update_document($1, 'My title')`, [receipt?.document_id])
      await processDocuments(t, db.acme.id)
      expect(await documentOf(t, receipt?.document_id as string)).toMatchObject({ title: 'My title', content: 'New.' })
    }))

  it('is found in every mode at every moment', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const [receipt] = await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'About narwhals.' }])
      await processDocuments(t, db.acme.id)
      const found = async (word: string) => {
        const contents: string[][] = []
        for (const mode of ['bm25', 'vector', 'hybrid'])
          contents.push((await search(t, db.acme.viewer, word, mode)).map(({ content }) => content))
        return contents
      }
      const old = Array(3).fill(['About narwhals.'])
      expect(await found('narwhals')).toEqual(old)
      await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'About belugas.' }])
      expect(await found('narwhals')).toEqual(old)
      await t.becomeRole('rowhouse_worker')
      await t.query('select knowledge.chunk_documents($1, $2)', [db.acme.id, [receipt?.document_id]])
      expect(await found('belugas')).toEqual(Array(3).fill(['About belugas.']))
    }))

  it('by one with too much metadata fails, and says so', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const id = await load(t, source, 'About narwhals.')
      await upload(t, source, 'Two.')
      const file = await beginParsing(t, id)
      await finishParsing(t, id, file?.content_hash, 'Two.', { author: 'x'.repeat(100_001) })
      expect(await documentOf(t, id)).toMatchObject({ status: 'failed', error: expect.stringContaining('100 kB') })
      expect(await search(t, db.acme.viewer, 'narwhals')).toHaveLength(1)
    }))

  it('any number of times, well or badly, is found by its last good version and by no other', async () => {
    const version = fc.record({ word: fc.constantFrom('alpha', 'beta', 'gamma', 'delta'), isGood: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(version, { minLength: 1, maxLength: 6 }), (versions) =>
        db.inTransaction(async (t) => {
          const source = await createSource(t, db.acme.member)
          let good: string | undefined
          for (const { word, isGood } of versions) {
            const { id, outcome } = await upload(t, source, isGood ? word : `${word}, broken`)
            const file = await beginParsing(t, id)
            if (isGood && outcome !== 'unchanged') await finishParsing(t, id, file?.content_hash, word)
            else if (!isGood) await failParsing(t, id, file?.content_hash)
            await processDocuments(t, db.acme.id)
            if (isGood) good = word
            for (const each of ['alpha', 'beta', 'gamma', 'delta'])
              expect(await search(t, db.acme.viewer, each)).toHaveLength(each === good ? 1 : 0)
          }
        }),
      ),
      { numRuns: 15, seed: 25 },
    )
  })
})

describe('store_embeddings', () => {
  it('keeps unit vectors of the model’s dimension, once', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }])
      await t.becomeSuperuser()
      const ids = await t.value('select array_agg(id) from app_public.documents where tenant_id = $1', [db.acme.id])
      const model = await t.value(`select id from app_public.llm_models where name = 'hashing-384'`)
      await t.becomeRole('rowhouse_worker')
      await t.query('select knowledge.chunk_documents($1, $2)', [db.acme.id, ids])
      const [chunk] = await t.query<{ chunk_id: string }>(
        'select chunk_id from knowledge.chunks_to_embed($1, $2, 10)',
        [db.acme.id, ids],
      )
      const store = (vector: number[]): [string, unknown[]] => [
        'select knowledge.store_embeddings($1, $2, $3, $4, cost_usd => null) as stored',
        [db.acme.id, model, [chunk?.chunk_id], [JSON.stringify(vector)]],
      ]
      expect(await t.errorCode(...store([1, 2, 3]))).toBe('KN902')
      expect(await t.errorCode(...store(Array(384).fill(0)))).toBe('23514')
      expect(await t.query(...store(Array(384).fill(5)))).toEqual([{ stored: 1 }])
      expect(await t.query(...store(Array(384).fill(5)))).toEqual([{ stored: 0 }])
      await t.becomeSuperuser()
      expect(
        await t.value('select vector_norm(embedding) from app_public.embeddings where tenant_id = $1', [db.acme.id]),
      ).toBeCloseTo(1, 5)
    }))
})

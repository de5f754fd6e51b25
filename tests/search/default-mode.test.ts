// The mode of a search that names none: by words where all vectors are the built-in embedder's, which knows no meanings,
// by both where a model does.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, type Hit, processDocuments, search, withTexts } from '../helpers/knowledge.ts'

const db = useDatabase()
const dimension = 8
const question = `query_embedding => array_fill(1, array[${dimension}])::real[]::public.vector`

/** A model that is an endpoint outside of the database. */
async function addRealModel(t: Transaction): Promise<void> {
  await t.becomeSuperuser()
  await t.query(
    `with provider as (
       insert into app_public.llm_providers (name, display_name, kind, base_url)
       values ('elsewhere', 'Elsewhere', 'openai', 'https://models.test/v1') returning id)
     insert into app_public.llm_models (provider_id, name, kind, provider_model_name, dimension)
     select id, 'real', 'embedding', 'real', $1 from provider`,
    [dimension],
  )
}

const ask = async (t: Transaction, more = '') => {
  await t.become(db.acme.viewer)
  return t.query<Hit & { mode: string }>(`select * from app_public.search('wing'${more})`)
}
const modesOf = (hits: { mode: string }[]) => [...new Set(hits.map(({ mode }) => mode))]

/** The mode that is chosen, also when nothing would be found. */
const chosen = async (t: Transaction, filter = 'null', options = ''): Promise<string> => {
  await t.query(`set local role rowhouse_owner`)
  return t.value(`select search.default_mode(${filter}, search.options(${options}))`)
}

describe('a search without a mode', () => {
  it('goes by words when all of its sources have the built-in model, and each hit and the log say so', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing flow', 'wing', 'heat of a plate'])
      const hits = await ask(t)
      expect(hits).toEqual(await search(t, db.acme.viewer, 'wing', 'bm25'))
      expect(modesOf(hits)).toEqual(['bm25'])
      await t.becomeSuperuser()
      expect(await t.value('select array_agg(distinct mode)::text from search.query_log_buffer')).toBe('{bm25}')
    }))

  it('goes by both as soon as one of its sources has a model that is an endpoint', () =>
    db.inTransaction(async (t) => {
      await addRealModel(t)
      const builtin = await withTexts(db, t, ['wing flow'])
      const real = await createSource(t, db.acme.member, { embedding_model: 'real' })
      expect(await t.errorCode(`select * from app_public.search('wing')`)).toBe('SR409')
      const hits = await ask(
        t,
        `, options => search.options(query_embeddings => array[
             row ('real', array_fill(1, array[${dimension}])::real[]::public.vector)::app_public.query_embedding])`,
      )
      expect(modesOf(hits)).toEqual(['hybrid'])
      // the filter chooses the sources, so it chooses the models
      const only = (id: string): string => `search.filter(array['${id}']::uuid[])`
      expect([await chosen(t), await chosen(t, only(builtin)), await chosen(t, only(real))]).toEqual([
        'hybrid',
        'bm25',
        'hybrid',
      ])
      expect(modesOf(await ask(t, `, filter => ${only(builtin)}`))).toEqual(['bm25'])
      // and so does the option that names a model
      expect(await chosen(t, 'null', `embedding_model => 'hashing-384'`)).toBe('bm25')
      expect(await chosen(t, only(builtin), `embedding_model => 'real'`)).toBe('hybrid')
    }))

  it('goes by both when the embedding of the question is given', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing flow', 'heat'])
      const given = 'query_embedding => array_fill(1, array[384])::real[]::public.vector'
      expect(modesOf(await ask(t, `, options => search.options(${given})`))).toEqual(['hybrid'])
    }))

  it('keeps the mode that is named', () =>
    db.inTransaction(async (t) => {
      await withTexts(db, t, ['wing flow', 'heat'])
      for (const mode of ['bm25', 'vector', 'hybrid']) expect(modesOf(await ask(t, `, '${mode}'`))).toEqual([mode])
      await addRealModel(t)
      await createSource(t, db.acme.member, { embedding_model: 'real' })
      expect(modesOf(await ask(t, `, 'bm25'`))).toEqual(['bm25'])
    }))

  it('does not ask for the model of a source that is disabled', () =>
    db.inTransaction(async (t) => {
      await addRealModel(t)
      await withTexts(db, t, ['wing'])
      const real = await createSource(t, db.acme.member, { embedding_model: 'real' })
      await t.query('update app_public.rag_knowledge_sources set enabled = false where id = $1', [real])
      expect(modesOf(await ask(t))).toEqual(['bm25'])
    }))

  it('is decided by one’s own sources, and by what others share only where none of them is in scope', () =>
    db.inTransaction(async (t) => {
      await addRealModel(t)
      const own = await withTexts(db, t, ['wing'])
      const foreign = await createSource(t, db.globex.member, { embedding_model: 'real' })
      await addDocuments(t, db.globex.member, foreign, [{ externalId: 'x', text: 'wing of globex' }])
      await processDocuments(t, db.globex.id)
      await t.become(db.globex.admin)
      await t.query(`select app_public.share_resource('knowledge_source', $1, 'acme')`, [foreign])
      expect(modesOf(await ask(t))).toEqual(['bm25'])
      await t.become(db.acme.owner)
      await t.query('select app_public.delete_knowledge_source($1)', [own])
      expect(
        modesOf(await ask(t, `, options => search.options(${question})`)),
        'the shared source has the dimension of the real model',
      ).toEqual(['hybrid'])
      await t.become(db.acme.viewer)
      expect(await t.errorCode(`select * from app_public.search('wing')`)).toBe('SR409')
    }))

  it('finds nothing where there is no source, and refuses a model that is none or is disabled', () =>
    db.inTransaction(async (t) => {
      await addRealModel(t)
      expect(await ask(t)).toEqual([])
      await t.become(db.acme.viewer)
      const named = (name: string): Promise<string | undefined> =>
        t.errorCode(`select * from app_public.search('wing', options => search.options(embedding_model => '${name}'))`)
      expect(await named('nothing')).toBe('SR403')
      await t.becomeSuperuser()
      await t.query(`update app_public.llm_models set is_enabled = false where name = 'real'`)
      await t.become(db.acme.viewer)
      expect(await named('real')).toBe('SR403')
    }))
})

// Text is stored in Unicode's composed form (NFC), whoever writes it, so that what looks the same is equal.

import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments, search } from '../helpers/knowledge.ts'

const db = useDatabase()
const [composed, decomposed] = ['Größe', 'Größe'.normalize('NFD')]

describe('text', () => {
  it('of every table of the API is stored composed: each has the trigger, for each of its columns that hold text', async () => {
    const { rows } = await db.pool.query<{ gap: string }>(`
      select c.oid::regclass || '.' || t.name as gap
        from pg_class c, core.text_columns(c.oid) t
       where c.relnamespace = 'app_public'::regnamespace and c.relkind in ('r', 'p')
         and not exists (
           select from pg_trigger g
            where g.tgrelid = c.oid and g.tgfoid = 'core.tg__normalize_texts'::regproc and g.tgenabled = 'O'
              and strpos(encode(g.tgargs, 'escape'), t.name || '\\000') > 0)`)
    expect(rows).toEqual([])
  })

  it('is the same name in both forms', () =>
    db.inTransaction(async (t) => {
      await createSource(t, db.acme.member, {
        name: composed,
        tags: [decomposed],
        metadata: { [decomposed]: decomposed },
      })
      expect(await t.query('select name, tags, metadata from app_public.rag_knowledge_sources')).toEqual([
        { name: composed, tags: [composed], metadata: { [composed]: composed } },
      ])
      expect(await t.errorCode('insert into app_public.rag_knowledge_sources (name) values ($1)', [decomposed])).toBe(
        '23505',
      )
      await t.query(`insert into app_public.rag_knowledge_sources (name) values ('other')`)
      expect(
        await t.errorCode(`update app_public.rag_knowledge_sources set name = $1 where name = 'other'`, [decomposed]),
      ).toBe('23505')
    }))

  it('of a document is the same document in both forms', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const given = { externalId: `${composed}.txt`, title: composed, text: `Die Über${composed} beträgt vierzig.` }
      const asDecomposed = Object.fromEntries(
        Object.entries(given).map(([key, value]) => [key, value.normalize('NFD')]),
      )
      expect(await addDocuments(t, db.acme.member, source, [given])).toMatchObject([{ outcome: 'created' }])
      expect(await addDocuments(t, db.acme.member, source, [asDecomposed as typeof given])).toMatchObject([
        { outcome: 'unchanged' },
      ])
      await processDocuments(t, db.acme.id)
      for (const question of [`Über${composed}`, `Über${composed}`.normalize('NFD')])
        expect(await search(t, db.acme.viewer, question)).toMatchObject([{ title: composed, content: given.text }])
    }))

  it('of a new version that a parser read is composed in its chunks, too', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await t.become(db.acme.member)
      for (const bytes of ['eA==', 'eQ==']) {
        const id = await t.value<string>(`select document_id from app_public.upload_file($1, 'a.txt', $2)`, [
          source,
          bytes,
        ])
        await t.becomeRole('rowhouse_worker')
        await t.query(
          `select knowledge.finish_parsing($1, $2, f.content_hash, $3, $4, '{}') from knowledge.begin_parsing($1, array[$2::uuid]) f`,
          [db.acme.id, id, decomposed, `${decomposed} ${bytes}`],
        )
        await processDocuments(t, db.acme.id)
        expect(await search(t, db.acme.viewer, composed)).toMatchObject([
          { title: composed, content: `${composed} ${bytes}` },
        ])
        await t.becomeSuperuser()
        expect(
          await t.query(`select c.content = substr(d.content, c.start_offset + 1, c.end_offset - c.start_offset) as is_there
                           from app_public.document_chunks c join app_public.documents d on d.id = c.document_id`),
        ).toEqual([{ is_there: true }])
        await t.become(db.acme.member)
      }
    }))

  it('of a file’s name and key is stored composed', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await t.become(db.acme.member)
      for (const outcome of ['created', 'unchanged'])
        expect(
          await t.query(`select outcome, external_id from app_public.upload_file($1, $2, 'eA==')`, [
            source,
            `${outcome === 'created' ? decomposed : composed}.txt`,
          ]),
        ).toEqual([{ outcome, external_id: `${composed}.txt` }])
      await t.becomeSuperuser()
      expect(await t.value('select name from knowledge.document_files')).toBe(`${composed}.txt`)
    }))
})

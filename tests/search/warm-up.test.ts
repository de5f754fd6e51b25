// A connection that is kept is made ready for a search before anybody waits, and nobody notices: nothing is told, logged or
// changed.

import { afterEach, describe, expect, it } from 'vitest'
import { createPool } from '../../server/pool.ts'
import { keepWarmConnections } from '../../server/warm-connections.ts'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments, search, withTexts } from '../helpers/knowledge.ts'

const db = useDatabase()

async function withIndex(t: Transaction, texts: string[]): Promise<void> {
  await withTexts(db, t, texts)
  await t.becomeRole('rowhouse_worker')
  await t.query('select search.merge_index($1, minimum => 1)', [db.acme.id])
}
const warmUp = async (t: Transaction): Promise<string | null> => {
  await t.becomeRole('rowhouse_authenticator')
  return t.value('select search.warm_up()')
}

describe('warming a connection up', () => {
  it('does nothing where no tenant has an index', () =>
    db.inTransaction(async (t) => expect(await warmUp(t)).toBeNull()))

  it.each([
    ['words', 'wing flow in a layer'],
    ['operators', '"wing" -flow title:x* & | ( \' \\'],
    ['a script without spaces', '申请退款的流程'],
    ['a stop word', 'the'],
  ])('searches in a tenant that has one, whatever its texts begin with: %s', (_, text) =>
    db.inTransaction(async (t) => {
      await withIndex(t, [text])
      expect(await warmUp(t)).toBe('hybrid')
    }),
  )

  it('finds nothing to search for in a text of signs', () =>
    db.inTransaction(async (t) => {
      await withIndex(t, ['!!! ???'])
      expect(await warmUp(t)).toBeNull()
    }))

  it('takes the smallest tenant of a thousand chunks or more, and no vectors in a large one', () =>
    db.inTransaction(async (t) => {
      await withIndex(t, ['wing of acme'])
      const source = await createSource(t, db.globex.member)
      await addDocuments(t, db.globex.member, source, [{ externalId: 'x', text: 'wing of globex' }])
      await processDocuments(t, db.globex.id)
      await t.becomeRole('rowhouse_worker')
      await t.query('select search.merge_index($1, minimum => 1)', [db.globex.id])
      const ordered = async (ofAcme: number, ofGlobex: number): Promise<string[]> => {
        await t.becomeSuperuser()
        await t.query('update search.blocks set chunk_count = case tenant_id when $1 then $2::int else $3 end', [
          db.acme.id,
          ofAcme,
          ofGlobex,
        ])
        const samples = await t.query<{ words: string }>('select * from search.warm_up_samples()')
        return samples.map(({ words }) => words)
      }
      const [acme, globex] = ['wing of acme', 'wing of globex']
      expect(await ordered(1000, 999)).toEqual([acme, globex])
      expect(await ordered(1001, 1000)).toEqual([globex, acme])
      expect(await ordered(10, 20)).toEqual([acme, globex])
      expect(await ordered(16_000, 16_000)).toHaveLength(2)
      await t.query('savepoint writable')
      expect(await warmUp(t)).toBe('hybrid')
      await t.query('rollback to writable')
      await t.becomeSuperuser()
      await t.query(
        `insert into search.blocks (tenant_id, chunk_count, total_length, min_length, max_length, k1, b, average_length, bucket_count, term_count)
         select tenant_id, 1, 1, 1, 1, k1, b, average_length, bucket_count, term_count from search.blocks`,
      )
      expect(await warmUp(t)).toBe('bm25')
    }))

  it('logs no search and changes nothing: its transaction is read-only', () =>
    db.inTransaction(async (t) => {
      await withIndex(t, ['wing flow'])
      expect(await warmUp(t)).toBe('hybrid')
      expect(await t.value(`select current_setting('rowhouse.tenant_id', true)`)).toBe('')
      await t.becomeSuperuser()
      expect(await t.value('select count(*)::int from search.query_log_buffer')).toBe(0)
      expect(await t.errorCode('delete from app_public.documents')).toBe('25006')
    }))

  it('leaves the tenant of the context as it was', () =>
    db.inTransaction(async (t) => {
      await withIndex(t, ['wing flow'])
      await t.becomeRole('rowhouse_authenticator', db.globex.id)
      expect(await t.value('select search.warm_up()')).toBe('hybrid')
      expect(await t.value(`select current_setting('rowhouse.tenant_id', true)`)).toBe(db.globex.id)
      expect(await search(t, db.globex.viewer, 'wing')).toEqual([])
    }))

  it('passes by a tenant whose plan has no search, and a model that is disabled', () =>
    db.inTransaction(async (t) => {
      await withIndex(t, ['wing flow'])
      await t.query('savepoint enabled')
      await t.become(db.acme.owner)
      await t.query(`update app_public.tenant_config set features = '{"rag_enabled": false}'`)
      expect(await warmUp(t)).toBeNull()
      await t.query('rollback to enabled')
      await t.becomeSuperuser()
      await t.query(`update app_public.llm_models set is_enabled = false where name = 'hashing-384'`)
      expect(await warmUp(t)).toBeNull()
    }))

  it('takes a model that is an endpoint without calling it', () =>
    db.inTransaction(async (t) => {
      await withIndex(t, ['wing flow'])
      await t.becomeSuperuser()
      await t.query(
        `update app_public.llm_providers set kind = 'openai', base_url = 'https://models.test' where name = 'builtin'`,
      )
      expect(await warmUp(t)).toBe('hybrid')
    }))

  it.each(['rowhouse_user', 'rowhouse_worker'])('is not for %s', (role) =>
    db.inTransaction(async (t) => {
      await t.becomeRole(role as 'rowhouse_user')
      expect(await t.errorCode('select search.warm_up()')).toBe('42501')
      expect(await t.errorCode('select * from search.warm_up_samples()')).toBe('42501')
    }),
  )
})

describe('a pool that keeps connections', () => {
  const open: { end: () => Promise<void> }[] = []
  afterEach(async () => {
    for (const each of open.splice(0)) await each.end()
  })
  const keep = (max: number, warmConnections: number) => {
    const pool = createPool(db.url, 'rowhouse_authenticator', max, { warmConnections })
    const warm = keepWarmConnections(pool)
    open.push({
      end: async () => {
        warm.stop()
        await pool.end()
      },
    })
    return { pool, warm }
  }
  const lastStatements = async (): Promise<string[]> => {
    const { rows } = await db.pool.query<{ query: string }>(
      `select query from pg_stat_activity
        where datname = current_database() and application_name = 'rowhouse_authenticator' and state = 'idle'`,
    )
    return rows.map(({ query }) => query)
  }

  it('has them open and warm before the first request', async (context) => {
    needsServer(context, 'every connection to the embedded engine is the same session')
    const { pool } = keep(5, 2)
    await expect.poll(() => pool.idleCount).toBe(2)
    expect(pool.totalCount).toBe(2)
    expect(await lastStatements()).toEqual(Array(2).fill(expect.stringContaining('search.warm_up()')))
  })

  it('warms each that it opens later, too, and opens no more than it may', async (context) => {
    needsServer(context, 'every connection to the embedded engine is the same session')
    const { pool } = keep(3, 10)
    await expect.poll(() => pool.idleCount).toBe(3)
    const clients = await Promise.all([1, 2, 3].map(() => pool.connect()))
    expect(pool.totalCount).toBe(3)
    for (const client of clients) client.release()
    const { pool: other } = keep(5, 1)
    await expect.poll(() => other.idleCount).toBe(1)
    const more = await Promise.all([1, 2].map(() => other.connect()))
    expect(await lastStatements()).toEqual(Array(5).fill(expect.stringContaining('search.warm_up()')))
    for (const client of more) client.release()
  })

  it('opens anew what was lost', async (context) => {
    needsServer(context, 'every connection to the embedded engine is the same session')
    const { pool, warm } = keep(5, 2)
    await expect.poll(() => pool.idleCount).toBe(2)
    await db.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'rowhouse_authenticator'`,
    )
    await expect.poll(() => pool.totalCount).toBe(0)
    await warm.look()
    expect([pool.totalCount, pool.idleCount]).toEqual([2, 2])
  })

  it('lends a connection that could not be warmed', async (context) => {
    needsServer(context, 'it changes the database of this file')
    await db.pool.query('alter function search.warm_up rename to warm_up_of_another_version')
    try {
      const { pool } = keep(5, 2)
      expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    } finally {
      await db.pool.query('alter function search.warm_up_of_another_version rename to warm_up')
    }
  })

  it('keeps none by itself', async () => {
    const { pool, warm } = keep(5, 0)
    await warm.look()
    expect(pool.totalCount).toBe(0)
  })
})

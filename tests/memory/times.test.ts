// What time does to memories: expiry, decay, consolidation, counts of recalls, retention.

import { describe, expect, it } from 'vitest'
import { as, work } from '../governance/helpers.ts'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { becomeConsenting, current, remember } from './helpers.ts'

const db = useDatabase()
const count = async (t: Transaction, statement: string): Promise<number> => {
  await t.becomeRole('rowhouse_worker')
  const done = await t.value<number>(statement, [db.acme.id])
  return done
}

describe('expiry', () => {
  it('what has expired is read by no door from that instant on, and its key is free', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await setClock(t, '2026-01-01')
      await remember(t, { memory_key: 'k', content: 'short', expires_at: '2026-01-02' })
      await setClock(t, '2026-01-01T23:59:59Z')
      expect(await current(t)).toEqual(['short'])
      await setClock(t, '2026-01-02')
      expect(await current(t)).toEqual([])
      expect(await t.value('select count(*)::int from app_public.memory_history()')).toBe(0)
      const [again] = await remember(t, { memory_key: 'k', content: 'short' })
      expect(again?.confirmation_count).toBe(1)
      expect(await current(t)).toEqual(['short'])
    }))

  it('kinds are kept as the tenant rules, else by default', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await setClock(t, '2026-01-01T00:00:00Z')
      const [context, fact] = await remember(t, [{ memory_type: 'context', content: 'busy' }, { content: 'tall' }])
      expect([context?.expires_at, fact?.expires_at]).toEqual([new Date('2026-04-01'), null])
      await t.become(db.acme.admin)
      await t.query(
        `insert into app_public.memory_rules (memory_type, kept_days) values ('context', null), ('fact', 10)`,
      )
      await t.become(db.acme.member)
      const [longer, shorter] = await remember(t, [{ memory_type: 'context', content: 'sad' }, { content: 'old' }])
      expect([longer?.expires_at, shorter?.expires_at]).toEqual([null, new Date('2026-01-11')])
    }))

  it('a confirmation keeps it for as long as the longer one of both', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await setClock(t, '2026-01-01')
      const ends = async (expires_at?: string) =>
        (await remember(t, { content: 'x y z', ...(expires_at && { expires_at }) }))[0]?.expires_at
      expect(await ends('2026-02-01')).toEqual(new Date('2026-02-01'))
      expect(await ends('2026-01-15')).toEqual(new Date('2026-02-01'))
      expect(await ends('2026-03-01')).toEqual(new Date('2026-03-01'))
      expect(await ends()).toBe(null)
      expect(await ends('2026-03-01')).toBe(null)
    }))
})

it('confidence halves with each half-life since the last confirmation, and no row changes for it', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    await setClock(t, '2026-01-01')
    await remember(t, { memory_type: 'preference', content: 'Likes jazz', confidence_score: 0.8 })
    const now = () => t.value<number>('select app_public.user_memory_confidence_now(m) from app_public.user_memory m')
    expect(await now()).toBeCloseTo(0.8)
    await setClock(t, '2027-01-01')
    expect(await now()).toBeCloseTo(0.4)
    await setClock(t, '2028-01-01')
    expect(await now()).toBeCloseTo(0.2)
    await t.become(db.acme.admin)
    await t.query(`insert into app_public.memory_rules (memory_type, half_life_days) values ('preference', null)`)
    await t.become(db.acme.member)
    expect(await now()).toBeCloseTo(0.8)
  }))

describe('recalls', () => {
  it('are noted without touching the memory, and counted later', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await setClock(t, '2026-01-01')
      const [one, two] = await remember(t, [{ content: 'one' }, { content: 'two' }])
      await t.becomeRole('rowhouse_owner', db.acme.id)
      await t.query('select memory.note_access($1)', [[one?.id, two?.id]])
      await setClock(t, '2026-01-02')
      await t.query('select memory.note_access($1)', [[one?.id, crypto.randomUUID()]])
      await t.query('select memory.note_access($1)', [[]])
      await t.becomeRole('rowhouse_worker')
      expect(await t.query('select memory.tenants_with_accesses() as id')).toEqual([{ id: db.acme.id }])
      expect(await count(t, 'select memory.count_accesses($1)')).toBe(4)
      expect(await count(t, 'select memory.count_accesses($1)')).toBe(0)
      await t.become(db.acme.member)
      expect(
        await t.query('select content, access_count, last_accessed_at as at from app_public.user_memory order by 1'),
      ).toEqual([
        { content: 'one', access_count: 2, at: new Date('2026-01-02') },
        { content: 'two', access_count: 1, at: new Date('2026-01-01') },
      ])
    }))
})

describe('consolidation', () => {
  it('keeps of a session what matters, was said twice or was recalled often, a day later; the rest ends in its time', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await setClock(t, '2026-01-01')
      const said = (content: string, more: object = {}) => ({
        memory_type: 'context' as const,
        session_id: 's',
        content,
        ...more,
      })
      await remember(t, [
        said('small talk'),
        said('wedding in May', { importance_score: 0.9 }),
        said('busy week'),
        said('busy week'),
      ])
      const [recalled] = await remember(t, said('asked thrice'))
      await t.becomeRole('rowhouse_owner', db.acme.id)
      for (let n = 0; n < 3; n += 1) await t.query('select memory.note_access($1)', [[recalled?.id]])
      await count(t, 'select memory.count_accesses($1)')
      expect(await count(t, 'select memory.consolidate($1)')).toBe(0)
      await setClock(t, '2026-01-02T00:00:01Z')
      // in batches, each of which is done for good
      expect(await count(t, 'select memory.consolidate($1, 3)')).toBe(3)
      expect(await count(t, 'select memory.consolidate($1, 3)')).toBe(1)
      expect(await count(t, 'select memory.consolidate($1, 3)')).toBe(0)
      await t.become(db.acme.member)
      const contents = async (view: string) =>
        (await t.query<{ content: string }>(`select content from app_public.${view} order by 1`)).map(
          (row) => row.content,
        )
      expect(await contents('user_long_term_memory')).toEqual(['asked thrice', 'busy week', 'wedding in May'])
      expect(await contents('session_memories')).toEqual(['small talk'])
      await setClock(t, '2026-12-31')
      expect(await current(t)).toEqual(['asked thrice', 'busy week', 'wedding in May'])
    }))

  it('looks again at what is confirmed later', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await setClock(t, '2026-01-01')
      const given = { memory_type: 'context' as const, session_id: 's', content: 'moving house' }
      await remember(t, given)
      await setClock(t, '2026-01-03')
      expect(await count(t, 'select memory.consolidate($1)')).toBe(1)
      await t.become(db.acme.member)
      expect((await remember(t, given))[0]?.is_long_term).toBe(false)
      expect(await count(t, 'select memory.consolidate($1)')).toBe(1)
      await t.become(db.acme.member)
      expect(await t.value('select is_long_term from app_public.user_memory')).toBe(true)
    }))
})

it('the worker counts recalls and consolidates in all tenants, and retention deletes what nobody reads', async () => {
  const superuser = async (statement: string, values: unknown[] = []) => (await db.pool.query(statement, values)).rows
  for (const person of [db.acme.admin, db.globex.admin]) {
    await as(db, person, async (t) => {
      await t.query(`select app_public.give_consent('memory', 'v1')`)
      await remember(t, [
        { memory_type: 'context', session_id: 's', content: 'settle me', importance_score: 1 },
        { content: 'gone', memory_key: 'gone', expires_at: '2999-01-01' },
      ])
    })
  }
  await superuser(`update app_public.user_memory set extracted_at = now() - interval '2 days'`)
  await superuser(`update app_public.user_memory set expires_at = now() - interval '8 days' where memory_key = 'gone'`)
  await superuser(
    `insert into memory.accesses (tenant_id, memory_ids, accessed_at) select tenant_id, array[id], now() from app_public.user_memory`,
  )
  await work(db, 'memory__count_accesses', {})
  await work(db, 'memory__consolidate', {})
  const settled = `select count(*)::int as count from app_public.user_memory where is_long_term and access_count = 1 and memory_type = 'context'`
  expect(await superuser(settled)).toEqual([{ count: 2 }])
  for (const tenant of [db.acme, db.globex])
    await superuser(`select governance.begin_retention($1, 'expired_memories')`, [tenant.id])
  await work(db, 'governance__retain', {})
  expect(await superuser(`select memory_key from app_public.user_memory where memory_key = 'gone'`)).toEqual([])
  expect(await superuser(`select sum(memory_count)::int as sum from memory.people`)).toEqual([{ sum: 2 }])
})

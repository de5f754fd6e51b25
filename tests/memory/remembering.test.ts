// Remembering: by key, by nearness, with validity, once.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { becomeConsenting, current, remember, rememberError } from './helpers.ts'

const db = useDatabase()

describe('a key', () => {
  it('with the same value confirms what is known, and its confidence grows', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      const [first] = await remember(t, { memory_key: 'home_city', memory_value: 'Basel', confidence_score: 0.6 })
      const [second] = await remember(t, { memory_key: 'home_city', memory_value: 'Basel', confidence_score: 0.5 })
      expect(second).toMatchObject({ id: first?.id, confirmation_count: 2, confidence_score: '0.70' })
      expect(await current(t)).toEqual(['home_city: Basel'])
    }))

  it('with another value supersedes, and both are kept with the times in which they are true', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await setClock(t, '2026-01-01T00:00:00Z')
      const [basel] = await remember(t, { memory_key: 'home_city', content: 'Lives in Basel' })
      await setClock(t, '2026-03-01T00:00:00Z')
      const [bern] = await remember(t, { memory_key: 'home_city', content: 'Lives in Bern' })
      expect(bern?.id).not.toBe(basel?.id)
      expect(bern?.history_id).toBe(basel?.history_id)
      expect(await current(t)).toEqual(['Lives in Bern'])
      await t.becomeSuperuser()
      expect(
        await t.query(
          `select content, valid_from, valid_to, superseded_by_id as by from app_public.user_memory order by valid_from`,
        ),
      ).toEqual([
        {
          content: 'Lives in Basel',
          valid_from: new Date('2026-01-01'),
          valid_to: new Date('2026-03-01'),
          by: bern?.id,
        },
        { content: 'Lives in Bern', valid_from: new Date('2026-03-01'), valid_to: Infinity, by: null },
      ])
    }))

  it('supersedes also at the very instant at which the version before was remembered', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [
        { memory_key: 'home_city', content: 'Lives in Basel' },
        { memory_key: 'home_city', content: 'Lives in Bern' },
      ])
      expect(await current(t)).toEqual(['Lives in Bern'])
    }))
})

describe('nearness', () => {
  it('the same in other words confirms', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, { memory_type: 'preference', content: 'The user prefers green tea' })
      const [again] = await remember(t, { memory_type: 'preference', content: 'I really prefer green teas.' })
      expect(again?.confirmation_count).toBe(2)
      expect(await current(t)).toEqual(['The user prefers green tea'])
    }))

  it('the contrary supersedes', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, { content: 'The user eats meat' })
      await remember(t, { content: 'The user does not eat meat' })
      expect(await current(t)).toEqual(['The user does not eat meat'])
      await remember(t, { content: "I don't eat meat" })
      expect(await current(t)).toEqual(['The user does not eat meat'])
    }))

  it('another name, another number or another place is another memory', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      const contents = [
        'My brother Tim is a doctor in a hospital in Basel',
        'My brother Tom is a doctor in a hospital in Basel',
        'The appointment with the dentist is on the 3rd of March 2026',
        'The appointment with the dentist is on the 4th of March 2026',
      ]
      await remember(
        t,
        contents.map((content) => ({ content })),
      )
      expect(await current(t)).toEqual([...contents].sort())
    }))

  it('episodes are never merged: what was said twice was said twice', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      const turn = { memory_type: 'episode' as const, content: 'Yes!', speaker: 'Ann', session_id: 's1' }
      await remember(t, [turn, turn])
      expect(await current(t)).toEqual(['Yes!', 'Yes!'])
    }))
})

it('what cannot be kept is refused, with the positions of all that is wrong', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    for (const given of [
      {},
      { content: ' ' },
      { content: 'x'.repeat(16_001) },
      { content: 'x', confidence_score: 1.1 },
      { content: 'x', occurred_at: '2999-01-01' },
      { content: 'x', valid_from: '2026-01-02', valid_to: '2026-01-01' },
      { content: 'x', expires_at: '2020-01-01' },
      { content: 'x', context: 'x'.repeat(8_001) },
      { content: 'x', memory_value: 'x'.repeat(8_001) },
      { content: 'x', memory_key: 'text:1' },
      { content: 'x', idempotency_key: '' },
    ])
      expect([given, await rememberError(t, given)]).toEqual([given, 'MM403'])
    expect(await rememberError(t, [])).toBe('MM402')
    expect(await rememberError(t, Array(101).fill({ content: 'x' }))).toBe('MM402')
    expect(await current(t)).toEqual([])
  }))

describe('the chain of versions', () => {
  const history = async (t: Transaction) =>
    t.query<{ content: string; from: string; to: string | null }>(
      `select content, to_char(valid_from, 'YYYY-MM') as from, case when isfinite(valid_to) then to_char(valid_to, 'YYYY-MM') end as to
         from app_public.memory_history() where retracted_at is null`,
    )
  const lived = (content: string, valid_from: string, valid_to?: string) => ({
    memory_key: 'city',
    content,
    valid_from,
    ...(valid_to && { valid_to }),
  })

  it('takes in what is learned late about an earlier time', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, lived('Basel', '2024-01-01'))
      await remember(t, lived('Bern', '2020-01-01'))
      expect(await history(t)).toEqual([
        { content: 'Bern', from: '2020-01', to: '2024-01' },
        { content: 'Basel', from: '2024-01', to: null },
      ])
      expect(await current(t)).toEqual(['Basel'])
    }))

  it('gives back what was true before, after something that was true for a time only', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, lived('Basel', '2020-01-01'))
      await remember(t, lived('Paris', '2022-01-01', '2022-03-01'))
      expect(await history(t)).toEqual([
        { content: 'Basel', from: '2020-01', to: '2022-01' },
        { content: 'Paris', from: '2022-01', to: '2022-03' },
        { content: 'Basel', from: '2022-03', to: null },
      ])
    }))

  it('goes on when something is said again that had ended', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      const [first] = await remember(t, lived('Basel', '2020-01-01', '2021-01-01'))
      expect(await current(t)).toEqual([])
      const [again] = await remember(t, { memory_key: 'city', content: 'Basel' })
      expect(again?.history_id).toBe(first?.history_id)
      expect(await current(t)).toEqual(['Basel'])
      expect(await history(t)).toHaveLength(2)
    }))

  it('names what is contradicted, in any words, and gets its key; each once', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      const [old] = await remember(t, { memory_key: 'pet', content: 'Has a cat' })
      const [next] = await remember(t, { content: 'Mia ran away', supersedes_id: old?.id as string })
      expect(next).toMatchObject({ memory_key: 'pet', history_id: old?.history_id })
      expect(await current(t)).toEqual(['Mia ran away'])
      expect(await rememberError(t, { content: 'x', supersedes_id: old?.id as string })).toBe('MM502')
    }))
})

it('what was remembered without a key gets the key under which it is said again, and is not doubled', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    const [first] = await remember(t, { content: 'The user drives a red car' })
    const [again] = await remember(t, { memory_key: 'car', content: 'drives a red car' })
    expect(again).toMatchObject({ id: first?.id, memory_key: 'car', confirmation_count: 2 })
    await remember(t, { memory_key: 'car', content: 'drives a blue car' })
    expect(await current(t)).toEqual(['drives a blue car'])
  }))

it('two keys with the same words are two memories', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    await remember(t, [
      { memory_key: 'home', content: 'In Basel' },
      { memory_key: 'work', content: 'In Basel' },
    ])
    expect(await current(t)).toEqual(['In Basel', 'In Basel'])
  }))

it('the tenant says how alike two texts must be', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    const pair = ['Plays old jazz piano', 'Plays jazz piano']
    await remember(
      t,
      pair.map((content) => ({ content })),
    )
    expect(await current(t)).toHaveLength(1)
    await t.becomeSuperuser()
    await t.query('delete from app_public.user_memory')
    await t.query(`insert into app_public.memory_settings (tenant_id, near_threshold) values ($1, 0.8)`, [db.acme.id])
    await t.become(db.acme.member)
    await remember(
      t,
      pair.map((content) => ({ content })),
    )
    expect(await current(t)).toHaveLength(2)
  }))

it('more than 200,000 versions of one person are refused', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    await remember(t, { content: 'first' })
    await t.becomeSuperuser()
    await t.query('update memory.people set memory_count = 199999')
    await t.become(db.acme.member)
    expect(await rememberError(t, [{ content: 'second' }, { content: 'third' }])).toBe('MM601')
    expect(await rememberError(t, { content: 'second' })).toBeUndefined()
  }))

it('nobody writes the tables past the functions', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.owner)
    await remember(t, { content: 'x' })
    for (const statement of [
      `update app_public.user_memory set content = 'y'`,
      'delete from app_public.user_memory',
      'insert into app_public.user_memory default values',
      'select * from memory.people',
      'select memory.note_access(array[]::uuid[])',
      'select memory.lock_person(null, null)',
    ])
      expect([statement, await t.errorCode(statement)]).toEqual([statement, '42501'])
  }))

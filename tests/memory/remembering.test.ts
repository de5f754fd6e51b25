// Remembering: by key, by nearness, with validity, once.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { useDatabase } from '../helpers/index.ts'
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

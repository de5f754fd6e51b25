// Forgetting: what is forgotten is gone at once, and what is beside it stays.

import { expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { becomeConsenting, current, type Given, remember } from './helpers.ts'

const db = useDatabase()

const forget = (t: Transaction, selection: object): Promise<number> =>
  t.value(`select app_public.forget(jsonb_populate_record(null::app_public.memory_selection, $1))`, [
    JSON.stringify(selection),
  ])
const forgetError = (t: Transaction, selection: object) =>
  t.errorCode(`select app_public.forget(jsonb_populate_record(null::app_public.memory_selection, $1))`, [
    JSON.stringify(selection),
  ])
const everything = async (t: Transaction): Promise<string[]> =>
  (await t.query<{ content: string }>('select content from app_public.memory_history() order by content')).map(
    ({ content }) => content,
  )

it('forgetting A leaves B', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    const [a] = await remember(t, [{ content: 'A cat named Mia' }, { content: 'A dog named Rex' }])
    expect(await forget(t, { ids: [a?.id] })).toBe(1)
    expect(await everything(t)).toEqual(['A dog named Rex'])
    expect(await forget(t, { ids: [a?.id] })).toBe(0)
  }))

it('the latest version takes its earlier ones along, an earlier one goes alone', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    const versions: (string | undefined)[] = []
    for (const [month, city] of ['Basel', 'Bern', 'Chur'].entries()) {
      await setClock(t, `2026-0${month + 1}-01`)
      versions.push((await remember(t, { memory_key: 'city', memory_value: city }))[0]?.id)
    }
    await remember(t, { content: 'Other' })
    expect(await forget(t, { ids: [versions[1]] })).toBe(1)
    expect(await everything(t)).toEqual(['Other', 'city: Basel', 'city: Chur'])
    expect(
      await t.value(`select superseded_by_id from app_public.memory_history() where content = 'city: Basel'`),
    ).toBe(versions[2])
    expect(await forget(t, { ids: [versions[2]] })).toBe(2)
    expect(await everything(t)).toEqual(['Other'])
  }))

it('by words: whole words in any case and number, in words of the memory, its value or its speaker', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    const said: Given[] = [
      { content: 'Drinks tea' },
      { content: 'Leads the team' },
      { content: 'TEAS from Assam' },
      { memory_key: 'drink', memory_value: { name: 'tea' }, content: 'A warm one' },
      { content: 'Hello', memory_type: 'episode', speaker: 'Tea Müller' },
      { content: '我喜欢绿茶', memory_type: 'episode' },
    ]
    await remember(t, said)
    expect(await forget(t, { query: 'tea' })).toBe(4)
    expect(await everything(t)).toEqual(['Leads the team', '我喜欢绿茶'])
    expect(await forget(t, { query: 'green tea' })).toBe(0)
    expect(await forget(t, { query: '绿茶' })).toBe(1)
  }))

it('by session, by kind, by agent, and by several at once', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    await remember(t, [
      { content: 'one', session_id: 's1' },
      { content: 'two', session_id: 's1', memory_type: 'episode' },
      { content: 'three', session_id: 's2', memory_type: 'episode' },
    ])
    expect(await forget(t, { session_id: 's1', memory_type: 'episode' })).toBe(1)
    expect(await forget(t, { learned_by_agent_id: crypto.randomUUID() })).toBe(0)
    expect(await everything(t)).toEqual(['one', 'three'])
    expect(await forget(t, { session_id: 's1' })).toBe(1)
    expect(await everything(t)).toEqual(['three'])
  }))

it('the words that were forgotten are not kept around what was said beside them', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    await remember(t, [
      { content: 'I have diabetes', session_id: 's1', memory_type: 'episode' },
      { content: 'Since when?', session_id: 's1', memory_type: 'episode', context: 'Ann: I have diabetes' },
      { content: 'How are you?', session_id: 's1', memory_type: 'episode', context: 'Hello' },
    ])
    expect(await forget(t, { query: 'diabetes' })).toBe(1)
    expect(await t.query(`select content, context from app_public.user_memory order by content`)).toEqual([
      { content: 'How are you?', context: 'Hello' },
      { content: 'Since when?', context: null },
    ])
  }))

it('everything of a person leaves nothing, and others keep theirs', () =>
  db.inTransaction(async (t) => {
    for (const person of [db.acme.admin, db.acme.member]) {
      await becomeConsenting(t, person)
      await remember(t, [{ memory_key: 'k', content: 'one' }, { content: 'two words' }])
      await remember(t, { memory_key: 'k', content: 'other' })
    }
    expect(await forget(t, { is_everything: true })).toBe(3)
    await t.becomeSuperuser()
    expect(await t.query('select user_id, count(*)::int from app_public.user_memory group by 1')).toEqual([
      { user_id: db.acme.admin.userId, count: 3 },
    ])
    expect(await t.query('select distinct user_id from memory.near_terms')).toEqual([{ user_id: db.acme.admin.userId }])
    expect(await t.query('select user_id, memory_count from memory.people where memory_count > 0')).toEqual([
      { user_id: db.acme.admin.userId, memory_count: 3 },
    ])
  }))

it('a request that comes late brings nothing back that was forgotten', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    const given = { content: 'x', idempotency_key: 'turn 1' }
    const [first] = await remember(t, given)
    const [again] = await remember(t, given)
    expect(again).toMatchObject({ id: first?.id, confirmation_count: 1 })
    expect(
      await t.errorCode(
        `select app_public.remember(array[row('fact', null, 'y', null, null, null, null, null, null, null, null, null, null, null, null, null, null, 'turn 1')::app_public.new_memory])`,
      ),
    ).toBe('MM501')
    await forget(t, { ids: [first?.id] })
    expect(await remember(t, given)).toEqual([])
    expect(await everything(t)).toEqual([])
  }))

it('a selection that says nothing, contradicts itself or is too large is refused', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    await remember(t, { content: 'kept' })
    for (const selection of [
      {},
      { is_everything: false },
      { is_everything: true, query: 'x' },
      { query: '!?' },
      { query: 'x'.repeat(256) },
      { ids: Array.from({ length: 1001 }, () => crypto.randomUUID()) },
    ])
      expect([selection, await forgetError(t, selection)]).toEqual([selection, 'MM404'])
    expect(await current(t)).toEqual(['kept'])
  }))

it('a legal hold keeps a person from forgetting, until it is released', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    await remember(t, { content: 'evidence' })
    await t.become(db.acme.owner)
    const hold = await t.value(`select id from app_public.place_legal_hold('case 1', $1)`, [db.acme.member.userId])
    await t.become(db.acme.member)
    expect(await forgetError(t, { is_everything: true })).toBe('MM503')
    await t.become(db.acme.owner)
    await t.query('select app_public.release_legal_hold($1)', [hold])
    await t.become(db.acme.member)
    expect(await forget(t, { is_everything: true })).toBe(1)
  }))

it('forgetting goes on in a tenant that is read-only, remembering does not', () =>
  db.inTransaction(async (t) => {
    await becomeConsenting(t, db.acme.member)
    const [memory] = await remember(t, { content: 'x' })
    await t.becomeSuperuser()
    await t.query(`select tenancy.set_tenant_status($1, 'suspended', 'test')`, [db.acme.id])
    await t.become(db.acme.member)
    const code = await t.errorCode(`select app_public.correct_memory($1, 'y')`, [memory?.id])
    expect(code).toMatch(/^TN/)
    expect(await forget(t, { is_everything: true })).toBe(1)
  }))

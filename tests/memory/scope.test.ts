// Whose memory it is, and who may use it: the person, agents with their keys, consent.

import { describe, expect, it } from 'vitest'
import { needsServer, type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'
import { actWithKey, becomeAgent, createAgent, putKeyAway } from '../runtime/agents.ts'
import { becomeConsenting, current, rememberError as error, remember, rememberStatement } from './helpers.ts'

const db = useDatabase()
const { session, untilBlocked } = useSessions(db)

const settle = async (t: Transaction, person: Person, statement: string): Promise<void> => {
  await putKeyAway(t)
  await t.become(person)
  await t.query(statement)
}
const agents = async (t: Transaction): Promise<[string, string]> => {
  await t.becomeSuperuser()
  return [await createAgent(t, db.acme), await createAgent(t, db.acme)]
}
const scopes = async (t: Transaction) => {
  await t.becomeSuperuser()
  return t.query(`select content, agent_id, scope_agent_id from app_public.user_memory order by content`)
}

describe('consent', () => {
  it('without one nothing is remembered, and none is as good as a withdrawn one', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await error(t, { content: 'x' })).toBe('MM204')
      await t.query(`select app_public.give_consent('memory', 'v1')`)
      await remember(t, { content: 'x' })
      await t.query(`select app_public.withdraw_consent('memory')`)
      expect(await error(t, { content: 'y' })).toBe('MM204')
    }))

  it('a withdrawal stops reading with the next statement, and a new consent gives it back', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, { content: 'x' })
      await t.query(`select app_public.withdraw_consent('memory')`)
      expect(await current(t)).toEqual([])
      await t.query(`select app_public.give_consent('memory', 'v1')`)
      expect(await current(t)).toEqual(['x'])
    }))

  it('the person still sees and forgets what is kept, and does not correct it', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      const [memory] = await remember(t, { content: 'x' })
      await t.query(`select app_public.withdraw_consent('memory')`)
      expect(await t.value('select content from app_public.memory_history()')).toBe('x')
      expect(await t.errorCode(`select app_public.correct_memory($1, 'y')`, [memory?.id])).toBe('MM204')
      expect(await t.value(`select app_public.forget(row(null, null, null, null, null, true))`)).toBe(1)
      expect(await t.value('select count(*)::int from app_public.memory_history()')).toBe(0)
    }))

  it('a withdrawal waits for what is being remembered, and what comes after it is refused', async (context) => {
    needsServer(context)
    const [first, second, third] = [
      await session(db.acme.admin),
      await session(db.acme.admin),
      await session(db.acme.admin),
    ]
    const given = [JSON.stringify([{ content: 'x' }]), null, null]
    await first.query(`select app_public.give_consent('memory', 'v1')`)
    await first.query('begin')
    await first.query(rememberStatement, given)
    const withdrawal = second.query(`select app_public.withdraw_consent('memory')`)
    await untilBlocked(second)
    const late = third.query(rememberStatement, given).catch((problem) => problem.code)
    await untilBlocked(third)
    await first.query('commit')
    await withdrawal
    // Which of the two that waited goes first is open; whoever comes after the withdrawal is refused.
    expect([undefined, 'MM204']).toContain(
      await late.then((result) => (typeof result === 'string' ? result : undefined)),
    )
    await expect(third.query(rememberStatement, given)).rejects.toMatchObject({ code: 'MM204' })
    await third.query('select app_public.forget(row(null, null, null, null, null, true))')
  })
})

describe('people', () => {
  it('nobody reads, corrects or forgets what is remembered of another: owners, other members, other tenants', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      const [memory] = await remember(t, { memory_key: 'k', content: 'secret' })
      for (const other of [db.acme.owner, db.acme.viewer, db.globex.member]) {
        await becomeConsenting(t, other)
        expect(await current(t)).toEqual([])
        expect(await t.value('select count(*)::int from app_public.memory_history()')).toBe(0)
        expect(await t.value(`select count(*)::int from app_public.memory_history($1)`, [memory?.id])).toBe(0)
        const missing = crypto.randomUUID()
        for (const id of [memory?.id, missing]) {
          expect(await t.errorCode(`select app_public.correct_memory($1, 'y')`, [id])).toBe('MM301')
          expect(await error(t, { content: 'y', supersedes_id: id as string })).toBe('MM301')
          expect(
            await t.value(`select app_public.forget(row(array[$1::uuid], null, null, null, null, null))`, [id]),
          ).toBe(0)
        }
        for (const id of [db.acme.member.userId, missing]) expect(await error(t, { content: 'y' }, id)).toBe('MM202')
      }
      await t.become(db.acme.member)
      expect(await current(t)).toEqual(['secret'])
    }))

  it('the same words of two people, also of two tenants, are two memories', () =>
    db.inTransaction(async (t) => {
      for (const person of [db.acme.member, db.acme.admin, db.globex.member]) {
        await becomeConsenting(t, person)
        const [memory] = await remember(t, { content: 'The user prefers green tea' })
        expect([memory?.confirmation_count, memory?.user_id]).toEqual([1, person.userId])
        expect(await current(t)).toEqual(['The user prefers green tea'])
      }
    }))

  it('one who was in two tenants is remembered in each on their own', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await t.query(`select tenancy.provision_member($1, $2, 'Two', 'member')`, [db.globex.id, db.acme.member.email])
      await becomeConsenting(t, db.acme.member)
      await remember(t, { memory_key: 'k', content: 'of acme' })
      const there = { ...db.acme.member, tenantId: db.globex.id }
      await t.become(there)
      expect(await error(t, { content: 'x' })).toBe('MM204')
      await becomeConsenting(t, there)
      expect(await current(t)).toEqual([])
      await remember(t, { memory_key: 'k', content: 'of globex' })
      await t.become(db.acme.member)
      expect(await current(t)).toEqual(['of acme'])
    }))
})

describe('agents', () => {
  it('remember with their own key for a member whom they name, and for nobody else', () =>
    db.inTransaction(async (t) => {
      const [agent, other] = await agents(t)
      await becomeConsenting(t, db.acme.viewer)
      await becomeAgent(t, db.acme.member, agent)
      const person = db.acme.viewer.userId
      const [memory] = await remember(t, { content: 'The user drives a car' }, person)
      expect(memory).toMatchObject({ user_id: person, agent_id: agent, scope_agent_id: agent })
      expect(await error(t, { content: 'x' })).toBe('MM401')
      expect(await error(t, { content: 'x' }, person, other)).toBe('MM201')
      // has not consented, belongs to another tenant, does not exist
      expect(await error(t, { content: 'x' }, db.acme.admin.userId)).toBe('MM204')
      expect(await error(t, { content: 'x' }, db.globex.member.userId)).toBe('ID301')
      expect(await error(t, { content: 'x' }, crypto.randomUUID())).toBe('ID301')
    }))

  it('need the permission to record usage', () =>
    db.inTransaction(async (t) => {
      const [agent] = await agents(t)
      await becomeConsenting(t, db.acme.viewer)
      await becomeAgent(t, db.acme.member, agent, { permissions: [] })
      expect(await error(t, { content: 'x' }, db.acme.viewer.userId)).toBe('ID203')
    }))

  it("read no table and no history with their key, also not their maker's", () =>
    db.inTransaction(async (t) => {
      const [agent] = await agents(t)
      await becomeConsenting(t, db.acme.member)
      await remember(t, { content: 'private' })
      await becomeAgent(t, db.acme.member, agent)
      expect(await current(t)).toEqual([])
      expect(await t.errorCode('select app_public.memory_history()')).toBe('MM205')
      await actWithKey(t, db.acme.member, { allowed_agents: [agent] })
      expect(await current(t)).toEqual([])
      expect(await t.errorCode('select app_public.memory_history()')).toBe('MM205')
      expect(await error(t, { content: 'x' })).toBe('MM203')
      await actWithKey(t, db.acme.member, {})
      expect(await current(t)).toEqual(['private'])
    }))

  it('keep what they learn for themselves: another agent neither merges with it nor forgets it', () =>
    db.inTransaction(async (t) => {
      const [first, second] = await agents(t)
      await becomeConsenting(t, db.acme.viewer)
      const person = db.acme.viewer.userId
      for (const agent of [first, second]) {
        await becomeAgent(t, db.acme.member, agent)
        const [memory] = await remember(t, { memory_key: 'city', content: 'Lives in Basel' }, person)
        expect(memory?.confirmation_count).toBe(1)
      }
      const forgotten = await t.value(`select app_public.forget(row(null, 'Basel', null, null, null, null), $1)`, [
        person,
      ])
      expect(forgotten).toBe(1)
      expect(await scopes(t)).toEqual([{ content: 'Lives in Basel', agent_id: first, scope_agent_id: first }])
    }))

  it('share what they learn when the tenant or the agent is set so', () =>
    db.inTransaction(async (t) => {
      const [first, second] = await agents(t)
      await becomeConsenting(t, db.acme.viewer)
      const person = db.acme.viewer.userId
      await settle(t, db.acme.admin, `insert into app_public.memory_settings (is_shared) values (true)`)
      await becomeAgent(t, db.acme.member, first)
      await remember(t, { memory_key: 'city', content: 'Lives in Basel' }, person)
      await becomeAgent(t, db.acme.member, second)
      const [confirmed] = await remember(t, { memory_key: 'city', content: 'Lives in Basel' }, person)
      expect(confirmed).toMatchObject({ confirmation_count: 2, agent_id: first, scope_agent_id: null })
      await settle(
        t,
        db.acme.admin,
        `insert into app_public.agent_memory_settings (agent_id, is_shared) values ('${second}', false)`,
      )
      await becomeAgent(t, db.acme.member, second)
      const [own] = await remember(t, { content: 'Plays chess' }, person)
      expect(own?.scope_agent_id).toBe(second)
    }))

  it('are shown to the person with all that they know', () =>
    db.inTransaction(async (t) => {
      const [agent] = await agents(t)
      await becomeConsenting(t, db.acme.viewer)
      await remember(t, { content: 'said so' })
      await becomeAgent(t, db.acme.member, agent)
      await remember(t, { content: 'was learned' }, db.acme.viewer.userId)
      await putKeyAway(t)
      await t.become(db.acme.viewer)
      expect((await current(t)).sort()).toEqual(['said so', 'was learned'])
    }))
})

it('only those who manage settings set how memory works', () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    expect(await t.errorCode(`insert into app_public.memory_settings (is_shared) values (true)`)).toBe('42501')
    expect(await t.errorCode(`insert into app_public.memory_rules (memory_type, kept_days) values ('fact', 1)`)).toBe(
      '42501',
    )
    await t.become(db.acme.admin)
    expect(await t.errorCode(`insert into app_public.memory_settings (near_threshold) values (0.1)`)).toBe('23514')
    expect(
      await t.errorCode(`insert into app_public.memory_rules (memory_type, kept_days) values ('fact', 1)`),
    ).toBeUndefined()
  }))

// Whether an agent is there: it says so by its own key, seldom writes a row, and presence follows from the time that has passed.

import { beforeAll, describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { needsServer, queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'
import { actWithKey, becomeAgent, createAgent, putKeyAway } from './agents.ts'

const db = useDatabase()
const { session } = useSessions(db)
const superuser = queries(() => db.pool)
let agent: string
let other: string
beforeAll(async () => {
  agent = await createAgent(superuser, db.acme)
  other = await createAgent(superuser, db.acme)
})

const lastSeen = (t: Transaction) => t.value<Date | null>('select (app_public.heartbeat_agent()).last_seen_at')
const presence = (t: Transaction, id: string) =>
  t.value('select app_public.agents_presence(a) from app_public.agents a where id = $1', [id])

describe('a heartbeat', () => {
  it('says when the agent was last seen, and writes a row at most every half minute', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-06-15T12:00:00Z')
      await becomeAgent(t, db.acme.member, agent)
      expect(await lastSeen(t)).toEqual(new Date('2026-06-15T12:00:00Z'))
      await setClock(t, '2026-06-15T12:00:30Z')
      expect(await lastSeen(t)).toEqual(new Date('2026-06-15T12:00:00Z'))
      await setClock(t, '2026-06-15T12:00:31Z')
      expect(await lastSeen(t)).toEqual(new Date('2026-06-15T12:00:31Z'))
    }))

  it('is no change that anybody made: updated_at and the audit stay as they are', () =>
    db.inTransaction(async (t) => {
      await becomeAgent(t, db.acme.member, agent)
      const read = () =>
        superuserIn(
          t,
          `select updated_at, is_latest_version, (select count(*) from audit.ledger where table_name = 'app_public.agents') as entries
                          from app_public.agents where id = '${agent}'`,
        )
      const before = await read()
      await t.become(db.acme.member)
      expect(await lastSeen(t)).not.toBeNull()
      expect(await read()).toEqual(before)
    }))

  it('comes by the key of the agent only', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode('select app_public.heartbeat_agent($1)', [agent])).toBe('RN247')
      expect(await t.errorCode('select app_public.heartbeat_agent()')).toBe('RN247')
      await actWithKey(t, db.acme.member, { allowed_agents: [agent] })
      expect(await t.errorCode('select app_public.heartbeat_agent($1)', [agent])).toBe('RN247')
      await becomeAgent(t, db.acme.member, other)
      expect(await t.errorCode('select app_public.heartbeat_agent($1)', [agent])).toBe('RN247')
      expect(await t.errorCode('select app_public.heartbeat_agent($1)', [other])).toBeUndefined()
    }))

  it('needs a key that may record', () =>
    db.inTransaction(async (t) => {
      await becomeAgent(t, db.acme.admin, agent, { permissions: ['can_view_analytics'] })
      expect(await t.errorCode('select app_public.heartbeat_agent()')).toBe('ID203')
    }))

  it('does not wait for somebody who edits the agent', async (context) => {
    needsServer(context)
    const editor = await session(db.acme.admin)
    await editor.query('begin')
    await editor.query(`update app_public.agents set description = 'new' where id = $1`, [agent])
    await db.inTransaction(async (t) => {
      await becomeAgent(t, db.acme.member, agent)
      await t.query(`set local lock_timeout to '5s'`)
      expect(await t.errorCode('select app_public.heartbeat_agent()')).toBeUndefined()
    })
    await editor.query('rollback')
  })
})

async function superuserIn(t: Transaction, text: string) {
  await t.becomeSuperuser()
  return t.query(text)
}

describe('presence', () => {
  it.each([
    ['2026-06-15T12:01:59Z', 'online'],
    ['2026-06-15T12:02:00Z', 'idle'],
    ['2026-06-15T12:14:59Z', 'idle'],
    ['2026-06-15T12:15:00Z', 'offline'],
  ])('of an agent that was seen at 12:00 is at %s %s', (at, expected) =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-06-15T12:00:00Z')
      await becomeAgent(t, db.acme.member, agent)
      await lastSeen(t)
      await putKeyAway(t)
      await setClock(t, at)
      await t.become(db.acme.viewer)
      expect(await presence(t, agent)).toBe(expected)
    }),
  )

  it('of an agent that was never seen is offline', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(await presence(t, other)).toBe('offline')
    }))
})

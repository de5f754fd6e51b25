// What somebody's own list of agents shows of their use: kept by the roll-ups, exact after late calls, rebuilt, and there
// for an agent that is listed after it was used.

import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { needsServer, type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { callFrom, differences, recordAll, rollUp } from '../helpers/metering.ts'

const db = useDatabase()
const talks = [randomUUID(), randomUUID()] as [string, string]

async function createAgent(t: Transaction): Promise<string> {
  await setClock(t, '2027-05-18T12:00:00Z')
  return t.value<string>(
    `insert into app_public.agents (tenant_id, name, status) values ($1, 'Ada', 'active') returning id`,
    [db.acme.id],
  )
}
async function list(t: Transaction, person: Person, agentId: string): Promise<void> {
  await t.become(person)
  await t.query('insert into app_public.user_agents (agent_id) values ($1)', [agentId])
}
async function call(
  t: Transaction,
  person: Person,
  agentId: string,
  at: string,
  { conversation, success = true }: { conversation?: string; success?: boolean } = {},
): Promise<void> {
  await t.become(person)
  await t.query(`select * from app_public.record_llm_usage(${callFrom('$1')})`, [
    JSON.stringify({
      idempotency_key: randomUUID(),
      model: 'm',
      input_tokens: 1,
      output_tokens: 1,
      occurred_at: at,
      success,
      agent_id: agentId,
      conversation_id: conversation,
    }),
  ])
}
async function shown(t: Transaction, person: Person): Promise<unknown> {
  await t.become(person)
  const [row] = await t.query(
    `select usage_count::int as used, message_count::int as messages, conversation_count::int as conversations,
            success_count::int as succeeded, error_count::int as failed, first_used_at as first, last_used_at as last
       from app_public.user_agents`,
  )
  return row
}
const nothing = { used: 0, messages: 0, conversations: 0, succeeded: 0, failed: 0, first: null, last: null }

describe('the counts of a listed agent', () => {
  it('are those of its person: calls, conversations, successes, errors, first and last', () =>
    db.inTransaction(async (t) => {
      const agentId = await createAgent(t)
      await list(t, db.acme.member, agentId)
      await list(t, db.acme.admin, agentId)
      expect(await shown(t, db.acme.member)).toEqual(nothing)
      await call(t, db.acme.member, agentId, '2027-05-18T10:00:00Z', { conversation: talks[0] })
      await call(t, db.acme.member, agentId, '2027-05-18T10:01:00Z', { conversation: talks[0], success: false })
      await call(t, db.acme.member, agentId, '2027-05-18T10:02:00Z', { conversation: talks[1] })
      await call(t, db.acme.member, agentId, '2027-05-18T10:03:00Z')
      await call(t, db.acme.admin, agentId, '2027-05-18T11:00:00Z', { conversation: talks[0] })
      await rollUp(t, db.acme.id)
      const expected = {
        used: 4,
        messages: 4,
        conversations: 2,
        succeeded: 3,
        failed: 1,
        first: new Date('2027-05-18T10:00:00Z'),
        last: new Date('2027-05-18T10:03:00Z'),
      }
      expect(await shown(t, db.acme.member)).toEqual(expected)
      expect(await shown(t, db.acme.admin)).toMatchObject({ used: 1, conversations: 1 })
      expect(await differences(t, db.acme.owner)).toEqual([])
    }))

  it('grow with each run, also by late calls of conversations that were counted', () =>
    db.inTransaction(async (t) => {
      const agentId = await createAgent(t)
      await list(t, db.acme.member, agentId)
      await call(t, db.acme.member, agentId, '2027-05-18T10:00:00Z', { conversation: talks[0] })
      await rollUp(t, db.acme.id)
      await call(t, db.acme.member, agentId, '2027-03-02T10:00:00Z', { conversation: talks[0], success: false })
      await call(t, db.acme.member, agentId, '2027-05-18T09:00:00Z', { conversation: talks[1] })
      await rollUp(t, db.acme.id)
      const expected = {
        used: 3,
        messages: 3,
        conversations: 2,
        succeeded: 2,
        failed: 1,
        first: new Date('2027-03-02T10:00:00Z'),
        last: new Date('2027-05-18T10:00:00Z'),
      }
      expect(await shown(t, db.acme.member)).toEqual(expected)
      expect(await differences(t, db.acme.owner)).toEqual([])

      // what waits is counted by the next run, and not twice after the totals were made anew
      await call(t, db.acme.member, agentId, '2027-05-18T11:00:00Z', { conversation: talks[1] })
      await t.becomeSuperuser()
      await t.query(`update app_public.user_agents set usage_count = 77, conversation_count = 0, last_used_at = null`)
      await t.query('select metering.rebuild_rollups($1)', [db.acme.id])
      expect(await shown(t, db.acme.member)).toEqual(expected)
      await rollUp(t, db.acme.id)
      expect(await shown(t, db.acme.member)).toMatchObject({ used: 4, conversations: 2 })
      expect(await differences(t, db.acme.owner)).toEqual([])
    }))

  it('are there from the start where the agent was used before it was listed', () =>
    db.inTransaction(async (t) => {
      const agentId = await createAgent(t)
      await call(t, db.acme.member, agentId, '2027-05-18T10:00:00Z', { conversation: talks[0] })
      await rollUp(t, db.acme.id)
      await list(t, db.acme.member, agentId)
      expect(await shown(t, db.acme.member)).toMatchObject({ used: 1, conversations: 1 })
      await t.query('delete from app_public.user_agents')
      await list(t, db.acme.member, agentId)
      expect(await shown(t, db.acme.member)).toMatchObject({ used: 1, conversations: 1 })
    }))

  it('are of calls alone, and nobody can write them', () =>
    db.inTransaction(async (t) => {
      const agentId = await createAgent(t)
      await list(t, db.acme.member, agentId)
      const at = '2027-05-18T10:00:00Z'
      await recordAll(t, db.acme.member, [
        { idempotency_key: '1', usage_type: 'tool_call', quantity: 3, occurred_at: at, agent_id: agentId },
      ])
      await rollUp(t, db.acme.id)
      expect(await shown(t, db.acme.member)).toEqual(nothing)
      expect(await t.errorCode('update app_public.user_agents set usage_count = 1')).toBe('42501')
      expect(
        await t.errorCode('insert into app_public.user_agents (agent_id, usage_count) values ($1, 1)', [agentId]),
      ).toBe('42501')
    }))

  it.each([
    ['a conversation that was forgotten', 'delete from metering.usage_conversations'],
    ['a conversation too many', 'update metering.usage_user_agents set conversation_count = conversation_count + 1'],
    ['a person who called once more', 'update metering.usage_user_agents set call_count = call_count + 1'],
  ])('are verified: %s is found and mended', (_what, statement) =>
    db.inTransaction(async (t) => {
      const agentId = await createAgent(t)
      await call(t, db.acme.member, agentId, '2027-05-18T10:00:00Z', { conversation: talks[0] })
      await rollUp(t, db.acme.id)
      await t.becomeSuperuser()
      await t.query(statement)
      expect(await differences(t, db.acme.owner)).not.toEqual([])
      await t.becomeSuperuser()
      await t.query('select metering.rebuild_rollups($1)', [db.acme.id])
      expect(await differences(t, db.acme.owner)).toEqual([])
    }),
  )

  it('are exact when the agent is listed while the calls are being counted', async (context) => {
    needsServer(context)
    const counting = await db.pool.connect()
    const listing = await db.pool.connect()
    try {
      const { rows } = await db.pool.query<{ id: string }>(
        `insert into app_public.agents (tenant_id, name) values ($1, 'Grace') returning id`,
        [db.acme.id],
      )
      const agentId = rows[0]?.id
      await db.pool.query('select metering.record_tenant_llm_usage($1, $2)', [
        db.acme.id,
        {
          idempotency_key: randomUUID(),
          model: 'm',
          input_tokens: 1,
          output_tokens: 1,
          agent_id: agentId,
          user_id: db.acme.member.userId,
        },
      ])
      await counting.query('begin')
      await counting.query('select metering.roll_up_usage($1)', [db.acme.id])
      const pid = (await listing.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid
      const listed = listing.query(
        'insert into app_public.user_agents (tenant_id, user_id, agent_id) values ($1, $2, $3) returning usage_count::int',
        [db.acme.id, db.acme.member.userId, agentId],
      )
      for (;;) {
        const { rows: waits } = await db.pool.query(
          'select from pg_stat_activity where pid = $1 and cardinality(pg_blocking_pids(pid)) > 0',
          [pid],
        )
        if (waits.length > 0) break
      }
      await counting.query('commit')
      expect((await listed).rows).toEqual([{ usage_count: 1 }])
    } finally {
      counting.release()
      listing.release()
    }
  })
})

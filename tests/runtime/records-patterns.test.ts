// What agents learn: patterns are the sums of the outcomes that are there, whatever is recorded and deleted, and by how many at once.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { needsServer, queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'
import { createAgent } from './agents.ts'

const db = useDatabase()
const { session, sessions, untilBlocked } = useSessions(db)
const superuser = queries(() => db.pool)

type Outcome = { agent: number; pattern: string; isSuccess: boolean; minute: number }
type Pattern = {
  agent_id: string
  name: string
  support: number
  successes: number
  confidence: number
  first: number
  last: number
}

/** Wilson's lower bound as the root of (p - share)² = z² p (1 - p) / n, found by halving. */
function lowerBound(successes: number, trials: number): number {
  const share = successes / trials
  let [low, high] = [0, share]
  for (let i = 0; i < 60; i++) {
    const p = (low + high) / 2
    if ((share - p) ** 2 > (1.959963984540054 ** 2 * p * (1 - p)) / trials) low = p
    else high = p
  }
  return low
}

const record = (t: Pick<Transaction, 'query'>, agentId: string, outcomes: { pattern: string; is_success: boolean }[]) =>
  t.query(
    `select app_public.record_agent_outcomes(array(select o from jsonb_populate_recordset(null::app_public.new_agent_outcome, $1) as o))`,
    [JSON.stringify(outcomes.map((o) => ({ agent_id: agentId, idempotency_key: crypto.randomUUID(), ...o })))],
  )
const patterns = (t: Pick<Transaction, 'query'>) =>
  t.query<Pattern>(
    `select agent_id, name, support_count::int as support, success_count::int as successes, confidence,
            (extract(epoch from first_seen_at) / 60)::int as first, (extract(epoch from last_seen_at) / 60)::int as last
       from app_public.agent_patterns order by agent_id, name collate "C"`,
  )

function sums(agents: string[], outcomes: Outcome[]): Pattern[] {
  const groups = Map.groupBy(outcomes, ({ agent, pattern }) => JSON.stringify([agents[agent], pattern]))
  return [...groups]
    .map(([key, group]) => {
      const [agent_id, name] = JSON.parse(key)
      const successes = group.filter(({ isSuccess }) => isSuccess).length
      const minutes = group.map(({ minute }) => minute)
      return {
        agent_id,
        name,
        support: group.length,
        successes,
        confidence: expect.closeTo(lowerBound(successes, group.length), 9) as unknown as number,
        first: Math.min(...minutes),
        last: Math.max(...minutes),
      }
    })
    .sort((a, b) => (a.agent_id + a.name < b.agent_id + b.name ? -1 : 1))
}

describe('confidence', () => {
  it.each([
    [1, 1, 0.2065],
    [0, 1, 0],
    [5, 10, 0.2366],
    [9, 10, 0.5958],
    [100, 100, 0.963],
    [1, 1000, 0.0002],
  ])('of %i successes of %i is %d', (successes, trials, expected) =>
    db.inTransaction(async (t) => {
      const found = await t.value<number>('select runtime.wilson_lower_bound($1, $2)', [successes, trials])
      expect(found).toBeCloseTo(expected, 3)
      expect(found).toBeCloseTo(lowerBound(successes, trials), 9)
    }),
  )
})

describe('patterns', () => {
  it('are what a count of all outcomes says, whatever is recorded and deleted, and rebuilding them changes nothing', async () => {
    const outcome = fc.record({
      agent: fc.nat({ max: 1 }),
      pattern: fc.constantFrom('a', 'b', 'ß', "d'; drop"),
      isSuccess: fc.boolean(),
      minute: fc.integer({ min: 1, max: 1000 }),
    })
    const step = fc.oneof(
      fc.record({ add: fc.array(outcome, { minLength: 1, maxLength: 12 }) }),
      fc.record({ deleteBefore: fc.integer({ min: 1, max: 1000 }) }),
      fc.record({ deletePattern: fc.constantFrom('a', 'b', 'ß') }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) =>
        db.inTransaction(async (t) => {
          const agents = [await createAgent(t, db.acme), await createAgent(t, db.acme)]
          let kept: Outcome[] = []
          for (const step of steps) {
            if ('add' in step) {
              kept.push(...step.add)
              await t.query(
                `insert into app_public.agent_outcomes (tenant_id, id, observed_at, agent_id, pattern, is_success)
                 select $1, gen_random_uuid(), to_timestamp(o.minute * 60), ($2::uuid[])[o.agent + 1], o.pattern, o."isSuccess"
                   from jsonb_to_recordset($3) as o (agent int, pattern text, "isSuccess" boolean, minute int)`,
                [db.acme.id, agents, JSON.stringify(step.add)],
              )
            } else if ('deleteBefore' in step) {
              kept = kept.filter(({ minute }) => minute >= step.deleteBefore)
              await t.query('delete from app_public.agent_outcomes where observed_at < to_timestamp($1 * 60)', [
                step.deleteBefore,
              ])
            } else {
              kept = kept.filter(({ pattern }) => pattern !== step.deletePattern)
              await t.query('delete from app_public.agent_outcomes where pattern = $1', [step.deletePattern])
            }
          }
          const expected = sums(agents, kept)
          const byKey = (a: Pattern, b: Pattern) => (a.agent_id + a.name < b.agent_id + b.name ? -1 : 1)
          expect((await patterns(t)).toSorted(byKey)).toEqual(expected)
          await t.query('select runtime.rebuild_agent_patterns($1)', [db.acme.id])
          expect((await patterns(t)).toSorted(byKey)).toEqual(expected)
        }),
      ),
      { numRuns: 60, seed: 17 },
    )
  })

  it('that somebody changed by hand are right again after a rebuild', () =>
    db.inTransaction(async (t) => {
      const agent = await createAgent(t, db.acme)
      await t.become(db.acme.member)
      await record(t, agent, [{ pattern: 'a', is_success: true }])
      const before = await patterns(t)
      await t.becomeSuperuser()
      await t.query('update app_public.agent_patterns set support_count = 7')
      expect(await t.value('select runtime.rebuild_agent_patterns($1)', [db.acme.id])).toBe(1)
      expect(await patterns(t)).toEqual(before)
    }))

  it('are shown to every member, to no other tenant, and nobody writes them', () =>
    db.inTransaction(async (t) => {
      const agent = await createAgent(t, db.acme)
      await t.become(db.acme.member)
      await record(t, agent, [{ pattern: 'a', is_success: true }])
      await t.become(db.acme.viewer)
      expect(await patterns(t)).toMatchObject([{ agent_id: agent, name: 'a', support: 1, successes: 1 }])
      expect(await t.errorCode('update app_public.agent_patterns set support_count = 2')).toBe('42501')
      expect(await t.errorCode(`select runtime.rebuild_agent_patterns('${db.acme.id}')`)).toBe('42501')
      await t.become(db.globex.owner)
      expect(await patterns(t)).toEqual([])
    }))

  it('are shrunk by retention in a tenant that is read-only, too', () =>
    db.inTransaction(async (t) => {
      const agent = await createAgent(t, db.acme)
      await t.become(db.acme.member)
      await record(t, agent, [{ pattern: 'a', is_success: true }])
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set status = 'suspended', suspension_reason = 'late' where id = $1`, [
        db.acme.id,
      ])
      await t.becomeRole('rowhouse_platform')
      await t.query('delete from app_public.agent_outcomes')
      expect(await patterns(t)).toEqual([])
    }))
})

describe('patterns with many writers', () => {
  it('count every outcome of eight sessions once, with batches of common patterns in different orders', async (context) => {
    needsServer(context)
    const agent = await createAgent(superuser, db.acme)
    const names = Array.from({ length: 20 }, (_, i) => `pattern ${i}`)
    const writers = await sessions(8, db.acme.member)
    await Promise.all(
      writers.map(async (writer, i) => {
        for (let round = 0; round < 5; round++) {
          const batch = names.map((pattern) => ({ pattern, is_success: (i + round) % 2 === 0 }))
          await record(
            queries(() => writer),
            agent,
            i % 2 ? batch : batch.toReversed(),
          )
        }
      }),
    )
    const found = await superuser.query(
      `select distinct support_count::int as support, success_count::int as successes, count(*)::int as patterns
         from app_public.agent_patterns where agent_id = $1 group by 1, 2`,
      [agent],
    )
    expect(found).toEqual([{ support: 40, successes: 20, patterns: 20 }])
  })

  it('are exact when the last outcomes of a pattern are deleted while another is added', async (context) => {
    needsServer(context)
    const agent = await createAgent(superuser, db.acme)
    const support = () =>
      superuser.query('select support_count::int as support from app_public.agent_patterns where agent_id = $1', [
        agent,
      ])
    const writer = await session(db.acme.member)
    await record(
      queries(() => writer),
      agent,
      [{ pattern: 'a', is_success: true }],
    )

    const deleter = await session()
    await deleter.query('begin')
    await deleter.query('delete from app_public.agent_outcomes where agent_id = $1', [agent])
    const added = record(
      queries(() => writer),
      agent,
      [{ pattern: 'a', is_success: false }],
    )
    await untilBlocked(writer)
    await deleter.query('commit')
    await added
    expect(await support()).toEqual([{ support: 1 }])

    // and the other way round
    await writer.query('begin')
    await record(
      queries(() => writer),
      agent,
      [{ pattern: 'a', is_success: true }],
    )
    const deleted = deleter.query('delete from app_public.agent_outcomes where agent_id = $1 and not is_success', [
      agent,
    ])
    await untilBlocked(deleter)
    await writer.query('commit')
    await deleted
    expect(await support()).toEqual([{ support: 1 }])
    expect(
      await superuser.value(
        `select p.last_seen_at = o.observed_at and p.first_seen_at = o.observed_at and p.success_count = 1
           from app_public.agent_patterns p join app_public.agent_outcomes o using (agent_id) where agent_id = $1`,
        [agent],
      ),
    ).toBe(true)
  })
})

// Signals that rules make of events: counted exactly, one for a rule, a key and a window, from however many clients and in any order.

import { beforeAll, describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { needsServer, queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'
import { becomeAgent, createAgent, putKeyAway } from '../runtime/agents.ts'

const db = useDatabase()
const { sessions } = useSessions(db)
const superuser = queries(() => db.pool)
const now = '2026-06-15T12:30:00Z'
let agent: string
let other: string
let foreignAgent: string
beforeAll(async () => {
  agent = await createAgent(superuser, db.acme)
  other = await createAgent(superuser, db.acme)
  foreignAgent = await createAgent(superuser, db.globex)
})

const sentence = `select r.stored_count, r.repeated_count from app_public.report_events(
  array(select e from jsonb_populate_recordset(null::app_public.new_event, $1) as e)) r`
const report = (t: Pick<Transaction, 'query'>, events: object[]) => t.query(sentence, [JSON.stringify(events)])
const refusal = (t: Transaction, events: object[]) => t.errorCode(sentence, [JSON.stringify(events)])
const event = (key: string, celsius: number, more: object = {}) => ({
  idempotency_key: key,
  event_type: 'temperature.measured',
  metadata: { celsius, sensor: 'fridge 1' },
  ...more,
})
const warm = {
  name: 'The cold chain is broken',
  event_type: 'temperature.measured',
  condition: '$.metadata.celsius > 8',
  dedup_key: '$.metadata.sensor',
  window_minutes: 60,
  tags: ['cold chain'],
}
const ruleSentence = `insert into app_public.signal_rules (name, event_type, condition, dedup_key, window_minutes, tags)
  select r.name, r.event_type, r.condition, r.dedup_key, r.window_minutes, coalesce(r.tags, '{}')
    from jsonb_populate_record(null::app_public.signal_rules, $1) r returning id`
const makeRule = async (t: Transaction, rule: object = warm) => {
  await t.become(db.acme.admin)
  const id = await t.value<string>(ruleSentence, [JSON.stringify(rule)])
  await t.become(db.acme.member)
  return id
}
type Signal = { id: string; dedup_key: string; start: string; count: number }
const signals = (t: Pick<Transaction, 'query'>) =>
  t.query<Signal>(
    `select id, dedup_key, to_char(window_start at time zone 'UTC', 'HH24:MI') as start, occurrence_count::int as count
       from app_public.signals order by dedup_key, window_start`,
  )
const withRule = (work: (t: Transaction, rule: string) => Promise<unknown>, rule: object = warm) =>
  db.inTransaction(async (t) => {
    await setClock(t, now)
    await work(t, await makeRule(t, rule))
  })

describe('a rule', () => {
  it('makes one signal of the events of a key and a window that meet its condition, and counts them', () =>
    withRule(async (t) => {
      await report(t, [event('a', 9), event('b', 7), event('c', 12), event('d', 9, { event_type: 'door.opened' })])
      await report(t, [event('e', 10)])
      expect(await signals(t)).toMatchObject([{ dedup_key: '"fridge 1"', start: '12:00', count: 3 }])
      expect(await t.value('select count(*)::int from app_public.event_signals')).toBe(3)
    }))

  it('makes a signal of its own for each key, and for each window of the time at which events happened', () =>
    withRule(async (t) => {
      await report(t, [
        event('a', 9),
        event('b', 9, { metadata: { celsius: 9, sensor: 'fridge 2' } }),
        event('c', 9, { occurred_at: '2026-06-15T11:59:59.999Z' }),
        event('d', 9, { occurred_at: '2026-06-15T11:00:00Z' }),
      ])
      expect(await signals(t)).toMatchObject([
        { dedup_key: '"fridge 1"', start: '11:00', count: 2 },
        { dedup_key: '"fridge 1"', start: '12:00', count: 1 },
        { dedup_key: '"fridge 2"', start: '12:00', count: 1 },
      ])
    }))

  it('gives the same signals for the same events in any order and in any batches', async () => {
    const events = Array.from({ length: 40 }, (_, i) =>
      event(`k${i}`, 5 + (i % 7), {
        occurred_at: new Date(Date.parse(now) - i * 300_000).toISOString(),
        metadata: { celsius: 5 + (i % 7), sensor: `fridge ${i % 3}` },
      }),
    )
    const outcome = async (batches: object[][]) => {
      let found: Signal[] = []
      await withRule(async (t) => {
        for (const batch of batches) await report(t, batch)
        found = (await signals(t)).map(({ id, ...signal }) => signal as Signal)
      })
      return found
    }
    const together = await outcome([events])
    expect(together.length).toBeGreaterThan(5)
    expect(await outcome(events.toReversed().map((one) => [one]))).toEqual(together)
    expect(await outcome([events.filter((_, i) => i % 2 === 1), events.filter((_, i) => i % 2 === 0)])).toEqual(
      together,
    )
  })

  it('counts an event that comes again under its key no second time', () =>
    withRule(async (t) => {
      expect(await report(t, [event('a', 9), event('a', 9)])).toEqual([{ stored_count: 1, repeated_count: 1 }])
      expect(await report(t, [event('a', 9)])).toEqual([{ stored_count: 0, repeated_count: 1 }])
      expect(await signals(t)).toMatchObject([{ count: 1 }])
    }))

  it('stores nothing a second time when an event comes again after its key was forgotten', () =>
    withRule(async (t) => {
      await report(t, [event('a', 9, { occurred_at: now })])
      await t.becomeSuperuser()
      await t.query('delete from observability.event_keys')
      await t.become(db.acme.member)
      expect(await report(t, [event('a', 9, { occurred_at: now })])).toEqual([{ stored_count: 0, repeated_count: 1 }])
      expect(await signals(t)).toMatchObject([{ count: 1 }])
    }))

  it('without a condition, a type and a key makes one signal a window of everything', () =>
    withRule(
      async (t) => {
        await report(t, [event('a', 1), event('b', 2, { event_type: 'door.opened', metadata: {} })])
        expect(await signals(t)).toMatchObject([{ dedup_key: '', count: 2 }])
      },
      { name: 'Anything', window_minutes: 1440 },
    ))

  it('does not count what its condition cannot read, and has a key of null for what its key cannot read', () =>
    withRule(async (t) => {
      await report(t, [
        event('a', 9, { metadata: { celsius: 'warm' } }),
        event('b', 9, { metadata: {} }),
        event('c', 9, { metadata: { celsius: 9 } }),
      ])
      expect(await signals(t)).toMatchObject([{ dedup_key: 'null', count: 1 }])
    }))

  it('keeps a key of more than 200 characters as its hash, so that different keys stay apart', () =>
    withRule(async (t) => {
      const sensor = 'x'.repeat(3000)
      await report(t, [
        event('a', 9, { metadata: { celsius: 9, sensor: `${sensor}1` } }),
        event('b', 9, { metadata: { celsius: 9, sensor: `${sensor}2` } }),
      ])
      const keys = (await signals(t)).map(({ dedup_key }) => dedup_key)
      expect(keys).toEqual([expect.stringMatching(/^sha256:/), expect.stringMatching(/^sha256:/)])
    }))

  it('that is switched off makes no signal, and one that is deleted leaves its signals', () =>
    withRule(async (t, rule) => {
      await report(t, [event('a', 9)])
      await t.become(db.acme.admin)
      await t.query('update app_public.signal_rules set is_enabled = false where id = $1', [rule])
      await report(t, [event('b', 9)])
      await t.query('delete from app_public.signal_rules where id = $1', [rule])
      await report(t, [event('c', 9)])
      expect(await signals(t)).toMatchObject([{ count: 1 }])
    }))

  it('may be given a longer or a shorter window while one is open', () =>
    withRule(async (t, rule) => {
      await report(t, [event('a', 9)])
      await t.become(db.acme.admin)
      for (const minutes of [15, 1440]) {
        await t.query('update app_public.signal_rules set window_minutes = $2 where id = $1', [rule, minutes])
        await report(t, [event(`b${minutes}`, 9)])
      }
      expect((await signals(t)).reduce((sum, { count }) => sum + count, 0)).toBe(3)
    }))

  it.each([
    ['a condition that is no path', { condition: 'celsius > 8' }, 'TK451'],
    ['a condition that visits everything', { condition: '$.** > 8' }, 'TK451'],
    ['a key with a regular expression', { dedup_key: '$ ? (@ like_regex "(a+)+$")' }, 'TK451'],
    ['an empty tag', { tags: [''] }, 'TK452'],
    ['a tag with a line break', { tags: ['a\nb'] }, 'TK452'],
    ['no window', { window_minutes: 0 }, '23514'],
    ['a window of more than 30 days', { window_minutes: 43_201 }, '23514'],
  ])('is refused with %s', (_, wrong, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      expect(await t.errorCode(ruleSentence, [JSON.stringify({ ...warm, ...wrong })])).toBe(code)
    }),
  )

  it('is made by those who may manage settings, 50 in a tenant', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(ruleSentence, [JSON.stringify(warm)])).toBe('42501')
      await t.become(db.acme.admin)
      for (let i = 0; i < 50; i++) await t.query(ruleSentence, [JSON.stringify({ ...warm, name: `rule ${i}` })])
      expect(await t.errorCode(ruleSentence, [JSON.stringify(warm)])).toBe('TK650')
    }))
})

describe('events', () => {
  it.each([
    ['no event', [], 'TK450'],
    ['1,001 events', Array.from({ length: 1001 }, (_, i) => ({ idempotency_key: String(i) })), 'TK450'],
    ['no key', [{ idempotency_key: null }], 'OB401'],
    ['no type', [{ event_type: null }], 'OB404'],
    ['a type of 101 characters', [{ event_type: 'x'.repeat(101) }], 'OB404'],
    ['a summary of 2,001 characters', [{ summary: 'x'.repeat(2001) }], 'OB407'],
    ['metadata that is a list', [{ metadata: [] }], 'OB408'],
    ['metadata of more than 8 kB', [{ metadata: { x: Array.from({ length: 3000 }, (_, i) => i) } }], 'OB408'],
    ['a time 31 days ago', [{ occurred_at: '2026-05-15T00:00:00Z' }], 'OB402'],
    ['a time at infinity', [{ occurred_at: 'infinity' }], 'OB403'],
    ['an agent that does not exist', [{ agent_id: '00000000-0000-4000-8000-000000000000' }], 'OB302'],
  ])('are refused with %s', (_, wrong, code) =>
    db.inTransaction(async (t) => {
      await setClock(t, now)
      await t.become(db.acme.member)
      expect(
        await refusal(
          t,
          wrong.map((row) => ({ ...event('a', 9), ...row })),
        ),
      ).toBe(code)
    }),
  )

  it('refuse a row that is null, and another event under a key that was used', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.report_events(array[null]::app_public.new_event[])')).toBe('OB401')
      expect(await t.errorCode('select app_public.report_events(null)')).toBe('TK450')
      await report(t, [event('a', 9)])
      expect(await refusal(t, [event('a', 10)])).toBe('OB501')
    }))

  it("refuse another tenant's agent as one that does not exist, and an agent that the API key is not for", () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await refusal(t, [event('a', 9, { agent_id: foreignAgent })])).toBe('OB302')
      await becomeAgent(t, db.acme.member, agent)
      expect(await refusal(t, [event('a', 9, { agent_id: other })])).toBe('OB302')
      await report(t, [event('a', 9)])
      expect(await t.value('select agent_id from app_public.events')).toBe(agent)
      await putKeyAway(t)
    }))

  it('are seen by who recorded them and by who may view analytics; their signals by all members, of this tenant alone', () =>
    withRule(async (t) => {
      await report(t, [event('a', 9)])
      const seen = async () => [await t.value('select count(*)::int from app_public.events'), (await signals(t)).length]
      expect(await seen()).toEqual([1, 1])
      await t.become(db.acme.viewer)
      expect(await seen()).toEqual([0, 1])
      await t.become(db.acme.admin)
      expect(await seen()).toEqual([1, 1])
      await t.become(db.globex.admin)
      expect(await seen()).toEqual([0, 0])
    }))
})

describe('tags', () => {
  const tag = 'select (app_public.tag_signal($1, $2, $3)).id'
  const tags = (t: Transaction) => t.value<string[]>(`select array_agg(tag order by tag) from app_public.signal_tags`)

  it('come from the rule when the signal is made, and stay as people change them', () =>
    withRule(async (t) => {
      await report(t, [event('a', 9)])
      const [signal] = await signals(t)
      await t.query(tag, [signal?.id, ['checked', 'checked'], ['cold chain']])
      await report(t, [event('b', 9)])
      expect(await tags(t)).toEqual(['checked'])
    }))

  it('are 20 at most, and are none of a signal of another tenant', () =>
    withRule(async (t) => {
      await report(t, [event('a', 9)])
      const [signal] = await signals(t)
      const many = Array.from({ length: 20 }, (_, i) => `tag ${i}`)
      expect(await t.errorCode(tag, [signal?.id, many, []])).toBe('TK651')
      expect(await t.errorCode(tag, [signal?.id, [null], []])).toBe('TK452')
      expect(await t.errorCode(tag, [signal?.id, null, null])).toBe('TK452')
      await t.query(tag, [signal?.id, many, ['cold chain']])
      expect(await tags(t)).toHaveLength(20)
      await t.become(db.globex.admin)
      expect(await t.errorCode(tag, [signal?.id, ['x'], []])).toBe('TK350')
      await t.become(db.acme.viewer)
      expect(await t.errorCode(tag, [signal?.id, ['x'], []])).toBe('ID203')
    }))
})

it('20 clients that report at once make one signal, which counts each event once', async (context) => {
  needsServer(context)
  await db.pool.query(
    `insert into app_public.signal_rules (tenant_id, name, dedup_key, window_minutes) values ($1, 'at once', '$.metadata.sensor', 43200)`,
    [db.acme.id],
  )
  const clients = await sessions(20, db.acme.member)
  await Promise.all(
    clients.map(async (client, i) => {
      for (let n = 0; n < 5; n++) {
        // Each event comes from two clients, in batches whose keys lie in opposite orders.
        const batch = ['fridge 1', 'fridge 2', 'fridge 3'].map((sensor) =>
          event(`${Math.floor(i / 2)} ${n} ${sensor}`, 9, {
            metadata: { sensor },
            occurred_at: '2026-06-14T12:00:00Z',
          }),
        )
        await client.query(`select set_config('rowhouse.clock', $1, false)`, [now])
        await client.query(sentence, [JSON.stringify(i % 2 ? batch : batch.toReversed())])
      }
    }),
  )
  const found = await superuser.query<{ count: number; links: number }>(
    `select occurrence_count::int as count, (select count(*)::int from app_public.event_signals e where e.signal_id = s.id) as links
       from app_public.signals s where name = 'at once'`,
  )
  expect(found).toEqual(Array.from({ length: 3 }, () => ({ count: 50, links: 50 })))
})

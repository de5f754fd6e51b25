// Metering by many at once: a key is stored once, no batch is missed by the roll-ups or by the end of a period, and a
// partition that is made meanwhile loses nothing.

import { beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { callFrom, eventOf, eventsFrom } from '../helpers/metering.ts'
import { codeOf, outcomesOf, type Session, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, sessions, untilBlocked } = useSessions(db)
beforeEach(async () => {
  await db.pool.query(`truncate app_public.usage_events, metering.usage_idempotency_keys, metering.usage_queue,
    metering.usage_minutes, metering.usage_days, metering.usage_quarter_hours, metering.usage_agents, metering.finalised_periods,
    metering.usage_user_days, metering.usage_users, metering.usage_model_days`)
})

const worker = (): Promise<Session> => session('rowhouse_worker')

const count = async (table: string): Promise<number> =>
  Number((await db.pool.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n)

/** The JSON of a call. */
const call = `'{"idempotency_key": "call", "model": "m", "input_tokens": 10, "output_tokens": 20}'`
const record = `select * from app_public.record_usages(${eventsFrom('$1')})`
const events = (...keys: string[]): string =>
  JSON.stringify(keys.map((idempotency_key) => ({ idempotency_key, usage_type: 'search', quantity: 1 })))

async function differences(): Promise<unknown[]> {
  return (await (await session(db.acme.owner)).query('select * from metering.verify_rollups()')).rows
}

describe('20 clients with the same event', () => {
  it('store it once, and all have the same receipt', async (context) => {
    needsServer(context)
    const clients = await sessions(20, db.acme.member)
    const receipts = await Promise.all(
      clients.map(
        async (client) =>
          (await client.query(`select * from app_public.record_usage(${eventOf("'same'", "'search'", '1')})`)).rows[0],
      ),
    )
    expect(receipts.filter(({ is_repeated }) => !is_repeated)).toHaveLength(1)
    expect(new Set(receipts.map(({ batch_id, ordinal }) => `${batch_id} ${ordinal}`)).size).toBe(1)
    expect(await count('app_public.usage_events')).toBe(1)
    expect(await count('metering.usage_queue')).toBe(1)
  })

  it('in batches that share keys in different orders store each once, and nobody waits in a circle', async (context) => {
    needsServer(context)
    const keys = Array.from({ length: 200 }, (_, i) => `key ${i}`)
    const clients = await sessions(20, db.acme.member)
    await Promise.all(
      clients.map((client, i) => {
        const turned = [...keys.slice(i * 10), ...keys.slice(0, i * 10)]
        return client.query(record, [events(...(i % 2 ? turned.reverse() : turned))])
      }),
    )
    expect(await count('app_public.usage_events')).toBe(200)
    expect(await count('metering.usage_idempotency_keys')).toBe(200)
  })

  it('of a call store it once', async (context) => {
    needsServer(context)
    await db.pool.query('truncate metering.llm_calls')
    const clients = await sessions(20, db.acme.member)
    const receipts = await Promise.all(
      clients.map(
        async (client) =>
          (await client.query(`select id, is_repeated from app_public.record_llm_usage(${callFrom(call)})`)).rows[0],
      ),
    )
    expect(new Set(receipts.map(({ id }) => id)).size).toBe(1)
    expect(receipts.filter(({ is_repeated }) => !is_repeated)).toHaveLength(1)
    expect(await count('metering.llm_calls')).toBe(1)
    expect(await count('app_public.usage_events')).toBe(3)
  })
})

describe('a key that another one is storing', () => {
  it('is waited for, and repeated when that one commits', async (context) => {
    needsServer(context)
    const [first, same] = (await sessions(2, db.acme.member)) as [Session, Session]
    await first.query('begin')
    await first.query(record, [events('k')])
    const repeated = same.query(record, [events('k')])
    await untilBlocked(same)
    await first.query('commit')
    expect((await repeated).rows).toMatchObject([{ is_repeated: true }])
  })

  it('is waited for, and a conflict when that one says something else', async (context) => {
    needsServer(context)
    const [first, other] = (await sessions(2, db.acme.member)) as [Session, Session]
    await first.query('begin')
    await first.query(record, [events('k')])
    const refused = codeOf(other.query(`select * from app_public.record_usage(${eventOf("'k'", "'document'", '1')})`))
    await untilBlocked(other)
    await first.query('commit')
    expect(await refused).toBe('MT501')
  })

  it('is free when that one rolls back', async (context) => {
    needsServer(context)
    const [first, second] = (await sessions(2, db.acme.member)) as [Session, Session]
    await first.query('begin')
    await first.query(record, [events('k')])
    const waiting = second.query(record, [events('k')])
    await untilBlocked(second)
    await first.query('rollback')
    expect((await waiting).rows).toMatchObject([{ is_repeated: false }])
    expect(await count('app_public.usage_events')).toBe(1)
  })
})

describe('rolling up beside writers', () => {
  it('counts a batch that began before others and committed after them', async (context) => {
    needsServer(context)
    const [slow, fast] = (await sessions(2, db.acme.member)) as [Session, Session]
    const runner = await worker()
    await slow.query('begin')
    await slow.query(record, [events('slow')])
    await fast.query(record, [events('fast')])
    expect((await runner.query('select metering.roll_up_usage($1) as n', [db.acme.id])).rows).toEqual([{ n: 1 }])
    await slow.query('commit')
    expect((await runner.query('select metering.roll_up_usage($1) as n', [db.acme.id])).rows).toEqual([{ n: 1 }])
    expect(await differences()).toEqual([])
  })

  it('by two workers counts everything once while eight clients record, repeat and roll back', async (context) => {
    needsServer(context)
    let isRecording = true
    const write = async (i: number): Promise<void> => {
      const client = await session(i % 2 ? db.acme.member : db.acme.admin)
      for (let round = 0; round < 30; round++) {
        const keys = Array.from({ length: 1 + ((round * 7 + i) % 20) }, (_, j) => `${i % 4}-${round}-${j}`)
        const given = JSON.stringify(
          keys.map((key, j) => ({
            // two clients of one person share keys
            idempotency_key: `${i % 2}-${key}`,
            usage_type: 'api_call',
            quantity: 1 + j,
            occurred_at: new Date(Date.UTC(2026, 10, 1 + (round % 20))).toISOString(),
            duration_ms: j,
          })),
        )
        await client.query('begin')
        await client.query(`select set_config('rowhouse.clock', '2026-11-21T00:00:00Z', true)`)
        await client.query(record, [given])
        await client.query(round % 5 === 4 ? 'rollback' : 'commit')
      }
    }
    const roll = async (): Promise<void> => {
      const client = await worker()
      let last = 1
      while (isRecording || last > 0) {
        last =
          (await client.query<{ n: number }>('select metering.roll_up_usage($1, 40) as n', [db.acme.id])).rows[0]?.n ??
          0
      }
    }
    const verify = async (): Promise<unknown[]> => {
      const found: unknown[] = []
      const client = await session(db.acme.owner)
      // in the midst of it, too: what waits is left out on both sides
      while (isRecording) found.push(...(await client.query('select * from metering.verify_rollups()')).rows)
      return found
    }
    const running = [roll(), roll()]
    const verifying = verify()
    await Promise.all(Array.from({ length: 8 }, (_, i) => write(i)))
    isRecording = false
    expect(await verifying).toEqual([])
    await Promise.all(running)
    // the one that found the other at work may have left something
    await (await worker()).query('select metering.roll_up_usage($1)', [db.acme.id])
    expect(await count('metering.usage_queue')).toBe(0)
    expect(await differences()).toEqual([])
    const { rows } = await db.pool.query(
      `select (select sum(quantity) from app_public.usage_events) = (select sum(quantity) from metering.usage_days) as by_day,
              (select sum(quantity) from app_public.usage_events) = (select sum(request_count) from metering.usage_minutes) as by_minute`,
    )
    expect(rows).toEqual([{ by_day: true, by_minute: true }])
  })
})

describe('the end of a period', () => {
  it('waits for those who record, and those who come later see it', async (context) => {
    needsServer(context)
    const [early, late] = (await sessions(2, db.acme.member)) as [Session, Session]
    const billing = await session('rowhouse_owner', { 'rowhouse.tenant_id': db.acme.id })
    await early.query('begin')
    await early.query(record, [events('early')])
    await billing.query('begin')
    const closing = billing.query(
      `select metering.finalise_usage_period(tstzrange(now() - interval '1 month', now() + interval '1 hour'))::int as last_batch_id`,
    )
    await untilBlocked(billing)
    const after = late.query(record, [events('late')])
    await untilBlocked(late)
    await early.query('commit')
    const { last_batch_id: last } = (await closing).rows[0]
    // what billing reads now is all there will ever be in it
    expect(
      (await billing.query('select idempotency_key from app_public.usage_events where adjusts_period is null')).rows,
    ).toEqual([{ idempotency_key: 'early' }])
    await billing.query('commit')
    await after
    const { rows } = await db.pool.query(
      `select idempotency_key, adjusts_period is not null as adjusts, batch_id <= $1 as before from app_public.usage_events order by batch_id`,
      [last],
    )
    expect(rows).toEqual([
      { idempotency_key: 'early', adjusts: false, before: true },
      { idempotency_key: 'late', adjusts: true, before: false },
    ])
  })
})

describe('a partition that is made while clients record', () => {
  it('loses nothing and fails nobody', async (context) => {
    needsServer(context)
    const clients = await sessions(4, db.acme.member)
    const runner = await worker()
    let created = 0
    let isDone = false
    const writing = Promise.all(
      clients.map(async (client, i) => {
        for (let n = 0; n < 40 || !isDone; n++) await client.query(record, [events(`${i}-${n}`, `${i}-${n}-`)])
      }),
    )
    created += (await runner.query('select metering.create_partitions() as n')).rows[0].n
    isDone = true
    await writing
    // this month and the next three of each table
    expect(created).toBe(
      4 * (await db.pool.query('select count(*)::int as n from metering.monthly_tables()')).rows[0].n,
    )
    const keys = await count('metering.usage_idempotency_keys')
    expect(await count('app_public.usage_events')).toBe(keys)
    expect(await count('metering.usage_events_default')).toBe(0)
  })
})

describe('20 corrections of 10 at once', () => {
  it('take back the 100 that the event has, and not one more', async (context) => {
    needsServer(context)
    await (await session(db.acme.member)).query(record, [
      JSON.stringify([{ idempotency_key: 'e', usage_type: 'search', quantity: 100 }]),
    ])
    const { rows } = await db.pool.query('select batch_id from app_public.usage_events')
    const workers = await sessions(20, 'rowhouse_worker')
    const outcomes = await outcomesOf(
      workers.map((client, i) =>
        client.query('select metering.correct_tenant_usage($1, $2, $3, 1, 10)', [
          db.acme.id,
          `c${i}`,
          rows[0].batch_id,
        ]),
      ),
    )
    expect(outcomes).toEqual({ done: 10, MT502: 10 })
    expect((await db.pool.query('select sum(quantity)::int as left from app_public.usage_events')).rows).toEqual([
      { left: 0 },
    ])
  })

  it('under one key take back once', async (context) => {
    needsServer(context)
    await (await session(db.acme.member)).query(record, [
      JSON.stringify([{ idempotency_key: 'e', usage_type: 'search', quantity: 100 }]),
    ])
    const { rows } = await db.pool.query('select batch_id from app_public.usage_events')
    const workers = await sessions(20, 'rowhouse_worker')
    const correct = 'select metering.correct_tenant_usage($1, $2, $3, 1, 10)'
    expect(
      await outcomesOf(workers.map((client) => client.query(correct, [db.acme.id, 'c', rows[0].batch_id]))),
    ).toEqual({ done: 20 })
    expect(await count('app_public.usage_events')).toBe(2)
  })
})

// Recording counts: tokens and costs that are recorded are taken from the quotas, whoever forgot to consume them, once.

import { describe, expect, it } from 'vitest'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { callFrom, createModel, recordAll, setPrice } from '../helpers/metering.ts'
import { useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { sessions } = useSessions(db)
type Counter = { used: number; reserved: number; excess: number }

const limit = (t: Transaction, quotaType: string, amount: number, isHard = true): Promise<unknown> =>
  t.query(
    `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit, is_hard_limit, source)
     values ($1, $2, 'month', $3, $4, 'plan')`,
    [db.acme.id, quotaType, amount, isHard],
  )

/** A transaction as a member of acme, with a hard limit of tokens a month. */
const withTokens = (amount: number, work: (t: Transaction) => Promise<void>) =>
  db.inTransaction(async (t) => {
    await limit(t, 'tokens', amount)
    await t.become(db.acme.member)
    await work(t)
  })

const callOf = (key: string, tokens: number, more: object = {}) => [
  JSON.stringify({ idempotency_key: key, model: 'model', input_tokens: tokens, output_tokens: 0, ...more }),
]
const recordSql = `select is_over_quota, is_repeated from app_public.record_llm_usage(${callFrom('$1')})`
const record = async (t: Transaction, key: string, tokens: number, more?: object) =>
  (await t.query<{ is_over_quota: boolean; is_repeated: boolean }>(recordSql, callOf(key, tokens, more)))[0]
const reserve = (t: Transaction, amount: number, type = 'tokens', ttl = 600): Promise<string> =>
  t.value('select id from app_public.reserve_quota($1, $2, $3)', [type, amount, ttl])
const consume = (t: Transaction, amount: number, type = 'tokens') =>
  t.errorCode('select * from app_public.consume_quota($1, $2)', [type, amount])
const counter = async (t: Transaction, type = 'tokens'): Promise<Counter | undefined> => {
  await t.becomeSuperuser()
  const [row] = await t.query<Counter>(
    `select current_usage::float as used, reserved::float, excess::float from app_public.quota_tracking
      where tenant_id = $1 and quota_type = $2`,
    [db.acme.id, type],
  )
  await t.become(db.acme.member)
  return row
}

describe('a recorded call', () => {
  it('takes its tokens from the quota without being asked to', () =>
    withTokens(100, async (t) => {
      expect(await record(t, 'a', 60)).toEqual({ is_over_quota: false, is_repeated: false })
      expect(await counter(t)).toEqual({ used: 60, reserved: 0, excess: 0 })
      expect(await consume(t, 41)).toBe('QT601')
      expect(await consume(t, 40)).toBeUndefined()
    }))

  it('is kept beyond a hard limit and marked, and what follows is refused', () =>
    withTokens(100, async (t) => {
      expect(await record(t, 'a', 2_000_000)).toEqual({ is_over_quota: true, is_repeated: false })
      expect(await counter(t)).toEqual({ used: 2_000_000, reserved: 0, excess: 1_999_900 })
      expect(await t.value('select is_over_quota from app_public.llm_usage_logs')).toBe(true)
      expect(await consume(t, 1)).toBe('QT601')
      expect(await t.errorCode(`select app_public.reserve_quota('tokens', 1)`)).toBe('QT601')
      await t.become(db.acme.owner)
      expect(
        (await t.query<{ at: number }>('select threshold_percentage::int as at from app_public.quota_alerts')).map(
          ({ at }) => at,
        ),
      ).toEqual([80, 100])
    }))

  it('that is sent again counts once, and gets the first answer', () =>
    withTokens(100, async (t) => {
      await record(t, 'a', 150)
      expect(await record(t, 'a', 150)).toEqual({ is_over_quota: true, is_repeated: true })
      expect(await counter(t)).toMatchObject({ used: 150 })
    }))

  it('of an earlier month counts now, because naming an earlier time is no way around a limit', () =>
    withTokens(100, async (t) => {
      await record(t, 'a', 150, { occurred_at: new Date(Date.now() - 60 * 86_400_000).toISOString() })
      expect(await counter(t)).toMatchObject({ used: 150 })
    }))

  it('takes its cost from the quota of cost', () =>
    db.inTransaction(async (t) => {
      await setPrice(db, t, await createModel(t), { input: 1_000_000, output: 0 })
      await t.becomeSuperuser()
      await limit(t, 'cost', 5)
      await t.become(db.acme.member)
      expect(await record(t, 'a', 3)).toMatchObject({ is_over_quota: false })
      expect(await record(t, 'b', 3)).toMatchObject({ is_over_quota: true })
      expect(await counter(t, 'cost')).toEqual({ used: 6, reserved: 0, excess: 1 })
    }))

  it('passes a soft limit without a mark', () =>
    db.inTransaction(async (t) => {
      await limit(t, 'tokens', 100, false)
      await t.become(db.acme.member)
      expect(await record(t, 'a', 150)).toMatchObject({ is_over_quota: false })
      expect(await counter(t)).toEqual({ used: 150, reserved: 0, excess: 0 })
    }))
})

describe('tokens that are recorded as events', () => {
  it('count as those of calls do, each batch at once', () =>
    withTokens(100, async (t) => {
      await recordAll(t, db.acme.member, [
        { idempotency_key: 'a', usage_type: 'input_tokens', quantity: 70 },
        { idempotency_key: 'b', usage_type: 'output_tokens', quantity: 40 },
        { idempotency_key: 'c', usage_type: 'tool_call', quantity: 5 },
      ])
      expect(await counter(t)).toEqual({ used: 110, reserved: 0, excess: 10 })
    }))

  it('count to the person of each event', () =>
    db.inTransaction(async (t) => {
      await t.query(
        `insert into app_public.usage_quotas (tenant_id, quota_type, quota_scope, period, quota_limit, source)
         values ($1, 'tokens', 'user', 'month', 100, 'plan')`,
        [db.acme.id],
      )
      await recordAll(t, db.acme.owner, [
        { idempotency_key: 'a', usage_type: 'input_tokens', quantity: 70, user_id: db.acme.member.userId },
        { idempotency_key: 'b', usage_type: 'input_tokens', quantity: 40 },
      ])
      await t.becomeSuperuser()
      const used = await t.query<{ scope_id: string; used: number }>(
        'select scope_id, current_usage::int as used from app_public.quota_tracking where tenant_id = $1',
        [db.acme.id],
      )
      expect(Object.fromEntries(used.map(({ scope_id, used }) => [scope_id, used]))).toEqual({
        [db.acme.member.userId]: 70,
        [db.acme.owner.userId]: 40,
      })
    }))

  it('are not those of an embedder, whose cost alone counts', () =>
    withTokens(100, async (t) => {
      await recordAll(t, db.acme.member, [{ idempotency_key: 'a', usage_type: 'embedding_tokens', quantity: 1000 }])
      expect(await counter(t)).toBeUndefined()
    }))
})

describe('a call that names its reservation', () => {
  it('settles it with what it used and counts once', () =>
    withTokens(100, async (t) => {
      const id = await reserve(t, 80)
      expect(await record(t, 'a', 50, { reservation_ids: [id] })).toMatchObject({ is_over_quota: false })
      expect(await counter(t)).toEqual({ used: 50, reserved: 0, excess: 0 })
      expect(await t.errorCode('select app_public.settle_reservation($1, 50)', [id])).toBeUndefined()
      expect(await t.errorCode('select app_public.release_reservation($1)', [id])).toBe('QT501')
      expect(await counter(t)).toEqual({ used: 50, reserved: 0, excess: 0 })
    }))

  it('counts what is beyond the reservation too', () =>
    withTokens(100, async (t) => {
      const id = await reserve(t, 80)
      expect(await record(t, 'a', 130, { reservation_ids: [id] })).toMatchObject({ is_over_quota: true })
      expect(await counter(t)).toEqual({ used: 130, reserved: 0, excess: 30 })
    }))

  it('counts only the rest when its caller has settled before', () =>
    withTokens(100, async (t) => {
      const id = await reserve(t, 80)
      await t.query('select app_public.settle_reservation($1, 50)', [id])
      await record(t, 'a', 60, { reservation_ids: [id] })
      expect(await counter(t)).toEqual({ used: 60, reserved: 0, excess: 0 })
    }))

  it('settles one of tokens and one of cost', () =>
    db.inTransaction(async (t) => {
      await setPrice(db, t, await createModel(t), { input: 1_000_000, output: 0 })
      await t.becomeSuperuser()
      await limit(t, 'tokens', 100)
      await limit(t, 'cost', 100)
      await t.become(db.acme.member)
      const ids = [await reserve(t, 80), await reserve(t, 70, 'cost')]
      await record(t, 'a', 50, { reservation_ids: ids })
      expect([await counter(t), await counter(t, 'cost')]).toEqual([
        { used: 50, reserved: 0, excess: 0 },
        { used: 50, reserved: 0, excess: 0 },
      ])
    }))

  it('gives back what was reserved when it used nothing', () =>
    withTokens(100, async (t) => {
      await record(t, 'a', 0, { reservation_ids: [await reserve(t, 80)] })
      expect(await counter(t)).toEqual({ used: 0, reserved: 0, excess: 0 })
    }))

  it('counts whole when the reservation has served another call, was released or has expired', () =>
    withTokens(1000, async (t) => {
      await t.query(`select set_config('rowhouse.clock', '2026-02-10T12:00:00Z', true)`)
      const [used, released, expired] = [await reserve(t, 80), await reserve(t, 80), await reserve(t, 80, 'tokens', 60)]
      await record(t, 'a', 50, { reservation_ids: [used] })
      await record(t, 'b', 50, { reservation_ids: [used] })
      await t.query('select app_public.release_reservation($1)', [released])
      await record(t, 'c', 50, { reservation_ids: [released] })
      await t.query(`select set_config('rowhouse.clock', '2026-02-10T12:02:00Z', true)`)
      await record(t, 'd', 50, { reservation_ids: [expired] })
      expect(await counter(t)).toEqual({ used: 200, reserved: 0, excess: 0 })
    }))

  it('is kept when its reservation has expired and others have used the room', () =>
    withTokens(100, async (t) => {
      await t.query(`select set_config('rowhouse.clock', '2026-02-10T12:00:00Z', true)`)
      const id = await reserve(t, 80, 'tokens', 60)
      await t.query(`select set_config('rowhouse.clock', '2026-02-10T12:02:00Z', true)`)
      expect(await consume(t, 90)).toBeUndefined()
      expect(await record(t, 'a', 50, { reservation_ids: [id] })).toMatchObject({ is_over_quota: true })
      expect(await counter(t)).toEqual({ used: 140, reserved: 0, excess: 40 })
    }))

  it('is marked when others have passed the limit meanwhile', () =>
    withTokens(100, async (t) => {
      const id = await reserve(t, 50)
      await record(t, 'a', 90)
      expect(await record(t, 'b', 50, { reservation_ids: [id] })).toMatchObject({ is_over_quota: true })
      expect(await counter(t)).toEqual({ used: 140, reserved: 0, excess: 40 })
    }))

  it('names only reservations of its own person, agent and key, and at most two', () =>
    withTokens(1000, async (t) => {
      const mine = await reserve(t, 10)
      await t.become(db.acme.owner)
      const code = (more: object) => t.errorCode(recordSql, callOf('a', 1, more))
      expect(await code({ reservation_ids: [mine] })).toBe('QT301')
      expect(await code({ reservation_ids: [crypto.randomUUID()] })).toBe('QT301')
      expect(await code({ reservation_ids: [mine, mine, mine] })).toBe('QT408')
      expect(await code({ reservation_ids: [null] })).toBe('QT408')
      expect(await code({ reservation_ids: [mine], user_id: db.acme.member.userId })).toBeUndefined()
    }))
})

describe('at the same time', () => {
  it('twenty calls count exactly, and one reservation serves one of them', async (context) => {
    needsServer(context)
    await db.pool.query(
      `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit, source)
       values ($1, 'tokens', 'month', 300, 'plan')`,
      [db.acme.id],
    )
    const clients = await sessions(20, db.acme.member)
    const id = (await clients[0]?.query(`select id from app_public.reserve_quota('tokens', 100)`))?.rows[0]?.id
    const receipts = await Promise.all(
      clients.map(
        async (client, i) =>
          (await client.query(recordSql, callOf(`same-time-${i}`, 30, { reservation_ids: [id] }))).rows[0],
      ),
    )
    const { rows } = await db.pool.query(
      `select current_usage::int as used, reserved::int, excess::int from app_public.quota_tracking where tenant_id = $1`,
      [db.acme.id],
    )
    expect(rows).toEqual([{ used: 600, reserved: 0, excess: 300 }])
    expect(receipts.filter(({ is_over_quota }) => is_over_quota)).toHaveLength(10)
  })
})

// What API keys use: quotas and rate limits of the scope api_key act, and usage names the key.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

type Issued = { api_key_id: string; key: string }
async function create(t: Transaction, person: Person, given: Record<string, unknown> = {}): Promise<Issued> {
  await t.query(`select set_config('rowhouse.api_key_id', '', true)`)
  await t.become(person)
  const [row] = await t.query<Issued>(
    `select * from app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, $1))`,
    [JSON.stringify({ name: 'Import', permissions: ['can_record_usage'], ...given })],
  )
  return row as Issued
}
/** The code with which a request by this key is refused, or the name of the limit nearest to its end. */
async function request(t: Transaction, { key }: Issued): Promise<{ refusal: string | null; limit: string | null }> {
  await t.becomeSuperuser()
  const [row] = await t.query(
    `select refusal_code as refusal, limit_name as limit
       from metering.begin_request(null, null, key_hash => sha256(convert_to($1, 'UTF8')), service => 'graphql')`,
    [key],
  )
  return row as never
}
async function act(t: Transaction, person: Person, { api_key_id }: Issued): Promise<void> {
  await t.become(person)
  await t.query(`select set_config('rowhouse.api_key_id', $1, true)`, [api_key_id])
}
const figures = (t: Transaction, { api_key_id }: Issued) =>
  t
    .query(
      `select app_public.api_keys_current_daily_calls(k)::int as today, app_public.api_keys_current_daily_cost(k)::float8 as cost,
              app_public.api_keys_recent_calls(k)::int as recent, app_public.api_keys_is_unused(k) as is_unused
         from app_public.api_keys k where k.id = $1`,
      [api_key_id],
    )
    .then(([row]) => row)

describe('a limit of calls a day', () => {
  it('refuses the call after the last, and begins anew on the next day of the tenant', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.tenants set timezone = 'Asia/Tokyo' where id = $1`, [db.acme.id])
      await setClock(t, '2026-02-10T14:00:00Z')
      const key = await create(t, db.acme.member, { max_calls_per_day: 2 })
      const other = await create(t, db.acme.member)
      expect((await request(t, key)).refusal).toBeNull()
      expect((await request(t, key)).refusal).toBeNull()
      expect((await request(t, key)).refusal).toBe('QT601')
      expect((await request(t, other)).refusal).toBeNull()
      await setClock(t, '2026-02-10T14:59:59Z')
      expect((await request(t, key)).refusal).toBe('QT601')
      await setClock(t, '2026-02-10T15:00:00Z')
      expect((await request(t, key)).refusal).toBeNull()
    }))

  it('counts the keys below, so that several of them are no way around it', () =>
    db.inTransaction(async (t) => {
      const top = await create(t, db.acme.member, { max_calls_per_day: 3 })
      const left = await create(t, db.acme.member, { parent_key_id: top.api_key_id })
      const right = await create(t, db.acme.member, { parent_key_id: top.api_key_id, max_calls_per_day: 1 })
      expect((await request(t, right)).refusal).toBeNull()
      expect((await request(t, right)).refusal).toBe('QT601')
      expect((await request(t, left)).refusal).toBeNull()
      expect((await request(t, left)).refusal).toBeNull()
      expect((await request(t, left)).refusal).toBe('QT601')
      expect((await request(t, top)).refusal).toBe('QT601')
      await t.become(db.acme.member)
      expect(await figures(t, top)).toMatchObject({ today: 3 })
      expect(await figures(t, right)).toMatchObject({ today: 1 })
    }))

  it('stays when the quotas of the tenant are set, and cannot be deleted or lifted by the tenant', () =>
    db.inTransaction(async (t) => {
      const key = await create(t, db.acme.member, { max_calls_per_day: 0 })
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set quotas = '{"max_agents": 5}' where id = $1`, [db.acme.id])
      expect((await request(t, key)).refusal).toBe('QT601')
      await t.become(db.acme.owner)
      expect(await t.query(`delete from app_public.usage_quotas where quota_scope = 'api_key' returning id`)).toEqual(
        [],
      )
      await t.query(
        `insert into app_public.usage_quotas (quota_type, quota_scope, scope_id, period, quota_limit) values ('api_calls', 'api_key', $1, 'day', 100)`,
        [key.api_key_id],
      )
      expect((await request(t, key)).refusal).toBe('QT601')
    }))
})

describe('a limit of cost a day', () => {
  it('refuses what would go beyond it, for the key and those below', () =>
    db.inTransaction(async (t) => {
      const top = await create(t, db.acme.member, { max_cost_per_day: 1 })
      const low = await create(t, db.acme.member, { parent_key_id: top.api_key_id })
      await act(t, db.acme.member, low)
      expect(await t.errorCode(`select app_public.consume_quota('cost', 0.75)`)).toBeUndefined()
      expect(await t.errorCode(`select app_public.consume_quota('cost', 0.5)`)).toBe('QT601')
      await act(t, db.acme.member, top)
      expect(await t.errorCode(`select app_public.reserve_quota('cost', 0.3)`)).toBe('QT601')
      expect(await t.errorCode(`select app_public.reserve_quota('cost', 0.25)`)).toBeUndefined()
      expect(await t.value(`select api_key_id from app_public.quota_reservations`)).toBe(top.api_key_id)
    }))
})

describe('a rate limit of the scope api_key', () => {
  it('acts on each key by itself or on one, and is named in the headers', () =>
    db.inTransaction(async (t) => {
      const one = await create(t, db.acme.member)
      const two = await create(t, db.acme.member)
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.rate_limit_config (tenant_id, limit_scope, per_minute) values ($1, 'api_key', 1)`,
        [db.acme.id],
      )
      expect(await request(t, one)).toEqual({ refusal: null, limit: 'api_key-requests' })
      expect((await request(t, one)).refusal).toBe('RL601')
      expect((await request(t, two)).refusal).toBeNull()
      expect((await request(t, two)).refusal).toBe('RL601')
    }))

  it('counts the keys below it', () =>
    db.inTransaction(async (t) => {
      const top = await create(t, db.acme.member)
      const low = await create(t, db.acme.member, { parent_key_id: top.api_key_id })
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.rate_limit_config (tenant_id, limit_scope, scope_id, per_minute) values ($1, 'api_key', $2, 1)`,
        [db.acme.id, top.api_key_id],
      )
      expect((await request(t, low)).refusal).toBeNull()
      expect((await request(t, low)).refusal).toBe('RL601')
      expect((await request(t, top)).refusal).toBe('RL601')
    }))

  it('is for a key that the tenant has', () =>
    db.inTransaction(async (t) => {
      const foreign = await create(t, db.globex.member)
      await t.query(`select set_config('rowhouse.api_key_id', '', true)`)
      await t.become(db.acme.owner)
      const rate = `insert into app_public.rate_limit_config (limit_scope, scope_id, per_minute) values ('api_key', $1, 1)`
      const quota = `insert into app_public.usage_quotas (quota_type, quota_scope, scope_id, period, quota_limit) values ('tokens', 'api_key', $1, 'day', 1)`
      expect(await t.errorCode(rate, [foreign.api_key_id])).toBe('MT301')
      expect(await t.errorCode(quota, [foreign.api_key_id])).toBe('MT301')
    }))
})

describe('usage that a key records', () => {
  const record = `select app_public.record_usage(jsonb_populate_record(null::app_public.new_usage_event, $1))`
  const event = (more: Record<string, unknown> = {}) => [
    JSON.stringify({ idempotency_key: crypto.randomUUID(), usage_type: 'tool_call', quantity: 1, ...more }),
  ]
  const agent = (t: Transaction, person: Person) =>
    t.value<string>(
      `insert into app_public.agents (tenant_id, name) values ($1, gen_random_uuid()::text) returning id`,
      [person.tenantId],
    )

  it('names the key, and the agent for which it acts', () =>
    db.inTransaction(async (t) => {
      const [mine, other] = [await agent(t, db.acme.owner), await agent(t, db.acme.owner)]
      const key = await create(t, db.acme.member, { key_type: 'agent', agent_id: mine })
      await act(t, db.acme.member, key)
      expect(await t.errorCode(record, event())).toBeUndefined()
      expect(await t.query('select api_key_id, agent_id, user_id from app_public.usage_events')).toEqual([
        { api_key_id: key.api_key_id, agent_id: mine, user_id: db.acme.member.userId },
      ])
      expect(await t.errorCode(record, event({ agent_id: mine }))).toBeUndefined()
      expect(await t.errorCode(record, event({ agent_id: other }))).toBe('KY204')
      expect(await t.errorCode(`select app_public.consume_quota('tokens', 1, $1)`, [other])).toBe('KY204')
      expect(await t.errorCode(`select app_public.check_rate_limit($1)`, [other])).toBe('KY204')
      // the key ends with its agent
      await t.becomeSuperuser()
      await t.query('update app_public.agents set deleted_at = now() where id = $1', [mine])
      expect(
        await t.errorCode(`select metering.begin_request(null, null, key_hash => sha256(convert_to($1, 'UTF8')))`, [
          key.key,
        ]),
      ).toBe('KY101')
    }))

  it('is of the people whom it may act for, and of nobody else', () =>
    db.inTransaction(async (t) => {
      const key = await create(t, db.acme.owner, { allowed_users: [db.acme.member.userId] })
      const plain = await create(t, db.acme.owner)
      const admin = await create(t, db.acme.owner, { key_type: 'admin' })
      await act(t, db.acme.owner, key)
      expect(await t.errorCode(record, event({ user_id: db.acme.member.userId }))).toBeUndefined()
      expect(await t.errorCode(record, event({ user_id: db.acme.viewer.userId }))).toBe('MT201')
      expect(await t.errorCode(record, event({ api_key_id: plain.api_key_id }))).toBe('MT201')
      await t.becomeSuperuser()
      await t.query(`select tenancy.provision_member($1, 'second@acme.test', null, 'owner')`, [db.acme.id])
      const setRole = (role: string) =>
        t.query(`update app_public.user_tenants set role = $3 where tenant_id = $1 and user_id = $2`, [
          db.acme.id,
          db.acme.owner.userId,
          role,
        ])
      await setRole('member')
      await act(t, db.acme.owner, key)
      expect(await t.errorCode(record, event({ user_id: db.acme.member.userId }))).toBe('MT201')
      await t.becomeSuperuser()
      await setRole('owner')
      await act(t, db.acme.owner, plain)
      expect(await t.errorCode(record, event({ user_id: db.acme.member.userId }))).toBe('MT201')
      await act(t, db.acme.owner, admin)
      expect(await t.errorCode(record, event({ user_id: db.acme.viewer.userId }))).toBeUndefined()
    }))

  it('is shown at the key, wherever it is on its way to the roll-up', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-02-10T12:00:00Z')
      const key = await create(t, db.acme.member)
      const see = async (): Promise<unknown> => {
        await t.become(db.acme.member)
        return figures(t, key)
      }
      await request(t, key)
      await request(t, key)
      expect(await see()).toEqual({ today: 2, cost: 0, recent: 2, is_unused: false })
      await t.becomeRole('rowhouse_worker')
      await t.query('select metering.store_api_calls()')
      expect(await see()).toMatchObject({ today: 2, recent: 2 })
      await t.becomeRole('rowhouse_worker')
      await t.query('select metering.roll_up_usage($1)', [db.acme.id])
      expect(await see()).toMatchObject({ today: 2, recent: 2 })
      await t.becomeSuperuser()
      await setClock(t, '2026-03-10T12:00:00Z')
      expect(await see()).toMatchObject({ today: 0, recent: 2, is_unused: false })
      await t.becomeSuperuser()
      await setClock(t, '2026-05-12T12:00:00Z')
      expect(await see()).toMatchObject({ recent: 0, is_unused: true })
      // who may not see the key, sees no figures of a row made up
      await t.become(db.acme.viewer)
      expect(
        await t.value(
          `select app_public.api_keys_recent_calls(jsonb_populate_record(null::app_public.api_keys, $1))::int`,
          [JSON.stringify({ id: key.api_key_id })],
        ),
      ).toBe(0)
    }))
})

describe('the quota of keys', () => {
  it('counts keys that are not revoked, also those that are below another', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.tenants set quotas = '{"max_api_keys": 2}' where id = $1`, [db.acme.id])
      const first = await create(t, db.acme.member)
      await create(t, db.acme.member, { parent_key_id: first.api_key_id })
      const again = `select app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, '{"name": "x"}'))`
      expect(await t.errorCode(again)).toBe('QT601')
      await t.query('select app_public.revoke_api_key($1)', [first.api_key_id])
      expect(await t.errorCode(again)).toBeUndefined()
      expect(
        await t.query(`select current_usage::int from app_public.my_quotas() where quota_type = 'api_keys'`),
      ).toEqual([{ current_usage: 1 }])
      await t.becomeSuperuser()
      expect(await t.query('select * from metering.verify_quotas()')).toEqual([])
    }))
})

describe('a tenant, and a person, that is deleted', () => {
  it('takes keys, with those below them and their limits, away', () =>
    db.inTransaction(async (t) => {
      const count = () =>
        t.value(
          `select (select count(*) from app_public.api_keys)::int + (select count(*) from vault.api_keys)::int
                + (select count(*) from app_public.usage_quotas where quota_scope = 'api_key')::int
                + (select count(*) from app_public.rate_limit_config where limit_scope = 'api_key')::int`,
        )
      const member = await create(t, db.acme.member, { max_calls_per_day: 2, max_cost_per_day: 1 })
      await create(t, db.acme.member, { parent_key_id: member.api_key_id })
      await create(t, db.globex.member, { max_calls_per_day: 2 })
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.rate_limit_config (tenant_id, limit_scope, scope_id, per_minute) values ($1, 'api_key', $2, 1)`,
        [db.acme.id, member.api_key_id],
      )
      expect(await count()).toBe(3 + 3 + 5 + 1)
      await t.query('delete from app_public.user_profiles where id = $1', [db.acme.member.userId])
      expect(await count()).toBe(1 + 1 + 1)
      await t.query(`select tenancy.delete_tenant('globex')`)
      expect(await count()).toBe(0)
    }))
})

// Recording use: every unit once, or a clear error and nothing stored.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createModel, eventOf, eventsFrom, recordAll, setPrice } from '../helpers/metering.ts'

const db = useDatabase()

const record = `select * from app_public.record_usage(${eventOf('$1::text', '$2::text', '$3::text')})`
const recordBatch = `select * from app_public.record_usages(${eventsFrom('$1')})`
/** Tasks give JSON as it is. */
const recordAsTask = 'select * from metering.record_tenant_usage($1, $2)'

async function stored(t: Transaction) {
  await t.becomeSuperuser()
  return t.query(
    `select usage_type, quantity, user_id, idempotency_key from app_public.usage_events order by batch_id, ordinal`,
  )
}

/** Nothing at all was left by what was refused. */
async function expectNothing(t: Transaction): Promise<void> {
  await t.becomeSuperuser()
  for (const table of [
    'app_public.usage_events',
    'metering.usage_idempotency_keys',
    'metering.usage_queue',
    'metering.llm_calls',
  ])
    expect([table, await t.value(`select count(*)::int from ${table}`)]).toEqual([table, 0])
}

describe('an event', () => {
  it('is stored for the one who records it, with a receipt', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const [receipt] = await t.query(record, ['k', 'search', 2])
      expect(receipt).toMatchObject({ idempotency_key: 'k', ordinal: 1, is_repeated: false })
      expect(await stored(t)).toEqual([
        { usage_type: 'search', quantity: '2', user_id: db.acme.member.userId, idempotency_key: 'k' },
      ])
    }))

  it('is recorded by active members with can_record_usage, and by nobody else', () =>
    db.inTransaction(async (t) => {
      for (const person of [db.acme.owner, db.acme.admin, db.acme.member]) {
        await t.become(person)
        expect(await t.errorCode(record, [person.role, 'search', 1])).toBeUndefined()
      }
      await t.become(db.acme.viewer)
      expect(await t.errorCode(record, ['viewer', 'search', 1])).toBe('ID203')
      expect(await t.errorCode(`select app_public.consume_quota('tokens', 1)`)).toBe('ID203')
      expect(await t.errorCode(`select app_public.reserve_quota('tokens', 1)`)).toBe('ID203')
      await t.become({ ...db.globex.member, tenantId: db.acme.id })
      expect(await t.errorCode(record, ['k', 'search', 1])).toBe('ID203')
      await t.becomeSuperuser()
      await t.query(`update app_public.user_tenants set status = 'inactive' where user_id = $1`, [
        db.acme.member.userId,
      ])
      await t.become(db.acme.member)
      expect(await t.errorCode(record, ['k', 'search', 1])).toBe('ID203')
    }))

  it('is given to a viewer and taken from a member by the permission alone', () =>
    db.inTransaction(async (t) => {
      await t.query(
        `update app_public.user_tenants set permissions = jsonb_build_object('can_record_usage', role = 'viewer') where tenant_id = $1`,
        [db.acme.id],
      )
      await t.become(db.acme.viewer)
      expect(await t.errorCode(record, ['viewer', 'search', 1])).toBeUndefined()
      await t.become(db.acme.member)
      expect(await t.errorCode(record, ['member', 'search', 1])).toBe('ID203')
    }))

  it('is recorded for another member by admins only, and for nobody of another tenant', () =>
    db.inTransaction(async (t) => {
      const someone = { idempotency_key: 'k', usage_type: 'search', quantity: 1 }
      const forSomeone = `select * from app_public.record_usage(jsonb_populate_record(null::app_public.new_usage_event, $1))`
      const by = (change: object) => [JSON.stringify({ ...someone, ...change })]
      await t.become(db.acme.member)
      expect(await t.errorCode(forSomeone, by({ user_id: db.acme.viewer.userId }))).toBe('MT201')
      expect(await t.errorCode(forSomeone, by({ api_key_id: '00000000-0000-4000-8000-000000000001' }))).toBe('MT201')
      await t.become(db.acme.admin)
      expect(await t.errorCode(forSomeone, by({ user_id: db.globex.member.userId }))).toBe('MT301')
      await expectNothing(t)
      await t.become(db.acme.admin)
      await t.query(forSomeone, by({ user_id: db.acme.viewer.userId }))
      expect(await stored(t)).toMatchObject([{ user_id: db.acme.viewer.userId }])
    }))

  it('comes from a task for whom the task says, in the tenant it says', () =>
    db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      const events = JSON.stringify([
        { idempotency_key: 'k', usage_type: 'document', quantity: 1, user_id: db.acme.viewer.userId },
      ])
      await t.query(recordAsTask, [db.acme.id, events])
      expect(await stored(t)).toMatchObject([{ usage_type: 'document', user_id: db.acme.viewer.userId }])
    }))

  it.each<[string, string, unknown[]]>([
    ['no key', 'MT401', [null, 'search', 1]],
    ['an empty key', 'MT401', ['', 'search', 1]],
    ['a key of 256 characters', 'MT401', ['k'.repeat(256), 'search', 1]],
    ['an unknown type', 'MT402', ['k', 'teleport', 1]],
    ['no type', 'MT402', ['k', null, 1]],
    ['no quantity', 'MT403', ['k', 'search', null]],
    ['a quantity of 0', 'MT403', ['k', 'search', 0]],
    ['a negative quantity', 'MT403', ['k', 'search', -1]],
    ['NaN', 'MT403', ['k', 'search', 'NaN']],
    ['Infinity', 'MT403', ['k', 'search', 'Infinity']],
    ['minus Infinity', 'MT403', ['k', 'search', '-Infinity']],
    ['half a search', 'MT403', ['k', 'search', 0.5]],
    ['more than one event can be', 'MT403', ['k', 'input_tokens', '1000000001']],
    ['a number beyond all types', '22003', ['k', 'storage_byte_hours', `1e${200_000}`]],
    ['more than storage can be', 'MT403', ['k', 'storage_byte_hours', '1e19']],
    ['a quantity with a thousand decimals', 'MT403', ['k', 'storage_byte_hours', `0.${'1'.repeat(1000)}`]],
    ['a quantity that is no number', '22P02', ['k', 'search', 'many']],
  ])('with %s is refused, and nothing is stored', (_what, code, values) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(record, values)).toBe(code)
      await expectNothing(t)
    }),
  )

  it.each<[string, string, object]>([
    ['from 401 days ago', 'MT404', { occurred_at: '2026-04-11T23:59:59Z' }],
    ['from before all time', 'MT404', { occurred_at: '-infinity' }],
    ['from two hours ahead', 'MT405', { occurred_at: '2027-05-18T14:00:01Z' }],
    ['from after all time', 'MT405', { occurred_at: 'infinity' }],
    ['of an unknown model', 'MT406', { model_id: '00000000-0000-4000-8000-000000000000' }],
    ['with metadata that are a list', 'MT407', { metadata: [] }],
    ['with metadata beyond 8 kB', 'MT407', { metadata: { text: 'x'.repeat(9000) } }],
    ['of a feature without a name', 'MT408', { feature_name: ' ' }],
    ['of a feature with a very long name', 'MT408', { feature_name: 'x'.repeat(101) }],
    ['with a negative duration', 'MT409', { duration_ms: -1 }],
    ['with a duration beyond an int', '22003', { duration_ms: 3e9 }],
    ['with an unknown outcome', '22P02', { outcome: 'fine' }],
    ['from no time there is', '22008', { occurred_at: '2027-02-30' }],
  ])('%s is refused, and with it all of its batch', (_what, code, change) =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      await t.become(db.acme.member)
      const events = [
        { idempotency_key: 'a', usage_type: 'search', quantity: 1 },
        { idempotency_key: 'b', usage_type: 'search', quantity: 1, ...change },
      ]
      expect(await t.errorCode(recordBatch, [JSON.stringify(events)])).toBe(code)
      await expectNothing(t)
    }),
  )

  it('a minute inside these limits is stored', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      const times = ['2026-04-13T12:01:00Z', '2027-05-18T12:59:00Z']
      await recordAll(
        t,
        db.acme.member,
        times.map((at) => ({ idempotency_key: at, usage_type: 'search', quantity: 1, occurred_at: at })),
      )
      expect(await stored(t)).toHaveLength(2)
    }))
})

describe('a batch', () => {
  it.each([
    ['no list', '{}'],
    ['an empty list', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
  ])('that is %s is refused', (_what, events) =>
    db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      expect(await t.errorCode(recordAsTask, [db.acme.id, events])).toBe('MT412')
    }),
  )

  it.each(['null', `'{}'`])('that is %s is refused, from a member, too', (events) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(`select * from app_public.record_usages(${events})`)).toBe('MT412')
    }),
  )

  it('with an event of null is refused', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(
        await t.errorCode('select * from app_public.record_usages(array[null]::app_public.new_usage_event[])'),
      ).toBe('MT401')
    }))

  it.each(['1', '"x"', 'null', '[]', '{"amount": 1}'])('with %s among its events is refused', (element) =>
    db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      const event = '{"idempotency_key": "k", "usage_type": "search", "quantity": 1}'
      expect(await t.errorCode(recordAsTask, [db.acme.id, `[${event}, ${element}]`])).toBe('MT413')
      await expectNothing(t)
    }),
  )

  it('has up to 10,000 events, and each has a receipt in its place', () =>
    db.inTransaction(async (t) => {
      const events = Array.from({ length: 10_001 }, (_, i) => ({
        idempotency_key: `${(i * 7919) % 10_007}`,
        usage_type: 'search',
        quantity: 1,
      }))
      await t.become(db.acme.member)
      expect(await t.errorCode(recordBatch, [JSON.stringify(events)])).toBe('MT412')
      const receipts = await recordAll(t, db.acme.member, events.slice(1))
      expect(receipts.map(({ idempotency_key }) => idempotency_key)).toEqual(
        events.slice(1).map((event) => event.idempotency_key),
      )
      expect(receipts.map(({ ordinal }) => ordinal)).toEqual(receipts.map((_, i) => i + 1))
      expect(await stored(t)).toHaveLength(10_000)
    }))
})

describe('an idempotency key', () => {
  const event = { idempotency_key: 'k', usage_type: 'search', quantity: 1 }

  it('stores once what is sent again, and returns the first receipt', () =>
    db.inTransaction(async (t) => {
      const [first] = await recordAll(t, db.acme.member, [event])
      await setClock(t, '2099-01-01T00:00:00Z')
      const [again] = await recordAll(t, db.acme.member, [{ ...event, quantity: 1.0 }])
      expect(again).toEqual({ ...first, is_repeated: true })
      // by either door
      const [alone] = await t.query(record, ['k', 'search', '1.00'])
      expect(alone).toEqual(again)
      expect(await stored(t)).toHaveLength(1)
    }))

  it.each<[string, object]>([
    ['another quantity', { quantity: 2 }],
    ['another type', { usage_type: 'document' }],
    ['another time', { occurred_at: new Date().toISOString() }],
    ['other metadata', { metadata: { a: 1 } }],
    ['another agent', { agent_id: '00000000-0000-4000-8000-000000000001' }],
    ['another feature', { feature_name: 'f' }],
    ['another outcome', { outcome: 'error' }],
  ])('with %s is a conflict', (_what, change) =>
    db.inTransaction(async (t) => {
      await recordAll(t, db.acme.member, [event])
      const events = [
        { ...event, idempotency_key: 'new' },
        { ...event, ...change },
      ]
      expect(await t.errorCode(recordBatch, [JSON.stringify(events)])).toBe('MT501')
      expect(await stored(t)).toHaveLength(1)
    }),
  )

  it('does not mistake one field for another', () =>
    db.inTransaction(async (t) => {
      const id = '00000000-0000-4000-8000-000000000001'
      await recordAll(t, db.acme.member, [{ ...event, agent_id: id }])
      expect(await t.errorCode(recordBatch, [JSON.stringify([{ ...event, project_id: id }])])).toBe('MT501')
    }))

  it('is the same whatever the time zone of the session', () =>
    db.inTransaction(async (t) => {
      const late = { ...event, occurred_at: new Date(Date.now() - 60_000).toISOString() }
      await recordAll(t, db.acme.member, [late])
      await t.query(`set local timezone to 'Asia/Kathmandu'; set local datestyle to 'German'`)
      expect(await recordAll(t, db.acme.member, [late])).toMatchObject([{ is_repeated: true }])
    }))

  it('may be twice in a batch when it says the same, and not otherwise', () =>
    db.inTransaction(async (t) => {
      const receipts = await recordAll(t, db.acme.member, [event, { ...event, idempotency_key: 'other' }, event])
      expect(receipts.map(({ ordinal, is_repeated }) => [ordinal, is_repeated])).toEqual([
        [1, false],
        [2, false],
        [1, true],
      ])
      expect(await stored(t)).toHaveLength(2)
      const twice = [
        { ...event, idempotency_key: 'x' },
        { ...event, idempotency_key: 'x', quantity: 2 },
      ]
      await t.become(db.acme.member)
      expect(await t.errorCode(recordBatch, [JSON.stringify(twice)])).toBe('MT501')
      expect(await stored(t)).toHaveLength(2)
    }))

  it("is a tenant's own", () =>
    db.inTransaction(async (t) => {
      await recordAll(t, db.acme.member, [event])
      expect(await recordAll(t, db.globex.member, [{ ...event, quantity: 5 }])).toMatchObject([{ is_repeated: false }])
    }))

  it('of a batch that is partly there lets the new ones in', () =>
    db.inTransaction(async (t) => {
      await recordAll(t, db.acme.member, [event])
      const receipts = await recordAll(
        t,
        db.acme.member,
        ['a', 'k', 'z'].map((idempotency_key) => ({ ...event, idempotency_key })),
      )
      expect(receipts.map(({ is_repeated }) => is_repeated)).toEqual([false, true, false])
      expect(await stored(t)).toHaveLength(3)
    }))

  it('is kept when the isolation level would hide that a period became final', () =>
    db.inTransaction(async (t) => {
      await t.query('set transaction isolation level repeatable read')
      await t.become(db.acme.member)
      expect(await t.errorCode(record, ['k', 'search', 1])).toBe('MT411')
    }))
})

describe('what was recorded', () => {
  it('is seen by the one it is of, and by those with can_view_analytics', () =>
    db.inTransaction(async (t) => {
      await t.query(
        `update app_public.user_tenants set permissions = '{"can_record_usage": true}' where user_id = $1`,
        [db.acme.viewer.userId],
      )
      for (const person of [db.acme.member, db.acme.viewer])
        await recordAll(t, person, [{ idempotency_key: person.role, usage_type: 'search', quantity: 1 }])
      const seenBy = async (person: typeof db.acme.member): Promise<number> => {
        await t.become(person)
        return t.value('select count(*)::int from app_public.usage_logs')
      }
      expect(await seenBy(db.acme.member)).toBe(1)
      expect(await seenBy(db.acme.viewer)).toBe(1)
      expect(await seenBy(db.acme.admin)).toBe(2)
      expect(await seenBy(db.globex.owner)).toBe(0)
    }))

  it('cannot be written, changed or deleted past the functions, and not rewritten by its owner', () =>
    db.inTransaction(async (t) => {
      await recordAll(t, db.acme.member, [{ idempotency_key: 'k', usage_type: 'search', quantity: 1 }])
      await t.become(db.acme.owner)
      for (const statement of [
        `insert into app_public.usage_events (tenant_id, batch_id, ordinal, occurred_at, usage_type, quantity) values ('${db.acme.id}', 1, 1, now(), 'search', 1)`,
        'update app_public.usage_events set quantity = 2',
        'delete from app_public.usage_events',
      ])
        expect(await t.errorCode(statement)).toBe('42501')
      await t.becomeRole('rowhouse_owner', db.acme.id)
      expect(await t.errorCode('update app_public.usage_events set quantity = 2')).toBe('MT902')
    }))

  it('goes with its tenant', () =>
    db.inTransaction(async (t) => {
      await recordAll(t, db.acme.member, [{ idempotency_key: 'k', usage_type: 'search', quantity: 1 }])
      await t.becomeSuperuser()
      await t.query('delete from app_public.tenants where id = $1', [db.acme.id])
      await expectNothing(t)
    }))
})

describe('a million tokens, one an event', () => {
  it('cost exactly their number times the price', () =>
    db.inTransaction(async (t) => {
      const modelId = await createModel(t)
      // three prices that no binary fraction holds
      await setPrice(db, t, modelId, { input: 0.1, output: 0.7, cached: 0.0000000000003 })
      await t.become(db.acme.member)
      for (const [type, price] of [
        ['input_tokens', '0.1'],
        ['output_tokens', '0.7'],
        ['cached_input_tokens', '0.0000000000003'],
      ]) {
        await t.query(
          `select count(*) from generate_series(1, 2) as batch, lateral (select count(*) from app_public.record_usages(
             array(select jsonb_populate_record(null::app_public.new_usage_event, jsonb_build_object(
                     'idempotency_key', $1::text || batch || '-' || i, 'usage_type', $1::text, 'quantity', 1, 'model_id', $2::uuid))
                     from generate_series(1, 5000) i))) as recorded`,
          [type, modelId],
        )
        expect(
          await t.value(
            `select sum(cost) * 100 = 1000000 * ($2::numeric / 1000000) from app_public.usage_events where usage_type = $1`,
            [type, price],
          ),
        ).toBe(true)
      }
    }))
})

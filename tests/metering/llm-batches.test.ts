// Calls of language models that are stored as one batch: as if each had been stored by itself.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createModel, differences, rollUp, setPrice } from '../helpers/metering.ts'

const db = useDatabase()
type Call = Record<string, unknown>
const usual = { model: 'model', input_tokens: 10, output_tokens: 5 }
const at = '2027-05-18T10:00:00Z'

const calls = `array(select c from jsonb_populate_recordset(null::app_public.new_llm_call, $1) as c)`
const storeText = `select * from metering.store_llm_calls(${calls})`

/** The member's context, but the role that may call functions of metering. */
async function asOwner(t: Transaction): Promise<void> {
  await t.become(db.acme.member)
  await t.query('set local role rowhouse_owner')
}

async function store(t: Transaction, batch: Call[]): Promise<Record<string, unknown>[]> {
  await asOwner(t)
  return t.query(storeText, [JSON.stringify(batch)])
}
const refusal = async (t: Transaction, batch: Call[]): Promise<string | undefined> => {
  await asOwner(t)
  return t.errorCode(storeText, [JSON.stringify(batch)])
}
const count = async (t: Transaction, table: string): Promise<number> => {
  await t.becomeSuperuser()
  return t.value(`select count(*)::int from ${table} where tenant_id = $1`, [db.acme.id])
}

/** Everything that calls leave behind, without ids that differ each time. */
async function traceOf(t: Transaction): Promise<unknown> {
  await rollUp(t, db.acme.id)
  expect(await differences(t, db.acme.owner)).toEqual([])
  await t.becomeSuperuser()
  const read = (text: string) => t.query(text, [db.acme.id])
  return [
    await read(
      `select idempotency_key, usage_type, quantity, cost, outcome, duration_ms, occurred_at, model_id is null as is_unknown
         from app_public.usage_events where tenant_id = $1 order by 1, 2`,
    ),
    await read(
      `select c.occurred_at, c.model, c.provider, c.user_id, c.agent_id, c.conversation_id, c.total_tokens, c.total_cost, c.success, c.user_name, e.idempotency_key
         from metering.llm_calls c join app_public.usage_events e on e.tenant_id = c.tenant_id and e.batch_id = c.batch_id
          and e.ordinal = c.first_ordinal and e.usage_type = 'llm_call'
        where c.tenant_id = $1 order by e.idempotency_key`,
    ),
    await read('select * from metering.usage_user_agents where tenant_id = $1 order by user_id, agent_id'),
    await read('select * from metering.usage_conversations where tenant_id = $1 order by agent_id, conversation_id'),
  ]
}

const ids = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']
const someCall = fc.record(
  {
    idempotency_key: fc.constantFrom(...'abcdefghij'),
    model: fc.constantFrom('model', 'MODEL', 'a finetune', 'another finetune'),
    input_tokens: fc.nat(3),
    output_tokens: fc.nat(1000),
    occurred_at: fc.constantFrom(at, '2027-05-18T10:00:01Z', '2027-04-30T23:00:00Z'),
    agent_id: fc.constantFrom(...ids),
    conversation_id: fc.constantFrom(...ids),
    success: fc.boolean(),
    response_time_ms: fc.nat(1000),
  },
  { requiredKeys: ['idempotency_key', 'model', 'input_tokens', 'output_tokens', 'occurred_at'] },
)

describe('a batch of calls', () => {
  it('leaves what its calls leave one by one, whatever they are', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(someCall, { selector: (call) => call.idempotency_key, minLength: 1 }),
        fc.nat(9),
        async (batch, repeatedFrom) => {
          const left = (work: (t: Transaction) => Promise<void>): Promise<unknown> =>
            db.inTransaction(async (t) => {
              await setClock(t, '2027-05-18T12:00:00Z')
              await setPrice(db, t, await createModel(t), { input: 3, output: 15 })
              await work(t)
              return traceOf(t)
            })
          const oneByOne = await left(async (t) => {
            for (const call of batch) await store(t, [call])
          })
          const atOnce = await left(async (t) => {
            await store(t, batch.slice(repeatedFrom))
            // the calls of the first batch come again, and the others with them
            await store(t, batch)
          })
          expect(atOnce).toEqual(oneByOne)
        },
      ),
      { numRuns: 20, seed: 20_270_519 },
    ))

  it('gives a receipt for each call in their order, and stores one that is in it twice once', () =>
    db.inTransaction(async (t) => {
      await createModel(t)
      const [first] = await store(t, [{ idempotency_key: 'first', ...usual }])
      const receipts = await store(t, [
        { idempotency_key: 'z', ...usual, input_tokens: 1 },
        { idempotency_key: 'first', ...usual },
        { idempotency_key: 'a', ...usual, input_tokens: 2 },
        { idempotency_key: 'z', ...usual, input_tokens: 1 },
      ])
      expect(receipts.map(({ prompt_tokens, is_repeated }) => [prompt_tokens, is_repeated])).toEqual([
        ['1', false],
        ['10', true],
        ['2', false],
        ['1', true],
      ])
      expect([receipts[1]?.id, receipts[3]?.id]).toEqual([first?.id, receipts[0]?.id])
      expect(await count(t, 'metering.llm_calls')).toBe(3)
      expect(await count(t, 'app_public.usage_events')).toBe(9)
    }))

  it.each<[string, string, Call]>([
    ['a key that stands for another call', 'MT501', { idempotency_key: 'good', input_tokens: 11 }],
    ['negative tokens', 'MT415', { input_tokens: -1 }],
    ['someone else as its user', 'MT201', { user_id: ids[0] }],
    ['a time far ahead', 'MT405', { occurred_at: '2999-01-01T00:00:00Z' }],
    ['a temperature of 3', '23514', { temperature: 3 }],
  ])('is refused as a whole when one has %s', (_what, code, change) =>
    db.inTransaction(async (t) => {
      await createModel(t)
      expect(
        await refusal(t, [
          { idempotency_key: 'good', ...usual },
          { idempotency_key: 'bad', ...usual, ...change },
        ]),
      ).toBe(code)
      for (const table of ['metering.llm_calls', 'app_public.usage_events', 'metering.usage_idempotency_keys'])
        expect(await count(t, table)).toBe(0)
    }),
  )

  it('names the model of each call, also of those at the same time, when there is no price', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      const names = ['one', 'two', 'three']
      await store(
        t,
        names.map((model, i) => ({
          idempotency_key: model,
          model,
          input_tokens: 10 ** i,
          output_tokens: 0,
          occurred_at: at,
        })),
      )
      await t.become(db.acme.owner)
      expect(
        await t.query(
          `select model, quantity::int from app_public.unpriced_usage('2027-05-01Z', '2027-06-01Z') where usage_type = 'input_tokens' order by quantity`,
        ),
      ).toEqual(names.map((model, i) => ({ model, quantity: 10 ** i })))
    }))

  it('counts to the quotas in sum, and marks its calls when a hard limit is passed', () =>
    db.inTransaction(async (t) => {
      await createModel(t)
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      await t.query(`select app_public.override_entitlement('quota', 'tokens', quota_limit => 20, reason => 'a test')`)
      const [within] = await store(t, [{ idempotency_key: 'within', ...usual }])
      const beyond = await store(t, [
        { idempotency_key: 'b', ...usual },
        { idempotency_key: 'c', ...usual },
      ])
      expect([within, ...beyond].map((receipt) => receipt?.is_over_quota)).toEqual([false, true, true])
      await t.becomeSuperuser()
      expect(
        await t.value(
          `select current_usage::int from app_public.quota_tracking where tenant_id = $1 and quota_type = 'tokens' and quota_scope = 'tenant' limit 1`,
          [db.acme.id],
        ),
      ).toBe(45)
    }))
})

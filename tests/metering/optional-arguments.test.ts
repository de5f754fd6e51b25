// An optional argument is left out or null. Whatever a function then does, it ends well or with an error of the registry.

import { beforeAll, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { callFrom, createModel, eventsFrom } from '../helpers/metering.ts'
import { apiFunctionsOf, optionalCalls, registeredCodes } from '../helpers/optional-arguments.ts'

const db = useDatabase()
const names = await apiFunctionsOf('08_metering')
let codes: Set<string>
beforeAll(async () => {
  codes = await registeredCodes()
})

/** A value of each required argument, by its name. */
async function valuesFor(t: Transaction): Promise<Record<string, string>> {
  const model = await createModel(t)
  await t.become(db.acme.owner)
  return {
    model_id: `'${model}'`,
    input_usd_per_million: '1',
    output_usd_per_million: '2',
    quota_type: `'tokens'`,
    amount: '1',
  }
}

async function outcomeOf(t: Transaction, call: string): Promise<string | undefined> {
  await t.query('savepoint before_call')
  const code = await t.errorCode(call)
  await t.query('rollback to savepoint before_call')
  return code
}

const expectRegistered = (call: string, code: string | undefined) => {
  if (code !== undefined) expect([call, code, codes.has(code)]).toEqual([call, code, true])
}

const people = {
  member: (t: Transaction) => t.become(db.acme.member),
  owner: (t: Transaction) => t.become(db.acme.owner),
  staff: (t: Transaction) => t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin'),
}

it.each(Object.keys(people) as (keyof typeof people)[])(
  'as %s, each call ends well or with an error of the registry',
  (role) =>
    db.inTransaction(async (t) => {
      const values = await valuesFor(t)
      for (const name of names)
        for (const call of await optionalCalls(t, name, (argument) => values[argument.name] ?? 'null')) {
          await people[role](t)
          expectRegistered(call, await outcomeOf(t, call))
        }
    }),
)

it('at least 6 functions have optional arguments, so that this tests something', () =>
  db.inTransaction(async (t) => {
    let count = 0
    for (const name of names) if ((await optionalCalls(t, name, () => 'null')).length > 0) count++
    expect(count).toBeGreaterThanOrEqual(6)
  }))

const event = {
  idempotency_key: 'k',
  usage_type: 'search',
  quantity: 1,
  outcome: 'success',
  duration_ms: 1,
  feature_name: 'f',
  metadata: {},
}
it.each(Object.keys(event))('an event without %s is stored or refused by a code of the registry', (field) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    const json = `'${JSON.stringify([{ ...event, [field]: null }])}'`
    const call = `select * from app_public.record_usages(${eventsFrom(json)})`
    expectRegistered(call, await outcomeOf(t, call))
  }),
)

const call = {
  idempotency_key: 'k',
  model: 'm',
  input_tokens: 1,
  cached_input_tokens: 1,
  output_tokens: 1,
  reasoning_tokens: 1,
  total_tokens: 4,
  success: true,
  prompt_text: 'p',
}
const storeCall = (change: object) =>
  `select total_tokens::int, is_repeated from app_public.record_llm_usage(${callFrom(`'${JSON.stringify({ ...call, ...change })}'`)})`

it.each(Object.keys(call))('a call without %s is stored or refused by a code of the registry', (field) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    expectRegistered(field, await outcomeOf(t, storeCall({ [field]: null })))
  }),
)

it('a total is checked where a class of tokens is null, which counts as 0', () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    expect(await outcomeOf(t, storeCall({ cached_input_tokens: null }))).toBe('MT414')
    expect(await outcomeOf(t, storeCall({ cached_input_tokens: null, reasoning_tokens: null, prompt_tokens: 2 }))).toBe(
      'MT414',
    )
    expect(await t.query(storeCall({ cached_input_tokens: null, total_tokens: 3 }))).toMatchObject([
      { total_tokens: 3 },
    ])
  }))

it('a call is the same with its totals and without', () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    expect(await t.query(storeCall({}))).toEqual([{ total_tokens: 4, is_repeated: false }])
    expect(await t.query(storeCall({ total_tokens: null }))).toEqual([{ total_tokens: 4, is_repeated: true }])
  }))

it('a price without a number for input or output is refused', () =>
  db.inTransaction(async (t) => {
    const model = await createModel(t)
    await people.staff(t)
    for (const name of ['set_llm_model_price', 'set_tenant_llm_model_price'])
      for (const prices of ['null, 1', '1, null'])
        expect(await outcomeOf(t, `select * from app_public.${name}('${model}', ${prices})`)).toBe('MT416')
  }))

it('a task names the fields that a call has', () =>
  db.inTransaction(async (t) => {
    await t.becomeRole('rowhouse_worker')
    for (const json of ['{"amount": 1}', '[]', 'null'])
      expect(await t.errorCode('select metering.record_tenant_llm_usage($1, $2)', [db.acme.id, json])).toBe('MT413')
  }))

// What tests of metering share: a model with a price, recording as someone, running the roll-ups.

import type { Person, TestDatabase, Transaction } from './index.ts'

export type Receipt = {
  idempotency_key: string
  batch_id: string
  ordinal: number
  occurred_at: Date
  is_repeated: boolean
}

/** A model without a price. */
export async function createModel(t: Transaction, name = 'model'): Promise<string> {
  await t.becomeSuperuser()
  return t.value(
    `insert into app_public.llm_models (provider_id, name, kind, provider_model_name)
     select id, $1, 'chat', $1 from app_public.llm_providers where name = 'builtin' returning id`,
    [name],
  )
}

export type Prices = { input: number; output: number; cached?: number; reasoning?: number; from?: string; to?: string }

/** Platform staff sets a price; of one tenant's own when its person is named. */
export async function setPrice(
  db: TestDatabase,
  t: Transaction,
  modelId: string,
  prices: Prices,
  tenant?: Person,
): Promise<string> {
  await t.become({ ...db.platform.owner, tenantId: tenant?.tenantId ?? db.platform.id }, 'rowhouse_admin')
  return t.value(
    `select id from app_public.${tenant ? 'set_tenant_llm_model_price' : 'set_llm_model_price'}($1, $2, $3, $4, $5, $6, $7)`,
    [
      modelId,
      prices.input,
      prices.output,
      prices.cached,
      prices.reasoning,
      prices.from ?? '2020-01-01T00:00:00Z',
      prices.to,
    ],
  )
}

/** The argument of record_usages, from JSON. */
export const eventsFrom = (json: string): string =>
  `array(select e from jsonb_populate_recordset(null::app_public.new_usage_event, ${json}) as e)`

/** The argument of record_usage, from the values of its first fields. */
export const eventOf = (...values: string[]): string => {
  const fields = ['idempotency_key', 'usage_type', 'quantity', 'occurred_at']
  const pairs = values.map((value, i) => `'${fields[i]}', ${value}`)
  return `jsonb_populate_record(null::app_public.new_usage_event, jsonb_build_object(${pairs.join(', ')}))`
}

/** The argument of record_llm_usage, from JSON. */
export const callFrom = (json: string): string => `jsonb_populate_record(null::app_public.new_llm_call, ${json})`

export async function recordAll(t: Transaction, person: Person, events: object[]): Promise<Receipt[]> {
  await t.become(person)
  return t.query<Receipt>(`select * from app_public.record_usages(${eventsFrom('$1')})`, [JSON.stringify(events)])
}

/** Runs the task's function until nothing waits. */
export async function rollUp(t: Transaction, tenantId: string, maxEvents = 50_000): Promise<number> {
  await t.becomeRole('rowhouse_worker')
  for (let total = 0; ; ) {
    const count = await t.value<number>('select metering.roll_up_usage($1, $2)', [tenantId, maxEvents])
    if (count === 0) return total
    total += count
  }
}

/** What metering.verify_rollups finds, as the tenant's owner. */
export async function differences(t: Transaction, person: Person): Promise<object[]> {
  await t.become(person)
  return t.query('select * from metering.verify_rollups()')
}

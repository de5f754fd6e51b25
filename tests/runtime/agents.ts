// Agents, their API keys, and rows that they record.

import type { Person, Tenant, Transaction } from '../helpers/index.ts'

export const createAgent = (t: Pick<Transaction, 'value'>, tenant: Tenant, name = `agent ${crypto.randomUUID()}`) =>
  t.value<string>(
    `insert into app_public.agents (tenant_id, name, owner_id, status) values ($1, $2, $3, 'active') returning id`,
    [tenant.id, name, tenant.owner.userId],
  )

/** Goes on as a key of this agent. */
export async function becomeAgent(t: Transaction, maker: Person, agentId: string, given: object = {}): Promise<void> {
  await actWithKey(t, maker, { key_type: 'agent', agent_id: agentId, ...given })
}

export async function actWithKey(t: Transaction, maker: Person, given: object): Promise<void> {
  await t.query(`select set_config('rowhouse.api_key_id', '', true)`)
  await t.become(maker)
  const id = await t.value<string>(
    `select api_key_id from app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, $1))`,
    [JSON.stringify({ name: `key ${crypto.randomUUID()}`, permissions: ['can_record_usage'], ...given })],
  )
  await t.query(`select set_config('rowhouse.api_key_id', $1, true)`, [id])
}

export async function putKeyAway(t: Transaction): Promise<void> {
  await t.query(`select set_config('rowhouse.api_key_id', '', true)`)
}

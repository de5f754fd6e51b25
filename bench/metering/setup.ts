// A tenant to measure with: its members, agents, a model with a price, and partitions for every month it has events in.

import type pg from 'pg'

export type BenchTenant = { id: string; ownerId: string; modelId: string; userIds: string[]; agentIds: string[] }

/** Months before this one that the partitions reach back to. */
export const monthsBack = 3

export async function createBenchTenant(client: pg.Client, slug: string): Promise<BenchTenant> {
  const value = async (text: string, values: unknown[] = []): Promise<string> =>
    Object.values((await client.query(text, values)).rows[0] as object)[0] as string
  const id = await value(`select (tenancy.provision_tenant($1, $1, $2)).id`, [slug, `owner@${slug}.test`])
  const userIds: string[] = []
  for (let i = 0; i < 20; i++)
    userIds.push(await value(`select (tenancy.provision_member($1, $2)).user_id`, [id, `user${i}@${slug}.test`]))
  const agentIds = userIds.slice(0, 10)
  const modelId = await value(
    `insert into app_public.llm_models (provider_id, name, kind, provider_model_name)
     select id, $1, 'chat', $1 from app_public.llm_providers limit 1 returning id`,
    [`model of ${slug}`],
  )
  await client.query(
    `insert into app_public.llm_model_prices (model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, valid_from)
     values ($1, 0.15, 0.075, 0.6, 0.6, now() - interval '1 year')`,
    [modelId],
  )
  const ownerId = await value(`select user_id from app_public.user_tenants where tenant_id = $1 and role = 'owner'`, [
    id,
  ])
  return { id, ownerId, modelId, userIds, agentIds }
}

/** As it would be after the task has run each month. */
export async function createMonths(client: pg.Client): Promise<void> {
  await client.query('begin')
  for (let back = monthsBack; back >= 0; back--) {
    await client.query(`select set_config('rowhouse.clock', (now() - make_interval(months => $1))::text, true)`, [back])
    await client.query('select metering.create_partitions()')
  }
  await client.query('commit')
}

/** The owner of the tenant, for the transaction at hand. */
export async function becomeOwner(client: pg.Client, { id, ownerId }: BenchTenant): Promise<void> {
  await client.query(
    `select set_config('role', 'rowhouse_user', true), set_config('rowhouse.tenant_id', $1, true), set_config('rowhouse.user_id', $2, true)`,
    [id, ownerId],
  )
}

// Rows of webhooks.

import type { Fill } from './types.ts'

export const fillWebhooks: Fill = async (t, tenant) => {
  await t.query(`select set_config('rowhouse.tenant_id', $1, true)`, [tenant.id])
  const endpoint = await t.value(
    `insert into app_public.webhook_endpoints (tenant_id, url, kinds) values ($1, 'https://hook.test', '{invoice.paid}') returning id`,
    [tenant.id],
  )
  await t.query(`insert into vault.webhook_endpoints (tenant_id, endpoint_id, secret) values ($1, $2, sha256('s'))`, [
    tenant.id,
    endpoint,
  ])
  await t.query(`select webhooks.emit($1, 'invoice.paid', $1, '{}')`, [tenant.id])
  await t.query(`select set_config('rowhouse.tenant_id', '', true)`)
}

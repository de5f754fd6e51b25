// Rows of what steps may call.

import type { Fill } from './types.ts'

export const fillSteps: Fill = async (t, tenant) => {
  await t.query(
    `insert into app_public.outgoing_hosts (tenant_id, host, created_by_user_id) values ($1, 'api.example.com', $2)`,
    [tenant.id, tenant.owner.userId],
  )
}

// Rows of the catalogue. Makes ids.agent.

import type { Fill } from './index.ts'

export const fillCatalog: Fill = async (t, tenant, ids) => {
  ids.agent = await t.value(`insert into app_public.agents (tenant_id, name) values ($1, 'a') returning id`, [
    tenant.id,
  ])
}

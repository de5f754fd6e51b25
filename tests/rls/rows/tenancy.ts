// Rows of tenancy and identity.

import type { Fill } from './types.ts'

export const fillTenancy: Fill = async (t, tenant) => {
  // its row of vault.tenant_config was created with the tenant
  await t.query(`insert into tenancy.analyst_tenants (tenant_id, login) values ($1, 'somebody')`, [tenant.id])
}

// Rows of tenancy and identity.

import type { Fill } from './types.ts'

export const fillTenancy: Fill = async (t, tenant) => {
  await t.query(`insert into tenancy.admin_access_log (tenant_id, admin_user_id) values ($1, $2)`, [
    tenant.id,
    tenant.owner.userId,
  ])
  // its row of vault.tenant_config was created with the tenant
  await t.query(`insert into tenancy.analyst_tenants (tenant_id, login) values ($1, 'somebody')`, [tenant.id])
}

// Rows of tenancy and identity.

import type { Fill } from './types.ts'

export const fillTenancy: Fill = async (t, tenant) => {
  await t.query(
    `insert into app_public.api_keys (tenant_id, name, key_type, environment, prefix, role, permissions, created_by_user_id)
     values ($1, 'Nightly import', 'user', 'live', 'rh_live_0000', 'member', '{}', $2)`,
    [tenant.id, tenant.owner.userId],
  )
  await t.query(
    `insert into vault.api_keys (tenant_id, api_key_id, key_hash)
     select tenant_id, id, sha256(convert_to(id::text, 'UTF8')) from app_public.api_keys where tenant_id = $1`,
    [tenant.id],
  )
  // its row of vault.tenant_config was created with the tenant
  await t.query(`insert into tenancy.analyst_tenants (tenant_id, login) values ($1, 'somebody')`, [tenant.id])
}

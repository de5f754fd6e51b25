// Rows of the audit. The rows of other tables have made entries of the ledger.

import type { Fill } from './types.ts'

export const fillAudit: Fill = async (t, tenant) => {
  await t.query(`select audit.record('system', 'filled', $1)`, [tenant.id])
  await t.query('select audit.seal_batch($1, (select max(id) from audit.ledger))', [tenant.id])
  await t.query(
    `insert into audit.signatures (tenant_id, number, public_key, signature) values ($1, 1, decode(repeat('00', 32), 'hex'), decode(repeat('00', 64), 'hex'))`,
    [tenant.id],
  )
}

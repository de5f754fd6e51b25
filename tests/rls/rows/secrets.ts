// Rows of secrets, consent and obligations.

import type { Fill } from './types.ts'

export const fillSecrets: Fill = async (t, tenant) => {
  const secret = await t.value(
    `insert into app_public.encrypted_api_keys (tenant_id, id, key_name, key_prefix, provider_type)
     values ($1, gen_random_uuid(), 'billing', 'abcd', 'tool') returning id`,
    [tenant.id],
  )
  await t.query(`insert into vault.data_keys (tenant_id, master_key_id, wrapped_key) values ($1, 'one', 'x')`, [
    tenant.id,
  ])
  await t.query(
    `insert into vault.encrypted_api_keys (tenant_id, id, encrypted_key, key_hash) values ($1, $2, 'x', sha256('x'))`,
    [tenant.id, secret],
  )
  await t.query(`insert into governance.secret_uses (tenant_id, secret_id, used_on) values ($1, $2, '2026-01-01')`, [
    tenant.id,
    secret,
  ])
  await t.query(
    `insert into app_public.consent_records (tenant_id, user_id, purpose, withdrawn_at, source)
     values ($1, $2, 'memory', now(), 'self')`,
    [tenant.id, tenant.member.userId],
  )
  const obligation = await t.value(
    `insert into app_public.regulatory_compliance (tenant_id, regulation, jurisdiction) values ($1, 'GDPR', 'EU') returning id`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.compliance_records (tenant_id, obligation_id, status, evidence) values ($1, $2, 'in_progress', 'x')`,
    [tenant.id, obligation],
  )
}

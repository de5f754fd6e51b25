// Invitations without the mail: the token as the mail task gets it, and people who belong to no tenant yet.

import type { Person, Transaction } from './index.ts'

/** The token that the next mail of an invitation carries. Leaves the transaction as the superuser. */
export async function tokenFor(t: Transaction, invitationId: string): Promise<string> {
  await t.becomeSuperuser()
  const token = await t.value<string>(
    `select d.token from app_public.invitations i
      cross join lateral tenancy.begin_invitation_delivery(i.tenant_id, i.id, i.delivery_number) d where i.id = $1`,
    [invitationId],
  )
  return token
}

/** A person with a profile and no membership. Leaves the transaction as the superuser. */
export async function createStranger(t: Transaction, email: string): Promise<Person> {
  await t.becomeSuperuser()
  const userId = await t.value<string>(`insert into app_public.user_profiles (email) values ($1) returning id`, [email])
  return { userId, tenantId: '', tenant: '', email, role: 'viewer' }
}

/** Puts a tenant at a point of its life, whatever led there. Leaves the transaction as the superuser. */
export async function setTenantStatus(t: Transaction, tenantId: string, status: string): Promise<void> {
  await t.becomeSuperuser()
  await t.query(`select set_config('session_replication_role', 'replica', true)`)
  await t.query('update app_public.tenants set status = $1 where id = $2', [status, tenantId])
  await t.query(`select set_config('session_replication_role', 'origin', true)`)
}

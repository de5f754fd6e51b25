// Rows of identity besides people and memberships, which every test has.

import type { Fill } from './types.ts'

export const fillIdentity: Fill = async (t, tenant) => {
  await t.query(
    `insert into app_public.invitations (tenant_id, email, role, invited_by_user_id, expires_at, queued_at)
     values ($1, 'guest@example.test', 'member', $2, now() + interval '7 days', now())`,
    [tenant.id, tenant.owner.userId],
  )
  await t.query(
    `insert into vault.invitations (tenant_id, invitation_id, token_hash)
     select tenant_id, id, sha256(convert_to(id::text, 'UTF8')) from app_public.invitations where tenant_id = $1`,
    [tenant.id],
  )
  await t.query(
    `insert into tenancy.daily_invitations (tenant_id, sent_on, email) values ($1, current_date, 'guest@example.test')`,
    [tenant.id],
  )
  await t.query(
    `insert into app_public.user_sessions (tenant_id, user_id, session_start, last_activity_at) values ($1, $2, now(), now())`,
    [tenant.id, tenant.owner.userId],
  )
}

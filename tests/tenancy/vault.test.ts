// Secrets lie in vault, which no role but definer functions reads.

import { expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { tokenFor } from '../helpers/invitations.ts'

const db = useDatabase()

it('no role that people, tasks or analysts have may use the schema', () =>
  db.inTransaction(async (t) => {
    for (const role of [
      'rowhouse_user',
      'rowhouse_admin',
      'rowhouse_worker',
      'rowhouse_analyst',
      'rowhouse_authenticator',
    ])
      expect([role, await t.value(`select has_schema_privilege($1, 'vault', 'usage')`, [role])]).toEqual([role, false])
    await t.become(db.acme.owner)
    for (const table of ['invitations', 'tenant_config'])
      expect(await t.errorCode(`select * from vault.${table}`)).toBe('42501')
  }))

it('no table of the API has a column for a hash of a token', () =>
  db.inTransaction(async (t) => {
    expect(
      await t.query(
        `select attrelid::regclass, attname from pg_attribute a join pg_class c on c.oid = attrelid
          where relnamespace = 'app_public'::regnamespace and relkind in ('r', 'p') and attname ~ 'token_hash|service_tokens'`,
      ),
    ).toEqual([])
  }))

it('a table there has the name of the table whose secret it keeps', () =>
  db.inTransaction(async (t) => {
    expect(
      await t.query(
        `select v.relname from pg_class v
          where v.relnamespace = 'vault'::regnamespace and v.relkind in ('r', 'p')
            -- of a tenant: the key that its secrets are encrypted with, and the address of its Slack
            and v.relname not in ('data_keys', 'alert_slack')
            and not exists (select from pg_class p where p.relname = v.relname and p.relnamespace = 'app_public'::regnamespace)`,
      ),
    ).toEqual([])
  }))

it.each([
  ['sent again', `select app_public.resend_invitation($1)`],
  ['revoked', `select app_public.revoke_invitation($1)`],
])('the hash of an invitation is gone when it is %s', (_what, statement) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    const id = await t.value<string>(`select id from app_public.invite_user('ann@example.test')`)
    await tokenFor(t, id)
    expect(await t.query('select from vault.invitations')).toHaveLength(1)
    await t.query(`update app_public.invitations set queued_at = queued_at - interval '2 minutes'`)
    await t.become(db.acme.owner)
    await t.query(statement, [id])
    await t.becomeSuperuser()
    expect(await t.query('select from vault.invitations')).toEqual([])
  }),
)

it('a tenant that cannot be written creates no service token', () =>
  db.inTransaction(async (t) => {
    await t.query(`update app_public.tenants set status = 'inactive' where id = $1`, [db.acme.id])
    await t.become(db.acme.owner)
    expect(await t.errorCode(`select app_public.create_service_token('ci')`)).toBe('TN202')
    expect(await t.errorCode(`select app_public.revoke_service_token('ci')`)).toBe('TN202')
  }))

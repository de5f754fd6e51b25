// tenant_config: a row for every tenant, its origins, and service tokens that are seen once.

import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

it('every tenant has its row, made with it', async () => {
  const { rows } = await db.pool.query(
    'select slug from app_public.tenants t where not exists (select from app_public.tenant_config c where c.tenant_id = t.id)',
  )
  expect(rows).toEqual([])
})

it('is for members who manage settings', () =>
  db.inTransaction(async (t) => {
    for (const role of ['owner', 'admin'] as const) {
      await t.become(db.acme[role])
      expect(await t.query('select tenant_id from app_public.tenant_config')).toEqual([{ tenant_id: db.acme.id }])
      expect(
        await t.query(`update app_public.tenant_config set allowed_origins = '{https://a.test}' returning 1 as one`),
      ).toHaveLength(1)
      for (const command of [
        `update app_public.tenant_config set rate_limit_config = '{}'`,
        `update vault.tenant_config set service_tokens = '{}'`,
        'select service_tokens from vault.tenant_config',
        'delete from app_public.tenant_config',
      ])
        expect([command, await t.errorCode(command)]).toEqual([command, '42501'])
    }
    for (const role of ['member', 'viewer'] as const) {
      await t.become(db.acme[role])
      expect(await t.query('select tenant_id from app_public.tenant_config')).toEqual([])
      expect(await t.query(`update app_public.tenant_config set allowed_origins = '{}' returning 1 as one`)).toEqual([])
    }
  }))

describe('allowed_origins', () => {
  const store = (t: Transaction, origins: (string | null)[]): Promise<string | undefined> =>
    t.errorCode('update app_public.tenant_config set allowed_origins = $1', [origins])
  it('are what browsers send', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      for (const origin of [
        'https://app.acme.test',
        'http://localhost:3000',
        'https://a:8443',
        'http://[::1]:5173',
        'http://10.0.0.1',
      ])
        expect([origin, await store(t, [origin])]).toEqual([origin, undefined])
    }))
  it('and nothing else', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      for (const origin of [
        '*',
        'null',
        '',
        null,
        'https://*.acme.test',
        'https://acme.test/',
        'https://acme.test/path',
        'https://Acme.test',
        'https://acme.test:443',
        'http://acme.test:80',
        'https://user@acme.test',
        'acme.test',
        'ftp://acme.test',
        'https://acme.test\nhttps://evil.test',
        'https://a.test:0',
      ])
        expect([origin, await store(t, [origin])]).toEqual([origin, '23514'])
      expect(
        await store(
          t,
          Array.from({ length: 51 }, (_, i) => `https://a${i}.test`),
        ),
      ).toBe('23514')
    }))
})

describe('service tokens', () => {
  const create = `select app_public.create_service_token('ci')`
  const verify = async (t: Transaction, token: string): Promise<unknown[]> => {
    await t.becomeRole('rowhouse_authenticator')
    return t.query('select * from tenancy.verify_service_token($1)', [token])
  }

  it('are shown once, kept as SHA-256, listed by name, known by the server, and of no use when revoked', () =>
    db.inTransaction(async (t) => {
      await t.query(`set local rowhouse.clock = '2030-01-01 00:00Z'`)
      await t.become(db.acme.admin)
      const token = await t.value<string>(create)
      expect(token).toMatch(/^rhs_[0-9a-f]{32}_[0-9a-f]{64}$/)
      await t.becomeSuperuser()
      const stored = await t.value('select service_tokens from vault.tenant_config where tenant_id = $1', [db.acme.id])
      expect(stored).toEqual({
        ci: {
          hash: createHash('sha256').update(token).digest('hex'),
          created_at: expect.any(String),
          last_used_at: null,
        },
      })
      expect(await verify(t, token)).toEqual([{ tenant_id: db.acme.id, name: 'ci' }])
      expect(await verify(t, token)).toEqual([{ tenant_id: db.acme.id, name: 'ci' }])
      const at = new Date('2030-01-01T00:00:00Z')
      await t.become(db.acme.owner)
      expect(await t.query('select * from app_public.service_tokens()')).toEqual([
        { name: 'ci', created_at: at, last_used_at: at },
      ])
      await t.query(`select app_public.revoke_service_token('ci')`)
      expect(await t.errorCode(`select app_public.revoke_service_token('ci')`)).toBe('TN302')
      expect(await verify(t, token)).toEqual([])
    }))

  it('are nobody’s that are unknown, tampered with, or of a tenant that is suspended', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const token = await t.value<string>(create)
      const other = token.replace(/^rhs_[0-9a-f]{32}/, `rhs_${db.globex.id.replaceAll('-', '')}`)
      const wrong = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0')
      for (const guess of [other, wrong, '', 'rhs_', `${token} `]) expect(await verify(t, guess)).toEqual([])
      await t.becomeSuperuser()
      await t.query(`select set_config('rowhouse.user_id', '', true)`)
      await t.query(`update app_public.tenants set status = 'suspended', suspension_reason = 'x' where id = $1`, [
        db.acme.id,
      ])
      expect(await verify(t, token)).toEqual([])
    }))

  it('are made, listed and revoked by those who manage settings', () =>
    db.inTransaction(async (t) => {
      for (const role of ['member', 'viewer'] as const) {
        await t.become(db.acme[role])
        for (const call of [
          create,
          'select * from app_public.service_tokens()',
          `select app_public.revoke_service_token('ci')`,
        ])
          expect(await t.errorCode(call)).toBe('ID203')
        expect(await t.errorCode(`select * from tenancy.verify_service_token('x')`)).toBe('42501')
      }
    }))

  it('have a name of their own, and there are at most 50', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const named = 'select app_public.create_service_token($1)'
      for (const name of ['', ' ', null, 'x'.repeat(101), 'a\u0001'])
        expect(await t.errorCode(named, [name])).toBe('TN406')
      for (let i = 0; i < 50; i += 1) await t.query(named, [`service ${i}`])
      expect(await t.errorCode(named, [' service 1 '])).toBe('TN505')
      expect(await t.errorCode(named, ['one more'])).toBe('TN603')
      await t.become(db.globex.admin)
      expect(await t.errorCode(named, ['service 1'])).toBeUndefined()
      expect(await t.query('select name from app_public.service_tokens()')).toEqual([{ name: 'service 1' }])
    }))
})

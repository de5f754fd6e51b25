// API keys by SQL: what a key may do is never more than its maker may at the moment, nor than the key above it.

import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

type Issued = { api_key_id: string; key: string }
const create = (t: Transaction, given: Record<string, unknown> = {}): Promise<Issued> =>
  t
    .query<Issued>(`select * from app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, $1))`, [
      JSON.stringify({ name: 'Import', ...given }),
    ])
    .then(([row]) => row as Issued)
const createError = (t: Transaction, given: Record<string, unknown>) =>
  t.errorCode(`select app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, $1))`, [
    JSON.stringify({ name: 'Import', ...given }),
  ])

type Identity = { user_id: string; tenant_id: string; role: string; api_key_id: string }
const enter = `select (begun.identity ->> 'user_id')::uuid as user_id, (begun.identity ->> 'tenant_id')::uuid as tenant_id,
                      begun.identity ->> 'role' as role, (begun.identity ->> 'api_key_id')::uuid as api_key_id
                 from metering.begin_request(null, $2, key_hash => sha256(convert_to($1, 'UTF8')), address => $3::inet, service => $4) as begun`
type Arrival = { tenant?: string; address?: string; service?: string }
const arrive = ({ tenant, address, service }: Arrival) => [tenant ?? null, address ?? '192.0.2.1', service ?? 'graphql']

/** What the server's login says to a request with this key. The clock of a test is a superuser's. */
async function refusal(t: Transaction, key: string, arrival: Arrival = {}): Promise<string | undefined> {
  await t.becomeSuperuser()
  return t.errorCode(enter, [key, ...arrive(arrival)])
}

/** Goes on as a request with this key. */
async function use(t: Transaction, key: string, arrival: Arrival = {}): Promise<Identity> {
  await t.becomeSuperuser()
  const [identity] = await t.query<Identity>(enter, [key, ...arrive(arrival)])
  if (!identity) throw new Error('The key was let in without an identity.')
  await t.query(
    `select set_config('role', $1, true), set_config('rowhouse.user_id', $2, true), set_config('rowhouse.tenant_id', $3, true),
            set_config('rowhouse.api_key_id', $4, true)`,
    [identity.role, identity.user_id, identity.tenant_id, identity.api_key_id],
  )
  return identity
}
const become = async (t: Transaction, person: Person): Promise<void> => {
  await t.query(`select set_config('rowhouse.api_key_id', '', true)`)
  await t.become(person)
}
const permissions = (t: Transaction) => t.value<string[]>('select app_public.my_permissions()::text[]')
const revoke = 'select app_public.revoke_api_key($1)'
const rotate = (t: Transaction, id: string, graceSeconds: number): Promise<Issued> =>
  t.query<Issued>('select * from app_public.rotate_api_key($1, $2)', [id, graceSeconds]).then(([row]) => row as Issued)

describe('the secret of a key', () => {
  it('has 256 bits behind a prefix that scanners know, and a checksum', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      for (const environment of ['live', 'test']) {
        const { key } = await create(t, { environment })
        expect(key).toMatch(new RegExp(`^rh_${environment}_[0-9A-Za-z]{49}$`))
        const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
        const value = [...key.slice(-6)].reduce((sum, digit) => sum * 62 + digits.indexOf(digit), 0)
        expect(value).toBe(crc32(key.slice(0, -6)))
      }
    }))

  it('has the checksum that zlib computes, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (bytes) => {
        const { rows } = await db.pool.query('select tenancy.crc32($1)::float8 as crc', [Buffer.from(bytes)])
        expect(rows[0].crc).toBe(crc32(bytes))
      }),
      { numRuns: 30, seed: 15 },
    )
  })

  it('is stored nowhere but as its hash, and nobody reads that', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const { api_key_id, key } = await create(t)
      expect(await t.errorCode('select * from vault.api_keys')).toBe('42501')
      await t.becomeSuperuser()
      const [row] = await t.query('select to_jsonb(k)::text as row from app_public.api_keys k where id = $1', [
        api_key_id,
      ])
      expect(row?.row).toContain(key.slice(0, 12))
      expect(row?.row).not.toContain(key.slice(0, 14))
      expect(
        await t.value(`select key_hash = sha256(convert_to($2, 'UTF8')) from vault.api_keys where api_key_id = $1`, [
          api_key_id,
          key,
        ]),
      ).toBe(true)
    }))
})

describe('a key', () => {
  it('lets its maker into its tenant, and says which key it is', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const { api_key_id, key } = await create(t)
      expect(await use(t, key)).toEqual({
        user_id: db.acme.member.userId,
        tenant_id: db.acme.id,
        role: 'rowhouse_user',
        api_key_id,
      })
      expect(await refusal(t, key, { tenant: 'acme' })).toBeUndefined()
      expect(await refusal(t, key, { tenant: 'globex' })).toBe('KY101')
      expect(
        await t.value('select last_used_at = core.clock() from app_public.api_keys where id = $1', [api_key_id]),
      ).toBe(true)
    }))

  it('is never platform staff, not even when staff have made it', () =>
    db.inTransaction(async (t) => {
      await t.become(db.platform.owner)
      const { key } = await create(t, { key_type: 'admin', permissions: ['can_manage_settings'] })
      expect((await use(t, key)).role).toBe('rowhouse_user')
      expect(await permissions(t)).toEqual(['can_manage_settings'])
      expect(await refusal(t, key, { tenant: 'acme' })).toBe('KY101')
    }))

  it('has the permissions that it was given, as long as its maker has them', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const { key } = await create(t, { permissions: ['can_edit_agents', 'can_manage_users'] })
      await use(t, key)
      expect(await permissions(t)).toEqual(['can_edit_agents', 'can_manage_users'])
      await t.becomeSuperuser()
      await t.query(`update app_public.user_tenants set role = 'member' where tenant_id = $1 and user_id = $2`, [
        db.acme.id,
        db.acme.admin.userId,
      ])
      await use(t, key)
      expect(await permissions(t)).toEqual(['can_edit_agents'])
      expect(await t.errorCode('select app_public.remove_member($1)', [db.acme.viewer.userId])).toBe('ID203')
    }))

  it('has no more than its role, and a viewer only reads', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const plain = await create(t, { permissions: ['can_create_agents'] })
      const reading = await create(t, { role: 'viewer', permissions: ['can_view_analytics'] })
      expect(await createError(t, { role: 'viewer', permissions: ['can_manage_billing'] })).toBe('23514')
      const admin = await create(t, { key_type: 'admin' })
      const roleOf = async (key: string) => {
        await use(t, key)
        return t.value('select tenancy.current_member_role()')
      }
      expect(await roleOf(plain.key)).toBe('member')
      expect(await t.errorCode(`insert into app_public.agents (name) values ('by-key')`)).toBeUndefined()
      expect(await roleOf(admin.key)).toBe('admin')
      expect(await t.errorCode(`insert into app_public.agents (name) values ('by-admin-key')`)).toBe('42501')
      expect(await roleOf(reading.key)).toBe('viewer')
      expect(await t.value('select count(*)::int from app_public.agents')).toBeGreaterThan(0)
      expect(await t.errorCode(`insert into app_public.agents (name) values ('by-reader')`)).toBe('KY202')
    }))

  it.each([
    ['is removed', `delete from app_public.user_tenants where tenant_id = $1 and user_id = $2`],
    ['is suspended', `update app_public.user_tenants set status = 'suspended' where tenant_id = $1 and user_id = $2`],
    ['may not log in', `update app_public.user_profiles set is_active = false where id = $2 and $1::uuid is not null`],
  ])('is dead with the next request when its maker %s', (_what, statement) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const { key } = await create(t)
      expect(await refusal(t, key)).toBeUndefined()
      await t.query(statement, [db.acme.id, db.acme.member.userId])
      expect(await refusal(t, key)).toBe('KY101')
    }),
  )

  it('does not do what concerns a person', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const all = await t.value('select tenancy.current_permissions()')
      const { key } = await create(t, { key_type: 'admin', permissions: all })
      await use(t, key)
      for (const statement of [
        `select app_public.update_preferences('{"theme": "dark"}')`,
        `select app_public.update_notification_settings('{"email": false}')`,
        'select app_public.complete_onboarding()',
        `select app_public.accept_invitation('x')`,
        `select app_public.decline_invitation('x')`,
        'select app_public.leave_tenant()',
        `select app_public.transfer_ownership('${db.acme.admin.userId}')`,
        `select app_public.create_sub_tenant('below', 'Below')`,
        `select app_public.move_tenant('${db.acme.id}', '${db.globex.id}')`,
        `select app_public.give_consent('memory', 'v1')`,
        `select app_public.withdraw_consent('memory')`,
        'select app_public.export_person()',
        'select app_public.erase_person(is_dry_run => false)',
      ]) {
        expect([statement, await t.errorCode(statement)]).toEqual([statement, 'KY201'])
      }
      const renamed = await t.query(`update app_public.user_profiles set full_name = 'X' where id = $1 returning id`, [
        db.acme.owner.userId,
      ])
      expect(renamed).toEqual([])
    }))

  it('has no file that its maker asked for, unless it could have asked for it', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const own = await t.value('select id from app_public.export_person()')
      const ofMember = await t.value('select id from app_public.export_person($1)', [db.acme.member.userId])
      const ofTenant = await t.value('select id from app_public.export_tenant()')
      const cancel = 'select app_public.cancel_export($1)'
      const all = await t.value('select tenancy.current_permissions()')
      const weak = await create(t)
      const strong = await create(t, { key_type: 'admin', permissions: all })
      await use(t, weak.key)
      for (const id of [own, ofMember, ofTenant]) expect(await t.errorCode(cancel, [id])).toBe('RT303')
      await use(t, strong.key)
      expect(await t.errorCode(cancel, [own])).toBe('RT303')
      for (const id of [ofMember, ofTenant]) expect(await t.errorCode(cancel, [id])).toBeUndefined()
    }))

  it('sees no other tenant of its maker', () =>
    db.inTransaction(async (t) => {
      await t.query(`select tenancy.provision_member($1, $2)`, [db.globex.id, db.acme.member.email])
      await t.become(db.acme.member)
      const { key } = await create(t)
      expect(await t.query('select slug from app_public.my_tenants()')).toHaveLength(2)
      await use(t, key)
      expect(await t.query('select slug from app_public.my_tenants()')).toEqual([{ slug: 'acme' }])
    }))

  it('that has ended within a request, or is another person’s, leaves no permission and no writing', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const { api_key_id, key } = await create(t, { permissions: ['can_create_agents'] })
      await use(t, key)
      await t.query(revoke, [api_key_id])
      expect(await permissions(t)).toEqual([])
      expect(await t.value('select tenancy.current_member_role()')).toBeNull()
      expect(await t.errorCode(`insert into app_public.agents (name) values ('late')`)).toBe('KY202')
      await t.become(db.acme.admin)
      expect(await permissions(t)).toEqual([])
    }))
})

describe('a key is refused with one and the same error', () => {
  const cases: [string, Record<string, unknown>, Arrival, string?][] = [
    ['from a wrong address', { allowed_ips: ['203.0.113.7', '198.51.100.0/24'] }, { address: '203.0.113.8' }],
    ['from no known address', { allowed_ips: ['0.0.0.0/0'] }, { address: '::1' }],
    ['for a wrong service', { allowed_services: ['files'] }, { service: 'graphql' }],
    ['in a wrong tenant', {}, { tenant: 'globex' }],
    ['when it has expired', { expires_at: '2026-03-01T00:00:00Z' }, {}, '2026-03-01T00:00:00Z'],
  ]
  it.each(cases)('%s', (_what, given, arrival, at) =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-02-01T00:00:00Z')
      await t.become(db.acme.member)
      const { key } = await create(t, given)
      if (at) await setClock(t, at)
      expect(await refusal(t, key, arrival)).toBe('KY101')
      // and otherwise it is good
      await setClock(t, '2026-02-28T23:59:59Z')
      const right = {
        address: given.allowed_ips ? (arrival.address === '::1' ? '192.0.2.9' : '198.51.100.99') : '192.0.2.1',
      }
      expect(await refusal(t, key, { ...right, service: given.allowed_services ? 'files' : 'graphql' })).toBeUndefined()
    }),
  )

  it('when it is unknown, and when it is null', () =>
    db.inTransaction(async (t) => {
      expect(await refusal(t, 'rh_live_unknown')).toBe('KY101')
    }))

  it('when it is revoked, and when a key above it is', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const top = await create(t)
      const middle = await create(t, { parent_key_id: top.api_key_id })
      const low = await create(t, { parent_key_id: middle.api_key_id })
      const beside = await create(t)
      await t.query(revoke, [top.api_key_id])
      expect(
        await t.value('select app_public.api_keys_status(k) from app_public.api_keys k where id = $1', [
          low.api_key_id,
        ]),
      ).toBe('revoked')
      for (const { key } of [top, middle, low]) expect(await refusal(t, key)).toBe('KY101')
      expect(await refusal(t, beside.key)).toBeUndefined()
    }))

  it('when only the row above it says so, whoever wrote it', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const top = await create(t)
      const low = await create(t, { parent_key_id: top.api_key_id })
      await t.becomeSuperuser()
      await t.query('update app_public.api_keys set revoked_at = now() where id = $1', [top.api_key_id])
      expect(await refusal(t, low.key)).toBe('KY101')
    }))
})

describe('making a key', () => {
  it('gives no more than its maker has', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await createError(t, { permissions: ['can_manage_users'] })).toBe('KY203')
      expect(await createError(t, { key_type: 'admin' })).toBe('ID203')
      expect(await createError(t, { key_type: 'service', service_name: 'x' })).toBe('ID203')
      expect(await createError(t, { allowed_users: [db.acme.viewer.userId] })).toBe('KY203')
      await t.become(db.acme.viewer)
      expect(await createError(t, {})).toBe('KY203')
      expect(await createError(t, { role: 'viewer' })).toBeUndefined()
      await t.become(db.acme.admin)
      expect(await createError(t, { permissions: ['can_manage_billing'] })).toBe('KY203')
      expect(await createError(t, { allowed_users: [db.globex.viewer.userId] })).toBe('ID301')
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await createError(t, {})).toBe('ID301')
    }))

  it('is refused for what makes no sense', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      expect(await createError(t, { name: ' ' })).toBe('23514')
      expect(await createError(t, { name: null })).toBe('23502')
      expect(await createError(t, { allowed_ips: [] })).toBeUndefined()
      expect(await createError(t, { key_type: 'service' })).toBe('23514')
      expect(await createError(t, { service_name: 'x' })).toBe('23514')
      expect(await createError(t, { key_type: 'agent' })).toBe('23514')
      expect(await createError(t, { key_type: 'agent', agent_id: crypto.randomUUID() })).toBe('KY302')
      expect(await createError(t, { allowed_agents: [crypto.randomUUID()] })).toBe('KY302')
      expect(await createError(t, { key_type: 'user', role: 'admin' })).toBe('23514')
      expect(await createError(t, { expires_at: '2020-01-01T00:00:00Z' })).toBe('KY402')
      expect(await createError(t, { max_calls_per_day: -1 })).toBe('23514')
      expect(await createError(t, { max_cost_per_day: 'NaN' })).toBe('23514')
      expect(await createError(t, { allowed_ips: Array.from({ length: 101 }, (_, i) => `10.0.0.${i}`) })).toBe('23514')
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set status = 'suspended', suspension_reason = 'x' where id = $1`, [
        db.acme.id,
      ])
      await t.become(db.acme.admin)
      expect(await createError(t, {})).toBe('TN202')
    }))

  it('with a key needs can_manage_settings, and makes only keys below it', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const weak = await create(t, { permissions: ['can_edit_agents'] })
      const strong = await create(t, { permissions: ['can_edit_agents', 'can_manage_settings'] })
      await use(t, weak.key)
      expect(await createError(t, {})).toBe('ID203')
      await use(t, strong.key)
      const child = await create(t, { permissions: ['can_edit_agents'] })
      expect(await createError(t, { parent_key_id: weak.api_key_id })).toBe('KY301')
      expect(await createError(t, { permissions: ['can_manage_users'] })).toBe('KY203')
      const rows = await t.query('select id, parent_key_id from app_public.api_keys order by created_at, ancestor_ids')
      expect(rows).toEqual([
        { id: strong.api_key_id, parent_key_id: null },
        { id: child.api_key_id, parent_key_id: strong.api_key_id },
      ])
      expect(await t.errorCode(revoke, [weak.api_key_id])).toBe('KY301')
      expect(await t.errorCode('select app_public.rotate_api_key($1)', [strong.api_key_id])).toBe('KY201')
      expect(await t.errorCode('select app_public.rotate_api_key($1)', [child.api_key_id])).toBeUndefined()
      expect(await t.errorCode(revoke, [strong.api_key_id])).toBeUndefined()
      expect(await refusal(t, child.key)).toBe('KY101')
    }))

  const parent = {
    permissions: ['can_edit_agents', 'can_create_agents'],
    allowed_services: ['graphql'],
    allowed_ips: ['10.0.0.0/8', '2001:db8::/32'],
    max_calls_per_day: 100,
    max_cost_per_day: 5,
    expires_at: '2099-01-01T00:00:00Z',
  }
  it.each([
    ['permissions', ['can_create_projects'], ['can_edit_agents']],
    ['allowed_services', ['graphql', 'files'], ['graphql']],
    ['allowed_ips', ['10.0.0.0/7'], ['10.1.2.0/24', '2001:db8:1::1']],
    ['max_calls_per_day', 101, 100],
    ['max_cost_per_day', 5.01, 4],
    ['expires_at', '2099-01-01T00:00:01Z', '2098-01-01T00:00:00Z'],
    ['environment', 'test', 'live'],
    ['allowed_users', 'acme.admin', 'acme.owner'],
  ])('below another one gives no more in %s', (field, tooMuch, enough) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const top = await create(t, { ...parent, allowed_users: [db.acme.owner.userId] })
      const value = (given: unknown) =>
        given === 'acme.admin' ? [db.acme.admin.userId] : given === 'acme.owner' ? [db.acme.owner.userId] : given
      const below = { parent_key_id: top.api_key_id }
      expect(await createError(t, { ...below, [field]: value(tooMuch) })).toBe('KY401')
      expect(await createError(t, { ...below, [field]: value(enough) })).toBeUndefined()
    }),
  )

  it('below another one takes over what was left out, to at most five keys below the first', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      let last = await create(t, parent)
      for (let depth = 1; depth <= 5; depth += 1) last = await create(t, { parent_key_id: last.api_key_id })
      const [row] = await t.query('select * from app_public.api_keys where id = $1', [last.api_key_id])
      expect(row).toMatchObject({ max_calls_per_day: '100', max_cost_per_day: '5', permissions: '{}' })
      expect(row?.expires_at).toEqual(new Date('2099-01-01T00:00:00Z'))
      expect(await createError(t, { parent_key_id: last.api_key_id })).toBe('23514')
    }))

  it('below an ended key, or another person’s, is refused', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const mine = await create(t)
      await t.become(db.acme.owner)
      expect(await createError(t, { parent_key_id: mine.api_key_id })).toBe('KY301')
      await t.query(revoke, [mine.api_key_id])
      await t.become(db.acme.member)
      expect(await createError(t, { parent_key_id: mine.api_key_id })).toBe('KY501')
    }))
})

describe('rotating a key', () => {
  it('keeps the old secret for the grace period, exact to the second', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-02-01T12:00:00Z')
      await t.become(db.acme.member)
      const old = await create(t)
      const fresh = await rotate(t, old.api_key_id, 3600)
      expect(fresh.key).not.toBe(old.key)
      await setClock(t, '2026-02-01T12:59:59Z')
      expect([await refusal(t, old.key), await refusal(t, fresh.key)]).toEqual([undefined, undefined])
      await setClock(t, '2026-02-01T13:00:00Z')
      expect([await refusal(t, old.key), await refusal(t, fresh.key)]).toEqual(['KY101', undefined])
    }))

  it('without grace, and a second time, ends the secrets before at once', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const first = await create(t)
      const second = await rotate(t, first.api_key_id, 600)
      const third = await rotate(t, first.api_key_id, 600)
      expect([await refusal(t, first.key), await refusal(t, second.key), await refusal(t, third.key)]).toEqual([
        'KY101',
        undefined,
        undefined,
      ])
      await become(t, db.acme.member)
      await rotate(t, first.api_key_id, 0)
      expect([await refusal(t, second.key), await refusal(t, third.key)]).toEqual(['KY101', 'KY101'])
    }))

  it('is for its maker alone, for an active key, and for at most 7 days', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const { api_key_id } = await create(t)
      const rotating = 'select app_public.rotate_api_key($1, $2)'
      for (const grace of [-1, 604801, null]) expect(await t.errorCode(rotating, [api_key_id, grace])).toBe('KY403')
      await t.become(db.acme.owner)
      expect(await t.errorCode(rotating, [api_key_id, 0])).toBe('KY301')
      await t.query(revoke, [api_key_id])
      await t.become(db.acme.member)
      expect(await t.errorCode(rotating, [api_key_id, 0])).toBe('KY501')
    }))
})

describe('revoking a key', () => {
  it('is for its maker and for who manages the settings, also in a suspended tenant, and for nobody else', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const first = await create(t)
      await t.become(db.acme.viewer)
      expect(await t.errorCode(revoke, [first.api_key_id])).toBe('KY301')
      await t.become(db.globex.owner)
      expect(await t.errorCode(revoke, [first.api_key_id])).toBe('KY301')
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set status = 'suspended', suspension_reason = 'x' where id = $1`, [
        db.acme.id,
      ])
      await t.become(db.acme.admin)
      expect(await t.errorCode(revoke, [first.api_key_id])).toBeUndefined()
      const revoked = await t.query('select revoked_at, revoked_by_user_id from app_public.api_keys')
      expect(revoked).toMatchObject([{ revoked_by_user_id: db.acme.admin.userId }])
      await t.query(revoke, [first.api_key_id])
      expect(await t.query('select revoked_at, revoked_by_user_id from app_public.api_keys')).toEqual(revoked)
    }))
})

describe('whoever makes keys below keys in whatever order', () => {
  it('never gets one that exceeds any key above it, and none of an ended tree that goes on', async () => {
    const all = ['can_create_agents', 'can_edit_agents', 'can_create_resources', 'can_create_projects']
    const step = fc.record({
      under: fc.option(fc.nat(20)),
      permissions: fc.subarray(all),
      most: fc.option(fc.nat(10), { nil: undefined }),
      revokes: fc.option(fc.nat(20)),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), (steps) =>
        db.inTransaction(async (t) => {
          // the model knows each key's rights, its parent and whether it has ended
          const made: { issued: Issued; permissions: string[]; most: number; parent?: number; ended: boolean }[] = []
          const hasEnded = (at: number | undefined): boolean =>
            at !== undefined && (made[at]?.ended === true || hasEnded(made[at]?.parent))
          const depthOf = (at: number | undefined): number => (at === undefined ? 0 : 1 + depthOf(made[at]?.parent))
          await t.become(db.acme.owner)
          for (const { under, permissions: wanted, most, revokes } of steps) {
            const parent = under !== null && made.length > 0 ? under % made.length : undefined
            const above = parent === undefined ? undefined : made[parent]
            const limit = most ?? above?.most ?? Number.POSITIVE_INFINITY
            const given = {
              permissions: wanted,
              ...(above ? { parent_key_id: above.issued.api_key_id } : {}),
              ...(most === undefined ? {} : { max_calls_per_day: most }),
            }
            const expected = hasEnded(parent)
              ? 'KY501'
              : above && (wanted.some((one) => !above.permissions.includes(one)) || limit > above.most)
                ? 'KY401'
                : depthOf(parent) > 5
                  ? '23514'
                  : undefined
            if (expected) expect(await createError(t, given)).toBe(expected)
            else
              made.push({
                issued: await create(t, given),
                permissions: wanted,
                most: limit,
                ended: false,
                ...(parent === undefined ? {} : { parent }),
              })
            const victim = revokes === null ? undefined : made[revokes % Math.max(made.length, 1)]
            if (victim) {
              await t.query(revoke, [victim.issued.api_key_id])
              victim.ended = true
            }
          }
          for (const [at, { issued }] of made.entries())
            expect(await refusal(t, issued.key)).toBe(hasEnded(at) ? 'KY101' : undefined)
        }),
      ),
      { numRuns: 15, seed: 15 },
    )
  })
})

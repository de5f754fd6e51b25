// Settings: what each column may hold, who may write it, and what a feature that is off closes.

import type { DatabaseError } from 'pg'
import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createSource } from '../helpers/knowledge.ts'

const db = useDatabase()

/** Code and message of what a statement fails with. */
async function failure(t: Transaction, text: string, values: unknown[] = []): Promise<[string, string] | undefined> {
  await t.query('savepoint attempt')
  try {
    await t.query(text, values)
    return undefined
  } catch (error) {
    const { code, message } = error as DatabaseError
    return [code as string, message]
  } finally {
    await t.query('rollback to savepoint attempt')
  }
}
const set = (column: string): string => `update app_public.tenants set ${column} = $1 where id = $2`

describe('the examples of the seeds', () => {
  it.each([
    [
      'resource_access_config',
      {
        shared_resources: { agents: true, tools: true, prompts: true, rag: true },
        custom_resources: { agents: true, max_agents: 50, max_rag_storage_gb: 25 },
        sharing: { can_share_resources: false, can_receive_shared: true },
      },
    ],
    [
      'features',
      {
        rag_enabled: true,
        expert_panels: true,
        workflows: true,
        analytics: true,
        api_access: false,
        white_label: false,
        multi_model: true,
        advanced_rag: true,
      },
    ],
    [
      'config',
      { default_model: 'gpt-4', max_concurrent_chats: 10, retention_days: 90, allowed_domains: ['company.com'] },
    ],
    [
      'quotas',
      {
        max_users: 100,
        max_agents: 50,
        max_documents: 10000,
        max_api_calls_per_month: 100000,
        max_storage_gb: 25,
      },
    ],
    ['metadata', { anything: ['goes', { here: null }] }],
  ])('%s can be stored', (column, value) =>
    db.inTransaction(async (t) => {
      expect(await failure(t, set(column), [value, db.acme.id])).toBeUndefined()
    }),
  )
})

describe('what is not known is refused with its key named, and never its value', () => {
  it.each([
    ['config', { colour: 'x' }, 'TN402', 'config.colour is not a setting.'],
    ['config', { search: { k2: 1 } }, 'TN402', 'config.search.k2 is not a setting.'],
    ['config', { search: [] }, 'TN403', 'config.search must be an object.'],
    ['config', { search: { k1: 'high' } }, 'TN403', 'config.search.k1 must be a number from 0 to 10.'],
    ['config', { search: { k1: 11 } }, 'TN403', 'config.search.k1 must be a number from 0 to 10.'],
    ['config', { search: { b: -0.1 } }, 'TN403', 'config.search.b must be a number from 0 to 1.'],
    ['config', { search: { logQueries: 'all' } }, 'TN403', 'config.search.logQueries must be one of hash, text, none.'],
    ['config', { retention_days: 1.5 }, 'TN403', 'config.retention_days must be an integer from 1 to 36500.'],
    ['config', { retention_days: null }, 'TN403', 'config.retention_days must be an integer from 1 to 36500.'],
    [
      'config',
      { invitation_expiry_days: 31 },
      'TN403',
      'config.invitation_expiry_days must be an integer from 1 to 30.',
    ],
    ['config', { store_llm_texts: 'yes' }, 'TN403', 'config.store_llm_texts must be true or false.'],
    ['config', { default_model: ' ' }, 'TN403', 'config.default_model must be a text of 1 to 255 characters.'],
    ['config', { allowed_domains: 'a.com' }, 'TN403', 'config.allowed_domains must be a list of at most 100.'],
    [
      'config',
      { allowed_domains: ['a.com', 'not one'] },
      'TN403',
      'config.allowed_domains[1] must be a domain in lower case.',
    ],
    ['config', [], 'TN403', 'config must be an object.'],
    ['config', 'text', 'TN403', 'config must be an object.'],
    ['features', { teleport: true }, 'TN402', 'features.teleport is not a setting.'],
    ['features', { workflows: 'secret' }, 'TN403', 'features.workflows must be true or false.'],
    [
      'quotas',
      { max_users: -1 },
      'TN403',
      /^quotas\.max_users must be an integer from 0 to \d+, or null for no limit\.$/,
    ],
    ['quotas', { max_users: 1e300 }, 'TN403', /^quotas\.max_users must be/],
    ['quotas', { max_planets: 1 }, 'TN402', 'quotas.max_planets is not a setting.'],
    [
      'resource_access_config',
      { sharing: { can_share_resources: 1 } },
      'TN403',
      'resource_access_config.sharing.can_share_resources must be true or false.',
    ],
    [
      'resource_access_config',
      { sharing: { can_fly: true } },
      'TN402',
      'resource_access_config.sharing.can_fly is not a setting.',
    ],
  ])('%s %j', (column, value, code, message) =>
    db.inTransaction(async (t) => {
      const found = await failure(t, set(column), [JSON.stringify(value), db.acme.id])
      expect(found).toEqual([code, typeof message === 'string' ? message : expect.stringMatching(message)])
    }),
  )

  it('also when a tenant is created', () =>
    db.inTransaction(async (t) => {
      const create = `insert into app_public.tenants (slug, name, config) values ('x', 'x', $1)`
      expect(await failure(t, create, ['{"a": 1}'])).toEqual(['TN402', 'config.a is not a setting.'])
    }))

  it('but what was stored before a rule does not lock the rest of the row', () =>
    db.inTransaction(async (t) => {
      await t.query(`set local session_replication_role = replica`)
      await t.query(set('config'), ['{"old": 1}', db.acme.id])
      await t.query(`set local session_replication_role = origin`)
      await t.become(db.acme.admin)
      expect(await failure(t, set('name'), ['New name', db.acme.id])).toBeUndefined()
    }))

  it('metadata has no keys of its own, but an end', () =>
    db.inTransaction(async (t) => {
      expect(await t.errorCode(set('metadata'), [{ a: 'x'.repeat(17_000) }, db.acme.id])).toBe('23514')
      expect(await t.errorCode(set('metadata'), ['[]', db.acme.id])).toBe('23514')
    }))
})

describe('columns with a vocabulary', () => {
  it.each([
    [
      'timezone',
      ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'America/Port-au-Prince', 'Etc/GMT+3'],
      'TN403',
    ],
    ['country_code', ['DE', 'US', null], '23514'],
    ['language_code', ['en', 'pt-BR', 'zh-Hant-TW', 'es-419', 'gsw'], '23514'],
  ])('%s takes real ones', (column, values) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      for (const value of values)
        expect([value, await t.errorCode(set(column), [value, db.acme.id])]).toEqual([value, undefined])
    }),
  )
  it.each([
    [
      'timezone',
      ['', 'utc+1', 'CEST', 'Mars/Olympus', 'Europe/Berlin+3', '+03:00', 'EST5EDT', '../etc/passwd', 'Europe'],
      'TN403',
    ],
    ['country_code', ['', 'de', 'XX', 'UK', 'DEU'], '23514'],
    ['language_code', ['', 'EN', 'english', 'en_US', 'e'], '23514'],
  ])('%s refuses others', (column, values, code) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      for (const value of values)
        expect([value, await t.errorCode(set(column), [value, db.acme.id])]).toEqual([value, code])
    }),
  )
})

describe('who may write settings', () => {
  it('admins the tenant’s own, nobody what the plan gives', () =>
    db.inTransaction(async (t) => {
      for (const role of ['owner', 'admin'] as const) {
        await t.become(db.acme[role])
        expect(
          await t.query(`update app_public.tenants set config = '{"retention_days": 30}' returning 1 as one`),
        ).toHaveLength(1)
        for (const column of [
          'features',
          'quotas',
          'resource_access_config',
          'domain',
          'status',
          'slug',
          'parent_tenant_id',
        ])
          expect([column, await t.errorCode(`update app_public.tenants set ${column} = ${column}`)]).toEqual([
            column,
            '42501',
          ])
      }
      for (const role of ['member', 'viewer'] as const) {
        await t.become(db.acme[role])
        expect(await t.query(`update app_public.tenants set name = 'x' returning 1 as one`)).toEqual([])
      }
    }))

  it('goes by the permission can_manage_settings', () =>
    db.inTransaction(async (t) => {
      await t.query(
        `update app_public.user_tenants set permissions = jsonb_build_object('can_manage_settings', role = 'viewer') where tenant_id = $1`,
        [db.acme.id],
      )
      await t.become(db.acme.admin)
      expect(await t.query(`update app_public.tenants set name = 'x' returning 1 as one`)).toEqual([])
      await t.become(db.acme.viewer)
      expect(await t.query(`update app_public.tenants set name = 'x' returning 1 as one`)).toHaveLength(1)
    }))

  describe('entitlements', () => {
    const call = `select features, quotas, resource_access_config from app_public.set_tenant_entitlements($1, $2, $3, $4)`
    const sold = [
      { api_access: true, rag_enabled: false },
      { max_users: 5 },
      {},
      { per_minute: 60, per_day: 100 },
    ] as const
    const asStaff = (t: Transaction): Promise<void> =>
      t.become({ ...db.platform.admin, tenantId: db.acme.id }, 'rowhouse_admin')

    it('are set by platform staff and not by the owner', () =>
      db.inTransaction(async (t) => {
        await t.become(db.acme.owner)
        expect(await t.errorCode(call, ['{}', '{}', '{}', '{}'])).toBe('TN205')
        await asStaff(t)
        expect(await t.errorCode(call, ['{}', '{}', '{}', '{}'])).toBeUndefined()
      }))

    it('are set key by key, and null takes a key away', () =>
      db.inTransaction(async (t) => {
        await asStaff(t)
        await t.query(call, [...sold])
        expect(
          await t.query(call, [
            { rag_enabled: null },
            { max_users: null, max_agents: 3 },
            { sharing: { can_share_resources: false } },
            { per_day: null },
          ]),
        ).toEqual([
          {
            features: { api_access: true },
            quotas: { max_agents: 3 },
            resource_access_config: { sharing: { can_share_resources: false } },
          },
        ])
        expect(await t.value('select rate_limit_config from app_public.tenant_config')).toEqual({ per_minute: 60 })
      }))

    it('are refused when a key is unknown or a value is not of its kind', () =>
      db.inTransaction(async (t) => {
        await asStaff(t)
        expect(await t.errorCode(call, ['{"x": true}', '{}', '{}', '{}'])).toBe('TN402')
        expect(await t.errorCode(call, ['{}', '{}', '{}', '{"per_minute": 0}'])).toBe('TN403')
        expect(await t.errorCode(call, ['[]', '{}', '{}', '{}'])).toBe('TN403')
      }))

    it('stay as they are where null is given, as where nothing is', () =>
      db.inTransaction(async (t) => {
        await asStaff(t)
        await t.query(call, [...sold])
        expect(await t.errorCode(call, [null, null, null, null])).toBeUndefined()
        expect((await t.query('select features from app_public.current_tenant()'))[0]?.features).toEqual(sold[0])
      }))
  })

  it('platform staff set the domain: a host name that no other tenant has', () =>
    db.inTransaction(async (t) => {
      const call = 'select domain from app_public.set_tenant_domain($1)'
      await t.become(db.acme.owner)
      expect(await t.errorCode(call, ['acme.test'])).toBe('TN205')
      await t.become({ ...db.platform.admin, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.value(call, ['Agents.Acme.test'])).toBe('agents.acme.test')
      expect(await t.errorCode(call, ['https://acme.test'])).toBe('23514')
      await t.become({ ...db.platform.admin, tenantId: db.globex.id }, 'rowhouse_admin')
      expect(await t.errorCode(call, ['agents.acme.test'])).toBe('23505')
      expect(await t.value(call, [null])).toBeNull()
    }))
})

describe('a feature', () => {
  const enabled = (t: Transaction, name: string): Promise<boolean> =>
    t.value('select app_public.is_feature_enabled($1)', [name])

  it('is on by default, by plan, and off when either the plan or the tenant says so', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect([await enabled(t, 'rag_enabled'), await enabled(t, 'api_access')]).toEqual([true, false])
      await t.becomeSuperuser()
      await t.query(set('features'), ['{"rag_enabled": false, "api_access": true}', db.acme.id])
      await t.become(db.acme.admin)
      // a tenant cannot switch on what its plan does not give
      await t.query(`update app_public.tenant_config set features = '{"rag_enabled": true, "workflows": false}'`)
      await t.become(db.acme.viewer)
      expect([await enabled(t, 'rag_enabled'), await enabled(t, 'api_access'), await enabled(t, 'workflows')]).toEqual([
        false,
        true,
        false,
      ])
      await t.become(db.globex.viewer)
      expect([await enabled(t, 'rag_enabled'), await enabled(t, 'workflows')]).toEqual([true, true])
      expect(await t.errorCode('select app_public.is_feature_enabled($1)', ['teleport'])).toBe('23514')
      expect(await t.errorCode('select tenancy.tenant_feature_enabled($1)', ['teleport'])).toBe('TN404')
      await t.becomeRole('rowhouse_user')
      expect(await enabled(t, 'rag_enabled')).toBe(false)
    }))

  it('rag_enabled closes adding documents and searching', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await t.become(db.acme.admin)
      await t.query(`update app_public.tenant_config set features = '{"rag_enabled": false}'`)
      await t.become(db.acme.member)
      for (const call of [
        `select * from app_public.create_documents('${source}', knowledge.new_documents('[{"externalId": "1", "text": "a"}]'))`,
        `select app_public.upload_file('${source}', 'a.txt', 'YQ==')`,
        `select * from app_public.search('a', 'bm25')`,
      ])
        expect([call, await t.errorCode(call)]).toEqual([call, 'TN204'])
    }))
})

it('a quota is read by name, null for none', () =>
  db.inTransaction(async (t) => {
    await t.query(set('quotas'), ['{"max_users": 7, "max_agents": null}', db.acme.id])
    await t.become(db.acme.viewer)
    const quota = (name: string): Promise<string | null> => t.value('select tenancy.tenant_quota($1)', [name])
    expect([await quota('max_users'), await quota('max_agents'), await quota('max_documents')]).toEqual([
      '7',
      null,
      null,
    ])
    expect(await t.errorCode('select tenancy.tenant_quota($1)', ['max_planets'])).toBe('TN404')
  }))

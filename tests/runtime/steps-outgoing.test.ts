// The list of hosts that a tenant's tools may call: who keeps it, what it covers, and which secrets go where.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

const list = (host: string, secrets: string[] = []): [string, unknown[]] => [
  'insert into app_public.outgoing_hosts (host, secret_names) values ($1, $2)',
  [host, secrets],
]
const check = (t: Transaction, url: string, tenantId = db.acme.id): Promise<string | undefined> =>
  t.errorCode('select runtime.check_outgoing_url($1, $2)', [tenantId, url])

/** As the worker, with these hosts listed by acme. */
const withHosts = (hosts: string[], work: (t: Transaction) => Promise<void>): Promise<void> =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    for (const host of hosts) await t.query(...list(host))
    await t.becomeRole('rowhouse_worker')
    await work(t)
  })

describe('the list', () => {
  it('is written by those with can_manage_settings, read by all members, and nobody else', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(...list('api.example.com'))).toBe('42501')
      await t.become(db.acme.owner)
      expect(await t.errorCode(...list('api.example.com', ['key']))).toBeUndefined()
      await t.become(db.acme.member)
      expect(await t.query('select host from app_public.outgoing_hosts')).toEqual([{ host: 'api.example.com' }])
      expect(await t.query(`update app_public.outgoing_hosts set secret_names = '{other}' returning host`)).toEqual([])
      expect(await t.query('delete from app_public.outgoing_hosts returning host')).toEqual([])
      await t.become(db.globex.owner)
      expect(await t.query('select host from app_public.outgoing_hosts')).toEqual([])
    })
  })

  it('is changed back by those who wrote it', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(...list('api.example.com', ['key']))
      await t.query(`update app_public.outgoing_hosts set secret_names = '{}'`)
      expect(await t.query('delete from app_public.outgoing_hosts returning host, secret_names')).toEqual([
        { host: 'api.example.com', secret_names: [] },
      ])
    })
  })

  it.each([
    '',
    'API.example.com',
    'https://example.com',
    'example.com/',
    'example.com:80',
    'a b',
    '*',
    '*.',
    '*.*.com',
    'x.*.com',
    'a@b',
    'ex ample.com',
    '.com',
    'bücher.de',
    'a..b',
  ])('has no entry %j', async (host) => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode(...list(host))).toBe('23514')
    })
  })

  it('has a host once, and 200 at most', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      for (let n = 1; n < 200; n += 1) await t.query(...list(`h${n}.example.com`))
      expect(await t.errorCode(...list('h1.example.com'))).toBe('23505')
      expect(await t.errorCode(...list('h200.example.com'))).toBeUndefined()
      expect(await t.errorCode(...list('h201.example.com'))).toBe('RN675')
    })
  })
})

describe('an address', () => {
  it.each([
    'https://api.example.com',
    'http://API.Example.COM:8080/x?y#z',
    'https://a.b.wild.test/',
    'http://localhost:1',
    'http://[fd00::1]:80/',
  ])('%s is covered', (url) =>
    withHosts(['api.example.com', '*.wild.test', 'localhost', '[fd00::1]'], async (t) => {
      expect(await check(t, url)).toBeUndefined()
    }),
  )

  it.each([
    'https://example.com',
    'https://xapi.example.com',
    'https://api.example.com.evil.test',
    'https://wild.test',
    'https://evilwild.test',
    'https://evil.test\\.wild.test/',
    'https://evil.test\\@api.example.com/',
    'https://evil.test#@api.example.com/',
    'https://api.example.com@evil.test/',
    'https://u:p@api.example.com/',
    'https://api%2eexample.com/',
    'https://api.example.com.',
    'https://api。example.com/',
    'ftp://api.example.com/',
    '//api.example.com/',
    'api.example.com',
    '',
    `https://${'a.'.repeat(5_000)}wild.test/`,
  ])('%s is not', (url) =>
    withHosts(['api.example.com', '*.wild.test'], async (t) => {
      expect(await check(t, url)).toBe('RN275')
    }),
  )

  it('that another tenant listed is not covered', () =>
    withHosts(['api.example.com'], async (t) => {
      expect(await check(t, 'https://api.example.com', db.globex.id)).toBe('RN275')
    }))

  it('is covered by the entry that says most, which decides about secrets', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(...list('*.example.com', ['wide']))
      await t.query(...list('*.api.example.com', ['narrow']))
      await t.query(...list('x.api.example.com'))
      await t.becomeSuperuser()
      await t.query(`select set_config('rowhouse.tenant_id', $1, true)`, [db.acme.id])
      const secrets = (host: string) => t.value('select (runtime.listed_host($1)).secret_names', [host])
      expect(await secrets('x.api.example.com')).toEqual([])
      expect(await secrets('y.api.example.com')).toEqual(['narrow'])
      expect(await secrets('z.example.com')).toEqual(['wide'])
      expect(await secrets('example.com')).toBeNull()
    }))

  it('is asked about by workers and nobody else', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await check(t, 'https://api.example.com')).toBe('42501')
      expect(await t.errorCode(`select runtime.open_tool_call($1, null, $1, '{}', null)`, [db.acme.id])).toBe('42501')
      expect(await t.errorCode(`select runtime.close_tool_call($1, null, '{}')`, [db.acme.id])).toBe('42501')
      expect(await t.errorCode('select runtime.open_model_step($1, null, null, null, null)', [db.acme.id])).toBe(
        '42501',
      )
      expect(await t.errorCode(`select runtime.record_model_call($1, null, '{}')`, [db.acme.id])).toBe('42501')
      expect(await t.errorCode(`select runtime.search_for_step($1, null, 'x', 1)`, [db.acme.id])).toBe('42501')
    }))
})

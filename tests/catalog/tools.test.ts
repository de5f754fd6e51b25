// Tools: callable, and without secrets.

import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { create, failure, find, insertOf } from './helpers.ts'

const db = useDatabase()
const api = { tool_type: 'api', endpoint_url: 'https://api.fda.gov/device/510k.json', http_method: 'GET' }

describe('a tool', () => {
  it('has an address, schemas, a way to authenticate and to try again', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'tool', {
        ...api,
        headers: { Accept: 'application/json', 'Idempotency-Key': 'fixed' },
        authentication_type: 'api_key',
        authentication_config: { in: 'query', name: 'api_key', secret_name: 'openfda' },
        request_schema: { type: 'object', properties: { search: { type: 'string' } } },
        retry_config: { max_attempts: 3, backoff: 'exponential', delay_ms: 500 },
      })
      expect(await find(t, 'tool', id)).toMatchObject({
        created_by_user_id: db.acme.member.userId,
        sharing_mode: 'private',
        is_shared: false,
        resource_type: 'custom',
        usage_count: '0',
        timeout_seconds: 30,
      })
    }))

  it.each([
    [{ tool_type: 'spell' }],
    [{ tool_type: 'api' }],
    [{ ...api, http_method: 'BREW' }],
    [{ ...api, timeout_seconds: 3601 }],
    [{ ...api, request_schema: [] }],
    [{ ...api, headers: [] }],
    [{ ...api, authentication_config: [1] }],
    [{ ...api, authentication_type: 'magic' }],
    [{ ...api, retry_config: [] }],
    [{ ...api, name: '' }],
    [{ ...api, version: 'one' }],
  ])('is refused when it could not work: %j', (columns) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(...insertOf('tool', columns))).toBe('23514')
    }),
  )
})

describe('headers', () => {
  it.each([
    ...['Authorization', 'authorization', 'Proxy-Authorization', 'Cookie', 'X-API-Key', 'x_api_key', 'apikey'],
    ...['X-Auth-Token', 'Private-Token', 'Ocp-Apim-Subscription-Key', 'X-Client-Secret', 'accessToken'],
  ])('refuse the credential %s, naming it and not its value', (name) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const refused = await failure(t, ...insertOf('tool', { ...api, headers: { [name]: 's3cret' } }))
      expect(refused).toMatchObject({ code: 'RS423', message: expect.stringContaining(name) })
      expect(refused?.message).not.toContain('s3cret')
      const id = await create(t, db.acme.owner, 'tool', api)
      expect(await t.errorCode('update app_public.tools set headers = $1 where id = $2', [{ [name]: 'x' }, id])).toBe(
        'RS423',
      )
    }),
  )

  it.each([
    [{ 'X Y': 'v' }],
    [{ '': 'v' }],
    [{ A: 1 }],
    [{ A: null }],
    [{ A: 'one\r\nAuthorization: two' }],
    [{ A: 'Bearer abc' }],
    [{ A: 'x'.repeat(2001) }],
  ])('refuse what is none: %j', (headers) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(...insertOf('tool', { ...api, headers }))).toBe('RS423')
    }),
  )
})

describe('authentication', () => {
  const secret_name = 'crm-key'
  const good = {
    none: {},
    api_key: { in: 'header', name: 'X-Key', secret_name },
    bearer: { secret_name },
    basic: { username: 'us', secret_name },
    oauth2_client: { token_url: 'https://id.example/token', client_id: 'us', secret_name, scopes: ['read'] },
  }
  const types = Object.keys(good) as (keyof typeof good)[]

  it.each(types)('%s takes its own keys and no other type’s', (type) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      for (const other of types) {
        const code = await t.errorCode(
          ...insertOf('tool', { ...api, authentication_type: type, authentication_config: good[other] }),
        )
        expect([type, other, code]).toEqual([type, other, type === other ? undefined : 'RS424'])
      }
    }),
  )

  it.each([
    ['bearer', { secret_name, token: 's3cret' }, 'token is not known'],
    ['bearer', { secret_name: 'sk-LIVE+abc/123=' }, 'secret_name'],
    ['bearer', {}, 'secret_name is missing'],
    ['api_key', { in: 'body', name: 'k', secret_name }, 'in is neither'],
    ['api_key', { in: 'header', name: 5, secret_name }, 'name is not of type'],
    ['oauth2_client', { ...good.oauth2_client, token_url: 'https://us:pw@id.example' }, 'token_url'],
    ['oauth2_client', { ...good.oauth2_client, scopes: [1] }, 'scopes'],
    ['oauth2_client', { ...good.oauth2_client, client_secret: 's3cret' }, 'client_secret is not known'],
  ])('%s refuses %j: %s', (type, config, message) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const refused = await failure(
        t,
        ...insertOf('tool', { ...api, authentication_type: type, authentication_config: config }),
      )
      expect(refused).toMatchObject({ code: 'RS424', message: expect.stringContaining(message) })
      expect(refused?.message).not.toContain('s3cret')
    }),
  )

  it('is checked again when the type changes', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'tool', {
        ...api,
        authentication_type: 'bearer',
        authentication_config: good.bearer,
      })
      expect(await t.errorCode(`update app_public.tools set authentication_type = 'basic' where id = $1`, [id])).toBe(
        'RS424',
      )
    }))
})

it.each([
  'https://user:password@example.com/x',
  'https://user@example.com',
  'https://example.com/?api_key=abc',
  'https://example.com/x?q=1&access_token=abc#y',
  'ftp://example.com',
  'javascript:alert(1)',
  'https://',
  'https://exa mple.com',
])('an address holds no credential and is one: %s', (endpoint_url) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    expect(await t.errorCode(...insertOf('tool', { ...api, endpoint_url }))).toBe('RS425')
  }),
)

it.each([[{ max_attempts: 21 }], [{ backoff: 'never' }], [{ delay_ms: 1.5 }], [{ delay_ms: -1 }], [{ times: 3 }]])(
  'retries have bounds: %j',
  (retry_config) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(...insertOf('tool', { ...api, retry_config }))).toBe('RS426')
    }),
)

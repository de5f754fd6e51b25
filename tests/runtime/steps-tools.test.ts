// Steps that call tools: what is sent, what may not be called, what comes back, and what is on record afterwards.

import type { LookupFunction } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import {
  createAgent,
  createTool,
  type House,
  json,
  listHost,
  openHouse,
  type StepRun,
  startRun,
  storeSecret,
} from './steps-helpers.ts'

const db = useDatabase()
const canary = 'tool-canary-7f3a9c"51'
let house: House

beforeAll(async () => {
  house = await openHouse(db)
  await listHost(house, db.acme.owner, 'tool.test')
})
afterAll(() => house?.close())
beforeEach(() => {
  house.tools.received.length = 0
  house.tools.answer(json({ ok: true }))
})

type Options = Parameters<House['work']>[0]

/** A run of one step that calls a tool with these arguments. */
async function callTool(
  fields: object = {},
  given: object = {},
  options: Options = {},
  node: object = {},
): Promise<StepRun> {
  const tool = await createTool(house, db.acme.owner, fields)
  const mapping = Object.fromEntries(Object.keys(given).map((key) => [key, `$.input."${key}"`]))
  const runId = await startRun(house, db.acme.owner, [{ type: 'tool', tool_id: tool, input: mapping, ...node }], given)
  await house.work(options)
  return (await house.steps(runId))[0] as StepRun
}

const executions = async (): Promise<Record<string, unknown>[]> =>
  (await db.pool.query('select * from app_public.tool_executions order by executed_at, batch_id')).rows
const lastExecution = async (): Promise<Record<string, unknown>> =>
  (await executions()).at(-1) as Record<string, unknown>

describe('a tool', () => {
  it('is sent its arguments as JSON, with an idempotency key, and its answer is the output', async () => {
    house.tools.answer(json({ answer: 42 }))
    const step = await callTool({ headers: { 'X-Kind': 'test' } }, { question: 'why', n: 1 })
    expect(step).toMatchObject({ status: 'completed', output: { answer: 42 } })
    const [call] = house.tools.received
    expect(call).toMatchObject({ method: 'POST', path: '/do' })
    expect(JSON.parse(call?.body ?? '')).toEqual({ question: 'why', n: 1 })
    expect(call?.headers).toMatchObject({
      'x-kind': 'test',
      'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}:1$/),
    })
  })

  it('that is read by GET gets its arguments as parameters, beside those of its address', async () => {
    const url = `${house.tools.at('tool')}/find?db=x`
    await callTool(
      { http_method: 'GET', endpoint_url: url },
      { term: 'a&b', list: [1, 2] },
      {},
      { config: { limit: 5 } },
    )
    expect(house.tools.received[0]).toMatchObject({
      method: 'GET',
      path: '/find?db=x&limit=5&list=1&list=2&term=a%26b',
      body: '',
    })
  })

  it('that answers in text gives text, and without a body null', async () => {
    house.tools.answer((response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('hello \0you'))
    expect((await callTool()).output).toBe('hello you')
    house.tools.answer((response) => response.writeHead(204).end())
    expect((await callTool()).output).toBeNull()
  })

  it('is on record with its outcome, and without texts unless the tenant keeps them', async () => {
    house.tools.answer(json({ private: 'thing' }))
    await callTool({}, { also: 'private' })
    expect(await lastExecution()).toMatchObject({
      ...{ tenant_id: db.acme.id, user_id: db.acme.owner.userId, status: 'success', input: null, output: null },
      metadata: { attempt: 1, run_id: expect.any(String), step_run_id: expect.any(String) },
    })
  })

  it.each([
    ['switched off', { enabled: false }, 'RN375'],
    ['a draft', { status: 'draft' }, 'RN375'],
    ['without an address', { tool_type: 'function', endpoint_url: null }, 'RN476'],
  ])('that is %s is not called', async (_what, fields, code) => {
    expect(await callTool(fields)).toMatchObject({ status: 'failed', error_code: code })
    expect(house.tools.received).toEqual([])
    expect(await lastExecution()).toMatchObject({ status: 'error', error_type: code })
  })

  it('that was deleted after the run began is not called, and the refusal is on record', async () => {
    const tool = await createTool(house, db.acme.owner)
    const runId = await startRun(house, db.acme.owner, [{ type: 'tool', tool_id: tool }])
    await house.as(db.acme.owner, 'select app_public.delete_tool($1)', [tool])
    await house.work()
    expect((await house.steps(runId))[0]).toMatchObject({ status: 'failed', error_code: 'RN375' })
    expect(await lastExecution()).toMatchObject({ tool_id: null, tool_name: 'unknown', error_type: 'RN375' })
  })
})

describe('schemas', () => {
  const request_schema = { type: 'object', properties: { n: { type: 'integer', minimum: 1 } }, required: ['n'] }

  it('arguments that do not fit are not sent', async () => {
    for (const given of [{}, { n: 0 }, { n: 'one' }])
      expect(await callTool({ request_schema }, given)).toMatchObject({
        error_code: 'RN475',
        error_message: expect.stringMatching(/n /),
      })
    expect(house.tools.received).toEqual([])
  })

  it('an answer that does not fit is no output, and is on record as an error', async () => {
    house.tools.answer(json({ n: 'many' }))
    const step = await callTool({ response_schema: { type: 'object', properties: { n: { type: 'integer' } } } })
    expect(step).toMatchObject({ status: 'failed', error_code: 'RN477', output: null })
    expect(await lastExecution()).toMatchObject({ status: 'error', error_type: 'RN477' })
  })

  it('a schema that cannot be read fits nothing, and one with more than is understood checks what is', async () => {
    expect(await callTool({ request_schema: { properties: { n: { minLength: 'x' } } } }, { n: 'text' })).toMatchObject({
      ...{ error_code: 'RN475' },
    })
    expect(
      await callTool({ request_schema: { properties: { n: { type: 'string', pattern: '^a' } } } }, { n: 'text' }),
    ).toMatchObject({
      ...{ status: 'completed' },
    })
  })
})

describe('a host', () => {
  const elsewhere = (): string => `${house.tools.at('other')}/do`

  it('that the tenant has not listed is not called, whoever made the tool', async () => {
    expect(await callTool({ endpoint_url: elsewhere() })).toMatchObject({ status: 'failed', error_code: 'RN275' })
    await listHost(house, db.globex.owner, 'other.test')
    expect(await callTool({ endpoint_url: elsewhere() })).toMatchObject({ error_code: 'RN275' })
    expect(house.tools.received).toEqual([])
  })

  it.each([
    ['10.0.0.8', 'http://10.0.0.8/'],
    ['127.0.0.1', 'http://127.0.0.1:PORT/'],
    ['169.254.169.254', 'http://169.254.169.254/latest/meta-data/'],
    ['[::1]', 'http://[::1]:PORT/'],
    ['inside.test', 'http://inside.test:PORT/'],
  ])('%s is not called although it is listed, because it is near the server', async (host, url) => {
    await listHost(house, db.acme.owner, host)
    const port = new URL(house.tools.at('tool')).port
    expect(await callTool({ endpoint_url: url.replace('PORT', port) })).toMatchObject({
      status: 'failed',
      error_code: 'RN480',
    })
    expect(house.tools.received).toEqual([])
  })

  it('whose name is public when it is checked and private when it is called has only one answer', async () => {
    let asked = 0
    // nothing is behind the public address here
    const resolve: LookupFunction = (_name, _options, done) => {
      asked += 1
      done(null, [{ address: asked === 1 ? '192.88.98.1' : '127.0.0.1', family: 4 }])
    }
    const outgoing = { allow: [], resolve, limits: { connectMs: 100 } }
    expect(await callTool({}, {}, { outgoing })).toMatchObject({ error_code: 'RN480' })
    expect(asked).toBe(1)
    expect(await callTool({}, {}, { outgoing })).toMatchObject({ error_code: 'RN480' })
    expect(house.tools.received).toEqual([])
  })

  it.each(['RN275', 'RN480'])('that is redirected to is asked about as well: %s', async (code) => {
    const target = code === 'RN275' ? 'unlisted' : 'inside'
    await listHost(house, db.acme.owner, 'inside.test')
    house.tools.answer((response) => response.writeHead(302, { location: `${house.tools.at(target)}/secret` }).end())
    expect(await callTool({ http_method: 'GET' })).toMatchObject({ status: 'failed', error_code: code })
    expect(house.tools.received.map(({ path }) => path)).toEqual(['/do'])
  })

  it('is not followed from a call that sends something', async () => {
    house.tools.answer((response) => response.writeHead(307, { location: '/again' }).end())
    expect(await callTool()).toMatchObject({ status: 'failed', error_code: 'RN480' })
    expect(house.tools.received).toHaveLength(1)
  })
})

describe('limits', () => {
  it('an answer that takes longer than the tool may is not waited for', async () => {
    house.tools.answer(() => {})
    expect(await callTool({ timeout_seconds: 1 })).toMatchObject({
      error_code: 'RN480',
      error_message: expect.stringMatching(/time/),
    })
  })

  it('an answer that never ends is read up to its limit', async () => {
    house.tools.answer((response) => {
      response.writeHead(200, { 'content-type': 'text/plain' })
      const send = (): void => {
        while (!response.destroyed) if (!response.write('x'.repeat(100_000))) return void response.once('drain', send)
      }
      send()
    })
    expect(await callTool()).toMatchObject({ status: 'failed', error_code: 'RN480' })
  })

  it('an answer that is no JSON although it says so is an error', async () => {
    house.tools.answer((response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":'))
    expect(await callTool()).toMatchObject({ status: 'failed', error_code: 'RN480' })
  })

  it('a failure that may pass is tried again as the tool says, under the same key, and each try is on record', async () => {
    let tries = 0
    house.tools.answer((response) => {
      tries += 1
      json({ tries }, tries < 3 ? 503 : 200)(response)
    })
    const before = (await executions()).length
    const step = await callTool({ retry_config: { max_attempts: 3, delay_ms: 1 } })
    expect(step).toMatchObject({ status: 'completed', output: { tries: 3 } })
    expect(new Set(house.tools.received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
    expect((await executions()).slice(before).map(({ status }) => status)).toEqual(['error', 'error', 'success'])
  })

  it('a failure that does not pass is not tried again', async () => {
    house.tools.answer(json({ error: 'no' }, 400))
    expect(await callTool({ retry_config: { max_attempts: 3, delay_ms: 1 } })).toMatchObject({
      ...{ error_code: 'RN480', error_message: expect.stringContaining('400') },
    })
    expect(house.tools.received).toHaveLength(1)
  })
})

describe('a secret', () => {
  const listed = async (fields: object = {}, host = 'tool.test'): Promise<string> => {
    const name = await storeSecret(db, db.acme.owner, canary, fields)
    await listHost(house, db.acme.owner, host, [name])
    return name
  }

  it.each([
    ['api_key', { in: 'header', name: 'X-Api-Key' }, { 'x-api-key': canary }],
    ['bearer', {}, { authorization: `Bearer ${canary}` }],
    ['basic', { username: 'me' }, { authorization: `Basic ${Buffer.from(`me:${canary}`).toString('base64')}` }],
  ])('is sent as %s', async (authentication_type, config, headers) => {
    const secret_name = await listed()
    const step = await callTool({ authentication_type, authentication_config: { ...config, secret_name } })
    expect(step.status).toBe('completed')
    expect(house.tools.received[0]?.headers).toMatchObject(headers)
  })

  it('is sent as a parameter', async () => {
    const secret_name = await listed()
    await callTool({ authentication_type: 'api_key', authentication_config: { in: 'query', name: 'k', secret_name } })
    expect(new URL(house.tools.received[0]?.path ?? '', 'http://x').searchParams.get('k')).toBe(canary)
  })

  it('of a client is exchanged for a token, which is sent', async () => {
    const secret_name = await listed()
    await listHost(house, db.acme.owner, 'token.test', [secret_name])
    house.tools.answer((response, { path }) =>
      json(path === '/token' ? { access_token: 'token-of-the-client' } : { ok: true })(response),
    )
    const config = { token_url: `${house.tools.at('token')}/token`, client_id: 'us', scopes: ['a', 'b'], secret_name }
    const step = await callTool({ authentication_type: 'oauth2_client', authentication_config: config })
    expect(step.status).toBe('completed')
    const [first, second] = house.tools.received
    expect(Object.fromEntries(new URLSearchParams(first?.body))).toEqual({
      grant_type: 'client_credentials',
      scope: 'a b',
    })
    expect(second?.headers.authorization).toBe('Bearer token-of-the-client')
  })

  it('that the tool repeats is stored nowhere: not in outputs, errors and records', async () => {
    await db.pool.query(`select set_config('rowhouse.tenant_id', '', false)`)
    await db.pool.query(`update app_public.tenants set config = config || '{"store_llm_texts": true}' where id = $1`, [
      db.acme.id,
    ])
    const basic = Buffer.from(`me:${canary}`).toString('base64')
    const secret_name = await listed()
    const told = { [canary]: [canary, encodeURIComponent(canary), basic] }
    const tool = { authentication_type: 'basic', authentication_config: { username: 'me', secret_name } }
    for (const status of [200, 400]) {
      house.tools.answer(json({ told }, status))
      const step = await callTool(tool)
      const kept = JSON.stringify([step, await executions()])
      expect(JSON.stringify(step)).toContain('[secret]')
      for (const form of [canary, JSON.stringify(canary).slice(1, -1), encodeURIComponent(canary), basic])
        expect(kept).not.toContain(form)
    }
  })

  it.each([
    ['that the entry of the host does not name', {}, 'other.test', 'RN276'],
    ['of a provider of models', { provider_type: 'llm' }, 'tool.test', 'RN276'],
    ['that is for other agents', { allowed_agents: [crypto.randomUUID()] }, 'tool.test', 'SE201'],
  ])('%s is not sent', async (_which, fields, host, code) => {
    const secret_name = await listed(fields, host)
    const step = await callTool({ authentication_type: 'bearer', authentication_config: { secret_name } })
    expect(step).toMatchObject({ status: 'failed', error_code: code })
    expect(house.tools.received).toEqual([])
  })

  it('is not sent on to another host by a redirect', async () => {
    const secret_name = await listed()
    await listHost(house, db.acme.owner, 'other.test')
    house.tools.answer((response, { path }) =>
      path === '/do'
        ? response.writeHead(302, { location: `${house.tools.at('other')}/there` }).end()
        : json({ ok: true })(response),
    )
    const step = await callTool({
      http_method: 'GET',
      authentication_type: 'bearer',
      authentication_config: { secret_name },
    })
    expect(step.status).toBe('completed')
    expect(house.tools.received.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${canary}`, undefined])
  })

  it('of an agent is the one that this agent may use', async () => {
    const agent = await createAgent(house, db.acme.owner)
    const secret_name = await listed({ allowed_agents: [agent] })
    const tool = { authentication_type: 'bearer', authentication_config: { secret_name } }
    expect(await callTool(tool, {}, {}, { agent_id: agent })).toMatchObject({ status: 'completed' })
    expect(await lastExecution()).toMatchObject({ agent_id: agent })
  })
})

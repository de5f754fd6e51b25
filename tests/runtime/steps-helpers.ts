// Workflows whose steps call out: a model server and a server of tools in the test's process, and a worker's runner of steps. The
// tools' server has the names *.test, which stand for addresses of the public internet.

import type { ServerResponse } from 'node:http'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import type pg from 'pg'
import { asUser, createPool } from '../../server/database.ts'
import { modelOutgoing } from '../../server/models/index.ts'
import { createOutgoing, type OutgoingOptions } from '../../server/outgoing.ts'
import { parseKeyRing, sealSecret } from '../../server/secrets.ts'
import { createStepRunner } from '../../server/steps/index.ts'
import type { WithPgClient } from '../../server/worker/side-by-side.ts'
import { isRealServer, type Person, type TestDatabase } from '../helpers/index.ts'
import { type ModelServer, openModelServer } from '../helpers/model-server.ts'

export const keyRing = parseKeyRing(`one:${Buffer.alloc(32, 1).toString('base64')}`)

export type Received = { method: string; path: string; headers: IncomingHttpHeaders; body: string }
export type ToolServer = {
  /** http://name.test:port */
  at: (name: string) => string
  received: Received[]
  answer: (how: (response: ServerResponse, call: Received) => void) => void
  close: () => Promise<void>
}

export const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))

async function openToolServer(): Promise<ToolServer> {
  const received: Received[] = []
  let answer: (response: ServerResponse, call: Received) => void = json({ ok: true })
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    response.on('error', () => {})
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const call = { ...{ method, headers }, path: url, body: Buffer.concat(parts).toString('utf8') }
      received.push(call)
      answer(response, call)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    at: (name) => `http://${name}.test:${(server.address() as AddressInfo).port}`,
    received,
    answer: (how) => {
      answer = how
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** tool.test and other.test are at this machine and allowed; any other name is at a private address. */
const resolve: LookupFunction = (name, _options, done) =>
  done(null, [{ address: /^(tool|other|token)\.test$/.test(name) ? '127.0.0.1' : '10.0.0.1', family: 4 }])
const allow = ['tool.test', 'other.test', 'token.test']

export type StepRun = {
  node_id: string
  status: string
  output: unknown
  error_code: string | null
  error_message: string | null
}

export type House = {
  models: ModelServer
  tools: ToolServer
  pool: pg.Pool
  withPgClient: WithPgClient
  as: <T>(person: Person, text: string, values?: unknown[]) => Promise<T>
  /** A worker runs steps until none is ready. */
  work: (options?: {
    outgoing?: OutgoingOptions
    signal?: AbortSignal
    stopping?: AbortSignal
    leaseMs?: number
  }) => Promise<boolean>
  steps: (runId: string) => Promise<StepRun[]>
  close: () => Promise<void>
}

export async function openHouse(db: TestDatabase): Promise<House> {
  const [models, tools] = [await openModelServer(), await openToolServer()]
  const pool = createPool(db.url, 'rowhouse_worker', 4, { isEmbedded: !isRealServer() })
  const withPgClient = (async (work: (client: pg.PoolClient) => Promise<unknown>) => {
    const client = await pool.connect()
    try {
      return await work(client)
    } finally {
      client.release()
    }
  }) as WithPgClient
  const never = new AbortController().signal
  return {
    ...{ models, tools, pool, withPgClient },
    as: async <T>(person: Person, text: string, values: unknown[] = []): Promise<T> => {
      const actor = { user_id: person.userId, tenant_id: person.tenantId, role: 'rowhouse_user' }
      const { rows } = await asUser(db.pool, actor, (client) => client.query(text, values))
      return Object.values(rows[0] ?? {})[0] as T
    },
    work: async ({ outgoing = {}, signal = never, stopping = never, leaseMs = 60_000 } = {}) => {
      const [toTools, toModels] = [createOutgoing({ allow, resolve, ...outgoing }), modelOutgoing()]
      try {
        const runner = createStepRunner({ keyRing, tools: toTools, models: toModels, stopping, leaseMs })
        return await runner.work(withPgClient, signal)
      } finally {
        await Promise.all([toTools.close(), toModels.close()])
      }
    },
    steps: async (runId) => {
      const { rows } = await db.pool.query<StepRun>(
        `select node_id, status, output, error_code, error_message from app_public.workflow_step_runs
          where run_id = $1 order by sequence`,
        [runId],
      )
      return rows
    },
    close: async () => {
      await pool.end()
      await Promise.all([models.close(), tools.close()])
    },
  }
}

let made = 0
function newName(kind: string): string {
  made += 1
  return `${kind}-${made}`
}

/** A model behind this server, as the platform's staff register one. */
export async function createModel(
  db: TestDatabase,
  url: string,
  settings: { maxRetries?: number } = {},
): Promise<string> {
  const name = newName('model')
  const { rows } = await db.pool.query<{ id: string }>(
    `with provider as (
       insert into app_public.llm_providers (name, kind, base_url) values ($1, 'openai', $2) returning id)
     insert into app_public.llm_models (provider_id, name, kind, provider_model_name, max_retries, max_output_tokens)
     select id, $1, 'chat', $1, $3, 500 from provider returning id`,
    [name, url, settings.maxRetries ?? 0],
  )
  return rows[0]?.id as string
}

export async function storeSecret(
  db: TestDatabase,
  person: Person,
  plain: string,
  fields: object = {},
): Promise<string> {
  const name = newName('secret')
  const { provider_type = 'tool', provider_id = null, allowed_agents = null } = fields as Record<string, unknown>
  const actor = { user_id: person.userId, tenant_id: person.tenantId, role: 'rowhouse_user' }
  await asUser(db.pool, actor, async (client) => {
    const sealed = await sealSecret(keyRing, client, plain)
    await client.query(`select app_public.create_secret($1, $2, $3, provider_id => $4, allowed_agents => $5)`, [
      name,
      sealed,
      provider_type,
      provider_id,
      allowed_agents,
    ])
  })
  return name
}

/** A row of the catalogue, made by this person; JSON is given as objects. */
export async function create(
  house: House,
  person: Person,
  table: string,
  fields: Record<string, unknown>,
): Promise<string> {
  const row = { name: newName(table), ...fields }
  const values = Object.values(row).map((value) =>
    typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
  )
  return house.as(
    person,
    `insert into app_public.${table} (${Object.keys(row)}) values (${values.map((_, i) => `$${i + 1}`)}) returning id`,
    values,
  )
}

export const createAgent = async (house: House, person: Person, fields: object = {}, toolIds: string[] = []) => {
  const id = await create(house, person, 'agents', { status: 'active', ...fields })
  if (toolIds.length > 0) await house.as(person, 'select app_public.set_agent_tools($1, $2)', [id, toolIds])
  return id
}

export const createTool = (house: House, person: Person, fields: object = {}): Promise<string> =>
  create(house, person, 'tools', {
    ...{ tool_type: 'api', http_method: 'POST', endpoint_url: `${house.tools.at('tool')}/do` },
    ...fields,
  })

export const listHost = (house: House, person: Person, host: string, secrets: string[] = []): Promise<unknown> =>
  house.as(
    person,
    `insert into app_public.outgoing_hosts (host, secret_names) values ($1, $2)
     on conflict (tenant_id, host) do update set secret_names = excluded.secret_names returning host`,
    [host, secrets],
  )

/** A published workflow of these nodes, one after the other, and a run of it. */
export async function startRun(house: House, person: Person, nodes: object[], input: object = {}): Promise<string> {
  const named = nodes.map((node, i) => ({ id: `n${i + 1}`, ...node })) as { id: string }[]
  const edges = named.slice(1).map(({ id }, i) => ({ from: named[i]?.id, to: id }))
  const workflow = await create(house, person, 'workflows', { workflow_definition: { nodes: named, edges } })
  await house.as(person, 'select app_public.publish_workflow($1)', [workflow])
  return house.as(person, 'select id from app_public.start_workflow_run($1, $2)', [workflow, JSON.stringify(input)])
}

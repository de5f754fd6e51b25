// A call of a tool as an HTTP request, and its answer as a value. No rules here: what may be called, and with what, is decided by
// sql/13_runtime.

import { z } from 'zod'
import { type Outgoing, type OutgoingAnswer, readBounded } from '../outgoing.ts'

export const toolShape = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
  headers: z.record(z.string(), z.string()),
  authentication_type: z.enum(['none', 'api_key', 'bearer', 'basic', 'oauth2_client']),
  authentication_config: z.object({
    in: z.string().optional(),
    name: z.string().optional(),
    username: z.string().optional(),
    token_url: z.string().optional(),
    client_id: z.string().optional(),
    secret_name: z.string().optional(),
    scopes: z.array(z.string()).optional(),
  }),
  timeout_seconds: z.number(),
  retry_config: z.object({
    max_attempts: z.number().optional(),
    backoff: z.enum(['constant', 'linear', 'exponential']).optional(),
    delay_ms: z.number().optional(),
  }),
})
export type Tool = z.infer<typeof toolShape>

/** What proves who calls: a header or a parameter. */
export type Credential = { headers: Record<string, string>; parameters: [string, string][] }

const noCredential: Credential = { headers: {}, parameters: [] }
const largestTokenBytes = 100_000

export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** `exchange` gets a token for a client's secret. */
export async function credentialOf(
  { authentication_type: type, authentication_config: config }: Tool,
  secret: string,
  exchange: (secret: string) => Promise<string>,
): Promise<Credential> {
  switch (type) {
    case 'none':
      return noCredential
    case 'api_key':
      return config.in === 'query'
        ? { headers: {}, parameters: [[config.name ?? '', secret]] }
        : { headers: { [(config.name ?? '').toLowerCase()]: secret }, parameters: [] }
    case 'basic':
      return { headers: { authorization: basic(config.username ?? '', secret) }, parameters: [] }
    case 'bearer':
      return { headers: { authorization: `Bearer ${secret}` }, parameters: [] }
    case 'oauth2_client':
      return { headers: { authorization: `Bearer ${await exchange(secret)}` }, parameters: [] }
  }
}

/** The grant of client credentials (RFC 6749, 4.4). Undefined when the answer has no token. */
export async function exchangeToken(
  outgoing: Outgoing,
  { token_url = '', client_id = '', scopes = [] }: Tool['authentication_config'],
  secret: string,
  call: { totalMs: number; signal: AbortSignal; permit: (url: URL) => Promise<void> },
): Promise<string | undefined> {
  const answer = await outgoing.call(token_url, {
    ...{ ...call, method: 'POST', largestBytes: largestTokenBytes },
    headers: {
      ...{ 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      authorization: basic(encodeURIComponent(client_id), encodeURIComponent(secret)),
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
    }).toString(),
  })
  const token = z.object({ access_token: z.string().min(1) }).safeParse(await readValue(answer, largestTokenBytes))
  return isSuccess(answer.status) ? token.data?.access_token : undefined
}

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** Methods without a body take their arguments as parameters of the address, the others as a JSON body. */
export function requestOf(
  tool: Tool,
  given: Record<string, unknown>,
  credential: Credential,
  idempotencyKey: string,
): { url: string; method: string; headers: Record<string, string>; body?: string } {
  const url = new URL(tool.url)
  const hasBody = tool.method === 'POST' || tool.method === 'PUT' || tool.method === 'PATCH'
  if (!hasBody) {
    for (const [name, value] of Object.entries(given))
      for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, textOf(one))
  }
  for (const [name, value] of credential.parameters) url.searchParams.set(name, value)
  return {
    url: url.href,
    method: tool.method,
    headers: {
      ...{ accept: 'application/json, text/plain;q=0.9, */*;q=0.1' },
      ...Object.fromEntries(Object.entries(tool.headers).map(([name, value]) => [name.toLowerCase(), value])),
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
      ...{ 'idempotency-key': idempotencyKey },
      ...credential.headers,
    },
    ...(hasBody ? { body: JSON.stringify(given) } : {}),
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** JSON as what it is, anything else as text; nothing is null. Undefined when it should be JSON and is none. */
export async function readValue({ body, mediaType }: OutgoingAnswer, largestBytes: number): Promise<unknown> {
  // PostgreSQL stores no zero character
  const text = Buffer.from(await readBounded(body, largestBytes))
    .toString('utf8')
    .replaceAll('\0', '')
  if (text.trim() === '') return null
  if (!/^application\/([\w.-]+\+)?json$/.test(mediaType)) return text
  try {
    return JSON.parse(text, (_key, value) => (typeof value === 'string' ? value.replaceAll('\0', '') : value))
  } catch {
    return undefined
  }
}

// Asks a model provider for the list of its models, which costs nothing, to know whether it can be reached, knows our key and how
// long it takes. Addresses of providers are the operator's, so they may be near the server.

export type Provider = { kind: string; base_url: string | null; api_key_variable: string | null }
export type Probe = { isHealthy: boolean; latencyMs: number; errorClass: string | null }

const longestMs = 10_000
const anthropicUrl = 'https://api.anthropic.com/v1'

export async function probeProvider({ kind, base_url, api_key_variable }: Provider): Promise<Probe> {
  const key = api_key_variable ? process.env[api_key_variable] : undefined
  const url = `${(base_url ?? anthropicUrl).replace(/\/+$/, '')}/models`
  const startedAt = performance.now()
  const errorClass = await ask(url, headersOf(kind, key))
  return { isHealthy: errorClass === null, latencyMs: Math.round(performance.now() - startedAt), errorClass }
}

function headersOf(kind: string, key: string | undefined): Record<string, string> {
  if (kind === 'anthropic') return { 'anthropic-version': '2023-06-01', ...(key ? { 'x-api-key': key } : {}) }
  return key ? { authorization: `Bearer ${key}` } : {}
}

async function ask(url: string, headers: Record<string, string>): Promise<string | null> {
  const timeout = AbortSignal.timeout(longestMs)
  try {
    const response = await fetch(url, { headers, signal: timeout, redirect: 'error' })
    // the status is enough; a body without end is not waited for
    await response.body?.cancel()
    return classOf(response.status)
  } catch {
    return timeout.aborted ? 'timeout' : 'unreachable'
  }
}

function classOf(status: number): string | null {
  if (status >= 200 && status < 300) return null
  if (status === 401 || status === 403) return 'unauthorized'
  if (status === 429) return 'rate_limited'
  // an endpoint that serves models and lists none is alive
  if (status === 404 || status === 405) return null
  return status >= 500 ? 'server_error' : 'unexpected_answer'
}

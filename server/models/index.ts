// Models that answer: the built-in echo, and those behind OpenAI-compatible endpoints.

import { createOutgoing, type Outgoing } from '../outgoing.ts'
import { echoModel } from './echo.ts'
import type { ChatModel } from './types.ts'

/** What the database says of a model. */
export type ModelRow = {
  provider: 'builtin' | 'openai'
  base_url: string | null
  api_key_variable: string | null
  model_name: string
  timeout_ms: number
  max_retries: number
}

const longestMs = 600_000

/** For models' endpoints: platform staff name them, and not tenants, so they may be near the server. */
export const modelOutgoing = (): Outgoing =>
  createOutgoing({
    allow: ['0.0.0.0/0', '::/0'],
    limits: { headersMs: longestMs, bodyMs: longestMs, totalMs: longestMs, connectionsPerHost: 64 },
  })

/** `ownKey` is the tenant's own key for the provider; without one the platform's is used. */
export async function modelFor(row: ModelRow, ownKey: string | null, outgoing: Outgoing): Promise<ChatModel> {
  if (row.provider === 'builtin' || row.base_url === null) return echoModel
  // the client is large, and who calls no model does not load it
  const { createOpenAiModel } = await import('./openai.ts')
  return createOpenAiModel(
    {
      baseUrl: row.base_url,
      // the platform's key is nowhere but in the environment
      apiKey: ownKey ?? (row.api_key_variable ? (process.env[row.api_key_variable] ?? null) : null),
      modelName: row.model_name,
      timeoutMs: row.timeout_ms,
      maxRetries: row.max_retries,
    },
    outgoing,
  )
}

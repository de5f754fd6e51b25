// Embedders outside the database: any OpenAI-compatible endpoint (OpenAI, Ollama, vLLM, TEI). The built-in one lives in
// SQL, knowledge.hashing_embedding, so that every door has it.

import { createOpenAiEmbedder } from './openai.ts'
import type { Embedder } from './types.ts'

/** What the database says of a model that is an endpoint. */
export type ModelRow = {
  base_url: string
  api_key_variable: string | null
  model_name: string
  dimension: number
  batch_size: number
  timeout_ms: number
}

/** `ownKey` is the tenant's own key for the provider; without one the platform's is used. */
export function embedderFor(row: ModelRow, maxRetries: number, ownKey: string | null = null): Embedder {
  return createOpenAiEmbedder({
    baseUrl: row.base_url,
    // the platform's key is nowhere but in the environment
    apiKey: ownKey ?? (row.api_key_variable ? (process.env[row.api_key_variable] ?? null) : null),
    modelName: row.model_name,
    dimension: row.dimension,
    batchSize: row.batch_size,
    timeoutMs: row.timeout_ms,
    maxRetries,
  })
}

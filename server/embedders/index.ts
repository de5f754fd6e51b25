// Embedders outside the database: any OpenAI-compatible endpoint (OpenAI, Ollama, vLLM, TEI). The built-in one lives in
// SQL, app_hidden.hashing_embedding, so that every door has it.

import { createOpenAiEmbedder } from './openai.ts'

export type EmbeddingModel = {
  baseUrl: string
  apiKey: string | null
  modelName: string
  dimension: number
  batchSize: number
  timeoutMs: number
  maxRetries: number
}

export type Embedder = {
  /** Unit vectors, one a text, in the order of the texts. */
  embed: (texts: string[], signal?: AbortSignal) => Promise<{ vectors: number[][]; tokenCount: number | null }>
}

export const embedderFor = (model: EmbeddingModel): Embedder => createOpenAiEmbedder(model)

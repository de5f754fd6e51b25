// What an embedder is, and what it must be told.

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

// What an endpoint's embedding used, as an event for metering.record_embedding. The model that is built in uses nothing.

export type EmbeddingUse = {
  idempotencyKey: string
  modelId: string
  texts: string[]
  /** What the endpoint counted; null when it does not say. */
  tokenCount: number | null
  userId?: string | undefined
  apiKeyId?: string | undefined
}

/** About the length of a token in English: an estimate for endpoints that do not count. */
const charactersPerToken = 4

export function embeddingEvent({ idempotencyKey, modelId, texts, tokenCount, userId, apiKeyId }: EmbeddingUse) {
  const characters = texts.reduce((sum, text) => sum + text.length, 0)
  return JSON.stringify({
    idempotency_key: idempotencyKey,
    model_id: modelId,
    quantity: Math.max(1, Math.round(tokenCount ?? characters / charactersPerToken)),
    user_id: userId || null,
    api_key_id: apiKeyId || null,
    metadata: { texts: texts.length, is_estimated: tokenCount === null },
  })
}

// POST {baseUrl}/embeddings as OpenAI defines it. What may pass by itself (429, 5xx, a broken connection, silence) is
// tried again after a growing, scattered pause, or the one the server asks for; everything else is an error at once.

import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Embedder, EmbeddingModel } from './types.ts'

const answerShape = z.object({
  data: z.array(z.object({ index: z.number().int().nonnegative().optional(), embedding: z.array(z.number()) })),
  // a count that cannot be one is as good as none
  usage: z
    .object({ total_tokens: z.number().int().min(0).max(1e9).nullish().catch(null) })
    .nullish()
    .catch(null),
})

/** Endpoints count tokens; this many characters stay below their limits even in scripts that need a token a character. */
const longestBatch = 100_000
const longestPauseMs = 60_000

export class EmbedderError extends Error {}

type Options = { firstPauseMs?: number; random?: () => number }

export function createOpenAiEmbedder(model: EmbeddingModel, options: Options = {}): Embedder {
  const { firstPauseMs = 500, random = Math.random } = options
  const url = `${model.baseUrl.replace(/\/+$/, '')}/embeddings`

  async function request(texts: string[], signal: AbortSignal | undefined): Promise<z.infer<typeof answerShape>> {
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await tryOnce(texts, signal)
      if ('answer' in outcome) return outcome.answer
      if (!outcome.isPassing || attempt >= model.maxRetries) throw new EmbedderError(outcome.problem)
      const growing = firstPauseMs * 2 ** attempt * (0.5 + random() / 2)
      await pause(Math.min(outcome.retryAfterMs ?? growing, longestPauseMs), undefined, signal ? { signal } : {})
    }
  }

  type Outcome =
    | { answer: z.infer<typeof answerShape> }
    | { problem: string; isPassing: boolean; retryAfterMs?: number | undefined }

  async function tryOnce(texts: string[], signal: AbortSignal | undefined): Promise<Outcome> {
    const timeout = AbortSignal.timeout(model.timeoutMs)
    let response: Response
    let body: string
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(model.apiKey ? { authorization: `Bearer ${model.apiKey}` } : {}),
        },
        body: JSON.stringify({ model: model.modelName, input: texts, encoding_format: 'float' }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        redirect: 'error',
      })
      body = await response.text()
    } catch {
      signal?.throwIfAborted()
      const problem = timeout.aborted ? `did not answer within ${model.timeoutMs} ms` : 'cannot be reached'
      return { problem: `The embedding endpoint ${problem}.`, isPassing: true }
    }
    if (!response.ok) {
      return {
        problem: `The embedding endpoint answered ${response.status}.${hintFor(response.status)}`,
        isPassing: response.status === 429 || response.status >= 500,
        retryAfterMs: retryAfter(response.headers.get('retry-after')),
      }
    }
    const parsed = answerShape.safeParse(parseJson(body))
    if (!parsed.success)
      return { problem: 'The embedding endpoint answered with something that is not embeddings.', isPassing: false }
    return { answer: parsed.data }
  }

  return {
    embed: async (texts, signal) => {
      const vectors: number[][] = []
      let tokenCount: number | null = 0
      for (const batch of batches(texts, model.batchSize)) {
        const { data, usage } = await request(batch, signal)
        if (data.length !== batch.length) {
          throw new EmbedderError(`The embedding endpoint gave ${data.length} vectors for ${batch.length} texts.`)
        }
        vectors.push(...inOrder(data).map((embedding) => unit(embedding, model)))
        tokenCount = tokenCount === null || usage?.total_tokens == null ? null : tokenCount + usage.total_tokens
      }
      return { vectors, tokenCount }
    },
  }
}

/** Servers may answer in any order. An index that is missing from the answer would give a text another one's vector. */
function inOrder(data: z.infer<typeof answerShape>['data']): number[][] {
  const ordered: number[][] = []
  data.forEach(({ index, embedding }, position) => {
    ordered[index ?? position] = embedding
  })
  if (ordered.length !== data.length || Object.keys(ordered).length !== data.length)
    throw new EmbedderError('The embedding endpoint numbered its vectors wrongly.')
  return ordered
}

function* batches(texts: string[], size: number): Generator<string[]> {
  let batch: string[] = []
  let length = 0
  for (const text of texts) {
    if (batch.length > 0 && (batch.length >= size || length + text.length > longestBatch)) {
      yield batch
      batch = []
      length = 0
    }
    batch.push(text)
    length += text.length
  }
  if (batch.length > 0) yield batch
}

function unit(vector: number[], model: EmbeddingModel): number[] {
  if (vector.length !== model.dimension) {
    throw new EmbedderError(
      `The model ${model.modelName} gives ${vector.length} dimensions, but is registered with ${model.dimension}. Correct llm_models.dimension.`,
    )
  }
  const norm = Math.hypot(...vector)
  if (!Number.isFinite(norm) || norm === 0)
    throw new EmbedderError(`The model ${model.modelName} gave a vector without a direction.`)
  return vector.map((component) => component / norm)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Seconds, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (!header) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

function hintFor(status: number): string {
  if (status === 401 || status === 403)
    return ' Check the key in the variable that llm_providers.api_key_variable names.'
  if (status === 404) return ' Check llm_providers.base_url and llm_models.provider_model_name.'
  return ''
}

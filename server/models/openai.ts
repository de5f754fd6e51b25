// Models behind OpenAI-compatible endpoints, by OpenAI's own client. Its requests go through outgoing.ts, so bytes and time are
// bounded and no redirect is followed, and they carry nothing of the worker's environment.

import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai'
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions'
import { z } from 'zod'
import { type Outgoing, OutgoingError } from '../outgoing.ts'
import { redactor } from '../redaction.ts'
import { type ChatAnswer, type ChatModel, ModelError, type TokenUse } from './types.ts'

export type Endpoint = {
  baseUrl: string
  apiKey: string | null
  modelName: string
  timeoutMs: number
  maxRetries: number
}

/** Far more than any model writes at once. */
const largestBytes = 16_000_000
const longestQuote = 300
/** Of what the client sends, the endpoint gets this. */
const sentHeaders = ['accept', 'authorization', 'content-type', 'idempotency-key']

export function createOpenAiModel(endpoint: Endpoint, outgoing: Outgoing): ChatModel {
  const { apiKey, baseUrl, modelName, timeoutMs, maxRetries } = endpoint
  const client = new OpenAI({
    apiKey: apiKey ?? 'none',
    baseURL: baseUrl.replace(/\/+$/, ''),
    timeout: timeoutMs,
    maxRetries,
    fetch: fetchBy(outgoing, apiKey !== null),
    // else the client takes them from the environment
    ...{ adminAPIKey: null, organization: null, project: null, webhookSecret: null, logLevel: 'off' },
  })
  const redact = redactor(apiKey === null ? [] : [apiKey])

  return {
    answer: async ({ isStreamed, ...request }, { idempotencyKey, signal, onText }) => {
      const params = withoutUndefined({ ...request, model: modelName }) as ChatCompletionCreateParamsNonStreaming
      const options = { signal, headers: { 'idempotency-key': idempotencyKey } }
      try {
        return isStreamed ? await stream(client, params, options, onText) : await ask(client, params, options)
      } catch (error) {
        signal.throwIfAborted()
        throw modelError(error, redact)
      }
    },
  }
}

type Options = { signal: AbortSignal; headers: Record<string, string> }

async function ask(
  client: OpenAI,
  params: ChatCompletionCreateParamsNonStreaming,
  options: Options,
): Promise<ChatAnswer> {
  return answerOf(await client.chat.completions.create(params, options), null)
}

// The client's own collector of streams parses JSON at each piece, and fails where an answer is none; that is for the step to say.
async function stream(
  client: OpenAI,
  params: ChatCompletionCreateParamsNonStreaming,
  options: Options,
  onText: (piece: string) => void = () => {},
): Promise<ChatAnswer> {
  const startedAt = performance.now()
  let firstTokenMs: number | null = null
  let usage: unknown
  let finish_reason: string | undefined
  let content = ''
  const calls = new Map<number, { id: string; function: { name: string; arguments: string } }>()
  const asked = { ...params, stream: true, stream_options: { include_usage: true } } as const
  for await (const chunk of await client.chat.completions.create(asked, options)) {
    firstTokenMs ??= Math.round(performance.now() - startedAt)
    usage = chunk.usage ?? usage
    const choice = chunkShape.parse(chunk).choices[0]
    finish_reason = choice?.finish_reason ?? finish_reason
    const piece = choice?.delta?.content ?? choice?.delta?.refusal ?? ''
    content += piece
    if (piece !== '') onText(piece)
    for (const { index, id, function: part } of choice?.delta?.tool_calls ?? []) {
      const call = calls.get(index) ?? { id: '', function: { name: '', arguments: '' } }
      calls.set(index, call)
      call.id ||= id ?? ''
      call.function.name += part?.name ?? ''
      call.function.arguments += part?.arguments ?? ''
    }
  }
  if (finish_reason === undefined) throw new ModelError('unreadable', 'The answer of the model broke off.')
  return answerOf(
    { usage, choices: [{ message: { content, tool_calls: [...calls.values()] }, finish_reason }] },
    firstTokenMs,
  )
}

const chunkShape = z.object({
  choices: z.array(
    z.object({
      delta: z
        .object({
          content: z.string().nullish(),
          refusal: z.string().nullish(),
          tool_calls: z
            .array(
              z.object({
                index: z.number(),
                id: z.string().nullish(),
                function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish(),
              }),
            )
            .nullish(),
        })
        .nullish(),
      finish_reason: z.string().nullish(),
    }),
  ),
})

function fetchBy(outgoing: Outgoing, hasKey: boolean) {
  return async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const given = new Headers(init.headers)
    if (!hasKey) given.delete('authorization')
    const { status, headers, body } = await outgoing.call(String(url), {
      method: init.method ?? 'GET',
      headers: Object.fromEntries([...given].filter(([name]) => sentHeaders.includes(name))),
      body: init.body as string | undefined,
      largestBytes,
      signal: init.signal ?? undefined,
    })
    const { 'content-encoding': _unpacked, 'content-length': _packed, ...plain } = headers
    return new Response(ReadableStream.from(body), { status: Math.max(status, 200), headers: plain })
  }
}

const count = z.number().int().min(0).max(1e9).nullish().catch(null)
const answerShape = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({
          content: z.string().nullish(),
          refusal: z.string().nullish(),
          tool_calls: z
            .array(
              z.object({ id: z.string().max(200), function: z.object({ name: z.string(), arguments: z.string() }) }),
            )
            .nullish(),
        }),
        finish_reason: z.string().max(50).nullish(),
      }),
    )
    .min(1),
  usage: z
    .object({
      prompt_tokens: count,
      completion_tokens: count,
      prompt_tokens_details: z.object({ cached_tokens: count }).nullish().catch(null),
      completion_tokens_details: z.object({ reasoning_tokens: count }).nullish().catch(null),
    })
    .nullish()
    .catch(null),
})

function answerOf(completion: unknown, firstTokenMs: number | null): ChatAnswer {
  const parsed = answerShape.safeParse(completion)
  const choice = parsed.data?.choices[0]
  if (!choice) throw new ModelError('unreadable', 'The model answered with something that is no chat completion.')
  return {
    text: choice.message.content ?? choice.message.refusal ?? '',
    toolCalls: (choice.message.tool_calls ?? []).map(({ id, function: { name, arguments: text } }) => ({
      ...{ id, name },
      arguments: text,
    })),
    finishReason: choice.finish_reason ?? 'stop',
    use: useOf(parsed.data?.usage),
    firstTokenMs,
  }
}

/** Endpoints count cached and reasoning tokens among the others. What one does not say is none. */
function useOf(usage: z.infer<typeof answerShape>['usage']): TokenUse {
  const prompt = usage?.prompt_tokens ?? 0
  const completion = usage?.completion_tokens ?? 0
  const cached = Math.min(usage?.prompt_tokens_details?.cached_tokens ?? 0, prompt)
  const reasoning = Math.min(usage?.completion_tokens_details?.reasoning_tokens ?? 0, completion)
  return {
    input_tokens: prompt - cached,
    cached_input_tokens: cached,
    output_tokens: completion - reasoning,
    reasoning_tokens: reasoning,
  }
}

function modelError(error: unknown, redact: (text: string) => string): ModelError {
  if (error instanceof ModelError) return error
  const outgoing = causeOf(error)
  if (outgoing?.fault === 'size') return new ModelError('too_large', 'The model answered with too many bytes.')
  if (error instanceof APIConnectionTimeoutError || outgoing?.fault === 'time')
    return new ModelError('timeout', 'The model did not answer in time.')
  if (error instanceof APIConnectionError || outgoing)
    return new ModelError('unavailable', 'The model cannot be reached.')
  if (error instanceof APIError && error.status !== undefined) return statusError(error.status, redact(error.message))
  return new ModelError('unreadable', 'The model answered with something that is no chat completion, or broke off.')
}

function statusError(status: number, message: string): ModelError {
  const said = `The model's endpoint answered ${message.slice(0, longestQuote)}`
  if (status === 401 || status === 403) return new ModelError('unauthorized', `${said} Check the key of the provider.`)
  if (status === 429) return new ModelError('rate_limited', said)
  return new ModelError(status >= 500 ? 'unavailable' : 'refused', said)
}

function causeOf(error: unknown): OutgoingError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof OutgoingError) return at
  return undefined
}

const withoutUndefined = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined))

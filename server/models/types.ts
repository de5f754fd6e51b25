// What a model that answers is, in the words of OpenAI's chat completions, which most endpoints speak.

import type { ChatCompletionCreateParams, ChatCompletionMessageParam } from 'openai/resources/chat/completions'

export type ChatMessage = ChatCompletionMessageParam

export type ChatRequest = Pick<
  ChatCompletionCreateParams,
  | 'messages'
  | 'tools'
  | 'parallel_tool_calls'
  | 'temperature'
  | 'top_p'
  | 'frequency_penalty'
  | 'presence_penalty'
  | 'max_tokens'
  | 'stop'
  | 'response_format'
> & { isStreamed: boolean }

export type ToolCall = { id: string; name: string; arguments: string }

/** Classes that do not overlap, as metering counts them. */
export type TokenUse = {
  input_tokens: number
  cached_input_tokens: number
  output_tokens: number
  reasoning_tokens: number
}

export type ChatAnswer = {
  text: string
  toolCalls: ToolCall[]
  finishReason: string
  use: TokenUse
  /** Null when the answer came as a whole. */
  firstTokenMs: number | null
}

export type ChatCall = {
  /** The same when the same call is made again. */
  idempotencyKey: string
  signal: AbortSignal
  /** Told of the text of a streamed answer piece by piece. */
  onText?: ((piece: string) => void) | undefined
}

export type ChatModel = {
  answer: (request: ChatRequest, call: ChatCall) => Promise<ChatAnswer>
}

export type ModelFault =
  | 'unauthorized'
  | 'rate_limited'
  | 'refused'
  | 'unavailable'
  | 'timeout'
  | 'too_large'
  | 'unreadable'

/** The message may be shown to the tenant: it has no secret. */
export class ModelError extends Error {
  readonly fault: ModelFault
  constructor(fault: ModelFault, message: string) {
    super(message)
    this.fault = fault
  }
  /** Whether the same call may succeed later. */
  get isPassing(): boolean {
    return this.fault === 'rate_limited' || this.fault === 'unavailable' || this.fault === 'timeout'
  }
}

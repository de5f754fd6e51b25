// The built-in model. It needs no service and no key, and says that it knows nothing: agents and workflows can be tried with it,
// and tests have an answer that is always the same. Its tokens are words.

import type { ChatMessage, ChatModel, ChatRequest } from './types.ts'

const mostCharacters = 1_000
const deepest = 20
export const echoNotice = 'This is the built-in echo model, which knows nothing and only repeats what it was asked:'

export const echoModel: ChatModel = {
  answer: async ({ messages, response_format }, { signal }) => {
    signal.throwIfAborted()
    const asked = textOf(messages.findLast(({ role }) => role === 'user')).slice(0, mostCharacters)
    const text = `${echoNotice}\n\n${asked}`
    return {
      text: inFormat(text, response_format),
      toolCalls: [],
      finishReason: 'stop',
      use: {
        input_tokens: messages.reduce((sum, message) => sum + countWords(textOf(message)), 0),
        cached_input_tokens: 0,
        output_tokens: countWords(text),
        reasoning_tokens: 0,
      },
      firstTokenMs: null,
    }
  },
}

function inFormat(text: string, format: ChatRequest['response_format']): string {
  if (format?.type === 'json_object') return JSON.stringify({ answer: text })
  if (format?.type === 'json_schema') return JSON.stringify(valueFor(format.json_schema.schema, text))
  return text
}

type Schema = {
  type?: unknown
  enum?: unknown[]
  properties?: Record<string, Schema>
  required?: string[]
  minimum?: number
}

/** The least that fits a schema: what is required and no more, with the text where one may stand. */
function valueFor(schema: Schema = {}, text: string, depth = 0): unknown {
  if (Array.isArray(schema.enum)) return schema.enum[0]
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'array') return []
  if (type === 'boolean') return false
  if (type === 'integer' || type === 'number') return schema.minimum ?? 0
  if (type !== 'object' || depth > deepest) return type === 'string' || type === undefined ? text : null
  const required = schema.required ?? []
  return Object.fromEntries(required.map((key) => [key, valueFor(schema.properties?.[key], text, depth + 1)]))
}

const textOf = (message: ChatMessage | undefined): string =>
  typeof message?.content === 'string' ? message.content : ''

const countWords = (text: string): number => text.match(/\S+/g)?.length ?? 0

// The built-in model. It needs no service and no key, and says that it knows nothing: agents and workflows can be tried with it,
// and tests have an answer that is always the same. Its tokens are words.

import type { ChatMessage, ChatModel } from './types.ts'

const mostCharacters = 1_000
export const echoNotice = 'This is the built-in echo model, which knows nothing and only repeats what it was asked:'

export const echoModel: ChatModel = {
  answer: async ({ messages, response_format }, { signal }) => {
    signal.throwIfAborted()
    const asked = textOf(messages.findLast(({ role }) => role === 'user')).slice(0, mostCharacters)
    const text = `${echoNotice}\n\n${asked}`
    const isJson = response_format !== undefined && response_format.type !== 'text'
    return {
      text: isJson ? JSON.stringify({ answer: text }) : text,
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

const textOf = (message: ChatMessage | undefined): string =>
  typeof message?.content === 'string' ? message.content : ''

const countWords = (text: string): number => text.match(/\S+/g)?.length ?? 0

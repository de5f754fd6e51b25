// An answer while it comes: its parts as they are stored, bounded, and written in strides. A write also renews the lease of the
// answer; where there is nothing new, it only does that.

import type { ChatMessage, ToolCall } from '../models/types.ts'
import { parseArguments, storableText } from '../steps/model-calls.ts'

export type Part =
  | { kind: 'text'; text: string }
  | { kind: 'tool_call'; tool_call_id: string; tool_name: string; tool_input: unknown }
  | { kind: 'tool_result'; tool_call_id: string; tool_name: string; tool_output: unknown; is_error: boolean }

export type Draft = {
  hear: (piece: string) => void
  /** Adds what a model asked of its tools, and what they answered. */
  addTools: (calls: ToolCall[], results: ChatMessage[]) => void
  parts: () => Part[]
  /** Writes no more; resolves when the last write has ended. */
  stop: () => Promise<void>
}

export type DraftOptions = {
  /** Stores these parts, or none when nothing is new; false when the answer is not this worker's any more. */
  write: (parts: Part[] | null) => Promise<boolean>
  onLost: () => void
  /** The answer has its greatest length. */
  onFull: () => void
  strideMs: number
  renewMs: number
}

const mostCharacters = 100_000
/** Of what one tool was given, and of what it answered. */
const longestValue = 10_000
/** Of all calls of tools of an answer together. */
const mostToolCharacters = 200_000
const longestName = 255
const failure = /^Error: /

export function createDraft({ write, onLost, onFull, strideMs, renewMs }: DraftOptions): Draft {
  const parts: Part[] = []
  let characters = 0
  let toolCharacters = 0
  let isNew = false
  let lastWrite = performance.now()
  let writing: Promise<void> | undefined

  async function writeOnce(): Promise<void> {
    const news = isNew ? parts.map(storable) : null
    isNew = false
    lastWrite = performance.now()
    // what cannot be written now is written with the next stride, or with the end
    const isHeld = await write(news).catch(() => {
      isNew ||= news !== null
      return true
    })
    if (!isHeld) onLost()
  }

  const ticking = setInterval(() => {
    if (writing || !(isNew || performance.now() - lastWrite >= renewMs)) return
    writing = writeOnce().finally(() => {
      writing = undefined
    })
  }, strideMs)

  /** A value of a tool as it is shown: JSON when it is small and can be stored, else the beginning of its text. */
  function shown(value: unknown): unknown {
    const text = storableText(JSON.stringify(value ?? null))
    const room = Math.max(0, Math.min(longestValue, mostToolCharacters - toolCharacters))
    toolCharacters += Math.min(text.length, room)
    // halves of pairs and zero characters are escaped in JSON
    if (text.length > room || /\\u(0000|d[89a-f])/i.test(text)) return storableText(text.slice(0, room))
    return value ?? null
  }

  return {
    hear: (piece) => {
      const room = mostCharacters - characters
      if (piece === '' || room <= 0) return
      const last = parts.at(-1)
      const text = piece.slice(0, room)
      if (last?.kind === 'text') last.text += text
      else parts.push({ kind: 'text', text })
      characters += text.length
      isNew = true
      if (characters >= mostCharacters) onFull()
    },
    addTools: (calls, results) => {
      for (const [place, call] of calls.slice(0, results.length).entries()) {
        const content = String(results[place]?.content ?? '')
        const named = {
          tool_call_id: storableText(call.id).slice(0, longestName),
          tool_name: storableText(call.name).slice(0, longestName),
        }
        parts.push(
          { kind: 'tool_call', ...named, tool_input: shown(parseArguments(call.arguments)) },
          {
            ...{ kind: 'tool_result', ...named },
            tool_output: shown(parseArguments(content)),
            is_error: failure.test(content),
          },
        )
      }
      isNew = true
    },
    parts: () => parts.map(storable),
    stop: async () => {
      clearInterval(ticking)
      await writing
    },
  }
}

const storable = (part: Part): Part => (part.kind === 'text' ? { ...part, text: storableText(part.text) } : part)

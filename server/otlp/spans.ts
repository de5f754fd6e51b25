// A span as the database reads it (observability.read_span), and the limits of what is kept of one. Only attributes that
// may matter there are kept, so a span without one, such as that of a web request, goes no further.

import { PublicError } from '../errors.ts'

export type Value = string | number | boolean | null | Value[] | { [name: string]: Value }

export type Span = {
  trace_id: string
  span_id: string
  parent_span_id?: string
  /** Nanoseconds since 1970, as digits: they are more than a number of JavaScript holds. */
  started_ns: string
  ended_ns: string
  is_error: boolean
  status_message: string
  attributes: Record<string, Value>
}

/** What a request brought: the spans that may matter, and how many there were besides. */
export type Batch = { spans: Span[]; otherCount: number }

const mostSpans = 10_000
const mostAttributes = 128
/** Lists and objects in an attribute: deeper ones are left out, and so is what comes after so many entries. */
const deepest = 8
const mostEntries = 1_000
const longestText = 32_768

export const unreadable = (why: string): PublicError =>
  new PublicError(
    400,
    'OB431',
    `The request is no readable ExportTraceServiceRequest: ${why}.`,
    'See docs/observability.md.',
  )

export const isKept = (name: string): boolean => name.startsWith('gen_ai.') || name === 'error.type'

/** Collects spans up to the limit of a request. */
export function createBatch(): Batch & { add: (span: Span) => void } {
  const batch: Batch = { spans: [], otherCount: 0 }
  return Object.assign(batch, {
    add: (span: Span): void => {
      if (Object.keys(span.attributes).some((name) => name.startsWith('gen_ai.'))) batch.spans.push(span)
      else batch.otherCount += 1
      if (batch.spans.length + batch.otherCount > mostSpans) {
        throw new PublicError(400, 'OB430', `The request has more than ${mostSpans} spans.`, 'Send smaller batches.')
      }
    },
  })
}

/** A text that the database can store: cut, without NUL and without halves of characters. */
export const textOf = (text: string): string => text.slice(0, longestText).replaceAll('\0', '\ufffd').toWellFormed()

/** JSON knows no NaN; as a text it is no number to the database either. */
export const numberOf = (value: number): Value => (Number.isFinite(value) ? value : String(value))

/** A number of 64 bits; as a text when JavaScript's numbers cannot hold it. */
export const wholeNumber = (digits: string): Value =>
  /^-?\d+$/.test(digits) && Number.isSafeInteger(Number(digits)) ? Number(digits) : textOf(digits)

export const isRoomFor = (attributes: Record<string, Value>): boolean => Object.keys(attributes).length < mostAttributes

/** How much may still be read of one attribute. */
export type Room = { depth: number; entries: { left: number } }

export const wholeRoom = (): Room => ({ depth: deepest, entries: { left: mostEntries } })

/** The room within a list or an object, or undefined when it lies too deep. */
export const roomWithin = ({ depth, entries }: Room): Room | undefined =>
  depth > 0 ? { depth: depth - 1, entries } : undefined

/** Whether one more entry may be read. */
export const takeRoom = ({ entries }: Room): boolean => {
  entries.left -= 1
  return entries.left >= 0
}

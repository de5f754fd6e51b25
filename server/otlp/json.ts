// ExportTraceServiceRequest in JSON: names in camelCase, ids in hexadecimal digits, numbers of 64 bits as texts.

import {
  type Batch,
  createBatch,
  isKept,
  isRoomFor,
  numberOf,
  type Room,
  roomWithin,
  takeRoom,
  textOf,
  unreadable,
  type Value,
  wholeNumber,
  wholeRoom,
} from './spans.ts'

type Fields = Record<string, unknown>

export function decodeJson(text: string): Batch {
  let request: unknown
  try {
    request = JSON.parse(text)
  } catch {
    throw unreadable('it is no JSON')
  }
  const batch = createBatch()
  for (const resource of listOf(objectOf(request).resourceSpans)) {
    for (const scope of listOf(objectOf(resource).scopeSpans)) {
      for (const span of listOf(objectOf(scope).spans)) addSpan(batch, objectOf(span))
    }
  }
  return batch
}

function addSpan(batch: ReturnType<typeof createBatch>, span: Fields): void {
  const attributes: Record<string, Value> = {}
  for (const attribute of listOf(span.attributes)) {
    const { key, value } = objectOf(attribute)
    if (typeof key === 'string' && isKept(key) && isRoomFor(attributes)) {
      attributes[textOf(key)] = attributeValue(objectOf(value), wholeRoom())
    }
  }
  const status = objectOf(span.status)
  batch.add({
    trace_id: idOf(span.traceId),
    span_id: idOf(span.spanId),
    ...(span.parentSpanId ? { parent_span_id: idOf(span.parentSpanId) } : {}),
    started_ns: digitsOf(span.startTimeUnixNano),
    ended_ns: digitsOf(span.endTimeUnixNano),
    is_error: status.code === 2 || status.code === 'STATUS_CODE_ERROR',
    status_message: typeof status.message === 'string' ? textOf(status.message) : '',
    attributes,
  })
}

/** What is missing is empty, as in Protocol Buffers. */
function objectOf(value: unknown): Fields {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw unreadable('there is something else where an object must be')
  return value as Fields
}

function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw unreadable('there is something else where a list must be')
  return value
}

const idOf = (value: unknown): string => (typeof value === 'string' ? textOf(value.slice(0, 64)).toLowerCase() : '')

function digitsOf(value: unknown): string {
  const digits = typeof value === 'number' ? value.toFixed(0) : (value ?? '0')
  if (typeof digits !== 'string' || !/^\d{1,20}$/.test(digits)) throw unreadable('a time is no number of nanoseconds')
  return digits
}

function attributeValue(value: Fields, room: Room): Value {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value
  if (typeof stringValue === 'string') return textOf(stringValue)
  if (typeof boolValue === 'boolean') return boolValue
  if (typeof intValue === 'string') return wholeNumber(intValue)
  for (const number of [intValue, doubleValue]) if (typeof number === 'number') return numberOf(number)
  // "NaN" and "Infinity"
  if (typeof doubleValue === 'string') return textOf(doubleValue)
  if (typeof bytesValue === 'string') return textOf(bytesValue)
  const within = roomWithin(room)
  if (arrayValue && within) return listIn(objectOf(arrayValue), within)
  if (kvlistValue && within) return objectIn(objectOf(kvlistValue), within)
  return null
}

function listIn({ values }: Fields, room: Room): Value[] {
  const list: Value[] = []
  for (const value of listOf(values)) {
    if (!takeRoom(room)) break
    list.push(attributeValue(objectOf(value), room))
  }
  return list
}

function objectIn({ values }: Fields, room: Room): Record<string, Value> {
  const entries: [string, Value][] = []
  for (const entry of listOf(values)) {
    if (!takeRoom(room)) break
    const { key, value } = objectOf(entry)
    if (typeof key === 'string') entries.push([textOf(key), attributeValue(objectOf(value), room)])
  }
  return Object.fromEntries(entries)
}

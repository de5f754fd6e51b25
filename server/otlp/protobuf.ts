// ExportTraceServiceRequest in Protocol Buffers, read field by field with the reader of protobufjs: what is not kept is
// skipped and never becomes an object. The numbers are those of opentelemetry/proto/trace/v1/trace.proto and common.proto.

import protobuf from 'protobufjs/minimal.js'
import { PublicError } from '../errors.ts'
import {
  type Batch,
  createBatch,
  isKept,
  isRoomFor,
  numberOf,
  type Room,
  roomWithin,
  type Span,
  takeRoom,
  textOf,
  unreadable,
  type Value,
  wholeNumber,
  wholeRoom,
} from './spans.ts'

type Reader = protobuf.Reader
/** Reads the fields that it knows by their numbers; others are skipped. */
type Fields = Record<number, { wire: number; read: (reader: Reader) => void }>

const varint = 0
const fixed64 = 1
const delimited = 2

export function decodeProtobuf(bytes: Uint8Array): Batch {
  const batch = createBatch()
  try {
    const request = protobuf.Reader.create(bytes)
    readFields(request, bytes.length, {
      1: message(() => ({
        2: message(() => ({ 2: { wire: delimited, read: (reader) => batch.add(readSpan(reader)) } })),
      })),
    })
  } catch (error) {
    // the reader's own errors say where it stopped, and nothing of the content
    if (error instanceof PublicError) throw error
    throw unreadable(error instanceof RangeError ? 'it ends too early' : 'its fields are damaged')
  }
  return batch
}

function readFields(reader: Reader, end: number, fields: Fields): void {
  while (reader.pos < end) {
    const tag = reader.uint32()
    const field = fields[tag >>> 3]
    if (tag >>> 3 === 0) throw new Error('There is no field 0.')
    if (field && field.wire === (tag & 7)) field.read(reader)
    else reader.skipType(tag & 7)
  }
  if (reader.pos > end) throw new RangeError('A field ends after its message.')
}

/** The end of the message that begins here, which must lie in what there is. */
function endOf(reader: Reader): number {
  const length = reader.uint32()
  if (length > reader.len - reader.pos) throw new RangeError('A message ends after the request.')
  return reader.pos + length
}

const message = (fields: () => Fields): Fields[number] => ({
  wire: delimited,
  read: (reader) => readFields(reader, endOf(reader), fields()),
})

function readSpan(reader: Reader): Span {
  const span: Span = {
    trace_id: '',
    span_id: '',
    started_ns: '0',
    ended_ns: '0',
    is_error: false,
    status_message: '',
    attributes: {},
  }
  readFields(reader, endOf(reader), {
    1: { wire: delimited, read: (r) => (span.trace_id = idOf(r)) },
    2: { wire: delimited, read: (r) => (span.span_id = idOf(r)) },
    4: { wire: delimited, read: (r) => (span.parent_span_id = idOf(r)) },
    7: { wire: fixed64, read: (r) => (span.started_ns = r.fixed64().toString()) },
    8: { wire: fixed64, read: (r) => (span.ended_ns = r.fixed64().toString()) },
    9: { wire: delimited, read: (r) => readAttribute(r, span.attributes) },
    15: message(() => ({
      2: { wire: delimited, read: (r) => (span.status_message = textOf(r.string())) },
      3: { wire: varint, read: (r) => (span.is_error = r.int32() === 2) },
    })),
  })
  return span
}

/** An id as hexadecimal digits; one of a wrong length is of no use, however long it is. */
const idOf = (reader: Reader): string => Buffer.from(reader.bytes().subarray(0, 32)).toString('hex')

function readAttribute(reader: Reader, attributes: Record<string, Value>): void {
  const end = endOf(reader)
  let name = ''
  let value: Value = null
  readFields(reader, end, {
    1: { wire: delimited, read: (r) => (name = textOf(r.string())) },
    2: { wire: delimited, read: (r) => (value = name === '' || isKept(name) ? readValue(r, wholeRoom()) : skip(r)) },
  })
  if (isKept(name) && isRoomFor(attributes)) attributes[name] = value
}

function skip(reader: Reader): null {
  reader.skipType(delimited)
  return null
}

function readValue(reader: Reader, room: Room): Value {
  const end = endOf(reader)
  const within = roomWithin(room)
  let value: Value = null
  readFields(reader, end, {
    1: { wire: delimited, read: (r) => (value = textOf(r.string())) },
    2: { wire: varint, read: (r) => (value = r.bool()) },
    3: { wire: varint, read: (r) => (value = wholeNumber(r.int64().toString())) },
    4: { wire: fixed64, read: (r) => (value = numberOf(r.double())) },
    5: { wire: delimited, read: (r) => (value = within ? readList(r, within) : skip(r)) },
    6: { wire: delimited, read: (r) => (value = within ? readObject(r, within) : skip(r)) },
    7: { wire: delimited, read: (r) => (value = textOf(Buffer.from(r.bytes()).toString('base64'))) },
  })
  return value
}

function readList(reader: Reader, room: Room): Value[] {
  const values: Value[] = []
  readFields(reader, endOf(reader), {
    1: {
      wire: delimited,
      read: (r) => {
        if (takeRoom(room)) values.push(readValue(r, room))
        else skip(r)
      },
    },
  })
  return values
}

function readObject(reader: Reader, room: Room): Record<string, Value> {
  const entries: [string, Value][] = []
  const readEntry = (r: Reader): void => {
    let name = ''
    let value: Value = null
    readFields(r, endOf(r), {
      1: { wire: delimited, read: (within) => (name = textOf(within.string())) },
      2: { wire: delimited, read: (within) => (value = readValue(within, room)) },
    })
    entries.push([name, value])
  }
  readFields(reader, endOf(reader), {
    1: { wire: delimited, read: (r) => void (takeRoom(room) ? readEntry(r) : skip(r)) },
  })
  return Object.fromEntries(entries)
}

/** The answer: ExportTraceServiceResponse, empty when all is well. */
export function encodeResponse(rejectedCount: number, errorMessage: string): Uint8Array {
  const writer = protobuf.Writer.create()
  if (rejectedCount > 0) {
    writer.uint32(10).fork().uint32(8).int64(rejectedCount).uint32(18).string(errorMessage).ldelim()
  }
  return writer.finish()
}

/** The body of an error: google.rpc.Status. */
export const encodeStatus = (code: number, text: string): Uint8Array =>
  protobuf.Writer.create().uint32(8).int32(code).uint32(18).string(text).finish()

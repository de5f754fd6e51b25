// Files over HTTP: PUT /files/<ticket> takes the bytes of one, GET /files/<document> gives them back, GET /files/exports/<ticket>
// gives the file of an export once, and GET /files/reports/<ticket> the result of a report. Who may, and what becomes of a file, is
// the database's; here is what keeps many of them at once from filling the memory or holding connections.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Pool, QueryResultRow } from 'pg'
import { type Caller, createAsk } from './asking.ts'
import { PublicError } from './errors.ts'
import { sendJson } from './http-basics.ts'
import { ParseError, typeFoundIn } from './parsers/index.ts'
import { type Format, fileOf, type NamedResult } from './reports/files.ts'
import { createShares, type Shares } from './shares.ts'

type Ticket = { file_name: string; media_type: string | null; size_bytes: number }
type Receipt = { external_id: string; document_id: string; outcome: string }
type ExportFile = { export_id: string; file_name: string; size_bytes: string; part_count: number }
type FileHeader = { file_name: string; media_type: string; size_bytes: number }
type StoredFile = FileHeader & { content_hash: Uint8Array }

/** Each holds a whole file, of which there is a copy while it is sent to the database: at most 50 MB each. */
const uploadsAtOnce = { total: 4, perKey: 2, mostWaitingPerKey: 50, longestWaitMs: 30_000 }
/** Each holds a part of a file or two. */
const downloadsAtOnce = { total: 40, perKey: 20, mostWaitingPerKey: 50, longestWaitMs: 30_000 }
/** So long nothing may come of a file that is sent, or be taken of one that is read. */
const longestSilenceMs = 15_000
/** So much of a file says what it is. */
const headBytes = 64 * 1024
const partBytes = 1024 * 1024

export function createFiles(pool: Pool, sharesOfWork: Shares) {
  const uploads = createShares(uploadsAtOnce)
  const downloads = createShares(downloadsAtOnce)

  const askOnce = createAsk(pool, sharesOfWork)
  const ask = <R extends QueryResultRow>(caller: Caller, text: string, values: unknown[]) =>
    askOnce<R>(caller, { text, values })

  async function upload(request: IncomingMessage, response: ServerResponse, id: string, caller: Caller): Promise<void> {
    const ticket = (await ask<Ticket>(caller, 'select * from knowledge.begin_upload($1)', [id])) as Ticket
    const leave = await uploads.enter(caller.key, caller.signal)
    try {
      const { bytes, type } = await receiveFile(request, ticket)
      const receipt = await ask<Receipt>(
        caller,
        'select external_id, document_id, outcome from knowledge.finish_upload($1, $2, $3)',
        [id, bytes, type],
      )
      const { external_id: externalId, document_id: documentId, outcome } = receipt as Receipt
      sendJson(response, outcome === 'created' ? 201 : 200, { documentId, externalId, outcome })
    } finally {
      leave()
    }
  }

  async function download(response: ServerResponse, id: string, caller: Caller): Promise<void> {
    const file = await ask<StoredFile>(caller, 'select * from knowledge.original_file($1)', [id])
    if (!file)
      throw new PublicError(404, 'KN304', 'There is no such file.', 'A document that was given as text has none.')
    const leave = await downloads.enter(caller.key, caller.signal)
    try {
      await send(response, file, partsOf(id, file, caller))
    } finally {
      leave()
    }
  }

  async function downloadExport(response: ServerResponse, ticket: string, caller: Caller): Promise<void> {
    const leave = await downloads.enter(caller.key, caller.signal)
    try {
      // the link is used from here on, also when the client hangs up
      const file = (await ask<ExportFile>(caller, 'select * from governance.begin_download($1)', [
        ticket,
      ])) as ExportFile
      const { file_name, size_bytes } = file
      await send(
        response,
        { file_name, media_type: 'application/zip', size_bytes: Number(size_bytes) },
        partsOfExport(file, caller),
      )
    } finally {
      leave()
    }
  }

  async function downloadReport(response: ServerResponse, ticket: string, caller: Caller): Promise<void> {
    const leave = await downloads.enter(caller.key, caller.signal)
    try {
      const result = (await ask<NamedResult & { format: Format }>(
        caller,
        'select * from observability.begin_report_download($1)',
        [ticket],
      )) as NamedResult & { format: Format }
      const file = await fileOf(result, result.format)
      if (!file)
        throw new PublicError(
          409,
          'OB584',
          'This result has no chart.',
          'A chart is of one dimension and 1 to 5 numbers.',
        )
      await send(response, { ...file, size_bytes: file.content.length }, [file.content])
    } finally {
      leave()
    }
  }

  async function* partsOfExport({ export_id, part_count }: ExportFile, caller: Caller) {
    for (let number = 0; number < part_count; number += 1) {
      const row = await ask<{ part: Uint8Array | null }>(caller, 'select governance.part_of_export($1, $2) as part', [
        export_id,
        number,
      ])
      if (!row?.part) throw new Error('The export was deleted while its file was read.')
      yield row.part
    }
  }

  async function* partsOf(id: string, { size_bytes, content_hash }: StoredFile, caller: Caller) {
    for (let start = 0; start < size_bytes; start += partBytes) {
      const row = await ask<{ part: Uint8Array | null }>(
        caller,
        'select knowledge.part_of_file($1, $2, $3, $4) as part',
        [id, content_hash, start, partBytes],
      )
      // the length was said, so that what ends here is seen to be broken
      if (!row?.part) throw new Error('The document was replaced while its file was read.')
      yield row.part
    }
  }

  return {
    serve: async (request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void> => {
      const address = /^\/files\/(?:(exports|reports)\/)?([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/i.exec(
        request.url ?? '',
      )
      const [, kind, id] = address ?? []
      if (!id || (kind && request.method !== 'GET'))
        throw new PublicError(404, 'WB301', 'There is nothing at this address.', 'A file is at /files/<id>.')
      if (kind?.toLowerCase() === 'exports') return downloadExport(response, id, caller)
      if (kind) return downloadReport(response, id, caller)
      if (request.method === 'PUT') return upload(request, response, id, caller)
      if (request.method === 'GET') return download(response, id, caller)
      response.setHeader('allow', 'GET, PUT')
      throw new PublicError(405, 'WB407', 'Files are sent by PUT and read by GET.', 'docs/api.md shows how.')
    },
  }
}

/** The bytes of a file, never more than its ticket says, and what they are; refused as soon as they show that they are of no use. */
export async function receiveFile(
  request: Readable & { headers?: IncomingMessage['headers'] },
  { file_name: name, media_type: mediaType, size_bytes: size }: Ticket,
  silenceMs = longestSilenceMs,
): Promise<{ bytes: Uint8Array; type: string }> {
  const announced = request.headers?.['content-length']
  if (announced !== undefined && Number(announced) !== size) throw wrongSize(name, size)
  const bytes = Buffer.allocUnsafeSlow(size)
  let length = 0
  let type: string | undefined
  const silence = setTimeout(() => request.destroy(new Error('Nothing more came of the file.')), silenceMs)
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (length + chunk.length > size) throw wrongSize(name, size)
      chunk.copy(bytes, length)
      length += chunk.length
      if (type === undefined && length >= Math.min(headBytes, size))
        type = readableType({ name, bytes: bytes.subarray(0, length), ...(mediaType ? { mediaType } : {}) })
      silence.refresh()
    }
  } finally {
    clearTimeout(silence)
  }
  if (length !== size || type === undefined) throw wrongSize(name, size)
  return { bytes, type }
}

function readableType(file: Parameters<typeof typeFoundIn>[0]): string {
  try {
    return typeFoundIn(file)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    throw new PublicError(
      415,
      'KN406',
      `${file.name}: ${error.message}`,
      'docs/files.md lists the types that are read.',
    )
  }
}

const wrongSize = (name: string, size: number): PublicError =>
  new PublicError(
    400,
    'KN405',
    `${name} has not the ${size} bytes that its ticket says.`,
    'Send the whole file, or prepare the upload again with its size.',
  )

async function send(
  response: ServerResponse,
  file: FileHeader,
  parts: AsyncIterable<Uint8Array> | Uint8Array[],
): Promise<void> {
  response.writeHead(200, headersOf(file))
  response.setTimeout(longestSilenceMs, () => response.destroy())
  await pipeline(Readable.from(parts, { objectMode: false }), response)
}

/** A file is somebody's: it is saved, never shown as a page of ours, and kept by no cache. */
function headersOf({ file_name: name, media_type, size_bytes }: FileHeader): Record<string, string | number> {
  const type = /^[\w.+-]+\/[\w.+-]+/.exec(media_type)?.[0] ?? 'application/octet-stream'
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return {
    'content-type': type,
    'content-length': size_bytes,
    'content-disposition': `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`,
    'content-security-policy': "sandbox; default-src 'none'",
    'cache-control': 'private, no-store',
  }
}

// The file of an export: a ZIP of JSON lines, one file a table, of the files that rows hold, and of a manifest. It is written as it is
// read, page by page and part by part, so that an export of any size takes the same memory.

import { createHash, type Hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { QueryResultRow } from 'pg'
import { ZipFile } from 'yazl'

/** One statement on a connection that is held no longer than it takes. */
export type Ask = <R extends QueryResultRow>(text: string, values: unknown[]) => Promise<R[]>
type Export = { tenantId: string; exportId: string }
type Table = { attempt: number; table_name: string; file_columns: string[] }
type Row = { line: Record<string, unknown>; key: unknown[] }
type Manifest = { tables: Record<string, { rows: number; sha256: string }>; files: number; bytes: number }

const partBytes = 1024 * 1024

/** Writes an export; returns false when it was cancelled, or is begun anew elsewhere. */
export async function writeExport(ask: Ask, { tenantId, exportId }: Export): Promise<boolean> {
  const tables = await ask<Table>('select * from governance.begin_export($1, $2)', [tenantId, exportId])
  const attempt = tables[0]?.attempt
  if (attempt === undefined) return false
  const progress = { tablesDone: 0, rows: 0 }
  const manifest: Manifest = { tables: {}, files: 0, bytes: 0 }
  const zip = new ZipFile()
  const adding = addEntries()
  // Who reads the ZIP below sees its error.
  adding.catch((error: unknown) => (zip.outputStream as Readable).destroy(error as Error))

  async function addEntries(): Promise<void> {
    for (const { table_name: table, file_columns: columns } of tables) {
      const hash = createHash('sha256')
      const before = progress.rows
      await addStream(zip, `${table}.jsonl`, linesOf(table, hash))
      for await (const file of filesOf(table, columns)) {
        await addStream(zip, file.path, partsOf(table, file))
        manifest.files += 1
        manifest.bytes += file.size
      }
      manifest.tables[table] = { rows: progress.rows - before, sha256: hash.digest('hex') }
      progress.tablesDone += 1
    }
    zip.addBuffer(Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`), 'manifest.json')
    zip.end()
  }

  async function* pagesOf(table: string): AsyncGenerator<Row[]> {
    for (let after: string | null = null; ; ) {
      const page: Row[] = await ask<Row>('select line, key from governance.export_page($1, $2, $3, $4)', [
        tenantId,
        exportId,
        table,
        after,
      ])
      const last = page.at(-1)
      if (!last) return
      yield page
      after = JSON.stringify(last.key)
    }
  }

  async function* linesOf(table: string, hash: Hash): AsyncGenerator<Buffer> {
    for await (const page of pagesOf(table)) {
      const text = Buffer.from(page.map(({ line }) => `${JSON.stringify(line)}\n`).join(''))
      hash.update(text)
      progress.rows += page.length
      yield text
    }
  }

  async function* filesOf(table: string, columns: string[]): AsyncGenerator<StoredFile> {
    if (columns.length === 0) return
    for await (const page of pagesOf(table)) yield* page.flatMap((row) => filesIn(row, columns))
  }

  async function* partsOf(table: string, { column, key, size }: StoredFile): AsyncGenerator<Buffer> {
    for (let start = 0; start < size; start += partBytes) {
      const [row] = await ask<{ part: Buffer | null }>(
        'select governance.export_file_part($1, $2, $3, $4, $5, $6, $7) as part',
        [tenantId, exportId, table, column, JSON.stringify(key), start, partBytes],
      )
      if (row?.part) yield row.part
    }
  }

  const whole = createHash('sha256')
  let partNumber = 0
  for await (const part of inParts(zip.outputStream as Readable)) {
    whole.update(part)
    const [row] = await ask<{ stored: boolean }>(
      'select governance.write_export($1, $2, $3, $4, $5, $6, $7) as stored',
      [tenantId, exportId, attempt, partNumber, part, progress.tablesDone, progress.rows],
    )
    if (!row?.stored) return false
    partNumber += 1
  }
  await adding
  const [row] = await ask<{ finished: boolean }>('select governance.finish_export($1, $2, $3, $4, $5) as finished', [
    tenantId,
    exportId,
    attempt,
    whole.digest('hex'),
    progress.rows,
  ])
  return row?.finished ?? false
}

type StoredFile = { path: string; column: string; key: unknown[]; size: number }

const filesIn = ({ line, key }: Row, columns: string[]): StoredFile[] =>
  columns.flatMap((column) => {
    // what the line says in the place of bytes, if there are some
    const value = line[column] as { file: string; size: number } | null
    return value ? [{ path: value.file, column, key, size: value.size }] : []
  })

/** Adds an entry, and resolves when it is written, so that one is read at a time. */
function addStream(zip: ZipFile, name: string, content: AsyncIterable<Buffer>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = Readable.from(content, { objectMode: false })
    stream.on('end', resolve)
    stream.on('error', reject)
    zip.addReadStream(stream, name)
  })
}

/** A stream cut into parts of a megabyte; the last is shorter. */
async function* inParts(stream: Readable): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    for (let rest = chunk; rest.length > 0; ) {
      const piece = rest.subarray(0, partBytes - length)
      rest = rest.subarray(piece.length)
      waiting.push(piece)
      length += piece.length
      if (length === partBytes) {
        yield Buffer.concat(waiting)
        waiting = []
        length = 0
      }
    }
  }
  if (length > 0) yield Buffer.concat(waiting)
}

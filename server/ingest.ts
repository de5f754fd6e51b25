// Loading files into a knowledge source: every file and every entry of a collection is a document with a key of its own,
// so a load that is repeated, or was killed, goes on where it is needed. The database decides what is new.

import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import type pg from 'pg'
import { type Actor, asUser } from './database.ts'
import { openCollection } from './parsers/collection.ts'
import { formatOf } from './parsers/index.ts'

export type Outcome = 'created' | 'replaced' | 'unchanged' | 'retried' | 'refused'
export type LoadReport = Record<Outcome, number> & { problems: string[] }
type Receipt = { external_id: string; outcome: Outcome; error: string | null }
type NewDocument = { externalId: string; title: string; text: string; metadata: object }

const largestBatch = 100
const largestBatchCharacters = 2_000_000
const largestFile = 50 * 1024 * 1024

export async function findOrCreateSource(
  pool: pg.Pool,
  actor: Actor,
  name: string,
  settings: { language?: string; chunkSize?: number; chunkOverlap?: number; embeddingModel?: string } = {},
): Promise<string> {
  return asUser(pool, actor, async (client) => {
    // the unique index decides between two who create it at once
    await client.query(
      `insert into app_public.rag_knowledge_sources (name, language, chunk_size, chunk_overlap, embedding_model)
       values ($1, $2, coalesce($3, 1000), coalesce($4, least(200, coalesce($3, 1000) / 5)), coalesce($5, 'hashing-384'))
       on conflict do nothing`,
      [name, settings.language, settings.chunkSize, settings.chunkOverlap, settings.embeddingModel],
    )
    const { rows } = await client.query<{ id: string }>(
      'select id from app_public.rag_knowledge_sources where name = normalize($1, nfc) and deleted_at is null',
      [name],
    )
    return rows[0]?.id as string
  })
}

export async function loadFiles(
  pool: pg.Pool,
  actor: Actor,
  sourceId: string,
  paths: string[],
  onProgress: (report: LoadReport) => void = () => {},
): Promise<LoadReport> {
  const report: LoadReport = { created: 0, replaced: 0, unchanged: 0, retried: 0, refused: 0, problems: [] }
  const refuse = (what: string, why: string): void => {
    report.refused += 1
    report.problems.push(`${what}: ${why}`)
    onProgress(report)
  }
  for (const path of paths) {
    for await (const { file, key } of filesBelow(path, refuse)) {
      try {
        const collection = await openCollection(file)
        if (collection) await loadCollection(pool, actor, sourceId, key, collection, report, refuse, onProgress)
        else await loadFile(pool, actor, sourceId, file, key, report)
      } catch (error) {
        // the server being gone is not the file's fault
        if (isConnectionError(error)) throw error
        refuse(key, error instanceof Error ? error.message : String(error))
      }
      onProgress(report)
    }
  }
  return report
}

/** Files below a path, with the key each is known by: its path below what was named. */
async function* filesBelow(
  path: string,
  refuse: (what: string, why: string) => void,
): AsyncGenerator<{ file: string; key: string }> {
  const info = await stat(path).catch(() => undefined)
  if (!info) {
    refuse(path, 'There is no such file.')
  } else if (!info.isDirectory()) {
    yield { file: path, key: basename(path) }
  } else {
    const entries = await readdir(path, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    for (const file of files.sort()) {
      if (
        !relative(path, file)
          .split('/')
          .some((part) => part.startsWith('.'))
      )
        yield { file, key: relative(path, file) }
    }
  }
}

async function loadFile(
  pool: pg.Pool,
  actor: Actor,
  sourceId: string,
  file: string,
  key: string,
  report: LoadReport,
): Promise<void> {
  if (!formatOf(file)) throw new Error('This type of file is not supported.')
  const { size } = await stat(file)
  if (size === 0) throw new Error('The file is empty.')
  if (size > largestFile) throw new Error('The file is larger than 50 MB. Split it.')
  const content = (await readFile(file)).toString('base64')
  const { rows } = await asUser(pool, actor, (client) =>
    client.query<{ outcome: Outcome }>('select outcome from app_public.upload_file($1, $2, $3, external_id => $4)', [
      sourceId,
      basename(file),
      content,
      key,
    ]),
  )
  report[rows[0]?.outcome as Outcome] += 1
}

async function loadCollection(
  pool: pg.Pool,
  actor: Actor,
  sourceId: string,
  key: string,
  collection: NonNullable<Awaited<ReturnType<typeof openCollection>>>,
  report: LoadReport,
  refuse: (what: string, why: string) => void,
  onProgress: (report: LoadReport) => void,
): Promise<void> {
  let batch: NewDocument[] = []
  let characters = 0
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return
    const receipts = await asUser(pool, actor, (client) =>
      client.query<Receipt>(
        'select external_id, outcome, error from app_public.create_documents($1, knowledge.new_documents($2))',
        [sourceId, JSON.stringify(batch)],
      ),
    )
    for (const { external_id, outcome, error } of receipts.rows) {
      if (outcome === 'refused') refuse(`${key}, document ${external_id}`, error ?? 'refused')
      else report[outcome] += 1
    }
    batch = []
    characters = 0
    onProgress(report)
  }
  for await (const entry of collection) {
    if ('error' in entry) {
      refuse(`${key}, line ${entry.line}`, entry.error)
      continue
    }
    if (batch.length >= largestBatch || characters + entry.text.length > largestBatchCharacters) await flush()
    batch.push(entry)
    characters += entry.text.length
  }
  await flush()
}

const isConnectionError = (error: unknown): boolean => {
  const { code } = error as { code?: string }
  return code === undefined ? false : /^(ECONN|EPIPE|08|57P)/.test(code)
}

export type Counts = { pending: number; processing: number; completed: number; failed: number }

export async function processingCounts(pool: pg.Pool, actor: Actor, sourceId: string): Promise<Counts> {
  const { rows } = await asUser(pool, actor, (client) =>
    client.query<Counts>(
      'select (app_public.rag_knowledge_sources_processing_counts(s)).* from app_public.rag_knowledge_sources s where id = $1',
      [sourceId],
    ),
  )
  return rows[0] ?? { pending: 0, processing: 0, completed: 0, failed: 0 }
}

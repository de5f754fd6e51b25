// Loading files into a knowledge source: every file and every entry of a collection is a document with a key of its own,
// so a load that is repeated, or was killed, goes on where it is needed. The database decides what is new.

import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type pg from 'pg'
import { type Actor, asUser } from './database.ts'
import { filesOf } from './ingest-files.ts'
import { createPresent, type Present, rowKeysOf } from './ingest-keys.ts'
import { isConnectionLost } from './lost-connection.ts'
import { type BadEntry, type Entry, openCollection } from './parsers/collection.ts'
import { formatOf, largestFile, mediaTypeOf } from './parsers/index.ts'
import type { Hints } from './parsers/types.ts'

export type Outcome = 'created' | 'replaced' | 'unchanged' | 'retried' | 'refused'
/** gone: the documents of the source that are not among the files; deleted: those of them that were deleted. */
export type LoadReport = Record<Outcome | 'gone' | 'deleted', number> & { problems: string[] }
type Receipt = { external_id: string; outcome: Outcome; error: string | null }
type NewDocument = { externalId: string; title: string; text: string; metadata: object }

const largestBatch = 100
const largestBatchCharacters = 2_000_000
const longestKey = 1024
const documentsAtOnce = 1000
const sameKey = 'A file and a row of another file have this key. Rename the file.'

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

type Options = {
  onProgress?: (report: LoadReport) => void
  /** Whether documents of the source that are not among the files are deleted. */
  prune?: boolean
  /** What is known of the encoding and the separator of the files. */
  hints?: Hints
}
type Load = {
  pool: pg.Pool
  actor: Actor
  sourceId: string
  report: LoadReport
  present: Present
  refuse: (what: string, why: string) => void
  progress: () => void
}

export async function loadFiles(
  pool: pg.Pool,
  actor: Actor,
  sourceId: string,
  paths: string[],
  { onProgress = () => {}, prune = false, hints = {} }: Options = {},
): Promise<LoadReport> {
  const report: LoadReport = {
    ...{ created: 0, replaced: 0, unchanged: 0, retried: 0, refused: 0, gone: 0, deleted: 0 },
    problems: [],
  }
  const refuse = (what: string, why: string): void => {
    report.refused += 1
    report.problems.push(`${what}: ${why}`)
    onProgress(report)
  }
  const present = createPresent()
  const load: Load = { pool, actor, sourceId, report, present, refuse, progress: () => onProgress(report) }
  const files = filesOf(paths, {
    refuse: (key, why) => {
      present.add(key)
      present.addUnknown(`${key}#`)
      refuse(key, why)
    },
    miss: (folder, why) => {
      present.addUnknown(folder)
      report.refused += 1
      report.problems.push(why)
    },
  })
  for await (const { file, key } of files) {
    try {
      const collection = await openCollection(file, hints)
      if (collection) await loadCollection(load, key, collection)
      else await loadFile(load, file, key, mediaTypeOf(hints))
    } catch (error) {
      // the server being gone is not the file's fault
      if (isConnectionLost(error)) throw error
      present.add(key)
      present.addUnknown(`${key}#`)
      refuse(key, error instanceof Error ? error.message : String(error))
    }
    onProgress(report)
  }
  if (prune && present.isEmpty()) {
    refuse('--prune', 'There are no files, so that it would delete every document of the source.')
    prune = false
  }
  await findGone(load, prune)
  return report
}

async function loadFile(
  { pool, actor, sourceId, report, present }: Load,
  file: string,
  key: string,
  mediaType: string | null,
): Promise<void> {
  if (!present.add(key)) throw new Error(sameKey)
  if (!formatOf(file)) throw new Error('This type of file is not supported.')
  if (key.length > longestKey) throw new Error('Its path is longer than 1,024 characters.')
  const { size } = await stat(file)
  if (size === 0) throw new Error('The file is empty.')
  if (size > largestFile) throw new Error('The file is larger than 50 MB. Split it.')
  const content = (await readFile(file)).toString('base64')
  const { rows } = await asUser(pool, actor, (client) =>
    client.query<{ outcome: Outcome }>(
      'select outcome from app_public.upload_file($1, $2, $3, media_type => $5, external_id => $4)',
      [sourceId, basename(file), content, key, mediaType],
    ),
  )
  report[rows[0]?.outcome as Outcome] += 1
}

async function loadCollection(load: Load, key: string, collection: AsyncIterable<Entry | BadEntry>): Promise<void> {
  const keyOf = rowKeysOf(key)
  let batch: NewDocument[] = []
  let characters = 0
  for await (const entry of collection) {
    if ('error' in entry) {
      // its id is not known, so it may be any of those that were loaded before
      load.present.addUnknown(`${key}#`)
      load.refuse(`${key}, line ${entry.line}`, entry.error)
      continue
    }
    if (batch.length >= largestBatch || characters + entry.text.length > largestBatchCharacters) {
      await loadBatch(load, batch)
      batch = []
      characters = 0
    }
    const externalId = keyOf(entry)
    if (!load.present.add(externalId)) {
      load.refuse(externalId, sameKey)
      continue
    }
    batch.push({ ...entry, externalId })
    characters += entry.text.length
  }
  await loadBatch(load, batch)
}

async function loadBatch({ pool, actor, sourceId, report, refuse, progress }: Load, batch: NewDocument[]) {
  if (batch.length === 0) return
  const receipts = await asUser(pool, actor, (client) =>
    client.query<Receipt>(
      'select external_id, outcome, error from app_public.create_documents($1, knowledge.new_documents($2))',
      [sourceId, JSON.stringify(batch)],
    ),
  )
  for (const { external_id, outcome, error } of receipts.rows) {
    if (outcome === 'refused') refuse(external_id, error ?? 'refused')
    else report[outcome] += 1
  }
  progress()
}

/** Counts the documents of the source that the load did not find, such as those of files that were renamed, and deletes them on request. */
async function findGone({ pool, actor, sourceId, report, present }: Load, prune: boolean): Promise<void> {
  let last = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const documents = await asUser(pool, actor, async (client) => {
      const { rows } = await client.query<{ id: string; external_id: string }>(
        'select id, external_id from app_public.documents where source_id = $1 and id > $2 order by id limit $3',
        [sourceId, last, documentsAtOnce],
      )
      const gone = rows.filter(({ external_id }) => !present.has(external_id)).map(({ id }) => id)
      report.gone += gone.length
      if (prune && gone.length > 0) {
        const { rowCount } = await client.query(
          'select app_public.delete_document(d.id) from app_public.documents d where d.id = any ($1) order by d.id',
          [gone],
        )
        report.deleted += rowCount ?? 0
      }
      return rows
    })
    if (documents.length < documentsAtOnce) return
    last = documents.at(-1)?.id as string
  }
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

export type Assumption = {
  assumed: string[]
  encoding: string | null
  separator: string | null
  count: number
  example: string
}

/** What was guessed about the source's files, because they do not say it. */
export async function assumptionsOf(pool: pg.Pool, actor: Actor, sourceId: string): Promise<Assumption[]> {
  const { rows } = await asUser(pool, actor, (client) =>
    client.query<Assumption>(
      `select metadata -> 'assumed' as assumed, metadata ->> 'encoding' as encoding, metadata ->> 'separator' as separator,
              count(*)::int, min(external_id) as example
         from app_public.documents
        where source_id = $1 and metadata -> 'assumed' ?| array['encoding', 'separator']
        group by 1, 2, 3 order by 4 desc, 5 limit 20`,
      [sourceId],
    ),
  )
  return rows
}

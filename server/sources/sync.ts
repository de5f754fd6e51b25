// One run of a sync: what the reader finds is reported to the database page by page. Each report is a transaction of its own,
// so a run that stops, for whatever reason, goes on where it was.

import type { JobHelpers } from 'graphile-worker'
import { publicPart } from '../errors.ts'
import { isConnectionLost } from '../lost-connection.ts'
import type { Outgoing } from '../outgoing.ts'
import { readerOf } from './index.ts'
import { type Found, type Place, type Reading, SourceError } from './types.ts'

export type Run = { tenantId: string; sourceId: string; run: number }
type Helpers = Pick<JobHelpers, 'withPgClient'> & { abortSignal?: AbortSignal | undefined }
type Call = <Value>(statement: string, more?: unknown[]) => Promise<Value | undefined>

const usualMostPages = 1_000
const pagesAtOnce = 100
/** A large source goes on in another job, so that other work has its turn. */
const longestTurnMs = 120_000

/** Reads until the end or for one turn; false when there is more to read. Throws SourceError when the place is at fault. */
export async function syncSource(
  run: Run,
  outgoing: Outgoing,
  helpers: Helpers,
  turnMs = longestTurnMs,
): Promise<boolean> {
  const call = callOf(run, helpers)
  const source = await call<{
    source_type: string
    source_url: string | null
    source_config: object
  }>('row_to_json(s) from knowledge.run_sync($1, $2, $3) s')
  if (!source) return true
  const reader = await readerOf(source.source_type)
  if (!reader)
    throw new SourceError(`No reader is installed for sources of the type ${source.source_type} (docs/extending.md).`)
  const place: Place = {
    ...{ tenantId: run.tenantId, url: source.source_url },
    config: source.source_config as Place['config'],
  }
  const startedAt = performance.now()
  for await (const found of reader.read(place, readingOf(run, place, outgoing, helpers, call))) {
    helpers.abortSignal?.throwIfAborted()
    if (!(await report(call, found))) return true
    if (performance.now() - startedAt > turnMs) return false
  }
  // a few at a time, because each takes its passages with it
  while (((await call<number>('knowledge.remove_pages($1, $2, $3, $4)', [pagesAtOnce])) ?? 0) > 0);
  await call('knowledge.finish_sync($1, $2, $3)')
  return true
}

/** Calls a function for this run and gives its value. */
export function callOf({ tenantId, sourceId, run }: Run, { withPgClient }: Pick<Helpers, 'withPgClient'>): Call {
  return async (statement, more = []) => {
    const { rows } = await withPgClient((client) =>
      client.query({ text: `select ${statement}`, values: [tenantId, sourceId, run, ...more], rowMode: 'array' }),
    )
    return (rows as unknown as never[][])[0]?.[0]
  }
}

function readingOf(run: Run, place: Place, outgoing: Outgoing, { abortSignal: signal }: Helpers, call: Call): Reading {
  return {
    ...{ outgoing, signal, mostPages: Number(place.config.maxPages ?? usualMostPages) },
    known: async (externalId) => {
      const page = await call<{ run: number; etag: string | null; last_modified: string | null }>(
        `row_to_json(p) from knowledge.known_page($1, $2, $4) p where $3::int is not null`,
        [externalId],
      )
      return {
        isDone: page?.run === run.run,
        etag: page?.etag ?? null,
        lastModified: page?.last_modified ?? null,
      }
    },
  }
}

/** False when the run is over, because the source was deleted or another run has taken its place. */
async function report(call: Call, found: Found): Promise<boolean> {
  try {
    if (found.kind === 'file' || found.kind === 'text') return (await take(call, found)) !== null
    if (found.kind === 'unlisted') await call('knowledge.note_unlisted($1, $2, $3)')
    return await note(
      call,
      found.externalId,
      found.kind === 'unlisted' ? 'failed' : found.kind,
      'error' in found ? found.error : null,
    )
  } catch (error) {
    // a quota that is used up, a text that cannot be stored: the page says so, and the others go on
    const reason = isConnectionLost(error) ? undefined : publicPart(error)
    if (!reason) throw error
    return note(call, found.externalId, 'failed', reason.message)
  }
}

const note = async (call: Call, externalId: string, outcome: string, error: string | null): Promise<boolean> =>
  (await call<boolean>('knowledge.note_page($1, $2, $3, $4, $5, $6)', [storable(externalId), outcome, error])) === true

const take = (call: Call, found: Extract<Found, { kind: 'file' | 'text' }>): Promise<string | null | undefined> => {
  const { externalId, metadata } = found
  const document = [
    externalId,
    found.kind === 'text' ? found.title : null,
    found.kind === 'text' ? found.text : null,
    JSON.stringify(metadata),
  ]
  const file =
    found.kind === 'file' ? [found.fileName, found.bytes, found.mediaType, found.etag, found.lastModified] : []
  return call(
    `knowledge.take_page($1, $2, $3, ($4::text, $5::text, $6::text, $7::jsonb)::app_public.new_document${file.map((_, i) => `, $${i + 8}`).join('')})`,
    [...document, ...file],
  )
}

/** The key of what could not be stored, without what cannot be stored. */
const storable = (externalId: string): string =>
  externalId.toWellFormed().replaceAll('\0', '\ufffd').slice(0, 1024) || '-'

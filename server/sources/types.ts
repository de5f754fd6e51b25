// What a place that documents come from is to the sync: a reader that goes through it and tells what it finds.

import type { Outgoing } from '../outgoing.ts'

/** What the knowledge source says about the place. */
export type Place = {
  tenantId: string
  /** source_url */
  url: string | null
  /** source_config: checked for sources of the type url, free for others */
  config: Readonly<Record<string, unknown>>
}

/** By which version of a page its document was made. */
export type Version = { etag: string | null; lastModified: string | null }

/** A file is parsed like an upload; a text is taken as it is. externalId is the document's key within its source. */
export type Found =
  | ({
      kind: 'file'
      externalId: string
      fileName: string
      mediaType: string
      bytes: Uint8Array
      metadata: Record<string, unknown>
    } & Version)
  | { kind: 'text'; externalId: string; title: string | null; text: string; metadata: Record<string, unknown> }
  | { kind: 'unchanged'; externalId: string }
  /** It is no longer there, or cannot be read now; then its document stays. */
  | { kind: 'gone' | 'failed'; externalId: string; error: string }
  /** A part of the list of what is there cannot be read, so that what is not found may be there all the same. */
  | { kind: 'unlisted'; externalId: string; error: string }

export type Reading = {
  /** The way out: what a tenant names is fetched by it and by nothing else. */
  outgoing: Outgoing
  /** What is known of a document; isDone says that this run has come by it, so that it need not be read again. */
  known: (externalId: string) => Promise<Version & { isDone: boolean }>
  /** How many documents the source may have. */
  mostPages: number
  signal: AbortSignal | undefined
}

export type SourceReader = {
  /** What it finds, in an order that stays the same, so that a run that stopped goes on. */
  read: (place: Place, reading: Reading) => AsyncIterable<Found>
}

/** The place cannot be read as it is described; the message is for the people of the tenant. */
export class SourceError extends Error {}

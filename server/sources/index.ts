// The readers, by the source_type of the sources they read. An extension has readers of its own: sources/<source_type>.ts.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { extensions, partOf } from '../extensions.ts'
import { apiReader } from './api.ts'
import { databaseReader } from './database.ts'
import type { SourceReader } from './types.ts'
import { urlReader } from './url.ts'

const readers: Readonly<Record<string, SourceReader>> = { api: apiReader, database: databaseReader, url: urlReader }

export async function readerOf(sourceType: string): Promise<SourceReader | undefined> {
  for (const extension of extensions()) {
    const directory = partOf(extension, 'sources')
    const file = directory && join(directory, `${sourceType}.ts`)
    if (file && existsSync(file)) return ((await import(file)) as { reader: SourceReader }).reader
  }
  return Object.hasOwn(readers, sourceType) ? readers[sourceType] : undefined
}

// A text that PostgreSQL cannot store, with a NUL character or half a surrogate pair, would refuse the whole call of
// createDocuments before the database sees which document it is in. U+FFFF stands for such a character on the way: it is never
// a character itself, so knowledge.document_error() refuses the document that has it, with a receipt, and takes the others.

import 'postgraphile'
import type { PgCodec } from 'postgraphile/@dataplan/pg'
import { gatherConfig } from 'postgraphile/graphile-build'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      StorableDocumentsPlugin: true
    }
    interface GatherHelpers {
      rowhouseStorableDocuments: Record<string, never>
    }
  }
}

const unstorable = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g

export function markUnstorable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(unstorable, '\uFFFF')
  if (Array.isArray(value)) return value.map(markUnstorable)
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [markUnstorable(key), markUnstorable(inner)]))
}

/** Codecs are the library's own objects, which it compares by identity: they are amended once, not replaced. */
const amended = new WeakSet<object>()

function amend(codec: PgCodec): void {
  if (amended.has(codec) || codec.extensions?.pg?.name !== 'new_document') return
  amended.add(codec)
  const { toPg } = codec
  codec.toPg = (value) => toPg(markUnstorable(value) as never)
}

export const StorableDocumentsPlugin: GraphileConfig.Plugin = {
  name: 'StorableDocumentsPlugin',
  version: '1.0.0',
  description: 'Lets the database refuse one document whose text it cannot store, instead of the whole call',
  gather: gatherConfig({
    namespace: 'rowhouseStorableDocuments',
    hooks: { pgCodecs_PgCodec: (_info, { pgCodec }) => amend(pgCodec) },
  }),
}

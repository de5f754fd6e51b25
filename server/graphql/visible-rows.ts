// A table whose rows may be another tenant's has a function that lists what the caller sees, own and shared rows each by
// its index (sql/05_catalog/20_sharing/18_lists.sql). Its comment names the function by the tag @listedBy, and the table's
// list reads from there. A row looked up by its key is still read from the table.

import 'postgraphile'
import { type PgResource, pgSelect } from 'postgraphile/@dataplan/pg'
import { connection } from 'postgraphile/grafast'
import { sql } from 'postgraphile/pg-sql2'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      VisibleRowsPlugin: true
    }
  }
}

export const VisibleRowsPlugin: GraphileConfig.Plugin = {
  name: 'VisibleRowsPlugin',
  version: '1.0.0',
  description: 'Lists own and shared rows by the function that a table names',
  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, _build, { Self, scope }) {
        const resource = scope.pgFieldResource as PgResource | undefined
        const name = resource && listedBy(resource)
        if (Self.name !== 'Query' || !scope.isPgFieldConnection || !resource || !name) return field
        const from = sql`${sql.identifier(...name.split('.'))}()`
        return { ...field, plan: () => connection(pgSelect({ resource, identifiers: [], from })) }
      },
    },
  },
}

/** The function, with its schema. A resource with parameters is itself a function, which knows what it lists. */
function listedBy({ parameters, codec }: PgResource): string | undefined {
  const tag = codec.extensions?.tags?.listedBy
  return !parameters && typeof tag === 'string' ? tag : undefined
}

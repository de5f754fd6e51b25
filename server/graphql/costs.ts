// A function that costs more than reading a page says so in its comment, @cost 500, and the limit of a query's cost counts it.

import 'postgraphile'
import type { GraphQLSchema } from 'graphql'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      CostsPlugin: true
    }
  }
}

export const CostsPlugin: GraphileConfig.Plugin = {
  name: 'CostsPlugin',
  version: '1.0.0',
  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, _build, { scope }) {
        const { pgFieldResource } = scope as { pgFieldResource?: { extensions?: { tags?: Record<string, unknown> } } }
        const cost = Number(pgFieldResource?.extensions?.tags?.cost)
        return cost > 0 ? { ...field, extensions: { ...field.extensions, rowhouseCost: cost } } : field
      },
    },
  },
}

/** What the fields of Query cost that say so. */
export function costsOf(schema: GraphQLSchema): ReadonlyMap<string, number> {
  const fields = Object.values(schema.getQueryType()?.getFields() ?? {})
  return new Map(
    fields.flatMap(({ name, extensions }) =>
      typeof extensions.rowhouseCost === 'number' ? [[name, extensions.rowhouseCost] as const] : [],
    ),
  )
}

// A function over a composite type, such as search_hit_document(search_hit), is a field of that type. It is not a field
// of Query as well: PostGraphile makes it both, because one could call it with a value made up by the client.

import 'postgraphile'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      FunctionsPlugin: true
    }
  }
}

export const FunctionsPlugin: GraphileConfig.Plugin = {
  name: 'FunctionsPlugin',
  version: '1.0.0',
  description: 'Functions named after a composite type are fields of that type only',
  schema: {
    entityBehavior: {
      pgResource: {
        override(behavior, { parameters, extensions }) {
          const first = parameters?.[0]?.codec
          if (!first?.attributes || !extensions?.pg?.name.startsWith(`${first.extensions?.pg?.name}_`)) return behavior
          return [behavior, 'typeField', '-queryField']
        },
      },
    },
  },
}

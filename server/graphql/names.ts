// Names as people expect them: a row's key is `id`, the global Relay identifier is `nodeId`.

import 'postgraphile'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      NamesPlugin: true
    }
  }
}

export const NamesPlugin: GraphileConfig.Plugin = {
  name: 'NamesPlugin',
  version: '1.0.0',
  after: ['PgAttributesPlugin', 'PgMutationUpdateDeletePlugin'],
  inflection: {
    ignoreReplaceIfNotExists: ['nodeIdFieldName'],
    replace: {
      _attributeName(previous, _options, details) {
        const name = previous?.(details) ?? details.attributeName
        return !details.skipRowId && name === 'row_id' && details.attributeName === 'id' ? 'id' : name
      },
      nodeIdFieldName: () => 'nodeId',
    },
  },
}

// Names as people expect them: a row's key is `id`. PostGraphile calls it rowId, to leave `id` to the global Relay
// identifier, which there is none of here.

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
  after: ['PgAttributesPlugin'],
  inflection: {
    replace: {
      _attributeName(previous, _options, details) {
        const name = previous?.(details) ?? details.attributeName
        return !details.skipRowId && name === 'row_id' && details.attributeName === 'id' ? 'id' : name
      },
    },
  },
}

// Dozens of mutations take the id of a row and nothing else: deleteAgent, restoreAgent, payInvoice. They share one input.

import 'postgraphile'
import { GraphQLNonNull, isInputObjectType, isNonNullType } from 'graphql'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      IdInputPlugin: true
    }
  }
}

const name = 'IdInput'

export const IdInputPlugin: GraphileConfig.Plugin = {
  name: 'IdInputPlugin',
  version: '1.0.0',
  after: ['LeanPayloadsPlugin'],
  schema: {
    hooks: {
      init(_, build) {
        build.registerInputObjectType(
          name,
          {},
          () => ({
            description: 'Which row is meant.',
            fields: () => ({
              id: { description: 'The id of the row.', type: new GraphQLNonNull(build.getTypeByName('UUID') as never) },
            }),
          }),
          'IdInputPlugin',
        )
        return _
      },
      GraphQLObjectType_fields_field_args(args, build, { scope }) {
        const type = scope.isRootMutation ? args.input?.type : undefined
        if (!isNonNullType(type) || !isInputObjectType(type.ofType)) return args
        const fields = Object.values(type.ofType.getFields())
        if (fields.length !== 1 || fields[0]?.name !== 'id' || String(fields[0].type) !== 'UUID!') return args
        return { ...args, input: { ...args.input, type: new GraphQLNonNull(build.getTypeByName(name) as never) } }
      },
    },
  },
}

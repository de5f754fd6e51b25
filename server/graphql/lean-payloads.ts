// A mutation answers with what it made and nothing else, and all mutations that make an agent answer with one type,
// AgentPayload. clientMutationId is a leftover of the first Relay; a mutation whose input held nothing but it takes no input.

import 'postgraphile'
import { isInputObjectType, isNonNullType } from 'graphql'
import type { PgCodec, PgResource } from 'postgraphile/@dataplan/pg'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      LeanPayloadsPlugin: true
    }
  }
}

const relic = 'clientMutationId'

export const LeanPayloadsPlugin: GraphileConfig.Plugin = {
  name: 'LeanPayloadsPlugin',
  version: '1.0.0',
  description: 'Payloads and inputs of mutations without clientMutationId, one payload type for each type of row',
  after: ['PgMutationCreatePlugin', 'PgMutationUpdateDeletePlugin', 'PgCustomTypeFieldPlugin'],
  inflection: {
    replace: {
      createPayloadType(_previous, _options, resource) {
        return payloadOf(this, resource.codec)
      },
      updatePayloadType(_previous, _options, { resource }) {
        return payloadOf(this, resource.codec)
      },
      deletePayloadType(_previous, _options, { resource }) {
        return payloadOf(this, resource.codec)
      },
      // a function's result has the name its comment gives it, so only one that names the row as the table does fits
      customMutationPayload(previous, _options, details) {
        const { resource } = details
        const field = this.functionMutationResultFieldName({ resource, returnGraphQLTypeName: '' })
        return isOneRow(resource) && field === this.camelCase(this.tableType(resource.codec))
          ? payloadOf(this, resource.codec)
          : (previous?.(details) ?? '')
      },
    },
  },
  schema: {
    hooks: {
      build(build) {
        const register = build.registerObjectType
        build.registerObjectType = function (
          this: typeof build,
          ...[typeName, scope, ...rest]: Parameters<typeof register>
        ) {
          const isKnown = scope.isMutationPayload && this.getTypeMetaByName(typeName)
          if (!isKnown) register.call(this, typeName, scope, ...rest)
        } as typeof register
        return build
      },
      GraphQLObjectType_fields(fields, _build, { scope }) {
        if (scope.isMutationPayload) delete fields[relic]
        return fields
      },
      GraphQLInputObjectType_fields(fields, _build, { scope }) {
        // alone it stays for now: a type without fields would take its mutation with it
        if (scope.isMutationInput && Object.keys(fields).length > 1) delete fields[relic]
        return fields
      },
      GraphQLObjectType_fields_field_args(args, _build, { scope }) {
        const type = scope.isRootMutation ? args.input?.type : undefined
        if (!isNonNullType(type) || !isInputObjectType(type.ofType)) return args
        if (Object.keys(type.ofType.getFields()).join() === relic) delete args.input
        return args
      },
    },
  },
}

const payloadOf = (inflection: GraphileBuild.Inflection, codec: PgCodec): string =>
  `${inflection.tableType(codec as never)}Payload`

const isOneRow = ({ codec, isUnique }: PgResource): boolean =>
  isUnique && Boolean(codec.attributes) && codec.extensions?.isTableLike === true && !codec.arrayOfCodec

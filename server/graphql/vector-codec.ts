// Teaches PostGraphile pgvector's type: a vector is a list of numbers, which GraphQL sees as the scalar Vector.

import 'postgraphile'
import { GraphQLError, type ValueNode } from 'graphql'
import { gatherConfig } from 'postgraphile/graphile-build'
import { sql } from 'postgraphile/pg-sql2'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      VectorCodecPlugin: true
    }
  }
}

const longestVector = 16_000

function asVector(value: unknown): number[] {
  if (
    !Array.isArray(value) ||
    value.length === 0 ||
    value.length > longestVector ||
    !value.every((component) => typeof component === 'number' && Number.isFinite(component))
  ) {
    throw new GraphQLError(`A Vector is a list of 1 to ${longestVector} finite numbers.`)
  }
  return value
}

const codec = {
  name: 'vector',
  sqlType: sql.fragment`vector`,
  // both directions are pgvector's text form, which is JSON
  fromPg: (text: string) => JSON.parse(text) as number[],
  toPg: (vector: number[]) => JSON.stringify(vector),
  executor: null,
  attributes: undefined,
}

const literalValue = (node: ValueNode): unknown =>
  node.kind === 'ListValue'
    ? node.values.map(literalValue)
    : node.kind === 'IntValue' || node.kind === 'FloatValue'
      ? Number(node.value)
      : undefined

export const VectorCodecPlugin: GraphileConfig.Plugin = {
  name: 'VectorCodecPlugin',
  version: '1.0.0',
  gather: gatherConfig({
    hooks: {
      pgCodecs_findPgCodec(_info, event) {
        if (!event.pgCodec && event.pgType.typname === 'vector') event.pgCodec = codec as never
      },
    },
  }),
  schema: {
    hooks: {
      init(_, build) {
        build.registerScalarType(
          'Vector',
          {},
          () => ({
            description: 'An embedding: a list of 1 to 16,000 finite numbers.',
            serialize: (value) => value as number[],
            parseValue: asVector,
            parseLiteral: (node) => asVector(literalValue(node)),
          }),
          'VectorCodecPlugin',
        )
        build.setGraphQLTypeForPgCodec(codec as never, ['input', 'output'], 'Vector')
        return _
      },
    },
  },
}

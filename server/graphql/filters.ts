// A filter compares columns of its own table with values, by a short list of operators that everyone knows. Types that
// nobody looks for by comparing (vectors, ranges, addresses, JSON) have no filter, and lists no order.

import 'postgraphile'
import type { PgCodec } from 'postgraphile/@dataplan/pg'
import { PublicError } from '../errors.ts'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      FiltersPlugin: true
    }
  }
}

const equality = ['equalTo', 'notEqualTo', 'in', 'isNull']
const order = ['lessThan', 'lessThanOrEqualTo', 'greaterThan', 'greaterThanOrEqualTo']
export const words = ['includesInsensitive', 'startsWithInsensitive']
const members = ['contains', 'overlaps']

/** What of the plugin's operators there is at all; operatorsOf says which type has which of them. */
export const filterOperators = [...equality, ...order, ...words, ...members]

const numbersAndTimes = new Set([
  'int2',
  'int4',
  'int8',
  'numeric',
  'float4',
  'float8',
  'date',
  'time',
  'timestamp',
  'timestamptz',
])
const texts = new Set(['text', 'varchar', 'bpchar', 'citext'])
const names = new Set(['uuid'])

function innermost(codec: PgCodec): PgCodec {
  return codec.domainOfCodec ? innermost(codec.domainOfCodec) : codec
}

/** The operators of a column's type, or none when it cannot be filtered by. */
export function operatorsOf(column: PgCodec): string[] {
  const codec = innermost(column)
  if (codec.arrayOfCodec) return operatorsOf(codec.arrayOfCodec).length > 0 ? members : []
  if (codec.rangeOfCodec || codec.attributes) return []
  if (numbersAndTimes.has(codec.name)) return [...equality, ...order]
  if (texts.has(codec.name)) return [...equality, ...words]
  if (codec.name === 'bool') return ['equalTo', 'isNull']
  return names.has(codec.name) || 'values' in codec ? equality : []
}

const nullInFilter = (field: string): PublicError =>
  new PublicError(400, 'WB402', `${field} must not be null in a filter.`, 'Leave it out, or ask for {isNull: true}.')

export const FiltersPlugin: GraphileConfig.Plugin = {
  name: 'FiltersPlugin',
  version: '1.0.0',
  description: 'Gives each type the few filter operators that fit it, and orders by what has an order',
  after: ['PgConnectionArgFilterPlugin', 'PgConnectionArgFilterOperatorsPlugin'],
  schema: {
    entityBehavior: {
      pgCodecAttribute: {
        inferred: {
          after: ['default'],
          provides: ['inferred'],
          before: ['override'],
          callback: (behavior, [codec, name]) => {
            const column = codec.attributes[name]?.codec
            if (!column) return behavior
            const more: GraphileBuild.BehaviorString[] = []
            if (operatorsOf(column).length === 0) more.push('-attribute:filterBy')
            if (!operatorsOf(column).includes('equalTo')) more.push('-attribute:orderBy')
            return [behavior, ...more]
          },
        },
      },
    },
    hooks: {
      build(build) {
        // the plugin's own leaves the backslash, which takes the meaning from what follows it
        build.escapeLikeWildcards = (text) => String(text).replaceAll(/[\\%_]/g, '\\$&')
        return build
      },
      GraphQLInputObjectType_fields_field(field, _build, { scope }) {
        // grafast's way to say what an input does to a query; graphile-build's types leave it out
        const { apply } = field as { apply?: (target: unknown, value: unknown, info: unknown) => unknown }
        if (!apply || !(scope.isPgConnectionFilter || scope.pgConnectionFilterOperators)) return field
        return {
          ...field,
          apply: (target: unknown, value: unknown, info: unknown) => {
            if (value === null) throw nullInFilter(scope.fieldName)
            return apply(target, value, info)
          },
        }
      },
      GraphQLInputObjectType_fields(fields, _build, { scope }) {
        const codec = scope.pgConnectionFilterOperators?.pgCodecs[0]
        if (!codec) return fields
        const operators = operatorsOf(codec)
        for (const name of Object.keys(fields)) if (!operators.includes(name)) delete fields[name]
        return fields
      },
    },
  },
}

// Values that GraphQL and JSON have no word for. One of them in a field that cannot be null made a whole list unreadable.
// - An infinite date or time is the text "infinity" or "-infinity". A column whose comment has @infiniteIsNull shows null
//   instead, for where the bound is an inner sentinel and means that there is none.
// - A Float is the largest double for infinity, and null for NaN.
// - A BigFloat may say "NaN" or "Infinity", and takes neither as input: NaN is above every limit that a check names.

import 'postgraphile'
import { GraphQLError, type ValueNode } from 'graphql'
import type { PgCodec } from 'postgraphile/@dataplan/pg'
import { lambda, type Step } from 'postgraphile/grafast'
import { gatherConfig } from 'postgraphile/graphile-build'
import { type SQL, sql } from 'postgraphile/pg-sql2'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      SpecialValuesPlugin: true
    }
    interface GatherHelpers {
      rowhouseSpecialValues: Record<string, never>
    }
  }
  namespace DataplanPg {
    interface PgCodecAttributeTags {
      infiniteIsNull?: true | string
    }
  }
}

const dates = new Set(['date', 'timestamp', 'timestamptz'])
const floats = new Set(['float4', 'float8'])
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const isInfinite = (value: unknown): boolean => value === 'infinity' || value === '-infinity'

/** Codecs are the library's own objects, which it compares by identity: they are amended once, not replaced. */
const amended = new WeakSet<object>()

function amend(codec: PgCodec): void {
  const { castFromPg } = codec
  if (amended.has(codec)) return
  amended.add(codec)
  if (dates.has(codec.name) && castFromPg) {
    // to_char is null for what is infinite
    codec.castFromPg = (fragment: SQL, isNotNull) =>
      sql`coalesce(${castFromPg(fragment, isNotNull)}, ${fragment}::text)`
  }
  const { fromPg } = codec
  if (floats.has(codec.name)) codec.fromPg = (text) => finite(fromPg(text) as number) as never
  if (floats.has(codec.arrayOfCodec?.name ?? ''))
    codec.fromPg = (text) => (fromPg(text) as number[]).map(finite) as never
}

function finite(number: number | null): number | null {
  if (number === null || Number.isNaN(number)) return null
  return Number.isFinite(number) ? number : Math.sign(number) * Number.MAX_VALUE
}

const descriptions: Readonly<Record<string, string>> = {
  Date: 'A calendar date, YYYY-MM-DD; "infinity" or "-infinity" for one after or before all others.',
  Datetime:
    'A point in time, ISO 8601 with its offset from UTC; "infinity" or "-infinity" for one after or before all others.',
  BigFloat:
    'A decimal number of any size and precision, as text. What was computed may be "NaN", "Infinity" or "-Infinity"; what is given may not.',
}

function asDecimal(value: unknown): string {
  const text = String(value)
  if (!decimal.test(text)) throw new GraphQLError('A BigFloat is a decimal number, such as "12.50".')
  return text
}

const literal = (node: ValueNode): unknown =>
  node.kind === 'StringValue' || node.kind === 'IntValue' || node.kind === 'FloatValue' ? node.value : undefined

export const SpecialValuesPlugin: GraphileConfig.Plugin = {
  name: 'SpecialValuesPlugin',
  version: '1.0.0',
  description: 'Shows infinite dates and numbers that are none, and takes only numbers that are',
  gather: gatherConfig({
    namespace: 'rowhouseSpecialValues',
    hooks: {
      pgCodecs_PgCodec: (_info, { pgCodec }) => amend(pgCodec),
      pgCodecs_attribute(_info, { attribute }) {
        if (attribute.extensions?.tags?.infiniteIsNull) attribute.notNull = false
      },
    },
  }),
  schema: {
    hooks: {
      GraphQLScalarType(config) {
        const description = descriptions[config.name]
        if (description) config.description = description
        if (config.name !== 'BigFloat') return config
        return { ...config, parseValue: asDecimal, parseLiteral: (node) => asDecimal(literal(node)) }
      },
      GraphQLObjectType_fields_field(field, _build, { scope }) {
        const { plan } = field
        if (!scope.pgFieldAttribute?.extensions?.tags?.infiniteIsNull || !plan) return field
        return {
          ...field,
          plan: (...parts: Parameters<typeof plan>) =>
            lambda(plan(...parts) as Step<unknown>, (value) => (isInfinite(value) ? null : value)),
        }
      },
    },
  },
}

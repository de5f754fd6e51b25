// orderBy by columns, in the place of PostGraphile's PgOrderAllAttributesPlugin, whose pages lost rows in three ways:
// - @dataplan/pg 1.1.2 turns the condition "after a null" round (applyConditionFromCursor in its pgSelect), so paging by a
//   column with nulls ends at the first or last of them. Here the order is first by whether the value is null, then by the
//   value: the same order as PostgreSQL's own, and within each half the comparison that is wrong is never decisive.
// - a cursor holds what the column's codec makes of its value: 0 of a null number, nothing of an infinite date. Here it holds
//   PostgreSQL's own text, which reads back as the same value.
// - a column counted as unique when a unique constraint of several columns began with it. Rows with the same value were lost.

import 'postgraphile'
import { type PgCodec, type PgSelectQueryBuilder, TYPES } from 'postgraphile/@dataplan/pg'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      OrdersPlugin: true
    }
  }
  namespace GraphileBuild {
    interface Inflection {
      orderByAttributeEnum(
        this: Inflection,
        details: { codec: unknown; attributeName: string; variant: 'asc' | 'desc' },
      ): string
    }
  }
}

const directions = ['ASC', 'DESC'] as const

export const OrdersPlugin: GraphileConfig.Plugin = {
  name: 'OrdersPlugin',
  version: '1.0.0',
  description: 'orderBy by columns, with pages that lose no row',
  after: ['PgAttributesPlugin'],
  inflection: {
    add: {
      orderByAttributeEnum(_options, { codec, attributeName, variant }) {
        return this.constantCase(`${this._attributeName({ attributeName, codec: codec as never })}-${variant}`)
      },
    },
  },
  schema: {
    hooks: {
      GraphQLEnumType_values(values, build, { scope }) {
        const codec = scope.pgCodec
        if (!scope.isPgRowSortEnum || !codec?.attributes || codec.isAnonymous) return values
        const { sql } = build
        const uniques = build.pgTableResource(codec as never)?.uniques ?? []
        for (const [attributeName, { notNull, codec: column }] of Object.entries(codec.attributes)) {
          if (!build.behavior.pgCodecAttributeMatches([codec as never, attributeName], 'attribute:orderBy')) continue
          const isUnique = notNull && uniques.some(({ attributes }) => attributes.join() === attributeName)
          for (const direction of directions) {
            const variant = direction === 'ASC' ? 'asc' : 'desc'
            const name = build.inflection.orderByAttributeEnum({ codec, attributeName, variant })
            const apply = (query: PgSelectQueryBuilder): void => {
              const fragment = sql`${query.alias}.${sql.identifier(attributeName)}`
              if (!notNull) {
                query.orderBy({
                  fragment: sql`(${fragment} is null)`,
                  codec: TYPES.boolean,
                  direction,
                  nullable: false,
                })
              }
              query.orderBy({ fragment, codec: asText(column), direction, nullable: !notNull })
              if (isUnique) query.setOrderIsUnique()
            }
            values[name] = { extensions: { grafast: { apply } } }
          }
        }
        return values
      },
    },
  },
}

/** A codec of the same type whose values in a cursor are PostgreSQL's text. */
const asText = (codec: PgCodec): PgCodec => ({ name: codec.name, sqlType: codec.sqlType, ...verbatim }) as PgCodec
const verbatim = {
  fromPg: (text: string) => text,
  toPg: (text: string) => text,
  executor: null,
  attributes: undefined,
}

// What a large table may be ordered and filtered by. Its comment has the tag @large, and what is offered is what an index
// carries that begins with the tenant, so that a page is read as a range of that index and nothing beside it. Behind row
// level security an index finds only by operators that PostgreSQL takes for leakproof: not by those of enums, numeric and
// arrays, and not by likeness. Text is therefore found by equality here, and by its words in the searches.

import 'postgraphile'
import type { PgCodec } from 'postgraphile/@dataplan/pg'
import { gatherConfig } from 'postgraphile/graphile-build'
import { operatorsOf, words } from './filters.ts'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      OffersPlugin: true
    }
    interface GatherHelpers {
      rowhouseOffers: Record<string, never>
    }
  }
  namespace DataplanPg {
    interface PgCodecExtensions {
      /** Of a large table, the columns that it may be ordered by, and those that it may be filtered by. */
      offers?: { orders: ReadonlySet<string>; filters: ReadonlySet<string> }
    }
  }
}

const tenantColumn = 'tenant_id'
const textByEquality = 'StringKeyFilter'
const leaky = new Set(['numeric', 'float4', 'interval'])

function isLeakproof(codec: PgCodec): boolean {
  if (codec.domainOfCodec) return isLeakproof(codec.domainOfCodec)
  return operatorsOf(codec).length > 0 && !codec.arrayOfCodec && !leaky.has(codec.name) && !isEnumType(codec)
}

const isEnumType = (codec: PgCodec): boolean => 'values' in codec && !codec.extensions?.isText

export const OffersPlugin: GraphileConfig.Plugin = {
  name: 'OffersPlugin',
  version: '1.0.0',
  description: 'Orders and filters large tables by what an index carries',
  after: ['FiltersPlugin', 'PgConnectionArgFilterPlugin'],
  gather: gatherConfig({
    namespace: 'rowhouseOffers',
    hooks: {
      pgTables_PgResourceOptions(_info, { pgClass, resourceOptions: { codec } }) {
        if (codec.extensions?.tags?.large === undefined) return
        const offers = { orders: new Set<string>(), filters: new Set<string>() }
        for (const index of pgClass.getIndexes()) {
          if (index.indpred || !index.indisvalid) continue
          const [first, second] = index.getKeys().map((key) => key?.attname)
          if (first === tenantColumn && second) offers.orders.add(second)
          if (first === tenantColumn && second) offers.filters.add(second)
          else if (first && second === tenantColumn) offers.filters.add(first)
        }
        codec.extensions = { ...codec.extensions, offers }
      },
    },
  }),
  schema: {
    entityBehavior: {
      pgCodecAttribute: {
        inferred: {
          after: ['default'],
          provides: ['inferred'],
          before: ['override'],
          callback: (behavior, [codec, name]) => {
            const { offers } = codec.extensions ?? {}
            const column = codec.attributes[name]
            if (!offers || !column) return behavior
            const more: GraphileBuild.BehaviorString[] = []
            const isFound = isLeakproof(column.codec)
            // a column that may be null is ordered in two steps, which no index has
            if (!isFound || !column.notNull || !offers.orders.has(name)) more.push('-attribute:orderBy')
            if (!isFound || !offers.filters.has(name)) more.push('-attribute:filterBy')
            return [behavior, ...more]
          },
        },
      },
    },
    hooks: {
      init(_, build) {
        const { TYPES } = build.dataplanPg
        build.registerInputObjectType(
          textByEquality,
          {
            pgConnectionFilterOperators: {
              isList: false,
              pgCodecs: [TYPES.text],
              inputTypeName: 'String',
              rangeElementInputTypeName: null,
              domainBaseTypeName: null,
            },
          },
          () => ({ description: 'A filter of text that an index finds. The searches find text by its words.' }),
          'OffersPlugin',
        )
        return _
      },
      GraphQLInputObjectType_fields(fields, _build, { Self }) {
        if (Self.name === textByEquality) for (const name of words) delete fields[name]
        return fields
      },
      GraphQLInputObjectType_fields_field(field, build, { scope }) {
        const isOfLarge = scope.isPgConnectionFilterField && scope.pgCodec?.extensions?.offers
        if (!isOfLarge || !('name' in field.type) || field.type.name !== 'StringFilter') return field
        return { ...field, type: build.getInputTypeByName(textByEquality) }
      },
    },
  },
}

// A row is named by its primary key and by nothing else. Within a tenant the key is what follows tenant_id: the wall
// adds the caller's own tenant to every statement, so a client never says which tenant it is in. What has a key of one
// column has a lookup; a link between two rows is listed at either end, and a view is a report, which is listed only.

import 'postgraphile'
import type { PgCodec, PgResource } from 'postgraphile/@dataplan/pg'
import { gatherConfig } from 'postgraphile/graphile-build'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      KeysPlugin: true
    }
    interface GatherHelpers {
      rowhouseKeys: Record<string, never>
    }
  }
  namespace DataplanPg {
    interface PgCodecExtensions {
      /** All rows that a caller sees are of the caller's tenant: a table of the data plane, or a view. */
      isOfTenant?: true
    }
  }
}

const tenantColumn = 'tenant_id'

/** The tables that nearly everything refers to: a list of all of it there would be the whole API once more. */
const hubs = new Set(['tenants', 'user_profiles'])

const isView = ({ extensions }: PgResource): boolean => Boolean(extensions?.isView || extensions?.isMaterializedView)

const isNamedBy = (codec: PgCodec, names: ReadonlySet<string>): boolean => names.has(codec.extensions?.pg?.name ?? '')

export const KeysPlugin: GraphileConfig.Plugin = {
  name: 'KeysPlugin',
  version: '1.0.0',
  description: 'Leaves the tenant out of keys, filters and orders, and names rows by primary keys only',
  // PgSimplifyInflectionPlugin renames what NodePlugin would have brought
  before: ['PgSimplifyInflectionPlugin'],
  inflection: { add: { nodeById: (_options, typeName) => typeName } },
  gather: gatherConfig({
    namespace: 'rowhouseKeys',
    hooks: {
      pgTables_PgResourceOptions(_info, { pgClass, resourceOptions }) {
        const primary = resourceOptions.uniques?.find(({ isPrimary }) => isPrimary)
        const codec = resourceOptions.codec
        if (pgClass.relkind === 'v' || primary?.attributes[0] === tenantColumn) {
          codec.extensions = { ...codec.extensions, isOfTenant: true }
        }
        if (primary?.attributes[0] !== tenantColumn || primary.attributes.length === 1) return
        primary.attributes = primary.attributes.filter((name) => name !== tenantColumn)
      },
    },
  }),
  schema: {
    entityBehavior: {
      pgResourceUnique: {
        inferred: {
          after: ['default'],
          provides: ['inferred'],
          before: ['override'],
          callback: (behavior, [resource, unique]) =>
            unique.attributes.length > 1 || isView(resource) ? [behavior, '-single'] : behavior,
        },
        override(behavior, [, unique]) {
          return unique.isPrimary && !isTenantItself(unique) ? behavior : [behavior, '-single', '-update', '-delete']
        },
      },
      pgCodecAttribute: {
        override(behavior, [codec, attributeName]) {
          if (attributeName !== tenantColumn || !codec.extensions?.isOfTenant) return behavior
          return [behavior, '-attribute:filterBy', '-attribute:orderBy', '-attribute:insert', '-attribute:update']
        },
      },
      pgCodecRelation: {
        override(behavior, relation) {
          if (!relation.isReferencee || !isNamedBy(relation.localCodec, hubs)) return behavior
          return [behavior, '-manyRelation:resource:connection', '-manyRelation:resource:list']
        },
      },
    },
  },
}

/** A table with one row a tenant: its row is the tenant's, and a lookup would ask for nothing but the tenant. */
const isTenantItself = (unique: { attributes: readonly string[] }): boolean =>
  unique.attributes.length === 1 && unique.attributes[0] === tenantColumn

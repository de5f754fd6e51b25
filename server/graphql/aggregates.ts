// Sums, averages and groups are for tables that ask for them: comment on table … is E'@aggregates on\n…'. Everywhere else
// they would be two hundred types that nobody looks for.

import 'postgraphile'
import '@graphile/pg-aggregates'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      AggregatesPlugin: true
    }
  }
}

const all = ['-aggregates', '-groupedAggregates']
const conditions = ['-resource:groupedAggregates:having']
const kept = new Set(['sum', 'distinctCount', 'min', 'max', 'average'])

export const AggregatesPlugin: GraphileConfig.Plugin = {
  name: 'AggregatesPlugin',
  version: '1.0.0',
  description: 'Aggregates by opt-in, without conditions on groups',
  after: ['PgAggregatesSpecsPlugin'],
  schema: {
    entityBehavior: {
      pgResource: {
        override: (behavior, { extensions }) => {
          const off = extensions?.tags?.aggregates === 'on' ? conditions : [...all, ...conditions]
          return [behavior, ...(off as GraphileBuild.BehaviorString[])]
        },
      },
    },
    hooks: {
      build(build) {
        build.pgAggregateSpecs = (build.pgAggregateSpecs ?? []).filter(({ id }) => kept.has(id))
        return build
      },
    },
  },
}

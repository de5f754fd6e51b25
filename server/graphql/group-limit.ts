// Grouped aggregates are the one list without a page size: grouped by a key, they are a group for each row. They get the
// largest page there is, and more groups than that are an error: a list of sums that ends early would be a wrong one.

import 'postgraphile'
import { wrapPlans } from 'graphile-utils'
import type { PgSelectStep } from 'postgraphile/@dataplan/pg'
import { context, lambda, sideEffect } from 'postgraphile/grafast'
import { PublicError } from '../errors.ts'

declare global {
  namespace Grafast {
    interface Context {
      pageSizeMax: number
    }
  }
}

export const GroupLimitPlugin: GraphileConfig.Plugin = wrapPlans(
  ({ scope }) => (scope.fieldName === 'groupedAggregates' ? scope.fieldName : null),
  () => (plan) => {
    const $groups = plan() as PgSelectStep
    const $most = context().get('pageSizeMax')
    $groups.setFirst(lambda($most, (most) => most + 1))
    sideEffect([$groups, $most], ([groups, most]) => {
      if ((groups.items as readonly unknown[]).length <= most) return
      throw new PublicError(400, 'WB603', `There are more than ${most} groups.`, 'Group by less, or filter.')
    })
    return $groups
  },
  { name: 'GroupLimitPlugin' },
)

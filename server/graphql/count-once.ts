// A function such as search does its work each time it is called, and writes it down. totalCount beside nodes called it a
// second time. Here the page's own statement counts: count(*) over () is the whole result's, before its limit. Only a page
// without rows cannot say it, such as one beyond the end; then, and then only, the function is called again.

import 'postgraphile'
import { type PgSelectSingleStep, type PgSelectStep, TYPES } from 'postgraphile/@dataplan/pg'
import { type ConnectionStep, constant, first, inhibitOnNull, lambda, TRAP_INHIBITED, trap } from 'postgraphile/grafast'
import { sql } from 'postgraphile/pg-sql2'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      CountOncePlugin: true
    }
  }
}

type Connection = ConnectionStep<unknown>
/** Private in the types, and what nodes and edges of a connection begin with. */
type WithPage = { setupSubplanWithPagination: () => PgSelectStep }

export const CountOncePlugin: GraphileConfig.Plugin = {
  name: 'CountOncePlugin',
  version: '1.0.0',
  description: 'The total count of a function’s rows without calling it twice',
  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, _build, { scope }) {
        const { plan } = field
        if (!scope.isPgConnectionTotalCountField || !plan) return field
        return {
          ...field,
          plan: (...parts: Parameters<typeof plan>) => {
            const $connection = parts[0] as unknown as Connection
            const $rows = $connection.getSubplan() as unknown as PgSelectStep
            return $rows.resource?.parameters ? countOnce($connection) : plan(...parts)
          },
        }
      },
    },
  },
}

function countOnce($connection: Connection) {
  const $page = ($connection as unknown as WithPage).setupSubplanWithPagination()
  const $row = $page.row(first($page.items(), true)) as unknown as PgSelectSingleStep
  const $counted = $row.select(sql`count(*) over ()`, TYPES.bigint, false)
  const skips = $connection.getAfter() ?? $connection.getOffset()
  const $size = $connection.getFirst() ?? constant(null)
  const $isUnknown = lambda([$counted, $size], ([counted, size]) =>
    counted == null && (Boolean(skips) || size === 0) ? true : null,
  )
  const $again = $connection.cloneSubplanWithoutPagination('aggregate' as never) as unknown as PgSelectStep
  $again.where(sql`${$again.placeholder(inhibitOnNull($isUnknown) as never, TYPES.boolean)}`)
  const $recounted = $again.singleAsRecord().select(sql`count(*)`, TYPES.bigint, false)
  return lambda([$counted, trap($recounted, TRAP_INHIBITED, { valueForInhibited: 'NULL' })], ([counted, recounted]) =>
    Number(counted ?? recounted ?? 0),
  )
}

// npm run bench -- NAME: the measurements of bench/, against a PostgreSQL server.

import { benchCatalog } from '../bench/catalog/run.ts'
import { benchMetering } from '../bench/metering/run.ts'
import { benchSearch } from '../bench/search/run.ts'
import { orFail, UsageError } from '../server/cli.ts'

await orFail(async () => {
  const [name, ...args] = process.argv.slice(2)
  if (name === 'search') return benchSearch(args)
  if (name === 'catalog') return benchCatalog(args)
  if (name === 'metering') return benchMetering(args)
  throw new UsageError('Usage: npm run bench -- search|catalog|metering [options]')
})

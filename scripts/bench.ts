// npm run bench -- NAME: the measurements of bench/, against a PostgreSQL server.

import { benchMetering } from '../bench/metering/run.ts'
import { benchSearch } from '../bench/search/run.ts'
import { orFail, UsageError } from '../server/cli.ts'

await orFail(async () => {
  const [name, ...args] = process.argv.slice(2)
  if (name === 'search') await benchSearch(args)
  else if (name === 'metering') await benchMetering(args)
  else throw new UsageError('Usage: npm run bench -- search [DIR] [options], or npm run bench -- metering [options]')
})

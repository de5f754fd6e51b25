// npm run bench -- NAME: the measurements of bench/, against a PostgreSQL server.

import { benchSearch } from '../bench/search/run.ts'
import { orFail, UsageError } from '../server/cli.ts'

await orFail(async () => {
  const [name, ...args] = process.argv.slice(2)
  if (name !== 'search') throw new UsageError('Usage: npm run bench -- search [DIR] [options]')
  await benchSearch(args)
})

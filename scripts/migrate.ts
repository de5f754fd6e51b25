// npm run migrate: brings the database to this version. npm run migrate -- down [N]: reverts the last N migrations (1).

import { orFail } from '../server/cli.ts'
import { loadConfig } from '../server/config.ts'
import { openDatabase } from '../server/database.ts'
import { migrateDown, migrateUp } from '../server/migrations.ts'
import { seedPlatform } from '../server/platform-resources.ts'

await orFail(async () => {
  const [direction = 'up', count = '1'] = process.argv.slice(2)
  if (!['up', 'down'].includes(direction) || !/^[1-9]\d*$/.test(count))
    throw new Error('Usage: npm run migrate [-- down [N]]')
  const config = loadConfig({ ...process.env, NODE_ENV: 'development' })
  const database = await openDatabase(config, { mayShare: true })
  try {
    const log = (line: string): void => console.log(line)
    if (direction === 'up') {
      await migrateUp(database.migrationUrl, log)
      log(`The platform's resources are there (${await seedPlatform(database.migrationUrl)} new).`)
    } else await migrateDown(database.migrationUrl, Number(count), log)
  } finally {
    await database.close()
  }
})

// npm run migrate: brings the database to this version. npm run migrate -- down [N]: reverts the last N migrations (1).
// npm run migrate -- drop-extension NAME: removes an extension with its data.

import { orFail } from '../server/cli.ts'
import { loadConfig } from '../server/config.ts'
import { openDatabase } from '../server/database.ts'
import { dropExtension, migrateDown, migrateUp } from '../server/migrations.ts'
import { seedPlatform } from '../server/platform-resources.ts'

await orFail(async () => {
  const [command = 'up', argument] = process.argv.slice(2)
  const fits =
    command === 'up'
      ? argument === undefined
      : command === 'down'
        ? /^[1-9]\d*$/.test(argument ?? '1')
        : command === 'drop-extension' && argument !== undefined
  if (!fits) throw new Error('Usage: npm run migrate [-- down [N] | -- drop-extension NAME]')
  const config = loadConfig({ ...process.env, NODE_ENV: 'development' })
  const database = await openDatabase(config, { mayShare: true })
  try {
    const log = (line: string): void => console.log(line)
    if (command === 'up') {
      await migrateUp(database.migrationUrl, log)
      log(`The platform's resources are there (${await seedPlatform(database.migrationUrl)} new).`)
    } else if (command === 'down') await migrateDown(database.migrationUrl, Number(argument ?? 1), log)
    else await dropExtension(database.migrationUrl, argument ?? '', log)
  } finally {
    await database.close()
  }
})

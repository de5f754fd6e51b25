// Makes a database ready to be served: the embedded one is migrated and seeded by itself, one that was given is only
// looked at, unless it is asked for.

import pg from 'pg'
import type { Config } from './config.ts'
import type { Database } from './database.ts'
import { isCurrent, migrateUp, migrationState } from './migrations.ts'
import { seedPlatform } from './platform-resources.ts'
import { seedDemo } from './seed.ts'

export async function prepareDatabase(
  config: Config,
  database: Database,
  options: { migrate: boolean },
): Promise<void> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    let state = await migrationState(client)
    if (options.migrate || (database.isOwner && !isCurrent(state))) {
      await migrateUp(database.migrationUrl, (line) => console.log(line))
      await seedPlatform(database.migrationUrl)
      state = await migrationState(client)
    }
    if (!isCurrent(state)) {
      const why =
        state.unknown.length > 0 || state.newerVersion
          ? 'The database was migrated by a newer version of Rowhouse.\nStart that version.'
          : 'The database is behind this version.\nRun: npm run migrate (or start with: npm start -- --migrate)'
      throw new Error(`${why}\nnpm run doctor shows the state.`)
    }
  } finally {
    await client.end()
  }
  if (!config.isProduction && (database.isOwner || options.migrate)) await seedDemo(database.migrationUrl)
  await database.markReady()
}

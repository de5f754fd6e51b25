// npm run generate: writes generated/schema.sql and generated/schema.graphql from a database that is built for it, and the
// lists of docs/security.md and docs/governance.md. The tests fail when one of them is stale.

import { execFile } from 'node:child_process'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { lexicographicSortSchema, printSchema } from 'graphql'
import pg from 'pg'
import { makeSchema } from 'postgraphile'
import { orFail } from '../server/cli.ts'
import { createPool } from '../server/database.ts'
import { createPreset } from '../server/graphql/preset.ts'
import { writeSecurityPage } from './exceptions.ts'
import { writeGovernancePage } from './personal-data.ts'

const run = promisify(execFile)
const directory = join(import.meta.dirname, '..', 'generated')

/** The API as clients see it. */
export async function graphqlOf(url: string): Promise<string> {
  const pool = createPool(url, 'rowhouse_authenticator', 2)
  try {
    const { schema } = await makeSchema(createPreset(pool))
    return `${printSchema(lexicographicSortSchema(schema))}\n`
  } finally {
    await pool.end()
  }
}

/** The schemas of Rowhouse itself, not those of extensions beside it. */
async function schemasOf(url: string): Promise<string[]> {
  const domains = await readdir(join(import.meta.dirname, '..', 'sql'))
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `select nspname as name from pg_namespace
        where nspowner = 'rowhouse_owner'::regrole and nspname = any ($1) order by 1`,
      [['app_public', 'analytics', 'vault', ...domains.map((domain) => domain.replace(/^\d+_/, ''))]],
    )
    return rows.map(({ name }) => name)
  } finally {
    await client.end()
  }
}

/** Our schemas as pg_dump prints them, without what differs from one installation to the next. */
export async function sqlOf(url: string): Promise<string> {
  const { stdout } = await run(
    process.env.PG_DUMP ?? 'pg_dump',
    ['--schema-only', ...(await schemasOf(url)).map((name) => `--schema=${name}`), url],
    { maxBuffer: 64 * 1024 * 1024 },
  )
  return stdout
    .split('\n')
    .filter((line) => !/^(--|\\(un)?restrict|SET |SELECT pg_catalog\.set_config)/.test(line))
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trimStart()
}

if (import.meta.main) {
  await orFail(async () => {
    const url = process.env.DATABASE_URL
    if (!url) throw new Error('DATABASE_URL must name a migrated PostgreSQL 15 database.')
    await writeFile(join(directory, 'schema.sql'), await sqlOf(url))
    await writeFile(join(directory, 'schema.graphql'), await graphqlOf(url))
    await writeSecurityPage()
    await writeGovernancePage(url)
    console.log(
      'Wrote generated/schema.sql, generated/schema.graphql and the lists of docs/security.md and docs/governance.md.',
    )
  })
}

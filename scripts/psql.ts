// npm run psql [-- --tenant SLUG [--as EMAIL]] [psql's own options]: psql on the database, the embedded one included;
// with --tenant inside the walls of that tenant, as one of its members. Where psql is not installed, -c SQL works.

import { spawn, spawnSync } from 'node:child_process'
import pg from 'pg'
import { withTool } from '../server/cli.ts'
import { operatorIdentity } from '../server/seed.ts'

await withTool(async ({ pool, database }) => {
  const own = { tenant: take('--tenant'), as: take('--as') }
  const rest = process.argv.slice(2)
  // as every session of the server
  let options = '-c timezone=UTC'
  if (own.tenant) {
    const actor = await operatorIdentity(pool, own.tenant, own.as)
    options += ` -c role=${actor.role} -c rowhouse.tenant_id=${actor.tenant_id} -c rowhouse.user_id=${actor.user_id}`
  }
  if (spawnSync('psql', ['--version']).error) await withoutPsql(database.migrationUrl, options, rest)
  else {
    const child = spawn('psql', ['-X', database.migrationUrl, ...rest], {
      stdio: 'inherit',
      env: { ...process.env, PGOPTIONS: options, PGAPPNAME: 'psql' },
    })
    // Ctrl-C is psql's
    process.on('SIGINT', () => {})
    process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
  }
})

function take(name: string): string | undefined {
  const at = process.argv.indexOf(name)
  return at < 0 ? undefined : process.argv.splice(at, 2)[1]
}

async function withoutPsql(url: string, options: string, rest: string[]): Promise<void> {
  const statement = rest[0] === '-c' ? rest[1] : undefined
  if (!statement) {
    throw new Error(
      `psql is not installed (Debian: apt-get install postgresql-client). One statement works without it: -c "select …"`,
    )
  }
  const client = new pg.Client({ connectionString: url, options })
  await client.connect()
  const results = await client.query(statement)
  for (const result of [results].flat()) console.table(result.rows)
  await client.end()
}

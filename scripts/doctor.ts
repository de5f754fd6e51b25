// npm run doctor: the state of the database on one screen, and what to do about it.

import pg from 'pg'
import { orFail } from '../server/cli.ts'
import { loadConfig } from '../server/config.ts'
import { openDatabase } from '../server/database.ts'
import { type Finding, findings, healthChecks } from '../server/inspection.ts'
import { requireRole } from '../server/logins.ts'
import { isCurrent, migrationState } from '../server/migrations.ts'
import { version } from '../server/version.ts'

/** Of one kind, so that a screen is enough. */
const shownFindings = 12

await orFail(async () => {
  const config = loadConfig({ ...process.env, NODE_ENV: 'development' })
  const database = await openDatabase(config, { mayShare: true })
  const client = new pg.Client({ connectionString: database.migrationUrl })
  try {
    await requireRole(database.migrationUrl, 'rowhouse_owner')
    await client.connect()
    const { rows } = await client.query<{ version: string; login: string; superuser: boolean; vector: string | null }>(`
      select current_setting('server_version') as version, current_user as login,
             (select rolsuper from pg_roles where rolname = current_user) as superuser,
             (select coalesce(max(installed_version), 'available ' || max(default_version))
                from pg_available_extensions where name = 'vector') as vector`)
    const server = rows[0]
    const state = await migrationState(client)
    const line = (name: string, value: unknown): void => console.log(`${name.padEnd(14)}${value}`)
    line('engine', database.isEmbedded ? `embedded (${config.ROWHOUSE_DATA_DIR})` : 'PostgreSQL')
    line('version', server?.version)
    line('login', `${server?.login}${server?.superuser ? ' (superuser)' : ''}`)
    line('pgvector', server?.vector ?? 'missing: install the extension "vector", 0.8 or newer')
    line('applied', state.applied.join(', ') || 'none')
    line('pending', state.pending.join(', ') || 'none')
    line('out of order', state.outOfOrder.join(', ') || 'none')
    line('unknown', state.unknown.join(', ') || 'none')
    line('rules (sql/)', state.rules)
    for (const { name, applied, pending, isUnknown } of state.extensions) {
      const what = isUnknown
        ? 'in the database, but not in ROWHOUSE_EXTENSIONS'
        : `${applied.length} applied, ${pending.length} pending`
      line('extension', `${name}: ${what}`)
    }
    let found: Finding[] = []
    if (state.applied.length > 0 && state.pending.length === 0) {
      const queue = await client.query<{ waiting: number; failed: number }>(`
        select count(*) filter (where attempts < max_attempts)::int as waiting,
               count(*) filter (where attempts >= max_attempts)::int as failed from graphile_worker._private_jobs`)
      line('queue', `${queue.rows[0]?.waiting} waiting, ${queue.rows[0]?.failed} failed for good`)
      // what a whole database has is known for this version's rules only
      if (state.unknown.length === 0 && state.rules === 'current') {
        for (const { part, name, status, message } of await healthChecks(client))
          line('health', `${status === 'ok' ? 'ok' : status.toUpperCase()}  ${part}, ${name}: ${message}`)
        found = await findings(client)
      }
      line('findings', found.length || 'none')
    }
    show(found)
    console.log(`\n${advice(state, found)}`)
    const isWhole = isCurrent(state) && found.length === 0
    if (!isWhole || state.extensions.some(({ isUnknown }) => isUnknown)) process.exitCode = 1
  } finally {
    await client.end()
    await database.close()
  }
})

/** Findings under what to do about them, the first of many. */
function show(found: Finding[]): void {
  for (const [toDo, ofOne] of Map.groupBy(found, (finding) => finding.toDo)) {
    console.log('')
    for (const { what } of ofOne.slice(0, shownFindings)) console.log(what)
    if (ofOne.length > shownFindings) console.log(`… and ${ofOne.length - shownFindings} more.`)
    console.log(`To do: ${toDo}`)
  }
}

function advice(state: Awaited<ReturnType<typeof migrationState>>, found: Finding[]): string {
  if (state.unknown.length > 0)
    return 'A newer version migrated this database. Use that version, or revert with it: npm run migrate -- down.'
  if (state.newerVersion)
    return `The rules are those of version ${state.newerVersion}, which is newer than this one, ${version}. Use that version or a newer one.`
  if (state.outOfOrder.length > 0)
    return 'A pending migration is older than an applied one. Rename it to come last, then: npm run migrate.'
  if (state.pending.length > 0)
    return 'To do: npm run migrate. A migration that fails leaves nothing behind, so it can be run again.'
  const unknown = state.extensions.find(({ isUnknown }) => isUnknown)
  if (unknown)
    return `The database has the extension ${unknown.name}. Name its folder in ROWHOUSE_EXTENSIONS, or remove it: npm run migrate -- drop-extension ${unknown.name}.`
  if (state.rules !== 'current') return 'The rules of sql/ are not those of this version. To do: npm run migrate.'
  if (found.length > 0) {
    const toDo = [...new Set(found.map((finding) => finding.toDo))]
    const count = found.length === 1 ? '1 finding' : `${found.length} findings`
    return `Not in order: ${count}. To do first: ${toDo[0]}`
  }
  return 'Everything is in order.'
}

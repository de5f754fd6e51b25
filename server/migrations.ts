// Brings a database to the state this checkout describes: migrations/ (what holds data) by node-pg-migrate, the queue's
// own schema, then sql/ (what holds rules) in one transaction that ends with the assertion that everything is secured.
// Extensions follow ours in both.

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runMigrations } from 'graphile-worker'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { asRole } from './database.ts'
import { type Extension, extensions, partOf } from './extensions.ts'
import { restoreIndexes, restoreState } from './inspection.ts'
import { whyNotMigrate } from './logins.ts'
import { isNewer, version } from './version.ts'

const root = join(import.meta.dirname, '..')
const migrationsDirectory = join(root, 'migrations')
const rulesDirectory = join(root, 'sql')

export type MigrationState = {
  applied: string[]
  pending: string[]
  /** Applied here, but this checkout has no such migration: the database is ahead. */
  unknown: string[]
  /** Pending, but older than one that is applied. */
  outOfOrder: string[]
  rules: 'current' | 'different' | 'missing'
  /** The version whose rules the database has, when that is a newer one. */
  newerVersion: string | undefined
  extensions: ExtensionState[]
}

export type ExtensionState = {
  name: string
  applied: string[]
  pending: string[]
  /** Installed in the database, but ROWHOUSE_EXTENSIONS does not name its folder. */
  isUnknown: boolean
}

const bookkeeping = { migrationsSchema: 'rowhouse_migrations', migrationsTable: 'migrations' }
const lockKey = 7_269_736_200_001n

type Log = (line: string) => void

export async function migrateUp(databaseUrl: string, log: Log = () => {}): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await refuseNewer(client)
    const whyNot = await whyNotMigrate(client)
    if (whyNot) throw new Error(whyNot)
    const applied = await run(client, 'up', migrationsDirectory, bookkeeping.migrationsTable, log)
    for (const name of applied) log(`Applied ${name}`)
    // generated/schema.sql tells what a database lost, but not what one lacks that has just been made
    if (applied.length === 0) await restoreIndexes(client, log)
    await keepBooks(client)
    await installQueue(databaseUrl, client)
    for (const extension of extensions()) await migrateExtension(client, extension, log)
    await applyRules(client)
    await restoreState(client, log)
    await setTimeZone(client)
    await setAuthenticatorPassword(client)
    log('The rules of sql/ are applied and everything is secured.')
  })
}

/** Logins that set no time zone get UTC, and not that of the server's machine, where the migrating login may say so. */
async function setTimeZone(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(datname) as name from pg_database
      where datname = current_database() and pg_has_role(datdba, 'member')
        and not exists (select from pg_db_role_setting where setdatabase = oid and setrole = 0 and 'TimeZone=UTC' = any (setconfig))`,
  )
  if (rows[0]) await client.query(`alter database ${rows[0].name} set timezone to 'UTC'`)
}

export async function migrateDown(databaseUrl: string, count: number, log: Log = () => {}): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await refuseNewer(client)
    const installed = await extensionStates(client)
    if (installed.length > 0)
      throw new Error(
        `Extensions stand on these tables: ${installed.map(({ name }) => name).join(', ')}.\nDrop each first: npm run migrate -- drop-extension NAME.`,
      )
    await client.query(`delete from ${bookkeeping.migrationsSchema}.rules`)
    for (const name of await run(client, 'down', migrationsDirectory, bookkeeping.migrationsTable, log, count))
      log(`Reverted ${name}`)
  })
}

/** Reverts an extension's migrations, where its folder is at hand, and removes its schema with everything in it. */
export async function dropExtension(databaseUrl: string, name: string, log: Log = () => {}): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    const { rowCount } = await client.query('select from core.extensions where name = $1', [name])
    if (!rowCount)
      throw new Error(`There is no extension ${name} in this database. npm run doctor lists those there are.`)
    const schema = pg.escapeIdentifier(name)
    const migrationsTable = `extension_${name}`
    const known = extensions().find((extension) => extension.name === name)
    if (known) await run(client, 'down', join(known.directory, 'migrations'), migrationsTable, log)
    await client.query('begin')
    try {
      await asRole(client, 'rowhouse_owner', async () => {
        await client.query(`drop schema if exists ${schema} cascade`)
        await client.query('delete from core.extensions where name = $1', [name])
      })
      await client.query(`drop table if exists ${bookkeeping.migrationsSchema}.${pg.escapeIdentifier(migrationsTable)}`)
      await client.query(`delete from ${bookkeeping.migrationsSchema}.rules`)
      await client.query('commit')
    } catch (error) {
      await client.query('rollback')
      throw error
    }
    log(`The extension ${name} is gone. Take its folder out of ROWHOUSE_EXTENSIONS, then: npm run migrate.`)
  })
}

/** An older version must not write over the rules of a newer one: it looks before it touches anything. */
async function refuseNewer(client: pg.Client): Promise<void> {
  const { unknown, newerVersion } = await migrationState(client)
  if (unknown.length > 0)
    throw new Error(
      `A newer version migrated this database: this one does not know ${unknown.join(', ')}.\nNothing was changed. Use that version, or revert with it: npm run migrate -- down.`,
    )
  if (newerVersion)
    throw new Error(
      `The rules of this database are those of version ${newerVersion}, and this is ${version}.\nNothing was changed. Use version ${newerVersion} or a newer one; docs/operations.md tells how to roll back.`,
    )
}

async function run(
  client: pg.Client,
  direction: 'up' | 'down',
  dir: string,
  migrationsTable: string,
  log: Log,
  count = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  // of a migration that fails, its name and line are told below, and not its whole text
  let current = ''
  const warnings: string[] = []
  const info = (line: string): void => {
    current = /### MIGRATION (\S+) /.exec(line)?.[1] ?? current
  }
  try {
    const done = await runner({
      dbClient: client,
      dir,
      direction,
      count,
      migrationsSchema: bookkeeping.migrationsSchema,
      migrationsTable,
      createMigrationsSchema: true,
      migrationLoaderStrategies: [{ extensions: ['.sql'], loader: 'sql' }],
      logger: { debug: () => {}, info, warn: (line) => void warnings.push(line), error: () => {} },
    })
    for (const line of warnings) log(line)
    return done.map(({ name }) => name)
  } catch (error) {
    if (!current) throw error
    const file = `${current}.${direction}.sql`
    const { message, hint, code } = error as Error & { hint?: string; code?: string }
    const text = await readFile(join(dir, file), 'utf8')
    throw Object.assign(new Error(`${file}: ${message}${position(error, text)}`, { cause: error }), { hint, code })
  }
}

/** What was applied is written down where the server's login may read it. */
async function keepBooks(client: pg.Client): Promise<void> {
  await client.query(`
    create table if not exists ${bookkeeping.migrationsSchema}.rules (
      is_only boolean primary key default true check (is_only),
      hash text not null,
      applied_at timestamptz not null default now()
    )`)
  await client.query(`alter table ${bookkeeping.migrationsSchema}.rules add column if not exists version text`)
  await client.query(`grant usage on schema ${bookkeeping.migrationsSchema} to rowhouse_authenticator`)
  await client.query(`grant select on all tables in schema ${bookkeeping.migrationsSchema} to rowhouse_authenticator`)
  await client.query(`grant usage on schema ${bookkeeping.migrationsSchema} to rowhouse_backup`)
  for (const what of ['tables', 'sequences'])
    await client.query(`grant select on all ${what} in schema ${bookkeeping.migrationsSchema} to rowhouse_backup`)
}

async function migrateExtension(client: pg.Client, extension: Extension, log: Log): Promise<void> {
  const schema = pg.escapeIdentifier(extension.name)
  await client.query(`create schema if not exists ${schema} authorization rowhouse_owner`)
  await client.query(
    `grant usage on schema ${schema} to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform, rowhouse_analytics`,
  )
  await asRole(client, 'rowhouse_owner', () =>
    client.query('insert into core.extensions (name) values ($1) on conflict (name) do nothing', [extension.name]),
  )
  const directory = join(extension.directory, 'migrations')
  for (const name of await run(client, 'up', directory, `extension_${extension.name}`, log))
    log(`Applied ${extension.name}: ${name}`)
  await keepBooks(client)
}

/** The queue belongs to rowhouse_queue, which may create schemas only for as long as the queue installs itself. */
async function installQueue(databaseUrl: string, client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select quote_ident(current_database()) as name')
  const database = rows[0]?.name
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1, options: '-c role=rowhouse_queue' })
  pool.on('error', () => {})
  pool.on('connect', (connection) => connection.on('error', () => {}))
  await client.query(`grant create on database ${database} to rowhouse_queue`)
  try {
    await runMigrations({ pgPool: pool })
  } finally {
    await pool.end()
    await client.query(`revoke create on database ${database} from rowhouse_queue`)
  }
}

/** The roles beside the owner that own what the rules create; only while rules are applied may they create anything. */
const creators =
  'rowhouse_platform, rowhouse_queue, rowhouse_own_rows, rowhouse_shared_rows, rowhouse_analytics, rowhouse_reporter'

export async function applyRules(client: pg.Client): Promise<void> {
  const files = await ruleFiles()
  await client.query('begin')
  try {
    await client.query(`set local lock_timeout = '10s'`)
    // functions may be defined before what they call; plpgsql_check looks at all of them in the tests
    await client.query('set local check_function_bodies = off')
    await client.query('select pg_advisory_xact_lock($1)', [lockKey])
    await client.query('set local role rowhouse_owner')
    const schemas = await ownSchemas(client)
    await client.query(`grant create on schema ${schemas} to ${creators}`)
    for (const { path, text } of files) {
      // a file begins as the owner; what stands outside the wall says so where it is written
      await client.query('set local role rowhouse_owner')
      try {
        await client.query(text)
      } catch (error) {
        throw new Error(`${path}: ${(error as Error).message}${position(error, text)}`, { cause: error })
      }
    }
    // a table's columns and their comments are known only now
    await client.query('set local role rowhouse_platform')
    await client.query('call audit.write_recorders()')
    await client.query('set local role rowhouse_owner')
    await client.query(`revoke create on schema ${schemas} from ${creators}`)
    await client.query('call core.complete_tables()')
    await client.query('call audit.put_recorders()')
    await client.query('call core.assert_secured()')
    await client.query('reset role')
    await client.query(
      `insert into ${bookkeeping.migrationsSchema}.rules (hash, version) values ($1, $2)
       on conflict (is_only) do update set hash = excluded.hash, version = excluded.version, applied_at = now()`,
      [hashOf(files), version],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

async function setAuthenticatorPassword(client: pg.Client): Promise<void> {
  const password = process.env.ROWHOUSE_AUTHENTICATOR_PASSWORD
  if (!password) return
  await client.query(`alter role rowhouse_authenticator with password ${pg.escapeLiteral(password)}`)
}

/** What is applied, pending, out of order or unknown. Needs nothing but to read the bookkeeping. */
export async function migrationState(client: pg.ClientBase | pg.Pool): Promise<MigrationState> {
  const names = await migrationNames()
  // a first migration that fails leaves the table of migrations, empty, and no table of rules
  const exists = await hasTable(client, bookkeeping.migrationsTable)
  const applied = exists
    ? (
        await client.query<{ name: string }>(
          `select name from ${bookkeeping.migrationsSchema}.${bookkeeping.migrationsTable} order by id`,
        )
      ).rows.map((row) => row.name)
    : []
  const rules = (await hasTable(client, 'rules'))
    ? (
        await client.query<{ hash: string; version: string | null }>(
          // a database of before 0.1.0 has no column version
          `select r.hash, to_jsonb(r) ->> 'version' as version from ${bookkeeping.migrationsSchema}.rules r`,
        )
      ).rows[0]
    : undefined
  const last = applied.at(-1) ?? ''
  const pending = names.filter((name) => !applied.includes(name))
  return {
    applied,
    pending,
    unknown: applied.filter((name) => !names.includes(name)),
    outOfOrder: pending.filter((name) => name < last),
    rules: rules === undefined ? 'missing' : rules.hash === hashOf(await ruleFiles()) ? 'current' : 'different',
    newerVersion: rules?.version && isNewer(rules.version, version) ? rules.version : undefined,
    extensions: await extensionStates(client),
  }
}

async function hasTable(client: pg.ClientBase | pg.Pool, name: string): Promise<boolean> {
  const { rows } = await client.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
    `${bookkeeping.migrationsSchema}.${name}`,
  ])
  return rows[0]?.exists ?? false
}

async function extensionStates(client: pg.ClientBase | pg.Pool): Promise<ExtensionState[]> {
  const { rows } = await client.query<{ name: string }>(
    `select substr(tablename, length('extension_') + 1) as name from pg_tables where schemaname = $1 and tablename like 'extension\\_%'`,
    [bookkeeping.migrationsSchema],
  )
  const known = extensions()
  const states = known.map(async (extension): Promise<ExtensionState> => {
    const names = await namesOf(join(extension.directory, 'migrations'))
    const table = `${bookkeeping.migrationsSchema}.${pg.escapeIdentifier(`extension_${extension.name}`)}`
    const applied = rows.some(({ name }) => name === extension.name)
      ? (await client.query<{ name: string }>(`select name from ${table} order by id`)).rows.map((row) => row.name)
      : []
    return { name: extension.name, applied, pending: names.filter((name) => !applied.includes(name)), isUnknown: false }
  })
  const unknown = rows
    .filter(({ name }) => !known.some((extension) => extension.name === name))
    .map(({ name }): ExtensionState => ({ name, applied: [], pending: [], isUnknown: true }))
  return [...(await Promise.all(states)), ...unknown]
}

export function isCurrent(state: MigrationState): boolean {
  return (
    state.pending.length === 0 &&
    state.unknown.length === 0 &&
    state.rules === 'current' &&
    state.newerVersion === undefined &&
    state.extensions.every(({ pending }) => pending.length === 0)
  )
}

/** This checkout's files do not change under a process, and /readyz asks for them again and again: they are read once. */
function once<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= read()
    return result
  }
}

const migrationNames = once(() => namesOf(migrationsDirectory))

async function namesOf(directory: string): Promise<string[]> {
  const files = await readdir(directory)
  return files
    .filter((file) => file.endsWith('.up.sql'))
    .map((file) => file.slice(0, -'.up.sql'.length))
    .sort()
}

type RuleFile = { path: string; text: string }

const ownRuleFiles = once(() => filesOf(rulesDirectory, 'sql'))

/** Every file of sql/, then those of the extensions, each in the order of their paths, whose numbers are compared as numbers. */
async function ruleFiles(): Promise<RuleFile[]> {
  const others = extensions().map(async (extension) => {
    const directory = partOf(extension, 'sql')
    return directory ? filesOf(directory, `${extension.name}/sql`) : []
  })
  return [...(await ownRuleFiles()), ...(await Promise.all(others)).flat()]
}

async function filesOf(directory: string, shownAs: string): Promise<RuleFile[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sql'))
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return Promise.all(
    paths.map(async (path) => ({ path: `${shownAs}/${path}`, text: await readFile(join(directory, path), 'utf8') })),
  )
}

async function ownSchemas(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ names: string }>(
    `select string_agg(quote_ident(nspname), ', ') as names from pg_namespace where nspowner = 'rowhouse_owner'::regrole`,
  )
  return rows[0]?.names ?? 'app_public'
}

function hashOf(files: RuleFile[]): string {
  const hash = createHash('sha256')
  for (const { path, text } of files) hash.update(`${path}\0${text}\0`)
  return hash.digest('hex')
}

/** The line an error of PostgreSQL points to. */
function position(error: unknown, text: string): string {
  const at = Number((error as { position?: string }).position)
  return at > 0 ? ` (line ${text.slice(0, at).split('\n').length})` : ''
}

async function withClient<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl })
  // a connection that breaks fails the statement at hand; without a listener it would end the process first
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

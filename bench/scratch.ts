// A database of its own for each part of a measurement. It is dropped at the end, after a failure and on Ctrl-C.

import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { migrateUp } from '../server/migrations.ts'

/** The databases there are, and when each had been created. */
const open = new Map<string, { serverUrl: string; created: Promise<unknown> }>()

let dropsOnSignal = false

/** Drops what is open when the process is told to stop. */
export function dropOnSignal(): void {
  if (dropsOnSignal) return
  dropsOnSignal = true
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, async () => {
      // connections that others opened are cut as well
      process.on('uncaughtException', () => {})
      console.error(`\nDropping ${[...open.keys()].join(', ') || 'nothing'} …`)
      for (const [name, { serverUrl, created }] of open) {
        await created.catch(() => {})
        await dropDatabase(serverUrl, name).catch((error: Error) =>
          console.error(`${name} is still there: ${error.message}`),
        )
      }
      process.exit(130)
    })
  }
}

/** A database that is migrated already; while there is one, scratch databases are its copies. */
let template: string | undefined

/** Migrates once for all scratch databases that the work asks for. */
export async function withTemplate<T>(serverUrl: string, work: () => Promise<T>): Promise<T> {
  return withDatabase(serverUrl, 'template0', async (url, name) => {
    await migrateUp(url)
    template = name
    try {
      return await work()
    } finally {
      template = undefined
    }
  })
}

/** A database that is migrated to what this checkout describes, for as long as the work takes. */
export async function withScratch<T>(serverUrl: string, work: (url: string) => Promise<T>): Promise<T> {
  return withDatabase(serverUrl, template ?? 'template0', async (url) => {
    if (!template) await migrateUp(url)
    return work(url)
  })
}

async function withDatabase<T>(
  serverUrl: string,
  copied: string,
  work: (url: string, name: string) => Promise<T>,
): Promise<T> {
  const name = `rowhouse_bench_${randomBytes(4).toString('hex')}`
  const created = withClient(serverUrl, (client) => client.query(`create database ${name} template ${copied}`))
  open.set(name, { serverUrl, created })
  try {
    await created
    const url = new URL(serverUrl)
    url.pathname = `/${name}`
    return await work(url.href, name)
  } finally {
    await dropDatabase(serverUrl, name)
    open.delete(name)
  }
}

function dropDatabase(serverUrl: string, name: string): Promise<unknown> {
  return withClient(serverUrl, (client) => client.query(`drop database if exists ${name} with (force)`))
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'rowhouse_bench' })
  // a connection that is cut fails the statement it has, not the process
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export type Server = {
  engine: string
  pgvector: string
  settings: Record<string, string>
}

/** What is measured on, or an error that says why it cannot be. */
export async function inspectServer(url: string): Promise<Server> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{
      version: string
      number: number
      is_superuser: boolean
      pgvector: string | null
      settings: Record<string, string>
    }>(`
      select version(), current_setting('server_version_num')::int as number,
             (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
             (select default_version from pg_available_extensions where name = 'vector') as pgvector,
             (select json_object_agg(name, current_setting(name) order by name) from pg_settings
               where name in ('shared_buffers', 'fsync', 'max_parallel_workers_per_gather')) as settings`)
    const found = rows[0]
    if (!found) throw new Error('The server does not say what it is.')
    if (/emscripten/i.test(found.version))
      throw new Error('The embedded engine is not measured: name a PostgreSQL server by --url or DATABASE_URL.')
    if (found.number < 150_000) throw new Error(`PostgreSQL 15 or later is needed; this is ${found.version}.`)
    if (!found.pgvector) throw new Error('The server has no pgvector; scripts/postgres-debian.sh builds it.')
    if (!found.is_superuser) throw new Error('A superuser is needed, who may create databases and load them directly.')
    return {
      engine: found.version.split(' ').slice(0, 2).join(' '),
      pgvector: found.pgvector,
      settings: found.settings,
    }
  })
}

// A backup restores: all demo data, by each way of docs/operations.md, into a fresh server that has nothing but the roles.

import { exec } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../server/config.ts'
import { createPool, openDatabase } from '../../server/database.ts'
import { migrateUp } from '../../server/migrations.ts'
import { seedPlatform } from '../../server/platform-resources.ts'
import { demoTenants, operatorIdentity, seedDemo } from '../../server/seed.ts'
import { processSource } from '../../server/worker/drain.ts'
import { type FreshServer, hasLocalServer, startFreshServer } from '../helpers/fresh-server.ts'
import { engine } from '../helpers/index.ts'
import { root, run } from '../helpers/processes.ts'
import { withDatabase } from '../helpers/setup.ts'

const shell = promisify(exec)
const canRun = engine().kind === 'postgres' && engine().version === 15 && (await hasLocalServer(15))
const freshDatabases = ['by_psql', 'by_pg_restore', 'by_administrator']

/** The first of three. */

let old: FreshServer
let fresh: FreshServer
let folder: string
let source: string
let contents: Contents

/** Every row of every table and materialized view, as a count and a sum of hashes, in which the order does not matter. */
type Contents = Record<string, string>

async function query<R extends pg.QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<R>(text)).rows
  } finally {
    await client.end()
  }
}

async function contentsOf(url: string): Promise<Contents> {
  const relations = await query<{ name: string }>(
    url,
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and c.relpersistence = 'p' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`,
  )
  const counts = await query<{ name: string; content: string }>(
    url,
    relations
      .map(
        ({ name }) =>
          `select '${name}' as name, count(*) || ' rows ' || coalesce(sum(hashtextextended(t::text, 0)), 0) as content from ${name} t`,
      )
      .join(' union all '),
  )
  return Object.fromEntries(counts.map(({ name, content }) => [name, content]))
}

beforeAll(async () => {
  if (!canRun) return
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-restore-'))
  ;[old, fresh] = await Promise.all([startFreshServer(), startFreshServer()])
  await query(old.url, 'create database house')
  source = withDatabase(old.url, 'house')
  await fill(source)
  contents = await contentsOf(source)
  await shell(`pg_dumpall -d ${old.url} --roles-only | psql -q ${fresh.url}`)
  for (const name of freshDatabases) await query(fresh.url, `create database ${name}`)
}, 120_000)

afterAll(async () => {
  await Promise.all([old?.stop(), fresh?.stop()])
  if (folder) await rm(folder, { recursive: true })
})

beforeEach((context) => {
  if (!canRun) context.skip('two servers of PostgreSQL 15 are started from this machine’s binaries')
})

/** All demo data, searchable, with figures that are new. */
async function fill(url: string): Promise<void> {
  await migrateUp(url)
  await seedPlatform(url)
  await seedDemo(url)
  await indexDemo(url)
  await query(url, 'select observability.refresh_materialized_view_now(name) from observability.materialized_views')
}

async function indexDemo(url: string): Promise<void> {
  const config = loadConfig({ NODE_ENV: 'test', DATABASE_URL: url })
  const database = await openDatabase(config, { mayShare: false })
  const pool = createPool(url, 'rowhouse_authenticator', 2)
  const workerPool = createPool(url, 'rowhouse_worker', 4)
  try {
    for (const { slug } of demoTenants) {
      const actor = await operatorIdentity(pool, slug)
      const sources = await query<{ id: string }>(
        url,
        `select id from app_public.rag_knowledge_sources where tenant_id = '${actor.tenant_id}'`,
      )
      for (const { id } of sources)
        await processSource({ config, database, pool, workerPool, actor, sourceId: id }, () => {})
    }
  } finally {
    await Promise.all([pool.end(), workerPool.end()])
  }
}

async function expectWhole(url: string, expected = contents): Promise<void> {
  expect(await contentsOf(url)).toEqual(expected)
  expect(await query(url, 'select matviewname from pg_matviews where not ispopulated')).toEqual([])
  const doctor = await run('scripts/doctor.ts', [], { DATABASE_URL: url })
  expect(doctor).toMatchObject({ code: 0, output: expect.stringContaining('Everything is in order.') })
}

describe('a backup restores whole', () => {
  it('and there is something to restore', () => {
    expect(Object.values(contents).filter((content) => !content.startsWith('0 rows')).length).toBeGreaterThan(30)
    expect(contents['observability.mv_tenant_resource_counts']).toMatch(/^3 rows/)
  })

  it('by pg_dump | psql', async () => {
    const target = withDatabase(fresh.url, 'by_psql')
    await shell(`set -o pipefail; pg_dump ${source} | psql -q -v ON_ERROR_STOP=1 ${target}`, { shell: '/bin/bash' })
    await expectWhole(target)
  })

  it('into PostgreSQL 17', async (context) => {
    if (!(await hasLocalServer(17))) context.skip('scripts/postgres-debian.sh 17 has not been run here')
    const newer = await startFreshServer(17)
    try {
      await shell(`pg_dumpall -d ${old.url} --roles-only | psql -q ${newer.url}`)
      await query(newer.url, 'create database house')
      const target = withDatabase(newer.url, 'house')
      await shell(`pg_dump -Fc -f ${folder}/to_17.dump ${source}`)
      await shell(`pg_restore --exit-on-error -d ${target} ${folder}/to_17.dump`)
      await expectWhole(target)
    } finally {
      await newer.stop()
    }
  })

  it('by pg_dump -Fc and pg_restore', async () => {
    const target = withDatabase(fresh.url, 'by_pg_restore')
    await shell(`pg_dump -Fc -f ${folder}/house.dump ${source}`)
    await shell(`pg_restore --exit-on-error -d ${target} ${folder}/house.dump`)
    await expectWhole(target)
  })
})

describe('an administrator who neither is a superuser nor bypasses policies', () => {
  const as = (url: string): string => url.replace('//postgres@', '//administrator@')
  const roles = [
    'owner',
    'authenticator',
    'user',
    'worker',
    'admin',
    'platform',
    'analyst',
    'queue',
    'backup',
    'own_rows',
    'shared_rows',
    'analytics',
    'reporter',
  ]
    .map((name) => `rowhouse_${name}`)
    .join(', ')
  let managed: string
  let expected: Contents

  beforeAll(async () => {
    if (!canRun) return
    for (const { url } of [old, fresh])
      await query(url, `create role administrator login createrole; grant ${roles} to administrator with admin option`)
    await query(old.url, 'create database managed owner administrator')
    await query(fresh.url, 'alter database by_administrator owner to administrator')
    managed = withDatabase(old.url, 'managed')
    // a managed service lets its administrator do this; Debian's package does not
    for (const url of [managed, withDatabase(fresh.url, 'by_administrator')])
      await query(url, 'create extension vector')
    await fill(as(managed))
    expected = await contentsOf(managed)
  })

  it('dumps all tenants as rowhouse_backup, which no policy keeps anything from', async () => {
    await expect(shell(`pg_dump -Fc -f ${folder}/refused.dump ${as(managed)}`)).rejects.toThrow('row-level security')
    await shell(`pg_dump -Fc --enable-row-security --role=rowhouse_backup -f ${folder}/managed.dump ${as(managed)}`)
    const target = withDatabase(fresh.url, 'of_administrator')
    await query(fresh.url, 'create database of_administrator')
    await shell(`pg_restore --exit-on-error -d ${target} ${folder}/managed.dump`)
    await expectWhole(target, expected)
  })

  it('restores it by scripts/restore-as-administrator.sh and migrate', async () => {
    const target = withDatabase(fresh.url, 'by_administrator')
    await shell(`scripts/restore-as-administrator.sh ${folder}/managed.dump ${as(target)}`, { cwd: root })
    // the script lets roles create in our schemas, and migrate takes that back
    await migrateUp(as(target))
    const creators = await query(
      target,
      `select n.nspname, a.grantee::regrole from pg_namespace n, aclexplode(n.nspacl) a
        where n.nspowner = 'rowhouse_owner'::regrole and a.privilege_type = 'CREATE' and a.grantee <> n.nspowner`,
    )
    expect(creators).toEqual([])
    const doctor = await run('scripts/doctor.ts', [], { DATABASE_URL: as(target) })
    expect(doctor).toMatchObject({ code: 0, output: expect.stringContaining('Everything is in order.') })
    const { 'rowhouse_migrations.rules': _applied, ...rest } = await contentsOf(target)
    const { 'rowhouse_migrations.rules': _before, ...before } = expected
    expect(rest).toEqual(before)
  })
})

it('rowhouse_backup reads every row of every table, and writes none', async () => {
  const tables = await query<{ name: string; can_write: boolean }>(
    source,
    `select c.oid::regclass::text as name, has_table_privilege('rowhouse_backup', c.oid, 'insert, update, delete, truncate, trigger') as can_write
       from pg_class c where c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'`,
  )
  expect(tables.filter(({ can_write }) => can_write)).toEqual([])
  const counts = tables.map(({ name }) => `select '${name}' as name, count(*) from ${name}`).join(' union all ')
  const client = new pg.Client({ connectionString: source, options: '-c role=rowhouse_backup' })
  await client.connect()
  const { rows } = await client.query(counts)
  await client.end()
  expect(rows).toEqual(await query(source, counts))
})

describe('a materialized view that is empty after a restore', () => {
  it('is filled by its next refresh', async () => {
    await query(source, 'refresh materialized view observability.mv_popular_agents with no data')
    await query(source, `select observability.refresh_materialized_view_now('mv_popular_agents')`)
    expect(await query(source, 'select matviewname from pg_matviews where not ispopulated')).toEqual([])
  })

  it('is a finding of doctor, and filled by migrate', async () => {
    await query(source, 'refresh materialized view observability.mv_popular_agents with no data')
    const before = await run('scripts/doctor.ts', [], { DATABASE_URL: source })
    expect(before).toMatchObject({ code: 1, output: expect.stringContaining('observability.mv_popular_agents') })
    expect((await run('scripts/migrate.ts', [], { DATABASE_URL: source })).code).toBe(0)
    expect((await run('scripts/doctor.ts', [], { DATABASE_URL: source })).code).toBe(0)
  })
})

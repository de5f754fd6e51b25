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
import { run } from '../helpers/processes.ts'
import { withDatabase } from '../helpers/setup.ts'

const shell = promisify(exec)
const canRun = engine().kind === 'postgres' && engine().version === 15 && (await hasLocalServer())
const freshDatabases = ['by_psql', 'by_pg_restore', 'by_administrator']

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
  await migrateUp(source)
  await seedPlatform(source)
  await seedDemo(source)
  await indexDemo(source)
  await query(source, 'select observability.refresh_materialized_view_now(name) from observability.materialized_views')
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

async function expectWhole(url: string): Promise<void> {
  expect(await contentsOf(url)).toEqual(contents)
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

  it('by pg_dump -Fc and pg_restore', async () => {
    const target = withDatabase(fresh.url, 'by_pg_restore')
    await shell(`pg_dump -Fc -f ${folder}/house.dump ${source}`)
    await shell(`pg_restore --exit-on-error -d ${target} ${folder}/house.dump`)
    await expectWhole(target)
  })
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

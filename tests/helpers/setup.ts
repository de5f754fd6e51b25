// Chooses the database engine once for all tests and builds the template that every test file gets a clone of:
// TEST_DATABASE_URL, else Docker, else PostgreSQL binaries with pgvector of this machine, else the embedded engine.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { openEmbeddedEngine } from '../../server/embedded-engine.ts'
import { migrateUp } from '../../server/migrations.ts'
import { hasLocalServer, startFreshServer } from './fresh-server.ts'
import { createPeople } from './people.ts'

const run = promisify(execFile)
const templateName = 'rowhouse_test_template'

export type TestEngine =
  | { kind: 'postgres'; url: string; templateName: string; version: number; description: string }
  | { kind: 'pglite'; templatePath: string; version: number; description: string }

declare module 'vitest' {
  interface ProvidedContext {
    engine: TestEngine
  }
}

type Server = { url: string; origin: string; stop: () => Promise<void> }

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = process.env.TEST_ENGINE === 'pglite' ? undefined : await findServer()
  const { engine, teardown } = server ? await onServer(server) : await onEmbedded()
  console.log(`Engine: ${engine.description}`)
  project.provide('engine', engine)
  return teardown
}

async function findServer(): Promise<Server | undefined> {
  if (process.env.TEST_DATABASE_URL) {
    return { url: process.env.TEST_DATABASE_URL, origin: 'TEST_DATABASE_URL', stop: async () => {} }
  }
  return (await dockerServer()) ?? (await localServer())
}

async function dockerServer(): Promise<Server | undefined> {
  try {
    await run('docker', ['info'], { timeout: 5_000 })
  } catch {
    return undefined
  }
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql')
  const container = await new PostgreSqlContainer('pgvector/pgvector:pg18').start()
  return {
    url: container.getConnectionUri(),
    origin: 'Docker',
    stop: async () => {
      await container.stop()
    },
  }
}

async function localServer(): Promise<Server | undefined> {
  if (!(await hasLocalServer(15))) return undefined
  return { ...(await startFreshServer()), origin: 'local binaries' }
}

async function onServer(server: Server): Promise<{ engine: TestEngine; teardown: () => Promise<void> }> {
  const admin = new pg.Client({ connectionString: server.url })
  await admin.connect()
  const { rows } = await admin.query<{ version: string }>(`select current_setting('server_version_num') as version`)
  const version = Math.floor(Number(rows[0]?.version) / 10_000)
  const name = `${templateName}_${process.pid}`
  await admin.query(`drop database if exists ${name} with (force)`)
  await admin.query(`create database ${name}`)
  const url = withDatabase(server.url, name)
  await migrateUp(url)
  await createPeople(url)
  return {
    engine: {
      kind: 'postgres',
      url: server.url,
      templateName: name,
      version,
      description: `PostgreSQL ${version} (${server.origin})`,
    },
    teardown: async () => {
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.end()
      await server.stop()
    },
  }
}

async function onEmbedded(): Promise<{ engine: TestEngine; teardown: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'rowhouse-test-'))
  const templatePath = join(directory, 'template')
  const engine = await openEmbeddedEngine({})
  await migrateUp(engine.connectionString)
  await createPeople(engine.connectionString)
  await writeFile(templatePath, await engine.dump())
  await engine.close()
  const why = process.env.TEST_ENGINE === 'pglite' ? 'as TEST_ENGINE asks' : 'no PostgreSQL server found'
  return {
    engine: { kind: 'pglite', templatePath, version: 18, description: `embedded PGlite (PostgreSQL 18), ${why}` },
    teardown: () => rm(directory, { recursive: true }),
  }
}

export function withDatabase(url: string, name: string): string {
  const parsed = new URL(url)
  parsed.pathname = `/${name}`
  return parsed.toString()
}

export const readTemplate = (path: string): Promise<Buffer> => readFile(path)

// npm run person and npm run tenant: exports and erasures from the command line.

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { type Outcome, run } from '../helpers/processes.ts'

const db = useDatabase()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-person-'))
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach((context) => needsServer(context, 'DATABASE_URL names a server'))

const tool = (script: string, ...args: string[]): Promise<Outcome> =>
  run(`scripts/${script}.ts`, args, { DATABASE_URL: db.url, ROWHOUSE_DATA_DIR: join(folder, 'data') })

it('exports a person into a ZIP that only its owner reads, and overwrites nothing', async () => {
  const file = join(folder, 'member.zip')
  const first = await tool('person', 'export', '--email', 'member@acme.test', '--to', file)
  expect(first.code).toBe(0)
  expect((await readFile(file)).subarray(0, 2).toString()).toBe('PK')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await tool('person', 'export', '--email', 'member@acme.test', '--to', file)).code).toBe(1)
  expect(
    (
      await db.pool.query(
        'select from governance.export_parts p join app_public.data_exports e on e.id = p.export_id where e.sha256 is null',
      )
    ).rowCount,
  ).toBe(0)
})

it('counts by default, erases with --yes, and prints the receipt', async () => {
  const erase = (...more: string[]) => tool('person', 'erase', '--email', 'viewer@acme.test', ...more)
  expect((await erase()).output).toContain('Nothing was erased')
  expect((await erase('--yes')).output).toMatch(/"app_public.user_tenants": \{"erased": 1\}/)
  expect((await erase('--yes')).output).toContain('There is no person with this e-mail address.')
})

it('refuses to erase a tenant that was not cancelled', async () => {
  expect((await tool('tenant', 'erase', '--slug', 'acme', '--yes')).output).toContain('30 days after it was cancelled')
  expect((await tool('tenant', 'erase', '--slug', 'acme')).output).toContain('Nothing was erased')
})

// npm run ingest as a person runs it again and again on a folder that changes.

import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { type Outcome, run } from '../helpers/processes.ts'

const db = useDatabase()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-ingest-'))
})
afterAll(() => rm(folder, { recursive: true }))

beforeEach((context) => needsServer(context, 'DATABASE_URL names a server'))

const tool = (script: string, ...args: string[]): Promise<Outcome> =>
  run(`scripts/${script}.ts`, args, { DATABASE_URL: db.url, ROWHOUSE_DATA_DIR: join(folder, 'data') })
const ingest = (source: string, ...args: string[]): Promise<Outcome> =>
  tool('ingest', '--tenant', 'acme', '--source', source, ...args)
const hits = async (word: string): Promise<number> => {
  const { rows } = await db.pool.query<{ count: number }>(
    `select count(*)::int as count from app_public.document_chunks where tenant_id = $1 and content_tsvector @@ to_tsquery('english', $2)`,
    [db.acme.id, word],
  )
  return rows[0]?.count ?? 0
}

it('a folder is loaded whole, loaded again without a change, and followed when files are renamed', async () => {
  const files = join(folder, 'same-name')
  for (const name of ['a', 'b']) {
    await mkdir(join(files, name), { recursive: true })
    await writeFile(join(files, name, 'README.md'), `# Service ${name}`)
    await writeFile(join(files, name, 'faq.jsonl'), `{"text": "Answer of ${name}"}`)
  }
  await symlink(join(files, 'a', 'README.md'), join(files, 'link.md'))
  const first = await ingest('same-name', files)
  expect(first.output).toMatch(/4 new, 0 replaced, 0 unchanged, 0 tried again, 1 refused/)
  expect(first.output).toContain('link.md: It is a symbolic link. Name what it refers to.')
  expect(first.output).toContain('same-name now has 4 searchable documents, 0 failed.')
  expect((await ingest('same-name', join(files, 'a'), join(files, 'b'))).output).toMatch(
    /0 new, 0 replaced, 4 unchanged/,
  )

  await rename(join(files, 'b'), join(files, 'c'))
  const renamed = await ingest('same-name', files)
  expect(renamed.output).toMatch(/2 new, 0 replaced, 2 unchanged/)
  expect(renamed.output).toContain('2 of the source are not among these files; --prune deletes them.')
  const pruned = await ingest('same-name', '--prune', files)
  expect(pruned.output).toContain('2 that are not among these files were deleted.')
  expect(pruned.output).toContain('same-name now has 4 searchable documents, 0 failed.')
})

it('a file that breaks is reported, and its version before stays searchable', async () => {
  const file = join(folder, 'leave.txt')
  await writeFile(file, 'Parental leave lasts fourteen weeks for narwhals.')
  expect((await ingest('broken', file)).code).toBe(0)
  expect(await hits('narwhals')).toBe(1)
  await writeFile(file, 'Parental leave\0')
  const broken = await ingest('broken', file)
  expect(broken.code).toBe(1)
  expect(broken.output).toMatch(/leave\.txt: The file .* Its version before stays searchable\./)
  expect(await hits('narwhals')).toBe(1)
  await writeFile(file, 'Parental leave lasts sixteen weeks for belugas.')
  expect((await ingest('broken', file)).code).toBe(0)
  expect([await hits('narwhals'), await hits('belugas')]).toEqual([0, 1])
})

it('psql inside a tenant says UTC, whatever the database says', async () => {
  const name = new URL(db.url).pathname.slice(1)
  await db.pool.query(`alter database ${name} set timezone to 'Asia/Tokyo'`)
  for (const tenant of [[], ['--tenant', 'acme']])
    expect((await tool('psql', ...tenant, '-c', 'show timezone')).output).toContain('UTC')
})

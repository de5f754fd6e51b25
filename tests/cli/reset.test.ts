// What goes wrong around a start on the embedded engine: a port that is taken, a tool that comes too early, a folder that
// is deleted while it is used.

import { access, mkdtemp, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Running, run, start } from '../helpers/processes.ts'

let folder: string
let environment: Record<string, string>
let server: Running | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-reset-'))
  environment = { ROWHOUSE_DATA_DIR: join(folder, 'data'), PORT: '0', LOG_LEVEL: 'silent' }
})
afterAll(async () => {
  server?.kill('SIGKILL')
  await server?.ended
  await rm(folder, { recursive: true, maxRetries: 10 })
})

const countDocuments = () =>
  run('scripts/psql.ts', ['--tenant', 'acme', '-c', 'select count(*) from app_public.documents'], environment)

it('a port that is taken is told before a database is made', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as { port: number }
  const { code, output } = await run('server.ts', [], { ...environment, PORT: String(port) })
  expect([code, output]).toEqual([1, expect.stringContaining('Choose another port')])
  await expect(access(join(folder, 'data', 'data'))).rejects.toThrow()
  other.close()
})

it('tools that come during the first start wait for it', async () => {
  server = start('server.ts', [], environment)
  // it has the folder, and no database yet
  await expect.poll(() => access(join(folder, 'data', 'engine.lock')).then(() => true), { timeout: 20_000 }).toBe(true)
  const tools = await Promise.all([countDocuments(), countDocuments()])
  for (const { code, output } of tools) expect([code, output]).toEqual([0, expect.stringMatching(/\b4\b/)])
  await server.says('Stop with')
})

it('deleting the folder is a reset: what runs on it stops with a reason, and the next start begins anew', async () => {
  await rm(join(folder, 'data'), { recursive: true, maxRetries: 10 })
  const { code, output } = await (server as Running).ended
  expect([code, output]).toEqual([1, expect.stringContaining('was deleted or replaced')])
  server = start('server.ts', [], environment)
  await server.says('Stop with')
  expect(await countDocuments()).toMatchObject({ code: 0 })
})

it('so is another folder in its place', async () => {
  await rename(join(folder, 'data'), join(folder, 'moved'))
  expect(await (server as Running).ended).toMatchObject({
    code: 1,
    output: expect.stringContaining('was deleted or replaced'),
  })
  // the one that was moved away is whole
  environment = { ...environment, ROWHOUSE_DATA_DIR: join(folder, 'moved') }
  expect(await countDocuments()).toMatchObject({ code: 0, output: expect.stringMatching(/\b4\b/) })
})

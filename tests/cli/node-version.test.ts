// Every command says in words when the system's Node is too old to install ours, and runs on ours otherwise.

import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../helpers/processes.ts'

const run = promisify(execFile)
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-node-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function withSystemNode(version: string) {
  await writeFile(join(folder, 'node'), `#!/bin/sh\necho ${version}\n`)
  await chmod(join(folder, 'node'), 0o755)
  const script = ['scripts/run.sh', '-p', 'process.versions.node']
  return run('sh', script, { cwd: root, env: { PATH: `${folder}:/usr/bin:/bin` } }).catch((error) => error)
}

it('a Node that is too old is named, and the one that is needed', async () => {
  const { code, stderr } = await withSystemNode('v16.20.2')
  expect(code).toBe(1)
  expect(stderr).toMatch(/needs Node 20 or newer.*finds v16\.20\.2/)
})

it('with any other, programs run on the Node of the lock file', async () => {
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  // dependencies that look old are "installed" first, by an npm that runs on the false node and does nothing
  expect((await withSystemNode('v20.0.0')).stdout.trim().split('\n').at(-1)).toBe(dependencies.node)
})

it('tests too', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  expect(scripts.test).toMatch(/^sh scripts\/run\.sh /)
})

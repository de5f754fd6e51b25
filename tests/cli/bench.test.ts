// npm run bench: its smallest run, and what it refuses. CI runs every part in miniature (.ci/run).

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openEmbeddedEngine } from '../../server/embedded-engine.ts'
import { isRealServer, needsServer, useDatabase } from '../helpers/index.ts'
import { type Outcome, root, run } from '../helpers/processes.ts'

const db = useDatabase()
const results = join(root, 'bench/results')

const bench = (url: string, ...args: string[]): Promise<Outcome> =>
  run('scripts/bench.ts', args, { TEST_DATABASE_URL: url })

async function filesOfResults(): Promise<string[]> {
  const names = await readdir(results)
  return Promise.all(names.map(async (name) => `${name} ${(await stat(join(results, name))).mtimeMs}`))
}

describe('npm run bench -- catalog --smoke', () => {
  let before: string[]
  let outcome: Outcome
  beforeAll(async () => {
    if (!isRealServer()) return
    before = await filesOfResults()
    outcome = await bench(db.url, 'catalog', '--smoke')
  })
  beforeEach((context) => needsServer(context, 'measurements need a server'))

  it('runs each part once and prints a line for it', () => {
    expect(outcome.output).toMatch(
      /^catalog: 2 tenants of 50 agents, [\d.]+ s\ncatalog: a tenant of 1000 agents, [\d.]+ s\n$/,
    )
    expect(outcome.code).toBe(0)
  })

  it('leaves the kept reports alone', async () => {
    expect(await filesOfResults()).toEqual(before)
  })
})

describe('npm run bench', () => {
  it('names the measurements when none is chosen', async () => {
    const { code, output } = await bench(db.url)
    expect(output).toBe(
      'Usage: npm run bench -- all|search|catalog|metering|billing|observability|analytics|graphql|governance|runtime|memory|ml|mixed [options]\n',
    )
    expect(code).toBe(1)
  })

  it('tells the options when one is out of its range', async () => {
    const { code, output } = await bench(db.url, 'metering', '--rounds', '0')
    expect(output).toContain('→ at rounds\nUsage: npm run bench -- metering [options]\n')
    expect(code).toBe(1)
  })

  it('refuses the embedded engine', async () => {
    const embedded = await openEmbeddedEngine({})
    const { code, output } = await bench(embedded.connectionString, 'catalog')
    await embedded.close()
    expect(output).toContain('The embedded engine is not measured')
    expect(code).toBe(1)
  })
})

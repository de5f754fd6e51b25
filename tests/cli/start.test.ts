// npm start on the embedded engine: from nothing to a search, a second start, a kill in the middle of work.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Running, run, start } from '../helpers/processes.ts'

let folder: string
let server: Running
let environment: Record<string, string>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-start-'))
  environment = { ROWHOUSE_DATA_DIR: join(folder, 'data'), PORT: '0', LOG_LEVEL: 'silent' }
})
afterAll(async () => {
  server?.kill('SIGKILL')
  await server?.ended
  await rm(folder, { recursive: true })
})

const addressOf = (output: string): string => /GraphQL +(\S+)\/graphql/.exec(output)?.[1] as string
const tokenOf = (output: string, email: string): string => new RegExp(`${email}\\s+(\\S+)`).exec(output)?.[1] as string

async function ask(output: string, query: string, email = 'owner@acme.test') {
  const response = await fetch(`${addressOf(output)}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${tokenOf(output, email)}` },
    body: JSON.stringify({ query }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  return (await response.json()) as any
}

async function untilProcessed(
  output: string,
  source: string,
): Promise<{ completed: number; failed: number; chunkCount: number }> {
  for (;;) {
    const { data } = await ask(
      output,
      `{ knowledgeSources(filter: {name: {equalTo: "${source}"}}) { nodes { chunkCount processingCounts { pending processing completed failed } } } }`,
    )
    const [found] = data.knowledgeSources.nodes
    if (found && found.processingCounts.pending + found.processingCounts.processing === 0)
      return { ...found.processingCounts, chunkCount: found.chunkCount }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

it('makes a database, two tenants and their handbooks, and finds in each only what is its own', async () => {
  server = start('server.ts', [], environment)
  const output = await server.says('Stop with')
  expect(await untilProcessed(output, 'Handbook')).toMatchObject({ completed: 4, failed: 0 })
  const found = async (email: string): Promise<string[]> =>
    (await ask(output, '{ search(query: "vacation") { nodes { title } } }', email)).data.search.nodes.map(
      ({ title }: { title: string }) => title,
    )
  expect((await found('owner@acme.test'))[0]).toBe('Leave and vacation')
  expect((await found('owner@globex.test'))[0]).toBe('Shifts and rest')
})

it('says that one is running when it is started again in the same folder', async () => {
  expect(await run('server.ts', [], environment)).toMatchObject({
    code: 1,
    output: expect.stringContaining('running already'),
  })
})

it('lets tools work beside it', async () => {
  const { code, output } = await run(
    'scripts/psql.ts',
    ['--tenant', 'acme', '-c', `select count(*) as documents from app_public.documents`],
    environment,
  )
  expect([code, output]).toEqual([0, expect.stringMatching(/\b4\b/)])
})

it('loses nothing and does nothing twice when it is killed while documents are loaded', async () => {
  const path = join(folder, 'many.jsonl')
  await writeFile(
    path,
    Array.from({ length: 400 }, (_, i) =>
      JSON.stringify({ id: `${i}`, title: `Text ${i}`, text: `About number ${i}. `.repeat(80) }),
    ).join('\n'),
  )
  const loading = start('scripts/ingest.ts', ['--tenant', 'acme', '--source', 'many', path], environment)
  const output = await server.says('Stop with')
  for (;;) {
    const { data } = await ask(output, '{ documents(filter: {processingStatus: {equalTo: completed}}) { totalCount } }')
    if (data.documents.totalCount > 60) break
  }
  server.kill('SIGKILL')
  await server.ended
  expect((await loading.ended).code).toBe(1)

  server = start('server.ts', [], environment)
  const again = await server.says('Stop with')
  expect(
    (await run('scripts/ingest.ts', ['--tenant', 'acme', '--source', 'many', path], environment)).output,
  ).toContain('many now has 400 searchable documents, 0 failed.')
  const { completed, chunkCount } = await untilProcessed(again, 'many')
  expect(completed).toBe(400)
  const { data } = await ask(
    again,
    '{ embeddings { totalCount } documentChunks { totalCount } knowledgeSources { nodes { name chunkCount } } }',
  )
  expect(data.embeddings.totalCount).toBe(data.documentChunks.totalCount)
  expect(chunkCount).toBe(
    data.documentChunks.totalCount -
      data.knowledgeSources.nodes.find(({ name }: { name: string }) => name === 'Handbook').chunkCount,
  )
})

it('ends when it is told to, and starts again with everything there', async () => {
  server.kill('SIGTERM')
  expect((await server.ended).code).toBe(0)
  server = start('server.ts', [], environment)
  const output = await server.says('Stop with')
  expect((await ask(output, '{ documents { totalCount } }')).data.documents.totalCount).toBe(404)
})

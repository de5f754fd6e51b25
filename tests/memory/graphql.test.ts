// Memory over GraphQL, as docs/memory.md and docs/first-steps.md write it.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { seedDemoMemory } from '../../server/demo-memory.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  const pool = createPool(db.url, 'rowhouse_authenticator', 1)
  const { userId, tenantId } = db.acme.member
  await seedDemoMemory(pool, { role: 'rowhouse_user', user_id: userId, tenant_id: tenantId })
  await pool.end()
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

const queryOf = async (guide: string, start: RegExp): Promise<string> => {
  const text = await readFile(join(import.meta.dirname, `../../docs/${guide}`), 'utf8')
  const found = [...text.matchAll(/```graphql\n([\s\S]*?)```/g)].map(([, query]) => query as string)
  return found.find((query) => start.test(query)) as string
}
const ask = async (query: string, email = 'member@acme.test') => {
  const answer = await server.ask(email, query)
  expect(answer.errors).toBeUndefined()
  return answer.data
}

it('the demo shows a memory that was superseded, with its history, and one that was confirmed', async () => {
  const { memories, memoryHistory } = await ask(await queryOf('first-steps.md', /memoryHistory/))
  expect(
    memories.nodes
      .map(({ content, confirmationCount }: Record<string, unknown>) => [content, confirmationCount])
      .sort(),
  ).toEqual([
    ['Prefers short answers with the source.', 2],
    ['Works at the office in Geneva.', 1],
  ])
  expect(memoryHistory.nodes.map(({ content, status }: Record<string, unknown>) => [content, status])).toEqual([
    ['Works at the office in Basel.', 'superseded'],
    ['Works at the office in Geneva.', 'current'],
  ])
  expect(memoryHistory.nodes[0].validTo).toEqual(memoryHistory.nodes[1].validFrom)
  expect(memoryHistory.nodes[1].validTo).toBe(null)
})

it('remembers and forgets as the guide says', async () => {
  const { remember } = await ask(await queryOf('memory.md', /remember\(/))
  expect(remember.memories.map(({ content }: { content: string }) => content)).toEqual([
    'Works at the office in Geneva.',
    'Prefers short answers.',
  ])
  const { forget } = await ask(await queryOf('memory.md', /forget\(/))
  expect(forget.forgottenCount).toBe(0)
})

it('a colleague reads nothing of it, and is told of the consent in plain words', async () => {
  expect(
    (await ask('{ memories { totalCount } memoryHistory { totalCount } }', 'admin@acme.test')).memories.totalCount,
  ).toBe(0)
  const { errors } = await server.ask(
    'admin@acme.test',
    'mutation { remember(input: {memories: [{content: "x"}]}) { memories { id } } }',
  )
  expect(errors?.[0]?.extensions?.code).toBe('MM204')
})

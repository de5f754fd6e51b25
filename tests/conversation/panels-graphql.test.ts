// Panels over GraphQL, as docs/reasoning.md and docs/first-steps.md write them, with the panel of the demo.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seedDemoPanel } from '../../server/demo-panel.ts'
import { seedPlatform } from '../../server/platform-resources.ts'
import { operatorIdentity } from '../../server/seed.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { as } from './helpers.ts'

const db = useDatabase()
const member = 'member@acme.test'
let server: TestServer
beforeAll(async () => {
  await seedPlatform(db.url)
  await as(db, db.acme.owner).query(
    `insert into app_public.model_configurations (name, model_id, is_default)
     select 'Echo', m.id, true from app_public.llm_models m where m.name = 'echo'`,
  )
  await seedDemoPanel(db.pool, await operatorIdentity(db.pool, 'acme', member))
  server = await startTestServer(db.url)
})
afterAll(() => server?.close())

async function ask(query: string, variables: object = {}) {
  const answer = await server.ask(member, query, variables)
  expect(answer.errors).toBeUndefined()
  return answer.data
}
const blocks = async (page: string): Promise<string[]> =>
  [
    ...(await readFile(join(import.meta.dirname, '../../docs', page), 'utf8')).matchAll(/```graphql\n([\s\S]*?)```/g),
  ].map(([, block]) => block as string)
const read = async () => (await blocks('reasoning.md')).find((block) => block.includes('panels(')) as string

it('the demo has a panel of three agents with votes, and a synthesis that cites what they said', async () => {
  const [panel] = (await ask((await blocks('first-steps.md')).at(-1) as string)).panels.nodes
  expect(panel.tally.map(({ voteCount }: { voteCount: number }) => voteCount)).toEqual([1, 2])
  expect(panel.seats.nodes.map(({ vote }: { vote: { option: number } | null }) => vote?.option)).toEqual([
    ...[undefined, 2, 1, 2],
  ])
  const [text, ...citations] = panel.synthesis.parts
  expect(text.text).toMatch(/^The panel agrees/)
  expect(citations.map(({ number, title }: { number: number; title: string }) => [number, title])).toEqual([
    [1, 'Regulatory Strategist, round 1'],
    [2, 'Clinical Reviewer, round 1'],
    [3, 'Quality Auditor, round 1'],
    [5, 'Clinical Reviewer, round 2'],
    [6, 'Quality Auditor, round 2'],
  ])
})

it('the guide reads a panel with its seats, turns and votes in one query', async () => {
  const [panel] = (await ask(await read())).panels.nodes
  expect(panel).toMatchObject({ status: 'completed', roundCount: 2, tokenCount: '0', costUsd: expect.anything() })
  const seats = panel.seats.nodes as { turns: { nodes: { kind: string; answer: { status: string } }[] } }[]
  expect(seats.map(({ turns }) => turns.nodes.map(({ kind }) => kind))).toEqual([
    ['synthesis'],
    ...Array.from({ length: 3 }, () => ['statement', 'statement', 'vote']),
  ])
  expect(seats.flatMap(({ turns }) => turns.nodes).every(({ answer }) => answer.status === 'complete')).toBe(true)
})

it('the guide starts a panel, which is cancelled and deleted', async () => {
  const start = (await blocks('reasoning.md')).find((block) => block.includes('startPanel')) as string
  const agents: string[] = []
  for (const name of ['One', 'Two', 'Three'])
    agents.push(
      (
        await server.ask(
          'owner@acme.test',
          `mutation { createAgent(input: {agent: {name: "${name}", status: active}}) { agent { id } } }`,
        )
      ).data.createAgent.agent.id,
    )
  const { panel } = (await ask(start, { agents: agents.slice(1), moderator: agents[0] })).startPanel
  expect(panel.status).toBe('discussing')
  expect((await ask(start, { agents: agents.slice(1), moderator: agents[0] })).startPanel.panel.id).toBe(panel.id)
  const change = (name: string, field: string) =>
    ask(`mutation ($id: UUID!) { ${name}(input: {id: $id}) { ${field} } }`, { id: panel.id })
  expect((await change('cancelPanel', 'panel { status finishedAt }')).cancelPanel.panel.status).toBe('cancelled')
  expect((await change('deletePanel', 'isDeleted')).deletePanel.isDeleted).toBe(true)
  expect((await ask(`query ($id: UUID!) { panel(id: $id) { id } }`, { id: panel.id })).panel).toBeNull()
})

it('each wrong field of a panel is named at once', async () => {
  const answer = await server.ask(
    member,
    `mutation { startPanel(input: {question: " ", agentIds: [], moderatorId: "${crypto.randomUUID()}", rounds: 9}) { panel { id } } }`,
  )
  expect(answer.errors?.[0]).toMatchObject({
    extensions: { code: 'TK461' },
    message: expect.stringMatching(/question .*agent_ids .*rounds /),
  })
})

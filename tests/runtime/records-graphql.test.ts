// Records of agents over GraphQL, as docs/runtime.md tells.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { queries, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createAgent } from './agents.ts'

const db = useDatabase()
let server: TestServer
let agent: string
beforeAll(async () => {
  server = await startTestServer(db.url)
  agent = await createAgent(
    queries(() => db.pool),
    db.acme,
  )
})
afterAll(() => server.close())

it('runs, events and outcomes are recorded and read, and patterns follow', async () => {
  const { data, errors } = await server.ask(
    'member@acme.test',
    `mutation {
       recordAgentRuns(input: {runs: [{idempotencyKey: "a", agentId: "${agent}", status: success, durationMs: 20, steps: [{name: "think"}]}]}) { receipt { storedCount } }
       recordAgentEvents(input: {events: [{idempotencyKey: "a", agentId: "${agent}", eventName: "tool.unavailable", severity: error}]}) { receipt { storedCount } }
       recordAgentOutcomes(input: {outcomes: [{idempotencyKey: "a", agentId: "${agent}", pattern: "ask first", isSuccess: true}]}) { receipt { storedCount } }
     }`,
  )
  expect(errors).toBeUndefined()
  const stored = { receipt: { storedCount: 1 } }
  expect(data).toEqual({ recordAgentRuns: stored, recordAgentEvents: stored, recordAgentOutcomes: stored })
  const read = await server.ask(
    'member@acme.test',
    `{ agentRuns(filter: {agentId: {equalTo: "${agent}"}}, orderBy: STARTED_AT_DESC) { nodes { status stepCount steps } }
       agentEvents { nodes { eventName severity } }
       agentPatterns(orderBy: CONFIDENCE_DESC) { nodes { name supportCount confidence } } }`,
  )
  expect(read.errors).toBeUndefined()
  expect(read.data).toEqual({
    agentRuns: { nodes: [{ status: 'success', stepCount: 1, steps: [{ name: 'think' }] }] },
    agentEvents: { nodes: [{ eventName: 'tool.unavailable', severity: 'error' }] },
    agentPatterns: { nodes: [{ name: 'ask first', supportCount: '1', confidence: expect.closeTo(0.2065, 3) }] },
  })
})

it('facts are kept, read with their agent, and retracted; errors name the row', async () => {
  const kept = await server.ask(
    'admin@acme.test',
    `mutation { keepAgentFacts(input: {agentId: "${agent}", facts: [{idempotencyKey: "a", subject: "The office", statement: "It is in Basel.", origin: person}]}) { facts { id status validTo } } }`,
  )
  expect(kept.errors).toBeUndefined()
  const [{ id, ...fact }] = kept.data.keepAgentFacts.facts
  expect(fact).toEqual({ status: 'current', validTo: null })
  const read = await server.ask(
    'viewer@acme.test',
    `{ agent(id: "${agent}") { presence knowledgeBase { source { displayName } } facts { nodes { subject document { title } } } } }`,
  )
  expect(read.errors).toBeUndefined()
  expect(read.data.agent).toMatchObject({
    presence: 'offline',
    knowledgeBase: { source: { displayName: expect.stringMatching(/^Knowledge of agent /) } },
    facts: { nodes: [{ subject: 'The office', document: { title: 'The office' } }] },
  })
  const retracted = await server.ask(
    'admin@acme.test',
    `mutation { retractAgentFact(input: {id: "${id}", reason: "It moved."}) { fact { status retractionReason } } }`,
  )
  expect(retracted.data.retractAgentFact.fact).toEqual({ status: 'retracted', retractionReason: 'It moved.' })
  const refused = await server.ask(
    'admin@acme.test',
    `mutation { keepAgentFacts(input: {agentId: "${agent}", facts: [{idempotencyKey: "b", subject: "x", statement: "y"}, {idempotencyKey: "c", subject: "x", statement: " "}]}) { facts { id } } }`,
  )
  expect(refused.errors?.[0]).toMatchObject({
    message: 'Row 2: statement must have 1 to 10,000 characters.',
    extensions: { code: 'RN449' },
  })
})

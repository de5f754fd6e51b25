// Clients that ask one after the other, each answer checked for the marks of other tenants. The quiet ones read, search and
// write a small note, and think in between; the loud ones never rest.

import { setTimeout as sleep } from 'node:timers/promises'
import { between, mulberry32, pick, type Random } from '../random.ts'
import type { Programs } from './programs.ts'
import { markOf, slugs, type Tenant, textOf } from './tenants.ts'

export type Asked = {
  /** Milliseconds of each answer. */
  times: number[]
  /** Answers by what they were: ok, or the code of their error. */
  outcomes: Map<string, number>
  foreign: number
}

export const nothingAsked = (): Asked => ({ times: [], outcomes: new Map(), foreign: 0 })

type Request = { query: string; variables?: object }
type Kind = (tenant: Tenant, random: Random) => Request

const listing = `query ($after: Int!) { agents(first: 20, offset: $after) { nodes { id name description } } }`
const reading = `query ($id: UUID!) { agent(id: $id) { id name description systemPrompt createdAt } }`
const searching = `query ($question: String!) { search(query: $question, first: 5) { nodes { title snippet } } }`
const writing = `mutation ($sourceId: UUID!, $documents: [NewDocumentInput]!) {
  createDocuments(input: {sourceId: $sourceId, documents: $documents}) { receipts { outcome externalId } }
}`
const note = (tenant: Tenant, random: Random, count: number, sentences: number): Request => ({
  query: writing,
  variables: {
    sourceId: tenant.sourceId,
    documents: Array.from({ length: count }, () => {
      const number = between(random, 1, 1_000_000_000)
      return { externalId: `n${number}`, title: tenant.mark, text: textOf(tenant.mark, number, sentences) }
    }),
  },
})
const question = (random: Random, count: number): string =>
  Array.from({ length: count }, () => pick(random, ['valve', 'pump', 'filter', 'sensor', 'motor', 'cable'])).join(' ')

const quiet: Kind[] = [
  (tenant, random) => ({
    query: listing,
    variables: { after: between(random, 0, Math.max(0, tenant.agentIds.length - 20)) },
  }),
  (tenant, random) => ({ query: reading, variables: { id: pick(random, tenant.agentIds) } }),
  (tenant, random) => ({ query: reading, variables: { id: pick(random, tenant.agentIds) } }),
  (_tenant, random) => ({ query: searching, variables: { question: question(random, 2) } }),
  (_tenant, random) => ({ query: searching, variables: { question: question(random, 1) } }),
  (tenant, random) => note(tenant, random, 1, 1),
]

const aliases = (count: number): string =>
  Array.from({ length: count }, (_, i) => `a${i}: agents(first: 50, offset: ${i}) { totalCount nodes { name } }`).join(
    ' ',
  )

const loud: Kind[] = [
  (tenant, random) => note(tenant, random, 20, 40),
  () => ({ query: `{ ${aliases(20)} }` }),
  (_tenant, random) => ({ query: `{ ${aliases(between(random, 10, 49))} }` }),
  () => ({
    query:
      '{ agents(first: 500) { totalCount nodes { id name description systemPrompt metadata createdAt updatedAt tenant { id name } } } }',
  }),
  (_tenant, random) => ({ query: searching, variables: { question: question(random, 20) } }),
]

export type Crowd = { clients: number; pauseMs: number; kinds: Kind[] }
export const quietCrowd: Crowd = { clients: 2, pauseMs: 100, kinds: quiet }
export const loudCrowd = (clients: number): Crowd => ({ clients, pauseMs: 0, kinds: loud })

/** Asks until the time is over, or the other work is. */
export async function askAs(
  programs: Programs,
  tenant: Tenant,
  crowd: Crowd,
  seed: number,
  over: AbortSignal,
  asked: Asked,
): Promise<void> {
  const token = await programs.tokenFor(tenant.email)
  const foreignMarks = slugs.filter((slug) => slug !== tenant.slug).map(markOf)
  const client = async (number: number): Promise<void> => {
    const random = mulberry32(seed + number)
    while (!over.aborted) {
      const startedAt = performance.now()
      const body = await send(programs.url, token, pick(random, crowd.kinds)(tenant, random))
      asked.times.push(performance.now() - startedAt)
      if (foreignMarks.some((mark) => body.includes(mark))) asked.foreign += 1
      // what the server refuses says its code near the beginning
      const outcome =
        body.startsWith('{"data"') && !body.includes('"errors":')
          ? 'ok'
          : (/"code":"(\w+)"/.exec(body)?.[1] ?? body.slice(0, 80))
      asked.outcomes.set(outcome, (asked.outcomes.get(outcome) ?? 0) + 1)
      if (crowd.pauseMs > 0) await sleep(between(random, 1, 2 * crowd.pauseMs))
    }
  }
  await Promise.all(Array.from({ length: crowd.clients }, (_, i) => client(i)))
}

async function send(url: string, token: string, request: Request): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(request),
  })
  return response.text()
}

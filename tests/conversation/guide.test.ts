// Conversations over GraphQL: each block of docs/conversations.md as it is written there, in its order.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { transaction, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { type House, openHouse } from '../runtime/steps-helpers.ts'
import { newAgent, work } from './helpers.ts'

const db = useDatabase()
let server: TestServer
let house: House
let agent: string
const blocks = new Map<string, string>()

beforeAll(async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/conversations.md'), 'utf8')
  for (const [, text = ''] of guide.matchAll(/```graphql\n(.*?)```/gs))
    blocks.set(/^\w+ (\w+)/.exec(text)?.[1] as string, text)
  const client = await db.pool.connect()
  const t = transaction(client)
  await client.query('begin')
  await t.become(db.acme.owner)
  agent = await newAgent(t)
  await client.query('commit')
  client.release()
  house = await openHouse(db)
  server = await startTestServer(db.url)
})
afterAll(async () => {
  await server?.close()
  await house?.close()
})

async function ask(name: string, variables: object, email = 'member@acme.test') {
  const { data, errors } = await server.ask(email, blocks.get(name) as string, variables)
  expect(errors).toBeUndefined()
  return data
}

it('a newcomer begins a conversation, is answered, opens it and finds it', async () => {
  const { conversation } = (await ask('Start', { agent })).startConversation
  expect(conversation).toMatchObject({ title: 'New conversation', status: 'active' })
  const { sent } = (await ask('Send', { conversation: conversation.id })).sendMessage
  expect(sent).toMatchObject({ message: { depth: 1 }, answer: { status: 'pending' } })
  expect((await ask('Send', { conversation: conversation.id })).sendMessage.sent.message.id).toBe(sent.message.id)
  await work(house)
  const opened = (await ask('Open', { conversation: conversation.id })).conversation
  expect(opened).toMatchObject({ title: 'How many days of vacation do I have?', messageCount: 2 })
  expect(opened.history.nodes.map(({ role, status }: { role: string; status: string }) => [role, status])).toEqual([
    ['assistant', 'complete'],
    ['user', 'complete'],
  ])
  expect(opened.history.nodes[0].parts[0].text).toContain('How many days of vacation do I have?')
  const listed = (await ask('List', {})).conversations.nodes
  expect(listed).toMatchObject([{ id: conversation.id, title: 'How many days of vacation do I have?' }])
  expect((await ask('Open', { conversation: conversation.id }, 'owner@acme.test')).conversation).toBeNull()
  expect((await ask('List', {}, 'owner@acme.test')).conversations.nodes).toEqual([])
})

it('pages go on where the one before ended, and messages lead to their siblings', async () => {
  const { conversation } = (await ask('Start', { agent })).startConversation
  const send = `mutation ($id: UUID!, $text: String!) { sendMessage(input: {conversationId: $id, parts: [{text: $text}]}) { sent { messageId } } }`
  for (const text of ['a', 'b', 'c']) {
    await server.ask('member@acme.test', send, { id: conversation.id, text })
    await work(house)
  }
  const page = `query ($id: UUID!, $after: Cursor) { conversation(id: $id) { history(first: 4, after: $after, orderBy: DEPTH_DESC) {
    nodes { depth message { parent { replies { nodes { role } } } } } pageInfo { endCursor hasNextPage } totalCount } } }`
  const first = (await server.ask('member@acme.test', page, { id: conversation.id })).data.conversation.history
  const second = (await server.ask('member@acme.test', page, { id: conversation.id, after: first.pageInfo.endCursor }))
    .data.conversation.history
  expect([...first.nodes, ...second.nodes].map(({ depth }) => depth)).toEqual([6, 5, 4, 3, 2, 1])
  expect(first.totalCount).toBe(6)
  expect(second.pageInfo.hasNextPage).toBe(false)
  expect(first.nodes[0].message.parent.replies.nodes).toEqual([{ role: 'assistant' }])
})

it('an error of a form has its code, and a message that is refused changes nothing', async () => {
  const { conversation } = (await ask('Start', { agent })).startConversation
  const { errors } = await server.ask(
    'member@acme.test',
    'mutation ($id: UUID!) { sendMessage(input: {conversationId: $id, parts: []}) { sent { messageId } } }',
    { id: conversation.id },
  )
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['TK401'])
})

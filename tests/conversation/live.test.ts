// Two people of different tenants watch their conversations at once: each is sent how the own answer grows, and nothing of the other's.

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type Person, type Queries, useDatabase } from '../helpers/index.ts'
import { openSocket, type Subscriber } from '../helpers/live.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createAgent, createModel, type House, openHouse } from '../runtime/steps-helpers.ts'
import { as, send, startConversation, stream, work } from './helpers.ts'

const db = useDatabase()
let house: House
let server: TestServer
const open: { close: () => void }[] = []

beforeAll(async () => {
  house = await openHouse(db)
  server = await startTestServer(db.url)
})
afterAll(async () => {
  await server?.close()
  await house?.close()
})
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

async function watch(person: Person, query: string, id: string): Promise<Subscriber> {
  const connection = openSocket(server, { authorization: `Bearer ${await server.token(person.email)}` })
  open.push(connection)
  return connection.subscribe({ query, variables: { id } })
}
const messages = `subscription ($id: UUID!) { messageChanged(conversationId: $id) { id role status parts { kind text } } }`
const conversations = `subscription ($id: UUID!) { conversationChanged(id: $id) { id title messageCount } }`

type Changed = { id: string; role: string; status: string; parts: { text: string }[] } | null
const next = async (subscriber: Subscriber): Promise<Changed> => (await subscriber.next()).data.messageChanged

it('each sees the own answer grow, and the end of it', async () => {
  const people = [db.acme.owner, db.globex.owner]
  const held = await Promise.all(
    people.map(async (person) => {
      const t: Queries = as(db, person)
      const agent = await createAgent(house, person, { model_id: await createModel(db, house.models.url) })
      const id = await startConversation(t, agent)
      return { t, person, id, model: stream(), seen: await watch(person, messages, id), other: undefined }
    }),
  )
  for (const { seen } of held) expect(await next(seen)).toBeNull()
  house.models.otherwise((response, call) => {
    const asked = call.body.messages.at(-1)?.content
    held.find(({ person }) => asked === `I am ${person.email}.`)?.model.pieces(response)
  })
  const sent = await Promise.all(held.map(({ t, id, person }) => send(t, id, [`I am ${person.email}.`])))
  const working = work(house)
  await Promise.all(held.map(({ model }) => model.begun))
  for (const { model, person } of held) model.say(`Hello ${person.email}`)
  const texts = await Promise.all(
    held.map(async ({ seen, model }, i) => {
      const all: Changed[] = []
      for (;;) {
        const changed = await next(seen)
        all.push(changed)
        if (changed?.id !== sent[i]?.answer_id) continue
        if (changed?.status === 'streaming' && changed.parts.length > 0) model.end()
        if (changed?.status === 'complete') return all
      }
    }),
  )
  await working
  for (const [i, { person }] of held.entries()) {
    expect(new Set(texts[i]?.map((each) => each?.id))).toEqual(new Set([sent[i]?.message_id, sent[i]?.answer_id]))
    expect(texts[i]?.at(-1)?.parts).toEqual([{ kind: 'text', text: `Hello ${person.email}` }])
    const stranger = people[1 - i] as Person
    expect(JSON.stringify(texts[i])).not.toContain(stranger.email)
  }
})

it("who watches another one's conversation is told nothing of it", async () => {
  const t = as(db, db.acme.owner)
  const agent = await createAgent(house, db.acme.owner, { model_id: await createModel(db, house.models.url) })
  const id = await startConversation(t, agent)
  const [mine, strange] = [await watch(db.acme.owner, conversations, id), await watch(db.acme.admin, conversations, id)]
  expect((await mine.next()).data.conversationChanged).toMatchObject({ id, messageCount: 0 })
  expect((await strange.next()).data.conversationChanged).toBeNull()
  await send(t, id, ['A secret'])
  let seen = (await mine.next()).data.conversationChanged
  while (seen.messageCount < 2) seen = (await mine.next()).data.conversationChanged
  expect(seen).toMatchObject({ title: 'A secret', messageCount: 2 })
  await t.query('select app_public.rename_conversation($1, $2)', [id, 'Renamed'])
  while (seen.title !== 'Renamed') seen = (await mine.next()).data.conversationChanged
  strange.leave()
})

// What an agent knows: passages of its knowledge sources are found for a question, and those that the answer names are cited in it.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Queries, transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments } from '../helpers/knowledge.ts'
import { says } from '../helpers/model-server.ts'
import { createAgent, createModel, type House, openHouse } from '../runtime/steps-helpers.ts'
import { as, messageOf, send, startConversation, work } from './helpers.ts'

const db = useDatabase()
let house: House
let owner: Queries
let agent: string
let source: string

beforeAll(async () => {
  house = await openHouse(db)
  owner = as(db, db.acme.owner)
  agent = await createAgent(house, db.acme.owner, { model_id: await createModel(db, house.models.url) })
  const client = await db.pool.connect()
  await client.query('begin')
  const t = transaction(client)
  source = await createSource(t, db.acme.owner)
  const other = await createSource(t, db.acme.owner)
  await addDocuments(t, db.acme.owner, source, [
    { externalId: 'pump', title: 'The pump', text: 'The infusion pump weighs two kilograms.' },
    { externalId: 'cat', title: 'The cat', text: 'The cat sleeps on the sofa all day.' },
  ])
  await addDocuments(t, db.acme.owner, other, [
    { externalId: 'rumour', title: 'A rumour', text: 'The infusion pump weighs nine kilograms.' },
  ])
  await processDocuments(t, db.acme.id)
  await t.become(db.acme.owner)
  await t.query('insert into app_public.agent_knowledge_sources (agent_id, source_id) values ($1, $2)', [agent, source])
  await client.query('commit')
  client.release()
})
afterAll(() => house?.close())

it('cites what the answer names, of the sources of the agent alone, and keeps it when the document is deleted', async () => {
  house.models.script.push(says('It weighs 2 kg [1], and not 9 [7].'))
  const { answer_id } = await send(owner, await startConversation(owner, agent), [
    'How much does the "infusion" pump -weigh?',
  ])
  await work(house)
  const sent = house.models.calls.at(-1)?.body.messages.at(-1)?.content ?? ''
  expect(sent).toMatch(
    /^How much does the "infusion" pump -weigh\?\n\n---\nPassages .*\[1\] The pump\nThe infusion pump weighs two kilograms\./s,
  )
  expect(sent).not.toContain('nine kilograms')
  const [document] = await owner.query(`select d.id, c.id as chunk_id from app_public.documents d
    join app_public.document_chunks c on c.document_id = d.id where d.title = 'The pump'`)
  const cited = {
    ...{ kind: 'citation', number: 1, title: 'The pump', text: 'The infusion pump weighs two kilograms.' },
    ...{ document_id: document?.id, chunk_id: Number(document?.chunk_id) },
  }
  const parts = [{ kind: 'text', text: 'It weighs 2 kg [1], and not 9 [7].' }, cited]
  expect((await messageOf(owner, answer_id)).parts).toEqual(parts)
  await owner.query('select app_public.delete_document($1)', [document?.id])
  expect(await owner.query('select from app_public.documents where id = $1', [document?.id])).toEqual([])
  expect((await messageOf(owner, answer_id)).parts).toEqual(parts)
})

it('the marks of an earlier answer are not read again, because its passages are not', async () => {
  const id = await startConversation(owner, agent)
  house.models.script.push(says('It sleeps [1].'), says('Yes.'))
  await send(owner, id, ['What does the cat do?'])
  await work(house)
  await send(owner, id, ['Zzz?'])
  await work(house)
  const read = house.models.calls.at(-1)?.body.messages.map(({ content }) => content)
  expect(read?.slice(0, -1)).toEqual(['What does the cat do?', 'It sleeps.'])
})

it.each(['"', '--', 'title: -', '"unclosed', '*', '你好 😀', '\\'])(
  'a question %j is no query language',
  async (text) => {
    const { answer_id } = await send(owner, await startConversation(owner, agent), [text])
    await work(house)
    expect(await messageOf(owner, answer_id)).toMatchObject({ status: 'complete' })
  },
)

it('an agent without sources is answered without passages', async () => {
  const plain = await createAgent(house, db.acme.owner, { model_id: await createModel(db, house.models.url) })
  await send(owner, await startConversation(owner, plain), ['How much does the pump weigh?'])
  await work(house)
  expect(house.models.calls.at(-1)?.body.messages.at(-1)?.content).toBe('How much does the pump weigh?')
})

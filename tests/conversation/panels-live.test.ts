// Live updates of panels, signals and beliefs: each person is told of what they may see, and of no vote before all have voted.

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { isRealServer, needsServer, type Person, useDatabase } from '../helpers/index.ts'
import { openSocket, type Subscriber } from '../helpers/live.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { type Session, useSessions } from '../helpers/sessions.ts'
import { as, newAgent } from './helpers.ts'

const db = useDatabase()
const { session } = useSessions(db)
let server: TestServer
const open: { close: () => void }[] = []
beforeAll(async () => {
  if (isRealServer()) server = await startTestServer(db.url)
})
afterAll(() => server?.close())
beforeEach((context) => needsServer(context, 'announcements need a connection that listens'))
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

async function watch(person: Person, query: string, variables: Record<string, unknown> = {}): Promise<Subscriber> {
  const connection = openSocket(server, { authorization: `Bearer ${await server.token(person.email)}` })
  open.push(connection)
  return connection.subscribe({ query, variables })
}

/** A panel of two agents with one round and a vote. */
async function startPanel(person: Person): Promise<string> {
  const t = as(db, person)
  const agents = [await newAgent(t), await newAgent(t), await newAgent(t)]
  return t.value('select id from app_public.start_panel($1, $2, $3, $4, 1)', [
    ...['Tea or coffee?', agents.slice(1), agents[0], ['Tea', 'Coffee']],
  ])
}

async function answerNext(worker: Session, text: string): Promise<void> {
  const { rows } = await worker.query(`select * from conversation.claim_answer('test')`)
  await worker.query('select conversation.complete_answer($1, $2, $3, $4)', [
    ...[rows[0].tenant_id, rows[0].message_id, rows[0].lease_token],
    JSON.stringify([{ kind: 'text', text }]),
  ])
}
const advance = (worker: Session, person: Person, id: string) =>
  worker.query('select conversation.advance_panel($1, $2)', [person.tenantId, id])

it('who started a panel is sent each of its states, and somebody of another tenant nothing of it', async () => {
  const worker = await session('rowhouse_worker')
  const id = await startPanel(db.acme.owner)
  const query = 'subscription ($id: UUID!) { panelChanged(id: $id) { status votesClosedAt } }'
  const mine = await watch(db.acme.owner, query, { id })
  const foreign = await watch(db.globex.owner, 'subscription { panelChanged { id status } }')
  const next = async () => (await mine.next()).data.panelChanged.status
  expect((await foreign.next()).data.panelChanged).toBeNull()
  expect(await next()).toBe('discussing')
  for (const status of ['voting', 'synthesizing']) {
    await answerNext(worker, 'VOTE: 1')
    await answerNext(worker, 'VOTE: 2')
    await advance(worker, db.acme.owner, id)
    expect(await next()).toBe(status)
  }
  await answerNext(worker, 'So be it.')
  await advance(worker, db.acme.owner, id)
  expect(await next()).toBe('completed')
  const own = await startPanel(db.globex.owner)
  expect((await foreign.next()).data.panelChanged).toEqual({ id: own, status: 'discussing' })
  await as(db, db.globex.owner).query('select app_public.cancel_panel($1)', [own])
})

it('a vote is sent to nobody before all have voted', async () => {
  const worker = await session('rowhouse_worker')
  const id = await startPanel(db.acme.owner)
  await answerNext(worker, 'I speak.')
  await answerNext(worker, 'I speak.')
  const conversation = await as(db, db.acme.owner).value(
    'select conversation_id from app_public.panel_seats where panel_id = $1 and number = 1',
    [id],
  )
  const seen = await watch(
    db.acme.owner,
    'subscription ($id: UUID!) { messageChanged(conversationId: $id) { role parts { text } } }',
    { id: conversation },
  )
  expect((await seen.next()).data.messageChanged).toBeNull()
  await advance(worker, db.acme.owner, id)
  const next = async (): Promise<string> => (await seen.next()).data.messageChanged?.parts[0]?.text ?? ''
  const isQuestion = (text: string) => text.includes('Vote for one')
  expect(await next()).toMatch(/Vote for one/)
  await answerNext(worker, 'VOTE: 1')
  await answerNext(worker, 'VOTE: 1')
  const touch = (role: string) =>
    db.pool.query('update app_public.messages set updated_at = now() where conversation_id = $1 and role = $2', [
      ...[conversation, role],
    ])
  // What is sent of the question now comes after whatever was sent of the vote.
  await touch('user')
  const before: string[] = []
  do before.push(await next())
  while (!before.some(isQuestion))
  expect(before).not.toContain('VOTE: 1')
  await advance(worker, db.acme.owner, id)
  await touch('assistant')
  let text = await next()
  while (text !== 'VOTE: 1') text = await next()
  expect(text).toBe('VOTE: 1')
})

it('members are sent signals and beliefs of their tenant', async () => {
  const owner = as(db, db.acme.owner)
  await owner.query(`insert into app_public.signal_rules (name, window_minutes) values ('Anything', 60)`)
  const agent = await newAgent(owner)
  const signals = await watch(db.acme.viewer, 'subscription { signalChanged { name occurrenceCount } }')
  const beliefs = await watch(
    db.acme.viewer,
    'subscription ($id: UUID!) { beliefChanged(agentId: $id) { claim confidence } }',
    {
      id: agent,
    },
  )
  await Promise.all([signals.next(), beliefs.next()])
  const report = (key: string) =>
    owner.query(
      `select app_public.report_events(array[row($1, 'door.opened', null, null, null, null, null)::app_public.new_event])`,
      [key],
    )
  await report('a')
  expect((await signals.next()).data.signalChanged).toEqual({ name: 'Anything', occurrenceCount: '1' })
  await report('b')
  expect((await signals.next()).data.signalChanged).toMatchObject({ occurrenceCount: '2' })
  const id = await owner.value(
    `select id from app_public.hold_beliefs(array[row('a', 'It is open.', null, null, null)::app_public.new_belief], $1)`,
    [agent],
  )
  expect((await beliefs.next()).data.beliefChanged).toEqual({ claim: 'It is open.', confidence: 0.5 })
  await owner.query(
    `select app_public.add_evidence($1, array[jsonb_populate_record(null::app_public.new_evidence,
       '{"idempotency_key": "e", "stance": "supports", "reliability": 0.8, "statement": "I saw it."}')])`,
    [id],
  )
  expect((await beliefs.next()).data.beliefChanged.confidence).toBeCloseTo(0.8, 12)
})

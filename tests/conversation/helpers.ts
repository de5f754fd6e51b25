// Conversations as tests hold them: by the functions of the API, with a worker's runner of answers in the test's process.

import type { ServerResponse } from 'node:http'
import { createAnswerRunner } from '../../server/conversation/index.ts'
import { asUser } from '../../server/database.ts'
import { modelOutgoing } from '../../server/models/index.ts'
import { createOutgoing } from '../../server/outgoing.ts'
import type { Person, Queries, TestDatabase, Transaction } from '../helpers/index.ts'
import { type House, keyRing } from '../runtime/steps-helpers.ts'

export type Part = Record<string, unknown> & { kind: string; text?: string; number?: number }
export type Message = {
  id: string
  sequence: number
  parent_id: string | null
  depth: number
  role: string
  status: string
  parts: Part[]
  error_code: string | null
  finish_reason: string | null
  model_name: string | null
  token_count: string
  cost_usd: string
}
export type Sent = { message_id: string; answer_id: string }

export const texts = (parts: (string | object)[]): string =>
  JSON.stringify(parts.map((part) => (typeof part === 'string' ? { text: part } : part)))

/** The parts of a message for a call in SQL: $n is their JSON. */
export const partsOf = (n: number): string =>
  `(select array_agg(p) from jsonb_populate_recordset(null::app_public.new_message_part, $${n}) p)`

/** An agent that the embedded model answers for, and one in its tenant for each test. */
export const newAgent = (t: Queries): Promise<string> =>
  t.value(
    `insert into app_public.agents (name, status, model_id)
     select gen_random_uuid()::text, 'active', m.id from app_public.llm_models m where m.name = 'echo' returning id`,
  )

export const startConversation = (t: Queries, agentId: string, title: string | null = null): Promise<string> =>
  t.value('select id from app_public.start_conversation($1, $2)', [agentId, title])

export async function send(
  t: Queries,
  conversationId: string,
  parts: (string | object)[],
  key: string | null = null,
): Promise<Sent> {
  const rows = await t.query<Sent>(`select * from app_public.send_message($1, ${partsOf(2)}, $3)`, [
    ...[conversationId, texts(parts), key],
  ])
  return rows[0] as Sent
}

export async function edit(t: Queries, messageId: string, parts: (string | object)[]): Promise<Sent> {
  const rows = await t.query<Sent>(`select * from app_public.edit_message($1, ${partsOf(2)})`, [
    messageId,
    texts(parts),
  ])
  return rows[0] as Sent
}

export const regenerate = (t: Queries, answerId: string): Promise<string> =>
  t.value('select id from app_public.regenerate_answer($1)', [answerId])

const columns = `id, sequence, parent_id, depth, role, status, to_jsonb(parts) as parts, error_code, finish_reason, model_name,
  token_count, cost_usd`

export async function messageOf(t: Queries, id: string): Promise<Message> {
  const [row] = await t.query<Message>(`select ${columns} from app_public.messages where id = $1`, [id])
  if (row) row.parts = row.parts.map(withoutNulls)
  return row as Message
}

const withoutNulls = (part: Part): Part =>
  Object.fromEntries(Object.entries(part).filter(([, value]) => value !== null)) as Part

export const textOf = ({ parts }: Message): string =>
  parts
    .filter(({ kind }) => kind === 'text')
    .map(({ text }) => text)
    .join('')

/** The ids on the active branch, from its beginning. */
export const historyOf = async (t: Queries, conversationId: string): Promise<string[]> =>
  (
    await t.query<{ message_id: string }>(
      'select message_id from app_public.chat_history where conversation_id = $1 order by depth',
      [conversationId],
    )
  ).map(({ message_id }) => message_id)

/** Ends the next open answer as a worker would that was told this. */
export async function answerBy(t: Transaction, person: Person, text: string): Promise<void> {
  await t.becomeRole('rowhouse_worker')
  await t.query(
    `select conversation.complete_answer(a.tenant_id, a.message_id, a.lease_token, $1)
       from conversation.claim_answer('test') a`,
    [JSON.stringify([{ kind: 'text', text }])],
  )
  await t.become(person)
}

/** What a person does, each statement in a transaction of its own. */
export function as(db: TestDatabase, person: Person): Queries {
  const actor = { user_id: person.userId, tenant_id: person.tenantId, role: 'rowhouse_user' }
  const query: Queries['query'] = async (text, values = []) =>
    (await asUser(db.pool, actor, (client) => client.query(text, values))).rows as never
  return { query, value: async (text, values) => Object.values((await query(text, values))[0] ?? {})[0] as never }
}

export type WorkOptions = { stopping?: AbortSignal; signal?: AbortSignal; leaseMs?: number; strideMs?: number }

/** A worker gives answers until none waits. */
export async function work(house: House, options: WorkOptions = {}): Promise<boolean> {
  const never = new AbortController().signal
  const { signal = never, stopping = never, leaseMs = 30_000, strideMs = 10 } = options
  const [tools, models] = [createOutgoing({ allow: ['tool.test'], resolve: toThisMachine }), modelOutgoing()]
  try {
    return await createAnswerRunner({ keyRing, tools, models, stopping, leaseMs, strideMs }).work(
      house.withPgClient,
      signal,
    )
  } finally {
    await Promise.all([tools.close(), models.close()])
  }
}

const toThisMachine = ((_name: string, _options: object, done: (error: null, addresses: object[]) => void) =>
  done(null, [{ address: '127.0.0.1', family: 4 }])) as never

/** Streams pieces as the test says so. */
export function stream(): {
  pieces: (response: ServerResponse) => void
  say: (text: string) => void
  end: () => void
  begun: Promise<void>
  closed: Promise<void>
} {
  const [begun, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let open: ServerResponse
  const event = (value: object): void =>
    void open.write(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', ...value })}\n\n`,
    )
  return {
    begun: begun.promise,
    closed: closed.promise,
    pieces: (response) => {
      open = response
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.on('close', () => closed.resolve())
      begun.resolve()
    },
    say: (content) => event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }),
    end: () => {
      event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
      event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } })
      open.end('data: [DONE]\n\n')
    },
  }
}

/** Waits until the answer is as it should be, looking again each time that the worker may have written. */
export async function until(t: Queries, id: string, is: (answer: Message) => boolean): Promise<Message> {
  for (;;) {
    const answer = await messageOf(t, id)
    if (is(answer)) return answer
    await t.query('select pg_sleep(0.01)')
  }
}

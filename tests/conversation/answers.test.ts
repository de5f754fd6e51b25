// Answers: what the model is sent, how its words arrive, and each way in which an answer ends.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Queries, useDatabase } from '../helpers/index.ts'
import { callsTools, fails, says } from '../helpers/model-server.ts'
import {
  createAgent,
  createModel,
  createTool,
  type House,
  json,
  listHost,
  openHouse,
} from '../runtime/steps-helpers.ts'
import {
  as,
  edit,
  type Message,
  messageOf,
  regenerate,
  send,
  startConversation,
  stream,
  textOf,
  until,
  work,
} from './helpers.ts'

const db = useDatabase()
let house: House
let owner: Queries
let model: string
let agent: string

beforeAll(async () => {
  house = await openHouse(db)
  owner = as(db, db.acme.owner)
  model = await createModel(db, house.models.url)
  agent = await createAgent(house, db.acme.owner, { model_id: model, system_prompt: 'You are Ada.' })
})
afterAll(() => house?.close())
beforeEach(() => {
  house.models.calls.length = 0
  house.models.script.length = 0
  house.models.otherwise(says('fine'))
})

const start = (agentId = agent): Promise<string> => startConversation(owner, agentId)
const sentToModel = () => house.models.calls.at(-1)?.body.messages.map(({ role, content }) => [role, content])

/** Sends a message and has it answered. */
async function converse(conversationId: string, text: string): Promise<Message> {
  const { answer_id } = await send(owner, conversationId, [text])
  await work(house)
  return messageOf(owner, answer_id)
}

describe('a model', () => {
  it('reads the instructions of the agent and what was said before, and its answer is kept', async () => {
    const id = await start()
    house.models.script.push(says('Because.'), says('Yes.', { prompt_tokens: 20, completion_tokens: 2 }))
    await converse(id, 'Why?')
    const answer = await converse(id, 'Really?')
    expect(sentToModel()).toEqual([
      ['system', 'You are Ada.'],
      ['user', 'Why?'],
      ['assistant', 'Because.'],
      ['user', 'Really?'],
    ])
    expect(answer).toMatchObject({
      status: 'complete',
      parts: [{ kind: 'text', text: 'Yes.' }],
      finish_reason: 'stop',
      token_count: '22',
    })
    const { rows } = await db.pool.query(
      'select token_count::int as tokens from app_public.expert_consultations where id = $1',
      [id],
    )
    expect(rows).toEqual([{ tokens: 15 + 22 }])
  })

  it('reads the branch that it answers in, and no other', async () => {
    const id = await start()
    house.models.script.push(says('Because.'), says('Thus.'), says('Well.'))
    const first = await send(owner, id, ['Why?'])
    await work(house)
    await edit(owner, first.message_id, ['How?'])
    await work(house)
    await converse(id, 'Really?')
    expect(sentToModel()?.slice(1)).toEqual([
      ['user', 'How?'],
      ['assistant', 'Thus.'],
      ['user', 'Really?'],
    ])
  })

  it('reads the newest messages that fit beside the longest answer', async () => {
    const small = await createAgent(house, db.acme.owner, { model_id: model, context_window_size: 1_600 })
    const id = await start(small)
    await converse(id, 'a'.repeat(4_000))
    await converse(id, 'b'.repeat(400))
    await converse(id, 'c'.repeat(400))
    expect(sentToModel()?.map(([, content]) => content?.slice(0, 4))).toEqual(['fine', 'bbbb', 'fine', 'cccc'])
  })

  it('reads the beginning of a question that is too long, and of a document that was sent', async () => {
    const small = await createAgent(house, db.acme.owner, { model_id: model, context_window_size: 1_600 })
    await converse(await start(small), 'a'.repeat(50_000))
    expect(sentToModel()?.map(([, content]) => content?.length)).toEqual([1_096 * 4])
    const source = await owner.value(
      `insert into app_public.rag_knowledge_sources (name) values ('Files') returning id`,
    )
    const document = await owner.value(
      `select document_id from app_public.create_documents($1, array[row('report', 'The report', $2, null)::app_public.new_document])`,
      [source, 'Sales rose.'],
    )
    const id = await start()
    await send(owner, id, ['What does it say?', { document_id: document }])
    await work(house)
    expect(sentToModel()?.at(-1)?.[1]).toBe(
      'What does it say?\n\n[File: The report]\n\n[File: The report]\nSales rose.',
    )
  })

  it('is called as the person: the call is recorded with the conversation, under a key of its attempt', async () => {
    const id = await start()
    const answer = await converse(id, 'Why?')
    const { rows } = await db.pool.query(
      `select user_id, agent_id, input_tokens::int, output_tokens::int from metering.llm_calls where conversation_id = $1`,
      [id],
    )
    expect(rows).toEqual([{ user_id: db.acme.owner.userId, agent_id: agent, input_tokens: 10, output_tokens: 5 }])
    expect(house.models.calls[0]?.headers['idempotency-key']).toBe(`${answer.id}:1:1`)
  })
})

describe('an answer', () => {
  it('grows while the model speaks, and what was written is what was said', async () => {
    const { pieces, say, end, begun } = stream()
    house.models.script.push(pieces)
    const id = await start()
    const { answer_id } = await send(owner, id, ['Why?'])
    const working = work(house)
    await begun
    say('Bec')
    expect(await until(owner, answer_id, ({ parts }) => parts.length > 0)).toMatchObject({
      status: 'streaming',
      parts: [{ text: 'Bec' }],
    })
    // half of a pair cannot be stored, and is not waited for
    say('ause \ud83d')
    await until(owner, answer_id, (answer) => textOf(answer).startsWith('Because '))
    say('\ude00\0.')
    end()
    await working
    expect(await messageOf(owner, answer_id)).toMatchObject({
      status: 'complete',
      parts: [{ kind: 'text', text: 'Because 😀.' }],
    })
  })

  it('that is cancelled stops the model, keeps what was written, and costs what was heard', async () => {
    const { pieces, say, begun, closed } = stream()
    house.models.script.push(pieces)
    const id = await start()
    const { answer_id } = await send(owner, id, ['Why?'])
    const working = work(house, { leaseMs: 1_000 })
    await begun
    say('Because of ')
    await until(owner, answer_id, ({ parts }) => parts.length > 0)
    await owner.query('select app_public.cancel_answer($1)', [answer_id])
    await closed
    await working
    const answer = await messageOf(owner, answer_id)
    expect(answer).toMatchObject({ status: 'cancelled', parts: [{ text: 'Because of ' }] })
    const { rows } = await db.pool.query(
      `select finish_reason, output_tokens::int from metering.llm_calls where conversation_id = $1`,
      [id],
    )
    expect(rows).toEqual([{ finish_reason: 'cancelled', output_tokens: 3 }])
    expect(Number(answer.token_count)).toBeGreaterThan(3)
    // late and again: nothing changes
    await owner.query('select app_public.cancel_answer($1)', [answer_id])
    expect(await messageOf(owner, answer_id)).toEqual(answer)
  })

  it('that is cancelled before a worker has it is never asked for', async () => {
    const { answer_id } = await send(owner, await start(), ['Why?'])
    await owner.query('select app_public.cancel_answer($1)', [answer_id])
    await work(house)
    expect(house.models.calls).toEqual([])
    expect((await messageOf(owner, answer_id)).status).toBe('cancelled')
  })

  it('that fails says why, and is asked for again as a sibling', async () => {
    house.models.script.push(fails(500, 'Out of order.'))
    const failed = await converse(await start(), 'Why?')
    expect(failed).toMatchObject({ status: 'failed', error_code: 'RN481', parts: [] })
    const again = await regenerate(owner, failed.id)
    await work(house)
    expect(await messageOf(owner, again)).toMatchObject({ status: 'complete', parent_id: failed.parent_id })
  })

  it.each([
    ['streamed', true],
    ['as a whole', false],
  ])('%s has at most 100,000 characters', async (_how, isStreamed) => {
    const plain = await createAgent(house, db.acme.owner, { model_id: model, streaming_enabled: isStreamed })
    house.models.script.push(says('x'.repeat(150_000)))
    const answer = await converse(await start(plain), 'Why?')
    expect(answer).toMatchObject({ status: 'complete', finish_reason: 'length' })
    expect(textOf(answer)).toHaveLength(100_000)
  })

  it('is given back when the worker stops, and begun anew under the same key', async () => {
    const { pieces, say, begun } = stream()
    house.models.script.push(pieces, says('Because.'))
    const { answer_id } = await send(owner, await start(), ['Why?'])
    const stopping = new AbortController()
    const working = work(house, { stopping: stopping.signal, signal: stopping.signal })
    await begun
    say('I think ')
    await until(owner, answer_id, ({ parts }) => parts.length > 0)
    stopping.abort()
    await working
    expect(await messageOf(owner, answer_id)).toMatchObject({ status: 'pending', parts: [] })
    await work(house)
    expect(await messageOf(owner, answer_id)).toMatchObject({ status: 'complete', parts: [{ text: 'Because.' }] })
    expect(new Set(house.models.calls.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  })

  it('whose worker is lost is begun anew under the same key, and who comes late changes nothing', async () => {
    const { pieces, say, begun, end } = stream()
    house.models.script.push(pieces, says('Because.'))
    const { answer_id } = await send(owner, await start(), ['Why?'])
    const late = work(house)
    await begun
    say('I think ')
    await until(owner, answer_id, ({ parts }) => parts.length > 0)
    await db.pool.query(
      `update conversation.open_answers set leased_until = now() - interval '1 second' where message_id = $1`,
      [answer_id],
    )
    // the first claim takes the answer from the lost worker, the next one gives it
    await work(house)
    await work(house)
    const answer = await messageOf(owner, answer_id)
    expect(answer).toMatchObject({ status: 'complete', parts: [{ text: 'Because.' }] })
    end()
    await late
    expect((await messageOf(owner, answer_id)).parts).toEqual(answer.parts)
    expect(new Set(house.models.calls.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  })

  it('fails when it has cost five workers, and when its time is up', async () => {
    for (const [lost, code] of [
      [`lost_count = 4`, 'lease_lost'],
      [`timeout_at = now() - interval '1 second'`, 'timeout'],
    ]) {
      const { answer_id } = await send(owner, await start(), ['Why?'])
      await db.pool.query(`select * from conversation.claim_answer('lost')`)
      await db.pool.query(
        `update conversation.open_answers set leased_until = now() - interval '1 second', ${lost} where message_id = $1`,
        [answer_id],
      )
      await work(house)
      expect(await messageOf(owner, answer_id)).toMatchObject({ status: 'failed', error_code: code })
    }
  })

  it('is not given to a person who has left', async () => {
    const member = as(db, db.acme.member)
    const id = await startConversation(member, agent)
    const { answer_id } = await send(member, id, ['Why?'])
    await db.pool.query(
      `update app_public.user_tenants set status = 'suspended' where tenant_id = $1 and user_id = $2`,
      [...[db.acme.id, db.acme.member.userId]],
    )
    await work(house)
    expect(house.models.calls).toEqual([])
    const { rows } = await db.pool.query('select status, error_code from app_public.messages where id = $1', [
      answer_id,
    ])
    expect(rows).toEqual([{ status: 'failed', error_code: 'ID202' }])
    await db.pool.query(`update app_public.user_tenants set status = 'active' where tenant_id = $1 and user_id = $2`, [
      ...[db.acme.id, db.acme.member.userId],
    ])
  })

  it('is not given where no quota has room, and says so', async () => {
    const { rows } = await db.pool.query(
      `insert into app_public.usage_quotas (tenant_id, quota_type, quota_scope, period, quota_limit)
       values ($1, 'tokens', 'tenant', 'day', 100) returning id`,
      [db.acme.id],
    )
    const answer = await converse(await start(), 'Why?')
    expect(answer).toMatchObject({ status: 'failed', error_code: 'QT601' })
    expect(house.models.calls).toEqual([])
    await db.pool.query('delete from app_public.usage_quotas where id = $1', [rows[0]?.id])
  })
})

describe('tools', () => {
  it('of the agent are called, and each call is a part beside its result', async () => {
    await listHost(house, db.acme.owner, 'tool.test')
    house.tools.answer(json({ celsius: 21 }))
    const tool = await createTool(house, db.acme.owner, { name: 'weather' })
    const able = await createAgent(house, db.acme.owner, { model_id: model, function_calling_enabled: true }, [tool])
    house.models.script.push(callsTools(['weather_0', { city: 'Paris' }], ['unknown', '{broken']), says('It is 21 °C.'))
    const answer = await converse(await start(able), 'How warm is it?')
    expect(answer.parts).toEqual([
      { kind: 'tool_call', tool_call_id: 'call_0', tool_name: 'weather_0', tool_input: { city: 'Paris' } },
      {
        kind: 'tool_result',
        tool_call_id: 'call_0',
        tool_name: 'weather_0',
        tool_output: { celsius: 21 },
        is_error: false,
      },
      { kind: 'tool_call', tool_call_id: 'call_1', tool_name: 'unknown', tool_input: '{broken' },
      {
        kind: 'tool_result',
        tool_call_id: 'call_1',
        tool_name: 'unknown',
        tool_output: 'Error: there is no tool unknown.',
        is_error: true,
      },
      { kind: 'text', text: 'It is 21 °C.' },
    ])
    const { rows } = await db.pool.query(
      'select count(*)::int from app_public.tool_executions where conversation_id is not null',
    )
    expect(rows).toEqual([{ count: 1 }])
  })

  it('that are called without an end fail the answer, which keeps what fits', async () => {
    await listHost(house, db.acme.owner, 'tool.test')
    house.tools.answer(json({ zeros: Array.from({ length: 4_000 }, () => 1) }))
    const tool = await createTool(house, db.acme.owner, { name: 'zeros' })
    const able = await createAgent(house, db.acme.owner, { model_id: model, function_calling_enabled: true }, [tool])
    house.models.otherwise(
      callsTools(...Array.from({ length: 4 }, (): [string, object] => ['zeros_0', { city: 'x'.repeat(9_000) }])),
    )
    const answer = await converse(await start(able), 'How many?')
    expect(answer).toMatchObject({ status: 'failed', error_code: 'RN676' })
    expect(answer.parts).toHaveLength(8 * 4 * 2)
    expect(JSON.stringify(answer.parts).length).toBeLessThan(300_000)
  })
})

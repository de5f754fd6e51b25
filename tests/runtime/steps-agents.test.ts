// Steps that models answer: of agents, with their settings, tools and bounded rounds, and of prompts. What they use is recorded.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { callsTools, fails, says, saysNothing } from '../helpers/model-server.ts'
import {
  create,
  createAgent,
  createModel,
  createTool,
  type House,
  json,
  listHost,
  openHouse,
  type StepRun,
  startRun,
  storeSecret,
} from './steps-helpers.ts'

const db = useDatabase()
let house: House
let model: string

beforeAll(async () => {
  house = await openHouse(db)
  model = await createModel(db, house.models.url)
  await listHost(house, db.acme.owner, 'tool.test')
})
afterAll(() => house?.close())
beforeEach(() => {
  house.models.calls.length = 0
  house.models.script.length = 0
  house.models.otherwise(says('fine'))
  house.tools.received.length = 0
  house.tools.answer(json({ ok: true }))
})

const owner = () => db.acme.owner

/** A run of one step of this agent. */
async function ask(agentId: string, node: object = {}, input: object = {}): Promise<StepRun> {
  const runId = await startRun(house, owner(), [{ type: 'agent', agent_id: agentId, ...node }], input)
  await house.work()
  return (await house.steps(runId))[0] as StepRun
}

const llmCalls = async (): Promise<Record<string, unknown>[]> =>
  (await db.pool.query('select * from metering.llm_calls order by occurred_at, batch_id')).rows

describe('an agent', () => {
  it('is asked with its instructions and settings, and its answer is the output', async () => {
    house.models.script.push(says('It depends.'))
    const agent = await createAgent(house, owner(), {
      ...{
        model_id: model,
        system_prompt: 'You are careful.',
        temperature: 0.3,
        max_tokens: 400,
        streaming_enabled: false,
      },
    })
    const step = await ask(agent, { name: 'Decide', description: 'Is it safe?' }, { device: 'pump' })
    expect(step).toMatchObject({ status: 'completed', output: 'It depends.' })
    const [call] = house.models.calls
    expect(call?.body).toMatchObject({
      temperature: 0.3,
      max_tokens: 400,
      messages: [{ role: 'system', content: 'You are careful.' }, { role: 'user' }],
    })
    expect(call?.body.stream).toBeUndefined()
    expect(call?.body.messages[1]?.content).toMatch(/^Is it safe\?\n\n\{.*"device":"pump"/)
  })

  it('is asked as its published version says, and not as its draft', async () => {
    const agent = await createAgent(house, owner(), { model_id: model, system_prompt: 'published' })
    await house.as(owner(), 'select app_public.publish_agent($1)', [agent])
    await house.as(owner(), `update app_public.agents set system_prompt = 'draft' where id = $1`, [agent])
    await ask(agent)
    expect(house.models.calls[0]?.body.messages[0]?.content).toBe('published')
  })

  it('never asks for more tokens than its model can answer with', async () => {
    await ask(await createAgent(house, owner(), { model_id: model }))
    expect(house.models.calls[0]?.body.max_tokens).toBe(500)
  })

  it('without a model is asked by the default of the tenant, and fails when there is none', async () => {
    const agent = await createAgent(house, owner())
    expect(await ask(agent)).toMatchObject({ status: 'failed', error_code: 'RN376' })
    await house.as(
      owner(),
      `insert into app_public.model_configurations (name, model_id, is_default, temperature) values ('default', $1, true, 0.7)`,
      [model],
    )
    expect(await ask(agent)).toMatchObject({ status: 'completed', output: 'fine' })
    expect(house.models.calls[0]?.body.temperature).toBe(0.7)
  })

  it('that was switched off after the run began is not asked', async () => {
    const agent = await createAgent(house, owner(), { model_id: model })
    const runId = await startRun(house, owner(), [{ type: 'agent', agent_id: agent }])
    await house.as(owner(), 'update app_public.agents set is_active = false where id = $1', [agent])
    await house.work()
    expect((await house.steps(runId))[0]).toMatchObject({ status: 'failed', error_code: 'RN377' })
    expect(house.models.calls).toEqual([])
  })

  it('of a provider with another protocol is refused', async () => {
    const { rows } = await db.pool.query(
      `with p as (insert into app_public.llm_providers (name, kind) values ('other-protocol', 'anthropic') returning id)
       insert into app_public.llm_models (provider_id, name, kind, provider_model_name) select id, 'c', 'chat', 'c' from p returning id`,
    )
    expect(await ask(await createAgent(house, owner(), { model_id: rows[0]?.id }))).toMatchObject({
      error_code: 'RN479',
    })
  })

  it('leaves each call on record with its tokens, and the run has their sum', async () => {
    const before = (await llmCalls()).length
    const agent = await createAgent(house, owner(), { model_id: model, function_calling_enabled: true }, [
      await createTool(house, owner()),
    ])
    house.models.script.push(callsTools(['tools-x', {}]), says('done', { prompt_tokens: 20, completion_tokens: 7 }))
    const runId = await startRun(house, owner(), [{ type: 'agent', agent_id: agent }])
    await house.work()
    const calls = (await llmCalls()).slice(before)
    expect(calls).toMatchObject([
      { tenant_id: db.acme.id, agent_id: agent, user_id: owner().userId, success: true, finish_reason: 'tool_calls' },
      { input_tokens: '20', output_tokens: '7', finish_reason: 'stop', time_to_first_token_ms: expect.any(Number) },
    ])
    const { rows } = await db.pool.query('select tokens::int from app_public.workflow_runs where id = $1', [runId])
    expect(rows[0]?.tokens).toBe(10 + 5 + 20 + 7)
  })
})

describe('tools of an agent', () => {
  const armed = async (fields: object = {}, agentFields: object = {}) => {
    const tool = await createTool(house, owner(), {
      ...{
        name: 'Find it!',
        description: 'Finds.',
        request_schema: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] },
      },
      ...fields,
    })
    return createAgent(house, owner(), { model_id: model, function_calling_enabled: true, ...agentFields }, [tool])
  }
  let made = 0
  const uniquely = () => {
    made += 1
    return { name: `Find it! ${made}` }
  }
  const functionOf = (call = 0): string => house.models.calls[call]?.body.tools?.[0]?.function.name ?? ''

  it('are offered as functions, called with what the model says, and told what they answered', async () => {
    house.tools.answer(json({ found: 3 }))
    house.models.otherwise((response, call) => {
      const last = call.body.messages.at(-1)
      const name = call.body.tools?.[0]?.function.name as string
      ;(last?.role === 'tool' ? says(`There are ${last.content}`) : callsTools([name, { q: 'x' }]))(response, call)
    })
    const step = await ask(await armed(uniquely()))
    expect(step.output).toBe('There are {"found":3}')
    expect(functionOf()).toMatch(/^Find_it__[A-Za-z0-9_-]*_0$/)
    expect(JSON.parse(house.tools.received[0]?.body ?? '')).toEqual({ q: 'x' })
    const { rows } = await db.pool.query(
      'select status, agent_id from app_public.tool_executions order by executed_at desc limit 1',
    )
    expect(rows[0]).toMatchObject({ status: 'success', agent_id: expect.any(String) })
  })

  it('are not offered to an agent that may not call functions', async () => {
    await ask(await armed(uniquely(), { function_calling_enabled: false }))
    expect(house.models.calls[0]?.body.tools).toBeUndefined()
  })

  it.each([
    ['arguments that do not fit', () => functionOf(), { p: 1 }, /RN475|request_schema/],
    ['arguments that are no JSON', () => functionOf(), '{broken', /object/],
    ['a function that does not exist', () => 'nonsense', {}, /no tool nonsense/],
  ])('tell the model of %s, which goes on', async (_what, _name, given, told) => {
    house.models.otherwise((response, call) => {
      const last = call.body.messages.at(-1)
      const name = told.source.includes('nonsense') ? 'nonsense' : (call.body.tools?.[0]?.function.name as string)
      ;(last?.role === 'tool' ? says(String(last.content)) : callsTools([name, given]))(response, call)
    })
    expect((await ask(await armed(uniquely()))).output).toMatch(told)
    expect(house.tools.received).toEqual([])
  })

  it('tell the model of a host that is not listed, and nothing is called', async () => {
    house.models.otherwise((response, call) => {
      const last = call.body.messages.at(-1)
      const name = call.body.tools?.[0]?.function.name as string
      ;(last?.role === 'tool' ? says(String(last.content)) : callsTools([name, { q: 'x' }]))(response, call)
    })
    const agent = await armed({ ...uniquely(), endpoint_url: `${house.tools.at('other')}/do` })
    expect((await ask(agent)).output).toMatch(/may not call the host other\.test/)
    expect(house.tools.received).toEqual([])
  })

  it('are called for as many rounds as the step may take, and no more', async () => {
    house.models.otherwise((response, call) =>
      callsTools([call.body.tools?.[0]?.function.name as string, { q: 'again' }])(response, call),
    )
    expect(await ask(await armed(uniquely()), { config: { max_rounds: 3 } })).toMatchObject({
      status: 'failed',
      error_code: 'RN676',
    })
    expect(house.models.calls).toHaveLength(3)
    expect(await ask(await armed(uniquely()), { config: { max_rounds: 1_000_000 } })).toMatchObject({
      error_code: 'RN676',
    })
    expect(house.models.calls).toHaveLength(3 + 8)
  })

  it('are called sixteen at once at most', async () => {
    house.models.otherwise((response, call) => {
      const name = call.body.tools?.[0]?.function.name as string
      const many = Array.from({ length: 30 }, (_, n): [string, object] => [name, { q: String(n) }])
      ;(call.body.messages.at(-1)?.role === 'tool' ? says('done') : callsTools(...many))(response, call)
    })
    expect((await ask(await armed(uniquely()))).output).toBe('done')
    expect(house.tools.received).toHaveLength(16)
    expect(house.models.calls[1]?.body.messages.filter(({ role }) => role === 'tool')).toHaveLength(30)
  })
})

describe('an output_schema', () => {
  const output_schema = {
    type: 'object',
    properties: { grade: { type: 'string', enum: ['a', 'b'] } },
    required: ['grade'],
  }
  const grade = async (text: string): Promise<StepRun> => {
    house.models.script.push(says(text))
    return ask(await createAgent(house, owner(), { model_id: model }), { config: { output_schema } })
  }

  it('is told to the model, and the answer is the value', async () => {
    expect((await grade('{"grade":"a"}')).output).toEqual({ grade: 'a' })
    expect(house.models.calls[0]?.body.response_format).toMatchObject({
      type: 'json_schema',
      json_schema: { schema: output_schema },
    })
    expect((await grade('```json\n{"grade":"b"}\n```')).output).toEqual({ grade: 'b' })
  })

  it.each(['{"grade":"c"}', '{}', '[]', 'It is an a.', ''])('refuses the answer %j', async (text) => {
    expect(await grade(text)).toMatchObject({ status: 'failed', error_code: 'RN478', output: null })
  })

  it('is fitted by the echo', async () => {
    const { rows } = await db.pool.query(`select id from app_public.llm_models where name = 'echo'`)
    const agent = await createAgent(house, owner(), { model_id: rows[0]?.id })
    expect((await ask(agent, { config: { output_schema } })).output).toEqual({ grade: 'a' })
  })
})

describe('a prompt', () => {
  const prompt = (fields: object = {}) =>
    create(house, owner(), 'prompts', {
      ...{
        prompt_text: 'Rate {{thing}}.',
        system_prompt: 'Be brief.',
        input_variables: { thing: 'string' },
        temperature: 0.1,
        ...fields,
      },
    })

  it('is filled with the input of the step, as its published version says', async () => {
    const id = await prompt()
    await house.as(owner(), 'select app_public.publish_prompt($1)', [id])
    await house.as(owner(), `update app_public.prompts set prompt_text = 'Draft {{thing}}' where id = $1`, [id])
    const node = { type: 'prompt', prompt_id: id, input: { thing: '$.input', extra: '$.input.n' } }
    const runId = await startRun(house, owner(), [node], { n: 1 })
    await house.work()
    expect((await house.steps(runId))[0]).toMatchObject({ status: 'completed', output: 'fine' })
    expect(house.models.calls[0]?.body).toMatchObject({
      ...{ temperature: 0.1 },
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Rate {"n": 1}.' },
      ],
    })
  })

  it('without a value that it needs fails', async () => {
    const runId = await startRun(house, owner(), [{ type: 'prompt', prompt_id: await prompt(), input: {} }])
    await house.work()
    expect((await house.steps(runId))[0]).toMatchObject({ status: 'failed', error_code: 'RS431' })
  })
})

describe('a failure of the model', () => {
  it('ends the step, is on record, and does not tell the key of the tenant', async () => {
    const key = 'sk-canary-99ab17'
    const paid = await createModel(db, house.models.url)
    const { rows } = await db.pool.query('select provider_id from app_public.llm_models where id = $1', [paid])
    await storeSecret(db, owner(), key, { provider_type: 'llm', provider_id: rows[0]?.provider_id })
    house.models.script.push(fails(401, `Incorrect API key: ${key}`))
    const step = await ask(await createAgent(house, owner(), { model_id: paid }))
    expect(house.models.calls[0]?.headers.authorization).toBe(`Bearer ${key}`)
    expect(step).toMatchObject({
      status: 'failed',
      error_code: 'RN481',
      error_message: expect.stringContaining('[secret]'),
    })
    const call = (await llmCalls()).at(-1)
    expect(call).toMatchObject({ success: false, error_type: 'unauthorized' })
    expect(JSON.stringify([step, call])).not.toContain(key)
  })

  it('that may pass is tried again by the workflow, as another attempt', async () => {
    house.models.script.push(fails(500, 'oh'))
    const agent = await createAgent(house, owner(), { model_id: model })
    const runId = await startRun(house, owner(), [
      { type: 'agent', agent_id: agent, error_handling: 'retry', max_retries: 1 },
    ])
    await house.work()
    await db.pool.query(`update app_public.workflow_step_runs set available_at = now() where run_id = $1`, [runId])
    await house.work()
    expect((await house.steps(runId))[0]).toMatchObject({ status: 'completed', output: 'fine' })
    expect(house.models.calls.map(({ headers }) => String(headers['idempotency-key']).split(':').slice(1))).toEqual([
      ['1', '1'],
      ['2', '1'],
    ])
  })
})

describe('a worker', () => {
  it('that stops gives its steps back, and the next one makes the same call under the same key', async () => {
    const stop = new AbortController()
    house.models.script.push(saysNothing)
    const runId = await startRun(house, owner(), [
      { type: 'agent', agent_id: await createAgent(house, owner(), { model_id: model }) },
    ])
    const working = house.work({ stopping: stop.signal, signal: stop.signal })
    while (house.models.calls.length === 0) await db.pool.query('select')
    stop.abort()
    await working
    expect((await house.steps(runId))[0]).toMatchObject({ status: 'ready' })
    await house.work()
    expect((await house.steps(runId))[0]).toMatchObject({ status: 'completed' })
    const [first, second] = house.models.calls.map(({ headers }) => headers['idempotency-key'])
    expect(first).toBe(second)
  })

  it('whose lease was lost stops its call and says nothing', async (context) => {
    needsServer(context)
    house.models.script.push(saysNothing)
    const runId = await startRun(house, owner(), [
      { type: 'agent', agent_id: await createAgent(house, owner(), { model_id: model }) },
    ])
    const working = house.work({ leaseMs: 1_000 })
    while (house.models.calls.length === 0) await db.pool.query('select')
    await db.pool.query(`update app_public.workflow_step_runs set lease_token = gen_random_uuid() where run_id = $1`, [
      runId,
    ])
    await working
    expect((await house.steps(runId))[0]).toMatchObject({ status: 'running', error_code: null })
    await house.as(owner(), 'select app_public.cancel_workflow_run($1)', [runId])
  })

  it('takes twenty steps of a tenant at once at most, and those of another tenant beside them', async () => {
    const theirs = await createAgent(house, db.globex.owner, { model_id: model })
    const ours = await createAgent(house, owner(), { model_id: model })
    for (let n = 0; n < 25; n += 1) await startRun(house, owner(), [{ type: 'agent', agent_id: ours }])
    const foreign = await startRun(house, db.globex.owner, [{ type: 'agent', agent_id: theirs }])
    const hanging: (() => void)[] = []
    house.models.otherwise((response, call) => {
      hanging.push(() => says('late')(response, call))
      // when no more can begin, all end
      if (hanging.length === 21) for (const answer of hanging.splice(0)) answer()
      else if (house.models.calls.length > 21) for (const answer of hanging.splice(0)) answer()
    })
    await house.work()
    const before21 = house.models.calls.slice(0, 21).length
    expect(before21).toBe(21)
    expect((await house.steps(foreign))[0]).toMatchObject({ status: 'completed', output: 'late' })
    const { rows } = await db.pool.query(
      `select count(*)::int as open from app_public.workflow_step_runs where status in ('ready', 'running')`,
    )
    expect(rows[0]?.open).toBe(0)
  })
})

describe('a search', () => {
  it('finds what the person who began the run would find', async () => {
    const source = await create(house, owner(), 'rag_knowledge_sources', {})
    await house.as(owner(), 'select app_public.create_documents($1, knowledge.new_documents($2))', [
      source,
      JSON.stringify([{ externalId: 'a', title: 'Pumps', text: 'An infusion pump delivers fluids.' }]),
    ])
    const runId = await startRun(house, owner(), [{ type: 'search', input: { query: '$.input.q' }, limit: 3 }], {
      q: 'infusion',
    })
    await house.work()
    expect((await house.steps(runId))[0]).toMatchObject({ status: 'completed', output: expect.any(Array) })
  })
})

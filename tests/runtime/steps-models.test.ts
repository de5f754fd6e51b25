// Models behind OpenAI-compatible endpoints: what is sent, what is understood, and how each way to misbehave ends.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { echoModel, echoNotice } from '../../server/models/echo.ts'
import { modelOutgoing } from '../../server/models/index.ts'
import { createOpenAiModel, type Endpoint } from '../../server/models/openai.ts'
import type { ChatAnswer, ChatRequest } from '../../server/models/types.ts'
import { createOutgoing, type Outgoing } from '../../server/outgoing.ts'
import {
  breaksOff,
  callsTools,
  fails,
  type ModelServer,
  neverEnds,
  openModelServer,
  says,
  saysNothing,
  sends,
  stopsInTheMiddle,
} from '../helpers/model-server.ts'

const key = 'sk-canary-4d1f77'
const never = new AbortController().signal
let server: ModelServer
let outgoing: Outgoing

beforeAll(() => {
  outgoing = modelOutgoing()
})
afterAll(() => outgoing.close())
beforeEach(async () => {
  server = await openModelServer()
})
afterEach(() => server.close())

const question: ChatRequest = { messages: [{ role: 'user', content: 'Why?' }], isStreamed: false }
type Changes = {
  request?: Partial<ChatRequest>
  endpoint?: Partial<Endpoint>
  signal?: AbortSignal
  through?: Outgoing
}
const ask = ({ request, endpoint, signal = never, through = outgoing }: Changes = {}): Promise<ChatAnswer> =>
  createOpenAiModel(
    { baseUrl: server.url, apiKey: key, modelName: 'm-1', timeoutMs: 30_000, maxRetries: 0, ...endpoint },
    through,
  ).answer({ ...question, ...request }, { idempotencyKey: 'run:1', signal })

describe.each([
  ['as a whole', false],
  ['streamed', true],
])('an answer %s', (_how, isStreamed) => {
  it('in words is understood, with its tokens in classes that do not overlap', async () => {
    server.script.push(
      says('Because.', {
        ...{ prompt_tokens: 100, completion_tokens: 40 },
        prompt_tokens_details: { cached_tokens: 60 },
        completion_tokens_details: { reasoning_tokens: 30 },
      }),
    )
    expect(await ask({ request: { isStreamed } })).toEqual({
      ...{ text: 'Because.', toolCalls: [], finishReason: 'stop' },
      use: { input_tokens: 40, cached_input_tokens: 60, output_tokens: 10, reasoning_tokens: 30 },
      firstTokenMs: isStreamed ? expect.any(Number) : null,
    })
  })

  it('that asks for tools names each with its arguments', async () => {
    server.script.push(callsTools(['search', { query: 'ä"' }], ['weather', '{broken']))
    const { toolCalls, finishReason } = await ask({ request: { isStreamed } })
    expect(finishReason).toBe('tool_calls')
    expect(toolCalls).toEqual([
      { id: 'call_0', name: 'search', arguments: '{"query":"ä\\""}' },
      { id: 'call_1', name: 'weather', arguments: '{broken' },
    ])
  })

  it('of more bytes than are allowed is not read to its end', async () => {
    server.script.push(isStreamed ? neverEnds : sends(JSON.stringify({ choices: ['x'.repeat(17_000_000)] })))
    await expect(ask({ request: { isStreamed } })).rejects.toMatchObject({ fault: 'too_large', isPassing: false })
  })

  it('that does not come is not waited for longer than the model may take', async () => {
    server.script.push(saysNothing)
    await expect(ask({ request: { isStreamed }, endpoint: { timeoutMs: 100 } })).rejects.toMatchObject({
      ...{ fault: 'timeout', isPassing: true },
    })
  })

  it('that is no JSON is refused', async () => {
    server.script.push(isStreamed ? sends('data: {"choices":\n\n', 'text/event-stream') : sends('{"choices": ['))
    await expect(ask({ request: { isStreamed } })).rejects.toMatchObject({ fault: 'unreadable', isPassing: false })
  })
})

describe('an answer', () => {
  it.each(['[]', '{}', '{"choices": []}', '{"choices": [{}]}', '{"choices": [{"message": {"content": 7}}]}', 'null'])(
    'that is %s is refused',
    async (text) => {
      server.script.push(sends(text))
      await expect(ask()).rejects.toMatchObject({ fault: 'unreadable' })
    },
  )

  it('that counts its tokens wrongly counts none', async () => {
    server.script.push(says('x', { prompt_tokens: -5, completion_tokens: 'many' as never }))
    expect((await ask()).use).toMatchObject({ input_tokens: 0, output_tokens: 0 })
  })

  it('whose stream stops in the middle ends with the time it may take', async () => {
    server.script.push(stopsInTheMiddle)
    const hasty = createOutgoing({ allow: ['127.0.0.1'], limits: { totalMs: 200 } })
    await expect(ask({ request: { isStreamed: true }, through: hasty })).rejects.toMatchObject({ fault: 'timeout' })
    await hasty.close()
  })

  it('whose stream breaks off is not taken for a whole one', async () => {
    server.script.push(breaksOff)
    await expect(ask({ request: { isStreamed: true } })).rejects.toMatchObject({ fault: 'unreadable' })
  })

  it.each([
    [401, 'unauthorized', false],
    [403, 'unauthorized', false],
    [400, 'refused', false],
    [429, 'rate_limited', true],
    [500, 'unavailable', true],
    [503, 'unavailable', true],
  ] as const)('with the status %i is %s', async (status, fault, isPassing) => {
    server.script.push(fails(status, 'no'))
    await expect(ask()).rejects.toMatchObject({ fault, isPassing })
  })

  it('that redirects is not followed', async () => {
    const other = await openModelServer()
    server.script.push((response) => response.writeHead(307, { location: `${other.url}/chat/completions` }).end())
    await expect(ask()).rejects.toMatchObject({ name: 'Error' })
    expect(other.calls).toEqual([])
    await other.close()
  })
})

describe('a call', () => {
  it('that was refused for now is made again when the server says, with the same key', async () => {
    server.script.push(
      fails(429, 'slowly', { 'retry-after-ms': '1' }),
      fails(500, 'oh', { 'retry-after-ms': '1' }),
      says('now'),
    )
    expect((await ask({ endpoint: { maxRetries: 2 } })).text).toBe('now')
    expect(server.calls.map(({ headers }) => headers['idempotency-key'])).toEqual(['run:1', 'run:1', 'run:1'])
  })

  it('that was refused for good is not made again', async () => {
    server.script.push(fails(401, 'who?'))
    await expect(ask({ endpoint: { maxRetries: 5 } })).rejects.toMatchObject({ fault: 'unauthorized' })
    expect(server.calls).toHaveLength(1)
  })

  it('sends the settings that were given and nothing of the environment', async () => {
    process.env.OPENAI_CUSTOM_HEADERS = 'x-secret: of the operator'
    process.env.OPENAI_ORG_ID = 'org-of-the-operator'
    try {
      await ask({ request: { temperature: 0.2, max_tokens: 99 } })
    } finally {
      delete process.env.OPENAI_CUSTOM_HEADERS
      delete process.env.OPENAI_ORG_ID
    }
    const [call] = server.calls
    expect(call?.body).toEqual({ model: 'm-1', messages: question.messages, temperature: 0.2, max_tokens: 99 })
    expect(call?.headers.authorization).toBe(`Bearer ${key}`)
    expect(JSON.stringify(call?.headers)).not.toMatch(/operator/)
  })

  it('without a key sends none', async () => {
    await ask({ endpoint: { apiKey: null } })
    expect(server.calls[0]?.headers.authorization).toBeUndefined()
  })

  it('whose error repeats the key does not tell it', async () => {
    server.script.push(fails(401, `Wrong key ${key}, or ${encodeURIComponent(key)}`))
    const error = await ask().catch((thrown: Error) => thrown)
    expect(String(error)).toContain('[secret]')
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(key)
  })

  it('ends when its caller gives up', async () => {
    const giveUp = new AbortController()
    server.script.push(() => giveUp.abort())
    await expect(ask({ signal: giveUp.signal, endpoint: { maxRetries: 5 } })).rejects.toMatchObject({
      name: 'AbortError',
    })
    expect(server.calls).toHaveLength(1)
  })
})

describe('the echo', () => {
  it('says that it knows nothing, and repeats the last question', async () => {
    const messages: ChatRequest['messages'] = [
      { role: 'system', content: 'You know all.' },
      { role: 'user', content: 'first' },
      { role: 'user', content: 'Is it so?' },
    ]
    expect(
      await echoModel.answer({ messages, isStreamed: false }, { idempotencyKey: 'k', signal: never }),
    ).toMatchObject({
      text: `${echoNotice}\n\nIs it so?`,
      use: { input_tokens: 7, output_tokens: echoNotice.split(' ').length + 3 },
    })
  })

  it('answers in JSON when it is asked to, and never at length', async () => {
    const messages: ChatRequest['messages'] = [{ role: 'user', content: 'x'.repeat(1_000_000) }]
    const request: ChatRequest = { messages, isStreamed: false, response_format: { type: 'json_object' } }
    const { text } = await echoModel.answer(request, { idempotencyKey: 'k', signal: never })
    expect(JSON.parse(text).answer).toHaveLength(echoNotice.length + 2 + 1_000)
  })
})

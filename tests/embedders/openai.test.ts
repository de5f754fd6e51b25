// Embedding endpoints, played by a real HTTP server: what is asked, what is tried again, and what is an error at once.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { createOpenAiEmbedder, EmbedderError } from '../../server/embedders/openai.ts'
import type { EmbeddingModel } from '../../server/embedders/types.ts'

type Call = { headers: IncomingHttpHeaders; path: string; body: { model: string; input: string[] } }
type Answer = { status?: number; headers?: Record<string, string>; body?: unknown } | 'hang' | 'hang up'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** An endpoint that answers the n-th call with what the script says for it. */
async function endpoint(script: (call: Call, n: number) => Answer): Promise<{ url: string; calls: Call[] }> {
  const calls: Call[] = []
  const server = createServer(async (request, response) => {
    const call = {
      headers: request.headers,
      path: request.url ?? '',
      body: JSON.parse(await text(request)),
    }
    calls.push(call)
    respond(response, script(call, calls.length))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, calls }
}

function respond(response: ServerResponse, answer: Answer): void {
  if (answer === 'hang') return
  if (answer === 'hang up') {
    response.destroy()
    return
  }
  const { status = 200, headers = {}, body } = answer
  response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
}

const vectorOf = (text: string): number[] => [text.length, 1]
const embeddings = ({ body }: Call): Answer => ({
  body: {
    data: body.input.map((text, index) => ({ index, embedding: vectorOf(text) })),
    usage: { total_tokens: body.input.length },
  },
})
const unit = ([x = 0, y = 0]: number[]): number[] => [x / Math.hypot(x, y), y / Math.hypot(x, y)]

const embedderAt = (url: string, changes: Partial<EmbeddingModel> = {}) =>
  createOpenAiEmbedder(
    {
      baseUrl: url,
      apiKey: 'key-1234',
      modelName: 'small',
      dimension: 2,
      batchSize: 2,
      timeoutMs: 10_000,
      maxRetries: 3,
      ...changes,
    },
    { firstPauseMs: 1, random: () => 0 },
  )

async function errorOf(script: (call: Call, n: number) => Answer, changes: Partial<EmbeddingModel> = {}) {
  const { url, calls } = await endpoint(script)
  const error = await embedderAt(url, changes)
    .embed(['a', 'bb'])
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(EmbedderError)
  return { message: (error as Error).message, calls: calls.length }
}

describe('a request', () => {
  it('names the model, carries the key, and is no larger than the batch size', async () => {
    const { url, calls } = await endpoint(embeddings)
    const { vectors, tokenCount } = await embedderAt(`${url}/`).embed(['a', 'bb', 'ccc'])
    expect(calls.map(({ body }) => body.input)).toEqual([['a', 'bb'], ['ccc']])
    expect(calls[0]).toMatchObject({
      path: '/v1/embeddings',
      headers: { authorization: 'Bearer key-1234' },
      body: { model: 'small' },
    })
    expect(vectors).toEqual(['a', 'bb', 'ccc'].map((text) => unit(vectorOf(text))))
    expect(tokenCount).toBe(3)
  })

  it('carries no authorization when there is no key', async () => {
    const { url, calls } = await endpoint(embeddings)
    await embedderAt(url, { apiKey: null }).embed(['a'])
    expect(calls[0]?.headers.authorization).toBeUndefined()
  })

  it('holds fewer texts when they are long', async () => {
    const { url, calls } = await endpoint(embeddings)
    await embedderAt(url, { batchSize: 100 }).embed(['a'.repeat(60_000), 'b'.repeat(60_000), 'c'])
    expect(calls.map(({ body }) => body.input.length)).toEqual([1, 2])
  })

  it('is not made for no texts', async () => {
    const { url, calls } = await endpoint(embeddings)
    expect(await embedderAt(url).embed([])).toEqual({ vectors: [], tokenCount: 0 })
    expect(calls).toEqual([])
  })
})

describe('an answer', () => {
  it('may be in any order', async () => {
    const { url } = await endpoint((call) => ({
      body: { data: call.body.input.map((text, index) => ({ index, embedding: vectorOf(text) })).reverse() },
    }))
    const { vectors, tokenCount } = await embedderAt(url).embed(['a', 'bb'])
    expect(vectors).toEqual([unit(vectorOf('a')), unit(vectorOf('bb'))])
    expect(tokenCount).toBeNull()
  })

  it.each([-5, 1.5, 1e300, 'many', {}])('that counts %j tokens has not counted them', async (total) => {
    const { url } = await endpoint((call) => ({
      body: {
        data: call.body.input.map((text) => ({ embedding: vectorOf(text) })),
        usage: { total_tokens: total } as never,
      },
    }))
    expect((await embedderAt(url).embed(['a'])).tokenCount).toBeNull()
  })

  it.each([
    ['another dimension', { data: [{ embedding: [1, 2, 3] }, { embedding: [1, 2, 3] }] }, '3 dimensions'],
    ['too few vectors', { data: [{ embedding: [1, 2] }] }, '1 vectors for 2 texts'],
    [
      'the same number twice',
      {
        data: [
          { index: 0, embedding: [1, 2] },
          { index: 0, embedding: [2, 1] },
        ],
      },
      'numbered',
    ],
    [
      'a number beyond the texts',
      {
        data: [
          { index: 0, embedding: [1, 2] },
          { index: 2, embedding: [2, 1] },
        ],
      },
      'numbered',
    ],
    ['a zero vector', { data: [{ embedding: [0, 0] }, { embedding: [1, 2] }] }, 'without a direction'],
    ['an infinite component', '{"data": [{"embedding": [1e999, 1]}, {"embedding": [1, 2]}]}', 'not embeddings'],
    ['something that is not JSON', '<html>', 'not embeddings'],
  ])('with %s is an error, and is not asked for again', async (_, body, message) => {
    const failure = await errorOf(() => ({ body }))
    expect(failure.message).toContain(message)
    expect(failure.calls).toBe(1)
  })
})

describe('a failure', () => {
  it.each([429, 500, 503])('of status %i is tried again', async (status) => {
    const { url, calls } = await endpoint((call, n) => (n < 3 ? { status, body: {} } : embeddings(call)))
    expect((await embedderAt(url).embed(['a'])).vectors).toHaveLength(1)
    expect(calls).toHaveLength(3)
  })

  it('of the connection is tried again', async () => {
    const { url, calls } = await endpoint((call, n) => (n === 1 ? 'hang up' : embeddings(call)))
    expect((await embedderAt(url).embed(['a'])).vectors).toHaveLength(1)
    expect(calls).toHaveLength(2)
  })

  it('is tried again only so often', async () => {
    const failure = await errorOf(() => ({ status: 503, body: {} }), { maxRetries: 2 })
    expect(failure).toMatchObject({ message: expect.stringContaining('503'), calls: 3 })
  })

  it.each([
    ['seconds', () => '0'],
    ['a date', () => new Date(0).toUTCString()],
  ])('waits as long as the endpoint says in %s', async (_, value) => {
    // our own pause would be an hour
    const { url } = await endpoint((call, n) =>
      n === 1 ? { status: 429, headers: { 'retry-after': value() }, body: {} } : embeddings(call),
    )
    const model = { baseUrl: url, apiKey: null, modelName: 'small', dimension: 2, batchSize: 2 }
    const embedder = createOpenAiEmbedder({ ...model, timeoutMs: 10_000, maxRetries: 1 }, { firstPauseMs: 3_600_000 })
    expect((await embedder.embed(['a'])).vectors).toHaveLength(1)
  })

  it.each([400, 401, 403, 404])('of status %i is final, and never shows the key', async (status) => {
    const failure = await errorOf(() => ({ status, body: { error: { message: 'bad key key-1234' } } }))
    expect(failure.calls).toBe(1)
    expect(failure.message).toContain(String(status))
    expect(failure.message).not.toContain('key-1234')
  })

  it('to answer in time is an error', async () => {
    const failure = await errorOf(() => 'hang', { timeoutMs: 50, maxRetries: 0 })
    expect(failure.message).toContain('within 50 ms')
  })

  it('of a server that is not there does not show the key', async () => {
    const { url } = await endpoint(embeddings)
    for (const close of closers.splice(0)) await close()
    const attempt = embedderAt(url, { maxRetries: 1 }).embed(['a'])
    await expect(attempt).rejects.toThrow('The embedding endpoint cannot be reached.')
  })
})

it('a caller who gives up ends the request, and nothing is tried again', async () => {
  const controller = new AbortController()
  const { url, calls } = await endpoint(() => {
    controller.abort()
    return 'hang'
  })
  await expect(embedderAt(url).embed(['a'], controller.signal)).rejects.toMatchObject({ name: 'AbortError' })
  expect(calls).toHaveLength(1)
})

it('a caller who gives up during a pause does not wait for its end', async () => {
  const controller = new AbortController()
  const { url, calls } = await endpoint(() => {
    setImmediate(() => controller.abort())
    return { status: 503, headers: { 'retry-after': '3600' }, body: {} }
  })
  await expect(embedderAt(url).embed(['a'], controller.signal)).rejects.toMatchObject({ name: 'AbortError' })
  expect(calls).toHaveLength(1)
})

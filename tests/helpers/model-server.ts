// A model server in the test's process that speaks OpenAI's chat completions: whole and streamed answers, tool calls, errors, and
// the ways in which servers misbehave. Each call takes the next answer of the script; without one it says "fine".

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Message = { role: string; content: string | null; tool_call_id?: string; tool_calls?: object[] }
export type ModelCall = {
  headers: IncomingHttpHeaders
  body: { model: string; stream?: boolean; messages: Message[]; tools?: { function: { name: string } }[] } & Record<
    string,
    unknown
  >
}
type Reply = (response: ServerResponse, call: ModelCall) => void

export type ModelServer = {
  /** What llm_providers.base_url is. */
  url: string
  calls: ModelCall[]
  /** The replies to come, in their order. */
  script: Reply[]
  /** How a call is answered that the script says nothing of. */
  otherwise: (reply: Reply) => void
  close: () => Promise<void>
}

export async function openModelServer(): Promise<ModelServer> {
  const calls: ModelCall[] = []
  const script: Reply[] = []
  let otherwise: Reply = says('fine')
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    response.on('error', () => {})
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      if (request.url !== '/v1/chat/completions') return response.writeHead(404).end()
      const call = { headers: request.headers, body: JSON.parse(Buffer.concat(parts).toString('utf8')) }
      calls.push(call)
      const reply = script.shift() ?? otherwise
      reply(response, call)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    ...{ calls, script },
    otherwise: (reply) => {
      otherwise = reply
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

type Usage = { prompt_tokens: number; completion_tokens: number } & Record<string, unknown>
const someUsage: Usage = { prompt_tokens: 10, completion_tokens: 5 }

/** An answer in words. */
export const says =
  (content: string, usage: Usage = someUsage): Reply =>
  (response, call) =>
    complete(response, call, { content }, 'stop', usage)

/** An answer that asks for tools. Arguments that are a text are sent as they are. */
export const callsTools =
  (...tools: [name: string, input: object | string][]): Reply =>
  (response, call) => {
    const tool_calls = tools.map(([name, input], index) => ({
      ...{ index, id: `call_${index}`, type: 'function' },
      function: { name, arguments: typeof input === 'string' ? input : JSON.stringify(input) },
    }))
    complete(response, call, { content: null, tool_calls }, 'tool_calls', someUsage)
  }

export const fails =
  (status: number, message: string, headers: Record<string, string> = {}): Reply =>
  (response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify({ error: { message } }))

/** Sends this text with status 200. */
export const sends =
  (text: string, type = 'application/json'): Reply =>
  (response) =>
    response.writeHead(200, { 'content-type': type }).end(text)

export const saysNothing: Reply = () => {}

/** A stream that begins, and then neither goes on nor ends. */
export const stopsInTheMiddle: Reply = (response, { body }) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(event(chunk(body.model, { role: 'assistant', content: 'and then' })))
}

/** A stream that ends before it said that it is done. */
export const breaksOff: Reply = (response, { body }) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.end(event(chunk(body.model, { role: 'assistant', content: 'and then' })))
}

/** A stream that goes on as long as it is read. */
export const neverEnds: Reply = (response, { body }) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const part = event(chunk(body.model, { content: 'on and on '.repeat(10_000) }))
  const send = (): void => {
    while (!response.destroyed) if (!response.write(part)) return void response.once('drain', send)
  }
  send()
}

const event = (value: object | string): string =>
  `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`

const chunk = (model: string, delta: object, finish_reason: string | null = null): object => ({
  ...{ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model },
  choices: [{ index: 0, delta, finish_reason }],
})

function complete(response: ServerResponse, { body }: ModelCall, message: object, reason: string, usage: Usage): void {
  const { model, stream } = body
  if (!stream) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model, usage },
        choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: reason }],
      }),
    )
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(event(chunk(model, { role: 'assistant', content: '' })))
  for (const delta of deltas(message)) response.write(event(chunk(model, delta)))
  response.write(event(chunk(model, {}, reason)))
  response.write(event({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices: [], usage }))
  response.end(event('[DONE]'))
}

/** A message in pieces: texts and arguments are cut in the middle, as servers do. */
function* deltas({ content, tool_calls = [] }: { content?: string | null; tool_calls?: Record<string, unknown>[] }) {
  const half = Math.ceil((content ?? '').length / 2)
  if (content) yield* [{ content: content.slice(0, half) }, { content: content.slice(half) }]
  for (const {
    index,
    function: { name, arguments: text },
    ...rest
  } of tool_calls as never as ToolDelta[]) {
    yield { tool_calls: [{ index, ...rest, function: { name, arguments: text.slice(0, 3) } }] }
    yield { tool_calls: [{ index, function: { arguments: text.slice(3) } }] }
  }
}
type ToolDelta = { index: number; function: { name: string; arguments: string } }

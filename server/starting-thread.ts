// Answers for the server while it starts (see http-listener.ts). It loads nothing, so it is there at once.

import { createServer } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

export type StartingRequest = { host: string; port: number; message: string; extensions: object }
export type StartingAnswer = { port: number } | { error: { code: string | undefined; message: string } }

const { host, port, message, extensions } = workerData as StartingRequest
const say = (answer: StartingAnswer): void => parentPort?.postMessage(answer)

const server = createServer((request, response) => {
  const path = request.url?.split('?', 1)[0]
  const [status, body] =
    path === '/healthz'
      ? [200, { status: 'starting' }]
      : [
          503,
          path === '/readyz'
            ? { status: 'unavailable', part: 'process', reason: message }
            : { errors: [{ message, extensions }] },
        ]
  // the connection must not outlive the thread
  const headers = { 'content-type': 'application/json; charset=utf-8', connection: 'close' }
  response.writeHead(status, status === 503 ? { ...headers, 'retry-after': '2' } : headers).end(JSON.stringify(body))
})
server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
  say({ error: { code, message } })
  parentPort?.close()
})
server.listen(port, host, () => say({ port: (server.address() as { port: number }).port }))

const longestFarewellMs = 200
parentPort?.once('message', () => {
  server.close(() => process.exit())
  setTimeout(() => process.exit(), longestFarewellMs)
})

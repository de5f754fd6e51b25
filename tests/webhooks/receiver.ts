// A receiver of webhooks in the test's process, and a sender that is injected its clock.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import type { JobHelpers } from 'graphile-worker'
import type pg from 'pg'
import { asUser, createPool } from '../../server/database.ts'
import { createOutgoing, type Outgoing } from '../../server/outgoing.ts'
import { createSender } from '../../server/webhooks.ts'
import { isRealServer, type Person, type TestDatabase } from '../helpers/index.ts'

export type Received = { path: string; headers: IncomingHttpHeaders; body: string }
export type Receiver = {
  url: string
  received: Received[]
  /** What the calls were about, in their order. */
  objects: () => string[]
  /** How a path is answered; 204 when nothing is said. */
  answers: Map<string, (response: ServerResponse, call: Received) => void>
  outgoing: Outgoing
  /** One that waits for an answer 300 ms and no longer. */
  hasty: Outgoing
  close: () => Promise<void>
}

/** Its name is hook.test, which stands for an address of the public internet. */
export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = []
  const answers: Receiver['answers'] = new Map()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      const call = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(parts).toString('utf8') }
      received.push(call)
      const answer = answers.get(call.path)
      if (answer) answer(response, call)
      else response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const resolve: LookupFunction = (name, _options, done) =>
    done(null, [{ address: name === 'private.test' ? '10.0.0.1' : '127.0.0.1', family: 4 }])
  const outgoingFor = (totalMs: number): Outgoing =>
    createOutgoing({ allow: ['hook.test', 'slow.test'], resolve, limits: { totalMs, connectionsPerHost: 16 } })
  // so long that no busy machine makes a call fail that should not
  const outgoing = outgoingFor(60_000)
  const hasty = outgoingFor(300)
  return {
    url: `http://hook.test:${(server.address() as AddressInfo).port}`,
    ...{ received, answers, outgoing, hasty },
    objects: () => received.map(({ body }) => JSON.parse(body).data.n),
    close: async () => {
      await outgoing.close()
      await hasty.close()
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

export const status =
  (code: number, body = '', headers: Record<string, string> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(code, headers).end(body)
  }

export function openWorkers(db: TestDatabase, many = 2) {
  const pool = createPool(db.url, 'rowhouse_worker', many, { isEmbedded: !isRealServer() })
  let clock = ''
  const withPgClient = (async (work: (client: pg.PoolClient) => Promise<unknown>) => {
    const client = await pool.connect()
    try {
      await client.query(`select set_config('rowhouse.clock', $1, false)`, [clock])
      return await work(client)
    } finally {
      client.release()
    }
  }) as JobHelpers['withPgClient']
  const never = new AbortController().signal
  return {
    withPgClient,
    /** From now on it is so many minutes later. */
    later: (minutes: number): void => {
      clock = new Date(Date.now() + minutes * 60_000).toISOString()
    },
    /** One worker sends until nothing is due. */
    send: (outgoing: Outgoing, signal = never): Promise<boolean> => createSender(outgoing).send(withPgClient, signal),
    close: () => pool.end(),
  }
}
export type Workers = ReturnType<typeof openWorkers>

export const actorOf = ({ userId, tenantId }: Person, role = 'rowhouse_user') => ({
  user_id: userId,
  tenant_id: tenantId,
  role,
})

export type Endpoint = { id: string; secret: string }

export async function createEndpoint(
  db: TestDatabase,
  person: Person,
  url: string,
  kinds: string[],
  { ofAllTenants = false, role = 'rowhouse_user' } = {},
): Promise<Endpoint> {
  return asUser(db.pool, actorOf(person, role), async (client) => {
    const { rows } = await client.query<Endpoint>(
      `select endpoint_id as id, secret from app_public.create_webhook_endpoint($1, $2, null, $3)`,
      [url, kinds, ofAllTenants],
    )
    return rows[0] as Endpoint
  })
}

/** What a domain's trigger does: an event about an object, with a number by which the test knows it. */
export async function emit(
  client: Pick<pg.Pool, 'query'>,
  tenantId: string,
  n: string | number,
  object = '00000000-0000-4000-8000-000000000001',
  kind = 'invoice.paid',
): Promise<void> {
  await client.query('select webhooks.emit($1, $2, $3, $4)', [tenantId, kind, object, { n }])
}

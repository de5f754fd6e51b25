// Live updates: subscriptions over WebSockets (graphql-transport-ws) and as server-sent events, which share who may
// subscribe, what it costs, how many there may be, and how they end.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Credentials } from '../auth.ts'
import type { Visit } from '../door.ts'
import { publicPart } from '../errors.ts'
import type { GraphQLRequest } from '../graphql/request.ts'
import { type Admission, refusalOf } from '../rate-limits.ts'
import { createChanges } from './changes.ts'
import { serveEventStream } from './event-stream.ts'
import { createPlaces } from './limits.ts'
import { openSession, type Session } from './session.ts'
import { openStream, type Stream } from './stream.ts'
import type { LiveOptions, Transport } from './types.ts'
import { createWebSockets } from './websocket.ts'

export type Live = {
  /** Serves a WebSocket. */
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>
  /** Serves a request for server-sent events, after onAdmitted has set its headers. */
  serveEvents: (
    response: ServerResponse,
    credentials: Credentials,
    visit: Visit,
    request: GraphQLRequest,
    onAdmitted: (session: Session, admission: Admission) => Promise<void>,
  ) => Promise<void>
  close: () => Promise<void>
}

export function createLive(options: LiveOptions): Live {
  const { config, door, executor, logger, metrics } = options
  const changes = createChanges({ ...options, onGap: () => metrics.liveGaps.inc() })
  const places = createPlaces({
    perUser: config.LIVE_LIMIT_PER_USER,
    perTenant: config.LIVE_LIMIT_PER_TENANT,
    onServer: config.LIVE_LIMIT,
  })

  /** Starts a subscription, which is charged as a request is. */
  async function subscribe(
    transport: Transport,
    credentials: Credentials,
    session: Session,
    request: GraphQLRequest,
    onAdmitted: (admission: Admission) => Promise<void>,
  ): Promise<Stream> {
    const giveBack = places.take(session.identity)
    try {
      const chargedCalls = executor.knownCalls(request) ?? 1
      const { admission } = await door.admit(credentials, session.visit, { calls: chargedCalls, chargedCalls: 0 })
      await onAdmitted(admission)
      refuse(admission)
      const watch = await executor.subscribe(request, async (calls) => {
        if (calls <= chargedCalls) return
        refuse((await door.admit(credentials, session.visit, { calls: calls - chargedCalls, chargedCalls })).admission)
      })
      return await openStream({
        door,
        changes,
        session,
        watch,
        ...reporting(transport, session, watch.operation, giveBack),
      })
    } catch (error) {
      giveBack()
      throw error
    }
  }

  function reporting(
    transport: Transport,
    { identity, visit }: Session,
    operation: string | undefined,
    giveBack: () => void,
  ) {
    const started = performance.now()
    let sent = 0
    metrics.liveSubscriptions.inc({ transport })
    return {
      onAnswer: (codes: string[]) => {
        sent += 1
        metrics.liveAnswers.inc({ transport })
        for (const code of codes) metrics.errors.inc({ code })
      },
      onEnd: (reason?: unknown) => {
        giveBack()
        metrics.liveSubscriptions.dec({ transport })
        const code = reason === undefined ? undefined : (publicPart(reason)?.extensions.code ?? 'INTERNAL')
        if (code) metrics.errors.inc({ code })
        logger.info(
          {
            request: visit.id,
            transport,
            operation,
            user: identity.userId,
            tenant: identity.tenantId,
            key: identity.apiKeyId,
            sent,
            ms: Math.round(performance.now() - started),
            code,
          },
          'subscription ended',
        )
      },
    }
  }

  const open = (credentials: Credentials, visit: Visit): Promise<Session> =>
    openSession({ door, changes }, credentials, visit)
  const sockets = createWebSockets({ ...options, open, subscribe })
  const streams = new Set<ServerResponse>()

  return {
    upgrade: sockets.upgrade,
    serveEvents: async (response, credentials, visit, request, onAdmitted) => {
      const session = await open(credentials, visit)
      streams.add(response)
      try {
        const stream = await subscribe('sse', credentials, session, request, (admission) =>
          onAdmitted(session, admission),
        )
        await serveEventStream(response, stream)
      } finally {
        session.close()
        streams.delete(response)
      }
    },
    close: async () => {
      // without the event that says "complete", so that clients come again
      for (const response of streams) response.destroy()
      await sockets.close()
      await changes.close()
    },
  }
}

function refuse(admission: Admission): void {
  const refusal = refusalOf(admission)
  if (refusal) throw refusal
}

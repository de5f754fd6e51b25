// The wire protocol by hand, for what pg never sends: pipelines in pieces, statements without a turn's end, garbage.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { parse, serialize } from 'pg-protocol'

export type Message = { name: string; code?: string; status?: string; fields?: (string | null)[] }

export type Wire = {
  socket: Socket
  write: (...messages: Uint8Array[]) => void
  /** The answer up to the next ReadyForQuery, or to the end of the connection. */
  answer: () => Promise<Message[]>
}

export async function openWire(connectionString: string, startup: Record<string, string> = {}): Promise<Wire> {
  const url = new URL(connectionString)
  const socket = connect(Number(url.port), url.hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  const received: Message[] = []
  let isOver = false
  let check = (): void => {}
  // resolves when the connection is over, and fails only with garbage
  void parse(socket, (message) => {
    const { name } = message as unknown as Message
    if (name === 'authenticationCleartextPassword') socket.write(serialize.password(url.password))
    received.push(message as unknown as Message)
    check()
  })
  socket.on('close', () => {
    isOver = true
    check()
  })
  const wire: Wire = {
    socket,
    write: (...messages) => socket.write(Buffer.concat(messages)),
    answer: () =>
      new Promise((resolve) => {
        check = () => {
          const end = received.findIndex(({ name }) => name === 'readyForQuery')
          if (end < 0 && !isOver) return
          check = () => {}
          resolve(received.splice(0, end < 0 ? received.length : end + 1))
        }
        check()
      }),
  }
  wire.write(serialize.startup({ user: 'postgres', database: 'postgres', ...startup }))
  await wire.answer()
  return wire
}

export const names = (messages: Message[]): string[] => messages.map(({ name }) => name)

/** What the rows' first columns say. */
export const values = (messages: Message[]): unknown[] =>
  messages.filter(({ name }) => name === 'dataRow').map(({ fields }) => fields?.[0])

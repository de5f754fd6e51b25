// A network between server and database that a test can cut, silence and mend.

import { createServer, connect as dial, type Socket } from 'node:net'

export type Network = {
  /** The connection string that leads through it. */
  url: string
  /** Ends every connection and refuses new ones, as a database that is stopped. */
  cut: () => Promise<void>
  /** Connections stay and nothing comes through, as in a network that lost its way. */
  silence: () => void
  mend: () => Promise<void>
  close: () => Promise<void>
}

export async function openProxy(url: string): Promise<Network> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let isSilent = false
  const server = createServer((near) => {
    const far = dial(Number(target.port || 5432), target.hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => isSilent || to.write(bytes))
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as { port: number }
  const through = new URL(url)
  through.host = `127.0.0.1:${port}`
  const cut = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    url: through.toString(),
    cut,
    silence: () => {
      isSilent = true
    },
    mend: async () => {
      isSilent = false
      if (!server.listening) await listen(port)
    },
    close: async () => {
      if (server.listening) await cut()
    },
  }
}

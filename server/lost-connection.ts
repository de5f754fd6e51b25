// Which errors mean that the database is away, or the connection to it: nobody's fault, and worth another try.

/** Of Node and of the network; the last is also what a deadline of ours says (see pool.ts). */
const networkCodes = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ETIMEDOUT',
  // the socket of a server on this machine is gone
  'ENOENT',
]

/** PostgreSQL's: connection exceptions, shutdowns and starts, no connection left, too long idle in a transaction. */
const sqlStates = /^(08...|57P0[1-5]|53300|25P03)$/

/** What pg and pg-pool say without a code. */
const messages =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout (expired|exceeded when trying to connect)|Query read timeout)/

export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isConnectionLost)
  const { code, syscall } = error as NodeJS.ErrnoException
  if (typeof code !== 'string') return messages.test(error.message)
  if (networkCodes.includes(code)) return code !== 'ENOENT' || syscall === 'connect'
  return sqlStates.test(code)
}

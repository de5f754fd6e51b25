// Errors that nobody handled: the process ends, for what it stands on may be broken, and says so in one line of JSON. A
// lost connection breaks nothing: it is only reported.

import type { Logger } from './logging.ts'
import { isConnectionLost } from './lost-connection.ts'

export function endOnUncaughtErrors(logger: Logger): void {
  const end = (error: unknown, kind: string): void => {
    if (isConnectionLost(error)) {
      logger.error({ error: String(error), kind }, 'a lost connection to the database was not handled')
      return
    }
    logger.fatal({ err: error, kind }, 'uncaught error: the process ends')
    logger.flush(() => process.exit(1))
    // a destination that cannot be written to must not keep it alive
    setTimeout(() => process.exit(1), 1_000).unref()
  }
  process.on('uncaughtException', (error) => end(error, 'exception'))
  process.on('unhandledRejection', (reason) => end(reason, 'rejection'))
}

// Structured logs: one JSON line an event. Nothing that is a secret is ever given to the logger; redaction is the net.

import { type Logger, pino } from 'pino'

export type { Logger }

export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ['*.authorization', '*.token', '*.password', '*.connectionString', 'err.config', 'err.parameters'],
  })
}

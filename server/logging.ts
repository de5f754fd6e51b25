// Structured logs: one JSON line an event. Nothing that is a secret is ever given to the logger; redaction is the net.

import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: [
      'authorization',
      'token',
      'password',
      '*.authorization',
      '*.token',
      '*.password',
      '*.connectionString',
      'err.config',
      'err.parameters',
    ],
  }
  return destination ? pino(options, destination) : pino(options)
}

// Why a step failed, in the words of the registry of errors. What it says may be stored and shown: it holds no secret.

import { publicPart } from '../errors.ts'
import { isConnectionLost } from '../lost-connection.ts'

export class StepError extends Error {
  readonly code: string
  /** Whether the same step may succeed later. */
  readonly isPassing: boolean
  constructor(code: string, message: string, isPassing = false) {
    super(message)
    this.code = code
    this.isPassing = isPassing
  }
}

/** A refusal by a rule of the database or of the secrets as the error of a step; anything else is thrown on. */
export function refusalOf(error: unknown): StepError {
  if (error instanceof StepError) return error
  const shown = isConnectionLost(error) ? undefined : publicPart(error)
  if (!shown) throw error
  const { code = '', hint } = shown.extensions
  return new StepError(code, [shown.message, hint].filter(Boolean).join(' '))
}

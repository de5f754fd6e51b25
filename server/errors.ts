// Errors: what reaches a client, and with which code. Ours (docs/error-codes.md) and a handful of PostgreSQL's pass;
// everything else is logged under an id and becomes "An internal error occurred".

import { randomUUID } from 'node:crypto'
import { GraphQLError } from 'graphql'
import { isConnectionLost } from './lost-connection.ts'

/** Domain class, kind, serial: see docs/error-codes.md. */
export const ownCode = /^[I-OQ-WYZ][A-Z][1-69]\d\d$/

/** PostgreSQL's own that a client can do something about. Their messages quote values, so ours replace them. */
export const neutralMessages: Record<string, string> = {
  '22003': 'A number is out of range.',
  '22007': 'A date or time is not valid.',
  '22008': 'A date or time is out of range.',
  '22021': 'A text has characters that cannot be stored.',
  // such as a time zone that does not exist
  '22023': 'A value is not valid.',
  '22025': 'A pattern must not end with its escape character.',
  '22P02': 'A value is not of the type it must be.',
  '22P05': 'A text contains a NUL character, which cannot be stored.',
  '23502': 'A required value is missing.',
  '23503': 'Something this refers to does not exist.',
  '23505': 'This already exists.',
  '23514': 'A value is out of its range.',
  '40001': 'Someone else changed the same thing at the same time. Try again.',
  '40P01': 'Someone else changed the same thing at the same time. Try again.',
  '42501': 'You are not allowed to do this.',
  '55P03': 'Someone else is changing the same thing. Try again.',
  '57014': 'The request took too long and was stopped.',
}

/** An error of the TypeScript side that is safe to show. */
export class PublicError extends Error {
  readonly status: number
  readonly extensions: { code: string; hint?: string }
  constructor(status: number, code: string, message: string, hint?: string) {
    super(message)
    this.status = status
    this.extensions = hint ? { code, hint } : { code }
  }
}

export const databaseAway = (): PublicError =>
  new PublicError(503, 'WB901', 'The database is not available at the moment.', 'Try again in a few seconds.')

type DatabaseError = { code?: string; message: string; hint?: string; constraint?: string }

/** What a client may know of an error: nothing, or message and extensions. */
export function publicPart(error: unknown): { message: string; extensions: Record<string, string> } | undefined {
  if (error instanceof PublicError) return { message: error.message, extensions: error.extensions }
  if (isConnectionLost(error)) return publicPart(databaseAway())
  const { code, message, hint, constraint } = error as DatabaseError
  if (typeof code !== 'string') return undefined
  if (ownCode.test(code) && code[2] !== '9') return { message, extensions: hint ? { code, hint } : { code } }
  const neutral = neutralMessages[code]
  if (!neutral) return undefined
  return { message: neutral, extensions: constraint ? { code, constraint } : { code } }
}

/** Codes that say nothing about the request: it may well succeed when it is sent again. */
export const meansTryAgain = ['WB608', 'WB901']
/** PostgreSQL's of which the same is true before a request's own work has begun. */
const transientStates = ['40001', '40P01', '55P03', '57014']

export const isTransient = (code = ''): boolean => meansTryAgain.includes(code) || transientStates.includes(code)

export type LogInternalError = (fields: { err: unknown; errorId: string }, message: string) => void

/** For errors of execution. Errors of GraphQL itself (a null where none may be) have no original and pass. */
export function createMaskError(log: LogInternalError): (error: GraphQLError) => GraphQLError {
  return (error) => {
    const original = rootCause(error)
    if (original === undefined) return error
    const shown = publicPart(original) ?? internalError(original, log)
    return new GraphQLError(shown.message, {
      ...(error.nodes ? { nodes: error.nodes } : {}),
      ...(error.path ? { path: error.path } : {}),
      extensions: shown.extensions,
    })
  }
}

function rootCause(error: GraphQLError): unknown {
  let cause: unknown = error
  while (cause instanceof GraphQLError) cause = cause.originalError
  return cause
}

export function internalError(
  error: unknown,
  log: LogInternalError,
): { message: string; extensions: Record<string, string> } {
  const errorId = randomUUID()
  log({ err: error, errorId }, 'internal error')
  return { message: 'An internal error occurred.', extensions: { code: 'INTERNAL', errorId } }
}

// What a client sends: a query's text, or the hash of a persisted one, with variables.

import { z } from 'zod'
import { PublicError } from '../errors.ts'
import { parseExactly } from '../exact-json.ts'
import { hashOf, normalHash, type PersistedOperations } from './persisted.ts'

const requestBody = z.object({
  query: z.string().nullish(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  /** The name of the hash in GraphQL over HTTP. */
  documentId: z.string().nullish(),
  /** As Apollo's clients send it. */
  extensions: z.object({ persistedQuery: z.object({ sha256Hash: z.string() }).optional() }).nullish(),
})

export type GraphQLRequest = {
  query: string
  operationName?: string | null | undefined
  variables?: Record<string, unknown> | null | undefined
}

/** Longer than any query that a person or a tool writes; long values belong into the variables. */
const longestQuery = 100_000

export function readRequest(text: string, persisted: PersistedOperations, onlyPersisted: boolean): GraphQLRequest {
  let body: z.infer<typeof requestBody>
  try {
    body = requestBody.parse(parseExactly(text))
  } catch {
    throw notARequest()
  }
  const { operationName, variables } = body
  const given = body.documentId ?? body.extensions?.persistedQuery?.sha256Hash
  const hash = typeof given === 'string' ? normalHash(given) : undefined
  if (typeof body.query !== 'string') {
    if (hash === undefined) throw notARequest()
    const query = persisted.get(hash)
    if (query === undefined) throw notPersisted()
    return { query, operationName, variables }
  }
  const { query } = body
  if (query.length > longestQuery) {
    throw new PublicError(
      400,
      'WB604',
      `The query is longer than ${longestQuery} characters.`,
      'Send long values in the variables.',
    )
  }
  if (hash !== undefined && hash !== hashOf(query)) {
    throw new PublicError(400, 'WB406', 'The hash is not the SHA-256 of the query.', 'Send one of them, or both right.')
  }
  if (onlyPersisted && !persisted.has(hash ?? hashOf(query))) throw notPersisted()
  return { query, operationName, variables }
}

const notARequest = (): PublicError =>
  new PublicError(400, 'WB401', 'The request is not a GraphQL request.', 'Send JSON: {"query": "…", "variables": {…}}.')

const notPersisted = (): PublicError =>
  new PublicError(
    404,
    'WB303',
    'The operation is not among the persisted ones.',
    'Add it to PERSISTED_OPERATIONS of the server, or send its text where the server takes texts.',
  )

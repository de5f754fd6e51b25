// One GraphQL request from text to result: parse, limit, validate, limit again with the variables, execute. What does
// not depend on the variables is kept for the next request with the same text.

import { execute, hookArgs, isSafeError } from 'grafast'
import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { PublicError } from '../errors.ts'
import { costsOf } from './costs.ts'
import type { ExplainError } from './form-errors.ts'
import { checkCost, checkDepth, checkVariables, type Limits, pageVariablesOf, withPageSizes } from './limits.ts'
import { asNotFound } from './not-found.ts'

const requestBody = z.object({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
})

export type GraphQLRequest = z.infer<typeof requestBody>
export type Executor = {
  read: (body: string) => GraphQLRequest
  /** Whether the request only asks what the schema looks like. */
  isIntrospection: (request: GraphQLRequest) => boolean
  run: (
    request: GraphQLRequest,
    requestContext: Grafast.RequestContext,
  ) => Promise<{ status: number; result: ExecutionResult; operation: string | undefined }>
}

const mostTokens = 10_000

/** By text, and no more of it than this in characters: a text may be as long as a body. */
const createCache = <V extends object>(): LRUCache<string, V> =>
  new LRUCache({ max: 500, maxSize: 5_000_000, sizeCalculation: (_value, text) => text.length + 1 })

export function createExecutor(
  schema: GraphQLSchema,
  resolvedPreset: GraphileConfig.ResolvedPreset,
  limits: Limits,
  maskError: (error: GraphQLError) => GraphQLError,
  explainError: ExplainError,
): Executor {
  const costs = costsOf(schema)
  const documents = createCache<{ document: DocumentNode; pageVariables: string[] }>()
  const sizedDocuments = createCache<DocumentNode>()

  function prepare(query: string): { document: DocumentNode; pageVariables: string[] } {
    const known = documents.get(query)
    if (known) return known
    let document: DocumentNode
    try {
      document = parse(query, { maxTokens: mostTokens })
    } catch (error) {
      if (error instanceof GraphQLError) throw new AggregateError([withCode(error)])
      throw tooDeep()
    }
    checkDepth(document, limits.depth)
    const errors = validate(schema, document, undefined, { maxErrors: 20 })
    if (errors.length > 0) throw new AggregateError(errors.map(withCode))
    const prepared = { document, pageVariables: pageVariablesOf(document) }
    documents.set(query, prepared)
    return prepared
  }

  /** The document to run. Its page sizes depend on which variables have a value, and nothing else does. */
  function sized(query: string, document: DocumentNode, withoutValue: string[]): DocumentNode {
    const key = `${withoutValue.join()}\0${query}`
    const known = sizedDocuments.get(key)
    if (known) return known
    const made = withPageSizes(schema, document, withoutValue, limits)
    sizedDocuments.set(key, made)
    return made
  }

  function operationOf(document: DocumentNode, name: string | null | undefined): OperationDefinitionNode {
    const operation = getOperationAST(document, name)
    if (!operation)
      throw new PublicError(400, 'WB402', 'The operation to run is not clear.', 'Name it in operationName.')
    if (operation.operation === 'subscription') throw new PublicError(400, 'WB402', 'Subscriptions are not served.')
    return operation
  }

  return {
    read: (body) => {
      try {
        return requestBody.parse(JSON.parse(body))
      } catch {
        throw new PublicError(
          400,
          'WB401',
          'The request is not a GraphQL request.',
          'Send JSON: {"query": "…", "variables": {…}}.',
        )
      }
    },
    isIntrospection: ({ query, operationName }) => {
      try {
        const operation = operationOf(prepare(query).document, operationName)
        return operation.selectionSet.selections.every(
          (selection) => selection.kind === Kind.FIELD && selection.name.value.startsWith('__'),
        )
      } catch {
        return false
      }
    },
    run: async ({ query, operationName, variables }, requestContext) => {
      const { document, pageVariables } = prepare(query)
      const { variableDefinitions } = operationOf(document, operationName)
      checkVariables(variables)
      const { coerced, errors: wrong } = getVariableValues(schema, variableDefinitions ?? [], variables ?? {}, {
        maxErrors: 20,
      })
      if (wrong) throw new AggregateError(wrong.map(withCode))
      const withoutValue = pageVariables.filter((name) => coerced[name] === undefined || coerced[name] === null)
      const toRun = sized(query, document, withoutValue)
      const operation = operationOf(toRun, operationName)
      checkCost(toRun, operation, coerced, limits, costs)
      const args = {
        schema,
        document: toRun,
        contextValue: { pageSizeMax: limits.pageSizeMax },
        variableValues: variables,
        operationName,
        resolvedPreset,
        requestContext,
      }
      const { data, errors } = (await execute(await hookArgs(args))) as ExecutionResult
      const at = { variables: coerced, pgSettings: requestContext.pgSettings ?? {} }
      const shown = await Promise.all(
        (errors ?? []).map(async (error) => explainError(maskError(withKnownCause(error)), error, at)),
      )
      return {
        status: 200,
        operation: operation.name?.value.slice(0, 100),
        result: {
          ...(data === undefined ? {} : { data }),
          ...(errors ? { errors: shown } : {}),
        },
      }
    },
  }
}

const tooDeep = (): PublicError =>
  new PublicError(400, 'WB601', 'The query is nested too deep.', 'Ask for less at once.')

/** What grafast itself objects to, such as a cursor that is none, is the client's to know and to mend. */
function withKnownCause(error: GraphQLError): GraphQLError {
  const { originalError } = error
  const known =
    originalError && isSafeError(originalError)
      ? new PublicError(400, 'WB402', originalError.message)
      : originalError instanceof RangeError && /call stack/.test(originalError.message)
        ? tooDeep()
        : asNotFound(originalError)
  if (!known) return error
  return new GraphQLError(known.message, {
    ...(error.nodes ? { nodes: error.nodes } : {}),
    ...(error.path ? { path: error.path } : {}),
    originalError: known,
  })
}

/** Errors of the query's text: GraphQL's own message, and a code to tell them by. */
function withCode(error: GraphQLError): GraphQLError {
  return new GraphQLError(error.message, {
    ...(error.nodes ? { nodes: error.nodes } : {}),
    ...(error.source ? { source: error.source } : {}),
    ...(error.positions ? { positions: error.positions } : {}),
    extensions: { code: 'WB402' },
  })
}

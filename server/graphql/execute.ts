// One GraphQL request from text to result: parse, limit, validate, limit again with the variables, execute. What does
// not depend on the variables is kept for the next request with the same text.

import { execute, hookArgs } from 'grafast'
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
import { checkCost, checkDepth, type Limits, withPageSizes } from './limits.ts'

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
  ) => Promise<{ status: number; result: ExecutionResult }>
}

const mostTokens = 10_000

export function createExecutor(
  schema: GraphQLSchema,
  resolvedPreset: GraphileConfig.ResolvedPreset,
  limits: Limits,
  maskError: (error: GraphQLError) => GraphQLError,
): Executor {
  const documents = new LRUCache<string, DocumentNode>({ max: 500 })

  function prepare(query: string): DocumentNode {
    const known = documents.get(query)
    if (known) return known
    let document: DocumentNode
    try {
      document = parse(query, { maxTokens: mostTokens })
    } catch (error) {
      if (error instanceof GraphQLError) throw new AggregateError([withCode(error)])
      throw new PublicError(400, 'WB601', 'The query is nested too deep.', 'Ask for less at once.')
    }
    checkDepth(document, limits.depth)
    const errors = validate(schema, document, undefined, { maxErrors: 20 })
    if (errors.length > 0) throw new AggregateError(errors.map(withCode))
    const prepared = withPageSizes(schema, document, limits)
    documents.set(query, prepared)
    return prepared
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
        const operation = operationOf(prepare(query), operationName)
        return operation.selectionSet.selections.every(
          (selection) => selection.kind === Kind.FIELD && selection.name.value.startsWith('__'),
        )
      } catch {
        return false
      }
    },
    run: async ({ query, operationName, variables }, requestContext) => {
      const document = prepare(query)
      const operation = operationOf(document, operationName)
      const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {}, { maxErrors: 20 })
      if (coerced.errors) throw new AggregateError(coerced.errors.map(withCode))
      checkCost(document, operation, coerced.coerced, limits)
      const args = {
        schema,
        document,
        contextValue: {},
        variableValues: variables,
        operationName,
        resolvedPreset,
        requestContext,
      }
      const result = (await execute(await hookArgs(args))) as ExecutionResult
      const { data, errors } = result
      return {
        status: 200,
        result: { ...(data === undefined ? {} : { data }), ...(errors ? { errors: errors.map(maskError) } : {}) },
      }
    },
  }
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

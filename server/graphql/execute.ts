// One GraphQL request from text to result: parse, limit, validate, limit again with the variables, execute. What does
// not depend on the variables is kept for the next request with the same text.

import { execute, hookArgs, isSafeError, subscribe } from 'grafast'
import {
  type DocumentNode,
  type ExecutionResult,
  executeSync,
  GraphQLError,
  type GraphQLSchema,
  getArgumentValues,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { PublicError } from '../errors.ts'
import { alwaysOpenFields } from './always-open.ts'
import { type ArgumentLimits, checkArguments } from './arguments.ts'
import { costsOf } from './costs.ts'
import { exactVariables, roundedNumbers } from './exact-numbers.ts'
import type { ExplainError } from './form-errors.ts'
import { createCheckIntrospection } from './introspection.ts'
import { checkCost, checkDepth, checkVariables, type Limits, pageVariablesOf, withPageSizes } from './limits.ts'
import type { LiveField } from './live.ts'
import { asNotFound } from './not-found.ts'
import type { PersistedOperations } from './persisted.ts'
import { type GraphQLRequest, readRequest } from './request.ts'
import { createBudget, isTooLarge, tooLarge } from './response-limit.ts'
import { fragmentsOf } from './selections.ts'
import { checkShape, rootFieldsOf, type ShapeLimits } from './shape.ts'

export type ExecutorLimits = Limits & ShapeLimits & ArgumentLimits & { responseBytes: number; costPerCall: number }
export type Answer = { status: number; body: string; errors: readonly GraphQLError[]; operation: string | undefined }
export type Executor = {
  read: (body: string) => GraphQLRequest
  /** Whether someone without a token may ask this: only what the schema looks like, and not too much of it. */
  isPublic: (request: GraphQLRequest) => boolean
  /** Whether this only manages plan, quotas and billing, and so is served without API calls left. */
  isAlwaysOpen: (request: GraphQLRequest) => boolean
  /** How many API calls a request costs, when its text is known: to look at an unknown one is work that has to be admitted. */
  knownCalls: (request: GraphQLRequest) => number | undefined
  /** Is told how many API calls the request costs in all before anything is done for it, and may refuse. */
  run: (
    request: GraphQLRequest,
    requestContext: Partial<Grafast.RequestContext>,
    charge?: (calls: number) => Promise<void>,
  ) => Promise<Answer>
  /** Whether the request is a subscription, when its text is one that can be run at all. */
  isSubscription: (request: GraphQLRequest) => boolean
  /** What a subscription watches, and how it is answered. Is told the cost as run() is. */
  subscribe: (request: GraphQLRequest, charge: (calls: number) => Promise<void>) => Promise<Watch>
}

export type Watch = {
  table: string
  /** A row's id, or what rows are about; undefined stands for all rows of the tenant. */
  key: string | undefined
  operation: string | undefined
  /** The answer to a change of the row with this id, or to a change of any row. */
  answer: (id: string | null, requestContext: Partial<Grafast.RequestContext>) => Promise<Answer & { isOfRow: boolean }>
  /** Whether only one row is watched, whose id is the key. */
  isOfOneRow: boolean
}

type Weighed = {
  document: DocumentNode
  /** Of the operation, when it has one. */
  name: string | undefined
  calls: number
  isConstant: boolean
  /** As they were given, with the digits of their numbers, and as their types read them. */
  variables: Record<string, unknown>
  coerced: Record<string, unknown>
}

export type ExecutorOptions = {
  schema: GraphQLSchema
  resolvedPreset: GraphileConfig.ResolvedPreset
  limits: ExecutorLimits
  maskError: (error: GraphQLError) => GraphQLError
  explainError: ExplainError
  persisted: PersistedOperations | undefined
  onlyPersisted: boolean
}

const mostTokens = 10_000

/** By text, and no more of it than this in characters: a text may be as long as a body. */
const createCache = <V extends object>(): LRUCache<string, V> =>
  new LRUCache({ max: 500, maxSize: 5_000_000, sizeCalculation: (_value, text) => text.length + 1 })

/** Introspections are megabytes each, and few are different. */
const createAnswerCache = (): LRUCache<string, { body: string }> =>
  new LRUCache({ maxSize: 50_000_000, sizeCalculation: ({ body }, key) => body.length + key.length })

/** How many texts that were not seen before are looked at in a minute for people without a token. */
const mostPublicTexts = 20
const publicInterval = 60_000

export function createExecutor(options: ExecutorOptions): Executor {
  const { schema, resolvedPreset, limits, maskError, explainError } = options
  const persisted: PersistedOperations = options.persisted ?? new Map()
  const costs = costsOf(schema)
  const checkIntrospection = createCheckIntrospection(schema)
  const documents = createCache<{ document: DocumentNode; pageVariables: string[] }>()
  const sizedDocuments = createCache<DocumentNode>()
  const introspections = createAnswerCache()
  const publicTexts = { since: 0, count: 0 }
  /** What knownCalls() has found out already. */
  const weighed = new WeakMap<GraphQLRequest, Weighed>()

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
    checkShape(document, limits)
    const errors = [...validate(schema, document, undefined, { maxErrors: 20 })]
    if (errors.length === 0) errors.push(...roundedNumbers(schema, document))
    if (errors.length > 0) throw new AggregateError(errors.map(withCode))
    for (const definition of document.definitions) {
      if (definition.kind === Kind.OPERATION_DEFINITION) checkIntrospection(document, definition)
    }
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
    return operation
  }

  function isSubscription({ query, operationName }: GraphQLRequest): boolean {
    return operationOf(prepare(query).document, operationName).operation === 'subscription'
  }

  /** What a subscription is about; its only field at the root says it. */
  function watched(document: DocumentNode, operationName: GraphQLRequest['operationName'], variables: object) {
    const [node] = rootFieldsOf(operationOf(document, operationName), fragmentsOf(document))
    const field = node && schema.getSubscriptionType()?.getFields()[node.name.value]
    const live = field?.extensions.rowhouseLive as LiveField | undefined
    if (!node || !field || !live) throw new PublicError(400, 'WB402', 'There is no such subscription.')
    const given = getArgumentValues(field, node, variables as Record<string, unknown>)
    const isOfOneRow = given.id !== undefined && given.id !== null
    const key = isOfOneRow ? given.id : live.about && given[live.about]
    return { table: live.table, isOfOneRow, key: key === undefined || key === null ? undefined : String(key) }
  }

  /** Introspection depends on nothing but its text. */
  function introspect({ query, operationName }: GraphQLRequest, document: DocumentNode): string {
    const key = `${operationName ?? ''}\0${query}`
    const known = introspections.get(key)
    if (known) return known.body
    const body = JSON.stringify(executeSync({ schema, document, operationName }))
    introspections.set(key, { body })
    return body
  }

  /** What will be done for a request, and what it costs; throws what is wrong with it. */
  function weigh({ query, operationName, variables: given }: GraphQLRequest): Weighed {
    const { document, pageVariables } = prepare(query)
    const definition = operationOf(document, operationName)
    const name = definition.name?.value.slice(0, 100)
    checkVariables(given)
    if (isConstant(document, definition))
      return { document, name, calls: 1, isConstant: true, variables: {}, coerced: {} }
    const { variableDefinitions = [] } = definition
    const variables = exactVariables(schema, variableDefinitions, given ?? {})
    const { coerced, errors } = getVariableValues(schema, variableDefinitions, variables, { maxErrors: 20 })
    if (errors) throw new AggregateError(errors.map(withCode))
    const withoutValue = pageVariables.filter(
      (variable) => coerced[variable] === undefined || coerced[variable] === null,
    )
    const toRun = sized(query, document, withoutValue)
    const operation = operationOf(toRun, operationName)
    checkArguments(toRun, operation, coerced, limits)
    const cost = checkCost(toRun, operation, coerced, limits, costs)
    return {
      document: toRun,
      name,
      calls: Math.max(1, Math.ceil(cost / limits.costPerCall)),
      isConstant: false,
      variables,
      coerced,
    }
  }

  async function execution(
    { operationName }: GraphQLRequest,
    { document, variables, coerced }: Weighed,
    requestContext: Partial<Grafast.RequestContext>,
    changes?: [string | null],
  ): Promise<Omit<Answer, 'operation'> & { data: unknown }> {
    const budget = createBudget(requestContext.pgSettings, limits.responseBytes)
    const args = {
      schema,
      document,
      contextValue: { pageSizeMax: limits.pageSizeMax, ...(changes ? { changes } : {}) },
      variableValues: variables,
      operationName,
      resolvedPreset,
      requestContext,
      outputDataAsString: true,
    }
    const hooked = await hookArgs(args)
    const { data, errors = [] } = (await (changes ? firstOf(subscribe(hooked)) : execute(hooked))) as ExecutionResult
    if (budget.left < 0 || errors.some(isTooLarge)) throw tooLarge(limits.responseBytes)
    const at = { variables: coerced, pgSettings: requestContext.pgSettings ?? {} }
    const shown = await Promise.all(
      errors.map(async (error) => explainError(maskError(withKnownCause(error)), error, at)),
    )
    // written as text by grafast already
    const parts = [
      ...(data === undefined ? [] : [`"data":${data}`]),
      ...(shown.length > 0 ? [`"errors":${JSON.stringify(shown)}`] : []),
    ]
    return { status: 200, body: `{${parts.join()}}`, errors: shown, data }
  }

  return {
    read: (body) => readRequest(body, persisted, options.onlyPersisted),
    isPublic: ({ query, operationName }) => {
      if (!documents.has(query)) {
        const now = performance.now()
        if (now - publicTexts.since > publicInterval) Object.assign(publicTexts, { since: now, count: 0 })
        publicTexts.count += 1
        if (publicTexts.count > mostPublicTexts) return false
      }
      try {
        const { document } = prepare(query)
        return isConstant(document, operationOf(document, operationName))
      } catch {
        return false
      }
    },
    isAlwaysOpen: ({ query, operationName }) => {
      const { document } = prepare(query)
      const fields = rootFieldsOf(operationOf(document, operationName), fragmentsOf(document))
      return fields.every(({ name }) => alwaysOpenFields.has(name.value))
    },
    knownCalls: (request) => {
      if (!documents.has(request.query)) return undefined
      try {
        const found = weigh(request)
        weighed.set(request, found)
        return found.calls
      } catch {
        // run() says what is wrong with it
        return undefined
      }
    },
    run: async (request, requestContext, charge) => {
      if (isSubscription(request)) throw notARequest()
      const found = weighed.get(request) ?? weigh(request)
      const operation = found.name
      if (found.isConstant) {
        return { status: 200, body: introspect(request, found.document), errors: [], operation }
      }
      await charge?.(found.calls)
      const { status, body, errors } = await execution(request, found, requestContext)
      return { status, body, errors, operation }
    },
    isSubscription,
    subscribe: async (request, charge) => {
      if (!isSubscription(request)) throw notASubscription()
      const found = weighed.get(request) ?? weigh(request)
      const watch = watched(found.document, request.operationName, found.coerced)
      await charge(found.calls)
      const operation = found.name
      return {
        ...watch,
        operation,
        answer: async (id, requestContext) => {
          const { data, ...answer } = await execution(request, found, requestContext, [id])
          return { ...answer, operation, isOfRow: answer.errors.length > 0 || !isNothing(String(data)) }
        },
      }
    },
  }
}

/** Whether the only field at the root of an answer is null. */
const isNothing = (data: string): boolean => /^\{"\w+":null\}$/.test(data)

/** A change is one event: what follows it is another execution. */
async function firstOf(execution: unknown): Promise<unknown> {
  const answers = (await execution) as Partial<AsyncGenerator>
  if (!answers.next) return answers
  const { value } = await answers.next()
  await answers.return?.(undefined)
  return value
}

const notARequest = (): PublicError =>
  new PublicError(
    400,
    'WB402',
    'A subscription has a stream of answers.',
    'Send it over a WebSocket with the protocol graphql-transport-ws, or with accept: text/event-stream.',
  )

const notASubscription = (): PublicError =>
  new PublicError(
    400,
    'WB402',
    'Only subscriptions are served here.',
    'Send queries and mutations to /graphql by POST.',
  )

/** Whether all that is asked is what the schema looks like, so that the text says what the answer is. */
function isConstant(document: DocumentNode, operation: OperationDefinitionNode): boolean {
  return (
    operation.operation === 'query' &&
    !operation.variableDefinitions?.length &&
    rootFieldsOf(operation, fragmentsOf(document)).every(({ name }) => name.value.startsWith('__'))
  )
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

// How large the answer to one request may be. An alias repeats a large value for a few bytes of query, so size is counted
// where it arises: as rows come from the database, and as values are written into the answer. What goes beyond the limit
// stops there and then, and is never in memory whole.

import 'postgraphile'
import type { OperationPlan } from 'grafast'
import type { GraphQLError } from 'graphql'
import type { Client } from 'pg'
import type { PgAdaptor, WithPgClient } from 'postgraphile/@dataplan/pg'
import { PublicError } from '../errors.ts'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      ResponseLimitPlugin: true
    }
  }
}

export const tooLarge = (limit: number): PublicError =>
  new PublicError(
    400,
    'WB607',
    `The answer would be larger than ${limit} bytes.`,
    'Ask for smaller pages or fewer large fields. A mutation may have been carried out: look before you repeat it.',
  )

/** Whether this is what stopped an answer while it was written. */
export const isTooLarge = ({ originalError }: GraphQLError): boolean =>
  originalError instanceof PublicError && originalError.extensions.code === 'WB607'

/** Rows may carry more than is shown of them: cursors, keys, and JSON that was quoted once more. */
const rowsPerAnswer = 2

// ── as rows come ──

type Budget = { left: number }
/** By the settings of a request, which is what the database's side knows it by. */
const budgets = new WeakMap<object, Budget>()

/** Gives the request that runs with these settings its budget. It is used up when what is left is negative. */
export function createBudget(pgSettings: object | undefined, limit: number): Budget {
  const budget = { left: limit * rowsPerAnswer }
  if (pgSettings) budgets.set(pgSettings, budget)
  return budget
}

type Connection = {
  on: (event: 'dataRow', listener: (row: { length: number }) => void) => void
  off: Connection['on']
  stream: { destroy: (error: Error) => void }
}

/** The adaptor, with the rows of each request counted. PostgreSQL cannot be told to stop, so the connection is closed. */
export function countingRows<T extends PgAdaptor>(adaptor: T): T {
  return {
    ...adaptor,
    createWithPgClient: async (...options: Parameters<PgAdaptor['createWithPgClient']>) => {
      const inner = await adaptor.createWithPgClient(...options)
      const withPgClient: WithPgClient = (pgSettings, work) => {
        const budget = pgSettings ? budgets.get(pgSettings) : undefined
        if (!budget) return inner(pgSettings, work)
        return inner(pgSettings, async (client) => {
          const { connection } = (client as unknown as { rawClient: Client & { connection: Connection } }).rawClient
          const count = ({ length }: { length: number }): void => {
            budget.left -= length
            if (budget.left < 0) connection.stream.destroy(new Error('The rows of a request are too large.'))
          }
          connection.on('dataRow', count)
          try {
            return await work(client)
          } finally {
            connection.off('dataRow', count)
          }
        })
      }
      return Object.assign(withPgClient, { release: inner.release?.bind(inner) })
    },
  }
}

// ── as values are written ──

/** What a plan writes its answer by; grafast's types leave it out. */
type Output = {
  type: { mode: string }
  keys: Record<string, { type: string; outputPlan?: Output }>
  child: Output | null
  childByTypeName: Record<string, Output> | undefined
  deferredOutputPlans: Output[]
  executeString: Write
}
/** What a request's output has in common; errors and its behaviour at an error are grafast's. */
type Root = { writtenBytes?: number; errorBehavior: string }
type Write = (this: Output, root: Root, ...rest: [never, never, never, never, never]) => string

/** Counts the bytes of each value while grafast writes the answer as JSON. */
export function createResponseLimitPlugin(limit: number): GraphileConfig.Plugin {
  const metered = new WeakSet<OperationPlan>()
  const spend = (root: Root, bytes: number): void => {
    root.writtenBytes = (root.writtenBytes ?? 0) + bytes
    if (root.writtenBytes <= limit) return
    // else each further value would be an error of its own
    root.errorBehavior = 'HALT'
    throw tooLarge(limit)
  }
  const meter = (output: Output, seen: Set<Output>): void => {
    if (seen.has(output)) return
    seen.add(output)
    const write = output.executeString
    const isValue = output.type.mode === 'leaf' || output.type.mode === 'introspection'
    const ofKeys = Object.keys(output.keys).reduce((sum, key) => sum + key.length + 4, 2)
    const counted: Write = function (root, ...rest) {
      if (!isValue) {
        spend(root, ofKeys)
        return write.call(this, root, ...rest)
      }
      const text = write.call(this, root, ...rest)
      spend(root, Buffer.byteLength(text))
      return text
    }
    output.executeString = counted
    const { keys, child, childByTypeName, deferredOutputPlans } = output
    for (const { outputPlan } of Object.values(keys)) if (outputPlan) meter(outputPlan, seen)
    if (child) meter(child, seen)
    for (const each of Object.values(childByTypeName ?? {})) meter(each, seen)
    for (const each of deferredOutputPlans) meter(each, seen)
  }
  return {
    name: 'ResponseLimitPlugin',
    version: '1.0.0',
    description: 'Stops writing an answer that is too large',
    grafast: {
      middleware: {
        establishOperationPlan(next) {
          const plan = next()
          if (!metered.has(plan)) {
            metered.add(plan)
            meter((plan as unknown as { rootOutputPlan: Output }).rootOutputPlan, new Set())
          }
          return plan
        },
      },
    },
  }
}

// How much one query may ask for. Depth is counted on the bare document, before anything expensive looks at it; cost and
// page sizes need the schema and the variables. Every connection gets a page size, so none is unbounded.

import {
  type ArgumentNode,
  type ASTNode,
  type DocumentNode,
  type FieldNode,
  type GraphQLSchema,
  type IntValueNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import { PublicError } from '../errors.ts'
import { fieldsBehind, fragmentsOf } from './selections.ts'

export type Limits = { depth: number; cost: number; pageSizeDefault: number; pageSizeMax: number }

/** Counts how deep fields are nested, through fragments. Works on documents that are not valid, too. */
export function checkDepth(document: DocumentNode, limit: number): void {
  const fragments = fragmentsOf(document)
  const known = new Map<SelectionSetNode, number>()
  const depthOf = (selections: SelectionSetNode, above: Set<SelectionSetNode>): number => {
    const found = known.get(selections)
    if (found !== undefined) return found
    // a fragment that contains itself is validation's to refuse
    if (above.has(selections)) return 0
    if (above.size > limit * 2) throw tooDeep(limit)
    above.add(selections)
    let depth = 0
    for (const selection of selections.selections) {
      if (selection.kind === Kind.FIELD) {
        depth = Math.max(depth, 1 + (selection.selectionSet ? depthOf(selection.selectionSet, above) : 0))
      } else {
        const inner = fieldsBehind(selection, fragments)
        if (inner) depth = Math.max(depth, depthOf(inner, above))
      }
    }
    above.delete(selections)
    known.set(selections, depth)
    return depth
  }
  for (const definition of document.definitions) {
    if ('selectionSet' in definition && depthOf(definition.selectionSet, new Set()) > limit) throw tooDeep(limit)
  }
}

const tooDeep = (limit: number): PublicError =>
  new PublicError(400, 'WB601', `The query is nested deeper than ${limit} levels.`, 'Ask for less at once.')

/** Deeper and more numerous than any input here, far from what the parts behind can take. */
const deepestValue = 100
const mostValues = 10_000

/** Counts the objects and lists in the variables, without recursion: they come from outside as deep as a body is long. */
export function checkVariables(variables: unknown): void {
  const pending: [value: object, depth: number][] = []
  let count = 0
  const look = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return
    count += 1
    if (depth > deepestValue) {
      throw new PublicError(400, 'WB601', `The variables are nested deeper than ${deepestValue} levels.`)
    }
    if (count > mostValues) {
      throw new PublicError(400, 'WB602', `The variables have more than ${mostValues} objects and lists.`)
    }
    pending.push([value, depth])
  }
  look(variables, 0)
  for (let next = pending.pop(); next; next = pending.pop()) {
    for (const inner of Object.values(next[0])) look(inner, next[1] + 1)
  }
}

const pageArguments = new Set(['first', 'last'])
const isPageArgument = ({ name }: ArgumentNode): boolean => pageArguments.has(name.value)

/** Where a null says the same as nothing at all. */
const mayBeNull = ({ name }: ArgumentNode): boolean => pageArguments.has(name.value) || name.value === 'filter'

/** The variables that are page sizes or whole filters somewhere. */
export function pageVariablesOf(document: DocumentNode): string[] {
  const names = new Set<string>()
  visit(document, {
    Argument(node) {
      if (mayBeNull(node) && node.value.kind === Kind.VARIABLE) names.add(node.value.name.value)
    },
  })
  return [...names]
}

/**
 * Gives every paginated field that names no page size the default one. A null, or a variable without a value, names
 * none, and as a filter it filters nothing. The document must be valid.
 */
export function withPageSizes(
  schema: GraphQLSchema,
  document: DocumentNode,
  withoutValue: readonly string[],
  limits: Limits,
): DocumentNode {
  const types = new TypeInfo(schema)
  const namesNone = (argument: ArgumentNode): boolean =>
    mayBeNull(argument) &&
    (argument.value.kind === Kind.NULL ||
      (argument.value.kind === Kind.VARIABLE && withoutValue.includes(argument.value.name.value)))
  return visit(
    document,
    visitWithTypeInfo(types, {
      Field(node) {
        if (!types.getFieldDef()?.args.some(({ name }) => name === 'first')) return undefined
        const given = (node.arguments ?? []).filter((argument) => !namesNone(argument))
        if (given.some(isPageArgument)) return { ...node, arguments: given }
        const value: IntValueNode = { kind: Kind.INT, value: String(limits.pageSizeDefault) }
        const first: ArgumentNode = { kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: 'first' }, value }
        return { ...node, arguments: [...given, first] }
      },
    }),
  )
}

/** What a field costs where it is more than reading a column: a query of its own, or one that reads every row. Functions
 * that cost more say so themselves (costs.ts). */
const queryCost = 10
const costOfAllRows = 50
/** Fields of a connection itself: once a page, not once a row. */
const onceAPage = new Set(['totalCount', 'pageInfo', 'aggregates', 'groupedAggregates'])

/**
 * What a query costs: fields times the page sizes around them. Refuses page sizes beyond the maximum, and queries that
 * cost too much.
 */
export function checkCost(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
  limits: Limits,
  costs: ReadonlyMap<string, number>,
): number {
  const fragments = fragmentsOf(document)
  let cost = 0
  const add = (selections: SelectionSetNode, rows: number, pages: number, isRoot = false): void => {
    for (const selection of selections.selections) {
      if (selection.kind === Kind.FIELD) {
        const name = selection.name.value
        const times = onceAPage.has(name) ? pages : rows
        const size = pageSize(selection, variables, limits)
        const costOfField =
          onceAPage.has(name) && name !== 'pageInfo' ? costOfAllRows : size === undefined ? 1 : queryCost
        cost += times * ((isRoot && costs.get(name)) || costOfField)
        if (cost > limits.cost) {
          throw new PublicError(
            400,
            'WB602',
            `The query costs more than ${limits.cost}.`,
            'Ask for smaller pages or fewer fields.',
          )
        }
        if (selection.selectionSet) {
          add(selection.selectionSet, times * (size ?? (name === 'groupedAggregates' ? limits.pageSizeMax : 1)), times)
        }
      } else {
        const inner = fieldsBehind(selection, fragments)
        if (inner) add(inner, rows, pages, isRoot)
      }
    }
  }
  add(operation.selectionSet, 1, 1, true)
  return cost
}

/** The page size of a paginated field, which withPageSizes has made sure there is; undefined for any other field. */
function pageSize(field: FieldNode, variables: Record<string, unknown>, limits: Limits): number | undefined {
  let size: number | undefined
  for (const { name, value } of field.arguments ?? []) {
    if (!pageArguments.has(name.value) && name.value !== 'offset') continue
    const asked = numberOf(value, variables)
    if (asked === undefined) continue
    if (asked < 0) throw new PublicError(400, 'WB403', `${name.value} must not be negative.`)
    if (name.value === 'offset') continue
    if (asked > limits.pageSizeMax) {
      throw new PublicError(
        400,
        'WB603',
        `${name.value} is more than ${limits.pageSizeMax}.`,
        'Read on with the cursor of pageInfo.',
      )
    }
    size = Math.max(size ?? 1, asked)
  }
  return size
}

function numberOf(node: ASTNode, variables: Record<string, unknown>): number | undefined {
  if (node.kind === Kind.INT) return Number(node.value)
  if (node.kind === Kind.VARIABLE) return (variables[node.name.value] as number | null | undefined) ?? undefined
  return undefined
}

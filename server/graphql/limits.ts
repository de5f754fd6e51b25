// How much one query may ask for. Depth is counted on the bare document, before anything expensive looks at it; cost and
// page sizes need the schema and the variables. Every connection gets a page size, so none is unbounded.

import {
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

export type Limits = { depth: number; cost: number; pageSizeDefault: number; pageSizeMax: number }

/** Counts how deep fields are nested, through fragments. Works on documents that are not valid, too. */
export function checkDepth(document: DocumentNode, limit: number): void {
  const fragments = new Map<string, SelectionSetNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet)
  }
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
        const inner =
          selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : fragments.get(selection.name.value)
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

/** Gives every paginated field that names no page size the default one. The document must be valid. */
export function withPageSizes(schema: GraphQLSchema, document: DocumentNode, limits: Limits): DocumentNode {
  const types = new TypeInfo(schema)
  return visit(
    document,
    visitWithTypeInfo(types, {
      Field(node) {
        if (!types.getFieldDef()?.args.some(({ name }) => name === 'first')) return undefined
        if (node.arguments?.some(({ name }) => name.value === 'first' || name.value === 'last')) return undefined
        const value: IntValueNode = { kind: Kind.INT, value: String(limits.pageSizeDefault) }
        return {
          ...node,
          arguments: [
            ...(node.arguments ?? []),
            { kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: 'first' }, value },
          ],
        }
      },
    }),
  )
}

/** Refuses page sizes beyond the maximum, and queries that cost too much: fields times the page sizes around them. */
export function checkCost(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
  limits: Limits,
): void {
  const fragments = new Map<string, SelectionSetNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet)
  }
  let cost = 0
  const add = (selections: SelectionSetNode, times: number): void => {
    for (const selection of selections.selections) {
      if (selection.kind === Kind.FIELD) {
        cost += times
        if (cost > limits.cost) {
          throw new PublicError(
            400,
            'WB602',
            `The query costs more than ${limits.cost}.`,
            'Ask for smaller pages or fewer fields.',
          )
        }
        if (selection.selectionSet) add(selection.selectionSet, times * pageSize(selection, variables, limits))
      } else {
        const inner =
          selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : fragments.get(selection.name.value)
        if (inner) add(inner, times)
      }
    }
  }
  add(operation.selectionSet, 1)
}

function pageSize(field: FieldNode, variables: Record<string, unknown>, limits: Limits): number {
  let size = 1
  for (const { name, value } of field.arguments ?? []) {
    if (name.value !== 'first' && name.value !== 'last') continue
    const asked = numberOf(value, variables)
    if (asked === null || asked === undefined) {
      throw new PublicError(
        400,
        'WB403',
        `${name.value} must be a number.`,
        `Leave it out for ${limits.pageSizeDefault}.`,
      )
    }
    if (asked > limits.pageSizeMax) {
      throw new PublicError(
        400,
        'WB603',
        `${name.value} is more than ${limits.pageSizeMax}.`,
        'Read on with the cursor of pageInfo.',
      )
    }
    if (asked < 0) throw new PublicError(400, 'WB403', `${name.value} must not be negative.`)
    size = Math.max(size, asked)
  }
  return size
}

function numberOf(node: ASTNode, variables: Record<string, unknown>): number | null | undefined {
  if (node.kind === Kind.INT) return Number(node.value)
  if (node.kind === Kind.VARIABLE) return variables[node.name.value] as number | null | undefined
  return null
}

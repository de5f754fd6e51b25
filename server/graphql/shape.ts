// How much there is to plan in a query. Every alias is planned anew, and the time for it grows faster than their number, so
// they are counted before anything expensive looks at the document: fields at the root, and fields in all, with fragments
// in the place of their spreads. The document need not be valid.

import { type DocumentNode, type FieldNode, Kind, type OperationDefinitionNode, type SelectionSetNode } from 'graphql'
import { PublicError } from '../errors.ts'
import { type Fragments, fieldsBehind, fragmentsOf } from './selections.ts'

export type ShapeLimits = { rootFields: number; fields: number }

/** What a field counts that is planned on its own: it has fields or arguments of its own, or is a query. */
const weightOfPlan = 5
/** Selections may name the same field again, in as many fragments as a page has components. */
const mostRepetitions = 10

/** Refuses operations that select too many fields. Fields of the same name in the same place are one. */
export function checkShape(document: DocumentNode, limits: ShapeLimits): void {
  const fragments = fragmentsOf(document)
  // what comes after may then follow every spread
  const known = new Map<SelectionSetNode, number>()
  const countAll = (set: SelectionSetNode): number => {
    const found = known.get(set)
    if (found !== undefined) return found
    // a fragment that contains itself is validation's to refuse
    known.set(set, 0)
    let count = 0
    for (const selection of set.selections) {
      const inner = selection.kind === Kind.FIELD ? selection.selectionSet : fieldsBehind(selection, fragments)
      count += 1 + (inner ? countAll(inner) : 0)
    }
    known.set(set, count)
    return count
  }
  const fieldsOf = (sets: readonly SelectionSetNode[]): Map<string, FieldNode[]> => {
    const fields = new Map<string, FieldNode[]>()
    const spread = new Set<SelectionSetNode>()
    const collect = (set: SelectionSetNode): void => {
      if (spread.has(set)) return
      spread.add(set)
      for (const selection of set.selections) {
        if (selection.kind === Kind.FIELD) {
          const name = (selection.alias ?? selection.name).value
          const known = fields.get(name)
          if (known) known.push(selection)
          else fields.set(name, [selection])
        } else {
          const inner = fieldsBehind(selection, fragments)
          if (inner) collect(inner)
        }
      }
    }
    sets.forEach(collect)
    return fields
  }
  for (const operation of document.definitions) {
    if (operation.kind !== Kind.OPERATION_DEFINITION) continue
    if (countAll(operation.selectionSet) > limits.fields * mostRepetitions) throw tooManyFields(limits.fields)
    const atRoot = fieldsOf([operation.selectionSet])
    if (atRoot.size > limits.rootFields) throw tooManyRootFields(limits.rootFields)
    let weight = 0
    const pending = [atRoot]
    for (let fields = pending.pop(); fields; fields = pending.pop()) {
      for (const nodes of fields.values()) {
        weight += weightOf(nodes)
        if (weight > limits.fields) throw tooManyFields(limits.fields)
        const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? [])
        if (sets.length > 0) pending.push(fieldsOf(sets))
      }
    }
  }
}

const weightOf = (nodes: readonly FieldNode[]): number =>
  nodes.some(({ name, arguments: given, selectionSet }) => selectionSet || given?.length || name.value === 'totalCount')
    ? weightOfPlan
    : 1

const tooManyRootFields = (limit: number): PublicError =>
  new PublicError(
    400,
    'WB605',
    `The query has more than ${limit} fields at its root.`,
    'Ask for less at once: each of them, aliases too, is a query of its own.',
  )

const tooManyFields = (limit: number): PublicError =>
  new PublicError(
    400,
    'WB605',
    `The query selects more than ${limit} fields, aliases and fields of fragments included.`,
    `Ask for fewer: a field that has arguments or fields of its own counts ${weightOfPlan}.`,
  )

/** Fields at the root of an operation, with fragments in the place of their spreads. */
export function rootFieldsOf(operation: OperationDefinitionNode, fragments: Fragments): FieldNode[] {
  const fields: FieldNode[] = []
  const seen = new Set<SelectionSetNode>()
  const collect = (set: SelectionSetNode): void => {
    if (seen.has(set)) return
    seen.add(set)
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) fields.push(selection)
      else {
        const inner = fieldsBehind(selection, fragments)
        if (inner) collect(inner)
      }
    }
  }
  collect(operation.selectionSet)
  return fields
}

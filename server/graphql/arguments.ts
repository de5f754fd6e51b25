// How much a query says in its arguments. A variable costs as often as it is used, and what stands in a filter is made into
// a condition of SQL, piece by piece.

import { type DocumentNode, Kind, type OperationDefinitionNode, type SelectionSetNode, type ValueNode } from 'graphql'
import { PublicError } from '../errors.ts'
import { fieldsBehind, fragmentsOf } from './selections.ts'

export type ArgumentLimits = { argumentBytes: number }

const mostInFilters = 3_000
const mostInArguments = 100_000

type Size = { values: number; characters: number }

/** Refuses operations whose arguments are too much, each variable counted where it is used. */
export function checkArguments(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  limits: ArgumentLimits,
): void {
  const fragments = fragmentsOf(document)
  const known = new Map<string, Size>()
  const sizeOfVariable = (name: string): Size => {
    const size = known.get(name) ?? sizeOf(variables[name])
    known.set(name, size)
    return size
  }
  const total = { filters: 0, values: 0, characters: 0 }
  const addArgument = (name: string, value: ValueNode): void => {
    const { values, characters } = sizeOfLiteral(value, sizeOfVariable)
    total.values += values
    total.characters += characters
    if (name === 'filter') total.filters += values
    if (total.filters > mostInFilters) throw tooMuch(`The filters have more than ${mostInFilters} values`)
    if (total.values > mostInArguments) throw tooMuch(`The arguments have more than ${mostInArguments} values`)
    if (total.characters > limits.argumentBytes) {
      throw tooMuch(`The arguments have more than ${limits.argumentBytes} characters`)
    }
  }
  const look = (set: SelectionSetNode): void => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        for (const argument of selection.arguments ?? []) addArgument(argument.name.value, argument.value)
        if (selection.selectionSet) look(selection.selectionSet)
      } else {
        const inner = fieldsBehind(selection, fragments)
        if (inner) look(inner)
      }
    }
  }
  look(operation.selectionSet)
}

const tooMuch = (what: string): PublicError =>
  new PublicError(400, 'WB605', `${what}, a variable counted as often as it is used.`, 'Ask for less at once.')

function sizeOfLiteral(node: ValueNode, sizeOfVariable: (name: string) => Size): Size {
  if (node.kind === Kind.VARIABLE) return sizeOfVariable(node.name.value)
  if (node.kind === Kind.LIST) return sum(node.values.map((value) => sizeOfLiteral(value, sizeOfVariable)))
  if (node.kind === Kind.OBJECT) return sum(node.fields.map(({ value }) => sizeOfLiteral(value, sizeOfVariable)))
  return { values: 1, characters: 'value' in node ? String(node.value).length : 0 }
}

/** Without recursion, for the reason that checkVariables has none. */
function sizeOf(value: unknown): Size {
  const size = { values: 0, characters: 0 }
  const pending = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    size.values += 1
    if (typeof next === 'string') size.characters += next.length
    else if (typeof next === 'object' && next !== null) {
      for (const [key, inner] of Object.entries(next)) {
        if (!Array.isArray(next)) size.characters += key.length
        pending.push(inner)
      }
    }
  }
  return size
}

const sum = (sizes: readonly Size[]): Size =>
  sizes.reduce(
    (total, { values, characters }) => ({
      values: total.values + values,
      characters: total.characters + characters,
    }),
    { values: 1, characters: 0 },
  )

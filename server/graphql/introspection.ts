// What a query may ask of the schema itself. Lists inside lists multiply there as they do among rows, so the fields are
// counted one by one, as they would be resolved, and compared with what the standard introspection of GraphQL's tools takes.

import {
  type DocumentNode,
  type FieldNode,
  type GraphQLArgument,
  GraphQLDirective,
  type GraphQLField,
  type GraphQLInputField,
  GraphQLSchema,
  getIntrospectionQuery,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isType,
  isWrappingType,
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
} from 'graphql'
import { PublicError } from '../errors.ts'
import { type Fragments, fieldsBehind, fragmentsOf } from './selections.ts'
import { rootFieldsOf } from './shape.ts'

/** A query may take as much as this many standard introspections, which ask for all there is but once. */
const mostIntrospections = 1.5
const mostTypes = 5

export type CheckIntrospection = (document: DocumentNode, operation: OperationDefinitionNode) => void

export function createCheckIntrospection(schema: GraphQLSchema): CheckIntrospection {
  // worked out by the first who asks: it takes a moment that a start need not
  let known: number | undefined
  const size = (): number => {
    known ??= sizeOfStandard(schema)
    return known
  }
  return (document, operation) => {
    const fragments = fragmentsOf(document)
    const asked = rootFieldsOf(operation, fragments).filter(({ name }) => /^__(schema|type)$/.test(name.value))
    if (asked.length === 0) return
    const namesOf = (field: string): number =>
      new Set(asked.filter(({ name }) => name.value === field).map(({ alias, name }) => (alias ?? name).value)).size
    if (namesOf('__schema') > 1 || namesOf('__type') > mostTypes) {
      throw new PublicError(400, 'WB606', `A query may have __schema once and __type ${mostTypes} times.`)
    }
    let left = size() * mostIntrospections
    for (const field of asked) {
      if (!field.selectionSet) continue
      for (const root of field.name.value === '__schema' ? [schema] : typesNamed(schema, field)) {
        left -= countFields(schema, field.selectionSet, root, fragments, left)
      }
      if (left < 0) {
        throw new PublicError(
          400,
          'WB606',
          `The introspection takes more than ${mostIntrospections} times as much as the standard one.`,
          'Nest fewer lists of types and fields in each other.',
        )
      }
    }
  }
}

function sizeOfStandard(schema: GraphQLSchema): number {
  const document = parse(
    getIntrospectionQuery({ schemaDescription: true, specifiedByUrl: true, inputValueDeprecation: true, oneOf: true }),
  )
  const fragments = fragmentsOf(document)
  return rootFieldsOf(document.definitions[0] as OperationDefinitionNode, fragments)
    .flatMap(({ selectionSet }) => selectionSet ?? [])
    .reduce((sum, set) => sum + countFields(schema, set, schema, fragments, Number.POSITIVE_INFINITY), 0)
}

type Described =
  | GraphQLSchema
  | GraphQLDirective
  | GraphQLField<unknown, unknown>
  | GraphQLArgument
  | GraphQLInputField
  | object

/** The type that __type names; which one a variable names is not known here, so the root types stand for it. */
function typesNamed(schema: GraphQLSchema, field: FieldNode): Described[] {
  const name = field.arguments?.find((argument) => argument.name.value === 'name')?.value
  if (name?.kind === Kind.STRING) return [schema.getType(name.value) ?? []].flat()
  return [schema.getQueryType() ?? [], schema.getMutationType() ?? []].flat()
}

/** How many fields would be resolved, each time they are; stops counting beyond the limit. */
function countFields(
  schema: GraphQLSchema,
  selections: SelectionSetNode,
  root: Described,
  fragments: Fragments,
  limit: number,
): number {
  const known = new Map<SelectionSetNode, Map<Described, number>>()
  const count = (set: SelectionSetNode, of: Described): number => {
    const counts = known.get(set) ?? new Map<Described, number>()
    known.set(set, counts)
    const found = counts.get(of)
    if (found !== undefined) return found
    // a fragment that contains itself is validation's to refuse
    counts.set(of, 0)
    let fields = 0
    for (const selection of set.selections) {
      if (fields > limit) break
      if (selection.kind === Kind.FIELD) {
        fields += 1
        if (!selection.selectionSet) continue
        for (const part of partsOf(schema, of, selection.name.value)) fields += count(selection.selectionSet, part)
      } else {
        const inner = fieldsBehind(selection, fragments)
        if (inner) fields += count(inner, of)
      }
    }
    counts.set(of, fields)
    return fields
  }
  return count(selections, root)
}

/** What a field of introspection leads to. */
function partsOf(schema: GraphQLSchema, of: Described, field: string): Described[] {
  if (of instanceof GraphQLSchema) {
    if (field === 'types') return Object.values(of.getTypeMap())
    if (field === 'directives') return [...of.getDirectives()]
    const type = { queryType: of.getQueryType(), mutationType: of.getMutationType() }[field]
    return type ? [type] : []
  }
  if (of instanceof GraphQLDirective) return field === 'args' ? [...of.args] : []
  if (!isType(of)) {
    if (field === 'args' && 'args' in of) return of.args as GraphQLArgument[]
    return field === 'type' && 'type' in of ? [of.type as object] : []
  }
  if (field === 'ofType') return isWrappingType(of) ? [of.ofType] : []
  if (field === 'fields') return isObjectType(of) || isInterfaceType(of) ? Object.values(of.getFields()) : []
  if (field === 'inputFields') return isInputObjectType(of) ? Object.values(of.getFields()) : []
  if (field === 'interfaces') return isObjectType(of) || isInterfaceType(of) ? [...of.getInterfaces()] : []
  if (field === 'possibleTypes') return isAbstractType(of) ? [...schema.getPossibleTypes(of)] : []
  if (field === 'enumValues') return isEnumType(of) ? [...of.getValues()] : []
  return []
}

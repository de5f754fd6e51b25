// Numbers within JSON, BigInt and BigFloat keep every digit: those of arguments on their way into the database, those of
// results on their way out. PostgreSQL's jsonb is exact, so what is written is what is read: 1146213870912942081 and 1.10
// stay as they are, and 1e3 comes back as 1000.

import 'postgraphile'
import {
  type DocumentNode,
  type FloatValueNode,
  GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  type IntValueNode,
  isInputObjectType,
  isListType,
  isNonNullType,
  type ListValueNode,
  type ObjectValueNode,
  TypeInfo,
  typeFromAST,
  type ValueNode,
  type VariableDefinitionNode,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import type { PgCodec } from 'postgraphile/@dataplan/pg'
import { gatherConfig } from 'postgraphile/graphile-build'
import { digitsOf, exactNumber, parseExactly, type RawNumber } from '../exact-json.ts'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      ExactNumbersPlugin: true
    }
    interface GatherHelpers {
      rowhouseExactNumbers: Record<string, never>
    }
  }
}

type Variables = Readonly<Record<string, unknown>>

/**
 * The variables as their types take them: JSON keeps exact numbers, BigInt and BigFloat get their digits as text, and every
 * other type gets the plain numbers that it knows. The depth of the variables must have been checked.
 */
export function exactVariables(
  schema: GraphQLSchema,
  definitions: readonly VariableDefinitionNode[],
  variables: Variables,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...variables }
  for (const { variable, type } of definitions) {
    const name = variable.name.value
    // the document is valid, so its variables have input types
    if (name in result) result[name] = exactValue(typeFromAST(schema, type as never) as GraphQLInputType, result[name])
  }
  return result
}

function exactValue(type: GraphQLInputType, value: unknown): unknown {
  if (isNonNullType(type)) return exactValue(type.ofType, value)
  if (typeof value !== 'object' || value === null) return value
  if (isListType(type)) {
    return Array.isArray(value) ? value.map((item) => exactValue(type.ofType, item)) : exactValue(type.ofType, value)
  }
  if (isInputObjectType(type) && !Array.isArray(value)) {
    const fields = type.getFields()
    return mapped(value, (inner, key) => {
      const field = Object.hasOwn(fields, key) ? fields[key] : undefined
      return field ? exactValue(field.type, inner) : inner
    })
  }
  if ('name' in type && type.name === 'JSON') return value
  return withoutRawNumbers(value, 'name' in type && /^Big(Int|Float)$/.test(type.name) ? digitsOf : plainNumber)
}

const plainNumber = (raw: RawNumber): number => Number(raw.rawJSON)

function withoutRawNumbers(value: unknown, replace: (raw: RawNumber) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (JSON.isRawJSON(value)) return replace(value)
  if (Array.isArray(value)) return value.map((item) => withoutRawNumbers(item, replace))
  return mapped(value, (inner) => withoutRawNumbers(inner, replace))
}

const mapped = (value: object, change: (inner: unknown, key: string) => unknown): object =>
  Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(inner, key)]))

/** The JSON that a literal of the query's text writes. */
function jsonOf(node: ValueNode, variables: Variables): unknown {
  switch (node.kind) {
    case 'IntValue':
    case 'FloatValue':
      return exactNumber(node.value)
    case 'ListValue':
      return node.values.map((value) => jsonOf(value, variables))
    case 'ObjectValue':
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, jsonOf(value, variables)]))
    case 'NullValue':
      return null
    case 'Variable':
      return variables[node.name.value]
    default:
      return node.value
  }
}

/**
 * Numbers that would lose digits: grafast itself reads a literal of JSON that holds a variable, and its numbers are
 * JavaScript's. Such a query is refused rather than rounded.
 */
export function roundedNumbers(schema: GraphQLSchema, document: DocumentNode): GraphQLError[] {
  const errors: GraphQLError[] = []
  const types = new TypeInfo(schema)
  const look = (node: ListValueNode | ObjectValueNode): false | undefined => {
    const type = types.getInputType()
    if (!type || getNamedType(type).name !== 'JSON') return undefined
    const inexact: ValueNode[] = []
    let hasVariable = false
    const collect = (number: IntValueNode | FloatValueNode): void => {
      if (JSON.isRawJSON(exactNumber(number.value))) inexact.push(number)
    }
    visit(node, {
      IntValue: collect,
      FloatValue: collect,
      Variable: () => {
        hasVariable = true
      },
    })
    if (hasVariable && inexact.length > 0) {
      errors.push(
        new GraphQLError('This number would lose digits beside a variable. Send the whole JSON in one variable.', {
          nodes: inexact,
        }),
      )
    }
    return false
  }
  visit(document, visitWithTypeInfo(types, { ListValue: look, ObjectValue: look }))
  return errors
}

/** Codecs are the library's own objects, which it compares by identity: they are amended, not replaced. */
function amend(codec: PgCodec): void {
  if (codec.name === 'json' || codec.name === 'jsonb') codec.fromPg = parseExactly as never
}

export const ExactNumbersPlugin: GraphileConfig.Plugin = {
  name: 'ExactNumbersPlugin',
  version: '1.0.0',
  description: 'Keeps every digit of the numbers within JSON',
  gather: gatherConfig({
    namespace: 'rowhouseExactNumbers',
    hooks: { pgCodecs_PgCodec: (_info, { pgCodec }) => amend(pgCodec) },
  }),
  schema: {
    hooks: {
      GraphQLScalarType: (config) =>
        config.name === 'JSON'
          ? { ...config, parseLiteral: (node, variables) => jsonOf(node, variables ?? {}) }
          : config,
    },
  },
}

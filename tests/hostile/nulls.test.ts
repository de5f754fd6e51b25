// A null wherever the schema lets one stand: it is taken, or refused with a code that says what is wrong, and never an
// internal error.

import {
  buildClientSchema,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  getIntrospectionQuery,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredInputField,
} from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
let schema: GraphQLSchema
beforeAll(async () => {
  server = await startTestServer(db.url, { QUERY_COST_LIMIT: '1000000' })
  const { data } = await server.ask('owner@acme.test', getIntrospectionQuery())
  schema = buildClientSchema(data)
})
afterAll(() => server.close())

/** Something of the type, as little as it takes. */
function least(type: GraphQLInputType): string {
  if (isNonNullType(type)) return least(type.ofType)
  if (isListType(type)) return '[]'
  if (isInputObjectType(type)) {
    const required = Object.values(type.getFields()).filter(isRequiredInputField)
    return `{${required.map((field) => `${field.name}: ${least(field.type)}`).join(' ')}}`
  }
  if (isEnumType(type)) return String(type.getValues()[0]?.name)
  return { Int: '1', Float: '1', Boolean: 'true', UUID: '"00000000-0000-4000-8000-000000000000"' }[type.name] ?? '"1"'
}

/** All ways to write a value of the type with one null in it, each input type opened once. */
function withNull(type: GraphQLInputType, seen: ReadonlySet<string> = new Set()): string[] {
  if (isNonNullType(type)) return withNull(type.ofType, seen).filter((text) => text !== 'null')
  if (isListType(type)) return ['null', ...withNull(type.ofType, seen).map((text) => `[${text}]`)]
  if (!isInputObjectType(type) || seen.has(type.name)) return ['null']
  const opened = new Set([...seen, type.name])
  const fields = Object.values(type.getFields())
  return [
    'null',
    ...fields.flatMap((field) =>
      withNull(field.type, opened).map((text) => {
        const others = fields.filter((other) => other !== field && isRequiredInputField(other))
        return `{${field.name}: ${text} ${others.map((other) => `${other.name}: ${least(other.type)}`).join(' ')}}`
      }),
    ),
  ]
}

type Field = GraphQLField<unknown, unknown>

/** Whole nulls of each argument, and those inside of each input type once. */
function asked(field: Field, seen: Set<string>): string[] {
  const selection = isLeafType(getNamedType(field.type)) ? '' : '{ __typename }'
  return field.args.flatMap((argument) => {
    const { name } = getNamedType(argument.type)
    const values = withNull(argument.type).filter((text) => text === 'null' || !seen.has(name))
    seen.add(name)
    return values.map((text) => {
      const others = field.args
        .filter((other) => other !== argument && isNonNullType(other.type) && other.defaultValue === undefined)
        .map((other) => `${other.name}: ${least(other.type)}`)
      return `${field.name}(${[`${argument.name}: ${text}`, ...others].join(' ')}) ${selection}`
    })
  })
}

async function internalErrorsOf(kind: 'query' | 'mutation', fields: Field[]): Promise<string[]> {
  const seen = new Set<string>()
  const texts = fields.flatMap((field) => asked(field, seen))
  expect(texts.length).toBeGreaterThan(100)
  const found: string[] = []
  const size = 25
  for (let i = 0; i < texts.length; i += size) {
    const part = texts.slice(i, i + size)
    const { errors = [] } = await server.ask(
      'owner@acme.test',
      `${kind} { ${part.map((text, n) => `a${n}: ${text}`).join('\n')} }`,
    )
    for (const { message, path, extensions } of errors) {
      if (extensions.code !== 'INTERNAL' && extensions.code !== undefined && path !== undefined) continue
      found.push(`${extensions.code} ${message}: ${path ? part[Number(String(path[0]).slice(1))] : part.join('\n')}`)
    }
  }
  return found
}

it('in a query is never an internal error', async () => {
  const fields = Object.values(schema.getQueryType()?.getFields() ?? {})
  expect(await internalErrorsOf('query', fields)).toEqual([])
})

it('in a mutation is never an internal error', async () => {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {})
  expect(await internalErrorsOf('mutation', fields)).toEqual([])
})

it('in a filter is refused by the name of its field, written down or in a variable', async () => {
  const refused = async (filter: string, variables?: object) => {
    const head = variables ? 'query ($filter: AgentFilter)' : ''
    const { errors } = await server.ask(
      'owner@acme.test',
      `${head} { agents(filter: ${filter}) { totalCount } }`,
      variables,
    )
    return [errors?.[0]?.extensions.code, errors?.[0]?.message]
  }
  expect(await refused('{name: null}')).toEqual(['WB402', 'name must not be null in a filter.'])
  expect(await refused('{name: {equalTo: null}}')).toEqual(['WB402', 'equalTo must not be null in a filter.'])
  expect(await refused('{or: [{not: null}]}')).toEqual(['WB402', 'not must not be null in a filter.'])
  expect(await refused('$filter', { filter: { name: null } })).toEqual(['WB402', 'name must not be null in a filter.'])
  expect(await refused('null')).toEqual([undefined, undefined])
})

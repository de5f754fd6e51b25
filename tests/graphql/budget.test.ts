// The API stays as small as a person can read. What is too much is more than these numbers; what is new at the root is
// read by a person, who then writes it into root-fields.txt:
//   npm run generate && npx vitest run tests/graphql/budget.test.ts -u
// -u writes the list anew. Read the difference in git as a front-end developer would: is it a verb with a noun, does it
// belong at the root, is there one like it already? A new domain raises the numbers in proportion to its tables.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildSchema, type GraphQLSchema, isInputObjectType, isObjectType } from 'graphql'
import { beforeAll, expect, it } from 'vitest'

const most = { types: 1_900, rootFields: 620, lines: 34_000, linesPerTable: 240 }

let text: string
let schema: GraphQLSchema
beforeAll(async () => {
  // tests/schema/generated.test.ts holds this file to what the server serves
  text = await readFile(join(import.meta.dirname, '../../generated/schema.graphql'), 'utf8')
  schema = buildSchema(text)
})

const typeNames = (): string[] => Object.keys(schema.getTypeMap()).filter((name) => !name.startsWith('__'))

const rootFields = (): string[] =>
  [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
    Object.keys(type?.getFields() ?? {})
      .sort()
      .map((field) => `${type?.name}.${field}`),
  )

it('has no more types, root fields and lines than a person reads', () => {
  const lines = text.split('\n').length
  const tables = typeNames().filter((name) => schema.getType(`${name}Connection`)).length
  expect(typeNames().length).toBeLessThanOrEqual(most.types)
  expect(rootFields().length).toBeLessThanOrEqual(most.rootFields)
  expect(lines).toBeLessThanOrEqual(most.lines)
  expect(lines / tables).toBeLessThanOrEqual(most.linesPerTable)
})

it('has the root fields that a person has read', async () => {
  await expect(`${rootFields().join('\n')}\n`).toMatchFileSnapshot('root-fields.txt')
})

it('names a row by its key: no global ids, no lookup by other keys, no condition', () => {
  expect(rootFields().filter((name) => /NodeId|\.node$|By[A-Z]\w*And[A-Z]/.test(name))).toEqual([])
  for (const name of typeNames()) {
    const type = schema.getType(name)
    if (!isObjectType(type)) continue
    for (const { args } of Object.values(type.getFields()))
      expect([name, args.filter((argument) => argument.name === 'condition')]).toEqual([name, []])
  }
})

it('never asks for the tenant one is in', () => {
  const asking: string[] = []
  for (const name of typeNames()) {
    const type = schema.getType(name)
    if (isInputObjectType(type) && !name.endsWith('Filter') && type.getFields().tenantId) asking.push(name)
    if (!isObjectType(type)) continue
    for (const [field, { args }] of Object.entries(type.getFields()))
      if (args.some((argument) => argument.name === 'tenantId')) asking.push(`${name}.${field}`)
  }
  // the tenant that moveTenant moves is another one
  expect(asking).toEqual(['MoveTenantInput'])
})

it('has the same arguments and fields at every connection', () => {
  for (const name of typeNames().filter((name) => name.endsWith('Connection'))) {
    const type = schema.getType(name)
    const fields = isObjectType(type) ? Object.keys(type.getFields()) : []
    expect([name, fields]).toEqual([name, expect.arrayContaining(['edges', 'nodes', 'pageInfo', 'totalCount'])])
  }
})

// Errors as a form needs them: the field as GraphQL calls it, where in the input it is, the rule in words, all at once.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  await db.pool.query(
    `comment on constraint temperature_is_in_range on app_public.agents is E'@name x\\nmust be from 0 to 2'`,
  )
  server = await startTestServer(db.url)
})
afterAll(() => server?.close())

const errorOf = async (query: string, variables?: object) =>
  (await server.ask('owner@acme.test', query, variables)).errors?.[0]

const createAgent = 'mutation ($agent: AgentInput!) { made: createAgent(input: {agent: $agent}) { agent { id } } }'
const updateAgent =
  'mutation ($id: UUID!, $patch: AgentPatch!) { updateAgent(input: {id: $id, patch: $patch}) { agent { id name } } }'

describe('an error of a form', () => {
  it('names the field, its place in the input, and the rule in words', async () => {
    const error = await errorOf(createAgent, { agent: { name: 'a', temperature: '3' } })
    expect(error).toMatchObject({
      message: 'temperature must be from 0 to 2',
      path: ['made'],
      extensions: {
        code: '23514',
        field: 'temperature',
        inputPath: ['input', 'agent', 'temperature'],
        rule: 'temperature must be from 0 to 2',
        constraint: 'temperature_is_in_range',
      },
    })
    expect(error?.extensions.violations).toHaveLength(1)
  })

  it('tells all that is wrong at once', async () => {
    const error = await errorOf(createAgent, { agent: { name: 'b', temperature: '3', topP: '-1', maxTokens: 0 } })
    const fields = ((error?.extensions.violations ?? []) as { field: string }[]).map(({ field }) => field)
    expect(fields.toSorted()).toEqual(['maxTokens', 'temperature', 'topP'])
  })

  it('judges a change together with the row as it is', async () => {
    const { data } = await server.ask('owner@acme.test', createAgent, { agent: { name: 'c' } })
    const { id } = data.made.agent
    const error = await errorOf(updateAgent, { id, patch: { temperature: '9', topP: '9' } })
    expect(error?.extensions.violations).toEqual([
      expect.objectContaining({ field: 'temperature', inputPath: ['input', 'patch', 'temperature'] }),
      expect.objectContaining({ field: 'topP', inputPath: ['input', 'patch', 'topP'] }),
    ])
  })

  it('names the field that must be unique, without the tenant', async () => {
    const agent = { name: 'twice' }
    await server.ask('owner@acme.test', createAgent, { agent })
    expect((await errorOf(createAgent, { agent }))?.extensions).toMatchObject({
      code: '23505',
      field: 'name',
      inputPath: ['input', 'agent', 'name'],
    })
  })

  it('names the reference that leads nowhere, and the value that is missing', async () => {
    const nowhere = '00000000-0000-4000-8000-000000000000'
    const reference = await errorOf(createAgent, { agent: { name: 'd', departmentId: nowhere } })
    expect(reference?.extensions.field ?? reference?.extensions.code).toBeDefined()
    const { data } = await server.ask('owner@acme.test', createAgent, { agent: { name: 'e' } })
    const missing = await errorOf(updateAgent, { id: data.made.agent.id, patch: { name: null } })
    expect(missing?.extensions).toMatchObject({ code: '23502', field: 'name', inputPath: ['input', 'patch', 'name'] })
  })
})

describe('a row that is not there', () => {
  const id = '00000000-0000-4000-8000-000000000000'

  it('cannot be updated or deleted: one error for both', async () => {
    expect((await errorOf(updateAgent, { id, patch: { name: 'x' } }))?.extensions.code).toBe('WB302')
    const deleteTag = 'mutation ($id: UUID!) { deleteTag(input: {id: $id}) { tag { id } } }'
    expect(await errorOf(deleteTag, { id })).toMatchObject({
      message: 'There is no such row, or you may not see it.',
      extensions: { code: 'WB302' },
    })
  })

  it('is one of another tenant as well', async () => {
    const { data } = await server.ask('owner@globex.test', createAgent, { agent: { name: 'theirs' } })
    const error = await errorOf(updateAgent, { id: data.made.agent.id, patch: { name: 'ours' } })
    expect(error?.extensions.code).toBe('WB302')
  })
})

// The catalogue as a front end uses it, over HTTP.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
const ask = async (query: string, variables: object = {}, email = 'member@acme.test'): Promise<any> => {
  const { data, errors } = await server.ask(email, query, variables)
  expect(errors).toBeUndefined()
  return data
}
const codeOf = async (query: string, variables: object = {}, email = 'member@acme.test') =>
  (await server.ask(email, query, variables)).errors?.[0]?.extensions.code

const createTool = `mutation ($tool: ToolInput!) { createTool(input: {tool: $tool}) { tool { id sharingMode isShared } } }`

it('an agent gets its tools, and is listed with them and their tags', async () => {
  const { createTool: made } = await ask(createTool, {
    tool: {
      name: 'PubMed',
      toolType: 'api',
      endpointUrl: 'https://eutils.ncbi.nlm.nih.gov/entrez/eutils/esearch.fcgi',
      httpMethod: 'GET',
    },
  })
  const tool = made.tool.id
  const { createAgent } = await ask(
    `mutation { createAgent(input: {agent: {name: "Reader", tier: 2}}) { agent { id } } }`,
  )
  const agent = createAgent.agent.id
  const { setAgentTools } = await ask(
    `mutation ($agent: UUID!, $tools: [UUID!]!) { setAgentTools(input: {agentId: $agent, toolIds: $tools}) { agent { toolIds } } }`,
    { agent, tools: [tool] },
  )
  expect(setAgentTools.agent.toolIds).toEqual([tool])
  const { createTag } = await ask(`mutation { createTag(input: {tag: {name: "New", slug: "new"}}) { tag { id } } }`)
  await ask(
    `mutation ($item: UUID!, $tag: UUID!) { createTagAssignment(input: {tagAssignment: {itemType: tool, itemId: $item, tagId: $tag}}) { tagAssignment { tagId } } }`,
    { item: tool, tag: createTag.tag.id },
  )
  const { agents } = await ask(
    `{ agents(filter: {tier: {equalTo: 2}}) { nodes { name toolIds agentTools(first: 9) { nodes { tool { name toolTagAssignments(first: 9) { nodes { tag { slug } } } } } } } } }`,
    {},
    'viewer@acme.test',
  )
  expect(agents.nodes).toEqual([
    {
      name: 'Reader',
      toolIds: [tool],
      agentTools: { nodes: [{ tool: { name: 'PubMed', toolTagAssignments: { nodes: [{ tag: { slug: 'new' } }] } } }] },
    },
  ])
})

describe('a prompt', () => {
  const render = `query ($id: UUID!, $variables: JSON) { renderPrompt(promptId: $id, variables: $variables) { system prompt } }`
  let id: string
  beforeAll(async () => {
    const { createPrompt } = await ask(
      `mutation ($prompt: PromptInput!) { createPrompt(input: {prompt: $prompt}) { prompt { id inputVariables } } }`,
      {
        prompt: {
          name: 'greet',
          promptText: 'Hello {{name}}',
          systemPrompt: 'Be kind.',
          inputVariables: { name: 'string' },
        },
      },
    )
    id = createPrompt.prompt.id
  })

  it('is rendered by a query', async () => {
    const { renderPrompt } = await ask(render, { id, variables: { name: 'Ada' } }, 'viewer@acme.test')
    expect(renderPrompt).toEqual({ system: 'Be kind.', prompt: 'Hello Ada' })
  })

  it('that cannot be filled says all that is wrong at once, with a code', async () => {
    const { errors } = await server.ask('viewer@acme.test', render, { id, variables: { nme: 'Ada' } })
    expect(errors?.[0]).toMatchObject({
      message: 'The prompt cannot be filled: name is missing; nme is not a variable of this prompt.',
      extensions: { code: 'RS431', hint: expect.any(String) },
    })
  })
})

it('a workflow with a cycle is refused by name, one with a loop is taken', async () => {
  const create = `mutation ($definition: JSON!) { createWorkflow(input: {workflow: {name: "w", workflowType: loop, workflowDefinition: $definition}}) { workflow { agentIds } } }`
  const nodes = [
    { id: 'draft', type: 'human' },
    { id: 'review', type: 'human' },
  ]
  const edges = [
    { from: 'draft', to: 'review' },
    { from: 'review', to: 'draft' },
  ]
  const { errors } = await server.ask('member@acme.test', create, { definition: { nodes, edges, start: 'draft' } })
  expect(errors?.[0]).toMatchObject({
    message: expect.stringContaining('node draft is on a cycle'),
    extensions: { code: 'RS432' },
  })
  await ask(create, {
    definition: {
      nodes: [{ id: 'again', type: 'loop', max_iterations: 3 }, ...nodes],
      edges: [
        { from: 'again', to: 'draft' },
        { from: 'draft', to: 'review' },
        { from: 'review', to: 'again' },
      ],
      start: 'again',
    },
  })
})

it('a secret in a tool is refused with the key named, and what is kept has no place in the input', async () => {
  expect(await codeOf(createTool, { tool: { name: 'x', toolType: 'function', headers: { 'X-API-Key': 'abc' } } })).toBe(
    'RS423',
  )
  const { status, errors } = await server.ask('member@acme.test', createTool, {
    tool: { name: 'x', toolType: 'function', usageCount: '5' },
  })
  expect([status, errors?.[0]?.message]).toEqual([expect.any(Number), expect.stringContaining('usageCount')])
})

it('each kind is deleted and restored by its own mutation, and by no other', async () => {
  const { createTool: made } = await ask(createTool, { tool: { name: 'gone', toolType: 'function' } })
  const id = made.tool.id
  const deletion = `mutation ($id: UUID!) { deleteTool(input: {id: $id}) { tool { deletedAt } } }`
  expect(await codeOf(deletion, { id })).toBe('ID203')
  const { deleteTool } = await ask(deletion, { id }, 'admin@acme.test')
  expect(deleteTool.tool.deletedAt).toEqual(expect.any(String))
  expect((await ask('query ($id: UUID!) { tool(id: $id) { name } }', { id })).tool).toBeNull()
  const { restoreTool } = await ask(
    `mutation ($id: UUID!) { restoreTool(input: {id: $id}) { tool { name } } }`,
    { id },
    'admin@acme.test',
  )
  expect(restoreTool.tool.name).toBe('gone')
  const { __schema } = await ask('{ __schema { mutationType { fields { name } } } }')
  const names: string[] = __schema.mutationType.fields.map(({ name }: { name: string }) => name)
  for (const kind of ['Agent', 'Tool', 'Prompt', 'Workflow', 'KnowledgeSource']) {
    expect(names.filter((name) => name.match(`^(delete|restore)${kind}(By.*)?$`)).sort()).toEqual([
      `delete${kind}`,
      `restore${kind}`,
    ])
  }
})

it('from a hit of a search one gets to the resource, and only from a hit', async () => {
  const { __schema, closed } = await ask(
    `{ __schema { queryType { fields { name } } } closed: __type(name: "SharingMode") { enumValues { name } } }`,
  )
  const fields = __schema.queryType.fields.map(({ name }: { name: string }) => name)
  expect(fields).toContain('searchCatalog')
  expect(fields.filter((name: string) => name.startsWith('catalogSearchHit'))).toEqual([])
  expect(closed.enumValues.map(({ name }: { name: string }) => name)).toEqual([
    'private',
    'selected',
    'subtree',
    'platform',
  ])
})

// Runs of workflows over GraphQL: started, steered and replayed by a front end.

import type { PoolClient } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import type { Claimed } from './workflow-helpers.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

const ask = (query: string, variables: object = {}, email = db.acme.owner.email) => server.ask(email, query, variables)

async function asWorker<T>(call: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    await client.query('set local role rowhouse_worker')
    const answer = await call(client)
    await client.query('commit')
    return answer
  } finally {
    client.release()
  }
}

it('a run is started, paused, resumed and read with the inputs and outputs of its steps; illegal moves have their code', async () => {
  const created = await ask(
    `mutation ($definition: JSON!) {
       createWorkflow(input: { workflow: { name: "over-graphql", workflowDefinition: $definition } }) { workflow { id } }
     }`,
    {
      definition: {
        nodes: [
          { id: 'find', type: 'search', input: { query: '$.input.topic' } },
          { id: 'end', type: 'end', input: { found: '$.steps.find.hits' } },
        ],
        edges: [{ from: 'find', to: 'end' }],
      },
    },
  )
  const workflowId = created.data.createWorkflow.workflow.id
  const start = () =>
    ask(
      `mutation ($workflowId: UUID!, $input: JSON) {
           startWorkflowRun(input: { workflowId: $workflowId, input: $input, idempotencyKey: "g" }) { run { id status } }
         }`,
      { workflowId, input: { topic: 'valves' } },
    )
  expect((await start()).errors?.[0]?.extensions.code).toBe('RN355')
  await ask('mutation ($id: UUID!) { publishWorkflow(input: { id: $id }) { resourceVersion { id } } }', {
    id: workflowId,
  })
  const { run } = (await start()).data.startWorkflowRun
  expect(run.status).toBe('active')
  expect((await start()).data.startWorkflowRun.run.id).toBe(run.id)

  const move = (name: string) =>
    ask(`mutation ($id: UUID!) { ${name}WorkflowRun(input: { id: $id }) { run { status } } }`, { id: run.id })
  expect((await move('pause')).data.pauseWorkflowRun.run.status).toBe('paused')
  expect((await move('pause')).errors?.[0]?.extensions.code).toBe('RN558')
  expect((await move('resume')).data.resumeWorkflowRun.run.status).toBe('active')

  await asWorker(async (client) => {
    const { rows } = await client.query<Claimed>(`select * from runtime.claim_workflow_step('w')`)
    await client.query(`select runtime.complete_workflow_step($1, $2, $3, '{"hits": ["a"]}', 5, 0.01)`, [
      rows[0]?.tenant_id,
      rows[0]?.step_run_id,
      rows[0]?.lease_token,
    ])
  })
  const read = `query ($id: UUID!) {
    workflowRun(id: $id) {
      status output tokens cost
      steps(orderBy: SEQUENCE_ASC) { nodes { nodeId status input output } }
    }
  }`
  const replay = await ask(read, { id: run.id })
  expect(replay.errors).toBeUndefined()
  expect(replay.data.workflowRun).toMatchObject({
    status: 'completed',
    output: { found: ['a'] },
    tokens: '5',
    steps: {
      nodes: [
        { nodeId: 'find', status: 'completed', input: { query: 'valves' }, output: { hits: ['a'] } },
        { nodeId: 'end', status: 'completed', output: { found: ['a'] } },
      ],
    },
  })
  const list = await ask('{ workflowRuns(first: 5) { nodes { id workflowName } } }')
  expect(list.data.workflowRuns.nodes).toEqual([{ id: run.id, workflowName: 'over-graphql' }])
  expect(
    (await ask('{ workflowRuns(first: 5) { nodes { id } } }', {}, db.globex.owner.email)).data.workflowRuns.nodes,
  ).toEqual([])
})

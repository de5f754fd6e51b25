// Tasks over GraphQL, as docs/runtime.md writes them.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

const member = 'member@acme.test'
async function ask(query: string, variables: Record<string, unknown> = {}) {
  const answer = await server.ask(member, query, variables)
  expect(answer.errors).toBeUndefined()
  return answer.data
}

it('a task is made and claimed as the guide says, delegated, completed, and read with its transitions', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/runtime.md'), 'utf8')
  const [make, claim] = [...guide.matchAll(/```graphql\n(mutation[\s\S]*?)```/g)].map(([, text]) => text as string)
  const agents: string[] = []
  for (const name of ['Reader', 'Writer'])
    agents.push(
      (await ask(`mutation { createAgent(input: {agent: {name: "${name}"}}) { agent { id } } }`)).createAgent.agent.id,
    )
  const { task } = (await ask(make as string)).createTask
  expect(task.status).toBe('pending')
  expect((await ask(make as string)).createTask.task.id).toBe(task.id)

  const { lease } = (await ask(claim as string, { agent: agents[0] })).claimTask
  expect(lease).toMatchObject({
    taskId: task.id,
    attempt: 1,
    task: { title: 'Summarise the report', input: { document: 17 } },
  })
  expect((await ask(claim as string, { agent: agents[0] })).claimTask.lease).toBeNull()

  const { delegation } = (
    await ask(
      `mutation ($task: UUID!, $token: UUID!, $to: UUID!) {
        delegateTask(input: {taskId: $task, leaseToken: $token, toAgentId: $to, delegationType: handoff, reason: "It writes better."}) {
          delegation { delegationType fromAgent { name } toAgent { name } task { status assignedAgent { name } } } } }`,
      { task: task.id, token: lease.leaseToken, to: agents[1] },
    )
  ).delegateTask
  expect(delegation).toEqual({
    delegationType: 'handoff',
    fromAgent: { name: 'Reader' },
    toAgent: { name: 'Writer' },
    task: { status: 'assigned', assignedAgent: { name: 'Writer' } },
  })
  const finish = `mutation ($task: UUID!, $token: UUID!) {
    completeTask(input: {taskId: $task, leaseToken: $token, output: {summary: "Short."}}) { task { status output isOverdue createdBy { email } } } }`
  const late = await server.ask(member, finish, { task: task.id, token: lease.leaseToken })
  expect(late.errors?.[0]?.extensions.code).toBe('RN501')
  const second = (await ask(claim as string, { agent: agents[1] })).claimTask.lease
  const done = (await ask(finish, { task: task.id, token: second.leaseToken })).completeTask
  expect(done.task).toEqual({
    ...{ status: 'completed', output: { summary: 'Short.' }, isOverdue: false },
    createdBy: { email: 'member@acme.test' },
  })
  const read = await ask(
    `query ($id: UUID!) { task(id: $id) { transitions { nodes { fromStatus toStatus reason } } } tasks { nodes { id } } }`,
    { id: task.id },
  )
  expect(read.tasks.nodes).toEqual([{ id: task.id }])
  expect(read.task.transitions.nodes.map(({ toStatus }: { toStatus: string }) => toStatus)).toEqual([
    ...['pending', 'in_progress', 'assigned', 'in_progress', 'completed'],
  ])
})

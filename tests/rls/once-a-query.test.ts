// Who asks, for which tenant and with which permissions is looked up once a query, however many rows there are.

import { beforeAll, expect, it } from 'vitest'
import { type Transaction, transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

type Node = {
  'Node Type': string
  'Parent Relationship'?: string
  'Actual Loops': number
  Output?: string[]
  Filter?: string
  Plans?: Node[]
}

const everyNode = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(everyNode)]

async function planOf(t: Transaction, text: string): Promise<Node[]> {
  const [{ Plan }] = await t.value<[{ Plan: Node }]>(`explain (analyze, verbose, format json) ${text}`)
  return everyNode(Plan)
}

beforeAll(async () => {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    const t = transaction(client)
    // the rules of writing are not what is looked at
    await t.query(`set local session_replication_role = replica`)
    await t.query(
      `insert into app_public.agents (tenant_id, name, deleted_at)
       select $1, 'agent ' || i, case when i % 2 = 0 then now() end from generate_series(1, 3000) i`,
      [db.acme.id],
    )
    await t.query(`insert into app_public.tools (tenant_id, name, tool_type) values ($1, 'tool', 'function')`, [
      db.acme.id,
    ])
    await t.query(
      `insert into app_public.agent_tools (tenant_id, agent_id, tool_id)
       select a.tenant_id, a.id, t.id from app_public.agents a, app_public.tools t where a.tenant_id = $1 and t.tenant_id = $1`,
      [db.acme.id],
    )
    await t.query('analyze app_public.agents')
    await client.query('commit')
  } finally {
    client.release()
  }
})

const asked = /current_tenant_id|current_setting|has_permission|shared_resource_ids|current_user_id/

it.each([
  ['a list', 'select * from app_public.agents'],
  // what is deleted is for whoever may restore it: the permission is needed for each of these rows
  ['what was deleted', 'select count(*) from app_public.agents where deleted_at is not null'],
  ['an update', `update app_public.agents set description = 'x' where deleted_at is null`],
  [
    'a join',
    'select * from app_public.agents a join app_public.agent_tools l on l.agent_id = a.id join app_public.tools t on t.id = l.tool_id',
  ],
])('%s of 3,000 rows asks once', (_name, text) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    const nodes = await planOf(t, text)
    expect(Math.max(...nodes.map((node) => node['Actual Loops']))).toBeGreaterThan(0)
    const questions = nodes.filter((node) => node['Parent Relationship'] === 'InitPlan')
    expect(questions.some(({ Output }) => asked.test(String(Output)))).toBe(true)
    // at most once, and not at all where the answer is not needed
    for (const question of questions)
      expect([question.Output, question['Actual Loops'] <= 1]).toEqual([question.Output, true])
    for (const node of nodes) expect(node.Filter ?? '').not.toMatch(asked)
  }),
)

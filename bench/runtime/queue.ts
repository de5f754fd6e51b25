// A tenant with an agent and tasks that wait, and sessions of its owner that claim and complete them.

import pg from 'pg'
import { createBenchTenant } from '../metering/setup.ts'

export type Queue = { tenantId: string; ownerId: string; agentId: string }

export async function createQueue(client: pg.Client, slug: string): Promise<Queue> {
  const { id: tenantId, ownerId } = await createBenchTenant(client, slug)
  const { rows } = await client.query<{ id: string }>(
    `insert into app_public.agents (tenant_id, name) values ($1, 'Worker') returning id`,
    [tenantId],
  )
  return { tenantId, ownerId, agentId: rows[0]?.id as string }
}

/** Tasks of all priorities that wait in one line, put in past the functions. */
export async function addTasks(
  client: pg.Client,
  { tenantId }: Queue,
  count: number,
  capability: string | null = null,
): Promise<void> {
  await client.query('set session_replication_role = replica')
  await client.query(
    `insert into app_public.tasks (tenant_id, id, root_task_id, title, status, priority, required_capability, available_at, created_at)
     select $1, id, id, 'Task', 'pending', (enum_range(null::app_public.task_priority))[1 + i % 4], $3, now() - make_interval(secs => i), now()
       from (select i, gen_random_uuid() as id from generate_series(1, $2) as i) as new`,
    [tenantId, count, capability],
  )
  await client.query('set session_replication_role = origin')
}

/** A session of the server's login, in the context that each request of the owner has. */
export async function openSession(url: string, { tenantId, ownerId }: Queue): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(
    `select set_config('role', 'rowhouse_user', false), set_config('rowhouse.tenant_id', $1, false), set_config('rowhouse.user_id', $2, false)`,
    [tenantId, ownerId],
  )
  return client
}

type Lease = { task_id: string | null; lease_token: string }

export async function claim(client: pg.Client, { agentId }: Queue, capabilities: string[] = []): Promise<Lease> {
  const { rows } = await client.query<Lease>({
    name: 'claim',
    text: 'select task_id, lease_token from app_public.claim_task($1, $2)',
    values: [agentId, capabilities],
  })
  return rows[0] as Lease
}

export const complete = (client: pg.Client, { task_id, lease_token }: Lease): Promise<unknown> =>
  client.query({
    name: 'complete',
    text: 'select id from app_public.complete_task($1, $2, $3)',
    values: [task_id, lease_token, '{"result": 1}'],
  })

// Alerts and health over GraphQL, as docs/observability.md writes them.

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

it('a rule is made as the guide says, fires, is acknowledged, and its log is read', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/observability.md'), 'utf8')
  const mutation = /```graphql\n(mutation \{\n {2}createAlert[\s\S]*?)```/.exec(guide)?.[1] ?? ''
  const made = await server.ask('admin@acme.test', mutation)
  expect(made.errors).toBeUndefined()
  const id = made.data.createAlert.alert.id
  await db.pool.query(
    `insert into app_public.tool_executions (tenant_id, id, executed_at, batch_id, tool_name, status) values ($1, gen_random_uuid(), now(), 1, 'calculator', 'error')`,
    [db.acme.id],
  )
  await db.pool.query(`update app_public.alerts set for_minutes = 0, quiet_from = null, quiet_to = null`)
  await db.pool.query('select observability.evaluate_alerts($1)', [db.acme.id])
  const acknowledged = await server.ask(
    'admin@acme.test',
    `mutation { acknowledgeAlert(input: {alertId: "${id}", note: "On it."}) { alert { status { state value limitValue } } } }`,
  )
  expect(acknowledged.errors).toBeUndefined()
  expect(acknowledged.data.acknowledgeAlert.alert.status).toMatchObject({ state: 'acknowledged' })
  const read = await server.ask(
    'admin@acme.test',
    `{ alerts { nodes { name metric comparator logs(orderBy: OCCURRED_AT_ASC) { nodes { fromState state note } } } } alertMetrics { nodes { name } } }`,
  )
  expect(read.errors).toBeUndefined()
  expect(read.data.alerts.nodes).toEqual([
    {
      ...{ name: 'The calculator fails', metric: 'tool_error_percent', comparator: 'above' },
      logs: {
        nodes: [
          { fromState: 'ok', state: 'firing', note: null },
          { fromState: 'firing', state: 'acknowledged', note: 'On it.' },
        ],
      },
    },
  ])
  expect(read.data.alertMetrics.nodes.length).toBeGreaterThan(20)
  const status = await server.ask('viewer@acme.test', '{ myStatus { isHealthy firingAlertCount failingProviders } }')
  expect(status.errors).toBeUndefined()
  expect(status.data.myStatus).toMatchObject({ isHealthy: false, firingAlertCount: '1', failingProviders: [] })
})

it('health of the platform is for staff', async () => {
  await db.pool.query(
    `insert into app_public.health_checks (part, name, status, message) values ('mail', 'mail_server', 'failing', 'It is away.')`,
  )
  const refused = await server.ask('owner@acme.test', '{ systemHealth { nodes { name } } }')
  expect(refused.errors?.[0]?.extensions.code).toBe('TN205')
})

// Reports over GraphQL, as docs/analytics.md writes them, and their files over HTTP, once.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { work } from '../governance/helpers.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url, {})
})
afterAll(() => server.close())

const get = async (person: string, path: string): Promise<Response> =>
  fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${await server.token(person)}` } })
const ask = async (text: string, person = 'admin@acme.test') => {
  const answer = await server.ask(person, text)
  expect(answer.errors).toBeUndefined()
  return answer.data
}
const linkTo = async (run: string, format: string): Promise<string> => {
  const { createReportLink } = await ask(
    `mutation { createReportLink(input: {runId: "${run}", format: ${format}}) { link { id expiresAt } } }`,
  )
  return `/files/reports/${createReportLink.link.id}`
}

it('a report is saved as the guide says, run, read, and downloaded once in each form', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/analytics.md'), 'utf8')
  const mutation = /```graphql\n(mutation \{\n {2}createAnalyticsReport[\s\S]*?)```/.exec(guide)?.[1] ?? ''
  const saved = await ask(mutation)
  const { id } = saved.createAnalyticsReport.analyticsReport
  const { runReport } = await ask(
    `mutation { runReport(input: {reportId: "${id}", arguments: {days: 2}}) { run { id status } } }`,
  )
  expect(runReport.run.status).toBe('queued')
  await work(db, 'observability__run_report', { tenantId: db.acme.id, runId: runReport.run.id })
  const read = await ask(
    `{ analyticsReports { nodes { name schedule nextRunAt runs { nodes { status rowCount columns { name kind } rows(first: 1) } } } }
       reportTemplates { nodes { name parameters { name type defaultValue } } } }`,
  )
  const [report] = read.analyticsReports.nodes
  expect(report.runs.nodes).toEqual([
    {
      ...{ status: 'completed', rowCount: 2, rows: [[expect.stringMatching(/^20/), '0']] },
      columns: [
        { name: 'day', kind: 'date' },
        { name: 'calls', kind: 'number' },
      ],
    },
  ])
  expect(report.nextRunAt).toMatch(/^20/)
  expect(read.reportTemplates.nodes).toContainEqual({
    name: 'agent_usage',
    parameters: [{ name: 'days', type: 'int', defaultValue: '30' }],
  })
  for (const [format, type] of [
    ['csv', 'text/csv'],
    ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
    ['svg', 'image/svg+xml'],
  ] as const) {
    const path = await linkTo(runReport.run.id, format)
    expect((await get('owner@acme.test', path)).status).toBe(404)
    expect((await get('admin@globex.test', path)).status).toBe(404)
    const response = await get('admin@acme.test', path)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type])
    expect(response.headers.get('content-disposition')).toContain('attachment')
    expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get('content-length')))
    expect((await get('admin@acme.test', path)).status).toBe(404)
  }
})

it('what is wrong with a report is said of its field', async () => {
  const { errors } = await server.ask(
    'admin@acme.test',
    `mutation { createAnalyticsReport(input: {analyticsReport: {name: "x", statement: "select pg_sleep(1)"}}) { analyticsReport { id } } }`,
  )
  expect(errors?.[0]).toMatchObject({
    extensions: { code: 'OB482' },
    message: expect.stringContaining('statement uses the function pg_sleep'),
  })
})

it('a chart of what has none is refused with a reason', async () => {
  const made = await ask(
    `mutation { createAnalyticsReport(input: {analyticsReport: {name: "One number", statement: "select 1 as x"}}) { analyticsReport { id } } }`,
  )
  const { runReport } = await ask(
    `mutation { runReport(input: {reportId: "${made.createAnalyticsReport.analyticsReport.id}"}) { run { id } } }`,
  )
  await work(db, 'observability__run_report', { tenantId: db.acme.id, runId: runReport.run.id })
  const response = await get('admin@acme.test', await linkTo(runReport.run.id, 'svg'))
  expect([response.status, await response.text()]).toEqual([409, expect.stringContaining('OB584')])
})

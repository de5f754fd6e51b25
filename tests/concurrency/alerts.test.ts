// Ten workers evaluate the same rules, and some of them die at any point: each transition is told exactly once.

import pg from 'pg'
import { expect, it } from 'vitest'
import { mulberry32 } from '../../bench/random.ts'
import { needsServer, transaction, useDatabase } from '../helpers/index.ts'
import { createRule, recordRun } from '../observability/alert-rules.ts'

const db = useDatabase()

it('ten workers of which some are killed tell each transition once', async (context) => {
  needsServer(context)
  const random = mulberry32(16)
  const client = await db.pool.connect()
  const t = transaction(client)
  const rules: string[] = []
  await client.query('begin')
  for (let i = 0; i < 20; i++)
    rules.push(
      await createRule(t, db, {
        name: `Rule ${i}`,
        filter: { tool_name: `tool ${i}` },
        window_minutes: 60,
        channels: ['email', 'slack'],
      }),
    )
  await t.becomeSuperuser()
  await client.query('commit')
  client.release()

  const slow = new Set<number>()
  const expected = new Map(rules.map((id) => [id, [] as string[]]))
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < rules.length; i++) {
      if (random() < 0.5) continue
      const told = expected.get(rules[i] as string)
      if (slow.delete(i)) {
        await db.pool.query('delete from app_public.tool_executions where tool_name = $1', [`tool ${i}`])
        await record(i, 1)
        told?.push('resolved', 'resolved')
      } else {
        slow.add(i)
        await record(i, 100)
        told?.push('firing', 'firing')
      }
    }
    await db.pool.query('update observability.alert_states set evaluated_at = null')
    await Promise.all(Array.from({ length: 10 }, () => workUntilKilled(random)))
    // those that died have left what one that lives takes up
    await db.pool.query('select observability.evaluate_alerts($1)', [db.acme.id])
  }
  const told = await db.pool.query<{ alert_id: string; states: string[] }>(
    `select l.alert_id, array_agg(l.state::text order by l.ordinal) as states
       from app_public.alert_notifications n join app_public.alert_logs l on l.tenant_id = n.tenant_id and l.id = n.alert_log_id
      group by 1`,
  )
  const found = new Map(told.rows.map(({ alert_id, states }) => [alert_id, states]))
  for (const id of rules) expect(found.get(id) ?? []).toEqual(expected.get(id))
  const { rows } = await db.pool.query(
    `select count(*)::int as jobs, count(distinct j.payload ->> 'notificationId')::int as notifications
       from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
      where t.identifier = 'observability__send_alert'`,
  )
  const total = [...expected.values()].flat().length
  expect(rows).toEqual([{ jobs: total, notifications: total }])
})

const record = (i: number, ms: number) =>
  db.inTransaction(async (t) => {
    await recordRun(t, db.acme.id, Date.now() - 1000, ms, `tool ${i}`)
    await t.query('commit')
    await t.query('begin')
  })

/** Evaluates in a session of its own, which may be ended at any moment of it. */
async function workUntilKilled(random: () => number): Promise<void> {
  const client = new pg.Client({ connectionString: db.url })
  client.on('error', () => {})
  await client.connect()
  const pid = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid
  const isDoomed = random() < 0.5
  const working = client
    .query('begin')
    .then(() => client.query('select observability.evaluate_alerts($1)', [db.acme.id]))
    .then(() => (isDoomed && random() < 0.5 ? undefined : client.query('commit')))
    .catch(() => {})
  if (isDoomed) await db.pool.query('select pg_terminate_backend($1)', [pid])
  await working
  await client.end().catch(() => {})
}

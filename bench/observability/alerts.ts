// A round of evaluations: the rules of ten tenants, over what was recorded in the last quarter of an hour, as a worker does it.

import type pg from 'pg'
import { count, figure } from '../format.ts'
import { medianOfRounds, type Part } from '../metering/part.ts'
import { createBenchTenant, createMonths } from '../metering/setup.ts'
import { withClient, withScratch } from '../scratch.ts'
import { timed } from '../timing.ts'

const tenantCount = 10
const runsPerTenant = 1_500
const longestSeconds = 2

/** As many rules as a tenant may have, of metrics that read rows and that read how things are. */
async function fill(client: pg.Client, number: number, ruleCount: number): Promise<void> {
  const { id, userIds } = await createBenchTenant(client, `watched-${number}`)
  await client.query(
    `insert into app_public.tool_executions (tenant_id, id, batch_id, executed_at, tool_name, user_id, status, duration_ms)
     select $1, gen_random_uuid(), 1, now() - i % 900 * interval '1 second', 'tool ' || i % 20, ($2::uuid[])[1 + i % 20],
            case when i % 50 = 0 then 'error' else 'success' end, 1 + i * 31 % 5000
       from generate_series(1, $3::int) as i`,
    [id, userIds, runsPerTenant],
  )
  await client.query(`select set_config('rowhouse.tenant_id', $1, false)`, [id])
  await client.query(
    `insert into app_public.alerts (name, metric, aggregation, window_minutes, threshold, filter, channels)
     select 'Rule ' || i, r.metric, r.aggregation, 5, 1000000, r.filter, '{email}'
       from generate_series(1, $1::int) as i
       join (values (0, 'tool_latency_ms', 'p95', '{}'::jsonb), (1, 'tool_error_percent', 'average', '{"tool_name": "tool 3"}'),
                    (2, 'tool_runs', 'count', '{}'), (3, 'llm_cost_usd', 'sum', '{}'), (4, 'quota_percent', 'greatest', '{}'))
            as r (n, metric, aggregation, filter) on r.n = i % 5`,
    [ruleCount],
  )
}

/** What the task does each minute. */
async function evaluate(client: pg.Client): Promise<number> {
  await client.query('select observability.add_builtin_alerts()')
  await client.query('select observability.release_notifications()')
  const { rows } = await client.query<{ id: string }>('select id from observability.tenants_to_evaluate() as id')
  let evaluated = 0
  for (let waiting = rows.map(({ id }) => id); waiting.length > 0; ) {
    const left: string[] = []
    for (const id of waiting) {
      const { rows } = await client.query<{ n: number }>('select observability.evaluate_alerts($1) as n', [id])
      evaluated += rows[0]?.n ?? 0
      if (rows[0]?.n) left.push(id)
    }
    waiting = left
  }
  return evaluated
}

export const measureAlerts = (serverUrl: string, rounds: number, rules: number): Promise<Part> =>
  withScratch(serverUrl, (url) =>
    withClient(url, async (client) => {
      await createMonths(client)
      for (let i = 0; i < tenantCount; i++) await fill(client, i, Math.ceil(rules / tenantCount))
      await client.query('vacuum analyze app_public.tool_executions, observability.alert_states, app_public.alerts')
      const times: number[] = []
      let evaluated = 0
      // the first round warms up
      for (let round = 0; round <= rounds; round++) {
        await client.query('update observability.alert_states set evaluated_at = null')
        await client.query('vacuum observability.alert_states')
        times.push(
          await timed(async () => {
            evaluated = await evaluate(client)
          }),
        )
      }
      const seconds = medianOfRounds(times) / 1000
      return {
        title: 'Evaluating alerts',
        how: `One round over ${count(evaluated)} rules of ${tenantCount} tenants by one worker: percentiles, shares, counts, costs and quotas over the last five minutes, in which each tenant ran ${count(Math.round(runsPerTenant / 3))} tools, the median of ${rounds}.`,
        measured: [
          {
            name: `${count(evaluated)} rules, seconds`,
            ours: figure(seconds),
            theirs: figure(longestSeconds),
            ratio: seconds,
            sign: '≤',
            bar: longestSeconds,
          },
        ],
      }
    }),
  )

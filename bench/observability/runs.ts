// Runs of tools as an agent's platform sends them.

import type pg from 'pg'
import { type BenchTenant, becomeOwner } from '../metering/setup.ts'
import { between, pick, type Random } from '../random.ts'

const tools = ['calculator', 'browser', 'search', 'interpreter', 'calendar']
const outcomes = ['success', 'success', 'success', 'success', 'error']

export type Run = Record<string, string | number>

export function makeRuns(random: Random, tenant: BenchTenant, size: number, oldest: (random: Random) => number): Run[] {
  const now = Date.now()
  return Array.from({ length: size }, () => ({
    idempotency_key: `bench-${random()}-${random()}`,
    executed_at: new Date(now - oldest(random)).toISOString(),
    tool_name: pick(random, tools),
    user_id: pick(random, tenant.userIds),
    status: pick(random, outcomes),
    duration_ms: between(random, 1, 60_000),
  }))
}

export async function recordRuns(client: pg.Client, tenant: BenchTenant, runs: Run[]): Promise<void> {
  const text = JSON.stringify(runs)
  await client.query('begin')
  await becomeOwner(client, tenant)
  await client.query(
    `select app_public.record_tool_executions(
       array(select e from jsonb_populate_recordset(null::app_public.new_tool_execution, $1) as e))`,
    [text],
  )
  await client.query('commit')
}

// The questions of docs/analytics.md, and what each would be over the logs themselves.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Question = { title: string; text: string; overLogs: string | undefined }

const usage = (from: string): string => `app_public.usage_events where tenant_id = $1 and occurred_at > ${from}`

/** $1 is the tenant, whose days are those of UTC. A question without an entry reads no log. */
const overLogs: Record<string, string> = {
  'Cost by day and model': `
    select occurred_at::date as day, model_id, sum(cost) from ${usage('current_date - 29')} and cost > 0 group by 1, 2 order by 1, 3 desc`,
  'Active users by week': `
    select date_trunc('week', occurred_at) as week, count(distinct user_id) from ${usage('current_date - 83')} group by 1 order by 1`,
  'Retention of users by week': `
    with weeks as (
      select distinct user_id, date_trunc('week', occurred_at)::date as week from ${usage('current_date - 83')}
    ), first as (select user_id, min(week) as cohort from weeks group by user_id)
    select cohort, (week - cohort) / 7, count(*) from weeks join first using (user_id) group by 1, 2 order by 1, 2`,
  'Tools that fail most': `
    select tool_name, count(*), 100.0 * count(*) filter (where status <> 'success') / count(*)
      from app_public.tool_executions where tenant_id = $1 and executed_at > current_date - 29 group by 1 order by 3 desc limit 10`,
  'The slowest tools: 95th percentile': `
    select tool_name, percentile_disc(0.95) within group (order by duration_ms)
      from app_public.tool_executions where tenant_id = $1 and executed_at > current_date - 29 group by 1 order by 2 desc`,
  'Searches without a hit': `
    select created_at::date, count(*), count(*) filter (where hit_count = 0)
      from app_public.query_logs where tenant_id = $1 and created_at > current_date - 30 group by 1 order by 1`,
  'Margin by plan': `
    select date_trunc('month', occurred_at), sum(cost) from ${usage(`'-infinity'`)} group by 1`,
  'Forecast to the end of the month': `
    select sum(cost) from ${usage(`date_trunc('month', now())`)}`,
  'Agents that cost most': `
    select agent_id, sum(cost), count(*) filter (where usage_type = 'llm_call') from ${usage('current_date - 29')} group by 1 order by 2 desc limit 10`,
  'People who use most': `
    select user_id, count(*), count(distinct occurred_at::date) from ${usage('current_date - 29')} group by 1 order by 2 desc limit 10`,
  'Models that fail': `
    select model, count(*), count(*) filter (where not success)
      from metering.llm_calls where tenant_id = $1 and occurred_at > current_date - 6 group by 1 order by 3 desc`,
}

export async function readQuestions(): Promise<Question[]> {
  const guide = await readFile(join(import.meta.dirname, '../../docs/analytics.md'), 'utf8')
  return [...guide.matchAll(/^### (.*)\n```sql\n([^`]*)```/gm)].map(([, title = '', text = '']) => ({
    title,
    text,
    overLogs: overLogs[title],
  }))
}

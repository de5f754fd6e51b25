// One very large tenant: that membership and permissions are looked up once a query and not once a row, what that costs
// beside the same query without policies, and how long a search of such a catalogue takes.

import type pg from 'pg'
import { withProgress } from '../progress.ts'
import { withClient, withScratch } from '../scratch.ts'
import { type Percentiles, percentilesOf, readySession, timed } from '../timing.ts'
import { becomeUser } from './list.ts'
import { loadLargeTenant } from './load.ts'

export type LargeResult = {
  agents: number
  runs: number
  /** How often the plan evaluated each function of the request's context. */
  evaluations: { what: string; loops: number }[]
  ways: (Percentiles & { way: string })[]
}

type Node = {
  'Node Type': string
  'Subplan Name'?: string
  'Parent Relationship'?: string
  'Actual Loops': number
  Output?: string[]
  Plans?: Node[]
}

const countOf = (agents: string): string => `select count(*) from ${agents} where deleted_at is null`
/** What the API lists agents by. */
const visible = 'catalog.visible_agents()'
const mostRuns = 10

export async function measureLarge(serverUrl: string, agents: number, wanted: number): Promise<LargeResult> {
  const runs = Math.min(wanted, mostRuns)
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      const tenant = await withProgress('  loading', agents, (bar) => loadLargeTenant(admin, agents, bar))
      await admin.query('vacuum analyze')
      await admin.query('checkpoint')
      return withClient(url, async (user) => {
        await readySession(admin)
        await readySession(user)
        await becomeUser(user, tenant)
        const { rows } = await user.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
          `explain (analyze, verbose, format json) ${countOf(visible)}`,
        )
        const ask = (client: pg.Client, text: string, values: unknown[] = []): Promise<number> =>
          timed(async () => {
            await client.query(text, values)
          })
        const list = (agents: string, condition = ''): string =>
          `select id, name, rating from ${agents} where deleted_at is null ${condition} order by sort_order, name limit 50`
        const table = 'app_public.agents'
        const search = (text: string): string => `select (app_public.search_catalog('${text}')).total_count`
        const ways = [
          { way: 'count, user', work: () => ask(user, countOf(visible)) },
          { way: 'count, superuser', work: () => ask(admin, `${countOf(table)} and tenant_id = $1`, [tenant.id]) },
          { way: 'first fifty, user', work: () => ask(user, list(visible)) },
          { way: 'first fifty, superuser', work: () => ask(admin, list(table, 'and tenant_id = $1'), [tenant.id]) },
          { way: 'search, one hit', work: () => ask(user, search(String(agents))) },
          { way: 'search, two words', work: () => ask(user, search('clinical protocol')) },
          { way: 'search, without a query', work: () => ask(user, 'select (app_public.search_catalog()).total_count') },
          { way: 'search, misspelt', work: () => ask(user, search('cliniccal protocll')) },
        ]
        const times = ways.map((): number[] => [])
        await withProgress('  asking', runs, async (bar) => {
          for (let i = -1; i < runs; i++) {
            for (const [w, { work }] of ways.entries()) {
              const ms = await work()
              if (i >= 0) times[w]?.push(ms)
            }
            if (i >= 0) bar.add(1)
          }
        })
        return {
          agents,
          runs,
          evaluations: initPlans(rows[0]?.['QUERY PLAN'][0].Plan),
          ways: ways.map(({ way }, w) => ({ way, ...percentilesOf(times[w] ?? []) })),
        }
      })
    }),
  )
}

function initPlans(node: Node | undefined): LargeResult['evaluations'] {
  if (!node) return []
  const own =
    node['Parent Relationship'] === 'InitPlan'
      ? [{ what: node.Output?.join(', ') ?? '', loops: node['Actual Loops'] }]
      : []
  return [...own, ...(node.Plans ?? []).flatMap(initPlans)]
}

// A list of fifty agents with tools, tags and rating: by a user through row level security, by a superuser with the tenant
// written into the same SQL, and over GraphQL. The three in turn, another one first each time, another tenant each time.

import type pg from 'pg'
import { type GraphQLServer, withGraphQL } from '../graphql.ts'
import { withProgress } from '../progress.ts'
import { mulberry32, pick } from '../random.ts'
import { withClient, withScratch } from '../scratch.ts'
import { type Percentiles, percentilesOf, readySession, timed } from '../timing.ts'
import { loadTenants, type Tenant } from './load.ts'

export type ListResult = {
  tenants: number
  agents: number
  runs: number
  ways: (Percentiles & { way: string })[]
  plan: string
}

/** Runs that are measured for each that warms up. */
const runsPerWarmUp = 5
const listed = 50

/** The same text twice: with the tenant written down where rows are read, and without, where policies say it. */
const listSql = (isWalled: boolean): string => {
  const own = (alias: string): string => (isWalled ? '' : `and ${alias}.tenant_id = $1`)
  return `
    select a.id, a.name, a.display_name, a.description, a.primary_category, a.status, a.rating, a.feedback_count,
           (select json_agg(json_build_object('id', t.id, 'name', t.name, 'type', t.tool_type) order by l.sort_order)
              from app_public.agent_tools l join app_public.tools t on t.id = l.tool_id and t.deleted_at is null ${own('t')}
             where l.agent_id = a.id and l.tenant_id = a.tenant_id ${own('l')}) as tools,
           (select json_agg(json_build_object('name', t.name, 'color', t.color) order by t.name)
              from app_public.tag_assignments g join app_public.tags t on t.tenant_id = g.tenant_id and t.id = g.tag_id ${own('t')}
             where g.item_type = 'agent' and g.item_id = a.id and g.tenant_id = a.tenant_id ${own('g')}) as tags
      from ${isWalled ? 'catalog.visible_agents()' : 'app_public.agents'} a
     where a.deleted_at is null ${own('a')}
     order by a.sort_order, a.name, a.id
     limit ${listed}`
}

const graphql = `{
  agents(first: ${listed}, orderBy: [SORT_ORDER_ASC, NAME_ASC]) {
    nodes {
      id name displayName description primaryCategory status rating feedbackCount
      agentTools(orderBy: SORT_ORDER_ASC) { nodes { tool { id name toolType } } }
      assignedTags { nodes { name color } }
    }
  }
}`

export async function becomeUser(client: pg.Client, tenant: Tenant): Promise<void> {
  await client.query(
    `select set_config('role', 'rowhouse_user', false), set_config('rowhouse.tenant_id', $1, false), set_config('rowhouse.user_id', $2, false)`,
    [tenant.id, tenant.userId],
  )
}

export async function measureList(
  serverUrl: string,
  tenants: number,
  perTenant: number,
  runs: number,
): Promise<ListResult> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      const loaded = await withProgress('  loading', tenants, (bar) => loadTenants(admin, tenants, perTenant, bar))
      await admin.query('vacuum analyze')
      await admin.query('checkpoint')
      return withClient(url, async (user) => {
        await readySession(admin)
        await readySession(user)
        return withGraphQL(url, async (server) => {
          const random = mulberry32(7)
          const ways: { way: string; ask: (tenant: Tenant) => Promise<number> }[] = [
            {
              way: 'user, through row level security',
              ask: async (tenant) => {
                await becomeUser(user, tenant)
                return timed(async () => check((await user.query(listSql(true))).rows))
              },
            },
            {
              way: 'superuser, the same SQL by hand',
              ask: (tenant) => timed(async () => check((await admin.query(listSql(false), [tenant.id])).rows)),
            },
            { way: 'GraphQL', ask: (tenant) => listOverHttp(server, tenant) },
          ]
          const times = ways.map((): number[] => [])
          const warmUps = Math.ceil(runs / runsPerWarmUp)
          await withProgress('  listing', warmUps + runs, async (bar) => {
            for (let i = 0; i < warmUps + runs; i++) {
              const tenant = pick(random, loaded)
              for (let turn = 0; turn < ways.length; turn++) {
                const w = (i + turn) % ways.length
                const ms = await (ways[w] as (typeof ways)[number]).ask(tenant)
                if (i >= warmUps) times[w]?.push(ms)
              }
              bar.add(1)
            }
          })
          await becomeUser(user, loaded[0] as Tenant)
          const { rows } = await user.query<{ 'QUERY PLAN': string }>(
            `explain (analyze, buffers, settings) ${listSql(true)}`,
          )
          return {
            tenants,
            agents: tenants * perTenant,
            runs,
            ways: ways.map(({ way }, w) => ({ way, ...percentilesOf(times[w] ?? []) })),
            plan: rows.map((row) => row['QUERY PLAN']).join('\n'),
          }
        })
      })
    }),
  )
}

/** Everyone must list the same: fifty agents, three tools and three tags each. */
function check(rows: { tools: unknown[]; tags: unknown[] }[]): void {
  if (rows.length !== listed || rows.some(({ tools, tags }) => tools?.length !== 3 || tags?.length !== 3))
    throw new Error(`The list is not as it must be: ${rows.length} rows, ${JSON.stringify(rows[0])}.`)
}

type ListedAgent = { agentTools: { nodes: unknown[] }; assignedTags: { nodes: unknown[] } }

async function listOverHttp({ tokenFor, ask }: GraphQLServer, { email }: Tenant): Promise<number> {
  const token = await tokenFor(email)
  return timed(async () => {
    const { agents } = (await ask(token, graphql)) as { agents: { nodes: ListedAgent[] } }
    check(agents.nodes.map(({ agentTools, assignedTags }) => ({ tools: agentTools.nodes, tags: assignedTags.nodes })))
  })
}

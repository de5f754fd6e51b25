// Demo data for an empty database: the platform tenant, and acme and globex with a member of each role, an agent, a
// small handbook and a week of events each, and in acme a workflow run, a panel, a conversation. Everything goes through the same
// functions that users, administrators and workers call.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { type Actor, asUser } from './database.ts'
import { seedDemoConversation } from './demo-conversation.ts'
import { seedDemoPanel } from './demo-panel.ts'
import { seedDemoRun } from './demo-run.ts'
import { seedDemoWeek } from './demo-week.ts'
import { parse } from './parsers/index.ts'

const directory = join(import.meta.dirname, '..', 'seeds')

export const demoTenants = [
  {
    slug: 'acme',
    name: 'Acme Medical',
    agent: { name: 'people-desk', description: 'Answers questions of employees from the handbook.' },
  },
  {
    slug: 'globex',
    name: 'Globex Energy',
    agent: { name: 'site-desk', description: 'Answers questions of site crews from the handbook.' },
  },
]
const roles = ['admin', 'member', 'viewer']
/** A tenant without a subscription has the plan free, which is too small to try things out with four people. */
const demoQuotas = { users: 100, agents: 1000, api_calls: 1_000_000 }

export async function seedDemo(url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  try {
    const { rows } = await pool.query<{ count: number }>(
      `select count(*)::int as count from app_public.tenants where type <> 'platform'`,
    )
    if (rows[0]?.count) return
    await pool.query('select tenancy.provision_tenant($1, $2, $3, $4, $5)', [
      'platform',
      'Platform',
      'owner@platform.test',
      'Platform Owner',
      'platform',
    ])
    await pool.query('select billing.seed_example_plans()')
    const staff = await operatorIdentity(pool, 'platform')
    for (const tenant of demoTenants) {
      await pool.query('select tenancy.provision_tenant($1, $2, $3, $4)', [
        tenant.slug,
        tenant.name,
        `owner@${tenant.slug}.test`,
        `Owner of ${tenant.name}`,
      ])
      const actor = await operatorIdentity(pool, tenant.slug)
      await asUser(pool, { ...staff, tenant_id: actor.tenant_id, role: 'rowhouse_admin' }, async (client) => {
        for (const [key, most] of Object.entries(demoQuotas)) {
          await client.query(
            `select app_public.override_entitlement('quota', $1, quota_limit => $2, reason => 'This is a demo tenant.')`,
            [key, most],
          )
        }
      })
      for (const role of roles) {
        await pool.query('select tenancy.provision_member($1, $2, $3, $4)', [
          actor.tenant_id,
          `${role}@${tenant.slug}.test`,
          `${role[0]?.toUpperCase()}${role.slice(1)} of ${tenant.name}`,
          role,
        ])
      }
      const agentId = await asUser(pool, actor, async (client) => {
        const agent = await client.query<{ id: string }>(
          `insert into app_public.agents (name, description, status) values ($1, $2, 'active') returning id`,
          [tenant.agent.name, tenant.agent.description],
        )
        const source = await client.query<{ id: string }>(
          `insert into app_public.rag_knowledge_sources (name, description) values ('Handbook', $1) returning id`,
          [`The handbook of ${tenant.name}.`],
        )
        await client.query('select app_public.create_documents($1, knowledge.new_documents($2))', [
          source.rows[0]?.id,
          JSON.stringify(await handbook(tenant.slug)),
        ])
        return agent.rows[0]?.id as string
      })
      await seedDemoWeek(pool, actor, agentId)
    }
    const [first] = demoTenants as [(typeof demoTenants)[number]]
    const member = await operatorIdentity(pool, first.slug, `member@${first.slug}.test`)
    await seedDemoRun(pool, member, await operatorIdentity(pool, first.slug))
    await seedDemoPanel(pool, member)
    await seedDemoConversation(pool, await operatorIdentity(pool, first.slug))
  } finally {
    await pool.end()
  }
}

async function handbook(tenant: string): Promise<object[]> {
  const files = (await readdir(join(directory, tenant))).sort()
  return Promise.all(
    files.map(async (name) => {
      const { title, text } = await parse({ name, bytes: await readFile(join(directory, tenant, name)) })
      return { externalId: name, title, text }
    }),
  )
}

/** Whom a command-line tool acts as: a member named by e-mail, or the tenant's first owner. */
export async function operatorIdentity(pool: pg.Pool, tenant: string, email?: string): Promise<Actor> {
  const { rows } = await pool.query<Actor>('select * from tenancy.operator_identity($1, $2)', [tenant, email ?? null])
  return rows[0] as Actor
}

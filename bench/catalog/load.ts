// Many tenants with a catalogue each, put in directly: a hundred agents, twenty tools and twenty tags a tenant, three
// tools and three tags an agent.

import type pg from 'pg'
import type { Progress } from '../progress.ts'

export type Tenant = { id: string; userId: string; email: string }

const words = `array['clinical','regulatory','safety','literature','quality','audit','trial','device','label','market',
  'review','report','risk','evidence','patient','protocol','summary','submission','signal','dose']`

/** Agents of a tenant, named and described by words that depend on their number alone. */
const insertAgents = `
  insert into app_public.agents (tenant_id, name, display_name, description, primary_category, therapeutic_areas, compliance_frameworks,
    tier, status, rating, feedback_count, usage_count, sort_order, system_prompt, tool_ids)
  select $1, format('%s-%s-%s', w[1 + i % 20], w[1 + i / 20 % 20], i), initcap(w[1 + i % 20] || ' ' || w[1 + i / 20 % 20]),
         'Helps with the ' || w[1 + i * 7 % 20] || ' of a ' || w[1 + i * 11 % 20] || ' and writes the ' || w[1 + i * 13 % 20] || ' that follows from it.',
         initcap(w[1 + i % 5]), array[initcap(w[1 + i % 7])], array['Framework ' || i % 9], 1 + i % 3, 'active', 1 + i % 5, i % 50, i % 1000, i % 10,
         repeat('You are careful and say what you do not know. ', 20), '{}'
    from generate_series(1, $2::int) i, (select ${words}) as words (w)`

export async function loadTenants(client: pg.Client, count: number, agents: number, bar: Progress): Promise<Tenant[]> {
  const tenants: Tenant[] = []
  // what triggers would keep is filled in; what they would check is right
  await client.query('set session_replication_role = replica')
  for (let i = 0; i < count; i++) {
    const email = `owner${i}@bench.test`
    await client.query('set session_replication_role = origin')
    await client.query('select tenancy.provision_tenant($1, $1, $2)', [`tenant-${i}`, email])
    const { rows } = await client.query<{ id: string; userId: string }>(
      `select t.id, m.user_id as "userId" from app_public.tenants t join app_public.user_tenants m on m.tenant_id = t.id where t.slug = $1`,
      [`tenant-${i}`],
    )
    const tenant = rows[0] as { id: string; userId: string }
    await client.query('set session_replication_role = replica')
    const { id } = tenant
    await client.query(insertAgents, [id, agents])
    await client.query(
      `insert into app_public.tools (tenant_id, name, tool_type, category)
       select $1, w[i] || '-tool', 'function', initcap(w[1 + i % 5]) from generate_series(1, 20) i, (select ${words}) as words (w)`,
      [id],
    )
    await client.query(
      `insert into app_public.tags (tenant_id, name, slug)
       select $1, initcap(w[i]), w[i] from generate_series(1, 20) i, (select ${words}) as words (w)`,
      [id],
    )
    await client.query(
      `with agents as (select id, row_number() over (order by name) as n from app_public.agents where tenant_id = $1),
            tools as (select id, row_number() over (order by name) as n from app_public.tools where tenant_id = $1)
       insert into app_public.agent_tools (tenant_id, agent_id, tool_id, sort_order)
       select $1, a.id, t.id, k from agents a cross join generate_series(0, 2) k join tools t on t.n = 1 + (a.n * 3 + k) % 20`,
      [id],
    )
    await client.query(
      `with agents as (select id, row_number() over (order by name) as n from app_public.agents where tenant_id = $1),
            tags as (select id, row_number() over (order by name) as n from app_public.tags where tenant_id = $1)
       insert into app_public.tag_assignments (tenant_id, item_type, item_id, tag_id)
       select $1, 'agent', a.id, t.id from agents a cross join generate_series(0, 2) k join tags t on t.n = 1 + (a.n * 7 + k) % 20`,
      [id],
    )
    tenants.push({ ...tenant, email })
    bar.add(1)
  }
  await client.query('reset session_replication_role')
  return tenants
}

/** One tenant with very many agents and nothing else. */
export async function loadLargeTenant(client: pg.Client, agents: number, bar: Progress): Promise<Tenant> {
  const [tenant] = await loadTenants(client, 1, 1, { add: () => {} })
  if (!tenant) throw new Error('There is no tenant.')
  await client.query('set session_replication_role = replica')
  await client.query('delete from app_public.agents where tenant_id = $1', [tenant.id])
  await client.query(insertAgents, [tenant.id, agents])
  await client.query('reset session_replication_role')
  bar.add(agents)
  return tenant
}

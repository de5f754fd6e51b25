// Three tenants with the same catalogue and knowledge, but for a mark in every name and text that says whose it is.

import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { withClient } from '../scratch.ts'

export type Tenant = { slug: string; email: string; mark: string; sourceId: string; agentIds: string[] }

export const slugs = ['quiet-one', 'quiet-two', 'loud'] as const
const documents = 200
const longestWaitMs = 300_000
const words = ['valve', 'pump', 'filter', 'sensor', 'motor', 'cable', 'housing', 'gauge', 'seal', 'switch']

export const markOf = (slug: string): string => `markof${slug.replace('-', '')}`

/** Words of a text are its number's alone. */
export const textOf = (mark: string, number: number, sentences: number): string =>
  Array.from({ length: sentences }, (_, i) => {
    const [one, two] = [words[(number + i) % words.length], words[(number * 3 + i * 7) % words.length]]
    return `The ${one} of ${mark} is checked before the ${two} number ${number}.`
  }).join(' ')

export async function createTenants(databaseUrl: string, agents: number): Promise<Tenant[]> {
  return withClient(databaseUrl, async (client) => {
    const tenants: Tenant[] = []
    for (const slug of slugs) tenants.push(await createTenant(client, slug, agents))
    return tenants
  })
}

async function createTenant(client: pg.Client, slug: string, agents: number): Promise<Tenant> {
  const mark = markOf(slug)
  const email = `owner@${slug}.test`
  await client.query('select tenancy.provision_tenant($1, $1, $2)', [slug, email])
  const { id, userId } = await ownerOf(client, slug)
  const { rows: inserted } = await client.query<{ id: string }>(
    `insert into app_public.agents (tenant_id, name, description, system_prompt)
     select $1, $2 || ' agent ' || i, 'Helps ' || $2, repeat('You are careful. ', 30) from generate_series(1, $3::int) i returning id`,
    [id, mark, agents],
  )
  await client.query('begin')
  await client.query(
    `select set_config('role', 'rowhouse_user', true), set_config('rowhouse.tenant_id', $1, true), set_config('rowhouse.user_id', $2, true)`,
    [id, userId],
  )
  const { rows: sources } = await client.query<{ id: string }>(
    'insert into app_public.rag_knowledge_sources (name) values ($1) returning id',
    [mark],
  )
  const sourceId = sources[0]?.id as string
  await client.query('select app_public.create_documents($1, knowledge.new_documents($2))', [
    sourceId,
    JSON.stringify(
      Array.from({ length: documents }, (_, i) => ({
        externalId: `d${i}`,
        title: `${mark} ${i}`,
        text: textOf(mark, i, 10),
      })),
    ),
  ])
  await client.query('commit')
  return { slug, email, mark, sourceId, agentIds: inserted.map((row) => row.id) }
}

async function ownerOf(client: pg.Client, slug: string): Promise<{ id: string; userId: string }> {
  const { rows } = await client.query<{ id: string; userId: string }>(
    `select t.id, m.user_id as "userId" from app_public.tenants t join app_public.user_tenants m on m.tenant_id = t.id where t.slug = $1`,
    [slug],
  )
  return rows[0] as { id: string; userId: string }
}

/** Until the worker has made everything searchable that was put in. */
export async function untilProcessed(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    for (const deadline = Date.now() + longestWaitMs; Date.now() < deadline; await sleep(250)) {
      const { rows } = await client.query(
        `select from app_public.documents where processing_status <> 'completed' limit 1`,
      )
      if (rows.length === 0) return
    }
    throw new Error('The documents are not processed.')
  })
}

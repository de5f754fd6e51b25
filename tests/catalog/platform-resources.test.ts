// What every installation starts with: it is complete, it can be used, and doing it again changes nothing.

import { beforeAll, describe, expect, it } from 'vitest'
import { seedPlatform } from '../../server/platform-resources.ts'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
let added: number
beforeAll(async () => {
  added = await seedPlatform(db.url)
})

const tables = ['tools', 'prompts', 'workflows', 'rag_knowledge_sources', 'agents']
const ofPlatform = `resource_type = 'platform' and sharing_mode = 'platform'`

describe('the platform’s resources', () => {
  it('are six tools, prompts, workflows and knowledge sources, and four agents, shared with all', async () => {
    const counts = await Promise.all(
      tables.map(async (table) => {
        const { rows } = await db.pool.query(
          `select count(*)::int as count from app_public.${table} where ${ofPlatform}`,
        )
        return [table, rows[0].count]
      }),
    )
    expect(counts).toEqual([
      ['tools', 6],
      ['prompts', 6],
      ['workflows', 6],
      ['rag_knowledge_sources', 6],
      ['agents', 4],
    ])
    expect(added).toBe(28 + 9 + 9)
  })

  it('are not added twice, and what staff changed or deleted stays so', async () => {
    await db.pool.query(`update app_public.tools set description = 'Ours.' where name = 'pubmed-search'`)
    await db.pool.query(`update app_public.prompts set deleted_at = now() where name = 'adverse-event-report'`)
    expect(await seedPlatform(db.url)).toBe(0)
    const { rows } = await db.pool.query(
      `select (select description from app_public.tools where name = 'pubmed-search') as description,
              (select count(*)::int from app_public.prompts where ${ofPlatform} and deleted_at is null) as prompts`,
    )
    expect(rows).toEqual([{ description: 'Ours.', prompts: 5 }])
    await db.pool.query(`update app_public.prompts set deleted_at = null where name = 'adverse-event-report'`)
  })

  it('can be used: tools with an address and schemas, agents with their tools, prompts that render', async () => {
    const { rows } = await db.pool.query(
      `select count(*) filter (where endpoint_url ~ '^https://' and request_schema ? 'properties' and response_schema ? 'type')::int as tools from app_public.tools where ${ofPlatform}`,
    )
    expect(rows).toEqual([{ tools: 6 }])
    const agents = await db.pool.query(
      `select min(cardinality(tool_ids)) as least from app_public.agents where ${ofPlatform}`,
    )
    expect(agents.rows).toEqual([{ least: 1 }])
    await db.inTransaction(async (t) => {
      const prompt = await t.value(`select id from app_public.prompts where name = 'medical-device-classification'`)
      await t.become(db.platform.member)
      const rendered = await t.value<string>(
        `select app_public.render_prompt($1, '{"device_description": "A pump", "intended_purpose": "Insulin", "body_contact": "none"}')::text`,
        [prompt],
      )
      expect(rendered).toContain('Device: A pump')
      expect(rendered).toContain('Software: no software')
      expect(rendered).not.toContain('{{')
    })
  })

  it('have the tenant that runs the installation, also before it has an owner', async () => {
    await db.inTransaction(async (t) => {
      // as it is before anybody is provisioned
      await t.query(`set local session_replication_role = replica`)
      await t.query(`delete from app_public.user_tenants where tenant_id = $1`, [db.platform.id])
      await t.query(`set local session_replication_role = origin`)
      const owned = await t.value(
        `select id from tenancy.provision_tenant('operations', 'Operations', 'first@operations.test', null, 'platform')`,
      )
      expect(owned).toBe(db.platform.id)
      expect(
        await t.errorCode(
          `select tenancy.provision_tenant('second', 'Second', 'second@operations.test', null, 'platform')`,
        ),
      ).toBe('23505')
    })
  })
})

it('models have dimensions where they make vectors, and belong to the provider that has them', async () => {
  const { rows } = await db.pool.query(
    `select p.name as provider, count(*)::int as models, count(m.dimension)::int as embedding
       from app_public.llm_models m join app_public.llm_providers p on p.id = m.provider_id
      where p.name <> 'builtin' group by 1 order by 1`,
  )
  expect(rows).toEqual([
    { provider: 'anthropic', models: 3, embedding: 0 },
    { provider: 'openai', models: 6, embedding: 2 },
  ])
})

it('models have their list price, by the million tokens, from the day it held', async () => {
  const { rows } = await db.pool.query(
    `select m.name, p.input_usd_per_million as input, p.cached_input_usd_per_million as cached,
            p.output_usd_per_million as output, p.reasoning_usd_per_million as reasoning
       from app_public.llm_model_prices p join app_public.llm_models m on m.id = p.model_id
      where m.name in ('gpt-4o-mini', 'text-embedding-3-small') order by 1`,
  )
  expect(rows).toEqual([
    { name: 'gpt-4o-mini', input: '0.15', cached: '0.075', output: '0.60', reasoning: '0.60' },
    { name: 'text-embedding-3-small', input: '0.02', cached: '0.02', output: '0', reasoning: '0' },
  ])
})

// What a recipient does with what is shared: uses it in its own things, copies it, and how the database finds it.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { createResource, createWorld, sees, share, type World } from './sharing-world.ts'

const db = useDatabase()
let world: World
let member: Person
const inWorld = (work: (t: Transaction) => Promise<void>) => (): Promise<void> =>
  db.inTransaction(async (t) => {
    world = await createWorld(db, t)
    member = world.relations['a member of a granted tenant']?.person as Person
    await work(t)
  })
const row = async (t: Transaction, table: string, id: string) =>
  (await t.query(`select * from app_public.${table} where id = $1`, [id]))[0]

describe('what is shared is used', () => {
  it(
    'by rendering a prompt',
    inWorld(async (t) => {
      const prompt = await createResource(t, 'prompt', db.acme.member)
      const render = `select (app_public.render_prompt('${prompt}', '{"word": "yes"}')).prompt`
      await t.become(member)
      expect(await t.errorCode(render)).toBe('RS301')
      await share(t, db.acme.admin, 'prompt', prompt, 'granted')
      await t.become(member)
      expect(await t.value(render)).toBe('Say yes.')
    }),
  )

  it(
    'in own agents, workflows and tags, for as long as it is shared',
    inWorld(async (t) => {
      const [tool, source, agent] = [
        await createResource(t, 'tool', db.acme.member),
        await createResource(t, 'knowledge_source', db.acme.member),
        await createResource(t, 'agent', db.acme.member),
      ]
      const own = await createResource(t, 'agent', member, 'own')
      await t.query(`insert into app_public.tags (name, slug) values ('Good', 'good')`)
      const uses = [
        `select app_public.set_agent_tools('${own}', array['${tool}']::uuid[])`,
        `insert into app_public.agent_knowledge_sources (agent_id, source_id) values ('${own}', '${source}')`,
        `insert into app_public.workflows (name, workflow_definition)
         values ('w', '{"nodes": [{"id": "a", "type": "agent", "agent_id": "${agent}"}], "edges": []}')`,
        `insert into app_public.tag_assignments (item_type, item_id, tag_id) select 'agent', '${agent}', id from app_public.tags`,
      ]
      for (const use of uses)
        expect([use, await t.errorCode(use)]).toEqual([use, use.includes('workflows') ? 'RS434' : 'RS301'])
      await share(t, db.acme.admin, 'tool', tool, 'granted')
      await share(t, db.acme.admin, 'knowledge_source', source, 'granted')
      await share(t, db.acme.admin, 'agent', agent, 'granted')
      await t.become(member)
      for (const use of uses) expect([use, await t.errorCode(use)]).toEqual([use, undefined])
      // the reference stays, and leads nowhere
      await t.become(db.acme.admin)
      await t.query(`select app_public.revoke_shares('tool', $1)`, [tool])
      expect(await sees(t, { person: member }, 'tool', tool)).toBe(false)
      expect((await row(t, 'agents', own))?.tool_ids).toEqual([tool])
    }),
  )
})

describe('a copy', () => {
  it(
    'is a private one of the tenant, with what was authored and nothing that was earned or belongs to its owner',
    inWorld(async (t) => {
      const agent = await createResource(t, 'agent', db.acme.member)
      await t.becomeSuperuser()
      await t.query(
        `with d as (insert into app_public.departments (tenant_id, name) values ($2, 'D') returning id)
         update app_public.agents set department_id = d.id, usage_count = 7, rating = 5, version = '3.1.0', changelog = 'c',
           billing_code = 'B', specialty = 'hearts', therapeutic_areas = '{cardiology}', metadata = '{"a": 1}'
           from d where agents.id = $1`,
        [agent, db.acme.id],
      )
      await share(t, db.acme.admin, 'agent', agent, 'granted')
      const original = await row(t, 'agents', agent)
      await t.become(member)
      const [copy] = await t.query('select * from app_public.copy_agent($1)', [agent])
      expect(copy).toMatchObject({
        tenant_id: member.tenantId,
        name: 'the agent',
        copied_from_id: agent,
        owner_id: member.userId,
        sharing_mode: 'private',
        status: 'active',
        system_prompt: 'Be brief.',
        specialty: 'hearts',
        therapeutic_areas: ['cardiology'],
        metadata: { a: 1 },
        usage_count: '0',
        rating: null,
        version: '1.0.0',
        changelog: null,
        billing_code: null,
        department_id: null,
      })
      expect(await row(t, 'agents', agent)).toEqual(original)
      await t.become(db.acme.admin)
      await t.query(`select app_public.revoke_shares('agent', $1)`, [agent])
      expect(await sees(t, { person: member }, 'agent', copy?.id)).toBe(true)
      expect(await sees(t, { person: db.acme.owner }, 'agent', copy?.id)).toBe(false)
    }),
  )

  it(
    'of an agent has the tools and sources the tenant may use, and the owner’s settings of them only at home',
    inWorld(async (t) => {
      const agent = await createResource(t, 'agent', db.acme.member)
      const [tool, hidden] = [
        await createResource(t, 'tool', db.acme.member),
        await createResource(t, 'tool', db.acme.member, 'hidden'),
      ]
      const [source, secret] = [
        await createResource(t, 'knowledge_source', db.acme.member),
        await createResource(t, 'knowledge_source', db.acme.member, 'secret'),
      ]
      await t.query(`select app_public.set_agent_tools($1, $2)`, [agent, [hidden, tool]])
      await t.query(`update app_public.agent_tools set config = '{"depth": 2}'`)
      await t.query(
        `insert into app_public.agent_knowledge_sources (agent_id, source_id) select $1, unnest($2::uuid[])`,
        [agent, [source, secret]],
      )
      await share(t, db.acme.admin, 'agent', agent, 'granted')
      await share(t, db.acme.admin, 'tool', tool, 'granted')
      await share(t, db.acme.admin, 'knowledge_source', source, 'granted')
      for (const [person, tools, config, sources] of [
        [member, [tool], {}, [source]],
        [db.acme.member, [hidden, tool], { depth: 2 }, [source, secret]],
      ] as const) {
        await t.become(person)
        const id = await t.value('select id from app_public.copy_agent($1)', [agent])
        expect((await row(t, 'agents', id as string))?.tool_ids).toEqual(tools)
        const settings = await t.query('select distinct config from app_public.agent_tools where agent_id = $1', [id])
        expect(settings).toEqual([{ config }])
        expect(
          await t.value(
            'select array_agg(source_id order by source_id) from app_public.agent_knowledge_sources where agent_id = $1',
            [id],
          ),
        ).toEqual([...sources].sort())
      }
    }),
  )

  it(
    'gets a free name, or the one that is asked for',
    inWorld(async (t) => {
      for (const kind of ['tool', 'prompt', 'workflow'] as const) {
        const id = await createResource(t, kind, db.acme.member)
        await share(t, db.acme.admin, kind, id, 'granted')
        await t.become(member)
        const copy = (name?: string) => t.value(`select name from app_public.copy_${kind}($1, $2)`, [id, name ?? null])
        expect([await copy(), await copy(), await copy(), await copy('mine')]).toEqual([
          `the ${kind}`,
          `the ${kind} (copy)`,
          `the ${kind} (copy 2)`,
          'mine',
        ])
        expect(await t.errorCode(`select app_public.copy_${kind}('${id}', 'mine')`)).toBe('RS520')
        expect(await t.errorCode(`select app_public.copy_${kind}('${id}', ' ')`)).toBe('23514')
        expect(await t.errorCode(`select app_public.copy_${kind}(null)`)).toBe('RS301')
        expect(await t.errorCode(`select app_public.copy_${kind}('${id}', repeat('x', 256))`)).toBe('23514')
      }
    }),
  )

  it(
    'of a workflow needs what it refers to',
    inWorld(async (t) => {
      const agent = await createResource(t, 'agent', db.acme.member)
      const workflow = await t.value<string>(
        `insert into app_public.workflows (name, workflow_definition)
         values ('w', jsonb_build_object('edges', '[]'::jsonb, 'nodes', jsonb_build_array(
           jsonb_build_object('id', 'a', 'type', 'agent', 'agent_id', $1::text)))) returning id`,
        [agent],
      )
      await share(t, db.acme.admin, 'workflow', workflow, 'granted')
      await t.become(member)
      expect(await t.errorCode(`select app_public.copy_workflow('${workflow}')`)).toBe('RS434')
      await share(t, db.acme.admin, 'agent', agent, 'granted')
      await t.become(member)
      expect(await t.value('select agent_ids from app_public.copy_workflow($1)', [workflow])).toEqual([agent])
    }),
  )

  it('takes over every column that is not named as one to leave', async () => {
    await db.inTransaction(async (t) => {
      const columns = await t.query<{ name: string }>(`
        select c as name from unnest(catalog.uncopied_columns() || catalog.columns_of_the_tenant()) c
         where not exists (
           select from pg_attribute a, unnest(enum_range(null::app_public.resource_kind)) k
            where a.attrelid = catalog.resource_table(k) and a.attname = c)`)
      expect(columns).toEqual([])
    })
  })
})

it('asks what is shared once a query, and reads it by indexes', async () => {
  await db.inTransaction(async (t) => {
    await t.becomeSuperuser()
    await t.query(
      `insert into app_public.tenants (slug, name) select 't' || i, 't' || i from generate_series(1, 100) i`,
    )
    await t.query(`
      insert into app_public.agents (tenant_id, name, status, sharing_mode)
      select t.id, 'a' || i, 'active', case when i = 1 and t.slug like 't%0' then 'platform' else 'private' end
        from app_public.tenants t, generate_series(1, 50) i`)
    await t.query('analyze app_public.agents, app_public.resource_shares')
    await t.become(db.acme.viewer)
    const explain = async (query: string) =>
      JSON.stringify(await t.query(`explain (analyze, costs off, timing off, summary off, format json) ${query}`))
    const list = await explain('select * from app_public.agents order by sort_order, name limit 50')
    expect(list).toContain('BitmapOr')
    expect(list).not.toContain('Seq Scan')
    const loops = [...list.matchAll(/"Subplan Name":"InitPlan[^}]*?"Actual Loops":(\d+)/g)].map(([, n]) => Number(n))
    expect(loops.length).toBeGreaterThanOrEqual(2)
    expect(Math.max(...loops)).toBe(1)
    // one's own row by its id does not even ask
    const [{ id }] = (await t.query('select id from app_public.agents where tenant_id = $1 limit 1', [db.acme.id])) as [
      { id: string },
    ]
    const one = await explain(`select * from app_public.agents where id = '${id}'`)
    expect(one).toContain('agents_pkey')
    expect(one).toContain('"Actual Loops":0')
  })
})

// Agents: settings their model takes, tools in a join table and an array, what is kept from elsewhere.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { create, failure, find, insertOf } from './helpers.ts'

const db = useDatabase()

async function addModel(t: Transaction, columns: Record<string, unknown> = {}): Promise<string> {
  await t.becomeSuperuser()
  const row = { name: crypto.randomUUID(), kind: 'chat', provider_model_name: 'm', ...columns }
  const names = Object.keys(row)
  return t.value(
    `insert into app_public.llm_models (provider_id, ${names}) select id, ${names.map((_, i) => `$${i + 1}`)}
       from app_public.llm_providers where name = 'builtin' returning id`,
    Object.values(row),
  )
}

describe('settings', () => {
  it.each([
    [{ temperature: 2.01 }],
    [{ temperature: -0.01 }],
    [{ temperature: 'NaN' }],
    [{ top_p: 1.01 }],
    [{ frequency_penalty: -2.01 }],
    [{ presence_penalty: 2.01 }],
    [{ max_tokens: 0 }],
    [{ response_format: 'xml' }],
    [{ tier: 4 }],
    [{ status: 'gone' }],
    [{ stop_sequences: Array(17).fill('x') }],
    [{ timeout_seconds: 0 }],
    [{ cost_per_query: 'Infinity' }],
    [{ version: '1.0' }],
    [{ metadata: [] }],
  ])('out of the providers’ ranges are refused: %j', (columns) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(['23514', '22P02', '22003']).toContain(await t.errorCode(...insertOf('agent', columns)))
    }),
  )

  it('beyond what the model takes are refused by name', () =>
    db.inTransaction(async (t) => {
      const model_id = await addModel(t, {
        max_temperature: 1,
        max_output_tokens: 4096,
        context_window_size: 8000,
        supports_function_calling: false,
      })
      const settings = { temperature: 1.5, max_tokens: 5000, context_window_size: 9000, function_calling_enabled: true }
      await t.become(db.acme.member)
      const refused = await failure(t, ...insertOf('agent', { model_id, ...settings }))
      expect(refused?.code).toBe('RS422')
      for (const name of ['temperature', 'max_tokens', 'context_window_size', 'functions'])
        expect(refused?.message).toContain(name)
      const id = await create(t, db.acme.member, 'agent', { model_id, temperature: 1, max_tokens: 4096 })
      expect(await t.errorCode('update app_public.agents set temperature = 1.1 where id = $1', [id])).toBe('RS422')
      expect(
        await t.errorCode(
          `insert into app_public.model_configurations (name, model_id, temperature) values ('hot', $1, 1.1)`,
          [model_id],
        ),
      ).toBe('RS422')
    }))

  it('need a model that answers', () =>
    db.inTransaction(async (t) => {
      const model_id = await t.value(`select id from app_public.llm_models where kind = 'embedding'`)
      await t.become(db.acme.member)
      expect(await t.errorCode(...insertOf('agent', { model_id }))).toBe('RS421')
    }))

  const keep = `insert into app_public.model_configurations (name, model_id, is_default) values ($1, $2, true)`

  it('can be kept under a name, which a viewer only reads', () =>
    db.inTransaction(async (t) => {
      const model = await addModel(t)
      await t.become(db.acme.member)
      await t.query(keep, ['careful', model])
      await t.become(db.acme.viewer)
      expect(await t.errorCode(keep, ['mine', model])).toBe('42501')
      expect(await t.value('select count(*)::int from app_public.model_configurations')).toBe(1)
    }))

  it('that are kept have one default of the tenant', () =>
    db.inTransaction(async (t) => {
      const model = await addModel(t)
      await t.become(db.acme.member)
      await t.query(keep, ['careful', model])
      expect(await t.errorCode(keep, ['bold', model])).toBe('23505')
    }))
})

describe('what is kept', () => {
  it('from logs, ratings, shares and versions is written by nobody', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.owner, 'agent')
      for (const column of [
        ...['usage_count', 'success_rate', 'rating', 'feedback_count', 'error_count', 'last_error_at', 'tool_ids'],
        ...['performance_score', 'sharing_mode', 'resource_type', 'copied_from_id', 'previous_version_id'],
        ...['is_latest_version', 'published_at', 'activated_at', 'deleted_at', 'tenant_id', 'created_at'],
      ]) {
        expect([
          column,
          await t.errorCode(`update app_public.agents set ${column} = default where id = $1`, [id]),
        ]).toEqual([column, '42501'])
      }
    }))

  it('activated_at and deactivated_at follow status and switch', () =>
    db.inTransaction(async (t) => {
      for (const [kind, table, toggle] of [
        ['agent', 'agents', 'is_active'],
        ['tool', 'tools', 'enabled'],
      ] as const) {
        const id = await create(t, db.acme.member, kind, { status: 'draft' })
        expect(await find(t, kind, id)).toMatchObject({ activated_at: null, deactivated_at: null })
        await t.query(`update app_public.${table} set status = 'active' where id = $1`, [id])
        expect(await find(t, kind, id)).toMatchObject({ activated_at: expect.any(Date), deactivated_at: null })
        await t.query(`update app_public.${table} set status = 'deprecated' where id = $1`, [id])
        expect(await find(t, kind, id)).toMatchObject({ deactivated_at: null })
        await t.query(`update app_public.${table} set ${toggle} = false where id = $1`, [id])
        expect(await find(t, kind, id)).toMatchObject({ deactivated_at: expect.any(Date) })
      }
    }))

  it('does not count as a change of the agent: updated_at stays', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'agent')
      const before = (await find(t, 'agent', id))?.updated_at
      await t.becomeSuperuser()
      await t.query('update app_public.agents set usage_count = 5, rating = 4 where id = $1', [id])
      expect((await find(t, 'agent', id))?.updated_at).toEqual(before)
      await t.become(db.acme.member)
      await t.query(`update app_public.agents set description = 'x' where id = $1`, [id])
      expect((await find(t, 'agent', id))?.updated_at).not.toEqual(before)
    }))
})

describe('tools of an agent', () => {
  const toolIds = async (t: Transaction, id: string) => (await find(t, 'agent', id))?.tool_ids

  it('are rows of agent_tools, and an array in their order on the agent', () =>
    db.inTransaction(async (t) => {
      const agent = await create(t, db.acme.member, 'agent')
      const [a, b, c] = [
        await create(t, db.acme.member, 'tool'),
        await create(t, db.acme.member, 'tool'),
        await create(t, db.acme.member, 'tool'),
      ]
      expect(await toolIds(t, agent)).toEqual([])
      await t.query(
        'insert into app_public.agent_tools (agent_id, tool_id, sort_order) values ($1, $2, 2), ($1, $3, 1)',
        [agent, a, b],
      )
      expect(await toolIds(t, agent)).toEqual([b, a])
      await t.query('update app_public.agent_tools set sort_order = 3 where tool_id = $1', [b])
      expect(await toolIds(t, agent)).toEqual([a, b])
      await t.query('update app_public.agent_tools set config = $1 where tool_id = $2', [{ limit: 3 }, a])
      await t.query('select app_public.set_agent_tools($1, $2)', [agent, [c, a]])
      expect(await toolIds(t, agent)).toEqual([c, a])
      expect(await t.value('select config from app_public.agent_tools where tool_id = $1', [a])).toEqual({ limit: 3 })
      await t.query('delete from app_public.agent_tools where agent_id = $1', [agent])
      expect(await toolIds(t, agent)).toEqual([])
      await t.query(`select app_public.set_agent_tools($1, '{}')`, [agent])
    }))

  it('that one does not see are refused with one error, whoever’s they are', () =>
    db.inTransaction(async (t) => {
      const foreign = await create(t, db.globex.member, 'tool')
      const deleted = await create(t, db.acme.admin, 'tool')
      await t.query('select app_public.delete_tool($1)', [deleted])
      const agent = await create(t, db.acme.member, 'agent')
      const failures = []
      for (const tool of [foreign, deleted, crypto.randomUUID()]) {
        failures.push(
          await failure(t, 'insert into app_public.agent_tools (agent_id, tool_id) values ($1, $2)', [agent, tool]),
        )
        expect((await failure(t, 'select app_public.set_agent_tools($1, array[$2::uuid])', [agent, tool]))?.code).toBe(
          'RS301',
        )
      }
      expect(failures).toEqual(Array(3).fill({ code: 'RS301', message: failures[0]?.message }))
    }))

  it('are set by who may edit agents, each once, up to a hundred', () =>
    db.inTransaction(async (t) => {
      const agent = await create(t, db.acme.member, 'agent')
      const tool = await create(t, db.acme.member, 'tool')
      const set = 'select app_public.set_agent_tools($1, $2)'
      for (const ids of [null, [tool, tool], [tool, null], Array.from({ length: 101 }, () => crypto.randomUUID())])
        expect(await t.errorCode(set, [agent, ids])).toBe('RS428')
      expect(await t.errorCode(set, [crypto.randomUUID(), [tool]])).toBe('RS301')
      await t.become(db.acme.viewer)
      expect(await t.errorCode(set, [agent, [tool]])).toBe('ID203')
      expect(
        await t.errorCode('insert into app_public.agent_tools (agent_id, tool_id) values ($1, $2)', [agent, tool]),
      ).toBe('42501')
    }))

  it('hold no secret in what is configured of them', () =>
    db.inTransaction(async (t) => {
      const agent = await create(t, db.acme.member, 'agent')
      const tool = await create(t, db.acme.member, 'tool')
      const refused = await failure(
        t,
        `insert into app_public.agent_tools (agent_id, tool_id, config) values ($1, $2, $3)`,
        [agent, tool, { call: [{ apiKey: 's3cret' }] }],
      )
      expect(refused).toMatchObject({ code: 'RS427', message: expect.stringContaining('call.0.apiKey') })
      expect(refused?.message).not.toContain('s3cret')
      expect(await t.errorCode(...insertOf('agent', { tools: [{ name: 'x', config: { password: 'y' } }] }))).toBe(
        'RS427',
      )
      expect(await t.errorCode(...insertOf('knowledge_source', { source_config: { access_token: 'y' } }))).toBe('RS427')
      expect(
        await t.errorCode(
          ...insertOf('knowledge_source', { source_config: { secret_name: 'notion', primary_key: 'id' } }),
        ),
      ).toBeUndefined()
    }))
})

describe('where an agent belongs', () => {
  describe.each([
    ['departments', 'department_id'],
    ['business_functions', 'business_function_id'],
    ['organizational_roles', 'role_id'],
  ])('of %s', (table, column) => {
    const insert = `insert into app_public.${table} (name) values ('x') returning id`

    it('is one of its own tenant', () =>
      db.inTransaction(async (t) => {
        await t.become(db.globex.admin)
        const foreign = await t.value(insert)
        await t.become(db.acme.admin)
        expect(await t.errorCode(...insertOf('agent', { [column]: foreign }))).toBe('23503')
      }))

    it('is made by those who may manage settings', () =>
      db.inTransaction(async (t) => {
        await t.become(db.acme.member)
        expect(await t.errorCode(insert)).toBe('42501')
        await t.become(db.acme.admin)
        expect(await t.errorCode(insert)).toBeUndefined()
      }))

    it('leaves the agent when it goes', () =>
      db.inTransaction(async (t) => {
        await t.become(db.acme.admin)
        const own = await t.value(insert)
        const id = await create(t, db.acme.admin, 'agent', { [column]: own })
        await t.query(`delete from app_public.${table} where id = $1`, [own])
        expect(await find(t, 'agent', id)).toMatchObject({ [column]: null, tenant_id: db.acme.id })
      }))
  })

  it('is also the personas and industries it is good for, one of each the main one', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'agent')
      const persona = await t.value(
        `insert into app_public.personas (name, goals) values ('Medical writer', '{speed}') returning id`,
      )
      await t.query(
        `insert into app_public.agent_persona_mapping (agent_id, persona_id, relevance_score, is_primary) values ($1, $2, 0.9, true)`,
        [id, persona],
      )
      const industry = `insert into app_public.agent_industry_mapping (agent_id, industry, relevance_score, performance_score, is_primary) values ($1, $2, $3, 88.5, true)`
      await t.query(industry, [id, 'medical-devices', 1])
      expect(await t.errorCode(industry, [id, 'biotech', 1])).toBe('23505')
      expect(await t.errorCode(industry, [id, 'Not a slug', 1])).toBe('23514')
      expect(await t.errorCode(industry, [id, 'pharma', 1.5])).toBe('23514')
      await t.become(db.globex.member)
      expect(await t.errorCode(industry, [id, 'biotech', 1])).toBe('23503')
    }))
})

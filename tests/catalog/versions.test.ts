// Versions: publishing keeps what was authored, rolling back publishes it once more, and no version ever changes.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
const createAgent = (t: Transaction, name = 'writer'): Promise<string> =>
  t.value(`insert into app_public.agents (name, system_prompt) values ($1, 'Be brief.') returning id`, [name])
const publish = `select version from app_public.publish_agent($1, $2, $3)`
const rollback = `select version from app_public.rollback_agent($1, $2)`

const asAdmin = (work: (t: Transaction, agent: string) => Promise<void>) => () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.admin)
    await work(t, await createAgent(t))
  })
const edit = (t: Transaction, agent: string, prompt: string): Promise<unknown> =>
  t.query(`update app_public.agents set system_prompt = $2 where id = $1`, [agent, prompt])

describe('publishing', () => {
  it(
    'gives the first version the number of the agent, and later ones the next patch',
    asAdmin(async (t, agent) => {
      expect(await t.value(publish, [agent, 'First.', null])).toBe('1.0.0')
      await edit(t, agent, 'Be exact.')
      expect(await t.value(publish, [agent, 'Better.', null])).toBe('1.0.1')
      await edit(t, agent, 'Be kind.')
      expect(await t.value(publish, [agent, null, '2.0.0-beta.2'])).toBe('2.0.0-beta.2')
      await edit(t, agent, 'Be kind and brief.')
      expect(await t.value(publish, [agent, null, null])).toBe('2.0.0')
    }),
  )

  it(
    'makes versions of what was authored, of which the last is the latest',
    asAdmin(async (t, agent) => {
      await t.value(publish, [agent, 'First.', null])
      await edit(t, agent, 'Be exact.')
      await t.value(publish, [agent, 'Better.', null])
      await edit(t, agent, 'Be kind.')
      await t.value(publish, [agent, null, '2.0.0-beta.2'])
      await edit(t, agent, 'Be kind and brief.')
      await t.value(publish, [agent, null, null])
      const versions = await t.query(
        `select v.version, v.version_number, v.changelog, v.content ->> 'system_prompt' as prompt, app_public.resource_versions_is_latest(v) as latest
           from app_public.agents a, app_public.agents_versions(a) as v where a.id = $1`,
        [agent],
      )
      expect(versions).toEqual([
        { version: '2.0.0', version_number: 4, changelog: null, prompt: 'Be kind and brief.', latest: true },
        { version: '2.0.0-beta.2', version_number: 3, changelog: null, prompt: 'Be kind.', latest: false },
        { version: '1.0.1', version_number: 2, changelog: 'Better.', prompt: 'Be exact.', latest: false },
        { version: '1.0.0', version_number: 1, changelog: 'First.', prompt: 'Be brief.', latest: false },
      ])
    }),
  )

  const state = `select version, changelog, published_at is not null as published, is_latest_version as latest, previous_version_id is not null as has_previous from app_public.agents where id = $1`

  it(
    'is told of by the agent: its version, its changelog, when, and the version before',
    asAdmin(async (t, agent) => {
      await t.value(publish, [agent, 'One.', null])
      await edit(t, agent, 'Other.')
      await t.value(publish, [agent, 'Two.', null])
      expect(await t.query(state, [agent])).toEqual([
        { version: '1.0.1', changelog: 'Two.', published: true, latest: true, has_previous: true },
      ])
    }),
  )

  it(
    'is no longer the agent’s state when its content is edited',
    asAdmin(async (t, agent) => {
      await t.value(publish, [agent, 'One.', null])
      await edit(t, agent, 'Other.')
      expect(await t.query(state, [agent])).toEqual([
        { version: '1.0.0', changelog: 'One.', published: true, latest: false, has_previous: false },
      ])
    }),
  )

  it(
    'is still the agent’s state when its status or place is changed',
    asAdmin(async (t, agent) => {
      await t.value(publish, [agent, 'Two.', null])
      await t.query(`update app_public.agents set status = 'active', sort_order = 3 where id = $1`, [agent])
      expect(await t.query(state, [agent])).toMatchObject([{ latest: true }])
    }),
  )

  it(
    'refuses what is no progress: the same content, a version that is not higher, one that is none',
    asAdmin(async (t, agent) => {
      await t.value(publish, [agent, null, '1.10.0'])
      expect(await t.errorCode(publish, [agent, null, null])).toBe('RS551')
      await edit(t, agent, 'Other.')
      for (const version of ['1.9.0', '1.10.0', '1.10.0-rc.1', 'new', '2', '1.11', '']) {
        expect([version, await t.errorCode(publish, [agent, null, version])]).toEqual([version, 'RS451'])
      }
      expect(await t.errorCode(publish, [agent, 'x'.repeat(10_001), null])).toBe('23514')
    }),
  )

  it('is for admins, in the own tenant, and for agents that are there', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const agent = await createAgent(t)
      expect(await t.errorCode(publish, [agent, null, null])).toBe('ID203')
      expect(await t.errorCode(rollback, [agent, '1.0.0'])).toBe('ID203')
      await t.become(db.globex.owner)
      expect(await t.errorCode(publish, [agent, null, null])).toBe('RS301')
      await t.become(db.acme.owner)
      await t.query(`select app_public.delete_agent($1)`, [agent])
      expect(await t.errorCode(publish, [agent, null, null])).toBe('RS301')
    }))

  it(
    'is the only way to set the version',
    asAdmin(async (t, agent) => {
      for (const column of ['version', 'changelog', 'published_at', 'is_latest_version'])
        expect(await t.errorCode(`update app_public.agents set ${column} = null where id = $1`, [agent])).toBe('42501')
    }),
  )
})

describe('rolling back', () => {
  /** An agent that was published with a tool, and then renamed and published without it. */
  const published = async (t: Transaction, agent: string): Promise<string> => {
    const tool = await t.value<string>(
      `insert into app_public.tools (name, tool_type) values ('t', 'function') returning id`,
    )
    await t.query(`insert into app_public.agent_tools (agent_id, tool_id) values ($1, $2)`, [agent, tool])
    await t.value(publish, [agent, null, null])
    await t.query(`delete from app_public.agent_tools where agent_id = $1`, [agent])
    await t.query(
      `update app_public.agents set system_prompt = 'Worse.', name = 'renamed', status = 'active' where id = $1`,
      [agent],
    )
    await t.value(publish, [agent, null, null])
    return tool
  }

  it(
    'makes a new version that names the old one',
    asAdmin(async (t, agent) => {
      await published(t, agent)
      expect(await t.value(rollback, [agent, '1.0.0'])).toBe('1.0.2')
      expect(
        await t.query(
          `select rolled_back_to, changelog from app_public.resource_versions where resource_id = $1 and version = '1.0.2'`,
          [agent],
        ),
      ).toEqual([{ rolled_back_to: '1.0.0', changelog: 'Back to 1.0.0' }])
    }),
  )

  it(
    'brings the content and tools back, and leaves name and status',
    asAdmin(async (t, agent) => {
      const tool = await published(t, agent)
      await t.value(rollback, [agent, '1.0.0'])
      expect(
        await t.query(
          `select name, status, system_prompt, tool_ids, is_latest_version from app_public.agents where id = $1`,
          [agent],
        ),
      ).toEqual([
        { name: 'renamed', status: 'active', system_prompt: 'Be brief.', tool_ids: [tool], is_latest_version: true },
      ])
    }),
  )

  it(
    'does not lose unpublished changes unless told to',
    asAdmin(async (t, agent) => {
      await t.value(publish, [agent, null, null])
      await edit(t, agent, 'Second.')
      await t.value(publish, [agent, null, null])
      await edit(t, agent, 'Not published.')
      expect(await t.errorCode(rollback, [agent, '1.0.0'])).toBe('RS552')
      expect(
        await t.value(`select version from app_public.rollback_agent($1, '1.0.0', discard_changes => true)`, [agent]),
      ).toBe('1.0.2')
    }),
  )

  it(
    'says when there is no such version, when nothing would change, and when a reference leads nowhere',
    asAdmin(async (t, agent) => {
      const tool = await t.value(`insert into app_public.tools (name, tool_type) values ('t', 'function') returning id`)
      await t.query(`insert into app_public.agent_tools (agent_id, tool_id) values ($1, $2)`, [agent, tool])
      await t.value(publish, [agent, null, null])
      expect(await t.errorCode(rollback, [agent, '9.0.0'])).toBe('RS352')
      expect(await t.errorCode(rollback, [agent, '1.0.0'])).toBe('RS551')
      await t.becomeSuperuser()
      await t.query(`delete from app_public.tools where id = $1`, [tool])
      await t.become(db.acme.admin)
      await t.value(publish, [agent, null, null])
      expect(await t.errorCode(rollback, [agent, '1.0.0'])).toBe('RS301')
      expect(await t.value(`select version from app_public.agents where id = $1`, [agent])).toBe('1.0.1')

      await t.becomeSuperuser()
      const model = await t.value(
        `insert into app_public.llm_models (provider_id, name, kind, provider_model_name)
         select id, 'short-lived', 'chat', 'short-lived' from app_public.llm_providers limit 1 returning id`,
      )
      await t.query(`update app_public.agents set model_id = $2 where id = $1`, [agent, model])
      await t.become(db.acme.admin)
      await t.value(publish, [agent, null, '2.0.0'])
      await t.query(`update app_public.agents set model_id = null where id = $1`, [agent])
      await t.value(publish, [agent, null, '3.0.0'])
      await t.becomeSuperuser()
      await t.query(`delete from app_public.llm_models where id = $1`, [model])
      await t.become(db.acme.admin)
      expect(await t.errorCode(rollback, [agent, '2.0.0'])).toBe('RS553')
    }),
  )
})

describe('prompts and workflows', () => {
  it('have versions in the same way', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const prompt = await t.value(
        `insert into app_public.prompts (name, prompt_text) values ('p', 'One.') returning id`,
      )
      const definition = (id: string): string => JSON.stringify({ nodes: [{ id, type: 'human' }], edges: [] })
      const workflow = await t.value(
        `insert into app_public.workflows (name, workflow_definition) values ('w', $1) returning id`,
        [definition('a')],
      )
      await t.query(`select app_public.publish_prompt($1), app_public.publish_workflow($2)`, [prompt, workflow])
      await t.query(`update app_public.prompts set prompt_text = 'Two.' where id = $1`, [prompt])
      await t.query(`update app_public.workflows set workflow_definition = $2 where id = $1`, [
        workflow,
        definition('b'),
      ])
      await t.query(`select app_public.publish_prompt($1), app_public.publish_workflow($2)`, [prompt, workflow])
      await t.query(`select app_public.rollback_prompt($1, '1.0.0'), app_public.rollback_workflow($2, '1.0.0')`, [
        prompt,
        workflow,
      ])
      expect(await t.query(`select version, prompt_text from app_public.prompts where id = $1`, [prompt])).toEqual([
        { version: '1.0.2', prompt_text: 'One.' },
      ])
      expect(
        await t.value(`select workflow_definition #>> '{nodes,0,id}' from app_public.workflows where id = $1`, [
          workflow,
        ]),
      ).toBe('a')
    }))
})

describe('the difference of two versions', () => {
  it(
    'is an object of JSON pointers, also against what was not published yet',
    asAdmin(async (t, agent) => {
      await t.query(`update app_public.agents set knowledge_domains = '{"a/b": ["x"], "c": ["y"]}' where id = $1`, [
        agent,
      ])
      await t.value(publish, [agent, null, null])
      await t.query(
        `update app_public.agents set knowledge_domains = '{"a/b": ["x", "z"], "d": []}', temperature = 0.5 where id = $1`,
        [agent],
      )
      const changes = (from: string, to: string | null): Promise<unknown> =>
        t.query(`select * from app_public.compare_versions('agent', $1, $2, $3) order by path`, [agent, from, to])
      const expected = [
        { path: '/knowledge_domains/a~1b', from_value: ['x'], to_value: ['x', 'z'] },
        { path: '/knowledge_domains/c', from_value: ['y'], to_value: null },
        { path: '/knowledge_domains/d', from_value: null, to_value: [] },
        { path: '/temperature', from_value: null, to_value: 0.5 },
      ]
      expect(await changes('1.0.0', null)).toEqual(expected)
      await t.value(publish, [agent, null, null])
      expect(await changes('1.0.0', '1.0.1')).toEqual(expected)
      expect(await changes('1.0.1', null)).toEqual([])
    }),
  )

  it(
    'is for members of the tenant, of versions that are there',
    asAdmin(async (t, agent) => {
      await t.value(publish, [agent, null, null])
      const changes = `select app_public.compare_versions('agent', $1, $2)`
      expect(await t.errorCode(changes, [agent, '3.0.0'])).toBe('RS352')
      expect(await t.errorCode(changes, [crypto.randomUUID(), '1.0.0'])).toBe('RS352')
      expect(await t.errorCode(`select app_public.compare_versions('tool', $1, $2)`, [agent, '1.0.0'])).toBe('RS352')
      await t.become(db.acme.viewer)
      expect(await t.errorCode(changes, [agent, '1.0.0'])).toBeUndefined()
      await t.become(db.globex.owner)
      expect(await t.errorCode(changes, [agent, '1.0.0'])).toBe('RS352')
    }),
  )
})

describe('a published version', () => {
  it(
    'is changed and deleted by nobody, not even the owner of the table or a superuser',
    asAdmin(async (t, agent) => {
      await t.value(publish, [agent, null, null])
      for (const role of ['rowhouse_owner', 'none']) {
        await t.becomeRole(role, db.acme.id)
        expect(await t.errorCode(`update app_public.resource_versions set content = '{}'`)).toBe('RS951')
        expect(await t.errorCode(`delete from app_public.resource_versions`)).toBe('RS951')
      }
    }),
  )

  it('goes with its tenant', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      await t.value(publish, [await createAgent(t), null, null])
      await t.becomeSuperuser()
      await t.query(`select tenancy.delete_tenant('acme')`)
      expect(
        await t.value(`select count(*)::int from app_public.resource_versions where tenant_id = $1`, [db.acme.id]),
      ).toBe(0)
    }))

  it('has every column that is not named as no part of it, so a new one is not forgotten', async () => {
    const { rows } = await db.pool.query<{ columns: string[] }>(`
      select array_agg(attrelid::regclass || '.' || attname order by 1) as columns
        from pg_attribute
       where attrelid in ('app_public.agents'::regclass, 'app_public.prompts'::regclass, 'app_public.workflows'::regclass)
         and attnum > 0 and not attisdropped and attname <> all (catalog.unversioned_columns())
         and attname ~ '(_id|_at|_count|_ms|_rate|rating|^is_|score)$'`)
    // whoever adds a column that looks like state decides here
    expect(rows[0]?.columns?.sort()).toEqual(['app_public.agents.model_id'])
  })
})

it('semantic versions are ordered as semver.org has it', async () => {
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
  ]
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(ordered, { minLength: 2 }), async (versions) => {
      const { rows } = await db.pool.query<{ sorted: string[] }>(
        `select array_agg(v order by catalog.semantic_version_key(v) collate "C") as sorted from unnest($1::text[]) as v`,
        [versions],
      )
      expect(rows[0]?.sorted).toEqual([...versions].sort((a, b) => ordered.indexOf(a) - ordered.indexOf(b)))
    }),
    { numRuns: 30, seed: 7 },
  )
})

describe('over GraphQL', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(db.url)
  })
  afterAll(() => server?.close())
  const ask = async (query: string) => {
    const { data, errors } = await server.ask('admin@acme.test', query)
    expect(errors).toBeUndefined()
    return data as Record<string, never>
  }

  it('an agent is published, edited, compared and rolled back', async () => {
    const made: { createAgent: { agent: { id: string } } } = (await ask(
      'mutation { createAgent(input: { agent: { name: "versioned", systemPrompt: "One." } }) { agent { id } } }',
    )) as never
    const { id } = made.createAgent.agent
    await ask(`mutation { publishAgent(input: { id: "${id}", changelog: "First." }) { resourceVersion { version } } }`)
    await ask(
      `mutation { updateAgent(input: { id: "${id}", patch: { systemPrompt: "Two." } }) { agent { isLatestVersion } } }`,
    )
    expect(
      await ask(
        `{ compareVersions(resourceKind: agent, resourceId: "${id}", fromVersion: "1.0.0") { nodes { path fromValue toValue } } }`,
      ),
    ).toEqual({
      compareVersions: { nodes: [{ path: '/system_prompt', fromValue: 'One.', toValue: 'Two.' }] },
    })
    const rollBack = `mutation { rollbackAgent(input: { id: "${id}", version: "1.0.0", discardChanges: true }) { resourceVersion { version } } }`
    // what the latest version says already is no rollback: it is published first, then taken back
    expect((await server.ask('admin@acme.test', rollBack)).errors?.[0]?.extensions.code).toBe('RS551')
    await ask(`mutation { publishAgent(input: { id: "${id}", version: "1.1.0" }) { resourceVersion { version } } }`)
    expect(await ask(rollBack)).toMatchObject({ rollbackAgent: { resourceVersion: { version: '1.1.1' } } })
    expect(await ask(`{ agent(id: "${id}") { versions { nodes { version changelog isLatest } } } }`)).toMatchObject({
      agent: {
        versions: {
          nodes: [
            { version: '1.1.1', isLatest: true, changelog: 'Back to 1.0.0' },
            { version: '1.1.0', isLatest: false },
            { version: '1.0.0', isLatest: false, changelog: 'First.' },
          ],
        },
      },
    })
  })
})

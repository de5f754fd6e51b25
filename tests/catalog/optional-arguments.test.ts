// Every function of the API of the catalogue and of observability, with each optional argument left out and with each given
// as null: it succeeds, or it fails with an error of the registry. An error of PostgreSQL's own would say nothing to a user.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { create, kindNames } from './helpers.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../..')

type ApiFunction = { name: string; required: string[]; optional: string[] }

/** The functions of app_public that the files of these domains define; computed columns, whose row is given, are left out. */
async function apiFunctions(t: Transaction): Promise<ApiFunction[]> {
  const names = new Set<string>()
  for (const folder of ['sql/05_catalog', 'sql/11_observability'])
    for (const file of await readdir(join(root, folder), { recursive: true }))
      if (file.endsWith('.sql'))
        for (const [, name = ''] of (await readFile(join(root, folder, file), 'utf8')).matchAll(
          /create or replace function app_public\.([\w%$]+)\(/g,
        ))
          for (const kind of name.includes('%') ? kindNames : ['']) names.add(name.replace(/%1\$s|%s/, kind))
  return t.query<ApiFunction>(
    `select p.proname as name, coalesce(a.names[:p.pronargs - p.pronargdefaults], '{}') as required,
            coalesce(a.names[p.pronargs - p.pronargdefaults + 1:p.pronargs], '{}') as optional
       from pg_proc p
      cross join lateral (select p.proargnames as names) a
      where p.pronamespace = 'app_public'::regnamespace and p.proname = any ($1)
        and (p.pronargs = 0 or not exists (select from pg_type where oid = p.proargtypes[0] and typtype = 'c'))
      order by 1`,
    [[...names]],
  )
}

/** What a member would give: an agent of the tenant, and values that fit. */
const given = (agent: string): Record<string, unknown> => ({
  kind: 'agent',
  item_type: 'agent',
  resource_kind: 'agent',
  id: agent,
  item_id: agent,
  agent_id: agent,
  alert_id: agent,
  report_id: agent,
  run_id: agent,
  format: 'csv',
  url: 'https://hooks.slack.com/services/x',
  until: '2099-01-01',
  resource_id: agent,
  prompt_id: agent,
  rating_id: agent,
  share_id: agent,
  agent_ids: [],
  tool_ids: [],
  metrics: [],
  executions: [],
  events: [],
  tenant_slug: 'globex',
  mode: 'private',
  rating: 5,
  version: '1.0.0',
  from_version: '1.0.0',
  folder: 'Work',
  name: 'mv_popular_agents',
})

it('every function takes each of its optional arguments left out, and as null', () =>
  db.inTransaction(async (t) => {
    const functions = await apiFunctions(t)
    expect(functions.length).toBeGreaterThan(35)
    const registry = await readFile(join(root, 'docs/error-codes.md'), 'utf8')
    const known = new Set([...registry.matchAll(/^\| `([A-Z]{2}\d{3})` \|/gm)].map(([, code]) => code))
    const agent = await create(t, db.acme.owner, 'agent')
    const values = given(agent)
    const unexpected: string[] = []
    const attempt = async (name: string, args: [string, unknown][]): Promise<void> => {
      const text = `select * from app_public.${name}(${args.map(([arg], i) => `"${arg}" => $${i + 1}`).join(', ')})`
      const code = await t.errorCode(
        text,
        args.map(([, value]) => value),
      )
      if (code && !known.has(code)) unexpected.push(`${name}(${args.map(([arg, v]) => `${arg}: ${v}`)}): ${code}`)
    }
    for (const { name, required, optional } of functions) {
      expect(required.filter((arg) => !(arg in values))).toEqual([])
      const needed = required.map((arg): [string, unknown] => [arg, values[arg]])
      await attempt(name, needed)
      await attempt(name, [...needed, ...optional.map((arg): [string, unknown] => [arg, null])])
      for (const arg of optional) await attempt(name, [...needed, [arg, null]])
    }
    expect(unexpected).toEqual([])
  }))

it('a list of nothing leaves the order of your agents as it is, and null is such a list', () =>
  db.inTransaction(async (t) => {
    const agent = await create(t, db.acme.owner, 'agent')
    await t.query(`insert into app_public.user_agents (agent_id) values ($1)`, [agent])
    for (const ids of [null, []])
      expect(await t.query(`select agent_id from app_public.order_my_agents($1)`, [ids])).toEqual([{ agent_id: agent }])
  }))

it('a kind or an id that is null is a resource that does not exist', () =>
  db.inTransaction(async (t) => {
    const agent = await create(t, db.acme.owner, 'agent', { status: 'active' })
    for (const [kind, id] of [
      [null, agent],
      ['agent', null],
      [null, null],
    ]) {
      expect(await t.errorCode(`select app_public.add_favorite($1, $2)`, [kind, id])).toBe('RS301')
      expect(await t.errorCode(`select app_public.rate_resource($1, $2, 5)`, [kind, id])).toBe('RS301')
      expect(await t.errorCode(`select app_public.set_sharing_mode($1, $2, 'private')`, [kind, id])).toBe('RS301')
    }
    expect(await t.errorCode(`select app_public.set_sharing_mode('agent', $1, null)`, [agent])).toBe('RS464')
  }))

it('a limit, a skip and a kind of a search that are null are as if they were left out', () =>
  db.inTransaction(async (t) => {
    for (let i = 0; i < 21; i++) await create(t, db.acme.owner, 'agent')
    const hits = (args: string): Promise<unknown> =>
      t.value(`select cardinality((app_public.search_catalog(${args})).hits)`)
    const all = await hits('')
    expect(all).toBe(20)
    expect(await hits('null, null, null, null')).toBe(all)
    expect(await hits(`filter => jsonb_populate_record(null::app_public.catalog_filter, '{"kinds": [null]}')`)).toBe(
      all,
    )
  }))

it('a prompt or a workflow without its required JSON is refused by its own rule', () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    expect(
      await t.errorCode(`insert into app_public.prompts (name, prompt_text, input_variables) values ('p', 'x', null)`),
    ).toBe('23502')
    const nodes = '{"nodes": [{"id": "a", "type": "human"}], "edges": []}'
    const insert = `insert into app_public.workflows (name, workflow_definition, steps) values ('w', $1, $2)`
    expect(await t.errorCode(insert, [nodes, null])).toBe('23502')
    expect(await t.errorCode(insert, [null, '[]'])).toBe('RS432')
  }))

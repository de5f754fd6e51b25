// Two real clients at once in the catalogue: trees stay trees, lists lose nothing, a name belongs to one.

import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { codeOf, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, untilBlocked } = useSessions(db)
const insert = async (table: string, columns: Record<string, unknown>): Promise<string> => {
  const client = await session(db.acme.admin)
  const names = Object.keys(columns)
  const { rows } = await client.query(
    `insert into app_public.${table} (${names}) values (${names.map((_, i) => `$${i + 1}`)}) returning id`,
    Object.values(columns),
  )
  return rows[0].id
}

describe('two categories that are put below each other at once', () => {
  const move = 'update app_public.tool_categories set parent_id = $1 where id = $2'
  const category = () => insert('tool_categories', { name: 'x', slug: crypto.randomUUID() })

  it.for(['read committed', 'repeatable read'])('do not close a circle: %s', async (isolation, context) => {
    needsServer(context)
    const [a, b] = [await category(), await category()]
    const [first, second] = [await session(db.acme.admin), await session(db.acme.admin)]
    for (const client of [first, second]) {
      await client.query(`begin isolation level ${isolation}`)
      await client.query('select 1 from app_public.tool_categories')
    }
    await first.query(move, [b, a])
    const late = codeOf(second.query(move, [a, b]))
    await untilBlocked(second)
    await first.query('commit')
    expect(await late).toBe(isolation === 'read committed' ? 'RS435' : '40001')
    await second.query('rollback')
  })

  it('nor three in a ring, nor in any other order of eight clients', async (context) => {
    needsServer(context)
    const ids = await Promise.all(Array.from({ length: 8 }, category))
    const clients = await Promise.all(ids.map(() => session(db.acme.admin)))
    const codes = await Promise.all(
      clients.map((client, i) => codeOf(client.query(move, [ids[(i + 1) % ids.length], ids[i]]))),
    )
    expect(codes.filter((code) => code === 'RS435')).toHaveLength(1)
    expect(codes.filter((code) => code === undefined)).toHaveLength(7)
  })
})

describe('tools given to one agent by many at once', () => {
  it('are all in tool_ids', async (context) => {
    needsServer(context)
    const agent = await insert('agents', { name: crypto.randomUUID() })
    const tools = await Promise.all(
      Array.from({ length: 8 }, () => insert('tools', { name: crypto.randomUUID(), tool_type: 'function' })),
    )
    await Promise.all(
      tools.map(async (tool) =>
        (await session(db.acme.admin)).query('insert into app_public.agent_tools (agent_id, tool_id) values ($1, $2)', [
          agent,
          tool,
        ]),
      ),
    )
    const { rows } = await db.pool.query('select tool_ids from app_public.agents where id = $1', [agent])
    expect(rows[0].tool_ids).toEqual([...tools].sort())
  })

  it('as two whole lists are one of the two', async (context) => {
    needsServer(context)
    const agent = await insert('agents', { name: crypto.randomUUID() })
    const lists: string[][] = [[], []]
    for (const list of lists)
      for (let i = 0; i < 2; i += 1)
        list.push(await insert('tools', { name: crypto.randomUUID(), tool_type: 'function' }))
    const set = 'select app_public.set_agent_tools($1, $2)'
    const [first, second] = [await session(db.acme.admin), await session(db.acme.admin)]
    await first.query('begin')
    await first.query(set, [agent, lists[0]])
    const late = second.query(set, [agent, lists[1]])
    await untilBlocked(second)
    await first.query('commit')
    await late
    const { rows } = await db.pool.query('select tool_ids from app_public.agents where id = $1', [agent])
    expect(rows[0].tool_ids).toEqual(lists[1])
  })
})

describe('a name that one restores and another takes at once', () => {
  it('belongs to the first', async (context) => {
    needsServer(context)
    const name = crypto.randomUUID()
    const id = await insert('prompts', { name, prompt_text: 'x' })
    const [first, second] = [await session(db.acme.admin), await session(db.acme.admin)]
    await first.query('select app_public.delete_prompt($1)', [id])
    await first.query('begin')
    await first.query('insert into app_public.prompts (name, prompt_text) values ($1, $2)', [name, 'y'])
    const late = codeOf(second.query('select app_public.restore_prompt($1)', [id]))
    await untilBlocked(second)
    await first.query('commit')
    expect(await late).toBe('RS520')
  })

  it('and a deletion of the same thing by two happens once', async (context) => {
    needsServer(context)
    const id = await insert('tools', { name: crypto.randomUUID(), tool_type: 'function' })
    const clients = await Promise.all(Array.from({ length: 6 }, () => session(db.acme.admin)))
    const codes = await Promise.all(
      clients.map((client) => codeOf(client.query('select app_public.delete_tool($1)', [id]))),
    )
    expect(codes.sort()).toEqual([...Array(5).fill('RS301'), undefined])
  })
})

describe('two workers that write down how far sources are', () => {
  it('lose no change that is committed meanwhile', async (context) => {
    needsServer(context)
    const source = await insert('rag_knowledge_sources', { name: crypto.randomUUID() })
    const create = (client: pg.Client, id: string) =>
      client.query('select app_public.create_documents($1, knowledge.new_documents($2))', [
        source,
        JSON.stringify([{ externalId: id, text: id }]),
      ])
    const [writer, worker] = [await session(db.acme.admin), await session(db.acme.admin)]
    await worker.query(`select set_config('role', 'rowhouse_worker', false)`)
    await create(writer, 'a')
    await worker.query('begin')
    await worker.query('select knowledge.refresh_sources()')
    await create(writer, 'b')
    await worker.query('commit')
    const { rows } = await worker.query('select knowledge.refresh_sources() as count')
    expect(rows).toEqual([{ count: 1 }])
  })
})

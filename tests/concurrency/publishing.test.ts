// Publications of one agent by several clients: each waits for the one before, none is lost, one is the latest.

import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

async function asAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: db.url })
  await client.connect()
  try {
    await client.query(
      `select set_config('role', 'rowhouse_user', false), set_config('rowhouse.tenant_id', $1, false), set_config('rowhouse.user_id', $2, false)`,
      [db.acme.id, db.acme.admin.userId],
    )
    return await work(client)
  } finally {
    await client.end()
  }
}

const createAgent = (): Promise<string> =>
  asAdmin(async (client) => {
    const { rows } = await client.query(`insert into app_public.agents (name) values ($1) returning id`, [
      crypto.randomUUID(),
    ])
    return rows[0].id as string
  })

describe('several clients publish the same agent', () => {
  it('ten that each change it first make ten versions, numbered without a gap, one of them the latest', async (context) => {
    needsServer(context)
    const agent = await createAgent()
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        asAdmin(async (client) => {
          await client.query('begin')
          await client.query(`update app_public.agents set description = $2 where id = $1`, [agent, `change ${i}`])
          await client.query(`select app_public.publish_agent($1)`, [agent])
          await client.query('commit')
        }),
      ),
    )
    const { rows } = await db.pool.query(
      `select array_agg(v.version_number order by v.version_number) as numbers,
              count(*) filter (where app_public.resource_versions_is_latest(v))::int as latest,
              count(distinct v.content ->> 'description')::int as contents
         from app_public.resource_versions v where v.resource_id = $1`,
      [agent],
    )
    expect(rows).toEqual([{ numbers: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], latest: 1, contents: 10 }])
  })

  it('ten that publish the same content make one version; the others are told that nothing has changed', async (context) => {
    needsServer(context)
    const agent = await createAgent()
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () =>
        asAdmin((client) =>
          client.query(`select app_public.publish_agent($1)`, [agent]).then(
            () => 'published',
            (error: pg.DatabaseError) => error.code,
          ),
        ),
      ),
    )
    expect(outcomes.sort()).toEqual([...Array(9).fill('RS551'), 'published'])
  })
})

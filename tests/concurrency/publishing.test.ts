// Publications of one agent by several clients: each waits for the one before, none is lost, one is the latest.

import { describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { outcomesOf, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, sessions } = useSessions(db)

async function createAgent(): Promise<string> {
  const admin = await session(db.acme.admin)
  const { rows } = await admin.query('insert into app_public.agents (name) values ($1) returning id', [
    crypto.randomUUID(),
  ])
  return rows[0].id
}

describe('several clients publish the same agent', () => {
  it('ten that each change it first make ten versions, numbered without a gap, one of them the latest', async (context) => {
    needsServer(context)
    const agent = await createAgent()
    const clients = await sessions(10, db.acme.admin)
    await Promise.all(
      clients.map(async (client, i) => {
        await client.query('begin')
        await client.query(`update app_public.agents set description = $2 where id = $1`, [agent, `change ${i}`])
        await client.query(`select app_public.publish_agent($1)`, [agent])
        await client.query('commit')
      }),
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

  it('ten that publish the same content make one version', async (context) => {
    needsServer(context)
    const agent = await createAgent()
    const clients = await sessions(10, db.acme.admin)
    const publishing = clients.map((client) => client.query('select app_public.publish_agent($1)', [agent]))
    expect(await outcomesOf(publishing)).toEqual({ done: 1, RS551: 9 })
  })
})

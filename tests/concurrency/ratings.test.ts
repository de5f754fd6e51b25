// Many people rate one agent at the same time: its mean and number are exact.

import pg from 'pg'
import { expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

it('twenty ratings at once are all counted, and each vote once', async (context) => {
  needsServer(context)
  const agent = (
    await db.pool.query(`insert into app_public.agents (tenant_id, name) values ($1, 'rated') returning id`, [
      db.acme.id,
    ])
  ).rows[0].id
  const people: string[] = (
    await db.pool.query(
      `with people as (insert into app_public.user_profiles (email) select 'rater' || i || '@acme.test' from generate_series(1, 20) i returning id),
            members as (insert into app_public.user_tenants (tenant_id, user_id) select $1, id from people returning user_id)
       select array_agg(user_id) as ids from members`,
      [db.acme.id],
    )
  ).rows[0].ids
  const as = async (userId: string, text: string, values: unknown[]): Promise<unknown> => {
    const client = new pg.Client({ connectionString: db.url })
    await client.connect()
    try {
      await client.query(
        `select set_config('role', 'rowhouse_user', false), set_config('rowhouse.tenant_id', $1, false), set_config('rowhouse.user_id', $2, false)`,
        [db.acme.id, userId],
      )
      return Object.values((await client.query(text, values)).rows[0])[0]
    } finally {
      await client.end()
    }
  }
  const ratings = await Promise.all(
    people.map((person, i) =>
      as(person, `select (app_public.rate_resource('agent', $1, $2)).id`, [agent, (i % 5) + 1]),
    ),
  )
  const { rows } = await db.pool.query(`select rating, feedback_count from app_public.agents where id = $1`, [agent])
  expect(rows).toEqual([{ rating: '3.00', feedback_count: 20 }])

  // everyone but its author finds the first rating helpful, each twice at once
  await Promise.all(
    [...people.slice(1), ...people.slice(1)].map((person) =>
      as(person, `select (app_public.vote_rating_helpful($1)).id`, [ratings[0]]),
    ),
  )
  const votes = await db.pool.query(`select helpful_count from app_public.user_ratings where id = $1`, [ratings[0]])
  expect(votes.rows).toEqual([{ helpful_count: 19 }])
})

// Many people rate one agent at the same time: its mean and number are exact.

import { beforeEach, describe, expect, it } from 'vitest'
import { needsServer, queries, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session } = useSessions(db)
const superuser = queries(() => db.pool)

describe('one agent, twenty people', () => {
  let agent: string
  let people: string[]
  beforeEach(async (context) => {
    needsServer(context)
    agent = await superuser.value(
      `insert into app_public.agents (tenant_id, name) values ($1, gen_random_uuid()::text) returning id`,
      [db.acme.id],
    )
    people = await superuser.value(
      `with people as (insert into app_public.user_profiles (email) select gen_random_uuid() || '@acme.test' from generate_series(1, 20) returning id),
            members as (insert into app_public.user_tenants (tenant_id, user_id) select $1, id from people returning user_id)
       select array_agg(user_id) from members`,
      [db.acme.id],
    )
  })

  async function as<T>(userId: string, text: string, values: unknown[]): Promise<T> {
    const person = await session({ tenantId: db.acme.id, userId })
    return queries(() => person).value<T>(text, values)
  }
  const rateAs = (userId: string, stars: number): Promise<string> =>
    as(userId, `select (app_public.rate_resource('agent', $1, $2)).id`, [agent, stars])

  it('whose ratings at once are all counted', async () => {
    await Promise.all(people.map((person, i) => rateAs(person, (i % 5) + 1)))
    const rows = await superuser.query(`select rating, feedback_count from app_public.agents where id = $1`, [agent])
    expect(rows).toEqual([{ rating: '3.00', feedback_count: 20 }])
  })

  it('of whom all but the author find a rating helpful, twice at once, and each is counted once', async () => {
    const [author, ...others] = people as [string, ...string[]]
    const rating = await rateAs(author, 3)
    await Promise.all(
      [...others, ...others].map((person) => as(person, `select (app_public.vote_rating_helpful($1)).id`, [rating])),
    )
    const votes = await superuser.query(`select helpful_count from app_public.user_ratings where id = $1`, [rating])
    expect(votes).toEqual([{ helpful_count: 19 }])
  })
})

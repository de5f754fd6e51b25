// Many clients at once: of one key, and of one thing in other words, there is one memory.

import { expect, it } from 'vitest'
import { needsServer, queries, useDatabase } from '../helpers/index.ts'
import { outcomesOf, useSessions } from '../helpers/sessions.ts'
import { type Given, rememberStatement } from './helpers.ts'

const db = useDatabase()
const superuser = queries(() => db.pool)
const { session, sessions } = useSessions(db)

const given = (memory: Given) => [JSON.stringify([memory]), null, null]
async function consenting() {
  const person = db.acme.member
  await (await session(person)).query(`select app_public.give_consent('memory', 'v1')`)
  await superuser.query('delete from app_public.user_memory')
  return sessions(20, person)
}
const versions = () =>
  superuser.query<{ memory_key: string; count: number; latest: number; said: number }>(
    `select memory_key, count(*)::int as count, (count(*) filter (where is_valid))::int as latest, sum(confirmation_count)::int as said
       from app_public.user_memory group by 1 order by 1`,
  )

it('twenty who say the same of one key confirm one memory', async (context) => {
  needsServer(context)
  const clients = await consenting()
  const said = clients.map((client) =>
    client.query(rememberStatement, given({ memory_key: 'city', memory_value: 'Basel' })),
  )
  expect(await outcomesOf(said)).toEqual({ done: 20 })
  expect(await versions()).toEqual([{ memory_key: 'city', count: 1, latest: 1, said: 20 }])
})

it('twenty who say it in other words confirm one memory', async (context) => {
  needsServer(context)
  const clients = await consenting()
  const words = ['The user likes green tea', 'I really like green teas', 'user likes GREEN tea', 'I like green tea!']
  await outcomesOf(
    clients.map((client, n) => client.query(rememberStatement, given({ content: words[n % 4] as string }))),
  )
  expect(await superuser.query('select confirmation_count from app_public.user_memory')).toEqual([
    { confirmation_count: 20 },
  ])
})

it('twenty who contradict each other leave one latest version, and times that do not overlap', async (context) => {
  needsServer(context)
  const clients = await consenting()
  await outcomesOf(
    clients.map((client, n) =>
      client.query(rememberStatement, given({ memory_key: 'city', memory_value: `city ${n}` })),
    ),
  )
  expect(await versions()).toEqual([{ memory_key: 'city', count: 20, latest: 1, said: 20 }])
  expect(
    await superuser.value(
      `select count(*)::int from app_public.user_memory a join app_public.user_memory b on a.id < b.id
        where a.retracted_at is null and b.retracted_at is null and tstzrange(a.valid_from, a.valid_to) && tstzrange(b.valid_from, b.valid_to)`,
    ),
  ).toBe(0)
})

it('a request that is sent twenty times at once is remembered once', async (context) => {
  needsServer(context)
  const clients = await consenting()
  const turn: Given = { memory_type: 'episode', content: 'Yes!', idempotency_key: `turn ${crypto.randomUUID()}` }
  await outcomesOf(clients.map((client) => client.query(rememberStatement, given(turn))))
  expect(await superuser.query('select confirmation_count from app_public.user_memory')).toEqual([
    { confirmation_count: 1 },
  ])
})

it('who remembers, forgets and counts at once neither waits in a circle nor miscounts', async (context) => {
  needsServer(context)
  const clients = await consenting()
  const workers = await sessions(2, 'rowhouse_worker')
  await superuser.query(
    `insert into memory.accesses (tenant_id, memory_ids, accessed_at)
    select $1, array(select id from app_public.user_memory), now() from generate_series(1, 5)`,
    [db.acme.id],
  )
  const outcomes = await outcomesOf([
    ...clients
      .slice(0, 10)
      .map((client, n) =>
        client.query(rememberStatement, [
          JSON.stringify(
            Array.from({ length: 20 }, (_, k) => ({ memory_key: `k${(k * 7 + n) % 20}`, memory_value: n })),
          ),
          null,
          null,
        ]),
      ),
    ...clients
      .slice(10, 15)
      .map((client) => client.query(`select app_public.forget(row(null, 'k3', null, null, null, null))`)),
    ...workers.map((client) => client.query('select memory.count_accesses($1)', [db.acme.id])),
  ])
  expect(outcomes).toEqual({ done: 17 })
  expect(
    await superuser.value('select memory_count - (select count(*) from app_public.user_memory) from memory.people'),
  ).toBe('0')
  expect((await versions()).every(({ latest }) => latest === 1)).toBe(true)
})
